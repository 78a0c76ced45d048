/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/mount.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/caps.h"
#include "runtime/mounts.h"
#include "runtime/opts.h"
#include "runtime/plan.h"
#include "runtime/state.h"
#include "tests/check.h"

/* --- the plan: pure, so that it can be read as text ---------------------------------------- */

static char *text_of(const struct plan_in *in, struct err *e)
{
	own_plan p = { 0 };
	struct buf b = { 0 };

	if (plan_make(in, &p, e) < 0)
		return NULL;
	plan_print(&p, &b);
	return buf_cstr(&b);
}

static struct spec *small(void)
{
	struct spec *s = spec_new();

	spec_add_arg(s, "true");
	spec_add_ns(s, SPEC_NS_USER, NULL);
	spec_add_ns(s, SPEC_NS_MOUNT, NULL);
	spec_add_mount(s, "/proc", "proc", "proc", "nosuid");
	return s;
}

static bool before(const char *text, const char *a, const char *b)
{
	const char *pa = strstr(text, a), *pb = strstr(text, b);

	return pa && pb && pa < pb;
}

TEST(plan_has_its_order)
{
	own_spec s = small();
	struct plan_in in = { .spec = s, .root = ROOT_OVERLAY, .lower = "/fs", .priv = "/p",
		.userns = true };
	char *t = text_of(&in, NULL);

	OK(before(t, "propagation", "root-overlay"));
	OK(before(t, "root-overlay", "mount        /proc"));
	OK(before(t, "mount        /proc", "pivot"));
	OK(before(t, "pivot", "cwd"));
	OK(before(t, "cwd", "ready"));
	OK(before(t, "ready", "user"));
	OK(before(t, "user", "exec         true"));
	HAS(t, "type=/p/upper from=/fs /p/work");
	free(t);
}

TEST(plan_binds_devices_in_a_user_namespace)
{
	own_spec s = small();
	struct plan_in in = { .spec = s, .root = ROOT_EMPTY, .priv = "/p", .userns = true };
	char *t = text_of(&in, NULL);

	HAS(t, "device       /dev/null from=/dev/null");
	free(t);
	in.userns = false;
	t = text_of(&in, NULL);
	OK(!strstr(t, "from=/dev/null"));
	free(t);
}

TEST(plan_makes_a_readonly_dev_when_its_nodes_are_there)
{
	own_spec s = small();
	struct plan_in in = { .spec = s, .root = ROOT_BIND, .lower = "/fs", .userns = true };
	char *t;

	spec_add_mount(s, "/dev", "tmpfs", "tmpfs", "ro,nosuid");
	t = text_of(&in, NULL);
	OK(before(t, "device       /dev/null", "attributes   /dev"));
	free(t);
}

TEST(plan_hides_in_a_layer_between)
{
	own_spec s = small();
	const char *empty[] = { "etc/shadow", NULL };
	struct plan_in in = { .spec = s, .root = ROOT_OVERLAY, .lower = "/fs", .priv = "/p",
		.empty = empty };
	char *t = text_of(&in, NULL);

	OK(before(t, "hide         etc/shadow from=/fs /p/hidden", "root-overlay"));
	HAS(t, "above=/p/hidden");
	free(t);
	in.root = ROOT_COPY;
	t = text_of(&in, NULL);
	OK(before(t, "copy ", "empty        etc/shadow"));
	free(t);
}

TEST(plan_of_all_kinds_of_mounts)
{
	own_spec s = small();
	struct plan_in in = { .spec = s, .root = ROOT_BIND, .lower = "/fs", .bundle = "/b",
		.off = true };
	char *t;

	spec_add_mount(s, "/x", "tmpfs", "tmpfs", "ro,mode=711");
	spec_add_mount(s, "/y", "bind", "src", "rbind,ro,suid,rro,rslave");
	spec_add_mount(s, "/x", "none", "x", "remount,bind,ro");
	spec_add_mount(s, "/z", "tmpfs", "tmpfs", "ro");
	t = text_of(&in, NULL);
	HAS(t, "mount        /x type=tmpfs from=tmpfs mode=711\n");
	HAS(t, "bind         /y type=bind from=/b/src flags=0x5001 clear=0x2 all=0x1/0 "
		"propagation=0x84000\n");
	HAS(t, "remount      /x type=bind");
	OK(before(t, "device       /dev/null", "attributes   /z flags=0x1"));
	OK(!strstr(t, "attributes   /x"));
	HAS(t, "propagation  / propagation=0x84000\n");
	free(t);
}

TEST(plan_shares_the_root_when_it_is_done)
{
	own_spec s = small();
	struct plan_in in = { .spec = s, .root = ROOT_BIND, .lower = "/fs" };
	char *t;

	s->linux_.rootfs_propagation = MS_SHARED;
	t = text_of(&in, NULL);
	OK(!strstr(t, "propagation  /"));
	HAS(t, "root-bind    / from=/fs propagation=0x100000\n");
	HAS(t, "pivot        flags=0x1 propagation=0x100000\n");
	free(t);
	s->linux_.rootfs_propagation = MS_PRIVATE;
	t = text_of(&in, NULL);
	HAS(t, "propagation  / propagation=0x44000\n");
	HAS(t, "pivot        flags=0x1\n");
	free(t);
}

