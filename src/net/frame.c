/* SPDX-License-Identifier: MIT */
/* frame.c - see frame.h.
 *
 * Reading is the same at both ends: bytes gather in `in`, whole frames are taken from its front by
 * moving `in_at`, and what is left is moved to the start before the next read. Memory for a frame
 * grows with the bytes that came, never with the length that was claimed. */
#include "net/frame.h"

#include <poll.h>
#include <pthread.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/socket.h"

enum {
    READ_BYTES = 64 * 1024,
    READS_PER_TURN = 4,
    KEEP_BYTES = 1024 * 1024, /* a buffer that grew past this is given back when empty */
    IN_BYTES_MAX = FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX + READ_BYTES,
};

static void put_le(unsigned char *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        out[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get_le(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

void frame_header_encode(const struct frame *f, unsigned char out[FRAME_HEADER_BYTES])
{
    ASSERT(f->payload.len <= FRAME_PAYLOAD_BYTES_MAX);
    put_le(out, f->payload.len, 4);
    put_le(out + 4, f->type, 2);
    put_le(out + 6, f->flags, 2);
    put_le(out + 8, f->id, 8);
}

err frame_header_decode(const unsigned char bytes[FRAME_HEADER_BYTES], struct frame *out_frame)
{
    uint64_t len = get_le(bytes, 4);
    if (len > FRAME_PAYLOAD_BYTES_MAX) {
        return ERR_CORRUPT;
    }
    *out_frame = (struct frame){.type = (uint16_t)get_le(bytes + 4, 2),
                                .flags = (uint16_t)get_le(bytes + 6, 2),
                                .id = get_le(bytes + 8, 8),
                                .payload = {NULL, (size_t)len}};
    return ERR_OK;
}

/* What has been read and not yet taken. */
struct inbox {
    struct buf in; /* owned */
    size_t at;
};

/* The next whole frame, in place. Errors: AGAIN (read more), CORRUPT. */
static err inbox_take(struct inbox *x, struct frame *out_frame)
{
    if (x->in.len - x->at < FRAME_HEADER_BYTES) {
        return ERR_AGAIN;
    }
    struct frame f;
    TRY(frame_header_decode((const unsigned char *)x->in.data + x->at, &f));
    if (x->in.len - x->at - FRAME_HEADER_BYTES < f.payload.len) {
        return ERR_AGAIN;
    }
    f.payload.ptr = x->in.data + x->at + FRAME_HEADER_BYTES;
    x->at += FRAME_HEADER_BYTES + f.payload.len;
    *out_frame = f;
    return ERR_OK;
}

/* Reads once. Errors: AGAIN, CLOSED, IO, NOMEM. */
static err inbox_read(struct inbox *x, int fd)
{
    buf_consume(&x->in, x->at);
    x->at = 0;
    if (x->in.len == 0 && x->in.cap > KEEP_BYTES) {
        buf_deinit(&x->in);
    }
    if (!buf_reserve(&x->in, READ_BYTES)) {
        return ERR_NOMEM;
    }
    size_t got = 0;
    TRY(os_recv(fd, x->in.data + x->in.len, x->in.cap - x->in.len, &got));
    x->in.len += got;
    return ERR_OK;
}

/* ---- the reactor's end ---- */

struct frame_channel {
    struct reactor *reactor; /* borrowed */
    struct reactor_fd io;
    struct reactor_hook hook;
    const struct frame_handler *handler; /* borrowed, static */
    void *ctx;
    struct inbox inbox;
    struct buf out; /* owned; sent up to out_at */
    size_t out_at;
    bool is_failed; /* on_closed has been called */
    bool is_write_broken;
    bool is_paused;
    bool is_hung_up;  /* taken off epoll while paused; read the rest when resumed */
    bool is_read_due; /* the hook reads: resumed, or more than one turn's share has come */
    bool was_full;    /* on_writable is owed */
    bool is_in_callback;
    bool is_closed; /* frame_channel_close() in a callback: freed on the way out */
};

static void channel_free(struct frame_channel *c)
{
    buf_deinit(&c->inbox.in);
    buf_deinit(&c->out);
    free(c);
}

/* Brackets every call of the owner's: false when it has closed the channel, which is gone then. */
static bool channel_called(struct frame_channel *c)
{
    c->is_in_callback = false;
    if (c->is_closed) {
        channel_free(c);
        return false;
    }
    return true;
}

static bool channel_fail(struct frame_channel *c, err why, const char *detail)
{
    if (c->is_failed) {
        return true;
    }
    c->is_failed = true;
    reactor_fd_remove(c->reactor, &c->io);
    buf_deinit(&c->out);
    c->out_at = 0;
    c->is_in_callback = true;
    c->handler->on_closed(c->ctx, why, detail);
    return channel_called(c);
}

/* Hands over whole frames. False when the channel is gone. */
static bool channel_deliver(struct frame_channel *c)
{
    while (!c->is_paused && !c->is_failed) {
        struct frame f;
        err e = inbox_take(&c->inbox, &f);
        if (e == ERR_AGAIN) {
            return true;
        }
        if (e != ERR_OK) {
            return channel_fail(c, ERR_CORRUPT, "a frame is longer than the maximum");
        }
        c->is_in_callback = true;
        c->handler->on_frame(c->ctx, &f);
        if (!channel_called(c)) {
            return false;
        }
    }
    return true;
}

/* Reads and delivers a turn's share. False when the channel is gone. */
static bool channel_read(struct frame_channel *c)
{
    c->is_read_due = false;
    if (!channel_deliver(c)) {
        return false;
    }
    for (int i = 0; i < READS_PER_TURN && !c->is_paused && !c->is_failed; i++) {
        err e = inbox_read(&c->inbox, c->io.fd);
        if (e == ERR_AGAIN) {
            return true;
        }
        if (e != ERR_OK) {
            return channel_fail(c, e,
                                e == ERR_CLOSED ? "the other side closed the socket"
                                                : "reading from the socket failed");
        }
        if (!channel_deliver(c)) {
            return false;
        }
    }
    if (c->is_hung_up && !c->is_paused && !c->is_failed) {
        c->is_read_due = true; /* epoll does not say it again */
        reactor_again(c->reactor);
    }
    return true;
}

/* False when the channel is gone. */
static bool channel_flush(struct frame_channel *c)
{
    while (c->out_at < c->out.len) {
        struct iovec part = {c->out.data + c->out_at, c->out.len - c->out_at};
        size_t sent = 0;
        err e = os_send(c->io.fd, &part, 1, &sent);
        if (e == ERR_AGAIN) {
            if (c->io.is_added) {
                reactor_fd_change(c->reactor, &c->io, c->io.events | REACTOR_WRITE);
            }
            break;
        }
        if (e != ERR_OK) {
            /* What the peer said before it went is still to be read; that ends the channel. */
            c->is_write_broken = true;
            c->out_at = c->out.len;
            c->is_read_due = true;
            reactor_again(c->reactor);
            break;
        }
        c->out_at += sent;
    }
    if (c->out_at == c->out.len) {
        buf_reset(&c->out);
        c->out_at = 0;
        if (c->out.cap > KEEP_BYTES) {
            buf_deinit(&c->out);
        }
        if (c->io.is_added) {
            reactor_fd_change(c->reactor, &c->io, c->io.events & ~(uint32_t)REACTOR_WRITE);
        }
    }
    if (c->was_full && frame_queued_bytes(c) <= c->out.max / 2) {
        c->was_full = false;
        if (c->handler->on_writable != NULL) {
            c->is_in_callback = true;
            c->handler->on_writable(c->ctx);
            return channel_called(c);
        }
    }
    return true;
}

static void channel_on_ready(struct reactor_fd *f, uint32_t events)
{
    struct frame_channel *c =
        (struct frame_channel *)((char *)f - offsetof(struct frame_channel, io));
    if ((events & (REACTOR_HANGUP | REACTOR_ERROR)) != 0 && c->is_paused) {
        /* Would be reported in every turn; the rest is read when resumed. */
        c->is_hung_up = true;
        reactor_fd_remove(c->reactor, &c->io);
        return;
    }
    if ((events & ~(uint32_t)REACTOR_WRITE) != 0) {
        (void)channel_read(c); /* the hook sends what that caused */
    }
}

static void channel_on_hook(struct reactor_hook *hook)
{
    struct frame_channel *c =
        (struct frame_channel *)((char *)hook - offsetof(struct frame_channel, hook));
    if (c->is_read_due && !channel_read(c)) {
        return;
    }
    if (!c->is_failed && (c->out_at < c->out.len || c->was_full)) {
        (void)channel_flush(c); /* nothing is touched after */
    }
}

err frame_channel_open(struct reactor *r, int fd, const struct frame_handler *handler, void *ctx,
                       struct frame_channel_options options, struct frame_channel **out_channel,
                       struct errmsg *msg)
{
    ASSERT(handler->on_frame != NULL);
    ASSERT(handler->on_closed != NULL);
    struct frame_channel *c = xnew(struct frame_channel);
    size_t queue_max =
        options.queue_bytes_max == 0 ? (size_t)FRAME_QUEUE_BYTES_DEFAULT : options.queue_bytes_max;
    *c = (struct frame_channel){
        .reactor = r,
        .io = {.fd = fd, .events = REACTOR_READ, .on_ready = channel_on_ready},
        .hook = {.order = REACTOR_ORDER_CONN, .run = channel_on_hook},
        .handler = handler,
        .ctx = ctx,
        .inbox = {.in = buf_make(IN_BYTES_MAX)},
        .out = buf_make(MAX(queue_max, (size_t)FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES_MAX)),
    };
    err e = reactor_fd_add(r, &c->io, msg);
    if (e != ERR_OK) {
        os_close(fd);
        channel_free(c);
        return e;
    }
    reactor_hook_add(r, &c->hook);
    *out_channel = c;
    return ERR_OK;
}

void frame_channel_close(struct frame_channel *c)
{
    if (c == NULL || c->is_closed) {
        return;
    }
    c->is_closed = true;
    c->is_failed = true;
    reactor_fd_remove(c->reactor, &c->io);
    reactor_hook_remove(c->reactor, &c->hook);
    os_close(c->io.fd);
    c->io.fd = -1;
    if (!c->is_in_callback) {
        channel_free(c);
    }
}

err frame_send(struct frame_channel *c, uint16_t type, uint16_t flags, uint64_t id,
               struct str payload)
{
    if (c->is_failed || c->is_write_broken) {
        return ERR_CLOSED;
    }
    if (payload.len > FRAME_PAYLOAD_BYTES_MAX) {
        return ERR_TOO_LARGE;
    }
    size_t queued = frame_queued_bytes(c);
    if (queued + FRAME_HEADER_BYTES + payload.len > c->out.max) {
        c->was_full = true;
        return ERR_LIMIT;
    }
    if (c->out_at > 0 && (c->out_at >= c->out.len / 2 ||
                          c->out.len + FRAME_HEADER_BYTES + payload.len > c->out.max)) {
        buf_consume(&c->out, c->out_at);
        c->out_at = 0;
    }
    struct frame f = {type, flags, id, payload};
    unsigned char header[FRAME_HEADER_BYTES];
    frame_header_encode(&f, header);
    if (!buf_reserve(&c->out, sizeof header + payload.len)) {
        c->out.failed = false; /* nothing was added */
        c->was_full = true;
        return ERR_LIMIT;
    }
    (void)buf_add(&c->out, header, sizeof header); /* room was made */
    (void)buf_add_str(&c->out, payload);
    return ERR_OK;
}

size_t frame_queued_bytes(const struct frame_channel *c)
{
    return c->out.len - c->out_at;
}

void frame_channel_pause(struct frame_channel *c)
{
    c->is_paused = true;
    if (c->io.is_added) {
        reactor_fd_change(c->reactor, &c->io, c->io.events & ~(uint32_t)REACTOR_READ);
    }
}

void frame_channel_resume(struct frame_channel *c)
{
    if (!c->is_paused) {
        return;
    }
    c->is_paused = false;
    if (c->io.is_added) {
        reactor_fd_change(c->reactor, &c->io, c->io.events | REACTOR_READ);
    }
    c->is_read_due = true; /* frames may have been read already */
    reactor_again(c->reactor);
}

/* ---- a child's end ---- */

struct frame_pipe {
    int fd; /* owned */
    struct inbox inbox;
    err read_failed; /* sticky */
    pthread_mutex_t lock;
    pthread_cond_t is_free;
    bool is_sending;  /* under lock: one thread is writing its frame */
    err write_failed; /* under lock, sticky: half a frame may have gone out */
};

err frame_pipe_open(int fd, struct frame_pipe **out_pipe, struct errmsg *msg)
{
    if (fd < 0) {
        return errmsg_set(msg, ERR_INVALID, "no socket to the parent");
    }
    struct frame_pipe *p = xnew(struct frame_pipe);
    p->fd = fd;
    p->inbox.in = buf_make(IN_BYTES_MAX);
    pthread_mutex_init(&p->lock, NULL);   /* cannot fail with default attributes */
    pthread_cond_init(&p->is_free, NULL); /* nor can this */
    *out_pipe = p;
    return ERR_OK;
}

void frame_pipe_free(struct frame_pipe *p)
{
    if (p == NULL) {
        return;
    }
    os_close(p->fd);
    buf_deinit(&p->inbox.in);
    pthread_cond_destroy(&p->is_free);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int frame_pipe_fd(const struct frame_pipe *p)
{
    return p->fd;
}

static err send_all(int fd, struct iovec *parts, size_t count)
{
    size_t at = 0;
    while (at < count) {
        size_t sent = 0;
        err e = os_send(fd, parts + at, count - at, &sent);
        if (e == ERR_AGAIN) {
            TRY(os_wait_fd(fd, POLLOUT, -1));
            continue;
        }
        TRY(e);
        while (at < count && sent >= parts[at].iov_len) {
            sent -= parts[at].iov_len;
            at++;
        }
        if (at < count) {
            parts[at].iov_base = (char *)parts[at].iov_base + sent;
            parts[at].iov_len -= sent;
        }
    }
    return ERR_OK;
}

err frame_pipe_send(struct frame_pipe *p, uint16_t type, uint16_t flags, uint64_t id,
                    struct str payload)
{
    if (payload.len > FRAME_PAYLOAD_BYTES_MAX) {
        return ERR_TOO_LARGE;
    }
    struct frame f = {type, flags, id, payload};
    unsigned char header[FRAME_HEADER_BYTES];
    frame_header_encode(&f, header);
    struct iovec parts[2] = {{header, sizeof header}, {NULL, payload.len}};
    memcpy(&parts[1].iov_base, &payload.ptr, sizeof payload.ptr); /* iovec is not const-correct */

    pthread_mutex_lock(&p->lock);
    while (p->is_sending) {
        pthread_cond_wait(&p->is_free, &p->lock);
    }
    err e = p->write_failed;
    p->is_sending = e == ERR_OK;
    pthread_mutex_unlock(&p->lock);
    TRY(e);

    e = send_all(p->fd, parts, payload.len > 0 ? 2 : 1);

    pthread_mutex_lock(&p->lock);
    p->is_sending = false;
    p->write_failed = e;
    if (e == ERR_OK) {
        pthread_cond_signal(&p->is_free);
    } else {
        pthread_cond_broadcast(&p->is_free);
    }
    pthread_mutex_unlock(&p->lock);
    return e;
}

err frame_pipe_recv(struct frame_pipe *p, int timeout_ms, struct frame *out_frame,
                    struct errmsg *msg)
{
    int64_t deadline_us = os_mono_us() + (int64_t)timeout_ms * 1000;
    while (p->read_failed == ERR_OK) {
        err e = inbox_take(&p->inbox, out_frame);
        if (e == ERR_OK) {
            return ERR_OK;
        }
        if (e == ERR_AGAIN) {
            e = inbox_read(&p->inbox, p->fd);
        }
        if (e == ERR_AGAIN) {
            int64_t left_us = deadline_us - os_mono_us();
            int wait_ms = timeout_ms < 0 ? -1 : left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
            e = os_wait_fd(p->fd, POLLIN, wait_ms);
            if (e == ERR_TIMEOUT) {
                return ERR_TIMEOUT;
            }
        }
        p->read_failed = e;
    }
    return errmsg_set(msg, p->read_failed, "socket to the parent: %s", err_text(p->read_failed));
}
