/* SPDX-License-Identifier: MIT */
/* producers_worker.c - the thread that makes the events of all producers. */
#include <math.h>

#include "flow/producers_int.h"
#include "flow/template.h"
#include "os/clock.h"
#include "os/process.h"

enum {
    TURN_US = 10 * 1000,        /* what is due meanwhile is made together */
    IDLE_US = 100 * 1000,       /* the longest nap, so that changing rates are seen */
    DEBT_US = 10 * 1000 * 1000, /* what is owed for longer is given up */
    SLOWED_US = 500 * 1000,     /* what is owed for longer makes a producer `slowed` */
    CLOCK_EVERY = 16,           /* events that share one look at the clock */
};

struct work {
    struct producers_job *job;
    struct chunk *chunk;
    struct producer *old; /* to free */
    uint64_t count;
    uint64_t made;
    bool has_failed;
    struct reactor_task *posts[2]; /* for the reactor, once the lock is free */
    size_t post_count;
};

/* [lock] Takes over a changed specification. */
static void take_change(struct producers_job *job, struct work *work)
{
    if (job->next_producer == NULL) {
        return;
    }
    work->old = job->producer;
    if (job->producer != NULL && !job->is_fresh) {
        producer_continue(job->next_producer, job->producer);
    }
    job->is_fresh = false;
    job->producer = TAKE(job->next_producer);
    job->start_us = job->change_us;
    job->paced = 0;
}

/* [lock] Events that may be made now; sets is_at_end where a limit is reached. */
static uint64_t due_events(struct producers_job *job, int64_t now_us, int64_t *wake_us)
{
    const struct pace *pace = producer_pace(job->producer);
    int64_t duration_us = producer_duration_us(job->producer);
    uint64_t count_max = producer_count_max(job->producer);
    int64_t until_us = now_us;
    bool is_over = duration_us > 0 && now_us - job->run_us >= duration_us;
    if (is_over) {
        until_us = MAX(job->run_us + duration_us, job->start_us);
    }
    double exact = pace_due(pace, until_us - job->start_us);
    /* The whole of a run that ends on time: 100 a second for 10 s is 1000, not 999.99. */
    uint64_t due = (uint64_t)(exact + 1e-6);
    uint64_t owed = due > job->paced ? due - job->paced : 0;
    uint64_t left = count_max == 0 ? UINT64_MAX : count_max > job->made ? count_max - job->made : 0;
    owed = MIN(owed, left);
    job->is_at_end = left == 0 || (is_over && owed == 0);
    double rate = pace_rate(pace, until_us - job->start_us);
    double wait_us = rate > 0 ? ((double)due + 1 - exact) / rate * 1e6 : IDLE_US;
    int64_t nap_us = (int64_t)fmin(fmax(wait_us, TURN_US), IDLE_US);
    if (duration_us > 0 && !is_over) {
        nap_us = MIN(nap_us, job->run_us + duration_us - now_us);
    }
    *wake_us = MIN(*wake_us, now_us + MAX(nap_us, (int64_t)1000));
    return owed;
}

/* [lock] No chunk is free: what is older than the bound is given up. */
static void note_starved(struct producers_job *job, uint64_t owed, int64_t now_us)
{
    const struct pace *pace = producer_pace(job->producer);
    int64_t elapsed_us = now_us - job->start_us;
    double due = pace_due(pace, elapsed_us);
    double bound = due - pace_due(pace, elapsed_us - DEBT_US);
    job->is_starved = true;
    if ((double)owed > due - pace_due(pace, elapsed_us - SLOWED_US) + 1) {
        job->slowed_us = now_us;
    }
    if ((double)owed > bound + 1) {
        uint64_t given_up = owed - (uint64_t)bound;
        job->skipped += given_up;
        job->paced += given_up;
    }
}

static struct chunk *free_chunk(struct producers_job *job)
{
    for (size_t i = 0; i < CHUNKS; i++) {
        if (!job->chunks[i].is_used) {
            return &job->chunks[i];
        }
    }
    return NULL;
}

/* [lock] The limit is reached: says so to the reactor. An `end` of a former run that has not
 * arrived yet says it for this one too. */
