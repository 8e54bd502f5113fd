/* SPDX-License-Identifier: MIT */
/* redrive.c - see redrive.h: the jobs. The journals are in redrive_book.c.
 *
 * One piece is the rows that the query process sent up to a bound; while it is worked on the row
 * query is paused. Each wait for the disk ends in redrive_durable(), which takes the job one
 * step further. */
#include "flow/redrive.h"

#include "base/base64.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/timefmt.h"
#include "flow/ingest.h"
#include "flow/json_index.h"
#include "flow/redrive_int.h"
#include "flow/redrive_scan.h"
#include "flow/row_query.h"
#include "flow/text_format.h"
#include "os/clock.h"

enum job_state { JOB_RUNNING, JOB_DONE, JOB_CANCELLED, JOB_FAILED };
enum job_step { STEP_SELECT, STEP_INTENT, STEP_LOG, STEP_DONE };

struct row {
    uint32_t partition;
    int64_t offset;
    size_t value_at; /* in the piece's bytes */
    size_t value_len;
    size_t key_at;
    size_t key_len;
    bool has_key;
    bool is_large; /* its value was not sent: it is over the record limit */
    bool is_good;  /* judged acceptable; after the append: appended */
};

struct redrive_job {
    struct redrive_job *next; /* older */
    struct redrive *redrive;
    char id[40];
    char topic[TOPIC_NAME_BYTES_MAX + 1];
    struct uuid_text uuid;
    char *where; /* owned */
    int64_t limit;
    bool has_format;
    struct text_spec spec; /* of bad lines, with has_format */
    struct row last;       /* the last row that came: where another statement goes on */
    bool has_last;
    int repeats; /* statements that were cut off */
    enum job_state state;
    enum job_step step;
    bool is_cancelled;
    bool rows_ended; /* no more rows will come */
    bool is_slowed;  /* waits without a statement: for the table, or for its turn to ask */
    struct row_query *query;
    struct row *rows; /* owned, REDRIVE_PIECE_ROWS_MAX; NULL when ended */
    size_t row_count;
    struct buf bytes;
    uint64_t seq;  /* waited for */
    int64_t *ends; /* owned; in STEP_LOG: durable ends waited for */
    uint32_t end_count;
    bool is_partial; /* the append failed half way: the log says what is there */
    uint64_t judged;
    uint64_t redriven;
    uint64_t already;
    uint64_t still_bad;
    json_t *listed; /* owned */
    int64_t started_us;
    int64_t ended_us;
    char code[64]; /* of a failure */
    struct errmsg detail;
};

/* ---- life ---- */

struct redrive *redrive_new(const struct redrive_options *options)
{
    struct redrive *r = xnew(struct redrive);
    r->options = *options;
    r->data_dir = xstrdup(options->data_dir);
    r->options.data_dir = r->data_dir;
    r->schemas = schema_cache_new();
    return r;
}

static void job_release(struct redrive_job *job)
{
    row_query_free(job->query);
    job->query = NULL;
    buf_deinit(&job->bytes);
    free(job->rows);
    job->rows = NULL;
    free(job->ends);
    job->ends = NULL;
}

static void job_free(struct redrive_job *job)
{
    job_release(job);
    json_decref(job->listed);
    text_spec_deinit(&job->spec);
    free(job->where);
    free(job);
}

void redrive_free(struct redrive *r)
{
    if (r == NULL) {
        return;
    }
    while (r->jobs != NULL) {
        struct redrive_job *job = r->jobs;
        r->jobs = job->next;
        job_free(job);
    }
    redrive_books_free(r);
    json_indexer_free(r->indexer);
    schema_cache_free(r->schemas);
    free(r->data_dir);
    free(r);
}

void redrive_recover(struct redrive *r)
{
    for (size_t i = 0; i < topic_store_count(r->options.store); i++) {
        struct topic *t = topic_store_at(r->options.store, i);
        struct redrive_book *b = redrive_book(r, t);
        struct errmsg msg = {0};
        if (b->journal != NULL && redrive_book_settle(r, b, t, &msg) != ERR_OK) {
            log_warn("a re-drive that was cut off is not settled yet", "topic=%s error=\"%s\"",
                     b->name, msg.text);
        }
    }
}

