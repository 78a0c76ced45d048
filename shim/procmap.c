/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings as /proc shows them: without the host's devices and inodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/machine.h"
#include "shim/procview.h"

/* Call @fn for each line, NUL in place of its newline. */
typedef void line_fn(void *ctx, char *line);

static void each_line(const char *text, line_fn *fn, void *ctx)
{
	own_free char *copy = strdup(text);
	char *p = copy, *nl;

	must_mem(copy);
	for (; *p; p = nl + 1) {
		nl = strchr(p, '\n');
		if (nl)
			*nl = 0;
		fn(ctx, p);
		if (!nl)
			break;
	}
}

/* ---- mappings ---- */

struct mapping {
	unsigned long long start, end, off;
	char perms[5];
	unsigned major, minor;
	unsigned long long ino;
	const char *path; /* "" = none */
};

static bool mapping_parse(char *line, struct mapping *m)
{
	int n = 0;
	unsigned major, minor;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu%n", &m->start, &m->end, m->perms, &m->off,
		    &major, &minor, &m->ino, &n) != 7)
		return false;
	m->path = line + n;
	while (*m->path == ' ')
		m->path++;
	m->major = m->minor = 0;
	m->ino = 0;
	return strcmp(m->path, "[vvar]") != 0 && strcmp(m->path, "[vdso]") != 0 &&
	       strcmp(m->path, "[vvar_vclock]") != 0 && strcmp(m->path, "[vsyscall]") != 0;
}

struct maps_ctx {
	struct world *w;
	struct buf *b;
	bool smaps;
	uint64_t total;
};

/* The numbers that stat(2) gives for the file. */
static void mapping_file(struct world *w, struct mapping *m)
{
	struct stat st;

	if (*m->path != '/')
		return;
	if (fs_look(AT_FDCWD, m->path, 0, &st) < 0)
		return;
	inode_view(w, &st);
	m->major = major(st.st_dev);
	m->minor = minor(st.st_dev);
	m->ino = st.st_ino;
}

static void mapping_line(struct maps_ctx *c, const struct mapping *m)
{
	size_t start = c->b->n;

	buf_printf(c->b, "%08llx-%08llx %s %08llx %02x:%02x %llu ", m->start, m->end, m->perms, m->off,
		m->major, m->minor, m->ino);
	if (*m->path) {
		while (c->b->n - start < 73)
			buf_byte(c->b, ' ');
		buf_str(c->b, m->path);
	}
	buf_byte(c->b, '\n');
}

static void smaps_tail(struct buf *b, const char *size_line, unsigned long long kb)
{
	static const char *const zero[] = { "Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty",
		"Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "LazyFree",
		"AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb",
		"Private_Hugetlb", "Swap", "SwapPss", "Locked" };

	if (size_line)
		buf_printf(b, "Size:           %8llu kB\nKernelPageSize:        4 kB\n"
			"MMUPageSize:           4 kB\n", kb);
	for (size_t i = 0; i < ARRAY_LEN(zero); i++)
		buf_printf(b, "%s:%*s0 kB\n", zero[i], (int) (22 - strlen(zero[i])), "");
}

static void one_mapping(void *ctx, char *line)
{
	struct maps_ctx *c = ctx;
	struct mapping m;

	if (!mapping_parse(line, &m))
		return;
	c->total += m.end - m.start;
	if (!c->b)
		return;
	mapping_file(c->w, &m);
	mapping_line(c, &m);
	if (c->smaps) {
		smaps_tail(c->b, "Size", (m.end - m.start) >> 10);
		buf_str(c->b, "THPeligible:           0\nVmFlags: rd\n");
	}
}

void procview_maps(struct world *w, const char *real, struct buf *b)
{
	struct maps_ctx c = { .w = w, .b = b };

	each_line(real, one_mapping, &c);
}

void procview_smaps(struct world *w, const char *real, bool rollup, struct buf *b)
{
	struct maps_ctx c = { .w = w, .b = b, .smaps = true };

	if (!rollup) { /* lines that are not a mapping's first are left out by the parser */
		each_line(real, one_mapping, &c);
		return;
	}
	buf_str(b, "00000000-7ffffffff000 ---p 00000000 00:00 0                          [rollup]\n");
	smaps_tail(b, NULL, 0);
}

uint64_t procview_vsize(const char *maps)
{
	struct maps_ctx c = { 0 };

	each_line(maps, one_mapping, &c);
	return c.total;
}
