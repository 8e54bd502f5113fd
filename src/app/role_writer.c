/* SPDX-License-Identifier: MIT */
/* role_writer.c - see role_writer.h.
 *
 * main thread                          landing thread
 *   frames ──▶ requests (in order) ──▶   one at a time: FLUSH, CHECKPOINT, DROP, TOPICS
 *          ──▶ newest ends         ──▶   else the topic that is due longest: one round
 *   each second: METRICS                 PROGRESS after each commit
 *
 * ENDS are kept as the newest per topic, not queued, since a landing may take seconds. An entry
 * carries the number of the TOPICS message it came after, so that ends of a topic made anew under
 * an old name never reach the old lander. Shared state is guarded by one leaf lock. */
#include "app/role_writer.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/lookup.h"
#include "base/metrics.h"
#include "flow/import_publish.h"
#include "flow/land.h"
#include "flow/wire.h"
#include "net/frame.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"
#include "sql/lake_parquet.h"

enum {
    REQUESTS_MAX = 4096,
    METRICS_EVERY_MS = 1000,
    IDLE_WAIT_MS = 100,
    RETRY_FIRST_MS = 500,
    RETRY_LAST_MS = 30 * 1000,
    UNBLOCK_EVERY_MS = 60 * 1000,
    TRIM_AFTER_MS = 2000,
    LOCK_WAIT_MS = 10 * 1000,
    MEMORY_PERCENT = 30, /* of `memory`: this process's DuckDB */
};

struct request {
    struct request *next;
    uint16_t type;
    uint64_t id;
    uint64_t number; /* of a TOPICS message: which it is */
    union {
        struct wire_topics topics;
        struct wire_flush flush;
        struct wire_checkpoint checkpoint;
        struct wire_drop drop;
        struct wire_import import;
    };
};

struct ends_entry {
    char *topic;   /* owned */
    int64_t *ends; /* owned */
    uint32_t count;
    uint64_t topics_seen; /* TOPICS messages before it */
};

struct slot {
    struct lander *lander; /* owned */
    char *dir;             /* owned */
    struct os_stat meta_stat;
    int64_t retry_at_ms;
    int64_t unblock_at_ms;
    uint32_t failures;
    const char *state; /* static text */
    struct errmsg detail;
};

struct writer {
    const struct config *config;
    struct frame_pipe *pipe;   /* owned */
    struct sql_engine *engine; /* owned */
    struct sql_conn *conn;     /* owned */
    struct lake_parquet parquet;
    char *bronze_dir; /* owned */
    char *lake_dir;   /* owned */
    atomic_bool cancel;

    pthread_mutex_t lock; /* guards the next ones */
    pthread_cond_t wake;
    struct request *first; /* owned list */
    struct request *last;
    size_t request_count;
    struct ends_entry **ends; /* owned, ends_count */
    size_t ends_count;
    struct lookup ends_by_topic;
    bool ends_changed;
    uint64_t topics_received;
    bool stop;

    /* landing thread only */
    uint64_t topics_applied;
    struct slot **slots; /* owned */
    size_t slot_count;
    struct lookup slots_by_topic;
    size_t next_slot;
    int64_t idle_since_ms;
    bool trimmed;
};

static int64_t now_ms(void)
{
    return os_mono_us() / 1000;
}

/* ---- answers ---- */

static void send_or_drop(struct writer *w, uint16_t type, uint64_t id, struct buf *payload)
{
    if (buf_check(payload) == ERR_OK) {
        (void)frame_pipe_send(w->pipe, type, 0, id, buf_str(payload)); /* gone: main sees it too */
    }
}

static void send_error(struct writer *w, uint64_t id, err e, const char *detail)
{
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    struct wire_error error = {str_from(err_name(e)), str_from(detail), 0, NULL};
    if (e == ERR_CORRUPT || e == ERR_RANGE) {
        error.code = STR("log_damaged");
    }
    wire_error_encode(&error, &out);
    send_or_drop(w, WIRE_ERROR, id, &out);
}

static void send_flushed(struct writer *w, uint64_t id, struct wire_flushed flushed)
{
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    wire_flushed_encode(&flushed, &out);
    send_or_drop(w, WIRE_FLUSHED, id, &out);
}

