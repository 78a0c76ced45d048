/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's own world: clock, random streams, inodes, tasks. No file of it is static; all of
 * it is reached from one struct world.
 */
#ifndef DETRUN_WORLD_H
#define DETRUN_WORLD_H

#include <limits.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/user.h>
#include <time.h>

#include "rootfs/found.h"
#include "runtime/base/buf.h"
#include "runtime/base/map.h"
#include "shim/cpu.h"
#include "shim/exec_layout.h"
#include "shim/seat.h"
#include "shim/shim.h"
#include "shim/sys.h"

#define NSEC 1000000000ull
/*
 * The clock's step per event: near what real programs take between two. A prime, so that a loop of
 * a few calls does not meet the edges of milliseconds and ticks at the same call each time: programs
 * that look for the resolution of a clock (mariadbd) would wait for an edge between the other two.
 */
#define STEP_NS 10007
/*
 * And its step when a task asks for its CPU time: it has computed since. Nothing tells how long, but
 * a loop for 90 s of CPU time (lz4's tests) must not go round nine million times.
 */
#define CPU_STEP_NS 2000003
/*
 * Memory that is asked for will be filled, a nanosecond for a byte: what has more to do takes longer.
 * Programs double their input until it takes long enough to be measured (grep's tests).
 */
#define FILL_NS_MAX (1 << 30)

/* ---- tasks ---- */

enum task_state {
	T_READY,   /* may run: resume as .how says */
	T_RUNNING, /* has the token */
	T_BLOCKED, /* parked in a stop, waits for .c.wait */
	T_STOPPED, /* job control */
	T_GONE,	   /* leader that has exited while threads live */
};

enum task_at { STOP_OTHER, STOP_ENTRY, STOP_EXIT }; /* which kind of ptrace stop it is parked in */

struct mm { /* an address space */
	int refs;
	uint64_t id;
	uint64_t linker; /* where the dynamic linker was loaded, 0 = there is none */
	struct room {	   /* see sys/room.c */
		uint64_t top;	/* the next mapping ends here, 0 = the default */
		uint64_t clear; /* nothing is mapped from here up to there */
	} room, room_32;
	bool shares;	   /* there may be shared mappings in it */
	struct dormant {
		uint64_t at, prot; /* a CPUID, and what its page shall be again */
		uint64_t insn;	   /* a `syscall` instruction */
	} *dormant; /* see dormant.c */
	size_t ndormant;
	uint8_t auxv[AUXV_LEN]; /* as it was given to the program */
};

struct fsctx { /* cwd and root: what CLONE_FS shares */
	int refs;
	int cwd; /* O_PATH fd of ours, or -1: not looked up yet */
	bool chrooted; /* absolute paths don't start where ours do */
};

struct itimer {
	uint64_t deadline; /* NO_DEADLINE: not armed */
	uint64_t interval;
};

struct sched_state { /* what a task was told of scheduling; all zero at start, kept by fork */
	uint64_t cpus; /* affinity, 0 = all */
	uint64_t slack; /* timer slack, 0 = the default */
	int nice, policy, prio, ioprio;
};

struct caps { /* bits by number */
	uint64_t effective, permitted, inheritable;
};

struct ids { /* virtual credentials, when world.o->virtual_ids */
	uint32_t ruid, euid, suid, fsuid, rgid, egid, sgid, fsgid;
	unsigned ngroups;
	uint32_t groups[64];
	bool has_caps; /* .caps counts; else root has them all, others none */
	bool keep_caps;
	struct caps caps;
};

struct proc_attrs { /* what a process was told and its children inherit; all zero at start */
	uint32_t personality;
	bool not_dumpable;   /* PR_SET_DUMPABLE 0 */
	bool tsc_off;	     /* PR_SET_TSC PR_TSC_SIGSEGV */
	bool no_new_privs;
	uint64_t bounding, inheritable; /* as in struct shim_attrs */
	uint32_t rlim_set;   /* bits: limits that are ours and were set */
	struct { uint64_t cur, max; } rlim[16];
};

