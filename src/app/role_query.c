/* SPDX-License-Identifier: MIT */
/* role_query.c - see role_query.h.
 *
 * A job is a QUERY or an INFO from its frame to its last one. The list of jobs and what they share
 * with the main thread (credit, cancel) are guarded by one leaf lock; a session thread takes a job,
 * works on it without the lock, and frees it. */
#include "app/role_query.h"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "flow/broker.h"
#include "flow/query.h"
#include "net/frame.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"
#include "sql/words.h"

enum {
    JOBS_MAX = 4096,
    TICK_MS = 20,
    PROGRESS_EVERY_US = 200 * 1000,
    METRICS_EVERY_US = 1000 * 1000,
    TRIM_AFTER_US = 2 * 1000 * 1000,
    MEMORY_PERCENT = 35, /* of `memory`: this process's DuckDB, hot rows included */
    HOT_PERCENT = 15,    /* of `memory`: log bytes held as hot rows */
    INFO_BYTES_MAX = 15 << 20,
    RESULTS_EVERY_US = 200 * 1000,
    RESULTS_SOON_US = 20 * 1000, /* while one is written */
};
static const uint64_t address_slack_bytes = 1ULL << 30;
/* What malloc and pthreads reserve of the address space without using it: an arena, a stack. */
static const uint64_t arena_reserve_bytes = 64ULL << 20;
static const uint64_t stack_reserve_bytes = 8ULL << 20;

enum stop_reason { STOP_NONE, STOP_CANCEL, STOP_TIMEOUT };

struct job {
    struct job *next;
    uint16_t type;
    uint64_t id;
    struct wire_query query;
    struct wire_info info;
    int64_t received_us;
    int64_t deadline_us; /* 0: none */
    atomic_bool cancel;
    enum stop_reason reason; /* under the lock, as what follows */
    uint64_t credit;         /* DATA bytes that may go out */
    struct sql_conn *conn;   /* borrowed; NULL: not running */
    int64_t progress_at_us;
    uint64_t bytes_sent;
    struct query_counts counts;
};

struct role {
    const struct config *config;
    char *spill_dir;           /* owned */
    struct frame_pipe *pipe;   /* owned */
    struct sql_engine *engine; /* owned */
    struct catalog *catalog;   /* owned */
    struct results *results;   /* owned */
    struct sql_words *words;   /* owned */
    int pss_fd;                /* owned; -1: none */
    atomic_bool stop;
    atomic_bool warm_cancel;

    pthread_mutex_t lock;
    pthread_cond_t work;    /* a job waits, or it is time to stop */
    pthread_cond_t changed; /* some job has credit, or is to stop */
    pthread_cond_t warm;
    pthread_cond_t ended; /* it is time to stop */
    bool warm_due;
    struct job *waiting; /* owned, oldest first */
    struct job *running; /* owned by their threads */
    size_t job_count;
    int64_t idle_since_us;
    bool is_trimmed;
};

/* ---- frames out ---- */

static void send_error_at(struct role *r, uint64_t id, const char *code, const char *detail,
                          uint32_t position)
{
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    struct wire_error error = {str_from(code), str_from(detail), position, NULL};
    wire_error_encode(&error, &out);
    if (buf_check(&out) == ERR_OK) {
        (void)frame_pipe_send(r->pipe, WIRE_ERROR, 0, id, buf_str(&out)); /* gone: main sees it */
    }
}

static void send_error(struct role *r, uint64_t id, const char *code, const char *detail)
{
    send_error_at(r, id, code, detail, 0);
}

struct sink {
    struct role *role;
    struct job *job;
};

static err send_head(void *ctx, struct str content_type, struct errmsg *msg)
{
    struct sink *sink = ctx;
    AUTO_BUF out = buf_make(64 << 10);
    struct wire_head head = {.content_type = content_type};
    wire_head_encode(&head, &out);
    TRY(buf_check(&out));
    err e = frame_pipe_send(sink->role->pipe, WIRE_HEAD, 0, sink->job->id, buf_str(&out));
    return e == ERR_OK ? e : errmsg_set(msg, e, "the server is gone");
}

