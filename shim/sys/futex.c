/* SPDX-License-Identifier: Apache-2.0 */
/* Futexes: queues of the supervisor's, in order of arrival. The kernel's are never used. */
#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/engine.h"
#include "shim/sys/vclock.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#ifndef FUTEX_32
#define FUTEX_32 2
#endif

enum { MAX_ROBUST = 2048 }; /* the kernel's own limit */

struct key {
	uint64_t k1, k2;
};

static struct key key_at(struct task *t, uint64_t addr, bool private)
{
	struct key k = { t->mm->id, addr };

	if (!private && task_map_at(t, addr, &k.k1, &k.k2) <= 0)
		k = (struct key){ t->mm->id, addr };
	return k;
}

static struct key key_of(struct call *c, uint64_t addr)
{
	return key_at(c->t, addr, c->a[1] & FUTEX_PRIVATE_FLAG);
}

static long word(struct call *c, uint64_t addr, uint32_t *ret)
{
	if (addr % 4)
		return -EINVAL;
	return in_at(c, addr, ret, sizeof *ret);
}

/* The time-out in argument 3 as a deadline. */
static long deadline(struct call *c, bool relative, bool real, uint64_t *ret)
{
	struct timespec ts;
	uint64_t ns;

	*ret = NO_DEADLINE;
	if (!c->a[3])
		return 0;
	if (in_at(c, c->a[3], &ts, sizeof ts) < 0)
		return -EFAULT;
	if (ts_to_ns(&ts, &ns) < 0)
		return -EINVAL;
	if (relative)
		*ret = wait_deadline(c, ns);
	else
		*ret = vclock_to_now(c, real ? CLOCK_REALTIME : CLOCK_MONOTONIC, ns);
	return 0;
}

static long block(struct call *c, uint64_t until, uint32_t mask)
{
	struct key k = key_of(c, c->a[0]);
	struct wait w = { .kind = W_FUTEX, .key1 = k.k1, .key2 = k.k2, .deadline = until,
		.mask = mask, .intr = until == NO_DEADLINE ? RESTARTSYS : RESTARTNOHAND };

	return call_block(c, w);
}

static long wait(struct call *c, bool relative, uint32_t mask)
{
	uint64_t until;
	uint32_t now;
	long r;

	if (!mask)
		return -EINVAL;
	if (c->again) {
		wait_done(c);
		return c->timed_out ? -ETIMEDOUT : 0;
	}
	r = deadline(c, relative, c->a[1] & FUTEX_CLOCK_REALTIME, &until);
	if (r == 0)
		r = word(c, c->a[0], &now);
	if (r < 0)
		return r;
	if (now != (uint32_t) c->a[2]) {
		wait_done(c);
		return -EAGAIN;
	}
	if (until <= c->w->now)
		return -ETIMEDOUT;
	return block(c, until, mask);
}

/* As the kernel: at least one, whatever the number says. */
static long count(uint64_t a)
{
	return (int32_t) a < 1 ? 1 : (int32_t) a;
}

static long wake(struct call *c, uint32_t mask)
{
	struct key k;

	if (c->a[0] % 4 || !mask)
		return -EINVAL;
	k = key_of(c, c->a[0]);
	return wake_futex(c->w, k.k1, k.k2, mask, count(c->a[2]));
}

static long requeue(struct call *c, bool cmp)
{
	int32_t nwake = (int32_t) c->a[2], nmove = (int32_t) c->a[3];
	struct key k, to;
	uint32_t now;
	long r;

	if (nwake < 0 || nmove < 0 || c->a[0] % 4 || c->a[4] % 4)
		return -EINVAL;
	if (cmp) {
		r = word(c, c->a[0], &now);
		if (r < 0)
			return r;
		if (now != (uint32_t) c->a[5])
			return -EAGAIN;
	}
	k = key_of(c, c->a[0]);
	to = key_of(c, c->a[4]);
	return requeue_futex(c->w, k.k1, k.k2, to.k1, to.k2, nwake, nmove);
}

/* ---- FUTEX_WAKE_OP ---- */

static int32_t sign12(uint32_t v)
{
	return (int32_t) (v << 20) >> 20;
}

