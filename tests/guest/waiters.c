/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three wait for the same, and somebody sleeps: then all of them get it. Who asks the kernel again does not
 * make the others ask again.
 */
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>

#include "guest.h"

enum { MANY = 3 };

static int sem, queue, lock, sock[2];
static mqd_t mq;
static struct message { long type; char text[8]; } message = { 1, "" };

static void by_sem(void)
{
	struct sembuf b = { 0, -1, 0 };

	CHECK(semop(sem, &b, 1) == 0);
}

static void up_sem(void)
{
	struct sembuf b = { 0, 1, 0 };

	CHECK(semop(sem, &b, 1) == 0);
}

static void by_msg(void) { CHECK(msgrcv(queue, &message, 8, 0, 0) == 8); }
static void up_msg(void) { CHECK(msgsnd(queue, &message, 8, 0) == 0); }
static void by_mq(void) { CHECK(mq_receive(mq, message.text, 8, 0) == 1); }
static void up_mq(void) { CHECK(mq_send(mq, "x", 1, 0) == 0); }
static void by_recvmsg(void)
{
	struct iovec v = { &message, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	CHECK(recvmsg(sock[0], &m, 0) == 1);
}
static void up_recvmsg(void) { CHECK(send(sock[1], "x", 1, 0) == 1); }
static void by_fifo(void) { CHECK(open("fifo", O_RDONLY) >= 0); }
static void up_fifo(void)
{
	static int fd = -1;

	if (fd < 0)
		CHECK((fd = open("fifo", O_WRONLY)) >= 0);
}
static void by_writing_fifo(void) { CHECK(open("fifo", O_WRONLY) >= 0); }
static void up_writing_fifo(void)
{
	static int fd = -1;

	if (fd < 0)
		CHECK((fd = open("fifo", O_RDONLY)) >= 0);
}

static void by_lock(void)
{
	struct flock l = { .l_type = F_WRLCK };
	int fd = open("lock", O_RDWR);

	CHECK(fcntl(fd, F_SETLKW, &l) == 0);
}

static void up_lock(void)
{
	struct flock l = { .l_type = F_UNLCK };

	CHECK(fcntl(lock, F_SETLK, &l) == 0);
}

static void all_get_it(const char *what, void (*wait)(void), void (*give)(void))
{
	pid_t p[MANY];
	time_t t = time(NULL);

	for (int i = 0; i < MANY; i++)
		p[i] = start(wait);
	sleep(3);
	CHECK(time(NULL) - t < 5);
	for (int i = 0; i < MANY; i++)
		give();
	for (int i = 0; i < MANY; i++)
		CHECK(wait_of(p[i]) == 0);
	puts(what);
}

int main(void)
{
	struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 8 };
	struct flock l = { .l_type = F_WRLCK };

	CHECK((sem = semget(IPC_PRIVATE, 1, 0600)) >= 0 && (queue = msgget(IPC_PRIVATE, 0600)) >= 0);
	CHECK((mq = mq_open("/waiters", O_RDWR | O_CREAT, 0600, &a)) >= 0);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sock) == 0 && mkfifo("fifo", 0600) == 0);
	CHECK((lock = open("lock", O_RDWR | O_CREAT, 0600)) >= 0 && fcntl(lock, F_SETLK, &l) == 0);
	all_get_it("semop", by_sem, up_sem);
	all_get_it("msgrcv", by_msg, up_msg);
	all_get_it("mq_receive", by_mq, up_mq);
	all_get_it("recvmsg", by_recvmsg, up_recvmsg);
	all_get_it("a fifo's reader", by_fifo, up_fifo);
	all_get_it("a fifo's writer", by_writing_fifo, up_writing_fifo);
	all_get_it("fcntl", by_lock, up_lock);
	mq_unlink("/waiters");
	semctl(sem, 0, IPC_RMID);
	msgctl(queue, IPC_RMID, NULL);
	return 0;
}
