/* SPDX-License-Identifier: MIT */
/* api_dead.c - /api/v1/topics/{topic}/dead: the dead letters of a topic, their count by reason, and
 * the re-drives.
 *
 * Lists and counts are statements for the query process like any other; the front adds which rows
 * were re-driven. A page is found by its last row's place ({time}.{partition}.{offset}), so
 * that what arrives meanwhile does not move it. */
#include "base/base64.h"
#include "base/timefmt.h"
#include "flow/event.h"
#include "flow/redrive.h"
#include "flow/row_query.h"
#include "http/api.h"

enum {
    VALUE_BYTES_DEFAULT = 8192,
    VALUE_BYTES_MAX = 1 << 20,
    BODY_BYTES_ENOUGH = 8 << 20, /* a page ends early when its values are long */
    ROWS_LOOKED_AT_MAX = 10000,  /* of one request, where it asks for re-driven rows or others */
};

struct place {
    int64_t us;
    int64_t partition;
    int64_t offset;
};

struct dead_ask {
    uint32_t magic;           /* 0: not a body that is being collected */
    struct http_exchange *ex; /* borrowed until answered or aborted */
    struct api *api;
    char topic[TOPIC_NAME_BYTES_MAX + 1];
    struct row_query *query;
    struct buf body; /* owned */
    const char *comma;
    int64_t limit;
    int64_t count;
    int64_t looked_at;
    int64_t look_max;
    struct place last;
    bool wants_redriven; /* only rows that were, or were not: */
    bool redriven;
    bool has_more;
    json_t *reasons; /* owned: of a summary */
    int64_t total;
};

static void ask_free(struct dead_ask *a)
{
    row_query_free(a->query);
    buf_deinit(&a->body);
    json_decref(a->reasons);
    free(a);
}

static void on_ask_abort(struct http_exchange *ex)
{
    struct dead_ask *a = http_user(ex);
    if (a != NULL) {
        ask_free(a);
    }
}

static struct dead_ask *ask_new(struct http_exchange *ex, const struct topic *t)
{
    struct dead_ask *a = xnew(struct dead_ask);
    a->ex = ex;
    a->api = api_of(ex);
    memcpy(a->topic, topic_meta_of(t)->name, sizeof a->topic);
    a->body = buf_make(512 << 20);
    a->comma = "";
    return a;
}

/* Answers a problem for the end of a query and lets go. True when there was one. */
static bool ended_badly(struct dead_ask *a, const char *code, const char *detail)
{
    if (code == NULL) {
        return false;
    }
    struct http_exchange *ex = a->ex;
    http_set_user(ex, NULL);
    ask_free(a);
    http_problem(ex, api_query_status(str_from(code)), code, str_from(detail), STR(""));
    return true;
}

/* Starts the statement; answers a problem when it cannot. */
static void start(struct dead_ask *a, struct buf *sql, const json_t *params, size_t row_bytes_max,
                  const struct row_query_events *events)
{
    struct http_exchange *ex = a->ex;
    struct errmsg msg = {0};
    err e = buf_check(sql);
    if (e == ERR_OK) {
        e = row_query_start(a->api->broker, buf_str(sql), params, a->api->settings.query_timeout_ms,
                            row_bytes_max, events, &a->query, &msg);
    }
    if (e != ERR_OK) {
        ask_free(a);
        api_problem(ex, e, &msg);
        return;
    }
    http_set_user(ex, a);
}

/* ---- one row ---- */

/* Bytes as text, or as base64 where they are not UTF-8; with the member that says which. */
static void write_bytes(struct buf *out, const char *name, const char *encoding,
                        const json_t *base64, bool is_cut)
{
    AUTO_BUF bytes = buf_make(512 << 20);
    buf_printf(out, ",\"%s\":", name);
    if (!json_is_string(base64) ||
        !base64_decode(str_of(json_string_value(base64), json_string_length(base64)), &bytes)) {
        buf_printf(out, "null,\"%s\":null", encoding);
        return;
    }
    struct str text = str_of(bytes.len == 0 ? "" : bytes.data, bytes.len);
    for (size_t i = 0; is_cut && i < 3 && !str_is_utf8(text) && text.len > 0; i++) {
        text.len--; /* the cut may lie within a character */
    }
    if (str_is_utf8(text)) {
        buf_add_json_string(out, text);
        buf_printf(out, ",\"%s\":\"utf8\"", encoding);
    } else {
        buf_add_byte(out, '"');
        base64_encode(buf_str(&bytes), out);
        buf_printf(out, "\",\"%s\":\"base64\"", encoding);
    }
}

