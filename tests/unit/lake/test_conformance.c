/* SPDX-License-Identifier: MIT */
/* test_conformance.c - the conformance cases that need no Parquet. Skipped where they are not
 * there. */
#include "lake_test.h"

#include "conformance.h"

/* Public tables of other engines give the files, sizes, txns and refusals that their makers
 * expect. */
static void public_tables_give_expected_state(void **state)
{
    (void)state;
    struct conformance_counts counts;
    if (!conformance_run(NULL, &counts)) {
        print_message("skipped: no conformance cases beside the source\n");
        skip();
    }
    print_message("conformance: %u passed, %u failed, %u need Parquet, %u loaded only\n",
                  counts.passed, counts.failed, counts.skipped, counts.other);
    assert_int_equal(counts.failed, 0);
    assert_true(counts.passed >= 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(public_tables_give_expected_state)};
    return cmocka_run_group_tests_name("lake_conformance", tests, NULL, NULL);
}
