/* SPDX-License-Identifier: MIT */
/* live.c - see live.h: clients, subscriptions, frames. */
#include "http/live.h"

#include "base/timefmt.h"
#include "http/console.h"
#include "http/live_int.h"
#include "os/clock.h"

enum {
    SECOND_US = 1000 * 1000,
    PUMP_US = 250 * 1000,
    PING_US = 30 * 1000 * 1000,
    DEAF_US = 90 * 1000 * 1000, /* without a byte of the client: it is gone */
    FRAME_BYTES_MAX = 24 << 20,
    FRAME_KEEP_BYTES = 1 << 20,
    MESSAGES_BURST = 200,
    MESSAGES_PER_SECOND = 20,
};

/* ---- frames ---- */

/* `{"op":…,"seq":…` of the client's next frame, in the scratch buffer. */
static struct buf *frame_begin(struct live_client *c, const char *op)
{
    struct buf *frame = &c->live->frame;
    buf_reset(frame);
    buf_printf(frame, "{\"op\":\"%s\",\"seq\":%llu", op, (unsigned long long)++c->seq);
    return frame;
}

static void frame_sub(struct buf *frame, const struct live_sub *sub)
{
    buf_printf(frame, ",\"id\":%lld,\"channel\":\"%s\"", (long long)sub->id,
               live_channel_name(sub->channel));
}

static void frame_end(struct live_client *c, const char *op)
{
    struct buf *frame = &c->live->frame;
    buf_add_byte(frame, '}');
    if (frame->failed) {
        c->seq--;
        return;
    }
    c->live->buffered_bytes += frame->len;
    if (c->ws != NULL) {
        ws_send(c->ws, buf_str(frame));
    } else {
        char id[24];
        (void)snprintf(id, sizeof id, "%llu", (unsigned long long)c->seq); /* fits */
        /* A full buffer was asked for before; what comes unasked (an error) may get lost. */
        (void)sse_send(c->sse, str_from(op), str_from(id), buf_str(frame));
    }
    if (frame->cap > FRAME_KEEP_BYTES) {
        buf_deinit(frame);
        *frame = buf_make(FRAME_BYTES_MAX);
    }
}

