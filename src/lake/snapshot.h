/* SPDX-License-Identifier: MIT */
/* snapshot.h - the state of a Delta table at one version: immutable, shared by reference count.
 *
 * A snapshot holds what the protocol calls the reconciled state: protocol, metaData, the newest txn
 * of every application, domains, the live files and the tombstones. Loading reads the newest
 * complete checkpoint and the commits after it; a refresh reads only the commits that are new and
 * shares everything else with the old snapshot (lists of files are kept in chunks).
 *
 * Thread: a snapshot may be read by any number of threads; lake_snapshot_ref/unref are atomic. All
 * pointers reached from a snapshot live as long as it. */
#pragma once
#include "base/base.h"
#include "base/json.h"
#include "base/str.h"
#include "lake/parquet.h"

struct lake_snapshot;

struct lake_protocol {
    int reader_version;
    int writer_version;
    bool has_reader_features; /* R3 */
    bool has_writer_features; /* W7 */
    const struct str *reader_features;
    size_t reader_feature_count;
    const struct str *writer_features;
    size_t writer_feature_count;
};

struct lake_field {
    struct str name;
    struct str type; /* "long", "timestamp", "decimal(10,2)"; nested types as their JSON text */
    bool nullable;
    struct str metadata; /* JSON object text, "{}" when there is none */
};

struct lake_pair {
    struct str key;
    struct str value;
    bool is_null;
};

struct lake_metadata {
    struct str id;
    struct str name;        /* empty when there is none */
    struct str description; /* empty when there is none */
    struct str schema_text; /* schemaString as it stands in the log */
    const struct lake_field *fields;
    size_t field_count;
    const struct str *partition_columns;
    size_t partition_column_count;
    const struct lake_pair *configuration;
    size_t configuration_count;
    int64_t created_ms; /* -1 when there is none */
};

struct lake_txn {
    struct str app_id;
    int64_t version;         /* of tarn's: the last offset that is in the table, inclusive */
    int64_t last_updated_ms; /* -1 when there is none */
};

struct lake_domain {
    struct str domain;
    struct str configuration;
};

/* A data file; also a tombstone, where the last three members mean something. */
struct lake_file {
    struct str path;               /* decoded once; relative to the table, "/"-separated */
    struct str stats;              /* JSON text; empty when there is none or the load dropped it */
    struct str tags;               /* JSON object text; empty when there is none */
    struct str deletion_vector;    /* the descriptor's JSON text; empty when there is none */
    struct str deletion_vector_id; /* <storageType><pathOrInlineDv>[@<offset>]; part of the key */
    const struct lake_pair *partition_values;
    uint32_t partition_value_count;
    bool is_absolute; /* never true of a live file: those outside of the table are refused */
    bool data_change;
    bool has_extended_metadata; /* tombstones: partition values and size are known */
    uint64_t size_bytes;
    int64_t num_records;     /* physical rows; -1 when unknown */
    int64_t deleted_records; /* rows that the deletion vector hides */
    int64_t modification_ms;
    int64_t deletion_ms;                /* tombstones only; 0 when there is none */
    int64_t base_row_id;                /* -1 when there is none */
    int64_t default_row_commit_version; /* -1 when there is none */
    struct str clustering_provider;     /* empty when there is none */
};

struct lake_load_options {
    const char *table_dir;              /* the folder that holds _delta_log */
    int64_t version;                    /* -1: the latest */
    const struct lake_parquet *parquet; /* NULL: checkpoints cannot be read, commits only.
                                        * Borrowed for as long as snapshots of this load live. */
    bool drop_stats; /* do not keep stats of files (num_records stays): a tenth of the memory */
};

/* Loads a table. Errors: NOT_FOUND (no table there, or no such version), CORRUPT (the log breaks a
 * rule; the message names the version and the rule), UNSUPPORTED (the message names the feature),
 * TOO_LARGE (a limit), NOMEM, IO. Caller unrefs *out_snapshot. */
err lake_snapshot_load_with(const struct lake_load_options *options,
                            struct lake_snapshot **out_snapshot, struct errmsg *msg);
