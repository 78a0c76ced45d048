/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/futex.h>
#include <sched.h>
#include <time.h>

#include "tests/check.h"
#include "tests/sys/fake.h"

#define PRIV FUTEX_PRIVATE_FLAG
#define WORD(f, addr) FAKE_AT(f, uint32_t, addr)
#define THREAD (CLONE_VM | CLONE_THREAD)

TEST(another_value_does_not_wait)
{
	struct fake f = { 0 };

	WORD(&f, 0x100) = 1;
	EQ(fake_sys(&f, "futex", 0x100, FUTEX_WAIT | PRIV, 2, 0), -EAGAIN);
	EQ(fake_sys(&f, "futex", 0x101, FUTEX_WAIT | PRIV, 2, 0), -EINVAL);
	EQ(fake_sys(&f, "futex", 0, FUTEX_WAIT | PRIV, 2, 0), -EFAULT);
	EQ(fake_sys(&f, "futex", 0x100, FUTEX_WAKE | PRIV, 1), 0);
	EQ(fake_sys(&f, "futex", 0x100, FUTEX_WAIT_REQUEUE_PI | PRIV, 1), -ENOSYS);
	fake_free(&f);
}

TEST(woken_in_order_of_arrival)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, THREAD), *c = fake_task(&f, a, THREAD);

	EQ(fake_sys_as(&f, c, "futex", 0x100, FUTEX_WAIT | PRIV, 0, 0), FAKE_BLOCKED);
	EQ(fake_sys_as(&f, b, "futex", 0x100, FUTEX_WAIT | PRIV, 0, 0), FAKE_BLOCKED);
	EQ(fake_sys_as(&f, a, "futex", 0x200, FUTEX_WAKE | PRIV, 5), 0);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE | PRIV, 1), 1);
	EQ(c->state, T_READY);
	EQ(fake_result(c), 0);
	EQ(b->state, T_BLOCKED);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE | PRIV, 1), 1);
	EQ(b->state, T_READY);
	fake_free(&f);
}

TEST(a_queue_is_left_anywhere)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *t[5];

	for (int i = 0; i < 5; i++) {
		t[i] = fake_task(&f, a, THREAD);
		EQ(fake_sys_as(&f, t[i], "futex", 0x100, FUTEX_WAIT | PRIV, 0, 0), FAKE_BLOCKED);
	}
	task_free(&f.w, t[2]);
	task_free(&f.w, t[0]);
	engine_interrupt(&f.w, t[4]);
	futex_leave(&f.w, t[1]);
	futex_join(&f.w, t[1]); /* anew, behind the others */
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE | PRIV, 1), 1);
	EQ(t[3]->state, T_READY);
	EQ(t[1]->state, T_BLOCKED);
	t[3]->c.wait = t[1]->c.wait;
	t[3]->c.again = true; /* this one keeps its place before it */
	futex_join(&f.w, t[3]);
	OK(futex_waiter(&f.w, t[1]->c.wait.key1, t[1]->c.wait.key2)->t == t[3]);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE | PRIV, 9), 2);
	EQ(f.w.futexes.n, 0);
	fake_free(&f);
}

TEST(time_outs)
{
	struct fake f = { .opts.epoch = 1000 };
	struct task *a = fake_up(&f);

	FAKE_AT(&f, struct timespec, 0x200) = (struct timespec){ 5, 0 };
	EQ(fake_sys(&f, "futex", 0x100, FUTEX_WAIT | PRIV, 0, 0x200), FAKE_BLOCKED);
	OK(fake_run(&f) == a);
	EQ(fake_result(a), -ETIMEDOUT);
	EQ(f.w.now / NSEC, 1005);
	FAKE_AT(&f, struct timespec, 0x200) = (struct timespec){ 120, 0 };
	EQ(fake_sys(&f, "futex", 0x100, FUTEX_WAIT_BITSET | PRIV, 0, 0x200, 0, ~0u), FAKE_BLOCKED);
	OK(fake_run(&f) == a);
	EQ(f.w.now / NSEC, 1020); /* on the monotonic clock */
	FAKE_AT(&f, struct timespec, 0x200) = (struct timespec){ 1030, 0 };
	EQ(fake_sys(&f, "futex", 0x100, FUTEX_WAIT_BITSET | PRIV | FUTEX_CLOCK_REALTIME, 0, 0x200,
		   0, ~0u), FAKE_BLOCKED);
	OK(fake_run(&f) == a);
	EQ(f.w.now / NSEC, 1030);
	EQ(fake_sys(&f, "futex", 0x100, FUTEX_WAIT_BITSET | PRIV, 0, 0x200, 0, 0), -EINVAL);
	fake_free(&f);
}

