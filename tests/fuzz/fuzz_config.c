/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer entry for config.json: no input crashes the parser, and what is accepted survives being
 * written and read again unchanged.
 */
#include <string.h>

#include "oci/spec.h"
#include "runtime/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void pretty_is_the_same(const struct buf *compact)
{
	own_buf pretty = { 0 };
	own_json j = NULL;
	struct err e = ERR_INIT;

	json_pretty((const char *) compact->p, compact->n, 2, &pretty);
	must(json_parse((const char *) pretty.p, pretty.n, "pretty", &j, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	own_spec one = NULL;
	own_spec two = NULL;
	own_spec process = NULL;
	own_buf a = { 0 }, b = { 0 };
	struct err e = ERR_INIT;

	(void) spec_parse_process((const char *) p, n, "process.json", &process, &e);
	if (spec_parse((const char *) p, n, "config.json", &one, &e) < 0) {
		must(e.code != 0 && !strncmp(e.msg, "config.json: ", 13));
		return 0;
	}
	(void) spec_supported(one, &e);
	must(spec_to_json(one, &a) == 0);
	must(spec_parse((const char *) a.p, a.n, "written", &two, &e) == 0);
	must(spec_to_json(two, &b) == 0);
	must(a.n == b.n && !memcmp(a.p, b.p, a.n));
	pretty_is_the_same(&a);
	return 0;
}
