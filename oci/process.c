/* SPDX-License-Identifier: Apache-2.0 */
/* config.json's process object. */
#include <sched.h>
#include <string.h>

#include "oci/names.h"
#include "oci/read.h"

#define ID_MAX 4294967294 /* 2^32 - 1 means "no change" to the kernel */

static void item_gid(struct rd *rd, const struct json *j, void *elem)
{
	if (j->is_int && j->i >= 0 && j->i <= ID_MAX)
		*(gid_t *) elem = (gid_t) j->i;
	else
		rd_fail(rd, NULL, "%.40s is no group id", j->s);
}

static void read_user(struct rd *rd, const struct json *process, struct spec_user *u)
{
	const struct json *j = rd_get(rd, process, "user", JSON_OBJ);
	size_t mark = rd_enter(rd, "user");

	u->uid = (uid_t) rd_int(rd, j, "uid", 0, ID_MAX, 0, NULL);
	u->gid = (gid_t) rd_int(rd, j, "gid", 0, ID_MAX, 0, NULL);
	u->umask = (mode_t) rd_int(rd, j, "umask", 0, 0777, 0, &u->has_umask);
	rd_list(rd, j, "additionalGids", JSON_NUM, item_gid, u->groups, u->n_groups);
	u->username = rd_str(rd, j, "username");
	rd_leave(rd, mark);
}

static void read_console(struct rd *rd, const struct json *process, struct spec_process *p)
{
	const struct json *j = rd_get(rd, process, "consoleSize", JSON_OBJ);
	size_t mark = rd_enter(rd, "consoleSize");

	p->console_width = (unsigned) rd_int(rd, j, "width", 0, 65535, 0, NULL);
	p->console_height = (unsigned) rd_int(rd, j, "height", 0, 65535, 0, NULL);
	rd_leave(rd, mark);
}

static uint64_t read_cap_set(struct rd *rd, const struct json *caps, const char *set)
{
	const struct json *j = rd_get(rd, caps, set, JSON_ARR);
	size_t mark = rd_enter(rd, set);
	uint64_t mask = 0;

	for (size_t i = 0; j && i < j->n && !rd->r; i++) {
		size_t inner = rd_enter_index(rd, i);
		const char *name = j->child[i]->type == JSON_STR ? j->child[i]->s : NULL;
		int nr = name ? spec_cap_number(name) : -1;

		if (!name)
			rd_fail(rd, NULL, "expected a string");
		else if (nr < 0)
			rd_warn(rd, "unknown capability \"%.40s\" is not granted", name);
		else
			mask |= 1ull << nr;
		rd_leave(rd, inner);
	}
	rd_leave(rd, mark);
	return mask;
}

static void read_caps(struct rd *rd, const struct json *process, struct spec_caps *c)
{
	const struct json *j = rd_get(rd, process, "capabilities", JSON_OBJ);
	size_t mark = rd_enter(rd, "capabilities");

	c->present = j != NULL;
	c->bounding = read_cap_set(rd, j, "bounding");
	c->effective = read_cap_set(rd, j, "effective");
	c->inheritable = read_cap_set(rd, j, "inheritable");
	c->permitted = read_cap_set(rd, j, "permitted");
	c->ambient = read_cap_set(rd, j, "ambient");
	rd_leave(rd, mark);
}

static void item_rlimit(struct rd *rd, const struct json *j, void *elem)
{
	const struct spec_process *p = &rd->s->process;
	struct spec_rlimit *l = elem;

	l->name = rd_str_needed(rd, j, "type");
	l->resource = spec_rlimit_number(l->name);
	if (l->resource < 0)
		rd_fail(rd, "type", "unknown rlimit \"%.40s\"", l->name);
	l->soft = rd_u64_needed(rd, j, "soft");
	l->hard = rd_u64_needed(rd, j, "hard");
	if (l->soft > l->hard)
		rd_fail(rd, NULL, "soft limit %llu is above the hard limit %llu",
			(unsigned long long) l->soft, (unsigned long long) l->hard);
	for (const struct spec_rlimit *o = p->rlimits; o < l; o++)
		if (o->resource == l->resource)
			rd_fail(rd, "type", "%s is given twice", l->name);
}

/* The number of the name at @key, with an error that names it when there is none. */
static int number_of(struct rd *rd, const char *key, const char *(*name_of)(int), const char *name)
{
	for (int i = 0; i < NAMED_MAX; i++)
		if (name_of(i) && !strcmp(name_of(i), name))
			return i;
	rd_fail(rd, key, "unknown value \"%.40s\"", name);
	return 0;
}

