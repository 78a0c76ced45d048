/* SPDX-License-Identifier: Apache-2.0 */
/* skip. A name that is now a directory, now a symlink out of the container, as fast as it goes. */
#include "guest.h"

int main(int argc, char **argv)
{
	CHECK(argc == 3 && chdir(argv[1]) == 0);
	CHECK(mkdir("name", 0777) == 0 || errno == EEXIST);
	CHECK(symlink(argv[2], "other") == 0 || errno == EEXIST);
	while (access("stop", F_OK) < 0)
		for (int i = 0; i < 1000; i++)
			syscall(SYS_renameat2, AT_FDCWD, "name", AT_FDCWD, "other", 2 /* EXCHANGE */);
	return 0;
}
