/* SPDX-License-Identifier: Apache-2.0 */
/* Every number of the x86-64 table has exactly one row, and what the rows say makes sense. */
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "runtime/base/buf.h"
#include "shim/table.h"
#include "tests/check.h"

enum { LAST = 512 };

static unsigned rows_of(int nr, const char **ret_name)
{
	const struct row *const *all;
	size_t n = sys_rows(&all);
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		if (all[i]->nr == nr) {
			*ret_name = all[i]->name;
			found++;
		}
	return found;
}

TEST(every_number_has_one_row)
{
	for (int nr = 0; nr < LAST; nr++) {
		char *known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
		const char *name = "";
		unsigned n = rows_of(nr, &name);

		if (known && n != 1)
			CHECK_FAIL("%d %s has %u rows", nr, known, n);
		if (!known && n > 1)
			CHECK_FAIL("%d %s has %u rows", nr, name, n);
		if (known && n == 1 && strcmp(known, name))
			CHECK_FAIL("%d is %s, its row says %s", nr, known, name);
		free(known);
	}
}

TEST(unknown_numbers_share_a_row)
{
	OK(sys_row(511) == sys_row(100000));
	EQ(sys_row(511)->policy, DENY);
	EQ(sys_row(0)->nr, 0);
}

static void check_arg(const struct row *r, unsigned i)
{
	const struct arg *a = &r->arg[i];

	if (!a->name || a->kind > A_HIDE)
		CHECK_FAIL("%s: argument %u has no name or kind", r->name, i);
	if (a->len >= 6 || (a->len >= 0 && r->arg[a->len].kind == A_NONE))
		CHECK_FAIL("%s: length of %s is argument %d", r->name, a->name, a->len);
	if (a->kind == A_IN && a->len < 0 && !a->size)
		CHECK_FAIL("%s: %s has no size", r->name, a->name);
}

static void check_row(const struct row *r)
{
	if (!r->why || !*r->why)
		CHECK_FAIL("%s has no reason", r->name);
	if (r->policy == EMULATE && !r->enter)
		CHECK_FAIL("%s is emulated by nobody", r->name);
	if (r->err < 0 || r->err > 4095)
		CHECK_FAIL("%s: errno %d", r->name, r->err);
	if (r->policy == BY_SUB && !r->enter && (!r->nsub || r->sub_arg > 5))
		CHECK_FAIL("%s has no commands", r->name);
	if ((r->pass_value & ~r->pass_mask) || r->pass_arg > 5)
		CHECK_FAIL("%s: its untrapped case can't be", r->name);
	for (unsigned i = 0; i < 6 && r->arg[i].kind != A_NONE; i++)
		check_arg(r, i);
	for (unsigned i = 0; i < r->nsub; i++) {
		check_row(&r->sub[i]);
		for (unsigned k = 0; k < i; k++)
			if (r->policy == BY_SUB && r->sub[i].nr == r->sub[k].nr)
				CHECK_FAIL("%s: %s and %s are one command", r->name, r->sub[k].name,
					r->sub[i].name);
	}
}

TEST(rows_make_sense)
{
	const struct row *const *all;
	size_t n = sys_rows(&all);

	for (size_t i = 0; i < n; i++)
		check_row(all[i]);
}

TEST(filter_has_every_row)
{
	struct filter_row f[LAST];
	const struct row *const *all;
	struct sock_fprog prog;
	size_t n = sys_filter_rows(f, LAST);
	struct err e = ERR_INIT;

	EQ(n, sys_rows(&all));
	EQ(filter_build(f, n, &prog, &e), 0);
	STREQ(e.msg, "");
	filter_free(&prog);
}

TEST(filter_traps_what_has_a_handler)
{
	struct filter_row f[LAST];
	size_t n = sys_filter_rows(f, LAST);

	for (size_t i = 0; i < n; i++) {
		const struct row *r = sys_row((uint32_t) f[i].nr);

		if (f[i].what == FILTER_ALLOW && (r->policy != PASS || r->enter || r->leave))
			CHECK_FAIL("%s would run unseen", r->name);
		if (f[i].what == FILTER_ERRNO && (r->policy != DENY || r->flags & NOTED))
			CHECK_FAIL("%s would be refused unseen", r->name);
	}
}

