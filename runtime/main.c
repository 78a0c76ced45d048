/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: global options, then a verb of the table, else a command to run. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci/spec.h"
#include "runtime/base/log.h"
#include "runtime/base/own.h"
#include "runtime/cmd.h"
#include "runtime/door.h"
#include "runtime/launch.h"
#include "runtime/selfexec.h"
#include "runtime/scmp.h"

static const struct verb {
	const char *name;
	cmd_fn *fn;
	const char *help;
	bool enters; /* containers that nobody may supervise: see selfexec.h */
} verbs[] = {
	{ "run", cmd_run, "run an OCI bundle", true },
	{ "create", cmd_create, "make a container of an OCI bundle", true },
	{ "start", cmd_start, "start what create made" },
	{ "exec", cmd_exec, "run a further process in a container", true },
	{ "state", cmd_state, "print a container's state" },
	{ "list", cmd_list, "list the containers" },
	{ "kill", cmd_kill, "send a signal to a container" },
	{ "delete", cmd_delete, "remove a container" },
	{ "pause", cmd_pause, "freeze a container" },
	{ "resume", cmd_resume, "let a paused container go on" },
	{ "ps", cmd_ps, "show a container's processes" },
	{ "update", cmd_update, "change a container's limits" },
	{ "events", cmd_events, "show what a container uses" },
	{ "spec", cmd_spec, "write a config.json to start from" },
	{ "features", cmd_features, "print what config.json may ask for" },
	{ "checkpoint", cmd_checkpoint, NULL },
	{ "restore", cmd_checkpoint, NULL },
	{ "trace", cmd_trace, "show, compare and question traces" },
	{ "verify", cmd_verify, "check a trace" },
	{ "replay", cmd_replay, "run a trace's inputs again and compare", true },
	{ "syscalls", cmd_syscalls, "the table of system calls" },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return verbs[i].fn ? &verbs[i] : NULL;
	return NULL;
}

struct line {
	struct global g;
	struct door d;
	const char *log_format;
	bool version, systemd_cgroup;
	char **argv;
};

enum { N_GLOBAL = 16, N_TABLE = DOOR_OPTS + N_GLOBAL };

/* Options before a verb are runc's; those of a command without verb follow in the same table. */
static void make_table(struct line *l, struct opt t[N_TABLE])
{
	const struct opt globals[] = {
		{ "root", 0, OPT_STR, &l->g.root, "DIR", "where containers' states are kept" },
		{ "log", 0, OPT_STR, &l->g.log, "FILE", "write messages there" },
		{ "log-format", 0, OPT_STR, &l->log_format, "text|json", "how (default text)" },
		{ "debug", 0, OPT_FLAG, &l->g.debug, NULL, "say more" },
		{ "determinism", 0, OPT_STR, &l->g.determinism, "strict|record|off",
			"external inputs are refused, recorded (default), or not looked at" },
		{ "systemd-cgroup", 0, OPT_FLAG, &l->systemd_cgroup, NULL, NULL },
		{ "rootless", 0, OPT_STR, &l->g.rootless, "true|false|auto",
			"go on without a cgroup where none may be made" },
		{ "criu", 0, OPT_STR, NULL, NULL, NULL },
		{ "cgroup-manager", 0, OPT_STR, &l->g.cgroup_manager,
			"cgroupfs|systemd|disabled", "who makes containers' cgroups" },
		{ "version", 0, OPT_FLAG, &l->version, NULL, "print the version" },
		{ NULL },
	};
	size_t n = door_options(&l->d, t);

	_Static_assert(ARRAY_LEN(globals) <= N_GLOBAL, "room for all options");
	memcpy(t + n, globals, sizeof globals);
}

static void usage(const struct opt *t)
{
	static const struct opt none[] = { { NULL } };

	opts_usage(NULL, "Open Container Initiative runtime whose containers give the same bytes on "
		"any machine", "[options] [--] COMMAND [ARGUMENT...]\n[options] VERB ...",
		"Run a command so that it gives the same bytes on any machine, and leave a signed\n"
		"trace of it. The current directory is /build inside. With --chroot the starting\n"
		"state is the named root file system; without, it is the host's own, read-only:\n"
		"its state is then an input of the run. `--` runs even what is called like a verb.",
		none);
	printf("\nVERBS (see VERB --help):\n");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (verbs[i].help)
			printf("  %-10s %s\n", verbs[i].name, verbs[i].help);
	printf("\nOPTIONS:\n");
	opts_help(t);
}

static int complain(const struct err *e)
{
	fprintf(stderr, "detrun: %s\n", e->msg);
	return EXIT_OURS;
}

static bool door_used(const struct door *d)
{
	static const struct door none;

	return memcmp(d, &none, sizeof none) != 0;
}

/* `help`, `help VERB` */
static int help(struct line *l, const struct opt *t, int argc, char **argv)
{
	const struct verb *v = argc > 1 ? find_verb(argv[1]) : NULL;
	char *ask[] = { argc > 1 ? argv[1] : NULL, (char[]) { "--help" }, NULL };
	struct err e = ERR_INIT;

	if (v)
		return v->fn(&l->g, 2, ask);
	if (argc > 1) {
		fail_msg(&e, EINVAL, "no help topic for \"%s\" (see detrun --help)", argv[1]);
		return complain(&e);
	}
	usage(t);
	return 0;
}

