/* SPDX-License-Identifier: Apache-2.0 */
/* Files with several names: the first path seen of each. */
#ifndef DETRUN_ROOTFS_LINKS_H
#define DETRUN_ROOTFS_LINKS_H

#include <sys/stat.h>

#include "runtime/base/map.h"

struct links {
	struct map m; /* (dev, ino) → path */
};

/**
 * 1 and the first path when the file was seen by another name before (*@ret is valid until
 * links_free()), 0 when it is new or has one name only, or -ENOMEM.
 */
int links_seen(struct links *l, const struct stat *st, const char *path, const char **ret);
void links_free(struct links *l);

#endif
