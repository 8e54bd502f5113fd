/* SPDX-License-Identifier: MIT */
/* importer.c - see importer.h. */
#include "flow/importer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "flow/import_publish.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"

enum {
    QUEUE_BYTES_MAX = 1 << 20, /* of a file's bytes on their way to the job */
    REAP_EVERY_US = 10 * 1000,
    REAP_AT_END_MS = 2000,
};

enum import_state {
    IMPORT_WAITING,
    IMPORT_CHECKING,
    IMPORT_RECEIVING,
    IMPORT_READING,
    IMPORT_PUBLISHING,
    IMPORT_DONE,
    IMPORT_FAILED,
    IMPORT_CANCELLED,
};
static const char *const state_names[] = {"waiting",    "checking", "receiving", "reading",
                                          "publishing", "done",     "failed",    "cancelled"};

struct import {
    struct import *next; /* newest first */
    struct importer *im;
    struct uuid_text id;
    enum import_state state;
    char *table; /* owned, as all texts */
    char *mode;
    char *file;
    struct wire_job job; /* its texts are the next ones */
    char *dir;
    char *format;
    char *coding;
    char *types;
    char *delimiter;
    char *quote;
    struct import_events events;
    void *ctx; /* NULL with no events: abandoned */
    bool has_owner;
    bool owes_end; /* DATA_END found no room */
    uint64_t ask;  /* of the writer; 0: none */
    pid_t pid;     /* 0: none */
    struct frame_channel *channel;
    struct wire_imported imported;
    struct wire_published published;
    uint64_t bytes;
    double percent;
    int64_t started_ms; /* wall clock */
    int64_t started_us;
    int64_t ended_us;
    char *code; /* NULL: no error */
    char *detail;
};

/* A process that must end, and the folder that goes with it: its files may be of many GiB, which
 * the kernel takes seconds to let go of, so that a thread does it. */
struct remains {
    struct remains *next;
    pid_t pid; /* 0: it has ended */
    char *dir; /* owned */
    pthread_t thread;
    bool has_thread;
    atomic_bool is_removed;
};

struct importer {
    struct importer_options options;
    char *data_dir; /* owned */
    char *work_dir; /* owned: <data>/lake/_imports */
    struct import *imports;
    struct remains *remains;
    struct reactor_timer reaper;
    uint32_t active; /* slots taken: from CHECKING until the process is reaped */
    struct metric *counts[3];
    struct metric *rows;
};

#define IMPORTER_OF_TIMER(t) (struct importer *)((char *)(t)-offsetof(struct importer, reaper))

static void start_waiting(struct importer *im);

static bool has_ended(const struct import *x)
{
    return x->state >= IMPORT_DONE;
}

/* ---- ends ---- */

static void import_destroy(struct import *x)
{
    free(x->table);
    free(x->mode);
    free(x->file);
    free(x->dir);
    free(x->format);
    free(x->coding);
    free(x->types);
    free(x->delimiter);
    free(x->quote);
    free(x->code);
    free(x->detail);
    wire_imported_deinit(&x->imported);
    free(x);
}

static void remove_dir(struct remains *r)
{
    (void)os_remove_tree(r->dir, NULL); /* else at the next start */
    atomic_store(&r->is_removed, true);
}

static void *remove_main(void *arg)
{
    os_thread_name("tarn-remove");
    remove_dir(arg);
    return NULL;
}

/* One step further; true when nothing is left of it. */
static bool is_gone(struct remains *r)
{
    int status = 0;
    if (r->pid > 0 && !os_child_ended(r->pid, &status)) {
        return false;
    }
    r->pid = 0;
    if (!r->has_thread && !atomic_load(&r->is_removed)) {
        r->has_thread = pthread_create(&r->thread, NULL, remove_main, r) == 0;
        if (!r->has_thread) {
            remove_dir(r); /* no thread can be had: then here */
        }
    }
    return atomic_load(&r->is_removed);
}

