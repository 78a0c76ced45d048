/* SPDX-License-Identifier: Apache-2.0 */
/* What the annotations of a bundle choose. */
#ifndef DETRUN_NOTED_H
#define DETRUN_NOTED_H

#include "oci/spec.h"
#include "runtime/job.h"

/**
 * Podman hands on the annotations of an image's manifest among those of its caller. Take away from
 * @s, with a warning, those that choose something of ours and that the image says. Where it can't be
 * told who says it, that is an error. @bundle, @rootfs: absolute. 0 or -errno.
 */
int noted_of_caller(struct spec *s, const char *bundle, const char *rootfs, struct err *e);

/** Annotations are the defaults of the options. */
int noted_options(const struct spec *s, struct job_opts *o, struct err *e);

#endif
