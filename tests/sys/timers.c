/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "tests/check.h"
#include "tests/sys/fake.h"

#define ITV(f, addr) FAKE_AT(f, struct itimerval, addr)
#define ITS(f, addr) FAKE_AT(f, struct itimerspec, addr)

TEST(alarm_counts_down)
{
	struct fake f = { .opts.epoch = 1000 };

	EQ(fake_sys(&f, "alarm", 30), 0);
	f.w.now += 10 * NSEC;
	EQ(fake_sys(&f, "alarm", 0), 20);
	EQ(fake_sys(&f, "alarm", 0), 0);
	EQ(timers_next(&f.w), NO_DEADLINE);
	fake_free(&f);
}

TEST(interval_timers_go_on)
{
	struct fake f = { .opts.epoch = 1000 };

	ITV(&f, 0x100) = (struct itimerval){ { 2, 0 }, { 5, 0 } };
	EQ(fake_sys(&f, "setitimer", ITIMER_REAL, 0x100, 0), 0);
	EQ(timers_next(&f.w), 1005 * NSEC);
	f.w.now = 1005 * NSEC;
	timers_fire(&f.w);
	EQ(timers_next(&f.w), 1007 * NSEC);
	f.w.now = 1012 * NSEC;
	timers_fire(&f.w);
	EQ(timers_next(&f.w), 1013 * NSEC);
	EQ(fake_sys(&f, "getitimer", ITIMER_REAL, 0x200), 0);
	EQ(ITV(&f, 0x200).it_value.tv_sec, 1);
	EQ(ITV(&f, 0x200).it_interval.tv_sec, 2);
	EQ(fake_sys(&f, "getitimer", 3, 0x200), -EINVAL);
	fake_free(&f);
}

TEST(profiling_counts_cpu_time)
{
	struct fake f = { .opts.epoch = 1000 };

	ITV(&f, 0x100) = (struct itimerval){ { 0, 0 }, { 0, 3 * STEP_NS / 1000 } };
	EQ(fake_sys(&f, "setitimer", ITIMER_PROF, 0x100, 0), 0);
	EQ(timers_next(&f.w), NO_DEADLINE); /* nobody waits for it */
	f.w.now += 60 * NSEC;
	timers_fire(&f.w);
	OK(f.w.cur->proc->itimer[ITIMER_PROF].deadline != NO_DEADLINE);
	for (int i = 0; i < 3; i++)
		fake_sys(&f, "time", 0);
	OK(f.w.now >= f.w.timer_due);
	timers_fire(&f.w);
	OK(f.w.cur->proc->itimer[ITIMER_PROF].deadline == NO_DEADLINE);
	fake_free(&f);
}

TEST(posix_timers)
{
	struct fake f = { .opts.epoch = 1000 };

	EQ(fake_sys(&f, "timer_create", CLOCK_MONOTONIC, 0, 0x100), 0);
	EQ(fake_sys(&f, "timer_create", CLOCK_REALTIME, 0, 0x104), 0);
	EQ(FAKE_AT(&f, int, 0x100), 0);
	EQ(FAKE_AT(&f, int, 0x104), 1);
	ITS(&f, 0x200) = (struct itimerspec){ { 1, 0 }, { 103, 0 } };
	EQ(fake_sys(&f, "timer_settime", 0, TIMER_ABSTIME, 0x200, 0), 0);
	EQ(timers_next(&f.w), 1003 * NSEC); /* the clock showed 100 at the start */
	f.w.now = 1010 * NSEC;
	timers_fire(&f.w);
	EQ(fake_sys(&f, "timer_getoverrun", 0), 7);
	EQ(fake_sys(&f, "timer_gettime", 0, 0x300), 0);
	EQ(ITS(&f, 0x300).it_interval.tv_sec, 1);
	EQ(fake_sys(&f, "timer_delete", 0), 0);
	EQ(fake_sys(&f, "timer_delete", 0), -EINVAL);
	EQ(fake_sys(&f, "timer_gettime", 1, 0x300), 0);
	EQ(ITS(&f, 0x300).it_value.tv_sec, 0);
	EQ(fake_sys(&f, "timer_create", CLOCK_MONOTONIC_RAW, 0, 0x100), -EOPNOTSUPP);
	EQ(fake_sys(&f, "timer_create", 77, 0, 0x100), -EINVAL);
	fake_free(&f);
}

TEST(children_have_no_timers)
{
	struct fake f = { .opts.epoch = 1000 };
	struct task *b;

	EQ(fake_sys(&f, "alarm", 30), 0);
	EQ(fake_sys(&f, "timer_create", CLOCK_REALTIME, 0, 0x100), 0);
	b = fake_task(&f, NULL, 0);
	EQ(fake_sys_as(&f, b, "alarm", 0), 0);
	EQ(fake_sys_as(&f, b, "timer_delete", 0), -EINVAL);
	fake_free(&f);
}

CHECK_MAIN
