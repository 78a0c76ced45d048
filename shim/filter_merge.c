/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's own filter and the supervisor's as one program. Two filters beside each other would
 * not do: installing the second is a call that the first may forbid, and the kernel prefers the
 * action of either that hides most. In one, what the container's filter lets pass meets the
 * supervisor's; what it refuses, it refuses in every run alike, as it is part of the config.
 */
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/own.h"
#include "shim/filter.h"

enum { MAX_INSNS = 4096 };

static bool passes(uint32_t action)
{
	action &= SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* Without the tracer that it has in mind, which is not ours, SCMP_ACT_TRACE means ENOSYS. */
static uint32_t refusal(uint32_t action)
{
	if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE)
		return SECCOMP_RET_ERRNO | (uint32_t) ENOSYS;
	return action;
}

static int merge_one(struct sock_filter *f, size_t at, size_t n, bool agent, struct err *e)
{
	if (BPF_CLASS(f->code) != BPF_RET)
		return 0;
	if (BPF_RVAL(f->code) != BPF_K)
		return fail_msg(e, EINVAL, "filter: it returns what it computed");
	if ((f->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF && agent)
		return 0; /* what its listener gets we never see */
	if ((f->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
		return fail_msg(e, EOPNOTSUPP, "linux.seccomp: SCMP_ACT_NOTIFY lets an agent outside "
			"answer calls unseen by the supervisor: take the rule out, or run with "
			"--determinism=off");
	if (passes(f->k))
		*f = (struct sock_filter) BPF_STMT(BPF_JMP | BPF_JA, (uint32_t) (n - at - 1));
	else
		f->k = refusal(f->k);
	return 0;
}

int filter_merge(const struct sock_fprog *first, const struct sock_fprog *then, bool agent,
	struct sock_fprog *ret, struct err *e)
{
	size_t n = first->len + (size_t) then->len;
	own_free struct sock_filter *f = calloc(n, sizeof *f);

	if (!f)
		return fail(e, ENOMEM, "filter");
	if (n > MAX_INSNS)
		return fail_msg(e, E2BIG, "linux.seccomp: %u instructions and the supervisor's %u are "
			"more than the kernel's %d: use fewer rules, or --determinism=off",
			first->len, then->len, MAX_INSNS);
	memcpy(f, first->filter, first->len * sizeof *f);
	memcpy(f + first->len, then->filter, then->len * sizeof *f);
	for (size_t i = 0; i < first->len; i++) {
		int r = merge_one(&f[i], i, first->len, agent, e);

		if (r < 0)
			return r;
	}
	*ret = (struct sock_fprog) { .len = (unsigned short) n, .filter = take_ptr(f) };
	return 0;
}
