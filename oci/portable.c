/* SPDX-License-Identifier: Apache-2.0 */
/* What of config.json is the container's, and not the engine's or the host's that it lies on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "oci/spec.h"
#include "runtime/base/own.h"

/* Which ids of the host are taken is the host's affair. */
static struct spec_idmap *without_host(const struct spec_idmap *m, size_t n)
{
	struct spec_idmap *copy = calloc(n + 1, sizeof *copy);

	for (size_t i = 0; copy && i < n; i++)
		copy[i] = (struct spec_idmap){ m[i].container, 0, m[i].size };
	return copy;
}

/* Engines keep these in maps, and write them in another order each time. */
struct sorted {
	const char *key;
	size_t nr; /* those of one key stay as they are */
};

static int by_key(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	return r ? r : x->nr < y->nr ? -1 : 1;
}

static int by_name(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	size_t n = strcspn(x->key, "="), m = strcspn(y->key, "=");
	int r = memcmp(x->key, y->key, n < m ? n : m);

	return r ? r : n != m ? (n < m ? -1 : 1) : x->nr < y->nr ? -1 : 1;
}

int spec_sort_env(struct spec *s)
{
	const char **env = (const char **) s->process.env; /* of the spec's own memory */
	size_t n = s->process.n_env;
	own_free struct sorted *order = calloc(n + 1, sizeof *order);

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = (struct sorted){ env[i], i };
	qsort(order, n, sizeof *order, by_name);
	for (size_t i = 0; i < n; i++)
		env[i] = order[i].key;
	return 0;
}

static struct spec_mount *without_sources(const struct spec_mount *m, size_t n)
{
	own_free struct sorted *order = calloc(n + 1, sizeof *order);
	struct spec_mount *copy = calloc(n + 1, sizeof *copy);

	for (size_t i = 0; order && i < n; i++)
		order[i] = (struct sorted){ m[i].destination, i };
	if (order)
		qsort(order, n, sizeof *order, by_key);
	for (size_t i = 0; order && copy && i < n; i++) {
		copy[i] = m[order[i].nr];
		copy[i].n_uid_maps = copy[i].n_gid_maps = 0;
		if (copy[i].flags & MS_BIND)
			copy[i].source = NULL; /* its contents are in the manifest, or an input */
	}
	return order ? copy : (free(copy), NULL);
}

static void no_host_paths(struct spec *s)
{
	s->annotations = NULL; /* those that matter are inputs of their own */
	s->n_annotations = 0;
	memset(s->hooks, 0, sizeof s->hooks);
	if (s->root_path)
		s->root_path = "rootfs";
	s->process.selinux_label = s->linux_.mount_label = NULL;
	s->linux_.cgroups_path = NULL;
	for (int i = 0; i < SPEC_NS_COUNT; i++)
		if (s->linux_.ns[i].path)
			s->linux_.ns[i].path = "(joined)";
}

int spec_to_portable_json(const struct spec *spec, struct buf *ret)
{
	const struct spec_linux *l = &spec->linux_;
	own_free struct spec_idmap *uids = without_host(l->uid_maps, l->n_uid_maps);
	own_free struct spec_idmap *gids = without_host(l->gid_maps, l->n_gid_maps);
	own_free struct spec_mount *mounts = without_sources(spec->mounts, spec->n_mounts);
	struct spec s = *spec;

	if (!mounts || !uids || !gids)
		return -ENOMEM;
	no_host_paths(&s);
	s.mounts = mounts;
	s.linux_.uid_maps = uids;
	s.linux_.gid_maps = gids;
	return spec_to_json(&s, ret);
}
