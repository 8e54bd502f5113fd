/* SPDX-License-Identifier: MIT */
/* producers_doc.c - producers by name: what people send and see, and their documents.
 *
 * Document: {"topic","preset","spec","state","runs","made","sent","rejected","skipped","ran_us",
 * "created_us","error"}. `spec` is the whole specification, a preset's included, so that a producer
 * stays what it was when presets change. */
#include "flow/producers.h"

#include <math.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/timefmt.h"
#include "flow/producers_int.h"
#include "os/clock.h"

enum { SLOWED_SHOWN_US = 2 * 1000 * 1000 }; /* how long `slowed` stays to be seen */

static const char kind[] = "producer";
static const char *const state_names[] = {"stopped", "running", "finished", "failed"};

/* ---- documents ---- */

static json_t *document(struct producers_job *job)
{
    struct producers *p = job->owner;
    json_t *json = json_object();
    producers_lock(p);
    uint64_t made = job->made;
    uint64_t skipped = job->skipped;
    producers_unlock(p);
    bool runs_now = job->state == JOB_RUNNING && p->is_running;
    int64_t ran_us = job->ran_us + (runs_now ? os_mono_us() - job->running_us : 0);
    json_object_set_new(json, "topic", json_string(job->topic));
    if (job->preset != NULL) {
        json_object_set_new(json, "preset", json_string(job->preset));
    }
    json_object_set(json, "spec", job->spec);
    json_object_set_new(json, "state", json_string(state_names[job->state]));
    json_object_set_new(json, "runs", json_integer((json_int_t)job->runs));
    json_object_set_new(json, "made", json_integer((json_int_t)made));
    json_object_set_new(json, "sent", json_integer((json_int_t)job->sent));
    json_object_set_new(json, "rejected", json_integer((json_int_t)job->rejected));
    json_object_set_new(json, "skipped", json_integer((json_int_t)skipped));
    json_object_set_new(json, "ran_us", json_integer(ran_us));
    json_object_set_new(json, "created_us", json_integer(job->created_us));
    json_object_set_new(json, "started_us", json_integer(job->started_us));
    if (job->error != NULL) {
        json_object_set_new(json, "error", json_string(job->error));
        json_object_set_new(json, "error_us", json_integer(job->error_us));
    }
    return json;
}

static err put(struct producers_job *job, int64_t expected, struct errmsg *msg)
{
    if (!job->is_kept || job->is_deleted) {
        return ERR_OK;
    }
    AUTO_JSON json = document(job);
    AUTO_BUF text = buf_make(META_JSON_BYTES_MAX);
    job->saved = job->sent + job->rejected;
    job->saved_us = os_mono_us();
    if (json_write(json, &text) != ERR_OK) {
        return errmsg_set(msg, ERR_TOO_LARGE, "a producer's specification has at most %d bytes",
                          META_JSON_BYTES_MAX);
    }
    return meta_put(job->owner->o.meta, kind, str_from(job->name), expected, buf_str(&text), NULL,
                    msg);
}

void producers_save(struct producers_job *job)
{
    struct errmsg msg = {0};
    err e = put(job, META_ANY, &msg);
    if (e != ERR_OK) {
        log_warn("a producer's counters were not saved", "name=%s error=\"%s\"", job->name,
                 msg.text);
    }
}

/* ---- the list ---- */

static size_t place_of(const struct producers *p, struct str name)
{
    size_t i = 0;
    while (i < p->count && str_cmp(str_from(p->jobs[i]->name), name) < 0) {
        i++;
    }
    return i;
}

static void insert(struct producers *p, struct producers_job *job)
{
    size_t at = place_of(p, str_from(job->name));
    ASSERT(p->count < PRODUCERS_MAX);
    producers_lock(p);
    memmove(&p->jobs[at + 1], &p->jobs[at], (p->count - at) * sizeof p->jobs[0]);
    p->jobs[at] = job;
    p->count++;
    (void)pthread_cond_signal(&p->wake);
    producers_unlock(p);
}

static void metric_labels(const struct producers_job *job, char out[PRODUCERS_NAME_BYTES_MAX + 16])
{
    (void)snprintf(out, PRODUCERS_NAME_BYTES_MAX + 16, "producer=\"%s\"", job->name); /* fits */
}

