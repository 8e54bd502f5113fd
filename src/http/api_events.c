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

enum {
    EVENTS_TURN_BYTES = 1 << 20,
    EVENTS_TURN_US = 10 * 1000,
    EVENTS_COSTLY_BYTES = 1024, /* a piece whose events may take a millisecond each */
    EVENTS_BYTES = 16 << 10,    /* a request while its body comes, beside what it counts itself */
    EVENTS_ENDED_BYTES = 4 << 10,
};

enum { ANSWER_BYTES_USUAL = 256 };

struct events {
    struct api_wait wait;     /* first: on_ready casts back */
    struct hold hold;         /* what it holds in memory */
    struct http_exchange *ex; /* borrowed until answered or aborted */
    struct api *api;
    struct topic *topic; /* borrowed; looked up again after waits */
    char name[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;   /* of the topic: its name and its address may be given again */
    struct ingest *ingest;   /* owned */
    struct inflate *inflate; /* owned; NULL for plain bodies */
    int64_t started_us;
    uint64_t body_bytes;
    uint64_t turn_bytes; /* decoded in the present callback */
    int64_t turn_us;     /* when that began */
    size_t unread_bytes; /* read and not taken, while it is paused */
    bool is_ended;       /* the body is complete, the answer waits for the disk */
    bool is_paused;
    bool is_atomic;
    bool is_short; /* there is no memory for more of it */
    bool is_vague; /* the body as a whole is not of its format */
};

/* How the body is to be read. */
struct way {
    enum event_format json;
    bool is_text;
    bool bury;
    struct text_spec text;
};

static void way_deinit(struct way *way)
{
    text_spec_deinit(&way->text);
}
#define AUTO_WAY __attribute__((cleanup(way_deinit))) struct way

#define EVENTS_OF(h) ((struct events *)((char *)(h)-offsetof(struct events, hold)))

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
    hold_end(&x->hold);
    ingest_free(x->ingest);
    inflate_free(x->inflate);
    free(x);
}

/* NULL: it was deleted while the body was on its way. */
static struct topic *topic_now(const struct events *x)
{
    struct topic *t = topic_store_find(x->api->store, str_from(x->name));
    return t == x->topic && strcmp(topic_meta_of(t)->uuid.text, x->uuid.text) == 0 ? t : NULL;
}

static void fail(struct events *x, err e, const struct errmsg *msg)
{
    struct http_exchange *ex = x->ex;
    const struct http_field retry = {"retry-after", STR("1")};
    const struct topic *t = topic_now(x);
    bool is_closing = t != NULL && topic_is_closing(t);
    bool is_retry_conflict = e == ERR_CONFLICT;
    bool is_vague = x->is_vague;
    bool is_short = x->is_short && e == ERR_LIMIT;
    if (is_short) {
        hold_refused(&x->hold);
    }
    events_free(x);
    http_set_user(ex, NULL);
    if (is_short) {
        api_memory_short(ex);
    } else if (e == ERR_BUSY && is_closing) {
        http_problem_fields(ex, 503, "topic_deleting", str_from(msg->text), STR(""), &retry, 1);
    } else if (e == ERR_BUSY) {
        http_problem(ex, 409, "idempotency_key_in_flight", str_from(msg->text), STR(""));
    } else if (is_retry_conflict) {
        http_problem(ex, 422, "idempotency_key_reused", str_from(msg->text), STR(""));
    } else if (e == ERR_TOO_LARGE) {
        http_problem(ex, 413, "body_too_large", str_from(msg->text), STR(""));
    } else if (e == ERR_INVALID && is_vague) {
        http_problem(ex, 400, "bad_text", str_from(msg->text), STR(""));
    } else {
        api_problem(ex, e, msg);
    }
}

