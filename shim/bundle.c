/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle around the events: header, facts of the host, manifests, outputs, statement. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/json.h"
#include "runtime/base/own.h"
#include "shim/engine.h"

static const char *const not_listed[] = { "proc", "sys", "dev", NULL };

/* Sources of nondeterminism that are left: `detrun trace nondet` lists them. */
static void escapes(struct world *w, struct json_out *j)
{
	json_key(j, "escapes");
	json_open(j, '[');
	json_str(j, "RDRAND, RDSEED and XBEGIN used without asking CPUID are not trapped");
	json_str(j, "a loop without system calls is left only when its state repeats");
	json_str(j, "signal frames are as large as the host's extended state (XSAVE) wants them");
	json_str(j, "approximate floating point instructions (RCPPS, RSQRTPS) are the silicon's own");
	json_str(j, "hard limits of the host below the fixed ones are seen");
	if (!w->o->rootfs && !w->o->virtual_ids)
		json_str(j, "ownership and credentials are those of the bundle's user namespace");
	if (w->o->network)
		json_str(j, "the network is shared with the outside: what comes from there isn't replayed");
	if (w->o->agent)
		json_str(j, "some calls are answered by an agent for seccomp: what it does is not in the trace");
	if (w->lent.unread)
		json_str(j, "the host lends too much to be read, or what can't be: of some files only names "
			"and sizes are in the manifest");
	if (w->lent.closed)
		json_str(j, "the host lends too many files to be listed: of some directories the manifest has only "
			"the names");
	if (w->o->host_root)
		json_str(j, "the starting state is the host's own file system, which is not in the manifest");
	json_close(j, ']');
}

static void strings(struct json_out *j, const char *key, const char *const *v)
{
	json_key(j, key);
	json_open(j, '[');
	for (; v && *v; v++)
		json_str(j, *v);
	json_close(j, ']');
}

static void digest(struct json_out *j, const char *key, const uint8_t d[32])
{
	char text[SHA256_HEX];

	json_kstr(j, key, hex(d, 32, text));
}

static void header(struct world *w, const uint8_t rootfs[32], struct buf *b)
{
	const struct shim_opts *o = w->o;
	struct json_out j = { .b = b };
	uint8_t d[32];

	json_open(&j, '{');
	strings(&j, "argv", o->argv);
	sha256(o->config ? o->config : "", o->config ? strlen(o->config) : 0, d);
	digest(&j, "config", d);
	json_kstr(&j, "cpu", cpu_model_name(w->cpu));
	json_kint(&j, "cpus", o->cpus);
	json_kstr(&j, "cwd", o->cwd ? o->cwd : "/");
	json_kstr(&j, "detrun", DETRUN_VERSION);
	strings(&j, "env", o->env);
	json_kint(&j, "epoch", (int64_t) o->epoch);
	escapes(w, &j);
	json_kint(&j, "format", 1);
	json_kstr(&j, "hostname", o->hostname ? o->hostname : "");
	if (o->inputs) {
		json_key(&j, "inputs");
		buf_str(b, o->inputs);
		j.comma[j.depth - 1] = true;
	}
	json_kstr(&j, "policy", o->strict ? "strict" : "record");
	digest(&j, "rootfs", rootfs);
	json_kstr(&j, "seed", o->seed ? o->seed : "");
	sys_digest(d);
	digest(&j, "syscalls", d);
	json_close(&j, '}');
}

static void host_facts(struct world *w, struct buf *b)
{
	struct json_out j = { .b = b };
	struct utsname u;
	char date[32];
	time_t now = time(NULL);
	struct tm tm;

	uname(&u);
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_open(&j, '{');
	json_kbool(&j, "cpuFaulting", w->cpu_faults);
	json_kstr(&j, "ended", date);
	if (!w->cpu_faults)
		traps_tell(w, &j);
	if (w->o->host_inputs) {
		json_key(&j, "inputs");
		buf_str(b, w->o->host_inputs);
		j.comma[j.depth - 1] = true;
	}
	json_kstr(&j, "kernel", u.release);
	json_kstr(&j, "kernelVersion", u.version);
	json_kstr(&j, "machine", u.machine);
	json_kstr(&j, "nodename", w->o->nodename ? w->o->nodename : u.nodename);
	json_kint(&j, "stops", (int64_t) w->nstops);
	json_close(&j, '}');
}

