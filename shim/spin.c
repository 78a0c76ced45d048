/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spin loops. A task that computes without end while others wait keeps the token: that is
 * deterministic. But one that merely looks at memory until another one has changed it would wait
 * for ever. It is recognised by its state, never by time: stepped through, its registers take the
 * same values in the same sequence again and again, with no instruction between that could change
 * memory from turn to turn. Then any number of turns has the same result; it is left at one state
 * of the cycle, always the same one, and goes on when somebody else has run.
 *
 * A loop that stores or counts is one, too, when all of its memory is again as it was: cycle.c.
 *
 * The clock only says when to look.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/spin.h"

enum {
	PERIOD_MAX = 512,  /* steps of one turn */
	TURNS = 3,	   /* to see, after the first state's return */
	TICK_MS = 400,
	LONG_CPU = 60, /* s without a call, while somebody waits for less than half a second */
	WAIT_CPU = 4,  /* the same for more, and twice that time */
	COUNT_CPU = 2, /* s, when all it does is count */
	QUICK = 600, /* steps of a loop that may be looked at again whenever somebody has run */
	STEP_REST = 1000, /* ns on the clock for each step of another one */
	LOOK_AT = 3, /* the first tick at which all of its memory is looked at */
};

/* ---- instructions that leave memory as the registers say ---- */

struct insn {
	const uint8_t *p, *end;
	bool rep;
};

static int next_byte(struct insn *i)
{
	return i->p < i->end ? *i->p++ : -1;
}

/* With a modrm byte that names memory, is it changed by what it was? */
static bool keeps(struct insn *i, bool (*by_reg)(unsigned reg))
{
	int m = next_byte(i);

	return m >= 0 && ((m >> 6) == 3 || by_reg((unsigned) m >> 3 & 7));
}

static bool never(unsigned reg) { (void) reg; return false; }
static bool compare(unsigned reg) { return reg == 7; }
static bool test_mul(unsigned reg) { return reg != 2 && reg != 3; }
static bool call_jump(unsigned reg) { return reg >= 2; }
static bool bit_test(unsigned reg) { return reg == 4; }

static bool steady_0f(struct insn *i)
{
	int op = next_byte(i);

	if (op < 0)
		return false;
	if ((op >= 0x80 && op <= 0x9f) || (op >= 0x40 && op <= 0x4f) || (op >= 0xc8 && op <= 0xcf))
		return true; /* jcc, setcc, cmovcc, bswap */
	switch (op) {
	case 0x0d: case 0x18: case 0x1e: case 0x1f: /* hints */
	case 0xa3: case 0xaf: case 0xbc: case 0xbd: case 0xb8: /* bt, imul, bsf, bsr, popcnt */
	case 0xb0: case 0xb1: case 0xc0: case 0xc1: /* cmpxchg, xadd: what was there is seen after */
	case 0xb6: case 0xb7: case 0xbe: case 0xbf: return true; /* movzx, movsx */
	case 0xba: return keeps(i, bit_test);
	case 0xae: return keeps(i, never); /* fences */
	}
	return false;
}

static bool steady_op(struct insn *i, int op)
{
	if (op < 0x40 && (op & 7) < 2 && (op & 0x38) != 0x38)
		return keeps(i, never); /* add … xor to memory */
	if (op < 0x40)
		return (op & 7) < 6;
	if (op < 0x60 || op == 0x63 || op == 0x90 || (op >= 0x70 && op <= 0x7f) ||
		(op >= 0x84 && op <= 0x8b) || (op >= 0xb0 && op <= 0xbf))
		return true;
	switch (op) {
	case 0x68: case 0x69: case 0x6a: case 0x6b: case 0x8d: case 0x98: case 0x99:
	case 0xa8: case 0xa9: case 0xc2: case 0xc3: case 0xc6: case 0xc7: case 0xc9:
	case 0xe8: case 0xe9: case 0xeb: return true;
	case 0x80: case 0x81: case 0x83: return keeps(i, compare);
	case 0xc0: case 0xc1: case 0xd0: case 0xd1: case 0xd2: case 0xd3: return keeps(i, never);
	case 0xf6: case 0xf7: return keeps(i, test_mul);
	case 0xfe: case 0xff: return keeps(i, call_jump);
	}
	return false;
}

