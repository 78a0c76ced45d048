/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID and RDTSC without a stop. The dynamic linker asks the former some twenty times in every
 * program. Where such an instruction was met once, right behind one of 5 bytes or more, the next
 * programs with the same linker get a jump in the place of the latter, to code that gives the answer;
 * it lies in the unused end of the linker's last page of code. The CPUID itself stays: who comes by
 * another way, or asks something else, is trapped as before. RDTSC it executes eight times, to
 * measure itself for LD_DEBUG=statistics: an instruction that does nothing takes its place.
 * Everything is compared with what was learnt before a byte is written.
 */
#include <elf.h>
#include <string.h>
#include <sys/uio.h>

#include "runtime/base/own.h"
#include "shim/engine.h"

enum {
	BEFORE = 8,	      /* bytes before an instruction that are compared, at most */
	JUMP = 5,
	STUB_MAX = 51,	      /* 8 before, 18 of a test, 20 of the answer, a jump */
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

/* @c: a CPUID, behind nine bytes more. False: it is none that we can do. */
static bool recognise(const uint8_t *c, uint32_t leaf, uint32_t subleaf, struct insn_site *s)
{
	*s = (struct insn_site){ .leaf = leaf, .subleaf = subleaf };
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
	} else if (c[-8] == 0xc7 && c[-7] == 0x44 && c[-6] == 0x24 && !by_subleaf(leaf) &&
		!maybe_prefix(c[-9])) {
		s->kind = SITE_STORE; /* movl $x, d(%rsp) */
		s->before = 8;
	} else {
		return false;
	}
	memcpy(s->code, c - s->before, s->before + 2u);
	return true;
}

/* Where the linker's code is, and how much room its last page has. */
static bool find_code(struct world *w, struct task *t, uint64_t base, struct insn_sites *s)
{
	Elf64_Ehdr h;
	Elf64_Phdr p[16];

	if (w->ops->read(t, base, &h, sizeof h) != sizeof h || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
		h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof *p || !h.e_phnum ||
		h.e_phnum > ARRAY_LEN(p) || h.e_phoff > LINKER_MAX)
		return false;
	if (w->ops->read(t, base + h.e_phoff, p, h.e_phnum * sizeof *p) != (ssize_t) (h.e_phnum * sizeof *p))
		return false;
	for (unsigned i = 0; i < h.e_phnum; i++) {
		if (p[i].p_type != PT_LOAD || !(p[i].p_flags & PF_X) || p[i].p_flags & PF_W ||
			p[i].p_filesz != p[i].p_memsz || p[i].p_vaddr > LINKER_MAX ||
			p[i].p_filesz > LINKER_MAX)
			continue;
		s->text = p[i].p_vaddr;
		s->room = (p[i].p_vaddr + p[i].p_filesz + 15) & ~15ull;
		s->room_len = -s->room & (PAGE - 1);
		return true;
	}
	return false;
}

/* The bytes of an instruction of the linker's that is not known yet, behind BEFORE + 1 others. */
static bool is_new(struct world *w, struct task *t, uint64_t at, uint8_t code[BEFORE + 3])
{
	struct insn_sites *s = &w->insns;
	uint64_t base = t->mm->linker;

	if (!base || at < base + BEFORE + 1 || at - base > LINKER_MAX || s->n == ARRAY_LEN(s->site))
		return false;
	for (unsigned i = 0; i < s->n; i++)
		if (s->site[i].at + s->site[i].before == at - base)
			return false;
	if (!s->n && !find_code(w, t, base, s))
		return false;
	if (at - base < s->text + BEFORE + 1 || at - base + 2 > s->room)
		return false;
	return w->ops->read(t, at - (BEFORE + 1), code, BEFORE + 3) == BEFORE + 3;
}

static size_t stubs(const struct insn_sites *s)
{
	size_t n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->site[i].kind != SITE_RDTSC;
	return n;
}

void patch_learn_cpuid(struct world *w, struct task *t, uint64_t at, uint32_t leaf, uint32_t subleaf)
{
	struct insn_sites *s = &w->insns;
	struct insn_site new;
	uint8_t code[BEFORE + 3];

	if (!is_new(w, t, at, code) || (stubs(s) + 1) * STUB_MAX > s->room_len)
		return;
	for (unsigned i = BEFORE + 1; i < sizeof code; i++) /* as it will be before anything is written there */
		if (code[i] == CPU_TRAP)
			code[i] = 0x0f;
	if (!recognise(code + BEFORE + 1, leaf, subleaf, &new))
		return;
	new.at = (uint32_t) (at - t->mm->linker - new.before);
	s->site[s->n++] = new;
}

void patch_learn_rdtsc(struct world *w, struct task *t, uint64_t at)
{
	struct insn_sites *s = &w->insns;
	struct insn_site new = { .kind = SITE_RDTSC, .before = BEFORE };
	uint8_t code[BEFORE + 3];

	if (!is_new(w, t, at, code) || code[BEFORE + 1] != 0x0f || code[BEFORE + 2] != 0x31)
		return;
	memcpy(new.code, code + 1, BEFORE + 2);
	new.at = (uint32_t) (at - t->mm->linker - BEFORE);
	s->site[s->n++] = new;
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
static void put_test(struct code *c, const struct insn_site *s, uint64_t cpuid)
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

static void put_stub(struct world *w, const struct insn_site *s, struct code *c)
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
	struct insn_sites *s = &w->insns;
	struct iovec to[ARRAY_LEN(s->site) + 1], from[ARRAY_LEN(s->site) + 1];
	uint8_t code[ARRAY_LEN(s->site)][BEFORE + 2], room[ARRAY_LEN(s->site) * 64];
	size_t len = stubs(s) * 64, all = len;

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
static void put_jump_to(struct text *x, const struct insn_site *s, uint64_t base, uint64_t stub)
{
	uint8_t jump[BEFORE];
	struct code c = { .p = jump, .at = s->at };

	put_jump(&c, stub);
	memset(jump + c.n, 0xcc, s->before - c.n);
	text_put(x, base + s->at, jump, s->before);
}

/* What can't be written is a dying program's; its room comes first, so nothing leads nowhere. */
void patch_apply(struct world *w, struct task *t)
{
	static const uint8_t nop[2] = { 0x66, 0x90 };
	struct insn_sites *s = &w->insns;
	uint8_t room[ARRAY_LEN(s->site) * 64];
	uint64_t stub[ARRAY_LEN(s->site)], base = t->mm->linker;
	struct code c = { .p = room, .at = s->room };
	struct text x;

	if (!s->n || !base || !same_linker(w, t, base) || text_open(w, t, &x) < 0)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		stub[i] = s->room + c.n;
		if (s->site[i].kind != SITE_RDTSC)
			put_stub(w, &s->site[i], &c);
	}
	text_put(&x, base + s->room, room, c.n);
	for (unsigned i = 0; i < s->n; i++) {
		const struct insn_site *is = &s->site[i];

		if (is->kind == SITE_RDTSC)
			text_put(&x, base + is->at + is->before, nop, sizeof nop);
		else
			put_jump_to(&x, is, base, stub[i]);
	}
	text_close(&x);
}
