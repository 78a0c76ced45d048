/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/noted.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"

enum { MANIFEST_MAX = 4 << 20 };

static bool chooses(const char *key)
{
	return !strncmp(key, "org.detrun.", 11) || !strncmp(key, "run.oci.hooks.", 14) ||
	       !strcmp(key, "run.oci.keep_original_groups") ||
	       !strcmp(key, "run.oci.pidfd_receiver");
}

/* --- the engine's store ------------------------------------------------------------------- */

/* Of Podman and CRI-O: STORE-containers has the lists of containers, STORE-images/ID a manifest. */
struct store {
	char *path; /* STORE */
	char *id;   /* the container's */
};

static void store_drop(struct store *s)
{
	free(s->path);
	free(s->id);
}

/* Cut the last component off. */
static char *cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return NULL;
	*slash = 0;
	return slash + 1;
}

/* 1: @bundle is ANY-containers/ID/userdata. @ret->path: the ANY, by which Podman means its STORE. */
static int store_of(const char *bundle, struct store *ret, struct err *e)
{
	static const char suffix[] = "-containers";
	own_free char *path = strdup(bundle);
	char *last = path ? cut(path) : NULL, *id = last ? cut(path) : NULL;
	size_t n = path ? strlen(path) : 0, k = sizeof suffix - 1;

	if (!path)
		return fail(e, ENOMEM, "%s", bundle);
	if (!id || strcmp(last, "userdata") || n <= k || strcmp(path + n - k, suffix))
		return 0;
	path[n - k] = 0;
	ret->id = strdup(id);
	ret->path = take_ptr(path);
	return ret->id ? 1 : fail(e, ENOMEM, "%s", bundle);
}

static int parse(const char *path, size_t max, struct json **ret, struct err *e)
{
	own_buf b = { 0 };
	int r = read_file(AT_FDCWD, path, max, &b, e);

	return r < 0 ? r : json_parse((char *) b.p, b.n, path, ret, e);
}

/* 1: the container is in the list @name, and *ret_image is its image's id, or NULL: it has none. */
static int image_in(const struct store *s, const char *name, char **ret_image, struct err *e)
{
	own_free char *path = NULL;
	own_json list = NULL;
	int r = asprintf(&path, "%s-containers/%s", s->path, name);

	must(r >= 0);
	r = parse(path, JSON_MAX, &list, e);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	for (size_t i = 0; r >= 0 && list->type == JSON_ARR && i < list->n; i++) {
		const char *id = json_get_str(list->child[i], "id");
		const char *image = json_get_str(list->child[i], "image");

		if (!id || strcmp(id, s->id))
			continue;
		if (image && strchr(image, '/'))
			return fail_msg(e, EINVAL, "%s: bad id of an image", path);
		*ret_image = image && *image ? strdup(image) : NULL;
		return 1;
	}
	return r;
}

/* In the store of the bundle, or in that of the root file system: CRI-O has bundles elsewhere. */
static int image_of(struct store *s, const char *rootfs, char **ret, struct err *e)
{
	own_free char *root = strdup(rootfs);
	int r;

	must(root);
	do {
		r = image_in(s, "containers.json", ret, e);
		if (!r)
			r = image_in(s, "volatile-containers.json", ret, e);
		if (r)
			return r;
		free(s->path);
		s->path = strdup(root);
		must(s->path);
	} while (cut(root) && *root);
	return fail_msg(e, ENOENT, "no list of containers has %s", s->id);
}

/* --- what an image says ------------------------------------------------------------------- */

/* At any depth: Podman's reader of JSON is not as strict about where as ours. */
static void forget_said(const struct json *j, struct spec *s)
{
	for (size_t i = 0; (j->type == JSON_OBJ || j->type == JSON_ARR) && i < j->n; i++) {
		const struct json *v = j->child[i];
		const char *noted = j->type == JSON_OBJ && chooses(j->key[i]) && v->type == JSON_STR
					    ? spec_annotation(s, j->key[i])
					    : NULL;

		if (noted && !strcmp(noted, v->s)) {
			log_warn("annotation %s=%s is not obeyed: the image says it", j->key[i],
				noted);
			spec_drop_annotation(s, j->key[i]);
		}
		forget_said(v, s);
	}
}

