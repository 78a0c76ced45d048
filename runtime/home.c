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

char *const *home_env(const struct spec_process *p)
{
	char **env = calloc(p->n_env + 2, sizeof *env), *assignment;
	own_free char *home = NULL;
	size_t n = 0;

	if (!env)
		return NULL;
	for (size_t i = 0; i < p->n_env; i++) {
		env[n] = (char *) (uintptr_t) p->env[i];
		if (!strncmp(env[n], "HOME=", 5)) {
			if (env[n][5])
				return (char *const *) (uintptr_t) p->env;
			continue; /* an empty one is none */
		}
		n++;
	}
	home = home_of(p->user.uid);
	if (!home || asprintf(&assignment, "HOME=%s", home) < 0)
		return NULL;
	env[n] = assignment;
	return env;
}
