/* SPDX-License-Identifier: MIT */
/* api_producers.c - /api/v1/producers: made-up events as jobs of the server, and a live look at
 * what one sends (SSE). The work is in flow/producers.h. */
#include "base/timefmt.h"
#include "flow/event.h"
#include "flow/producer.h"
#include "http/api.h"
#include "http/sse.h"
#include "os/clock.h"

enum { SAMPLES_MAX = 100 };

/* ---- for flow/producers.h ---- */

err api_producers_topic(void *ctx, struct str name, struct topic **out_topic, struct errmsg *msg)
{
    struct api *api = ctx;
    struct topic *t = topic_store_find(api->store, name);
    if (t == NULL && !api->settings.auto_create) {
        return errmsg_set(msg, ERR_INVALID,
                          "there is no topic \"%.*s\", and auto_create is off; make it first",
                          STR_ARGS(name));
    }
    if (t == NULL) {
        err e = api_topic_create(api, name, NULL, false, &t, msg);
        if (e != ERR_OK) {
            return e == ERR_EXISTS ? ERR_CONFLICT : e; /* it is not the producer that exists */
        }
    }
    *out_topic = t;
    return ERR_OK;
}

void api_producers_stored(void *ctx, struct topic *topic, uint64_t accepted, uint64_t rejected,
                          uint64_t bytes)
{
    (void)ctx;
    struct api_topic_metrics m = api_topic_metrics(topic);
    metric_add(m.events, (int64_t)accepted);
    metric_add(m.rejected, (int64_t)rejected);
    metric_add(m.bytes, (int64_t)bytes);
}

/* ---- helpers ---- */

static void problem(struct http_exchange *ex, err e, const struct errmsg *msg)
{
    switch (e) {
    case ERR_EXISTS:
        http_problem(ex, 409, "producer_exists", str_from(msg->text), STR(""));
        return;
    case ERR_CONFLICT:
        http_problem(ex, 409, "table_exists", str_from(msg->text), STR(""));
        return;
    case ERR_LIMIT:
        http_problem(ex, 429, "too_many_producers", str_from(msg->text), STR(""));
        return;
    default:
        api_meta_problem(ex, e, msg);
    }
}

/* The producer named in the path; answers 404 and returns NULL when there is none. */
static struct producers_job *job_of(struct http_exchange *ex)
{
    struct str name = http_path_param(ex, "name");
    struct producers_job *job = producers_find(api_of(ex)->producers, name);
    if (job == NULL) {
        http_problemf(ex, 404, "producer_not_found",
                      "there is no producer \"%.*s\"; GET /api/v1/producers lists them",
                      STR_ARGS(name));
    }
    return job;
}

/* ---- resources ---- */

static void on_list(struct http_exchange *ex)
{
    const struct producers *p = api_of(ex)->producers;
    AUTO_PARAMS params = {0};
    struct api_page page = {0};
    if (!api_page_begin(ex, &params, &page)) {
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < producers_count(p); i++) {
        const struct producers_job *job = producers_at(p, i);
        if (api_page_takes(&page, str_from(producers_job_name(job)))) {
            json_array_append_new(list, producers_job_json(job, false));
        }
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "producers", list);
    json_object_set_new(answer, "next", api_page_next(&page));
    api_respond_json(ex, 200, answer);
}
const struct http_handler api_producers_list = {.on_request = on_list};

static void on_presets(struct http_exchange *ex)
{
    json_t *answer = json_object();
    json_object_set_new(answer, "presets", producer_presets_json());
    api_respond_json(ex, 200, answer);
}
const struct http_handler api_producers_presets = {.on_request = on_presets};

static void create(struct http_exchange *ex, json_t *body)
{
    struct producers_job *job = NULL;
    struct errmsg msg = {0};
    err e = producers_create(api_of(ex)->producers, body, true, &job, &msg);
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    api_respond_json(ex, 201, producers_job_json(job, true));
}
static void on_create(struct http_exchange *ex)
{
    api_collect(ex, create);
}
const struct http_handler api_producers_create = {.on_request = on_create,
                                                  .on_body = api_collect_body,
                                                  .on_body_end = api_collect_end,
                                                  .on_abort = api_collect_abort};

static void on_get(struct http_exchange *ex)
{
    const struct producers_job *job = job_of(ex);
    if (job != NULL) {
        api_respond_json(ex, 200, producers_job_json(job, true));
    }
}
const struct http_handler api_producer_get = {.on_request = on_get};

