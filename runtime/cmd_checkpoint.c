/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint and restore: there are none. Podman finds out whether there are by the exit status of
 * `checkpoint --help`, so that fails, too.
 */
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/cmd.h"

int cmd_checkpoint(const struct global *g, int argc, char **argv)
{
	(void) g;
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--parent-path", 13)) {
			log_error("%s: --parent-path leads to no earlier checkpoint: there are none",
				argv[0]);
			return 1;
		}
	log_error("%s is not supported: a process can't be moved with its supervisor; a run that was "
		"recorded can be run again from its start, see detrun replay", argv[0]);
	return 1;
}
