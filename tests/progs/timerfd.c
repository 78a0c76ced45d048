/* SPDX-License-Identifier: Apache-2.0 */
/* Timers as descriptors. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	struct itimerspec it = { { 0, 10000000 }, { 0, 25000000 } }, cur = { 0 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (fd < 0) {
		printf("timerfd_create: %s\n", strerror(errno));
		return 0;
	}
	timerfd_settime(fd, 0, &it, NULL);
	timerfd_gettime(fd, &cur);
	printf("left %lld.%09ld\n", (long long) cur.it_value.tv_sec, cur.it_value.tv_nsec);
	printf("poll 1 ms: %d\n", poll(&p, 1, 1));
	printf("poll: %d\n", poll(&p, 1, -1));
	printf("read %zd", read(fd, &n, sizeof n));
	printf(" n %llu\n", (unsigned long long) n);
	usleep(55000);
	printf("read %zd", read(fd, &n, sizeof n));
	printf(" n %llu\n", (unsigned long long) n);
	timerfd_gettime(fd, &cur);
	printf("left %lld.%09ld\n", (long long) cur.it_value.tv_sec, cur.it_value.tv_nsec);
	memset(&it, 0, sizeof it);
	clock_gettime(CLOCK_MONOTONIC, &it.it_value);
	it.it_value.tv_sec += 1;
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL);
	printf("absolute read %zd", read(fd, &n, sizeof n));
	printf(" n %llu\n", (unsigned long long) n);
	close(fd);
	return 0;
}
