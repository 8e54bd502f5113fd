/* SPDX-License-Identifier: MIT */
/* role_job.c - see role_job.h.
 *
 *   JOB ─▶ walls ─▶ DATA … ─▶ body (decoded, bounded) ─▶ worker thread: sql_import ─▶ manifest
 *                                  main thread meanwhile: PROGRESS_Q, is the front still there?
 *
 * CSV is read while it comes: once the first records are there the worker starts, and the main
 * thread passes on what it has stored (job_body.h); the client is held back then by the slower of
 * the two. Whatever the worker finds, the job answers after the last byte.
 *
 * The folder:  body   the file as it came, decoded;  removed after the answer
 *              head, stream   its first records, and the pipe through which it is read
 *              out/   Parquet files
 *              spill/ what DuckDB cannot hold */
#include "app/role_job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "app/job_body.h"
#include "base/log.h"
#include "flow/import_publish.h"
#include "http/inflate.h"
#include "net/frame.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"
#include "os/sandbox.h"

enum { FIRST_FRAME_MS = 10 * 1000, PROGRESS_EVERY_MS = 200, POLL_MS = 20, RETRY_US = 500 };
static const uint64_t address_slack_bytes = 1536ULL
                                            << 20; /* code, stacks, arenas of the C library */

enum coming { BODY_COMES, BODY_IS_WHOLE, BODY_IS_LOST };

struct job {
    struct frame_pipe *pipe; /* owned */
    struct wire_job spec;
    char *dir;             /* owned */
    char *out;             /* owned: path */
    struct job_body *body; /* owned */
    struct sql_engine *engine;
    struct sql_conn *conn;
    struct inflate *inflate;
    pthread_t worker;
    bool has_worker;
    bool is_streamed;       /* the worker began before the file was whole */
    atomic_int coming;      /* enum coming; main thread */
    atomic_bool is_passed;  /* all of the file went through the pipe; main thread */
    atomic_bool reads_file; /* the body, not the pipe; worker */

    atomic_bool is_done; /* the worker's last act; what follows is then the main thread's */
    err result;
    struct errmsg msg;
    struct import_manifest *manifest;
    struct sql_import_columns columns;
    uint64_t rows;
};

/* ---- what is said ---- */

static void send_error(struct job *j, err e, const struct errmsg *msg)
{
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    const char *text = msg->text[0] != '\0' ? msg->text : err_text(e);
    struct wire_error error = {str_from(err_name(e)), str_from(text), -1, NULL};
    wire_error_encode(&error, &out);
    (void)frame_pipe_send(j->pipe, WIRE_ERROR, 0, 0, buf_str(&out)); /* gone: nobody listens */
}

static void send_imported(struct job *j)
{
    struct wire_imported imported = {.rows = (int64_t)j->rows,
                                     .bytes = (int64_t)import_manifest_bytes(j->manifest),
                                     .column_count = j->columns.count};
    imported.columns = xnew_array(struct wire_column, j->columns.count + 1);
    for (size_t i = 0; i < j->columns.count; i++) {
        imported.columns[i] = (struct wire_column){str_from(j->columns.items[i].name),
                                                   str_from(j->columns.items[i].type)};
    }
    AUTO_BUF out = buf_make(WIRE_PAYLOAD_BYTES_MAX);
    wire_imported_encode(&imported, &out);
    free(imported.columns);
    (void)frame_pipe_send(j->pipe, WIRE_IMPORTED, 0, 0, buf_str(&out)); /* gone: nobody listens */
}

static void send_progress(struct job *j)
{
    /* What comes through a pipe has no size; when the last byte is there, little is left to do. */
    bool has_size = !j->is_streamed || atomic_load(&j->reads_file);
    struct wire_query_progress progress = {.percent =
                                               has_size ? sql_conn_progress(j->conn).percent : 99};
    AUTO_BUF out = buf_make(4096);
    wire_query_progress_encode(&progress, &out);
    (void)frame_pipe_send(j->pipe, WIRE_PROGRESS_Q, 0, 0, buf_str(&out)); /* likewise */
}

