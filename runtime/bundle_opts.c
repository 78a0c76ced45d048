/* SPDX-License-Identifier: Apache-2.0 */
/* The options of create and run. */
#include <string.h>

#include "runtime/base/own.h"
#include "runtime/bundle.h"

static size_t add(struct opt *t, size_t n, const struct opt *more, size_t k)
{
	must(n + k < BUNDLE_OPTS);
	memcpy(t + n, more, k * sizeof *more);
	return n + k;
}

size_t bundle_options(struct bundle_run *b, bool run, struct opt t[BUNDLE_OPTS])
{
	const struct opt both[] = {
		{ "bundle", 'b', OPT_STR, &b->dir, "DIR",
			"the bundle (default: the current directory)" },
		{ "config", 'f', OPT_STR, &b->config, "FILE",
			"the bundle's config.json by another name" },
		{ "console-socket", 0, OPT_STR, &b->console_socket, "SOCKET",
			"send the terminal's master there" },
		{ "pidfd-socket", 0, OPT_STR, &b->pidfd_socket, "SOCKET",
			"send a pidfd of the first process there" },
		{ "pid-file", 0, OPT_STR, &b->pid_file, "FILE",
			"write the first process's pid there" },
		{ "no-pivot", 0, OPT_FLAG, &b->no_pivot, NULL, "change root instead (initramfs)" },
		{ "no-new-keyring", 0, OPT_FLAG, &b->no_keyring, NULL,
			"keep the caller's keyring" },
		{ "preserve-fds", 0, OPT_STR, &b->preserve, "N", "pass fds 3 to 2+N on" },
	};
	const struct opt only_run[] = {
		{ "detach", 'd', OPT_FLAG, &b->detach, NULL, "do not wait for its end" },
		{ "keep", 0, OPT_FLAG, &b->keep, NULL, "leave the state when it has ended" },
		{ "no-subreaper", 0, OPT_FLAG, &b->no_subreaper, NULL,
			"leave its orphans to others" },
	};
	const struct opt determined[] = {
		{ "determinism", 0, OPT_STR, &b->job.determinism, "strict|record|off",
			"external inputs are refused, recorded (default), or not looked at" },
		{ "seed", 0, OPT_STR, &b->job.seed, "TEXT", "of all randomness (default 0)" },
		{ "epoch", 0, OPT_STR, &b->job.epoch, "SECONDS", "when the clock starts" },
		{ "cpu", 0, OPT_STR, &b->job.cpu, "MODEL", "x86-64-v2 (default) or x86-64-v3" },
		{ "cpus", 0, OPT_STR, &b->job.cpus, "N", "number of CPUs to be seen (default 1)" },
		{ "trace", 0, OPT_STR, &b->job.trace, "DIR|none", "where the trace goes" },
		{ "key", 0, OPT_STR, &b->job.key, "PEM", "sign the trace with this key" },
		{ "strict", 0, OPT_FLAG, &b->job.strict, NULL, "as --determinism=strict" },
		{ "dry-run", 0, OPT_FLAG, &b->job.dry_run, NULL, "print what would be set up" },
	};
	size_t n = add(t, 0, both, ARRAY_LEN(both));

	if (run)
		n = add(t, n, only_run, ARRAY_LEN(only_run));
	n = add(t, n, determined, ARRAY_LEN(determined));
	t[n] = (struct opt) { NULL };
	return n;
}
