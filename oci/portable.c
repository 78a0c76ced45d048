/* SPDX-License-Identifier: Apache-2.0 */
/* What of config.json is the container's, and not the engine's or the host's that it lies on. */
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

static struct spec_mount *without_sources(const struct spec_mount *m, size_t n)
{
	struct spec_mount *copy = calloc(n + 1, sizeof *copy);

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = m[i];
		copy[i].n_uid_maps = copy[i].n_gid_maps = 0;
		if (m[i].flags & MS_BIND)
			copy[i].source = NULL; /* its contents are in the manifest, or an input */
	}
	return copy;
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
