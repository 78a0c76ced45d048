/* SPDX-License-Identifier: Apache-2.0 */
/* detrun list */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

enum format { TABLE, QUIET, JSON };

static int is_container(const struct dirent *d)
{
	return state_check_id(d->d_name, NULL) == 0;
}

static void print_one(const struct state *s, enum format f, struct json_out *o)
{
	if (f == QUIET)
		puts(s->id);
	else if (f == JSON)
		state_put(s, o);
	else
		printf("%-11s %-11d %-11s %-15s %-20s %s\n", s->id, state_alive(s) ? s->pid : 0,
			state_status(s), s->bundle ? s->bundle : "-", s->created ? s->created : "-",
			s->owner ? s->owner : "-");
}

static int list(const char *root, enum format f, struct err *e)
{
	own_free char *top = NULL;
	own_buf b = { 0 };
	struct json_out o = { .b = &b };
	struct dirent **ids;
	int n, r = 0;

	if (root && *root && access(root, F_OK) < 0) /* a mistyped one is not one without containers */
		return fail(e, errno, "read %s", root);
	r = state_root(root, &top, e);
	if (r < 0)
		return r;
	n = scandir(top, &ids, is_container, alphasort);
	if (n < 0)
		return fail(e, errno, "read %s", top);
	if (f == TABLE)
		printf("%-11s %-11s %-11s %-15s %-20s %s\n", "ID", "PID", "STATUS", "BUNDLE",
			"CREATED", "OWNER");
	json_open(&o, '[');
	for (int i = 0; i < n; i++) {
		own_state s = { 0 };
		own_fd dir = -1;

		/* one that goes while we look is none */
		if (state_open(top, ids[i]->d_name, false, &dir, NULL) == 0 &&
			state_load(dir, ids[i]->d_name, &s, NULL) == 0)
			print_one(&s, f, &o);
		free(ids[i]);
	}
	free(ids);
	json_close(&o, ']');
	if (f == JSON && buf_cstr(&b))
		puts((char *) b.p);
	return b.failed ? fail(e, ENOMEM, "list the containers") : 0;
}

int cmd_list(const struct global *g, int argc, char **argv)
{
	const char *format = "table";
	bool quiet = false;
	const struct opt t[] = {
		{ "format", 'f', OPT_STR, &format, "table|json", "how (default table)" },
		{ "quiet", 'q', OPT_FLAG, &quiet, NULL, "only the IDs" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, r = opts_parse_anywhere(t, argc, argv, &rest, &e);

	if (r == 1) {
		opts_usage("list", "list the containers", "[options]", NULL, t);
		return 0;
	}
	if (!r && strcmp(format, "table") && strcmp(format, "json"))
		r = fail_msg(&e, EINVAL, "invalid format option");
	if (!r)
		r = list(g->root, quiet ? QUIET : *format == 'j' ? JSON : TABLE, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
