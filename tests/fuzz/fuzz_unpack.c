/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: any bytes as a tarball. It must unpack or say why not, within the limits, and touch
 * nothing beside its own directory; what it made must have a manifest.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. tests/fuzz/fuzz_unpack.c \
 *       rootfs/?*.c runtime/base/{buf,err,hash,io,map}.c -larchive -lcrypto -o fuzz_unpack
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rootfs/unpack.h"
#include "rootfs/walk.h"
#include "runtime/base/err.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A scratch directory with the tree in it, and nothing else. */
static int scratch(char *dir)
{
	int fd;

	must(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0 && mkdirat(fd, "root", 0700) == 0);
	return fd;
}

static void only_these(int dir, size_t want)
{
	char **v;
	size_t n;

	must(dir_names(dir, &v, &n) == 0);
	must(n == want);
	names_free(v, n);
}

static void finish(int dir, int root, const struct attrs *attrs)
{
	struct manifest_opts o = { .cache_dir = -1 };
	own_fd out = memfd_create("manifest", MFD_CLOEXEC);
	struct rootfs r = { .lock = -1 };
	uint8_t sum[32];

	must(attrs_finish(attrs, root, dir, true, NULL) == 0);
	must(owners_load(dir, root, &r, NULL) == 0);
	must(manifest_write(root, &o, out, sum, NULL) == 0);
	rootfs_done(&r);
	only_these(dir, 2);
}

/* Right checksums, so that the fuzzer gets past them. */
static void seal(uint8_t *p, size_t n)
{
	for (; n >= 512; p += 512, n -= 512) {
		unsigned sum = 0;
		char s[8];

		if (memcmp(p + 257, "ustar", 5))
			continue;
		memset(p + 148, ' ', 8);
		for (int i = 0; i < 512; i++)
			sum += p[i];
		snprintf(s, sizeof s, "%06o", sum);
		memcpy(p + 148, s, 7);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unpack_limits lim = { .entries = 200, .bytes = 1 << 20 };
	char path[] = "/dev/shm/detrun-fuzz-XXXXXX";
	own_fd fd = memfd_create("tarball", MFD_CLOEXEC), dir = scratch(path);
	own_fd root = openat(dir, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_free uint8_t *copy = malloc(size ? size : 1);
	own_attrs attrs = { 0 };
	struct err e = ERR_INIT;

	must(copy);
	memcpy(copy, data, size);
	seal(copy, size);
	must(root >= 0 && write_full(fd, copy, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	if (unpack(fd, "fuzz", root, &lim, &attrs, &e) == 0) {
		finish(dir, root, &attrs);
	} else {
		must(e.code && e.msg[0]);
		only_these(dir, 1);
	}
	must(rm_rf(AT_FDCWD, path) == 0);
	return 0;
}
