/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/exec_layout.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	WORD = 8,
	PAGE_SIZE = 4096,
	CLOCK_TICKS = 100,
	/*
	 * Room for a signal frame with AVX-512 (3632 bytes), on every CPU: glibc sizes alternate
	 * stacks by it.
	 */
	SIGNAL_STACK_MIN = 4096,
	AT_MINSIGSTKSZ_ = 51, /* not in every <elf.h> */
	NAUX = AUXV_LEN / (2 * WORD),
	MAX_AUX = 64,	      /* of the kernel's */
	RANDOM_LEN = 16,
	PLATFORM_ROOM = 16,
};

static const char platform[] = "x86_64";

struct reader {
	const struct exec_layout_in *in;
	uint64_t at; /* next word's offset */
};

/* What the kernel's stack says. */
struct found {
	size_t argc, envc;
	uint64_t argv, envp;	/* offsets */
	uint64_t strings;	/* address of the lowest string */
	uint64_t phdr, phent, phnum, base, entry, execfn, vdso;
	bool has_phdr, has_entry, has_execfn;
};

static bool next_word(struct reader *r, uint64_t *ret)
{
	if (r->at > r->in->n || r->in->n - r->at < WORD)
		return false;
	memcpy(ret, r->in->stack + r->at, WORD);
	r->at += WORD;
	return true;
}

/* A string's address has to lie above the tables; the lowest one is where they must end. */
static bool see_string(const struct exec_layout_in *in, struct found *f, uint64_t addr)
{
	if (addr < in->sp || addr - in->sp >= in->n)
		return false;
	if (!f->strings || addr < f->strings)
		f->strings = addr;
	return true;
}

/* An array of pointers to strings and its NULL. */
static bool read_strings(struct reader *r, struct found *f, size_t *ret_n)
{
	uint64_t v;

	for (size_t n = 0;; n++) {
		if (!next_word(r, &v))
			return false;
		if (!v) {
			*ret_n = n;
			return true;
		}
		if (!see_string(r->in, f, v))
			return false;
	}
}

static void see_aux(struct found *f, uint64_t type, uint64_t v)
{
	switch (type) {
	case AT_PHDR:
		f->phdr = v;
		f->has_phdr = true;
		break;
	case AT_PHENT:
		f->phent = v;
		break;
	case AT_PHNUM:
		f->phnum = v;
		break;
	case AT_BASE:
		f->base = v;
		break;
	case AT_ENTRY:
		f->entry = v;
		f->has_entry = true;
		break;
	case AT_EXECFN:
		f->execfn = v;
		f->has_execfn = true;
		break;
	case AT_SYSINFO_EHDR:
		f->vdso = v;
		break;
	}
}

static bool read_aux(struct reader *r, struct found *f)
{
	uint64_t type, v;

	for (int i = 0; i < MAX_AUX; i++) {
		if (!next_word(r, &type) || !next_word(r, &v))
			return false;
		if (type == AT_NULL)
			return f->has_phdr && f->has_entry && f->has_execfn &&
			       see_string(r->in, f, f->execfn);
		see_aux(f, type, v);
	}
	return false;
}

static int read_stack(const struct exec_layout_in *in, struct found *f, struct err *e)
{
	struct reader r = { .in = in };
	uint64_t argc;

	if (in->sp % WORD || in->sp + in->n < in->sp)
		return fail(e, EBADMSG, "initial stack at %#llx", (unsigned long long) in->sp);
	if (!next_word(&r, &argc))
		return fail(e, EBADMSG, "initial stack: argc");
	f->argv = r.at;
	if (!read_strings(&r, f, &f->argc) || f->argc != argc)
		return fail(e, EBADMSG, "initial stack: argv");
	f->envp = r.at;
	if (!read_strings(&r, f, &f->envc))
		return fail(e, EBADMSG, "initial stack: environment");
	if (!read_aux(&r, f))
		return fail(e, EBADMSG, "initial stack: auxiliary vector");
	if (f->strings - in->sp < r.at)
		return fail(e, EBADMSG, "initial stack: a string within the tables");
	return 0;
}

static void place(struct exec_layout_out *o, const struct exec_layout_in *in,
	const struct found *f)
{
	size_t words = 1 + f->argc + 1 + f->envc + 1;
	uint64_t top = f->strings & ~(uint64_t) 15;

	o->random_addr = top - PLATFORM_ROOM - RANDOM_LEN;
	o->sp = (o->random_addr - AUXV_LEN - words * WORD) & ~(uint64_t) 15;
	o->argv = o->sp + WORD;
	o->envp = o->argv + (f->argc + 1) * WORD;
	o->auxv = o->envp + (f->envc + 1) * WORD;
	o->lo = o->sp < in->sp ? o->sp : in->sp;
	o->argc = f->argc;
	o->envc = f->envc;
	o->vdso = f->vdso;
	o->entry = f->entry;
	o->base = f->base;
	o->phdr = f->phdr;
	o->phnum = f->phnum;
	o->execfn = f->execfn;
}

/* Always the same entries in the same order; what newer kernels add is left out. */
static void put_auxv(uint8_t *p, const struct exec_layout_in *in, const struct found *f,
	const struct exec_layout_out *o)
{
	const uint64_t aux[NAUX][2] = {
		{ AT_HWCAP, in->hwcap },
		{ AT_PAGESZ, PAGE_SIZE },
		{ AT_CLKTCK, CLOCK_TICKS },
		{ AT_PHDR, f->phdr },
		{ AT_PHENT, f->phent },
		{ AT_PHNUM, f->phnum },
		{ AT_BASE, f->base },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, f->entry },
		{ AT_UID, in->uid },
		{ AT_EUID, in->euid },
		{ AT_GID, in->gid },
		{ AT_EGID, in->egid },
		{ AT_SECURE, in->uid != in->euid || in->gid != in->egid },
		{ AT_RANDOM, o->random_addr },
		{ AT_HWCAP2, 0 },
		{ AT_MINSIGSTKSZ_, SIGNAL_STACK_MIN },
		{ AT_EXECFN, f->execfn },
		{ AT_PLATFORM, o->random_addr + RANDOM_LEN },
		{ AT_NULL, 0 },
	};

	memcpy(p, aux, sizeof aux);
}

int exec_layout(const struct exec_layout_in *in, struct exec_layout_out *ret, struct err *e)
{
	struct exec_layout_out o = { 0 };
	struct found f = { 0 };
	uint64_t argc;
	uint8_t *p;
	size_t n;
	int r = read_stack(in, &f, e);

	if (r < 0)
		return r;
	if (f.strings < (f.argc + f.envc) * WORD + PAGE_SIZE)
		return fail(e, EBADMSG, "initial stack at %#llx", (unsigned long long) in->sp);
	place(&o, in, &f);
	n = f.strings - o.lo;
	p = buf_room(&o.bytes, n);
	if (!p)
		return fail(e, ENOMEM, "initial stack of %zu bytes", n);
	memset(p, 0, n);
	argc = f.argc;
	memcpy(p + (o.sp - o.lo), &argc, WORD);
	memcpy(p + (o.argv - o.lo), in->stack + f.argv, (f.argc + 1) * WORD);
	memcpy(p + (o.envp - o.lo), in->stack + f.envp, (f.envc + 1) * WORD);
	put_auxv(p + (o.auxv - o.lo), in, &f, &o);
	memcpy(p + (o.random_addr - o.lo), in->random, RANDOM_LEN);
	memcpy(p + (o.random_addr + RANDOM_LEN - o.lo), platform, sizeof platform);
	o.bytes.n = n;
	*ret = o;
	return 0;
}
