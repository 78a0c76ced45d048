/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal of the program's own that waits for keys for a while: VMIN 0, VTIME. */
#include <termios.h>

#include "guest.h"

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int master;

static void types(void)
{
	usleep(100000);
	CHECK(write(master, "k", 1) == 1);
}

int main(void)
{
	int slave;
	struct termios t;
	int64_t began;
	char b[8];
	pid_t p;

	CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	CHECK((slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0 && tcgetattr(slave, &t) == 0);
	t.c_lflag &= ~(ICANON | ECHO);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 3;
	CHECK(tcsetattr(slave, TCSANOW, &t) == 0);
	began = now_ms();
	CHECK(read(slave, b, 8) == 0);
	CHECK(now_ms() - began >= 290 && now_ms() - began < 600);
	p = start(types);
	CHECK(read(slave, b, 8) == 1 && b[0] == 'k');
	CHECK(wait_of(p) == 0);
	t.c_cc[VTIME] = 0;
	CHECK(tcsetattr(slave, TCSANOW, &t) == 0 && read(slave, b, 8) == 0);
	puts("vtime");
	return 0;
}
