/* SPDX-License-Identifier: MIT */
/* commit.c - see commit.h. delta.md section 13:
 *
 *   plan on base -> encode -> put-if-absent -+- done    -> apply to base, upkeep
 *        ^                                   +- lost    -> read the winners, check each, back off
 *        +---- newest snapshot is the base <-+             (a winner with our txnId is ourselves)
 *                                            +- unknown -> the file there tells by its txnId
 *
 * After a failed fsync of the directory the commit is visible but may not survive a power cut; it
 * is reported as an error and not tried again, since the kernel may have dropped the pages. */
#include "lake/commit.h"

#include "lake/checkpoint.h"
#include "lake/checksum.h"
#include "lake/commit_int.h"
#include "lake/path.h"
#include "lake/protocol.h"
#include "lake/schema.h"
#include "os/clock.h"

enum {
    COMMIT_ARENA_BYTES_MAX = 512 << 20,
    DEADLINE_MS_DEFAULT = 60000,
    BACKOFF_US_FIRST = 500,
    BACKOFF_DOUBLINGS_MAX = 8
};

/* ---- what the caller asks for ---- */

struct lake_commit *lake_commit_new(const char *operation)
{
    struct lake_commit *c = xnew(struct lake_commit);
    c->arena = arena_new(COMMIT_ARENA_BYTES_MAX);
    c->operation = xstrdup(operation);
    c->txn_id = os_uuid_new();
    c->deadline_ms = DEADLINE_MS_DEFAULT;
    c->unknown_version = -1;
    return c;
}

void lake_commit_free(struct lake_commit *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->parameter_count; i++) {
        free(c->parameters[i].key);
        free(c->parameters[i].json);
    }
    for (size_t i = 0; i < c->metric_count; i++) {
        free(c->metrics[i].key);
    }
    free(c->parameters);
    free(c->metrics);
    free(c->partition_columns);
    free(c->columns);
    free(c->config);
    free(c->adds);
    free(c->removes);
    free(c->txns);
    free(c->operation);
    arena_free(c->arena);
    free(c);
}

static struct str keep(struct lake_commit *c, struct str text)
{
    struct str copy = arena_dup(c->arena, text);
    c->out_of_memory = c->out_of_memory || copy.ptr == NULL;
    return copy;
}

void lake_commit_parameter(struct lake_commit *c, const char *key, struct str json_value)
{
    c->parameters = xrealloc(c->parameters, c->parameter_count + 1, sizeof *c->parameters);
    c->parameters[c->parameter_count++] = (struct lake_parameter){
        .key = xstrdup(key), .json = xstrndup(json_value.ptr, json_value.len)};
}

void lake_commit_metric(struct lake_commit *c, const char *key, int64_t value)
{
    c->metrics = xrealloc(c->metrics, c->metric_count + 1, sizeof *c->metrics);
    c->metrics[c->metric_count++] = (struct lake_metric){.key = xstrdup(key), .value = value};
}

void lake_commit_set_deadline_ms(struct lake_commit *c, int64_t deadline_ms)
{
    c->deadline_ms = deadline_ms;
}

void lake_commit_create_table(struct lake_commit *c, struct str name, struct str description,
                              const struct str *partition_columns, size_t partition_column_count)
{
    ASSERT(!c->creates);
    c->creates = true;
    c->table_name = keep(c, name);
    c->description = keep(c, description);
    c->partition_columns = xnew_array(struct str, partition_column_count + 1);
    c->partition_column_count = partition_column_count;
    for (size_t i = 0; i < partition_column_count; i++) {
        c->partition_columns[i] = keep(c, partition_columns[i]);
    }
}

void lake_commit_replace_columns(struct lake_commit *c)
{
    ASSERT(!c->creates);
    c->replaces = true;
}

err lake_commit_add_column(struct lake_commit *c, struct str name, struct str type, bool nullable,
                           struct errmsg *msg)
{
    if (!lake_column_name_is_valid(name)) {
        return errmsg_set(msg, ERR_INVALID, "\"%.*s\" cannot be a column's name in Delta Lake",
                          (int)MIN(name.len, (size_t)200), name.ptr == NULL ? "" : name.ptr);
    }
    if (!lake_type_is_writable(type)) {
        return errmsg_set(msg, ERR_INVALID, "\"%.*s\" is not a type of a column",
                          (int)MIN(type.len, (size_t)100), type.ptr == NULL ? "" : type.ptr);
    }
    c->columns = xrealloc(c->columns, c->column_count + 1, sizeof *c->columns);
    c->columns[c->column_count++] = (struct lake_field){
        .name = keep(c, name), .type = keep(c, type), .nullable = nullable, .metadata = STR("{}")};
    return ERR_OK;
}

