/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What config.json can ask for and this runtime does not do yet. Each is a line here, and goes when
 * the code that does it comes. A property that changes nothing (an empty list, a rule that holds
 * anyway) is not refused.
 */
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>

#include "oci/spec.h"
#include "runtime/base/own.h"

static int no(struct err *e, const char *path, const char *why)
{
	return fail_msg(e, EOPNOTSUPP, "%s: not supported yet%s%s", path, why ? ": " : "",
		why ? why : "");
}

static int linux_rest(const struct spec_linux *l, struct err *e)
{
	const struct {
		bool asked;
		const char *path;
	} t[] = {
		{ l->n_personality_flags, "linux.personality.flags" },
		{ l->intel_rdt.present, "linux.intelRdt" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (t[i].asked)
			return no(e, t[i].path, NULL);
	return 0;
}

int spec_supported(const struct spec *s, struct err *e)
{
	int r;

	if (s->n_foreign)
		return fail_msg(e, EOPNOTSUPP, "%s: is for another platform than Linux",
			s->foreign[0]);
	r = linux_rest(&s->linux_, e);
	return r;
}
