/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On which CPU. The supervisor and all tasks share one, but not for ever the same: others may want it
 * as well, a second container that began there, and the kernel can't balance what is bound. A run that
 * has work and gets much less than a CPU, though its own never idles, moves to one that does. Nothing
 * depends on it but speed.
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
#include "shim/seat.h"

enum {
	LOOK_MS = 1000,	      /* between two looks at how much we got */
	PAUSE_MAX_MS = 64000, /* between two tries that are of no use */
	TICKS_MAX = 4,	      /* before one, by chance */
	PROCS_MAX = 64,	      /* to look at: more than these in one build are asleep */
	FREE = 60, CROWD = 20, /* a CPU is free that idles more than this, and full less: per cent */
};

/* ---- the decision ---- */

enum seat_need seat_need(const struct seat *s, uint64_t now_ms)
{
	if (s->asked_ms || s->ticks == 1)
		return SEAT_IDLE;
	return !s->ticks && now_ms - s->at_ms >= LOOK_MS ? SEAT_USED : SEAT_NOTHING;
}

static bool idled(const struct seat *s, const struct seat_figures *f, int cpu, unsigned percent)
{
	uint64_t was = s->idle_ms[cpu], is = f->idle_ms[cpu];

	return is > was && (is - was) * 100 > (f->now_ms - s->asked_ms) * percent;
}

/*
 * One that has idled most of the time since: each run begins to look at another one. -1: there is none, or
 * ours has idled, too: then nobody takes from us, but a cgroup's quota or a disk keeps us waiting.
 */
static int free_seat(const struct seat *s, const struct seat_figures *f)
{
	if (!f->idle_ms || (f->here >= 0 && f->here < CPU_SETSIZE && idled(s, f, f->here, CROWD)))
		return -1;
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		int cpu = (int) ((i + f->begin) % CPU_SETSIZE);

		if (CPU_ISSET((size_t) cpu, f->seats) && idled(s, f, cpu, FREE))
			return cpu;
	}
	return -1;
}

/* Less than three quarters of a CPU, though somebody had work whenever we looked. */
static bool crowded(struct seat *s, const struct seat_figures *f)
{
	uint64_t got = f->used_ms - s->used_ms, time = f->now_ms - s->at_ms;
	bool first = !s->at_ms;

	s->at_ms = f->now_ms;
	s->used_ms = f->used_ms;
	return !first && got * 4 < time * 3;
}

/*
 * Some ticks later, by chance, the CPUs are looked at, and at the next one it is seen who idles: two runs
 * that began at the same moment would both go to the same one. Not each time, where it is of no use.
 */
static void try_soon(struct seat *s, const struct seat_figures *f)
{
	if (f->now_ms < s->next_ms)
		return;
	s->ticks = 1 + f->chance % TICKS_MAX;
	s->next_ms = f->now_ms + s->pause_ms;
	s->pause_ms = s->pause_ms < PAUSE_MAX_MS ? 2 * s->pause_ms : PAUSE_MAX_MS;
}

int seat_choose(struct seat *s, const struct seat_figures *f)
{
	int cpu = -1;

	if (s->asked_ms) {
		cpu = free_seat(s, f);
		s->asked_ms = 0;
	} else if (s->ticks) {
		if (--s->ticks || !f->idle_ms)
			return -1;
		memcpy(s->idle_ms, f->idle_ms, sizeof s->idle_ms);
		s->asked_ms = f->now_ms;
	} else if (f->now_ms - s->at_ms >= LOOK_MS) {
		if (crowded(s, f))
			try_soon(s, f);
		else
			s->pause_ms = LOOK_MS;
	}
	return cpu;
}

/* ---- its figures ---- */

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

/* How long each CPU has idled. */
static bool idle_of(struct world *w, uint64_t idle[CPU_SETSIZE])
{
	own_fd fd = openat(w->host_proc, "stat", O_RDONLY | O_CLOEXEC);
	own_buf text = { 0 };
	uint64_t v[2], hz = (uint64_t) sysconf(_SC_CLK_TCK);
	unsigned cpu;

	if (fd < 0 || read_fd(fd, 1 << 20, &text) < 0)
		return false;
	buf_byte(&text, 0);
	if (text.failed)
		return false;
	memset(idle, 0, CPU_SETSIZE * sizeof *idle);
	for (char *s = (char *) text.p; s && !strncmp(s, "cpu", 3); s = strchr(s, '\n'), s += !!s) {
		if (sscanf(s, "cpu%u %*u %*u %*u %lu %lu", &cpu, &v[0], &v[1]) == 3 &&
			cpu < CPU_SETSIZE)
			idle[cpu] = (v[0] + v[1]) * 1000 / hz;
	}
	return true;
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

void seat_tick(struct world *w, const struct task *t)
{
	struct seat_figures f = { .now_ms = self_now() / 1000000, .seats = &w->o->seats,
		.here = sched_getcpu(), .begin = (unsigned) getpid() };
	uint64_t idle[CPU_SETSIZE];
	uint8_t chance = 0;
	int cpu;

	if (CPU_COUNT(&w->o->seats) < 2)
		return;
	if (w->seat_new) /* one that was born meanwhile was not yet known then */
		sit(w, t, f.here);
	switch (seat_need(&w->seat, f.now_ms)) {
	case SEAT_NOTHING:
		break;
	case SEAT_USED:
		f.used_ms = used_ms(w);
		break;
	case SEAT_IDLE:
		f.idle_ms = idle_of(w, idle) ? idle : NULL;
	}
	(void) !getrandom(&chance, sizeof chance, GRND_NONBLOCK);
	f.chance = chance;
	cpu = seat_choose(&w->seat, &f);
	w->seat_new = cpu >= 0;
	if (cpu >= 0)
		sit(w, t, cpu);
}
