/* SPDX-License-Identifier: MIT */
/* fuzz_producer.c - arbitrary bytes as the specification of a producer.
 * Must hold: it is refused with words, or compiles to a producer whose events are JSON objects (but
 * for the deliberately bad ones) or too large, and which repeats with its seed. */
#include "flow/event.h"
#include "flow/producer.h"
#include "flow/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS = 4 };

static void must(bool condition)
{
    ASSERT(condition);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_JSON spec = NULL;
    AUTO(producer) a = NULL;
    AUTO(producer) b = NULL;
    struct errmsg msg = {0};
    if (json_parse(str_of(data, size), &spec, &msg) != ERR_OK) {
        return 0;
    }
    if (producer_compile(spec, 1, 0, &a, &msg) != ERR_OK) {
        must(msg.text[0] != '\0');
        return 0;
    }
    must(producer_compile(spec, 1, 0, &b, &msg) == ERR_OK);
    for (int64_t i = 0; i < EVENTS; i++) {
        AUTO_BUF x = buf_make(2 * TEMPLATE_EVENT_BYTES_MAX);
        AUTO_BUF y = buf_make(2 * TEMPLATE_EVENT_BYTES_MAX);
        int64_t now_us = 1795000000000000 + i * 1000;
        bool is_bad = producer_next(a, now_us, &x);
        must(producer_next(b, now_us, &y) == is_bad);
        must(x.failed == y.failed && (x.failed || str_eq(buf_str(&x), buf_str(&y))));
        if (x.failed) {
            return 0;
        }
        must(is_bad || event_diagnose(buf_str(&x), EVENT_DEPTH_MAX, NULL) == EVENT_OK);
        must(memchr(x.data, '\n', x.len) == NULL);
    }
    return 0;
}
