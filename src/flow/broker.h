/* SPDX-License-Identifier: MIT */
/* broker.h - the front's end of the query process: which queries run, wait, ended; flow control;
 * cancel; and what becomes of them when the process dies.
 *
 *              start          credit left           DONE
 *   (new) ---> WAITING ---> RUNNING ---> ANSWERING ---> (ended)
 *                 ^            |             |  ERROR, cancel, timeout, process lost -> (ended)
 *                 +-- lost ----+ nothing sent yet and not the culprit
 *
 * A process that does not obey a cancel or a deadline is killed by the owner (on_kill); the query
 * that caused it ends with an error and is never run again. When the process dies by itself and
 * several queries ran, those that had sent nothing run again one at a time, so that a second
 * death names the culprit.
 *
 * A query whose client does not take its answer waits for credit, with a thread of the process but
 * no other work. Such a slow one gives its place to one that waits; BROKER_SLOW_MAX of them are
 * kept, and where one more place is needed the one that waited longest is cut. Owner: the
 * reactor. */
#pragma once
#include "flow/wire.h"
#include "net/frame.h"
#include "topic/store.h"

struct broker;
struct broker_query;

enum {
    BROKER_WINDOW_BYTES = 1 << 20, /* DATA under way per query */
    /* What was told to stop and goes on so long has its process killed, which costs all stored
     * results: after its deadline, a cancel, and when its client has gone and nobody waits. */
    BROKER_KILL_AFTER_US = 1000 * 1000,
    BROKER_CANCEL_US = 400 * 1000,
    BROKER_ABANDON_US = 2000 * 1000,
    /* An answer that its client did not take for so long is slow, and for some time after. */
    BROKER_STALL_US = 100 * 1000,
    BROKER_SLOW_US = 1000 * 1000,
    BROKER_SLOW_MAX = 8,       /* of statements: threads of the process beside `concurrency` */
    BROKER_SLOW_LIGHT_MAX = 1, /* of what is light: the process has BROKER_LIGHT_THREADS for it */
    BROKER_LIGHT_THREADS = 2,
};

struct broker_events {
    /* The socket ended or the process lied. The owner starts a fresh one and attaches it. */
    void (*on_lost)(void *ctx, const char *why);
    /* The process must be killed now; on_lost follows when its socket closes. */
    void (*on_kill)(void *ctx, const char *why);
    void *ctx;
};
struct broker_options {
    uint32_t concurrency;
    uint32_t queue_max;
};
struct broker *broker_new(struct reactor *reactor, struct topic_store *store,
                          const struct broker_options *options, const struct broker_events *events);
void broker_free(struct broker *b);
AUTO_DEFINE(broker)
err broker_attach(struct broker *b, int socket_fd, struct errmsg *msg);
bool broker_is_attached(const struct broker *b);
void broker_topics_changed(struct broker *b);
/* A PROGRESS payload of the writer, passed on. */
void broker_progress(struct broker *b, struct str payload);
void broker_stop(struct broker *b);

/* What a query's owner hears, never from within broker_start(). After on_done or on_error the
 * handle is gone. */
struct broker_answer {
    void (*on_head)(void *ctx, struct str content_type);
    void (*on_data)(void *ctx, struct str bytes);
    void (*on_done)(void *ctx, const struct wire_done *done);
    void (*on_error)(void *ctx, const struct wire_error *error);
    bool is_own; /* it is the server that takes the answer: never cut for being slow */
};
/* `type` is WIRE_QUERY, or WIRE_INFO whose payload the caller has encoded in `info`.
 * Errors: LIMIT when too many wait. The query is copied. */
err broker_start(struct broker *b, const struct wire_query *query, struct str info,
                 const struct broker_answer *answer, void *ctx, struct broker_query **out_query,
                 struct errmsg *msg);
/* The owner has passed on `bytes` of DATA: as many more may come. */
void broker_credit(struct broker_query *q, uint64_t bytes);
/* The owner is gone: nothing is called any more; the query is cancelled. */
void broker_abandon(struct broker_query *q);
/* By number, as in the list. Errors: NOT_FOUND. The owner hears on_error query_cancelled. */
err broker_cancel(struct broker *b, uint64_t id, struct errmsg *msg);
uint64_t broker_query_id(const struct broker_query *q);
/* The running and waiting queries as a JSON array:
 * {"id","state","sql","tag","elapsed_ms","percent","rows","rows_read","rows_total",
 * "bytes_read","bytes_total","bytes"}. */
void broker_list(const struct broker *b, struct buf *out);
struct broker_stats {
    uint32_t running;
    uint32_t waiting;
    uint64_t started; /* statements of users, as the next one */
    uint64_t failed;
    uint64_t rerun;
};
struct broker_stats broker_stats_of(const struct broker *b);
const struct wire_metrics *broker_metrics(const struct broker *b);