TEST(bits_choose)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, THREAD);

	EQ(fake_sys_as(&f, b, "futex", 0x100, FUTEX_WAIT_BITSET | PRIV, 0, 0, 0, 2), FAKE_BLOCKED);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE_BITSET | PRIV, 9, 0, 0, 1), 0);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE_BITSET | PRIV, 9, 0, 0, 3), 1);
	fake_free(&f);
}

TEST(requeued_waiters_wait_elsewhere)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, THREAD), *c = fake_task(&f, a, THREAD);

	fake_sys_as(&f, b, "futex", 0x100, FUTEX_WAIT | PRIV, 0, 0);
	fake_sys_as(&f, c, "futex", 0x100, FUTEX_WAIT | PRIV, 0, 0);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_CMP_REQUEUE | PRIV, 1, 9, 0x200, 7), -EAGAIN);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_CMP_REQUEUE | PRIV, 1, 9, 0x200, 0), 2);
	EQ(b->state, T_READY);
	EQ(c->state, T_BLOCKED);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE | PRIV, 9), 0);
	EQ(fake_sys_as(&f, a, "futex", 0x200, FUTEX_WAKE | PRIV, 9), 1);
	fake_free(&f);
}

TEST(wake_op_changes_the_second_word)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, THREAD);

	fake_sys_as(&f, b, "futex", 0x200, FUTEX_WAIT | PRIV, 0, 0);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE_OP | PRIV, 1, 1, 0x200,
		   FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)), 1);
	EQ(WORD(&f, 0x200), 5);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAKE_OP | PRIV, 1, 1, 0x200,
		   FUTEX_OP(FUTEX_OP_ADD, 2, FUTEX_OP_CMP_EQ, 0)), 0);
	EQ(WORD(&f, 0x200), 7);
	fake_free(&f);
}

TEST(owned_locks)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, THREAD);

	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_LOCK_PI | PRIV, 0, 0), 0);
	EQ(WORD(&f, 0x100), 1);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_LOCK_PI | PRIV, 0, 0), -EDEADLK);
	EQ(fake_sys_as(&f, b, "futex", 0x100, FUTEX_TRYLOCK_PI | PRIV, 0, 0), -EAGAIN);
	EQ(fake_sys_as(&f, b, "futex", 0x100, FUTEX_UNLOCK_PI | PRIV, 0, 0), -EPERM);
	EQ(fake_sys_as(&f, b, "futex", 0x100, FUTEX_LOCK_PI | PRIV, 0, 0), FAKE_BLOCKED);
	EQ(WORD(&f, 0x100), 1 | FUTEX_WAITERS);
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_UNLOCK_PI | PRIV, 0, 0), 0);
	EQ(b->state, T_READY);
	EQ(fake_result(b), 0);
	EQ(WORD(&f, 0x100), 2);
	fake_free(&f);
}

TEST(an_exit_wakes_the_joiner)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, THREAD);

	b->clear_tid = 0x100;
	WORD(&f, 0x100) = 2;
	EQ(fake_sys_as(&f, a, "futex", 0x100, FUTEX_WAIT, 2, 0), FAKE_BLOCKED);
	futex_exit(&f.w, b);
	EQ(a->state, T_READY);
	fake_free(&f);
}

CHECK_MAIN
