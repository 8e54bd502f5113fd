/* SPDX-License-Identifier: MIT */
/* log_source.h - a stretch of a topic's log as rows for SQL, decoded on the way.
 *
 *     struct log_source_options o = {.topic_dir = dir, .meta = &meta, .schema = schema,
 *         .mode = LOG_SOURCE_ROWS, .ranges = ranges, .range_count = n, .threads_max = 2};
 *     TRY(log_source_new(&o, &source, msg));
 *     TRY(log_source_register(source, engine, &id, msg));
 *     ... SELECT … FROM tarn_source(id) ...           (or log_source_scan() without SQL)
 *     sql_source_unregister(engine, id);
 *     log_source_counts(source) …
 *     log_source_free(source);
 *
 * Work is handed out in blocks of about `block_bytes` of whole batches, partitions in turn; a
 * thread decodes its block without locks. Memory: one block a thread (a block is larger only where
 * a single batch is). Each record of the ranges is seen exactly once a statement, by one thread, in
 * no order across blocks. A further statement reads from the start and counts anew (landing may run
 * its COPY again in another way); two statements must not read one source at the same time.
 *
 * Modes:
 *   ROWS   columns event_schema_full(schema); skips dead records, counting them
 *   DEAD   columns event_dead_columns(); only the dead records
 *   INFER  no rows; judges every record and notes what it asks for (log_source_infer)
 *
 * Fields without a column that hold a value: counted and noted by ROWS and INFER. With
 * `stop_at_new_columns` a ROWS scan fails with ERR_AGAIN at the end of the block that held one, and
 * log_source_wants_columns() says so, so that the schema can grow before anything is written.
 *
 * Thread: new, register, scan, counts, free: the owner's. Reading: any number up to threads_max. */
#pragma once
#include <stdatomic.h>

#include "flow/event.h"
#include "flow/infer.h"
#include "sql/source.h"
#include "topic/meta.h"

enum log_source_mode { LOG_SOURCE_ROWS, LOG_SOURCE_DEAD, LOG_SOURCE_INFER };

enum {
    LOG_SOURCE_BLOCK_BYTES = 2 << 20,
    LOG_SOURCE_THREADS_MAX = 64,
};

/* Offsets [from, end) of one partition; `end` must be an end of a batch that is there
 * (acknowledged, or reported by log_source_reached). */
struct log_range {
    uint32_t partition;
    int64_t from;
    int64_t end;
};

struct log_source_options {
    const char *topic_dir;          /* copied */
    const struct topic_meta *meta;  /* copied */
    struct event_schema *schema;    /* referenced */
    struct event_schema *committed; /* what `schema` was derived from when it has provisional
                                     * columns; NULL: `schema` has none. Referenced */
    enum log_source_mode mode;
    const struct log_range *ranges; /* copied; a partition at most once */
    size_t range_count;
    uint32_t threads_max;      /* 0: 1 */
    size_t block_bytes;        /* 0: LOG_SOURCE_BLOCK_BYTES */
    uint64_t bytes_max;        /* stop handing out blocks once this much was; 0: no limit */
    bool infer;                /* ROWS: note unknown fields (INFER always does) */
    bool stop_at_new_columns;  /* ROWS: see above; implies infer */
    const atomic_bool *cancel; /* may be NULL; borrowed. When true reading fails with CANCELLED */
};

struct log_source;

/* Opens a reader per range. Errors: NOMEM, NOT_FOUND, IO, INVALID. */
err log_source_new(const struct log_source_options *options, struct log_source **out_source,
                   struct errmsg *msg);
/* Freed for good once the engine has let go of it too. NULL is fine. */
void log_source_free(struct log_source *s);
AUTO_DEFINE(log_source)

/* Makes it readable as tarn_source(<id>); the caller unregisters. Once. Errors: LIMIT. */
err log_source_register(struct log_source *s, struct sql_engine *engine, uint64_t *out_id,
                        struct errmsg *msg);
/* The same for a statement that may name it any number of times: each reference reads everything by
 * itself. Counts and notes of `s` stay empty. */
err log_source_register_shared(struct log_source *s, struct sql_engine *engine, uint64_t *out_id,
                               struct errmsg *msg);
/* Reads everything without SQL, on threads of its own: for INFER. Errors as reading. */
err log_source_scan(struct log_source *s, struct errmsg *msg);

/* --- after reading --- (also when it failed) */

/* True when ROWS met a value without a column (with stop_at_new_columns: failed for that). */
bool log_source_wants_columns(struct log_source *s);
/* The range whose log could not be read (damaged, retained away), or -1. */
ptrdiff_t log_source_failed_range(const struct log_source *s);
/* What the records asked for; borrowed. NULL when nothing infers. */
struct infer *log_source_infer(struct log_source *s);
/* The next offset after what was handed out of range `index`: everything in [from, reached) has
 * been read when reading ended well. Equal to `end` unless bytes_max stopped it. */
int64_t log_source_reached(const struct log_source *s, size_t index);

struct log_source_counts {
    uint64_t rows;
    uint64_t dead;
    uint64_t rescued_rows;
    uint64_t bytes; /* of log */
    uint64_t dead_by_reason[EVENT_CODE_COUNT];
    const uint64_t *dead_by_range;      /* range_count of them; borrowed */
    const struct log_range *dead_spans; /* per range: whole blocks around its dead; borrowed */
    const uint64_t *misfits;            /* per event column; borrowed */
    size_t misfit_count;
};
struct log_source_counts log_source_counts(struct log_source *s);
