/* SPDX-License-Identifier: Apache-2.0 */
/* detrun state ID */
#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

static int print_state(const char *root, const char *id, struct err *e)
{
	own_state s = { 0 };
	own_buf b = { 0 }, pretty = { 0 };
	own_fd dir = -1;
	struct json_out o = { .b = &b };
	int r = state_get(root, id, false, &dir, &s, e);

	if (r < 0)
		return r;
	state_put(&s, &o);
	json_pretty((char *) b.p, b.n, 2, &pretty);
	if (!buf_cstr(&pretty))
		return fail(e, ENOMEM, "print the state");
	puts((char *) pretty.p);
	return 0;
}

int cmd_state(const struct global *g, int argc, char **argv)
{
	const struct opt t[] = { { NULL } };
	struct err e = ERR_INIT;
	int rest, r = opts_parse_anywhere(t, argc, argv, &rest, &e);

	if (r == 1) {
		opts_usage("state", "print the state of a container as JSON", "ID", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "state: exactly one container ID expected");
	if (!r)
		r = print_state(g->root, argv[rest], &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
