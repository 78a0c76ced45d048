/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers, ids, machine, limits, scheduling, memory, process attributes, refusals. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/sys/fake.h"

/* ---- random ---- */

TEST(getrandom_repeats_under_one_seed)
{
	struct fake a = { 0 }, b = { 0 }, c = { .w.key = { 1 } };

	EQ(fake_sys(&a, "getrandom", 0x10, 300, 0), 300);
	EQ(fake_sys(&b, "getrandom", 0x10, 100, 0), 100);
	EQ(fake_sys(&b, "getrandom", 0x10 + 100, 200, 1), 200);
	EQ(fake_sys(&c, "getrandom", 0x10, 300, 0), 300);
	EQ(memcmp(a.m, b.m, sizeof a.m), 0);
	OK(memcmp(a.m, c.m, sizeof a.m));
	EQ(fake_sys(&a, "getrandom", 0x10, 4, 8), -EINVAL);
	EQ(fake_sys(&a, "getrandom", 0, 4, 0), -EFAULT);
	EQ(fake_sys(&a, "getrandom", 0, 0, 0), 0);
	EQ(fake_sys(&a, "getrandom", 0x3ff0, 400, 0), -EFAULT);
	fake_free(&a);
	fake_free(&b);
	fake_free(&c);
}

TEST(tasks_have_streams_of_their_own)
{
	struct fake f = { 0 }, g = { 0 };
	struct task *b = fake_task(&f, NULL, 0), *d = fake_task(&g, NULL, 0);

	fake_sys(&f, "getrandom", 0x10, 32, 0);
	fake_sys_as(&f, b, "getrandom", 0x100, 32, 0);
	fake_sys_as(&g, d, "getrandom", 0x100, 32, 0);
	OK(memcmp(&f.m[0x10], &f.m[0x100], 32));
	EQ(memcmp(&f.m[0x100], &g.m[0x100], 32), 0);
	fake_free(&f);
	fake_free(&g);
}

/* ---- ids ---- */

TEST(root_gives_up_its_rights)
{
	struct fake f = { .opts.virtual_ids = true };

	EQ(fake_sys(&f, "getuid", 0), 0);
	FAKE_AT(&f, uint32_t, 0x100) = 9;
	FAKE_AT(&f, uint32_t, 0x104) = 3;
	EQ(fake_sys(&f, "setgroups", 2, 0x100), 0);
	EQ(fake_sys(&f, "setresgid", 50, 50, 50), 0);
	EQ(fake_sys(&f, "setresuid", 7, 8, 9), 0);
	EQ(fake_sys(&f, "getuid", 0), 7);
	EQ(fake_sys(&f, "geteuid", 0), 8);
	EQ(fake_sys(&f, "getegid", 0), 50);
	EQ(fake_sys(&f, "setuid", 0), -EPERM);
	EQ(fake_sys(&f, "setresuid", -1ull, 9, -1ull), 0);
	EQ(fake_sys(&f, "geteuid", 0), 9);
	EQ(fake_sys(&f, "setgroups", 0, 0), -EPERM);
	EQ(fake_sys(&f, "getgroups", 0, 0), 2);
	EQ(fake_sys(&f, "getgroups", 1, 0x200), -EINVAL);
	EQ(fake_sys(&f, "getgroups", 5, 0x200), 2);
	EQ(FAKE_AT(&f, uint32_t, 0x200), 3);
	EQ(f.nkernel, 0);
	fake_free(&f);
}

TEST(real_ids_are_the_kernels)
{
	struct fake f = { .kernel = 1000 };

	EQ(fake_sys(&f, "getuid", 0), 1000);
	EQ(fake_sys(&f, "setuid", 5), 1000);
	EQ(f.nkernel, 2);
	fake_free(&f);
}