static void remains_free(struct remains *r)
{
    if (r->has_thread) {
        (void)pthread_join(r->thread, NULL); /* joined once */
    }
    free(r->dir);
    free(r);
}

static void on_reap_due(struct reactor_timer *timer)
{
    struct importer *im = IMPORTER_OF_TIMER(timer);
    struct remains **at = &im->remains;
    bool freed = false;
    while (*at != NULL) {
        struct remains *r = *at;
        if (!is_gone(r)) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        remains_free(r);
        im->active--;
        freed = true;
    }
    if (im->remains != NULL) {
        reactor_timer_set_us(im->options.reactor, timer, os_mono_us() + REAP_EVERY_US);
    }
    if (freed) {
        start_waiting(im);
    }
}

/* Ends the process; its folder and its slot go when it is gone. */
static void let_go(struct import *x)
{
    struct importer *im = x->im;
    frame_channel_close(x->channel);
    x->channel = NULL;
    os_kill(x->pid, SIGKILL);
    struct remains *r = xnew(struct remains);
    r->next = im->remains;
    r->pid = x->pid;
    r->dir = xstrdup(x->dir);
    im->remains = r;
    x->pid = 0;
    reactor_timer_set_us(im->options.reactor, &im->reaper, os_mono_us() + 1);
}

/* Ended imports beyond the number kept are forgotten, oldest first. */
static void forget_old(struct importer *im)
{
    size_t kept = 0;
    struct import **at = &im->imports;
    while (*at != NULL) {
        struct import *x = *at;
        kept += has_ended(x);
        if (has_ended(x) && kept > IMPORTER_KEPT) {
            *at = x->next;
            import_destroy(x);
        } else {
            at = &x->next;
        }
    }
}

static void end(struct import *x, enum import_state state, const char *code, const char *detail)
{
    struct importer *im = x->im;
    bool had_slot = x->state != IMPORT_WAITING;
    struct import_events events = x->events;
    bool has_owner = x->has_owner;
    if (x->ask != 0) {
        writer_link_forget(im->options.writer, x->ask);
        x->ask = 0;
    }
    x->state = state;
    x->ended_us = os_mono_us();
    x->has_owner = false;
    x->code = code == NULL ? NULL : xstrdup(code);
    x->detail = detail == NULL ? NULL : xstrdup(detail);
    if (had_slot) {
        let_go(x);
    }
    metric_add(im->counts[state - IMPORT_DONE], 1);
    if (state == IMPORT_DONE) {
        metric_add(im->rows, x->imported.rows);
    } else {
        log_info("an import ended", "id=%s table=%s state=%s code=%s detail=\"%s\"", x->id.text,
                 x->table, state_names[state], code, detail);
    }
    struct import_result result = {.table = str_from(x->table),
                                   .imported = &x->imported,
                                   .published = x->published,
                                   .elapsed_ms = (x->ended_us - x->started_us) / 1000};
    if (has_owner && state == IMPORT_DONE) {
        events.on_done(x->ctx, &result);
    } else if (has_owner) {
        events.on_error(x->ctx, code, detail);
    }
    forget_old(im);
}

static void fail(struct import *x, const char *code, const char *detail)
{
    end(x, IMPORT_FAILED, code, detail);
}

/* ---- the writer's answers ---- */

static void on_published(void *ctx, const char *code, const char *detail, struct str payload)
{
    struct import *x = ctx;
    struct errmsg msg = {0};
    x->ask = 0;
    if (code != NULL) {
        fail(x, code, detail);
    } else if (wire_published_decode(payload, &x->published, &msg) != ERR_OK) {
        fail(x, "internal", msg.text);
    } else {
        end(x, IMPORT_DONE, NULL, NULL);
    }
}

static err check_topic(const struct importer *im, struct str table, struct errmsg *msg)
{
    struct topic *t = topic_store_find_table(im->options.store, table);
    return t == NULL
               ? ERR_OK
               : errmsg_set(msg, ERR_CONFLICT,
                            "the table \"%.*s\" belongs to the topic \"%s\", which alone writes "
                            "it; send events there (--topic), or choose another name",
                            STR_ARGS(table), topic_meta_of(t)->name);
}