struct proc { /* a thread group */
	pid_t pid;   /* host pid of the leader */
	int nthreads;
	struct task *threads, **threads_tail; /* in order of birth */
	struct proc *parent; /* NULL: not in the container */
	struct proc *children;
	struct proc *sibling, **sibling_link;
	bool had_children;
	bool subreaper; /* PR_SET_CHILD_SUBREAPER */
	struct itimer itimer[3];
	struct posix_timers *timers;
	struct ids ids;
	uint64_t cpu, cpu_children; /* virtual CPU time in ns; of children waited for */
	struct proc_attrs attr;
	struct vcgroup *cgroup; /* sys/cgroupfs.c; NULL: the top */
	uint64_t asked_elsewhere; /* for the time, of several threads, and from another place than before */
	bool dying;	    /* exit_group or a fatal signal: its threads are going */
	struct proc *next, **link; /* list of all */
};

struct futex_wait { /* a place in the ring of who waits for a futex */
	struct task *t;
	uint64_t key1, key2, seq; /* .seq: order of arrival */
	uint32_t mask;
	struct futex_wait *next, *prev; /* NULL: in none */
};

struct task {
	pid_t pid;     /* host tid */
	pid_t vtid;    /* in the container, 0 = not known yet: use task_vtid() */
	int pidfd;     /* for pidfd_getfd, -1 = not opened yet */
	uint32_t nr;   /* virtual task number, 1 = init, by order of birth */
	struct proc *proc;
	struct mm *mm;
	struct fsctx *fs;
	enum task_state state;
	enum task_at at;
	bool setup;    /* still our own code before the first exec: nothing is emulated */
	bool quiet;    /* our own stand-in for init: nothing is recorded */
	bool sigcheck; /* a signal may be pending: look before the next wait is trusted */
	bool in_exec;	  /* execve is under way */
	bool leader_exit; /* the leader exits while threads live: it is reported after them */
	bool held;	 /* signals are blocked while it makes its call again; then .blocked are */
	uint64_t blocked;
	int interrupted; /* restart code to set at the exit stop of a cancelled call, 0 = none */
	bool retrying; /* .c is being run again by the kernel, from .retry_ip - 2 */
	uint64_t retry_ip;
	uint64_t tried, runs; /* W_IO: world.turn at its last try, .spin.runs before it */
	struct futex_wait queued; /* at the futex of .c.wait */
	struct futex_wait *places; /* else at these, by futex_waitv */
	unsigned nplaces, woken_at; /* which of them it was woken at */
	bool notifies;	 /* its calls may come as notifications */
	uint64_t notice; /* its call came as a notification, not yet answered: that one's id */
	bool go_on;	 /* the answer will be: let the kernel run it */
	bool undone;	 /* it came so and was taken back: the task is in a stop behind it */
	enum { RERUN_NO, RERUN_RUN, RERUN_LEAVE, RERUN_PARK } rerun; /* it is made once more, for the kernel */
	uint64_t r9;	 /* the guest's, meanwhile */
	bool marked;	 /* parked in a ptrace stop that only the mark in r9 has led to */
	int late;	 /* wait status that came instead of the expected stop */
	bool reaped;	 /* it has ended with .death, and is to be seen off in its turn */
	int death;
	bool loose;	 /* it was not stopped when it was seized, and needs no resume */
	int how;       /* PTRACE_CONT or PTRACE_SYSCALL, for the next resume */
	int sig;       /* signal to inject at the next resume */
	/* RESULT: rax, and orig_rax at a call's entry; ARGS: all up to rip */
	enum { REGS_CLEAN, REGS_RESULT, REGS_ARGS, REGS_ALL } regs_dirty;
	struct user_regs_struct regs;
	struct call c;
	struct task *vfork_child;  /* waits for it */
	struct task *vfork_parent; /* waits for this one */
	uint64_t *robust;	  /* futexes (two keys each) of the locks that it held at its exit */
	size_t nrobust;
	uint64_t clear_tid;	  /* CLONE_CHILD_CLEARTID address: a futex to wake at exit */
	uint64_t slice;		  /* trapped calls since it got the token */
	uint64_t calls, gave_way; /* all of them; how many were spent on letting others go first */
	uint64_t asked_sp[2], looped; /* from where, lately; how often from there */
	uint64_t asked, times_ns; /* questions for the time, one after the other; the next times()'s price */
	/* of several threads: how long it computes before the next one; begun when, until when; how often so far */
	struct owes { uint64_t ns, since, until, paid; } owes;
	bool computes;		  /* it may, from here on: to be looked at */
	bool look;		  /* interrupted to be looked at: see spin.c */
	bool spins;		  /* it waits for memory to change */
	bool parked;		  /* … until somebody else has run */
	uint64_t period, rest;	  /* steps of its loop; a long one is not looked at before then */
	uint64_t stops;		  /* its calls */
	struct {
		uint64_t stops, cpu, since; /* a look at it: .stops, CPU time spent, virtual now */
		bool counts;	  /* that's all it does */
		uint64_t look_at; /* … or to be found out when so much CPU time is spent */
	} calm;
	struct task *tracer;	  /* inside: it waits for that one to let it go */
	bool told;		  /* and has been told of */
	bool traces;		  /* others have this one for theirs, or had */
	uint64_t until, left;	  /* it computes without end, since: others go first until then */
	struct prng *rng;
	uint32_t denied[16];	  /* bitmap: DENY notes given */
	uint64_t cpu;		  /* virtual CPU time in ns */
	struct sched_state sched;
	uint64_t sleep_sp;	  /* of the call that .sleep_until is for */
	uint32_t sleep_nr;
	uint64_t sleep_until;	  /* a relative sleep that a signal without handler interrupted */
	struct task *next, **link; /* list of all, in order of birth */
	struct task *next_thread, **thread_link; /* of its process */
};

