/* SPDX-License-Identifier: MIT */
/* api_health.c - how tarn is: /health, /api/v1/health, /api/v1/metrics, /metrics.
 *
 * Health is "ok", "degraded" (something needs a person, service goes on) or "failed" (events are
 * refused). The status is 200 for the first two and 503 for the last, for load balancers. */
#include "flow/importer.h"
#include "http/api.h"
#include "http/live.h"
#include "os/clock.h"
#include "os/file.h"
#include "topic/idempotency.h"

enum { SIZES_LISTED = 50 };

enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_FAILED };
static const char *const health_names[] = {"ok", "degraded", "failed"};

struct report {
    struct health_log *log; /* borrowed */
    json_t *components;     /* owned by the answer */
    enum health worst;
};

/* The console's page where one looks next. */
static const char *link_of(const char *component)
{
    static const struct {
        const char *component;
        const char *link;
    } rows[] = {{"ingest", "/live"},    {"log", "/topics"},    {"writer", "/tables"},
                {"query", "/sql"},      {"meta", "/settings"}, {"producers", "/producers"},
                {"imports", "/tables"}, {"disk", "/topics"},   {"memory", "/"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].component, component) == 0) {
            return rows[i].link;
        }
    }
    return "/";
}

static json_t *add(struct report *r, const char *component, enum health state, const char *reason)
{
    json_t *json = json_object();
    json_object_set_new(json, "component", json_string(component));
    json_object_set_new(json, "state", json_string(health_names[state]));
    json_object_set_new(json, "reason", json_string(reason));
    health_entry_write(health_log_note(r->log, component, (int)state, reason, os_now_us()), json);
    json_object_set_new(json, "link", json_string(link_of(component)));
    json_array_append_new(r->components, json);
    r->worst = MAX(r->worst, state);
    return json;
}

static void add_log(struct report *r, struct api *api)
{
    struct errmsg msg = {0};
    if (topic_store_failed(api->store, &msg)) {
        add(r, "log", HEALTH_FAILED, msg.text);
        return;
    }
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        struct topic *t = topic_store_at(api->store, i);
        for (uint32_t p = 0; p < topic_partition_count(t); p++) {
            enum topic_partition_state state = topic_partition_state(t, p, &msg);
            if (state == TOPIC_PARTITION_WAITING) {
                add(r, "log", HEALTH_DEGRADED, msg.text);
                return;
            }
            if (state == TOPIC_PARTITION_DAMAGED) {
                AUTO_TEXT reason = xasprintf("%s partition %u is damaged: %s; `tarn topic repair` "
                                             "lets go of it",
                                             topic_meta_of(t)->name, p, msg.text);
                add(r, "log", HEALTH_DEGRADED, reason);
                return;
            }
        }
    }
    json_t *json = add(r, "log", HEALTH_OK, "");
    struct idem_stats idem = idem_stats_of(api->store);
    json_object_set_new(json, "unsynced_bytes",
                        json_integer((json_int_t)topic_store_unsynced_bytes(api->store)));
    json_object_set_new(json, "idempotency_keys", json_integer((json_int_t)idem.keys));
}

static void add_writer(struct report *r, struct api *api)
{
    if (!writer_link_is_attached(api->writer)) {
        add(r, "writer", HEALTH_DEGRADED, "the writer process is being restarted");
        return;
    }
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        const struct topic_meta *m = topic_meta_of(topic_store_at(api->store, i));
        const struct wire_progress *p = writer_link_progress(api->writer, str_from(m->name));
        if (p != NULL && !str_is(p->state, "ok")) {
            AUTO_TEXT reason =
                xasprintf("%s: %.*s: %.*s", m->table, STR_ARGS(p->state), STR_ARGS(p->detail));
            add(r, "writer", HEALTH_DEGRADED, reason);
            return;
        }
        if (topic_is_too_far_behind(topic_store_at(api->store, i))) {
            AUTO_TEXT reason = xasprintf("%s: events have not landed up to unlanded_rows_max; "
                                         "its senders are slowed",
                                         m->table);
            add(r, "writer", HEALTH_DEGRADED, reason);
            return;
        }
    }
    add(r, "writer", HEALTH_OK, "");
}

