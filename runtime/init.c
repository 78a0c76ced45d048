/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/init.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/caps.h"
#include "runtime/console.h"
#include "runtime/home.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/ns.h"
#include "runtime/program.h"
#include "runtime/sources.h"
#include "runtime/startsock.h"

/* To who waits: `start`, when it was that who let us go, else the launcher. */
__attribute__((noreturn))
static void die(const struct init_state *s, int status, const struct err *e)
{
	struct init_error m = { .status = status, .e = *e };

	if (s->told >= 0)
		(void) !write_full(s->told, &m, sizeof m);
	else if (write_full(s->in->up, (char[]) { UP_FAILED }, 1) == 0)
		(void) !write_full(s->in->up, &m, sizeof m);
	_exit(status);
}

/* The launcher's word. If it is gone, nobody waits for the container: go, too. */
static void await(const struct init *in, char what)
{
	char c;

	if (read_full(in->up, &c, 1) != 1 || c != what)
		_exit(EXIT_OURS);
}

static int become_root(const struct init *in, struct err *e)
{
	if (!in->userns)
		return 0;
	if (in->setgroups && setgroups(0, NULL) < 0)
		return fail(e, errno, "clear the supplementary groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return fail(e, errno, "become root in the user namespace");
	/* the supervisor attaches to us as the owner of this namespace */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(e, errno, "stay dumpable");
	return 0;
}

/* The cgroup namespace starts where we are, and that is the container's cgroup only by now. */
static int group(struct init_state *s, struct err *e)
{
	const struct spec_ns *ns = &s->in->spec->linux_.ns[SPEC_NS_CGROUP];

	if (s->grouped)
		return 0;
	await(s->in, UP_GROUPED);
	s->grouped = true;
	if (ns->present && !ns->path && unshare(CLONE_NEWCGROUP) < 0)
		return fail(e, errno, "make a cgroup namespace");
	return 0;
}

/*
 * Mounts need not wait for the cgroup, but for its own. Devices do: between the moment that version
 * 1's controller denies all and the one that it allows some again, they can't be made or opened.
 */
static bool needs_group(const struct op *o)
{
	return o->kind == OP_PIVOT || o->kind == OP_DEVICE || o->kind == OP_CONSOLE ||
		(o->type && !strncmp(o->type, "cgroup", 6));
}

int reset_signals(struct err *e)
{
	sigset_t none;

	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return fail(e, errno, "reset the signal mask");
	return 0;
}

static int set_stdio(const struct init *in, struct err *e)
{
	for (int i = 0; i < 3; i++)
		if (in->stdio[i] >= 0 && dup2(in->stdio[i], i) < 0)
			return fail(e, errno, "set up fd %d", i);
	return 0;
}

static void end(int sig)
{
	_exit(128 + sig);
}

/* PID 1 is spared what it has no handler for: who waits for start can be ended like any other. */
static void mortal(void)
{
	static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM };

	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		signal(fatal[i], end); /* the exec resets it */
}

/*
 * What `exec` has run meanwhile was a preparation. Nobody of it may be left when the record begins,
 * and the numbers of processes begin anew.
 */
static int alone(int pids, struct err *e)
{
	if (getpid() != 1)
		return 0;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	if (kill(-1, 0) == 0 || errno != ESRCH)
		return fail_msg(e, EBUSY, "a process that exec has added before the start is still there; "
			"what it does would not be in the record: let it end first");
	if (pids >= 0 && write_full(pids, "1", 1) < 0)
		return fail(e, errno, "write " LAST_PID_FILE);
	return 0;
}

/* Set up. The launcher notes that we are there, then somebody lets us go. */
static int created(struct init_state *s, struct err *e)
{
	const struct init *in = s->in;
	bool ours = in->mode == DET_OFF; /* otherwise the terminal is the supervisor's */
	own_fd pids = -1;
	char path[4096];
	int status = 0;

	if (in->spec->has_process)
		status = program_find(&in->spec->process, path, sizeof path, e);
	if (status)
		die(s, status, e);
	/* who waits for `start` holds nothing of the terminal's other side */
	if (!ours && s->master >= 0 && fd_send(in->sync, (char[]) { 'T' }, 1, s->master) < 0)
		return fail_msg(e, EPIPE, "the supervisor is gone");
	if (in->start >= 0)
		mortal(); /* who has made us may send a signal at once */
	if (fd_send(in->up, (char[]) { UP_READY }, 1, ours ? s->master : -1) < 0)
		_exit(EXIT_OURS);
	own_fd_drop(&s->master);
	s->master = -1;
	await(in, UP_GO);
	if (in->start < 0)
		return 0;
	s->told = startsock_await(in->start, in->up, &pids);
	close(in->start);
	if (s->told < 0)
		return fail(e, s->told, "wait for start");
	return ours ? 0 : alone(pids, e);
}

static int ready(struct init_state *s, struct err *e)
{
	struct err why = ERR_INIT;
	char c;
	int r = confine_traced(s->in->confine, e);

	if (r < 0)
		return r;
	if (fd_send(s->in->sync, (char[]) { 'R' }, 1, -1) < 0)
		return fail_msg(e, EPIPE, "the supervisor is gone");
	if (read_full(s->in->sync, &c, 1) != 1)
		return fail_msg(e, EPIPE, "the supervisor is gone");
	if (c == 'G')
		return 0;
	if (read_full(s->in->sync, &why, sizeof why) != sizeof why)
		return fail_msg(e, EPIPE, "the supervisor is gone");
	return fail_msg(e, why.code, "%s", why.msg);
}

/* --- the program ------------------------------------------------------------------------- */

/*
 * All fds but stdio and the preserved are closed at the exec, and no earlier: one says why not.
 * Of the preserved those that were not handed to us are ours, and closed too.
 */
