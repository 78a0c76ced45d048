/* SPDX-License-Identifier: Apache-2.0 */
/* What Linux refuses, or says without looking: as there. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>

#include "guest.h"

#define ERR(e, x) do { errno = 0; CHECK((x) == -1 && errno == (e)); } while (0)

static void files(void)
{
	const struct timespec omit[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	int f = open("f", O_RDWR | O_CREAT, 0644), path = open("f", O_PATH), dir;
	off_t a = 0, b = 3;
	struct stat st;

	CHECK(write(f, "0123456789", 10) == 10);
	ERR(EINVAL, copy_file_range(f, &a, f, &b, 5, 0));
	b = 5;
	CHECK(copy_file_range(f, &a, f, &b, 5, 0) == 5);
	dir = open(".", O_RDONLY);
	ERR(EISDIR, copy_file_range(dir, NULL, f, NULL, 5, 0));
	ERR(EBADF, fchown(path, 1, 1));
	CHECK(utimensat(AT_FDCWD, "none", omit, 0) == 0);
	CHECK(mkdir("d", 0755) == 0 && (dir = open("d", O_RDONLY)) >= 0);
	CHECK(fstat(dir, &st) == 0 && st.st_nlink >= 1);
	CHECK(rmdir("d") == 0 && fstat(dir, &st) == 0 && st.st_nlink == 0);
}

static void sockets(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof a;

	ERR(EINVAL, socket(AF_INET, 99, 0));
	ERR(EINVAL, socket(AF_INET, 12, 0));
	CHECK(bind(l, (void *) &a, n) == 0 && listen(l, 1) == 0 && getsockname(l, (void *) &a, &n) == 0);
	CHECK(connect(c, (void *) &a, n) == 0);
	ERR(EISCONN, connect(c, (void *) &a, n));
	close(l);
	c = socket(AF_INET, SOCK_STREAM, 0);
	ERR(ECONNREFUSED, connect(c, (void *) &a, n));
	ERR(ECONNREFUSED, connect(c, (void *) &a, n));
}

static void memory(void)
{
	char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char v[2] = { 0 };

	CHECK(p != MAP_FAILED && mincore(p, 8192, v) == 0);
	CHECK(munmap(p + 4096, 4096) == 0);
	ERR(ENOMEM, mincore(p, 8192, v));
	ERR(EINVAL, mincore(p + 1, 4096, v));
}

/* A user's signals reach his own processes. */
static void another_users(void)
{
	pid_t p = start((void (*)(void)) pause), q;

	settle();
	CHECK(setresuid(0, 1000, 0) == 0); /* the real one's count, too */
	CHECK(kill(p, 0) == 0 && kill(getppid(), 0) == 0 && setresuid(1000, 1000, 0) == 0);
	ERR(EPERM, kill(p, SIGTERM));
	ERR(EPERM, kill(p, SIGKILL));
	ERR(EPERM, syscall(SYS_tgkill, p, p, SIGTERM));
	ERR(EINVAL, kill(p, 65));
	ERR(ESRCH, kill(30000, 0));
	CHECK(kill(p, SIGCONT) == 0 && kill(getpid(), 0) == 0);
	q = start((void (*)(void)) pause);
	CHECK(kill(q, SIGTERM) == 0 && WTERMSIG(wait_of(q)) == SIGTERM);
	CHECK(setresuid(0, 0, 0) == 0 && kill(p, SIGTERM) == 0 && WTERMSIG(wait_of(p)) == SIGTERM);
}

static int gone;

static void waits_sem(void)
{
	struct sembuf b = { 0, -1, 0 };

	ERR(EIDRM, semop(gone, &b, 1));
	ERR(EINVAL, semop(gone, &b, 1));
}

static void waits_msg(void)
{
	struct { long type; char text[8]; } m;

	ERR(EIDRM, msgrcv(gone, &m, 8, 0, 0));
	ERR(EINVAL, msgrcv(gone, &m, 8, 0, 0));
}

static void removed(void)
{
	pid_t p;

	CHECK((gone = semget(IPC_PRIVATE, 1, 0600)) >= 0);
	p = start(waits_sem);
	settle();
	CHECK(semctl(gone, 0, IPC_RMID) == 0 && wait_of(p) == 0);
	CHECK((gone = msgget(IPC_PRIVATE, 0600)) >= 0);
	p = start(waits_msg);
	settle();
	CHECK(msgctl(gone, IPC_RMID, NULL) == 0 && wait_of(p) == 0);
}

static int pipes[2];

static void other(void)
{
	struct flock first = { .l_type = F_WRLCK, .l_len = 1 }, second = { .l_type = F_WRLCK, .l_start = 1, .l_len = 1 };
	int fd = open("f", O_RDWR);

	CHECK(fcntl(fd, F_SETLK, &second) == 0 && write(pipes[1], "x", 1) == 1);
	CHECK(fcntl(fd, F_SETLKW, &first) == 0);
}

/* It waits for us: we can't wait for it. */
static void deadlock(void)
{
	struct flock first = { .l_type = F_WRLCK, .l_len = 1 }, second = { .l_type = F_WRLCK, .l_start = 1, .l_len = 1 };
	int fd = open("f", O_RDWR);
	pid_t p;
	char b;

	CHECK(fd >= 0 && pipe(pipes) == 0 && fcntl(fd, F_SETLK, &first) == 0);
	p = start(other);
	CHECK(read(pipes[0], &b, 1) == 1);
	sleep(1);
	ERR(EDEADLK, fcntl(fd, F_SETLKW, &second));
	first.l_type = F_UNLCK;
	CHECK(fcntl(fd, F_SETLK, &first) == 0 && wait_of(p) == 0);
	CHECK(fcntl(fd, F_SETLKW, &second) == 0);
}

int main(void)
{
	files();
	sockets();
	deadlock();
	memory();
	removed();
	another_users();
	puts("refused");
	return 0;
}
