/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the families that work on files: looking a path up as the guest would, and keeping the
 * inode table in step with what happened.
 */
#ifndef DETRUN_FS_H
#define DETRUN_FS_H

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "shim/world.h"

/* In a struct stat of ours, where the kernel leaves room: the host's id of the mount, or 0. */
#define stat_mount(st) (*(uint64_t *) &(st)->__glibc_reserved[0])
/** fstatat(2) that says so. 0 or -1 and errno. */
int fs_look(int fd, const char *path, int flags, struct stat *ret);

#define FS_ASK 1 /* only the kernel can tell, in the guest's own context */

/** May the supervisor act for the guest with the same outcome? */
bool fs_ours(const struct call *c);

/**
 * stat a path as the guest would, following its last link unless AT_SYMLINK_NOFOLLOW.
 * AT_EMPTY_PATH as in fstatat(2). 0, -errno (the guest's result), or FS_ASK.
 */
long fs_stat(struct call *c, int dirfd, const char *path, int flags, struct stat *ret);
/** The same for a descriptor. 0 or -errno. */
long fs_fstat(struct call *c, int fd, struct stat *ret);
/** What the mode bits say to these ids, whatever the kernel's own would be allowed. */
bool fs_permitted(const struct ids *ids, bool effective, const struct stat *st, int mode);
/**
 * The same for the image's files and directories, where users other than root are the supervisor's
 * matter: may the task do this to a file, or to the directory that holds @path?
 */
bool fs_may(struct call *c, const struct stat *st, int mode);
bool fs_may_reach(struct call *c, int dirfd, const char *path, int mode);
/** May it search all directories on the way to @path? */
bool fs_may_search(struct call *c, int dirfd, const char *path);
/** Is it the file's owner, or root? */
bool fs_may_own(struct call *c, const struct stat *st);
/** May it take the entry @path, which is @st, out of its directory? 0 or -errno. */
long fs_may_remove(struct call *c, int dirfd, const char *path, const struct stat *st);
/** For bookkeeping: what is there now, if we can tell. */
bool fs_peek(struct call *c, int dirfd, const char *path, int flags, struct stat *ret);
/** The same, opened for reading: what is known to be a file or directory. fd or -1. */
int fs_peek_open(struct call *c, int dirfd, const char *path, int flags);
/** Is @err (negative) what the guest would get for a path below our @fd, whoever asks? */
bool fs_sure(int fd, const char *path, long err);

/** Split: *ret_parent is the path of the directory ("." if none is named), copied. */
const char *fs_parent(struct call *c, const char *path);

/** A file was made here by the guest, now: inode born, owner as Linux gives it. */
void fs_born(struct call *c, int dirfd, const char *path, const struct stat *st);
/** An entry of the directory that holds @path was added or removed. */
void fs_entry_changed(struct call *c, int dirfd, const char *path);
/** A write may have copied a file up: @now is what was @before. */
void fs_carry(struct world *w, const struct stat *before, const struct stat *now);
/**
 * A call may have copied a file up, which is @now: that at the guest's @path, or its descriptor @dirfd (NULL). It
 * is known by both of its numbers then.
 */
void fs_copied(struct call *c, int dirfd, const char *path, int flags, const struct stat *now);
/** The same of our own @fd. */
void fs_copied_fd(struct world *w, int fd, const struct stat *now);
/** What the image says of the file at @path, which is @st: before anything runs. */
void seed_owner(struct world *w, const char *path, const struct stat *st);
/** The vinode with its owner and mode filled in, so that they can be changed. */
struct vinode *fs_own(struct world *w, const struct stat *st);

/** RLIMIT_FSIZE: how large files may become; -EFBIG and the signal for whoever wants more. */
uint64_t rlimit_fsize(const struct proc *p);
long rlimit_exceeded(struct call *c);

/**
 * While such a one is alive no signal comes, not even our own clock's: the kernel gives up copying a file
 * up to an overlay's upper layer when one is there.
 */
sigset_t fs_quiet(void);
void fs_quiet_end(const sigset_t *was);
#define own_quiet __attribute__((cleanup(fs_quiet_end), unused)) sigset_t

/** The result of a call of ours: -errno, and the end of the run when the disk failed. */
long fs_result(struct call *c, long r, const char *what, const char *path);

/** rename(2) of a directory that the file system refuses with EXDEV though it is one. */
long fs_move_dir(struct call *c, int fd, const char *path, int fd2, const char *path2);

/** Seeds ownership from the image; otherwise as inode_manifest_view(). For the first manifest. */
void inode_seed_view(void *ctx, const char *path, struct stat *st);
/** Times set by utimensat(2) and its kind: NULL leaves one as it is. */
void inode_set_times(struct world *w, struct vinode *v, const uint64_t *atime,
	const uint64_t *mtime);
/** What is @now has become of what was @before: it keeps its inode. */
void inode_move(struct world *w, const struct stat *before, const struct stat *now);
/** The file @st of ours stands for @real of procfs. */
void inode_is_proc(struct world *w, const struct stat *st, const struct stat *real);
/** Names of the file below the root: not those that it has elsewhere on the host. */
nlink_t inode_links(struct world *w, const struct stat *st);
/** The number a guest sees for a pipe, socket or anonymous inode known by its real number. */
uint64_t inode_number(struct world *w, dev_t dev, ino_t ino);
/** On the image's own file system, not on a volume's or one made for this run. */
bool inode_of_image(struct world *w, dev_t dev);
/** Of what the host lends: the root, or a volume. */
bool inode_lent(struct world *w, dev_t dev);
/** Look at what the container has mounted; done once, by whoever comes first. */
void inode_look(struct world *w);

/** A descriptor was opened on procfs: may replace its content; returns the guest's result. */
long procfs_opened(struct call *c, int fd, const char *path);
/** It could not be opened, perhaps on procfs: the guest's result. */
long procfs_failed(struct call *c, long err);
/** The kernel's name of a descriptor; links are resolved in it. Its length, or -1. */
ssize_t procfs_fd_name(struct call *c, int fd, char ret[PATH_MAX]);
/** Put a file with @b in the place of the descriptor: the guest's result. */
long procfs_replace(struct call *c, int fd, const char *name, const struct buf *b);
#define PROCFS_MOUNTS "proc-mounts" /* the name where a change could be waited for */

/** procfs_opened() of a file in what stands in for cgroups. */
long cgroupfs_opened(struct call *c, int fd);
/** A write to one, in io_of(). */
long cgroupfs_write(struct call *c);
/** The guest has made a directory there, @st. */
void cgroupfs_made(struct call *c, int dirfd, const char *path, const struct stat *st);
/** It is about to remove one: 0, or what it gets. */
long cgroupfs_rmdir(struct call *c, const struct stat *st);

/** Does an empty file stand for a device? mknod(2) made it, or it was one in the image. */
bool node_is(struct world *w, const struct stat *st);
/** It was opened as @fd: the guest gets the device, or what opening that leads to. */
long node_opened(struct call *c, int fd, const struct stat *st, int flags);

/** FIFOs wait for their other end when opened: enter() of an open of one; see fifo.c. */
long fifo_open(struct call *c, int dirfd, const char *path, const struct stat *st, int flags,
	unsigned flags_arg);
void fifo_opened(struct call *c);

#endif
