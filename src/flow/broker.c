/* SPDX-License-Identifier: MIT */
/* broker.c - see broker.h. */
#include "flow/broker.h"

#include "base/log.h"
#include "base/metrics.h"
#include "flow/announce.h"
#include "os/clock.h"

enum { WARM_EVERY_US = 50 * 1000, WARM_FOR_US = 60 * 1000 * 1000, LIST_SQL_BYTES = 2000 };

enum state { WAITING, RUNNING, ANSWERING };

struct broker_query {
    struct broker_query *next; /* owned by the broker's list, oldest first */
    struct broker *broker;     /* borrowed */
    uint64_t id;
    enum state state;
    uint16_t type;
    bool is_listed; /* a statement of a user, not what takes milliseconds: limited in number too */
    struct buf payload; /* owned; QUERY or INFO, kept to run it again */
    char *sql;          /* owned, for the list */
    char *tag;          /* owned, likewise; NULL: none */
    struct broker_answer answer;
    void *ctx;
    bool is_abandoned;
    bool is_cancelled;
    bool is_late;    /* was told to stop at its deadline */
    bool is_suspect; /* ran when the process died; runs alone now */
    bool is_culprit; /* the process was killed because of it */
    int64_t started_us;
    int64_t deadline_us; /* 0: none */
    struct reactor_timer timer;
    struct wire_query_progress progress; /* as last told */
    uint64_t bytes;
    uint64_t credit;       /* DATA that the process may still send */
    int64_t stalled_us;    /* since when there is none left; 0: there is some */
    int64_t slow_until_us; /* it was stalled for long a moment ago */
};

struct broker {
    struct reactor *reactor;   /* borrowed */
    struct topic_store *store; /* borrowed */
    struct broker_options options;
    struct broker_events events;
    struct frame_channel *channel; /* owned, NULL when lost */
    struct announcer *announcer;   /* owned */
    struct announce_pace pace;
    struct broker_query *queries; /* owned list */
    uint64_t next_id;
    int64_t last_query_us;
    struct reactor_timer warm_timer;
    struct reactor_timer stall_timer; /* armed while an answer has no credit */
    struct wire_metrics metrics;
    struct broker_stats stats;
};

static void schedule(struct broker *b);

static err send_frame(struct broker *b, uint16_t type, uint64_t id, struct str payload)
{
    if (b->channel == NULL) {
        return ERR_CLOSED;
    }
    err e = frame_send(b->channel, type, 0, id, payload);
    if (e != ERR_OK) {
        log_warn("message to the query process was not sent", "type=%s error=%s",
                 wire_type_name(type), err_name(e));
    }
    return e;
}

/* Before anything that names a topic. */
static void tell_topics(struct broker *b)
{
    if (!b->pace.is_due || b->channel == NULL) {
        return;
    }
    AUTO_BUF payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    announce_topics(b->store, &payload);
    if (send_frame(b, WIRE_TOPICS, 0, buf_str(&payload)) == ERR_OK) {
        announce_paced(&b->pace, topic_store_count(b->store), os_mono_us());
    }
}

/* When it is time for it, and the process has read most of what it was sent. */
static void tell_topics_in_turn(struct broker *b)
{
    if (b->channel != NULL && frame_queued_bytes(b->channel) < ANNOUNCE_QUEUE_BYTES &&
        os_mono_us() >= b->pace.next_us) {
        tell_topics(b);
    }
}

/* Ends of a topic that the process does not know would be lost. */
static void send_ends(struct broker *b)
{
    AUTO_BUF payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    if (b->channel != NULL && !b->pace.is_due && announcer_ends(b->announcer, b->store, &payload)) {
        (void)send_frame(b, WIRE_ENDS, 0, buf_str(&payload)); /* it is logged */
    }
}

static void unlink_query(struct broker *b, struct broker_query *q)
{
    struct broker_query **at = &b->queries;
    while (*at != q) {
        at = &(*at)->next;
    }
    ASSERT(q->next != q);
    *at = q->next;
    reactor_timer_stop(b->reactor, &q->timer);
    buf_deinit(&q->payload);
    free(q->sql);
    free(q->tag);
    free(q);
}

static struct metric *latency(void)
{
    return metric_get(METRIC_HISTOGRAM, "tarn_query_answer_seconds", NULL,
                      "From a statement's arrival at the front to the end of its answer.");
}

