/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_RECOVER_H
#define DETRUN_RECOVER_H

#include "shim/trace/trace.h"

struct recover_result {
	uint64_t events; /* that could be read and are signed now */
	uint64_t noted;	 /* that the recorder had signed with this key in checkpoints.log */
	uint64_t cut;	 /* bytes of events.dtr that were dropped */
	bool complete;	 /* END is there: only the signature was missing */
	uint8_t root[32];
};

/**
 * Make a signed bundle of what a killed recorder left: its blocks up to the first that is not
 * whole. @key NULL leaves it unsigned. A finished bundle is refused.
 */
int trace_recover(int dirfd, const struct trace_key *key, struct recover_result *ret,
	struct err *e);

#endif
