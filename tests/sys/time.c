/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "shim/sys/vclock.h"
#include "tests/check.h"
#include "tests/sys/fake.h"

#define TS(f, addr) FAKE_AT(f, struct timespec, addr)

TEST(clocks_start_at_the_epoch)
{
	struct fake f = { .opts.epoch = 744847200 };

	EQ(fake_sys(&f, "time", 0), 744847200);
	EQ(fake_sys(&f, "clock_gettime", CLOCK_REALTIME, 0x100), 0);
	EQ(TS(&f, 0x100).tv_sec, 744847200);
	EQ(fake_sys(&f, "clock_gettime", CLOCK_MONOTONIC, 0x100), 0);
	EQ(TS(&f, 0x100).tv_sec, 100);
	EQ(fake_sys(&f, "clock_gettime", CLOCK_PROCESS_CPUTIME_ID, 0x100), 0);
	EQ(TS(&f, 0x100).tv_sec, 0);
	EQ(fake_sys(&f, "clock_gettime", 99, 0x100), -EINVAL);
	EQ(fake_sys(&f, "clock_gettime", 0, 0), -EFAULT);
	EQ(f.nkernel, 0);
	fake_free(&f);
}

TEST(who_is_killed_leaves_no_event)
{
	struct fake f = { 0 };
	uint64_t now;

	EQ(fake_sys(&f, "clock_gettime", CLOCK_REALTIME, 0x100), 0);
	EQ(fake_sys(&f, "nanosleep", 4, 0), -EFAULT);
	now = f.w.now;
	f.killed = true;
	fake_sys(&f, "nanosleep", 0x100, 0);
	EQ(f.w.now, now);
	fake_sys(&f, "clock_gettime", CLOCK_REALTIME, 0x100);
	EQ(f.w.now, now);
	fake_free(&f);
}

TEST(each_event_is_a_step)
{
	struct fake f = { .opts.epoch = 10 };
	long first;

	fake_sys(&f, "clock_gettime", CLOCK_REALTIME, 0x100);
	first = TS(&f, 0x100).tv_nsec;
	fake_sys(&f, "clock_gettime", CLOCK_REALTIME, 0x100);
	EQ(TS(&f, 0x100).tv_nsec - first, STEP_NS);
	fake_free(&f);
}

/* As mariadbd measures a clock: pairs of calls, until some have a millisecond's edge in between. */
static int edges(struct fake *f, int clock, int other_calls)
{
	int n = 0;

	for (int i = 0; i < 4000; i++) {
		long first;

		fake_sys(f, "clock_gettime", clock, 0x100);
		first = TS(f, 0x100).tv_nsec / 1000000;
		fake_sys(f, "clock_gettime", clock, 0x100);
		n += TS(f, 0x100).tv_nsec / 1000000 != first;
		for (int k = 0; k < other_calls; k++)
			fake_sys(f, "getppid");
	}
	return n;
}

TEST(edges_of_milliseconds_are_met_at_every_phase)
{
	struct fake f = { .opts.epoch = 10 };

	for (int other = 0; other < 9; other++)
		for (int late = 0; late < 2; late++) {
			OK(edges(&f, CLOCK_MONOTONIC_COARSE, other) >= 3);
			fake_sys(&f, "getppid");
		}
	fake_free(&f);
}

TEST(nobody_sets_the_clock)
{
	struct fake f = { 0 };

	EQ(fake_sys(&f, "settimeofday", 0x100, 0), -EPERM);
	EQ(fake_sys(&f, "clock_settime", CLOCK_REALTIME, 0x100), -EPERM);
	EQ(fake_sys(&f, "adjtimex", 0x200), 5);
	FAKE_AT(&f, unsigned, 0x200) = 1;
	EQ(fake_sys(&f, "adjtimex", 0x200), -EPERM);
	fake_free(&f);
}

TEST(a_sleep_jumps)
{
	struct fake f = { .opts.epoch = 1000 };
	struct task *t = fake_up(&f);

	TS(&f, 0x100) = (struct timespec){ 3600, 5 };
	EQ(fake_sys(&f, "nanosleep", 0x100, 0), FAKE_BLOCKED);
	OK(fake_run(&f) == t);
	EQ(fake_result(t), 0);
	EQ(f.w.now / NSEC, 4600);
	EQ(fake_sys(&f, "time", 0), 4600);
	/* CPU time has not moved with it */
	EQ(fake_sys(&f, "clock_gettime", CLOCK_PROCESS_CPUTIME_ID, 0x100), 0);
	EQ(TS(&f, 0x100).tv_sec, 0);
	fake_free(&f);
}

