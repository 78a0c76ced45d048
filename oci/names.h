/* SPDX-License-Identifier: Apache-2.0 */
/* Names of small numbers, NULL for one that has none. Private to oci/. */
#ifndef DETRUN_OCI_NAMES_H
#define DETRUN_OCI_NAMES_H

#define NAMED_MAX 16 /* above all of these */

const char *sched_name(int policy);	/* SCHED_* */
const char *sched_flag_name(int bit);	/* SCHED_FLAG_*, by its bit's number */
const char *ioprio_name(int class);	/* IOPRIO_CLASS_* */

#endif
