/* SPDX-License-Identifier: MIT */
/* commit.h - one transaction on a Delta table: collect actions, then put them into the log at once.
 *
 *     struct lake_commit *c = lake_commit_new("STREAMING UPDATE");
 *     lake_commit_add_column(c, ...);         schema growth, if any
 *     lake_commit_add_file(c, &file);         for every data file (already durable, in its place)
 *     lake_commit_set_txn(c, app_id, last_offset);
 *     lake_commit_run(c, table_dir, base, parquet, &snapshot, msg);
 *
 * The data files must be fsynced and in place before lake_commit_run(). The outcome is atomic:
 * ERR_OK: the commit is in the log, durable, and *out_snapshot includes it.
 * ERR_CONFLICT: it is not in the log; load the table again and plan anew (another writer holds one
 * of our appIds, or changed the schema in a way the files do not fit).
 * Any other error: the outcome may be unknown; load the table again and look at the txn, or run the
 * same object again: it finds out by its txnId.
 *
 * Thread: one commit object belongs to one thread; any number of threads and processes may commit
 * to one table at a time. */
#pragma once
#include "lake/snapshot.h"

struct lake_commit;

/* A commit with the operation's name as shown by history ("WRITE", "STREAMING UPDATE", ...). */
struct lake_commit *lake_commit_new(const char *operation);
void lake_commit_free(struct lake_commit *c);
AUTO_DEFINE(lake_commit)

/* Shown in commitInfo. `json_value` is JSON text, e.g. "[\"_date\"]" or "\"Append\"". */
void lake_commit_parameter(struct lake_commit *c, const char *key, struct str json_value);
/* operationMetrics; numFiles, numOutputRows, numOutputBytes are computed from the files. */
void lake_commit_metric(struct lake_commit *c, const char *key, int64_t value);
/* How long to retry against other writers; default 60 s. */
void lake_commit_set_deadline_ms(struct lake_commit *c, int64_t deadline_ms);

/* Makes this the commit that creates the table (base must be NULL): R1/W2, a fresh id. */
void lake_commit_create_table(struct lake_commit *c, struct str name, struct str description,
                              const struct str *partition_columns, size_t partition_column_count);
/* The columns of this commit take the place of the present ones, and the table is no longer
 * partitioned. The caller removes the files. Conflicts with any winner that adds or removes one. */
void lake_commit_replace_columns(struct lake_commit *c);
/* A column after the present ones. `type` is a Delta type: "long", "double", "string", "boolean",
 * "timestamp", "date", "binary", "integer", ..., or the JSON of a struct or an array; on creation
 * the table's columns in order. A column that the table has by then with the same type is not an
 * error, and the structs of one that it has get the members they lack. `nullable` may be false on
 * creation only. Errors: INVALID (name that Delta forbids, unknown type). */
err lake_commit_add_column(struct lake_commit *c, struct str name, struct str type, bool nullable,
                           struct errmsg *msg);
/* Sets a table property in the same commit. */
void lake_commit_set_config(struct lake_commit *c, struct str key, struct str value);

struct lake_new_file {
    struct str path; /* relative to the table, not encoded */
    uint64_t size_bytes;
    int64_t modification_ms;
    const struct lake_pair *partition_values; /* every partition column; keys by column name */
    size_t partition_value_count;
    int64_t num_records; /* -1 when unknown; for the metrics */
    struct str stats;    /* JSON text or empty */
    struct str tags;     /* JSON object text or empty */
    bool is_rewrite;     /* dataChange=false: the rows were in the table before */
};
/* Copies. Errors: INVALID (path outside of the table). A path that is added twice makes
 * lake_commit_run() fail. */
err lake_commit_add_file(struct lake_commit *c, const struct lake_new_file *file,
                         struct errmsg *msg);
/* `file` is a live file of the base snapshot. A commit with removes is not a blind append: it
 * conflicts with any winner that removed the same file. */
void lake_commit_remove_file(struct lake_commit *c, const struct lake_file *file, bool data_change);
/* One per application; the last call for an app_id wins. `version` = last offset, inclusive. */
void lake_commit_set_txn(struct lake_commit *c, struct str app_id, int64_t version);

struct lake_commit_result {
    int64_t version;
    uint32_t attempts;
    bool wrote_checksum;
    bool wrote_checkpoint;
    uint32_t cleaned_files;
    struct errmsg upkeep; /* why .crc, checkpoint or clean-up did not work out; empty when fine */
};

/* Commits on top of `base` (NULL: creates the table, ERR_EXISTS when there is one). `parquet`
 * writes checkpoints (NULL: none are written). Then upkeep, best effort: .crc, checkpoint when due,
 * log clean-up when due; failures there do not fail the commit. `c` may not be run again after
 * ERR_OK. `out_result` may be NULL. Errors: see the head of this file; also INVALID, UNSUPPORTED
 * (the table must not be appended to; the message says why), TOO_LARGE, TIMEOUT, NOSPACE. */
err lake_commit_run(struct lake_commit *c, const char *table_dir, struct lake_snapshot *base,
                    const struct lake_parquet *parquet, struct lake_snapshot **out_snapshot,
                    struct lake_commit_result *out_result, struct errmsg *msg);
