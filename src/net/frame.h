/* SPDX-License-Identifier: MIT */
/* frame.h - framed messages over a Unix stream socket, between the front and its children.
 *
 *     0        4       6       8               16
 *     +--------+-------+-------+---------------+-----------------+
 *     | length | type  | flags | id            | payload[length] |    little endian
 *     +--------+-------+-------+---------------+-----------------+
 *
 * The peer is not trusted: a length over the maximum is ERR_CORRUPT and ends the connection.
 * Two ends: frame_channel lives on a reactor and never blocks; frame_pipe is for a child's
 * threads, which may block. What the fields mean is flow/wire.h's business. */
#pragma once
#include "base/buf.h"
#include "net/reactor.h"

enum {
    FRAME_HEADER_BYTES = 16,
    FRAME_PAYLOAD_BYTES_MAX = 16 * 1024 * 1024,
    FRAME_QUEUE_BYTES_DEFAULT = 64 * 1024 * 1024,
};
struct frame {
    uint16_t type;
    uint16_t flags;
    uint64_t id;
    struct str payload;
};

/* Pure: encode and decode a header. ERR_CORRUPT when the length is over the maximum. */
void frame_header_encode(const struct frame *f, unsigned char out[FRAME_HEADER_BYTES]);
err frame_header_decode(const unsigned char bytes[FRAME_HEADER_BYTES], struct frame *out_frame);

/* ---- the reactor's end ---- */
struct frame_channel;
struct frame_handler {
    /* f and its payload are borrowed for the call. Closing the channel in here is fine. */
    void (*on_frame)(void *ctx, const struct frame *f);
    /* The peer is gone (ERR_CLOSED), the socket broke (ERR_IO) or lied (ERR_CORRUPT). Comes at
     * most once; nothing comes after. The owner still calls frame_channel_close(). */
    void (*on_closed)(void *ctx, err why, const char *detail);
    /* Optional: after frame_send() returned ERR_LIMIT, the queue is half empty again. */
    void (*on_writable)(void *ctx);
};
struct frame_channel_options {
    size_t queue_bytes_max; /* 0: FRAME_QUEUE_BYTES_DEFAULT; at least one frame always fits */
};
/* Takes `fd` (a non-blocking stream socket), also on failure. Thread: the reactor's. */
err frame_channel_open(struct reactor *r, int fd, const struct frame_handler *handler, void *ctx,
                       struct frame_channel_options options, struct frame_channel **out_channel,
                       struct errmsg *msg);
/* Drops what is queued and closes the descriptor. No callback comes from within. */
void frame_channel_close(struct frame_channel *c);
/* Queues a copy and sends at the end of the turn. Errors: LIMIT when the queue is full (nothing
 * was queued; wait for on_writable), CLOSED after on_closed, TOO_LARGE over the payload maximum. */
err frame_send(struct frame_channel *c, uint16_t type, uint16_t flags, uint64_t id,
               struct str payload);
size_t frame_queued_bytes(const struct frame_channel *c);
/* Stops and goes on reading: back-pressure towards the child through the socket's buffer. */
void frame_channel_pause(struct frame_channel *c);
void frame_channel_resume(struct frame_channel *c);

/* ---- a child's end ---- */
struct frame_pipe;
/* Takes `fd`. */
err frame_pipe_open(int fd, struct frame_pipe **out_pipe, struct errmsg *msg);
void frame_pipe_free(struct frame_pipe *p);
AUTO_DEFINE(frame_pipe)
/* For poll loops of the caller's own. */
int frame_pipe_fd(const struct frame_pipe *p);
/* Sends everything, waiting as long as the peer reads slowly; frames of several threads never mix.
 * Errors: CLOSED, IO, TOO_LARGE. Thread: any. Locks: none is held while it waits for the socket. */
err frame_pipe_send(struct frame_pipe *p, uint16_t type, uint16_t flags, uint64_t id,
                    struct str payload);
/* The next frame; its payload lies in the pipe's buffer and lives until the next call.
 * timeout_ms -1 waits for ever, 0 just looks. Errors: TIMEOUT (call again), CLOSED, IO, CORRUPT
 * (these stick). Thread: one reader. */
err frame_pipe_recv(struct frame_pipe *p, int timeout_ms, struct frame *out_frame,
                    struct errmsg *msg);
