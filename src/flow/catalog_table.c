/* SPDX-License-Identifier: MIT */
/* catalog_table.c - one entry's tables: snapshots, hot rows, the text of the view. Everything here
 * runs under the entry's claim. */
#include "base/seeded.h"
#include "flow/catalog_int.h"
#include "flow/land_schema.h"
#include "flow/table_view.h"
#include "os/clock.h"
#include "sql/lake_parquet.h"
#include "topic/reader.h"

enum { RANGE_TRIES = 5, RANGE_WAIT_US = 10 * 1000, VIEW_BYTES_MAX = 512 << 20 };

void catalog_table_forget_hot(struct catalog_table *t)
{
    hot_rows_free(t->hot);
    t->hot = NULL;
    free(t->view);
    t->view = NULL;
}

void catalog_table_deinit(struct catalog_table *t)
{
    catalog_table_forget_hot(t);
    lake_snapshot_unref(t->snapshot);
    event_schema_unref(t->committed);
    free(t->from);
    free(t->dir);
}

/* ---- snapshots ---- */

static err open_conn(struct entry *e, struct errmsg *msg)
{
    if (e->conn == NULL) {
        TRY(sql_conn_open(e->catalog->engine, &e->conn, msg));
        e->parquet = sql_lake_parquet(e->conn);
    }
    return ERR_OK;
}

/* topic.json, read again when the front says that it was replaced. */
static err refresh_meta(struct entry *e, struct errmsg *msg)
{
    catalog_lock(e->catalog);
    bool stale = e->is_meta_stale;
    e->is_meta_stale = false;
    catalog_unlock(e->catalog);
    if (e->name == NULL || (!stale && e->has_meta)) {
        return ERR_OK;
    }
    AUTO_TEXT path = xasprintf("%s/topic.json", e->topic_dir);
    struct topic_meta meta;
    err result = topic_meta_load(path, &meta, msg);
    if (result != ERR_OK) {
        catalog_lock(e->catalog);
        e->is_meta_stale = true;
        catalog_unlock(e->catalog);
        return result;
    }
    if (e->has_meta) {
        topic_meta_deinit(&e->meta);
    }
    e->meta = meta;
    e->has_meta = true;
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        e->tables[kind].is_placed = false;
    }
    return ERR_OK;
}

static err refresh_snapshot(struct entry *e, struct catalog_table *t, struct errmsg *msg)
{
    struct lake_snapshot *fresh = NULL;
    err result = ERR_OK;
    if (t->snapshot != NULL) {
        result = lake_snapshot_refresh(t->snapshot, &fresh, msg);
    } else {
        struct lake_load_options options = {
            .table_dir = t->dir, .version = -1, .parquet = &e->parquet, .drop_stats = true};
        result = lake_snapshot_load_with(&options, &fresh, msg);
    }
    if (result == ERR_NOT_FOUND) {
        result = ERR_OK; /* removed, or being made this moment: no table */
    }
    if (result != ERR_OK) {
        return errmsg_wrap(msg, result, "table %s", e->table);
    }
    if (fresh != t->snapshot) {
        t->is_placed = false;
    }
    lake_snapshot_unref(t->snapshot); /* `fresh` has a reference of its own */
    t->snapshot = fresh;
    return ERR_OK;
}

static err log_start(const struct entry *e, uint32_t partition, int64_t *out_offset,
                     struct errmsg *msg)
{
    AUTO_TEXT dir = xasprintf("%s/%u", e->topic_dir, partition);
    AUTO(topic_reader) reader = NULL;
    TRY(topic_reader_open(dir, &reader, msg));
    return topic_reader_log_start(reader, out_offset, msg);
}

/* Where the snapshot ends in the log, and which columns it has. */
static err place_table(struct entry *e, enum table_kind kind, struct errmsg *msg)
{
    struct catalog_table *t = &e->tables[kind];
    if (t->is_placed) {
        return ERR_OK;
    }
    free(t->view);
    t->view = NULL;
    if (e->name == NULL) {
        t->is_placed = true;
        return ERR_OK;
    }
    struct event_schema *schema = NULL;
    struct event_schema *committed = NULL;
    TRY(land_schema_of(kind == TABLE_ROWS ? t->snapshot : NULL, &schema, msg));
    if (kind == TABLE_ROWS) {
        err result = land_schema_declared(schema, &e->meta, t->snapshot == NULL, &committed, msg);
        event_schema_unref(schema);
        TRY(result);
    } else {
        committed = schema;
    }
    event_schema_unref(t->committed);
    t->committed = committed;
    t->from = xrealloc(t->from, MAX(e->meta.partition_count, 1), sizeof *t->from);
    for (uint32_t p = 0; p < e->meta.partition_count; p++) {
        t->from[p] = land_next_offset(t->snapshot, e->uuid, p, -1);
        if (t->from[p] < 0 || SEEDED_BUG(SEEDED_HOT_IGNORES_TXN)) {
            TRY(log_start(e, p, &t->from[p], msg));
        }
    }
    t->is_placed = true;
    return ERR_OK;
}

