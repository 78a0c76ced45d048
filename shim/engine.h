/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the supervisor's core. loop.c turns ptrace stops into calls of these; see
 * docs/architecture.md for a call's way through.
 */
#ifndef DETRUN_ENGINE_H
#define DETRUN_ENGINE_H

#include "rootfs/walk.h"
#include "shim/world.h"

/* tracee.c: ptrace and memory of real tasks. 0 or -errno; -ESRCH: the task is being killed. */
extern const struct tracee_ops tracee_real;
/** shim.c: from now on it is ours, and dies with us. It goes on running. */
int tracee_seize(pid_t pid, struct err *e);
enum { STAT_MAX = 512 };
/** proc_pid_stat(5) of the process or task @pid, from the third field on, its state. NULL: it is gone. */
char *tracee_stat(struct world *w, pid_t pid, char text[STAT_MAX]);
int tracee_getregs(struct task *t);
int tracee_setregs(struct task *t);
int tracee_resume(struct task *t, int how, int sig);
/** waitpid for this task alone; *ret: wait status. */
int tracee_wait(pid_t pid, int *ret);
/** It makes its call again before it gets a signal; after that it may. */
void tracee_hold_signals(struct task *t);
void tracee_release_signals(struct task *t);
/** Take up a task that ptrace attached by itself (a child): waits for its first stop. */
int tracee_adopt(pid_t pid);
/**
 * Make the guest run one system call, at the `syscall` instruction at @insn. The task is in a
 * syscall-exit or exec stop and is in one again afterwards; t->regs is as before, and dirty.
 */
int tracee_inject(struct task *t, uint64_t insn, long nr, const uint64_t a[6], long *ret);

/* notify.c: calls that come as seccomp notifications */
/** The task's descriptor @fd is the listener; from now on they do. 0 or -errno. */
int notify_begin(struct world *w, struct task *t, int fd);
/** For the next of the running task: 1 = a notification, in w->note; 0 = *@st is its wait status;
 * -EINTR = a signal to us; -errno. */
int notify_wait(struct world *w, struct task *t, int *st);
/** Its result (t->regs.rax), or to go on (t->go_on). 0 or -errno. */
int notify_answer(struct task *t);
/**
 * End the call with @val and stop the task before it sees that; registers are read. 0, or -ESRCH:
 * it is dead, t->late says how.
 */
int notify_take_back(struct task *t, long val);
/** A call that was taken back is made again, now for a ptrace stop, to be run by the kernel. */
void notify_rerun(struct task *t, bool leave);
/** Somebody else gets the token: nobody waits for an answer meanwhile. */
void notify_settle(struct task *t);
int notify_addfd(struct task *t, int fd, bool cloexec);

/* selfcpu.c */
/** Before the loop; @cpuid: this CPU can fault on CPUID. 0 or -errno. */
int self_trap_cpu(bool cpuid);
/** CLOCK_MONOTONIC in nanoseconds, without the trapped time stamp counter. */
uint64_t self_now(void);
/** Each switch to the supervisor costs less without restartable sequences. */
void self_drop_rseq(void);

/* engine.c */
void engine_entry(struct world *w, struct task *t); /* at a seccomp stop, registers read */
void engine_notified(struct world *w, struct task *t); /* the same, by w->note */
/** At a seccomp stop, registers read: a call that was made again for it. */
void engine_rerun(struct task *t);
bool engine_rerun_exit(struct task *t); /* at its exit stop: true, if that was all */
void engine_exit(struct world *w, struct task *t);  /* at the syscall's exit stop, registers read */
void engine_retry(struct world *w, struct task *t); /* a blocked call that may go on */
/** A parked call gives way to a signal: the kernel delivers it, then restarts or fails it. */
void engine_interrupt(struct world *w, struct task *t);
/** The same for a stop of its process: it will do the call anew. */
void engine_pause(struct world *w, struct task *t);
/** replay.c: compare with the expected trace's next event; the first difference is kept. */
void replay_check(struct world *w, const struct event *ev);
/** The manifest in @fd against the trace's of that name. */
int replay_files(struct world *w, const char *name, int fd, struct err *e);
int replay_header(struct world *w, const void *p, size_t n, struct err *e);
void engine_record(struct world *w, struct event *ev);
/** Event without arguments: fork, exit, schedule … */
void engine_mark(struct world *w, struct task *t, enum ev_kind kind, uint32_t nr, int64_t res);
void engine_note(struct world *w, struct task *t, const char *text);

