/* SPDX-License-Identifier: MIT */
/* batch.c - see batch.h for the layout. Lengths are checked against the bytes that are there before
 * anything is touched; the checks follow Kafka's LogValidator (magic, length, counts, CRC,
 * walk). */
#include "topic/batch.h"

#include "base/hash.h"

enum {
    AT_LENGTH = 8,
    AT_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_DELTA = 23,
    AT_BASE_TIME = 27,
    AT_MAX_TIME = 35,
    AT_PRODUCER_ID = 43,
    AT_PRODUCER_EPOCH = 51,
    AT_BASE_SEQUENCE = 53,
    AT_COUNT = 57,
    ATTRIBUTE_APPEND_TIME = 8,
    MAGIC = 2,
    RECORD_BYTES_MIN = 7, /* length and six one-byte fields */
};

static uint16_t get_u16(const char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}
static uint32_t get_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}
static uint64_t get_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}
static void put_u16(char *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}
static void put_u32(char *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}
static void put_u64(char *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the byte swaps above assume it");

/* Decoding. */

err batch_header_decode(struct str bytes, struct batch_header *out_header, struct errmsg *msg)
{
    if (bytes.len < BATCH_HEADER_BYTES) {
        return errmsg_set(msg, ERR_RANGE, "a batch header needs %d bytes, there are %zu",
                          BATCH_HEADER_BYTES, bytes.len);
    }
    const char *p = bytes.ptr;
    struct batch_header h = {
        .base_offset = (int64_t)get_u64(p),
        .leader_epoch = (int32_t)get_u32(p + AT_EPOCH),
        .magic = (int8_t)p[AT_MAGIC],
        .crc = get_u32(p + AT_CRC),
        .attributes = (int16_t)get_u16(p + AT_ATTRIBUTES),
        .last_offset_delta = (int32_t)get_u32(p + AT_LAST_DELTA),
        .base_timestamp_ms = (int64_t)get_u64(p + AT_BASE_TIME),
        .max_timestamp_ms = (int64_t)get_u64(p + AT_MAX_TIME),
        .producer_id = (int64_t)get_u64(p + AT_PRODUCER_ID),
        .producer_epoch = (int16_t)get_u16(p + AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)get_u32(p + AT_BASE_SEQUENCE),
        .record_count = (int32_t)get_u32(p + AT_COUNT),
    };
    uint32_t length = get_u32(p + AT_LENGTH);
    if (h.magic != MAGIC) {
        return errmsg_set(msg, ERR_CORRUPT, "batch magic is %d, not 2", h.magic);
    }
    if (length < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES ||
        length > BATCH_BYTES_MAX - BATCH_PREFIX_BYTES) {
        return errmsg_set(msg, ERR_CORRUPT, "batch length %u is out of bounds", length);
    }
    if (batch_codec_of(&h) > BATCH_ZSTD) {
        return errmsg_set(msg, ERR_CORRUPT, "batch codec %d is unknown", batch_codec_of(&h));
    }
    /* A compacted log may hold batches of fewer records than offsets, or of none. */
    if (h.last_offset_delta < 0 || h.last_offset_delta == INT32_MAX || h.record_count < 0 ||
        h.record_count > (int64_t)h.last_offset_delta + 1) {
        return errmsg_set(msg, ERR_CORRUPT, "batch counts do not agree (%d records, delta %d)",
                          h.record_count, h.last_offset_delta);
    }
    if (h.base_offset < 0 || h.base_offset > INT64_MAX - 1 - h.last_offset_delta) {
        return errmsg_set(msg, ERR_CORRUPT, "batch offset is out of bounds");
    }
    h.total_bytes = (size_t)length + BATCH_PREFIX_BYTES;
    *out_header = h;
    return ERR_OK;
}

bool batch_crc_ok(struct str bytes, const struct batch_header *h)
{
    if (bytes.len < h->total_bytes) {
        return false;
    }
    return crc32c(0, bytes.ptr + AT_ATTRIBUTES, h->total_bytes - AT_ATTRIBUTES) == h->crc;
}

err batch_validate(struct str bytes, struct batch_header *out_header, struct errmsg *msg)
{
    struct batch_header h;
    err e = batch_header_decode(bytes, &h, msg);
    if (e != ERR_OK) {
        return e == ERR_RANGE || e == ERR_CORRUPT ? ERR_INVALID : e; /* no producer may send this */
    }
    if (bytes.len != h.total_bytes) {
        return errmsg_set(msg, ERR_INVALID, "batch of %zu bytes says it has %zu", bytes.len,
                          h.total_bytes);
    }
    if (!batch_crc_ok(bytes, &h)) {
        return errmsg_set(msg, ERR_CORRUPT, "batch checksum does not match");
    }
    if (h.record_count < 1 || h.last_offset_delta + 1 != h.record_count) {
        return errmsg_set(msg, ERR_INVALID, "batch of %d records has last offset delta %d",
                          h.record_count, h.last_offset_delta);
    }
    if (h.producer_id >= 0 && h.base_sequence < 0) {
        return errmsg_set(msg, ERR_INVALID, "batch of a producer has no sequence");
    }
    if (batch_codec_of(&h) == BATCH_NONE) {
        struct batch_iter it;
        struct record record;
        TRY(batch_iter_init(&it, bytes, msg));
        while (batch_iter_next(&it, &record, &e)) {}
        if (e != ERR_OK) {
            return errmsg_set(msg, e, "record %d of the batch is broken", it.index);
        }
    }
    *out_header = h;
    return ERR_OK;
}

void batch_patch(char *bytes, int64_t base_offset, int32_t leader_epoch)
{
    put_u64(bytes, (uint64_t)base_offset);
    put_u32(bytes + AT_EPOCH, (uint32_t)leader_epoch);
}

/* Zigzag varint of at most 10 bytes; false past `end`. */
static bool get_varlong(const char **p, const char *end, int64_t *out_value)
{
    uint64_t raw = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (*p == end) {
            return false;
        }
        uint8_t byte = (uint8_t) * (*p)++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        raw |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out_value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
            return true;
        }
    }
    return false;
}

