/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto, loaded when the first of its functions is called: a container that nobody supervises
 * needs none of it, and it would be half of what such a run loads and relocates. Callers include
 * OpenSSL's headers as ever; what they link to are the jumps below.
 */
#include "runtime/base/crypto.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/own.h"

#define SONAME "libcrypto.so.3"

/*
 * Its four thousand references to itself are looked up in itself first, not in all that we are linked
 * to: a quarter of what loading it costs. A sanitizer has to come before it.
 */
#if defined(__SANITIZE_ADDRESS__)
#define HOW RTLD_NOW
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOW RTLD_NOW
#endif
#endif
#if !defined(HOW) && defined(RTLD_DEEPBIND) /* glibc */
#define HOW (RTLD_NOW | RTLD_DEEPBIND)
#elif !defined(HOW)
#define HOW RTLD_NOW
#endif

#define CALLS(X)                                                                         \
	X(BIO_ctrl) X(BIO_free) X(BIO_new) X(BIO_new_mem_buf) X(BIO_s_mem)               \
	X(CRYPTO_free) X(CRYPTO_set_mem_functions) X(ERR_clear_error)                    \
	X(EVP_DigestFinal_ex) X(EVP_DigestInit_ex2) X(EVP_DigestSign)                    \
	X(EVP_DigestSignInit_ex) X(EVP_DigestUpdate) X(EVP_DigestVerify)                 \
	X(EVP_DigestVerifyInit_ex)                                                       \
	X(EVP_MD_CTX_free) X(EVP_MD_CTX_new) X(EVP_MD_fetch)                             \
	X(EVP_PKEY_Q_keygen) X(EVP_PKEY_free) X(EVP_PKEY_get_group_name)                 \
	X(EVP_PKEY_get_raw_public_key) X(EVP_PKEY_is_a)                                  \
	X(EVP_PKEY_new_raw_private_key) X(EVP_PKEY_up_ref)                               \
	X(OPENSSL_cleanse) X(OPENSSL_init_crypto) X(PEM_read_bio_PUBKEY)                 \
	X(PEM_read_bio_PrivateKey) X(PEM_write_bio_PKCS8PrivateKey)                      \
	X(PEM_write_bio_PUBKEY) X(SHA256) X(SHA256_Final) X(SHA256_Init)                 \
	X(SHA256_Update) X(i2d_PUBKEY)

enum {
#define X(f) CALL_##f,
	CALLS(X)
#undef X
	N_CALLS
};

static const char *const names[] = {
#define X(f) #f,
	CALLS(X)
#undef X
};

/* A fact about the process, like where it logs to: written once, by crypto_load(). */
static void *calls[N_CALLS] __asm__("crypto_calls") __attribute__((used));

/* Some of it uses what it got without a look whether it is memory. */
static void *get(size_t n, const char *file, int line)
{
	void *p = malloc(n);

	(void) file, (void) line;
	must_mem(p || !n);
	return p;
}

static void *get_more(void *old, size_t n, const char *file, int line)
{
	void *p = realloc(old, n);

	(void) file, (void) line;
	must_mem(p || !n);
	return p;
}

static void give_back(void *p, const char *file, int line)
{
	(void) file, (void) line;
	free(p);
}

void crypto_load(void)
{
	void *so;

	if (calls[0])
		return;
	so = dlopen(SONAME, HOW);
	for (size_t i = N_CALLS; i-- > 0;) {
		void *f = so ? dlsym(so, names[i]) : NULL;

		if (!f) {
			log_error("%s; install OpenSSL 3 (libssl3)", dlerror());
			_exit(125);
		}
		calls[i] = f;
	}
	((__typeof__(&CRYPTO_set_mem_functions)) calls[CALL_CRYPTO_set_mem_functions])(get, get_more,
		give_back);
	/*
	 * We need nothing that a configuration names, no messages, no algorithm by an old name, and
	 * the end of the process frees it all: each is a tenth or more of what a signature costs.
	 */
	((int (*)(uint64_t, const void *)) calls[CALL_OPENSSL_init_crypto])(
		OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
		OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
		OPENSSL_INIT_NO_ADD_ALL_DIGESTS, NULL);
}

/*
 * The registers of arguments are the caller's until the call is known: at most six integers, and
 * the count of vector registers of a call with "...".
 */
__asm__(
	"	.text\n"
	"crypto_first:\n"
	"	push	%rdi\n	push	%rsi\n	push	%rdx\n	push	%rcx\n"
	"	push	%r8\n	push	%r9\n	push	%rax\n	push	%r10\n"
	"	sub	$8, %rsp\n"
	"	call	crypto_load\n"
	"	add	$8, %rsp\n"
	"	pop	%r10\n	pop	%rax\n	pop	%r9\n	pop	%r8\n"
	"	pop	%rcx\n	pop	%rdx\n	pop	%rsi\n	pop	%rdi\n"
	"	lea	crypto_calls(%rip), %r11\n"
	"	jmp	*(%r11,%r10,8)\n");

#define STUB(f)                                                                          \
	__attribute__((naked, visibility("hidden"))) void stub_##f(void) __asm__(#f);    \
	void stub_##f(void)                                                              \
	{                                                                                \
		__asm__("mov $%c0, %%r10d\n"                                             \
			"	lea	crypto_calls(%%rip), %%r11\n"                           \
			"	mov	(%%r11,%%r10,8), %%r11\n"                               \
			"	test	%%r11, %%r11\n"                                        \
			"	jz	crypto_first\n"                                          \
			"	jmp	*%%r11\n" ::"i"(CALL_##f));                              \
	}
CALLS(STUB)
