/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of /proc/self/mountinfo. */
#ifndef DETRUN_MOUNTINFO_H
#define DETRUN_MOUNTINFO_H

#include <stdbool.h>

struct mount_line {
	char *root, *point, *type, *options; /* those of the file system, still escaped */
	unsigned long long id;
};

/** "31 23 0:28 ROOT POINT options [tags] - TYPE source OPTIONS", cut in place. */
bool mountinfo_cut(char *line, struct mount_line *ret);
/** The upper directory of the overlay that is mounted at @point, an absolute path: an fd, or -1. */
int mountinfo_upper(const char *point);

#endif
