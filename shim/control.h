/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other commands ask of a running supervisor, over the SOCK_SEQPACKET socket in the container's
 * state directory. One question, one answer; while it serves, no task of the container runs, so
 * that all of it happens at one place among the events.
 *
 *	EXEC with the description (a memfd) and the caller's 0, 1, 2
 *		<- what the process is to have as 0, 1, 2: it is to be made now
 *	ADOPT with the socket on which the made process waits for a 'G' (and its terminal's master)
 *		<- it is supervised, and has been let go
 *	KILL	<- the signal was sent to the container's first process
 */
#ifndef DETRUN_CONTROL_H
#define DETRUN_CONTROL_H

#include <stdint.h>

enum { CONTROL_VERSION = 3 };
enum control_op { CONTROL_EXEC = 1, CONTROL_ADOPT, CONTROL_KILL };
enum { CONTROL_TERMINAL = 1 };

struct control_ask {
	uint32_t version, op;
	int32_t pid, sig;
	uint32_t uid, gid, flags;
	/* EXEC: the description is JSON, arguments and environment, one after the other */
	uint32_t n_json, n_args, n_env;
	uint32_t rows, cols;
	int32_t policy, priority, nice, ioprio; /* EXEC: as the process is to see them */
	uint64_t affinity; /* CPUs as bits, 0 = all */
	uint64_t bounding, inheritable; /* capabilities, as in struct shim_attrs */
	uint32_t no_new_privs;
	uint32_t rlim_set; /* bits: those that are in .rlim and ours to show */
	struct { uint64_t soft, hard; } rlim[16];
};

struct control_answer {
	int32_t r; /* 0 or -errno */
	char msg[1024];
};

#endif