static void write_text(struct buf *out, const char *name, const json_t *row, const char *member)
{
    const json_t *value = json_object_get(row, member);
    buf_printf(out, ",\"%s\":", name);
    if (json_is_string(value)) {
        buf_add_json_string(out, str_of(json_string_value(value), json_string_length(value)));
    } else {
        buf_puts(out, "null");
    }
}

static void write_row(struct dead_ask *a, const json_t *row, const struct place *at, bool redriven)
{
    struct buf *out = &a->body;
    int64_t size = -1;
    bool is_cut = false;
    (void)json_opt_i64(row, "n", &size, NULL);      /* stays -1: no value */
    (void)json_opt_bool(row, "cut", &is_cut, NULL); /* stays false */
    char time[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(at->us, time); /* the length is not needed */
    buf_printf(out, "%s{\"partition\":%lld,\"offset\":%lld,\"timestamp\":\"%s\"", a->comma,
               (long long)at->partition, (long long)at->offset, time);
    write_text(out, "reason", row, "reason");
    write_text(out, "detail", row, "detail");
    write_bytes(out, "key", "key_encoding", json_object_get(row, "k"), false);
    write_bytes(out, "value", "encoding", json_object_get(row, "v"), is_cut);
    if (size >= 0) {
        buf_printf(out, ",\"bytes\":%lld", (long long)size);
    } else {
        buf_puts(out, ",\"bytes\":null");
    }
    buf_printf(out, ",\"truncated\":%s,\"redriven\":%s}", is_cut ? "true" : "false",
               redriven ? "true" : "false");
    a->comma = ",";
    a->count++;
}

static void answer_list(struct dead_ask *a)
{
    struct http_exchange *ex = a->ex;
    buf_puts(&a->body, "],\"next\":");
    if (a->has_more) {
        buf_printf(&a->body, "\"%lld.%lld.%lld\"}", (long long)a->last.us,
                   (long long)a->last.partition, (long long)a->last.offset);
    } else {
        buf_puts(&a->body, "null}");
    }
    http_set_user(ex, NULL);
    if (a->body.failed) {
        http_problem(ex, 500, "internal", STR("the answer does not fit"), STR(""));
    } else {
        http_respond_json(ex, 200, buf_str(&a->body));
    }
    ask_free(a);
}

static enum row_verdict on_row(void *ctx, const json_t *row)
{
    struct dead_ask *a = ctx;
    struct place at = {0};
    struct topic *t = topic_store_find(a->api->store, str_from(a->topic));
    if (json_get_i64(row, "p", &at.partition, NULL) != ERR_OK ||
        json_get_i64(row, "o", &at.offset, NULL) != ERR_OK ||
        json_get_i64(row, "us", &at.us, NULL) != ERR_OK) {
        return ROW_MORE; /* not one of ours: the statement has these columns */
    }
    if (a->count == a->limit || a->body.len >= BODY_BYTES_ENOUGH || a->looked_at == a->look_max) {
        a->has_more = true;
        a->query = NULL; /* ROW_STOP lets go of it */
        answer_list(a);
        return ROW_STOP;
    }
    bool redriven = t != NULL && redrive_has(a->api->redrive, t, (uint32_t)at.partition, at.offset);
    a->looked_at++;
    a->last = at;
    if (!a->wants_redriven || redriven == a->redriven) {
        write_row(a, row, &at, redriven);
    }
    return ROW_MORE;
}

static void on_list_end(void *ctx, const char *code, const char *detail)
{
    struct dead_ask *a = ctx;
    a->query = NULL;
    if (!ended_badly(a, code, detail)) {
        answer_list(a);
    }
}

/* ---- GET /dead ---- */

struct filters {
    struct str reason;
    struct str search;
    struct str from;
    struct str to;
    struct str order;
    struct str after;
    int64_t partition; /* -1: all */
    int64_t limit;
    int64_t value_bytes;
    bool redriven;
    bool has_redriven;
};

static err read_filters(struct http_params *params, struct filters *f, struct errmsg *msg)
{
    struct str unused;
    *f = (struct filters){.partition = -1,
                          .limit = API_PAGE_DEFAULT,
                          .value_bytes = VALUE_BYTES_DEFAULT,
                          .order = STR("newest")};
    (void)http_params_str(params, "reason", &f->reason); /* absent is no filter, as below */
    (void)http_params_str(params, "q", &f->search);
    (void)http_params_str(params, "from", &f->from);
    (void)http_params_str(params, "to", &f->to);
    (void)http_params_str(params, "order", &f->order);
    (void)http_params_str(params, "after", &f->after);
    f->has_redriven = http_params_str(params, "redriven", &unused);
    TRY(http_params_bool(params, "redriven", &f->redriven, msg));
    TRY(http_params_i64(params, "partition", 0, TOPIC_PARTITIONS_MAX, &f->partition, msg));
    TRY(http_params_i64(params, "limit", 1, API_PAGE_MAX, &f->limit, msg));
    TRY(http_params_i64(params, "value_bytes", 0, VALUE_BYTES_MAX, &f->value_bytes, msg));
    if (f->reason.len > 0 && event_code_find(f->reason) == EVENT_OK) {
        return errmsg_set(msg, ERR_INVALID, "there is no reason \"%.*s\"", STR_ARGS(f->reason));
    }
    if (!str_is(f->order, "newest") && !str_is(f->order, "offset")) {
        return errmsg_set(msg, ERR_INVALID, "order is newest or offset");
    }
    return ERR_OK;
}

/* "$n" of a new parameter. */
static void add_param(struct buf *sql, json_t *params, json_t *value)
{
    json_array_append_new(params, value);
    buf_printf(sql, "$%zu", json_array_size(params));
}

/* " AND <before>$n<behind>" */
static void add_condition(struct buf *sql, json_t *params, const char *before, json_t *value,
                          const char *behind)
{
    buf_printf(sql, " AND %s", before);
    add_param(sql, params, value);
    buf_puts(sql, behind);
}

static err add_time(struct buf *sql, json_t *params, const char *name, struct str text,
                    struct errmsg *msg)
{
    int64_t us = 0;
    if (text.len == 0) {
        return ERR_OK;
    }
    if (!time_parse_rfc3339(text, &us)) {
        return errmsg_set(msg, ERR_INVALID, "%s must be a time such as 2026-11-20T12:00:00Z", name);
    }
    char date[16];
    bool is_from = strcmp(name, "from") == 0;
    time_format_date(time_to_days(us), date);
    buf_printf(sql, " AND _date %s DATE '%s'", is_from ? ">=" : "<=", date); /* skips files */
    add_condition(sql, params,
                  is_from ? "_timestamp >= make_timestamptz(" : "_timestamp < make_timestamptz(",
                  json_integer(us), "::BIGINT)");
    return ERR_OK;
}

static err add_after(struct buf *sql, json_t *params, const struct filters *f, struct errmsg *msg)
{
    struct str rest = f->after;
    struct place p;
    struct str us;
    struct str partition;
    if (f->after.len == 0) {
        return ERR_OK;
    }
    if (!str_split(&rest, '.', &us) || !str_split(&rest, '.', &partition) ||
        !str_to_i64(us, &p.us) || !str_to_i64(partition, &p.partition) ||
        !str_to_i64(rest, &p.offset)) {
        return errmsg_set(msg, ERR_INVALID, "after is what an answer gave as next");
    }
    bool newest = str_is(f->order, "newest");
    buf_puts(sql, newest ? " AND (epoch_us(_timestamp), _partition, _offset) < ("
                         : " AND (_partition, _offset) > (");
    if (newest) {
        add_param(sql, params, json_integer(p.us));
        buf_puts(sql, "::BIGINT, ");
    }
    add_param(sql, params, json_integer(p.partition));
    buf_puts(sql, "::INTEGER, ");
    add_param(sql, params, json_integer(p.offset));
    buf_puts(sql, "::BIGINT)");
    return ERR_OK;
}

static err list_sql(const struct topic *t, const struct filters *f, int64_t rows, struct buf *sql,
                    json_t *params, struct errmsg *msg)
{
    buf_puts(sql, "SELECT _partition AS p, _offset AS o, epoch_us(_timestamp) AS us, reason, "
                  "detail, octet_length(value) AS n, _key AS k, ");
    buf_printf(sql,
               "octet_length(value) > %lld AS cut, CASE WHEN octet_length(value) > %lld THEN "
               "value[1:%lld] ELSE value END AS v FROM bronze.\"%s__dead\" WHERE true",
               (long long)f->value_bytes, (long long)f->value_bytes, (long long)f->value_bytes,
               topic_meta_of(t)->table);
    if (f->reason.len > 0) {
        add_condition(sql, params, "reason = ", json_from_str(f->reason), "");
    }
    if (f->partition >= 0) {
        add_condition(sql, params, "_partition = ", json_integer(f->partition), "::INTEGER");
    }
    if (f->search.len > 0) {
        add_condition(sql, params,
                      "contains(lower(coalesce(detail, '') || chr(10) || coalesce("
                      "TRY(decode(value)), value::VARCHAR, '')), lower(",
                      json_from_str(f->search), "::VARCHAR))");
    }
    TRY(add_time(sql, params, "from", f->from, msg));
    TRY(add_time(sql, params, "to", f->to, msg));
    TRY(add_after(sql, params, f, msg));
    buf_printf(sql, " ORDER BY %s LIMIT %lld",
               str_is(f->order, "newest") ? "us DESC, p DESC, o DESC" : "p, o", (long long)rows);
    return ERR_OK;
}

static void on_list(struct http_exchange *ex)
{
    struct topic *t = api_topic(ex);
    AUTO_PARAMS params = {0};
    AUTO_BUF sql = buf_make(64 << 10);
    AUTO_JSON values = json_array();
    struct errmsg msg = {0};
    struct filters f;
    if (t == NULL || !api_params_begin(ex, &params)) {
        return;
    }
    err e = read_filters(&params, &f, &msg);
    int64_t look_max = f.has_redriven ? ROWS_LOOKED_AT_MAX : f.limit;
    if (e == ERR_OK) {
        e = list_sql(t, &f, look_max + 1, &sql, values, &msg);
    }
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    struct dead_ask *a = ask_new(ex, t);
    a->limit = f.limit;
    a->look_max = look_max;
    a->wants_redriven = f.has_redriven;
    a->redriven = f.redriven;
    buf_puts(&a->body, "{\"dead\":[");
    const struct row_query_events events = {.on_row = on_row, .on_end = on_list_end, .ctx = a};
    start(a, &sql, values, (size_t)f.value_bytes * 2 + (4u << 20), &events);
}
const struct http_handler api_dead_list = {.on_request = on_list, .on_abort = on_ask_abort};

/* ---- GET /dead/summary ---- */

static enum row_verdict on_reason(void *ctx, const json_t *row)
{
    struct dead_ask *a = ctx;
    int64_t count = 0;
    if (json_get_i64(row, "count", &count, NULL) == ERR_OK) {
        a->total += count;
        json_array_append_new(a->reasons, json_deep_copy(row));
    }
    return ROW_MORE;
}

static void set_bound(json_t *answer, const json_t *reasons, const char *name, int sign)
{
    const char *bound = NULL;
    for (size_t i = 0; i < json_array_size(reasons); i++) {
        const char *time = json_string_value(json_object_get(json_array_get(reasons, i), name));
        int64_t us = 0;
        int64_t bound_us = 0;
        if (time != NULL && time_parse_rfc3339(str_from(time), &us) &&
            (bound == NULL || (time_parse_rfc3339(str_from(bound), &bound_us) &&
                               (sign < 0 ? us < bound_us : us > bound_us)))) {
            bound = time;
        }
    }
    json_object_set_new(answer, name, bound == NULL ? json_null() : json_string(bound));
}

static void on_summary_end(void *ctx, const char *code, const char *detail)
{
    struct dead_ask *a = ctx;
    a->query = NULL;
    if (ended_badly(a, code, detail)) {
        return;
    }
    struct http_exchange *ex = a->ex;
    struct topic *t = topic_store_find(a->api->store, str_from(a->topic));
    uint64_t redriven = 0;
    bool known = t != NULL && redrive_count(a->api->redrive, t, &redriven, NULL) == ERR_OK;
    json_t *answer = json_object();
    json_object_set_new(answer, "topic", json_string(a->topic));
    json_object_set_new(answer, "total", json_integer(a->total));
    json_object_set_new(answer, "redriven",
                        known ? json_integer((json_int_t)redriven) : json_null());
    set_bound(answer, a->reasons, "first", -1);
    set_bound(answer, a->reasons, "last", 1);
    json_object_set(answer, "reasons", a->reasons);
    http_set_user(ex, NULL);
    ask_free(a);
    api_respond_json(ex, 200, answer);
}

static void on_summary(struct http_exchange *ex)
{
    struct topic *t = api_topic(ex);
    AUTO_PARAMS params = {0};
    if (t == NULL || !api_params_begin(ex, &params) || !api_params_end(ex, &params, ERR_OK, NULL)) {
        return;
    }
    struct dead_ask *a = ask_new(ex, t);
    AUTO_BUF sql = buf_make(4096);
    a->reasons = json_array();
    buf_printf(
        &sql,
        "SELECT reason, count(*) AS count, min(_timestamp) AS first, max(_timestamp) AS last "
        "FROM bronze.\"%s__dead\" GROUP BY reason ORDER BY count DESC, reason",
        topic_meta_of(t)->table);
    const struct row_query_events events = {
        .on_row = on_reason, .on_end = on_summary_end, .ctx = a};
    start(a, &sql, NULL, 1 << 20, &events);
}
const struct http_handler api_dead_summary = {.on_request = on_summary, .on_abort = on_ask_abort};

/* ---- re-drives ---- */

static err read_request(const json_t *body, struct redrive_request *out, struct errmsg *msg)
{
    const char *key = NULL;
    const json_t *value = NULL;
    *out = (struct redrive_request){.where = STR("")};
    if (body == NULL) {
        return ERR_OK;
    }
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        if (strcmp(key, "where") != 0 && strcmp(key, "limit") != 0 && strcmp(key, "format") != 0) {
            return errmsg_set(msg, ERR_INVALID,
                              "unknown member \"%s\"; a re-drive has where, "
                              "limit, format",
                              key);
        }
    }
    TRY(json_opt_str(body, "where", &out->where, msg));
    TRY(json_opt_i64(body, "limit", &out->limit, msg));
    TRY(json_opt_str(body, "format", &out->format, msg));
    out->where = str_trim(out->where);
    return out->limit < 0 ? errmsg_set(msg, ERR_INVALID, "\"limit\" must not be negative") : ERR_OK;
}

