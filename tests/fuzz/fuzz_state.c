/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: a state.json of any version is read or refused; what was read is written, and read
 * the same again. As a container's id, the bytes are a name in a directory or refused.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"
#include "runtime/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[] = "/dev/shm/detrun-fuzz-XXXXXX";

static void path_remove(void)
{
	rm_rf(AT_FDCWD, path);
}

static int lab(void)
{
	static int dir = -1;

	if (dir < 0) {
		must(mkdtemp(path));
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		atexit(path_remove);
	}
	return dir;
}

/* As it stands in the file after being read and written once more. */
static void again(struct buf *text)
{
	own_state s = { 0 };
	struct err e = ERR_INIT;

	must(state_load(lab(), "id", &s, &e) == 0);
	must(state_save(lab(), &s, &e) == 0);
	must(read_file(lab(), "state.json", 1 << 20, text, &e) == 0);
}

/* What nobody understands (a cgroup of no hierarchy) is dropped the first time. */
static void survives(void)
{
	own_buf dropped = { 0 }, first = { 0 }, second = { 0 };

	again(&dropped);
	again(&first);
	again(&second);
	must(first.n == second.n && !memcmp(first.p, second.p, first.n));
}

static void one_name(const uint8_t *data, size_t n)
{
	own_free char *id = strndup((const char *) data, n);

	must(id);
	if (state_check_id(id, NULL) == 0)
		must(*id && strcmp(id, ".") && strcmp(id, "..") && !strchr(id, '/') && strlen(id) < 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	own_state s = { 0 };
	struct err e = ERR_INIT;

	one_name(data, n);
	must(replace_file(lab(), "state.json", data, n, 0600, &e) == 0);
	if (state_load(lab(), "id", &s, &e) < 0) {
		must(e.code && e.msg[0]);
		return 0;
	}
	state_status(&s);
	if (state_save(lab(), &s, &e) == 0) /* not with annotations out of order */
		survives();
	return 0;
}
