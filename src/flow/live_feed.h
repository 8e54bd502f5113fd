/* SPDX-License-Identifier: MIT */
/* live_feed.h - events as they are acknowledged, for people who watch: one thread reads the log for
 * all of them, filters, and hands the reactor finished JSON.
 *
 * Watching must cost the doors nothing they would notice: the thread is nicer than the others,
 * reads at most LIVE_BYTES_PER_SECOND, and looks ten times a second. What is beyond its budget is
 * passed over (the newest is read) and said so: `sampled` is the share that was read. What matches
 * and is beyond a watch's own rate is counted as `thinned`.
 *
 *     reactor: every LIVE_ROUND_US, live_feed_round() tells how far each partition is acknowledged
 *     thread:  reads what is new, fills each watch's buffer, posts a task
 *     reactor: on_data with what has gathered
 * A watch has one buffer: until the reactor has taken it, what matches is counted as thinned, as is
 * what finds no room within the watch's share of LIVE_HELD_BYTES_MAX. So neither side waits for the
 * other, and memory is bounded.
 * Owner: the reactor. */
#pragma once
#include "flow/live_filter.h"
#include "net/reactor.h"
#include "topic/store.h"

struct live_feed;
struct live_watch;

enum {
    LIVE_ROUND_US = 100 * 1000,
    LIVE_BYTES_PER_SECOND = 16 << 20,
    LIVE_FRAME_BYTES_MAX = 1 << 20,   /* of events in one on_data, about */
    LIVE_HELD_BYTES_MAX = 64 << 20,   /* of events on their way to all watches together, about */
    LIVE_VALUE_BYTES_MAX = 20 * 1000, /* longer events are told by their length */
    LIVE_RATE_MAX = 1000,             /* events a second of one watch */
    LIVE_LAST_MAX = 1000,
    LIVE_WATCH_TOPICS_MAX = 100,
    LIVE_TALLIES_MAX = 16, /* different counts at a time */
};

struct live_watch_options {
    char **topics; /* taken with the texts; names, also of topics yet to come. NULL: all */
    size_t topic_count;
    struct live_filter filter; /* taken */
    uint32_t rate_max;         /* events a second; 1 to LIVE_RATE_MAX */
    uint32_t last;             /* newest matching events to begin with; 0 to LIVE_LAST_MAX, and
                                  no more than go into one on_data */
    /* Counts instead of events: how often each value of a field came (flow/live_tally.h), first the
     * last 15 minutes as far as they were counted, then second by second. The fields above are not
     * looked at. They go on for 15 minutes without a watch. */
    bool is_tally;
    char *tally_topic; /* taken; NULL: all */
    char *tally_field; /* taken; NULL: what stands for the type */
    /* From the loop: {"events":[{"topic","partition","offset","timestamp","key","value"}],
     * "matched","seen","thinned","skipped","sampled"}; `event_count` of them are in it. */
    void (*on_data)(void *ctx, struct str json, uint64_t event_count);
    void *ctx;
};

struct live_feed *live_feed_new(struct reactor *reactor, struct topic_store *store);
/* Ends the thread. Every watch must have been stopped. NULL is fine. */
void live_feed_free(struct live_feed *f);
/* The thread is started with the first watch. Errors: LIMIT when it cannot be, or for too many
 * different counts. What was to be taken is, also then. */
err live_watch_start(struct live_feed *f, const struct live_watch_options *options,
                     struct live_watch **out_watch, struct errmsg *msg);
/* on_data does not come any more. NULL is fine. */
void live_watch_stop(struct live_watch *w);
/* Topics were made, changed or deleted. */
void live_feed_topics_changed(struct live_feed *f);
