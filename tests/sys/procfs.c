/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says, whatever the host's says. */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/own.h"
#include "shim/procview.h"
#include "tests/check.h"
#include "tests/sys/fake.h"

static const char *machine(struct fake *f, const char *name, struct buf *b)
{
	b->n = 0;
	fake_up(f);
	return procview_machine(&f->w, f->w.init, name, b) ? buf_cstr(b) : NULL;
}

TEST(the_machine_is_one)
{
	struct fake f = { .opts = { .cpus = 2, .hostname = "box" } };
	own_buf b = { 0 };

	STREQ(machine(&f, "sys/kernel/ostype", &b), "Linux\n");
	STREQ(machine(&f, "sys/kernel/hostname", &b), "box\n");
	STREQ(machine(&f, "loadavg", &b), "0.10 0.10 0.10 1/1 1\n");
	HAS(machine(&f, "meminfo", &b), "MemTotal:        8388608 kB\n");
	f.w.now = 10 * 1000000000ull; /* of which a tenth on each CPU was used */
	HAS(machine(&f, "stat", &b), "cpu  2200 0 0 19800 0 0 0 0 0 0\ncpu0 1100 0 0 9900 0 ");
	HAS(machine(&f, "stat", &b), "\ncpu1 1100 0 0 9900 0 ");
	STREQ(machine(&f, "uptime", &b), "110.00 198.00\n");
	OK(!machine(&f, "kallsyms", &b));
	OK(!machine(&f, "sys/kernel", &b));
	fake_free(&f);
}

TEST(what_is_not_known_is_not_shown)
{
	const struct spec_kv kv = { "net.ipv4.conf.lo.mtu", "9" };
	struct fake f = { .opts = { .sysctl = &kv, .n_sysctl = 1 } };

	fake_up(&f);
	OK(procview_shown(&f.w, "sys/net/ipv4/conf"));
	OK(procview_shown(&f.w, "sys/net/ipv4/conf/lo/mtu"));
	OK(!procview_shown(&f.w, "sys/net/ipv4/conf/l"));
	OK(procview_shown(&f.w, ""));
	OK(procview_shown(&f.w, "sys"));
	OK(procview_shown(&f.w, "sys/kernel/random"));
	OK(procview_shown(&f.w, "12"));
	OK(procview_shown(&f.w, "12/task/13/stat"));
	OK(procview_shown(&f.w, "12/fd/3"));
	OK(!procview_shown(&f.w, "12/ksm_stat"));
	OK(!procview_shown(&f.w, "12/task/13/nothing"));
	OK(!procview_shown(&f.w, "kcore"));
	OK(!procview_shown(&f.w, "sys/kern"));
	OK(!procview_shown(&f.w, "sys/kernel/random/new"));
	fake_free(&f);
}

static const char *process(struct fake *f, const char *name, const char *real, struct buf *b)
{
	b->n = 0;
	fake_up(f);
	f->w.init->c.w = &f->w;
	f->w.init->c.t = f->w.init;
	return procview_process(&f->w.init->c, 1, name, real, b) == PROC_TEXT ? buf_cstr(b) : NULL;
}

