/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled profiles, kept beside the containers' states: an engine gives each container the same
 * one, and libseccomp takes longer for it than all the rest of a start. A file holds the whole text
 * that it was compiled from, which is compared; its name is only where to look.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/scmp.h"

#define PREFIX ".seccomp-"
enum { KEPT = 64, FILE_MAX_SIZE = 1 << 20 };

static void put_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s) + 1);
}

static void put_strs(struct buf *b, const char *const *list, size_t n)
{
	buf_varint(b, n);
	for (size_t i = 0; i < n; i++)
		put_str(b, list[i]);
}

static void put_rule(struct buf *b, const struct spec_seccomp_rule *r)
{
	put_strs(b, r->names, r->n_names);
	put_str(b, r->action);
	buf_varint(b, r->has_errno ? r->errno_ret + 1ull : 0);
	buf_varint(b, r->n_args);
	for (size_t i = 0; i < r->n_args; i++) {
		buf_varint(b, r->args[i].index);
		buf_varint(b, r->args[i].value);
		buf_varint(b, r->args[i].value_two);
		put_str(b, r->args[i].op);
	}
}

/* All that the program depends on. False: not one to be kept. */
static bool key_of(const struct spec_seccomp *c, struct buf *b)
{
	char version[32];

	scmp_version(version);
	put_str(b, "detrun " DETRUN_VERSION " seccomp");
	put_str(b, version);
	put_str(b, c->default_action);
	buf_varint(b, c->has_default_errno ? c->default_errno + 1ull : 0);
	put_strs(b, c->arches, c->n_arches);
	buf_varint(b, c->n_rules);
	for (size_t i = 0; i < c->n_rules; i++) {
		if (!strcmp(c->rules[i].action, "SCMP_ACT_NOTIFY"))
			return false;
		put_rule(b, &c->rules[i]);
	}
	return !b->failed;
}

static void name_of(const struct buf *key, char ret[64])
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (size_t i = 0; i < key->n; i++)
		h = (h ^ key->p[i]) * 0x100000001b3ull;
	snprintf(ret, 64, PREFIX "%016llx", (unsigned long long) h);
}

/* The key, then the instructions: all of it is there, or nothing. */
static bool load(int top, const char *name, const struct buf *key, struct sock_fprog *ret)
{
	own_fd fd = openat(top, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	own_buf b = { 0 };
	struct stat st;
	size_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		st.st_mode & 022 || read_fd(fd, FILE_MAX_SIZE, &b) < 0)
		return false;
	if (b.n <= key->n || memcmp(b.p, key->p, key->n))
		return false;
	n = b.n - key->n;
	if (n % sizeof *ret->filter || n / sizeof *ret->filter > BPF_MAXINSNS)
		return false;
	ret->filter = malloc(n);
	if (!ret->filter)
		return false;
	memcpy(ret->filter, b.p + key->n, n);
	ret->len = (unsigned short) (n / sizeof *ret->filter);
	return true;
}

/* Profiles that nobody uses any more: all go, those in use come again. */
static void prune(int top)
{
	own_dir d = fdopendir(openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *ent;
	unsigned n = 0;

	while (d && (ent = readdir(d)))
		n += !strncmp(ent->d_name, PREFIX, strlen(PREFIX));
	if (!d || n < KEPT)
		return;
	rewinddir(d);
	while ((ent = readdir(d)))
		if (!strncmp(ent->d_name, PREFIX, strlen(PREFIX)))
			unlinkat(top, ent->d_name, 0);
}

/* Only to be faster: what can't be written isn't. */
static void save(int top, const char *name, struct buf *key, const struct sock_fprog *bpf)
{
	prune(top);
	buf_put(key, bpf->filter, bpf->len * sizeof *bpf->filter);
	if (!key->failed && key->n <= FILE_MAX_SIZE)
		(void) replace_file(top, name, key->p, key->n, 0600, NULL);
}

int scmp_compile_kept(const struct spec_seccomp *c, int dir, struct scmp_prog *ret, struct err *e)
{
	own_fd top = dir < 0 ? -1 : openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_buf key = { 0 };
	char name[64];
	int r;

	if (!c->present || top < 0 || !key_of(c, &key))
		return scmp_compile(c, ret, e);
	name_of(&key, name);
	*ret = (struct scmp_prog) { .notify = false };
	if (load(top, name, &key, &ret->bpf)) {
		r = scmp_flags(c, &ret->flags, e);
		if (r < 0)
			scmp_prog_free(ret);
		return r;
	}
	r = scmp_compile(c, ret, e);
	if (!r)
		save(top, name, &key, &ret->bpf);
	return r;
}
