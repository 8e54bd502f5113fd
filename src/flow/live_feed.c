/* SPDX-License-Identifier: MIT */
/* live_feed.c - see live_feed.h.
 *
 * What both threads touch is under `lock`, a leaf held for copying a few numbers. The list of
 * topics is made by the reactor and given away whole; the ends of its partitions follow in the
 * same order. Watches are freed by the reactor alone, after the thread has let go of them. */
#include "flow/live_feed.h"

#include <math.h>
#include <pthread.h>

#include "base/timefmt.h"
#include "flow/event.h"
#include "os/clock.h"
#include "os/process.h"
#include "topic/batch.h"
#include "topic/reader.h"

enum {
    READ_BUF_BYTES_MAX = 192 << 20, /* one batch may be 128 MiB */
    KEEP_BUF_BYTES = 8 << 20,
    READ_BYTES = 256 << 10,
    ROUND_CPU_US = 40 * 1000, /* of filtering, in one round */
    CLOCK_EVERY = 256,        /* events that share one look at the clock */
    QUIET_US = 1000 * 1000,   /* counts without events are told this often */
    HISTORY_BYTES_MAX = 16 << 20,
    HISTORY_PARTS_MAX = 256,
    HISTORY_LOOK = 20, /* how many events are looked at for one that a filter lets pass */
};

struct source { /* one topic of the list */
    char name[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;
    char *dir; /* owned */
    uint32_t part_count;
};

struct part {                    /* [thread] */
    struct topic_reader *reader; /* owned; NULL: nobody asked yet */
    int64_t next;
    double bytes_per_event;
};

struct topic_state { /* [thread] */
    struct source source;
    struct part *parts; /* owned */
    size_t watch_count; /* who wants it, in this round */
    struct live_watch **watches;
};

struct live_watch {
    struct live_watch *next; /* [lock] */
    struct live_feed *feed;
    struct live_watch_options o; /* fixed */
    bool is_stopped;             /* [lock] */
    uint64_t since;              /* [lock] it begins with ends told after this many */
    struct buf ready;            /* [lock] owned; to be taken by the reactor */
    uint64_t ready_events;       /* [lock] */
    bool has_ready;              /* [lock] */

    /* [thread] */
    bool is_begun; /* the last events were looked for */
    bool is_full;  /* the reactor has not taken the last buffer */
    double tokens; /* events that may be shown */
    double quota;  /* of the partition being read */
    struct buf out;
    uint64_t shown, matched, seen, thinned, skipped; /* since the last buffer */
    int64_t told_us;
};

struct live_feed {
    struct reactor *reactor;   /* borrowed */
    struct topic_store *store; /* borrowed; the reactor's */
    struct reactor_timer timer;
    struct reactor_task task;
    bool is_started;
    bool is_stale; /* [reactor] the list of topics must be made anew */
    size_t part_count;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool quit;                  /* [lock] */
    bool is_due;                /* [lock] */
    uint64_t told_count;        /* [lock] how often ends were told */
    bool is_resumed;            /* [lock] nobody has watched for a while: from the ends on */
    struct live_watch *watches; /* [lock] */
    struct live_watch *dead;    /* [lock] let go of by the thread */
    struct source *list;        /* [lock] owned; a new list of topics, or NULL */
    size_t list_count;          /* [lock] */
    int64_t *ends;              /* [lock] owned; of the newest list, flat */
    size_t ends_count;          /* [lock] */

