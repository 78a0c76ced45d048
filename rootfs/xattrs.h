/* SPDX-License-Identifier: Apache-2.0 */
/* The extended attributes that are a file's own: user.*, capabilities; not overlay's. */
#ifndef DETRUN_ROOTFS_XATTRS_H
#define DETRUN_ROOTFS_XATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xattr {
	char *name;
	uint8_t *value;
	size_t len;
};

bool xattr_wanted(const char *name);
/** Of the open file @fd, sorted by name. Free with xattrs_free(). 0 or -errno. */
int xattrs_read(int fd, struct xattr **ret, size_t *ret_n);
void xattrs_free(struct xattr *v, size_t n);

#endif
