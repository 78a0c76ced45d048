/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set-up of a container as a flat list of operations, made from a spec without looking at the
 * machine: the same list for all doors. init executes it from first to last; --dry-run prints it.
 */
#ifndef DETRUN_PLAN_H
#define DETRUN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"

enum op_kind {
	OP_PROPAGATION,	 /* .propagation for what is mounted from the host */
	OP_COPY,	 /* copy the tree .source to the private directory .path (host paths) */
	OP_HIDE,	 /* .path of the tree .source is empty in the layer .data (host paths) */
	OP_ROOT_OVERLAY, /* .source lower, .above it, .type upper, .data work (host paths) */
	OP_ROOT_BIND,	 /* .source, .propagation to be; .flag: without a mount of its own */
	OP_MKDIR,	 /* .path .mode */
	OP_FILE,	 /* .path .mode .data: written over what is there */
	OP_EMPTY,	 /* .path: truncate it if it is there */
	OP_SYMLINK,	 /* .path -> .data, unless something is there */
	OP_MOUNT,	 /* .type .source .data .ms on .path */
	OP_OVERLAY,	 /* .source lower, .type upper, .data work, on .path */
	OP_BIND,	 /* .source (host) on .path, .flag recursive, .ms set, .ms_clear */
	OP_REMOUNT,	 /* .path: .ms set, .ms_clear, .data; without MS_BIND the file system's, too */
	OP_DEVICE,	 /* .path, .mode, .attr rdev; from the host's node .source if not NULL, or,
			    .flag, one that the launcher has made */
	OP_ATTR,	 /* change .path's mount: .attr set, .clear */
	OP_MASK,	 /* hide .path if it is there */
	OP_READONLY,	 /* make .path read-only if it is there */
	OP_LO_UP,
	OP_HOSTNAME,	 /* .data */
	OP_DOMAINNAME,	 /* .data */
	OP_SYSCTL,	 /* .path (dots) .data */
	OP_RLIMIT,	 /* .mode resource, .attr soft, .clear hard; .flag: as far as allowed */
	OP_PIVOT,	 /* .flag: chroot instead of pivot_root, .attr: the host's mounts are ours to
			    take away; .propagation of the root then */
	OP_KEYRING,
	OP_CONSOLE,	 /* make the terminal; .uid its owner, .flag: no carriage returns */
	OP_SESSION,	 /* a session and process group of its own */
	OP_UMASK,	 /* .mode */
	OP_CWD,		 /* .path */
	OP_CREATED,	 /* tell the launcher, wait for its go and, if it says so, for start */
	OP_READY,	 /* tell the supervisor, wait for its go */
	OP_USER,	 /* .source's ids and capabilities: see struct spec */
	OP_EXEC,
};

struct op {
	enum op_kind kind;
	const char *path, *source, *above, *type, *data;
	uint64_t attr, clear;
	unsigned long ms, ms_clear;  /* MS_* of a mount */
	uint64_t rec_set, rec_clear; /* MOUNT_ATTR_* of a mount and all below it */
	unsigned ext;		     /* SPEC_MNT_* */
	const struct spec_mount *mount; /* whose id maps these are; or NULL */
	bool inside; /* .source is the container's, as far as it is mounted by then */
	unsigned long propagation;
	mode_t mode;
	bool flag;
	bool optional; /* a failure is not one of the container */
	uint32_t uid, gid;
};

struct plan {
	struct op *op;
	size_t n, cap;
	char **str; /* owned strings */
	size_t n_str;
};

struct cgroup;

enum root_kind { ROOT_OVERLAY, ROOT_COPY, ROOT_BIND, ROOT_EMPTY };

struct plan_dir {
	const char *path;
	mode_t mode;
};

struct plan_link {
	const char *path, *target;
};

struct plan_file {
	const char *path; /* in the container */
	const char *data;
};

struct plan_in {
	const struct spec *spec;
	enum root_kind root;
	const char *lower; /* the root file system */
	const char *bundle; /* relative sources of bind mounts are relative to it; or NULL */
	const struct cgroup *cgroup; /* the container's, or NULL */
	const char *priv;  /* private directory of this run: upper, work, copies */
	unsigned cpus;	   /* that it sees */
	bool userns;	   /* the container has a user namespace of its own */
	bool off;	   /* nobody supervises it */
	bool no_pivot, no_keyring, plain_terminal;
	bool soft_rlimits; /* set rlimits as far as the hard limit allows */
	const struct plan_dir *dirs;   /* directories of the root, ended by .path NULL */
	const struct plan_link *links; /* symlinks of the root, ended by .path NULL */
	const struct plan_file *files; /* files of the root, likewise */
	const struct plan_file *sys; /* what /sys is made of in place of the host's, likewise */
	const char *const *empty; /* files of the root to be emptied, NULL-terminated */
};

/** Append the operations of @in to @p. 0 or -errno. */
int plan_make(const struct plan_in *in, struct plan *p, struct err *e);
void plan_free(struct plan *p);
/** One line per operation. */
void plan_print(const struct plan *p, struct buf *b);

#define own_plan __attribute__((cleanup(plan_free))) struct plan

#endif
