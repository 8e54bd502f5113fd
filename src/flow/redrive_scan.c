/* SPDX-License-Identifier: MIT */
/* redrive_scan.c - see redrive_scan.h. */
#include "flow/redrive_scan.h"

#include "topic/batch.h"
#include "topic/reader.h"

enum { SCAN_BYTES = 4 << 20 };

struct scan {
    const struct redrive_state *state;
    struct redrive_range *found; /* owned; in the order met */
    size_t count;
    size_t cap;
};

static err note(struct scan *s, const struct record *record)
{
    struct str value;
    uint32_t partition = 0;
    int64_t offset = 0;
    if (!record_header(record, STR(REDRIVE_HEADER), &value) ||
        !redrive_header_parse(value, &partition, &offset) ||
        !redrive_set_has(&s->state->sources, partition, offset)) {
        return ERR_OK;
    }
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 256 : s->cap * 2;
        s->found = xrealloc(s->found, s->cap, sizeof *s->found);
    }
    s->found[s->count++] = (struct redrive_range){partition, offset, offset + 1};
    return ERR_OK;
}

static err scan_bytes(struct scan *s, struct str bytes, struct errmsg *msg)
{
    while (bytes.len > 0) {
        struct batch_header h;
        struct batch_iter it;
        struct record record;
        err e = ERR_OK;
        TRY(batch_header_decode(bytes, &h, msg));
        if (batch_codec_of(&h) == BATCH_NONE) { /* what a re-drive writes is not compressed */
            TRY(batch_iter_init(&it, bytes, msg));
            while (batch_iter_next(&it, &record, &e)) {
                TRY(note(s, &record));
            }
            TRY(e);
        }
        bytes = str_of(bytes.ptr + h.total_bytes, bytes.len - h.total_bytes);
    }
    return ERR_OK;
}

static err scan_partition(struct scan *s, const struct topic *t, uint32_t p, int64_t from,
                          struct errmsg *msg)
{
    int64_t end = topic_durable_end(t, p);
    if (from >= end) {
        return ERR_OK;
    }
    TRY(topic_partition_state(t, p, msg) == TOPIC_PARTITION_OK ? ERR_OK : ERR_CORRUPT);
    AUTO_TEXT dir = xasprintf("%s/%u", topic_dir(t), p);
    AUTO(topic_reader) reader = NULL;
    AUTO_BUF bytes = buf_make(BATCH_BYTES_MAX + (size_t)SCAN_BYTES * 2);
    TRY(topic_reader_open(dir, &reader, msg));
    while (from < end) {
        struct topic_read read;
        buf_reset(&bytes);
        TRY(topic_reader_read(reader, from, end, SCAN_BYTES, &bytes, &read, msg));
        TRY(scan_bytes(s, buf_str(&bytes), msg));
        if (read.next_offset <= from) {
            break;
        }
        from = read.next_offset;
    }
    return ERR_OK;
}

static bool is_whole(const struct topic *t, uint32_t p, int64_t from)
{
    const struct topic_meta *m = topic_meta_of(t);
    for (size_t i = 0; i < m->gap_count; i++) {
        if (m->gaps[i].partition == p && m->gaps[i].next > from) {
            return false;
        }
    }
    return topic_log_start(t, p) <= from;
}

static int by_place(const void *a, const void *b)
{
    const struct redrive_range *x = a;
    const struct redrive_range *y = b;
    return x->partition != y->partition ? (x->partition < y->partition ? -1 : 1)
           : x->first != y->first       ? (x->first < y->first ? -1 : 1)
                                        : 0;
}

err redrive_scan(const struct topic *t, const struct redrive_state *state,
                 struct redrive_set *out_found, bool *out_is_certain, struct errmsg *msg)
{
    struct scan s = {.state = state};
    bool is_certain = true;
    err e = ERR_OK;
    for (uint32_t p = 0; p < topic_partition_count(t) && e == ERR_OK; p++) {
        /* A partition that came later was empty then. */
        int64_t from = p < state->end_count ? state->ends[p] : topic_log_start(t, p);
        is_certain = is_certain && is_whole(t, p, from);
        e = scan_partition(&s, t, p, MAX(from, topic_log_start(t, p)), msg);
    }
    if (e == ERR_OK && s.count > 0) {
        qsort(s.found, s.count, sizeof *s.found, by_place);
        e = redrive_set_add(out_found, s.found, s.count);
    }
    free(s.found);
    if (e == ERR_OK) {
        *out_is_certain = is_certain;
    }
    return e;
}
