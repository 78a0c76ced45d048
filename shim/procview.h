/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc and /sys show: one canonical machine, and processes without what the host adds. */
#ifndef DETRUN_PROCVIEW_H
#define DETRUN_PROCVIEW_H

#include <sys/resource.h>
#include <sys/statfs.h>

#include "shim/world.h"

/** A file made of text, to be laid down before the container starts. */
struct shim_file {
	char *path; /* absolute */
	char *text;
	size_t n;
};

/**
 * The files of /sys: all of what there is of it, for a tmpfs in its place. The array and its
 * strings are the caller's: procview_free(). Returns how many, 0 when memory is short.
 */
size_t procview_static(unsigned ncpus, bool own_network, struct shim_file **ret);
void procview_free(struct shim_file *f, size_t n);

/** Text of the machine-wide file /proc/@name ("meminfo", "sys/kernel/ostype"). False: no such file. */
bool procview_machine(struct world *w, struct task *t, const char *name, struct buf *b);
/** Whether /proc/@name is shown at all; "" and numbers are. */
bool procview_shown(const struct world *w, const char *name);
/** The same for what follows a process's number: "fd/3", "task/12/stat". */
bool procview_shown_process(const struct world *w, const char *rest);

enum proc_pass { PROC_PASS, PROC_TEXT, PROC_INPUT, PROC_ABSENT };
/**
 * File @name of the process or thread @pid (numbers inside). @real: what the kernel's file says.
 * PROC_TEXT: @b is what the guest gets to see; PROC_INPUT: so it is, but the host decides it; PROC_PASS: the kernel's own.
 */
enum proc_pass procview_process(struct call *c, pid_t pid, const char *name, const char *real,
	struct buf *b);

/* sys/rlimit.c: a limit as the program sees it */
struct rlimit rlimit_view(const struct proc *p, unsigned res);
/* the process has this one from its start, if it is one of ours */
void rlimit_give(struct world *w, struct proc *p, unsigned res, uint64_t soft, uint64_t hard);
/** The CPU time at which its limit has something to say, in ns; NO_DEADLINE: never. */
uint64_t rlimit_cpu(const struct proc *p);
/** What it says now: a signal, or 0. */
int rlimit_cpu_signal(struct proc *p);

/* sys/sched.c: the CPUs of a task, as bits; the first 64 */
uint64_t sched_cpus(const struct world *w, const struct sched_state *s);

/* procmap.c: what is told of mappings */
void procview_maps(struct world *w, const struct mm *mm, const char *real, struct buf *b);
void procview_smaps(struct world *w, const struct mm *mm, const char *real, bool rollup, struct buf *b);
/** Bytes mapped, from the text of maps. */
uint64_t procview_vsize(const char *maps);

/* procmounts.c: what is told of mounts; whether there is something in it that the host decides */
/* A mount of the container: its id, and the minor number of its files' device. */
struct mount_view {
	uint16_t id, dev;
	bool disk; /* not one of the kernel's own file systems */
	uint32_t blocks; /* of a tmpfs that config.json gives a size, in pages; 0: any other */
};
enum { MOUNT_FIRST = 21 }; /* the root: above the numbers of what is mounted nowhere */
/** By the host's mount id (0: not known) or else its device. False: none of the container's. */
bool mount_find(const struct world *w, uint64_t host_id, dev_t host_dev, struct mount_view *ret);
/** mount_view.blocks of what the kernel says this of; 0: not known. */
uint32_t mount_blocks(const struct world *w, const struct statfs *fs);
/** Once, when they are all there. */
void mounts_learn(struct world *w);
bool procview_mountinfo(const struct world *w, const char *real, struct buf *b);
bool procview_mounts(const struct world *w, const char *real, struct buf *b);
/** A list of sockets ("net/tcp"), @real as the kernel has it. False: @name is none. */
bool procview_net(struct world *w, const char *name, const char *real, struct buf *b);
/** Which file system is the one of cgroups. */
void mounts_learn_cgroup(struct world *w);
/** Before the first program: nothing in the container is suid, and nobody sees that. */
int mounts_bar_suid(struct world *w, struct err *e);

#endif
