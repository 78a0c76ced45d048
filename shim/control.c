/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from outside while the container runs: processes that are added, signals. */
#include "shim/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/procview.h"

enum {
	LOOK_EVERY = 256, /* events: at the socket while tasks run */
	PATIENCE_S = 20,  /* with who has asked */
	DESCRIPTION_MAX = 8 << 20,
};

struct due { /* replay: what was asked for */
	uint64_t event, vtime;
	uint32_t which;
};

struct control {
	int fd; /* listens; or -1 */
	uint64_t looked; /* after so many stops */
	bool soon;
	uint32_t when; /* INPUT_RUNNING, or 0 */
	struct due *due;
	size_t n_due, next_due;
};

/* It ends a waitpid() or poll(): the look at the socket comes after. */
static void called(int sig)
{
	(void) sig;
}

static int listen_async(int fd, struct err *e)
{
	const struct sigaction sa = { .sa_handler = called };

	if (sigaction(SIGIO, &sa, NULL) < 0 || fcntl(fd, F_SETOWN, getpid()) < 0 ||
		fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) < 0)
		return fail(e, errno, "listen for commands");
	return 0;
}

/* Replay: the places of all that was asked for. */
static int find_due(struct world *w, struct control *c, struct err *e)
{
	struct event ev;
	int r = trace_seek(w->expect, 0, e);

	for (uint64_t i = 0; !r && (r = trace_next(w->expect, &ev, e)) > 0; i++) {
		struct due *p;

		r = 0;
		if (ev.kind != EV_INPUT || !(ev.nr & (INPUT_EXEC | INPUT_KILL)))
			continue;
		p = realloc(c->due, (c->n_due + 1) * sizeof *p);
		must_mem(p);
		c->due = p;
		p[c->n_due++] = (struct due) { i, ev.vtime, ev.nr };
	}
	return r < 0 ? r : trace_seek(w->expect, w->nevents, e);
}

int control_start(struct world *w, struct err *e)
{
	struct control *c;

	if (w->o->control < 0 && !w->expect)
		return 0;
	c = calloc(1, sizeof *c);
	must_mem(c);
	c->fd = w->expect ? -1 : w->o->control;
	w->control = c;
	return w->expect ? find_due(w, c, e) : listen_async(c->fd, e);
}

void control_end(struct world *w)
{
	struct control *c = w->control;

	if (!c)
		return;
	own_fd_drop(&c->fd);
	free(c->due);
	free(c);
	w->control = NULL;
}

int control_fd(struct world *w)
{
	return w->control ? w->control->fd : -1;
}

bool control_awaited(struct world *w)
{
	return control_fd(w) >= 0 && w->o->live && !w->o->strict;
}

static bool somebody(const struct control *c)
{
	struct pollfd p = { c->fd, POLLIN, 0 };

	return c->fd >= 0 && poll(&p, 1, 0) > 0;
}

bool control_soon(struct world *w)
{
	if (!w->control || !somebody(w->control))
		return false;
	w->control->soon = true;
	return true;
}

/* ---- answers ---- */

static int answer(int sock, int r, const struct err *e, const int *fds, size_t n)
{
	struct control_answer a = { .r = r };

	if (r < 0)
		snprintf(a.msg, sizeof a.msg, "%s", e->msg);
	return fds_send(sock, &a, sizeof a, fds, n);
}

static int next(int sock, struct control_ask *ret, int *fds, size_t n, struct err *e)
{
	ssize_t r = fds_recv(sock, ret, sizeof *ret, fds, n);

	if (r != sizeof *ret)
		return fail_msg(e, EIO, "the command is gone");
	if (ret->version != CONTROL_VERSION)
		return fail_msg(e, EPROTO, "the container was started by another version of "
			"detrun: start it anew");
	return 0;
}

/* ---- a process is added ---- */

struct addition {
	struct control_ask ask;
	int fds[4]; /* description, 0, 1, 2 */
	struct buf text;
	struct stdio *std;
	uint32_t nr; /* how many-th it is */
};

static void addition_drop(struct addition *a)
{
	for (size_t i = 0; i < ARRAY_LEN(a->fds); i++)
		own_fd_drop(&a->fds[i]);
	buf_free(&a->text);
}

