/* SPDX-License-Identifier: Apache-2.0 */
/* The structs of x86-64's kernel interface, field by field. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <utime.h>

#include "shim/decode.h"
#include "shim/structs.h"

#define AT(T, m) .name = #m, .at = offsetof(T, m), .size = sizeof(((T *) NULL)->m)
#define AS(T, m, n) .name = n, .at = offsetof(T, m), .size = sizeof(((T *) NULL)->m)
#define SIGNED .how = FIELD_SIGNED
#define HEX .how = FIELD_HEX
#define MORE .how = FIELD_MORE
#define STRUCT(T, id, ...)                                                       \
	static const struct field id##_fields[] = { __VA_ARGS__, { .name = NULL } }; \
	const struct decoder dec_##id = { .size = sizeof(T), .field = id##_fields }
#define LIST(T, id, of) \
	const struct decoder dec_##id = { .size = sizeof(T), .field = of##_fields, .list = true }
#define SPECIAL(id, n) const struct decoder dec_##id = { .size = n, .put = put_##id }

SPECIAL(mode, 0);
SPECIAL(dev, 0);
SPECIAL(sigset, 8);
SPECIAL(siginfo, 128);
SPECIAL(wstatus, 4);
const struct decoder dec_int = { .size = 4, .put = put_int, .list = true }; /* [7] */
SPECIAL(sockaddr, 0);
SPECIAL(cpumask, 0);
SPECIAL(dirents64, 0);
static SPECIAL(name, 0);
static SPECIAL(nsec, 8);
const struct decoder dec_signal = { .put = put_signal_number };

/* ---- time ---- */

STRUCT(struct timespec, timespec, { AT(struct timespec, tv_sec), SIGNED },
	{ AT(struct timespec, tv_nsec), SIGNED, .as = &dec_nsec });
LIST(struct timespec, timespecs, timespec);
STRUCT(struct timeval, timeval, { AT(struct timeval, tv_sec), SIGNED },
	{ AT(struct timeval, tv_usec), SIGNED });
LIST(struct timeval, timevals, timeval);
STRUCT(struct itimerval, itimerval, { AT(struct itimerval, it_interval), .as = &dec_timeval },
	{ AT(struct itimerval, it_value), .as = &dec_timeval });
STRUCT(struct itimerspec, itimerspec, { AT(struct itimerspec, it_interval), .as = &dec_timespec },
	{ AT(struct itimerspec, it_value), .as = &dec_timespec });
STRUCT(struct timezone, timezone, { AT(struct timezone, tz_minuteswest), SIGNED },
	{ AT(struct timezone, tz_dsttime), SIGNED });
STRUCT(struct utimbuf, utimbuf, { AT(struct utimbuf, actime), SIGNED },
	{ AT(struct utimbuf, modtime), SIGNED });
STRUCT(struct tms, tms, { AT(struct tms, tms_utime) }, { AT(struct tms, tms_stime) },
	{ AT(struct tms, tms_cutime) }, { AT(struct tms, tms_cstime) });

/* ---- files ---- */

STRUCT(struct stat, stat, { AT(struct stat, st_dev), MORE, .as = &dec_dev },
	{ AT(struct stat, st_ino) }, { AT(struct stat, st_mode), .as = &dec_mode },
	{ AT(struct stat, st_nlink), MORE }, { AT(struct stat, st_uid), MORE },
	{ AT(struct stat, st_gid), MORE }, { AT(struct stat, st_rdev), MORE, .as = &dec_dev },
	{ AT(struct stat, st_size) }, { AT(struct stat, st_blksize), MORE },
	{ AT(struct stat, st_blocks), MORE },
	{ AS(struct stat, st_atim.tv_sec, "st_atime"), MORE },
	{ AS(struct stat, st_atim.tv_nsec, "st_atime_nsec"), MORE },
	{ AS(struct stat, st_mtim.tv_sec, "st_mtime"), SIGNED },
	{ AS(struct stat, st_mtim.tv_nsec, "st_mtime_nsec"), MORE },
	{ AS(struct stat, st_ctim.tv_sec, "st_ctime"), MORE },
	{ AS(struct stat, st_ctim.tv_nsec, "st_ctime_nsec"), MORE });

STRUCT(struct statx_timestamp, statx_time, { AT(struct statx_timestamp, tv_sec), SIGNED },
	{ AT(struct statx_timestamp, tv_nsec) });
STRUCT(struct statx, statx, { AT(struct statx, stx_mask), HEX },
	{ AT(struct statx, stx_blksize), MORE },
	{ AT(struct statx, stx_attributes), .how = FIELD_HEX | FIELD_MORE },
	{ AT(struct statx, stx_nlink), MORE }, { AT(struct statx, stx_uid), MORE },
	{ AT(struct statx, stx_gid), MORE }, { AT(struct statx, stx_mode), .as = &dec_mode },
	{ AT(struct statx, stx_ino) }, { AT(struct statx, stx_size) },
	{ AT(struct statx, stx_blocks), MORE },
	{ AT(struct statx, stx_attributes_mask), .how = FIELD_HEX | FIELD_MORE },
	{ AT(struct statx, stx_atime), MORE, .as = &dec_statx_time },
	{ AT(struct statx, stx_btime), MORE, .as = &dec_statx_time },
	{ AT(struct statx, stx_ctime), MORE, .as = &dec_statx_time },
	{ AT(struct statx, stx_mtime), .as = &dec_statx_time },
	{ AT(struct statx, stx_rdev_major), MORE }, { AT(struct statx, stx_rdev_minor), MORE },
	{ AT(struct statx, stx_dev_major), MORE }, { AT(struct statx, stx_dev_minor), MORE });

