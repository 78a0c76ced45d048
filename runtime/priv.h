/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of a run's own: the private one (overlay's upper and work, copies), which is gone
 * when the run is, and the default places of traces and caches.
 */
#ifndef DETRUN_PRIV_H
#define DETRUN_PRIV_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct priv {
	char *path; /* absolute, 0700 */
	int lock;   /* held while it is in use */
};
#define PRIV_INIT ((struct priv) { .lock = -1 })

/**
 * Make a private directory on a file system that overlayfs can write on: below $XDG_STATE_HOME or
 * ~/.local/state, $TMPDIR, /var/tmp or /tmp, the first that will do;
 * @in_memory: in /dev/shm where that is a tmpfs. Removes what dead runs left.
 */
int priv_make(bool in_memory, struct priv *ret, struct err *e);
/** Remove it; @userns: fd of the user namespace whose ids own the files in it, or -1. */
void priv_done(struct priv *p, int userns);

/** Make priv/@name and give its path (malloc). */
int priv_dir(const struct priv *p, const char *name, char **ret, struct err *e);

/** `$XDG_STATE_HOME/detrun` or `~/.local/state/detrun` (malloc), made; NULL when there is none. */
char *state_home(void);
/** As state_home(), of $XDG_CACHE_HOME. */
char *cache_home(void);

/** Start time of a process in clock ticks, 0 if there is none: with the pid it is an identity. */
unsigned long long pid_start_time(int pid);
/** The same in *@ret; -errno where that can't be seen. */
int pid_began(int pid, unsigned long long *ret);
/** Is @pid the process that began at @start? 1 or 0, -errno where that can't be seen. */
int pid_is(int pid, unsigned long long start);

#endif
