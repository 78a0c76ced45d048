/* SPDX-License-Identifier: Apache-2.0 */
/* detrun spec: a config.json to start from. */
#include <fcntl.h>
#include <stdio.h>

#include "oci/spec.h"
#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"

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
	const char *bundle = ".";
	bool rootless = false;
	const struct opt options[] = {
		{ "bundle", 'b', OPT_STR, &bundle, "DIR", "the bundle directory (default: the current)" },
		{ "rootless", 0, OPT_FLAG, &rootless, NULL,
			"for a container of an ordinary user: maps you to its root" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest = argc, r = opts_parse(options, argc, argv, &rest, NULL, &e);

	(void) g;
	if (r > 0) {
		opts_usage("spec", "write config.json, a specification to start from, into a bundle "
			"directory", "[options]", NULL, options);
		return 0;
	}
	if (!r && rest < argc)
		r = fail_msg(&e, EINVAL, "spec takes no argument, but got \"%s\"", argv[rest]);
	if (!r)
		r = write_spec(bundle, rootless, &e);
	if (!r)
		return 0;
	log_error("%s", e.msg);
	return 1;
}
