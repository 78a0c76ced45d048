/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_JOINED_H
#define DETRUN_JOINED_H

#include <limits.h>

/** The host name in the UTS namespace at @path: 0 or -errno. */
int joined_hostname(const char *path, char ret[HOST_NAME_MAX + 1]);

#endif
