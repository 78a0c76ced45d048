/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint and restore: there are none. Podman finds out whether there are by the exit status of
 * `checkpoint --help`, so that fails, too; -h, which is for people, does not.
 */
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"

int cmd_checkpoint(const struct global *g, int argc, char **argv)
{
	static const struct opt none[] = { { NULL } };

	(void) g;
	if (argc == 2 && !strcmp(argv[1], "-h")) {
		opts_usage(argv[0], "not supported, in no form", "...", NULL, none);
		return 0;
	}
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
