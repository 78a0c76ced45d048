/* SPDX-License-Identifier: Apache-2.0 */
/* The parent half of `exec`: make the process, let it go, stay with it or leave it. */
#include "runtime/exec.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/console.h"
#include "runtime/ns.h"
#include "runtime/procattr.h"
#include "runtime/relay.h"
#include "runtime/startsock.h"
#include "shim/shim.h"

struct exec {
	const struct exec_job *job;
	struct confine confine;
	uint64_t join; /* CLONE_NEW* of the namespaces that aren't ours */
	bool setgroups;
	int root, sync, err;	    /* our ends */
	int their_sync, their_err;
	pid_t pid;
	int pidfd;
	int master;
	int outer;    /* master of what the console socket gets, when the supervisor has that one */
	int guest[3]; /* what it gets as 0, 1, 2 when it is supervised; or -1 */
};

#define EXEC_INIT(j) ((struct exec) { .job = (j), .confine = CONFINE_INIT, .root = -1, .sync = -1, \
	.err = -1, .their_sync = -1, .their_err = -1, .pidfd = -1, .master = -1, .outer = -1, \
	.guest = { -1, -1, -1 } })

static void exec_drop(struct exec *x)
{
	if (x->pid > 0) {
		kill(x->pid, SIGKILL);
		waitpid(x->pid, NULL, 0);
	}
	confine_drop(&x->confine);
	own_fd_drop(&x->root);
	own_fd_drop(&x->sync);
	own_fd_drop(&x->err);
	own_fd_drop(&x->their_sync);
	own_fd_drop(&x->their_err);
	own_fd_drop(&x->pidfd);
	own_fd_drop(&x->master);
	own_fd_drop(&x->outer);
	for (int i = 0; i < 3; i++)
		own_fd_drop(&x->guest[i]);
}

/* --- where to ---------------------------------------------------------------------------- */

static const char *const ns_files[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = "user", [SPEC_NS_PID] = "pid", [SPEC_NS_MOUNT] = "mnt",
	[SPEC_NS_UTS] = "uts", [SPEC_NS_IPC] = "ipc", [SPEC_NS_NET] = "net",
	[SPEC_NS_CGROUP] = "cgroup", [SPEC_NS_TIME] = "time",
};

/* Namespaces of the container's first process that aren't ours: one may join no other user's. */
static int find_namespaces(struct exec *x, struct err *e)
{
	for (int t = 0; t < SPEC_NS_COUNT; t++) {
		char ours[64], theirs[64];
		struct stat a, b;

		snprintf(ours, sizeof ours, "/proc/self/ns/%s", ns_files[t]);
		snprintf(theirs, sizeof theirs, "/proc/%d/ns/%s", x->job->state->pid, ns_files[t]);
		if (stat(ours, &a) < 0 && errno == ENOENT)
			continue; /* the kernel has none of the kind */
		if (stat(ours, &a) < 0 || stat(theirs, &b) < 0)
			return fail(e, errno, "look at the container's %s namespace", ns_files[t]);
		if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
			x->join |= (uint64_t) (unsigned) spec_ns_flag((enum spec_ns_type) t);
	}
	return 0;
}

static bool may_setgroups(pid_t pid)
{
	char path[64], text[16] = "";
	own_fd fd = -1;

	snprintf(path, sizeof path, "/proc/%d/setgroups", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || read(fd, text, sizeof text - 1) <= 0 || strncmp(text, "deny", 4);
}

static int find_container(struct exec *x, struct err *e)
{
	pid_t pid = x->job->state->pid;
	char path[64];
	int r = find_namespaces(x, e);

	if (r < 0)
		return r;
	snprintf(path, sizeof path, "/proc/%d/root", pid);
	x->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (x->root < 0)
		return fail(e, errno, "open the container's root");
	x->setgroups = !(x->join & CLONE_NEWUSER) || may_setgroups(pid);
	/* what was opened by pid was the container's only if it still is there */
	if (pidfd_send_signal(x->job->init, 0, NULL, 0) < 0)
		return fail_msg(e, ESRCH, "cannot exec in a stopped container");
	return 0;
}

/* --- making it --------------------------------------------------------------------------- */

static int make_ends(struct exec *x, struct err *e)
{
	int s[2], p[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) < 0)
		return fail(e, errno, "make a socket pair");
	x->sync = s[0];
	x->their_sync = s[1];
	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	x->err = p[0];
	x->their_err = p[1];
	return 0;
}

struct born {
	pid_t pid;
	struct err e;
};

