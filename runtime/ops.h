/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of the plan, one function each. Private to ops*.c. */
#ifndef DETRUN_OPS_H
#define DETRUN_OPS_H

#include "runtime/init.h"

typedef int op_fn(struct init_state *s, const struct op *o, struct err *e);

/* ops_root.c: the root and what is in it */
op_fn op_propagation, op_copy, op_hide, op_root_overlay, op_root_bind, op_pivot;
op_fn op_mkdir, op_file, op_symlink, op_empty;
/* ops_mount.c */
op_fn op_mount, op_overlay, op_bind, op_remount, op_attr;
/* ops_dev.c: devices, and what is covered */
op_fn op_device, op_mask, op_readonly, op_console;

/* ops_dev.c: a device node that is mounted nowhere, with the owner that we call so */
int ops_node(const struct op *o, uid_t uid, gid_t gid, int *ret_fd, struct err *e);
/* ops_dev.c: cover what @at is with nothing */
int ops_mask(struct init_state *s, int at, const char *path, struct err *e);
/* ops.c: have .procfs; to be called before the pivot */
int ops_procfs(struct init_state *s, struct err *e);

#endif
