/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syscall rows and what their handlers see. Everything known of a syscall is its row, below its
 * handlers in its family's file under shim/sys/. docs/adding-a-syscall.md walks through one.
 *
 * enter() decides. It returns the guest's result (emulated, the kernel never runs the call), or one
 * of the verdicts below: call_run(), call_run_leave(), call_block().
 * leave() sees the kernel's result in c->ret and may change it and the staged outputs.
 */
#ifndef DETRUN_SYS_H
#define DETRUN_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "shim/decode.h"
#include "shim/trace/trace.h"

struct world;
struct task;
struct call;

enum policy {
	PASS,	 /* not trapped, not recorded; with an enter(): trapped, but not recorded */
	OBSERVE, /* the kernel runs it, result and outputs are recorded */
	FIXUP,	 /* the kernel runs it, leave() normalises, then as OBSERVE */
	EMULATE, /* enter() answers */
	INPUT,	 /* from outside: recorded in full, replayed from the trace */
	DENY,	 /* never runs: -row.err */
	BY_FD,	 /* decided by what the descriptor is: rows in .sub */
	BY_SUB,	 /* decided by a command argument: rows in .sub, keyed by .sub_arg */
};

enum arg_kind {
	A_NONE = 0,
	A_INT,	   /* signed */
	A_UINT,	   /* flags, masks, sizes */
	A_PTR,	   /* an address as such */
	A_FD,	   /* file descriptor */
	A_PATH,	   /* NUL-terminated string, input */
	A_IN,	   /* input bytes: .size, or the value of argument .len */
	A_OUT,	   /* output bytes: .size, or at most the value of argument .len */
	A_OUT_RES, /* output bytes, as many as the result says */
	A_HIDE,	   /* not in the trace: an address that is not deterministic, or noise */
};

struct arg {
	const char *name;
	uint8_t kind; /* enum arg_kind */
	int8_t len;   /* A_IN, A_OUT: index of the argument that holds the length, or -1: .size */
	uint32_t size; /* with .len, or A_OUT_RES: bytes of one element, 0 counts as 1 */
	/* for printing */
	const struct flag_name *flags; /* names of bits or values; ends with NULL name */
	const struct decoder *as;
	uint8_t with; /* only when argument .with has one of .with_bits (a mode, with O_CREAT) */
	uint64_t with_bits;
};