void lake_commit_set_config(struct lake_commit *c, struct str key, struct str value)
{
    c->config = xrealloc(c->config, c->config_count + 1, sizeof *c->config);
    c->config[c->config_count++] = (struct lake_pair){.key = keep(c, key), .value = keep(c, value)};
}

static void keep_file(struct lake_commit *c, struct lake_file *f)
{
    struct lake_pair *pairs = arena_alloc(c->arena, (f->partition_value_count + 1) * sizeof *pairs);
    if (pairs == NULL) {
        c->out_of_memory = true;
        f->partition_value_count = 0;
        return;
    }
    for (uint32_t i = 0; i < f->partition_value_count; i++) {
        const struct lake_pair *from = &f->partition_values[i];
        pairs[i] = (struct lake_pair){.key = keep(c, from->key), .value = keep(c, from->value)};
        pairs[i].is_null = from->is_null || from->value.len == 0;
    }
    f->partition_values = pairs;
    f->path = keep(c, f->path);
    f->stats = keep(c, f->stats);
    f->tags = keep(c, f->tags);
    f->deletion_vector = keep(c, f->deletion_vector);
    f->deletion_vector_id = keep(c, f->deletion_vector_id);
    f->clustering_provider = keep(c, f->clustering_provider);
}

static void push_file(struct lake_file **files, size_t *count, size_t *cap, struct lake_file f)
{
    if (*count == *cap) {
        *cap = MAX(*cap * 2, (size_t)16);
        *files = xrealloc(*files, *cap, sizeof **files);
    }
    (*files)[(*count)++] = f;
}

err lake_commit_add_file(struct lake_commit *c, const struct lake_new_file *file,
                         struct errmsg *msg)
{
    if (!lake_path_is_inside(file->path)) {
        return errmsg_set(msg, ERR_INVALID, "path \"%.*s\" does not lie in the table",
                          (int)MIN(file->path.len, (size_t)200),
                          file->path.ptr == NULL ? "" : file->path.ptr);
    }
    struct lake_file f = {.path = file->path,
                          .stats = file->stats,
                          .tags = file->tags,
                          .partition_values = file->partition_values,
                          .partition_value_count = (uint32_t)file->partition_value_count,
                          .data_change = !file->is_rewrite,
                          .size_bytes = file->size_bytes,
                          .num_records = file->num_records,
                          .modification_ms = file->modification_ms,
                          .base_row_id = -1,
                          .default_row_commit_version = -1};
    keep_file(c, &f);
    push_file(&c->adds, &c->add_count, &c->add_cap, f);
    return ERR_OK;
}

void lake_commit_remove_file(struct lake_commit *c, const struct lake_file *file, bool data_change)
{
    struct lake_file f = *file;
    f.data_change = data_change;
    f.has_extended_metadata = true;
    f.stats = (struct str){NULL, 0};
    f.tags = (struct str){NULL, 0};
    keep_file(c, &f);
    push_file(&c->removes, &c->remove_count, &c->remove_cap, f);
}

void lake_commit_set_txn(struct lake_commit *c, struct str app_id, int64_t version)
{
    for (size_t i = 0; i < c->txn_count; i++) {
        if (str_eq(c->txns[i].app_id, app_id)) {
            c->txns[i].version = version;
            return;
        }
    }
    c->txns = xrealloc(c->txns, c->txn_count + 1, sizeof *c->txns);
    c->txns[c->txn_count++] = (struct lake_txn){.app_id = keep(c, app_id), .version = version};
}

/* ---- one run ---- */

struct run {
    struct lake_commit *c;              /* borrowed */
    const char *table_dir;              /* borrowed */
    const struct lake_parquet *parquet; /* borrowed */
    struct lake_snapshot *base;         /* shared; NULL: creation */
    int64_t own_version;                /* where a winner turned out to be ourselves; -1 */
    struct lake_commit_result result;
};