/* call.c, beside what sys.h declares */
void call_begin(struct call *c, struct world *w, struct task *t, const struct row *row);
/** Before another try: what was read of the guest is gone with the arena; it can be read again. */
void call_again(struct call *c);
long call_flush(struct call *c); /* staged outputs to the guest: 0 or -EFAULT */
/** A temporary signal mask for the wait: the kernel's own call applies it when a signal comes. */
void call_sigmask(struct call *c, uint64_t mask);
/** In leave(): the guest's descriptor becomes a read-only file with the content of @host_fd. */
long call_replace_fd(struct call *c, int guest_fd, int host_fd, const char *name);
void call_close_fd(struct call *c, int guest_fd);
/** Give the guest a descriptor of ours, close-on-exec, in a call's exit stop: its number, or -errno. */
long call_give_fd(struct call *c, int host_fd);
/** Let it make a call, in a call's exit stop: the result. */
long call_inject(struct call *c, long nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);

/* input.c */
/* Which external input it is: the event's number. */
enum input {
	INPUT_SIZE = 1,     /* a terminal's size; else what was typed, or standard input's bytes */
	INPUT_RUNNING = 2,  /* came while tasks ran, not when all waited */
	INPUT_COMPUTES = 4, /* came to one that made no system call */
	INPUT_EXEC = 16,    /* a process was added: see control.c */
	INPUT_KILL = 32,    /* a signal */
	INPUT_HOST = 64,    /* text that the host decides, read in /proc */
	INPUT_CLOCK = 128,  /* the time outside, ns since 1970 in decimal: see sys/netclock.c */
	INPUT_NOT_STDIO = INPUT_EXEC | INPUT_KILL | INPUT_HOST | INPUT_CLOCK,
	INPUT_WHOSE = 8,    /* from this bit on: of which added process, 0 = the first program */
};
/** Record bytes that came from outside: EV_INPUT with its blob. 0 or -errno. */
int world_input(struct world *w, struct task *t, int which, const void *p, size_t n);
/** Text that the host decides: record it; a replay has what was recorded instead. 0 or -errno. */
int world_input_host(struct world *w, struct task *t, struct buf *b);
/** Replay: whether the clock is set next. */
bool world_clock_next(struct world *w, const struct task *t);
/** Replay: whether an external input of the task is the trace's next event; when it came. */
bool world_input_next(struct world *w, const struct task *t, uint64_t *ret_at);
/** The same, by now. */
bool world_input_due(struct world *w, const struct task *t);
/** Replay: the bytes of that input (@t NULL: whoever's), appended to @b. 0 or -errno. */
int world_input_bytes(struct world *w, struct task *t, struct buf *b);

/* task.c */
struct task *task_new(struct world *w, pid_t pid, struct task *parent, uint64_t clone_flags);
void task_free(struct world *w, struct task *t);
/** Its number inside is @vtid; 0: not known. */
void task_number(struct world *w, struct task *t, pid_t vtid);
/** From now on @p's parent is @parent, or NULL. */
void proc_adopt(struct proc *parent, struct proc *p);
/** Who waits for its vfork child @child, if anybody, goes on. */
void vfork_done(struct task *child);
struct task *task_find(struct world *w, pid_t pid);
void task_mm_new(struct world *w, struct task *t); /* exec */
/**
 * What a shared futex at @addr stands for: 1 and a key of the object for shared mappings, 0 for
 * private memory.
 */
