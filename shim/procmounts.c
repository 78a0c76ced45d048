/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts as /proc shows them: as config.json declares them, without the host's devices. */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/procview.h"

enum { MAX_TEXT = 16 << 20 };

struct mount {
	const char *id, *parent, *dev, *point, *options, *type, *source, *super;
	size_t order;
};

/* Optional fields end at "-"; the roots are not looked at. */
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
	*m = (struct mount) { field[0], field[1], field[2], field[4], field[5], field[dash + 1],
		field[dash + 2], field[dash + 3], 0 };
	return true;
}

/* config.json's of that place: the last one is on top. */
static const struct spec_mount *declared(const struct shim_opts *o, const struct mount *m)
{
	for (size_t i = o ? o->n_mounts : 0; i-- > 0;)
		if (strcmp(o->mounts[i].destination, m->point) == 0)
			return &o->mounts[i];
	return NULL;
}

static bool is_cgroup(const struct spec_mount *d)
{
	return !(d->flags & MS_BIND) && d->type &&
	       (!strcmp(d->type, "cgroup") || !strcmp(d->type, "cgroup2"));
}

static bool in_proc(const struct mount *m)
{
	return strncmp(m->point, "/proc/", 6) == 0;
}

/* Of a mount's file system only what the place says: what holds a volume is the host's matter. */
static const char *mount_type(const struct shim_opts *o, const struct mount *m)
{
	static const char *const own[] = { "/dev", "/run", "/sys", "/tmp" };
	const struct spec_mount *d = declared(o, m);

	if (strcmp(m->point, "/proc") == 0 || in_proc(m))
		return "proc";
	if (strcmp(m->point, "/dev/pts") == 0)
		return "devpts";
	if (strcmp(m->point, "/dev/mqueue") == 0)
		return "mqueue";
	if (strncmp(m->type, "cgroup", 6) == 0 || (d && is_cgroup(d)))
		return "cgroup2";
	if (strcmp(m->point, "/sys") == 0) /* or what stands in for it */
		return "sysfs";
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(m->point, own[i]) == 0)
			return "tmpfs";
	return strncmp(m->point, "/dev/", 5) == 0 ? "tmpfs" : "overlay";
}

