/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs that cannot fault on CPUID. Where a file's code has that instruction, the first of its bytes
 * is made one that no instruction in 64-bit mode begins with, in the task's own copy of the page and
 * before it can execute it: it gets a SIGILL there, which is answered as the fault is elsewhere.
 * Two calls stop for this alone, are no events and take no time: fixed mappings of code, which are
 * how libraries are loaded, and mprotect.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "shim/codefile.h"
#include "shim/engine.h"

struct known_code {
	off_t size;
	struct timespec ctime;
	struct code_file f;
};

/* What is known of the open file @at; NULL: it can't be read. */
static const struct code_file *known(struct world *w, int at)
{
	own_fd fd = -1;
	struct known_code *k;
	char path[32];
	uint64_t *v;
	struct stat st;

	if (at < 0 || fstat(at, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	v = map_get(&w->code, st.st_dev, st.st_ino);
	k = v ? (struct known_code *) (uintptr_t) *v : NULL;
	if (k && k->size == st.st_size && !memcmp(&k->ctime, &st.st_ctim, sizeof k->ctime))
		return &k->f;
	snprintf(path, sizeof path, "self/fd/%d", at);
	fd = openat(w->host_proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (k) {
		code_file_free(&k->f);
	} else {
		k = malloc(sizeof *k);
		must_mem(k && map_put(&w->code, st.st_dev, st.st_ino, (uintptr_t) k) == 0);
	}
	k->size = st.st_size;
	k->ctime = st.st_ctim;
	code_file_read(fd, &k->f);
	return &k->f;
}

/* One CPUID. False: it isn't there, for this is another file. */
static bool put(struct text *x, uint64_t at)
{
	static const uint8_t cpuid[2] = { 0x0f, 0xa2 }, trap = CPU_TRAP;

	if (!text_is(x, at, cpuid, sizeof cpuid))
		return false;
	text_put(x, at, &trap, 1);
	return true;
}

bool traps_put(struct world *w, struct task *t, uint64_t at)
{
	struct text x;
	bool done = text_open(w, t, &x) == 0;

	if (done) {
		done = put(&x, at);
		done = text_close(&x) && done;
	}
	w->unseen.files += !done;
	return done;
}

/* One that a mapping with @a at @at has, or has not. */
static bool put_mapped(struct text *x, struct task *t, const struct code_site *s, uint64_t at,
	const uint64_t a[6])
{
	uint64_t off = s->off - a[5];

	return s->off < a[5] || off >= a[1] || dormant_lay(t, at + off, a[2]) || put(x, at + off);
}

/* All of @f, if it can be told: as loaded from @base on, or as a mapping with @a has it at @base. */
static void put_all(struct world *w, struct task *t, const struct code_file *f, uint64_t base,
	const uint64_t *a)
{
	struct text x;
	bool all;

	if (f && !f->strange && !f->n)
		return;
	all = f && !f->strange && text_open(w, t, &x) == 0;
	if (all) {
		for (size_t i = 0; i < f->n && all; i++)
			all = a ? put_mapped(&x, t, &f->site[i], base, a) : put(&x, base + f->site[i].vaddr);
		all = text_close(&x) && all;
	}
	w->unseen.files += !all;
}

/* ---- exec ---- */

static int open_linker(struct world *w, struct task *t, const char *path)
{
	own_fd root = -1;
	char link[32];

	snprintf(link, sizeof link, "%d/root", (int) t->pid);
	root = openat(w->host_proc, link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : openat_beneath(root, path, O_PATH, 0, RESOLVE_IN_ROOT);
}

void traps_exec(struct world *w, struct task *t, const struct exec_layout_out *l)
{
	own_fd exe = -1, linker = -1;
	const struct code_file *f;
	char path[32];

	snprintf(path, sizeof path, "%d/exe", (int) t->pid);
	exe = openat(w->host_proc, path, O_PATH | O_CLOEXEC);
	f = known(w, exe);
	put_all(w, t, f, f ? l->entry - f->entry : 0, NULL);
	if (!l->base)
		return;
	if (f && f->interp)
		linker = open_linker(w, t, f->interp);
	put_all(w, t, known(w, linker), l->base, NULL);
}

/* ---- mappings ---- */

void traps_map(struct world *w, struct task *t, const uint64_t a[6], uint64_t at)
{
	own_fd fd = -1;

	if (w->cpu_faults || !(a[2] & PROT_EXEC))
		return;
	dormant_forget(w, t, at, a[1]);
	if (a[2] & PROT_WRITE || a[3] & MAP_ANONYMOUS || (a[3] & MAP_TYPE) != MAP_PRIVATE) {
		w->unseen.made++;
		return;
	}
	fd = w->ops->getfd(t, (int) a[4]);
	put_all(w, t, known(w, fd), at, a);
}

bool traps_call(struct world *w, struct task *t)
{
	const struct user_regs_struct *g = &t->regs;
	const uint64_t a[6] = { g->rdi, g->rsi, g->rdx, g->r10, g->r8, g->r9 };
	const struct row *row = sys_row((uint32_t) g->orig_rax);
	int st;

	if (!(row->flags & CODE) ||
		(row->pass_mask && (a[row->pass_arg] & row->pass_mask) != row->pass_value))
		return false;
	t->how = PTRACE_CONT;
	if (row->policy == PASS) { /* whatever it is, it's there already */
		dormant_put(w, t, a[0], a[1]);
		w->unseen.made++;
		return true;
	}
	if (tracee_resume(t, PTRACE_SYSCALL, 0) < 0 || tracee_wait(t->pid, &st) < 0)
		return true; /* killed: that comes next */
	if (!WIFSTOPPED(st) || WSTOPSIG(st) != (SIGTRAP | 0x80)) {
		t->late = st;
		return true;
	}
	if (tracee_getregs(t) == 0 && t->regs.rax < (uint64_t) -4095)
		traps_map(w, t, a, t->regs.rax);
	return true;
}

/* ---- what is left ---- */

static void tell(struct json_out *j, const char *text, uint64_t a, uint64_t b)
{
	char line[160];

	snprintf(line, sizeof line, text, (unsigned long long) a, (unsigned long long) b);
	if (a)
		json_str(j, line);
}

void traps_tell(struct world *w, struct json_out *j)
{
	uint64_t places = 0, files = 0;
	struct map_slot *s;

	for (size_t i = 0; (s = map_next(&w->code, &i));) {
		const struct known_code *k = (struct known_code *) (uintptr_t) s->v;

		places += k->f.doubtful;
		files += k->f.doubtful != 0;
	}
	json_key(j, "escapes");
	json_open(j, '[');
	tell(j, "this CPU cannot fault on CPUID: code was made at run time, %llu times", w->unseen.made, 0);
	tell(j, "this CPU cannot fault on CPUID: %llu mappings of files could not be looked through",
		w->unseen.files, 0);
	tell(j, "this CPU cannot fault on CPUID: %llu places that look like it were left alone, in %llu files",
		places, files);
	json_close(j, ']');
}

void traps_end(struct world *w)
{
	struct map_slot *s;

	for (size_t i = 0; (s = map_next(&w->code, &i));) {
		struct known_code *k = (struct known_code *) (uintptr_t) s->v;

		code_file_free(&k->f);
		free(k);
	}
	map_free(&w->code);
}
