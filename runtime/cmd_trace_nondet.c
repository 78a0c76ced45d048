/* SPDX-License-Identifier: Apache-2.0 */
/* detrun trace nondet: what could make this run differ elsewhere, as far as the trace knows. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "runtime/cmd_trace.h"

enum { HOST_MAX = 1 << 20 };

struct note_count {
	char *text;
	uint64_t n, first; /* number of the first such event */
};

struct nondet {
	struct note_count *note;
	size_t n;
	uint64_t inputs, input_bytes, preempts;
	bool jsonl;
	bool said;
};

static void say(struct nondet *d, const char *what, const char *text, uint64_t count,
	int64_t first)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	d->said = true;
	if (!d->jsonl) {
		printf("%-10s ", what);
		if (count)
			printf("%6llu x  ", (unsigned long long) count);
		printf(first >= 0 ? "%s (first: event %lld)\n" : "%s\n", text, (long long) first);
		return;
	}
	json_open(&o, '{');
	if (count)
		json_kint(&o, "count", (int64_t) count);
	if (first >= 0)
		json_kint(&o, "event", first);
	json_kstr(&o, "kind", what);
	json_kstr(&o, "text", text);
	json_close(&o, '}');
	if (!b.failed)
		printf("%.*s\n", (int) b.n, (char *) b.p);
}

/* Printable text of a note. */
static char *note_text(const struct event *ev)
{
	own_buf b = { 0 };

	for (unsigned i = 0; i < ev->nval; i++) {
		const struct ev_val *v = &ev->val[i];
		const uint8_t *s = v->p;

		if (i)
			buf_str(&b, ", ");
		if (v->type == EV_STR)
			for (size_t k = 0; k < v->n; k++)
				buf_byte(&b, s[k] < 0x20 || s[k] == 0x7f ? '?' : s[k]);
		else if (v->type != EV_DATA)
			buf_printf(&b, "%lld", (long long) v->i);
	}
	if (!buf_cstr(&b))
		return NULL;
	return (char *) take_ptr(b.p);
}

static int count_note(struct nondet *d, const struct event *ev, uint64_t number)
{
	own_free char *text = note_text(ev);
	struct note_count *p;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->note[i].text, text)) {
			d->note[i].n++;
			return 0;
		}
	p = realloc(d->note, (d->n + 1) * sizeof *p);
	if (!p)
		return -ENOMEM;
	d->note = p;
	p[d->n++] = (struct note_count){ take_ptr(text), 1, number };
	return 0;
}

static int scan_events(struct trace_reader *r, struct nondet *d, struct err *e)
{
	struct event ev;
	int err;

	while ((err = trace_next_kept(r, &ev, e)) > 0) {
		d->preempts += ev.kind == EV_PREEMPT;
		if (ev.kind == EV_INPUT) {
			d->inputs++;
			for (unsigned k = 0; k < ev.nval; k++)
				if (ev.val[k].type == EV_DATA)
					d->input_bytes += ev.val[k].n;
		}
		if (ev.kind == EV_NOTE && count_note(d, &ev, trace_number(r)) < 0)
			return fail(e, ENOMEM, "count notes");
	}
	return err;
}

static int say_escapes(const char *text, size_t n, const char *name, struct nondet *d, struct err *e)
{
	own_json j = NULL;
	const struct json *list;
	int err = json_parse(text, n, name, &j, e);

	if (err < 0)
		return err;
	list = json_get(j, "escapes");
	for (size_t i = 0; list && list->type == JSON_ARR && i < list->n; i++)
		if (list->child[i]->type == JSON_STR)
			say(d, "escape", list->child[i]->s, 0, -1);
	return 0;
}

static int say_header(struct trace_reader *r, struct nondet *d, struct err *e)
{
	size_t n;
	const char *text = trace_header(r, &n);

	return say_escapes(text, n, "header.json", d, e);
}

/* What this machine leaves open: not in the header, for the trace is the same elsewhere. */
static int say_host(const char *path, struct nondet *d, struct err *e)
{
	own_fd dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_buf b = { 0 };
	int err;

	if (dir < 0 || faccessat(dir, "host.json", F_OK, 0) < 0)
		return 0;
	err = read_file(dir, "host.json", HOST_MAX, &b, e);
	return err < 0 ? err : say_escapes((const char *) b.p, b.n, "host.json", d, e);
}

static void say_events(struct nondet *d)
{
	char text[128];

	for (size_t i = 0; i < d->n; i++)
		say(d, "note", d->note[i].text, d->note[i].n, (int64_t) d->note[i].first);
	snprintf(text, sizeof text, "external inputs, %llu bytes, recorded for replay",
		(unsigned long long) d->input_bytes);
	if (d->inputs)
		say(d, "input", text, d->inputs, -1);
	if (d->preempts)
		say(d, "preempt", "tasks moved on while spinning", d->preempts, -1);
}

int trace_nondet(const struct trace_args *a, struct err *e)
{
	struct nondet d = { .jsonl = a->jsonl };
	own_trace r = NULL;
	int err = trace_open_path(a->pos[0], &r, e);

	if (err == 0)
		err = scan_events(r, &d, e);
	if (err == 0)
		err = say_header(r, &d, e);
	if (err == 0)
		err = say_host(a->pos[0], &d, e);
	if (err == 0)
		say_events(&d);
	if (err == 0 && !d.said && !a->jsonl)
		puts("nothing is known to have escaped");
	for (size_t i = 0; i < d.n; i++)
		free(d.note[i].text);
	free(d.note);
	return err < 0 ? err : trace_flush(e);
}
