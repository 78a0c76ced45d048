/* SPDX-License-Identifier: Apache-2.0 */
/* detrun run: an OCI bundle, from config.json to its end. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/bundle.h"
#include "runtime/cmd.h"

static size_t options(struct bundle_run *b, struct opt *t)
{
	const struct opt all[] = {
		{ "bundle", 'b', OPT_STR, &b->dir, "DIR",
			"the bundle (default: the current directory)" },
		{ "pid-file", 0, OPT_STR, &b->pid_file, "FILE",
			"write the first process's pid there" },
		{ "no-pivot", 0, OPT_FLAG, &b->no_pivot, NULL, "change root instead (initramfs)" },
		{ "no-new-keyring", 0, OPT_FLAG, &b->no_keyring, NULL,
			"keep the caller's keyring" },
		{ "preserve-fds", 0, OPT_STR, &b->preserve, "N", "pass fds 3 to 2+N on" },
		{ "keep", 0, OPT_FLAG, &b->keep, NULL, "leave the state when it has ended" },
		{ "no-subreaper", 0, OPT_FLAG, NULL, NULL, NULL },
		{ "detach", 'd', OPT_REFUSED, NULL, NULL, "not supported yet; use & of the shell" },
		{ "console-socket", 0, OPT_REFUSED, NULL, NULL, "not supported yet" },
		{ "pidfd-socket", 0, OPT_REFUSED, NULL, NULL, "not supported yet" },
		{ "seed", 0, OPT_STR, &b->job.seed, "TEXT", "of all randomness (default 0)" },
		{ "epoch", 0, OPT_STR, &b->job.epoch, "SECONDS", "when the clock starts" },
		{ "cpu", 0, OPT_STR, &b->job.cpu, "MODEL", "x86-64-v2 (default) or x86-64-v3" },
		{ "cpus", 0, OPT_STR, &b->job.cpus, "N", "number of CPUs to be seen (default 1)" },
		{ "trace", 0, OPT_STR, &b->job.trace, "DIR|none", "where the trace goes" },
		{ "key", 0, OPT_STR, &b->job.key, "PEM", "sign the trace with this key" },
		{ "strict", 0, OPT_FLAG, &b->job.strict, NULL, "refuse external inputs" },
		{ "dry-run", 0, OPT_FLAG, &b->job.dry_run, NULL, "print what would be set up" },
		{ NULL },
	};

	_Static_assert(ARRAY_LEN(all) <= BUNDLE_OPTS, "room for all options");
	memcpy(t, all, sizeof all);
	return ARRAY_LEN(all) - 1;
}

/* `run DIR/`: a bundle by its path, and an ID of our own making. */
static int name(struct bundle_run *b, const char *arg, struct err *e)
{
	own_free char *config = NULL;

	b->id = arg;
	if (b->dir)
		return 0;
	if (asprintf(&config, "%s/config.json", arg) < 0)
		return fail(e, ENOMEM, "look for a bundle");
	if (access(config, F_OK) < 0)
		return strchr(arg, '/') ? fail(e, errno, "no bundle: %s", config) : 0;
	b->dir = arg;
	snprintf(b->made_id, sizeof b->made_id, "run-%d", getpid());
	b->id = b->made_id;
	return 0;
}

int cmd_run(const struct global *g, int argc, char **argv)
{
	struct bundle_run b = { .root = g->root };
	struct opt t[BUNDLE_OPTS];
	struct err e = ERR_INIT;
	int rest, status = EXIT_OURS, r;

	options(&b, t);
	r = opts_parse(t, argc, argv, &rest, NULL, &e);
	if (r == 1) {
		puts("usage: detrun run [options] ID\n       detrun run [options] BUNDLE/\n\n"
		     "Run an OCI bundle; its root file system is used in place.\n");
		opts_help(t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "run: exactly one container ID or bundle expected");
	if (!r)
		r = name(&b, argv[rest], &e);
	if (!r)
		r = bundle_run(&b, -1, NULL, &status, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return status;
}
