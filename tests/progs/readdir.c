/* SPDX-License-Identifier: Apache-2.0 */
/* The order, positions, numbers and types of directory entries. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void list(const char *path, int max)
{
	DIR *d = opendir(path);
	struct dirent *e;

	printf("%s:\n", path);
	while (d && max-- && (e = readdir(d)))
		printf("  %s ino %llu off %lld type %d reclen %d\n", e->d_name,
			(unsigned long long) e->d_ino, (long long) e->d_off, e->d_type, e->d_reclen);
	if (d)
		closedir(d);
}

static void seek(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	long at;

	if (!d)
		return;
	readdir(d);
	readdir(d);
	readdir(d);
	at = telldir(d);
	e = readdir(d);
	printf("at %ld: %s\n", at, e ? e->d_name : "end");
	seekdir(d, at);
	e = readdir(d);
	printf("again: %s\n", e ? e->d_name : "end");
	rewinddir(d);
	e = readdir(d);
	printf("first: %s\n", e ? e->d_name : "end");
	closedir(d);
}

int main(void)
{
	char name[64];

	if (mkdir("prog-readdir.tmp", 0777))
		perror("mkdir");
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "prog-readdir.tmp/%c%d", 'a' + i * 7 % 26, i * i % 97);
		close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
	}
	if (symlink("x", "prog-readdir.tmp/link") || mkdir("prog-readdir.tmp/dir", 0777))
		perror("symlink");
	list("prog-readdir.tmp", 100);
	seek("prog-readdir.tmp");
	list("/usr/bin", 30);
	list("/etc", 30);
	list("/dev", 100);
	list("/proc/self/fd", 100);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "prog-readdir.tmp/%c%d", 'a' + i * 7 % 26, i * i % 97);
		unlink(name);
	}
	unlink("prog-readdir.tmp/link");
	rmdir("prog-readdir.tmp/dir");
	return rmdir("prog-readdir.tmp") != 0;
}
