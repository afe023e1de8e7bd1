/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * asdic-bench dns: a responder that knows every name, in memory and on the loopback, and what is measured
 * against it on kernel sockets.
 */
#ifndef BENCH_DNS_RESPONDER_H
#define BENCH_DNS_RESPONDER_H

#include <stddef.h>
#include <stdint.h>

#include "dnsmsg/dnsmsg.h"

#define DNS_RESPONDER_MAX (28 + DNS_QUERY_MAX + 32)

/* The name with a number, in wire form. Its length. */
size_t dns_responder_name(uint64_t number, uint8_t name[DNS_NAME_MAX]);

/* The answer to a whole query of one question, whatever follows it: an A record. Its length. */
size_t dns_responder_answer(const uint8_t *query, size_t len, uint8_t *answer);

/* The same of an IPv4 packet, from its header on, with its checksums. */
size_t dns_responder_packet(const uint8_t *packet, size_t len, uint8_t *out);

struct kernel_loop;

/* A responder on a thread of its own, and c-ares with a socket to it. NULL: no memory, or no sockets. */
struct kernel_loop *kernel_loop_new(void);
void kernel_loop_free(struct kernel_loop *k);

/* Lookups for so long: per second of the clock, and of this thread's CPU time. */
void kernel_loop_sample(struct kernel_loop *k, uint64_t for_ns, double *per_second, double *per_cpu_second);

#endif /* BENCH_DNS_RESPONDER_H */
