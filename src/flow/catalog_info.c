/* SPDX-License-Identifier: MIT */
/* catalog_info.c - what INFO asks: one table described, its history, its files. */
#include "flow/catalog_int.h"
#include "flow/land_schema.h"
#include "flow/table_view.h"
#include "lake/history.h"
#include "os/clock.h"

static err add_member(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? ERR_OK : ERR_NOMEM;
}

err catalog_add_columns(const struct entry *e, enum table_kind kind, json_t *answer)
{
    const struct catalog_table *t = &e->tables[kind];
    const struct col_def *defs = event_dead_columns();
    size_t count = EVENT_DEAD_COUNT;
    const struct event_schema *schema = NULL;
    if (kind == TABLE_ROWS) {
        bool has_hot = t->hot != NULL && hot_rows_table(t->hot) != NULL;
        schema = has_hot ? hot_rows_schema(t->hot) : t->committed;
        defs = event_schema_full(schema);
        count = event_schema_full_count(schema);
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item =
            json_pack("{s:s, s:s}", "name", defs[i].name, "type",
                      schema != NULL ? event_schema_type(schema, i) : col_type_sql(defs[i].type));
        if (schema != NULL && i < event_schema_count(schema) &&
            event_schema_column(schema, i)->provisional) {
            (void)json_object_set_new(item, "provisional", json_true()); /* a mark only */
        }
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            return ERR_NOMEM;
        }
    }
    return add_member(answer, "columns", list);
}

int64_t catalog_lag(struct entry *e, enum table_kind kind)
{
    int64_t lag = 0;
    const struct catalog_table *t = &e->tables[kind];
    catalog_lock(e->catalog);
    for (uint32_t p = 0; p < e->meta.partition_count && p < e->acked_count; p++) {
        lag += MAX(e->acked[p] - t->from[p], 0);
    }
    catalog_unlock(e->catalog);
    return lag;
}

static err describe_topic(struct entry *e, enum table_kind kind, json_t *answer)
{
    TRY(catalog_add_columns(e, kind, answer));
    TRY(add_member(answer, "topic", json_string(e->name)));
    TRY(add_member(answer, "lag_events", json_integer(catalog_lag(e, kind))));
    const struct lake_snapshot *dead = e->tables[TABLE_DEAD].snapshot;
    if (kind == TABLE_ROWS) {
        TRY(add_member(answer, "dead_rows",
                       json_integer(dead == NULL ? 0 : lake_snapshot_row_count(dead))));
    }
    catalog_lock(e->catalog);
    json_t *state = json_string(e->state != NULL ? e->state : "ok");
    catalog_unlock(e->catalog);
    return add_member(answer, "state", state);
}

/* A topic's table before its first commit. */
static json_t *describe_nothing(void)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:[], s:{}}", "version", -1, "rows", 0, "files", 0,
                     "bytes", 0, "partition_columns", "properties");
}

err catalog_add_plain_columns(const struct catalog_table *t, json_t *answer)
{
    const struct lake_metadata *m = lake_snapshot_metadata(t->snapshot);
    json_t *list = json_array();
    for (size_t i = 0; i < m->field_count; i++) {
        AUTO_BUF type = buf_make(1 << 20);
        if (!table_view_sql_type(m->fields[i].type, &type)) {
            buf_reset(&type);
            buf_add_str(&type, m->fields[i].type);
        }
        json_t *item = json_object();
        json_object_set_new(item, "name", json_from_str(m->fields[i].name));
        json_object_set_new(item, "type", json_from_str(buf_str(&type)));
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            return ERR_NOMEM;
        }
    }
    return add_member(answer, "columns", list);
}

static err describe_file(const struct entry *e, json_t **out_answer)
{
    const struct entry_file *f = e->file;
    AUTO_TEXT path = xasprintf("files/%s", f->name);
    *out_answer = json_pack("{s:s, s:s, s:s, s:I, s:O, s:[], s:{}}", "name", e->table, "path", path,
                            "schema", CATALOG_FILES, "bytes", (json_int_t)f->stat.size_bytes,
                            "columns", f->columns, "partition_columns", "properties");
    return *out_answer == NULL ? ERR_NOMEM : ERR_OK;
}

