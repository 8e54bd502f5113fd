/* SPDX-License-Identifier: MIT */
/* reader.c - see reader.h. Keeps the place where the last read ended, so that reading on costs no
 * search. Bytes beyond the end it is told may be half-written: they are never interpreted. Zeros
 * where a batch should be are space reserved in the segment that was active: it has no more. */
#include "topic/reader.h"

#include "os/file.h"
#include "topic/meta.h"
#include "topic/recover.h"

enum { WALK_READ_AHEAD = 64 << 10, READ_BYTES_MIN = 64 << 10 };

struct topic_reader {
    char *dir; /* owned */
    struct segment_list list;
    int fd;            /* of the open segment; -1: none */
    int64_t base;      /* of the open segment */
    int64_t next_base; /* of the one after it; INT64_MAX: none known */
    int64_t offset;    /* of the batch at `position`; -1: nowhere */
    uint64_t position;
};

err topic_reader_open(const char *partition_dir, struct topic_reader **out_reader,
                      struct errmsg *msg)
{
    struct os_stat st;
    TRY(os_stat(partition_dir, &st, msg));
    struct topic_reader *r = xnew(struct topic_reader);
    r->dir = xstrdup(partition_dir);
    r->fd = -1;
    r->offset = -1;
    *out_reader = r;
    return ERR_OK;
}

void topic_reader_free(struct topic_reader *r)
{
    if (r != NULL) {
        segment_list_free(&r->list);
        os_close(r->fd);
        free(r->dir);
        free(r);
    }
}

static void lose_place(struct topic_reader *r)
{
    os_close(r->fd);
    r->fd = -1;
    r->offset = -1;
}

static err load_list(struct topic_reader *r, struct errmsg *msg)
{
    struct segment_list fresh = {0};
    TRY(segment_list_load(r->dir, &fresh, msg));
    segment_list_free(&r->list);
    r->list = fresh;
    return ERR_OK;
}

static err retained_away(const struct topic_reader *r, int64_t offset, struct errmsg *msg)
{
    return errmsg_set(msg, ERR_RANGE, "offset %lld of %s is not in the log any more",
                      (long long)offset, r->dir);
}

/* Opens segment i of the list at its start. Errors: NOT_FOUND when retention was faster. */
static err open_segment(struct topic_reader *r, size_t i, struct errmsg *msg)
{
    lose_place(r);
    AUTO_TEXT path = segment_path(r->dir, r->list.bases[i], ".log");
    TRY(os_open(path, O_RDONLY, &r->fd, msg));
    r->base = r->list.bases[i];
    r->next_base = i + 1 < r->list.count ? r->list.bases[i + 1] : INT64_MAX;
    r->offset = r->base;
    r->position = 0;
    return ERR_OK;
}

struct seek {
    int64_t offset;
};

static bool is_before(void *context, const struct batch_header *h, uint64_t position)
{
    const struct seek *seek = context;
    (void)position;
    return batch_next_offset(h) <= seek->offset;
}

/* Goes to the batch of the open segment that holds `offset`, or to the segment's end. */
static err seek_in_segment(struct topic_reader *r, int64_t offset, struct errmsg *msg)
{
    struct os_stat st;
    TRY(os_fstat(r->fd, &st, msg));
    struct seek seek = {.offset = offset};
    uint64_t start = segment_index_find(r->dir, r->base, offset, st.size_bytes);
    struct segment_walk walk = {.position = start,
                                .next_offset = start > 0 ? -1 : r->base,
                                .limit = st.size_bytes,
                                .stop_offset = r->next_base,
                                .on_batch = is_before,
                                .context = &seek};
    AUTO_WINDOW window = segment_window_make(r->fd, WALK_READ_AHEAD);
    TRY(segment_walk_run(&window, &walk, msg));
    if (walk.stop == SEGMENT_AT_BAD && walk.next_offset != offset) {
        return errmsg_set(msg, ERR_CORRUPT, "log_damaged: %s, segment %lld at byte %llu: %s",
                          r->dir, (long long)r->base, (unsigned long long)walk.position, walk.why);
    }
    r->position = walk.position;
    r->offset = walk.next_offset; /* -1, any, when the walk stopped at the index entry itself */
    return ERR_OK;
}

