/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, and why. A refusal that a program may not expect leaves a note in the trace. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "shim/world.h"

/* Not there, as on a kernel built without it: nobody is surprised. */
#define ABSENT(n, number, reason, ...) \
	{ SYS(n, number), DENY, .arg = { __VA_ARGS__ }, .why = reason }
/* The same, so often asked for that the filter itself answers. */
#define UNSEEN(n, number, reason, ...) \
	{ SYS(n, number), DENY, .arg = { __VA_ARGS__ }, .why = reason, .flags = QUIET }
/* Refused with an errno and a note. */
#define REFUSED(n, number, e, reason, ...) \
	{ SYS(n, number), DENY, .arg = { __VA_ARGS__ }, .why = reason, .flags = NOTED, .err = e }

#define WHY_OLD "gone from the kernel"
#define WHY_NEWER "newer than the kernel that the guest sees"
#define WHY_URING "the kernel would work in its own time, unseen by the supervisor"
#define WHY_AIO "completes in the kernel's own time; callers fall back to plain reads and writes"
#define WHY_MODULE "the machine is the host's: no kernel modules from inside"
#define WHY_SWAP "the machine is the host's: no swap from inside"
#define WHY_KEYS "the kernel's keys outlive the run and are shared with the host"
#define WHY_MOUNT "mounts are set up before the first program; a view changed later has no digest"
#define WHY_NUMA "where memory lies on the machine is not part of the canonical one"
#define WHY_MEMOF "another task's memory or descriptors would change outside of its own events"
#define WHY_HANDLE "handles are the host file system's own numbers"
#define WHY_LANDLOCK "a rule set could hide a call from the supervisor"

#define UNSHARE_OWN                                                                  \
	((uint64_t) (CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND | \
		CLONE_VM))

static long unshare_enter(struct call *c)
{
	if (c->a[0] & ~UNSHARE_OWN) {
		call_note(c, "unshare of 0x%llx refused: namespaces are set up before the first program",
			(unsigned long long) c->a[0]);
		return -EPERM;
	}
	return call_run_leave(c);
}

/* Its working directory is now its own. */
static void unshare_leave(struct call *c)
{
	struct fsctx *old = c->t->fs, *new;

	if (c->ret < 0 || !(c->a[0] & CLONE_FS) || old->refs < 2)
		return;
	new = calloc(1, sizeof *new);
	must_mem(new);
	*new = (struct fsctx){ .refs = 1, .cwd = -1, .chrooted = old->chrooted };
	old->refs--;
	c->t->fs = new;
}

/* There are no flags, which is asked first. */
static long process_vm_enter(struct call *c)
{
	if (c->a[5])
		return -EINVAL;
	call_note(c, "reading or writing another process's memory refused");
	return -EPERM;
}

#define VM_ARGS INT(pid), PTR(local), UINT(n_local), PTR(remote), UINT(n_remote), UINT(flags)

static const struct flag_name unshared[] = {
	{ CLONE_FILES, "CLONE_FILES" }, { CLONE_FS, "CLONE_FS" }, { CLONE_NEWNS, "CLONE_NEWNS" },
	{ CLONE_NEWUSER, "CLONE_NEWUSER" }, { CLONE_NEWPID, "CLONE_NEWPID" },
	{ CLONE_NEWNET, "CLONE_NEWNET" }, { CLONE_NEWIPC, "CLONE_NEWIPC" },
	{ CLONE_NEWUTS, "CLONE_NEWUTS" }, { CLONE_NEWCGROUP, "CLONE_NEWCGROUP" }, { 0, NULL },
};

