/* SPDX-License-Identifier: MIT */
/* sse.h - server-sent events (WHATWG HTML 9.2) over a streamed answer, with a heartbeat, and with
 * an end for clients that read too slowly. Owner: the handler. Thread: the reactor's. */
#pragma once
#include "http/server.h"

struct sse;

/* A HEAD request is answered by the head of a stream and must not open one, which would hold its
 * connection for ever. True when it was one: it is answered. Before sse_open(). */
bool sse_head(struct http_exchange *ex);
/* Begins the answer (200, text/event-stream). A comment line goes out every `heartbeat_ms` without
 * an event (0: 15,000). The stream ends by itself when the server stops: the handler's on_abort
 * comes as for any exchange, and must call sse_free(). */
struct sse *sse_open(struct http_exchange *ex, uint32_t heartbeat_ms);
/* Ends the answer if it is still open, frees. After it the exchange must not be used. */
void sse_close(struct sse *s);
/* From on_abort: frees without touching the answer. */
void sse_free(struct sse *s);
/* Writes one event. `event` and `id` may be empty (left out); line breaks in them are dropped, in
 * `data` they become further data lines. Errors: LIMIT when the client is so far behind that its
 * buffer is full: nothing was written; the caller drops the event, waits or closes (a client that
 * takes nothing at all for write_stall_ms is cut by the server); TOO_LARGE past 16 MiB. */
err sse_send(struct sse *s, struct str event, struct str id, struct str data);
/* The reconnection time for the client. */
err sse_retry(struct sse *s, uint32_t ms);
/* Pure: the text of one event appended to `out`. */
void sse_format(struct buf *out, struct str event, struct str id, struct str data);
