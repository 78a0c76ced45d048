/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for descriptors, in virtual time. */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/sys/fake.h"

#define FDS 0x200
#define TS 0x100

static void put_poll(struct fake *f, unsigned i, int fd, short events)
{
	FAKE_AT(f, struct pollfd, FDS + i * sizeof(struct pollfd)) =
		(struct pollfd) { .fd = fd, .events = events, .revents = 0x55 };
}

static short revents(struct fake *f, unsigned i)
{
	return FAKE_AT(f, struct pollfd, FDS + i * sizeof(struct pollfd)).revents;
}

TEST(poll_tells_what_is_ready)
{
	struct fake f = { 0 };
	int p[2];

	fake_up(&f);
	EQ(pipe(p), 0);
	put_poll(&f, 0, p[0], POLLIN);
	put_poll(&f, 1, p[1], POLLOUT);
	put_poll(&f, 2, 999, POLLIN);
	put_poll(&f, 3, -1, POLLIN);
	EQ(fake_sys(&f, "poll", FDS, 4, -1), 2);
	EQ(revents(&f, 0), 0);
	EQ(revents(&f, 1), POLLOUT);
	EQ(revents(&f, 2), POLLNVAL);
	EQ(revents(&f, 3), 0);
	close(p[0]);
	close(p[1]);
	fake_free(&f);
}

TEST(poll_times_out_at_once_in_real_time)
{
	struct fake f = { 0 };
	uint64_t start;
	int p[2];

	fake_up(&f);
	start = f.w.now;
	EQ(pipe(p), 0);
	put_poll(&f, 0, p[0], POLLIN);
	EQ(fake_sys(&f, "poll", FDS, 1, 0), 0);
	EQ(fake_sys(&f, "poll", FDS, 1, 3600 * 1000), FAKE_BLOCKED);
	OK(fake_run(&f));
	EQ(fake_result(f.w.init), 0);
	OK(f.w.now - start >= 3600 * NSEC);
	OK(f.w.now - start < 3601 * NSEC);
	close(p[0]);
	close(p[1]);
	fake_free(&f);
}

TEST(poll_wakes_when_another_writes)
{
	struct fake f = { 0 };
	struct task *a = fake_up(&f), *b = fake_task(&f, NULL, 0);
	int p[2];

	EQ(pipe(p), 0);
	put_poll(&f, 0, p[0], POLLIN);
	EQ(fake_sys_as(&f, a, "poll", FDS, 1, -1), FAKE_BLOCKED);
	EQ(fake_sys_as(&f, b, "write", p[1], 0x10, 1), 1);
	b->state = T_STOPPED;
	OK(fake_run(&f) == a);
	EQ(fake_result(a), 1);
	EQ(revents(&f, 0), POLLIN);
	close(p[0]);
	close(p[1]);
	fake_free(&f);
}

TEST(select_marks_bits_and_what_is_left)
{
	struct fake f = { 0 };
	int p[2];

	fake_up(&f);
	EQ(pipe(p), 0);
	FAKE_AT(&f, uint64_t, 0x300) = 1ull << p[0];
	FAKE_AT(&f, uint64_t, 0x340) = 1ull << p[1];
	FAKE_AT(&f, struct timespec, TS) = (struct timespec) { 5, 0 };
	EQ(fake_sys(&f, "pselect6", p[1] + 1, 0x300, 0x340, 0, TS, 0), 1);
	EQ(FAKE_AT(&f, uint64_t, 0x300), 0);
	EQ(FAKE_AT(&f, uint64_t, 0x340), 1ull << p[1]);
	OK(FAKE_AT(&f, struct timespec, TS).tv_sec >= 4);
	FAKE_AT(&f, uint64_t, 0x300) = 1ull << 60;
	EQ(fake_sys(&f, "pselect6", 61, 0x300, 0, 0, TS, 0), -EBADF);
	EQ(fake_sys(&f, "pselect6", -1, 0, 0, 0, TS, 0), -EINVAL);
	FAKE_AT(&f, struct timespec, TS) = (struct timespec) { 0, 1000000000 };
	EQ(fake_sys(&f, "pselect6", 0, 0, 0, 0, TS, 0), -EINVAL);
	close(p[0]);
	close(p[1]);
	fake_free(&f);
}

TEST(epoll_gives_its_events)
{
	struct fake f = { 0 };
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 77 };
	int p[2], e = epoll_create1(0);

	fake_up(&f);
	EQ(pipe(p), 0);
	EQ(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev), 0);
	EQ(fake_sys(&f, "epoll_wait", e, FDS, 4, 0), 0);
	EQ(write(p[1], "", 1), 1);
	EQ(fake_sys(&f, "epoll_wait", e, FDS, 4, -1), 1);
	memcpy(&ev, &f.m[FDS], sizeof ev);
	EQ(ev.data.u64, 77);
	EQ(fake_sys(&f, "epoll_wait", e, FDS, 0, -1), -EINVAL);
	EQ(fake_sys(&f, "epoll_pwait", e, FDS, 4, -1, TS, 4), -EINVAL);
	close(p[0]);
	close(p[1]);
	close(e);
	fake_free(&f);
}

CHECK_MAIN
