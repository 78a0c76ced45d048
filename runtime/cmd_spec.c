/* SPDX-License-Identifier: Apache-2.0 */
/* detrun spec: a config.json to start from. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#include "oci/spec.h"
#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"

static const char usage[] =
	"usage: detrun spec [--bundle DIR] [--rootless]\n"
	"\n"
	"Write config.json, a specification to start from, into the bundle directory.\n"
	"\n"
	"  -b, --bundle DIR  the bundle directory (default: the current one)\n"
	"      --rootless    for a container of an ordinary user: maps you to its root\n"
	"  -h, --help        show this text\n";

static int default_text(bool rootless, struct buf *ret)
{
	own_spec s = spec_default(rootless, geteuid(), getegid());
	own_buf compact = { 0 };

	if (spec_to_json(s, &compact) < 0)
		return -ENOMEM;
	json_pretty((char *) compact.p, compact.n, -1, ret);
	buf_byte(ret, '\n');
	return ret->failed ? -ENOMEM : 0;
}

static int write_spec(const char *bundle, bool rootless, struct err *e)
{
	own_fd dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	own_buf text = { 0 };
	int r;

	if (dir < 0)
		return fail(e, errno, "open bundle %s", bundle);
	r = default_text(rootless, &text);
	if (r < 0)
		return fail(e, r, "write config.json");
	fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return fail_msg(e, EEXIST, "File config.json exists. Remove it first");
	if (fd < 0)
		return fail(e, errno, "create %s/config.json", bundle);
	r = write_full(fd, text.p, text.n);
	if (r < 0) {
		unlinkat(dir, "config.json", 0);
		return fail(e, r, "write %s/config.json", bundle);
	}
	return 0;
}

int cmd_spec(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = {
		{ "bundle", required_argument, NULL, 'b' },
		{ "rootless", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct err e = ERR_INIT;
	const char *bundle = ".";
	bool rootless = false;
	int o;

	(void) g;
	optind = 0;
	opterr = 0;
	while ((o = getopt_long(argc, argv, "+b:h", options, NULL)) != -1) {
		if (o == 'h')
			return fputs(usage, stdout) < 0;
		if (o == 'b')
			bundle = optarg;
		else if (o == 'r')
			rootless = true;
		else {
			log_error("spec: unknown option, or one without its value: %s (see detrun "
				  "spec --help)",
				argv[optind - 1]);
			return 1;
		}
	}
	if (optind < argc) {
		log_error("spec takes no argument, but got \"%s\"", argv[optind]);
		return 1;
	}
	if (write_spec(bundle, rootless, &e) < 0) {
		log_error("%s", e.msg);
		return 1;
	}
	return 0;
}
