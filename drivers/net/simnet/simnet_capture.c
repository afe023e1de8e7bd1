/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is sent on a port, into a file as libpcap has them: with the times of the port's clock, to the
 * nanosecond. For tests of when things leave; queues take turns at the file.
 */
#include "simnet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

#define MAGIC_NS UINT32_C(0xa1b23c4d)
#define LINKTYPE_ETHERNET 1
#define FRAME_MAX 65535

struct head {
	uint32_t magic;
	uint16_t version_major;
	uint16_t version_minor;
	uint32_t zone;
	uint32_t accuracy;
	uint32_t frame_max;
	uint32_t linktype;
};

struct frame_head {
	uint32_t seconds;
	uint32_t nanoseconds;
	uint32_t captured;
	uint32_t len;
};

FILE *
simnet_capture_open(const char *path)
{
	const struct head head = {MAGIC_NS, 2, 4, 0, 0, FRAME_MAX, LINKTYPE_ETHERNET};
	FILE *f = fopen(path, "we");

	if (f == NULL)
		SIMNET_LOG(ERR, "cannot write the capture %s: %s\n", path, strerror(errno));
	else
		fwrite(&head, sizeof(head), 1, f);
	return f;
}

void
simnet_capture(FILE *f, struct rte_mbuf *const *mbufs, unsigned int n, uint64_t now_ns)
{
	flockfile(f);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = rte_pktmbuf_data_len(mbufs[i]);
		const struct frame_head head = {(uint32_t)(now_ns / NS_PER_SEC), (uint32_t)(now_ns % NS_PER_SEC),
						len, len};

		fwrite_unlocked(&head, sizeof(head), 1, f);
		fwrite_unlocked(rte_pktmbuf_mtod(mbufs[i], const uint8_t *), len, 1, f);
	}
	funlockfile(f);
}

void
simnet_capture_close(FILE *f)
{
	bool failed = ferror(f) != 0;

	if (fclose(f) != 0 || failed)
		SIMNET_LOG(ERR, "the capture is not complete\n");
}