static void send_progress(struct writer *w, struct slot *slot)
{
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    struct wire_progress progress;
    lander_progress(slot->lander, &progress);
    progress.state = str_from(slot->state);
    progress.detail = str_from(slot->detail.text);
    wire_progress_encode(&progress, &out);
    send_or_drop(w, WIRE_PROGRESS, 0, &out);
}

static void send_metrics(struct writer *w)
{
    static const char *const names[] = {"memory", "temp"};
    uint64_t values[] = {sql_engine_memory_bytes(w->engine), sql_engine_temp_bytes(w->engine)};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO_TEXT labels = xasprintf("role=\"writer\",kind=\"%s\"", names[i]);
        metric_set(metric_get(METRIC_GAUGE, "tarn_engine_bytes", labels, "Held by the SQL engine"),
                   (int64_t)values[i]);
    }
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    wire_metrics_encode(os_process_pss_bytes(getpid()), &out);
    send_or_drop(w, WIRE_METRICS, 0, &out);
}

/* ---- requests ---- */

static void request_free(struct request *r)
{
    switch (r->type) {
    case WIRE_TOPICS:
        wire_topics_deinit(&r->topics);
        break;
    case WIRE_FLUSH:
        wire_flush_deinit(&r->flush);
        break;
    case WIRE_CHECKPOINT:
        wire_checkpoint_deinit(&r->checkpoint);
        break;
    case WIRE_DROP:
        wire_drop_deinit(&r->drop);
        break;
    case WIRE_TABLE:
    case WIRE_PUBLISH:
        wire_import_deinit(&r->import);
        break;
    default:
        break;
    }
    free(r);
}

static err request_decode(struct request *r, struct str payload, struct errmsg *msg)
{
    switch (r->type) {
    case WIRE_TOPICS:
        return wire_topics_decode(payload, &r->topics, msg);
    case WIRE_FLUSH:
        return wire_flush_decode(payload, &r->flush, msg);
    case WIRE_CHECKPOINT:
        return wire_checkpoint_decode(payload, &r->checkpoint, msg);
    case WIRE_DROP:
        return wire_drop_decode(payload, &r->drop, msg);
    case WIRE_TABLE:
    case WIRE_PUBLISH:
        return wire_import_decode(payload, &r->import, msg);
    default:
        return errmsg_set(msg, ERR_INVALID, "unexpected message %u", r->type);
    }
}

/* Under the lock: true when the newest request is TOPICS too and now says what `r` says. What it
 * said before nobody needs any more. */
static bool topics_replace(struct writer *w, struct request *r)
{
    r->number = ++w->topics_received;
    if (w->last == NULL || w->last->type != WIRE_TOPICS) {
        return false;
    }
    struct wire_topics older = w->last->topics;
    w->last->topics = r->topics;
    w->last->number = r->number;
    r->topics = older;
    return true;
}

/* Under the lock. */
static void request_append(struct writer *w, struct request *r)
{
    if (w->last == NULL) {
        w->first = r;
    } else {
        w->last->next = r;
    }
    w->last = r;
    w->request_count++;
    pthread_cond_signal(&w->wake);
}

/* Main thread. */
static void request_push(struct writer *w, const struct frame *frame)
{
    struct errmsg msg = {0};
    struct request *r = xnew(struct request);
    r->type = frame->type;
    r->id = frame->id;
    err e = request_decode(r, frame->payload, &msg);
    if (e != ERR_OK) {
        log_error("message refused", "type=%s detail=\"%s\"", wire_type_name(r->type), msg.text);
        free(r);
        send_error(w, frame->id, e, msg.text);
        return;
    }
    pthread_mutex_lock(&w->lock);
    bool is_topics = r->type == WIRE_TOPICS;
    bool is_full = !is_topics && w->request_count >= REQUESTS_MAX;
    bool is_taken = !is_full && !(is_topics && topics_replace(w, r));
    if (is_taken) {
        request_append(w, r);
    }
    pthread_mutex_unlock(&w->lock);
    if (is_full) {
        send_error(w, r->id, ERR_BUSY, "too many requests wait for the writer");
    }
    if (!is_taken) {
        request_free(r);
    }
}

static struct request *request_pop(struct writer *w)
{
    struct request *r = w->first;
    if (r != NULL) {
        w->first = r->next;
        w->last = w->first == NULL ? NULL : w->last;
        w->request_count--;
    }
    return r;
}

