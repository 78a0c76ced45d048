/* SPDX-License-Identifier: Apache-2.0 */
/* A trace with a limit keeps its newest part, and is proven by the same root. */
#include <string.h>
#include <sys/stat.h>

#include "shim/trace/reader.h"
#include "shim/trace/recover.h"
#include "tests/unit/trace_lab.h"

enum { EVENTS = 10 * BLOCK_EVENTS, ROOM = 200000 };

static struct trace_writer *limited(const struct lab *l, const char *name, int *ret_dir)
{
	struct trace_writer *w;
	struct err e = ERR_INIT;

	*ret_dir = lab_dir(l, name);
	w = record_start(*ret_dir, l->key, 2, -1);
	trace_room(w, ROOM);
	for (uint64_t i = 2; i < EVENTS; i++)
		EQ(put_call(w, i, &e), 0);
	return w;
}

TEST(room_keeps_the_newest)
{
	LAB;
	struct trace_subject out = { .name = "hello.deb", .sha256 = { 7 } };
	uint8_t whole[32], root[32];
	own_fd dir = -1;
	own_trace r = NULL;
	struct trace_writer *w;
	struct event ev;
	uint64_t n = 0, last = 0, gaps = 0;
	struct stat st;
	int got;

	record(l.dir, l.key, EVENTS, -1, whole);
	w = limited(&l, "less", &dir);
	EQ(trace_end(w, 3, &out, 1, root, &e), 0);
	trace_writer_free(w);
	OK(!memcmp(root, whole, 32));
	fstatat(dir, F_EVENTS, &st, 0);
	OK(st.st_blocks * 512 < 2 * ROOM);
	EQ(verify_with(dir, l.pub, VERIFY_QUICK, false, &e), 0);
	EQ(verify_with(dir, l.pub, VERIFY_FULL, false, &e), -ENODATA);
	HAS(e.msg, "events 16384 to 32767 were not kept");
	EQ(trace_open(dir, &r, &e), 0);
	while ((got = trace_next_kept(r, &ev, &e)) > 0) {
		gaps += trace_number(r) != (n ? last + 1 : 0);
		last = trace_number(r);
		n++;
	}
	EQ(got, 0);
	EQ(gaps, 1);
	EQ(last, EVENTS);
	EQ(ev.kind, EV_END);
	OK(n >= 2 * BLOCK_EVENTS && n < EVENTS);
	EQ(trace_seek(r, BLOCK_EVENTS, &e), -ENODATA);
}

TEST(room_for_blobs)
{
	LAB;
	struct trace_writer *w = record_start(l.dir, l.key, 2, -1);
	own_trace r = NULL;
	own_buf b = { 0 };
	uint8_t root[32], digest[100][32];
	char payload[10000] = "";

	trace_room(w, ROOM);
	for (int i = 0; i < 100; i++) {
		payload[0] = (char) i;
		EQ(trace_blob(w, payload, sizeof payload, digest[i], &e), 0);
	}
	payload[0] = 1; /* it's there again */
	EQ(trace_blob(w, payload, sizeof payload, digest[1], &e), 0);
	EQ(trace_end(w, 0, NULL, 0, root, &e), 0);
	trace_writer_free(w);
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
	EQ(trace_open(l.dir, &r, &e), 0);
	EQ(trace_read_blob(r, digest[0], &b, &e), -ENOENT);
	EQ(trace_read_blob(r, digest[80], &b, &e), -ENOENT);
	EQ(trace_read_blob(r, digest[1], &b, &e), 0);
	EQ(trace_read_blob(r, digest[81], &b, &e), 0);
	EQ(trace_read_blob(r, digest[99], &b, &e), 0);
	EQ(b.n, 3 * sizeof payload);
}

TEST(room_is_not_a_prefix)
{
	LAB;
	own_fd dir = -1;
	struct trace_writer *w = limited(&l, "killed", &dir);
	struct recover_result res;

	trace_writer_free(w); /* without its end */
	EQ(trace_recover(dir, l.key, &res, &e), -ENODATA);
	HAS(e.msg, "events from 16384 on were not kept");
}

CHECK_MAIN
