/* SPDX-License-Identifier: Apache-2.0 */
/* Independent jobs on all cores. */
#ifndef DETRUN_POOL_H
#define DETRUN_POOL_H

#include <stddef.h>

#include "runtime/base/err.h"

/** State of one worker: made by @start, passed to each job, freed by @stop. May be NULL. */
struct pool_jobs {
	size_t n;
	int (*run)(void *ctx, void *worker, size_t job, struct err *e);
	void *(*start)(void *ctx);
	void (*stop)(void *worker);
	void *ctx;
};

/** Run them all; on failures, the error is that of the lowest job number that failed. */
int pool_run(const struct pool_jobs *jobs, struct err *e);

#endif
