/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of a network in /proc/net: the kernel's lists, in an order and with numbers of ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/own.h"
#include "shim/fs.h"
#include "shim/procview.h"

enum { ADDR = 40, LISTENS = 10, UNIX_LISTENS = 1 << 16 };

struct sock {
	char local[ADDR], peer[ADDR]; /* in hexadecimal, as they are */
	const char *path;	      /* of a local socket: up to the end of the line */
	int len;
	unsigned state, type, flags, sent, got, uid;
	unsigned long long ino;
};

struct socks {
	struct sock *v;
	size_t n;
};

typedef bool parse_fn(const char *line, struct sock *ret);

static bool parse_inet(const char *line, struct sock *s)
{
	return sscanf(line, " %*u: %39[0-9A-F:] %39[0-9A-F:] %x %x:%x %*x:%*x %*x %u %*u %llu", s->local,
		s->peer, &s->state, &s->sent, &s->got, &s->uid, &s->ino) == 7;
}

/* Those that have a name: others nobody can reach. */
static bool parse_unix(const char *line, struct sock *s)
{
	int at = 0;

	if (sscanf(line, "%*x: %*x %*x %x %x %x %llu%n", &s->flags, &s->type, &s->state, &s->ino,
		    &at) != 4 || line[at] != ' ')
		return false;
	s->path = line + at + 1;
	s->len = (int) strcspn(s->path, "\n");
	return s->len > 0;
}

static const char *next_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return end ? end + 1 : "";
}

/* What is closed and only waits for a timer of the kernel's has no inode. */
static void parse(const char *text, parse_fn *fn, struct socks *ret)
{
	for (const char *l = text; *l; l = next_line(l)) {
		struct sock s = { 0 };
		struct sock *more;

		if (!fn(l, &s) || !s.ino)
			continue;
		more = realloc(ret->v, (ret->n + 1) * sizeof *more);
		must(more);
		ret->v = more;
		ret->v[ret->n++] = s;
	}
}

/* Who listens comes first, as from the kernel; of the same name who was made first. */
static int by_name(const void *a, const void *b)
{
	const struct sock *s = a, *t = b;
	int r = (t->state == LISTENS) - (s->state == LISTENS);

	if (!r)
		r = strcmp(s->local, t->local);
	if (!r)
		r = strcmp(s->peer, t->peer);
	if (!r)
		r = (s->len > t->len) - (s->len < t->len);
	if (!r && s->path)
		r = memcmp(s->path, t->path, (size_t) s->len);
	return r ? r : (s->ino > t->ino) - (s->ino < t->ino);
}

/* In a shared network those that nobody inside has asked for are others'. */
static unsigned long long number(struct world *w, const struct sock *s)
{
	const struct vinode *v = inode_peek(w, w->ino.sock, (ino_t) s->ino);

	if (!w->o->network)
		return inode_number(w, w->ino.sock, (ino_t) s->ino);
	return v ? v->ino : 0;
}

static void put_inet(struct world *w, const struct sock *s, size_t i, struct buf *b)
{
	char line[256];
	int n = snprintf(line, sizeof line, "%4zu: %s %s %02X %08X:%08X 00:00000000 00000000 %5u        0 "
		"%llu 1 0000000000000000 100 0 0 10 0", i, s->local, s->peer, s->state, s->sent, s->got,
		w->o->virtual_ids ? 0 : s->uid,
		number(w, s));

	buf_put(b, line, (size_t) n);
	buf_byte(b, '\n');
}

static void put_unix(struct world *w, const struct sock *s, size_t i, struct buf *b)
{
	(void) i;
	buf_printf(b, "0000000000000000: %08X 00000000 %08X %04X %02X %5llu ",
		s->flags & UNIX_LISTENS ? 2u : 3u, s->flags, s->type, s->state,
		number(w, s));
	buf_put(b, s->path, (size_t) s->len);
	buf_byte(b, '\n');
}

#define HEAD                                                                               \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid" \
	"  timeout inode\n"

static const struct {
	const char *name, *head;
	parse_fn *parse;
	void (*put)(struct world *w, const struct sock *s, size_t i, struct buf *b);
} files[] = {
	{ "net/tcp", HEAD, parse_inet, put_inet },
	{ "net/tcp6", HEAD, parse_inet, put_inet },
	{ "net/udp", HEAD, parse_inet, put_inet },
	{ "net/udp6", HEAD, parse_inet, put_inet },
	{ "net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n", parse_unix, put_unix },
};

bool procview_net(struct world *w, const char *name, const char *real, struct buf *b)
{
	struct socks all = { 0 };
	size_t i = 0;

	while (i < ARRAY_LEN(files) && strcmp(files[i].name, name))
		i++;
	if (i == ARRAY_LEN(files))
		return false;
	inode_look(w);
	parse(next_line(real), files[i].parse, &all);
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, by_name);
	buf_str(b, files[i].head);
	for (size_t k = 0; k < all.n; k++)
		files[i].put(w, &all.v[k], k, b);
	free(all.v);
	return true;
}