static err visit_winner(void *ctx, int64_t version, const struct lake_actions *w,
                        struct errmsg *msg)
{
    struct run *run = ctx;
    if (run->own_version >= 0) {
        return ERR_OK; /* what comes after our own commit cannot conflict with it */
    }
    if (str_is(w->commit_txn_id, run->c->txn_id.text)) {
        run->own_version = version;
        return ERR_OK;
    }
    return lake_commit_check_winner(run->c, &run->base->metadata->metadata, version, w, msg);
}

/* Makes the newest snapshot the base, if this commit may stand on it. */
static err meet_winners(struct run *run, struct errmsg *msg)
{
    bool reloaded = false;
    AUTO(lake_snapshot) newest = NULL;
    TRY(lake_snapshot_advance(run->base, visit_winner, run, &newest, &reloaded, msg));
    if (reloaded) {
        return errmsg_set(msg, ERR_CONFLICT, "the log was replaced or cleaned up meanwhile");
    }
    lake_snapshot_unref(run->base);
    run->base = TAKE(newest);
    return ERR_OK;
}

static int64_t next_in_commit_timestamp(const struct lake_snapshot *base, int64_t now_ms)
{
    if (base == NULL ||
        !lake_metadata_config_is(&base->metadata->metadata, "delta.enableInCommitTimestamps",
                                 "true") ||
        !(lake_protocol_has(&base->protocol->protocol, "inCommitTimestamp") ||
          lake_protocol_has(&base->protocol->protocol, "inCommitTimestamp-preview"))) {
        return -1;
    }
    return MAX(now_ms, lake_snapshot_timestamp_ms(base) + 1);
}

/* The state after our own commit: its bytes applied to the base like anybody else's. */
static err apply_own(struct run *run, int64_t version, struct lake_actions *actions,
                     struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    AUTO_TEXT path = lake_log_commit_path(run->table_dir, version);
    struct os_stat st = {0};
    (void)os_stat(path, &st, NULL); /* without a stamp the next refresh loads anew */
    AUTO(lake_snapshot)
    s = run->base != NULL ? lake_state_clone(run->base)
                          : lake_state_new(run->table_dir, NULL, false);
    TRY(lake_state_apply(s, actions, msg));
    lake_state_set_commit(s, version, actions, (struct lake_log_stamp){st.mtime_us, st.size_bytes});
    TRY(lake_state_finish(s, msg));
    *out_snapshot = TAKE(s);
    return ERR_OK;
}

enum owner { OWNER_NONE, OWNER_SELF, OWNER_OTHER, OWNER_UNKNOWN };

/* Whose commit has that version? */
static enum owner commit_owner(const struct run *run, int64_t version)
{
    AUTO_BUF bytes = buf_make(LAKE_COMMIT_BYTES_MAX);
    struct lake_log_stamp stamp;
    AUTO_ACTIONS actions;
    lake_actions_init(&actions);
    err e = lake_log_read_commit(run->table_dir, version, &bytes, &stamp, NULL);
    if (e != ERR_OK) {
        return e == ERR_NOT_FOUND ? OWNER_NONE : OWNER_UNKNOWN;
    }
    if (lake_actions_parse_commit(buf_str(&bytes), &actions, NULL) != ERR_OK) {
        return OWNER_UNKNOWN;
    }
    return str_is(actions.commit_txn_id, run->c->txn_id.text) ? OWNER_SELF : OWNER_OTHER;
}

/* After a put of unknown outcome. Our own commit under the name is in place but perhaps not
 * durable, and nothing there may still come to be there after a power cut: both stay errors. */
static err resolve_unknown(struct run *run, int64_t version, enum lake_put_outcome *out_outcome,
                           err put_error, struct errmsg *msg)
{
    if (commit_owner(run, version) == OWNER_OTHER) {
        *out_outcome = LAKE_PUT_LOST;
        return ERR_OK;
    }
    run->c->unknown_version = version;
    return errmsg_wrap(msg, put_error, "commit %lld", (long long)version);
}

