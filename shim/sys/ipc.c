/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System V IPC, in the container's own namespace: ids count from 0. What may block is asked of the
 * kernel without waiting; the scheduler does the waiting.
 */
#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "shim/sys/vclock.h"

enum { SEMOPM = 500, RED_ZONE = 128 };

/* ---- semaphores ---- */

/* It has waited, and what it waited for is no longer there. */
static void removed(struct call *c)
{
	if (c->again && c->ret == -EINVAL)
		c->ret = -EIDRM;
}

/* The operations once more, none of them waiting, below the stack's red zone. */
static long semop_try(struct call *c)
{
	size_t n = (uint32_t) c->a[2];
	struct sembuf *op;
	uint64_t at;

	if (!n)
		return -EINVAL;
	if (n > SEMOPM)
		return -E2BIG;
	op = call_mem(c, n * sizeof *op);
	if (in_at(c, c->a[1], op, n * sizeof *op) < 0)
		return -EFAULT;
	for (size_t i = 0; i < n; i++)
		op[i].sem_flg |= IPC_NOWAIT;
	at = (c->t->regs.rsp - RED_ZONE - n * sizeof *op) & ~15ull;
	if (out_at(c, at, op, n * sizeof *op) < 0)
		return -EFAULT;
	call_karg(c, 1, at);
	return call_run_leave(c);
}

