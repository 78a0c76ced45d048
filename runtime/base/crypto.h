/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DETRUN_CRYPTO_H
#define DETRUN_CRYPTO_H

/**
 * Load libcrypto now, where that matters: before its path could be another's. Otherwise it comes
 * with the first call. Without it the process ends.
 */
void crypto_load(void) __attribute__((visibility("hidden")));

#endif
