/* SPDX-License-Identifier: Apache-2.0 */
/* Every source of randomness. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <unistd.h>

static void show(const char *name, const unsigned char *p, ssize_t n)
{
	printf("%s:", name);
	if (n < 0)
		printf(" %s", strerror(errno));
	for (ssize_t i = 0; i < n; i++)
		printf(" %02x", p[i]);
	putchar('\n');
}

static void from_file(const char *path)
{
	unsigned char b[40];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	show(path, b, fd < 0 ? -1 : read(fd, b, 20));
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	unsigned char b[300];

	show("getrandom", b, getrandom(b, 16, 0));
	show("getrandom nonblock", b, getrandom(b, 3, GRND_NONBLOCK));
	printf("getrandom 300: %zd\n", getrandom(b, sizeof b, 0));
	show("its end", b + 290, 10);
	show("getentropy", b, getentropy(b, 16) ? -1 : 16);
	from_file("/dev/urandom");
	from_file("/dev/random");
	from_file("/dev/urandom");
	from_file("/proc/sys/kernel/random/uuid");
	from_file("/proc/sys/kernel/random/boot_id");
	from_file("/proc/sys/kernel/random/entropy_avail");
	show("AT_RANDOM", (const unsigned char *) getauxval(AT_RANDOM), 16);
	printf("rand %d random %ld\n", rand(), random());
	return 0;
}
