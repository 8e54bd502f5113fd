/* SPDX-License-Identifier: MIT */
/* land.h - landing: brings one topic's log into its two Delta tables, exactly once.
 *
 *   log [next, …) ──ROWS──▶ Parquet in _staging ──fsync, link──▶ one commit of bronze.<table>
 *       │                                                     adds + columns + txn per partition
 *       └──DEAD──▶ the same way ───────────────────────────▶ bronze.<table>__dead
 *
 * Invariants:
 *  - Progress is in the tables alone: the next offset of a partition is its txn's version + 1.
 *  - A commit covers whole prefixes: [next, reached) of each partition, rows and txn together.
 *  - The schema in a commit has a column for every value of the commit (within the limits of
 *    infer.h); what does not fit its column is in _rescued.
 *  - Each table's txn passes an offset only when that record is in it, or belongs into the other.
 *    The dead-letter table's follows lazily where there is nothing to add, see LAND_DEAD_* below.
 *  - Any failure leaves the tables as they were, or one commit further; the lander then loads them
 *    anew and goes on from what they say.
 *
 * A topic's declared partition columns count when the table is made; a declared column that is not
 * known by then is made a VARCHAR column. Delta stores an empty string in a partition column as
 * null.
 *
 * Thread: a lander belongs to one thread (the landing thread), except that `cancel` may be set and
 * the connection interrupted by others. */
#pragma once
#include <stdatomic.h>

#include "flow/wire.h"
#include "lake/parquet.h"
#include "sql/engine.h"

enum {
    LAND_COMMIT_BYTES_DEFAULT = 256 << 20, /* of log in one commit */
    LAND_INFER_BYTES_MAX = 1 << 30,        /* of log looked at before a column gets its type */
    LAND_DEAD_ROUNDS = 4,      /* landings after which the dead-letter table's txn follows */
    LAND_DEAD_MS = 300 * 1000, /* or this time */
};

struct lander_options {
    struct str topic;
    struct str table;
    struct str uuid;
    const char *topic_dir;  /* holds topic.json and the partitions; copied */
    const char *bronze_dir; /* DIR/lake/bronze; copied */
    uint32_t partition_count;
    struct sql_conn *conn;              /* borrowed; used by one lander at a time */
    const struct lake_parquet *parquet; /* borrowed; may be on the same connection */
    uint32_t threads;                   /* readers of one landing; 0: 1 */
    uint64_t commit_bytes;              /* 0: LAND_COMMIT_BYTES_DEFAULT */
    uint64_t infer_bytes;               /* 0: LAND_INFER_BYTES_MAX */
    const atomic_bool *cancel;          /* may be NULL; borrowed */
};

struct lander;

/* Does no I/O and cannot fail: a topic that cannot be read still has a state to report. */
struct lander *lander_new(const struct lander_options *options);
void lander_free(struct lander *l);
AUTO_DEFINE(lander)
const char *lander_topic(const struct lander *l);
const char *lander_table(const struct lander *l);
const char *lander_uuid(const struct lander *l);
uint32_t lander_partition_count(const struct lander *l);

/* Reads topic.json and both tables, cleans up what a crash left. Called by lander_land() when
 * needed; by itself to report progress on start, or with `again` after topic.json changed. Errors:
 * as loading a table; CORRUPT, UNSUPPORTED. */
err lander_load(struct lander *l, bool again, struct errmsg *msg);
/* The ends up to which records are acknowledged and durable; lower ones than before are ignored. */
void lander_set_ends(struct lander *l, const int64_t *ends, uint32_t count, int64_t now_ms);
/* True when bytes, rows or age of what has not landed ask for a landing, or the dead-letter table's
 * txn is LAND_DEAD_MS behind. `now_ms`: a monotonic clock, as in set_ends. */
bool lander_is_due(struct lander *l, int64_t now_ms);
/* True while there is something to land at all. */
bool lander_has_lag(const struct lander *l);

/* One round: at most about commit_bytes of log, up to `ends` (NULL: all there is), one commit of
 * the table, and of the dead-letter table when it has to. With `flush` the dead-letter table's txn
 * follows in any case. *out_more: there is more to do up to `ends`. Errors: NOSPACE, IO (try again
 * later); NOMEM (the next rounds are smaller); CANCELLED; CORRUPT, RANGE (a partition's log is
 * damaged: it is left out from now on, see lander_blocked, and the others go on with the next
 * call); UNSUPPORTED. Conflicts with other writers of the table are retried inside. */
err lander_land(struct lander *l, const int64_t *ends, bool flush, int64_t now_ms, bool *out_more,
                struct errmsg *msg);
/* Why a partition is left out; NULL when none is. */
const char *lander_blocked(const struct lander *l);
/* Tries the blocked partitions again. */
void lander_unblock(struct lander *l);
/* True when everything before `ends` is committed in both tables, blocked partitions included. */
bool lander_reached(const struct lander *l, const int64_t *ends);
/* Versions of both tables, -1 where there is none. */
struct wire_flushed lander_versions(const struct lander *l);
/* Delta checkpoints of both tables. */
err lander_checkpoint(struct lander *l, struct errmsg *msg);
/* Removes both tables from disk. */
err lander_drop_tables(struct lander *l, struct errmsg *msg);

/* Where the tables stand; everything points into the lander until its next change. State and detail
 * are the caller's to fill in. */
void lander_progress(struct lander *l, struct wire_progress *out_progress);
