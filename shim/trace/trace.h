/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace bundle: writing, reading, checking. The layout is docs/trace-format.md.
 * Everything is relative to a directory fd, so that it works from inside another mount namespace.
 */
#ifndef DETRUN_TRACE_H
#define DETRUN_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "shim/trace/event.h"

struct trace_writer;
struct trace_key; /* a signing key */

/* A file of the run's outputs, a subject of the statement beside the bundle's own files. */
struct trace_subject {
	const char *name;
	uint8_t sha256[32];
};

/**
 * Load a PKCS#8 PEM key (Ed25519 or P-256). @pem NULL: the user's own key below
 * $XDG_DATA_HOME/detrun, made on first use (0600); *@ret_made tells whether it was made now.
 */
int trace_key_load(const char *pem, struct trace_key **ret, bool *ret_made, struct err *e);
/** Public half as PEM (SPKI), appended to @b. */
int trace_key_public(const struct trace_key *k, struct buf *b);
void trace_key_free(struct trace_key *k);

/**
 * Start a bundle in the empty directory @dirfd: writes header.json (@header: canonical JSON) and
 * event 0. @key is borrowed until trace_writer_free(); NULL writes an unsigned bundle.
 */
int trace_writer_new(int dirfd, const void *header, size_t header_len, const struct trace_key *key,
	struct trace_writer **ret, struct err *e);

/** Keep @max bytes of the newest events (compressed), and as many of inputs; 0 (as made): all. */
void trace_room(struct trace_writer *w, uint64_t max);

/** Number of events so far = number of the next event. */
uint64_t trace_count(const struct trace_writer *w);

/** Append one event. Encodes, hashes the leaf; closes a block each 2^14 events. 0 or -errno. */
int trace_put(struct trace_writer *w, const struct event *ev, struct err *e);

/** Keep a payload under blobs/sha256/xx/, once. 0 or -errno. */
int trace_blob(struct trace_writer *w, const void *p, size_t n, uint8_t ret_digest[32],
	struct err *e);

/**
 * Append END (exit status as a shell gives it), close the last block, write index, seek table,
 * checkpoint and the signed statement. Subjects are all files of the bundle but the signatures,
 * plus @subj. host.json and the manifests must be in the directory by now.
 * *@ret_root: the Merkle root.
 */
int trace_end(struct trace_writer *w, int status, const struct trace_subject *subj, size_t nsubj,
	uint8_t ret_root[32], struct err *e);
/** Free; without trace_end() before, what is on disk stays a valid prefix up to its last block. */
void trace_writer_free(struct trace_writer *w);

struct trace_reader;
/** Open for reading, header's digest checked against event 0. */
int trace_open(int dirfd, struct trace_reader **ret, struct err *e);
const char *trace_header(const struct trace_reader *r, size_t *ret_n);
uint64_t trace_size(const struct trace_reader *r); /* events */
bool trace_complete(const struct trace_reader *r); /* ends with END */
/** Next event; its pointers are valid until the next call. 1 = got one, 0 = end, or -errno. */
int trace_next(struct trace_reader *r, struct event *ret, struct err *e);
/** The same, but events that were given up (trace_room()) are left out, with a warning. */
int trace_next_kept(struct trace_reader *r, struct event *ret, struct err *e);
/** Number of the event that was given last. */
uint64_t trace_number(const struct trace_reader *r);
int trace_seek(struct trace_reader *r, uint64_t event, struct err *e);
/** The encoding of the event that trace_next() gave last. */
const uint8_t *trace_bytes(const struct trace_reader *r, size_t *ret_n);
/** Bytes of a blob, appended to @b. */
int trace_read_blob(struct trace_reader *r, const uint8_t digest[32], struct buf *b, struct err *e);
void trace_close(struct trace_reader *r);

/** Canonical encoding of one event, appended to @b: equal events have equal bytes. 0 or -errno. */
int event_encode(const struct event *ev, struct buf *b);
/** Decode one event at *@p; pointers point into it. 0 or -EBADMSG. */
int event_decode(const uint8_t **p, const uint8_t *end, struct event *ret);

enum verify_level { VERIFY_QUICK, VERIFY_FULL, VERIFY_DEEP };
struct verify_opts {
	enum verify_level level;
	const char *key; /* pinned public (or private) key PEM path; NULL = the user's own key */
	bool allow_unsigned;
};
struct verify_result {
	uint8_t root[32];
	uint64_t events;
	bool complete;
	bool is_signed;
	int exit_status;
	char keyid[65]; /* of the pinned key that signed it, else empty */
};
/** Check a bundle; on failure the error says which file, block or event. */
int trace_verify(int dirfd, const struct verify_opts *o, struct verify_result *ret, struct err *e);

/** How names of syscalls and arguments are printed: given by the caller, who has the rows. */
struct event_names {
	const char *(*syscall)(uint32_t nr);
	const char *(*arg)(const struct event *ev, unsigned arg);
	/** Append the decoded value ("O_RDONLY|O_CLOEXEC"); false = print it plainly. */
	bool (*value)(const struct event *ev, const struct ev_val *v, bool full, struct buf *b);
	/** Append all arguments of a call; NULL, or false: value after value. */
	bool (*args)(const struct event *ev, bool full, struct buf *b);
	bool full; /* structs with all their fields */
};
/** One strace-like line, without newline. */
void event_print(const struct event *ev, uint64_t number, const struct event_names *n,
	struct buf *b);
/** One JSON object, without newline. */
void event_print_json(const struct event *ev, uint64_t number, const struct event_names *n,
	struct buf *b);

#endif
