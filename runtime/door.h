/* SPDX-License-Identifier: Apache-2.0 */
/* The door without a verb: a command over a named root file system, or over the host's own. */
#ifndef DETRUN_DOOR_H
#define DETRUN_DOOR_H

#include "runtime/cmd.h"
#include "runtime/job.h"
#include "runtime/opts.h"

struct door_volume {
	char *src; /* absolute, on the host */
	char *dst; /* absolute, inside */
	enum { VOL_RO, VOL_RW, VOL_SNAPSHOT } mode;
};

enum { DOOR_LINKS = 8 };

struct door {
	struct job_opts job;
	const char *chroot, *workdir, *user, *network, *hostname, *overlay, *in, *times, *keep,
		*output;
	struct opt_list volumes, env;
	bool terminal;
	bool only_env; /* replay: env is the whole environment */
	int argc; /* the command */
	char **argv;

	/* derived */
	struct door_volume *vol;
	size_t n_vol;
	char *chroot_path; /* absolute */
	char *cwd;   /* the directory outside that is /build inside, NULL: none */
	uid_t uid;
	gid_t gid;
	const char *user_name, *user_home; /* of --user */
	char *passwd; /* what they point into */
	struct plan_link *links; /* of the host's root */
	char target[DOOR_LINKS][256];
};

/** The option table, pointing into @d (see opts.h). Returns its length without the end. */
enum { DOOR_OPTS = 32 };
size_t door_options(struct door *d, struct opt table[DOOR_OPTS]);
/** Run the command with the options in @d, say what went wrong; detrun's exit status. */
int door_command(struct door *d, int argc, char **argv);
/** Run @d; @expect_dir: the bundle to compare with, or -1. detrun's exit status. */
int door_run(struct door *d, int expect_dir, struct shim_result *ret, int *ret_status,
	struct err *e);
void door_free(struct door *d);

/* doorspec.c: the spec that the options mean; @declared: without what only this machine has. */
int door_spec(const struct door *d, const struct job *j, const char *lower, bool declared,
	struct spec **ret, struct err *e);

/* hostroot.c: mounts, links and files of a root made of the host's own. */
extern const struct plan_dir host_dirs[];
extern const struct plan_file host_files[];
/** Fill d->links with the symlinks that the host has in "/" (bin -> usr/bin). */
int host_links(struct door *d, struct err *e);
void host_mounts(struct spec *s);

/* user.c: --user, by the root file system's own passwd and group (@lower NULL: the host door's). */
int user_resolve(struct door *d, const char *lower, struct err *e);

/* volumes.c */
int volumes_parse(struct door *d, struct err *e);

/* inputs.c: what a replay needs, as JSON: the part of the declaration, the part of this machine. */
int inputs_declared(const struct door *d, const struct job *j, struct buf *b);
int inputs_host(const struct door *d, struct buf *b);

#endif
