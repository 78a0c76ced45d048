/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID answered in place: a linker of our own in our own memory, patched and executed. */
#include <cpuid.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/engine.h"
#include "tests/check.h"

enum { SIZE = 8192, TEXT_END = 0x300, LEAF = 0x100, BOTH = 0x140, STORE = 0x180, WORD = 0x1c0, TIME = 0x200 };

struct lab {
	struct shim_opts o;
	struct world w;
	struct task t;
	struct mm mm;
	uint8_t *p;
};

/* void f(uint32_t ret[4], uint32_t ecx, uint32_t eax): push, mov, …, stores, pop, ret */
static size_t put_function(uint8_t *p, const uint8_t *ask, size_t n)
{
	static const uint8_t head[] = { 0x53, 0x49, 0x89, 0xf8 };
	static const uint8_t tail[] = { 0x0f, 0xa2, 0x41, 0x89, 0x00, 0x41, 0x89, 0x58, 0x04, 0x41, 0x89,
		0x48, 0x08, 0x41, 0x89, 0x50, 0x0c, 0x5b, 0xc3 };

	memcpy(p, head, sizeof head);
	memcpy(p + sizeof head, ask, n);
	memcpy(p + sizeof head + n, tail, sizeof tail);
	return sizeof head + n; /* where its CPUID is */
}

static const uint8_t ask_leaf[] = { 0xb8, 2, 0, 0, 0 };
static const uint8_t ask_both[] = { 0xb8, 7, 0, 0, 0, 0x89, 0xf1 };
static const uint8_t ask_word[] = { 0x89, 0xd0, 0xc7, 0x44, 0x24, 0xf8, 5, 0, 0, 0 };
/* uint64_t f(uint64_t was): mov, xor, 5 bytes of nothing, rdtsc, mov, ret */
static const uint8_t ask_time[] = { 0x48, 0x89, 0xf8, 0x31, 0xd2, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x0f, 0x31,
	0x48, 0x89, 0xc0, 0xc3 };
enum { RDTSC = TIME + 10 };
static const uint8_t ask_store[] = { 0x89, 0xd0, 0xc6, 0x44, 0x24, 0xf8, 5 };

static void build(struct lab *l)
{
	Elf64_Ehdr *h;
	Elf64_Phdr *ph;

	l->p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	h = (Elf64_Ehdr *) l->p;
	ph = (Elf64_Phdr *) (h + 1);
	memcpy(h->e_ident, ELFMAG, SELFMAG);
	h->e_ident[EI_CLASS] = ELFCLASS64;
	h->e_phentsize = sizeof *ph;
	h->e_phnum = 1;
	h->e_phoff = sizeof *h;
	*ph = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = TEXT_END,
		.p_memsz = TEXT_END };
	put_function(l->p + LEAF, ask_leaf, sizeof ask_leaf);
	put_function(l->p + BOTH, ask_both, sizeof ask_both);
	put_function(l->p + STORE, ask_store, sizeof ask_store);
	put_function(l->p + WORD, ask_word, sizeof ask_word);
	memcpy(l->p + TIME, ask_time, sizeof ask_time);
	mprotect(l->p, SIZE, PROT_READ | PROT_EXEC);
	l->o.cpus = 1;
	l->w.o = &l->o;
	l->w.ops = &tracee_real;
	l->w.cpu = cpu_model_find(NULL);
	l->w.host_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	l->mm.linker = (uint64_t) (uintptr_t) l->p;
	l->t.pid = getpid();
	l->t.mm = &l->mm;
}

static void drop(struct lab *l)
{
	munmap(l->p, SIZE);
	close(l->w.host_proc);
}

static void learn(struct lab *l, unsigned at, size_t ask, uint32_t leaf, uint32_t subleaf)
{
	patch_learn_cpuid(&l->w, &l->t, l->mm.linker + at + 4 + ask, leaf, subleaf);
}

static void learn_all(struct lab *l)
{
	learn(l, LEAF, sizeof ask_leaf, 2, 77);
	learn(l, BOTH, sizeof ask_both, 7, 0);
	learn(l, STORE, sizeof ask_store, 2, 0);
	learn(l, WORD, sizeof ask_word, 0, 0);
	patch_learn_rdtsc(&l->w, &l->t, l->mm.linker + RDTSC);
}

typedef void asks(uint32_t ret[4], uint32_t ecx, uint32_t eax);

static bool answers_model(const struct lab *l, unsigned at, uint32_t ecx, uint32_t eax, uint32_t leaf)
{
	uint32_t got[4] = { 0 }, want[4];

	((asks *) (uintptr_t) (l->p + at))(got, ecx, eax);
	cpu_cpuid(l->w.cpu, leaf, ecx, 1, want);
	return !memcmp(got, want, sizeof got);
}

