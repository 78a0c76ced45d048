/* SPDX-License-Identifier: Apache-2.0 */
/* EINTR-safe, fd-relative input and output. */
#ifndef DETRUN_IO_H
#define DETRUN_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/** Read until @n bytes or end of file. Bytes read, or -errno. */
ssize_t read_full(int fd, void *p, size_t n);
/** Write all of it. 0 or -errno. */
int write_full(int fd, const void *p, size_t n);

/** Append the whole of @fd (at most @max bytes, else -EFBIG) to @b. 0 or -errno. */
int read_fd(int fd, size_t max, struct buf *b);
/** Append the whole regular file @dirfd/@path to @b. Errors name the path. */
int read_file(int dirfd, const char *path, size_t max, struct buf *b, struct err *e);
/** Replace @dirfd/@path by rename from a temporary beside it, fsync'ed. Errors name the path. */
int write_file(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e);
/** The same without the fsync: for what is of no use after a crash of the machine. */
int replace_file(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e);

/** A pid for who waits at @path: a file is replaced as a whole, into anything else it is written. */
int write_pid_file(const char *path, pid_t pid, struct err *e);

/** openat2(2). @resolve: RESOLVE_* bits. fd or -errno; EAGAIN is retried. O_CLOEXEC is added. */
int openat_beneath(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve);
/**
 * Who passes fds 3 to 2+@n on: those that are not open become placeholders, closed at an exec, so
 * that no file of ours lands among them. -EBADF: not one of them was handed to us.
 */
int fds_reserve(unsigned n);
/** mkdir -p of @path below @dirfd, without following links out of it. 0 or -errno. */
int mkdir_p(int dirfd, const char *path, mode_t mode);
/** Remove a tree below @dirfd, never following links; missing is no error. 0 or -errno. */
int rm_rf(int dirfd, const char *path);
/** What statx(2) has told of a file (STATX_BASIC_STATS), as stat(2) tells it. */
void stat_from(const struct statx *x, struct stat *ret);

#endif
