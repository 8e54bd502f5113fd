/* SPDX-License-Identifier: MIT */
/* state.h - a snapshot from the inside: how it is built up action by action (inside lake/ only).
 *
 *   lake_state_new -> lake_state_apply ... -> lake_state_finish -> shared, immutable
 *   lake_state_clone(old) -> lake_state_apply ... -> lake_state_finish
 *
 * Until lake_state_finish() a state belongs to one thread and may be thrown away at any point. */
#pragma once
#include <stdatomic.h>

#include "lake/action.h"
#include "lake/filelist.h"
#include "lake/log.h"
#include "lake/snapshot.h"

/* The txns of all applications; copied when a shared one changes. */
struct lake_txn_box {
    atomic_uint refs;
    struct arena *arena;    /* owned */
    struct lake_txn *items; /* owned */
    size_t count;
    size_t cap;
};
struct lake_domain_box {
    atomic_uint refs;
    struct arena *arena;       /* owned */
    struct lake_domain *items; /* owned */
    size_t count;
    size_t cap;
};

struct lake_snapshot {
    atomic_uint refs;
    char *table_dir;                    /* owned */
    const struct lake_parquet *parquet; /* borrowed, see lake_load_options */
    bool drop_stats;
    int64_t version;                    /* -1: nothing applied yet */
    struct lake_protocol_box *protocol; /* shared */
    struct lake_metadata_box *metadata; /* shared */
    struct lake_txn_box *txns;          /* shared; NULL: none */
    struct lake_domain_box *domains;    /* shared; NULL: none */
    struct lake_list files;
    struct lake_list tombstones;
    uint64_t size_bytes;
    int64_t row_count;        /* of the files that say how many they have, less deleted ones */
    size_t unknown_row_files; /* live files that do not say */
    size_t outside_files;     /* live files that do not lie in the table */
    size_t deletion_vectors;  /* live ones */
    int64_t deleted_rows;     /* by them */
    int64_t commit_timestamp_ms;
    int64_t in_commit_timestamp_ms;
    struct lake_log_stamp stamp; /* of the own commit file; zeroes when there is none */
    int64_t checkpoint_version;  /* -1: none */
    int64_t checkpoint_ms;
};

struct lake_snapshot *lake_state_new(const char *table_dir, const struct lake_parquet *parquet,
                                     bool drop_stats);
struct lake_snapshot *lake_state_clone(const struct lake_snapshot *old);
/* With an index: for many commits or a checkpoint. */
void lake_state_index(struct lake_snapshot *s);
/* Applies one commit or a stretch of a checkpoint. May change paths in `a` (absolute ones below the
 * table become relative). Errors: UNSUPPORTED (protocol), CORRUPT, NOMEM. */
err lake_state_apply(struct lake_snapshot *s, struct lake_actions *a, struct errmsg *msg);
/* Remembers what belongs to the newest commit only. */
void lake_state_set_commit(struct lake_snapshot *s, int64_t version, const struct lake_actions *a,
                           struct lake_log_stamp stamp);
/* Checks the whole; the snapshot may be shared afterwards. Errors: CORRUPT (no protocol, no
 * metaData), UNSUPPORTED (a live file outside of the table). */
err lake_state_finish(struct lake_snapshot *s, struct errmsg *msg);

/* Tombstones not younger than this have expired (delta.deletedFileRetentionDuration, 1 week). */
int64_t lake_tombstone_limit_ms(const struct lake_snapshot *s, int64_t now_ms);

/* Called with the actions of a commit before they are applied. */
typedef err lake_visit_fn(void *ctx, int64_t version, const struct lake_actions *a,
                          struct errmsg *msg);
/* As lake_snapshot_refresh(), with a look at every new commit. `visit` may be NULL. When the log
 * had to be loaded anew, *out_reloaded is true and nothing was visited. */
err lake_snapshot_advance(struct lake_snapshot *old, lake_visit_fn *visit, void *ctx,
                          struct lake_snapshot **out_snapshot, bool *out_reloaded,
                          struct errmsg *msg);

/* One complete checkpoint of a listing: a run of entries (several for a multi-part one). */
struct lake_checkpoint_source {
    int64_t version;
    const char *const *names; /* borrowed */
    size_t name_count;
    enum lake_log_kind kind;
};
/* Version of the newest checkpoint of the listing, not above `newest`, of which no part is missing;
 * -1 when there is none. */
int64_t lake_checkpoint_newest(const struct lake_log_listing *listing, int64_t newest);
/* Applies a checkpoint to a fresh state. Errors: CORRUPT, UNSUPPORTED, NOT_FOUND, IO, NOMEM. */
err lake_checkpoint_load(struct lake_snapshot *s, const struct lake_checkpoint_source *source,
                         struct errmsg *msg);
