/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: moving data. Streams by the supervisor in full; what carries more, by the guest itself. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "runtime/base/sdnotify.h"
#include "shim/sys/net.h"
#include "shim/sys/vclock.h"

enum { RECV_MAX = 1 << 20, SEND_MAX = 1 << 20, WAITALL_MAX = 65536 };

uint64_t net_deadline(struct call *c, int fd, int option, unsigned slot)
{
	struct timeval tv = { 0 };
	socklen_t n = sizeof tv;
	uint64_t ns;

	if (c->scratch[slot])
		return c->scratch[slot];
	c->scratch[slot] = NO_DEADLINE;
	if (getsockopt(fd, SOL_SOCKET, option, &tv, &n) == 0 && (tv.tv_sec || tv.tv_usec) &&
		tv_to_ns(&tv, &ns) == 0)
		c->scratch[slot] = ns_add(c->w->now, ns);
	return c->scratch[slot];
}

/* ---- sending ---- */

static bool is_stream(int fd)
{
	return net_option(fd, SO_TYPE) == SOCK_STREAM;
}

/* By the guest itself, without waiting: @flags_arg is the argument that says so. */
static long send_native(struct call *c, int fd, unsigned flags_arg)
{
	net_autobind(c, fd);
	call_karg(c, flags_arg, c->a[flags_arg] | MSG_DONTWAIT);
	c->scratch[2] = flags_arg;
	return call_run_leave(c);
}

/* The call's answer has to be the same whoever listens outside, and however fast. */
void net_sent(struct world *w)
{
	if (w->o->notify >= 0 && sdnotify_take(w->o->notify) && w->o->notify_to >= 0)
		sdnotify_say(w->o->notify_to, w->o->init);
}

void send_leave(struct call *c)
{
	own_fd fd = -1;

	if (c->ret >= 0)
		net_sent(c->w);
	if (c->ret != -EAGAIN || c->a[c->scratch[2]] & MSG_DONTWAIT)
		return;
	fd = call_getfd(c, (int) c->a[0]);
	if (fd >= 0 && !c->timed_out && !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		io_wait_until(c, net_deadline(c, fd, SO_SNDTIMEO, 3), RESTARTSYS);
}

long sendto_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct iovec iov = { (void *) c->a[1], c->a[2] };
	struct xfer x = { .iov = &iov, .n = 1, .total = c->a[2], .off = -1 };
	struct sockaddr_nl nl;

	if (fd < 0)
		return fd;
	if (netlink_is(c->w, fd, &nl))
		return netlink_send(c, fd, &x);
	if (c->a[4] || (c->a[3] & MSG_OOB) || !x.total || !is_stream(fd))
		return send_native(c, fd, 3);
	if (x.total > SEND_MAX)
		x.total = iov.iov_len = SEND_MAX;
	return stream_write(c, fd, &x, (int) c->a[3]);
}

long sendmsg_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct msghdr m;
	struct xfer x = { .off = -1 };
	struct sockaddr_nl nl;
	bool netlink;
	long r;

	if (fd < 0)
		return fd;
	if (in_at(c, c->a[1], &m, sizeof m) < 0)
		return -EFAULT;
	netlink = netlink_is(c->w, fd, &nl);
	if (!netlink && (m.msg_name || m.msg_controllen || c->a[2] & MSG_OOB || !is_stream(fd)))
		return send_native(c, fd, 2);
	r = xfer_vec(c, (uint64_t) m.msg_iov, m.msg_iovlen, &x);
	if (r < 0)
		return r == -EINVAL ? -EMSGSIZE : r;
	if (netlink)
		return netlink_send(c, fd, &x);
	if (!x.total)
		return send_native(c, fd, 2);
	if (x.total > SEND_MAX)
		x.total = SEND_MAX;
	return stream_write(c, fd, &x, (int) c->a[2]);
}

/* ---- many messages: by the guest itself, those that are left; scratch[1] counts who is done ---- */

static uint64_t mmsg_want(const struct call *c)
{
	return (uint32_t) c->a[2] < UIO_MAXIOV ? (uint32_t) c->a[2] : UIO_MAXIOV;
}

static void mmsg_rest(struct call *c)
{
	call_karg(c, 1, c->a[1] + c->scratch[1] * sizeof(struct mmsghdr));
	call_karg(c, 2, mmsg_want(c) - c->scratch[1]);
}

static bool mmsg_waits(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);

	return !(c->a[3] & MSG_DONTWAIT) && fd >= 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* An error after the first is the next call's. */
static long mmsg_result(const struct call *c, long err)
{
	return c->scratch[1] ? (long) c->scratch[1] : err;
}

