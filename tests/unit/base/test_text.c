/* SPDX-License-Identifier: MIT */
/* test_text.c - str, buf, arena, uuid: the ground that everything else stands on. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/uuid.h"

static void messages_are_text(void **state)
{
    /* Whatever bytes a message quotes and wherever it is cut, it is UTF-8. */
    (void)state;
    struct errmsg msg = {0};
    char filler[ERRMSG_BYTES + 8];
    for (size_t cut = 0; cut < 4; cut++) {
        memset(filler, 'x', sizeof filler);
        memcpy(filler + ERRMSG_BYTES - 1 - cut, "\xf0\x9f\x98\x80", 5);
        (void)errmsg_set(&msg, ERR_IO, "%s", filler);
        assert_true(str_is_utf8(str_from(msg.text)));
        (void)errmsg_wrap(&msg, ERR_IO, "caf\xc3\xa9 caf\xe9");
        assert_true(str_is_utf8(str_from(msg.text)));
        assert_true(str_starts(str_from(msg.text), STR("caf\xc3\xa9 caf?: xxx")));
    }
}

static void sizes_and_durations(void **state)
{
    /* Sizes and times as people write them become bytes and milliseconds, anything else is
     * refused. */
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
    } sizes[] = {
        {"0", true, 0},
        {"512", true, 512},
        {"128MiB", true, 128ULL << 20},
        {"10 GB", true, 10000000000ULL},
        {"1tib", true, 1ULL << 40},
        {"", false, 0},
        {"MiB", false, 0},
        {"-1", false, 0},
        {"1.5GiB", false, 0},
        {"99999999999999999999", false, 0},
        {"18446744073709551615TiB", false, 0},
        {"5 parsecs", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint64_t value = 0;
        assert_int_equal(str_to_bytes(str_from(sizes[i].text), &value), sizes[i].ok);
        assert_int_equal(value, sizes[i].value);
    }
    uint64_t ms = 0;
    assert_true(str_to_duration_ms(STR("60s"), &ms));
    assert_int_equal(ms, 60000);
    assert_true(str_to_duration_ms(STR("7d"), &ms));
    assert_int_equal(ms, 7LL * 86400 * 1000);
    assert_true(str_to_duration_ms(STR("250ms"), &ms));
    assert_int_equal(ms, 250);
    assert_false(str_to_duration_ms(STR("1 fortnight"), &ms));
}

static void integers_at_their_limits(void **state)
{
    /* Decimal text converts exactly up to the limits of the type and not one further. */
    (void)state;
    int64_t i = 0;
    uint64_t u = 0;
    assert_true(str_to_i64(STR("9223372036854775807"), &i));
    assert_int_equal(i, INT64_MAX);
    assert_true(str_to_i64(STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_false(str_to_i64(STR("9223372036854775808"), &i));
    assert_false(str_to_i64(STR("-9223372036854775809"), &i));
    assert_true(str_to_u64(STR("18446744073709551615"), &u));
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR(""), &u));
    assert_false(str_to_i64(STR("-"), &i));
    assert_false(str_to_i64(STR("1 "), &i));
}

