/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to damage a bundle must be seen. */
#include "shim/trace/recover.h"
#include "shim/trace/statement.h"
#include "tests/unit/trace_lab.h"

/* All files of the bundle, by name; freed by the caller. */
static size_t files(int dir, struct statement *st)
{
	static const char *const own[] = { F_HOST, F_CHECKPOINT, F_CHECKPOINTS, F_SIGNATURE };

	EQ(statement_scan(st, dir, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		EQ(statement_add(st, own[i], NULL), 0);
	return st->n;
}

static void must_fail(const struct lab *l, const char *name, const char *what, size_t at)
{
	struct err e = ERR_INIT;

	if (verify(l, VERIFY_DEEP, &e) == 0)
		CHECK_FAIL("%s: %s at %zu was not seen", name, what, at);
	else if (!*e.msg)
		CHECK_FAIL("%s: %s at %zu gave no message", name, what, at);
}

static void flip_file(const struct lab *l, const char *name)
{
	own_buf b = { 0 };
	own_fd fd = openat(l->dir, name, O_RDWR | O_CLOEXEC);

	EQ(read_file(l->dir, name, 1 << 20, &b, NULL), 0);
	for (size_t i = 0; i < b.n; i++) {
		uint8_t v = b.p[i] ^ (uint8_t) (1 << i % 8);

		EQ(pwrite(fd, &v, 1, (off_t) i), 1);
		must_fail(l, name, "a flipped bit", i);
		EQ(pwrite(fd, &b.p[i], 1, (off_t) i), 1);
	}
}

TEST(every_flip_is_seen)
{
	LAB;
	struct statement st = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 6, -1, root);
	for (size_t i = 0, n = files(l.dir, &st); i < n; i++)
		flip_file(&l, st.s[i].name);
	statement_free(&st);
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
}

static void cut_file(const struct lab *l, const char *name)
{
	own_buf b = { 0 };
	char extra[] = "\n{} ";

	EQ(read_file(l->dir, name, 1 << 20, &b, NULL), 0);
	for (size_t n = 0; n < b.n; n += n < b.n - 40 && n > 40 ? 17 : 1) {
		put_file(l->dir, name, b.p, n);
		must_fail(l, name, "truncation", n);
	}
	for (size_t i = 0; i < 5; i++) {
		buf_byte(&b, (uint8_t) extra[i]);
		put_file(l->dir, name, b.p, b.n);
		must_fail(l, name, "an appended byte", i);
		b.n--;
	}
	EQ(unlinkat(l->dir, name, 0), 0);
	must_fail(l, name, "removal", 0);
	EQ(symlinkat("../t2", l->dir, name), 0);
	must_fail(l, name, "a link", 0);
	EQ(unlinkat(l->dir, name, 0), 0);
	put_file(l->dir, name, b.p, b.n);
}

TEST(every_cut_is_seen)
{
	LAB;
	struct statement st = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 6, -1, root);
	for (size_t i = 0, n = files(l.dir, &st); i < n; i++)
		cut_file(&l, st.s[i].name);
	statement_free(&st);
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
	put_file(l.dir, "more", "x", 1);
	EQ(verify(&l, VERIFY_QUICK, &e), -EBADMSG);
	HAS(e.msg, "more is in the bundle but not in its statement");
}

/* Swap the first two blocks' records in the index, or their frames. */
static void swap_blocks(const struct lab *l, const char *name, size_t a, size_t na, size_t nb)
{
	own_buf b = { 0 }, s = { 0 };

	EQ(read_file(l->dir, name, 1 << 24, &b, NULL), 0);
	buf_put(&s, b.p, a);
	buf_put(&s, b.p + a + na, nb);
	buf_put(&s, b.p + a, na);
	buf_put(&s, b.p + a + na + nb, b.n - a - na - nb);
	put_file(l->dir, name, s.p, s.n);
	must_fail(l, name, "two blocks swapped", a);
	put_file(l->dir, name, b.p, b.n);
}

TEST(swaps_are_seen)
{
	LAB;
	struct index x = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 3 * BLOCK_EVENTS, -1, root);
	EQ(index_load(l.dir, true, &x, &e), 0);
	swap_blocks(&l, F_INDEX, REC_LEN, REC_LEN, REC_LEN);
	swap_blocks(&l, F_EVENTS, 0, x.r[0].clen + REC_FRAME, x.r[1].clen + REC_FRAME);
	index_free(&x);
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
}

