/* SPDX-License-Identifier: Apache-2.0 */
/* A tree in the byte order of its names, by directory fds, following no link. */
#ifndef DETRUN_ROOTFS_WALK_H
#define DETRUN_ROOTFS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "rootfs/found.h"
#include "runtime/base/err.h"

struct walk_ent {
	int dirfd;	  /* of the directory that holds it, or one above: valid during the call */
	const char *name; /* within dirfd */
	const char *path; /* from the walk's root, "." for the root itself */
	struct stat st;	  /* lstat */
	bool mounted;	  /* something is mounted on it: no part of the tree it is in */
	struct found_ent *found; /* what is kept of it, or NULL: the visitor may add to it */
};

enum { WALK_SKIP = 1 }; /* visit's answer: do not enter this directory */

struct walk {
	int rootfd;
	void *ctx;
	/* Each entry, a directory before its content. 0, WALK_SKIP or -errno. */
	int (*visit)(void *ctx, const struct walk_ent *w, struct err *e);
	/* Each directory that was entered, after its content; may be NULL. 0 or -errno. */
	int (*leave)(void *ctx, const struct walk_ent *w, struct err *e);
	bool closed_empty; /* a directory that may not be read is taken for an empty one */
	bool gone_none;	   /* what others take away meanwhile is not there; else it is an error */
	/* Whether what can't be looked at is passed over, a directory as an empty one; may be NULL */
	bool (*passed)(void *ctx, const char *path, int error);
	struct found *keep; /* gets what is found, or NULL */
	const struct walk_known *known;
};

/*
 * What is known of an overlay's tree: an earlier walk of it. What its layers above had nothing of then, and
 * have nothing of now, and nothing is mounted on, is visited as it was found, without a look at the disk.
 */
enum { LAYERS = 2 };

struct walk_known {
	struct found *found;
	int layer[LAYERS]; /* the directories above, or -1 */
	const char *const *mounts; /* relative paths, NULL-terminated */
};

int walk_tree(const struct walk *w, struct err *e);

/** Names in the directory @fd (not closed), sorted by bytes, without . and .. */
int dir_names(int fd, char ***ret, size_t *ret_n);
void names_free(char **v, size_t n);

/** Open what is at @path below @rootfd, through no symbolic link. fd or -errno. */
int open_inside(int rootfd, const char *path, int flags);

/** Open the directory holding @path below @rootfd (O_PATH); *@ret_name is the last component. */
int open_parent(int rootfd, const char *path, const char **ret_name);

/** Target of a symbolic link, malloc'ed. 0 or -errno. */
int read_link(int dirfd, const char *name, char **ret);

/** A file or directory that others than its owner and group cannot read. */
static inline bool mode_private(mode_t mode)
{
	if (S_ISDIR(mode))
		return (mode & 05) != 05;
	return S_ISREG(mode) && !(mode & 04);
}

#endif