static void add_query(struct report *r, const struct api *api)
{
    const struct wire_metrics *m = broker_metrics(api->broker);
    int64_t confined = 1;
    if (m != NULL) {
        (void)json_opt_i64(m->metrics, "tarn_query_confined", &confined, NULL); /* stays 1 */
    }
    if (!broker_is_attached(api->broker)) {
        add(r, "query", HEALTH_DEGRADED, "the query process is being restarted");
    } else if (confined == 0) {
        add(r, "query", HEALTH_DEGRADED,
            "this kernel cannot confine the query process (Landlock, Linux 5.13): SQL has one wall "
            "less");
    } else {
        add(r, "query", HEALTH_OK, "");
    }
}

/* Bytes a second by which the disk fills, over the last five minutes or since the start. */
static double disk_rate(const struct api *api, uint64_t free_bytes)
{
    if (api->disk_samples == 0) {
        return 0;
    }
    uint64_t oldest =
        api->disk_samples > API_DISK_SAMPLES ? api->disk_samples - API_DISK_SAMPLES : 0;
    const struct api_disk_sample *from = &api->disk[oldest % API_DISK_SAMPLES];
    double seconds = (double)(os_mono_us() - from->at_us) / 1e6;
    return seconds >= 1 && from->free_bytes > free_bytes
               ? (double)(from->free_bytes - free_bytes) / seconds
               : 0;
}

struct sized {
    const char *name; /* borrowed */
    uint64_t bytes;
};

static int larger_first(const void *a, const void *b)
{
    const struct sized *left = a;
    const struct sized *right = b;
    return left->bytes != right->bytes ? (left->bytes < right->bytes ? 1 : -1)
                                       : strcmp(left->name, right->name);
}

/* The largest by name, and what all others have together: whoever looks after the server asks for
 * this each few seconds. Sorts `list`. */
static void set_sizes(json_t *json, const char *key, const char *other_key, struct sized *list,
                      size_t count)
{
    json_t *largest = json_object();
    uint64_t other_bytes = 0;
    qsort(list, count, sizeof *list, larger_first);
    for (size_t i = 0; i < count; i++) {
        if (i < SIZES_LISTED) {
            json_object_set_new(largest, list[i].name, json_integer((json_int_t)list[i].bytes));
        } else {
            other_bytes += list[i].bytes;
        }
    }
    json_object_set_new(json, key, largest);
    json_object_set_new(json, other_key, json_integer((json_int_t)other_bytes));
}

/* Bytes of topics and tables. */
static void add_sizes(json_t *json, struct api *api)
{
    size_t count = topic_store_count(api->store);
    struct sized *topics = xnew_array(struct sized, MAX(count, 1));
    struct sized *tables = xnew_array(struct sized, MAX(count, 1));
    for (size_t i = 0; i < count; i++) {
        const struct topic *t = topic_store_at(api->store, i);
        const struct topic_meta *m = topic_meta_of(t);
        const struct wire_progress *p = writer_link_progress(api->writer, str_from(m->name));
        topics[i] = (struct sized){m->name, topic_bytes(t)};
        tables[i] = (struct sized){m->table, p == NULL ? 0 : (uint64_t)MAX(p->bytes, 0)};
    }
    set_sizes(json, "topic_bytes", "topic_bytes_other", topics, count);
    set_sizes(json, "table_bytes", "table_bytes_other", tables, count);
    free(topics);
    free(tables);
}

/* Bytes per topic and table, and how long the disk lasts as it fills now. */
static void add_disk(struct report *r, struct api *api)
{
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    struct errmsg msg = {0};
    err e = os_disk_space(api->settings.data_dir, &free_bytes, &total_bytes, &msg);
    double rate = e == ERR_OK ? disk_rate(api, free_bytes) : 0;
    bool low = e == ERR_OK && free_bytes < (256ULL << 20);
    json_t *json = add(r, "disk", e != ERR_OK || low ? HEALTH_DEGRADED : HEALTH_OK,
                       e != ERR_OK ? msg.text
                       : low       ? "less than 256 MiB are free; appends are refused when none is"
                                   : "");
    json_object_set_new(json, "free_bytes", json_integer((json_int_t)free_bytes));
    json_object_set_new(json, "total_bytes", json_integer((json_int_t)total_bytes));
    add_sizes(json, api);
    json_object_set_new(json, "bytes_per_second", json_real(rate));
    json_object_set_new(json, "seconds_left",
                        rate > 0 ? json_integer((json_int_t)((double)free_bytes / rate))
                                 : json_null());
}

