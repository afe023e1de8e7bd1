/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DNS messages (RFC 1035): names, questions and resource records, read from foreign bytes and written.
 *
 * A name in wire form is length-prefixed labels and the root's zero byte, uncompressed, DNS_NAME_MAX bytes at
 * most. Its bytes are any; names compare without regard to ASCII case (RFC 4343). A name in text has a
 * backslash before a dot or a backslash in a label and \DDD for what does not print (RFC 1035, 5.1); the
 * final dot is left out, but for the root, which is ".".
 *
 * Readers take a message as a span and never look outside. A compression pointer must point before
 * where the name's part that holds it begins, so a name is read in as many steps as it has parts, and no
 * message makes a loop.
 *
 * Pure; any thread.
 */
#ifndef DNSMSG_DNSMSG_H
#define DNSMSG_DNSMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/span.h"

#define DNS_NAME_MAX 255
#define DNS_LABEL_MAX 63
#define DNS_MESSAGE_MAX 65535

/* Room for the text of any name: each byte of a label as \DDD, and the terminator. */
#define DNS_TEXT_SIZE 1024

#define DNS_HEADER_BYTES 12
#define DNS_CLASS_IN 1
#define DNS_PORT 53

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_NAPTR = 35,
	DNS_DNAME = 39,
	DNS_OPT = 41,
	DNS_DS = 43,
	DNS_RRSIG = 46,
	DNS_DNSKEY = 48,
	DNS_TLSA = 52,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
	DNS_ANY = 255,
	DNS_CAA = 257,
};

/*
 * How a lookup ended: what the server said (RFC 1035 and on, by value), or one of zdns's words for
 * the rest.
 */
enum dns_status {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_RCODE_MAX = 15,
	DNS_TIMEOUT,           /* no answer to any try */
	DNS_ITERATIVE_TIMEOUT, /* nor from any of the servers on the way down, or the way was too long */
	DNS_TRUNCATED,         /* an answer that is cut, and TCP gave none */
	DNS_ERROR,             /* an answer that does not parse */
	DNS_AUTHFAIL,          /* an answer that whoever gave it had no right to give */
	DNS_NO_ANSWER,
	DNS_BLOCKED,           /* whom it would have been asked of is excluded */
	DNS_ILLEGAL_INPUT,     /* what was to be looked up is no name */
	DNS_NO_RESOLVER,       /* there was nobody to ask */
	DNS_STOPPED,           /* the run was ended before it was */
	DNS_STATUSES,
};

const char *dns_status_name(unsigned int status);

/* "AAAA", or "TYPE65280" (RFC 3597) in buf. And back; false: no type. */
#define DNS_TYPE_TEXT 16
const char *dns_type_name(uint16_t type, char buf[DNS_TYPE_TEXT]);
bool dns_type_parse(const char *text, size_t len, uint16_t *type);

/*
 * A name from text, with or without its final dot: the number of bytes in wire, or 0 when it is none: an empty
 * label, a label above DNS_LABEL_MAX, a name above DNS_NAME_MAX, a broken escape.
 */
size_t dns_name_from_text(const char *text, size_t len, uint8_t wire[DNS_NAME_MAX]);

/* Its text, terminated; the length. wire holds a whole name. */
size_t dns_name_to_text(const uint8_t *wire, char text[DNS_TEXT_SIZE]);

/* The bytes of a whole name, and the number of its labels, the root's not among them. */
size_t dns_name_size(const uint8_t *wire);
unsigned int dns_name_labels(const uint8_t *wire);

/*
 * Read a name, compressed or not, at *offset of a message: the bytes in wire, and *offset stands behind it.
 * 0 when there is none.
 */
size_t dns_name_read(struct span message, size_t *offset, uint8_t wire[DNS_NAME_MAX]);

/* Letters in lower case, in place: as two names that are equal are the same bytes. */
void dns_name_fold(uint8_t *wire);

