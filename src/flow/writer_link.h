/* SPDX-License-Identifier: MIT */
/* writer_link.h - the front's view of the writer process: what it has committed, requests to flush.
 *
 * The process may come and go (attach, lost); requests that were not answered are sent again to
 * the next one. Owner: the reactor. */
#pragma once
#include "flow/wire.h"
#include "net/frame.h"
#include "topic/store.h"

struct writer_link;

struct writer_link_events {
    /* The socket ended or the process lied; the owner starts a fresh one and attaches it. */
    void (*on_lost)(void *ctx, const char *why);
    /* A PROGRESS payload came (already applied to the store): to be passed to the query process. */
    void (*on_progress)(void *ctx, struct str payload);
    void *ctx;
};

struct writer_link *writer_link_new(struct reactor *reactor, struct topic_store *store,
                                    const struct writer_link_events *events);
void writer_link_free(struct writer_link *w);
AUTO_DEFINE(writer_link)
/* Takes the socket of a fresh process. */
err writer_link_attach(struct writer_link *w, int socket_fd, struct errmsg *msg);
bool writer_link_is_attached(const struct writer_link *w);
/* Topics were made, changed or deleted. */
void writer_link_topics_changed(struct writer_link *w);
/* Call when the store became durable further: sends flushes that waited for it. */
void writer_link_durable(struct writer_link *w);
/* Asks the writer to stop; its socket closes when it has. */
void writer_link_stop(struct writer_link *w);

/* Called once per request, never from within the call that made it. `code` is NULL when it went
 * well. Versions are -1 where there is no table. */
typedef void (*writer_done_fn)(void *ctx, const char *code, const char *detail, int64_t version,
                               int64_t dead_version);
/* Everything acknowledged now lands. Returns a handle for writer_link_forget(). */
uint64_t writer_link_flush(struct writer_link *w, struct topic *t, writer_done_fn done, void *ctx);
uint64_t writer_link_checkpoint(struct writer_link *w, struct topic *t, writer_done_fn done,
                                void *ctx);
/* The topic is being deleted and is closing (topic_set_closing()): land (or, with drop, remove the
 * tables), then forget it. */
uint64_t writer_link_drop(struct writer_link *w, struct topic *t, bool drop, writer_done_fn done,
                          void *ctx);
/* A request without a topic (TABLE, PUBLISH) and its answer's payload; `code` as above. */
typedef void (*writer_answer_fn)(void *ctx, const char *code, const char *detail,
                                 struct str payload);
uint64_t writer_link_ask(struct writer_link *w, uint16_t type, struct str payload,
                         writer_answer_fn done, void *ctx);
/* The caller is gone: `done` is not called any more. */
void writer_link_forget(struct writer_link *w, uint64_t handle);

/* The newest PROGRESS of a topic, or NULL before the first. Borrowed until the next turn. */
const struct wire_progress *writer_link_progress(const struct writer_link *w, struct str topic);
/* The newest METRICS, or NULL. */
const struct wire_metrics *writer_link_metrics(const struct writer_link *w);
