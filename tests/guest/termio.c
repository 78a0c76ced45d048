/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal by its oldest commands: TCGETA and its kind, line disciplines, packet mode. */
#include <sys/ioctl.h>
#include <termios.h>

#include "guest.h"

/* The kernel's, which the C library's headers hide. */
struct old_termio {
	unsigned short iflag, oflag, cflag, lflag;
	unsigned char line, cc[8];
};

enum { GET = 0x5405, SET, SET_WAIT, SET_FLUSH };

int main(void)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY), s, on = 1, n;
	struct old_termio t = { 0 };
	struct termios now;
	char b[8];

	CHECK(m >= 0 && grantpt(m) == 0 && unlockpt(m) == 0);
	s = open(ptsname(m), O_RDWR | O_NOCTTY);
	CHECK(s >= 0);
	CHECK(ioctl(s, GET, &t) == 0 && t.lflag & ECHO && t.cc[VEOF] == 4);
	for (int how = SET; how <= SET_FLUSH; how++) {
		t.lflag ^= ECHO;
		t.cc[VERASE]++;
		CHECK(ioctl(s, how, &t) == 0);
		CHECK(tcgetattr(s, &now) == 0);
		CHECK((now.c_lflag & ECHO) == (tcflag_t) (t.lflag & ECHO) && now.c_cc[VERASE] == t.cc[VERASE]);
	}
	CHECK(ioctl(s, TIOCGETD, &n) == 0 && n == 0);
	CHECK(ioctl(s, TIOCGEXCL, &n) == 0 && n == 0);
	CHECK(ioctl(m, TIOCPKT, &on) == 0 && ioctl(m, TIOCGPKT, &n) == 0 && n == 1);
	CHECK(write(s, "x", 1) == 1);
	CHECK(read(m, b, sizeof b) > 0); /* what the settings before have changed, or data */
	n = open("/dev/null", O_RDWR);
	CHECK(ioctl(n, GET, &t) == -1 && errno == ENOTTY);
	puts("as ever");
	return 0;
}