static void put_now(struct buf *frame)
{
    char now[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(os_now_ms() * 1000, now); /* the length is not needed */
    buf_printf(frame, ",\"now\":\"%s\"", now);
}

static bool can_send(const struct live_client *c)
{
    return http_writable(c->ex) && c->live->buffered_bytes < LIVE_BUFFERED_BYTES_MAX;
}

static void send_data(struct live_sub *sub, struct str json)
{
    struct buf *frame = frame_begin(sub->client, "data");
    frame_sub(frame, sub);
    buf_puts(frame, ",\"data\":");
    buf_add_str(frame, json);
    frame_end(sub->client, "data");
}

static void send_dropped(struct live_sub *sub)
{
    struct buf *frame = frame_begin(sub->client, "dropped");
    buf_printf(frame, ",\"id\":%lld,\"count\":%llu,\"reason\":\"slow_client\"", (long long)sub->id,
               (unsigned long long)sub->dropped);
    frame_end(sub->client, "dropped");
    sub->dropped = 0;
}

void live_client_error(struct live_client *c, int64_t id, const char *code, const char *detail)
{
    struct buf *frame = frame_begin(c, "error");
    if (id > 0) {
        buf_printf(frame, ",\"id\":%lld", (long long)id);
    }
    buf_printf(frame, ",\"code\":\"%s\",\"detail\":", code);
    buf_add_json_string(frame, str_from(detail));
    frame_end(c, "error");
}

void live_client_hello(struct live_client *c, bool is_back)
{
    struct buf *frame = frame_begin(c, "hello");
    buf_printf(frame, ",\"version\":\"%s\",\"build\":\"%s\"", TARN_VERSION, console_embedded.build);
    put_now(frame);
    buf_printf(frame, ",\"heartbeat_ms\":%d%s", LIVE_HEARTBEAT_MS,
               is_back ? ",\"resync\":true" : "");
    frame_end(c, "hello");
}

static void send_heartbeat(struct live_client *c)
{
    struct buf *frame = frame_begin(c, "heartbeat");
    put_now(frame);
    frame_end(c, "heartbeat");
}

/* ---- what is due ---- */

/* The points after the client's last one; most clients want the same. */
static struct str stats_text(struct live *l, const struct live_sub *sub)
{
    size_t which = sub->params.has_topics ? 1 : 0;
    struct buf *text = &l->memo[which].text;
    int64_t last_ms = live_ring_last_ms(l->ring);
    if (text->len == 0 || l->memo[which].after_ms != sub->after_ms ||
        l->memo[which].last_ms != last_ms) {
        if (text->cap > FRAME_KEEP_BYTES) {
            buf_deinit(text);
        }
        *text = text->cap == 0 ? buf_make(FRAME_BYTES_MAX) : *text;
        buf_reset(text);
        live_ring_write(l->ring, sub->after_ms, sub->params.has_topics, text);
        l->memo[which].after_ms = sub->after_ms;
        l->memo[which].last_ms = last_ms;
    }
    return buf_str(text);
}

static void pump_sub(struct live_sub *sub)
{
    struct live *l = sub->client->live;
    if (sub->dropped > 0 && can_send(sub->client)) {
        send_dropped(sub);
    }
    if (sub->channel == LIVE_STATS && sub->is_due && can_send(sub->client)) {
        send_data(sub, stats_text(l, sub));
        sub->is_due = false;
        sub->after_ms = MAX(live_ring_last_ms(l->ring), (int64_t)1);
    } else if (live_channel_is_doc(sub->channel) && sub->version != l->docs[sub->channel].version &&
               can_send(sub->client)) {
        send_data(sub, buf_str(&l->docs[sub->channel].text));
        sub->version = l->docs[sub->channel].version;
    }
}

void live_client_pump(struct live_client *c)
{
    for (struct live_sub *sub = c->subs; sub != NULL; sub = sub->next) {
        pump_sub(sub);
    }
}

static void count_buffered(struct live *l)
{
    l->buffered_bytes = 0;
    for (const struct live_client *c = l->clients; c != NULL; c = c->next) {
        l->buffered_bytes += http_buffered_bytes(c->ex);
    }
}

static void refresh_docs(struct live *l)
{
    bool is_watched[LIVE_CHANNEL_COUNT] = {0};
    for (const struct live_client *c = l->clients; c != NULL; c = c->next) {
        for (const struct live_sub *sub = c->subs; sub != NULL; sub = sub->next) {
            is_watched[sub->channel] = true;
        }
    }
    for (size_t i = 0; i < LIVE_CHANNEL_COUNT; i++) {
        if (is_watched[i] && live_channel_is_doc((enum live_channel)i)) {
            live_doc_refresh(l, (enum live_channel)i, false);
        }
    }
}

/* Liveness of one client. False when it was closed. */
static bool tend(struct live_client *c, int64_t now_us)
{
    if (c->ws != NULL && now_us - c->heard_us >= DEAF_US) {
        ws_close(c->ws, WS_CLOSE_GOING_AWAY, STR("no answer to pings"));
        live_client_free(c);
        return false;
    }
    if (now_us - c->heartbeat_us >= (int64_t)LIVE_HEARTBEAT_MS * 1000 && http_writable(c->ex)) {
        c->heartbeat_us = now_us;
        send_heartbeat(c);
        if (c->ws != NULL && now_us - c->heard_us >= PING_US) {
            ws_ping(c->ws);
        }
    }
    return true;
}

static void on_pump(struct reactor_timer *timer)
{
    struct live *l = (struct live *)((char *)timer - offsetof(struct live, pump));
    int64_t now_us = os_mono_us();
    refresh_docs(l);
    count_buffered(l);
    struct live_client *next = NULL;
    for (struct live_client *c = l->clients; c != NULL; c = next) {
        next = c->next;
        if (tend(c, now_us)) {
            live_client_pump(c);
        }
    }
    if (l->clients != NULL) {
        reactor_timer_set_us(l->api->reactor, timer, now_us + PUMP_US);
    }
}

/* Due just after the wall clock's next second, so that points of servers fall together. */
static void arm_second(struct live *l)
{
    int64_t into_us = os_now_us() % SECOND_US;
    int64_t wait_us = SECOND_US - into_us;
    wait_us += wait_us < SECOND_US / 4 ? SECOND_US : 0; /* this second was taken, a bit early */
    reactor_timer_set_us(l->api->reactor, &l->second, os_mono_us() + wait_us);
}

static void on_second(struct reactor_timer *timer)
{
    struct live *l = (struct live *)((char *)timer - offsetof(struct live, second));
    if (collector_take(&l->collector, l->api, l->ring)) {
        live_minute_add(l, live_ring_last_ms(l->ring), l->collector.values);
        count_buffered(l);
        for (struct live_client *c = l->clients; c != NULL; c = c->next) {
            for (struct live_sub *sub = c->subs; sub != NULL; sub = sub->next) {
                sub->is_due = true;
            }
            live_client_pump(c);
        }
    }
    arm_second(l);
}

/* ---- subscriptions ---- */

static void sub_free(struct live_sub *sub)
{
    live_watch_stop(sub->watch);
    live_params_deinit(&sub->params);
    free(sub);
}

static void drop_sub(struct live_client *c, int64_t id)
{
    for (struct live_sub **at = &c->subs; *at != NULL; at = &(*at)->next) {
        if ((*at)->id == id) {
            struct live_sub *sub = *at;
            *at = sub->next;
            c->sub_count--;
            sub_free(sub);
            return;
        }
    }
}

static void on_events(void *ctx, struct str json, uint64_t event_count)
{
    struct live_sub *sub = ctx;
    if (!can_send(sub->client)) {
        sub->dropped += sub->channel == LIVE_TYPES ? 1 : event_count;
        return;
    }
    if (sub->dropped > 0) {
        send_dropped(sub);
    }
    send_data(sub, json);
}

/* Takes what the thread needs out of the parameters. */
static err start_watch(struct live_sub *sub, struct errmsg *msg)
{
    struct live_params *p = &sub->params;
    struct live_watch_options options = {.topics = TAKE(p->topics),
                                         .topic_count = p->topic_count,
                                         .filter = p->filter,
                                         .rate_max = p->rate_max,
                                         .last = p->last,
                                         .on_data = on_events,
                                         .ctx = sub};
    p->topic_count = 0;
    p->filter = (struct live_filter){0};
    if (sub->channel == LIVE_TYPES) {
        options.is_tally = true;
        options.tally_topic = TAKE(p->topic);
        options.tally_field = TAKE(p->field);
    }
    return live_watch_start(sub->client->live->feed, &options, &sub->watch, msg);
}

static void send_subscribed(struct live_sub *sub)
{
    struct buf *frame = frame_begin(sub->client, "subscribed");
    frame_sub(frame, sub);
    frame_end(sub->client, "subscribed");
}

void live_client_subscribe(struct live_client *c, int64_t id, enum live_channel channel,
                           struct live_params *params)
{
    struct errmsg msg = {0};
    drop_sub(c, id);
    if (c->sub_count >= LIVE_SUBS_MAX) {
        live_params_deinit(params);
        (void)errmsg_set(&msg, ERR_LIMIT, "at most %d subscriptions", LIVE_SUBS_MAX);
        live_client_error(c, id, "too_many_subscriptions", msg.text);
        return;
    }
    struct live_sub *sub = xnew(struct live_sub);
    *sub = (struct live_sub){.client = c, .id = id, .channel = channel, .params = *params};
    *params = (struct live_params){0};
    sub->after_ms = sub->params.since_ms;
    sub->is_due = true;
    if ((channel == LIVE_EVENTS || channel == LIVE_TYPES) && start_watch(sub, &msg) != ERR_OK) {
        live_client_error(c, id, "unavailable", msg.text);
        sub_free(sub);
        return;
    }
    struct live_sub **at = &c->subs;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = sub;
    c->sub_count++;
    send_subscribed(sub);
    if (live_channel_is_doc(channel)) {
        live_doc_refresh(c->live, channel, c->live->docs[channel].version == 0);
    }
    pump_sub(sub);
}

static bool has_message_token(struct live_client *c)
{
    int64_t now_us = os_mono_us();
    double seconds = (double)(now_us - c->tokens_us) / 1e6;
    c->tokens_us = now_us;
    c->message_tokens =
        MIN(c->message_tokens + seconds * MESSAGES_PER_SECOND, (double)MESSAGES_BURST);
    c->message_tokens--;
    return c->message_tokens >= 0;
}

int live_client_text(struct live_client *c, struct str text)
{
    struct live_message m;
    struct errmsg msg = {0};
    const char *code = NULL;
    if (!has_message_token(c)) {
        return WS_CLOSE_POLICY;
    }
    if (live_message_parse(text, &m, &code, &msg) != ERR_OK) {
        live_client_error(c, m.id, code, msg.text);
        return 0;
    }
    if (m.op == LIVE_SUBSCRIBE) {
        live_client_subscribe(c, m.id, m.channel, &m.params);
    } else if (m.op == LIVE_UNSUBSCRIBE) {
        drop_sub(c, m.id);
    } else {
        send_heartbeat(c);
    }
    live_message_deinit(&m);
    return 0;
}

/* ---- life ---- */

struct live_client *live_client_new(struct live *l, struct http_exchange *ex)
{
    struct live_client *c = xnew(struct live_client);
    int64_t now_us = os_mono_us();
    c->live = l;
    c->ex = ex;
    c->heard_us = c->heartbeat_us = c->tokens_us = now_us;
    c->message_tokens = MESSAGES_BURST;
    c->next = l->clients;
    l->clients = c;
    l->client_count++;
    if (!reactor_timer_is_armed(&l->pump)) {
        reactor_timer_set_us(l->api->reactor, &l->pump, now_us + PUMP_US);
    }
    return c;
}

void live_client_free(struct live_client *c)
{
    struct live_client **at = &c->live->clients;
    while (*at != c) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = c->next;
    c->live->client_count--;
    while (c->subs != NULL) {
        struct live_sub *sub = c->subs;
        c->subs = sub->next;
        sub_free(sub);
    }
    free(c);
}

struct live *live_new(struct api *api)
{
    struct live *l = xnew(struct live);
    l->api = api;
    l->ring = live_ring_new();
    l->feed = live_feed_new(api->reactor, api->store);
    l->frame = buf_make(FRAME_BYTES_MAX);
    l->second.on_due = on_second;
    l->pump.on_due = on_pump;
    l->reading_task.run = live_reading_run;
    l->history = history_new(api->meta, os_now_ms());
    collector_init(&l->collector);
    arm_second(l);
    return l;
}

void live_free(struct live *l)
{
    if (l == NULL) {
        return;
    }
    ASSERT(l->clients == NULL);
    ASSERT(l->readings == NULL);
    reactor_timer_stop(l->api->reactor, &l->second);
    reactor_timer_stop(l->api->reactor, &l->pump);
    live_feed_free(l->feed);
    live_ring_free(l->ring);
    history_free(l->history);
    for (size_t i = 0; i < LIVE_CHANNEL_COUNT; i++) {
        live_doc_deinit(&l->docs[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(l->memo); i++) {
        buf_deinit(&l->memo[i].text);
    }
    buf_deinit(&l->frame);
    free(l);
}

void live_topics_changed(struct live *l)
{
    live_feed_topics_changed(l->feed);
}

const struct live_ring *live_ring_of(const struct live *l)
{
    return l->ring;
}

double live_memory_bytes(const struct live *l)
{
    return l->collector.values[LIVE_MEMORY_BYTES];
}
