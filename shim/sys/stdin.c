/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input is outside the container: what is read of it is an external input, recorded with
 * its bytes and its place among the events.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shim/sys/tty.h"

enum { STDIN_CHUNK = 65536 };

static bool host_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* The trace has what came, at the place where it came. */
static bool stdin_replay(struct call *c)
{
	struct world *w = c->w;

	if (!world_input_due(w, c->t))
		return false;
	if (world_input_bytes(w, c->t, &w->stdin_buf) < 0)
		return false;
	w->stdin_eof = !w->stdin_buf.n;
	world_input(w, c->t, 0, w->stdin_buf.p, w->stdin_buf.n);
	return true;
}

bool stdin_fill(struct call *c)
{
	struct world *w = c->w;
	uint8_t chunk[STDIN_CHUNK];
	ssize_t n;

	if (w->tty) {
		tty_pump(w);
		return false;
	}
	if (w->stdin_buf.n || w->stdin_eof)
		return true;
	if (w->expect)
		return stdin_replay(c);
	if (w->o->strict) {
		call_note(c, "standard input is an external input: it ends here");
		w->stdin_eof = true;
		return true;
	}
	if (!host_ready(w->o->stdio[0]))
		return false;
	do
		n = read(w->o->stdio[0], chunk, sizeof chunk);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		n = 0;
	if (world_input(w, c->t, 0, chunk, (size_t) n) < 0)
		return false;
	if (!n)
		w->stdin_eof = true;
	buf_put(&w->stdin_buf, chunk, (size_t) n);
	must(!w->stdin_buf.failed);
	return true;
}

void stdin_sync(struct world *w, int fd)
{
	struct io_state *io = io_of(w);
	bool want = w->stdin_buf.n || w->stdin_eof;
	char token = 0;

	if (want == io->stdin_token || w->o->pipes[0] < 0)
		return;
	if (want && write(w->o->pipes[0], &token, 1) == 1)
		io->stdin_token = true;
	if (!want && fd >= 0 && read(fd, &token, 1) == 1)
		io->stdin_token = false;
}

long stdin_wait(struct call *c, bool more, uint64_t deadline, int intr)
{
	return call_block(c,
		(struct wait) { .kind = W_INPUT, .key1 = (uint64_t) c->w->o->stdio[0],
			.key2 = more, .deadline = deadline, .intr = intr });
}

long stdin_read(struct call *c, const struct xfer *x)
{
	struct buf *b = &c->w->stdin_buf;
	size_t n;
	long r;

	n = b->n < x->total ? b->n : x->total;
	r = xfer_out(c, x, b->p, n);
	if (r < 0)
		return r;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	return r;
}
