/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: written, read back, verified, and damaged in every way. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/trace/sign.h"
#include "shim/trace/trace.h"
#include "tests/check.h"

static const char header[] = "{\"escapes\":[],\"version\":1}";

struct lab {
	char path[64];
	int top, dir;
	struct trace_key *key;
	char pem[128], pub[128];
};

static void put_file(int dir, const char *name, const void *p, size_t n)
{
	EQ(write_file(dir, name, p, n, 0600, NULL), 0);
}

static void lab_start(struct lab *l)
{
	own_buf pub = { 0 };
	struct err e = ERR_INIT;

	strcpy(l->path, "/tmp/detrun-trace-XXXXXX");
	OK(mkdtemp(l->path));
	setenv("XDG_DATA_HOME", l->path, 1);
	l->top = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(l->top, "t", 0755);
	l->dir = openat(l->top, "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
#define LAB struct lab l __attribute__((cleanup(lab_end))) = { 0 }; lab_start(&l)

static void put_call(struct trace_writer *w, uint64_t i)
{
	struct event ev = { .kind = EV_SYSCALL, .task = 1, .nr = (uint32_t) (i % 300),
		.has_res = true, .res = (int64_t) i, .vtime = i * 1000, .nval = 2 };
	char path[32];

	ev.val[0] = (struct ev_val){ .type = EV_FD, .i = (int64_t) (i % 7) };
	ev.val[1] = (struct ev_val){ .type = EV_STR, .arg = 1, .p = path };
	ev.val[1].n = (size_t) snprintf(path, sizeof path, "/usr/lib/%llu",
		(unsigned long long) (i * 2654435761u % 1000));
	EQ(trace_put(w, &ev, NULL), 0);
}

static void put_input(struct trace_writer *w)
{
	static char payload[1000] = "what came from outside";
	struct event ev = { .kind = EV_INPUT, .nval = 1 };

	ev.val[0] = (struct ev_val){ .type = EV_DATA, .out = true, .p = payload,
		.n = sizeof payload };
	EQ(trace_put(w, &ev, NULL), 0);
}

static int record(int dir, const struct trace_key *k, uint64_t n, uint8_t root[32])
{
	struct trace_subject out = { .name = "hello.deb", .sha256 = { 7 } };
	struct trace_writer *w;
	struct err e = ERR_INIT;
	int r = trace_writer_new(dir, header, sizeof header - 1, k, &w, &e);

	if (r < 0) {
		CHECK_FAIL("%s", e.msg);
		return r;
	}
	put_file(dir, "host.json", "{\"kernel\":\"6.1\"}\n", 17);
	put_file(dir, "rootfs.in.mtree", "#mtree\n", 7);
	put_input(w);
	for (uint64_t i = 2; i < n; i++)
		put_call(w, i);
	r = trace_end(w, 3, &out, 1, root, &e);
	if (r < 0)
		CHECK_FAIL("%s", e.msg);
	trace_writer_free(w);
	return r;
}

static int verify(const struct lab *l, enum verify_level level, struct err *e)
{
	struct verify_opts o = { .level = level, .key = l->pub };
	struct verify_result res;

	return trace_verify(l->dir, &o, &res, e);
}

TEST(bundle_round_trip)
{
	LAB;
	struct verify_opts o = { .level = VERIFY_DEEP, .key = l.pub };
	struct verify_result v = { 0 };
	struct trace_reader *r = NULL;
	struct err e = ERR_INIT;
	struct event ev;
	uint8_t root[32];
	uint64_t n = 0;
	int got;

	EQ(record(l.dir, l.key, 40000, root), 0);
	EQ(trace_verify(l.dir, &o, &v, &e), 0);
	STREQ(e.msg, "");
	EQ(v.events, 40001);
	EQ(v.exit_status, 3);
	OK(v.complete && v.is_signed && !memcmp(v.root, root, 32));
	EQ(trace_open(l.dir, &r, &e), 0);
	EQ(trace_size(r), 40001);
	OK(trace_complete(r));
	while ((got = trace_next(r, &ev, &e)) == 1)
		n++;
	EQ(got, 0);
	EQ(n, 40001);
	EQ(ev.kind, EV_END);
	EQ(ev.res, 3);
	for (uint64_t i = 39999; i > 1000; i -= 997) {
		EQ(trace_seek(r, i, &e), 0);
		EQ(trace_next(r, &ev, &e), 1);
		EQ(ev.res, i);
	}
	trace_close(r);
}

TEST(bundle_levels)
{
	LAB;
	struct err e = ERR_INIT;
	uint8_t root[32];

	EQ(record(l.dir, l.key, 10, root), 0);
	for (int level = VERIFY_QUICK; level <= VERIFY_DEEP; level++)
		EQ(verify(&l, level, &e), 0);
	STREQ(e.msg, "");
}

CHECK_MAIN
