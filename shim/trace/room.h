/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace that nobody asked for lies in the host's /run, and a service runs for months. It keeps its
 * newest part: older frames become holes in events.dtr, older blobs are removed. Index, root, chain and
 * checkpoints stay whole, so what is kept is still proven to be of the run.
 */
#ifndef DETRUN_ROOM_H
#define DETRUN_ROOM_H

#include "runtime/base/map.h"
#include "shim/trace/bundle.h"

struct room {
	uint64_t max;	   /* bytes of frames, and as many of blobs; 0: no limit */
	size_t from;	   /* frames of blocks 1 to .from - 1 were given up; block 0 has the start */
	struct buf blobs;  /* a struct blob_kept each, the oldest first */
	size_t first;	   /* of .blobs that is still there */
	uint64_t blob_bytes;
};

/** A block was written: give up the oldest that don't fit. @events: of events.dtr. */
void room_block(struct room *q, int events, const struct block_rec *rec, size_t nrec);
/** A blob was written: give up the oldest that don't fit, and forget them in @blobs. 0 or -ENOMEM. */
int room_blob(struct room *q, int dir, const uint8_t digest[32], size_t n, struct map *blobs);
/** The place of a frame that was given up: @n zeroes. */
bool room_gave_up(const uint8_t *p, size_t n);

#endif
