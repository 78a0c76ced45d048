/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/insn.h"

#include <stdbool.h>

/*
 * What follows an opcode, a letter for each, by its number:
 *   .  nothing              m  ModRM                x  no such instruction
 *   b  8-bit immediate      B  ModRM and that       w  16 bits     e  16 and 8 bits
 *   z  16 or 32 bits        Z  ModRM and that       v  the same, or 64 bits
 *   j  32-bit displacement  o  an address           W  ModRM and two 8-bit immediates, or none
 *   g  ModRM; 8 bits when its reg field is 0 or 1   G  the same with 16 or 32
 */
static const char one_byte[256 + 1] =
	"mmmmbzxxmmmmbzxx" /* 0: 0f is another table's */
	"mmmmbzxxmmmmbzxx" /* 1 */
	"mmmmbzxxmmmmbzxx" /* 2: prefixes are read before */
	"mmmmbzxxmmmmbzxx" /* 3 */
	"xxxxxxxxxxxxxxxx" /* 4 */
	"................" /* 5 */
	"xxxmxxxxzZbB...." /* 6 */
	"bbbbbbbbbbbbbbbb" /* 7 */
	"BZxBmmmmmmmmmmmm" /* 8 */
	"..........x....." /* 9 */
	"oooo....bz......" /* a */
	"bbbbbbbbvvvvvvvv" /* b */
	"BBw.xxBZe.w..bx." /* c */
	"mmmmxxx.mmmmmmmm" /* d */
	"bbbbbbbbjjxb...." /* e */
	"x.xx..gG......mm"; /* f */

static const char two_bytes[256 + 1] =
	"mmmmx.....x.xm.B" /* 0 */
	"mmmmmmmmmmmmmmmm" /* 1 */
	"ccccxxxxmmmmmmmm" /* 2: c = ModRM that names registers whatever it says */
	"......x.xxxxxxxx" /* 3: 38 and 3a are other tables' */
	"mmmmmmmmmmmmmmmm" /* 4 */
	"mmmmmmmmmmmmmmmm" /* 5 */
	"mmmmmmmmmmmmmmmm" /* 6 */
	"BBBBmmm.Wmxxmmmm" /* 7 */
	"jjjjjjjjjjjjjjjj" /* 8 */
	"mmmmmmmmmmmmmmmm" /* 9 */
	"...mBmmm...mBmmm" /* a */
	"mmmmmmmmmmBmmmmm" /* b */
	"mmBmBBBm........" /* c */
	"mmmmmmmmmmmmmmmm" /* d */
	"mmmmmmmmmmmmmmmm" /* e */
	"mmmmmmmmmmmmmmmm"; /* f */

struct insn {
	const uint8_t *p;
	size_t n, i; /* bytes known, read */
	bool failed;
	bool size16, addr32, rep; /* prefixes 66, 67, f2 or f3 */
	bool prefixed; /* any that VEX can't have */
	bool wide; /* REX.W */
};

static uint8_t next(struct insn *d)
{
	if (d->i < d->n)
		return d->p[d->i++];
	d->failed = true;
	return 0;
}

static void skip(struct insn *d, size_t n)
{
	d->i += n;
}

/* The first byte that is no prefix. A REX that isn't right before it counts for nothing. */
static uint8_t prefixes(struct insn *d)
{
	for (;;) {
		uint8_t c = next(d);

		switch (c) {
		case 0x66: d->size16 = true; break;
		case 0x67: d->addr32 = true; break;
		case 0xf2:
		case 0xf3: d->rep = true; break;
		case 0xf0:
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65: break;
		default:
			if (c < 0x40 || c > 0x4f)
				return c;
			d->wide = c & 8;
			d->prefixed = true;
			continue;
		}
		d->prefixed |= c == 0x66 || c == 0xf0 || c == 0xf2 || c == 0xf3;
		d->wide = false;
		if (d->failed)
			return 0;
	}
}

