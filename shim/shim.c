/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's life: seize init, enter its namespaces, serve, write the bundle. */
#include "shim/shim.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/filter.h"
#include "shim/procview.h"

/* The 'R'; before it comes the terminal's master, if there is one, with a 'T'. */
static int await_ready(int sync, int *ret_master, struct err *e)
{
	char c = 0;
	int fd;

	while (fd_recv(sync, &c, 1, &fd) == 1 && c == 'T')
		*ret_master = fd;
	return c == 'R' ? 0 : fail_msg(e, ECANCELED, "the container's init ended during set-up");
}

int tracee_seize(pid_t pid, struct err *e)
{
	const long opts = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP |
		PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *) opts) == 0)
		return 0;
	if (errno == EPERM)
		return fail_msg(e, EPERM,
			"ptrace of the container's processes is not permitted: another tracer or a security "
			"policy forbids it (see /proc/sys/kernel/yama/ptrace_scope; 0 or 1 is needed)");
	return fail(e, errno, "ptrace the container's process");
}

/* A user namespace of its own, or ours (root without one). */
static bool same_userns(pid_t pid)
{
	char a[64], b[64], path[64];
	ssize_t n = readlink("/proc/self/ns/user", a, sizeof a), m;

	snprintf(path, sizeof path, "/proc/%d/ns/user", (int) pid);
	m = readlink(path, b, sizeof b);
	return n > 0 && n == m && !memcmp(a, b, (size_t) n);
}

static int enter_namespaces(struct world *w, pid_t pid, struct err *e)
{
	own_fd fd = (int) syscall(SYS_pidfd_open, pid, 0);
	int ns = CLONE_NEWNS | (same_userns(pid) ? 0 : CLONE_NEWUSER);

	if (fd < 0)
		return fail(e, errno, "open a pidfd of the container's init");
	w->host_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->host_proc < 0)
		return fail(e, errno, "open /proc");
	if (statx(w->host_proc, "self/exe", 0, STATX_INO | STATX_MNT_ID, &w->self_exe) < 0)
		return fail(e, errno, "look at /proc/self/exe");
	if (setns(fd, ns) < 0)
		return fail(e, errno, "enter the container's namespaces");
	w->self_root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->self_root < 0 || chdir("/") < 0)
		return fail(e, errno, "open the container's root");
	return 0;
}

static int world_setup(struct world *w, const struct shim_opts *o, struct shim_result *res,
	struct err *e)
{
	w->o = o;
	w->ops = &tracee_real;
	w->result = res;
	w->tasks_tail = &w->tasks;
	w->turn = 1;
	w->dirfd_tmp = w->host_proc = w->self_root = w->listener = w->cgroup_fd = w->settler = -1;
	w->start = w->now = o->epoch * NSEC;
	w->timer_due = NO_DEADLINE;
	sha256(o->seed ? o->seed : "", o->seed ? strlen(o->seed) : 0, w->key);
	w->cpu = cpu_model_find(o->cpu);
	if (!w->cpu)
		return fail_msg(e, EINVAL, "unknown CPU model \"%s\" (known: x86-64-v2, x86-64-v3)", o->cpu);
	w->cpu_faults = cpu_can_fault();
	for (int i = 0; i < 3; i++) {
		w->std.host[i] = o->stdio[i];
		w->std.pipes[i] = o->pipes[i];
		w->std.is[i] = o->pipes[i] >= 0 && fstat(o->pipes[i], &w->std.st[i]) == 0;
	}
	if (o->expect_dir >= 0 && trace_open(o->expect_dir, &w->expect, e) < 0)
		return -e->code;
	return 0;
}

static void learn_mounts(struct world *w)
{
	struct stat st, root;

	if (stat("/proc", &st) == 0 && fstat(w->self_root, &root) == 0 && st.st_dev != root.st_dev)
		w->proc_dev = st.st_dev;
	mounts_learn_cgroup(w);
}

