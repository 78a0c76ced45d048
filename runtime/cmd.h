/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs: a file each. They get what follows the verb, with the verb itself as argv[0]. */
#ifndef DETRUN_CMD_H
#define DETRUN_CMD_H

#include <stdbool.h>

/* What stands before the verb. */
struct global {
	const char *root; /* --root: the state directory, or NULL for the default */
	const char *determinism; /* --determinism, or NULL */
	const char *cgroup_manager; /* --cgroup-manager, or "systemd" for --systemd-cgroup */
	const char *rootless; /* --rootless */
	const char *log;  /* --log */
	bool log_json;
	bool debug;
};

/** Each returns detrun's exit status. */
typedef int cmd_fn(const struct global *g, int argc, char **argv);

cmd_fn cmd_create, cmd_start, cmd_run, cmd_exec, cmd_state, cmd_list, cmd_kill, cmd_delete, cmd_replay;
cmd_fn cmd_trace, cmd_verify, cmd_spec, cmd_syscalls, cmd_features, cmd_checkpoint;
cmd_fn cmd_ps, cmd_pause, cmd_resume, cmd_update, cmd_events;

#endif
