/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hooks.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "tests/check.h"

static const struct hook_state creating = { "c1", "/b", "creating", 4711 };

static struct spec *with_hooks(const char *hooks)
{
	own_free char *text = NULL;
	struct spec *s = NULL;
	struct err e = ERR_INIT;
	int n = asprintf(&text, "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
		"\"annotations\":{\"k\":\"v\"},\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]},"
		"\"hooks\":{%s}}", hooks);

	if (spec_parse(text, (size_t) n, "test", &s, &e) < 0)
		printf("%s\n", e.msg);
	return s;
}

static const char *run(const char *hooks, enum spec_hook_when when)
{
	static struct err e;
	own_spec s = with_hooks(hooks);

	e = ERR_INIT;
	return s && hooks_run(s, when, &creating, &e) == 0 ? "ok" : e.msg;
}

#define SH(cmd, more) "{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"" cmd "\"]" more "}"
#define CREATE(...) "\"createRuntime\":[" __VA_ARGS__ "]"

TEST(state_on_stdin)
{
	char name[] = "/tmp/hooks.XXXXXX", hook[256];
	own_fd fd = mkstemp(name);
	own_buf got = { 0 };
	own_json j = NULL;

	snprintf(hook, sizeof hook, CREATE(SH("cat > %s", ",\"env\":[\"PATH=/bin:/usr/bin\"]")), name);
	STREQ(run(hook, SPEC_HOOK_CREATE_RUNTIME), "ok");
	EQ(read_fd(fd, 4096, &got), 0);
	unlink(name);
	EQ(json_parse((char *) got.p, got.n, "state", &j, NULL), 0);
	STREQ(json_get_str(j, "status"), "creating");
	STREQ(json_get_str(j, "id"), "c1");
	STREQ(json_get_str(j, "bundle"), "/b");
	STREQ(json_get_str(j, "ociVersion"), "1.2.0");
	STREQ(json_get_str(json_get(j, "annotations"), "k"), "v");
	EQ(json_get(j, "pid")->i, 4711);
}

TEST(environment_and_arguments)
{
	STREQ(run(CREATE(SH("test $A = b && test -z $HOME && test $0 = sh", ",\"env\":[\"A=b\"]")),
		      SPEC_HOOK_CREATE_RUNTIME), "ok");
	STREQ(run(CREATE("{\"path\":\"/bin/true\"}"), SPEC_HOOK_CREATE_RUNTIME), "ok");
}

TEST(failure_says_which_and_what)
{
	const char *m = run(CREATE(SH("exit 0", "") "," SH("echo one; echo two >&2; exit 3", "")),
		SPEC_HOOK_CREATE_RUNTIME);

	HAS(m, "error running createRuntime hook #1: exit status 3, stdout: one, stderr: two");
	HAS(run(CREATE(SH("kill -9 $$", "")), SPEC_HOOK_CREATE_RUNTIME), "signal: killed");
	HAS(run(CREATE("{\"path\":\"/nowhere/x\"}"), SPEC_HOOK_CREATE_RUNTIME),
		"error running createRuntime hook #0: fork/exec /nowhere/x: no such file");
}

TEST(timeout)
{
	HAS(run(CREATE(SH("sleep 60", ",\"timeout\":1")), SPEC_HOOK_CREATE_RUNTIME),
		"hook ran past specified timeout of 1.0s");
	STREQ(run(CREATE(SH("exit 0", ",\"timeout\":60")), SPEC_HOOK_CREATE_RUNTIME), "ok");
}

TEST(a_daemon_holds_nobody_up)
{
	STREQ(run(CREATE(SH("sleep 5 & exit 0", "")), SPEC_HOOK_CREATE_RUNTIME), "ok");
}

TEST(poststop_only_warns)
{
	STREQ(run("\"poststop\":[" SH("exit 1", "") "]", SPEC_HOOK_POSTSTOP), "ok");
}

TEST(only_those_of_the_kind)
{
	STREQ(run(CREATE(SH("exit 1", "")), SPEC_HOOK_PRESTART), "ok");
}

CHECK_MAIN
