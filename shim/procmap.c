/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings and mounts as /proc shows them: without the host's devices, inodes and options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "runtime/base/own.h"
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
	if (stat(m->path, &st) < 0)
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

/* ---- mounts ---- */

struct mount {
	char *point, *options, *type, *source, *super;
	size_t order;
};

/* Optional fields end at "-"; the parent ids, devices and roots of the host are not looked at. */
static bool mount_parse(char *line, struct mount *m)
{
	char *field[32], *save = NULL;
	int n = 0, dash = 0;

	for (char *p = strtok_r(line, " ", &save); p && n < 32; p = strtok_r(NULL, " ", &save)) {
		if (n > 5 && !dash && strcmp(p, "-") == 0)
			dash = n;
		field[n++] = p;
	}
	if (!dash || dash + 3 >= n)
		return false;
	*m = (struct mount) { field[4], field[5], field[dash + 1], field[dash + 2],
		field[dash + 3], 0 };
	return true;
}

/* Of a mount's file system only what the place says: what holds a volume is the host's matter. */
static const char *mount_type(const struct mount *m)
{
	static const char *const own[] = { "/dev", "/run", "/sys", "/tmp" };

	if (strcmp(m->point, "/proc") == 0)
		return "proc";
	if (strcmp(m->point, "/dev/pts") == 0)
		return "devpts";
	if (strcmp(m->point, "/dev/mqueue") == 0)
		return "mqueue";
	if (strncmp(m->type, "cgroup", 6) == 0)
		return "cgroup2";
	if (strcmp(m->point, "/sys") == 0) /* or what stands in for it */
		return "sysfs";
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(m->point, own[i]) == 0)
			return "tmpfs";
	return strncmp(m->point, "/dev/", 5) == 0 ? "tmpfs" : "overlay";
}

/* What is masked or read-only there depends on the files that the kernel has. */
static bool mount_hidden(const struct mount *m)
{
	return strncmp(m->point, "/proc/", 6) == 0 || strncmp(m->point, "/sys/firmware", 13) == 0;
}

static const char *ro_or_rw(const char *options)
{
	return strncmp(options, "ro", 2) == 0 && (options[2] == ',' || !options[2]) ? "ro" : "rw";
}

static void mount_options(const char *options, struct buf *b)
{
	static const char *const known[] = { "nosuid", "nodev", "noexec" };

	buf_str(b, ro_or_rw(options));
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(options, known[i]))
			buf_printf(b, ",%s", known[i]);
	buf_str(b, ",relatime");
}

struct mounts_ctx {
	struct mount *m;
	size_t n;
};

static void one_mount(struct mounts_ctx *c, char *line)
{
	struct mount m;

	if (!mount_parse(line, &m) || mount_hidden(&m))
		return;
	m.order = c->n;
	c->m = realloc(c->m, (c->n + 1) * sizeof m);
	must_mem(c->m);
	c->m[c->n++] = m;
}

/* The standard ones in the order that every engine's config.json has them. */
static size_t rank(const char *point)
{
	static const char *const first[] = { "/", "/proc", "/dev", "/dev/pts", "/dev/shm",
		"/dev/mqueue", "/sys", "/sys/fs/cgroup" };
	size_t i = 0;

	while (i < ARRAY_LEN(first) && strcmp(point, first[i]) != 0)
		i++;
	return i;
}

/* By place: in which order they were made depends on who may make which, and how. */
static int by_point(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;
	size_t i = rank(x->point), j = rank(y->point);
	int r = i != j ? (i > j) - (i < j) : strcmp(x->point, y->point);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

/* config.json's; not those that are everywhere, in this way or that. */
static bool own_tmpfs(const struct shim_opts *o, const struct mount *m)
{
	for (size_t i = o ? o->n_mounts : 0; i-- > 0;)
		if (strcmp(o->mounts[i].destination, m->point) == 0)
			return o->mounts[i].type && !strcmp(o->mounts[i].type, "tmpfs") &&
			       strcmp(m->type, "tmpfs") == 0;
	return false;
}

/* Of a tmpfs what was asked for: other options depend on the kernel, or show the host's ids. */
static void super_options(const char *super, struct buf *b)
{
	static const char *const known[] = { "sync", "dirsync", "mode=", "size=" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		for (const char *p = super; (p = strchr(p, ','));) {
			size_t n = strcspn(++p, ","), k = strlen(known[i]);

			if (strncmp(p, known[i], k) == 0 && (n == k || known[i][k - 1] == '='))
				buf_printf(b, ",%.*s", (int) n, p);
		}
}

static void put_mount(const struct shim_opts *o, const struct mount *m, size_t i, bool info,
	struct buf *b)
{
	const char *type = mount_type(m);
	bool own = strcmp(type, "overlay") == 0 && own_tmpfs(o, m);
	const char *source = strcmp(m->point, "/dev/shm") == 0 ? "shm" : type;

	if (own)
		source = type = "tmpfs";
	if (info)
		buf_printf(b, "%zu %u 0:%zu / %s ", i + 21, i ? 21 : 1, i + 21, m->point);
	else
		buf_printf(b, "%s %s %s ", source, m->point, type);
	mount_options(m->options, b);
	if (info)
		buf_printf(b, " - %s %s %s", type, source, own ? ro_or_rw(m->super) : "rw");
	if (own)
		super_options(m->super, b);
	buf_str(b, info ? "\n" : " 0 0\n");
}

static void put_mounts(const struct shim_opts *o, const char *real, bool info, struct buf *b)
{
	struct mounts_ctx c = { 0 };
	own_free char *text = strdup(real);
	char *save = NULL;

	must_mem(text);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		one_mount(&c, l);
	if (c.n)
		qsort(c.m, c.n, sizeof *c.m, by_point);
	for (size_t i = 0; i < c.n; i++)
		put_mount(o, &c.m[i], i, info, b);
	free(c.m);
}

void procview_mountinfo(const struct shim_opts *o, const char *real, struct buf *b)
{
	put_mounts(o, real, true, b);
}

void procview_mounts(const struct shim_opts *o, const char *real, struct buf *b)
{
	put_mounts(o, real, false, b);
}
