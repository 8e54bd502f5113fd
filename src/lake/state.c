/* SPDX-License-Identifier: MIT */
/* state.c - builds snapshots up from actions; see state.h. delta.md section 4. */
#include "lake/state.h"
#include "lake/path.h"
#include "lake/protocol.h"

enum { BOX_ARENA_BYTES_MAX = 256 << 20 };

/* ---- txns and domains: small, copied as a whole when shared ---- */

static void txn_box_unref(struct lake_txn_box *box)
{
    if (box != NULL && atomic_fetch_sub(&box->refs, 1) == 1) {
        arena_free(box->arena);
        free(box->items);
        free(box);
    }
}

static void domain_box_unref(struct lake_domain_box *box)
{
    if (box != NULL && atomic_fetch_sub(&box->refs, 1) == 1) {
        arena_free(box->arena);
        free(box->items);
        free(box);
    }
}

static err box_text(struct arena *arena, struct str text, struct str *out_text)
{
    struct str copy = arena_dup(arena, text);
    if (copy.ptr == NULL) {
        return ERR_NOMEM;
    }
    *out_text = copy;
    return ERR_OK;
}

static err txn_box_put(struct lake_txn_box *box, const struct lake_txn *txn)
{
    for (size_t i = 0; i < box->count; i++) {
        if (str_eq(box->items[i].app_id, txn->app_id)) {
            box->items[i].version = txn->version;
            box->items[i].last_updated_ms = txn->last_updated_ms;
            return ERR_OK;
        }
    }
    if (box->count == box->cap) {
        box->cap = MAX(box->cap * 2, (size_t)8);
        box->items = xrealloc(box->items, box->cap, sizeof *box->items);
    }
    struct lake_txn copy = *txn;
    TRY(box_text(box->arena, txn->app_id, &copy.app_id));
    box->items[box->count++] = copy;
    return ERR_OK;
}

/* The state's own box: the present one if nobody shares it, else a copy. */
static err own_txns(struct lake_snapshot *s, struct lake_txn_box **out_box)
{
    struct lake_txn_box *old = s->txns;
    if (old == NULL || atomic_load(&old->refs) > 1) {
        struct lake_txn_box *box = xnew(struct lake_txn_box);
        atomic_store(&box->refs, 1);
        box->arena = arena_new(BOX_ARENA_BYTES_MAX);
        s->txns = box;
        err e = ERR_OK;
        for (size_t i = 0; old != NULL && i < old->count && e == ERR_OK; i++) {
            e = txn_box_put(box, &old->items[i]);
        }
        txn_box_unref(old);
        TRY(e);
    }
    *out_box = s->txns;
    return ERR_OK;
}

static err domain_box_put(struct lake_domain_box *box, const struct lake_domain *domain,
                          bool removed)
{
    size_t at = 0;
    while (at < box->count && !str_eq(box->items[at].domain, domain->domain)) {
        at++;
    }
    if (removed) {
        if (at < box->count) {
            box->items[at] = box->items[--box->count];
        }
        return ERR_OK;
    }
    if (at == box->count) {
        if (box->count == box->cap) {
            box->cap = MAX(box->cap * 2, (size_t)4);
            box->items = xrealloc(box->items, box->cap, sizeof *box->items);
        }
        struct lake_domain fresh = {{NULL, 0}, {NULL, 0}};
        TRY(box_text(box->arena, domain->domain, &fresh.domain));
        box->items[box->count++] = fresh;
    }
    return box_text(box->arena, domain->configuration, &box->items[at].configuration);
}

static err own_domains(struct lake_snapshot *s, struct lake_domain_box **out_box)
{
    struct lake_domain_box *old = s->domains;
    if (old == NULL || atomic_load(&old->refs) > 1) {
        struct lake_domain_box *box = xnew(struct lake_domain_box);
        atomic_store(&box->refs, 1);
        box->arena = arena_new(BOX_ARENA_BYTES_MAX);
        s->domains = box;
        err e = ERR_OK;
        for (size_t i = 0; old != NULL && i < old->count && e == ERR_OK; i++) {
            e = domain_box_put(box, &old->items[i], false);
        }
        domain_box_unref(old);
        TRY(e);
    }
    *out_box = s->domains;
    return ERR_OK;
}

