/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_SHOW_H
#define DETRUN_SHOW_H

#include "shim/trace/trace.h"

/** Lines that say in which arguments, and which fields of theirs, two events differ; how many. */
unsigned sys_event_diff(const struct event *want, const struct event *got, struct buf *b);

#endif
