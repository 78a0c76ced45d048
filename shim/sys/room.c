/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/sys/room.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/io.h"
#include "runtime/base/own.h"

enum { MAPS_MAX = 16 << 20 };

#define PAGE 4096ull
#define STACK_GAP 0x100000ull /* that the kernel keeps free below a growing mapping */

/* A part of the address space; nothing is there after exec from .clear up. */
struct span {
	uint64_t bottom, clear, top;
};

/* Below the largest stack and what the kernel maps at exec; clear above programs and their heaps. */
static const struct span high = { 0x100000000000ull, 0x570000000000ull, 0x7fffd0000000ull };
static const struct span low = { 0x48000000ull, 0x48000000ull, 0x80000000ull }; /* MAP_32BIT */

struct gap {
	uint64_t lo, hi;
};

/* The highest gap of @len bytes that ends at @top or below. */
static bool find_gap(const char *maps, const struct span *s, uint64_t top, uint64_t len,
	struct gap *ret)
{
	struct gap g = { .lo = s->bottom };
	unsigned long long lo, hi;
	bool found = false;

	for (bool last = false; !last; maps = strchr(maps, '\n') + 1) {
		last = !*maps || sscanf(maps, "%llx-%llx", &lo, &hi) != 2 || lo >= top;
		g.hi = last || lo > top ? top : lo;
		if (g.hi > g.lo && g.hi - g.lo >= len) {
			*ret = g;
			found = true;
		}
		if (last || !strchr(maps, '\n'))
			break;
		if (hi > g.lo)
			g.lo = hi;
	}
	return found;
}

/* When the way down meets something, on from below that; from the bottom again to the top. */
static uint64_t search(struct call *c, struct room *r, const struct span *s, uint64_t len)
{
	own_buf maps = { 0 };
	own_fd fd = -1;
	char path[32];
	struct gap g;

	snprintf(path, sizeof path, "%d/maps", (int) c->t->pid);
	fd = openat(c->w->host_proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read_fd(fd, MAPS_MAX, &maps) < 0 || !buf_cstr(&maps))
		return 0;
	if (!find_gap((const char *) maps.p, s, r->top, len, &g) &&
		!find_gap((const char *) maps.p, s, s->top, len, &g))
		return 0;
	r->clear = g.lo;
	return r->top = g.hi - len;
}

static uint64_t place(struct call *c, struct room *r, const struct span *s, uint64_t len)
{
	if (!r->top) {
		r->top = s->top;
		r->clear = s->clear;
	}
	len = (len + PAGE - 1) & ~(PAGE - 1);
	if (!len || s->top - s->bottom < len)
		return 0;
	if (r->top - s->bottom >= len && r->top - len >= r->clear)
		return r->top -= len;
	return search(c, r, s, len);
}

uint64_t room_for(struct call *c, uint64_t len, uint64_t flags)
{
	struct mm *mm = c->t->mm;

	if (len >= high.top)
		return 0;
	if (flags & MAP_32BIT)
		return place(c, &mm->room_32, &low, len);
	if (flags & MAP_GROWSDOWN && !place(c, &mm->room, &high, STACK_GAP))
		return 0;
	return place(c, &mm->room, &high, len);
}

void room_doubt(struct mm *mm)
{
	mm->room.clear = mm->room_32.clear = UINT64_MAX;
}