/* Waits for credit; *out_len is what may go out now. */
static err take_credit(struct role *r, struct job *job, size_t wanted, size_t *out_len,
                       struct errmsg *msg)
{
    (void)pthread_mutex_lock(&r->lock); /* cannot fail: a plain lock */
    while (job->credit == 0 && !atomic_load(&job->cancel)) {
        (void)pthread_cond_wait(&r->changed, &r->lock);
    }
    size_t len = (size_t)MIN((uint64_t)wanted, job->credit);
    len = MIN(len, (size_t)WIRE_DATA_BYTES_MAX);
    job->credit -= len;
    job->bytes_sent += len;
    (void)pthread_mutex_unlock(&r->lock);
    if (atomic_load(&job->cancel)) {
        return errmsg_set(msg, ERR_CANCELLED, "the query was cancelled");
    }
    *out_len = len;
    return ERR_OK;
}

static err send_data(void *ctx, struct str bytes, struct errmsg *msg)
{
    struct sink *sink = ctx;
    while (bytes.len > 0) {
        size_t len = 0;
        TRY(take_credit(sink->role, sink->job, bytes.len, &len, msg));
        err e =
            frame_pipe_send(sink->role->pipe, WIRE_DATA, 0, sink->job->id, str_of(bytes.ptr, len));
        if (e != ERR_OK) {
            return errmsg_set(msg, e, "the server is gone");
        }
        bytes = str_of(bytes.ptr + len, bytes.len - len);
    }
    return ERR_OK;
}

static void send_done(struct role *r, uint64_t id, const struct wire_done *done)
{
    AUTO_BUF out = buf_make(4096);
    wire_done_encode(done, &out);
    (void)frame_pipe_send(r->pipe, WIRE_DONE, 0, id, buf_str(&out)); /* gone: main sees it */
}

/* ---- jobs ---- */

static void job_free(struct job *job)
{
    wire_query_deinit(&job->query);
    wire_info_deinit(&job->info);
    free(job);
}

/* Under the lock. */
static void job_stop(struct role *r, struct job *job, enum stop_reason reason)
{
    if (job->reason != STOP_NONE) {
        return;
    }
    job->reason = reason;
    atomic_store(&job->cancel, true);
    if (job->conn != NULL) {
        sql_conn_interrupt(job->conn);
    }
    (void)pthread_cond_broadcast(&r->changed);
}

static void report_failure(struct role *r, struct job *job, err e, const char *code,
                           const struct errmsg *msg)
{
    (void)pthread_mutex_lock(&r->lock);
    enum stop_reason reason = job->reason;
    (void)pthread_mutex_unlock(&r->lock);
    if (reason == STOP_TIMEOUT) {
        send_error(r, job->id, "query_timeout",
                   "the query took longer than its timeout_ms (where it says none, the server's "
                   "query_timeout); raise it, or ask for less");
        return;
    }
    if (reason == STOP_CANCEL) {
        send_error(r, job->id, "query_cancelled", "the query was cancelled");
        return;
    }
    if (strcmp(code, "internal") == 0 || strcmp(code, "log_damaged") == 0) {
        log_warn("a query failed", "id=%llu code=%s error=%s detail=\"%s\"",
                 (unsigned long long)job->id, code, err_name(e), msg->text);
    }
    send_error_at(r, job->id, code, msg->text, msg->position);
}

