/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cgroup*.c */
#ifndef DETRUN_CGROUP_IMPL_H
#define DETRUN_CGROUP_IMPL_H

#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/cgroup.h"

enum { CG_DIRS = 20, CG_TEXT = 1 << 20 };

/* One hierarchy. */
struct cg_dir {
	char *name;  /* v1: its controllers, comma-separated, or "name=systemd"; v2: "" */
	char *mount; /* where it is mounted, NULL when read back from the state */
	char *path;  /* the container's directory */
	bool v2;
	bool absent; /* we may not write there, and go on without */
	bool made;   /* by this cgroup_make() */
};

struct cgroup {
	struct cg_dir dir[CG_DIRS];
	size_t n;
	bool v2; /* the only hierarchy is v2's */
	bool rootless;
	bool made;	 /* by us: what is in it is the container's */
	bool entered;	 /* the process was born in it */
	bool path_given; /* linux.cgroupsPath was */
	int lock;	 /* of who makes it, until a process is in it; or -1 */
	char *unit;	 /* systemd's, or NULL */
	char *slice;
	struct cgroup_view view[CG_DIRS];
};

/* cgroup_find.c */

/** The hierarchies that are mounted here, and our place in each: .name, .mount, .path. */
int cg_find(struct cgroup *c, struct err *e);
/** Without "..", "." and doubled slashes; malloc. Absolute stays absolute. */
char *cg_clean(const char *path);
/** Is @name one of the comma-separated @list? */
bool cg_listed(const char *list, const char *name);
/** The directory where @controller is, or NULL. */
const struct cg_dir *cg_of(const struct cgroup *c, const char *controller);

/* cgroup_io.c: files of a directory. 0 or -errno with an error that names the file. */
int cg_write(const struct cg_dir *d, const char *file, const char *value, struct err *e);
int cg_write_int(const struct cg_dir *d, const char *file, int64_t v, struct err *e);
int cg_write_uint(const struct cg_dir *d, const char *file, uint64_t v, struct err *e);
int cg_read(const struct cg_dir *d, const char *file, struct buf *b, struct err *e);
/** A number; "max" is UINT64_MAX. */
int cg_read_uint(const struct cg_dir *d, const char *file, uint64_t *ret, struct err *e);
/** The number after "key " at the start of a line. */
bool cg_key(const char *text, const char *key, uint64_t *ret);
bool cg_has(const struct cg_dir *d, const char *file);

/* cgroup_systemd.c: .slice and .unit, and the path from the hierarchy's root (malloc). */
int cg_systemd_name(struct cgroup *c, const struct cgroup_opts *o, char **ret_path, struct err *e);
/** Make the unit with a process in it. */
int cg_systemd_start(struct cgroup *c, pid_t pid, struct err *e);
int cg_systemd_limits(const struct cgroup *c, const struct spec_resources *r, struct err *e);
void cg_systemd_stop(const struct cgroup *c);

/* cgroup_make.c */
/** Move a process into the one directory. */
int cg_attach(const struct cg_dir *d, pid_t pid, struct err *e);
int cg_make_dir(struct cgroup *c, struct cg_dir *d, const struct spec_resources *r, struct err *e);

/* cgroup_procs.c */
/** The directory that tells who is in it, or NULL. */
const struct cg_dir *cg_procs_dir(const struct cgroup *c);

/* What config.json asks for, controller by controller (cgroup_res.c). */
bool cg_asks(const struct spec_resources *r);
/** Whether they limit how many processes there are. */
bool cg_asks_pids(const struct spec_resources *r);

#endif
