/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry for files of code: each site that is found is within the file, and is a CPUID. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/own.h"
#include "shim/codefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	own_fd fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct code_file f;

	must(fd >= 0 && write(fd, p, n) == (ssize_t) n);
	code_file_read(fd, &f);
	must(!f.strange || !f.n);
	for (size_t i = 0; i < f.n; i++)
		must(f.site[i].off + 2 <= n && p[f.site[i].off] == 0x0f && p[f.site[i].off + 1] == 0xa2);
	code_file_free(&f);
	return 0;
}