static int close_rest(const struct init *in, struct err *e)
{
	if (close_range(3 + in->preserve, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(e, errno, "close the file descriptors");
	return 0;
}

/*
 * A command is not written to be PID 1: the kernel would spare it signals that should end it, and
 * leave it orphans to reap. So PID 1 stays ours and the command becomes PID 2. Supervised like
 * every other task, but without a place in the trace.
 */
static void stand_in(const struct init_state *s)
{
	struct err e = ERR_INIT;
	pid_t pid, got;
	int st;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* /proc/1/exe is not for what runs inside */
	pid = fork();
	if (pid < 0) {
		fail(&e, errno, "fork the command");
		die(s, EXIT_OURS, &e);
	}
	if (!pid) {
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		if (s->in->one_session)
			setpgid(0, 0);
		else
			setsid();
		if (s->in->spec->process.terminal && console_control(&e) < 0)
			die(s, EXIT_OURS, &e);
		return;
	}
	if (s->in->one_session)
		setsid();
	close_range(0, ~0U, 0);
	do {
		got = wait4(-1, &st, 0, NULL);
	} while (got != pid && (got > 0 || errno == EINTR));
	_exit(WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st));
}

__attribute__((noreturn))
static void run_program(const struct init_state *s)
{
	const struct init *in = s->in;
	const struct spec_process *p = &in->spec->process;
	struct err e = ERR_INIT;
	char *const *env;
	char path[4096];
	int status;

	if (!in->spec->has_process) {
		fail_msg(&e, EINVAL, "cannot start a container without a process (config.json "
			"has none)");
		die(s, EXIT_OURS, &e);
	}
	status = program_find(p, path, sizeof path, &e);
	if (status)
		die(s, status, &e);
	env = home_env(p);
	if (!env)
		fail(&e, ENOMEM, "make the environment");
	if (!env || close_rest(in, &e) < 0 || confine_last(in->confine, &e) < 0)
		die(s, EXIT_OURS, &e);
	if (in->virtual_ids)
		stand_in(s);
	execve(path, (char *const *) (uintptr_t) p->args, env);
	status = program_exec_fail(p->args[0], -errno, &e);
	if (in->virtual_ids)
		die(s, status, &e);
	dprintf(2, "%s\n", e.msg); /* the container runs: what is wrong is in its log, as runc's is */
	_exit(INIT_NO_EXEC);
}

/* All is mounted, and the host's root not yet out of sight: prestart to createContainer. */
static int create_hooks(const struct init_state *s, struct err *e)
{
	const struct init *in = s->in;

	if (!hooks_before_pivot(in->spec))
		return 0;
	if (write_full(in->up, (char[]) { UP_HOOKS }, 1) < 0)
		_exit(EXIT_OURS);
	await(in, UP_HOOKED);
	return confine_create_hooks(in->confine, s->root, e);
}

static int step(struct init_state *s, const struct op *o, struct err *e)
{
	const struct init *in = s->in;
	int r = needs_group(o) ? group(s, e) : 0;

	if (r < 0)
		return r;
	switch (o->kind) {
	case OP_PIVOT:
		r = create_hooks(s, e);
		return r < 0 ? r : op_run(s, o, e);
	case OP_CREATED:
		if (s->blank >= 0) /* it has a place and a name by now */
			close(s->blank);
		s->blank = -1;
		r = created(s, e);
		return r < 0 ? r : confine_start_hooks(in->confine, s->user,
			in->setgroups || !in->userns, e);
	case OP_READY:
		return ready(s, e);
	case OP_USER:
		s->user = true;
		return caps_apply(&in->spec->process, in->virtual_ids,
			in->setgroups || !in->userns, in->mode != DET_OFF && !in->virtual_ids, e);
	case OP_EXEC:
		run_program(s);
	default:
		return op_run(s, o, e);
	}
}

/* Nothing that the caller leaked to us, nothing of the launcher's: its locks least of all. */
static void keep_only(const struct init *in)
{
	int mine[] = { in->up, in->sync, in->start, in->sources, in->stdio[0], in->stdio[1],
		in->stdio[2], in->confine->agent.sock };
	unsigned from = 3 + in->preserve;

	for (;;) {
		unsigned next = ~0U;

		for (size_t i = 0; i < ARRAY_LEN(mine); i++)
			if (mine[i] >= (int) from && (unsigned) mine[i] < next)
				next = (unsigned) mine[i];
		if (next > from)
			close_range(from, next - 1, 0);
		if (next == ~0U)
			return;
		from = next + 1;
	}
}

void init_main(const struct init *in)
{
	struct init_state s = { .in = in, .root = -1, .procfs = -1, .blank = -1, .master = -1,
		.told = -1 };
	struct err e = ERR_INIT;

	umask(0);
	keep_only(in);
	await(in, UP_MAPPED);
	if (become_root(in, &e) < 0 || (in->join && ns_join(in->spec, &e) < 0) ||
		confine_first(in->confine, &e) < 0 ||
		reset_signals(&e) < 0 || set_stdio(in, &e) < 0)
		die(&s, EXIT_OURS, &e);
	if (in->sources >= 0 && sources_take(in->plan, in->sources, &s.sources, &e) < 0)
		die(&s, EXIT_OURS, &e);
	for (size_t i = 0; i < in->plan->n; i++) {
		int r = step(&s, &in->plan->op[i], &e);

		if (r < 0 && in->userns)
			ns_powerless(r, &e);
		if (r < 0)
			die(&s, EXIT_OURS, &e);
	}
	fail_msg(&e, EINVAL, "the plan ends without a program");
	die(&s, EXIT_OURS, &e);
}
