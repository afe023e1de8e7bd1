/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "base/time.h"
#include "sys/sys.h"

/*
 * The longest nap, and the shortest wait that allows one: waking up takes some tens of microseconds on
 * a busy or virtual machine, and the pacer does not let a probe that comes late catch up.
 */
#define NAP_MAX_NS (50 * NS_PER_US)
#define NAP_MIN_NS (60 * NS_PER_US)
#define NAP_EARLY_NS (40 * NS_PER_US)

struct placed_role {
	const struct role_ops *ops;
	void *context;
	_Atomic bool drained; /* written by the lcore, read by control */
};

/* One lcore's own; aligned so that no two lcores write one line. */
struct fabric_lcore {
	_Alignas(64) struct placed_role roles[FABRIC_ROLES_MAX];
	unsigned int count;
	struct fabric *fabric;
	_Alignas(64) _Atomic uint64_t rounds; /* ended; written by the lcore, read by control */
};

struct fabric {
	struct clock *clock;
	_Atomic int stage; /* written by control alone */
	unsigned int lcore_count;
	bool launched;
	struct fabric_lcore lcores[];
};

struct fabric *
fabric_new(unsigned int lcores, struct clock *clock)
{
	size_t size = sizeof(struct fabric) + lcores * sizeof(struct fabric_lcore);
	struct fabric *f = aligned_alloc(64, (size + 63) / 64 * 64);

	if (f == NULL)
		return NULL;
	memset(f, 0, size);
	f->clock = clock;
	f->lcore_count = lcores;
	for (unsigned int i = 0; i < lcores; i++)
		f->lcores[i].fabric = f;
	return f;
}

void
fabric_free(struct fabric *f)
{
	free(f);
}

int
fabric_add(struct fabric *f, unsigned int lcore, const struct role_ops *ops, void *context)
{
	struct fabric_lcore *l = &f->lcores[lcore];

	if (l->count == FABRIC_ROLES_MAX)
		return -ENOSPC;
	l->roles[l->count].ops = ops;
	l->roles[l->count].context = context;
	l->count++;
	return 0;
}

/* One round of a lcore's roles. */
static unsigned int
lcore_round(struct fabric_lcore *l, uint64_t now_ns, int stage)
{
	unsigned int work = 0;

	for (unsigned int i = 0; i < l->count; i++) {
		struct placed_role *r = &l->roles[i];

		if (stage < (int)r->ops->stage)
			work += r->ops->poll(r->context, now_ns);
		else if (!atomic_load_explicit(&r->drained, memory_order_relaxed))
			atomic_store_explicit(&r->drained, r->ops->drain(r->context, now_ns),
					      memory_order_release);
	}
	return work;
}

static uint64_t
lcore_next_ns(const struct fabric_lcore *l, uint64_t now_ns)
{
	uint64_t next = TIME_NEVER;

	for (unsigned int i = 0; i < l->count; i++) {
		const struct placed_role *r = &l->roles[i];
		uint64_t t = r->ops->next_ns(r->context, now_ns);

		if (t < next)
			next = t;
	}
	return next;
}

/* Sleep when the next thing known to come is far enough away. */
static void
nap(const struct fabric_lcore *l, uint64_t now_ns)
{
	uint64_t next = lcore_next_ns(l, now_ns), wait;
	struct timespec t = {0};

	wait = next > now_ns ? next - now_ns : 0;
	if (wait < NAP_MIN_NS) {
		rte_pause();
		return;
	}
	wait = wait - NAP_EARLY_NS < NAP_MAX_NS ? wait - NAP_EARLY_NS : NAP_MAX_NS;
	t.tv_nsec = (long)wait;
	nanosleep(&t, NULL);
}

static void
end_round(struct fabric_lcore *l)
{
	uint64_t n = atomic_load_explicit(&l->rounds, memory_order_relaxed);

	atomic_store_explicit(&l->rounds, n + 1, memory_order_release);
}

static int
lcore_main(void *arg)
{
	struct fabric_lcore *l = arg;
	int stage;

	while ((stage = atomic_load_explicit(&l->fabric->stage, memory_order_acquire)) <
	       FABRIC_STOPPED) {
		uint64_t now_ns = clock_now_ns(l->fabric->clock);

		if (lcore_round(l, now_ns, stage) == 0)
			nap(l, now_ns);
		end_round(l);
	}
	return 0;
}

int
fabric_launch(struct fabric *f)
{
	for (unsigned int i = 0; i < f->lcore_count; i++) {
		int rc = rte_eal_remote_launch(lcore_main, &f->lcores[i], i + 1);

		if (rc != 0)
			return rc;
		f->launched = true;
	}
	return 0;
}

/*
 * What this thread has written is seen by every thread of the process from here on. Lcores would need a
 * fence a round for it; here the kernel runs one on each of them instead (membarrier(2)). Where it will not,
 * the rounds that fabric_settle() waits for take far longer than any write is under way.
 */
static void
make_visible(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0 &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

int
fabric_settle(const struct fabric *f, uint64_t timeout_ns)
{
	static const struct timespec nap = {0, 20 * 1000};
	uint64_t end_ns = sys_now_ns(CLOCK_MONOTONIC) + timeout_ns, seen[FABRIC_LCORES_MAX];

	if (!f->launched)
		return 0;
	make_visible();
	for (unsigned int i = 0; i < f->lcore_count; i++)
		seen[i] = atomic_load_explicit(&f->lcores[i].rounds, memory_order_acquire);
	for (unsigned int i = 0; i < f->lcore_count; i++) {
		while (atomic_load_explicit(&f->lcores[i].rounds, memory_order_acquire) < seen[i] + 2) {
			if (sys_now_ns(CLOCK_MONOTONIC) > end_ns)
				return -ETIMEDOUT;
			nanosleep(&nap, NULL);
		}
	}
	return 0;
}

unsigned int
fabric_step(struct fabric *f)
{
	int stage = atomic_load_explicit(&f->stage, memory_order_relaxed);
	unsigned int work = 0;

	for (unsigned int i = 0; i < f->lcore_count; i++)
		work += lcore_round(&f->lcores[i], clock_now_ns(f->clock), stage);
	return work;
}

uint64_t
fabric_next_ns(const struct fabric *f)
{
	uint64_t next = TIME_NEVER;

	for (unsigned int i = 0; i < f->lcore_count; i++) {
		uint64_t t = lcore_next_ns(&f->lcores[i], clock_now_ns(f->clock));

		if (t < next)
			next = t;
	}
	return next;
}

void
fabric_enter(struct fabric *f, enum fabric_stage stage)
{
	atomic_store_explicit(&f->stage, stage, memory_order_release);
}

bool
fabric_is_drained(const struct fabric *f)
{
	int stage = atomic_load_explicit(&f->stage, memory_order_relaxed);

	for (unsigned int i = 0; i < f->lcore_count; i++) {
		const struct fabric_lcore *l = &f->lcores[i];

		for (unsigned int k = 0; k < l->count; k++)
			if ((int)l->roles[k].ops->stage == stage &&
			    !atomic_load_explicit(&l->roles[k].drained, memory_order_acquire))
				return false;
	}
	return true;
}

void
fabric_stop(struct fabric *f)
{
	fabric_enter(f, FABRIC_STOPPED);
	if (f->launched)
		rte_eal_mp_wait_lcore();
	f->launched = false;
}