/* Under the lock: keeps the newest ends of one topic; takes item->ends. */
static void ends_keep(struct writer *w, struct wire_topic_ends *item)
{
    struct ends_entry *entry = lookup_find(&w->ends_by_topic, item->topic);
    if (entry == NULL) {
        entry = xnew(struct ends_entry);
        entry->topic = xstrndup(item->topic.ptr, item->topic.len);
        w->ends = xrealloc(w->ends, w->ends_count + 1, sizeof *w->ends);
        w->ends[w->ends_count++] = entry;
        lookup_add(&w->ends_by_topic, str_from(entry->topic), entry);
    }
    free(entry->ends);
    entry->ends = TAKE(item->ends);
    entry->count = item->partition_count;
    entry->topics_seen = w->topics_received;
    w->ends_changed = true;
}

static void ends_received(struct writer *w, struct str payload)
{
    struct errmsg msg = {0};
    struct wire_ends ends = {0};
    if (wire_ends_decode(payload, &ends, &msg) != ERR_OK) {
        log_error("message refused", "type=ENDS detail=\"%s\"", msg.text);
        return;
    }
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < ends.count; i++) {
        ends_keep(w, &ends.items[i]);
    }
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    wire_ends_deinit(&ends);
}

/* ---- landing thread: topics ---- */

static struct slot *slot_find(struct writer *w, struct str topic)
{
    return lookup_find(&w->slots_by_topic, topic);
}

static struct slot *slot_find_table(struct writer *w, struct str table)
{
    for (size_t i = 0; i < w->slot_count; i++) {
        if (str_is(table, lander_table(w->slots[i]->lander))) {
            return w->slots[i];
        }
    }
    return NULL;
}

static void slot_remove(struct writer *w, struct slot *slot)
{
    size_t index = w->slot_count - 1;
    while (w->slots[index] != slot) {
        index--;
    }
    lookup_remove(&w->slots_by_topic, str_from(lander_topic(slot->lander)));
    lander_free(slot->lander);
    free(slot->dir);
    free(slot);
    w->slots[index] = w->slots[--w->slot_count];
}

static void slot_failed(struct slot *slot, err e, const struct errmsg *msg)
{
    slot->failures++;
    uint32_t doublings = MIN(slot->failures - 1, 6);
    int64_t wait_ms = MIN((int64_t)RETRY_FIRST_MS << doublings, RETRY_LAST_MS);
    bool damaged = e == ERR_CORRUPT || e == ERR_RANGE;
    bool refused = e == ERR_UNSUPPORTED || e == ERR_INVALID;
    if (damaged && slot->failures == 1) {
        wait_ms = 0; /* the damaged partition is left out now; the others go on */
    } else if (damaged || refused) {
        wait_ms = RETRY_LAST_MS;
    }
    slot->retry_at_ms = now_ms() + wait_ms;
    slot->state = damaged ? "damaged" : refused ? "failed" : "retrying";
    slot->detail = *msg;
    log_warn("landing failed", "topic=%s state=%s error=%s detail=\"%s\" retry_ms=%lld",
             lander_topic(slot->lander), slot->state, err_name(e), msg->text, (long long)wait_ms);
}

static void slot_worked(struct slot *slot)
{
    const char *blocked = lander_blocked(slot->lander);
    slot->failures = 0;
    slot->retry_at_ms = 0;
    slot->detail.text[0] = '\0';
    slot->state = blocked == NULL ? "ok" : "damaged";
    if (blocked != NULL) {
        (void)errmsg_set(&slot->detail, ERR_CORRUPT, "%s", blocked);
        slot->unblock_at_ms =
            slot->unblock_at_ms != 0 ? slot->unblock_at_ms : now_ms() + UNBLOCK_EVERY_MS;
    }
}

/* Loads the topic's tables (again) and tells the front where they stand. */
static void slot_load(struct writer *w, struct slot *slot)
{
    struct errmsg msg = {0};
    AUTO_TEXT path = xasprintf("%s/topic.json", slot->dir);
    (void)os_stat(path, &slot->meta_stat, NULL); /* loading says what is wrong with it */
    err e = lander_load(slot->lander, true, &msg);
    if (e == ERR_OK) {
        slot_worked(slot);
    } else {
        slot_failed(slot, e, &msg);
    }
    send_progress(w, slot);
}

static uint64_t engine_bytes(const struct config *config)
{
    return config->memory / 100 * MEMORY_PERCENT;
}

