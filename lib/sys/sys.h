/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel is asked for in more places than one: its clocks, and folders on the disk.
 *
 * Any thread. On a data path, time is `port/clock.h`'s; in pure modules, an argument.
 */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include <stdint.h>
#include <time.h>

/* What a clock of clock_gettime(2) says, in ns. */
uint64_t sys_now_ns(clockid_t clock);

/*
 * Have the folder of a file on the disk, since a rename lasts no sooner: 0, or a negative errno. File
 * systems that cannot are taken at their word.
 */
int sys_sync_folder_of(const char *path);

#endif /* SYS_SYS_H */