static err seek_to(struct topic_reader *r, int64_t offset, struct errmsg *msg)
{
    if (r->fd >= 0 && r->offset == offset) {
        return ERR_OK;
    }
    for (int attempt = 0; attempt < 2; attempt++) {
        TRY(load_list(r, msg));
        ptrdiff_t i = segment_list_find(&r->list, offset);
        if (i < 0) {
            return retained_away(r, offset, msg);
        }
        err e = open_segment(r, (size_t)i, msg);
        if (e == ERR_OK) {
            return seek_in_segment(r, offset, msg);
        }
        if (e != ERR_NOT_FOUND) {
            return e;
        }
    }
    return retained_away(r, offset, msg);
}

static bool is_gap_recorded(const struct topic_reader *r, int64_t from, int64_t next)
{
    const char *slash = strrchr(r->dir, '/');
    uint64_t partition = 0;
    if (slash == NULL || !str_to_u64(str_from(slash + 1), &partition)) {
        return false;
    }
    AUTO_TEXT path = xasprintf("%.*s/topic.json", (int)(slash - r->dir), r->dir);
    AUTO_TOPIC_META meta = {0};
    return topic_meta_load(path, &meta, NULL) == ERR_OK &&
           topic_gap_covers(&meta, (uint32_t)partition, from, next);
}

/* The open segment has nothing at r->offset: goes on with the next one. */
static err next_segment(struct topic_reader *r, struct errmsg *msg)
{
    int64_t expected = r->offset;
    int64_t base = r->base;
    struct os_stat st;
    TRY(os_fstat(r->fd, &st, msg));
    if (st.size_bytes < r->position && expected >= 0) {
        lose_place(r); /* a late recovery has moved what was here to a segment of its own */
        return seek_to(r, expected, msg);
    }
    TRY(load_list(r, msg));
    ptrdiff_t i = segment_list_find(&r->list, base) + 1;
    if (i <= 0 || (size_t)i >= r->list.count) {
        return errmsg_set(msg, ERR_CORRUPT, "log_damaged: %s ends at offset %lld", r->dir,
                          (long long)expected);
    }
    int64_t next = r->list.bases[i];
    if (next != expected && !(next > expected && is_gap_recorded(r, expected, next))) {
        return errmsg_set(msg, ERR_CORRUPT, "log_damaged: %s: after offset %lld comes %lld", r->dir,
                          (long long)expected, (long long)next);
    }
    err e = open_segment(r, (size_t)i, msg);
    return e == ERR_NOT_FOUND ? retained_away(r, expected, msg) : e;
}

/* Judges the batch at the start of `bytes`, which hold it whole or not. *out_whole false: more
 * bytes are needed, h->total_bytes of them where the header is there. */
static err check_batch(const struct topic_reader *r, struct str bytes, struct batch_header *h,
                       bool *out_whole, struct errmsg *msg)
{
    *out_whole = false;
    h->total_bytes = BATCH_HEADER_BYTES;
    if (bytes.len < BATCH_HEADER_BYTES) {
        return ERR_OK;
    }
    struct errmsg why = {0};
    err e = batch_header_decode(bytes, h, &why);
    bool is_expected = r->offset < 0 || h->base_offset == r->offset;
    if (e == ERR_OK && is_expected && bytes.len < h->total_bytes) {
        return ERR_OK;
    }
    if (e == ERR_OK && is_expected && batch_crc_ok(bytes, h)) {
        *out_whole = true;
        return ERR_OK;
    }
    const char *reason = e != ERR_OK    ? why.text
                         : !is_expected ? "it has another offset"
                                        : "its checksum does not match";
    return errmsg_set(msg, ERR_CORRUPT, "log_damaged: %s, segment %lld, batch at byte %llu: %s",
                      r->dir, (long long)r->base, (unsigned long long)r->position, reason);
}

/* Takes the whole batches at the start of `got` bytes at the end of `out`; the reader's place moves
 * behind them. *out_need: bytes that the first one takes when it is not whole. */
