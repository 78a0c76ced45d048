/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks, processes and what they share; what can be learnt of them only from procfs. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/procview.h"


static void *xcalloc(size_t n)
{
	void *p = calloc(1, n);

	must_mem(p);
	return p;
}

static struct mm *mm_new(struct world *w)
{
	struct mm *mm = xcalloc(sizeof *mm);

	mm->refs = 1;
	mm->id = ++w->next_mm;
	return mm;
}

static void mm_put(struct mm *mm)
{
	if (!mm || --mm->refs)
		return;
	free(mm->dormant);
	free(mm);
}

static void fs_put(struct fsctx *fs)
{
	if (!fs || --fs->refs)
		return;
	if (fs->cwd >= 0)
		close(fs->cwd);
	free(fs);
}

static struct fsctx *fs_new(void)
{
	struct fsctx *fs = xcalloc(sizeof *fs);

	fs->refs = 1;
	fs->cwd = -1;
	return fs;
}

void proc_adopt(struct proc *parent, struct proc *p)
{
	if (p->parent) {
		*p->sibling_link = p->sibling;
		if (p->sibling)
			p->sibling->sibling_link = p->sibling_link;
	}
	p->parent = parent;
	if (!parent)
		return;
	p->sibling = parent->children;
	p->sibling_link = &parent->children;
	if (p->sibling)
		p->sibling->sibling_link = &p->sibling;
	parent->children = p;
	parent->had_children = true;
}

static struct proc *proc_new(struct world *w, pid_t pid, struct proc *parent)
{
	struct proc *p = xcalloc(sizeof *p);

	p->pid = pid;
	for (int i = 0; i < 3; i++)
		p->itimer[i].deadline = NO_DEADLINE;
	if (parent) {
		p->ids = parent->ids;
		p->attr = parent->attr;
	} else if (w->o) {
		p->ids = (struct ids){ .ruid = w->o->uid, .euid = w->o->uid, .suid = w->o->uid,
			.fsuid = w->o->uid, .rgid = w->o->gid, .egid = w->o->gid,
			.sgid = w->o->gid, .fsgid = w->o->gid };
		p->attr.personality = w->o->attrs.persona;
		p->attr.no_new_privs = w->o->attrs.no_new_privs;
		p->attr.bounding = w->o->attrs.bounding;
		p->attr.inheritable = w->o->attrs.inheritable;
		for (size_t i = 0; i < w->o->n_rlimits; i++)
			rlimit_give(w, p, (unsigned) w->o->rlimits[i].resource,
				w->o->rlimits[i].soft, w->o->rlimits[i].hard);
	}
	p->threads_tail = &p->threads;
	proc_adopt(parent, p);
	p->next = w->procs;
	p->link = &w->procs;
	if (p->next)
		p->next->link = &p->next;
	w->procs = p;
	return p;
}

static void proc_free(struct proc *p)
{
	proc_adopt(NULL, p);
	while (p->children)
		proc_adopt(NULL, p->children);
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	timers_exit(p);
	free(p);
}

static void inherit(struct world *w, struct task *t, struct task *parent, uint64_t flags)
{
	if (flags & CLONE_THREAD) {
		t->proc = parent->proc;
	} else {
		t->proc = proc_new(w, t->pid,
			flags & CLONE_PARENT ? parent->proc->parent : parent->proc);
		timers_fork(parent->proc, t->proc);
		vcgroup_move(w, t->proc, parent->proc->cgroup);
	}
	if (flags & CLONE_VM) {
		t->mm = parent->mm;
		t->mm->refs++;
	} else {
		t->mm = mm_new(w);
		t->mm->room = parent->mm->room;
		t->mm->room_32 = parent->mm->room_32;
		t->mm->shares = parent->mm->shares;
		memcpy(t->mm->auxv, parent->mm->auxv, sizeof t->mm->auxv);
		dormant_copy(t->mm, parent->mm);
	}
	if (flags & CLONE_FS) {
		t->fs = parent->fs;
		t->fs->refs++;
	} else {
		t->fs = fs_new();
		t->fs->chrooted = parent->fs && parent->fs->chrooted;
	}
	t->setup = parent->setup;
	t->notifies = parent->notifies;
	t->sched = parent->sched;
	if (flags & CLONE_CHILD_CLEARTID)
		t->clear_tid = parent->c.a[3];
}

