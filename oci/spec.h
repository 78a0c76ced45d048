/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime specification's config.json (1.2, 1.3) as a struct that nobody changes once it is
 * made: by spec_parse() from JSON, or by the builders below for doors that have no JSON.
 *
 * Ownership: everything a struct spec points to lives in its arena and dies with spec_free().
 * Lists are { array, n_array }; string lists that go to exec are NULL-terminated as well. An absent
 * string is NULL, an absent number has its has_ flag unset, or the documented default.
 */
#ifndef DETRUN_OCI_SPEC_H
#define DETRUN_OCI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

#define SPEC_VERSION "1.3.0"	 /* what `detrun spec` writes */
#define SPEC_VERSION_MIN "1.0.0" /* what `features` says; every 1.x is read */
#define SPEC_VERSION_MAX "1.3.0"

struct spec_kv {
	const char *key;
	const char *value;
};

/* --- process ----------------------------------------------------------------------------- */

struct spec_user {
	bool keep_groups; /* the caller's supplementary groups stay */
	uid_t uid;
	gid_t gid;
	bool has_umask;
	mode_t umask;
	const gid_t *groups; /* additionalGids */
	size_t n_groups;
	const char *username; /* Windows only in the spec; kept for the record */
};

/* Bit N is capability number N (CAP_CHOWN = 0). */
struct spec_caps {
	bool present; /* false: process.capabilities absent = no capability at all */
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct spec_rlimit {
	int resource;	  /* RLIMIT_* */
	const char *name; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard; /* RLIM_INFINITY = UINT64_MAX */
};

struct spec_scheduler {
	bool present;
	int policy; /* SCHED_* */
	int nice;
	int priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period;
};

struct spec_io_priority {
	bool present;
	int class; /* 1 RT, 2 BE, 3 IDLE */
	int priority;
};

struct spec_process {
	bool terminal;
	unsigned console_width, console_height; /* 0 = not given */
	struct spec_user user;
	const char *const *args; /* NULL-terminated */
	size_t n_args;
	const char *const *env; /* NULL-terminated, "NAME=VALUE" */
	size_t n_env;
	const char *cwd; /* absolute */
	struct spec_caps caps;
	const struct spec_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privs;
	bool has_oom_score_adj;
	int oom_score_adj;
	const char *apparmor;
	const char *selinux_label;
	struct spec_scheduler scheduler;
	struct spec_io_priority io_priority;
	const char *exec_cpu_initial, *exec_cpu_final; /* execCPUAffinity */
};

/* --- mounts ------------------------------------------------------------------------------ */

struct spec_idmap {
	uint32_t container, host, size;
};

/* Extensions of runc and crun to the options list that are no MS_ flag. */
enum spec_mount_ext {
	SPEC_MNT_COPYUP = 1 << 0,      /* tmpcopyup */
	SPEC_MNT_IDMAP = 1 << 1,       /* idmap */
	SPEC_MNT_RIDMAP = 1 << 2,      /* ridmap */
	SPEC_MNT_SRC_NOFOLLOW = 1 << 3, /* src-nofollow (crun) */
	SPEC_MNT_DST_NOFOLLOW = 1 << 4, /* dest-nofollow (crun) */
	SPEC_MNT_COPY_SYMLINK = 1 << 5, /* copy-symlink (crun) */
};

struct spec_mount {
	const char *destination; /* absolute (a relative one is read as from /) */
	const char *type;	 /* NULL when absent; "bind" when only the options say so */
	const char *source;	 /* NULL when absent */
	const char *const *options; /* as given, NULL-terminated: for printing */
	size_t n_options;

	/* what the options mean */
	unsigned long flags;	   /* MS_*, MS_BIND and MS_REC included, propagation not */
	unsigned long flags_clear; /* MS_* that an option such as "suid" or "rw" takes away */
	unsigned long propagation; /* MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE [| MS_REC], or 0 */
	uint64_t rec_attr_set;	   /* MOUNT_ATTR_* for mount_setattr(AT_RECURSIVE): "rro" … */
	uint64_t rec_attr_clear;   /* "rrw" … */
	unsigned ext;		   /* SPEC_MNT_* */
	const char *data;	   /* the other options, comma-joined; "" if none */