static uint64_t ask_writer(struct import *x, uint16_t type, writer_answer_fn done)
{
    struct wire_import import = {.id = str_from(x->id.text),
                                 .table = str_from(x->table),
                                 .mode = str_from(x->mode),
                                 .dir = str_from(x->dir)};
    AUTO_BUF payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    wire_import_encode(&import, &payload);
    return writer_link_ask(x->im->options.writer, type, buf_str(&payload), done, x);
}

static void publish(struct import *x)
{
    struct errmsg msg = {0};
    if (check_topic(x->im, str_from(x->table), &msg) != ERR_OK) {
        fail(x, "table_belongs_to_topic", msg.text); /* made while the file was read */
        return;
    }
    x->state = IMPORT_PUBLISHING;
    x->percent = 100;
    x->ask = ask_writer(x, WIRE_PUBLISH, on_published);
}

/* ---- the job ---- */

static void on_job_error(struct import *x, struct str payload)
{
    struct wire_error error = {0};
    struct errmsg msg = {0};
    if (wire_error_decode(payload, &error, &msg) != ERR_OK) {
        fail(x, "internal", msg.text);
        return;
    }
    AUTO_TEXT code = xstrndup(error.code.ptr, error.code.len);
    AUTO_TEXT detail = xstrndup(error.detail.ptr, error.detail.len);
    wire_error_deinit(&error);
    fail(x, code, detail);
}

static void on_frame(void *ctx, const struct frame *f)
{
    struct import *x = ctx;
    struct errmsg msg = {0};
    struct wire_query_progress progress = {0};
    switch (f->type) {
    case WIRE_PROGRESS_Q:
        if (wire_query_progress_decode(f->payload, &progress, &msg) == ERR_OK) {
            x->percent = progress.percent;
        }
        return;
    case WIRE_IMPORTED:
        if (x->state != IMPORT_READING) {
            fail(x, "internal", "the import's process answered before the file had ended");
        } else if (wire_imported_decode(f->payload, &x->imported, &msg) != ERR_OK) {
            fail(x, "internal", msg.text);
        } else {
            publish(x);
        }
        return;
    case WIRE_ERROR:
        on_job_error(x, f->payload);
        return;
    default:
        fail(x, "internal", "the import's process sent something else");
    }
}

static void on_closed(void *ctx, err why, const char *detail)
{
    struct import *x = ctx;
    (void)why;
    (void)detail;
    frame_channel_close(x->channel);
    x->channel = NULL;
    if (x->state == IMPORT_RECEIVING || x->state == IMPORT_READING) {
        fail(x, "import_crashed",
             "the process that read the file ended before it was done; the table is as before. The "
             "file may need more memory than import_memory allows");
    }
}

static void send_end(struct import *x)
{
    x->owes_end =
        x->channel != NULL && frame_send(x->channel, WIRE_DATA_END, 0, 0, STR("")) == ERR_LIMIT;
}

static void on_writable(void *ctx)
{
    struct import *x = ctx;
    if (x->owes_end) {
        send_end(x);
    }
    if (x->has_owner && x->state == IMPORT_RECEIVING) {
        x->events.on_ready(x->ctx);
    }
}

static const struct frame_handler job_handler = {
    .on_frame = on_frame, .on_closed = on_closed, .on_writable = on_writable};

static err spawn(struct import *x, struct errmsg *msg)
{
    struct importer *im = x->im;
    char program[] = "tarn";
    char verb[] = "role";
    char role[] = "job";
    char **argv = xnew_array(char *, im->options.job_arg_count + 4);
    argv[0] = program;
    argv[1] = verb;
    argv[2] = role;
    for (size_t i = 0; i < im->options.job_arg_count; i++) {
        argv[3 + i] = im->options.job_args[i];
    }
    int fd = -1;
    err e = os_spawn_self(argv, &x->pid, &fd, msg);
    free(argv);
    TRY(e);
    struct frame_channel_options options = {.queue_bytes_max = QUEUE_BYTES_MAX};
    return frame_channel_open(im->options.reactor, fd, &job_handler, x, options, &x->channel, msg);
}