static void task_link(struct world *w, struct task *t)
{
	struct proc *p = t->proc;

	p->nthreads++;
	t->thread_link = p->threads_tail;
	*p->threads_tail = t;
	p->threads_tail = &t->next_thread;
	t->link = w->tasks_tail;
	*w->tasks_tail = t;
	w->tasks_tail = &t->next;
}

static void task_unlink(struct world *w, struct task *t)
{
	struct proc *p = t->proc;

	*(t->next ? &t->next->link : &w->tasks_tail) = t->link;
	*t->link = t->next;
	*(t->next_thread ? &t->next_thread->thread_link : &p->threads_tail) = t->thread_link;
	*t->thread_link = t->next_thread;
	p->nthreads--;
}

struct task *task_new(struct world *w, pid_t pid, struct task *parent, uint64_t flags)
{
	struct task *t = xcalloc(sizeof *t);

	t->pid = pid;
	t->pidfd = -1;
	t->nr = ++w->next_task;
	t->stops = 1;
	w->unnumbered++;
	if (parent) {
		inherit(w, t, parent, flags);
	} else {
		t->proc = proc_new(w, pid, NULL);
		if (w->o)
			t->sched = (struct sched_state){ .nice = w->o->attrs.nice,
				.policy = w->o->attrs.policy, .prio = w->o->attrs.priority,
				.ioprio = w->o->attrs.ioprio,
				.cpus = w->o->attrs.affinity };
		t->mm = mm_new(w);
		t->fs = fs_new();
	}
	task_link(w, t);
	must_mem(map_put(&w->by_pid, (uint64_t) pid, 0, (uint64_t) t) == 0);
	return t;
}

void vfork_done(struct task *child)
{
	struct task *t = child->vfork_parent;

	if (!t)
		return;
	child->vfork_parent = t->vfork_child = NULL;
	t->c.wait.kind = W_NONE;
	t->state = T_READY;
}

void task_free(struct world *w, struct task *t)
{
	task_unlink(w, t);
	task_number(w, t, 0);
	w->unnumbered--;
	futex_leave(w, t);
	ptrace_ended(w, t);
	w->nstopped -= t->state == T_STOPPED;
	if (task_find(w, t->pid) == t)
		map_del(&w->by_pid, (uint64_t) t->pid, 0);
	if (t->vfork_parent)
		t->vfork_parent->vfork_child = NULL;
	if (t->vfork_child)
		t->vfork_child->vfork_parent = NULL;
	if (w->after == t || w->cur == t)
		w->after = t->next;
	if (w->cur == t)
		w->cur = NULL;
	if (w->noticed == t)
		w->noticed = NULL;
	if (w->init == t)
		w->init = NULL;
	if (t->pidfd >= 0)
		close(t->pidfd);
	mm_put(t->mm);
	fs_put(t->fs);
	if (!t->proc->nthreads) {
		vcgroup_move(w, t->proc, NULL);
		proc_free(t->proc);
	}
	task_random_free(t);
	free(t);
}

struct task *task_find(struct world *w, pid_t pid)
{
	uint64_t *v = map_get(&w->by_pid, (uint64_t) pid, 0);

	return v ? (struct task *) *v : NULL;
}

void task_mm_new(struct world *w, struct task *t)
{
	mm_put(t->mm);
	t->mm = mm_new(w);
}

/* ---- procfs ---- */

