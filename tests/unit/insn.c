/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/insn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

#define LEN(text) insn_len((const uint8_t *) (text), sizeof(text) - 1)

TEST(by_kind)
{
	EQ(LEN("\x90"), 1);
	EQ(LEN("\x0f\xa2"), 2);
	EQ(LEN("\xb8\1\0\0\0"), 5);
	EQ(LEN("\x66\xb8\1\0"), 4);
	EQ(LEN("\x48\xb8\1\0\0\0\0\0\0\0"), 10);
	EQ(LEN("\xf6\xc0\1"), 3);	    /* test */
	EQ(LEN("\xf6\xd0"), 2);		    /* not */
	EQ(LEN("\xf7\x05\0\0\0\0\1\0\0\0"), 10);
	EQ(LEN("\x8b\x44\x24\x08"), 4);
	EQ(LEN("\x8b\x04\x25\0\0\0\0"), 7);
	EQ(LEN("\xc5\xf8\x77"), 3);	    /* vzeroupper */
	EQ(LEN("\xc4\xe3\x7d\x39\xc1\1"), 6); /* vextracti128 */
	EQ(LEN("\x62\xf1\x7c\x48\x10\x07"), 6); /* vmovups */
	EQ(LEN("\x66\x48\xe8\0\0\0\0"), 7); /* as for thread-local storage */
}

TEST(what_is_none)
{
	EQ(LEN(""), 0);
	EQ(LEN("\x0f"), 0);
	EQ(LEN("\x06"), 0);
	EQ(LEN("\xd6"), 0);
	EQ(LEN("\xb8\1\0\0"), 0);	/* cut off */
	EQ(LEN("\x8b\x44\x24"), 0);
	EQ(LEN("\x66\xe8\0\0\0\0"), 0); /* 4 bytes or 6 */
	EQ(LEN("\x66\xc5\xf8\x77"), 0);
	EQ(LEN("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90"), 0);
	for (unsigned i = 0; i < 0x10000; i++) { /* never more than was given */
		uint8_t p[2] = { (uint8_t) i, (uint8_t) (i >> 8) };

		for (size_t n = 0; n <= 2; n++)
			OK(insn_len(p, n) <= n);
	}
}

/* A line of objdump's: the bytes of one instruction. 0: it is none. */
static size_t line_bytes(const char *line, uint8_t ret[16])
{
	const char *p = strchr(line, '\t');
	size_t n = 0;
	unsigned v;

	while (p && n < 16 && sscanf(++p, "%2x", &v) == 1 && (p[2] == ' ' || p[2] == '\t')) {
		ret[n++] = (uint8_t) v;
		p += 2;
		if (*p == '\t' || p[1] == ' ')
			return n;
	}
	return 0;
}

static void agrees(const char *path, size_t least)
{
	char cmd[256], line[512];
	FILE *f;
	size_t seen = 0, wrong = 0;
	uint8_t code[16];

	snprintf(cmd, sizeof cmd, "objdump -d -w -j .text %s 2>/dev/null", path);
	f = popen(cmd, "r");
	while (f && fgets(line, sizeof line, f)) {
		size_t n = line_bytes(line, code);

		if (!n || strstr(line, "(bad)") || strstr(line, ".byte") || strstr(line, "rex"))
			continue;
		seen++;
		wrong += insn_len(code, n) != n;
	}
	if (f)
		pclose(f);
	if (seen) { /* else there is no objdump, or no such file */
		OK(seen > least);
		OK(wrong < seen / 10000 + 1); /* tables within code */
	}
}

TEST(as_objdump_has_it)
{
	agrees("/lib64/ld-linux-x86-64.so.2", 20000);
	agrees("/lib/x86_64-linux-gnu/libc.so.6", 200000);
	agrees("/lib/x86_64-linux-gnu/libcrypto.so.3", 200000);
}

CHECK_MAIN
