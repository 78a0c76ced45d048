/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mountinfo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/own.h"

/* "\040" and its like, as the kernel writes them. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char) ((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

bool mountinfo_cut(char *line, struct mount_line *ret)
{
	char *rest = strstr(line, " - "), *save;

	if (!rest)
		return false;
	*rest = 0;
	ret->id = strtoull(strtok_r(line, " ", &save) ?: "", NULL, 10);
	strtok_r(NULL, " ", &save);
	strtok_r(NULL, " ", &save);
	ret->root = strtok_r(NULL, " ", &save);
	ret->point = strtok_r(NULL, " ", &save);
	ret->type = strtok_r(rest + 3, " \n", &save);
	strtok_r(NULL, " \n", &save);
	ret->options = strtok_r(NULL, " \n", &save);
	if (!ret->root || !ret->point || !ret->type || !ret->options)
		return false;
	unescape(ret->root);
	unescape(ret->point);
	return true;
}

/* Who mounted it may have been in another directory, or have seen other mounts: then it is not found. */
static int open_upper(char *options)
{
	static const char key[] = "upperdir=";
	char *save = NULL, *o = strtok_r(options, ",", &save);

	while (o && strncmp(o, key, sizeof key - 1))
		o = strtok_r(NULL, ",", &save);
	if (!o)
		return -1;
	o += sizeof key - 1;
	unescape(o);
	return *o == '/' ? open(o, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int mountinfo_upper(const char *point)
{
	own_file f = fopen("/proc/self/mountinfo", "re");
	own_free char *line = NULL, *options = NULL;
	size_t cap = 0;

	while (f && getline(&line, &cap, f) > 0) {
		struct mount_line m;

		if (!mountinfo_cut(line, &m) || strcmp(m.point, point))
			continue;
		free(options); /* of one below */
		options = !strcmp(m.type, "overlay") && !strcmp(m.root, "/") ? strdup(m.options) : NULL;
	}
	return options ? open_upper(options) : -1;
}
