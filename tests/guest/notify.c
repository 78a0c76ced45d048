/* SPDX-License-Identifier: Apache-2.0 */
/* skip. Says to $NOTIFY_SOCKET that it is ready: what a datagram must not, and then it; more often
 * than a queue holds. The results are its output. For run-notify.sh. */
#include "guest.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static void say(int fd, const char *text)
{
	printf("%zd of %zu\n", write(fd, text, strlen(text)), strlen(text));
}

int main(int argc, char **argv)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK(path && strlen(path) < sizeof a.sun_path);
	strcpy(a.sun_path, path);
	if (argc > 2 && !strcmp(argv[2], "connect")) {
		CHECK(connect(fd, (struct sockaddr *) &a, sizeof a) == 0);
		say(fd, "STATUS=READY=1\nMAINPID=1");
		say(fd, "STATUS=well\nREADY=1");
	} else {
		CHECK(sendto(fd, "STATUS=READY=1", 14, 0, (struct sockaddr *) &a, sizeof a) == 14);
		CHECK(sendto(fd, "READY=1", 7, 0, (struct sockaddr *) &a, sizeof a) == 7);
	}
	for (int i = 0; argc > 1 && i < atoi(argv[1]); i++)
		CHECK(sendto(fd, "WATCHDOG=1", 10, 0, (struct sockaddr *) &a, sizeof a) == 10);
	puts(path);
	return 0;
}
