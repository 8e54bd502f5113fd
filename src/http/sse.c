/* SPDX-License-Identifier: MIT */
/* sse.c - see sse.h. */
#include "http/sse.h"

enum { EVENT_BYTES_MAX = 16 * 1024 * 1024 };

struct sse {
    struct http_exchange *ex; /* borrowed until closed or aborted */
    struct reactor *reactor;
    struct reactor_timer heartbeat;
    int64_t heartbeat_us;
    struct buf scratch; /* owned */
};

/* One field; `value` is cut at nothing, but loses line breaks, which would end the field. */
static void put_field(struct buf *out, const char *name, struct str value)
{
    buf_puts(out, name);
    buf_puts(out, ": ");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] != '\n' && value.ptr[i] != '\r' && value.ptr[i] != '\0') {
            buf_add_byte(out, value.ptr[i]);
        }
    }
    buf_add_byte(out, '\n');
}

/* Position of the first CR or LF, or the length. */
static size_t line_length(struct str s)
{
    size_t i = 0;
    while (i < s.len && s.ptr[i] != '\n' && s.ptr[i] != '\r') {
        i++;
    }
    return i;
}

void sse_format(struct buf *out, struct str event, struct str id, struct str data)
{
    if (id.len > 0) {
        put_field(out, "id", id);
    }
    if (event.len > 0) {
        put_field(out, "event", event);
    }
    for (bool is_last = false; !is_last;) {
        size_t len = line_length(data);
        is_last = len == data.len;
        buf_puts(out, "data: ");
        buf_add(out, data.ptr, len);
        buf_add_byte(out, '\n');
        if (!is_last) {
            bool is_pair = data.ptr[len] == '\r' && len + 1 < data.len && data.ptr[len + 1] == '\n';
            size_t skip = len + (is_pair ? 2 : 1);
            data = str_of(data.ptr + skip, data.len - skip);
        }
    }
    buf_add_byte(out, '\n');
}

static void arm(struct sse *s)
{
    reactor_timer_set_us(s->reactor, &s->heartbeat, reactor_now_us(s->reactor) + s->heartbeat_us);
}

static void on_heartbeat(struct reactor_timer *t)
{
    struct sse *s = (struct sse *)((char *)t - offsetof(struct sse, heartbeat));
    if (http_writable(s->ex)) {
        http_respond_chunk(s->ex, STR(":\n\n"));
    }
    arm(s);
}

enum { FIELD_COUNT = 3 };

static void list_fields(struct http_field out[FIELD_COUNT])
{
    out[0] = (struct http_field){"content-type", STR("text/event-stream")};
    out[1] = (struct http_field){"cache-control", STR("no-store")};
    out[2] = (struct http_field){"x-accel-buffering", STR("no")}; /* proxies must not gather */
}

bool sse_head(struct http_exchange *ex)
{
    if (strcmp(http_method(ex), "HEAD") != 0) {
        return false;
    }
    struct http_field fields[FIELD_COUNT];
    list_fields(fields);
    http_respond(ex, 200, fields, FIELD_COUNT, STR(""));
    return true;
}

struct sse *sse_open(struct http_exchange *ex, uint32_t heartbeat_ms)
{
    struct sse *s = xnew(struct sse);
    s->ex = ex;
    s->reactor = http_reactor(ex);
    s->heartbeat.on_due = on_heartbeat;
    s->heartbeat_us = (int64_t)(heartbeat_ms == 0 ? 15000 : heartbeat_ms) * 1000;
    s->scratch = buf_make(EVENT_BYTES_MAX);
    struct http_field fields[FIELD_COUNT];
    list_fields(fields);
    http_respond_begin(ex, 200, fields, FIELD_COUNT);
    http_end_on_stop(ex);
    http_respond_chunk(ex, STR(":\n\n")); /* the client sees at once that it is connected */
    arm(s);
    return s;
}

void sse_free(struct sse *s)
{
    if (s != NULL) {
        reactor_timer_stop(s->reactor, &s->heartbeat);
        buf_deinit(&s->scratch);
        free(s);
    }
}

void sse_close(struct sse *s)
{
    if (s != NULL) {
        http_respond_end(s->ex);
        sse_free(s);
    }
}

static err send_scratch(struct sse *s)
{
    if (s->scratch.failed) {
        return ERR_TOO_LARGE;
    }
    if (!http_writable(s->ex)) {
        return ERR_LIMIT;
    }
    http_respond_chunk(s->ex, buf_str(&s->scratch));
    arm(s);
    return ERR_OK;
}

err sse_send(struct sse *s, struct str event, struct str id, struct str data)
{
    buf_reset(&s->scratch);
    sse_format(&s->scratch, event, id, data);
    return send_scratch(s);
}

err sse_retry(struct sse *s, uint32_t ms)
{
    buf_reset(&s->scratch);
    buf_printf(&s->scratch, "retry: %u\n\n", (unsigned)ms);
    return send_scratch(s);
}