int task_map_at(struct task *t, uint64_t addr, uint64_t *ret_key1, uint64_t *ret_key2);
/** The task's and its group's pending signals and dispositions, as bit masks. 0 or -errno. */
struct sigstate {
	uint64_t pending, blocked, ignored, caught;
};
int task_signals(struct world *w, struct task *t, struct sigstate *ret);

/* loop.c */
/** Let @t, whose turn it is, run until its next stop, and serve that. */
void task_turn(struct world *w, struct task *t);
/** Until init is gone or the run can't go on (w->fatal). No task is left. */
void world_run(struct world *w);

/* sched.c */
/** Next task to run, or NULL when the run is over. Moves the clock when all wait. */
struct task *sched_next(struct world *w);
/** All wait until then, if that is to come: who looks at memory all the while has computed. */
void sched_pass(struct world *w, uint64_t to);
/** The earliest moment that somebody waits for. */
uint64_t sched_deadline(struct world *w);

/* outside.c: all wait, and the outside may end it */
/** A write to the outside has to wait for @fd. -ECANCELED: the container was killed meanwhile. */
int outside_blocked(struct world *w, int fd);
/** Nobody can run until @deadline. True: something came from outside. */
bool outside_idle(struct world *w, uint64_t deadline);

/* control.c: what other commands ask for while the container runs */
/** Before the first program runs. 0 or -errno. */
int control_start(struct world *w, struct err *e);
/** Before the turn of @t: serve who has connected. True when somebody was. */
bool control_look(struct world *w, const struct task *t);
/** The same, when all wait and somebody has connected. Replay: false when nobody had. */
bool control_idle(struct world *w);
/** Somebody has connected: at the next turn, then. */
bool control_soon(struct world *w);
/** What poll() may wait for: fd or -1. */
int control_fd(struct world *w);
/** There may be somebody who connects, at any time, and the container waits for that. */
bool control_awaited(struct world *w);
void control_end(struct world *w);

/* stdio.c: pipes for a process that was added */
/** @host: taken over. *@ret_guest: its ends, to be closed when it has them. */
struct stdio *stdio_add(struct world *w, int host[3], int ret_guest[3], struct err *e);
/** Close what nobody inside can reach any more, so that the outside sees the end. */
void stdio_sweep(struct world *w);
/** Let go what nobody inside can use any more. */
void stdio_release(struct world *w);
/** Pass on what our own code has said as the first process: why the program can't be executed. */
void stdio_last_words(struct world *w);
void stdio_end(struct world *w);

/* spin.c */
void spin_begin(struct world *w);
void spin_end(struct world *w);
/** It computes since it was left: that's its CPU time. */
void spin_charge(struct world *w, struct task *t);
/** Others go first. */
bool spin_until(struct world *w, struct task *t);
/** The wait for the running task was interrupted. True: by our own clock. */
bool spin_tick(struct world *w, struct task *t);
/**
 * In a stop between two instructions: is it in a spin loop? Then it is parked. Else *@st may be the
 * wait status of another stop, to which it came meanwhile.
 */
bool spin_look(struct world *w, struct task *t, int *st);

/* known.c */
struct known {
	struct walk_known known;
	const char **mounts;
	struct buf text;
};
/** For a manifest of the root: what needs no look, or else that it is remembered for the next one. 0 or -errno. */
int known_get(struct world *w, struct known *ret, struct manifest_opts *mo, struct err *e);
void known_drop(struct known *k);

/* procmounts.c */
/** The places in the container where something is mounted, without the first slash: in @text. 0 or -errno. */
int mounts_list(struct world *w, struct buf *text, const char ***ret, struct err *e);

/* seat.c */
/** At our own clock's tick, while @t computes. */
void seat_tick(struct world *w, const struct task *t);