	const struct spec_idmap *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
};

/* --- linux ------------------------------------------------------------------------------- */

/* Order: index into spec_linux.ns. */
enum spec_ns_type {
	SPEC_NS_USER,
	SPEC_NS_PID,
	SPEC_NS_MOUNT,
	SPEC_NS_UTS,
	SPEC_NS_IPC,
	SPEC_NS_NET,
	SPEC_NS_CGROUP,
	SPEC_NS_TIME,
	SPEC_NS_COUNT
};

struct spec_ns {
	bool present;	  /* named in the list: a new one, or the one at .path */
	const char *path; /* NULL: new */
};

struct spec_device {
	const char *path;
	char type; /* 'c', 'b', 'u', 'p' */
	int64_t major, minor;
	bool has_mode, has_uid, has_gid;
	mode_t mode; /* permission bits, default 0666 */
	uid_t uid;
	gid_t gid;
};

struct spec_time_offset {
	bool present;
	int64_t secs;
	uint32_t nanosecs;
};

struct spec_seccomp_arg {
	unsigned index;
	uint64_t value, value_two;
	const char *op; /* "SCMP_CMP_EQ" … */
};

struct spec_seccomp_rule {
	const char *const *names; /* NULL-terminated */
	size_t n_names;
	const char *action; /* "SCMP_ACT_…" */
	bool has_errno;
	uint32_t errno_ret;
	const struct spec_seccomp_arg *args;
	size_t n_args;
};

struct spec_seccomp {
	bool present;
	const char *default_action;
	bool has_default_errno;
	uint32_t default_errno;
	const char *const *arches;
	size_t n_arches;
	bool has_flags; /* an empty list says something too */
	const char *const *flags;
	size_t n_flags;
	const char *listener_path, *listener_metadata;
	const struct spec_seccomp_rule *rules;
	size_t n_rules;
};

/* One line of the device cgroup; major or minor -1 = any. */
struct spec_dev_rule {
	bool allow;
	char type; /* 'a', 'b', 'c' */
	int64_t major, minor;
	bool r, w, m;
};

/* A number that may be absent. */
struct spec_i64 {
	bool present;
	int64_t v;
};

struct spec_u64 {
	bool present;
	uint64_t v;
};

struct spec_blkio_dev {
	int64_t major, minor;
	uint64_t value; /* weight or rate */
	uint64_t leaf_weight;
};

struct spec_hugepage {
	const char *page_size; /* "2MB" */
	uint64_t limit;
};

struct spec_rdma {
	const char *device;
	struct spec_u64 handles, objects;
};

struct spec_net_prio {
	const char *name;
	uint32_t priority;
};

enum spec_blkio_list {
	SPEC_BLKIO_WEIGHT,
	SPEC_BLKIO_READ_BPS,
	SPEC_BLKIO_WRITE_BPS,
	SPEC_BLKIO_READ_IOPS,
	SPEC_BLKIO_WRITE_IOPS,
	SPEC_BLKIO_COUNT
};

struct spec_resources {
	bool present;
	const struct spec_dev_rule *devices;
	size_t n_devices;
	struct { /* bytes; -1 = unlimited */
		struct spec_i64 limit, reservation, swap, kernel, kernel_tcp;
		struct spec_u64 swappiness;
		bool disable_oom_killer, use_hierarchy, check_before_update;
	} memory;
	struct {
		struct spec_u64 shares, period, burst, realtime_period;
		struct spec_i64 quota, realtime_runtime, idle;
		const char *cpus, *mems;
	} cpu;
	struct spec_i64 pids_limit;
	bool no_pids; /* a limit of 0 is one, as since 1.3; before that engines wrote "not set" so */
	struct {
		struct spec_u64 weight, leaf_weight;
		const struct spec_blkio_dev *dev[SPEC_BLKIO_COUNT];
		size_t n_dev[SPEC_BLKIO_COUNT];
	} blkio;
	const struct spec_hugepage *hugepages;
	size_t n_hugepages;
	struct spec_u64 net_class;
	const struct spec_net_prio *net_prio;
	size_t n_net_prio;
	const struct spec_rdma *rdma;
	size_t n_rdma;
	const struct spec_kv *unified; /* sorted by key */
	size_t n_unified;
};

struct spec_intel_rdt {
	bool present;
	const char *clos_id, *l3_schema, *mem_bw_schema;
	const char *const *schemata;
	size_t n_schemata;
	bool enable_cmt, enable_mbm, enable_monitoring;
};

struct spec_linux {
	bool present;
	const struct spec_idmap *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
	struct spec_ns ns[SPEC_NS_COUNT];
	const struct spec_device *devices;
	size_t n_devices;
	const struct spec_kv *net_devices; /* host name → name inside (1.3), sorted by host name */
	size_t n_net_devices;
	const char *const *masked; /* maskedPaths */
	size_t n_masked;
	const char *const *readonly; /* readonlyPaths */
	size_t n_readonly;
	unsigned long rootfs_propagation; /* MS_SHARED … [| MS_REC]; 0 = not given */
	const char *cgroups_path;
	const char *mount_label;
	const struct spec_kv *sysctl; /* sorted by key */
	size_t n_sysctl;
	struct spec_seccomp seccomp;
	bool has_personality;
	unsigned long personality; /* PER_LINUX or PER_LINUX32 */
	const char *const *personality_flags;
	size_t n_personality_flags;
	struct spec_time_offset time_monotonic, time_boottime;
	struct spec_resources resources;
	struct spec_intel_rdt intel_rdt;
	const char *memory_policy; /* linux.memoryPolicy.mode (1.3); NULL when absent */
	const char *memory_policy_nodes;
	const char *const *memory_policy_flags;
	size_t n_memory_policy_flags;
};

/* --- hooks ------------------------------------------------------------------------------- */

enum spec_hook_when {
	SPEC_HOOK_PRESTART,
	SPEC_HOOK_CREATE_RUNTIME,
	SPEC_HOOK_CREATE_CONTAINER,
	SPEC_HOOK_START_CONTAINER,
	SPEC_HOOK_POSTSTART,
	SPEC_HOOK_POSTSTOP,
	SPEC_HOOK_COUNT
};

struct spec_hook {
	const char *path; /* absolute */
	const char *const *args; /* NULL-terminated; n_args 0: argv is just the path */
	size_t n_args;
	const char *const *env;
	size_t n_env;
	int timeout; /* seconds; 0 = none */
};

struct spec_hooks {
	const struct spec_hook *list;
	size_t n;
};

/* --- the whole --------------------------------------------------------------------------- */

struct spec_mem; /* arena, private to oci/ */

struct spec {
	const char *version; /* ociVersion */
	bool has_process;
	struct spec_process process;
	const char *root_path; /* as written: absolute, or relative to the bundle; NULL if no root */
	bool root_readonly;
	const char *hostname;
	const char *domainname;
	const struct spec_mount *mounts;
	size_t n_mounts;
	struct spec_linux linux_; /* "linux" is a macro of gnu11 */
	struct spec_hooks hooks[SPEC_HOOK_COUNT];
	const struct spec_kv *annotations; /* sorted by key */
	size_t n_annotations;
	/* Top-level properties of other platforms ("windows", "vm" …): named by spec_supported(). */
	const char *const *foreign;
	size_t n_foreign;
	/* What the spec wants logged rather than refused, one line each: the verbs log them. */
	const char *const *warnings;
	size_t n_warnings;
	struct spec_mem *mem;
};

/** Parse and check a config.json. @what (a path) is named in errors. Free with spec_free(). */
int spec_parse(const char *text, size_t n, const char *what, struct spec **ret, struct err *e);
/** Read and parse @dirfd/@name ("config.json"). */
int spec_load(int dirfd, const char *name, struct spec **ret, struct err *e);
void spec_free(struct spec *s);
static inline void spec_drop(struct spec **s)
{
	spec_free(*s);
}
#define own_spec __attribute__((cleanup(spec_drop))) struct spec *

/**
 * Refuse by name, with its JSON path, the first thing that @s asks for and this runtime cannot do
 * yet. 0 or -EOPNOTSUPP. Called by the verbs after spec_parse() and before anything is made.
 */
int spec_supported(const struct spec *s, struct err *e);
/** Rules across properties (gid maps need a user namespace …). spec_parse() has run it. */
int spec_check(const struct spec *s, struct err *e);

/** Canonical JSON (RFC 8785) of what was understood: equal specs give equal bytes. 0 or -ENOMEM. */
int spec_to_json(const struct spec *s, struct buf *ret);

/**
 * The same without what an engine makes up for each container, and what lies elsewhere on another
 * host: paths of the host, its ids, cgroups, hooks, labels, annotations; mounts by destination.
 */
int spec_to_portable_json(const struct spec *s, struct buf *ret);
/** Order the environment by name, as engines don't: 0 or -ENOMEM. */
int spec_sort_env(struct spec *s);

/** The same of a process object alone. */
int spec_process_to_json(const struct spec_process *p, struct buf *ret);

/** Just the process object, as `exec --process FILE` has it. Lives in a spec with .has_process. */
int spec_parse_process(const char *text, size_t n, const char *what, struct spec **ret,
	struct err *e);

/* --- builders ---------------------------------------------------------------------------- */
/* They copy what they are given. Out of memory kills the process: must(). */

/** An empty spec: version, cwd "/", no namespaces, no capabilities. has_process is false. */
struct spec *spec_new(void);
/** What `detrun spec` writes; @rootless: user namespace mapping @uid and @gid to 0. */
struct spec *spec_default(bool rootless, uid_t uid, gid_t gid);

/** A copy of @str that lives as long as @s. NULL gives NULL. */
const char *spec_strdup(struct spec *s, const char *str);
const char *spec_printf(struct spec *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void spec_set_root(struct spec *s, const char *path, bool readonly);
void spec_set_hostname(struct spec *s, const char *name);
void spec_set_cwd(struct spec *s, const char *cwd);
void spec_set_args(struct spec *s, int argc, const char *const *argv);
void spec_add_arg(struct spec *s, const char *arg);
/** "NAME=VALUE"; replaces an earlier NAME in its place. */
void spec_add_env(struct spec *s, const char *assignment);
void spec_set_user(struct spec *s, uid_t uid, gid_t gid);
void spec_add_group(struct spec *s, gid_t gid);
void spec_add_rlimit(struct spec *s, int resource, uint64_t soft, uint64_t hard);
/** The same mask in all sets but ambient and inheritable. */
void spec_set_caps(struct spec *s, uint64_t mask);
void spec_add_ns(struct spec *s, enum spec_ns_type type, const char *path);
void spec_add_uid_map(struct spec *s, uint32_t container, uint32_t host, uint32_t size);
void spec_add_gid_map(struct spec *s, uint32_t container, uint32_t host, uint32_t size);
void spec_add_masked(struct spec *s, const char *path);
void spec_add_readonly(struct spec *s, const char *path);
void spec_add_annotation(struct spec *s, const char *key, const char *value);
void spec_drop_annotation(struct spec *s, const char *key);
/** @options: comma-separated as in mount(8), parsed as config.json's; NULL = none. */
void spec_add_mount(struct spec *s, const char *destination, const char *type, const char *source,
	const char *options);

/* --- names ------------------------------------------------------------------------------- */

/** "CAP_CHOWN" → 0 …, -1 if unknown. */
int spec_cap_number(const char *name);
/** NULL beyond the last known. */
const char *spec_cap_name(int number);
/** "RLIMIT_NOFILE" → RLIMIT_NOFILE, -1 if unknown. */
int spec_rlimit_number(const char *name);
const char *spec_rlimit_name(int number);
/** "mount", "network" … as config.json has it. */
const char *spec_ns_name(enum spec_ns_type type);
/** CLONE_NEW* of a type. */
int spec_ns_flag(enum spec_ns_type type);
/** "createRuntime" … */
const char *spec_hook_name(enum spec_hook_when when);
/** Value of an annotation, or NULL. */
const char *spec_annotation(const struct spec *s, const char *key);
/** The known mount options, for `features`: sorted by name; NULL after the last. */
const char *spec_mount_option(size_t i);

#endif
