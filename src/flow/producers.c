/* SPDX-License-Identifier: MIT */
/* producers.c - the reactor's half of the producers: chunks into the log, counters, states.
 *
 *   stopped --start--> running --limit reached--> finished --start--> running (counters from 0)
 *      ^---- stop ---------'  '--cannot go on--> failed --start--> running
 * Names, documents and changes are in producers_doc.c. */
#include "flow/producers.h"

#include "base/log.h"
#include "flow/ingest.h"
#include "flow/json_index.h"
#include "flow/producers_int.h"
#include "os/clock.h"

enum {
    SAVE_US = 10 * 1000 * 1000,
    SAVES_A_TICK = 4, /* each waits for the disk, and the loop with it */
};

#define CHUNK_OF(pointer) ((struct chunk *)((char *)(pointer)-offsetof(struct chunk, task)))
#define JOB_OF_END(pointer)                                                                        \
    ((struct producers_job *)((char *)(pointer)-offsetof(struct producers_job, end)))

/* ---- life ---- */

void producers_job_unref(struct producers_job *job)
{
    ASSERT(job->refs > 0);
    if (--job->refs > 0) {
        return;
    }
    ASSERT(!job->is_busy);
    for (size_t i = 0; i < CHUNKS; i++) {
        buf_deinit(&job->chunks[i].bytes);
    }
    producer_free(job->producer);
    producer_free(job->next_producer);
    json_decref(job->spec);
    free(job->failure);
    free(job->preset);
    free(job->error);
    free(job);
}

static void unref(struct producers_job *job)
{
    struct producers *p = job->owner;
    producers_lock(p);
    producers_job_unref(job);
    producers_unlock(p);
}

/* ---- states ---- */

void producers_set_error(struct producers_job *job, const char *text)
{
    free(job->error);
    job->error = xstrdup(text);
    job->error_us = os_now_us();
}

static void deactivate(struct producers_job *job)
{
    struct producers *p = job->owner;
    producers_lock(p);
    job->is_active = false;
    producers_unlock(p);
    if (job->state == JOB_RUNNING) {
        job->ran_us += os_mono_us() - job->running_us;
    }
}

static void fail(struct producers_job *job, const char *why)
{
    producers_set_error(job, why);
    if (job->state == JOB_RUNNING) {
        deactivate(job);
        job->state = JOB_FAILED;
        log_warn("a producer has failed", "name=%s error=\"%s\"", job->name, why);
        producers_save(job);
    }
}

/* A producer that rests keeps no memory for events. */
static void drop_buffers(struct producers_job *job)
{
    if (job->state == JOB_RUNNING) {
        return;
    }
    producers_lock(job->owner);
    for (size_t i = 0; i < CHUNKS; i++) {
        if (!job->chunks[i].is_used) {
            buf_deinit(&job->chunks[i].bytes);
        }
    }
    producers_unlock(job->owner);
}

/* The worker has nothing more to make, and nothing is on its way. */
static void finish_when_empty(struct producers_job *job)
{
    struct producers *p = job->owner;
    if (job->state != JOB_RUNNING) {
        drop_buffers(job);
        return;
    }
    producers_lock(p);
    bool is_over = job->is_told && !job->is_busy;
    for (size_t i = 0; i < CHUNKS; i++) {
        is_over = is_over && !job->chunks[i].is_used; /* posted ones that have not arrived, too */
    }
    char *failure = is_over ? TAKE(job->failure) : NULL;
    producers_unlock(p);
    if (is_over && failure != NULL) {
        fail(job, failure);
    } else if (is_over) {
        deactivate(job);
        job->state = JOB_FINISHED;
        log_info("a producer has finished", "name=%s sent=%llu rejected=%llu", job->name,
                 (unsigned long long)job->sent, (unsigned long long)job->rejected);
        producers_save(job);
    }
    free(failure);
    drop_buffers(job);
}

void producers_on_end(struct reactor_task *task)
{
    struct producers_job *job = JOB_OF_END(task);
    producers_lock(job->owner);
    job->is_end_posted = false;
    producers_unlock(job->owner);
    finish_when_empty(job);
    unref(job);
}

err producers_begin(struct producers_job *job, struct errmsg *msg)
{
    struct producers *p = job->owner;
    struct topic *topic = NULL;
    struct producer *producer = NULL;
    TRY(p->o.topic(p->o.ctx, str_from(job->topic), &topic, msg));
    bool is_anew = job->state == JOB_FINISHED || job->runs == 0;
    if (is_anew) {
        job->runs = 0;
        job->sent = 0;
        job->rejected = 0;
        job->ran_us = 0;
    }
    TRY(producer_compile(job->spec, os_random_u64(), job->runs, &producer, msg));
    int64_t now_us = os_mono_us();
    struct producer *old = NULL;
    producers_lock(p);
    job->made = is_anew ? 0 : job->made;
    job->skipped = is_anew ? 0 : job->skipped;
    if (job->producer == NULL) {
        producer_skip(producer, job->made);
    }
    old = job->next_producer;
    job->next_producer = producer;
    job->change_us = now_us;
    job->is_fresh = is_anew;
    job->is_active = true;
    job->is_told = false;
    job->is_at_end = false;
    free(job->failure);
    job->failure = NULL;
    job->run_us = now_us - job->ran_us;
    (void)pthread_cond_signal(&p->wake); /* a new one is seen when it is in the list */
    producers_unlock(p);
    producer_free(old);
    job->runs++;
    job->state = JOB_RUNNING;
    job->running_us = now_us;
    job->started_us = os_now_us();
    memset(job->rate, 0, sizeof job->rate);
    return ERR_OK;
}

