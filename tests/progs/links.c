/* SPDX-License-Identifier: Apache-2.0 */
/* skip-native: it writes to /etc */
/* Files with several names, some of them elsewhere on the host; what a write makes of each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void show(const char *path)
{
	struct statx x = { 0 };
	struct stat s;

	if (lstat(path, &s) || statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &x))
		printf("%s: %s\n", path, strerror(errno));
	else
		printf("%s: ino %llu links %lu %u\n", path, (unsigned long long) s.st_ino,
			(unsigned long) s.st_nlink, x.stx_nlink);
}

static void append(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || write(fd, "x", 1) < 0)
		printf("%s: %s\n", path, strerror(errno));
	close(fd);
	show(path);
}

int main(int argc, char **argv)
{
	const char *self = argc > 1 ? argv[1] : argv[0];

	show("/etc/passwd"); /* has a second name outside */
	show("/etc/group");  /* and this one inside */
	show("/etc/group.again");
	append("/etc/passwd");
	append("/etc/group");
	show("/etc/group.again");
	show(self);
	if (link(self, "linked"))
		perror("link");
	show(self);
	show("linked");
	unlink(self);
	show("linked");
	return 0;
}
