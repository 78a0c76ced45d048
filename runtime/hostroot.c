/* SPDX-License-Identifier: Apache-2.0 */
/* A root made of the host's own: its programs and libraries read-only, everything else new. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "runtime/door.h"

static const char *const tops[] = {
	"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
};
_Static_assert(ARRAY_LEN(tops) <= DOOR_LINKS, "room in struct door");

/* What programs need to run and builds to find their tools; nothing of users, keys, the network. */
static const char *const shared[] = {
	"/usr",
	"/etc/alternatives", "/etc/ca-certificates", "/etc/ca-certificates.conf",
	"/etc/debian_version", "/etc/default", "/etc/dpkg", "/etc/emacs", "/etc/ld.so.cache",
	"/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/magic", "/etc/mime.types", "/etc/os-release",
	"/etc/perl", "/etc/pki", "/etc/profile", "/etc/profile.d", "/etc/protocols",
	"/etc/python3", "/etc/python3.11", "/etc/redhat-release", "/etc/services", "/etc/shells",
	"/etc/skel", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/terminfo", "/etc/texmf",
	"/etc/vim", "/etc/xml", "/etc/java-11-openjdk", "/etc/java-17-openjdk",
	"/var/lib/dpkg", "/var/lib/texmf",
};

const struct plan_dir host_dirs[] = {
	{ "/home", 0755 }, { "/mnt", 0755 },	 { "/opt", 0755 },	 { "/root", 0700 },
	{ "/srv", 0755 },  { "/tmp", 01777 },	 { "/var", 0755 },	 { "/var/cache", 0755 },
	{ "/var/lib", 0755 }, { "/var/log", 0755 }, { "/var/tmp", 01777 }, { NULL, 0 },
};

const struct plan_file host_files[] = {
	{ "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			 "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" },
	{ "/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n" },
	{ "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"
				"services: files\nprotocols: files\n" },
	{ "/etc/hosts", "127.0.0.1\tlocalhost detrun\n::1\tlocalhost\n" },
	{ "/etc/hostname", "detrun\n" },
	{ NULL, NULL },
};

int host_links(struct door *d, struct err *e)
{
	size_t n = 0;

	d->links = calloc(ARRAY_LEN(tops) + 2, sizeof *d->links);
	if (!d->links)
		return fail(e, ENOMEM, "look at the host's root");
	for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
		ssize_t len = readlink(tops[i], d->target[n], sizeof d->target[n] - 1);

		if (len <= 0)
			continue;
		d->links[n] = (struct plan_link) { tops[i], d->target[n] };
		n++;
	}
	d->links[n] = (struct plan_link) { "/var/run", "/run" };
	return 0;
}

static void add(struct spec *s, const char *path)
{
	spec_add_mount(s, path, "bind", path, "rbind,ro,nosuid,rro,rnosuid");
}

void host_mounts(struct spec *s)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(tops); i++)
		if (lstat(tops[i], &st) == 0 && S_ISDIR(st.st_mode))
			add(s, tops[i]);
	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (access(shared[i], R_OK) == 0)
			add(s, shared[i]);
}