/* ModRM, SIB and displacement. Returns the reg field. */
static unsigned modrm(struct insn *d)
{
	uint8_t c = next(d), mod = c >> 6, rm = c & 7;

	if (mod == 3)
		return c >> 3 & 7;
	if (rm == 4) {
		uint8_t sib = next(d);

		if (mod == 0 && (sib & 7) == 5)
			skip(d, 4);
	} else if (mod == 0 && rm == 5) {
		skip(d, 4);
	}
	skip(d, mod == 1 ? 1 : mod == 2 ? 4 : 0);
	return c >> 3 & 7;
}

static size_t imm_z(const struct insn *d)
{
	return d->size16 && !d->wide ? 2 : 4;
}

/* Near branches with 66: Intel's go on with 32 bits, AMD's with 16. */
static void branch(struct insn *d)
{
	if (d->size16 && !d->wide)
		d->failed = true;
	skip(d, 4);
}

static void operands(struct insn *d, char what)
{
	switch (what) {
	case '.': break;
	case 'b': skip(d, 1); break;
	case 'w': skip(d, 2); break;
	case 'e': skip(d, 3); break;
	case 'z': skip(d, imm_z(d)); break;
	case 'v': skip(d, d->wide ? 8 : imm_z(d)); break;
	case 'o': skip(d, d->addr32 ? 4 : 8); break;
	case 'j': branch(d); break;
	case 'c': skip(d, 1); break;
	case 'm': modrm(d); break;
	case 'B': modrm(d), skip(d, 1); break;
	case 'Z': modrm(d), skip(d, imm_z(d)); break;
	case 'W': modrm(d), skip(d, d->size16 || d->rep ? 2 : 0); break;
	case 'g': skip(d, modrm(d) < 2 ? 1 : 0); break;
	case 'G': skip(d, modrm(d) < 2 ? imm_z(d) : 0); break;
	default: d->failed = true;
	}
}

static void after_0f(struct insn *d)
{
	uint8_t c = next(d);

	if (c == 0x38 || c == 0x3a) {
		next(d);
		modrm(d);
		skip(d, c == 0x3a ? 1 : 0);
		return;
	}
	operands(d, two_bytes[c]);
}

/* VEX and EVEX: @map as they number them. */
static void in_map(struct insn *d, unsigned map)
{
	uint8_t op = next(d);
	bool imm = map == 3 || (map == 1 && two_bytes[op] == 'B' && op != 0xa4 && op != 0xac && op != 0xba);

	if (map == 1 && op == 0x77)
		return; /* vzeroupper */
	modrm(d);
	skip(d, imm ? 1 : 0);
}

static void vex(struct insn *d, uint8_t c)
{
	unsigned map = 1;

	if (c == 0xc4) {
		map = next(d) & 0x1f;
		next(d);
	} else {
		next(d);
	}
	if (d->prefixed || map < 1 || map > 3)
		d->failed = true;
	in_map(d, map);
}

static void evex(struct insn *d)
{
	unsigned map = next(d) & 7;

	next(d);
	next(d);
	if (d->prefixed || map == 0 || map == 4 || map == 7)
		d->failed = true;
	in_map(d, map);
}

/* AMD's XOP shares its first byte with pop, whose ModRM has a zero where the map's number is. */
static void pop_or_xop(struct insn *d)
{
	unsigned map = d->i < d->n ? d->p[d->i] & 0x1f : 0;

	if (map < 8) {
		d->failed |= modrm(d) != 0;
		return;
	}
	if (d->prefixed || map > 10)
		d->failed = true;
	skip(d, 2);
	next(d);
	modrm(d);
	skip(d, map == 8 ? 1 : map == 10 ? 4 : 0);
}

size_t insn_len(const uint8_t *p, size_t n)
{
	const size_t longest = 15;
	struct insn d = { .p = p, .n = n < longest ? n : longest };
	uint8_t c = prefixes(&d);

	if (d.failed)
		return 0;
	switch (c) {
	case 0x0f: after_0f(&d); break;
	case 0x62: evex(&d); break;
	case 0x8f: pop_or_xop(&d); break;
	case 0xc4:
	case 0xc5: vex(&d, c); break;
	default: operands(&d, one_byte[c]);
	}
	return d.failed || d.i > d.n ? 0 : d.i;
}
