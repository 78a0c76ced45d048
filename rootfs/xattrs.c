/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/xattrs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "runtime/base/own.h"

void xattrs_free(struct xattr *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].value);
	}
	free(v);
}

bool xattr_wanted(const char *name)
{
	if (!strncmp(name, "user.overlay.", 13))
		return false;
	return (!strncmp(name, "user.", 5) && name[5]) || !strcmp(name, "security.capability");
}

static int read_one(int fd, const char *name, struct xattr *ret)
{
	enum { VALUE_MAX = 65536 }; /* the kernel's limit */
	own_free uint8_t *value = malloc(VALUE_MAX);
	ssize_t n = value ? fgetxattr(fd, name, value, VALUE_MAX) : -1;

	if (n < 0)
		return value ? -errno : -ENOMEM;
	ret->name = strdup(name);
	ret->value = malloc(n ? (size_t) n : 1);
	if (!ret->name || !ret->value) {
		free(ret->name);
		free(ret->value);
		return -ENOMEM;
	}
	memcpy(ret->value, value, (size_t) n);
	ret->len = (size_t) n;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct xattr *) a)->name, ((const struct xattr *) b)->name);
}

static int read_all(int fd, const char *list, size_t len, struct xattr **v, size_t *n)
{
	for (const char *p = list; p < list + len; p += strlen(p) + 1) {
		struct xattr *more;
		int r;

		if (!xattr_wanted(p))
			continue;
		more = realloc(*v, (*n + 1) * sizeof **v);
		if (!more)
			return -ENOMEM;
		*v = more;
		r = read_one(fd, p, &more[*n]);
		if (r == -ENODATA) /* gone since, or not for us to see */
			continue;
		if (r < 0)
			return r;
		++*n;
	}
	if (*n)
		qsort(*v, *n, sizeof **v, by_name);
	return 0;
}

int xattrs_read(int fd, struct xattr **ret, size_t *ret_n)
{
	enum { LIST_MAX = 65536 }; /* the kernel's limit */
	own_free char *big = NULL;
	char small[256];
	char *list = small;
	struct xattr *v = NULL;
	size_t n = 0;
	ssize_t len = flistxattr(fd, small, sizeof small);
	int r;

	if (len < 0 && errno == ERANGE) {
		list = big = malloc(LIST_MAX);
		if (!big)
			return -ENOMEM;
		len = flistxattr(fd, big, LIST_MAX);
	}
	if (len < 0 && errno != ENOTSUP)
		return -errno;
	r = len > 0 ? read_all(fd, list, (size_t) len, &v, &n) : 0;
	if (r < 0) {
		xattrs_free(v, n);
		return r;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}
