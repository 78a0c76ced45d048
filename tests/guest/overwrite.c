/* SPDX-License-Identifier: Apache-2.0 */
/* library. Preloaded into /proc/self/exe, the runtime: keeps it, and writes when it isn't executed. */
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void overwrite(void)
{
	static const char text[] =
		"for i in 1 2 3 4 5 6 7 8 9 10; do (echo x >> /proc/self/fd/9) 2>/dev/null && echo written; "
		"sleep 0.1; done; echo tried";
	int fd = open("/proc/self/exe", O_RDONLY);

	if (fd < 0 || dup2(fd, 9) < 0)
		_exit(99);
	execle("/bin/sh", "sh", "-c", text, (char *) 0, (char *[]) { (char *) 0 });
	_exit(98);
}