static void slot_add(struct writer *w, const struct wire_topic *topic)
{
    w->slots = xrealloc(w->slots, w->slot_count + 1, sizeof *w->slots);
    struct slot *slot = xnew(struct slot);
    w->slots[w->slot_count++] = slot;
    *slot = (struct slot){.dir = xstrndup(topic->dir.ptr, topic->dir.len), .state = "ok"};
    unsigned threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    struct lander_options options = {
        .topic = topic->name,
        .table = topic->table,
        .uuid = topic->uuid,
        .topic_dir = slot->dir,
        .bronze_dir = w->bronze_dir,
        .partition_count = topic->partition_count,
        .conn = w->conn,
        .parquet = &w->parquet,
        .threads = MIN(MAX(threads, 1), 8),
        /* A COPY into some dozens of dates holds about as much as the log it reads, and a fixed
         * part for the open files. Measured: 128 MiB of log fit 300 MB, 64 MiB fit 150 MB. */
        .commit_bytes = MIN(MAX(engine_bytes(w->config) / 2, (uint64_t)16 << 20),
                            (uint64_t)LAND_COMMIT_BYTES_DEFAULT),
        .cancel = &w->cancel,
    };
    slot->lander = lander_new(&options);
    lookup_add(&w->slots_by_topic, str_from(lander_topic(slot->lander)), slot);
    slot_load(w, slot);
}

static bool slot_is(const struct slot *slot, const struct wire_topic *topic)
{
    return str_is(topic->uuid, lander_uuid(slot->lander)) && str_is(topic->dir, slot->dir) &&
           topic->partition_count == lander_partition_count(slot->lander);
}

static void topics_apply(struct writer *w, const struct wire_topics *topics)
{
    struct lookup by_name = {0};
    for (size_t i = 0; i < topics->count; i++) {
        if (lookup_find(&by_name, topics->items[i].name) == NULL) {
            lookup_add(&by_name, topics->items[i].name, &topics->items[i]);
        }
    }
    for (size_t i = w->slot_count; i > 0; i--) {
        struct slot *slot = w->slots[i - 1];
        const struct wire_topic *topic =
            lookup_find(&by_name, str_from(lander_topic(slot->lander)));
        if (topic == NULL || !slot_is(slot, topic)) {
            slot_remove(w, slot);
        }
    }
    lookup_deinit(&by_name);
    for (size_t i = 0; i < topics->count && !atomic_load(&w->cancel); i++) {
        struct slot *slot = slot_find(w, topics->items[i].name);
        if (slot == NULL) {
            slot_add(w, &topics->items[i]);
            continue;
        }
        AUTO_TEXT path = xasprintf("%s/topic.json", slot->dir);
        struct os_stat now = {0};
        if (os_stat(path, &now, NULL) != ERR_OK || now.mtime_us != slot->meta_stat.mtime_us ||
            now.size_bytes != slot->meta_stat.size_bytes) {
            lander_unblock(slot->lander); /* a repair changes it too */
            slot_load(w, slot);
        }
    }
}

/* ---- landing thread: work ---- */

/* Hands the newest ends to the landers they are meant for. */
static void ends_apply(struct writer *w)
{
    int64_t now = now_ms();
    pthread_mutex_lock(&w->lock);
    if (w->ends_changed) {
        w->ends_changed = false;
        for (size_t i = 0; i < w->ends_count; i++) {
            struct ends_entry *entry = w->ends[i];
            struct slot *slot = slot_find(w, str_from(entry->topic));
            if (slot != NULL && entry->topics_seen <= w->topics_applied) {
                lander_set_ends(slot->lander, entry->ends, entry->count, now);
            } else if (entry->topics_seen > w->topics_applied) {
                w->ends_changed = true; /* its TOPICS waits in the queue */
            }
        }
    }
    pthread_mutex_unlock(&w->lock);
}

/* One round; keeps state and tells the front. */
static err slot_round(struct writer *w, struct slot *slot, const int64_t *ends, bool flush,
                      bool *out_more, struct errmsg *msg)
{
    if (slot->unblock_at_ms != 0 && now_ms() >= slot->unblock_at_ms) {
        slot->unblock_at_ms = 0;
        lander_unblock(slot->lander);
    }
    err e = lander_land(slot->lander, ends, flush, now_ms(), out_more, msg);
    w->trimmed = false;
    if (e == ERR_CANCELLED && atomic_load(&w->cancel)) {
        return e;
    }
    if (e == ERR_OK) {
        slot_worked(slot);
    } else {
        slot_failed(slot, e, msg);
    }
    send_progress(w, slot);
    return e;
}