static void redrive(struct http_exchange *ex, json_t *body)
{
    struct api *api = api_of(ex);
    struct topic *t = api_topic(ex);
    struct errmsg msg = {0};
    struct redrive_request request;
    const char *id = NULL;
    if (t == NULL) {
        return;
    }
    err e = read_request(body, &request, &msg);
    if (e == ERR_OK) {
        e = redrive_start(api->redrive, t, &request, &id, &msg);
    }
    if (e == ERR_BUSY) {
        char member[80] = "";
        if (id != NULL) {
            (void)snprintf(member, sizeof member, "\"job\":\"%s\"", id); /* fits */
        }
        http_problem(ex, 409, "redrive_running", str_from(msg.text), str_from(member));
    } else if (e == ERR_INVALID) {
        http_problem(ex, 400, "invalid", str_from(msg.text), STR(""));
    } else if (e != ERR_OK) {
        api_problem(ex, e, &msg);
    } else {
        api_respond_json(ex, 202,
                         redrive_job(api->redrive, http_path_param(ex, "topic"), str_from(id)));
    }
}

static void on_redrive(struct http_exchange *ex)
{
    api_collect(ex, redrive);
}
const struct http_handler api_redrive_start = {.on_request = on_redrive,
                                               .on_body = api_collect_body,
                                               .on_body_end = api_collect_end,
                                               .on_abort = api_collect_abort};

