/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/random.h>

#include "shim/world.h"

#ifndef GRND_INSECURE
#define GRND_INSECURE 4
#endif
#define GRND_MAX 33554431u /* what the kernel gives at most in one call */

static long getrandom_enter(struct call *c)
{
	size_t n = c->a[1] > GRND_MAX ? GRND_MAX : c->a[1];
	uint32_t flags = (uint32_t) c->a[2];
	void *p;

	if (flags & ~(uint32_t) (GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if (!n)
		return 0;
	p = out(c, 0, n);
	if (!p)
		return -EFAULT;
	task_random(c->t, c->w, p, n);
	return (long) n;
}

static const struct flag_name grnd[] = {
	{ GRND_NONBLOCK, "GRND_NONBLOCK" },
	{ GRND_RANDOM, "GRND_RANDOM" },
	{ GRND_INSECURE, "GRND_INSECURE" },
	{ 0, NULL },
};

static const struct row rows[] = {
	{ SYS(getrandom, 318), EMULATE,
	  .arg = { OUT_RES(buf), UINT(len), FLAGS(flags, grnd) },
	  .enter = getrandom_enter,
	  .why = "bytes come from the task's own stream, a function of the seed", .flags = NOTIFY },
};
FAMILY(random, "Random numbers");
