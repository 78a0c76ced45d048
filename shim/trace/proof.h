/* SPDX-License-Identifier: Apache-2.0 */
/* C2SP tlog-proofs: one event, shown to be in a signed run without the rest of it. */
#ifndef DETRUN_PROOF_H
#define DETRUN_PROOF_H

#include "shim/trace/trace.h"

/** The proof of one event, with its bytes as extra data and the checkpoint, appended to @b. */
int trace_proof(struct trace_reader *r, uint64_t event, struct buf *b, struct err *e);

struct proof_result {
	uint64_t number, size; /* of the event; events of the run */
	char origin[128]; /* the run: detrun/run/<sha256 of header.json> */
	struct buf event; /* its encoding, canonical; free with buf_free() */
};
/** Check a proof with the pinned key (as verify_opts.key). */
int trace_proof_check(const void *text, size_t n, const char *key, struct proof_result *ret,
	struct err *e);

#endif
