/* SPDX-License-Identifier: Apache-2.0 */
/* A scratch directory with a key and an empty bundle, and runs to record into it. */
#ifndef DETRUN_TRACE_LAB_H
#define DETRUN_TRACE_LAB_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/trace/bundle.h"
#include "shim/trace/sign.h"
#include "shim/trace/trace.h"
#include "tests/check.h"

static const char lab_header[] = "{\"escapes\":[],\"version\":1}";

struct lab {
	char path[64];
	int top, dir;
	struct trace_key *key;
	char pem[128], pub[128]; /* paths of its halves */
};

static void put_file(int dir, const char *name, const void *p, size_t n)
{
	own_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	EQ(write_full(fd, p, n), 0);
}

/* A new empty bundle directory beside the first one. */
static inline int lab_dir(const struct lab *l, const char *name)
{
	mkdirat(l->top, name, 0755);
	return openat(l->top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void lab_start(struct lab *l)
{
	own_buf pub = { 0 };
	struct err e = ERR_INIT;

	strcpy(l->path, "/tmp/detrun-trace-XXXXXX");
	OK(mkdtemp(l->path));
	setenv("XDG_DATA_HOME", l->path, 1);
	l->top = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->dir = lab_dir(l, "t");
	EQ(trace_key_load(NULL, &l->key, NULL, &e), 0);
	snprintf(l->pem, sizeof l->pem, "%s/detrun/trace-key.pem", l->path);
	snprintf(l->pub, sizeof l->pub, "%s/pub.pem", l->path);
	EQ(trace_key_public(l->key, &pub), 0);
	put_file(l->top, "pub.pem", pub.p, pub.n);
}

static void lab_end(struct lab *l)
{
	trace_key_free(l->key);
	close(l->dir);
	close(l->top);
	rm_rf(AT_FDCWD, l->path);
}
#define LAB                                                         \
	struct lab l __attribute__((cleanup(lab_end))) = { 0 };     \
	struct err e = ERR_INIT;                                    \
	lab_start(&l)

static inline int put_call(struct trace_writer *w, uint64_t i, struct err *e)
{
	struct event ev = { .kind = EV_SYSCALL, .task = 1, .nr = (uint32_t) (i % 300),
		.has_res = true, .res = (int64_t) i, .vtime = i * 1000, .nval = 2 };
	char path[32];

	ev.val[0] = (struct ev_val){ .type = EV_FD, .i = (int64_t) (i % 7) };
	ev.val[1] = (struct ev_val){ .type = EV_STR, .arg = 1, .p = path };
	ev.val[1].n = (size_t) snprintf(path, sizeof path, "/usr/lib/%llu",
		(unsigned long long) (i * 2654435761u % 1000));
	return trace_put(w, &ev, e);
}

static inline int put_input(struct trace_writer *w, struct err *e)
{
	static char payload[100] = "what came from outside";
	struct event ev = { .kind = EV_INPUT, .nval = 1 };

	ev.val[0] = (struct ev_val){ .type = EV_DATA, .out = true, .p = payload,
		.n = sizeof payload };
	return trace_put(w, &ev, e);
}

/* Start a run whose events 1 to @n - 1 are put; odd >= 0 names one that is different. */
static inline struct trace_writer *record_start(int dir, const struct trace_key *k, uint64_t n,
	int64_t odd)
{
	struct trace_writer *w = NULL;
	struct err e = ERR_INIT;

	if (trace_writer_new(dir, lab_header, sizeof lab_header - 1, k, &w, &e) < 0) {
		CHECK_FAIL("%s", e.msg);
		return NULL;
	}
	put_file(dir, "host.json", "{\"kernel\":\"6.1\"}\n", 17);
	put_file(dir, "rootfs.in.mtree", "#mtree\n", 7);
	EQ(put_input(w, &e), 0);
	for (uint64_t i = 2; i < n; i++)
		EQ(put_call(w, (int64_t) i == odd ? 0 : i, &e), 0);
	return w;
}

static inline int record(int dir, const struct trace_key *k, uint64_t n, int64_t odd,
	uint8_t root[32])
{
	struct trace_subject out = { .name = "hello.deb", .sha256 = { 7 } };
	struct trace_writer *w = record_start(dir, k, n, odd);
	struct err e = ERR_INIT;
	int r = w ? trace_end(w, 3, &out, 1, root, &e) : -EINVAL;

	if (r < 0)
		CHECK_FAIL("%s", e.msg);
	trace_writer_free(w);
	return r;
}

static inline int verify_with(int dir, const char *key, enum verify_level level,
	bool allow_unsigned, struct err *e)
{
	struct verify_opts o = { .level = level, .key = key, .allow_unsigned = allow_unsigned };
	struct verify_result res;

	*e = ERR_INIT;
	return trace_verify(dir, &o, &res, e);
}

static inline int verify(const struct lab *l, enum verify_level level, struct err *e)
{
	return verify_with(l->dir, l->pub, level, false, e);
}

#endif
