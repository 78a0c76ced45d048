/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "oci/spec.h"
#include "runtime/base/own.h"
#include "tests/check.h"

#define PROCESS "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]}"
#define ROOT "\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"}"
#define NS "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]"

static struct spec *parse(const char *text)
{
	struct spec *s = NULL;
	struct err e = ERR_INIT;

	if (spec_parse(text, strlen(text), "config.json", &s, &e) < 0)
		CHECK_FAIL("%s: %s", e.msg, text);
	return s ? s : spec_new();
}

/* The message of a document that has to be refused; "" when it was not. */
static const char *error_of(const char *text, char ret[1024])
{
	own_spec s = NULL;
	struct err e = ERR_INIT;

	ret[0] = 0;
	if (spec_parse(text, strlen(text), "config.json", &s, &e) < 0)
		snprintf(ret, 1024, "%s", e.msg);
	return ret;
}

/* A process object whose other members are in order. */
static const char *process_error(const char *members, char ret[1024])
{
	char text[4096];

	snprintf(text, sizeof text, "{" ROOT ",\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],%s}}",
		members);
	return error_of(text, ret);
}

static const char *linux_error(const char *members, char ret[1024])
{
	char text[4096];

	snprintf(text, sizeof text, "{" ROOT "," PROCESS ",\"linux\":{%s}}", members);
	return error_of(text, ret);
}

/* What spec_supported() says of a linux object, and of further top-level members. */
static const char *refusal(const char *linux_members, const char *members, char ret[1024])
{
	char text[4096];
	own_spec s = NULL;
	struct err e = ERR_INIT;

	ret[0] = 0;
	snprintf(text, sizeof text, "{" ROOT "," PROCESS ",\"linux\":{" NS "%s}%s}", linux_members,
		members);
	if (spec_parse(text, strlen(text), "config.json", &s, &e) < 0)
		CHECK_FAIL("%s", e.msg);
	else if (spec_supported(s, &e) < 0)
		snprintf(ret, 1024, "%s", e.msg);
	return ret;
}

static char *json_of(const struct spec *s)
{
	struct buf b = { 0 };

	EQ(spec_to_json(s, &b), 0);
	return buf_cstr(&b);
}

static char *portable_json_of(const char *host, const char *args)
{
	own_spec s = NULL;
	struct buf b = { 0 };
	char text[2048];

	snprintf(text, sizeof text, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/h/%s\"},"
		"\"process\":{\"cwd\":\"/\",\"args\":[\"%s\"],\"selinuxLabel\":\"%s\",\"user\":{}},"
		"\"annotations\":{\"a\":\"%s\"},\"hooks\":{\"prestart\":[{\"path\":\"/%s\"}]},"
		"\"mounts\":[{\"destination\":\"/m\",\"type\":\"bind\",\"source\":\"/h/%s\",\"options\":"
		"[\"bind\"]}],\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/n/%s\"}],"
		"\"cgroupsPath\":\"/c/%s\"}}", host, args, host, host, host, host, host, host);
	s = parse(text);
	EQ(spec_to_portable_json(s, &b), 0);
	return buf_cstr(&b);
}

TEST(oci_portable_json_has_nothing_of_the_host)
{
	own_free char *a = portable_json_of("one", "x"), *b = portable_json_of("two", "x");
	own_free char *c = portable_json_of("one", "y");

	STREQ(a, b);
	OK(!strstr(a, "one") && strstr(a, "(joined)"));
	OK(strcmp(a, c));
}

TEST(oci_sorts_the_environment_by_name)
{
	own_spec s = parse("{" ROOT ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{},"
		"\"env\":[\"B=1\",\"AB=2\",\"A=4\",\"A=3\"]}}");
	const char *const *env = s->process.env;

	EQ(spec_sort_env(s), 0);
	STREQ(env[0], "A=4");
	STREQ(env[1], "A=3");
	STREQ(env[2], "AB=2");
	STREQ(env[3], "B=1");
	OK(!env[4]);
}

