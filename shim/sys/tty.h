/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's terminal. The supervisor holds its master: what the guest writes goes on to the
 * caller at once, in order; what the caller types is an external input, recorded at its place among
 * the events, and typed for the line discipline of the kernel to deal with.
 */
#ifndef DETRUN_SYS_TTY_H
#define DETRUN_SYS_TTY_H

#include "shim/engine.h"
#include "shim/sys/io.h"

/** Which terminal of ours the duplicate @fd of a guest's descriptor is, or NULL. */
struct tty *tty_of(struct world *w, int fd, const struct stat *st);
uint32_t tty_nr(const struct tty *y);
/** Type what has come, as far as the guest has read what was typed before. */
void tty_pump(struct world *w);

/** Is the descriptor of io_by_fd() a terminal of ours? Else the guest has made it. */
static inline bool tty_is(struct call *c)
{
	return tty_of(c->w, io_of(c->w)->fd, &io_of(c->w)->st);
}
/** For the descriptor of io_by_fd(), if tty_is(). */
long tty_read(struct call *c);
long tty_write(struct call *c);
struct termios;
/** When a read that waits for the first key has waited enough, as the terminal is set; kept in c->scratch[0]. */
uint64_t tty_deadline(struct call *c, const struct termios *t);
/** pty.c: a terminal that the guest has made is not for the caller's group to read: the kernel says what then. */
bool pty_background(struct call *c);
/** pty.c: nothing is there yet in a terminal that the guest has made, which says how long to
 * wait: it does, or it has. Else false. */
bool pty_waits(struct call *c);
/** pty.c: to a terminal that the guest has made. */
long pty_write(struct call *c);
/** leave() of all that the kernel runs on a terminal. */
void tty_leave(struct call *c);
void tty_ioctl_leave(struct call *c);

#endif