/* ---- inodes ---- */

struct inode_key {
	dev_t dev;
	ino_t ino;
};

struct vinode {
	struct inode_key key, alias; /* in the map; .alias.ino 0: it has one number only, as far as known */
	uint64_t ino; /* virtual number, by order of first sight */
	uint64_t atime, mtime, ctime, btime; /* ns since 1970 */
	uint32_t uid, gid, mode;
	uint64_t rdev;
	uint32_t links, names; /* at the start: those it had, and those of them below the root */
	bool has_owner; /* uid, gid, mode, rdev are ours, not the disk's */
	bool touched;	/* times are ours (written or made inside), not the input's */
	bool dated;	/* a Python source: what is known of its time is in .mtime */
	bool proc;	/* a file of ours in the place of procfs's: .mode is that one's */
	bool nameless;	/* its last name is gone, or it never had one */
	bool missed;	/* … and nobody had it open the last time: see sweep.c */
	bool own;	/* its number on disk is that of a file of its own, not of the image's any more */
	uint16_t dev;	/* minor number of the mount where it was seen first, 0: not known yet */
};

#define INODE_DEVS 32

struct inodes {
	struct map map; /* (st_dev, st_ino) -> struct vinode * */
	uint64_t next, next_proc; /* numbers given: on disk, in procfs */
	size_t gone, left;	  /* that have no name: about how many, after the last sweep */
	uint64_t newest;	  /* latest time of an input, with .keep_times */
	bool touched;		  /* one of them at least */
	bool looked;		  /* what follows is known */
	/* st_dev of the root, the overlay's upper layer, and of what has no path */
	dev_t root, upper, pipe, sock, anon;
	dev_t input[INODE_DEVS];  /* mounts that are not the root file system's own */
	unsigned ninput;
};

/* ---- the world ---- */

enum fd_kind {
	FK_REG, FK_DIR, FK_PIPE, FK_SOCK, FK_NULL, FK_ZERO, FK_FULL, FK_RANDOM, FK_TTY, FK_EVENT,
	FK_TIMER, FK_SIGNAL, FK_EPOLL, FK_INOTIFY, FK_PROC, FK_CGROUP, FK_STDIN, FK_STDOUT, FK_STDERR, FK_OTHER,
};

/* CPUID and RDTSC in the dynamic linker's code, by the first program that had it: see patch.c */
struct insn_site {
	uint32_t at;	/* from its base: the instructions before */
	uint8_t before; /* their length */
	enum { SITE_LEAF, SITE_STORE, SITE_RDTSC } kind;
	uint8_t code[10];
	uint32_t leaf, subleaf;
};

struct insn_sites {
	unsigned n;
	struct insn_site site[32];
	uint64_t text, room; /* from its base: where its code begins, unused bytes at the end */
	size_t room_len;
};

