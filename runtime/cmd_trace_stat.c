/* SPDX-License-Identifier: Apache-2.0 */
/* detrun trace stat: what a run did, in numbers. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/hash.h"
#include "runtime/base/json.h"
#include "runtime/base/map.h"
#include "runtime/base/own.h"
#include "runtime/cmd_trace.h"
#include "shim/trace/print.h"

enum { NR_MAX = 1024 }; /* higher numbers share one line */

struct stat_sum {
	uint64_t kind[EV_KIND_MAX];
	uint64_t calls[NR_MAX + 1], errors[NR_MAX + 1];
	uint64_t tasks, vtime, bytes;
	int64_t status;
	struct map seen; /* tasks */
};

static int sum_up(struct trace_reader *r, struct stat_sum *s, struct err *e)
{
	struct event ev;
	int err;

	while ((err = trace_next_kept(r, &ev, e)) > 0) {
		uint32_t nr = ev.nr < NR_MAX ? ev.nr : NR_MAX;
		size_t n;

		trace_bytes(r, &n);
		s->bytes += n;
		s->kind[ev.kind]++;
		s->vtime = ev.vtime;
		if (ev.task && !map_get(&s->seen, ev.task, 0)) {
			if (map_put(&s->seen, ev.task, 0, 1) < 0)
				return fail(e, ENOMEM, "count tasks");
			s->tasks++;
		}
		if (ev.kind == EV_END)
			s->status = ev.res;
		if (ev.kind != EV_SYSCALL)
			continue;
		s->calls[nr]++;
		s->errors[nr] += ev.has_res && errno_name(ev.res);
	}
	return err;
}

static void call_name(uint32_t nr, char *ret, size_t n)
{
	const struct event_names *names = trace_names(false);
	const char *name = nr < NR_MAX && names && names->syscall ? names->syscall(nr) : NULL;

	if (name)
		snprintf(ret, n, "%s", name);
	else
		snprintf(ret, n, nr < NR_MAX ? "syscall_%u" : "others", nr);
}

/* Numbers of the calls made, the most frequent first. */
static size_t ranking(const struct stat_sum *s, uint32_t *ret)
{
	size_t n = 0;

	for (uint32_t nr = 0; nr <= NR_MAX; nr++) {
		size_t at = n;

		if (!s->calls[nr])
			continue;
		while (at && s->calls[ret[at - 1]] < s->calls[nr])
			at--;
		memmove(ret + at + 1, ret + at, (n - at) * sizeof *ret);
		ret[at] = nr;
		n++;
	}
	return n;
}

static void print_text(const struct trace_reader *r, const struct stat_sum *s, const char *root)
{
	uint32_t rank[NR_MAX + 1];
	size_t n = ranking(s, rank);

	printf("root       %s\n", root);
	printf("events     %llu in %zu blocks, %llu bytes before compression\n",
		(unsigned long long) trace_size(r), trace_index(r)->n,
		(unsigned long long) s->bytes);
	if (trace_complete(r))
		printf("complete   yes, exit status %lld\n", (long long) s->status);
	else
		printf("complete   no: a prefix\n");
	printf("tasks      %llu\n", (unsigned long long) s->tasks);
	printf("time       %llu.%09llu s (virtual)\n",
		(unsigned long long) (s->vtime / 1000000000),
		(unsigned long long) (s->vtime % 1000000000));
	for (uint8_t k = 0; k < EV_KIND_MAX; k++)
		if (s->kind[k])
			printf("%-10s %llu\n", event_kind_name(k), (unsigned long long) s->kind[k]);
	if (n)
		printf("\n%12s %12s  system call\n", "calls", "errors");
	for (size_t i = 0; i < n; i++) {
		char name[64];

		call_name(rank[i], name, sizeof name);
		printf("%12llu %12llu  %s\n", (unsigned long long) s->calls[rank[i]],
			(unsigned long long) s->errors[rank[i]], name);
	}
}

static void json_calls(struct json_out *o, const struct stat_sum *s)
{
	json_key(o, "calls");
	json_open(o, '[');
	for (uint32_t nr = 0; nr <= NR_MAX; nr++) {
		char name[64];

		if (!s->calls[nr])
			continue;
		call_name(nr, name, sizeof name);
		json_open(o, '{');
		json_kint(o, "count", (int64_t) s->calls[nr]);
		json_kint(o, "errors", (int64_t) s->errors[nr]);
		json_kint(o, "nr", nr);
		json_kstr(o, "syscall", name);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static int print_json(const struct trace_reader *r, const struct stat_sum *s, const char *root,
	struct err *e)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	json_open(&o, '{');
	json_kint(&o, "blocks", (int64_t) trace_index(r)->n);
	json_kint(&o, "bytes", (int64_t) s->bytes);
	json_calls(&o, s);
	json_kbool(&o, "complete", trace_complete(r));
	json_kint(&o, "events", (int64_t) trace_size(r));
	if (trace_complete(r))
		json_kint(&o, "exitStatus", s->status);
	json_kstr(&o, "root", root);
	json_kint(&o, "tasks", (int64_t) s->tasks);
	json_kint(&o, "vtime", (int64_t) s->vtime);
	json_close(&o, '}');
	if (b.failed)
		return fail(e, ENOMEM, "print");
	printf("%.*s\n", (int) b.n, (char *) b.p);
	return 0;
}

int trace_stat(const struct trace_args *a, struct err *e)
{
	own_free struct stat_sum *s = calloc(1, sizeof *s);
	own_trace r = NULL;
	struct merkle_hash root;
	char text[SHA256_HEX];
	int err = trace_open_path(a->pos[0], &r, e);

	if (err < 0)
		return err;
	if (!s)
		return fail(e, ENOMEM, "count events");
	err = sum_up(r, s, e);
	map_free(&s->seen);
	if (err < 0)
		return err;
	index_root(trace_index(r), trace_index(r)->n, &root);
	hex(root.b, 32, text);
	if (a->jsonl)
		err = print_json(r, s, text, e);
	else
		print_text(r, s, text);
	return err < 0 ? err : trace_flush(e);
}
