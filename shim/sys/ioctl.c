/* SPDX-License-Identifier: Apache-2.0 */
/* ioctl: the commands that are known to be harmless run; the rest answers as if it did not exist. */
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/nsfs.h>
#include <linux/random.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/sys/tty.h"

/* Commands of terminals: most descriptors asked are none, and that needs no kernel. */
static long tty_enter(struct call *c)
{
	struct stat st;
	int kind = fd_kind(c, (int) c->a[0], &st);

	if (kind < 0)
		return kind;
	if (kind != FK_TTY && kind != FK_OTHER)
		return -ENOTTY;
	return call_run_leave(c);
}

/* How much standard input has is known here, not to the pipe. */
static long fionread_enter(struct call *c)
{
	struct stat st;
	int kind = fd_kind(c, (int) c->a[0], &st);
	struct stdio *s = kind == FK_STDIN ? stdio_of(c->w, &st) : NULL;
	int *n;

	if (!s)
		return kind < 0 ? kind : call_run_leave(c);
	stdin_fill(c, s);
	n = out(c, 2, sizeof *n);
	if (!n)
		return -EFAULT;
	*n = (int) s->in.n;
	return 0;
}

static long entropy_enter(struct call *c)
{
	int *n, kind = fd_kind(c, (int) c->a[0], NULL);

	if (kind != FK_RANDOM)
		return kind < 0 ? kind : -ENOTTY;
	n = out(c, 2, sizeof *n);
	if (!n)
		return -EFAULT;
	*n = 256;
	return 0;
}

static long unknown_enter(struct call *c)
{
	own_fd fd = call_getfd(c, (int) c->a[0]);

	if (fd < 0)
		return fd;
	call_note(c, "ioctl command 0x%x is not known: refused", (unsigned) c->a[1]);
	return -ENOTTY;
}

#define OUT_ARGS(size) .arg = { FD(fd), UINT(cmd), OUT_STRUCT(arg, size) }
#define OUT_ARGS_AS(size, type) .arg = { FD(fd), UINT(cmd), OUT_AS(arg, size, type) }
#define IN_ARGS_AS(size, type) .arg = { FD(fd), UINT(cmd), IN_AS(arg, size, type) }
#define NO_ARGS .arg = { FD(fd), UINT(cmd), PTR(arg) }
#define CMD(n) .name = #n, .nr = (int) (n)

#define TTY_HANDLERS .enter = tty_enter, .leave = tty_ioctl_leave, .why = WHY_TTY
#define TTY_OUT(cmd, size, type) \
	{ .name = #cmd, .nr = (int) (cmd), OBSERVE, OUT_ARGS_AS(size, type), \
	  TTY_HANDLERS }
#define TTY_IN(cmd, size, type) \
	{ .name = #cmd, .nr = (int) (cmd), OBSERVE, IN_ARGS_AS(size, type), \
	  TTY_HANDLERS }
