/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cgroup.h"
#include "runtime/init.h"
#include "runtime/launch_impl.h"
#include "runtime/relay.h"
#include "runtime/sources.h"

/* Both ends of everything between launcher (and supervisor), ours, and init, theirs. */
enum { UP, SYNC, SOURCES, STDIN, STDOUT, STDERR, N_ENDS };

struct ends {
	int ours[N_ENDS], theirs[N_ENDS];
};

static void ends_drop(struct ends *x)
{
	for (int i = 0; i < N_ENDS; i++) {
		own_fd_drop(&x->ours[i]);
		own_fd_drop(&x->theirs[i]);
	}
}

static int ends_pipe(struct ends *x, int i, bool they_read, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	x->ours[i] = p[they_read];
	x->theirs[i] = p[!they_read];
	return 0;
}

static int ends_pair(struct ends *x, int i, struct err *e)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
		return fail(e, errno, "make a socket pair");
	x->ours[i] = s[0];
	x->theirs[i] = s[1];
	return 0;
}

static int ends_make(struct ends *x, const struct launch *l, struct err *e)
{
	bool pipes = l->mode != DET_OFF && !l->spec->process.terminal;
	int r;

	for (int i = 0; i < N_ENDS; i++)
		x->ours[i] = x->theirs[i] = -1;
	r = ends_pair(x, UP, e);
	if (!r && l->mode != DET_OFF)
		r = ends_pair(x, SYNC, e);
	for (int i = STDIN; !r && pipes && i < N_ENDS; i++) {
		if (i == STDIN && l->null_stdin)
			continue;
		r = ends_pipe(x, i, i == STDIN, e);
	}
	if (!r && pipes && l->null_stdin) {
		x->theirs[STDIN] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (x->theirs[STDIN] < 0)
			return fail(e, errno, "open /dev/null");
	}
	return r;
}

/*
 * Linux schedules the sessions of a machine as groups (CONFIG_SCHED_AUTOGROUP), and a switch between
 * two of them costs a third more than one within. So who calls the supervisor for each call shares
 * its session, which init can't join and is born into. A program with a terminal has to have its own.
 */
static bool one_session(const struct launch *l)
{
	return l->mode != DET_OFF && l->virtual_ids && !l->spec->process.terminal && !l->cgroup &&
		ns_how(l->spec) != NS_BEFORE;
}

/* --- init -------------------------------------------------------------------------------- */

/* Also where our own namespace has denied it. */
static bool may_setgroups(void)
{
	own_fd fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
	char c = 'a';

	return fd < 0 || read(fd, &c, 1) != 1 || c == 'a';
}

__attribute__((noreturn))
static void child(const struct launch *l, const struct ends *x, bool join)
{
	const struct spec_ns *user = &l->spec->linux_.ns[SPEC_NS_USER];
	struct init in = {
		.spec = l->spec,
		.plan = l->plan,
		.confine = l->confine,
		.mode = l->mode,
		.userns = user->present,
		.join = join,
		.setgroups = user->present && (user->path || l->maps.setgroups) && may_setgroups(),
		.virtual_ids = l->virtual_ids,
		.one_session = one_session(l),
		.up = x->theirs[UP],
		.sync = x->theirs[SYNC],
		.start = l->start,
		.stdio = { x->theirs[STDIN], x->theirs[STDOUT], x->theirs[STDERR] },
		.preserve = l->preserve,
		.sources = x->theirs[SOURCES],
	};

	init_main(&in);
}

/* It is a child of ours that another has made. */
static int adopt_init(struct launch *l, pid_t pid, struct err *e)
{
	l->init = pid;
	l->init_fd = pidfd_open(pid, 0);
	return l->init_fd < 0 ? fail(e, errno, "open the container's process") : 0;
}

/* Join by way of a process that we can spare, whose child is ours all the same. */
static int clone_joined(struct launch *l, uint64_t flags, const struct ends *x, struct err *e)
{
	struct {
		pid_t pid;
		struct err e;
	} m = { -1, ERR_INIT };
	own_fd in = -1, out = -1;
	int p[2], pidfd;
	pid_t helper;

	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	in = p[0], out = p[1];
	helper = fork();
	if (helper < 0)
		return fail(e, errno, "fork");
	if (!helper) {
		if (ns_join(l->spec, &m.e) == 0)
			m.pid = ns_clone(flags | CLONE_PARENT, &pidfd, &m.e);
		if (!m.pid)
			child(l, x, false);
		_exit(write_full(out, &m, sizeof m) < 0);
	}
	close(take_fd(&out));
	if (read_full(in, &m, sizeof m) != sizeof m)
		fail_msg(&m.e, EIO, "joining the namespaces failed");
	waitpid(helper, NULL, 0);
	if (m.pid < 0 || m.e.code)
		return fail_msg(e, m.e.code, "%s", m.e.msg);
	return adopt_init(l, m.pid, e);
}

