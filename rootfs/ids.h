/* SPDX-License-Identifier: Apache-2.0 */
/* Ids on disk and in the image, by /etc/subuid and /etc/subgid. */
#ifndef DETRUN_ROOTFS_IDS_H
#define DETRUN_ROOTFS_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct id_range {
	uint32_t owner; /* uid of the user who may map it */
	uint32_t start, count;
};

struct id_table {
	struct id_range *v;
	size_t n;
};

/** Read @file (subuid's format); a missing one is empty. */
int ids_load(const char *file, struct id_table *ret, struct err *e);
void ids_free(struct id_table *t);

/** Whether the user @uid, whose own id of this kind is @own, may map @id in a container. */
bool ids_mappable(const struct id_table *t, uint32_t uid, uint32_t own, uint32_t id);

/**
 * The image's id of a file whose id on disk is @id, in a tree whose top has @top and belongs to the
 * user @uid: @top is 0, what follows it in its subordinate range follows, and the ranges of @uid
 * are 1, 2, 3…. A tree of root's is as it is. The same whoever asks.
 */
uint32_t ids_image(const struct id_table *t, uint32_t uid, uint32_t top, uint32_t id);

#endif