struct tracee_ops {
	/** Bytes copied, or -errno. */
	ssize_t (*read)(struct task *t, uint64_t addr, void *p, size_t n);
	ssize_t (*write)(struct task *t, uint64_t addr, const void *p, size_t n);
	int (*getfd)(struct task *t, int fd);
	/** Give the guest whose call is a notification our @fd: its number there, or -errno. */
	int (*addfd)(struct task *t, int fd, bool cloexec);
};

/* What a program from outside has as 0, 1, 2: pipes whose other ends are here. */
struct stdio {
	uint32_t nr;  /* which of them: part of an external input's name */
	int host[3];  /* outside, or -1 */
	int pipes[3]; /* our ends, or -1 */
	bool released[3]; /* .host leads nowhere */
	bool is[3];   /* the guest's end is a pipe, as .st says */
	struct stat st[3];
	struct buf in; /* read from outside, not yet given to the guest */
	bool eof;
	bool token; /* a byte in the guest's pipe says "readable" */
	bool epoll; /* it was put into an epoll */
	struct stdio *next;
};

struct world {
	const struct tracee_ops *ops;
	const struct shim_opts *o;
	const struct cpu_model *cpu;

	uint64_t now, start; /* virtual ns since 1970 */
	uint64_t ahead;	     /* how far the outside has set the clock ahead of it, ns */
	bool clock_set;	     /* or can't any more */
	char nodename[65], domainname[65]; /* set inside; nodename "" = .o->hostname */
	uint8_t key[32];     /* of the random streams */
	struct inodes ino;
	struct pyc_dir *pyc;
	struct map dirs;     /* (dev, ino) -> struct dirlist *, directories being read */

	struct task *tasks, **tasks_tail;
	struct task *cur; /* has the token */
	uint32_t lap; /* who was there when all had last been asked whether they can run: up to that number */
	struct task *after; /* no .cur: who comes after the one that had it, and is gone */
	unsigned nstopped; /* in T_STOPPED */
	struct map futexes; /* (key1, key2) -> struct futex_wait *, who waits longest: see sched.c */
	struct task *init;
	struct proc *procs;
	struct map by_pid; /* host tid -> struct task * */
	struct map by_vtid; /* the same by the number inside, where it is known */
	unsigned unnumbered; /* tasks of which it isn't */
	struct map gone;   /* pids inside of processes that were added, and have ended */
	uint32_t next_task;
	uint64_t next_mm;
	uint64_t next_futex; /* order of arrival */
	uint64_t timer_due;  /* earliest armed interval or posix timer, NO_DEADLINE = none */

	struct trace_writer *tw;	 /* NULL: no trace is kept */
	struct trace_reader *expect; /* replay */
	struct shim_result *result;
	uint64_t nevents;    /* so far, the start among them */
	uint64_t last_vtime; /* of the last event */
	uint64_t nstops; /* for the debug log */
	uint64_t turn;	 /* counts turns of the run token */
	struct {
		uint64_t at_ms, did; /* the last look at who computes, and what it had done */
		uint32_t task;
		unsigned looks, look_at; /* at who computes, since it did something */
		uint64_t runs; /* counts resumes: what could have changed memory */
		timer_t timer;
		bool ticking;
		volatile sig_atomic_t ticked; /* else what ends a wait is a poke */
	} spin;
	struct seat seat;
	bool seat_new; /* taken at the last tick */
	bool init_going; /* init is exiting: the kernel ends everybody */
	int init_fault;	 /* of this signal, and we are not its tracer any more; 0 = no */
	pid_t killer;	 /* host tid of who sends SIGKILL to itself and others, 0 = nobody */

