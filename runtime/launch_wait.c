/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for what was launched: signals that ask us to end, the result, the verdict. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/exec.h"
#include "runtime/init.h"
#include "runtime/launch_impl.h"
#include "runtime/relay.h"

enum {
	GRACE_MS = 3000, /* from a signal to the kill */
	AGAIN_MS = 500,	 /* sooner, a second one is the same: timeout(1) sends two */
	POKE_MS = 50,
};

int launch_reap(pid_t *pid)
{
	int status = 0;

	if (*pid <= 0)
		return 0;
	while (waitpid(*pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	*pid = 0;
	return status;
}

int launch_gone(struct err *e)
{
	return fail_msg(e, EPIPE, "the container's first process died during set-up");
}

int launch_failure(struct launch *l, struct err *e)
{
	struct init_error ie;

	if (read_full(l->up, &ie, sizeof ie) != sizeof ie)
		return launch_gone(e);
	l->failed = ie.status;
	return fail_msg(e, ie.e.code ? ie.e.code : EIO, "%s", ie.e.msg);
}

static void kill_init(struct launch *l, int sig)
{
	if (l->init_fd >= 0)
		pidfd_send_signal(l->init_fd, sig, NULL, 0);
}

/* The command: PID 1's only child from the start, where PID 1 is ours. */
static pid_t command_of(const struct launch *l)
{
	char path[64];
	own_file f = NULL;
	int pid = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", l->init, l->init);
	f = fopen(path, "re");
	return f && fscanf(f, "%d", &pid) == 1 ? pid : 0;
}

/* What a terminal sends is for the whole job, as without us. False: there is no command yet. */
static bool pass_on(struct launch *l, int sig)
{
	pid_t pid = l->virtual_ids ? command_of(l) : 0;

	if (!l->virtual_ids)
		kill_init(l, sig);
	else if (pid > 0)
		kill(sig == SIGTERM || kill(-pid, 0) < 0 ? pid : -pid, sig);
	return pid > 0 || !l->virtual_ids;
}

/* From asking to insisting. The supervisor last: with it what is left of the container dies. */
struct ending {
	int asked; /* the signal that asked us to end */
	int step;
	bool passed;
	bool forced;
};

static void insist(struct launch *l, struct ending *x)
{
	enum { POKES = GRACE_MS / POKE_MS, LAST = POKES + 1000 / POKE_MS };

	x->step++;
	if (!x->passed)
		x->passed = pass_on(l, x->asked);
	if (x->step >= POKES) {
		x->forced = true;
		kill_init(l, SIGKILL);
	}
	kill(l->shim_pid, x->step >= LAST ? SIGKILL : SUPERVISE_POKE);
}

/* Until the supervisor has said its last word; pass on what asks us to end. */
static void await_result(struct launch *l, struct ending *x)
{
	own_fd sfd = -1;
	sigset_t s;

	sigprocmask(SIG_BLOCK, NULL, &s);
	sfd = signalfd(-1, &s, SFD_CLOEXEC);
	for (;;) {
		struct pollfd p[3] = { { l->shim_res, POLLIN, 0 }, { sfd, POLLIN, 0 },
			{ l->maker, POLLIN, 0 } };
		struct signalfd_siginfo si;
		int n = poll(p, 3, x->asked ? POKE_MS : -1);

		if ((n < 0 && errno != EINTR) || (n > 0 && p[0].revents))
			return;
		if (n > 0 && p[2].revents & POLLIN)
			exec_again(l);
		if (n > 0 && p[1].revents && read(sfd, &si, sizeof si) == sizeof si) {
			if (si.ssi_signo == SIGWINCH) { /* the supervisor looks at the size */
				kill(l->shim_pid, SUPERVISE_POKE);
				continue;
			}
			if (x->asked && x->step >= AGAIN_MS / POKE_MS)
				x->step = GRACE_MS / POKE_MS;
			x->asked = (int) si.ssi_signo;
			x->passed = false;
		}
		if (x->asked)
			insist(l, x);
	}
}

/* What init says comes first: it knows why it stopped. */
static int verdict(struct launch *l, const struct supervise_result *m, bool got,
	int shim_status, struct shim_result *ret, struct err *e)
{
	char c;

	ret->status = EXIT_OURS;
	if (recv(l->up, &c, 1, MSG_DONTWAIT) == 1) {
		int r = launch_failure(l, e);

		ret->status = l->failed ? l->failed : EXIT_OURS;
		return r;
	}
	if (!got && WIFSIGNALED(shim_status))
		return fail_msg(e, EIO, "the supervisor was killed by signal %d; "
			"its container is gone with it", WTERMSIG(shim_status));
	if (!got)
		return fail_msg(e, EIO, "the supervisor ended without a result");
	if (m->r < 0)
		return fail_msg(e, m->e.code, "%s", m->e.msg);
	*ret = m->s;
	return 0;
}

static int supervised_wait(struct launch *l, struct shim_result *ret, struct err *e)
{
	struct supervise_result *m = malloc(sizeof *m);
	struct ending end = { 0 };
	int shim_status, r;
	bool got;

	if (!m)
		return fail(e, ENOMEM, "wait for the container");
	await_result(l, &end);
	console_restore(&l->console);
	got = read_full(l->shim_res, m, sizeof *m) == sizeof *m;
	shim_status = launch_reap(&l->shim_pid);
	kill_init(l, SIGKILL);
	launch_reap(&l->init);
	r = verdict(l, m, got, shim_status, ret, e);
	if (end.forced && (r < 0 || ret->status == 128 + SIGKILL)) {
		ret->status = 128 + end.asked;
		r = 0;
	}
	free(m);
	return r;
}

int launch_wait(struct launch *l, struct shim_result *ret, struct err *e)
{
	struct relay y = { .pid = l->init, .pidfd = l->init_fd, .master = l->master,
		.notify = l->notify };
	int r;

	if (l->mode != DET_OFF)
		return supervised_wait(l, ret, e);
	r = relay_run(&y, &ret->status, e);
	if (!r)
		l->init = 0;
	return r;
}

void launch_done(struct launch *l)
{
	console_restore(&l->console);
	if (l->shim_pid > 0)
		kill(l->shim_pid, SIGKILL);
	if (l->init > 0)
		kill_init(l, SIGKILL);
	launch_reap(&l->shim_pid);
	launch_reap(&l->init);
	launch_reap(&l->giver);
	close(take_fd(&l->init_fd));
	close(take_fd(&l->userns));
	close(take_fd(&l->up));
	close(take_fd(&l->master));
	close(take_fd(&l->shim_res));
	close(take_fd(&l->maker));
}
