/* SPDX-License-Identifier: Apache-2.0 */
/* config.json's linux.seccomp. */
#include <string.h>

#include "oci/read.h"
#include "runtime/base/own.h"

static const char *const actions[] = { "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE",
	"SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY" };
static const char *const ops[] = { "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ",
	"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ" };

static const char *one_of(struct rd *rd, const struct json *j, const char *key,
	const char *const *known, size_t n)
{
	const char *s = rd_str_needed(rd, j, key);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(s, known[i]))
			return s;
	rd_fail(rd, key, "unknown value \"%.60s\"", s);
	return s;
}

static void item_arg(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_seccomp_arg *a = elem;

	a->index = (unsigned) rd_int_needed(rd, j, "index", 0, 5);
	a->value = rd_u64_needed(rd, j, "value");
	a->value_two = rd_u64(rd, j, "valueTwo", NULL);
	a->op = one_of(rd, j, "op", ops, ARRAY_LEN(ops));
}

static void item_rule(struct rd *rd, const struct json *j, void *elem)
{
	struct spec_seccomp_rule *r = elem;

	rd_strs(rd, j, "names", &r->names, &r->n_names);
	if (!r->n_names)
		rd_fail(rd, "names", "must not be empty");
	r->action = one_of(rd, j, "action", actions, ARRAY_LEN(actions));
	r->errno_ret = (uint32_t) rd_int(rd, j, "errnoRet", 0, UINT32_MAX, 0, &r->has_errno);
	rd_list(rd, j, "args", JSON_OBJ, item_arg, r->args, r->n_args);
}

void read_seccomp(struct rd *rd, const struct json *linux_)
{
	struct spec_seccomp *c = &rd->s->linux_.seccomp;
	const struct json *j = rd_get(rd, linux_, "seccomp", JSON_OBJ);
	size_t mark;

	if (!j)
		return;
	mark = rd_enter(rd, "seccomp");
	c->present = true;
	c->default_action = one_of(rd, j, "defaultAction", actions, ARRAY_LEN(actions));
	c->default_errno = (uint32_t) rd_int(rd, j, "defaultErrnoRet", 0, UINT32_MAX, 0,
		&c->has_default_errno);
	rd_strs(rd, j, "architectures", &c->arches, &c->n_arches);
	c->has_flags = rd_get(rd, j, "flags", JSON_ARR);
	rd_strs(rd, j, "flags", &c->flags, &c->n_flags);
	c->listener_path = rd_str(rd, j, "listenerPath");
	c->listener_metadata = rd_str(rd, j, "listenerMetadata");
	rd_list(rd, j, "syscalls", JSON_OBJ, item_rule, c->rules, c->n_rules);
	rd_leave(rd, mark);
}
