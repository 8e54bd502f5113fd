/* SPDX-License-Identifier: MIT */
/* live_feed_int.h - what the two halves of the feed share: live_feed.c, which is the reactor's, and
 * live_feed_thread.c. Nobody else includes it.
 *
 * What both threads touch is marked [lock], a leaf held for copying a few numbers; [thread] belongs
 * to the thread, the rest to the reactor. The list of topics is made by the reactor and given away
 * whole; the ends of its partitions follow in the same order. Watches are freed by the reactor
 * alone, after the thread has let go of them. */
#pragma once
#include <pthread.h>

#include "flow/live_feed.h"
#include "flow/live_tally.h"
#include "topic/reader.h"

enum { BUFFER_BYTES_MAX = 4 * LIVE_FRAME_BYTES_MAX }; /* of a watch; it gathers less */

struct source { /* one topic of the list */
    char name[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;
    char *dir; /* owned */
    uint32_t part_count;
};

struct part {                    /* [thread] */
    struct topic_reader *reader; /* owned; NULL: nobody asked yet */
    int64_t next;
    double bytes_per_event;
};

struct topic_state { /* [thread] */
    struct source source;
    struct part *parts;          /* owned */
    size_t watch_count;          /* who wants its events, in this round */
    struct live_watch **watches; /* owned */
};

/* Counts that watches share; kept for a while after the last one has gone. */
struct tally {   /* [thread] */
    char *topic; /* owned; NULL: all */
    char *field; /* owned; NULL: what stands for the type */
    struct live_tally *counts;
    int64_t used_us; /* monotonic: when last someone watched */
    bool is_wanted;  /* of the topic being read */
};

struct live_watch {
    struct live_watch *next;       /* [lock] */
    struct live_watch *ready_next; /* [reactor] within on_task */
    struct live_feed *feed;
    struct live_watch_options o; /* fixed */
    bool is_stopped;             /* [lock] */
    uint64_t since;              /* [lock] it begins with ends told after this many */
    struct buf ready;            /* [lock] owned; to be taken by the reactor */
    uint64_t ready_events;       /* [lock] */
    bool has_ready;              /* [lock] */

    /* [thread] */
    struct tally *tally; /* borrowed; counts instead of events */
    int64_t tally_after; /* the last second told */
    bool is_begun;       /* the last events were looked for */
    bool is_full;        /* the reactor has not taken the last buffer */
    double tokens;       /* events that may be shown */
    double quota;        /* of the partition being read */
    struct buf out;      /* owned; the beginning of what becomes `ready` */
    uint64_t shown, matched, seen, thinned, skipped; /* since the last buffer */
    int64_t told_us;
};

struct live_feed {
    struct reactor *reactor;   /* borrowed */
    struct topic_store *store; /* borrowed; the reactor's */
    struct reactor_timer timer;
    struct reactor_task task;
    bool is_started;
    bool is_stale; /* [reactor] the list of topics must be made anew */
    size_t part_count;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool quit;                  /* [lock] */
    bool is_due;                /* [lock] */
    uint64_t told_count;        /* [lock] how often ends were told */
    bool has_tallies;           /* [lock] counts go on: rounds are wanted */
    bool is_resumed;            /* [lock] nobody has watched for a while: from the ends on */
    struct live_watch *watches; /* [lock] */
    struct live_watch *dead;    /* [lock] let go of by the thread */
    struct source *list;        /* [lock] owned; a new list of topics, or NULL */
    size_t list_count;          /* [lock] */
    int64_t *ends;              /* [lock] owned; of the newest list, flat */
    size_t ends_count;          /* [lock] */

    /* [thread] */
    struct topic_state *topics;
    size_t topic_count;
    int64_t *now_ends;
    size_t now_ends_count;
    struct live_watch **active;
    size_t active_count;
    size_t held_bytes;  /* memory of all watches' buffers */
    size_t share_bytes; /* how much each may gather */
    struct tally tallies[LIVE_TALLIES_MAX];
    double tokens; /* bytes that may be read */
    int64_t round_us;
    int64_t deadline_us;
    size_t turn;
    struct buf bytes;  /* what was read */
    struct buf record; /* one event as JSON */
};

static inline void feed_lock(struct live_feed *f)
{
    (void)pthread_mutex_lock(&f->lock); /* cannot fail: a plain lock */
}
static inline void feed_unlock(struct live_feed *f)
{
    (void)pthread_mutex_unlock(&f->lock); /* likewise */
}

/* The thread's loop; `feed` is a struct live_feed. */
void *live_feed_thread(void *feed);
/* [thread] Frees what the thread made; after it has ended. */
void live_feed_thread_deinit(struct live_feed *f);