    /* [thread] */
    struct topic_state *topics;
    size_t topic_count;
    int64_t *now_ends;
    size_t now_ends_count;
    struct live_watch **active;
    size_t active_count;
    double tokens; /* bytes that may be read */
    int64_t round_us;
    int64_t deadline_us;
    size_t turn;
    struct buf bytes;  /* what was read */
    struct buf record; /* one event as JSON */
};

static void feed_lock(struct live_feed *f)
{
    (void)pthread_mutex_lock(&f->lock); /* cannot fail: a plain lock */
}
static void feed_unlock(struct live_feed *f)
{
    (void)pthread_mutex_unlock(&f->lock); /* likewise */
}

/* ---- the reactor's half ---- */

static void watch_free(struct live_watch *w)
{
    for (size_t i = 0; i < w->o.topic_count; i++) {
        free(w->o.topics[i]);
    }
    free(w->o.topics);
    live_filter_deinit(&w->o.filter);
    buf_deinit(&w->ready);
    buf_deinit(&w->out);
    free(w);
}

static void free_dead(struct live_feed *f)
{
    feed_lock(f);
    struct live_watch *dead = f->dead;
    f->dead = NULL;
    feed_unlock(f);
    while (dead != NULL) {
        struct live_watch *w = dead;
        dead = w->next;
        watch_free(w);
    }
}

static void sources_free(struct source *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].dir);
    }
    free(list);
}

static struct source *list_topics(struct live_feed *f, size_t *out_count)
{
    size_t count = topic_store_count(f->store);
    struct source *list = xnew_array(struct source, MAX(count, (size_t)1));
    f->part_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct topic *t = topic_store_at(f->store, i);
        const struct topic_meta *m = topic_meta_of(t);
        memcpy(list[i].name, m->name, sizeof list[i].name);
        list[i].uuid = m->uuid;
        list[i].dir = xstrdup(topic_dir(t));
        list[i].part_count = topic_partition_count(t);
        f->part_count += list[i].part_count;
    }
    *out_count = count;
    return list;
}

static size_t count_parts(const struct live_feed *f)
{
    size_t count = 0;
    for (size_t i = 0; i < topic_store_count(f->store); i++) {
        count += topic_partition_count(topic_store_at(f->store, i));
    }
    return count;
}

static int64_t *list_ends(struct live_feed *f)
{
    int64_t *ends = xnew_array(int64_t, MAX(f->part_count, (size_t)1));
    size_t at = 0;
    for (size_t i = 0; i < topic_store_count(f->store); i++) {
        const struct topic *t = topic_store_at(f->store, i);
        for (uint32_t p = 0; p < topic_partition_count(t); p++) {
            ASSERT(at < f->part_count);
            ends[at++] = topic_acked_end(t, p);
        }
    }
    ASSERT(at == f->part_count);
    return ends;
}

static void tell_ends(struct live_feed *f)
{
    struct source *list = NULL;
    size_t list_count = 0;
    if (f->is_stale || count_parts(f) != f->part_count) {
        f->is_stale = false;
        list = list_topics(f, &list_count);
    }
    int64_t *ends = list_ends(f);
    feed_lock(f);
    if (list != NULL) {
        struct source *old = f->list;
        size_t old_count = f->list_count;
        f->list = list;
        f->list_count = list_count;
        list = old;
        list_count = old_count;
    }
    int64_t *old_ends = f->ends;
    f->ends = ends;
    f->ends_count = f->part_count;
    f->told_count++;
    f->is_due = true;
    (void)pthread_cond_signal(&f->wake); /* cannot fail */
    feed_unlock(f);
    free(old_ends);
    sources_free(list, list == NULL ? 0 : list_count);
}

static void on_timer(struct reactor_timer *timer)
{
    struct live_feed *f = (struct live_feed *)((char *)timer - offsetof(struct live_feed, timer));
    free_dead(f);
    feed_lock(f);
    bool is_watched = f->watches != NULL;
    feed_unlock(f);
    if (is_watched) {
        tell_ends(f);
        reactor_timer_set_us(f->reactor, timer, reactor_now_us(f->reactor) + LIVE_ROUND_US);
    }
}

/* Takes one buffer that is ready; the watch it is of, or NULL. */
static struct live_watch *take_ready(struct live_feed *f, struct buf *out, uint64_t *out_events)
{
    feed_lock(f);
    struct live_watch *w = f->watches;
    while (w != NULL && (w->is_stopped || !w->has_ready)) {
        w = w->next;
    }
    if (w != NULL) {
        w->has_ready = false;
        *out = w->ready;
        *out_events = w->ready_events;
        w->ready = (struct buf){0};
    }
    feed_unlock(f);
    return w;
}

