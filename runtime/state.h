/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a container between two commands: a directory per container below the state
 * root, made atomically, with state.json in it that is only ever replaced as a whole. A process is
 * known by pid and start time.
 */
#ifndef DETRUN_STATE_H
#define DETRUN_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "runtime/cgroup.h"
#include "runtime/mode.h"

/* The config.json that it was made of, in its directory. */
#define STATE_CONFIG "config.json"

struct state {
	char *id, *bundle, *rootfs, *created, *owner, *version;
	char **annotations; /* name, value, name, value, ... NULL; sorted; or NULL */
	pid_t pid, shim;
	unsigned long long pid_start, shim_start;
	enum det_mode mode;
	struct cgroup *cgroup; /* NULL: older states have none */
	bool kept;    /* its trace is to be whole when it is deleted */
	bool shared_mounts; /* it has no mount namespace of its own: see state_destroy() */
	unsigned long long root_on; /* then: the mount its root is put on; 0: not known */
	bool hooks;	    /* for after start or delete */
	char *hooks_out, *hooks_err; /* files for what they print, or NULL */
	bool running; /* let go: not only created */
};

/**
 * `--root`, else /run/detrun for the host's root, else $XDG_RUNTIME_DIR/detrun, else
 * /tmp/detrun-UID/state (malloc).
 */
int state_root(const char *root, char **ret, struct err *e);

/** The OCI character set, at most 128 bytes. */
int state_check_id(const char *id, struct err *e);

/**
 * Make the container's directory; exactly one of many at once succeeds. *@ret_dir: its fd,
 * locked.
 */
int state_create(const char *root, const char *id, int *ret_dir, struct err *e);
/** Open an existing one. @lock: for a change, waiting for others. */
int state_open(const char *root, const char *id, bool lock, int *ret_dir, struct err *e);

int state_save(int dir, const struct state *s, struct err *e);
/** An empty directory (a run that died at once) gives a stopped state with just the id. */
int state_load(int dir, const char *id, struct state *ret, struct err *e);
void state_free(struct state *s);
#define own_state __attribute__((cleanup(state_free))) struct state

/** "created", "running", "paused", "stopped": by looking at the process and its cgroup. */
const char *state_status(const struct state *s);
bool state_alive(const struct state *s);
/** pidfd of the container's first process, -ESRCH when it is gone. */
int state_pidfd(const struct state *s);

/** Wait for the end of one that ends by itself: its processes, and who supervises them. */
void state_await_end(const struct state *s);

/**
 * The state of @id, from its directory below @root (--root, may be NULL): *@ret_dir, locked for a
 * change or not.
 */
int state_get(const char *root, const char *id, bool lock, int *ret_dir, struct state *ret,
	struct err *e);
/** To look at only. */
int state_find(const char *root, const char *id, struct state *ret, struct err *e);
/** Its processes as the host numbers them (malloc): of its cgroup, else of its pid namespace. */
int state_pids(const struct state *s, pid_t **ret, size_t *ret_n, struct err *e);

/** The object that `state` prints, with the fields of runc's. */
void state_put(const struct state *s, struct json_out *o);

/** Remove the container's directory. */
int state_remove(const char *root, const char *id, struct err *e);

/** Tell the supervisor that the container was sent a signal. */
void state_poke(const struct state *s);

/**
 * destroy.c: kill what runs, undo mounts and cgroups, remove the directory @dir, run the poststop
 * hooks.
 */
int state_destroy(const char *root, int dir, const struct state *s, struct err *e);

/** destroy.c: the number of the mount that @path is on, 0 if it can't be looked at. */
unsigned long long state_mount_of(const char *path);

/** Kill what runs of it, with the supervisor, and wait until it is gone (10 s at most). */
int state_kill_all(const struct state *s, struct err *e);

#endif
