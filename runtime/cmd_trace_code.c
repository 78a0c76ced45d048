/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detrun trace code: where the programs and libraries of a run have instructions that no supervisor
 * can trap. A pattern of bytes says that code may use one, never that it did: docs/decisions.
 */
#include <elf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/map.h"
#include "runtime/base/own.h"
#include "runtime/cmd_trace.h"
#include "shim/cpu.h"

enum { KINDS = CPU_HIT_XTEST + 1, KEEP = 65536, PATH_BYTES = 4096 };

struct code {
	int root;
	bool jsonl;
	struct map seen; /* (dev, ino): looked at */
	struct cpu_hit *hit;
	size_t files, with;
};

static void code_drop(struct code *c)
{
	own_fd_drop(&c->root);
	map_free(&c->seen);
	free(c->hit);
}

/* --- one file ---------------------------------------------------------------------------- */

static void count_segment(struct code *c, const uint8_t *p, size_t n, unsigned count[KINDS])
{
	size_t found = cpu_scan_code(p, n, c->hit, KEEP);

	for (size_t i = 0; i < found && i < KEEP; i++)
		if (c->hit[i].likely)
			count[c->hit[i].kind]++;
}

/* The program headers are as hostile as the rest of the file. False: not an x86-64 ELF file. */
static bool count_elf(struct code *c, const uint8_t *p, size_t n, unsigned count[KINDS])
{
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	memcpy(&h, p, sizeof h);
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64 ||
		h.e_machine != EM_X86_64 || h.e_phentsize != sizeof ph || h.e_phoff > n ||
		(n - h.e_phoff) / sizeof ph < h.e_phnum)
		return false;
	for (unsigned i = 0; i < h.e_phnum; i++) {
		memcpy(&ph, p + h.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_LOAD && ph.p_flags & PF_X && ph.p_offset <= n &&
			ph.p_filesz <= n - ph.p_offset)
			count_segment(c, p + ph.p_offset, ph.p_filesz, count);
	}
	return true;
}

static void say(struct code *c, const char *path, const unsigned count[KINDS])
{
	own_buf b = { 0 };
	struct json_out o = { .b = &b };
	unsigned all = 0;

	for (int k = 0; k < KINDS; k++)
		all += count[k];
	if (!all)
		return;
	c->with++;
	json_open(&o, '{');
	json_kstr(&o, "path", path);
	for (int k = 0; k < KINDS; k++) {
		if (!count[k])
			continue;
		json_kint(&o, cpu_hit_name((enum cpu_hit_kind) k), count[k]);
		if (!c->jsonl)
			printf("%s %u  ", cpu_hit_name((enum cpu_hit_kind) k), count[k]);
	}
	json_close(&o, '}');
	if (!c->jsonl)
		puts(path);
	else if (!b.failed)
		printf("%.*s\n", (int) b.n, (char *) b.p);
}

static void look(struct code *c, const char *path)
{
	own_fd fd = openat_beneath(c->root, path, O_RDONLY | O_NONBLOCK, 0, RESOLVE_IN_ROOT);
	unsigned count[KINDS] = { 0 };
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_size < (off_t) sizeof(Elf64_Ehdr) || map_get(&c->seen, st.st_dev, st.st_ino))
		return;
	must_mem(map_put(&c->seen, st.st_dev, st.st_ino, 1) == 0);
	p = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return;
	if (count_elf(c, p, (size_t) st.st_size, count)) {
		c->files++;
		say(c, path, count);
	}
	munmap(p, (size_t) st.st_size);
}

/* --- the trace --------------------------------------------------------------------------- */

/* Whatever was started or opened by an absolute path; what is no program is passed over. */
static void look_at_event(struct code *c, const struct event *ev)
{
	char path[PATH_BYTES];

	if (ev->kind != EV_EXEC && (ev->kind != EV_SYSCALL || !ev->has_res || ev->res < 0))
		return;
	for (unsigned i = 0; i < ev->nval; i++) {
		const struct ev_val *v = &ev->val[i];

		if (v->type != EV_STR || !v->n || v->n >= sizeof path ||
			*(const char *) v->p != '/')
			continue;
		memcpy(path, v->p, v->n);
		path[v->n] = '\0';
		look(c, path);
	}
}

int trace_code(const struct trace_args *a, struct err *e)
{
	own_cleanup(code_drop) struct code c = { .root = -1, .jsonl = a->jsonl };
	own_trace r = NULL;
	struct event ev;
	int err = trace_open_path(a->pos[0], &r, e);

	if (err < 0)
		return err;
	c.root = open(a->pos[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c.root < 0)
		return fail(e, errno, "open the root file system %s", a->pos[1]);
	c.hit = malloc(KEEP * sizeof *c.hit);
	must_mem(c.hit);
	while ((err = trace_next_kept(r, &ev, e)) > 0)
		look_at_event(&c, &ev);
	if (err < 0)
		return err;
	if (!a->jsonl)
		printf("%zu of %zu programs and libraries have code that may not be trapped\n", c.with,
			c.files);
	return trace_flush(e);
}
