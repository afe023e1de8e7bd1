/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments into a host that speaks. The first bytes choose its service; the harness makes the
 * handshake, which no fuzzer guesses; then each seven bytes are a segment: flags, what is added to
 * the right sequence and acknowledgement numbers, window, how many bytes of data, and the time that
 * passes before it.
 */
#include "worlds_fuzz.h"

#define EVENTS 256
#define CONNECTIONS 2
#define SEGMENT_SIZE 7
#define HEADER_SIZE 4
#define SEGMENTS_MAX 200
#define ISS 0xfffffff0

/* The scanner's view of the host's numbers, as far as it is heard. */
struct view {
	uint32_t isn;
	uint32_t next;
	uint32_t said; /* bytes by the scanner, in order */
};

static struct world_service
service_from(const uint8_t *data)
{
	struct world_service s = WORLD_SERVICE_PLAIN;

	s.kind = data[0] % (WORLD_SERVICE_MALFORMED + 1);
	s.cue = data[0] / 8 % 4;
	s.reset = data[1] % 8 < 4 ? data[1] % 4 : WORLD_RESET_NEVER;
	s.close = data[1] / 8 % 5;
	s.malformed = data[1] / 64 % WORLD_MALFORMED_KINDS;
	s.overlap = (data[2] & 1) != 0;
	s.junk = (data[2] & 2) != 0;
	s.segment = (data[2] & 4) != 0 ? 1 + data[3] : 0;
	s.mss = (data[2] & 8) != 0 ? 88 : 0;
	s.window = (data[2] & 16) != 0 ? data[3] : WORLD_WINDOW_UNSAID;
	s.silent_after = (data[2] & 32) != 0 ? data[3] * 16u : WORLD_NEVER_SILENT;
	s.text = "All that a host could ever have to say to whoever came this way.\r\n";
	s.text_len = strlen(s.text);
	return s;
}

static void
listen_until(struct worlds_rig *rig, uint64_t until_ns, struct view *view)
{
	/* Endless streams are not waited for. */
	for (unsigned int i = 0; i < 4 * EVENTS && worlds_next(rig, until_ns) > 0; i++) {
		const struct wire_tcp *tcp = worlds_tcp(rig->frame, rig->len);

		CHECK(rig->len >= WIRE_FRAME_MIN && rig->len <= WORLD_FRAME_MAX);
		CHECK(tcp != NULL);
		if ((tcp->flags & TCP_SYN) != 0)
			view->isn = view->next = load_be32(tcp->seq) + 1;
		else if ((tcp->flags & TCP_RST) == 0)
			view->next = load_be32(tcp->seq);
	}
	if (rig->now_ns < until_ns)
		rig->now_ns = until_ns;
}

static void
segment_send(struct worlds_rig *rig, const struct worlds_segment *s)
{
	uint8_t frame[2048], *copy;
	size_t len = worlds_segment(s, frame);

	copy = fuzz_copy(frame, len);
	worlds_send(rig, copy, len);
	free(copy);
}

static void
segments_send(struct worlds_rig *rig, const uint8_t *data, size_t size, struct view *view)
{
	struct worlds_segment s = {.dst = 0x0a000001, .src_port = 4000, .dst_port = 80,
				   .flags = TCP_SYN, .seq = ISS};

	segment_send(rig, &s);
	listen_until(rig, NS_PER_SEC / 10, view);
	s.has_window = true;
	for (unsigned int i = 0; i < SEGMENTS_MAX && size >= SEGMENT_SIZE; i++) {
		s.flags = (data[0] & (TCP_FIN | TCP_RST | TCP_PSH)) | TCP_ACK;
		s.seq = ISS + 1 + view->said + (uint32_t)(int8_t)data[1];
		s.ack = view->next + (uint32_t)(int32_t)(int8_t)data[2] * 16;
		s.window = (uint16_t)(data[3] << 8 | data[4]);
		s.data_len = (uint16_t)(data[5] * 6);
		s.ip_id++;
		segment_send(rig, &s);
		if (data[1] == 0)
			view->said += s.data_len;
		listen_until(rig, rig->now_ns + data[6] * 50 * NS_PER_MS, view);
		data += SEGMENT_SIZE;
		size -= SEGMENT_SIZE;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world_service service;
	const struct world_offer offer = {0, WORLD_SHARE_ONE};
	struct world_network n = {
		.range = {0, UINT32_MAX},
		.open = WORLD_SHARE_ONE,
		.latency_max_ns = 20 * NS_PER_MS,
		.synack_retries = 2,
		.offers = {&offer, 1},
	};
	struct world_description d = {.networks = &n, .networks_count = 1, .services = &service,
				      .services_count = 1};
	const struct world_counters *c;
	struct worlds_rig rig;
	struct view view = {0};

	if (size < HEADER_SIZE)
		return 0;
	service = service_from(data);
	n.reorder = n.duplicate = (data[2] & 64) != 0 ? 20 * WORLDS_PERCENT : 0;
	CHECK(worlds_open_servers(&rig, &d, EVENTS, CONNECTIONS) == 0);
	segments_send(&rig, data + HEADER_SIZE, size - HEADER_SIZE, &view);
	c = world_stage_counters(rig.stage);
	CHECK(c->connections_over <= c->connections);
	CHECK(c->connections - c->connections_over <= CONNECTIONS);
	CHECK(c->frames_out == c->synacks + c->segments);
	worlds_close(&rig);
	return 0;
}
