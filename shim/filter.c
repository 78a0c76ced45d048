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

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

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
	if (r->what == FILTER_NOTIFY)
		return SECCOMP_RET_USER_NOTIF;
	if (r->what == FILTER_ERRNO)
		return SECCOMP_RET_ERRNO | ((uint32_t) r->err & SECCOMP_RET_DATA);
	return SECCOMP_RET_ALLOW;
}

static uint32_t low_half(unsigned arg)
{
	return (uint32_t) offsetof(struct seccomp_data, args) + 8u * arg;
}

static unsigned action_len(const struct filter_row *r)
{
	if (!r || r->what != FILTER_NOTIFY)
		return 1;
	return r->quick.mask ? HALF + 4 : 4;
}

/* Notify, unless the call must be traced. */
static void emit_notify(struct prog *p, const struct filter_row *r)
{
	if (r->quick.mask)
		emit_half(p, low_half(r->quick.arg), (uint32_t) r->quick.mask,
			(uint32_t) r->quick.value, 0, 3);
	emit_load(p, low_half(5));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, FILTER_TRACE_IT, 1, 0);
	emit_ret(p, SECCOMP_RET_USER_NOTIF);
	emit_ret(p, SECCOMP_RET_TRACE | FILTER_MSG_ROW);
}

static void emit_action(struct prog *p, const struct filter_row *r)
{
	if (r && r->what == FILTER_NOTIFY)
		emit_notify(p, r);
	else
		emit_ret(p, action(r));
}

/* What is done with one row: [conditions] action; ret ALLOW. */
static void emit_row(struct prog *p, const struct filter_row *r)
{
	unsigned n = r ? nconds(r) : 0, left = 0, len = action_len(r);

	for (unsigned i = 0; i < n; i++)
		left += halves(&r->allow[i]) * HALF;
	for (unsigned i = 0; i < n; i++) {
		left -= halves(&r->allow[i]) * HALF;
		if (r->all) /* the last one to hold goes on to ALLOW */
			emit_cond(p, &r->allow[i], (uint8_t) (i + 1 == n ? len : 0), (uint8_t) left);
		else
			emit_cond(p, &r->allow[i], (uint8_t) (left + len), 0);
	}
	emit_action(p, r);
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
	if (r->quick.arg > 4 || r->quick.mask >> 32 || r->quick.value & ~r->quick.mask)
		return fail(e, EINVAL, "filter: quick condition of system call %d", r->nr);
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

static bool own_code(const struct filter_row *r)
{
	return r && (nconds(r) || r->quick.mask);
}

static void add_range(struct range *r, size_t *n, uint32_t first, const struct filter_row *row)
{
	const struct filter_row *last = *n ? r[*n - 1].row : NULL;

	if (*n && action(last) == action(row) && !own_code(last) && !own_code(row))
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

/* The call that hands the listener over passes whatever the container's own filter says. */
static size_t emit_handover(struct sock_filter *f)
{
	const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARCH_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_NR_LISTENER, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | FILTER_MSG_ROW),
	};

	memcpy(f, head, sizeof head);
	return ARRAY_LEN(head);
}

int filter_load_notify(const struct sock_fprog *p)
{
	const unsigned long flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER |
		SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	own_free struct sock_filter *f = calloc(p->len + 8u, sizeof *f);
	struct sock_fprog prog = { .filter = f };
	size_t n;
	long fd;

	if (!f)
		return -EOPNOTSUPP;
	n = emit_handover(f);
	memcpy(f + n, p->filter, p->len * sizeof *f);
	prog.len = (unsigned short) (n + p->len);
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return fd < 0 ? -EOPNOTSUPP : (int) fd;
}
