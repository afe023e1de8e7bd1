/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/classify.h"

#include "classify/inside.h"
#include "classify/plain.h"

/* Nothing was found against the frame so far. */
#define FITS CLASSIFY_KINDS

/* An IPv4 packet that fits into its frame. */
struct packet {
	const struct wire_ipv4 *ip;
	const uint8_t *payload;
	uint16_t payload_len;
};

/*
 * What a frame claims to be: the answer to our probe to (address, port), which left from
 * (own_address, own_port) with a number. The cookie decides: where mask is 1 it must be the number.
 */
struct claim {
	struct packet packet;
	uint64_t number;
	uint64_t mask;
	uint32_t address;
	uint32_t own_address;
	uint16_t port;
	uint16_t own_port;
	uint8_t kind; /* if it is true */
	uint8_t use;
};

/* What the probe carries where the claim does not say all of the cookie. */
#define MASK_SEQ UINT64_C(0xffffffff)
#define MASK_ECHO_SEQ UINT64_C(0xffff)

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

/* Whether there may be such a claim: our port is of some use to our address. */
static inline bool
claim_has_use(const struct classify_config *c, struct claim *claim)
{
	enum cookie_plan use;

	if (probe_use_find(c->probe->config.sources, claim->own_address, claim->own_port, &use) != 0)
		return false;
	claim->use = (uint8_t)use;
	return true;
}

static inline enum classify_kind
tcp_read(const struct classify_config *c, struct claim *claim)
{
	const struct packet *k = &claim->packet;
	const struct wire_tcp *tcp = (const struct wire_tcp *)k->payload;
	enum classify_kind kind;
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
	claim->address = load_be32(k->ip->src);
	claim->port = load_be16(tcp->src_port);
	claim->own_address = load_be32(k->ip->dst);
	claim->own_port = load_be16(tcp->dst_port);
	claim->number = tcp_answer(tcp, kind) - 1;
	claim->mask = MASK_SEQ;
	return sends(c, IP_PROTO_TCP) && claim_has_use(c, claim) ? kind : CLASSIFY_BAD_COOKIE;
}

static inline bool
icmp_is_error(uint8_t type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_QUENCH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER;
}

static void
quoted_syn_read(const uint8_t *transport, struct claim *claim)
{
	const struct wire_tcp *tcp = (const struct wire_tcp *)transport;

	claim->own_port = load_be16(tcp->src_port);
	claim->port = load_be16(tcp->dst_port);
	claim->number = load_be32(tcp->seq);
	claim->mask = MASK_SEQ;
}

/* False for another ICMP message than an echo request. */
static bool
quoted_echo_read(const uint8_t *transport, struct claim *claim)
{
	const struct wire_icmp *icmp = (const struct wire_icmp *)transport;

	claim->own_port = load_be16(icmp->rest);
	claim->port = 0;
	claim->number = load_be16(icmp->rest + 2);
	claim->mask = MASK_ECHO_SEQ;
	return icmp->type == ICMP_ECHO_REQUEST && icmp->code == 0;
}

/* The first eight bytes of a quote's transport header. False for what our module does not send. */
static bool
quoted_read(const struct classify_config *c, uint8_t protocol, const uint8_t *transport,
	    struct claim *claim)
{
	if (!sends(c, protocol))
		return false;
	if (protocol == IP_PROTO_ICMP)
		return quoted_echo_read(transport, claim);
	quoted_syn_read(transport, claim);
	return true;
}

/*
 * Is the quote our probe? Of its transport header only the first eight bytes need be there (RFC
 * 792), so nothing behind ports and sequence number is read. Our probes are never fragments.
 */
static enum classify_kind
quote_read(const struct classify_config *c, const uint8_t *quoted, size_t len, struct claim *claim)
{
	const struct wire_ipv4 *quote = (const struct wire_ipv4 *)quoted;
	uint16_t header_len = ipv4_header_len(quoted, len);

	if (header_len == 0 || len - header_len < 8)
		return CLASSIFY_TRUNCATED;
	claim->address = load_be32(quote->dst);
	claim->own_address = load_be32(quote->src);
	if ((load_be16(quote->fragment) & IPV4_FRAGMENT_MASK) != 0 ||
	    claim->own_address != load_be32(claim->packet.ip->dst) ||
	    !quoted_read(c, quote->protocol, quoted + header_len, claim) ||
	    !claim_has_use(c, claim))
		return CLASSIFY_BAD_COOKIE;
	return CLASSIFY_ICMP;
}

