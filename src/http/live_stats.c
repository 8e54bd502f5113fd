/* SPDX-License-Identifier: MIT */
/* live_stats.c - a second of this server as one row of numbers: differences of what is counted
 * anyway. Costs a few loads for each topic and partition, and nothing where events pass. */
#include <math.h>
#include <unistd.h>

#include "http/live_int.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"

enum {
    MEMORY_EVERY_US = 5 * 1000 * 1000, /* the kernel walks the whole address space for it */
    DISK_EVERY_US = 5 * 1000 * 1000,
    STEP_US = 1000 * 1000,
    BACK_MS_MAX = 5000, /* a clock set back by less is waited for */
};

/* What only grows, and is told as what came in a second. */
static bool is_counter(size_t series)
{
    return series <= LIVE_QUERIES_FAILED;
}

void collector_init(struct collector *c)
{
    static const char *const classes[] = {"status=\"other\"", "status=\"1xx\"", "status=\"2xx\"",
                                          "status=\"3xx\"",   "status=\"4xx\"", "status=\"5xx\""};
    *c = (struct collector){.at_us = os_mono_us()};
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        c->requests[i] = metric_get(METRIC_COUNTER, "tarn_http_requests_total", classes[i],
                                    "HTTP requests answered");
    }
    c->ack = metric_get(METRIC_HISTOGRAM, "tarn_ingest_seconds", NULL,
                        "Time from a request's head to its answer, events.");
    c->query = metric_get(METRIC_HISTOGRAM, "tarn_query_answer_seconds", NULL,
                          "From a statement's arrival at the front to the end of its answer.");
    c->connections =
        metric_get(METRIC_GAUGE, "tarn_http_connections", NULL, "Open HTTP connections");
}

/* The difference to the last total, which is replaced. */
static int64_t step(int64_t *last, int64_t now)
{
    int64_t difference = now - *last;
    *last = now;
    return MAX(difference, (int64_t)0);
}

/* What one topic did since the last time. Its counters began at 0 with this process; where the
 * writer stands is known from its first word on. */
static void take_topic(struct api *api, struct topic *t, double sums[LIVE_SERIES_COUNT])
{
    struct api_topic_metrics metrics = api_topic_metrics(t);
    struct api_topic_metrics *kept = *topic_slot(t); /* made by the line above at the latest */
    struct api_topic_second *x = &kept->live;
    const struct wire_progress *p =
        writer_link_progress(api->writer, str_from(topic_meta_of(t)->name));
    int64_t landed = 0;
    x->lag = 0;
    for (uint32_t k = 0; k < topic_partition_count(t); k++) {
        int64_t done =
            p != NULL && k < p->partition_count ? p->committed[k] : topic_log_start(t, k);
        landed += done;
        x->lag += MAX(topic_acked_end(t, k) - done, (int64_t)0);
    }
    x->events_in = step(&x->events, metric_value(metrics.events));
    x->bytes_in = step(&x->bytes, metric_value(metrics.bytes));
    x->minute_events += x->events_in;
    sums[LIVE_EVENTS_IN] += (double)x->events_in;
    sums[LIVE_BYTES_IN] += (double)x->bytes_in;
    sums[LIVE_REJECTED] += (double)step(&x->rejected, metric_value(metrics.rejected));
    sums[LIVE_LAG_EVENTS] += (double)x->lag;
    int64_t landed_now = step(&x->landed, landed);
    int64_t dead_now = step(&x->dead, p == NULL ? 0 : p->dead_rows);
    if (x->has_landed) {
        sums[LIVE_EVENTS_LANDED] += (double)landed_now;
        sums[LIVE_DEAD] += (double)dead_now;
    }
    x->has_landed = p != NULL;
}

static void take_topics(struct api *api, double sums[LIVE_SERIES_COUNT])
{
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        take_topic(api, topic_store_at(api->store, i), sums);
    }
}

static void take_front(struct collector *c, struct api *api, double sums[LIVE_SERIES_COUNT])
{
    struct broker_stats queries = broker_stats_of(api->broker);
    int64_t requests = 0;
    for (size_t i = 0; i < ARRAY_LEN(c->requests); i++) {
        requests += metric_value(c->requests[i]);
    }
    sums[LIVE_REQUESTS] = (double)step(&c->last_requests, requests);
    sums[LIVE_QUERIES] = (double)step(&c->last_queries, (int64_t)queries.started);
    sums[LIVE_QUERIES_FAILED] = (double)step(&c->last_failed, (int64_t)queries.failed);
    sums[LIVE_ERRORS] =
        (double)step(&c->last_errors, metric_value(c->requests[5])) + sums[LIVE_QUERIES_FAILED];
    sums[LIVE_CONNECTIONS] = (double)metric_value(c->connections);
}

/* What health says too: of all processes, each as the front sees it or as it says itself. */
static double processes_bytes(struct api *api)
{
    if (api->children == NULL) {
        return (double)os_process_pss_bytes(getpid());
    }
    AUTO_JSON list = api->children(api->ctx);
    double sum = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        sum += (double)json_integer_value(json_object_get(json_array_get(list, i), "pss_bytes"));
    }
    return sum;
}

