/* SPDX-License-Identifier: MIT */
/* api_events.c - POST /api/v1/topics/{topic}/events: events in, answered when they are on disk.
 *
 *   head -> [idempotent: wait until the journal entry is durable] -> body ... end -> wait -> answer
 * The body is streamed: it is held back (TCP) while too much is written and not yet synced. */
#include "base/seeded.h"
#include "flow/ingest.h"
#include "flow/json_index.h"
#include "http/api.h"
#include "http/inflate.h"
#include "os/clock.h"

enum { EVENTS_TURN_BYTES = 1 << 20 };

enum { ANSWER_BYTES_USUAL = 256 };

struct events {
    struct api_wait wait;     /* first: on_ready casts back */
    struct http_exchange *ex; /* borrowed until answered or aborted */
    struct api *api;
    struct topic *topic; /* borrowed; looked up again after waits */
    char name[TOPIC_NAME_BYTES_MAX + 1];
    struct ingest *ingest;   /* owned */
    struct inflate *inflate; /* owned; NULL for plain bodies */
    int64_t started_us;
    uint64_t body_bytes;
    uint64_t turn_bytes; /* decoded in the present callback */
    bool is_ended;       /* the body is complete, the answer waits for the disk */
    bool is_paused;
};

static struct metric *latency(void)
{
    static struct metric *m;
    if (m == NULL) {
        m = metric_get(METRIC_HISTOGRAM, "tarn_ingest_seconds", NULL,
                       "Time from a request's head to its answer, events.");
    }
    return m;
}

static void events_free(struct events *x)
{
    api_wait_stop(x->api, &x->wait);
    ingest_free(x->ingest);
    inflate_free(x->inflate);
    free(x);
}

static void fail(struct events *x, err e, const struct errmsg *msg)
{
    struct http_exchange *ex = x->ex;
    bool is_retry_conflict = e == ERR_CONFLICT;
    events_free(x);
    http_set_user(ex, NULL);
    if (e == ERR_BUSY) {
        http_problem(ex, 409, "idempotency_key_in_flight", str_from(msg->text), STR(""));
    } else if (is_retry_conflict) {
        http_problem(ex, 422, "idempotency_key_reused", str_from(msg->text), STR(""));
    } else if (e == ERR_TOO_LARGE) {
        http_problem(ex, 413, "body_too_large", str_from(msg->text), STR(""));
    } else {
        api_problem(ex, e, msg);
    }
}

/* Numbers out of an answer that was made earlier. */
static void repeat_counts(struct str members, uint64_t *accepted, uint64_t *rejected)
{
    AUTO_BUF text = buf_make(IDEM_ANSWER_BYTES_MAX + 16);
    AUTO_JSON json = NULL;
    int64_t a = 0;
    int64_t r = 0;
    buf_add_byte(&text, '{');
    buf_add_str(&text, members);
    buf_add_byte(&text, '}');
    if (json_parse(buf_str(&text), &json, NULL) == ERR_OK) {
        (void)json_opt_i64(json, "accepted", &a, NULL);       /* stays 0 */
        (void)json_opt_i64(json, "rejected_count", &r, NULL); /* stays 0 */
    }
    *accepted = (uint64_t)a;
    *rejected = (uint64_t)r;
}

static void answer_none_stored(struct http_exchange *ex, uint64_t rejected, struct str members)
{
    if (rejected == 0) {
        http_problem(ex, 400, "no_events", STR("the body holds no events"), members);
    } else {
        http_problem(ex, 400, "no_event_accepted",
                     STR("nothing was stored; `rejected` says why for each event"), members);
    }
}

static void answer(struct events *x)
{
    struct http_exchange *ex = x->ex;
    AUTO_BUF body = buf_make(16 << 20);
    (void)buf_reserve(&body, ANSWER_BYTES_USUAL); /* without it the first bytes fail the same way */
    buf_add_byte(&body, '{');
    ingest_answer(x->ingest, &body);
    struct str members = str_of(body.data + 1, body.len - 1);
    uint64_t accepted = ingest_accepted(x->ingest);
    uint64_t rejected = ingest_rejected(x->ingest);
    if (ingest_is_repeat(x->ingest)) {
        repeat_counts(members, &accepted, &rejected);
    } else {
        struct topic *t = topic_store_find(x->api->store, str_from(x->name));
        if (t != NULL) {
            struct api_topic_metrics m = api_topic_metrics(t);
            metric_add(m.events, (int64_t)accepted);
            metric_add(m.rejected, (int64_t)rejected);
            metric_add(m.bytes, (int64_t)x->body_bytes);
        }
    }
    metric_observe_us(latency(), (uint64_t)(os_mono_us() - x->started_us));
    events_free(x);
    http_set_user(ex, NULL);
    if (accepted == 0) {
        answer_none_stored(ex, rejected, members);
        return;
    }
    buf_add_byte(&body, '}');
    http_respond_json(ex, 200, buf_str(&body));
}

