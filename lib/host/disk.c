/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "host/host.h"
#include "sys/sys.h"

#define TRIAL_BYTES (16u << 20)
#define CHUNK_BYTES (1u << 20)
#define ROOM_MB 1024 /* below it a scan of the Internet fills the disk soon */
#define SLOW_MBPS 20

/* Write to a file that has no name and is gone when it is closed. MB/s as it reaches the disk, or 0. */
static double
try_speed(const char *folder)
{
	char *chunk = calloc(1, CHUNK_BYTES);
	int fd = chunk != NULL ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;
	uint64_t start = sys_now_ns(CLOCK_MONOTONIC), spent;
	bool ok = fd >= 0;

	for (size_t done = 0; ok && done < TRIAL_BYTES; done += CHUNK_BYTES)
		ok = write(fd, chunk, CHUNK_BYTES) == (ssize_t)CHUNK_BYTES;
	ok = ok && fdatasync(fd) == 0;
	spent = sys_now_ns(CLOCK_MONOTONIC) - start;
	if (fd >= 0)
		close(fd);
	free(chunk);
	return ok && spent > 0 ? (double)TRIAL_BYTES / 1e6 / ((double)spent / 1e9) : 0;
}

static void
check_folder(const char *folder, struct host_report *r)
{
	struct statvfs fs;
	double mb, speed;

	if (statvfs(folder, &fs) != 0) {
		host_add(r, HOST_PROBLEM, "disk", "make the folder, or name another in output.file", "'%s': %s", folder,
			 strerror(errno));
		return;
	}
	if (access(folder, W_OK) != 0) {
		host_add(r, HOST_PROBLEM, "disk", "give the process the right to write there", "'%s': %s", folder,
			 strerror(errno));
		return;
	}
	mb = (double)fs.f_bavail * (double)fs.f_frsize / 1e6;
	speed = mb * 1e6 > 2.0 * TRIAL_BYTES ? try_speed(folder) : 0;
	if (mb < ROOM_MB)
		host_add(r, HOST_WARNING, "disk", "make room, or write elsewhere or compressed (.zst)",
			 "'%s' has %.0f MB free: about %.1f M records as NDJSON", folder, mb, mb / 490);
	else if (speed > 0 && speed < SLOW_MBPS)
		host_add(r, HOST_WARNING, "disk", "write to another disk, or compressed (.zst)",
			 "'%s' takes %.0f MB/s", folder, speed);
	else
		host_add(r, HOST_OK, "disk", NULL, "'%s' has %.0f MB free%s", folder, mb,
			 speed > 0 ? ", and takes what a scan writes" : "");
}

void
host_check_disk(const struct host *h, const char *file, struct host_report *r)
{
	struct stat st;
	char *copy;

	if (!host_is_here(h) || strcmp(file, "-") == 0 || (stat(file, &st) == 0 && !S_ISREG(st.st_mode)))
		return;
	copy = strdup(file);
	if (copy != NULL)
		check_folder(dirname(copy), r);
	free(copy);
}
