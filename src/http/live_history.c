/* SPDX-License-Identifier: MIT */
/* live_history.c - see live_history.h. */
#include "http/live_history.h"

#include <math.h>

#include "base/json.h"
#include "base/log.h"
#include "base/timefmt.h"

enum { HOUR = 60, DAY = 24 * HOUR, STEP = 2, PRUNE_MAX = 48 }; /* a step: some 50 KB of JSON each */
static const char minutes_kind[] = "live_minutes";
static const char hours_kind[] = "live_hours";

static const char *const names[HISTORY_METRIC_COUNT] = {
    [HISTORY_EVENTS] = "events",
    [HISTORY_BYTES] = "bytes",
    [HISTORY_LANDED] = "landed",
    [HISTORY_ERRORS] = "errors",
    [HISTORY_REJECTED] = "rejected",
    [HISTORY_DEAD] = "dead",
    [HISTORY_QUERIES] = "queries",
    [HISTORY_ACK_P99_MS] = "ack_p99_ms",
    [HISTORY_QUERY_P95_MS] = "query_p95_ms",
    [HISTORY_LAG_EVENTS] = "lag_events",
};

struct history {
    struct meta *meta; /* borrowed */
    int64_t hour;      /* minute at which the present document begins; -1: none */
    json_t *doc;       /* owned */
    bool has_failed;   /* the last put did: told once */
};

bool history_metric_of(struct str name, enum history_metric *out_metric)
{
    for (size_t i = 0; i < HISTORY_METRIC_COUNT; i++) {
        if (str_is(name, names[i])) {
            *out_metric = (enum history_metric)i;
            return true;
        }
    }
    return false;
}

/* ---- documents ---- */

static json_t *doc_new(void)
{
    return json_pack("{s:[], s:{}}", "rows", "topics");
}

