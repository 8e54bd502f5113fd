/* SPDX-License-Identifier: MIT */
/* redrive_state.c - see redrive_state.h. */
#include "flow/redrive_state.h"

enum { TYPE_INTENT = 1, TYPE_DONE = 2, TYPE_BASE = 3, RANGE_BYTES = 20 };

/* ---- the set ---- */

void redrive_set_deinit(struct redrive_set *s)
{
    free(s->ranges);
    *s = (struct redrive_set){0};
}

/* Index of the first range that ends after the place. */
static size_t lower(const struct redrive_set *s, uint32_t partition, int64_t offset)
{
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct redrive_range *r = &s->ranges[middle];
        if (r->partition < partition || (r->partition == partition && r->next <= offset)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool redrive_set_has(const struct redrive_set *s, uint32_t partition, int64_t offset)
{
    size_t i = lower(s, partition, offset);
    return i < s->count && s->ranges[i].partition == partition && s->ranges[i].first <= offset;
}

/* Puts a range behind the last one, or into it. */
static void push(struct redrive_set *s, const struct redrive_range *r)
{
    struct redrive_range *last = s->count > 0 ? &s->ranges[s->count - 1] : NULL;
    if (last != NULL && last->partition == r->partition && r->first <= last->next) {
        int64_t next = MAX(last->next, r->next);
        s->offsets += (uint64_t)(next - last->next);
        last->next = next;
        return;
    }
    s->offsets += (uint64_t)(r->next - r->first);
    s->ranges[s->count++] = *r;
}

static bool comes_first(const struct redrive_range *a, const struct redrive_range *b)
{
    return a->partition < b->partition || (a->partition == b->partition && a->first <= b->first);
}

err redrive_set_add(struct redrive_set *s, const struct redrive_range *ranges, size_t count)
{
    struct redrive_set merged = {.ranges = malloc((s->count + count + 1) * sizeof *ranges)};
    if (merged.ranges == NULL) {
        return ERR_NOMEM;
    }
    size_t a = 0;
    size_t b = 0;
    while (a < s->count || b < count) {
        if (b == count || (a < s->count && comes_first(&s->ranges[a], &ranges[b]))) {
            push(&merged, &s->ranges[a++]);
        } else {
            push(&merged, &ranges[b++]);
        }
    }
    if (merged.count > REDRIVE_RANGES_MAX) {
        redrive_set_deinit(&merged);
        return ERR_LIMIT;
    }
    redrive_set_deinit(s);
    *s = merged;
    return ERR_OK;
}

void redrive_state_deinit(struct redrive_state *s)
{
    redrive_set_deinit(&s->done);
    redrive_set_deinit(&s->sources);
    free(s->ends);
    *s = (struct redrive_state){0};
}

/* ---- entries ---- */

struct cursor {
    const char *at;
    const char *end;
    bool failed;
};

static uint64_t take(struct cursor *c, size_t bytes)
{
    uint64_t value = 0;
    if (c->failed || (size_t)(c->end - c->at) < bytes) {
        c->failed = true;
        return 0;
    }
    memcpy(&value, c->at, bytes); /* little-endian */
    c->at += bytes;
    return value;
}

/* Ranges that ascend and do not touch. False when they do not, or memory is out. */
static bool take_ranges(struct cursor *c, struct redrive_set *out)
{
    uint64_t count = take(c, 4);
    if (c->failed || count > REDRIVE_RANGES_MAX || count * RANGE_BYTES > (size_t)(c->end - c->at)) {
        return false;
    }
    out->ranges = malloc((count + 1) * sizeof *out->ranges);
    if (out->ranges == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct redrive_range r;
        r.partition = (uint32_t)take(c, 4);
        r.first = (int64_t)take(c, 8);
        r.next = (int64_t)take(c, 8);
        const struct redrive_range *last = i > 0 ? &out->ranges[i - 1] : NULL;
        if (r.partition >= REDRIVE_PARTITIONS_MAX || r.first < 0 || r.first >= r.next ||
            (last != NULL && (r.partition < last->partition ||
                              (r.partition == last->partition && r.first <= last->next)))) {
            return false;
        }
        push(out, &r);
    }
    return true;
}

static bool set_has_all(const struct redrive_set *s, const struct redrive_set *of)
{
    for (size_t i = 0; i < of->count; i++) {
        const struct redrive_range *r = &of->ranges[i];
        size_t at = lower(s, r->partition, r->first);
        if (at == s->count || s->ranges[at].partition != r->partition ||
            s->ranges[at].first > r->first || s->ranges[at].next < r->next) {
            return false;
        }
    }
    return true;
}

static bool apply_intent(struct redrive_state *s, struct cursor *c, uint64_t id)
{
    uint64_t count = take(c, 4);
    if (s->is_open || id != s->id + 1 || c->failed || count > REDRIVE_PARTITIONS_MAX ||
        count * 8 > (size_t)(c->end - c->at)) {
        return false;
    }
    int64_t *ends = xnew_array(int64_t, count + 1);
    bool ok = true;
    for (uint64_t i = 0; i < count; i++) {
        ends[i] = (int64_t)take(c, 8);
        ok = ok && ends[i] >= 0;
    }
    struct redrive_set sources = {0};
    if (!ok || !take_ranges(c, &sources) || c->at != c->end || sources.count == 0) {
        redrive_set_deinit(&sources);
        free(ends);
        return false;
    }
    redrive_set_deinit(&s->sources);
    free(s->ends);
    s->ends = ends;
    s->end_count = (uint32_t)count;
    s->sources = sources;
    s->id = id;
    s->is_open = true;
    return true;
}

static bool apply_done(struct redrive_state *s, struct cursor *c, uint64_t id)
{
    uint64_t all = take(c, 1);
    struct redrive_set found = {0};
    bool ok = s->is_open && id == s->id && !c->failed && all <= 1 &&
              (all == 1 || take_ranges(c, &found)) && c->at == c->end &&
              set_has_all(&s->sources, &found);
    const struct redrive_set *what = all == 1 ? &s->sources : &found;
    ok = ok && redrive_set_add(&s->done, what->ranges, what->count) == ERR_OK;
    redrive_set_deinit(&found);
    if (ok) {
        redrive_set_deinit(&s->sources);
        s->is_open = false;
    }
    return ok;
}

static bool apply_base(struct redrive_state *s, struct cursor *c, uint64_t id)
{
    struct redrive_set done = {0};
    if (s->has_entries || !take_ranges(c, &done) || c->at != c->end) {
        redrive_set_deinit(&done);
        return false;
    }
    redrive_set_deinit(&s->done);
    s->done = done;
    s->id = id;
    return true;
}

err redrive_state_apply(struct redrive_state *s, struct str entry, struct errmsg *msg)
{
    struct cursor c = {.at = entry.ptr, .end = entry.ptr + entry.len};
    uint64_t type = take(&c, 1);
    uint64_t id = take(&c, 8);
    (void)take(&c, 8); /* the time is for people */
    bool ok = false;
    if (!c.failed && id < UINT64_MAX) {
        ok = type == TYPE_INTENT ? apply_intent(s, &c, id)
             : type == TYPE_DONE ? apply_done(s, &c, id)
                                 : type == TYPE_BASE && apply_base(s, &c, id);
    }
    if (!ok) {
        return errmsg_set(msg, ERR_CORRUPT, "an entry of the re-drive journal makes no sense");
    }
    s->has_entries = true;
    return ERR_OK;
}

static void put(struct buf *out, uint64_t value, size_t bytes)
{
    (void)buf_add(out, &value, bytes); /* little-endian; failure is sticky */
}

static void put_head(struct buf *out, int type, uint64_t id, int64_t time_us)
{
    put(out, (uint64_t)type, 1);
    put(out, id, 8);
    put(out, (uint64_t)time_us, 8);
}

static void put_ranges(struct buf *out, const struct redrive_range *ranges, size_t count)
{
    put(out, count, 4);
    for (size_t i = 0; i < count; i++) {
        put(out, ranges[i].partition, 4);
        put(out, (uint64_t)ranges[i].first, 8);
        put(out, (uint64_t)ranges[i].next, 8);
    }
}

void redrive_encode_base(const struct redrive_state *s, int64_t time_us, struct buf *out)
{
    put_head(out, TYPE_BASE, s->id, time_us);
    put_ranges(out, s->done.ranges, s->done.count);
}

void redrive_encode_intent(uint64_t id, int64_t time_us, const int64_t *ends, uint32_t end_count,
                           const struct redrive_range *sources, size_t count, struct buf *out)
{
    put_head(out, TYPE_INTENT, id, time_us);
    put(out, end_count, 4);
    for (uint32_t i = 0; i < end_count; i++) {
        put(out, (uint64_t)ends[i], 8);
    }
    put_ranges(out, sources, count);
}

void redrive_encode_done(uint64_t id, int64_t time_us, const struct redrive_range *found,
                         size_t count, struct buf *out)
{
    put_head(out, TYPE_DONE, id, time_us);
    put(out, 0, 1);
    put_ranges(out, found, count);
}

void redrive_encode_done_all(uint64_t id, int64_t time_us, struct buf *out)
{
    put_head(out, TYPE_DONE, id, time_us);
    put(out, 1, 1);
}

bool redrive_header_parse(struct str value, uint32_t *out_partition, int64_t *out_offset)
{
    struct str rest = value;
    struct str first;
    uint64_t partition = 0;
    uint64_t offset = 0;
    if (!str_split(&rest, ':', &first) || !str_to_u64(first, &partition) ||
        !str_to_u64(rest, &offset) || partition >= REDRIVE_PARTITIONS_MAX || offset > INT64_MAX) {
        return false;
    }
    *out_partition = (uint32_t)partition;
    *out_offset = (int64_t)offset;
    return true;
}
