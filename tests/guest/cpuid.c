/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code of a file is mapped in all ways, and asks CPUID: the answers are the same. Illegal instructions
 * of one's own are signals.
 */
#include <cpuid.h>
#include <elf.h>
#include <setjmp.h>
#include <sys/mman.h>

#include "guest.h"

extern const Elf64_Ehdr __ehdr_start;
static sigjmp_buf back;
static volatile int code;

static __attribute__((noinline)) unsigned ask(unsigned leaf)
{
	unsigned a = leaf, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return a ^ b ^ c ^ d;
}

static const Elf64_Phdr *text(void)
{
	const Elf64_Phdr *p = (void *) ((char *) &__ehdr_start + __ehdr_start.e_phoff);

	while (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
		p++;
	return p;
}

static void mapped(const char *how, int prot, int flags)
{
	const Elf64_Phdr *p = text();
	uint64_t lo = p->p_vaddr & ~4095ull, at = (uint64_t) ((char *) ask - (char *) &__ehdr_start) - lo;
	size_t n = p->p_vaddr + p->p_filesz - lo;
	char *to = flags & MAP_FIXED ? mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
	int fd = open("/proc/self/exe", O_RDONLY);
	char *m = mmap(to, n, prot, flags, fd, (off_t) (p->p_offset & ~4095ull));

	CHECK(fd >= 0 && m != MAP_FAILED);
	close(fd);
	for (unsigned leaf = 0; leaf < 8; leaf++) {
		unsigned r = ((unsigned (*)(unsigned)) (m + at))(leaf);

		CHECK(r == ask(leaf));
		printf("%s %u: %08x\n", how, leaf, r);
	}
	munmap(m, n);
}

static void on_signal(int sig, siginfo_t *si, void *context)
{
	code = si->si_code;
	siglongjmp(back, sig);
}

static void illegal(const char *how, const void *insn, size_t n)
{
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int sig;

	memcpy(m, insn, n);
	mprotect(m, 4096, PROT_READ | PROT_EXEC);
	sig = sigsetjmp(back, 1);
	if (!sig)
		((void (*)(void)) m)();
	printf("%s: signal %d, code %d\n", how, sig, code);
	CHECK(sig == SIGILL && code == ILL_ILLOPN);
	munmap(m, 4096);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	mapped("where there is room", PROT_READ | PROT_EXEC, MAP_PRIVATE);
	mapped("in a place", PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED);
	sigaction(SIGILL, &sa, NULL);
	illegal("ud2", "\x0f\x0b", 2);
	illegal("d6", "\xd6\x90", 2);
	illegal("push %es", "\x06\xc3", 2);
	return 0;
}
