/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/codefile.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/cpu.h"
#include "shim/insn.h"

enum {
	HEADERS = 128,		/* program headers; libraries have a dozen */
	SECTIONS = 4096,
	PLACES = 1 << 16,	/* that look like it */
	WINDOW = 1 << 18,
	FUNCTION = 1 << 20,	/* of which a place may be within */
	BEFORE = 32,		/* bytes before a place that are looked at */
};
#define CODE_MAX (1ull << 30)
#define TABLES_MAX (256ull << 20)
#define SPEND_MAX (256ull << 20) /* tables that name a function again and again */

enum verdict { DOUBTFUL, CONFIRMED, REFUTED };

struct place {
	struct code_site s;
	uint8_t before[BEFORE];
	enum verdict is;
};

struct look {
	int fd;
	Elf64_Ehdr h;
	Elf64_Phdr ph[HEADERS];
	struct place *place; /* in order of .vaddr, as of the headers */
	size_t n;
	uint64_t spent; /* bytes of functions */
	bool failed;
};

static bool get(const struct look *l, uint64_t off, void *p, size_t n)
{
	return off <= INT64_MAX - n && pread(l->fd, p, n, (off_t) off) == (ssize_t) n;
}

/* ---- places that look like it ---- */

static void add(struct look *l, const Elf64_Phdr *ph, uint64_t at, const uint8_t *p, size_t before)
{
	struct place *q;

	if (!(l->n & (l->n - 1))) { /* grows at each power of two */
		q = l->n < PLACES ? realloc(l->place, (l->n ? 2 * l->n : 1) * sizeof *q) : NULL;
		if (!q) {
			l->failed = true;
			return;
		}
		l->place = q;
	}
	q = &l->place[l->n++];
	*q = (struct place){ .s = { .off = ph->p_offset + at, .vaddr = ph->p_vaddr + at } };
	if (before > BEFORE)
		before = BEFORE;
	memcpy(q->before + BEFORE - before, p - before, before);
}

/* One segment, a window at a time, each with the last bytes of the one before. */
static void look_through(struct look *l, const Elf64_Phdr *ph)
{
	own_free uint8_t *buf = malloc(WINDOW);
	uint64_t at = 0; /* of buf[0], within the segment */
	size_t kept = 0;

	if (!buf)
		l->failed = true;
	while (!l->failed && at + kept < ph->p_filesz) {
		uint64_t left = ph->p_filesz - at - kept;
		size_t want = left < WINDOW - kept ? (size_t) left : WINDOW - kept;
		size_t n = kept + want, i = kept ? kept : 1;
		const uint8_t *p;

		if (!get(l, ph->p_offset + at + kept, buf + kept, want)) {
			l->failed = true;
			return;
		}
		/* by its second byte, which is the rarer one in code */
		while (i < n && (p = memchr(buf + i, 0xa2, n - i)) && !l->failed) {
			i = (size_t) (p - buf) + 1;
			if (p[-1] == 0x0f)
				add(l, ph, at + i - 2, p - 1, i - 2);
		}
		kept = n < BEFORE ? n : BEFORE;
		memmove(buf, buf + n - kept, kept);
		at += n - kept;
	}
}

static bool is_code(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_flags & PF_X && !(ph->p_flags & PF_W);
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->s.vaddr > y->s.vaddr) - (x->s.vaddr < y->s.vaddr);
}

static void find_places(struct look *l)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < l->h.e_phnum; i++) {
		const Elf64_Phdr *ph = &l->ph[i];

		if (!is_code(ph))
			continue;
		if (ph->p_filesz > CODE_MAX || (all += ph->p_filesz) > CODE_MAX ||
			ph->p_vaddr > INT64_MAX || ph->p_offset > INT64_MAX - CODE_MAX) {
			l->failed = true;
			return;
		}
		look_through(l, ph);
	}
	if (l->n)
		qsort(l->place, l->n, sizeof *l->place, by_address);
}

