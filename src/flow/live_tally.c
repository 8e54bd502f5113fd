/* SPDX-License-Identifier: MIT */
/* live_tally.c - see live_tally.h. Second s lies at s % LIVE_TALLY_SECONDS; the column after the
 * last value's is `other`. */
#include "flow/live_tally.h"

enum {
    OTHER = LIVE_TALLY_VALUES_MAX,
    COLUMNS,
    SWEEP_SECONDS = 30,
    BACK_SECONDS_MAX = 5, /* a clock set back by less is waited for */
};

struct live_tally {
    int64_t first; /* second of the first count; 0: not begun */
    int64_t now;
    int64_t swept;
    char values[LIVE_TALLY_VALUES_MAX][LIVE_TALLY_VALUE_BYTES + 1];
    uint8_t lengths[LIVE_TALLY_VALUES_MAX]; /* of the values; 0: free */
    uint32_t counts[LIVE_TALLY_SECONDS][COLUMNS];
    uint64_t seen[LIVE_TALLY_SECONDS];
    uint64_t skipped[LIVE_TALLY_SECONDS];
};

struct live_tally *live_tally_new(void)
{
    return xnew(struct live_tally);
}

void live_tally_free(struct live_tally *t)
{
    free(t);
}

static size_t place(int64_t second)
{
    return (size_t)(second % LIVE_TALLY_SECONDS);
}

static uint64_t sum_of(const struct live_tally *t, size_t column)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < LIVE_TALLY_SECONDS; i++) {
        sum += t->counts[i][column];
    }
    return sum;
}

static void clear_all(struct live_tally *t, int64_t second)
{
    memset(t->counts, 0, sizeof t->counts);
    memset(t->seen, 0, sizeof t->seen);
    memset(t->skipped, 0, sizeof t->skipped);
    t->first = second;
    t->now = second;
    t->swept = second;
}

static void clear_second(struct live_tally *t, int64_t second)
{
    memset(t->counts[place(second)], 0, sizeof t->counts[0]);
    t->seen[place(second)] = 0;
    t->skipped[place(second)] = 0;
}

void live_tally_advance(struct live_tally *t, int64_t second)
{
    if (t->first == 0 || second - t->now > LIVE_TALLY_SECONDS ||
        t->now - second > BACK_SECONDS_MAX) {
        clear_all(t, second);
        memset(t->lengths, 0, sizeof t->lengths);
    }
    while (t->now < second) {
        t->now++;
        clear_second(t, t->now);
    }
    t->first = MAX(t->first, t->now - LIVE_TALLY_SECONDS + 1);
    if (t->now - t->swept >= SWEEP_SECONDS) {
        t->swept = t->now;
        for (size_t i = 0; i < LIVE_TALLY_VALUES_MAX; i++) {
            t->lengths[i] = t->lengths[i] > 0 && sum_of(t, i) == 0 ? 0 : t->lengths[i];
        }
    }
}

/* The value's column, a new one, or OTHER when all are taken. */
static size_t column_of(struct live_tally *t, struct str value)
{
    size_t free_at = OTHER;
    for (size_t i = 0; i < LIVE_TALLY_VALUES_MAX; i++) {
        if (t->lengths[i] == value.len && memcmp(t->values[i], value.ptr, value.len) == 0) {
            return i;
        }
        free_at = t->lengths[i] == 0 && free_at == OTHER ? i : free_at;
    }
    if (free_at != OTHER) {
        memcpy(t->values[free_at], value.ptr, value.len);
        t->lengths[free_at] = (uint8_t)value.len;
    }
    return free_at;
}

/* To what a column has room for, between two characters. */
static struct str cut(struct str value)
{
    size_t len = MIN(value.len, (size_t)LIVE_TALLY_VALUE_BYTES);
    while (len > 0 && len < value.len && ((unsigned char)value.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    return str_of(value.ptr, len);
}

void live_tally_add(struct live_tally *t, struct str value)
{
    value = cut(value);
    /* In an answer the name stands for the rest: the two cannot be told apart there. */
    bool is_rest = value.len == 0 || str_is(value, "other");
    size_t column = is_rest ? OTHER : column_of(t, value);
    t->counts[place(t->now)][column]++;
    t->seen[place(t->now)]++;
}

void live_tally_skip(struct live_tally *t, uint64_t count)
{
    t->skipped[place(t->now)] += count;
}

struct ranked {
    uint64_t sum;
    size_t column;
};

static int by_sum(const void *a, const void *b)
{
    const struct ranked *left = a;
    const struct ranked *right = b;
    if (left->sum != right->sum) {
        return left->sum > right->sum ? -1 : 1;
    }
    return left->column < right->column ? -1 : 1;
}

static void put_counts(const struct live_tally *t, const struct ranked *columns, size_t count,
                       int64_t from, struct buf *out)
{
    for (int64_t s = from; s < t->now; s++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            sum += t->counts[place(s)][columns[i].column];
        }
        buf_puts(out, s == from ? "[" : ",");
        buf_add_u64(out, sum);
    }
    buf_puts(out, from >= t->now ? "[]" : "]");
}

int64_t live_tally_write(const struct live_tally *t, int64_t after, struct buf *out)
{
    struct ranked ranked[COLUMNS];
    size_t count = 0;
    /* A reader that is ahead has seen a clock that was set back since: it begins anew. */
    int64_t from = after >= t->now ? t->first : MAX(after + 1, t->first);
    uint64_t seen = 0;
    uint64_t skipped = 0;
    for (size_t i = 0; i < LIVE_TALLY_VALUES_MAX; i++) {
        if (t->lengths[i] > 0) {
            ranked[count++] = (struct ranked){sum_of(t, i), i};
        }
    }
    qsort(ranked, count, sizeof ranked[0], by_sum);
    buf_puts(out, "{\"t\":[");
    for (int64_t s = from; s < t->now; s++) {
        buf_printf(out, "%s%lld", s == from ? "" : ",", (long long)s * 1000);
        seen += t->seen[place(s)];
        skipped += t->skipped[place(s)];
    }
    buf_puts(out, "],\"counts\":{");
    size_t shown = MIN(count, (size_t)LIVE_TALLY_SHOWN);
    for (size_t i = 0; i < shown; i++) {
        size_t column = ranked[i].column;
        buf_puts(out, i == 0 ? "" : ",");
        buf_add_json_string(out, str_of(t->values[column], t->lengths[column]));
        buf_puts(out, ":");
        put_counts(t, &ranked[i], 1, from, out);
    }
    ranked[count++] = (struct ranked){0, OTHER};
    buf_puts(out, shown == 0 ? "\"other\":" : ",\"other\":");
    put_counts(t, &ranked[shown], count - shown, from, out);
    buf_printf(out, "},\"sampled\":%.4g}",
               seen + skipped == 0 ? 1.0 : (double)seen / (double)(seen + skipped));
    return from < t->now ? t->now - 1 : after >= t->now ? 0 : after;
}
