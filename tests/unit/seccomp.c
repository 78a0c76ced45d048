/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp: what the kernel does with the compiled profile, seen from a child that has it. */
#include "runtime/scmp.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/filter.h"
#include "tests/check.h"

#define HEAD "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\"," \
	"\"args\":[\"x\"]},\"linux\":{\"seccomp\":"
#define TAIL "}}"

static int parse(const char *profile, struct spec **ret, struct err *e)
{
	own_free char *text = NULL;
	int n = asprintf(&text, HEAD "%s" TAIL, profile);

	return spec_parse(text, (size_t) n, "test", ret, e);
}

static int compile(const char *profile, struct scmp_prog *ret, struct err *e)
{
	own_spec s = NULL;
	int r = parse(profile, &s, e);

	return r < 0 ? r : scmp_compile(&s->linux_.seccomp, ret, e);
}

/* What a call gives below the profile: 0, an errno, or 1000 + the signal that killed. */
static int below(const struct scmp_prog *p, long nr, long a, long b)
{
	pid_t pid = fork();
	int st, fd;

	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		signal(SIGSYS, SIG_DFL);
		if (scmp_load(p, &fd, NULL) < 0)
			_exit(255);
		/* not _exit(): the sanitizers' calls before it are refused as well */
		syscall(SYS_exit_group, syscall(nr, a, b, 0, 0, 0, 0) < 0 ? errno : 0);
	}
	waitpid(pid, &st, 0);
	return WIFSIGNALED(st) ? 1000 + WTERMSIG(st) : WEXITSTATUS(st);
}

static int ask(const char *profile, long nr, long a, long b)
{
	own_scmp_prog p = { 0 };
	struct err e = ERR_INIT;

	if (compile(profile, &p, &e) < 0) {
		printf("%s\n", e.msg);
		return -1;
	}
	return below(&p, nr, a, b);
}

static const char *refused(const char *profile)
{
	static struct err e;
	own_scmp_prog p = { 0 };

	e = ERR_INIT;
	return compile(profile, &p, &e) < 0 ? e.msg : "accepted";
}

#define RULE(action, more) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":" \
	"[\"getpriority\"],\"action\":\"" action "\"" more "}]}"

TEST(actions)
{
	EQ(ask(RULE("SCMP_ACT_ALLOW", ""), SYS_getpriority, 0, 0), 0);
	EQ(ask(RULE("SCMP_ACT_LOG", ""), SYS_getpriority, 0, 0), 0);
	EQ(ask(RULE("SCMP_ACT_ERRNO", ""), SYS_getpriority, 0, 0), EPERM);
	EQ(ask(RULE("SCMP_ACT_ERRNO", ",\"errnoRet\":100"), SYS_getpriority, 0, 0), 100);
	EQ(ask(RULE("SCMP_ACT_TRACE", ""), SYS_getpriority, 0, 0), ENOSYS);
	EQ(ask(RULE("SCMP_ACT_KILL", ""), SYS_getpriority, 0, 0), 1000 + SIGSYS);
	EQ(ask(RULE("SCMP_ACT_KILL_PROCESS", ""), SYS_getpriority, 0, 0), 1000 + SIGSYS);
	EQ(ask(RULE("SCMP_ACT_KILL_THREAD", ""), SYS_getpriority, 0, 0), 1000 + SIGSYS);
	EQ(ask(RULE("SCMP_ACT_TRAP", ""), SYS_getpriority, 0, 0), 1000 + SIGSYS);
}

#define ALLOWED "\"syscalls\":[{\"names\":[\"exit_group\",\"exit\",\"getuid\",\"no_such_call\"]," \
	"\"action\":\"SCMP_ACT_ALLOW\"}]}"

TEST(default_action)
{
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ALLOWED, SYS_getuid, 0, 0), 0);
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ALLOWED, SYS_getppid, 0, 0), EPERM);
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5," ALLOWED,
		SYS_getppid, 0, 0), 5);
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"," ALLOWED, SYS_getppid, 0, 0),
		1000 + SIGSYS);
}