TEST(capabilities)
{
	struct fake f = { .opts.virtual_ids = true };

	FAKE_AT(&f, uint32_t, 0x100) = _LINUX_CAPABILITY_VERSION_3;
	EQ(fake_sys(&f, "capget", 0x100, 0x200), 0);
	EQ(FAKE_AT(&f, uint32_t, 0x200), 0xffffffff);
	EQ(FAKE_AT(&f, uint32_t, 0x20c), 0x1ff);
	FAKE_AT(&f, uint32_t, 0x100) = 1;
	EQ(fake_sys(&f, "capget", 0x100, 0x200), -EINVAL);
	EQ(FAKE_AT(&f, uint32_t, 0x100), _LINUX_CAPABILITY_VERSION_3);
	EQ(fake_sys(&f, "prctl", PR_CAPBSET_READ, 40), 1);
	EQ(fake_sys(&f, "prctl", PR_CAPBSET_READ, 41), -EINVAL);
	fake_free(&f);
}

TEST(capabilities_that_nobody_can_have)
{
	struct fake f = { .opts.attrs.bounding = 1 << 5 };

	EQ(fake_sys(&f, "prctl", PR_CAPBSET_READ, 5), 1);
	EQ(fake_sys(&f, "prctl", PR_CAPBSET_READ, 6), 0); /* the kernel's answer */
	f.kernel = -EPERM;
	fake_sys(&f, "prctl", PR_CAPBSET_DROP, 5);
	EQ(fake_sys(&f, "prctl", PR_CAPBSET_READ, 5), 1);
	f.kernel = 0;
	fake_sys(&f, "prctl", PR_CAPBSET_DROP, 5);
	EQ(fake_sys(&f, "prctl", PR_CAPBSET_READ, 5), 0);
	fake_free(&f);
}

/* ---- machine ---- */

TEST(one_machine)
{
	struct fake f = { .opts.hostname = "box", .opts.virtual_ids = true };
	struct utsname *u = &FAKE_AT(&f, struct utsname, 0x100);

	EQ(fake_sys(&f, "uname", 0x100), 0);
	STREQ(u->sysname, "Linux");
	STREQ(u->nodename, "box");
	STREQ(u->machine, "x86_64");
	memcpy(&f.m[0x800], "other", 5);
	EQ(fake_sys(&f, "sethostname", 0x800, 5), 0);
	EQ(fake_sys(&f, "personality", 8), 0);
	EQ(fake_sys(&f, "uname", 0x100), 0);
	STREQ(u->nodename, "other");
	STREQ(u->machine, "i686");
	EQ(fake_sys(&f, "personality", 0xffffffff), 8);
	EQ(fake_sys(&f, "sysinfo", 0x100), 0);
	EQ(FAKE_AT(&f, struct sysinfo, 0x100).uptime, 100);
	EQ(FAKE_AT(&f, struct sysinfo, 0x100).loads[0], 6553); /* never idle: make -l 0.0001 waits */
	fake_free(&f);
}

TEST(as_many_cpus_as_asked_for)
{
	struct fake f = { .opts.cpus = 3 };

	EQ(fake_sys(&f, "sched_getaffinity", 0, 128, 0x100), 8);
	EQ(FAKE_AT(&f, uint64_t, 0x100), 7);
	EQ(fake_sys(&f, "sched_getaffinity", 0, 7, 0x100), -EINVAL);
	EQ(fake_sys(&f, "sched_getaffinity", 99, 8, 0x100), -ESRCH);
	FAKE_AT(&f, uint64_t, 0x100) = 0xff00;
	EQ(fake_sys(&f, "sched_setaffinity", 0, 8, 0x100), -EINVAL);
	FAKE_AT(&f, uint64_t, 0x100) = 0xff02;
	EQ(fake_sys(&f, "sched_setaffinity", 0, 8, 0x100), 0);
	EQ(fake_sys(&f, "sched_getaffinity", 0, 128, 0x200), 8);
	EQ(FAKE_AT(&f, uint64_t, 0x200), 2);
	fake_free(&f);
}

TEST(a_yield_is_the_next_ones_turn)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, 0);

	EQ(fake_sys_as(&f, a, "sched_yield", 0), 0);
	OK(fake_run(&f) == b);
	fake_free(&f);
}

