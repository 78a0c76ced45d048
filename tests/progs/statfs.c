/* SPDX-License-Identifier: Apache-2.0 */
/* What file systems say of themselves. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

int main(void)
{
	static const char *const paths[] = { "/", ".", "/tmp", "/etc", "/proc", "/dev", "/dev/shm",
		"/sys" };
	struct statfs s;
	struct statvfs v;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (statfs(paths[i], &s)) {
			printf("%s: %s\n", paths[i], strerror(errno));
			continue;
		}
		printf("%s: type %lx bsize %ld blocks %lu free %lu avail %lu files %lu/%lu\n", paths[i],
			(long) s.f_type, (long) s.f_bsize, (unsigned long) s.f_blocks,
			(unsigned long) s.f_bfree, (unsigned long) s.f_bavail,
			(unsigned long) s.f_ffree, (unsigned long) s.f_files);
		printf("  id %x %x namelen %ld frsize %ld flags %lx\n", (unsigned) s.f_fsid.__val[0],
			(unsigned) s.f_fsid.__val[1], (long) s.f_namelen, (long) s.f_frsize,
			(long) s.f_flags);
	}
	if (!statvfs(".", &v))
		printf("statvfs id %lx flag %lx\n", v.f_fsid, v.f_flag);
	printf("pathconf name %ld link %ld\n", pathconf(".", _PC_NAME_MAX),
		pathconf(".", _PC_LINK_MAX));
	return 0;
}
