/* SPDX-License-Identifier: Apache-2.0 */
/* Replay: the run happens again, and each event is compared with the trace's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/show.h"

static void differs(struct world *w, const char *expected, const char *got, const char *in)
{
	w->result->diverged = true;
	snprintf(w->result->what, sizeof w->result->what,
		"event %llu differs\n  expected: %.1200s\n  got:      %.1200s%s%.1500s",
		(unsigned long long) w->nevents, expected, got, *in ? "\n" : "", in);
}

static char *line(const struct event *ev, uint64_t n)
{
	struct buf b = { 0 };

	event_print(ev, n, sys_event_names(), &b);
	return buf_cstr(&b); /* the caller frees */
}

/* Where the two part: what is kept of the new one is its encoding, as of the old one. */
static char *where(const struct event *want, const struct buf *encoded)
{
	const uint8_t *p = encoded->p;
	struct event got;
	struct buf b = { 0 };

	if (p && event_decode(&p, p + encoded->n, &got) == 0)
		sys_event_diff(want, &got, &b);
	if (b.n)
		b.n--; /* the last line's end */
	return buf_cstr(&b); /* the caller frees */
}

void replay_check(struct world *w, const struct event *ev)
{
	struct event want;
	own_buf a = { 0 };
	struct err e = ERR_INIT;
	const uint8_t *bytes;
	size_t n;
	int r = trace_next(w->expect, &want, &e);
	own_free char *is = line(ev, w->nevents);
	own_free char *was = NULL;
	own_free char *in = NULL;

	if (r <= 0) {
		differs(w, r < 0 ? e.msg : "the end of the trace", is ? is : "?", "");
		return;
	}
	bytes = trace_bytes(w->expect, &n);
	if (event_encode(ev, &a) == 0 && a.n == n && !memcmp(a.p, bytes, n))
		return;
	was = line(&want, w->nevents);
	in = where(&want, &a);
	differs(w, was ? was : "?", is ? is : "?", in ? in : "");
}

static void line_at(const char *p, char *ret, size_t n)
{
	if (!*p)
		p = "no more files";
	snprintf(ret, n, "%.*s", (int) strcspn(p, "\n"), p);
}

/* Where two manifests part: both lines, without the line's end. */
static void first_line(const char *a, const char *b, char *was, char *is, size_t n)
{
	const char *la = a, *lb = b;

	for (; *a && *a == *b; a++, b++)
		if (*a == '\n') {
			la = a + 1;
			lb = b + 1;
		}
	line_at(la, was, n);
	line_at(lb, is, n);
}

int replay_files(struct world *w, const char *name, int fd, struct err *e)
{
	own_buf a = { 0 }, b = { 0 };
	char was[1024], is[1024];
	int r;

	if (w->result->diverged)
		return 0;
	r = read_file(w->o->expect_dir, name, SIZE_MAX / 4, &a, e);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 || (r = read_fd(fd, SIZE_MAX / 4, &b)) < 0)
		return fail(e, r ? r : errno, "read the manifest");
	if (!buf_cstr(&a) || !buf_cstr(&b))
		return fail(e, ENOMEM, "compare the manifests");
	if (a.n == b.n && !memcmp(a.p, b.p, a.n))
		return 0;
	first_line((char *) a.p, (char *) b.p, was, is, sizeof was);
	w->result->diverged = true;
	snprintf(w->result->what, sizeof w->result->what,
		"the files differ (%s)\n  expected: %s\n  got:      %s", name, was, is);
	return 0;
}

int replay_header(struct world *w, const void *p, size_t n, struct err *e)
{
	size_t was_n;
	const char *was = trace_header(w->expect, &was_n);
	struct event start;
	int r = trace_next(w->expect, &start, e); /* event 0: the header's digest */

	w->nevents = 1;

	if (r < 0)
		return r;
	if (!w->result->diverged && (was_n != n || memcmp(was, p, n))) {
		size_t i = 0;

		while (i < n && i < was_n && was[i] == ((const char *) p)[i])
			i++;
		w->result->diverged = true;
		i = i > 40 ? i - 40 : 0;
		snprintf(w->result->what, sizeof w->result->what,
			"the inputs differ (header.json)\n  expected: …%.120s\n  got:      …%.120s", was + i,
			(const char *) p + i);
	}
	return 0;
}
