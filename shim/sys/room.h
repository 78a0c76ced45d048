/* SPDX-License-Identifier: Apache-2.0 */
/* Where a mapping goes: top down, never twice, until all of the space was used. */
#ifndef DETRUN_SYS_ROOM_H
#define DETRUN_SYS_ROOM_H

#include "shim/world.h"

/** An address for @len bytes, or 0: the kernel decides. @flags of mmap(2) say in which part. */
uint64_t room_for(struct call *c, uint64_t len, uint64_t flags);

/** Something may be mapped that room_for() did not place: look at the map before the next one. */
void room_doubt(struct mm *mm);

#endif
