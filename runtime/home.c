/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/home.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { PASSWD_MAX = 1 << 20 };

/* The file is the image's, and hostile: a regular one of bounded size, nothing of the kernel's. */
static int read_passwd(struct buf *b)
{
	own_fd root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct statfs fs;
	struct stat st;

	if (root < 0)
		return -errno;
	fd = openat_beneath(root, "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
		return -EINVAL;
	return read_fd(fd, PASSWD_MAX, b);
}

/* name:password:uid:gid:comment:home:shell; cuts the line up. */
static const char *home_in(char *line, uid_t uid)
{
	char *field[6], *end;
	unsigned long id;

	for (size_t i = 0; i < ARRAY_LEN(field); i++) {
		field[i] = line ? strsep(&line, ":") : NULL;
		if (!field[i])
			return NULL;
	}
	id = strtoul(field[2], &end, 10);
	return end != field[2] && !*end && id == uid && field[5][0] ? field[5] : NULL;
}

static char *home_of(uid_t uid)
{
	own_buf b = { 0 };
	const char *home = NULL;
	char *text, *save = NULL;

	if (read_passwd(&b) < 0 || !(text = (char *) buf_cstr(&b)))
		return strdup("/");
	for (char *l = strtok_r(text, "\n", &save); l && !home; l = strtok_r(NULL, "\n", &save))
		home = home_in(l, uid);
	return strdup(home ? home : "/");
}

struct named {
	const char *text;
	size_t n, at; /* of the name; in the environment */
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int d = memcmp(x->text, y->text, n);

	if (d || x->n != y->n)
		return d ? d : x->n < y->n ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Of several of one name the last is meant. */
static size_t drop_earlier(char **env, size_t n)
{
	struct named *v = calloc(n + 1, sizeof *v);
	size_t kept = 0;

	if (!v)
		return n;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct named) { env[i], strcspn(env[i], "="), i };
	qsort(v, n, sizeof *v, by_name);
	for (size_t i = 0; i + 1 < n; i++)
		if (v[i].n == v[i + 1].n && !memcmp(v[i].text, v[i + 1].text, v[i].n))
			env[v[i].at] = NULL;
	for (size_t i = 0; i < n; i++)
		if (env[i])
			env[kept++] = env[i];
	env[kept] = NULL;
	free(v);
	return kept;
}

char *const *home_env(const struct spec_process *p)
{
	char **env = calloc(p->n_env + 2, sizeof *env), *assignment;
	own_free char *home = NULL;
	size_t n = p->n_env, empty = n;

	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		env[i] = (char *) (uintptr_t) p->env[i];
	n = drop_earlier(env, n);
	for (size_t i = 0; i < n; i++)
		if (!strncmp(env[i], "HOME=", 5)) {
			if (env[i][5])
				return env;
			empty = i;
		}
	home = home_of(p->user.uid);
	if (!home || asprintf(&assignment, "HOME=%s", home) < 0)
		return NULL;
	env[empty < n ? empty : n] = assignment;
	return env;
}