/* text.c */
struct text {
	int mem;
	bool have, changed, failed;
	uint64_t page; /* where byte[] is from */
	uint8_t byte[4096];
};
/** 0, or -1: it can't be opened. To be closed, which says whether all was written. */
int text_open(struct world *w, struct task *t, struct text *x);
bool text_is(struct text *x, uint64_t at, const void *p, size_t n);
void text_put(struct text *x, uint64_t at, const void *p, size_t n);
bool text_close(struct text *x);

/* sys/net.c */
/** What the kernel has put off of the container's network traffic is done: docs/decisions/network-settles.md. */
void net_settle(struct world *w);

/* patch.c: CPUID and RDTSC without a stop, in the dynamic linker */
/** The CPUID at @at was met, with these in eax and ecx. */
void patch_learn_cpuid(struct world *w, struct task *t, uint64_t at, uint32_t leaf, uint32_t subleaf);
/** The RDTSC at @at was met. */
void patch_learn_rdtsc(struct world *w, struct task *t, uint64_t at);
/** A new program, before its first instruction. */
void patch_apply(struct world *w, struct task *t);

/* traps.c: CPUID where the CPU cannot fault on it */
struct exec_layout_out;
struct json_out;
/** The same. */
void traps_exec(struct world *w, struct task *t, const struct exec_layout_out *l);
/** mmap with @a has given @at: if that is code, it's seen to. */
void traps_map(struct world *w, struct task *t, const uint64_t a[6], uint64_t at);
/** The trap in place of the CPUID @at. False: there is none, or it can't be written to. */
bool traps_put(struct world *w, struct task *t, uint64_t at);
/** At a seccomp stop: true when the call was stopped for this alone, and is done. */
bool traps_call(struct world *w, struct task *t);
/** For host.json: as escapes, what was not seen to. */
void traps_tell(struct world *w, struct json_out *j);
void traps_end(struct world *w);

/* dormant.c: code with CPUID that a program without a linker has mapped */
/** In mmap's exit stop: the page with the CPUID @at can't be executed; @prot is what it would be. False:
 * it has to be seen to now. */
bool dormant_lay(struct task *t, uint64_t at, uint64_t prot);
/** Something else is mapped there now; or it is to be made code again: the traps are put there. */
void dormant_forget(struct world *w, struct task *t, uint64_t lo, uint64_t len);
void dormant_put(struct world *w, struct task *t, uint64_t lo, uint64_t len);
/** A fault at @at, that couldn't be executed: true if that was all, and it can be now. */
bool dormant_wake(struct world *w, struct task *t, uint64_t at);
void dormant_copy(struct mm *to, const struct mm *from);
/** The first page from @lo on and below @hi that is dormant. */
bool dormant_next(const struct mm *mm, uint64_t lo, uint64_t hi, uint64_t *ret);

/* exec.c */
/** At PTRACE_EVENT_EXEC: canonical stack, CPU, no vDSO. */
int exec_setup(struct world *w, struct task *t);

/* exit.c: deaths */
/** The task's wait status came: @st from waitpid. */
void task_died(struct world *w, struct task *t, int st);
/** Process 1 dies of a fault of its own, in a stop for @sig. */
void init_faults(struct world *w, struct task *t, int sig);
/** The whole process (NULL: everybody) is being killed by the kernel: collect its tasks. */
void collect_dead(struct world *w, struct proc *p);
/** After a SIGKILL to @p (NULL: to many) by @self (NULL: that was its end): collect who got it. */
void collect_killed(struct world *w, struct proc *p, const struct task *self);
/** A process that ran was killed, by nobody inside. */
void killed_outside(struct world *w, struct proc *p);
/* @t is the last of init, and has begun to exit without a word: by the kernel's OOM killer, say. */
bool init_exits(struct world *w, const struct task *t);
/** The first process was killed; it is gone when all others are. */
bool init_killed(struct world *w);
/** It was, and nobody runs. */
void collect_init(struct world *w);
/** All wait: collect who was killed from outside meanwhile. */
void collect_outside(struct world *w);
/** After a SIGCONT: who is stopped and got it can run again. */
void collect_continued(struct world *w);
/** A thread that isn't the leader executes: collect the others. 0 when the exec stop has come. */
int collect_for_exec(struct world *w, struct task *t);

