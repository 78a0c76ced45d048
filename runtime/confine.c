/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/confine.h"

#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/own.h"
#include "runtime/caps.h"
#include "runtime/home.h"
#include "runtime/hooks.h"
#include "runtime/lsm.h"
#include "runtime/netdev.h"
#include "runtime/procattr.h"
#include "runtime/timens.h"
#include "shim/shim.h"

/* The virtual clocks begin near zero, and sums of theirs must not run over. */
static int check_offsets(const struct spec_linux *l, struct err *e)
{
	const int64_t max = INT64_C(1) << 32, secs[] = { l->time_monotonic.secs,
		l->time_boottime.secs };

	for (size_t i = 0; i < ARRAY_LEN(secs); i++)
		if (secs[i] < 0 || secs[i] > max)
			return fail_msg(e, EOPNOTSUPP, "linux.timeOffsets: %lld seconds are not "
				"possible with the supervisor's clock: give 0 to %lld, or run with "
				"--determinism=off", (long long) secs[i], (long long) max);
	return 0;
}

/*
 * Calls that an agent may have in a recorded container: they make files, and change whose they are. What
 * it lets go on is the kernel's to run, so those are out of the question by which the supervisor knows
 * who is who, what is open and mounted, and what time it is.
 */
static bool may_be_agents(const char *name)
{
	static const char *const calls[] = { "chmod", "chown", "fchmod", "fchmodat", "fchmodat2",
		"fchown", "fchownat", "fsetxattr", "lchown", "lsetxattr", "mkdir", "mkdirat", "mknod",
		"mknodat", "setxattr", "symlink", "symlinkat" };

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (!strcmp(calls[i], name))
			return true;
	return false;
}

static int check_agent(const struct spec_seccomp *c, enum det_mode mode, struct err *e)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		if (strcmp(c->rules[i].action, "SCMP_ACT_NOTIFY"))
			continue;
		if (mode == DET_STRICT)
			return fail_msg(e, EOPNOTSUPP, "linux.seccomp: SCMP_ACT_NOTIFY lets an agent "
				"outside answer calls unseen by the supervisor: take it out, or run with "
				"--determinism=record");
		for (const char *const *n = c->rules[i].names; n && *n; n++)
			if (!may_be_agents(*n))
				return fail_msg(e, EOPNOTSUPP, "linux.seccomp: SCMP_ACT_NOTIFY for %.40s "
					"would take it from the supervisor, who has to see it: take it "
					"out, or run with --determinism=off", *n);
	}
	return 0;
}

int confine_prepare(struct confine *c, const struct spec *s, enum det_mode mode, int dir,
	struct err *e)
{
	int r = lsm_check(s, e);

	*c = CONFINE_INIT;
	c->spec = s;
	c->supervised = mode != DET_OFF;
	if (!r)
		r = procattr_check(s, e);
	if (!r)
		r = netdev_check(&s->linux_, e);
	if (!r)
		r = scmp_compile_kept(&s->linux_.seccomp, dir, &c->seccomp, e);
	if (!r && c->supervised)
		r = check_offsets(&s->linux_, e);
	if (!r && mode != DET_STRICT)
		r = scmp_agent_open(&c->seccomp, &s->linux_.seccomp, &c->agent, e);
	if (!r && c->supervised)
		r = check_agent(&s->linux_.seccomp, mode, e);
	c->seccomp.notify = c->agent.sock >= 0;
	return r;
}

int confine_traced(const struct confine *c, struct err *e)
{
	return scmp_agent_begin(&c->agent, e);
}

int confine_parent(struct confine *c, pid_t init, const char *state, struct err *e)
{
	int r = procattr_of(c->spec, init, c->supervised, e);

	return r < 0 ? r : scmp_agent_tell(&c->agent, c->spec, init, state, e);
}

