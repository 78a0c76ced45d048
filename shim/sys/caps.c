/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities, as the kernel has them: root has all, a change of user takes them away unless they
 * are to be kept, exec gives what the user has. The bounding set can't be made smaller.
 */
#include "shim/sys/caps.h"

#include <errno.h>
#include <linux/capability.h>

#include "shim/world.h"

struct caps caps_of(const struct ids *ids)
{
	if (ids->has_caps || ids->euid)
		return ids->caps;
	return (struct caps){ .effective = CAPS_ALL, .permitted = CAPS_ALL };
}

bool caps_has(const struct ids *ids, int cap)
{
	return caps_of(ids).effective >> cap & 1;
}

static void set_caps(struct ids *ids, struct caps k)
{
	ids->caps = k;
	ids->has_caps = true;
}

static bool any_root(const struct ids *ids)
{
	return !ids->ruid || !ids->euid || !ids->suid;
}

void caps_new_user(struct ids *ids, const struct ids *old)
{
	struct caps k = caps_of(old);

	if (any_root(old) && !any_root(ids) && !ids->keep_caps)
		k.permitted = k.effective = 0;
	if (!old->euid && ids->euid)
		k.effective = 0;
	if (old->euid && !ids->euid)
		k.effective = k.permitted;
	set_caps(ids, k);
}

void caps_exec(struct ids *ids)
{
	uint64_t all = !ids->euid || !ids->ruid ? CAPS_ALL : 0;

	ids->keep_caps = false;
	set_caps(ids, (struct caps){ .effective = ids->euid ? 0 : all, .permitted = all,
		.inheritable = ids->caps.inheritable });
}

static bool virtual(const struct call *c)
{
	return c->w->o && c->w->o->virtual_ids;
}

/* How many words the caller's version has; 0: it is asked to use another one. */
static long cap_words(struct call *c, struct __user_cap_header_struct *h)
{
	static const uint32_t newest = _LINUX_CAPABILITY_VERSION_3;

	if (in_at(c, c->a[0], h, sizeof *h) < 0)
		return -EFAULT;
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1: return 1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3: return 2;
	}
	return out_at(c, c->a[0], &newest, sizeof newest);
}

/* What config.json lets a process inherit but not have is shown as inheritable, and can be dropped. */
static void capget_leave(struct call *c)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct *d;
	struct task *t;
	long n;

	if (c->ret < 0 || !c->a[1] || (n = cap_words(c, &h)) <= 0)
		return;
	t = h.pid ? task_by_vpid(c->w, h.pid) : c->t;
	d = t && t->proc->attr.inheritable ? fix(c, 1, (size_t) n * sizeof *d) : NULL;
	for (long i = 0; d && i < n; i++)
		d[i].inheritable |= (uint32_t) (t->proc->attr.inheritable >> 32 * i);
}

/* The kernel would refuse what it hasn't given. */
static long capset_real(struct call *c)
{
	uint64_t unheld = c->t->proc->attr.inheritable, at = (c->t->regs.rsp - 512) & ~15ull;
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2] = { 0 };
	long n;

	if (!unheld || (n = cap_words(c, &h)) <= 0 || in_at(c, c->a[1], d, (size_t) n * sizeof *d) < 0)
		return call_run_leave(c);
	c->scratch[0] = d[0].inheritable | (uint64_t) d[1].inheritable << 32;
	for (long i = 0; i < n; i++)
		d[i].inheritable &= ~(uint32_t) (unheld >> 32 * i);
	if (out_at(c, at, d, (size_t) n * sizeof *d) < 0)
		return -EFAULT;
	call_karg(c, 1, at);
	return call_run_leave(c);
}

static void capset_leave(struct call *c)
{
	if (c->karg && c->ret == 0)
		c->t->proc->attr.inheritable &= c->scratch[0];
}

static long capget_enter(struct call *c)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct *d;
	struct caps k;
	struct task *t;
	long n;

	if (!virtual(c))
		return call_run_leave(c);
	n = cap_words(c, &h);
	if (n <= 0)
		return n < 0 ? n : c->a[1] ? -EINVAL : 0;
	t = h.pid ? task_by_vpid(c->w, h.pid) : c->t;
	if (!t)
		return -ESRCH;
	if (!c->a[1])
		return 0;
	d = out(c, 1, (size_t) n * sizeof *d);
	if (!d)
		return -EFAULT;
	k = caps_of(&t->proc->ids);
	for (long i = 0; i < n; i++) {
		d[i].effective = (uint32_t) (k.effective >> 32 * i);
		d[i].permitted = (uint32_t) (k.permitted >> 32 * i);
		d[i].inheritable = (uint32_t) (k.inheritable >> 32 * i);
	}
	return 0;
}

static long capset_enter(struct call *c)
{
	struct ids *ids = &c->t->proc->ids;
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2] = { 0 };
	struct caps k, old = caps_of(ids);
	long n;

	if (!virtual(c))
		return capset_real(c);
	n = cap_words(c, &h);
	if (n <= 0)
		return n < 0 ? n : -EINVAL;
	if (in_at(c, c->a[1], d, (size_t) n * sizeof *d) < 0)
		return -EFAULT;
	if (h.pid && task_by_vpid(c->w, h.pid) != c->t)
		return -EPERM;
	k.effective = (d[0].effective | (uint64_t) d[1].effective << 32) & CAPS_ALL;
	k.permitted = (d[0].permitted | (uint64_t) d[1].permitted << 32) & CAPS_ALL;
	k.inheritable = (d[0].inheritable | (uint64_t) d[1].inheritable << 32) & CAPS_ALL;
	if (k.permitted & ~old.permitted || k.effective & ~k.permitted)
		return -EPERM;
	if (!caps_has(ids, CAP_SETPCAP) && k.inheritable & ~(old.inheritable | old.permitted))
		return -EPERM;
	set_caps(ids, k);
	return 0;
}

static const struct row rows[] = {
	{ SYS(capget, 125), EMULATE, .arg = { PTR(header), PTR(data) }, .enter = capget_enter,
	  .leave = capget_leave,
	  .why = "virtual: root has all capabilities that the guest's kernel knows, others none" },
	{ SYS(capset, 126), EMULATE, .arg = { PTR(header), PTR(data) }, .enter = capset_enter,
	  .leave = capset_leave,
	  .why = "virtual, under the kernel's rules; only those over ids are asked for" },
};
FAMILY(caps, "Capabilities");
