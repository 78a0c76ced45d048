/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID without a stop. The dynamic linker asks it some twenty times in every program. Where such an
 * instruction was met once, right behind one of 5 bytes or more, the next programs with the same
 * linker get a jump in the place of the latter, to code that gives the answer; it lies in the unused
 * end of the linker's last page of code. The CPUID itself stays: who comes by another way, or asks
 * something else, is trapped as before. Everything is compared with what was learnt before a byte
 * is written.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "shim/engine.h"

enum {
	SEEN = 9,	      /* bytes that are compared: up to 7 before a CPUID, and itself */
	JUMP = 5,
	STUB_MAX = 50,	      /* 7 before, 18 of a test, 20 of the answer, a jump */
	LINKER_MAX = 4 << 20, /* of its code, from its base */
	PAGE = 4096,
};

/* ---- learning ---- */

static bool by_subleaf(uint32_t leaf)
{
	return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

/* Could the byte belong to the instruction behind it? */
static bool maybe_prefix(uint8_t c)
{
	return (c >= 0x40 && c <= 0x4f) || c == 0x66 || c == 0x67 || c == 0xf2 || c == 0xf3 || c == 0x2e ||
		c == 0x36 || c == 0x3e || c == 0x26 || c == 0x64 || c == 0x65 || c == 0xf0 || c == 0x0f;
}

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* @p: 8 bytes before a CPUID, and itself. False: it is none that we can do. */
static bool recognise(const uint8_t *p, uint32_t leaf, uint32_t subleaf, struct cpuid_site *s)
{
	const uint8_t *c = p + 8;

	*s = (struct cpuid_site){ .leaf = leaf, .subleaf = subleaf };
	if (c[-5] == 0xb8 && word(c - 4) == leaf && !maybe_prefix(c[-6])) {
		s->kind = SITE_LEAF; /* mov $leaf, %eax */
		s->before = 5;
	} else if (c[-7] == 0xb8 && word(c - 6) == leaf && c[-2] == 0x89 && (c[-1] & 0xc7) == 0xc1 &&
		c[-1] != 0xc1 && !maybe_prefix(c[-8])) {
		s->kind = SITE_LEAF; /* mov $leaf, %eax; mov reg, %ecx */
		s->before = 7;
	} else if (c[-5] == 0xc6 && c[-4] == 0x44 && c[-3] == 0x24 && !by_subleaf(leaf) &&
		!maybe_prefix(c[-6])) {
		s->kind = SITE_STORE; /* movb $x, d(%rsp) */
		s->before = 5;
	} else {
		return false;
	}
	memcpy(s->code, c - s->before, s->before + 2u);
	return true;
}

/* Where the linker's code ends within a page: @*ret of that room's start, its length. */
static size_t find_room(struct world *w, struct task *t, uint64_t base, uint64_t *ret)
{
	Elf64_Ehdr h;
	Elf64_Phdr p[16];
	uint64_t end;

	if (w->ops->read(t, base, &h, sizeof h) != sizeof h || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
		h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof *p || !h.e_phnum ||
		h.e_phnum > ARRAY_LEN(p) || h.e_phoff > LINKER_MAX)
		return 0;
	if (w->ops->read(t, base + h.e_phoff, p, h.e_phnum * sizeof *p) != (ssize_t) (h.e_phnum * sizeof *p))
		return 0;
	for (unsigned i = 0; i < h.e_phnum; i++) {
		if (p[i].p_type != PT_LOAD || !(p[i].p_flags & PF_X) || p[i].p_flags & PF_W ||
			p[i].p_filesz != p[i].p_memsz || p[i].p_vaddr > LINKER_MAX ||
			p[i].p_filesz > LINKER_MAX)
			continue;
		end = (p[i].p_vaddr + p[i].p_filesz + 15) & ~15ull;
		*ret = end;
		return -end & (PAGE - 1);
	}
	return 0;
}

void patch_learn(struct world *w, struct task *t, uint64_t at, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_sites *s = &w->cpuid;
	uint64_t base = t->mm->linker;
	struct cpuid_site *new = &s->site[s->n];
	uint8_t code[10];

	if (!base || at < base + 8 || at - base > LINKER_MAX || s->n == ARRAY_LEN(s->site))
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (s->site[i].at + s->site[i].before == at - base)
			return;
	if (w->ops->read(t, at - 8, code, sizeof code) != sizeof code)
		return;
	for (unsigned i = 8; i < sizeof code; i++) /* as it will be before anything is written there */
		if (code[i] == CPU_TRAP)
			code[i] = 0x0f;
	if (!recognise(code, leaf, subleaf, new))
		return;
	if (!s->n && !(s->room_len = find_room(w, t, base, &s->room)))
		return;
	if ((s->n + 1) * STUB_MAX > s->room_len)
		return;
	new->at = at - base - new->before;
	s->n++;
}

/* ---- writing ---- */

struct code {
	uint8_t *p;
	size_t n;
	uint64_t at; /* address of p[0], from the linker's base */
};

static void put(struct code *c, const void *p, size_t n)
{
	memcpy(c->p + c->n, p, n);
	c->n += n;
}

static void put_mov(struct code *c, uint8_t op, uint32_t v)
{
	put(c, &op, 1);
	put(c, &v, sizeof v);
}

static void put_jump(struct code *c, uint64_t to)
{
	put_mov(c, 0xe9, (uint32_t) (to - (c->at + c->n + JUMP)));
}

/* Nothing but what CPUID changes anyway is changed, no flag least of all. */
static void put_test(struct code *c, const struct cpuid_site *s, uint64_t cpuid)
{
	const uint8_t keep[] = { 0x89, 0xca };			  /* mov %ecx, %edx */
	const uint8_t lea[] = { 0x8d, s->kind == SITE_STORE ? 0x88 : 0x8a }; /* lea -x(%rax or %rdx), %ecx */
	const uint8_t skip[] = { 0x67, 0xe3, 7 };		  /* jecxz over the next two */
	const uint8_t back[] = { 0x89, 0xd1 };			  /* mov %edx, %ecx */
	uint32_t minus = -(s->kind == SITE_STORE ? s->leaf : s->subleaf);

	put(c, keep, sizeof keep);
	put(c, lea, sizeof lea);
	put(c, &minus, sizeof minus);
	put(c, skip, sizeof skip);
	put(c, back, sizeof back);
	put_jump(c, cpuid);
}

static void put_stub(struct world *w, const struct cpuid_site *s, struct code *c)
{
	uint64_t cpuid = s->at + s->before;
	uint32_t o[4];

	put(c, s->code, s->before); /* position-independent, all of them */
	if (s->kind == SITE_STORE || by_subleaf(s->leaf))
		put_test(c, s, cpuid);
	cpu_cpuid(w->cpu, s->leaf, s->subleaf, w->o->cpus, o);
	put_mov(c, 0xb8, o[0]);
	put_mov(c, 0xbb, o[1]);
	put_mov(c, 0xb9, o[2]);
	put_mov(c, 0xba, o[3]);
	put_jump(c, cpuid + 2);
}

/* Is all that was learnt there, and the room empty? One read. */
static bool same_linker(struct world *w, struct task *t, uint64_t base)
{
	struct cpuid_sites *s = &w->cpuid;
	struct iovec to[ARRAY_LEN(s->site) + 1], from[ARRAY_LEN(s->site) + 1];
	uint8_t code[ARRAY_LEN(s->site)][SEEN], room[ARRAY_LEN(s->site) * 64];
	size_t len = s->n * 64, all = len;

	if (len > s->room_len)
		len = s->room_len, all = len;
	for (unsigned i = 0; i < s->n; i++) {
		size_t n = s->site[i].before + 2u;

		to[i] = (struct iovec){ code[i], n };
		from[i] = (struct iovec){ (void *) (base + s->site[i].at), n };
		all += n;
	}
	to[s->n] = (struct iovec){ room, len };
	from[s->n] = (struct iovec){ (void *) (base + s->room), len };
	if (process_vm_readv(t->pid, to, s->n + 1, from, s->n + 1, 0) != (ssize_t) all)
		return false;
	for (unsigned i = 0; i < s->n; i++)
		if (memcmp(code[i], s->site[i].code, s->site[i].before + 2u))
			return false;
	for (size_t i = 0; i < len; i++)
		if (room[i])
			return false;
	(void) w;
	return true;
}

/* A jump, and filling for what is left of the instructions that it replaces. */
static size_t put_site(const struct cpuid_site *s, uint64_t stub, uint8_t *p)
{
	struct code c = { .p = p, .at = s->at };

	put_jump(&c, stub);
	memset(p + c.n, 0xcc, s->before - c.n);
	return s->before;
}

void patch_apply(struct world *w, struct task *t)
{
	struct cpuid_sites *s = &w->cpuid;
	uint8_t text[ARRAY_LEN(s->site) * 64], jump[8];
	struct code c = { .p = text, .at = s->room };
	uint64_t stub[ARRAY_LEN(s->site)], base = t->mm->linker;
	own_fd fd = -1;
	char path[32];

	if (!s->n || !base || !same_linker(w, t, base))
		return;
	snprintf(path, sizeof path, "%d/mem", (int) t->pid);
	fd = openat(w->host_proc, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		stub[i] = s->room + c.n;
		put_stub(w, &s->site[i], &c);
	}
	if (pwrite(fd, text, c.n, (off_t) (base + s->room)) != (ssize_t) c.n)
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (pwrite(fd, jump, put_site(&s->site[i], stub[i], jump), (off_t) (base + s->site[i].at)) < 0)
			return;
}