/* One attempt on the present base. LOST leaves *out_snapshot alone. */
static err attempt(struct run *run, enum lake_put_outcome *out_outcome,
                   struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    struct lake_commit *c = run->c;
    const struct lake_metadata *base = run->base ? &run->base->metadata->metadata : NULL;
    int64_t now_ms = os_now_ms();
    struct lake_commit_frame frame = {.version = run->base ? run->base->version + 1 : 0,
                                      .timestamp_ms = now_ms,
                                      .in_commit_timestamp_ms =
                                          next_in_commit_timestamp(run->base, now_ms)};
    AUTO_BUF bytes = buf_make(LAKE_COMMIT_BYTES_MAX);
    AUTO_ACTIONS actions;
    lake_actions_init(&actions);
    struct lake_metadata_box *metadata = NULL;
    err e = run->base ? lake_snapshot_check_append(run->base, msg) : ERR_OK;
    if (e == ERR_OK) {
        e = lake_commit_plan_metadata(c, base, now_ms, &metadata, msg);
    }
    if (e == ERR_OK) {
        frame.metadata = metadata;
        e = lake_commit_check_files(c, metadata ? &metadata->metadata : base, msg);
    }
    if (e == ERR_OK) {
        e = lake_commit_encode(c, &frame, &bytes, msg);
    }
    lake_metadata_box_unref(metadata);
    TRY(e);
    if (lake_actions_parse_commit(buf_str(&bytes), &actions, msg) != ERR_OK) {
        return errmsg_wrap(msg, ERR_INVALID, "this commit would not be valid");
    }
    char name[64];
    (void)snprintf(name, sizeof name, "%020lld.json", (long long)frame.version); /* fits */
    e = lake_log_put(run->table_dir, name, buf_str(&bytes), out_outcome, msg);
    if (*out_outcome == LAKE_PUT_UNKNOWN) {
        e = resolve_unknown(run, frame.version, out_outcome, e, msg);
    }
    TRY(e);
    if (*out_outcome == LAKE_PUT_LOST) {
        return ERR_OK;
    }
    run->result.version = frame.version;
    e = apply_own(run, frame.version, &actions, out_snapshot, msg);
    return e == ERR_OK
               ? e
               : errmsg_wrap(msg, e, "commit %lld is in place, but", (long long)frame.version);
}

static void back_off(uint32_t attempts)
{
    uint64_t most_us = (uint64_t)BACKOFF_US_FIRST << MIN(attempts, (uint32_t)BACKOFF_DOUBLINGS_MAX);
    os_sleep_us((int64_t)(os_random_u64() % most_us));
}

/* A commit that was found in the log is made durable before it counts. */
static err adopt_own(struct run *run, struct lake_snapshot **out_snapshot, struct errmsg *msg)
{
    AUTO_TEXT dir = xasprintf("%s/_delta_log", run->table_dir);
    AUTO_TEXT path = lake_log_commit_path(run->table_dir, run->own_version);
    TRY(os_fsync_path(path, msg));
    TRY(os_fsync_dir(dir, msg));
    run->result.version = run->own_version;
    if (run->base != NULL && run->base->version >= run->own_version) {
        *out_snapshot = lake_snapshot_ref(run->base);
        return ERR_OK;
    }
    return lake_snapshot_load(run->table_dir, -1, run->parquet, out_snapshot, msg);
}

/* Did a former run of this commit succeed without knowing? Must be settled before another put. */
static err settle_former_run(struct run *run, struct errmsg *msg)
{
    if (run->c->unknown_version < 0) {
        return ERR_OK;
    }
    enum owner owner = commit_owner(run, run->c->unknown_version);
    if (owner == OWNER_UNKNOWN) {
        return errmsg_set(msg, ERR_IO, "commit %lld cannot be read: its outcome stays unknown",
                          (long long)run->c->unknown_version);
    }
    if (owner == OWNER_SELF) {
        run->own_version = run->c->unknown_version;
    }
    run->c->unknown_version = -1;
    return ERR_OK;
}

static err attempt_until_done(struct run *run, struct lake_snapshot **out_snapshot,
                              struct errmsg *msg)
{
    int64_t deadline_us = os_mono_us() + run->c->deadline_ms * 1000;
    for (;;) {
        enum lake_put_outcome outcome = LAKE_PUT_FAILED;
        run->result.attempts++;
        TRY(attempt(run, &outcome, out_snapshot, msg));
        if (outcome == LAKE_PUT_DONE) {
            return ERR_OK;
        }
        if (run->base == NULL) {
            return errmsg_set(msg, ERR_EXISTS, "table %s exists already", run->table_dir);
        }
        TRY(meet_winners(run, msg));
        if (run->own_version >= 0) {
            return adopt_own(run, out_snapshot, msg);
        }
        if (os_mono_us() >= deadline_us) {
            return errmsg_set(msg, ERR_TIMEOUT, "other writers were first %u times",
                              run->result.attempts);
        }
        back_off(run->result.attempts);
    }
}