static bool answers_host(const struct lab *l, unsigned at, uint32_t ecx, uint32_t eax, uint32_t leaf)
{
	uint32_t got[4] = { 0 }, want[4];

	((asks *) (uintptr_t) (l->p + at))(got, ecx, eax);
	__cpuid_count(leaf, ecx, want[0], want[1], want[2], want[3]);
	return !memcmp(got, want, sizeof got);
}

TEST(the_model_answers)
{
	struct lab l = { 0 };

	build(&l);
	learn_all(&l);
	EQ(l.w.insns.n, 5);
	patch_apply(&l.w, &l.t);
	EQ(l.p[LEAF + 4], 0xe9);
	OK(answers_model(&l, LEAF, 5, 0, 2));
	OK(answers_model(&l, BOTH, 0, 0, 7));
	OK(answers_model(&l, STORE, 9, 2, 2));
	OK(answers_model(&l, WORD, 9, 0, 0));
	drop(&l);
}

TEST(the_counter_is_not_asked)
{
	struct lab l = { 0 };

	build(&l);
	patch_learn_rdtsc(&l.w, &l.t, l.mm.linker + RDTSC + 2); /* there is none */
	patch_learn_rdtsc(&l.w, &l.t, l.mm.linker + SIZE - 2);	/* that is not its code */
	EQ(l.w.insns.n, 0);
	patch_learn_rdtsc(&l.w, &l.t, l.mm.linker + RDTSC);
	EQ(l.w.insns.n, 1);
	patch_apply(&l.w, &l.t);
	EQ(((uint64_t(*)(uint64_t)) (uintptr_t) (l.p + TIME))(77), 77);
	EQ(l.p[RDTSC + 2], 0x48);
	EQ(l.p[TEXT_END], 0);
	drop(&l);
}

TEST(code_across_pages)
{
	struct lab l = { 0 };
	struct text x;

	build(&l);
	EQ(text_open(&l.w, &l.t, &x), 0);
	text_put(&x, l.mm.linker + 4094, "abcd", 4);
	OK(text_is(&x, l.mm.linker + 4094, "abcd", 4));
	OK(!text_is(&x, l.mm.linker + 4094, "abce", 4));
	text_put(&x, l.mm.linker + 9, "e", 1);
	OK(text_close(&x));
	OK(!memcmp(l.p + 4094, "abcd", 4) && l.p[9] == 'e');
	EQ(text_open(&l.w, &l.t, &x), 0);
	text_put(&x, 16, "a", 1); /* nothing is there */
	text_put(&x, l.mm.linker + 9, "f", 1); /* nor is more written */
	OK(!text_close(&x));
	EQ(l.p[9], 'e');
	drop(&l);
}

TEST(other_questions_reach_the_instruction)
{
	struct lab l = { 0 };

	build(&l);
	learn_all(&l);
	patch_apply(&l.w, &l.t);
	OK(answers_host(&l, BOTH, 1, 0, 7));
	OK(answers_host(&l, STORE, 0, 0x80000002, 0x80000002));
	EQ(l.p[STORE + 4 + sizeof ask_store], 0x0f); /* it is still there */
	EQ(l.p[STORE + 5 + sizeof ask_store], 0xa2);
	drop(&l);
}

TEST(a_site_is_learnt_once)
{
	struct lab l = { 0 };

	build(&l);
	learn_all(&l);
	learn_all(&l);
	EQ(l.w.insns.n, 5);
	drop(&l);
}

TEST(another_linker_is_left_alone)
{
	struct lab l = { 0 };

	build(&l);
	learn_all(&l);
	mprotect(l.p, SIZE, PROT_READ | PROT_WRITE);
	l.p[BOTH + 4 + 1] = 1; /* another leaf */
	patch_apply(&l.w, &l.t);
	EQ(l.p[LEAF + 4], 0xb8);
	l.p[BOTH + 4 + 1] = 7;
	l.p[TEXT_END + 20] = 1; /* its room is not empty */
	patch_apply(&l.w, &l.t);
	EQ(l.p[LEAF + 4], 0xb8);
	EQ(l.p[TEXT_END], 0);
	l.p[TEXT_END + 20] = 0;
	patch_apply(&l.w, &l.t);
	EQ(l.p[LEAF + 4], 0xe9);
	drop(&l);
}

TEST(what_may_be_part_of_another_instruction_is_not_learnt)
{
	struct lab l = { 0 };

	build(&l);
	mprotect(l.p, SIZE, PROT_READ | PROT_WRITE);
	l.p[LEAF + 3] = 0x41; /* mov $2, %r8d */
	learn(&l, LEAF, sizeof ask_leaf, 2, 0);
	EQ(l.w.insns.n, 0);
	learn(&l, BOTH, sizeof ask_both, 4, 0); /* not what the code says */
	EQ(l.w.insns.n, 0);
	learn(&l, STORE, sizeof ask_store, 4, 0); /* depends on the subleaf, too */
	EQ(l.w.insns.n, 0);
	drop(&l);
}

CHECK_MAIN
