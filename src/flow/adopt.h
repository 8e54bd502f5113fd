/* SPDX-License-Identifier: MIT */
/* adopt.h - where a topic goes on when its tables are there already: after everything they hold.
 *
 * Every record of a tarn table lies at or before the last offset of some txn action, so the largest
 * txn version tells the largest _offset without reading a row: from the newest version checksum
 * (.crc) and the commits after it. Thread: any. */
#pragma once
#include "base/base.h"

/* Raises *next to the offset after the largest one in the table at `table_dir`; a missing table
 * changes nothing. Errors: INVALID when the table was not written by tarn (no txn of ours),
 * CORRUPT, IO. */
err adopt_next_offset(const char *table_dir, int64_t *next, struct errmsg *msg);
