/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal, as its parts know it: tty.c its life and calls, tty_type.c the pty, tty_input.c outside. */
#ifndef DETRUN_SYS_TTY_IMPL_H
#define DETRUN_SYS_TTY_IMPL_H

#include "shim/sys/tty.h"

struct tty_due {
	uint64_t event, vtime;
	uint32_t which;
};

struct tty {
	uint32_t nr;	 /* of which added process, 0 = the first program */
	pid_t owner;	 /* the process that it was made for: its end is the terminal's */
	int from, to;	 /* outside */
	bool ours;	 /* they are to be closed with it */
	int master, slave;
	dev_t dev, rdev; /* of the slave */
	int outside;	 /* the caller's terminal, or -1 */
	struct winsize size; /* of the caller's, as last seen */
	struct buf in;	 /* came from outside, not yet typed */
	bool eof;	 /* nothing more will come */
	unsigned ends;
	uint64_t looked; /* at the outside, after so many events */
	unsigned skipped;
	bool soon;
	struct tty_due *due; /* replay */
	size_t n_due, next_due;
	struct tty *next;
};

/** tty_type.c: the guest's end, opened (again). 0 or -errno. */
int tty_open_slave(struct tty *y);
/** What the guest has written goes outside. */
void tty_drain(struct world *w, struct tty *y);
/** Type what has come, as far as the guest has read what was typed before. */
void tty_pump_one(struct world *w, struct tty *y);
/** Somebody reads what will never come: the end, then, for those who do not know it, a hangup. */
void tty_type_end(struct world *w, struct tty *y);

/** tty_input.c: find the inputs' places for a replay. */
int tty_find_due(struct world *w, struct tty *y, struct err *e);
/** The size that it begins with: @rows and @cols, else that of the caller's terminal. */
void tty_first_size(struct world *w, struct tty *y, unsigned rows, unsigned cols);

#endif
