/* SPDX-License-Identifier: MIT */
/* live_ring.c - see live_ring.h.
 *
 * Point number n (from 0, never reused) lies at n % LIVE_POINTS_MAX in every column. A topic's
 * column is zeroed where its topic was not mentioned, so that all columns agree in length. */
#include "flow/live_ring.h"

#include <math.h>

static const char *const names[LIVE_SERIES_COUNT] = {
    [LIVE_EVENTS_IN] = "events_in",
    [LIVE_BYTES_IN] = "bytes_in",
    [LIVE_EVENTS_LANDED] = "events_landed",
    [LIVE_REJECTED] = "rejected",
    [LIVE_DEAD] = "dead",
    [LIVE_REQUESTS] = "requests",
    [LIVE_ERRORS] = "errors",
    [LIVE_QUERIES] = "queries",
    [LIVE_QUERIES_FAILED] = "queries_failed",
    [LIVE_ACK_P50_MS] = "ack_p50_ms",
    [LIVE_ACK_P95_MS] = "ack_p95_ms",
    [LIVE_ACK_P99_MS] = "ack_p99_ms",
    [LIVE_QUERY_P50_MS] = "query_p50_ms",
    [LIVE_QUERY_P95_MS] = "query_p95_ms",
    [LIVE_LAG_EVENTS] = "lag_events",
    [LIVE_LAG_MS] = "lag_ms",
    [LIVE_MEMORY_BYTES] = "memory_bytes",
    [LIVE_DISK_FREE_BYTES] = "disk_free_bytes",
    [LIVE_CONNECTIONS] = "connections",
};

enum { EVENTS, BYTES, LAG, TOPIC_SERIES };
static const char *const topic_series[TOPIC_SERIES] = {"events_in", "bytes_in", "lag_events"};

struct slot {
    char *name;          /* owned; NULL: free */
    uint64_t last_point; /* the last one with a number that is not 0 */
    float values[TOPIC_SERIES][LIVE_POINTS_MAX];
};

struct live_ring {
    uint64_t count; /* of points ever; the newest is count - 1 */
    uint64_t first; /* the oldest that may be told */
    int64_t t_ms[LIVE_POINTS_MAX];
    double values[LIVE_SERIES_COUNT][LIVE_POINTS_MAX];
    struct slot *slots[LIVE_TOPICS_MAX]; /* owned; NULL: never used */
    struct slot *other;                  /* owned; NULL: nothing was ever left over */
};

const char *live_series_name(enum live_series series)
{
    ASSERT(series < LIVE_SERIES_COUNT);
    return names[series];
}

struct live_ring *live_ring_new(void)
{
    return xnew(struct live_ring);
}

static void slot_free(struct slot *s)
{
    if (s != NULL) {
        free(s->name);
        free(s);
    }
}

void live_ring_free(struct live_ring *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < LIVE_TOPICS_MAX; i++) {
        slot_free(r->slots[i]);
    }
    slot_free(r->other);
    free(r);
}

static size_t place(uint64_t point)
{
    return (size_t)(point % LIVE_POINTS_MAX);
}

static void slot_clear_at(struct slot *s, size_t at)
{
    for (size_t k = 0; s != NULL && k < TOPIC_SERIES; k++) {
        s->values[k][at] = 0;
    }
}

void live_ring_add(struct live_ring *r, int64_t t_ms, const double values[LIVE_SERIES_COUNT])
{
    ASSERT(t_ms > live_ring_last_ms(r));
    size_t at = place(r->count);
    r->t_ms[at] = t_ms;
    for (size_t i = 0; i < LIVE_SERIES_COUNT; i++) {
        r->values[i][at] = values[i];
    }
    for (size_t i = 0; i < LIVE_TOPICS_MAX; i++) {
        slot_clear_at(r->slots[i], at);
    }
    slot_clear_at(r->other, at);
    r->count++;
    if (r->count - r->first > LIVE_POINTS_MAX) {
        r->first = r->count - LIVE_POINTS_MAX;
    }
}

void live_ring_reset(struct live_ring *r)
{
    r->first = r->count;
}

