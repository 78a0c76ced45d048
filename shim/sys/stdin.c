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
static bool stdin_replay(struct call *c, struct stdio *s)
{
	struct world *w = c->w;

	if (!world_input_due(w, c->t))
		return false;
	if (world_input_bytes(w, c->t, &s->in) < 0)
		return false;
	s->eof = !s->in.n;
	world_input(w, c->t, (int) (s->nr << INPUT_WHOSE), s->in.p, s->in.n);
	return true;
}

static bool take(struct call *c, struct stdio *s)
{
	uint8_t chunk[STDIN_CHUNK];
	ssize_t n = 0;

	if (s->host[0] >= 0 && !host_ready(s->host[0]))
		return false;
	do
		n = s->host[0] < 0 ? 0 : read(s->host[0], chunk, sizeof chunk);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		n = 0;
	if (world_input(c->w, c->t, (int) (s->nr << INPUT_WHOSE), chunk, (size_t) n) < 0)
		return false;
	s->eof = !n;
	buf_put(&s->in, chunk, (size_t) n);
	must_mem(!s->in.failed);
	return true;
}

bool stdin_fill(struct call *c, struct stdio *s)
{
	struct world *w = c->w;

	if (s->in.n || s->eof)
		return true;
	if (w->expect)
		return stdin_replay(c, s);
	if (w->o->strict) {
		call_note(c, "standard input is an external input: it ends here");
		s->eof = true;
		return true;
	}
	return take(c, s);
}

void stdin_sync(struct stdio *s, int fd)
{
	bool want = s->in.n || s->eof;
	char token = 0;

	if (want == s->token || s->pipes[0] < 0)
		return;
	if (want && write(s->pipes[0], &token, 1) == 1)
		s->token = true;
	if (!want && fd >= 0 && read(fd, &token, 1) == 1)
		s->token = false;
}

long stdin_wait(struct call *c, const struct stdio *s, bool more, uint64_t deadline, int intr)
{
	return call_block(c,
		(struct wait) { .kind = W_INPUT, .key1 = s ? (uint64_t) s->host[0] : NO_INPUT,
			.key2 = more, .deadline = deadline, .intr = intr });
}

long stdin_read(struct call *c, struct stdio *s, const struct xfer *x)
{
	struct buf *b = &s->in;
	size_t n = b->n < x->total ? b->n : x->total;
	long r = xfer_out(c, x, b->p, n);

	if (r < 0)
		return r;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	return r;
}