TEST(oci_reads_process)
{
	own_spec s = parse("{" ROOT ",\"process\":{\"terminal\":true,"
		"\"consoleSize\":{\"width\":80,\"height\":24},"
		"\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[5,6]},"
		"\"args\":[\"a\",\"b\"],\"env\":[\"X=1\",\"Y=\"],\"cwd\":\"/w\","
		"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_BPF\"],\"ambient\":[\"CAP_KILL\"]},"
		"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":18446744073709551615}],"
		"\"noNewPrivileges\":true,\"oomScoreAdj\":-5}}");
	const struct spec_process *p = &s->process;

	OK(s->has_process && p->terminal && p->no_new_privs && p->has_oom_score_adj);
	EQ(p->console_width, 80);
	EQ(p->user.uid * 10 + p->user.gid, 12);
	EQ(p->user.umask, 022);
	EQ(p->user.n_groups, 2);
	EQ(p->user.groups[1], 6);
	STREQ(p->args[1], "b");
	OK(!p->args[2] && !p->env[2]);
	STREQ(p->cwd, "/w");
	EQ(p->caps.bounding, 1ull << 0 | 1ull << 39);
	EQ(p->caps.ambient, 1ull << 5);
	EQ(p->caps.permitted, 0);
	EQ(p->rlimits[0].resource, RLIMIT_NOFILE);
	EQ(p->rlimits[0].hard, RLIM_INFINITY);
	EQ(p->oom_score_adj, -5);
}

TEST(oci_names_the_path_of_an_error)
{
	char m[1024];

	HAS(process_error("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
			  "{\"type\":\"RLIMIT_FOO\",\"soft\":1,\"hard\":1}]", m),
		"config.json: process.rlimits[1].type: unknown rlimit \"RLIMIT_FOO\"");
	HAS(process_error("\"user\":{\"uid\":\"0\"}", m),
		"process.user.uid: expected a number, got a string");
	HAS(process_error("\"user\":{\"uid\":4294967295}", m), "process.user.uid: 4294967295 is out");
	HAS(process_error("\"user\":{\"uid\":-1}", m), "process.user.uid: -1 is out of range");
	HAS(process_error("\"user\":{\"uid\":1.5}", m), "process.user.uid: expected a whole number");
	HAS(process_error("\"user\":{\"additionalGids\":[1,-2]}", m),
		"process.user.additionalGids[1]");
	HAS(process_error("\"env\":[\"A=1\",2]", m), "process.env[1]: expected a string");
	HAS(process_error("\"env\":[\"A=1\",\"B\"]", m), "process.env[1]: \"B\" is not NAME=VALUE");
	HAS(process_error("\"env\":[\"=x\"]", m), "process.env[0]");
	HAS(process_error("\"terminal\":1", m), "process.terminal: expected true or false");
	HAS(process_error("\"capabilities\":{\"ambient\":\"CAP_KILL\"}", m),
		"process.capabilities.ambient: expected a list");
	HAS(process_error("\"oomScoreAdj\":1001", m), "process.oomScoreAdj: 1001 is out of range");
	HAS(process_error("\"scheduler\":{\"policy\":\"SCHED_X\"}", m),
		"process.scheduler.policy: unknown value \"SCHED_X\"");
	HAS(linux_error("\"namespaces\":[{\"type\":\"foo\"}]", m),
		"linux.namespaces[0].type: namespace \"foo\" does not exist");
	HAS(linux_error("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]", m),
		"linux.namespaces[1].type: malformed spec file: duplicated ns \"pid\"");
	HAS(linux_error("\"maskedPaths\":[\"/a\",\"b\"]", m), "linux.maskedPaths[1]");
	HAS(linux_error("\"devices\":[{\"path\":\"/dev/x\",\"type\":\"q\"}]", m),
		"linux.devices[0].type");
	HAS(linux_error("\"resources\":{\"memory\":{\"limit\":\"1G\"}}", m),
		"linux.resources.memory.limit: expected a number");
	HAS(linux_error("\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":"
			"[\"read\"],\"action\":\"X\"}]}", m),
		"linux.seccomp.syscalls[0].action");
	HAS(error_of("{" ROOT ",\"mounts\":[{\"type\":\"proc\"}]}", m), "mounts[0].destination");
	HAS(error_of("{" ROOT ",\"hooks\":{\"poststop\":[{\"path\":\"x\"}]}}", m),
		"hooks.poststop[0].path");
	HAS(error_of("{" ROOT ",\"annotations\":{\"a\":1}}", m), "annotations.a: expected a string");
	HAS(error_of("{" ROOT ",\"annotations\":{\"\":\"1\"}}", m), "annotations: a key must not");
	HAS(error_of("[]", m), "config.json: expected a JSON object");
	HAS(error_of("{" ROOT ",}", m), "config.json: line 1");
}