static void end_with_error(struct broker *b, struct broker_query *q, const char *code,
                           const char *detail, int64_t position)
{
    struct wire_error error = {
        .code = str_from(code), .detail = str_from(detail), .position = position};
    struct broker_answer answer = q->answer;
    void *ctx = q->ctx;
    bool tell = !q->is_abandoned;
    b->stats.failed += q->is_listed;
    unlink_query(b, q);
    if (tell) {
        answer.on_error(ctx, &error);
    }
}

static struct broker_query *find(const struct broker *b, uint64_t id)
{
    struct broker_query *q = b->queries;
    while (q != NULL && q->id != id) {
        q = q->next;
    }
    ASSERT(q == NULL || q->broker == b);
    return q;
}

static void kill_for(struct broker_query *q, const char *why)
{
    q->is_culprit = true;
    q->broker->events.on_kill(q->broker->events.ctx, why);
}

static void end_overdue(struct broker *b, struct broker_query *q)
{
    if (q->is_cancelled) {
        end_with_error(b, q, "query_cancelled", "the query was cancelled", 0);
    } else {
        end_with_error(
            b, q, "query_timeout",
            "the query took longer than its timeout_ms (where it says none, the server's "
            "query_timeout); raise it, or ask for less",
            0);
    }
}

#define QUERY_OF_TIMER(t) (struct broker_query *)((char *)(t)-offsetof(struct broker_query, timer))

static void on_overdue(struct reactor_timer *timer)
{
    struct broker_query *q = QUERY_OF_TIMER(timer);
    struct broker *b = q->broker;
    if (q->state == WAITING || b->channel == NULL) {
        end_overdue(b, q);
        schedule(b);
    } else if (!q->is_late && !q->is_cancelled) {
        /* The process counts from when it got the statement, which may have waited here. */
        q->is_late = true;
        (void)send_frame(b, WIRE_CANCEL, q->id, STR("")); /* it is logged */
        reactor_timer_set_us(b->reactor, timer, reactor_now_us(b->reactor) + BROKER_KILL_AFTER_US);
    } else {
        kill_for(q, q->is_cancelled ? "a cancelled query goes on" : "a query is past its deadline");
    }
}

static void run(struct broker_query *q)
{
    struct broker *b = q->broker;
    tell_topics(b);
    send_ends(b);
    q->state = RUNNING;
    (void)send_frame(b, q->type, q->id, buf_str(&q->payload)); /* it is logged */
}

static void ask_to_cancel(struct broker_query *q, int64_t kill_after_us)
{
    struct broker *b = q->broker;
    q->is_cancelled = true;
    (void)send_frame(b, WIRE_CANCEL, q->id, STR("")); /* it is logged */
    reactor_timer_set_us(b->reactor, &q->timer, reactor_now_us(b->reactor) + kill_after_us);
}

/* ---- answers that nobody takes ---- */

static bool is_stalled(const struct broker *b, const struct broker_query *q)
{
    return q->stalled_us != 0 && reactor_now_us(b->reactor) - q->stalled_us >= BROKER_STALL_US;
}

static bool is_slow(const struct broker *b, const struct broker_query *q)
{
    return is_stalled(b, q) || reactor_now_us(b->reactor) < q->slow_until_us;
}

static void spend_credit(struct broker *b, struct broker_query *q, uint64_t bytes)
{
    q->credit -= MIN(q->credit, bytes);
    if (q->credit == 0 && q->stalled_us == 0) {
        q->stalled_us = reactor_now_us(b->reactor);
        if (!reactor_timer_is_armed(&b->stall_timer)) {
            reactor_timer_set_us(b->reactor, &b->stall_timer, q->stalled_us + BROKER_STALL_US);
        }
    }
}

static void add_credit(struct broker_query *q, uint64_t bytes)
{
    if (bytes > 0 && is_stalled(q->broker, q)) {
        q->slow_until_us = reactor_now_us(q->broker->reactor) + BROKER_SLOW_US;
    }
    q->stalled_us = bytes > 0 ? 0 : q->stalled_us;
    q->credit = bytes > UINT64_MAX - q->credit ? UINT64_MAX : q->credit + bytes;
}