static void take_out(struct producers *p, struct producers_job *job)
{
    size_t at = place_of(p, str_from(job->name));
    char labels[PRODUCERS_NAME_BYTES_MAX + 16];
    ASSERT(at < p->count && p->jobs[at] == job);
    metric_labels(job, labels);
    metric_drop_labels(labels);
    producers_lock(p);
    p->count--;
    memmove(&p->jobs[at], &p->jobs[at + 1], (p->count - at) * sizeof p->jobs[0]);
    job->is_active = false;
    producers_job_unref(job);
    producers_unlock(p);
}

size_t producers_count(const struct producers *p)
{
    return p->count;
}

struct producers_job *producers_at(const struct producers *p, size_t i)
{
    ASSERT(i < p->count);
    return p->jobs[i];
}

struct producers_job *producers_find(const struct producers *p, struct str name)
{
    size_t at = place_of(p, name);
    return at < p->count && str_is(name, p->jobs[at]->name) ? p->jobs[at] : NULL;
}

const char *producers_job_name(const struct producers_job *job)
{
    return job->name;
}

static struct producers_job *new_job(struct producers *p, struct str name)
{
    struct producers_job *job = xnew(struct producers_job);
    job->owner = p;
    job->refs = 1;
    job->end.run = producers_on_end;
    ASSERT(name.len < sizeof job->name);
    memcpy(job->name, name.ptr, name.len); /* zeroed after it */
    for (size_t i = 0; i < CHUNKS; i++) {
        job->chunks[i].job = job;
    }
    return job;
}

/* ---- reading documents ---- */

static int64_t number_of(const json_t *json, const char *name)
{
    int64_t value = 0;
    (void)json_opt_i64(json, name, &value, NULL); /* another type counts as 0 */
    return MAX(value, 0);
}

static err read_document(struct producers_job *job, const char *text, struct errmsg *msg)
{
    AUTO_JSON json = NULL;
    struct str topic;
    struct str state = STR("");
    struct str error = STR("");
    struct str preset = STR("");
    TRY(json_parse(str_from(text), &json, msg));
    TRY(json_get_str(json, "topic", &topic, msg));
    TRY(json_opt_str(json, "state", &state, msg));
    TRY(json_opt_str(json, "preset", &preset, msg));
    TRY(json_opt_str(json, "error", &error, msg));
    json_t *spec = json_object_get(json, "spec");
    if (topic.len > TOPIC_NAME_BYTES_MAX || !json_is_object(spec)) {
        return errmsg_set(msg, ERR_CORRUPT, "the document is damaged");
    }
    memcpy(job->topic, topic.ptr, topic.len); /* zeroed after it */
    json_decref(job->spec);
    job->spec = json_incref(spec);
    job->preset = preset.len > 0 ? xstrndup(preset.ptr, preset.len) : NULL;
    job->error = error.len > 0 ? xstrndup(error.ptr, error.len) : NULL;
    job->error_us = number_of(json, "error_us");
    job->created_us = number_of(json, "created_us");
    job->started_us = number_of(json, "started_us");
    job->ran_us = number_of(json, "ran_us");
    job->runs = (uint64_t)number_of(json, "runs");
    job->made = (uint64_t)number_of(json, "made");
    job->sent = (uint64_t)number_of(json, "sent");
    job->rejected = (uint64_t)number_of(json, "rejected");
    job->skipped = (uint64_t)number_of(json, "skipped");
    job->saved = job->sent + job->rejected;
    for (size_t i = 0; i < ARRAY_LEN(state_names); i++) {
        job->state = str_is(state, state_names[i]) ? (enum job_state)i : job->state;
    }
    return ERR_OK;
}

static void load_one(struct producers *p, const struct meta_doc *doc)
{
    struct errmsg msg = {0};
    struct str name = str_from(doc->id);
    if (name.len > PRODUCERS_NAME_BYTES_MAX) {
        return;
    }
    struct producers_job *job = new_job(p, name);
    job->is_kept = true;
    job->spec = json_object();
    if (read_document(job, doc->json, &msg) != ERR_OK) {
        job->state = JOB_FAILED;
        producers_set_error(job, msg.text);
    }
    insert(p, job);
}

