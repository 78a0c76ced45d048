/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: their order, where they interrupt, and what siginfo says. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t seen[32];
static volatile int nseen;
static siginfo_t info;

static void note(int sig, siginfo_t *si, void *ctx)
{
	(void) ctx;
	info = *si;
	if (nseen < 32)
		seen[nseen++] = sig;
}

static void show(const char *what)
{
	printf("%s:", what);
	for (int i = 0; i < nseen; i++)
		printf(" %d", (int) seen[i]);
	printf(" | code %d pid %d uid %u\n", info.si_code, info.si_pid, info.si_uid);
	nseen = 0;
	memset(&info, 0, sizeof info);
}

static void blocked(void)
{
	sigset_t all, old, pending;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGHUP);
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	printf("pending: %d %d %d\n", sigismember(&pending, SIGUSR1),
		sigismember(&pending, SIGUSR2), sigismember(&pending, SIGALRM));
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("unblocked");
}

static void from_child(void)
{
	pid_t pid = fork();
	struct timespec t = { 5, 0 };
	int r;

	if (!pid) {
		usleep(1000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	r = nanosleep(&t, &t);
	printf("nanosleep %d %s, left %lld.%09ld\n", r, r ? strerror(errno) : "",
		(long long) t.tv_sec, t.tv_nsec);
	while (waitpid(pid, NULL, 0) < 0)
		;
	show("from child");
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	union sigval v = { .sival_int = 7 };
	int p[2];

	for (int sig = 1; sig <= SIGRTMIN + 2; sig++)
		sigaction(sig, &sa, NULL);
	raise(SIGUSR1);
	show("raise");
	sigqueue(getpid(), SIGRTMIN, v);
	show("sigqueue");
	blocked();
	from_child();
	if (pipe(p))
		return 1;
	close(p[0]);
	printf("write: %zd", write(p[1], "x", 1));
	printf(" %s\n", strerror(errno));
	show("pipe");
	alarm(1);
	pause();
	show("alarm");
	return 0;
}