TEST(a_process_has_no_times_of_the_host)
{
	struct fake f = { .opts.cpus = 1, .w.host_proc = -1 };
	own_buf b = { 0 };
	static const char real[] = "7 (a) b) t 1 7 7 0 -1 4194304 99 1 2 3 40 50 60 70 20 0 3 0 295866 "
		"3133440 407 18446744073709551615 94741698887680 94741698907561 1 0 0 0 0 0 0 0 0 0 17 1 "
		"0 0 0 0 0 1 2 3 4 5 6 7 0\n";

	STREQ(process(&f, "stat", real, &b), "7 (a) b) R 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 "
		"10000 0 0 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	STREQ(process(&f, "cgroup", "0::/user.slice\n", &b), "0::/\n");
	STREQ(process(&f, "fdinfo/0", "pos:\t5\nflags:\t0100002\nmnt_id:\t99\nino:\t77\n", &b),
		"pos:\t5\nflags:\t0100002\nmnt_id:\t21\n");
	OK(!process(&f, "cmdline", "x", &b));
	OK(!process(&f, "pagemap", "x", &b));
	fake_free(&f);
}

TEST(status_keeps_what_is_the_programs)
{
	struct fake f = { .opts.cpus = 1, .w.host_proc = -1 };
	own_buf b = { 0 };
	const char *s = process(&f, "status",
		"Name:\tprog\nUmask:\t0027\nState:\tt (tracing stop)\nTgid:\t1\nPid:\t1\nPPid:\t0\n"
		"TracerPid:\t4711\nUid:\t5\t5\t5\t5\nGid:\t6\t6\t6\t6\nGroups:\t6 \nThreads:\t1\n"
		"SigQ:\t1/96365\nSigBlk:\t0000000000010000\nCapEff:\t000003ffffffffff\n"
		"Seccomp:\t2\nnonvoluntary_ctxt_switches:\t12\n", &b);

	HAS(s, "Name:\tprog\nUmask:\t0027\nState:\tR (running)\n");
	HAS(s, "TracerPid:\t0\n");
	HAS(s, "Uid:\t5\t5\t5\t5\n");
	HAS(s, "SigBlk:\t0000000000010000\n");
	HAS(s, "CapEff:\t000001ffffffffff\n");
	HAS(s, "Seccomp:\t0\n");
	HAS(s, "nonvoluntary_ctxt_switches:\t0\n");
	fake_free(&f);
}

TEST(mappings_have_no_host_inodes)
{
	struct fake f = { 0 };
	own_buf b = { 0 };

	fake_up(&f);
	procview_maps(&f.w, NULL,
		"555555554000-555555556000 r--p 00001000 fe:01 1316                       /nowhere/x\n"
		"7ffff7fc1000-7ffff7fc5000 r--p 00000000 00:00 0                          [vvar]\n"
		"7ffff7fc5000-7ffff7fc7000 r-xp 00000000 00:00 0                          [vdso]\n"
		"7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n", &b);
	STREQ(buf_cstr(&b),
		"555555554000-555555556000 r--p 00001000 00:00 0                          /nowhere/x\n"
		"7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n");
	fake_free(&f);
}

TEST(dormant_code_is_mapped_as_code)
{
	struct dormant d[] = { { .at = 0x403ff0 }, { .at = 0x401010 }, { .at = 0x9000 } };
	struct mm mm = { .dormant = d, .ndormant = ARRAY_LEN(d) };
	struct fake f = { 0 };
	own_buf b = { 0 };

	fake_up(&f);
	procview_maps(&f.w, &mm,
		"00009000-0000a000 rw-p 00000000 00:00 0 \n"
		"00400000-00402000 r--p 00000000 fe:01 1316                       /nowhere/x\n"
		"00402000-00403000 r-xp 00002000 fe:01 1316                       /nowhere/x\n"
		"00403000-00405000 r--p 00003000 fe:01 1316                       /nowhere/x\n"
		"00405000-00406000 r--p 00005000 fe:01 1316                       /nowhere/x\n", &b);
	STREQ(buf_cstr(&b),
		"00009000-0000a000 rw-p 00000000 00:00 0 \n"
		"00400000-00401000 r--p 00000000 00:00 0                                  /nowhere/x\n"
		"00401000-00404000 r-xp 00001000 00:00 0                                  /nowhere/x\n"
		"00404000-00405000 r--p 00004000 00:00 0                                  /nowhere/x\n"
		"00405000-00406000 r--p 00005000 00:00 0                                  /nowhere/x\n");
	fake_free(&f);
}

TEST(mounts_have_no_host_paths)
{
	own_buf info = { 0 }, mounts = { 0 };
	static const char real[] =
		"700 650 0:61 / / rw,relatime shared:5 master:2 - overlay overlay rw,lowerdir=/home/u/x\n"
		"701 700 0:62 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
		"702 700 254:1 /home/u/src /src ro,relatime - ext4 /dev/vda rw,discard\n"
		"703 700 0:5 /null /dev/null rw,nosuid - devtmpfs udev rw,size=1k\n";

	procview_mountinfo(&(struct world){ 0 }, real, &info);
	STREQ(buf_cstr(&info), "21 1 0:21 / / rw,relatime - overlay overlay rw\n"
		"22 21 0:22 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
		"23 21 0:23 / /dev/null rw,nosuid,relatime - tmpfs tmpfs rw\n"
		"24 21 0:24 / /src ro,relatime - overlay overlay rw\n");
	procview_mounts(&(struct world){ 0 }, real, &mounts);
	HAS(buf_cstr(&mounts), "overlay /src overlay ro,relatime 0 0\n");
}

TEST(mounts_of_memory_are_shown_as_declared)
{
	own_buf info = { 0 };
	const struct spec_mount m[] = { { .destination = "/a", .type = "tmpfs", .data = "size=4096" },
		{ .destination = "/b", .type = "bind" } };
	const struct shim_opts o = { .mounts = m, .n_mounts = 2 };
	static const char real[] =
		"701 700 0:62 / /a rw,nosuid,noatime - tmpfs x ro,sync,size=4k,mode=710,uid=100000,inode64\n"
		"702 700 0:63 / /b rw - tmpfs tmpfs rw,size=8k\n";

	procview_mountinfo(&(struct world){ .o = &o }, real, &info);
	STREQ(buf_cstr(&info),
		"21 1 0:21 / /a rw,nosuid,noatime - tmpfs tmpfs ro,sync,mode=710,size=4k\n"
		"22 21 0:22 / /b rw,relatime - overlay overlay rw\n");
}

TEST(standard_mounts_are_shown_as_every_engine_has_them)
{
	own_buf info = { 0 };
	static const char real[] =
		"700 650 0:61 / / rw - overlay overlay rw\n"
		"704 702 0:65 / /dev/shm rw - tmpfs tmpfs rw\n"
		"703 700 0:64 / /sys ro - tmpfs tmpfs rw\n"
		"702 700 0:63 / /dev rw - tmpfs tmpfs rw\n"
		"701 700 0:62 / /proc rw - proc proc rw\n";

	procview_mountinfo(&(struct world){ 0 }, real, &info);
	STREQ(buf_cstr(&info), "21 1 0:21 / / rw,relatime - overlay overlay rw\n"
		"22 21 0:22 / /proc rw,relatime - proc proc rw\n"
		"23 21 0:23 / /dev rw,relatime - tmpfs tmpfs rw\n"
		"24 21 0:24 / /dev/shm rw,relatime - tmpfs shm rw\n"
		"25 21 0:25 / /sys ro,relatime - sysfs sysfs rw\n");
}

#define INET "  sl  local_address rem_address\n"
#define LINE(sl, local, peer, st, ino) \
	"   " sl ": " local " " peer " " st " 00000000:00000005 01:000007D0 00000003   1000        0 " ino \
	" 2 ffff9a4c0b1c8000 20 4 30 10 -1                      \n"

TEST(sockets_are_in_the_order_of_their_names)
{
	struct fake f = { .opts.cpus = 1, .w.host_proc = -1 };
	own_buf b = { 0 };
	const char *got = process(&f, "net/tcp", INET
		LINE("9", "0100007F:8000", "0100007F:1F90", "01", "33160594")
		LINE("1", "0100007F:1F90", "00000000:0000", "0A", "33160587")
		LINE("2", "0100007F:8002", "0100007F:1F90", "06", "0")
		LINE("3", "0100007F:1538", "00000000:0000", "0A", "33160588"), &b);

	HAS(got, "inode\n   0: 0100007F:1538 00000000:0000 0A ");
	HAS(got, "\n   1: 0100007F:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000  1000");
	HAS(got, "\n   2: 0100007F:8000 0100007F:1F90 01 ");
	OK(!strstr(got, ":8002")); /* gone but for a timer */
	OK(!strstr(got, "ffff9a4c"));
	OK(!strstr(got, "331605"));
	fake_free(&f);
}

TEST(local_sockets_without_a_name_are_not_listed)
{
	struct fake f = { .opts.cpus = 1, .w.host_proc = -1 };
	own_buf b = { 0 };
	const char *got = process(&f, "net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"
		"ffff9a4c0b1c8000: 00000002 00000000 00010000 0001 01 33160600 /tmp/b c\n"
		"ffff9a4c0b1c8800: 00000003 00000000 00000000 0001 03 33160601\n"
		"ffff9a4c0b1c9000: 00000002 00000000 00000000 0002 01 33160602 @a\n", &b);

	HAS(got, "Path\n0000000000000000: 00000003 00000000 00000000 0002 01 ");
	HAS(got, " @a\n0000000000000000: 00000002 00000000 00010000 0001 01 ");
	HAS(got, " /tmp/b c\n");
	OK(!strstr(got, "331606"));
	OK(!strstr(got, " 03 "));
	fake_free(&f);
}

TEST(garbage_is_no_crash)
{
	struct fake f = { .opts.cpus = 1, .w.host_proc = -1 };
	own_buf b = { 0 };
	static const char *const bad[] = { "", "\n", "(", ") x", "1 (a) R", "a b c d e - f",
		"- - - - - - - - -", "ffff-", "State:", "pos:", "x\n1: 0:0 0:0", "x\n1: 0: 0: FF",
		"x\n" LINE("1", "0100007F0100007F0100007F0100007F0100007F0100007F:1", "0:0", "0A", "7"),
		"x\n1: 2 3 4 5 6 7 ", "x\n1: 2 3 4 5 6 99999999999999999999999999 x" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		process(&f, "stat", bad[i], &b);
		process(&f, "status", bad[i], &b);
		process(&f, "maps", bad[i], &b);
		process(&f, "mountinfo", bad[i], &b);
		process(&f, "fdinfo/1", bad[i], &b);
		process(&f, "net/tcp6", bad[i], &b);
		process(&f, "net/unix", bad[i], &b);
	}
	fake_free(&f);
}

CHECK_MAIN
