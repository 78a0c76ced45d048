/* SPDX-License-Identifier: Apache-2.0 */
/* detrun delete [--force] ID */
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/hooks.h"
#include "runtime/opts.h"
#include "runtime/state.h"

/* Whatever comes of them, the container goes. */
static void poststop(int dir, const struct state *s)
{
	const struct hook_state st = { s->id, s->bundle, "stopped", 0 };
	own_spec spec = NULL;
	struct err e = ERR_INIT;

	if (hooks_load(dir, &spec, &e) < 0)
		log_warn("poststop hooks: %s", e.msg);
	else if (spec)
		hooks_run(spec, SPEC_HOOK_POSTSTOP, &st, &e);
}

/* Who is left after the first process, and the cgroup itself. */
static int empty_cgroup(const struct state *s, struct err *e)
{
	int r = s->cgroup ? cgroup_kill(s->cgroup, e) : 0;

	return r < 0 || !s->cgroup ? r : cgroup_remove(s->cgroup, e);
}

static int delete(const char *root, const char *id, bool force, struct err *e)
{
	own_free char *top = NULL;
	own_state s = { 0 };
	own_fd dir = -1;
	int r = state_root(root, &top, e);

	if (!r)
		r = state_open(top, id, false, &dir, e);
	if (r == -ENOENT && force)
		return 0;
	if (!r)
		r = state_load(dir, id, &s, e);
	if (r < 0)
		return r;
	if (state_alive(&s) && s.running && !force)
		return fail_msg(e, EBUSY, "cannot delete container %s that is not stopped: %s", id,
			state_status(&s));
	if (s.cgroup && cgroup_frozen(s.cgroup)) /* v1: nobody dies frozen */
		cgroup_freeze(s.cgroup, false, NULL);
	r = state_kill_all(&s, e);
	if (!r)
		r = empty_cgroup(&s, e);
	if (r < 0)
		return r;
	poststop(dir, &s);
	return state_remove(top, id, e);
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