/* The first place at @vaddr or behind it. */
static size_t place_from(const struct look *l, uint64_t vaddr)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->place[mid].s.vaddr < vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Where @vaddr is in the file, and how much of its segment follows there. */
static bool in_file(const struct look *l, uint64_t vaddr, uint64_t *ret_off, uint64_t *ret_left)
{
	for (unsigned i = 0; i < l->h.e_phnum; i++) {
		const Elf64_Phdr *ph = &l->ph[i];

		if (ph->p_type != PT_LOAD || vaddr < ph->p_vaddr || vaddr - ph->p_vaddr >= ph->p_filesz)
			continue;
		*ret_left = ph->p_filesz - (vaddr - ph->p_vaddr);
		*ret_off = ph->p_offset + (vaddr - ph->p_vaddr);
		return true;
	}
	return false;
}

/* ---- functions ---- */

/* It is part of another instruction, unless another table says otherwise. */
static void refute(struct place *q)
{
	if (q->is == DOUBTFUL)
		q->is = REFUTED;
}

/* From its first instruction to the last place within it. */
static void go_through(struct look *l, uint64_t start, uint64_t len)
{
	size_t i = place_from(l, start), last = place_from(l, start + len);
	own_free uint8_t *code = NULL;
	enum cpu_insn insn;
	uint64_t off, left;
	size_t n, at = 0;

	if (i == last || !in_file(l, start, &off, &left))
		return;
	if (len > left)
		len = left;
	n = len < FUNCTION ? (size_t) len : FUNCTION;
	code = malloc(n);
	if ((l->spent += n) > SPEND_MAX)
		l->failed = true;
	if (!code || l->failed || !get(l, off, code, n))
		return;
	for (size_t step; at < n && (step = insn_len(code + at, n - at)); at += step) {
		for (; i < last && l->place[i].s.vaddr < start + at; i++)
			refute(&l->place[i]);
		if (i < last && l->place[i].s.vaddr == start + at + step - 2 &&
			cpu_insn_decode(code + at, step, &insn) == (int) step && insn == CPU_INSN_CPUID)
			l->place[i++].is = CONFIRMED;
	}
	for (; i < last && l->place[i].s.vaddr < start + at; i++)
		refute(&l->place[i]);
}

/* ---- unwind tables ---- */

struct table {
	const uint8_t *p;
	size_t n;
	uint64_t vaddr; /* of p[0] */
};

static bool word(const struct table *t, size_t at, size_t size, uint64_t *ret)
{
	*ret = 0;
	if (at > t->n || t->n - at < size)
		return false;
	memcpy(ret, t->p + at, size);
	return true;
}

static bool leb(const struct table *t, size_t *at, size_t end)
{
	while (*at < end && *at < t->n)
		if (!(t->p[(*at)++] & 0x80))
			return true;
	return false;
}

enum { ENC_PCREL = 0x10, ENC_NONE = 0xff };

static size_t enc_size(uint8_t enc)
{
	switch (enc & 0x0f) {
	case 0x0:
	case 0x4:
	case 0xc: return 8;
	case 0x3:
	case 0xb: return 4;
	case 0x2:
	case 0xa: return 2;
	default: return 0;
	}
}

/* A pointer as DWARF encodes it: absolute, or from its own place. */
static bool pointer(const struct table *t, size_t at, uint8_t enc, uint64_t *ret)
{
	size_t size = enc_size(enc);
	uint64_t v;

	if (!size || enc & 0x80 || (enc & 0x70 && (enc & 0x70) != ENC_PCREL) || !word(t, at, size, &v))
		return false;
	if (enc & 8 && size < 8 && v >> (8 * size - 1))
		v |= UINT64_MAX << 8 * size;
	*ret = v + (enc & 0x70 ? t->vaddr + at : 0);
	return true;
}

