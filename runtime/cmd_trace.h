/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `detrun trace`: each gets its own options, parsed by the table in cmd_trace.c. */
#ifndef DETRUN_CMD_TRACE_H
#define DETRUN_CMD_TRACE_H

#include "shim/trace/reader.h"
#include "shim/trace/trace.h"

struct trace_args {
	bool jsonl;
	uint64_t from, to, count; /* --from, --to, --count */
	bool has_task;
	uint32_t task;
	const char *syscalls; /* --syscall NAME,... */
	bool verbose;
	unsigned context;
	const char *key; /* --key PEM */
	bool unsigned_ok; /* --allow-unsigned */
	char **pos; /* what is no option */
	int npos;
};

/* Each returns the exit status, or -errno and the error. */
typedef int trace_verb(const struct trace_args *a, struct err *e);
trace_verb trace_show, trace_stat, trace_diff, trace_nondet, trace_code, trace_do_recover, trace_do_proof;

/** The names of system calls and their arguments; @verbose: structs with all their fields. */
const struct event_names *trace_names(bool verbose);
int trace_open_path(const char *path, struct trace_reader **ret, struct err *e);
/** The event as a line on stdout: text or JSON. */
void trace_print(const struct event *ev, uint64_t number, const struct trace_args *a,
	const char *before);
/** Write to stdout; -errno when it is full or closed. */
int trace_flush(struct err *e);

#endif