static err take_batches(struct topic_reader *r, int64_t end_offset, struct buf *out, size_t got,
                        struct topic_read *read, size_t *out_need, struct errmsg *msg)
{
    size_t used = 0;
    *out_need = 0;
    while (r->offset < end_offset && r->offset < r->next_base) {
        struct batch_header h;
        bool is_whole = false;
        struct str left = str_of(out->data + out->len + used, got - used);
        if (left.len > 0 && segment_is_blank(left)) {
            break;
        }
        err e = check_batch(r, left, &h, &is_whole, msg);
        if (e != ERR_OK && read->batches > 0) {
            break; /* what is good goes out first; the next read meets the damage */
        }
        TRY(e);
        if (!is_whole) {
            *out_need = h.total_bytes;
            break;
        }
        if (read->batches == 0) {
            read->first_offset = h.base_offset;
        }
        used += h.total_bytes;
        r->position += h.total_bytes;
        r->offset = batch_next_offset(&h);
        read->next_offset = r->offset;
        read->batches++;
    }
    out->len += used;
    read->bytes += used;
    return ERR_OK;
}

/* Reads from the open segment. Nothing read and ERR_OK: the segment has no more. */
static err read_some(struct topic_reader *r, int64_t end_offset, size_t bytes_max, struct buf *out,
                     struct topic_read *read, struct errmsg *msg)
{
    size_t room = out->max - out->len;
    size_t want = MIN(MAX(bytes_max, (size_t)READ_BYTES_MIN), room - MIN(room, TOPIC_READ_PADDING));
    for (;;) {
        if (!buf_reserve(out, want + TOPIC_READ_PADDING)) {
            out->failed = false; /* nothing was lost; the caller may make room */
            return errmsg_set(msg, ERR_TOO_LARGE, "a batch of %zu bytes is larger than the buffer",
                              want);
        }
        size_t got = 0;
        TRY(os_pread(r->fd, out->data + out->len, want, r->position, &got, msg));
        size_t need = 0;
        TRY(take_batches(r, end_offset, out, got, read, &need, msg));
        if (read->batches > 0 || got == 0 || need == 0) {
            return ERR_OK;
        }
        struct os_stat st; /* a damaged length must not cost memory */
        TRY(os_fstat(r->fd, &st, msg));
        if (need <= want || need > st.size_bytes - MIN(st.size_bytes, r->position)) {
            return errmsg_set(msg, ERR_CORRUPT, "log_damaged: %s, segment %lld is cut at byte %llu",
                              r->dir, (long long)r->base, (unsigned long long)(r->position + got));
        }
        want = need;
    }
}

err topic_reader_read(struct topic_reader *r, int64_t from_offset, int64_t end_offset,
                      size_t bytes_max, struct buf *out, struct topic_read *out_read,
                      struct errmsg *msg)
{
    struct topic_read read = {.first_offset = from_offset, .next_offset = from_offset};
    if (from_offset < 0) {
        return errmsg_set(msg, ERR_RANGE, "offset %lld does not exist", (long long)from_offset);
    }
    if (from_offset < end_offset) {
        err e = seek_to(r, from_offset, msg);
        while (e == ERR_OK && r->offset < end_offset && read.batches == 0) {
            e = r->offset < r->next_base ? read_some(r, end_offset, bytes_max, out, &read, msg)
                                         : ERR_OK;
            if (e == ERR_OK && read.batches == 0) {
                e = next_segment(r, msg);
            }
        }
        if (e != ERR_OK) {
            lose_place(r);
            return e;
        }
        read.next_offset = MAX(read.next_offset, r->offset); /* a gap may reach the end */
    }
    if (buf_reserve(out, TOPIC_READ_PADDING)) {
        memset(out->data + out->len, 0, TOPIC_READ_PADDING);
    } else {
        out->failed = false;
    }
    *out_read = read;
    return ERR_OK;
}

/* The header of the batch that holds `offset`; *out_next is where to look instead when none does,
 * since it was let go. */
