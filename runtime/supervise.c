/* SPDX-License-Identifier: Apache-2.0 */
/* The process of the supervisor: beside the container, never inside it. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "runtime/base/crypto.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/launch.h"

/* It only has to end a poll(): the scheduler then looks for signals from outside. */
static void poked(int sig)
{
	(void) sig;
}

static void own_process(bool daemon, pid_t parent)
{
	const struct sigaction poke = { .sa_handler = poked };
	sigset_t none;

	if (!daemon) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent)
			_exit(EXIT_OURS);
	}
	prctl(PR_SET_NAME, "detrun-shim", 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SUPERVISE_POKE, &poke, NULL);
	sigaction(SIGWINCH, &poke, NULL); /* of a terminal that is its own, when there is one */
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the caller has left open, pipes' other ends among it. All of ours is closed at an exec. */
static void leave_callers(void)
{
	own_dir d = opendir("/proc/self/fd");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		int fd = atoi(de->d_name);

		if (fd > 2 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			close(fd);
	}
}

/* With a terminal, the stdio that create has is nobody's: its caller waits for the end of it. */
static void leave_stdio(void)
{
	own_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
}

/* Who said `start` is told by init, which we would take along: not before it has spoken. */
static void tell_init(const struct supervise *s, const struct err *e)
{
	struct { char word; struct err e; } __attribute__((packed)) m = { 'E', *e };
	struct pollfd p = { s->o->sync, POLLIN, 0 };

	if (send(s->o->sync, &m, sizeof m, MSG_NOSIGNAL) == sizeof m)
		poll(&p, 1, 2000);
}

/* Init, of which we tell the launcher: it is a child of theirs. */
static void bear(const struct supervise *s)
{
	struct supervise_birth b = { .e = ERR_INIT };

	b.pid = s->o->init = s->bear(s->ctx, &b.e);
	if (write_full(s->result, &b, sizeof b) < 0 || b.pid < 0)
		_exit(EXIT_OURS);
}

__attribute__((noreturn))
static void run(const struct supervise *s, pid_t parent)
{
	static struct supervise_result m; /* large, and this process has nothing else */

	setsid(); /* a terminal's signals are for detrun, which decides what they mean */
	if (s->bear)
		bear(s);
	own_process(s->daemon, parent);
	for (unsigned i = 0; i < s->n_not_ours; i++)
		if (s->not_ours[i] >= 0)
			close(s->not_ours[i]);
	crypto_load(); /* the host's: later another root is ours */
	if (s->daemon)
		leave_callers();
	if (s->daemon && s->terminal >= 0)
		leave_stdio();
	if (s->terminal >= 0)
		ioctl(s->terminal, TIOCSCTTY, 0);
	m.r = shim_run(s->o, &m.s, &m.e);
	if (m.r < 0)
		tell_init(s, &m.e);
	_exit(write_full(s->result, &m, sizeof m) < 0 ? EXIT_OURS : 0);
}

pid_t supervise_fork(const struct supervise *s, struct err *e)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return fail(e, errno, "fork the supervisor");
	if (!pid)
		run(s, parent);
	return pid;
}
