/* SPDX-License-Identifier: BSD-3-Clause */
#include "replies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define BURST 32

enum what {
	SYNACK_WINDOWS, SYNACK_LINUX, RST, ERROR_SHORT, ERROR_LONG, AGAIN, FORGED, BAD_CHECKSUM,
	SEGMENT, UDP, IPV6, WHATS
};

static const struct {
	unsigned int of_100;
	enum classify_kind kind;
} mix[WHATS] = {
	[SYNACK_WINDOWS] = {35, CLASSIFY_SYNACK}, [SYNACK_LINUX] = {15, CLASSIFY_SYNACK},
	[RST] = {30, CLASSIFY_RST},               [ERROR_SHORT] = {7, CLASSIFY_ICMP},
	[ERROR_LONG] = {3, CLASSIFY_ICMP},        [AGAIN] = {2, CLASSIFY_SYNACK},
	[FORGED] = {3, CLASSIFY_BAD_COOKIE},      [BAD_CHECKSUM] = {1, CLASSIFY_BAD_CHECKSUM},
	[SEGMENT] = {2, CLASSIFY_TCP_OTHER},      [UDP] = {1, CLASSIFY_OTHER},
	[IPV6] = {1, CLASSIFY_NOT_OURS},
};

_Static_assert(sizeof(struct wire_ether) + 2 * sizeof(struct wire_ipv4) + sizeof(struct wire_icmp) +
			       28 <= REPLIES_FRAME_MAX, "the longest fits");

static const uint8_t windows_options[] = {2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2};
static const uint8_t linux_options[] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4,
					5, 6, 7, 8, 1, 3, 3, 7};

static enum what
what_is(uint64_t number)
{
	unsigned int at = (unsigned int)(hash_mix64(number) % 100), what = 0;

	while (at >= mix[what].of_100)
		at -= mix[what++].of_100;
	return (enum what)what;
}

/* A segment from the target of a SYN to where it came from. */
static uint16_t
tcp_build(const struct wire_ipv4 *sent, uint8_t flags, uint32_t ack, const uint8_t *options,
	  size_t options_len, uint8_t *packet)
{
	const struct wire_tcp *syn = (const struct wire_tcp *)(sent + 1);
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	uint16_t len = (uint16_t)(sizeof(*tcp) + options_len);

	wire_ipv4_build(ip, load_be32(sent->dst), load_be32(sent->src), IP_PROTO_TCP,
			(uint16_t)(sizeof(*ip) + len), (uint16_t)ack, 53);
	*tcp = (struct wire_tcp){.data_offset = (uint8_t)(len / 4 << 4), .flags = flags};
	store_be16(tcp->src_port, load_be16(syn->dst_port));
	store_be16(tcp->dst_port, load_be16(syn->src_port));
	store_be32(tcp->seq, (uint32_t)hash_mix64(ack));
	store_be32(tcp->ack, ack);
	store_be16(tcp->window, 64240);
	if (options_len > 0)
		memcpy(tcp + 1, options, options_len);
	wire_tcp_checksum_set(ip, tcp, len);
	return (uint16_t)(sizeof(*ip) + len);
}

/* A router's error, with as much of the SYN behind its IP header. */
static uint16_t
error_build(const struct wire_ipv4 *sent, uint16_t behind, uint8_t *packet)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_icmp *icmp = (struct wire_icmp *)(ip + 1);
	uint16_t len = (uint16_t)(sizeof(*icmp) + sizeof(*sent) + behind);

	wire_ipv4_build(ip, load_be32(sent->dst) ^ 1, load_be32(sent->src), IP_PROTO_ICMP,
			(uint16_t)(sizeof(*ip) + len), 0, 240);
	*icmp = (struct wire_icmp){.type = ICMP_UNREACHABLE, .code = 1};
	memcpy(icmp + 1, sent, len - sizeof(*icmp));
	store_be16(icmp->checksum, wire_checksum_fold(wire_sum(icmp, len, 0)));
	return (uint16_t)(sizeof(*ip) + len);
}

static uint16_t
udp_build(const struct wire_ipv4 *sent, uint8_t *packet)
{
	wire_ipv4_build((struct wire_ipv4 *)packet, load_be32(sent->dst), load_be32(sent->src),
			IP_PROTO_UDP, 40, 0, 64);
	return 40;
}