static err peek(struct topic_reader *r, int64_t offset, struct batch_header *out_header,
                int64_t *out_next, struct errmsg *msg)
{
    char bytes[BATCH_HEADER_BYTES];
    size_t got = 0;
    TRY(seek_to(r, offset, msg));
    TRY(os_pread(r->fd, bytes, sizeof bytes, r->position, &got, msg));
    struct str header = str_of(bytes, got);
    if (r->offset >= r->next_base || got < sizeof bytes || segment_is_blank(header)) {
        *out_next = r->next_base;
        return ERR_OK;
    }
    TRY(batch_header_decode(header, out_header, msg));
    r->offset = out_header->base_offset;
    *out_next = -1;
    return ERR_OK;
}

err topic_reader_find_time(struct topic_reader *r, int64_t start_offset, int64_t end_offset,
                           int64_t time_ms, int64_t *out_offset, struct errmsg *msg)
{
    int64_t low = start_offset; /* what is before is earlier */
    int64_t high = end_offset;  /* what is from here on is not, and nothing in a gap before it */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        struct batch_header h = {0};
        int64_t next = -1;
        err e = peek(r, middle, &h, &next, msg);
        if (e == ERR_OK && next >= 0 && next < high) {
            e = peek(r, next, &h, &next, msg);
        }
        if (e != ERR_OK) {
            lose_place(r);
            return e;
        }
        if (next < 0 && h.max_timestamp_ms < time_ms) {
            low = batch_next_offset(&h);
        } else {
            high = next < 0 ? MIN(MAX(h.base_offset, low), middle) : middle;
        }
    }
    *out_offset = MIN(low, end_offset);
    return ERR_OK;
}

err topic_reader_log_start(struct topic_reader *r, int64_t *out_offset, struct errmsg *msg)
{
    struct segment_mark mark;
    TRY(load_list(r, msg));
    if (r->list.count == 0) {
        return errmsg_set(msg, ERR_CORRUPT, "log_damaged: %s has no segment", r->dir);
    }
    err e = segment_mark_load(r->dir, &mark, NULL);
    *out_offset = e == ERR_OK ? MAX(mark.log_start, r->list.bases[0]) : r->list.bases[0];
    return ERR_OK;
}

err topic_log_size(const char *partition_dir, int64_t *out_first, uint64_t *out_bytes,
                   struct errmsg *msg)
{
    AUTO_SEGMENTS list = {0};
    struct segment_mark mark = {.segment = -1};
    uint64_t bytes = 0;
    TRY(segment_list_load(partition_dir, &list, msg));
    if (list.count == 0) {
        return errmsg_set(msg, ERR_NOT_FOUND, "%s has no segment", partition_dir);
    }
    (void)segment_mark_load(partition_dir, &mark, NULL); /* an estimate goes without it */
    for (size_t i = 0; i < list.count; i++) {
        AUTO_TEXT path = segment_path(partition_dir, list.bases[i], ".log");
        struct os_stat st;
        bool is_marked = list.bases[i] == mark.segment;
        if (is_marked || os_stat(path, &st, NULL) != ERR_OK) { /* retention may be faster */
            bytes += is_marked ? mark.position : 0;
        } else {
            bytes += st.size_bytes;
        }
    }
    *out_first = list.bases[0];
    *out_bytes = bytes;
    return ERR_OK;
}

err topic_recover_readonly(const char *partition_dir, struct topic_ends *out_ends,
                           struct errmsg *msg)
{
    struct recover_options options = {.verify_bytes = 8u << 20};
    const char *slash = strrchr(partition_dir, '/');
    uint64_t partition = 0;
    AUTO_TOPIC_META meta = {0};
    if (slash != NULL && str_to_u64(str_from(slash + 1), &partition) &&
        partition < TOPIC_PARTITIONS_MAX) {
        AUTO_TEXT path = xasprintf("%.*s/topic.json", (int)(slash - partition_dir), partition_dir);
        if (topic_meta_load(path, &meta, NULL) == ERR_OK) {
            options.meta = &meta;
            options.partition = (uint32_t)partition;
        }
    }
    AUTO_RECOVERY r = {0};
    TRY(recover_plan(partition_dir, &options, &r, msg));
    *out_ends = (struct topic_ends){.start = r.log_start, .end = r.end, .is_damaged = r.is_damaged};
    return ERR_OK;
}