static err start_job(struct import *x, const struct wire_table_is *table, struct errmsg *msg)
{
    AUTO_BUF payload = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    TRY(os_mkdirs(x->dir, msg));
    AUTO_TEXT absolute = realpath(x->dir, NULL);
    if (absolute == NULL) {
        return errmsg_set(msg, ERR_IO, "no folder %s", x->dir);
    }
    TRY(spawn(x, msg));
    struct wire_job job = x->job;
    job.dir = str_from(absolute);
    job.table = *table;
    wire_job_encode(&job, &payload);
    TRY(buf_check(&payload));
    return frame_send(x->channel, WIRE_JOB, 0, 0, buf_str(&payload));
}

static void on_table(void *ctx, const char *code, const char *detail, struct str payload)
{
    struct import *x = ctx;
    struct errmsg msg = {0};
    struct wire_table_is table = {0};
    x->ask = 0;
    if (code != NULL) {
        fail(x, code, detail);
        return;
    }
    err e = wire_table_is_decode(payload, &table, &msg);
    if (e == ERR_OK) {
        e = start_job(x, &table, &msg);
        wire_table_is_deinit(&table);
    }
    if (e != ERR_OK) {
        fail(x, err_name(e), msg.text);
        return;
    }
    x->state = IMPORT_RECEIVING;
    if (x->has_owner) {
        x->events.on_ready(x->ctx);
    }
}

/* ---- the owner's calls ---- */

static char *keep(struct str text, struct str *out)
{
    char *copy = xstrndup(text.ptr == NULL ? "" : text.ptr, text.len);
    *out = str_from(copy);
    return copy;
}

static void fill_job(struct import *x, const struct import_request *r)
{
    const struct importer_options *o = &x->im->options;
    x->format = keep(r->format, &x->job.format);
    x->coding = keep(r->coding, &x->job.coding);
    x->types = keep(r->types, &x->job.types);
    x->delimiter = keep(r->delimiter, &x->job.delimiter);
    x->quote = keep(r->quote, &x->job.quote);
    x->job.no_header = r->no_header;
    x->job.clean_names = r->clean_names;
    x->job.sample_rows = r->sample_rows;
    x->job.bytes_max = (int64_t)MIN(o->bytes_max, (uint64_t)INT64_MAX);
    x->job.memory_bytes = (int64_t)o->memory_bytes;
    x->job.spill_bytes = (int64_t)o->spill_bytes;
}

/* The oldest first. */
static void start_waiting(struct importer *im)
{
    while (im->active < im->options.concurrency) {
        struct import *oldest = NULL;
        for (struct import *x = im->imports; x != NULL; x = x->next) {
            oldest = x->state == IMPORT_WAITING ? x : oldest;
        }
        if (oldest == NULL) {
            return;
        }
        im->active++;
        oldest->state = IMPORT_CHECKING;
        oldest->ask = ask_writer(oldest, WIRE_TABLE, on_table);
    }
}

static bool mode_is_known(struct str mode)
{
    return str_is(mode, "create") || str_is(mode, "append") || str_is(mode, "replace");
}

