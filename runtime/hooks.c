/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hooks.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/state.h"

enum { SHOWN = 1024 }; /* bytes of a hook's output in a message */

void hooks_state(const struct spec *s, const struct hook_state *st, struct buf *ret)
{
	struct json_out o = { .b = ret };

	json_open(&o, '{');
	if (s->n_annotations) {
		json_key(&o, "annotations");
		json_open(&o, '{');
		for (size_t i = 0; i < s->n_annotations; i++)
			json_kstr(&o, s->annotations[i].key, s->annotations[i].value);
		json_close(&o, '}');
	}
	json_kstr(&o, "bundle", st->bundle);
	json_kstr(&o, "id", st->id);
	json_kstr(&o, "ociVersion", s->version);
	if (st->pid)
		json_kint(&o, "pid", st->pid);
	json_kstr(&o, "status", st->status);
	json_close(&o, '}');
}

/* --- one hook ---------------------------------------------------------------------------- */

/* Files in memory: a hook that leaves a daemon behind holds nobody up, as a pipe would. */
struct running {
	int in, out, err; /* the hook's 0, 1, 2 */
	int pidfd;
	pid_t pid;
};

static void running_drop(struct running *r)
{
	own_fd_drop(&r->in);
	own_fd_drop(&r->out);
	own_fd_drop(&r->err);
	own_fd_drop(&r->pidfd);
}

static int output(const char *path, const char *name)
{
	return path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600)
		    : memfd_create(name, MFD_CLOEXEC);
}

static int open_files(struct running *r, const struct hook_state *st, const struct buf *state,
	struct err *e)
{
	int x;

	r->in = memfd_create("state", MFD_CLOEXEC);
	r->out = output(st->out, "stdout");
	r->err = output(st->err, "stderr");
	if (r->in < 0 || r->out < 0 || r->err < 0)
		return fail(e, errno, "make files for a hook");
	x = write_full(r->in, state->p, state->n);
	if (x < 0 || lseek(r->in, 0, SEEK_SET) < 0)
		return fail(e, x ? x : errno, "write the state for a hook");
	return 0;
}

/* In the hook's own process. Returns only with an error. */
static int become(const struct spec_hook *h, const struct hook_state *st, const struct running *r,
	struct err *e)
{
	const char *const alone[] = { h->path, NULL };
	const char *const *argv = h->n_args ? h->args : alone;
	char *const *env = h->n_env ? (char *const *) (uintptr_t) h->env : st->env ? st->env : environ;

