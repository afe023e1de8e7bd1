/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Probe modules: what is sent to a target, and where its reply must go.
 *
 * A module makes one template frame for a port of the machine, and patches bursts of copies of it
 * for targets. Everything that varies is a function of the target's cookie (cookie/cookie.h), so
 * that the attempts of one target are one connection's SYN sent again (or one ping), and a reply is
 * validated without state. Where the protocol has no ports, a target's port is 0 and the id of an
 * echo request stands for the source port.
 *
 * The source port carries the bucket: source port = base + slot * 256 + bucket, where bucket is
 * eight bits of the cookie. Steering a reply to its worker is arithmetic on its destination port.
 *
 * Pure. A struct probe is immutable once made; any lcore may use it.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipv4.h"
#include "cookie/cookie.h"
#include "wire/wire.h"

#define PROBE_BUCKETS 256

/* Ports that one use of the port plan has: base + slot * PROBE_BUCKETS + bucket, slot < slots. */
struct probe_ports {
	uint16_t base;
	uint16_t slots;
};

/*
 * One port plan for everything that opens a flow, in disjoint ranges of whole slots that follow one
 * another from the first port on. Probes have half of the slots, coverage probes half of what is
 * left, active opens half of what is left then, DNS the rest; but none less than one. Up to 255
 * ports that fill no slot stay unused at the end.
 */
struct probe_port_plan {
	struct probe_ports ports[4]; /* by enum cookie_plan */
};

/* The fewest source ports a plan needs: a slot of every use. */
#define PROBE_PORTS_MIN (4 * PROBE_BUCKETS)

/* Divide first..last, first not 0. 0, or -ERANGE when there are fewer than PROBE_PORTS_MIN. */
int probe_port_plan(uint16_t first, uint16_t last, struct probe_port_plan *plan);

/* The plan and bucket of a source port: 0, or -ENOENT when it is in none. */
static inline int
probe_port_find(const struct probe_port_plan *plan, uint16_t port, enum cookie_plan *use,
		uint8_t *bucket)
{
	for (unsigned int i = 0; i < sizeof(plan->ports) / sizeof(plan->ports[0]); i++) {
		uint32_t offset = (uint32_t)port - plan->ports[i].base;

		if (offset < (uint32_t)plan->ports[i].slots * PROBE_BUCKETS) {
			*use = (enum cookie_plan)i;
			*bucket = (uint8_t)offset;
			return 0;
		}
	}
	return -ENOENT;
}

/* Source port and first IP ID, from a cookie's high half. */
static inline uint8_t
probe_bucket(uint64_t cookie)
{
	return (uint8_t)(cookie >> 32);
}

/* What the two below say, in the lanes of 32 bits that loops over bursts are compiled to. */
static inline uint32_t
probe_source_port_wide(uint32_t base, uint32_t slots, uint32_t high)
{
	uint32_t slot = ((high >> 8 & 0xfff) * slots) >> 12;

	return base + slot * PROBE_BUCKETS + (high & (PROBE_BUCKETS - 1));
}

static inline uint32_t
probe_ip_id_wide(uint32_t high, uint32_t attempt)
{
	return ((high ^ high >> 16) + attempt * 0x9e37) & 0xffff;
}

static inline uint16_t
probe_source_port(const struct probe_ports *ports, uint64_t cookie)
{
	return (uint16_t)probe_source_port_wide(ports->base, ports->slots, (uint32_t)(cookie >> 32));
}

/* Attempts differ in the IP ID alone. TCP never echoes it; ICMP quotes do. */
static inline uint16_t
probe_ip_id(uint64_t cookie, uint8_t attempt)
{
	return (uint16_t)probe_ip_id_wide((uint32_t)(cookie >> 32), attempt);
}

/* Interfaces of one scan, and addresses that cookies are spread over, of all interfaces together. */
#define PROBE_IFACES_MAX 8
#define PROBE_SOURCES_MAX 4096

/* The top bits of a cookie name one of so many shares of all targets. */
#define PROBE_SHARES 4096

static inline uint32_t
probe_share(uint64_t cookie)
{
	return (uint32_t)(cookie >> 52);
}

