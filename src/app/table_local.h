/* SPDX-License-Identifier: MIT */
/* table_local.h - Delta tables looked at (or given a checkpoint) by path, with no server. */
#pragma once
#include <jansson.h>

#include "base/base.h"

enum table_local_what {
    TABLE_LOCAL_DESCRIBE,
    TABLE_LOCAL_HISTORY,
    TABLE_LOCAL_FILES,
    TABLE_LOCAL_CHECKPOINT,
};
/* *out_answer is what `tarn table` prints: an object, for files and history an array.
 * `limit` is for history. Caller owns *out_answer. Errors: as lake_snapshot_load. */
err table_local(const char *path, enum table_local_what what, size_t limit, json_t **out_answer,
                struct errmsg *msg);
