/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/classify.h"

/* Nothing was found against the frame so far. */
#define FITS CLASSIFY_KINDS

/* An IPv4 packet that fits into its frame. */
struct packet {
	const struct wire_ipv4 *ip;
	const uint8_t *payload;
	uint16_t payload_len;
};

const char *
classify_kind_name(enum classify_kind kind)
{
	static const char *const names[CLASSIFY_KINDS] = {
		[CLASSIFY_SYNACK] = "synack",
		[CLASSIFY_RST] = "rst",
		[CLASSIFY_ICMP] = "icmp",
		[CLASSIFY_ECHOREPLY] = "echoreply",
		[CLASSIFY_ARP] = "arp",
		[CLASSIFY_ECHO_REQUEST] = "echo_request",
		[CLASSIFY_BAD_CHECKSUM] = "bad_checksum",
		[CLASSIFY_BAD_COOKIE] = "bad_cookie",
		[CLASSIFY_TRUNCATED] = "truncated",
		[CLASSIFY_FRAGMENT] = "fragment",
		[CLASSIFY_TCP_OTHER] = "tcp_other",
		[CLASSIFY_OTHER] = "other",
		[CLASSIFY_NOT_OURS] = "not_ours",
	};

	return (unsigned int)kind < CLASSIFY_KINDS ? names[kind] : "unknown";
}

/* The length of an IPv4 header that stands within len bytes, 0 if none does. */
static inline uint16_t
ipv4_header_len(const uint8_t *p, size_t len)
{
	uint16_t header_len;

	if (len < sizeof(struct wire_ipv4) || p[0] >> 4 != 4)
		return 0;
	header_len = (uint16_t)((p[0] & 0x0f) * 4);
	return header_len >= sizeof(struct wire_ipv4) && header_len <= len ? header_len : 0;
}

static inline enum classify_kind
packet_read(const struct classify_config *c, const uint8_t *p, size_t len, struct packet *out)
{
	uint16_t header_len = ipv4_header_len(p, len);
	uint16_t total_length;

	if (header_len == 0)
		return CLASSIFY_TRUNCATED;
	out->ip = (const struct wire_ipv4 *)p;
	total_length = load_be16(out->ip->total_length);
	if (total_length < header_len || total_length > len)
		return CLASSIFY_TRUNCATED;
	if (!wire_ipv4_checksum_ok(out->ip, header_len))
		return CLASSIFY_BAD_CHECKSUM;
	if (load_be16(out->ip->fragment) & IPV4_FRAGMENT_MASK)
		return CLASSIFY_FRAGMENT;
	if (!ipv4_sorted_contains(c->addresses, c->address_count, load_be32(out->ip->dst)))
		return CLASSIFY_NOT_OURS;
	out->payload = p + header_len;
	out->payload_len = (uint16_t)(total_length - header_len);
	return FITS;
}

/* Whether our probes are of that protocol. */
static inline bool
sends(const struct classify_config *c, uint8_t protocol)
{
	return c->probe->module->protocol == protocol;
}

