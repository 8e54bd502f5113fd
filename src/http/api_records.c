/* SPDX-License-Identifier: MIT */
/* api_records.c - reading a topic back: pages of records, and the live tail over SSE.
 *
 * Both read the log up to the acknowledged end. A page is of one partition, or of all merged by
 * time; where to go on is an offset, or for several partitions their offsets with dots between. A
 * tail is fed from the loop when the log grew: at most TAIL_TURN_BYTES a turn each, so that many
 * tails do not hold up the door. */
#include "base/base64.h"
#include "base/timefmt.h"
#include "flow/event.h"
#include "flow/record_page.h"
#include "http/api.h"
#include "http/sse.h"
#include "topic/batch.h"
#include "topic/reader.h"

enum {
    RECORDS_LIMIT_DEFAULT = 100,
    RECORDS_LIMIT_MAX = 10000,
    RECORDS_BYTES_MAX = 8 << 20, /* of an answer, and one record */
    HEADERS_MAX = 100,           /* looked at in one record */
    TEXT_BYTES_MAX = 1024,       /* of `q` */
    READ_BUF_BYTES_MAX = 192 << 20,
    TAIL_TURN_BYTES = 256 << 10,
    TAILS_MAX = 1000,
};

/* ,"headers":{"name":"text"|null|{"base64":"..."}} when there are some. Of a name that comes again
 * the last counts. */
static void write_headers(struct buf *out, const struct record *r)
{
    struct record_header h;
    size_t at = 0;
    size_t count = 0;
    AUTO_BUF seen = buf_make(READ_BUF_BYTES_MAX); /* names as JSON text between line feeds */
    for (int i = 0; i < HEADERS_MAX && record_header_next(r, &at, &h); i++) {
        size_t start = seen.len;
        buf_add_byte(&seen, '\n');
        buf_add_json_string(&seen, h.key);
        buf_add_byte(&seen, '\n');
        struct str name = str_of(seen.data + start, seen.len - start);
        if (seen.failed || memmem(seen.data, start, name.ptr, name.len) != NULL) {
            seen.len = start;
            continue;
        }
        buf_puts(out, count++ == 0 ? ",\"headers\":{" : ",");
        buf_add(out, name.ptr + 1, name.len - 2);
        buf_add_byte(out, ':');
        bool has_value = record_header(r, h.key, &h.value);
        if (!has_value || h.value.ptr == NULL) {
            buf_puts(out, "null");
        } else if (str_is_utf8(h.value)) {
            buf_add_json_string(out, h.value);
        } else {
            buf_puts(out, "{\"base64\":\"");
            base64_encode(h.value, out);
            buf_puts(out, "\"}");
        }
    }
    if (count > 0) {
        buf_add_byte(out, '}');
    }
}

/* Its first bytes as text, not in the middle of a character, and how many there are. */
static void write_cut_value(struct buf *out, struct str value, size_t value_bytes_max)
{
    struct str first = str_of(value.ptr, value_bytes_max);
    for (int i = 0; i < 3 && first.len > 0 && !str_is_utf8(first); i++) {
        first.len--;
    }
    if (!str_is_utf8(first)) {
        first.len = value_bytes_max;
    }
    buf_add_json_string(out, first);
    buf_printf(out, ",\"truncated\":true,\"bytes\":%zu", value.len);
}

/* {"partition":0,"offset":5,"timestamp":"...","key":"k"|null,"value":{...}}; a value that is not
 * JSON is text, or base64 would be: bytes that are not UTF-8 show as U+FFFD. One that is longer
 * than `value_bytes_max` is cut. */
static void write_record(struct buf *out, uint32_t partition, const struct record *r,
                         size_t value_bytes_max)
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
    } else if (r->value.len > value_bytes_max) {
        write_cut_value(out, r->value, value_bytes_max);
    } else if (event_diagnose(r->value, EVENT_DEPTH_MAX, NULL) == EVENT_OK) {
        buf_add_str(out, r->value);
    } else {
        buf_add_json_string(out, r->value);
    }
    write_headers(out, r);
    buf_add_byte(out, '}');
}

static char *partition_dir(const struct topic *t, uint32_t partition)
{
    return xasprintf("%s/%u", topic_dir(t), partition);
}

/* ---- GET /records ---- */

struct ask {
    int64_t partition; /* -1: all */
    int64_t offset;    /* -1: not said */
    int64_t limit;
    int64_t time_ms; /* -1: not said */
    int64_t value_bytes;
    bool is_newest_first;
    bool has_key;
    struct str key;
    struct str text;
    struct str after; /* {NULL,0}: not said */
};

