/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of fields: what each is called, and how it is had from a record. */
#include "record/record.h"

#include "base/decimal.h"
#include "base/ipv4.h"
#include "base/time.h"

#define UNUSED __attribute__((unused))
#define GETTER(name)                                                                               \
	static void get_##name(UNUSED const struct record_scan *r,                                 \
			       UNUSED const struct record_clock *clock, struct record_value *out)

static bool
is_tcp(const struct record_scan *r)
{
	return r->reply.kind == CLASSIFY_SYNACK || r->reply.kind == CLASSIFY_RST;
}

static bool
is_icmp(const struct record_scan *r)
{
	return r->reply.kind == CLASSIFY_ICMP || r->reply.kind == CLASSIFY_ECHOREPLY;
}

/* Of a ping, the id stands where our port would be: that is none. */
static bool
has_ports(const struct record_scan *r)
{
	return r->reply.port != 0;
}

static inline void
set_int_if(struct record_value *out, bool there, uint64_t number)
{
	out->type = there ? RECORD_INT : RECORD_ABSENT;
	out->number = number;
}

static inline void
set_bool(struct record_value *out, bool value)
{
	out->type = RECORD_BOOL;
	out->number = value;
}

static inline void
set_text(struct record_value *out, const char *text)
{
	out->type = RECORD_STRING;
	out->text = text;
	out->text_len = (uint32_t)strlen(text);
}

static void
set_address(struct record_value *out, uint32_t address)
{
	out->type = RECORD_STRING;
	out->text = out->scratch;
	out->text_len = ipv4_format(address, out->scratch);
}

/* Fields that a record has whatever its kind, and those that depend on it. */
#define GETTER_INT(name, there, value)                                                             \
	GETTER(name)                                                                               \
	{                                                                                          \
		set_int_if(out, there, value);                                                     \
	}
#define GETTER_BOOL(name, value)                                                                   \
	GETTER(name)                                                                               \
	{                                                                                          \
		set_bool(out, value);                                                              \
	}
#define GETTER_ADDRESS(name, value)                                                                \
	GETTER(name)                                                                               \
	{                                                                                          \
		set_address(out, value);                                                           \
	}

GETTER_ADDRESS(saddr, r->reply.address)
GETTER_INT(saddr_raw, true, __builtin_bswap32(r->reply.address))
GETTER_ADDRESS(daddr, r->reply.own_address)
GETTER_INT(daddr_raw, true, __builtin_bswap32(r->reply.own_address))
GETTER_INT(ipid, true, r->reply.ip_id)
GETTER_INT(ttl, true, r->reply.ttl)
GETTER_INT(sport, has_ports(r), r->reply.port)
GETTER_INT(dport, has_ports(r), r->reply.own_port)
GETTER_INT(seqnum, is_tcp(r), r->reply.seq)
GETTER_INT(acknum, is_tcp(r), r->reply.ack)
GETTER_INT(window, is_tcp(r), r->reply.window)
GETTER_INT(tcpopt_mss, r->reply.has_mss, r->reply.mss)
GETTER_INT(tcpopt_wscale, r->reply.has_wscale, UINT64_C(1) << (r->reply.wscale & 63))
GETTER_INT(tcpopt_sack_perm, r->reply.has_sack_perm, 1)
GETTER_INT(tcpopt_ts_val, r->reply.has_timestamp, r->reply.ts_value)
GETTER_INT(tcpopt_ts_ecr, r->reply.has_timestamp, r->reply.ts_echo)
GETTER_BOOL(success, classify_is_success(r->reply.kind))
GETTER_INT(icmp_type, is_icmp(r), r->reply.icmp_type)
GETTER_INT(icmp_code, is_icmp(r), r->reply.icmp_code)
GETTER_BOOL(repeat, r->repeat)
GETTER_BOOL(cooldown, r->cooldown)
GETTER_INT(probe_num, true, r->probe_num)

GETTER(record)
{
	set_text(out, "scan");
}

GETTER(classification)
{
	set_text(out, classify_kind_name((enum classify_kind)r->reply.kind));
}

