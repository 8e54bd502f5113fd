/* SPDX-License-Identifier: MIT */
/* flow_test.h - what the tests of events share: cmocka, and random numbers from a printed seed. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/buf.h"

/* The seed comes from TEST_SEED when set, so that a failing run can be repeated. */
static inline uint64_t test_seed(void)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed = 20261121;
    if (text != NULL) {
        assert_true(str_to_u64(str_from(text), &seed));
    }
    print_message("seed %llu (TEST_SEED)\n", (unsigned long long)seed);
    return seed;
}

static inline uint64_t test_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline size_t test_below(uint64_t *state, size_t bound)
{
    return (size_t)(test_random(state) % bound);
}

/* An arbitrary JSON value, nested up to `depth`, with odd white space, escapes and numbers. */
static inline void test_random_json(uint64_t *state, struct buf *out, int depth)
{
    static const char *const scalars[] = {"0",
                                          "-1",
                                          "12",
                                          "1.5",
                                          "-0.25e-3",
                                          "1E+9",
                                          "9007199254740993",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "1e400",
                                          "true",
                                          "false",
                                          "null",
                                          "\"\"",
                                          "\"a\"",
                                          "\"\\u00e9\\n\"",
                                          "\"\\ud83d\\ude00\"",
                                          "\"\\ud800\"",
                                          "\"caf\xc3\xa9\"",
                                          "\"2026-10-01T00:00:00Z\"",
                                          "\"a longer text than twelve bytes\"",
                                          "\"\\\\\"",
                                          "\"\\\"\"",
                                          "\"{[,:]}\"",
                                          "\"\\u0000\""};
    static const char *const spaces[] = {"", "", "", "", " ", "\t", "\r\n ", "    "};
    static const char *const names[] = {
        "a",       "b",         "c",       "A",        "ts",
        "time",    "timestamp", "x y",     "_key",     "long_name_of_a_field",
        "\\u0061", "",          "\\ud800", "d\xc3\xa9"};
    size_t kind = test_below(state, depth > 0 ? 6 : 4);
    (void)buf_puts(out, spaces[test_below(state, ARRAY_LEN(spaces))]);
    if (kind < 4) {
        (void)buf_puts(out, scalars[test_below(state, ARRAY_LEN(scalars))]);
    } else {
        size_t count = test_below(state, 5);
        (void)buf_add_byte(out, kind == 4 ? '{' : '[');
        for (size_t i = 0; i < count; i++) {
            (void)buf_puts(out, i == 0 ? "" : ",");
            if (kind == 4) {
                (void)buf_puts(out, spaces[test_below(state, ARRAY_LEN(spaces))]);
                (void)buf_printf(out, "\"%s\"", names[test_below(state, ARRAY_LEN(names))]);
                (void)buf_puts(out, spaces[test_below(state, ARRAY_LEN(spaces))]);
                (void)buf_add_byte(out, ':');
            }
            test_random_json(state, out, depth - 1);
        }
        (void)buf_puts(out, spaces[test_below(state, ARRAY_LEN(spaces))]);
        (void)buf_add_byte(out, kind == 4 ? '}' : ']');
    }
    (void)buf_puts(out, spaces[test_below(state, ARRAY_LEN(spaces))]);
}

/* An object of such values. */
static inline void test_random_object(uint64_t *state, struct buf *out)
{
    static const char *const names[] = {"a",       "b",         "c",   "A",        "ts",
                                        "time",    "timestamp", "x y", "_key",     "event_time",
                                        "\\u0061", "n1",        "n2",  "\\udc00x", "d\xc3\xa9"};
    size_t count = test_below(state, 8);
    (void)buf_add_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        (void)buf_printf(out, "%s\"%s\":", i == 0 ? "" : ",",
                         names[test_below(state, ARRAY_LEN(names))]);
        test_random_json(state, out, 2);
    }
    (void)buf_add_byte(out, '}');
}

/* Changes a few bytes, cuts or doubles a piece: mostly no JSON any more. */
static inline void test_mutate(uint64_t *state, struct buf *text)
{
    static const char bytes[] = "{}[]:,\"\\ \n\tu0-+.eEtfnd\x01\x0c\x1a\x80\xc3\xff";
    for (size_t i = test_below(state, 3) + 1; i > 0 && text->len > 0; i--) {
        size_t at = test_below(state, text->len);
        switch (test_below(state, 3)) {
        case 0:
            text->data[at] = bytes[test_below(state, sizeof(bytes) - 1)];
            break;
        case 1:
            memmove(text->data + at, text->data + at + 1, text->len - at - 1);
            text->len--;
            break;
        default:
            text->len = at;
            break;
        }
    }
}