/* ---- jobs ---- */

static struct topic *topic_of(const struct redrive_job *job)
{
    struct topic *t = topic_store_find(job->redrive->options.store, str_from(job->topic));
    return t != NULL && strcmp(topic_meta_of(t)->uuid.text, job->uuid.text) == 0 ? t : NULL;
}

static void end_job(struct redrive_job *job, enum job_state state, const char *code,
                    const char *detail)
{
    static const char *const names[] = {"running", "done", "cancelled", "failed"};
    job->state = state;
    job->ended_us = os_now_us();
    (void)snprintf(job->code, sizeof job->code, "%s", code); /* codes are short */
    (void)errmsg_set(&job->detail, ERR_FAILED, "%s", detail);
    job_release(job);
    log_info("re-drive ended",
             "topic=%s job=%s state=%s redriven=%llu still_bad=%llu already=%llu error=\"%s\"",
             job->topic, job->id, names[state], (unsigned long long)job->redriven,
             (unsigned long long)job->still_bad, (unsigned long long)job->already, detail);
}

static const char *code_of(err e)
{
    switch (e) {
    case ERR_NOSPACE:
        return "disk_full";
    case ERR_CORRUPT:
        return "log_damaged";
    case ERR_FAILED:
    case ERR_IO:
        return "log_failed";
    default:
        return err_name(e);
    }
}

static void fail_job(struct redrive_job *job, err e, const struct errmsg *msg)
{
    end_job(job, JOB_FAILED, code_of(e), msg->text[0] != '\0' ? msg->text : err_text(e));
}

static void count_metric(const struct redrive_job *job, const char *name, const char *help,
                         uint64_t count)
{
    char labels[TOPIC_NAME_BYTES_MAX + 16];
    (void)snprintf(labels, sizeof labels, "topic=\"%s\"", job->topic); /* fits */
    metric_add(metric_get(METRIC_COUNTER, name, labels, help), (int64_t)count);
}

static void note_bad(struct redrive_job *job, struct row *row, enum event_code code,
                     const char *detail)
{
    row->is_good = false;
    job->still_bad++;
    count_metric(job, "tarn_redrive_still_bad_total",
                 "Dead letters that were refused again when re-driven.", 1);
    if (json_array_size(job->listed) < REDRIVE_LISTED_MAX) {
        json_array_append_new(job->listed, json_pack("{s:I,s:I,s:s,s:s}", "partition",
                                                     (json_int_t)row->partition, "offset",
                                                     (json_int_t)row->offset, "code",
                                                     event_code_name(code), "detail", detail));
    }
}

static err open_ingest(struct redrive_job *job, struct topic *t, struct ingest **out_ingest,
                       struct errmsg *msg)
{
    struct redrive *r = job->redrive;
    if (r->indexer == NULL) {
        r->indexer = json_indexer_new(); /* NULL again: the ingest makes its own */
    }
    struct ingest_options o = {.topic = t,
                               .record_bytes_max = r->options.record_bytes_max,
                               .nesting_max = r->options.nesting_max,
                               .indexer = r->indexer,
                               .schemas = r->schemas};
    return ingest_new(&o, out_ingest, msg);
}

static struct str bytes_at(const struct redrive_job *job, size_t at, size_t len)
{
    return len == 0 ? STR("") : str_of(job->bytes.data + at, len);
}

/* Judges a row that was good so far. */
static void judge(struct redrive_job *job, struct ingest *x, struct row *row,
                  struct event_key *out_key)
{
    struct errmsg detail = {0};
    if (row->is_large) {
        note_bad(job, row, EVENT_RECORD_TOO_LARGE, event_code_text(EVENT_RECORD_TOO_LARGE));
        return;
    }
    enum event_code code =
        ingest_judge(x, bytes_at(job, row->value_at, row->value_len), out_key, &detail);
    if (code != EVENT_OK) {
        note_bad(job, row, code, detail.text);
    } else if (!out_key->has_key && row->has_key) {
        *out_key = (struct event_key){true, bytes_at(job, row->key_at, row->key_len)};
    }
}

