/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's structs as text, strace's way, and field by field for comparing two of them. A row's
 * argument names its decoder; structs.c has them. Bytes come from traces: nothing in them is trusted.
 */
#ifndef DETRUN_DECODE_H
#define DETRUN_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"

struct decoder;

/* A name for a value, or for a bit; with .mask for the value of a field of bits. */
struct flag_name {
	uint64_t value;
	const char *name; /* the last one has none */
	uint64_t mask;
};

enum { FIELD_SIGNED = 1, FIELD_HEX = 2, FIELD_MORE = 4 /* not when space is short */ };

struct field {
	const char *name; /* the last one has none */
	uint16_t at, size;
	uint8_t how; /* bits of the enum above */
	const struct flag_name *flags;
	const struct decoder *as;
};

struct decoder {
	size_t size; /* bytes of one; 0: whatever there is */
	const struct field *field;
	void (*put)(const uint8_t *p, size_t n, struct buf *b); /* instead of fields */
	bool list; /* an array: in brackets, also when it has one element */
};

/** One value by its name, or bits by theirs; what is left over is a number. False: no name fits. */
bool put_flags(const struct flag_name *f, uint64_t v, struct buf *b);
/** False: these bytes are not what the decoder is for (too short); nothing was written. */
bool decode_put(const struct decoder *d, const void *p, size_t n, bool full, struct buf *b);
/** Called with the name of a field that differs ("st_mode", "[1].revents") and both its values. */
typedef void decode_differs(void *ctx, const char *field, const char *a, const char *b);
/** Compare field by field; the number of differences told. */
unsigned decode_diff(const struct decoder *d, const void *a, size_t na, const void *b, size_t nb,
	decode_differs *tell, void *ctx);

extern const struct decoder dec_mode, dec_dev, dec_signal, dec_sigset, dec_siginfo, dec_wstatus, dec_int,
	dec_stat, dec_statx, dec_statfs, dec_timespec, dec_timespecs, dec_timeval,
	dec_timevals, dec_itimerval, dec_itimerspec, dec_timezone, dec_utimbuf, dec_tms, dec_rusage,
	dec_pollfd, dec_epoll_event, dec_epoll_events, dec_sockaddr, dec_utsname, dec_sysinfo, dec_rlimit,
	dec_winsize, dec_termios, dec_cpumask, dec_flock, dec_open_how,
	dec_dirents64;
extern const struct flag_name names_domain[], names_socktype[], names_epoll_op[], names_open[];

#endif
