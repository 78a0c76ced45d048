/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/own.h"

enum { GROUPS_MAX = 65536 }; /* the kernel's */

static int recorded(struct spec *s, const struct json *list, struct err *e)
{
	if (list->type != JSON_ARR || list->n > GROUPS_MAX)
		return fail_msg(e, EINVAL, "the trace's groups are no list");
	for (size_t i = 0; i < list->n; i++) {
		const struct json *g = list->child[i];

		if (g->type != JSON_NUM || !g->is_int || g->i < 0 || g->i >= UINT32_MAX)
			return fail_msg(e, EINVAL, "the trace's groups[%zu] is no group", i);
		spec_add_group(s, (gid_t) g->i);
	}
	return 0;
}

static int callers(struct spec *s, struct err *e)
{
	int n = getgroups(0, NULL);
	own_free gid_t *g = calloc((size_t) (n > 0 ? n : 0) + 1, sizeof *g);

	if (n < 0 || !g || (n = getgroups(n, g)) < 0)
		return fail(e, errno, "find the groups to keep");
	for (int i = 0; i < n; i++)
		spec_add_group(s, g[i]);
	return 0;
}

int groups_keep(struct spec *s, enum det_mode mode, const struct json *again, bool *ret_kept,
	struct err *e)
{
	struct spec_user *u = &s->process.user;

	if (!spec_annotation(s, "run.oci.keep_original_groups") || mode == DET_STRICT)
		return 0;
	u->keep_groups = !again;
	if (mode == DET_OFF)
		return 0;
	u->groups = NULL;
	u->n_groups = 0;
	*ret_kept = true;
	return again ? recorded(s, again, e) : callers(s, e);
}

void groups_put(struct json_out *o, const struct spec_user *u)
{
	json_key(o, "groups");
	json_open(o, '[');
	for (size_t i = 0; i < u->n_groups; i++)
		json_int(o, u->groups[i]);
	json_close(o, ']');
}