/* exit_group is 231, the newest that the profile knows. */
TEST(calls_newer_than_the_profile)
{
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ALLOWED, 424, 0, 0), ENOSYS);
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"," ALLOWED, 424, 0, 0), ENOSYS);
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5," ALLOWED, 424, 0, 0),
		ENOSYS);
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\","
	       "\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]," ALLOWED, 424, 0, 0), ENOSYS);
	EQ(ask("{\"defaultAction\":\"SCMP_ACT_ERRNO\"," ALLOWED, SYS_getppid, 0, 0), EPERM);
}

#define ARGS(op, v, two) RULE("SCMP_ACT_ERRNO", ",\"args\":[{\"index\":0,\"value\":" #v \
	",\"valueTwo\":" #two ",\"op\":\"SCMP_CMP_" op "\"}]")
#define HIT(op, v, two, a) (ask(ARGS(op, v, two), SYS_getpriority, a, 0) == EPERM)

TEST(arguments)
{
	OK(HIT("EQ", 1, 0, 1) && !HIT("EQ", 1, 0, 2));
	OK(HIT("NE", 1, 0, 2) && !HIT("NE", 1, 0, 1));
	OK(HIT("LT", 2, 0, 1) && !HIT("LT", 2, 0, 2));
	OK(HIT("LE", 1, 0, 1) && !HIT("LE", 1, 0, 2));
	OK(HIT("GE", 2, 0, 2) && !HIT("GE", 2, 0, 1));
	OK(HIT("GT", 1, 0, 2) && !HIT("GT", 1, 0, 1));
	OK(HIT("MASKED_EQ", 3, 2, 6) && !HIT("MASKED_EQ", 3, 2, 1));
	OK(HIT("EQ", 18446744073709551615, 0, -1));
}

/* Two conditions of one argument mean either, of two arguments mean both. */
TEST(several_conditions)
{
#define COND(i, v) "{\"index\":" #i ",\"value\":" #v ",\"op\":\"SCMP_CMP_EQ\"}"
	const char *either = RULE("SCMP_ACT_ERRNO", ",\"args\":[" COND(0, 1) "," COND(0, 2) "]");
	const char *both = RULE("SCMP_ACT_ERRNO", ",\"args\":[" COND(0, 1) "," COND(1, 2) "]");

	EQ(ask(either, SYS_getpriority, 1, 0), EPERM);
	EQ(ask(either, SYS_getpriority, 2, 0), EPERM);
	EQ(ask(either, SYS_getpriority, 0, 0), 0);
	EQ(ask(both, SYS_getpriority, 1, 2), EPERM);
	EQ(ask(both, SYS_getpriority, 1, 0), 0);
}

TEST(what_is_refused)
{
	HAS(refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_Z80\"]}"),
		"SCMP_ARCH_Z80");
	HAS(refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FOO\"]}"),
		"SECCOMP_FOO");
	HAS(refused("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}"), "default action");
	HAS(refused(RULE("SCMP_ACT_NOTIFY", "")), "listenerPath");
	HAS(refused(RULE("SCMP_ACT_KILL", ",\"errnoRet\":1")), "errnoRet");
	HAS(refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\",\"syscalls\":"
		    "[{\"names\":[\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}"),
		"SCMP_ACT_NOTIFY cannot be used for the write syscall");
}