static int read_description(struct addition *a, struct err *e)
{
	size_t n = (size_t) a->ask.n_json + a->ask.n_args + a->ask.n_env;
	int r = -EINVAL;

	if (n <= DESCRIPTION_MAX && a->fds[0] >= 0 && lseek(a->fds[0], 0, SEEK_SET) == 0)
		r = read_fd(a->fds[0], DESCRIPTION_MAX, &a->text);
	if (!r && a->text.n != n)
		r = -EINVAL;
	return r < 0 ? fail(e, r, "read what is to be executed") : 0;
}

static int seize(pid_t pid, struct err *e)
{
	cpu_set_t cpus;
	int r = tracee_seize(pid, e);

	if (!r && sched_getaffinity(0, sizeof cpus, &cpus) == 0)
		sched_setaffinity(pid, sizeof cpus, &cpus);
	return r;
}

/* Where, who and what: all that a replay needs. */
static int record(struct world *w, struct task *t, const struct addition *a)
{
	struct event ev = { .kind = EV_INPUT, .task = t->nr, .nval = 2,
		.nr = INPUT_EXEC | w->control->when };
	struct err e = ERR_INIT;
	uint8_t digest[32];

	if (w->tw && trace_blob(w->tw, a->text.p, a->ask.n_json, digest, &e) < 0) {
		world_fatal(w, 0, "%s", e.msg);
		return -EIO;
	}
	ev.val[0] = (struct ev_val){ .type = EV_DATA, .p = a->text.p, .n = a->ask.n_json };
	ev.val[1] = (struct ev_val){ .type = EV_INT, .arg = 1, .i = task_vtid(t) };
	engine_record(w, &ev);
	return 0;
}

/* The arguments of its execve, which is not supervised; another one's may be under way. */
static void run_to_exec(struct world *w, struct task *t, const struct addition *a)
{
	const uint8_t *args = a->text.p + a->ask.n_json;
	struct buf argv = w->exec_argv, env = w->exec_env;
	char path[sizeof w->exec_path];
	pid_t pid = t->pid;

	memcpy(path, w->exec_path, sizeof path);
	w->exec_argv = w->exec_env = (struct buf) { 0 };
	buf_put(&w->exec_argv, args, a->ask.n_args);
	buf_put(&w->exec_env, args + a->ask.n_args, a->ask.n_env);
	snprintf(w->exec_path, sizeof w->exec_path, "%.*s", (int) a->ask.n_args,
		(const char *) args);
	w->cur = t;
	engine_mark(w, t, EV_SCHED, 0, 0);
	while (!w->fatal && task_find(w, pid) == t && t->setup)
		task_turn(w, t);
	buf_free(&w->exec_argv);
	buf_free(&w->exec_env);
	w->exec_argv = argv;
	w->exec_env = env;
	memcpy(w->exec_path, path, sizeof path);
}

static int add_terminal(struct world *w, struct addition *a, pid_t pid, int *master, struct err *e)
{
	struct tty_new n = {
		.master = take_fd(master), .from = take_fd(&a->fds[1]), .to = take_fd(&a->fds[2]),
		.nr = a->nr, .owner = pid, .rows = a->ask.rows, .cols = a->ask.cols,
	};

	return tty_add(w, &n, e);
}

/* Limits and capabilities are its own, not the first program's. */
static void give_attrs(struct world *w, struct proc *p, const struct control_ask *ask)
{
	p->attr.no_new_privs = ask->no_new_privs;
	p->attr.bounding = ask->bounding;
	p->attr.inheritable = ask->inheritable;
	p->attr.rlim_set = 0;
	for (unsigned i = 0; i < ARRAY_LEN(ask->rlim); i++)
		if (ask->rlim_set >> i & 1)
			rlimit_give(w, p, i, ask->rlim[i].soft, ask->rlim[i].hard);
}

