/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: whatever decodes as an event encodes to the same bytes, and can be printed, with the
 * names of the rows and the structs in its arguments, and compared with the one before it.
 */
#include <string.h>

#include "runtime/base/err.h"
#include "shim/show.h"
#include "shim/sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *p = data, *end = data + n;
	struct event ev, before = { 0 };

	for (uint64_t i = 0; p < end; i++) {
		const uint8_t *from = p;
		own_buf again = { 0 }, text = { 0 };

		if (event_decode(&p, end, &ev) < 0) {
			must(p == from);
			return 0;
		}
		must(event_encode(&ev, &again) == 0);
		must(again.n == (size_t) (p - from) && !memcmp(again.p, from, again.n));
		event_print(&ev, i, NULL, &text);
		event_print_json(&ev, i, NULL, &text);
		event_print(&ev, i, sys_event_names(), &text);
		event_print(&ev, i, sys_event_names_full(), &text);
		event_print_json(&ev, i, sys_event_names_full(), &text);
		if (i)
			sys_event_diff(&before, &ev, &text);
		before = ev;
		must(!text.failed);
	}
	return 0;
}