static bool get_varint(const char **p, const char *end, int32_t *out_value)
{
    if (*p < end && (**p & 0x80) == 0) { /* the common case: one byte */
        uint8_t byte = (uint8_t) * (*p)++;
        *out_value = (int32_t)(byte >> 1) ^ -(int32_t)(byte & 1);
        return true;
    }
    int64_t value = 0;
    const char *limit = end - *p > 5 ? *p + 5 : end;
    if (!get_varlong(p, limit, &value) || value < INT32_MIN || value > INT32_MAX) {
        return false;
    }
    *out_value = (int32_t)value;
    return true;
}

/* A length and that many bytes; -1 is null. */
static bool get_bytes(const char **p, const char *end, bool *out_present, struct str *out_bytes)
{
    int32_t len = 0;
    if (!get_varint(p, end, &len) || len < -1 || len > end - *p) {
        return false;
    }
    *out_present = len >= 0;
    *out_bytes = str_of(*p, len >= 0 ? (size_t)len : 0);
    *p += out_bytes->len;
    return true;
}

static bool get_header(const char **p, const char *end, struct record_header *out)
{
    bool has_key = false;
    return get_bytes(p, end, &has_key, &out->key) && has_key &&
           get_bytes(p, end, &out->has_value, &out->value);
}

static bool get_headers(const char **p, const char *end, struct str *out_headers)
{
    const char *start = *p;
    int32_t count = 0;
    if (!get_varint(p, end, &count) || count < 0 || count > end - *p) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        struct record_header header;
        if (!get_header(p, end, &header)) {
            return false;
        }
    }
    *out_headers = str_of(start, (size_t)(*p - start));
    return true;
}

bool record_header_next(const struct record *r, size_t *at, struct record_header *out_header)
{
    if (r->headers.len <= 1) { /* a count of 0, in the log's most common form */
        return false;
    }
    const char *p = r->headers.ptr + *at;
    const char *end = r->headers.ptr + r->headers.len;
    int32_t count = 0;
    if (*at == 0 && !get_varint(&p, end, &count)) {
        return false;
    }
    if (p == end || !get_header(&p, end, out_header)) {
        return false;
    }
    *at = (size_t)(p - r->headers.ptr);
    return true;
}

bool record_header(const struct record *r, struct str key, struct str *out_value)
{
    bool found = false;
    struct record_header header;
    for (size_t at = 0; record_header_next(r, &at, &header);) {
        if (str_eq(header.key, key)) {
            *out_value = header.value;
            found = true;
        }
    }
    return found;
}

