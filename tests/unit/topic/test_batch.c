/* SPDX-License-Identifier: MIT */
/* test_batch.c - record batches, byte for byte as other implementations write them. */
#include "topic_rig.h"

#include "base/hash.h"
#include "topic/batch.h"

/* Written by kafka-python 3.0.12: producer id 2^62 + 5, sequence 7, four records at time
 * 1700000000000: (null, {"a":1}), (k, 70 times x), ("", ""), (gone, null). */
static const char sample_plain[] =
    "0000000000000000000000a10000000002914a8a8d0000000000030000018bcfe568000000018bcfe56800400000"
    "0000000005000000000007000000041a000000010e7b2261223a317d009c01000002026b8c017878787878787878"
    "78787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"
    "78787878787878787878787878787878000c0000040000001400000608676f6e650100";
/* By the same: no producer, timestamps that differ, record headers. */
static const char sample_headers[] =
    "0000000000000000000000520000000002c2d23afc0000000000010000018bcfe568000000018bcfe56be7ffffff"
    "ffffffffffffffffffffff000000021200000001066f6e65002c00ce0f02026b0674776f04026802760a656d7074"
    "7900";

static struct buf from_hex(const char *hex)
{
    struct buf b = buf_make(1 << 20);
    for (; hex[0] != '\0'; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};
        assert_true(buf_add_byte(&b, (char)strtol(digits, NULL, 16)));
    }
    return b;
}

/* Our builder writes the very bytes that another implementation does. */
static void test_builds_like_others(void **state)
{
    (void)state;
    AUTO_BUF expected = from_hex(sample_plain);
    AUTO_BUF out = buf_make(1 << 20);
    assert_true(buf_puts(&out, "before")); /* whatever is in the buf stays */
    char x[70];
    memset(x, 'x', sizeof x);
    struct batch_builder b;
    struct str bytes;
    batch_builder_begin(&b, &out, 1700000000000, ((int64_t)1 << 62) | 5, 0, 7);
    assert_true(batch_builder_add(&b, false, (struct str){0}, STR("{\"a\":1}")));
    assert_true(batch_builder_add(&b, true, STR("k"), str_of(x, sizeof x)));
    assert_true(batch_builder_add(&b, true, STR(""), STR("")));
    assert_true(batch_builder_add_nullable(&b, true, STR("gone"), false, (struct str){0}));
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_OK);
    batch_patch(out.data + 6, 0, 0);
    assert_int_equal(bytes.len, expected.len);
    assert_memory_equal(bytes.ptr, expected.data, expected.len);
}

/* Records of others are read with keys, values, nulls, offsets and times. */
static void test_reads_others(void **state)
{
    (void)state;
    AUTO_BUF plain = from_hex(sample_plain);
    struct batch_header h;
    struct batch_iter it;
    struct record record;
    err e = ERR_OK;
    assert_int_equal(batch_validate(buf_str(&plain), &h, NULL), ERR_OK);
    assert_int_equal(h.producer_id, ((int64_t)1 << 62) | 5);
    assert_int_equal(h.base_sequence, 7);
    batch_patch(plain.data, 1000, 3);
    assert_int_equal(batch_iter_init(&it, buf_str(&plain), NULL), ERR_OK);
    static const bool has_key[4] = {false, true, true, true};
    static const bool has_value[4] = {true, true, true, false};
    for (int i = 0; i < 4; i++) {
        assert_true(batch_iter_next(&it, &record, &e));
        assert_int_equal(record.offset, 1000 + i);
        assert_int_equal(record.timestamp_ms, 1700000000000);
        assert_int_equal(record.has_key, has_key[i]);
        assert_int_equal(record.has_value, has_value[i]);
    }
    assert_true(str_is(record.key, "gone"));
    assert_false(batch_iter_next(&it, &record, &e));
    assert_int_equal(e, ERR_OK);

    AUTO_BUF headers = from_hex(sample_headers);
    assert_int_equal(batch_validate(buf_str(&headers), &h, NULL), ERR_OK);
    assert_int_equal(batch_iter_init(&it, buf_str(&headers), NULL), ERR_OK);
    assert_true(batch_iter_next(&it, &record, &e));
    assert_true(batch_iter_next(&it, &record, &e));
    assert_int_equal(record.timestamp_ms, 1700000000999);
    assert_true(str_is(record.value, "two"));
    struct str value = {0};
    assert_true(record_header(&record, STR("h"), &value));
    assert_true(str_is(value, "v"));
    assert_true(record_header(&record, STR("empty"), &value));
    assert_int_equal(value.len, 0);
    assert_false(record_header(&record, STR("hh"), &value));
}

/* Headers come back in their order, of one key the last counts, and the bytes are those that the
 * other implementation writes. */
