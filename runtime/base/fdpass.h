/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes with a file descriptor beside them, through a unix socket. */
#ifndef DETRUN_FDPASS_H
#define DETRUN_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/err.h"

enum { FDS_MAX = 8 };

/** One message with up to FDS_MAX descriptors. 0 or -errno. */
int fds_send(int sock, const void *p, size_t n, const int *fds, size_t n_fds);
/** How many bytes, or -errno; *@ret_fds (CLOEXEC), -1 where none came. */
ssize_t fds_recv(int sock, void *p, size_t n, int *ret_fds, size_t n_fds);

/** One message; @fd -1: none. 0 or -errno. A peer that is gone is -EPIPE, never a signal. */
int fd_send(int sock, const void *p, size_t n, int fd);
/** One message of at most @n bytes. How many, or -errno; *@ret_fd (CLOEXEC) or -1. */
ssize_t fd_recv(int sock, void *p, size_t n, int *ret_fd);

/**
 * The unix socket @name in the directory @dir, by way of the descriptor: the path may be longer than
 * an address. @type: SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM. Only its owner may connect.
 */
int unix_bind_at(int dir, const char *name, int type, int *ret_fd, struct err *e);
int unix_listen_at(int dir, const char *name, int type, int backlog, int *ret_fd, struct err *e);
int unix_connect_at(int dir, const char *name, int type, int *ret_fd, struct err *e);
/** Connect to the unix socket at @path. */
int unix_connect(const char *path, int *ret_fd, struct err *e);

#endif