GETTER(icmp_responder)
{
	if (r->reply.kind == CLASSIFY_ICMP)
		set_address(out, r->reply.icmp_responder);
	else
		out->type = RECORD_ABSENT;
}

/* ZMap's words for the codes of "destination unreachable", its spelling of code 14 included. */
static const char *const unreachable_names[16] = {
	"network unreachable",
	"host unreachable",
	"protocol unreachable",
	"port unreachable",
	"fragments required",
	"source route failed",
	"network unknown",
	"host unknown",
	"source host isolated",
	"network admin. prohibited",
	"host admin. prohibited",
	"network unreachable TOS",
	"host unreachable TOS",
	"communication admin. prohibited",
	"host presdence violation",
	"precedence cutoff",
};

GETTER(icmp_unreach_str)
{
	const struct reply *reply = &r->reply;

	if (reply->kind == CLASSIFY_ICMP && reply->icmp_type == ICMP_UNREACHABLE &&
	    reply->icmp_code < 16)
		set_text(out, unreachable_names[reply->icmp_code]);
	else
		out->type = RECORD_ABSENT;
}

static uint64_t
wall_ns(const struct record_scan *r, const struct record_clock *clock)
{
	return clock->start_wall_ns + r->reply.received_ns;
}

GETTER(timestamp_ts)
{
	set_int_if(out, true, wall_ns(r, clock) / NS_PER_SEC);
}

GETTER(timestamp_us)
{
	set_int_if(out, true, wall_ns(r, clock) % NS_PER_SEC / NS_PER_US);
}

/* "2026-11-22T13:02:11.123+0000"; always UTC. Years end at 2554 with the clock's 64 bits. */
GETTER(timestamp_str)
{
	uint64_t ns = wall_ns(r, clock);
	char *p = decimal_put_time(out->scratch, (int64_t)(ns / NS_PER_SEC));

	*p++ = '.';
	p = decimal_put_padded(p, 3, ns % NS_PER_SEC / NS_PER_MS);
	memcpy(p, "+0000", 5);
	out->type = RECORD_STRING;
	out->text = out->scratch;
	out->text_len = (uint32_t)(p + 5 - out->scratch);
}

#define FIELD(name, type) {#name, sizeof(#name) - 1, type, get_##name}

static const struct record_field fields[] = {
	FIELD(record, RECORD_STRING),
	FIELD(saddr, RECORD_STRING),
	FIELD(saddr_raw, RECORD_INT),
	FIELD(daddr, RECORD_STRING),
	FIELD(daddr_raw, RECORD_INT),
	FIELD(ipid, RECORD_INT),
	FIELD(ttl, RECORD_INT),
	FIELD(sport, RECORD_INT),
	FIELD(dport, RECORD_INT),
	FIELD(seqnum, RECORD_INT),
	FIELD(acknum, RECORD_INT),
	FIELD(window, RECORD_INT),
	FIELD(tcpopt_mss, RECORD_INT),
	FIELD(tcpopt_wscale, RECORD_INT),
	FIELD(tcpopt_sack_perm, RECORD_INT),
	FIELD(tcpopt_ts_val, RECORD_INT),
	FIELD(tcpopt_ts_ecr, RECORD_INT),
	FIELD(classification, RECORD_STRING),
	FIELD(success, RECORD_BOOL),
	FIELD(icmp_responder, RECORD_STRING),
	FIELD(icmp_type, RECORD_INT),
	FIELD(icmp_code, RECORD_INT),
	FIELD(icmp_unreach_str, RECORD_STRING),
	FIELD(repeat, RECORD_BOOL),
	FIELD(cooldown, RECORD_BOOL),
	FIELD(timestamp_str, RECORD_STRING),
	FIELD(timestamp_ts, RECORD_INT),
	FIELD(timestamp_us, RECORD_INT),
	FIELD(probe_num, RECORD_INT),
};

size_t
record_field_count(void)
{
	return sizeof(fields) / sizeof(fields[0]);
}

const struct record_field *
record_field_at(size_t i)
{
	return i < record_field_count() ? &fields[i] : NULL;
}
