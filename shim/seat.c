/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On which CPU. The supervisor and all tasks share one, but not for ever the same: others may want it
 * as well, a second container that began there, and the kernel can't balance what is bound. A run that
 * has work and gets much less than a CPU moves to one that idles. Nothing depends on it but speed.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"

enum {
	LOOK_MS = 1000,	      /* between two looks at how much we got */
	PAUSE_MAX_MS = 64000, /* between two tries that are of no use */
	TICKS_MAX = 4,	      /* before one, by chance */
	PROCS_MAX = 64,	      /* to look at: more than these in one build are asleep */
};

static uint64_t ms_of(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

/* The CPU time of all of us, with that of the children that were waited for. */
static uint64_t used_ms(struct world *w)
{
	uint64_t ticks = 0, v[4];
	char text[STAT_MAX], *s;
	int n = 0;

	for (struct proc *p = w->procs; p && n++ < PROCS_MAX; p = p->next) {
		s = tracee_stat(w, p->pid, text);
		if (s && sscanf(s, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
				&v[0], &v[1], &v[2], &v[3]) == 4)
			ticks += v[0] + v[1] + v[2] + v[3];
	}
	return ticks * 1000 / (uint64_t) sysconf(_SC_CLK_TCK) + ms_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* How long each CPU has idled, in clock ticks. */
static bool idle_of(struct world *w, uint64_t idle[CPU_SETSIZE])
{
	own_fd fd = openat(w->host_proc, "stat", O_RDONLY | O_CLOEXEC);
	own_buf text = { 0 };
	unsigned cpu;
	uint64_t v[2];

	if (fd < 0 || read_fd(fd, 1 << 20, &text) < 0)
		return false;
	buf_byte(&text, 0);
	if (text.failed)
		return false;
	memset(idle, 0, CPU_SETSIZE * sizeof *idle);
	for (char *s = (char *) text.p; s && !strncmp(s, "cpu", 3); s = strchr(s, '\n'), s += !!s) {
		if (sscanf(s, "cpu%u %*u %*u %*u %lu %lu", &cpu, &v[0], &v[1]) == 3 &&
			cpu < CPU_SETSIZE)
			idle[cpu] = v[0] + v[1];
	}
	return true;
}

/* One that has idled most of the time since: each run begins to look at another one. -1: there is none. */
static int free_seat(struct world *w, uint64_t now)
{
	uint64_t idle[CPU_SETSIZE], least = (now - w->seat.asked_ms) * 6 / 10;
	long hz = sysconf(_SC_CLK_TCK);

	if (!idle_of(w, idle))
		return -1;
	for (size_t i = 0; i < CPU_SETSIZE; i++) {
		size_t cpu = (i + (size_t) getpid()) % CPU_SETSIZE;
		uint64_t was = w->seat.idle[cpu];

		if (CPU_ISSET(cpu, &w->o->seats) && idle[cpu] > was &&
			(idle[cpu] - was) * 1000 / (uint64_t) hz > least)
			return (int) cpu;
	}
	return -1;
}

/* All of us, or nobody: a cgroup may keep the container from there. */
static void sit(struct world *w, const struct task *at_work, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t) cpu, &one);
	if (sched_setaffinity(at_work->pid, sizeof one, &one) < 0)
		return;
	for (struct task *t = w->tasks; t; t = t->next)
		sched_setaffinity(t->pid, sizeof one, &one);
	sched_setaffinity(0, sizeof one, &one);
}

/* Less than three quarters of a CPU, though somebody had work whenever we looked. */
static bool crowded(struct world *w, uint64_t now)
{
	uint64_t used = used_ms(w), got = used - w->seat.used_ms, time = now - w->seat.at_ms;
	bool first = !w->seat.at_ms;

	w->seat.at_ms = now;
	w->seat.used_ms = used;
	return !first && got * 4 < time * 3;
}

/*
 * Some ticks later, by chance, the CPUs are looked at, and at the next one it is seen who idles: two runs
 * that began at the same moment would both go to the same one. Not each time, where it is of no use.
 */
static void try_soon(struct world *w, uint64_t now)
{
	uint8_t chance = 0;

	if (now < w->seat.next_ms)
		return;
	(void) !getrandom(&chance, sizeof chance, GRND_NONBLOCK);
	w->seat.ticks = 1 + chance % TICKS_MAX;
	w->seat.next_ms = now + w->seat.pause_ms;
	w->seat.pause_ms = w->seat.pause_ms < PAUSE_MAX_MS ? 2 * w->seat.pause_ms : PAUSE_MAX_MS;
}

void seat_tick(struct world *w, const struct task *t)
{
	uint64_t now = ms_of(CLOCK_MONOTONIC);

	if (CPU_COUNT(&w->o->seats) < 2)
		return;
	if (w->seat.moved) /* one that was born meanwhile was not yet known then */
		sit(w, t, sched_getcpu());
	w->seat.moved = false;
	if (w->seat.asked_ms) {
		int cpu = free_seat(w, now);

		w->seat.moved = cpu >= 0;
		w->seat.asked_ms = 0;
		if (cpu >= 0)
			sit(w, t, cpu);
	} else if (w->seat.ticks) {
		if (!--w->seat.ticks && idle_of(w, w->seat.idle))
			w->seat.asked_ms = now;
	} else if (now - w->seat.at_ms >= LOOK_MS) {
		if (crowded(w, now))
			try_soon(w, now);
		else
			w->seat.pause_ms = LOOK_MS;
	}
}
