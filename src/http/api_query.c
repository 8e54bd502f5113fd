/* SPDX-License-Identifier: MIT */
/* api_query.c - POST /api/v1/query, and the list of queries with their cancel.
 *
 * The statement goes to the query process as it is; what comes back is passed to the client as the
 * body, and credit is given for what the client has taken. */
#include "http/api.h"

enum {
    TAG_BYTES_MAX = 64,
    /* A window, at most: it waits here for its client, not with a thread of the query process. */
    LIGHT_BYTES = 16 << 20,
};
static const int64_t timeout_ms_max = 1LL << 40; /* 34 years */

struct asked {
    uint32_t magic;           /* 0: not a body that is being collected */
    struct http_exchange *ex; /* borrowed until answered or aborted */
    struct broker_query *query;
    uint64_t owed; /* bytes of DATA passed on and not credited yet */
    bool has_begun;
    char *disposition; /* owned; NULL: no file */
};

static void asked_free(struct asked *a)
{
    free(a->disposition);
    free(a);
}

static void credit(struct asked *a)
{
    if (a->query != NULL && a->owed > 0 && http_writable(a->ex)) {
        broker_credit(a->query, a->owed);
        a->owed = 0;
    }
}

static void on_head(void *ctx, struct str content_type)
{
    struct asked *a = ctx;
    const struct http_field fields[] = {{"content-type", content_type},
                                        {"cache-control", STR("no-store")},
                                        {"content-disposition", str_from(a->disposition)}};
    a->has_begun = true;
    http_respond_begin(a->ex, 200, fields, ARRAY_LEN(fields) - (a->disposition == NULL));
}

static void on_data(void *ctx, struct str bytes)
{
    struct asked *a = ctx;
    a->owed += bytes.len;
    http_respond_chunk(a->ex, bytes);
    credit(a);
}

static void on_done(void *ctx, const struct wire_done *done)
{
    (void)done;
    struct asked *a = ctx;
    struct http_exchange *ex = a->ex;
    http_set_user(ex, NULL);
    asked_free(a);
    http_respond_end(ex);
}

int api_query_status(struct str code)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {
        {"sql_invalid", 400},      {"sql_not_allowed", 403}, {"table_not_found", 404},
        {"query_timeout", 408},    {"query_cancelled", 409}, {"query_out_of_memory", 507},
        {"log_damaged", 503},      {"query_crashed", 500},   {"query_aborted", 500},
        {"internal", 500},         {"sql_failed", 400},      {"topic_not_ready", 503},
        {"unsupported", 400},      {"not_found", 404},       {"invalid", 400},
        {"log_cut", 503},          {"file_unreadable", 400}, {"result_gone", 404},
        {"result_too_large", 413}, {"results_full", 507},    {"disk_full", 507},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_is(code, rows[i].code)) {
            return rows[i].status;
        }
    }
    return 400;
}

static void on_error(void *ctx, const struct wire_error *error)
{
    struct asked *a = ctx;
    struct http_exchange *ex = a->ex;
    bool has_begun = a->has_begun;
    http_set_user(ex, NULL);
    asked_free(a);
    if (has_begun) {
        http_respond_abort(ex);
        return;
    }
    char code[64];
    char position[48] = "";
    (void)snprintf(code, sizeof code, "%.*s", STR_ARGS(error->code)); /* codes are short */
    if (error->position > 0) {
        (void)snprintf(position, sizeof position, "\"position\":%lld",
                       (long long)error->position); /* fits */
    }
    http_problem(ex, api_query_status(error->code), code, error->detail, str_from(position));
}

static const struct broker_answer answer = {
    .on_head = on_head, .on_data = on_data, .on_done = on_done, .on_error = on_error};

static void ask_broker(struct http_exchange *ex, const struct wire_query *query, struct str info,
                       const char *file_name)
{
    struct asked *a = xnew(struct asked);
    struct errmsg msg = {0};
    struct wire_query light;
    if (query != NULL && wire_query_is_light(query)) {
        light = *query;
        light.credit_bytes = LIGHT_BYTES;
        query = &light;
    }
    a->ex = ex;
    a->disposition = file_name == NULL ? NULL : xasprintf("attachment; filename=\"%s\"", file_name);
    err e = broker_start(api_of(ex)->broker, query, info, &answer, a, &a->query, &msg);
    if (e != ERR_OK) {
        asked_free(a);
        api_problem(ex, e, &msg);
        return;
    }
    http_set_user(ex, a);
}

void api_ask(struct http_exchange *ex, const struct wire_query *query, struct str info)
{
    ask_broker(ex, query, info, NULL);
}

void api_ask_file(struct http_exchange *ex, const struct wire_query *query, const char *file_name)
{
    ask_broker(ex, query, STR(""), file_name);
}

static err check_members(const json_t *body, struct errmsg *msg)
{
    static const char *const known[] = {"sql",    "query", "params", "limit", "timeout_ms",
                                        "format", "int64", "tag",    "store", "first_rows"};
    const char *key = NULL;
    const json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            is_known = is_known || strcmp(key, known[i]) == 0;
        }
        if (!is_known) {
            return errmsg_set(msg, ERR_INVALID,
                              "unknown member \"%s\"; a query has sql, params, limit, timeout_ms, "
                              "format, int64, tag, store, first_rows",
                              key);
        }
    }
    return ERR_OK;
}

