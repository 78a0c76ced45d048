/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of prepared trees: <cache>/rootfs/<name>/, made whole or not at all, each with a lock
 * file <name>.lock: shared while in use, exclusive while made or removed.
 */
#ifndef DETRUN_ROOTFS_CACHE_H
#define DETRUN_ROOTFS_CACHE_H

#include "runtime/base/err.h"

struct cache {
	char *top;  /* absolute path of <cache> */
	char *path; /* of <cache>/rootfs */
	int topfd, fd;
};

#define CACHE_INIT ((struct cache){ .topfd = -1, .fd = -1 })

/** Open (and make) the cache; @dir NULL: the user's own. */
int cache_open(const char *dir, struct cache *ret, struct err *e);
void cache_close(struct cache *c);
#define own_cache __attribute__((cleanup(cache_close))) struct cache

/** Fills the new, empty entry @fd. */
typedef int (*cache_make_fn)(void *ctx, int fd, struct err *e);

/** Find the entry @name or have it made. *@ret_fd: the entry; *@ret_lock: held shared. */
int cache_get(const struct cache *c, const char *name, cache_make_fn make, void *ctx, int *ret_fd,
	int *ret_lock, struct err *e);

/** Remove the entries whose name starts with @prefix, but @keep and those in use. */
void cache_prune(const struct cache *c, const char *prefix, const char *keep);

#endif
