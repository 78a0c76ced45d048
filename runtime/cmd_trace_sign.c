/* SPDX-License-Identifier: Apache-2.0 */
/* detrun trace recover and proof: the verbs that have to do with signatures. */
#include <fcntl.h>
#include <stdio.h>

#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd_trace.h"
#include "shim/trace/proof.h"
#include "shim/trace/recover.h"

static void report(const struct recover_result *res, const char *path, bool is_signed)
{
	char root[SHA256_HEX];

	if (res->noted > res->events)
		log_warn("%s: the recorder had signed %llu events, of which only %llu are left",
			path, (unsigned long long) res->noted, (unsigned long long) res->events);
	printf("recovered %llu events%s%s; %llu bytes after them were cut\nroot %s\n",
		(unsigned long long) res->events,
		res->complete ? ", the run's end among them" : ": a prefix of the run",
		is_signed ? ", signed" : ", not signed", (unsigned long long) res->cut,
		hex(res->root, 32, root));
}

int trace_do_recover(const struct trace_args *a, struct err *e)
{
	own_fd dir = open(a->pos[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct recover_result res = { 0 };
	struct trace_key *key = NULL;
	int r = 0;

	if (dir < 0)
		return fail(e, errno, "open trace %s", a->pos[0]);
	if (!a->unsigned_ok || a->key)
		r = trace_key_load(a->key, &key, NULL, e);
	if (r < 0)
		return r;
	r = trace_recover(dir, key, &res, e);
	if (r < 0)
		fail_ctx(e, r, "recover %s", a->pos[0]);
	else
		report(&res, a->pos[0], key);
	trace_key_free(key);
	return r < 0 ? r : trace_flush(e);
}

int trace_do_proof(const struct trace_args *a, struct err *e)
{
	own_trace r = NULL;
	own_buf b = { 0 };
	char *end;
	unsigned long long n;
	int err;

	errno = 0;
	n = strtoull(a->pos[1], &end, 10);
	if (a->pos[1][0] < '0' || a->pos[1][0] > '9' || *end || errno)
		return fail_msg(e, EINVAL, "\"%s\" is not the number of an event", a->pos[1]);
	err = trace_open_path(a->pos[0], &r, e);
	if (err == 0)
		err = trace_proof(r, n, &b, e);
	if (err < 0)
		return err;
	fwrite(b.p, 1, b.n, stdout);
	return trace_flush(e);
}