static void test_headers(void **state)
{
    (void)state;
    static const struct record_header headers[] = {
        {.key = {"a", 1}, .has_value = true, .value = {"first", 5}},
        {.key = {"", 0}, .has_value = false},
        {.key = {"a", 1}, .has_value = true, .value = {"last", 4}},
    };
    AUTO_BUF out = buf_make(1 << 20);
    struct batch_builder b;
    struct str bytes;
    struct record in = {.has_key = true, .key = STR("k"), .has_value = true, .value = STR("v")};
    batch_builder_begin(&b, &out, 1700000000000, -1, -1, -1);
    assert_true(batch_builder_add_record(&b, &in, headers, ARRAY_LEN(headers)));
    assert_true(batch_builder_add(&b, false, (struct str){0}, STR("plain")));
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_OK);
    AUTO_BUF expected = from_hex("000000026b0276060261"
                                 "0a66697273740001"
                                 "0261086c617374");
    assert_memory_equal(bytes.ptr + BATCH_HEADER_BYTES + 1, expected.data, expected.len);

    struct batch_header h;
    struct batch_iter it;
    struct record r;
    struct record_header header;
    struct str value = {0};
    size_t at = 0;
    err e = ERR_OK;
    assert_int_equal(batch_validate(bytes, &h, NULL), ERR_OK);
    assert_int_equal(batch_iter_init(&it, bytes, NULL), ERR_OK);
    assert_true(batch_iter_next(&it, &r, &e));
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        assert_true(record_header_next(&r, &at, &header));
        assert_true(str_eq(header.key, headers[i].key));
        assert_true(str_eq(header.value, headers[i].value));
        assert_int_equal(header.has_value, headers[i].has_value);
    }
    assert_false(record_header_next(&r, &at, &header));
    assert_true(record_header(&r, STR("a"), &value));
    assert_true(str_is(value, "last"));
    assert_true(batch_iter_next(&it, &r, &e));
    assert_false(record_header(&r, STR("a"), &value));
    struct record by_hand = {0};
    assert_false(record_header(&by_hand, STR("a"), &value));
}

/* Each flipped bit under the checksum, and each cut, is refused; the rest is refused or
 * harmless. */
static void test_damage_is_refused(void **state)
{
    (void)state;
    AUTO_BUF sample = from_hex(sample_plain);
    struct batch_header h;
    for (size_t at = 0; at < sample.len * 8; at++) {
        sample.data[at / 8] ^= (char)(1 << at % 8);
        err e = batch_validate(buf_str(&sample), &h, NULL);
        bool is_outside = at / 8 < 8 || (at / 8 >= 12 && at / 8 < 16);
        assert_true(e == ERR_CORRUPT || e == ERR_INVALID || (is_outside && e == ERR_OK));
        sample.data[at / 8] ^= (char)(1 << at % 8);
    }
    for (size_t len = 0; len < sample.len; len++) {
        assert_int_equal(batch_validate(str_of(sample.data, len), &h, NULL), ERR_INVALID);
    }
    assert_true(buf_add_byte(&sample, 0));
    assert_int_equal(batch_validate(buf_str(&sample), &h, NULL), ERR_INVALID);
}

static void fix_crc(char *bytes, size_t len)
{
    uint32_t crc = __builtin_bswap32(crc32c(0, bytes + 21, len - 21));
    memcpy(bytes + 17, &crc, sizeof crc);
}

/* With a right checksum over wrong records, the walk ends with an error and reads nothing
 * outside. */
static void test_broken_records_with_good_checksum(void **state)
{
    (void)state;
    AUTO_BUF sample = from_hex(sample_plain);
    for (size_t at = 57; at < sample.len; at++) {
        for (int value = 0; value < 256; value += 5) {
            AUTO_BUF copy = buf_make(1 << 20);
            assert_true(buf_add_str(&copy, buf_str(&sample)));
            copy.data[at] = (char)value;
            fix_crc(copy.data, copy.len);
            struct batch_header h;
            err e = batch_validate(buf_str(&copy), &h, NULL);
            assert_true(e == ERR_OK || e == ERR_CORRUPT || e == ERR_INVALID);
        }
    }
}

/* A compressed batch is taken whole, and its records are refused by name. */
static void test_compressed_is_unsupported(void **state)
{
    (void)state;
    AUTO_BUF sample = from_hex(sample_plain);
    sample.data[22] = 4; /* zstd */
    fix_crc(sample.data, sample.len);
    struct batch_header h;
    struct batch_iter it;
    assert_int_equal(batch_validate(buf_str(&sample), &h, NULL), ERR_OK);
    assert_int_equal(batch_codec_of(&h), BATCH_ZSTD);
    assert_int_equal(batch_iter_init(&it, buf_str(&sample), NULL), ERR_UNSUPPORTED);
    sample.data[22] = 5;
    fix_crc(sample.data, sample.len);
    assert_int_equal(batch_validate(buf_str(&sample), &h, NULL), ERR_INVALID);
}