err batch_iter_init(struct batch_iter *it, struct str batch, struct errmsg *msg)
{
    struct batch_header h;
    TRY(batch_header_decode(batch, &h, msg));
    if (batch.len < h.total_bytes) {
        return errmsg_set(msg, ERR_CORRUPT, "batch is cut short");
    }
    if (batch_codec_of(&h) != BATCH_NONE) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "the batch is compressed (codec %d)",
                          batch_codec_of(&h));
    }
    *it = (struct batch_iter){
        .next = batch.ptr + BATCH_HEADER_BYTES,
        .end = batch.ptr + h.total_bytes,
        .base_offset = h.base_offset,
        .base_timestamp_ms = h.base_timestamp_ms,
        .append_timestamp_ms =
            (h.attributes & ATTRIBUTE_APPEND_TIME) != 0 ? h.max_timestamp_ms : -1,
        .count = h.record_count,
    };
    return ERR_OK;
}

/* One record at it->next. */
static bool decode_record(struct batch_iter *it, struct record *out)
{
    const char *p = it->next;
    int32_t length = 0;
    if (!get_varint(&p, it->end, &length) || length < RECORD_BYTES_MIN - 1 ||
        length > it->end - p) {
        return false;
    }
    const char *end = p + length;
    p++; /* record attributes, unused */
    int64_t time_delta = 0;
    int32_t offset_delta = 0;
    if (!get_varlong(&p, end, &time_delta) || !get_varint(&p, end, &offset_delta) ||
        offset_delta != it->index || !get_bytes(&p, end, &out->has_key, &out->key) ||
        !get_bytes(&p, end, &out->has_value, &out->value) || !get_headers(&p, end, &out->headers) ||
        p != end) {
        return false;
    }
    out->offset = it->base_offset + offset_delta;
    if (it->append_timestamp_ms >= 0) {
        out->timestamp_ms = it->append_timestamp_ms;
    } else if (__builtin_add_overflow(it->base_timestamp_ms, time_delta, &out->timestamp_ms)) {
        return false;
    }
    it->next = end;
    return true;
}

bool batch_iter_next(struct batch_iter *it, struct record *out_record, err *e)
{
    if (it->index == it->count) {
        *e = it->next == it->end ? ERR_OK : ERR_CORRUPT;
        return false;
    }
    struct record record;
    if (!decode_record(it, &record)) {
        *e = ERR_CORRUPT;
        return false;
    }
    it->index++;
    *out_record = record;
    return true;
}

err batch_walk(struct str batches, int64_t from, int64_t end, batch_record_fn each, void *ctx,
               struct errmsg *msg)
{
    while (batches.len > 0) {
        struct batch_header h;
        struct batch_iter it;
        struct record r;
        err e = ERR_OK;
        TRY(batch_header_decode(batches, &h, msg));
        TRY(batch_iter_init(&it, batches, msg));
        while (batch_iter_next(&it, &r, &e)) {
            if (r.offset >= from && r.offset < end && !each(ctx, &r)) {
                return ERR_OK;
            }
        }
        TRY(e);
        batches.ptr += h.total_bytes;
        batches.len -= h.total_bytes;
    }
    return ERR_OK;
}

/* Building. */

void batch_builder_begin(struct batch_builder *b, struct buf *out, int64_t timestamp_ms,
                         int64_t producer_id, int16_t producer_epoch, int32_t base_sequence)
{
    static const char zero[BATCH_HEADER_BYTES];
    *b = (struct batch_builder){
        .out = out,
        .start = out->len,
        .timestamp_ms = timestamp_ms,
        .producer_id = producer_id,
        .producer_epoch = producer_epoch,
        .base_sequence = base_sequence,
    };
    (void)buf_add(out, zero, sizeof zero); /* failure is sticky, finish reports it */
}

static char *put_varint(char *p, int32_t value)
{
    uint32_t raw = ((uint32_t)value << 1) ^ (uint32_t)(value >> 31);
    while (raw >= 0x80) {
        *p++ = (char)(raw | 0x80);
        raw >>= 7;
    }
    *p++ = (char)raw;
    return p;
}

static size_t varint_bytes(int32_t value)
{
    uint32_t raw = ((uint32_t)value << 1) ^ (uint32_t)(value >> 31);
    return raw == 0 ? 1 : (size_t)(31 - __builtin_clz(raw)) / 7 + 1;
}

/* A length and the bytes; -1 for null. */
static char *put_bytes(char *p, bool present, struct str bytes)
{
    p = put_varint(p, present ? (int32_t)bytes.len : -1);
    if (present && bytes.len > 0) {
        memcpy(p, bytes.ptr, bytes.len);
        p += bytes.len;
    }
    return p;
}

