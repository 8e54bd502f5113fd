/* SPDX-License-Identifier: MIT */
/* live_int.h - what the parts of the live views share; nobody else includes it.
 *
 *     live.c        clients, subscriptions, frames
 *     live_stats.c  the collector: metrics into points
 *     live_docs.c   documents that are sent when they change: health, queries, producers, imports
 *     live_minute.c minutes for the history, and the answers made of it
 *     live_http.c   the handlers: WebSocket, server-sent events, the JSON answers */
#pragma once
#include "base/metrics.h"
#include "http/live.h"
#include "http/live_history.h"
#include "http/live_message.h"
#include "http/sse.h"
#include "http/websocket.h"

/* ---- live_stats.c ---- */
struct collector {
    int64_t at_us; /* monotonic: of the last point, or of the start */
    int64_t last_requests, last_errors, last_queries, last_failed;
    struct metric *requests[6];
    struct metric *ack;
    struct metric *query;
    struct metric *connections;
    uint64_t ack_counts[METRIC_BUCKETS];
    uint64_t query_counts[METRIC_BUCKETS];
    double acked_at[LIVE_POINTS_MAX]; /* events acknowledged in all, by point: for lag_ms */
    int64_t acked_us[LIVE_POINTS_MAX];
    uint64_t acked_count;
    double values[LIVE_SERIES_COUNT]; /* of the last point */
    double memory_bytes;              /* of all processes, looked at now and then */
    int64_t memory_us;
    double disk_free_bytes;
    int64_t disk_us;
};
void collector_init(struct collector *c);
/* Takes a point. False when the clock says it is none. */
bool collector_take(struct collector *c, struct api *api, struct live_ring *ring);

/* ---- live_minute.c ---- */
struct minute {
    int64_t minute; /* since 1970; 0: none yet */
    double values[HISTORY_METRIC_COUNT];
    uint64_t ack_counts[METRIC_BUCKETS];
    uint64_t query_counts[METRIC_BUCKETS];
};
void live_minute_add(struct live *l, int64_t t_ms, const double values[LIVE_SERIES_COUNT]);

/* ---- live_docs.c ---- */
struct live_doc {
    struct buf text; /* owned */
    uint64_t version;
    int64_t made_us; /* monotonic; 0: never */
    int64_t told_us; /* health: when the version last changed */
    struct buf key;  /* health: what makes a difference */
};
bool live_channel_is_doc(enum live_channel channel);
void live_doc_deinit(struct live_doc *doc);
/* Makes the document anew when its time has come (`force`: now). */
void live_doc_refresh(struct live *l, enum live_channel channel, bool force);

/* ---- live.c ---- */
struct live_client;
struct live_sub {
    struct live_sub *next; /* the client's */
    struct live_client *client;
    int64_t id;
    enum live_channel channel;
    struct live_params params;
    int64_t after_ms; /* stats: the last point told */
    bool is_due;      /* stats: there is something to tell */
    uint64_t version; /* documents: the last one told; 0: none */
    uint64_t dropped; /* events: not told yet */
    struct live_watch *watch;
};
struct live_client {
    struct live_client *next; /* the live's */
    struct live *live;
    struct http_exchange *ex;
    struct ws *ws;   /* one of the two */
    struct sse *sse; /* owned */
    uint64_t seq;
    struct live_sub *subs; /* owned */
    size_t sub_count;
    int64_t heard_us;     /* monotonic: bytes came */
    int64_t heartbeat_us; /* monotonic: the last heartbeat */
    double message_tokens;
    int64_t tokens_us;
};

struct reading; /* live_minute.c */
struct live {
    struct api *api; /* borrowed */
    struct live_ring *ring;
    struct live_feed *feed;
    struct collector collector;
    struct minute minute;
    struct history *history;
    struct reading *readings; /* answers from the history that are being read, the next one first */
    size_t reading_count;
    struct reactor_task reading_task; /* posted while there are some */
    struct live_client *clients;
    size_t client_count;
    size_t buffered_bytes; /* in this turn of sending, about */
    struct reactor_timer second;
    struct reactor_timer pump; /* armed while there are clients */
    struct live_doc docs[LIVE_CHANNEL_COUNT];
    struct { /* the newest stats, as most clients want them */
        int64_t after_ms, last_ms;
        struct buf text;
    } memo[2];
    struct buf frame; /* owned; scratch */
};
/* A client on an exchange whose `ws` or `sse` the caller sets; greets it. */
struct live_client *live_client_new(struct live *l, struct http_exchange *ex);
/* Frees it with its subscriptions; `ws` is gone already or the caller's to close. */
void live_client_free(struct live_client *c);
/* `is_back`: the client had a stream before, and has missed what came since. */
void live_client_hello(struct live_client *c, bool is_back);
/* Takes a message. A close code, or 0. */
int live_client_text(struct live_client *c, struct str text);
/* Takes `params` (zeroed). Answers with a frame, subscribed or error. */
void live_client_subscribe(struct live_client *c, int64_t id, enum live_channel channel,
                           struct live_params *params);
/* Sends what is due, as far as the client takes it. */
void live_client_pump(struct live_client *c);
/* {"op":"error",…}. */
void live_client_error(struct live_client *c, int64_t id, const char *code, const char *detail);
/* Reads on for one of the answers from the history. */
void live_reading_run(struct reactor_task *task);