STRUCT(struct statfs, statfs, { AT(struct statfs, f_type), HEX }, { AT(struct statfs, f_bsize) },
	{ AT(struct statfs, f_blocks) }, { AT(struct statfs, f_bfree) },
	{ AT(struct statfs, f_bavail), MORE }, { AT(struct statfs, f_files), MORE },
	{ AT(struct statfs, f_ffree), MORE },
	{ AT(struct statfs, f_fsid), .how = FIELD_HEX | FIELD_MORE },
	{ AT(struct statfs, f_namelen), MORE }, { AT(struct statfs, f_frsize), MORE },
	{ AT(struct statfs, f_flags), .how = FIELD_HEX | FIELD_MORE });

static const struct flag_name lock_types[] = {
	{ F_RDLCK, "F_RDLCK" }, { F_WRLCK, "F_WRLCK" }, { F_UNLCK, "F_UNLCK" }, { 0, NULL },
};
static const struct flag_name whences[] = {
	{ SEEK_SET, "SEEK_SET" }, { SEEK_CUR, "SEEK_CUR" }, { SEEK_END, "SEEK_END" }, { 0, NULL },
};
STRUCT(struct flock, flock, { AT(struct flock, l_type), .flags = lock_types },
	{ AT(struct flock, l_whence), .flags = whences }, { AT(struct flock, l_start), SIGNED },
	{ AT(struct flock, l_len), SIGNED }, { AT(struct flock, l_pid), SIGNED });

const struct flag_name names_open[] = {
	{ O_RDONLY, "O_RDONLY", O_ACCMODE }, { O_WRONLY, "O_WRONLY", O_ACCMODE },
	{ O_RDWR, "O_RDWR", O_ACCMODE }, { O_CREAT, "O_CREAT" }, { O_EXCL, "O_EXCL" },
	{ O_NOCTTY, "O_NOCTTY" }, { O_TRUNC, "O_TRUNC" }, { O_APPEND, "O_APPEND" },
	{ O_NONBLOCK, "O_NONBLOCK" }, { O_SYNC, "O_SYNC" }, { O_DSYNC, "O_DSYNC" },
	{ O_DIRECT, "O_DIRECT" }, { 0100000, "O_LARGEFILE" }, { O_TMPFILE, "O_TMPFILE" },
	{ O_DIRECTORY, "O_DIRECTORY" }, { O_NOFOLLOW, "O_NOFOLLOW" }, { O_NOATIME, "O_NOATIME" },
	{ O_CLOEXEC, "O_CLOEXEC" }, { O_PATH, "O_PATH" }, { 0, NULL },
};
STRUCT(struct open_how, open_how, { AT(struct open_how, flags), .flags = names_open },
	{ AT(struct open_how, mode), .as = &dec_mode }, { AT(struct open_how, resolve), HEX });

/* ---- polling, sockets ---- */

static const struct flag_name poll_bits[] = {
	{ POLLIN, "POLLIN" }, { POLLPRI, "POLLPRI" }, { POLLOUT, "POLLOUT" }, { POLLERR, "POLLERR" },
	{ POLLHUP, "POLLHUP" }, { POLLNVAL, "POLLNVAL" }, { POLLRDNORM, "POLLRDNORM" },
	{ POLLRDBAND, "POLLRDBAND" }, { POLLWRNORM, "POLLWRNORM" }, { POLLWRBAND, "POLLWRBAND" },
	{ POLLRDHUP, "POLLRDHUP" }, { 0, NULL },
};
static const struct field pollfd_fields[] = {
	{ AT(struct pollfd, fd), SIGNED }, { AT(struct pollfd, events), .flags = poll_bits },
	{ AT(struct pollfd, revents), .flags = poll_bits }, { .name = NULL },
};
LIST(struct pollfd, pollfd, pollfd);

