/* SPDX-License-Identifier: MIT */
/* schema_change.h - the schema of a topic: declaring one, and what was declared before.
 *
 * Each declaration is a version of the topic (topic/meta.h), in force from the offsets at which the
 * partitions ended. A version that keeps the schema of the one before it (another key, say) belongs
 * to the same declaration, which goes by the id of its first version.
 *
 * Owner: the reactor, as of the store. */
#pragma once
#include "flow/json_schema.h"
#include "topic/store.h"

struct schema_version {
    uint32_t version;      /* its id */
    const char *text;      /* borrowed from the meta; NULL: none, columns are inferred */
    const int64_t *starts; /* borrowed; per partition, missing ones are 0 */
    size_t start_count;
};
/* The declarations of a topic, oldest first; the first is none (version 1) unless the topic began
 * with one. *at is 0 for the first call; false after the last. */
bool schema_version_next(const struct topic_meta *meta, size_t *at,
                         struct schema_version *out_declared);
/* The present one. */
struct schema_version schema_version_newest(const struct topic_meta *meta);

/* Declares `document` unless it equals the present one (*out_is_new false then). Blocks for a sync.
 * Errors about the document, with *finding filled in: INVALID, UNSUPPORTED, TOO_LARGE; CONFLICT
 * when it may not follow what was declared last. Else, with *msg: as topic_store_update(). */
err schema_change_declare(struct topic_store *store, struct topic *topic, struct str document,
                          bool *out_is_new, struct json_schema_finding *finding,
                          struct errmsg *msg);
/* Back to inferred columns; later declarations are still compared with the last. Errors: NOT_FOUND
 * (none is declared); as topic_store_update(). */
err schema_change_withdraw(struct topic_store *store, struct topic *topic, struct errmsg *msg);
