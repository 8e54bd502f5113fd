/* SPDX-License-Identifier: MIT */
/* live_minute.c - seconds into minutes for the history, and GET /api/v1/analytics/historical.
 *
 * What this server did comes from its history; what kinds of events there were is in the tables
 * themselves, hot rows included, and the query process is asked. */
#include <math.h>

#include "base/timefmt.h"
#include "flow/row_query.h"
#include "http/live_int.h"
#include "os/clock.h"

enum {
    DAY_MINUTES = 24 * 60,
    FINE_DAYS_MAX = 7, /* of buckets of a minute */
    SERIES_MAX = 20,
    ROW_BYTES_MAX = 64 << 10,
    ANSWER_BYTES_MAX = 8 << 20,
    READINGS_MAX = 64, /* at the same time: each holds its values */
};

/* ---- minutes ---- */

static double quantile_ms(const struct metric *m, uint64_t last[METRIC_BUCKETS], double q)
{
    uint64_t now[METRIC_BUCKETS];
    uint64_t between[METRIC_BUCKETS];
    metric_buckets(m, now);
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        between[i] = now[i] - last[i];
        last[i] = now[i];
    }
    double us = metric_buckets_quantile_us(between, q);
    return us < 0 ? NAN : us / 1000;
}

static int by_events(const void *a, const void *b)
{
    const struct history_topic *left = a;
    const struct history_topic *right = b;
    return left->events > right->events ? -1 : left->events < right->events;
}

/* The busiest topics of the minute; what they counted begins anew. */
static size_t take_topics(struct api *api, struct history_topic **out_topics)
{
    size_t total = topic_store_count(api->store);
    struct history_topic *topics = xnew_array(struct history_topic, MAX(total, (size_t)1));
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        struct topic *t = topic_store_at(api->store, i);
        struct api_topic_metrics *kept = *topic_slot(t);
        if (kept != NULL && kept->live.minute_events > 0) {
            topics[count++] =
                (struct history_topic){str_from(topic_meta_of(t)->name), kept->live.minute_events};
            kept->live.minute_events = 0;
        }
    }
    qsort(topics, count, sizeof topics[0], by_events);
    *out_topics = topics;
    return MIN(count, (size_t)HISTORY_TOPICS_MAX);
}

static void end_minute(struct live *l)
{
    struct minute *m = &l->minute;
    struct history_topic *topics = NULL;
    m->values[HISTORY_ACK_P99_MS] = quantile_ms(l->collector.ack, m->ack_counts, 0.99);
    m->values[HISTORY_QUERY_P95_MS] = quantile_ms(l->collector.query, m->query_counts, 0.95);
    size_t count = take_topics(l->api, &topics);
    history_add(l->history, m->minute, m->values, topics, count);
    free(topics);
    memset(m->values, 0, sizeof m->values);
}

void live_minute_add(struct live *l, int64_t t_ms, const double values[LIVE_SERIES_COUNT])
{
    static const enum live_series sums[] = {
        [HISTORY_EVENTS] = LIVE_EVENTS_IN,     [HISTORY_BYTES] = LIVE_BYTES_IN,
        [HISTORY_LANDED] = LIVE_EVENTS_LANDED, [HISTORY_ERRORS] = LIVE_ERRORS,
        [HISTORY_REJECTED] = LIVE_REJECTED,    [HISTORY_DEAD] = LIVE_DEAD,
        [HISTORY_QUERIES] = LIVE_QUERIES,
    };
    struct minute *m = &l->minute;
    int64_t minute = (t_ms - LIVE_STEP_MS) / 60000; /* a point tells of the second before it */
    if (m->minute != 0 && minute != m->minute) {
        end_minute(l);
    }
    m->minute = minute;
    for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
        m->values[i] += values[sums[i]];
    }
    m->values[HISTORY_LAG_EVENTS] = MAX(m->values[HISTORY_LAG_EVENTS], values[LIVE_LAG_EVENTS]);
}

/* ---- GET /api/v1/analytics/historical ---- */

struct asked {
    struct str metric;
    struct str topic;
    struct str field;
    int64_t from; /* minutes since 1970 */
    int64_t to;
    int64_t bucket;
};

