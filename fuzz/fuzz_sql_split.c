/* SPDX-License-Identifier: MIT */
/* fuzz_sql_split.c - statements of anybody's file. The pieces cover the text, each but the last
 * ends with a semicolon, cutting goes on at the same places when the front is cut off, and what
 * stands before a complete statement's end does not depend on what follows. */
#include "app/sql_split.h"
#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str rest = str_of(data, len);
    while (rest.len > 0) {
        struct sql_split split = sql_split_first(rest);
        ASSERT(split.end > 0 && split.end <= rest.len);
        ASSERT(split.is_complete || split.end == rest.len);
        ASSERT(!split.is_complete || rest.ptr[split.end - 1] == ';');
        ASSERT(!split.is_complete || split.open == SQL_OPEN_NONE);
        struct sql_split alone = sql_split_first(str_of(rest.ptr, split.end));
        ASSERT(alone.end == split.end && alone.is_complete == split.is_complete);
        ASSERT(alone.is_blank == split.is_blank && alone.open == split.open);
        ASSERT(sql_split_body(rest, &split).len <= split.end);
        rest = str_of(rest.ptr + split.end, rest.len - split.end);
    }
    return 0;
}
