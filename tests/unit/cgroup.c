/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups as far as they can be tested without any: paths, conversions, files, device programs. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/own.h"
#include "runtime/cgroup_res.h"
#include "tests/check.h"

/* --- paths ------------------------------------------------------------------------------- */

static void cleans(const char *path, const char *want)
{
	own_free char *got = cg_clean(path);

	STREQ(got, want);
}

TEST(a_path_never_leads_out)
{
	cleans("/a/b", "/a/b");
	cleans("a//b/./c/", "a/b/c");
	cleans("../../x", "x");
	cleans("/../..", "/");
	cleans("a/../../../b", "b");
	cleans("/a/..b/c..", "/a/..b/c..");
	cleans("..", "");
	cleans("", "");
}

TEST(controllers_are_whole_words)
{
	OK(cg_listed("cpu,cpuacct", "cpuacct"));
	OK(cg_listed("cpu,cpuacct", "cpu"));
	OK(!cg_listed("cpuacct", "cpu"));
	OK(!cg_listed("cpuset", "cpu"));
	OK(!cg_listed("", "cpu"));
}

TEST(keys_stand_at_the_start_of_a_line)
{
	uint64_t v = 0;

	OK(cg_key("populated 1\nfrozen 7\n", "frozen", &v));
	EQ(v, 7);
	OK(!cg_key("notfrozen 1\n", "frozen", &v));
	OK(!cg_key("", "frozen", &v));
}

/* --- conversions ------------------------------------------------------------------------- */

TEST(cpu_shares_become_a_weight)
{
	EQ(cg2_weight(0), 1);
	EQ(cg2_weight(2), 1);
	EQ(cg2_weight(3), 2);
	EQ(cg2_weight(100), 17);
	EQ(cg2_weight(512), 59);
	EQ(cg2_weight(1024), 100);
	EQ(cg2_weight(2048), 174);
	EQ(cg2_weight(262143), 10000);
	EQ(cg2_weight(262144), 10000);
	EQ(cg2_weight(UINT64_MAX), 10000);
}

TEST(blkio_weight_becomes_an_io_weight)
{
	EQ(cg2_io_weight(0), 0);
	EQ(cg2_io_weight(10), 1);
	EQ(cg2_io_weight(1000), 10000);
}

TEST(swap_is_counted_alone)
{
	struct err e = ERR_INIT;
	int64_t v = 7;

	EQ(cg2_swap(100, 300, &v, &e), 0);
	EQ(v, 200);
	EQ(cg2_swap(100, 100, &v, &e), 0);
	EQ(v, 0);
	EQ(cg2_swap(100, -1, &v, &e), 0);
	EQ(v, -1);
	EQ(cg2_swap(-1, 0, &v, &e), 0);
	EQ(v, -1);
	EQ(cg2_swap(100, 0, &v, &e), 0);
	EQ(v, 0);
	EQ(cg2_swap(0, 100, &v, &e), -EINVAL);
	STREQ(e.msg, "unable to set swap limit without memory limit");
	EQ(cg2_swap(300, 100, &v, &e), -EINVAL);
	STREQ(e.msg, "memory+swap limit should be >= memory limit");
}

/* --- files ------------------------------------------------------------------------------- */

static char lab[64];

static struct cg_dir lab_dir(bool v2)
{
	strcpy(lab, "/tmp/detrun-cgroup.XXXXXX");
	OK(mkdtemp(lab) != NULL);
	return (struct cg_dir) { .name = (char *) (uintptr_t) "", .path = lab, .v2 = v2 };
}

