/* SPDX-License-Identifier: MIT */
/* test_lookup.c - names lead to what was added for them, whatever was added and removed before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/lookup.h"

enum { NAMES = 300, TURNS = 20000 };

/* An empty table finds nothing, removes nothing and can be released. */
static void test_empty(void **state)
{
    (void)state;
    struct lookup l = {0};
    assert_null(lookup_find(&l, STR("a")));
    lookup_remove(&l, STR("a"));
    lookup_deinit(&l);
}

/* After any row of additions and removals just those names are found that a plain list holds. */
static void test_against_a_list(void **state)
{
    (void)state;
    static char names[NAMES][16];
    bool is_in[NAMES] = {false};
    size_t count = 0;
    struct lookup l = {0};
    uint32_t random = 12345;
    for (int i = 1; i < NAMES; i++) { /* the first is empty */
        (void)snprintf(names[i], sizeof names[i], "name-%d", i);
    }
    for (int turn = 0; turn < TURNS; turn++) {
        random = random * 1664525 + 1013904223;
        size_t at = (random >> 8) % NAMES;
        if (is_in[at]) {
            lookup_remove(&l, str_from(names[at]));
        } else {
            lookup_add(&l, str_from(names[at]), names[at]);
        }
        is_in[at] = !is_in[at];
        count += is_in[at] ? 1 : (size_t)-1;
        assert_int_equal(l.count, count);
        size_t other = (random >> 16) % NAMES;
        assert_ptr_equal(lookup_find(&l, str_from(names[other])),
                         is_in[other] ? names[other] : NULL);
    }
    for (size_t i = 0; i < NAMES; i++) {
        assert_ptr_equal(lookup_find(&l, str_from(names[i])), is_in[i] ? names[i] : NULL);
    }
    lookup_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_against_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
