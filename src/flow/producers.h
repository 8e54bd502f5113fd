/* SPDX-License-Identifier: MIT */
/* producers.h - the server's producers: made-up events at a rate, as jobs with a name.
 *
 *     worker thread                                reactor
 *     what is due? --> a chunk of NDJSON --> ingest --> durable --> counted, chunk free again
 *
 * One thread makes the events of all producers; they enter the log by the way of requests over
 * HTTP (flow/ingest.h). Each producer has CHUNKS chunks: when all are on their way (the disk is
 * behind, the log slow), it makes no more and is `slowed`. What it then owes it makes up later, up
 * to a bound; what is beyond it is given up and counted as `skipped`. Time is the monotonic clock's
 * and the count due is an integral (pace.h), so a rate does not drift.
 *
 * Producers are documents of kind "producer" in meta/: those that ran run again after a restart.
 * Counters are saved every ten seconds and at each change; after a kill they go on from there.
 * Owner and thread of every call: the reactor's. */
#pragma once
#include "base/json.h"
#include "meta/meta.h"
#include "net/reactor.h"
#include "topic/store.h"

enum {
    PRODUCERS_MAX = 64,
    PRODUCERS_NAME_BYTES_MAX = 100,
    PRODUCERS_SAMPLE_US = 250 * 1000, /* between two samples of one producer */
};

struct producers;
struct producers_job;

struct producers_options {
    struct reactor *reactor; /* borrowed, as are the next two; they outlive the producers */
    struct topic_store *store;
    struct meta *meta;
    size_t record_bytes_max;
    uint32_t nesting_max;
    uint64_t unsynced_bytes_max;
    /* Finds the topic, or makes it where the server may. */
    err (*topic)(void *ctx, struct str name, struct topic **out_topic, struct errmsg *msg);
    /* Events of a topic are durable; for its metrics. NULL is fine. */
    void (*on_stored)(void *ctx, struct topic *topic, uint64_t accepted, uint64_t rejected,
                      uint64_t bytes);
    void *ctx;
};

/* Reads the documents; nothing runs yet. One that cannot be read or compiled is there as failed.
 * Errors: those of meta/ only where nothing can be read at all (reported, the list is empty). */
void producers_new(const struct producers_options *options, struct producers **out_producers);
/* Starts the thread and the producers that ran when they were saved. Errors: LIMIT. */
err producers_run(struct producers *p, struct errmsg *msg);
/* Ends the thread and saves the counters; nothing enters any more. Again is fine. */
void producers_stop(struct producers *p);
void producers_free(struct producers *p); /* after the loop has ended; NULL is fine */
/* The store became durable further, or failed. */
void producers_durable(struct producers *p);
void producers_tick(struct producers *p); /* about once a second */

/* Sorted by name; places move when one is made or deleted. */
size_t producers_count(const struct producers *p);
struct producers_job *producers_at(const struct producers *p, size_t i);
struct producers_job *producers_find(const struct producers *p, struct str name);
const char *producers_job_name(const struct producers_job *job);
/* What the API shows. New reference. */
json_t *producers_job_json(const struct producers_job *job, bool with_spec);

/* Brings the metrics tarn_producer_...{producer="NAME"} up to date; those of a producer go with
 * it. */
void producers_metrics(const struct producers *p);

/* {"name", "topic", "preset", "spec", "start"}. Not `is_kept`: gone after a restart, and in no
 * document. Errors: INVALID with what is wrong; EXISTS; LIMIT; TOO_LARGE; those of meta/ and of
 * making the topic. */
err producers_create(struct producers *p, const json_t *body, bool is_kept,
                     struct producers_job **out_job, struct errmsg *msg);
/* {"topic", "spec"}: members of `spec` replace the present ones (producer_spec_change()), while it
 * runs. Errors: as above. */
err producers_change(struct producers *p, struct producers_job *job, const json_t *body,
                     struct errmsg *msg);
/* Runs it; running already is fine. One that has finished begins anew. */
err producers_job_start(struct producers *p, struct producers_job *job, struct errmsg *msg);
/* What is on its way still arrives. Not running is fine. */
err producers_job_stop(struct producers *p, struct producers_job *job, struct errmsg *msg);
/* Stops and forgets it; its topic stays. Taps get their end. */
err producers_delete(struct producers *p, struct producers_job *job, struct errmsg *msg);

/* A look at what is sent, a few a second. The storage is the caller's until on_end or untap. */
struct producers_tap {
    struct producers_tap *next; /* the job's */
    void (*on_sample)(struct producers_tap *tap, struct str event);
    void (*on_end)(struct producers_tap *tap); /* the producer is deleted; untapped already */
};
void producers_tap(struct producers_job *job, struct producers_tap *tap);
void producers_untap(struct producers_job *job, struct producers_tap *tap);