err importer_start(struct importer *im, const struct import_request *request,
                   const struct import_events *events, void *ctx, struct import **out_import,
                   struct errmsg *msg)
{
    size_t waiting = 0;
    TRY(import_name_check(request->table, msg));
    if (!mode_is_known(request->mode)) {
        return errmsg_set(msg, ERR_INVALID, "mode must be create, append or replace");
    }
    TRY(check_topic(im, request->table, msg));
    for (struct import *x = im->imports; x != NULL; x = x->next) {
        waiting += x->state == IMPORT_WAITING;
    }
    if (waiting >= im->options.queue_max) {
        return errmsg_set(msg, ERR_LIMIT, "%zu imports wait already; try again later", waiting);
    }
    struct import *x = xnew(struct import);
    *x = (struct import){.next = im->imports,
                         .im = im,
                         .id = os_uuid_new(),
                         .events = *events,
                         .ctx = ctx,
                         .has_owner = true,
                         .percent = -1,
                         .started_ms = os_now_ms(),
                         .started_us = os_mono_us()};
    im->imports = x;
    struct str ignored;
    x->table = keep(request->table, &ignored);
    x->mode = keep(request->mode, &ignored);
    x->file = keep(request->file, &ignored);
    x->dir = xasprintf("%s/%s", im->work_dir, x->id.text);
    x->published.version = -1;
    fill_job(x, request);
    start_waiting(im);
    *out_import = x;
    return ERR_OK;
}

err import_feed(struct import *x, struct str piece)
{
    if (x->state != IMPORT_RECEIVING || x->channel == NULL) {
        return ERR_AGAIN;
    }
    err e = frame_send(x->channel, WIRE_DATA, 0, 0, piece);
    if (e == ERR_OK) {
        x->bytes += piece.len;
    }
    return e == ERR_OK ? ERR_OK : ERR_AGAIN; /* closed: on_error comes */
}

void import_end(struct import *x)
{
    ASSERT(x->state == IMPORT_RECEIVING);
    x->state = IMPORT_READING;
    x->percent = 0;
    send_end(x);
}

void import_abandon(struct import *x)
{
    x->has_owner = false;
    if (!has_ended(x) && x->state != IMPORT_PUBLISHING) {
        end(x, IMPORT_CANCELLED, "cancelled", "the client has gone away");
    }
}

const char *import_id(const struct import *x)
{
    return x->id.text;
}

/* ---- what is known ---- */

static struct import *find(const struct importer *im, struct str id)
{
    struct import *x = im->imports;
    while (x != NULL && !str_is(id, x->id.text)) {
        x = x->next;
    }
    return x;
}

err importer_cancel(struct importer *im, struct str id, struct errmsg *msg)
{
    struct import *x = find(im, id);
    if (x == NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "there is no import \"%.*s\"",
                          (int)MIN(id.len, (size_t)60), id.ptr);
    }
    if (has_ended(x) || x->state == IMPORT_PUBLISHING) {
        return errmsg_set(msg, ERR_BUSY, "the import is %s; there is nothing to stop",
                          state_names[x->state]);
    }
    end(x, IMPORT_CANCELLED, "cancelled", "the import was cancelled; the table is as before");
    return ERR_OK;
}

const char *importer_public_code(const char *code)
{
    static const char *const rows[][2] = {
        {"invalid", "bad_file"},         {"unsupported", "unsupported_type"},
        {"limit", "bad_file"},           {"exists", "table_exists"},
        {"conflict", "type_conflict"},   {"cancelled", "import_cancelled"},
        {"too_large", "body_too_large"}, {"out_of_memory", "import_out_of_memory"},
        {"io_error", "import_failed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(code, rows[i][0]) == 0) {
            return rows[i][1];
        }
    }
    return code;
}