/* ---- the walls ---- */

static err open_walled(struct job *j, struct errmsg *msg)
{
    AUTO_TEXT spill = xasprintf("%s/spill", j->dir);
    const char *dirs[] = {j->dir};
    TRY(os_mkdirs(spill, msg));
    struct sql_engine_options options = {
        .memory_bytes = (uint64_t)j->spec.memory_bytes,
        .address_bytes = (uint64_t)j->spec.memory_bytes + address_slack_bytes,
        .temp_dir = spill,
        .temp_bytes_max = MAX((uint64_t)j->spec.spill_bytes, (uint64_t)1 << 20),
        .connections = 2,
        .walls = SQL_WALLS,
        .write_dirs = dirs,
        .write_dir_count = 1,
        .file_bytes_max = (uint64_t)MAX(j->spec.bytes_max, j->spec.spill_bytes) + (1ULL << 30),
        .files_max = 4096,
    };
    err e = sql_engine_open(&options, &j->engine, msg);
    if (e == ERR_UNSUPPORTED) {
        log_warn("this kernel cannot confine the job process", "error=\"%s\"", msg->text);
        options.walls = SQL_WALL_INNER;
        e = sql_engine_open(&options, &j->engine, msg);
    }
    TRY(e);
    return sql_conn_open(j->engine, &j->conn, msg);
}

/* ---- the file comes ---- */

static char first_char(struct str text)
{
    return text.len > 0 ? text.ptr[0] : '\0';
}

static err to_body(void *ctx, struct str piece, struct errmsg *msg)
{
    struct job *j = ctx;
    return job_body_add(j->body, piece, msg);
}

/* Before the walls: they let nobody make a pipe. */
static err open_body(struct job *j, struct errmsg *msg)
{
    const struct wire_job *spec = &j->spec;
    enum http_coding coding = HTTP_CODING_IDENTITY;
    uint64_t sample =
        spec->sample_rows == 0 ? SQL_IMPORT_SAMPLE_ROWS : (uint64_t)MAX(spec->sample_rows, 0);
    bool comes_in_order = str_is(spec->format, "csv") && spec->sample_rows >= 0;
    TRY(http_coding_parse(spec->coding, &coding, msg));
    TRY(inflate_new(coding, (uint64_t)spec->bytes_max, &j->inflate, msg));
    return job_body_new(j->dir, comes_in_order ? 2 * sample + 2 : 0, first_char(spec->delimiter),
                        first_char(spec->quote), &j->body, msg);
}

static err take_bytes(struct job *j, struct str bytes, struct errmsg *msg)
{
    err e = inflate_feed(j->inflate, &bytes, to_body, j, msg);
    if (e == ERR_TOO_LARGE) {
        return errmsg_set(msg, ERR_TOO_LARGE,
                          "the file is over %lld bytes once unpacked (import_bytes_max)",
                          (long long)j->spec.bytes_max);
    }
    return e;
}

/* ---- the file is read ---- */

/* The worker waits for the end of the file. */
static err await_body(void *ctx, bool was_read, struct errmsg *msg)
{
    struct job *j = ctx;
    while (atomic_load(&j->coming) == BODY_COMES) {
        os_sleep_us(RETRY_US);
    }
    if (atomic_load(&j->coming) == BODY_IS_LOST) {
        return errmsg_set(msg, ERR_CANCELLED, "the file did not come to its end");
    }
    if (was_read && !atomic_load(&j->is_passed)) {
        return errmsg_set(msg, ERR_FAILED, "the file was not read to its end");
    }
    atomic_store(&j->reads_file, !was_read);
    return ERR_OK;
}

