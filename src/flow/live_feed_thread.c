/* SPDX-License-Identifier: MIT */
/* live_feed_thread.c - the thread that reads the log for live views: see live_feed_int.h.
 *
 * A round: take the news, look for the last events of watches that are new, read what came since
 * the last round within the budget, hand over what has gathered. */
#include <math.h>

#include "base/timefmt.h"
#include "flow/event.h"
#include "flow/live_feed_int.h"
#include "os/clock.h"
#include "os/process.h"
#include "topic/batch.h"

enum {
    READ_BUF_BYTES_MAX = 192 << 20, /* one batch may be 128 MiB */
    KEEP_BUF_BYTES = 8 << 20,
    READ_BYTES = 256 << 10,
    ROUND_CPU_US = 40 * 1000, /* of filtering, in one round */
    CLOCK_EVERY = 4096,       /* units of work that share one look at the clock */
    WORK_BYTES = 256,         /* of an event that one watch looks at: a unit */
    BEGIN_US = 500 * 1000,    /* of looking for one watch's last events */
    TALLY_TELL_US = 1000 * 1000 - LIVE_ROUND_US / 2,
    QUIET_US = 1000 * 1000, /* counts without events are told this often */
    HISTORY_BYTES_MAX = 16 << 20,
    HISTORY_PARTS_MAX = 256,
    HISTORY_STEP = 64,            /* events that are looked at first */
    HISTORY_KEEP_BYTES = 8 << 20, /* of events until they are trimmed */
    TALLY_KEEP_US = LIVE_TALLY_SECONDS * 1000 * 1000,
    HISTORY_LOOK = 20, /* how many events are looked at for one that a filter lets pass */
};

/* ---- topics ---- */

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
 * meanwhile, while someone watched). Both lists are in order of name. */