/* Again: at once, or when another task may have changed something. */
static void mmsg_again(struct call *c, bool at_once, uint64_t deadline)
{
	call_block(c, (struct wait) { .kind = at_once ? W_TIME : W_IO,
		.deadline = at_once ? c->w->now : deadline, .intr = (int) mmsg_result(c, RESTARTSYS) });
}

long sendmmsg_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);

	if (fd < 0)
		return fd;
	mmsg_rest(c);
	return send_native(c, fd, 3);
}

void sendmmsg_leave(struct call *c)
{
	if (c->ret > 0) {
		c->scratch[1] += (uint64_t) c->ret;
		c->w->turn++;
		net_sent(c->w);
	}
	if ((c->ret > 0 || c->ret == -EAGAIN) && c->scratch[1] < mmsg_want(c) && mmsg_waits(c))
		mmsg_again(c, c->ret > 0, NO_DEADLINE);
	else
		c->ret = mmsg_result(c, c->ret);
}

/* ---- receiving ---- */

bool net_raw(struct world *w, int fd)
{
	return io_of(w)->raw && net_option(fd, SO_TYPE) == SOCK_RAW && net_option(fd, SO_DOMAIN) == AF_INET;
}

/* The header of IP comes with it: its identification is drawn at random, its checksum follows. */
void net_raw_canonical(uint8_t *p, size_t n)
{
	size_t len = n ? (size_t) (p[0] & 15) * 4 : 0;
	uint32_t sum = 0;

	if (len < 20 || n < len)
		return;
	p[4] = p[5] = p[10] = p[11] = 0;
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t) p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16)) & 0xffff;
	p[10] = (uint8_t) (sum >> 8);
	p[11] = (uint8_t) sum;
}


/* Nothing there: 1 when the task is parked now, else the guest's result. */
static long recv_wait(struct call *c, int fd, int flags)
{
	if (flags & MSG_DONTWAIT || fcntl(fd, F_GETFL) & O_NONBLOCK || c->timed_out)
		return -EAGAIN;
	io_wait_read(c, fd, net_deadline(c, fd, SO_RCVTIMEO, 0));
	return 1;
}

static bool recv_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

/* What reading makes room for may be sent while it is read, or after: it is none of this. */
size_t net_there(int fd, size_t n)
{
	int avail = 0;

	if (!net_tcp(fd) || ioctl(fd, FIONREAD, &avail) < 0 || avail <= 0)
		return n;
	return (size_t) avail < n ? (size_t) avail : n;
}

/* MSG_WAITALL: whether to wait for more. */
static bool wants_more(int fd, int flags, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };
	int avail = 0;

	if (!(flags & MSG_WAITALL) || flags & (MSG_DONTWAIT | MSG_PEEK) || n > WAITALL_MAX ||
		!is_stream(fd))
		return false;
	if (poll(&p, 1, 0) < 0 || p.revents & (POLLRDHUP | POLLHUP | POLLERR))
		return false;
	return ioctl(fd, FIONREAD, &avail) == 0 && (size_t) avail < n;
}

static long give_addr(struct call *c, const struct sockaddr_storage *a, socklen_t n)
{
	uint32_t room;
	void *p;

	if (!c->a[4])
		return 0;
	if (in_at(c, c->a[5], &room, sizeof room) < 0 || (int) room < 0)
		return -EFAULT;
	p = out(c, 4, n < room ? n : room);
	if (!p)
		return -EFAULT;
	memcpy(p, a, n < room ? n : room);
	return out_at(c, c->a[5], &n, sizeof n);
}

/* What comes by netlink is the kernel's: port 0. */
static socklen_t from_kernel(struct sockaddr_storage *a)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };

	memcpy(a, &nl, sizeof nl);
	return sizeof nl;
}

long recvfrom_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	struct iovec iov = { (void *) c->a[1], c->a[2] < RECV_MAX ? c->a[2] : RECV_MAX };
	struct xfer x = { .iov = &iov, .n = 1, .total = iov.iov_len, .off = -1 };
	struct sockaddr_storage a = { 0 };
	struct sockaddr_nl nl;
	socklen_t an = sizeof a;
	int flags = (int) c->a[3];
	size_t kept;
	ssize_t r;
	void *p;

	if (fd < 0)
		return fd;
	p = io_buf(c->w, x.total);
	r = wants_more(fd, flags, x.total) && !c->timed_out
		? -1
		: recvfrom(fd, p, net_there(fd, x.total), (flags | MSG_DONTWAIT) & ~MSG_WAITALL,
			  (struct sockaddr *) &a, &an);
	if (r < 0 && (errno == EAGAIN || wants_more(fd, flags, x.total))) {
		r = recv_wait(c, fd, flags);
		return r > 0 ? 0 : r;
	}
	if (r < 0)
		return -errno;
	if (netlink_is(c->w, fd, &nl))
		an = from_kernel(&a);
	net_set_clock(c, fd, an ? &a : NULL);
	kept = (size_t) r < x.total ? (size_t) r : x.total; /* MSG_TRUNC tells more than it gives */
	if (net_raw(c->w, fd))
		net_raw_canonical(p, kept);
	if (xfer_out(c, &x, p, kept) < 0 || give_addr(c, &a, an) < 0)
		return -EFAULT;
	return r;
}