/* Whether events get in as fast as they are sent. */
static void add_ingest(struct report *r, struct api *api)
{
    struct errmsg msg = {0};
    if (topic_store_failed(api->store, &msg)) {
        add(r, "ingest", HEALTH_FAILED, "events are refused: the log has failed");
    } else if (topic_store_unsynced_bytes(api->store) >= api->settings.unsynced_bytes_max) {
        add(r, "ingest", HEALTH_DEGRADED,
            "senders are slowed: the disk is slower than what they send");
    } else {
        add(r, "ingest", HEALTH_OK, "");
    }
}

static void add_meta(struct report *r, struct api *api)
{
    struct errmsg msg = {0};
    AUTO_META_DOC doc = {0};
    err e = meta_get(api->meta, "health", STR("-"), &doc, &msg);
    bool is_ok = e == ERR_OK || e == ERR_NOT_FOUND;
    add(r, "meta", is_ok ? HEALTH_OK : HEALTH_DEGRADED, is_ok ? "" : msg.text);
}

static void add_producers(struct report *r, struct api *api)
{
    size_t running = 0;
    AUTO_TEXT reason = NULL;
    for (size_t i = 0; api->producers != NULL && i < producers_count(api->producers); i++) {
        const struct producers_job *job = producers_at(api->producers, i);
        AUTO_JSON json = producers_job_json(job, false);
        struct str state = {0};
        struct str error = {0};
        (void)json_opt_str(json, "state", &state, NULL); /* ours: it is a text */
        (void)json_opt_str(json, "error", &error, NULL); /* likewise, or null */
        running += str_is(state, "running") ? 1 : 0;
        if (str_is(state, "failed") && reason == NULL) {
            reason = xasprintf("%s: %.*s", producers_job_name(job), (int)error.len,
                               error.ptr == NULL ? "" : error.ptr);
        }
    }
    json_t *json = add(r, "producers", reason == NULL ? HEALTH_OK : HEALTH_DEGRADED,
                       reason == NULL ? "" : reason);
    json_object_set_new(json, "running", json_integer((json_int_t)running));
}

/* An import that failed is its sender's matter, not the server's: it is only named. */
static void add_imports(struct report *r, struct api *api)
{
    AUTO_BUF text = buf_make(4 << 20);
    AUTO_JSON list = NULL;
    size_t running = 0;
    bool is_named = false;
    importer_list(api->importer, &text);
    if (json_parse(buf_str(&text), &list, NULL) != ERR_OK) {
        list = json_array();
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *x = json_array_get(list, i);
        struct str state = {0};
        struct str detail = {0};
        (void)json_opt_str(x, "state", &state, NULL); /* ours: it is a text */
        (void)json_opt_str(json_object_get(x, "error"), "detail", &detail, NULL); /* or none */
        bool is_over =
            str_is(state, "done") || str_is(state, "failed") || str_is(state, "cancelled");
        running += is_over ? 0 : 1;
        if (str_is(state, "failed") && !is_named && detail.len > 0) {
            AUTO_TEXT copy = xstrndup(detail.ptr, detail.len);
            health_log_error(r->log, "imports", copy, os_now_us());
            is_named = true;
        }
    }
    json_t *json = add(r, "imports", HEALTH_OK, "");
    json_object_set_new(json, "running", json_integer((json_int_t)running));
}

static void add_memory(struct report *r, struct api *api)
{
    double bytes = api->live == NULL ? 0 : live_memory_bytes(api->live);
    /* The bound is kept by what allocates; code and the allocators' own pages come on top. */
    bool is_over = bytes > 1.25 * (double)api->settings.memory_bytes;
    json_t *json = add(r, "memory", is_over ? HEALTH_DEGRADED : HEALTH_OK,
                       is_over ? "the processes hold more than the setting `memory`" : "");
    json_object_set_new(json, "bytes", json_integer((json_int_t)bytes));
    json_object_set_new(json, "bound_bytes", json_integer((json_int_t)api->settings.memory_bytes));
}