/* Page by page: a page ends early when its documents are large. */
void producers_load(struct producers *p)
{
    AUTO_TEXT after = xstrdup("");
    bool more = true;
    while (more && p->count < PRODUCERS_MAX) {
        AUTO_META_PAGE page = {0};
        struct errmsg msg = {0};
        uint32_t limit = (uint32_t)(PRODUCERS_MAX - p->count);
        if (meta_list(p->o.meta, kind, STR(""), str_from(after), limit, &page, &msg) != ERR_OK) {
            log_warn("producers cannot be read", "after=\"%s\" error=\"%s\"", after, msg.text);
            return;
        }
        for (size_t i = 0; i < page.count; i++) {
            load_one(p, &page.docs[i]);
        }
        more = page.more && page.count > 0;
        if (more) {
            free(after);
            after = TAKE(page.docs[page.count - 1].id);
        }
    }
}

/* ---- what people send ---- */

static err check_members(const json_t *body, const char *const *known, struct errmsg *msg)
{
    AUTO_BUF all = buf_make(ERRMSG_BYTES);
    for (size_t i = 0; known[i] != NULL; i++) {
        buf_puts(&all, i == 0 ? "" : ", ");
        buf_puts(&all, known[i]);
    }
    /* jansson's iteration wants a mutable object, and does not change it. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)body); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)body, at)) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], json_object_iter_key(at)) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            return errmsg_set(msg, ERR_INVALID, "unknown member \"%.100s\"; there are %s",
                              json_object_iter_key(at), buf_cstr(&all));
        }
    }
    const json_t *spec = json_object_get(body, "spec");
    return spec == NULL || json_is_object(spec)
               ? ERR_OK
               : errmsg_set(msg, ERR_INVALID, "\"spec\" must be an object");
}

static err check_name(struct str name, struct errmsg *msg)
{
    bool good = name.len > 0 && name.len <= PRODUCERS_NAME_BYTES_MAX;
    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    }
    return good ? ERR_OK
                : errmsg_set(msg, ERR_INVALID,
                             "\"name\" must have 1 to %d letters, digits, dots, dashes or "
                             "underscores",
                             PRODUCERS_NAME_BYTES_MAX);
}

/* The topic: the body's, else the specification's, else the present one; it leaves the latter. */
static err settle_topic(struct producers_job *job, const json_t *body, json_t *spec,
                        struct errmsg *msg)
{
    struct str topic = STR("");
    TRY(json_opt_str(spec, "topic", &topic, msg));
    TRY(json_opt_str(body, "topic", &topic, msg));
    if (topic.len == 0 && job->topic[0] == '\0') {
        return errmsg_set(msg, ERR_INVALID, "\"topic\" is missing: where the events go");
    }
    if (topic.len > TOPIC_NAME_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "a topic's name has at most %d bytes",
                          TOPIC_NAME_BYTES_MAX);
    }
    if (topic.len > 0) {
        memset(job->topic, 0, sizeof job->topic);
        memcpy(job->topic, topic.ptr, topic.len);
    }
    (void)json_object_del(spec, "topic"); /* missing is fine */
    return ERR_OK;
}

static err fill_job(struct producers_job *job, const json_t *body, struct errmsg *msg)
{
    struct str preset = STR("");
    TRY(json_opt_str(body, "preset", &preset, msg));
    job->preset = preset.len > 0 ? xstrndup(preset.ptr, preset.len) : NULL;
    err e = producer_spec(job->preset, json_object_get(body, "spec"), &job->spec, msg);
    if (e == ERR_NOT_FOUND) {
        return ERR_INVALID; /* the words are the same */
    }
    TRY(e);
    AUTO(producer) checked = NULL;
    TRY(producer_compile(job->spec, 0, 0, &checked, msg));
    return settle_topic(job, body, job->spec, msg);
}

