/* SPDX-License-Identifier: Apache-2.0 */
/* Names and sizes of the machine. */
#include <stdio.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(void)
{
	static const struct {
		const char *name;
		int id;
	} conf[] = { { "nproc conf", _SC_NPROCESSORS_CONF }, { "nproc onln", _SC_NPROCESSORS_ONLN },
		{ "pages", _SC_PHYS_PAGES }, { "free pages", _SC_AVPHYS_PAGES },
		{ "page size", _SC_PAGESIZE }, { "clock tick", _SC_CLK_TCK },
		{ "open max", _SC_OPEN_MAX }, { "arg max", _SC_ARG_MAX },
		{ "child max", _SC_CHILD_MAX }, { "L1d", _SC_LEVEL1_DCACHE_SIZE },
		{ "L1d line", _SC_LEVEL1_DCACHE_LINESIZE }, { "L2", _SC_LEVEL2_CACHE_SIZE },
		{ "L3", _SC_LEVEL3_CACHE_SIZE } };
	struct utsname u;
	struct sysinfo s;
	char host[256] = "", domain[256] = "";

	uname(&u);
	printf("%s|%s|%s|%s|%s|%s\n", u.sysname, u.nodename, u.release, u.version, u.machine,
		u.domainname);
	if (!gethostname(host, sizeof host) && !getdomainname(domain, sizeof domain))
		printf("host %s domain %s\n", host, domain);
	sysinfo(&s);
	printf("up %ld loads %lu %lu %lu ram %lu free %lu shared %lu buffer %lu swap %lu/%lu\n",
		s.uptime, s.loads[0], s.loads[1], s.loads[2], s.totalram, s.freeram, s.sharedram,
		s.bufferram, s.freeswap, s.totalswap);
	printf("procs %u high %lu/%lu unit %u\n", s.procs, s.freehigh, s.totalhigh, s.mem_unit);
	for (size_t i = 0; i < sizeof conf / sizeof *conf; i++)
		printf("%s %ld\n", conf[i].name, sysconf(conf[i].id));
	printf("hostid %lx\n", gethostid());
	return 0;
}
