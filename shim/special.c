/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders for what a table of fields can't say. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "shim/decode.h"
#include "shim/structs.h"
#include "shim/trace/print.h"

static uint64_t value(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n < sizeof v ? n : sizeof v);
	return v;
}

void put_mode(const uint8_t *p, size_t n, struct buf *b)
{
	static const struct flag_name types[] = {
		{ S_IFREG, "S_IFREG" }, { S_IFDIR, "S_IFDIR" }, { S_IFLNK, "S_IFLNK" },
		{ S_IFCHR, "S_IFCHR" }, { S_IFBLK, "S_IFBLK" }, { S_IFIFO, "S_IFIFO" },
		{ S_IFSOCK, "S_IFSOCK" }, { 0, NULL },
	};
	static const struct flag_name bits[] = {
		{ S_ISUID, "S_ISUID" }, { S_ISGID, "S_ISGID" }, { S_ISVTX, "S_ISVTX" }, { 0, NULL },
	};
	unsigned m = (unsigned) value(p, n);

	if (m & S_IFMT) {
		if (!put_flags(types, m & S_IFMT, b))
			buf_printf(b, "0%o", m & S_IFMT);
		buf_byte(b, '|');
	}
	if (m & 07000 && put_flags(bits, m & 07000, b))
		buf_byte(b, '|');
	buf_printf(b, m & 0777 ? "%#03o" : "000", m & 0777);
	m &= ~(unsigned) (S_IFMT | 07777);
	if (m)
		buf_printf(b, "|0x%x", m);
}

void put_dev(const uint8_t *p, size_t n, struct buf *b)
{
	uint64_t d = value(p, n);

	buf_printf(b, "makedev(%#x, %#x)", major(d), minor(d));
}

void put_signal_number(const uint8_t *p, size_t n, struct buf *b)
{
	uint64_t v = value(p, n);

	if (v && v <= 64)
		put_signal((uint32_t) v, b);
	else
		buf_printf(b, "%lld", (long long) v);
}

/* [INT CHLD], or ~[KILL] when most are in. */
void put_sigset(const uint8_t *p, size_t n, struct buf *b)
{
	uint64_t v = value(p, n);
	bool most = __builtin_popcountll(v) > 32, any = false;

	buf_str(b, most ? "~[" : "[");
	for (int i = 1; i <= 64; i++) {
		const char *name = i < 32 ? sigabbrev_np(i) : NULL;

		if ((v >> (i - 1) & 1) == most)
			continue;
		if (any)
			buf_byte(b, ' ');
		any = true;
		if (name)
			buf_str(b, name);
		else
			buf_printf(b, "%d", i);
	}
	buf_byte(b, ']');
}

static const char *code_name(int sig, int code)
{
	static const char *const child[] = { "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED",
		"CLD_STOPPED", "CLD_CONTINUED" };

	switch (code) {
	case SI_USER: return "SI_USER";
	case SI_KERNEL: return "SI_KERNEL";
	case SI_QUEUE: return "SI_QUEUE";
	case SI_TIMER: return "SI_TIMER";
	case SI_TKILL: return "SI_TKILL";
	}
	return sig == SIGCHLD && code >= 1 && code <= 6 ? child[code - 1] : NULL;
}

void put_siginfo(const uint8_t *p, size_t n, struct buf *b)
{
	siginfo_t si;
	const char *code;

	memcpy(&si, p, n < sizeof si ? n : sizeof si);
	code = code_name(si.si_signo, si.si_code);
	buf_str(b, "{si_signo=");
	put_signal((uint32_t) si.si_signo, b);
	if (code)
		buf_printf(b, ", si_code=%s", code);
	else
		buf_printf(b, ", si_code=%d", si.si_code);
	buf_printf(b, ", si_pid=%d, si_uid=%u", (int) si.si_pid, (unsigned) si.si_uid);
	if (si.si_signo == SIGCHLD)
		buf_printf(b, ", si_status=%d", si.si_status);
	else if (si.si_code == SI_QUEUE || si.si_code == SI_TIMER)
		buf_printf(b, ", si_int=%d", si.si_int);
	buf_byte(b, '}');
}

void put_wstatus(const uint8_t *p, size_t n, struct buf *b)
{
	int st = (int) value(p, n);

	buf_str(b, "[{");
	if (WIFEXITED(st)) {
		buf_printf(b, "WIFEXITED(s) && WEXITSTATUS(s) == %d", WEXITSTATUS(st));
	} else if (WIFSIGNALED(st)) {
		buf_str(b, "WIFSIGNALED(s) && WTERMSIG(s) == ");
		put_signal((uint32_t) WTERMSIG(st), b);
		if (WCOREDUMP(st))
			buf_str(b, " && WCOREDUMP(s)");
	} else if (WIFCONTINUED(st)) {
		buf_str(b, "WIFCONTINUED(s)");
	} else if (WIFSTOPPED(st)) {
		buf_str(b, "WIFSTOPPED(s) && WSTOPSIG(s) == ");
		put_signal((uint32_t) WSTOPSIG(st), b);
	} else {
		buf_printf(b, "0x%x", (unsigned) st);
	}
	buf_str(b, "}]");
}

