/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/libarchive.h"

#include <dlfcn.h>
#include <string.h>

static int find(void *so, const char *name, void *ret, struct err *e)
{
	void *f = dlsym(so, name);

	if (!f)
		return fail_msg(e, ENOSYS, LIBARCHIVE_SONAME " lacks %s: install a newer libarchive", name);
	memcpy(ret, &f, sizeof f); /* an object pointer to a function pointer */
	return 0;
}

int libarchive_load(struct libarchive *ret, struct err *e)
{
	void *so = dlopen(LIBARCHIVE_SONAME, RTLD_NOW);
	struct libarchive l;

	if (!so)
		return fail_msg(e, ENOENT, "unpack: %s; install libarchive (libarchive13)", dlerror());
#define X(f) \
	if (find(so, #f, &l.f, e) < 0) \
		return -ENOSYS;
	LIBARCHIVE_CALLS(X)
#undef X
	*ret = l;
	return 0;
}