/* In a process that we can spare: what it makes is our child, not its own. */
__attribute__((noreturn))
static void helper(const struct exec *x, int out)
{
	struct born b = { -1, ERR_INIT };
	int pidfd = -1;

	if (x->join && setns(x->job->init, (int) x->join) < 0)
		fail(&b.e, errno, "join the container's namespaces");
	else
		b.pid = ns_clone(CLONE_PARENT, &pidfd, &b.e);
	if (!b.pid) {
		struct exec_child c = {
			.job = x->job, .confine = &x->confine, .joined = x->join, .setgroups = x->setgroups,
			.root = x->root, .sync = x->their_sync, .err = x->their_err,
			.stdio = { x->guest[0], x->guest[1], x->guest[2] },
		};

		close(x->sync);
		close(x->err);
		exec_child(&c);
	}
	_exit(write_full(out, &b, sizeof b) < 0);
}

static int make_process(struct exec *x, struct err *e)
{
	own_fd in = -1, out = -1;
	struct born b;
	pid_t pid;
	int p[2];

	log_debug("nsexec container setup");
	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	in = p[0], out = p[1];
	pid = fork();
	if (pid < 0)
		return fail(e, errno, "fork");
	if (!pid)
		helper(x, out);
	close(take_fd(&out));
	if (read_full(in, &b, sizeof b) != sizeof b)
		b = (struct born) { -1, { EIO, "joining the container's namespaces failed" } };
	waitpid(pid, NULL, 0);
	if (b.pid < 0)
		return fail_msg(e, b.e.code, "%s", b.e.msg);
	x->pid = b.pid;
	close(take_fd(&x->their_sync));
	close(take_fd(&x->their_err));
	for (int i = 0; i < 3; i++) {
		own_fd_drop(&x->guest[i]);
		x->guest[i] = -1;
	}
	x->pidfd = pidfd_open(x->pid, 0);
	return x->pidfd < 0 ? fail(e, errno, "open the new process") : 0;
}

/* --- what only the outside can give it --------------------------------------------------- */

static int set_limits(const struct exec *x, struct err *e)
{
	const struct spec_process *p = &x->job->spec->process;

	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct spec_rlimit *l = &p->rlimits[i];
		struct rlimit v = { .rlim_cur = l->soft, .rlim_max = l->hard };

		if (x->job->control >= 0 && shim_limits(l->resource))
			continue;
		if (prlimit(x->pid, (enum __rlimit_resource) l->resource, &v, NULL) < 0)
			return fail(e, errno, "set %s to %llu:%llu", l->name,
				(unsigned long long) l->soft, (unsigned long long) l->hard);
	}
	return 0;
}

static int set_oom_score(const struct exec *x, struct err *e)
{
	const struct spec_process *p = &x->job->spec->process;
	char path[64], text[16];
	own_fd fd = -1;
	int n, r;

	if (!p->has_oom_score_adj)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", x->pid);
	n = snprintf(text, sizeof text, "%d", p->oom_score_adj);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : write_full(fd, text, (size_t) n);
	return r < 0 ? fail(e, r, "set oom_score_adj to %s", text) : 0;
}

/* --- its start --------------------------------------------------------------------------- */

/* What it says of a failure comes before anything that we could say. */
static int its_error(const struct exec *x, struct err *e)
{
	struct init_error m;
	ssize_t n = read_full(x->err, &m, sizeof m);

	if (n == sizeof m)
		return fail_msg(e, m.e.code ? m.e.code : EIO, "%s", m.e.msg);
	return n == 0 ? 0 : fail_msg(e, EIO, "the process died during its set-up");
}

/* Between the two of us something broke: when it was its end, it has said why. */
static int broken(const struct exec *x, int why, struct err *e)
{
	int r;

	kill(x->pid, SIGKILL);
	r = its_error(x, e);
	if (r < 0)
		return r;
	return why == -EPIPE ? fail_msg(e, EPIPE, "the process died during its set-up")
			     : fail(e, why, "talk to the process during its set-up");
}

static int tell(const struct exec *x, const char *what, struct err *e)
{
	int r = fd_send(x->sync, what, 1, -1);

	return r < 0 ? broken(x, r, e) : 0;
}

static int hand_over(struct exec *x, struct err *e)
{
	const struct exec_job *j = x->job;
	own_fd sock = -1;
	int r = 0;

	if (j->console_socket) {
		r = unix_connect(j->console_socket, &sock, e);
		if (!r)
			r = fd_send(sock, "/dev/pts/ptmx", 13, x->outer < 0 ? x->master : x->outer);
		if (r < 0)
			return fail(e, r, "send the terminal to %s", j->console_socket);
		if (x->outer < 0)
			close(take_fd(&x->master));
	}
	if (!r && j->pidfd_socket) {
		own_fd to = -1;

		r = unix_connect(j->pidfd_socket, &to, e);
		if (!r && fd_send(to, "pidfd", 5, x->pidfd) < 0)
			r = fail(e, errno, "send the pidfd to %s", j->pidfd_socket);
	}
	return r;
}

