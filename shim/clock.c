/* SPDX-License-Identifier: Apache-2.0 */
/* The one clock of a container: it moves by events, and jumps when everybody waits. */
#include <time.h>

#include "shim/world.h"

static void advance(struct world *w, uint64_t ns)
{
	w->now += ns;
	if (!w->cur)
		return;
	w->cur->cpu += ns;
	if (w->cur->proc)
		w->cur->proc->cpu += ns;
}

void world_step(struct world *w)
{
	advance(w, STEP_NS);
}

void world_start_at(struct world *w, uint64_t ns)
{
	if (ns > w->start)
		w->start = w->now = ns;
}

void world_compute(struct world *w, uint64_t ns)
{
	advance(w, ns);
}

void world_computed(struct task *t, uint64_t ns)
{
	t->cpu += ns;
	t->proc->cpu += ns;
}

uint64_t world_clock(const struct world *w, int id)
{
	bool boot = id == CLOCK_BOOTTIME || id == CLOCK_BOOTTIME_ALARM;

	if (!w->o)
		return world_mono(w);
	return world_mono(w) + (boot ? w->o->attrs.boot_offset : w->o->attrs.mono_offset);
}

uint64_t world_real(const struct world *w)
{
	return w->now + w->ahead;
}

uint64_t world_mono(const struct world *w)
{
	return w->now - w->start + BOOT_OFFSET;
}