/* The owner hears of it now; the process lets go of its thread at once, and then says so. */
static void cut(struct broker *b, struct broker_query *q)
{
    const struct wire_error error = {
        .code = STR("client_too_slow"),
        .detail = STR("the answer was not taken, and its place was needed"),
    };
    log_warn("an answer was cut: its client did not take it, and others wait",
             "id=%llu stalled_ms=%lld bytes=%llu", (unsigned long long)q->id,
             (long long)(reactor_now_us(b->reactor) - q->stalled_us) / 1000,
             (unsigned long long)q->bytes);
    metric_add(metric_get(METRIC_COUNTER, "tarn_queries_cut_total", NULL,
                          "Answers cut because their clients did not take them and others waited."),
               1);
    struct broker_answer answer = q->answer;
    void *ctx = q->ctx;
    q->is_abandoned = true;
    ask_to_cancel(q, BROKER_ABANDON_US);
    answer.on_error(ctx, &error);
}

static bool may_be_cut(const struct broker *b, const struct broker_query *q, bool is_listed)
{
    return q->is_listed == is_listed && q->state == ANSWERING && !q->is_cancelled &&
           !q->answer.is_own && is_stalled(b, q);
}

/* The one that is stalled for the longest, of statements or of what is light; NULL: none. */
static struct broker_query *longest_stalled(const struct broker *b, bool is_listed)
{
    struct broker_query *found = NULL;
    for (struct broker_query *q = b->queries; q != NULL; q = q->next) {
        bool fits = may_be_cut(b, q, is_listed);
        found = fits && (found == NULL || q->stalled_us < found->stalled_us) ? q : found;
    }
    return found;
}

/* ---- what runs ---- */

struct census {
    uint32_t waiting; /* statements */
    uint32_t running; /* those that are not slow */
    uint32_t present; /* and with those that are */
    uint32_t ending;  /* of these: told to stop already */
    bool any_runs;
    bool suspect_runs;
    struct broker_query *suspect; /* the first that waits; NULL: none */
};

/* Those that answer about tables are quick: they have no limit, and are not counted. */
static struct census count_queries(struct broker *b)
{
    struct census c = {0};
    for (struct broker_query *q = b->queries; q != NULL; q = q->next) {
        if (q->state == WAITING) {
            c.suspect = c.suspect == NULL && q->is_suspect ? q : c.suspect;
            c.waiting += q->is_listed;
            continue;
        }
        bool slow = is_slow(b, q);
        q->is_suspect = q->is_suspect && !slow; /* it has answered so much without harm */
        c.running += q->is_listed && !slow;
        c.present += q->is_listed;
        c.ending += q->is_listed && q->is_cancelled;
        c.any_runs = c.any_runs || !slow;
        c.suspect_runs = c.suspect_runs || q->is_suspect;
    }
    return c;
}

/* Starts what may start: a suspect runs alone, the others side by side. */
static void schedule(struct broker *b)
{
    struct census c = count_queries(b);
    if (b->channel == NULL || c.suspect_runs) {
        return;
    }
    if (c.suspect != NULL) {
        if (!c.any_runs) {
            run(c.suspect);
        }
        return;
    }
    for (struct broker_query *q = b->queries; q != NULL; q = q->next) {
        bool has_place = c.running < b->options.concurrency &&
                         c.present < b->options.concurrency + BROKER_SLOW_MAX;
        if (q->state == WAITING && (!q->is_listed || has_place)) {
            run(q);
            c.running += q->is_listed;
            c.present += q->is_listed;
        }
    }
}

/* What is light needs no place here, so nobody would be seen waiting for the process's threads. */
static void cut_light(struct broker *b)
{
    for (;;) {
        uint32_t stalled = 0;
        for (struct broker_query *q = b->queries; q != NULL; q = q->next) {
            stalled += may_be_cut(b, q, false);
        }
        if (stalled <= BROKER_SLOW_LIGHT_MAX) {
            return;
        }
        cut(b, longest_stalled(b, false));
    }
}

/* One for each statement that waits and could run, but that slow ones have all threads. */
static void cut_statements(struct broker *b)
{
    struct census c = count_queries(b);
    if (c.present < b->options.concurrency + BROKER_SLOW_MAX) {
        return;
    }
    uint32_t wanted =
        MIN(c.waiting, b->options.concurrency - MIN(b->options.concurrency, c.running));
    struct broker_query *q = NULL;
    for (uint32_t i = c.ending; i < wanted && (q = longest_stalled(b, true)) != NULL; i++) {
        cut(b, q);
    }
}