static void put(const char *name, const char *text)
{
	char path[128];
	own_fd fd = -1;

	snprintf(path, sizeof path, "%s/%s", lab, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	OK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
}

static const char *get(const struct cg_dir *d, const char *name)
{
	static char text[4][256];
	static int turn;
	own_buf b = { 0 };

	turn = (turn + 1) % 4;
	snprintf(text[turn], sizeof text[turn], "%s",
		cg_read(d, name, &b, NULL) < 0 ? "(none)" : (char *) b.p);
	return text[turn];
}

static void lab_done(void)
{
	char cmd[128];

	snprintf(cmd, sizeof cmd, "rm -r %s", lab);
	OK(system(cmd) == 0);
}

TEST(no_file_is_made)
{
	struct cg_dir d = lab_dir(false);
	struct err e = ERR_INIT;

	EQ(cg_write(&d, "pids.max", "5", &e), -ENOENT);
	OK(strstr(e.msg, "pids.max") != NULL);
	STREQ(get(&d, "pids.max"), "(none)");
	put("target", "");
	OK(symlinkat("target", AT_FDCWD, strcat(strcpy((char[80]) { 0 }, lab), "/link")) == 0);
	EQ(cg_write(&d, "link", "5", &e), -ELOOP);
	lab_done();
}

TEST(memory_of_v2)
{
	struct cg_dir d = lab_dir(true);
	struct spec_resources r = { .memory = {
		.limit = { true, 1000 }, .swap = { true, 3000 }, .reservation = { true, 500 },
	} };
	struct err e = ERR_INIT;

	put("memory.max", "");
	put("memory.low", "");
	put("memory.swap.max", "");
	EQ(cg2_memory(&d, &r, &e), 0);
	STREQ(get(&d, "memory.max"), "1000");
	STREQ(get(&d, "memory.low"), "500");
	STREQ(get(&d, "memory.swap.max"), "2000");
	r.memory.swappiness = (struct spec_u64) { true, 10 };
	EQ(cg2_memory(&d, &r, &e), -EOPNOTSUPP);
	lab_done();
}

TEST(memory_of_v2_in_use_is_not_cut)
{
	struct cg_dir d = lab_dir(true);
	struct spec_resources r = { .memory = { .limit = { true, 1000 },
		.check_before_update = true } };
	struct err e = ERR_INIT;

	put("memory.max", "max\n");
	put("memory.current", "1000\n");
	EQ(cg2_memory(&d, &r, &e), -EBUSY);
	STREQ(e.msg, "rejecting memory limit 1000 <= usage 1000");
	STREQ(get(&d, "memory.max"), "max\n");
	put("memory.current", "999\n");
	EQ(cg2_memory(&d, &r, &e), 0);
	lab_done();
}

TEST(swap_alone_needs_to_know_the_limit)
{
	struct cg_dir d = lab_dir(true);
	struct spec_resources r = { .memory = { .swap = { true, 3000 } } };
	struct err e = ERR_INIT;

	put("memory.swap.max", "");
	put("memory.max", "1000\n");
	EQ(cg2_memory(&d, &r, &e), 0);
	STREQ(get(&d, "memory.swap.max"), "2000");
	put("memory.max", "max\n");
	EQ(cg2_memory(&d, &r, &e), -EINVAL);
	lab_done();
}

TEST(cpu_of_v2_keeps_the_half_that_is_not_given)
{
	struct cg_dir d = lab_dir(true);
	struct spec_resources r = { .cpu = { .period = { true, 5000 } } };
	struct err e = ERR_INIT;

	put("cpu.max", "2000 100000\n");
	EQ(cg2_cpu(&d, &r, &e), 0);
	OK(!strncmp(get(&d, "cpu.max"), "2000 5000", 9));
	put("cpu.max", "max 7000\n");
	r = (struct spec_resources) { .cpu = { .quota = { true, 3000 } } };
	EQ(cg2_cpu(&d, &r, &e), 0);
	OK(!strncmp(get(&d, "cpu.max"), "3000 7000", 9));
	put("cpu.max", "2000 100000\n");
	r = (struct spec_resources) { .cpu = { .quota = { true, -1 }, .period = { true, 10 } } };
	EQ(cg2_cpu(&d, &r, &e), 0);
	OK(!strncmp(get(&d, "cpu.max"), "max 10", 6));
	lab_done();
}

TEST(shares_are_read_back)
{
	struct cg_dir d = lab_dir(false);
	struct spec_resources r = { .cpu = { .shares = { true, 100 } } };
	struct err e = ERR_INIT;

	put("cpu.shares", "");
	EQ(cg1_cpu(&d, &r, &e), 0);
	STREQ(get(&d, "cpu.shares"), "100");
	lab_done();
}

TEST(v1_takes_swap_away_with_the_limit)
{
	struct cg_dir d = lab_dir(false);
	struct spec_resources r = { .memory = { .limit = { true, -1 } } };
	struct err e = ERR_INIT;

	put("memory.limit_in_bytes", "1000\n");
	put("memory.memsw.limit_in_bytes", "2000\n");
	EQ(cg1_memory(&d, &r, &e), 0);
	OK(!strncmp(get(&d, "memory.memsw.limit_in_bytes"), "-1", 2));
	OK(!strncmp(get(&d, "memory.limit_in_bytes"), "-1", 2));
	r.memory.swappiness = (struct spec_u64) { true, 101 };
	EQ(cg1_memory(&d, &r, &e), -EINVAL);
	lab_done();
}

TEST(throttles_of_v2)
{
	struct cg_dir d = lab_dir(true);
	struct spec_blkio_dev one = { 8, 0, 500, 0 };
	struct spec_resources r = { 0 };
	struct err e = ERR_INIT;

	r.blkio.dev[SPEC_BLKIO_WRITE_IOPS] = &one;
	r.blkio.n_dev[SPEC_BLKIO_WRITE_IOPS] = 1;
	r.blkio.weight = (struct spec_u64) { true, 1000 };
	put("io.max", "");
	put("io.weight", "");
	EQ(cg2_io(&d, &r, &e), 0);
	STREQ(get(&d, "io.max"), "8:0 wiops=500");
	STREQ(get(&d, "io.weight"), "10000");
	put("io.bfq.weight", "");
	EQ(cg2_io(&d, &r, &e), 0);
	STREQ(get(&d, "io.bfq.weight"), "1000");
	lab_done();
}

TEST(a_page_size_is_no_path)
{
	struct cg_dir d = lab_dir(true);
	struct spec_hugepage h = { "../2MB", 5 };
	struct spec_resources r = { .hugepages = &h, .n_hugepages = 1 };
	struct err e = ERR_INIT;

	EQ(cg_hugetlb(&d, &r, &e), -EINVAL);
	lab_done();
}

/* --- who asks for what ------------------------------------------------------------------- */

TEST(zero_asks_for_nothing)
{
	struct spec_resources r = { .present = true };

	OK(!cg_asks(&r));
	r.memory.limit = (struct spec_i64) { true, 0 };
	r.cpu.shares = (struct spec_u64) { true, 0 };
	r.pids_limit = (struct spec_i64) { true, 0 };
	OK(!cg_asks(&r));
	r.no_pids = true;
	OK(cg_asks(&r));
	r.pids_limit.v = -1;
	OK(cg_asks(&r));
}

/* --- the state --------------------------------------------------------------------------- */

TEST(the_state_keeps_it)
{
	static const char text[] = "{\"dirs\":[{\"controllers\":\"cpu,cpuacct\",\"path\":\"/a/b\","
		"\"v2\":false},{\"controllers\":\"\",\"path\":\"/u/b\",\"v2\":true}],\"made\":true,"
		"\"rootless\":false}";
	own_json j = NULL;
	own_cgroup c = NULL;
	own_buf b = { 0 };
	struct json_out o = { .b = &b };
	struct err e = ERR_INIT;

	EQ(json_parse(text, strlen(text), "state", &j, &e), 0);
	EQ(cgroup_get(j, &c, &e), 0);
	cgroup_put(c, &o);
	STREQ(buf_cstr(&b), text);
	STREQ(cg_of(c, "cpuacct")->path, "/a/b");
	STREQ(cg_of(c, "hugetlb")->path, "/u/b");
}

TEST(a_state_of_others_is_read_with_care)
{
	static const char *const bad[] = { "{\"dirs\":[1]}", "{\"dirs\":[{\"path\":\"/x\"}]}",
		"{\"dirs\":[{\"controllers\":\"\",\"path\":\"x\"}]}",
		"{\"dirs\":[{\"controllers\":\"\",\"path\":\"/x/../y\"}]}" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		own_json j = NULL;
		own_cgroup c = NULL;

		EQ(json_parse(bad[i], strlen(bad[i]), "state", &j, &e), 0);
		EQ(cgroup_get(j, &c, &e), -EINVAL);
	}
	for (int i = 0; i < 2; i++) {
		own_json j = NULL;
		own_cgroup c = NULL;

		EQ(i ? json_parse("null", 4, "state", &j, &e) : 0, 0);
		EQ(cgroup_get(j, &c, &e), 0);
		OK(!cgroup_exists(c));
		EQ(cgroup_kill(c, &e), 0);
		EQ(cgroup_remove(c, &e), 0);
	}
}

/* Ours only once it was made: else it may be full of somebody else's processes. */
TEST(what_we_did_not_make_is_not_killed)
{
	struct cg_dir d = lab_dir(true);
	struct cgroup c = { .n = 1, .v2 = true, .lock = -1 };
	struct err e = ERR_INIT;
	char self[32];

	c.dir[0] = d;
	snprintf(self, sizeof self, "%d\n", getpid());
	put("cgroup.procs", self);
	put("cgroup.kill", "");
	EQ(cgroup_kill(&c, &e), 0);
	STREQ(get(&d, "cgroup.kill"), "");
	lab_done();
}

/* --- devices ----------------------------------------------------------------------------- */

/* As much of a BPF machine as such a program needs. */
static int run(const struct buf *b, const struct bpf_cgroup_dev_ctx *ctx)
{
	const struct bpf_insn *p = (const void *) b->p;
	size_t n = b->n / sizeof *p;
	uint64_t r[11] = { 0 };

	for (size_t i = 0, steps = 0; i < n && steps < 10000; i++, steps++) {
		const struct bpf_insn *x = &p[i];
		uint64_t k = BPF_SRC(x->code) == BPF_X ? r[x->src_reg]
						       : (uint64_t) (int64_t) x->imm;

		switch (x->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			OK(x->src_reg == 1 && x->off >= 0 && x->off + 4 <= (int) sizeof *ctx);
			r[x->dst_reg] = *(const uint32_t *) ((const char *) ctx + x->off);
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
		case BPF_ALU64 | BPF_MOV | BPF_X:
			r[x->dst_reg] = k;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			r[x->dst_reg] &= k;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			r[x->dst_reg] >>= k;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			i += (uint32_t) r[x->dst_reg] != (uint32_t) k ? (size_t) x->off : 0;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			i += (uint32_t) r[x->dst_reg] == (uint32_t) k ? (size_t) x->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int) r[0];
		default:
			CHECK_FAIL("instruction %#x", x->code);
			return -1;
		}
	}
	CHECK_FAIL("no end");
	return -1;
}

