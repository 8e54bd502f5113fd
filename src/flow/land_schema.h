/* SPDX-License-Identifier: MIT */
/* land_schema.h - how a topic's Delta tables are described: columns, properties, offsets, tags.
 * Shared by all that write or read those tables, so that they cannot disagree. Thread: any.
 *
 * Order of columns: the table's schema lists a column where it was when it came: those of the first
 * commit as event columns in byte order, then the system columns; later columns follow at the end,
 * as Delta has it. A reader who wants event columns first (the views do) asks for the event_schema,
 * whose full list has them so. The Parquet files have exactly the full list of their time.
 *
 * Table property `tarn.nullFields`: a JSON list of the fields seen only as null.
 * Tag `tarn.schema` of a file: land_schema_tag() of its columns; files of equal tags have the same
 * columns in the same order, so they can be read together without opening them first. */
#pragma once
#include "flow/schema.h"
#include "lake/commit.h"
#include "lake/snapshot.h"
#include "topic/meta.h"

#define LAND_NULL_FIELDS_KEY "tarn.nullFields"
#define LAND_TOPIC_KEY "tarn.topic"
#define LAND_TOPIC_UUID_KEY "tarn.topicUuid"
#define LAND_SCHEMA_TAG "tarn.schema"
#define LAND_DEAD_SUFFIX "__dead"

/* The event columns of a table of a topic and its remembered null fields. NULL for a table that is
 * not there yet: no columns. Errors: UNSUPPORTED (a column has a type that tarn does not write),
 * CORRUPT, NOMEM. Caller owns a reference. */
err land_schema_of(const struct lake_snapshot *snapshot, struct event_schema **out_schema,
                   struct errmsg *msg);
/* `schema` with the columns added that the newest version of the topic declares (declared.h) and
 * that it does not have, and with the members that its STRUCTs lack; where both have a type, the
 * table's stays. For a table that is about to be `created` also its partition columns, as VARCHAR
 * unless a scalar is declared. What finds no room is left out. Errors: NOMEM. Caller owns a
 * reference. */
err land_schema_declared(struct event_schema *schema, const struct topic_meta *meta, bool created,
                         struct event_schema **out_schema, struct errmsg *msg);

/* "tarn/<topic uuid>/<partition>" */
enum { LAND_APP_ID_BYTES = 64 };
struct str land_app_id(const char *topic_uuid, uint32_t partition, char out[LAND_APP_ID_BYTES]);
/* The next offset of a partition to be landed: one after the txn's (inclusive) version, or
 * `log_start` where the table (may be NULL) has no txn of it. */
int64_t land_next_offset(const struct lake_snapshot *snapshot, const char *topic_uuid,
                         uint32_t partition, int64_t log_start);

/* {"tarn.schema":"<hex>"} of a list of columns, in Parquet order. */
void land_schema_tag(const struct col_def *columns, size_t count, struct buf *out);
/* The value of the tag of a file's tags JSON; empty when there is none. Appended to `out`. */
void land_schema_tag_of(struct str tags_json, struct buf *out);

/* Actions for a commit: what `after` has and `before` (NULL: the table is being created) has not.
 */
err land_schema_commit(struct lake_commit *commit, const struct event_schema *before,
                       const struct event_schema *after, struct errmsg *msg);
/* Columns of the dead-letter table, on its creation. */
err land_dead_commit(struct lake_commit *commit, struct errmsg *msg);
