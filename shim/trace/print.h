/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_PRINT_H
#define DETRUN_PRINT_H

#include "shim/trace/trace.h"

const char *event_kind_name(uint8_t kind);
/** "ENOENT" for -2; NULL when @res is no error. */
const char *errno_name(int64_t res);
void put_signal(uint32_t nr, struct buf *b);
/** A value as such. */
void event_put_val(const struct ev_val *v, struct buf *b);
/** "3", "-1 ENOENT (No such file or directory)", "?". */
void event_put_result(const struct event *ev, struct buf *b);
/** C string literal of any bytes. */
void put_quoted(const void *p, size_t n, struct buf *b);

#endif