static err run_import(struct job *j, struct errmsg *msg)
{
    const struct wire_job *spec = &j->spec;
    const struct wire_table_is *t = &spec->table;
    AUTO_TEXT types = spec->types.len > 0 ? xstrndup(spec->types.ptr, spec->types.len) : NULL;
    struct sql_import_columns table = {
        .items = xnew_array(struct sql_import_column, t->column_count + 1)};
    for (size_t i = 0; i < t->column_count; i++) {
        table.items[table.count++] = (struct sql_import_column){
            .name = xstrndup(t->columns[i].name.ptr, t->columns[i].name.len),
            .delta = xstrndup(t->columns[i].type.ptr, t->columns[i].type.len)};
    }
    const char *partitions[SQL_PARTITION_COLUMNS_MAX];
    size_t partition_count = MIN(t->partition_column_count, ARRAY_LEN(partitions));
    for (size_t i = 0; i < partition_count; i++) {
        partitions[i] = t->partition_columns[i].ptr; /* jansson's texts end in NUL */
    }
    struct sql_import_stream stream = {.head_path = job_body_head_path(j->body),
                                       .pipe_path = job_body_pipe_path(j->body),
                                       .await = await_body,
                                       .ctx = j};
    struct sql_import_options options = {.path = job_body_path(j->body),
                                         .stream = j->is_streamed ? &stream : NULL,
                                         .target_dir = j->out,
                                         .types = types,
                                         .delimiter = first_char(spec->delimiter),
                                         .quote = first_char(spec->quote),
                                         .no_header = spec->no_header,
                                         .sample_rows = spec->sample_rows,
                                         .clean_names = spec->clean_names,
                                         .table = t->version >= 0 ? &table : NULL,
                                         .partition_columns = partitions,
                                         .partition_count = partition_count};
    err e = ERR_OK;
    if (!sql_import_format_parse(spec->format, &options.format)) {
        e = errmsg_set(msg, ERR_INVALID, "there is no format \"%.*s\"", STR_ARGS(spec->format));
    } else if (t->partition_column_count > partition_count) {
        e = errmsg_set(msg, ERR_UNSUPPORTED, "the table has more than %d partition columns",
                       SQL_PARTITION_COLUMNS_MAX);
    } else {
        e = sql_import(j->conn, &options, import_manifest_note, j->manifest, &j->columns, &j->rows,
                       msg);
    }
    sql_import_columns_deinit(&table);
    return e;
}

static void *worker_main(void *arg)
{
    struct job *j = arg;
    os_thread_name("import");
    j->manifest = import_manifest_new();
    err e = run_import(j, &j->msg);
    if (e == ERR_OK) {
        e = import_manifest_write(j->manifest, j->dir, &j->columns, j->rows, &j->msg);
    }
    j->result = e;
    atomic_store(&j->is_done, true);
    return NULL;
}

/* Waits for the worker and tells how far it is. False when the front is gone. */
static bool watch(struct job *j)
{
    int64_t progress_at_us = os_mono_us();
    while (!atomic_load(&j->is_done)) {
        struct frame f;
        err e = frame_pipe_recv(j->pipe, POLL_MS, &f, NULL);
        if (e != ERR_TIMEOUT) {
            return false; /* nothing is to come but the end of the front */
        }
        if (os_mono_us() >= progress_at_us) {
            send_progress(j);
            progress_at_us = os_mono_us() + PROGRESS_EVERY_MS * 1000;
        }
    }
    return true;
}

static err start_worker(struct job *j, struct errmsg *msg)
{
    j->is_streamed = atomic_load(&j->coming) == BODY_COMES;
    if (pthread_create(&j->worker, NULL, worker_main, j) != 0) {
        return errmsg_set(msg, ERR_NOMEM, "no thread");
    }
    j->has_worker = true;
    return ERR_OK;
}

/* Until DATA_END. Errors: those of the file; CLOSED when the front is gone. */
static err receive(struct job *j, struct errmsg *msg)
{
    for (;;) {
        struct frame f;
        TRY(frame_pipe_recv(j->pipe, -1, &f, msg));
        if (f.type == WIRE_DATA_END) {
            TRY(inflate_finish(j->inflate, msg));
            return job_body_flush(j->body, msg);
        }
        if (f.type != WIRE_DATA) {
            return errmsg_set(msg, ERR_INVALID, "unexpected message %u", f.type);
        }
        TRY(take_bytes(j, f.payload, msg));
        if (!j->has_worker && job_body_has_head(j->body)) {
            TRY(start_worker(j, msg));
        }
        if (j->has_worker) {
            (void)job_body_pass(j->body); /* not yet, or no more: what is stored is enough */
        }
    }
}