/* ---- life cycle ---- */

struct lake_snapshot *lake_state_new(const char *table_dir, const struct lake_parquet *parquet,
                                     bool drop_stats)
{
    struct lake_snapshot *s = xnew(struct lake_snapshot);
    atomic_store(&s->refs, 1);
    s->table_dir = xstrdup(table_dir);
    s->parquet = parquet;
    s->drop_stats = drop_stats;
    s->version = -1;
    s->commit_timestamp_ms = -1;
    s->in_commit_timestamp_ms = -1;
    s->checkpoint_version = -1;
    return s;
}

struct lake_snapshot *lake_state_clone(const struct lake_snapshot *old)
{
    struct lake_snapshot *s = xnew(struct lake_snapshot);
    *s = *old;
    atomic_store(&s->refs, 1);
    s->table_dir = xstrdup(old->table_dir);
    s->protocol = lake_protocol_box_ref(old->protocol);
    s->metadata = lake_metadata_box_ref(old->metadata);
    if (s->txns != NULL) {
        (void)atomic_fetch_add(&s->txns->refs, 1); /* the old count is of no use */
    }
    if (s->domains != NULL) {
        (void)atomic_fetch_add(&s->domains->refs, 1); /* the old count is of no use */
    }
    lake_list_clone(&old->files, &s->files);
    lake_list_clone(&old->tombstones, &s->tombstones);
    return s;
}

struct lake_snapshot *lake_snapshot_ref(struct lake_snapshot *s)
{
    (void)atomic_fetch_add(&s->refs, 1); /* the old count is of no use */
    return s;
}

void lake_snapshot_unref(struct lake_snapshot *s)
{
    if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1) {
        return;
    }
    lake_list_deinit(&s->files);
    lake_list_deinit(&s->tombstones);
    lake_protocol_box_unref(s->protocol);
    lake_metadata_box_unref(s->metadata);
    txn_box_unref(s->txns);
    domain_box_unref(s->domains);
    free(s->table_dir);
    free(s);
}

void lake_state_index(struct lake_snapshot *s)
{
    lake_list_index(&s->files);
    lake_list_index(&s->tombstones);
}

/* ---- files ---- */

static bool is_outside(const struct lake_file *f)
{
    return f->is_absolute || !lake_path_is_inside(f->path);
}

static void count_file(struct lake_snapshot *s, const struct lake_file *f, bool comes)
{
    int64_t sign = comes ? 1 : -1;
    s->size_bytes += (uint64_t)sign * f->size_bytes;
    s->row_count += sign * (f->num_records < 0 ? 0 : f->num_records - f->deleted_records);
    s->unknown_row_files += (size_t)(sign * (f->num_records < 0));
    s->outside_files += (size_t)(sign * is_outside(f));
    s->deletion_vectors += (size_t)(sign * (f->deletion_vector.len > 0));
    s->deleted_rows += sign * f->deleted_records;
}

static void file_goes(void *ctx, const struct lake_file *f)
{
    count_file(ctx, f, false);
}

/* Absolute paths below the table are the same files as relative ones. */
static void fold_absolute(const struct lake_snapshot *s, struct lake_file *files, size_t count)
{
    size_t dir_len = strlen(s->table_dir);
    for (size_t i = 0; i < count; i++) {
        struct lake_file *f = &files[i];
        if (f->is_absolute && f->path.len > dir_len + 1 &&
            memcmp(f->path.ptr, s->table_dir, dir_len) == 0 && f->path.ptr[dir_len] == '/') {
            f->path.ptr += dir_len + 1;
            f->path.len -= dir_len + 1;
            f->is_absolute = false;
        }
    }
}

