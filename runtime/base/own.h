/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners: variables that free what they hold when they go out of scope.
 * Hand a resource over with take_fd() or take_ptr().
 */
#ifndef DETRUN_OWN_H
#define DETRUN_OWN_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void own_fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void own_free_drop(void *p)
{
	free(*(void **) p);
}

static inline void own_file_drop(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void own_dir_drop(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define own_cleanup(fn) __attribute__((cleanup(fn)))

#define own_fd own_cleanup(own_fd_drop) int
#define own_free own_cleanup(own_free_drop)
#define own_file own_cleanup(own_file_drop) FILE *
#define own_dir own_cleanup(own_dir_drop) DIR *

/** Give up ownership of *@fd: returns it and leaves -1 behind. */
static inline int take_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/** Give up ownership of a pointer variable: its value, NULL left behind. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
