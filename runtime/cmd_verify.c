/* SPDX-License-Identifier: Apache-2.0 */
/* detrun verify: is a trace what its recorder signed? */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/cmd_trace.h"
#include "shim/trace/proof.h"
#include "shim/trace/trace.h"

static const char usage[] =
	"usage: detrun verify [--full|--deep] [--key PEM] [--allow-unsigned] DIR\n"
	"       detrun verify [--key PEM] FILE.tlog-proof\n"
	"\n"
	"Check a trace bundle against its signature. A proof of one event (detrun trace proof)\n"
	"is checked without the trace.\n"
	"\n"
	"      --full            also hash every frame and blob\n"
	"      --deep            also decode, re-encode and hash every event\n"
	"      --key PEM         the key to trust, public or private (default: your own)\n"
	"      --allow-unsigned  accept a bundle without a signature of that key\n"
	"  -h, --help            show this text\n";

static const char *const level_name[] = { "quick", "full", "deep" };

static int verify_proof(const char *path, const char *key, struct err *e)
{
	struct proof_result res = { 0 };
	own_buf text = { 0 }, line = { 0 };
	struct event ev;
	const uint8_t *p;
	int r = read_file(AT_FDCWD, path, 1 << 20, &text, e);

	if (r == 0)
		r = trace_proof_check(text.p, text.n, key, &res, e);
	if (r < 0)
		return fail_ctx(e, r, "verify %s", path);
	p = res.event.p;
	if (event_decode(&p, p + res.event.n, &ev) == 0)
		event_print(&ev, res.number, trace_names(true), &line);
	printf("verified: event %llu of the %llu that the key signed for %s\n%.*s\n",
		(unsigned long long) res.number, (unsigned long long) res.size, res.origin,
		(int) line.n, (char *) line.p);
	buf_free(&res.event);
	return 0;
}

static void report(const struct verify_result *v, enum verify_level level)
{
	char root[SHA256_HEX];

	printf("verified (%s): %llu events, ", level_name[level], (unsigned long long) v->events);
	if (v->complete)
		printf("exit status %d\n", v->exit_status);
	else
		printf("a prefix: the run's end is not in it\n");
	printf("root %s\n", hex(v->root, 32, root));
	if (v->is_signed)
		printf("signed by key %s\n", v->keyid);
	else
		printf("NOT SIGNED by a trusted key: anyone can have written it\n");
}

static int verify_path(const char *path, const struct verify_opts *o, struct err *e)
{
	own_fd dir = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct verify_result res = { 0 };
	struct stat st;
	int r;

	if (dir < 0 || fstat(dir, &st) < 0)
		return fail(e, errno, "open %s", path);
	if (S_ISREG(st.st_mode))
		return verify_proof(path, o->key, e);
	r = trace_verify(dir, o, &res, e);
	if (r < 0)
		return fail_ctx(e, r, "verify %s", path);
	report(&res, o->level);
	return 0;
}

int cmd_verify(const struct global *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "full", no_argument, NULL, 'f' },
		{ "deep", no_argument, NULL, 'd' },
		{ "key", required_argument, NULL, 'k' },
		{ "allow-unsigned", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct verify_opts o = { .level = VERIFY_QUICK };
	struct err e = ERR_INIT;
	int c;

	(void) g;
	optind = 0;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		if (c == 'f' && o.level < VERIFY_FULL)
			o.level = VERIFY_FULL;
		else if (c == 'd')
			o.level = VERIFY_DEEP;
		else if (c == 'k')
			o.key = optarg;
		else if (c == 'u')
			o.allow_unsigned = true;
		else if (c == 'h')
			return fputs(usage, stdout), 0;
		else if (c == '?')
			return fputs(usage, stderr), 1;
	}
	if (argc - optind != 1)
		return fputs(usage, stderr), 1;
	if (verify_path(argv[optind], &o, &e) < 0) {
		log_error("%s", e.msg);
		return 1;
	}
	return 0;
}