/* A SYN-ACK or a RST by its flags; PSH, URG and the ECN bits change nothing. */
static inline enum classify_kind
tcp_kind(uint8_t flags)
{
	if ((flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == (TCP_SYN | TCP_ACK))
		return CLASSIFY_SYNACK;
	if ((flags & (TCP_SYN | TCP_RST | TCP_FIN)) == TCP_RST)
		return CLASSIFY_RST;
	return CLASSIFY_TCP_OTHER;
}

static void
tcp_reply_fill(const struct packet *k, const struct wire_tcp *tcp, size_t header_len,
	       struct reply *reply)
{
	struct wire_tcp_options options;

	wire_tcp_options_read(k->payload + sizeof(*tcp), header_len - sizeof(*tcp), &options);
	*reply = (struct reply){
		.address = load_be32(k->ip->src),
		.own_address = load_be32(k->ip->dst),
		.port = load_be16(tcp->src_port),
		.own_port = load_be16(tcp->dst_port),
		.seq = load_be32(tcp->seq),
		.ack = load_be32(tcp->ack),
		.ts_value = options.ts_value,
		.ts_echo = options.ts_echo,
		.window = load_be16(tcp->window),
		.ip_id = load_be16(k->ip->id),
		.mss = options.mss,
		.ttl = k->ip->ttl,
		.wscale = options.wscale,
		.has_mss = options.has_mss,
		.has_wscale = options.has_wscale,
		.has_sack_perm = options.has_sack_perm,
		.has_timestamp = options.has_timestamp,
	};
}

/* The number that answers to our SYN's: where a RST has no ACK, its own sequence number. */
static inline uint32_t
tcp_answer(const struct wire_tcp *tcp, enum classify_kind kind)
{
	if (kind == CLASSIFY_RST && !(tcp->flags & TCP_ACK))
		return load_be32(tcp->seq);
	return load_be32(tcp->ack);
}

static enum classify_kind
tcp_classify(const struct classify_config *c, const struct packet *k, struct reply *reply)
{
	const struct wire_tcp *tcp = (const struct wire_tcp *)k->payload;
	enum classify_kind kind;
	enum cookie_plan use;
	uint64_t cookie;
	size_t header_len;

	if (k->payload_len < sizeof(*tcp))
		return CLASSIFY_TRUNCATED;
	header_len = (size_t)(tcp->data_offset >> 4) * 4;
	if (header_len < sizeof(*tcp) || header_len > k->payload_len)
		return CLASSIFY_TRUNCATED;
	if (!wire_tcp_checksum_ok(k->ip, tcp, k->payload_len))
		return CLASSIFY_BAD_CHECKSUM;
	kind = tcp_kind(tcp->flags);
	if (kind == CLASSIFY_TCP_OTHER)
		return kind;
	if (!sends(c, IP_PROTO_TCP) ||
	    !probe_expects(c->probe, load_be32(k->ip->src), load_be16(tcp->src_port),
			   load_be32(k->ip->dst), load_be16(tcp->dst_port), &use, &cookie) ||
	    tcp_answer(tcp, kind) != (uint32_t)cookie + 1)
		return CLASSIFY_BAD_COOKIE;
	tcp_reply_fill(k, tcp, header_len, reply);
	reply->kind = (uint8_t)kind;
	reply->use = (uint8_t)use;
	reply->bucket = probe_bucket(cookie);
	return kind;
}

static inline bool
icmp_is_error(uint8_t type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_QUENCH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER;
}

/* What the first eight bytes of a probe's transport header say. */
struct sent {
	uint16_t own_port; /* or the id */
	uint16_t port;     /* or 0 */
	uint32_t seq;
};

static void
syn_sent_read(const uint8_t *transport, struct sent *sent)
{
	const struct wire_tcp *tcp = (const struct wire_tcp *)transport;

	sent->own_port = load_be16(tcp->src_port);
	sent->port = load_be16(tcp->dst_port);
	sent->seq = load_be32(tcp->seq);
}

/* False for another ICMP message than an echo request. */
static bool
echo_sent_read(const uint8_t *transport, struct sent *sent)
{
	const struct wire_icmp *icmp = (const struct wire_icmp *)transport;

	sent->own_port = load_be16(icmp->rest);
	sent->port = 0;
	sent->seq = load_be16(icmp->rest + 2);
	return icmp->type == ICMP_ECHO_REQUEST && icmp->code == 0;
}

/* False for what our module does not send. */
static bool
sent_read(const struct classify_config *c, uint8_t protocol, const uint8_t *transport,
	  struct sent *sent)
{
	if (!sends(c, protocol))
		return false;
	if (protocol == IP_PROTO_ICMP)
		return echo_sent_read(transport, sent);
	syn_sent_read(transport, sent);
	return true;
}

/* What of the cookie our probe's number is. */
static uint32_t
sent_number(const struct classify_config *c, uint64_t cookie)
{
	return sends(c, IP_PROTO_ICMP) ? probe_echo_seq(cookie) : (uint32_t)cookie;
}

static void
icmp_reply_fill(const struct packet *k, const struct wire_ipv4 *quote, const struct sent *sent,
		struct reply *reply)
{
	const struct wire_icmp *icmp = (const struct wire_icmp *)k->payload;

	*reply = (struct reply){
		.address = load_be32(quote->dst),
		.own_address = load_be32(quote->src),
		.port = sent->port,
		.own_port = sent->own_port,
		.seq = sent->seq,
		.icmp_responder = load_be32(k->ip->src),
		.ip_id = load_be16(k->ip->id),
		.kind = CLASSIFY_ICMP,
		.ttl = k->ip->ttl,
		.icmp_type = icmp->type,
		.icmp_code = icmp->code,
	};
}

/*
 * Is the quote our probe? Of its transport header only the first eight bytes need be there (RFC
 * 792), so nothing behind ports and sequence number is read. Our probes are never fragments.
 */
static enum classify_kind
quote_classify(const struct classify_config *c, const struct packet *k, const uint8_t *quoted,
	       size_t len, struct reply *reply)
{
	const struct wire_ipv4 *quote = (const struct wire_ipv4 *)quoted;
	uint16_t header_len = ipv4_header_len(quoted, len);
	struct sent sent;
	enum cookie_plan use;
	uint64_t cookie;

	if (header_len == 0 || len - header_len < 8)
		return CLASSIFY_TRUNCATED;
	if ((load_be16(quote->fragment) & IPV4_FRAGMENT_MASK) != 0 ||
	    load_be32(quote->src) != load_be32(k->ip->dst) ||
	    !sent_read(c, quote->protocol, quoted + header_len, &sent) ||
	    !probe_expects(c->probe, load_be32(quote->dst), sent.port, load_be32(quote->src),
			   sent.own_port, &use, &cookie) ||
	    sent.seq != sent_number(c, cookie))
		return CLASSIFY_BAD_COOKIE;
	icmp_reply_fill(k, quote, &sent, reply);
	reply->use = (uint8_t)use;
	reply->bucket = probe_bucket(cookie);
	return CLASSIFY_ICMP;
}

static void
echo_reply_fill(const struct packet *k, const struct probe_echo *echo, struct reply *reply)
{
	*reply = (struct reply){
		.address = load_be32(k->ip->src),
		.own_address = load_be32(k->ip->dst),
		.own_port = load_be16(echo->icmp.rest),
		.seq = load_be16(echo->icmp.rest + 2),
		.ip_id = load_be16(k->ip->id),
		.kind = CLASSIFY_ECHOREPLY,
		.ttl = k->ip->ttl,
		.icmp_type = echo->icmp.type,
		.icmp_code = echo->icmp.code,
	};
}

static enum classify_kind
echo_classify(const struct classify_config *c, const struct packet *k, struct reply *reply)
{
	const struct probe_echo *echo = (const struct probe_echo *)k->payload;
	enum cookie_plan use;
	uint64_t cookie;

	if (!sends(c, IP_PROTO_ICMP))
		return CLASSIFY_OTHER;
	if (k->payload_len < sizeof(*echo) ||
	    !probe_expects(c->probe, load_be32(k->ip->src), 0, load_be32(k->ip->dst),
			   load_be16(echo->icmp.rest), &use, &cookie) ||
	    load_be16(echo->icmp.rest + 2) != probe_echo_seq(cookie) ||
	    load_be32(echo->cookie) != (uint32_t)(cookie >> 32) ||
	    load_be32(echo->cookie + 4) != (uint32_t)cookie)
		return CLASSIFY_BAD_COOKIE;
	echo_reply_fill(k, echo, reply);
	reply->use = (uint8_t)use;
	reply->bucket = probe_bucket(cookie);
	return CLASSIFY_ECHOREPLY;
}

static enum classify_kind
icmp_classify(const struct classify_config *c, const struct packet *k, struct reply *reply)
{
	const struct wire_icmp *icmp = (const struct wire_icmp *)k->payload;

	if (k->payload_len < sizeof(*icmp))
		return CLASSIFY_TRUNCATED;
	if (wire_checksum_fold(wire_sum(icmp, k->payload_len, 0)) != 0)
		return CLASSIFY_BAD_CHECKSUM;
	if (icmp->type == ICMP_ECHO_REPLY)
		return echo_classify(c, k, reply);
	if (icmp->type == ICMP_ECHO_REQUEST)
		return CLASSIFY_ECHO_REQUEST;
	if (!icmp_is_error(icmp->type))
		return CLASSIFY_OTHER;
	return quote_classify(c, k, k->payload + sizeof(*icmp), k->payload_len - sizeof(*icmp),
			      reply);
}

enum classify_kind
classify_frame(const struct classify_config *c, const uint8_t *frame, size_t len,
	       struct reply *reply)
{
	struct wire_network net;
	struct packet k;
	enum classify_kind kind;

	if (wire_network_find(frame, len, &net) != 0)
		return CLASSIFY_TRUNCATED;
	if (c->probe->config.vlan != 0 && net.vlan != c->probe->config.vlan)
		return CLASSIFY_NOT_OURS;
	if (net.ether_type == ETHER_TYPE_ARP)
		return len - net.offset >= sizeof(struct wire_arp) ? CLASSIFY_ARP :
								     CLASSIFY_TRUNCATED;
	if (net.ether_type != ETHER_TYPE_IPV4)
		return CLASSIFY_NOT_OURS;
	kind = packet_read(c, frame + net.offset, len - net.offset, &k);
	if (kind != FITS)
		return kind;
	if (k.ip->protocol == IP_PROTO_TCP)
		return tcp_classify(c, &k, reply);
	if (k.ip->protocol == IP_PROTO_ICMP)
		return icmp_classify(c, &k, reply);
	return CLASSIFY_OTHER;
}