static err describe(struct entry *e, enum table_kind kind, json_t **out_answer, struct errmsg *msg)
{
    const struct catalog_table *t = &e->tables[kind];
    AUTO_JSON answer = NULL;
    if (e->file != NULL) {
        return describe_file(e, out_answer);
    }
    if (t->snapshot != NULL) {
        TRY(lake_describe(t->snapshot, &answer, msg));
    } else {
        answer = describe_nothing();
    }
    if (answer == NULL) {
        return ERR_NOMEM;
    }
    AUTO_TEXT name = xasprintf("%s%s", e->table, kind == TABLE_DEAD ? LAND_DEAD_SUFFIX : "");
    TRY(add_member(answer, "name", json_string(name)));
    AUTO_TEXT path = xasprintf("lake/%s/%s", e->schema, name);
    TRY(add_member(answer, "path", json_string(path)));
    if (e->name != NULL) {
        TRY(describe_topic(e, kind, answer));
    } else if (t->snapshot != NULL) {
        TRY(catalog_add_plain_columns(t, answer));
    }
    *out_answer = TAKE(answer);
    return ERR_OK;
}

/* What of the description tells how the table is made. */
static err schema_of(struct entry *e, enum table_kind kind, json_t **out_answer, struct errmsg *msg)
{
    static const char *const members[] = {"name", "version", "columns", "partition_columns"};
    AUTO_JSON whole = NULL;
    TRY(describe(e, kind, &whole, msg));
    AUTO_JSON answer = json_object();
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *member = json_object_get(whole, members[i]);
        if (member != NULL && json_object_set(answer, members[i], member) != 0) {
            return ERR_NOMEM;
        }
    }
    *out_answer = TAKE(answer);
    return ERR_OK;
}

/* The number that a page goes on after; -1: from the start. */
static err read_after(struct str after, int64_t *out_after, struct errmsg *msg)
{
    uint64_t number = 0;
    *out_after = -1;
    if (after.len == 0) {
        return ERR_OK;
    }
    if (!str_to_u64(after, &number) || number > INT64_MAX / 2) {
        return errmsg_set(msg, ERR_INVALID, "\"after\" is the \"next\" of the page before");
    }
    *out_after = (int64_t)number;
    return ERR_OK;
}

/* Null: that was the last page. */
static json_t *next_json(bool has_more, int64_t after)
{
    AUTO_TEXT text = xasprintf("%lld", (long long)after);
    return has_more ? json_string(text) : json_null();
}

/* Newest first; a page goes on below the version named. */
static err history(const struct catalog_table *t, int64_t limit, struct str after,
                   json_t **out_answer, struct errmsg *msg)
{
    int64_t below = -1;
    TRY(read_after(after, &below, msg));
    int64_t newest = t->snapshot == NULL ? -1 : lake_snapshot_version(t->snapshot);
    newest = below < 0 ? newest : MIN(newest, below - 1);
    json_t *list = NULL;
    err e = newest < 0 ? ERR_NOT_FOUND : lake_history(t->dir, newest, (size_t)limit, &list, msg);
    if (e == ERR_NOT_FOUND && (newest < 0 || below >= 0)) { /* clean-up has removed what is older */
        list = json_array();
        e = ERR_OK;
    }
    TRY(e);
    AUTO_JSON owned = list;
    int64_t count = (int64_t)json_array_size(list);
    int64_t last = newest - count + 1;
    bool has_more = count == limit && last > 0;
    *out_answer = json_pack("{s:O, s:o}", "commits", list, "next", next_json(has_more, last));
    return *out_answer == NULL ? ERR_NOMEM : ERR_OK;
}