#define BROKER_OF_STALL(t) (struct broker *)((char *)(t)-offsetof(struct broker, stall_timer))

static void on_stall_due(struct reactor_timer *timer)
{
    struct broker *b = BROKER_OF_STALL(timer);
    bool any = false;
    cut_light(b);
    cut_statements(b);
    schedule(b);
    for (const struct broker_query *q = b->queries; q != NULL; q = q->next) {
        any = any || q->stalled_us != 0;
    }
    if (any) {
        reactor_timer_set_us(b->reactor, timer, reactor_now_us(b->reactor) + BROKER_STALL_US);
    }
}

/* Sorts out what ran when the process went away. */
static void lose(struct broker *b, const char *why)
{
    frame_channel_close(b->channel);
    b->channel = NULL;
    uint32_t unknown = 0;
    bool culprit_known = false;
    for (struct broker_query *q = b->queries; q != NULL; q = q->next) {
        culprit_known = culprit_known || q->is_culprit;
        unknown += q->state != WAITING && !q->is_culprit;
    }
    struct broker_query *next = NULL;
    for (struct broker_query *q = b->queries; q != NULL; q = next) {
        next = q->next;
        if (q->state == WAITING) {
            continue;
        }
        if (q->is_culprit || q->is_abandoned || q->is_cancelled || q->is_late) {
            end_overdue(b, q); /* a fresh process would have to be killed for it next */
        } else if (q->state == ANSWERING) {
            end_with_error(b, q, "query_aborted",
                           "the query process ended in the middle of this answer; ask again", 0);
        } else if (!culprit_known && unknown == 1) {
            end_with_error(b, q, "query_crashed",
                           "this query brought the query process down; it is not run again", 0);
        } else {
            q->state = WAITING;
            q->is_suspect = !culprit_known;
            b->stats.rerun++;
        }
    }
    b->events.on_lost(b->events.ctx, why);
}

static err on_answer_frame(struct broker *b, struct broker_query *q, const struct frame *f,
                           struct errmsg *msg)
{
    struct wire_head head = {0};
    struct wire_done done;
    struct wire_error error = {0};
    struct wire_query_progress progress;
    bool tell = !q->is_abandoned;
    switch (f->type) {
    case WIRE_HEAD:
        TRY(wire_head_decode(f->payload, &head, msg));
        q->state = ANSWERING;
        if (tell) {
            q->answer.on_head(q->ctx, head.content_type);
        }
        wire_head_deinit(&head);
        return ERR_OK;
    case WIRE_DATA:
        q->bytes += f->payload.len;
        spend_credit(b, q, f->payload.len);
        if (tell) {
            q->answer.on_data(q->ctx, f->payload);
        } else {
            broker_credit(q, f->payload.len);
        }
        return ERR_OK;
    case WIRE_PROGRESS_Q:
        TRY(wire_query_progress_decode(f->payload, &progress, msg));
        q->progress = progress;
        return ERR_OK;
    case WIRE_DONE: {
        TRY(wire_done_decode(f->payload, &done, msg));
        metric_observe_us(latency(), (uint64_t)(reactor_now_us(b->reactor) - q->started_us));
        struct broker_answer answer = q->answer;
        void *ctx = q->ctx;
        unlink_query(b, q);
        if (tell) {
            answer.on_done(ctx, &done);
        }
        schedule(b);
        return ERR_OK;
    }
    default:
        TRY(wire_error_decode(f->payload, &error, msg));
        AUTO_TEXT code = xstrndup(error.code.ptr, error.code.len);
        AUTO_TEXT detail = xstrndup(error.detail.ptr, error.detail.len);
        int64_t position = error.position;
        wire_error_deinit(&error);
        if (q->is_late && !q->is_cancelled && strcmp(code, "query_cancelled") == 0) {
            end_overdue(b, q);
        } else {
            end_with_error(b, q, code, detail, position);
        }
        schedule(b);
        return ERR_OK;
    }
}

static err take_frame(struct broker *b, const struct frame *f, struct errmsg *msg)
{
    if (f->type == WIRE_METRICS) {
        struct wire_metrics metrics = {0};
        TRY(wire_metrics_decode(f->payload, &metrics, msg));
        wire_metrics_deinit(&b->metrics);
        b->metrics = metrics;
        return ERR_OK;
    }
    if (f->type < WIRE_HEAD || f->type > WIRE_PROGRESS_Q) {
        return errmsg_set(msg, ERR_CORRUPT, "unexpected message %s", wire_type_name(f->type));
    }
    struct broker_query *q = find(b, f->id);
    if (q == NULL || q->state == WAITING) {
        return ERR_OK; /* the last words of a query that has ended */
    }
    return on_answer_frame(b, q, f, msg);
}

