/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a container is the supervisor's. */
#ifndef DETRUN_MODE_H
#define DETRUN_MODE_H

#include "oci/spec.h"

enum det_mode {
	DET_RECORD, /* external inputs are taken and recorded */
	DET_STRICT, /* they are refused */
	DET_OFF,    /* no supervisor: a plain runtime */
};

/**
 * The first that says something: @text (an option's), the annotation org.detrun.determinism of @s
 * (may be NULL), $DETRUN_DETERMINISM; else DET_RECORD. 0 or -EINVAL.
 */
int det_mode_of(const char *text, const struct spec *s, enum det_mode *ret, struct err *e);
/** "record", "strict", "off". */
const char *det_mode_name(enum det_mode m);
/** The mode of that name; DET_RECORD for any other. */
enum det_mode det_mode_by_name(const char *name);

#endif
