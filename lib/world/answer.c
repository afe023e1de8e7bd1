/* SPDX-License-Identifier: BSD-3-Clause */
#include "world/answer.h"

#include <string.h>

#include "wire/wire.h"
#include "world/faults.h"

#define VLAN_TAG_SIZE 4

/* The longest: an error that quotes a whole head. */
_Static_assert(sizeof(struct wire_ether) + VLAN_TAG_SIZE + sizeof(struct wire_ipv4) +
		       sizeof(struct wire_icmp) + EVENT_HEAD_MAX <= WORLD_FRAME_MAX,
	       "any answer fits");

static const struct wire_ipv4 *
head_ip(const struct world_event *e)
{
	return (const struct wire_ipv4 *)e->head;
}

static size_t
head_ip_len(const struct world_event *e)
{
	return (size_t)(head_ip(e)->version_ihl & 0xf) * 4;
}

static const struct wire_tcp *
head_tcp(const struct world_event *e)
{
	return (const struct wire_tcp *)(e->head + head_ip_len(e));
}

/* Echo id and sequence stand where they are read here as ports would be. */
uint64_t
world_answer_flow(const struct world *w, const struct world_event *e)
{
	const struct wire_ipv4 *ip = head_ip(e);
	const uint8_t *transport = e->head + head_ip_len(e);
	const uint8_t *ports = e->kind == ANSWER_ECHO ? transport + 4 : transport;

	if (e->kind == ANSWER_ARP)
		return 0;
	return world_flow_hash(w->seed, load_be32(ip->src), load_be32(ip->dst), load_be16(ports),
			       load_be16(ports + 2));
}

#define ISN_WSCALE_BITS 4
#define ISN_CLIENT_BITS 15

_Static_assert((WORLD_MSS - WORLD_MSS_MIN) >> (ISN_CLIENT_BITS - ISN_WSCALE_BITS) == 0,
	       "any MSS fits");

struct world_client
world_client_of(const struct wire_tcp_options *offered)
{
	uint16_t mss = offered->has_mss ? offered->mss : WORLD_MSS_UNSAID;

	return (struct world_client){
		.mss = mss < WORLD_MSS_MIN ? WORLD_MSS_MIN : mss > WORLD_MSS ? WORLD_MSS : mss,
		.wscale = offered->has_wscale ? offered->wscale : WORLD_UNSCALED,
	};
}

uint32_t
world_answer_isn(uint64_t flow, uint32_t syn_seq, struct world_client client)
{
	uint32_t said = (uint32_t)(client.mss - WORLD_MSS_MIN) << ISN_WSCALE_BITS | client.wscale;
	uint64_t draw = world_draw(flow, DRAW_ISN, (uint64_t)said << 32 | syn_seq);

	return (uint32_t)draw << ISN_CLIENT_BITS | said;
}

bool
world_answer_isn_read(uint64_t flow, uint32_t syn_seq, uint32_t isn, struct world_client *client)
{
	uint32_t said = isn & ((UINT32_C(1) << ISN_CLIENT_BITS) - 1);

	*client = (struct world_client){
		.mss = (uint16_t)(WORLD_MSS_MIN + (said >> ISN_WSCALE_BITS)),
		.wscale = said & ((1 << ISN_WSCALE_BITS) - 1),
	};
	return client->mss <= WORLD_MSS && isn == world_answer_isn(flow, syn_seq, *client);
}

/* A host, whatever it is asked. */
static uint64_t
address_hash(const struct world *w, uint32_t address)
{
	return world_flow_hash(w->seed, 0, address, 0, 0);
}

static uint64_t
host_hash(const struct world *w, const struct world_event *e)
{
	return address_hash(w, load_be32(head_ip(e)->dst));
}

static uint8_t
host_hops(uint64_t host)
{
	return (uint8_t)(5 + world_scale(world_draw(host, DRAW_HOPS, 0), 20));
}

/* Three in five are of the Unix kind, three in ten of the Windows kind, the rest routers. */
static uint8_t
host_ttl(uint64_t host)
{
	uint64_t system = world_scale(world_draw(host, DRAW_SYSTEM, 0), 10);
	uint8_t initial = system < 6 ? 64 : system < 9 ? 128 : 255;

	return initial - host_hops(host);
}

static uint16_t
host_window(uint64_t host)
{
	uint64_t system = world_scale(world_draw(host, DRAW_SYSTEM, 0), 10);

	return system < 3 ? 64240 : system < 6 ? 65160 : system < 9 ? 65535 : 4128;
}

uint16_t
world_answer_window(const struct world *w, uint32_t host)
{
	return host_window(address_hash(w, host));
}

