/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A world file, a NUL, and frames sent into that world: each a length of two bytes, least first,
 * and so many bytes; with the highest bit of the length set, checksums are made good, since no
 * fuzzer guesses them. Where the file has faults, the frames go into a world that has a bit of
 * everything.
 */
#include "worldfile/worldfile.h"
#include "worlds_fuzz.h"

#define EVENTS 64
#define CONNECTIONS 4
#define FRAMES_MAX 64
#define ANSWERS_MAX 512

static const struct world_network fallback_network = {
	.range = {0, UINT32_MAX},
	.open = 30 * WORLDS_PERCENT,
	.closed = 30 * WORLDS_PERCENT,
	.unreachable = 30 * WORLDS_PERCENT,
	.echo = 50 * WORLDS_PERCENT,
	.latency_max_ns = 20 * NS_PER_MS,
	.duplicate = 10 * WORLDS_PERCENT,
	.reorder = 10 * WORLDS_PERCENT,
	.corrupt = 10 * WORLDS_PERCENT,
	.synack_retries = 2,
};

static void
check_description(const struct world *w)
{
	const struct world_description *d = world_describe(w);

	CHECK(d->networks_count <= WORLD_NETWORKS_MAX);
	for (size_t i = 0; i < d->networks_count; i++) {
		const struct world_network *n = &d->networks[i];
		char name[WORLD_NETWORK_NAME_SIZE];

		CHECK(world_network_name(n, name) < sizeof(name));
		CHECK(world_network_of(w, n->range.first) <= i);
		CHECK(world_network_of(w, n->range.last) <= i);
		CHECK(world_state(w, n->range.first, 80) <= WORLD_SILENT);
		CHECK(world_service_at(w, n->range.first, 80)->kind < WORLD_SERVICE_KINDS);
		for (size_t j = 0; j < n->ports_count; j++) {
			const struct world_port *p = &n->ports[j];

			CHECK(p->open + p->closed + n->unreachable <= WORLD_SHARE_ONE);
		}
	}
}

/* A world from the text, or NULL; faults exactly where there is none. */
static struct world *
read_world(const char *text, size_t len)
{
	struct diag diag = DIAG_EMPTY;
	struct world *w;
	int rc = worldfile_parse("w.yaml", text, len, &diag, &w);

	CHECK((rc == 0) == (w != NULL));
	CHECK((rc == 0) == diag_is_empty(&diag));
	for (size_t i = 0; i < diag.count; i++) {
		char line[512];

		CHECK(diag_format(&diag, i, line, sizeof(line)) > 0);
	}
	diag_reset(&diag);
	if (w != NULL)
		check_description(w);
	return w;
}

static void
check_heard(const struct world_intake *in, const struct world *w)
{
	const struct world_counters *c = &in->counters;
	uint64_t sum = c->answers + c->echo + c->arp + c->dns + c->other + c->malformed + c->bad_checksum;

	for (size_t i = 0; i <= world_describe(w)->networks_count; i++)
		sum += world_tally_syn(&in->tallies[i]);
	CHECK(sum == c->frames);
}

/* Checksums of what looks like IPv4, as far as its lengths are true. */
static void
help(uint8_t *frame, size_t len)
{
	struct wire_ipv4 *ip = (struct wire_ipv4 *)(frame + 14);
	size_t header_len, total, rest;

	if (len < 14 + sizeof(*ip))
		return;
	header_len = (size_t)(ip->version_ihl & 0xf) * 4;
	total = load_be16(ip->total_length);
	if (header_len < sizeof(*ip) || total < header_len || total > len - 14)
		return;
	rest = total - header_len;
	wire_ipv4_checksum_set(ip, header_len);
	if (ip->protocol == IP_PROTO_TCP && rest >= sizeof(struct wire_tcp)) {
		wire_tcp_checksum_set(ip, (uint8_t *)ip + header_len, (uint16_t)rest);
	} else if (ip->protocol == IP_PROTO_ICMP && rest >= sizeof(struct wire_icmp)) {
		struct wire_icmp *icmp = (struct wire_icmp *)((uint8_t *)ip + header_len);

		store_be16(icmp->checksum, 0);
		store_be16(icmp->checksum, wire_checksum_fold(wire_sum(icmp, rest, 0)));
	}
}

static void
send_frames(struct worlds_rig *rig, const uint8_t *data, size_t size)
{
	for (unsigned int i = 0; i < FRAMES_MAX && size >= 2; i++) {
		size_t len = data[0] | (size_t)(data[1] & 0x7f) << 8;
		int helped = data[1] & 0x80;
		uint8_t *frame;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		frame = fuzz_copy(data, len);
		if (helped)
			help(frame, len);
		worlds_send(rig, frame, len);
		free(frame);
		check_heard(rig->intake, rig->world);
		rig->now_ns += NS_PER_MS;
		data += len;
		size -= len;
	}
}

static void
take_answers(struct worlds_rig *rig)
{
	uint64_t last_ns = 0;

	for (unsigned int i = 0; i < ANSWERS_MAX; i++) {
		const struct world_counters *c = world_stage_counters(rig->stage);

		CHECK(world_stage_idle_until_ns(rig->stage) <= world_stage_next_ns(rig->stage));
		if (worlds_next(rig, 100 * NS_PER_SEC) == 0)
			return;
		CHECK(rig->now_ns >= last_ns);
		CHECK(rig->len >= WIRE_FRAME_MIN && rig->len <= WORLD_FRAME_MAX);
		CHECK(c->frames_out == c->synacks + c->resets + c->unreachables + c->echo_replies +
					      c->arp_replies + c->forged + c->segments + c->datagrams);
		last_ns = rig->now_ns;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
	size_t text_len = nul != NULL ? (size_t)(nul - data) : size;
	struct world_description d = {.networks = &fallback_network, .networks_count = 1};
	struct world_stage_config config = {.events = EVENTS, .index = 0, .count = 1,
					    .connections = CONNECTIONS};
	struct worlds_rig rig = {0};

	rig.world = read_world((const char *)data, text_len);
	if (rig.world == NULL)
		CHECK(world_create(&d, &rig.world) == 0);
	rig.intake = world_intake_create(rig.world);
	rig.stage = world_stage_create(rig.world, &config);
	CHECK(rig.intake != NULL && rig.stage != NULL);
	if (nul != NULL)
		send_frames(&rig, nul + 1, size - text_len - 1);
	take_answers(&rig);
	worlds_close(&rig);
	return 0;
}