static void on_task(struct reactor_task *task)
{
    struct live_feed *f = (struct live_feed *)((char *)task - offsetof(struct live_feed, task));
    struct live_watch *w = NULL;
    struct buf ready = {0};
    uint64_t events = 0;
    while ((w = take_ready(f, &ready, &events)) != NULL) {
        w->o.on_data(w->o.ctx, buf_str(&ready), events);
        buf_deinit(&ready);
    }
}

/* ---- the thread's half: topics ---- */

static void topic_state_deinit(struct topic_state *t)
{
    for (uint32_t p = 0; t->parts != NULL && p < t->source.part_count; p++) {
        topic_reader_free(t->parts[p].reader);
    }
    free(t->parts);
    free(t->watches);
    free(t->source.dir);
}

static bool is_same(const struct source *a, const struct source *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->uuid.text, b->uuid.text) == 0;
}

/* A new list: what goes on keeps its place, what is new begins at its end (or at 0 when it was made
 * meanwhile). Both lists are in order of name. */
static void take_list(struct live_feed *f, struct source *list, size_t count)
{
    struct topic_state *topics = xnew_array(struct topic_state, MAX(count, (size_t)1));
    bool is_first = f->topics == NULL;
    size_t old = 0;
    for (size_t i = 0; i < count; i++) {
        struct topic_state *t = &topics[i];
        t->source = list[i];
        t->parts = xnew_array(struct part, MAX(list[i].part_count, 1U));
        for (uint32_t p = 0; p < list[i].part_count; p++) {
            t->parts[p].next = is_first ? -1 : 0;
        }
        while (old < f->topic_count && strcmp(f->topics[old].source.name, list[i].name) < 0) {
            old++;
        }
        if (old < f->topic_count && is_same(&f->topics[old].source, &list[i])) {
            uint32_t kept = MIN(list[i].part_count, f->topics[old].source.part_count);
            for (uint32_t p = 0; p < kept; p++) {
                t->parts[p] = f->topics[old].parts[p];
                f->topics[old].parts[p].reader = NULL;
            }
        }
    }
    for (size_t i = 0; i < f->topic_count; i++) {
        topic_state_deinit(&f->topics[i]);
    }
    free(f->topics);
    f->topics = topics;
    f->topic_count = count;
    free(list);
}

static bool wants(const struct live_watch *w, const char *topic)
{
    for (size_t i = 0; i < w->o.topic_count; i++) {
        if (strcmp(w->o.topics[i], topic) == 0) {
            return true;
        }
    }
    return w->o.topic_count == 0;
}

/* Those that want the topic; true when one of them has begun: what is new is new to it. */
static bool list_watches(struct live_feed *f, struct topic_state *t)
{
    bool is_any_begun = false;
    t->watches = xrealloc(t->watches, MAX(f->active_count, (size_t)1), sizeof(t->watches[0]));
    t->watch_count = 0;
    for (size_t i = 0; i < f->active_count; i++) {
        if (wants(f->active[i], t->source.name)) {
            t->watches[t->watch_count++] = f->active[i];
            is_any_begun = is_any_begun || f->active[i]->is_begun;
        }
    }
    return is_any_begun;
}

/* ---- the thread's half: records ---- */

static void write_value(struct buf *out, const struct record *r)
{
    if (!r->has_value) {
        buf_puts(out, "null");
    } else if (r->value.len > LIVE_VALUE_BYTES_MAX) {
        buf_printf(out, "{\"truncated\":true,\"bytes\":%zu}", r->value.len);
    } else if (event_diagnose(r->value, EVENT_DEPTH_MAX, NULL) == EVENT_OK) {
        buf_add_str(out, r->value);
    } else {
        buf_add_json_string(out, r->value);
    }
}

