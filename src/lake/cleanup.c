/* SPDX-License-Identifier: MIT */
/* cleanup.c - removes what no reader within the retention needs. delta.md section 15:
 *
 *   cutoff            = midnight UTC of (now - delta.logRetentionDuration)
 *   cutoff commit     = newest commit not younger than the cutoff
 *   cutoff checkpoint = newest complete checkpoint not above it; without one nothing is removed
 *
 * Everything below the cutoff checkpoint goes, oldest first, so that a crash leaves a contiguous
 * tail. Before the first file goes the checkpoint is loaded once: what cannot be read protects
 * nothing. */
#include "lake/checkpoint.h"
#include "lake/log.h"
#include "lake/protocol.h"
#include "lake/state.h"
#include "os/clock.h"

static const int64_t day_ms = INT64_C(86400000);
static const int64_t retention_days_default = 30;

/* -1 when no commit is old enough. Commit files whose times jump back count as their elders. */
static err find_cutoff_commit(const struct lake_snapshot *s, const struct lake_log_listing *listing,
                              int64_t cutoff_ms, int64_t *out_version, struct errmsg *msg)
{
    *out_version = -1;
    for (size_t i = 0; i < listing->count; i++) {
        const struct lake_log_entry *entry = &listing->entries[i];
        if (entry->name.kind != LAKE_LOG_COMMIT) {
            continue;
        }
        AUTO_TEXT path = lake_log_path(s->table_dir, entry->text);
        struct os_stat st;
        err e = os_stat(path, &st, msg);
        if (e == ERR_NOT_FOUND) {
            continue; /* another clean-up is at work */
        }
        TRY(e);
        if (st.mtime_us / 1000 > cutoff_ms) {
            return ERR_OK;
        }
        *out_version = entry->name.version;
    }
    return ERR_OK;
}

static err check_readable(const struct lake_snapshot *s, int64_t version, struct errmsg *msg)
{
    AUTO(lake_snapshot) proof = NULL;
    struct lake_load_options options = {
        .table_dir = s->table_dir, .version = version, .parquet = s->parquet, .drop_stats = true};
    TRY(lake_snapshot_load_with(&options, &proof, msg));
    if (proof->checkpoint_version != version) {
        return errmsg_set(msg, ERR_CORRUPT, "checkpoint %lld cannot be read: nothing is cleaned up",
                          (long long)version);
    }
    return ERR_OK;
}

static err remove_one(const struct lake_snapshot *s, const char *name, uint32_t *removed,
                      struct errmsg *msg)
{
    AUTO_TEXT path = lake_log_path(s->table_dir, name);
    err e = os_unlink(path, msg);
    if (e == ERR_OK) {
        (*removed)++;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static err remove_below(const struct lake_snapshot *s, const struct lake_log_listing *listing,
                        int64_t checkpoint, uint32_t *removed, struct errmsg *msg)
{
    for (size_t i = 0; i < listing->count; i++) {
        const struct lake_log_name *name = &listing->entries[i].name;
        bool goes = name->version < checkpoint ||
                    (name->kind == LAKE_LOG_COMPACTED && name->version <= checkpoint);
        if (goes) {
            TRY(remove_one(s, listing->entries[i].text, removed, msg));
        }
    }
    return ERR_OK;
}

/* What crashes left of files that were to be renamed: `.<uuid>.tmp` and the like, a day old. */
static err remove_temporary(const struct lake_snapshot *s, const struct os_names *names,
                            int64_t now_ms, uint32_t *removed, struct errmsg *msg)
{
    for (size_t i = 0; i < names->count; i++) {
        struct str name = str_from(names->items[i]);
        bool ours = str_ends(name, STR(".tmp")) &&
                    (str_starts(name, STR(".")) || str_starts(name, STR("_last_checkpoint.")));
        struct os_stat st;
        AUTO_TEXT path = lake_log_path(s->table_dir, names->items[i]);
        if (ours && os_stat(path, &st, NULL) == ERR_OK && st.is_file &&
            st.mtime_us / 1000 < now_ms - day_ms) {
            TRY(remove_one(s, names->items[i], removed, msg));
        }
    }
    return ERR_OK;
}

err lake_log_cleanup(const struct lake_snapshot *s, int64_t now_ms, uint32_t *out_removed,
                     struct errmsg *msg)
{
    const struct lake_metadata *m = &s->metadata->metadata;
    uint32_t removed = 0;
    *out_removed = 0;
    if (lake_metadata_config_is(m, "delta.enableExpiredLogCleanup", "false") ||
        lake_protocol_has(&s->protocol->protocol, "checkpointProtection")) {
        return ERR_OK;
    }
    int64_t retention_ms =
        lake_metadata_interval_ms(m, "delta.logRetentionDuration", retention_days_default * day_ms);
    int64_t cutoff_ms = (now_ms - retention_ms) / day_ms * day_ms;
    int64_t commit = -1;
    AUTO_LISTING listing = {0};
    TRY(lake_log_list(s->table_dir, &listing, msg));
    TRY(remove_temporary(s, &listing.names, now_ms, &removed, msg));
    TRY(find_cutoff_commit(s, &listing, cutoff_ms, &commit, msg));
    int64_t checkpoint = commit < 0 ? -1 : lake_checkpoint_newest(&listing, commit);
    err e = ERR_OK;
    if (checkpoint > 0) {
        TRY(check_readable(s, checkpoint, msg));
        e = remove_below(s, &listing, checkpoint, &removed, msg);
    }
    *out_removed = removed;
    return e;
}
