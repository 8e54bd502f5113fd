/* SPDX-License-Identifier: MIT */
/* checkpoint.h - the whole state of a table in one Parquet file, and the hint that points to it.
 * Classic V1 checkpoints are written; classic, multi-part and V2 ones (JSON or Parquet, with
 * sidecars) are read. Thread: any. */
#pragma once
#include "lake/snapshot.h"

/* Writes the checkpoint of the snapshot's version and replaces `_last_checkpoint`. Fine when the
 * version has one. A snapshot without statistics is loaded again with them. Errors: IO, NOSPACE,
 * and what parquet->write returns; the table is as before then. */
err lake_checkpoint_write(const struct lake_snapshot *s, const struct lake_parquet *parquet,
                          struct errmsg *msg);
/* At least 10 commits since the last checkpoint (delta.checkpointInterval when set), and at least
 * 30 s or 100 commits. */
bool lake_checkpoint_is_due(const struct lake_snapshot *s, int64_t now_ms);
/* MD5 hex of the canonical form of a `_last_checkpoint` document (delta protocol, "JSON checksum").
 * Errors: INVALID. */
err lake_json_checksum(struct str json_text, char out_hex[33], struct errmsg *msg);
/* Removes expired commits, checksums and checkpoints (delta.logRetentionDuration, 30 days), oldest
 * first; never what the oldest remaining checkpoint needs. */
err lake_log_cleanup(const struct lake_snapshot *s, int64_t now_ms, uint32_t *out_removed,
                     struct errmsg *msg);