/* How the FDEs of the CIE at @at have their pointers; ENC_NONE: it can't be told. */
static uint8_t cie_encoding(const struct table *t, size_t at)
{
	uint64_t len, id;
	size_t end, p = at + 8, aug;

	if (!word(t, at, 4, &len) || !word(t, at + 4, 4, &id) || id || len > t->n - at - 4 || len < 8)
		return ENC_NONE;
	end = at + 4 + (size_t) len;
	if (t->p[p] != 1 && t->p[p] != 3)
		return ENC_NONE;
	aug = ++p;
	while (p < end && t->p[p])
		p++;
	p++;
	if (!leb(t, &p, end) || !leb(t, &p, end) || !leb(t, &p, end)) /* alignments, return register */
		return ENC_NONE;
	if (t->p[aug] == 0)
		return 0;
	if (t->p[aug] != 'z' || !leb(t, &p, end))
		return ENC_NONE;
	for (size_t i = aug + 1; t->p[i] && p < end; i++) {
		if (t->p[i] == 'R')
			return t->p[p];
		if (t->p[i] == 'P')
			p += 1 + enc_size(t->p[p]);
		else if (t->p[i] == 'L')
			p++;
		else if (t->p[i] != 'S' && t->p[i] != 'B')
			return ENC_NONE;
	}
	return 0;
}

/* Each entry of .eh_frame that is a function. */
static void each_function(struct look *l, const struct table *t)
{
	size_t at = 0, cie = SIZE_MAX;
	uint8_t enc = ENC_NONE;
	uint64_t len, id, start, range;

	while (!l->failed && word(t, at, 4, &len) && len && len != UINT32_MAX && len <= t->n - at - 4) {
		if (len >= 4 && word(t, at + 4, 4, &id) && id && id <= at + 4) {
			if (at + 4 - id != cie) {
				cie = at + 4 - (size_t) id;
				enc = cie_encoding(t, cie);
			}
			if (enc != ENC_NONE && pointer(t, at + 8, enc, &start) &&
				pointer(t, at + 8 + enc_size(enc), enc & 0x07, &range) &&
				range <= CODE_MAX && start <= INT64_MAX)
				go_through(l, start, range);
		}
		at += 4 + (size_t) len;
	}
}

static void read_table(struct look *l, uint64_t vaddr, uint64_t off, uint64_t n)
{
	own_free uint8_t *p = NULL;
	struct stat st;

	if (n > TABLES_MAX || fstat(l->fd, &st) < 0 || off > (uint64_t) st.st_size)
		return;
	if (n > (uint64_t) st.st_size - off)
		n = (uint64_t) st.st_size - off;
	p = calloc(1, n + 1);
	if (p && get(l, off, p, n))
		each_function(l, &(struct table){ .p = p, .n = n, .vaddr = vaddr });
}

/* By PT_GNU_EH_FRAME, whose header leads to the table. */
static bool by_segment(struct look *l)
{
	for (unsigned i = 0; i < l->h.e_phnum; i++) {
		uint64_t vaddr, off, left;
		uint8_t hdr[12];
		const struct table t = { .p = hdr, .n = sizeof hdr, .vaddr = l->ph[i].p_vaddr };

		if (l->ph[i].p_type != PT_GNU_EH_FRAME)
			continue;
		if (!get(l, l->ph[i].p_offset, hdr, sizeof hdr) || hdr[0] != 1 ||
			!pointer(&t, 4, hdr[1], &vaddr) || !in_file(l, vaddr, &off, &left))
			return false;
		read_table(l, vaddr, off, left);
		return true;
	}
	return false;
}

/* By the section's name: programs that are linked statically have no such header. */
static void by_section(struct look *l)
{
	own_free Elf64_Shdr *sh = NULL;
	char name[10];
	size_t n = l->h.e_shnum;

	if (!n || n > SECTIONS || l->h.e_shentsize != sizeof *sh || l->h.e_shstrndx >= n)
		return;
	sh = calloc(n, sizeof *sh);
	if (!sh || !get(l, l->h.e_shoff, sh, n * sizeof *sh))
		return;
	for (size_t i = 0; i < n; i++)
		if (sh[i].sh_flags & SHF_ALLOC && sh[i].sh_type != SHT_NOBITS &&
			sh[l->h.e_shstrndx].sh_offset < INT64_MAX &&
			get(l, sh[l->h.e_shstrndx].sh_offset + sh[i].sh_name, name, sizeof name) &&
			!memcmp(name, ".eh_frame", sizeof name)) {
			read_table(l, sh[i].sh_addr, sh[i].sh_offset, sh[i].sh_size);
			return;
		}
}

/* ---- code without tables ---- */

