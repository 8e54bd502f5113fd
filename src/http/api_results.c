/* SPDX-License-Identifier: MIT */
/* api_results.c - /api/v1/results: answers that stay on the server (`"store": true` of a query).
 *
 * All of them live in the query process; each request here is one question to it. */
#include "http/api.h"

enum { RESULT_ID_BYTES_MAX = 64, FILTERS_MAX = 32, SHOWN_BYTES_MAX = 64 << 10 };

static void ask_info(struct http_exchange *ex, const char *what, struct str id)
{
    struct wire_info info = {.table = id, .what = str_from(what), .limit = 1};
    AUTO_BUF payload = buf_make(65536);
    wire_info_encode(&info, &payload);
    api_ask(ex, NULL, buf_str(&payload));
}

/* The id of the path; answers 404 for what is none. */
static bool take_id(struct http_exchange *ex, struct str *out_id)
{
    *out_id = http_path_param(ex, "id");
    if (out_id->len > RESULT_ID_BYTES_MAX) {
        http_problem(ex, 404, "result_gone", STR("that is no id of a result"), STR(""));
        return false;
    }
    return true;
}

static void on_list(struct http_exchange *ex)
{
    ask_info(ex, "results", STR(""));
}
const struct http_handler api_results_list = {
    .on_request = on_list, .on_abort = api_ask_abort, .on_writable = api_ask_writable};

static void on_delete(struct http_exchange *ex)
{
    struct str id;
    if (take_id(ex, &id)) {
        ask_info(ex, "drop_result", id);
    }
}
const struct http_handler api_result_delete = {
    .on_request = on_delete, .on_abort = api_ask_abort, .on_writable = api_ask_writable};

/* ---- rows ---- */

/* `sort`, `filter` and `int64`; the list of filters is the caller's. */
static err read_shown(struct http_params *params, struct wire_query *q, json_t *filters,
                      struct errmsg *msg)
{
    struct str int64 = STR("number");
    struct str filter;
    size_t bytes = 0;
    for (size_t at = 0; http_params_next(params, "filter", &at, &filter);) {
        bytes += filter.len;
        if (json_array_size(filters) == FILTERS_MAX || bytes > SHOWN_BYTES_MAX) {
            return errmsg_set(msg, ERR_INVALID, "at most %d filters of together 64 KiB",
                              FILTERS_MAX);
        }
        (void)json_array_append_new(filters, json_from_str(filter)); /* the decoder checked UTF-8 */
    }
    (void)http_params_str(params, "sort", &q->sort);
    (void)http_params_str(params, "int64", &int64);
    q->filters = filters;
    q->int64_as_string = str_is(int64, "string");
    return str_is(int64, "string") || str_is(int64, "number")
               ? ERR_OK
               : errmsg_set(msg, ERR_INVALID, "int64 is number or string");
}

static bool begin(struct http_exchange *ex, struct http_params *params, struct wire_query *q)
{
    struct errmsg msg = {0};
    err e = http_params_parse_list(http_query(ex), "filter", params, &msg);
    if (e != ERR_OK) {
        http_problem(ex, 400, "bad_query", str_from(msg.text), STR(""));
        return false;
    }
    *q = api_query_defaults(api_of(ex));
    q->sql = STR("FROM result"); /* for the list of queries */
    return take_id(ex, &q->result);
}

static void on_get(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    AUTO_JSON filters = json_array();
    struct errmsg msg = {0};
    struct wire_query q;
    if (!begin(ex, &params, &q)) {
        return;
    }
    err e = read_shown(&params, &q, filters, &msg);
    if (e == ERR_OK) {
        e = http_params_i64(&params, "offset", 0, INT64_MAX / 2, &q.offset, &msg);
    }
    if (e == ERR_OK) {
        e = http_params_i64(&params, "limit", 0, API_WINDOW_ROWS_MAX, &q.limit_shown, &msg);
    }
    if (api_params_end(ex, &params, e, &msg)) {
        q.purpose = STR("window");
        api_ask(ex, &q, STR(""));
    }
}
const struct http_handler api_result_get = {
    .on_request = on_get, .on_abort = api_ask_abort, .on_writable = api_ask_writable};

static void on_export(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    AUTO_JSON filters = json_array();
    struct errmsg msg = {0};
    struct wire_query q;
    if (!begin(ex, &params, &q)) {
        return;
    }
    q.format = STR("csv");
    err e = read_shown(&params, &q, filters, &msg);
    if (e == ERR_OK) {
        e = http_params_bool(&params, "guard", &q.guard_formulas, &msg);
    }
    (void)http_params_str(&params, "format", &q.format);
    bool is_known = str_is(q.format, "csv") || str_is(q.format, "parquet") ||
                    str_is(q.format, "json") || str_is(q.format, "ndjson");
    if (e == ERR_OK && !is_known) {
        e = errmsg_set(&msg, ERR_INVALID, "format is csv, parquet, json or ndjson");
    }
    if (api_params_end(ex, &params, e, &msg)) {
        char name[64];
        (void)snprintf(name, sizeof name, "result.%.*s", STR_ARGS(q.format)); /* fits */
        q.purpose = STR("export");
        api_ask_file(ex, &q, name);
    }
}
const struct http_handler api_result_export = {
    .on_request = on_export, .on_abort = api_ask_abort, .on_writable = api_ask_writable};

/* ---- a statement over one ---- */

static void ask_over(struct http_exchange *ex, json_t *body)
{
    struct errmsg msg = {0};
    struct wire_query q = api_query_defaults(api_of(ex));
    if (!take_id(ex, &q.result)) {
        return;
    }
    err e = api_read_query(body, &q, &msg);
    if (e == ERR_OK && str_is(q.purpose, "store")) {
        e = errmsg_set(&msg, ERR_INVALID, "a query over a result is not stored");
    }
    if (e != ERR_OK) {
        api_query_problem(ex, e, &msg);
        return;
    }
    q.purpose = STR("over");
    api_ask(ex, &q, STR(""));
}

static void on_query(struct http_exchange *ex)
{
    api_collect(ex, ask_over);
}
const struct http_handler api_result_query = {.on_request = on_query,
                                              .on_body = api_collect_body,
                                              .on_body_end = api_collect_end,
                                              .on_abort = api_ask_abort,
                                              .on_writable = api_ask_writable};
