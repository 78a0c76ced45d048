/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_GROUPS_H
#define DETRUN_GROUPS_H

#include "oci/spec.h"
#include "runtime/base/json.h"
#include "runtime/mode.h"

/**
 * Where the annotation run.oci.keep_original_groups is, the program keeps the caller's supplementary
 * groups. Recorded they are an input, and declared as if config.json had them (@ret_kept); a replay sets
 * those that the trace has (@again, or NULL). Strict runs have none.
 */
int groups_keep(struct spec *s, enum det_mode mode, const struct json *again, bool *ret_kept,
	struct err *e);
/** Their list, under "groups". */
void groups_put(struct json_out *o, const struct spec_user *u);

#endif
