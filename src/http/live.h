/* SPDX-License-Identifier: MIT */
/* live.h - what a console sees move: numbers each second, events as they come, the state of
 * queries, producers, imports and health, to WebSockets (GET /ws/dashboard) and to server-sent
 * events (GET /api/v1/analytics/realtime). docs/live.md has the frames.
 *
 * One collector (live_stats.c) takes the differences of the metrics each second into a ring of an
 * hour; one thread (flow/live_feed.h) reads events; here are the clients and what they asked for.
 * Nothing waits for a client: what one does not take is joined with what comes next (stats), is
 * replaced by the newest (documents), or is dropped and counted (events).
 * Owner: the reactor. */
#pragma once
#include "flow/live_ring.h"
#include "http/api.h"

struct live;

enum {
    LIVE_CLIENTS_MAX = 256,
    LIVE_HEARTBEAT_MS = 10000,
    LIVE_BUFFERED_BYTES_MAX = 64 << 20, /* of all clients together; beyond it nobody gets more */
};

/* Starts to collect. After the API's other parts, and before requests come. */
struct live *live_new(struct api *api);
/* Clients are gone by then (http_server_close()). NULL is fine. */
void live_free(struct live *l);
/* Topics were made, changed or deleted. */
void live_topics_changed(struct live *l);
/* Of front, writer and query process together, as of the last second. */
double live_memory_bytes(const struct live *l);
const struct live_ring *live_ring_of(const struct live *l);
