/* SPDX-License-Identifier: Apache-2.0 */
/* A process of a supervised container is announced to the supervisor, made, and handed over. */
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/caps.h"
#include "runtime/control.h"
#include "runtime/exec.h"
#include "runtime/procattr.h"

static void put_list(struct buf *b, const char *const *v)
{
	for (; v && *v; v++)
		buf_put(b, *v, strlen(*v) + 1);
}

static int describe(const struct spec_process *p, struct control_ask *ask, int *ret_fd,
	struct err *e)
{
	own_fd fd = memfd_create("process", MFD_CLOEXEC);
	own_buf b = { 0 };
	int r;

	if (fd < 0)
		return fail(e, errno, "make a memfd");
	if (spec_process_to_json(p, &b) < 0)
		return fail(e, ENOMEM, "write down the process");
	ask->n_json = (uint32_t) b.n;
	put_list(&b, p->args);
	ask->n_args = (uint32_t) b.n - ask->n_json;
	put_list(&b, p->env);
	ask->n_env = (uint32_t) b.n - ask->n_json - ask->n_args;
	r = b.failed ? -ENOMEM : write_full(fd, b.p, b.n);
	if (r < 0)
		return fail(e, r, "write down the process");
	*ret_fd = take_fd(&fd);
	return 0;
}

static void put_limits(const struct spec_process *p, struct control_ask *ask)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		unsigned res = (unsigned) p->rlimits[i].resource;

		if (res >= ARRAY_LEN(ask->rlim))
			continue;
		ask->rlim_set |= 1u << res;
		ask->rlim[res].soft = p->rlimits[i].soft;
		ask->rlim[res].hard = p->rlimits[i].hard;
	}
}

int exec_announce(int control, const struct spec *s, const int outside[3], int ret_stdio[3],
	struct err *e)
{
	const struct spec_process *p = &s->process;
	const char *final = p->exec_cpu_final && *p->exec_cpu_final ? p->exec_cpu_final : NULL;
	struct control_ask ask = {
		.version = CONTROL_VERSION, .op = CONTROL_EXEC,
		.uid = p->user.uid, .gid = p->user.gid,
		.flags = p->terminal ? CONTROL_TERMINAL : 0,
		.rows = p->console_height, .cols = p->console_width,
		.policy = p->scheduler.policy, .priority = p->scheduler.priority,
		.nice = p->scheduler.nice,
		.ioprio = procattr_ioprio(&p->io_priority),
		.no_new_privs = p->no_new_privs,
		.bounding = caps_unheld(&p->caps, p->caps.bounding),
		.inheritable = caps_unheld(&p->caps, p->caps.inheritable),
		.affinity = procattr_cpu_mask(final ? final : s->linux_.resources.cpu.cpus),
	};
	own_fd what = -1;
	int r;

	put_limits(p, &ask);
	r = describe(p, &ask, &what, e);

	if (r < 0)
		return r;
	return control_ask(control, &ask,
		(int[]) { what, outside[0], outside[1], outside[2] }, 4, ret_stdio, 3, e);
}

int exec_adopt(int control, pid_t pid, int sync, int master, struct err *e)
{
	const struct control_ask ask = {
		.version = CONTROL_VERSION, .op = CONTROL_ADOPT, .pid = pid,
	};

	return control_ask(control, &ask, (int[]) { sync, master }, master < 0 ? 1 : 2, NULL, 0,
		e);
}
