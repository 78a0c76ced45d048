/* SPDX-License-Identifier: Apache-2.0 */
/* The pipes of a process that was added, and of the first: which is never taken down. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void stdio_free(struct stdio *s)
{
	for (int i = 0; i < 3; i++) {
		drop(&s->host[i]);
		drop(&s->pipes[i]);
	}
	buf_free(&s->in);
	free(s);
}

static int make(struct stdio *s, int i, int *ret_guest, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	s->pipes[i] = i ? p[0] : p[1];
	*ret_guest = i ? p[1] : p[0];
	s->is[i] = fstat(*ret_guest, &s->st[i]) == 0;
	return 0;
}

struct stdio *stdio_add(struct world *w, int host[3], int ret_guest[3], struct err *e)
{
	struct stdio *s = calloc(1, sizeof *s), **last = &w->std.next;
	int r = 0;

	must_mem(s);
	*s = (struct stdio) { .host = { -1, -1, -1 }, .pipes = { -1, -1, -1 } };
	for (int i = 0; i < 3 && !r; i++) {
		s->host[i] = take_fd(&host[i]);
		r = make(s, i, &ret_guest[i], e);
	}
	if (r < 0) {
		stdio_free(s);
		return NULL;
	}
	while (*last)
		last = &(*last)->next;
	*last = s;
	return s;
}

/* Our end says whether anybody holds the other. */
static bool abandoned(int fd)
{
	struct pollfd p = { fd, 0, 0 };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

void stdio_sweep(struct world *w)
{
	struct stdio **pp = &w->std.next, *s;

	while ((s = *pp)) {
		bool used = false;

		for (int i = 0; i < 3; i++) {
			if (s->pipes[i] >= 0 && abandoned(s->pipes[i])) {
				drop(&s->pipes[i]);
				drop(&s->host[i]);
			}
			used |= s->pipes[i] >= 0;
		}
		if (used) {
			pp = &s->next;
			continue;
		}
		*pp = s->next;
		stdio_free(s);
	}
}

void stdio_last_words(struct world *w)
{
	const struct stdio *s = &w->std;
	struct pollfd p = { s->pipes[2], POLLIN, 0 };
	char text[4096];
	ssize_t n;

	if (p.fd < 0 || poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN))
		return;
	n = read(p.fd, text, sizeof text);
	if (n > 0)
		(void) !write_full(s->host[2], text, (size_t) n);
}

/*
 * The first program's are our own 0, 1 and 2: what nobody inside can use any more is let go, for
 * whoever waits outside for its end.
 */
void stdio_release(struct world *w)
{
	struct stdio *s = &w->std;

	for (int i = 0; i < 3; i++) {
		int null;

		if (s->pipes[i] < 0 || s->released[i] || !abandoned(s->pipes[i]))
			continue;
		stdio_last_words(w);
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return;
		s->released[i] = dup2(null, s->host[i]) >= 0;
		close(null);
	}
}

void stdio_end(struct world *w)
{
	struct stdio *s;

	while ((s = w->std.next)) {
		w->std.next = s->next;
		stdio_free(s);
	}
	buf_free(&w->std.in);
}