static int listing(struct world *w, int fd, struct manifest_opts *mo, int out, uint8_t ret[32],
	struct err *e)
{
	w->listed = fd;
	return manifest_write(fd, mo, out, ret, e);
}

/* A single file. Its digest is the content's, or, where its time counts, that of all of it. */
static int file_manifest(struct world *w, const struct manifest_opts *mo, int fd, struct stat *st,
	int out, uint8_t ret[32])
{
	char text[SHA256_HEX], time[64] = "";
	own_buf b = { 0 };
	int r = S_ISREG(st->st_mode) ? sha256_fd(fd, ret) : 0;

	if (r < 0)
		return r;
	if (w->o->keep_times) {
		mo->view(mo->ctx, ".", st);
		snprintf(time, sizeof time, " time=%lld.%09ld", (long long) st->st_mtim.tv_sec,
			st->st_mtim.tv_nsec);
	}
	buf_printf(&b, "# size=%lld sha256=%s%s\n", (long long) st->st_size, hex(ret, 32, text), time);
	if (*time)
		sha256(b.p, b.n, ret);
	return b.failed ? -ENOMEM : write_full(out, b.p, b.n);
}

static int volume_manifest(struct world *w, const char *path, struct manifest_opts *mo, int out,
	uint8_t ret[32], struct err *e)
{
	own_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(e, errno, "open %s", path);
	if (dprintf(out, "# volume %s\n", path) < 0)
		return fail(e, errno, "write the manifest");
	if (S_ISDIR(st.st_mode))
		return listing(w, fd, mo, out, ret, e);
	r = file_manifest(w, mo, fd, &st, out, ret);
	return r < 0 ? fail(e, r, "write the manifest of %s", path) : 0;
}

/* One after the other; the digest is that of all their digests. */
static int volumes_manifest(struct world *w, struct manifest_opts *mo, int out, uint8_t ret[32],
	struct err *e)
{
	own_buf all = { 0 };

	for (const char *const *v = w->o->volumes; v && *v; v++) {
		uint8_t d[32] = { 0 };
		int r = volume_manifest(w, *v, mo, out, d, e);

		if (r < 0)
			return r;
		buf_put(&all, *v, strlen(*v) + 1);
		buf_put(&all, d, sizeof d);
	}
	sha256(all.p, all.n, ret);
	return all.failed ? fail(e, ENOMEM, "write the manifest") : 0;
}

/* The host's own root is not listed: only what it lends. */
static int manifest_of(struct world *w, struct manifest_opts *mo, int out, uint8_t ret[32],
	struct err *e)
{
	if (!w->o->host_root)
		return listing(w, w->self_root, mo, out, ret, e);
	mo->skip = NULL;
	return volumes_manifest(w, mo, out, ret, e);
}

static int manifest(struct world *w, const char *name, rootfs_view_fn view, uint8_t ret[32],
	struct err *e)
{
	struct manifest_opts mo = { .view = view, .ctx = w, .skip = not_listed, .unread = lent_unread,
		.closed = lent_closed, .passed = lent_passed,
		.cache_dir = w->o->cache_dir, .private_hidden = w->o->rootfs && w->o->rootfs->private_hidden,
		.xattrs = !w->o->virtual_ids };
	own_cleanup(known_drop) struct known known = { 0 };
	own_fd out = -1;
	int r;

