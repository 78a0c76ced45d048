/* SPDX-License-Identifier: Apache-2.0 */
/* Private to plan*.c. */
#ifndef DETRUN_PLAN_IMPL_H
#define DETRUN_PLAN_IMPL_H

#include "runtime/plan.h"

/** One more operation, all zero but @kind and @path. Valid until the next. */
struct op *plan_add(struct plan *p, enum op_kind kind, const char *path);
/** A string that lives as long as the plan. */
const char *plan_str(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* plan_mount.c */
int plan_mounts(const struct plan_in *in, struct plan *p, struct err *e);
/* plan_cgview.c */
/** Files of the canonical machine's cgroups, into what is mounted for @m. */
void plan_cgview(const struct plan_in *in, const struct spec_mount *m, struct plan *p);
/** A part of the host's hierarchies that is mounted into them: the canonical machine has none. */
bool plan_cgview_part(const struct spec *s, const struct spec_mount *m);
/** The device nodes. */
void plan_dev(const struct plan_in *in, struct plan *p);
/** What can be made read-only or covered only when all is there. */
void plan_late_attrs(const struct plan_in *in, struct plan *p);

#endif