static void read_scheduler(struct rd *rd, const struct json *process, struct spec_scheduler *s)
{
	const struct json *j = rd_get(rd, process, "scheduler", JSON_OBJ);
	const char *const *names = NULL;
	size_t n = 0, mark;

	if (!j)
		return;
	mark = rd_enter(rd, "scheduler");
	s->present = true;
	s->policy = number_of(rd, "policy", sched_name, rd_str_needed(rd, j, "policy"));
	s->nice = (int) rd_int(rd, j, "nice", -20, 19, 0, NULL);
	s->priority = (int) rd_int(rd, j, "priority", 0, 99, 0, NULL);
	rd_strs(rd, j, "flags", &names, &n);
	for (size_t i = 0; i < n && !rd->r; i++)
		s->flags |= 1ull << number_of(rd, "flags", sched_flag_name, names[i]);
	s->runtime = rd_u64(rd, j, "runtime", NULL);
	s->deadline = rd_u64(rd, j, "deadline", NULL);
	s->period = rd_u64(rd, j, "period", NULL);
	if (s->priority && s->policy != SCHED_FIFO && s->policy != SCHED_RR)
		rd_fail(rd, "priority",
			"scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
	if (s->policy != 6 && (s->runtime || s->deadline || s->period))
		rd_fail(rd, NULL, "scheduler runtime/deadline/period can only be specified for "
				  "SchedDeadline policy");
	rd_leave(rd, mark);
}

static void read_io_priority(struct rd *rd, const struct json *process, struct spec_io_priority *p)
{
	const struct json *j = rd_get(rd, process, "ioPriority", JSON_OBJ);
	size_t mark;

	if (!j)
		return;
	mark = rd_enter(rd, "ioPriority");
	p->present = true;
	p->class = number_of(rd, "class", ioprio_name, rd_str_needed(rd, j, "class"));
	p->priority = (int) rd_int(rd, j, "priority", 0, 7, 0, NULL);
	rd_leave(rd, mark);
}

static void read_exec_affinity(struct rd *rd, const struct json *process, struct spec_process *p)
{
	const struct json *j = rd_get(rd, process, "execCPUAffinity", JSON_OBJ);
	size_t mark = rd_enter(rd, "execCPUAffinity");

	p->exec_cpu_initial = rd_str(rd, j, "initial");
	p->exec_cpu_final = rd_str(rd, j, "final");
	rd_leave(rd, mark);
}

/* runc's words where it has some: engines and suites compare them. */
static void check_command(struct rd *rd, const struct spec_process *p)
{
	if (!p->cwd || !*p->cwd)
		rd_fail(rd, "cwd", "Cwd property must not be empty");
	else if (p->cwd[0] != '/')
		rd_fail(rd, "cwd", "Cwd must be an absolute path, \"%.200s\" is not", p->cwd);
	if (!p->n_args)
		rd_fail(rd, "args", "args must not be empty");
	for (size_t i = 0; i < p->n_env && !rd->r; i++) {
		const char *eq = strchr(p->env[i], '=');

		if (!eq || eq == p->env[i])
			rd_fail_item(rd, "env", i, "\"%.100s\" is not NAME=VALUE", p->env[i]);
	}
}

/* A word of digits that a generator has written as a number is meant as the word. */
static void read_args(struct rd *rd, const struct json *process, struct spec_process *p)
{
	const struct json *list = rd_get(rd, process, "args", JSON_ARR);
	size_t mark = rd_enter(rd, "args");

	for (size_t i = 0; list && i < list->n && !rd->r; i++) {
		const struct json *j = list->child[i];
		size_t inner = rd_enter_index(rd, i);

		if (j->type == JSON_NUM && j->is_int)
			rd_warn(rd, "the number %s is taken as a string", j->s);
		else if (j->type != JSON_STR)
			rd_fail(rd, NULL, "expected a string");
		if (!rd->r)
			spec_append_str(rd->s, &p->args, &p->n_args, j->s);
		rd_leave(rd, inner);
	}
	rd_leave(rd, mark);
}

void read_process(struct rd *rd, const struct json *j)
{
	struct spec_process *p = &rd->s->process;

	rd->s->has_process = true;
	p->terminal = rd_bool(rd, j, "terminal");
	read_console(rd, j, p);
	read_user(rd, j, &p->user);
	read_args(rd, j, p);
	rd_strs(rd, j, "env", &p->env, &p->n_env);
	p->cwd = rd_str(rd, j, "cwd");
	read_caps(rd, j, &p->caps);
	rd_list(rd, j, "rlimits", JSON_OBJ, item_rlimit, p->rlimits, p->n_rlimits);
	p->no_new_privs = rd_bool(rd, j, "noNewPrivileges");
	p->oom_score_adj = (int) rd_int(rd, j, "oomScoreAdj", -1000, 1000, 0, &p->has_oom_score_adj);
	p->apparmor = rd_str(rd, j, "apparmorProfile");
	p->selinux_label = rd_str(rd, j, "selinuxLabel");
	read_scheduler(rd, j, &p->scheduler);
	read_io_priority(rd, j, &p->io_priority);
	read_exec_affinity(rd, j, p);
	check_command(rd, p);
}
