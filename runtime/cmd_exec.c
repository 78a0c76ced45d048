/* SPDX-License-Identifier: Apache-2.0 */
/* detrun exec: a further process in a running container. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/control.h"
#include "runtime/exec.h"
#include "runtime/opts.h"
#include "runtime/startsock.h"

enum { EXIT_EXEC = 255, EXEC_OPTS = 24 };

struct exec_line {
	struct exec_opts o;
	struct exec_job j;
	const char *preserve;
	struct opt_list env, caps, gids, cgroups;
	bool ignore_paused;
};

static void options(struct exec_line *l, struct opt t[EXEC_OPTS])
{
	const struct opt all[] = {
		{ "process", 'p', OPT_STR, &l->o.process, "FILE",
			"the process, as config.json would have it" },
		{ "cwd", 0, OPT_STR, &l->o.cwd, "DIR", "working directory" },
		{ "env", 'e', OPT_LIST, &l->env, "NAME=VALUE", "set in its environment" },
		{ "tty", 't', OPT_FLAG, &l->o.terminal, NULL, "give it a terminal" },
		{ "user", 'u', OPT_STR, &l->o.user, "UID[:GID]", "who it is" },
		{ "additional-gids", 'g', OPT_LIST, &l->gids, "GID", "a further group" },
		{ "cap", 'c', OPT_LIST, &l->caps, "CAP_NAME", "add a capability" },
		{ "no-new-privs", 0, OPT_CHOICE, &l->o.no_new_privs, NULL,
			"set-id programs give no privileges" },
		{ "apparmor", 0, OPT_STR, &l->o.apparmor, "PROFILE", "AppArmor profile" },
		{ "process-label", 0, OPT_STR, &l->o.label, "LABEL", "SELinux label" },
		{ "detach", 'd', OPT_FLAG, &l->j.detach, NULL, "don't wait for its end" },
		{ "pid-file", 0, OPT_STR, &l->j.pid_file, "FILE", "write its pid there" },
		{ "console-socket", 0, OPT_STR, &l->j.console_socket, "PATH",
			"send the terminal's master there" },
		{ "pidfd-socket", 0, OPT_STR, &l->j.pidfd_socket, "PATH", "send its pidfd there" },
		{ "preserve-fds", 0, OPT_STR, &l->preserve, "N", "pass fds 3 to 2+N on" },
		{ "ignore-paused", 0, OPT_FLAG, &l->ignore_paused, NULL,
			"even if it will run only when the container is resumed" },
		{ "cgroup", 0, OPT_LIST, &l->cgroups, "[CONTROLLER:]PATH",
			"below the container's cgroup" },
		{ NULL },
	};

	_Static_assert(ARRAY_LEN(all) <= EXEC_OPTS, "room for all options");
	memcpy(t, all, sizeof all);
}

static int fill(struct exec_line *l, int argc, char **argv, struct err *e)
{
	long long n = 0;
	int r = l->preserve ? opt_number(l->preserve, "--preserve-fds", 0, 1000, &n, e) : 0;

	l->j.preserve = (unsigned) n;
	if (!r && (r = fds_reserve(l->j.preserve)) < 0)
		fail(e, r, "--preserve-fds: unable to stat preserved-fd 0 (of %lld): 3 to %lld",
			n, 2 + n);
	l->o.env = l->env.v;
	l->o.n_env = l->env.n;
	l->o.caps = l->caps.v;
	l->o.n_caps = l->caps.n;
	l->o.gids = l->gids.v;
	l->o.n_gids = l->gids.n;
	l->j.cgroups = l->cgroups.v;
	l->j.n_cgroups = l->cgroups.n;
	l->o.argc = argc;
	l->o.argv = argv;
	return r;
}

static int check_console(const struct exec_line *l, struct err *e)
{
	bool tty = l->j.spec->process.terminal;

	if (tty && l->j.detach && !l->j.console_socket)
		return fail_msg(e, EINVAL, "cannot allocate tty if detrun will detach without "
			"setting console socket (use --console-socket)");
	if (l->j.console_socket && !(tty && l->j.detach))
		return fail_msg(e, EINVAL, "cannot use console socket if detrun will not detach or "
			"allocate tty");
	return 0;
}

static int find(const char *root, const char *id, int *ret_dir, struct state *ret,
	struct spec **ret_spec, struct err *e)
{
	int r = state_get(root, id, false, ret_dir, ret, e);

	return r < 0 ? r : spec_load(*ret_dir, STATE_CONFIG, ret_spec, e);
}

/*
 * Before a supervised container starts, a process in it is a preparation, as hooks are: what it leaves
 * in files is in the manifest, and init sees to it that it leaves nothing else.
 */
static int preparable(const struct spec *s, struct err *e)
{
	if (s->linux_.ns[SPEC_NS_PID].path || access(LAST_PID_FILE, W_OK) < 0)
		return fail_msg(e, EBUSY, "cannot exec in a container that is not started: %s "
			"(--determinism=off has no supervisor)", s->linux_.ns[SPEC_NS_PID].path ?
			"others in its PID namespace could not be told from the process" :
			"its PIDs can't begin anew without " LAST_PID_FILE);
	return 0;
}

static int run(const struct global *g, const char *id, struct exec_line *l, int *ret_status,
	struct err *e)
{
	own_state s = { 0 };
	own_spec spec = NULL;
	own_spec file = NULL;
	own_fd init = -1, control = -1, dir = -1;
	int r = find(g->root, id, &dir, &s, &spec, e);

	if (r < 0)
		return r;
	init = state_pidfd(&s);
	if (init == -ESRCH)
		return fail_msg(e, ESRCH, "cannot exec in a stopped container");
	if (init < 0)
		return fail(e, init, "look for container %s", id);
	if (!l->ignore_paused && s.cgroup && cgroup_frozen(s.cgroup))
		return fail_msg(e, EBUSY, "cannot exec in a paused container "
			"(use --ignore-paused to override)");
	if (s.shim && !s.running && (r = preparable(spec, e)) < 0)
		return r;
	r = exec_spec(spec, &l->o, &file, e);
	if (r < 0)
		return r;
	l->j.spec = spec;
	l->j.state = &s;
	l->j.dir = dir;
	l->j.init = init;
	l->j.control = -1;
	l->j.before_start = s.shim && !s.running;
	r = check_console(l, e);
	if (!r && s.shim && s.running)
		r = control_connect(dir, &control, e);
	l->j.control = control;
	return r < 0 ? r : exec_run(&l->j, ret_status, e);
}

int cmd_exec(const struct global *g, int argc, char **argv)
{
	struct exec_line l = { .o.no_new_privs = -1 };
	struct opt t[EXEC_OPTS];
	struct err e = ERR_INIT;
	int rest, status = EXIT_EXEC, r;

	options(&l, t);
	r = opts_parse(t, argc, argv, &rest, NULL, &e);
	if (r == 1) {
		opts_usage("exec", "run a further process in a container",
			"[options] ID COMMAND [ARGUMENT...]\n[options] --process FILE ID", NULL, t);
		return 0;
	}
	if (!r && rest == argc)
		r = fail_msg(&e, EINVAL, "a container ID expected");
	if (!r)
		r = fill(&l, argc - rest - 1, argv + rest + 1, &e);
	if (!r)
		r = run(g, argv[rest], &l, &status, &e);
	if (r < 0) {
		fail_ctx(&e, r, "exec failed");
		log_error("%s", e.msg);
	}
	opts_free(t);
	return r < 0 ? EXIT_EXEC : status;
}
