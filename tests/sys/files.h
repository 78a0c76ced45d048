/* SPDX-License-Identifier: Apache-2.0 */
/* A fake container over a temporary directory: paths are put into guest memory by name. */
#ifndef DETRUN_TESTS_FILES_H
#define DETRUN_TESTS_FILES_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "tests/check.h"
#include "tests/sys/fake.h"

#define EPOCH 1000000
#define ST 0x3000 /* where the guest keeps its struct stat */

struct files {
	struct fake f;
	char dir[64];
	uint64_t next; /* guest memory for strings */
};

static inline void files_up(struct files *s)
{
	memset(s, 0, sizeof *s);
	s->f.opts.epoch = EPOCH;
	s->f.opts.virtual_ids = true;
	s->f.opts.upper = s->f.opts.root_upper = s->f.opts.image = -1;
	s->next = 0x100;
	strcpy(s->dir, "/tmp/detrun-files.XXXXXX");
	OK(mkdtemp(s->dir));
	fake_up(&s->f);
}

static inline void files_down(struct files *s)
{
	rm_rf(AT_FDCWD, s->dir);
	fake_free(&s->f);
}

/* The real path of a name. */
static inline const char *real(struct files *s, const char *name, char *buf)
{
	sprintf(buf, "%s/%s", s->dir, name);
	return buf;
}

/* The guest's address of a string with the path of a name. */
static inline uint64_t path(struct files *s, const char *name)
{
	uint64_t at = s->next;

	real(s, name, (char *) &s->f.m[at]);
	s->next += strlen((char *) &s->f.m[at]) + 1;
	if (s->next > 0x2000)
		s->next = 0x100;
	return at;
}

static inline void put(struct files *s, const char *name, const char *text)
{
	char buf[256];
	FILE *f = fopen(real(s, name, buf), "w");

	OK(f);
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

/* lstat as the guest sees it; st_ino 0 when it isn't there. */
static inline struct stat look(struct files *s, const char *name)
{
	struct stat st = { 0 };

	if (fake_sys(&s->f, "lstat", path(s, name), ST) == 0)
		st = FAKE_AT(&s->f, struct stat, ST);
	return st;
}

#endif
