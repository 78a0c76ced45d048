/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: written, read back, compared. */
#include <signal.h>
#include <sys/resource.h>

#include "runtime/base/hash.h"
#include "shim/trace/compare.h"
#include "tests/unit/trace_lab.h"

TEST(bundle_round_trip)
{
	LAB;
	struct verify_opts o = { .level = VERIFY_DEEP, .key = l.pub };
	struct verify_result v = { 0 };
	struct trace_reader *r = NULL;
	struct event ev;
	uint8_t root[32];
	uint64_t n = 0;
	int got;

	EQ(record(l.dir, l.key, 40000, -1, root), 0);
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
	EQ(trace_seek(r, 40001, &e), 0);
	EQ(trace_next(r, &ev, &e), 0);
	EQ(trace_seek(r, 40000, &e), 0);
	EQ(trace_next(r, &ev, &e), 1);
	EQ(ev.kind, EV_END);
	EQ(trace_seek(r, 40002, &e), -ERANGE);
	trace_close(r);
}

/* Looking ahead and going back, as a replay does at each call. */
TEST(bundle_look_ahead)
{
	LAB;
	struct trace_reader *r = NULL;
	struct event ev;
	uint8_t root[32];

	EQ(record(l.dir, NULL, 40000, -1, root), 0);
	EQ(trace_open(l.dir, &r, &e), 0);
	for (uint64_t i = 2; i < 39990; i++) {
		EQ(trace_seek(r, i, &e), 0);
		EQ(trace_next(r, &ev, &e), 1);
		EQ(ev.res, i);
		EQ(trace_seek(r, i, &e), 0);
		if (i % 3)
			continue;
		EQ(trace_next(r, &ev, &e), 1);
		EQ(ev.res, i);
		EQ(trace_next(r, &ev, &e), 1);
		EQ(ev.res, i + 1);
	}
	trace_close(r);
}

TEST(bundle_levels)
{
	LAB;
	uint8_t root[32];

	EQ(record(l.dir, l.key, 10, -1, root), 0);
	for (int level = VERIFY_QUICK; level <= VERIFY_DEEP; level++)
		EQ(verify(&l, level, &e), 0);
	STREQ(e.msg, "");
}

/* END may be the last event of a full block, or the only one of the next. */
TEST(bundle_at_block_edges)
{
	static const uint64_t sizes[] = { 2, BLOCK_EVENTS - 1, BLOCK_EVENTS, BLOCK_EVENTS + 1,
		2 * BLOCK_EVENTS - 1, 2 * BLOCK_EVENTS };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		LAB;
		uint8_t root[32];
		struct index x = { 0 };

		EQ(record(l.dir, l.key, sizes[i], -1, root), 0);
		EQ(verify(&l, VERIFY_DEEP, &e), 0);
		STREQ(e.msg, "");
		EQ(index_load(l.dir, true, &x, &e), 0);
		EQ(x.n, (sizes[i] + 1 + BLOCK_EVENTS - 1) / BLOCK_EVENTS);
		OK(x.complete);
		index_free(&x);
	}
}

static void same_file(int a, int b, const char *name, bool same)
{
	own_buf x = { 0 }, y = { 0 };

	EQ(read_file(a, name, 1 << 24, &x, NULL), 0);
	EQ(read_file(b, name, 1 << 24, &y, NULL), 0);
	if ((x.n == y.n && !memcmp(x.p, y.p, x.n)) != same)
		CHECK_FAIL("%s is %s", name, same ? "not the same" : "the same");
}

