/* SPDX-License-Identifier: MIT */
/* live_ring.h - the last hour of this server in points of one second, of fixed size: what a console
 * that has just been opened draws at once.
 *
 * A point is a row of numbers and, for the topics that were busy lately, events, bytes and lag.
 * LIVE_TOPICS_MAX topics have columns of their own, which are taken back from topics that were
 * quiet the whole hour or are gone; what has no place is summed up under LIVE_OTHER.
 * Memory: 0.6 MB, and 60 KB a topic that has sent within the hour.
 * Pure. Thread: one at a time. */
#pragma once
#include "base/buf.h"

struct live_ring; /* opaque */

enum live_series {
    LIVE_EVENTS_IN,
    LIVE_BYTES_IN,
    LIVE_EVENTS_LANDED,
    LIVE_REJECTED,
    LIVE_DEAD,
    LIVE_REQUESTS,
    LIVE_ERRORS,
    LIVE_QUERIES,
    LIVE_QUERIES_FAILED,
    LIVE_ACK_P50_MS,
    LIVE_ACK_P95_MS,
    LIVE_ACK_P99_MS,
    LIVE_QUERY_P50_MS,
    LIVE_QUERY_P95_MS,
    LIVE_LAG_EVENTS,
    LIVE_LAG_MS,
    LIVE_MEMORY_BYTES,
    LIVE_DISK_FREE_BYTES,
    LIVE_CONNECTIONS,
    LIVE_SERIES_COUNT
};
const char *live_series_name(enum live_series series); /* "events_in" */

enum {
    LIVE_POINTS_MAX = 3600,
    LIVE_TOPICS_MAX = 128,
    LIVE_TOPICS_SHOWN = 50, /* in an answer; the rest of them joins LIVE_OTHER */
    LIVE_STEP_MS = 1000,
};
#define LIVE_OTHER "…other"

struct live_topic_values {
    double events_in;
    double bytes_in;
    double lag_events;
};

struct live_ring *live_ring_new(void);
void live_ring_free(struct live_ring *r); /* NULL is fine */
AUTO_DEFINE(live_ring)
/* Begins the point of `t_ms` (milliseconds since 1970, later than the last one: see
 * live_ring_last_ms()). NAN stands for a value that nobody knows. */
void live_ring_add(struct live_ring *r, int64_t t_ms, const double values[LIVE_SERIES_COUNT]);
/* One topic's part of the newest point; each topic once a point. */
void live_ring_add_topic(struct live_ring *r, struct str name, struct live_topic_values values);
/* Forgets all points: the clock was set back. */
void live_ring_reset(struct live_ring *r);
int64_t live_ring_last_ms(const struct live_ring *r); /* 0: no point yet */
/* Sum of a series over the points later than `after_ms`; what is not known counts as 0. */
double live_ring_sum(const struct live_ring *r, enum live_series series, int64_t after_ms);

/* {"name":events,…} of the topics over the points later than `after_ms`, busiest first. */
void live_ring_write_sums(const struct live_ring *r, int64_t after_ms, struct buf *out);
/* The points later than `after_ms` as columns: {"t":[…],"events_in":[…],…}, with "topics":{name:
 * {"events_in":[…],"bytes_in":[…],"lag_events":[…]}} when asked for, and "gap":true when points
 * later than `after_ms` (0: any) are gone. Appended to `out`. */
void live_ring_write(const struct live_ring *r, int64_t after_ms, bool has_topics, struct buf *out);
