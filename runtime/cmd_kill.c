/* SPDX-License-Identifier: Apache-2.0 */
/* detrun kill [--all] ID [SIGNAL] */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/control.h"
#include "runtime/opts.h"
#include "runtime/state.h"

/* "9", "KILL", "SIGKILL", "sigkill"; 0 only looks; -1 when it is none. */
static int signal_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text && !*end)
		return n >= 0 && n < NSIG ? (int) n : -1;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int s = 1; s < NSIG; s++) {
		const char *name = sigabbrev_np(s);

		if (name && !strcasecmp(name, text))
			return s;
	}
	if (!strncasecmp(text, "RTMIN+", 6))
		return SIGRTMIN + atoi(text + 6);
	return -1;
}

/* Everything in the container's PID namespace. */
static void kill_namespace(pid_t init, int sig)
{
	own_dir d = opendir("/proc");
	struct stat want, st;
	struct dirent *ent;
	char path[300];

	snprintf(path, sizeof path, "/proc/%d/ns/pid", init);
	if (!d || stat(path, &want) < 0)
		return;
	while ((ent = readdir(d))) {
		own_fd fd = -1;

		if (!isdigit((unsigned char) *ent->d_name) || atoi(ent->d_name) == init)
			continue;
		fd = pidfd_open(atoi(ent->d_name), 0);
		snprintf(path, sizeof path, "/proc/%s/ns/pid", ent->d_name);
		if (fd >= 0 && stat(path, &st) == 0 && st.st_ino == want.st_ino &&
			st.st_dev == want.st_dev)
			pidfd_send_signal(fd, sig, NULL, 0);
	}
}

/* Every process of it: by its cgroup, else by its PID namespace. */
static int signal_all(const struct state *s, bool alive, int sig, struct err *e)
{
	if (s->cgroup && cgroup_exists(s->cgroup))
		return cgroup_signal(s->cgroup, sig, e);
	if (alive)
		kill_namespace(s->pid, sig);
	return 0;
}

static bool has_procs(const struct cgroup *c)
{
	own_free pid_t *pid = NULL;
	size_t n = 0;

	return c && cgroup_exists(c) && cgroup_pids(c, &pid, &n, NULL) == 0 && n > 0;
}

/*
 * By the supervisor, so that the trace has it with its place. One that doesn't answer soon leaves it
 * to us; nobody is asked whether to kill, or about a container where nothing runs.
 */
static bool by_supervisor(const struct state *s, int dir, int sig)
{
	own_fd control = -1;

	if (s->shim <= 0 || !s->running || sig == SIGKILL || sig == 0 ||
		(s->cgroup && cgroup_frozen(s->cgroup)))
		return false;
	return control_connect(dir, &control, NULL) == 0 && control_kill(control, sig, NULL) == 0;
}

static int send_signal(const char *root, const char *id, int sig, bool all, struct err *e)
{
	own_state s = { 0 };
	own_fd dir = -1, pidfd = -1;
	bool by_cgroup;
	int r = state_get(root, id, false, &dir, &s, e);

	if (r < 0)
		return r;
	pidfd = state_pidfd(&s);
	if (pidfd < 0 && pidfd != -ESRCH)
		return fail(e, pidfd, "look for container %s", id);
	if (sig == SIGKILL && has_procs(s.cgroup))
		all = true; /* without a PID namespace of their own they would stay */
	if (pidfd < 0 && !all)
		return fail_msg(e, ESRCH, "container not running");
	if (all)
		r = signal_all(&s, pidfd >= 0, sig, e);
	if (r < 0 || pidfd < 0)
		return r;
	if (!all && by_supervisor(&s, dir, sig))
		return 0;
	by_cgroup = all && s.cgroup && cgroup_exists(s.cgroup);
	if (!by_cgroup && pidfd_send_signal(pidfd, sig, NULL, 0) < 0)
		return fail(e, errno, "signal container %s", id);
	if (sig == SIGKILL && s.cgroup && cgroup_frozen(s.cgroup))
		cgroup_freeze(s.cgroup, false, NULL); /* v1: nobody dies frozen */
	state_poke(&s);
	return 0;
}

int cmd_kill(const struct global *g, int argc, char **argv)
{
	bool all = false;
	const struct opt t[] = {
		{ "all", 'a', OPT_FLAG, &all, NULL, "to every process of the container" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, sig = SIGTERM, r = opts_parse_anywhere(t, argc, argv, &rest, &e);

	if (r == 1) {
		opts_usage("kill", "send a signal to a container (default: SIGTERM)",
			"[options] ID [SIGNAL]", NULL, t);
		return 0;
	}
	if (!r && (argc - rest < 1 || argc - rest > 2))
		r = fail_msg(&e, EINVAL, "kill: a container ID and at most a signal expected");
	if (!r && argc - rest == 2) {
		sig = signal_number(argv[rest + 1]);
		if (sig < 0)
			r = fail_msg(&e, EINVAL, "unknown signal \"%s\"", argv[rest + 1]);
	}
	if (!r)
		r = send_signal(g->root, argv[rest], sig, all, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
