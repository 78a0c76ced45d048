/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest made of what an earlier one has found is that of a whole walk, whatever was done. */
#include "tests/check.h"
#include "tests/unit/rootfs_tree.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "rootfs/walk.h"
#include "runtime/base/hash.h"

/* An overlay of a small tree. Without the right to mount there is none, and nothing is tested. */
struct overlay {
	struct fx x;
	int lower, upper, root;
	char at[300];
};

static bool put_map(const char *file, const char *fmt, unsigned id)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	char text[64];
	bool r;

	snprintf(text, sizeof text, fmt, id);
	r = fd >= 0 && write_full(fd, text, strlen(text)) == 0;
	close(fd);
	return r;
}

static bool may_mount(void)
{
	static int may = -1;
	unsigned uid = geteuid(), gid = getegid();

	if (may >= 0)
		return may;
	may = unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) == 0;
	if (may && uid)
		may = put_map("/proc/self/setgroups", "deny", 0) &&
			put_map("/proc/self/uid_map", "0 %u 1\n", uid) &&
			put_map("/proc/self/gid_map", "0 %u 1\n", gid);
	may = may && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	if (!may)
		puts("no mounts here: known.c tests nothing");
	return may;
}

static void deep(int dir)
{
	char path[1024] = "deep";

	for (int i = 0; i < 80; i++) { /* more than a walk keeps open */
		must(mkdirat(dir, path, 0755) == 0);
		strcat(path, "/x");
	}
	put(dir, path, 0644, "down there");
}

static void fill(int dir)
{
	close(sub(dir, "usr/lib/a"));
	close(sub(dir, "usr/lib/b/c"));
	close(sub(dir, "gone/x/y"));
	close(sub(dir, "usr/lib-x"));
	put(dir, "usr/lib/a/f", 0644, "f");
	put(dir, "usr/lib/b/f", 0755, "other");
	put(dir, "usr/lib/b/c/g", 0644, "same");
	put(dir, "usr/lib.x", 0644, "same");
	put(dir, "usr/lib-x/f", 0640, "x");
	put(dir, "gone/x/y/z", 0644, "");
	put(dir, "gone/x/.wh.z", 0644, "");
	must(linkat(dir, "usr/lib/a/f", dir, "usr/lib/a/hard", 0) == 0);
	must(linkat(dir, "usr/lib/a/f", dir, "usr/lib/b/hard", 0) == 0);
	deep(dir);
}

static void reopen(struct fx *x)
{
	if (x->dirfd >= 0)
		close(x->dirfd);
	x->dirfd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(x->dirfd >= 0);
}

static void overlay_drop(struct overlay *o)
{
	close(o->lower);
	close(o->upper);
	if (o->root >= 0) {
		close(o->root);
		umount2(o->at, MNT_DETACH);
	}
	close(o->x.dirfd);
	umount2(o->x.dir, MNT_DETACH);
	o->x.dirfd = -1;
	reopen(&o->x);
	fx_free(&o->x);
}

/* And not a namespace's alone. */
static bool is_root(int dir)
{
	return fsetxattr(dir, "trusted.x", "y", 1, 0) == 0;
}

/* In memory, where that has what an overlay needs: a disk takes its time to remove it all. */
static struct fx in_memory(void)
{
	struct fx x = fx_new();

	if (mount("tmpfs", x.dir, "tmpfs", 0, NULL) < 0)
		return x;
	reopen(&x);
	if (is_root(x.dirfd))
		return x;
	close(x.dirfd);
	umount2(x.dir, MNT_DETACH);
	x.dirfd = -1;
	reopen(&x);
	return x;
}

/* False: the kernel has none with @options. */
static bool overlay(struct overlay *o, const char *options)
{
	char data[1600];
	int made;

	if (!may_mount())
		return false;
	*o = (struct overlay){ .x = in_memory() };
	made = sample(o->x.dirfd, "lower", true);
	fill(made);
	close(sub(o->x.dirfd, "upper"));
	close(sub(o->x.dirfd, "work"));
	close(sub(o->x.dirfd, "root"));
	snprintf(o->at, sizeof o->at, "%s/root", o->x.dir);
	snprintf(data, sizeof data, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work,volatile%s%s",
		o->x.dir, o->x.dir, o->x.dir, *options ? "," : "", options); /* no syncing */
	o->lower = made;
	o->upper = sub(o->x.dirfd, "upper");
	o->root = -1;
	if ((strstr(options, "userxattr") || is_root(o->x.dirfd)) &&
		mount("overlay", o->at, "overlay", 0, data) == 0)
		o->root = openat(o->x.dirfd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->root < 0)
		overlay_drop(o);
	return o->root >= 0;
}

