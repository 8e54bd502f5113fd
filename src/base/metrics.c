/* SPDX-License-Identifier: MIT */
/* metrics.c - a list of metrics that only grows or is marked dropped; values are relaxed
 * atomics. */
#include "base/metrics.h"

#include <pthread.h>

#include "base/lookup.h"

enum { BUCKETS = METRIC_BUCKETS };

struct metric {
    struct metric *next; /* owned by the list, which lives as long as the process */
    enum metric_kind kind;
    char *key;          /* owned: the name, a NUL, the labels */
    const char *name;   /* in key */
    const char *labels; /* in key, "" when none */
    char *help;         /* owned */
    atomic_bool dropped;
    _Atomic int64_t value; /* for a histogram: the sum in us */
    _Atomic uint64_t buckets[BUCKETS];
};

static struct metric *head;
static struct metric **tail = &head;
static struct lookup by_key;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct metric *metric_get(enum metric_kind kind, const char *name, const char *labels,
                          const char *help)
{
    const char *wanted = labels == NULL ? "" : labels;
    size_t name_bytes = strlen(name) + 1;
    size_t key_bytes = name_bytes + strlen(wanted);
    char *key = xnew_array(char, key_bytes + 1);
    memcpy(key, name, name_bytes);
    memcpy(key + name_bytes, wanted, key_bytes - name_bytes + 1);
    pthread_mutex_lock(&lock);
    struct metric *m = lookup_find(&by_key, str_of(key, key_bytes));
    if (m == NULL) {
        m = xnew(struct metric);
        m->kind = kind;
        m->key = TAKE(key);
        m->name = m->key;
        m->labels = m->key + name_bytes;
        m->help = xstrdup(help);
        lookup_add(&by_key, str_of(m->key, key_bytes), m);
        *tail = m;
        tail = &m->next;
    }
    atomic_store(&m->dropped, false);
    pthread_mutex_unlock(&lock);
    free(key);
    return m;
}

void metric_drop_labels(const char *labels)
{
    pthread_mutex_lock(&lock);
    for (struct metric *m = head; m != NULL; m = m->next) {
        if (strcmp(m->labels, labels) == 0) {
            atomic_store(&m->dropped, true);
            atomic_store(&m->value, 0);
            for (int i = 0; i < BUCKETS; i++) {
                atomic_store(&m->buckets[i], 0);
            }
        }
    }
    pthread_mutex_unlock(&lock);
}

void metric_add(struct metric *m, int64_t delta)
{
    atomic_fetch_add_explicit(&m->value, delta, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t value)
{
    atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

int64_t metric_value(const struct metric *m)
{
    return atomic_load_explicit(&m->value, memory_order_relaxed);
}

/* Bucket i holds observations up to 2^i us. */
static int bucket_of(uint64_t us)
{
    int bucket = us <= 1 ? 0 : 64 - __builtin_clzll(us - 1);
    return MIN(bucket, BUCKETS - 1);
}

void metric_observe_us(struct metric *m, uint64_t us)
{
    ASSERT(m->kind == METRIC_HISTOGRAM);
    atomic_fetch_add_explicit(&m->buckets[bucket_of(us)], 1, memory_order_relaxed);
    metric_add(m, (int64_t)us);
}

static uint64_t bucket_value(const struct metric *m, int i)
{
    return atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
}

static uint64_t observations(const struct metric *m)
{
    uint64_t count = 0;
    for (int i = 0; i < BUCKETS; i++) {
        count += bucket_value(m, i);
    }
    return count;
}

void metric_buckets(const struct metric *m, uint64_t out_counts[METRIC_BUCKETS])
{
    ASSERT(m->kind == METRIC_HISTOGRAM);
    for (int i = 0; i < BUCKETS; i++) {
        out_counts[i] = bucket_value(m, i);
    }
}

double metric_buckets_quantile_us(const uint64_t counts[METRIC_BUCKETS], double q)
{
    uint64_t total = 0;
    for (int i = 0; i < BUCKETS; i++) {
        total += counts[i];
    }
    double rank = q * (double)total;
    double seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        double count = (double)counts[i];
        if (counts[i] > 0 && seen + count >= rank) {
            double low = i == 0 ? 0 : (double)(1ULL << (i - 1));
            double high = (double)(1ULL << i);
            return low + (high - low) * (rank - seen) / count;
        }
        seen += count;
    }
    return -1;
}

uint64_t metric_quantile_us(const struct metric *m, double q)
{
    uint64_t count = observations(m);
    if (count == 0) {
        return 0;
    }
    uint64_t rank = (uint64_t)(q * (double)count);
    uint64_t seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += bucket_value(m, i);
        if (seen > rank) {
            return 1ULL << i;
        }
    }
    return 1ULL << (BUCKETS - 1);
}

