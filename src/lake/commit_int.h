/* SPDX-License-Identifier: MIT */
/* commit_int.h - a commit from the inside: what the caller asked for, and the steps of
 * lake_commit_run() (inside lake/ only). The steps are pure but for the clock's reading passed
 * in. */
#pragma once
#include "base/uuid.h"
#include "lake/commit.h"
#include "lake/state.h"

struct lake_parameter {
    char *key;  /* owned */
    char *json; /* owned */
};
struct lake_metric {
    char *key; /* owned */
    int64_t value;
};

struct lake_commit {
    struct arena *arena; /* owned: texts of everything below */
    char *operation;     /* owned */
    struct uuid_text txn_id;
    int64_t deadline_ms;
    struct lake_parameter *parameters; /* owned, as the other arrays */
    size_t parameter_count;
    struct lake_metric *metrics;
    size_t metric_count;
    bool creates;
    bool replaces;
    struct str table_name;
    struct str description;
    struct str *partition_columns;
    size_t partition_column_count;
    struct lake_field *columns;
    size_t column_count;
    struct lake_pair *config;
    size_t config_count;
    struct lake_file *adds;
    size_t add_count, add_cap;
    struct lake_file *removes;
    size_t remove_count, remove_cap;
    struct lake_txn *txns;
    size_t txn_count;
    int64_t unknown_version; /* where a former run left a put of unknown outcome; -1 */
    bool out_of_memory;      /* sticky: a copy did not fit the arena */
};

/* The metaData that this commit writes on top of `base` (NULL: creation); *out_box stays NULL when
 * nothing changes. Errors: CONFLICT (a column is there with another type), NOMEM, INVALID. */
err lake_commit_plan_metadata(const struct lake_commit *c, const struct lake_metadata *base,
                              int64_t now_ms, struct lake_metadata_box **out_box,
                              struct errmsg *msg);
/* Do the files fit the table? Partition values complete, no nulls where none may be. */
err lake_commit_check_files(const struct lake_commit *c, const struct lake_metadata *m,
                            struct errmsg *msg);
/* May this commit still go ahead after the winner `w`? delta.md section 14. */
err lake_commit_check_winner(const struct lake_commit *c, const struct lake_metadata *base,
                             int64_t version, const struct lake_actions *w, struct errmsg *msg);

struct lake_commit_frame {
    int64_t version;                          /* to be written */
    int64_t timestamp_ms;                     /* now */
    int64_t in_commit_timestamp_ms;           /* -1: the table has none */
    const struct lake_metadata_box *metadata; /* NULL: unchanged */
};
/* The bytes of the commit file. Errors: TOO_LARGE. */
err lake_commit_encode(const struct lake_commit *c, const struct lake_commit_frame *frame,
                       struct buf *out, struct errmsg *msg);
