/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "tests/check.h"

#define own_prog __attribute__((cleanup(filter_free))) struct sock_fprog

enum { BAD = 0xbad }; /* no action has this value */

static uint32_t word(const struct seccomp_data *d, uint32_t off)
{
	uint32_t v = 0;

	if (off % 4 == 0 && off < sizeof *d)
		memcpy(&v, (const char *) d + off, 4);
	return v;
}

static bool taken(const struct sock_filter *i, uint32_t a)
{
	return BPF_OP(i->code) == BPF_JEQ ? a == i->k : a >= i->k;
}

/* The kernel's interpreter, for the instructions that a filter of ours may have. */
static uint32_t run(const struct sock_fprog *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < p->len; pc++) {
		const struct sock_filter *i = &p->filter[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = word(d, i->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += taken(i, a) ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return BAD;
		}
	}
	return BAD;
}

static uint32_t ask(const struct sock_fprog *p, uint32_t nr, const uint64_t *args)
{
	struct seccomp_data d = { .nr = (int) nr, .arch = AUDIT_ARCH_X86_64 };

	if (args)
		memcpy(d.args, args, sizeof d.args);
	return run(p, &d);
}

/* The same question answered from the rows, in the plainest way. */
static uint32_t expected(const struct filter_row *rows, size_t n, uint32_t nr,
	const uint64_t *args)
{
	static const uint64_t none[6];

	if (nr >= 0x40000000)
		return SECCOMP_RET_TRACE | FILTER_MSG_FOREIGN;
	if (!args)
		args = none;
	for (size_t i = 0; i < n; i++) {
		unsigned conds = 0, hold = 0;

		if ((uint32_t) rows[i].nr != nr)
			continue;
		for (; conds < FILTER_MAXCOND && rows[i].allow[conds].mask; conds++)
			hold += (args[rows[i].allow[conds].arg] & rows[i].allow[conds].mask) ==
				rows[i].allow[conds].value;
		if (conds && (rows[i].all ? hold == conds : hold > 0))
			return SECCOMP_RET_ALLOW;
		switch (rows[i].what) {
		case FILTER_ALLOW:
			return SECCOMP_RET_ALLOW;
		case FILTER_ERRNO:
			return SECCOMP_RET_ERRNO | (uint32_t) rows[i].err;
		case FILTER_NOTIFY:
			if ((args[rows[i].quick.arg] & rows[i].quick.mask) != rows[i].quick.value ||
				(uint32_t) args[5] == FILTER_TRACE_IT)
				return SECCOMP_RET_TRACE;
			return SECCOMP_RET_USER_NOTIF;
		case FILTER_TRACE:
			return SECCOMP_RET_TRACE;
		}
	}
	return SECCOMP_RET_TRACE;
}

/* Every number of the table and around it, and the edges of all 32 bits. */
static void check_all(const struct filter_row *rows, size_t n, const uint64_t *args)
{
	own_prog p = { 0 };
	struct err e = ERR_INIT;

	EQ(filter_build(rows, n, &p, &e), 0);
	for (uint32_t nr = 0; nr < 2000; nr++)
		EQ(ask(&p, nr, args), expected(rows, n, nr, args));
	for (int bit = 8; bit < 32; bit++)
		for (int d = -2; d <= 2; d++) {
			uint32_t nr = (1u << bit) + (uint32_t) d;

			EQ(ask(&p, nr, args), expected(rows, n, nr, args));
		}
	EQ(ask(&p, UINT32_MAX, args), SECCOMP_RET_TRACE | FILTER_MSG_FOREIGN);
}

