/* SPDX-License-Identifier: MIT */
/* api_tables.c - /api/v1/tables: list, describe, schema, history, files, flush, checkpoint.
 *
 * The list comes from what the writer last reported, and for tables without a topic from the query
 * process; one table's details, history and files are
 * read by the query process, which may open the lake. */
#include "base/timefmt.h"
#include "http/api.h"

enum { FILES_LIMIT_MAX = 100000 };

/* The topic behind a table's name, with or without "bronze." before it; answers 404 for none. */
static struct topic *topic_of_table(struct http_exchange *ex)
{
    struct str name = http_path_param(ex, "table");
    struct str table = name;
    if (str_starts(table, STR("bronze."))) {
        table = str_of(table.ptr + 7, table.len - 7);
    }
    struct topic *t = topic_store_find_table(api_of(ex)->store, table);
    if (t == NULL) {
        http_problemf(ex, 404, "table_not_found",
                      "there is no table \"%.*s\"; GET /api/v1/tables lists them", STR_ARGS(name));
    }
    return t;
}

static json_t *table_json(struct api *api, const struct topic *t)
{
    const struct topic_meta *m = topic_meta_of(t);
    const struct wire_progress *p = writer_link_progress(api->writer, str_from(m->name));
    json_t *json = json_object();
    json_object_set_new(json, "name", json_string(m->table));
    json_object_set_new(json, "schema", json_string("bronze"));
    json_object_set_new(json, "topic", json_string(m->name));
    if (p == NULL) {
        json_object_set_new(json, "state", json_string("starting"));
        return json;
    }
    int64_t lag = 0;
    for (uint32_t i = 0; i < p->partition_count && i < topic_partition_count(t); i++) {
        lag += MAX(topic_acked_end(t, i) - p->committed[i], (int64_t)0);
    }
    json_object_set_new(json, "version", json_integer(p->version));
    json_object_set_new(json, "rows", json_integer(p->rows));
    json_object_set_new(json, "files", json_integer(p->files));
    json_object_set_new(json, "bytes", json_integer(p->bytes));
    json_object_set_new(json, "dead_rows", json_integer(p->dead_rows));
    json_object_set_new(json, "dead_version", json_integer(p->dead_version));
    json_object_set_new(json, "lag_events", json_integer(lag));
    json_object_set_new(json, "columns", json_integer((json_int_t)p->column_count));
    json_object_set_new(json, "state", json_from_str(p->state));
    if (p->detail.len > 0) {
        json_object_set_new(json, "reason", json_from_str(p->detail));
    }
    if (p->last_commit_ms > 0) {
        char time[TIME_TEXT_BYTES];
        (void)time_format_rfc3339(p->last_commit_ms * 1000, time); /* the length is not needed */
        json_object_set_new(json, "last_commit", json_string(time));
    }
    return json;
}

/* ---- the list: topics' tables by the writer's reports, the others by the query process ---- */

enum { LIST_BYTES_MAX = 16 << 20, CURSOR_BYTES_MAX = 512 };

struct listing {
    uint32_t magic;           /* 0: not a body that is being collected */
    struct http_exchange *ex; /* borrowed until answered or aborted */
    struct broker_query *query;
    struct http_params params;
    struct api_page page;
    json_t *tables; /* owned */
    struct buf others;
    char cursor[CURSOR_BYTES_MAX]; /* of the last table taken */
};

static void listing_free(struct listing *l)
{
    http_params_deinit(&l->params);
    json_decref(l->tables);
    buf_deinit(&l->others);
    free(l);
}

static void respond_list(struct listing *l)
{
    struct http_exchange *ex = l->ex;
    json_t *answer = json_object();
    json_object_set(answer, "tables", l->tables);
    json_object_set_new(answer, "next", api_page_next(&l->page));
    http_set_user(ex, NULL);
    listing_free(l);
    api_respond_json(ex, 200, answer);
}