/* ---- upkeep: best effort, after the commit ---- */

static void note_upkeep(struct lake_commit_result *result, const struct errmsg *detail)
{
    if (result->upkeep.text[0] == '\0') {
        result->upkeep = *detail;
    }
}

static bool same_utc_day(int64_t a_ms, int64_t b_ms)
{
    return a_ms / 86400000 == b_ms / 86400000;
}

/* Clean-up goes by whole days, so the first checkpoint of a day is the time for it. */
static void checkpoint_and_clean(struct run *run, struct lake_snapshot *s)
{
    struct errmsg detail = {{0}};
    int64_t now_ms = os_now_ms();
    bool clean = !same_utc_day(s->checkpoint_ms, now_ms) && s->checkpoint_version >= 0;
    if (!lake_checkpoint_is_due(s, now_ms)) {
        return;
    }
    if (lake_checkpoint_write(s, run->parquet, &detail) != ERR_OK) {
        note_upkeep(&run->result, &detail);
        return;
    }
    s->checkpoint_version = s->version; /* nobody shares the snapshot yet */
    s->checkpoint_ms = now_ms;
    lake_list_drop_deleted(&s->tombstones, lake_tombstone_limit_ms(s, now_ms));
    run->result.wrote_checkpoint = true;
    if (clean && lake_log_cleanup(s, now_ms, &run->result.cleaned_files, &detail) != ERR_OK) {
        note_upkeep(&run->result, &detail);
    }
}

static void upkeep(struct run *run, struct lake_snapshot *s)
{
    struct errmsg detail = {{0}};
    if (run->base != NULL && run->base->version + 1 == s->version &&
        !lake_checksum_exists(run->base) &&
        lake_checksum_write(run->base, (struct str){NULL, 0}, &detail) != ERR_OK) {
        note_upkeep(&run->result, &detail);
    }
    if (lake_checksum_write(s, str_from(run->c->txn_id.text), &detail) == ERR_OK) {
        run->result.wrote_checksum = true;
    } else {
        note_upkeep(&run->result, &detail);
    }
    if (run->parquet != NULL && run->parquet->write != NULL) {
        checkpoint_and_clean(run, s);
    }
}

/* Settled before anything is written. */
static err check_request(const struct lake_commit *c, const char *table_dir,
                         const struct lake_snapshot *base, struct errmsg *msg)
{
    if (c->out_of_memory) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the commit needs more than %d bytes of memory",
                          COMMIT_ARENA_BYTES_MAX);
    }
    if (c->creates != (base == NULL)) {
        return errmsg_set(msg, ERR_INVALID,
                          base == NULL ? "there is no table to commit to"
                                       : "the table exists already");
    }
    if (base != NULL) {
        return ERR_OK;
    }
    if (lake_table_exists(table_dir)) {
        return errmsg_set(msg, ERR_EXISTS, "table %s exists already", table_dir);
    }
    AUTO_TEXT log_dir = xasprintf("%s/_delta_log", table_dir);
    return os_mkdirs(log_dir, msg);
}

err lake_commit_run(struct lake_commit *c, const char *table_dir, struct lake_snapshot *base,
                    const struct lake_parquet *parquet, struct lake_snapshot **out_snapshot,
                    struct lake_commit_result *out_result, struct errmsg *msg)
{
    struct run run = {.c = c, .table_dir = table_dir, .parquet = parquet, .own_version = -1};
    TRY(settle_former_run(&run, msg));
    if (run.own_version < 0) {
        TRY(check_request(c, table_dir, base, msg));
    }
    run.base = base == NULL ? NULL : lake_snapshot_ref(base);
    AUTO(lake_snapshot) s = NULL;
    err e = run.own_version >= 0 ? adopt_own(&run, &s, msg) : attempt_until_done(&run, &s, msg);
    if (e == ERR_OK && run.own_version < 0) {
        s->parquet = parquet != NULL ? parquet : s->parquet; /* nobody shares the snapshot yet */
        upkeep(&run, s);
    }
    lake_snapshot_unref(run.base);
    TRY(e);
    *out_snapshot = TAKE(s);
    if (out_result != NULL) {
        *out_result = run.result;
    }
    return ERR_OK;
}