TEST(mount_flags_become_attributes)
{
	EQ(mnt_attrs(MS_RDONLY | MS_NOSUID), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	EQ(mnt_attrs(MS_NOATIME | MS_STRICTATIME), MOUNT_ATTR_NOATIME);
	EQ(mnt_attrs(MS_SYNCHRONOUS), 0);
}

/* --- options --------------------------------------------------------------------------------- */

static struct {
	bool flag;
	const char *text;
	struct opt_list list;
} got;

static int parse(char **argv, int *rest, bool *dashes, struct err *e)
{
	const struct opt t[] = {
		{ "flag", 'f', OPT_FLAG, &got.flag, NULL, "" },
		{ "text", 't', OPT_STR, &got.text, "X", "" },
		{ "list", 0, OPT_LIST, &got.list, "X", "" },
		{ "later", 0, OPT_REFUSED, NULL, NULL, "not yet" },
		{ NULL },
	};
	int argc = 0;

	memset(&got, 0, sizeof got);
	while (argv[argc])
		argc++;
	return opts_parse(t, argc, argv, rest, dashes, e);
}
/* literals, which outlive the options' pointers to them; nobody writes to them */
#define S(s) ((char *) (uintptr_t) s)
#define ARGV(...) ((char *[]) { S("x"), __VA_ARGS__, NULL })

TEST(options_in_all_their_forms)
{
	int rest;
	bool dashes;

	EQ(parse(ARGV(S("-f"), S("--text=a"), S("cmd"), S("-f")), &rest, &dashes, NULL), 0);
	OK(got.flag && !dashes);
	STREQ(got.text, "a");
	EQ(rest, 3);
	EQ(parse(ARGV(S("--text"), S("b"), S("--"), S("-f")), &rest, &dashes, NULL), 0);
	OK(!got.flag && dashes);
	STREQ(got.text, "b");
	EQ(rest, 4);
	EQ(parse(ARGV(S("-tc"), S("-flag")), &rest, NULL, NULL), 0);
	STREQ(got.text, "c");
	OK(got.flag);
	EQ(parse(ARGV(S("--flag=false"), S("--list"), S("1"), S("--list=2")), &rest, NULL, NULL), 0);
	EQ(got.list.n, 2);
	STREQ(got.list.v[1], "2");
	free(got.list.v);
	EQ(parse(ARGV(S("--help")), &rest, NULL, NULL), 1);
}

TEST(options_that_are_wrong_say_why)
{
	struct err e = ERR_INIT;
	int rest;

	EQ(parse(ARGV(S("--nope")), &rest, NULL, &e), -EINVAL);
	HAS(e.msg, "--nope");
	EQ(parse(ARGV(S("--text")), &rest, NULL, &e), -ENODATA);
	HAS(e.msg, "--text needs a value");
	EQ(parse(ARGV(S("--flag=maybe")), &rest, NULL, &e), -EINVAL);
	EQ(parse(ARGV(S("--later")), &rest, NULL, &e), -EOPNOTSUPP);
	HAS(e.msg, "not yet");
}

TEST(numbers_are_whole_and_in_range)
{
	long long v = 0;

	EQ(opt_number("12", "n", 0, 20, &v, NULL), 0);
	EQ(v, 12);
	EQ(opt_number("", "n", 0, 20, &v, NULL), -EINVAL);
	EQ(opt_number("1x", "n", 0, 20, &v, NULL), -EINVAL);
	EQ(opt_number(" 1", "n", 0, 20, &v, NULL), -EINVAL);
	EQ(opt_number("21", "n", 0, 20, &v, NULL), -EINVAL);
	EQ(opt_number("99999999999999999999", "n", 0, 20, &v, NULL), -EINVAL);
}

/* --- states ---------------------------------------------------------------------------------- */

TEST(ids_are_those_of_the_specification)
{
	char longest[130];

	memset(longest, 'a', sizeof longest);
	longest[129] = 0;
	EQ(state_check_id("a-b_c.d+1", NULL), 0);
	EQ(state_check_id(longest + 1, NULL), 0);
	EQ(state_check_id(longest, NULL), -EINVAL);
	EQ(state_check_id("", NULL), -EINVAL);
	EQ(state_check_id(".", NULL), -EINVAL);
	EQ(state_check_id("..", NULL), -EINVAL);
	EQ(state_check_id("a/b", NULL), -EINVAL);
	EQ(state_check_id("a b", NULL), -EINVAL);
}

TEST(a_state_is_what_was_saved)
{
	char root[] = "/tmp/detrun-unit.XXXXXX", *ann[] = { S("k"), S("v"), NULL };
	struct state s = { .id = S("c"), .bundle = S("/b"), .pid = 7, .pid_start = 1, .running = true,
		.annotations = ann };
	own_state back = { 0 };
	int dir = -1;

	OK(mkdtemp(root));
	EQ(state_create(root, "c", &dir, NULL), 0);
	EQ(state_create(root, "c", &dir, NULL), -EEXIST);
	EQ(state_save(dir, &s, NULL), 0);
	EQ(state_load(dir, "c", &back, NULL), 0);
	STREQ(back.bundle, "/b");
	STREQ(back.annotations[1], "v");
	EQ(back.pid, 7);
	OK(back.running);
	STREQ(state_status(&back), "stopped"); /* pid 7 did not start then */
	close(dir);
	EQ(state_remove(root, "c", NULL), 0);
	EQ(state_open(root, "c", false, &dir, NULL), -ENOENT);
	rmdir(root);
}

CHECK_MAIN
