/* SPDX-License-Identifier: MIT */
/* timefmt.h - instants as microseconds since 1970 UTC, and RFC 3339 text. Reads no clock. */
#pragma once
#include "base/str.h"

/* RFC 3339 date-time: `T`, `t` or a space between date and time, fraction optional (digits past
 * microseconds are cut), zone `Z`, `+hh:mm` or absent (absent is UTC). Year 0001 to 9999.
 * Second 60 is refused. False on anything else. */
bool time_parse_rfc3339(struct str text, int64_t *out_us);
enum { TIME_TEXT_BYTES = 40 };
/* "2026-11-20T12:34:56.789Z": three or six fraction digits, or none when zero. Returns length. */
size_t time_format_rfc3339(int64_t us, char out[TIME_TEXT_BYTES]);
/* Days since 1970-01-01 of an instant (floor). */
int32_t time_to_days(int64_t us);
/* "2026-11-20". */
void time_format_date(int32_t days, char out[16]);
bool time_parse_date(struct str text, int32_t *out_days);
