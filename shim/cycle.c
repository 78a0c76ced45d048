/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that store, call and count, and yet get nowhere: a shell's `while :; do :; done`. When
 * registers and all memory that the task can write are what they were, and it has not asked the
 * kernel for anything that could differ, it will do the same again until a signal or another task
 * ends that. It is left where its registers are lowest, if that is one place of the cycle.
 *
 * One that only counts meanwhile is known by what it adds, the same in each turn. Where to leave it
 * nobody can say, and it may count to an end: spin.c lets it do so for a while.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/spin.h"

enum {
	STEPS = 60000,	   /* until it has to be back */
	RETURNS = 4,	   /* of its registers, with other memory */
	PAGE = 4096,
	PAGES = 16384,	   /* that are compared */
	RESERVED = 1 << 24, /* those that are looked for: 64 GB; sanitizers reserve a thousand times that */
	XSTATE = 8192,
	LOOK = 20000,	   /* steps in which a loop that counts is to be seen */
	TURNS = 5,	   /* … so often */
	COUNTERS = 16,
	ALONE = 2000,	   /* steps without a call: it computes */
	MAPS = 1 << 20,
};

/* All of a task's state but what the kernel keeps for it. */
struct image {
	struct user_regs_struct regs;
	uint8_t x[XSTATE];
	size_t nx;
	uint64_t mask; /* of signals */
	size_t npages;
	uint64_t *page; /* addresses */
	uint8_t *data;
};

static void image_free(struct image *m)
{
	free(m->page);
	free(m->data);
}

#define own_image __attribute__((cleanup(image_free))) struct image

/* ---- steps ---- */

/* Calls that tell the same every time, and leave the kernel as it was but for the mask. */
static bool harmless_call(uint64_t nr)
{
	return nr == SYS_getpid || nr == SYS_getppid || nr == SYS_gettid || nr == SYS_rt_sigprocmask;
}

/* What it is about to execute may not wait for us: no trapped call. */
static bool may_step(struct world *w, struct task *t)
{
	uint8_t code[2];

	if (w->ops->read(t, t->regs.rip, code, sizeof code) != sizeof code)
		return false;
	for (uint64_t ip = t->regs.rip; (code[0] >= 0x40 && code[0] <= 0x4f) || code[0] == 0x66 ||
		code[0] == 0xf2 || code[0] == 0xf3;)
		if (w->ops->read(t, ++ip, code, sizeof code) != sizeof code || ip - t->regs.rip > 14)
			return false;
	if (code[0] == 0xcd || (code[0] == 0x0f && code[1] == 0x34))
		return false;
	if (code[0] != 0x0f || code[1] != 0x05)
		return true;
	return harmless_call(t->regs.rax) && sys_row((uint32_t) t->regs.rax)->policy == PASS &&
		!sys_row((uint32_t) t->regs.rax)->enter;
}

static bool step(struct world *w, struct task *t, int *st)
{
	*st = 0;
	return may_step(w, t) && spin_step(t, st);
}

bool cycle_computes(struct world *w, struct task *t, int *st)
{
	notify_settle(t);
	*st = t->late;
	t->late = 0;
	for (int i = 0; i < ALONE && !*st; i++)
		if (!step(w, t, st))
			return false;
	return !*st;
}

/* ---- images ---- */

static bool own_state(struct task *t, struct image *m)
{
	struct iovec v = { m->x, sizeof m->x };

	m->regs = t->regs;
	memset(m->x, 0, sizeof m->x);
	if (ptrace(PTRACE_GETREGSET, t->pid, NT_X86_XSTATE, &v) < 0 ||
		ptrace(PTRACE_GETSIGMASK, t->pid, sizeof m->mask, &m->mask) < 0)
		return false;
	m->nx = v.iov_len;
	return true;
}

