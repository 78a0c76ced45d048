/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "shim/trace/bundle.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "runtime/base/hash.h"
#include "runtime/base/io.h"
#include "runtime/base/own.h"

void block_pack(const struct block_rec *r, uint8_t ret[REC_LEN])
{
	put_le64(ret, r->first);
	put_le32(ret + 8, r->n);
	put_le32(ret + 12, r->flags);
	put_le64(ret + 16, r->offset);
	put_le32(ret + 24, r->clen);
	put_le32(ret + 28, r->ulen);
	memcpy(ret + 32, r->frame, 32);
	memcpy(ret + 64, r->node.b, 32);
	memcpy(ret + 96, r->chain, 32);
}

void block_unpack(const uint8_t p[REC_LEN], struct block_rec *ret)
{
	ret->first = get_le64(p);
	ret->n = get_le32(p + 8);
	ret->flags = get_le32(p + 12);
	ret->offset = get_le64(p + 16);
	ret->clen = get_le32(p + 24);
	ret->ulen = get_le32(p + 28);
	memcpy(ret->frame, p + 32, 32);
	memcpy(ret->node.b, p + 64, 32);
	memcpy(ret->chain, p + 96, 32);
}

void sha256_local(const void *p, size_t n, uint8_t ret[32])
{
	SHA256(p, n, ret);
}

void chain_start(const uint8_t header_sha[32], uint8_t ret[32])
{
	static const char tag[] = "detrun/chain/v1"; /* its NUL is hashed too */
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, tag, sizeof tag);
	SHA256_Update(&c, header_sha, 32);
	SHA256_Final(ret, &c);
}

void chain_step(uint8_t chain[32], const uint8_t rec[REC_LEN])
{
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, chain, 32);
	SHA256_Update(&c, rec, REC_CHAINED);
	SHA256_Final(chain, &c);
}

static void put32(struct buf *b, uint32_t v)
{
	uint8_t t[4];

	put_le32(t, v);
	buf_put(b, t, sizeof t);
}

void record_frame(const uint8_t rec[REC_LEN], struct buf *b)
{
	put32(b, MAGIC_RECORD);
	put32(b, REC_LEN);
	buf_put(b, rec, REC_LEN);
}

/* zstd's seekable format: an entry per frame, skippable ones with no content. */
void seek_table(const struct block_rec *r, size_t n, struct buf *b)
{
	put32(b, MAGIC_SEEK);
	put32(b, (uint32_t) (n * 16 + 9));
	for (size_t i = 0; i < n; i++) {
		put32(b, r[i].clen);
		put32(b, r[i].ulen);
		put32(b, REC_FRAME);
		put32(b, 0);
	}
	put32(b, (uint32_t) (2 * n));
	buf_byte(b, 0); /* no checksums */
	put32(b, SEEK_FOOTER);
}

static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void b64_put(const void *p, size_t n, struct buf *b)
{
	const uint8_t *s = p;
	uint8_t *d = buf_room(b, (n + 2) / 3 * 4);

	if (!d)
		return;
	for (; n; s += n < 3 ? n : 3, n -= n < 3 ? n : 3) {
		uint32_t v = (uint32_t) s[0] << 16 | (n > 1 ? (uint32_t) s[1] << 8 : 0) |
			(n > 2 ? s[2] : 0);

		*d++ = (uint8_t) b64_digits[v >> 18];
		*d++ = (uint8_t) b64_digits[v >> 12 & 63];
		*d++ = n > 1 ? (uint8_t) b64_digits[v >> 6 & 63] : '=';
		*d++ = n > 2 ? (uint8_t) b64_digits[v & 63] : '=';
	}
	b->n = (size_t) (d - b->p);
}

static int b64_digit(char c)
{
	const char *at = c ? strchr(b64_digits, c) : NULL;

	return at ? (int) (at - b64_digits) : -1;
}

static int b64_group(const char *s, bool last, struct buf *b)
{
	int pad = !last || s[3] != '=' ? 0 : s[2] != '=' ? 1 : 2;
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int d = i < 4 - pad ? b64_digit(s[i]) : 0;

		if (d < 0)
			return -EBADMSG;
		v = v << 6 | (uint32_t) d;
	}
	if ((pad == 1 && v & 0xff) || (pad == 2 && v & 0xffff))
		return -EBADMSG; /* bits that no encoder sets */
	for (int i = 0; i < 3 - pad; i++)
		buf_byte(b, (uint8_t) (v >> (16 - 8 * i)));
	return 0;
}

int b64_get(const char *s, size_t n, struct buf *b)
{
	if (n % 4)
		return -EBADMSG;
	for (size_t i = 0; i < n; i += 4)
		if (b64_group(s + i, i + 4 == n, b) < 0)
			return -EBADMSG;
	return b->failed ? -ENOMEM : 0;
}

int bundle_open(int dirfd, const char *name, struct err *e)
{
	int fd = openat_beneath(dirfd, name, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd < 0)
		return fail(e, fd, "open %s of the bundle", name);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return fail_msg(e, EINVAL, "%s of the bundle is not a regular file", name);
}

int bundle_read(int dirfd, const char *name, size_t max, struct buf *b, struct err *e)
{
	own_fd fd = bundle_open(dirfd, name, e);
	int r;

	if (fd < 0)
		return fd;
	r = read_fd(fd, max, b);
	return r < 0 ? fail(e, r, "read %s of the bundle", name) : 0;
}

int bundle_write_failed(struct err *e, int r, const char *name)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return fail(e, r, "write %s of the trace (make room or name another place with --trace; "
			"the run was ended)", name);
	return fail(e, r, "write %s of the trace", name);
}

int bundle_write(int dirfd, const char *name, const void *p, size_t n, struct err *e)
{
	own_fd fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r;

	if (fd < 0 && errno == EEXIST)
		return fail_msg(e, EEXIST, "the trace directory already has %s: name an empty one",
			name);
	if (fd < 0)
		return bundle_write_failed(e, -errno, name);
	r = write_full(fd, p, n);
	return r < 0 ? bundle_write_failed(e, r, name) : 0;
}

int bundle_put(int dirfd, const char *name, const void *p, size_t n, struct err *e)
{
	char tmp[64];
	int r;

	must((size_t) snprintf(tmp, sizeof tmp, "%s" F_TMP, name) < sizeof tmp);
	r = bundle_write(dirfd, tmp, p, n, e);
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = fail(e, errno, "write %s of the trace", name);
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	return r;
}

int bundle_sha256(int dirfd, const char *name, uint8_t ret[32], struct err *e)
{
	own_fd fd = bundle_open(dirfd, name, e);
	int r;

	if (fd < 0)
		return fd;
	r = sha256_fd(fd, ret);
	return r < 0 ? fail(e, r, "read %s of the bundle", name) : 0;
}

void blob_path(const uint8_t digest[32], char ret[BLOB_PATH])
{
	char h[SHA256_HEX];

	hex(digest, 32, h);
	snprintf(ret, BLOB_PATH, "blobs/sha256/%.2s/%.64s", h, h);
}