static void patch(struct http_exchange *ex, json_t *body)
{
    struct producers_job *job = job_of(ex);
    struct errmsg msg = {0};
    if (job == NULL) {
        return;
    }
    err e = producers_change(api_of(ex)->producers, job, body, &msg);
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    api_respond_json(ex, 200, producers_job_json(job, true));
}
static void on_patch(struct http_exchange *ex)
{
    api_collect(ex, patch);
}
const struct http_handler api_producer_patch = {.on_request = on_patch,
                                                .on_body = api_collect_body,
                                                .on_body_end = api_collect_end,
                                                .on_abort = api_collect_abort};

typedef err (*job_verb)(struct producers *p, struct producers_job *job, struct errmsg *msg);
static void run_verb(struct http_exchange *ex, job_verb verb)
{
    struct producers_job *job = job_of(ex);
    struct errmsg msg = {0};
    if (job == NULL) {
        return;
    }
    err e = verb(api_of(ex)->producers, job, &msg);
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    api_respond_json(ex, 200, producers_job_json(job, true));
}
static void on_start(struct http_exchange *ex)
{
    run_verb(ex, producers_job_start);
}
static void on_stop(struct http_exchange *ex)
{
    run_verb(ex, producers_job_stop);
}
const struct http_handler api_producer_start = {.on_request = on_start};
const struct http_handler api_producer_stop = {.on_request = on_stop};

static void on_delete(struct http_exchange *ex)
{
    struct producers_job *job = job_of(ex);
    struct errmsg msg = {0};
    if (job == NULL) {
        return;
    }
    err e = producers_delete(api_of(ex)->producers, job, &msg);
    if (e != ERR_OK) {
        problem(ex, e, &msg);
        return;
    }
    http_respond(ex, 204, NULL, 0, STR(""));
}
const struct http_handler api_producer_delete = {.on_request = on_delete};

/* ---- the live sample ---- */

struct sample {
    struct producers_tap tap; /* first: callbacks cast back */
    struct api *api;
    struct sse *sse; /* owned */
    char name[PRODUCERS_NAME_BYTES_MAX + 1];
};

/* {"at": "...", "event": {...}}; what is no JSON object goes as {"at": "...", "text": "..."}. */
static void on_sample(struct producers_tap *tap, struct str event)
{
    struct sample *x = (struct sample *)tap;
    AUTO_BUF data = buf_make(4 << 20);
    char at[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(os_now_ms() * 1000, at); /* the length is not needed */
    bool is_event = event_diagnose(event, x->api->settings.nesting_max, NULL) == EVENT_OK;
    buf_printf(&data, "{\"at\":\"%s\",\"%s\":", at, is_event ? "event" : "text");
    if (is_event) {
        buf_add_str(&data, event);
    } else {
        buf_add_json_string(&data, event);
    }
    buf_add_byte(&data, '}');
    if (buf_check(&data) == ERR_OK) {
        /* A client that reads too slowly misses some: it is a sample. */
        (void)sse_send(x->sse, STR("sample"), STR(""), buf_str(&data));
    }
}

static void sample_free(struct sample *x)
{
    x->api->samples--;
    free(x);
}

static void on_sample_end(struct producers_tap *tap)
{
    struct sample *x = (struct sample *)tap;
    sse_close(x->sse);
    sample_free(x);
}

static void on_sample_request(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    struct producers_job *job = job_of(ex);
    if (job == NULL) {
        return;
    }
    if (api->samples >= SAMPLES_MAX) {
        http_problemf(ex, 429, "too_many_samples", "%d samples are open already", SAMPLES_MAX);
        return;
    }
    if (sse_head(ex)) {
        return;
    }
    struct sample *x = xnew(struct sample);
    x->api = api;
    x->tap.on_sample = on_sample;
    x->tap.on_end = on_sample_end;
    (void)snprintf(x->name, sizeof x->name, "%s", producers_job_name(job)); /* fits */
    api->samples++;
    http_set_user(ex, x);
    x->sse = sse_open(ex, 0);
    producers_tap(job, &x->tap);
}

static void on_sample_abort(struct http_exchange *ex)
{
    struct sample *x = http_user(ex);
    if (x == NULL) {
        return;
    }
    struct producers_job *job = producers_find(x->api->producers, str_from(x->name));
    if (job != NULL) {
        producers_untap(job, &x->tap);
    }
    sse_free(x->sse);
    sample_free(x);
}
const struct http_handler api_producer_sample = {.on_request = on_sample_request,
                                                 .on_abort = on_sample_abort};