TEST(oci_uses_runc_words)
{
	char m[1024];

	HAS(error_of("{\"ociVersion\":\"1.0.0\"}", m), "root must be specified");
	HAS(error_of("{" ROOT ",\"process\":{\"cwd\":\"/\"}}", m), "args must not be empty");
	HAS(error_of("{" ROOT ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\",1.5]}}", m),
		"process.args[1]: expected a string");
	HAS(error_of("{" ROOT ",\"process\":{\"args\":[\"a\"]}}", m), "Cwd property must not be empty");
	HAS(error_of("{" ROOT ",\"process\":{\"args\":[\"a\"],\"cwd\":\"b\"}}", m),
		"Cwd must be an absolute path");
	HAS(error_of("{" ROOT ",\"hostname\":\"x\"}", m),
		"unable to set hostname without a private UTS namespace");
	HAS(linux_error("\"maskedPaths\":[\"/a\"]", m),
		"unable to restrict sys entries without a private MNT namespace");
	HAS(linux_error("\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]", m),
		"User namespace mappings specified, but USER namespace isn't enabled in the config");
	HAS(linux_error("\"sysctl\":{\"vm.swappiness\":\"1\"}", m),
		"sysctl \"vm.swappiness\" is not in a separate kernel namespace");
	HAS(error_of("{" ROOT ",\"linux\":{\"sysctl\":{\"user.max_uts_namespaces\":\"3\"}}}", m),
		"is not in a separate kernel namespace");
}

TEST(oci_checks_the_version)
{
	char m[1024];

	HAS(error_of("{\"root\":{\"path\":\"r\"}}", m), "ociVersion: must not be empty");
	HAS(error_of("{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}}", m), "ociVersion");
	HAS(error_of("{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"r\"}}", m), "semantic version");
	HAS(error_of("{\"ociVersion\":\"1.x.0\",\"root\":{\"path\":\"r\"}}", m), "semantic version");
	STREQ(error_of("{\"ociVersion\":\"1.0.2-dev\",\"root\":{\"path\":\"r\"}}", m), "");
	STREQ(error_of("{\"ociVersion\":\"1.9.0+x\",\"root\":{\"path\":\"r\"}}", m), "");
}

TEST(oci_takes_null_for_absent_and_ignores_unknown)
{
	own_spec s = parse("{" ROOT ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"env\":null,"
		"\"capabilities\":null,\"frobnicate\":[1]},\"hooks\":null,\"linux\":null,\"x\":{}}");

	OK(!s->process.caps.present && !s->linux_.present && !s->n_foreign);
	EQ(s->process.n_env, 0);
}

TEST(oci_takes_a_word_that_is_written_as_a_number)
{
	own_spec s = parse("{" ROOT ",\"process\":{\"cwd\":\"/\",\"args\":[\"sleep\",5]}}");

	STREQ(s->process.args[1], "5");
	OK(!s->process.args[2]);
	EQ(s->n_warnings, 1);
}

TEST(oci_warns_of_an_unknown_capability)
{
	own_spec s = parse("{" ROOT ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"capabilities\":"
		"{\"bounding\":[\"CAP_KILL\",\"CAP_FROB\"]}}}");

	EQ(s->n_warnings, 1);
	HAS(s->warnings[0], "process.capabilities.bounding[1]: unknown capability \"CAP_FROB\"");
	EQ(s->process.caps.bounding, 1ull << 5);
}