/* Like the x86-64 table: 0 to 334 and 424 to 460, treated in many ways. */
static size_t table(struct filter_row *rows, unsigned salt)
{
	size_t n = 0;
	uint32_t x = salt;

	for (int nr = 0; nr <= 460; nr = nr == 334 ? 424 : nr + 1) {
		struct filter_row *r = &rows[n++];

		x = x * 1664525 + 1013904223;
		*r = (struct filter_row){ .nr = nr, .what = (enum filter_do) ((x >> 16) % 4), .err = 38 };
		if (r->what == FILTER_NOTIFY && x >> 18 & 1)
			r->quick = (struct filter_cond){ .arg = (uint8_t) (x >> 19 & 3), .mask = 3,
				.value = x >> 21 & 3 };
		for (unsigned i = 0; i < FILTER_MAXCOND && (x >> 20) % 8 == 0 && i <= x >> 30; i++)
			r->allow[i] = (struct filter_cond){ .arg = (uint8_t) ((x >> 8) % 6),
				.mask = i % 2 ? 0xffffffff : UINT64_MAX,
				.value = i };
		r->all = x >> 29 & 1;
	}
	return n;
}

TEST(every_number_gets_its_row)
{
	struct filter_row rows[500];

	for (unsigned salt = 1; salt < 6; salt++)
		for (uint64_t v = 0; v < 4; v++) {
			uint64_t args[6] = { v, v, v, v, v, v }, high[6];
			size_t n = table(rows, salt);

			for (int i = 0; i < 6; i++)
				high[i] = args[i] | 1ull << 40;
			check_all(rows, n, args);
			check_all(rows, n, high);
		}
}

TEST(order_of_rows_is_free)
{
	struct filter_row rows[] = { { 300, FILTER_ALLOW }, { 2, FILTER_ERRNO, .err = 1 },
		{ 77, FILTER_ALLOW }, { 0, FILTER_ALLOW }, { 76, FILTER_ALLOW } };

	check_all(rows, ARRAY_LEN(rows), NULL);
}

TEST(no_rows_trace_everything)
{
	check_all(NULL, 0, NULL);
}

TEST(neighbours_alike_are_one_range)
{
	struct filter_row rows[400];
	own_prog p = { 0 };

	for (int i = 0; i < 400; i++)
		rows[i] = (struct filter_row){ i, FILTER_ALLOW };
	EQ(filter_build(rows, 400, &p, NULL), 0);
	OK(p.len < 12);
	check_all(rows, 400, NULL);
}

TEST(steps_are_few)
{
	struct filter_row rows[500];
	own_prog p = { 0 };
	struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64 };

	for (int i = 0; i < 500; i++)
		rows[i] = (struct filter_row){ i, i % 2 ? FILTER_ALLOW : FILTER_TRACE };
	EQ(filter_build(rows, 500, &p, NULL), 0);
	for (d.nr = 0; d.nr < 500; d.nr++) {
		int steps = 0;

		for (size_t pc = 0; BPF_CLASS(p.filter[pc].code) != BPF_RET; pc++, steps++) {
			const struct sock_filter *i = &p.filter[pc];
			uint32_t a = pc < 3 ? d.arch : (uint32_t) d.nr;

			if (i->code == (BPF_JMP | BPF_JA))
				pc += i->k;
			else if (BPF_CLASS(i->code) == BPF_JMP)
				pc += taken(i, a) ? i->jt : i->jf;
		}
		OK(steps <= 24);
	}
}

/* An argument of 64 bits isn't confused with one whose lower half looks the same. */
TEST(conditions_see_all_bits_of_their_mask)
{
	struct filter_row rows[] = {
		{ 9, FILTER_TRACE, .allow = { { 4, UINT64_MAX, UINT64_MAX } } },
		{ 72, FILTER_TRACE, .allow = { { 1, 0xffffffff, 1 }, { 1, 0xffffffff, 2 } } },
		{ 16, FILTER_TRACE, .allow = { { 0, 1ull << 63, 1ull << 63 } } },
		{ 10, FILTER_ERRNO, .err = 1, .allow = { { 0, 3, 0 }, { 2, 4, 4 } }, .all = true },
	};
	own_prog p = { 0 };

	EQ(filter_build(rows, ARRAY_LEN(rows), &p, NULL), 0);
	EQ(ask(&p, 9, (uint64_t[6]){ [4] = UINT64_MAX }), SECCOMP_RET_ALLOW);
	EQ(ask(&p, 9, (uint64_t[6]){ [4] = 0xffffffff }), SECCOMP_RET_TRACE);
	EQ(ask(&p, 72, (uint64_t[6]){ [1] = 2 }), SECCOMP_RET_ALLOW);
	EQ(ask(&p, 72, (uint64_t[6]){ [1] = 1ull << 32 | 2 }), SECCOMP_RET_ALLOW);
	EQ(ask(&p, 72, (uint64_t[6]){ [1] = 3 }), SECCOMP_RET_TRACE);
	EQ(ask(&p, 16, (uint64_t[6]){ 1ull << 63 }), SECCOMP_RET_ALLOW);
	EQ(ask(&p, 16, (uint64_t[6]){ 1ull << 31 }), SECCOMP_RET_TRACE);
	EQ(ask(&p, 10, (uint64_t[6]){ 4, 0, 7 }), SECCOMP_RET_ALLOW);
	EQ(ask(&p, 10, (uint64_t[6]){ 4, 0, 3 }), SECCOMP_RET_ERRNO | 1);
	EQ(ask(&p, 10, (uint64_t[6]){ 5, 0, 4 }), SECCOMP_RET_ERRNO | 1);
}