/* The rest of a whole file into the pipe, as long as somebody reads it. */
static void pass_rest(struct job *j)
{
    while (!atomic_load(&j->is_done) && !atomic_load(&j->reads_file) &&
           !job_body_is_passed(j->body)) {
        if (!job_body_pass(j->body)) {
            os_sleep_us(RETRY_US);
        }
    }
    atomic_store(&j->is_passed, job_body_is_passed(j->body));
}

/* The worker's end, whatever it waits for. */
static void join_worker(struct job *j)
{
    while (!atomic_load(&j->is_done)) {
        job_body_end(j->body);
        os_sleep_us(RETRY_US);
    }
    pthread_join(j->worker, NULL);
}

/* The bytes have come, or `e` says why not. */
static err end_worker(struct job *j, err e, struct errmsg *msg)
{
    atomic_store(&j->coming, e == ERR_OK ? BODY_IS_WHOLE : BODY_IS_LOST);
    if (e == ERR_OK && !j->has_worker) {
        e = start_worker(j, msg);
    }
    if (!j->has_worker) {
        return e;
    }
    if (e == ERR_OK && j->is_streamed) {
        pass_rest(j);
        job_body_end(j->body);
    }
    if (e != ERR_OK || !watch(j)) {
        sql_conn_interrupt(j->conn);
    }
    join_worker(j);
    if (e == ERR_OK) {
        *msg = j->msg;
        e = j->result;
    }
    return e;
}

/* ---- the whole ---- */

static err take_spec(struct job *j, struct errmsg *msg)
{
    struct frame f;
    TRY(frame_pipe_open(OS_CHILD_FD, &j->pipe, msg));
    TRY(frame_pipe_recv(j->pipe, FIRST_FRAME_MS, &f, msg));
    if (f.type != WIRE_JOB) {
        return errmsg_set(msg, ERR_INVALID, "unexpected message %u", f.type);
    }
    TRY(wire_job_decode(f.payload, &j->spec, msg));
    j->dir = xstrndup(j->spec.dir.ptr, j->spec.dir.len);
    j->out = xasprintf("%s/out", j->dir);
    return ERR_OK;
}

static err run(struct job *j, struct errmsg *msg)
{
    TRY(os_mkdirs(j->out, msg));
    TRY(open_body(j, msg));
    TRY(open_walled(j, msg));
    return end_worker(j, receive(j, msg), msg);
}

int role_job(const struct config *config)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    enum log_level level = LOG_INFO;
    for (unsigned i = 0; i < ARRAY_LEN(levels); i++) {
        level = strcmp(config->log_level, levels[i]) == 0 ? (enum log_level)i : level;
    }
    log_init(level, strcmp(config->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT, "job");
    os_process_yield(); /* events and questions go first */
    struct job j = {0};
    struct errmsg msg = {0};
    err e = take_spec(&j, &msg);
    if (e == ERR_OK) {
        e = run(&j, &msg);
    }
    if (e == ERR_OK) {
        send_imported(&j);
    } else if (j.pipe != NULL) {
        send_error(&j, e, &msg);
    }
    if (j.body != NULL) {
        job_body_remove(j.body); /* nobody waits for it any more */
    }
    import_manifest_free(j.manifest);
    sql_import_columns_deinit(&j.columns);
    inflate_free(j.inflate);
    sql_conn_close(j.conn);
    sql_engine_close(j.engine);
    wire_job_deinit(&j.spec);
    frame_pipe_free(j.pipe);
    free(j.dir);
    job_body_free(j.body);
    free(j.out);
    return e == ERR_OK ? 0 : 1;
}
