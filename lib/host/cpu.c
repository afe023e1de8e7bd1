/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#include "host/file.h"

#define CPU_DIR "/sys/devices/system/cpu"
#define ISOLATION_CPUS 4 /* two for the kernel and its programs, two to poll */

static unsigned int
count_cpus(const char *list)
{
	cpu_set_t set;

	host_cpus(list, &set);
	return (unsigned int)CPU_COUNT(&set);
}

static void
check_cores(const struct host *h, struct host_report *r)
{
	char online[HOST_TEXT_SIZE], allowed[HOST_TEXT_SIZE];
	unsigned int cpus = host_read(h, online, CPU_DIR "/online") ? count_cpus(online) : 0, usable = cpus;

	if (host_value(h, allowed, "Cpus_allowed_list", "/proc/self/status"))
		usable = count_cpus(allowed);
	if (cpus == 0)
		return;
	if (h->lcores > usable)
		host_add(r, HOST_WARNING, "cores", "set lcores to the number of cores, or leave it at auto",
			 "%u lcores share %u cores", h->lcores, usable);
	else if (usable < 2)
		host_add(r, HOST_WARNING, "cores", "give the process two cores or more",
			 "one core does it all: sending waits for receiving and for the kernel");
	else
		host_add(r, HOST_OK, "cores", NULL, "%u of %u can be used (%s)", usable, cpus,
			 allowed[0] != '\0' ? allowed : online);
}

static void
check_isolation(const struct host *h, struct host_report *r)
{
	char isolated[HOST_TEXT_SIZE], quiet[HOST_TEXT_SIZE], online[HOST_TEXT_SIZE];

	host_read(h, online, CPU_DIR "/online");
	host_read(h, isolated, CPU_DIR "/isolated");
	host_read(h, quiet, CPU_DIR "/nohz_full");
	if (strcmp(quiet, "(null)") == 0)
		quiet[0] = '\0';
	if (isolated[0] != '\0' && quiet[0] != '\0')
		host_add(r, HOST_OK, "isolation", NULL, "isolcpus=%s, nohz_full=%s", isolated, quiet);
	else if (count_cpus(online) < ISOLATION_CPUS)
		host_add(r, HOST_OK, "isolation", NULL, "none, and too few cores to isolate some");
	else
		host_add(r, HOST_WARNING, "isolation",
			 "for the highest rates boot with isolcpus=2-N nohz_full=2-N rcu_nocbs=2-N, and start asdic "
			 "by taskset -c 2-N",
			 "%s: the kernel runs other tasks on the cores that poll, which delays packets now and then",
			 isolated[0] != '\0' ? "cores are isolated, but have the timer's ticks" : "no core is isolated");
}

static void
check_siblings(const struct host *h, struct host_report *r)
{
	char smt[HOST_TEXT_SIZE];

	if (!host_read(h, smt, CPU_DIR "/smt/active"))
		return;
	if (smt[0] == '1')
		host_add(r, HOST_WARNING, "SMT", "echo off > " CPU_DIR "/smt/control, or give asdic one thread of each core",
			 "two threads share a core: two lcores on one core run at little over half the speed each");
	else
		host_add(r, HOST_OK, "SMT", NULL, "each core has one thread");
}

static void
check_governor(const struct host *h, struct host_report *r)
{
	char governor[HOST_TEXT_SIZE];

	if (!host_read(h, governor, CPU_DIR "/cpu0/cpufreq/scaling_governor"))
		host_add(r, HOST_OK, "governor", NULL, "none: the kernel does not change the cores' frequency");
	else if (strcmp(governor, "performance") == 0)
		host_add(r, HOST_OK, "governor", NULL, "performance");
	else
		host_add(r, HOST_WARNING, "governor",
			 "echo performance | tee " CPU_DIR "/cpu*/cpufreq/scaling_governor",
			 "%s: cores that nap between packets are slow when they come", governor);
}

void
host_check_cpu(const struct host *h, struct host_report *r)
{
	check_cores(h, r);
	check_isolation(h, r);
	check_siblings(h, r);
	check_governor(h, r);
}

static bool
has_flag(const struct host *h, const char *flag)
{
	char flags[HOST_TEXT_SIZE];

	return host_value(h, flags, "flags", "/proc/cpuinfo") && host_has_word(flags, flag);
}

static void
check_tsc(const struct host *h, struct host_report *r)
{
	char source[HOST_TEXT_SIZE], flags[HOST_TEXT_SIZE];
	bool is_constant = has_flag(h, "constant_tsc") && has_flag(h, "nonstop_tsc");

	if (!host_value(h, flags, "flags", "/proc/cpuinfo"))
		return;
	host_read(h, source, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	if (is_constant && strcmp(source, "tsc") == 0)
		host_add(r, HOST_OK, "TSC", NULL, "constant, never stops, and is the kernel's clock");
	else if (is_constant)
		host_add(r, HOST_OK, "TSC", NULL, "constant and never stops; the kernel's clock is %s",
			 source[0] != '\0' ? source : "not known");
	else
		host_add(r, HOST_WARNING, "TSC", "let the hypervisor show the guest an invariant TSC (invtsc)",
			 "not constant: the rate and all times drift with the cores' frequency");
}

/* Timestamps in records are the kernel's time of day. */
static void
check_time(const struct host *h, struct host_report *r)
{
	struct timex t = {0};
	int state = host_is_here(h) ? adjtimex(&t) : -1;

	if (state < 0)
		return;
	if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		host_add(r, HOST_WARNING, "clock", "run chrony or systemd-timesyncd",
			 "the time of day is not synchronised: timestamps may be off");
	else
		host_add(r, HOST_OK, "clock", NULL, "the time of day is synchronised");
}

void
host_check_clock(const struct host *h, struct host_report *r)
{
	check_tsc(h, r);
	check_time(h, r);
}

/* What guests were seen to reach; above it their host's network is the bound. */
#define GUEST_PPS 100000

void
host_check_machine(const struct host *h, struct host_report *r)
{
	char vendor[HOST_TEXT_SIZE], product[HOST_TEXT_SIZE];

	host_read(h, vendor, "/sys/class/dmi/id/sys_vendor");
	host_read(h, product, "/sys/class/dmi/id/product_name");
	if (!has_flag(h, "hypervisor"))
		host_add(r, HOST_OK, "machine", NULL, "bare metal%s%s%s%s", vendor[0] != '\0' ? ": " : "", vendor,
			 product[0] != '\0' ? " " : "", product);
	else if (h->rate_pps == 0 || h->rate_pps > GUEST_PPS)
		host_add(r, HOST_WARNING, "machine",
			 "scan at 100,000 packets/s or less, pass a NIC through to the guest, or use bare metal",
			 "a virtual machine%s%s: above about 100,000 packets/s its host drops packets that nobody "
			 "counts, and scans miss hosts", vendor[0] != '\0' ? " of " : "", vendor);
	else
		host_add(r, HOST_OK, "machine", NULL,
			 "a virtual machine%s%s, at a rate that one can carry", vendor[0] != '\0' ? " of " : "", vendor);
}
