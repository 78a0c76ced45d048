/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one machine that every container sees, whatever is below. uname, sysinfo, sysconf, /proc and
 * /sys all tell of this one.
 */
#ifndef DETRUN_MACHINE_H
#define DETRUN_MACHINE_H

#define MACHINE_SYSNAME "Linux"
#define MACHINE_RELEASE "6.1.0"
#define MACHINE_VERSION "#1 SMP PREEMPT_DYNAMIC"
#define MACHINE_MACHINE "x86_64"
#define MACHINE_DOMAIN "(none)"

#define MACHINE_PAGE 4096ull
#define MACHINE_MEM (8ull << 30)  /* bytes of memory */
#define MACHINE_FREE (4ull << 30) /* of them free, always */
#define MACHINE_SWAP 0ull
#define MACHINE_HZ 100 /* USER_HZ: clock ticks in /proc */
#define MACHINE_LOAD 10 /* percent: who asks runs, so there is some; little, so that nobody waits for less */
#define MACHINE_NPROC 31000 /* processes and pending signals per user */

#endif
