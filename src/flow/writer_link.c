/* SPDX-License-Identifier: MIT */
/* writer_link.c - see writer_link.h. */
#include "flow/writer_link.h"

#include "base/log.h"
#include "flow/announce.h"
#include "os/clock.h"

enum { ENDS_EVERY_US = 50 * 1000 };

struct request {
    struct request *next; /* owned by the list */
    uint64_t id;
    uint16_t type;
    char *topic;   /* owned */
    int64_t *ends; /* owned; flush and drop */
    uint32_t partition_count;
    bool drop;
    bool sent;
    writer_done_fn done; /* NULL: forgotten, or an ask */
    char *payload;       /* owned; asks only */
    size_t payload_len;
    writer_answer_fn answer; /* asks only; NULL: forgotten */
    void *ctx;
};

struct topic_progress {
    char *topic; /* owned */
    struct wire_progress progress;
};

struct writer_link {
    struct reactor *reactor;   /* borrowed */
    struct topic_store *store; /* borrowed */
    struct writer_link_events events;
    struct frame_channel *channel; /* owned, NULL when lost */
    struct announcer *announcer;   /* owned */
    struct announce_pace pace;
    struct reactor_timer ends_timer;
    struct request *requests; /* owned list, oldest first */
    uint64_t next_id;
    struct topic_progress *progress; /* owned; by topic, in byte order */
    size_t progress_count;
    struct wire_metrics metrics;
};

#define LINK_OF_TIMER(t)                                                                           \
    (struct writer_link *)((char *)(t)-offsetof(struct writer_link, ends_timer))

static err send_frame(struct writer_link *w, uint16_t type, uint64_t id, const struct buf *payload)
{
    if (w->channel == NULL) {
        return ERR_CLOSED;
    }
    TRY(buf_check(payload));
    err e = frame_send(w->channel, type, 0, id, buf_str(payload));
    if (e != ERR_OK) {
        log_warn("message to the writer was not sent", "type=%s error=%s", wire_type_name(type),
                 err_name(e));
    }
    return e;
}

/* Before anything that names a topic. */
static void tell_topics(struct writer_link *w)
{
    if (!w->pace.is_due || w->channel == NULL) {
        return;
    }
    AUTO_BUF payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    announce_topics(w->store, &payload);
    if (send_frame(w, WIRE_TOPICS, 0, &payload) == ERR_OK) {
        announce_paced(&w->pace, topic_store_count(w->store), os_mono_us());
    }
}

/* When it is time for it, and the writer has read most of what it was sent. */
static void tell_topics_in_turn(struct writer_link *w)
{
    if (w->channel != NULL && frame_queued_bytes(w->channel) < ANNOUNCE_QUEUE_BYTES &&
        os_mono_us() >= w->pace.next_us) {
        tell_topics(w);
    }
}

/* Ends of a topic that the writer does not know would be lost. */
static void send_ends(struct writer_link *w)
{
    AUTO_BUF payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    if (w->channel != NULL && !w->pace.is_due && announcer_ends(w->announcer, w->store, &payload)) {
        (void)send_frame(w, WIRE_ENDS, 0, &payload); /* it is logged */
    }
}

static bool is_durable(const struct writer_link *w, const struct request *r)
{
    if (r->topic == NULL) {
        return true;
    }
    struct topic *t = topic_store_find(w->store, str_from(r->topic));
    for (uint32_t p = 0; t != NULL && p < r->partition_count && p < topic_partition_count(t); p++) {
        if (topic_durable_end(t, p) < r->ends[p]) {
            return false;
        }
    }
    return true;
}

static void send_ask(struct writer_link *w, struct request *r)
{
    err e = frame_send(w->channel, r->type, 0, r->id, str_of(r->payload, r->payload_len));
    r->sent = e == ERR_OK;
}

