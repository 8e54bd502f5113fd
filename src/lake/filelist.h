/* SPDX-License-Identifier: MIT */
/* filelist.h - a list of data files that snapshots share (inside lake/ only).
 *
 *   list:    slot slot slot ...            owned by one snapshot, copied for the next
 *   slot:    segment, used, dead bits      which files of the segment this list sees
 *   segment: hashes[], files[], arena      shared, grows at its end only
 *
 * A list sees the first `used` files of a segment except the dead ones, so a segment may grow
 * without anybody who sees less of it noticing. Only the list that sees all of a segment may append
 * to it, settled by compare-and-swap of `segment->used`; any other opens a segment of its own.
 * A refresh therefore costs the new files and 88 bytes per 512 old ones.
 *
 * Files are found by (path, deletion vector id): with an index while a table is loaded, else by one
 * pass over the hashes for all keys of a commit.
 *
 * Thread: a list that is published is read-only; reference counts are atomic. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "lake/snapshot.h"

enum { LAKE_SEGMENT_FILES = 512 };

struct lake_segment {
    atomic_uint refs;
    atomic_uint used;
    uint32_t cap;
    struct arena *arena;     /* owned: strings and partition values */
    uint64_t *hashes;        /* owned */
    struct lake_file *files; /* owned */
};

struct lake_slot {
    struct lake_segment *segment; /* shared */
    uint32_t used;
    uint32_t dead;
    uint64_t dead_bits[LAKE_SEGMENT_FILES / 64];
};

struct lake_list {
    struct lake_slot *slots; /* owned */
    size_t slot_count;
    size_t slot_cap;
    size_t live;
    uint32_t *index; /* owned; NULL: not indexed. Position + 1, open addressing */
    size_t index_cap;
    size_t index_used;
};

uint64_t lake_file_hash(const struct lake_file *f);
bool lake_file_same_key(const struct lake_file *a, const struct lake_file *b);

/* Called for each file that a kill hides. */
typedef void lake_killed_fn(void *ctx, const struct lake_file *f);

/* `out` sees what `list` sees, without an index. */
void lake_list_clone(const struct lake_list *list, struct lake_list *out);
void lake_list_deinit(struct lake_list *list);
/* Builds the index, which later calls keep up to date. */
void lake_list_index(struct lake_list *list);
void lake_list_drop_index(struct lake_list *list);
/* Appends a deep copy; the key must not be live. `keep_stats` false leaves stats out.
 * Errors: NOMEM, TOO_LARGE. */
err lake_list_add(struct lake_list *list, const struct lake_file *f, bool keep_stats);
/* Hides the live files whose keys are among `keys`, calling `killed` (may be NULL) for each.
 * Errors: NOMEM. */
err lake_list_kill(struct lake_list *list, const struct lake_file *keys, size_t count,
                   lake_killed_fn *killed, void *ctx);
/* Hides the tombstones of deletions up to `until_ms`. Not while indexed. */
void lake_list_drop_deleted(struct lake_list *list, int64_t until_ms);
/* Drops slots without live files. Not while indexed. */
void lake_list_trim(struct lake_list *list);