/* What one interface sends from: an address for each of its shares, and ports. */
struct probe_pool {
	const uint32_t *addresses; /* ascending, host order */
	uint32_t address_count;
	uint32_t first_share;
	uint32_t shares;
	uint64_t scale; /* addresses a share, 32 fractional bits */
	struct probe_port_plan plan;
};

/* The source address of a target that goes out by this interface. */
static inline uint32_t
probe_pool_address(const struct probe_pool *p, uint64_t cookie)
{
	return p->addresses[(probe_share(cookie) - p->first_share) * p->scale >> 32];
}

/*
 * The sources of all interfaces: a target's cookie says by which one it goes out and from which of its
 * addresses, so all attempts of a target are one connection's SYN, whoever sends them. Replies may
 * come in by any interface. Holds pointers into itself: not to be moved.
 */
struct probe_sources {
	struct probe_pool pool[PROBE_IFACES_MAX];
	unsigned int count;
	bool is_one_plan;                       /* all interfaces have the same ports */
	uint32_t address_count;
	uint32_t addresses[PROBE_SOURCES_MAX];  /* of all, ascending */
	uint8_t owner[PROBE_SOURCES_MAX];       /* the interface of each */
	uint32_t pooled[PROBE_SOURCES_MAX];     /* the same, interface by interface */
	uint8_t iface_of_share[PROBE_SHARES];
};

/* What an interface has; ranges are borrowed for the call. */
struct probe_pool_config {
	const struct ipv4_range *ranges; /* may overlap: an address counts once */
	size_t range_count;
	uint16_t port_first;
	uint16_t port_last;
	uint64_t weight; /* its part of all targets, to that of the others; 1 to 2^40 */
};

/*
 * Divide the shares among the interfaces by their weights, to the nearest 4096th and at least one each. 0;
 * -E2BIG for more than PROBE_SOURCES_MAX addresses; -EEXIST when two interfaces share one; -ERANGE as
 * probe_port_plan(); -EINVAL for a count that is not 1 to PROBE_IFACES_MAX, no address or a weight of 0.
 */
int probe_sources_init(struct probe_sources *s, const struct probe_pool_config *pools,
		       unsigned int count);

/* The interface by which a target goes out. */
static inline unsigned int
probe_iface_of(const struct probe_sources *s, uint64_t cookie)
{
	return s->iface_of_share[probe_share(cookie)];
}

/* The interface that an address of ours is of: 0, or -ENOENT when it is none of ours. */
int probe_sources_find(const struct probe_sources *s, uint32_t address, unsigned int *iface);

/*
 * What a probe from (own_address, own_port) would be for: 0 and the plan, or -ENOENT. Only
 * probe_leaves_from() says whether there was one.
 */
static inline int
probe_use_find(const struct probe_sources *s, uint32_t own_address, uint16_t own_port,
	       enum cookie_plan *use)
{
	unsigned int iface = 0;
	uint8_t bucket;

	if (!s->is_one_plan && probe_sources_find(s, own_address, &iface) != 0)
		return -ENOENT;
	return probe_port_find(&s->pool[iface].plan, own_port, use, &bucket);
}

/* More attempts than any job makes. */
#define PROBE_ATTEMPTS_MAX 16

/* Which attempt had this IP ID: 0 also where a path has rewritten it. */
static inline uint8_t
probe_attempt(uint64_t cookie, uint16_t ip_id)
{
	for (uint8_t attempt = 1; attempt < PROBE_ATTEMPTS_MAX; attempt++)
		if (probe_ip_id(cookie, attempt) == ip_id)
			return attempt;
	return 0;
}

/*
 * How a SYN looks: the options and window of a system that everybody answers, in the order in which
 * that system has them. Never without options: hosts are lost that way. All set DF.
 *   windows  window 64240; MSS 1460, NOP, WScale 8, NOP, NOP, SACK-permitted (66-byte frame)
 *   linux    window 64240; MSS 1460, SACK-permitted, timestamps, NOP, WScale 7 (74-byte frame); the
 *            timestamp's value is a function of the cookie, its echo 0
 *   mss      window 65535; MSS 1460 (58-byte frame, 60 on the wire: line rate)
 */
enum probe_profile { PROBE_WINDOWS, PROBE_LINUX, PROBE_MSS };

