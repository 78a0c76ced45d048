/* SPDX-License-Identifier: Apache-2.0 */
/* A new program, before its first instruction: canonical stack and CPU, no vDSO. */
#include <asm/prctl.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/exec_layout.h"
#include "shim/sys/caps.h"

#ifndef ARCH_SET_CPUID
#define ARCH_SET_CPUID 0x1012
#endif

enum { STACK_MAX = 8 << 20, USER_CS_64 = 0x33 };

static int read_maps(struct world *w, struct task *t, struct buf *b)
{
	own_fd fd = -1;
	char path[64];
	int r;

	snprintf(path, sizeof path, "%d/maps", (int) t->pid);
	fd = openat(w->host_proc, path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : read_fd(fd, 1 << 20, b);
	return r < 0 ? r : buf_cstr(b) ? 0 : -ENOMEM;
}

/*
 * The stack ends where the address space does, without randomisation; ask the map to be sure. By its
 * place: a file may be called [stack].
 */
static uint64_t stack_end(struct world *w, struct task *t)
{
	unsigned long long lo, hi, sp = t->regs.rsp;
	own_buf b = { 0 };
	char *save = NULL;

	if (read_maps(w, t, &b) < 0)
		return 0;
	for (char *l = strtok_r((char *) b.p, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (sscanf(l, "%llx-%llx", &lo, &hi) == 2 && sp >= lo && sp < hi)
			return hi;
	return 0;
}

static int rebuild_stack(struct world *w, struct task *t, struct exec_layout_out *ret)
{
	struct exec_layout_in in = { .sp = t->regs.rsp };
	own_buf copy = { 0 };
	struct err e = ERR_INIT;
	int r;

	if (!w->stack_end)
		w->stack_end = stack_end(w, t);
	if (w->stack_end <= in.sp || w->stack_end - in.sp > STACK_MAX)
		return -EBADMSG;
	in.n = w->stack_end - in.sp;
	if (!buf_room(&copy, in.n) ||
		w->ops->read(t, in.sp, copy.p, in.n) != (ssize_t) in.n)
		return -EFAULT;
	in.stack = copy.p;
	in.uid = t->proc->ids.ruid;
	in.euid = t->proc->ids.euid;
	in.gid = t->proc->ids.rgid;
	in.egid = t->proc->ids.egid;
	in.hwcap = cpu_hwcap(w->cpu, w->o->cpus);
	task_random(t, w, in.random, sizeof in.random);
	r = exec_layout(&in, ret, &e);
	if (r < 0) {
		world_fatal(w, 0, "%s", e.msg);
		return r;
	}
	if (w->ops->write(t, ret->lo, ret->bytes.p, ret->bytes.n) != (ssize_t) ret->bytes.n)
		return -EFAULT;
	memcpy(t->mm->auxv, ret->bytes.p + (ret->auxv - ret->lo), sizeof t->mm->auxv);
	t->regs.rsp = ret->sp;
	t->regs_dirty = REGS_ALL;
	return 0;
}

static int find_syscall(const uint8_t *p, size_t n, uint64_t *ret)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (p[i] == 0x0f && p[i + 1] == 0x05) {
			*ret = i;
			return 0;
		}
	return -ENOENT;
}

/* One of the vDSO's, or of the kernel's clock: files have names that begin with a slash. */
static bool is_vdso(const char *line)
{
	int name = 0;

	sscanf(line, "%*s %*s %*s %*s %*u %n", &name);
	return !strncmp(line + name, "[vvar", 5) || !strcmp(line + name, "[vdso]");
}

/* The vDSO and the pages of the kernel's clock before it: one run of mappings in every kernel. */
static void vdso_extent(struct world *w, struct task *t, uint64_t vdso)
{
	uint64_t lo = vdso, hi = vdso;
	own_buf b = { 0 };
	char *save = NULL;

	if (read_maps(w, t, &b) < 0)
		return;
	for (char *l = strtok_r((char *) b.p, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		unsigned long long from, to;

		if (sscanf(l, "%llx-%llx", &from, &to) != 2 || !is_vdso(l))
			continue;
		if (from < lo)
			lo = from;
		if (to > hi)
			hi = to;
	}
	w->vdso_lo = vdso - lo;
	w->vdso_len = hi - lo;
}

static int learn_vdso(struct world *w, struct task *t, uint64_t vdso)
{
	uint8_t page[8192];
	ssize_t n = w->ops->read(t, vdso, page, sizeof page);

	if (n < 0)
		n = w->ops->read(t, vdso, page, 4096);
	if (n < 0 || find_syscall(page, (size_t) n, &w->vdso_syscall) < 0)
		return -ENOENT;
	vdso_extent(w, t, vdso);
	return 0;
}

static int arm(struct world *w, struct task *t, uint64_t vdso)
{
	const uint64_t cpuid[6] = { ARCH_SET_CPUID, 0 };
	uint64_t unmap[6] = { 0 };
	long r;

	if (!vdso)
		return -ENOENT;
	if (!w->vdso_len && learn_vdso(w, t, vdso) < 0)
		return -ENOENT;
	if (w->cpu_faults) {
		if (tracee_inject(t, vdso + w->vdso_syscall, SYS_arch_prctl, cpuid, &r) < 0)
			return -ESRCH;
		if (r < 0)
			return (int) r;
	}
	unmap[0] = vdso - w->vdso_lo;
	unmap[1] = w->vdso_len;
	if (tracee_inject(t, vdso + w->vdso_syscall, SYS_munmap, unmap, &r) < 0)
		return -ESRCH;
	return (int) r;
}

/*
 * Our own file, by the mount that we were executed from: the container's mounts are others, so only
 * /proc/PID/exe of ours before its exec led there. Who runs as it could keep it, to write to it when
 * nobody executes it any more.
 */
static bool is_ours(struct world *w, struct task *t)
{
	const unsigned want = STATX_INO | STATX_MNT_ID;
	struct statx x;
	char path[32];

	snprintf(path, sizeof path, "%d/exe", (int) t->pid);
	if (statx(w->host_proc, path, 0, want, &x) < 0 || (x.stx_mask & want) != want)
		return true;
	return x.stx_mnt_id == w->self_exe.stx_mnt_id && x.stx_ino == w->self_exe.stx_ino;
}

int exec_setup(struct world *w, struct task *t)
{
	struct exec_layout_out l = { 0 };
	int st, r = tracee_resume(t, PTRACE_SYSCALL, 0); /* on to execve's exit stop */

	if (!r)
		r = tracee_wait(t->pid, &st);
	if (!r)
		r = WIFSTOPPED(st) ? tracee_getregs(t) : -ESRCH;
	if (r < 0)
		return r;
	if (is_ours(w, t)) {
		world_fatal(w, 0, "the program to execute is detrun's own file, by a link in /proc");
		return -ELOOP;
	}
	if (t->regs.cs != USER_CS_64) {
		engine_note(w, t, "a 32-bit program was refused: its calls can't be supervised");
		return -ENOEXEC;
	}
	task_mm_new(w, t);
	timers_exec(t->proc);
	caps_exec(&t->proc->ids);
	t->clear_tid = 0;
	r = rebuild_stack(w, t, &l);
	if (!r)
		r = arm(w, t, l.vdso);
	t->mm->linker = l.base;
	if (!r)
		patch_apply(w, t);
	if (!r && !w->cpu_faults)
		traps_exec(w, t, &l);
	buf_free(&l.bytes);
	if (r == -ENOENT) {
		world_fatal(w, 0, "this kernel gives programs no vDSO: cannot arm the CPU at exec");
		return r;
	}
	if (t->regs_dirty)
		tracee_setregs(t);
	return r;
}