static int read_proc(struct world *w, pid_t pid, const char *file, size_t max, struct buf *b)
{
	char path[64];
	own_fd fd = -1;

	snprintf(path, sizeof path, "%d/%s", (int) pid, file);
	fd = openat(w->host_proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return read_fd(fd, max, b);
}

static uint64_t status_hex(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? strtoull(p + strlen(key), NULL, 16) : 0;
}

int task_signals(struct world *w, struct task *t, struct sigstate *ret)
{
	own_buf b = { 0 };
	int r = read_proc(w, t->pid, "status", 1 << 16, &b);
	const char *s;

	if (r < 0)
		return r;
	s = buf_cstr(&b);
	must_mem(s);
	ret->pending = status_hex(s, "\nSigPnd:\t") | status_hex(s, "\nShdPnd:\t");
	ret->blocked = status_hex(s, "\nSigBlk:\t");
	ret->ignored = status_hex(s, "\nSigIgn:\t");
	ret->caught = status_hex(s, "\nSigCgt:\t");
	return 0;
}

/* The last number of a line: in the task's own PID namespace. */
static pid_t ns_number(struct world *w, pid_t pid, const char *key)
{
	own_buf b = { 0 };
	const char *p, *last = NULL;

	if (read_proc(w, pid, "status", 1 << 16, &b) < 0 || !buf_cstr(&b))
		return 0;
	p = strstr((char *) b.p, key);
	if (!p)
		return 0;
	for (p += strlen(key); *p && *p != '\n'; p++)
		if (*p == '\t')
			last = p + 1;
	return last ? (pid_t) strtol(last, NULL, 10) : 0;
}

static pid_t nspid(struct world *w, pid_t pid)
{
	return ns_number(w, pid, "\nNSpid:");
}

pid_t session_seen(const struct world *w, pid_t sid)
{
	return sid || !w->o->virtual_ids ? sid : 2; /* the program's: PID 1 is ours */
}

pid_t task_vpgid(struct task *t)
{
	return ns_number(t->c.w, t->pid, "\nNSpgid:");
}

void task_number(struct world *w, struct task *t, pid_t vtid)
{
	uint64_t *v = map_get(&w->by_vtid, (uint64_t) t->vtid, 0);

	if (v && (struct task *) *v == t)
		map_del(&w->by_vtid, (uint64_t) t->vtid, 0);
	w->unnumbered += !vtid - !t->vtid;
	t->vtid = vtid;
	if (vtid)
		must_mem(map_put(&w->by_vtid, (uint64_t) vtid, 0, (uint64_t) t) == 0);
}

pid_t task_vtid(struct task *t)
{
	if (!t->vtid)
		task_number(t->c.w, t, nspid(t->c.w, t->pid));
	return t->vtid;
}

struct task *task_by_vpid(struct world *w, pid_t vpid)
{
	uint64_t *v = map_get(&w->by_vtid, (uint64_t) vpid, 0);

	for (struct task *t = w->tasks; !v && w->unnumbered && t; t = t->next)
		if (!t->vtid) {
			task_number(w, t, nspid(w, t->pid));
			v = map_get(&w->by_vtid, (uint64_t) vpid, 0);
		}
	return v ? (struct task *) *v : NULL;
}

struct proc *proc_by_vpid(struct world *w, pid_t vpid)
{
	struct task *t = task_by_vpid(w, vpid);

	return t && t->pid == t->proc->pid ? t->proc : NULL;
}

/* "start-end perms offset maj:min inode": 1 when @addr is in it and it is shared. */
static int map_line(const char *line, uint64_t addr, uint64_t *k1, uint64_t *k2)
{
	unsigned long long lo, hi, off, ino;
	unsigned maj, min;
	char perms[8];

	if (sscanf(line, "%llx-%llx %7s %llx %x:%x %llu", &lo, &hi, perms, &off, &maj, &min, &ino) != 7)
		return -1;
	if (addr < lo || addr >= hi)
		return -1;
	if (perms[3] != 's')
		return 0;
	*k1 = (uint64_t) makedev(maj, min) << 32 ^ ino ^ 1ull << 63;
	*k2 = addr - lo + off;
	return 1;
}

int task_map_at(struct task *t, uint64_t addr, uint64_t *ret_key1, uint64_t *ret_key2)
{
	own_buf b = { 0 };
	char *save = NULL;

	if (!t->mm->shares || read_proc(t->c.w, t->pid, "maps", 64 << 20, &b) < 0 || !buf_cstr(&b))
		return 0;
	for (char *l = strtok_r((char *) b.p, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		int r = map_line(l, addr, ret_key1, ret_key2);

		if (r >= 0)
			return r;
	}
	return 0;
}