/* Lands everything before `ends`. A damaged partition is left out once, so that the rest is there.
 */
static err slot_flush(struct writer *w, struct slot *slot, const int64_t *ends, uint32_t count,
                      struct errmsg *msg)
{
    if (count != lander_partition_count(slot->lander)) {
        return errmsg_set(msg, ERR_INVALID, "topic %s has %u partitions",
                          lander_topic(slot->lander), lander_partition_count(slot->lander));
    }
    lander_set_ends(slot->lander, ends, count, now_ms());
    bool more = true;
    while (more) {
        err e = slot_round(w, slot, ends, true, &more, msg);
        if ((e == ERR_CORRUPT || e == ERR_RANGE) && slot->failures == 1) {
            continue;
        }
        TRY(e);
    }
    if (!lander_reached(slot->lander, ends)) {
        const char *blocked = lander_blocked(slot->lander);
        return errmsg_set(msg, ERR_CORRUPT, "%s",
                          blocked != NULL ? blocked : "the log ends before what was asked for");
    }
    return ERR_OK;
}

static void flush_run(struct writer *w, const struct request *r)
{
    struct errmsg msg = {0};
    struct slot *slot = slot_find_table(w, r->flush.table);
    if (slot == NULL) {
        send_error(w, r->id, ERR_NOT_FOUND, "there is no such table");
        return;
    }
    err e = slot_flush(w, slot, r->flush.ends, r->flush.partition_count, &msg);
    if (e == ERR_OK) {
        send_flushed(w, r->id, lander_versions(slot->lander));
    } else {
        send_error(w, r->id, e, msg.text);
    }
}

static void checkpoint_run(struct writer *w, const struct request *r)
{
    struct errmsg msg = {0};
    struct slot *slot = slot_find_table(w, r->checkpoint.table);
    err e = slot == NULL ? errmsg_set(&msg, ERR_NOT_FOUND, "there is no such table")
                         : lander_checkpoint(slot->lander, &msg);
    if (e == ERR_OK) {
        send_flushed(w, r->id, lander_versions(slot->lander));
    } else {
        send_error(w, r->id, e, msg.text);
    }
}

static void drop_run(struct writer *w, const struct request *r)
{
    struct errmsg msg = {0};
    struct wire_flushed versions = {-1, -1};
    struct slot *slot = slot_find(w, r->drop.topic);
    err e = ERR_OK;
    if (slot == NULL) {
        e = errmsg_set(&msg, ERR_NOT_FOUND, "there is no such topic");
    } else if (r->drop.drop) {
        e = lander_drop_tables(slot->lander, &msg);
    } else {
        e = slot_flush(w, slot, r->drop.ends, r->drop.partition_count, &msg);
        versions = lander_versions(slot->lander);
    }
    if (e != ERR_OK) {
        send_error(w, r->id, e, msg.text);
        return;
    }
    slot_remove(w, slot);
    send_flushed(w, r->id, versions);
}

/* ---- landing thread: imports ---- */

static struct import_target import_target_of(const struct writer *w)
{
    return (struct import_target){.lake_dir = w->lake_dir, .parquet = &w->parquet};
}

static void send_import_error(struct writer *w, uint64_t id, err e, const char *detail)
{
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    struct wire_error error = {str_from(err_name(e)), str_from(detail), -1, NULL};
    wire_error_encode(&error, &out);
    send_or_drop(w, WIRE_ERROR, id, &out);
}

