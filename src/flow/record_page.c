/* SPDX-License-Identifier: MIT */
/* record_page.c - see record_page.h. A lane is one partition: it reads a chunk of the log, keeps
 * the records of it that are wanted, in the order of the page, and reads on when they are used up.
 * The merge goes on only while every lane has one, or no more: what a lane might still hold could
 * come first. A lane reads backwards by windows of offsets that it makes smaller or larger, so that
 * one read gets about a chunk. */
#include "flow/record_page.h"

#include "flow/live_filter.h"
#include "topic/reader.h"

enum {
    CHUNK_BYTES = 256 << 10,
    CHUNK_BYTES_MAX = 192 << 20, /* one batch may be so large */
    KEPT_MIN = 16,
    KEPT_MAX = 1024,
    KEPT_BYTES = 8 << 20, /* of all lanes, and one record of each */
    WINDOW_MAX = 1 << 24,
};

struct kept {
    struct record
        record; /* offset, time and which parts there are; their bytes lie in the lane's */
    size_t at;
    size_t key_bytes;
    size_t value_bytes;
    size_t header_bytes;
};

struct lane {
    struct record_page_part *part; /* borrowed */
    struct topic_reader *reader;   /* owned */
    struct buf bytes;              /* owned */
    struct kept *kept;             /* owned */
    size_t count;
    size_t next;
    int64_t beyond; /* the place after the last one kept */
    int64_t window; /* offsets, newest first */
    bool has_read;
};

struct merge {
    struct record_page *page;
    struct lane *lanes; /* owned */
    size_t lane_count;
    size_t kept_max;
    size_t kept_bytes_max;
    struct buf chunk; /* owned */
    struct errmsg *msg;
};

/* The wanted records of a chunk. */
struct pick {
    const struct record_page *page;
    int64_t low;
    int64_t high;
    struct batch_iter it;
    struct str rest;
    bool is_open;
};

static bool is_wanted(const struct record_page *page, const struct record *r)
{
    if (page->has_key && !(r->has_key && str_eq(r->key, page->key))) {
        return false;
    }
    return page->text.len == 0 || (r->has_value && live_text_found(r->value, page->text)) ||
           (r->has_key && live_text_found(r->key, page->text));
}

static struct pick pick_begin(const struct merge *m, int64_t low, int64_t high)
{
    return (struct pick){
        .page = m->page, .low = low, .high = high, .rest = buf_str(&m->chunk), .is_open = false};
}

/* False at the end of the chunk, and on damage. */
static bool pick_next(struct pick *p, struct record *out_record, err *e, struct errmsg *msg)
{
    for (;;) {
        while (p->is_open && batch_iter_next(&p->it, out_record, e)) {
            if (out_record->offset >= p->low && out_record->offset < p->high &&
                is_wanted(p->page, out_record)) {
                return true;
            }
        }
        p->is_open = false;
        struct batch_header h;
        if (*e != ERR_OK || p->rest.len == 0 ||
            (*e = batch_header_decode(p->rest, &h, msg)) != ERR_OK ||
            (*e = batch_iter_init(&p->it, p->rest, msg)) != ERR_OK) {
            return false;
        }
        p->rest = str_of(p->rest.ptr + h.total_bytes, p->rest.len - h.total_bytes);
        p->is_open = true;
    }
}

static size_t bytes_of(const struct record *r)
{
    return r->key.len + r->value.len + r->headers.len;
}

static err keep(struct lane *lane, const struct record *r)
{
    struct kept *k = &lane->kept[lane->count++];
    *k = (struct kept){.record = *r,
                       .at = lane->bytes.len,
                       .key_bytes = r->key.len,
                       .value_bytes = r->value.len,
                       .header_bytes = r->headers.len};
    buf_add_str(&lane->bytes, r->key);
    buf_add_str(&lane->bytes, r->value);
    return buf_add_str(&lane->bytes, r->headers) ? ERR_OK : ERR_NOMEM;
}

static bool has_room(const struct merge *m, const struct lane *lane, size_t bytes)
{
    return lane->count == 0 ||
           (lane->count < m->kept_max && lane->bytes.len + bytes <= m->kept_bytes_max);
}

