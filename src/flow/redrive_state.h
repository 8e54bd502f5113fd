/* SPDX-License-Identifier: MIT */
/* redrive_state.h - which dead letters of a topic went through the door again: the set in memory,
 * and the entries of the journal that make it last for ever. Pure: no I/O, no clock.
 *
 * A journal (topic/journal.h) holds, each u8 type, u64 id, i64 time in µs, then, little-endian:
 *   BASE   3: u32 n, n ranges: everything before. Only as the first entry
 *   INTENT 1: u32 p, p times i64: next offset of each partition before any append of this piece;
 *             u32 n, n ranges: the sources of the piece
 *   DONE   2: u8 all; 0: u32 n, n ranges: which of the INTENT's sources are in the log again
 * A range is u32 partition, i64 first, i64 next; ranges ascend and do not touch.
 *
 *        INTENT durable          appended, durable           DONE durable
 *   idle ─────────────▶ open ───────────────────▶ open ───────────────────▶ idle
 *                         └─ crash: the log is searched from the INTENT's offsets on for
 *                            REDRIVE_HEADERs; DONE says which sources were found ─▶ idle
 *
 * Invariant: a source is in `done`, or in the one open INTENT, or nowhere in the log again. Hence
 * at most once for ever; and what is in neither may be taken again, hence at least once in the end.
 * Owner: the reactor. */
#pragma once
#include "base/base.h"
#include "base/buf.h"

/* Record header of what a re-drive appends: "<partition>:<offset>" of the dead letter. */
#define REDRIVE_HEADER "tarn-redrive"

enum { REDRIVE_RANGES_MAX = 1000000, REDRIVE_PARTITIONS_MAX = 1024 };

struct redrive_range {
    uint32_t partition;
    int64_t first;
    int64_t next;
};
struct redrive_set {
    struct redrive_range *ranges; /* owned; ascending, not touching */
    size_t count;
    uint64_t offsets; /* in all ranges */
};
void redrive_set_deinit(struct redrive_set *s);
bool redrive_set_has(const struct redrive_set *s, uint32_t partition, int64_t offset);
/* Adds ranges that ascend (they may touch or overlap what is there). Errors: LIMIT past
 * REDRIVE_RANGES_MAX (nothing was added), NOMEM. */
err redrive_set_add(struct redrive_set *s, const struct redrive_range *ranges, size_t count);

struct redrive_state {
    struct redrive_set done;
    bool is_open;  /* there is an INTENT without its DONE: */
    uint64_t id;   /* of the newest INTENT; 0: none yet */
    int64_t *ends; /* owned; of the open INTENT */
    uint32_t end_count;
    struct redrive_set sources; /* of the open INTENT */
    bool has_entries;
};
void redrive_state_deinit(struct redrive_state *s);
/* Takes in one entry. Errors: CORRUPT when it is none, or not one that may follow; NOMEM. */
err redrive_state_apply(struct redrive_state *s, struct str entry, struct errmsg *msg);

/* Entries. `id` of an INTENT is state->id + 1, of a DONE state->id. Failure is sticky in `out`. */
void redrive_encode_base(const struct redrive_state *s, int64_t time_us, struct buf *out);
void redrive_encode_intent(uint64_t id, int64_t time_us, const int64_t *ends, uint32_t end_count,
                           const struct redrive_range *sources, size_t count, struct buf *out);
/* `count` may be 0: nothing was appended. */
void redrive_encode_done(uint64_t id, int64_t time_us, const struct redrive_range *found,
                         size_t count, struct buf *out);
void redrive_encode_done_all(uint64_t id, int64_t time_us, struct buf *out);
/* The most that a DONE of `count` sources takes. */
static inline size_t redrive_done_bytes_max(size_t count)
{
    return 64 + count * 20;
}
/* The value of REDRIVE_HEADER. False for anything else. */
bool redrive_header_parse(struct str value, uint32_t *out_partition, int64_t *out_offset);