int confine_born(struct confine *c, pid_t init, struct err *e)
{
	const struct hook_state st = { .id = c->id, .bundle = c->bundle, .status = "creating",
		.pid = init };
	own_buf state = { 0 };
	int r = netdev_move(&c->spec->linux_, init, e);

	if (r < 0)
		return r;
	if (!c->supervised)
		procattr_all_cpus(init);
	if (c->agent.sock < 0)
		return confine_parent(c, init, "", e);
	hooks_state(c->spec, &st, &state);
	if (!buf_cstr(&state))
		return fail(e, ENOMEM, "write the container's state");
	return confine_parent(c, init, (char *) state.p, e);
}

int confine_create_hooks(const struct confine *c, int root, struct err *e)
{
	const struct hook_state st = { .id = c->id, .bundle = c->bundle, .status = "creating",
		.pid = getpid() };

	if (!c->spec->hooks[SPEC_HOOK_CREATE_CONTAINER].n)
		return 0;
	if (fchdir(root) < 0)
		return fail(e, errno, "enter the container's root");
	return hooks_run(c->spec, SPEC_HOOK_CREATE_CONTAINER, &st, e);
}

struct start_hook {
	const struct confine *c;
	bool user, setgroups;
};

/* No agent is told of these: what it is to answer gives ENOSYS. */
static int hold(const void *ctx, struct err *e)
{
	const struct start_hook *h = ctx;
	struct scmp_prog filter = h->c->seccomp;
	int none, r = h->user ? 0 : caps_apply(&h->c->spec->process, false, h->setgroups, false,
		e);

	if (r < 0)
		return r;
	if (h->c->spec->process.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "set no_new_privs");
	filter.notify = false;
	filter.flags &= ~(unsigned) SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	return scmp_load(&filter, &none, e);
}

int confine_start_hooks(struct confine *c, bool user, bool setgroups, struct err *e)
{
	const struct start_hook h = { c, user, setgroups };
	const struct hook_state st = { .id = c->id, .bundle = c->bundle, .status = "created",
		.pid = getpid(), .confine = hold, .ctx = &h, .env = home_env(&c->spec->process) };
	int r;

	if (!c->spec->hooks[SPEC_HOOK_START_CONTAINER].n)
		return 0;
	r = lsm_apply(&c->spec->process, c->label, e); /* they inherit it */
	if (r < 0)
		return r;
	own_fd_drop(&c->label);
	c->label = -1;
	return hooks_run(c->spec, SPEC_HOOK_START_CONTAINER, &st, e);
}

/* Supervised, the container has clocks of its own: the time namespace is for who joins it. */
int confine_first(struct confine *c, struct err *e)
{
	int r = timens_enter(c->spec, e);

	return r < 0 ? r : lsm_open(&c->spec->process, &c->label, e);
}

static int supervise(const struct confine *c, struct err *e)
{
	struct shim_filter f = { .first = &c->seccomp.bpf, .init = c->listens,
		.virtual_ids = c->virtual_ids, .flags = c->seccomp.flags };
	int listener = -1, r;

	if (c->seccomp.notify)
		f.listener = &listener;
	r = shim_filter_set(&f, e);
	return r < 0 || !c->seccomp.notify ? r : scmp_agent_end(&c->agent, listener, e);
}

/* At the exec of a set-id program the kernel would randomise addresses again: supervised, none. */
int confine_last(const struct confine *c, struct err *e)
{
	bool nnp = c->supervised || c->spec->process.no_new_privs;
	int r = procattr_own(&c->spec->linux_, c->supervised, e);

	if (!r)
		r = lsm_apply(&c->spec->process, c->label, e);
	if (r < 0)
		return r;
	if (nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "set no_new_privs");
	/* the supervisor, in our user namespace by now, fetches the listener: a change of uid forbids it */
	if (c->listens && c->spec->linux_.ns[SPEC_NS_USER].present &&
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return fail(e, errno, "stay dumpable");
	return c->supervised ? supervise(c, e) : scmp_apply(&c->seccomp, &c->agent, e);
}

void confine_drop(struct confine *c)
{
	scmp_prog_free(&c->seccomp);
	scmp_agent_close(&c->agent);
}
