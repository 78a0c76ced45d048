/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "runtime/mounts.h"

/* Every terminal starts with these, whatever the kernel or the caller's terminal has. */
static int canonical_modes(int fd, bool plain)
{
	struct termios t = {
		.c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | (plain ? 0 : ONLCR),
		.c_cflag = CS8 | CREAD | HUPCL,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	};

	t.c_cc[VINTR] = 3;
	t.c_cc[VQUIT] = 28;
	t.c_cc[VERASE] = 127;
	t.c_cc[VKILL] = 21;
	t.c_cc[VEOF] = 4;
	t.c_cc[VMIN] = 1;
	t.c_cc[VSTART] = 17;
	t.c_cc[VSTOP] = 19;
	t.c_cc[VSUSP] = 26;
	t.c_cc[VREPRINT] = 18;
	t.c_cc[VDISCARD] = 15;
	t.c_cc[VWERASE] = 23;
	t.c_cc[VLNEXT] = 22;
	cfsetspeed(&t, B38400);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

/* The container's own ptmx, and nothing that a hostile root file system put in its place. */
static int open_master(int root, int *ret, struct err *e)
{
	own_fd dir = in_root(root, "/dev/pts", O_PATH | O_DIRECTORY), fd = -1;
	struct statfs fs;
	int unlock = 0;

	if (dir < 0)
		return fail_ctx(e, fail(e, dir, "open /dev/pts"), "process.terminal needs a "
			"devpts on /dev/pts");
	if (fstatfs(dir, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return fail_msg(e, ENODEV, "process.terminal: what is on /dev/pts is no devpts; "
			"mount one there");
	fd = openat(dir, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fail(e, errno, "open /dev/pts/ptmx");
	if (ioctl(fd, TIOCSPTLCK, &unlock) < 0)
		return fail(e, errno, "unlock the container's terminal");
	*ret = take_fd(&fd);
	return 0;
}

static int mount_console(int root, int slave, struct err *e)
{
	own_place at = PLACE_INIT;
	own_fd fd = -1;
	int r = mnt_clone_fd(slave, false, &fd, e);

	if (!r)
		r = place_make(root, "/dev/console", PLACE_FILE | PLACE_PLAIN, 0755, &at, e);
	return r < 0 ? r : mnt_put(fd, at.fd, "/dev/console", e);
}

int console_pty(int root, uid_t owner, bool plain, int *ret_master, int *ret_slave,
	struct err *e)
{
	own_fd master = -1, slave = -1;
	int r = open_master(root, &master, e);

	if (r < 0)
		return r;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return fail(e, errno, "open the container's terminal");
	r = canonical_modes(slave, plain);
	if (r < 0)
		return fail(e, r, "set up the container's terminal");
	if (owner && fchown(slave, owner, (gid_t) -1) < 0)
		return fail(e, errno, "give the container's terminal to user %u", owner);
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

int console_make(int root, uid_t owner, bool plain, int *ret_master, struct err *e)
{
	own_fd master = -1, slave = -1;
	int r = console_pty(root, owner, plain, &master, &slave, e);

	if (!r)
		r = mount_console(root, slave, e);
	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return fail(e, errno, "set up fd %d", i);
	*ret_master = take_fd(&master);
	return 0;
}

void console_size(int fd, const struct spec_process *p)
{
	const struct winsize s = {
		.ws_row = (unsigned short) p->console_height,
		.ws_col = (unsigned short) p->console_width,
	};

	if (s.ws_row && s.ws_col)
		ioctl(fd, TIOCSWINSZ, &s);
}

int console_control(struct err *e)
{
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return fail(e, errno, "make the container's terminal a controlling one");
	return 0;
}

int console_outer(unsigned rows, unsigned cols, int *ret_master, int *ret_slave, struct err *e)
{
	struct winsize size = { .ws_row = (unsigned short) rows, .ws_col = (unsigned short) cols };
	own_fd master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;
	struct termios t;
	int unlock = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail(e, errno, "open /dev/ptmx");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &t) < 0)
		return fail(e, errno, "open a terminal for the console socket");
	cfmakeraw(&t);
	if (tcsetattr(slave, TCSANOW, &t) < 0)
		return fail(e, errno, "set up a terminal for the console socket");
	if (rows && cols)
		ioctl(master, TIOCSWINSZ, &size);
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

/* --- the caller's ------------------------------------------------------------------------ */

void console_raw(struct console *c, bool plain)
{
	struct termios t;

	if (c->raw || tcgetattr(0, &c->saved) < 0)
		return;
	t = c->saved;
	cfmakeraw(&t);
	if (plain)
		t.c_oflag |= OPOST; /* carriage returns are left to this one */
	c->raw = tcsetattr(0, TCSANOW, &t) == 0;
}

void console_restore(struct console *c)
{
	if (c->raw)
		tcsetattr(0, TCSADRAIN, &c->saved);
	c->raw = false;
}