/* Numbers out of an answer that was made earlier. */
static void repeat_counts(struct str members, uint64_t *accepted, uint64_t *rejected,
                          uint64_t *dead)
{
    AUTO_BUF text = buf_make(IDEM_ANSWER_BYTES_MAX + 16);
    AUTO_JSON json = NULL;
    int64_t a = 0;
    int64_t r = 0;
    int64_t d = 0;
    buf_add_byte(&text, '{');
    buf_add_str(&text, members);
    buf_add_byte(&text, '}');
    if (json_parse(buf_str(&text), &json, NULL) == ERR_OK) {
        (void)json_opt_i64(json, "accepted", &a, NULL);       /* stays 0 */
        (void)json_opt_i64(json, "rejected_count", &r, NULL); /* stays 0 */
        (void)json_opt_i64(json, "dead", &d, NULL);           /* stays 0 */
    }
    *dead = (uint64_t)d;
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
    uint64_t dead = ingest_dead(x->ingest);
    if (ingest_is_repeat(x->ingest)) {
        repeat_counts(members, &accepted, &rejected, &dead);
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
    if (accepted + dead == 0) {
        answer_none_stored(ex, rejected, members);
        return;
    }
    buf_add_byte(&body, '}');
    http_respond_json(ex, 200, buf_str(&body));
}

static void resume(struct events *x)
{
    x->is_paused = false;
    hold_clients_turn(&x->hold, true, os_mono_us());
    http_resume(x->ex);
}

/* ---- memory ---- */

static bool say_held(struct events *x)
{
    size_t loose = 0;
    size_t fixed = (x->is_ended ? EVENTS_ENDED_BYTES : EVENTS_BYTES) + x->unread_bytes +
                   ingest_held(x->ingest, &loose) + inflate_held(x->inflate);
    x->hold.is_stored = !ingest_is_repeatable(x->ingest);
    return hold_set(&x->hold, fixed, loose);
}

/* After a piece: batches are appended early when memory is short. AGAIN when not even that helps,
 * and the request has to wait; LIMIT, TOO_LARGE for an atomic one, which would wait holding what it
 * has. */
static err count_held(struct events *x, struct errmsg *msg)
{
    if (say_held(x)) {
        return ERR_OK;
    }
    TRY(ingest_flush(x->ingest, msg));
    if (say_held(x)) {
        return ERR_OK;
    }
    x->is_short = true;
    if (!x->is_atomic) {
        return ERR_AGAIN;
    }
    if (x->hold.fixed > hold_fixed_max(x->hold.pool)) {
        return errmsg_set(msg, ERR_TOO_LARGE,
                          "this server's `memory` has room for an atomic body of about %llu MiB",
                          (unsigned long long)(hold_fixed_max(x->hold.pool) >> 20));
    }
    return ERR_LIMIT;
}

static bool topic_is_there(struct events *x);

static void on_shrink(struct hold *hold)
{
    struct events *x = EVENTS_OF(hold);
    struct errmsg msg = {0};
    if (!topic_is_there(x)) {
        return;
    }
    err e = ingest_flush(x->ingest, &msg);
    if (e != ERR_OK) {
        fail(x, e, &msg);
        return;
    }
    (void)say_held(x); /* less than before */
}

static void on_go_on(struct hold *hold)
{
    resume(EVENTS_OF(hold));
}

static void on_out(struct hold *hold, enum hold_why why)
{
    struct events *x = EVENTS_OF(hold);
    struct http_exchange *ex = x->ex;
    events_free(x);
    http_set_user(ex, NULL);
    api_hold_problem(ex, why);
}
static const struct hold_events hold_events = {on_shrink, on_go_on, on_out};

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
    hold_clients_turn(&x->hold, false, 0);
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

/* Refuses while the topic's table is too far behind; a request that was let in is taken whole. */
static bool is_slowed(struct http_exchange *ex, struct topic *t)
{
    if (!topic_is_too_far_behind(t)) {
        return false;
    }
    const struct http_field retry = {"retry-after", STR("1")};
    const struct topic_meta *m = topic_meta_of(t);
    struct errmsg detail;
    (void)errmsg_set(&detail, ERR_LIMIT,
                     "%llu events of this topic have not landed in its table, and its "
                     "unlanded_rows_max is %llu; send again in a second",
                     (unsigned long long)topic_unlanded_rows(t),
                     (unsigned long long)m->settings.unlanded_rows_max);
    metric_add(api_topic_metrics(t).slowed, 1);
    http_problem_fields(ex, 429, "too_far_behind", str_from(detail.text), STR(""), &retry, 1);
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

static bool open_ingest(struct events *x, struct str key, bool atomic, struct way *way)
{
    struct errmsg msg = {0};
    if (x->api->indexer == NULL) {
        x->api->indexer = json_indexer_new(); /* NULL again: the ingest says what is wrong */
    }
    if (x->api->schemas == NULL) {
        x->api->schemas = schema_cache_new();
    }
    struct ingest_options o = {
        .topic = x->topic,
        .key_field = key,
        .idempotency_key = http_header(x->ex, "idempotency-key"),
        .format = way->json,
        .text = way->is_text ? &way->text : NULL,
        .bury = way->bury,
        .atomic = atomic,
        .record_bytes_max = x->api->settings.record_bytes_max,
        .nesting_max = x->api->settings.nesting_max,
        .indexer = x->api->indexer,
        .schemas = x->api->schemas,
    };
    err e = ingest_new(&o, &x->ingest, &msg);
    if (e != ERR_OK) {
        fail(x, e, &msg);
        return false;
    }
    return true;
}

static bool media_type_is_known(struct http_exchange *ex, struct str type, bool is_format_named)
{
    static const char *const known[] = {"",
                                        "application/json",
                                        "application/x-ndjson",
                                        "application/ndjson",
                                        "text/json",
                                        "application/jsonlines",
                                        "application/jsonl",
                                        "application/x-jsonlines",
                                        "application/octet-stream",
                                        "application/x-www-form-urlencoded"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(type, known[i])) {
            return true;
        }
    }
    bool is_text = str_is(type, "text/plain");
    if (str_is(type, "text/csv") || str_is(type, "text/tab-separated-values") ||
        (is_text && is_format_named)) {
        return true;
    }
    if (is_text) {
        http_problemf(ex, 415, "unsupported_media_type",
                      "text/plain does not say which text: add ?format= with one of %s",
                      text_format_names());
    } else {
        http_problemf(ex, 415, "unsupported_media_type",
                      "send application/json, application/x-ndjson or text/csv, or text/plain with "
                      "?format=, not %.*s",
                      STR_ARGS(type));
    }
    return false;
}

/* False after answering when the header names a charset that is not UTF-8. */
static bool charset_is_utf8(struct http_exchange *ex)
{
    struct str rest = http_header(ex, "content-type");
    struct str part;
    while (str_split(&rest, ';', &part)) {
        part = str_trim(part);
        if (part.len < 8 || !str_eq_nocase(str_of(part.ptr, 8), STR("charset="))) {
            continue;
        }
        struct str name = str_of(part.ptr + 8, part.len - 8);
        if (name.len > 2 && name.ptr[0] == '"') {
            name = str_of(name.ptr + 1, name.len - 2);
        }
        if (!str_eq_nocase(name, STR("utf-8")) && !str_eq_nocase(name, STR("utf8")) &&
            !str_eq_nocase(name, STR("us-ascii"))) {
            http_problemf(ex, 415, "unsupported_media_type",
                          "text must be UTF-8, not %.*s; convert it, for example with iconv",
                          STR_ARGS(name));
            return false;
        }
    }
    return true;
}

static err take_format(struct http_params *params, struct str type, struct way *way,
                       bool *out_named, struct errmsg *msg)
{
    struct str format = {0};
    *out_named = http_params_str(params, "format", &format);
    way->json = event_format_of(type);
    bool is_tabs = str_is(type, "text/tab-separated-values");
    if (!*out_named && (is_tabs || str_is(type, "text/csv"))) {
        format = STR("csv");
        way->text.delimiter = is_tabs ? '\t' : way->text.delimiter;
    }
    if (format.ptr == NULL || str_is(format, "json")) {
        way->json = format.ptr == NULL ? way->json : EVENT_FORMAT_AUTO;
        return ERR_OK;
    }
    if (!text_format_parse(format, &way->text.format)) {
        return errmsg_set(msg, ERR_INVALID, "format is one of %s, not \"%.*s\"",
                          text_format_names(), STR_ARGS(format));
    }
    way->is_text = way->text.format != TEXT_NDJSON;
    way->json = EVENT_FORMAT_NDJSON;
    return ERR_OK;
}

/* format, on_bad and the options of the text formats. */
static err take_way(struct http_params *params, struct str type, struct way *way, bool *out_named,
                    struct errmsg *msg)
{
    struct str on_bad = {0};
    struct str value;
    TRY(take_format(params, type, way, out_named, msg));
    way->bury = way->is_text;
    if (http_params_str(params, "on_bad", &on_bad)) {
        way->bury = str_is(on_bad, "dead");
        if (!way->bury && !str_is(on_bad, "reject")) {
            return errmsg_set(msg, ERR_INVALID, "on_bad is dead or reject");
        }
        /* A line that is too long has to be kept: the reader of text does. */
        way->is_text = way->is_text || (way->bury && way->json == EVENT_FORMAT_NDJSON);
    }
    for (size_t i = 0; text_option_names[i] != NULL; i++) {
        if (!http_params_str(params, text_option_names[i], &value)) {
            continue;
        }
        if (!way->is_text) {
            return errmsg_set(msg, ERR_INVALID, "%s goes with a text format, such as format=csv",
                              text_option_names[i]);
        }
        TRY(text_spec_set(&way->text, text_option_names[i], value, msg));
    }
    return ERR_OK;
}

static void on_request(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    AUTO_WAY way = {.text = {.format = TEXT_NDJSON}};
    struct str key = {0};
    bool atomic = false;
    bool is_named = false;
    char room[64];
    struct str type = http_content_type(ex, room);
    if (!api_params_begin(ex, &params)) {
        return;
    }
    (void)http_params_str(&params, "key", &key); /* absent is none */
    err e = http_params_bool(&params, "atomic", &atomic, &msg);
    e = e == ERR_OK ? take_way(&params, type, &way, &is_named, &msg) : e;
    if (!api_params_end(ex, &params, e, &msg) || !admit(ex, api) ||
        !media_type_is_known(ex, type, is_named) || (way.is_text && !charset_is_utf8(ex))) {
        return;
    }
    uint64_t length = 0;
    if (http_body_length(ex, &length) && length > api->settings.body_bytes_max) {
        http_problemf(ex, 413, "body_too_large", "the body is over %llu bytes",
                      (unsigned long long)api->settings.body_bytes_max);
        return;
    }
    struct topic *t = api_topic_for_events(ex, http_path_param(ex, "topic"));
    if (t == NULL || is_slowed(ex, t)) {
        return;
    }
    struct events *x = xnew(struct events);
    hold_begin(&api->held, &x->hold, &hold_events, os_mono_us());
    if (!hold_set(&x->hold, EVENTS_BYTES, 0)) {
        hold_refused(&x->hold);
        hold_end(&x->hold);
        free(x);
        api_memory_short(ex);
        return;
    }
    x->ex = ex;
    x->api = api;
    x->is_atomic = atomic;
    x->topic = t;
    x->wait.on_ready = on_ready;
    x->started_us = os_mono_us();
    memcpy(x->name, topic_meta_of(t)->name, sizeof x->name);
    x->uuid = topic_meta_of(t)->uuid;
    enum http_coding coding = HTTP_CODING_IDENTITY;
    if (!open_inflate(x, &coding) || !open_ingest(x, key, atomic, &way)) {
        return;
    }
    http_set_user(ex, x);
    if (!ingest_ready(x->ingest, api->store)) {
        hold_body(x, ingest_seq(x->ingest));
    }
}

static bool topic_is_there(struct events *x)
{
    if (topic_now(x) != NULL) {
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

static bool had_its_turn(const struct events *x)
{
    return x->turn_bytes >= EVENTS_TURN_BYTES || os_mono_us() - x->turn_us >= EVENTS_TURN_US;
}

/* A small piece may hold a thousand times its size, or take its time: the loop serves others in
 * between. */
static err to_ingest(void *ctx, struct str piece, struct errmsg *msg)
{
    struct events *x = ctx;
    x->body_bytes += piece.len;
    x->turn_bytes += piece.len;
    hold_received(&x->hold, piece.len);
    err e = ingest_feed(x->ingest, piece, msg);
    x->is_vague = e == ERR_INVALID;
    TRY(e);
    TRY(count_held(x, msg));
    return had_its_turn(x) || disk_is_behind(x) ? ERR_AGAIN : ERR_OK;
}

/* The body is paused: why, and until when? */
static void hold_back(struct events *x, size_t unread_bytes)
{
    uint64_t length = 0;
    if (!x->is_short && !disk_is_behind(x)) {
        http_resume(x->ex); /* others first */
        return;
    }
    x->is_paused = true;
    x->unread_bytes = unread_bytes + (http_body_length(x->ex, &length) ? 0 : HTTP_READ_BYTES);
    (void)say_held(x); /* it waits anyhow */
    if (x->is_short) {
        x->is_short = false;
        hold_wait(&x->hold);
    } else {
        wait_for(x, ingest_seq(x->ingest));
    }
}

static void on_body(struct http_exchange *ex, struct str piece)
{
    struct events *x = http_user(ex);
    struct errmsg msg = {0};
    if (x == NULL || !topic_is_there(x)) {
        return;
    }
    x->turn_bytes = 0;
    x->turn_us = os_mono_us();
    x->unread_bytes = 0;
    inflate_limit(x->inflate,
                  ingest_is_costly(x->ingest) ? EVENTS_COSTLY_BYTES : INFLATE_PIECE_BYTES);
    err e = inflate_feed(x->inflate, &piece, to_ingest, x, &msg);
    if (e == ERR_AGAIN) {
        http_pause(ex);
        http_unread(ex, piece);
        hold_back(x, piece.len);
        return;
    }
    if (e == ERR_INVALID && !x->is_vague) {
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
        x->is_vague = e == ERR_INVALID;
    }
    if (e != ERR_OK) {
        fail(x, e, &msg);
        return;
    }
    x->is_ended = true;
    hold_clients_turn(&x->hold, false, 0);
    (void)say_held(x); /* less than before */
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