/* The same with statistics kept. */
err lake_snapshot_load(const char *table_dir, int64_t version, const struct lake_parquet *parquet,
                       struct lake_snapshot **out_snapshot, struct errmsg *msg);
/* The newest snapshot, starting from `old` (not taken): reads the commits after it. *out_snapshot
 * is `old` with one more reference when nothing is new. Loads anew when the log of `old` is gone or
 * is another table's by now. Errors as for loading. */
err lake_snapshot_refresh(struct lake_snapshot *old, struct lake_snapshot **out_snapshot,
                          struct errmsg *msg);
struct lake_snapshot *lake_snapshot_ref(struct lake_snapshot *s);
void lake_snapshot_unref(struct lake_snapshot *s); /* NULL is fine */
static inline void lake_snapshot_free(struct lake_snapshot *s)
{
    lake_snapshot_unref(s);
}
AUTO_DEFINE(lake_snapshot)

/* True when there is a table: a commit or a checkpoint in table_dir/_delta_log. */
bool lake_table_exists(const char *table_dir);

int64_t lake_snapshot_version(const struct lake_snapshot *s);
const char *lake_snapshot_table_dir(const struct lake_snapshot *s);
const struct lake_protocol *lake_snapshot_protocol(const struct lake_snapshot *s);
const struct lake_metadata *lake_snapshot_metadata(const struct lake_snapshot *s);
/* The field of that name, ASCII case folded; NULL when there is none. */
const struct lake_field *lake_snapshot_field(const struct lake_snapshot *s, struct str name);
bool lake_snapshot_has_stats(const struct lake_snapshot *s);
size_t lake_snapshot_file_count(const struct lake_snapshot *s);
uint64_t lake_snapshot_size_bytes(const struct lake_snapshot *s);
/* Live rows (deletion vectors taken off); -1 when a file does not say how many it has. */
int64_t lake_snapshot_row_count(const struct lake_snapshot *s);
/* Time of the snapshot's own commit in ms: in-commit timestamp, else commitInfo's, else the
 * file's. */
int64_t lake_snapshot_timestamp_ms(const struct lake_snapshot *s);
/* -1 when that commit had none. */
int64_t lake_snapshot_in_commit_timestamp_ms(const struct lake_snapshot *s);
/* Version of the newest checkpoint known; -1 when there is none. */
int64_t lake_snapshot_checkpoint_version(const struct lake_snapshot *s);
size_t lake_snapshot_txn_count(const struct lake_snapshot *s);
const struct lake_txn *lake_snapshot_txn_at(const struct lake_snapshot *s, size_t index);
/* The newest txn of that application; NULL when there is none. */
const struct lake_txn *lake_snapshot_txn(const struct lake_snapshot *s, struct str app_id);
size_t lake_snapshot_domain_count(const struct lake_snapshot *s);
const struct lake_domain *lake_snapshot_domain_at(const struct lake_snapshot *s, size_t index);
/* A table property; false when it is not set. */
bool lake_snapshot_config(const struct lake_snapshot *s, struct str key, struct str *out_value);

/* Walks the live files, oldest first:
 *     struct lake_file_iter it = lake_snapshot_files(s);
 *     for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) { ... } */
struct lake_file_iter {
    const void *list; /* borrowed from the snapshot */
    size_t slot;
    size_t index;
};
struct lake_file_iter lake_snapshot_files(const struct lake_snapshot *s);
struct lake_file_iter lake_snapshot_tombstones(const struct lake_snapshot *s);
const struct lake_file *lake_files_next(struct lake_file_iter *it);
/* A file's value of a partition column; NULL when it has none. */
const struct lake_pair *lake_file_partition(const struct lake_file *f, struct str column);

/* Can the files be read by a plain Parquet reader that knows columns by name? ERR_UNSUPPORTED names
 * what stands in the way: a live deletion vector, column mapping, a widened type, a variant. */
err lake_snapshot_check_plain_read(const struct lake_snapshot *s, struct errmsg *msg);
/* May tarn append to this table? ERR_UNSUPPORTED names the feature, constraint or column that
 * forbids it. */
err lake_snapshot_check_append(const struct lake_snapshot *s, struct errmsg *msg);
