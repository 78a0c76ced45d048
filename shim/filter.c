/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/own.h"

enum {
	MAX_NR = 0x40000000, /* x32's numbers begin here */
	MAX_INSNS = 4096,    /* BPF_MAXINSNS */
	NR_AT = offsetof(struct seccomp_data, nr),
	ARCH_AT = offsetof(struct seccomp_data, arch),
};

/* Numbers from .first up to the next range's .first, all treated alike. */
struct range {
	uint32_t first;
	const struct filter_row *row; /* NULL: numbers nobody knows */
};

struct prog {
	struct sock_filter *insn;
	size_t n, cap;
	bool failed;
};

static void emit(struct prog *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->failed || p->n >= p->cap) {
		p->failed = true;
		return;
	}
	p->insn[p->n++] = (struct sock_filter){ .code = code, .jt = jt, .jf = jf, .k = k };
}

static void emit_load(struct prog *p, uint32_t off)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, off, 0, 0);
}

static void emit_ret(struct prog *p, uint32_t v)
{
	emit(p, BPF_RET | BPF_K, v, 0, 0);
}

enum { HALF = 3 }; /* instructions of emit_half() */

/* One 32-bit half of a condition. */
static void emit_half(struct prog *p, uint32_t off, uint32_t mask, uint32_t value, uint8_t jt,
	uint8_t jf)
{
	emit_load(p, off);
	emit(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, value, jt, jf);
}

static unsigned halves(const struct filter_cond *c)
{
	return ((uint32_t) c->mask != 0) + (c->mask >> 32 != 0);
}

/* The condition's tests: jump over @yes more when it holds, over @no more when it doesn't. */
static void emit_cond(struct prog *p, const struct filter_cond *c, uint8_t yes, uint8_t no)
{
	uint32_t off = (uint32_t) offsetof(struct seccomp_data, args) + 8u * c->arg;
	bool high = c->mask >> 32 != 0;

	if ((uint32_t) c->mask)
		emit_half(p, off, (uint32_t) c->mask, (uint32_t) c->value, high ? 0 : yes,
			(uint8_t) (no + (high ? HALF : 0)));
	if (high)
		emit_half(p, off + 4, (uint32_t) (c->mask >> 32), (uint32_t) (c->value >> 32), yes, no);
}

static unsigned nconds(const struct filter_row *r)
{
	unsigned n = 0;

	while (n < FILTER_MAXCOND && r->allow[n].mask)
		n++;
	return n;
}

static uint32_t action(const struct filter_row *r)
{
	if (!r || r->what == FILTER_TRACE)
		return SECCOMP_RET_TRACE | FILTER_MSG_ROW;
	if (r->what == FILTER_ERRNO)
		return SECCOMP_RET_ERRNO | ((uint32_t) r->err & SECCOMP_RET_DATA);
	return SECCOMP_RET_ALLOW;
}

/* What is done with one row: [conditions] ret action; ret ALLOW. */
static void emit_row(struct prog *p, const struct filter_row *r)
{
	unsigned n = r ? nconds(r) : 0, left = 0;

	for (unsigned i = 0; i < n; i++)
		left += halves(&r->allow[i]) * HALF;
	for (unsigned i = 0; i < n; i++) {
		left -= halves(&r->allow[i]) * HALF;
		if (r->all) /* the last one to hold goes on to ALLOW */
			emit_cond(p, &r->allow[i], i + 1 == n ? 1 : 0, (uint8_t) left);
		else
			emit_cond(p, &r->allow[i], (uint8_t) (left + 1), 0);
	}
	emit_ret(p, action(r));
	if (n)
		emit_ret(p, SECCOMP_RET_ALLOW);
}

/* A binary search: the lower half follows the test, the upper half follows the lower. */
static void emit_tree(struct prog *p, const struct range *r, size_t n)
{
	size_t half = n / 2, at = p->n, dist;

	if (n == 1) {
		emit_row(p, r->row);
		return;
	}
	emit(p, BPF_JMP | BPF_JGE | BPF_K, r[half].first, 0, 1);
	emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_tree(p, r, half);
	if (p->failed)
		return;
	dist = p->n - (at + 2);
	p->insn[at + 1].k = (uint32_t) dist;
	emit_tree(p, r + half, n - half);
}

