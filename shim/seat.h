/* SPDX-License-Identifier: Apache-2.0 */
/* When to move to another CPU, and to which: decided by figures alone, whoever has read them. */
#ifndef DETRUN_SEAT_H
#define DETRUN_SEAT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct seat {
	uint64_t at_ms, used_ms; /* of the last look at how much we got */
	uint64_t next_ms, pause_ms; /* when to try again, at the earliest; then after this */
	uint64_t idle_ms[CPU_SETSIZE], asked_ms; /* of each CPU until then, and when; 0: not asked */
	unsigned ticks; /* until it is asked */
};

struct seat_figures {
	uint64_t now_ms;
	uint64_t used_ms; /* with SEAT_USED: the CPU time of all of us */
	const uint64_t *idle_ms; /* with SEAT_IDLE: how long each CPU has idled; NULL: not to be had */
	const cpu_set_t *seats; /* those that may be taken */
	int here;		/* where we are */
	unsigned chance;	/* a number that other runs don't have */
	unsigned begin;		/* the first CPU to be considered */
};

/** What has to be read at this tick. */
enum seat_need { SEAT_NOTHING, SEAT_USED, SEAT_IDLE };
enum seat_need seat_need(const struct seat *s, uint64_t now_ms);

/** A tick: the CPU to go to, or -1 for none. */
int seat_choose(struct seat *s, const struct seat_figures *f);

#endif