static void
ether_build(uint8_t *frame, const struct world_event *e, uint16_t type, uint8_t **network)
{
	static const uint8_t mac[WIRE_MAC_SIZE] = WORLD_MAC;
	struct wire_ether *ether = (struct wire_ether *)frame;

	memcpy(ether->dst, e->mac, WIRE_MAC_SIZE);
	memcpy(ether->src, mac, WIRE_MAC_SIZE);
	*network = frame + sizeof(*ether);
	if (e->tagged) {
		store_be16(ether->type, ETHER_TYPE_VLAN);
		store_be16(*network, e->tci);
		store_be16(*network + 2, type);
		*network += VLAN_TAG_SIZE;
	} else {
		store_be16(ether->type, type);
	}
}

static size_t
arp_build(const struct world_event *e, uint8_t *packet)
{
	static const uint8_t mac[WIRE_MAC_SIZE] = WORLD_MAC;
	struct wire_arp *arp = (struct wire_arp *)packet;

	memcpy(arp, e->head, sizeof(*arp));
	store_be16(arp->operation, ARP_REPLY);
	memcpy(arp->target_mac, arp->sender_mac, WIRE_MAC_SIZE);
	memcpy(arp->target_ip, ((const struct wire_arp *)e->head)->sender_ip, 4);
	memcpy(arp->sender_mac, mac, WIRE_MAC_SIZE);
	memcpy(arp->sender_ip, ((const struct wire_arp *)e->head)->target_ip, 4);
	return sizeof(*arp);
}

/* The IPv4 header of an answer from the host itself; packet_len counts it. */
static void
answer_ip(const struct world *w, const struct world_event *e, uint64_t flow, uint8_t protocol,
	  size_t packet_len, struct wire_ipv4 *ip)
{
	const struct wire_ipv4 *asked = head_ip(e);
	uint64_t id = world_draw(flow, DRAW_IP_ID, e->repeat);

	wire_ipv4_build(ip, load_be32(asked->dst), load_be32(asked->src), protocol,
			(uint16_t)packet_len, (uint16_t)id, host_ttl(host_hash(w, e)));
}

static size_t
echo_build(const struct world *w, const struct world_event *e, uint64_t flow, uint8_t *packet)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_icmp *icmp = (struct wire_icmp *)(ip + 1);
	size_t len = e->head_len - head_ip_len(e);

	answer_ip(w, e, flow, IP_PROTO_ICMP, sizeof(*ip) + len, ip);
	memcpy(icmp, e->head + head_ip_len(e), len);
	icmp->type = ICMP_ECHO_REPLY;
	store_be16(icmp->checksum, 0);
	store_be16(icmp->checksum, wire_checksum_fold(wire_sum(icmp, len, 0)));
	return sizeof(*ip) + len;
}

/* What a SYN offers, as far as its head is at hand. */
static void
syn_options_read(const struct world_event *e, struct wire_tcp_options *offered)
{
	const struct wire_tcp *syn = head_tcp(e);
	size_t end = head_ip_len(e) + (size_t)(syn->data_offset >> 4) * 4;
	const uint8_t *first = (const uint8_t *)(syn + 1);

	if (end > e->head_len)
		end = e->head_len;
	wire_tcp_options_read(first, end - (size_t)(first - e->head), offered);
}

/* MSS always, the others where the SYN offers them; each padded to four bytes. A window that a
 * service names is not scaled. */
static size_t
synack_options(const struct world_event *e, const struct world_service *service, uint64_t flow,
	       const struct wire_tcp_options *offered, uint8_t *options)
{
	uint16_t mss = service->mss != 0 ? service->mss : WORLD_MSS;
	size_t n = 4;

	memcpy(options, (const uint8_t[]){2, 4}, 2);
	store_be16(options + 2, mss);
	if (offered->has_sack_perm) {
		memcpy(options + n, (const uint8_t[]){1, 1, 4, 2}, 4);
		n += 4;
	}
	if (offered->has_timestamp) {
		memcpy(options + n, (const uint8_t[]){1, 1, 8, 10}, 4);
		store_be32(options + n + 4, (uint32_t)world_draw(flow, DRAW_TIMESTAMP, e->repeat));
		store_be32(options + n + 8, offered->ts_value);
		n += 12;
	}
	if (offered->has_wscale && service->window == WORLD_WINDOW_UNSAID) {
		memcpy(options + n, (const uint8_t[]){1, 3, 3, WORLD_WSCALE}, 4);
		n += 4;
	}
	return n;
}