static void world_drop(struct world *w)
{
	trace_writer_free(w->tw);
	trace_close(w->expect);
	if (w->host_proc >= 0)
		close(w->host_proc);
	if (w->self_root >= 0)
		close(w->self_root);
	if (w->settler >= 0)
		close(w->settler);
	traps_end(w);
	vcgroups_free(w);
	stdio_end(w);
	if (w->listener >= 0)
		close(w->listener);
	map_free(&w->by_pid);
	map_free(&w->by_vtid);
	map_free(&w->futexes);
	map_free(&w->gone);
	map_free(&w->suid_mounts);
	map_free(&w->mounts);
	map_free(&w->mount_devs);
	map_free(&w->mount_sizes);
	buf_free(&w->big);
	buf_free(&w->exec_argv);
	buf_free(&w->exec_env);
	digest_memo_free(w->digests);
	found_free(&w->found);
}

/* A stop tells us through waitpid: no signal with each. */
static int quick_stops(struct world *w, struct err *e)
{
	struct sigaction sa = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };

	if (sigaction(SIGCHLD, &sa, NULL) < 0)
		return fail(e, errno, "set the action of SIGCHLD");
	self_drop_rseq();
	if (self_trap_cpu(w->cpu_faults) < 0)
		return fail(e, errno, "trap CPUID and the time stamp counter");
	return 0;
}

static void raise_limit(int resource)
{
	struct rlimit r;

	if (getrlimit(resource, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(resource, &r);
	}
}

/*
 * Our duplicates of the guest's descriptors, and a few for each of its tasks; what it writes, and
 * the trace. Where that must not be larger, it is an error.
 */
static void much(void)
{
	raise_limit(RLIMIT_NOFILE);
	raise_limit(RLIMIT_FSIZE);
	signal(SIGXFSZ, SIG_IGN);
}

/* The first program's arguments: its execve is init's own, and not supervised. */
static void first_exec(struct world *w)
{
	const struct shim_opts *o = w->o;

	for (const char *const *v = o->argv; v && *v; v++)
		buf_put(&w->exec_argv, *v, strlen(*v) + 1);
	for (const char *const *v = o->env; v && *v; v++)
		buf_put(&w->exec_env, *v, strlen(*v) + 1);
	if (o->argv && o->argv[0])
		snprintf(w->exec_path, sizeof w->exec_path, "%s", o->argv[0]);
}

static int supervise(struct world *w, struct err *e)
{
	const struct shim_opts *o = w->o;
	int master = -1, r = await_ready(o->sync, &master, e);

	much();
	if (!r)
		r = tracee_seize(o->init, e);
	if (!r)
		r = enter_namespaces(w, o->init, e);
	if (!r)
		r = mounts_bar_suid(w, e);
	if (r < 0)
		return r;
	learn_mounts(w);
	r = bundle_begin(w, e);
	if (!r)
		r = quick_stops(w, e);
	if (r < 0)
		return r;
	first_exec(w);
	snprintf(w->domainname, sizeof w->domainname, "%s", o->domainname ? o->domainname : "");
	w->init = task_new(w, o->init, NULL, 0);
	w->init->c.w = w;
	w->init->setup = true;
	w->init->how = PTRACE_CONT;
	w->init->loose = true;
	w->cur = w->init;
	if (o->terminal && (r = tty_start(w, master, e)) < 0)
		return r;
	r = control_start(w, e);
	if (r < 0)
		return r;
	if (write_full(o->sync, "G", 1) < 0)
		return fail(e, EPIPE, "start the container's init");
	world_run(w);
	tty_end(w);
	control_end(w);
	if (w->fatal) {
		*e = w->err;
		return -e->code;
	}
	return bundle_end(w, e);
}

int shim_run(const struct shim_opts *o, struct shim_result *ret, struct err *e)
{
	struct world *w = calloc(1, sizeof *w);
	int r;

	if (!w)
		return fail(e, ENOMEM, "start the supervisor");
	memset(ret, 0, sizeof *ret);
	r = world_setup(w, o, ret, e);
	if (!r)
		r = supervise(w, e);
	ret->status = shell_status(w->status);
	ret->events = w->nevents + 1; /* END */
	world_drop(w);
	free(w);
	return r;
}

/* ---- for init ---- */

static int canonical_signals(struct err *e)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return fail(e, errno, "reset the signal mask");
	return 0;
}

