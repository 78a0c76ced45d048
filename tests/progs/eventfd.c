/* SPDX-License-Identifier: Apache-2.0 */
/* Counters between processes, and which of several waiters gets what. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), nb = eventfd(0, EFD_NONBLOCK);
	uint64_t v = 3;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (fd < 0 || nb < 0) {
		printf("eventfd: %s\n", strerror(errno));
		return 0;
	}
	printf("empty: %zd", read(nb, &v, sizeof v));
	printf(" %s\n", strerror(errno));
	for (int i = 0; i < 4; i++)
		if (!fork()) {
			ssize_t n = read(fd, &v, sizeof v);

			printf("child %d got %llu (%zd)\n", i, (unsigned long long) v, n);
			_exit(0);
		}
	usleep(20000);
	v = 3;
	printf("write %zd\n", write(fd, &v, sizeof v));
	usleep(20000);
	v = 1;
	printf("write %zd\n", write(fd, &v, sizeof v));
	while (wait(NULL) > 0)
		;
	v = UINT64_MAX - 1;
	if (write(nb, &v, sizeof v) != sizeof v)
		return 1;
	v = 1;
	printf("full: %zd", write(nb, &v, sizeof v));
	printf(" %s\n", strerror(errno));
	return 0;
}