/* "manifest", and "=" with the base64 of "manifest-DIGEST" */
static bool is_manifest(const char *name)
{
	return !strcmp(name, "manifest") || !strncmp(name, "=bWFuaWZlc3Qt", 13);
}

static int read_image(const struct store *st, const char *image, struct spec *s, struct err *e)
{
	own_free char *path = NULL;
	own_dir d = NULL;
	struct dirent *de;
	int r = 0;
	bool any = false;

	must(asprintf(&path, "%s-images/%s", st->path, image) >= 0);
	d = opendir(path);
	if (!d)
		return fail(e, errno, "open the image %s", path);
	while (r >= 0 && (de = readdir(d))) {
		own_free char *file = NULL;
		own_json j = NULL;

		if (!is_manifest(de->d_name))
			continue;
		must(asprintf(&file, "%s/%s", path, de->d_name) >= 0);
		r = parse(file, MANIFEST_MAX, &j, e);
		if (r >= 0)
			forget_said(j, s);
		any = true;
	}
	return r < 0 || any ? r : fail_msg(e, ENOENT, "%s has no manifest", path);
}

static const char *first_choice(const struct spec *s)
{
	for (size_t i = 0; i < s->n_annotations; i++)
		if (chooses(s->annotations[i].key))
			return s->annotations[i].key;
	return NULL;
}

int noted_of_caller(struct spec *s, const char *bundle, const char *rootfs, struct err *e)
{
	own_cleanup(store_drop) struct store st = { 0 };
	own_free char *image = NULL;
	const char *key = first_choice(s);
	int r = key ? store_of(bundle, &st, e) : 0;

	if (r > 0)
		r = image_of(&st, rootfs, &image, e);
	if (r > 0 && image)
		r = read_image(&st, image, s, e);
	return r >= 0 ? 0
		      : fail_ctx(e, r, "annotation %s: can't tell an image's from the caller's (an "
			"option of detrun can say the same)", key);
}

/* --- options ------------------------------------------------------------------------------ */

/* Nor may what another program has put into a bundle overwrite a place of the host. */
static int check_trace(const char *dir, struct err *e)
{
	own_fd fd = -1;
	own_dir d = NULL;
	struct dirent *de;
	struct stat st;

	if (!strcmp(dir, "none"))
		return 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fail_msg(e, ENOENT, "annotation org.detrun.trace: make the directory %s first",
			dir);
	if (fd < 0 || fstat(fd, &st) < 0 || !(d = fdopendir(fd)))
		return fail(e, errno, "annotation org.detrun.trace: %s", dir);
	take_fd(&fd);
	while ((de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			break;
	if (de || st.st_uid != geteuid() || st.st_mode & 022)
		return fail_msg(e, EACCES, "annotation org.detrun.trace: %s has to be an empty directory "
			"that only its owner, the caller, may write", dir);
	return 0;
}

int noted_options(const struct spec *s, struct job_opts *o, struct err *e)
{
	const struct {
		const char *name;
		const char **to;
	} t[] = {
		{ "org.detrun.seed", &o->seed },   { "org.detrun.epoch", &o->epoch },
		{ "org.detrun.cpu", &o->cpu },	   { "org.detrun.cpus", &o->cpus },
		{ "org.detrun.trace", &o->trace }, { "org.detrun.key", &o->key },
	};
	bool by_option = o->trace;

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (!*t[i].to)
			*t[i].to = spec_annotation(s, t[i].name);
	return o->trace && !by_option ? check_trace(o->trace, e) : 0;
}