static void adopt(struct world *w, struct addition *a, pid_t pid, int sync, int *master)
{
	struct task *t = task_new(w, pid, NULL, 0);
	struct ids *ids = &t->proc->ids;
	struct err e = ERR_INIT;
	int r;

	t->c.w = w;
	t->setup = true;
	t->how = PTRACE_CONT;
	ids->ruid = ids->euid = ids->suid = ids->fsuid = a->ask.uid;
	t->sched = (struct sched_state){ .cpus = a->ask.affinity, .nice = a->ask.nice,
		.policy = a->ask.policy, .prio = a->ask.priority, .ioprio = a->ask.ioprio };
	ids->rgid = ids->egid = ids->sgid = ids->fsgid = a->ask.gid;
	give_attrs(w, t->proc, &a->ask);
	vcgroup_added(w, t->proc);
	a->nr = ++w->next_stdio;
	if (a->std)
		a->std->nr = a->nr;
	r = record(w, t, a);
	if (!r && *master >= 0)
		r = add_terminal(w, a, pid, master, &e);
	if (!r && write_full(sync, "G", 1) == 0)
		run_to_exec(w, t, a);
	else
		kill(pid, SIGKILL);
}

static int await_process(struct world *w, int sock, struct addition *a, struct err *e)
{
	struct control_ask ask;
	int fds[2], r = next(sock, &ask, fds, 2, e);
	own_fd sync = fds[0], master = fds[1];

	if (!r && (ask.op != CONTROL_ADOPT || sync < 0 ||
		(master >= 0) != !!(a->ask.flags & CONTROL_TERMINAL)))
		r = fail_msg(e, EPROTO, "no process has come");
	if (!r)
		r = seize(ask.pid, e);
	answer(sock, r, e, NULL, 0);
	if (!r)
		adopt(w, a, ask.pid, sync, &master);
	return r;
}

static int add_process(struct world *w, int sock, struct addition *a, struct err *e)
{
	int guest[3] = { -1, -1, -1 }, r = read_description(a, e);
	bool pipes = !(a->ask.flags & CONTROL_TERMINAL);

	if (!r && w->o->strict)
		r = fail_msg(e, EPERM, "a process from outside is an external input, which "
			"--determinism=strict refuses");
	if (!r && pipes && !(a->std = stdio_add(w, a->fds + 1, guest, e)))
		r = -EMFILE;
	answer(sock, r, e, guest, r < 0 || !pipes ? 0 : 3);
	for (int i = 0; i < 3; i++)
		own_fd_drop(&guest[i]);
	return r < 0 ? r : await_process(w, sock, a, e);
}

/* ---- a signal ---- */

/* Who has the token may go on for long. */
static void give_way(struct world *w)
{
	signals_sent(w, NULL);
	if (w->cur)
		w->cur->slice = UINT32_MAX;
}

static int send_signal(struct world *w, int sock, const struct control_ask *ask, struct err *e)
{
	struct task *init = w->init;
	char text[16];
	int n = snprintf(text, sizeof text, "%d", ask->sig), r = 0;

	if (!init)
		r = fail_msg(e, ESRCH, "container not running");
	if (!r)
		r = world_input(w, init, (int) (INPUT_KILL | w->control->when), text, (size_t) n);
	if (!r && kill(init->pid, ask->sig) < 0)
		r = fail(e, errno, "signal the container");
	give_way(w);
	return answer(sock, r, e, NULL, 0);
}

/* ---- */

/* Whoever it is in our eyes: the same as ourselves. */
static bool is_ours(int sock)
{
	struct ucred u;
	socklen_t n = sizeof u;

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 && u.uid == geteuid();
}

static void serve(struct world *w, int sock)
{
	own_cleanup(addition_drop) struct addition a = { .fds = { -1, -1, -1, -1 } };
	const struct timeval patience = { PATIENCE_S, 0 };
	struct err e = ERR_INIT;

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (!is_ours(sock))
		return;
	if (next(sock, &a.ask, a.fds, ARRAY_LEN(a.fds), &e) < 0) {
		answer(sock, -EPROTO, &e, NULL, 0);
		return;
	}
	spin_end(w);
	if (a.ask.op == CONTROL_EXEC)
		add_process(w, sock, &a, &e);
	else if (a.ask.op == CONTROL_KILL)
		send_signal(w, sock, &a.ask, &e);
	spin_begin(w);
}

/* ---- again ---- */