static void good_rows(const struct redrive_job *job, struct redrive_set *out)
{
    struct redrive_range *ranges = xnew_array(struct redrive_range, job->row_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < job->row_count; i++) {
        const struct row *row = &job->rows[i];
        if (row->is_good) {
            ranges[count++] = (struct redrive_range){row->partition, row->offset, row->offset + 1};
        }
    }
    err e = redrive_set_add(out, ranges, count);
    ASSERT(e == ERR_OK || e == ERR_NOMEM);
    free(ranges);
}

static err write_intent(struct redrive_job *job, struct redrive_book *b, struct topic *t,
                        const struct redrive_set *sources, struct errmsg *msg)
{
    uint32_t partitions = topic_partition_count(t);
    int64_t *ends = xnew_array(int64_t, partitions);
    for (uint32_t p = 0; p < partitions; p++) {
        ends[p] = topic_durable_end(t, p);
    }
    AUTO_BUF entry = buf_make(JOURNAL_ENTRY_BYTES_MAX);
    redrive_encode_intent(b->state.id + 1, os_now_us(), ends, partitions, sources->ranges,
                          sources->count, &entry);
    free(ends);
    TRY(buf_check(&entry));
    return redrive_book_append(b, buf_str(&entry), redrive_done_bytes_max(sources->offsets),
                               &job->seq, msg);
}

static void clear_piece(struct redrive_job *job)
{
    job->row_count = 0;
    buf_reset(&job->bytes);
}

/* The piece is complete: judges it and writes the INTENT. False when nothing of it is good, which
 * ends the piece, or when the job has ended. */
static bool begin_piece(struct redrive_job *job)
{
    struct errmsg msg = {0};
    struct topic *t = topic_of(job);
    AUTO(ingest) x = NULL;
    if (t == NULL) {
        end_job(job, JOB_FAILED, "topic_not_found", "the topic was deleted meanwhile");
        return false;
    }
    struct redrive_book *b = redrive_book(job->redrive, t);
    err e = open_ingest(job, t, &x, &msg);
    if (e != ERR_OK) {
        fail_job(job, e, &msg);
        return false;
    }
    for (size_t i = 0; i < job->row_count; i++) {
        struct event_key key = {0};
        job->rows[i].is_good = true;
        judge(job, x, &job->rows[i], &key);
    }
    struct redrive_set sources = {0};
    good_rows(job, &sources);
    if (sources.count == 0) {
        redrive_set_deinit(&sources);
        clear_piece(job);
        return false;
    }
    if (b->state.done.count + sources.count > REDRIVE_RANGES_MAX) {
        e = errmsg_set(&msg, ERR_LIMIT,
                       "the topic's re-drives lie in more than %d places of its log",
                       REDRIVE_RANGES_MAX);
    } else {
        e = write_intent(job, b, t, &sources, &msg);
    }
    redrive_set_deinit(&sources);
    if (e != ERR_OK) {
        fail_job(job, e, &msg);
        return false;
    }
    job->step = STEP_INTENT;
    return true;
}

static err append_row(struct redrive_job *job, struct ingest *x, struct row *row,
                      struct errmsg *msg)
{
    struct event_key key = {0};
    judge(job, x, row, &key); /* again: settings may have changed while the INTENT was on its way */
    if (!row->is_good) {
        return ERR_OK;
    }
    char source[40];
    int len = snprintf(source, sizeof source, "%u:%lld", row->partition, (long long)row->offset);
    struct record_header header = {
        .key = STR(REDRIVE_HEADER), .has_value = true, .value = str_of(source, (size_t)len)};
    return ingest_add_event(x, bytes_at(job, row->value_at, row->value_len), &key, &header, 1, msg);
}

