/* SPDX-License-Identifier: MIT */
/* checkpoint_write.c - classic V1 checkpoints and `_last_checkpoint`. delta.md sections 5 and 22.
 * The Parquet file is written under a temporary name, fsynced and renamed: a checkpoint of a
 * version has the same content whoever writes it, so replacing one does no harm. */
#include "lake/checkpoint.h"
#include "lake/log.h"
#include "lake/protocol.h"
#include "lake/state.h"
#include "os/clock.h"

enum {
    INTERVAL_COMMITS = 10,
    INTERVAL_COMMITS_ENOUGH = 100,
    INTERVAL_MS = 30000,
    ACTION_BYTES_MAX = 128 << 20
};
static const int64_t tombstone_ms_default = INT64_C(7) * 86400000;

static const struct lake_checkpoint_column columns[LAKE_CHECKPOINT_KINDS] = {
    [LAKE_PROTOCOL] = {LAKE_PROTOCOL, "protocol",
                       "STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, "
                       "readerFeatures VARCHAR[], writerFeatures VARCHAR[])"},
    [LAKE_METADATA] = {LAKE_METADATA, "metaData",
                       "STRUCT(id VARCHAR, \"name\" VARCHAR, description VARCHAR, "
                       "format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), "
                       "schemaString VARCHAR, partitionColumns VARCHAR[], "
                       "configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)"},
    [LAKE_TXN] = {LAKE_TXN, "txn", "STRUCT(appId VARCHAR, \"version\" BIGINT, lastUpdated BIGINT)"},
    [LAKE_DOMAIN] = {LAKE_DOMAIN, "domainMetadata",
                     "STRUCT(\"domain\" VARCHAR, configuration VARCHAR, removed BOOLEAN)"},
    [LAKE_ADD] = {LAKE_ADD, "add",
                  "STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, "
                  "modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, "
                  "tags MAP(VARCHAR, VARCHAR), deletionVector STRUCT(storageType VARCHAR, "
                  "pathOrInlineDv VARCHAR, \"offset\" INTEGER, sizeInBytes INTEGER, "
                  "cardinality BIGINT), baseRowId BIGINT, defaultRowCommitVersion BIGINT, "
                  "clusteringProvider VARCHAR)"},
    [LAKE_REMOVE] = {LAKE_REMOVE, "remove",
                     "STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, "
                     "extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), "
                     "size BIGINT, deletionVector STRUCT(storageType VARCHAR, "
                     "pathOrInlineDv VARCHAR, \"offset\" INTEGER, sizeInBytes INTEGER, "
                     "cardinality BIGINT), baseRowId BIGINT, defaultRowCommitVersion BIGINT)"},
    [LAKE_CHECKPOINT_METADATA] = {LAKE_CHECKPOINT_METADATA, "checkpointMetadata", NULL},
    [LAKE_SIDECAR] = {LAKE_SIDECAR, "sidecar", NULL},
};

const struct lake_checkpoint_column *lake_checkpoint_columns(void)
{
    return columns;
}

bool lake_checkpoint_is_due(const struct lake_snapshot *s, int64_t now_ms)
{
    int64_t commits = s->version - s->checkpoint_version;
    int64_t since_ms =
        s->checkpoint_version >= 0 ? s->checkpoint_ms : s->metadata->metadata.created_ms;
    struct str interval = lake_metadata_config(&s->metadata->metadata, "delta.checkpointInterval");
    uint64_t wanted = 0;
    if (str_to_u64(interval, &wanted) && wanted > 0 && wanted < INT32_MAX) {
        return commits >= (int64_t)wanted;
    }
    return commits >= INTERVAL_COMMITS &&
           (commits >= INTERVAL_COMMITS_ENOUGH || now_ms - since_ms >= INTERVAL_MS);
}

int64_t lake_tombstone_limit_ms(const struct lake_snapshot *s, int64_t now_ms)
{
    return now_ms - lake_metadata_interval_ms(&s->metadata->metadata,
                                              "delta.deletedFileRetentionDuration",
                                              tombstone_ms_default);
}

/* ---- what goes into the file ---- */

struct writing {
    const struct lake_snapshot *s; /* borrowed */
    struct buf body;               /* of the action given out last */
    int64_t tombstones_after_ms;   /* older ones have expired */
    bool with_stats;
    size_t step; /* protocol, metaData, txns, domains: one a step */
    struct lake_file_iter files;
    struct lake_file_iter tombstones;
    uint64_t actions;
    uint64_t adds;
};

static bool next_small(struct writing *w, enum lake_action_kind *out_kind)
{
    size_t txns = lake_snapshot_txn_count(w->s);
    size_t domains = lake_snapshot_domain_count(w->s);
    size_t step = w->step;
    if (step == 0) {
        lake_protocol_write(lake_snapshot_protocol(w->s), &w->body);
        *out_kind = LAKE_PROTOCOL;
    } else if (step == 1) {
        lake_metadata_write(lake_snapshot_metadata(w->s), &w->body);
        *out_kind = LAKE_METADATA;
    } else if (step - 2 < txns) {
        lake_txn_write(lake_snapshot_txn_at(w->s, step - 2), &w->body);
        *out_kind = LAKE_TXN;
    } else if (step - 2 - txns < domains) {
        lake_domain_write(lake_snapshot_domain_at(w->s, step - 2 - txns), false, &w->body);
        *out_kind = LAKE_DOMAIN;
    } else {
        return false;
    }
    w->step++;
    return true;
}

