/* SPDX-License-Identifier: MIT */
/* metrics.h - counters, gauges and latency histograms that a thread updates without locks and
 * another reads. Registered once at start by name; names follow Prometheus (tarn_events_total),
 * labels are part of the registration: "topic=\"web_logs\"" or NULL.
 * Thread: updates from any; registration under an inner lock. */
#pragma once
#include <stdatomic.h>

#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
struct metric;

/* Returns the metric of that name and labels, made if needed. Never freed. `help` is one line. */
struct metric *metric_get(enum metric_kind kind, const char *name, const char *labels,
                          const char *help);
/* Forgets all metrics whose labels equal `labels` (a deleted topic's). */
void metric_drop_labels(const char *labels);
void metric_add(struct metric *m, int64_t delta);
void metric_set(struct metric *m, int64_t value);
int64_t metric_value(const struct metric *m);
/* Adds one observation in microseconds; buckets are powers of two times 1 us up to 67 s. */
void metric_observe_us(struct metric *m, uint64_t us);
/* Copies a histogram's counts: bucket i holds observations over 2^(i-1) up to 2^i us. The
 * difference of two copies is what came between them. */
enum { METRIC_BUCKETS = 27 };
void metric_buckets(const struct metric *m, uint64_t out_counts[METRIC_BUCKETS]);
/* Quantile q (0..1) of such counts in us, interpolated in its bucket; -1 when all are 0. Pure. */
double metric_buckets_quantile_us(const uint64_t counts[METRIC_BUCKETS], double q);
/* Upper bound in us of the bucket that holds quantile q (0..1) of all observations; 0 if none. */
uint64_t metric_quantile_us(const struct metric *m, double q);
/* The Prometheus text exposition of everything registered; histograms in seconds. */
void metrics_write_prometheus(struct buf *out);
/* One JSON object: {"name{labels}": value, ...}; histograms as {count,sum_us,p50_us,p99_us}. */
void metrics_write_json(struct buf *out);
