/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.seccomp: compiled by the parent, which may still open files and say what is wrong; loaded by
 * init as the last thing before the exec, so that a profile needs to allow nothing of ours but it.
 */
#ifndef DETRUN_SCMP_H
#define DETRUN_SCMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

struct scmp_prog {
	struct sock_fprog bpf; /* owned; .filter NULL: there is none */
	unsigned flags;	       /* SECCOMP_FILTER_FLAG_* */
	bool notify;	       /* some calls are answered by the agent at listenerPath */
};

/** 0 or -errno; a profile that is absent gives an empty *@ret. */
int scmp_compile(const struct spec_seccomp *c, struct scmp_prog *ret, struct err *e);
/**
 * The same by way of a cache: @dir is a container's state directory, the cache lies beside it; -1: there
 * is none.
 */
int scmp_compile_kept(const struct spec_seccomp *c, int dir, struct scmp_prog *ret, struct err *e);
/** SECCOMP_FILTER_FLAG_* that the profile asks for. */
int scmp_flags(const struct spec_seccomp *c, unsigned *ret, struct err *e);
void scmp_prog_free(struct scmp_prog *p);
#define own_scmp_prog __attribute__((cleanup(scmp_prog_free))) struct scmp_prog

/**
 * Install for the calling thread, which has no_new_privs or CAP_SYS_ADMIN. *@ret_listener: the fd
 * that notifications come from, or -1.
 */
int scmp_load(const struct scmp_prog *p, int *ret_listener, struct err *e);

/** libseccomp's token of "SCMP_ARCH_X86_64", or 0. */
uint32_t scmp_arch(const char *name);

/* What there is, for `features`: sorted by name, NULL after the last. */
const char *scmp_action_name(size_t i);
const char *scmp_operator_name(size_t i);
const char *scmp_arch_name(size_t i);
/** @supported: only those that this kernel has. */
const char *scmp_flag_name(size_t i, bool supported);
/** "2.5.4" */
void scmp_version(char ret[32]);

/* --- notifications ----------------------------------------------------------------------- */

/*
 * The way from init, which can reach no host path any more, to the agent: connected by the parent,
 * and told the container's state in memory that both share.
 */
struct scmp_agent {
	int sock;   /* or -1: none is needed */
	struct scmp_shared *shared;
};

#define SCMP_AGENT_NONE ((struct scmp_agent) { .sock = -1 })

/**
 * Connect to listenerPath, before the clone. When nothing is to be notified, an agent that is there gets
 * its listener all the same, and one that is not there isn't missed.
 */
int scmp_agent_open(const struct scmp_prog *p, const struct spec_seccomp *c,
	struct scmp_agent *ret, struct err *e);
/** Parent, before init may go on: @state is the JSON object of the container's state. */
int scmp_agent_tell(struct scmp_agent *a, const struct spec *s, pid_t pid,
	const char *state, struct err *e);
/** Init, before anybody traces it: who sends the listener. Nothing is done without an agent. */
int scmp_agent_begin(const struct scmp_agent *a, struct err *e);
/** Init: it is there (or -1), send it. */
int scmp_agent_end(const struct scmp_agent *a, int listener, struct err *e);
void scmp_agent_close(struct scmp_agent *a);

/** scmp_load(), and the listener is sent to the agent. */
int scmp_apply(const struct scmp_prog *p, const struct scmp_agent *a, struct err *e);

#endif
