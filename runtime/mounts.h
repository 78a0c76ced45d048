/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by file descriptor. Targets are resolved inside the container's root (openat2 with
 * RESOLVE_IN_ROOT and without magic links), so that no symlink of a hostile root file system leads
 * out of it. Sources are the host's paths, resolved before the root is entered.
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

/**
 * An overlay of @lower, and @above it unless NULL, with the private directories @upper and @work.
 */
int mnt_overlay(const char *lower, const char *above, const char *upper, const char *work,
	bool userxattr, int *ret_fd, struct err *e);

/** A clone of the host's tree at @source, with @recursive all that is mounted below it. */
int mnt_clone(const char *source, bool recursive, bool follow, int *ret_fd, struct err *e);

/** Set and clear MOUNT_ATTR_* of the mount at @fd. */
int mnt_attr(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive,
	struct err *e);

/** Attach the mount @fd on @path of the container whose root is @root. */
int mnt_attach(int fd, int root, const char *path, struct err *e);

/** O_PATH fd of @path inside @root. -errno, without a message: missing may be fine. */
int in_root(int root, const char *path, int flags);

/** Make @path with its parents inside @root: the directory ... */
int in_root_mkdir(int root, const char *path, mode_t mode, struct err *e);
/** ... or, as a place to mount a file on, an empty file. An existing one is left as it is. */
int in_root_touch(int root, const char *path, struct err *e);
/** Directory fd of @path's parent (made when missing); *@ret_name points into @path. */
int in_root_parent(int root, const char *path, const char **ret_name, int *ret_fd, struct err *e);

#endif
