/* SPDX-License-Identifier: Apache-2.0 */
/* Timers that were closed hold nothing: neither descriptors nor what a user may have of pipes. */
#include <sys/timerfd.h>

#include "guest.h"

int main(void)
{
	int p[2];

	for (int i = 0; i < 3000; i++) {
		int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

		CHECK(fd >= 0);
		CHECK(close(fd) == 0);
	}
	CHECK(pipe(p) == 0);
	CHECK(fcntl(p[0], F_GETPIPE_SZ) == 65536);
	return 0;
}