static const struct flag_name epoll_bits[] = {
	{ EPOLLIN, "EPOLLIN" }, { EPOLLPRI, "EPOLLPRI" }, { EPOLLOUT, "EPOLLOUT" },
	{ EPOLLERR, "EPOLLERR" }, { EPOLLHUP, "EPOLLHUP" }, { EPOLLRDHUP, "EPOLLRDHUP" },
	{ EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE" }, { EPOLLWAKEUP, "EPOLLWAKEUP" },
	{ EPOLLONESHOT, "EPOLLONESHOT" }, { EPOLLET, "EPOLLET" }, { 0, NULL },
};
STRUCT(struct epoll_event, epoll_event, { AT(struct epoll_event, events), .flags = epoll_bits },
	{ AT(struct epoll_event, data), HEX });
LIST(struct epoll_event, epoll_events, epoll_event);

const struct flag_name names_epoll_op[] = {
	{ EPOLL_CTL_ADD, "EPOLL_CTL_ADD" }, { EPOLL_CTL_DEL, "EPOLL_CTL_DEL" },
	{ EPOLL_CTL_MOD, "EPOLL_CTL_MOD" }, { 0, NULL },
};
const struct flag_name names_domain[] = {
	{ AF_UNSPEC, "AF_UNSPEC" }, { AF_UNIX, "AF_UNIX" }, { AF_INET, "AF_INET" },
	{ AF_INET6, "AF_INET6" }, { AF_NETLINK, "AF_NETLINK" }, { AF_PACKET, "AF_PACKET" }, { 0, NULL },
};
const struct flag_name names_socktype[] = {
	{ SOCK_STREAM, "SOCK_STREAM", 0xf }, { SOCK_DGRAM, "SOCK_DGRAM", 0xf },
	{ SOCK_RAW, "SOCK_RAW", 0xf }, { SOCK_SEQPACKET, "SOCK_SEQPACKET", 0xf },
	{ SOCK_CLOEXEC, "SOCK_CLOEXEC" }, { SOCK_NONBLOCK, "SOCK_NONBLOCK" }, { 0, NULL },
};

/* ---- the system ---- */

STRUCT(struct rusage, rusage, { AT(struct rusage, ru_utime), .as = &dec_timeval },
	{ AT(struct rusage, ru_stime), .as = &dec_timeval }, { AT(struct rusage, ru_maxrss), MORE },
	{ AT(struct rusage, ru_ixrss), MORE }, { AT(struct rusage, ru_idrss), MORE },
	{ AT(struct rusage, ru_isrss), MORE }, { AT(struct rusage, ru_minflt), MORE },
	{ AT(struct rusage, ru_majflt), MORE }, { AT(struct rusage, ru_nswap), MORE },
	{ AT(struct rusage, ru_inblock), MORE }, { AT(struct rusage, ru_oublock), MORE },
	{ AT(struct rusage, ru_msgsnd), MORE }, { AT(struct rusage, ru_msgrcv), MORE },
	{ AT(struct rusage, ru_nsignals), MORE }, { AT(struct rusage, ru_nvcsw), MORE },
	{ AT(struct rusage, ru_nivcsw), MORE });

STRUCT(struct utsname, utsname, { AT(struct utsname, sysname), .as = &dec_name },
	{ AT(struct utsname, nodename), .as = &dec_name },
	{ AT(struct utsname, release), MORE, .as = &dec_name },
	{ AT(struct utsname, version), MORE, .as = &dec_name },
	{ AT(struct utsname, machine), MORE, .as = &dec_name },
	{ AT(struct utsname, domainname), MORE, .as = &dec_name });

STRUCT(struct sysinfo, sysinfo, { AT(struct sysinfo, uptime) },
	{ AS(struct sysinfo, loads[0], "loads[0]"), MORE },
	{ AS(struct sysinfo, loads[1], "loads[1]"), MORE },
	{ AS(struct sysinfo, loads[2], "loads[2]"), MORE }, { AT(struct sysinfo, totalram) },
	{ AT(struct sysinfo, freeram) }, { AT(struct sysinfo, sharedram), MORE },
	{ AT(struct sysinfo, bufferram), MORE }, { AT(struct sysinfo, totalswap), MORE },
	{ AT(struct sysinfo, freeswap), MORE }, { AT(struct sysinfo, procs) },
	{ AT(struct sysinfo, totalhigh), MORE }, { AT(struct sysinfo, freehigh), MORE },
	{ AT(struct sysinfo, mem_unit), MORE });

static const struct flag_name infinity[] = { { UINT64_MAX, "RLIM64_INFINITY" }, { 0, NULL } };
STRUCT(struct rlimit, rlimit, { AT(struct rlimit, rlim_cur), SIGNED, .flags = infinity },
	{ AT(struct rlimit, rlim_max), SIGNED, .flags = infinity });

STRUCT(struct winsize, winsize, { AT(struct winsize, ws_row) }, { AT(struct winsize, ws_col) },
	{ AT(struct winsize, ws_xpixel) }, { AT(struct winsize, ws_ypixel) });

/* The kernel's, smaller than the C library's. */
struct kernel_termios {
	uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line, c_cc[19];
};
STRUCT(struct kernel_termios, termios, { AT(struct kernel_termios, c_iflag), HEX },
	{ AT(struct kernel_termios, c_oflag), HEX }, { AT(struct kernel_termios, c_cflag), HEX },
	{ AT(struct kernel_termios, c_lflag), HEX }, { AT(struct kernel_termios, c_line), MORE },
	{ AT(struct kernel_termios, c_cc), MORE, .as = &dec_name });

static const struct field cap_data_fields[] = {
	{ AT(struct __user_cap_data_struct, effective), HEX },
	{ AT(struct __user_cap_data_struct, permitted), HEX },
	{ AT(struct __user_cap_data_struct, inheritable), HEX }, { .name = NULL },
};
LIST(struct __user_cap_data_struct, cap_data, cap_data);