/* Found where the caller or the container would look. */
static bool is_program(const char *name)
{
	const char *const lists[] = { getenv("PATH"),
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (const char *p = lists[i]; p && *p; p += strcspn(p, ":"), p += *p == ':') {
			char path[4096];
			int n = snprintf(path, sizeof path, "%.*s/%s", (int) strcspn(p, ":"), p, name);

			if (n > 0 && (size_t) n < sizeof path && access(path, X_OK) == 0)
				return true;
		}
	return false;
}

/* A verb with a typing error, rather than a command. */
static int neither(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc == 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
		fail_msg(&e, ENOENT, "No help topic for '%s': it is neither a verb nor a program (see "
			"detrun --help)", argv[0]);
	else
		fail_msg(&e, ENOENT, "exec: \"%s\": executable file not found in $PATH, and no verb "
			"of detrun's (see detrun --help)", argv[0]);
	complain(&e);
	return EXIT_NOT_FOUND;
}

/* In runc's words, and its name where we are called by it. */
static void say_sealed(const char *how)
{
	const char *name = program_invocation_short_name;

	log_debug("%s exeseal: using %s for sealed /proc/self/exe", name, how);
	log_debug("%s exeseal: using /proc/self/exe clone", name);
}

static int dispatch(struct line *l, int argc, char **argv, bool dashes)
{
	const struct verb *v = dashes || door_used(&l->d) ? NULL : find_verb(argv[0]);
	const char *sealed = NULL;
	struct err e = ERR_INIT;
	int status;

	if (v && v->enters && selfexec(l->argv, &sealed, &e) < 0)
		return complain(&e), 1;
	if (log_setup(l->g.log, l->g.log_json, l->g.debug, &e) < 0)
		return v ? (complain(&e), 1) : complain(&e);
	if (sealed)
		say_sealed(sealed);
	if (l->systemd_cgroup)
		l->g.cgroup_manager = "systemd";
	if (v) {
		status = v->fn(&l->g, argc, argv);
		log_end();
		return status;
	}
	if (!dashes && !door_used(&l->d) && !strchr(argv[0], '/') && !is_program(argv[0]))
		return neither(argc, argv);
	l->d.job.determinism = l->g.determinism;
	status = door_command(&l->d, argc, argv);
	if (status == EXIT_NOT_FOUND && argc == 2 &&
		(!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
		fprintf(stderr, "No help topic for '%s'\n", argv[0]);
	door_free(&l->d);
	return status;
}

/* dockerd reads these lines: a name, "version" and the version first. crun's has the last. */
static void print_version(void)
{
	char seccomp[32];

	scmp_version(seccomp);
	printf("%s version %s\ncommit: %s\nspec: %s\nlibseccomp: %s\n"
		"+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n", program_invocation_short_name,
		DETRUN_VERSION, DETRUN_COMMIT, SPEC_VERSION_MAX, seccomp);
}

static bool one_of(const char *text, const char *const *list)
{
	for (; text && *list; list++)
		if (!strcmp(text, *list))
			return true;
	return !text;
}

/* crun's way to name a file. Its other places for messages are none of ours. */
static int where_to_log(const char **log, struct err *e)
{
	if (*log && !strncmp(*log, "file:", 5))
		*log += 5;
	else if (*log && (!strncmp(*log, "syslog:", 7) || !strncmp(*log, "journald:", 9)))
		return fail_msg(e, EINVAL, "--log %s: a file expected", *log);
	return 0;
}

static int check(struct line *l, struct err *e)
{
	static const char *const formats[] = { "text", "json", NULL };
	static const char *const rootless[] = { "true", "false", "auto", NULL };

	if (!one_of(l->log_format, formats))
		return fail_msg(e, EINVAL, "--log-format %s: text or json expected", l->log_format);
	if (!one_of(l->g.rootless, rootless))
		return fail_msg(e, EINVAL, "--rootless %s: true, false or auto expected",
			l->g.rootless);
	l->g.log_json = l->log_format && !strcmp(l->log_format, "json");
	return where_to_log(&l->g.log, e);
}

static int run(struct line *l, int argc, char **argv)
{
	struct opt t[N_TABLE];
	struct err e = ERR_INIT;
	bool dashes = false;
	int rest = argc, r = 0;

	make_table(l, t);
	r = opts_parse(t, argc, argv, &rest, &dashes, &e);
	if (r == -ENODATA && !strcmp(argv[argc - 1], "-v")) { /* runc's; with a value, a volume */
		l->version = true;
		r = 0;
	}
	if (r < 0)
		return complain(&e);
	if (r == 1 || (rest == argc && !l->version && argc == 1)) {
		usage(t);
		return r == 1 ? 0 : EXIT_OURS;
	}
	if (l->version) {
		print_version();
		return 0;
	}
	if (rest == argc) {
		fail_msg(&e, EINVAL, "no command (see detrun --help)");
		return complain(&e);
	}
	if (check(l, &e) < 0)
		return complain(&e);
	if (!dashes && !strcmp(argv[rest], "help") && !door_used(&l->d))
		return help(l, t, argc - rest, argv + rest);
	return dispatch(l, argc - rest, argv + rest, dashes);
}

/* Our own files must never land on 0, 1 or 2. */
static void fill_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static struct line l;
	struct err e = ERR_INIT;
	int status;

	l.argv = argv;
	fill_stdio();
	status = run(&l, argc, argv);
	errno = 0;
	if ((fflush(stdout) < 0 || ferror(stdout)) && !status) {
		fail(&e, errno, "write to standard output");
		log_error("%s", e.msg);
		return 1;
	}
	return status;
}