static const struct row rows[] = {
	/* memory and tasks of others */
	UNSEEN(clone3, 435, "its flags lie in memory; callers fall back to clone", PTR(args), UINT(size)),
	{ SYS(process_vm_readv, 310), EMULATE, .arg = { VM_ARGS }, .enter = process_vm_enter,
	  .why = WHY_MEMOF },
	{ SYS(process_vm_writev, 311), EMULATE, .arg = { VM_ARGS }, .enter = process_vm_enter,
	  .why = WHY_MEMOF },
	ABSENT(process_madvise, 440, WHY_MEMOF, FD(pidfd), PTR(iov), UINT(iovcnt), INT(advice)),
	ABSENT(process_mrelease, 448, WHY_MEMOF, FD(pidfd), UINT(flags)),
	ABSENT(kcmp, 312, "its order is that of kernel addresses", INT(pid1), INT(pid2), INT(type)),
	ABSENT(userfaultfd, 323, "page faults would be served outside of any event", UINT(flags)),
	ABSENT(memfd_secret, 447, "the supervisor could not read it", UINT(flags)),
	ABSENT(modify_ldt, 154, "16 and 32-bit segments are not for x86-64 programs", INT(func)),
	ABSENT(set_thread_area, 205, "32-bit only"),
	ABSENT(get_thread_area, 211, "32-bit only"),
	UNSEEN(rseq, 334, "it shows which CPU runs the thread and when it was preempted",
		PTR(rseq), UINT(len), UINT(flags), UINT(sig)),

	/* kernel doors that work in their own time */
	ABSENT(io_uring_setup, 425, WHY_URING, UINT(entries), PTR(params)),
	ABSENT(io_uring_enter, 426, WHY_URING, FD(fd)),
	ABSENT(io_uring_register, 427, WHY_URING, FD(fd)),
	ABSENT(io_setup, 206, WHY_AIO, UINT(nr), PTR(ctx)),
	ABSENT(io_destroy, 207, WHY_AIO),
	ABSENT(io_getevents, 208, WHY_AIO),
	ABSENT(io_submit, 209, WHY_AIO),
	ABSENT(io_cancel, 210, WHY_AIO),
	ABSENT(io_pgetevents, 333, WHY_AIO),
	REFUSED(bpf, 321, EPERM, "programs in the kernel would run outside of any event",
		INT(cmd), PTR(attr), UINT(size)),
	REFUSED(perf_event_open, 298, EACCES, "counts what the machine did, not what the program did",
		PTR(attr), INT(pid), INT(cpu), FD(group), UINT(flags)),

	/* keys, policy modules */
	ABSENT(add_key, 248, WHY_KEYS),
	ABSENT(request_key, 249, WHY_KEYS),
	ABSENT(keyctl, 250, WHY_KEYS, INT(operation)),
	ABSENT(landlock_create_ruleset, 444, WHY_LANDLOCK, PTR(attr), UINT(size), UINT(flags)),
	ABSENT(landlock_add_rule, 445, WHY_LANDLOCK),
	ABSENT(landlock_restrict_self, 446, WHY_LANDLOCK),

	/* mounts and namespaces */
	REFUSED(mount, 165, EPERM, WHY_MOUNT, PATH(source), PATH(target), HIDE(type), UINT(flags)),
	REFUSED(umount2, 166, EPERM, WHY_MOUNT, PATH(target), UINT(flags)),
	REFUSED(pivot_root, 155, EPERM, WHY_MOUNT, PATH(new_root), PATH(put_old)),
	REFUSED(open_tree, 428, EPERM, WHY_MOUNT, FD(dirfd), PATH(path), UINT(flags)),
	REFUSED(move_mount, 429, EPERM, WHY_MOUNT, FD(from), PATH(from_path), FD(to), PATH(to_path)),
	REFUSED(fsopen, 430, EPERM, WHY_MOUNT, PATH(type), UINT(flags)),
	REFUSED(fsconfig, 431, EPERM, WHY_MOUNT, FD(fd)),
	REFUSED(fsmount, 432, EPERM, WHY_MOUNT, FD(fd)),
	REFUSED(fspick, 433, EPERM, WHY_MOUNT, FD(dirfd), PATH(path)),
	REFUSED(mount_setattr, 442, EPERM, WHY_MOUNT, FD(dirfd), PATH(path)),
	{ SYS(unshare, 272), OBSERVE, .arg = { FLAGS(flags, unshared) },
	  .enter = unshare_enter, .leave = unshare_leave,
	  .why = "own descriptors and directories; new namespaces are refused" },
	REFUSED(setns, 308, EPERM, "namespaces are set up before the first program", FD(fd),
		UINT(type)),

	/* the machine */
	REFUSED(reboot, 169, EPERM, "the machine is the host's", UINT(magic), UINT(magic2), UINT(cmd)),
	REFUSED(swapon, 167, EPERM, WHY_SWAP, PATH(path), UINT(flags)),
	REFUSED(swapoff, 168, EPERM, WHY_SWAP, PATH(path)),
	REFUSED(create_module, 174, ENOSYS, WHY_OLD),
	REFUSED(init_module, 175, EPERM, WHY_MODULE),
	REFUSED(delete_module, 176, EPERM, WHY_MODULE),
	REFUSED(finit_module, 313, EPERM, WHY_MODULE, FD(fd)),
	REFUSED(kexec_load, 246, EPERM, "the machine is the host's"),
	REFUSED(kexec_file_load, 320, EPERM, "the machine is the host's"),
	REFUSED(iopl, 172, EPERM, "the machine is the host's", UINT(level)),
	REFUSED(ioperm, 173, EPERM, "the machine is the host's", UINT(from), UINT(num), INT(on)),
	REFUSED(acct, 163, EPERM, "accounting is the host's", PATH(path)),
	ABSENT(quotactl, 179, "quotas are the host's", UINT(cmd)),
	ABSENT(quotactl_fd, 443, "quotas are the host's", FD(fd), UINT(cmd)),
	REFUSED(vhangup, 153, EPERM, "the terminal is the caller's"),
	REFUSED(syslog, 103, EPERM, "the kernel's log is the host's", INT(type)),

	/* files by other names */
	{ SYS(name_to_handle_at, 303), DENY, .err = EOPNOTSUPP, .why = WHY_HANDLE,
	  .arg = { FD(dirfd), PATH(path) } },
	REFUSED(open_by_handle_at, 304, EPERM, WHY_HANDLE, FD(mount_fd)),
	ABSENT(lookup_dcookie, 212, WHY_OLD),

	/* NUMA */
	ABSENT(mbind, 237, WHY_NUMA),
	ABSENT(set_mempolicy, 238, WHY_NUMA, INT(mode)),
	ABSENT(get_mempolicy, 239, WHY_NUMA),
	ABSENT(migrate_pages, 256, WHY_NUMA),
	ABSENT(move_pages, 279, WHY_NUMA),
	ABSENT(set_mempolicy_home_node, 450, WHY_NUMA),

	/* gone */
	ABSENT(uselib, 134, WHY_OLD),
	ABSENT(sysfs, 139, WHY_OLD),
	ABSENT(_sysctl, 156, WHY_OLD),
	ABSENT(get_kernel_syms, 177, WHY_OLD),
	ABSENT(query_module, 178, WHY_OLD),
	ABSENT(nfsservctl, 180, WHY_OLD),
	ABSENT(getpmsg, 181, WHY_OLD),
	ABSENT(putpmsg, 182, WHY_OLD),
	ABSENT(afs_syscall, 183, WHY_OLD),
	ABSENT(tuxcall, 184, WHY_OLD),
	ABSENT(security, 185, WHY_OLD),
	ABSENT(vserver, 236, WHY_OLD),

	/* later than the canonical kernel */
	ABSENT(uretprobe, 335, WHY_NEWER),
	ABSENT(cachestat, 451, WHY_NEWER),
	ABSENT(fchmodat2, 452, WHY_NEWER, FD(dirfd), PATH(path), UINT(mode), UINT(flags)),
	ABSENT(map_shadow_stack, 453, WHY_NEWER),
	ABSENT(futex_wake, 454, WHY_NEWER),
	ABSENT(futex_wait, 455, WHY_NEWER),
	ABSENT(futex_requeue, 456, WHY_NEWER),
	ABSENT(statmount, 457, WHY_NEWER),
	ABSENT(listmount, 458, WHY_NEWER),
	ABSENT(lsm_get_self_attr, 459, WHY_NEWER),
	ABSENT(lsm_set_self_attr, 460, WHY_NEWER),
	ABSENT(lsm_list_modules, 461, WHY_NEWER),
	ABSENT(mseal, 462, WHY_NEWER),
	ABSENT(setxattrat, 463, WHY_NEWER),
	ABSENT(getxattrat, 464, WHY_NEWER),
	ABSENT(listxattrat, 465, WHY_NEWER),
	ABSENT(removexattrat, 466, WHY_NEWER),
	ABSENT(open_tree_attr, 467, WHY_NEWER),
};
FAMILY(deny, "Refused");
