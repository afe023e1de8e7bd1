/* SPDX-License-Identifier: BSD-3-Clause */
/* What befalls a scan while it runs, told to whoever watches. Control thread. */
#ifndef SCAN_SAY_H
#define SCAN_SAY_H

/* "asdic: NAME: 12:34:56: what, and more" in a line of its own, also where the status has one that is rewritten. */
void say(const char *name, const char *what, const char *more);

#endif /* SCAN_SAY_H */