	struct map mounts; /* host's mount id -> struct mount_view as a number: procmounts.c */
	struct map mount_sizes; /* fsid of a tmpfs with a size -> how many blocks */
	struct map mount_devs; /* the same by host's device, of the first that is on it */
	dev_t cgroup_dev; /* of what stands in for cgroups, 0 = nothing */
	ino_t cgroup_ino;
	uint64_t cgroup_fsid;
	const char *cgroup_at; /* where it is mounted */
	int cgroup_fd;	       /* its top */
	struct vcgroup *cgroups;
	struct map suid_mounts; /* by id: those that had no nosuid before ours */
	dev_t proc_dev; /* st_dev of the container's /proc, 0 = none */
	struct stdio std; /* of the first program; .next: of those that were added */
	uint32_t next_stdio;
	int settler; /* a socket of ours, or -1: net_settle() */
	int self_root; /* O_PATH fd of the container's root */
	int listed;    /* … of what a manifest is made of */
	struct statx self_exe;
	int host_proc; /* the procfs that shows the guest's tasks by the numbers we know */
	int listener;  /* of seccomp notifications, or -1: all calls are ptrace stops */
	struct seccomp_notif note; /* the last one */
	struct task *noticed;	   /* who has not been answered, or NULL */
	int dirfd_tmp; /* call_dirfd()'s duplicate of a guest's directory, or -1 */
	uint64_t stack_end; /* without randomisation the same for every program */
	bool cpu_faults; /* CPUID can be trapped here */
	struct map code; /* else: (st_dev, st_ino) of a file -> struct known_code *, see traps.c */
	struct {
		uint64_t made, files; /* mappings of code that no file has, or a file that can't be read */
	} unseen;
	struct insn_sites insns;
	uint64_t vdso_syscall; /* offset of a syscall instruction in the vDSO */
	size_t vdso_lo, vdso_len; /* what to unmap: from vDSO - lo, so many bytes */

	char *arena; /* call_mem() */
	size_t arena_n, arena_cap;
	struct buf big; /* transfer buffer */
	struct io_state *io; /* sys/io.h */
	struct tty *tty; /* sys/tty.c: the container's terminals, or NULL */
	struct control *control; /* control.c, or NULL: nobody can ask for anything */
	struct {
		uint64_t read, names, unread, closed; /* bytes, files, of them not read, directories: lent.c */
	} lent;
	struct digest_memo *digests; /* of the manifest before, for the one after */
	struct found found; /* the image's files, of the same */

	struct buf exec_argv, exec_env; /* of the execve under way */
	char exec_path[4096];

	bool async; /* a descriptor's events are sent as a signal to somebody */
	int status;   /* init's wait status */
	bool done, fatal;
	struct err err; /* why the run can't go on */
};

/* clock.c */
void world_step(struct world *w); /* one event's time */
/** Before anything runs: the clock starts at @ns, unless that is past. */
void world_start_at(struct world *w, uint64_t ns);
void world_compute(struct world *w, uint64_t ns); /* what a task seems to compute for */
void world_computed(struct task *t, uint64_t ns); /* it did, while the clock went on */
uint64_t world_real(const struct world *w); /* CLOCK_REALTIME: ns since 1970 */
uint64_t world_mono(const struct world *w); /* CLOCK_MONOTONIC: ns since the start, plus a boot offset */
/** A clock that counts from the boot, as the container's time namespace shows it. */
uint64_t world_clock(const struct world *w, int id);
#define BOOT_OFFSET (100 * NSEC) /* uptime when the container starts */

/* random.c: the task's own ChaCha20 stream */
void task_random(struct task *t, struct world *w, void *p, size_t n);

/* inode.c */
/** The inode of a real stat, made on first sight. */
struct vinode *inode_of(struct world *w, const struct stat *st);
struct vinode *inode_peek(struct world *w, dev_t dev, ino_t ino); /* NULL: not seen yet */
/** Forget it: nobody can come to it any more. */
void inode_drop(struct world *w, dev_t dev, ino_t ino);
/** One of its names is gone; @st: before that. */
void inode_unnamed(struct world *w, const struct stat *st);
/** sweep.c: between calls, when many have no name: forget those that nobody can come to. */
#define SWEEP_AT 8192 /* more than the last time */
void inode_sweep(struct world *w);
/** Made inside, now: all its times are now. */
struct vinode *inode_born(struct world *w, const struct stat *st);
void inode_modified(struct world *w, struct vinode *v); /* mtime and ctime = now */
void inode_changed(struct world *w, struct vinode *v);	 /* ctime = now */
/**
 * @st is the same file by another number: overlayfs shows a file that it has copied up by the one below
 * for as long as it remembers, then, and by other names, by the one above. It replaces the last such one.
 */
