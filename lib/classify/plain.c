/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify/plain.h"

#include "base/multiversion.h"
#include "classify/inside.h"

/* Headers without options; a shape for each length of options, in words. */
#define HEADERS (sizeof(struct wire_ipv4) + sizeof(struct wire_tcp))
#define OPTIONS_MAX 40
#define SHAPES (OPTIONS_MAX / 4 + 1)
#define SHAPELESS SHAPES

/* Eight bytes of a frame, of which some must be so: mask and value. */
struct bytes {
	uint64_t mask;
	uint64_t value;
};

/* What the frames of plain segments have in common. */
struct mould {
	struct bytes link; /* of the bytes from LINK_AT on */
	struct bytes ip;   /* of the first ones of the IPv4 header */
	uint16_t network;
};

#define LINK_AT 10

static struct bytes
bytes_make(const uint8_t mask[8], const uint8_t value[8])
{
	return (struct bytes){wire_load_native64(mask), wire_load_native64(value)};
}

/* Where the packet stands behind the link header that our probes have, too. */
static inline uint16_t
network_of(const struct probe_config *config)
{
	return sizeof(struct wire_ether) + (config->vlan != 0 ? sizeof(struct wire_vlan) : 0);
}

static struct mould
mould_make(const struct probe_config *config)
{
	const uint8_t vlan = (uint8_t)config->vlan, vlan_high = (uint8_t)(config->vlan >> 8);
	struct mould m = {
		.link = bytes_make((const uint8_t[]){0, 0, 0xff, 0xff, 0, 0, 0, 0},
				   (const uint8_t[]){0, 0, 0x08, 0x00, 0, 0, 0, 0}),
		/* Version and length; the fragment's offset and more-fragments. */
		.ip = bytes_make((const uint8_t[]){0xff, 0, 0, 0, 0, 0, 0x3f, 0xff},
				 (const uint8_t[]){0x45, 0, 0, 0, 0, 0, 0, 0}),
		.network = network_of(config),
	};

	if (config->vlan != 0)
		m.link = bytes_make((const uint8_t[]){0, 0, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff},
				    (const uint8_t[]){0, 0, 0x81, 0x00, vlan_high, vlan, 0x08, 0x00});
	return m;
}

static inline bool
bytes_are(struct bytes b, const uint8_t *p)
{
	return (wire_load_native64(p) & b.mask) == b.value;
}

static inline unsigned int
shape_of(const struct mould *m, const uint8_t *frame, uint16_t len)
{
	const uint8_t *packet = frame + m->network;
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	const struct wire_tcp *tcp = (const struct wire_tcp *)(ip + 1);
	uint32_t options, header_len;
	bool is_plain;

	if (len < m->network + HEADERS)
		return SHAPELESS;
	options = load_be16(ip->total_length) - (uint32_t)HEADERS;
	header_len = (uint32_t)(tcp->data_offset >> 4) * 4;
	is_plain = (int)bytes_are(m->link, frame + LINK_AT) & (int)bytes_are(m->ip, packet) &
		   (ip->protocol == IP_PROTO_TCP) & (options <= OPTIONS_MAX) &
		   (options <= len - m->network - HEADERS) & (header_len == sizeof(*tcp) + options);
	return is_plain ? options / 4 : SHAPELESS;
}

/* Deal n frames out by their shapes: the plain ones in the order of shapes, and the others; how many others. */
static unsigned int
deal(const struct mould *m, unsigned int n, const uint8_t *const *frame, const uint16_t *len, struct plain *p,
     uint8_t *other)
{
	uint8_t shape[CLASSIFY_BURST], count[SHAPES + 1] = {0}, next[SHAPES + 1], others = 0;

	for (unsigned int i = 0; i < n; i++) {
		shape[i] = (uint8_t)shape_of(m, frame[i], len[i]);
		count[shape[i]]++;
	}
	p->count = 0;
	for (unsigned int s = 0; s < SHAPES; s++) {
		next[s] = (uint8_t)p->count;
		p->count += count[s];
	}
	for (unsigned int i = 0; i < n; i++) {
		if (shape[i] == SHAPELESS) {
			other[others++] = (uint8_t)i;
			continue;
		}
		p->options[next[shape[i]]] = (uint8_t)(shape[i] * 4);
		p->frame[next[shape[i]]++] = (uint8_t)i;
	}
	return others;
}

/* A sum of a few 32-bit words: no carry is lost in 64. */
static inline uint64_t
sum_words(const uint8_t *p, unsigned int words, uint64_t sum)
{
	for (unsigned int i = 0; i < words; i++)
		sum += wire_load_native32(p + i * 4);
	return sum;
}

static inline void
segment_read(const struct probe_sources *sources, const uint8_t *packet, struct plain *p, unsigned int i)
{
	const struct wire_ipv4 *ip = (const struct wire_ipv4 *)packet;
	const struct wire_tcp *tcp = (const struct wire_tcp *)(ip + 1);
	uint16_t len = (uint16_t)(sizeof(*tcp) + p->options[i]);
	enum cookie_plan use;
	uint64_t sum;

	p->ip_sum[i] = sum_words(packet, sizeof(*ip) / 4, 0);
	sum = sum_words(ip->src, 2, __builtin_bswap16((uint16_t)(IP_PROTO_TCP + len)));
	sum = sum_words((const uint8_t *)tcp, sizeof(*tcp) / 4, sum);
	p->tcp_sum[i] = wire_native_sum(tcp + 1, p->options[i], sum);
	p->kind[i] = (uint8_t)tcp_kind(tcp->flags);
	p->address[i] = load_be32(ip->src);
	p->port[i] = load_be16(tcp->src_port);
	p->own_address[i] = load_be32(ip->dst);
	p->own_port[i] = load_be16(tcp->dst_port);
	p->number[i] = tcp_answer(tcp, (enum classify_kind)p->kind[i]) - 1;
	p->use[i] = PLAIN_NO_USE;
	if (probe_use_find(sources, p->own_address[i], p->own_port[i], &use) == 0)
		p->use[i] = (uint8_t)use;
}