static err read_bucket(struct http_params *params, int64_t days, int64_t *out_minutes,
                       struct errmsg *msg)
{
    static const struct {
        const char *name;
        int64_t minutes;
    } rows[] = {{"1m", 1}, {"5m", 5}, {"15m", 15}, {"1h", 60}, {"1d", DAY_MINUTES}};
    struct str text = STR("auto");
    (void)http_params_str(params, "bucket", &text); /* absent: auto */
    if (str_is(text, "auto")) {
        *out_minutes = days <= 1 ? 1 : days <= 2 ? 5 : 60;
        return ERR_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_is(text, rows[i].name)) {
            *out_minutes = rows[i].minutes;
            return rows[i].minutes < 60 && days > FINE_DAYS_MAX
                       ? errmsg_set(msg, ERR_INVALID,
                                    "bucket: buckets below an hour go back %d days at most",
                                    FINE_DAYS_MAX)
                       : ERR_OK;
        }
    }
    return errmsg_set(msg, ERR_INVALID, "bucket is auto, 1m, 5m, 15m, 1h or 1d");
}

static err read_asked(struct http_params *params, struct asked *out, struct errmsg *msg)
{
    int64_t days = 7;
    *out = (struct asked){.metric = STR("events")};
    (void)http_params_str(params, "metric", &out->metric); /* absent: events */
    (void)http_params_str(params, "topic", &out->topic);   /* absent: all */
    (void)http_params_str(params, "field", &out->field);   /* absent: what stands for the type */
    TRY(http_params_i64(params, "days", 1, HISTORY_DAYS, &days, msg));
    TRY(read_bucket(params, days, &out->bucket, msg));
    int64_t now = os_now_ms() / 60000;
    out->to = (now / out->bucket + 1) * out->bucket;
    out->from = (now - days * DAY_MINUTES) / out->bucket * out->bucket;
    return ERR_OK;
}

