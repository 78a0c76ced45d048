/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of bind mounts that init can't clone itself: what the root of its user namespace has no way
 * to, and what gets an id map, which only the owner of the source's file system may give. A child of
 * the launcher, with our rights but in init's mount namespace, so that the kernel's locks hold on
 * what it clones, makes them and passes them on.
 */
#ifndef DETRUN_SOURCES_H
#define DETRUN_SOURCES_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/plan.h"

/** Does any operation of the plan need it? */
bool sources_needed(const struct spec *s, const struct plan *p);
/**
 * The launcher's part: a child, *@ret, that serves @init through the socket @sock, and ends when all
 * is done or @init is gone. @theirs, init's end, is closed in it.
 */
int sources_give(const struct spec *s, const struct plan *p, pid_t init, int sock, int theirs,
	pid_t *ret, struct err *e);
/** Init's: *@ret one fd or -1 for each operation of the plan (malloc). */
int sources_take(const struct plan *p, int sock, int **ret, struct err *e);
/** An id map for what is there only when init comes to it: the container's own mounts. */
bool sources_late(const struct op *o);
int sources_idmap(const struct plan *p, int sock, const struct op *o, int fd, struct err *e);

#endif