static void utf8(void **state)
{
    /* Exactly the well-formed sequences of RFC 3629 pass. */
    (void)state;
    static const struct {
        struct str bytes;
        bool ok;
    } cases[] = {
        {STR("plain"), true},
        {STR("\xc3\xa9"), true},
        {STR("\xe2\x82\xac"), true},
        {STR("\xf0\x9f\x8f\x94"), true},
        {STR("\xc0\xaf"), false},         /* overlong */
        {STR("\xe0\x80\xaf"), false},     /* overlong */
        {STR("\xed\xa0\x80"), false},     /* surrogate */
        {STR("\xf4\x90\x80\x80"), false}, /* past U+10FFFF */
        {STR("\xc3"), false},             /* cut */
        {STR("\xe2\x82"), false},         /* cut */
        {STR("\x80"), false},             /* continuation alone */
        {STR("\xff"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(str_is_utf8(cases[i].bytes), cases[i].ok);
    }
}

static void split_walks_every_part(void **state)
{
    /* Splitting yields each part once, empty ones too, and then ends. */
    (void)state;
    struct str rest = STR("a,,b,");
    struct str part;
    const char *expected[] = {"a", "", "b", ""};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(str_split(&rest, ',', &part));
        assert_true(str_is(part, expected[i]));
    }
    assert_false(str_split(&rest, ',', &part));
}

static void buffer_keeps_its_maximum(void **state)
{
    /* A buffer never grows past its maximum, and what failed once stays failed until reset. */
    (void)state;
    AUTO_BUF b = buf_make(10);
    assert_true(buf_puts(&b, "12345"));
    assert_true(buf_puts(&b, "67890"));
    assert_string_equal(buf_cstr(&b), "1234567890");
    assert_false(buf_add_byte(&b, 'x'));
    assert_int_equal(buf_check(&b), ERR_TOO_LARGE);
    assert_false(buf_puts(&b, ""));
    buf_reset(&b);
    assert_true(buf_puts(&b, "ok"));
    assert_int_equal(buf_check(&b), ERR_OK);
}

static void json_strings(void **state)
{
    /* A JSON string escapes what must be escaped, keeps UTF-8, and repairs what is none. */
    (void)state;
    AUTO_BUF b = buf_make(1000);
    buf_add_json_string(&b, STR("a\"\\\n\t\x01\xc3\xa9\xff!"));
    assert_string_equal(buf_cstr(&b), "\"a\\\"\\\\\\n\\t\\u0001\xc3\xa9\xef\xbf\xbd!\"");
}

static void numbers_in_text(void **state)
{
    /* Integers are written exactly, also the most negative one. */
    (void)state;
    AUTO_BUF b = buf_make(1000);
    buf_add_i64(&b, INT64_MIN);
    buf_add_byte(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_add_byte(&b, ' ');
    buf_add_i64(&b, 0);
    assert_string_equal(buf_cstr(&b), "-9223372036854775808 18446744073709551615 0");
    buf_consume(&b, 21);
    assert_string_equal(buf_cstr(&b), "18446744073709551615 0");
}

static void arena_keeps_its_maximum(void **state)
{
    /* An arena hands out zeroed, aligned memory up to its maximum and all of it again after
     * reset. */
    (void)state;
    AUTO(arena) a = arena_new(100000);
    size_t got = 0;
    for (char *p = arena_alloc(a, 100); p != NULL; p = arena_alloc(a, 100)) {
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_int_equal(p[0] | p[99], 0);
        memset(p, 0xff, 100);
        got++;
    }
    assert_int_equal(got, 100000 / 112);
    assert_null(arena_alloc(a, SIZE_MAX));
    arena_reset(a);
    char *again = arena_alloc(a, 5000);
    assert_non_null(again);
    assert_int_equal(again[4999], 0);
}

static void base64(void **state)
{
    /* RFC 4648's own examples go both ways; what is not whole or has stray bits is refused. */
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    static const char *const wrong[] = {
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm\n=", "Zm9v!", "=Zg=", "Zm-_"};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        AUTO_BUF text = buf_make(64);
        AUTO_BUF bytes = buf_make(64);
        base64_encode(str_from(pairs[i][0]), &text);
        assert_true(str_is(buf_str(&text), pairs[i][1]));
        assert_true(base64_decode(buf_str(&text), &bytes));
        assert_true(str_is(buf_str(&bytes), pairs[i][0]));
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        AUTO_BUF bytes = buf_make(64);
        assert_false(base64_decode(str_from(wrong[i]), &bytes));
    }
    AUTO_BUF small = buf_make(2);
    assert_false(base64_decode(STR("Zm9v"), &small));
}

static void uuids(void **state)
{
    /* A random UUID carries version 4 and the variant, and only that form is valid. */
    (void)state;
    unsigned char bytes[16];
    memset(bytes, 0xff, sizeof bytes);
    struct uuid_text u = uuid_from_random(bytes);
    assert_string_equal(u.text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_true(uuid_is_valid(str_from(u.text)));
    assert_false(uuid_is_valid(STR("ffffffff-ffff-4fff-bfff-fffffffffff")));
    assert_false(uuid_is_valid(STR("ffffffff-ffff-4fff-bfffxffffffffffff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_durations),
        cmocka_unit_test(integers_at_their_limits),
        cmocka_unit_test(utf8),
        cmocka_unit_test(split_walks_every_part),
        cmocka_unit_test(buffer_keeps_its_maximum),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(numbers_in_text),
        cmocka_unit_test(messages_are_text),
        cmocka_unit_test(arena_keeps_its_maximum),
        cmocka_unit_test(base64),
        cmocka_unit_test(uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