int64_t live_ring_last_ms(const struct live_ring *r)
{
    return r->count == r->first ? 0 : r->t_ms[place(r->count - 1)];
}

/* ---- topics ---- */

static struct slot *slot_make(struct slot **at, struct str name)
{
    if (*at == NULL) {
        *at = xnew(struct slot);
    }
    struct slot *s = *at;
    free(s->name);
    memset(s->values, 0, sizeof s->values);
    s->name = xstrndup(name.ptr, name.len);
    return s;
}

/* The topic's own column, or a free or a quiet one, or NULL. */
static struct slot *slot_for(struct live_ring *r, struct str name)
{
    struct slot **best = NULL;
    for (size_t i = 0; i < LIVE_TOPICS_MAX; i++) {
        struct slot *s = r->slots[i];
        if (s != NULL && s->name != NULL && str_is(name, s->name)) {
            return s;
        }
        bool is_free = s == NULL || s->name == NULL || s->last_point + LIVE_POINTS_MAX < r->count;
        if (best == NULL && is_free) {
            best = &r->slots[i];
        }
    }
    return best == NULL ? NULL : slot_make(best, name);
}

void live_ring_add_topic(struct live_ring *r, struct str name, struct live_topic_values values)
{
    if (r->count == r->first ||
        (values.events_in == 0 && values.bytes_in == 0 && values.lag_events == 0)) {
        return; /* zero is what is there */
    }
    struct slot *s = slot_for(r, name);
    if (s == NULL) {
        s = r->other == NULL ? slot_make(&r->other, STR(LIVE_OTHER)) : r->other;
    }
    size_t at = place(r->count - 1);
    s->last_point = r->count - 1;
    s->values[EVENTS][at] += (float)values.events_in;
    s->values[BYTES][at] += (float)values.bytes_in;
    s->values[LAG][at] += (float)values.lag_events;
}

/* ---- reading ---- */