TEST(sleeps_end_in_order)
{
	struct fake f = { .opts.epoch = 1000 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, 0);

	TS(&f, 0x100) = (struct timespec){ 20, 0 };
	TS(&f, 0x200) = (struct timespec){ 1010, 0 };
	EQ(fake_sys_as(&f, a, "nanosleep", 0x100, 0), FAKE_BLOCKED);
	EQ(fake_sys_as(&f, b, "clock_nanosleep", CLOCK_REALTIME, TIMER_ABSTIME, 0x200), FAKE_BLOCKED);
	OK(fake_run(&f) == b);
	EQ(f.w.now / NSEC, 1010);
	TS(&f, 0x200) = (struct timespec){ 1, 0 };
	EQ(fake_sys_as(&f, b, "nanosleep", 0x200, 0), FAKE_BLOCKED);
	OK(fake_run(&f) == b);
	TS(&f, 0x200) = (struct timespec){ 100, 0 };
	EQ(fake_sys_as(&f, b, "nanosleep", 0x200, 0), FAKE_BLOCKED);
	OK(fake_run(&f) == a);
	EQ(f.w.now / NSEC, 1020);
	fake_free(&f);
}

TEST(bad_times_are_refused)
{
	struct fake f = { 0 };

	TS(&f, 0x100) = (struct timespec){ 1, 1000000000 };
	EQ(fake_sys(&f, "nanosleep", 0x100, 0), -EINVAL);
	TS(&f, 0x100) = (struct timespec){ -1, 0 };
	EQ(fake_sys(&f, "nanosleep", 0x100, 0), -EINVAL);
	EQ(fake_sys(&f, "nanosleep", 0, 0), -EFAULT);
	EQ(fake_sys(&f, "clock_nanosleep", 99, 0, 0x100), -EINVAL);
	EQ(fake_sys(&f, "clock_nanosleep", CLOCK_THREAD_CPUTIME_ID, 0, 0x100), -EINVAL);
	fake_free(&f);
}

TEST(a_signal_leaves_the_rest_of_a_sleep)
{
	struct fake f = { .opts.epoch = 1000 };
	struct task *t = fake_up(&f);

	TS(&f, 0x100) = (struct timespec){ 10, 0 };
	EQ(fake_sys(&f, "nanosleep", 0x100, 0x200), FAKE_BLOCKED);
	f.w.now += 4 * NSEC;
	engine_interrupt(&f.w, t);
	EQ(TS(&f, 0x200).tv_sec, 6);
	fake_free(&f);
}

TEST(a_restarted_sleep_keeps_its_end)
{
	struct fake f = { .opts.epoch = 1000 };
	struct task *t = fake_up(&f);

	TS(&f, 0x100) = (struct timespec){ 10, 0 };
	EQ(fake_sys(&f, "nanosleep", 0x100, 0), FAKE_BLOCKED);
	f.w.now += 4 * NSEC;
	engine_interrupt(&f.w, t);
	EQ(fake_sys(&f, "nanosleep", 0x100, 0), FAKE_BLOCKED);
	OK(fake_run(&f) == t);
	EQ(f.w.now / NSEC, 1010);
	fake_free(&f);
}

TEST(a_child_has_its_own_cpu_time)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, 0);

	for (int i = 0; i < 5; i++)
		fake_sys_as(&f, a, "time", 0);
	fake_sys_as(&f, b, "time", 0);
	EQ(a->proc->cpu, 5 * STEP_NS);
	EQ(b->proc->cpu, STEP_NS);
	fake_free(&f);
}

/* lz4's fuzzer goes on until clock(3) says that it has computed for 90 s. */
TEST(who_asks_for_its_cpu_time_has_computed)
{
	struct fake f = { .opts.epoch = 10 };
	uint64_t cpu, now;

	fake_up(&f);
	now = f.w.now;
	for (int i = 0; i < 30; i++)
		fake_sys(&f, "clock_gettime", CLOCK_PROCESS_CPUTIME_ID, 0x100);
	cpu = (uint64_t) TS(&f, 0x100).tv_nsec;
	OK(cpu > 29 * 2000000);
	OK(cpu <= f.w.now - now);
	fake_sys(&f, "clock_gettime", CLOCK_THREAD_CPUTIME_ID, 0x100);
	OK((uint64_t) TS(&f, 0x100).tv_nsec - cpu >= 2000000);
	cpu = fake_up(&f)->proc->cpu;
	fake_sys(&f, "getrusage", RUSAGE_SELF, 0x100);
	OK(fake_up(&f)->proc->cpu - cpu >= 2000000);
	cpu = fake_up(&f)->proc->cpu;
	fake_sys(&f, "times", 0x100);
	OK(fake_up(&f)->proc->cpu - cpu >= 2000000);
	cpu = fake_up(&f)->proc->cpu;
	fake_sys(&f, "getrusage", RUSAGE_CHILDREN, 0x100);
	EQ(fake_up(&f)->proc->cpu - cpu, STEP_NS);
	fake_free(&f);
}

