/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/launch.h"

static const char *env_path(const struct spec_process *s)
{
	for (size_t i = 0; i < s->n_env; i++)
		if (!strncmp(s->env[i], "PATH=", 5))
			return s->env[i] + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static int is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static int search(const char *name, const char *path, char *ret, size_t n)
{
	int found = -ENOENT;

	while (path) {
		const char *end = strchrnul(path, ':');
		int len = (int) (end - path), r;

		r = snprintf(ret, n, "%.*s/%s", len ? len : 1, len ? path : ".", name);
		if (r > 0 && (size_t) r < n) {
			r = is_program(ret);
			if (!r)
				return 0;
			if (r == -EACCES)
				found = r;
		}
		path = *end ? end + 1 : NULL;
	}
	return found;
}

static int exec_status(int r)
{
	return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

/* Messages as runc words them: engines read them. */
int program_fail(const char *name, bool searched, int r, struct err *e)
{
	if (r == -ENOENT && searched)
		fail_msg(e, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	else if (r == -ENOENT || r == -ENOTDIR)
		fail_msg(e, -r, "exec: \"%s\": stat %s: %s", name, name,
			r == -ENOENT ? "no such file or directory" : "not a directory");
	else if (r == -EACCES)
		fail_msg(e, EACCES, "exec: \"%s\": permission denied", name);
	else if (r == -EISDIR)
		fail_msg(e, EISDIR, "exec: \"%s\": is a directory: permission denied", name);
	else if (r == -ENOEXEC)
		fail_msg(e, ENOEXEC, "exec %s: exec format error", name);
	else
		fail(e, r, "exec %s", name);
	return exec_status(r);
}

int program_exec_fail(const char *name, int r, struct err *e)
{
	if (r != -ENOENT)
		return program_fail(name, false, r, e);
	fail_msg(e, ENOENT, "exec %s: no such file or directory", name);
	return exec_status(r);
}

int program_find(const struct spec_process *s, char *ret, size_t n, struct err *e)
{
	const char *name = s->args[0];
	bool slash = strchr(name, '/');
	int r;

	if (!*name)
		r = -ENOENT;
	else if (slash)
		r = (size_t) snprintf(ret, n, "%s", name) < n ? is_program(name) : -ENAMETOOLONG;
	else
		r = search(name, env_path(s), ret, n);
	return r < 0 ? program_fail(name, !slash, r, e) : 0;
}