static void write_record(struct buf *out, const char *topic, uint32_t partition,
                         const struct record *r)
{
    char time[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(r->timestamp_ms * 1000, time); /* the length is not needed */
    buf_puts(out, "{\"topic\":");
    buf_add_json_string(out, str_from(topic));
    buf_printf(out, ",\"partition\":%u,\"offset\":%lld,\"timestamp\":\"%s\",\"key\":", partition,
               (long long)r->offset, time);
    if (r->has_key && r->key.len <= LIVE_VALUE_BYTES_MAX) {
        buf_add_json_string(out, r->key);
    } else {
        buf_puts(out, "null");
    }
    buf_puts(out, ",\"value\":");
    write_value(out, r);
    buf_add_byte(out, '}');
}

/* Records of whole batches, from an offset on, up to another. False from `each` ends the walk. */
typedef bool (*record_fn)(void *ctx, const struct record *r);
static err walk(struct str bytes, int64_t from, int64_t end, record_fn each, void *ctx)
{
    while (bytes.len > 0) {
        struct batch_header h;
        struct batch_iter it;
        struct record r;
        err e = ERR_OK;
        TRY(batch_header_decode(bytes, &h, NULL));
        TRY(batch_iter_init(&it, str_of(bytes.ptr, h.total_bytes), NULL));
        while (batch_iter_next(&it, &r, &e)) {
            if (r.offset >= from && r.offset < end && !each(ctx, &r)) {
                return ERR_OK;
            }
        }
        TRY(e);
        bytes.ptr += h.total_bytes;
        bytes.len -= h.total_bytes;
    }
    return ERR_OK;
}

static err part_open(struct topic_state *t, uint32_t p)
{
    if (t->parts[p].reader != NULL) {
        return ERR_OK;
    }
    AUTO_TEXT dir = xasprintf("%s/%u", t->source.dir, p);
    return topic_reader_open(dir, &t->parts[p].reader, NULL);
}

static err part_read(struct live_feed *f, struct topic_state *t, uint32_t p, int64_t from,
                     int64_t end, size_t bytes_max, struct topic_read *out_read)
{
    TRY(part_open(t, p));
    buf_reset(&f->bytes);
    return topic_reader_read(t->parts[p].reader, from, end, bytes_max, &f->bytes, out_read, NULL);
}

/* ---- the thread's half: what is new ---- */

struct reading {
    struct live_feed *feed;
    struct topic_state *topic;
    uint32_t partition;
    uint64_t count; /* events given to the watches */
};

static bool give(void *ctx, const struct record *r)
{
    struct reading *x = ctx;
    struct live_feed *f = x->feed;
    bool is_written = false;
    x->count++;
    for (size_t i = 0; i < x->topic->watch_count; i++) {
        struct live_watch *w = x->topic->watches[i];
        w->seen++;
        if (!live_filter_matches(&w->o.filter, r->value)) {
            continue;
        }
        w->matched++;
        if (w->is_full || w->quota < 1 || w->out.len > LIVE_FRAME_BYTES_MAX) {
            w->thinned++;
            continue;
        }
        if (!is_written) {
            buf_reset(&f->record);
            write_record(&f->record, x->topic->source.name, x->partition, r);
            is_written = true;
        }
        buf_puts(&w->out, w->shown == 0 ? "" : ",");
        buf_add_str(&w->out, buf_str(&f->record));
        w->shown++;
        w->quota--;
        w->tokens--;
    }
    return x->count % CLOCK_EVERY != 0 || os_mono_us() < f->deadline_us;
}

/* Reads the newest of what a partition has, within its share of the round's bytes. */
static void read_part(struct live_feed *f, struct topic_state *t, uint32_t p, int64_t end,
                      double share_bytes)
{
    struct part *part = &t->parts[p];
    struct reading x = {.feed = f, .topic = t, .partition = p};
    uint64_t total = (uint64_t)(end - part->next);
    double per_event = part->bytes_per_event > 0 ? part->bytes_per_event : 256;
    int64_t from = part->next;
    if ((double)total * per_event > share_bytes * 2) {
        from = MAX(from, end - MAX((int64_t)(share_bytes / per_event), (int64_t)1));
    }
    double left = share_bytes;
    for (bool is_first = true; from < end && (is_first || left > 0); is_first = false) {
        struct topic_read got = {0};
        err e = part_read(f, t, p, from, end, MIN((size_t)MAX(left, 1), (size_t)READ_BYTES), &got);
        if (e != ERR_OK || got.next_offset <= from) {
            break; /* retained away or damaged: goes on at the end */
        }
        f->tokens -= (double)got.bytes;
        left -= (double)got.bytes;
        int64_t first = MAX(got.first_offset, part->next);
        if (got.next_offset > got.first_offset) {
            double now = (double)got.bytes / (double)(got.next_offset - got.first_offset);
            part->bytes_per_event = part->bytes_per_event > 0 ? (per_event * 3 + now) / 4 : now;
        }
        uint64_t before = x.count;
        if (walk(buf_str(&f->bytes), first, end, give, &x) != ERR_OK) {
            break;
        }
        from = got.next_offset;
        if (x.count == before || os_mono_us() >= f->deadline_us) {
            break;
        }
    }
    for (size_t i = 0; i < t->watch_count; i++) {
        t->watches[i]->skipped += total > x.count ? total - x.count : 0;
    }
    part->next = end;
}

struct fresh { /* a partition with something new */
    struct topic_state *topic;
    uint32_t partition;
    int64_t end;
};

/* Those that someone watches; the others are at their end already. */
static struct fresh *list_fresh(struct live_feed *f, size_t *out_count)
{
    struct fresh *list = xnew_array(struct fresh, MAX(f->now_ends_count, (size_t)1));
    size_t count = 0;
    size_t at = 0;
    for (size_t i = 0; i < f->topic_count; i++) {
        struct topic_state *t = &f->topics[i];
        bool is_followed = list_watches(f, t);
        for (uint32_t p = 0; p < t->source.part_count; p++) {
            int64_t end = f->now_ends[at++];
            struct part *part = &t->parts[p];
            if (part->next < 0 || !is_followed) {
                part->next = end;
            } else if (end > part->next) {
                list[count++] = (struct fresh){t, p, end};
            }
        }
    }
    *out_count = count;
    return list;
}

static void read_new(struct live_feed *f, const struct fresh *list, size_t count)
{
    for (size_t i = 0; i < count && f->tokens > 0; i++) {
        const struct fresh *x = &list[(f->turn + i) % count];
        double left = (double)(count - i);
        for (size_t k = 0; k < x->topic->watch_count; k++) {
            struct live_watch *w = x->topic->watches[k];
            w->quota = ceil(MAX(w->tokens, 0) / left);
            w->quota = MIN(w->quota, floor(w->tokens));
        }
        read_part(f, x->topic, x->partition, x->end, f->tokens / left);
        if (os_mono_us() >= f->deadline_us) {
            f->turn += i + 1;
            return; /* the others are first in the next round */
        }
    }
    f->turn++;
}

/* ---- the thread's half: the last events ---- */

struct kept {
    int64_t timestamp_ms;
    char *text; /* owned */
};
struct history {
    const struct live_watch *watch;
    const struct topic_state *topic;
    uint32_t partition;
    struct kept *items; /* owned, each text too */
    size_t count;
    size_t cap;
};

static int by_time(const void *a, const void *b)
{
    const struct kept *left = a;
    const struct kept *right = b;
    return left->timestamp_ms < right->timestamp_ms ? -1 : left->timestamp_ms > right->timestamp_ms;
}

/* Keeps the newest `last`. */
static void trim_history(struct history *x)
{
    size_t last = x->watch->o.last;
    if (x->count <= last) {
        return;
    }
    qsort(x->items, x->count, sizeof x->items[0], by_time);
    size_t drop = x->count - last;
    for (size_t i = 0; i < drop; i++) {
        free(x->items[i].text);
    }
    memmove(x->items, x->items + drop, last * sizeof x->items[0]);
    x->count = last;
}

static bool keep(void *ctx, const struct record *r)
{
    struct history *x = ctx;
    if (!live_filter_matches(&x->watch->o.filter, r->value)) {
        return true;
    }
    if (x->count == x->cap) {
        trim_history(x);
    }
    AUTO_BUF text = buf_make(LIVE_FRAME_BYTES_MAX);
    write_record(&text, x->topic->source.name, x->partition, r);
    if (!text.failed) {
        x->items[x->count++] = (struct kept){r->timestamp_ms, xstrndup(text.data, text.len)};
    }
    return true;
}

static void read_last(struct live_feed *f, struct history *x, struct topic_state *t, uint32_t p,
                      int64_t look, size_t bytes_max)
{
    int64_t end = t->parts[p].next;
    int64_t start = 0;
    if (end <= 0 || part_open(t, p) != ERR_OK ||
        topic_reader_log_start(t->parts[p].reader, &start, NULL) != ERR_OK) {
        return;
    }
    int64_t from = MAX(start, end - look);
    size_t bytes = 0;
    x->topic = t;
    x->partition = p;
    while (from < end && bytes < bytes_max) {
        struct topic_read got = {0};
        if (part_read(f, t, p, from, end, READ_BYTES, &got) != ERR_OK || got.next_offset <= from ||
            walk(buf_str(&f->bytes), from, end, keep, x) != ERR_OK) {
            return;
        }
        bytes += got.bytes;
        from = got.next_offset;
        if (from < end && bytes >= bytes_max / 2) {
            from += (end - from) / 2; /* large events: towards the newest */
        }
    }
}

/* The newest events that a fresh watch wants to begin with, oldest first. */
static void begin_watch(struct live_feed *f, struct live_watch *w)
{
    size_t parts = 0;
    for (size_t i = 0; i < f->topic_count; i++) {
        parts += wants(w, f->topics[i].source.name) ? f->topics[i].source.part_count : 0;
    }
    w->is_begun = true;
    if (w->o.last == 0 || parts == 0) {
        return;
    }
    parts = MIN(parts, (size_t)HISTORY_PARTS_MAX);
    size_t cap = (size_t)w->o.last * 4 + 64;
    struct history x = {.watch = w, .items = xnew_array(struct kept, cap), .cap = cap};
    int64_t look = live_filter_is_empty(&w->o.filter) ? w->o.last : w->o.last * HISTORY_LOOK;
    for (size_t i = 0; i < f->topic_count && parts > 0; i++) {
        struct topic_state *t = &f->topics[i];
        uint32_t count = wants(w, t->source.name) ? t->source.part_count : 0;
        for (uint32_t p = 0; p < count && parts > 0; p++, parts--) {
            read_last(f, &x, t, p, look, HISTORY_BYTES_MAX / HISTORY_PARTS_MAX * 4);
        }
    }
    trim_history(&x);
    qsort(x.items, x.count, sizeof x.items[0], by_time);
    for (size_t i = 0; i < x.count; i++) {
        if (w->out.len < LIVE_FRAME_BYTES_MAX) {
            buf_puts(&w->out, w->shown == 0 ? "" : ",");
            buf_puts(&w->out, x.items[i].text);
            w->shown++;
        }
        free(x.items[i].text);
    }
    free(x.items);
}

/* ---- the thread's half: rounds ---- */

/* [lock] Lets go of stopped watches, lists the others, takes the news. False when nothing is due. */
static bool take_round(struct live_feed *f, struct source **out_list, size_t *out_list_count)
{
    size_t count = 0;
    struct live_watch **at = &f->watches;
    while (*at != NULL) {
        struct live_watch *w = *at;
        if (w->is_stopped) {
            *at = w->next;
            w->next = f->dead;
            f->dead = w;
        } else {
            w->is_full = w->has_ready;
            count++;
            at = &w->next;
        }
    }
    f->active = xrealloc(f->active, MAX(count, (size_t)1), sizeof(f->active[0]));
    f->active_count = 0;
    for (struct live_watch *w = f->watches; w != NULL; w = w->next) {
        if (w->since < f->told_count) {
            f->active[f->active_count++] = w;
        }
    }
    for (size_t i = 0; f->is_resumed && i < f->topic_count; i++) {
        for (uint32_t p = 0; p < f->topics[i].source.part_count; p++) {
            f->topics[i].parts[p].next = -1;
        }
    }
    f->is_resumed = false;
    *out_list = TAKE(f->list);
    *out_list_count = f->list_count;
    free(f->now_ends);
    f->now_ends = TAKE(f->ends);
    f->now_ends_count = f->ends_count;
    return f->now_ends != NULL;
}

static bool is_worth_telling(const struct live_watch *w, int64_t now_us)
{
    return !w->is_full && (w->shown > 0 || w->told_us == 0 ||
                           (w->seen + w->skipped > 0 && now_us - w->told_us >= QUIET_US));
}

static void finish_buffer(struct live_watch *w, struct buf *out)
{
    uint64_t all = w->seen + w->skipped;
    *out = buf_make(4 * LIVE_FRAME_BYTES_MAX);
    buf_puts(out, "{\"events\":[");
    buf_add_str(out, buf_str(&w->out));
    buf_printf(
        out, "],\"matched\":%llu,\"seen\":%llu,\"thinned\":%llu,\"skipped\":%llu,\"sampled\":%.4g}",
        (unsigned long long)w->matched, (unsigned long long)w->seen, (unsigned long long)w->thinned,
        (unsigned long long)w->skipped, all == 0 ? 1.0 : (double)w->seen / (double)all);
}

static void hand_over(struct live_feed *f, int64_t now_us)
{
    bool is_any = false;
    for (size_t i = 0; i < f->active_count; i++) {
        struct live_watch *w = f->active[i];
        if (!is_worth_telling(w, now_us)) {
            continue;
        }
        struct buf text;
        finish_buffer(w, &text);
        bool is_whole = !text.failed;
        feed_lock(f);
        if (is_whole && !w->is_stopped) {
            w->ready = text;
            w->ready_events = w->shown;
            w->has_ready = true;
            text = (struct buf){0};
            is_any = true;
        }
        feed_unlock(f);
        buf_deinit(&text);
        buf_reset(&w->out);
        w->shown = w->matched = w->seen = w->thinned = w->skipped = 0;
        w->told_us = now_us;
    }
    if (is_any && !atomic_load(&f->task.is_posted)) {
        reactor_post(f->reactor, &f->task);
    }
}

static void run_round(struct live_feed *f)
{
    int64_t now_us = os_mono_us();
    double seconds = f->round_us == 0 ? 0.1 : (double)(now_us - f->round_us) / 1e6;
    size_t count = 0;
    f->round_us = now_us;
    f->tokens = MIN(f->tokens + seconds * LIVE_BYTES_PER_SECOND, (double)LIVE_BYTES_PER_SECOND / 4);
    f->deadline_us = now_us + ROUND_CPU_US;
    for (size_t i = 0; i < f->active_count; i++) {
        struct live_watch *w = f->active[i];
        w->tokens = MIN(w->tokens + seconds * w->o.rate_max, MAX(w->o.rate_max / 2.0, 1.0));
    }
    struct fresh *list = list_fresh(f, &count);
    for (size_t i = 0; i < f->active_count; i++) {
        if (!f->active[i]->is_begun) {
            begin_watch(f, f->active[i]);
        }
    }
    read_new(f, list, count);
    free(list);
    if (f->bytes.cap > KEEP_BUF_BYTES) {
        buf_deinit(&f->bytes);
        f->bytes = buf_make(READ_BUF_BYTES_MAX);
    }
    hand_over(f, now_us);
}

static void *run_thread(void *ctx)
{
    struct live_feed *f = ctx;
    os_thread_name("tarn-live");
    os_process_yield();
    feed_lock(f);
    while (!f->quit) {
        if (!f->is_due) {
            (void)pthread_cond_wait(&f->wake, &f->lock); /* cannot fail */
            continue;
        }
        struct source *list = NULL;
        size_t list_count = 0;
        f->is_due = false;
        bool has_ends = take_round(f, &list, &list_count);
        feed_unlock(f);
        if (list != NULL) {
            take_list(f, list, list_count);
        }
        if (has_ends) {
            run_round(f);
        }
        feed_lock(f);
    }
    feed_unlock(f);
    return NULL;
}

/* ---- life ---- */

struct live_feed *live_feed_new(struct reactor *reactor, struct topic_store *store)
{
    struct live_feed *f = xnew(struct live_feed);
    f->reactor = reactor;
    f->store = store;
    f->timer.on_due = on_timer;
    f->task.run = on_task;
    f->is_stale = true;
    f->bytes = buf_make(READ_BUF_BYTES_MAX);
    f->record = buf_make(LIVE_FRAME_BYTES_MAX);
    (void)pthread_mutex_init(&f->lock, NULL); /* cannot fail with default attributes */
    (void)pthread_cond_init(&f->wake, NULL);  /* likewise */
    return f;
}

static err start_thread(struct live_feed *f, struct errmsg *msg)
{
    if (f->is_started) {
        return ERR_OK;
    }
    int error = pthread_create(&f->thread, NULL, run_thread, f);
    if (error != 0) {
        return errmsg_set(msg, ERR_LIMIT, "cannot start the thread of live views: %s",
                          strerror(error));
    }
    f->is_started = true;
    return ERR_OK;
}

void live_feed_free(struct live_feed *f)
{
    if (f == NULL) {
        return;
    }
    if (f->is_started) {
        feed_lock(f);
        f->quit = true;
        (void)pthread_cond_signal(&f->wake); /* cannot fail */
        feed_unlock(f);
        (void)pthread_join(f->thread, NULL); /* it is there */
    }
    reactor_timer_stop(f->reactor, &f->timer);
    while (f->watches != NULL) {
        struct live_watch *w = f->watches;
        f->watches = w->next;
        watch_free(w);
    }
    free_dead(f);
    for (size_t i = 0; i < f->topic_count; i++) {
        topic_state_deinit(&f->topics[i]);
    }
    free(f->topics);
    sources_free(f->list, f->list == NULL ? 0 : f->list_count);
    free(f->ends);
    free(f->now_ends);
    free(f->active);
    buf_deinit(&f->bytes);
    buf_deinit(&f->record);
    (void)pthread_cond_destroy(&f->wake);  /* nobody waits */
    (void)pthread_mutex_destroy(&f->lock); /* nobody holds it */
    free(f);
}

err live_watch_start(struct live_feed *f, const struct live_watch_options *options,
                     struct live_watch **out_watch, struct errmsg *msg)
{
    struct live_watch *w = xnew(struct live_watch);
    w->feed = f;
    w->o = *options;
    w->out = buf_make(4 * LIVE_FRAME_BYTES_MAX);
    err e = start_thread(f, msg);
    if (e != ERR_OK) {
        watch_free(w);
        return e;
    }
    feed_lock(f);
    bool is_first = f->watches == NULL;
    f->is_resumed = f->is_resumed || is_first;
    w->since = f->told_count;
    w->next = f->watches;
    f->watches = w;
    feed_unlock(f);
    if (is_first && !reactor_timer_is_armed(&f->timer)) {
        f->is_stale = true;
        reactor_timer_set_us(f->reactor, &f->timer, reactor_now_us(f->reactor));
    }
    *out_watch = w;
    return ERR_OK;
}

void live_watch_stop(struct live_watch *w)
{
    if (w != NULL) {
        feed_lock(w->feed);
        w->is_stopped = true;
        feed_unlock(w->feed);
    }
}

void live_feed_topics_changed(struct live_feed *f)
{
    f->is_stale = true;
}