/* sys/ptrace.c */
/** wait4() for a task that the caller traces: *@ret is its result. */
bool ptrace_waits(struct call *c, long *ret);
/** Who it has attached to may go on. */
void ptrace_ended(struct world *w, const struct task *tracer);

/* timers (sys/timers.c, sys/timerfd) */
void timers_fire(struct world *w);
uint64_t timers_next(struct world *w);
/** When the world's clock reaches the next of @p's timers of CPU time, or limit, if it computes until then. */
uint64_t timers_cpu_next(const struct world *w, const struct proc *p);
void timers_fork(struct proc *parent, struct proc *child);
void timers_exec(struct proc *p);
void timers_exit(struct proc *p);
void timerfd_fire(struct world *w);
uint64_t timerfd_next_deadline(struct world *w);

/* sys/tty.c, where there are terminals (w->tty) */
/** Take over its master, before the guest runs. 0 or -errno. */
int tty_start(struct world *w, int master, struct err *e);
/** Now and then while tasks run: has the caller typed something? */
void tty_look(struct world *w);
/** The running task computes, and was interrupted: look at the next turn. */
void tty_soon(struct world *w);
/** All tasks wait: has somebody typed something? */
bool tty_idle(struct world *w);
/** Where it is typed, into @p (or NULL); how many: those of which nothing more will come are not. */
struct pollfd;
size_t tty_outside(struct world *w, struct pollfd *p);
/** The terminal of a process that was added; its descriptors are taken over. 0 or -errno. */
struct tty_new {
	int master, from, to;
	uint32_t nr;
	pid_t owner;
	unsigned rows, cols;
};
int tty_add(struct world *w, const struct tty_new *n, struct err *e);
/** @owner is gone, and its terminal with it. */
void tty_left(struct world *w, pid_t owner);
void tty_end(struct world *w);

/* sys/netwatch.c, where the network is shared with the outside */
/** All wait: what tells that one of the guest's sockets has news (readable), or -1. */
int net_outside(struct world *w);
/** It has told: from now on for what comes next. */
void net_heard(struct world *w);

/* sys/watch.c */
/** Before those that wait are tried: who of those that are watched has news? */
void watch_look(struct world *w);
/** Nobody can ever go on: are they tried once more, all of them? */
bool watch_doubt(struct world *w);

/* sys/futex.c */
/** Before its exit, while its memory is there: which locks does it hold? */
void futex_dying(struct world *w, struct task *t);
/** It is gone: wake who waits for it or for its locks. */
void futex_exit(struct world *w, struct task *t);
/* sys/io.c: forget what descriptors are; a number gets another meaning only in a trapped call */
void rw_cache_drop(struct world *w);

/* random.c */
void task_random_free(struct task *t);

/* inode.c: as inode_manifest_view(), and takes over the image's ownership (the first walk) */
void inode_seed_view(void *ctx, const char *path, struct stat *st);

/* table.c */
struct filter_row;
size_t sys_filter_rows(struct filter_row *ret, size_t max);
void sys_filter_notify(struct filter_row *rows, size_t n, bool ours);
/** Where the CPU cannot fault on CPUID: what may make code is trapped, too. */
void sys_filter_code(struct filter_row *rows, size_t n);

/* bundle.c */
int bundle_begin(struct world *w, struct err *e);
int bundle_end(struct world *w, struct err *e);
int shell_status(int st); /* of a wait status: code, or 128 + signal */

#endif