/* Stores are of values that the registers show; nothing is added to what memory holds. */
static bool steady(const uint8_t *code, size_t n)
{
	struct insn i = { code, code + n, false };
	int op;

	do {
		op = next_byte(&i);
	} while (op == 0x66 || op == 0xf2 || op == 0xf3 || op == 0xf0 || op == 0x2e || op == 0x3e ||
		op == 0x64 || op == 0x65);
	if (op >= 0x40 && op <= 0x4f)
		op = next_byte(&i);
	if (op < 0 || op == 0xc4 || op == 0xc5 || op == 0x62)
		return false;
	return op == 0x0f ? steady_0f(&i) : steady_op(&i, op);
}

static bool steady_at(struct world *w, struct task *t)
{
	uint64_t ip = t->regs.rip;
	uint8_t code[16];
	size_t n = sizeof code, page = 4096 - (size_t) (ip & 4095);

	if (w->ops->read(t, ip, code, n) != (ssize_t) n) {
		n = page < n ? page : n;
		if (w->ops->read(t, ip, code, n) != (ssize_t) n)
			return false;
	}
	return steady(code, n);
}

/* ---- states ---- */

int spin_order(const struct user_regs_struct *a, const struct user_regs_struct *b)
{
	if (a->rip != b->rip)
		return a->rip < b->rip ? -1 : 1;
	return memcmp(a, b, sizeof *a);
}

/* One instruction on. False: something else than that has happened (*ret: the wait status). */
bool spin_step(struct task *t, int *ret)
{
	*ret = 0;
	if (t->regs_dirty && tracee_setregs(t) < 0)
		return false;
	if (ptrace(PTRACE_SINGLESTEP, t->pid, NULL, NULL) < 0 || tracee_wait(t->pid, ret) < 0)
		return false;
	if (!WIFSTOPPED(*ret) || *ret >> 16 || WSTOPSIG(*ret) != SIGTRAP)
		return false;
	*ret = 0;
	return tracee_getregs(t) == 0;
}

static bool steady_step(struct world *w, struct task *t, int *ret)
{
	*ret = 0;
	return steady_at(w, t) && spin_step(t, ret);
}

/* The states of one turn, into @s; 0: it doesn't come back. */
static size_t one_turn(struct world *w, struct task *t, struct user_regs_struct *s, int *st)
{
	for (size_t n = 0; n < PERIOD_MAX; n++) {
		if (n && !spin_order(&t->regs, &s[0]))
			return n;
		s[n] = t->regs;
		if (!steady_step(w, t, st))
			return 0;
	}
	return 0;
}

static bool same_turns(struct world *w, struct task *t, const struct user_regs_struct *s, size_t n,
	int *st)
{
	for (size_t i = 0; i < n * TURNS; i++) {
		if (spin_order(&t->regs, &s[i % n]))
			return false;
		if (!steady_step(w, t, st))
			return false;
	}
	return true;
}

static bool to_lowest(struct world *w, struct task *t, const struct user_regs_struct *s, size_t n,
	int *st)
{
	const struct user_regs_struct *low = s;

	for (size_t i = 1; i < n; i++)
		if (spin_order(&s[i], low) < 0)
			low = &s[i];
	while (spin_order(&t->regs, low))
		if (!steady_step(w, t, st))
			return false;
	return true;
}

/* In a stop, registers read. What ended the steps when it isn't a spin loop is in *@st, or 0. */
static bool is_spinning(struct world *w, struct task *t, int *st)
{
	own_free struct user_regs_struct *s = calloc(PERIOD_MAX, sizeof *s);
	size_t n;

	must_mem(s);
	if (!steady_step(w, t, st)) /* the first state may still show a call's traces */
		return false;
	t->period = n = one_turn(w, t, s, st);
	return n && same_turns(w, t, s, n, st) && to_lowest(w, t, s, n, st);
}

/* A look at all of its memory takes as long as it computes until then: ever more seldom. */
static bool worth_it(struct world *w, const struct task *t)
{
	bool others = sched_deadline(w) != NO_DEADLINE || timers_cpu_next(w, t->proc) != NO_DEADLINE;

	for (const struct task *o = w->tasks; o && !others; o = o->next)
		others = o != t && o->state == T_READY && !o->parked;
	if (!others || (!t->spins && ++w->spin.looks < w->spin.look_at))
		return false;
	w->spin.look_at *= 3;
	return true;
}

