/* SPDX-License-Identifier: MIT */
/* load.c - a table's log from the disk: newest complete checkpoint, then the commits after it. The
 * directory is always listed: on a local file system that costs less than a hint that lies.
 * delta.md section 4. */
#include "base/log.h"
#include "lake/protocol.h"
#include "lake/state.h"

enum { INDEX_FROM_COMMITS = 8, LIST_ATTEMPTS_MAX = 3 };

/* ---- complete checkpoints of a listing ---- */

struct candidates {
    struct lake_checkpoint_source *items; /* owned; newest last */
    size_t count;
    const char **names; /* owned: what the items point into */
};

static void candidates_deinit(struct candidates *c)
{
    free(c->items);
    free(c->names);
}
#define AUTO_CANDIDATES __attribute__((cleanup(candidates_deinit))) struct candidates

/* Parts 1..n of one version follow each other, sorted; those of another n may lie between. */
static bool parts_complete(const struct lake_log_listing *listing, size_t first, const char **names)
{
    const struct lake_log_name *head = &listing->entries[first].name;
    uint32_t next = 1;
    for (size_t i = first; i < listing->count && next <= head->parts; i++) {
        const struct lake_log_name *name = &listing->entries[i].name;
        if (name->version != head->version) {
            return false;
        }
        if (name->kind == LAKE_LOG_CHECKPOINT_PART && name->parts == head->parts) {
            if (name->part != next) {
                return false;
            }
            names[next - 1] = listing->entries[i].text;
            next++;
        }
    }
    return next == head->parts + 1;
}

/* Worse ones first: a classic checkpoint of a version is tried before the others. */
static int by_version_and_kind(const void *a, const void *b)
{
    const struct lake_checkpoint_source *x = a;
    const struct lake_checkpoint_source *y = b;
    if (x->version != y->version) {
        return x->version < y->version ? -1 : 1;
    }
    return (x->kind == LAKE_LOG_CHECKPOINT) - (y->kind == LAKE_LOG_CHECKPOINT);
}

static void candidates_find(const struct lake_log_listing *listing, int64_t newest,
                            struct candidates *out)
{
    out->items = xnew_array(struct lake_checkpoint_source, listing->count + 1);
    out->names = xnew_array(const char *, listing->count + 1);
    size_t names_used = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const struct lake_log_name *name = &listing->entries[i].name;
        size_t name_count = 0;
        if (name->version > newest) {
            break;
        }
        const char **names = &out->names[names_used];
        switch (name->kind) {
        case LAKE_LOG_CHECKPOINT:
        case LAKE_LOG_CHECKPOINT_V2:
        case LAKE_LOG_CHECKPOINT_V2_JSON:
            names[0] = listing->entries[i].text;
            name_count = 1;
            break;
        case LAKE_LOG_CHECKPOINT_PART:
            if (name->part == 1 && name->parts <= listing->count - names_used &&
                parts_complete(listing, i, names)) {
                name_count = name->parts;
            }
            break;
        default:
            break;
        }
        if (name_count > 0) {
            names_used += name_count;
            out->items[out->count++] = (struct lake_checkpoint_source){.version = name->version,
                                                                       .names = names,
                                                                       .name_count = name_count,
                                                                       .kind = name->kind};
        }
    }
    if (out->count > 1) {
        qsort(out->items, out->count, sizeof *out->items, by_version_and_kind);
    }
}

int64_t lake_checkpoint_newest(const struct lake_log_listing *listing, int64_t newest)
{
    AUTO_CANDIDATES all = {0};
    candidates_find(listing, newest, &all);
    return all.count > 0 ? all.items[all.count - 1].version : -1;
}

/* ---- commits ---- */

static err apply_commit(struct lake_snapshot *s, int64_t version, lake_visit_fn *visit, void *ctx,
                        struct errmsg *msg)
{
    AUTO_BUF bytes = buf_make(LAKE_COMMIT_BYTES_MAX);
    struct lake_log_stamp stamp;
    TRY(lake_log_read_commit(s->table_dir, version, &bytes, &stamp, msg));
    AUTO_ACTIONS actions;
    lake_actions_init(&actions);
    err e = lake_actions_parse_commit(buf_str(&bytes), &actions, msg);
    if (e == ERR_OK && visit != NULL) {
        TRY(visit(ctx, version, &actions, msg));
    }
    if (e == ERR_OK) {
        e = lake_state_apply(s, &actions, msg);
    }
    if (e != ERR_OK) {
        return errmsg_wrap(msg, e, "commit %lld", (long long)version);
    }
    lake_state_set_commit(s, version, &actions, stamp);
    return ERR_OK;
}