TEST(oci_understands_mount_options)
{
	own_spec s = spec_new();
	const struct spec_mount *m;

	spec_add_mount(s, "/a", "none", "/src", "rbind,ro,nosuid,rslave,rro");
	spec_add_mount(s, "tmp", "tmpfs", "tmpfs", "mode=755,noexec,size=1k,exec,suid,,");
	spec_add_mount(s, "/c", "bind", "/src", "rnoatime,rrelatime,rstrictatime,rw");
	m = s->mounts;
	STREQ(m[0].type, "bind");
	EQ(m[0].flags, MS_BIND | MS_REC | MS_RDONLY | MS_NOSUID);
	EQ(m[0].propagation, MS_SLAVE | MS_REC);
	EQ(m[0].rec_attr_set, MOUNT_ATTR_RDONLY);
	STREQ(m[0].data, "");
	STREQ(m[1].destination, "/tmp");
	STREQ(m[1].data, "mode=755,size=1k");
	EQ(m[1].flags, 0);
	EQ(m[1].flags_clear, MS_NOEXEC | MS_NOSUID);
	EQ(m[1].n_options, 5);
	EQ(m[2].flags, MS_BIND);
	EQ(m[2].flags_clear, MS_RDONLY);
	EQ(m[2].rec_attr_set, MOUNT_ATTR_STRICTATIME);
	EQ(m[2].rec_attr_clear, MOUNT_ATTR__ATIME);
}

TEST(oci_says_what_a_bind_mount_can_not_have)
{
	own_spec s = spec_new();

	spec_add_mount(s, "/a", "none", "/src", "bind,ro,size=1k");
	EQ(s->n_warnings, 1);
	HAS(s->warnings[0], "mount on /a: a bind mount takes no options of a file system: size=1k");
}

TEST(oci_mount_options_are_sorted)
{
	for (size_t i = 1; spec_mount_option(i); i++)
		OK(strcmp(spec_mount_option(i - 1), spec_mount_option(i)) < 0);
}

TEST(oci_checks_mounts)
{
	char m[1024];

	HAS(error_of("{" ROOT ",\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\"]}]}", m),
		"mounts[0].source");
	HAS(error_of("{" ROOT ",\"mounts\":[{\"destination\":\"/a\"}]}", m), "mounts[0].type");
}

TEST(oci_checks_id_maps)
{
	char m[1024];

#define USER "\"namespaces\":[{\"type\":\"user\"}],"
#define MAP(c, h, n) "{\"containerID\":" #c ",\"hostID\":" #h ",\"size\":" #n "}"
	HAS(linux_error(USER "\"gidMappings\":[" MAP(0, 0, 1) "]", m), "no uid mappings found");
	HAS(linux_error(USER "\"gidMappings\":[" MAP(0, 0, 1) "],\"uidMappings\":["
			MAP(0, 1000, 10) "," MAP(9, 5000, 1) "]", m),
		"linux.uidMappings[1]: overlaps");
	HAS(linux_error(USER "\"uidMappings\":[" MAP(0, 0, 0) "]", m),
		"linux.uidMappings[0].size: must not be 0");
	HAS(linux_error(USER "\"uidMappings\":[" MAP(1, 0, 4294967295) "]", m), "beyond the last id");
	STREQ(linux_error(USER "\"uidMappings\":[" MAP(0, 0, 4294967295) "],\"gidMappings\":["
			  MAP(0, 1000, 1) "," MAP(1, 100000, 65536) "]", m), "");
}

static const char *idmap_error(const char *option, char m[1024])
{
	char text[1024];

	snprintf(text, sizeof text, "{" ROOT ",\"mounts\":[{\"destination\":\"/a\",\"source\":\"/\","
		"\"options\":[\"bind\",\"%s\"]}],\"linux\":{" USER
		"\"uidMappings\":[" MAP(0, 0, 1) "," MAP(1, 5000, 100) "],\"gidMappings\":["
		MAP(0, 7000, 100) "]}}", option);
	return error_of(text, m);
}

