/* SPDX-License-Identifier: MIT */
/* fuzz_batch.c - record batches from the network: any bytes give an error or a batch whose checksum
 * is right and whose records lie inside it. Each input is also tried with its length and checksum
 * put right, so that the walk over the records is reached. */
#include "base/base.h"
#include "base/hash.h"
#include "topic/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_headers(const struct record *record, struct str batch)
{
    struct record_header header;
    struct str last = {0};
    struct str found = {0};
    bool any = false;
    ASSERT(record->headers.len > 0 && record->headers.ptr >= batch.ptr &&
           record->headers.ptr + record->headers.len <= batch.ptr + batch.len);
    for (size_t at = 0; record_header_next(record, &at, &header);) {
        ASSERT(at <= record->headers.len);
        ASSERT(header.key.ptr + header.key.len <= header.value.ptr &&
               header.value.ptr + header.value.len <= batch.ptr + batch.len);
        if (str_is(header.key, "k")) {
            last = header.value;
            any = true;
        }
    }
    ASSERT(record_header(record, STR("k"), &found) == any && str_eq(found, last));
}

static void check(struct str bytes)
{
    struct batch_header h;
    if (batch_validate(bytes, &h, NULL) != ERR_OK) {
        return;
    }
    ASSERT(h.total_bytes == bytes.len);
    ASSERT(crc32c(0, bytes.ptr + 21, bytes.len - 21) == h.crc);
    struct batch_iter it;
    struct record record;
    err e = batch_iter_init(&it, bytes, NULL);
    ASSERT(e == ERR_OK || e == ERR_UNSUPPORTED);
    int32_t count = 0;
    while (e == ERR_OK && batch_iter_next(&it, &record, &e)) {
        ASSERT(record.offset == h.base_offset + count);
        ASSERT(record.key.ptr >= bytes.ptr &&
               record.value.ptr + record.value.len <= bytes.ptr + bytes.len);
        check_headers(&record, bytes);
        count++;
    }
    ASSERT(e == ERR_UNSUPPORTED || (e == ERR_OK && count == h.record_count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(str_of(data, size));
    if (size < BATCH_HEADER_BYTES) {
        return 0;
    }
    char *copy = malloc(size);
    ASSERT(copy != NULL);
    memcpy(copy, data, size);
    uint32_t length = __builtin_bswap32((uint32_t)size - BATCH_PREFIX_BYTES);
    uint32_t crc = __builtin_bswap32(crc32c(0, copy + 21, size - 21));
    memcpy(copy + 8, &length, sizeof length);
    memcpy(copy + 17, &crc, sizeof crc);
    copy[16] = 2;
    check(str_of(copy, size));
    free(copy);
    return 0;
}
