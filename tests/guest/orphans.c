/* SPDX-License-Identifier: Apache-2.0 */
/* Children whose parent has ended belong to the nearest ancestor that reaps such, else to init. */
#include "guest.h"

static void heard(int sig)
{
	(void) sig;
}

static void ends(void)
{
	_exit(5);
}

/* Its child has ended, and nobody has waited for it. */
static void leaves_a_zombie(void)
{
	start(ends);
	settle();
}

static void lives_on(void)
{
	sleep(1);
	_exit(getppid() == getpgrp() ? 6 : 7);
}

static void leaves_a_living(void)
{
	start(lives_on);
}

/* Numbers count: what is a process's child here is the next after it. */
static int there(pid_t p)
{
	return kill(p, 0) == 0;
}

static void init_reaps(void)
{
	pid_t p = start(leaves_a_zombie), q = p + 1;

	CHECK(wait_of(p) == 0);
	settle();
	CHECK(!there(q) && errno == ESRCH);
	p = start(leaves_a_living), q = p + 1;
	CHECK(wait_of(p) == 0);
	CHECK(there(q));
	sleep(2);
	CHECK(!there(q) && errno == ESRCH);
}

static void waits_for(void (*f)(void), int status)
{
	pid_t p = start(f);
	int st;

	CHECK(wait(&st) == p && st == 0);
	CHECK(wait(&st) == p + 1 && WIFEXITED(st) && WEXITSTATUS(st) == status);
	CHECK(wait(&st) < 0 && errno == ECHILD);
}

static void hears_of(void (*f)(void))
{
	sigset_t chld, old;
	pid_t p;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);
	p = start(f);
	CHECK(wait_of(p) == 0);
	while (waitpid(-1, NULL, WNOHANG) == 0)
		sigsuspend(&old);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Its own children don't inherit the mark. */
static void between(void)
{
	CHECK(wait_of(start(leaves_a_living)) == 0);
	CHECK(wait(NULL) < 0 && errno == ECHILD);
}

int main(void)
{
	setpgid(0, 0);
	init_reaps();
	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	waits_for(leaves_a_zombie, 5);
	waits_for(leaves_a_living, 6);
	on(SIGCHLD, heard, 0);
	hears_of(leaves_a_living);
	hears_of(leaves_a_zombie);
	signal(SIGCHLD, SIG_DFL);
	CHECK(wait_of(start(between)) == 0);
	CHECK(wait(NULL) > 0 && wait(NULL) < 0 && errno == ECHILD);
	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
	init_reaps();
	return 0;
}