/* Two runs leave the same bytes in every file but host.json. */
TEST(bundle_is_reproducible)
{
	static const char *const names[] = { F_HEADER, F_EVENTS, F_INDEX, F_CHECKPOINT,
		F_CHECKPOINTS, F_SIGNATURE };
	LAB;
	own_fd two = lab_dir(&l, "two");
	struct trace_writer *w;
	uint8_t ra[32], rb[32];

	record(l.dir, l.key, 20000, -1, ra);
	w = record_start(two, l.key, 20000, -1);
	put_file(two, "host.json", "{\"kernel\":\"5.10\"}\n", 18);
	EQ(trace_end(w, 3, &(struct trace_subject){ "hello.deb", { 7 } }, 1, rb, &e), 0);
	trace_writer_free(w);
	OK(!memcmp(ra, rb, 32));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		same_file(l.dir, two, names[i], true);
	same_file(l.dir, two, F_HOST, false);
	EQ(verify_with(two, l.pub, VERIFY_DEEP, false, &e), 0);
	/* the host's facts belong to their run, not to the other one of the same root */
	own_buf host = { 0 };
	EQ(read_file(two, F_HOST, 4096, &host, &e), 0);
	OK(memmem(host.p, host.n, "\"kernel\":\"5.10\"", 15));
}

TEST(bundle_blobs_once)
{
	LAB;
	struct trace_writer *w = record_start(l.dir, l.key, 5, -1);
	struct trace_reader *r = NULL;
	uint8_t d1[32], d2[32], root[32];
	own_buf b = { 0 };

	EQ(trace_blob(w, "payload", 7, d1, &e), 0);
	EQ(trace_blob(w, "payload", 7, d2, &e), 0);
	OK(!memcmp(d1, d2, 32));
	EQ(trace_end(w, 0, NULL, 0, root, &e), 0);
	trace_writer_free(w);
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
	EQ(trace_open(l.dir, &r, &e), 0);
	EQ(trace_read_blob(r, d1, &b, &e), 0);
	EQ(b.n, 7);
	d1[0] ^= 1;
	EQ(trace_read_blob(r, d1, &b, &e), -ENOENT);
	trace_close(r);
}

TEST(bundle_dir_must_be_empty)
{
	LAB;
	struct trace_writer *w = NULL;
	uint8_t root[32];

	record(l.dir, l.key, 5, -1, root);
	EQ(trace_writer_new(l.dir, "{}", 2, NULL, &w, &e), -EEXIST);
	HAS(e.msg, "header.json");
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
}

TEST(bundle_write_failure_is_named)
{
	LAB;
	struct rlimit old, low;
	struct trace_writer *w = record_start(l.dir, l.key, 5, -1);
	int r = 0;
	uint8_t root[32];

	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	low = old;
	low.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &low);
	for (uint64_t i = 5; r == 0 && i < 100000; i++)
		r = put_call(w, i, &e);
	EQ(r, -EFBIG);
	HAS(e.msg, F_EVENTS);
	/* the first failure stays: nothing can look complete after it */
	EQ(trace_end(w, 0, NULL, 0, root, &e), -EFBIG);
	HAS(e.msg, F_EVENTS);
	trace_writer_free(w);
	setrlimit(RLIMIT_FSIZE, &old);
	OK(verify(&l, VERIFY_QUICK, &e) < 0);
	HAS(e.msg, "did not finish");
}

/* Compare two runs of @n events of which the second differs in @odd. */
static void compare(uint64_t na, uint64_t nb, int64_t odd, int want, uint64_t want_at)
{
	LAB;
	own_fd two = lab_dir(&l, "two");
	struct trace_reader *a = NULL, *b = NULL;
	uint8_t root[32];
	uint64_t at = 0;

	record(l.dir, NULL, na, -1, root);
	record(two, NULL, nb, odd, root);
	EQ(trace_open(l.dir, &a, &e), 0);
	EQ(trace_open(two, &b, &e), 0);
	EQ(trace_compare(a, b, 0, &at, &e), want);
	EQ(at, want_at);
	trace_close(a);
	trace_close(b);
}

TEST(compare_finds_the_first)
{
	compare(40000, 40000, -1, 0, 0);
	compare(40000, 40000, 39990, 1, 39990);
	compare(40000, 40000, 20000, 1, 20000);
	compare(100, 90, -1, 1, 90);
	compare(BLOCK_EVENTS - 1, 40000, -1, 1, BLOCK_EVENTS - 1);
	compare(BLOCK_EVENTS, 40000, -1, 1, BLOCK_EVENTS);
}

CHECK_MAIN
