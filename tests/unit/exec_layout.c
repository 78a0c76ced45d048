/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/exec_layout.h"

#include <elf.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "tests/check.h"

enum { STACK = 4096, WORDS = STACK / 8 };

/* A stack as some kernel might have made it, at any address. */
struct fake {
	uint64_t sp, w[WORDS];
	size_t nw;	/* words of the tables */
	size_t strings; /* offset of the first string */
	char *s;
	size_t ns;
};

static uint64_t put_string(struct fake *k, const char *s)
{
	char *at = (char *) k->w + k->strings + k->ns;

	memcpy(at, s, strlen(s) + 1);
	k->ns += strlen(s) + 1;
	return k->sp + (uint64_t) (at - (char *) k->w);
}

static void put_list(struct fake *k, const char *const *list)
{
	for (; *list; list++)
		k->w[k->nw++] = put_string(k, *list);
	k->w[k->nw++] = 0;
}

static void put_aux(struct fake *k, uint64_t type, uint64_t v)
{
	k->w[k->nw++] = type;
	k->w[k->nw++] = v;
}

static const char *const argv2[] = { "sh", "-c", NULL };
static const char *const env3[] = { "A=1", "LANG=C", "HOME=/", NULL };

/*
 * @extra: how many more words the tables and the host's own data take than on another kernel;
 * the strings are at the same address whatever it is.
 */
static void fake_kernel(struct fake *k, unsigned extra, const char *const *argv,
	const char *const *env)
{
	size_t argc = 0;

	memset(k, 0, sizeof *k);
	k->strings = 1001 + 16 * (size_t) extra;
	k->sp = 0x7ffffffff000 - 2048 - 16 * (uint64_t) extra;
	while (argv[argc])
		argc++;
	memset(k->w, 0xee, sizeof k->w); /* the host's bytes: none may remain */
	k->w[k->nw++] = argc;
	put_list(k, argv);
	put_list(k, env);
	put_aux(k, AT_SYSINFO_EHDR, 0x7ffff7fc1000);
	put_aux(k, AT_HWCAP, 0xbfebfbff);
	for (unsigned i = 0; i < extra; i++)
		put_aux(k, 1000 + i, 0xdead);
	put_aux(k, AT_PHDR, 0x555555554040);
	put_aux(k, AT_PHENT, 56);
	put_aux(k, AT_PHNUM, 13);
	put_aux(k, AT_BASE, 0x7ffff7fc3000);
	put_aux(k, AT_ENTRY, 0x555555555070);
	put_aux(k, AT_SECURE, 1);
	put_aux(k, AT_EXECFN, put_string(k, "/bin/sh"));
	put_aux(k, AT_NULL, 0);
}

static struct exec_layout_in input(const struct fake *k)
{
	return (struct exec_layout_in){
		.sp = k->sp,
		.stack = (const uint8_t *) k->w,
		.n = k->strings + k->ns,
		.random = "0123456789abcde",
		.uid = 1,
		.gid = 2,
		.euid = 1,
		.egid = 2,
		.hwcap = 0x1234,
	};
}

/* The memory after the new bytes are written over the old. */
static void apply(const struct fake *k, const struct exec_layout_out *o, uint8_t *mem,
	uint64_t from)
{
	memset(mem, 0, 2 * STACK);
	memcpy(mem + (k->sp - from), k->w, k->strings + k->ns);
	memcpy(mem + (o->lo - from), o->bytes.p, o->bytes.n);
}

static uint64_t word_at(const struct exec_layout_out *o, uint64_t addr)
{
	uint64_t v;

	memcpy(&v, o->bytes.p + (addr - o->lo), 8);
	return v;
}

static uint64_t aux_of(const struct exec_layout_out *o, uint64_t type)
{
	for (uint64_t p = o->auxv; p < o->auxv + AUXV_LEN; p += 16)
		if (word_at(o, p) == type)
			return word_at(o, p + 8);
	return 0xffffffff;
}

