/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The determinism supervisor of one container: its only door for the layer above.
 *
 * Choreography: the launcher clones init into its namespaces and writes the id maps; init sets up
 * mounts, pivots, and writes one byte 'R' to its end of @sync (if there is a terminal a 'T' before
 * it, and with that, by SCM_RIGHTS, the terminal's master); then it waits for one byte. The shim
 * (a process of its own, outside the container's PID namespace) seizes init with ptrace, enters
 * init's user and mount namespaces, writes the manifest, and answers 'G'. Init then installs the
 * filter (shim_filter_install), drops what is left of its privileges and executes the program. From
 * that exec on every trapped syscall is the supervisor's.
 */
#ifndef DETRUN_SHIM_H
#define DETRUN_SHIM_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "rootfs/rootfs.h"
#include "runtime/base/err.h"

struct trace_key;

/* What the first program sees as its own, and hands down. */
struct shim_attrs {
	uint32_t persona; /* PER_LINUX or PER_LINUX32 */
	bool no_new_privs, seccomp; /* a filter of its own */
	int policy, priority, nice, ioprio, oom_score_adj;
	uint64_t affinity; /* CPUs as bits, 0 = all */
	uint64_t bounding, inheritable; /* capabilities that are shown there, but nobody can have */
	uint64_t mono_offset, boot_offset; /* of a time namespace: ns that the clocks are ahead */
};

struct shim_opts {
	pid_t init;  /* as the shim sees it */
	int sync;    /* the shim's end of the socket pair with init */
	int stdio[3]; /* the caller's stdin, stdout, stderr */
	int pipes[3]; /* our ends of the pipes that are the guest's 0, 1, 2; -1 where passed through */
	int control;  /* a socket that listens for further commands (see control.h), or -1 */
	int maker;    /* replay: who makes again the processes that were added, or -1 */
	int notify, notify_to; /* the container's NOTIFY_SOCKET, the caller's; or -1 */
	bool network; /* what comes by the network may come from outside */
	bool live;    /* the container waits for such commands, in real time when it is idle */

	bool terminal; /* the guest has one; init sends its master with the 'R' */
	unsigned rows, cols; /* its size, 0: the caller's, or 24x80 */

	/* declared inputs */
	const char *const *argv, *const *env; /* of the first program */
	const char *cwd;
	const char *seed;     /* text; hashed into the stream's key */
	uint64_t epoch;	      /* s since 1970, when the virtual clock starts at the earliest */
	bool epoch_chosen;    /* by who runs it: no word from outside sets the clock */
	bool keep_times;      /* what the host lends shows its times, and the clock starts with the newest */
	const char *cpu;      /* "x86-64-v2" or "x86-64-v3" */
	unsigned cpus;	      /* CPUs the guest sees */
	const char *hostname; /* the guest's */
	const char *domainname; /* or NULL */
	bool strict;	      /* refuse external inputs */
	struct shim_attrs attrs;
	cpu_set_t seats; /* CPUs of the host on which the run may be, on one at a time */
	const struct spec_mount *mounts; /* config.json's: to show them */
	size_t n_mounts;
	unsigned long root_propagation; /* MS_*, linux.rootfsPropagation */
	unsigned joined; /* bits: namespaces (enum spec_ns_type) that others made */
	bool agent; /* some calls are answered by one for seccomp, unseen */
	bool bar_suid; /* make all mounts nosuid */
	bool userns;   /* config.json names a user namespace: its ids are shown */
	const struct spec_rlimit *rlimits; /* those of shim_limits() are shown, the others set */
	size_t n_rlimits;
	const struct spec_kv *sysctl; /* linux.sysctl: shown in place of the canonical values */
	size_t n_sysctl;
	const char *config;   /* canonical JSON of the spec: its digest goes to the header */
	struct found *found; /* the lower directory's files, as the launcher sees them, or NULL: is emptied */
	int image;	/* fd of the directory that the root is a copy of, or -1: owners go by its numbers */
	const struct rootfs *rootfs; /* NULL: ownership and times as on disk (an OCI bundle) */
	bool host_root; /* the root is the host's own: only volumes are in the manifests */
	const char *inputs;	 /* more declared inputs for the header: a canonical JSON object, or NULL */
	const char *host_inputs; /* the same for host.json: host paths, for replay */
	const char *nodename;	 /* of the host, for host.json */
	bool virtual_ids;     /* ownership and credentials are the supervisor's, not the kernel's */
	uint32_t uid, gid;    /* of the first program, when virtual_ids */

	/* outputs */
	int trace_dir;	 /* fd of the empty bundle directory, or -1: no trace is kept */
	uint64_t trace_room; /* bytes of it that are kept, the newest; 0: all */
	const struct trace_key *key;
	int cache_dir;	 /* fd for the digest cache, or -1 */
	int upper;	 /* fd of the overlay's upper directory, or -1 */
	int root_upper;	 /* the same of the overlay that somebody has mounted as a bundle's root, or -1 */
	int hidden;	 /* fd of the layer between it and the image, or -1 */
	const char *const *volumes; /* container paths of what the host lends, NULL-terminated */
	int keep;	 /* fd of an empty directory for the changed files, or -1 */
	int output;	 /* fd of the tar of changed files, or -1 */

	/* replay: the bundle to compare with, or -1 */
	int expect_dir;
};

struct shim_result {
	int status;	  /* exit status as a shell gives it: code, or 128 + signal */
	uint8_t root[32]; /* Merkle root of the trace */
	uint64_t events;
	uint64_t written; /* with .keep_times: the latest time given to a file on disk, ns since 1970 */
	bool diverged;	  /* replay found a difference; .what says which */
	char what[4096];
};

/**
 * Supervise the container until its init is gone and the bundle is written. Runs in the shim
 * process. Errors are ours (exit 125): what failed and what to do.
 */
int shim_run(const struct shim_opts *o, struct shim_result *ret, struct err *e);

/**
 * For init, after the 'G': personality, TSC trap, canonical signal state, seccomp filter.
 * The caller has no_new_privs set or CAP_SYS_ADMIN in its user namespace. Only execve follows.
 */
int shim_filter_install(struct err *e);
/** The same; the container's own filter @first (or NULL) becomes part of it. */
struct sock_fprog;
int shim_filter_install_with(const struct sock_fprog *first, struct err *e);

struct shim_filter {
	const struct sock_fprog *first; /* the container's own, or NULL */
	bool init; /* of init's: calls may come as notifications, the supervisor has one listener */
	bool virtual_ids;
	unsigned flags;	/* SECCOMP_FILTER_FLAG_* that go with @first */
	int *listener;	/* not NULL: some calls are an agent's; becomes the fd that they come from */
};
int shim_filter_set(const struct shim_filter *f, struct err *e);

/** Whether the limit @resource (RLIMIT_*) is the supervisor's, and must not be set. */
bool shim_limits(int resource);

/**
 * Pin this process (and what it forks) to one CPU: where it is, or one of @among (bits, 0: any), which
 * the container's cgroup is bound to. *@ret: all that it could have been. 0 or -errno.
 */
int shim_pin_cpu(uint64_t among, cpu_set_t *ret, struct err *e);

#endif
