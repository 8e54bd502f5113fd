/* SPDX-License-Identifier: MIT */
/* action.h - the actions of the Delta log as structs, and the way from JSON and back (inside lake/
 * only). Pure: bytes in, structs out. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "lake/snapshot.h"

enum { LAKE_COMMIT_BYTES_MAX = 256 << 20 };

/* Shared, immutable once it is in a snapshot. */
struct lake_protocol_box {
    atomic_uint refs;
    struct arena *arena; /* owned */
    struct lake_protocol protocol;
};
struct lake_metadata_box {
    atomic_uint refs;
    struct arena *arena; /* owned */
    struct lake_metadata metadata;
};
struct lake_protocol_box *lake_protocol_box_ref(struct lake_protocol_box *box);
void lake_protocol_box_unref(struct lake_protocol_box *box);
struct lake_metadata_box *lake_metadata_box_ref(struct lake_metadata_box *box);
void lake_metadata_box_unref(struct lake_metadata_box *box);

struct lake_domain_change {
    struct lake_domain domain;
    bool removed;
};

/* The actions of one commit, or of a stretch of a checkpoint. Texts live in `arena`. */
struct lake_actions {
    struct arena *arena;                /* owned */
    struct lake_protocol_box *protocol; /* shared; NULL when there was none */
    struct lake_metadata_box *metadata; /* shared; NULL when there was none */
    struct lake_file *adds;             /* owned, as the other three */
    size_t add_count, add_cap;
    struct lake_file *removes;
    size_t remove_count, remove_cap;
    struct lake_txn *txns;
    size_t txn_count, txn_cap;
    struct lake_domain_change *domains;
    size_t domain_count, domain_cap;
    bool has_commit_info;
    int64_t commit_timestamp_ms;    /* -1 when there is none */
    int64_t in_commit_timestamp_ms; /* -1 when there is none */
    struct str commit_txn_id;       /* empty when there is none */
    bool is_blind_append;
};

void lake_actions_init(struct lake_actions *a);
void lake_actions_deinit(struct lake_actions *a);
/* Forgets everything, keeps the storage. */
void lake_actions_reset(struct lake_actions *a);
#define AUTO_ACTIONS __attribute__((cleanup(lake_actions_deinit))) struct lake_actions

enum lake_action_kind lake_action_kind_of(const char *name);
/* Adds the action with that body. Commit-only and unknown kinds are ignored.
 * Errors: CORRUPT (breaks a rule of the format), UNSUPPORTED, NOMEM. */
err lake_actions_add(struct lake_actions *a, enum lake_action_kind kind, const json_t *body,
                     struct errmsg *msg);
/* Reads a commit: JSON objects separated by white space. Unknown actions are ignored; what stands
 * twice is an error. `a` is empty. Errors as above. */
err lake_actions_parse_commit(struct str bytes, struct lake_actions *a, struct errmsg *msg);
/* A `name` member of every object in `bytes` is visited: for commitInfo, sidecars. */
typedef err lake_json_fn(void *ctx, enum lake_action_kind kind, const json_t *body,
                         struct errmsg *msg);
err lake_json_each(struct str bytes, lake_json_fn *fn, void *ctx, struct errmsg *msg);

/* Bodies of actions, appended. The caller checks the buf. */
void lake_protocol_write(const struct lake_protocol *p, struct buf *out);
void lake_metadata_write(const struct lake_metadata *m, struct buf *out);
void lake_txn_write(const struct lake_txn *t, struct buf *out);
void lake_domain_write(const struct lake_domain *d, bool removed, struct buf *out);
void lake_add_write(const struct lake_file *f, bool data_change, bool with_stats, struct buf *out);
void lake_remove_write(const struct lake_file *f, bool data_change, struct buf *out);

/* The top-level integer "numRecords" of a statistics text; -1 when there is none. */
int64_t lake_stats_num_records(struct str stats);