/* Each right by itself: the last rule about it decides. */
static bool decide(const struct spec_dev_rule *l, size_t n, const struct bpf_cgroup_dev_ctx *c)
{
	static const unsigned bits[] = { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ,
		BPF_DEVCG_ACC_WRITE };
	char type = (c->access_type & 0xffff) == BPF_DEVCG_DEV_BLOCK ? 'b' : 'c';

	for (size_t k = 0; k < ARRAY_LEN(bits); k++) {
		bool allowed = false;

		if (!(c->access_type >> 16 & bits[k]))
			continue;
		for (size_t i = 0; i < n; i++) {
			const struct spec_dev_rule *x = &l[i];
			bool has = k == 0 ? x->m : k == 1 ? x->r : x->w;

			if (has && (x->type == 'a' || x->type == type) &&
				(x->major < 0 || x->major == c->major) &&
				(x->minor < 0 || x->minor == c->minor))
				allowed = x->allow;
		}
		if (!allowed)
			return false;
	}
	return true;
}

static void check_list(const struct spec_dev_rule *l, size_t n)
{
	own_buf b = { 0 };

	cg_dev_program(&b, l, n);
	for (unsigned acc = 1; acc < 8; acc++)
		for (unsigned type = 1; type <= 2; type++)
			for (unsigned major = 0; major < 3; major++)
				for (unsigned minor = 0; minor < 3; minor++) {
					struct bpf_cgroup_dev_ctx c = { acc << 16 | type, major,
						minor };

					EQ(run(&b, &c), decide(l, n, &c));
				}
}

TEST(device_programs_decide_as_the_rules_do)
{
	unsigned seed = 1;

	check_list(NULL, 0);
	for (int round = 0; round < 300; round++) {
		struct spec_dev_rule l[6];
		size_t n = (size_t) (rand_r(&seed) % 7);

		for (size_t i = 0; i < n; i++) {
			int access = 1 + rand_r(&seed) % 7;

			l[i] = (struct spec_dev_rule) {
				.allow = rand_r(&seed) % 2,
				.type = "abc"[rand_r(&seed) % 3],
				.major = rand_r(&seed) % 4 - 1,
				.minor = rand_r(&seed) % 4 - 1,
				.r = access & 1, .w = access & 2, .m = access & 4,
			};
		}
		check_list(l, n);
	}
}

CHECK_MAIN