err entry_refresh(struct entry *e, const bool wants[TABLE_KINDS], struct errmsg *msg)
{
    TRY(open_conn(e, msg));
    if (e->file != NULL) {
        return entry_refresh_file(e, msg);
    }
    TRY(refresh_meta(e, msg));
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        if (wants[kind]) {
            TRY(refresh_snapshot(e, &e->tables[kind], msg));
            TRY(place_table(e, (enum table_kind)kind, msg));
        }
    }
    return ERR_OK;
}

/* ---- hot rows ---- */

struct hot_goal entry_goal(const struct entry *e, enum table_kind kind, const int64_t *ends,
                           const atomic_bool *cancel)
{
    const struct catalog_table *t = &e->tables[kind];
    return (struct hot_goal){.topic_dir = e->topic_dir,
                             .meta = &e->meta,
                             .committed = t->committed,
                             .from = t->from,
                             .ends = ends,
                             .cancel = cancel};
}

/* One end per partition for rows and dead letters alike: what is acknowledged, and at least what
 * either table has by now. */
static void ends_now(struct entry *e, const bool wants[TABLE_KINDS], struct entry_ends *ends)
{
    uint32_t count = e->meta.partition_count;
    ends->items = xrealloc(ends->items, MAX(count, 1), sizeof *ends->items);
    ends->count = count;
    catalog_lock(e->catalog);
    for (uint32_t p = 0; p < count; p++) {
        ends->items[p] = p < e->acked_count ? e->acked[p] : 0;
    }
    catalog_unlock(e->catalog);
    for (int kind = 0; kind < TABLE_KINDS; kind++) {
        for (uint32_t p = 0; p < count && wants[kind]; p++) {
            ends->items[p] = MAX(ends->items[p], e->tables[kind].from[p]);
        }
    }
}

static err advance(struct entry *e, enum table_kind kind, const int64_t *ends,
                   const atomic_bool *cancel, struct errmsg *msg)
{
    struct catalog_table *t = &e->tables[kind];
    if (t->hot == NULL) {
        struct hot_rows_options options = {.engine = e->catalog->engine,
                                           .conn = e->conn,
                                           .pool = &e->catalog->pool,
                                           .is_dead = kind == TABLE_DEAD,
                                           .threads = e->catalog->threads};
        t->hot = hot_rows_new(&options);
    }
    struct hot_goal goal = entry_goal(e, kind, ends, cancel);
    return hot_rows_advance(t->hot, &goal, msg);
}

err entry_bring_up(struct entry *e, const bool wants[TABLE_KINDS], const atomic_bool *cancel,
                   struct entry_ends *out_ends, struct errmsg *msg)
{
    for (int tries = 1;; tries++) {
        TRY(entry_refresh(e, wants, msg));
        if (e->name == NULL) {
            return ERR_OK;
        }
        ends_now(e, wants, out_ends);
        err result = ERR_OK;
        for (int kind = 0; kind < TABLE_KINDS && result == ERR_OK; kind++) {
            if (wants[kind]) {
                result = advance(e, (enum table_kind)kind, out_ends->items, cancel, msg);
            }
        }
        if (result != ERR_RANGE || tries == RANGE_TRIES) {
            return result == ERR_OK ? ERR_OK : errmsg_wrap(msg, result, "topic %s", e->name);
        }
        /* The log was cut behind our snapshot: retention follows what a newer one has. */
        for (int kind = 0; kind < TABLE_KINDS; kind++) {
            e->tables[kind].is_placed = false;
        }
        if (tries > 1) {
            os_sleep_us(RANGE_WAIT_US);
        }
    }
}

/* ---- the view ---- */

/* Columns of a topic's rows: the event's own, provisional ones, the system's. */
static size_t columns_of_rows(const struct catalog_table *t, struct view_column *columns)
{
    struct event_schema *schema =
        t->hot != NULL && hot_rows_table(t->hot) != NULL ? hot_rows_schema(t->hot) : t->committed;
    const struct col_def *full = event_schema_full(schema);
    size_t own = event_schema_count(schema);
    for (size_t i = 0; i < event_schema_full_count(schema); i++) {
        struct str name = str_from(full[i].name);
        columns[i] = (struct view_column){
            .name = name,
            .type = event_schema_type(schema, i),
            .is_nested = col_type_is_nested(full[i].type),
            .in_files =
                i >= own || (t->snapshot != NULL && lake_snapshot_field(t->snapshot, name) != NULL),
        };
    }
    return event_schema_full_count(schema);
}

