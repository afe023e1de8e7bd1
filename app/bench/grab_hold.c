/* SPDX-License-Identifier: BSD-3-Clause */
#include "grab_hold.h"

#include <errno.h>
#include <unistd.h>

#define SAMPLES 9
#define FIRST_TARGET 0x0b000000u /* 11.0.0.0 */

/* Resident bytes of this process; 0 where nobody tells. */
static double
resident_bytes(void)
{
	FILE *in = fopen("/proc/self/statm", "re");
	unsigned long size, resident = 0;

	if (in == NULL)
		return 0;
	if (fscanf(in, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(in);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* The answer of a host to the scan's SYN, as a receiver passes it on. */
static struct reply
synack(const struct grab_rig *g, uint16_t port, uint32_t i)
{
	const struct probe_ports *ports = &g->subject.probe.pool.plan.ports[COOKIE_PROBE];

	return (struct reply){
		.kind = CLASSIFY_SYNACK,
		.address = FIRST_TARGET + i,
		.port = port,
		.own_address = g->subject.inputs.sources.addresses[0],
		.own_port = ports->base,
		.seq = i * 2654435761u,
		.ack = i,
		.window = 65535,
		.mss = 1460,
		.wscale = 7,
		.ttl = 64,
		.has_mss = true,
		.has_wscale = true,
		.has_sack_perm = true,
	};
}

/* A burst: adopted, and what that made to send built; sent on another's account. */
static int
adopt_burst(struct grab_rig *g, uint16_t port, uint32_t first, uint32_t n, double *cpu_ns)
{
	double start = grab_cpu_ns();

	for (uint32_t i = 0; i < n; i++) {
		struct reply r = synack(g, port, first + i);

		if (grabber_adopt(g->grabber, &r, clock_now_ns(&g->clock)) != GRABBER_ADOPTED)
			return -ENOBUFS;
		ledger_add(&g->ledger, LEDGER_ADOPTED, 1);
		ledger_add(&g->ledger, LEDGER_FIRST_AGAIN, 1);
	}
	grabber_poll(g->grabber, clock_now_ns(&g->clock));
	*cpu_ns += grab_cpu_ns() - start - g->clock_cost_ns;
	while (!tx_is_empty(&g->tx))
		tx_flush(&g->tx);
	return 0;
}

int
grab_hold(struct grab_rig *g, uint16_t port, uint32_t count, struct grab_held *out)
{
	uint32_t each = count / SAMPLES / PORT_BURST * PORT_BURST, done = 0;
	double before = resident_bytes();
	int rc = 0;

	out->adoptions_per_s.count = 0;
	while (out->adoptions_per_s.count < SAMPLES) {
		double cpu_ns = 0;

		for (uint32_t i = 0; i < each && rc == 0; i += PORT_BURST)
			rc = adopt_burst(g, port, done + i, PORT_BURST, &cpu_ns);
		if (rc != 0)
			return rc;
		done += each;
		out->adoptions_per_s.value[out->adoptions_per_s.count++] = each * 1e9 / cpu_ns;
	}
	out->bytes_each = (resident_bytes() - before) / done;
	return 0;
}
