/* SPDX-License-Identifier: Apache-2.0 */
/* This program's own code has what looks like CPUID in several ways; which are it? */
#include "shim/codefile.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "tests/check.h"

extern const Elf64_Ehdr __ehdr_start;
extern const char known_site[], prefixed_site[], immediate[], data[], by_hand[], by_hand_alone[];

__asm__(".pushsection .text\n"
	".type in_tables, @function\n"
	"in_tables: .cfi_startproc\n"
	"xorl %edx, %edx\n"
	"known_site: cpuid\n"
	".byte 0x48\n"
	"prefixed_site: cpuid\n"
	".byte 0xb9\n"		       /* mov $…, %ecx */
	"immediate: .byte 0x0f, 0xa2, 0, 0\n"
	"ret\n"
	".cfi_endproc\n"
	".balign 16\n"
	".byte 0x06, 0x06, 0x06\n"
	"data: .byte 0x0f, 0xa2, 0x06\n"
	".balign 16\n"
	"push %rbx\n"		       /* code that no table knows */
	"mov %edi, %eax\n"
	"xor %ecx, %ecx\n"
	"by_hand: cpuid\n"
	"pop %rbx\n"
	"ret\n"
	".balign 16\n"
	"mov %edi, %eax\n"
	"by_hand_alone: cpuid\n"
	"ret\n"
	".popsection");

static bool has(const struct code_file *f, const char *at)
{
	uint64_t vaddr = (uint64_t) (at - (const char *) &__ehdr_start);

	if (__ehdr_start.e_type == ET_EXEC)
		vaddr = (uint64_t) (uintptr_t) at;
	for (size_t i = 0; i < f->n; i++)
		if (f->site[i].vaddr == vaddr)
			return true;
	return false;
}

static int self(void)
{
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

TEST(what_is_it)
{
	own_fd fd = self();
	struct code_file f;

	code_file_read(fd, &f);
	OK(!f.strange);
	OK(has(&f, known_site));
	OK(has(&f, prefixed_site));
	OK(!has(&f, immediate));
	OK(!has(&f, data));
	OK(has(&f, by_hand));
	OK(!has(&f, by_hand_alone)); /* by two bytes before it alone, one can't be sure */
	OK(f.doubtful >= 2);
	EQ(f.entry, __ehdr_start.e_entry);
	OK(f.interp == NULL || f.interp[0] == '/');
	code_file_free(&f);
}

TEST(each_is_where_it_is_said_to_be)
{
	own_fd fd = self();
	struct code_file f;
	uint8_t code[2];

	code_file_read(fd, &f);
	OK(f.n >= 3);
	for (size_t i = 0; i < f.n; i++) {
		EQ(pread(fd, code, 2, (off_t) f.site[i].off), 2);
		OK(code[0] == 0x0f && code[1] == 0xa2);
	}
	code_file_free(&f);
}

TEST(what_is_no_program)
{
	own_fd fd = memfd_create("text", MFD_CLOEXEC), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct code_file f;

	EQ(write(fd, "#!/bin/sh\n", 10), 10);
	code_file_read(fd, &f);
	OK(f.strange && !f.n);
	code_file_free(&f);
	code_file_read(null, &f);
	OK(f.strange && !f.n);
	code_file_free(&f);
	code_file_read(-1, &f);
	OK(f.strange && !f.n);
	code_file_free(&f);
}

/* A table whose every entry is the same large function is not gone through for ever. */
static void fill(uint8_t *p, size_t n)
{
	static const uint8_t cie[] = { 16, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 3, 0, 0, 0 };
	uint32_t fde[5] = { 16, 0, 0x100000, 0x100000, 0 };

	memcpy(p, cie, sizeof cie);
	for (size_t at = sizeof cie; at + sizeof fde + 4 < n; at += sizeof fde) {
		fde[1] = (uint32_t) at + 4;
		memcpy(p + at, fde, sizeof fde);
	}
}

TEST(tables_that_repeat)
{
	enum { TABLE = 0x1000, CODE_AT = 0x100000, ALL = 0x200000 };
	own_fd fd = memfd_create("hostile", MFD_CLOEXEC);
	uint8_t *p = calloc(1, ALL);
	Elf64_Ehdr h = { .e_ident = ELFMAG, .e_machine = EM_X86_64, .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2, .e_phoff = sizeof h };
	const Elf64_Phdr ph[2] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = ALL, .p_memsz = ALL },
		{ .p_type = PT_GNU_EH_FRAME, .p_offset = 0x800, .p_vaddr = 0x800, .p_filesz = 12 },
	};
	const uint8_t hdr[8] = { 1, 3, 0xff, 0xff, 0, 0x10, 0, 0 };
	struct code_file f;

	h.e_ident[EI_CLASS] = ELFCLASS64;
	memcpy(p, &h, sizeof h);
	memcpy(p + sizeof h, ph, sizeof ph);
	memcpy(p + 0x800, hdr, sizeof hdr);
	fill(p + TABLE, CODE_AT - TABLE);
	memset(p + CODE_AT, 0x90, ALL - CODE_AT);
	memcpy(p + ALL - 2, "\x0f\xa2", 2);
	EQ(write(fd, p, ALL), ALL);
	code_file_read(fd, &f);
	OK(f.strange && !f.n);
	code_file_free(&f);
	free(p);
}

/* Bytes of headers and tables changed here and there: nothing is read that isn't there. */
TEST(damaged_ones)
{
	own_fd from = self(), fd = memfd_create("damaged", MFD_CLOEXEC);
	struct stat st;
	struct code_file f;
	uint8_t *p;
	uint32_t r = 1;

	fstat(from, &st);
	p = malloc((size_t) st.st_size);
	EQ(read(from, p, (size_t) st.st_size), st.st_size);
	for (unsigned i = 0; i < 100; i++) {
		size_t limit = i & 1 ? 4096 : (size_t) st.st_size;

		for (unsigned k = 0; k < (i & 1 ? 3 : 2000); k++) {
			r = r * 1664525 + 1013904223;
			p[64 + (r >> 8) % (limit - 64)] = (uint8_t) (r >> 3);
		}
		EQ(pwrite(fd, p, (size_t) st.st_size, 0), st.st_size);
		code_file_read(fd, &f);
		OK(f.n < 1 << 16);
		code_file_free(&f);
		pread(from, p, (size_t) st.st_size, 0);
	}
	free(p);
}

CHECK_MAIN
