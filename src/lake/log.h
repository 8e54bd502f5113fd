/* SPDX-License-Identifier: MIT */
/* log.h - the files of `_delta_log`: their names, how they are read, and how a commit gets its name
 * exactly once (inside lake/ only).
 *
 * Put-if-absent: write `.<uuid>.tmp`, fdatasync, link() to the final name, unlink the temporary
 * one, fsync the directory. A name appears with all of its bytes or not at all, and link() refuses
 * a name that is taken, so two committers can never both succeed with one version. */
#pragma once
#include "base/buf.h"
#include "base/uuid.h"
#include "lake/snapshot.h"
#include "os/file.h"

enum lake_log_kind {
    LAKE_LOG_OTHER,
    LAKE_LOG_COMMIT,             /* %020d.json */
    LAKE_LOG_CHECKSUM,           /* %020d.crc */
    LAKE_LOG_CHECKPOINT,         /* %020d.checkpoint.parquet */
    LAKE_LOG_CHECKPOINT_PART,    /* %020d.checkpoint.%010d.%010d.parquet */
    LAKE_LOG_CHECKPOINT_V2_JSON, /* %020d.checkpoint.<uuid>.json */
    LAKE_LOG_CHECKPOINT_V2,      /* %020d.checkpoint.<uuid>.parquet */
    LAKE_LOG_COMPACTED,          /* %020d.%020d.compacted.json */
};
struct lake_log_name {
    enum lake_log_kind kind;
    int64_t version;
    int64_t end_version; /* compacted only */
    uint32_t part;       /* parts only, from 1 */
    uint32_t parts;
};
/* Names that are none of these are LAKE_LOG_OTHER. */
struct lake_log_name lake_log_name_parse(struct str text);

/* What a listing found, sorted by version. */
struct lake_log_entry {
    struct lake_log_name name;
    const char *text; /* borrowed from the names */
};
struct lake_log_listing {
    struct os_names names;          /* owned */
    struct lake_log_entry *entries; /* owned; without LAKE_LOG_OTHER */
    size_t count;
};
err lake_log_list(const char *table_dir, struct lake_log_listing *out_listing, struct errmsg *msg);
void lake_log_listing_deinit(struct lake_log_listing *listing);
#define AUTO_LISTING __attribute__((cleanup(lake_log_listing_deinit))) struct lake_log_listing

/* "<table>/_delta_log/<name>"; caller frees. */
char *lake_log_path(const char *table_dir, const char *name);
char *lake_log_commit_path(const char *table_dir, int64_t version);

/* Tells one incarnation of a commit file from another. */
struct lake_log_stamp {
    int64_t mtime_us;
    uint64_t size_bytes;
};
/* Reads a commit, appended. Errors: NOT_FOUND, TOO_LARGE (256 MiB), IO. */
err lake_log_read_commit(const char *table_dir, int64_t version, struct buf *out,
                         struct lake_log_stamp *out_stamp, struct errmsg *msg);

enum lake_put_outcome {
    LAKE_PUT_DONE,    /* in place and durable */
    LAKE_PUT_LOST,    /* the name is taken, by other bytes */
    LAKE_PUT_FAILED,  /* certainly not in place */
    LAKE_PUT_UNKNOWN, /* in place or not, or in place but maybe not durable */
};
/* Puts `bytes` under `name` unless the name is taken. Returns ERR_OK with DONE and LOST. */
err lake_log_put(const char *table_dir, const char *name, struct str bytes,
                 enum lake_put_outcome *out_outcome, struct errmsg *msg);