/* A process that was started again is well when somebody looks: its end is remembered. */
static void note_restarts(struct api *api)
{
    static const char *const rows[][2] = {{"writer", "process=\"writer\""},
                                          {"query", "process=\"query\""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t now = metric_value(metric_get(METRIC_COUNTER, "tarn_child_restarts_total",
                                              rows[i][1], "Times a process was started again."));
        if (now > api->restarts[i]) {
            health_log_error(&api->health, rows[i][0], "the process ended and was started again",
                             os_now_us());
        }
        api->restarts[i] = now;
    }
}

static json_t *components_of(struct api *api, enum health *out_worst)
{
    struct report r = {.log = &api->health, .components = json_array()};
    note_restarts(api);
    add_ingest(&r, api);
    add_log(&r, api);
    add_writer(&r, api);
    add_query(&r, api);
    add_meta(&r, api);
    add_producers(&r, api);
    add_imports(&r, api);
    add_disk(&r, api);
    add_memory(&r, api);
    *out_worst = r.worst;
    return r.components;
}

void api_tick(struct api *api)
{
    int64_t now = os_mono_us();
    hold_pool_tick(&api->held, now);
    uint64_t last = api->disk_samples - 1;
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    if ((api->disk_samples == 0 ||
         now - api->disk[last % API_DISK_SAMPLES].at_us >= API_DISK_SAMPLE_US) &&
        os_disk_space(api->settings.data_dir, &free_bytes, &total_bytes, NULL) == ERR_OK) {
        api->disk[api->disk_samples++ % API_DISK_SAMPLES] =
            (struct api_disk_sample){now, free_bytes};
    }
    if (now - api->judged_us >= API_JUDGE_US) {
        api->judged_us = now; /* so that `since` is near the truth though nobody asks */
        enum health worst;
        json_decref(components_of(api, &worst));
    }
}

void api_health_key(struct api *api, struct buf *out)
{
    enum health worst;
    AUTO_JSON components = components_of(api, &worst);
    for (size_t i = 0; i < json_array_size(components); i++) {
        const json_t *component = json_array_get(components, i);
        const char *reason = json_string_value(json_object_get(component, "reason"));
        buf_puts(out, json_string_value(json_object_get(component, "state")));
        buf_puts(out, reason == NULL ? "" : reason);
        buf_add_byte(out, '\n');
    }
}

json_t *api_health_json(struct api *api, bool *out_has_failed)
{
    enum health worst;
    json_t *answer = json_object();
    json_t *components = components_of(api, &worst);
    if (api->children != NULL) {
        json_t *children = api->children(api->ctx);
        uint64_t pss = 0;
        for (size_t i = 0; i < json_array_size(children); i++) {
            pss += (uint64_t)json_integer_value(
                json_object_get(json_array_get(children, i), "pss_bytes"));
        }
        json_object_set_new(answer, "processes", children);
        json_object_set_new(answer, "memory_bytes", json_integer((json_int_t)pss));
        json_object_set_new(answer, "memory_bound_bytes",
                            json_integer((json_int_t)api->settings.memory_bytes));
    }
    json_object_set_new(answer, "request_bytes", json_integer((json_int_t)api->held.bytes));
    json_object_set_new(answer, "request_bound_bytes",
                        json_integer((json_int_t)api->held.bytes_max));
    json_object_set_new(answer, "state", json_string(health_names[worst]));
    json_object_set_new(answer, "version", json_string(TARN_VERSION));
    json_object_set_new(answer, "uptime_seconds",
                        json_integer((os_mono_us() - api->started_us) / 1000000));
    json_object_set_new(answer, "components", components);
    *out_has_failed = worst == HEALTH_FAILED;
    return answer;
}

static void on_health(struct http_exchange *ex)
{
    bool has_failed = false;
    json_t *answer = api_health_json(api_of(ex), &has_failed);
    api_respond_json(ex, has_failed ? 503 : 200, answer);
}
const struct http_handler api_health_get = {.on_request = on_health};

static void refresh_requests(const struct hold_pool *p)
{
    const struct {
        enum metric_kind kind;
        const char *name;
        const char *help;
        uint64_t value;
    } rows[] = {
        {METRIC_GAUGE, "tarn_request_bytes", "Memory that requests under way hold.", p->bytes},
        {METRIC_GAUGE, "tarn_request_bytes_peak", "The most that it was since the start.", p->peak},
        {METRIC_GAUGE, "tarn_request_bytes_max", "Its bound.", p->bytes_max},
        {METRIC_COUNTER, "tarn_requests_early_total",
         "Times that batches were appended early to free memory.", p->shrunk},
        {METRIC_COUNTER, "tarn_requests_waited_total",
         "Times that a request's body was not read on for want of memory.", p->waited},
        {METRIC_COUNTER, "tarn_requests_memory_short_total", "Requests refused for want of memory.",
         p->refused},
        {METRIC_COUNTER, "tarn_requests_too_slow_total",
         "Requests ended because they came slowly while memory was short.", p->slow},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        metric_set(metric_get(rows[i].kind, rows[i].name, NULL, rows[i].help),
                   (int64_t)rows[i].value);
    }
}

/* Gauges that are cheaper to compute when asked than to keep. */
static void refresh_gauges(struct api *api)
{
    static const char unsynced[] = "Bytes appended and not yet on disk.";
    metric_set(metric_get(METRIC_GAUGE, "tarn_log_unsynced_bytes", NULL, unsynced),
               (int64_t)topic_store_unsynced_bytes(api->store));
    struct topic_sync_stats sync = topic_store_sync_stats(api->store);
    metric_set(metric_get(METRIC_GAUGE, "tarn_sync_rounds", NULL, "Group commits so far."),
               (int64_t)sync.rounds);
    metric_set(
        metric_get(METRIC_GAUGE, "tarn_sync_last_us", NULL, "Time of the last group commit."),
        (int64_t)sync.last_us);
    struct broker_stats queries = broker_stats_of(api->broker);
    metric_set(metric_get(METRIC_GAUGE, "tarn_queries_running", NULL, "Queries that run now."),
               queries.running);
    metric_set(metric_get(METRIC_GAUGE, "tarn_queries_waiting", NULL, "Queries that wait."),
               queries.waiting);
    metric_set(metric_get(METRIC_GAUGE, "tarn_queries_started", NULL, "Queries so far."),
               (int64_t)queries.started);
    metric_set(metric_get(METRIC_GAUGE, "tarn_queries_failed", NULL, "Queries that failed."),
               (int64_t)queries.failed);
    refresh_requests(&api->held);
    if (api->producers != NULL) {
        producers_metrics(api->producers);
    }
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        const struct topic *t = topic_store_at(api->store, i);
        const struct topic_meta *m = topic_meta_of(t);
        const struct wire_progress *p = writer_link_progress(api->writer, str_from(m->name));
        char labels[TOPIC_NAME_BYTES_MAX + 16];
        (void)snprintf(labels, sizeof labels, "topic=\"%s\"", m->name); /* fits */
        int64_t lag = 0;
        for (uint32_t k = 0; k < topic_partition_count(t); k++) {
            int64_t done =
                p != NULL && k < p->partition_count ? p->committed[k] : topic_log_start(t, k);
            lag += MAX(topic_acked_end(t, k) - done, (int64_t)0);
        }
        metric_set(metric_get(METRIC_GAUGE, "tarn_topic_lag_events", labels,
                              "Acknowledged events that are not in the table yet."),
                   lag);
        metric_set(metric_get(METRIC_GAUGE, "tarn_topic_unlanded_limit_events", labels,
                              "Events not in the table yet at which senders are slowed; 0: none."),
                   (int64_t)m->settings.unlanded_rows_max);
        metric_set(metric_get(METRIC_GAUGE, "tarn_topic_log_bytes", labels, "Size of the log."),
                   (int64_t)topic_bytes(t));
        metric_set(
            metric_get(METRIC_GAUGE, "tarn_dead_letters", labels, "Rows of the dead-letter table."),
            p == NULL ? 0 : p->dead_rows);
    }
}