static void write_one(const struct import *x, struct buf *out)
{
    char time[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(x->started_ms * 1000, time); /* the length is not needed */
    int64_t until_us = has_ended(x) ? x->ended_us : os_mono_us();
    json_t *json = json_object();
    json_object_set_new(json, "id", json_string(x->id.text));
    json_object_set_new(json, "table", json_string(x->table));
    json_object_set_new(json, "mode", json_string(x->mode));
    json_object_set_new(json, "format", json_string(x->format));
    json_t *file = json_string(x->file);
    json_object_set_new(json, "file", file != NULL ? file : json_string(""));
    json_object_set_new(json, "state", json_string(state_names[x->state]));
    json_object_set_new(json, "bytes", json_integer((json_int_t)x->bytes));
    json_object_set_new(json, "percent", x->percent < 0 ? json_null() : json_real(x->percent));
    json_object_set_new(json, "rows", json_integer(x->imported.rows));
    json_object_set_new(json, "started", json_string(time));
    json_object_set_new(json, "elapsed_ms", json_integer((until_us - x->started_us) / 1000));
    json_object_set_new(json, "version",
                        x->published.version < 0 ? json_null()
                                                 : json_integer(x->published.version));
    if (x->code != NULL) {
        json_object_set_new(
            json, "error",
            json_pack("{s:s, s:s}", "code", importer_public_code(x->code), "detail", x->detail));
    }
    if (json_write(json, out) != ERR_OK) {
        out->failed = true;
    }
    json_decref(json);
}

void importer_list(const struct importer *im, struct buf *out)
{
    buf_puts(out, "[");
    for (const struct import *x = im->imports; x != NULL; x = x->next) {
        buf_puts(out, x == im->imports ? "" : ",");
        write_one(x, out);
    }
    buf_puts(out, "]");
}

err importer_describe(const struct importer *im, struct str id, struct buf *out)
{
    const struct import *x = find(im, id);
    if (x == NULL) {
        return ERR_NOT_FOUND;
    }
    write_one(x, out);
    return buf_check(out);
}

bool importer_is_busy(const struct importer *im, struct str table)
{
    for (const struct import *x = im->imports; x != NULL; x = x->next) {
        if (!has_ended(x) && str_is(table, x->table)) {
            return true;
        }
    }
    return false;
}

void importer_children(const struct importer *im, json_t *list)
{
    for (const struct import *x = im->imports; x != NULL; x = x->next) {
        if (x->pid > 0) {
            json_t *item =
                json_pack("{s:s, s:i, s:i, s:I}", "role", "job", "pid", (int)x->pid, "restarts", 0,
                          "pss_bytes", (json_int_t)os_process_pss_bytes(x->pid));
            json_array_append_new(list, item);
        }
    }
}

/* ---- life cycle ---- */

err importer_new(const struct importer_options *options, struct importer **out_importer,
                 struct errmsg *msg)
{
    static const char *const labels[] = {"state=\"done\"", "state=\"failed\"",
                                         "state=\"cancelled\""};
    AUTO(importer) im = xnew(struct importer);
    im->options = *options;
    im->data_dir = xstrdup(options->data_dir);
    im->work_dir = xasprintf("%s/lake/" IMPORT_WORK, options->data_dir);
    im->reaper.on_due = on_reap_due;
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        im->counts[i] =
            metric_get(METRIC_COUNTER, "tarn_imports_total", labels[i], "Imports that ended.");
    }
    im->rows = metric_get(METRIC_COUNTER, "tarn_import_rows_total", NULL, "Rows imported.");
    TRY(os_remove_tree(im->work_dir, msg));
    *out_importer = TAKE(im);
    return ERR_OK;
}

static void reap_now(struct remains *r)
{
    int status = 0;
    if (r->pid > 0) {
        (void)os_child_wait(r->pid, REAP_AT_END_MS, &status); /* it was killed */
    }
    if (!r->has_thread) {
        (void)os_remove_tree(r->dir, NULL); /* else at the next start */
    }
    remains_free(r);
}

void importer_free(struct importer *im)
{
    if (im == NULL) {
        return;
    }
    while (im->imports != NULL) {
        struct import *x = im->imports;
        im->imports = x->next;
        if (!has_ended(x) && x->state != IMPORT_WAITING) {
            if (x->ask != 0) {
                writer_link_forget(im->options.writer, x->ask);
            }
            let_go(x);
        }
        import_destroy(x);
    }
    reactor_timer_stop(im->options.reactor, &im->reaper);
    while (im->remains != NULL) {
        struct remains *r = im->remains;
        im->remains = r->next;
        reap_now(r);
    }
    for (size_t i = 0; i < im->options.job_arg_count; i++) {
        free(im->options.job_args[i]);
    }
    free(im->options.job_args);
    free(im->data_dir);
    free(im->work_dir);
    free(im);
}
