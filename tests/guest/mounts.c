/* SPDX-License-Identifier: Apache-2.0 */
/* One tale of where a file is: stat, statx, mountinfo, fdinfo, maps, and what rename says. */
#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "guest.h"

#define stat_x(fd, path, flags, mask, x) syscall(SYS_statx, fd, path, flags, mask, x)

static unsigned fd_mount(int fd)
{
	char path[64], line[200];
	unsigned id = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	CHECK(f);
	while (fgets(line, sizeof line, f))
		sscanf(line, "mnt_id: %u", &id);
	fclose(f);
	return id;
}

/* What is mounted over again, or above, is not what a path leads to. */
static int covered(char (*points)[200], int n, int i)
{
	for (int k = i + 1; k < n; k++)
		if (!strcmp(points[k], points[i]))
			return 1;
	return 0;
}

static void mounts(void)
{
	static char points[200][200];
	unsigned id[200], parent[200], major[200], minor[200];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[4000];
	int n = 0;

	while (n < 200 && fgets(line, sizeof line, f))
		n += sscanf(line, "%u %u %u:%u %*s %199s", &id[n], &parent[n], &major[n], &minor[n], points[n]) == 5;
	fclose(f);
	CHECK(n > 2);
	for (int i = 0; i < n; i++) {
		int fd = open(points[i], O_PATH | O_NOFOLLOW), found = 0;
		struct statx x;
		struct stat st, of_fd;

		for (int k = 0; k < n; k++)
			found |= id[k] == parent[i];
		CHECK(found || !strcmp(points[i], "/"));
		if (fd < 0 || covered(points, n, i))
			continue;
		CHECK(lstat(points[i], &st) == 0 && fstat(fd, &of_fd) == 0);
		CHECK(st.st_dev == makedev(major[i], minor[i]) && st.st_dev == of_fd.st_dev);
		CHECK(stat_x(AT_FDCWD, points[i], AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &x) == 0);
		CHECK(x.stx_mask & STATX_MNT_ID && x.stx_mnt_id == id[i]);
		CHECK(x.stx_dev_major == major[i] && x.stx_dev_minor == minor[i]);
		CHECK(fd_mount(fd) == id[i]);
		close(fd);
	}
	printf("%d mounts agree\n", n);
}

static dev_t dev_of(const char *path)
{
	struct stat st;

	CHECK(stat(path, &st) == 0);
	return st.st_dev;
}

static void files(void)
{
	int a = open("/tmp/mounts-a", O_CREAT | O_RDWR, 0600), b = open("/dev/shm/mounts-b", O_CREAT | O_RDWR, 0600);

	CHECK(a >= 0 && b >= 0);
	CHECK(dev_of("/tmp/mounts-a") == dev_of("/tmp") && dev_of("/dev/shm/mounts-b") == dev_of("/dev/shm"));
	CHECK(dev_of("/dev/shm") != dev_of("/") && dev_of("/proc") != dev_of("/"));
	CHECK(dev_of("/proc/self/stat") == dev_of("/proc"));
	CHECK(rename("/tmp/mounts-a", "/dev/shm/mounts-a") == -1 && errno == EXDEV);
	CHECK(link("/tmp/mounts-a", "/dev/shm/mounts-a") == -1 && errno == EXDEV);
	CHECK(rename("/tmp/mounts-a", "/tmp/mounts-c") == 0 && dev_of("/tmp/mounts-c") == dev_of("/tmp"));
	unlink("/tmp/mounts-c");
	unlink("/dev/shm/mounts-b");
}

static void maps(void)
{
	unsigned major, minor;
	unsigned long ino;
	char line[4000];
	struct stat st;
	FILE *f = fopen("/proc/self/maps", "r");

	CHECK(fgets(line, sizeof line, f) && sscanf(line, "%*s %*s %*s %x:%x %lu", &major, &minor, &ino) == 3);
	fclose(f);
	CHECK(stat("/proc/self/exe", &st) == 0);
	CHECK(st.st_dev == makedev(major, minor) && st.st_ino == ino);
}

int main(void)
{
	mounts();
	files();
	maps();
	return 0;
}
