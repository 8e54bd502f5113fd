/* SPDX-License-Identifier: MIT */
/* api_sql.c - help for whoever types statements: words, all tables with their columns, and a check
 * of a statement without running it. */
#include "http/api.h"

enum { CATALOG_LIMIT = 1000 };

static void ask_info(struct http_exchange *ex, const char *what, struct str after, int64_t limit)
{
    struct wire_info info = {.table = after, .what = str_from(what), .limit = limit};
    AUTO_BUF payload = buf_make(1 << 20);
    wire_info_encode(&info, &payload);
    if (buf_check(&payload) != ERR_OK) {
        http_problem(ex, 400, "bad_query", STR("after is too long"), STR(""));
        return;
    }
    api_ask(ex, NULL, buf_str(&payload));
}

static void on_words(struct http_exchange *ex)
{
    ask_info(ex, "words", STR(""), 1);
}
const struct http_handler api_sql_words = {
    .on_request = on_words, .on_abort = api_ask_abort, .on_writable = api_ask_writable};

static void on_catalog(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    struct str after = STR("");
    int64_t limit = CATALOG_LIMIT;
    if (!api_params_begin(ex, &params)) {
        return;
    }
    (void)http_params_str(&params, "after", &after);
    err e = http_params_i64(&params, "limit", 1, CATALOG_LIMIT, &limit, &msg);
    if (api_params_end(ex, &params, e, &msg)) {
        ask_info(ex, "catalog", after, limit);
    }
}
const struct http_handler api_catalog_get = {
    .on_request = on_catalog, .on_abort = api_ask_abort, .on_writable = api_ask_writable};

static void ask_check(struct http_exchange *ex, json_t *body)
{
    struct errmsg msg = {0};
    struct wire_query q = api_query_defaults(api_of(ex));
    err e = api_read_query(body, &q, &msg);
    if (e != ERR_OK) {
        api_query_problem(ex, e, &msg);
        return;
    }
    q.purpose = STR("check");
    api_ask(ex, &q, STR(""));
}

static void on_check(struct http_exchange *ex)
{
    api_collect(ex, ask_check);
}
const struct http_handler api_sql_check = {.on_request = on_check,
                                           .on_body = api_collect_body,
                                           .on_body_end = api_collect_end,
                                           .on_abort = api_ask_abort,
                                           .on_writable = api_ask_writable};