static bool has_commit(const struct lake_log_listing *listing, int64_t version)
{
    size_t low = 0;
    size_t high = listing->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (listing->entries[middle].name.version < version) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < listing->count && listing->entries[low].name.version == version; low++) {
        if (listing->entries[low].name.kind == LAKE_LOG_COMMIT) {
            return true;
        }
    }
    return false;
}

/* The commits after the state's version up to `target`, which must follow each other. */
static err apply_commits(struct lake_snapshot *s, const struct lake_log_listing *listing,
                         int64_t target, struct errmsg *msg)
{
    for (int64_t version = s->version + 1; version <= target; version++) {
        if (!has_commit(listing, version)) {
            return errmsg_set(msg, ERR_CORRUPT,
                              s->version < 0 ? "commit %lld is missing and there is no checkpoint "
                                               "that can be read in its place"
                                             : "commit %lld is missing",
                              (long long)version);
        }
        TRY(apply_commit(s, version, NULL, NULL, msg));
    }
    return ERR_OK;
}

/* Of a version that came from a checkpoint, the commit tells its time, if it is still there. */
static void read_own_commit(struct lake_snapshot *s)
{
    AUTO_BUF bytes = buf_make(LAKE_COMMIT_BYTES_MAX);
    struct lake_log_stamp stamp;
    if (lake_log_read_commit(s->table_dir, s->version, &bytes, &stamp, NULL) != ERR_OK) {
        return;
    }
    AUTO_ACTIONS actions;
    lake_actions_init(&actions);
    if (lake_actions_parse_commit(buf_str(&bytes), &actions, NULL) == ERR_OK) {
        lake_state_set_commit(s, s->version, &actions, stamp);
    }
}

/* ---- loading ---- */

static void note_checkpoint(struct lake_snapshot *s, const struct lake_checkpoint_source *source)
{
    AUTO_TEXT path = lake_log_path(s->table_dir, source->names[0]);
    struct os_stat st;
    s->checkpoint_version = source->version;
    s->checkpoint_ms = os_stat(path, &st, NULL) == ERR_OK ? st.mtime_us / 1000 : 0;
}

/* From one checkpoint, or from the first commit when `source` is NULL. */
static err load_from(const struct lake_load_options *options,
                     const struct lake_log_listing *listing,
                     const struct lake_checkpoint_source *source, int64_t target,
                     struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    AUTO(lake_snapshot)
    s = lake_state_new(options->table_dir, options->parquet, options->drop_stats);
    lake_state_index(s);
    if (source != NULL) {
        err e = lake_checkpoint_load(s, source, msg);
        if (e != ERR_OK) {
            return errmsg_wrap(msg, e, "checkpoint %lld", (long long)source->version);
        }
        note_checkpoint(s, source);
    }
    TRY(apply_commits(s, listing, target, msg));
    TRY(lake_state_finish(s, msg));
    if (source != NULL && source->version == target) {
        read_own_commit(s);
    }
    *out_snapshot = TAKE(s);
    return ERR_OK;
}

/* The version to load, checked against what is there. */
static err find_target(const struct lake_load_options *options,
                       const struct lake_log_listing *listing, int64_t *out_target,
                       struct errmsg *msg)
{
    int64_t newest = lake_checkpoint_newest(listing, INT64_MAX);
    for (size_t i = listing->count; i > 0; i--) {
        if (listing->entries[i - 1].name.kind == LAKE_LOG_COMMIT) {
            newest = MAX(newest, listing->entries[i - 1].name.version);
            break;
        }
    }
    if (newest < 0) {
        return errmsg_set(msg, ERR_NOT_FOUND, "%s is not a Delta table: its log is empty",
                          options->table_dir);
    }
    if (options->version > newest) {
        return errmsg_set(msg, ERR_NOT_FOUND, "version %lld does not exist; the newest is %lld",
                          (long long)options->version, (long long)newest);
    }
    *out_target = options->version < 0 ? newest : options->version;
    return ERR_OK;
}

