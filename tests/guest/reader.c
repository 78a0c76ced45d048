/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program without a linker (it is the linker itself that is executed) maps code that asks CPUID, and
 * finds there, and in its list of mappings, what is in the file. It executes it all the same, in all ways: the answers are the CPU
 * model's. Who writes there has a fault.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "guest.h"

extern const Elf64_Ehdr __ehdr_start;
static sigjmp_buf back;
static int self;
static size_t len;
static off_t off;

/* On a page of its own: it is not executed with the rest of this program. */
static __attribute__((noinline, aligned(4096))) unsigned ask(unsigned leaf)
{
	unsigned a = leaf, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return a ^ b ^ c ^ d;
}

static bool shown_as_code(const char *m)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char perms[5] = "", line[512];
	bool shown = false;

	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 && start == (unsigned long) m)
			shown = end == ((start + len + 4095) & ~4095ul) && !strcmp(perms, "r-xp");
	fclose(maps);
	return shown;
}

static __attribute__((aligned(4096))) char *map(int flags)
{
	char *to = flags & MAP_FIXED ? mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
	char *m = mmap(to, len, PROT_READ | PROT_EXEC, MAP_PRIVATE | flags, self, off);
	char *file = malloc(len);

	CHECK(m != MAP_FAILED && pread(self, file, len, off) == (ssize_t) len);
	CHECK(!memcmp(m, file, len));
	CHECK(shown_as_code(m));
	free(file);
	return m;
}

static void executed(const char *how, char *m)
{
	size_t at = (size_t) ((char *) ask - (char *) &__ehdr_start - off);

	for (unsigned leaf = 0; leaf < 3; leaf++) {
		unsigned r = ((unsigned (*)(unsigned)) (m + at))(leaf);

		CHECK(r == ask(leaf));
		printf("%s %u: %08x\n", how, leaf, r);
	}
	CHECK(shown_as_code(m));
	fflush(stdout);
}

static void by_two(char *m)
{
	if (!fork()) {
		executed("in a child", m);
		_exit(0);
	}
	wait(NULL);
	executed("in its parent", m);
}

static void on_segv(int sig, siginfo_t *si, void *context)
{
	siglongjmp(back, si->si_code);
}

static void written(char *m)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	int code;

	sigaction(SIGSEGV, &sa, NULL);
	code = sigsetjmp(back, 1);
	if (!code)
		*(volatile char *) (m + ((char *) ask - (char *) &__ehdr_start - off)) = 0;
	CHECK(code == SEGV_ACCERR);
}

int main(int argc, char **argv)
{
	const Elf64_Phdr *p = (void *) ((char *) &__ehdr_start + __ehdr_start.e_phoff);
	char *m;

	if (argc == 1)
		execl("/lib64/ld-linux-x86-64.so.2", "ld.so", argv[0], "again", NULL);
	while (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
		p++;
	off = (off_t) p->p_offset;
	len = p->p_filesz;
	self = open(argv[0], O_RDONLY);
	executed("where there is room", map(0));
	executed("in a place", map(MAP_FIXED));
	by_two(map(0));
	m = map(MAP_FIXED);
	CHECK(!mprotect(m, len, PROT_READ | PROT_EXEC));
	executed("made code again", m);
	m = map(0);
	CHECK(!syscall(SYS_pkey_mprotect, m, len, PROT_READ | PROT_EXEC, -1));
	executed("by another call", m);
	m = map(0);
	written(m);
	executed("after a fault", m);
	return 0;
}