static size_t bytes_bytes(bool present, struct str bytes)
{
    return present ? varint_bytes((int32_t)bytes.len) + bytes.len : 1;
}

/* The bytes of the headers as stored, or more than a batch may hold. */
static size_t headers_bytes(const struct record_header *headers, size_t count)
{
    size_t sum = varint_bytes((int32_t)MIN(count, (size_t)INT32_MAX));
    for (size_t i = 0; i < count; i++) {
        if (headers[i].key.len > BATCH_BYTES_MAX || headers[i].value.len > BATCH_BYTES_MAX ||
            sum > BATCH_BYTES_MAX) {
            return BATCH_BYTES_MAX + (size_t)1;
        }
        sum +=
            bytes_bytes(true, headers[i].key) + bytes_bytes(headers[i].has_value, headers[i].value);
    }
    return sum;
}

bool batch_builder_add_record(struct batch_builder *b, const struct record *r,
                              const struct record_header *headers, size_t header_count)
{
    struct buf *out = b->out;
    size_t length = headers_bytes(headers, header_count);
    if (out->failed || r->key.len > BATCH_BYTES_MAX || r->value.len > BATCH_BYTES_MAX ||
        length > BATCH_BYTES_MAX || b->count == INT32_MAX - 1) {
        out->failed = true;
        return false;
    }
    length += 2 + varint_bytes(b->count) + bytes_bytes(r->has_key, r->key) +
              bytes_bytes(r->has_value, r->value);
    if (batch_builder_bytes(b) + length + 5 > BATCH_BYTES_MAX ||
        !buf_reserve(out, length + BATCH_RECORD_OVERHEAD_MAX)) {
        out->failed = true;
        return false;
    }
    char *p = put_varint(out->data + out->len, (int32_t)length);
    *p++ = 0; /* attributes */
    *p++ = 0; /* timestamp delta */
    p = put_varint(p, b->count);
    p = put_bytes(p, r->has_key, r->key);
    p = put_bytes(p, r->has_value, r->value);
    p = put_varint(p, (int32_t)header_count);
    for (size_t i = 0; i < header_count; i++) {
        p = put_bytes(p, true, headers[i].key);
        p = put_bytes(p, headers[i].has_value, headers[i].value);
    }
    out->len = (size_t)(p - out->data);
    b->count++;
    return true;
}

bool batch_builder_add_nullable(struct batch_builder *b, bool has_key, struct str key,
                                bool has_value, struct str value)
{
    struct record record = {.has_key = has_key, .key = key, .has_value = has_value, .value = value};
    return batch_builder_add_record(b, &record, NULL, 0);
}

bool batch_builder_add(struct batch_builder *b, bool has_key, struct str key, struct str value)
{
    return batch_builder_add_nullable(b, has_key, key, true, value);
}

err batch_builder_finish(struct batch_builder *b, struct str *out_bytes)
{
    if (b->out->failed) {
        return ERR_TOO_LARGE;
    }
    if (b->count == 0) {
        return ERR_INVALID;
    }
    size_t len = batch_builder_bytes(b);
    char *p = b->out->data + b->start;
    put_u64(p, 0);
    put_u32(p + AT_LENGTH, (uint32_t)(len - BATCH_PREFIX_BYTES));
    put_u32(p + AT_EPOCH, UINT32_MAX);
    p[AT_MAGIC] = MAGIC;
    put_u16(p + AT_ATTRIBUTES, 0);
    put_u32(p + AT_LAST_DELTA, (uint32_t)b->count - 1);
    put_u64(p + AT_BASE_TIME, (uint64_t)b->timestamp_ms);
    put_u64(p + AT_MAX_TIME, (uint64_t)b->timestamp_ms);
    put_u64(p + AT_PRODUCER_ID, (uint64_t)b->producer_id);
    put_u16(p + AT_PRODUCER_EPOCH, (uint16_t)b->producer_epoch);
    put_u32(p + AT_BASE_SEQUENCE, (uint32_t)b->base_sequence);
    put_u32(p + AT_COUNT, (uint32_t)b->count);
    put_u32(p + AT_CRC, crc32c(0, p + AT_ATTRIBUTES, len - AT_ATTRIBUTES));
    *out_bytes = str_of(p, len);
    return ERR_OK;
}

void batch_builder_drop(struct batch_builder *b)
{
    b->out->len = MIN(b->out->len, b->start);
    b->out->failed = false;
    b->count = 0;
}