static void take_list(struct live_feed *f, struct source *list, size_t count, bool is_resumed)
{
    struct topic_state *topics = xnew_array(struct topic_state, MAX(count, (size_t)1));
    ASSERT(f->topics != NULL || f->topic_count == 0);
    bool is_first = f->topics == NULL || is_resumed;
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
    free(list); /* its texts have moved */
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

static bool tally_wants(const struct tally *x, const char *topic)
{
    return x->counts != NULL && (x->topic == NULL || strcmp(x->topic, topic) == 0);
}

/* Those that want the topic; true when one of them has begun: what is new is new to it. */
static bool list_watches(struct live_feed *f, struct topic_state *t)
{
    bool is_any_begun = false;
    for (size_t i = 0; i < LIVE_TALLIES_MAX; i++) {
        is_any_begun = is_any_begun || tally_wants(&f->tallies[i], t->source.name);
    }

    t->watches = xrealloc(t->watches, MAX(f->active_count, (size_t)1), sizeof(t->watches[0]));
    t->watch_count = 0;
    for (size_t i = 0; i < f->active_count; i++) {
        if (!f->active[i]->o.is_tally && wants(f->active[i], t->source.name)) {
            t->watches[t->watch_count++] = f->active[i];
            is_any_begun = is_any_begun || f->active[i]->is_begun;
        }
    }
    return is_any_begun;
}

/* ---- records ---- */

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

/* ---- what a watch has gathered ---- */

static bool has_room(const struct live_feed *f, const struct live_watch *w)
{
    return w->out.len < f->share_bytes && f->held_bytes < LIVE_HELD_BYTES_MAX;
}

static void show(struct live_feed *f, struct live_watch *w, struct str record)
{
    size_t before = w->out.cap;
    buf_puts(&w->out, w->shown == 0 ? "{\"events\":[" : ",");
    buf_add_str(&w->out, record);
    f->held_bytes += w->out.cap - before;
    w->shown++;
}

/* ---- what is new ---- */

struct reading {
    struct live_feed *feed;
    struct topic_state *topic;
    uint32_t partition;
    uint64_t count; /* events given to the watches */
    size_t work;    /* since the last look at the clock */
};

static void count_value(const struct tally *x, struct str event)
{
    struct str value = {0};
    const char *const names[] = {x->field};
    bool has_value = x->field == NULL ? live_event_get(event, LIVE_TYPE, &value)
                                      : live_event_field(event, names, 1, &value);
    live_tally_add(x->counts, has_value ? value : (struct str){0});
}

static bool give(void *ctx, const struct record *r)
{
    struct reading *x = ctx;
    struct live_feed *f = x->feed;
    bool is_written = false;
    x->count++;
    x->work += (x->topic->watch_count + 1) * (r->value.len / WORK_BYTES + 1);
    for (size_t i = 0; i < LIVE_TALLIES_MAX; i++) {
        if (f->tallies[i].is_wanted) {
            count_value(&f->tallies[i], r->value);
        }
    }
    for (size_t i = 0; i < x->topic->watch_count; i++) {
        struct live_watch *w = x->topic->watches[i];
        w->seen++;
        if (!live_filter_matches(&w->o.filter, r->value)) {
            continue;
        }
        w->matched++;
        if (w->is_full || w->quota < 1 || !has_room(f, w)) {
            w->thinned++;
            continue;
        }
        if (!is_written) {
            buf_reset(&f->record);
            write_record(&f->record, x->topic->source.name, x->partition, r);
            is_written = true;
        }
        show(f, w, buf_str(&f->record));
        w->quota--;
        w->tokens--;
    }
    if (x->work < CLOCK_EVERY) {
        return true;
    }
    x->work = 0;
    return os_mono_us() < f->deadline_us;
}

static void note_skipped(struct live_feed *f, struct topic_state *t, uint64_t count)
{
    for (size_t i = 0; i < t->watch_count; i++) {
        t->watches[i]->skipped += count;
    }
    for (size_t i = 0; i < LIVE_TALLIES_MAX; i++) {
        if (f->tallies[i].is_wanted) {
            live_tally_skip(f->tallies[i].counts, count);
        }
    }
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
    for (size_t i = 0; i < LIVE_TALLIES_MAX; i++) {
        f->tallies[i].is_wanted = tally_wants(&f->tallies[i], t->source.name);
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
        if (batch_walk(buf_str(&f->bytes), first, end, give, &x, NULL) != ERR_OK) {
            break;
        }
        from = got.next_offset;
        if (x.count == before || os_mono_us() >= f->deadline_us) {
            break;
        }
    }
    note_skipped(f, t, total > x.count ? total - x.count : 0);
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

/* ---- the last events ---- */

struct kept {
    int64_t timestamp_ms;
    int64_t offset;
    char *text; /* owned */
    size_t len;
};
struct history {
    struct live_feed *feed;
    const struct live_watch *watch;
    struct topic_state *topic;
    uint32_t partition;
    struct kept *items; /* owned, each text too */
    size_t count;
    size_t cap;
    size_t bytes; /* of all texts */
    size_t found; /* in the partition */
    int64_t deadline_us;
};

static bool is_quitting(struct live_feed *f)
{
    feed_lock(f);
    bool quit = f->quit;
    feed_unlock(f);
    return quit;
}

/* Many watches may begin at once, and the server may be about to stop. */
static bool is_over(const struct history *x)
{
    return os_mono_us() >= x->deadline_us || is_quitting(x->feed);
}

static int by_time(const void *a, const void *b)
{
    const struct kept *left = a;
    const struct kept *right = b;
    if (left->timestamp_ms != right->timestamp_ms) {
        return left->timestamp_ms < right->timestamp_ms ? -1 : 1;
    }
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Keeps the newest, oldest first: as many as were asked for and fit into a watch's share. */
static void trim_history(struct history *x)
{
    size_t drop = 0;
    qsort(x->items, x->count, sizeof x->items[0], by_time);
    for (; x->count - drop > x->watch->o.last || x->bytes > x->feed->share_bytes; drop++) {
        x->bytes -= x->items[drop].len;
        free(x->items[drop].text);
    }
    x->count -= drop;
    memmove(x->items, x->items + drop, x->count * sizeof x->items[0]);
}

static bool keep(void *ctx, const struct record *r)
{
    struct history *x = ctx;
    if (!live_filter_matches(&x->watch->o.filter, r->value)) {
        return true;
    }
    if (x->count == x->cap || x->bytes > HISTORY_KEEP_BYTES) {
        trim_history(x);
    }
    struct buf *text = &x->feed->record;
    buf_reset(text);
    write_record(text, x->topic->source.name, x->partition, r);
    if (!text->failed) {
        x->items[x->count++] =
            (struct kept){r->timestamp_ms, r->offset, xstrndup(text->data, text->len), text->len};
        x->bytes += text->len;
        x->found++;
    }
    return true;
}

/* Looks at [*from, end) of a partition, and at what else the first batch of it holds from `first`
 * on: *from is then where that begins. False: there is no more that can be read. */
static bool read_range(struct history *x, int64_t first, int64_t *from, int64_t end,
                       size_t *out_bytes)
{
    struct live_feed *f = x->feed;
    int64_t begin = *from;
    for (int64_t at = *from; at < end && !is_over(x);) {
        struct topic_read got = {0};
        if (part_read(f, x->topic, x->partition, at, end, READ_BYTES, &got) != ERR_OK ||
            got.next_offset <= at) {
            return false;
        }
        begin = at == *from ? MAX(first, MIN(got.first_offset, begin)) : begin;
        if (batch_walk(buf_str(&f->bytes), MAX(begin, got.first_offset), end, keep, x, NULL) !=
            ERR_OK) {
            return false;
        }
        *out_bytes += got.bytes;
        at = got.next_offset;
    }
    *from = begin;
    return true;
}

/* From the end backwards, so that what is found are the newest. */
static void read_last(struct history *x, struct topic_state *t, uint32_t p, int64_t look,
                      size_t bytes_max)
{
    int64_t end = t->parts[p].next;
    int64_t start = 0;
    if (end <= 0 || part_open(t, p) != ERR_OK ||
        topic_reader_log_start(t->parts[p].reader, &start, NULL) != ERR_OK) {
        return;
    }
    int64_t first = MAX(start, end - look);
    int64_t step = HISTORY_STEP;
    x->topic = t;
    x->partition = p;
    x->found = 0;
    for (size_t bytes = 0; first < end && bytes < bytes_max && x->found < x->watch->o.last;) {
        int64_t from = MAX(first, end - step);
        size_t got = 0;
        if (is_over(x) || !read_range(x, first, &from, end, &got)) {
            return;
        }
        bytes += got;
        end = from;
        step = got < READ_BYTES / 2 ? step * 2 : got > READ_BYTES ? MAX(step / 2, 1) : step;
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
    struct history x = {.feed = f,
                        .watch = w,
                        .items = xnew_array(struct kept, cap),
                        .cap = cap,
                        .deadline_us = os_mono_us() + BEGIN_US};
    size_t bytes_max = HISTORY_BYTES_MAX / parts;
    int64_t look = live_filter_is_empty(&w->o.filter) ? w->o.last : w->o.last * HISTORY_LOOK;
    for (size_t i = 0; i < f->topic_count && parts > 0; i++) {
        struct topic_state *t = &f->topics[i];
        uint32_t count = wants(w, t->source.name) ? t->source.part_count : 0;
        for (uint32_t p = 0; p < count && parts > 0; p++, parts--) {
            read_last(&x, t, p, look, bytes_max);
        }
    }
    trim_history(&x);
    for (size_t i = 0; i < x.count; i++) {
        show(f, w, str_of(x.items[i].text, x.items[i].len));
        free(x.items[i].text);
    }
    free(x.items);
}

/* What came before goes first: who has not begun is passed over in this round. */
static void drop_unbegun(struct topic_state *t)
{
    size_t count = 0;
    for (size_t i = 0; i < t->watch_count; i++) {
        if (t->watches[i]->is_begun) {
            t->watches[count++] = t->watches[i];
        }
    }
    t->watch_count = count;
}

/* One at least, and as many as there is time for; the others begin in the next rounds. */
static void begin_watches(struct live_feed *f)
{
    bool is_late = false;
    bool is_any_left = false;
    for (size_t i = 0; i < f->active_count; i++) {
        struct live_watch *w = f->active[i];
        if (!w->is_begun && !w->o.is_tally && !is_late) {
            begin_watch(f, w);
            is_late = os_mono_us() >= f->deadline_us || f->held_bytes >= LIVE_HELD_BYTES_MAX;
        }
        is_any_left = is_any_left || (!w->is_begun && !w->o.is_tally);
    }
    for (size_t i = 0; is_any_left && i < f->topic_count; i++) {
        drop_unbegun(&f->topics[i]);
    }
}

/* ---- counts ---- */

static void tally_deinit(struct tally *x)
{
    live_tally_free(x->counts);
    free(x->topic);
    free(x->field);
    *x = (struct tally){0};
}

static bool is_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static char *copy(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

/* The counts that the watch wants: there already, or in a free place, or in that of the ones that
 * nobody has watched for the longest. */
static struct tally *tally_for(struct live_feed *f, const struct live_watch *w, int64_t now_us)
{
    struct tally *best = &f->tallies[0];
    for (size_t i = 0; i < LIVE_TALLIES_MAX; i++) {
        struct tally *x = &f->tallies[i];
        if (x->counts != NULL && is_text(x->topic, w->o.tally_topic) &&
            is_text(x->field, w->o.tally_field)) {
            return x;
        }
        best = x->used_us < best->used_us ? x : best;
    }
    for (size_t i = 0; i < f->active_count; i++) {
        if (f->active[i]->tally == best) {
            return NULL; /* its watch has stopped meanwhile: in the next round */
        }
    }
    tally_deinit(best);
    best->topic = copy(w->o.tally_topic);
    best->field = copy(w->o.tally_field);
    best->counts = live_tally_new();
    best->used_us = now_us;
    return best;
}

/* Moves all counts to this second; those nobody has watched for long are dropped. */
static void tend_tallies(struct live_feed *f, int64_t now_us)
{
    int64_t second = os_now_us() / 1000000;
    bool is_any = false;
    for (size_t i = 0; i < f->active_count; i++) {
        struct live_watch *w = f->active[i];
        if (w->o.is_tally && w->tally == NULL) {
            w->tally = tally_for(f, w, now_us);
        }
        if (w->tally != NULL) {
            w->tally->used_us = now_us;
        }
    }
    for (size_t i = 0; i < LIVE_TALLIES_MAX; i++) {
        struct tally *x = &f->tallies[i];
        if (x->counts != NULL && now_us - x->used_us > TALLY_KEEP_US) {
            tally_deinit(x);
        }
        if (x->counts != NULL) {
            live_tally_advance(x->counts, second);
            is_any = true;
        }
    }
    feed_lock(f);
    f->has_tallies = is_any;
    feed_unlock(f);
}

/* ---- rounds ---- */

struct news {
    struct source *list; /* NULL: the topics are as they were */
    size_t list_count;
    bool is_resumed;
};

/* [lock] Lets go of stopped watches, lists the others, takes the news. False without any. */
static bool take_round(struct live_feed *f, struct news *out)
{
    size_t count = 0;
    struct live_watch **at = &f->watches;
    f->held_bytes = 0;
    while (*at != NULL) {
        struct live_watch *w = *at;
        if (w->is_stopped) {
            *at = w->next;
            w->next = f->dead;
            f->dead = w;
        } else {
            w->is_full = w->has_ready;
            f->held_bytes += w->out.cap + w->ready.cap;
            count++;
            at = &w->next;
        }
    }
    f->share_bytes = MIN(LIVE_HELD_BYTES_MAX / 2 / MAX(count, (size_t)1), LIVE_FRAME_BYTES_MAX);
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
    *out = (struct news){TAKE(f->list), f->list_count, f->is_resumed};
    f->is_resumed = false;
    free(f->now_ends);
    f->now_ends = TAKE(f->ends);
    f->now_ends_count = f->ends_count;
    return f->now_ends != NULL;
}

static bool is_worth_telling(const struct live_watch *w, int64_t now_us)
{
    if (w->o.is_tally) {
        return !w->is_full && w->tally != NULL &&
               (w->told_us == 0 || now_us - w->told_us >= TALLY_TELL_US);
    }
    return !w->is_full && (w->shown > 0 || w->told_us == 0 ||
                           (w->seen + w->skipped > 0 && now_us - w->told_us >= QUIET_US));
}

static void finish_buffer(struct live_watch *w, struct buf *out)
{
    uint64_t all = w->seen + w->skipped;
    *out = w->out;
    w->out = buf_make(BUFFER_BYTES_MAX);
    if (w->o.is_tally) {
        w->tally_after = live_tally_write(w->tally->counts, w->tally_after, out);
        return;
    }
    buf_puts(out, w->shown == 0 ? "{\"events\":[" : "");
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
    tend_tallies(f, now_us);
    struct fresh *list = list_fresh(f, &count);
    begin_watches(f);
    f->deadline_us = os_mono_us() + ROUND_CPU_US; /* those who watch go on, whoever begins */
    read_new(f, list, count);
    free(list);
    if (f->bytes.cap > KEEP_BUF_BYTES) {
        buf_deinit(&f->bytes);
        f->bytes = buf_make(READ_BUF_BYTES_MAX);
    }
    hand_over(f, now_us);
}

void *live_feed_thread(void *feed)
{
    struct live_feed *f = feed;
    f->bytes = buf_make(READ_BUF_BYTES_MAX);
    f->record = buf_make(LIVE_FRAME_BYTES_MAX);
    os_thread_name("tarn-live");
    os_process_yield();
    feed_lock(f);
    while (!f->quit) {
        if (!f->is_due) {
            (void)pthread_cond_wait(&f->wake, &f->lock); /* cannot fail */
            continue;
        }
        struct news news;
        f->is_due = false;
        bool has_ends = take_round(f, &news);
        feed_unlock(f);
        if (news.list != NULL) {
            take_list(f, news.list, news.list_count, news.is_resumed);
        }
        if (has_ends) {
            run_round(f);
        }
        feed_lock(f);
    }
    feed_unlock(f);
    return NULL;
}

void live_feed_thread_deinit(struct live_feed *f)
{
    for (size_t i = 0; i < f->topic_count; i++) {
        topic_state_deinit(&f->topics[i]);
    }
    for (size_t i = 0; i < LIVE_TALLIES_MAX; i++) {
        tally_deinit(&f->tallies[i]);
    }
    free(f->topics);
    free(f->now_ends);
    free(f->active);
    buf_deinit(&f->bytes);
    buf_deinit(&f->record);
}