static void wait_for_log(struct redrive_job *job, struct topic *t)
{
    job->end_count = topic_partition_count(t);
    job->ends = xrealloc(job->ends, job->end_count, sizeof *job->ends);
    for (uint32_t p = 0; p < job->end_count; p++) {
        job->ends[p] = topic_written_end(t, p);
    }
    job->step = STEP_LOG;
}

/* The INTENT is durable: appends the piece. */
static void append_piece(struct redrive_job *job, struct topic *t)
{
    struct errmsg msg = {0};
    AUTO(ingest) x = NULL;
    err e = open_ingest(job, t, &x, &msg);
    for (size_t i = 0; i < job->row_count && e == ERR_OK; i++) {
        if (job->rows[i].is_good) {
            e = append_row(job, x, &job->rows[i], &msg);
        }
    }
    if (e == ERR_OK) {
        e = ingest_end(x, &msg);
    }
    if (e != ERR_OK) {
        job->is_partial = true;
        job->detail = msg;
        (void)snprintf(job->code, sizeof job->code, "%s", code_of(e)); /* codes are short */
    }
    wait_for_log(job, t);
}

static bool log_is_durable(const struct redrive_job *job, const struct topic *t)
{
    for (uint32_t p = 0; p < job->end_count; p++) {
        if (topic_durable_end(t, p) < job->ends[p]) {
            return false;
        }
    }
    return true;
}

/* What was appended is durable: says so. */
static err write_done(struct redrive_job *job, struct redrive_book *b, struct topic *t,
                      struct errmsg *msg)
{
    AUTO_BUF entry = buf_make(JOURNAL_ENTRY_BYTES_MAX);
    struct redrive_set done = {0};
    uint64_t id = b->state.id;
    err e = ERR_OK;
    if (job->is_partial) {
        bool is_certain = true; /* all of it was written just now */
        e = redrive_scan(t, &b->state, &done, &is_certain, msg);
    } else {
        good_rows(job, &done);
    }
    if (e == ERR_OK && done.offsets == b->state.sources.offsets) {
        redrive_encode_done_all(id, os_now_us(), &entry);
    } else if (e == ERR_OK) {
        redrive_encode_done(id, os_now_us(), done.ranges, done.count, &entry);
    }
    if (e == ERR_OK) {
        e = redrive_book_append(b, buf_str(&entry), 0, &job->seq, msg);
    }
    if (e == ERR_OK) {
        job->redriven += done.offsets;
        count_metric(job, "tarn_redriven_total",
                     "Dead letters that passed the door when re-driven.", done.offsets);
    }
    redrive_set_deinit(&done);
    return e;
}

static err ask(struct redrive_job *job, const struct topic *t, struct errmsg *msg);

/* Goes on with the rows, of this statement or of another one, unless the table is too far behind or
 * too many queries wait: then the job waits without a statement. */
static void select_more(struct redrive_job *job, const struct topic *t)
{
    struct errmsg msg = {0};
    job->step = STEP_SELECT;
    job->is_slowed = topic_is_too_far_behind(t);
    if (job->is_slowed) {
        row_query_free(job->query);
        job->query = NULL;
    } else if (job->query != NULL) {
        row_query_resume(job->query);
    } else {
        err e = ask(job, t, &msg);
        job->is_slowed = e == ERR_LIMIT;
        if (e != ERR_OK && e != ERR_LIMIT) {
            fail_job(job, e, &msg);
        }
    }
}

/* Between two pieces. */
static void next_piece(struct redrive_job *job)
{
    struct topic *t = topic_of(job);
    if (job->is_partial) {
        job->is_partial = false;
        AUTO_TEXT code = xstrdup(job->code);
        AUTO_TEXT detail = xstrdup(job->detail.text);
        end_job(job, JOB_FAILED, code, detail);
    } else if (job->is_cancelled) {
        end_job(job, JOB_CANCELLED, "", "");
    } else if (!job->rows_ended && t == NULL) {
        end_job(job, JOB_FAILED, "topic_not_found", "the topic was deleted meanwhile");
    } else if (!job->rows_ended) {
        select_more(job, t);
    } else if (job->code[0] != '\0') {
        AUTO_TEXT code = xstrdup(job->code);
        AUTO_TEXT detail = xstrdup(job->detail.text);
        end_job(job, JOB_FAILED, code, detail);
    } else {
        end_job(job, JOB_DONE, "", "");
    }
}

