/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/console.h"

enum { P_SIGNAL, P_MASTER, P_STDIN, P_NOTIFY, P_COUNT };
enum { CHUNK = 16384 };

struct turn {
	const struct relay *r;
	struct pollfd p[P_COUNT];
	uint8_t typed[CHUNK]; /* not yet taken by the terminal */
	size_t n_typed;
	bool ended;
	int status; /* of wait */
};

void relay_block_signals(void)
{
	static const int ours[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		sigdelset(&all, ours[i]);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void pass_size(const struct relay *r)
{
	struct winsize s;

	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCGWINSZ, &s) == 0) {
			ioctl(r->master, TIOCSWINSZ, &s);
			return;
		}
}

/* Its end, and that of anybody who was left to us. */
static void reap_all(struct turn *t)
{
	pid_t pid;
	int st;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid != t->r->pid)
			continue;
		t->ended = true;
		t->status = st;
	}
}

static void on_signal(struct turn *t)
{
	struct signalfd_siginfo si;

	if (read(t->p[P_SIGNAL].fd, &si, sizeof si) != sizeof si)
		return;
	switch (si.ssi_signo) {
	case SIGCHLD:
		reap_all(t);
		break;
	case SIGURG:
	case SIGPIPE:
		break;
	case SIGWINCH:
		if (t->r->master >= 0)
			pass_size(t->r);
		if (t->r->supervised)
			state_poke(t->r->supervised);
		break;
	default:
		pidfd_send_signal(t->r->pidfd, (int) si.ssi_signo, NULL, 0);
	}
}

/* False: nothing more will come. */
static bool show(const struct turn *t)
{
	uint8_t b[CHUNK];
	ssize_t n = read(t->r->master, b, sizeof b);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	return n > 0 && write_full(1, b, (size_t) n) == 0;
}

static void type(struct turn *t)
{
	ssize_t n = write(t->r->master, t->typed, t->n_typed);

	if (n <= 0)
		return;
	t->n_typed -= (size_t) n;
	memmove(t->typed, t->typed + n, t->n_typed);
}

/* The end of our input is typed as the terminal's key for it. */
static void take(struct turn *t)
{
	struct termios m;
	ssize_t n = read(0, t->typed, sizeof t->typed);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		t->p[P_STDIN].fd = -1;
		n = 0;
		if (tcgetattr(t->r->master, &m) == 0 && m.c_lflag & ICANON)
			t->typed[n++] = m.c_cc[VEOF];
	}
	t->n_typed = (size_t) n;
	type(t);
}

static void serve(struct turn *t)
{
	struct pollfd *p = t->p;

	if (p[P_SIGNAL].revents)
		on_signal(t);
	if (p[P_MASTER].revents & POLLOUT)
		type(t);
	if (p[P_MASTER].revents & (POLLIN | POLLHUP | POLLERR) && !show(t))
		p[P_MASTER].fd = p[P_STDIN].fd = -1;
	if (p[P_STDIN].revents && p[P_STDIN].fd >= 0 && !t->n_typed)
		take(t);
	if (p[P_NOTIFY].revents && notify_pass(t->r->notify, t->r->pid))
		p[P_NOTIFY].fd = -1;
}

static void drain(const struct turn *t)
{
	struct pollfd p = { t->r->master, POLLIN, 0 };

	while (t->p[P_MASTER].fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & POLLIN && show(t))
		;
}

static int until_end(struct turn *t, int sfd, struct err *e)
{
	const struct relay *r = t->r;

	t->p[P_SIGNAL] = (struct pollfd) { sfd, POLLIN, 0 };
	t->p[P_MASTER] = (struct pollfd) { r->master, 0, 0 };
	t->p[P_STDIN] = (struct pollfd) { r->master < 0 ? -1 : 0, POLLIN, 0 };
	t->p[P_NOTIFY] = (struct pollfd) { r->notify ? r->notify->from : -1, POLLIN, 0 };
	reap_all(t);
	while (!t->ended) {
		t->p[P_MASTER].events = (short) (POLLIN | (t->n_typed ? POLLOUT : 0));
		t->p[P_STDIN].events = t->n_typed ? 0 : POLLIN;
		if (poll(t->p, P_COUNT, -1) > 0)
			serve(t);
		else if (errno != EINTR)
			return fail(e, errno, "wait for the process");
	}
	drain(t);
	if (t->p[P_NOTIFY].fd >= 0)
		notify_pass(r->notify, r->pid); /* its last words */
	return 0;
}

int relay_run(const struct relay *r, int *ret_status, struct err *e)
{
	struct turn t = { .r = r };
	struct console c = { 0 };
	own_fd sfd = -1;
	sigset_t set;
	int got;

	sigprocmask(SIG_SETMASK, NULL, &set);
	sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sfd < 0)
		return fail(e, errno, "wait for signals");
	if (r->master >= 0) {
		fcntl(r->master, F_SETFL, O_RDWR | O_NONBLOCK);
		pass_size(r);
	}
	if (r->master >= 0 || r->supervised)
		console_raw(&c, true);
	got = until_end(&t, sfd, e);
	console_restore(&c);
	*ret_status = WIFSIGNALED(t.status) ? 128 + WTERMSIG(t.status) : WEXITSTATUS(t.status);
	return got;
}
