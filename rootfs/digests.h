/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 of files, remembered by (file system, inode, size, mtime, ctime): a file whose content
 * changed has another ctime. Only files that were at rest for a while are remembered, in a table on
 * disk where a new record takes an old one's place. A tree that it is too small for makes it larger.
 */
#ifndef DETRUN_ROOTFS_DIGESTS_H
#define DETRUN_ROOTFS_DIGESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct digest_rec {
	uint64_t dev, ino, size;
	int64_t msec, csec;
	uint32_t mnsec, cnsec;
	uint32_t flags; /* DIGEST_XATTRS */
	uint32_t check; /* of all the rest: a record half written is none */
	uint8_t sum[32];
};

enum { DIGEST_XATTRS = 1 }; /* the file has xattrs that a manifest lists */

struct digest_memo;

struct digests {
	struct digest_memo *memo; /* asked first, or NULL */
	int dir;     /* where the table is */
	int table;   /* -1 = remember nothing */
	size_t sets; /* of records: a file's are in one set, by its key; a power of two */
	const uint8_t *map; /* the table's file, or NULL: then read record by record */
	uint8_t *used;	    /* with the map: a bit for each record of a set that was asked for, or NULL */
	size_t asked;	    /* files */
	bool opaque; /* device numbers mean nothing (an overlay's are made at mount time) */
	struct digest_rec hit;
};

/** @fd: any file of the tree that is asked for. A missing or spoilt cache is an empty one. */
void digests_open(struct digests *d, int dir, int fd);
/** For who asks for many: without a call for each. */
void digests_map(struct digests *d);
/** The record of the file, or NULL. Valid until the next digests_get(). */
const struct digest_rec *digests_get(struct digests *d, const struct stat *st);
/** Remember (a failure is no error); @now is from before the file was read. */
void digests_put(struct digests *d, const struct stat *st, const struct timespec *now,
	const uint8_t sum[32], uint32_t flags);
void digests_close(struct digests *d);

/** Digest of the regular file @fd (with @st), by the cache in @dir. 0 or -errno. */
int digest_file(int dir, int fd, const struct stat *st, uint8_t ret[32]);

#endif