/* Goes on where a wait has ended. False: still waiting, or ended. */
static bool advance(struct redrive_job *job)
{
    struct redrive *r = job->redrive;
    struct topic *t = topic_of(job);
    struct errmsg msg = {0};
    err e = ERR_OK;
    bool is_durable = topic_store_durable_seq(r->options.store) >= job->seq;
    if (t == NULL || topic_store_failed(r->options.store, &msg)) {
        end_job(job, JOB_FAILED, "log_failed", t == NULL ? "the topic was deleted" : msg.text);
        return false;
    }
    switch (job->step) {
    case STEP_INTENT:
        if (!is_durable) {
            return false;
        }
        append_piece(job, t);
        return true;
    case STEP_LOG:
        if (!log_is_durable(job, t)) {
            return false;
        }
        e = write_done(job, redrive_book(r, t), t, &msg);
        if (e != ERR_OK) {
            fail_job(job, e, &msg); /* the INTENT stays open: the next job settles it */
            return false;
        }
        job->step = STEP_DONE;
        return true;
    case STEP_DONE:
        if (!is_durable) {
            return false;
        }
        clear_piece(job);
        next_piece(job);
        return false;
    case STEP_SELECT:
        if (job->is_slowed) {
            select_more(job, t);
        }
        break;
    }
    return false;
}

void redrive_durable(struct redrive *r)
{
    struct redrive_job *next = NULL;
    for (struct redrive_job *job = r->jobs; job != NULL; job = next) {
        next = job->next;
        while (job->state == JOB_RUNNING && advance(job)) {}
    }
}

/* ---- the rows ---- */

static bool take_bytes(struct redrive_job *job, const json_t *value, size_t *out_at,
                       size_t *out_len)
{
    *out_at = job->bytes.len;
    *out_len = 0;
    if (!json_is_string(value)) {
        return json_is_null(value);
    }
    if (!base64_decode(str_of(json_string_value(value), json_string_length(value)), &job->bytes)) {
        return false;
    }
    *out_len = job->bytes.len - *out_at;
    return true;
}

static bool take_row(struct redrive_job *job, const json_t *json, struct row *out)
{
    int64_t partition = 0;
    int64_t size = 0;
    const json_t *value = json_object_get(json, "v");
    const json_t *key = json_object_get(json, "k");
    *out = (struct row){0};
    if (json_get_i64(json, "p", &partition, NULL) != ERR_OK ||
        json_get_i64(json, "o", &out->offset, NULL) != ERR_OK ||
        json_opt_i64(json, "n", &size, NULL) != ERR_OK || partition < 0 ||
        partition >= REDRIVE_PARTITIONS_MAX || out->offset < 0 || out->offset == INT64_MAX ||
        !take_bytes(job, value, &out->value_at, &out->value_len) ||
        !take_bytes(job, key, &out->key_at, &out->key_len)) {
        return false;
    }
    out->partition = (uint32_t)partition;
    out->has_key = json_is_string(key);
    out->is_large = size > 0 && json_is_null(value);
    return true;
}

static bool follows(const struct redrive_job *job, const struct row *row)
{
    const struct row *last = &job->last;
    return !job->has_last || last->partition < row->partition ||
           (last->partition == row->partition && last->offset < row->offset);
}

/* ---- bad lines ---- */

struct reading {
    struct redrive_job *job;
    struct row *row;
    size_t records;
    enum event_code code;
    struct errmsg detail;
};

