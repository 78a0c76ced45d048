/* SPDX-License-Identifier: Apache-2.0 */
/* Where a run's results go: the trace's directory, the layer of changes. */
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/base/io.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/job.h"
#include "shim/trace/trace.h"

enum {
	TRACES_KEPT = 20, /* in the default place */
	PATIENCE = 10,	  /* s */
	TICK_NS = 10000000, /* files get their times from a clock of such steps at most */
};

static bool dir_is_empty(int fd)
{
	own_dir d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *ent;

	while (d && (ent = readdir(d)))
		if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
			return false;
	return d != NULL;
}

/* The directory that the program can write and @real is in. NULL: there is none. */
static const char *shared_above(const struct job *j, const char *real)
{
	for (const char *const *s = j->shared; s && *s; s++) {
		size_t n = strlen(*s);

		if (!strncmp(real, *s, n) && (real[n] == '/' || !real[n]))
			return *s;
	}
	return NULL;
}

/* The program would see its own trace grow, and could change it. */
static int check_outside(const struct job *j, const char *what, const char *path, struct err *e)
{
	own_free char *real = realpath(path, NULL);
	const char *in = real ? shared_above(j, real) : NULL;

	if (!real)
		return fail(e, errno, "%s %s", what, path);
	return in ? fail_msg(e, EINVAL, "%s %s is inside %s, which the program can write; name a "
			"place outside, such as ../%s", what, path, in, strrchr(real, '/') + 1) : 0;
}

static int empty_dir(const struct job *j, const char *what, const char *path, int *ret_fd,
	struct err *e)
{
	own_fd fd = -1;
	int r;
	bool made = mkdir(path, 0777) == 0;

	if (!made && errno != EEXIST)
		return fail(e, errno, "%s: make %s", what, path);
	r = check_outside(j, what, path, e);
	if (r < 0 && made)
		rmdir(path);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(e, errno, "%s: open %s", what, path);
	if (!dir_is_empty(fd))
		return fail_msg(e, ENOTEMPTY, "%s: %s is not empty; name a new directory", what,
			path);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* --- the default place of traces ---------------------------------------------------------- */

static int is_trace(const struct dirent *d)
{
	int y, t, p;

	return sscanf(d->d_name, "%8dT%6dZ-%d", &y, &t, &p) == 3;
}

static void prune(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_trace, alphasort);