static void on_frame(void *ctx, const struct frame *f)
{
    struct broker *b = ctx;
    struct errmsg msg = {0};
    err e = take_frame(b, f, &msg);
    if (e != ERR_OK) {
        lose(b, msg.text[0] != '\0' ? msg.text : err_text(e));
    }
}

static void on_closed(void *ctx, err why, const char *detail)
{
    (void)why;
    lose(ctx, detail);
}

static const struct frame_handler handler = {.on_frame = on_frame, .on_closed = on_closed};

#define BROKER_OF_TIMER(t) (struct broker *)((char *)(t)-offsetof(struct broker, warm_timer))

/* Topics asked about lately are kept warm: the process hears of new events without a query. */
static void on_warm_due(struct reactor_timer *timer)
{
    struct broker *b = BROKER_OF_TIMER(timer);
    int64_t now_us = reactor_now_us(b->reactor);
    tell_topics_in_turn(b);
    if (b->last_query_us != 0 && now_us - b->last_query_us < WARM_FOR_US) {
        send_ends(b);
    }
    reactor_timer_set_us(b->reactor, timer, now_us + WARM_EVERY_US);
}

struct broker *broker_new(struct reactor *reactor, struct topic_store *store,
                          const struct broker_options *options, const struct broker_events *events)
{
    struct broker *b = xnew(struct broker);
    b->reactor = reactor;
    b->store = store;
    b->options = *options;
    b->events = *events;
    b->announcer = announcer_new(ANNOUNCE_ACKED);
    b->next_id = 1;
    b->warm_timer.on_due = on_warm_due;
    b->stall_timer.on_due = on_stall_due;
    return b;
}

void broker_free(struct broker *b)
{
    if (b == NULL) {
        return;
    }
    reactor_timer_stop(b->reactor, &b->warm_timer);
    reactor_timer_stop(b->reactor, &b->stall_timer);
    frame_channel_close(b->channel);
    while (b->queries != NULL) {
        unlink_query(b, b->queries);
    }
    wire_metrics_deinit(&b->metrics);
    announcer_free(b->announcer);
    free(b);
}

err broker_attach(struct broker *b, int socket_fd, struct errmsg *msg)
{
    ASSERT(b->channel == NULL);
    TRY(frame_channel_open(b->reactor, socket_fd, &handler, b, (struct frame_channel_options){0},
                           &b->channel, msg));
    announcer_reset(b->announcer);
    b->pace.is_due = true;
    tell_topics(b);
    send_ends(b);
    reactor_timer_set_us(b->reactor, &b->warm_timer, reactor_now_us(b->reactor) + WARM_EVERY_US);
    schedule(b);
    return ERR_OK;
}

bool broker_is_attached(const struct broker *b)
{
    return b->channel != NULL;
}

void broker_topics_changed(struct broker *b)
{
    b->pace.is_due = true;
    tell_topics_in_turn(b);
}

void broker_progress(struct broker *b, struct str payload)
{
    (void)send_frame(b, WIRE_PROGRESS, 0, payload); /* it is logged */
}

void broker_stop(struct broker *b)
{
    (void)send_frame(b, WIRE_STOP, 0, STR("")); /* it is logged */
}

