/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter: which system calls stop for the supervisor. A binary search over ranges of
 * numbers; the kernel's action cache takes unconditionally allowed numbers out of it altogether.
 */
#ifndef DETRUN_FILTER_H
#define DETRUN_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

enum filter_do { FILTER_ALLOW, FILTER_TRACE, FILTER_ERRNO, FILTER_NOTIFY };

/*
 * (argument & mask) == value. An argument that the kernel takes as 32 bits needs mask 0xffffffff
 * or part of it, else a guest dodges the test with the upper half. Mask 0 ends the list.
 */
struct filter_cond {
	uint8_t arg; /* 0 to 5 */
	uint64_t mask, value;
};

#define FILTER_MAXCOND 4
struct filter_row {
	int nr;
	enum filter_do what;
	int err; /* FILTER_ERRNO: positive errno */
	/* the call is allowed instead when one of these holds (all of them with .all) */
	struct filter_cond allow[FILTER_MAXCOND];
	bool all;
	/* FILTER_NOTIFY: traced instead unless this holds, in 32 bits; mask 0: always notified */
	struct filter_cond quick;
};

/* In the sixth argument, which no FILTER_NOTIFY call has: this one is traced. */
#define FILTER_TRACE_IT 0x64657472u
/* Init's word, in a number that no row has: its argument is the listener. */
#define FILTER_NR_LISTENER 1001

/* PTRACE_GETEVENTMSG of a seccomp stop: */
enum {
	FILTER_MSG_ROW = 0,	      /* a call of the x86-64 table, or a number that no row has */
	/* x32, numbers from 0x40000000 on: refuse, note. int 0x80, whose numbers mean other calls,
	 * is no seccomp stop but a SIGSYS with this si_errno. */
	FILTER_MSG_FOREIGN = 0x1000,
};

/**
 * Make the program. Rows in any order, each number at most once; numbers without a row are traced.
 * *@ret owns ->filter: give it to filter_free(). 0 or -errno.
 */
int filter_build(const struct filter_row *rows, size_t n, struct sock_fprog *ret, struct err *e);
void filter_free(struct sock_fprog *p);

/**
 * One program of both: what @first allows is for @then to decide. A filter with USER_NOTIF is
 * refused, which hides a call, unless there is an @agent for it. *@ret: as filter_build().
 */
int filter_merge(const struct sock_fprog *first, const struct sock_fprog *then, bool agent,
	struct sock_fprog *ret, struct err *e);

/** Install for this thread. The caller has no_new_privs or CAP_SYS_ADMIN. 0 or -errno. */
int filter_load(const struct sock_fprog *p, struct err *e);

/**
 * The same, of a filter with FILTER_NOTIFY. The listener's descriptor, or -EOPNOTSUPP: this kernel
 * cannot, nothing is installed.
 */
int filter_load_notify(const struct sock_fprog *p);

#endif