static void put_head(struct buf *out, const struct asked *a, const char *source)
{
    char from[TIME_TEXT_BYTES];
    char to[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(a->from * 60000000, from); /* the length is not needed */
    (void)time_format_rfc3339(a->to * 60000000, to);     /* likewise */
    buf_puts(out, "{\"metric\":");
    buf_add_json_string(out, a->metric);
    buf_printf(out,
               ",\"from\":\"%s\",\"to\":\"%s\",\"bucket_seconds\":%lld,\"source\":\"%s\","
               "\"t\":[",
               from, to, (long long)a->bucket * 60, source);
    for (int64_t minute = a->from; minute < a->to; minute += a->bucket) {
        buf_printf(out, "%s%lld", minute == a->from ? "" : ",", (long long)minute * 60000);
    }
    buf_puts(out, "]");
}

/* What an exchange here has as its user. */
enum asked_kind { ASKED_HISTORY, ASKED_BY_TYPE };

struct reading {
    enum asked_kind kind; /* first, as in struct by_type */
    struct reading *next;
    struct http_exchange *ex;
    struct asked a;
    char *metric;              /* owned */
    struct history_scan *scan; /* owned */
};

static void reading_free(struct live *l, struct reading *x)
{
    struct reading **at = &l->readings;
    while (*at != x) {
        at = &(*at)->next;
    }
    *at = x->next;
    l->reading_count--;
    history_scan_free(x->scan);
    free(x->metric);
    free(x);
}

static void answer_reading(struct live *l, struct reading *x)
{
    struct http_exchange *ex = x->ex;
    size_t count = 0;
    const double *values = history_scan_values(x->scan, &count);
    AUTO_BUF body = buf_make(ANSWER_BYTES_MAX);
    put_head(&body, &x->a, "history");
    buf_puts(&body, ",\"values\":[");
    for (size_t i = 0; i < count; i++) {
        buf_puts(&body, i == 0 ? "" : ",");
        if (isnan(values[i])) {
            buf_puts(&body, "null");
        } else {
            buf_printf(&body, "%.15g", values[i]);
        }
    }
    buf_puts(&body, "]}\n");
    http_set_user(ex, NULL);
    reading_free(l, x);
    http_respond_json(ex, 200, buf_str(&body));
}

/* A week of minutes is 8 MiB of documents: one step of one answer in each turn of the loop. */
void live_reading_run(struct reactor_task *task)
{
    struct live *l = (struct live *)((char *)task - offsetof(struct live, reading_task));
    struct reading *x = l->readings;
    struct errmsg msg = {0};
    bool is_done = false;
    if (x == NULL) {
        return; /* its client has gone */
    }
    err e = history_scan_step(x->scan, &is_done, &msg);
    if (e != ERR_OK) {
        struct http_exchange *ex = x->ex;
        http_set_user(ex, NULL);
        reading_free(l, x);
        api_meta_problem(ex, e, &msg);
    } else if (is_done) {
        answer_reading(l, x);
    } else if (x->next != NULL) { /* the others' turn */
        struct reading **tail = &l->readings;
        l->readings = x->next;
        while (*tail != NULL) {
            tail = &(*tail)->next;
        }
        *tail = x;
        x->next = NULL;
    }
    if (l->readings != NULL) {
        reactor_post(l->api->reactor, task);
    }
}

static void ask_history(struct http_exchange *ex, const struct asked *a, enum history_metric metric)
{
    struct live *l = api_of(ex)->live;
    struct errmsg msg = {0};
    const struct history_query q = {.metric = metric,
                                    .topic = a->topic,
                                    .from_minute = a->from,
                                    .to_minute = a->to,
                                    .bucket_minutes = a->bucket};
    if (l->reading_count == READINGS_MAX) {
        (void)errmsg_set(&msg, ERR_LIMIT, "%d requests read the history already; try again later",
                         READINGS_MAX);
        api_problem(ex, ERR_LIMIT, &msg);
        return;
    }
    struct reading *x = xnew(struct reading);
    x->kind = ASKED_HISTORY;
    x->ex = ex;
    x->a = *a;
    x->metric = xstrndup(a->metric.ptr, a->metric.len);
    x->a.metric = str_from(x->metric);
    x->scan = history_scan_new(l->history, &q);
    x->next = l->readings;
    l->readings = x;
    l->reading_count++;
    http_set_user(ex, x);
    if (!atomic_load(&l->reading_task.is_posted)) {
        reactor_post(api_of(ex)->reactor, &l->reading_task);
    }
}

/* ---- events by type: from the table ---- */

struct by_type {
    enum asked_kind kind; /* first, as in struct reading */
    struct http_exchange *ex;
    struct row_query *query;
    struct asked a;
    char *metric;   /* owned */
    json_t *series; /* owned: name to a list of counts */
};

static void by_type_free(struct by_type *x)
{
    json_decref(x->series);
    free(x->metric);
    free(x);
}

static enum row_verdict on_row(void *ctx, const json_t *row)
{
    struct by_type *x = ctx;
    int64_t minute = json_integer_value(json_object_get(row, "t")) / 60000;
    const char *name = json_string_value(json_object_get(row, "k"));
    size_t count = (size_t)((x->a.to - x->a.from) / x->a.bucket);
    if (name == NULL || minute < x->a.from || minute >= x->a.to) {
        return ROW_MORE;
    }
    json_t *list = json_object_get(x->series, name);
    if (list == NULL) {
        list = json_array();
        for (size_t i = 0; i < count; i++) {
            json_array_append_new(list, json_integer(0));
        }
        json_object_set_new(x->series, name, list);
    }
    json_array_set_new(list, (size_t)((minute - x->a.from) / x->a.bucket),
                       json_integer(json_integer_value(json_object_get(row, "n"))));
    return ROW_MORE;
}

static void on_end(void *ctx, const char *code, const char *detail)
{
    struct by_type *x = ctx;
    struct http_exchange *ex = x->ex;
    AUTO_BUF body = buf_make(ANSWER_BYTES_MAX);
    http_set_user(ex, NULL);
    if (code != NULL) {
        http_problem(ex, api_query_status(str_from(code)), code, str_from(detail), STR(""));
        by_type_free(x);
        return;
    }
    put_head(&body, &x->a, "tables");
    buf_puts(&body, ",\"series\":");
    (void)json_write(x->series, &body); /* what does not fit shows in body.failed */
    buf_puts(&body, "}\n");
    by_type_free(x);
    if (body.failed) {
        http_problem(ex, 500, "internal", STR("the answer does not fit"), STR(""));
        return;
    }
    http_respond_json(ex, 200, buf_str(&body));
}

static void put_identifier(struct buf *out, struct str name)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        buf_add_byte(out, name.ptr[i]);
        if (name.ptr[i] == '"') {
            buf_add_byte(out, '"');
        }
    }
    buf_add_byte(out, '"');
}

/* The column to count by: what was asked for, else the first that stands for the type and that the
 * table has, as far as the writer has said. */
