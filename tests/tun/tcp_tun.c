/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/tcp beside a real kernel: a user of it on a TUN device, whose other end is a namespace's.
 *
 *     tcp_tun DEVICE LOCAL REMOTE PORT FIRST_LOCAL_PORT adopt|open PROFILE BYTES COUNT
 *
 * Each of COUNT connections, one after another, sends BYTES of a known stream, then FIN, and must
 * get the same bytes back, then a FIN. With `adopt` the SYN is sent apart from the stack, as a scan
 * does, again each second until answered. Prints a line of what the stack counted; exit 1 when a
 * connection came to anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/ipv4.h"
#include "base/time.h"
#include "probe/probe.h"
#include "tcp/tcp.h"

#define DEADLINE_NS (60 * NS_PER_SEC)

struct user {
	struct tcp *tcp;
	struct tcp_conn *conn;
	const struct probe_syn *syn;
	struct flow_tuple tuple;
	int tun;
	bool adopt, begun, done;
	uint64_t bytes, sent, received, syn_ns;
	uint32_t isn, mss;
	const char *fault;
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

static uint8_t
stream_byte(uint64_t offset)
{
	return (uint8_t)(hash_mix64(offset / 8) >> offset % 8 * 8);
}

static void
send_more(struct user *u)
{
	uint8_t bytes[1024];

	while (u->sent < u->bytes) {
		size_t n = u->bytes - u->sent < sizeof(bytes) ? u->bytes - u->sent : sizeof(bytes), taken;

		for (size_t i = 0; i < n; i++)
			bytes[i] = stream_byte(u->sent + i);
		taken = tcp_send(u->tcp, u->conn, bytes, n);
		u->sent += taken;
		if (taken < n)
			return;
	}
	tcp_shutdown(u->tcp, u->conn);
}

static void
on_open(void *context, struct tcp_conn *c, uint64_t user)
{
	struct user *u = context;

	(void)user;
	u->conn = c;
	u->mss = tcp_mss(c);
	send_more(u);
}

static size_t
on_data(void *context, struct tcp_conn *c, uint64_t user, const uint8_t *bytes, size_t len)
{
	struct user *u = context;

	(void)c;
	(void)user;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != stream_byte(u->received + i))
			u->fault = "not the bytes that were sent";
	}
	u->received += len;
	return len;
}

static void
on_nothing(void *context, struct tcp_conn *c, uint64_t user)
{
	(void)context;
	(void)c;
	(void)user;
}

static void
on_room(void *context, struct tcp_conn *c, uint64_t user)
{
	(void)c;
	(void)user;
	send_more(context);
}

static void
on_icmp(void *context, struct tcp_conn *c, uint64_t user, uint8_t type, uint8_t code)
{
	on_nothing(context, c, user);
	fprintf(stderr, "ICMP %u/%u\n", type, code);
}

static void
on_closed(void *context, uint64_t user, enum tcp_cause cause, enum tcp_stage stage)
{
	struct user *u = context;

	(void)user;
	u->done = true;
	if (cause != TCP_FINISHED || u->received != u->bytes) {
		fprintf(stderr, "ended by %s at %s, %lu of %lu bytes\n", tcp_cause_name(cause),
			tcp_stage_name(stage), u->received, u->bytes);
		u->fault = "not finished";
	}
}

static int
tun_open(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
		perror(name);
		exit(3);
	}
	return fd;
}

static void
packet_send(struct user *u, const uint8_t *packet, size_t len)
{
	if (write(u->tun, packet, len) < 0 && errno != EAGAIN)
		perror("write");
}

/* The scan's SYN. */
static void
syn_send(struct user *u, uint64_t now)
{
	uint8_t packet[80] = {0};
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	uint16_t len = (uint16_t)(sizeof(*tcp) + u->syn->options_len);

	u->syn_ns = now + NS_PER_SEC;
	store_be16(tcp->src_port, u->tuple.local_port);
	store_be16(tcp->dst_port, u->tuple.remote_port);
	store_be32(tcp->seq, u->isn);
	tcp->data_offset = (uint8_t)(len / 4 << 4);
	tcp->flags = TCP_SYN;
	store_be16(tcp->window, u->syn->window);
	memcpy(tcp + 1, u->syn->options, u->syn->options_len);
	wire_ipv4_build(ip, u->tuple.local, u->tuple.remote, IP_PROTO_TCP, (uint16_t)(sizeof(*ip) + len), 1, 64);
	wire_tcp_checksum_set(ip, tcp, len);
	packet_send(u, packet, sizeof(*ip) + len);
}