/* Oldest first: as many from the beginning of the chunk as there is room for. */
static err keep_first(struct merge *m, struct lane *lane, int64_t low, int64_t high)
{
    struct pick p = pick_begin(m, low, high);
    struct record r;
    err e = ERR_OK;
    lane->beyond = high;
    while (pick_next(&p, &r, &e, m->msg)) {
        if (!has_room(m, lane, bytes_of(&r))) {
            lane->beyond = r.offset;
            break;
        }
        TRY(keep(lane, &r));
    }
    return e;
}

/* Newest first: as many from its end, so they are counted before. */
static err keep_last(struct merge *m, struct lane *lane, int64_t low, int64_t high)
{
    struct pick p = pick_begin(m, low, high);
    struct record r;
    err e = ERR_OK;
    size_t count = 0;
    size_t bytes = 0;
    while (pick_next(&p, &r, &e, m->msg)) {
        count++;
        bytes += bytes_of(&r);
    }
    TRY(e);
    lane->beyond = low;
    p = pick_begin(m, low, high);
    while (pick_next(&p, &r, &e, m->msg)) {
        if (count > 1 && (count > m->kept_max || bytes > m->kept_bytes_max)) {
            count--;
            bytes -= bytes_of(&r);
            lane->beyond = r.offset + 1;
            continue;
        }
        TRY(keep(lane, &r));
    }
    return e;
}

static err read_chunk(struct merge *m, struct lane *lane, int64_t low, int64_t high,
                      struct topic_read *out_read)
{
    buf_reset(&m->chunk);
    TRY(topic_reader_read(lane->reader, low, high, CHUNK_BYTES, &m->chunk, out_read, m->msg));
    m->page->scanned_bytes += out_read->bytes;
    return ERR_OK;
}

static err load_newest(struct merge *m, struct lane *lane)
{
    int64_t high = lane->part->at;
    for (;;) {
        int64_t low = MAX(lane->part->start, high - lane->window);
        struct topic_read got = {0};
        TRY(read_chunk(m, lane, low, high, &got));
        if (got.next_offset >= high || got.next_offset <= low) {
            if (got.bytes < CHUNK_BYTES / 4) {
                lane->window = MIN(lane->window * 2, (int64_t)WINDOW_MAX);
            }
            /* All of the first batch: what lies before the window has been read as well. */
            low = MAX(MIN(low, got.first_offset), lane->part->start);
            return keep_last(m, lane, low, high);
        }
        lane->window = MAX(MIN(lane->window, high - low) / 4, (int64_t)1);
    }
}

static err load(struct merge *m, struct lane *lane)
{
    struct record_page_part *part = lane->part;
    m->page->partition = part->partition;
    lane->count = 0;
    lane->next = 0;
    lane->has_read = true;
    buf_reset(&lane->bytes);
    (void)buf_reserve(&lane->bytes, 1); /* so that there is a place for empty values */
    if (m->page->is_newest_first) {
        TRY(load_newest(m, lane));
    } else {
        struct topic_read got = {0};
        TRY(read_chunk(m, lane, part->at, part->end, &got));
        int64_t high = got.next_offset > part->at ? MIN(got.next_offset, part->end) : part->end;
        TRY(keep_first(m, lane, part->at, high));
    }
    if (lane->count == 0) {
        part->at = lane->beyond;
    }
    return ERR_OK;
}

/* The record of a lane that comes next, or NULL. */
static const struct kept *head(const struct merge *m, const struct lane *lane)
{
    if (lane->next == lane->count) {
        return NULL;
    }
    return &lane->kept[m->page->is_newest_first ? lane->count - 1 - lane->next : lane->next];
}

/* Reads until the lane has one or is at its end; *out_known false: it was not read so far. */
static err fill(struct merge *m, struct lane *lane, bool *out_known)
{
    *out_known = true;
    while (lane->next == lane->count && !record_page_part_is_done(m->page, lane->part)) {
        if (lane->has_read && m->page->scanned_bytes >= m->page->scan_bytes_max) {
            *out_known = false;
            return ERR_OK;
        }
        TRY(load(m, lane));
    }
    return ERR_OK;
}

static bool comes_first(const struct merge *m, const struct lane *a, const struct lane *b)
{
    int64_t a_ms = head(m, a)->record.timestamp_ms;
    int64_t b_ms = head(m, b)->record.timestamp_ms;
    bool is_earlier = a_ms != b_ms ? a_ms < b_ms : a->part->partition < b->part->partition;
    return is_earlier != m->page->is_newest_first;
}