/* A file of another run of the same key and header, put in place of this run's. */
TEST(mixed_runs_are_seen)
{
	LAB;
	own_fd two = lab_dir(&l, "two");
	struct statement st = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 6, -1, root);
	record(two, l.key, 6, 4, root);
	for (size_t i = 0, n = files(l.dir, &st); i < n; i++) {
		own_buf mine = { 0 }, other = { 0 };

		EQ(read_file(l.dir, st.s[i].name, 1 << 20, &mine, &e), 0);
		EQ(read_file(two, st.s[i].name, 1 << 20, &other, &e), 0);
		if (mine.n == other.n && !memcmp(mine.p, other.p, mine.n))
			continue;
		put_file(l.dir, st.s[i].name, other.p, other.n);
		must_fail(&l, st.s[i].name, "another run's file", 0);
		put_file(l.dir, st.s[i].name, mine.p, mine.n);
	}
	statement_free(&st);
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
}

/* --- who signed --------------------------------------------------------------------------- */

TEST(unsigned_is_refused)
{
	LAB;
	uint8_t root[32];

	record(l.dir, NULL, 6, -1, root);
	EQ(verify(&l, VERIFY_DEEP, &e), -EBADMSG);
	HAS(e.msg, "no signature");
	EQ(verify_with(l.dir, l.pub, VERIFY_DEEP, true, &e), 0);
	put_file(l.dir, "rootfs.in.mtree", "#other\n", 7);
	EQ(verify_with(l.dir, l.pub, VERIFY_DEEP, true, &e), -EBADMSG);
	HAS(e.msg, "rootfs.in.mtree");
}

/* Someone who has no key takes the signature away. */
TEST(stripped_signature_is_refused)
{
	LAB;
	struct envelope v = { 0 };
	own_buf text = { 0 }, bare = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 6, -1, root);
	EQ(read_file(l.dir, F_SIGNATURE, 1 << 20, &text, &e), 0);
	EQ(envelope_read((char *) text.p, text.n, &v, &e), 0);
	EQ(envelope_write(NULL, v.payload.p, v.payload.n, &bare, &e), 0);
	envelope_free(&v);
	put_file(l.dir, F_SIGNATURE, bare.p, bare.n);
	EQ(verify(&l, VERIFY_QUICK, &e), -EBADMSG);
	HAS(e.msg, "no signature");
	EQ(verify_with(l.dir, l.pub, VERIFY_DEEP, true, &e), 0);
}

static struct trace_key *other_key(const struct lab *l, const char *alg)
{
	char path[128], cmd[400];
	struct trace_key *k = NULL;
	struct err e = ERR_INIT;

	snprintf(path, sizeof path, "%s/other.pem", l->path);
	snprintf(cmd, sizeof cmd, "openssl genpkey %s -out %s 2>/dev/null", alg, path);
	EQ(system(cmd), 0);
	EQ(trace_key_load(path, &k, NULL, &e), 0);
	STREQ(e.msg, "");
	return k;
}

TEST(another_key_is_refused)
{
	LAB;
	struct trace_key *k = other_key(&l, "-algorithm ed25519");
	uint8_t root[32];

	record(l.dir, k, 6, -1, root);
	EQ(verify(&l, VERIFY_DEEP, &e), -EBADMSG);
	HAS(e.msg, "not by the pinned key");
	EQ(verify_with(l.dir, l.pub, VERIFY_DEEP, true, &e), 0);
	trace_key_free(k);
}

