/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/base/sdnotify.h"

#define DIRECTORY "notify" /* in the state */
#define NAME "notify"	   /* in that */

/* Where crun has it; an abstract name is no place, and then where runc has it. */
void notify_declare(const struct notify *n, struct spec *s, const char *state)
{
	const char *inside;

	if (!n->host || !s->has_process)
		return;
	inside = *n->host == '/' ? n->host : "/run/notify";
	spec_add_env(s, spec_printf(s, "NOTIFY_SOCKET=%s/" NAME, inside));
	spec_add_mount(s, inside, NULL, spec_printf(s, "%s/" DIRECTORY, state),
		"bind,ro,nosuid,nodev,noexec");
}

int notify_prepare(int state, struct err *e)
{
	if (mkdirat(state, DIRECTORY, 0755) < 0 || fchmodat(state, DIRECTORY, 0755, 0) < 0)
		return fail(e, errno, "make the directory of the container's NOTIFY_SOCKET");
	return 0;
}

int notify_listen(struct notify *n, int state, struct err *e)
{
	own_fd dir = openat(state, DIRECTORY, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : fail(e, errno, "open the container's " DIRECTORY);
	return sdnotify_listen(dir, NAME, &n->from, e);
}

void notify_connect(struct notify *n)
{
	struct err e = ERR_INIT;

	if (sdnotify_connect(n->host, &n->to, &e) < 0)
		log_warn("%s", e.msg);
}

static void say(struct notify *n, pid_t pid)
{
	notify_connect(n);
	if (n->to >= 0 && sdnotify_say(n->to, pid) < 0)
		log_warn("write to NOTIFY_SOCKET %s: %m", n->host);
}

bool notify_pass(struct notify *n, pid_t pid)
{
	if (n->from < 0 || !sdnotify_take(n->from))
		return false;
	say(n, pid);
	own_fd_drop(&n->from);
	n->from = -1;
	return true;
}

void notify_await(struct notify *n, pid_t pid, int pidfd)
{
	struct pollfd p[2] = { { n->from, POLLIN, 0 }, { pidfd, POLLIN, 0 } };

	while (n->from >= 0 && (poll(p, 2, -1) > 0 || errno == EINTR))
		if (notify_pass(n, pid)) {
			if (n->to >= 0)
				sdnotify_barrier(n->to);
		} else if (p[1].revents) {
			break;
		}
}

void notify_drop(struct notify *n)
{
	own_fd_drop(&n->from);
	own_fd_drop(&n->to);
}