TEST(oci_reads_id_maps_of_mount_options)
{
	static const char *const bad[] = { "idmap=x", "idmap=uids=1-2", "idmap=uids=1-2-3",
		"idmap=uids=1-2-0;gids=1-2-3", "idmap=uids=1-2-3;gids=1-2-3;", "ridmap=uids=1-2-3#;gids=1-1-1",
		"idmap=uids=@0-200-1;gids=0-0-1", "idmap=uids=0-0-1;gids=0-4294967295-2",
		"idmap=uids=0--1-1;gids=0-0-1", "idmap=uids=0-4294967296-1;gids=0-0-1" };
	const char *json = "{" ROOT ",\"mounts\":[{\"destination\":\"/a\",\"source\":\"/\","
		"\"options\":[\"bind\",\"ridmap=uids=0-1-10#10-@\"]}]}";
	char m[1024];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		HAS(idmap_error(bad[i], m), i == 2 ? "uidMappings without gidMappings" : "mounts[0].options[1]");
	STREQ(idmap_error("idmap=uids=0-1-10#10-11-10;gids=0-100-10", m), "");
	STREQ(idmap_error("ridmap=uids=@1-3-10;gids=@0-0-1#5-5-1", m), "");
	STREQ(idmap_error("idmap=", m), "");
	HAS(error_of(json, m), "mounts[0].options[1]");
}

TEST(oci_refuses_by_name_what_is_not_there)
{
	char m[1024];

	STREQ(refusal("", "", m), "");
	HAS(refusal(",\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"x\"]}", "", m),
		"linux.personality.flags");
	STREQ(refusal(",\"personality\":{\"domain\":\"LINUX\"}", "", m), "");
	HAS(refusal(",\"intelRdt\":{}", "", m), "linux.intelRdt");
	STREQ(refusal("", ",\"hooks\":{\"poststart\":[]}", m), "");
	HAS(refusal("", ",\"windows\":{}", m), "windows: is for another platform");
}