/* Pages of one mapping that are there. */
static bool take_pages(int pagemap, uint64_t lo, uint64_t hi, struct image *m)
{
	enum { AT_ONCE = 512 };
	uint64_t e[AT_ONCE];

	while (lo < hi) {
		size_t n = (hi - lo) / PAGE < AT_ONCE ? (hi - lo) / PAGE : AT_ONCE;
		ssize_t r = pread(pagemap, e, n * sizeof *e, (off_t) (lo / PAGE * sizeof *e));

		if (r != (ssize_t) (n * sizeof *e))
			return false;
		for (size_t i = 0; i < n; i++, lo += PAGE) {
			if (!(e[i] >> 62))
				continue;
			if (m->npages == PAGES)
				return false;
			m->page[m->npages++] = lo;
		}
	}
	return true;
}

static bool find_pages(struct world *w, struct task *t, struct image *m)
{
	own_free char *text = malloc(MAPS);
	char path[32], *line, *next;
	own_fd maps = -1, pagemap = -1;
	uint64_t reserved = 0;
	ssize_t n;

	must(text);
	snprintf(path, sizeof path, "%d/maps", (int) t->pid);
	maps = openat(w->host_proc, path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "%d/pagemap", (int) t->pid);
	pagemap = openat(w->host_proc, path, O_RDONLY | O_CLOEXEC);
	n = maps < 0 || pagemap < 0 ? -1 : read_full(maps, text, MAPS - 1);
	if (n < 0 || n == MAPS - 1)
		return false;
	text[n] = 0;
	for (line = text; *line; line = next) {
		unsigned long long lo, hi;
		char prot[5];

		next = strchr(line, '\n');
		next = next ? next + 1 : line + strlen(line);
		if (sscanf(line, "%llx-%llx %4s", &lo, &hi, prot) != 3)
			return false;
		if (prot[1] != 'w')
			continue;
		reserved += (hi - lo) / PAGE;
		if (reserved > RESERVED || !take_pages(pagemap, lo, hi, m))
			return false;
	}
	return true;
}

static bool take_image(struct world *w, struct task *t, struct image *m)
{
	m->page = malloc(PAGES * sizeof *m->page);
	must(m->page);
	if (!own_state(t, m) || !find_pages(w, t, m))
		return false;
	m->data = malloc(m->npages * PAGE + 1);
	must(m->data);
	for (size_t i = 0; i < m->npages; i++)
		if (w->ops->read(t, m->page[i], m->data + i * PAGE, PAGE) != PAGE)
			return false;
	return true;
}

static bool same_image(struct world *w, struct task *t, const struct image *m)
{
	own_image now = { 0 };

	return take_image(w, t, &now) && now.npages == m->npages && now.nx == m->nx &&
		now.mask == m->mask && !memcmp(now.x, m->x, m->nx) &&
		!memcmp(now.page, m->page, m->npages * sizeof *m->page) &&
		!memcmp(now.data, m->data, m->npages * PAGE);
}

/* ---- the cycle ---- */

/* How many steps it takes to be again as now; 0: it can't be said. */
static size_t period(struct world *w, struct task *t, const struct image *m, int *st)
{
	int returns = 0;

	for (size_t n = 1; n <= STEPS && step(w, t, st); n++) {
		if (spin_order(&t->regs, &m->regs))
			continue;
		if (same_image(w, t, m))
			return n;
		if (++returns == RETURNS)
			return 0;
	}
	return 0;
}

/* The lowest state of the next @n. False: it comes more than once. */
static bool lowest(struct world *w, struct task *t, size_t n, struct user_regs_struct *ret, int *st)
{
	unsigned times = 0;

	*ret = t->regs;
	for (size_t i = 0; i < n; i++) {
		int o = spin_order(&t->regs, ret);

		times = o < 0 ? 1 : times + !o;
		if (o < 0)
			*ret = t->regs;
		if (!step(w, t, st))
			return false;
	}
	return times == 1;
}

