/* SPDX-License-Identifier: Apache-2.0 */
/* The encoding of events and the Merkle tree over them. */
#include <stdlib.h>

#include "runtime/base/hash.h"
#include "shim/trace/bundle.h"
#include "shim/trace/trace.h"
#include "tests/check.h"

static struct event sample(void)
{
	static const uint8_t big[600] = { 1, 2, 3 };
	struct event ev = { .kind = EV_SYSCALL, .task = 3, .nr = 257, .has_res = true, .res = -2,
		.vtime = 123456789, .nval = 7 };

	ev.val[0] = (struct ev_val){ .type = EV_FD, .arg = 0, .i = -100 };
	ev.val[1] = (struct ev_val){ .type = EV_STR, .arg = 1, .p = "/etc/passwd", .n = 11 };
	ev.val[2] = (struct ev_val){ .type = EV_UINT, .arg = 2, .i = (int64_t) UINT64_MAX };
	ev.val[3] = (struct ev_val){ .type = EV_PTR, .arg = 3, .i = 0x7ffff000 };
	ev.val[4] = (struct ev_val){ .type = EV_DATA, .arg = 4, .out = true, .p = big, .n = 512 };
	ev.val[5] = (struct ev_val){ .type = EV_DATA, .arg = 5, .out = true, .p = big, .n = 600 };
	ev.val[6] = (struct ev_val){ .type = EV_INT, .arg = 5, .i = INT64_MIN };
	return ev;
}

static int decode_all(const struct buf *b, struct event *ev)
{
	const uint8_t *p = b->p;
	int r = event_decode(&p, b->p + b->n, ev);

	return r < 0 ? r : p == b->p + b->n ? 0 : 1;
}

TEST(event_round_trip)
{
	struct event ev = sample(), got;
	own_buf b = { 0 }, again = { 0 };
	uint8_t sha[32];

	EQ(event_encode(&ev, &b), 0);
	EQ(decode_all(&b, &got), 0);
	EQ(got.kind, EV_SYSCALL);
	EQ(got.task, 3);
	EQ(got.nr, 257);
	EQ(got.res, -2);
	EQ(got.vtime, 123456789);
	EQ(got.nval, 7);
	EQ(got.val[0].i, -100);
	EQ(got.val[1].n, 11);
	OK(!memcmp(got.val[1].p, "/etc/passwd", 11));
	OK((uint64_t) got.val[2].i == UINT64_MAX);
	OK(got.val[4].out && !got.val[4].is_digest);
	EQ(got.val[6].i, INT64_MIN);
	sha256(ev.val[5].p, 600, sha);
	OK(got.val[5].is_digest && got.val[5].n == 600 && !got.val[5].p);
	OK(!memcmp(got.val[5].digest, sha, 32));
	EQ(event_encode(&got, &again), 0);
	EQ(again.n, b.n);
	OK(!memcmp(again.p, b.p, b.n));
}

TEST(event_long_string_is_data)
{
	static char s[EV_STR_MAX + 1];
	struct event ev = { .kind = EV_NOTE, .nval = 2 }, got;
	own_buf b = { 0 };

	ev.val[0] = (struct ev_val){ .type = EV_STR, .p = s, .n = EV_STR_MAX };
	ev.val[1] = (struct ev_val){ .type = EV_STR, .p = s, .n = sizeof s };
	EQ(event_encode(&ev, &b), 0);
	EQ(decode_all(&b, &got), 0);
	EQ(got.val[0].type, EV_STR);
	EQ(got.val[1].type, EV_DATA);
	OK(got.val[1].is_digest);
	EQ(got.val[1].n, sizeof s);
}

TEST(event_command_line_is_inline)
{
	static char s[EV_STR_MAX + 1];
	struct event ev = { .kind = EV_EXEC, .nval = 2 }, got;
	own_buf b = { 0 };

	ev.val[0] = (struct ev_val){ .type = EV_DATA, .p = s, .n = EV_STR_MAX };
	ev.val[1] = (struct ev_val){ .type = EV_DATA, .p = s, .n = sizeof s };
	EQ(event_encode(&ev, &b), 0);
	EQ(decode_all(&b, &got), 0);
	OK(!got.val[0].is_digest && got.val[0].p);
	OK(got.val[1].is_digest);
	b.p[0] = EV_INPUT | (b.p[0] & 0xf0); /* any other kind: only a digest will do */
	EQ(decode_all(&b, &got), -EBADMSG);
}

TEST(event_encode_refuses)
{
	struct event ev = { .kind = EV_KIND_MAX };
	own_buf b = { 0 };

	EQ(event_encode(&ev, &b), -EINVAL);
	ev = (struct event){ .kind = EV_NOTE, .nval = EV_MAXVAL + 1 };
	EQ(event_encode(&ev, &b), -EINVAL);
	ev = (struct event){ .kind = EV_NOTE, .nval = 1 };
	ev.val[0].type = EV_TYPE_MAX;
	EQ(event_encode(&ev, &b), -EINVAL);
	/* short data has one form: inline */
	ev.val[0] = (struct ev_val){ .type = EV_DATA, .is_digest = true, .n = EV_INLINE };
	EQ(event_encode(&ev, &b), -EINVAL);
	EQ(b.n, 0);
}

