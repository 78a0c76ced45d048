/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody waits for, and a signal that tells of it: as in the kernel, the call has its result, and then
 * the handler runs. Without the one there is EINTR.
 */
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>

#include "guest.h"

static volatile int came;
static int ends[2], sock[2], queue;
static struct message { long type; char text[8]; } message = { 1, "" };

static void seen(int s)
{
	(void) s;
	came++;
}

static void nothing(void) { usleep(1000); }
static void says(void) { CHECK(write(ends[1], "x", 1) == 1); }
static void sends(void) { CHECK(send(sock[1], "x", 1, 0) == 1); }
static void posts(void) { CHECK(msgsnd(queue, &message, 8, 0) == 0); }
static void stops(void) { raise(SIGSTOP); }
static void alarms(void) { usleep(1000), kill(getppid(), SIGALRM), pause(); }

/* @call succeeds though the child's end sends a signal as well. */
#define HAS(start_it, call)                                                              \
	do {                                                                             \
		pid_t p = (came = 0, start(start_it));                                   \
		CHECK(call);                                                             \
		while (!came)                                                            \
			pause();                                                         \
		waitpid(p, NULL, WNOHANG);                                               \
	} while (0)

int main(void)
{
	struct pollfd pf;
	struct message m;
	siginfo_t si;
	fd_set set;
	char b[8];
	pid_t p;

	CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0);
	CHECK((queue = msgget(IPC_PRIVATE, 0600)) >= 0);
	on(SIGCHLD, seen, 0);
	on(SIGALRM, seen, 0);
	HAS(nothing, wait(NULL) == p);
	HAS(nothing, waitid(P_PID, (id_t) p, &si, WEXITED) == 0 && si.si_pid == p);
	HAS(says, read(ends[0], b, 1) == 1);
	HAS(sends, recv(sock[0], b, 1, 0) == 1);
	HAS(posts, msgrcv(queue, &m, 8, 0, 0) == 8);
	pf = (struct pollfd) { ends[0], POLLIN };
	HAS(says, poll(&pf, 1, -1) == 1 && read(ends[0], b, 1) == 1);
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	HAS(says, select(ends[0] + 1, &set, NULL, NULL, NULL) == 1 && read(ends[0], b, 1) == 1);
	p = start(stops);
	CHECK(waitid(P_PID, (id_t) p, &si, WSTOPPED) == 0 && si.si_code == CLD_STOPPED);
	kill(p, SIGCONT);
	CHECK(waitid(P_PID, (id_t) p, &si, WEXITED) == 0 && si.si_code == CLD_EXITED);

	p = start(alarms);
	CHECK(wait(NULL) == -1 && errno == EINTR);
	kill(p, SIGKILL);
	CHECK(waitpid(p, NULL, 0) == p);
	start(nothing); /* another one's end is a signal and no more */
	p = start((void (*)(void)) pause);
	CHECK(waitpid(p, NULL, 0) == -1 && errno == EINTR);
	kill(p, SIGKILL);
	CHECK(waitpid(p, NULL, 0) == p);
	start(nothing);
	CHECK(read(ends[0], b, 1) == -1 && errno == EINTR);
	start(nothing);
	CHECK(msgrcv(queue, &m, 8, 0, 0) == -1 && errno == EINTR);
	msgctl(queue, IPC_RMID, NULL);
	puts("first");
	return 0;
}