/* A file that comes with impossible counts would poison the sums. */
static err check_counts(const struct lake_file *f, struct errmsg *msg)
{
    if (f->size_bytes > (UINT64_C(1) << 50) || f->num_records > (INT64_C(1) << 50) ||
        f->deleted_records > (INT64_C(1) << 50)) {
        return errmsg_set(msg, ERR_CORRUPT, "file %.*s has an impossible size or row count",
                          (int)MIN(f->path.len, (size_t)200), f->path.ptr);
    }
    return ERR_OK;
}

/* Removes before adds, by key: the order inside a commit means nothing. */
static err apply_files(struct lake_snapshot *s, struct lake_actions *a, struct errmsg *msg)
{
    fold_absolute(s, a->adds, a->add_count);
    fold_absolute(s, a->removes, a->remove_count);
    TRY(lake_list_kill(&s->files, a->removes, a->remove_count, file_goes, s));
    TRY(lake_list_kill(&s->tombstones, a->removes, a->remove_count, NULL, NULL));
    for (size_t i = 0; i < a->remove_count; i++) {
        TRY(lake_list_add(&s->tombstones, &a->removes[i], false));
    }
    TRY(lake_list_kill(&s->files, a->adds, a->add_count, file_goes, s));
    TRY(lake_list_kill(&s->tombstones, a->adds, a->add_count, NULL, NULL));
    for (size_t i = 0; i < a->add_count; i++) {
        TRY(check_counts(&a->adds[i], msg));
        TRY(lake_list_add(&s->files, &a->adds[i], !s->drop_stats));
        count_file(s, &a->adds[i], true);
    }
    return ERR_OK;
}

err lake_state_apply(struct lake_snapshot *s, struct lake_actions *a, struct errmsg *msg)
{
    if (a->protocol != NULL) {
        TRY(lake_protocol_check_read(&a->protocol->protocol, msg));
        lake_protocol_box_unref(s->protocol);
        s->protocol = lake_protocol_box_ref(a->protocol);
    }
    if (a->metadata != NULL) {
        lake_metadata_box_unref(s->metadata);
        s->metadata = lake_metadata_box_ref(a->metadata);
    }
    if (a->txn_count > 0) {
        struct lake_txn_box *box = NULL;
        TRY(own_txns(s, &box));
        for (size_t i = 0; i < a->txn_count; i++) {
            TRY(txn_box_put(box, &a->txns[i]));
        }
    }
    if (a->domain_count > 0) {
        struct lake_domain_box *box = NULL;
        TRY(own_domains(s, &box));
        for (size_t i = 0; i < a->domain_count; i++) {
            TRY(domain_box_put(box, &a->domains[i].domain, a->domains[i].removed));
        }
    }
    return apply_files(s, a, msg);
}

void lake_state_set_commit(struct lake_snapshot *s, int64_t version, const struct lake_actions *a,
                           struct lake_log_stamp stamp)
{
    s->version = version;
    s->commit_timestamp_ms = a->commit_timestamp_ms;
    s->in_commit_timestamp_ms = a->in_commit_timestamp_ms;
    s->stamp = stamp;
}

err lake_state_finish(struct lake_snapshot *s, struct errmsg *msg)
{
    if (s->protocol == NULL || s->metadata == NULL) {
        return errmsg_set(msg, ERR_CORRUPT, "the log has no %s up to version %lld",
                          s->protocol == NULL ? "protocol" : "metaData", (long long)s->version);
    }
    lake_list_drop_index(&s->files);
    lake_list_drop_index(&s->tombstones);
    lake_list_trim(&s->files);
    lake_list_trim(&s->tombstones);
    if (s->outside_files == 0) {
        return ERR_OK;
    }
    struct lake_file_iter it = lake_snapshot_files(s);
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
        if (is_outside(f)) {
            return errmsg_set(msg, ERR_UNSUPPORTED, "data file %.*s lies outside of the table",
                              (int)MIN(f->path.len, (size_t)200), f->path.ptr);
        }
    }
    return ERR_OK;
}
