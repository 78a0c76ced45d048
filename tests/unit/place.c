/* SPDX-License-Identifier: Apache-2.0 */
/* Places inside a hostile root: nothing outside of it is looked at or made. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/mounts.h"
#include "tests/check.h"

static char top[64];

/* A directory with a root in it; what is made beside the root has got out. */
static int lab(void)
{
	own_fd at = -1;

	strcpy(top, "/tmp/detrun-place.XXXXXX");
	must(mkdtemp(top));
	at = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(at >= 0 && mkdirat(at, "root", 0755) == 0 && mkdirat(at, "outside", 0755) == 0);
	return openat(at, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void done(int root)
{
	char path[96];

	snprintf(path, sizeof path, "%s/outside", top);
	EQ(rmdir(path), 0); /* nothing in it */
	close(root);
	rm_rf(AT_FDCWD, top);
}

static bool leads(int root, const char *path, unsigned flags, const char *to)
{
	own_place p = PLACE_INIT;
	struct err e = ERR_INIT;

	if (place_make(root, path, flags, 0750, &p, &e) < 0) {
		printf("%s: %s\n", path, e.msg);
		return false;
	}
	if (strcmp(p.path, to))
		printf("%s leads to %s\n", path, p.path);
	return !strcmp(p.path, to);
}

static int fails(int root, const char *path, unsigned flags)
{
	own_place p = PLACE_INIT;

	return place_make(root, path, flags, 0755, &p, NULL);
}

TEST(places_are_made)
{
	int root = lab();
	own_place p = PLACE_INIT;
	struct stat st;

	EQ(place_make(root, "/a//b/./c/", 0, 0750, &p, NULL), 0);
	STREQ(p.path, "/a/b/c");
	OK(p.made);
	EQ(fstat(p.fd, &st), 0);
	EQ(st.st_mode & 07777, 0750);
	place_drop(&p);
	EQ(place_make(root, "a/b", 0, 0755, &p, NULL), 0);
	OK(!p.made);
	OK(leads(root, "/", 0, "/"));
	OK(leads(root, "", 0, "/"));
	done(root);
}

TEST(dots_do_not_leave_the_root)
{
	int root = lab();

	OK(leads(root, "/../../outside/x", 0, "/outside/x"));
	OK(leads(root, "a/b/../../../../outside/y", 0, "/outside/y"));
	OK(leads(root, "/..", 0, "/"));
	OK(leads(root, "a/b/..", 0, "/a"));
	done(root);
}

TEST(symlinks_do_not_leave_the_root)
{
	int root = lab();
	char out[96];

	snprintf(out, sizeof out, "%s/outside", top);
	must(symlinkat("../../../../../../outside", root, "up") == 0);
	must(mkdirat(root, "sub", 0755) == 0 && symlinkat(out, root, "sub/abs") == 0);
	must(symlinkat("nothing/yet", root, "dangling") == 0);
	must(symlinkat("dangling/../two", root, "chain") == 0);
	OK(leads(root, "up/x", 0, "/outside/x"));
	snprintf(out, sizeof out, "%s/outside/x", top);
	OK(leads(root, "sub/abs/x", 0, out));
	OK(leads(root, "dangling", 0, "/nothing/yet"));
	OK(leads(root, "chain/three", 0, "/nothing/two/three"));
	OK(leads(root, "dangling/f", PLACE_FILE, "/nothing/yet/f"));
	done(root);
}

TEST(loops_end)
{
	int root = lab();

	must(symlinkat("loop", root, "loop") == 0);
	must(symlinkat("there/back", root, "here") == 0 && mkdirat(root, "there", 0755) == 0);
	must(symlinkat("../here", root, "there/back") == 0);
	EQ(fails(root, "loop/x", 0), -ELOOP);
	EQ(fails(root, "here", 0), -ELOOP);
	done(root);
}

TEST(what_is_asked_to_be_plain_is)
{
	int root = lab();
	struct err e = ERR_INIT;
	own_place p = PLACE_INIT;

	must(mkdirat(root, "dir", 0755) == 0 && symlinkat("dir", root, "link") == 0);
	OK(leads(root, "dir/x", PLACE_PLAIN, "/dir/x"));
	EQ(place_make(root, "link/x", PLACE_PLAIN, 0755, &p, &e), -ELOOP);
	HAS(e.msg, "link/x in the container: a symlink of the root file system is in its way");
	EQ(fails(root, "link", PLACE_PLAIN), -ELOOP);
	EQ(fails(root, "link/node", PLACE_PLAIN | PLACE_PARENT), -ELOOP);
	OK(leads(root, "link", PLACE_NOFOLLOW, "/link"));
	done(root);
}

TEST(files_and_parents)
{
	int root = lab();
	own_place p = PLACE_INIT;
	char longest[300];
	struct stat st;

	EQ(place_make(root, "etc/file", PLACE_FILE, 0755, &p, NULL), 0);
	EQ(fstat(p.fd, &st), 0);
	OK(S_ISREG(st.st_mode) && !st.st_size);
	EQ(fails(root, "etc/file/x", 0), -ENOTDIR);
	place_drop(&p);
	EQ(place_make(root, "new/dir/name/", PLACE_PARENT, 0755, &p, NULL), 0);
	STREQ(p.name, "name");
	STREQ(p.path, "/new/dir");
	EQ(fails(root, "new/..", PLACE_PARENT), -EINVAL);
	EQ(fails(root, "/", PLACE_PARENT), -EINVAL);
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	EQ(fails(root, longest, 0), -ENAMETOOLONG);
	done(root);
}

CHECK_MAIN
