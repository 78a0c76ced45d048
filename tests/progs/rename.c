/* SPDX-License-Identifier: Apache-2.0 */
/* Change times and numbers of files that are linked, renamed, and given new attributes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void show(const char *what, const char *path)
{
	struct stat s;

	if (lstat(path, &s)) {
		printf("%s: %s: %s\n", what, path, strerror(errno));
		return;
	}
	printf("%s: %s ino %llu nlink %lu m %lld.%09ld c %lld.%09ld\n", what, path,
		(unsigned long long) s.st_ino, (unsigned long) s.st_nlink,
		(long long) s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (long long) s.st_ctim.tv_sec,
		s.st_ctim.tv_nsec);
}

static void result(const char *what, int r)
{
	if (r)
		printf("%s: %s\n", what, strerror(errno));
}

int main(void)
{
	struct timespec t[2] = { { 1000, 1 }, { 2000, 2 } };

	result("mkdir", mkdir("prog-rename.d", 0777));
	result("chdir", chdir("prog-rename.d"));
	close(open("a", O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
	show("new", "a");
	result("link", link("a", "b"));
	show("linked", "a");
	show("linked", "b");
	result("rename", rename("b", "c"));
	show("renamed", "c");
	close(open("d", O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
	show("other", "d");
	result("rename over", rename("d", "c"));
	show("replaced", "c");
	show("first", "a");
	result("chmod", chmod("a", 0600));
	show("chmod", "a");
	result("utimensat", utimensat(AT_FDCWD, "a", t, 0));
	show("utimensat", "a");
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_nsec = UTIME_NOW;
	result("utimensat now", utimensat(AT_FDCWD, "a", t, 0));
	show("now", "a");
	result("setxattr", setxattr("a", "user.x", "1", 1, 0));
	result("symlink", symlink("a", "l"));
	show("link", "l");
	show("directory", ".");
	unlink("a");
	unlink("c");
	unlink("l");
	result("chdir", chdir(".."));
	result("rmdir", rmdir("prog-rename.d"));
	return 0;
}
