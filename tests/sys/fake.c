/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sys/fake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#define FAKE_PID 0x20000000 /* no such process: above the kernel's largest pid */
#define FAKE_SP 0x3f00

static struct fake *of(struct task *t)
{
	return (struct fake *) ((char *) t->c.w - offsetof(struct fake, w));
}

static bool mapped(struct fake *f, uint64_t addr, size_t n)
{
	return addr >= 0x10 && addr <= sizeof f->m && n <= sizeof f->m - addr;
}

static ssize_t fake_read(struct task *t, uint64_t addr, void *p, size_t n)
{
	struct fake *f = of(t);

	if (f->killed)
		return -ESRCH;
	if (!mapped(f, addr, 1))
		return -EFAULT;
	if (n > sizeof f->m - addr)
		n = sizeof f->m - addr;
	memcpy(p, &f->m[addr], n);
	return (ssize_t) n;
}

static ssize_t fake_write(struct task *t, uint64_t addr, const void *p, size_t n)
{
	struct fake *f = of(t);

	if (f->killed)
		return -ESRCH;
	if (!mapped(f, addr, n))
		return -EFAULT;
	memcpy(&f->m[addr], p, n);
	return (ssize_t) n;
}

/* The guest's descriptors are the test's own. */
static int fake_getfd(struct task *t, int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	(void) t;
	return r < 0 ? -EBADF : r;
}

static const struct tracee_ops fake_ops = { fake_read, fake_write, fake_getfd };

static struct task *new_task(struct fake *f, struct task *parent, uint64_t flags)
{
	struct task *t = task_new(&f->w, FAKE_PID + (pid_t) f->npids++, parent, flags);

	t->c.w = &f->w;
	task_number(&f->w, t, (pid_t) f->npids);
	t->regs.rsp = FAKE_SP;
	t->state = T_READY;
	return t;
}

struct task *fake_up(struct fake *f)
{
	struct world *w = &f->w;

	if (w->init)
		return w->init;
	f->opts.notify = -1;
	w->o = &f->opts;
	w->ops = &fake_ops;
	w->result = &f->result;
	w->tasks_tail = &w->tasks;
	w->turn = 1;
	w->dirfd_tmp = w->host_proc = w->self_root = -1;
	w->start = w->now = f->opts.epoch * NSEC;
	w->timer_due = NO_DEADLINE;
	w->init = w->cur = new_task(f, NULL, 0);
	return w->init;
}

struct task *fake_task(struct fake *f, struct task *parent, uint64_t flags)
{
	struct task *cur = f->w.cur, *t = new_task(f, parent ? parent : fake_up(f), flags);

	f->w.cur = cur ? cur : f->w.init;
	return t;
}

void fake_free(struct fake *f)
{
	while (f->w.tasks)
		task_free(&f->w, f->w.tasks);
	map_free(&f->w.by_pid);
	map_free(&f->w.by_vtid);
	map_free(&f->w.futexes);
	map_free(&f->w.ino.map);
	while (f->w.arena) { /* a chain of chunks */
		char *before = *(char **) (void *) f->w.arena;

		free(f->w.arena);
		f->w.arena = before;
	}
}

static uint32_t number_of(const char *name)
{
	const struct row *const *all;
	size_t n = sys_rows(&all);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i]->name, name))
			return (uint32_t) all[i]->nr;
	printf("no row is named %s\n", name);
	abort();
}

static void kernel(struct fake *f, struct task *t)
{
	const uint64_t k[6] = { t->regs.rdi, t->regs.rsi, t->regs.rdx, t->regs.r10, t->regs.r8,
		t->regs.r9 };

	memcpy(f->k, k, sizeof f->k);
	f->nkernel++;
	t->regs.rax = (unsigned long long) f->kernel;
	if (t->how == PTRACE_SYSCALL)
		engine_exit(&f->w, t);
}

/* After a turn of the engine: parked, answered, or to be run by the kernel. */
static long outcome(struct fake *f, struct task *t)
{
	if (t->state == T_READY && t->at == STOP_ENTRY && (long) t->regs.orig_rax != -1)
		kernel(f, t);
	return t->state == T_BLOCKED ? FAKE_BLOCKED : fake_result(t);
}

long fake_call(struct fake *f, struct task *t, const char *name, const uint64_t a[6])
{
	uint32_t nr = number_of(name);

	fake_up(f);
	if (!t)
		t = f->w.cur;
	f->w.cur = t;
	t->regs.orig_rax = nr;
	t->regs.rdi = a[0];
	t->regs.rsi = a[1];
	t->regs.rdx = a[2];
	t->regs.r10 = a[3];
	t->regs.r8 = a[4];
	t->regs.r9 = a[5];
	t->state = T_RUNNING;
	engine_entry(&f->w, t);
	return outcome(f, t);
}

struct task *fake_run(struct fake *f)
{
	struct task *t = sched_next(&f->w);

	if (t)
		outcome(f, t);
	return t;
}

long fake_result(const struct task *t)
{
	return (long) t->regs.rax;
}