bool cycle_look(struct world *w, struct task *t, int *st)
{
	own_image m = { 0 };
	struct user_regs_struct low;
	size_t n;

	*st = 0;
	if (!step(w, t, st) || !take_image(w, t, &m))
		return false;
	t->period = n = period(w, t, &m, st);
	if (!n || !lowest(w, t, n, &low, st))
		return false;
	while (spin_order(&t->regs, &low))
		if (!step(w, t, st))
			return false;
	return true;
}

/* ---- loops that count ---- */

struct counter {
	size_t at; /* word of the image's pages, then of its registers */
	uint64_t by;
};

/*
 * How many steps a turn takes, by where they are; 0: it's not always the same. Now and then one may
 * call for more, as Java's do to be compiled: the last half counts.
 */
static size_t turn(struct world *w, struct task *t, int *st)
{
	own_free uint64_t *ip = malloc(LOOK * sizeof *ip);

	must(ip);
	for (size_t i = 0; i < LOOK; i++) {
		ip[i] = t->regs.rip;
		if (!step(w, t, st))
			return 0;
	}
	for (size_t n = 1; n <= LOOK / 2 / TURNS; n++)
		if (!memcmp(ip + LOOK / 2, ip + LOOK / 2 + n, (LOOK / 2 - n) * sizeof *ip))
			return n;
	return 0;
}

static bool after(struct world *w, struct task *t, size_t n, struct image *m, int *st)
{
	for (size_t i = 0; i < n; i++)
		if (!step(w, t, st))
			return false;
	return take_image(w, t, m);
}

/* Words of @p that are others in @q, as those from @base on: added to @n in @ret. False: too many. */
static bool differing(const void *p, const void *q, size_t words, size_t base, struct counter *ret,
	size_t *n)
{
	const uint64_t *a = p, *b = q;

	if (!memcmp(a, b, words * sizeof *a))
		return true;
	for (size_t i = 0; i < words; i++) {
		if (a[i] == b[i])
			continue;
		if (*n == COUNTERS)
			return false;
		ret[(*n)++] = (struct counter){ .at = base + i, .by = b[i] - a[i] };
	}
	return true;
}

/* The words in which two images differ; COUNTERS + 1: too many, or in something else. */
static size_t counters(const struct image *a, const struct image *b, struct counter *ret)
{
	enum { WORDS = PAGE / sizeof(uint64_t), REGS = sizeof a->regs / sizeof(uint64_t) };
	struct user_regs_struct r = b->regs;
	size_t n = 0, at = a->npages * WORDS;

	r.eflags = a->regs.eflags; /* of what was counted last */
	if (a->npages != b->npages || a->nx != b->nx || a->mask != b->mask ||
		a->regs.rip != r.rip || a->regs.rsp != r.rsp ||
		memcmp(a->page, b->page, a->npages * sizeof *a->page) ||
		!differing(&a->regs, &r, REGS, at, ret, &n) ||
		!differing(a->x, b->x, XSTATE / sizeof(uint64_t), at + REGS, ret, &n))
		return COUNTERS + 1;
	for (size_t i = 0; i < a->npages; i++)
		if (!differing(a->data + i * PAGE, b->data + i * PAGE, WORDS, i * WORDS, ret, &n))
			return COUNTERS + 1;
	return n;
}

static bool counts_in(struct world *w, struct task *t, size_t n, int *st)
{
	own_image a = { 0 }, b = { 0 }, c = { 0 };
	struct counter first[COUNTERS], then[COUNTERS];
	size_t k;

	if (!after(w, t, 0, &a, st) || !after(w, t, n, &b, st) || !after(w, t, n, &c, st))
		return false;
	k = counters(&a, &b, first);
	return k <= COUNTERS && counters(&b, &c, then) == k && !memcmp(first, then, k * sizeof *first);
}

bool cycle_counts(struct world *w, struct task *t, int *st)
{
	size_t n = turn(w, t, st);

	/* memory that is taken and given back may come in turns, too */
	return n && (counts_in(w, t, n, st) || (!*st && counts_in(w, t, 2 * n, st)));
}