void producers_end(struct producers_job *job)
{
    if (job->state == JOB_RUNNING) {
        deactivate(job);
        job->state = JOB_STOPPED;
    }
}

/* ---- chunks ---- */

/* The chunk is free for the worker again. */
static void release(struct chunk *chunk)
{
    struct producers_job *job = chunk->job;
    struct producers *p = job->owner;
    producers_lock(p);
    chunk->is_used = false;
    if (job->is_starved) {
        job->is_starved = false;
        (void)pthread_cond_signal(&p->wake);
    }
    producers_unlock(p);
    finish_when_empty(job);
    unref(job);
}

/* Events that did not get in are owed again: a limit of events counts those that did. */
static void give_back(struct chunk *chunk, uint64_t count)
{
    struct producers *p = chunk->job->owner;
    producers_lock(p);
    chunk->job->made -= MIN(count, chunk->job->made);
    producers_unlock(p);
}

static void count_rate(struct producers_job *job, uint64_t count)
{
    int64_t second = os_mono_us() / 1000000;
    size_t at = (size_t)second % ARRAY_LEN(job->rate);
    if (job->rate[at].second != second) {
        job->rate[at].second = second;
        job->rate[at].count = 0;
    }
    job->rate[at].count += count;
}

static void stored(struct chunk *chunk)
{
    struct producers_job *job = chunk->job;
    struct producers *p = job->owner;
    struct topic *topic = topic_store_find(p->o.store, str_from(job->topic));
    job->sent += chunk->accepted;
    job->rejected += chunk->rejected;
    count_rate(job, chunk->accepted + chunk->rejected);
    if (p->o.on_stored != NULL && topic != NULL) {
        p->o.on_stored(p->o.ctx, topic, chunk->accepted, chunk->rejected, chunk->bytes.len);
    }
    release(chunk);
}

/* The last whole line of a chunk, for those who look. */
static void show_sample(struct chunk *chunk)
{
    struct producers_job *job = chunk->job;
    int64_t now_us = os_mono_us();
    if (job->taps == NULL || now_us - job->sampled_us < PRODUCERS_SAMPLE_US) {
        return;
    }
    job->sampled_us = now_us;
    size_t end = chunk->bytes.len - 1; /* the last line's end */
    size_t start = end;
    while (start > 0 && chunk->bytes.data[start - 1] != '\n') {
        start--;
    }
    struct str line = str_of(chunk->bytes.data + start, end - start);
    struct producers_tap *next = NULL;
    for (struct producers_tap *tap = job->taps; tap != NULL; tap = next) {
        next = tap->next;
        tap->on_sample(tap, line);
    }
}

static err to_log(struct chunk *chunk, struct topic *topic, struct errmsg *msg)
{
    struct producers *p = chunk->job->owner;
    AUTO(ingest) ingest = NULL;
    struct ingest_options o = {
        .topic = topic,
        .format = EVENT_FORMAT_NDJSON,
        .record_bytes_max = p->o.record_bytes_max,
        .nesting_max = p->o.nesting_max,
        .indexer = p->indexer,
        .schemas = p->schemas,
    };
    TRY(ingest_new(&o, &ingest, msg));
    TRY(ingest_feed(ingest, buf_str(&chunk->bytes), msg));
    TRY(ingest_end(ingest, msg));
    chunk->seq = ingest_seq(ingest);
    chunk->accepted = ingest_accepted(ingest);
    chunk->rejected = ingest_rejected(ingest);
    return ERR_OK;
}

static void append_chunk(struct chunk **list, struct chunk *chunk)
{
    chunk->next = NULL;
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = chunk;
}

/* The disk has too much to write, or the topic too much to land. */
static bool is_behind(const struct producers *p, const struct topic *topic)
{
    return topic_store_unsynced_bytes(p->o.store) > p->o.unsynced_bytes_max ||
           topic_is_too_far_behind(topic);
}

static void note_slowed(struct producers_job *job)
{
    producers_lock(job->owner);
    job->slowed_us = os_mono_us();
    producers_unlock(job->owner);
}