static size_t
synack_build(const struct world *w, const struct world_event *e, uint64_t flow, uint8_t *packet)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	const struct wire_tcp *syn = head_tcp(e);
	const struct world_service *service =
		world_service_at(w, load_be32(head_ip(e)->dst), load_be16(syn->dst_port));
	uint32_t window = service->window != WORLD_WINDOW_UNSAID ? service->window
								 : host_window(host_hash(w, e));
	struct wire_tcp_options offered;
	size_t len;

	syn_options_read(e, &offered);
	len = sizeof(*tcp) + synack_options(e, service, flow, &offered, (uint8_t *)(tcp + 1));
	answer_ip(w, e, flow, IP_PROTO_TCP, sizeof(*ip) + len, ip);
	*tcp = (struct wire_tcp){
		.data_offset = (uint8_t)(len / 4) << 4,
		.flags = TCP_SYN | TCP_ACK,
	};
	memcpy(tcp->src_port, syn->dst_port, 2);
	memcpy(tcp->dst_port, syn->src_port, 2);
	store_be32(tcp->seq,
		   world_answer_isn(flow, load_be32(syn->seq), world_client_of(&offered)));
	store_be32(tcp->ack, load_be32(syn->seq) + 1);
	store_be16(tcp->window, (uint16_t)window);
	wire_tcp_checksum_set(ip, tcp, (uint16_t)len);
	return sizeof(*ip) + len;
}

/* RFC 9293, 3.10.7.1: sequence 0, and all of the segment acknowledged, data included. */
static size_t
reset_build(const struct world *w, const struct world_event *e, uint64_t flow, uint8_t *packet)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	const struct wire_tcp *syn = head_tcp(e);
	uint32_t data = load_be16(head_ip(e)->total_length) - (uint32_t)head_ip_len(e) -
			(uint32_t)(syn->data_offset >> 4) * 4;

	answer_ip(w, e, flow, IP_PROTO_TCP, sizeof(*ip) + sizeof(*tcp), ip);
	*tcp = (struct wire_tcp){.data_offset = sizeof(*tcp) / 4 << 4, .flags = TCP_RST | TCP_ACK};
	memcpy(tcp->src_port, syn->dst_port, 2);
	memcpy(tcp->dst_port, syn->src_port, 2);
	store_be32(tcp->ack, load_be32(syn->seq) + 1 + data);
	wire_tcp_checksum_set(ip, tcp, sizeof(*tcp));
	return sizeof(*ip) + sizeof(*tcp);
}

/*
 * What a router says of a host it cannot, or may not, reach: the packet quoted as it arrived there,
 * its TTL less the way. RFC 792 asks for eight bytes behind the IP header, RFC 1812 for as much as
 * is at hand; routers of both kinds, and between, exist.
 */
static size_t
quote_build(const struct world_event *e, uint64_t flow, uint8_t hops, uint8_t *quote)
{
	static const size_t behind[] = {8, sizeof(struct wire_tcp), EVENT_HEAD_MAX};
	struct wire_ipv4 *ip = (struct wire_ipv4 *)quote;
	size_t len = head_ip_len(e) + behind[world_scale(world_draw(flow, DRAW_QUOTE, 0), 3)];

	if (len > e->head_len)
		len = e->head_len;
	memcpy(quote, e->head, len);
	ip->ttl = ip->ttl > hops ? ip->ttl - hops : 1;
	wire_ipv4_checksum_set(ip, head_ip_len(e));
	return len;
}

static size_t
unreachable_build(const struct world *w, const struct world_event *e, uint64_t flow,
		  uint8_t *packet)
{
	enum { HOST_UNREACHABLE = 1, PROHIBITED = 13 };
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_icmp *icmp = (struct wire_icmp *)(ip + 1);
	uint32_t dst = load_be32(head_ip(e)->dst), router = (dst & ~UINT32_C(0xff)) | 1;
	uint8_t hops = host_hops(host_hash(w, e));
	size_t len = sizeof(*icmp) + quote_build(e, flow, hops, (uint8_t *)(icmp + 1));

	if (router == dst)
		router = dst | 0xfe;
	*icmp = (struct wire_icmp){.type = ICMP_UNREACHABLE};
	icmp->code = world_draw(flow, DRAW_UNREACHABLE_CODE, 0) & 1 ? HOST_UNREACHABLE : PROHIBITED;
	store_be16(icmp->checksum, wire_checksum_fold(wire_sum(icmp, len, 0)));
	wire_ipv4_build(ip, router, load_be32(head_ip(e)->src), IP_PROTO_ICMP,
			(uint16_t)(sizeof(*ip) + len), (uint16_t)world_draw(flow, DRAW_IP_ID, 0),
			255 - hops);
	return sizeof(*ip) + len;
}

