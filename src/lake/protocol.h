/* SPDX-License-Identifier: MIT */
/* protocol.h - which versions and features of the Delta protocol tarn reads and writes (inside
 * lake/ only; the public questions are in snapshot.h). Pure. */
#pragma once
#include "lake/snapshot.h"

/* ERR_UNSUPPORTED names the version or feature that keeps the log from being understood. */
err lake_protocol_check_read(const struct lake_protocol *p, struct errmsg *msg);
/* The same for appending, given what is active in the table. */
err lake_protocol_check_append(const struct lake_protocol *p, const struct lake_metadata *m,
                               struct errmsg *msg);
/* True when the feature is in force: listed, or implied by a legacy version. */
bool lake_protocol_has(const struct lake_protocol *p, const char *feature);
/* Property lookup; {NULL, 0} when it is not set. */
struct str lake_metadata_config(const struct lake_metadata *m, const char *key);
bool lake_metadata_config_is(const struct lake_metadata *m, const char *key, const char *value);
/* "interval 30 days", "interval 1 week" (Spark's intervals) in ms; `fallback` when it is not set or
 * not understood. */
int64_t lake_metadata_interval_ms(const struct lake_metadata *m, const char *key, int64_t fallback);