static void take_memory(struct collector *c, struct api *api, int64_t now_us)
{
    if (c->memory_us == 0 || now_us - c->memory_us >= MEMORY_EVERY_US) {
        c->memory_us = now_us;
        c->memory_bytes = processes_bytes(api);
    }
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    if (c->disk_us == 0 || now_us - c->disk_us >= DISK_EVERY_US) {
        c->disk_us = now_us;
        err e = os_disk_space(api->settings.data_dir, &free_bytes, &total_bytes, NULL);
        c->disk_free_bytes = e == ERR_OK ? (double)free_bytes : NAN;
    }
}

static double quantile_ms(const uint64_t counts[METRIC_BUCKETS], double q)
{
    double us = metric_buckets_quantile_us(counts, q);
    return us < 0 ? NAN : us / 1000;
}

/* Replaces `last` by the histogram's present counts; `out` is what came between. */
static void take_counts(const struct metric *m, uint64_t last[METRIC_BUCKETS],
                        uint64_t out[METRIC_BUCKETS])
{
    uint64_t now[METRIC_BUCKETS];
    metric_buckets(m, now);
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        out[i] = now[i] - last[i];
        last[i] = now[i];
    }
}

/* How long ago the log ended where the tables are now: the age of the oldest event in no table. */
static double lag_ms(struct collector *c, double acked, double lag, int64_t now_us)
{
    size_t at = (size_t)(c->acked_count % LIVE_POINTS_MAX);
    c->acked_at[at] = acked;
    c->acked_us[at] = now_us;
    c->acked_count++;
    if (lag <= 0) {
        return 0;
    }
    double landed = acked - lag;
    uint64_t low = c->acked_count > LIVE_POINTS_MAX ? c->acked_count - LIVE_POINTS_MAX : 0;
    uint64_t high = c->acked_count - 1;
    while (low < high) { /* the first point with more than has landed */
        uint64_t middle = low + (high - low) / 2;
        if (c->acked_at[middle % LIVE_POINTS_MAX] > landed) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return (double)(now_us - c->acked_us[low % LIVE_POINTS_MAX]) / 1000;
}

/* Milliseconds of the whole second that is nearest. */
static int64_t point_ms(void)
{
    return (os_now_ms() + LIVE_STEP_MS / 2) / LIVE_STEP_MS * LIVE_STEP_MS;
}

/* Each topic's part of the point that was just added. */
static void add_topics(struct api *api, struct live_ring *ring, double seconds)
{
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        struct topic *t = topic_store_at(api->store, i);
        const struct api_topic_metrics *kept = *topic_slot(t);
        const struct live_topic_values values = {.events_in =
                                                     (double)kept->live.events_in / seconds,
                                                 .bytes_in = (double)kept->live.bytes_in / seconds,
                                                 .lag_events = (double)kept->live.lag};
        live_ring_add_topic(ring, str_from(topic_meta_of(t)->name), values);
    }
}

/* Where the log ends, all partitions together. */
static double acked_of(const struct api *api)
{
    double sum = 0;
    for (size_t i = 0; i < topic_store_count(api->store); i++) {
        const struct topic *t = topic_store_at(api->store, i);
        for (uint32_t k = 0; k < topic_partition_count(t); k++) {
            sum += (double)topic_acked_end(t, k);
        }
    }
    return sum;
}

static void take_gauges(struct collector *c, struct api *api, int64_t now_us,
                        double values[LIVE_SERIES_COUNT])
{
    uint64_t ack[METRIC_BUCKETS];
    uint64_t query[METRIC_BUCKETS];
    take_memory(c, api, now_us);
    take_counts(c->ack, c->ack_counts, ack);
    take_counts(c->query, c->query_counts, query);
    values[LIVE_LAG_MS] = lag_ms(c, acked_of(api), values[LIVE_LAG_EVENTS], now_us);
    values[LIVE_MEMORY_BYTES] = c->memory_bytes;
    values[LIVE_DISK_FREE_BYTES] = c->disk_free_bytes;
    values[LIVE_ACK_P50_MS] = quantile_ms(ack, 0.5);
    values[LIVE_ACK_P95_MS] = quantile_ms(ack, 0.95);
    values[LIVE_ACK_P99_MS] = quantile_ms(ack, 0.99);
    values[LIVE_QUERY_P50_MS] = quantile_ms(query, 0.5);
    values[LIVE_QUERY_P95_MS] = quantile_ms(query, 0.95);
}

bool collector_take(struct collector *c, struct api *api, struct live_ring *ring)
{
    double values[LIVE_SERIES_COUNT] = {0};
    int64_t t_ms = point_ms();
    int64_t now_us = os_mono_us();
    if (t_ms <= live_ring_last_ms(ring)) {
        if (live_ring_last_ms(ring) - t_ms < BACK_MS_MAX) {
            return false; /* its events are part of the next point */
        }
        live_ring_reset(ring);
    }
    take_topics(api, values);
    take_front(c, api, values);
    take_gauges(c, api, now_us, values);
    /* A point that is late holds more than a second; a chart wants what one second had. */
    double seconds = (double)(now_us - c->at_us) / STEP_US;
    seconds = seconds > 1.5 ? seconds : 1;
    for (size_t i = 0; i < LIVE_SERIES_COUNT; i++) {
        values[i] = is_counter(i) ? round(values[i] / seconds) : values[i];
    }
    c->at_us = now_us;
    live_ring_add(ring, t_ms, values);
    memcpy(c->values, values, sizeof c->values);
    add_topics(api, ring, seconds);
    return true;
}
