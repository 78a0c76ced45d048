/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code with CPUID that may never be executed as it is: what a program without a linker maps. That may
 * be one that reads code and makes its own of it, as Valgrind does, and must not find a trap there. So
 * such pages are left as in the file, but can't be executed: who does has a fault, the traps are put
 * there, and the page is code.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "shim/engine.h"

#define PAGE 4096ull

static uint64_t page_of(uint64_t at)
{
	return at & ~(PAGE - 1);
}

static bool protect(struct task *t, uint64_t insn, uint64_t page, uint64_t prot)
{
	const uint64_t a[6] = { page, PAGE, prot };
	long ret = -1;

	return tracee_inject(t, insn, SYS_mprotect, a, &ret) == 0 && ret == 0;
}

static bool is_laid(const struct mm *mm, uint64_t page)
{
	for (size_t i = 0; i < mm->ndormant; i++)
		if (page_of(mm->dormant[i].at) == page)
			return true;
	return false;
}

static void add(struct mm *mm, struct dormant s)
{
	struct dormant *all = reallocarray(mm->dormant, mm->ndormant + 1, sizeof *all);

	must_mem(all);
	mm->dormant = all;
	all[mm->ndormant++] = s;
}

bool dormant_lay(struct task *t, uint64_t at, uint64_t prot)
{
	uint64_t insn = t->regs.rip - 2;

	if (t->mm->linker)
		return false;
	if (!is_laid(t->mm, page_of(at)) && !protect(t, insn, page_of(at), prot & ~(uint64_t) PROT_EXEC))
		return false;
	add(t->mm, (struct dormant) { .at = at, .insn = insn, .prot = prot });
	return true;
}

/* Those from @lo up to @hi are dormant no longer. How many got their trap, with one of them in *@ret. */
static size_t take(struct world *w, struct task *t, uint64_t lo, uint64_t hi, bool put, struct dormant *ret)
{
	struct mm *mm = t->mm;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < mm->ndormant; i++) {
		struct dormant s = mm->dormant[i];

		if (s.at < lo || s.at >= hi) {
			mm->dormant[kept++] = s;
			continue;
		}
		if (put && traps_put(w, t, s.at)) {
			*ret = s;
			n++;
		}
	}
	mm->ndormant = kept;
	return n;
}

void dormant_forget(struct world *w, struct task *t, uint64_t lo, uint64_t len)
{
	struct dormant s;

	take(w, t, page_of(lo), page_of(lo + len + PAGE - 1), false, &s);
}

void dormant_put(struct world *w, struct task *t, uint64_t lo, uint64_t len)
{
	struct dormant s;

	take(w, t, page_of(lo), page_of(lo + len + PAGE - 1), true, &s);
}

/* An instruction is at most 15 bytes long, and may begin on the page before. */
bool dormant_wake(struct world *w, struct task *t, uint64_t at)
{
	uint64_t page = page_of(at);
	struct dormant s;

	if (!t->mm->ndormant || tracee_getregs(t) < 0 || at - t->regs.rip >= 15)
		return false;
	return take(w, t, page, page + PAGE, true, &s) && protect(t, s.insn, page, s.prot);
}

void dormant_copy(struct mm *to, const struct mm *from)
{
	for (size_t i = 0; i < from->ndormant; i++)
		add(to, from->dormant[i]);
}

bool dormant_next(const struct mm *mm, uint64_t lo, uint64_t hi, uint64_t *ret)
{
	bool found = false;

	for (size_t i = 0; mm && i < mm->ndormant; i++) {
		uint64_t page = page_of(mm->dormant[i].at);

		if (page < lo || page >= hi || (found && page >= *ret))
			continue;
		*ret = page;
		found = true;
	}
	return found;
}