static struct made manifest(struct overlay *o, struct found *keep, const struct walk_known *known)
{
	const struct manifest_opts mo = { .view = flat, .cache_dir = -1, .keep = keep, .known = known };
	int fd = openat(o->x.dirfd, "m", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;
	struct made m = { 0 };

	EQ(manifest_write(o->root, &mo, fd, m.sum, &e), 0);
	STREQ(e.msg, "");
	lseek(fd, 0, SEEK_SET);
	EQ(read_fd(fd, 1 << 24, &m.text), 0);
	close(fd);
	buf_cstr(&m.text);
	return m;
}

/* ---- what a program may do ---- */

static void add(int d) { put(d, "usr/lib/new", 0644, "new"); }
static void rewrite(int d) { put(d, "usr/lib/b/c/g", 0644, "else"); }
static void take(int d) { must(unlinkat(d, "usr/lib/b/c/g", 0) == 0); }
static void chmod_file(int d) { must(fchmodat(d, "usr/lib/b/c/g", 0600, 0) == 0); }
static void chmod_dir(int d) { must(fchmodat(d, "usr/lib/b", 0700, 0) == 0); }
static void rename_file(int d) { must(renameat(d, "usr/lib/b/c/g", d, "usr/lib.y") == 0); }
static void relink(int d) { must(unlinkat(d, "link", 0) == 0 && symlinkat("x", d, "link") == 0); }
static void fifo(int d) { must(mkfifoat(d, "usr/lib/pipe", 0600) == 0); }
static void link_lower(int d) { must(linkat(d, "usr/lib/b/c/g", d, "usr/h", 0) == 0); }
static void write_linked(int d) { put(d, "usr/lib/a/hard", 0644, "of three names"); }
static void deep_down(int d) { close(sub(d, "deep/x/x/x/new")); }

static void opened(int d)
{
	int fd = openat(d, "usr/lib/b/c/g", O_RDWR | O_CLOEXEC);

	must(fd >= 0);
	close(fd);
}

static void in_place(int d)
{
	int fd = openat(d, "usr/lib/b/c/g", O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write_full(fd, "S", 1) == 0);
	close(fd);
}

static void take_tree(int d) { must(rm_rf(d, "gone") == 0); }

static void other_tree(int d)
{
	take_tree(d);
	close(sub(d, "gone/x/w"));
	put(d, "gone/x/w/z", 0644, "new");
}

static void tree_to_file(int d)
{
	take_tree(d);
	put(d, "gone", 0644, "a file");
}

static void file_to_tree(int d)
{
	take(d);
	close(sub(d, "usr/lib/b/c/g/g"));
}

/* The kernel may refuse to, or leave a redirect. */
static void move_tree(int d)
{
	renameat(d, "usr/lib/b", d, "usr/moved");
}

static void move_over(int d)
{
	if (renameat(d, "usr/lib/b", d, "usr/moved") == 0)
		must(renameat(d, "usr/lib/a", d, "usr/lib/b") == 0);
}

static void swap_trees(int d)
{
	renameat2(d, "usr/lib/a", d, "usr/lib/b", RENAME_EXCHANGE);
}

static void xattr(int d)
{
	int fd = openat(d, "usr/lib/b/c/g", O_RDONLY | O_CLOEXEC);

	must(fd >= 0);
	fsetxattr(fd, "user.x", "y", 1, 0);
	fsetxattr(fd, "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0);
	close(fd);
}

static void node(int d) { mknodat(d, "usr/lib/null", S_IFCHR | 0666, 0x103); }

static void sock(int d)
{
	must(mknodat(d, "usr/lib/b/sock", S_IFSOCK | 0700, 0) == 0);
}

static void all(int d)
{
	add(d), in_place(d), chmod_dir(d), fifo(d), link_lower(d), write_linked(d), other_tree(d),
		relink(d), xattr(d), deep_down(d), move_over(d);
}

static void nothing(int d) { (void) d; }

static const struct {
	const char *name;
	void (*change)(int root);
	bool seen; /* whatever the kernel can do */
} cases[] = {
	{ "nothing", nothing, false }, { "a new file", add, true }, { "new content", rewrite, true },
	{ "a file gone", take, true }, { "a file's mode", chmod_file, true },
	{ "a directory's mode", chmod_dir, true }, { "a file moved", rename_file, true },
	{ "a link", relink, true }, { "a fifo", fifo, true }, { "a hard link", link_lower, true },
	{ "a file of several names", write_linked, true }, { "opened", opened, false },
	{ "changed in place", in_place, true }, { "a tree gone", take_tree, true },
	{ "a tree replaced", other_tree, true }, { "a file for a tree", tree_to_file, true },
	{ "a tree for a file", file_to_tree, true }, { "a tree moved", move_tree, false },
	{ "a tree moved to where one was", move_over, false }, { "two trees", swap_trees, false },
	{ "attributes", xattr, false }, { "a device", node, false }, { "a socket", sock, true },
	{ "below many directories", deep_down, true }, { "all of it", all, true },
};

static void one(const char *options, const char *name, void (*change)(int), bool seen)
{
	const char *const no_mounts[] = { NULL };
	struct overlay o;
	struct found found = { 0 };
	struct made was, whole, quick;
	struct walk_known known;

	if (!overlay(&o, options))
		return;
	known = (struct walk_known){ .found = &found, .layer = { o.upper, -1 }, .mounts = no_mounts };
	was = manifest(&o, &found, NULL);
	change(o.root);
	whole = manifest(&o, NULL, NULL);
	quick = manifest(&o, NULL, &known);
	if (strcmp((char *) whole.text.p, (char *) quick.text.p))
		CHECK_FAIL("%s (%s): not as a whole walk has it", name, options);
	if (seen && !strcmp((char *) was.text.p, (char *) quick.text.p))
		CHECK_FAIL("%s (%s): not seen", name, options);
	buf_free(&was.text);
	buf_free(&whole.text);
	buf_free(&quick.text);
	found_free(&found);
	overlay_drop(&o);
}

TEST(known_is_as_walked)
{
	static const char *const options[] = { "", "xino=on", "index=on",
		"redirect_dir=on", "metacopy=on,redirect_dir=on,index=on", "userxattr" };

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		for (size_t k = 0; k < ARRAY_LEN(cases); k++)
			one(options[i], cases[k].name, cases[k].change, cases[k].seen);
}

TEST(known_is_not_looked_at)
{
	const char *const no_mounts[] = { NULL };
	struct found found = { 0 };
	struct walk_known known;
	struct made was, now;
	struct overlay o;

	if (!overlay(&o, "") && !overlay(&o, "userxattr"))
		return;
	known = (struct walk_known){ .found = &found, .layer = { o.upper, -1 }, .mounts = no_mounts };
	was = manifest(&o, &found, NULL);
	put(o.lower, "usr/lib/b/f", 0700, "behind everybody's back");
	now = manifest(&o, NULL, &known);
	STREQ((char *) was.text.p, (char *) now.text.p);
	buf_free(&was.text);
	buf_free(&now.text);
	found_free(&found);
	overlay_drop(&o);
}

static int just_look(void *ctx, const struct walk_ent *w, struct err *e)
{
	(void) ctx;
	(void) w;
	(void) e;
	return 0;
}

/* As in a whole walk: who has a directory below his hands takes a file away before its content was read. */
TEST(what_goes_meanwhile_is_not_there)
{
	const char *const no_mounts[] = { NULL };
	struct found found = { 0 };
	struct walk look = { .visit = just_look, .keep = &found };
	struct walk_known known;
	struct err e = ERR_INIT;
	struct made now;
	struct overlay o;

	if (!overlay(&o, "") && !overlay(&o, "userxattr"))
		return;
	look.rootfd = o.lower;
	EQ(walk_tree(&look, &e), 0);
	must(unlinkat(o.lower, "usr/lib/b/c/g", 0) == 0);
	known = (struct walk_known){ .found = &found, .layer = { o.upper, -1 }, .mounts = no_mounts };
	now = manifest(&o, NULL, &known);
	HAS((char *) now.text.p, "./usr/lib/b/c type=dir");
	OK(!strstr((char *) now.text.p, "./usr/lib/b/c/g"));
	HAS((char *) now.text.p, "./usr/lib/b/f type=file");
	buf_free(&now.text);
	found_free(&found);
	overlay_drop(&o);
}

/* Nothing above has anything of it, and yet it is another. */
TEST(what_is_mounted_is_looked_at)
{
	static const char *const mounts[] = { "deep/x/x", "usr/lib/b", NULL };
	struct found found = { 0 };
	struct walk_known known;
	struct made whole, quick;
	struct overlay o;
	char at[400];

	if (!overlay(&o, "") && !overlay(&o, "userxattr"))
		return;
	known = (struct walk_known){ .found = &found, .layer = { o.upper, -1 }, .mounts = mounts };
	whole = manifest(&o, &found, NULL);
	buf_free(&whole.text);
	for (int i = 0; i < 2; i++) {
		snprintf(at, sizeof at, "%s/%s", o.at, mounts[i]);
		EQ(mount("tmpfs", at, "tmpfs", 0, "mode=700"), 0);
		put(o.root, i ? "usr/lib/b/f" : "deep/x/x/f", 0600, "on it");
	}
	whole = manifest(&o, NULL, NULL);
	quick = manifest(&o, NULL, &known);
	STREQ((char *) whole.text.p, (char *) quick.text.p);
	HAS((char *) quick.text.p, "./usr/lib/b/f type=file uid=0 gid=0 mode=0600");
	OK(!strstr((char *) quick.text.p, "./usr/lib/b/c"));
	buf_free(&whole.text);
	buf_free(&quick.text);
	for (int i = 0; i < 2; i++) {
		snprintf(at, sizeof at, "%s/%s", o.at, mounts[i]);
		umount2(at, MNT_DETACH);
	}
	found_free(&found);
	overlay_drop(&o);
}

CHECK_MAIN
