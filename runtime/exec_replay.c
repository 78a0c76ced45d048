/* SPDX-License-Identifier: Apache-2.0 */
/* Replay: the processes that were added from outside are made again, from what the trace has. */
#include <fcntl.h>
#include <stdio.h>

#include "runtime/base/fdpass.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/exec.h"
#include "runtime/launch.h"
#include "runtime/priv.h"

/* Its input is in the trace, and its output was for somebody who is not there. */
static int to_nowhere(struct err *e)
{
	own_fd fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		if (fd < 0 || dup2(fd, i) < 0)
			return fail(e, errno, "open /dev/null");
	return 0;
}

static int make(const struct launch *l, int what, int control, struct err *e)
{
	struct spec spec = *l->spec;
	struct state state = {
		.id = (char[]) { "replay" }, .pid = l->init, .pid_start = pid_start_time(l->init),
	};
	struct exec_job j = { .spec = &spec, .state = &state, .dir = -1, .init = l->init_fd,
		.control = control };
	own_spec file = NULL;
	own_buf b = { 0 };
	int status, r;

	if (lseek(what, 0, SEEK_SET) < 0)
		return fail(e, errno, "read what was added");
	r = read_fd(what, JSON_MAX, &b);
	if (r < 0)
		return fail(e, r, "read what was added");
	r = spec_parse_process((char *) b.p, b.n, "process", &file, e);
	if (!r)
		r = to_nowhere(e);
	if (r < 0)
		return r;
	spec.process = file->process;
	return exec_run(&j, &status, e);
}

void exec_again(const struct launch *l)
{
	int fds[2];
	char c;
	ssize_t n = fds_recv(l->maker, &c, 1, fds, 2);
	own_fd what = fds[0], control = fds[1];
	struct err e = ERR_INIT;

	if (n != 1 || what < 0 || control < 0)
		return;
	if (fork() == 0)
		_exit(make(l, what, control, &e) < 0);
}