err broker_start(struct broker *b, const struct wire_query *query, struct str info,
                 const struct broker_answer *answer, void *ctx, struct broker_query **out_query,
                 struct errmsg *msg)
{
    struct broker_stats stats = broker_stats_of(b);
    if (stats.waiting >= b->options.queue_max) {
        return errmsg_set(msg, ERR_LIMIT, "%u queries wait already; try again later",
                          stats.waiting);
    }
    struct broker_query *q = xnew(struct broker_query);
    q->broker = b;
    q->id = b->next_id++;
    q->type = query != NULL ? WIRE_QUERY : WIRE_INFO;
    q->payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    q->answer = *answer;
    q->ctx = ctx;
    q->progress.percent = -1;
    q->started_us = reactor_now_us(b->reactor);
    q->timer.on_due = on_overdue;
    q->credit = query != NULL ? query->credit_bytes : UINT64_MAX;
    if (query != NULL) {
        wire_query_encode(query, &q->payload);
        q->is_listed = !wire_query_is_light(query);
        q->sql = xstrndup(query->sql.ptr, MIN(query->sql.len, (size_t)LIST_SQL_BYTES));
        q->tag = query->tag.len > 0 ? xstrndup(query->tag.ptr, query->tag.len) : NULL;
        q->deadline_us = query->timeout_ms > 0 ? q->started_us + query->timeout_ms * 1000 : 0;
        b->last_query_us = q->started_us;
    } else {
        buf_add_str(&q->payload, info);
    }
    struct broker_query **tail = &b->queries;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = q;
    if (q->deadline_us > 0) {
        reactor_timer_set_us(b->reactor, &q->timer, q->deadline_us);
    }
    b->stats.started += q->is_listed;
    *out_query = q;
    schedule(b);
    return ERR_OK;
}

void broker_credit(struct broker_query *q, uint64_t bytes)
{
    AUTO_BUF payload = buf_make(1024);
    add_credit(q, bytes);
    wire_credit_encode(bytes, &payload);
    (void)send_frame(q->broker, WIRE_CREDIT, q->id, buf_str(&payload)); /* it is logged */
}

void broker_abandon(struct broker_query *q)
{
    struct broker *b = q->broker;
    q->is_abandoned = true;
    if (q->state == WAITING) {
        unlink_query(b, q);
        schedule(b);
    } else {
        ask_to_cancel(q, BROKER_ABANDON_US);
    }
}

err broker_cancel(struct broker *b, uint64_t id, struct errmsg *msg)
{
    struct broker_query *q = find(b, id);
    if (q == NULL || q->is_abandoned) {
        return errmsg_set(msg, ERR_NOT_FOUND, "no query %llu runs or waits",
                          (unsigned long long)id);
    }
    if (q->state == WAITING) {
        q->is_cancelled = true;
        end_overdue(b, q);
        schedule(b);
    } else {
        ask_to_cancel(q, BROKER_CANCEL_US);
    }
    return ERR_OK;
}

uint64_t broker_query_id(const struct broker_query *q)
{
    return q->id;
}

void broker_list(const struct broker *b, struct buf *out)
{
    static const char *const names[] = {"waiting", "running", "answering"};
    buf_add_byte(out, '[');
    const char *comma = "";
    for (const struct broker_query *q = b->queries; q != NULL; q = q->next) {
        if (!q->is_listed) {
            continue;
        }
        int64_t elapsed_us = reactor_now_us(b->reactor) - q->started_us;
        buf_printf(out, "%s{\"id\":%llu,\"state\":\"%s\",\"elapsed_ms\":%.1f,\"rows\":%lld", comma,
                   (unsigned long long)q->id, q->is_cancelled ? "cancelling" : names[q->state],
                   (double)elapsed_us / 1000, (long long)q->progress.rows);
        buf_printf(out,
                   ",\"rows_read\":%lld,\"rows_total\":%lld,\"bytes_read\":%lld"
                   ",\"bytes_total\":%lld",
                   (long long)q->progress.rows_read, (long long)q->progress.rows_total,
                   (long long)q->progress.bytes_read, (long long)q->progress.bytes_total);
        if (q->progress.percent >= 0) {
            buf_printf(out, ",\"percent\":%.1f", q->progress.percent);
        } else {
            buf_puts(out, ",\"percent\":null");
        }
        buf_printf(out, ",\"bytes\":%llu,\"sql\":", (unsigned long long)q->bytes);
        buf_add_json_string(out, str_from(q->sql));
        if (q->tag != NULL) {
            buf_puts(out, ",\"tag\":");
            buf_add_json_string(out, str_from(q->tag));
        }
        buf_add_byte(out, '}');
        comma = ",";
    }
    buf_add_byte(out, ']');
}

struct broker_stats broker_stats_of(const struct broker *b)
{
    struct broker_stats stats = b->stats;
    for (const struct broker_query *q = b->queries; q != NULL; q = q->next) {
        stats.running += q->state != WAITING;
        stats.waiting += q->state == WAITING;
    }
    return stats;
}

const struct wire_metrics *broker_metrics(const struct broker *b)
{
    return b->metrics.root == NULL ? NULL : &b->metrics;
}
