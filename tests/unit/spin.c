/* SPDX-License-Identifier: Apache-2.0 */
/* Is it a loop? Asked of a real child of ours. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/engine.h"
#include "tests/check.h"

static bool sleeps(pid_t pid)
{
	char path[32], text[512] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof text, f))
		text[0] = 0;
	if (f)
		fclose(f);
	return strstr(text, ") S ");
}

TEST(who_was_stopped_in_a_call_does_not_compute)
{
	struct world w = { .ops = &tracee_real };
	struct mm mm = { 0 };
	struct proc p = { 0 };
	struct task t = { .mm = &mm, .proc = &p };
	int fd[2], st;
	char c = 7;

	EQ(pipe(fd), 0);
	t.pid = p.pid = fork();
	if (!t.pid)
		_exit(read(fd[0], &c, 1) == 1 ? c : 1);
	EQ(ptrace(PTRACE_SEIZE, t.pid, NULL, PTRACE_O_EXITKILL), 0);
	while (!sleeps(t.pid))
		usleep(1000);
	EQ(ptrace(PTRACE_INTERRUPT, t.pid, NULL, NULL), 0);
	EQ(tracee_wait(t.pid, &st), 0);
	EQ(st >> 16, PTRACE_EVENT_STOP);
	alarm(20); /* a step into the call would wait with it for ever */
	OK(!spin_look(&w, &t, &st));
	alarm(0);
	EQ(st, 0);
	EQ((long) t.regs.rax, RESTARTSYS);
	EQ(tracee_resume(&t, t.how, 0), 0);
	EQ(write(fd[1], &c, 1), 1);
	EQ(tracee_wait(t.pid, &st), 0);
	OK(WIFEXITED(st) && WEXITSTATUS(st) == 7);
}

CHECK_MAIN