/* "~main.sales": after all topics, whose names have no such character. */
static void cursor_of(const json_t *table, char out[CURSOR_BYTES_MAX])
{
    const char *schema = json_string_value(json_object_get(table, "schema"));
    const char *name = json_string_value(json_object_get(table, "name"));
    const char *file = json_string_value(json_object_get(table, "file"));
    (void)snprintf(out, CURSOR_BYTES_MAX, "~%s.%s%s%s", schema == NULL ? "" : schema,
                   name == NULL ? "" : name, file == NULL ? "" : "/",
                   file == NULL ? "" : file); /* cut: still an order */
}

static int table_cmp(const void *a, const void *b)
{
    char left[CURSOR_BYTES_MAX];
    char right[CURSOR_BYTES_MAX];
    cursor_of(*(json_t *const *)a, left);
    cursor_of(*(json_t *const *)b, right);
    return strcmp(left, right);
}

static void take_others(struct listing *l)
{
    AUTO_JSON answer = NULL;
    if (buf_check(&l->others) != ERR_OK ||
        json_parse(buf_str(&l->others), &answer, NULL) != ERR_OK) {
        return;
    }
    const json_t *list = json_object_get(answer, "tables");
    size_t count = json_array_size(list);
    json_t **sorted = xnew_array(json_t *, count + 1);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = json_array_get(list, i);
    }
    qsort(sorted, count, sizeof *sorted, table_cmp);
    for (size_t i = 0; i < count; i++) {
        char cursor[CURSOR_BYTES_MAX];
        cursor_of(sorted[i], cursor);
        if (api_page_takes(&l->page, str_from(cursor))) {
            memcpy(l->cursor, cursor, sizeof cursor);
            l->page.last = str_from(l->cursor);
            json_array_append(l->tables, sorted[i]);
        }
    }
    free(sorted);
}

static void on_list_head(void *ctx, struct str content_type)
{
    (void)ctx;
    (void)content_type;
}
static void on_list_data(void *ctx, struct str bytes)
{
    struct listing *l = ctx;
    (void)buf_add_str(&l->others, bytes); /* sticky: take_others looks */
}
static void on_list_done(void *ctx, const struct wire_done *done)
{
    (void)done;
    take_others(ctx);
    respond_list(ctx);
}
/* The query process cannot tell now: those of topics are there all the same. */
static void on_list_error(void *ctx, const struct wire_error *error)
{
    (void)error;
    respond_list(ctx);
}
static const struct broker_answer list_answer = {.on_head = on_list_head,
                                                 .on_data = on_list_data,
                                                 .on_done = on_list_done,
                                                 .on_error = on_list_error};

static void on_list(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    struct listing *l = xnew(struct listing);
    l->ex = ex;
    l->others = buf_make(LIST_BYTES_MAX);
    l->tables = json_array();
    if (!api_page_begin(ex, &l->params, &l->page)) {
        listing_free(l);
        return;
    }
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        const struct topic *t = topic_store_at(api->store, i);
        if (api_page_takes(&l->page, str_from(topic_meta_of(t)->name))) {
            json_array_append_new(l->tables, table_json(api, t));
        }
    }
    struct wire_info info = {.table = STR(""), .what = STR("list"), .limit = 1};
    AUTO_BUF payload = buf_make(65536);
    wire_info_encode(&info, &payload);
    http_set_user(ex, l);
    if (l->page.has_more || broker_start(api->broker, NULL, buf_str(&payload), &list_answer, l,
                                         &l->query, NULL) != ERR_OK) {
        l->query = NULL;
        respond_list(l);
    }
}

static void on_list_abort(struct http_exchange *ex)
{
    struct listing *l = http_user(ex);
    if (l != NULL) {
        broker_abandon(l->query);
        listing_free(l);
    }
}
const struct http_handler api_tables_list = {.on_request = on_list, .on_abort = on_list_abort};

