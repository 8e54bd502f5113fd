/* SPDX-License-Identifier: MIT */
/* batch.h - Kafka record batches (message format v2): the bytes of the log, of produce and of
 * fetch.
 *
 *    0 base_offset i64 | 8 length i32 (bytes after this field) | 12 partition_leader_epoch i32
 *   16 magic i8 = 2 | 17 crc u32 (CRC-32C of bytes 21 to the end) | 21 attributes i16
 *   23 last_offset_delta i32 | 27 base_timestamp i64 | 35 max_timestamp i64 | 43 producer_id i64
 *   51 producer_epoch i16 | 53 base_sequence i32 | 57 record_count i32 | 61 records
 * All big-endian. A record: varint length, i8 attributes, varlong timestamp delta, varint offset
 * delta, varint key length (-1 null) and key, varint value length (-1 null) and value, varint
 * header count and headers. base_offset and the leader epoch lie outside the CRC, so an append
 * patches them without touching it. Nothing here does I/O. Thread: any, on the caller's bytes. */
#pragma once
#include "base/base.h"
#include "base/buf.h"

enum {
    BATCH_PREFIX_BYTES = 12,             /* base offset and length */
    BATCH_PATCH_BYTES = 16,              /* what an append patches: base offset .. leader epoch */
    BATCH_HEADER_BYTES = 61,             /* up to the first record */
    BATCH_BYTES_MAX = 128 * 1024 * 1024, /* longer ones are refused as damaged */
    BATCH_RECORD_OVERHEAD_MAX = 48,      /* bytes of one record beyond its key and value */
};

enum batch_codec { BATCH_NONE, BATCH_GZIP, BATCH_SNAPPY, BATCH_LZ4, BATCH_ZSTD };

struct batch_header {
    int64_t base_offset;
    int32_t leader_epoch;
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
    int64_t producer_id; /* -1: none */
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
    size_t total_bytes; /* of the whole batch, header included */
};
static inline enum batch_codec batch_codec_of(const struct batch_header *h)
{
    return (enum batch_codec)(h->attributes & 7);
}
static inline bool batch_is_control(const struct batch_header *h)
{
    return (h->attributes & 0x20) != 0;
}
/* The offset after the last one of the batch. */
static inline int64_t batch_next_offset(const struct batch_header *h)
{
    return h->base_offset + h->last_offset_delta + 1;
}

/* Reads the header at the start of `bytes` (which may go on, or end, after the header). Checks
 * length, magic, codec, counts and that offsets do not overflow; not the CRC. total_bytes may be
 * more than bytes.len. Errors: CORRUPT; RANGE when `bytes` is shorter than a header. */
err batch_header_decode(struct str bytes, struct batch_header *out_header, struct errmsg *msg);
/* True when bytes.len >= h->total_bytes and the CRC is right. */
bool batch_crc_ok(struct str bytes, const struct batch_header *h);
/* Everything about exactly one batch: header, no bytes after it, CRC, a walk of the records when
 * they are not compressed (lengths inside the batch, offset deltas 0,1,2...). Errors: CORRUPT for
 * a wrong CRC or broken records, INVALID for what no producer may send (magic, counts, length). */
err batch_validate(struct str bytes, struct batch_header *out_header, struct errmsg *msg);
/* Sets base offset and leader epoch in place; the CRC stays right. */
void batch_patch(char *bytes, int64_t base_offset, int32_t leader_epoch);

/* One record; key, value and headers point into the batch. */
struct record {
    int64_t offset;
    int64_t timestamp_ms;
    struct str key;     /* empty when !has_key */
    struct str value;   /* empty when !has_value */
    struct str headers; /* as stored, their count first; checked when the iterator gave them. Empty
                           in a record made by hand: none */
    bool has_key;
    bool has_value;
};
struct record_header {
    struct str key;
    struct str value; /* empty when !has_value */
    bool has_value;
};
/* True when the record has a header of this key; of several the last one counts (as Kafka's
 * lastHeader() does). *out_value is empty for a null. Records without headers cost nothing. */
bool record_header(const struct record *r, struct str key, struct str *out_value);
/* Walks the headers: `*at` starts at 0. False at the end, or where the bytes are broken. */
bool record_header_next(const struct record *r, size_t *at, struct record_header *out_header);

/* Walks the records of a whole, uncompressed batch whose CRC was checked. Still bounds-checked:
 * a batch with a good CRC and broken records yields an error, never a read outside. */
struct batch_iter {
    const char *next;
    const char *end;
    int64_t base_offset;
    int64_t base_timestamp_ms;
    int64_t append_timestamp_ms; /* for LogAppendTime, else -1 */
    int32_t index;
    int32_t count;
};
/* `batch` may be followed by more bytes. Errors: CORRUPT; UNSUPPORTED for a compressed batch. */
err batch_iter_init(struct batch_iter *it, struct str batch, struct errmsg *msg);
/* False at the end or on damage; *e (may not be NULL) is ERR_OK or ERR_CORRUPT then. */
bool batch_iter_next(struct batch_iter *it, struct record *out_record, err *e);

/* Gives `each` the records of whole batches, one behind the other, whose offsets are in
 * [from, end). Ends well when it returns false. Errors: as of batch_iter_init() and
 * batch_iter_next(). */
typedef bool (*batch_record_fn)(void *ctx, const struct record *r);
err batch_walk(struct str batches, int64_t from, int64_t end, batch_record_fn each, void *ctx,
               struct errmsg *msg);

/* Builds one uncompressed batch, appended to a buf that the caller owns:
 *     batch_builder_begin(&b, &buf, now_ms, -1, -1, -1);
 *     batch_builder_add(&b, false, (struct str){0}, value);
 *     err e = batch_builder_finish(&b, &bytes);
 * The buf may hold other things before. Failure is sticky as in buf. */
struct batch_builder {
    struct buf *out; /* borrowed until finish */
    size_t start;    /* of the batch within out */
    int64_t timestamp_ms;
    int64_t producer_id;
    int32_t base_sequence;
    int16_t producer_epoch;
    int32_t count;
};
void batch_builder_begin(struct batch_builder *b, struct buf *out, int64_t timestamp_ms,
                         int64_t producer_id, int16_t producer_epoch, int32_t base_sequence);
/* False when it did not fit; the batch must then be dropped with batch_builder_drop(). */
bool batch_builder_add(struct batch_builder *b, bool has_key, struct str key, struct str value);
/* The same with a value that is absent (a tombstone) or present. */
bool batch_builder_add_nullable(struct batch_builder *b, bool has_key, struct str key,
                                bool has_value, struct str value);
/* The same with headers: the record's offset, time and own `headers` do not count. */
bool batch_builder_add_record(struct batch_builder *b, const struct record *record,
                              const struct record_header *headers, size_t header_count);
static inline size_t batch_builder_bytes(const struct batch_builder *b)
{
    return b->out->len - b->start;
}
/* Fills the header. *out_bytes points into the buf, valid until it changes. base_offset is 0,
 * the leader epoch -1. Errors: TOO_LARGE, INVALID when no record was added. */
err batch_builder_finish(struct batch_builder *b, struct str *out_bytes);
/* Takes the unfinished batch back out of the buf. */
void batch_builder_drop(struct batch_builder *b);
