/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: a root file system's passwd (and group) is any bytes; who is asked for is in its first
 * line. An id is found, or not, and never one that the kernel would take for "none".
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/door.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char root[] = "/dev/shm/detrun-fuzz-XXXXXX";

static void root_remove(void)
{
	rm_rf(AT_FDCWD, root);
}

static int etc(void)
{
	static int dir = -1;
	char path[64];

	if (dir < 0) {
		must(mkdtemp(root));
		snprintf(path, sizeof path, "%s/etc", root);
		must(mkdir(path, 0700) == 0);
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		atexit(root_remove);
	}
	return dir;
}

static void put(const char *name, const uint8_t *p, size_t n)
{
	own_fd fd = openat(etc(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write_full(fd, p, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *end = memchr(data, '\n', n);
	size_t asked = end ? (size_t) (end - data) : n;
	own_free char *user = strndup((const char *) data, asked);
	struct door d = { .user = user };
	struct err e = ERR_INIT;

	must(user);
	put("passwd", data + asked, n - asked);
	put("group", data + asked, n - asked);
	if (user_resolve(&d, root, &e) < 0)
		must(e.code && e.msg[0]);
	else
		must(d.uid <= 0x7fffffff && d.gid <= 0x7fffffff);
	free(d.passwd);
	return 0;
}