static err on_line(void *ctx, const struct text_record *record)
{
    struct reading *x = ctx;
    x->records++;
    x->code = record->code;
    if (record->code != EVENT_OK) {
        (void)errmsg_set(&x->detail, ERR_INVALID, "%s", record->detail);
        return ERR_OK;
    }
    x->row->value_at = x->job->bytes.len;
    x->row->value_len = record->json.len;
    return buf_add_str(&x->job->bytes, record->json) ? ERR_OK : ERR_TOO_LARGE;
}

/* Reads a bad line by the job's format: its value becomes the JSON of the event. False when it is
 * no such line, which is noted. */
static bool read_line(struct redrive_job *job, struct row *row)
{
    struct reading x = {.job = job, .row = row, .code = EVENT_BAD_LINE};
    AUTO(text_reader) reader = NULL;
    AUTO_BUF line = buf_make(row->value_len + 1);
    struct text_reader_options options = {.spec = &job->spec,
                                          .record_bytes_max =
                                              job->redrive->options.record_bytes_max,
                                          .on_record = on_line,
                                          .ctx = &x};
    (void)buf_add_str(&line, bytes_at(job, row->value_at, row->value_len)); /* fits, as below */
    (void)buf_add_byte(&line, '\n');
    err e = text_reader_new(&options, &reader, &x.detail);
    if (e == ERR_OK) {
        e = text_reader_feed(reader, buf_str(&line), &x.detail);
    }
    if (e == ERR_OK) {
        e = text_reader_finish(reader, &x.detail);
    }
    if (e == ERR_OK && x.records == 1 && x.code == EVENT_OK) {
        return true;
    }
    bool says = x.detail.text[0] != '\0';
    note_bad(job, row, x.code == EVENT_OK ? EVENT_BAD_LINE : x.code,
             says ? x.detail.text : event_code_text(EVENT_BAD_LINE));
    return false;
}

static enum row_verdict on_row(void *ctx, const json_t *json)
{
    struct redrive_job *job = ctx;
    struct row *row = &job->rows[job->row_count];
    struct topic *t = topic_of(job);
    if (t == NULL || !take_row(job, json, row) || !follows(job, row)) {
        job->query = NULL; /* ROW_STOP lets go of it */
        end_job(job, JOB_FAILED, "internal", "the dead letters came out of order, or are none");
        return ROW_STOP;
    }
    job->last = *row;
    job->has_last = true;
    if (redrive_has(job->redrive, t, row->partition, row->offset)) {
        job->already++;
        job->bytes.len = row->value_at;
        return ROW_MORE;
    }
    bool is_line = job->has_format && !row->is_large &&
                   str_is(str_from(json_string_value(json_object_get(json, "reason"))), "bad_line");
    job->judged++;
    if (!is_line || read_line(job, row)) {
        job->row_count++;
    }
    bool is_last = job->limit > 0 && job->judged >= (uint64_t)job->limit;
    if (is_last) {
        job->rows_ended = true;
    } else if (job->row_count < REDRIVE_PIECE_ROWS_MAX &&
               job->bytes.len < REDRIVE_PIECE_BYTES_MAX) {
        return ROW_MORE;
    }
    struct row_query *query = job->query;
    job->query = NULL; /* it is at work: a job that ends here must not free it */
    bool has_begun = begin_piece(job);
    if (job->state != JOB_RUNNING || is_last) {
        if (job->state == JOB_RUNNING && !has_begun) {
            next_piece(job);
        }
        return ROW_STOP;
    }
    job->query = query;
    return has_begun ? ROW_PAUSE : ROW_MORE;
}

static void on_rows_end(void *ctx, const char *code, const char *detail)
{
    struct redrive_job *job = ctx;
    job->query = NULL;
    bool again = code != NULL && job->repeats < REDRIVE_REPEATS_MAX &&
                 (strcmp(code, "query_aborted") == 0 || strcmp(code, "query_crashed") == 0);
    job->rows_ended = !again;
    job->repeats += again;
    if (code != NULL && !again) {
        (void)snprintf(job->code, sizeof job->code, "%s", code); /* codes are short */
        (void)errmsg_set(&job->detail, ERR_FAILED, "%s", detail);
        clear_piece(job);
    }
    if (job->row_count == 0 || (!begin_piece(job) && job->state == JOB_RUNNING)) {
        next_piece(job);
    }
}