/* Whatever decodes must encode to the same bytes: flip every byte to every value. */
TEST(event_one_encoding)
{
	struct event ev = sample(), got;
	own_buf b = { 0 };

	event_encode(&ev, &b);
	for (size_t i = 0; i < b.n; i++)
		for (int v = 0; v < 256; v++) {
			uint8_t was = b.p[i];
			const uint8_t *p = b.p;
			own_buf again = { 0 };

			b.p[i] = (uint8_t) v;
			if (!event_decode(&p, b.p + b.n, &got)) {
				EQ(event_encode(&got, &again), 0);
				EQ(again.n, p - b.p);
				OK(!memcmp(again.p, b.p, again.n));
			}
			b.p[i] = was;
		}
	for (size_t n = 0; n < b.n; n++) {
		const uint8_t *p = b.p;

		EQ(event_decode(&p, b.p + n, &got), -EBADMSG);
		OK(p == b.p);
	}
}

static void refused(const char *what, const void *p, size_t n)
{
	const uint8_t *at = p;
	struct event ev;

	if (event_decode(&at, at + n, &ev) != -EBADMSG)
		CHECK_FAIL("decoded: %s", what);
}

TEST(event_decode_refuses)
{
#define BYTES(what, ...) refused(what, (uint8_t[]){ __VA_ARGS__ }, \
	sizeof((uint8_t[]){ __VA_ARGS__ }))
	BYTES("unknown kind", 11, 1, 0, 0, 0);
	BYTES("unknown flag", 0x29, 1, 0, 0, 0);
	BYTES("overlong varint", 9, 0x81, 0, 0, 0, 0);
	BYTES("task over 32 bits", 9, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 0);
	BYTES("17 values", 9, 1, 0, 0, 17);
	BYTES("value missing", 9, 1, 0, 0, 1);
	BYTES("unknown type", 9, 1, 0, 0, 1, 6, 0, 0);
	BYTES("unknown value flag", 9, 1, 0, 0, 1, 0x20, 0, 0);
	BYTES("a digest of a number", 9, 1, 0, 0, 1, 0x10, 0, 0);
	BYTES("string past the end", 9, 1, 0, 0, 1, 4, 0, 2, 'a');
	BYTES("string too long", 9, 1, 0, 0, 1, 4, 0, 0x81, 0x40);
	BYTES("inline data too long", 9, 1, 0, 0, 1, 5, 0, 0x81, 4);
	BYTES("digest of short data", 9, 1, 0, 0, 1, 0x15, 0, 0x80, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	BYTES("length near 2^64", 9, 1, 0, 0, 1, 0x15, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 1);
	refused("nothing", "", 0);
}

/* --- Merkle ------------------------------------------------------------------------------- */

/* The tree that RFC 6962 implementations test with: these eight leaves, roots by size. */
static const struct {
	const char *data;
	size_t n;
} leaves[] = {
	{ "", 0 }, { "\x00", 1 }, { "\x10", 1 }, { "\x20\x21", 2 }, { "\x30\x31", 2 },
	{ "\x40\x41\x42\x43", 4 }, { "\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
	{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 },
};

static const char *const roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

TEST(merkle_known_roots)
{
	struct merkle m = { 0 };
	struct merkle_hash h;
	char text[65];

	for (size_t i = 0; i <= 8; i++) {
		merkle_root(&m, &h);
		STREQ(hex(h.b, 32, text), roots[i]);
		if (i == 8)
			break;
		merkle_leaf(leaves[i].data, leaves[i].n, &h);
		merkle_add(&m, &h);
	}
}

TEST(merkle_paths)
{
	struct merkle_hash h[70], root;

	for (size_t i = 0; i < 70; i++)
		merkle_leaf(&i, sizeof i, &h[i]);
	for (size_t n = 1; n <= 70; n++) {
		merkle_root_of(h, n, &root);
		for (size_t i = 0; i < n; i++) {
			own_buf b = { 0 };
			struct merkle_hash *p;
			size_t np;

			merkle_path(h, n, i, &b);
			p = (struct merkle_hash *) b.p;
			np = b.n / 32;
			OK(merkle_path_ok(&h[i], i, n, p, np, &root));
			OK(!merkle_path_ok(&h[i], (i + 1) % n, n, p, np, &root) || n == 1);
			OK(!np || !merkle_path_ok(&h[i], i, n, p, np - 1, &root));
			OK(!merkle_path_ok(&root, i, n, p, np, &root) || n == 1);
		}
	}
}

/* The root of a long trace comes from its blocks' nodes alone. */
TEST(merkle_of_blocks)
{
	enum { N = 3 * BLOCK_EVENTS + 5 };
	static struct merkle_hash h[N];
	struct merkle_hash root, node, top;
	struct merkle m = { 0 };

	for (size_t i = 0; i < N; i++)
		merkle_leaf(&i, sizeof i, &h[i]);
	merkle_root_of(h, N, &root);
	for (size_t i = 0; i < N; i += BLOCK_EVENTS) {
		merkle_root_of(h + i, N - i < BLOCK_EVENTS ? N - i : BLOCK_EVENTS, &node);
		merkle_add(&m, &node);
	}
	merkle_root(&m, &top);
	OK(!memcmp(&top, &root, sizeof root));
}

TEST(base64)
{
	static const char *const text[] = { "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==" };
	static const char *const bad[] = { "Z", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====",
		"Zm 9", "Zm9v\n", "Zm-_" };

	for (size_t n = 0; n < 5; n++) {
		own_buf b = { 0 }, back = { 0 };

		b64_put("foob", n, &b);
		STREQ(buf_cstr(&b), text[n]);
		EQ(b64_get(text[n], strlen(text[n]), &back), 0);
		EQ(back.n, n);
		OK(!memcmp(back.p ? (char *) back.p : "", "foob", n));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		own_buf b = { 0 };

		if (b64_get(bad[i], strlen(bad[i]), &b) == 0)
			CHECK_FAIL("base64 \"%s\" was taken", bad[i]);
	}
}

CHECK_MAIN
