/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: one canonical one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "runtime/base/own.h"
#include "shim/machine.h"
#include "shim/world.h"

static const char *nodename(const struct world *w)
{
	if (w->nodename[0])
		return w->nodename;
	return w->o && w->o->hostname ? w->o->hostname : "localhost";
}

static bool is_root(const struct call *c)
{
	return !c->w->o || !c->w->o->virtual_ids || !c->t->proc->ids.euid;
}

static long uname_enter(struct call *c)
{
	struct utsname *u = out(c, 0, sizeof *u);
	bool i386 = (c->t->proc->attr.personality & PER_MASK) == PER_LINUX32;

	if (!u)
		return -EFAULT;
	snprintf(u->sysname, sizeof u->sysname, "%s", MACHINE_SYSNAME);
	snprintf(u->nodename, sizeof u->nodename, "%s", nodename(c->w));
	snprintf(u->release, sizeof u->release, "%s", MACHINE_RELEASE);
	snprintf(u->version, sizeof u->version, "%s", MACHINE_VERSION);
	snprintf(u->machine, sizeof u->machine, "%s", i386 ? "i686" : MACHINE_MACHINE);
	snprintf(u->domainname, sizeof u->domainname, "%s",
		c->w->domainname[0] ? c->w->domainname : "(none)");
	return 0;
}

static long set_name(struct call *c, char to[65])
{
	size_t n = c->a[1];
	const char *p;

	if (!is_root(c))
		return -EPERM;
	if (n > 64)
		return -EINVAL;
	p = in(c, 0, n);
	if (!p)
		return -EFAULT;
	memcpy(to, p, n);
	to[n] = 0;
	return 0;
}

static long sethostname_enter(struct call *c)
{
	return set_name(c, c->w->nodename);
}

static long setdomainname_enter(struct call *c)
{
	return set_name(c, c->w->domainname);
}

/* A fixed state: half of the memory is free, whatever the programs do. */
static long sysinfo_enter(struct call *c)
{
	struct sysinfo *s = out(c, 0, sizeof *s);

	if (!s)
		return -EFAULT;
	s->uptime = (long) (world_clock(c->w, CLOCK_BOOTTIME) / NSEC);
	s->totalram = MACHINE_MEM;
	s->freeram = MACHINE_MEM / 2;
	for (unsigned i = 0; i < ARRAY_LEN(s->loads); i++)
		s->loads[i] = (MACHINE_LOAD << SI_LOAD_SHIFT) / 100;
	s->procs = 1;
	s->mem_unit = 1;
	return 0;
}

/* That addresses aren't randomised is the supervisor's doing: not shown. */
static long personality_enter(struct call *c)
{
	uint32_t *p = &c->t->proc->attr.personality, old = *p;

	if ((uint32_t) c->a[0] != 0xffffffff)
		*p = (uint32_t) c->a[0];
	return (long) old;
}

static const struct row rows[] = {
	{ SYS(uname, 63), EMULATE, .arg = { OUT_AS(buf, sizeof(struct utsname), utsname) },
	  .enter = uname_enter, .why = "one canonical machine; the host name is an input",
	  .flags = NOTIFY },
	{ SYS(sethostname, 170), EMULATE, .arg = { IN_BUF(name, 1), UINT(len) },
	  .enter = sethostname_enter, .why = "remembered for uname" },
	{ SYS(setdomainname, 171), EMULATE, .arg = { IN_BUF(name, 1), UINT(len) },
	  .enter = setdomainname_enter, .why = "remembered for uname" },
	{ SYS(sysinfo, 99), EMULATE, .arg = { OUT_AS(info, sizeof(struct sysinfo), sysinfo) },
	  .enter = sysinfo_enter, .why = "one canonical machine: its memory, little load, virtual uptime",
	  .flags = NOTIFY },
	{ SYS(personality, 135), EMULATE, .arg = { UINT(persona) }, .enter = personality_enter,
	  .why = "remembered; uname shows PER_LINUX32, addresses are never randomised" },
};
FAMILY(system, "Machine");