/* What of a profile a connection that begins with its SYN goes on with. */
struct probe_syn {
	uint16_t window;
	uint8_t options_len;
	uint8_t options[20]; /* a timestamp's value is 0 */
};

/* NULL for a profile that is none. */
const struct probe_syn *probe_syn_of(enum probe_profile profile);

/* The highest VLAN id that may be used. */
#define PROBE_VLAN_MAX 4094

/* What a module needs of the port it sends from. */
struct probe_config {
	enum probe_profile profile;
	uint8_t ttl;
	uint16_t vlan; /* 1 to 4094: the tag's id; 0: no tag */
	uint8_t source_mac[WIRE_MAC_SIZE];
	uint8_t gateway_mac[WIRE_MAC_SIZE];
	const struct probe_sources *sources; /* of all interfaces; borrowed while the probe lives */
	unsigned int iface;                  /* which of them this is */
	struct cookie_key key;
};

/* An echo request's ICMP message, which the reply must say again: only the type differs. */
struct probe_echo {
	struct wire_icmp icmp; /* rest: id, which is the source port; probe_echo_seq() */
	uint8_t cookie[8];
};

_Static_assert(sizeof(struct probe_echo) == 16, "no padding");

/* What of the cookie is the sequence number: all that an error with a short quote brings back. */
static inline uint16_t
probe_echo_seq(uint64_t cookie)
{
	return (uint16_t)cookie;
}

#define PROBE_FRAME_MAX 96

/* A module made ready for one port. */
struct probe {
	const struct probe_module *module;
	struct probe_config config;
	struct probe_pool pool; /* the interface's */
	uint8_t template[PROBE_FRAME_MAX];
	uint16_t network;       /* where its IPv4 header stands */
	uint16_t frame_len;     /* without FCS; padding to WIRE_FRAME_MIN is the driver's to add */
	uint64_t ip_sum;        /* of the template's IPv4 header, variable fields zero */
	uint64_t transport_sum; /* of pseudo-header and segment, variable fields zero */
};

struct probe_module {
	const char *name; /* as the job names it */
	uint8_t protocol; /* IP protocol of the probe and its replies */
	/* Make template, frame_len and sums from p->config. 0, or -EINVAL. */
	int (*init)(struct probe *p);
	/*
	 * Patch n frames, each a copy of the template or an earlier patch of one, for n targets
	 * that go out by this interface.
	 * cookie[] comes from cookie_make_burst() with `use`; addresses and ports are in host
	 * order, ports 0 where the protocol has none.
	 */
	void (*fill)(const struct probe *p, enum cookie_plan use, uint8_t attempt, unsigned int n,
		     uint8_t *const *frame, const uint32_t *address, const uint16_t *port,
		     const uint64_t *cookie);
};

/* The modules there are. */
extern const struct probe_module probe_tcp_synscan;
extern const struct probe_module probe_icmp_echoscan;

/* The module of a name, or NULL. */
const struct probe_module *probe_module_find(const char *name);

/* Make a module ready. 0; -EINVAL for a config it cannot use. */
int probe_init(struct probe *p, const struct probe_module *module,
	       const struct probe_config *config);

/*
 * Whether a probe to the target of this cookie leaves from (own_address, own_port), by whichever
 * interface. The number it carries is the caller's to compare.
 */
static inline int
probe_leaves_from(const struct probe_sources *s, enum cookie_plan use, uint64_t cookie,
		  uint32_t own_address, uint16_t own_port)
{
	const struct probe_pool *pool = &s->pool[probe_iface_of(s, cookie)];

	return own_port == probe_source_port(&pool->plan.ports[use], cookie) &&
	       own_address == probe_pool_address(pool, cookie);
}

/*
 * Build a RST for a connection that nobody adopts: to (address, port) with the sequence number that
 * its SYN-ACK acknowledged (RFC 9293, 3.10.7.1). frame has room for PROBE_FRAME_MAX. Returns the
 * frame's length, without padding.
 */
uint16_t probe_build_rst(const struct probe *p, uint32_t address, uint16_t port,
			 uint32_t own_address, uint16_t own_port, uint32_t seq, uint16_t ip_id,
			 uint8_t *frame);

#endif /* PROBE_PROBE_H */
