/* SPDX-License-Identifier: MIT */
/* path.h - paths of data files as the Delta log spells them: percent-encoded URIs. Pure. */
#pragma once
#include "base/buf.h"
#include "base/str.h"

/* Decodes once and appends to `out`: `/x`, `file:/x` and `file:///x` become `/x`; other schemes
 * stay as they are. *out_is_absolute: has a scheme or begins with a slash.
 * Errors: CORRUPT (empty, a bad escape, a NUL byte). */
err lake_path_decode(struct str uri, struct buf *out, bool *out_is_absolute, struct errmsg *msg);
/* Appends the URI of a decoded path: controls, space, `"#%<>?[\]^`{|}`, DEL, and `:` of a relative
 * path's first segment are escaped. */
void lake_path_encode(struct str path, bool is_absolute, struct buf *out);
/* True for a relative path that stays below the table: no `..` segment, no NUL, no slash at
 * either end, and not inside `_delta_log`. */
bool lake_path_is_inside(struct str path);