TEST(flags)
{
	own_scmp_prog p = { 0 };

	EQ(compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", &p, NULL), 0);
	EQ(p.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	scmp_prog_free(&p);
	EQ(compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}", &p, NULL), 0);
	EQ(p.flags, 0);
	scmp_prog_free(&p);
	EQ(compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\","
		   "\"SECCOMP_FILTER_FLAG_TSYNC\"]}", &p, NULL), 0);
	EQ(p.flags, SECCOMP_FILTER_FLAG_LOG);
}

/* --- kept -------------------------------------------------------------------------------- */

/* The one file of the cache, or -1. */
static int open_kept(const char *top)
{
	own_dir d = opendir(top);
	struct dirent *ent;

	while (d && (ent = readdir(d)))
		if (!strncmp(ent->d_name, ".seccomp-", 9))
			return openat(dirfd(d), ent->d_name, O_RDWR | O_CLOEXEC);
	return -1;
}

TEST(a_compiled_profile_is_kept)
{
	char top[] = "/tmp/seccomp.XXXXXX", sub[64];
	const char *profile = RULE("SCMP_ACT_ERRNO", ",\"errnoRet\":100");
	own_spec s = NULL;
	own_scmp_prog one = { 0 }, two = { 0 }, three = { 0 };
	own_fd dir = -1, kept = -1;
	struct stat st;

	OK(mkdtemp(top));
	snprintf(sub, sizeof sub, "%s/c1", top);
	mkdir(sub, 0700);
	dir = open(sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EQ(parse(profile, &s, NULL), 0);
	EQ(scmp_compile_kept(&s->linux_.seccomp, dir, &one, NULL), 0);
	kept = open_kept(top);
	OK(kept >= 0);
	EQ(scmp_compile_kept(&s->linux_.seccomp, dir, &two, NULL), 0);
	EQ(one.bpf.len, two.bpf.len);
	EQ(one.flags, two.flags);
	EQ(memcmp(one.bpf.filter, two.bpf.filter, one.bpf.len * sizeof *one.bpf.filter), 0);
	EQ(below(&two, SYS_getpriority, 0, 0), 100);
	/* of another text: not used; what others may write: neither */
	EQ(pwrite(kept, "X", 1, 3), 1);
	EQ(scmp_compile_kept(&s->linux_.seccomp, dir, &three, NULL), 0);
	EQ(below(&three, SYS_getpriority, 0, 0), 100);
	EQ(fstat(kept, &st), 0);
	EQ(st.st_nlink, 0); /* replaced */
	EQ(rm_rf(AT_FDCWD, top), 0);
}

/* --- with the supervisor's --------------------------------------------------------------- */

TEST(merged_with_another)
{
	const struct filter_row rows[] = {
		{ .nr = SYS_getppid, .what = FILTER_ERRNO, .err = 77 },
		{ .nr = SYS_getpriority, .what = FILTER_ERRNO, .err = 78 },
		{ .nr = SYS_exit_group }, { .nr = SYS_exit }, { .nr = SYS_getuid },
	};
	own_scmp_prog p = { 0 }, both = { 0 };
	struct sock_fprog ours = { 0 };
	struct err e = ERR_INIT;

	EQ(compile(RULE("SCMP_ACT_TRACE", ""), &p, &e), 0);
	EQ(filter_build(rows, ARRAY_LEN(rows), &ours, &e), 0);
	EQ(filter_merge(&p.bpf, &ours, false, &both.bpf, &e), 0);
	EQ(below(&both, SYS_getppid, 0, 0), 77);	/* passed on */
	EQ(below(&both, SYS_getpriority, 0, 0), ENOSYS); /* the container's says first */
	EQ(below(&both, SYS_getuid, 0, 0), 0);
	filter_free(&ours);
}

TEST(notify_is_merged_only_for_an_agent)
{
	struct sock_filter f = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	struct sock_fprog p = { 1, &f }, ret = { 0 };
	struct err e = ERR_INIT;

	EQ(filter_merge(&p, &p, false, &ret, &e), -EOPNOTSUPP);
	EQ(filter_merge(&p, &p, true, &ret, &e), 0); /* its agent gets the call */
	EQ(ret.filter[0].k, SECCOMP_RET_USER_NOTIF);
	filter_free(&ret);
	HAS(e.msg, "SCMP_ACT_NOTIFY");
}

CHECK_MAIN