#define INT(n) { #n, A_INT, -1, 0, NULL }
#define UINT(n) { #n, A_UINT, -1, 0, NULL }
#define FLAGS(n, names) { #n, A_UINT, -1, 0, names }
#define PTR(n) { #n, A_PTR, -1, 0, NULL }
#define FD(n) { #n, A_FD, -1, 0, NULL }
#define PATH(n) { #n, A_PATH, -1, 0, NULL }
#define IN_BUF(n, lenarg) { #n, A_IN, lenarg, 0, NULL }
#define IN_STRUCT(n, size) { #n, A_IN, -1, size, NULL }
#define OUT_BUF(n, lenarg) { #n, A_OUT, lenarg, 0, NULL }
#define OUT_STRUCT(n, size) { #n, A_OUT, -1, size, NULL }
#define OUT_RES(n) { #n, A_OUT_RES, -1, 0, NULL }
/* The same, of a type that decode.h knows: dec_##type. */
#define INT_AS(n, type) { #n, A_INT, -1, 0, NULL, &dec_##type }
#define UINT_AS(n, type) { #n, A_UINT, -1, 0, NULL, &dec_##type }
#define INT_OF(n, names) { #n, A_INT, -1, 0, names }
#define IN_AS(n, size, type) { #n, A_IN, -1, size, NULL, &dec_##type }
#define OUT_AS(n, size, type) { #n, A_OUT, -1, size, NULL, &dec_##type }
#define IN_BUF_AS(n, lenarg, type) { #n, A_IN, lenarg, 0, NULL, &dec_##type }
#define OUT_ARRAY(n, countarg, size, type) { #n, A_OUT, countarg, size, NULL, &dec_##type }
#define OUT_RES_AS(n, size, type) { #n, A_OUT_RES, -1, size, NULL, &dec_##type }
/* A mode_t that counts only when argument @flagsarg has O_CREAT or O_TMPFILE. */
#define CREAT_MODE(n, flagsarg) \
	{ #n, A_UINT, -1, 0, NULL, &dec_mode, flagsarg, 0100 | 020000000 }
#define HIDE(n) { #n, A_HIDE, -1, 0, NULL }

enum row_flags {
	MAY_BLOCK = 1, /* enter() may answer call_block() */
	LOCAL = 2,     /* needs only the world page and its arguments */
	QUIET = 4,     /* handled, but not in the trace (restartable noise); DENY: not even trapped */
	NOTED = 8,     /* DENY: a NOTE event names it once per task */
	CACHE_KEEP = 16, /* gives no descriptor another meaning: see rw_cache_drop() */
	INTR_LEAVE = 32, /* leave() runs when a signal ends the wait: c->ret is the restart code */
	/*
	 * enter() looks at arguments and memory, not at registers, and mostly answers: it is served by
	 * a seccomp notification, which costs half of a ptrace stop. At most five arguments.
	 */
	NOTIFY = 64,
	NOTIFY_OURS = 128, /* the same where the supervisor looks paths up itself */
	CODE = 512, /* its third argument may make memory code: see traps.c */
	MEASURES = 256, /* asks for the time, or may come between two such questions: see vclock.c */
};

struct row {
	const char *name;
	int nr; /* BY_SUB's sub-rows: the command's value */
	enum policy policy;
	struct arg arg[6];
	long (*enter)(struct call *c);
	void (*leave)(struct call *c);
	const char *why;
	unsigned flags;
	int err; /* DENY: errno, default ENOSYS */
	const struct row *sub;
	unsigned nsub, sub_arg;
	/* not even trapped when (a[pass_arg] & pass_mask) == pass_value; pass_mask 0 = no such test */
	uint64_t pass_mask, pass_value;
	unsigned pass_arg;
	/* NOTIFY only when (a[quick_arg] & quick_mask) == quick_value, in 32 bits */
	uint32_t quick_mask, quick_value;
	unsigned quick_arg;
};

#define SYS(n, number) .name = #n, .nr = (number)
#define SUB(n, value) .name = #n, .nr = (int) (value)

enum verdict { V_DONE, V_RUN, V_LEAVE, V_BLOCK };

enum wait_kind {
	W_NONE,
	W_CHILD,  /* a child of the process changed state */
	W_FUTEX,  /* FUTEX_WAKE on key1 (mm or inode), key2 (address or offset) */
	W_IO,	  /* a descriptor may have become ready: tried again whenever another task ran */
	W_TIME,	  /* only the deadline */
	W_VFORK,  /* the child has executed or exited */
	W_SIGNAL, /* only a signal (pause, sigsuspend, sigwait) */
	W_INPUT,  /* an external input: key1 = host descriptor, or NO_INPUT: a terminal's */
};

#define NO_DEADLINE UINT64_MAX
#define NO_INPUT UINT64_MAX

struct wait {
	enum wait_kind kind;
	uint64_t key1, key2;
	uint64_t deadline; /* virtual ns since 1970, or NO_DEADLINE */
	uint32_t mask;	   /* futex bitset */
	int intr;	   /* what an interrupting signal makes of it: -ERESTARTSYS etc. */
	uint64_t watched;  /* W_IO: the inode that is read, if the kernel says when: see watch.c */
	bool news;	   /* it has said so */
};

enum { RESTARTSYS = -512, RESTARTNOINTR = -513, RESTARTNOHAND = -514, RESTART_BLOCK = -516 };

struct staged {
	void *p;
	size_t n;
	bool write; /* copy to the guest when the call is done */
	bool set;
	uint64_t at; /* guest address, normally a[i] */
};

struct call {
	struct world *w;
	struct task *t;
	const struct row *row; /* the one that serves it (a sub-row after BY_FD, BY_SUB) */
	uint32_t nr;
	uint64_t a[6]; /* as the guest gave them */
	uint64_t k[6]; /* as the kernel gets them; changed with call_karg() */
	bool karg;     /* k differs from a: registers are restored at the exit stop */
	bool again;    /* tried again after a block: no new event, no new time step */
	bool timed_out; /* .again because the deadline passed */
	bool leaving;
	bool quiet;	/* this one call is not to be recorded */
	bool gone;	/* it was killed while it was served, and has no memory: its death is what comes next */
	bool has_mask;	/* .mask is the signal mask while it waits: see call_sigmask() */
	uint64_t mask;
	enum verdict verdict;
	long ret;
	struct wait wait;
	unsigned tries; /* since it was parked, in vain */
	struct staged out[8]; /* by argument; 6 and 7 are free for extra outputs (set .at) */
	const char *path[6];  /* strings read so far, by argument */
	uint64_t scratch[4];  /* between enter and leave, and between tries */
};

/* Verdicts. */
static inline long call_run(struct call *c)
{
	c->verdict = V_RUN;
	return 0;
}

static inline long call_run_leave(struct call *c)
{
	c->verdict = V_LEAVE;
	return 0;
}

/** Park the task. enter() is called again, c->again set, when the condition may hold. */
long call_block(struct call *c, struct wait w);

/** Give the kernel another argument; implies call_run_leave(). */
static inline void call_karg(struct call *c, unsigned i, uint64_t v)
{
	c->k[i] = v;
	c->karg = true;
}

/**
 * Stage @n zeroed output bytes for argument @i: copied out and recorded when the call is done.
 * NULL when the guest's pointer is NULL or not writable there (answer -EFAULT).
 */
void *out(struct call *c, unsigned i, size_t n);
/** In leave(): the output bytes as the kernel wrote them, staged for change; NULL: -EFAULT. */
void *fix(struct call *c, unsigned i, size_t n);
/** Copy @n input bytes of argument @i; NULL: -EFAULT. Valid until the call ends. */
const void *in(struct call *c, unsigned i, size_t n);
/** Copy @n bytes at @addr into @p. 0 or -EFAULT. */
long in_at(struct call *c, uint64_t addr, void *p, size_t n);
long out_at(struct call *c, uint64_t addr, const void *p, size_t n);
/** String argument @i; *ret valid until the call ends. 0, -EFAULT or -ENAMETOOLONG (PATH_MAX). */
long in_path(struct call *c, unsigned i, const char **ret);
/** String at any address, at most @max bytes. */
long in_str(struct call *c, uint64_t addr, size_t max, const char **ret);
/** Memory that lives until the call ends. Never NULL (dies). */
void *call_mem(struct call *c, size_t n);

/**
 * A duplicate of the guest's descriptor (pidfd_getfd(2)): sharing its description: offset, flags.
 * Close it before the handler returns: it would keep a pipe open. fd or -EBADF.
 */
int call_getfd(struct call *c, int fd);

/**
 * Where a path argument starts from, for calls the supervisor makes itself: *ret_fd is a directory
 * fd of ours (owned by the callee's cache; don't close) or AT_FDCWD for absolute paths.
 * 0 or -errno (the guest's result).
 */
long call_dirfd(struct call *c, int guest_dirfd, const char *path, int *ret_fd);

/** A NOTE event: something the reader of the trace should know. */
void call_note(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** The row of a number, never NULL (unknown numbers share one: ENOSYS and a note). */
const struct row *sys_row(uint32_t nr);
/** All rows, family after family, for the table's checks, docs and digest. */
size_t sys_rows(const struct row *const **ret);
/** SHA-256 over the canonical text of the table. */
void sys_digest(uint8_t ret[32]);
const struct event_names *sys_event_names(void);
const struct event_names *sys_event_names_full(void); /* structs with all their fields */

/* A family: its rows. The list of families is in table.c. */
struct family {
	const char *name;
	const char *title;
	const struct row *rows;
	size_t n;
};
#define FAMILY(id, text) \
	const struct family family_##id = { #id, text, rows, sizeof rows / sizeof rows[0] }

#endif
