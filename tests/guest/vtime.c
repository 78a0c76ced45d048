/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal of the program's own that waits for keys for a while (VMIN 0, VTIME), and does not let groups
 * in the background read.
 */
#include <sys/ioctl.h>
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

static int slave;

static void reads(void)
{
	char b;

	CHECK(setpgid(0, 0) == 0);
	CHECK(read(slave, &b, 1) == 1); /* SIGTTIN first */
}

static void refused(void)
{
	char b;

	signal(SIGTTIN, SIG_IGN);
	CHECK(setpgid(0, 0) == 0);
	CHECK(read(slave, &b, 1) == -1 && errno == EIO);
}

static void session(void)
{
	int st;
	pid_t p;

	CHECK(setsid() == getpid() && ioctl(slave, TIOCSCTTY, 0) == 0);
	p = start(reads);
	CHECK(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st) && WSTOPSIG(st) == SIGTTIN);
	signal(SIGTTOU, SIG_IGN);
	CHECK(tcsetpgrp(slave, p) == 0 && write(master, "k\n", 2) == 2 && kill(p, SIGCONT) == 0);
	CHECK(wait_of(p) == 0);
	CHECK(tcsetpgrp(slave, getpgrp()) == 0 && wait_of(start(refused)) == 0);
}

int main(void)
{
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
	t.c_lflag |= ICANON;
	CHECK(tcsetattr(slave, TCSANOW, &t) == 0 && wait_of(start(session)) == 0);
	puts("vtime");
	return 0;
}