/* How far the clock is after a hundred looks at it. */
static uint64_t hundred_looks(int clock, int threads)
{
	struct fake f = { .opts.epoch = 10 };
	uint64_t from;

	fake_up(&f)->proc->nthreads = threads;
	from = f.w.now;
	for (int i = 0; i < 100; i++)
		fake_sys(&f, "clock_gettime", clock, 0x100);
	from = f.w.now - from;
	fake_up(&f)->proc->nthreads = 1;
	fake_free(&f);
	return from;
}

/* gpg-agent finds out how many hashes fill 100 ms; its random generator looks at all clocks meanwhile. */
TEST(looks_at_other_clocks_do_not_hide_a_measurement)
{
	struct fake f = { .opts.epoch = 10 };
	uint64_t from;

	fake_up(&f)->proc->nthreads = 2;
	from = f.w.now;
	for (int i = 0; i < 30; i++) {
		fake_sys(&f, "gettimeofday", 0x100, 0);
		fake_sys(&f, "time", 0);
		fake_sys(&f, "clock_gettime", CLOCK_THREAD_CPUTIME_ID, 0x100);
	}
	OK(f.w.now - from > NSEC);
	fake_up(&f)->proc->nthreads = 1;
	fake_free(&f);
}

/* Mono and Go look that often while they compile and collect garbage. */
TEST(a_runtime_with_threads_does_not_measure)
{
	OK(hundred_looks(CLOCK_MONOTONIC, 1) > NSEC);
	EQ(hundred_looks(CLOCK_MONOTONIC, 2), 100 * STEP_NS);
	OK(hundred_looks(CLOCK_THREAD_CPUTIME_ID, 2) > NSEC);
}

/* Of several threads, who asks from one place and is seen to compute takes time, others run meanwhile. */
TEST(one_of_several_threads_may_measure)
{
	struct fake f = { .opts.epoch = 10 };
	struct task *t = fake_up(&f);
	uint64_t from;

	t->proc->nthreads = 2;
	for (int i = 0; i < 20 && !t->computes; i++)
		fake_sys(&f, "clock_gettime", CLOCK_MONOTONIC, 0x100);
	OK(t->computes);
	vclock_looked(t, false);
	EQ(fake_sys(&f, "clock_gettime", CLOCK_MONOTONIC, 0x100), 0);
	vclock_looked(t, true);
	from = f.w.now;
	EQ(fake_sys(&f, "clock_gettime", CLOCK_MONOTONIC, 0x100), FAKE_BLOCKED);
	OK(fake_run(&f) == t);
	EQ(fake_result(t), 0);
	OK(f.w.now - from >= NSEC / 10);
	EQ(fake_sys(&f, "sched_yield"), 0);
	OK(!t->computes);
	from = f.w.now;
	fake_sys(&f, "clock_gettime", CLOCK_MONOTONIC, 0x100);
	EQ(f.w.now - from, STEP_NS);
	t->proc->nthreads = 1;
	fake_free(&f);
}

/* The garbage collectors and compilers of runtimes ask from everywhere, and so does nobody else. */
TEST(a_runtime_asks_from_everywhere)
{
	struct fake f = { .opts.epoch = 10 };
	struct task *t = fake_up(&f);

	t->proc->nthreads = 2;
	for (int i = 0; i < 10; i++) {
		t->regs.rsp = 0x3000 + 16 * i;
		fake_sys(&f, "clock_gettime", CLOCK_MONOTONIC, 0x100);
	}
	for (int i = 0; i < 100; i++) {
		fake_sys(&f, "clock_gettime", CLOCK_MONOTONIC, 0x100);
		OK(!t->computes);
	}
	t->proc->nthreads = 1;
	fake_free(&f);
}

static uint64_t cpu_of_mmap(struct fake *f, uint64_t len, uint64_t prot, uint64_t flags)
{
	uint64_t cpu = fake_up(f)->proc->cpu;

	f->kernel = 0x7fff00000000;
	fake_sys(f, "mmap", 0x7fff00000000, len, prot, flags, (uint64_t) -1, 0);
	return fake_up(f)->proc->cpu - cpu;
}

/* grep's tests make their input larger until it takes 200 ms. */
TEST(who_asks_for_memory_computes)
{
	struct fake f = { 0 };
	uint64_t rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;

	EQ(cpu_of_mmap(&f, 1 << 20, rw, anon), STEP_NS + (1 << 20));
	EQ(cpu_of_mmap(&f, 1ull << 40, rw, anon), STEP_NS + (1 << 30));
	EQ(cpu_of_mmap(&f, 1 << 20, rw, anon | MAP_NORESERVE), STEP_NS);
	EQ(cpu_of_mmap(&f, 1 << 20, rw, anon | MAP_STACK), STEP_NS);
	EQ(cpu_of_mmap(&f, 1 << 20, PROT_NONE, anon), STEP_NS);
	EQ(cpu_of_mmap(&f, 1 << 20, PROT_READ, MAP_PRIVATE), STEP_NS);
	fake_free(&f);
}

CHECK_MAIN