static void tell_end(struct producers_job *job, struct work *work)
{
    job->is_active = false;
    job->is_told = true;
    if (!job->is_end_posted) {
        job->is_end_posted = true;
        job->refs++;
        work->posts[work->post_count++] = &job->end;
    }
}

/* [lock] The next producer that has something to make, in turns; false: sleep until *wake_us. */
static bool find_work(struct producers *p, int64_t now_us, struct work *work, int64_t *wake_us)
{
    for (size_t i = 0; i < p->count; i++) {
        struct producers_job *job = p->jobs[(p->turn + i) % p->count];
        if (!job->is_active) {
            continue;
        }
        ASSERT(!job->is_busy);
        take_change(job, work);
        uint64_t owed = due_events(job, now_us, wake_us);
        struct chunk *chunk = free_chunk(job);
        if (job->is_at_end) {
            tell_end(job, work);
        } else if (owed > 0 && chunk == NULL) {
            note_starved(job, owed, now_us);
        } else if (owed > 0) {
            p->turn = (p->turn + i + 1) % p->count;
            chunk->is_used = true;
            job->is_busy = true;
            job->is_starved = false;
            job->refs++;
            work->job = job;
            work->chunk = chunk;
            work->count = MIN(owed, (uint64_t)CHUNK_EVENTS_MAX);
            return true;
        }
        if (work->old != NULL || work->post_count > 0) {
            return true; /* something is to be done without the lock */
        }
    }
    return false;
}

/* Renders lines until the chunk is full or nothing is due. */
static void make_events(struct work *work)
{
    struct buf *out = &work->chunk->bytes;
    struct producer *producer = work->job->producer;
    int64_t now_us = 0;
    if (out->max == 0) {
        *out = buf_make(CHUNK_BYTES + 2 * TEMPLATE_EVENT_BYTES_MAX);
    }
    buf_reset(out);
    while (work->made < work->count && out->len < CHUNK_BYTES) {
        if (work->made % CLOCK_EVERY == 0) {
            now_us = os_now_us();
        }
        size_t from = out->len;
        (void)producer_next(producer, now_us, out); /* good or bad, it is sent */
        (void)buf_add_byte(out, '\n');              /* sticky */
        if (out->failed) {
            out->failed = false;
            out->len = from;
            work->has_failed = true;
            return;
        }
        work->made++;
    }
}

/* [lock] Hands the chunk over, or gives it back. */
static void hand_over(struct producers *p, struct work *work)
{
    struct producers_job *job = work->job;
    struct chunk *chunk = work->chunk;
    job->is_busy = false;
    job->made += work->made;
    job->paced += work->made;
    if (work->has_failed) {
        free(job->failure);
        job->failure = xasprintf("an event is larger than %d bytes", TEMPLATE_EVENT_BYTES_MAX);
        tell_end(job, work);
    }
    if (work->made > 0 && !p->quit) {
        chunk->count = work->made;
        chunk->task.run = producers_on_chunk;
        work->posts[work->post_count++] = &chunk->task; /* with the reference */
        return;
    }
    chunk->is_used = false;
    producers_job_unref(job);
}

static void post(struct producers *p, struct work *work)
{
    for (size_t i = 0; i < work->post_count; i++) {
        reactor_post(p->o.reactor, work->posts[i]);
    }
    work->post_count = 0;
}

void *producers_worker(void *producers)
{
    struct producers *p = producers;
    os_thread_name("producers");
    producers_lock(p);
    while (!p->quit) {
        struct work work = {0};
        int64_t now_us = os_mono_us();
        int64_t wake_us = now_us + IDLE_US;
        if (!find_work(p, now_us, &work, &wake_us)) {
            struct timespec until = {wake_us / 1000000, wake_us % 1000000 * 1000};
            /* A time-out is what it waits for. */
            (void)pthread_cond_clockwait(&p->wake, &p->lock, CLOCK_MONOTONIC, &until);
            continue;
        }
        producers_unlock(p);
        post(p, &work);
        producer_free(work.old);
        if (work.job != NULL) {
            make_events(&work);
            producers_lock(p);
            hand_over(p, &work);
            producers_unlock(p);
            post(p, &work);
        }
        producers_lock(p);
    }
    producers_unlock(p);
    return NULL;
}