/* What else is masked or read-only there depends on the files that the kernel has. */
static bool mount_hidden(const struct mount *m)
{
	static const char *const everywhere[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys" };

	for (size_t i = 0; i < ARRAY_LEN(everywhere); i++)
		if (strcmp(m->point, everywhere[i]) == 0)
			return false;
	return in_proc(m) || strncmp(m->point, "/sys/firmware", 13) == 0;
}

static const char *ro_or_rw(const char *options)
{
	return strncmp(options, "ro", 2) == 0 && (options[2] == ',' || !options[2]) ? "ro" : "rw";
}

static bool has_option(const char *options, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = options; (p = strstr(p, name)); p += n)
		if ((p == options || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
	return false;
}

/* Not the bar to suid that is ours. */
static bool shown_option(const struct world *w, const struct mount *m, const char *name)
{
	return has_option(m->options, name) && (strcmp(name, "nosuid") != 0 ||
		!map_get(&w->suid_mounts, strtoull(m->id, NULL, 10), 0));
}

enum { ATIMES = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME };

/*
 * How the host mounted what it lends is an external input, unless config.json says better. Returns
 * whether that is seen.
 */
static bool put_options(const struct world *w, const struct mount *m, bool own, struct buf *b)
{
	static const char *const known[] = { "nosuid", "nodev", "noexec" };
	static const char *const more[] = { "noatime", "nodiratime", "relatime", "nosymfollow" };
	const struct shim_opts *o = w->o;
	const struct spec_mount *d = declared(o, m);
	bool lent = d && d->flags & MS_BIND && !o->strict && !o->virtual_ids;
	size_t start;

	buf_str(b, ro_or_rw(m->options));
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (shown_option(w, m, known[i]))
			buf_printf(b, ",%s", known[i]);
	if (!own && !lent) {
		buf_str(b, ",relatime");
		return false;
	}
	start = b->n;
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (has_option(m->options, more[i]))
			buf_printf(b, ",%s", more[i]);
	return lent && !(d->flags & ATIMES) &&
	       (b->n - start != 9 || memcmp(b->p + start, ",relatime", 9) != 0);
}

struct mounts_ctx {
	struct mount *m;
	size_t n;
	bool all; /* the hidden ones as well */
};

static void one_mount(struct mounts_ctx *c, char *line)
{
	struct mount m;

	if (!mount_parse(line, &m) || (mount_hidden(&m) && !c->all))
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
	const struct spec_mount *d = declared(o, m);

	return d && d->type && !strcmp(d->type, "tmpfs") && strcmp(m->type, "tmpfs") == 0;
}

/* A part of the host's memory is nothing to go by. */
static bool has_size(const struct shim_opts *o, const struct mount *m)
{
	const struct spec_mount *d = declared(o, m);
	const char *size = d && d->data && own_tmpfs(o, m) ? strstr(d->data, "size=") : NULL;

	return size && !memchr(size, '%', strcspn(size, ","));
}

static uint32_t tmpfs_blocks(const struct shim_opts *o, const struct mount *m)
{
	const char *size = has_size(o, m) ? strstr(m->super, "size=") : NULL;
	unsigned long long kib = size ? strtoull(size + 5, NULL, 10) : 0;

	return kib / 4 > INT32_MAX ? 0 : (uint32_t) (kib / 4);
}

/* With whom is not told. */
static bool is_shared(const struct shim_opts *o, const struct mount *m)
{
	const struct spec_mount *d = declared(o, m);

	if (strcmp(m->point, "/") == 0)
		return o && o->root_propagation & MS_SHARED;
	return d && d->propagation & MS_SHARED;
}

/* What was asked for: other options depend on the kernel, or show the host's ids. */
static void super_options(const char *super, const char *const known[], struct buf *b)
{
	for (size_t i = 0; known[i]; i++)
		for (const char *p = super; (p = strchr(p, ','));) {
			size_t n = strcspn(++p, ","), k = strlen(known[i]);

			if (strncmp(p, known[i], k) == 0 && (n == k || known[i][k - 1] == '='))
				buf_printf(b, ",%.*s", (int) n, p);
		}
}

static void put_numbers(const struct world *w, const struct mount *m, size_t i, struct buf *b)
{
	struct mount_view v = { .id = (uint16_t) (MOUNT_FIRST + i), .dev = (uint16_t) (MOUNT_FIRST + i) };
	struct mount_view parent = { .id = MOUNT_FIRST };

	mount_find(w, strtoull(m->id, NULL, 10), 0, &v);
	mount_find(w, strtoull(m->parent, NULL, 10), 0, &parent);
	if (v.id == MOUNT_FIRST)
		parent.id = 1;
	buf_printf(b, "%u %u 0:%u / %s ", v.id, parent.id, v.dev, m->point);
}

static bool put_mount(const struct world *w, const struct mount *m, size_t i, bool info,
	struct buf *b)
{
	static const char *const of_proc[] = { "hidepid=", "subset=", NULL };
	static const char *const of_tmpfs[] = { "sync", "dirsync", "mode=", NULL };
	static const char *const sized[] = { "sync", "dirsync", "mode=", "size=", NULL };
	const char *type = mount_type(w->o, m);
	bool own = own_tmpfs(w->o, m), memory = own && strcmp(type, "overlay") == 0, hosts;
	const char *source = strcmp(m->point, "/dev/shm") == 0 ? "shm" : type;

	if (memory)
		source = type = "tmpfs";
	if (info)
		put_numbers(w, m, i, b);
	else
		buf_printf(b, "%s %s %s ", source, m->point, type);
	hosts = put_options(w, m, memory, b);
	if (info && is_shared(w->o, m))
		buf_printf(b, " shared:%zu", i + 1);
	if (info)
		buf_printf(b, " - %s %s %s", type, source, memory ? ro_or_rw(m->super) : "rw");
	if (own)
		super_options(m->super, has_size(w->o, m) ? sized : of_tmpfs, b);
	else if (strcmp(m->point, "/proc") == 0)
		super_options(m->super, of_proc, b);
	buf_str(b, info ? "\n" : " 0 0\n");
	return hosts;
}

static void list_mounts(struct mounts_ctx *c, char *text)
{
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		one_mount(c, l);
	if (c->n)
		qsort(c->m, c->n, sizeof *c->m, by_point);
}

static bool put_mounts(const struct world *w, const char *real, bool info, struct buf *b)
{
	struct mounts_ctx c = { 0 };
	own_free char *text = strdup(real);
	bool hosts = false;

	must_mem(text);
	list_mounts(&c, text);
	for (size_t i = 0; i < c.n; i++)
		hosts |= put_mount(w, &c.m[i], i, info, b);
	free(c.m);
	return hosts;
}

bool procview_mountinfo(const struct world *w, const char *real, struct buf *b)
{
	return put_mounts(w, real, true, b);
}

bool procview_mounts(const struct world *w, const char *real, struct buf *b)
{
	return put_mounts(w, real, false, b);
}

/* ---- before the first program ---- */

static uint64_t packed(struct mount_view v)
{
	return v.id | (uint64_t) v.dev << 16 | (uint64_t) v.disk << 32 | (uint64_t) v.blocks << 33;
}

bool mount_find(const struct world *w, uint64_t host_id, dev_t host_dev, struct mount_view *ret)
{
	uint64_t *p = map_get(&w->mounts, host_id, 0);

	if (!p)
		p = map_get(&w->mount_devs, host_dev, 0);
	if (p)
		*ret = (struct mount_view){ (uint16_t) *p, (uint16_t) (*p >> 16), *p >> 32 & 1,
			(uint32_t) (*p >> 33) };
	return p;
}

static uint64_t fsid(const struct statfs *fs)
{
	uint64_t id;

	memcpy(&id, &fs->f_fsid, sizeof id);
	return id;
}

uint32_t mount_blocks(const struct world *w, const struct statfs *fs)
{
	uint64_t *p = map_get(&w->mount_sizes, fsid(fs), 0);

	return p ? (uint32_t) *p : 0;
}

/* Before Linux 5.13 a tmpfs has no number. */
static void learn_size(struct world *w, const struct mount *m, uint32_t blocks)
{
	struct statfs fs;

	if (blocks && statfs(m->point, &fs) == 0 && fs.f_type == TMPFS_MAGIC && fsid(&fs))
		must_mem(map_put(&w->mount_sizes, fsid(&fs), 0, blocks) == 0);
}

static bool is_volume(const struct shim_opts *o, const char *point)
{
	for (const char *const *v = o->volumes; v && *v; v++)
		if (strcmp(*v, point) == 0)
			return true;
	return false;
}

/*
 * What config.json mounts is a file system of its own, and the root. Device nodes and what is masked
 * or read-only are of the one around them; so is what the root is made of, when it is the host's.
 */
static bool own_device(const struct shim_opts *o, const struct mount *m)
{
	const struct spec_mount *d = declared(o, m);

	if (strcmp(m->point, "/") == 0)
		return true;
	return d && !mount_hidden(m) &&
	       !(o->host_root && d->flags & MS_BIND && !is_volume(o, m->point));
}

static bool covers(const char *point, const char *below)
{
	size_t n = strcmp(point, "/") == 0 ? 0 : strlen(point);

	return strncmp(point, below, n) == 0 && below[n] == '/';
}

/* @v[i] of the mount around @c->m[i] that is a file system of its own. */
static struct mount_view around(const struct mounts_ctx *c, const struct mount_view *v, size_t i)
{
	size_t best = c->n;

	for (size_t k = 0; k < c->n; k++)
		if (v[k].disk && covers(c->m[k].point, c->m[i].point) &&
			(best == c->n || strlen(c->m[k].point) >= strlen(c->m[best].point)))
			best = k;
	return best < c->n ? v[best] : (struct mount_view){ .id = MOUNT_FIRST, .dev = MOUNT_FIRST };
}

static bool kernels_own(const struct shim_opts *o, const struct mount *m)
{
	static const char *const types[] = { "proc", "sysfs", "devpts", "mqueue", "cgroup2" };
	const char *type = mount_type(o, m);

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static void number(struct world *w, const struct mounts_ctx *c, struct mount_view *v)
{
	uint16_t id = MOUNT_FIRST, dev = MOUNT_FIRST;

	for (size_t i = 0; i < c->n; i++) {
		v[i].disk = own_device(w->o, &c->m[i]); /* for around(), which comes after */
		if (v[i].disk)
			v[i].dev = dev++;
		if (!mount_hidden(&c->m[i]))
			v[i].id = id++;
	}
	for (size_t i = 0; i < c->n; i++) {
		struct mount_view a = v[i].disk ? v[i] : around(c, v, i);
		unsigned major, minor;

		a.id = v[i].id ? v[i].id : a.id;
		a.disk = !kernels_own(w->o, &c->m[i]);
		a.blocks = tmpfs_blocks(w->o, &c->m[i]);
		learn_size(w, &c->m[i], a.blocks);
		must_mem(map_put(&w->mounts, strtoull(c->m[i].id, NULL, 10), 0, packed(a)) == 0);
		if (sscanf(c->m[i].dev, "%u:%u", &major, &minor) == 2 &&
			!map_get(&w->mount_devs, makedev(major, minor), 0))
			must_mem(map_put(&w->mount_devs, makedev(major, minor), 0, packed(a)) == 0);
	}
}

void mounts_learn(struct world *w)
{
	struct mounts_ctx c = { .all = true };
	struct err e = ERR_INIT;
	struct mount_view *v;
	own_buf b = { 0 };

	if (w->host_proc < 0 || read_file(w->host_proc, "self/mountinfo", MAX_TEXT, &b, &e) < 0)
		return;
	must_mem(buf_cstr(&b));
	list_mounts(&c, (char *) b.p);
	v = calloc(c.n + 1, sizeof *v);
	must_mem(v);
	number(w, &c, v);
	free(v);
	free(c.m);
}

/* The kernel writes spaces and the like as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		bool oct = s[0] == '\\' && strspn(s + 1, "01234567") >= 3;

		*to++ = oct ? (char) ((s[1] - '0') * 64 + (s[2] - '0') * 8 + s[3] - '0') : *s;
		s += oct ? 3 : 0;
	}
	*to = 0;
}

int mounts_list(struct world *w, struct buf *text, const char ***ret, struct err *e)
{
	own_free const char **v = NULL;
	char *save = NULL, *s;
	size_t n = 0, max = 1;
	int r = read_file(w->host_proc, "self/mountinfo", MAX_TEXT, text, e);

	s = r < 0 ? NULL : buf_cstr(text);
	for (char *p = s; p && (p = strchr(p, '\n')); p++)
		max++;
	v = calloc(max + 1, sizeof *v);
	if (!s || !v)
		return r < 0 ? r : fail(e, ENOMEM, "read the mounts");
	for (char *l = strtok_r(s, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		struct mount m;

		if (!mount_parse(l, &m))
			return fail_msg(e, EBADMSG, "read the mounts: a line is not as expected");
		unescape((char *) (uintptr_t) m.point);
		v[n++] = m.point + strspn(m.point, "/");
	}
	*ret = take_ptr(v);
	return 0;
}

void mounts_learn_cgroup(struct world *w)
{
	for (size_t i = 0; i < w->o->n_mounts; i++) {
		const char *at = w->o->mounts[i].destination;
		struct statfs fs;
		struct stat st;

		if (w->cgroup_at || !is_cgroup(&w->o->mounts[i]) || lstat(at, &st) < 0 || statfs(at, &fs) < 0)
			continue;
		w->cgroup_dev = st.st_dev;
		w->cgroup_ino = st.st_ino;
		w->cgroup_at = at;
		w->cgroup_fd = open(at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		memcpy(&w->cgroup_fsid, &fs.f_fsid, sizeof w->cgroup_fsid);
	}
}

static int remember(struct world *w, char *text, struct err *e)
{
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		struct mount m;

		if (mount_parse(l, &m) && !has_option(m.options, "nosuid") &&
			map_put(&w->suid_mounts, strtoull(m.id, NULL, 10), 0, 1) < 0)
			return fail(e, ENOMEM, "remember the mounts");
	}
	return 0;
}

/* An exec that would gain capabilities gets random addresses, even if it gains none. */
int mounts_bar_suid(struct world *w, struct err *e)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_NOSUID };
	own_buf b = { 0 };
	int r = w->o->bar_suid ? read_file(w->host_proc, "self/mountinfo", MAX_TEXT, &b, e) : 0;

	if (r < 0 || !w->o->bar_suid)
		return r;
	r = buf_cstr(&b) ? remember(w, (char *) b.p, e) : fail(e, ENOMEM, "read the mounts");
	if (!r && mount_setattr(w->self_root, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a) < 0)
		r = fail(e, errno, "make the container's mounts nosuid");
	return r;
}