/* All lanes up to a multiple of PLAIN_LANES; what is computed behind the last is not looked at. */
MULTIVERSION static void
lanes(const struct cookie_key *key, unsigned int n, struct plain *p)
{
	n = (n + PLAIN_LANES - 1) / PLAIN_LANES * PLAIN_LANES;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t cookie = cookie_make(key, p->address[i], p->port[i], (enum cookie_plan)p->use[i]);

		p->cookie[i] = cookie;
		p->fit[i] = (wire_native_holds(p->ip_sum[i]) ? PLAIN_IP_HOLDS : 0) |
			    (wire_native_holds(p->tcp_sum[i]) ? PLAIN_TCP_HOLDS : 0) |
			    ((uint32_t)cookie == p->number[i] ? PLAIN_NUMBER_FITS : 0);
	}
}

/* Whether it answers to the cookie of its sender: then it came to an address of ours, too. */
static inline bool
holds(const struct probe_sources *sources, const struct plain *p, unsigned int i)
{
	return p->fit[i] == PLAIN_ALL_FITS && p->kind[i] != CLASSIFY_TCP_OTHER && p->use[i] != PLAIN_NO_USE &&
	       probe_leaves_from(sources, (enum cookie_plan)p->use[i], p->cookie[i], p->own_address[i],
				 p->own_port[i]);
}

/* What is wrong with one that does not, in the order in which a frame alone is judged. */
static enum classify_kind
fault_of(const struct classify_config *c, const struct plain *p, unsigned int i)
{
	if ((p->fit[i] & PLAIN_IP_HOLDS) == 0)
		return CLASSIFY_BAD_CHECKSUM;
	if (!ipv4_sorted_contains(c->addresses, c->address_count, p->own_address[i]))
		return CLASSIFY_NOT_OURS;
	if ((p->fit[i] & PLAIN_TCP_HOLDS) == 0)
		return CLASSIFY_BAD_CHECKSUM;
	return p->kind[i] == CLASSIFY_TCP_OTHER ? CLASSIFY_TCP_OTHER : CLASSIFY_BAD_COOKIE;
}

/* Lanes that nothing stands in. */
static void
pad(struct plain *p)
{
	for (unsigned int i = p->count; i % PLAIN_LANES != 0; i++) {
		p->address[i] = p->number[i] = 0;
		p->port[i] = 0;
		p->use[i] = 0;
		p->ip_sum[i] = p->tcp_sum[i] = 0;
	}
}

unsigned int
plain_find(const struct classify_config *c, unsigned int n, const uint8_t *const *frame, const uint16_t *len,
	   uint8_t *other, struct plain *p)
{
	const struct mould m = mould_make(&c->probe->config);

	if (c->probe->module->protocol == IP_PROTO_TCP)
		return deal(&m, n, frame, len, p, other);
	p->count = 0;
	for (unsigned int i = 0; i < n; i++)
		other[i] = (uint8_t)i;
	return n;
}

void
plain_judge(const struct classify_config *c, const uint8_t *const *frame, uint8_t *kind, struct plain *p)
{
	const struct probe_sources *sources = c->probe->config.sources;
	const uint16_t network = network_of(&c->probe->config);

	for (unsigned int i = 0; i < p->count; i++)
		segment_read(sources, frame[p->frame[i]] + network, p, i);
	pad(p);
	lanes(&c->probe->config.key, p->count, p);
	for (unsigned int i = 0; i < p->count; i++)
		kind[p->frame[i]] = holds(sources, p, i) ? p->kind[i] : (uint8_t)fault_of(c, p, i);
}

void
plain_fill(const struct classify_config *c, const uint8_t *const *frame, const uint8_t *kind, const uint8_t *at,
	   const struct plain *p, struct reply *reply)
{
	const uint16_t network = network_of(&c->probe->config);

	for (unsigned int i = 0; i < p->count; i++) {
		unsigned int f = p->frame[i];
		const struct wire_ipv4 *ip;
		struct reply *r = &reply[at[f]];

		if (kind[f] >= CLASSIFY_REPLIES)
			continue;
		ip = (const struct wire_ipv4 *)(frame[f] + network);
		*r = (struct reply){
			.address = p->address[i],
			.own_address = p->own_address[i],
			.port = p->port[i],
			.own_port = p->own_port[i],
			.ip_id = load_be16(ip->id),
			.kind = p->kind[i],
			.use = p->use[i],
			.bucket = target_bucket(c, p->address[i], p->port[i], p->use[i], p->cookie[i]),
			.ttl = ip->ttl,
		};
		tcp_reply_fill((const struct wire_tcp *)(ip + 1), p->options[i], r);
	}
}