/* "2026-11-21T19" or "2026-11-21": byte order is order in time. */
static void id_of(int64_t minute, bool is_hour, char out[16])
{
    char text[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(minute * 60 * 1000000, text); /* the length is known */
    memcpy(out, text, is_hour ? 13 : 10);
    out[is_hour ? 13 : 10] = '\0';
}

static json_t *doc_parse(const char *text)
{
    json_t *json = NULL;
    if (json_parse(str_from(text), &json, NULL) == ERR_OK &&
        json_is_array(json_object_get(json, "rows")) &&
        json_is_object(json_object_get(json, "topics"))) {
        return json;
    }
    json_decref(json);
    return doc_new(); /* not ours, or of a later kind: as if it were not there */
}

static json_t *doc_load(struct history *h, const char *kind, const char *id)
{
    AUTO_META_DOC doc = {0};
    return meta_get(h->meta, kind, str_from(id), &doc, NULL) == ERR_OK ? doc_parse(doc.json)
                                                                       : doc_new();
}

static void doc_put(struct history *h, const char *kind, const char *id, const json_t *json)
{
    AUTO_BUF text = buf_make(META_JSON_BYTES_MAX);
    struct errmsg msg = {0};
    err e = json_write(json, &text);
    if (e == ERR_OK) {
        e = meta_put(h->meta, kind, str_from(id), META_ANY, buf_str(&text), NULL, &msg);
    }
    if (e != ERR_OK && !h->has_failed) {
        log_warn("minutes of the history are not kept", "error=\"%s\"", msg.text);
    }
    h->has_failed = e != ERR_OK;
}

static json_t *number(double value)
{
    if (!isfinite(value)) {
        return json_null();
    }
    return value == floor(value) && fabs(value) < 9e15 ? json_integer((json_int_t)value)
                                                       : json_real(round(value * 1000) / 1000);
}

/* One value more of the same metric. */
static double join(size_t metric, double sum, double value)
{
    if (isnan(value) || isnan(sum)) {
        return isnan(sum) ? value : sum;
    }
    return metric >= HISTORY_ACK_P99_MS ? MAX(sum, value) : sum + value;
}

static double value_at(const json_t *row, size_t i)
{
    const json_t *value = json_array_get(row, i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* All rows of a document as the one of its hour. */
static json_t *rolled_row(const json_t *doc, int64_t hour)
{
    double sums[HISTORY_METRIC_COUNT];
    const json_t *rows = json_object_get(doc, "rows");
    json_t *row = json_array();
    json_array_append_new(row, json_integer(hour));
    for (size_t k = 0; k < HISTORY_METRIC_COUNT; k++) {
        sums[k] = NAN;
        for (size_t i = 0; i < json_array_size(rows); i++) {
            sums[k] = join(k, sums[k], value_at(json_array_get(rows, i), k + 1));
        }
        json_array_append_new(row, number(sums[k]));
    }
    return row;
}

static void add_topic(json_t *doc, const char *name, int64_t minute, int64_t events)
{
    json_t *topics = json_object_get(doc, "topics");
    json_t *list = json_object_get(topics, name);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(topics, name, list);
    }
    json_array_append_new(list, json_pack("[I,I]", (json_int_t)minute, (json_int_t)events));
}

static void roll_topics(const json_t *doc, int64_t hour, json_t *out)
{
    const char *name = NULL;
    json_t *list = NULL;
    json_object_foreach(json_object_get(doc, "topics"), name, list)
    {
        int64_t sum = 0;
        for (size_t i = 0; i < json_array_size(list); i++) {
            sum += json_integer_value(json_array_get(json_array_get(list, i), 1));
        }
        add_topic(out, name, hour, sum);
    }
}

/* An hour has ended: its row joins the day's, and what is too old goes, a few at a time. */
static void prune(struct history *h, const char *kind, const char *before)
{
    AUTO_META_PAGE page = {0};
    if (meta_list(h->meta, kind, STR(""), STR(""), PRUNE_MAX, &page, NULL) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < page.count && strcmp(page.docs[i].id, before) < 0; i++) {
        (void)meta_delete(h->meta, kind, str_from(page.docs[i].id), META_ANY,
                          NULL); /* the next hour tries again */
    }
}

static bool has_row(const json_t *doc, int64_t minute)
{
    const json_t *rows = json_object_get(doc, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (json_integer_value(json_array_get(json_array_get(rows, i), 0)) == minute) {
            return true;
        }
    }
    return false;
}

static void end_hour(struct history *h)
{
    char day[16];
    char before[16];
    id_of(h->hour, false, day);
    AUTO_JSON doc = doc_load(h, hours_kind, day);
    if (json_array_size(json_object_get(h->doc, "rows")) > 0 && !has_row(doc, h->hour)) {
        json_array_append_new(json_object_get(doc, "rows"), rolled_row(h->doc, h->hour));
        roll_topics(h->doc, h->hour, doc);
        doc_put(h, hours_kind, day, doc);
    }
    id_of(h->hour - HISTORY_DAYS * DAY, true, before);
    prune(h, minutes_kind, before);
    before[10] = '\0';
    prune(h, hours_kind, before);
}

static void drop_rows(json_t *list, int64_t minute)
{
    for (size_t i = json_array_size(list); i > 0; i--) {
        if (json_integer_value(json_array_get(json_array_get(list, i - 1), 0)) == minute) {
            (void)json_array_remove(list, i - 1); /* it is there */
        }
    }
}

/* An hour that was taken for ended begins again, as after a clock that was set back: its row leaves
 * the day's, and joins it again whole. */
static void reopen_hour(struct history *h)
{
    char day[16];
    const char *name = NULL;
    json_t *list = NULL;
    id_of(h->hour, false, day);
    AUTO_JSON doc = doc_load(h, hours_kind, day);
    if (!has_row(doc, h->hour)) {
        return;
    }
    drop_rows(json_object_get(doc, "rows"), h->hour);
    json_object_foreach(json_object_get(doc, "topics"), name, list)
    {
        drop_rows(list, h->hour);
    }
    doc_put(h, hours_kind, day, doc);
}

/* ---- adding ---- */

static void begin_hour(struct history *h, int64_t hour)
{
    char id[16];
    json_decref(h->doc);
    id_of(hour, true, id);
    h->doc = doc_load(h, minutes_kind, id);
    h->hour = hour;
}

struct history *history_new(struct meta *meta, int64_t now_ms)
{
    struct history *h = xnew(struct history);
    int64_t hour = now_ms / 60000 / HOUR * HOUR;
    h->meta = meta;
    /* The server may have stopped before the last hour ended: at most a few are looked at. */
    for (int64_t back = 1; back <= 3; back++) {
        begin_hour(h, hour - back * HOUR);
        if (json_array_size(json_object_get(h->doc, "rows")) > 0) {
            end_hour(h);
        }
    }
    begin_hour(h, hour);
    reopen_hour(h);
    return h;
}

void history_free(struct history *h)
{
    if (h != NULL) {
        json_decref(h->doc);
        free(h);
    }
}

void history_add(struct history *h, int64_t minute, const double values[HISTORY_METRIC_COUNT],
                 const struct history_topic *topics, size_t topic_count)
{
    char id[16];
    int64_t hour = minute / HOUR * HOUR;
    if (hour != h->hour) {
        end_hour(h);
        begin_hour(h, hour);
        reopen_hour(h);
    }
    if (has_row(h->doc, minute)) {
        return; /* the clock was set back: what was told stays */
    }
    json_t *row = json_array();
    json_array_append_new(row, json_integer(minute));
    for (size_t i = 0; i < HISTORY_METRIC_COUNT; i++) {
        json_array_append_new(row, number(values[i]));
    }
    json_array_append_new(json_object_get(h->doc, "rows"), row);
    for (size_t i = 0; i < MIN(topic_count, (size_t)HISTORY_TOPICS_MAX); i++) {
        AUTO_TEXT name = xstrndup(topics[i].name.ptr, topics[i].name.len);
        add_topic(h->doc, name, minute, topics[i].events);
    }
    id_of(hour, true, id);
    doc_put(h, minutes_kind, id, h->doc);
}

/* ---- reading ---- */

static void take(const struct history_query *q, int64_t minute, double value, double *out)
{
    if (minute >= q->from_minute && minute < q->to_minute && !isnan(value)) {
        double *at = &out[(minute - q->from_minute) / q->bucket_minutes];
        *at = join(q->metric, *at, value);
    }
}

/* The rows of one document. Where a topic has none in a row that is there, it had no events. */
static void take_doc(const struct history_query *q, const json_t *doc, double *out)
{
    const json_t *rows = json_object_get(doc, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int64_t minute = json_integer_value(json_array_get(row, 0));
        take(q, minute, q->topic.len > 0 ? 0 : value_at(row, (size_t)q->metric + 1), out);
    }
    if (q->topic.len == 0) {
        return;
    }
    AUTO_TEXT name = xstrndup(q->topic.ptr, q->topic.len);
    const json_t *list = json_object_get(json_object_get(doc, "topics"), name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        take(q, json_integer_value(json_array_get(pair, 0)), value_at(pair, 1), out);
    }
}

struct history_scan {
    struct history *history; /* borrowed */
    struct history_query query;
    char *topic; /* owned; of the query */
    const char *kind;
    char after[16]; /* the document that was read last, or the one before the first */
    char last[16];
    size_t count;
    double values[]; /* `count` of them */
};

struct history_scan *history_scan_new(struct history *h, const struct history_query *query)
{
    size_t count = (size_t)((query->to_minute - query->from_minute) / query->bucket_minutes);
    ASSERT(count <= HISTORY_POINTS_MAX);
    struct history_scan *s = xcalloc(1, sizeof *s + count * sizeof s->values[0]);
    bool is_fine = query->bucket_minutes < HOUR;
    s->history = h;
    s->query = *query;
    s->topic = xstrndup(query->topic.ptr, query->topic.len);
    s->query.topic = str_from(s->topic);
    s->kind = is_fine ? minutes_kind : hours_kind;
    /* The document before the first one, in byte order of ids. */
    id_of(query->from_minute - (is_fine ? HOUR : DAY), is_fine, s->after);
    id_of(query->to_minute, is_fine, s->last);
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        s->values[i] = NAN;
    }
    return s;
}

void history_scan_free(struct history_scan *s)
{
    if (s != NULL) {
        free(s->topic);
        free(s);
    }
}

/* The hour that has not ended is in no day yet. */
static void take_present(struct history_scan *s)
{
    struct history *h = s->history;
    if (s->kind != hours_kind || json_array_size(json_object_get(h->doc, "rows")) == 0) {
        return;
    }
    AUTO_JSON present = doc_new();
    json_array_append_new(json_object_get(present, "rows"), rolled_row(h->doc, h->hour));
    roll_topics(h->doc, h->hour, present);
    take_doc(&s->query, present, s->values);
}

err history_scan_step(struct history_scan *s, bool *out_done, struct errmsg *msg)
{
    AUTO_META_PAGE page = {0};
    TRY(meta_list(s->history->meta, s->kind, STR(""), str_from(s->after), STEP, &page, msg));
    bool is_past = false;
    for (size_t i = 0; i < page.count && !is_past; i++) {
        is_past = strcmp(page.docs[i].id, s->last) > 0;
        if (!is_past) {
            AUTO_JSON doc = doc_parse(page.docs[i].json);
            take_doc(&s->query, doc, s->values);
            (void)snprintf(s->after, sizeof s->after, "%.15s", page.docs[i].id); /* ours fits */
        }
    }
    *out_done = is_past || !page.more || page.count == 0;
    if (*out_done) {
        take_present(s);
    }
    return ERR_OK;
}

const double *history_scan_values(const struct history_scan *s, size_t *out_count)
{
    *out_count = s->count;
    return s->values;
}
