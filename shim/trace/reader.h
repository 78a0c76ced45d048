/* SPDX-License-Identifier: Apache-2.0 */
/* What the other parts of shim/trace need of an open trace beside trace.h. */
#ifndef DETRUN_READER_H
#define DETRUN_READER_H

#include "shim/trace/bundle.h"
#include "shim/trace/trace.h"

const struct index *trace_index(const struct trace_reader *r);
int trace_dirfd(const struct trace_reader *r);
/** Is @ev the first event of a run with this header? */
bool event_is_start(const struct event *ev, const uint8_t header_sha[32]);

static inline void trace_drop(struct trace_reader **r)
{
	trace_close(*r);
}
#define own_trace __attribute__((cleanup(trace_drop))) struct trace_reader *

#endif
