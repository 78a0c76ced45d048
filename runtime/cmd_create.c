/* SPDX-License-Identifier: Apache-2.0 */
/* detrun create: a container up to the exec of its program, which `start` allows. */
#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/bundle.h"
#include "runtime/cmd.h"

int cmd_create(const struct global *g, int argc, char **argv)
{
	struct bundle_run b = { .root = g->root, .job.determinism = g->determinism,
		.cgroup_manager = g->cgroup_manager, .rootless = g->rootless,
		.create = true };
	struct opt t[BUNDLE_OPTS];
	struct err e = ERR_INIT;
	int rest, status = 1, r;

	bundle_options(&b, false, t);
	r = opts_parse_anywhere(t, argc, argv, &rest, &e);
	if (r == 1) {
		opts_usage("create", "make a container of an OCI bundle, for `start` to run",
			"[options] ID", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "create: exactly one container ID expected");
	if (!r) {
		b.id = argv[rest];
		r = bundle_run(&b, -1, NULL, &status, &e);
	}
	if (r < 0)
		log_failed("create", &e);
	return r < 0 ? 1 : status;
}
