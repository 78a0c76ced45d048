/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices a container may open or make: nothing but what config.json allows, and the standard
 * devices of every container. v1 has a list in the kernel, v2 a program that is asked each time.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_res.h"

/* Making any node is harmless where it can't be opened. */
static const struct spec_dev_rule standard[] = {
	{ true, 'c', -1, -1, false, false, true },
	{ true, 'b', -1, -1, false, false, true },
	{ true, 'c', 1, 3, true, true, true },	  /* null */
	{ true, 'c', 1, 8, true, true, true },	  /* random */
	{ true, 'c', 1, 7, true, true, true },	  /* full */
	{ true, 'c', 5, 0, true, true, true },	  /* tty */
	{ true, 'c', 1, 5, true, true, true },	  /* zero */
	{ true, 'c', 1, 9, true, true, true },	  /* urandom */
	{ true, 'c', 136, -1, true, true, true }, /* pts */
	{ true, 'c', 5, 2, true, true, true },	  /* ptmx */
};

static bool whole(const struct spec_dev_rule *d)
{
	return d->type == 'a' && d->major < 0 && d->minor < 0 && d->r && d->w && d->m;
}

/* --- v1 ---------------------------------------------------------------------------------- */

static int number(int64_t v, char *to, size_t n)
{
	return v < 0 ? snprintf(to, n, "*") : snprintf(to, n, "%" PRId64, v);
}

static int write_rule(const struct cg_dir *d, const struct spec_dev_rule *x, char type,
	struct err *e)
{
	char major[32], minor[32], line[96];

	number(x->major, major, sizeof major);
	number(x->minor, minor, sizeof minor);
	snprintf(line, sizeof line, "%c %s:%s %s%s%s", type, major, minor, x->r ? "r" : "",
		x->w ? "w" : "", x->m ? "m" : "");
	return cg_write(d, x->allow ? "devices.allow" : "devices.deny", line, e);
}

/* To the kernel, "a" is all devices whatever numbers follow. */
static int set_v1(const struct cg_dir *d, const struct spec_dev_rule *x, struct err *e)
{
	int r;

	if (whole(x))
		return cg_write(d, x->allow ? "devices.allow" : "devices.deny", "a", e);
	if (x->type != 'a')
		return write_rule(d, x, x->type, e);
	r = write_rule(d, x, 'c', e);
	return r ? r : write_rule(d, x, 'b', e);
}

static int apply_v1(const struct cg_dir *d, const struct spec_dev_rule *list, size_t n,
	struct err *e)
{
	int r = cg_write(d, "devices.deny", "a", e);

	for (size_t i = 0; i < n && !r; i++)
		r = set_v1(d, &list[i], e);
	return r;
}

/* --- v2 ---------------------------------------------------------------------------------- */

enum { TYPE = BPF_REG_2, ACCESS = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5 };
enum { ALL = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };

static void put(struct buf *b, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int64_t imm)
{
	struct bpf_insn i = { .code = code, .off = off, .imm = (int32_t) imm };

	i.dst_reg = dst & 15;
	i.src_reg = src & 15;
	buf_put(b, &i, sizeof i);
}

static void put_load(struct buf *b, uint8_t reg, size_t at)
{
	put(b, BPF_LDX | BPF_MEM | BPF_W, reg, BPF_REG_1, (int16_t) at, 0);
}

