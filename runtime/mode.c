/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mode.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/own.h"

static const char *const names[] = {
	[DET_RECORD] = "record",
	[DET_STRICT] = "strict",
	[DET_OFF] = "off",
};

const char *det_mode_name(enum det_mode m)
{
	return names[m];
}

static int parse(const char *text, const char *what, enum det_mode *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], text))
			continue;
		*ret = (enum det_mode) i;
		return 0;
	}
	return fail_msg(e, EINVAL, "%s: \"%s\" is none of strict, record and off", what, text);
}

enum det_mode det_mode_by_name(const char *name)
{
	enum det_mode m = DET_RECORD;

	if (name)
		parse(name, "", &m, NULL);
	return m;
}

int det_mode_of(const char *text, const struct spec *s, enum det_mode *ret, struct err *e)
{
	const char *noted = s ? spec_annotation(s, "org.detrun.determinism") : NULL;
	const char *env = getenv("DETRUN_DETERMINISM");

	*ret = DET_RECORD;
	if (text)
		return parse(text, "--determinism", ret, e);
	if (noted)
		return parse(noted, "annotation org.detrun.determinism", ret, e);
	return env && *env ? parse(env, "DETRUN_DETERMINISM", ret, e) : 0;
}
