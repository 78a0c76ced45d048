/* SPDX-License-Identifier: Apache-2.0 */
/* The machine-wide files of /proc, and /sys. */
#include "shim/procview.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/own.h"
#include "shim/machine.h"

#define KB(bytes) ((unsigned long long) (bytes) >> 10)

struct machine_file {
	const char *name;
	void (*make)(struct world *w, struct task *t, struct buf *b); /* or: */
	const char *text;
};

/* ---- made when they are opened ---- */

static void make_cpuinfo(struct world *w, struct task *t, struct buf *b)
{
	(void) t;
	cpu_cpuinfo(w->cpu, w->o->cpus, b);
}

static void make_meminfo(struct world *w, struct task *t, struct buf *b)
{
	unsigned long long total = KB(MACHINE_MEM), avail = KB(MACHINE_FREE);

	(void) w, (void) t;
	buf_printf(b,
		"MemTotal:       %8llu kB\nMemFree:        %8llu kB\nMemAvailable:   %8llu kB\n"
		"Buffers:               0 kB\nCached:                0 kB\nSwapCached:            0 kB\n"
		"Active:                0 kB\nInactive:              0 kB\nActive(anon):          0 kB\n"
		"Inactive(anon):        0 kB\nActive(file):          0 kB\nInactive(file):        0 kB\n"
		"Unevictable:           0 kB\nMlocked:               0 kB\nSwapTotal:             0 kB\n"
		"SwapFree:              0 kB\nDirty:                 0 kB\nWriteback:             0 kB\n"
		"AnonPages:             0 kB\nMapped:                0 kB\nShmem:                 0 kB\n",
		total, avail, avail);
	buf_printf(b,
		"KReclaimable:          0 kB\nSlab:                  0 kB\nSReclaimable:          0 kB\n"
		"SUnreclaim:            0 kB\nKernelStack:           0 kB\nPageTables:            0 kB\n"
		"NFS_Unstable:          0 kB\nBounce:                0 kB\nWritebackTmp:          0 kB\n"
		"CommitLimit:    %8llu kB\nCommitted_AS:          0 kB\n"
		"VmallocTotal:   34359738367 kB\nVmallocUsed:           0 kB\nVmallocChunk:          0 kB\n"
		"Percpu:                0 kB\nHugePages_Total:       0\nHugePages_Free:        0\n"
		"HugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\n"
		"Hugetlb:               0 kB\n",
		total / 2);
}

/* Of a CPU's time. */
static uint64_t used(uint64_t time)
{
	return time * MACHINE_LOAD / 100;
}

static void make_uptime(struct world *w, struct task *t, struct buf *b)
{
	uint64_t cs = world_clock(w, CLOCK_BOOTTIME) / (NSEC / 100);
	uint64_t idle = (cs - used(cs)) * w->o->cpus;

	(void) t;
	buf_printf(b, "%llu.%02llu %llu.%02llu\n", (unsigned long long) (cs / 100),
		(unsigned long long) (cs % 100), (unsigned long long) (idle / 100),
		(unsigned long long) (idle % 100));
}

static void put_cpu(const char *name, uint64_t ticks, unsigned cpus, struct buf *b)
{
	buf_printf(b, "%s %llu 0 0 %llu 0 0 0 0 0 0\n", name, (unsigned long long) (used(ticks) * cpus),
		(unsigned long long) ((ticks - used(ticks)) * cpus));
}

