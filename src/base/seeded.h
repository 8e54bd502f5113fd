/* SPDX-License-Identifier: MIT */
/* seeded.h - known bugs that a build can be given (-Dseeded_bug=N), each caught by the test named
 * for it in tests/fault/seeded.py. A release build has none: the condition folds to false. */
#pragma once
#include <stdbool.h>

#include "base/seeded_number.h"

#define SEEDED_BUG(number) (SEEDED_BUG_NUMBER != 0 && SEEDED_BUG_NUMBER == (number))

enum {
    SEEDED_ACK_BEFORE_FSYNC = 1,     /* topic: acknowledges before the sync has finished */
    SEEDED_NO_DIR_FSYNC = 2,         /* topic, lake: no directory fsync after create or link */
    SEEDED_RETRY_FSYNC = 3,          /* topic: an fsync that failed is tried again and believed */
    SEEDED_SKIP_LAST_CRC = 4,        /* topic: recovery trusts the last batch unchecked */
    SEEDED_CUT_MID_LOG = 5,          /* topic: damage before the mark is cut like a torn tail */
    SEEDED_RETAIN_PAST_COMMIT = 6,   /* topic: retention ignores what the table has committed */
    SEEDED_COMMIT_OVERWRITES = 7,    /* lake: commit by rename instead of put-if-absent */
    SEEDED_TXN_OFF_BY_ONE = 8,       /* flow: the txn holds the next offset instead of the last */
    SEEDED_HOT_IGNORES_TXN = 9,      /* flow: hot rows start at the log start, not at the txn */
    SEEDED_DEAD_DROPPED = 10,        /* flow: records that do not parse are skipped silently */
    SEEDED_IDEMPOTENT_REAPPEND = 11, /* topic: a retry with the same key appends again */
    SEEDED_FULL_QUEUE_OK = 12,       /* http: a full queue answers 200 */
    SEEDED_REDRIVE_NOT_SETTLED = 13, /* flow: a cut-off re-drive counts as never appended */
    SEEDED_TAIL_STATE_LATE = 20, /* app: a chunk is written down after it was sent, not before */
    SEEDED_IMPORT_TWICE = 30,    /* flow: a published import is not recognised */
};
