/* SPDX-License-Identifier: MIT */
/* api_records.c - reading a topic back: records by offset, and the live tail over SSE.
 *
 * Both read the log up to the acknowledged end. A tail is fed from the loop when the log grew: at
 * most TAIL_TURN_BYTES a turn each, so that many tails do not hold up the door. */
#include "base/timefmt.h"
#include "flow/event.h"
#include "http/api.h"
#include "http/sse.h"
#include "topic/batch.h"
#include "topic/reader.h"

enum {
    RECORDS_LIMIT_DEFAULT = 100,
    RECORDS_LIMIT_MAX = 10000,
    RECORDS_READ_BYTES = 1 << 20,
    READ_BUF_BYTES_MAX = 192 << 20,
    TAIL_TURN_BYTES = 256 << 10,
    TAILS_MAX = 1000,
};

/* {"partition":0,"offset":5,"timestamp":"...","key":"k"|null,"value":{...}}; a value that is not
 * JSON is text, or base64 would be: bytes that are not UTF-8 show as U+FFFD. */
static void write_record(struct buf *out, uint32_t partition, const struct record *r)
{
    char time[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(r->timestamp_ms * 1000, time); /* the length is not needed */
    buf_printf(out, "{\"partition\":%u,\"offset\":%lld,\"timestamp\":\"%s\",\"key\":", partition,
               (long long)r->offset, time);
    if (r->has_key) {
        buf_add_json_string(out, r->key);
    } else {
        buf_puts(out, "null");
    }
    buf_puts(out, ",\"value\":");
    if (!r->has_value) {
        buf_puts(out, "null");
    } else if (event_diagnose(r->value, EVENT_DEPTH_MAX, NULL) == EVENT_OK) {
        buf_add_str(out, r->value);
    } else {
        buf_add_json_string(out, r->value);
    }
    buf_add_byte(out, '}');
}

static char *partition_dir(const struct topic *t, uint32_t partition)
{
    return xasprintf("%s/%u", topic_dir(t), partition);
}

/* Walks the records of `bytes` from `from` up to `end`; stops when `each` returns false. */
typedef bool (*record_fn)(void *ctx, const struct record *r);
static err walk(struct str bytes, int64_t from, int64_t end, record_fn each, void *ctx,
                struct errmsg *msg)
{
    while (bytes.len > 0) {
        struct batch_header h;
        struct batch_iter it;
        struct record r;
        err e = ERR_OK;
        TRY(batch_header_decode(bytes, &h, msg));
        TRY(batch_iter_init(&it, str_of(bytes.ptr, h.total_bytes), msg));
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

/* ---- GET /records ---- */

struct page {
    struct buf *out;
    const char *comma;
    uint32_t partition;
    int64_t left;
    int64_t next;
};

static bool add_to_page(void *ctx, const struct record *r)
{
    struct page *page = ctx;
    if (page->left == 0) {
        return false;
    }
    buf_puts(page->out, page->comma);
    write_record(page->out, page->partition, r);
    page->comma = ",";
    page->left--;
    page->next = r->offset + 1;
    return true;
}

static err fill_page(const struct topic *t, struct page *page, int64_t end, struct errmsg *msg)
{
    AUTO_TEXT dir = partition_dir(t, page->partition);
    AUTO(topic_reader) reader = NULL;
    AUTO_BUF bytes = buf_make(READ_BUF_BYTES_MAX);
    TRY(topic_reader_open(dir, &reader, msg));
    int64_t from = page->next;
    while (from < end && page->left > 0 && page->out->len < RECORDS_READ_BYTES * 8) {
        struct topic_read got;
        buf_reset(&bytes);
        TRY(topic_reader_read(reader, from, end, RECORDS_READ_BYTES, &bytes, &got, msg));
        if (got.next_offset == from) {
            break;
        }
        TRY(walk(buf_str(&bytes), from, end, add_to_page, page, msg));
        if (page->left > 0) {
            page->next = got.next_offset; /* past a gap that was let go */
        }
        from = got.next_offset;
    }
    return ERR_OK;
}

static void on_records(struct http_exchange *ex)
{
    struct topic *t = api_topic(ex);
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    int64_t partition = 0;
    int64_t offset = -1;
    int64_t limit = RECORDS_LIMIT_DEFAULT;
    if (t == NULL || !api_params_begin(ex, &params)) {
        return;
    }
    err e = http_params_i64(&params, "partition", 0, TOPIC_PARTITIONS_MAX, &partition, &msg);
    if (e == ERR_OK) {
        e = http_params_i64(&params, "offset", 0, INT64_MAX, &offset, &msg);
    }
    if (e == ERR_OK) {
        e = http_params_i64(&params, "limit", 1, RECORDS_LIMIT_MAX, &limit, &msg);
    }
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    if (partition >= topic_partition_count(t)) {
        http_problemf(ex, 404, "partition_not_found", "the topic has %u partitions, from 0",
                      topic_partition_count(t));
        return;
    }
    uint32_t p = (uint32_t)partition;
    int64_t start = topic_log_start(t, p);
    int64_t end = topic_acked_end(t, p);
    offset = offset < 0 ? start : offset;
    if (offset < start || offset > end) {
        http_problemf(ex, 416, "offset_out_of_range", "partition %u holds offsets %lld to %lld", p,
                      (long long)start, (long long)end);
        return;
    }
    AUTO_BUF body = buf_make(256 << 20);
    struct page page = {.out = &body, .comma = "", .partition = p, .left = limit, .next = offset};
    buf_puts(&body, "{\"records\":[");
    e = fill_page(t, &page, end, &msg);
    if (e == ERR_CORRUPT) {
        topic_report_damage(t, p, msg.text);
    }
    if (e != ERR_OK) {
        api_problem(ex, e, &msg);
        return;
    }
    buf_printf(&body, "],\"next\":%lld,\"start\":%lld,\"end\":%lld}", (long long)page.next,
               (long long)start, (long long)end);
    http_respond_json(ex, 200, buf_str(&body));
}
const struct http_handler api_records_get = {.on_request = on_records};

/* ---- GET /tail ---- */

struct api_tail {
    struct api_tail *next; /* the api's list */
    struct api *api;
    struct http_exchange *ex;
    struct sse *sse; /* owned */
    char name[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;
    char *field;                   /* owned; NULL: no filter */
    char *wanted;                  /* owned: the field's text */
    struct topic_reader **readers; /* owned, one per partition */
    int64_t *offsets;              /* owned */
    uint32_t count;
    uint64_t dropped;
    uint32_t partition; /* being walked */
};

static void tail_free(struct api_tail *x)
{
    struct api_tail **at = &x->api->tails;
    while (*at != NULL && *at != x) {
        at = &(*at)->next;
    }
    if (*at == x) {
        *at = x->next;
    }
    for (uint32_t p = 0; p < x->count; p++) {
        topic_reader_free(x->readers[p]);
    }
    free(x->readers);
    free(x->offsets);
    free(x->field);
    free(x->wanted);
    free(x);
}

/* True when the event's field equals the wanted text: strings by content, others as written. */
static bool matches(const struct api_tail *x, struct str value)
{
    if (x->field == NULL) {
        return true;
    }
    AUTO_JSON json = NULL;
    if (json_parse(value, &json, NULL) != ERR_OK) {
        return false;
    }
    const json_t *member = json_object_get(json, x->field);
    if (member == NULL) {
        return false;
    }
    if (json_is_string(member)) {
        return strcmp(json_string_value(member), x->wanted) == 0;
    }
    AUTO_BUF text = buf_make(1 << 20);
    return json_write(member, &text) == ERR_OK && str_is(buf_str(&text), x->wanted);
}

static bool tail_record(void *ctx, const struct record *r)
{
    struct api_tail *x = ctx;
    if (!matches(x, r->value)) {
        return true;
    }
    AUTO_BUF data = buf_make(READ_BUF_BYTES_MAX);
    char id[64];
    (void)snprintf(id, sizeof id, "%u:%lld", x->partition, (long long)r->offset); /* fits */
    write_record(&data, x->partition, r);
    if (sse_send(x->sse, STR("record"), str_from(id), buf_str(&data)) == ERR_LIMIT) {
        x->dropped++;
    } else if (x->dropped > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "{\"dropped\":%llu}",
                       (unsigned long long)x->dropped); /* fits */
        if (sse_send(x->sse, STR("dropped"), STR(""), str_from(text)) == ERR_OK) {
            x->dropped = 0;
        }
    }
    return true;
}

static void tail_poll(struct api_tail *x, struct topic *t)
{
    AUTO_BUF bytes = buf_make(READ_BUF_BYTES_MAX);
    for (uint32_t p = 0; p < x->count; p++) {
        int64_t end = topic_acked_end(t, p);
        struct errmsg msg = {0};
        struct topic_read got = {0};
        if (x->offsets[p] >= end) {
            continue;
        }
        buf_reset(&bytes);
        x->partition = p;
        err e = topic_reader_read(x->readers[p], x->offsets[p], end, TAIL_TURN_BYTES, &bytes, &got,
                                  &msg);
        if (e == ERR_OK) {
            e = walk(buf_str(&bytes), x->offsets[p], end, tail_record, x, &msg);
        }
        /* Retained away or damaged: a live tail goes on at the end. */
        x->offsets[p] = e == ERR_OK && got.next_offset > x->offsets[p] ? got.next_offset : end;
    }
}

void api_tails_poll(struct api *api)
{
    struct api_tail *next = NULL;
    for (struct api_tail *x = api->tails; x != NULL; x = next) {
        next = x->next;
        struct topic *t = topic_store_find(api->store, str_from(x->name));
        if (t == NULL || strcmp(topic_meta_of(t)->uuid.text, x->uuid.text) != 0) {
            sse_close(x->sse); /* the topic is gone */
            tail_free(x);
        } else {
            tail_poll(x, t);
        }
    }
}

static err open_readers(struct api_tail *x, const struct topic *t, struct errmsg *msg)
{
    x->count = topic_partition_count(t);
    x->readers = xnew_array(struct topic_reader *, x->count);
    x->offsets = xnew_array(int64_t, x->count);
    for (uint32_t p = 0; p < x->count; p++) {
        AUTO_TEXT dir = partition_dir(t, p);
        TRY(topic_reader_open(dir, &x->readers[p], msg));
        x->offsets[p] = topic_acked_end(t, p);
    }
    return ERR_OK;
}

static size_t tail_count(const struct api *api)
{
    size_t count = 0;
    for (const struct api_tail *x = api->tails; x != NULL; x = x->next) {
        count++;
    }
    return count;
}

static void on_tail(struct http_exchange *ex)
{
    struct api *api = api_of(ex);
    struct topic *t = api_topic(ex);
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    struct str filter = {0};
    if (t == NULL || !api_params_begin(ex, &params)) {
        return;
    }
    bool has_filter = http_params_str(&params, "filter", &filter);
    ptrdiff_t equals = str_find(filter, '=');
    err e = has_filter && equals <= 0 ? errmsg_set(&msg, ERR_INVALID, "filter must be FIELD=VALUE")
                                      : ERR_OK;
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    if (tail_count(api) >= TAILS_MAX) {
        http_problemf(ex, 429, "too_many_tails", "%d live tails are open already", TAILS_MAX);
        return;
    }
    struct api_tail *x = xnew(struct api_tail);
    x->api = api;
    x->ex = ex;
    memcpy(x->name, topic_meta_of(t)->name, sizeof x->name);
    x->uuid = topic_meta_of(t)->uuid;
    if (has_filter) {
        x->field = xstrndup(filter.ptr, (size_t)equals);
        x->wanted = xstrndup(filter.ptr + equals + 1, filter.len - (size_t)equals - 1);
    }
    e = open_readers(x, t, &msg);
    if (e != ERR_OK) {
        tail_free(x);
        api_problem(ex, e, &msg);
        return;
    }
    http_set_user(ex, x);
    x->next = api->tails;
    api->tails = x;
    x->sse = sse_open(ex, 0);
}

static void on_tail_abort(struct http_exchange *ex)
{
    struct api_tail *x = http_user(ex);
    if (x != NULL) {
        sse_free(x->sse);
        tail_free(x);
    }
}
const struct http_handler api_tail_get = {.on_request = on_tail, .on_abort = on_tail_abort};
