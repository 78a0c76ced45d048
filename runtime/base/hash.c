/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/hash.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/own.h"

struct sha256 {
	EVP_MD_CTX *ctx;
};

/* The fetched algorithm and the one-shot's context: constants of the process once made. */
static EVP_MD *sha256_md;
static struct sha256 *oneshot;

struct sha256 *sha256_new(void)
{
	struct sha256 *h = malloc(sizeof *h);

	if (!sha256_md)
		sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(h && sha256_md);
	h->ctx = EVP_MD_CTX_new();
	must_mem(h->ctx);
	return h;
}

void sha256_free(struct sha256 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void sha256_start(struct sha256 *h)
{
	must(EVP_DigestInit_ex2(h->ctx, sha256_md, NULL) == 1);
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n) == 1);
}

void sha256_done(struct sha256 *h, uint8_t ret[SHA256_LEN])
{
	must(EVP_DigestFinal_ex(h->ctx, ret, NULL) == 1);
}

void sha256(const void *p, size_t n, uint8_t ret[SHA256_LEN])
{
	if (!oneshot)
		oneshot = sha256_new();
	sha256_start(oneshot);
	sha256_add(oneshot, p, n);
	sha256_done(oneshot, ret);
}

int sha256_fd(int fd, uint8_t ret[SHA256_LEN])
{
	enum { CHUNK = 1 << 18 };
	own_free uint8_t *buf = malloc(CHUNK);
	struct sha256 *h;
	ssize_t n = 0;

	if (!buf)
		return -ENOMEM;
	h = sha256_new();
	sha256_start(h);
	for (;;) {
		n = read(fd, buf, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		sha256_add(h, buf, (size_t) n);
	}
	n = n < 0 ? -errno : 0;
	if (!n)
		sha256_done(h, ret);
	sha256_free(h);
	return (int) n;
}

char *hex(const void *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[b[i] >> 4];
		ret[2 * i + 1] = digits[b[i] & 15];
	}
	ret[2 * n] = 0;
	return ret;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int unhex(const char *s, void *ret, size_t n)
{
	uint8_t *b = ret;

	for (size_t i = 0; i < n; i++) {
		int hi = nibble(s[2 * i]), lo = hi < 0 ? -1 : nibble(s[2 * i + 1]);

		if (lo < 0)
			return -EINVAL;
		b[i] = (uint8_t) (hi << 4 | lo);
	}
	return s[2 * n] ? -EINVAL : 0;
}