static bool semop_waits(struct call *c)
{
	size_t n = (uint32_t) c->a[2];
	struct sembuf *op = call_mem(c, n * sizeof *op);

	if (c->ret != -EAGAIN || in_at(c, c->a[1], op, n * sizeof *op) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (op[i].sem_flg & IPC_NOWAIT) /* near enough: programs set it on all or none */
			return false;
	return true;
}

static void semop_leave(struct call *c)
{
	struct wait w = { .kind = W_IO, .deadline = NO_DEADLINE, .intr = -EINTR };

	if (semop_waits(c))
		call_block(c, w);
	else
		removed(c);
}

static long semtimedop_enter(struct call *c)
{
	struct timespec ts;
	uint64_t ns;

	if (!c->a[3])
		return semop_try(c);
	if (in_at(c, c->a[3], &ts, sizeof ts) < 0)
		return -EFAULT;
	if (ts_to_ns(&ts, &ns) < 0)
		return -EINVAL;
	wait_deadline(c, ns);
	call_karg(c, 3, 0);
	return semop_try(c);
}

static void semtimedop_leave(struct call *c)
{
	struct wait w = { .kind = W_IO, .intr = -EINTR };

	if (!c->a[3]) {
		semop_leave(c);
		return;
	}
	w.deadline = c->t->sleep_until;
	if (semop_waits(c) && c->w->now < w.deadline) {
		call_block(c, w);
		return;
	}
	wait_done(c);
	removed(c);
}

/* ---- message queues ---- */

static long msgsnd_enter(struct call *c)
{
	call_karg(c, 3, c->a[3] | IPC_NOWAIT);
	return call_run_leave(c);
}

static void msgsnd_leave(struct call *c)
{
	struct wait w = { .kind = W_IO, .deadline = NO_DEADLINE, .intr = -EINTR };

	if (c->ret == -EAGAIN && !(c->a[3] & IPC_NOWAIT))
		call_block(c, w);
	else
		removed(c);
}

static long msgrcv_enter(struct call *c)
{
	call_karg(c, 4, c->a[4] | IPC_NOWAIT);
	return call_run_leave(c);
}

static void msgrcv_leave(struct call *c)
{
	struct wait w = { .kind = W_IO, .deadline = NO_DEADLINE, .intr = -EINTR };

	if (c->ret == -ENOMSG && !(c->a[4] & IPC_NOWAIT))
		call_block(c, w);
	else
		removed(c);
}

static long shmat_enter(struct call *c)
{
	c->t->mm->shares = true;
	return call_run_leave(c);
}

/* ---- control: the kernel's times are the host's ---- */

/* What happened at some time happened at the start. */
static void canon(struct call *c, long *when)
{
	if (*when)
		*when = (long) (c->w->start / NSEC);
}

static bool is_stat(uint64_t cmd, int stat, int stat_any)
{
	cmd &= ~0x100ull; /* IPC_64 */
	return cmd == IPC_STAT || cmd == (uint64_t) stat || cmd == (uint64_t) stat_any;
}

static void shmctl_leave(struct call *c)
{
	struct shmid_ds *d;

	if (c->ret < 0 || !is_stat(c->a[1], SHM_STAT, 15))
		return;
	d = fix(c, 2, sizeof *d);
	if (!d)
		return;
	canon(c, &d->shm_atime);
	canon(c, &d->shm_dtime);
	canon(c, &d->shm_ctime);
}

static void msgctl_leave(struct call *c)
{
	struct msqid_ds *d;

	if (c->ret < 0 || !is_stat(c->a[1], MSG_STAT, 13))
		return;
	d = fix(c, 2, sizeof *d);
	if (!d)
		return;
	canon(c, &d->msg_stime);
	canon(c, &d->msg_rtime);
	canon(c, &d->msg_ctime);
}

static void semctl_leave(struct call *c)
{
	struct semid_ds *d;

	if (c->ret < 0 || !is_stat(c->a[2], SEM_STAT, 20))
		return;
	d = fix(c, 3, sizeof *d);
	if (!d)
		return;
	canon(c, &d->sem_otime);
	canon(c, &d->sem_ctime);
}

#define OWN "in the container's own namespace: ids count from 0"
#define WAITS "asked of the kernel without waiting; the scheduler does the waiting"
#define TIMES "times become the container's start"

static const struct row rows[] = {
	{ SYS(shmget, 29), OBSERVE, .arg = { INT(key), UINT(size), UINT(flags) }, .why = OWN },
	{ SYS(shmat, 30), OBSERVE, .arg = { INT(id), PTR(addr), UINT(flags) },
	  .enter = shmat_enter, .why = OWN },
	{ SYS(shmdt, 67), OBSERVE, .arg = { PTR(addr) }, .why = OWN },
	{ SYS(shmctl, 31), FIXUP, .arg = { INT(id), INT(cmd), PTR(buf) },
	  .leave = shmctl_leave, .why = TIMES },
	{ SYS(semget, 64), OBSERVE, .arg = { INT(key), INT(n), UINT(flags) }, .why = OWN },
	{ SYS(semop, 65), OBSERVE, .arg = { INT(id), PTR(ops), UINT(n) },
	  .enter = semop_try, .leave = semop_leave, .flags = MAY_BLOCK, .why = WAITS },
	{ SYS(semtimedop, 220), OBSERVE, .arg = { INT(id), PTR(ops), UINT(n), PTR(timeout) },
	  .enter = semtimedop_enter, .leave = semtimedop_leave, .flags = MAY_BLOCK, .why = WAITS },
	{ SYS(semctl, 66), FIXUP, .arg = { INT(id), INT(num), INT(cmd), PTR(arg) },
	  .leave = semctl_leave, .why = TIMES },
	{ SYS(msgget, 68), OBSERVE, .arg = { INT(key), UINT(flags) }, .why = OWN },
	{ SYS(msgsnd, 69), OBSERVE, .arg = { INT(id), PTR(msg), UINT(size), UINT(flags) },
	  .enter = msgsnd_enter, .leave = msgsnd_leave, .flags = MAY_BLOCK, .why = WAITS },
	{ SYS(msgrcv, 70), OBSERVE, .arg = { INT(id), PTR(msg), UINT(size), INT(type), UINT(flags) },
	  .enter = msgrcv_enter, .leave = msgrcv_leave, .flags = MAY_BLOCK, .why = WAITS },
	{ SYS(msgctl, 71), FIXUP, .arg = { INT(id), INT(cmd), PTR(buf) },
	  .leave = msgctl_leave, .why = TIMES },
};
FAMILY(ipc, "System V IPC");
