/* SPDX-License-Identifier: Apache-2.0 */
/* Between bundle.c and bundle_state.c. */
#ifndef DETRUN_BUNDLE_IMPL_H
#define DETRUN_BUNDLE_IMPL_H

#include <limits.h>

#include "runtime/bundle.h"
#include "runtime/notify.h"

struct bundle {
	const struct bundle_run *run;
	struct spec *spec;
	char *dir, *rootfs;	  /* absolute, without symlinks */
	char *said;		  /* .dir as the caller calls it, absolute */
	char *state_top;
	int state_dir;
	int master, slave; /* of the terminal that a supervisor shows to who has the console socket */
	char *trace;	   /* where no other place was named for it */
	struct notify notify;
	struct state state;
	struct buf text; /* of config.json */
	struct buf config, inputs, host;
	bool kept_groups; /* .spec has the caller's */
	char joined[HOST_NAME_MAX + 1]; /* host name in a namespace that is joined */
	const char **in, **out; /* writable host directories: inside, outside */
};

/** Its directory, locked, and what is known of it by now. */
int bundle_make_state(struct bundle *b, enum det_mode mode, struct err *e);
int bundle_make_cgroup(struct bundle *b, struct err *e);
/* What struct job calls; @ctx is the struct bundle. */
int bundle_born(void *ctx, const struct launch *l, struct err *e);
int bundle_before_pivot(void *ctx, const struct launch *l, struct err *e);
int bundle_created(void *ctx, const struct launch *l, struct err *e);
int bundle_poststart(void *ctx, const struct launch *l, struct err *e);

#endif
