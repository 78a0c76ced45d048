/* SPDX-License-Identifier: Apache-2.0 */
/* library. Preloaded into the runtime: memory whose Nth request fails. */
/*
 * NOMEM=N: only that one, NOMEM=N+: it and all later ones. Each program counts for itself, forked
 * ones on from where they were. At the end the file that NOMEM_COUNT names gets how many there were.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);

static long made, fails, more;

__attribute__((constructor))
static void begin(void)
{
	const char *s = getenv("NOMEM");
	char *end = NULL;

	fails = s ? strtol(s, &end, 10) : 0;
	more = end && *end == '+';
	made = 0;
}

__attribute__((destructor))
static void end(void)
{
	const char *s = getenv("NOMEM_COUNT");
	int fd = s ? open(s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd >= 0) {
		dprintf(fd, "%ld\n", made);
		close(fd);
	}
}

static int none(void)
{
	long n = ++made;

	if (!fails || n < fails || (n > fails && !more))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return none() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t m)
{
	return none() ? NULL : __libc_calloc(n, m);
}

void *realloc(void *p, size_t n)
{
	return none() ? NULL : __libc_realloc(p, n);
}