static void resume(struct events *x)
{
    x->is_paused = false;
    http_resume(x->ex);
}

static void on_ready(struct api_wait *wait, bool failed)
{
    struct events *x = (struct events *)wait;
    if (failed) {
        struct errmsg msg = {0};
        (void)topic_store_failed(x->api->store, &msg); /* only for the words */
        fail(x, ERR_FAILED, &msg);
    } else if (x->is_ended) {
        answer(x);
    } else {
        resume(x);
    }
}

static void wait_for(struct events *x, uint64_t seq)
{
    if (!x->wait.is_waiting) {
        api_wait_start(x->api, &x->wait, seq);
    }
}

static void hold_body(struct events *x, uint64_t seq)
{
    if (!x->is_paused) {
        x->is_paused = true;
        http_pause(x->ex);
    }
    wait_for(x, seq);
}

/* Refuses what cannot be taken at all; true when the request may go on. */
static bool admit(struct http_exchange *ex, struct api *api)
{
    struct errmsg msg = {0};
    if (topic_store_failed(api->store, &msg)) {
        http_problemf(ex, 503, "log_failed",
                      "the log failed (%s); events are refused until tarn is restarted", msg.text);
        return false;
    }
    if (topic_store_unsynced_bytes(api->store) > api->settings.unsynced_bytes_max) {
        if (SEEDED_BUG(SEEDED_FULL_QUEUE_OK)) {
            http_respond_json(ex, 200,
                              STR("{\"accepted\":1,\"rejected\":[],\"rejected_count\":0,"
                                  "\"offsets\":[]}"));
            return false;
        }
        const struct http_field retry = {"retry-after", STR("1")};
        http_problem_fields(ex, 429, "too_many_events",
                            STR("the disk is behind; send again in a second"), STR(""), &retry, 1);
        return false;
    }
    return true;
}

static bool open_inflate(struct events *x, enum http_coding *coding)
{
    struct errmsg msg = {0};
    err e = http_coding_parse(http_header(x->ex, "content-encoding"), coding, &msg);
    if (e != ERR_OK) {
        struct http_exchange *ex = x->ex;
        events_free(x);
        http_problem(ex, 415, "unsupported_encoding", str_from(msg.text), STR(""));
        return false;
    }
    e = inflate_new(*coding, x->api->settings.body_bytes_max, &x->inflate, &msg);
    if (e != ERR_OK) {
        fail(x, e, &msg);
        return false;
    }
    return true;
}

static bool open_ingest(struct events *x, struct str key, bool atomic)
{
    struct errmsg msg = {0};
    char type[64];
    if (x->api->indexer == NULL) {
        x->api->indexer = json_indexer_new(); /* NULL again: the ingest says what is wrong */
    }
    struct ingest_options o = {
        .topic = x->topic,
        .key_field = key,
        .idempotency_key = http_header(x->ex, "idempotency-key"),
        .format = event_format_of(http_content_type(x->ex, type)),
        .atomic = atomic,
        .record_bytes_max = x->api->settings.record_bytes_max,
        .nesting_max = x->api->settings.nesting_max,
        .indexer = x->api->indexer,
    };
    err e = ingest_new(&o, &x->ingest, &msg);
    if (e != ERR_OK) {
        fail(x, e, &msg);
        return false;
    }
    return true;
}

static bool media_type_is_known(struct http_exchange *ex)
{
    static const char *const known[] = {"",
                                        "application/json",
                                        "application/x-ndjson",
                                        "application/ndjson",
                                        "text/json",
                                        "application/jsonlines",
                                        "application/jsonl",
                                        "application/x-jsonlines",
                                        "text/plain",
                                        "application/octet-stream",
                                        "application/x-www-form-urlencoded"};
    char room[64];
    struct str type = http_content_type(ex, room);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(type, known[i])) {
            return true;
        }
    }
    http_problemf(ex, 415, "unsupported_media_type",
                  "send application/json or application/x-ndjson, not %.*s", STR_ARGS(type));
    return false;
}