void inode_alias(struct world *w, struct vinode *v, dev_t dev, ino_t ino);
/** All but its numbers on disk. */
void inode_copy(struct vinode *to, const struct vinode *from);
/** An input file's, not numbered yet if it is new. */
struct vinode *inode_input(struct world *w, const struct stat *st);
/** Everything of @st as the guest may see it. */
void inode_view(struct world *w, struct stat *st);
/* pyc.c: may the file @path, of the input, have a time that its compiled module knows? */
bool pyc_undated(struct world *w, const char *path, const struct stat *st);
/** Where that is: the directory beside it. 0 or -ENAMETOOLONG. */
int pyc_cache(const char *path, char ret[PATH_MAX]);
/** Settle it, once for ever. @cache: that directory, or -1; not closed. @st: the disk's. */
void pyc_date(struct world *w, int cache, const char *path, const struct stat *st);
/** rootfs_view_fn: as the manifests and the outputs show it. ctx = struct world *. */
void inode_manifest_view(void *ctx, const char *path, struct stat *st);

/* sys/cgroupfs.c */
/** Move a process to one of the container's own cgroups. */
void vcgroup_move(struct world *w, struct proc *p, struct vcgroup *to);
/**
 * A process has come from outside: to the top, or where that hands controllers on, and so has no
 * processes of its own, to the first one's.
 */
void vcgroup_added(struct world *w, struct proc *p);
/** As /proc/PID/cgroup has it; @p may be NULL. */
const char *vcgroup_path(const struct proc *p);
void vcgroups_free(struct world *w);

/* lent.c */
/** Before a manifest: nothing of what the host lends has been read. */
void lent_begin(struct world *w);
/** manifest_opts.unread: whether the file is too much of it. ctx = struct world *. */
bool lent_unread(void *ctx, const char *path, const struct stat *st);
/** manifest_opts.closed: whether what is in the directory is. */
bool lent_closed(void *ctx, const char *path, const struct stat *st);
/** manifest_opts.passed: whether what can't be read is the host's, whose files may be as they are. */
bool lent_passed(void *ctx, const char *path, int error);

/* fd.c */
/** What the guest's descriptor is; *ret_st (may be NULL) its real stat. -EBADF. */
int fd_kind(struct call *c, int fd, struct stat *ret_st);
int fd_kind_of(struct world *w, int hostfd, struct stat *ret_st);
/** Whose standard input, output or error the pipe is; NULL: nobody's. */
struct stdio *stdio_of(struct world *w, const struct stat *st);

/* sched.c: waking */
void wake_children_waiters(struct world *w, struct proc *parent);
/** Who waits longest for the futex; then .next, until it is this one again. NULL: nobody. */
struct futex_wait *futex_waiter(struct world *w, uint64_t k1, uint64_t k2);
/** It has begun to wait for its .places, else the futex of .c.wait; or does no longer, if it did. */
void futex_join(struct world *w, struct task *t);
void futex_leave(struct world *w, struct task *t);
/** FUTEX_WAKE: up to @n waiters in order of arrival; returns how many. */
long wake_futex(struct world *w, uint64_t k1, uint64_t k2, uint32_t mask, long n);
long requeue_futex(struct world *w, uint64_t k1, uint64_t k2, uint64_t n1, uint64_t n2, long wake,
	long move);
/** Signals may have been sent to these: look at them before trusting their waits. */
void signals_sent(struct world *w, struct proc *p /* NULL: everybody */);
/** A signal of ours (timers): queued to the process as the kernel would. */
void world_signal(struct world *w, struct task *t, int sig, bool to_group);

/* task.c */
struct task *task_by_vpid(struct world *w, pid_t vpid); /* thread by its number inside */
struct proc *proc_by_vpid(struct world *w, pid_t vpid);
pid_t task_vtid(struct task *t);
pid_t task_vpgid(struct task *t); /* its process group's number inside */
/**
 * A session's number, as the kernel gives it. 0, from outside, is the supervisor's own under a door,
 * which the program shares.
 */
pid_t session_seen(const struct world *w, pid_t sid);

/** The run can't go on: remember why; the loop ends the container. */
void world_fatal(struct world *w, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
