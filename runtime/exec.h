/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A further process of a running container. A helper joins the namespaces of the container's first
 * process and makes ours in them, as a child of the caller's (who may leave it to a subreaper). The
 * parent half is exec.c, the process's own half exec_child.c.
 */
#ifndef DETRUN_EXEC_H
#define DETRUN_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"
#include "runtime/confine.h"
#include "runtime/init.h"
#include "runtime/state.h"

struct exec_job {
	const struct spec *spec;  /* the container's; .process is the one to be made */
	const struct state *state;
	int dir;		  /* its state directory, or -1 */
	int init;		  /* pidfd of the container's first process */
	const char *pid_file, *console_socket, *pidfd_socket;
	const char *const *cgroups; /* --cgroup */
	size_t n_cgroups;
	unsigned preserve;	  /* fds from 3 on that it keeps */
	bool detach;
	bool before_start; /* of a supervised container: not if it has begun meanwhile */
	int control; /* connected to the supervisor, or -1: there is none */
};

/** 0 and the exit status (0 when detached); or -errno: the process does not run. */
int exec_run(const struct exec_job *x, int *ret_status, struct err *e);

/* What the process finds when it is born in the namespaces. */
struct exec_child {
	const struct exec_job *job;
	const struct confine *confine;
	uint64_t joined;  /* CLONE_NEW* */
	int stdio[3];	  /* what becomes 0, 1, 2; -1: what is there */
	bool setgroups;	  /* and supplementary groups may be set there */
	int root;	  /* the root directory of the container's first process */
	int sync;	  /* end of a socket pair with the caller */
	int err;	  /* end of the pipe for struct init_error */
};
/** Never returns. */
void exec_child(const struct exec_child *c) __attribute__((noreturn));

/* exec_control.c: with a supervisor */
/**
 * Say what is to come. @outside: where its input comes from and its output goes to; *@ret_stdio: what
 * it is to have as 0, 1, 2 itself, if it has no terminal.
 */
int exec_announce(int control, const struct spec *s, const int outside[3],
	int ret_stdio[3], struct err *e);
/**
 * The process waits at its end of @sync: from now on it is supervised, and let go. @master: of its
 * terminal, or -1.
 */
int exec_adopt(int control, pid_t pid, int sync, int master, struct err *e);

/* exec_replay.c: a process was added when the trace was made */
struct launch;
void exec_again(const struct launch *l);

/* exec_spec.c: what the process is to be, by the command line */
struct exec_opts {
	const char *process; /* file with a process object, or NULL: as config.json and what follows */
	const char *cwd, *user, *apparmor, *label;
	const char *const *env, *const *caps, *const *gids;
	size_t n_env, n_caps, n_gids;
	bool terminal;
	int no_new_privs; /* -1: as config.json */
	int argc;
	char **argv;
};
/**
 * Change @s, the container's spec, so that its process is the one asked for. *@ret_file: what it
 * points into then, or NULL; to be freed after it.
 */
int exec_spec(struct spec *s, const struct exec_opts *o, struct spec **ret_file, struct err *e);

#endif
