/* SPDX-License-Identifier: Apache-2.0 */
/* expect: 12. Ends of processes with threads in every order. */
#include "guest.h"

static int fds[2];

static void *in_read(void *a) { char c; (void) a; read(fds[0], &c, 1); return NULL; }
static void *in_futex(void *a) { static int f; (void) a; syscall(SYS_futex, &f, 0, 0, NULL, NULL, 0); return NULL; }
static void *late(void *a) { (void) a; usleep(2000); puts("late"); fflush(stdout); return NULL; }
static void *group(void *a) { (void) a; usleep(2000); _exit(11); }
static void *fault(void *a) { (void) a; usleep(2000); *(volatile int *) 8 = 1; return NULL; }
static void *final(void *a) { (void) a; usleep(1000); exit(12); }

static void crowd(int n)
{
	pthread_t t;

	for (int i = 0; i < n; i++)
		CHECK(pthread_create(&t, NULL, i & 1 ? in_read : in_futex, NULL) == 0);
}

static void leader_first(void) { pthread_t t; pthread_create(&t, NULL, late, NULL); pthread_create(&t, NULL, late, NULL); pthread_exit(NULL); }
static void group50(void) { pthread_t t; crowd(50); pthread_create(&t, NULL, group, NULL); pause(); }
static void group50_leader(void) { crowd(50); usleep(1000); _exit(13); }
static void group50_gone(void) { pthread_t t; crowd(50); pthread_create(&t, NULL, group, NULL); pthread_exit(NULL); }
static void fault50(void) { pthread_t t; crowd(50); pthread_create(&t, NULL, fault, NULL); pause(); }
static void abort50(void) { crowd(50); usleep(1000); abort(); }

static void orphaned(void) { usleep(5000); dprintf(1, "orphan's parent %d\n", getppid()); }
static void makes_orphan(void) { start(orphaned); start(orphaned); _exit(0); }

static void status(const char *name, void (*f)(void), int want)
{
	int st;

	fflush(stdout);
	st = wait_of(start(f));
	printf("%s: %x\n", name, st);
	fflush(stdout);
	CHECK((st & ~0x80) == want);
}

int main(void)
{
	pthread_t t;

	CHECK(pipe(fds) == 0);
	status("leader first", leader_first, 0);
	status("exit_group of a thread", group50, 11 << 8);
	status("exit_group of the leader", group50_leader, 13 << 8);
	status("exit_group, leader gone", group50_gone, 11 << 8);
	status("SIGSEGV in a thread", fault50, SIGSEGV);
	status("abort in the leader", abort50, SIGABRT);
	status("orphans", makes_orphan, 0);
	sleep(1);
	crowd(10);
	pthread_create(&t, NULL, final, NULL);
	pthread_exit(NULL);
}
