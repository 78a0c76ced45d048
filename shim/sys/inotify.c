/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: the kernel queues events while one task runs, in the order of what that does; when two
 * become one depends on the order of tasks alone. Only the cookie that joins the two halves of a
 * rename is a count of the host's.
 */
#include <string.h>
#include <sys/inotify.h>

#include "runtime/base/own.h"
#include "shim/sys/io.h"

static void made(struct call *c)
{
	if (c->ret >= 0)
		io_of(c->w)->by_name = true;
}

static uint32_t cookie(struct io_state *io, uint32_t real)
{
	unsigned at = io->n_cookies % ARRAY_LEN(io->cookies);

	for (unsigned i = 0; i < ARRAY_LEN(io->cookies); i++)
		if (io->cookies[i].real == real)
			return io->cookies[i].shown;
	io->cookies[at].real = real;
	io->cookies[at].shown = ++io->n_cookies;
	return io->n_cookies;
}

void inotify_canonical(struct io_state *io, void *p, size_t n)
{
	const size_t head = sizeof(struct inotify_event);

	for (size_t at = 0; n - at >= head;) {
		struct inotify_event ev;

		memcpy(&ev, (char *) p + at, head);
		if (ev.cookie)
			ev.cookie = cookie(io, ev.cookie);
		memcpy((char *) p + at, &ev, head);
		if (ev.len > n - at - head)
			return;
		at += head + ev.len;
	}
}

#define WHY_INOTIFY "events come in the order of what tasks do; cookies are counted by the container"

static const struct row rows[] = {
	{ SYS(inotify_init, 253), OBSERVE, .leave = made, .why = WHY_INOTIFY },
	{ SYS(inotify_init1, 294), OBSERVE, .arg = { UINT(flags) }, .leave = made, .why = WHY_INOTIFY },
	{ SYS(inotify_add_watch, 254), OBSERVE, .arg = { FD(fd), PATH(path), UINT(mask) },
	  .why = WHY_INOTIFY },
	{ SYS(inotify_rm_watch, 255), OBSERVE, .arg = { FD(fd), INT(wd) }, .why = WHY_INOTIFY },
};

FAMILY(inotify, "Notice of changed files");