static err read_time(struct str text, int64_t *out_ms, struct errmsg *msg)
{
    int64_t us = 0;
    if (str_to_i64(text, out_ms) && *out_ms >= 0) {
        return ERR_OK;
    }
    if (!time_parse_rfc3339(text, &us) || us < 0) {
        return errmsg_set(msg, ERR_INVALID,
                          "time is like 2026-11-20T12:34:56Z, or milliseconds since 1970");
    }
    *out_ms = us / 1000;
    return ERR_OK;
}

static err read_ask(struct http_params *params, struct ask *ask, struct errmsg *msg)
{
    struct str text = {0};
    *ask = (struct ask){.partition = -1,
                        .offset = -1,
                        .limit = RECORDS_LIMIT_DEFAULT,
                        .time_ms = -1,
                        .value_bytes = INT64_MAX};
    TRY(http_params_i64(params, "partition", 0, TOPIC_PARTITIONS_MAX, &ask->partition, msg));
    TRY(http_params_i64(params, "offset", 0, INT64_MAX - 1, &ask->offset, msg));
    TRY(http_params_i64(params, "limit", 1, RECORDS_LIMIT_MAX, &ask->limit, msg));
    TRY(http_params_i64(params, "value_bytes", 0, INT64_MAX, &ask->value_bytes, msg));
    ask->has_key = http_params_str(params, "key", &ask->key);
    (void)http_params_str(params, "q", &ask->text); /* absent: everything passes */
    if (ask->text.len > TEXT_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "q is over %d bytes", TEXT_BYTES_MAX);
    }
    (void)http_params_str(params, "after", &ask->after); /* absent: from the beginning */
    if (http_params_str(params, "time", &text)) {
        TRY(read_time(text, &ask->time_ms, msg));
    }
    if (http_params_str(params, "order", &text)) {
        ask->is_newest_first = str_is(text, "desc");
        if (!ask->is_newest_first && !str_is(text, "asc")) {
            return errmsg_set(msg, ERR_INVALID, "order is asc or desc");
        }
    }
    return ask->offset >= 0 && ask->time_ms >= 0
               ? errmsg_set(msg, ERR_INVALID, "give offset or time, not both")
               : ERR_OK;
}

/* One page that is being made. */
struct listing {
    struct topic *topic;
    struct ask ask;
    struct record_page page;
    struct record_page_part parts[RECORD_PAGE_PARTS_MAX];
    size_t count;
    struct buf out; /* owned */
    const char *comma;
};

static void listing_deinit(struct listing *x)
{
    buf_deinit(&x->out);
}

/* False after answering: the partition is not there, or all are too many. */
static bool choose_parts(struct http_exchange *ex, struct listing *x)
{
    uint32_t all = topic_partition_count(x->topic);
    struct ask *ask = &x->ask;
    if (ask->partition >= all) {
        http_problemf(ex, 404, "partition_not_found", "the topic has %u partitions, from 0", all);
        return false;
    }
    if (ask->partition < 0 && (all == 1 || ask->offset >= 0)) {
        ask->partition = 0;
    }
    if (ask->partition < 0 && all > RECORD_PAGE_PARTS_MAX) {
        http_problemf(ex, 400, "too_many_partitions",
                      "the topic has %u partitions, and at most %d are merged: name one with "
                      "?partition=",
                      all, RECORD_PAGE_PARTS_MAX);
        return false;
    }
    x->count = ask->partition >= 0 ? 1 : all;
    for (size_t i = 0; i < x->count; i++) {
        uint32_t p = ask->partition >= 0 ? (uint32_t)ask->partition : (uint32_t)i;
        int64_t start = topic_log_start(x->topic, p);
        int64_t end = MAX(topic_acked_end(x->topic, p), start);
        x->parts[i] = (struct record_page_part){
            .partition = p, .start = start, .end = end, .at = ask->is_newest_first ? end : start};
    }
    return true;
}

/* "17" or "17.4.0": the place in each partition. What was let go meanwhile is passed over. */
static err go_after(struct listing *x, struct errmsg *msg)
{
    struct str rest = x->ask.after;
    struct str text;
    size_t i = 0;
    while (str_split(&rest, '.', &text)) {
        int64_t at = 0;
        if (i == x->count || !str_to_i64(text, &at) || at < 0) {
            return errmsg_set(msg, ERR_INVALID, "after is the `next` of the page before");
        }
        x->parts[i].at = MIN(MAX(at, x->parts[i].start), x->parts[i].end);
        i++;
    }
    for (; x->ask.is_newest_first && i < x->count; i++) {
        x->parts[i].at = x->parts[i].start; /* a new partition: all of it is newer */
    }
    return ERR_OK;
}