	for (int i = 0; i < n; i++) {
		own_free char *path = NULL;

		if (i < n - TRACES_KEPT && asprintf(&path, "%s/%s", dir, list[i]->d_name) >= 0)
			rm_rf(AT_FDCWD, path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* Where it is kept of which nobody has said where. *@ret NULL: nowhere. */
static int traces_dir(const struct job *j, char **ret, struct err *e)
{
	own_free char *home = state_home(), *dir = NULL, *real = NULL;
	const char *in;

	*ret = NULL;
	if (!home || asprintf(&dir, "%s/traces", home) < 0)
		return 0;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return 0;
	real = realpath(dir, NULL);
	in = real ? shared_above(j, real) : NULL;
	if (in)
		return fail_msg(e, EINVAL, "%s, which the program can write, holds detrun's own state "
			"and traces; run it in a directory of its own (mkdir work && cd work)", in);
	*ret = take_ptr(dir);
	return 0;
}

static char *default_trace(const char *dir)
{
	char stamp[32], *path = NULL;
	time_t now = time(NULL);
	struct tm tm;

	prune(dir);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (int n = 0; n < 1000; n++) { /* another PID namespace may have our number, too */
		if (asprintf(&path, n ? "%s/%s-%d.%d" : "%s/%s-%d", dir, stamp, getpid(), n) < 0)
			return NULL;
		if (mkdir(path, 0700) == 0 || errno != EEXIST)
			return path;
		free(path);
	}
	return NULL;
}

static int open_trace(const struct job *j, struct outputs *o, struct err *e)
{
	own_free char *dir = NULL;
	int r = j->trace ? 0 : traces_dir(j, &dir, e);

	if (r < 0 || (j->trace && !strcmp(j->trace, "none")))
		return r;
	o->trace_path = j->trace ? strdup(j->trace) : dir ? default_trace(dir) : NULL;
	if (!o->trace_path) {
		log_warn("no trace is kept: neither $XDG_STATE_HOME nor $HOME can be written");
		return 0;
	}
	return empty_dir(j, "--trace", o->trace_path, &o->trace, e);
}

static int load_key(const struct job *j, struct outputs *o, struct err *e)
{
	own_buf b = { 0 };
	bool made = false;
	int r;

	if (o->trace < 0)
		return 0;
	r = trace_key_load(j->key, &o->key, &made, e);
	if (r < 0 || !made || j->detached)
		return r;
	if (trace_key_public(o->key, &b) == 0 && buf_cstr(&b))
		fprintf(stderr, "detrun: made a key to sign traces with; its public half:\n%s",
			(char *) b.p);
	return 0;
}

/* --- the layer of changes ----------------------------------------------------------------- */

/* Without a name until it is whole: seen by nobody, left behind by nothing. */
static int open_output(const struct job *j, struct outputs *o, struct err *e)
{
	const char *slash = strrchr(j->output, '/');

	o->output_dir = !slash ? strdup(".") : slash == j->output ? strdup("/")
			: strndup(j->output, (size_t) (slash - j->output));
	if (!o->output_dir)
		return fail(e, ENOMEM, "--output");
	o->output = open(o->output_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	return o->output < 0 ? fail(e, errno, "--output %s", j->output) : 0;
}

/* Engines call with next to no environment. */
static void know_home(void)
{
	struct passwd *pw = getenv("HOME") ? NULL : getpwuid(geteuid());

	if (pw)
		setenv("HOME", pw->pw_dir, 0);
}

int outputs_open(const struct job *j, struct outputs *o, struct err *e)
{
	own_free char *cache = NULL;
	int r;

	know_home();
	cache = cache_home();
	r = open_trace(j, o, e);

	if (!r)
		r = load_key(j, o, e);
	if (!r && j->keep)
		r = empty_dir(j, "--keep", j->keep, &o->keep, e);
	if (!r && j->output)
		r = open_output(j, o, e);
	if (!r && cache)
		o->cache = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r;
}

int outputs_commit(const struct job *j, struct outputs *o, struct err *e)
{
	char self[64], tmp[4096];

	if (o->output < 0)
		return 0;
	snprintf(self, sizeof self, "/proc/self/fd/%d", o->output);
	if ((size_t) snprintf(tmp, sizeof tmp, "%s.%d.tmp", j->output, getpid()) >= sizeof tmp)
		return fail(e, ENAMETOOLONG, "--output %s", j->output);
	if (linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW) < 0)
		return fail(e, errno, "--output %s", j->output);
	if (rename(tmp, j->output) < 0) {
		int r = fail(e, errno, "--output %s", j->output);

		unlink(tmp);
		return r;
	}
	return 0;
}

void outputs_await(uint64_t ns)
{
	struct timespec now, until;
	uint64_t real;

	ns += TICK_NS;
	until = (struct timespec){ (time_t) (ns / 1000000000), (long) (ns % 1000000000) };
	clock_gettime(CLOCK_REALTIME, &now);
	real = (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
	if (ns > real + PATIENCE * UINT64_C(1000000000))
		log_warn("what was made is %llu s ahead of the clock: make won't see what is edited "
			"until then", (unsigned long long) ((ns - real) / 1000000000));
	else
		clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
}

void outputs_close(struct outputs *o)
{
	own_fd_drop(&o->trace);
	if (o->trace_path)
		rmdir(o->trace_path); /* if nothing came to be in it */
	own_fd_drop(&o->keep);
	own_fd_drop(&o->output);
	own_fd_drop(&o->cache);
	trace_key_free(o->key);
	free(o->trace_path);
	free(o->output_dir);
	*o = OUTPUTS_INIT;
}