err producers_create(struct producers *p, const json_t *body, bool is_kept,
                     struct producers_job **out_job, struct errmsg *msg)
{
    static const char *const known[] = {"name", "topic", "preset", "spec", "start", NULL};
    struct str name = STR("");
    bool start = true;
    if (body == NULL) {
        return errmsg_set(msg, ERR_INVALID,
                          "send {\"name\": \"...\", \"preset\": \"web_logs\"} or a \"spec\"");
    }
    TRY(check_members(body, known, msg));
    TRY(json_opt_str(body, "name", &name, msg));
    TRY(json_opt_bool(body, "start", &start, msg));
    TRY(check_name(name, msg));
    if (str_is(name, "presets")) {
        return errmsg_set(msg, ERR_INVALID,
                          "\"presets\" is the list of presets; choose another name");
    }
    if (producers_find(p, name) != NULL) {
        return errmsg_set(msg, ERR_EXISTS, "there is a producer \"%.*s\" already", STR_ARGS(name));
    }
    if (p->count == PRODUCERS_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "there are %d producers already: delete one",
                          PRODUCERS_MAX);
    }
    struct producers_job *job = new_job(p, name);
    job->is_kept = is_kept;
    job->created_us = os_now_us();
    err e = fill_job(job, body, msg);
    if (e == ERR_OK) {
        e = put(job, META_NEW, msg); /* first: one that cannot be kept does not begin */
    }
    if (e == ERR_OK && start) {
        e = producers_begin(job, msg);
        struct errmsg ignored = {0};
        if (e != ERR_OK && is_kept) {
            /* A document that stays behind would only be there, stopped, after a restart. */
            (void)meta_delete(p->o.meta, kind, name, META_ANY, &ignored);
        }
    }
    if (e != ERR_OK) {
        producers_lock(p);
        producers_job_unref(job);
        producers_unlock(p);
        return e;
    }
    insert(p, job);
    if (start) {
        producers_save(job);
    }
    *out_job = job;
    return ERR_OK;
}

err producers_change(struct producers *p, struct producers_job *job, const json_t *body,
                     struct errmsg *msg)
{
    static const char *const known[] = {"topic", "spec", NULL};
    AUTO_JSON spec = NULL;
    AUTO(producer) producer = NULL;
    char topic[sizeof job->topic];
    struct topic *ignored = NULL;
    if (body == NULL || json_object_size(body) == 0) {
        return errmsg_set(msg, ERR_INVALID,
                          "send what to change, such as {\"spec\": {\"rate\": 5}}");
    }
    TRY(check_members(body, known, msg));
    TRY(producer_spec_change(job->spec, json_object_get(body, "spec"), &spec, msg));
    TRY(producer_compile(spec, os_random_u64(), job->runs, &producer, msg));
    memcpy(topic, job->topic, sizeof topic);
    TRY(settle_topic(job, body, spec, msg));
    err e = job->state == JOB_RUNNING ? p->o.topic(p->o.ctx, str_from(job->topic), &ignored, msg)
                                      : ERR_OK;
    json_t *old_spec = job->spec;
    job->spec = json_incref(spec);
    if (e == ERR_OK) {
        e = put(job, META_ANY, msg);
    }
    if (e != ERR_OK) {
        memcpy(job->topic, topic, sizeof topic);
        json_decref(job->spec);
        job->spec = old_spec;
        return e;
    }
    json_decref(old_spec);
    if (job->state == JOB_RUNNING) {
        producers_lock(p);
        struct producer *old = job->next_producer;
        job->next_producer = TAKE(producer);
        job->change_us = os_mono_us();
        (void)pthread_cond_signal(&p->wake);
        producers_unlock(p);
        producer_free(old);
    }
    return ERR_OK;
}

err producers_job_start(struct producers *p, struct producers_job *job, struct errmsg *msg)
{
    (void)p;
    if (job->state == JOB_RUNNING) {
        return ERR_OK;
    }
    TRY(producers_begin(job, msg));
    return put(job, META_ANY, msg);
}

err producers_job_stop(struct producers *p, struct producers_job *job, struct errmsg *msg)
{
    (void)p;
    producers_end(job);
    return put(job, META_ANY, msg);
}

err producers_delete(struct producers *p, struct producers_job *job, struct errmsg *msg)
{
    if (job->is_kept) {
        err e = meta_delete(p->o.meta, kind, str_from(job->name), META_ANY, msg);
        if (e != ERR_OK && e != ERR_NOT_FOUND) {
            return e;
        }
    }
    producers_end(job);
    job->is_deleted = true;
    while (job->taps != NULL) {
        struct producers_tap *tap = job->taps;
        job->taps = tap->next;
        tap->on_end(tap);
    }
    take_out(p, job);
    return ERR_OK;
}

/* ---- what people see ---- */

