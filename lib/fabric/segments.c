/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/segments.h"

#include <errno.h>
#include <stdio.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "base/span.h"
#include "fabric/receiver.h"
#include "flow/flow.h"
#include "wire/wire.h"

/* Frames that a worker may be behind: as many as come for 100,000 questions/s in 40 ms, for which it may be off its CPU. */
#define RING_SIZE 4096

/* Of a pool, however many workers there are: not all are behind at once. */
#define FRAMES_MAX 32768

struct rte_ring *
segments_ring_new(unsigned int receiver, unsigned int worker)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "segments-%u-%u", receiver, worker);
	return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* Where a packet is to go. */
struct way {
	uint8_t bucket;
	bool is_answer; /* to a question, over UDP */
};

/* By the port of ours that a packet, or what it quotes, is of. */
static int
find_way(const struct probe_sources *sources, const uint8_t *packet, size_t len, struct way *way)
{
	struct flow_packet segment;
	struct flow_quote quote;
	struct flow_tuple tuple;
	enum cookie_plan use;
	unsigned int iface;
	bool is_udp = false;

	if (flow_packet_read(packet, len, IP_PROTO_TCP, &segment) == 0)
		tuple = segment.tuple;
	else if (flow_quote_read(packet, len, IP_PROTO_TCP, &quote) == 0)
		tuple = quote.tuple;
	else if ((is_udp = flow_packet_read(packet, len, IP_PROTO_UDP, &segment) == 0))
		tuple = segment.tuple;
	else if ((is_udp = flow_quote_read(packet, len, IP_PROTO_UDP, &quote) == 0))
		tuple = quote.tuple;
	else
		return -ENOENT;
	if (probe_sources_find(sources, tuple.local, &iface) != 0 ||
	    probe_port_find(&sources->pool[iface].plan, tuple.local_port, &use, &way->bucket) != 0)
		return -ENOENT;
	way->is_answer = is_udp;
	return is_udp && use != COOKIE_DNS ? -ENOENT : 0;
}

/* What a connection or question may have to do with, beside the replies that name its target. */
static bool
may_concern(enum classify_kind kind)
{
	return kind == CLASSIFY_TCP_OTHER || kind == CLASSIFY_BAD_COOKIE || kind == CLASSIFY_ICMP ||
	       kind == CLASSIFY_OTHER;
}

static int
read_way(const struct segments_out *out, const struct rte_mbuf *m, struct way *way)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct wire_network net;

	if (wire_network_find(frame, m->data_len, &net) != 0)
		return -ENOENT;
	return find_way(out->sources, frame + net.offset, m->data_len - net.offset, way);
}

static bool
hand_over(const struct segments_out *out, const struct way *way, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(out->rings[receiver_worker_of(way->bucket, out->workers)], m) != 0)
		return false;
	ledger_add(out->ledger, LEDGER_SEGMENT_PASSED, 1);
	return true;
}

enum segments_fate
segments_pass(const struct segments_out *out, enum classify_kind kind, struct rte_mbuf *m)
{
	struct way way;

	if (out->rings == NULL || !may_concern(kind) || read_way(out, m, &way) != 0)
		return SEGMENTS_LEFT;
	ledger_add(out->ledger, LEDGER_SEGMENT_MET, 1);
	if (hand_over(out, &way, m))
		return SEGMENTS_PASSED;
	if (way.is_answer)
		return SEGMENTS_WAITS;
	segments_cut_off(out);
	return SEGMENTS_LEFT;
}

bool
segments_pass_again(const struct segments_out *out, struct rte_mbuf *m)
{
	struct way way;

	return read_way(out, m, &way) == 0 && hand_over(out, &way, m);
}

void
segments_cut_off(const struct segments_out *out)
{
	ledger_add(out->ledger, LEDGER_SEGMENT_CUT_OFF, 1);
}

static bool
is_known(const struct segments_in *in, const uint8_t *packet, size_t len, uint64_t now_ns)
{
	return (in->lookups != NULL && lookups_packet(in->lookups, packet, len, now_ns)) ||
	       (in->grabber != NULL && grabber_packet(in->grabber, packet, len, now_ns));
}

/* From its IPv4 header on; of no bytes where it has none. */
static struct span
packet_of(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct wire_network net;

	if (wire_network_find(frame, m->data_len, &net) != 0)
		return span_of(NULL, 0);
	return span_of(frame + net.offset, m->data_len - net.offset);
}

static void
take(const struct segments_in *in, struct span packet, uint64_t now_ns)
{
	if (packet.len > 0 && is_known(in, packet.at, packet.len, now_ns))
		ledger_add(in->ledger, LEDGER_SEGMENT_TAKEN, 1);
	else
		ledger_add(in->ledger, LEDGER_SEGMENT_STRAY, 1);
}

unsigned int
segments_take(const struct segments_in *in, struct rte_ring *ring, uint64_t now_ns)
{
	struct rte_mbuf *burst[PORT_BURST];
	unsigned int n = rte_ring_sc_dequeue_burst(ring, (void **)burst, PORT_BURST, NULL);
	struct span packet[PORT_BURST];

	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(burst[i], const void *));
	for (unsigned int i = 0; i < n; i++)
		packet[i] = packet_of(burst[i]);
	if (in->lookups != NULL)
		lookups_ahead(in->lookups, packet, n);
	for (unsigned int i = 0; i < n; i++)
		take(in, packet[i], now_ns);
	if (n > 0)
		rte_pktmbuf_free_bulk(burst, n);
	return n;
}

bool
segments_are_behind(struct rte_ring *ring)
{
	return rte_ring_count(ring) > PORT_BURST;
}

unsigned int
segments_frames(unsigned int workers)
{
	return workers < FRAMES_MAX / RING_SIZE ? workers * RING_SIZE : FRAMES_MAX;
}

void
segments_fini(struct rte_ring *ring, struct ledger *ledger)
{
	void *m;

	while (rte_ring_sc_dequeue(ring, &m) == 0) {
		ledger_add(ledger, LEDGER_SEGMENT_LEFT, 1);
		rte_pktmbuf_free(m);
	}
}
