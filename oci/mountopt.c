/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/mountopt.h"

#include <linux/mount.h>
#include <string.h>

#include "oci/mem.h"
#include "runtime/base/own.h"

/* <sys/mount.h> and <linux/mount.h> do not mix in every libc, so all constants are the kernel's. */

enum kind {
	SET,	 /* .v are MS_ flags to set … */
	CLEAR,	 /* … to clear */
	PROP,	 /* … that make the propagation */
	REC_SET, /* .v are MOUNT_ATTR_ flags, for the whole tree below */
	REC_CLEAR,
	EXT,	 /* .v are SPEC_MNT_ flags */
};

struct option {
	const char *name;
	enum kind kind;
	unsigned long v;
};

#define REC MS_REC

/* Sorted by name: features prints them in this order, and a test checks it. */
static const struct option options[] = {
	{ "async", CLEAR, MS_SYNCHRONOUS },
	{ "atime", CLEAR, MS_NOATIME },
	{ "bind", SET, MS_BIND },
	{ "copy-symlink", EXT, SPEC_MNT_COPY_SYMLINK },
	{ "defaults", SET, 0 },
	{ "dest-nofollow", EXT, SPEC_MNT_DST_NOFOLLOW },
	{ "dev", CLEAR, MS_NODEV },
	{ "diratime", CLEAR, MS_NODIRATIME },
	{ "dirsync", SET, MS_DIRSYNC },
	{ "exec", CLEAR, MS_NOEXEC },
	{ "idmap", EXT, SPEC_MNT_IDMAP },
	{ "iversion", SET, MS_I_VERSION },
	{ "lazytime", SET, MS_LAZYTIME },
	{ "loud", CLEAR, MS_SILENT },
	{ "mand", SET, MS_MANDLOCK },
	{ "noatime", SET, MS_NOATIME },
	{ "nodev", SET, MS_NODEV },
	{ "nodiratime", SET, MS_NODIRATIME },
	{ "noexec", SET, MS_NOEXEC },
	{ "noiversion", CLEAR, MS_I_VERSION },
	{ "nolazytime", CLEAR, MS_LAZYTIME },
	{ "nomand", CLEAR, MS_MANDLOCK },
	{ "norelatime", CLEAR, MS_RELATIME },
	{ "nostrictatime", CLEAR, MS_STRICTATIME },
	{ "nosuid", SET, MS_NOSUID },
	{ "nosymfollow", SET, MS_NOSYMFOLLOW },
	{ "private", PROP, MS_PRIVATE },
	{ "ratime", REC_CLEAR, MOUNT_ATTR_NOATIME },
	{ "rbind", SET, MS_BIND | REC },
	{ "rdev", REC_CLEAR, MOUNT_ATTR_NODEV },
	{ "rdiratime", REC_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "relatime", SET, MS_RELATIME },
	{ "remount", SET, MS_REMOUNT },
	{ "rexec", REC_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "ridmap", EXT, SPEC_MNT_RIDMAP },
	{ "rnoatime", REC_SET, MOUNT_ATTR_NOATIME },
	{ "rnodev", REC_SET, MOUNT_ATTR_NODEV },
	{ "rnodiratime", REC_SET, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", REC_SET, MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", REC_CLEAR, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", REC_CLEAR, MOUNT_ATTR_STRICTATIME },
	{ "rnosuid", REC_SET, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", REC_SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", SET, MS_RDONLY },
	{ "rprivate", PROP, MS_PRIVATE | REC },
	{ "rrelatime", REC_SET, MOUNT_ATTR_RELATIME },
	{ "rro", REC_SET, MOUNT_ATTR_RDONLY },
	{ "rrw", REC_CLEAR, MOUNT_ATTR_RDONLY },
	{ "rshared", PROP, MS_SHARED | REC },
	{ "rslave", PROP, MS_SLAVE | REC },
	{ "rstrictatime", REC_SET, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", REC_CLEAR, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", REC_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", PROP, MS_UNBINDABLE | REC },
	{ "rw", CLEAR, MS_RDONLY },
	{ "shared", PROP, MS_SHARED },
	{ "silent", SET, MS_SILENT },
	{ "slave", PROP, MS_SLAVE },
	{ "src-nofollow", EXT, SPEC_MNT_SRC_NOFOLLOW },
	{ "strictatime", SET, MS_STRICTATIME },
	{ "suid", CLEAR, MS_NOSUID },
	{ "symfollow", CLEAR, MS_NOSYMFOLLOW },
	{ "sync", SET, MS_SYNCHRONOUS },
	{ "tmpcopyup", EXT, SPEC_MNT_COPYUP },
	{ "unbindable", PROP, MS_UNBINDABLE },
};

static const struct option *option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (!strcmp(name, options[i].name))
			return &options[i];
	return NULL;
}

/* The atime attributes are one field of three values, not bits: a change clears the field first. */
static void recursive(struct spec_mount *m, uint64_t attr, bool set)
{
	bool atime = !(attr & ~(uint64_t) MOUNT_ATTR__ATIME);
	uint64_t clear = atime ? MOUNT_ATTR__ATIME : attr;

	m->rec_attr_set &= ~clear;
	m->rec_attr_clear &= ~clear;
	if (set)
		m->rec_attr_set |= attr;
	if (!set || atime)
		m->rec_attr_clear |= clear;
}

static void apply(struct spec_mount *m, const struct option *o)
{
	switch (o->kind) {
	case SET:
		m->flags |= o->v;
		m->flags_clear &= ~o->v;
		break;
	case CLEAR:
		m->flags &= ~o->v;
		m->flags_clear |= o->v;
		break;
	case PROP:
		m->propagation = o->v;
		break;
	case REC_SET:
	case REC_CLEAR:
		recursive(m, o->v, o->kind == REC_SET);
		break;
	case EXT:
		m->ext |= (unsigned) o->v;
		break;
	}
}

void mount_understand(struct spec *s, struct spec_mount *m)
{
	own_buf data = { 0 };

	for (size_t i = 0; i < m->n_options; i++) {
		const struct option *o = option_find(m->options[i]);

		if (mount_idmap_text(m->options[i]))
			m->ext |= m->options[i][0] == 'r' ? SPEC_MNT_RIDMAP : SPEC_MNT_IDMAP;
		else if (o)
			apply(m, o);
		else if (m->options[i][0])
			buf_printf(&data, "%s%s", data.n ? "," : "", m->options[i]);
	}
	m->data = spec_strdup(s, buf_cstr(&data));
	must_mem(m->data);
	if (m->type && !strcmp(m->type, "bind"))
		m->flags |= MS_BIND;
	if (m->flags & MS_BIND)
		m->type = "bind"; /* "none" and the like: the option decides */
	if (m->flags & MS_BIND && *m->data && s->n_warnings < 100)
		spec_append_str(s, &s->warnings, &s->n_warnings, spec_printf(s, "mount on %s: a bind "
			"mount takes no options of a file system: %s", m->destination, m->data));
	if (m->destination && m->destination[0] != '/')
		m->destination = spec_printf(s, "/%s", m->destination);
}

unsigned long propagation_flags(const char *name)
{
	const struct option *o = option_find(name);

	return o && o->kind == PROP ? o->v : 0;
}

const char *propagation_name(unsigned long flags)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].kind == PROP && options[i].v == flags)
			return options[i].name;
	return NULL;
}

const char *spec_mount_option(size_t i)
{
	return i < ARRAY_LEN(options) ? options[i].name : NULL;
}
