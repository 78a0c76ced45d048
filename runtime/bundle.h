/* SPDX-License-Identifier: Apache-2.0 */
/* The door for OCI bundles: config.json, used in place. */
#ifndef DETRUN_BUNDLE_H
#define DETRUN_BUNDLE_H

#include "runtime/job.h"
#include "runtime/state.h"

enum { BUNDLE_OPTS = 28 };

struct bundle_run {
	struct job_opts job;
	const char *root; /* state root */
	const char *dir;  /* NULL: the current directory */
	const char *config; /* its config.json by another name; or NULL */
	const char *id;
	char made_id[32];
	const char *pid_file, *preserve, *console_socket, *pidfd_socket;
	bool no_pivot, no_keyring, keep, detach, no_subreaper;
	const char *cgroup_manager, *rootless; /* --cgroup-manager, --rootless */
	bool crlf; /* a replay: the terminal had carriage returns */
	const char *notify; /* a replay: NOTIFY_SOCKET as it was, or NULL */
	const struct json *groups; /* a replay: those that were kept, or NULL */
	bool create; /* for `start` to let go */
};

/** The options of create, and with @run those of run, into @t; their number without the end. */
size_t bundle_options(struct bundle_run *b, bool run, struct opt t[BUNDLE_OPTS]);

/** Run it to its end. @expect_dir: the trace to compare with, or -1. */
int bundle_run(const struct bundle_run *b, int expect_dir, struct shim_result *ret,
	int *ret_status, struct err *e);

#endif
