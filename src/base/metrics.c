/* SPDX-License-Identifier: MIT */
/* metrics.c - metrics in lists by name, which only grow or are marked dropped; values are relaxed
 * atomics. With thousands of topics there are some ten thousand: nothing here compares each with
 * each. */
#include "base/metrics.h"

#include <pthread.h>

#include "base/lookup.h"

enum { BUCKETS = METRIC_BUCKETS };

struct metric {
    struct metric *next; /* of the same name */
    enum metric_kind kind;
    char *key;          /* owned: the name, a NUL, the labels */
    const char *name;   /* in key */
    const char *labels; /* in key, "" when none */
    char *help;         /* owned */
    atomic_bool dropped;
    _Atomic int64_t value;      /* for a histogram: the sum in us */
    _Atomic uint64_t buckets[]; /* BUCKETS of a histogram, else none */
};

/* All metrics of one name: the exposition format wants their samples together. */
struct family {
    struct family *next;
    struct metric *first; /* never NULL */
    struct metric **tail;
};

/* All of these live as long as the process. */
static struct family *head;
static struct family **tail = &head;
static struct lookup by_name;
static struct lookup by_key;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock; takes `key`: the name, a NUL, the labels. */
static struct metric *metric_new(enum metric_kind kind, char *key, size_t key_bytes,
                                 const char *help)
{
    size_t buckets = kind == METRIC_HISTOGRAM ? BUCKETS : 0;
    struct metric *m = xcalloc(1, sizeof *m + buckets * sizeof m->buckets[0]);
    m->kind = kind;
    m->key = key;
    m->name = key;
    m->labels = key + strlen(key) + 1;
    m->help = xstrdup(help);
    lookup_add(&by_key, str_of(key, key_bytes), m);
    struct family *f = lookup_find(&by_name, str_from(m->name));
    if (f == NULL) {
        f = xnew(struct family);
        f->tail = &f->first;
        *tail = f;
        tail = &f->next;
        lookup_add(&by_name, str_from(m->name), f);
    }
    *f->tail = m;
    f->tail = &m->next;
    return m;
}

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
        m = metric_new(kind, TAKE(key), key_bytes, help);
    }
    atomic_store(&m->dropped, false);
    pthread_mutex_unlock(&lock);
    free(key);
    return m;
}

static void drop(struct metric *m)
{
    atomic_store(&m->dropped, true);
    atomic_store(&m->value, 0);
    for (int i = 0; m->kind == METRIC_HISTOGRAM && i < BUCKETS; i++) {
        atomic_store(&m->buckets[i], 0);
    }
}

void metric_drop_labels(const char *labels)
{
    pthread_mutex_lock(&lock);
    for (const struct family *f = head; f != NULL; f = f->next) {
        for (struct metric *m = f->first; m != NULL; m = m->next) {
            if (strcmp(m->labels, labels) == 0) {
                drop(m);
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
    for (const struct family *f = head; f != NULL; f = f->next) {
        bool has_head = false;
        for (const struct metric *m = f->first; m != NULL; m = m->next) {
            if (m->dropped) {
                continue;
            }
            if (!has_head) {
                buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                           kinds[m->kind]);
                has_head = true;
            }
            write_sample(m, out);
        }
    }
    pthread_mutex_unlock(&lock);
}

static void write_json(const struct metric *m, struct buf *out)
{
    AUTO_TEXT key =
        m->labels[0] != '\0' ? xasprintf("%s{%s}", m->name, m->labels) : xstrdup(m->name);
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

void metrics_write_json(struct buf *out)
{
    pthread_mutex_lock(&lock);
    const char *comma = "";
    buf_add_byte(out, '{');
    for (const struct family *f = head; f != NULL; f = f->next) {
        for (const struct metric *m = f->first; m != NULL; m = m->next) {
            if (!m->dropped) {
                buf_puts(out, comma);
                comma = ",";
                write_json(m, out);
            }
        }
    }
    buf_add_byte(out, '}');
    pthread_mutex_unlock(&lock);
}
