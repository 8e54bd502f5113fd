/* SPDX-License-Identifier: MIT */
/* test_frame.c - framed messages between the reactor's end and a child's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "net/frame.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/socket.h"

struct end {
    struct reactor *reactor;
    struct frame_channel *channel;
    int other_fd; /* raw, or taken by pipe */
    struct frame_pipe *pipe;
    struct buf log; /* "type:id:length;" */
    uint64_t payload_bytes;
    size_t frames;
    err closed; /* ERR_OK until on_closed */
    int writable;
    bool closes_in_callback;
    bool pauses;
};

static void on_frame(void *ctx, const struct frame *f)
{
    struct end *end = ctx;
    buf_printf(&end->log, "%u:%llu:%zu;", f->type, (unsigned long long)f->id, f->payload.len);
    end->payload_bytes += f->payload.len;
    end->frames++;
    for (size_t i = 0; i < f->payload.len; i += 1000) {
        assert_int_equal((unsigned char)f->payload.ptr[i], (f->id + i) & 0xff);
    }
    if (end->pauses) {
        frame_channel_pause(end->channel);
    }
    if (end->closes_in_callback) {
        frame_channel_close(end->channel);
        end->channel = NULL;
    }
}

static void on_closed(void *ctx, err why, const char *detail)
{
    struct end *end = ctx;
    assert_int_equal(end->closed, ERR_OK);
    assert_non_null(detail);
    end->closed = why;
}

static void on_writable(void *ctx)
{
    ((struct end *)ctx)->writable++;
}

static const struct frame_handler HANDLER = {on_frame, on_closed, on_writable};

static void end_open(struct end *end, bool with_pipe, size_t queue_bytes)
{
    int fds[2];
    *end = (struct end){.log = buf_make(1 << 20), .other_fd = -1};
    assert_int_equal(reactor_new(&end->reactor, NULL), ERR_OK);
    assert_int_equal(os_socket_pair(fds, NULL), ERR_OK);
    struct frame_channel_options options = {.queue_bytes_max = queue_bytes};
    assert_int_equal(
        frame_channel_open(end->reactor, fds[0], &HANDLER, end, options, &end->channel, NULL),
        ERR_OK);
    if (with_pipe) {
        assert_int_equal(frame_pipe_open(fds[1], &end->pipe, NULL), ERR_OK);
    } else {
        end->other_fd = fds[1];
    }
}

static void end_close(struct end *end)
{
    frame_channel_close(end->channel);
    frame_pipe_free(end->pipe);
    os_close(end->other_fd);
    reactor_free(end->reactor);
    buf_deinit(&end->log);
}

static void turns(struct end *end, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(reactor_turn(end->reactor, 0, NULL), ERR_OK);
    }
}

static void fill(struct buf *out, uint64_t id, size_t len)
{
    buf_reset(out);
    assert_true(buf_reserve(out, len));
    for (size_t i = 0; i < len; i++) {
        out->data[i] = (char)(unsigned char)(id + i);
    }
    out->len = len;
}

/* A header survives the way out and back; a length over the maximum is corrupt. */
static void test_header(void **state)
{
    (void)state;
    unsigned char bytes[FRAME_HEADER_BYTES];
    struct frame f = {0xabcd, 0x1234, 0x0102030405060708ULL, {NULL, FRAME_PAYLOAD_BYTES_MAX}};
    struct frame back;
    frame_header_encode(&f, bytes);
    assert_int_equal(frame_header_decode(bytes, &back), ERR_OK);
    assert_int_equal(back.type, f.type);
    assert_int_equal(back.flags, f.flags);
    assert_true(back.id == f.id);
    assert_int_equal(back.payload.len, FRAME_PAYLOAD_BYTES_MAX);
    bytes[0] = 1;
    assert_int_equal(frame_header_decode(bytes, &back), ERR_CORRUPT);
}

