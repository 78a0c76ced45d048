/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc has of a process that nobody has waited for, and of init, whoever runs the container. */
#include <dirent.h>

#include "guest.h"

static void ends(void)
{
	_exit(0);
}

static int try(pid_t p, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int) p, name);
	fd = open(path, flags);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void closed_to_others(pid_t p)
{
	CHECK(try(p, "stat", O_RDONLY) == 0);
	CHECK(try(p, "status", O_RDONLY) == 0);
	CHECK(try(p, "cmdline", O_RDONLY) == 0);
	CHECK(try(p, "task", O_RDONLY | O_DIRECTORY) == 0);
	CHECK(try(p, "environ", O_RDONLY) == EACCES);
	CHECK(try(p, "io", O_RDONLY) == EACCES);
	CHECK(try(p, "fd", O_RDONLY | O_DIRECTORY) == EACCES);
	CHECK(try(p, "comm", O_WRONLY) == EACCES);
}

int main(void)
{
	pid_t p = start(ends);

	settle();
	closed_to_others(p);
	closed_to_others(1);
	CHECK(wait_of(p) == 0);
	CHECK(try(p, "stat", O_RDONLY) == ENOENT);
	CHECK(try(getpid(), "environ", O_RDONLY) == 0);
	CHECK(try(getpid(), "fd", O_RDONLY | O_DIRECTORY) == 0);
	return 0;
}
