/* SPDX-License-Identifier: Apache-2.0 */
/* Stopped and continued: WUNTRACED, WCONTINUED, groups, orphaned groups. */
#include "guest.h"

static volatile int conts;

static void on_cont(int s) { (void) s; conts++; }
static void stops(void) { raise(SIGSTOP); _exit(4); }
static void tstp(void) { setpgid(0, 0); raise(SIGTSTP); _exit(5); }
static void sleeper(void) { sleep(10); _exit(6); }
static void *thread_sleep(void *a) { (void) a; sleep(10); return NULL; }
static void *thread_futex(void *a) { static int f; (void) a; syscall(SYS_futex, &f, 0, 0, NULL, NULL, 0); return NULL; }
static void threads(void) { pthread_t t; pthread_create(&t, NULL, thread_sleep, NULL); pthread_create(&t, NULL, thread_futex, NULL); sleep(10); _exit(7); }
static void handler(void) { on(SIGCONT, on_cont, 0); raise(SIGSTOP); _exit(conts ? 8 : 9); }
static void reader(void) { int p[2]; char c; CHECK(pipe(p) == 0); if (!fork()) { sleep(3); write(p[1], "x", 1); _exit(0); } CHECK(read(p[0], &c, 1) == 1); _exit(10); }

static void job(const char *name, void (*f)(void), int sig, int want)
{
	pid_t p = start(f);
	int st;

	if (sig) {
		settle();
		CHECK(kill(p, sig) == 0);
	}
	CHECK(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st));
	printf("%s: stopped by %d", name, WSTOPSIG(st));
	fflush(stdout);
	CHECK(waitpid(p, &st, WNOHANG | WUNTRACED) == 0);
	CHECK(kill(p, SIGCONT) == 0);
	CHECK(waitpid(p, &st, WCONTINUED) == p && WIFCONTINUED(st));
	printf(", continued");
	CHECK(waitpid(p, &st, 0) == p && WIFEXITED(st));
	printf(", exit %d\n", WEXITSTATUS(st));
	fflush(stdout);
	CHECK(WEXITSTATUS(st) == want);
}

static void member(void) { raise(SIGSTOP); _exit(1); }

/* Continue one group: who is stopped in another one stays so. */
static void groups(void)
{
	pid_t a = start(member), b = start(member);
	int st;

	setpgid(a, a);
	setpgid(b, b);
	CHECK(waitpid(a, &st, WUNTRACED) == a && WIFSTOPPED(st));
	CHECK(waitpid(b, &st, WUNTRACED) == b && WIFSTOPPED(st));
	CHECK(kill(-a, SIGCONT) == 0);
	CHECK(waitpid(a, &st, 0) == a && WIFEXITED(st));
	CHECK(waitpid(b, &st, WNOHANG | WCONTINUED) == 0);
	CHECK(kill(b, SIGTERM) == 0);
	CHECK(waitpid(b, &st, WNOHANG) == 0);
	CHECK(kill(b, SIGCONT) == 0);
	CHECK(waitpid(b, &st, 0) == b && WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
	puts("groups");
}

static volatile int hups;
static void on_hup(int s) { (void) s; hups++; }
static int out[2];
static void stopped_orphan(void) { on(SIGHUP, on_hup, 0); raise(SIGSTOP); write(out[1], hups ? "h" : "-", 1); }
static void its_parent(void) { pid_t p; int st; setpgid(0, 0); p = start(stopped_orphan); waitpid(p, &st, WUNTRACED); _exit(0); }

static void orphaned_group(void)
{
	char c = 0;

	CHECK(pipe(out) == 0);
	CHECK(wait_of(start(its_parent)) == 0);
	close(out[1]);
	CHECK(read(out[0], &c, 1) == 1);
	printf("orphaned group: SIGHUP %s\n", c == 'h' ? "came" : "did not come");
	CHECK(c == 'h');
}

static volatile int chld, code;
static void on_chld(int s, siginfo_t *si, void *u) { (void) s; (void) u; chld++; code = si->si_code; }

static void sigchld(void)
{
	struct sigaction a = { .sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART };
	pid_t p;
	int st;

	CHECK(sigaction(SIGCHLD, &a, NULL) == 0);
	p = start(stops);
	CHECK(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st));
	CHECK(chld == 1 && code == CLD_STOPPED);
	kill(p, SIGCONT);
	CHECK(wait_of(p) == 4 << 8);
	CHECK(code == CLD_EXITED);
	printf("SIGCHLD %d times\n", chld);
	signal(SIGCHLD, SIG_DFL);
}

int main(void)
{
	job("SIGSTOP", stops, 0, 4);
	job("SIGTSTP", tstp, 0, 5);
	job("sleeping", sleeper, SIGSTOP, 6);
	job("reading", reader, SIGSTOP, 10);
	job("SIGCONT handler", handler, 0, 8);
	job("threads", threads, SIGSTOP, 7);
	groups();
	orphaned_group();
	sigchld();
	return 0;
}
