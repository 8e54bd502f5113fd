/* SPDX-License-Identifier: MIT */
/* ingest.h - one request's events on their way into the topic log.
 *
 * Fed the decoded body piece by piece, it splits it into records, judges each, gathers the good
 * ones in one batch per partition and appends these as they fill up, so a body of any size needs
 * the memory of a few batches. The caller answers when the log is durable up to ingest_seq():
 *
 *     ingest_new()      a key that is in flight, a full disk ... refuse the request here
 *     ingest_ready()    false: an idempotent request waits until ingest_seq() is durable first
 *     ingest_feed() ... any number of times; an error ends the request, what was appended stays
 *     ingest_end()
 *     wait for ingest_seq(), then ingest_answer()
 *
 * Owner: the reactor. */
#pragma once
#include "flow/event.h"
#include "flow/schema_cache.h"
#include "flow/text_format.h"
#include "topic/batch.h"
#include "topic/idempotency.h"
#include "topic/store.h"

enum {
    INGEST_REJECTS_LISTED_MAX = 1000,
    INGEST_REJECTS_BYTES_MAX = 768 << 10, /* or so much text about them */
    INGEST_ATOMIC_BYTES_MAX = 64 << 20,
    INGEST_BATCH_BYTES = 512 << 10, /* a batch is appended when it has grown this large */
};

struct ingest_options {
    struct topic *topic;        /* must live as long as the ingest */
    struct str key_field;       /* {NULL,0}: the topic's own setting */
    struct str idempotency_key; /* {NULL,0}: none */
    enum event_format format;
    struct text_spec *text; /* taken over (emptied); NULL: JSON in `format` */
    bool bury;              /* what is refused becomes a dead letter, unless atomic */
    bool atomic;
    size_t record_bytes_max;
    uint32_t nesting_max;
    struct json_indexer *indexer; /* borrowed; shared by the ingests of one thread; NULL: its own */
    struct schema_cache *schemas; /* borrowed, likewise; NULL: compiles by itself */
};

struct ingest;

/* Errors: as idem_begin(); CONFLICT also for a retry that wants the body read in another way;
 * FAILED, CORRUPT when the topic takes no events. */
err ingest_new(const struct ingest_options *options, struct ingest **out_ingest,
               struct errmsg *msg);
/* Safe at any point; what was appended stays in the log. */
void ingest_free(struct ingest *x);
AUTO_DEFINE(ingest)

/* False while an idempotent request waits for its journal entry: feed only after the store is
 * durable up to ingest_seq(). */
bool ingest_ready(const struct ingest *x, const struct topic_store *store);
/* True when checking an event may take a millisecond (json_schema_run_is_costly()): feed little at
 * a time, and let others in between. */
bool ingest_is_costly(struct ingest *x);
/* Errors: as topic_append(); TOO_LARGE (atomic body); CONFLICT (a retry with another body); INVALID
 * for text that cannot be read at all (text_reader_feed()). */
err ingest_feed(struct ingest *x, struct str chunk, struct errmsg *msg);
err ingest_end(struct ingest *x, struct errmsg *msg);
/* What it holds in memory: what it needs, and (*out_loose) what ingest_flush() would let go of. */
size_t ingest_held(const struct ingest *x, size_t *out_loose);
/* Appends the open batches before they are full and gives their memory back; an atomic request
 * keeps them. Between two calls of ingest_feed(). Errors: as topic_append(). */
err ingest_flush(struct ingest *x, struct errmsg *msg);
/* True while the whole request can be sent again without storing anything twice. */
bool ingest_is_repeatable(const struct ingest *x);
/* The answer may leave when the store is durable up to this number. */
uint64_t ingest_seq(const struct ingest *x);

/* The two halves of what becomes of one record, for callers that split input by themselves (in
 * between, settings must not change): the verdict, by this request's limits, key field and
 * schema */
enum event_code ingest_judge(struct ingest *x, struct str record, struct event_key *out_key,
                             struct errmsg *detail);
/* ... and the way of an acceptable one into the log. Counts as accepted.
 * Errors: as topic_append(). */
err ingest_add_event(struct ingest *x, struct str record, const struct event_key *key,
                     const struct record_header *headers, size_t header_count, struct errmsg *msg);
/* Stores a record that is no event as a dead letter, with the reason that the dead-letter table
 * will show; for doors that cannot answer about single records. Partition: as for an event
 * without a key. Counts as neither accepted nor rejected. `code` is not EVENT_OK.
 * Errors: as topic_append(). */
err ingest_add_dead(struct ingest *x, struct str value, enum event_code code, const char *detail,
                    struct errmsg *msg);
/* Records stored as dead letters; with `bury` they count as rejected too. */
uint64_t ingest_dead(const struct ingest *x);
uint64_t ingest_accepted(const struct ingest *x);
uint64_t ingest_rejected(const struct ingest *x);
/* Members of the answer without the braces, after ingest_end() or an error:
 *   "accepted":N,"rejected":[...],"rejected_count":N,"dead":N,"offsets":[...] */
void ingest_answer(const struct ingest *x, struct buf *out);
/* True when the answer is a repetition of a former one, taken from the journal. */
bool ingest_is_repeat(const struct ingest *x);
