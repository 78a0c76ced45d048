/* SPDX-License-Identifier: Apache-2.0 */
/* detrun ps [-f table|json] ID [ps options]: the container's processes, as the host numbers them. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

enum { PS_MAX = 64 << 20 };

static void print_json(const pid_t *pids, size_t n)
{
	putchar('[');
	for (size_t i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", pids[i]);
	puts("]");
}

/* --- the table --------------------------------------------------------------------------- */

/* `ps` has the columns that its options ask for; @argv follows them. */
static pid_t spawn_ps(int argc, char **argv, int out)
{
	const char **v = calloc((size_t) argc + 3, sizeof *v);
	pid_t pid = v ? fork() : -1;

	if (pid) {
		free(v);
		return pid;
	}
	v[0] = "ps";
	v[1] = "-ef";
	for (int i = 0; i < argc; i++) /* the caller's instead of ours */
		v[i + 1] = argv[i];
	dup2(out, STDOUT_FILENO);
	execvp("ps", (char *const *) (uintptr_t) v);
	fprintf(stderr, "detrun: exec ps: %s\n", strerror(errno));
	_exit(127);
}

static int run_ps(int argc, char **argv, struct buf *ret, struct err *e)
{
	own_fd in = -1, out = -1;
	int p[2], status, r;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return fail(e, errno, "make a pipe");
	in = p[0], out = p[1];
	pid = spawn_ps(argc, argv, out);
	if (pid < 0)
		return fail(e, errno, "fork ps");
	close(take_fd(&out));
	r = read_fd(in, PS_MAX, ret);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0 || !buf_cstr(ret))
		return fail(e, r < 0 ? r : ENOMEM, "read what ps says");
	if (status)
		return fail_msg(e, EIO, "ps failed with exit status %d", WEXITSTATUS(status));
	return 0;
}

/* Which word of a line; -1: there are not so many. */
static long word(const char *line, int column)
{
	for (int i = 0;; i++) {
		line += strspn(line, " \t");
		if (!*line)
			return -1;
		if (i == column)
			return strtol(line, NULL, 10);
		line += strcspn(line, " \t");
	}
}

static int pid_column(const char *header)
{
	for (int i = 0;; i++) {
		size_t n;

		header += strspn(header, " \t");
		n = strcspn(header, " \t");
		if (!n)
			return -1;
		if (n == 3 && !memcmp(header, "PID", 3))
			return i;
		header += n;
	}
}

static bool among(long pid, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static int print_table(int argc, char **argv, const pid_t *pids, size_t n, struct err *e)
{
	own_buf b = { 0 };
	char *save, *line;
	int column, r = run_ps(argc, argv, &b, e);

	if (r < 0)
		return r;
	line = strtok_r((char *) b.p, "\n", &save);
	column = line ? pid_column(line) : -1;
	if (column < 0)
		return fail_msg(e, EINVAL, "couldn't find PID field in ps output");
	puts(line);
	while ((line = strtok_r(NULL, "\n", &save)))
		if (among(word(line, column), pids, n))
			puts(line);
	return 0;
}

/* --- the verb ---------------------------------------------------------------------------- */

static int ps(const char *root, const char *id, bool json, int argc, char **argv, struct err *e)
{
	own_free pid_t *pids = NULL;
	own_state s = { 0 };
	size_t n = 0;
	int r = state_find(root, id, &s, e);

	if (!r)
		r = state_pids(&s, &pids, &n, e);
	if (r < 0)
		return r;
	if (json)
		print_json(pids, n);
	else
		r = print_table(argc, argv, pids, n, e);
	return r;
}

int cmd_ps(const struct global *g, int argc, char **argv)
{
	const char *format = "table";
	const struct opt t[] = {
		{ "format", 'f', OPT_STR, &format, "table|json", "how (default table)" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	int rest, r = opts_parse(t, argc, argv, &rest, NULL, &e);

	if (r == 1) {
		opts_usage("ps", "show the processes of a container",
			"[options] ID [options of ps, else -ef]", NULL, t);
		return 0;
	}
	if (!r && argc - rest < 1)
		r = fail_msg(&e, EINVAL, "ps: a container ID expected");
	if (!r && strcmp(format, "table") && strcmp(format, "json"))
		r = fail_msg(&e, EINVAL, "invalid format option");
	if (!r)
		r = ps(g->root, argv[rest], *format == 'j', argc - rest - 1, argv + rest + 1, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
