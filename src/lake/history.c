/* SPDX-License-Identifier: MIT */
/* history.c - see history.h. */
#include "lake/history.h"

#include "base/timefmt.h"
#include "lake/protocol.h"
#include "lake/state.h"

enum { HISTORY_MAX = 10000 };

static json_t *time_json(int64_t ms)
{
    char text[TIME_TEXT_BYTES];
    if (ms < 0 || ms > INT64_MAX / 1000) {
        return json_null();
    }
    size_t length = time_format_rfc3339(ms * 1000, text);
    return json_stringn(text, length);
}

static json_t *rows_json(int64_t rows)
{
    return rows < 0 ? json_null() : json_integer(rows);
}

/* A text that is JSON already; null when it is empty or does not parse. */
static json_t *nested_json(struct str text)
{
    json_t *json = NULL;
    if (text.len == 0 || json_parse(text, &json, NULL) != ERR_OK) {
        return json_null();
    }
    return json;
}

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value); /* out of memory shows as a missing member */
}

static json_t *columns_json(const struct lake_metadata *m)
{
    json_t *columns = json_array();
    for (size_t i = 0; i < m->field_count; i++) {
        const struct lake_field *field = &m->fields[i];
        json_t *column = json_object();
        set(column, "name", json_from_str(field->name));
        set(column, "type",
            field->type.len > 0 && field->type.ptr[0] == '{' ? nested_json(field->type)
                                                             : json_from_str(field->type));
        set(column, "nullable", json_boolean(field->nullable));
        (void)json_array_append_new(columns, column); /* as set() */
    }
    return columns;
}

static json_t *strings_json(const struct str *items, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(array, json_from_str(items[i])); /* as set() */
    }
    return array;
}

static json_t *protocol_json(const struct lake_protocol *p)
{
    json_t *json = json_object();
    set(json, "reader_version", json_integer(p->reader_version));
    set(json, "writer_version", json_integer(p->writer_version));
    set(json, "reader_features", strings_json(p->reader_features, p->reader_feature_count));
    set(json, "writer_features", strings_json(p->writer_features, p->writer_feature_count));
    return json;
}

static json_t *properties_json(const struct lake_metadata *m)
{
    json_t *properties = json_object();
    for (size_t i = 0; i < m->configuration_count; i++) {
        AUTO_TEXT key = xstrndup(m->configuration[i].key.ptr, m->configuration[i].key.len);
        set(properties, key, json_from_str(m->configuration[i].value));
    }
    return properties;
}

static json_t *txns_json(const struct lake_snapshot *s)
{
    json_t *txns = json_array();
    for (size_t i = 0; i < lake_snapshot_txn_count(s); i++) {
        const struct lake_txn *txn = lake_snapshot_txn_at(s, i);
        json_t *json = json_object();
        set(json, "app_id", json_from_str(txn->app_id));
        set(json, "version", json_integer(txn->version));
        set(json, "last_updated", time_json(txn->last_updated_ms));
        (void)json_array_append_new(txns, json); /* as set() */
    }
    return txns;
}

err lake_describe(const struct lake_snapshot *s, json_t **out_json, struct errmsg *msg)
{
    const struct lake_metadata *m = &s->metadata->metadata;
    json_t *json = json_object();
    if (json == NULL) {
        return errmsg_set(msg, ERR_NOMEM, "out of memory");
    }
    set(json, "path", json_string(s->table_dir));
    set(json, "id", json_from_str(m->id));
    set(json, "name", m->name.len > 0 ? json_from_str(m->name) : json_null());
    set(json, "version", json_integer(s->version));
    set(json, "timestamp", time_json(lake_snapshot_timestamp_ms(s)));
    set(json, "created", time_json(m->created_ms));
    set(json, "protocol", protocol_json(&s->protocol->protocol));
    set(json, "columns", columns_json(m));
    set(json, "partition_columns", strings_json(m->partition_columns, m->partition_column_count));
    set(json, "properties", properties_json(m));
    set(json, "files", json_integer((json_int_t)s->files.live));
    set(json, "bytes", json_integer((json_int_t)s->size_bytes));
    set(json, "rows", rows_json(lake_snapshot_row_count(s)));
    set(json, "tombstones", json_integer((json_int_t)s->tombstones.live));
    set(json, "txns", txns_json(s));
    set(json, "checkpoint_version", rows_json(s->checkpoint_version));
    *out_json = json;
    return ERR_OK;
}