static void on_prometheus(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    AUTO_BUF body = buf_make(64 << 20);
    refresh_gauges(api);
    metrics_write_prometheus(&body);
    const struct wire_metrics *writer = writer_link_metrics(api->writer);
    const struct wire_metrics *query = broker_metrics(api->broker);
    if (writer != NULL) {
        buf_add_str(&body, writer->prometheus);
    }
    if (query != NULL) {
        buf_add_str(&body, query->prometheus);
    }
    http_respond_type(ex, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&body));
}
const struct http_handler api_metrics_prometheus = {.on_request = on_prometheus};

static void add_child_metrics(struct buf *body, const char *name, const struct wire_metrics *m)
{
    buf_printf(body, ",\"%s\":", name);
    if (m == NULL || m->metrics == NULL || json_write(m->metrics, body) != ERR_OK) {
        buf_puts(body, "{}");
    }
}

static void on_json(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    AUTO_BUF body = buf_make(64 << 20);
    refresh_gauges(api);
    buf_puts(&body, "{\"front\":");
    metrics_write_json(&body);
    add_child_metrics(&body, "writer", writer_link_metrics(api->writer));
    add_child_metrics(&body, "query", broker_metrics(api->broker));
    buf_add_byte(&body, '}');
    http_respond_json(ex, 200, buf_str(&body));
}
const struct http_handler api_metrics_json = {.on_request = on_json};