void put_int(const uint8_t *p, size_t n, struct buf *b)
{
	buf_printf(b, "%d", (int) value(p, n));
}

void put_name(const uint8_t *p, size_t n, struct buf *b)
{
	put_quoted(p, strnlen((const char *) p, n), b);
}

void put_nsec(const uint8_t *p, size_t n, struct buf *b)
{
	uint64_t v = value(p, n);

	if (v == UTIME_NOW)
		buf_str(b, "UTIME_NOW");
	else if (v == UTIME_OMIT)
		buf_str(b, "UTIME_OMIT");
	else
		buf_printf(b, "%lld", (long long) v);
}

void put_cpumask(const uint8_t *p, size_t n, struct buf *b)
{
	bool any = false;

	buf_byte(b, '[');
	for (size_t i = 0; i < 8 * n; i++)
		if (p[i / 8] >> i % 8 & 1) {
			buf_printf(b, "%s%zu", any ? " " : "", i);
			any = true;
		}
	buf_byte(b, ']');
}

/* ---- socket addresses ---- */

static void put_unix(const uint8_t *path, size_t n, struct buf *b)
{
	if (!n)
		return;
	buf_str(b, ", sun_path=");
	if (path[0]) {
		put_quoted(path, strnlen((const char *) path, n), b);
		return;
	}
	buf_byte(b, '@'); /* an abstract name: all of its bytes count */
	put_quoted(path + 1, n - 1, b);
}

static void put_inet(const uint8_t *p, struct buf *b)
{
	struct sockaddr_in in;
	char text[INET_ADDRSTRLEN];

	memcpy(&in, p, sizeof in);
	buf_printf(b, ", sin_port=htons(%u), sin_addr=inet_addr(\"%s\")", ntohs(in.sin_port),
		inet_ntop(AF_INET, &in.sin_addr, text, sizeof text));
}

static void put_inet6(const uint8_t *p, struct buf *b)
{
	struct sockaddr_in6 in;
	char text[INET6_ADDRSTRLEN];

	memcpy(&in, p, sizeof in);
	buf_printf(b, ", sin6_port=htons(%u), sin6_flowinfo=htonl(%u), "
		"inet_pton(AF_INET6, \"%s\", &sin6_addr), sin6_scope_id=%u",
		ntohs(in.sin6_port), ntohl(in.sin6_flowinfo),
		inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text), in.sin6_scope_id);
}

void put_sockaddr(const uint8_t *p, size_t n, struct buf *b)
{
	uint64_t family = n >= 2 ? value(p, 2) : 0;

	if (n < 2) {
		put_quoted(p, n, b);
		return;
	}
	buf_str(b, "{sa_family=");
	if (!put_flags(names_domain, family, b))
		buf_printf(b, "%u", (unsigned) family);
	if (family == AF_UNIX) {
		put_unix(p + 2, n - 2, b);
	} else if (family == AF_INET && n >= sizeof(struct sockaddr_in)) {
		put_inet(p, b);
	} else if (family == AF_INET6 && n >= sizeof(struct sockaddr_in6)) {
		put_inet6(p, b);
	} else if (n > 2) {
		buf_str(b, ", sa_data=");
		put_quoted(p + 2, n - 2, b);
	}
	buf_byte(b, '}');
}

/* ---- directories ---- */

static void put_dirent(const uint8_t *p, size_t n, struct buf *b)
{
	static const struct flag_name types[] = {
		{ DT_UNKNOWN, "DT_UNKNOWN" }, { DT_REG, "DT_REG" }, { DT_DIR, "DT_DIR" },
		{ DT_LNK, "DT_LNK" }, { DT_CHR, "DT_CHR" }, { DT_BLK, "DT_BLK" }, { DT_FIFO, "DT_FIFO" },
		{ DT_SOCK, "DT_SOCK" }, { 0, NULL },
	};

	buf_printf(b, "{d_ino=%llu, d_off=%llu, d_type=", (unsigned long long) value(p, 8),
		(unsigned long long) value(p + 8, 8));
	if (!put_flags(types, p[18], b))
		buf_printf(b, "%u", p[18]);
	buf_str(b, ", d_name=");
	put_quoted(p + 19, strnlen((const char *) p + 19, n - 19), b);
	buf_byte(b, '}');
}

void put_dirents64(const uint8_t *p, size_t n, struct buf *b)
{
	const uint8_t *end = p + n;
	bool any = false;

	buf_byte(b, '[');
	while (end - p > 19) {
		size_t len = (size_t) value(p + 16, 2);

		if (len < 20 || len > (size_t) (end - p))
			break;
		if (any)
			buf_str(b, ", ");
		any = true;
		put_dirent(p, len, b);
		p += len;
	}
	if (p != end)
		buf_printf(b, "%s%zu more bytes", any ? ", " : "", (size_t) (end - p));
	buf_byte(b, ']');
}
