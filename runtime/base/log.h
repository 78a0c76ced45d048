/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for people and for engines: text or JSON lines, to stderr or a file. Only verbs log. */
#ifndef DETRUN_LOG_H
#define DETRUN_LOG_H

#include <stdbool.h>

#include "runtime/base/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/** Where messages go from now on. @path NULL = stderr. @json: runc's {"level","msg","time"} lines. */
int log_setup(const char *path, bool json, bool debug, struct err *e);
/** At the end: what waited for it, see log.c. */
void log_end(void);
void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** The error that a verb ends with, in runc's words: the program's name, "VERB failed", the reason. */
void log_failed(const char *verb, const struct err *e);
#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