static int await_ready(struct exec *x, struct err *e)
{
	char c = 0;
	ssize_t n = fd_recv(x->sync, &c, 1, &x->master);

	return n == 1 && c == 'R' ? 0 : broken(x, n < 0 ? (int) n : -EPIPE, e);
}

static int from_outside(struct exec *x, struct err *e)
{
	own_buf state = { 0 };
	struct json_out o = { .b = &state };
	int r = set_limits(x, e);

	if (!r)
		r = set_oom_score(x, e);
	if (r < 0)
		return r;
	state_put(x->job->state, &o);
	if (!buf_cstr(&state))
		return fail(e, ENOMEM, "write the container's state");
	return confine_parent(&x->confine, x->pid, (char *) state.p, e);
}

static int announce(struct exec *x, struct err *e)
{
	const struct spec_process *p = &x->job->spec->process;
	own_fd slave = -1;
	int r = 0;

	if (x->job->console_socket)
		r = console_outer(p->console_height, p->console_width, &x->outer, &slave, e);
	if (!r)
		r = exec_announce(x->job->control, x->job->spec, slave < 0 ? (int[]) { 0, 1, 2 }
							: (int[]) { slave, slave, slave },
			x->guest, e);
	return r;
}

static int adopt(struct exec *x, struct err *e)
{
	int r = exec_adopt(x->job->control, x->pid, x->sync, x->master, e);

	own_fd_drop(&x->master);
	x->master = -1;
	return r;
}

static int start(struct exec *x, struct err *e)
{
	int r = from_outside(x, e);

	if (!r)
		r = tell(x, "g", e);
	if (!r)
		r = await_ready(x, e);
	if (!r)
		r = hand_over(x, e);
	if (!r) {
		log_debug("child process in init() of pid %d; setns_init: about to exec", x->pid);
		r = x->job->control >= 0 ? adopt(x, e) : tell(x, "G", e);
	}
	if (!r)
		r = its_error(x, e); /* returns when it has executed its program */
	return r < 0 ? fail_ctx(e, r, "unable to start container process") : 0;
}

static int stay(struct exec *x, int *ret_status, struct err *e)
{
	bool theirs = x->job->control >= 0 && x->job->spec->process.terminal;
	struct relay y = { .pid = x->pid, .pidfd = x->pidfd, .master = x->master,
		.supervised = theirs ? x->job->state : NULL };
	int r = relay_run(&y, ret_status, e);

	x->pid = 0;
	return r;
}

static void debug_cpus(pid_t pid)
{
	cpu_set_t set;
	unsigned long mask = 0;

	if (sched_getaffinity(pid, sizeof set, &set) < 0)
		return;
	for (unsigned cpu = 0; cpu < 8 * sizeof mask; cpu++)
		mask |= (unsigned long) !!CPU_ISSET(cpu, &set) << cpu;
	log_debug("nsexec[%d]: affinity: 0x%lx", pid, mask); /* the words that runc has for it */
}

/* In the container's cgroup, on its CPUs: first those for the way there, then those to stay on. */
static int place(struct exec *x, struct err *e)
{
	const struct spec_process *p = &x->job->spec->process;
	const struct exec_job *j = x->job;
	bool first = p->exec_cpu_initial && *p->exec_cpu_initial;
	int r = procattr_cpus(p->exec_cpu_initial, x->pid, e);

	if (!r && first)
		debug_cpus(x->pid);
	if (!r && j->state->cgroup)
		r = cgroup_join(j->state->cgroup, j->cgroups, j->n_cgroups, j->state->pid, x->pid,
			e);
	if (!r && !first)
		procattr_all_cpus(x->pid);
	return r < 0 ? r : procattr_cpus(p->exec_cpu_final, x->pid, e);
}

int exec_run(const struct exec_job *job, int *ret_status, struct err *e)
{
	own_cleanup(exec_drop) struct exec x = EXEC_INIT(job);
	int r;

	/* nobody inside may look at what is not yet its own: CVE-2016-9962 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(e, errno, "become undumpable");
	if (!job->detach)
		relay_block_signals();
	r = find_container(&x, e);
	if (!r)
		r = confine_prepare(&x.confine, job->spec, job->control >= 0 ? DET_RECORD : DET_OFF,
			job->dir, e);
	if (!r)
		r = make_ends(&x, e);
	if (!r && job->control >= 0)
		r = announce(&x, e);
	if (!r)
		r = make_process(&x, e);
	if (!r && job->before_start && !startsock_waiting(job->dir)) /* later its init looks */
		r = fail_msg(e, EBUSY, "the container was started meanwhile");
	if (!r)
		r = place(&x, e);
	if (!r)
		r = start(&x, e);
	if (!r && job->pid_file)
		r = write_pid_file(job->pid_file, x.pid, e);
	if (r < 0)
		return r;
	if (!job->detach)
		return stay(&x, ret_status, e);
	x.pid = 0; /* whoever waits for our orphans */
	*ret_status = 0;
	return 0;
}