/* The first point later than `after_ms`. */
static uint64_t first_after(const struct live_ring *r, int64_t after_ms)
{
    uint64_t low = r->first;
    uint64_t high = r->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (r->t_ms[place(middle)] > after_ms) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

double live_ring_sum(const struct live_ring *r, enum live_series series, int64_t after_ms)
{
    double sum = 0;
    for (uint64_t n = first_after(r, after_ms); n < r->count; n++) {
        double value = r->values[series][place(n)];
        sum += isnan(value) ? 0 : value;
    }
    return sum;
}

/* Counts without a point, times to the microsecond. */
static void put_number(struct buf *out, double value)
{
    if (!isfinite(value)) {
        buf_puts(out, "null");
    } else if (fabs(value) < 9e15 && value == floor(value)) {
        buf_add_i64(out, (int64_t)value);
    } else {
        buf_printf(out, "%.3f", value);
    }
}

static void put_column(const struct live_ring *r, const double *values, uint64_t from,
                       struct buf *out)
{
    for (uint64_t n = from; n < r->count; n++) {
        buf_puts(out, n == from ? "[" : ",");
        put_number(out, values[place(n)]);
    }
    buf_puts(out, from == r->count ? "[]" : "]");
}

struct shown {
    const struct slot *slot;
    double events;
    double bytes;
};

static int by_weight(const void *a, const void *b)
{
    const struct shown *left = a;
    const struct shown *right = b;
    if (left->events != right->events) {
        return left->events > right->events ? -1 : 1;
    }
    if (left->bytes != right->bytes) {
        return left->bytes > right->bytes ? -1 : 1;
    }
    return strcmp(left->slot->name, right->slot->name);
}

static size_t rank_topics(const struct live_ring *r, uint64_t from,
                          struct shown out[LIVE_TOPICS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < LIVE_TOPICS_MAX; i++) {
        const struct slot *s = r->slots[i];
        if (s == NULL || s->name == NULL || s->last_point < from) {
            continue;
        }
        struct shown *x = &out[count++];
        *x = (struct shown){.slot = s};
        for (uint64_t n = from; n < r->count; n++) {
            x->events += (double)s->values[EVENTS][place(n)];
            x->bytes += (double)s->values[BYTES][place(n)];
        }
    }
    qsort(out, count, sizeof out[0], by_weight);
    return count;
}

/* The sums of several topics' columns under one name. */
static void put_topic(const struct live_ring *r, const char *name, const struct slot *const *slots,
                      size_t slot_count, uint64_t from, struct buf *out)
{
    buf_add_json_string(out, str_from(name));
    buf_puts(out, ":{");
    for (size_t k = 0; k < TOPIC_SERIES; k++) {
        buf_printf(out, "%s\"%s\":[", k == 0 ? "" : ",", topic_series[k]);
        for (uint64_t n = from; n < r->count; n++) {
            double sum = 0;
            for (size_t i = 0; i < slot_count; i++) {
                sum += (double)slots[i]->values[k][place(n)];
            }
            buf_puts(out, n == from ? "" : ",");
            put_number(out, floor(sum + 0.5));
        }
        buf_puts(out, "]");
    }
    buf_puts(out, "}");
}

static void put_topics(const struct live_ring *r, uint64_t from, struct buf *out)
{
    struct shown shown[LIVE_TOPICS_MAX];
    const struct slot *rest[LIVE_TOPICS_MAX + 1];
    size_t rest_count = 0;
    size_t count = rank_topics(r, from, shown);
    buf_puts(out, ",\"topics\":{");
    for (size_t i = 0; i < count; i++) {
        if (i < LIVE_TOPICS_SHOWN) {
            buf_puts(out, i == 0 ? "" : ",");
            put_topic(r, shown[i].slot->name, &shown[i].slot, 1, from, out);
        } else {
            rest[rest_count++] = shown[i].slot;
        }
    }
    if (r->other != NULL && r->other->last_point >= from) {
        rest[rest_count++] = r->other;
    }
    if (rest_count > 0) {
        buf_puts(out, count == 0 ? "" : ",");
        put_topic(r, LIVE_OTHER, rest, rest_count, from, out);
    }
    buf_puts(out, "}");
}

void live_ring_write_sums(const struct live_ring *r, int64_t after_ms, struct buf *out)
{
    struct shown shown[LIVE_TOPICS_MAX];
    uint64_t from = first_after(r, after_ms);
    size_t count = rank_topics(r, from, shown);
    double rest = 0;
    bool is_any = count > 0 && shown[0].events > 0;
    buf_puts(out, "{");
    for (size_t i = 0; i < count && shown[i].events > 0; i++) {
        if (i < LIVE_TOPICS_SHOWN) {
            buf_puts(out, i == 0 ? "" : ",");
            buf_add_json_string(out, str_from(shown[i].slot->name));
            buf_printf(out, ":%.0f", shown[i].events);
        } else {
            rest += shown[i].events;
        }
    }
    for (uint64_t n = from; r->other != NULL && n < r->count; n++) {
        rest += (double)r->other->values[EVENTS][place(n)];
    }
    if (rest > 0) {
        buf_printf(out, "%s\"" LIVE_OTHER "\":%.0f", is_any ? "," : "", rest);
    }
    buf_puts(out, "}");
}

void live_ring_write(const struct live_ring *r, int64_t after_ms, bool has_topics, struct buf *out)
{
    uint64_t from = first_after(r, after_ms);
    bool is_gap = from == r->first && r->count > r->first && after_ms > 0 &&
                  r->t_ms[place(from)] - after_ms > LIVE_STEP_MS + LIVE_STEP_MS / 2;
    buf_puts(out, "{\"t\":");
    for (uint64_t n = from; n < r->count; n++) {
        buf_puts(out, n == from ? "[" : ",");
        buf_add_i64(out, r->t_ms[place(n)]);
    }
    buf_puts(out, from == r->count ? "[]" : "]");
    for (size_t i = 0; i < LIVE_SERIES_COUNT; i++) {
        buf_printf(out, ",\"%s\":", names[i]);
        put_column(r, r->values[i], from, out);
    }
    if (has_topics) {
        put_topics(r, from, out);
    }
    if (is_gap) {
        buf_puts(out, ",\"gap\":true");
    }
    buf_puts(out, "}");
}
