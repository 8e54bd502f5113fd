/* SPDX-License-Identifier: MIT */
/* test_hash_time.c - checksums against published values, times against a slow reference. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/base.h"
#include "base/hash.h"
#include "base/metrics.h"
#include "base/timefmt.h"

/* Bit by bit, from the polynomial. */
static uint32_t slow_crc32c(const unsigned char *bytes, size_t len)
{
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78U : 0);
        }
    }
    return ~crc;
}

static void crc32c_is_castagnoli(void **state)
{
    /* The hardware CRC equals the polynomial for every length around the lanes, whole or in
     * pieces. */
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283U); /* RFC 3720, B.4's check value */
    enum { BYTES = 10000 };
    unsigned char *bytes = xcalloc(BYTES, 1);
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (unsigned char)(i * 131 + i / 251);
    }
    static const size_t lengths[] = {0,    1,    7,    8,    9,    100,  3071,
                                     3072, 3073, 6143, 6144, 9215, 9216, BYTES};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        uint32_t whole = crc32c(0, bytes, lengths[i]);
        assert_int_equal(whole, slow_crc32c(bytes, lengths[i]));
        size_t cut = lengths[i] / 3;
        uint32_t pieces = crc32c(crc32c(0, bytes, cut), bytes + cut, lengths[i] - cut);
        assert_int_equal(pieces, whole);
    }
    free(bytes);
}

static void murmur2_is_kafkas(void **state)
{
    /* Keys hash as in Kafka's own test of its partitioner (UtilsTest.testMurmur2). */
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal((int32_t)hash_murmur2(str_from(cases[i].key)), cases[i].hash);
    }
}

static void times_round_trip(void **state)
{
    /* Formatting and parsing are inverse over ten thousand years, and dates match day counting. */
    (void)state;
    int32_t expected_day = -719162; /* 0001-01-01 */
    for (int year = 1; year <= 9999; year += 7) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        char text[TIME_TEXT_BYTES];
        (void)snprintf(text, sizeof text, "%04d-12-31T23:59:59.123456Z", year);
        int64_t us = 0;
        assert_true(time_parse_rfc3339(str_from(text), &us));
        assert_int_equal(time_to_days(us), expected_day + (leap ? 365 : 364));
        char again[TIME_TEXT_BYTES];
        (void)time_format_rfc3339(us, again);
        assert_string_equal(again, text);
        for (int y = year; y < year + 7; y++) {
            expected_day += (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365;
        }
    }
}

static void times_as_people_write_them(void **state)
{
    /* RFC 3339 with and without zone and fraction is read; everything else is no time. */
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"1970-01-01 00:00:00", true, 0},
        {"1970-01-01t00:00:00z", true, 0},
        {"1969-12-31T23:59:59.999999Z", true, -1},
        {"2026-11-20T10:00:00+02:00", true, 1795161600000000},
        {"2026-11-20T08:00:00.0000009Z", true, 1795161600000000},
        {"2026-11-20T08:00:00.5", true, 1795161600500000},
        {"2026-02-29T00:00:00Z", false, 0},
        {"2026-11-20T24:00:00Z", false, 0},
        {"2026-11-20T23:59:60Z", false, 0},
        {"2026-11-20", false, 0},
        {"2026-11-20T10:00:00.Z", false, 0},
        {"2026-11-20T10:00:00+2:00", false, 0},
        {"0000-01-01T00:00:00Z", false, 0},
        {"2026-13-01T00:00:00Z", false, 0},
        {"20261120T100000Z", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = 0;
        assert_int_equal(time_parse_rfc3339(str_from(cases[i].text), &us), cases[i].ok);
        assert_int_equal(us, cases[i].us);
    }
    int32_t days = 0;
    assert_true(time_parse_date(STR("1969-12-31"), &days));
    assert_int_equal(days, -1);
}

static void quantiles_bound_observations(void **state)
{
    /* A histogram's quantile is the upper bound of the bucket that holds it. */
    (void)state;
    struct metric *m = metric_get(METRIC_HISTOGRAM, "test_seconds", "a=\"b\"", "Test.");
    assert_int_equal(metric_quantile_us(m, 0.5), 0);
    for (int i = 0; i < 99; i++) {
        metric_observe_us(m, 100);
    }
    metric_observe_us(m, 5000);
    assert_int_equal(metric_quantile_us(m, 0.5), 128);
    assert_int_equal(metric_quantile_us(m, 0.995), 8192);
    AUTO_BUF text = buf_make(1 << 20);
    metrics_write_prometheus(&text);
    assert_non_null(strstr(buf_cstr(&text), "test_seconds_count{a=\"b\"} 100\n"));
    assert_non_null(strstr(buf_cstr(&text), "test_seconds_bucket{a=\"b\",le=\"+Inf\"} 100\n"));
    metric_drop_labels("a=\"b\"");
    buf_reset(&text);
    metrics_write_json(&text);
    assert_null(strstr(buf_cstr(&text), "test_seconds"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_is_castagnoli),
        cmocka_unit_test(murmur2_is_kafkas),
        cmocka_unit_test(times_round_trip),
        cmocka_unit_test(times_as_people_write_them),
        cmocka_unit_test(quantiles_bound_observations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
