/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing tar: ustar, with PAX records only for what ustar cannot say. The bytes are a function of
 * the entries, whatever libraries are installed.
 */
#ifndef DETRUN_ROOTFS_TAROUT_H
#define DETRUN_ROOTFS_TAROUT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/hash.h"

struct tarout {
	int fd;
	struct sha256 *sum;
	struct buf b;
};

struct tar_entry {
	const char *path;
	const struct stat *st; /* mode with type, uid, gid, mtime, rdev, size */
	const char *link;      /* target of a symbolic or hard link, or NULL */
	bool hard;
};

void tarout_start(struct tarout *t, int fd);
/** The header of an entry. A regular file's data follow through tarout_file(). */
int tarout_entry(struct tarout *t, const struct tar_entry *en, struct err *e);
/** Exactly @size bytes of @from. */
int tarout_file(struct tarout *t, int from, uint64_t size, const char *path, struct err *e);
/** End mark and digest. */
int tarout_end(struct tarout *t, uint8_t ret[SHA256_LEN], struct err *e);
void tarout_free(struct tarout *t);

#endif