static void write_histogram(const struct metric *m, struct buf *out)
{
    uint64_t seen = 0;
    const char *comma = m->labels[0] != '\0' ? "," : "";
    for (int i = 0; i < BUCKETS; i++) {
        seen += bucket_value(m, i);
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", m->name, m->labels, comma,
                   (double)(1ULL << i) / 1e6, (unsigned long long)seen);
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", m->name, m->labels, comma,
               (unsigned long long)seen);
    const char *open = m->labels[0] != '\0' ? "{" : "";
    const char *close = m->labels[0] != '\0' ? "}" : "";
    buf_printf(out, "%s_sum%s%s%s %g\n", m->name, open, m->labels, close,
               (double)metric_value(m) / 1e6);
    buf_printf(out, "%s_count%s%s%s %llu\n", m->name, open, m->labels, close,
               (unsigned long long)seen);
}

static bool is_first_of_name(const struct metric *m)
{
    for (const struct metric *other = head; other != m; other = other->next) {
        if (!other->dropped && strcmp(other->name, m->name) == 0) {
            return false;
        }
    }
    return true;
}

static void write_sample(const struct metric *m, struct buf *out)
{
    if (m->kind == METRIC_HISTOGRAM) {
        write_histogram(m, out);
    } else if (m->labels[0] != '\0') {
        buf_printf(out, "%s{%s} %lld\n", m->name, m->labels, (long long)metric_value(m));
    } else {
        buf_printf(out, "%s %lld\n", m->name, (long long)metric_value(m));
    }
}

void metrics_write_prometheus(struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    pthread_mutex_lock(&lock);
    for (const struct metric *m = head; m != NULL; m = m->next) {
        if (m->dropped || !is_first_of_name(m)) {
            continue;
        }
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, kinds[m->kind]);
        /* The exposition format wants all samples of a name together. */
        for (const struct metric *same = m; same != NULL; same = same->next) {
            if (!same->dropped && strcmp(same->name, m->name) == 0) {
                write_sample(same, out);
            }
        }
    }
    pthread_mutex_unlock(&lock);
}

void metrics_write_json(struct buf *out)
{
    pthread_mutex_lock(&lock);
    const char *comma = "";
    buf_add_byte(out, '{');
    for (const struct metric *m = head; m != NULL; m = m->next) {
        if (m->dropped) {
            continue;
        }
        AUTO_TEXT key =
            m->labels[0] != '\0' ? xasprintf("%s{%s}", m->name, m->labels) : xstrdup(m->name);
        buf_puts(out, comma);
        comma = ",";
        buf_add_json_string(out, str_from(key));
        if (m->kind == METRIC_HISTOGRAM) {
            buf_printf(out, ":{\"count\":%llu,\"sum_us\":%lld,\"p50_us\":%llu,\"p99_us\":%llu}",
                       (unsigned long long)observations(m), (long long)metric_value(m),
                       (unsigned long long)metric_quantile_us(m, 0.5),
                       (unsigned long long)metric_quantile_us(m, 0.99));
        } else {
            buf_printf(out, ":%lld", (long long)metric_value(m));
        }
    }
    buf_add_byte(out, '}');
    pthread_mutex_unlock(&lock);
}
