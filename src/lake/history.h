/* SPDX-License-Identifier: MIT */
/* history.h - what `tarn table describe|history|files|checkpoint` shows, as JSON documents. */
#pragma once
#include "lake/snapshot.h"

/* {"path","id","name","version","timestamp","created","protocol","columns","partition_columns",
 *  "properties","files","bytes","rows","txns","checkpoint_version"}; `rows` null when unknown.
 * Caller owns *out_json. */
err lake_describe(const struct lake_snapshot *s, json_t **out_json, struct errmsg *msg);
/* At most `limit` (<= 10,000) commits from `newest` (-1: the latest) downwards, as an array of
 * {"version","timestamp","operation","parameters","metrics","engine","user","files_added",
 * "files_removed","bytes_added","bytes_removed","rows_added","is_blind_append","txn_id"}: what
 * the commit's actions are; bytes_removed as far as they say, rows_added null when one does not.
 * It ends early at a commit that clean-up has removed. */
err lake_history(const char *table_dir, int64_t newest, size_t limit, json_t **out_json,
                 struct errmsg *msg);
/* One file: {"path","bytes","rows","modified","partition":{...},"stats":{...}}. */
err lake_file_describe(const struct lake_file *f, json_t **out_json, struct errmsg *msg);
