/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 over OpenSSL's EVP, fetched once (a fetch per hash costs three times the hash). */
#ifndef DETRUN_HASH_H
#define DETRUN_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define SHA256_HEX 65 /* with the NUL */

struct sha256; /* a running hash */

struct sha256 *sha256_new(void); /* dies when memory or OpenSSL fails */
void sha256_free(struct sha256 *h);
void sha256_start(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_done(struct sha256 *h, uint8_t ret[SHA256_LEN]);

/** One-shot; keeps one context per process. */
void sha256(const void *p, size_t n, uint8_t ret[SHA256_LEN]);
/** SHA-256 of a file from its current offset to its end. 0 or -errno. */
int sha256_fd(int fd, uint8_t ret[SHA256_LEN]);

/** Lower-case hex of @n bytes at @p into @ret (2n+1 bytes). Returns @ret. */
char *hex(const void *p, size_t n, char *ret);
/** Parse exactly 2n hex digits. 0 or -EINVAL. */
int unhex(const char *s, void *ret, size_t n);

#endif
