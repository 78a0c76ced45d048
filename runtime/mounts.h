/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by file descriptor. Targets are resolved inside the container's root, component by
 * component or with openat2's RESOLVE_IN_ROOT, and never through magic links, so that no symlink of
 * a hostile root file system leads out of it. Sources are the host's paths, resolved before the
 * root is entered.
 */
#ifndef DETRUN_MOUNTS_H
#define DETRUN_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "runtime/base/err.h"

/** MS_* of mount(2) as MOUNT_ATTR_* of mount_setattr(2). */
uint64_t mnt_attrs(unsigned long ms_flags);

/**
 * Make a file system of its own: @data is the comma-joined option list. Not attached anywhere.
 * 0 or -errno, *@ret_fd the mount.
 */
int mnt_new(const char *type, const char *source, const char *data, unsigned long ms_flags,
	int *ret_fd, struct err *e);
/** The same with mount(2), attached at the directory @at: for what fsconfig(2) can't be told. */
int mnt_classic(const char *type, const char *source, const char *data, unsigned long ms_flags,
	int at, struct err *e);
/** Change the options of the file system mounted at @at. */
int mnt_remount(int at, const char *type, const char *data, unsigned long ms_flags,
	unsigned long ms_clear, struct err *e);

/**
 * An overlay of @lower, and @above it unless NULL, with the private directories @upper and @work.
 */
int mnt_overlay(const char *lower, const char *above, const char *upper, const char *work,
	bool userxattr, int *ret_fd, struct err *e);

/** A clone of the host's tree at @source, with @recursive all that is mounted below it. */
int mnt_clone(const char *source, bool recursive, bool follow, int *ret_fd, struct err *e);
/** The same of what @fd is. It has to be attached: kernels before 6.15 clone nothing else. */
int mnt_clone_fd(int fd, bool recursive, int *ret_fd, struct err *e);
/** The same of the file @fd of the new mount @mnt, which is attached for a moment and is gone then. */
int mnt_clone_loose(int mnt, int fd, int *ret_fd, struct err *e);

/** Set and clear MOUNT_ATTR_* of the mount at @fd. */
int mnt_attr(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
	struct err *e);
/**
 * The flags of a bind mount as mount(8) would set them: what is neither in @set nor in @clear goes
 * too, but for what the kernel has locked.
 */
int mnt_bind_flags(int fd, unsigned long set, unsigned long clear, struct err *e);

/** Attach the mount @fd at @at, an O_PATH fd; @path names it in errors. */
int mnt_put(int fd, int at, const char *path, struct err *e);

/* --- paths inside the container's root ---------------------------------------------------- */

/** O_PATH fd of @path inside @root. -errno, without a message: missing may be fine. */
int in_root(int root, const char *path, int flags);

enum place_flags {
	PLACE_FILE = 1,	    /* a missing last component is made an empty file, not a directory */
	PLACE_PARENT = 2,   /* all but the last component, which .name is */
	PLACE_NOFOLLOW = 4, /* a last component that is a symlink is the place itself */
	PLACE_PLAIN = 8,    /* no symlink anywhere: -ELOOP */
};

/* A place inside the root, missing directories made on the way. */
struct place {
	int fd;		  /* O_PATH */
	bool made;	  /* it was not there */
	char name[256];	  /* of PLACE_PARENT */
	char path[4096];  /* as resolved: absolute, as the container sees it */
};
#define PLACE_INIT ((struct place) { .fd = -1 })

int place_make(int root, const char *path, unsigned flags, mode_t mode, struct place *ret,
	struct err *e);
void place_drop(struct place *p);
#define own_place __attribute__((cleanup(place_drop))) struct place

#endif
