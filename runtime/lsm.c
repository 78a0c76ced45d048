/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lsm.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

static bool given(const char *label)
{
	return label && *label;
}

static bool apparmor_on(void)
{
	own_fd fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char c = 0;

	return fd >= 0 && read(fd, &c, 1) == 1 && c == 'Y';
}

bool lsm_selinux(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}

int lsm_check(const struct spec *s, struct err *e)
{
	const char *label = s->linux_.mount_label;

	if (given(label) && (strchr(label, '"') || strlen(label) > 255))
		return fail_msg(e, EINVAL, "linux.mountLabel: \"%.40s\" is no label", label);
	if (given(s->process.apparmor) && !apparmor_on())
		return fail_msg(e, EINVAL, "process.apparmorProfile: apparmor: config provided but "
			"apparmor not supported");
	if (given(s->process.selinux_label) && !lsm_selinux())
		return fail_msg(e, EINVAL, "process.selinuxLabel: selinux label is specified in config, "
			"but selinux is disabled or not supported");
	return 0;
}

static int open_attr(const char *path)
{
	own_fd fd = open(path, O_WRONLY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return -ENODEV;
	return take_fd(&fd);
}

int lsm_open(const struct spec_process *p, int *ret_fd, struct err *e)
{
	int fd = -1;

	*ret_fd = -1;
	if (!given(p->apparmor) && !given(p->selinux_label))
		return 0;
	if (given(p->apparmor))
		fd = open_attr("/proc/thread-self/attr/apparmor/exec");
	if (fd < 0) /* SELinux; and AppArmor before it got a directory of its own */
		fd = open_attr("/proc/thread-self/attr/exec");
	if (fd < 0)
		return fail(e, fd, "open /proc/thread-self/attr/exec");
	*ret_fd = fd;
	return 0;
}

int lsm_apply(const struct spec_process *p, int fd, struct err *e)
{
	own_free char *text = NULL;
	int r;

	if (fd < 0)
		return 0;
	if (asprintf(&text, "%s%s", given(p->apparmor) ? "exec " : "",
		    given(p->apparmor) ? p->apparmor : p->selinux_label) < 0)
		return fail(e, ENOMEM, "label the process");
	r = write_full(fd, text, strlen(text));
	if (r == -ENOENT && given(p->apparmor)) /* in the words of runc and crun */
		return fail_msg(e, ENOENT, "apply apparmor profile `%s`: profile not loaded",
			p->apparmor);
	if (r < 0)
		return fail(e, r, given(p->apparmor) ? "apply the apparmor profile %s"
						     : "apply the selinux label %s",
			given(p->apparmor) ? p->apparmor : p->selinux_label);
	return 0;
}