static enum classify_kind
echo_read(const struct classify_config *c, struct claim *claim)
{
	const struct packet *k = &claim->packet;
	const struct probe_echo *echo = (const struct probe_echo *)k->payload;

	if (!sends(c, IP_PROTO_ICMP))
		return CLASSIFY_OTHER;
	if (k->payload_len < sizeof(*echo))
		return CLASSIFY_BAD_COOKIE;
	claim->address = load_be32(k->ip->src);
	claim->port = 0;
	claim->own_address = load_be32(k->ip->dst);
	claim->own_port = load_be16(echo->icmp.rest);
	claim->number = (uint64_t)load_be32(echo->cookie) << 32 | load_be32(echo->cookie + 4);
	claim->mask = ~UINT64_C(0);
	if (load_be16(echo->icmp.rest + 2) != probe_echo_seq(claim->number) ||
	    !claim_has_use(c, claim))
		return CLASSIFY_BAD_COOKIE;
	return CLASSIFY_ECHOREPLY;
}

static enum classify_kind
icmp_read(const struct classify_config *c, struct claim *claim)
{
	const struct packet *k = &claim->packet;
	const struct wire_icmp *icmp = (const struct wire_icmp *)k->payload;

	if (k->payload_len < sizeof(*icmp))
		return CLASSIFY_TRUNCATED;
	if (!wire_icmp_checksum_ok(icmp, k->payload_len))
		return CLASSIFY_BAD_CHECKSUM;
	if (icmp->type == ICMP_ECHO_REPLY)
		return echo_read(c, claim);
	if (icmp->type == ICMP_ECHO_REQUEST)
		return CLASSIFY_ECHO_REQUEST;
	if (!icmp_is_error(icmp->type))
		return CLASSIFY_OTHER;
	return quote_read(c, k->payload + sizeof(*icmp), k->payload_len - sizeof(*icmp), claim);
}

/* All that can be said of a frame without the cookie: below CLASSIFY_REPLIES, what it claims to be. */
static inline enum classify_kind
frame_read(const struct classify_config *c, const uint8_t *frame, size_t len, struct claim *claim)
{
	struct wire_network net;
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
	kind = packet_read(c, frame + net.offset, len - net.offset, &claim->packet);
	if (kind != FITS)
		return kind;
	kind = CLASSIFY_OTHER;
	if (claim->packet.ip->protocol == IP_PROTO_TCP)
		kind = tcp_read(c, claim);
	else if (claim->packet.ip->protocol == IP_PROTO_ICMP)
		kind = icmp_read(c, claim);
	claim->kind = (uint8_t)kind;
	return kind;
}

static inline bool
claim_holds(const struct classify_config *c, const struct claim *claim, uint64_t cookie)
{
	return ((cookie ^ claim->number) & claim->mask) == 0 &&
	       probe_leaves_from(c->probe->config.sources, (enum cookie_plan)claim->use, cookie,
				 claim->own_address, claim->own_port);
}

static inline void
icmp_reply_fill(const struct claim *claim, uint64_t cookie, struct reply *reply)
{
	const struct wire_icmp *icmp = (const struct wire_icmp *)claim->packet.payload;
	const struct wire_ipv4 *quote = (const struct wire_ipv4 *)(icmp + 1);

	reply->icmp_type = icmp->type;
	reply->icmp_code = icmp->code;
	if (claim->kind == CLASSIFY_ICMP) {
		reply->seq = (uint32_t)claim->number;
		reply->icmp_responder = load_be32(claim->packet.ip->src);
		reply->attempt = probe_attempt(cookie, load_be16(quote->id));
	} else {
		reply->seq = load_be16(icmp->rest + 2);
	}
}