bool dns_name_equal(const uint8_t *a, const uint8_t *b);

/* Whether name is zone or below it. */
bool dns_name_is_within(const uint8_t *name, const uint8_t *zone);

/* The name without its first label; the root's is the root. */
const uint8_t *dns_name_parent(const uint8_t *wire);

/* d.c.b.a.in-addr.arpa of an address in host order (RFC 1035, 3.5): the bytes. */
size_t dns_name_reverse(uint32_t address, uint8_t wire[DNS_NAME_MAX]);

/* The nibbles of an IPv6 address, the last first, below ip6.arpa (RFC 3596, 2.5): the bytes. */
size_t dns_name_reverse6(const uint8_t address[16], uint8_t wire[DNS_NAME_MAX]);

struct dns_header {
	uint16_t id;
	bool is_response;
	uint8_t opcode;
	bool authoritative;
	bool truncated;
	bool recursion_desired;
	bool recursion_available;
	bool authenticated;
	bool checking_disabled;
	uint8_t rcode;     /* the four bits of the header: extended ones are in OPT's TTL (RFC 6891) */
	uint16_t count[4]; /* questions, answers, authorities, additionals, as claimed */
};

bool dns_header_read(struct span message, struct dns_header *h);

struct dns_question {
	uint8_t name[DNS_NAME_MAX];
	uint16_t type;
	uint16_t class;
};

enum dns_section { DNS_ANSWERS = 1, DNS_AUTHORITIES = 2, DNS_ADDITIONALS = 3 };

/* A resource record: its data lies in the message, where names in it may be compressed. */
struct dns_rr {
	uint8_t name[DNS_NAME_MAX];
	uint8_t section; /* enum dns_section */
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	size_t at; /* the data's offset in the message */
	uint16_t len;
};

/* A way through the records of a message. Read its header; the rest is the reader's. */
struct dns_reader {
	struct dns_header header;
	struct span message;
	size_t offset;
	unsigned int section;
	unsigned int left; /* records of that section */
};

/* 0; -EBADMSG: no header. It stands before the questions. */
int dns_reader_init(struct dns_reader *r, struct span message);

/* The next question: 1; 0: no more; -EBADMSG. Questions that are not read are passed over. */
int dns_reader_question(struct dns_reader *r, struct dns_question *q);

/* The next record, section by section: 1; 0: no more; -EBADMSG, and the reader is at its end. */
int dns_reader_next(struct dns_reader *r, struct dns_rr *rr);

/*
 * A question as it goes to a resolver: class IN, one question, with RFC 6891's OPT when edns_bytes, the
 * largest answer over UDP that is welcome, is not 0. The length.
 */
#define DNS_QUERY_MAX (DNS_HEADER_BYTES + DNS_NAME_MAX + 4 + 11)

struct dns_query {
	uint16_t id;
	const uint8_t *name;
	uint16_t type;
	uint16_t edns_bytes;
	bool recurse;
};

size_t dns_query_write(const struct dns_query *q, uint8_t buf[DNS_QUERY_MAX]);

/*
 * Writing a message of any kind, for servers that are simulated and tests: begin, then question, then
 * records in the order of their sections. What does not fit is left out whole and overflow is set.
 * Names are not compressed, but for those that are the question's.
 */
struct dns_writer {
	uint8_t *buf;
	size_t size;
	size_t len;
	bool overflow;
};

void dns_writer_begin(struct dns_writer *w, uint8_t *buf, size_t size, const struct dns_header *h);
void dns_writer_question(struct dns_writer *w, const uint8_t *name, uint16_t type, uint16_t class);
void dns_writer_record(struct dns_writer *w, enum dns_section section, const uint8_t *name, uint16_t type,
		       uint32_t ttl, const void *data, uint16_t len);
void dns_writer_opt(struct dns_writer *w, uint16_t bytes);

#endif /* DNSMSG_DNSMSG_H */