/* Everything the specification knows, once. */
static const char everything[] =
	"{" ROOT ",\"hostname\":\"h\",\"domainname\":\"d\",\"annotations\":{\"b\":\"2\",\"a\":\"1\"},"
	"\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"env\":[\"A=b\"],\"apparmorProfile\":\"p\","
	"\"selinuxLabel\":\"l\",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":3,\"nice\":2,"
	"\"flags\":[\"SCHED_FLAG_RECLAIM\",\"SCHED_FLAG_RESET_ON_FORK\"]},\"ioPriority\":{\"class\":"
	"\"IOPRIO_CLASS_BE\",\"priority\":4},\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"1\"},"
	"\"consoleSize\":{\"height\":1,\"width\":2},\"user\":{\"username\":\"u\",\"umask\":0},"
	"\"capabilities\":{\"permitted\":[\"CAP_KILL\",\"CAP_CHOWN\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":0,\"hard\":18446744073709551615}]},"
	"\"mounts\":[{\"destination\":\"x\",\"source\":\"/s\",\"type\":\"none\",\"options\":[\"ro\","
	"\"bind\"],\"uidMappings\":[" MAP(0, 1, 2) "],\"gidMappings\":[" MAP(0, 1, 2) "]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/p\"}],\"createRuntime\":[{\"path\":\"/p\",\"timeout\":"
	"5}],\"createContainer\":[{\"path\":\"/p\",\"args\":[\"a\"]}],\"startContainer\":[{\"path\":"
	"\"/p\",\"env\":[\"A=\"]}],\"poststart\":[{\"path\":\"/p\"}],\"poststop\":[{\"path\":\"/p\"}]},"
	"\"linux\":{\"namespaces\":[{\"type\":\"time\"},{\"type\":\"user\"},{\"type\":\"network\","
	"\"path\":\"/n\"},{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"ipc\"}],"
	"\"uidMappings\":[" MAP(0, 1000, 1) "],\"gidMappings\":[" MAP(0, 1000, 1) "],"
	"\"devices\":[{\"path\":\"/dev/f\",\"type\":\"p\",\"fileMode\":384},{\"path\":\"/dev/c\","
	"\"type\":\"c\",\"major\":1,\"minor\":3,\"uid\":0,\"gid\":5}],\"netDevices\":{\"eth1\":{},"
	"\"eth0\":{\"name\":\"e\"}},\"maskedPaths\":[\"/m\"],\"readonlyPaths\":[\"/r\"],"
	"\"rootfsPropagation\":\"rslave\",\"cgroupsPath\":\"/c\",\"mountLabel\":\"ml\","
	"\"sysctl\":{\"net.core.somaxconn\":\"1\",\"kernel.sem\":\"2\"},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":"
	"[\"SCMP_ARCH_X86_64\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"listenerPath\":\"/l\","
	"\"listenerMetadata\":\"m\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\","
	"\"errnoRet\":1,\"args\":[{\"index\":0,\"value\":18446744073709551615,\"valueTwo\":2,\"op\":"
	"\"SCMP_CMP_MASKED_EQ\"}]}]},\"personality\":{\"domain\":\"LINUX32\",\"flags\":[\"f\"]},"
	"\"timeOffsets\":{\"monotonic\":{\"secs\":-1,\"nanosecs\":2},\"boottime\":{\"secs\":3}},"
	"\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":"
	"\"rw\"}],\"memory\":{\"limit\":-1,\"swap\":2,\"swappiness\":0,\"disableOOMKiller\":true},"
	"\"cpu\":{\"shares\":1,\"quota\":-1,\"period\":2,\"cpus\":\"0\",\"idle\":1,\"burst\":3},"
	"\"pids\":{\"limit\":0},\"blockIO\":{\"weight\":10,\"weightDevice\":[{\"major\":8,\"minor\":0,"
	"\"weight\":5}],\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":9}]},"
	"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9223372036854772000}],\"network\":{"
	"\"classID\":1,\"priorities\":[{\"name\":\"e\",\"priority\":2}]},\"rdma\":{\"m2\":{},\"m1\":{"
	"\"hcaHandles\":3}},\"unified\":{\"memory.high\":\"1\"}},\"intelRdt\":{\"closID\":\"c\","
	"\"schemata\":[\"L3:0=f\"],\"enableMonitoring\":true},\"memoryPolicy\":{\"mode\":\"MPOL_BIND\","
	"\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_NODES\"]}}}";

TEST(oci_writes_back_all_it_read)
{
	static const char *const must_have[] = { "\"domainname\":\"d\"", "\"SCHED_FIFO\"",
		"[\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_RECLAIM\"]", "IOPRIO_CLASS_BE",
		"\"execCPUAffinity\":{\"final\":\"1\",\"initial\":\"0\"}",
		"\"permitted\":[\"CAP_CHOWN\",\"CAP_KILL\"]", "\"umask\":0", "\"destination\":\"/x\"",
		"\"type\":\"bind\"", "\"timeout\":5", "\"startContainer\"", "\"eth1\":{\"name\":\"eth1\"}",
		"\"fileMode\":384", "\"rootfsPropagation\":\"rslave\"", "\"valueTwo\":2",
		"\"value\":18446744073709551615", "LINUX32", "\"secs\":-1", "\"limit\":-1",
		"\"swappiness\":0", "\"pids\":{\"limit\":0}", "throttleWriteIOPSDevice", "\"rate\":9",
		"\"limit\":9223372036854772000", "\"classID\":1",
		"\"rdma\":{\"m1\":{\"hcaHandles\":3},\"m2\":{}}", "memory.high", "enableMonitoring",
		"MPOL_F_STATIC_NODES", "\"cgroupsPath\":\"/c\"", "\"mountLabel\":\"ml\"", "kernel.sem" };
	own_spec s = parse(everything);
	own_spec again = NULL;
	own_free char *one = json_of(s), *two = NULL;

	for (size_t i = 0; i < ARRAY_LEN(must_have); i++)
		HAS(one, must_have[i]);
	again = parse(one);
	two = json_of(again);
	STREQ(two, one);
}

