/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/scmp.h"

#include <ctype.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "runtime/base/buf.h"
#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { MAX_FILTER = BPF_MAXINSNS * sizeof(struct sock_filter), STUB_MAX = 12 };

static void ctx_drop(scmp_filter_ctx *c)
{
	if (*c)
		seccomp_release(*c);
}
#define own_ctx own_cleanup(ctx_drop) scmp_filter_ctx

/* --- actions, architectures, flags ------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t v;
	bool data; /* takes errnoRet */
} actions[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false },
};

static int action_of(const char *name, bool has_errno, uint32_t errno_ret, uint32_t *ret,
	struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(actions[i].name, name))
			continue;
		if (has_errno && !actions[i].data)
			return fail_msg(e, EINVAL, "linux.seccomp: errnoRet is given, but %s has none",
				name);
		if (errno_ret > UINT16_MAX)
			return fail_msg(e, EINVAL, "linux.seccomp: errnoRet %u is above 65535",
				errno_ret);
		*ret = actions[i].v;
		if (actions[i].data)
			*ret |= has_errno ? errno_ret : (uint32_t) EPERM;
		return 0;
	}
	return fail_msg(e, EINVAL, "linux.seccomp: unknown action %s", name);
}

/* "SCMP_ARCH_X86_64" is what libseccomp calls "x86_64". */
uint32_t scmp_arch(const char *name)
{
	char low[32];
	size_t n = 0;

	if (strncmp(name, "SCMP_ARCH_", 10))
		return 0;
	for (name += 10; *name && n < sizeof low - 1; name++)
		low[n++] = (char) tolower((unsigned char) *name);
	low[n] = 0;
	return seccomp_arch_resolve_name(low);
}

static int add_arches(scmp_filter_ctx ctx, const struct spec_seccomp *c, struct err *e)
{
	for (size_t i = 0; i < c->n_arches; i++) {
		uint32_t token = scmp_arch(c->arches[i]);
		int r;

		if (!token)
			return fail_msg(e, EINVAL, "linux.seccomp.architectures: invalid "
				"architecture %.60s", c->arches[i]);
		r = seccomp_arch_add(ctx, token);
		if (r < 0 && r != -EEXIST)
			return fail(e, r, "linux.seccomp: add architecture %s", c->arches[i]);
	}
	return 0;
}

static const struct {
	const char *name;
	unsigned bit;
} flags[] = {
	/* one thread installs the filter: there is nothing to synchronise */
	{ "SECCOMP_FILTER_FLAG_TSYNC", 0 },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

static bool has_notify(const struct spec_seccomp *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (!strcmp(c->rules[i].action, "SCMP_ACT_NOTIFY"))
			return true;
	return false;
}

int scmp_flags(const struct spec_seccomp *c, unsigned *ret, struct err *e)
{
	/* nothing said: spare the container the slow-down of SSBD, as runc does */
	unsigned bits = c->has_flags ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;

	for (size_t i = 0; i < c->n_flags; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(flags) && strcmp(flags[k].name, c->flags[i]))
			k++;
		if (k == ARRAY_LEN(flags))
			return fail_msg(e, EINVAL, "linux.seccomp.flags: seccomp flag %.60s is not "
				"known", c->flags[i]);
		bits |= flags[k].bit;
	}
	if (bits & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !has_notify(c))
		return fail_msg(e, EINVAL, "linux.seccomp.flags: WAIT_KILLABLE_RECV has no meaning "
			"without SCMP_ACT_NOTIFY");
	log_debug("seccomp filter flags: %u", bits);
	*ret = bits;
	return 0;
}

/* --- rules ------------------------------------------------------------------------------- */