	if (dup2(r->in, 0) < 0 || dup2(r->out, 1) < 0 || dup2(r->err, 2) < 0 ||
		close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return fail(e, errno, "set up the files of %s", h->path);
	if (st->confine && st->confine(st->ctx, e) < 0)
		return -e->code;
	execve(h->path, (char *const *) (uintptr_t) argv, env);
	return fail(e, errno, "fork/exec %s", h->path);
}

static void fresh_process(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Tells over @say why the hook can't be executed; the exec closes it. */
__attribute__((noreturn))
static void child(const struct spec_hook *h, const struct hook_state *st, const struct running *r,
	int say)
{
	struct err why = ERR_INIT;

	fresh_process();
	become(h, st, r, &why);
	(void) !write_full(say, &why, sizeof why);
	_exit(127);
}

static int start(const struct spec_hook *h, const struct hook_state *st, struct running *r,
	struct err *e)
{
	own_fd told = -1, say = -1;
	struct err why = ERR_INIT;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	told = p[0], say = p[1];
	r->pid = fork();
	if (r->pid < 0)
		return fail(e, errno, "fork");
	if (!r->pid)
		child(h, st, r, say);
	close(take_fd(&say));
	r->pidfd = pidfd_open(r->pid, 0);
	if (read_full(told, &why, sizeof why) != sizeof why)
		return 0;
	waitpid(r->pid, NULL, 0);
	return fail_msg(e, why.code, "%s", why.msg);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* True: it has ended in time. */
static bool ends(const struct running *r, int timeout)
{
	int64_t end = now_ms() + (int64_t) timeout * 1000;
	struct pollfd p = { r->pidfd, POLLIN, 0 };

	if (!timeout || r->pidfd < 0)
		return true;
	for (;;) {
		int64_t left = end - now_ms();
		int n = poll(&p, 1, left < 0 ? 0 : left > 1000000 ? 1000000 : (int) left);

		if (n > 0)
			return true;
		if (n == 0 && left <= 0)
			return false;
	}
}

/* What it printed, on one line. */
static const char *shown(int fd, char text[SHOWN + 1])
{
	ssize_t n = pread(fd, text, SHOWN, 0);

	text[n < 0 ? 0 : n] = 0;
	for (n = (ssize_t) strlen(text); n > 0 && strchr(" \n", text[n - 1]);)
		text[--n] = 0;
	for (char *c = text; *c; c++)
		if ((unsigned char) *c < ' ')
			*c = ' ';
	return text;
}

static void signal_words(int sig, char *to, size_t room)
{
	const char *name = strsignal(sig);

	snprintf(to, room, "signal: %c%s", tolower((unsigned char) *name), name + 1);
}

static int verdict(const struct running *r, int status, struct err *e)
{
	char out[SHOWN + 1], err[SHOWN + 1], how[64];

	if (!status)
		return 0;
	if (WIFSIGNALED(status))
		signal_words(WTERMSIG(status), how, sizeof how);
	else
		snprintf(how, sizeof how, "exit status %d", WEXITSTATUS(status));
	return fail_msg(e, ECANCELED, "%s, stdout: %.200s, stderr: %.200s", how,
		shown(r->out, out), shown(r->err, err));
}

static int run_one(const struct spec_hook *h, const struct hook_state *st, const struct buf *state,
	int *ret_code, struct err *e)
{
	own_cleanup(running_drop) struct running r = { -1, -1, -1, -1, 0 };
	int status = 0, x = open_files(&r, st, state, e);
	bool in_time;

	if (!x)
		x = start(h, st, &r, e);
	if (x < 0)
		return x;
	in_time = ends(&r, h->timeout);
	if (!in_time)
		kill(r.pid, SIGKILL);
	while (waitpid(r.pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(e, errno, "wait for %s", h->path);
	*ret_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (!in_time)
		return fail_msg(e, ETIMEDOUT, "hook ran past specified timeout of %d.0s", h->timeout);
	return verdict(&r, status, e);
}

int hooks_run(const struct spec *s, enum spec_hook_when when, const struct hook_state *st,
	struct err *e)
{
	const struct spec_hooks *list = &s->hooks[when];
	own_buf state = { 0 };
	struct err own = ERR_INIT;

	if (!list->n)
		return 0;
	hooks_state(s, st, &state);
	if (state.failed)
		return fail(e, ENOMEM, "write the state for a hook");
	for (size_t i = 0; i < list->n; i++) {
		int code = 127, r = run_one(&list->list[i], st, &state, &code, &own);

		if (!r)
			continue;
		r = fail_ctx(&own, r, "error running %s hook #%zu", spec_hook_name(when), i);
		if (when != SPEC_HOOK_POSTSTOP)
			return fail_msg(e, own.code, "%s", own.msg);
		log_warn("poststop hook failed with exit code %d: %s", code, own.msg); /* crun's words */
	}
	return 0;
}

bool hooks_before_pivot(const struct spec *s)
{
	return s->hooks[SPEC_HOOK_PRESTART].n || s->hooks[SPEC_HOOK_CREATE_RUNTIME].n ||
	       s->hooks[SPEC_HOOK_CREATE_CONTAINER].n;
}

int hooks_load(int dir, struct spec **ret, struct err *e)
{
	*ret = NULL;
	if (faccessat(dir, STATE_CONFIG, F_OK, 0) < 0)
		return 0;
	return spec_load(dir, STATE_CONFIG, ret, e);
}
