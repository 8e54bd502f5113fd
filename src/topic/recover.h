/* SPDX-License-Identifier: MIT */
/* recover.h - finds out what of a partition's files counts after a crash, and puts it right.
 * Inside topic/ only.
 *
 *   [ before the mark: on disk for certain ][ after it: good batches ][ torn tail ]
 *
 * Plan (reads only): check up to `verify_bytes` before the mark, then walk on from it to the first
 * bad byte. Apply: the good batches after the mark are copied to new blocks and fsynced before they
 * count, because after a failed fsync the page cache shows bytes that the disk may not have; then
 * the rest is cut and the mark moved to the end. Each step can be repeated after another crash:
 *   1. copies are written as <offset>.log.tmp, fsynced, renamed, the directory fsynced
 *   2. the mark's segment is cut at the mark (what lies behind has the next segment's offsets)
 *   3. segments beyond the end are removed, the directory fsynced
 *   4. the mark is written and fsynced
 * Damage before the mark changes nothing on disk but a flag in the mark: the partition is
 * quarantined, its good end stays readable, topic_repair() decides. Without a readable mark
 * everything is checked, and whatever is bad counts as damage. */
#pragma once
#include "topic/meta.h"
#include "topic/segment.h"

struct recover_part { /* good batches after the mark within one segment */
    size_t segment;   /* index in the list */
    uint64_t from;
    uint64_t to;
    int64_t first_offset;
    int64_t next_offset;
};

struct recovery {
    struct segment_list segments; /* owned; of the plan, leftovers of retention included */
    size_t first;                 /* index of the first segment that counts */
    bool has_mark;
    struct segment_mark mark;
    ptrdiff_t mark_index;       /* of the mark's segment in the list; -1: missing */
    struct recover_part *parts; /* owned */
    size_t part_count;
    int64_t log_start;
    int64_t end;
    uint64_t cut_bytes;
    uint64_t part_bytes;
    bool is_damaged;
    bool has_reserve;    /* zeros follow the end: space reserved ahead, to be cut */
    bool is_tail_usable; /* the mark's place is there, so parts mean something */
    char why[200];
};

struct recover_options {
    uint64_t verify_bytes;         /* before the mark; UINT64_MAX: everything of its segment */
    const struct topic_meta *meta; /* for recorded gaps; may be NULL */
    uint32_t partition;
};

/* Reads only. Errors: IO, NOMEM, NOT_FOUND (no such directory); damage is a result. */
err recover_plan(const char *dir, const struct recover_options *options, struct recovery *out_plan,
                 struct errmsg *msg);
/* Changes the files as planned. Afterwards the last segment ends at r->end (unless damaged).
 * Errors: IO; NOSPACE: some steps were done or none; everything up to r->end can still be read, and
 * a new plan and apply go on from there. */
err recover_apply(const char *dir, struct recovery *r, struct errmsg *msg);
void recovery_deinit(struct recovery *r);
#define AUTO_RECOVERY __attribute__((cleanup(recovery_deinit))) struct recovery

/* Copies bytes [from, to) of one file to a new file, fsyncs it. */
err recover_copy(const char *from_path, uint64_t from, uint64_t to, const char *to_path,
                 struct errmsg *msg);
/* Puts `mark` (its generation is raised) into the slot it does not occupy, and fsyncs. */
err recover_mark_write(const char *dir, struct segment_mark *mark, struct errmsg *msg);