static void send_request(struct writer_link *w, struct request *r)
{
    if (r->topic == NULL) {
        if (w->channel != NULL && !r->sent) {
            send_ask(w, r);
        }
        return;
    }
    struct topic *t = topic_store_find(w->store, str_from(r->topic));
    if (w->channel == NULL || r->sent || !is_durable(w, r)) {
        return;
    }
    AUTO_BUF payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    struct str table = t == NULL ? STR("") : str_from(topic_meta_of(t)->table);
    tell_topics(w);
    send_ends(w);
    if (r->type == WIRE_FLUSH) {
        struct wire_flush flush = {
            .table = table, .ends = r->ends, .partition_count = r->partition_count};
        wire_flush_encode(&flush, &payload);
    } else if (r->type == WIRE_CHECKPOINT) {
        struct wire_checkpoint checkpoint = {.table = table};
        wire_checkpoint_encode(&checkpoint, &payload);
    } else {
        struct wire_drop drop = {.topic = str_from(r->topic),
                                 .drop = r->drop,
                                 .ends = r->ends,
                                 .partition_count = r->partition_count};
        wire_drop_encode(&drop, &payload);
    }
    (void)send_frame(w, r->type, r->id, &payload); /* it is logged */
    r->sent = true;
}

static void send_requests(struct writer_link *w)
{
    for (struct request *r = w->requests; r != NULL; r = r->next) {
        send_request(w, r);
    }
}

static void on_ends_due(struct reactor_timer *timer)
{
    struct writer_link *w = LINK_OF_TIMER(timer);
    tell_topics_in_turn(w);
    send_ends(w);
    reactor_timer_set_us(w->reactor, timer, reactor_now_us(w->reactor) + ENDS_EVERY_US);
}

static void request_free(struct request *r)
{
    free(r->topic);
    free(r->ends);
    free(r->payload);
    free(r);
}

/* NULL: there is none of that number. */
static struct request *take_out(struct writer_link *w, uint64_t id)
{
    struct request **at = &w->requests;
    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    struct request *r = *at;
    if (r != NULL) {
        *at = r->next;
    }
    return r;
}

/* Takes the request out of the list and tells its owner. */
static void finish(struct writer_link *w, uint64_t id, const char *code, const char *detail,
                   const struct wire_flushed *flushed, struct str payload)
{
    struct request *r = take_out(w, id);
    if (r == NULL) {
        return;
    }
    if (r->done != NULL) {
        r->done(r->ctx, code, detail, flushed->version, flushed->dead_version);
    } else if (r->answer != NULL) {
        r->answer(r->ctx, code, detail, payload);
    }
    request_free(r);
}

/* The place of the first that is not before `topic`. What health and lists ask for each topic must
 * not look at all of them each time. */
