/* SPDX-License-Identifier: MIT */
/* announce.h - what the front tells its children about the topics: which there are, and how far
 * each partition may be read. Owner: the reactor. */
#pragma once
#include "base/buf.h"
#include "topic/store.h"

/* A TOPICS payload (flow/wire.h) of all topics in the store. */
void announce_topics(struct topic_store *store, struct buf *out);

/* When one child is told of all topics: at once, but of hundreds not with each in a row of changes,
 * since each telling costs as much as there are topics. */
struct announce_pace {
    bool is_due;     /* something changed since it was told */
    int64_t next_us; /* not before, unless the child needs to know at once */
};
/* It was told of so many at `now_us`. */
void announce_paced(struct announce_pace *pace, size_t topics, int64_t now_us);
enum { ANNOUNCE_QUEUE_BYTES = 1 << 20 }; /* a child with more to read is told later */

enum announce_ends { ANNOUNCE_ACKED, ANNOUNCE_DURABLE };

/* Remembers what one child was told, so that only what moved is sent. */
struct announcer;
struct announcer *announcer_new(enum announce_ends which);
void announcer_free(struct announcer *a);
AUTO_DEFINE(announcer)
/* The child is a fresh one: everything has to be said again. */
void announcer_reset(struct announcer *a);
/* Appends an ENDS payload of the topics whose ends moved since the last call; false (and nothing
 * appended) when none did. */
bool announcer_ends(struct announcer *a, struct topic_store *store, struct buf *out);
