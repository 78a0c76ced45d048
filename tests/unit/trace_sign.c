/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, notes, envelopes, proofs; and how events look. */
#include "runtime/base/hash.h"
#include "shim/trace/print.h"
#include "shim/trace/proof.h"
#include "tests/unit/trace_lab.h"

TEST(dsse_pae_of_the_specification)
{
	own_buf b = { 0 };

	dsse_pae("http://example.com/HelloWorld", "hello world", 11, &b);
	STREQ(buf_cstr(&b), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST(key_is_made_once)
{
	LAB;
	struct trace_key *k = NULL;
	struct stat st;
	bool made = true;

	EQ(stat(l.pem, &st), 0);
	EQ(st.st_mode & 07777, 0600);
	OK(l.key->ed25519 && l.key->is_private);
	EQ(trace_key_load(NULL, &k, &made, &e), 0);
	OK(!made);
	OK(!memcmp(k->id, l.key->id, 32));
	trace_key_free(k);
	EQ(unlink(l.pem), 0);
	EQ(trace_key_load(NULL, &k, &made, &e), 0);
	OK(made);
	OK(memcmp(k->id, l.key->id, 32));
	trace_key_free(k);
}

TEST(key_errors_name_the_file)
{
	LAB;
	struct trace_key *k = NULL;
	char path[128];

	snprintf(path, sizeof path, "%s/none.pem", l.path);
	EQ(trace_key_load(path, &k, NULL, &e), -ENOENT);
	HAS(e.msg, "none.pem");
	EQ(trace_key_load(l.pub, &k, NULL, &e), -EINVAL); /* can't sign with a public key */
	HAS(e.msg, "pub.pem is not an unencrypted private key");
	EQ(key_load_pinned(l.pem, &k, &e), 0); /* the private half has the public one in it */
	EQ(memcmp(k->id, l.key->id, 32), 0);
	trace_key_free(take_ptr(k));
	put_file(l.top, "none.pem", "garbage\n", 8);
	EQ(key_load_pinned(path, &k, &e), -EINVAL);
	HAS(e.msg, "none.pem");
	EQ(unlink(l.pem), 0);
	EQ(key_load_pinned(NULL, &k, &e), -ENOENT); /* verification makes no key */
	HAS(e.msg, "--key");
	EQ(access(l.pem, F_OK), -1);
}

/* RFC 8032, 7.1, test 2: what any Ed25519 implementation gives. */
TEST(ed25519_of_the_rfc)
{
	static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
		"-----END PRIVATE KEY-----\n";
	static const char want[] =
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
	LAB;
	struct trace_key *k = NULL;
	own_buf sig = { 0 };
	char path[128], text[129];

	snprintf(path, sizeof path, "%s/rfc.pem", l.path);
	put_file(l.top, "rfc.pem", pem, sizeof pem - 1);
	EQ(trace_key_load(path, &k, NULL, &e), 0);
	EQ(key_sign(k, "\x72", 1, &sig), 0);
	EQ(sig.n, 64);
	STREQ(hex(sig.p, sig.n, text), want);
	OK(key_accepts(k, "\x72", 1, sig.p, sig.n));
	OK(!key_accepts(k, "\x73", 1, sig.p, sig.n));
	OK(!key_accepts(k, "\x72", 1, sig.p, sig.n - 1));
	trace_key_free(k);
}

TEST(note_round_trip)
{
	LAB;
	struct checkpoint c = { .size = 20852163, .root = { { 1, 2, 3 } } }, got;
	own_buf b = { 0 };
	struct note n;
	const char *p, *end;

	EQ(checkpoint_write(l.key, "detrun/run/x", &c, &b, &e), 0);
	p = (char *) b.p;
	end = p + b.n;
	HAS(buf_cstr(&b), "detrun/run/x\n20852163\nAQID");
	HAS((char *) b.p, "=\n\n\xe2\x80\x94 detrun/run/x ");
	p = (char *) b.p, end = p + b.n;
	EQ(note_next(&p, end, &n), 0);
	OK(p == end);
	OK(note_signed_by(&n, l.key, "detrun/run/x"));
	OK(!note_signed_by(&n, l.key, "detrun/run/y"));
	EQ(checkpoint_parse(&n, "detrun/run/x", &got), 0);
	EQ(got.size, c.size);
	OK(!memcmp(&got.root, &c.root, 32));
	EQ(checkpoint_parse(&n, "detrun/run/y", &got), -EBADMSG);
}

static int parse_note(const char *text)
{
	const char *p = text, *end = text + strlen(text);
	struct checkpoint c;
	struct note n;

	if (note_next(&p, end, &n) < 0 || p != end)
		return -EBADMSG;
	return checkpoint_parse(&n, "o", &c);
}

#define ROOT "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

TEST(note_refuses)
{
	EQ(parse_note("o\n5\n" ROOT "\n\n"), 0);
	EQ(parse_note("o\n0\n" ROOT "\n\n"), 0);
	EQ(parse_note("o\n05\n" ROOT "\n\n"), -EBADMSG);
	EQ(parse_note("o\n-5\n" ROOT "\n\n"), -EBADMSG);
	EQ(parse_note("o\n\n" ROOT "\n\n"), -EBADMSG);
	EQ(parse_note("o\n18446744073709551616\n" ROOT "\n\n"), -EBADMSG);
	EQ(parse_note("o\n5\n" ROOT "\nmore\n\n"), -EBADMSG);
	EQ(parse_note("o\n5\nAQID\n\n"), -EBADMSG);
	EQ(parse_note("o\n5\n" ROOT "\n"), -EBADMSG);
	EQ(parse_note("o\r\n5\n" ROOT "\n\n"), -EBADMSG);
	EQ(parse_note("o\n5\n" ROOT "\n\n\xe2\x80\x94 x AAAA"), -EBADMSG);
	EQ(parse_note(""), -EBADMSG);
	EQ(parse_note("\n\n"), -EBADMSG);
}

static int check_proof(const struct lab *l, const struct buf *b, uint64_t want, struct err *e)
{
	struct proof_result res = { 0 };
	int r;

	*e = ERR_INIT;
	r = trace_proof_check(b->p, b->n, l->pub, &res, e);
	if (r == 0)
		EQ(res.number, want);
	buf_free(&res.event);
	return r;
}

TEST(proof_of_one_event)
{
	static const uint64_t numbers[] = { 0, 1, 16383, 16384, 20000, 32768, 39999, 40000 };
	LAB;
	struct trace_reader *r = NULL;
	own_buf b = { 0 };
	uint8_t root[32];

	record(l.dir, l.key, 40000, -1, root);
	EQ(trace_open(l.dir, &r, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		b.n = 0;
		EQ(trace_proof(r, numbers[i], &b, &e), 0);
		EQ(check_proof(&l, &b, numbers[i], &e), 0);
		STREQ(e.msg, "");
	}
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= (uint8_t) (1 << i % 8);
		if (check_proof(&l, &b, 40000, &e) == 0)
			CHECK_FAIL("a flip at %zu was not seen", i);
		b.p[i] ^= (uint8_t) (1 << i % 8);
	}
	for (size_t n = b.n; b.n-- > 0 && b.n + 100 > n;)
		OK(check_proof(&l, &b, 40000, &e) < 0);
	EQ(trace_proof(r, 40001, &b, &e), -ERANGE);
	trace_close(r);
}

/* --- printing ----------------------------------------------------------------------------- */

static const char *name_of(uint32_t nr)
{
	return nr == 257 ? "openat" : NULL;
}

static const char *arg_of(const struct event *ev, unsigned arg)
{
	return ev->nr == 257 && arg == 1 ? "pathname" : NULL;
}

static bool value_of(const struct event *ev, const struct ev_val *v, bool full, struct buf *b)
{
	(void) full;
	if (ev->nr != 257 || v->arg != 2)
		return false;
	buf_str(b, "O_RDONLY");
	return true;
}

static const struct event_names names = { name_of, arg_of, value_of, NULL, false };

static struct event open_event(void)
{
	struct event ev = { .kind = EV_SYSCALL, .task = 2, .nr = 257, .has_res = true, .res = -2,
		.vtime = 1500000000, .nval = 3 };

	ev.val[0] = (struct ev_val){ .type = EV_FD, .i = -100 };
	ev.val[1] = (struct ev_val){ .type = EV_STR, .arg = 1, .p = "/a\"\x1b\n", .n = 5 };
	ev.val[2] = (struct ev_val){ .type = EV_UINT, .arg = 2 };
	return ev;
}

TEST(print_line)
{
	struct event ev = open_event();
	own_buf b = { 0 };

	event_print(&ev, 7, &names, &b);
	STREQ(buf_cstr(&b), "7        [2] 1.500000000 openat(AT_FDCWD, \"/a\\\"\\33\\n\", O_RDONLY) "
		"= -1 ENOENT (No such file or directory)");
	b.n = 0;
	event_print(&ev, 7, NULL, &b);
	HAS(buf_cstr(&b), "syscall_257(AT_FDCWD, ");
	b.n = 0;
	ev = (struct event){ .kind = EV_EXIT, .task = 1, .has_res = true, .res = 3 << 8 };
	event_print(&ev, 8, &names, &b);
	HAS(buf_cstr(&b), "+++ exited with 3 +++");
	b.n = 0;
	ev.res = 11;
	event_print(&ev, 8, &names, &b);
	HAS(buf_cstr(&b), "+++ killed by SIGSEGV +++");
}

TEST(print_exec)
{
	struct event ev = { .kind = EV_EXEC, .task = 1, .nval = 3 };
	own_buf b = { 0 };

	ev.val[0] = (struct ev_val){ .type = EV_STR, .p = "/bin/ls", .n = 7 };
	ev.val[1] = (struct ev_val){ .type = EV_DATA, .p = "ls\0/", .n = 5 };
	ev.val[2] = (struct ev_val){ .type = EV_DATA };
	event_print(&ev, 1, NULL, &b);
	HAS(buf_cstr(&b), "execve(\"/bin/ls\", [\"ls\", \"/\"], [/* 0 vars */]) = 0");
	b.n = 0;
	ev.val[1].n = 4; /* not terminated */
	event_print(&ev, 1, NULL, &b);
	HAS(buf_cstr(&b), "\"ls\\0/\"");
}

TEST(print_json)
{
	struct event ev = open_event();
	own_buf b = { 0 };

	ev.val[0] = (struct ev_val){ .type = EV_DATA, .out = true, .p = "\xff\x00", .n = 2 };
	event_print_json(&ev, 7, &names, &b);
	STREQ(buf_cstr(&b), "{\"args\":[{\"arg\":0,\"hex\":\"ff00\",\"out\":true,\"size\":2,"
		"\"type\":\"data\"},{\"arg\":1,\"name\":\"pathname\",\"out\":false,\"size\":5,"
		"\"type\":\"str\",\"value\":\"/a\\\"\\u001b\\n\"},{\"arg\":2,\"decoded\":"
		"\"O_RDONLY\",\"out\":false,\"type\":\"uint\",\"value\":0}],\"errno\":\"ENOENT\","
		"\"event\":7,\"kind\":\"syscall\",\"nr\":257,\"result\":-2,\"syscall\":\"openat\","
		"\"task\":2,\"vtime\":1500000000}");
}

CHECK_MAIN