static err add_files(const struct lake_snapshot *snapshot, int64_t skip, int64_t limit,
                     json_t *list, struct errmsg *msg)
{
    struct lake_file_iter it = lake_snapshot_files(snapshot);
    const struct lake_file *f = lake_files_next(&it);
    for (int64_t i = 0; i < skip && f != NULL; i++) {
        f = lake_files_next(&it);
    }
    for (int64_t i = 0; i < limit && f != NULL; i++, f = lake_files_next(&it)) {
        json_t *item = NULL;
        TRY(lake_file_describe(f, &item, msg));
        if (json_array_append_new(list, item) != 0) {
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

/* With their statistics, which the kept snapshot does without. A page goes on after the number of
 * files named, in the snapshot's order: while the version is the same, each file comes once. */
static err files(const struct entry *e, const struct catalog_table *t, int64_t limit,
                 struct str after, json_t **out_answer, struct errmsg *msg)
{
    AUTO_JSON list = json_array();
    size_t count = 0;
    int64_t skip = -1;
    int64_t version = t->snapshot == NULL ? -1 : lake_snapshot_version(t->snapshot);
    TRY(read_after(after, &skip, msg));
    skip = MAX(skip, (int64_t)0);
    if (t->snapshot != NULL) {
        AUTO(lake_snapshot) full = NULL;
        TRY(lake_snapshot_load(t->dir, lake_snapshot_version(t->snapshot), &e->parquet, &full,
                               msg));
        count = lake_snapshot_file_count(full);
        TRY(add_files(full, skip, limit, list, msg));
    }
    int64_t shown = skip + (int64_t)json_array_size(list);
    *out_answer = json_pack("{s:I, s:I, s:O, s:o}", "version", (json_int_t)version, "file_count",
                            (json_int_t)count, "files", list, "next",
                            next_json(shown < (int64_t)count, shown));
    return *out_answer == NULL ? ERR_NOMEM : ERR_OK;
}

err catalog_bring_up(struct entry *e, enum table_kind kind, const atomic_bool *cancel,
                     struct errmsg *msg)
{
    const bool wants[TABLE_KINDS] = {kind == TABLE_ROWS, kind == TABLE_DEAD};
    struct entry_ends ends = {0};
    catalog_lock(e->catalog);
    e->tables[kind].asked_us = os_mono_us();
    catalog_unlock(e->catalog);
    err result = entry_bring_up(e, wants, cancel, &ends, msg);
    free(ends.items);
    return result;
}

/* Under the claim. */
static err answer(struct entry *e, enum table_kind kind, const struct wire_info *info,
                  const atomic_bool *cancel, json_t **out_answer, struct errmsg *msg)
{
    const bool wants[TABLE_KINDS] = {true, e->name != NULL};
    TRY(entry_refresh(e, wants, msg));
    if (str_is(info->what, "describe") || str_is(info->what, "schema")) {
        TRY(catalog_bring_up(e, kind, cancel, msg));
    }
    const struct catalog_table *t = &e->tables[kind];
    int64_t limit = MIN(MAX(info->limit, 1), 10000);
    if (str_is(info->what, "describe")) {
        return describe(e, kind, out_answer, msg);
    }
    if (str_is(info->what, "schema")) {
        return schema_of(e, kind, out_answer, msg);
    }
    if (str_is(info->what, "history")) {
        return history(t, limit, info->after, out_answer, msg);
    }
    if (str_is(info->what, "files")) {
        return files(e, t, limit, info->after, out_answer, msg);
    }
    return errmsg_set(msg, ERR_INVALID, "nothing is known of that about a table");
}

err catalog_info(struct catalog *c, const struct wire_info *info, const atomic_bool *cancel,
                 struct buf *out, struct errmsg *msg)
{
    if (str_is(info->what, "list")) {
        return catalog_list(c, cancel, out, msg);
    }
    if (str_is(info->what, "catalog")) {
        return catalog_columns(c, info->table, info->limit, cancel, out, msg);
    }
    struct entry *e = NULL;
    enum table_kind kind = TABLE_ROWS;
    struct str name = info->table;
    struct str schema = {0};
    if (str_find(name, '.') >= 0) {
        (void)str_split(&name, '.', &schema); /* there is a dot */
    }
    TRY(catalog_find(c, schema, name, &e, &kind, msg));
    AUTO_JSON json = NULL;
    err result = entry_claim(e, cancel, msg);
    if (result == ERR_OK) {
        result = answer(e, kind, info, cancel, &json, msg);
        entry_release(e);
    }
    entry_unref(e);
    TRY(result);
    return json_write(json, out);
}