static int make_init(struct launch *l, const struct ends *x, struct err *e)
{
	enum ns_how how = ns_how(l->spec);
	uint64_t flags = ns_flags(l->spec);
	own_fd cgroup = -1;
	pid_t pid;
	int into;

	if (how == NS_BEFORE)
		return clone_joined(l, flags, x, e);
	cgroup = into = l->cgroup ? cgroup_birthplace(l->cgroup) : -1;
	pid = ns_clone_into(flags, &into, &l->init_fd, e);
	if (pid < 0)
		return pid;
	if (!pid)
		child(l, x, how == NS_INSIDE);
	if (into >= 0)
		cgroup_entered(l->cgroup);
	l->init = pid;
	return 0;
}

static int map_ids(struct launch *l, struct err *e)
{
	const struct spec_ns *user = &l->spec->linux_.ns[SPEC_NS_USER];
	char path[64];
	int r = user->present && !user->path ? idmaps_write(&l->maps, l->init, e) : 0;

	if (r < 0 || !user->present)
		return r;
	snprintf(path, sizeof path, "/proc/%d/ns/user", l->init);
	l->userns = open(path, O_RDONLY | O_CLOEXEC);
	return 0;
}

static int say(struct launch *l, char word, struct err *e)
{
	return send(l->up, &word, 1, MSG_NOSIGNAL) == 1 ? 0 : launch_gone(e);
}

/* Of those signals that ask us to end; they are blocked where anybody waits for us. */
static int signals_fd(const struct launch *l)
{
	sigset_t s;

	if (l->detached)
		return -1;
	sigprocmask(SIG_BLOCK, NULL, &s);
	return signalfd(-1, &s, SFD_CLOEXEC);
}

/* init's next word is there; or a signal that ends all. */
static int await_word(struct launch *l, int sfd, struct err *e)
{
	for (;;) {
		struct pollfd p[2] = { { l->up, POLLIN, 0 }, { sfd, POLLIN, 0 } };
		struct signalfd_siginfo si;
		int n = poll(p, sfd < 0 ? 1 : 2, -1);

		if (n < 0 && errno != EINTR)
			return fail(e, errno, "wait for the container's first process");
		if (n > 0 && p[0].revents)
			return 0;
		if (n > 0 && read(sfd, &si, sizeof si) == sizeof si && si.ssi_signo != SIGWINCH &&
			si.ssi_signo != SIGCHLD) {
			l->interrupted = (int) si.ssi_signo;
			return fail_msg(e, EINTR, "ended by signal %d during set-up",
				l->interrupted);
		}
	}
}

static int await_ready(struct launch *l, struct err *e)
{
	own_fd sfd = signals_fd(l);
	char c = 0;
	int r;

	for (;;) {
		r = await_word(l, sfd, e);
		if (r < 0)
			return r;
		if (fd_recv(l->up, &c, 1, &l->master) != 1)
			return launch_gone(e);
		if (c == UP_READY)
			return 0;
		if (c == UP_FAILED)
			return launch_failure(l, e);
		if (c != UP_HOOKS)
			return launch_gone(e);
		r = l->hooks ? l->hooks(l->ctx, l, e) : 0;
		if (!r)
			r = say(l, UP_HOOKED, e);
		if (r < 0)
			return r;
	}
}

/* --- start ------------------------------------------------------------------------------- */

static int check_yama(struct err *e)
{
	own_fd fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char c = 0;

	if (fd >= 0 && read(fd, &c, 1) == 1 && c == '3')
		return fail_msg(e, EPERM, "nothing may be traced: "
			"/proc/sys/kernel/yama/ptrace_scope is 3; set it to 2 or less and reboot");
	return 0;
}

struct bearing {
	const struct launch *l;
	const struct ends *x;
	int result;
};

/* In the supervisor's process. */
static pid_t bear(void *ctx, struct err *e)
{
	const struct bearing *b = ctx;
	int pidfd;
	pid_t pid = ns_clone(ns_flags(b->l->spec) | CLONE_PARENT, &pidfd, e);

	if (!pid) {
		close(b->result); /* for the supervisor's end to be seen */
		child(b->l, b->x, ns_how(b->l->spec) == NS_INSIDE);
	}
	if (pid > 0)
		close(pidfd);
	return pid;
}

static int await_birth(struct launch *l, struct err *e)
{
	struct supervise_birth b = { .e = ERR_INIT };
	ssize_t n = read_full(l->shim_res, &b, sizeof b);

	if (n != sizeof b)
		return fail_msg(e, EPIPE, "the supervisor died");
	return b.pid < 0 ? fail_msg(e, b.e.code, "%s", b.e.msg) : adopt_init(l, b.pid, e);
}

