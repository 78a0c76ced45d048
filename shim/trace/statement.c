/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/trace/statement.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/hash.h"
#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "shim/trace/sign.h"

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "https://detrun.org/trace/v1"

void statement_free(struct statement *st)
{
	for (size_t i = 0; i < st->n; i++)
		free(st->s[i].name);
	free(st->s);
	*st = (struct statement){ 0 };
}

int statement_add(struct statement *st, const char *name, const uint8_t *sha)
{
	struct subject s = { .name = strdup(name), .known = sha };

	if (s.name && !(st->n & (st->n - 1))) {
		struct subject *p = realloc(st->s, (st->n ? 2 * st->n : 1) * sizeof *p);

		if (p)
			st->s = p;
		else
			free(s.name), s.name = NULL;
	}
	if (!s.name)
		return -ENOMEM;
	if (sha)
		memcpy(s.sha256, sha, sizeof s.sha256);
	st->s[st->n++] = s;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct subject *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void statement_sort(struct statement *st)
{
	if (st->n)
		qsort(st->s, st->n, sizeof *st->s, by_name);
}

bool is_blob(const char *name)
{
	return !strncmp(name, "blobs/", 6);
}

int blob_digest(const char *name, uint8_t ret[32])
{
	char want[BLOB_PATH];

	if (strlen(name) != BLOB_PATH - 1 || unhex(name + BLOB_PATH - 65, ret, 32) < 0)
		return -EINVAL;
	blob_path(ret, want);
	return strcmp(name, want) ? -EINVAL : 0;
}

/* --- what is in the directory ------------------------------------------------------------- */

static bool self_signed(const char *path)
{
	static const char *const names[] = { F_HOST, F_CHECKPOINT, F_CHECKPOINTS, F_SIGNATURE };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return false;
}

static int scan_dir(struct statement *st, int fd, const char *prefix, int depth, struct err *e);

static int scan_entry(struct statement *st, int dir, const char *prefix, const char *name,
	int depth, struct err *e)
{
	char path[4096];
	struct stat s;
	int fd, r;

	if ((size_t) snprintf(path, sizeof path, "%s%s", prefix, name) >= sizeof path - 1)
		return fail(e, ENAMETOOLONG, "bundle: %s%s", prefix, name);
	if (fstatat(dir, name, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(e, errno, "bundle: %s", path);
	if (S_ISREG(s.st_mode)) {
		r = self_signed(path) ? 0 : statement_add(st, path, NULL);
		return r < 0 ? fail(e, r, "bundle: %s", path) : 0;
	}
	if (!S_ISDIR(s.st_mode) || depth > 16)
		return fail_msg(e, EINVAL, "%s of the bundle is neither a file nor a directory",
			path);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(e, errno, "bundle: open %s", path);
	strcat(path, "/");
	return scan_dir(st, fd, path, depth + 1, e);
}

static int scan_dir(struct statement *st, int fd, const char *prefix, int depth, struct err *e)
{
	own_dir d = fdopendir(fd); /* takes fd */
	struct dirent *ent;

	if (!d) {
		close(fd);
		return fail(e, ENOMEM, "bundle: read %s", prefix);
	}
	while ((errno = 0, ent = readdir(d))) {
		int r;

		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, ".."))
			continue;
		r = scan_entry(st, dirfd(d), prefix, ent->d_name, depth, e);
		if (r < 0)
			return r;
	}
	return errno ? fail(e, errno, "bundle: read %s", prefix) : 0;
}

int statement_scan(struct statement *st, int dirfd, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(e, errno, "read the bundle");
	return scan_dir(st, fd, "", 0, e);
}

int statement_hash(struct statement *st, int dirfd, bool trust_blobs, struct err *e)
{
	for (size_t i = 0; i < st->n; i++) {
		struct subject *s = &st->s[i];
		int r = 0;

		if (s->known)
			continue;
		if (!trust_blobs || !is_blob(s->name) || blob_digest(s->name, s->sha256) < 0)
			r = bundle_sha256(dirfd, s->name, s->sha256, e);
		if (r < 0)
			return r;
		s->known = true;
	}
	return 0;
}

/* --- text --------------------------------------------------------------------------------- */

static void put_hex(struct json_out *o, const char *key, const uint8_t sha[32])
{
	char h[SHA256_HEX];

	json_kstr(o, key, hex(sha, 32, h));
}

static void write_predicate(const struct statement *st, struct json_out *o)
{
	json_open(o, '{');
	json_kint(o, "blockSize", BLOCK_EVENTS);
	put_hex(o, "chainTip", st->chain);
	json_kbool(o, "complete", st->complete);
	json_key(o, "exitStatus");
	if (st->complete)
		json_int(o, st->exit_status);
	else
		json_null(o);
	json_kint(o, "formatVersion", 1);
	json_kbool(o, "host", st->host);
	json_kstr(o, "mode", "hash");
	put_hex(o, "root", st->root.b);
	json_kint(o, "treeSize", (int64_t) st->events);
	json_close(o, '}');
}

void statement_write(const struct statement *st, struct buf *b)
{
	struct json_out o = { .b = b };

	json_open(&o, '{');
	json_kstr(&o, "_type", STATEMENT_TYPE);
	json_key(&o, "predicate");
	write_predicate(st, &o);
	json_kstr(&o, "predicateType", PREDICATE_TYPE);
	json_key(&o, "subject");
	json_open(&o, '[');
	for (size_t i = 0; i < st->n; i++) {
		json_open(&o, '{');
		json_key(&o, "digest");
		json_open(&o, '{');
		put_hex(&o, "sha256", st->s[i].sha256);
		json_close(&o, '}');
		json_kstr(&o, "name", st->s[i].name);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
}

static int get_hex(const struct json *j, const char *key, uint8_t ret[32])
{
	const char *s = json_get_str(j, key);

	return s && strlen(s) == 64 ? unhex(s, ret, 32) : -EINVAL;
}

static int get_bool(const struct json *j, const char *key, bool *ret)
{
	const struct json *v = json_get(j, key);

	if (!v || v->type != JSON_BOOL)
		return -EINVAL;
	*ret = v->b;
	return 0;
}

static int get_int(const struct json *j, const char *key, int64_t *ret)
{
	const struct json *v = json_get(j, key);

	if (!v || v->type != JSON_NUM || !v->is_int)
		return -EINVAL;
	*ret = v->i;
	return 0;
}

static int read_predicate(const struct json *p, struct statement *st)
{
	int64_t block, size, version;

	if (!p || p->type != JSON_OBJ || get_int(p, "blockSize", &block) < 0 ||
		get_int(p, "formatVersion", &version) < 0 || get_int(p, "treeSize", &size) < 0)
		return -EINVAL;
	if (block != BLOCK_EVENTS || version != 1 || size < 0)
		return -EINVAL;
	st->events = (uint64_t) size;
	if (get_hex(p, "chainTip", st->chain) < 0 || get_hex(p, "root", st->root.b) < 0 ||
		get_bool(p, "complete", &st->complete) < 0 || get_bool(p, "host", &st->host) < 0)
		return -EINVAL;
	return st->complete ? get_int(p, "exitStatus", &st->exit_status) : 0;
}

static int read_subjects(const struct json *a, struct statement *st)
{
	if (!a || a->type != JSON_ARR)
		return -EINVAL;
	for (size_t i = 0; i < a->n; i++) {
		const struct json *d = json_get(a->child[i], "digest");
		const char *name = json_get_str(a->child[i], "name");
		uint8_t sha[32];

		if (!name || !d || get_hex(d, "sha256", sha) < 0)
			return -EINVAL;
		/* sorted, so no name twice */
		if (st->n && strcmp(st->s[st->n - 1].name, name) >= 0)
			return -EINVAL;
		if (statement_add(st, name, sha) < 0)
			return -ENOMEM;
	}
	return 0;
}

int statement_read(const void *p, size_t n, struct statement *ret, struct err *e)
{
	struct statement st = { 0 };
	own_json j = NULL;
	const char *type, *pred;
	int r = json_parse(p, n, "statement", &j, e);

	if (r < 0)
		return r;
	type = json_get_str(j, "_type");
	pred = json_get_str(j, "predicateType");
	if (!type || strcmp(type, STATEMENT_TYPE) || !pred || strcmp(pred, PREDICATE_TYPE))
		return fail_msg(e, EBADMSG, "%s: the statement is not of type %s", F_SIGNATURE,
			PREDICATE_TYPE);
	r = read_predicate(json_get(j, "predicate"), &st);
	if (r == 0)
		r = read_subjects(json_get(j, "subject"), &st);
	if (r < 0) {
		statement_free(&st);
		return fail_msg(e, EBADMSG, "%s: the statement lacks a field or has a wrong one",
			F_SIGNATURE);
	}
	*ret = st;
	return 0;
}

int bundle_seal(int dirfd, const struct trace_key *k, const struct statement *st,
	const char *origin, struct err *e)
{
	struct checkpoint c = { st->events, st->root };
	own_buf note = { 0 }, text = { 0 }, env = { 0 };
	int r;

	if (k && (r = host_sign(dirfd, k, &st->root, e)) < 0)
		return r;
	r = checkpoint_write(k, origin, &c, &note, e);
	if (r == 0)
		r = bundle_put(dirfd, F_CHECKPOINT, note.p, note.n, e);
	if (r < 0)
		return r;
	statement_write(st, &text);
	if (text.failed)
		return fail(e, ENOMEM, "write the statement");
	r = envelope_write(k, text.p, text.n, &env, e);
	return r < 0 ? r : bundle_put(dirfd, F_SIGNATURE, env.p, env.n, e);
}