static void set_time(json_t *json, const char *name, int64_t us)
{
    char text[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(us / 1000 * 1000, text); /* the length is not needed */
    json_object_set_new(json, name, us == 0 ? json_null() : json_string(text));
}

/* In quarters, which are exact in binary: 300.5, not 300.60000000000002. */
static double rounded(double rate)
{
    return round(rate * 4) / 4;
}

/* Over the last whole seconds since it runs. */
static double rate_now(const struct producers_job *job)
{
    int64_t now_us = os_mono_us();
    int64_t second = now_us / 1000000;
    uint64_t sum = 0;
    if (job->state != JOB_RUNNING) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(job->rate); i++) {
        int64_t age = second - job->rate[i].second;
        sum += age >= 1 && age <= RATE_SECONDS ? job->rate[i].count : 0;
    }
    double ran_s = (double)(second * 1000000 - job->running_us) / 1e6;
    if (ran_s < 1) { /* too young: what there is */
        sum += job->rate[(size_t)second % ARRAY_LEN(job->rate)].count;
        ran_s = (double)MAX(now_us - job->running_us, 200000) / 1e6;
    }
    return rounded((double)sum / MIN(ran_s, (double)RATE_SECONDS));
}

static const char *shown_state(const struct producers_job *job)
{
    struct producers *p = job->owner;
    if (job->state != JOB_RUNNING) {
        return state_names[job->state];
    }
    producers_lock(p);
    int64_t slowed_us = job->slowed_us;
    producers_unlock(p);
    return slowed_us != 0 && os_mono_us() - slowed_us < SLOWED_SHOWN_US ? "slowed" : "running";
}

json_t *producers_job_json(const struct producers_job *job, bool with_spec)
{
    struct producers *p = job->owner;
    json_t *json = json_object();
    struct pace pace = {0};
    int64_t elapsed_us = 0;
    producers_lock(p);
    uint64_t skipped = job->skipped;
    const struct producer *producer =
        job->next_producer != NULL ? job->next_producer : job->producer;
    if (job->state == JOB_RUNNING && producer != NULL) {
        pace = *producer_pace(producer);
        elapsed_us = job->next_producer != NULL ? 0 : os_mono_us() - job->start_us;
    }
    producers_unlock(p);
    json_object_set_new(json, "name", json_string(job->name));
    json_object_set_new(json, "topic", json_string(job->topic));
    json_object_set_new(json, "preset", job->preset ? json_string(job->preset) : json_null());
    json_object_set_new(json, "state", json_string(shown_state(job)));
    json_object_set_new(json, "sent", json_integer((json_int_t)job->sent));
    json_object_set_new(json, "rejected", json_integer((json_int_t)job->rejected));
    json_object_set_new(json, "skipped", json_integer((json_int_t)skipped));
    json_object_set_new(json, "rate_now", json_real(rate_now(job)));
    json_object_set_new(json, "rate_wanted", json_real(rounded(pace_rate(&pace, elapsed_us))));
    set_time(json, "created", job->created_us);
    set_time(json, "started", job->started_us);
    json_object_set_new(json, "last_error", job->error ? json_string(job->error) : json_null());
    set_time(json, "last_error_at", job->error_us);
    if (with_spec) {
        json_object_set(json, "spec", job->spec);
    }
    return json;
}

void producers_metrics(const struct producers *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct producers_job *job = p->jobs[i];
        char labels[PRODUCERS_NAME_BYTES_MAX + 16];
        metric_labels(job, labels);
        metric_set(metric_get(METRIC_COUNTER, "tarn_producer_events_total", labels,
                              "Events that the producer made and that were stored."),
                   (int64_t)job->sent);
        metric_set(metric_get(METRIC_COUNTER, "tarn_producer_rejected_total", labels,
                              "Events of the producer that were refused."),
                   (int64_t)job->rejected);
        metric_set(metric_get(METRIC_GAUGE, "tarn_producer_rate_events", labels,
                              "Events a second over the last seconds."),
                   (int64_t)rate_now(job));
        metric_set(metric_get(METRIC_GAUGE, "tarn_producer_failed", labels,
                              "1 while the producer has failed."),
                   job->state == JOB_FAILED);
    }
}

void producers_tap(struct producers_job *job, struct producers_tap *tap)
{
    tap->next = job->taps;
    job->taps = tap;
}

void producers_untap(struct producers_job *job, struct producers_tap *tap)
{
    for (struct producers_tap **at = &job->taps; *at != NULL; at = &(*at)->next) {
        if (*at == tap) {
            *at = tap->next;
            return;
        }
    }
}