static void run_query(struct role *r, struct catalog_session *session, struct job *job)
{
    struct sink sink = {r, job};
    struct query_output output = {.ctx = &sink, .head = send_head, .data = send_data};
    struct query_options options = {
        .query = &job->query,
        .started_us = job->received_us,
        .cancel = &job->cancel,
        .counts = &job->counts,
        .scratch_dir = r->spill_dir,
        .results = r->results,
    };
    struct wire_done done = {0};
    struct errmsg msg = {0};
    const char *code = "internal";
    err e = query_run(session, &options, &output, &done, &code, &msg);
    if (e == ERR_OK) {
        metric_observe_us(metric_get(METRIC_HISTOGRAM, "tarn_query_seconds", NULL,
                                     "Time from a statement's arrival to the end of its answer."),
                          (uint64_t)done.elapsed_us);
        send_done(r, job->id, &done);
    } else {
        report_failure(r, job, e, code, &msg);
    }
}

static err answer_info(struct role *r, struct sql_conn *conn, struct job *job, struct buf *out,
                       struct errmsg *msg)
{
    struct str what = job->info.what;
    if (str_is(what, "words")) {
        return sql_words_write(r->words, conn, out, msg);
    }
    if (str_is(what, "results")) {
        results_list(r->results, out);
        return buf_check(out);
    }
    if (str_is(what, "drop_result")) {
        buf_puts(out, "{\"deleted\":true}");
        return results_drop(r->results, job->info.table, msg);
    }
    return catalog_info(r->catalog, &job->info, &job->cancel, out, msg);
}

static const char *info_code(const struct job *job, err e)
{
    return e == ERR_NOT_FOUND && str_is(job->info.what, "drop_result") ? "result_gone"
           : e == ERR_NOT_FOUND                                        ? "table_not_found"
           : e == ERR_UNSUPPORTED                                      ? "unsupported"
           : e == ERR_INVALID                                          ? "invalid"
                                                                       : "internal";
}

static void run_info(struct role *r, struct sql_conn *conn, struct job *job)
{
    struct sink sink = {r, job};
    struct errmsg msg = {0};
    AUTO_BUF out = buf_make(INFO_BYTES_MAX);
    err e = answer_info(r, conn, job, &out, &msg);
    if (e == ERR_OK) {
        e = send_head(&sink, STR("application/json"), &msg);
    }
    if (e == ERR_OK) {
        e = send_data(&sink, buf_str(&out), &msg);
    }
    struct wire_done done = {.rows = 1, .elapsed_us = os_mono_us() - job->received_us};
    if (e == ERR_OK) {
        send_done(r, job->id, &done);
    } else {
        report_failure(r, job, e, info_code(job, e), &msg);
    }
}

/* ---- session threads ---- */

static bool is_light(const struct job *job)
{
    return job->type == WIRE_INFO || wire_query_is_light(&job->query);
}

/* Under the lock: where the oldest job hangs that may be taken; NULL: none. */
static struct job **find_waiting(struct role *r, bool light_only)
{
    struct job **at = &r->waiting;
    while (*at != NULL && light_only && !is_light(*at)) {
        at = &(*at)->next;
    }
    return *at == NULL ? NULL : at;
}

