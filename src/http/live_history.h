/* SPDX-License-Identifier: MIT */
/* live_history.h - what this server did per minute, for 35 days, in documents of meta/.
 *
 *     kind live_minutes, id "2026-11-21T19": the 60 rows of an hour, put again each minute
 *     kind live_hours,   id "2026-11-21":    the 24 rows of a day, put when an hour has ended
 *
 * {"rows":[[minute,v…]],"topics":{"name":[[minute,events]]}}, minutes since 1970, values in the
 * order of enum history_metric, null where nobody knows. A crash loses the minute that has not
 * ended, a damaged or full disk the minutes until it is well: nothing else depends on it.
 * Owner: the reactor. A put costs one fsync, once a minute. */
#pragma once
#include "meta/meta.h"
#include "topic/store.h"

enum history_metric {
    HISTORY_EVENTS,
    HISTORY_BYTES,
    HISTORY_LANDED,
    HISTORY_ERRORS,
    HISTORY_REJECTED,
    HISTORY_DEAD,
    HISTORY_QUERIES,
    HISTORY_ACK_P99_MS, /* from here on the largest counts, before it the sum */
    HISTORY_QUERY_P95_MS,
    HISTORY_LAG_EVENTS,
    HISTORY_METRIC_COUNT
};
bool history_metric_of(struct str name, enum history_metric *out_metric);

enum { HISTORY_DAYS = 35, HISTORY_TOPICS_MAX = 50, HISTORY_POINTS_MAX = 11000 };

struct history;
/* Goes on with the present hour where it is there already. `meta` is borrowed. */
struct history *history_new(struct meta *meta, int64_t now_ms);
void history_free(struct history *h); /* NULL is fine */

struct history_topic {
    struct str name;
    int64_t events;
};
/* The minute that begins at `minute` (since 1970) has ended with these values; NAN: not known.
 * Topics: at most HISTORY_TOPICS_MAX, those without events left out. */
void history_add(struct history *h, int64_t minute, const double values[HISTORY_METRIC_COUNT],
                 const struct history_topic *topics, size_t topic_count);

struct history_query {
    enum history_metric metric;
    struct str topic;       /* of HISTORY_EVENTS; empty: all topics */
    int64_t from_minute;    /* a multiple of the bucket */
    int64_t to_minute;      /* exclusive, likewise */
    int64_t bucket_minutes; /* below 60: read from minutes, else from hours */
};
/* Reading what may be hundreds of documents, a few at a time: one step is milliseconds. The texts
 * of `query` are copied; the history must outlive the scan. */
struct history_scan;
struct history_scan *history_scan_new(struct history *h, const struct history_query *query);
void history_scan_free(struct history_scan *s); /* NULL is fine */
AUTO_DEFINE(history_scan)
/* *out_done: there is nothing more to read. Errors: those of meta/. */
err history_scan_step(struct history_scan *s, bool *out_done, struct errmsg *msg);
/* One value for each bucket ((to - from) / bucket of them), NAN where nothing is known. */
const double *history_scan_values(const struct history_scan *s, size_t *out_count);
