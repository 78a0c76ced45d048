/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the families that move bytes: rw, pipe, poll, net. The supervisor works on duplicates of
 * the guest's descriptors and never lets the kernel block, neither the guest nor itself.
 */
#ifndef DETRUN_SYS_IO_H
#define DETRUN_SYS_IO_H

#include <poll.h>
#include <sys/uio.h>

#include "shim/engine.h"
#include "shim/world.h"

/* A timerfd is a pipe of the supervisor's: one byte in it while expirations are unread. */
struct timerfd {
	uint64_t ino; /* of the pipe: how the guest's descriptor is recognised */
	int rd, wr;   /* rd is -1: only the guest reads */
	uint64_t deadline, interval; /* virtual ns since 1970; NO_DEADLINE: not armed */
	uint64_t count;		     /* expirations not yet read */
	int clock;		     /* CLOCK_*: what absolute times are of */
	struct timerfd *next;
};

struct io_state {
	/* The descriptor that a BY_FD row is about, while its handler runs. */
	int fd;
	enum fd_kind kind;
	struct stat st;
	/*
	 * Descriptors of the last reads and writes whose calls the kernel runs as they are. What is
	 * known holds until a call that may give the number another meaning; close(2) can't, for the
	 * kernel finds it closed.
	 */
	struct {
		struct task *t;
		int guest;
		enum fd_kind kind;
	} known[4];
	unsigned nknown;

	struct timerfd *timers;
	bool by_name; /* a signalfd or inotify was made: see io_kind() */
	struct {
		uint32_t real, shown;
	} cookies[16]; /* inotify.c: the last ones */
	uint32_t n_cookies;
	struct signal_set *signal_sets; /* epoll.c */
	bool epoll_input; /* a terminal or a standard input was put into an epoll */
	struct {
		pid_t pid; /* who had it when we looked last */
		int fd;
	} pty[2]; /* [1]: the slave's end, [0]: the master's */
	bool raw; /* a raw socket was made */
	uint32_t next_port, next_name, next_netlink;
	bool netlink; /* a socket of netlink.c was made */
	int watch; /* watch.c: an epoll, or -1 */
	uint64_t doubted; /* world.spin.runs, then */
	int sockets; /* where the network is shared: an epoll that hears of all of them; or -1 */
};

struct io_state *io_of(struct world *w);

/** What the guest's descriptor is; @fd is our duplicate of it. */
int io_kind(struct call *c, int guest_fd, int fd, struct stat *ret);
/** The signals that a signalfd shows, and whether one of them is pending for the task. */
uint64_t signalfd_mask(struct call *c, int guest_fd);
bool signalfd_pending(struct call *c, int guest_fd);

/**
 * Find the descriptor's row in @sub by what it is and let it answer. A PASS row's enter() may be
 * called without the descriptor being looked at: .kind alone is set then.
 */
long io_by_fd(struct call *c, int guest_fd, const struct row *sub, size_t nsub);

/** Make the description nonblocking for a moment; returns its flags for nb_end(), or -errno. */
int nb_begin(int fd);
void nb_end(int fd, int flags);

/** For calls that ask for a signal of a descriptor's events: from now on it is looked for. */
long io_signal_enter(struct call *c);

/** Wait until another task may have made the descriptor ready. */
long io_wait(struct call *c, int intr);

/** The same until a socket's timeout. */
long io_wait_until(struct call *c, uint64_t deadline, int intr);

/** watch.c: the same for one that reads @fd; when it has waited for long, it isn't tried in vain. */
long io_wait_read(struct call *c, int fd, uint64_t deadline);

/* What a read or write is about, whichever of the many calls it came by. */
struct xfer {
	struct iovec *iov; /* guest addresses */
	size_t n;
	size_t total;
	int64_t off; /* -1: the description's own position */
	int flags;   /* RWF_* */
};
#define RWF_BENIGN (0x1 | 0x8) /* HIPRI, NOWAIT: hints that depend on the page cache */

long xfer_load(struct call *c, struct xfer *x);
long xfer_vec(struct call *c, uint64_t at, uint64_t n, struct xfer *x);
/** Copy @n bytes between @p and the guest, starting @skip bytes into the vector. 0 or -EFAULT. */
long xfer_gather(struct call *c, const struct xfer *x, size_t skip, void *p, size_t n);
long xfer_scatter(struct call *c, const struct xfer *x, size_t skip, const void *p, size_t n);
/** All of the output, copied, staged as argument 1 for the trace; NULL: -EFAULT. */
const void *xfer_in(struct call *c, const struct xfer *x, size_t n);
/** Give the guest @n bytes, staged as argument 1. @n or -EFAULT. */
long xfer_out(struct call *c, const struct xfer *x, const void *p, size_t n);

/** Buffer of the world of at least @n bytes (dies when there is no memory). */
void *io_buf(struct world *w, size_t n);

/* stdin.c: what comes from outside */
/** Take what waits outside, without blocking. True: there is something to read, or the end. */
bool stdin_fill(struct call *c, struct stdio *s);
long stdin_read(struct call *c, struct stdio *s, const struct xfer *x);
/** Make the guest's descriptor look as ready as the input is; @fd a duplicate of it. */
void stdin_sync(struct stdio *s, int fd);
/**
 * Wait for @s's input (NULL: a terminal's) or the deadline, or another task too when there is more
 * to look at.
 */
long stdin_wait(struct call *c, const struct stdio *s, bool more, uint64_t deadline, int intr);

/* timerfd.c */
struct timerfd *timerfd_by_ino(struct world *w, uint64_t ino);
/** read(2) of one. */
long timerfd_read(struct call *c, struct timerfd *f, const struct xfer *x);

/** Does what is written to @fd have to be the guest's own doing? */
bool write_takes_memory(const struct call *c, int fd);
/** To the file io_of()->fd, at @x's offset + @done: how much is written now, @done included. */
long write_all(struct call *c, const struct xfer *x, const char *p, size_t n, size_t done);
/** What fits now, or -errno; @send_flags: a socket's. */
ssize_t write_now(int fd, const void *p, size_t n, int send_flags);
/** inotify.c: what was read of one, so that it doesn't tell of the host. */
void inotify_canonical(struct io_state *io, void *p, size_t n);
/** Write all of @p to a stream of the guest's, parking when it is full. */
long stream_write(struct call *c, int fd, const struct xfer *x, int send_flags);

#endif