/* ---- what is no loop, and still does not end ---- */

static uint64_t cpu_ns(const struct task *t)
{
	struct timespec ts = { 0 };

	clock_gettime((clockid_t) (~(unsigned) t->proc->pid << 3 | 2), &ts);
	return (uint64_t) ts.tv_sec * NSEC + (uint64_t) ts.tv_nsec;
}

/* Is @p one of those that have started @of, or theirs? */
static bool above(const struct proc *p, const struct proc *of)
{
	for (of = of->parent; of && of != p; of = of->parent)
		;
	return of != NULL;
}

/* A timer, the end of its CPU time, or a moment that who has started it waits for: maybe to end it then. */
static uint64_t hurry_next(struct world *w, const struct task *t)
{
	uint64_t d = timers_next(w), cpu = timers_cpu_next(w, t->proc);

	if (cpu < d)
		d = cpu;
	for (const struct task *o = w->tasks; o; o = o->next)
		if (o->state == T_BLOCKED && o->c.wait.kind != W_NONE && o->c.wait.deadline < d &&
			above(o->proc, t->proc))
			d = o->c.wait.deadline;
	return d;
}

/* A moment that another process waits for. */
static uint64_t others_next(const struct world *w, const struct task *t)
{
	uint64_t d = NO_DEADLINE;

	for (const struct task *o = w->tasks; o; o = o->next)
		if (o->proc != t->proc && o->state == T_BLOCKED && o->c.wait.kind != W_NONE &&
			o->c.wait.deadline < d)
			d = o->c.wait.deadline;
	return d;
}

/* The next moment at which another thread of its own process would run. */
static uint64_t threads_next(const struct world *w, const struct task *t)
{
	uint64_t d = NO_DEADLINE;

	for (const struct task *o = w->tasks; o; o = o->next) {
		if (o == t || o->proc != t->proc)
			continue;
		if (o->state == T_READY && !o->parked)
			return w->now + 1;
		if (o->state == T_BLOCKED && o->c.wait.kind != W_NONE && o->c.wait.deadline < d)
			d = o->c.wait.deadline;
	}
	return d;
}

/* Looked at ever more seldom. */
static bool only_counts(struct world *w, struct task *t, uint64_t cpu, int *st)
{
	if (!t->calm.counts && cpu >= t->calm.look_at) {
		t->calm.counts = cycle_counts(w, t, st);
		t->calm.look_at = 2 * cpu;
	}
	return !*st && t->calm.counts;
}

/* Much longer than to the moment @d, for which somebody waits. */
static bool enough(const struct task *t, uint64_t d, uint64_t cpu, bool counts)
{
	uint64_t wait = d > t->calm.since ? d - t->calm.since : 0;

	if (d == NO_DEADLINE)
		return false;
	if (wait < NSEC / 2)
		return cpu >= (counts ? COUNT_CPU : LONG_CPU) * NSEC;
	return cpu >= WAIT_CPU * NSEC + 2 * wait;
}

/* At work beside others, who sleep or are at work, too: there is no hurry. */
static bool enough_work(uint64_t d, uint64_t cpu)
{
	return d != NO_DEADLINE && cpu >= LONG_CPU * NSEC;
}

/*
 * It has computed for much longer than somebody wanted to wait: a run that would never end is of no
 * use. Whoever is killed then has shown nobody where it was. A timer is there to interrupt, and would
 * have done so long ago; who has started it and sleeps, too, maybe. Another process (a job of make's)
 * or a thread may as well have nothing to do with it: those have to be patient, but when all it does
 * is count.
 */