err lake_file_describe(const struct lake_file *f, json_t **out_json, struct errmsg *msg)
{
    json_t *json = json_object();
    json_t *partition = json_object();
    if (json == NULL || partition == NULL) {
        json_decref(json);
        json_decref(partition);
        return errmsg_set(msg, ERR_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < f->partition_value_count; i++) {
        const struct lake_pair *pair = &f->partition_values[i];
        AUTO_TEXT key = xstrndup(pair->key.ptr, pair->key.len);
        set(partition, key, pair->is_null ? json_null() : json_from_str(pair->value));
    }
    set(json, "path", json_from_str(f->path));
    set(json, "bytes", json_integer((json_int_t)f->size_bytes));
    set(json, "rows", rows_json(f->num_records < 0 ? -1 : f->num_records - f->deleted_records));
    set(json, "modified", time_json(f->modification_ms));
    set(json, "partition", partition);
    set(json, "stats", nested_json(f->stats));
    *out_json = json;
    return ERR_OK;
}

/* ---- history ---- */

/* What one commit's actions sum up to. */
struct info_search {
    json_t *info; /* owned */
    int64_t files_added;
    int64_t files_removed;
    int64_t bytes_added;
    int64_t bytes_removed;
    int64_t rows_added; /* -1: some file does not say */
};

static void count_added(struct info_search *search, const json_t *body)
{
    int64_t bytes = 0;
    struct str stats = {0};
    int64_t rows = -1;
    (void)json_get_i64(body, "size", &bytes, NULL); /* absent: nothing to count */
    if (json_get_str(body, "stats", &stats, NULL) == ERR_OK) {
        rows = lake_stats_num_records(stats);
    }
    search->files_added++;
    search->bytes_added += bytes;
    search->rows_added = rows < 0 || search->rows_added < 0 ? -1 : search->rows_added + rows;
}

static void count_removed(struct info_search *search, const json_t *body)
{
    int64_t bytes = 0;
    (void)json_get_i64(body, "size", &bytes, NULL); /* optional in the format */
    search->files_removed++;
    search->bytes_removed += bytes;
}

static err find_info(void *ctx, enum lake_action_kind kind, const json_t *body, struct errmsg *msg)
{
    (void)msg;
    struct info_search *search = ctx;
    if (kind == LAKE_COMMIT_INFO && search->info == NULL) {
        search->info = json_deep_copy(body);
    } else if (kind == LAKE_ADD) {
        count_added(search, body);
    } else if (kind == LAKE_REMOVE) {
        count_removed(search, body);
    }
    return ERR_OK;
}

/* A member under a name of ours; null when the commit does not have it. */
static void copy_member(json_t *to, const char *to_key, const json_t *info, const char *key)
{
    json_t *value = json_object_get(info, key);
    set(to, to_key, value == NULL ? json_null() : json_incref(value));
}

static err history_entry(const char *table_dir, int64_t version, json_t **out_json,
                         struct errmsg *msg)
{
    AUTO_BUF bytes = buf_make(LAKE_COMMIT_BYTES_MAX);
    struct lake_log_stamp stamp;
    struct info_search search = {0};
    TRY(lake_log_read_commit(table_dir, version, &bytes, &stamp, msg));
    err e = lake_json_each(buf_str(&bytes), find_info, &search, msg);
    if (e != ERR_OK) {
        json_decref(search.info);
        return errmsg_wrap(msg, e, "commit %lld", (long long)version);
    }
    AUTO_JSON info = search.info;
    json_t *json = json_object();
    int64_t ms = stamp.mtime_us / 1000;
    (void)json_get_i64(info, "timestamp", &ms, NULL);         /* the file's own time stays */
    (void)json_get_i64(info, "inCommitTimestamp", &ms, NULL); /* the same */
    set(json, "version", json_integer(version));
    set(json, "timestamp", time_json(ms));
    copy_member(json, "operation", info, "operation");
    copy_member(json, "parameters", info, "operationParameters");
    copy_member(json, "metrics", info, "operationMetrics");
    copy_member(json, "engine", info, "engineInfo");
    copy_member(json, "user", info, "userName");
    set(json, "files_added", json_integer(search.files_added));
    set(json, "files_removed", json_integer(search.files_removed));
    set(json, "bytes_added", json_integer(search.bytes_added));
    set(json, "bytes_removed", json_integer(search.bytes_removed));
    set(json, "rows_added", rows_json(search.rows_added));
    copy_member(json, "is_blind_append", info, "isBlindAppend");
    copy_member(json, "txn_id", info, "txnId");
    *out_json = json;
    return ERR_OK;
}

static err newest_commit(const char *table_dir, int64_t *out_version, struct errmsg *msg)
{
    AUTO_LISTING listing = {0};
    TRY(lake_log_list(table_dir, &listing, msg));
    for (size_t i = listing.count; i > 0; i--) {
        if (listing.entries[i - 1].name.kind == LAKE_LOG_COMMIT) {
            *out_version = listing.entries[i - 1].name.version;
            return ERR_OK;
        }
    }
    return errmsg_set(msg, ERR_NOT_FOUND, "%s has no commits in its log", table_dir);
}

err lake_history(const char *table_dir, int64_t newest, size_t limit, json_t **out_json,
                 struct errmsg *msg)
{
    if (newest < 0) {
        TRY(newest_commit(table_dir, &newest, msg));
    }
    AUTO_JSON history = json_array();
    limit = MIN(limit, (size_t)HISTORY_MAX);
    for (int64_t version = newest; version >= 0 && json_array_size(history) < limit; version--) {
        json_t *entry = NULL;
        err e = history_entry(table_dir, version, &entry, msg);
        if (e == ERR_NOT_FOUND && version < newest) {
            break;
        }
        TRY(e);
        (void)json_array_append_new(history, entry); /* as set() */
    }
    *out_json = TAKE(history);
    return ERR_OK;
}
