/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The folders in which running scans have their sockets: root's is /run/asdic, another's
 * $XDG_RUNTIME_DIR/asdic, and where that is not set /tmp/asdic-UID. $ASDIC_RUN_DIR names the one there is
 * in place of all of them.
 *
 * A folder is private: a directory, no link, its user's, mode 0700. One that is not is not used, since
 * somebody else may have made it.
 */
#ifndef LIVE_FOLDER_H
#define LIVE_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#define LIVE_FOLDER_VARIABLE "ASDIC_RUN_DIR"

struct live_folder {
	char path[PATH_MAX];
	uid_t owner;
	int fd; /* O_PATH */
};

/*
 * Open the caller's own folder; make it if need be, when asked to. 0; -ENOENT; -EPERM when it is not
 * private; or the file system's errno. f->path is set in any case.
 */
int live_folder_open(struct live_folder *f, bool make);

/*
 * Open the i-th of the folders in which there may be sockets for the caller: his own first, then where a
 * scan of his in another environment would have it; for root everybody's. 0; -ERANGE when there is none
 * beyond; or as live_folder_open(), which is no reason not to go on.
 */
int live_folder_open_nth(struct live_folder *f, size_t i);

/*
 * The address of a socket in an open folder, whatever the folder's path's length and whoever moves it. 0 or
 * -ENAMETOOLONG.
 */
int live_folder_address(const struct live_folder *f, const char *file, struct sockaddr_un *address);

void live_folder_close(struct live_folder *f);

#endif /* LIVE_FOLDER_H */
