/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of changed files: in which order, what becomes one, by whose cookie. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(int fd, const char *what)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(fd, buf, sizeof buf);

	printf("%s: %zd%s%s\n", what, n, n < 0 ? " " : "", n < 0 ? strerror(errno) : "");
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *ev = (const void *) (buf + at);

		printf("  %d %#x cookie %u %s\n", ev->wd, ev->mask, ev->cookie,
			ev->len ? ev->name : "");
		at += (ssize_t) (sizeof *ev + ev->len);
	}
}

static void touch(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);

	for (; *text; text++)
		if (write(fd, text, 1) != 1)
			printf("write %s: %s\n", path, strerror(errno));
	close(fd);
}

static void change(void)
{
	struct stat st;
	char b[4];
	int fd;

	touch("watched/a", "abc");
	stat("watched/a", &st);
	chmod("watched/a", 0600);
	rename("watched/a", "watched/b");
	mkdir("watched/d", 0755);
	rename("watched/b", "watched/d/c");
	rename("watched/d/c", "watched/e");
	fd = open("watched/e", O_RDONLY);
	printf("read %zd\n", read(fd, b, sizeof b));
	close(fd);
	unlink("watched/e");
	rmdir("watched/d");
}

int main(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), wd;
	struct pollfd p = { fd, POLLIN, 0 };

	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("watched", 0755);
	wd = inotify_add_watch(fd, "watched", IN_ALL_EVENTS);
	printf("watch %d, none %d\n", wd, inotify_add_watch(fd, "nothing", IN_ALL_EVENTS));
	show(fd, "at first");
	change();
	show(fd, "own");
	if (!fork()) {
		sleep(1);
		touch("watched/late", "x");
		_exit(0);
	}
	printf("poll %d\n", poll(&p, 1, -1));
	wait(NULL);
	show(fd, "a child's");
	unlink("watched/late");
	printf("rm %d\n", inotify_rm_watch(fd, wd));
	show(fd, "the last");
	printf("of none: %d\n", inotify_rm_watch(fd, wd));
	rmdir("watched");
	return 0;
}