static void put_answer(struct buf *b, bool allow)
{
	put(b, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
	put(b, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int access_of(const struct spec_dev_rule *x)
{
	return (x->m ? BPF_DEVCG_ACC_MKNOD : 0) | (x->r ? BPF_DEVCG_ACC_READ : 0) |
	       (x->w ? BPF_DEVCG_ACC_WRITE : 0);
}

/*
 * The later rule wins, so the last comes first. What a rule allows is taken off what is asked; the
 * answer is yes as soon as nothing is left, and no as soon as a rule denies some of it.
 */
static void put_rule(struct buf *b, const struct spec_dev_rule *x)
{
	const uint8_t jne = BPF_JMP32 | BPF_JNE | BPF_K;
	struct {
		uint8_t reg;
		int64_t v;
		bool any;
	} is[] = {
		{ TYPE, x->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, x->type == 'a' },
		{ MAJOR, x->major, x->major < 0 },
		{ MINOR, x->minor, x->minor < 0 },
	};
	int16_t left = 4; /* instructions up to the end of the rule */

	left = (int16_t) (left + !x->allow + !is[0].any + !is[1].any + !is[2].any);
	for (size_t i = 0; i < ARRAY_LEN(is); i++)
		if (!is[i].any)
			put(b, jne, is[i].reg, 0, --left, is[i].v);
	if (x->allow) {
		put(b, BPF_ALU64 | BPF_AND | BPF_K, ACCESS, 0, 0, ALL & ~access_of(x));
		put(b, jne, ACCESS, 0, 2, 0);
	} else {
		put(b, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, ACCESS, 0, 0);
		put(b, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, access_of(x));
		put(b, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, 2, 0);
	}
	put_answer(b, x->allow);
}

void cg_dev_program(struct buf *b, const struct spec_dev_rule *list, size_t n)
{
	put_load(b, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	put_load(b, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	put_load(b, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	put(b, BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, TYPE, 0, 0);
	put(b, BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
	put(b, BPF_ALU64 | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	while (n--)
		put_rule(b, &list[n]);
	put_answer(b, false);
}

static int bpf(int cmd, union bpf_attr *a)
{
	long r;

	do {
		r = syscall(SYS_bpf, cmd, a, sizeof *a);
	} while (r < 0 && errno == EAGAIN);
	return r < 0 ? -errno : (int) r;
}

static int load(const struct buf *b, struct err *e)
{
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t) b->p,
		.insn_cnt = (uint32_t) (b->n / sizeof(struct bpf_insn)),
		.license = (uintptr_t) "Apache-2.0",
	};
	int r = bpf(BPF_PROG_LOAD, &a);

	return r < 0 ? fail(e, r, "linux.resources.devices: load a BPF program") : r;
}

/* Programs that an earlier container of this cgroup left: all have to say yes. */
static void detach_old(int dir)
{
	uint32_t ids[64];
	union bpf_attr q = { .query = {
		.target_fd = (uint32_t) dir,
		.attach_type = BPF_CGROUP_DEVICE,
		.prog_ids = (uintptr_t) ids,
		.prog_cnt = ARRAY_LEN(ids),
	} };

	if (bpf(BPF_PROG_QUERY, &q) < 0)
		return;
	for (uint32_t i = 0; i < q.query.prog_cnt; i++) {
		union bpf_attr by_id = { .prog_id = ids[i] };
		own_fd fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
		union bpf_attr a = {
			.target_fd = (uint32_t) dir,
			.attach_bpf_fd = (uint32_t) fd,
			.attach_type = BPF_CGROUP_DEVICE,
		};

		if (fd >= 0)
			bpf(BPF_PROG_DETACH, &a);
	}
}

static int apply_v2(const struct cg_dir *d, const struct spec_dev_rule *list, size_t n,
	struct err *e)
{
	own_fd dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), prog = -1;
	union bpf_attr a = { 0 };
	own_buf b = { 0 };
	int r;

	if (dir < 0)
		return fail(e, errno, "open %s", d->path);
	cg_dev_program(&b, list, n);
	if (b.failed)
		return fail(e, ENOMEM, "linux.resources.devices");
	prog = load(&b, e);
	if (prog < 0)
		return prog;
	detach_old(dir);
	a.target_fd = (uint32_t) dir;
	a.attach_bpf_fd = (uint32_t) prog;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	r = bpf(BPF_PROG_ATTACH, &a);
	return r < 0 ? fail(e, r, "linux.resources.devices: attach to %s", d->path) : 0;
}

/* --- both -------------------------------------------------------------------------------- */

static int check(const struct spec_resources *r, struct err *e)
{
	for (size_t i = 0; i < r->n_devices; i++)
		if (!r->devices[i].r && !r->devices[i].w && !r->devices[i].m)
			return fail_msg(e, EINVAL, "linux.resources.devices[%zu].access: "
				"device access at %zu field cannot be empty", i, i);
	return 0;
}

int cg_devices(struct cgroup *c, const struct spec_resources *r, struct err *e)
{
	const struct cg_dir *d = cg_of(c, "devices");
	own_free struct spec_dev_rule *list = NULL;
	size_t n = r->n_devices;
	int x = check(r, e);

	if (x < 0 || !d || d->absent)
		return x;
	list = calloc(n + ARRAY_LEN(standard), sizeof *list);
	if (!list)
		return fail(e, ENOMEM, "linux.resources.devices");
	for (size_t i = 0; i < n; i++)
		list[i] = r->devices[i];
	memcpy(list + n, standard, sizeof standard);
	n += ARRAY_LEN(standard);
	x = (d->v2 ? apply_v2 : apply_v1)(d, list, n, e);
	/* without root nobody can make a device node anyway */
	return c->rootless ? 0 : x;
}
