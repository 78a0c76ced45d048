/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event of a run, as the engine hands it to the writer and the reader gives it back. Nothing in
 * it may come from the host: no host pid, inode, wall time or kernel version. docs/trace-format.md
 * has the bytes.
 */
#ifndef DETRUN_EVENT_H
#define DETRUN_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ev_kind {
	EV_START = 0,	/* event 0: val[0] = DATA sha256(header.json) */
	EV_SYSCALL = 1, /* .nr, arguments, result, outputs */
	EV_SIGNAL = 2,	/* .nr = signal number, delivered to .task; val: si_code, sender */
	EV_FORK = 3,	/* .task made task .res; .nr = the syscall; val[0] = clone flags */
	EV_EXEC = 4,	/* a new program runs in .task: val = path STR, argv DATA, environ DATA */
	EV_EXIT = 5,	/* .task ended; .res = wait status (exit code << 8 | signal) */
	EV_SCHED = 6,	/* the run token passed to .task */
	EV_INPUT = 7,	/* an external input: .nr = enum ev_input, val[0] = DATA (kept as a blob) */
	EV_PREEMPT = 8, /* .task was moved on at val[0] = PTR instruction address */
	EV_NOTE = 9,	/* val[0] = STR, something a reader should know (unknown syscall, escape) */
	EV_END = 10,	/* last event: .res = exit status as a shell gives it */
	EV_KIND_MAX
};

enum ev_type {
	EV_INT = 0,  /* signed number: .i */
	EV_UINT = 1, /* unsigned number, flags: (uint64_t) .i */
	EV_PTR = 2,  /* guest address, deterministic: (uint64_t) .i */
	EV_FD = 3,   /* file descriptor: .i */
	EV_STR = 4,  /* bytes of a string (path), without NUL: .p, .n */
	EV_DATA = 5, /* bytes: inline up to event_inline(), else length and SHA-256: .p, .n; .digest */
	EV_TYPE_MAX
};

enum {
	EV_INLINE = 512,   /* longer DATA is kept as its SHA-256; the kernel's structs are shorter */
	EV_STR_MAX = 8192, /* longer strings are encoded as DATA; an EXEC's DATA is inline up to it */
	EV_MAXVAL = 16,
};

struct ev_val {
	uint8_t type; /* enum ev_type */
	uint8_t arg;  /* index of the syscall's argument it stands for */
	bool out;     /* an output of the call (else an input) */
	bool is_digest; /* DATA known by its digest only (over event_inline() bytes): .digest, .p NULL */
	int64_t i;
	const void *p; /* borrowed */
	size_t n;      /* true length in bytes, also when only the digest is kept */
	uint8_t digest[32];
};

struct event {
	uint8_t kind;	/* enum ev_kind */
	bool has_res;	/* .res is known */
	uint32_t task;	/* virtual task number: 1 = init */
	uint32_t nr;	/* see enum ev_kind */
	int64_t res;
	uint64_t vtime; /* virtual time, ns since the container's epoch start */
	unsigned nval;
	struct ev_val val[EV_MAXVAL];
};

/** DATA of up to this many bytes is kept as it is. */
static inline size_t event_inline(uint8_t kind)
{
	return kind == EV_EXEC ? EV_STR_MAX : EV_INLINE;
}

#endif