TEST(keeps_the_programs_own)
{
	struct exec_layout_out o = { 0 };
	struct exec_layout_in in;
	struct fake k;

	fake_kernel(&k, 3, argv2, env3);
	in = input(&k);
	EQ(exec_layout(&in, &o, NULL), 0);
	EQ(o.sp % 16, 0);
	EQ(o.argc, 2);
	EQ(o.envc, 3);
	EQ(word_at(&o, o.sp), 2);
	EQ(word_at(&o, o.argv), k.w[1]);
	EQ(word_at(&o, o.argv + 16), 0);
	EQ(word_at(&o, o.envp + 16), k.w[6]);
	EQ(word_at(&o, o.envp + 24), 0);
	EQ(o.auxv, o.envp + 32);
	EQ(o.vdso, 0x7ffff7fc1000);
	EQ(o.entry, 0x555555555070);
	EQ(o.base, 0x7ffff7fc3000);
	EQ(o.phnum, 13);
	EQ(o.lo + o.bytes.n, k.sp + k.strings);
	EQ(aux_of(&o, AT_SYSINFO_EHDR), 0xffffffff);
	EQ(aux_of(&o, 1001), 0xffffffff);
	EQ(aux_of(&o, AT_HWCAP), 0x1234);
	EQ(aux_of(&o, AT_PHDR), 0x555555554040);
	EQ(aux_of(&o, AT_SECURE), 0);
	EQ(aux_of(&o, AT_GID), 2);
	EQ(aux_of(&o, AT_EXECFN), o.execfn);
	EQ(aux_of(&o, AT_NULL), 0);
	EQ(aux_of(&o, AT_RANDOM), o.random_addr);
	OK(!memcmp(o.bytes.p + (o.random_addr - o.lo), "0123456789abcde", 16));
	STREQ((char *) o.bytes.p + (aux_of(&o, AT_PLATFORM) - o.lo), "x86_64");
	buf_free(&o.bytes);
}

/* Kernels that leave fewer or more words, below and above where the new tables begin. */
TEST(every_kernel_gives_one_stack)
{
	static uint8_t mem[2][2 * STACK];
	uint64_t sp = 0;

	for (unsigned extra = 0; extra < 20; extra++) {
		struct exec_layout_out o = { 0 };
		struct exec_layout_in in;
		struct fake k;
		uint64_t from = 0x7ffffffff000 - 2 * STACK;

		fake_kernel(&k, extra, argv2, env3);
		in = input(&k);
		EQ(exec_layout(&in, &o, NULL), 0);
		apply(&k, &o, mem[extra > 0], from);
		if (extra == 0)
			sp = o.sp;
		EQ(o.sp, sp);
		EQ(memcmp(mem[0], mem[extra > 0], sizeof mem[0]), 0);
		buf_free(&o.bytes);
	}
	for (size_t i = 0; i < sizeof mem[0]; i++)
		if (mem[0][i] == 0xee)
			CHECK_FAIL("a byte of the host remains at %zu", i);
}

TEST(arguments_and_environment_of_any_length)
{
	const char *many[60] = { NULL };

	for (int n = 0; n < 40; n++) {
		struct exec_layout_out o = { 0 };
		struct exec_layout_in in;
		struct fake k;

		fake_kernel(&k, 2, many, n % 3 ? env3 : many);
		in = input(&k);
		EQ(exec_layout(&in, &o, NULL), 0);
		EQ(o.sp % 16, 0);
		EQ(o.argc, n);
		EQ(o.bytes.n, k.sp + k.strings - o.lo);
		OK(o.auxv + AUXV_LEN <= o.random_addr);
		buf_free(&o.bytes);
		many[n] = "x";
	}
}

/* No prefix of a good stack is good, and none is read beyond its end. */
TEST(short_stacks_are_refused)
{
	struct exec_layout_in in;
	struct fake k;

	fake_kernel(&k, 1, argv2, env3);
	in = input(&k);
	for (size_t n = 0; n < k.nw * 8; n++) {
		struct exec_layout_out o = { .argc = 77 };
		own_free uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, k.w, n);
		in.stack = copy;
		in.n = n;
		EQ(exec_layout(&in, &o, NULL), -EBADMSG);
		EQ(o.argc, 77);
	}
}

static int broken(struct fake *k)
{
	struct exec_layout_out o = { 0 };
	struct exec_layout_in in = input(k);
	struct err e = ERR_INIT;
	int r = exec_layout(&in, &o, &e);

	if (r < 0)
		HAS(e.msg, "initial stack");
	buf_free(&o.bytes);
	return r;
}

