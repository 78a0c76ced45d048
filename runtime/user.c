/* SPDX-License-Identifier: Apache-2.0 */
/* --user NAME|UID[:GROUP|GID], looked up in the container's own files, which are hostile. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/door.h"

enum { FILE_MAX_SIZE = 1 << 20 };

static int read_etc(const char *lower, const char *name, struct buf *b)
{
	own_fd root = open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (root < 0)
		return -errno;
	fd = openat_beneath(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	return read_fd(fd, FILE_MAX_SIZE, b);
}

static int host_file(const char *name, struct buf *b)
{
	for (const struct plan_file *f = host_files; f->path; f++)
		if (!strcmp(f->path + 1, name))
			buf_str(b, f->data);
	return 0;
}

/* The fields of the first line of @text whose field 0 or 2 is @key. Cuts @text up. */
static bool lookup(char *text, const char *key, char *field[7])
{
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		int n = 0;

		for (char *p = l; n < 7 && p; n++) {
			field[n] = p;
			p = strchr(p, ':');
			if (p)
				*p++ = 0;
		}
		if (n >= 4 && (!strcmp(field[0], key) || !strcmp(field[2], key))) {
			for (; n < 7; n++)
				field[n] = NULL;
			return true;
		}
	}
	return false;
}

static int number(const char *text, const char *what, uid_t *ret, struct err *e)
{
	long long v;
	int r = opt_number(text, what, 0, 0x7fffffff, &v, e);

	if (!r)
		*ret = (uid_t) v;
	return r;
}

static char *load(const char *lower, const char *name)
{
	struct buf b = { 0 };

	if ((lower ? read_etc(lower, name, &b) : host_file(name, &b)) < 0 || !buf_cstr(&b)) {
		buf_free(&b);
		return NULL;
	}
	return (char *) b.p;
}

static int resolve_group(struct door *d, const char *lower, const char *group, struct err *e)
{
	own_free char *text = NULL;
	char *field[7];

	if (group[strspn(group, "0123456789")] == 0)
		return number(group, "--user: group", &d->gid, e);
	text = load(lower, "etc/group");
	if (!text || !lookup(text, group, field))
		return fail_msg(e, ENOENT, "--user: no group %s in the container's /etc/group",
			group);
	return number(field[2], "/etc/group", &d->gid, e);
}

int user_resolve(struct door *d, const char *lower, struct err *e)
{
	own_free char *name = d->user ? strdup(d->user) : NULL;
	char *field[7], *group;
	bool is_number, found;
	int r = 0;

	if (!name)
		return 0;
	group = strchr(name, ':');
	if (group)
		*group++ = 0;
	is_number = *name && name[strspn(name, "0123456789")] == 0;
	d->passwd = load(lower, "etc/passwd");
	found = d->passwd && lookup(d->passwd, name, field);
	if (!found && !is_number)
		return fail_msg(e, ENOENT, "--user: no user %s in the container's /etc/passwd",
			name);
	r = number(found ? field[2] : name, "--user", &d->uid, e);
	if (!r && found)
		r = number(field[3], "/etc/passwd", &d->gid, e);
	if (found) {
		d->user_name = field[0];
		d->user_home = field[5];
	}
	if (!r && group)
		r = resolve_group(d, lower, group, e);
	return r;
}