static struct job *next_job(struct role *r, struct sql_conn *conn, bool light_only)
{
    struct job **at = NULL;
    (void)pthread_mutex_lock(&r->lock);
    while ((at = find_waiting(r, light_only)) == NULL && !atomic_load(&r->stop)) {
        (void)pthread_cond_wait(&r->work, &r->lock);
    }
    struct job *job = at == NULL || atomic_load(&r->stop) ? NULL : *at;
    if (job != NULL) {
        *at = job->next;
        job->next = r->running;
        r->running = job;
        sql_conn_interrupt_reset(conn);
        job->conn = conn;
        if (job->reason != STOP_NONE) {
            sql_conn_interrupt(conn);
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return job;
}

/* Under the lock: one job less. */
static void count_out(struct role *r)
{
    r->job_count--;
    if (r->job_count == 0) {
        r->idle_since_us = os_mono_us();
        r->is_trimmed = false;
    }
}

static void end_job(struct role *r, struct job *job)
{
    (void)pthread_mutex_lock(&r->lock);
    struct job **at = &r->running;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    count_out(r);
    (void)pthread_mutex_unlock(&r->lock);
    job_free(job);
}

static void *serve_jobs(struct role *r, bool light_only)
{
    struct errmsg msg = {0};
    AUTO(catalog_session) session = NULL;
    if (catalog_session_open(r->catalog, &session, &msg) != ERR_OK) {
        log_error("a session could not be opened", "error=\"%s\"", msg.text);
        return NULL;
    }
    struct sql_conn *conn = catalog_session_conn(session);
    for (;;) {
        struct job *job = next_job(r, conn, light_only);
        if (job == NULL) {
            return NULL;
        }
        if (job->type == WIRE_QUERY) {
            run_query(r, session, job);
        } else {
            run_info(r, conn, job);
        }
        end_job(r, job);
    }
}

static void *session_main(void *arg)
{
    os_thread_name("session");
    return serve_jobs(arg, false);
}

/* What tables there are, and rows of a stored result, come also while every session is busy with a
 * long question. */
static void *light_main(void *arg)
{
    os_thread_name("light");
    return serve_jobs(arg, true);
}

/* Keeps stored results within their bounds. */
static void *results_main(void *arg)
{
    struct role *r = arg;
    os_thread_name("results");
    bool is_soon = false;
    while (!atomic_load(&r->stop)) {
        int64_t until_us = os_mono_us() + (is_soon ? RESULTS_SOON_US : RESULTS_EVERY_US);
        struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
        (void)pthread_mutex_lock(&r->lock);
        if (!atomic_load(&r->stop)) {
            (void)pthread_cond_clockwait(&r->ended, &r->lock, CLOCK_MONOTONIC, &until);
        }
        (void)pthread_mutex_unlock(&r->lock);
        is_soon = results_tick(r->results);
    }
    return NULL;
}

static void *warm_main(void *arg)
{
    struct role *r = arg;
    os_thread_name("warm");
    for (;;) {
        (void)pthread_mutex_lock(&r->lock);
        while (!r->warm_due && !atomic_load(&r->stop)) {
            (void)pthread_cond_wait(&r->warm, &r->lock);
        }
        r->warm_due = false;
        (void)pthread_mutex_unlock(&r->lock);
        if (atomic_load(&r->stop)) {
            return NULL;
        }
        catalog_warm(r->catalog, &r->warm_cancel);
    }
}

/* ---- frames in ---- */

static struct job *find_job(struct role *r, uint64_t id)
{
    struct job *lists[] = {r->running, r->waiting};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct job *job = lists[i]; job != NULL; job = job->next) {
            if (job->id == id) {
                return job;
            }
        }
    }
    return NULL;
}

