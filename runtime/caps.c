/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/caps.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int cap_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t) effective, (uint32_t) permitted, (uint32_t) inheritable },
		{ (uint32_t) (effective >> 32), (uint32_t) (permitted >> 32),
			(uint32_t) (inheritable >> 32) },
	};

	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static int cap_get(uint64_t *permitted)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	*permitted = d[0].permitted | (uint64_t) d[1].permitted << 32;
	return 0;
}

static int bound(uint64_t mask, struct err *e)
{
	for (unsigned long c = 0; c < 64; c++) {
		if (mask >> c & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL)
			return fail(e, errno, "drop capability %lu", c);
	}
	return 0;
}

static int set_ids(const struct spec_user *u, bool setgroups_ok, struct err *e)
{
	if (setgroups_ok && !u->keep_groups && setgroups(u->n_groups, u->groups) < 0)
		return fail(e, errno, "set the supplementary groups");
	if (!setgroups_ok && u->n_groups)
		return fail_msg(e, EPERM, "supplementary groups need a range of ids: "
			"add one for this user to /etc/subuid and /etc/subgid");
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return fail(e, errno, "become group %u (is it mapped?)", u->gid);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return fail(e, errno, "become user %u (is it mapped?)", u->uid);
	return 0;
}

static int ambient(uint64_t mask, struct err *e)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long c = 0; c < 64; c++) {
		if (!(mask >> c & 1))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			return fail(e, errno, "raise ambient capability %lu", c);
	}
	return 0;
}

int caps_apply(const struct spec_process *p, bool keep_ids, bool setgroups_ok, bool no_gain,
	struct err *e)
{
	const uint64_t admin = 1ULL << CAP_SYS_ADMIN;
	const struct spec_caps none = { .present = true }, *c = p->caps.present ? &p->caps : &none;
	uint64_t have = 0, keep, limit = no_gain ? c->permitted | c->effective : UINT64_MAX;
	int r = bound(c->bounding & limit, e);

	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "keep capabilities");
	if (!keep_ids) {
		r = set_ids(&p->user, setgroups_ok, e);
		if (r < 0)
			return r;
	}
	r = cap_get(&have);
	/* what the host's root lacks itself can't be given on: runc does the same */
	keep = have & (c->permitted | c->effective | admin);
	if (!r)
		r = cap_set(keep & (c->effective | admin), keep, c->inheritable & limit & have);
	if (r < 0)
		return fail(e, r, "set the capabilities");
	return ambient(c->ambient & c->permitted & c->inheritable & have, e);
}
