/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the user names (a directory, a tarball, nothing) to a directory that can be the lower
 * layer of a container's root, and from a root back to a manifest and a layer.
 */
#ifndef DETRUN_ROOTFS_H
#define DETRUN_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "runtime/base/err.h"

/*
 * What the image says of a file where the file on disk can't: an unpacked or copied tree belongs to
 * the user who made it. Only files that differ from 0:0 with the mode on disk are listed.
 */
struct rootfs_owner {
	uint64_t ino; /* of the file in .lower */
	uint32_t uid, gid;
	uint32_t mode; /* all of st_mode: the image's type and permissions */
	uint64_t rdev; /* device nodes, which are empty regular files on disk */
};

struct rootfs {
	char *lower;		/* absolute path of the directory */
	bool times_from_image;	/* its mtimes are the image's (tarball); else all files show the epoch */
	bool own_ids;		/* ownership comes from .owners (else from the disk) */
	uint32_t id_base;	/* uid on disk of the tree's top: the container's 0; .owners has it applied */
	struct rootfs_owner *owners; /* sorted by ino */
	size_t nowners;
	int lock; /* shared lock on the cache entry while in use, or -1 */
	bool private_hidden;	/* a plain directory: what others can't read in it is shown empty */
	bool copied;		/* .lower is a copy in the cache (an unpacked tarball is too) */
};

struct rootfs_opts {
	const char *cache; /* cache directory; NULL = $XDG_CACHE_HOME/detrun or ~/.cache/detrun */
};

/**
 * Prepare @path: a directory or a tarball of any format and compression libarchive reads.
 * A directory is used in place when every file in it belongs to an id that this user's container
 * can map (root: always; a user: their own uid, or their subuid range); otherwise it is copied into
 * the cache, keyed by its content, as an unpacked tarball is keyed by its SHA-256.
 * 0 or -errno, the error naming the object, cause and cure.
 */
int rootfs_prepare(const char *path, const struct rootfs_opts *o, struct rootfs *ret,
	struct err *e);
void rootfs_done(struct rootfs *r);

struct found;

/**
 * What a directory used in place has that a user without rights could not have read: regular files
 * without read permission for others, directories without read and search permission for others
 * (the root itself excepted). Root and such a user must see the same, so the launcher shows these
 * as empty ones, or what stands in for them. *@ret: relative paths in byte order, NULL-terminated, a directory's with a '/' at
 * its end; free with rootfs_list_free(). Empty for a copy and for a tarball. @found, unless NULL, gets all
 * that is in .lower.
 */
int rootfs_private_list(const struct rootfs *r, struct found *found, char ***ret, struct err *e);
void rootfs_list_free(char **list);
/**
 * What such a file, @path of the root @rootfd, is shown as, into the empty @fd: nothing for most. 0 or
 * -errno.
 */
int rootfs_stand_in(int rootfd, const char *path, int fd);

/*
 * How a file is to appear, whatever it is on disk. The walker calls it for every entry with the
 * result of lstat; it changes uid, gid, mode, mtime (st_mtim), rdev as the container sees them.
 * @path is relative to the root, "." for itself.
 */
typedef void (*rootfs_view_fn)(void *ctx, const char *path, struct stat *st);

struct walk_known;
struct digest_memo; /* digests known to one process: two manifests of a tree read its files once */

struct digest_memo *digest_memo_new(void); /* NULL: no memory */
void digest_memo_free(struct digest_memo *m);

struct manifest_opts {
	rootfs_view_fn view; /* may be NULL */
	void *ctx;
	const char *const *skip; /* directories (relative) whose content is left out, NULL-terminated */
	int cache_dir;		/* O_DIRECTORY fd where the digest cache lives, or -1 for none */
	struct digest_memo *memo; /* may be NULL */
	/* whether a file's content is left out, as lstat has it: only its size is listed; may be NULL */
	bool (*unread)(void *ctx, const char *path, const struct stat *st);
	/* whether what is in a directory is; may be NULL */
	bool (*closed)(void *ctx, const char *path, const struct stat *st);
	/* whether what can't be looked at or read (a file system of somebody's own, a broken one) is nothing to
	 * fail for: a file is listed without its content, others are not there; may be NULL */
	bool (*passed)(void *ctx, const char *path, int error);
	bool private_hidden;	/* a file others can't read is listed as empty (see docs/decisions) */
	bool xattrs;		/* list user.* and capabilities on disk; then without these two: */
	struct found *keep;	/* gets what is found, for a later manifest; may be NULL */
	const struct walk_known *known; /* what an earlier one has found; may be NULL */
};

/**
 * Write an mtree manifest of the tree at @rootfd to @out (libarchive's mtree reader accepts it):
 * byte order of names, type uid gid mode time size sha256 link device, xattrs as comment lines
 * where asked for.
 * *@ret: SHA-256 of the manifest.
 */
int manifest_write(int rootfd, const struct manifest_opts *o, int out, uint8_t ret[32],
	struct err *e);

/* How an upper directory is shown; both may be NULL. */
struct layer_opts {
	rootfs_view_fn view;
	/* What was there at the start and is as it was. It is left out, a directory if nothing else
	 * is below it. For an upper directory that did not begin as an empty one. */
	bool (*unchanged)(void *ctx, const struct stat *st);
	void *ctx;
};

/**
 * Write an overlay upper directory @upperfd as a normalised OCI layer tar to @out: sorted, numeric
 * ids and times from @o->view, whiteouts as .wh. files, opaque directories as .wh..wh..opq. No xattrs:
 * the guest sees and sets none, and those that overlayfs copied up depend on whose the tree is.
 * *@ret: SHA-256 of the tar.
 */
int layer_write(int upperfd, const struct layer_opts *o, int out, uint8_t ret[32], struct err *e);

/** Set mtime (and atime) on disk of everything below @rootfd to what @view says, deepest first. */
int rootfs_set_times(int rootfd, rootfs_view_fn view, void *ctx, struct err *e);

/** Copy an overlay upper directory into the directory @destfd (must be empty), as @o says. */
int layer_copy(int upperfd, const struct layer_opts *o, int destfd, struct err *e);

#endif