/* Who made the container makes the process, and comes with it as a command would. */
static int ask_maker(struct world *w, const struct buf *json, int sock, struct err *e)
{
	own_fd what = memfd_create("process", MFD_CLOEXEC);
	int r = what < 0 ? -errno : write_full(what, json->p, json->n);

	if (w->o->maker < 0)
		return fail_msg(e, EOPNOTSUPP, "a process was added from outside, which can be "
			"done again only in a bundle");
	if (!r)
		r = fds_send(w->o->maker, "p", 1, (int[]) { what, sock }, 2);
	return r < 0 ? fail(e, r, "ask for the process that was added") : 0;
}

static int add_again(struct world *w, const struct buf *json, struct err *e)
{
	own_fd ours = -1, theirs = -1;
	uint64_t before = w->nevents;
	int s[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
		return fail(e, errno, "make a socket pair");
	ours = s[0];
	theirs = s[1];
	r = ask_maker(w, json, theirs, e);
	close(take_fd(&theirs));
	if (r < 0)
		return r;
	serve(w, ours);
	return w->nevents > before ? 0 : fail_msg(e, EIO, "the process that was added can't be "
		"made again");
}

static int kill_again(struct world *w, const struct buf *text, struct err *e)
{
	int sig = 0, pid = 1, r;
	struct task *t;

	sscanf((const char *) text->p, "%d %d", &sig, &pid);
	t = pid == 1 ? w->init : task_by_vpid(w, pid);
	if (!t)
		return fail_msg(e, ESRCH, "no process %d to send a signal to", pid);
	r = world_input(w, t, (int) (INPUT_KILL | w->control->when), text->p, text->n);
	if (!r && kill(t->proc->pid, sig) < 0)
		r = fail(e, errno, "signal the container");
	give_way(w);
	if (sig == SIGKILL && t == w->init)
		collect_init(w);
	else if (sig == SIGKILL)
		collect_killed(w, NULL, NULL);
	return r;
}

static bool again(struct world *w, uint32_t when)
{
	struct control *c = w->control;
	const struct due *d;
	own_buf b = { 0 };
	struct err e = ERR_INIT;
	int r;

	if (c->next_due == c->n_due)
		return false;
	d = &c->due[c->next_due];
	if (d->event != w->nevents || (d->which & INPUT_RUNNING) != when)
		return false;
	if (when && w->now - w->start < d->vtime)
		return false;
	sched_pass(w, w->start + d->vtime);
	c->next_due++;
	r = world_input_bytes(w, NULL, &b);
	if (!r && !buf_cstr(&b))
		r = fail(&e, ENOMEM, "read the trace");
	if (!r)
		r = d->which & INPUT_EXEC ? add_again(w, &b, &e) : kill_again(w, &b, &e);
	if (r < 0)
		world_fatal(w, 0, "%s", e.msg);
	return true;
}

static bool again_running(struct world *w)
{
	bool any = false;

	w->control->when = INPUT_RUNNING;
	while (!w->done && !w->fatal && again(w, INPUT_RUNNING))
		any = true;
	return any;
}

/* ---- */

static void look(struct world *w)
{
	struct control *c = w->control;

	while (!w->fatal && !w->done && somebody(c)) {
		own_fd sock = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);

		if (sock >= 0)
			serve(w, sock);
		c->when = INPUT_RUNNING; /* the first one may run, for those that come after it */
	}
}

/*
 * The replay finds the place by the number of events: what makes none, a call's way from its entry
 * to its exit or to where it is parked, may not lie on both sides of it.
 */
bool control_look(struct world *w, const struct task *t)
{
	struct control *c = w->control;
	uint64_t before = w->nevents;

	if (t->how == PTRACE_SYSCALL || t->rerun)
		return false;
	c->when = INPUT_RUNNING;
	if (w->expect)
		return again_running(w);
	if (!c->soon && w->nstops - c->looked < LOOK_EVERY)
		return false;
	c->looked = w->nstops;
	c->soon = false;
	look(w);
	return w->nevents > before;
}

bool control_idle(struct world *w)
{
	uint64_t before = w->nevents;

	if (!w->control)
		return false;
	w->control->when = 0;
	if (w->expect && !again(w, 0))
		return false;
	if (w->expect) {
		again_running(w);
		return true;
	}
	w->control->soon = false;
	look(w);
	return w->nevents > before;
}