TEST(oci_digest_does_not_depend_on_order_or_spelling)
{
	own_spec a = parse("{" ROOT "," PROCESS ",\"annotations\":{\"b\":\"1\",\"a\":\"2\"},"
		"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}],\"devices\":[]}}");
	own_spec b = parse("{\"linux\":{\"namespaces\":[{\"type\":\"mount\",\"path\":\"\"},{\"type\":"
		"\"pid\"}]},\"annotations\":{\"a\":\"2\",\"b\":\"1\"}," PROCESS ",\"x\":1," ROOT "}");
	own_free char *ja = json_of(a), *jb = json_of(b);

	STREQ(ja, jb);
}

TEST(oci_default_is_read_and_supported)
{
	for (int rootless = 0; rootless < 2; rootless++) {
		own_spec s = spec_default(rootless, 1000, 1001);
		own_spec back = NULL;
		own_free char *j = json_of(s);
		struct err e = ERR_INIT;

		HAS(j, "\"ociVersion\":\"1.3.0\"");
		back = parse(j);
		EQ(spec_supported(back, &e), 0);
		STREQ(e.msg, "");
		EQ(back->linux_.ns[SPEC_NS_USER].present, rootless);
		EQ(back->n_mounts, 7);
		EQ(back->process.rlimits[0].soft, 1024);
	}
}

TEST(oci_builders)
{
	static const char *const argv[] = { "make", "-j1" };
	own_spec s = spec_new();

	spec_set_args(s, 2, argv);
	spec_add_arg(s, "all");
	for (int i = 0; i < 100; i++) {
		char v[32];

		snprintf(v, sizeof v, "V%d=%d", i, i);
		spec_add_env(s, v);
	}
	spec_add_env(s, "V7=seven");
	spec_add_env(s, "V=0");
	EQ(s->process.n_args, 3);
	STREQ(s->process.args[2], "all");
	OK(!s->process.args[3]);
	EQ(s->process.n_env, 101);
	STREQ(s->process.env[7], "V7=seven");
	STREQ(s->process.env[99], "V99=99");
	OK(!s->process.env[101]);
	spec_add_annotation(s, "b", "1");
	spec_add_annotation(s, "a", "2");
	spec_add_annotation(s, "b", "3");
	EQ(s->n_annotations, 2);
	STREQ(spec_annotation(s, "b"), "3");
	STREQ(s->annotations[0].key, "a");
	OK(!spec_annotation(s, "c"));
	spec_add_group(s, 7);
	spec_add_ns(s, SPEC_NS_NET, NULL);
	OK(s->linux_.ns[SPEC_NS_NET].present && s->process.user.groups[0] == 7);
}

TEST(oci_reads_a_process_alone)
{
	static const char t[] = "{\"cwd\":\"/\",\"args\":[\"id\"],\"user\":{\"uid\":3}}";
	own_spec s = NULL;
	struct err e = ERR_INIT;

	EQ(spec_parse_process(t, sizeof t - 1, "process.json", &s, &e), 0);
	EQ(s->process.user.uid, 3);
}

TEST(oci_names)
{
	EQ(spec_cap_number("CAP_SYS_ADMIN"), 21);
	EQ(spec_cap_number("CAP_CHECKPOINT_RESTORE"), 40);
	EQ(spec_cap_number("SYS_ADMIN"), -1);
	STREQ(spec_cap_name(0), "CAP_CHOWN");
	OK(!spec_cap_name(41) && !spec_cap_name(-1));
	EQ(spec_ns_flag(SPEC_NS_MOUNT), CLONE_NEWNS);
	STREQ(spec_rlimit_name(RLIMIT_STACK), "RLIMIT_STACK");
}

CHECK_MAIN