static void make_stat(struct world *w, struct task *t, struct buf *b)
{
	uint64_t ticks = world_mono(w) / (NSEC / MACHINE_HZ);
	uint64_t boot = (world_real(w) - world_mono(w)) / NSEC;
	char name[16];

	(void) t;
	put_cpu("cpu ", ticks, w->o->cpus, b);
	for (unsigned i = 0; i < w->o->cpus; i++) {
		snprintf(name, sizeof name, "cpu%u", i);
		put_cpu(name, ticks, 1, b);
	}
	buf_printf(b,
		"intr 0\nctxt 0\nbtime %llu\nprocesses %u\nprocs_running 1\nprocs_blocked 0\n"
		"softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		(unsigned long long) boot, w->next_task);
}

static void make_loadavg(struct world *w, struct task *t, struct buf *b)
{
	unsigned n = 0;

	for (struct task *k = w->tasks; k; k = k->next)
		n += !k->quiet;
	for (unsigned i = 0; i < 3; i++)
		buf_printf(b, "%d.%02d ", MACHINE_LOAD / 100, MACHINE_LOAD % 100);
	buf_printf(b, "1/%u %d\n", n, (int) task_vtid(t));
}

static void make_hostname(struct world *w, struct task *t, struct buf *b)
{
	(void) t;
	buf_printf(b, "%s\n", w->nodename[0] ? w->nodename : w->o->hostname ? w->o->hostname
									    : "localhost");
}

static void make_domainname(struct world *w, struct task *t, struct buf *b)
{
	(void) t;
	buf_printf(b, "%s\n", w->domainname[0] ? w->domainname : MACHINE_DOMAIN);
}

static void put_uuid(const uint8_t r[16], struct buf *b)
{
	for (int i = 0; i < 16; i++)
		buf_printf(b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			i == 6 ? (r[i] & 0x0f) | 0x40 : i == 8 ? (r[i] & 0x3f) | 0x80 : r[i]);
	buf_byte(b, '\n');
}

static void make_uuid(struct world *w, struct task *t, struct buf *b)
{
	uint8_t r[16];

	task_random(t, w, r, sizeof r);
	put_uuid(r, b);
}

static void make_boot_id(struct world *w, struct task *t, struct buf *b)
{
	(void) t;
	put_uuid(w->key, b); /* one for the container's whole life */
}

static void make_cmdline(struct world *w, struct task *t, struct buf *b)
{
	(void) w, (void) t;
	buf_str(b, "console=hvc0\n");
}

/* Of what netstat -s and ss -s look at. */
#define NET_SNMP                                                                               \
	"Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams "         \
	"InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes "           \
	"ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates\n"          \
	"Ip: 2 64 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"                                        \
	"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails "       \
	"EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"       \
	"Tcp: 1 200 120000 -1 0 0 0 0 0 0 0 0 0 0 0\n"                                        \
	"Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors "            \
	"InCsumErrors IgnoredMulti MemErrors\nUdp: 0 0 0 0 0 0 0 0 0\n"
#define NET_SOCK_HEAD                                                                      \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid" \
	"  timeout inode\n"

static const struct machine_file machine_files[] = {
	{ .name = "cpuinfo", .make = make_cpuinfo },
	{ .name = "meminfo", .make = make_meminfo },
	{ .name = "uptime", .make = make_uptime },
	{ .name = "stat", .make = make_stat },
	{ .name = "loadavg", .make = make_loadavg },
	{ .name = "cmdline", .make = make_cmdline },
	{ .name = "version", .text = MACHINE_SYSNAME " version " MACHINE_RELEASE
	  " (detrun@detrun) (gcc) " MACHINE_VERSION "\n" },
	{ .name = "filesystems", .text = "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevpts\n"
	  "nodev\tmqueue\nnodev\toverlay\n" },
	{ .name = "swaps", .text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" },
	{ .name = "diskstats", .text = "" },
	{ .name = "partitions", .text = "major minor  #blocks  name\n\n" },
	{ .name = "devices", .text = "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n"
	  "  5 /dev/ptmx\n136 pts\n\nBlock devices:\n" },
	{ .name = "misc", .text = "" },
	{ .name = "modules", .text = "" },
	{ .name = "interrupts", .text = "           CPU0       \n" },
	{ .name = "softirqs", .text = "                    CPU0       \n" },
	{ .name = "vmstat", .text = "nr_free_pages 1048576\npgpgin 0\npgpgout 0\npswpin 0\n"
	  "pswpout 0\npgfault 0\npgmajfault 0\n" },
	{ .name = "zoneinfo", .text = "" },
	{ .name = "buddyinfo", .text = "" },
	{ .name = "locks", .text = "" },
	{ .name = "key-users", .text = "" },
	{ .name = "keys", .text = "" },
	{ .name = "cgroups", .text = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
	  "cpuset\t0\t1\t1\ncpu\t0\t1\t1\ncpuacct\t0\t1\t1\nblkio\t0\t1\t1\n"
	  "memory\t0\t1\t1\npids\t0\t1\t1\n" },
	{ .name = "sys/kernel/ostype", .text = MACHINE_SYSNAME "\n" },
	{ .name = "sys/kernel/osrelease", .text = MACHINE_RELEASE "\n" },
	{ .name = "sys/kernel/version", .text = MACHINE_VERSION "\n" },
	{ .name = "sys/kernel/hostname", .make = make_hostname },
	{ .name = "sys/kernel/domainname", .make = make_domainname },
	{ .name = "sys/kernel/arch", .text = MACHINE_MACHINE "\n" },
	{ .name = "sys/kernel/pid_max", .text = "4194304\n" },
	{ .name = "sys/kernel/threads-max", .text = "62000\n" },
	{ .name = "sys/kernel/cap_last_cap", .text = "40\n" },
	{ .name = "sys/kernel/ngroups_max", .text = "65536\n" },
	{ .name = "sys/kernel/overflowuid", .text = "65534\n" },
	{ .name = "sys/kernel/overflowgid", .text = "65534\n" },
	{ .name = "sys/kernel/randomize_va_space", .text = "0\n" },
	{ .name = "sys/kernel/core_pattern", .text = "core\n" },
	{ .name = "sys/kernel/core_uses_pid", .text = "0\n" },
	{ .name = "sys/kernel/tainted", .text = "0\n" },
	{ .name = "sys/kernel/printk", .text = "4\t4\t1\t7\n" },
	{ .name = "sys/kernel/dmesg_restrict", .text = "1\n" },
	{ .name = "sys/kernel/kptr_restrict", .text = "1\n" },
	{ .name = "sys/kernel/perf_event_paranoid", .text = "4\n" },
	{ .name = "sys/kernel/unprivileged_bpf_disabled", .text = "2\n" },
	{ .name = "sys/kernel/sem", .text = "32000\t1024000000\t500\t32000\n" },
	{ .name = "sys/kernel/shmmax", .text = "18446744073692774399\n" },
	{ .name = "sys/kernel/shmall", .text = "18446744073692774399\n" },
	{ .name = "sys/kernel/shmmni", .text = "4096\n" },
	{ .name = "sys/kernel/msgmax", .text = "8192\n" },
	{ .name = "sys/kernel/msgmnb", .text = "16384\n" },
	{ .name = "sys/kernel/msgmni", .text = "32000\n" },
	{ .name = "sys/kernel/seccomp/actions_avail", .text = "kill_process kill_thread trap errno "
	  "user_notif trace log allow\n" },
	{ .name = "sys/kernel/random/uuid", .make = make_uuid },
	{ .name = "sys/kernel/random/boot_id", .make = make_boot_id },
	{ .name = "sys/kernel/random/poolsize", .text = "256\n" },
	{ .name = "sys/kernel/random/entropy_avail", .text = "256\n" },
	{ .name = "sys/kernel/random/write_wakeup_threshold", .text = "256\n" },
	{ .name = "sys/kernel/random/urandom_min_reseed_secs", .text = "60\n" },
	{ .name = "sys/fs/file-max", .text = "9223372036854775807\n" },
	{ .name = "sys/fs/file-nr", .text = "0\t0\t9223372036854775807\n" },
	{ .name = "sys/fs/nr_open", .text = "1048576\n" },
	{ .name = "sys/fs/pipe-max-size", .text = "1048576\n" },
	{ .name = "sys/fs/pipe-user-pages-hard", .text = "0\n" },
	{ .name = "sys/fs/pipe-user-pages-soft", .text = "16384\n" },
	{ .name = "sys/fs/suid_dumpable", .text = "0\n" },
	{ .name = "sys/fs/protected_hardlinks", .text = "1\n" },
	{ .name = "sys/fs/protected_symlinks", .text = "1\n" },
	{ .name = "sys/fs/overflowuid", .text = "65534\n" },
	{ .name = "sys/fs/overflowgid", .text = "65534\n" },
	{ .name = "sys/fs/aio-max-nr", .text = "65536\n" },
	{ .name = "sys/fs/aio-nr", .text = "0\n" },
	{ .name = "sys/fs/protected_fifos", .text = "1\n" },
	{ .name = "sys/fs/protected_regular", .text = "2\n" },
	{ .name = "sys/fs/lease-break-time", .text = "45\n" },
	{ .name = "sys/fs/leases-enable", .text = "1\n" },
	{ .name = "sys/fs/inotify/max_queued_events", .text = "16384\n" },
	{ .name = "sys/fs/inotify/max_user_instances", .text = "128\n" },
	{ .name = "sys/fs/inotify/max_user_watches", .text = "65536\n" },
	{ .name = "sys/fs/epoll/max_user_watches", .text = "1800000\n" },
	{ .name = "sys/fs/mqueue/msg_max", .text = "10\n" },
	{ .name = "sys/fs/mqueue/msgsize_max", .text = "8192\n" },
	{ .name = "sys/fs/mqueue/queues_max", .text = "256\n" },
	{ .name = "sys/vm/overcommit_memory", .text = "0\n" },
	{ .name = "sys/vm/overcommit_ratio", .text = "50\n" },
	{ .name = "sys/vm/overcommit_kbytes", .text = "0\n" },
	{ .name = "sys/vm/max_map_count", .text = "65530\n" },
	{ .name = "sys/vm/mmap_min_addr", .text = "65536\n" },
	{ .name = "sys/vm/swappiness", .text = "60\n" },
	{ .name = "sys/vm/nr_hugepages", .text = "0\n" },
	{ .name = "sys/vm/nr_overcommit_hugepages", .text = "0\n" },
	{ .name = "sys/vm/dirty_background_ratio", .text = "10\n" },
	{ .name = "sys/vm/dirty_ratio", .text = "20\n" },
	{ .name = "sys/vm/min_free_kbytes", .text = "67584\n" },
	{ .name = "sys/vm/panic_on_oom", .text = "0\n" },
	{ .name = "sys/vm/oom_kill_allocating_task", .text = "0\n" },
	{ .name = "sys/vm/vfs_cache_pressure", .text = "100\n" },
	{ .name = "sys/vm/zone_reclaim_mode", .text = "0\n" },
	{ .name = "sys/net/core/somaxconn", .text = "4096\n" },
	{ .name = "sys/net/core/rmem_default", .text = "212992\n" },
	{ .name = "sys/net/core/rmem_max", .text = "212992\n" },
	{ .name = "sys/net/core/wmem_default", .text = "212992\n" },
	{ .name = "sys/net/core/wmem_max", .text = "212992\n" },
	{ .name = "sys/net/ipv4/ip_local_port_range", .text = "32768\t60999\n" },
	{ .name = "sys/net/ipv4/tcp_max_syn_backlog", .text = "128\n" },
	{ .name = "sys/net/ipv4/ip_forward", .text = "0\n" },
	{ .name = "sys/net/ipv4/ip_unprivileged_port_start", .text = "1024\n" },
	{ .name = "sys/net/ipv4/ping_group_range", .text = "1\t0\n" },
	{ .name = "sys/net/core/netdev_max_backlog", .text = "1000\n" },
	{ .name = "sys/net/core/optmem_max", .text = "20480\n" },
	{ .name = "sys/net/ipv4/tcp_rmem", .text = "4096\t131072\t6291456\n" },
	{ .name = "sys/net/ipv4/tcp_wmem", .text = "4096\t16384\t4194304\n" },
	{ .name = "sys/net/ipv4/tcp_fin_timeout", .text = "60\n" },
	{ .name = "sys/net/ipv4/tcp_keepalive_time", .text = "7200\n" },
	{ .name = "sys/net/ipv4/tcp_keepalive_intvl", .text = "75\n" },
	{ .name = "sys/net/ipv4/tcp_keepalive_probes", .text = "9\n" },
	{ .name = "sys/net/ipv4/tcp_syncookies", .text = "1\n" },
	{ .name = "sys/net/ipv4/tcp_timestamps", .text = "1\n" },
	{ .name = "sys/net/ipv4/tcp_congestion_control", .text = "cubic\n" },
	{ .name = "sys/net/ipv4/ip_default_ttl", .text = "64\n" },
	{ .name = "sys/net/ipv4/ip_nonlocal_bind", .text = "0\n" },
	{ .name = "sys/net/ipv6/conf/all/disable_ipv6", .text = "0\n" },
	{ .name = "sys/user/max_user_namespaces", .text = "0\n" },
	{ .name = "sys/crypto/fips_enabled", .text = "0\n" },
	{ .name = "net/dev", .text = "Inter-|   Receive                                            "
	  "    |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes "
	  "   packets errs drop fifo colls carrier compressed\n    lo:       0       0    0    0    0 "
	  "    0          0         0        0       0    0    0    0     0       0          0\n" },
	{ .name = "net/route", .text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\t"
	  "Mask\t\tMTU\tWindow\tIRTT\n" },
	{ .name = "net/if_inet6", .text = "00000000000000000000000000000001 01 80 10 80       lo\n" },
	{ .name = "net/arp", .text = "IP address       HW type     Flags       HW address"
	  "            Mask     Device\n" },
	{ .name = "net/tcp", .text = NET_SOCK_HEAD },
	{ .name = "net/tcp6", .text = NET_SOCK_HEAD },
	{ .name = "net/udp", .text = NET_SOCK_HEAD },
	{ .name = "net/udp6", .text = NET_SOCK_HEAD },
	{ .name = "net/raw", .text = NET_SOCK_HEAD },
	{ .name = "net/unix", .text = "Num       RefCount Protocol Flags    Type St Inode Path\n" },
	{ .name = "net/protocols", .text = "" },
	{ .name = "net/snmp", .text = NET_SNMP },
	{ .name = "net/sockstat", .text = "sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n"
		"UDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n" },
	{ .name = "net/sockstat6", .text = "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\n"
		"RAW6: inuse 0\nFRAG6: inuse 0 memory 0\n" },
	{ .name = "net/netstat", .text = "" },
};

/* "sys/net/ipv4/ip_forward" and "net.ipv4.ip_forward"; or @below: "sys/net" is above it. */
static bool is_sysctl(const char *file, const char *key, bool below)
{
	if (strncmp(file, "sys/", 4) != 0)
		return false;
	for (file += 4; *file && *key; file++, key++)
		if (*file != *key && !(strchr("./", *file) && strchr("./", *key)))
			return false;
	return !*file && (!*key || (below && strchr("./", *key)));
}

/* What config.json has set of it. */
static bool configured(const struct world *w, const char *name, struct buf *b)
{
	for (size_t i = 0; w->o && i < w->o->n_sysctl; i++) {
		if (!is_sysctl(name, w->o->sysctl[i].key, false))
			continue;
		buf_printf(b, "%s\n", w->o->sysctl[i].value);
		return true;
	}
	return false;
}

bool procview_machine(struct world *w, struct task *t, const char *name, struct buf *b)
{
	for (size_t i = 0; i < ARRAY_LEN(machine_files); i++) {
		const struct machine_file *f = &machine_files[i];

		if (strcmp(f->name, name) != 0)
			continue;
		if (configured(w, name, b))
			return true;
		if (f->make)
			f->make(w, t, b);
		else
			buf_str(b, f->text);
		return true;
	}
	return configured(w, name, b);
}

bool procview_shown(const struct world *w, const char *name)
{
	/* links; and directories that every kernel has, and is asked to make read-only: seen empty */
	static const char *const plain[] = { "", "self", "thread-self", "mounts", "bus", "fs", "irq" };
	size_t n = strlen(name);

	if (*name >= '0' && *name <= '9') {
		const char *rest = strchr(name, '/');

		return !rest || procview_shown_process(w, rest + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (strcmp(name, plain[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LEN(machine_files); i++)
		if (strncmp(machine_files[i].name, name, n) == 0 &&
			(machine_files[i].name[n] == '/' || !machine_files[i].name[n]))
			return true;
	for (size_t i = 0; w->o && i < w->o->n_sysctl; i++)
		if (is_sysctl(name, w->o->sysctl[i].key, true))
			return true;
	return false;
}

/* ---- /sys ---- */

struct files {
	struct shim_file *f;
	size_t n, cap;
};

static void add(struct files *s, const char *path, const char *text)
{
	struct shim_file *f;

	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 32;
		f = realloc(s->f, s->cap * sizeof *f);
		must_mem(f);
		s->f = f;
	}
	f = &s->f[s->n++];
	f->path = strdup(path);
	f->text = strdup(text);
	must_mem(f->path && f->text);
	f->n = strlen(text);
}

/* CPUs @lo to @hi as the kernel writes a mask: groups of 32 bits in hex, the highest first. */
static void mask_text(unsigned lo, unsigned hi, char *ret, size_t n)
{
	size_t at = 0;

	for (int g = (int) (hi / 32); g >= 0 && at < n; g--) {
		uint32_t m = 0;

		for (unsigned b = 0; b < 32; b++) {
			unsigned cpu = (unsigned) g * 32 + b;

			if (cpu >= lo && cpu <= hi)
				m |= 1u << b;
		}
		at += (size_t) snprintf(ret + at, n - at, g == (int) (hi / 32) ? "%x" : ",%08x", m);
	}
	if (at < n)
		snprintf(ret + at, n - at, "\n");
}

static void add_cpu(struct files *s, unsigned i, unsigned ncpus)
{
	char path[128], text[512];
	static const char *const what[] = { "core_id", "physical_package_id", "core_cpus_list",
		"thread_siblings_list", "package_cpus_list", "core_siblings_list" };
	static const char *const masks[] = { "core_cpus", "thread_siblings", "package_cpus",
		"core_siblings" };

	for (size_t k = 0; k < ARRAY_LEN(what); k++) {
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/%s", i, what[k]);
		if (k == 0 || k == 2 || k == 3)
			snprintf(text, sizeof text, "%u\n", i);
		else if (k == 1)
			snprintf(text, sizeof text, "0\n");
		else
			snprintf(text, sizeof text, ncpus > 1 ? "0-%u\n" : "0\n", ncpus - 1);
		add(s, path, text);
	}
	for (size_t k = 0; k < ARRAY_LEN(masks); k++) {
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/%s", i, masks[k]);
		mask_text(k < 2 ? i : 0, k < 2 ? i : ncpus - 1, text, sizeof text);
		add(s, path, text);
	}
}

static void add_loopback(struct files *s)
{
	static const struct {
		const char *path, *text;
	} lo[] = {
		{ "/sys/class/net/lo/addr_len", "6\n" },
		{ "/sys/class/net/lo/address", "00:00:00:00:00:00\n" },
		{ "/sys/class/net/lo/broadcast", "00:00:00:00:00:00\n" },
		{ "/sys/class/net/lo/carrier", "1\n" },
		{ "/sys/class/net/lo/flags", "0x9\n" },
		{ "/sys/class/net/lo/ifindex", "1\n" },
		{ "/sys/class/net/lo/mtu", "65536\n" },
		{ "/sys/class/net/lo/operstate", "unknown\n" },
		{ "/sys/class/net/lo/tx_queue_len", "1000\n" },
		{ "/sys/class/net/lo/type", "772\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(lo); i++)
		add(s, lo[i].path, lo[i].text);
}

size_t procview_static(unsigned ncpus, bool own_network, struct shim_file **ret)
{
	struct files s = { 0 };
	char all[32], mask[512];

	snprintf(all, sizeof all, ncpus > 1 ? "0-%u\n" : "0\n", ncpus - 1);
	add(&s, "/sys/devices/system/cpu/online", all);
	add(&s, "/sys/devices/system/cpu/possible", all);
	add(&s, "/sys/devices/system/cpu/present", all);
	add(&s, "/sys/devices/system/cpu/offline", "\n");
	add(&s, "/sys/devices/system/cpu/isolated", "\n");
	add(&s, "/sys/devices/system/cpu/kernel_max", "8191\n");
	for (unsigned i = 0; i < ncpus; i++)
		add_cpu(&s, i, ncpus);
	add(&s, "/sys/devices/system/node/online", "0\n");
	add(&s, "/sys/devices/system/node/possible", "0\n");
	add(&s, "/sys/devices/system/node/node0/cpulist", all);
	mask_text(0, ncpus - 1, mask, sizeof mask);
	add(&s, "/sys/devices/system/node/node0/cpumap", mask);
	add(&s, "/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
	add(&s, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n");
	if (own_network)
		add_loopback(&s);
	*ret = s.f;
	return s.n;
}

void procview_free(struct shim_file *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(f[i].path);
		free(f[i].text);
	}
	free(f);
}