static void
begin(struct user *u, const struct tcp_synack *synack, uint64_t now)
{
	const struct tcp_begin b = {u->tuple, 0, now + DEADLINE_NS, 0};
	int ret = synack != NULL ? tcp_adopt(u->tcp, &b, synack, now, &u->conn) :
				   tcp_open(u->tcp, &b, u->isn, now, &u->conn);

	u->begun = true;
	if (ret != 0)
		u->fault = "cannot begin";
}

static void
take(struct user *u, const uint8_t *packet, size_t len, uint64_t now)
{
	const struct wire_tcp *tcp = (const struct wire_tcp *)(packet + sizeof(struct wire_ipv4));
	struct flow_packet p;
	struct tcp_synack s;

	if (tcp_icmp(u->tcp, packet, len, now) != -EINVAL ||
	    flow_packet_read(packet, len, IP_PROTO_TCP, &p) != 0)
		return;
	if (u->begun || (tcp->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK) ||
	    memcmp(&p.tuple, &u->tuple, sizeof(p.tuple)) != 0 || load_be32(tcp->ack) != u->isn + 1) {
		tcp_input(u->tcp, packet, len, now);
		return;
	}
	s = (struct tcp_synack){load_be32(tcp->seq), load_be32(tcp->ack), load_be16(tcp->window), {0}};
	wire_tcp_options_read((const uint8_t *)(tcp + 1), p.len - sizeof(*tcp), &s.options);
	begin(u, &s, now);
}

static void
turn(struct user *u)
{
	struct pollfd wait = {.fd = u->tun, .events = POLLIN};
	uint8_t packet[65536], frame[9300];
	struct tcp_frame out;
	uint64_t now = now_ns();
	ssize_t n;

	while ((n = read(u->tun, packet, sizeof(packet))) > 0)
		take(u, packet, (size_t)n, now);
	tcp_poll(u->tcp, now);
	if (u->adopt && !u->begun && now >= u->syn_ns)
		syn_send(u, now);
	while (tcp_output(u->tcp, now, frame, &out))
		packet_send(u, frame, out.len);
	poll(&wait, 1, 1);
}

static void
connection_run(struct user *u)
{
	uint64_t begun_ns = now_ns();

	u->begun = u->done = false;
	u->sent = u->received = u->syn_ns = 0;
	u->isn = tcp_isn(u->tcp, &u->tuple, begun_ns);
	if (!u->adopt)
		begin(u, NULL, begun_ns);
	while (!u->done && u->fault == NULL) {
		turn(u);
		if (now_ns() > begun_ns + 2 * DEADLINE_NS)
			u->fault = "no end";
	}
	for (int i = 0; i < 3; i++)
		turn(u); /* its last ACK */
}

static uint32_t
address_of(const char *text)
{
	uint32_t address;

	if (ipv4_parse(text, strlen(text), &address) != 0)
		exit(2);
	return address;
}

int
main(int argc, char **argv)
{
	static const struct wire_link link; /* a TUN device has none */
	struct user u = {0};
	struct tcp_config config = {
		.connections = 8, .send_blocks = 128, .recv_blocks = 1024, .send_max = 16384, .recv_max = 64240,
		.mtu = 1500, .ttl = 64, .retries = 6, .links = 1, .link = &link, .rto_ns = 200 * NS_PER_MS,
		.delayed_ack_ns = 40 * NS_PER_MS, .context = &u,
		.events = {on_open, on_data, on_nothing, on_room, on_icmp, on_closed},
	};
	const struct tcp_stats *s;
	int count;

	if (argc != 10)
		return 2;
	u.tun = tun_open(argv[1]);
	u.tuple = (struct flow_tuple){address_of(argv[2]), address_of(argv[3]), (uint16_t)atoi(argv[5]),
				      (uint16_t)atoi(argv[4])};
	u.adopt = strcmp(argv[6], "adopt") == 0;
	u.syn = probe_syn_of(strcmp(argv[7], "linux") == 0 ? PROBE_LINUX :
			     strcmp(argv[7], "mss") == 0   ? PROBE_MSS : PROBE_WINDOWS);
	u.bytes = (uint64_t)atoll(argv[8]);
	config.syn_window = u.syn->window;
	config.syn_options = u.syn->options;
	config.syn_options_len = u.syn->options_len;
	config.key[0] = now_ns();
	u.tcp = tcp_new(&config, now_ns());
	if (u.tcp == NULL)
		return 1;
	for (count = atoi(argv[9]); count > 0 && u.fault == NULL; count--, u.tuple.local_port++)
		connection_run(&u);
	s = tcp_stats(u.tcp);
	printf("mss=%u in=%lu data=%lu resent=%lu early=%lu left=%u\n", u.mss, s->segments_in,
	       s->segments_out[TCP_KIND_DATA], s->resent, s->early, tcp_use(u.tcp).connections);
	if (u.fault != NULL)
		fprintf(stderr, "%s\n", u.fault);
	tcp_free(u.tcp);
	return u.fault != NULL;
}