/* The sixth argument says that the call is to be traced. */
TEST(notified_rows_leave_the_sixth_argument_free)
{
	const struct row *const *all;
	size_t n = sys_rows(&all), notified = 0;

	for (size_t i = 0; i < n; i++) {
		if (!(all[i]->flags & (NOTIFY | NOTIFY_OURS)))
			continue;
		OK(all[i]->arg[5].kind == A_NONE);
		OK(all[i]->policy != DENY);
		notified++;
	}
	OK(notified > 30);
}

TEST(notified_rows_are_all_but_the_slow)
{
	struct filter_row rows[512];
	size_t n = sys_filter_rows(rows, 512), kinds[2] = { 0 };

	for (int ours = 0; ours < 2; ours++) {
		n = sys_filter_rows(rows, 512);
		sys_filter_notify(rows, n, ours);
		for (size_t i = 0; i < n; i++)
			kinds[ours] += rows[i].what == FILTER_NOTIFY;
	}
	OK(kinds[0] > 10);
	OK(kinds[1] > kinds[0]);
}

TEST(what_makes_code_is_trapped_where_it_is_told)
{
	struct filter_row rows[1024];
	size_t n = sys_filter_rows(rows, 1024);
	unsigned seen = 0;

	sys_filter_code(rows, n);
	for (size_t i = 0; i < n; i++) {
		const struct filter_row *r = &rows[i];

		if (r->nr == SYS_mprotect) { /* allowed but for code */
			seen++;
			OK(r->what == FILTER_TRACE && !r->all && !r->allow[1].mask);
			EQ(r->allow[0].arg, 2);
			EQ(r->allow[0].mask, PROT_EXEC);
		} else if (r->nr == SYS_mmap) { /* the same for fixed ones */
			seen++;
			OK(r->what == FILTER_TRACE && r->all);
			EQ(r->allow[0].arg, 3);
			EQ(r->allow[1].arg, 2);
			EQ(r->allow[1].mask, PROT_EXEC);
			EQ(r->allow[1].value, 0);
		}
	}
	EQ(seen, 2);
}

TEST(digest_repeats)
{
	uint8_t a[32], b[32];

	sys_digest(a);
	sys_digest(b);
	EQ(memcmp(a, b, 32), 0);
}

static char *shown(uint32_t nr, unsigned arg, uint64_t value, struct buf *b)
{
	struct event ev = { .kind = EV_SYSCALL, .nr = nr, .nval = 1 };

	ev.val[0] = (struct ev_val){ .type = EV_UINT, .arg = (uint8_t) arg, .i = (int64_t) value };
	b->n = 0;
	return sys_event_names()->value(&ev, &ev.val[0], false, b) ? buf_cstr(b) : NULL;
}

TEST(values_have_names)
{
	own_buf b = { 0 };

	STREQ(sys_event_names()->syscall(SYS_mmap), "mmap");
	STREQ(sys_event_names()->arg(&(struct event){ .kind = EV_SYSCALL, .nr = SYS_mmap }, 1), "len");
	STREQ(shown(SYS_mmap, 2, 3, &b), "PROT_READ|PROT_WRITE");
	STREQ(shown(SYS_mmap, 3, 0x22, &b), "MAP_PRIVATE|MAP_ANONYMOUS");
	STREQ(shown(SYS_mmap, 2, 0x11, &b), "PROT_READ|0x10");
	STREQ(shown(SYS_clock_gettime, 0, 1, &b), "CLOCK_MONOTONIC");
	STREQ(shown(SYS_arch_prctl, 0, 0x1002, &b), "ARCH_SET_FS");
	OK(!shown(SYS_prctl, 0, 9999, &b));
}

CHECK_MAIN
