/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/names.h"
#include "oci/write.h"

static void put_cap_set(struct json_out *o, const char *key, uint64_t mask)
{
	if (!mask)
		return;
	open_arr(o, key);
	for (int i = 0; spec_cap_name(i); i++)
		if (mask & 1ull << i)
			json_str(o, spec_cap_name(i));
	json_close(o, ']');
}

static void put_caps(struct json_out *o, const struct spec_caps *c)
{
	if (!c->present)
		return;
	open_obj(o, "capabilities");
	put_cap_set(o, "ambient", c->ambient);
	put_cap_set(o, "bounding", c->bounding);
	put_cap_set(o, "effective", c->effective);
	put_cap_set(o, "inheritable", c->inheritable);
	put_cap_set(o, "permitted", c->permitted);
	json_close(o, '}');
}

static void put_rlimits(struct json_out *o, const struct spec_process *p)
{
	if (!p->n_rlimits)
		return;
	open_arr(o, "rlimits");
	for (size_t i = 0; i < p->n_rlimits; i++) {
		json_open(o, '{');
		json_kuint(o, "hard", p->rlimits[i].hard);
		json_kuint(o, "soft", p->rlimits[i].soft);
		json_kstr(o, "type", p->rlimits[i].name);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void put_scheduler(struct json_out *o, const struct spec_scheduler *s)
{
	const char *flag;

	if (!s->present)
		return;
	open_obj(o, "scheduler");
	if (s->deadline)
		json_kuint(o, "deadline", s->deadline);
	if (s->flags) {
		open_arr(o, "flags");
		for (int i = 0; (flag = sched_flag_name(i)); i++)
			if (s->flags & 1ull << i)
				json_str(o, flag);
		json_close(o, ']');
	}
	if (s->nice)
		json_kint(o, "nice", s->nice);
	if (s->period)
		json_kuint(o, "period", s->period);
	json_kstr(o, "policy", sched_name(s->policy));
	if (s->priority)
		json_kint(o, "priority", s->priority);
	if (s->runtime)
		json_kuint(o, "runtime", s->runtime);
	json_close(o, '}');
}

static void put_user(struct json_out *o, const struct spec_user *u)
{
	open_obj(o, "user");
	if (u->n_groups) {
		open_arr(o, "additionalGids");
		for (size_t i = 0; i < u->n_groups; i++)
			json_int(o, u->groups[i]);
		json_close(o, ']');
	}
	json_kint(o, "gid", u->gid);
	json_kint(o, "uid", u->uid);
	if (u->has_umask)
		json_kint(o, "umask", u->umask);
	put_str(o, "username", u->username);
	json_close(o, '}');
}

static void put_console(struct json_out *o, const struct spec_process *p)
{
	if (!p->console_width && !p->console_height)
		return;
	open_obj(o, "consoleSize");
	json_kint(o, "height", p->console_height);
	json_kint(o, "width", p->console_width);
	json_close(o, '}');
}

static void put_priorities(struct json_out *o, const struct spec_process *p)
{
	if (p->exec_cpu_initial || p->exec_cpu_final) {
		open_obj(o, "execCPUAffinity");
		put_str(o, "final", p->exec_cpu_final);
		put_str(o, "initial", p->exec_cpu_initial);
		json_close(o, '}');
	}
	if (p->io_priority.present) {
		open_obj(o, "ioPriority");
		json_kstr(o, "class", ioprio_name(p->io_priority.class));
		if (p->io_priority.priority)
			json_kint(o, "priority", p->io_priority.priority);
		json_close(o, '}');
	}
}

static void put_members(struct json_out *o, const struct spec_process *p)
{
	json_open(o, '{');
	put_str(o, "apparmorProfile", p->apparmor);
	put_strs(o, "args", p->args, p->n_args);
	put_caps(o, &p->caps);
	put_console(o, p);
	json_kstr(o, "cwd", p->cwd);
	put_strs(o, "env", p->env, p->n_env);
	put_priorities(o, p);
	put_true(o, "noNewPrivileges", p->no_new_privs);
	if (p->has_oom_score_adj)
		json_kint(o, "oomScoreAdj", p->oom_score_adj);
	put_rlimits(o, p);
	put_scheduler(o, &p->scheduler);
	put_str(o, "selinuxLabel", p->selinux_label);
	put_true(o, "terminal", p->terminal);
	put_user(o, &p->user);
	json_close(o, '}');
}

void put_process(struct json_out *o, const struct spec_process *p)
{
	json_key(o, "process");
	put_members(o, p);
}

int spec_process_to_json(const struct spec_process *p, struct buf *ret)
{
	struct json_out o = { .b = ret };

	put_members(&o, p);
	return ret->failed ? -ENOMEM : 0;
}