static err add_job(struct role *r, const struct frame *f, struct errmsg *msg)
{
    struct job *job = xnew(struct job);
    job->type = f->type;
    job->id = f->id;
    job->received_us = os_mono_us();
    job->progress_at_us = job->received_us + PROGRESS_EVERY_US;
    err e = f->type == WIRE_QUERY ? wire_query_decode(f->payload, &job->query, msg)
                                  : wire_info_decode(f->payload, &job->info, msg);
    if (e != ERR_OK) {
        free(job);
        return e;
    }
    job->credit = f->type == WIRE_QUERY ? job->query.credit_bytes : UINT64_MAX;
    job->deadline_us =
        job->query.timeout_ms > 0 ? job->received_us + job->query.timeout_ms * 1000 : 0;
    (void)pthread_mutex_lock(&r->lock);
    bool full = r->job_count >= JOBS_MAX;
    if (!full) {
        struct job **tail = &r->waiting;
        while (*tail != NULL) {
            tail = &(*tail)->next;
        }
        *tail = job;
        r->job_count++;
        (void)pthread_cond_broadcast(&r->work);
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (full) {
        send_error(r, f->id, "internal", "too many statements wait in the query process");
        job_free(job);
    }
    return ERR_OK;
}

static err on_credit(struct role *r, const struct frame *f, struct errmsg *msg)
{
    uint64_t bytes = 0;
    TRY(wire_credit_decode(f->payload, &bytes, msg));
    (void)pthread_mutex_lock(&r->lock);
    struct job *job = find_job(r, f->id);
    if (job != NULL) {
        job->credit = bytes > UINT64_MAX - job->credit ? UINT64_MAX : job->credit + bytes;
        (void)pthread_cond_broadcast(&r->changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return ERR_OK;
}

static void on_cancel(struct role *r, uint64_t id)
{
    (void)pthread_mutex_lock(&r->lock);
    struct job *job = find_job(r, id);
    if (job != NULL) {
        job_stop(r, job, STOP_CANCEL);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

static void wake_warm(struct role *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->warm_due = true;
    (void)pthread_cond_signal(&r->warm);
    (void)pthread_mutex_unlock(&r->lock);
}

static err take_frame(struct role *r, const struct frame *f, struct errmsg *msg)
{
    struct wire_topics topics = {0};
    struct wire_ends ends = {0};
    struct wire_progress progress = {0};
    switch (f->type) {
    case WIRE_TOPICS:
        TRY(wire_topics_decode(f->payload, &topics, msg));
        catalog_set_topics(r->catalog, &topics);
        wire_topics_deinit(&topics);
        return ERR_OK;
    case WIRE_ENDS:
        TRY(wire_ends_decode(f->payload, &ends, msg));
        catalog_set_ends(r->catalog, &ends);
        wire_ends_deinit(&ends);
        wake_warm(r);
        return ERR_OK;
    case WIRE_PROGRESS:
        TRY(wire_progress_decode(f->payload, &progress, msg));
        catalog_set_progress(r->catalog, &progress);
        wire_progress_deinit(&progress);
        wake_warm(r);
        return ERR_OK;
    case WIRE_QUERY:
    case WIRE_INFO:
        return add_job(r, f, msg);
    case WIRE_CREDIT:
        return on_credit(r, f, msg);
    case WIRE_CANCEL:
        on_cancel(r, f->id);
        return ERR_OK;
    default:
        return errmsg_set(msg, ERR_INVALID, "unexpected message %u", f->type);
    }
}

/* ---- what is due ---- */

struct progress_note {
    uint64_t id;
    struct wire_query_progress progress;
};

/* Deadlines, and the notes on progress that are due; at most `max`. */
static size_t look_at_jobs(struct role *r, struct progress_note *notes, size_t max)
{
    int64_t now_us = os_mono_us();
    size_t count = 0;
    (void)pthread_mutex_lock(&r->lock);
    struct job *lists[] = {r->running, r->waiting};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct job *job = lists[i]; job != NULL; job = job->next) {
            if (job->deadline_us > 0 && now_us >= job->deadline_us) {
                job_stop(r, job, STOP_TIMEOUT);
            }
            if (job->conn == NULL || job->type != WIRE_QUERY || now_us < job->progress_at_us ||
                count == max) {
                continue;
            }
            job->progress_at_us = now_us + PROGRESS_EVERY_US;
            struct sql_progress p = sql_conn_progress(job->conn);
            uint64_t bytes = atomic_load(&job->counts.bytes_total);
            notes[count++] = (struct progress_note){
                job->id,
                {.percent = p.percent,
                 .rows = (int64_t)atomic_load(&job->counts.rows),
                 .bytes_read = p.percent > 0 ? (int64_t)((double)bytes * p.percent / 100) : 0,
                 .bytes_total = (int64_t)bytes,
                 .rows_read = (int64_t)MIN(p.rows_done, (uint64_t)INT64_MAX),
                 .rows_total = (int64_t)MIN(p.rows_total, (uint64_t)INT64_MAX)},
            };
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return count;
}

/* Under the lock: a job that was stopped before anybody took it; NULL: none. */
static struct job *take_stopped(struct role *r)
{
    struct job **at = &r->waiting;
    while (*at != NULL && (*at)->reason == STOP_NONE) {
        at = &(*at)->next;
    }
    struct job *job = *at;
    if (job != NULL) {
        *at = job->next;
        count_out(r);
    }
    return job;
}

/* Answers those at once: they need no thread, and all may be busy for longer than the server waits
 * for a stopped statement before it ends this process. */
static void answer_stopped(struct role *r)
{
    for (;;) {
        struct errmsg msg = {0};
        (void)pthread_mutex_lock(&r->lock);
        struct job *job = take_stopped(r);
        (void)pthread_mutex_unlock(&r->lock);
        if (job == NULL) {
            return;
        }
        report_failure(r, job, ERR_CANCELLED, "query_cancelled", &msg);
        job_free(job);
    }
}

static void send_progress(struct role *r)
{
    struct progress_note notes[64];
    size_t count = look_at_jobs(r, notes, ARRAY_LEN(notes));
    for (size_t i = 0; i < count; i++) {
        AUTO_BUF out = buf_make(4096);
        wire_query_progress_encode(&notes[i].progress, &out);
        (void)frame_pipe_send(r->pipe, WIRE_PROGRESS_Q, 0, notes[i].id, buf_str(&out));
    }
}

static void send_metrics(struct role *r)
{
    const struct {
        const char *kind;
        uint64_t value;
    } rows[] = {
        {"memory", sql_engine_memory_bytes(r->engine)},
        {"temp", sql_engine_temp_bytes(r->engine)},
        {"hot_log", catalog_hot_bytes(r->catalog)},
        {"results", results_bytes(r->results)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_TEXT labels = xasprintf("role=\"query\",kind=\"%s\"", rows[i].kind);
        metric_set(metric_get(METRIC_GAUGE, "tarn_engine_bytes", labels, "Held by the SQL engine"),
                   (int64_t)rows[i].value);
    }
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    wire_metrics_encode(os_pss_bytes(r->pss_fd), &out);
    if (buf_check(&out) == ERR_OK) {
        (void)frame_pipe_send(r->pipe, WIRE_METRICS, 0, 0, buf_str(&out)); /* gone: main sees it */
    }
}

/* Gives memory back to the system once nothing has run for a while. */
static void trim_when_idle(struct role *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool due =
        r->job_count == 0 && !r->is_trimmed && os_mono_us() - r->idle_since_us > TRIM_AFTER_US;
    r->is_trimmed = r->is_trimmed || due;
    (void)pthread_mutex_unlock(&r->lock);
    if (due) {
        (void)malloc_trim(0);
    }
}

static bool is_busy(struct role *r)
{
    (void)pthread_mutex_lock(&r->lock);
    bool busy = r->job_count > 0;
    (void)pthread_mutex_unlock(&r->lock);
    return busy;
}

/* Until STOP, or until the server is gone. */
static void main_loop(struct role *r)
{
    int64_t metrics_at_us = os_mono_us();
    for (;;) {
        struct frame f;
        struct errmsg msg = {0};
        int64_t left_ms = MAX((metrics_at_us - os_mono_us()) / 1000, 0) + 1;
        int wait_ms = is_busy(r) ? TICK_MS : (int)left_ms;
        err e = frame_pipe_recv(r->pipe, wait_ms, &f, &msg);
        if (e == ERR_OK && f.type == WIRE_STOP) {
            return;
        }
        if (e == ERR_OK) {
            e = take_frame(r, &f, &msg);
            if (e != ERR_OK) {
                log_error("message refused", "type=%s detail=\"%s\"", wire_type_name(f.type),
                          msg.text);
                if (f.id != 0) {
                    send_error(r, f.id, "invalid", msg.text);
                }
            }
        } else if (e != ERR_TIMEOUT) {
            log_debug("the server is gone", "error=%s", err_name(e));
            return;
        }
        send_progress(r);
        answer_stopped(r);
        if (os_mono_us() >= metrics_at_us) {
            send_metrics(r);
            trim_when_idle(r);
            wake_warm(r); /* also to let go of what nobody asks about any more */
            metrics_at_us = os_mono_us() + METRICS_EVERY_US;
        }
    }
}

/* ---- start and stop ---- */

static unsigned processors(void)
{
    return (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
}

static size_t session_threads(const struct role *r)
{
    return (size_t)r->config->query_concurrency + BROKER_SLOW_MAX;
}

/* The bound on the address space is the wall against what DuckDB's own bound does not see. By
 * itself malloc makes eight arenas for each processor, reserves 64 MiB for each of them, and
 * keeps in each what was freed there: that would take the space of what statements may use. */
static uint64_t bound_address_space(const struct role *r)
{
    unsigned arenas = MAX(processors(), 4U);
    size_t threads = session_threads(r) + BROKER_LIGHT_THREADS + processors() + 4;
    (void)mallopt(M_ARENA_MAX, (int)arenas); /* 0 would be another malloc, with its own ways */
    return r->config->memory + address_slack_bytes + arenas * arena_reserve_bytes +
           threads * stack_reserve_bytes;
}

static err open_engine(struct role *r, const char *data_dir, struct errmsg *msg)
{
    AUTO_TEXT lake = xasprintf("%s/lake", data_dir);
    AUTO_TEXT topics = xasprintf("%s/topics", data_dir);
    TRY(os_mkdirs(lake, msg));
    AUTO_TEXT files = xasprintf("%s/files", data_dir);
    TRY(os_mkdirs(topics, msg));
    TRY(os_mkdirs(files, msg));
    r->spill_dir = xasprintf("%s/run/spill", data_dir);
    TRY(os_empty_dir(r->spill_dir, msg));
    const char *read_dirs[] = {lake, topics, files};
    uint64_t memory = r->config->memory;
    struct sql_engine_options options = {
        .memory_bytes = memory / 100 * MEMORY_PERCENT,
        .address_bytes = bound_address_space(r),
        .temp_dir = r->spill_dir,
        .temp_bytes_max = MAX(r->config->spill_bytes, (uint64_t)1 << 20),
        .connections = (unsigned)MIN(2 * r->config->query_concurrency + BROKER_SLOW_MAX + 16,
                                     (uint64_t)SQL_CONNECTIONS_MAX),
        .file_bytes_max = MAX(r->config->spill_bytes, 2 * r->config->result_bytes_max),
        .walls = SQL_WALLS,
        .read_dirs = read_dirs,
        .read_dir_count = ARRAY_LEN(read_dirs),
        .files_max = 4096,
    };
    err e = sql_engine_open(&options, &r->engine, msg);
    if (e == ERR_UNSUPPORTED) {
        log_warn("this kernel cannot confine the query process", "error=\"%s\"", msg->text);
        options.walls = SQL_WALL_INNER;
        e = sql_engine_open(&options, &r->engine, msg);
    }
    metric_set(metric_get(METRIC_GAUGE, "tarn_query_confined", NULL,
                          "1 when the kernel confines the query process; health reads it too."),
               options.walls == SQL_WALLS);
    return e;
}

static err role_open(struct role *r, struct errmsg *msg)
{
    char *data_dir = realpath(r->config->data, NULL);
    AUTO_TEXT owned = data_dir;
    if (data_dir == NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "no folder %s", r->config->data);
    }
    TRY(frame_pipe_open(OS_CHILD_FD, &r->pipe, msg));
    r->pss_fd = os_pss_open(); /* the walls of the engine leave no way to it */
    TRY(open_engine(r, data_dir, msg));
    if (chdir(data_dir) != 0) { /* plans and messages then name files from here on */
        return errmsg_set(msg, ERR_IO, "cannot work in %s", data_dir);
    }
    struct catalog_options options = {
        .engine = r->engine,
        .data_dir = ".",
        .hot_bytes_max = r->config->memory / 100 * HOT_PERCENT,
        .threads = processors(),
    };
    TRY(catalog_new(&options, &r->catalog, msg));
    r->words = sql_words_new();
    r->results = results_new(&(struct results_options){
        .engine = r->engine,
        .dir = r->spill_dir,
        .count_max = (uint32_t)r->config->results_max,
        .bytes_max = r->config->result_bytes_max,
        .age_ms = (int64_t)r->config->result_age,
    });
    return ERR_OK;
}

/* Lets every thread end; statements that run are stopped. */
static void stop_all(struct role *r)
{
    atomic_store(&r->stop, true);
    atomic_store(&r->warm_cancel, true);
    (void)pthread_mutex_lock(&r->lock);
    for (struct job *job = r->running; job != NULL; job = job->next) {
        job_stop(r, job, STOP_CANCEL);
    }
    (void)pthread_cond_broadcast(&r->work);
    (void)pthread_cond_broadcast(&r->warm);
    (void)pthread_cond_broadcast(&r->ended);
    (void)pthread_mutex_unlock(&r->lock);
}

static err role_run(struct role *r, struct errmsg *msg)
{
    static void *(*const others[])(void *) = {warm_main, results_main, light_main, light_main};
    _Static_assert(ARRAY_LEN(others) - 2 == BROKER_LIGHT_THREADS, "as the broker counts on");
    size_t wanted = session_threads(r) + ARRAY_LEN(others);
    pthread_t *threads = xnew_array(pthread_t, wanted);
    size_t started = 0;
    err e = ERR_OK;
    for (; started < wanted && e == ERR_OK; started++) {
        void *(*body)(void *) = started < ARRAY_LEN(others) ? others[started] : session_main;
        if (pthread_create(&threads[started], NULL, body, r) != 0) {
            e = errmsg_set(msg, ERR_NOMEM, "cannot start a thread");
            break;
        }
    }
    if (e == ERR_OK) {
        main_loop(r);
    }
    stop_all(r);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL); /* joinable, joined once */
    }
    free(threads);
    return e;
}

static void role_close(struct role *r)
{
    while (r->waiting != NULL) {
        struct job *job = r->waiting;
        r->waiting = job->next;
        job_free(job);
    }
    results_free(r->results);
    sql_words_free(r->words);
    catalog_free(r->catalog);
    sql_engine_close(r->engine);
    frame_pipe_free(r->pipe);
    free(r->spill_dir);
    os_close(r->pss_fd);
}

static void open_log(const struct config *config)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    enum log_level level = LOG_INFO;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        level = strcmp(config->log_level, names[i]) == 0 ? (enum log_level)i : level;
    }
    log_init(level, strcmp(config->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT, "query");
}

int role_query(const struct config *config)
{
    open_log(config);
    struct role r = {.config = config, .pss_fd = -1, .idle_since_us = os_mono_us()};
    struct errmsg msg = {0};
    (void)pthread_mutex_init(&r.lock, NULL); /* none can fail with default attributes */
    (void)pthread_cond_init(&r.work, NULL);
    (void)pthread_cond_init(&r.changed, NULL);
    (void)pthread_cond_init(&r.warm, NULL);
    (void)pthread_cond_init(&r.ended, NULL);
    err e = role_open(&r, &msg);
    if (e == ERR_OK) {
        e = role_run(&r, &msg);
    }
    if (e != ERR_OK) {
        log_error("the query process failed", "error=%s detail=\"%s\"", err_name(e), msg.text);
    }
    role_close(&r);
    return e == ERR_OK ? 0 : 1;
}