static struct str type_column(struct api *api, const struct asked *a)
{
    static const char *const candidates[] = {"type", "event", "event_type", "kind", "action"};
    const struct wire_progress *p = writer_link_progress(api->writer, a->topic);
    if (a->field.len > 0) {
        return a->field;
    }
    for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
        for (size_t k = 0; p != NULL && k < p->column_count; k++) {
            if (str_is(p->columns[k].name, candidates[i])) {
                return p->columns[k].name;
            }
        }
    }
    return STR("type");
}

static void write_sql(struct api *api, const struct asked *a, const char *table, struct buf *out)
{
    buf_puts(out, "WITH e AS (SELECT time_bucket(INTERVAL '");
    buf_add_i64(out, a->bucket);
    buf_puts(out, " minutes', _time) AS b, coalesce(CAST(");
    put_identifier(out, type_column(api, a));
    buf_puts(out, " AS VARCHAR), '(none)') AS k FROM bronze.");
    put_identifier(out, str_from(table));
    buf_printf(out, " WHERE _time >= to_timestamp(%lld) AND _time < to_timestamp(%lld)), ",
               (long long)a->from * 60, (long long)a->to * 60);
    buf_printf(
        out,
        "top AS (SELECT k FROM e GROUP BY k ORDER BY count(*) DESC, k LIMIT %d) "
        "SELECT epoch_ms(b) AS t, CASE WHEN k IN (SELECT k FROM top) THEN k ELSE 'other' END "
        "AS k, count(*) AS n FROM e GROUP BY ALL ORDER BY t",
        SERIES_MAX);
}

static void ask_by_type(struct http_exchange *ex, const struct asked *a)
{
    struct api *api = api_of(ex);
    const struct topic *t = topic_store_find(api->store, a->topic);
    if (t == NULL) {
        http_problem(ex, a->topic.len == 0 ? 400 : 404,
                     a->topic.len == 0 ? "bad_query" : "topic_not_found",
                     STR("events_by_type counts the events of one topic: give topic"), STR(""));
        return;
    }
    AUTO_BUF sql = buf_make(16 << 10);
    struct errmsg msg = {0};
    write_sql(api, a, topic_meta_of(t)->table, &sql);
    struct by_type *x = xnew(struct by_type);
    x->kind = ASKED_BY_TYPE;
    x->ex = ex;
    x->a = *a;
    x->metric = xstrndup(a->metric.ptr, a->metric.len);
    x->a.metric = str_from(x->metric);
    x->series = json_object();
    const struct row_query_events events = {.on_row = on_row, .on_end = on_end, .ctx = x};
    err e = sql.failed
                ? errmsg_set(&msg, ERR_INVALID, "field: the name is too long")
                : row_query_start(api->broker, buf_str(&sql), NULL, api->settings.query_timeout_ms,
                                  ROW_BYTES_MAX, &events, &x->query, &msg);
    if (e != ERR_OK) {
        by_type_free(x);
        api_problem(ex, e, &msg);
        return;
    }
    http_set_user(ex, x);
}

static void on_historical(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    struct asked a;
    enum history_metric metric = HISTORY_EVENTS;
    if (!api_params_begin(ex, &params)) {
        return;
    }
    err e = read_asked(&params, &a, &msg);
    bool is_by_type = e == ERR_OK && str_is(a.metric, "events_by_type");
    if (e == ERR_OK && !is_by_type && !history_metric_of(a.metric, &metric)) {
        e = errmsg_set(&msg, ERR_INVALID,
                       "metric is events, bytes, landed, errors, rejected, dead, queries, "
                       "ack_p99_ms, query_p95_ms, lag_events or events_by_type");
    }
    if (e == ERR_OK && !is_by_type && a.topic.len > 0 && metric != HISTORY_EVENTS) {
        e = errmsg_set(&msg, ERR_INVALID, "topic goes with events and events_by_type");
    }
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    if (is_by_type) {
        ask_by_type(ex, &a);
    } else {
        ask_history(ex, &a, metric);
    }
}

static void on_abort(struct http_exchange *ex)
{
    const enum asked_kind *kind = http_user(ex);
    if (kind != NULL && *kind == ASKED_HISTORY) {
        reading_free(api_of(ex)->live, http_user(ex));
    } else if (kind != NULL) {
        struct by_type *x = http_user(ex);
        row_query_free(x->query);
        by_type_free(x);
    }
}
const struct http_handler api_live_historical = {.on_request = on_historical, .on_abort = on_abort};