static err tag_of_snapshot(const struct catalog_table *t, struct buf *tag, struct errmsg *msg)
{
    struct event_schema *schema = NULL;
    TRY(land_schema_of(t->snapshot, &schema, msg));
    AUTO_BUF json = buf_make(4096);
    land_schema_tag(event_schema_full(schema), event_schema_full_count(schema), &json);
    event_schema_unref(schema);
    land_schema_tag_of(buf_str(&json), tag);
    return ERR_OK;
}

static void columns_of_dead(struct view_column *columns, struct buf *tag)
{
    const struct col_def *defs = event_dead_columns();
    for (size_t i = 0; i < EVENT_DEAD_COUNT; i++) {
        columns[i] = (struct view_column){str_from(defs[i].name), col_type_sql(defs[i].type), true};
    }
    AUTO_BUF json = buf_make(4096);
    land_schema_tag(defs, EVENT_DEAD_COUNT, &json);
    land_schema_tag_of(buf_str(&json), tag);
}

/* A plain table: what its metadata says. `types` keeps the texts. */
static void columns_of_plain(const struct catalog_table *t, struct view_column *columns,
                             struct buf *types)
{
    const struct lake_metadata *metadata = lake_snapshot_metadata(t->snapshot);
    size_t *at = xnew_array(size_t, metadata->field_count + 1);
    for (size_t i = 0; i < metadata->field_count; i++) {
        at[i] = types->len;
        bool known = table_view_sql_type(metadata->fields[i].type, types);
        at[i] = known ? at[i] : SIZE_MAX;
        buf_add_byte(types, '\0');
    }
    for (size_t i = 0; i < metadata->field_count; i++) {
        columns[i] = (struct view_column){.name = metadata->fields[i].name};
        columns[i].type = at[i] == SIZE_MAX ? NULL : types->data + at[i];
    }
    free(at);
}

static size_t column_room(const struct entry *e, const struct catalog_table *t)
{
    size_t room = EVENT_COLUMNS_MAX + EVENT_SYS_COUNT + EVENT_DEAD_COUNT;
    if (e->name == NULL && t->snapshot != NULL) {
        room += lake_snapshot_metadata(t->snapshot)->field_count;
    }
    return room;
}

static err fill_parts(struct entry *e, enum table_kind kind, struct view_column *columns,
                      struct buf *text, struct table_view_parts *parts, struct errmsg *msg)
{
    struct catalog_table *t = &e->tables[kind];
    parts->snapshot = t->snapshot;
    parts->columns = columns;
    if (e->name == NULL) {
        if (t->snapshot == NULL) {
            return errmsg_set(msg, ERR_NOT_FOUND, "there is no table %s.%s any more", e->schema,
                              e->table);
        }
        columns_of_plain(t, columns, text);
        parts->column_count = lake_snapshot_metadata(t->snapshot)->field_count;
        return buf_check(text);
    }
    if (kind == TABLE_DEAD) {
        columns_of_dead(columns, text);
        parts->column_count = EVENT_DEAD_COUNT;
    } else {
        parts->column_count = columns_of_rows(t, columns);
        TRY(tag_of_snapshot(t, text, msg));
    }
    parts->current_tag = buf_str(text);
    return buf_check(text);
}

err entry_make_view(struct entry *e, enum table_kind kind, const char *tail, struct errmsg *msg)
{
    struct catalog_table *t = &e->tables[kind];
    bool has_hot = t->hot != NULL && hot_rows_table(t->hot) != NULL;
    bool filtered = has_hot && hot_rows_has_landed(t->hot, t->from);
    uint64_t hot_serial = has_hot ? hot_rows_serial(t->hot) : 0;
    if (t->view != NULL && tail == NULL && t->view_hot_serial == hot_serial &&
        t->view_is_filtered == filtered) {
        return ERR_OK;
    }
    struct view_column *columns = xnew_array(struct view_column, column_room(e, t));
    AUTO_BUF text = buf_make(4 << 20);
    AUTO_BUF sql = buf_make(VIEW_BYTES_MAX);
    struct table_view_parts parts = {
        .hot_table = has_hot ? hot_rows_table(t->hot) : NULL,
        .hot_from = filtered ? t->from : NULL,
        .partition_count = e->has_meta ? e->meta.partition_count : 0,
        .tail = tail,
    };
    err result = fill_parts(e, kind, columns, &text, &parts, msg);
    if (result == ERR_OK) {
        result = table_view_sql(&parts, &sql, msg);
    }
    free(columns);
    TRY(result);
    free(t->view);
    t->view = xstrdup(buf_cstr(&sql));
    t->view_serial = atomic_fetch_add(&e->catalog->pool.next_name, 1) + 1;
    t->view_hot_serial = tail == NULL ? hot_serial : UINT64_MAX;
    t->view_is_filtered = filtered;
    return ERR_OK;
}
