/* SPDX-License-Identifier: Apache-2.0 */
/* decode_put()'s functions for what is not a plain struct: structs.c names them, special.c has them. */
#ifndef DETRUN_STRUCTS_H
#define DETRUN_STRUCTS_H

#include "runtime/base/buf.h"

typedef void put_bytes(const uint8_t *p, size_t n, struct buf *b);
put_bytes put_mode, put_dev, put_signal_number, put_sigset, put_siginfo, put_wstatus, put_int,
	put_sockaddr, put_cpumask, put_dirents64, put_name, put_nsec;
#endif
