/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine, judged for scanning: each check looks at one subject and adds what it finds to a report,
 * with the mend where something is wrong.
 *
 * What /proc and /sys say is read below a root folder, so that any machine can be judged from a copy of
 * its files. What only the kernel itself can be asked (by ioctl, netlink or a system call) is asked when
 * the root is this machine's, and is left out of the report of a copy.
 *
 * Nothing is changed on the machine, but for host_check_disk()'s file without a name. One thread at a
 * time; host_check_link() may change that thread's network namespace and comes back.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipv4.h"

enum host_level {
	HOST_OK,
	HOST_WARNING, /* slower, or less safe, than it could be */
	HOST_PROBLEM  /* it stops a scan, or spoils it */
};

struct host_finding {
	enum host_level level;
	const char *subject; /* a word or two; static */
	char *text;
	char *mend; /* NULL where there is none to give */
};

struct host_report {
	struct host_finding *items;
	size_t count;
	bool lacks_memory; /* some finding could not be kept */
};

#define HOST_REPORT_EMPTY {0}

/* mend may be NULL; it is copied. */
void host_add(struct host_report *r, enum host_level level, const char *subject, const char *mend,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));
size_t host_count(const struct host_report *r, enum host_level level);
void host_report_free(struct host_report *r);

/* The machine, and what is wanted of it. */
struct host {
	const char *root;      /* "" for this machine, else a folder that holds its proc and sys */
	bool has_job;          /* else what follows is a guess, and nothing of it stops a scan */
	bool needs_hugepages;  /* a PCI device does */
	unsigned int memory_mb; /* for packets */
	unsigned int lcores;
	uint64_t rate_pps; /* 0: none */
};

/* Whether the kernel may be asked, too. */
static inline bool
host_is_here(const struct host *h)
{
	return h->root[0] == '\0';
}

void host_check_memory(const struct host *h, struct host_report *r);    /* hugepages, RAM, memlock */
void host_check_cpu(const struct host *h, struct host_report *r);       /* cores, isolation, governor, SMT */
void host_check_clock(const struct host *h, struct host_report *r);     /* TSC, time of day */
void host_check_machine(const struct host *h, struct host_report *r);   /* virtual or not */
void host_check_forwarding(const struct host *h, struct host_report *r); /* forwarding, reverse path, firewall */
void host_check_iommu(const struct host *h, struct host_report *r);     /* IOMMU and VFIO */

/* What the process may do: rights for AF_PACKET, or for AF_XDP as well. */
void host_check_rights(const struct host *h, bool is_xdp, struct host_report *r);

/* A PCI NIC, as 0000:3b:00.0 or 3b:00.0; or all that there are, and how many. */
void host_check_nic(const struct host *h, const char *address, struct host_report *r);
size_t host_check_nics(const struct host *h, struct host_report *r);

/* A kernel's interface: state, MTU, offloads and those of its peer, XDP. */
void host_check_link(const struct host *h, const char *name, bool is_xdp, struct host_report *r);

/* Source addresses that the kernel of this network namespace has, too, on any interface. */
void host_check_sources(const struct host *h, const struct ipv4_range *sources, size_t count,
			struct host_report *r);

/* The folder of an output's file: room and speed. */
void host_check_disk(const struct host *h, const char *file, struct host_report *r);

/* The most memory that this program has held until now; 0 where it is not known. (getrusage() also counts
 * what its parent held before the program was loaded.) */
uint64_t host_peak_bytes(void);

#endif /* HOST_HOST_H */
