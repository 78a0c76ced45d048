/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/procattr.h"

#include <linux/ioprio.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/confine.h"
#include "tests/check.h"

static struct spec *spec_of(const char *process, const char *linux_)
{
	own_free char *text = NULL;
	struct spec *s = NULL;
	struct err e = ERR_INIT;
	int n = asprintf(&text, "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
		"\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]%s},\"linux\":{%s}}", process, linux_);

	if (spec_parse(text, (size_t) n, "test", &s, &e) < 0)
		printf("%s\n", e.msg);
	return s;
}

/* --- in a child, which may change itself ------------------------------------------------- */

typedef int in_child(const struct spec *s);

static int child(in_child *fn, const char *process, const char *linux_)
{
	own_spec s = spec_of(process, linux_);
	pid_t pid = fork();
	int st;

	if (!pid)
		_exit(fn(s));
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static int nice_is_set(const struct spec *s, bool supervised)
{
	if (procattr_of(s, getpid(), supervised, NULL) < 0)
		return 1;
	return getpriority(PRIO_PROCESS, 0) == 7 && sched_getscheduler(0) == SCHED_BATCH ? 0 : 2;
}

static int set_nice(const struct spec *s)
{
	return nice_is_set(s, false);
}

static int set_nice_supervised(const struct spec *s)
{
	return nice_is_set(s, true);
}

static int keeps_policy(const struct spec *s)
{
	return procattr_of(s, getpid(), true, NULL) < 0 ||
	       sched_getscheduler(0) != SCHED_OTHER;
}

TEST(scheduler)
{
	const char *p = ",\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":7}";

	EQ(child(set_nice, p, ""), 0);
	EQ(child(set_nice_supervised, p, ""), 0);
	EQ(child(keeps_policy, ",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":7}", ""), 0);
}

static int set_io(const struct spec *s)
{
	if (procattr_of(s, getpid(), false, NULL) < 0)
		return 1;
	return syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) == IOPRIO_PRIO_VALUE(2, 5) ? 0 : 2;
}

TEST(io_priority)
{
	EQ(child(set_io, ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":5}", ""), 0);
}

static int set_oom(const struct spec *s)
{
	own_buf b = { 0 };

	if (procattr_of(s, getpid(), false, NULL) < 0)
		return 1;
	if (read_file(-1, "/proc/self/oom_score_adj", 64, &b, NULL) < 0)
		return 2;
	return atoi(buf_cstr(&b)) != 543;
}

TEST(oom_score)
{
	EQ(child(set_oom, ",\"oomScoreAdj\":543", ""), 0);
}

static int set_own(const struct spec *s)
{
	int mode = -1;

	if (procattr_own(&s->linux_, false, NULL) < 0)
		return 1;
	if (syscall(SYS_personality, 0xffffffff) != 8)
		return 2;
	syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0);
	return mode == 3 /* MPOL_INTERLEAVE */ ? 0 : 3;
}

TEST(personality_and_memory_policy)
{
	EQ(child(set_own, "", "\"personality\":{\"domain\":\"LINUX32\"},"
			      "\"memoryPolicy\":{\"mode\":\"MPOL_INTERLEAVE\",\"nodes\":\"0\"}"), 0);
}

static int bind_cpu(const struct spec *s)
{
	cpu_set_t set;

	(void) s;
	if (procattr_cpus("0", 0, NULL) < 0 || sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	return CPU_COUNT(&set) != 1 || !CPU_ISSET(0, &set);
}

TEST(affinity)
{
	EQ(child(bind_cpu, "", ""), 0);
	EQ(procattr_cpus(NULL, 0, NULL), 0);
	EQ(procattr_cpus("", 0, NULL), 0);
}

static const char *refused(const char *process, const char *linux_)
{
	static struct err e;
	own_spec s = spec_of(process, linux_);

	e = ERR_INIT;
	return s && procattr_check(s, &e) == 0 ? "accepted" : e.msg;
}

#define CPUS(l) ",\"execCPUAffinity\":{\"initial\":\"" l "\"}"
#define NODES(m, n) "\"memoryPolicy\":{\"mode\":\"" m "\",\"nodes\":\"" n "\"}"

TEST(lists)
{
	STREQ(refused(CPUS("0-3,7"), ""), "accepted");
	STREQ(refused(CPUS("5"), ""), "accepted");
	HAS(refused(CPUS("0-"), ""), "execCPUAffinity");
	HAS(refused(CPUS("3-0"), ""), "execCPUAffinity");
	HAS(refused(CPUS("0,"), ""), "execCPUAffinity");
	HAS(refused(CPUS("1 2"), ""), "execCPUAffinity");
	HAS(refused(CPUS("99999999999999999999"), ""), "execCPUAffinity");
	HAS(refused(CPUS("-1"), ""), "execCPUAffinity");
	STREQ(refused("", NODES("MPOL_BIND", "0-1")), "accepted");
	HAS(refused("", NODES("MPOL_BIND", "")), "memoryPolicy.nodes");
	HAS(refused("", NODES("MPOL_FOO", "0")), "memoryPolicy.mode");
	HAS(refused("", NODES("MPOL_BIND", "x")), "memoryPolicy.nodes");
	HAS(refused("", "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"F\"]}"),
		"memoryPolicy.flags");
}

static const char *labelled(const char *process)
{
	static struct err e;
	own_spec s = spec_of(process, "");
	struct confine c = CONFINE_INIT;

	e = ERR_INIT;
	if (confine_prepare(&c, s, DET_OFF, -1, &e) == 0)
		return "accepted";
	confine_drop(&c);
	return e.msg;
}

TEST(labels_need_a_kernel_that_has_them)
{
	if (access("/sys/kernel/security/apparmor", F_OK) < 0)
		HAS(labelled(",\"apparmorProfile\":\"p\""), "apparmor not supported");
	if (access("/sys/fs/selinux", F_OK) < 0)
		HAS(labelled(",\"selinuxLabel\":\"l\""), "selinux is disabled or not supported");
	STREQ(labelled(",\"apparmorProfile\":\"\""), "accepted");
}

CHECK_MAIN