static err load_listed(const struct lake_load_options *options,
                       const struct lake_log_listing *listing, struct lake_snapshot **out_snapshot,
                       struct errmsg *msg)
{
    int64_t target = -1;
    struct errmsg first = {{0}};
    err first_error = ERR_OK;
    TRY(find_target(options, listing, &target, msg));
    AUTO_CANDIDATES candidates = {0};
    candidates_find(listing, target, &candidates);
    for (size_t i = candidates.count; i > 0; i--) {
        struct errmsg detail = {{0}};
        err e =
            load_from(options, listing, &candidates.items[i - 1], target, out_snapshot, &detail);
        if (e == ERR_OK) {
            return e;
        }
        log_debug("checkpoint not usable", "table=%s detail=\"%s\"", options->table_dir,
                  detail.text);
        if (first_error == ERR_OK) {
            first = detail;
            first_error = e;
        }
    }
    err e = load_from(options, listing, NULL, target, out_snapshot, msg);
    if (e != ERR_OK && first_error != ERR_OK && !has_commit(listing, 0)) {
        return errmsg_set(msg, first_error, "%s", first.text); /* what a person can act on */
    }
    return e;
}

err lake_snapshot_load_with(const struct lake_load_options *options,
                            struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    err e = ERR_OK;
    for (int attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
        AUTO_LISTING listing = {0};
        e = lake_log_list(options->table_dir, &listing, msg);
        if (e != ERR_OK) {
            break;
        }
        e = load_listed(options, &listing, out_snapshot, msg);
        if (e != ERR_NOT_FOUND || options->version >= 0) {
            break; /* NOT_FOUND: a file went away under us, listed before a clean-up */
        }
    }
    return e == ERR_OK ? e : errmsg_wrap(msg, e, "table %s", options->table_dir);
}

err lake_snapshot_load(const char *table_dir, int64_t version, const struct lake_parquet *parquet,
                       struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    return lake_snapshot_load_with(
        &(struct lake_load_options){.table_dir = table_dir, .version = version, .parquet = parquet},
        out_snapshot, msg);
}

/* ---- following ---- */

/* Is the commit that `s` ends with still the one it was read from? */
static bool own_commit_unchanged(const struct lake_snapshot *s)
{
    AUTO_TEXT path = lake_log_commit_path(s->table_dir, s->version);
    struct os_stat st = {0};
    err e = os_stat(path, &st, NULL);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND && s->stamp.size_bytes == 0;
    }
    return st.mtime_us == s->stamp.mtime_us && st.size_bytes == s->stamp.size_bytes;
}

static err reload(const struct lake_snapshot *old, struct lake_snapshot **out_snapshot,
                  struct errmsg *msg)
{
    return lake_snapshot_load_with(&(struct lake_load_options){.table_dir = old->table_dir,
                                                               .version = -1,
                                                               .parquet = old->parquet,
                                                               .drop_stats = old->drop_stats},
                                   out_snapshot, msg);
}

err lake_snapshot_advance(struct lake_snapshot *old, lake_visit_fn *visit, void *ctx,
                          struct lake_snapshot **out_snapshot, bool *out_reloaded,
                          struct errmsg *msg)
{
    *out_reloaded = false;
    if (!own_commit_unchanged(old)) {
        *out_reloaded = true;
        return reload(old, out_snapshot, msg);
    }
    AUTO(lake_snapshot) s = NULL;
    for (int64_t version = old->version + 1;; version++) {
        AUTO_TEXT path = lake_log_commit_path(old->table_dir, version);
        if (!os_exists(path)) {
            break;
        }
        if (s == NULL) {
            s = lake_state_clone(old);
        }
        if (version == old->version + 1 + INDEX_FROM_COMMITS) {
            lake_state_index(s);
        }
        err e = apply_commit(s, version, visit, ctx, msg);
        if (e != ERR_OK) {
            return errmsg_wrap(msg, e, "table %s", old->table_dir);
        }
    }
    if (s == NULL) {
        *out_snapshot = lake_snapshot_ref(old);
        return ERR_OK;
    }
    TRY(lake_state_finish(s, msg));
    *out_snapshot = TAKE(s);
    return ERR_OK;
}

err lake_snapshot_refresh(struct lake_snapshot *old, struct lake_snapshot **out_snapshot,
                          struct errmsg *msg)
{
    bool reloaded = false;
    return lake_snapshot_advance(old, NULL, NULL, out_snapshot, &reloaded, msg);
}
