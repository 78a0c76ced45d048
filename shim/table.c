/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all rows, and what is read off it: filter, digest, names for printing. */
#include "shim/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/buf.h"
#include "runtime/base/hash.h"
#include "runtime/base/own.h"

enum { NR_MAX = 512 };

/* In the order of the documentation. */
#define FAMILIES(F) \
	F(stat) F(open) F(dirs) F(paths) F(owner) F(utimes) F(size) F(seek) F(statfs) F(xattr) \
	F(read) F(write) F(copy) F(pipe) F(inotify) F(poll) F(epoll) F(timerfd) F(net) F(ioctl) \
	F(process) F(signals) F(ptrace) F(futex) \
	F(memory) F(ipc) F(mq) \
	F(time) F(timers) F(random) \
	F(ids) F(caps) F(prctl) F(rlimit) F(sched) F(system) \
	F(deny)

#define DECLARE(id) extern const struct family family_##id;
FAMILIES(DECLARE)

#define ADDRESS(id) &family_##id,
static const struct family *const families[] = { FAMILIES(ADDRESS) };

static const struct row unknown = {
	.name = "unknown", .nr = -1, .policy = DENY, .flags = NOTED,
	.arg = { UINT(a), UINT(b), UINT(c), UINT(d), UINT(e), UINT(f) },
	.why = "a number that no row has: newer than the kernel that the guest sees",
};

struct table {
	bool built;
	size_t n;
	const struct row *all[NR_MAX]; /* family after family */
	const struct row *by_nr[NR_MAX];
};

/* Built once, constant from then on. */
static const struct table *table(void)
{
	static struct table t;

	if (t.built)
		return &t;
	for (size_t f = 0; f < ARRAY_LEN(families); f++)
		for (size_t i = 0; i < families[f]->n; i++) {
			const struct row *r = &families[f]->rows[i];

			must(t.n < NR_MAX && r->nr >= 0 && r->nr < NR_MAX);
			t.all[t.n++] = r;
			if (!t.by_nr[r->nr]) /* that there is only one is the table's test */
				t.by_nr[r->nr] = r;
		}
	t.built = true;
	return &t;
}

size_t sys_families(const struct family *const **ret)
{
	*ret = families;
	return ARRAY_LEN(families);
}

const struct row *sys_row(uint32_t nr)
{
	const struct row *r = nr < NR_MAX ? table()->by_nr[nr] : NULL;

	return r ? r : &unknown;
}

size_t sys_rows(const struct row *const **ret)
{
	*ret = table()->all;
	return table()->n;
}

const char *sys_policy_name(enum policy p)
{
	switch (p) {
	case PASS: return "PASS";
	case OBSERVE: return "OBSERVE";
	case FIXUP: return "FIXUP";
	case EMULATE: return "EMULATE";
	case INPUT: return "INPUT";
	case DENY: return "DENY";
	case BY_FD: return "BY_FD";
	case BY_SUB: return "BY_SUB";
	}
	return "?";
}

/* ---- the filter ---- */

static bool untrapped(const struct row *r)
{
	return r->policy == PASS && !r->enter && !r->leave;
}

/* Commands are 32-bit numbers to the kernel. The last sub-row stands for all others: no test. */
static void allow_subs(const struct row *r, struct filter_row *f, unsigned n)
{
	for (unsigned i = 0; i + 1 < r->nsub && n < FILTER_MAXCOND; i++)
		if (untrapped(&r->sub[i]))
			f->allow[n++] = (struct filter_cond){ .arg = (uint8_t) r->sub_arg,
				.mask = UINT32_MAX, .value = (uint32_t) r->sub[i].nr };
}

static struct filter_row filter_row(const struct row *r)
{
	struct filter_row f = { .nr = r->nr, .what = untrapped(r) ? FILTER_ALLOW : FILTER_TRACE };
	unsigned n = 0;

	if (f.what == FILTER_ALLOW)
		return f;
	if (r->policy == DENY && r->flags & QUIET && !r->enter) { /* the filter itself refuses */
		f.what = FILTER_ERRNO;
		f.err = r->err ? r->err : ENOSYS;
		return f;
	}
	if (r->pass_mask)
		f.allow[n++] = (struct filter_cond){ .arg = (uint8_t) r->pass_arg,
			.mask = r->pass_mask, .value = r->pass_value };
	if (r->policy == BY_SUB && !r->enter)
		allow_subs(r, &f, n);
	return f;
}

size_t sys_filter_rows(struct filter_row *ret, size_t max)
{
	size_t n = 0;

	for (uint32_t nr = 0; nr < NR_MAX; nr++) {
		const struct row *r = table()->by_nr[nr];

		if (!r)
			continue;
		if (n < max)
			ret[n] = filter_row(r);
		n++;
	}
	return n;
}

void sys_filter_notify(struct filter_row *rows, size_t n, bool ours)
{
	unsigned flags = NOTIFY | (ours ? NOTIFY_OURS : 0);

	for (size_t i = 0; i < n; i++) {
		const struct row *r = sys_row((uint32_t) rows[i].nr);

		if (rows[i].what != FILTER_TRACE || !(r->flags & flags))
			continue;
		rows[i].what = FILTER_NOTIFY;
		rows[i].quick = (struct filter_cond){ .arg = (uint8_t) r->quick_arg,
			.mask = r->quick_mask, .value = r->quick_value };
	}
}

void sys_filter_code(struct filter_row *rows, size_t n)
{
	const struct filter_cond no_code = { .arg = 2, .mask = PROT_EXEC };

	for (size_t i = 0; i < n; i++) {
		if (!(sys_row((uint32_t) rows[i].nr)->flags & CODE))
			continue;
		rows[i].all = rows[i].what != FILTER_ALLOW;
		rows[i].allow[rows[i].all ? 1 : 0] = no_code;
		rows[i].what = FILTER_TRACE;
	}
}

/* ---- the digest ---- */

static void row_text(const struct row *r, struct buf *b)
{
	buf_int(b, r->nr);
	buf_byte(b, ' ');
	buf_str(b, r->name);
	buf_byte(b, ' ');
	buf_str(b, sys_policy_name(r->policy));
	buf_byte(b, ' ');
	buf_int(b, r->flags & ~(unsigned) (NOTIFY | NOTIFY_OURS | CODE));
	buf_byte(b, ' ');
	buf_int(b, r->err);
	for (unsigned i = 0; i < 6 && r->arg[i].kind != A_NONE; i++) {
		buf_byte(b, ' ');
		buf_str(b, r->arg[i].name);
		buf_byte(b, ':');
		buf_int(b, r->arg[i].kind);
		buf_byte(b, ':');
		buf_int(b, r->arg[i].len);
		buf_byte(b, ':');
		buf_int(b, r->arg[i].size);
	}
	buf_byte(b, ' ');
	buf_uint(b, r->pass_mask, 16, 0);
	buf_byte(b, ':');
	buf_uint(b, r->pass_value, 16, 0);
	buf_byte(b, ':');
	buf_int(b, r->pass_arg);
	buf_byte(b, '\n');
	for (unsigned i = 0; i < r->nsub; i++) {
		buf_byte(b, '\t');
		row_text(&r->sub[i], b);
	}
}

void sys_digest(uint8_t ret[32])
{
	own_buf b = { 0 };

	for (uint32_t nr = 0; nr < NR_MAX; nr++)
		if (table()->by_nr[nr])
			row_text(table()->by_nr[nr], &b);
	must_mem(!b.failed);
	sha256(b.p, b.n, ret);
}