static int make_shim(struct launch *l, struct ends *x, struct err *e)
{
	int not_ours[N_ENDS + 7], p[2], m[2];
	own_fd res = -1, maker = -1;
	struct bearing b = { .l = l, .x = x };
	struct supervise s = { .o = &l->shim, .not_ours = not_ours, .daemon = l->detached,
		.terminal = l->terminal };

	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	l->shim_res = p[0];
	res = p[1];
	l->shim.init = l->init;
	l->shim.sync = x->ours[SYNC];
	for (int i = 0; i < 3; i++) {
		l->shim.stdio[i] = l->terminal >= 0 ? l->terminal : i;
		l->shim.pipes[i] = x->ours[STDIN + i];
	}
	for (int i = 0; i < N_ENDS; i++)
		not_ours[s.n_not_ours++] = x->theirs[i];
	not_ours[s.n_not_ours++] = x->ours[UP];
	not_ours[s.n_not_ours++] = l->shim_res;
	not_ours[s.n_not_ours++] = l->up;
	not_ours[s.n_not_ours++] = l->start;
	not_ours[s.n_not_ours++] = l->lock;
	not_ours[s.n_not_ours++] = l->init_fd;
	if (l->shim.expect_dir >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, m) == 0) {
		l->maker = m[0];
		l->shim.maker = maker = m[1];
	}
	not_ours[s.n_not_ours++] = l->maker;
	s.result = b.result = res;
	if (one_session(l))
		s.bear = bear, s.ctx = &b;
	l->shim_pid = supervise_fork(&s, e);
	if (l->shim_pid < 0)
		return l->shim_pid;
	close(take_fd(&res));
	return one_session(l) ? await_birth(l, e) : 0;
}

static void block_signals(const struct launch *l)
{
	sigset_t s;

	if (l->mode == DET_OFF) {
		relay_block_signals();
		return;
	}
	sigemptyset(&s);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGHUP);
	sigaddset(&s, SIGQUIT);
	if (l->spec->process.terminal)
		sigaddset(&s, SIGWINCH);
	sigprocmask(SIG_BLOCK, &s, NULL);
}

/* Outside things go wrong when init is dead; what it died of is the reason. */
static int why(struct launch *l, int r, struct err *e)
{
	char c;

	if (r < 0 && recv(l->up, &c, 1, MSG_DONTWAIT) == 1 && c == UP_FAILED)
		return launch_failure(l, e);
	return r;
}

static int make_all(struct launch *l, struct ends *x, struct err *e)
{
	int r;

	l->sources = sources_needed(l->spec, l->plan);
	log_debug("nsexec container setup"); /* steps by the names that runc has for them */
	r = l->sources ? ends_pair(x, SOURCES, e) : 0;
	if (!r)
		r = one_session(l) ? make_shim(l, x, e) : make_init(l, x, e);
	if (r < 0)
		return r;
	l->up = take_fd(&x->ours[UP]);
	own_fd_drop(&x->theirs[UP]); /* its death has to be seen */
	x->theirs[UP] = -1;
	r = map_ids(l, e);
	if (!r && l->cgroup)
		r = cgroup_attach_early(l->cgroup, l->init, e);
	if (!r)
		r = say(l, UP_MAPPED, e);
	if (!r && l->sources)
		r = sources_give(l->spec, l->plan, l->init, x->ours[SOURCES],
			x->theirs[SOURCES], &l->giver, e);
	own_fd_drop(&x->theirs[SOURCES]);
	own_fd_drop(&x->ours[SOURCES]);
	x->theirs[SOURCES] = x->ours[SOURCES] = -1;
	if (!r && l->born) /* while it mounts */
		r = l->born(l->ctx, l, e);
	if (!r)
		r = confine_born(l->confine, l->init, e);
	if (!r)
		r = say(l, UP_GROUPED, e);
	if (!r && l->mode != DET_OFF && !l->shim_pid)
		r = make_shim(l, x, e);
	return r < 0 ? why(l, r, e) : await_ready(l, e);
}

int launch_start(struct launch *l, struct err *e)
{
	own_cleanup(ends_drop) struct ends x;
	int r = ends_make(&x, l, e);

	if (!r && l->mode != DET_OFF)
		r = check_yama(e);
	if (!r && l->mode != DET_OFF)
		r = shim_pin_cpu(l->shim.attrs.affinity, &l->shim.seats, e);
	if (r < 0)
		return r;
	if (!l->detached)
		block_signals(l);
	r = make_all(l, &x, e);
	if (r < 0)
		launch_done(l);
	else
		launch_reap(&l->giver);
	return r;
}

/* The exec closes init's end; a failure comes before. */
static int await_exec(struct launch *l, struct err *e)
{
	char c;
	ssize_t n = read_full(l->up, &c, 1);

	if (n == 1)
		return launch_failure(l, e);
	return n < 0 ? fail(e, (int) n, "wait for the program") : 0;
}

int launch_go(struct launch *l, struct err *e)
{
	int r = say(l, UP_GO, e);

	log_debug("child process in init() of pid %d", l->init);
	log_debug("init: closing the pipe to signal completion");
	if (r < 0 || l->start >= 0)
		return r;
	if (l->mode == DET_OFF || l->detached)
		return await_exec(l, e);
	if (!l->detached && l->shim.terminal && l->shim.expect_dir < 0 && !l->shim.strict)
		console_raw(&l->console, !l->virtual_ids);
	return 0;
}

void launch_leave(struct launch *l)
{
	l->init = l->shim_pid = 0;
}
