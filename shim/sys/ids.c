/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users, groups. With virtual ids they are numbers of the process's, under the
 * kernel's rules: whoever runs outside, inside is root or whom the command line names. Without, the
 * kernel's own in the container's user namespace.
 */
#include <errno.h>
#include <linux/capability.h>

#include "runtime/base/own.h"
#include "shim/sys/caps.h"

enum { KEEP = 0xffffffff };

static bool virtual(const struct call *c)
{
	return c->w->o && c->w->o->virtual_ids;
}

static struct ids *ids(struct call *c)
{
	return &c->t->proc->ids;
}

/* ---- one value ---- */

#define GETTER(name, field)                                    \
	static long name##_enter(struct call *c)               \
	{                                                      \
		return virtual(c) ? ids(c)->field : call_run(c); \
	}
GETTER(getuid, ruid)
GETTER(geteuid, euid)
GETTER(getgid, rgid)
GETTER(getegid, egid)

/* ---- users and groups follow the same rules ---- */

struct trio { /* one kind of id, by its places */
	uint32_t *r, *e, *s, *fs;
	bool any; /* may become whichever */
};

static struct trio users(struct call *c)
{
	return (struct trio){ &ids(c)->ruid, &ids(c)->euid, &ids(c)->suid, &ids(c)->fsuid,
		caps_has(ids(c), CAP_SETUID) };
}

static struct trio groups(struct call *c)
{
	return (struct trio){ &ids(c)->rgid, &ids(c)->egid, &ids(c)->sgid, &ids(c)->fsgid,
		caps_has(ids(c), CAP_SETGID) };
}

static bool among(const struct trio *t, uint32_t id)
{
	return id == *t->r || id == *t->e || id == *t->s;
}

static long set_one(struct call *c, struct trio t)
{
	uint32_t id = (uint32_t) c->a[0];

	if (id == KEEP)
		return -EINVAL;
	if (t.any)
		*t.r = *t.s = id;
	else if (id != *t.r && id != *t.s)
		return -EPERM;
	*t.e = *t.fs = id;
	return 0;
}

static long set_re(struct call *c, struct trio t)
{
	uint32_t r = (uint32_t) c->a[0], e = (uint32_t) c->a[1], old = *t.r;

	if (!t.any && ((r != KEEP && r != *t.r && r != *t.e) || (e != KEEP && !among(&t, e))))
		return -EPERM;
	if (e != KEEP)
		*t.e = e;
	if (r != KEEP)
		*t.r = r;
	if (r != KEEP || (e != KEEP && e != old))
		*t.s = *t.e;
	*t.fs = *t.e;
	return 0;
}

static long set_res(struct call *c, struct trio t)
{
	for (unsigned i = 0; i < 3; i++)
		if ((uint32_t) c->a[i] != KEEP && !t.any && !among(&t, (uint32_t) c->a[i]))
			return -EPERM;
	if ((uint32_t) c->a[0] != KEEP)
		*t.r = (uint32_t) c->a[0];
	if ((uint32_t) c->a[1] != KEEP)
		*t.e = (uint32_t) c->a[1];
	if ((uint32_t) c->a[2] != KEEP)
		*t.s = (uint32_t) c->a[2];
	*t.fs = *t.e;
	return 0;
}

static long set_fs(struct call *c, struct trio t)
{
	uint32_t id = (uint32_t) c->a[0], old = *t.fs;

	if (id != KEEP && (t.any || among(&t, id) || id == old))
		*t.fs = id;
	return old;
}

static long get_res(struct call *c, struct trio t)
{
	const uint32_t v[3] = { *t.r, *t.e, *t.s };

	for (unsigned i = 0; i < 3; i++) {
		uint32_t *p = out(c, i, sizeof *p);

		if (!p)
			return -EFAULT;
		*p = v[i];
	}
	return 0;
}

static long change_user(struct call *c, long (*how)(struct call *c, struct trio t))
{
	const struct ids old = *ids(c);
	long r = how(c, users(c));

	if (!r)
		caps_new_user(ids(c), &old);
	return r;
}

#define ONE(name, answer)                                           \
	static long name##_enter(struct call *c)                    \
	{                                                           \
		return virtual(c) ? answer : call_run_leave(c);     \
	}
#define FOR_BOTH(u, g, how) ONE(u, how(c, users(c))) ONE(g, how(c, groups(c)))
#define CHANGE(u, g, how) ONE(u, change_user(c, how)) ONE(g, how(c, groups(c)))
CHANGE(setuid, setgid, set_one)
CHANGE(setreuid, setregid, set_re)
CHANGE(setresuid, setresgid, set_res)
FOR_BOTH(getresuid, getresgid, get_res)
FOR_BOTH(setfsuid, setfsgid, set_fs)

/* ---- supplementary groups ---- */

static long getgroups_enter(struct call *c)
{
	int size = (int) c->a[0];
	unsigned n = ids(c)->ngroups;
	uint32_t *p;

	if (!virtual(c))
		return call_run_leave(c);
	if (size < 0 || (size && (unsigned) size < n))
		return -EINVAL;
	if (!size || !n)
		return n;
	p = out(c, 1, n * sizeof *p);
	if (!p)
		return -EFAULT;
	for (unsigned i = 0; i < n; i++)
		p[i] = ids(c)->groups[i];
	return n;
}

/* As the kernel keeps them: sorted. */
static void sort(uint32_t *p, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		uint32_t v = p[i];
		unsigned k = i;

		for (; k && p[k - 1] > v; k--)
			p[k] = p[k - 1];
		p[k] = v;
	}
}

static long setgroups_enter(struct call *c)
{
	uint32_t n = (uint32_t) c->a[0], list[ARRAY_LEN(ids(c)->groups)];

	if (!virtual(c))
		return call_run_leave(c);
	if (!caps_has(ids(c), CAP_SETGID))
		return -EPERM;
	if (n > ARRAY_LEN(list))
		return -EINVAL;
	if (in_at(c, c->a[1], list, n * sizeof *list) < 0)
		return -EFAULT;
	sort(list, n);
	for (unsigned i = 0; i < n; i++)
		ids(c)->groups[i] = list[i];
	ids(c)->ngroups = n;
	return 0;
}

#define WHY "virtual: whoever runs outside; the kernel's rules for changing them"
#define ID(n, number, ...) \
	{ SYS(n, number), EMULATE, .arg = { __VA_ARGS__ }, .enter = n##_enter, .why = WHY, \
	  .flags = NOTIFY_OURS }

static const struct row rows[] = {
	ID(getuid, 102),
	ID(getgid, 104),
	ID(geteuid, 107),
	ID(getegid, 108),
	ID(setuid, 105, INT(uid)),
	ID(setgid, 106, INT(gid)),
	ID(setreuid, 113, INT(ruid), INT(euid)),
	ID(setregid, 114, INT(rgid), INT(egid)),
	ID(getgroups, 115, INT(size), PTR(list)),
	ID(setgroups, 116, UINT(size), PTR(list)),
	ID(setresuid, 117, INT(ruid), INT(euid), INT(suid)),
	ID(getresuid, 118, OUT_AS(ruid, 4, int), OUT_AS(euid, 4, int), OUT_AS(suid, 4, int)),
	ID(setresgid, 119, INT(rgid), INT(egid), INT(sgid)),
	ID(getresgid, 120, OUT_AS(rgid, 4, int), OUT_AS(egid, 4, int), OUT_AS(sgid, 4, int)),
	ID(setfsuid, 122, INT(uid)),
	ID(setfsgid, 123, INT(gid)),
};
FAMILY(ids, "Users, groups");
