/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a cgroup directory. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/cgroup_impl.h"

/* Never made by us: where the directory is not a cgroup's, there is no such file. */
static int open_file(const struct cg_dir *d, const char *file, int flags)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", d->path, file);
	int fd;

	if (n < 0 || (size_t) n >= sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int cg_write(const struct cg_dir *d, const char *file, const char *value, struct err *e)
{
	own_fd fd = open_file(d, file, O_WRONLY);
	size_t n = strlen(value);
	ssize_t got;

	if (fd < 0)
		return fail(e, fd, "open %s/%s", d->path, file);
	do { /* one write: the kernel takes each as a whole */
		got = write(fd, value, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail(e, errno, "failed to write \"%s\" to %s/%s", value, d->path, file);
	return 0;
}

int cg_write_int(const struct cg_dir *d, const char *file, int64_t v, struct err *e)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, v);
	return cg_write(d, file, text, e);
}

int cg_write_uint(const struct cg_dir *d, const char *file, uint64_t v, struct err *e)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRIu64, v);
	return cg_write(d, file, text, e);
}

int cg_read(const struct cg_dir *d, const char *file, struct buf *b, struct err *e)
{
	own_fd fd = open_file(d, file, O_RDONLY);
	int r = fd < 0 ? fd : read_fd(fd, CG_TEXT, b);

	if (r < 0)
		return fail(e, r, "read %s/%s", d->path, file);
	return buf_cstr(b) ? 0 : fail(e, ENOMEM, "read %s/%s", d->path, file);
}

int cg_read_uint(const struct cg_dir *d, const char *file, uint64_t *ret, struct err *e)
{
	own_buf b = { 0 };
	char *end;
	int r = cg_read(d, file, &b, e);

	if (r < 0)
		return r;
	if (!strcmp((char *) b.p, "max\n")) {
		*ret = UINT64_MAX;
		return 0;
	}
	if (b.n && b.p[0] == '-') { /* v1 says -1 where there is no limit */
		*ret = UINT64_MAX;
		return 0;
	}
	errno = 0;
	*ret = strtoull((char *) b.p, &end, 10);
	if (errno || end == (char *) b.p)
		return fail_msg(e, EINVAL, "%s/%s holds no number", d->path, file);
	return 0;
}

bool cg_key(const char *text, const char *key, uint64_t *ret)
{
	size_t n = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, key, n) && p[n] == ' ') {
			*ret = strtoull(p + n + 1, NULL, 10);
			return true;
		}
	return false;
}

bool cg_has(const struct cg_dir *d, const char *file)
{
	own_fd fd = open_file(d, file, O_PATH);

	return fd >= 0;
}