static void table_run(struct writer *w, const struct request *r)
{
    struct errmsg msg = {0};
    struct import_target target = import_target_of(w);
    AUTO(lake_snapshot) snapshot = NULL;
    err e = import_look(&target, &r->import, &snapshot, &msg);
    if (e != ERR_OK) {
        send_import_error(w, r->id, e, msg.text);
        return;
    }
    struct wire_table_is table = {.version = -1};
    bool counts = snapshot != NULL && str_is(r->import.mode, "append");
    const struct lake_metadata *m = counts ? lake_snapshot_metadata(snapshot) : NULL;
    if (m != NULL) {
        table.version = lake_snapshot_version(snapshot);
        table.columns = xnew_array(struct wire_column, m->field_count + 1);
        table.column_count = m->field_count;
        table.partition_columns = (struct str *)(uintptr_t)m->partition_columns;
        table.partition_column_count = m->partition_column_count;
        for (size_t i = 0; i < m->field_count; i++) {
            table.columns[i] = (struct wire_column){m->fields[i].name, m->fields[i].type};
        }
    }
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    wire_table_is_encode(&table, &out);
    free(table.columns);
    send_or_drop(w, WIRE_TABLE_IS, r->id, &out);
}

static void publish_run(struct writer *w, const struct request *r)
{
    struct errmsg msg = {0};
    struct wire_published published = {0};
    struct import_target target = import_target_of(w);
    err e = import_publish(&target, &r->import, &published, &msg);
    w->trimmed = false;
    if (e != ERR_OK) {
        send_import_error(w, r->id, e, msg.text);
        return;
    }
    log_info("imported", "table=%.*s version=%lld rows=%lld", STR_ARGS(r->import.table),
             (long long)published.version, (long long)published.rows);
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    wire_published_encode(&published, &out);
    send_or_drop(w, WIRE_PUBLISHED, r->id, &out);
}

static void request_run(struct writer *w, struct request *r)
{
    switch (r->type) {
    case WIRE_TOPICS:
        topics_apply(w, &r->topics);
        w->topics_applied = r->number;
        break;
    case WIRE_FLUSH:
        flush_run(w, r);
        break;
    case WIRE_CHECKPOINT:
        checkpoint_run(w, r);
        break;
    case WIRE_DROP:
        drop_run(w, r);
        break;
    case WIRE_TABLE:
        table_run(w, r);
        break;
    case WIRE_PUBLISH:
        publish_run(w, r);
        break;
    default:
        break;
    }
}

/* One round of the next topic that is due, in turn. False when none is. */
static bool land_due(struct writer *w)
{
    for (size_t i = 0; i < w->slot_count; i++) {
        size_t index = (w->next_slot + i) % w->slot_count;
        struct slot *slot = w->slots[index];
        int64_t now = now_ms();
        if (now < slot->retry_at_ms || !lander_is_due(slot->lander, now)) {
            continue;
        }
        w->next_slot = index + 1;
        struct errmsg msg = {0};
        bool more = false;
        (void)slot_round(w, slot, NULL, false, &more, &msg); /* kept and told by slot_round */
        return true;
    }
    return false;
}

static void wait_for_work(struct writer *w)
{
    if (!w->trimmed && now_ms() - w->idle_since_ms > TRIM_AFTER_MS) {
        malloc_trim(0); /* a landing's buffers go back to the system once things are quiet */
        w->trimmed = true;
    }
    int64_t until_us = os_now_us() + IDLE_WAIT_MS * 1000;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_mutex_lock(&w->lock);
    if (!w->stop && w->first == NULL && !w->ends_changed) {
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
    }
    pthread_mutex_unlock(&w->lock);
}

static void *landing_main(void *arg)
{
    struct writer *w = arg;
    os_thread_name("landing");
    struct import_target target = import_target_of(w);
    import_recover(&target);
    for (;;) {
        pthread_mutex_lock(&w->lock);
        bool stop = w->stop;
        struct request *r = stop ? NULL : request_pop(w);
        pthread_mutex_unlock(&w->lock);
        if (stop) {
            return NULL;
        }
        if (r != NULL) {
            request_run(w, r);
            request_free(r);
            w->idle_since_ms = now_ms();
            continue;
        }
        ends_apply(w);
        if (land_due(w)) {
            w->idle_since_ms = now_ms();
        } else {
            wait_for_work(w);
        }
    }
}

/* ---- main thread ---- */

/* False on STOP. */
static bool frame_received(struct writer *w, const struct frame *frame)
{
    switch (frame->type) {
    case WIRE_STOP:
        return false;
    case WIRE_ENDS:
        ends_received(w, frame->payload);
        return true;
    default:
        request_push(w, frame);
        return true;
    }
}

