/* SPDX-License-Identifier: Apache-2.0 */
/* The label that AppArmor or SELinux gives the program at its exec. */
#ifndef DETRUN_LSM_H
#define DETRUN_LSM_H

#include <stdbool.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

/** What config.json asks for needs a kernel that has it switched on. */
int lsm_check(const struct spec *s, struct err *e);
/** SELinux is there: mounts get the context of linux.mountLabel. */
bool lsm_selinux(void);

/**
 * Init, while the host's /proc is still in sight: *@ret_fd, verified to be of a procfs, takes the
 * label later; -1 when none is asked for.
 */
int lsm_open(const struct spec_process *p, int *ret_fd, struct err *e);
/** The next exec gets it. */
int lsm_apply(const struct spec_process *p, int fd, struct err *e);

#endif