TEST(lies_are_refused)
{
	struct fake k;

	fake_kernel(&k, 1, argv2, env3);
	k.w[0] = 3; /* argc */
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 1, argv2, env3);
	k.w[1] = k.sp; /* a string in the tables */
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 1, argv2, env3);
	k.w[1] = k.sp - 1;
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 1, argv2, env3);
	k.w[1] = k.sp + k.strings + k.ns;
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 1, argv2, env3);
	k.sp += 4;
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 1, argv2, env3);
	k.sp = UINT64_MAX - 7;
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 1, argv2, env3);
	k.w[k.nw - 2] = 7; /* no AT_NULL */
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 1, argv2, env3);
	k.w[k.nw - 4] = 7; /* no AT_EXECFN */
	EQ(broken(&k), -EBADMSG);
	fake_kernel(&k, 70, argv2, env3); /* endless */
	EQ(broken(&k), -EBADMSG);
}

/* This process's own: where the kernel put argc, found from the environment. */
TEST(a_real_stack)
{
	extern char **environ;
	uint64_t **p = (uint64_t **) environ - 1, argc = 0; /* argv's NULL */
	const char *fn = (const char *) getauxval(AT_EXECFN), *end = fn + strlen(fn) + 1;
	struct exec_layout_out o = { 0 };
	struct exec_layout_in in;
	struct err e = ERR_INIT;

	while ((uint64_t) p[-1] != argc)
		argc++, p--;
	p--;
	in = (struct exec_layout_in){ .sp = (uint64_t) p, .stack = (const uint8_t *) p,
		.n = (size_t) (end - (const char *) p) };
	EQ(exec_layout(&in, &o, &e), 0);
	STREQ(e.msg, "");
	EQ(o.argc, argc);
	EQ(o.entry, getauxval(AT_ENTRY));
	EQ(o.phdr, getauxval(AT_PHDR));
	EQ(o.base, getauxval(AT_BASE));
	EQ(o.vdso, getauxval(AT_SYSINFO_EHDR));
	EQ(o.execfn, getauxval(AT_EXECFN));
	EQ(aux_of(&o, AT_CLKTCK), getauxval(AT_CLKTCK));
	EQ(aux_of(&o, AT_PAGESZ), getauxval(AT_PAGESZ));
	EQ(aux_of(&o, AT_PHENT), getauxval(AT_PHENT));
	EQ(word_at(&o, o.envp), environ[0]);
	/* with address randomisation the kernel leaves a gap of up to two pages */
	OK(o.bytes.n < 3 * STACK + 16 * (o.argc + o.envc));
	buf_free(&o.bytes);
}

/* How many bytes at @sp can be read, a page at a time: up to the end of the stack. */
static size_t read_up(pid_t pid, uint64_t sp, uint8_t *to, size_t max)
{
	size_t n = 0, step;

	for (; n < max; n += step) {
		uint64_t at = sp + n;
		struct iovec here = { to + n }, there = { (void *) at };

		step = 4096 - at % 4096;
		if (step > max - n)
			step = max - n;
		here.iov_len = there.iov_len = step;
		if (process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t) step)
			break;
	}
	return n;
}

/* At the stop after exec: put the new stack in place. */
static int replace_stack(pid_t pid)
{
	static uint8_t stack[1 << 20];
	struct user_regs_struct regs;
	struct exec_layout_out o = { 0 };
	struct exec_layout_in in = { .stack = stack };
	struct iovec here, there;
	ssize_t r;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return -1;
	in.sp = regs.rsp;
	in.n = read_up(pid, in.sp, stack, sizeof stack);
	if (exec_layout(&in, &o, NULL) < 0)
		return -1;
	here = (struct iovec){ o.bytes.p, o.bytes.n };
	there = (struct iovec){ (void *) o.lo, o.bytes.n };
	r = process_vm_writev(pid, &here, 1, &there, 1, 0);
	buf_free(&o.bytes);
	regs.rsp = o.sp;
	return r == (ssize_t) there.iov_len ? (int) ptrace(PTRACE_SETREGS, pid, NULL, &regs) : -1;
}

/* A real program of the host lives with a stack of ours. */
TEST(a_real_program)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execle("/bin/sh", "sh", "-c", "test \"$0 $A\" = 'x y z' && exit 7", "x", (char *) NULL,
			(char *const[]){ (char[]){ "A=y z" }, NULL });
		_exit(1);
	}
	EQ(waitpid(pid, &status, 0), pid);
	OK(WIFSTOPPED(status));
	if (!WIFSTOPPED(status))
		return;
	EQ(replace_stack(pid), 0);
	EQ(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 7 << 8);
}

CHECK_MAIN