static err check_query(const struct wire_query *q, struct str int64, struct errmsg *msg)
{
    if (q->sql.len > WIRE_SQL_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the statement is over 1 MiB");
    }
    if (q->tag.len > TAG_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "\"tag\" has at most %d bytes", TAG_BYTES_MAX);
    }
    if (q->params != NULL && !json_is_array(q->params) && !json_is_object(q->params)) {
        return errmsg_set(msg, ERR_INVALID, "\"params\" must be a list, or an object by name");
    }
    if (q->limit < 0 || q->timeout_ms < 0) {
        return errmsg_set(msg, ERR_INVALID, "\"limit\" and \"timeout_ms\" must not be negative");
    }
    if (q->limit_shown < 0 || q->limit_shown > API_WINDOW_ROWS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "\"first_rows\" is between 0 and %d",
                          API_WINDOW_ROWS_MAX);
    }
    if (!str_is(int64, "number") && !str_is(int64, "string")) {
        return errmsg_set(msg, ERR_INVALID, "\"int64\" must be \"number\" or \"string\"");
    }
    if (!str_is(q->format, "json") && !str_is(q->format, "ndjson") && !str_is(q->format, "csv") &&
        !str_is(q->format, "parquet")) {
        return errmsg_set(msg, ERR_INVALID, "\"format\" must be json, ndjson, csv or parquet");
    }
    if (str_is(q->purpose, "store") && !str_is(q->format, "json")) {
        return errmsg_set(msg, ERR_INVALID,
                          "with \"store\" the first rows come as JSON; GET "
                          "/api/v1/results/{id}/export has the other formats");
    }
    return ERR_OK;
}

err api_read_query(const json_t *body, struct wire_query *q, struct errmsg *msg)
{
    struct str int64 = STR("number");
    bool is_stored = false;
    if (body == NULL) {
        return errmsg_set(msg, ERR_INVALID, "send {\"sql\": \"SELECT ...\"}");
    }
    TRY(check_members(body, msg));
    bool is_short = json_object_get(body, "sql") == NULL && json_object_get(body, "query") != NULL;
    err e = json_get_str(body, is_short ? "query" : "sql", &q->sql, msg);
    if (e == ERR_NOT_FOUND) {
        return errmsg_set(msg, ERR_INVALID, "\"sql\" is missing: send {\"sql\": \"SELECT ...\"}");
    }
    TRY(e);
    TRY(json_opt_str(body, "format", &q->format, msg));
    TRY(json_opt_i64(body, "limit", &q->limit, msg));
    int64_t timeout_ms = 0;
    TRY(json_opt_i64(body, "timeout_ms", &timeout_ms, msg));
    q->timeout_ms = timeout_ms == 0 ? q->timeout_ms : MIN(timeout_ms, timeout_ms_max);
    TRY(json_opt_str(body, "int64", &int64, msg));
    TRY(json_opt_str(body, "tag", &q->tag, msg));
    TRY(json_opt_bool(body, "store", &is_stored, msg));
    TRY(json_opt_i64(body, "first_rows", &q->limit_shown, msg));
    q->params = json_object_get(body, "params");
    q->int64_as_string = str_is(int64, "string");
    q->purpose = is_stored ? STR("store") : q->purpose;
    return check_query(q, int64, msg);
}

void api_query_problem(struct http_exchange *ex, err e, const struct errmsg *msg)
{
    bool is_large = e == ERR_TOO_LARGE;
    http_problem(ex, is_large ? 413 : 400, is_large ? "sql_too_large" : "invalid",
                 str_from(msg->text), STR(""));
}

struct wire_query api_query_defaults(const struct api *api)
{
    return (struct wire_query){.format = STR("json"),
                               .timeout_ms = api->settings.query_timeout_ms,
                               .credit_bytes = BROKER_WINDOW_BYTES,
                               .limit_shown = API_WINDOW_ROWS};
}

static void ask(struct http_exchange *ex, json_t *body)
{
    struct errmsg msg = {0};
    struct wire_query q = api_query_defaults(api_of(ex));
    err e = api_read_query(body, &q, &msg);
    if (e != ERR_OK) {
        api_query_problem(ex, e, &msg);
    } else {
        api_ask(ex, &q, STR(""));
    }
}

static void on_query(struct http_exchange *ex)
{
    api_collect(ex, ask);
}

void api_ask_abort(struct http_exchange *ex)
{
    struct asked *a = http_user(ex);
    if (api_is_collecting(ex)) {
        api_collect_abort(ex);
    } else if (a != NULL) {
        broker_abandon(a->query);
        asked_free(a);
    }
}

void api_ask_writable(struct http_exchange *ex)
{
    struct asked *a = http_user(ex);
    if (a != NULL && !api_is_collecting(ex)) {
        credit(a);
    }
}

const struct http_handler api_query_post = {.on_request = on_query,
                                            .on_body = api_collect_body,
                                            .on_body_end = api_collect_end,
                                            .on_abort = api_ask_abort,
                                            .on_writable = api_ask_writable};

static void on_list(struct http_exchange *ex)
{
    AUTO_BUF body = buf_make(16 << 20);
    buf_puts(&body, "{\"queries\":");
    broker_list(api_of(ex)->broker, &body);
    buf_puts(&body, "}");
    http_respond_json(ex, 200, buf_str(&body));
}
const struct http_handler api_queries_list = {.on_request = on_list};

static void on_delete(struct http_exchange *ex)
{
    uint64_t id = 0;
    struct errmsg msg = {0};
    if (!str_to_u64(http_path_param(ex, "id"), &id)) {
        http_problem(ex, 400, "invalid", STR("a query's id is a number"), STR(""));
        return;
    }
    err e = broker_cancel(api_of(ex)->broker, id, &msg);
    if (e != ERR_OK) {
        http_problem(ex, 404, "query_not_found", str_from(msg.text), STR(""));
    } else {
        http_respond_json(ex, 202, STR("{\"cancelling\":true}"));
    }
}
const struct http_handler api_query_delete = {.on_request = on_delete};