long recvmsg_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	int flags = (int) c->a[2];
	struct msghdr m;
	struct sockaddr_nl nl;
	size_t total = 0;
	struct xfer x;
	long r;

	if (fd < 0)
		return fd;
	if (flags & MSG_WAITALL && in_at(c, c->a[1], &m, sizeof m) == 0 &&
		xfer_vec(c, (uint64_t) m.msg_iov, m.msg_iovlen, &x) == 0)
		total = x.total;
	if (!(flags & MSG_ERRQUEUE) && !c->timed_out &&
		(!recv_ready(fd) || wants_more(fd, flags, total))) {
		r = recv_wait(c, fd, flags);
		return r > 0 ? 0 : r;
	}
	if (netlink_is(c->w, fd, &nl) && in_at(c, c->a[1], &m, sizeof m) == 0) {
		c->scratch[1] = true;
		c->scratch[2] = m.msg_name ? m.msg_namelen : 0;
	}
	net_set_clock(c, fd, NULL);
	call_karg(c, 2, c->a[2] | MSG_DONTWAIT);
	return call_run_leave(c);
}

static void recvmsg_from_kernel(struct call *c)
{
	struct sockaddr_storage a;
	struct msghdr m;
	socklen_t n = from_kernel(&a);

	if (!c->scratch[2] || in_at(c, c->a[1], &m, sizeof m) < 0)
		return;
	m.msg_namelen = n;
	if (out_at(c, (uint64_t) m.msg_name, &a, c->scratch[2] < n ? c->scratch[2] : n) < 0 ||
		out_at(c, c->a[1], &m, sizeof m) < 0)
		c->ret = -EFAULT;
}

/* The bytes received, for the trace. */
void recvmsg_leave(struct call *c)
{
	struct msghdr m;
	struct xfer x = { .off = -1 };
	size_t n = (size_t) c->ret;
	own_fd fd = -1;
	void *p;

	if (c->ret > 0 && c->scratch[1])
		recvmsg_from_kernel(c);
	if (c->ret <= 0 || in_at(c, c->a[1], &m, sizeof m) < 0 ||
		xfer_vec(c, (uint64_t) m.msg_iov, m.msg_iovlen, &x) < 0)
		return;
	if (n > x.total)
		n = x.total;
	p = call_mem(c, n);
	if (xfer_gather(c, &x, 0, p, n) < 0)
		return;
	fd = call_getfd(c, (int) c->a[0]);
	if (fd >= 0 && net_raw(c->w, fd)) {
		net_raw_canonical(p, n);
		xfer_scatter(c, &x, 0, p, n);
	}
	c->out[1] = (struct staged) { .p = p, .n = n, .set = true };
}

long recvmmsg_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);
	uint64_t until;

	if (fd < 0)
		return fd;
	if (net_raw(c->w, fd))
		return -EOPNOTSUPP; /* one by one, please */
	if (!c->again && c->a[4]) {
		struct timespec ts;

		if (in_at(c, c->a[4], &ts, sizeof ts) < 0)
			return -EFAULT;
		if (ts_to_ns(&ts, &until) < 0)
			return -EINVAL;
		c->scratch[3] = ns_add(c->w->now, until);
	}
	until = net_deadline(c, fd, SO_RCVTIMEO, 0);
	if (!recv_ready(fd)) {
		if (!mmsg_waits(c) || until <= c->w->now ||
			(c->scratch[1] && c->a[3] & MSG_WAITFORONE))
			return mmsg_result(c, -EAGAIN);
		mmsg_again(c, false, until);
		return 0;
	}
	mmsg_rest(c);
	call_karg(c, 3, c->a[3] | MSG_DONTWAIT);
	call_karg(c, 4, 0);
	return call_run_leave(c);
}

/* Whether the time is over is asked after each message only, as the kernel does. */
void recvmmsg_leave(struct call *c)
{
	bool over = c->a[4] && c->scratch[3] <= c->w->now;

	if (c->ret > 0)
		c->scratch[1] += (uint64_t) c->ret;
	if (c->ret > 0 && !over && c->scratch[1] < mmsg_want(c) && mmsg_waits(c))
		mmsg_again(c, true, NO_DEADLINE);
	else
		c->ret = mmsg_result(c, c->ret);
}