/* Into the log, or into the list of those that wait until it can be. */
static void take_chunk(struct producers *p, struct chunk *chunk)
{
    struct producers_job *job = chunk->job;
    struct errmsg msg = {0};
    if (job->is_deleted || !p->is_running || job->state == JOB_FAILED) {
        give_back(chunk, chunk->count);
        release(chunk);
        return;
    }
    struct topic *topic = topic_store_find(p->o.store, str_from(job->topic));
    if (topic != NULL && is_behind(p, topic)) {
        note_slowed(job);
        append_chunk(&p->held, chunk);
        return;
    }
    err e = topic == NULL
                ? errmsg_set(&msg, ERR_NOT_FOUND, "the topic was deleted; start makes it again")
                : to_log(chunk, topic, &msg);
    if (e == ERR_NOSPACE || e == ERR_LIMIT || e == ERR_BUSY) {
        /* What part of it got in before the disk was full is in the log, and not counted. */
        note_slowed(job);
        producers_set_error(job, msg.text);
        append_chunk(&p->held, chunk);
    } else if (e != ERR_OK) {
        fail(job, msg.text);
        give_back(chunk, chunk->count);
        release(chunk);
    } else {
        show_sample(chunk);
        append_chunk(&p->waits, chunk);
    }
}

void producers_on_chunk(struct reactor_task *task)
{
    struct chunk *chunk = CHUNK_OF(task);
    struct producers *p = chunk->job->owner;
    take_chunk(p, chunk);
    producers_durable(p); /* topics that are not synced, chunks of which nothing was accepted */
}

void producers_durable(struct producers *p)
{
    struct errmsg msg = {0};
    bool failed = topic_store_failed(p->o.store, &msg);
    uint64_t durable = topic_store_durable_seq(p->o.store);
    while (p->waits != NULL && (p->waits->seq <= durable || failed)) {
        struct chunk *chunk = p->waits;
        p->waits = chunk->next;
        if (chunk->seq <= durable) {
            stored(chunk);
        } else {
            fail(chunk->job, msg.text);
            release(chunk);
        }
    }
}

/* What waited for the disk is tried again. */
static void retry_held(struct producers *p)
{
    struct chunk *list = p->held;
    p->held = NULL;
    while (list != NULL) {
        struct chunk *chunk = list;
        list = chunk->next;
        take_chunk(p, chunk);
    }
}

void producers_tick(struct producers *p)
{
    retry_held(p);
    producers_durable(p);
    int64_t before_us = os_mono_us() - SAVE_US;
    int saves = 0;
    for (size_t i = 0; i < p->count && saves < SAVES_A_TICK; i++) {
        struct producers_job *job = p->jobs[i];
        if (job->saved_us <= before_us && job->sent + job->rejected != job->saved) {
            producers_save(job);
            saves++;
        }
    }
}

/* ---- the whole ---- */

err producers_run(struct producers *p, struct errmsg *msg)
{
    ASSERT(!p->is_running);
    if (pthread_create(&p->thread, NULL, producers_worker, p) != 0) {
        return errmsg_set(msg, ERR_LIMIT, "no thread for the producers");
    }
    p->is_running = true;
    for (size_t i = 0; i < p->count; i++) {
        struct producers_job *job = p->jobs[i];
        struct errmsg why = {0};
        if (job->state != JOB_RUNNING) {
            continue;
        }
        job->state = JOB_STOPPED;
        if (producers_begin(job, &why) != ERR_OK) {
            job->state = JOB_RUNNING; /* as fail() expects: it was meant to run */
            fail(job, why.text);
        } else {
            producers_save(job); /* the number of runs decides which events come */
        }
    }
    return ERR_OK;
}

static void drop_list(struct chunk **list)
{
    while (*list != NULL) {
        struct chunk *chunk = *list;
        *list = chunk->next;
        release(chunk);
    }
}

void producers_stop(struct producers *p)
{
    if (!p->is_running) {
        return;
    }
    producers_lock(p);
    p->quit = true;
    (void)pthread_cond_signal(&p->wake);
    producers_unlock(p);
    (void)pthread_join(p->thread, NULL); /* cannot fail: it is ours, and joined once */
    p->is_running = false;
    drop_list(&p->held);
    for (size_t i = 0; i < p->count; i++) {
        struct producers_job *job = p->jobs[i];
        if (job->state == JOB_RUNNING) {
            deactivate(job);
            job->running_us = os_mono_us();
        }
        producers_save(job);
    }
}

void producers_new(const struct producers_options *options, struct producers **out_producers)
{
    struct producers *p = xnew(struct producers);
    p->o = *options;
    (void)pthread_mutex_init(&p->lock, NULL); /* neither can fail with default attributes */
    (void)pthread_cond_init(&p->wake, NULL);
    p->indexer = json_indexer_new(); /* NULL: each ingest makes its own, or says what is wrong */
    p->schemas = schema_cache_new();
    producers_load(p);
    *out_producers = p;
}

void producers_free(struct producers *p)
{
    if (p == NULL) {
        return;
    }
    producers_stop(p);
    drop_list(&p->waits);
    producers_lock(p);
    for (size_t i = 0; i < p->count; i++) {
        /* Tasks that the loop did not come to run hold references: nobody else is there now. */
        p->jobs[i]->refs = 1;
        producers_job_unref(p->jobs[i]);
    }
    producers_unlock(p);
    json_indexer_free(p->indexer);
    schema_cache_free(p->schemas);
    (void)pthread_cond_destroy(&p->wake); /* nobody waits */
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}