static inline void
reply_fill(const struct classify_config *c, const struct claim *claim, uint64_t cookie, struct reply *reply)
{
	*reply = (struct reply){
		.address = claim->address,
		.own_address = claim->own_address,
		.port = claim->port,
		.own_port = claim->own_port,
		.ip_id = load_be16(claim->packet.ip->id),
		.kind = claim->kind,
		.use = claim->use,
		.bucket = target_bucket(c, claim->address, claim->port, claim->use, cookie),
		.ttl = claim->packet.ip->ttl,
	};
	if (claim->packet.ip->protocol == IP_PROTO_TCP) {
		const struct wire_tcp *tcp = (const struct wire_tcp *)claim->packet.payload;

		tcp_reply_fill(tcp, (size_t)(tcp->data_offset >> 4) * 4 - sizeof(*tcp), reply);
	} else {
		icmp_reply_fill(claim, cookie, reply);
	}
}

enum classify_kind
classify_frame(const struct classify_config *c, const uint8_t *frame, size_t len,
	       struct reply *reply)
{
	struct claim claim;
	enum classify_kind kind = frame_read(c, frame, len, &claim);
	uint64_t cookie;

	if (kind >= CLASSIFY_REPLIES)
		return kind;
	cookie = cookie_make(&c->probe->config.key, claim.address, claim.port,
			     (enum cookie_plan)claim.use);
	if (!claim_holds(c, &claim, cookie))
		return CLASSIFY_BAD_COOKIE;
	reply_fill(c, &claim, cookie, reply);
	return kind;
}

/* The claims of a burst's frames that are read alone, and what their cookies are made of side by side. */
struct claims {
	unsigned int count;
	struct claim claim[CLASSIFY_BURST];
	uint8_t frame[CLASSIFY_BURST]; /* whose claim it is */
	uint32_t address[CLASSIFY_BURST];
	uint16_t port[CLASSIFY_BURST];
	uint8_t use[CLASSIFY_BURST];
	uint64_t cookie[CLASSIFY_BURST];
};

static void
claims_read(const struct classify_config *c, const uint8_t *number, unsigned int n, const uint8_t *const *frame,
	    const uint16_t *len, uint8_t *kind, struct claims *s)
{
	s->count = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct claim *claim = &s->claim[s->count];
		unsigned int f = number[i];

		kind[f] = (uint8_t)frame_read(c, frame[f], len[f], claim);
		if (kind[f] >= CLASSIFY_REPLIES)
			continue;
		s->frame[s->count] = (uint8_t)f;
		s->address[s->count] = claim->address;
		s->port[s->count] = claim->port;
		s->use[s->count] = claim->use;
		s->count++;
	}
}

static void
claims_judge(const struct classify_config *c, uint8_t *kind, struct claims *s)
{
	cookie_make_each(&c->probe->config.key, s->count, s->address, s->port, s->use, s->cookie);
	for (unsigned int i = 0; i < s->count; i++)
		if (!claim_holds(c, &s->claim[i], s->cookie[i]))
			kind[s->frame[i]] = CLASSIFY_BAD_COOKIE;
}

unsigned int
classify_burst(const struct classify_config *c, unsigned int n, const uint8_t *const *frame,
	       const uint16_t *len, uint8_t *kind, struct reply *reply)
{
	uint8_t number[CLASSIFY_BURST], at[CLASSIFY_BURST];
	unsigned int alone, replies = 0;
	struct plain plain;
	struct claims s;

	alone = plain_find(c, n, frame, len, number, &plain);
	plain_judge(c, frame, kind, &plain);
	claims_read(c, number, alone, frame, len, kind, &s);
	claims_judge(c, kind, &s);
	for (unsigned int i = 0; i < n; i++) {
		at[i] = (uint8_t)replies;
		replies += kind[i] < CLASSIFY_REPLIES;
	}
	plain_fill(c, frame, kind, at, &plain, reply);
	for (unsigned int i = 0; i < s.count; i++)
		if (kind[s.frame[i]] < CLASSIFY_REPLIES)
			reply_fill(c, &s.claim[i], s.cookie[i], &reply[at[s.frame[i]]]);
	return replies;
}
