/* SPDX-License-Identifier: MIT */
/* websocket.h - the server's end of a WebSocket (RFC 6455) on an upgraded exchange: text messages
 * both ways. Frames are wslay's; this is the handshake, the bounds and the end.
 *
 * Held to: masked frames from the client (1002 otherwise), whole messages of at most
 * `message_bytes_max` in at most 1,023 fragments (1009), UTF-8 (1007), text only (1003), pings
 * answered, one close each way.
 * A client that does not take what it is sent is not read from either, so that its pings cannot
 * fill memory. No extension is agreed to.
 *
 *     ws = ws_accept(ex, &options)      in on_request; NULL: a problem has been answered
 *     ws_receive(ws, piece)             in on_body
 *     ws_writable(ws)                   in on_writable
 *     ws_close(ws, 1001, STR("..."))    the owner's end: ends the exchange and frees
 *     ws_free(ws)                       in on_abort
 * Owner: the handler. Thread: the reactor's. */
#pragma once
#include "http/server.h"

struct ws; /* opaque */

enum {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TRY_LATER = 1013,
    WS_KEY_BYTES = 24,        /* of Sec-WebSocket-Key */
    WS_ACCEPT_BYTES = 28,     /* of Sec-WebSocket-Accept */
    WS_REASON_BYTES_MAX = 123 /* of a close frame */
};

struct ws_options {
    size_t message_bytes_max;
    /* A whole message, borrowed for the call. It may call ws_send(), but not ws_close(): it returns
     * a close code instead, or 0 to go on. */
    int (*on_text)(void *ctx, struct str text);
    /* The client has closed, or broke the protocol: the exchange is ended, the handle is gone. */
    void (*on_closed)(void *ctx);
    void *ctx;
};
/* Checks the request and answers 101, or a problem: 426 (not a WebSocket request, or another
 * version), 400 (its key). Who may connect the server has checked (server_access.c). */
struct ws *ws_accept(struct http_exchange *ex, const struct ws_options *options);
/* Bytes of the client. The handle may be gone when it returns: on_closed was called then. */
void ws_receive(struct ws *ws, struct str piece);
/* The client takes bytes again: it is read from again. */
void ws_writable(struct ws *ws);
/* One text message (UTF-8). It takes everything: ask http_writable() before. */
void ws_send(struct ws *ws, struct str text);
/* For liveness: a client that is there answers by itself. */
void ws_ping(struct ws *ws);
/* Sends a close frame, ends the exchange, frees. on_closed does not come. Not from on_text. */
void ws_close(struct ws *ws, int code, struct str reason);
void ws_free(struct ws *ws); /* NULL is fine */

/* Pure: the answer to a Sec-WebSocket-Key. */
void ws_accept_key(struct str key, char out[WS_ACCEPT_BYTES + 1]);
