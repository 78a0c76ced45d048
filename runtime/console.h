/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's terminal. Its pty is made by init in the container's own devpts: the slave becomes
 * 0, 1 and 2 and /dev/console, the master goes to the supervisor. The caller's own terminal is raw
 * meanwhile: what keys mean is decided inside.
 */
#ifndef DETRUN_CONSOLE_H
#define DETRUN_CONSOLE_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

/** In init, the root @root not yet entered: *ret_master is the caller's; 0, 1, 2 are the slave. */
int console_make(int root, uid_t owner, bool plain, int *ret_master, struct err *e);
/**
 * Just the pair, of the devpts at /dev/pts of @root. @plain: a newline is written as just that,
 * whoever shows it has a terminal, or none.
 */
int console_pty(int root, uid_t owner, bool plain, int *ret_master, int *ret_slave,
	struct err *e);
/** The size that process.consoleSize says, if it says one. */
void console_size(int fd, const struct spec_process *p);
/** Make it the controlling terminal of this process, which has just made a session. */
int console_control(struct err *e);

/** A pty of the host's, for whom we hand the master to; its other end, raw, is the supervisor's. */
int console_outer(unsigned rows, unsigned cols, int *ret_master, int *ret_slave, struct err *e);

struct console { /* of the caller: descriptor 0 */
	bool raw;
	struct termios saved;
};
/** Raw, if it is a terminal; and back. */
void console_raw(struct console *c, bool plain);
void console_restore(struct console *c);

#endif
