/* SPDX-License-Identifier: Apache-2.0 */
/* detrun events ID: what a container uses, from time to time, and when it ran out of memory. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/opts.h"
#include "runtime/state.h"

/* "5s", "1m30s", "100ms", as Go writes it; in ms. */
static int read_duration(const char *text, long long *ret, struct err *e)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "ms", 1 }, { "us", 1e-3 }, { "ns", 1e-6 }, { "s", 1e3 }, { "m", 6e4 },
		{ "h", 3.6e6 } };
	double sum = 0;
	const char *p = text;

	while (*p) {
		char *end;
		double v = strtod(p, &end);
		size_t i = 0;

		while (i < ARRAY_LEN(units) && strncmp(end, units[i].unit, strlen(units[i].unit)))
			i++;
		if (end != p && !*end && v == 0) /* Go takes a naked 0 */
			break;
		if (end == p || i == ARRAY_LEN(units))
			return fail_msg(e, EINVAL, "invalid value \"%s\" for --interval", text);
		sum += v * units[i].ms;
		p = end + strlen(units[i].unit);
	}
	if (!(sum > 0) || sum > 1e12)
		return fail_msg(e, EINVAL, "duration interval must be greater than 0");
	*ret = sum < 1 ? 1 : (long long) sum;
	return 0;
}

/* --- events ------------------------------------------------------------------------------ */

/* Readers know the beginning of the line; an ID has nothing that needs quoting. */
static int print_stats(const struct state *s, struct err *e)
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };
	int r = cgroup_stats(s->cgroup, &o, e);

	if (r < 0)
		return r;
	printf("{\"type\":\"stats\",\"id\":\"%s\",\"data\":", s->id);
	fwrite(b.p, 1, b.n, stdout);
	puts("}");
	return fflush(stdout) ? fail(e, errno, "print the statistics") : 0;
}

static void print_oom(const struct state *s)
{
	printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", s->id);
	fflush(stdout);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Until the container's first process is gone. */
static int follow(const struct state *s, long long interval, struct err *e)
{
	own_fd init = state_pidfd(s), oom = -1;
	long long next = now_ms() + interval;
	uint64_t kills = 0;

	if (init < 0)
		return fail_msg(e, ESRCH, "container with id %s is not running", s->id);
	oom = cgroup_watch_oom(s->cgroup, &kills);
	for (;;) {
		struct pollfd p[2] = { { init, POLLIN, 0 }, { oom, POLLIN, 0 } };
		long long left = next - now_ms();
		int n = poll(p, 2, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left);

		if (n < 0 && errno != EINTR)
			return fail(e, errno, "wait for events");
		for (uint64_t k = cgroup_oom_kills(s->cgroup, oom, kills); kills < k; kills++)
			print_oom(s);
		if (n > 0 && p[0].revents)
			return 0;
		if (n || left > 0)
			continue;
		next += interval;
		if (print_stats(s, e) < 0)
			log_error("%s", e->msg);
	}
}

static int events(const char *root, const char *id, bool stats, long long interval, struct err *e)
{
	own_state s = { 0 };
	int r = state_find(root, id, &s, e);

	if (r < 0)
		return r;
	if (!state_alive(&s))
		return fail_msg(e, ESRCH, "container with id %s is not running", id);
	if (!s.cgroup)
		return fail_msg(e, EOPNOTSUPP, "container %s has no cgroup", id);
	return stats ? print_stats(&s, e) : follow(&s, interval, e);
}

int cmd_events(const struct global *g, int argc, char **argv)
{
	const char *interval = "5s";
	bool stats = false;
	const struct opt t[] = {
		{ "interval", 0, OPT_STR, &interval, "5s", "how often" },
		{ "stats", 0, OPT_FLAG, &stats, NULL, "once, now" },
		{ NULL },
	};
	struct err e = ERR_INIT;
	long long ms = 0;
	int rest, r = opts_parse_anywhere(t, argc, argv, &rest, &e);

	if (r == 1) {
		opts_usage("events", "print what a container uses as lines of JSON, and when the "
			"kernel killed in it for lack of memory", "[options] ID", NULL, t);
		return 0;
	}
	if (!r && argc - rest != 1)
		r = fail_msg(&e, EINVAL, "events: exactly one container ID expected");
	if (!r)
		r = read_duration(interval, &ms, &e);
	if (!r)
		r = events(g->root, argv[rest], stats, ms, &e);
	if (r < 0)
		log_error("%s", e.msg);
	return r < 0;
}
