/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: the first 8 bytes are the stack pointer, the rest the stack. */
#include <string.h>

#include "shim/exec_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct exec_layout_in in = { 0 };
	struct exec_layout_out o = { 0 };

	if (n < 8)
		return 0;
	memcpy(&in.sp, data, 8);
	in.stack = data + 8;
	in.n = n - 8;
	if (exec_layout(&in, &o, NULL) < 0)
		return 0;
	must(o.sp % 16 == 0 && o.lo <= o.sp && o.lo <= in.sp);
	must(o.lo + o.bytes.n <= in.sp + in.n);
	must(o.auxv + AUXV_LEN <= o.random_addr);
	must(o.argc + o.envc < n / 8);
	buf_free(&o.bytes);
	return 0;
}
