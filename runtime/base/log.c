/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/io.h"
#include "runtime/base/json.h"

enum { MSG_MAX = 2048 };

/*
 * The one mutable static here: where a process logs to is a fact about the process, set once by
 * main() before anything else, and a message must be possible from wherever a verb fails.
 */
static struct {
	int fd; /* of the file, or -1 for stderr */
	bool json;
	bool debug;
	bool failed;	 /* an error has been logged */
	struct buf held; /* warnings, in JSON: see emit() */
} to = { .fd = -1 };

static const char *const level_name[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_ERROR] = "error",
};

int log_setup(const char *path, bool json, bool debug, struct err *e)
{
	int fd = -1;

	if (path && *path) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
		if (fd < 0)
			return fail(e, errno, "open log %s", path);
	}
	if (to.fd >= 0)
		close(to.fd);
	to.fd = fd;
	to.json = json;
	to.debug = debug;
	return 0;
}

/* RFC 3339 in UTC. */
static void now(char ret[32])
{
	time_t t = time(NULL);
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		ret[0] = 0;
}

static void put_json(struct buf *b, enum log_level level, const char *msg)
{
	struct json_out o = { .b = b };
	char time[32];

	now(time);
	json_open(&o, '{');
	json_kstr(&o, "level", level_name[level]);
	json_kstr(&o, "msg", msg);
	json_kstr(&o, "time", time);
	json_close(&o, '}');
	buf_byte(b, '\n');
}

static void put_logfmt(struct buf *b, enum log_level level, const char *msg)
{
	char time[32];

	now(time);
	buf_printf(b, "time=\"%s\" level=%s msg=\"", time, level_name[level]);
	for (; *msg; msg++) {
		unsigned char c = (unsigned char) *msg;

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_str(b, "\\n");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\x%02x", c);
		else
			buf_byte(b, c);
	}
	buf_str(b, "\"\n");
}

static void put_plain(struct buf *b, enum log_level level, bool named, const char *msg)
{
	buf_printf(b, "%s%s%s\n", named ? "" : "detrun: ",
		level == LOG_LEVEL_WARN ? "warning: " : "", msg);
}

/* One write per message: lines of several processes do not mix. */
static void send(int fd, struct buf *b)
{
	if (!b->failed)
		(void) write_full(fd, b->p, b->n);
}

/* What there is no memory for is said all the same, without a form. */
static void send_bare(enum log_level level, bool named, const char *msg)
{
	char line[MSG_MAX + 32];
	int n = snprintf(line, sizeof line, "%s%s%s\n", named ? "" : "detrun: ",
		level == LOG_LEVEL_WARN ? "warning: " : "", msg);

	(void) write_full(STDERR_FILENO, line, (size_t) n);
}

/*
 * Podman reads the JSON of a call that failed as a single object: what is less than an error waits
 * until it is known that none comes. Who wants to see all, and at once, says --debug.
 */
static bool hold(enum log_level level)
{
	return to.json && to.fd >= 0 && !to.debug && level != LOG_LEVEL_ERROR;
}

/* @named: the text begins with our name. */
static void emit(enum log_level level, bool named, const char *msg)
{
	own_buf b = { 0 }, plain = { 0 };

	if (hold(level)) {
		put_json(&to.held, level, msg);
		return;
	}
	to.failed |= level == LOG_LEVEL_ERROR;
	if (!buf_room(&b, 2 * strlen(msg) + 256)) {
		send_bare(level, named, msg);
		return;
	}
	if (to.json)
		put_json(&b, level, msg);
	else if (to.fd >= 0 || to.debug)
		put_logfmt(&b, level, msg);
	else
		put_plain(&b, level, named, msg);
	send(to.fd >= 0 ? to.fd : STDERR_FILENO, &b);
	/* who calls by hand sees the error too, as with runc */
	if (to.fd >= 0 && level == LOG_LEVEL_ERROR) {
		put_plain(&plain, level, named, msg);
		send(STDERR_FILENO, &plain);
	}
}

void log_end(void)
{
	if (!to.failed && to.held.n)
		send(to.fd, &to.held);
	buf_free(&to.held);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	char msg[MSG_MAX];
	va_list ap;
	int saved = errno;

	if (level == LOG_LEVEL_DEBUG && !to.debug)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	emit(level, false, msg);
	errno = saved;
}

void log_failed(const char *verb, const struct err *e)
{
	char msg[MSG_MAX];

	snprintf(msg, sizeof msg, "%s %s failed: %s", program_invocation_short_name, verb, e->msg);
	emit(LOG_LEVEL_ERROR, true, msg);
}

void out_of_memory(void)
{
	log_error("out of memory");
	log_end();
	_exit(125);
}