static size_t find_place(const struct writer_link *w, struct str topic)
{
    size_t from = 0;
    size_t to = w->progress_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (str_cmp(topic, str_from(w->progress[middle].topic)) > 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static struct topic_progress *progress_slot(struct writer_link *w, struct str topic)
{
    size_t at = find_place(w, topic);
    if (at < w->progress_count && str_is(topic, w->progress[at].topic)) {
        return &w->progress[at];
    }
    w->progress = xrealloc(w->progress, w->progress_count + 1, sizeof *w->progress);
    struct topic_progress *slot = &w->progress[at];
    memmove(slot + 1, slot, (w->progress_count - at) * sizeof *slot);
    w->progress_count++;
    *slot = (struct topic_progress){.topic = xstrndup(topic.ptr, topic.len)};
    return slot;
}

/* What the tables have committed is what retention may let go of. */
static void apply_progress(struct writer_link *w, const struct wire_progress *p)
{
    struct topic *t = topic_store_find(w->store, p->topic);
    if (t == NULL || !str_is(p->uuid, topic_meta_of(t)->uuid.text)) {
        return;
    }
    for (uint32_t i = 0; i < p->partition_count && i < topic_partition_count(t); i++) {
        topic_set_committed(t, i, p->committed[i], p->dead_committed[i]);
    }
    if (str_is(p->state, "damaged")) {
        log_error("a topic does not land", "topic=%s reason=\"%.*s\"", topic_meta_of(t)->name,
                  STR_ARGS(p->detail));
    }
}

static err on_progress_frame(struct writer_link *w, struct str payload, struct errmsg *msg)
{
    struct wire_progress progress = {0};
    TRY(wire_progress_decode(payload, &progress, msg));
    apply_progress(w, &progress);
    struct topic_progress *slot = progress_slot(w, progress.topic);
    wire_progress_deinit(&slot->progress);
    slot->progress = progress;
    w->events.on_progress(w->events.ctx, payload);
    return ERR_OK;
}

static err on_error_frame(struct writer_link *w, const struct frame *f, struct errmsg *msg)
{
    struct wire_error error = {0};
    TRY(wire_error_decode(f->payload, &error, msg));
    AUTO_TEXT code = xstrndup(error.code.ptr, error.code.len);
    AUTO_TEXT detail = xstrndup(error.detail.ptr, error.detail.len);
    finish(w, f->id, code, detail, &(struct wire_flushed){-1, -1}, STR(""));
    wire_error_deinit(&error);
    return ERR_OK;
}

static err take_frame(struct writer_link *w, const struct frame *f, struct errmsg *msg)
{
    struct wire_flushed flushed = {0};
    struct wire_metrics metrics = {0};
    switch (f->type) {
    case WIRE_PROGRESS:
        return on_progress_frame(w, f->payload, msg);
    case WIRE_FLUSHED:
        TRY(wire_flushed_decode(f->payload, &flushed, msg));
        finish(w, f->id, NULL, NULL, &flushed, STR(""));
        return ERR_OK;
    case WIRE_TABLE_IS:
    case WIRE_PUBLISHED:
        finish(w, f->id, NULL, NULL, &(struct wire_flushed){-1, -1}, f->payload);
        return ERR_OK;
    case WIRE_METRICS:
        TRY(wire_metrics_decode(f->payload, &metrics, msg));
        wire_metrics_deinit(&w->metrics);
        w->metrics = metrics;
        return ERR_OK;
    case WIRE_ERROR:
        return on_error_frame(w, f, msg);
    default:
        return errmsg_set(msg, ERR_CORRUPT, "unexpected message %s", wire_type_name(f->type));
    }
}

static void lose(struct writer_link *w, const char *why)
{
    frame_channel_close(w->channel);
    w->channel = NULL;
    for (struct request *r = w->requests; r != NULL; r = r->next) {
        r->sent = false; /* for the next process */
    }
    w->events.on_lost(w->events.ctx, why);
}

static void on_frame(void *ctx, const struct frame *f)
{
    struct writer_link *w = ctx;
    struct errmsg msg = {0};
    err e = take_frame(w, f, &msg);
    if (e != ERR_OK) {
        lose(w, msg.text[0] != '\0' ? msg.text : err_text(e));
    }
}

static void on_closed(void *ctx, err why, const char *detail)
{
    (void)why;
    lose(ctx, detail);
}

static const struct frame_handler handler = {.on_frame = on_frame, .on_closed = on_closed};

struct writer_link *writer_link_new(struct reactor *reactor, struct topic_store *store,
                                    const struct writer_link_events *events)
{
    struct writer_link *w = xnew(struct writer_link);
    w->reactor = reactor;
    w->store = store;
    w->events = *events;
    w->announcer = announcer_new(ANNOUNCE_DURABLE);
    w->next_id = 1;
    w->ends_timer.on_due = on_ends_due;
    return w;
}

void writer_link_free(struct writer_link *w)
{
    if (w == NULL) {
        return;
    }
    reactor_timer_stop(w->reactor, &w->ends_timer);
    frame_channel_close(w->channel);
    while (w->requests != NULL) {
        struct request *next = w->requests->next;
        request_free(w->requests);
        w->requests = next;
    }
    for (size_t i = 0; i < w->progress_count; i++) {
        free(w->progress[i].topic);
        wire_progress_deinit(&w->progress[i].progress);
    }
    free(w->progress);
    wire_metrics_deinit(&w->metrics);
    announcer_free(w->announcer);
    free(w);
}

err writer_link_attach(struct writer_link *w, int socket_fd, struct errmsg *msg)
{
    ASSERT(w->channel == NULL);
    TRY(frame_channel_open(w->reactor, socket_fd, &handler, w, (struct frame_channel_options){0},
                           &w->channel, msg));
    announcer_reset(w->announcer);
    w->pace.is_due = true;
    tell_topics(w);
    send_ends(w);
    send_requests(w);
    reactor_timer_set_us(w->reactor, &w->ends_timer, reactor_now_us(w->reactor) + ENDS_EVERY_US);
    return ERR_OK;
}

bool writer_link_is_attached(const struct writer_link *w)
{
    return w->channel != NULL;
}

void writer_link_topics_changed(struct writer_link *w)
{
    w->pace.is_due = true;
    tell_topics_in_turn(w);
}

void writer_link_durable(struct writer_link *w)
{
    if (w->requests != NULL) {
        send_requests(w);
    }
}

void writer_link_stop(struct writer_link *w)
{
    AUTO_BUF empty = buf_make(16);
    (void)send_frame(w, WIRE_STOP, 0, &empty); /* it is logged */
}

static void queue(struct writer_link *w, struct request *r)
{
    struct request **tail = &w->requests;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = r;
    send_request(w, r);
}

static uint64_t add_request(struct writer_link *w, uint16_t type, struct topic *t, bool drop,
                            writer_done_fn done, void *ctx)
{
    struct request *r = xnew(struct request);
    *r = (struct request){.id = w->next_id++, .type = type, .drop = drop, .done = done, .ctx = ctx};
    r->topic = xstrdup(topic_meta_of(t)->name);
    r->partition_count = topic_partition_count(t);
    r->ends = xnew_array(int64_t, r->partition_count);
    for (uint32_t p = 0; p < r->partition_count; p++) {
        /* Of a topic that goes all must land that may still be acknowledged. */
        r->ends[p] = drop                ? topic_durable_end(t, p)
                     : type == WIRE_DROP ? topic_written_end(t, p)
                                         : topic_acked_end(t, p);
    }
    uint64_t id = r->id;
    queue(w, r);
    return id;
}

uint64_t writer_link_ask(struct writer_link *w, uint16_t type, struct str payload,
                         writer_answer_fn done, void *ctx)
{
    struct request *r = xnew(struct request);
    *r = (struct request){.id = w->next_id++, .type = type, .answer = done, .ctx = ctx};
    r->payload = xstrndup(payload.ptr, payload.len);
    r->payload_len = payload.len;
    queue(w, r);
    return r->id;
}

uint64_t writer_link_flush(struct writer_link *w, struct topic *t, writer_done_fn done, void *ctx)
{
    return add_request(w, WIRE_FLUSH, t, false, done, ctx);
}

uint64_t writer_link_checkpoint(struct writer_link *w, struct topic *t, writer_done_fn done,
                                void *ctx)
{
    return add_request(w, WIRE_CHECKPOINT, t, false, done, ctx);
}

uint64_t writer_link_drop(struct writer_link *w, struct topic *t, bool drop, writer_done_fn done,
                          void *ctx)
{
    return add_request(w, WIRE_DROP, t, drop, done, ctx);
}

void writer_link_forget(struct writer_link *w, uint64_t handle)
{
    for (struct request *r = w->requests; r != NULL; r = r->next) {
        if (r->id == handle) {
            r->done = NULL;
            r->answer = NULL;
        }
    }
}

const struct wire_progress *writer_link_progress(const struct writer_link *w, struct str topic)
{
    size_t at = find_place(w, topic);
    bool is_there = at < w->progress_count && str_is(topic, w->progress[at].topic);
    return is_there ? &w->progress[at].progress : NULL;
}

const struct wire_metrics *writer_link_metrics(const struct writer_link *w)
{
    return w->metrics.root == NULL ? NULL : &w->metrics;
}