static bool leave_it(struct world *w, struct task *t, int *st)
{
	uint64_t hurry = hurry_next(w, t), others = others_next(w, t), own = threads_next(w, t);
	uint64_t cpu = cpu_ns(t) - t->calm.cpu, d = others < own ? others : own;
	bool counts;

	if (w->o->strict || t->calm.stops != t->stops || (hurry == NO_DEADLINE && d == NO_DEADLINE))
		return false;
	counts = only_counts(w, t, cpu, st);
	if (*st)
		return false;
	if (enough(t, hurry, cpu, counts))
		d = hurry < d ? hurry : d;
	else if (counts ? !enough(t, d, cpu, true) : !enough_work(d, cpu))
		return false;
	engine_note(w, t, "computes without end: time went on, where in it the trace can't say");
	t->until = d;
	t->left = w->now;
	t->slice = UINT32_MAX;
	return true;
}

void spin_charge(struct world *w, struct task *t)
{
	if (t->until) {
		world_computed(t, w->now - t->left);
		t->left = w->now;
	}
}

bool spin_until(struct world *w, struct task *t)
{
	struct sigstate s;

	if (w->now < t->until &&
		!(t->sigcheck && (task_signals(w, t, &s) < 0 || s.pending & ~s.blocked)))
		return true;
	spin_charge(w, t);
	t->until = 0;
	return false;
}

/* Stopped on its way out of a call: the next instruction is the call again, and it may wait there for us. */
static bool calls_again(const struct task *t)
{
	long r = (long) t->regs.rax;

	return (long) t->regs.orig_rax >= 0 && (r == RESTARTSYS || r == RESTARTNOINTR || r == RESTARTNOHAND ||
		r == RESTART_BLOCK);
}

bool spin_look(struct world *w, struct task *t, int *st)
{
	*st = 0;
	t->how = PTRACE_CONT;
	t->spins = false;
	if (tracee_getregs(t) < 0 || calls_again(t))
		return false;
	t->spins = is_spinning(w, t, st) || (!*st && worth_it(w, t) && cycle_look(w, t, st));
	if (t->spins) {
		t->parked = true;
		t->tried = w->spin.runs;
		t->rest = t->period > QUICK ? w->now + t->period * STEP_REST : 0;
		t->slice = UINT32_MAX;
	}
	return t->spins || (!*st && leave_it(w, t, st));
}

/* ---- when to look ---- */

static void ticked(int sig, siginfo_t *si, void *ctx)
{
	struct world *w = si->si_value.sival_ptr;

	(void) sig, (void) ctx;
	if (si->si_code == SI_TIMER)
		w->spin.ticked = 1; /* and a waitpid() ends */
}

static uint64_t now_ms(void)
{
	return self_now() / 1000000;
}

static void set_timer(struct world *w, long ms)
{
	const struct timespec tick = { 0, ms * 1000000 };
	const struct itimerspec it = { tick, tick };

	if (w->spin.ticking)
		timer_settime(w->spin.timer, 0, &it, NULL);
}

void spin_begin(struct world *w)
{
	const struct sigaction sa = { .sa_sigaction = ticked, .sa_flags = SA_SIGINFO };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM,
		.sigev_value.sival_ptr = w };

	w->spin.at_ms = now_ms();
	if (!w->spin.ticking) {
		sigaction(SIGALRM, &sa, NULL);
		w->spin.ticking = timer_create(CLOCK_MONOTONIC, &ev, &w->spin.timer) == 0;
	}
	set_timer(w, TICK_MS);
}

void spin_end(struct world *w)
{
	set_timer(w, 0);
}

bool spin_tick(struct world *w, struct task *t)
{
	uint64_t now = now_ms(), did = w->nstops + w->nevents;
	bool idle = w->spin.task == t->nr && w->spin.did == did &&
		now - w->spin.at_ms >= TICK_MS - 20;

	if (!w->spin.ticked)
		return false;
	w->spin.ticked = 0;
	seat_tick(w, t);
	w->spin.at_ms = now;
	w->spin.task = t->nr;
	w->spin.did = did;
	if (t->calm.stops != t->stops) {
		t->calm.counts = false;
		t->calm.look_at = COUNT_CPU * NSEC;
		t->calm.stops = t->stops;
		t->calm.cpu = cpu_ns(t);
		t->calm.since = w->now;
	}
	if (!idle) {
		w->spin.looks = 0;
		w->spin.look_at = LOOK_AT;
	}
	if (idle && t->how == PTRACE_CONT && !t->setup) {
		t->look = true;
		ptrace(PTRACE_INTERRUPT, t->pid, NULL, NULL);
	}
	return true;
}