static enum scmp_compare compare_of(const char *op)
{
	static const struct {
		const char *name;
		enum scmp_compare v;
	} ops[] = {
		{ "SCMP_CMP_NE", SCMP_CMP_NE }, { "SCMP_CMP_LT", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", SCMP_CMP_LE }, { "SCMP_CMP_EQ", SCMP_CMP_EQ },
		{ "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (!strcmp(ops[i].name, op))
			return ops[i].v;
	must(false); /* the parser knows the same names */
}

struct rule {
	const char *name;
	uint32_t action;
	int nr;
};

/* What the default does anyway need not be said, and libseccomp refuses to hear it. */
static int add_rule(scmp_filter_ctx ctx, const struct rule *r, unsigned n,
	const struct scmp_arg_cmp *args, struct err *e)
{
	int x = seccomp_rule_add_array(ctx, r->action, r->nr, n, args);

	if (x < 0 && x != -EACCES && x != -EEXIST)
		return fail(e, x, "linux.seccomp: add a rule for %s", r->name);
	return 0;
}

/* All conditions together; but two of one argument mean either, as engines have always had it. */
static int add_conditions(scmp_filter_ctx ctx, const struct rule *r,
	const struct spec_seccomp_rule *s, struct err *e)
{
	struct scmp_arg_cmp args[32];
	unsigned seen = 0, n = (unsigned) s->n_args;
	bool either = false;
	int x = 0;

	if (s->n_args > ARRAY_LEN(args))
		return fail_msg(e, E2BIG, "linux.seccomp: more than %zu conditions for %s",
			ARRAY_LEN(args), r->name);
	for (unsigned i = 0; i < n; i++) {
		const struct spec_seccomp_arg *a = &s->args[i];

		args[i] = (struct scmp_arg_cmp) { a->index, compare_of(a->op), a->value,
			a->value_two };
		either |= seen >> a->index & 1;
		seen |= 1u << a->index;
	}
	if (!either)
		return add_rule(ctx, r, n, args, e);
	for (unsigned i = 0; i < n && !x; i++)
		x = add_rule(ctx, r, 1, &args[i], e);
	return x;
}

static int add_names(scmp_filter_ctx ctx, const struct spec_seccomp_rule *s, uint32_t action,
	uint32_t dflt, struct err *e)
{
	int r = 0;

	if (action == dflt)
		return 0;
	for (size_t i = 0; i < s->n_names && !r; i++) {
		struct rule rule = { s->names[i], action, 0 };

		rule.nr = seccomp_syscall_resolve_name(s->names[i]);
		if (rule.nr == __NR_SCMP_ERROR) {
			log_debug("unknown seccomp syscall \"%s\" ignored", s->names[i]);
			continue;
		}
		if (action == SCMP_ACT_NOTIFY && !strcmp(s->names[i], "write"))
			return fail_msg(e, EINVAL,
				"SCMP_ACT_NOTIFY cannot be used for the write syscall");
		r = add_conditions(ctx, &rule, s, e);
	}
	return r;
}

static int add_rules(scmp_filter_ctx ctx, const struct spec_seccomp *c, uint32_t dflt,
	bool *ret_notify, struct err *e)
{
	bool notify = false;
	int r = 0;

	for (size_t i = 0; i < c->n_rules && !r; i++) {
		const struct spec_seccomp_rule *s = &c->rules[i];
		uint32_t action;

		r = action_of(s->action, s->has_errno, s->errno_ret, &action, e);
		if (!r)
			r = add_names(ctx, s, action, dflt, e);
		notify |= action == SCMP_ACT_NOTIFY;
	}
	*ret_notify = notify;
	return r;
}

/* --- calls that are newer than the profile ----------------------------------------------- */

/*
 * A program that tries a new call and falls back on ENOSYS must not meet EPERM, only because the
 * profile was written before the call existed: what lies above the highest number that the profile
 * names gets ENOSYS. As runc has it.
 */
static bool wants_stub(const struct spec_seccomp *c, uint32_t dflt)
{
	if (dflt == SCMP_ACT_ALLOW || dflt == SCMP_ACT_LOG || dflt == SCMP_ACT_NOTIFY ||
		(dflt & 0xffff0000u) == SCMP_ACT_TRACE(0))
		return false;
	return !(c->has_default_errno && c->default_errno == ENOSYS);
}

static int last_named(const struct spec_seccomp *c, uint32_t arch)
{
	int last = -1;

	for (size_t i = 0; i < c->n_rules; i++)
		for (size_t k = 0; k < c->rules[i].n_names; k++) {
			int nr = seccomp_syscall_resolve_name_arch(arch, c->rules[i].names[k]);

			last = nr > last ? nr : last;
		}
	return last;
}

/* x32 is x86-64 to the kernel, with a bit in the number. It has the same table, so the same last. */
static unsigned stub(const struct spec_seccomp *c, scmp_filter_ctx ctx, struct sock_filter *f)
{
	enum { NR = offsetof(struct seccomp_data, nr), ARCH = offsetof(struct seccomp_data, arch) };
	static const uint32_t arches[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86 };
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(arches); i++) {
		int last = seccomp_arch_exist(ctx, arches[i]) == 0 ? last_named(c, arches[i]) : -1;

		if (last < 0)
			continue;
		f[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARCH);
		f[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arches[i], 0, 4);
		f[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR);
		f[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x40000000, 2, 0);
		f[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t) last, 0, 1);
		f[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	}
	return n;
}

/* --- the program ------------------------------------------------------------------------- */

static int export(const struct spec_seccomp *c, scmp_filter_ctx ctx, bool with_stub,
	struct sock_fprog *ret, struct err *e)
{
	own_fd fd = memfd_create("seccomp", MFD_CLOEXEC);
	own_free struct sock_filter *f = calloc(BPF_MAXINSNS + STUB_MAX, sizeof *f);
	unsigned n = 0;
	ssize_t got;
	int r;

	if (fd < 0 || !f)
		return fail(e, errno, "compile linux.seccomp");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return fail(e, r, "compile linux.seccomp");
	if (with_stub)
		n = stub(c, ctx, f);
	got = lseek(fd, 0, SEEK_SET) < 0 ? -errno : read_full(fd, f + n, MAX_FILTER);
	if (got < 0)
		return fail(e, (int) got, "compile linux.seccomp");
	n += (unsigned) ((size_t) got / sizeof *f);
	if (n > BPF_MAXINSNS)
		return fail_msg(e, E2BIG, "linux.seccomp: more than %d instructions", BPF_MAXINSNS);
	*ret = (struct sock_fprog) { .len = (unsigned short) n, .filter = take_ptr(f) };
	return 0;
}

static int check_agent(const struct spec_seccomp *c, struct scmp_prog *p, uint32_t dflt,
	struct err *e)
{
	if (dflt == SCMP_ACT_NOTIFY)
		return fail_msg(e, EINVAL, "SCMP_ACT_NOTIFY cannot be used as default action");
	if (p->notify && (!c->listener_path || !*c->listener_path))
		return fail_msg(e, EINVAL, "linux.seccomp: listenerPath is needed for "
			"SCMP_ACT_NOTIFY");
	return 0;
}

int scmp_compile(const struct spec_seccomp *c, struct scmp_prog *ret, struct err *e)
{
	struct scmp_prog p = { .notify = false };
	own_ctx ctx = NULL;
	uint32_t dflt;
	int r;

	*ret = p;
	if (!c->present)
		return 0;
	r = action_of(c->default_action, c->has_default_errno, c->default_errno, &dflt, e);
	if (r < 0)
		return r;
	ctx = seccomp_init(dflt == SCMP_ACT_NOTIFY ? SCMP_ACT_ALLOW : dflt);
	if (!ctx)
		return fail(e, ENOMEM, "compile linux.seccomp");
	r = add_arches(ctx, c, e);
	if (!r)
		r = scmp_flags(c, &p.flags, e);
	if (!r)
		r = add_rules(ctx, c, dflt, &p.notify, e);
	if (!r)
		r = check_agent(c, &p, dflt, e);
	if (!r)
		r = export(c, ctx, wants_stub(c, dflt), &p.bpf, e);
	if (!r)
		*ret = p;
	return r;
}

void scmp_prog_free(struct scmp_prog *p)
{
	free(p->bpf.filter);
	*p = (struct scmp_prog) { .notify = false };
}

int scmp_load(const struct scmp_prog *p, int *ret_listener, struct err *e)
{
	unsigned bits = p->flags;
	long r;

	*ret_listener = -1;
	if (!p->bpf.filter)
		return 0;
	if (p->notify)
		bits |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, bits, &p->bpf);
	if (r < 0)
		return fail(e, errno, "install the seccomp filter of linux.seccomp");
	if (p->notify)
		*ret_listener = (int) r;
	return 0;
}