/* The supervisor's filter, below the container's own if there is one. */
static int make_filter(const struct shim_filter *f, bool notify, struct sock_fprog *ret,
	struct err *e)
{
	own_free struct filter_row *rows = calloc(1024, sizeof *rows);
	const struct sock_fprog *first = f->first;
	struct sock_fprog ours = { 0 };
	size_t n;
	int r;

	if (!rows)
		return fail(e, ENOMEM, "make the system call filter");
	n = sys_filter_rows(rows, 1024);
	if (notify)
		sys_filter_notify(rows, n, f->virtual_ids);
	if (!cpu_can_fault())
		sys_filter_code(rows, n);
	r = filter_build(rows, n, &ours, e);
	if (r < 0)
		return r;
	if (!first || !first->filter) {
		*ret = ours;
		return 0;
	}
	r = filter_merge(first, &ours, f->listener, ret, e);
	filter_free(&ours);
	return r;
}

int shim_filter_install(struct err *e)
{
	return shim_filter_install_with(NULL, e);
}

int shim_filter_install_with(const struct sock_fprog *first, struct err *e)
{
	const struct shim_filter f = { .first = first };

	return shim_filter_set(&f, e);
}

/* With a listener, told to the supervisor. -EOPNOTSUPP: not here, and nothing was done. */
static int load_notify(const struct shim_filter *f, struct err *e)
{
	const char *env = getenv("DETRUN_NOTIFY");
	struct sock_fprog prog = { 0 };
	int fd;

	if (!f->init || f->listener || (env && !strcmp(env, "0")) || make_filter(f, true, &prog, e) < 0)
		return -EOPNOTSUPP;
	fd = filter_load_notify(&prog);
	filter_free(&prog);
	if (fd < 0)
		return fd;
	syscall(FILTER_NR_LISTENER, fd);
	close(fd);
	return 0;
}

/* A program can have one listener: the supervisor's calls are all ptrace stops then. */
static int load_for_agent(const struct shim_filter *f, const struct sock_fprog *prog, struct err *e)
{
	unsigned flags = f->flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* a look at the task must not make the agent answer twice */
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, prog);

	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
	if (fd < 0)
		return fail(e, errno, "install the seccomp filter with a listener");
	*f->listener = (int) fd;
	return 0;
}

int shim_filter_set(const struct shim_filter *f, struct err *e)
{
	struct sock_fprog prog = { 0 };
	int r;

	if (personality(ADDR_NO_RANDOMIZE) < 0)
		return fail(e, errno, "switch off address randomisation");
	r = canonical_signals(e);
	if (r < 0)
		return r;
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) < 0)
		return fail(e, errno, "trap the time stamp counter");
	if (load_notify(f, e) == 0)
		return 0;
	r = make_filter(f, false, &prog, e);
	if (!r && f->listener)
		r = load_for_agent(f, &prog, e);
	else if (!r)
		r = filter_load(&prog, e);
	filter_free(&prog);
	return r;
}

int shim_pin_cpu(uint64_t among, cpu_set_t *ret, struct err *e)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu < 0 || sched_getaffinity(0, sizeof *ret, ret) < 0)
		return fail(e, errno, "find the current CPU");
	if (among && (cpu > 63 || !(among >> cpu & 1)))
		cpu = __builtin_ctzll(among);
	for (size_t i = 0; among && i < CPU_SETSIZE; i++)
		if (i > 63 || !(among >> i & 1))
			CPU_CLR(i, ret);
	CPU_ZERO(&set);
	CPU_SET((size_t) cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		return among ? shim_pin_cpu(0, ret, e) : fail(e, errno, "bind to CPU %d", cpu);
	return 0;
}