/* To the least that Ethernet carries. */
static unsigned int
pad(uint8_t *frame, size_t len)
{
	if (len >= WIRE_FRAME_MIN)
		return (unsigned int)len;
	memset(frame + len, 0, WIRE_FRAME_MIN - len);
	return WIRE_FRAME_MIN;
}

unsigned int
world_answer_build(const struct world *w, const struct world_event *e, uint64_t flow,
		   uint8_t frame[WORLD_FRAME_MAX], uint16_t *packet)
{
	size_t len, header_len;
	uint8_t *network;

	ether_build(frame, e, e->kind == ANSWER_ARP ? ETHER_TYPE_ARP : ETHER_TYPE_IPV4, &network);
	header_len = (size_t)(network - frame);
	if (e->kind == ANSWER_ARP)
		len = arp_build(e, network);
	else if (e->kind == ANSWER_ECHO)
		len = echo_build(w, e, flow, network);
	else if (e->kind == ANSWER_SYNACK)
		len = synack_build(w, e, flow, network);
	else if (e->kind == ANSWER_RESET)
		len = reset_build(w, e, flow, network);
	else
		len = unreachable_build(w, e, flow, network);
	*packet = e->kind == ANSWER_ARP ? 0 : (uint16_t)len;
	return pad(frame, header_len + len);
}

/* A host's TCP header with what it has to say behind it. */
static size_t
segment_build(const struct world *w, const struct world_event *e, uint64_t flow,
	      const uint8_t *data, size_t data_len, uint8_t *packet)
{
	static const uint8_t timestamp[] = {1, 1, 8, 10};
	const struct answer_segment *s = (const struct answer_segment *)e->head;
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_tcp *tcp = (struct wire_tcp *)(ip + 1);
	uint8_t *behind = (uint8_t *)(tcp + 1);
	uint16_t id = (uint16_t)(world_draw(flow, DRAW_IP_ID, 0) + 1 + load_be16(s->ip.id));
	size_t len;

	*tcp = s->tcp;
	memcpy(tcp->src_port, s->tcp.dst_port, 2);
	memcpy(tcp->dst_port, s->tcp.src_port, 2);
	if (s->has_ts != 0) {
		memcpy(behind, timestamp, 4);
		memcpy(behind + 4, s->ts_value, 4);
		memcpy(behind + 8, s->ts_echo, 4);
		behind += 12;
	}
	tcp->data_offset = (uint8_t)((behind - (uint8_t *)tcp) / 4 << 4);
	if (data_len > 0)
		memcpy(behind, data, data_len);
	len = (size_t)(behind - (uint8_t *)tcp) + data_len;
	wire_ipv4_build(ip, load_be32(s->ip.dst), load_be32(s->ip.src), IP_PROTO_TCP,
			(uint16_t)(sizeof(*ip) + len), id, host_ttl(host_hash(w, e)));
	wire_tcp_checksum_set(ip, tcp, (uint16_t)len);
	return sizeof(*ip) + len;
}

/* A host's answer over UDP. */
static size_t
datagram_build(const struct world *w, const struct world_event *e, uint64_t flow, const uint8_t *data,
	       size_t data_len, uint8_t *packet)
{
	const struct answer_segment *s = (const struct answer_segment *)e->head;
	struct wire_ipv4 *ip = (struct wire_ipv4 *)packet;
	struct wire_udp *udp = (struct wire_udp *)(ip + 1);
	uint16_t len = (uint16_t)(sizeof(*udp) + data_len), sum;

	memcpy(udp->src_port, s->tcp.dst_port, 2);
	memcpy(udp->dst_port, s->tcp.src_port, 2);
	store_be16(udp->length, len);
	store_be16(udp->checksum, 0);
	memcpy(udp + 1, data, data_len);
	answer_ip(w, e, flow, IP_PROTO_UDP, sizeof(*ip) + len, ip);
	sum = wire_checksum_fold(wire_sum(udp, len, wire_pseudo_sum(ip, IP_PROTO_UDP, len)));
	store_be16(udp->checksum, sum != 0 ? sum : 0xffff);
	return sizeof(*ip) + len;
}

unsigned int
world_segment_build(const struct world *w, const struct world_event *e, uint64_t flow,
		    const uint8_t *data, size_t data_len, uint8_t frame[WORLD_FRAME_MAX],
		    uint16_t *packet)
{
	uint8_t *network;
	size_t len;

	ether_build(frame, e, ETHER_TYPE_IPV4, &network);
	if (e->kind == ANSWER_DATAGRAM)
		len = datagram_build(w, e, flow, data, data_len, network);
	else
		len = segment_build(w, e, flow, data, data_len, network);
	*packet = (uint16_t)len;
	return pad(frame, (size_t)(network - frame) + len);
}