/* Frames cut at every byte arrive the same. */
static void test_frames_cut_everywhere(void **state)
{
    (void)state;
    AUTO_BUF wire = buf_make(10000);
    for (unsigned i = 0; i < 3; i++) {
        struct frame f = {(uint16_t)(i + 1), 0, 0, {NULL, i * 10}};
        unsigned char header[FRAME_HEADER_BYTES];
        char payload[32];
        frame_header_encode(&f, header);
        buf_add(&wire, header, sizeof header);
        for (size_t k = 0; k < f.payload.len; k++) {
            payload[k] = (char)k;
        }
        buf_add(&wire, payload, f.payload.len);
    }
    for (size_t cut = 0; cut <= wire.len; cut++) {
        struct end end;
        end_open(&end, false, 0);
        assert_int_equal(write(end.other_fd, wire.data, cut), cut);
        turns(&end, 2);
        assert_int_equal(write(end.other_fd, wire.data + cut, wire.len - cut), wire.len - cut);
        turns(&end, 2);
        assert_string_equal(buf_cstr(&end.log), "1:0:0;2:0:10;3:0:20;");
        end_close(&end);
    }
}

/* A peer that claims too much is corrupt; one that goes in the middle of a frame has closed; memory
 * grows with what came, not with what was claimed. */
static void test_lying_peer(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, false, 0);
    assert_int_equal(write(end.other_fd, "\xff\xff\xff\xff............", 16), 16);
    turns(&end, 2);
    assert_int_equal(end.closed, ERR_CORRUPT);
    assert_int_equal(frame_send(end.channel, 1, 0, 0, STR("")), ERR_CLOSED);
    end_close(&end);

    end_open(&end, false, 0);
    assert_int_equal(write(end.other_fd, "\x00\x00\xff\x00............abc", 19), 19);
    turns(&end, 2);
    assert_int_equal(end.closed, ERR_OK);
    os_close(end.other_fd);
    end.other_fd = -1;
    turns(&end, 2);
    assert_int_equal(end.closed, ERR_CLOSED);
    end_close(&end);
}

/* What the peer sent before it closed is delivered before the close, even after a failed write. */
static void test_last_words(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, true, 0);
    assert_int_equal(frame_pipe_send(end.pipe, 9, 0, 0, STR("")), ERR_OK);
    frame_pipe_free(end.pipe);
    end.pipe = NULL;
    assert_int_equal(frame_send(end.channel, 1, 0, 0, STR("")), ERR_OK);
    turns(&end, 5);
    assert_string_equal(buf_cstr(&end.log), "9:0:0;");
    assert_int_equal(end.closed, ERR_CLOSED);
    end_close(&end);
}

/* A full queue refuses, takes nothing, and says when it is half empty. */
static void test_bounded_queue(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, true, 0);
    AUTO_BUF payload = buf_make(1 << 20);
    fill(&payload, 5, 1 << 20);
    size_t sent = 0;
    while (frame_send(end.channel, 1, 0, 5, buf_str(&payload)) == ERR_OK) {
        sent++;
        turns(&end, 1);
        assert_true(sent < 100);
    }
    assert_true(frame_queued_bytes(end.channel) <= FRAME_QUEUE_BYTES_DEFAULT);
    size_t got = 0;
    struct frame f;
    while (got < sent) {
        err e = frame_pipe_recv(end.pipe, 0, &f, NULL);
        if (e == ERR_TIMEOUT) {
            turns(&end, 1);
            continue;
        }
        assert_int_equal(e, ERR_OK);
        assert_int_equal(f.payload.len, 1 << 20);
        assert_memory_equal(f.payload.ptr, payload.data, 1 << 20);
        got++;
    }
    assert_int_equal(end.writable, 1);
    assert_int_equal(frame_pipe_recv(end.pipe, 0, &f, NULL), ERR_TIMEOUT);
    assert_int_equal(frame_pipe_recv(end.pipe, 20, &f, NULL), ERR_TIMEOUT);
    end_close(&end);
}