static bool emit(const struct merge *m, struct lane *lane)
{
    const struct kept *k = head(m, lane);
    struct record r = k->record;
    const char *bytes = lane->bytes.data + k->at;
    r.key = str_of(bytes, k->key_bytes);
    r.value = str_of(bytes + k->key_bytes, k->value_bytes);
    r.headers = str_of(bytes + k->key_bytes + k->value_bytes, k->header_bytes);
    bool goes_on = m->page->on_record(m->page->ctx, lane->part->partition, &r);
    lane->next++;
    lane->part->at = lane->next == lane->count  ? lane->beyond
                     : m->page->is_newest_first ? r.offset
                                                : r.offset + 1;
    return goes_on;
}

static err merge_run(struct merge *m)
{
    for (size_t emitted = 0; emitted < m->page->limit; emitted++) {
        struct lane *first = NULL;
        bool all_known = true;
        for (size_t i = 0; i < m->lane_count; i++) {
            struct lane *lane = &m->lanes[i];
            bool is_known = false;
            TRY(fill(m, lane, &is_known));
            all_known = all_known && is_known;
            if (head(m, lane) != NULL && (first == NULL || comes_first(m, lane, first))) {
                first = lane;
            }
        }
        if (!all_known || first == NULL || !emit(m, first)) {
            break;
        }
    }
    return ERR_OK;
}

static void merge_deinit(struct merge *m)
{
    for (size_t i = 0; i < m->lane_count; i++) {
        topic_reader_free(m->lanes[i].reader);
        buf_deinit(&m->lanes[i].bytes);
        free(m->lanes[i].kept);
    }
    free(m->lanes);
    buf_deinit(&m->chunk);
}

static err open_reader(const struct record_page *page, uint32_t partition,
                       struct topic_reader **out_reader, struct errmsg *msg)
{
    AUTO_TEXT dir = xasprintf("%s/%u", page->topic_dir, partition);
    return topic_reader_open(dir, out_reader, msg);
}

err record_page_read(struct record_page *page, struct record_page_part *parts, size_t count,
                     struct errmsg *msg)
{
    ASSERT(count >= 1 && count <= RECORD_PAGE_PARTS_MAX);
    __attribute__((cleanup(merge_deinit))) struct merge m = {
        .page = page,
        .lanes = xnew_array(struct lane, count),
        .lane_count = count,
        .kept_max = MIN(MAX(page->limit * 2 / count, (size_t)KEPT_MIN), (size_t)KEPT_MAX),
        .kept_bytes_max = KEPT_BYTES / count,
        .chunk = buf_make(CHUNK_BYTES_MAX),
        .msg = msg,
    };
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = &m.lanes[i];
        page->partition = parts[i].partition;
        lane->part = &parts[i];
        lane->bytes = buf_make(CHUNK_BYTES_MAX);
        lane->kept = xnew_array(struct kept, m.kept_max);
        lane->window = (int64_t)m.kept_max;
        TRY(open_reader(page, parts[i].partition, &lane->reader, msg));
    }
    return merge_run(&m);
}

err record_page_seek(struct record_page *page, struct record_page_part *part, int64_t time_ms,
                     struct errmsg *msg)
{
    AUTO(topic_reader) reader = NULL;
    AUTO_BUF chunk = buf_make(CHUNK_BYTES_MAX);
    struct topic_read got = {0};
    struct batch_iter it;
    struct record r;
    err e = ERR_OK;
    page->partition = part->partition;
    TRY(open_reader(page, part->partition, &reader, msg));
    TRY(topic_reader_find_time(reader, part->start, part->end, time_ms, &part->at, msg));
    if (part->at >= part->end) {
        return ERR_OK;
    }
    TRY(topic_reader_read(reader, part->at, part->end, 1, &chunk, &got, msg));
    page->scanned_bytes += got.bytes;
    TRY(batch_iter_init(&it, buf_str(&chunk), msg));
    while (batch_iter_next(&it, &r, &e)) {
        if (r.offset >= part->at && r.timestamp_ms >= time_ms) {
            part->at = r.offset;
            break;
        }
    }
    return e;
}