/* Python's sleep(0) is one until now: between the lock's release and its being taken again nothing else is. */
TEST(a_sleep_without_length_is_the_next_ones_turn)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, 0);

	EQ(fake_sys_as(&f, a, "nanosleep", 0x100, 0), 0);
	OK(fake_run(&f) == b);
	EQ(fake_sys_as(&f, b, "clock_nanosleep", CLOCK_MONOTONIC, TIMER_ABSTIME, 0x100, 0), 0);
	OK(fake_run(&f) == a);
	fake_free(&f);
}

/* Else who has a lock in two of each four calls may have it whenever the turn goes on to the others. */
TEST(turns_do_not_keep_step_with_loops)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, 0);
	unsigned phases = 0;

	for (int turn = 0; turn < 32; turn++) {
		unsigned n = 0;

		do
			fake_sys_as(&f, a, "getppid"), n++;
		while (fake_run(&f) == a);
		phases |= 1u << n % 4;
		fake_sys_as(&f, b, "sched_yield");
		OK(fake_run(&f) == a);
	}
	EQ(phases, 15);
	fake_free(&f);
}

TEST(an_end_is_the_next_ones_turn)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, a, 0), *c = fake_task(&f, a, 0);

	f.w.cur = b;
	task_free(&f.w, b);
	OK(fake_run(&f) == c);
	task_free(&f.w, c);
	OK(fake_run(&f) == a);
	fake_free(&f);
}

TEST(niceness)
{
	struct fake f = { 0 };

	EQ(fake_sys(&f, "getpriority", PRIO_PROCESS, 0), 20);
	EQ(fake_sys(&f, "setpriority", PRIO_PROCESS, 0, 5), 0);
	EQ(fake_sys(&f, "getpriority", PRIO_PROCESS, 0), 15);
	EQ(fake_sys(&f, "setpriority", PRIO_PROCESS, 0, -5ull), -EACCES);
	EQ(fake_sys_as(&f, fake_task(&f, NULL, 0), "getpriority", PRIO_PROCESS, 0), 15);
	fake_free(&f);
}

TEST(limits_of_ours)
{
	struct fake f = { 0 };
	struct rlimit *l = &FAKE_AT(&f, struct rlimit, 0x100);

	EQ(fake_sys(&f, "getrlimit", RLIMIT_NPROC, 0x100), 0);
	EQ(l->rlim_cur, 31000);
	l->rlim_cur = 100;
	EQ(fake_sys(&f, "prlimit64", 0, RLIMIT_NPROC, 0x100, 0x200), 0);
	EQ(FAKE_AT(&f, struct rlimit, 0x200).rlim_cur, 31000);
	EQ(fake_sys(&f, "getrlimit", RLIMIT_NPROC, 0x300), 0);
	EQ(FAKE_AT(&f, struct rlimit, 0x300).rlim_cur, 100);
	l->rlim_max = 99999;
	EQ(fake_sys(&f, "setrlimit", RLIMIT_NPROC, 0x100), -EPERM);
	EQ(fake_sys(&f, "getrlimit", 16, 0x100), -EINVAL);
	EQ(fake_sys(&f, "prlimit64", 0, RLIMIT_NPROC, 0, 0), 0);
	EQ(f.nkernel, 0);
	fake_free(&f);
}

/* ---- memory ---- */

TEST(mappings_go_down_and_never_twice)
{
	struct fake f = { 0 };
	uint64_t first;

	f.kernel = -ENOMEM;
	fake_sys(&f, "mmap", 0, 5000, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1ull, 0);
	first = f.k[0];
	OK(first && first % 4096 == 0);
	fake_sys(&f, "mmap", 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1ull, 0);
	EQ(f.k[0], first - 4096);
	fake_sys(&f, "mmap", 0x10000, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1ull, 0);
	EQ(f.k[0], 0x10000);
	fake_sys(&f, "mmap", 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1ull, 0);
	EQ(f.k[0], 0x80000000ull - 4096);
	fake_sys(&f, "mmap", 0, 1ull << 60, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1ull, 0);
	EQ(f.k[0], 0);
	f.w.host_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	f.w.cur->pid = getpid(); /* whose map is looked at */
	fake_sys(&f, "mremap", first, 4096, 8192, MREMAP_MAYMOVE);
	EQ(f.k[3], MREMAP_MAYMOVE | MREMAP_FIXED);
	OK(f.k[4] && f.k[4] <= first - 4096 - 8192);
	EQ(fake_sys(&f, "mmap", 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB), -ENOMEM);
	fake_free(&f);
}