	lent_begin(w);
	if (!w->digests)
		w->digests = digest_memo_new();
	mo.memo = w->digests;
	if (w->o->trace_dir < 0)
		out = memfd_create(name, MFD_CLOEXEC);
	else
		out = openat(w->o->trace_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return fail(e, errno, "create %s", name);
	r = known_get(w, &known, &mo, e);
	if (!r)
		r = manifest_of(w, &mo, out, ret, e);
	if (!r && w->o->trace_dir < 0 && w->expect)
		r = replay_files(w, name, out, e);
	return r;
}

int bundle_begin(struct world *w, struct err *e)
{
	own_buf b = { 0 };
	uint8_t rootfs[32] = { 0 };
	int r = manifest(w, "rootfs.in.mtree", inode_seed_view, rootfs, e);

	if (r < 0)
		return r;
	world_start_at(w, w->ino.newest);
	header(w, rootfs, &b);
	if (b.failed)
		return fail(e, ENOMEM, "make the trace's header");
	if (w->o->trace_dir >= 0) {
		r = trace_writer_new(w->o->trace_dir, b.p, b.n, w->o->key, &w->tw, e);
		if (r < 0)
			return r;
		trace_room(w->tw, w->o->trace_room);
	}
	if (w->expect)
		return replay_header(w, b.p, b.n, e);
	return 0;
}

/* ---- after the run ---- */

/* An entry of the upper layer, as the merged tree shows it. */
static void upper_view(void *ctx, const char *path, struct stat *st)
{
	struct world *w = ctx;
	struct stat m;

	if (fstatat(w->self_root, path, &m, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if ((m.st_mode & S_IFMT) != (st->st_mode & S_IFMT))
		return;
	inode_manifest_view(w, path, &m);
	st->st_uid = m.st_uid;
	st->st_gid = m.st_gid;
	st->st_mode = m.st_mode;
	st->st_mtim = m.st_mtim;
	st->st_rdev = m.st_rdev;
}

/* On disk only what the run touched gets its virtual time: the user's own files keep theirs. */
static void touched_view(void *ctx, const char *path, struct stat *st)
{
	struct world *w = ctx;
	struct vinode *v = inode_peek(w, st->st_dev, st->st_ino);

	(void) path;
	if (!v || !v->touched)
		return;
	st->st_mtim.tv_sec = (time_t) (v->mtime / NSEC);
	st->st_mtim.tv_nsec = (long) (v->mtime % NSEC);
	if (w->o->keep_times && v->mtime > w->result->written && v->mtime <= world_real(w))
		w->result->written = v->mtime;
}

static int volume_times(struct world *w, struct err *e)
{
	if (!w->ino.touched)
		return 0;
	for (const char *const *v = w->o->volumes; v && *v; v++) {
		own_fd fd = open(*v, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r;

		if (fd < 0)
			continue; /* a file, or gone */
		r = rootfs_set_times(fd, touched_view, w, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the host's own root began with, points to mount on among it. */
static bool as_it_began(void *ctx, const struct stat *st)
{
	const struct vinode *v = inode_peek(ctx, st->st_dev, st->st_ino);

	return !v || (!v->touched && v->ctime == v->btime);
}

static int outputs(struct world *w, struct trace_subject *subj, size_t *n, struct err *e)
{
	const struct layer_opts o = { .view = upper_view,
		.unchanged = w->o->host_root ? as_it_began : NULL, .ctx = w };
	int r = volume_times(w, e);

	if (!r && w->o->output >= 0) {
		r = layer_write(w->o->upper, &o, w->o->output, subj->sha256, e);
		subj->name = "layer.tar";
		*n = 1;
	}
	if (!r && w->o->keep >= 0)
		r = layer_copy(w->o->upper, &o, w->o->keep, e);
	return r;
}

int shell_status(int st)
{
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

int bundle_end(struct world *w, struct err *e)
{
	struct event end = { .kind = EV_END, .has_res = true, .res = shell_status(w->status) };
	struct trace_subject subj = { 0 };
	uint8_t out[32];
	own_buf b = { 0 };
	size_t n = 0;
	int r;

	if (w->expect && !w->result->diverged) {
		end.vtime = w->last_vtime;
		replay_check(w, &end);
	}
	r = outputs(w, &subj, &n, e);
	if (!r)
		r = manifest(w, "rootfs.out.mtree", inode_manifest_view, out, e);
	if (r < 0 || !w->tw)
		return r;
	host_facts(w, &b);
	if (b.failed)
		return fail(e, ENOMEM, "write host.json");
	r = replace_file(w->o->trace_dir, "host.json", b.p, b.n, 0644, e);
	if (!r)
		r = trace_end(w->tw, shell_status(w->status), &subj, n, w->result->root, e);
	return r;
}