/* Sets where to begin; false after answering. */
static bool go_to_start(struct http_exchange *ex, struct listing *x)
{
    struct errmsg msg = {0};
    struct record_page_part *only = &x->parts[0];
    int64_t offset = x->ask.offset;
    err e = ERR_OK;
    if (x->ask.after.ptr != NULL) {
        e = go_after(x, &msg);
        if (e != ERR_OK) {
            http_problem(ex, 400, "bad_query", str_from(msg.text), STR(""));
        }
        return e == ERR_OK;
    }
    if (offset >= 0 && (offset < only->start || offset > only->end)) {
        http_problemf(ex, 416, "offset_out_of_range", "partition %u holds offsets %lld to %lld",
                      only->partition, (long long)only->start, (long long)only->end);
        return false;
    }
    if (offset >= 0) {
        only->at = x->ask.is_newest_first ? MIN(offset + 1, only->end) : offset;
    }
    for (size_t i = 0; e == ERR_OK && x->ask.time_ms >= 0 && i < x->count; i++) {
        e = record_page_seek(&x->page, &x->parts[i], x->ask.time_ms, &msg);
    }
    if (e != ERR_OK) {
        api_problem(ex, e, &msg);
    }
    return e == ERR_OK;
}

static bool list_record(void *ctx, uint32_t partition, const struct record *r)
{
    struct listing *x = ctx;
    buf_puts(&x->out, x->comma);
    write_record(&x->out, partition, r, (size_t)x->ask.value_bytes);
    x->comma = ",";
    return x->out.len < RECORDS_BYTES_MAX;
}

static void write_next(struct listing *x)
{
    bool is_done = true;
    for (size_t i = 0; i < x->count; i++) {
        is_done = is_done && record_page_part_is_done(&x->page, &x->parts[i]);
    }
    buf_puts(&x->out, "],\"next\":");
    if (x->ask.partition >= 0 && (!is_done || !x->ask.is_newest_first)) {
        buf_add_i64(&x->out, x->parts[0].at); /* more may come: there is always a next one */
    } else if (is_done) {
        buf_puts(&x->out, "null");
    } else {
        for (size_t i = 0; i < x->count; i++) {
            buf_puts(&x->out, i == 0 ? "\"" : ".");
            buf_add_i64(&x->out, x->parts[i].at);
        }
        buf_add_byte(&x->out, '"');
    }
    buf_printf(&x->out, ",\"scanned\":%llu", (unsigned long long)x->page.scanned_bytes);
    if (x->ask.partition >= 0) {
        buf_printf(&x->out, ",\"start\":%lld,\"end\":%lld", (long long)x->parts[0].start,
                   (long long)x->parts[0].end);
    }
    buf_add_byte(&x->out, '}');
}

static void on_records(struct http_exchange *ex)
{
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    __attribute__((cleanup(listing_deinit))) struct listing x = {
        .topic = api_topic(ex), .comma = "", .out = buf_make(256 << 20)};
    if (x.topic == NULL || !api_params_begin(ex, &params)) {
        return;
    }
    err e = read_ask(&params, &x.ask, &msg);
    if (!api_params_end(ex, &params, e, &msg) || !choose_parts(ex, &x)) {
        return;
    }
    x.page = (struct record_page){.topic_dir = topic_dir(x.topic),
                                  .is_newest_first = x.ask.is_newest_first,
                                  .has_key = x.ask.has_key,
                                  .key = x.ask.key,
                                  .text = x.ask.text,
                                  .limit = (size_t)x.ask.limit,
                                  .scan_bytes_max = RECORD_PAGE_SCAN_BYTES_MAX,
                                  .on_record = list_record,
                                  .ctx = &x};
    if (!go_to_start(ex, &x)) {
        return;
    }
    buf_puts(&x.out, "{\"records\":[");
    e = record_page_read(&x.page, x.parts, x.count, &msg);
    if (e == ERR_CORRUPT) {
        topic_report_damage(x.topic, x.page.partition, msg.text);
    }
    if (e != ERR_OK) {
        api_problem(ex, e, &msg);
        return;
    }
    write_next(&x);
    http_respond_json(ex, 200, buf_str(&x.out));
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
    write_record(&data, x->partition, r, SIZE_MAX);
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
            e = batch_walk(buf_str(&bytes), x->offsets[p], end, tail_record, x, &msg);
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
    if (sse_head(ex)) {
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
