/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/init.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/caps.h"
#include "runtime/console.h"
#include "runtime/launch.h"
#include "runtime/program.h"
#include "shim/shim.h"

__attribute__((noreturn))
static void die(const struct init *in, int status, const struct err *e)
{
	struct init_error m = { .status = status, .e = *e };

	(void) !write_full(in->err, &m, sizeof m);
	_exit(status);
}

static int wait_maps(const struct init *in, struct err *e)
{
	char c;

	if (read_full(in->maps, &c, 1) != 1)
		_exit(EXIT_OURS); /* the parent gave up, and has said why */
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

/* Nothing of the caller's shell or engine may reach the program. */
static int reset_signals(struct err *e)
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

/* The byte, and with it the terminal's master, if there is one. */
static int say_ready(int sync, int master)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof master)] = { 0 };
	struct iovec v = { (char[]) { 'R' }, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct cmsghdr *h;

	if (master >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof control;
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof master);
		memcpy(CMSG_DATA(h), &master, sizeof master);
	}
	return sendmsg(sync, &m, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int ready(struct init_state *s, struct err *e)
{
	const struct init *in = s->in;
	char c = 0;

	if (say_ready(in->sync, s->master) < 0)
		return fail_msg(e, EPIPE, "the supervisor is gone");
	own_fd_drop(&s->master);
	if (read_full(in->sync, &c, 1) != 1 || c != 'G')
		_exit(EXIT_OURS); /* it has said why */
	return 0;
}

/* --- the program ------------------------------------------------------------------------- */

/* All fds but stdio and the preserved are closed at the exec, and no earlier: one says why not. */
static int close_rest(const struct init *in, struct err *e)
{
	if (close_range(3 + in->preserve, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(e, errno, "close the file descriptors");
	for (int fd = 3; fd < 3 + (int) in->preserve; fd++)
		fcntl(fd, F_SETFD, 0);
	return 0;
}

/*
 * A command is not written to be PID 1: the kernel would spare it signals that should end it, and
 * leave it orphans to reap. So PID 1 stays ours and the command becomes PID 2. Supervised like
 * every other task, but without a place in the trace.
 */
static void stand_in(const struct init *in)
{
	pid_t pid = fork(), got;
	struct err e = ERR_INIT;
	int st;

	if (pid < 0) {
		fail(&e, errno, "fork the command");
		die(in, EXIT_OURS, &e);
	}
	if (!pid) {
		setsid();
		if (in->spec->process.terminal && console_control(&e) < 0)
			die(in, EXIT_OURS, &e);
		return;
	}
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	close_range(0, ~0U, 0);
	do {
		got = wait4(-1, &st, 0, NULL);
	} while (got != pid && (got > 0 || errno == EINTR));
	_exit(WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st));
}

__attribute__((noreturn))
static void run_program(const struct init *in)
{
	const struct spec_process *p = &in->spec->process;
	struct err e = ERR_INIT;
	char path[4096];
	int status = program_find(p, path, sizeof path, &e);

	if (status)
		die(in, status, &e);
	if (close_rest(in, &e) < 0)
		die(in, EXIT_OURS, &e);
	/* At the exec of a set-id program the kernel would randomise addresses again. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		fail(&e, errno, "set no_new_privs");
		die(in, EXIT_OURS, &e);
	}
	if (shim_filter_install(&e) < 0)
		die(in, EXIT_OURS, &e);
	if (in->virtual_ids)
		stand_in(in);
	execve(path, (char *const *) (uintptr_t) p->args, (char *const *) (uintptr_t) p->env);
	status = program_fail(p->args[0], false, -errno, &e);
	die(in, status, &e);
}

static int step(struct init_state *s, const struct op *o, struct err *e)
{
	const struct init *in = s->in;

	switch (o->kind) {
	case OP_READY:
		return ready(s, e);
	case OP_USER:
		return caps_apply(&in->spec->process, in->virtual_ids,
			in->setgroups || !in->userns, e);
	case OP_EXEC:
		run_program(in);
	default:
		return op_run(s, o, e);
	}
}

void init_main(const struct init *in)
{
	struct init_state s = { .in = in, .root = -1, .procfs = -1, .master = -1 };
	struct err e = ERR_INIT;

	umask(0);
	if (wait_maps(in, &e) < 0 || reset_signals(&e) < 0 || set_stdio(in, &e) < 0)
		die(in, EXIT_OURS, &e);
	for (size_t i = 0; i < in->plan->n; i++)
		if (step(&s, &in->plan->op[i], &e) < 0)
			die(in, EXIT_OURS, &e);
	fail_msg(&e, EINVAL, "the plan ends without a program");
	die(in, EXIT_OURS, &e);
}
