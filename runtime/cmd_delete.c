/* SPDX-License-Identifier: Apache-2.0 */
/* detrun delete [--force] ID, delete --regex PATTERN */
#include <dirent.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

static int delete(const char *root, const char *id, bool force, struct err *e)
{
	own_free char *top = NULL;
	own_state s = { 0 };
	own_fd dir = -1;
	int r = state_root(root, &top, e);

	if (!r)
		r = state_open(top, id, !force, &dir, e); /* not in the middle of a create */
	if (r == -ENOENT && force)
		return 0;
	if (!r)
		r = state_load(dir, id, &s, e);
	if (r == -EINVAL && force && s.id) /* what it says of the container nobody can read */
		return state_remove(top, id, e);
	if (r < 0)
		return r;
	if (state_alive(&s) && s.running && !force)
		return fail_msg(e, EBUSY, "cannot delete container %s that is not stopped: %s", id,
			state_status(&s));
	return state_destroy(top, dir, &s, e);
}

static int is_container(const struct dirent *d)
{
	return state_check_id(d->d_name, NULL) == 0;
}

/* All whose ids match; the first failure is told when the others are gone. */
static int delete_matching(const char *root, const char *pattern, bool force, struct err *e)
{
	own_free char *top = NULL;
	struct dirent **ids;
	regex_t re;
	int n, r = state_root(root, &top, e), one;

	if (r < 0)
		return r;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return fail_msg(e, EINVAL, "--regex: \"%.100s\" is no regular expression",
			pattern);
	n = scandir(top, &ids, is_container, alphasort);
	if (n < 0)
		r = fail(e, errno, "read %s", top);
	for (int i = 0; i < n; i++) {
		if (regexec(&re, ids[i]->d_name, 0, NULL, 0) == 0) {
			one = delete(root, ids[i]->d_name, force, r ? NULL : e);
			r = r ? r : one;
		}
		free(ids[i]);
	}
	if (n >= 0)
		free(ids);
	regfree(&re);
	return r;
}

int cmd_delete(const struct global *g, int argc, char **argv)
{
	bool force = false, regex = false;
	const struct opt t[] = {
		{ "force", 'f', OPT_FLAG, &force, NULL, "kill it if it runs" },
		{ "regex", 'r', OPT_FLAG, &regex, NULL, "ID is a pattern for the ids to remove" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, r = opts_parse_anywhere(t, argc, argv, &rest, &e);

	if (r == 1) {
		opts_usage("delete", "remove a container", "[options] ID", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "delete: exactly one container ID expected");
	if (!r)
		r = (regex ? delete_matching : delete)(g->root, argv[rest], force, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
