/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address space. Where a mapping goes is decided by room.c, so that no kernel's way of finding room
 * shows.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/mman.h>

#include "runtime/base/own.h"
#include "shim/engine.h"
#include "shim/sys/room.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096ull

/* Stores through the mapping are unseen: the file counts as written when it is mapped. */
static void written_through(struct call *c, int fd)
{
	own_fd f = call_getfd(c, fd);
	struct stat st;

	if (f >= 0 && fstat(f, &st) == 0 && S_ISREG(st.st_mode))
		inode_modified(c->w, inode_of(c->w, &st));
}

static bool shared(uint64_t flags)
{
	return (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
}

static bool to_be_filled(uint64_t prot, uint64_t flags)
{
	return prot & PROT_WRITE && flags & MAP_ANONYMOUS && !(flags & (MAP_NORESERVE | MAP_STACK));
}

static long mmap_enter(struct call *c)
{
	uint64_t len = c->a[1], flags = c->a[3], at;

	if (flags & MAP_HUGETLB && flags & MAP_ANONYMOUS)
		return -ENOMEM; /* the canonical machine has none */
	c->t->mm->shares |= shared(flags);
	if (!c->a[0] && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		at = room_for(c, len, flags);
		if (at)
			call_karg(c, 0, at);
		/* as a hint only, a large file's mapping would go where huge pages fit */
		if (at && (flags & MAP_TYPE) != MAP_SHARED_VALIDATE)
			call_karg(c, 3, flags | MAP_FIXED_NOREPLACE);
	}
	return call_run_leave(c);
}

static void mmap_leave(struct call *c)
{
	uint64_t flags = c->a[3];
	bool placed = c->k[0] != c->a[0];

	if (placed && c->ret == -EEXIST && !c->again) { /* fixed mappings are not seen here */
		room_doubt(c->t->mm);
		call_block(c, (struct wait) { .kind = W_TIME, .deadline = c->w->now, .intr = RESTARTNOINTR });
		return;
	}
	if (c->ret < 0 && c->ret > -4096)
		return;
	if (placed && (uint64_t) c->ret != c->k[0])
		call_note(c, "mmap: the kernel chose another address than the supervisor");
	traps_map(c->w, c->t, c->a, (uint64_t) c->ret);
	if (to_be_filled(c->a[2], flags))
		world_compute(c->w, c->a[1] < FILL_NS_MAX ? c->a[1] : FILL_NS_MAX);
	if (shared(flags) && !(flags & MAP_ANONYMOUS) && c->a[2] & PROT_WRITE)
		written_through(c, (int) c->a[4]);
}

/* A mapping that grows always moves, to an address of ours: whether it had room doesn't show. */
static long mremap_enter(struct call *c)
{
	uint64_t old = c->a[1], new = c->a[2], flags = c->a[3], at;

	old = (old + PAGE - 1) & ~(PAGE - 1);
	new = (new + PAGE - 1) & ~(PAGE - 1);
	if (flags & MREMAP_MAYMOVE && !(flags & MREMAP_FIXED) &&
		(new > old || flags & MREMAP_DONTUNMAP)) {
		room_doubt(c->t->mm); /* whatever is there would be gone */
		at = room_for(c, new, 0);
		if (at) {
			call_karg(c, 3, flags | MREMAP_FIXED);
			call_karg(c, 4, at);
		}
	}
	return call_run_leave(c);
}

static long nothing_enter(struct call *c)
{
	(void) c;
	return 0;
}

static long mlock2_enter(struct call *c)
{
	return c->a[2] & ~1ull ? -EINVAL : 0;
}

static long mlockall_enter(struct call *c)
{
	uint32_t flags = (uint32_t) c->a[0];

	return !flags || flags & ~7u || flags == 4 ? -EINVAL : 0;
}

/* Whether something is mapped there is the kernel's to say. */
static void mincore_leave(struct call *c)
{
	uint64_t n = c->a[1] / PAGE + (c->a[1] % PAGE != 0);
	uint8_t *p = c->ret || !n || n > 1u << 24 ? NULL : fix(c, 2, n);

	if (p)
		memset(p, 1, n);
}

/* Freed pages that the kernel may take away at any time are gone at once. */
static long madv_free_enter(struct call *c)
{
	call_karg(c, 2, MADV_DONTNEED);
	return call_run_leave(c);
}

static long madv_hint_enter(struct call *c)
{
	return c->a[0] % PAGE ? -EINVAL : 0;
}

static long madv_other_enter(struct call *c)
{
	(void) c;
	return -EINVAL;
}

#define MEMBARRIER_KNOWN                                                                        \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                              \
		MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |   \
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |                                     \
		MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |                                    \
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

/* Only one task runs at a time, on one CPU: every barrier is there already. */
static long membarrier_enter(struct call *c)
{
	uint32_t cmd = (uint32_t) c->a[0];

	if (c->a[1])
		return -EINVAL;
	if (cmd == MEMBARRIER_CMD_QUERY)
		return MEMBARRIER_KNOWN;
	return cmd & (cmd - 1) || !(cmd & MEMBARRIER_KNOWN) ? -EINVAL : 0;
}

static long pkey_mprotect_enter(struct call *c)
{
	if ((int) c->a[3] != -1)
		return -EINVAL;
	if (c->a[2] & PROT_EXEC)
		dormant_put(c->w, c->t, c->a[0], c->a[1]);
	return call_run_leave(c);
}

static const struct flag_name prot[] = {
	{ PROT_NONE, "PROT_NONE" }, { PROT_READ, "PROT_READ" }, { PROT_WRITE, "PROT_WRITE" },
	{ PROT_EXEC, "PROT_EXEC" }, { 0, NULL },
};
static const struct flag_name mapf[] = {
	{ MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE" }, { MAP_SHARED, "MAP_SHARED" },
	{ MAP_PRIVATE, "MAP_PRIVATE" }, { MAP_FIXED, "MAP_FIXED" },
	{ MAP_ANONYMOUS, "MAP_ANONYMOUS" }, { MAP_32BIT, "MAP_32BIT" },
	{ MAP_GROWSDOWN, "MAP_GROWSDOWN" }, { MAP_DENYWRITE, "MAP_DENYWRITE" },
	{ MAP_NORESERVE, "MAP_NORESERVE" }, { MAP_POPULATE, "MAP_POPULATE" },
	{ MAP_STACK, "MAP_STACK" }, { MAP_HUGETLB, "MAP_HUGETLB" },
	{ MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE" }, { 0, NULL },
};
static const struct flag_name mremapf[] = {
	{ MREMAP_MAYMOVE, "MREMAP_MAYMOVE" }, { MREMAP_FIXED, "MREMAP_FIXED" },
	{ MREMAP_DONTUNMAP, "MREMAP_DONTUNMAP" }, { 0, NULL },
};
static const struct flag_name msyncf[] = {
	{ MS_ASYNC, "MS_ASYNC" }, { MS_INVALIDATE, "MS_INVALIDATE" }, { MS_SYNC, "MS_SYNC" },
	{ 0, NULL },
};

#define MADV PTR(addr), UINT(len), INT(advice)
#define MADV_PASS(n, reason) \
	{ .name = #n, .nr = (n), .policy = PASS, .arg = { MADV }, .why = reason }
#define MADV_HINT(n) { .name = #n, .nr = (n), .policy = EMULATE, .arg = { MADV }, \
	.enter = madv_hint_enter, \
	.why = "a hint without effect; kernels differ in which they know" }

static const struct row madv[] = {
	MADV_PASS(MADV_DONTNEED, "pages become zero at once"),
	MADV_PASS(MADV_DONTFORK, "deterministic"),
	MADV_PASS(MADV_DOFORK, "deterministic"),
	MADV_PASS(MADV_REMOVE, "deterministic"),
	MADV_PASS(MADV_WIPEONFORK, "deterministic"),
	MADV_PASS(MADV_KEEPONFORK, "deterministic"),
	{ .name = "MADV_FREE", .nr = MADV_FREE, .policy = OBSERVE, .arg = { MADV },
	  .enter = madv_free_enter,
	  .why = "as MADV_DONTNEED: the kernel would take pages away when memory is short" },
	MADV_HINT(MADV_NORMAL),
	MADV_HINT(MADV_RANDOM),
	MADV_HINT(MADV_SEQUENTIAL),
	MADV_HINT(MADV_WILLNEED),
	MADV_HINT(MADV_MERGEABLE),
	MADV_HINT(MADV_UNMERGEABLE),
	MADV_HINT(MADV_HUGEPAGE),
	MADV_HINT(MADV_NOHUGEPAGE),
	MADV_HINT(MADV_DONTDUMP),
	MADV_HINT(MADV_DODUMP),
	MADV_HINT(MADV_COLD),
	MADV_HINT(MADV_PAGEOUT),
	MADV_HINT(MADV_POPULATE_READ),
	MADV_HINT(MADV_POPULATE_WRITE),
	{ .name = "other", .nr = -1, .policy = EMULATE, .arg = { MADV }, .enter = madv_other_enter,
	  .why = "EINVAL: unknown to the kernel that the guest sees" },
};

#define LOCKED "nothing is swapped as far as the guest can see; the host's limit must not show"

static const struct row rows[] = {
	{ SYS(mmap, 9), OBSERVE,
	  .arg = { PTR(addr), UINT(len), FLAGS(prot, prot), FLAGS(flags, mapf), FD(fd), UINT(off) },
	  .enter = mmap_enter, .leave = mmap_leave,
	  .pass_arg = 3, .pass_mask = MAP_FIXED | MAP_TYPE, .pass_value = MAP_FIXED | MAP_PRIVATE,
	  .flags = CACHE_KEEP | MAY_BLOCK | MEASURES | CODE,
	  .why = "free addresses are chosen by the supervisor; fixed private mappings aren't trapped" },
	{ SYS(munmap, 11), PASS, .arg = { PTR(addr), UINT(len) }, .why = "deterministic" },
	{ SYS(mprotect, 10), PASS, .flags = CODE, .arg = { PTR(addr), UINT(len), FLAGS(prot, prot) },
	  .why = "deterministic" },
	{ SYS(brk, 12), PASS, .arg = { PTR(addr) },
	  .why = "deterministic without address space randomisation" },
	{ SYS(mremap, 25), OBSERVE,
	  .arg = { PTR(old), UINT(old_len), UINT(new_len), FLAGS(flags, mremapf), PTR(new) },
	  .enter = mremap_enter, .flags = CACHE_KEEP | MEASURES,
	  .why = "a mapping that may move and grows goes to an address of the supervisor's" },
	{ SYS(remap_file_pages, 216), OBSERVE,
	  .arg = { PTR(addr), UINT(size), UINT(prot), UINT(pgoff), UINT(flags) },
	  .why = "deterministic" },
	{ SYS(msync, 26), OBSERVE, .arg = { PTR(addr), UINT(len), FLAGS(flags, msyncf) },
	  .why = "deterministic" },
	{ SYS(mincore, 27), FIXUP, .arg = { PTR(addr), UINT(len), PTR(vec) },
	  .leave = mincore_leave, .why = "all pages are resident: the host's page cache must not show" },
	{ SYS(madvise, 28), BY_SUB, .arg = { MADV },
	  .sub = madv, .nsub = ARRAY_LEN(madv), .sub_arg = 2,
	  .flags = CACHE_KEEP | MEASURES,
	  .why = "what changes contents is done, hints are accepted" },
	{ SYS(mlock, 149), EMULATE, .arg = { PTR(addr), UINT(len) }, .enter = nothing_enter,
	  .why = LOCKED },
	{ SYS(mlock2, 325), EMULATE, .arg = { PTR(addr), UINT(len), UINT(flags) },
	  .enter = mlock2_enter, .why = LOCKED },
	{ SYS(munlock, 150), EMULATE, .arg = { PTR(addr), UINT(len) }, .enter = nothing_enter,
	  .why = LOCKED },
	{ SYS(mlockall, 151), EMULATE, .arg = { UINT(flags) }, .enter = mlockall_enter,
	  .why = LOCKED },
	{ SYS(munlockall, 152), EMULATE, .enter = nothing_enter, .why = LOCKED },
	{ SYS(membarrier, 324), EMULATE, .arg = { INT(cmd), UINT(flags), INT(cpu) },
	  .enter = membarrier_enter,
	  .why = "only one task runs at a time, on one CPU: every barrier is there already" },
	{ SYS(pkey_mprotect, 329), OBSERVE, .arg = { PTR(addr), UINT(len), UINT(prot), INT(key) },
	  .enter = pkey_mprotect_enter, .why = "without a key as mprotect; no keys on this CPU" },
	{ SYS(pkey_alloc, 330), DENY, .arg = { UINT(flags), UINT(rights) }, .err = ENOSPC,
	  .why = "the canonical CPU has no protection keys" },
	{ SYS(pkey_free, 331), DENY, .arg = { INT(key) }, .err = EINVAL,
	  .why = "the canonical CPU has no protection keys" },
};
FAMILY(memory, "Memory");