/* The algorithm is the pinned key's, whatever the file says. */
TEST(p256_signs_too)
{
	LAB;
	struct trace_key *k = other_key(&l,
		"-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
	char path[128];
	uint8_t root[32];

	record(l.dir, k, 6, -1, root);
	snprintf(path, sizeof path, "%s/other.pem", l.path);
	EQ(verify_with(l.dir, path, VERIFY_DEEP, false, &e), 0);
	STREQ(e.msg, "");
	EQ(verify(&l, VERIFY_QUICK, &e), -EBADMSG);
	trace_key_free(k);
}

/* --- killed recorders --------------------------------------------------------------------- */

static void lose_signature(int dir)
{
	unlinkat(dir, F_SIGNATURE, 0);
}

TEST(prefix_of_a_dead_recorder)
{
	LAB;
	struct verify_opts o = { .level = VERIFY_DEEP, .key = l.pub };
	struct verify_result v = { 0 };
	struct recover_result res = { 0 };
	struct trace_reader *r = NULL;
	struct trace_writer *w = record_start(l.dir, l.key, 20000, -1);

	/* closed blocks are on disk now; what follows is lost with the process */
	EQ(trace_open(l.dir, &r, &e), 0);
	EQ(trace_size(r), BLOCK_EVENTS);
	OK(!trace_complete(r));
	trace_close(r);
	EQ(verify(&l, VERIFY_QUICK, &e), -ENOENT);
	HAS(e.msg, "did not finish");
	e = ERR_INIT;
	trace_writer_free(w); /* an orderly end keeps the open block as well */
	EQ(trace_recover(l.dir, l.key, &res, &e), 0);
	STREQ(e.msg, "");
	EQ(res.events, 20000);
	EQ(res.noted, 20000);
	OK(!res.complete);
	EQ(trace_verify(l.dir, &o, &v, &e), 0);
	STREQ(e.msg, "");
	OK(!v.complete && v.is_signed);
	EQ(v.events, 20000);
	EQ(trace_recover(l.dir, l.key, &res, &e), -EEXIST);
}

/* Killed while it signed: half-written files are no part of the bundle, host.json is signed once. */
TEST(recover_from_the_last_step)
{
	LAB;
	struct recover_result res = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 50, -1, root);
	lose_signature(l.dir);
	put_file(l.dir, F_SIGNATURE F_TMP, "{\"dsse", 6);
	put_file(l.dir, F_HOST F_TMP, "{", 1);
	put_file(l.dir, F_INDEX F_TMP, "", 0);
	EQ(trace_recover(l.dir, l.key, &res, &e), 0);
	OK(res.complete && res.events == 51);
	OK(!memcmp(res.root, root, 32));
	EQ(verify(&l, VERIFY_DEEP, &e), 0);
	STREQ(e.msg, "");
}

/* Killed while it wrote: the file ends anywhere. */
TEST(recover_at_every_cut)
{
	LAB;
	own_buf ev = { 0 }, index = { 0 }, log = { 0 };
	struct index x = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 2 * BLOCK_EVENTS + 9, -1, root);
	lose_signature(l.dir);
	EQ(index_load(l.dir, true, &x, &e), 0);
	EQ(read_file(l.dir, F_EVENTS, 1 << 24, &ev, &e), 0);
	EQ(read_file(l.dir, F_INDEX, 1 << 20, &index, &e), 0);
	EQ(read_file(l.dir, F_CHECKPOINTS, 1 << 20, &log, &e), 0);
	for (size_t n = 0; n <= ev.n; n += n + 300 < ev.n ? 40001 : 23) {
		struct recover_result res = { 0 };
		size_t whole = 0;

		while (whole < x.n && n >= x.r[whole].offset + x.r[whole].clen + REC_FRAME)
			whole++;
		lose_signature(l.dir);
		put_file(l.dir, F_EVENTS, ev.p, n);
		put_file(l.dir, F_INDEX, index.p, whole * REC_LEN + n % REC_LEN);
		put_file(l.dir, F_CHECKPOINTS, log.p, log.n);
		if (!whole) {
			EQ(trace_recover(l.dir, l.key, &res, &e), -ENODATA);
			continue;
		}
		EQ(trace_recover(l.dir, l.key, &res, &e), 0);
		EQ(res.events, x.r[whole - 1].first + x.r[whole - 1].n);
		EQ(verify(&l, VERIFY_DEEP, &e), 0);
		if (e.code)
			CHECK_FAIL("at %zu: %s", n, e.msg);
	}
	index_free(&x);
}

/* Recovery signs only what the recorder had signed. */
TEST(recover_sees_forgery)
{
	LAB;
	own_fd two = lab_dir(&l, "two");
	struct recover_result res = { 0 };
	own_buf log = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 100, -1, root);
	record(two, l.key, 100, 50, root);
	EQ(read_file(two, F_CHECKPOINTS, 1 << 20, &log, &e), 0);
	put_file(l.dir, F_CHECKPOINTS, log.p, log.n);
	lose_signature(l.dir);
	EQ(trace_recover(l.dir, l.key, &res, &e), -EBADMSG);
	HAS(e.msg, "not those that the recorder signed");
}

CHECK_MAIN