/* What does not fit fails for good until the batch is dropped; nothing else in the buf changes. */
static void test_builder_bounds(void **state)
{
    (void)state;
    AUTO_BUF out = buf_make(500);
    assert_true(buf_puts(&out, "kept"));
    struct batch_builder b;
    struct str bytes;
    char big[400] = {0};
    batch_builder_begin(&b, &out, 0, -1, -1, -1);
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_INVALID); /* empty */
    assert_true(batch_builder_add(&b, false, (struct str){0}, STR("1")));
    assert_false(batch_builder_add(&b, false, (struct str){0}, str_of(big, sizeof big)));
    assert_false(batch_builder_add(&b, false, (struct str){0}, STR("2")));
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_TOO_LARGE);
    batch_builder_drop(&b);
    assert_true(str_is(buf_str(&out), "kept"));
    batch_builder_begin(&b, &out, 0, -1, -1, -1);
    assert_true(batch_builder_add(&b, false, (struct str){0}, STR("3")));
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_OK);
    struct batch_header h;
    assert_int_equal(batch_validate(bytes, &h, NULL), ERR_OK);
}

/* Any mix of sizes comes back as it went in. */
static void test_round_trip(void **state)
{
    (void)state;
    AUTO_BUF out = buf_make(64 << 20);
    struct batch_builder b;
    struct str bytes;
    static char room[200000];
    memset(room, 'r', sizeof room);
    batch_builder_begin(&b, &out, 123456789, -1, -1, -1);
    for (size_t i = 0; i < 300; i++) {
        struct str key = str_of(room, i * 7 % 200);
        struct str value = str_of(room, i < 3 ? 62 + i : i * i * 3 % sizeof room);
        assert_true(batch_builder_add(&b, i % 2 == 0, key, value));
    }
    assert_int_equal(batch_builder_finish(&b, &bytes), ERR_OK);
    struct batch_iter it;
    struct record record;
    err e = ERR_OK;
    assert_int_equal(batch_iter_init(&it, bytes, NULL), ERR_OK);
    for (size_t i = 0; i < 300; i++) {
        assert_true(batch_iter_next(&it, &record, &e));
        assert_int_equal(record.has_key, i % 2 == 0);
        assert_int_equal(record.key.len, i % 2 == 0 ? i * 7 % 200 : 0);
        assert_int_equal(record.value.len, i < 3 ? 62 + i : i * i * 3 % sizeof room);
        assert_int_equal(record.timestamp_ms, 123456789);
    }
    assert_false(batch_iter_next(&it, &record, &e));
    assert_int_equal(e, ERR_OK);
}

/* What batch_walk() gave: offsets, and where it was told to stop. */
struct walked {
    int64_t offsets[16];
    size_t count;
    size_t stop_at;
};

static bool take_offset(void *ctx, const struct record *r)
{
    struct walked *w = ctx;
    w->offsets[w->count++] = r->offset;
    return w->count < w->stop_at;
}

/* A walk gives the records between its bounds over several batches, ends where it is told to, and
 * fails on a batch that is cut short. */
static void test_walk(void **state)
{
    (void)state;
    AUTO_BUF bytes = from_hex(sample_plain);
    AUTO_BUF second = from_hex(sample_plain);
    batch_patch(second.data, 4, 0);
    assert_true(buf_add_str(&bytes, buf_str(&second)));
    struct walked w = {.stop_at = 16};
    assert_int_equal(batch_walk(buf_str(&bytes), 2, 6, take_offset, &w, NULL), ERR_OK);
    assert_int_equal(w.count, 4);
    for (size_t i = 0; i < w.count; i++) {
        assert_int_equal(w.offsets[i], 2 + (int64_t)i);
    }
    w = (struct walked){.stop_at = 3};
    assert_int_equal(batch_walk(buf_str(&bytes), 0, 8, take_offset, &w, NULL), ERR_OK);
    assert_int_equal(w.count, 3);
    w = (struct walked){.stop_at = 16};
    struct str cut = str_of(bytes.data, bytes.len - 1);
    assert_int_not_equal(batch_walk(cut, 0, 8, take_offset, &w, NULL), ERR_OK);
    assert_int_equal(w.count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builds_like_others),
        cmocka_unit_test(test_reads_others),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_damage_is_refused),
        cmocka_unit_test(test_broken_records_with_good_checksum),
        cmocka_unit_test(test_compressed_is_unsupported),
        cmocka_unit_test(test_builder_bounds),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests_name("topic_batch", tests, NULL, NULL);
}
