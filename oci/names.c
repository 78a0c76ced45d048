/* SPDX-License-Identifier: Apache-2.0 */
/* Names of config.json and the kernel's numbers for them. */
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "oci/names.h"
#include "oci/spec.h"
#include "runtime/base/own.h"

static const char *const cap_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

int spec_cap_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(cap_names); i++)
		if (!strcmp(name, cap_names[i]))
			return (int) i;
	return -1;
}

const char *spec_cap_name(int number)
{
	return number >= 0 && (size_t) number < ARRAY_LEN(cap_names) ? cap_names[number] : NULL;
}

static const struct {
	const char *name;
	int number;
} rlimits[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

int spec_rlimit_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rlimits); i++)
		if (!strcmp(name, rlimits[i].name))
			return rlimits[i].number;
	return -1;
}

const char *spec_rlimit_name(int number)
{
	for (size_t i = 0; i < ARRAY_LEN(rlimits); i++)
		if (number == rlimits[i].number)
			return rlimits[i].name;
	return NULL;
}

static const struct {
	const char *name;
	int flag;
} namespaces[SPEC_NS_COUNT] = {
	[SPEC_NS_USER] = { "user", CLONE_NEWUSER },
	[SPEC_NS_PID] = { "pid", CLONE_NEWPID },
	[SPEC_NS_MOUNT] = { "mount", CLONE_NEWNS },
	[SPEC_NS_UTS] = { "uts", CLONE_NEWUTS },
	[SPEC_NS_IPC] = { "ipc", CLONE_NEWIPC },
	[SPEC_NS_NET] = { "network", CLONE_NEWNET },
	[SPEC_NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[SPEC_NS_TIME] = { "time", 0x80 /* CLONE_NEWTIME */ },
};

const char *spec_ns_name(enum spec_ns_type type)
{
	return namespaces[type].name;
}

int spec_ns_flag(enum spec_ns_type type)
{
	return namespaces[type].flag;
}

static const char *nth(const char *const *names, size_t n, int i)
{
	return i >= 0 && (size_t) i < n ? names[i] : NULL;
}

const char *sched_name(int policy)
{
	static const char *const names[] = { "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH",
		"SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE" };

	return nth(names, ARRAY_LEN(names), policy);
}

const char *sched_flag_name(int bit)
{
	static const char *const names[] = { "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",
		"SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS",
		"SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX" };

	return nth(names, ARRAY_LEN(names), bit);
}

const char *ioprio_name(int class)
{
	static const char *const names[] = { NULL, "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE",
		"IOPRIO_CLASS_IDLE" };

	return nth(names, ARRAY_LEN(names), class);
}