TEST(arguments_are_the_guests_again_afterwards)
{
	struct fake f = { .kernel = 0x1000 };
	struct task *t = fake_up(&f);

	EQ(fake_sys(&f, "madvise", 0x1000, 4096, MADV_FREE), 0x1000);
	EQ(f.k[2], MADV_DONTNEED);
	EQ(t->regs.rdx, MADV_FREE);
	fake_free(&f);
}

TEST(hints_are_accepted)
{
	struct fake f = { 0 };

	EQ(fake_sys(&f, "madvise", 0x1000, 4096, MADV_HUGEPAGE), 0);
	EQ(fake_sys(&f, "madvise", 0x1000, 4096, 1234), -EINVAL);
	EQ(fake_sys(&f, "mlockall", 1), 0);
	EQ(fake_sys(&f, "mlockall", 0), -EINVAL);
	EQ(fake_sys(&f, "membarrier", 0, 0, 0), 0x7f);
	EQ(fake_sys(&f, "membarrier", 8, 0, 0), 0);
	EQ(fake_sys(&f, "membarrier", 512, 0, 0), -EINVAL);
	EQ(f.nkernel, 0);
	EQ(fake_sys(&f, "mincore", 0x1000, 8192, 0x100), 0); /* the kernel knows what is mapped */
	EQ(f.nkernel, 1);
	EQ(FAKE_AT(&f, uint16_t, 0x100), 0x101);
	fake_free(&f);
}

/* ---- attributes and refusals ---- */

TEST(attributes_are_remembered_and_inherited)
{
	struct fake f = { 0 };
	struct task *b;

	EQ(fake_sys(&f, "prctl", PR_GET_NO_NEW_PRIVS), 0);
	EQ(fake_sys(&f, "prctl", PR_SET_NO_NEW_PRIVS, 1), 0);
	EQ(fake_sys(&f, "prctl", PR_SET_DUMPABLE, 0), 0);
	EQ(fake_sys(&f, "prctl", PR_SET_TIMERSLACK, 77), 0);
	b = fake_task(&f, NULL, 0);
	EQ(fake_sys_as(&f, b, "prctl", PR_GET_NO_NEW_PRIVS), 1);
	EQ(fake_sys_as(&f, b, "prctl", PR_GET_DUMPABLE), 0);
	EQ(fake_sys_as(&f, b, "prctl", PR_GET_TIMERSLACK), 77);
	EQ(fake_sys(&f, "prctl", 12345), -EINVAL);
	EQ(fake_sys(&f, "arch_prctl", 0x1011), 1);
	EQ(fake_sys(&f, "arch_prctl", 0x3001), -EINVAL);
	EQ(f.nkernel, 0);
	fake_free(&f);
}

TEST(what_could_hide_calls_is_refused)
{
	struct fake f = { 0 };

	EQ(fake_sys(&f, "seccomp", 1, 0, 0x100), -EINVAL);
	EQ(fake_sys(&f, "prctl", PR_SET_SECCOMP, 2, 0x100), -EINVAL);
	EQ(fake_sys(&f, "io_uring_setup", 8, 0x100), -ENOSYS);
	EQ(fake_sys(&f, "ptrace", 0), -EPERM);
	EQ(fake_sys(&f, "clone3", 0x100, 88), -ENOSYS);
	EQ(fake_sys(&f, "rseq", 0x100, 32), -ENOSYS);
	EQ(fake_sys(&f, "mount", 0, 0, 0, 0, 0), -EPERM);
	EQ(fake_sys(&f, "unshare", 0x10000000), -EPERM);
	EQ(f.nkernel, 0);
	EQ(fake_sys(&f, "unshare", 0x400), 0);
	EQ(f.nkernel, 1);
	fake_free(&f);
}

CHECK_MAIN