static err ask(struct redrive_job *job, const struct topic *t, struct errmsg *msg)
{
    struct redrive *r = job->redrive;
    size_t record_max = r->options.record_bytes_max;
    AUTO_BUF sql = buf_make(REDRIVE_WHERE_BYTES_MAX + 4096);
    AUTO_JSON params = json_pack("[I,I,I]", (json_int_t)record_max,
                                 job->has_last ? (json_int_t)job->last.partition : (json_int_t)-1,
                                 job->has_last ? (json_int_t)job->last.offset : (json_int_t)-1);
    buf_printf(&sql,
               "SELECT reason, _partition AS p, _offset AS o, octet_length(value) AS n, "
               "CASE WHEN octet_length(value) <= $1 THEN value END AS v, _key AS k "
               "FROM (SELECT *, TRY(decode(value)) AS text FROM bronze.\"%s__dead\") AS dead "
               "WHERE (\n",
               topic_meta_of(t)->table);
    buf_puts(&sql, job->where[0] == '\0' ? "true" : job->where);
    buf_puts(&sql, "\n) AND (_partition, _offset) > ($2::INTEGER, $3::BIGINT) ORDER BY p, o");
    TRY(buf_check(&sql));
    const struct row_query_events events = {.on_row = on_row, .on_end = on_rows_end, .ctx = job};
    return row_query_start(r->options.broker, buf_str(&sql), params, 0, record_max * 2 + (4 << 20),
                           &events, &job->query, msg);
}

/* ---- requests ---- */

static struct redrive_job *running_job(const struct redrive *r, const char *topic,
                                       size_t *out_running)
{
    struct redrive_job *found = NULL;
    *out_running = 0;
    for (struct redrive_job *job = r->jobs; job != NULL; job = job->next) {
        if (job->state == JOB_RUNNING) {
            ++*out_running;
            found = strcmp(job->topic, topic) == 0 ? job : found;
        }
    }
    return found;
}

bool redrive_is_running(const struct redrive *r, const struct topic *t)
{
    size_t running = 0;
    return running_job(r, topic_meta_of(t)->name, &running) != NULL;
}

static void forget_old_jobs(struct redrive *r)
{
    size_t ended = 0;
    struct redrive_job **at = &r->jobs;
    while (*at != NULL) {
        struct redrive_job *job = *at;
        if (job->state != JOB_RUNNING && ++ended > REDRIVE_JOBS_KEPT_MAX) {
            *at = job->next;
            job_free(job);
        } else {
            at = &job->next;
        }
    }
}

static struct redrive_job *new_job(struct redrive *r, const struct topic *t,
                                   const struct redrive_request *request)
{
    struct redrive_job *job = xnew(struct redrive_job);
    const struct topic_meta *m = topic_meta_of(t);
    job->redrive = r;
    (void)snprintf(job->id, sizeof job->id, "%d-%llu", topic_store_epoch(r->options.store),
                   (unsigned long long)++r->job_count); /* fits */
    memcpy(job->topic, m->name, sizeof job->topic);
    job->uuid = m->uuid;
    job->where = xstrndup(request->where.ptr == NULL ? "" : request->where.ptr, request->where.len);
    job->limit = request->limit;
    job->has_format = request->format.len > 0;
    job->rows = xnew_array(struct row, REDRIVE_PIECE_ROWS_MAX);
    job->bytes = buf_make(REDRIVE_PIECE_BYTES_MAX + r->options.record_bytes_max + (128u << 20));
    job->listed = json_array();
    job->started_us = os_now_us();
    return job;
}

