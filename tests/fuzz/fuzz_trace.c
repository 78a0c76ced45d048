/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the first byte says what the rest is: an index, the events of a block, an envelope, a
 * statement, notes, or a proof. Digests are made right, so that what lies behind them is reached.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "shim/trace/proof.h"
#include "shim/trace/recover.h"
#include "shim/trace/sign.h"
#include "shim/trace/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char lab_path[] = "/tmp/fuzz_trace-XXXXXX";

static void lab_remove(void)
{
	rm_rf(AT_FDCWD, lab_path);
}

/* One scratch bundle for the whole process, on tmpfs where there is one. */
static int lab(void)
{
	static int dir = -1;

	if (dir < 0) {
		must(mkdtemp(lab_path));
		setenv("XDG_DATA_HOME", lab_path, 1);
		dir = open(lab_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		atexit(lab_remove);
	}
	return dir;
}

static void put(int dir, const char *name, const void *p, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write_full(fd, p, n) == 0);
	close(fd);
}

static void read_all(int dir)
{
	struct trace_reader *r = NULL;
	struct event ev;
	int got;

	if (trace_open(dir, &r, NULL) < 0)
		return;
	do {
		got = trace_next(r, &ev, NULL);
	} while (got > 0);
	if (got == 0)
		must(trace_seek(r, trace_size(r) / 2, NULL) == 0);
	trace_close(r);
}

/* START, then the bytes, in one block with a right digest. */
static void put_block(int dir, const uint8_t *data, size_t n)
{
	struct event start = { .kind = EV_START, .nval = 1 };
	struct block_rec rec = { .n = (uint32_t) (n % BLOCK_EVENTS + 1) };
	uint8_t sha[32], packed[REC_LEN];
	own_buf b = { 0 }, out = { 0 };

	sha256("{}", 2, sha);
	start.val[0] = (struct ev_val){ .type = EV_DATA, .p = sha, .n = 32 };
	must(event_encode(&start, &b) == 0);
	buf_put(&b, data, n);
	must(buf_room(&out, ZSTD_compressBound(b.n)));
	out.n = ZSTD_compress(out.p, out.cap, b.p, b.n, 1);
	rec.clen = (uint32_t) out.n;
	rec.ulen = (uint32_t) b.n;
	sha256(out.p, out.n, rec.frame);
	block_pack(&rec, packed);
	record_frame(packed, &out);
	put(dir, F_EVENTS, out.p, out.n);
	put(dir, F_INDEX, packed, sizeof packed);
}

static void fuzz_notes(const uint8_t *data, size_t n)
{
	const char *p = (const char *) data, *end = p + n;
	struct checkpoint c;
	struct note note;

	while (p < end && note_next(&p, end, &note) == 0)
		checkpoint_parse(&note, "o", &c);
}

static void fuzz_envelope(const uint8_t *data, size_t n)
{
	struct envelope v = { 0 };

	if (envelope_read((const char *) data, n, &v, NULL) == 0)
		envelope_free(&v);
}

static void fuzz_statement(const uint8_t *data, size_t n)
{
	struct statement st = { 0 };

	if (statement_read(data, n, &st, NULL) == 0)
		statement_free(&st);
}

static void fuzz_recover(int dir, const uint8_t *data, size_t n)
{
	struct recover_result res;

	put(dir, F_EVENTS, data, n);
	trace_recover(dir, NULL, &res, NULL);
	unlinkat(dir, F_SIGNATURE, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proof_result res = { 0 };
	int dir = lab();

	if (n < 1)
		return 0;
	put(dir, F_HEADER, "{}", 2);
	switch (*data++ % 7) {
	case 0:
		put_block(dir, data, n - 1);
		read_all(dir);
		break;
	case 1:
		put_block(dir, data, 0);
		put(dir, F_INDEX, data, n - 1);
		read_all(dir);
		break;
	case 2:
		fuzz_envelope(data, n - 1);
		break;
	case 3:
		fuzz_statement(data, n - 1);
		break;
	case 4:
		fuzz_notes(data, n - 1);
		break;
	case 5:
		if (trace_proof_check(data, n - 1, NULL, &res, NULL) == 0)
			buf_free(&res.event);
		break;
	default:
		fuzz_recover(dir, data, n - 1);
	}
	return 0;
}
