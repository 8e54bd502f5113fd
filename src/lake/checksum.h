/* SPDX-License-Identifier: MIT */
/* checksum.h - the version checksum `<version>.crc` (inside lake/ only). */
#pragma once
#include "lake/state.h"

/* Writes <version>.crc unless it is there. Errors: IO and the like; never harms the table. */
err lake_checksum_write(const struct lake_snapshot *s, struct str txn_id, struct errmsg *msg);
bool lake_checksum_exists(const struct lake_snapshot *s);
/* The .crc document, appended. Pure. */
void lake_checksum_encode(const struct lake_snapshot *s, struct str txn_id, struct buf *out);
