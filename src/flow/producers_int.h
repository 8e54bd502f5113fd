/* SPDX-License-Identifier: MIT */
/* producers_int.h - what the reactor's half and the worker share. Nobody else includes it.
 *
 * Fields marked [lock] are under producers.lock; [reactor] belong to the reactor, [worker] to the
 * worker while `is_busy`. The lock is a leaf, held for a few instructions. */
#pragma once
#include <pthread.h>

#include "flow/producer.h"
#include "flow/producers.h"

enum {
    CHUNKS = 4,
    CHUNK_BYTES = 192 << 10,
    CHUNK_EVENTS_MAX = 20000,
    RATE_SECONDS = 5,
};

struct chunk {
    struct reactor_task task;
    struct chunk *next;        /* [reactor] of a list of chunks that wait */
    struct producers_job *job; /* not counted: see refs */
    struct buf bytes;          /* owned; whole lines */
    uint64_t count;            /* events */
    bool is_used;              /* [lock] filled or on its way */
    uint64_t seq;              /* [reactor] durable when the store is */
    uint64_t accepted;
    uint64_t rejected;
};

enum job_state { JOB_STOPPED, JOB_RUNNING, JOB_FINISHED, JOB_FAILED };

struct producers_job {
    struct producers *owner;
    char name[PRODUCERS_NAME_BYTES_MAX + 1];
    unsigned refs; /* [lock] the list, the worker, each chunk and task on its way */

    /* [lock] */
    bool is_active;                 /* the worker makes events */
    bool is_busy;                   /* the worker is making some */
    bool is_starved;                /* events are due, and no chunk is free */
    bool is_at_end;                 /* the limit is reached */
    bool is_told;                   /* the worker has said that this run is over */
    bool is_end_posted;             /* `end` is the reactor's; of this run or a former one */
    bool is_fresh;                  /* next_producer begins anew, it does not go on */
    char *failure;                  /* owned: why the worker gave up */
    struct producer *next_producer; /* owned: to go on with, or NULL */
    int64_t change_us;              /* monotonic: where its pace begins */
    int64_t start_us;               /* the same of the present one */
    int64_t run_us;                 /* monotonic: where the run began, less what it ran before */
    uint64_t paced;                 /* events that the pace has seen since start_us */
    uint64_t made;                  /* events of all runs */
    uint64_t skipped;
    int64_t slowed_us; /* monotonic: when last the log was behind */
    struct chunk chunks[CHUNKS];
    struct reactor_task end;

    struct producer *producer; /* [worker] while busy, else [lock]; owned */

    /* [reactor] */
    enum job_state state;
    bool is_kept;
    bool is_deleted;
    char topic[TOPIC_NAME_BYTES_MAX + 1];
    char *preset; /* owned, or NULL */
    json_t *spec; /* owned */
    char *error;  /* owned: the last one, or NULL */
    int64_t error_us;
    int64_t created_us;
    int64_t started_us; /* wall clock, of the last start; 0: never */
    int64_t sampled_us;
    int64_t running_us; /* monotonic: since when; for the rate */
    int64_t ran_us;     /* in former runs, towards duration_s */
    uint64_t runs;      /* starts since the counters began */
    uint64_t sent;
    uint64_t rejected;
    uint64_t saved;   /* what `sent + rejected` was in the last document */
    int64_t saved_us; /* monotonic: when that was */
    struct {
        int64_t second;
        uint64_t count;
    } rate[RATE_SECONDS + 2];
    struct producers_tap *taps;
};

struct producers {
    struct producers_options o;
    struct producers_job *jobs[PRODUCERS_MAX]; /* [lock] for changes; sorted by name */
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool is_running;              /* [reactor] the thread is there */
    bool quit;                    /* [lock] */
    size_t turn;                  /* [worker] whose turn it is */
    struct chunk *held;           /* [reactor] the disk is behind: oldest first */
    struct chunk *waits;          /* [reactor] appended, not durable: oldest first */
    struct json_indexer *indexer; /* [reactor] owned, as the next: for the ingests */
    struct schema_cache *schemas;
};

/* The worker's loop. */
void *producers_worker(void *producers);
/* [reactor] A chunk arrives, a producer's end is reached: reactor tasks. */
void producers_on_chunk(struct reactor_task *task);
void producers_on_end(struct reactor_task *task);

static inline void producers_lock(struct producers *p)
{
    (void)pthread_mutex_lock(&p->lock); /* cannot fail: a plain lock */
}
static inline void producers_unlock(struct producers *p)
{
    (void)pthread_mutex_unlock(&p->lock); /* likewise */
}
/* [lock] Frees the job with its last reference. */
void producers_job_unref(struct producers_job *job);

/* [reactor] Running from now on; the topic is made where need be. Saves nothing. */
err producers_begin(struct producers_job *job, struct errmsg *msg);
void producers_end(struct producers_job *job); /* stopped from now on */
void producers_set_error(struct producers_job *job, const char *text);
/* Puts the document; what goes wrong is logged. */
void producers_save(struct producers_job *job);
/* All documents into the list. */
void producers_load(struct producers *p);