static void ask_info(struct http_exchange *ex, const char *what, int64_t limit_default)
{
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    int64_t limit = limit_default;
    struct str after = STR("");
    if (!api_params_begin(ex, &params)) {
        return;
    }
    err e = limit_default == 0
                ? ERR_OK
                : http_params_i64(&params, "limit", 1, FILES_LIMIT_MAX, &limit, &msg);
    if (limit_default > 0) {
        (void)http_params_str(&params, "after", &after); /* absent: from the start */
    }
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    struct str table = http_path_param(ex, "table");
    if (str_starts(table, STR("bronze."))) {
        table = str_of(table.ptr + 7, table.len - 7);
    }
    struct wire_info info = {
        .table = table, .what = str_from(what), .limit = limit, .after = after};
    AUTO_BUF payload = buf_make(65536);
    wire_info_encode(&info, &payload);
    if (buf_check(&payload) != ERR_OK) {
        http_problem(ex, 400, "bad_query", STR("after is too long"), STR(""));
        return;
    }
    api_ask(ex, NULL, buf_str(&payload));
}

static void on_get(struct http_exchange *ex)
{
    ask_info(ex, "describe", 0);
}
static void on_schema(struct http_exchange *ex)
{
    ask_info(ex, "schema", 0);
}
static void on_history(struct http_exchange *ex)
{
    ask_info(ex, "history", 100);
}
static void on_files(struct http_exchange *ex)
{
    ask_info(ex, "files", 1000);
}
const struct http_handler api_table_get = {
    .on_request = on_get, .on_abort = api_ask_abort, .on_writable = api_ask_writable};
const struct http_handler api_table_schema = {
    .on_request = on_schema, .on_abort = api_ask_abort, .on_writable = api_ask_writable};
const struct http_handler api_table_history = {
    .on_request = on_history, .on_abort = api_ask_abort, .on_writable = api_ask_writable};
const struct http_handler api_table_files = {
    .on_request = on_files, .on_abort = api_ask_abort, .on_writable = api_ask_writable};

/* ---- flush, checkpoint ---- */

struct landing {
    struct api *api;
    struct http_exchange *ex; /* borrowed until answered or aborted */
    uint64_t handle;
    char table[TOPIC_NAME_BYTES_MAX + 1];
};

static void on_landed(void *ctx, const char *code, const char *detail, int64_t version,
                      int64_t dead_version)
{
    struct landing *l = ctx;
    struct http_exchange *ex = l->ex;
    http_set_user(ex, NULL);
    if (code != NULL) {
        bool full = strcmp(code, "disk_full") == 0;
        http_problem(ex, full ? 507 : 503, code, str_from(detail), STR(""));
    } else {
        AUTO_BUF body = buf_make(4096);
        buf_printf(&body, "{\"table\":\"%s\",\"version\":%lld,\"dead_version\":", l->table,
                   (long long)version);
        if (dead_version >= 0) {
            buf_add_i64(&body, dead_version);
        } else {
            buf_puts(&body, "null");
        }
        buf_add_byte(&body, '}');
        http_respond_json(ex, 200, buf_str(&body));
    }
    free(l);
}

static void land(struct http_exchange *ex, bool checkpoint)
{
    struct api *api = api_of(ex);
    struct topic *t = topic_of_table(ex);
    if (t == NULL) {
        return;
    }
    if (topic_is_waiting(t)) {
        api_problem(ex, ERR_NOSPACE, NULL);
        return;
    }
    struct landing *l = xnew(struct landing);
    l->api = api;
    l->ex = ex;
    memcpy(l->table, topic_meta_of(t)->table, sizeof l->table);
    http_set_user(ex, l);
    l->handle = checkpoint ? writer_link_checkpoint(api->writer, t, on_landed, l)
                           : writer_link_flush(api->writer, t, on_landed, l);
}
static void on_flush(struct http_exchange *ex)
{
    land(ex, false);
}
static void on_checkpoint(struct http_exchange *ex)
{
    land(ex, true);
}
static void on_land_abort(struct http_exchange *ex)
{
    struct landing *l = http_user(ex);
    if (l != NULL) {
        writer_link_forget(l->api->writer, l->handle);
        free(l);
    }
}
const struct http_handler api_table_flush = {.on_request = on_flush, .on_abort = on_land_abort};
const struct http_handler api_table_checkpoint = {.on_request = on_checkpoint,
                                                  .on_abort = on_land_abort};