static bool next_file(struct writing *w, enum lake_action_kind *out_kind)
{
    const struct lake_file *f = lake_files_next(&w->files);
    if (f != NULL) {
        w->adds++;
        lake_add_write(f, false, w->with_stats, &w->body);
        *out_kind = LAKE_ADD;
        return true;
    }
    while ((f = lake_files_next(&w->tombstones)) != NULL) {
        if (f->deletion_ms > w->tombstones_after_ms) {
            lake_remove_write(f, false, &w->body);
            *out_kind = LAKE_REMOVE;
            return true;
        }
    }
    return false;
}

static err next_action(void *ctx, bool *out_more, enum lake_action_kind *out_kind,
                       struct str *out_json, struct errmsg *msg)
{
    struct writing *w = ctx;
    buf_reset(&w->body);
    *out_more = next_small(w, out_kind) || next_file(w, out_kind);
    if (w->body.failed) {
        return errmsg_set(msg, ERR_TOO_LARGE, "an action has more than %zu bytes", w->body.max);
    }
    if (*out_more) {
        w->actions++;
        *out_json = buf_str(&w->body);
    }
    return ERR_OK;
}

/* ---- files ---- */

static err write_parquet(struct writing *w, const struct lake_parquet *parquet, const char *target,
                         uint64_t *out_size, struct errmsg *msg)
{
    AUTO_TEXT temporary =
        xasprintf("%s/_delta_log/.%s.parquet.tmp", w->s->table_dir, os_uuid_new().text);
    AUTO_TEXT dir = xasprintf("%s/_delta_log", w->s->table_dir);
    struct os_stat st = {0};
    err e = parquet->write(parquet->ctx, temporary, next_action, w, msg);
    if (e == ERR_OK) {
        e = os_fsync_path(temporary, msg);
    }
    if (e == ERR_OK) {
        e = os_stat(temporary, &st, msg);
    }
    if (e == ERR_OK) {
        e = os_rename(temporary, target, msg);
    }
    if (e != ERR_OK) {
        (void)os_unlink(temporary, NULL); /* the first error is the one to report */
        return e;
    }
    *out_size = st.size_bytes;
    return os_fsync_dir(dir, msg);
}

static err write_hint(const struct writing *w, uint64_t size_bytes, struct errmsg *msg)
{
    AUTO_BUF hint = buf_make(4096);
    char checksum[33];
    (void)buf_printf(&hint,
                     "{\"version\":%lld,\"size\":%llu,\"sizeInBytes\":%llu,\"numOfAddFiles\":%llu",
                     (long long)w->s->version, (unsigned long long)w->actions,
                     (unsigned long long)size_bytes, (unsigned long long)w->adds);
    size_t length = hint.len;
    (void)buf_puts(&hint, "}"); /* checked below */
    TRY(buf_check(&hint));
    TRY(lake_json_checksum(buf_str(&hint), checksum, msg));
    hint.len = length;
    (void)buf_printf(&hint, ",\"checksum\":\"%s\"}", checksum);
    TRY(buf_check(&hint));
    AUTO_TEXT path = lake_log_path(w->s->table_dir, "_last_checkpoint");
    return os_replace_file(path, buf_str(&hint), msg);
}

static err write_of(const struct lake_snapshot *s, const struct lake_parquet *parquet,
                    struct errmsg *msg)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%020lld.checkpoint.parquet", (long long)s->version);
    AUTO_TEXT target = lake_log_path(s->table_dir, name);
    const struct lake_metadata *m = lake_snapshot_metadata(s);
    struct writing w = {
        .s = s,
        .body = buf_make(ACTION_BYTES_MAX),
        .with_stats = !lake_metadata_config_is(m, "delta.checkpoint.writeStatsAsJson", "false"),
        .files = lake_snapshot_files(s),
        .tombstones = lake_snapshot_tombstones(s),
        .tombstones_after_ms = lake_tombstone_limit_ms(s, os_now_ms())};
    uint64_t size_bytes = 0;
    err e = write_parquet(&w, parquet, target, &size_bytes, msg);
    if (e == ERR_OK) {
        e = write_hint(&w, size_bytes, msg);
    }
    buf_deinit(&w.body);
    return e == ERR_OK ? e : errmsg_wrap(msg, e, "checkpoint %lld", (long long)s->version);
}

err lake_checkpoint_write(const struct lake_snapshot *s, const struct lake_parquet *parquet,
                          struct errmsg *msg)
{
    ASSERT(parquet != NULL && parquet->write != NULL);
    if (lake_protocol_has(&s->protocol->protocol, "checkpointProtection")) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "the table has checkpointProtection");
    }
    if (!s->drop_stats) {
        return write_of(s, parquet, msg);
    }
    AUTO(lake_snapshot) full = NULL;
    TRY(lake_snapshot_load(s->table_dir, s->version, parquet, &full, msg));
    return write_of(full, parquet, msg);
}
