/* SPDX-License-Identifier: Apache-2.0 */
/* detrun delete [--force] ID */
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

static int delete(const char *root, const char *id, bool force, struct err *e)
{
	own_free char *top = NULL;
	own_state s = { 0 };
	own_fd dir = -1;
	int r = state_root(root, &top, e);

	if (!r)
		r = state_open(top, id, !force, &dir, e); /* not in the middle of a create */
	if (r == -ENOENT && force)
		return 0;
	if (!r)
		r = state_load(dir, id, &s, e);
	if (r < 0)
		return r;
	if (state_alive(&s) && s.running && !force)
		return fail_msg(e, EBUSY, "cannot delete container %s that is not stopped: %s", id,
			state_status(&s));
	return state_destroy(top, dir, &s, e);
}

int cmd_delete(const struct global *g, int argc, char **argv)
{
	bool force = false;
	const struct opt t[] = {
		{ "force", 'f', OPT_FLAG, &force, NULL, "kill it if it runs" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, r = opts_parse(t, argc, argv, &rest, NULL, &e);

	if (r == 1) {
		puts("usage: detrun delete [options] ID\n\nRemove a container.\n");
		opts_help(t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "delete: exactly one container ID expected");
	if (!r)
		r = delete(g->root, argv[rest], force, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