static int by_nr(const void *a, const void *b)
{
	const struct filter_row *const *x = a, *const *y = b;

	return ((*x)->nr > (*y)->nr) - ((*x)->nr < (*y)->nr);
}

static int check_row(const struct filter_row *r, struct err *e)
{
	if (r->nr < 0 || r->nr >= MAX_NR)
		return fail(e, EINVAL, "filter: system call number %d", r->nr);
	if (r->what == FILTER_ERRNO && (r->err <= 0 || r->err > 4095))
		return fail(e, EINVAL, "filter: errno %d for system call %d", r->err, r->nr);
	for (unsigned i = 0; i < nconds(r); i++)
		if (r->allow[i].arg > 5 || (r->allow[i].value & ~r->allow[i].mask))
			return fail(e, EINVAL, "filter: condition %u of system call %d", i, r->nr);
	return 0;
}

static int sort_rows(const struct filter_row *rows, size_t n, const struct filter_row **ret,
	struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int r = check_row(&rows[i], e);

		if (r < 0)
			return r;
		ret[i] = &rows[i];
	}
	if (n)
		qsort(ret, n, sizeof *ret, by_nr);
	for (size_t i = 1; i < n; i++)
		if (ret[i]->nr == ret[i - 1]->nr)
			return fail(e, EEXIST, "filter: system call %d", ret[i]->nr);
	return 0;
}

static void add_range(struct range *r, size_t *n, uint32_t first, const struct filter_row *row)
{
	const struct filter_row *last = *n ? r[*n - 1].row : NULL;

	if (*n && action(last) == action(row) && !(last && nconds(last)) && !(row && nconds(row)))
		return;
	r[(*n)++] = (struct range){ first, row };
}

/* At most 2n+1 ranges: each row, and each gap with numbers that have none. */
static size_t make_ranges(const struct filter_row *const *row, size_t n, struct range *ret)
{
	uint32_t next = 0;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t nr = (uint32_t) row[i]->nr;

		if (nr > next)
			add_range(ret, &k, next, NULL);
		add_range(ret, &k, nr, row[i]);
		next = nr + 1;
	}
	add_range(ret, &k, next, NULL);
	return k;
}

/* Other doors than the x86-64 one, before anything is looked up. */
static void emit_head(struct prog *p)
{
	emit_load(p, ARCH_AT);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	emit_ret(p, SECCOMP_RET_TRAP | FILTER_MSG_FOREIGN);
	emit_load(p, NR_AT);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, MAX_NR, 0, 1);
	emit_ret(p, SECCOMP_RET_TRACE | FILTER_MSG_FOREIGN);
}

int filter_build(const struct filter_row *rows, size_t n, struct sock_fprog *ret, struct err *e)
{
	own_free const struct filter_row **sorted = calloc(n + 1, sizeof(struct filter_row *));
	own_free struct range *ranges = calloc(2 * n + 1, sizeof *ranges);
	own_free struct sock_filter *insn = calloc(MAX_INSNS, sizeof *insn);
	struct prog p = { .insn = insn, .cap = MAX_INSNS };
	int r;

	if (!sorted || !ranges || !insn)
		return fail(e, ENOMEM, "filter");
	r = sort_rows(rows, n, sorted, e);
	if (r < 0)
		return r;
	emit_head(&p);
	emit_tree(&p, ranges, make_ranges(sorted, n, ranges));
	if (p.failed)
		return fail_msg(e, E2BIG, "filter: more than %d instructions", MAX_INSNS);
	ret->len = (unsigned short) p.n;
	ret->filter = take_ptr(insn);
	return 0;
}

void filter_free(struct sock_fprog *p)
{
	free(p->filter);
	p->filter = NULL;
	p->len = 0;
}

/* Not through libseccomp: prctl knows no flags, and SPEC_ALLOW spares the SSBD slow-down. */
int filter_load(const struct sock_fprog *p, struct err *e)
{
	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, p))
		return 0;
	if (errno == EINVAL && !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, p))
		return 0;
	return fail(e, errno,
		"install the seccomp filter of %u instructions (the kernel needs "
		"CONFIG_SECCOMP_FILTER, the caller no_new_privs)",
		p->len);
}