err redrive_start(struct redrive *r, struct topic *t, const struct redrive_request *request,
                  const char **out_id, struct errmsg *msg)
{
    size_t running = 0;
    struct redrive_job *other = running_job(r, topic_meta_of(t)->name, &running);
    if (other != NULL) {
        *out_id = other->id;
        return errmsg_set(msg, ERR_BUSY, "re-drive %s of this topic is running", other->id);
    }
    if (running >= REDRIVE_RUNNING_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "%zu re-drives are running; try again later", running);
    }
    enum text_format format = TEXT_NDJSON;
    TRY(redrive_where_check(request->where, msg));
    if (request->format.len > 0 && (!text_format_parse(request->format, &format) ||
                                    format == TEXT_CSV || format == TEXT_NDJSON)) {
        return errmsg_set(msg, ERR_INVALID,
                          "\"format\" is common, combined, nginx, nginx_json or apache_error");
    }
    struct redrive_book *b = redrive_book(r, t);
    if (b->is_held) {
        *out_id = NULL;
        return errmsg_set(msg, ERR_BUSY, "the topic is being deleted");
    }
    TRY(redrive_book_ready(r, b, t, msg));
    forget_old_jobs(r);
    struct redrive_job *job = new_job(r, t, request);
    job->spec = (struct text_spec){.format = format};
    err e = ask(job, t, msg);
    if (e != ERR_OK) {
        job_free(job);
        return e;
    }
    job->next = r->jobs;
    r->jobs = job;
    *out_id = job->id;
    return ERR_OK;
}

static struct redrive_job *find_job(const struct redrive *r, struct str topic, struct str id)
{
    struct redrive_job *job = r->jobs;
    while (job != NULL && !(str_is(topic, job->topic) && str_is(id, job->id))) {
        job = job->next;
    }
    return job;
}

static void set_time(json_t *json, const char *name, int64_t us)
{
    char text[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(us, text); /* the length is not needed */
    json_object_set_new(json, name, us == 0 ? json_null() : json_string(text));
}

static json_t *job_json(const struct redrive_job *job)
{
    static const char *const names[] = {"running", "done", "cancelled", "failed"};
    bool is_ending = job->state == JOB_RUNNING && job->is_cancelled;
    json_t *json = json_object();
    json_object_set_new(json, "id", json_string(job->id));
    json_object_set_new(json, "topic", json_string(job->topic));
    json_object_set_new(json, "state", json_string(is_ending ? "cancelling" : names[job->state]));
    json_object_set_new(json, "where", json_string(job->where));
    json_object_set_new(json, "format",
                        job->has_format ? json_string(text_format_name(job->spec.format))
                                        : json_null());
    json_object_set_new(json, "limit", job->limit > 0 ? json_integer(job->limit) : json_null());
    json_object_set_new(json, "redriven", json_integer((json_int_t)job->redriven));
    json_object_set_new(json, "still_bad", json_integer((json_int_t)job->still_bad));
    json_object_set_new(json, "already", json_integer((json_int_t)job->already));
    json_object_set(json, "still_bad_rows", job->listed);
    set_time(json, "started", job->started_us);
    set_time(json, "ended", job->ended_us);
    if (job->state == JOB_FAILED) {
        json_object_set_new(json, "error",
                            json_pack("{s:s,s:s}", "code", job->code, "detail", job->detail.text));
    }
    return json;
}

json_t *redrive_job(const struct redrive *r, struct str topic, struct str id)
{
    const struct redrive_job *job = find_job(r, topic, id);
    return job == NULL ? NULL : job_json(job);
}

json_t *redrive_jobs(const struct redrive *r, struct str topic)
{
    json_t *list = json_array();
    for (const struct redrive_job *job = r->jobs; job != NULL; job = job->next) {
        if (str_is(topic, job->topic)) {
            json_array_append_new(list, job_json(job));
        }
    }
    return list;
}

err redrive_cancel(struct redrive *r, struct str topic, struct str id, struct errmsg *msg)
{
    struct redrive_job *job = find_job(r, topic, id);
    if (job == NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "no re-drive %.*s of this topic is known",
                          STR_ARGS(id));
    }
    if (job->state == JOB_RUNNING) {
        job->is_cancelled = true;
        if (job->step == STEP_SELECT) {
            end_job(job, JOB_CANCELLED, "", "");
        }
    }
    return ERR_OK;
}