TEST(other_doors_are_foreign)
{
	struct filter_row rows[] = { { 1, FILTER_ALLOW } };
	struct seccomp_data d = { .nr = 1, .arch = AUDIT_ARCH_I386 };
	own_prog p = { 0 };

	EQ(filter_build(rows, 1, &p, NULL), 0);
	EQ(run(&p, &d), SECCOMP_RET_TRAP | FILTER_MSG_FOREIGN);
	EQ(ask(&p, 0x40000001, NULL), SECCOMP_RET_TRACE | FILTER_MSG_FOREIGN);
	EQ(ask(&p, 1, NULL), SECCOMP_RET_ALLOW);
}

TEST(bad_rows_are_refused)
{
	struct filter_row twice[] = { { 1, FILTER_ALLOW }, { 1, FILTER_TRACE } };
	struct filter_row x32[] = { { 0x40000000, FILTER_ALLOW } };
	struct filter_row zero[] = { { 1, FILTER_ERRNO } };
	struct filter_row never[] = { { 1, FILTER_TRACE, .allow = { { 0, 1, 2 } } } };
	struct filter_row seventh[] = { { 1, FILTER_TRACE, .allow = { { 6, 1, 1 } } } };
	struct sock_fprog p = { 0 };
	struct err e = ERR_INIT;

	EQ(filter_build(twice, 2, &p, &e), -EEXIST);
	EQ(filter_build(x32, 1, &p, &e), -EINVAL);
	EQ(filter_build(zero, 1, &p, &e), -EINVAL);
	EQ(filter_build(never, 1, &p, &e), -EINVAL);
	EQ(filter_build(seventh, 1, &p, &e), -EINVAL);
	OK(!p.filter);
}

/* In a child under the filter: 0 when the kernel did what the rows say. */
static int child(const struct sock_fprog *p)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || filter_load(p, NULL))
		return 1;
	if (syscall(SYS_getppid) != -1 || errno != EDOM)
		return 2;
	if (syscall(SYS_dup, -1) != -1 || errno != EBADF)
		return 3;
	if (syscall(SYS_getuid) != -1 || errno != ENOSYS) /* no tracer */
		return 4;
	return 0;
}

TEST(the_kernel_takes_it)
{
	struct filter_row rows[500];
	own_prog p = { 0 };
	int status;
	pid_t pid;

	for (int i = 0; i < 460; i++)
		rows[i] = (struct filter_row){ i, FILTER_ALLOW };
	rows[SYS_getppid] = (struct filter_row){ SYS_getppid, FILTER_ERRNO, .err = EDOM };
	rows[SYS_getuid] = (struct filter_row){ SYS_getuid, FILTER_TRACE };
	rows[SYS_dup] = (struct filter_row){ SYS_dup, FILTER_TRACE,
		.allow = { { 0, 0xffffffff, 0xffffffff } } };
	EQ(filter_build(rows, 460, &p, NULL), 0);
	pid = fork();
	if (pid == 0)
		_exit(child(&p));
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
}

CHECK_MAIN
