/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 5. Programs executed from anywhere: a thread that isn't the leader, vfork, posix_spawn. */
#include <spawn.h>

#include "guest.h"

static int fds[2];
extern char **environ;

static void *in_futex(void *a) { static int f; (void) a; syscall(SYS_futex, &f, 0, 0, NULL, NULL, 0); return NULL; }
static void *in_read(void *a) { char c; (void) a; read(fds[0], &c, 1); return NULL; }
static void *in_sleep(void *a) { (void) a; sleep(100000); return NULL; }
static void *in_yield(void *a) { (void) a; for (;;) sched_yield(); return NULL; }

static void crowd(void)
{
	pthread_t t;

	pthread_create(&t, NULL, in_futex, NULL);
	pthread_create(&t, NULL, in_read, NULL);
	pthread_create(&t, NULL, in_sleep, NULL);
	pthread_create(&t, NULL, in_yield, NULL);
	for (int i = 0; i < 20; i++)
		pthread_create(&t, NULL, in_futex, NULL);
}

static void *exec_true(void *a)
{
	char *argv[] = { "sh", "-c", "echo pid $$; exit 5", NULL };

	(void) a;
	usleep(1000);
	execv("/bin/nonexistent", argv);
	execv("/bin/sh", argv);
	_exit(98);
}

static void *execveat_true(void *a)
{
	char *argv[] = { "sh", "-c", "exit 6", NULL };

	(void) a;
	usleep(1000);
	syscall(SYS_execveat, AT_FDCWD, "/bin/nonexistent", argv, environ, 0);
	syscall(SYS_execveat, AT_FDCWD, "/bin/sh", argv, environ, 0);
	_exit(98);
}

static void from_thread(void) { pthread_t t; crowd(); pthread_create(&t, NULL, exec_true, NULL); pause(); }
static void from_thread_at(void) { pthread_t t; crowd(); pthread_create(&t, NULL, execveat_true, NULL); pause(); }
static void leader_gone(void) { pthread_t t; crowd(); pthread_create(&t, NULL, exec_true, NULL); pthread_exit(NULL); }
static void from_leader(void) { crowd(); exec_true(NULL); }

static void status(const char *name, void (*f)(void), int want)
{
	int st;

	fflush(stdout);
	st = wait_of(start(f));
	printf("%s: %x\n", name, st);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == want);
}

static void vforks(void)
{
	for (int i = 0; i < 100; i++) {
		pid_t p = vfork();

		if (!p) {
			if (i % 3 == 0)
				execl("/bin/nonexistent", "x", NULL);
			if (i % 3 == 1)
				execl("/bin/sh", "sh", "-c", "exit 7", NULL);
			_exit(i % 3);
		}
		CHECK(WEXITSTATUS(wait_of(p)) == (i % 3 == 1 ? 7 : i % 3));
	}
	puts("vfork 100");
}

static void spawns(void)
{
	char *argv[] = { "true", NULL };
	pid_t p[100];

	for (int i = 0; i < 100; i++)
		CHECK(posix_spawn(&p[i], "/bin/true", NULL, NULL, argv, environ) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(wait_of(p[i]) == 0);
	CHECK(posix_spawn(&p[0], "/bin/nonexistent", NULL, NULL, argv, environ) == ENOENT);
	puts("posix_spawn 100");
}

static void *spawner(void *a)
{
	char *argv[] = { "true", NULL };
	pid_t p;

	(void) a;
	for (int i = 0; i < 10; i++) {
		CHECK(posix_spawn(&p, "/bin/true", NULL, NULL, argv, environ) == 0);
		CHECK(wait_of(p) == 0);
	}
	return NULL;
}

static void thread_spawns(void)
{
	pthread_t t[10];

	for (int i = 0; i < 10; i++)
		pthread_create(&t[i], NULL, spawner, NULL);
	for (int i = 0; i < 10; i++)
		pthread_join(t[i], NULL);
	puts("posix_spawn in 10 threads");
}

int main(void)
{
	CHECK(pipe(fds) == 0);
	status("thread", from_thread, 5);
	status("thread execveat", from_thread_at, 6);
	status("thread, leader gone", leader_gone, 5);
	status("leader", from_leader, 5);
	vforks();
	spawns();
	thread_spawns();
	fflush(stdout);
	from_thread();
	return 1;
}