static void on_request(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    struct str key = {0};
    bool atomic = false;
    if (!api_params_begin(ex, &params)) {
        return;
    }
    (void)http_params_str(&params, "key", &key); /* absent is none */
    err e = http_params_bool(&params, "atomic", &atomic, &msg);
    if (!api_params_end(ex, &params, e, &msg) || !admit(ex, api) || !media_type_is_known(ex)) {
        return;
    }
    uint64_t length = 0;
    if (http_body_length(ex, &length) && length > api->settings.body_bytes_max) {
        http_problemf(ex, 413, "body_too_large", "the body is over %llu bytes",
                      (unsigned long long)api->settings.body_bytes_max);
        return;
    }
    struct topic *t = api_topic_for_events(ex, http_path_param(ex, "topic"));
    if (t == NULL) {
        return;
    }
    struct events *x = xnew(struct events);
    x->ex = ex;
    x->api = api;
    x->topic = t;
    x->wait.on_ready = on_ready;
    x->started_us = os_mono_us();
    memcpy(x->name, topic_meta_of(t)->name, sizeof x->name);
    enum http_coding coding = HTTP_CODING_IDENTITY;
    if (!open_inflate(x, &coding) || !open_ingest(x, key, atomic)) {
        return;
    }
    http_set_user(ex, x);
    if (!ingest_ready(x->ingest, api->store)) {
        hold_body(x, ingest_seq(x->ingest));
    }
}

/* The topic may have been deleted while the body was on its way. */
static bool topic_is_there(struct events *x)
{
    if (topic_store_find(x->api->store, str_from(x->name)) == x->topic) {
        return true;
    }
    struct errmsg msg = {0};
    fail(x, errmsg_set(&msg, ERR_NOT_FOUND, "the topic was deleted meanwhile"), &msg);
    return false;
}

static bool disk_is_behind(const struct events *x)
{
    return topic_store_unsynced_bytes(x->api->store) > x->api->settings.unsynced_bytes_max;
}

/* A small piece may hold a thousand times its size: the loop serves others in between. */
static err to_ingest(void *ctx, struct str piece, struct errmsg *msg)
{
    struct events *x = ctx;
    x->body_bytes += piece.len;
    x->turn_bytes += piece.len;
    TRY(ingest_feed(x->ingest, piece, msg));
    return x->turn_bytes >= EVENTS_TURN_BYTES || disk_is_behind(x) ? ERR_AGAIN : ERR_OK;
}

static void on_body(struct http_exchange *ex, struct str piece)
{
    struct events *x = http_user(ex);
    struct errmsg msg = {0};
    if (x == NULL || !topic_is_there(x)) {
        return;
    }
    x->turn_bytes = 0;
    err e = inflate_feed(x->inflate, &piece, to_ingest, x, &msg);
    if (e == ERR_AGAIN) {
        http_pause(ex);
        http_unread(ex, piece);
        if (disk_is_behind(x)) {
            x->is_paused = true;
            wait_for(x, ingest_seq(x->ingest));
        } else {
            http_resume(ex);
        }
        return;
    }
    if (e == ERR_INVALID) {
        events_free(x);
        http_set_user(ex, NULL);
        http_problem(ex, 400, "bad_encoding", str_from(msg.text), STR(""));
        return;
    }
    if (e != ERR_OK) {
        fail(x, e, &msg);
        return;
    }
}

static void on_body_end(struct http_exchange *ex)
{
    struct events *x = http_user(ex);
    struct errmsg msg = {0};
    if (x == NULL || !topic_is_there(x)) {
        return;
    }
    err e = inflate_finish(x->inflate, &msg);
    if (e == ERR_INVALID) {
        events_free(x);
        http_set_user(ex, NULL);
        http_problem(ex, 400, "bad_encoding", str_from(msg.text), STR(""));
        return;
    }
    if (e == ERR_OK) {
        e = ingest_end(x->ingest, &msg);
    }
    if (e != ERR_OK) {
        fail(x, e, &msg);
        return;
    }
    x->is_ended = true;
    if (ingest_seq(x->ingest) <= topic_store_durable_seq(x->api->store)) {
        answer(x);
    } else {
        wait_for(x, ingest_seq(x->ingest));
    }
}

static void on_abort(struct http_exchange *ex)
{
    struct events *x = http_user(ex);
    if (x != NULL) {
        events_free(x);
    }
}

const struct http_handler api_events_post = {
    .on_request = on_request,
    .on_body = on_body,
    .on_body_end = on_body_end,
    .on_abort = on_abort,
};
