/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An id map as an option of a bind mount, as crun has it: "idmap=uids=0-100-10#10-500-1;gids=@0-0-10".
 * A range is what the file system has, what it becomes, how many; with @ the second is an id of the
 * container's, whose own map tells the host's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "oci/mountopt.h"
#include "oci/read.h"

const char *mount_idmap_text(const char *option)
{
	const char *p = option + (*option == 'r');

	return strncmp(p, "idmap=", 6) == 0 ? p + 6 : NULL;
}

static bool number(const char **p, char end, uint32_t *ret)
{
	char *stop;
	unsigned long v;

	if (**p < '0' || **p > '9')
		return false;
	v = strtoul(*p, &stop, 10);
	if (v > UINT32_MAX || (*stop != end && (end || (*stop != '#' && *stop != ';'))))
		return false;
	*p = stop + (end != 0);
	*ret = (uint32_t) v;
	return true;
}

/* Where the container's map puts its id, if it does. */
static bool on_host(const struct spec_idmap *own, size_t n, uint32_t *id)
{
	for (size_t i = 0; i < n; i++)
		if (*id >= own[i].container && *id - own[i].container < own[i].size) {
			*id = own[i].host + (*id - own[i].container);
			return true;
		}
	return false;
}

static bool range(const char **p, const struct spec_idmap *own, size_t n_own, struct spec_idmap *m)
{
	bool relative = **p == '@';

	*p += relative;
	return number(p, '-', &m->container) && number(p, '-', &m->host) && number(p, 0, &m->size) &&
	       m->size && m->size - 1 <= UINT32_MAX - m->host &&
	       m->size - 1 <= UINT32_MAX - m->container &&
	       (!relative || on_host(own, n_own, &m->host));
}

static bool understand(struct spec *s, struct spec_mount *m, const char *p)
{
	const struct spec_linux *l = &s->linux_;

	for (;; p++) {
		bool uids = strncmp(p, "uids=", 5) == 0;
		struct spec_idmap one;

		if (!uids && strncmp(p, "gids=", 5) != 0)
			return false;
		p += 5;
		for (;; p++) {
			if (!range(&p, uids ? l->uid_maps : l->gid_maps,
				    uids ? l->n_uid_maps : l->n_gid_maps, &one))
				return false;
			if (uids)
				*(struct spec_idmap *) SPEC_APPEND(s, m->uid_maps, m->n_uid_maps) = one;
			else
				*(struct spec_idmap *) SPEC_APPEND(s, m->gid_maps, m->n_gid_maps) = one;
			if (*p != '#')
				break;
		}
		if (*p != ';')
			return !*p;
	}
}

void mount_idmap(struct rd *rd, struct spec_mount *m)
{
	bool given = m->n_uid_maps || m->n_gid_maps; /* those win */

	for (size_t i = 0; i < m->n_options; i++) {
		const char *text = mount_idmap_text(m->options[i]);

		if (text && *text && !given && !understand(rd->s, m, text))
			rd_fail_item(rd, "options", i, "\"%.200s\": ranges as in "
				"idmap=uids=0-1000-10#10-5000-1;gids=@0-0-10 expected, with @ of ids "
				"that the container has", m->options[i]);
	}
}