/* A paused channel delivers nothing, and everything when resumed, also after the peer has gone. */
static void test_pause(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, true, 0);
    end.pauses = true;
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(frame_pipe_send(end.pipe, 1, 0, i, STR("")), ERR_OK);
    }
    turns(&end, 5);
    assert_int_equal(end.frames, 1);
    frame_channel_resume(end.channel);
    turns(&end, 5);
    assert_int_equal(end.frames, 2);
    frame_pipe_free(end.pipe);
    end.pipe = NULL;
    turns(&end, 5);
    assert_int_equal(end.closed, ERR_OK);
    end.pauses = false;
    frame_channel_resume(end.channel);
    turns(&end, 5);
    assert_string_equal(buf_cstr(&end.log), "1:0:0;1:1:0;1:2:0;1:3:0;");
    assert_int_equal(end.closed, ERR_CLOSED);
    end_close(&end);
}

/* The owner may close the channel from within a callback. */
static void test_close_in_callback(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, true, 0);
    end.closes_in_callback = true;
    assert_int_equal(frame_pipe_send(end.pipe, 1, 0, 0, STR("")), ERR_OK);
    assert_int_equal(frame_pipe_send(end.pipe, 2, 0, 0, STR("")), ERR_OK);
    turns(&end, 5);
    assert_string_equal(buf_cstr(&end.log), "1:0:0;");
    struct frame f;
    assert_int_equal(frame_pipe_recv(end.pipe, 100, &f, NULL), ERR_CLOSED);
    end_close(&end);
}

/* ---- several threads ---- */

enum { SENDERS = 3, FRAMES_EACH = 400 };
struct sender {
    struct end *end;
    uint64_t id;
};

static void *send_many(void *arg)
{
    struct sender *s = arg;
    AUTO_BUF payload = buf_make(1 << 20);
    for (size_t i = 0; i < FRAMES_EACH; i++) {
        fill(&payload, s->id, (i * 7919) % 100000);
        err e = frame_pipe_send(s->end->pipe, 1, 0, s->id, buf_str(&payload));
        assert_int_equal(e, ERR_OK);
    }
    return NULL;
}

/* Frames of several threads never mix, and a full socket blocks the senders only. */
static void test_threads_share_a_pipe(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, true, 0);
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    uint64_t bytes = 0;
    for (size_t i = 0; i < FRAMES_EACH; i++) {
        bytes += (i * 7919) % 100000 * SENDERS;
    }
    for (uint64_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&end, i * 50};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    int64_t deadline_us = os_mono_us() + 20 * 1000 * 1000;
    while (end.frames < (size_t)SENDERS * FRAMES_EACH && os_mono_us() < deadline_us) {
        assert_int_equal(reactor_turn(end.reactor, 10, NULL), ERR_OK);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(end.frames, SENDERS * FRAMES_EACH);
    assert_true(end.payload_bytes == bytes);
    end_close(&end);
}

/* Errors of the child's end stick. */
static void test_pipe_errors_stick(void **state)
{
    (void)state;
    struct frame f;
    int fds[2];
    struct frame_pipe *p = NULL;
    struct errmsg msg = {0};
    assert_int_equal(frame_pipe_open(-1, &p, &msg), ERR_INVALID);
    assert_int_equal(os_socket_pair(fds, NULL), ERR_OK);
    assert_int_equal(frame_pipe_open(fds[0], &p, NULL), ERR_OK);
    assert_int_equal(write(fds[1], "\xff\xff\xff\xff............", 16), 16);
    assert_int_equal(frame_pipe_recv(p, 100, &f, &msg), ERR_CORRUPT);
    assert_int_equal(frame_pipe_recv(p, 100, &f, &msg), ERR_CORRUPT);
    os_close(fds[1]);
    assert_int_equal(frame_pipe_send(p, 1, 0, 0, STR("x")), ERR_CLOSED);
    assert_int_equal(frame_pipe_send(p, 1, 0, 0, STR("x")), ERR_CLOSED);
    frame_pipe_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_frames_cut_everywhere),
        cmocka_unit_test(test_lying_peer),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_bounded_queue),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_close_in_callback),
        cmocka_unit_test(test_threads_share_a_pipe),
        cmocka_unit_test(test_pipe_errors_stick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
