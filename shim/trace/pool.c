/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/trace/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

enum { POOL_MAX = 64 };

struct pool {
	const struct pool_jobs *jobs;
	atomic_size_t next;
	atomic_size_t failed; /* lowest failed job, SIZE_MAX = none */
	pthread_mutex_t lock; /* of .err and .code */
	struct err err;
	int code;
};

static void pool_fail(struct pool *p, size_t job, int r, const struct err *e)
{
	pthread_mutex_lock(&p->lock);
	if (job < atomic_load(&p->failed)) {
		atomic_store(&p->failed, job);
		p->err = *e;
		p->code = r;
	}
	pthread_mutex_unlock(&p->lock);
}

static void *pool_worker(void *arg)
{
	struct pool *p = arg;
	void *w = p->jobs->start ? p->jobs->start(p->jobs->ctx) : NULL;

	for (;;) {
		size_t job = atomic_fetch_add(&p->next, 1);
		struct err e = ERR_INIT;
		int r;

		/* later jobs can't be the lowest failure any more */
		if (job >= p->jobs->n || job > atomic_load(&p->failed))
			break;
		r = p->jobs->run(p->jobs->ctx, w, job, &e);
		if (r < 0)
			pool_fail(p, job, r, &e);
	}
	if (p->jobs->stop)
		p->jobs->stop(w);
	return NULL;
}

static size_t pool_width(size_t jobs)
{
	cpu_set_t set;
	size_t n = 1;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		n = (size_t) CPU_COUNT(&set);
	if (n > POOL_MAX)
		n = POOL_MAX;
	return n > jobs ? jobs : n;
}

int pool_run(const struct pool_jobs *jobs, struct err *e)
{
	struct pool p = { .jobs = jobs, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t thread[POOL_MAX];
	size_t width = pool_width(jobs->n), made = 0;

	atomic_store(&p.failed, SIZE_MAX);
	while (made + 1 < width && !pthread_create(&thread[made], NULL, pool_worker, &p))
		made++;
	if (jobs->n)
		pool_worker(&p); /* this thread works too */
	for (size_t i = 0; i < made; i++)
		pthread_join(thread[i], NULL);
	if (!p.code)
		return 0;
	if (e)
		*e = p.err;
	return p.code;
}
