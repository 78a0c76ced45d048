/* SPDX-License-Identifier: Apache-2.0 */
/* The listener of a filter with SCMP_ACT_NOTIFY goes to the agent at listenerPath. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "runtime/scmp.h"

enum { TEXT_MAX = 1 << 20 };
enum { NOT_YET = -1, FAILED = -2 };

struct scmp_shared { /* by init and the helper of its that talks to the agent */
	atomic_int listener;
	pid_t helper;
	char text[TEXT_MAX]; /* what is sent with the listener */
};

int scmp_agent_open(const struct scmp_prog *p, const struct spec_seccomp *c,
	struct scmp_agent *ret, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	own_fd fd = -1;
	void *m;

	*ret = SCMP_AGENT_NONE;
	if (!p->bpf.filter || !c->listener_path || !*c->listener_path)
		return 0;
	if (strlen(c->listener_path) >= sizeof at.sun_path)
		return fail(e, ENAMETOOLONG, "failed to connect with seccomp agent specified in the seccomp profile: %s", c->listener_path);
	strcpy(at.sun_path, c->listener_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *) &at, sizeof at) < 0)
		return !p->notify ? 0 : fail(e, errno, "failed to connect with seccomp agent specified in the seccomp profile: %s", c->listener_path);
	m = mmap(NULL, sizeof(struct scmp_shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED)
		return fail(e, errno, "make room for the seccomp agent's message");
	*ret = (struct scmp_agent) { .sock = take_fd(&fd), .shared = m };
	return 0;
}

int scmp_agent_tell(struct scmp_agent *a, const struct spec *s, pid_t pid,
	const char *state, struct err *e)
{
	const struct spec_seccomp *c = &s->linux_.seccomp;
	own_buf b = { 0 };
	struct json_out o = { .b = &b };

	if (a->sock < 0)
		return 0;
	json_open(&o, '{');
	json_key(&o, "fds");
	json_open(&o, '[');
	json_str(&o, "seccompFd");
	json_close(&o, ']');
	if (c->listener_metadata)
		json_kstr(&o, "metadata", c->listener_metadata);
	json_kstr(&o, "ociVersion", "0.2.0"); /* of this message: what the specification shows */
	json_kint(&o, "pid", pid);
	json_key(&o, "state");
	buf_str(&b, state);
	json_close(&o, '}');
	if (!buf_cstr(&b) || b.n >= TEXT_MAX)
		return fail(e, E2BIG, "write the seccomp agent's message");
	memcpy(a->shared->text, b.p, b.n + 1);
	return 0;
}

void scmp_agent_close(struct scmp_agent *a)
{
	if (a->sock >= 0)
		close(a->sock);
	if (a->shared)
		munmap(a->shared, sizeof *a->shared);
	*a = SCMP_AGENT_NONE;
}

static int send_listener(const struct scmp_agent *a, int listener)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof listener)] = { 0 };
	struct iovec v = { a->shared->text, strlen(a->shared->text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof listener);
	memcpy(CMSG_DATA(h), &listener, sizeof listener);
	return sendmsg(a->sock, &m, MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* Shares our fds and not our filter, which may well ask the agent about sendmsg. */
__attribute__((noreturn))
static void helper(const struct scmp_agent *a)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int fd;

	while ((fd = atomic_load(&a->shared->listener)) == NOT_YET)
		nanosleep(&pause, NULL);
	_exit(fd < 0 ? 0 : send_listener(a, fd));
}

int scmp_agent_begin(const struct scmp_agent *a, struct err *e)
{
	long pid;

	if (a->sock < 0 || a->shared->helper)
		return 0;
	must(*a->shared->text);
	atomic_init(&a->shared->listener, NOT_YET);
	pid = syscall(SYS_clone, CLONE_FILES, NULL, NULL, NULL, NULL); /* its end is no signal to us */
	if (pid < 0)
		return fail(e, errno, "fork for the seccomp listener");
	if (!pid)
		helper(a);
	a->shared->helper = (pid_t) pid;
	return 0;
}

int scmp_agent_end(const struct scmp_agent *a, int listener, struct err *e)
{
	int status = 0;

	atomic_store(&a->shared->listener, listener < 0 ? FAILED : listener);
	while (waitpid(a->shared->helper, &status, __WALL) < 0 && errno == EINTR)
		;
	if (listener >= 0 && status)
		return fail(e, WIFEXITED(status) ? WEXITSTATUS(status) : EIO,
			"send the listener to the seccomp agent");
	return 0;
}

int scmp_apply(const struct scmp_prog *p, const struct scmp_agent *a, struct err *e)
{
	int listener = -1, r, sent;

	if (!p->notify)
		return scmp_load(p, &listener, e);
	r = scmp_agent_begin(a, e);
	if (r < 0)
		return r;
	r = scmp_load(p, &listener, e);
	sent = scmp_agent_end(a, listener, r < 0 ? NULL : e);
	return r < 0 ? r : sent;
}
