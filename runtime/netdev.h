/* SPDX-License-Identifier: Apache-2.0 */
/* The container's interfaces: its loopback, and the host's that it gets: linux.netDevices. */
#ifndef DETRUN_NETDEV_H
#define DETRUN_NETDEV_H

#include <sys/types.h>

#include "oci/spec.h"
#include "runtime/base/err.h"

/** The names inside can be names of interfaces. 0 or -EINVAL. */
int netdev_check(const struct spec_linux *l, struct err *e);
/** Move them to the network namespace of @pid, with their global addresses, renamed, and up. */
int netdev_move(const struct spec_linux *l, pid_t pid, struct err *e);

/**
 * TCP over this network namespace's loopback acknowledges at once and never repeats itself: what has
 * arrived, and how much fits, doesn't depend on timers of real time.
 */
int netdev_patient_loopback(struct err *e);

#endif