static void on_jobs(struct http_exchange *ex)
{
    if (api_topic(ex) == NULL) {
        return;
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "redrives",
                        redrive_jobs(api_of(ex)->redrive, http_path_param(ex, "topic")));
    api_respond_json(ex, 200, answer);
}
const struct http_handler api_redrive_list = {.on_request = on_jobs};

static void job_not_found(struct http_exchange *ex)
{
    http_problemf(ex, 404, "redrive_not_found",
                  "no re-drive %.*s of this topic is known; they are forgotten when the server "
                  "restarts, what they did is not",
                  STR_ARGS(http_path_param(ex, "id")));
}

static void on_job(struct http_exchange *ex)
{
    if (api_topic(ex) == NULL) {
        return;
    }
    json_t *job =
        redrive_job(api_of(ex)->redrive, http_path_param(ex, "topic"), http_path_param(ex, "id"));
    if (job == NULL) {
        job_not_found(ex);
    } else {
        api_respond_json(ex, 200, job);
    }
}
const struct http_handler api_redrive_get = {.on_request = on_job};

static void on_job_delete(struct http_exchange *ex)
{
    struct errmsg msg = {0};
    struct str topic = http_path_param(ex, "topic");
    struct str id = http_path_param(ex, "id");
    if (api_topic(ex) == NULL) {
        return;
    }
    if (redrive_cancel(api_of(ex)->redrive, topic, id, &msg) != ERR_OK) {
        job_not_found(ex);
    } else {
        api_respond_json(ex, 202, redrive_job(api_of(ex)->redrive, topic, id));
    }
}
const struct http_handler api_redrive_delete = {.on_request = on_job_delete};