static bool is_leaf(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return (v & 0x0fffffff) <= 0x40 && (v >> 28 == 0 || v >> 28 == 4 || v >> 28 == 8 || v >> 28 == 12);
}

/* The length of an instruction before @p that prepares a CPUID, or 0. *@eax: it sets that. */
static size_t prepares(const uint8_t *p, bool *eax)
{
	if (is_leaf(p - 4) && (p[-5] == 0xb8 || p[-5] == 0xb9)) { /* mov $leaf, %eax or %ecx */
		*eax |= p[-5] == 0xb8;
		return 5;
	}
	if (p[-4] == 0x8b && p[-2] == 0x24 && (p[-3] == 0x44 || p[-3] == 0x4c)) { /* mov d(%rsp), … */
		*eax |= p[-3] == 0x44;
		return 4;
	}
	if ((p[-2] == 0x31 || p[-2] == 0x33) && (p[-1] == 0xc0 || p[-1] == 0xc9)) { /* xor */
		*eax |= p[-1] == 0xc0;
		return p[-3] == 0x48 ? 3 : 2;
	}
	if ((p[-3] == 0x48 || p[-3] == 0x49) && p[-2] == 0x89 && p[-1] >= 0xc8 && p[-1] < 0xe0)
		return 3; /* mov %rbx, %rcx or %rdx, … */
	if (p[-2] == 0x89 && (p[-1] & 0xc0) == 0xc0 && (p[-1] & 7) < 2) { /* mov …, %eax or %ecx */
		*eax |= !(p[-1] & 7);
		return 2;
	}
	return 0;
}

/* Chance makes four bytes of these in none of all files; eax has to be among what they set. */
static bool by_context(const struct place *q)
{
	const uint8_t *p = q->before + BEFORE;
	bool eax = false;
	size_t n, all = 0;

	while (all < BEFORE / 2 && (n = prepares(p - all, &eax)))
		all += n;
	return eax && all >= 4;
}

/* ---- all of it ---- */

static bool read_headers(struct look *l, struct code_file *ret)
{
	if (!get(l, 0, &l->h, sizeof l->h) || memcmp(l->h.e_ident, ELFMAG, SELFMAG) ||
		l->h.e_ident[EI_CLASS] != ELFCLASS64 || l->h.e_machine != EM_X86_64 ||
		l->h.e_phentsize != sizeof *l->ph || l->h.e_phnum > HEADERS ||
		!get(l, l->h.e_phoff, l->ph, l->h.e_phnum * sizeof *l->ph))
		return false;
	ret->entry = l->h.e_entry;
	for (unsigned i = 0; i < l->h.e_phnum; i++) {
		size_t n = (size_t) l->ph[i].p_filesz;

		if (l->ph[i].p_type != PT_INTERP || ret->interp || n < 2 || n > 4096)
			continue;
		ret->interp = calloc(1, n + 1);
		if (!ret->interp || !get(l, l->ph[i].p_offset, ret->interp, n))
			return false;
	}
	return true;
}

static void take_sites(const struct look *l, struct code_file *ret)
{
	ret->site = calloc(l->n + 1, sizeof *ret->site);
	if (!ret->site) {
		ret->strange = true;
		return;
	}
	for (size_t i = 0; i < l->n; i++) {
		const struct place *q = &l->place[i];

		if (q->is == CONFIRMED || (q->is == DOUBTFUL && by_context(q)))
			ret->site[ret->n++] = q->s;
		else
			ret->doubtful += q->is == DOUBTFUL;
	}
}

void code_file_read(int fd, struct code_file *ret)
{
	own_free struct look *l = calloc(1, sizeof *l);

	*ret = (struct code_file){ 0 };
	if (!l) {
		ret->strange = true;
		return;
	}
	l->fd = fd;
	if (read_headers(l, ret))
		find_places(l);
	else
		l->failed = true;
	if (l->n && !l->failed && !by_segment(l))
		by_section(l);
	ret->strange = l->failed;
	if (!l->failed)
		take_sites(l, ret);
	free(l->place);
}

void code_file_free(struct code_file *f)
{
	free(f->interp);
	free(f->site);
	*f = (struct code_file){ 0 };
}
