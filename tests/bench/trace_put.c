/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What recording one event costs, all told: prints ns of CPU time per event and bytes on disk.
 * usage: trace_put [EVENTS [keep [KEY.pem]]]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "shim/trace/trace.h"

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

/* What a build makes: opens of paths, reads with a length, closes. */
static void fill(struct event *ev, uint64_t i, char *path, size_t size)
{
	static const uint32_t nr[] = { 257, 0, 3, 262 };

	*ev = (struct event){ .kind = EV_SYSCALL, .task = (uint32_t) (1 + i / 5000 % 4),
		.nr = nr[i % 4], .has_res = true, .res = (int64_t) (i % 9), .vtime = i * 1000 };
	ev->nval = i % 4 == 2 ? 1 : 3;
	ev->val[0] = (struct ev_val){ .type = EV_FD, .i = (int64_t) (i % 9) };
	ev->val[1] = (struct ev_val){ .type = EV_STR, .arg = 1, .p = path };
	ev->val[1].n = (size_t) snprintf(path, size, "/usr/include/x86_64/%u.h",
		(unsigned) (i * 2654435761u >> 7) % 5000);
	ev->val[2] = (struct ev_val){ .type = EV_UINT, .arg = 2, .i = 0x80000 };
}

static int run(int dir, uint64_t n, const struct trace_key *key)
{
	struct trace_writer *w;
	struct event ev;
	struct err e = ERR_INIT;
	uint8_t root[32];
	char path[64];
	double t, fill_ns, all;
	struct stat st;

	t = cpu_ns();
	for (uint64_t i = 0; i < n; i++)
		fill(&ev, i, path, sizeof path);
	fill_ns = cpu_ns() - t;
	t = cpu_ns();
	if (trace_writer_new(dir, "{}", 2, key, &w, &e) < 0)
		goto bad;
	for (uint64_t i = 0; i < n; i++) {
		fill(&ev, i, path, sizeof path);
		if (trace_put(w, &ev, &e) < 0)
			goto bad;
	}
	if (trace_end(w, 0, NULL, 0, root, &e) < 0)
		goto bad;
	trace_writer_free(w);
	all = cpu_ns() - t - fill_ns;
	fstatat(dir, "events.dtr", &st, 0);
	printf("trace_put: %.0f ns per event, %.1f bytes on disk\n", all / (double) n,
		(double) st.st_size / (double) n);
	return 0;
bad:
	fprintf(stderr, "trace_put: %s\n", e.msg);
	return 1;
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/trace_put-XXXXXX";
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	struct trace_key *key = NULL;
	struct err e = ERR_INIT;
	int dir, r;

	if (argc > 3 && trace_key_load(argv[3], &key, NULL, &e) < 0)
		return fprintf(stderr, "trace_put: %s\n", e.msg), 1;
	if (!mkdtemp(path))
		return 1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = run(dir, n, key);
	if (argc > 2)
		puts(path); /* keep it */
	else
		rm_rf(AT_FDCWD, path);
	trace_key_free(key);
	return r;
}