/* The packet that answers a SYN; its length. */
static uint16_t
packet_build(enum what what, const struct wire_ipv4 *sent, uint8_t *packet)
{
	uint32_t ack = load_be32(((const struct wire_tcp *)(sent + 1))->seq) + 1;
	const uint8_t both = TCP_SYN | TCP_ACK;
	uint16_t len;

	switch (what) {
	case SYNACK_LINUX:
		return tcp_build(sent, both, ack, linux_options, sizeof(linux_options), packet);
	case RST:
		return tcp_build(sent, TCP_RST | TCP_ACK, ack, NULL, 0, packet);
	case ERROR_SHORT:
		return error_build(sent, 8, packet);
	case ERROR_LONG:
		return error_build(sent, 28, packet);
	case FORGED:
		return tcp_build(sent, both, ack ^ 0x40, windows_options, 12, packet);
	case BAD_CHECKSUM:
		len = tcp_build(sent, both, ack, windows_options, 12, packet);
		packet[len - 1] ^= 1;
		return len;
	case SEGMENT:
		return tcp_build(sent, TCP_ACK | TCP_FIN, ack, NULL, 0, packet);
	case UDP:
	case IPV6:
		return udp_build(sent, packet);
	default:
		return tcp_build(sent, both, ack, windows_options, 12, packet);
	}
}

static void
frame_build(struct replies *r, const uint8_t *probe, struct replies_frame *f)
{
	const size_t link = sizeof(struct wire_ether);
	enum what what = what_is(r->count);
	uint16_t len;

	memcpy(f->data, probe + WIRE_MAC_SIZE, WIRE_MAC_SIZE);
	memcpy(f->data + WIRE_MAC_SIZE, probe, WIRE_MAC_SIZE);
	store_be16(f->data + 12, what == IPV6 ? 0x86dd : ETHER_TYPE_IPV4);
	len = packet_build(what, (const struct wire_ipv4 *)(probe + link), f->data + link);
	f->len = (uint16_t)(link + len < WIRE_FRAME_MIN ? WIRE_FRAME_MIN : link + len);
	f->kind = (uint8_t)mix[what].kind;
}

/* The next frame: the answer to a probe, or one of a little while ago again. */
static void
frame_add(struct replies *r, const uint8_t *probe, uint64_t *last_synack)
{
	struct replies_frame *f = &r->frame[r->count];

	if (what_is(r->count) == AGAIN && *last_synack != UINT64_MAX) {
		*f = r->frame[*last_synack];
		r->said_again++;
	} else {
		frame_build(r, probe, f);
		if (f->kind == CLASSIFY_SYNACK)
			*last_synack = r->count;
	}
	r->kinds[f->kind]++;
	r->count++;
}

int
replies_make(struct replies *r, const struct subject *s, uint64_t count)
{
	uint8_t frames[BURST][PROBE_FRAME_MAX], *frame[BURST];
	uint64_t index[BURST], cookie[BURST], last_synack = UINT64_MAX;
	uint32_t address[BURST];
	uint16_t port[BURST];

	memset(r, 0, sizeof(*r));
	r->frame = calloc(count, sizeof(*r->frame));
	if (r->frame == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < BURST; i++) {
		frame[i] = frames[i];
		memcpy(frames[i], s->probe.template, PROBE_FRAME_MAX);
	}
	for (uint64_t first = 0; first < count; first += BURST) {
		perm_forward_run(&s->inputs.perm, first, BURST, index);
		targets_select(s->inputs.targets, index, BURST, address, port);
		cookie_make_burst(&s->inputs.key, COOKIE_PROBE, BURST, address, port, cookie);
		s->probe.module->fill(&s->probe, COOKIE_PROBE, 0, BURST, frame, address, port,
				      cookie);
		for (unsigned int i = 0; i < BURST && r->count < count; i++)
			frame_add(r, frames[i], &last_synack);
	}
	return 0;
}

void
replies_free(struct replies *r)
{
	free(r->frame);
}

uint64_t
replies_valid(const struct replies *r)
{
	uint64_t n = 0;

	for (unsigned int k = 0; k < CLASSIFY_REPLIES; k++)
		n += r->kinds[k];
	return n;
}
