/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues: the kernel's, tried without waiting; the task waits for another one. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "runtime/base/own.h"
#include "shim/sys/io.h"
#include "shim/sys/vclock.h"

/* scratch[0]: the deadline, an absolute time of the virtual clock; [3]: the description's flags. */
static long deadline(struct call *c)
{
	struct timespec ts;

	if (c->again)
		return 0;
	c->scratch[0] = NO_DEADLINE;
	if (!c->a[4])
		return 0;
	if (in_at(c, c->a[4], &ts, sizeof ts) < 0)
		return -EFAULT;
	if (ts_to_ns(&ts, &c->scratch[0]) < 0)
		return -EINVAL;
	return 0;
}

static long transfer_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	long r = fd < 0 ? fd : deadline(c);
	int flags;

	if (r < 0)
		return r;
	flags = nb_begin(fd);
	if (flags < 0)
		return flags;
	c->scratch[3] = (uint64_t) flags;
	call_karg(c, 4, 0);
	return call_run_leave(c);
}

static void transfer_leave(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	int flags = (int) c->scratch[3];

	if (fd >= 0)
		nb_end(fd, flags);
	if (c->ret != -EAGAIN || flags & O_NONBLOCK)
		return;
	if (c->timed_out || c->scratch[0] <= c->w->now)
		c->ret = -ETIMEDOUT;
	else
		call_block(c, (struct wait) { .kind = W_IO, .deadline = c->scratch[0],
			.intr = RESTARTSYS });
}

#define OWN "the container's own queues"
#define WAITS "tried without waiting; waits for another task, or the virtual clock"

static const struct row rows[] = {
	{ SYS(mq_open, 240), OBSERVE, .arg = { PATH(name), UINT(flags), UINT(mode),
	  IN_STRUCT(attr, 64) }, .why = OWN },
	{ SYS(mq_unlink, 241), OBSERVE, .arg = { PATH(name) }, .why = OWN },
	{ SYS(mq_timedsend, 242), OBSERVE, .arg = { FD(mq), IN_BUF(msg, 2), UINT(len), UINT(prio),
	  PTR(timeout) }, .enter = transfer_enter, .leave = transfer_leave, .flags = MAY_BLOCK,
	  .why = WAITS },
	{ SYS(mq_timedreceive, 243), OBSERVE, .arg = { FD(mq), OUT_RES(msg), UINT(len), PTR(prio),
	  PTR(timeout) }, .enter = transfer_enter, .leave = transfer_leave, .flags = MAY_BLOCK,
	  .why = WAITS },
	{ SYS(mq_notify, 244), OBSERVE, .arg = { FD(mq), IN_STRUCT(event, 64) },
	  .enter = io_signal_enter, .why = "its signal comes as one that a task sends" },
	{ SYS(mq_getsetattr, 245), OBSERVE, .arg = { FD(mq), IN_STRUCT(set, 64),
	  OUT_STRUCT(get, 64) }, .why = OWN },
};

FAMILY(mq, "POSIX message queues");