#define TTY_INT(cmd) \
	{ .name = #cmd, .nr = (int) (cmd), OBSERVE, NO_ARGS, TTY_HANDLERS }
#define NET(cmd) \
	{ .name = #cmd, .nr = (int) (cmd), OBSERVE, OUT_ARGS(40), .why = "the container's own interfaces" }
#define REFUSE(cmd, errnum, text) \
	{ .name = #cmd, .nr = (int) (cmd), DENY, NO_ARGS, .err = errnum, .why = text }

#define WHY_TTY "a terminal's state is the container's own; what is none answers ENOTTY"
#define WHY_OWNER "its signal comes as one that a task sends"
#define WHY_FS "depends on the file system below: refused on all of them alike"
#define WHY_NS "what is around the container's namespaces is out of sight"
#define WHY_TTY_ESCAPE "would type into the caller's terminal"

/* The kernel's struct termios, smaller than the C library's. */
#define TERMIOS_SIZE 36
#define TERMIOS2_SIZE 44
#define TERMIO_SIZE 18 /* System V's */

static const struct row ioctl_sub[] = {
	TTY_OUT(TCGETS, TERMIOS_SIZE, termios),
	TTY_IN(TCSETS, TERMIOS_SIZE, termios),
	TTY_IN(TCSETSW, TERMIOS_SIZE, termios),
	TTY_IN(TCSETSF, TERMIOS_SIZE, termios),
	{ .name = "TCGETS2", .nr = (int) 0x802c542a, .policy = OBSERVE,
	  OUT_ARGS_AS(TERMIOS2_SIZE, termios), TTY_HANDLERS },
	{ .name = "TCSETS2", .nr = 0x402c542b, .policy = OBSERVE, IN_ARGS_AS(TERMIOS2_SIZE, termios),
	  TTY_HANDLERS },
	{ .name = "TCSETSW2", .nr = 0x402c542c, .policy = OBSERVE, IN_ARGS_AS(TERMIOS2_SIZE, termios),
	  TTY_HANDLERS },
	{ .name = "TCSETSF2", .nr = 0x402c542d, .policy = OBSERVE, IN_ARGS_AS(TERMIOS2_SIZE, termios),
	  TTY_HANDLERS },
	{ CMD(TCGETA), OBSERVE, OUT_ARGS(TERMIO_SIZE), TTY_HANDLERS },
	{ CMD(TCSETA), OBSERVE, .arg = { FD(fd), UINT(cmd), IN_STRUCT(arg, TERMIO_SIZE) }, TTY_HANDLERS },
	{ CMD(TCSETAW), OBSERVE, .arg = { FD(fd), UINT(cmd), IN_STRUCT(arg, TERMIO_SIZE) }, TTY_HANDLERS },
	{ CMD(TCSETAF), OBSERVE, .arg = { FD(fd), UINT(cmd), IN_STRUCT(arg, TERMIO_SIZE) }, TTY_HANDLERS },
	TTY_OUT(TIOCGETD, 4, int),
	TTY_OUT(TIOCGEXCL, 4, int),
	TTY_IN(TIOCPKT, 4, int),
	TTY_OUT(TIOCGPKT, 4, int),
	TTY_OUT(TIOCGWINSZ, sizeof(struct winsize), winsize),
	TTY_IN(TIOCSWINSZ, sizeof(struct winsize), winsize),
	TTY_OUT(TIOCGPGRP, 4, int),
	TTY_IN(TIOCSPGRP, 4, int),
	TTY_OUT(TIOCGSID, 4, int),
	TTY_OUT(TIOCGPTN, 4, int),
	TTY_IN(TIOCSPTLCK, 4, int),
	TTY_OUT(TIOCGPTLCK, 4, int),
	TTY_INT(TIOCGPTPEER),
	TTY_INT(TIOCSCTTY),
	TTY_INT(TIOCNOTTY),
	TTY_INT(TIOCEXCL),
	TTY_INT(TIOCNXCL),
	TTY_INT(TCFLSH),
	TTY_INT(TCSBRK),
	TTY_INT(TCSBRKP),
	TTY_INT(TCXONC),
	REFUSE(TIOCSTI, EPERM, WHY_TTY_ESCAPE),
	REFUSE(TIOCLINUX, EPERM, WHY_TTY_ESCAPE),
	REFUSE(TIOCCONS, EPERM, WHY_TTY_ESCAPE),
	{ CMD(FIONREAD), FIXUP, OUT_ARGS_AS(4, int), .enter = fionread_enter,
	  .why = "what lies in the container's own pipes and sockets" },
	{ CMD(TIOCOUTQ), OBSERVE, OUT_ARGS_AS(4, int),
	  .why = "what lies in the container's own sockets" },
	{ CMD(SIOCATMARK), OBSERVE, OUT_ARGS_AS(4, int),
	  .why = "where urgent data lies in the container's own sockets" },
	{ CMD(RNDGETENTCNT), EMULATE, OUT_ARGS_AS(4, int), .enter = entropy_enter,
	  .why = "the canonical machine's pool is full" },
	{ CMD(FIONBIO), OBSERVE, IN_ARGS_AS(4, int), .why = "a flag of the description" },
	{ CMD(FIOCLEX), PASS, NO_ARGS, .why = "a flag of the descriptor" },
	{ CMD(FIONCLEX), PASS, NO_ARGS, .why = "a flag of the descriptor" },
	{ CMD(FIOASYNC), OBSERVE, IN_ARGS_AS(4, int), .why = "a flag of the description" },
	{ CMD(FIOSETOWN), OBSERVE, IN_ARGS_AS(4, int), .enter = io_signal_enter, .why = WHY_OWNER },
	{ CMD(SIOCSPGRP), OBSERVE, IN_ARGS_AS(4, int), .enter = io_signal_enter, .why = WHY_OWNER },
	{ CMD(FIOGETOWN), OBSERVE, OUT_ARGS_AS(4, int), .why = "as it was set" },
	{ CMD(SIOCGPGRP), OBSERVE, OUT_ARGS_AS(4, int), .why = "as it was set" },
	REFUSE(FICLONE, EOPNOTSUPP, WHY_FS),
	REFUSE(FICLONERANGE, EOPNOTSUPP, WHY_FS),
	REFUSE(FIDEDUPERANGE, EOPNOTSUPP, WHY_FS),
	REFUSE(FS_IOC_GETFLAGS, ENOTTY, WHY_FS),
	REFUSE(FS_IOC_SETFLAGS, ENOTTY, WHY_FS),
	REFUSE(FS_IOC_FSGETXATTR, ENOTTY, WHY_FS),
	REFUSE(FS_IOC_FSSETXATTR, ENOTTY, WHY_FS),
	REFUSE(FS_IOC_GETVERSION, ENOTTY, WHY_FS),
	REFUSE(FS_IOC_FIEMAP, ENOTTY, WHY_FS),
	REFUSE(FIBMAP, ENOTTY, WHY_FS),
	REFUSE(FIGETBSZ, ENOTTY, WHY_FS),
	{ CMD(NS_GET_NSTYPE), OBSERVE, NO_ARGS, .why = "what kind of namespace it is" },
	REFUSE(NS_GET_USERNS, EPERM, WHY_NS),
	REFUSE(NS_GET_PARENT, EPERM, WHY_NS),
	REFUSE(NS_GET_OWNER_UID, EPERM, WHY_NS),
	NET(SIOCGIFNAME),
	NET(SIOCGIFCONF),
	NET(SIOCGIFFLAGS),
	NET(SIOCGIFADDR),
	NET(SIOCGIFNETMASK),
	NET(SIOCGIFBRDADDR),
	NET(SIOCGIFDSTADDR),
	NET(SIOCGIFMETRIC),
	NET(SIOCGIFTXQLEN),
	NET(SIOCGIFINDEX),
	NET(SIOCGIFMTU),
	NET(SIOCGIFHWADDR),
	NET(SIOCGIFMAP),
	{ .name = "other", .nr = -1, .policy = EMULATE, NO_ARGS, .enter = unknown_enter,
	  .why = "not known to be deterministic: ENOTTY, and a note" },
};

static const struct row rows[] = {
	{ SYS(ioctl, 16), BY_SUB, NO_ARGS, .sub = ioctl_sub, .nsub = ARRAY_LEN(ioctl_sub),
	  .sub_arg = 1, .why = "by command" },
};

FAMILY(ioctl, "Device commands");
