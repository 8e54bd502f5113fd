/* SPDX-License-Identifier: MIT */
/* test_produce.c - made-up events. */
#include "flow_test.h"

#include "flow/event.h"
#include "flow/produce.h"

static const char *const kinds[] = {"web_logs", "customer_events", "transaction_events",
                                    "analytics_events"};

/* Every event of every kind is an acceptable one, carries its time, and repeats with the seed. */
static void events_are_acceptable_and_repeat(void **unused)
{
    (void)unused;
    AUTO(event_validator) v = NULL;
    struct event_validator_options o = {.key_field = STR("timestamp")};
    assert_int_equal(event_validator_new(&o, &v, NULL), ERR_OK);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        AUTO(producer) a = producer_new(kinds[k], 7);
        AUTO(producer) b = producer_new(kinds[k], 7);
        AUTO(producer) c = producer_new(kinds[k], 8);
        AUTO_BUF x = buf_make(1 << 16);
        AUTO_BUF y = buf_make(1 << 16);
        AUTO_BUF z = buf_make(1 << 16);
        size_t different = 0;
        for (int64_t i = 0; i < 10000; i++) {
            int64_t now = INT64_C(1795000000123456) + i * 777;
            buf_reset(&x);
            buf_reset(&y);
            buf_reset(&z);
            producer_next(a, now, &x);
            producer_next(b, now, &y);
            producer_next(c, now, &z);
            struct event_key key = {0};
            struct errmsg detail = {0};
            if (event_validate(v, buf_str(&x), &key, &detail) != EVENT_OK) {
                fail_msg("%.*s: %s", STR_ARGS(buf_str(&x)), detail.text);
            }
            assert_true(key.has_key && key.bytes.len == 24);
            assert_true(str_eq(buf_str(&x), buf_str(&y)));
            different += !str_eq(buf_str(&x), buf_str(&z));
            if (i == 0) {
                assert_true(str_is(key.bytes, "2026-11-18T11:06:40.123Z"));
            }
        }
        assert_true(different > 9900);
    }
    assert_null(producer_new("weather", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events_are_acceptable_and_repeat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
