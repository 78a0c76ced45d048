/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings as /proc shows them: without the host's devices and inodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/fs.h"
#include "shim/machine.h"
#include "shim/procview.h"

/* Call @fn for each line, NUL in place of its newline, for good. */
typedef void line_fn(void *ctx, char *line);

static void each_line(char *p, line_fn *fn, void *ctx)
{
	char *nl;

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
	bool dormant;	  /* a page of it at least is */
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
	m->dormant = false;
	return strcmp(m->path, "[vvar]") != 0 && strcmp(m->path, "[vdso]") != 0 &&
	       strcmp(m->path, "[vvar_vclock]") != 0 && strcmp(m->path, "[vsyscall]") != 0;
}

struct maps_ctx {
	struct world *w;
	const struct mm *mm; /* NULL: nothing is known of it */
	struct buf *b;
	bool smaps, any;
	struct mapping last; /* with .any: not printed yet */
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

static void flush_mapping(struct maps_ctx *c)
{
	if (!c->any)
		return;
	c->any = false;
	mapping_file(c->w, &c->last);
	mapping_line(c, &c->last);
	if (c->smaps) {
		smaps_tail(c->b, "Size", (c->last.end - c->last.start) >> 10);
		buf_str(c->b, "THPeligible:           0\nVmFlags: rd\n");
	}
}

/* What the kernel has as two for dormant code's sake only is one. */
static void put_mapping(struct maps_ctx *c, const struct mapping *m)
{
	struct mapping *l = &c->last;

	if (c->any && (l->dormant || m->dormant) && l->end == m->start && !strcmp(l->perms, m->perms) &&
		!strcmp(l->path, m->path) && l->off + (l->end - l->start) == m->off) {
		l->end = m->end;
		l->dormant = true;
		return;
	}
	flush_mapping(c);
	c->last = *m;
	c->any = true;
}

static void put_part(struct maps_ctx *c, const struct mapping *m, uint64_t from, uint64_t to, bool dormant)
{
	struct mapping part = *m;

	part.start = from;
	part.end = to;
	if (*m->path)
		part.off += from - m->start;
	part.dormant = dormant;
	if (dormant)
		part.perms[2] = 'x';
	if (from < to)
		put_mapping(c, &part);
}

static void one_mapping(void *ctx, char *line)
{
	struct maps_ctx *c = ctx;
	struct mapping m;
	uint64_t at, page;

	if (!mapping_parse(line, &m))
		return;
	c->total += m.end - m.start;
	if (!c->b)
		return;
	at = m.start;
	while (*m.path == '/' && !strncmp(m.perms, "r--", 3) && dormant_next(c->mm, at, m.end, &page)) {
		put_part(c, &m, at, page, false);
		put_part(c, &m, page, page + 4096, true);
		at = page + 4096;
	}
	put_part(c, &m, at, m.end, false);
}

static void all_mappings(struct maps_ctx *c, const char *real)
{
	own_free char *copy = strdup(real);

	must_mem(copy);
	each_line(copy, one_mapping, c);
	if (c->b)
		flush_mapping(c);
}

void procview_maps(struct world *w, const struct mm *mm, const char *real, struct buf *b)
{
	struct maps_ctx c = { .w = w, .mm = mm, .b = b };

	all_mappings(&c, real);
}

void procview_smaps(struct world *w, const struct mm *mm, const char *real, bool rollup, struct buf *b)
{
	struct maps_ctx c = { .w = w, .mm = mm, .b = b, .smaps = true };

	if (!rollup) { /* lines that are not a mapping's first are left out by the parser */
		all_mappings(&c, real);
		return;
	}
	buf_str(b, "00000000-7ffffffff000 ---p 00000000 00:00 0                          [rollup]\n");
	smaps_tail(b, NULL, 0);
}

uint64_t procview_vsize(const char *maps)
{
	struct maps_ctx c = { 0 };

	all_mappings(&c, maps);
	return c.total;
}