static long apply(uint32_t op, uint32_t old, uint32_t *ret)
{
	uint32_t arg = (uint32_t) sign12(op >> 12 & 0xfff);

	if (op >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	switch (op >> 28 & 7) {
	case FUTEX_OP_SET: *ret = arg; return 0;
	case FUTEX_OP_ADD: *ret = old + arg; return 0;
	case FUTEX_OP_OR: *ret = old | arg; return 0;
	case FUTEX_OP_ANDN: *ret = old & ~arg; return 0;
	case FUTEX_OP_XOR: *ret = old ^ arg; return 0;
	}
	return -ENOSYS;
}

static long holds(uint32_t op, uint32_t value)
{
	int32_t v = (int32_t) value, arg = sign12(op & 0xfff);

	switch (op >> 24 & 15) {
	case FUTEX_OP_CMP_EQ: return v == arg;
	case FUTEX_OP_CMP_NE: return v != arg;
	case FUTEX_OP_CMP_LT: return v < arg;
	case FUTEX_OP_CMP_GE: return v >= arg;
	case FUTEX_OP_CMP_LE: return v <= arg;
	case FUTEX_OP_CMP_GT: return v > arg;
	}
	return -ENOSYS;
}

static long wake_op(struct call *c)
{
	uint32_t op = (uint32_t) c->a[5], old, new;
	struct key k;
	long n, r = word(c, c->a[4], &old);

	if (r < 0 || c->a[0] % 4)
		return r < 0 ? r : -EINVAL;
	r = apply(op, old, &new);
	if (r < 0)
		return r;
	r = out_at(c, c->a[4], &new, sizeof new);
	if (r < 0)
		return r;
	r = holds(op, old);
	if (r < 0)
		return r;
	k = key_of(c, c->a[0]);
	n = wake_futex(c->w, k.k1, k.k2, ~0u, count(c->a[2]));
	if (r) {
		k = key_of(c, c->a[4]);
		n += wake_futex(c->w, k.k1, k.k2, ~0u, count(c->a[3]));
	}
	return n;
}

/* ---- priority inheritance: ownership is in the word, priorities have no effect ---- */

static bool others_wait(struct call *c, struct key k)
{
	return futex_waiter(c->w, k.k1, k.k2);
}

static long lock_pi(struct call *c, bool try, bool real)
{
	uint32_t tid = (uint32_t) task_vtid(c->t), now, new;
	uint64_t until;
	long r = word(c, c->a[0], &now);

	if (r < 0)
		return r;
	if ((now & FUTEX_TID_MASK) == tid)
		return -EDEADLK;
	if (!(now & FUTEX_TID_MASK)) {
		new = tid | (now & FUTEX_OWNER_DIED);
		if (others_wait(c, key_of(c, c->a[0])))
			new |= FUTEX_WAITERS;
		return out_at(c, c->a[0], &new, sizeof new);
	}
	if (try)
		return -EAGAIN;
	if (c->timed_out)
		return -ETIMEDOUT;
	if (!task_by_vpid(c->w, (pid_t) (now & FUTEX_TID_MASK)))
		return -ESRCH;
	r = deadline(c, false, real, &until);
	new = now | FUTEX_WAITERS;
	if (r == 0)
		r = out_at(c, c->a[0], &new, sizeof new);
	return r < 0 ? r : block(c, until, ~0u);
}

/* Handed to whoever comes first: the woken one, as long as its bit keeps user space off. */
static long unlock_pi(struct call *c)
{
	struct key k;
	uint32_t now, new;
	long r = word(c, c->a[0], &now);

	if (r < 0)
		return r;
	if ((now & FUTEX_TID_MASK) != (uint32_t) task_vtid(c->t))
		return -EPERM;
	k = key_of(c, c->a[0]);
	new = others_wait(c, k) ? FUTEX_WAITERS : 0;
	r = out_at(c, c->a[0], &new, sizeof new);
	if (r < 0)
		return r;
	wake_futex(c->w, k.k1, k.k2, ~0u, 1);
	return 0;
}

static long futex_enter(struct call *c)
{
	bool real = c->a[1] & FUTEX_CLOCK_REALTIME;

	switch (c->a[1] & FUTEX_CMD_MASK) {
	case FUTEX_WAIT: return wait(c, true, ~0u);
	case FUTEX_WAIT_BITSET: return wait(c, false, (uint32_t) c->a[5]);
	case FUTEX_WAKE: return wake(c, ~0u);
	case FUTEX_WAKE_BITSET: return wake(c, (uint32_t) c->a[5]);
	case FUTEX_REQUEUE: return requeue(c, false);
	case FUTEX_CMP_REQUEUE: return requeue(c, true);
	case FUTEX_WAKE_OP: return wake_op(c);
	case FUTEX_LOCK_PI: return lock_pi(c, false, true);
	case FUTEX_LOCK_PI2: return lock_pi(c, false, real);
	case FUTEX_TRYLOCK_PI: return lock_pi(c, true, true);
	case FUTEX_UNLOCK_PI: return unlock_pi(c);
	}
	return -ENOSYS;
}

/* ---- a task ends ---- */

static bool get(struct world *w, struct task *t, uint64_t at, void *p, size_t n)
{
	return w->ops->read(t, at, p, n) == (ssize_t) n;
}

/* One entry of the list is a lock of the task's: a waiter of it will learn that its owner died. */
static void robust_one(struct world *w, struct task *t, uint64_t entry, int64_t off)
{
	uint64_t at = (entry & ~1ull) + (uint64_t) off, *keys;
	struct key k = { t->mm->id, at };
	uint32_t v;

	if (at % 4 || !get(w, t, at, &v, sizeof v) ||
		(v & FUTEX_TID_MASK) != (uint32_t) task_vtid(t))
		return;
	if (task_map_at(t, at, &k.k1, &k.k2) <= 0)
		k = (struct key){ t->mm->id, at };
	keys = realloc(t->robust, (t->nrobust + 1) * sizeof k);
	must_mem(keys);
	memcpy(&keys[2 * t->nrobust++], &k, sizeof k);
	t->robust = keys;
}

void futex_dying(struct world *w, struct task *t)
{
	struct { uint64_t next; int64_t off; uint64_t pending; } head;
	uint64_t at = 0, entry;
	size_t len;

	if (t->setup || t->quiet || t->robust ||
		syscall(SYS_get_robust_list, t->pid, &at, &len) < 0 || !at ||
		!get(w, t, at, &head, sizeof head))
		return;
	entry = head.next;
	for (unsigned i = 0; i < MAX_ROBUST && (entry & ~1ull) != at; i++) {
		if ((entry & ~1ull) != (head.pending & ~1ull))
			robust_one(w, t, entry, head.off);
		if (!get(w, t, entry & ~1ull, &entry, sizeof entry))
			break;
	}
	if (head.pending)
		robust_one(w, t, head.pending, head.off);
}

/* The first thread's address was set untrapped: those who may wait for it look again. */
static void wake_joiners(struct world *w, struct task *t)
{
	for (struct task *o = w->tasks; o; o = o->next)
		if (o != t && o->mm == t->mm && o->state == T_BLOCKED && o->c.wait.kind == W_FUTEX &&
			o->c.wait.key1 == t->mm->id)
			wake_futex(w, o->c.wait.key1, o->c.wait.key2, ~0u, 1);
}

void futex_exit(struct world *w, struct task *t)
{
	for (size_t i = 0; i < t->nrobust; i++) /* the kernel has marked them */
		wake_futex(w, t->robust[2 * i], t->robust[2 * i + 1], ~0u, 1);
	free(t->robust);
	t->robust = NULL;
	t->nrobust = 0;
	if (t->setup || t->quiet || t->mm->refs < 2)
		return;
	if (t->clear_tid)
		wake_futex(w, t->mm->id, t->clear_tid, ~0u, 1);
	else
		wake_joiners(w, t);
}

#define OP(n) { n, #n }, { n | FUTEX_PRIVATE_FLAG, #n "_PRIVATE" }
static const struct flag_name ops[] = {
	OP(FUTEX_WAIT), OP(FUTEX_WAKE), OP(FUTEX_REQUEUE), OP(FUTEX_CMP_REQUEUE), OP(FUTEX_WAKE_OP),
	OP(FUTEX_LOCK_PI), OP(FUTEX_UNLOCK_PI), OP(FUTEX_TRYLOCK_PI), OP(FUTEX_WAIT_BITSET),
	OP(FUTEX_WAKE_BITSET), OP(FUTEX_LOCK_PI2),
	{ FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, "FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME" },
	{ FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME,
	  "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME" },
	{ 0, NULL },
};

/* ---- futex_waitv ---- */

struct place { /* the kernel's struct futex_waitv */
	uint64_t val, addr;
	uint32_t flags, reserved;
};

enum { PLACES_MAX = 128 };

static long load_places(struct call *c, struct place *p)
{
	if (in_at(c, c->a[0], p, c->a[1] * sizeof *p) < 0)
		return -EFAULT;
	for (unsigned i = 0; i < c->a[1]; i++) {
		if (p[i].reserved || (p[i].flags & ~(uint32_t) FUTEX_PRIVATE_FLAG) != FUTEX_32 ||
			(uint32_t) p[i].val != p[i].val)
			return -EINVAL;
	}
	return 0;
}

static long check_places(struct call *c, const struct place *p)
{
	for (unsigned i = 0; i < c->a[1]; i++) {
		uint32_t now;
		long r = word(c, p[i].addr, &now);

		if (r < 0)
			return r;
		if (now != p[i].val)
			return -EAGAIN;
	}
	return 0;
}

static long waitv_block(struct call *c, const struct place *p, uint64_t until)
{
	struct task *t = c->t;

	t->nplaces = (unsigned) c->a[1];
	t->places = calloc(t->nplaces, sizeof *t->places);
	must_mem(t->places);
	for (unsigned i = 0; i < t->nplaces; i++) {
		struct key k = key_at(t, p[i].addr, p[i].flags & FUTEX_PRIVATE_FLAG);

		t->places[i].key1 = k.k1;
		t->places[i].key2 = k.k2;
	}
	return call_block(c, (struct wait){ .kind = W_FUTEX, .deadline = until, .intr = RESTARTSYS });
}

static long waitv_enter(struct call *c)
{
	int clock = (int) c->a[4];
	struct place *p;
	uint64_t until;
	long r;

	if (c->again)
		return c->timed_out ? -ETIMEDOUT : (long) c->t->woken_at;
	if (c->a[2] || !c->a[1] || c->a[1] > PLACES_MAX || !c->a[0] ||
		(c->a[3] && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC))
		return -EINVAL;
	r = deadline(c, false, clock == CLOCK_REALTIME, &until);
	if (r < 0)
		return r;
	p = call_mem(c, c->a[1] * sizeof *p);
	r = load_places(c, p);
	if (!r)
		r = check_places(c, p);
	if (r < 0)
		return r;
	return until <= c->w->now ? -ETIMEDOUT : waitv_block(c, p, until);
}

static const struct row rows[] = {
	{ SYS(futex, 202), EMULATE,
	  .arg = { PTR(addr), FLAGS(op, ops), UINT(val), UINT(timeout), PTR(addr2), UINT(val3) },
	  .enter = futex_enter, .flags = MAY_BLOCK | CACHE_KEEP,
	  .why = "queues of the supervisor's, woken in order of arrival" },
	{ SYS(futex_waitv, 449), EMULATE,
	  .arg = { PTR(waiters), UINT(n), UINT(flags), UINT(timeout), INT(clock) },
	  .enter = waitv_enter, .flags = MAY_BLOCK | CACHE_KEEP,
	  .why = "a place in each of the queues; woken at the first that is served" },
	{ SYS(set_robust_list, 273), PASS, .arg = { PTR(head), UINT(len) },
	  .why = "deterministic; the supervisor asks for it when the task ends" },
	{ SYS(get_robust_list, 274), PASS, .arg = { INT(pid), PTR(head), PTR(len) },
	  .why = "deterministic" },
	{ SYS(set_tid_address, 218), PASS, .arg = { PTR(addr) }, .why = "deterministic" },
};
FAMILY(futex, "Futexes");
