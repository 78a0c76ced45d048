/* SPDX-License-Identifier: Apache-2.0 */
/* detrun run: an OCI bundle, from config.json to its end. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/bundle.h"
#include "runtime/cmd.h"

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
		return strchr(arg, '/') ? fail(e, errno, "invalid character `/` in the "
			"ID: no container ID, and no bundle: %s", config) : 0;
	b->dir = arg;
	snprintf(b->made_id, sizeof b->made_id, "run-%d", getpid());
	b->id = b->made_id;
	return 0;
}

int cmd_run(const struct global *g, int argc, char **argv)
{
	struct bundle_run b = { .root = g->root, .job.determinism = g->determinism,
		.cgroup_manager = g->cgroup_manager, .rootless = g->rootless };
	struct opt t[BUNDLE_OPTS];
	struct err e = ERR_INIT;
	int rest, status = EXIT_OURS, r;

	bundle_options(&b, true, t);
	r = opts_parse_anywhere(t, argc, argv, &rest, &e);
	if (r == 1) {
		opts_usage("run", "run an OCI bundle; its root file system is used in place",
			"[options] ID\n[options] BUNDLE/", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "run: exactly one container ID or bundle expected");
	if (!r)
		r = name(&b, argv[rest], &e);
	if (!r)
		r = bundle_run(&b, -1, NULL, &status, &e);
	if (r < 0)
		log_failed("run", &e);
	return r < 0 ? 1 : status;
}