static void serve(struct writer *w)
{
    int64_t metrics_at_ms = now_ms() + METRICS_EVERY_MS;
    for (;;) {
        struct frame frame;
        struct errmsg msg = {0};
        int64_t wait_ms = MAX(metrics_at_ms - now_ms(), 0);
        err e = frame_pipe_recv(w->pipe, (int)wait_ms, &frame, &msg);
        if (e == ERR_OK && !frame_received(w, &frame)) {
            return;
        }
        if (e != ERR_OK && e != ERR_TIMEOUT) {
            log_debug("server is gone", "error=%s", err_name(e));
            return;
        }
        if (now_ms() >= metrics_at_ms) {
            send_metrics(w);
            metrics_at_ms = now_ms() + METRICS_EVERY_MS;
        }
    }
}

/* A writer of a server that was killed may be a moment behind it; two must never meet. */
static err lock_writer(const char *run_dir, int *out_fd, struct errmsg *msg)
{
    AUTO_TEXT path = xasprintf("%s/writer.lock", run_dir);
    TRY(os_mkdirs(run_dir, msg));
    err e = os_lock_file(path, out_fd, msg);
    for (int waited_ms = 0; e == ERR_BUSY && waited_ms < LOCK_WAIT_MS; waited_ms += 10) {
        os_sleep_us(10 * 1000);
        e = os_lock_file(path, out_fd, msg);
    }
    return e;
}

static err writer_open(struct writer *w, const char *run_dir, struct errmsg *msg)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* many dates need many open files; else fewer */
    }
    AUTO_TEXT spill = xasprintf("%s/spill-writer", run_dir);
    TRY(os_remove_tree(spill, msg));
    TRY(os_mkdirs(w->bronze_dir, msg));
    struct sql_engine_options options = {
        .memory_bytes = engine_bytes(w->config),
        .temp_dir = spill,
        .temp_bytes_max = w->config->spill_bytes,
    };
    TRY(sql_engine_open(&options, &w->engine, msg));
    TRY(sql_conn_open(w->engine, &w->conn, msg));
    w->parquet = sql_lake_parquet(w->conn);
    return frame_pipe_open(OS_CHILD_FD, &w->pipe, msg);
}

static void writer_close(struct writer *w)
{
    while (w->slot_count > 0) {
        slot_remove(w, w->slots[w->slot_count - 1]);
    }
    for (struct request *r = request_pop(w); r != NULL; r = request_pop(w)) {
        request_free(r);
    }
    for (size_t i = 0; i < w->ends_count; i++) {
        free(w->ends[i]->topic);
        free(w->ends[i]->ends);
        free(w->ends[i]);
    }
    free(w->ends);
    free(w->slots);
    lookup_deinit(&w->ends_by_topic);
    lookup_deinit(&w->slots_by_topic);
    sql_conn_close(w->conn);
    sql_engine_close(w->engine);
    frame_pipe_free(w->pipe);
    free(w->bronze_dir);
    free(w->lake_dir);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wake);
}

static err writer_run(struct writer *w, struct errmsg *msg)
{
    AUTO_TEXT run_dir = xasprintf("%s/run", w->config->data);
    AUTO_FD lock_fd = -1;
    pthread_t landing;
    TRY(lock_writer(run_dir, &lock_fd, msg));
    TRY(writer_open(w, run_dir, msg));
    if (pthread_create(&landing, NULL, landing_main, w) != 0) {
        return errmsg_set(msg, ERR_NOMEM, "no thread");
    }
    serve(w);
    atomic_store(&w->cancel, true);
    sql_conn_interrupt(w->conn);
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(landing, NULL);
    return ERR_OK;
}

static void open_log(const struct config *config)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    enum log_level level = LOG_INFO;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        level = strcmp(config->log_level, levels[i]) == 0 ? (enum log_level)i : level;
    }
    log_init(level, strcmp(config->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT, "writer");
}

int role_writer(const struct config *config)
{
    open_log(config);
    os_process_yield(); /* landing can wait a moment; a question and a sender should not */
    struct writer w = {.config = config};
    struct errmsg msg = {0};
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.wake, NULL);
    w.bronze_dir = xasprintf("%s/lake/bronze", config->data);
    w.lake_dir = xasprintf("%s/lake", config->data);
    err e = writer_run(&w, &msg);
    if (e != ERR_OK) {
        log_error("writer failed", "error=%s detail=\"%s\"", err_name(e), msg.text);
    }
    writer_close(&w);
    return e == ERR_OK ? 0 : 1;
}
