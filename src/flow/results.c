/* SPDX-License-Identifier: MIT */
/* results.c - see results.h.
 *
 * One list of files, newest first: results and their copies (sorted, filtered). A file is removed
 * when it is out of the list and nobody uses it; files are made and removed outside of the lock. */
#include "flow/results.h"

#include <pthread.h>
#include <time.h>

#include "base/log.h"
#include "base/timefmt.h"
#include "os/clock.h"

enum { ID_BYTES = 16, ID_TEXT_BYTES = 2 * ID_BYTES + 1, COPIES_MAX = 8, POLL_US = 20 * 1000 };

enum over { OVER_NOT, OVER_ALONE, OVER_WITH_OTHERS };

struct file {
    struct file *next;
    struct file *base;       /* of a copy: the result, which it keeps in use; NULL: a result */
    struct sql_store *store; /* owned */
    char id[ID_TEXT_BYTES];  /* of a result */
    json_t *columns;         /* owned; of a result */
    char *key;               /* owned; of a copy: how it is shown */
    uint64_t rows;
    uint64_t bytes;
    int64_t made_us; /* wall clock, as the next one */
    int64_t used_us;
    int64_t used_mono_us; /* monotonic, and no two the same */
    unsigned users;
    bool is_gone;     /* out of the list */
    bool is_finished; /* nothing of it is only in memory, or it cannot be helped */
    /* while it is written */
    struct sql_conn *conn; /* borrowed; NULL: it is ready */
    enum over over;
    bool is_cancelled;
    bool is_disk_full;
};

struct results {
    struct results_options options;
    char *dir; /* owned */
    pthread_mutex_t lock;
    pthread_cond_t ready; /* a copy is ready, or will not be */
    struct file *files;   /* those in use after they are gone are not in it */
    struct file *rubbish; /* what results_tick() removes: nobody waits for that */
    int64_t used_mono_us; /* the last use of any */
    uint64_t gone_bytes;  /* of files that are out of the list and still read */
    size_t beginning;     /* results that have a place and are not in the list yet */
};

struct results_writer {
    struct results *results;
    struct file *file; /* one user */
};
struct results_reader {
    struct results *results;
    struct file *base; /* one user */
    struct file *copy; /* one user; NULL: the base is shown */
};

static void lock(struct results *r)
{
    (void)pthread_mutex_lock(&r->lock); /* cannot fail: a plain lock */
}
static void unlock(struct results *r)
{
    (void)pthread_mutex_unlock(&r->lock);
}

static void file_free(struct file *f)
{
    sql_store_free(f->store);
    json_decref(f->columns);
    free(f->key);
    free(f);
}

static void free_gone(struct file *gone)
{
    while (gone != NULL) {
        struct file *f = gone;
        gone = f->next;
        file_free(f);
    }
}

struct results *results_new(const struct results_options *options)
{
    struct results *r = xnew(struct results);
    r->options = *options;
    r->dir = xstrdup(options->dir);
    (void)pthread_mutex_init(&r->lock, NULL); /* neither can fail with default attributes */
    (void)pthread_cond_init(&r->ready, NULL);
    return r;
}

void results_free(struct results *r)
{
    if (r == NULL) {
        return;
    }
    free_gone(r->rubbish);
    while (r->files != NULL) {
        struct file *f = r->files;
        ASSERT(f->users == 0);
        r->files = f->next;
        file_free(f);
    }
    (void)pthread_cond_destroy(&r->ready);
    (void)pthread_mutex_destroy(&r->lock);
    free(r->dir);
    free(r);
}

/* ---- the list; all under the lock ---- */

/* No two uses have the same time, so that there is always one that was used last. */
static void touch(struct results *r, struct file *f)
{
    r->used_mono_us = MAX(os_mono_us(), r->used_mono_us + 1);
    f->used_us = os_now_us();
    f->used_mono_us = r->used_mono_us;
}

/* Out of the list, and to `gone` when nobody uses it. */
static void take_out(struct results *r, struct file *f, struct file **gone)
{
    struct file **at = &r->files;
    while (*at != f) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = f->next;
    f->is_gone = true;
    f->next = NULL;
    if (f->users == 0) {
        f->next = *gone;
        *gone = f;
    } else {
        r->gone_bytes += f->bytes;
    }
}

/* A result, with its copies. */
static void take_out_all(struct results *r, struct file *base, struct file **gone)
{
    struct file *next = NULL;
    for (struct file *f = r->files; f != NULL; f = next) {
        next = f->next;
        if (f->base == base && f->conn == NULL) {
            take_out(r, f, gone);
        }
    }
    take_out(r, base, gone);
}

static bool is_result(const struct file *f)
{
    return f->base == NULL && f->conn == NULL;
}

/* What was not used for the longest: copies before their results, which are used with them. With
 * `base`: of its copies. */
static struct file *oldest(struct results *r, const struct file *base)
{
    struct file *found = NULL;
    for (struct file *f = r->files; f != NULL; f = f->next) {
        bool fits = f->users == 0 && (base == NULL || f->base == base);
        found = fits && (found == NULL || f->used_mono_us < found->used_mono_us) ? f : found;
    }
    return found;
}

static void evict(struct results *r, struct file *f, struct file **gone)
{
    if (f->base == NULL) {
        take_out_all(r, f, gone);
    } else {
        take_out(r, f, gone);
    }
}

/* Also of what was dropped while somebody reads it: it takes its place until he has. */
static uint64_t sum_bytes(const struct results *r)
{
    uint64_t bytes = r->gone_bytes;
    for (const struct file *f = r->files; f != NULL; f = f->next) {
        bytes += f->bytes;
    }
    return bytes;
}

/* Of what is kept, with `ended`, which is about to be: all, and what nobody can make go. */
static void sum_kept(const struct results *r, const struct file *ended, uint64_t *out_all,
                     uint64_t *out_in_use)
{
    *out_all = r->gone_bytes;
    *out_in_use = r->gone_bytes;
    for (const struct file *f = r->files; f != NULL; f = f->next) {
        bool is_kept = f->conn == NULL || f == ended;
        *out_all += is_kept ? f->bytes : 0;
        *out_in_use += is_kept && f->users > 0 ? f->bytes : 0;
    }
}

/* For `ended`, which is written to its end. False: the bound is passed by what is in use alone;
 * then nobody has made way for what is not kept. */
static bool make_room(struct results *r, const struct file *ended, struct file **gone)
{
    uint64_t all = 0;
    uint64_t in_use = 0;
    sum_kept(r, ended, &all, &in_use);
    while (in_use <= r->options.bytes_max && all > r->options.bytes_max) {
        struct file *f = oldest(r, NULL);
        ASSERT(f != NULL); /* the difference is of those that nobody uses */
        evict(r, f, gone);
        sum_kept(r, ended, &all, &in_use);
    }
    return in_use <= r->options.bytes_max;
}

static struct file *find(struct results *r, struct str id)
{
    struct file *f = r->files;
    while (f != NULL && !(is_result(f) && str_is(id, f->id))) {
        f = f->next;
    }
    return f;
}

/* One user less. */
static void leave(struct results *r, struct file *f, struct file **gone)
{
    ASSERT(f->users > 0);
    f->users--;
    if (f->users == 0 && f->is_gone) {
        ASSERT(r->gone_bytes >= f->bytes);
        r->gone_bytes -= f->bytes;
        f->next = *gone;
        *gone = f;
    }
}

/* ---- what has its time ---- */

/* What is written may take as much as the bound beside what is kept and not in use: nobody makes
 * way for it before it is known to fit. */
static bool grows_too_large(const struct results *r)
{
    uint64_t all = 0;
    uint64_t bytes = 0;
    sum_kept(r, NULL, &all, &bytes);
    for (const struct file *f = r->files; f != NULL; f = f->next) {
        bytes += f->conn != NULL && f->over == OVER_NOT ? f->bytes : 0;
    }
    return bytes > r->options.bytes_max;
}

/* The largest that is written now is told to stop. */
static void stop_largest(struct results *r)
{
    struct file *largest = NULL;
    for (struct file *f = r->files; f != NULL; f = f->next) {
        bool counts = f->conn != NULL && f->over == OVER_NOT;
        largest = counts && (largest == NULL || f->bytes > largest->bytes) ? f : largest;
    }
    if (largest != NULL) {
        largest->over = largest->bytes > r->options.bytes_max ? OVER_ALONE : OVER_WITH_OTHERS;
        sql_conn_interrupt(largest->conn);
    }
}

/* One that is ready and could not be finished when it was; with one more user. */
static struct file *unfinished(struct results *r)
{
    lock(r);
    struct file *f = r->files;
    while (f != NULL && (f->is_finished || f->conn != NULL)) {
        f = f->next;
    }
    if (f != NULL) {
        f->users++;
    }
    unlock(r);
    return f;
}

/* Tries one of them again. What goes wrong is left as it is: the rows can be read. */
static void finish_late(struct results *r)
{
    struct file *f = unfinished(r);
    if (f == NULL) {
        return;
    }
    bool is_done = false;
    struct file *gone = NULL;
    err e = sql_store_finish(f->store, &is_done, NULL);
    uint64_t bytes = sql_store_bytes(f->store);
    lock(r);
    f->is_finished = is_done || e != ERR_OK;
    f->bytes = f->is_gone ? f->bytes : bytes; /* what is gone is summed up already */
    leave(r, f, &gone);
    unlock(r);
    free_gone(gone);
}

bool results_tick(struct results *r)
{
    finish_late(r);
    bool any_grows = false;
    lock(r);
    struct file *gone = r->rubbish;
    r->rubbish = NULL;
    int64_t now_us = os_mono_us();
    for (struct file *f = r->files; f != NULL; f = f->next) {
        if (f->conn != NULL) {
            f->bytes = sql_store_bytes(f->store);
            any_grows = true;
        }
    }
    for (struct file *f = oldest(r, NULL);
         f != NULL && now_us - f->used_mono_us > r->options.age_ms * 1000; f = oldest(r, NULL)) {
        evict(r, f, &gone);
    }
    if (any_grows && grows_too_large(r)) {
        stop_largest(r);
    }
    unlock(r);
    free_gone(gone);
    return any_grows;
}

uint64_t results_bytes(struct results *r)
{
    lock(r);
    uint64_t bytes = sum_bytes(r);
    unlock(r);
    return bytes;
}

/* ---- writing ---- */

/* A new file in the list, with one user. A copy uses its base. */
static err add_file(struct results *r, struct sql_conn *conn, struct file *base, const char *key,
                    struct file **out_file, struct errmsg *msg)
{
    struct uuid_text name = os_uuid_new();
    AUTO_TEXT path = xasprintf("%s/%s.result", r->dir, name.text);
    struct sql_store *store = NULL;
    TRY(sql_store_new(r->options.engine, path, &store, msg));
    struct file *f = xnew(struct file);
    f->store = store;
    f->conn = conn;
    f->users = 1;
    f->made_us = os_now_us();
    f->base = base;
    f->key = key != NULL ? xstrdup(key) : NULL;
    lock(r);
    touch(r, f);
    if (base != NULL) {
        base->users++;
    } else {
        r->beginning--; /* it takes its place here */
    }
    f->next = r->files;
    r->files = f;
    unlock(r);
    *out_file = f;
    return ERR_OK;
}

static bool has_place(struct results *r, struct file **gone)
{
    for (;;) {
        size_t count = r->beginning;
        struct file *last = NULL;
        for (struct file *f = r->files; f != NULL; f = f->next) {
            count += f->base == NULL;
            bool older = last == NULL || f->used_mono_us < last->used_mono_us;
            last = is_result(f) && f->users == 0 && older ? f : last;
        }
        if (count < r->options.count_max) {
            return true;
        }
        if (last == NULL) {
            return false;
        }
        take_out_all(r, last, gone);
    }
}

err results_begin(struct results *r, struct sql_conn *conn, struct results_writer **out_writer,
                  struct errmsg *msg)
{
    struct file *gone = NULL;
    lock(r);
    bool ok = has_place(r, &gone);
    r->beginning += ok;
    unlock(r);
    free_gone(gone);
    if (!ok) {
        return errmsg_set(msg, ERR_LIMIT,
                          "all %u results (results_max) are being written or read; try again when "
                          "one has ended",
                          r->options.count_max);
    }
    struct file *file = NULL;
    err e = add_file(r, conn, NULL, NULL, &file, msg);
    if (e != ERR_OK) {
        lock(r);
        r->beginning--;
        unlock(r);
        return e;
    }
    struct results_writer *w = xnew(struct results_writer);
    *w = (struct results_writer){.results = r, .file = file};
    *out_writer = w;
    return ERR_OK;
}

struct sql_store *results_writer_store(struct results_writer *w)
{
    return w->file->store;
}

static err over_words(const struct results *r, enum over over, bool is_copy, struct errmsg *msg)
{
    unsigned long long mib = r->options.bytes_max >> 20;
    if (over == OVER_ALONE && !is_copy) {
        return errmsg_set(msg, ERR_TOO_LARGE,
                          "the result is larger than %llu MiB, which is what stored results may "
                          "take (result_bytes_max); ask for fewer rows or columns, aggregate, or "
                          "download it: the same query with \"format\": \"csv\" or \"parquet\" and "
                          "without \"store\" has no such limit",
                          mib);
    }
    return errmsg_set(
        msg, ERR_LIMIT,
        "stored results may take %llu MiB (result_bytes_max), and there is no room "
        "for this %s beside those in use; drop some with DELETE /api/v1/results/{id}, "
        "or %s",
        mib, is_copy ? "sorted or filtered copy" : "one",
        is_copy ? "sort and filter in the query" : "try again later");
}

static err disk_full(struct errmsg *msg)
{
    return errmsg_set(msg, ERR_NOSPACE,
                      "the disk is full, so the rows were not kept; free space, or ask without "
                      "\"store\"");
}

static err file_why(struct results *r, struct file *f, err e, struct errmsg *msg)
{
    lock(r);
    enum over over = f->over;
    bool is_copy = f->base != NULL;
    f->is_cancelled = e == ERR_CANCELLED && over == OVER_NOT;
    f->is_disk_full = e == ERR_NOSPACE && strstr(msg->text, "No space left") != NULL;
    unlock(r);
    if (f->is_disk_full) {
        return disk_full(msg);
    }
    return over == OVER_NOT ? e : over_words(r, over, is_copy, msg);
}

err results_writer_why(struct results_writer *w, err e, struct errmsg *msg)
{
    return file_why(w->results, w->file, e, msg);
}

bool results_writer_is_disk_full(const struct results_writer *w)
{
    return w->file->is_disk_full;
}

/* It is not written any more. With an error it does not count; nothing interrupts after this. */
static err end_writing(struct results *r, struct file *f, uint64_t rows, struct errmsg *msg)
{
    struct file *gone = NULL;
    bool is_done = false;
    err e = sql_store_finish(f->store, &is_done, msg);
    uint64_t bytes = sql_store_bytes(f->store);
    lock(r);
    f->is_finished = is_done;
    f->bytes = bytes;
    f->rows = rows;
    touch(r, f);
    if (e == ERR_OK && f->over == OVER_NOT && !make_room(r, f, &gone)) {
        f->over = f->bytes > r->options.bytes_max ? OVER_ALONE : OVER_WITH_OTHERS;
    }
    enum over over = f->over;
    f->conn = over == OVER_NOT && e == ERR_OK ? NULL : f->conn;
    (void)pthread_cond_broadcast(&r->ready);
    unlock(r);
    free_gone(gone);
    if (e != ERR_OK) {
        return e == ERR_NOSPACE ? disk_full(msg) : e;
    }
    return over == OVER_NOT ? ERR_OK : over_words(r, over, f->base != NULL, msg);
}

/* Takes a file away that its writer has not brought to an end. It may be large, and whoever has
 * cancelled waits for the statement's end: then it is removed a little later. */
static void drop_unwritten(struct results *r, struct file *f)
{
    struct file *gone = NULL;
    lock(r);
    struct file **where = f->is_cancelled ? &r->rubbish : &gone;
    f->conn = NULL;
    take_out(r, f, where);
    if (f->base != NULL) {
        leave(r, f->base, where);
    }
    leave(r, f, where);
    (void)pthread_cond_broadcast(&r->ready);
    unlock(r);
    free_gone(gone);
}

void results_writer_free(struct results_writer *w)
{
    if (w != NULL) {
        drop_unwritten(w->results, w->file);
        free(w);
    }
}

static void make_id(char out[ID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[ID_BYTES];
    os_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[ID_TEXT_BYTES - 1] = '\0';
}

err results_keep(struct results_writer **writer, json_t *columns, uint64_t rows,
                 struct results_reader **out_reader, struct errmsg *msg)
{
    struct results_writer *w = *writer;
    struct file *f = w->file;
    f->columns = columns;
    make_id(f->id);
    TRY(end_writing(w->results, f, rows, msg));
    struct results_reader *reader = xnew(struct results_reader);
    *reader = (struct results_reader){.results = w->results, .base = f};
    *writer = NULL;
    free(w);
    *out_reader = reader;
    return ERR_OK;
}

/* ---- reading ---- */

static err not_found(struct errmsg *msg)
{
    return errmsg_set(msg, ERR_NOT_FOUND,
                      "there is no such result any more: it was not used for long (result_age), "
                      "made way for newer ones, or the query process was restarted; run the query "
                      "again");
}

err results_open(struct results *r, struct str id, struct results_reader **out_reader,
                 struct errmsg *msg)
{
    lock(r);
    struct file *f = find(r, id);
    if (f != NULL) {
        f->users++;
        touch(r, f);
    }
    unlock(r);
    if (f == NULL) {
        return not_found(msg);
    }
    struct results_reader *reader = xnew(struct results_reader);
    *reader = (struct results_reader){.results = r, .base = f};
    *out_reader = reader;
    return ERR_OK;
}

void results_reader_free(struct results_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    struct file *gone = NULL;
    lock(reader->results);
    if (reader->copy != NULL) {
        touch(reader->results, reader->copy);
        leave(reader->results, reader->copy, &gone);
    }
    touch(reader->results, reader->base);
    leave(reader->results, reader->base, &gone);
    unlock(reader->results);
    free_gone(gone);
    free(reader);
}

/* ---- shown sorted or filtered ---- */

static char *key_of(const struct results_shown *shown)
{
    AUTO_BUF key = buf_make(1 << 20);
    buf_add_str(&key, shown->sort);
    for (size_t i = 0; shown->filters != NULL && i < json_array_size(shown->filters); i++) {
        buf_add_byte(&key, '\n');
        (void)json_write(json_array_get(shown->filters, i), &key); /* text is JSON text */
    }
    return xstrdup(buf_cstr(&key));
}

/* Under the lock: the copy, ready or being made by somebody. */
static struct file *find_copy(struct results *r, const struct file *base, const char *key)
{
    struct file *f = r->files;
    while (f != NULL && !(f->base == base && f->key != NULL && strcmp(f->key, key) == 0)) {
        f = f->next;
    }
    return f;
}

/* Waits while somebody else makes it. *out_copy: with one more user; NULL: there is none. */
static err await_copy(struct results_reader *reader, const char *key, const atomic_bool *cancel,
                      struct file **out_copy, struct errmsg *msg)
{
    struct results *r = reader->results;
    lock(r);
    struct file *f = find_copy(r, reader->base, key);
    while (f != NULL && f->conn != NULL && !(cancel != NULL && atomic_load(cancel))) {
        int64_t until_us = os_mono_us() + POLL_US;
        struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
        (void)pthread_cond_clockwait(&r->ready, &r->lock, CLOCK_MONOTONIC, &until);
        f = find_copy(r, reader->base, key);
    }
    bool is_ready = f != NULL && f->conn == NULL;
    if (is_ready) {
        f->users++;
        touch(r, f);
    }
    unlock(r);
    if (f != NULL && !is_ready) {
        return errmsg_set(msg, ERR_CANCELLED, "cancelled");
    }
    *out_copy = f;
    return ERR_OK;
}

static err fill_copy(struct results_reader *reader, struct file *copy,
                     const struct results_shown *shown, struct errmsg *msg)
{
    AUTO_BUF where = buf_make(1 << 20);
    AUTO_BUF order = buf_make(1 << 20);
    AUTO_JSON params = json_array();
    const json_t *columns = reader->base->columns;
    TRY(results_shown_sql(shown, columns, &where, &order, params, msg));
    AUTO_BUF sql = buf_make(4 << 20);
    buf_printf(&sql, "SELECT * FROM %s t", sql_store_table(reader->base->store));
    buf_puts(&sql, where.len > 0 ? " WHERE " : "");
    buf_add_str(&sql, buf_str(&where));
    buf_puts(&sql, " ORDER BY ");
    buf_add_str(&sql, buf_str(&order));
    buf_puts(&sql, "t.rowid"); /* equal ones stay in order */
    TRY(buf_check(&where));
    TRY(buf_check(&order));
    TRY(buf_check(&sql));
    uint64_t rows = 0;
    err e = sql_store_fill(copy->store, copy->conn, buf_str(&sql), json_array_size(columns), params,
                           &rows, msg);
    if (e != ERR_OK) {
        return file_why(reader->results, copy, e, msg);
    }
    return end_writing(reader->results, copy, rows, msg);
}

/* Too many copies of one result: the one not used for the longest goes. */
static void thin_copies(struct results_reader *reader)
{
    struct results *r = reader->results;
    struct file *gone = NULL;
    lock(r);
    size_t count = 0;
    for (struct file *f = r->files; f != NULL; f = f->next) {
        count += f->base == reader->base;
    }
    struct file *last = oldest(r, reader->base);
    if (count >= COPIES_MAX && last != NULL) {
        take_out(r, last, &gone);
    }
    unlock(r);
    free_gone(gone);
}

err results_show(struct results_reader *reader, const struct results_shown *shown,
                 struct sql_conn *conn, const atomic_bool *cancel, struct errmsg *msg)
{
    ASSERT(reader->copy == NULL);
    struct results *r = reader->results;
    bool is_plain =
        shown->sort.len == 0 && (shown->filters == NULL || json_array_size(shown->filters) == 0);
    if (is_plain) {
        return ERR_OK;
    }
    AUTO_TEXT key = key_of(shown);
    TRY(await_copy(reader, key, cancel, &reader->copy, msg));
    if (reader->copy != NULL) {
        return ERR_OK;
    }
    thin_copies(reader);
    struct file *copy = NULL;
    TRY(add_file(r, conn, reader->base, key, &copy, msg)); /* two may make the same: no harm */
    err e = fill_copy(reader, copy, shown, msg);
    if (e != ERR_OK) {
        drop_unwritten(r, copy);
        return e;
    }
    struct file *gone = NULL;
    lock(r);
    if (copy->base->is_gone && !copy->is_gone) { /* dropped while the copy was not yet ready */
        take_out(r, copy, &gone);
    }
    leave(r, copy->base, &gone); /* the reader has it too */
    unlock(r);
    ASSERT(gone == NULL);
    reader->copy = copy;
    return ERR_OK;
}

/* ---- what a reader tells; the fields do not change any more ---- */

const char *results_id(const struct results_reader *reader)
{
    return reader->base->id;
}
const json_t *results_columns(const struct results_reader *reader)
{
    return reader->base->columns;
}
uint64_t results_rows(const struct results_reader *reader)
{
    return reader->copy != NULL ? reader->copy->rows : reader->base->rows;
}
uint64_t results_rows_total(const struct results_reader *reader)
{
    return reader->base->rows;
}
uint64_t results_bytes_of(const struct results_reader *reader)
{
    return reader->base->bytes;
}
int64_t results_expires_us(const struct results_reader *reader)
{
    return os_now_us() + reader->results->options.age_ms * 1000;
}

void results_add_select(const struct results_reader *reader, uint64_t from, uint64_t count,
                        struct buf *out)
{
    const struct file *shown = reader->copy != NULL ? reader->copy : reader->base;
    buf_puts(out, "SELECT ");
    for (size_t i = 0; i < json_array_size(reader->base->columns); i++) {
        const json_t *name = json_object_get(json_array_get(reader->base->columns, i), "name");
        buf_printf(out, "%st.\"%zu\" AS ", i == 0 ? "" : ",", i);
        sql_add_name(out, str_of(json_string_value(name), json_string_length(name)));
    }
    buf_printf(out, " FROM %s t", sql_store_table(shown->store));
    if (count > 0) {
        buf_printf(out, " WHERE t.rowid >= %llu AND t.rowid < %llu ORDER BY t.rowid",
                   (unsigned long long)from, (unsigned long long)from + count);
    }
}

/* ---- all ---- */

static void add_time(struct buf *out, const char *member, int64_t us)
{
    char time[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(us, time); /* the length is not needed */
    buf_printf(out, ",\"%s\":\"%s\"", member, time);
}

static void add_result(const struct results *r, const struct file *base, struct buf *out)
{
    uint64_t bytes = base->bytes;
    for (const struct file *f = r->files; f != NULL; f = f->next) {
        bytes += f->base == base ? f->bytes : 0;
    }
    buf_printf(out, "{\"id\":\"%s\",\"row_count\":%llu,\"bytes\":%llu", base->id,
               (unsigned long long)base->rows, (unsigned long long)bytes);
    add_time(out, "created", base->made_us);
    add_time(out, "last_used", base->used_us);
    add_time(out, "expires_at", base->used_us + r->options.age_ms * 1000);
    buf_puts(out, ",\"columns\":");
    (void)json_write(base->columns, out); /* sticky */
    buf_add_byte(out, '}');
}

void results_list(struct results *r, struct buf *out)
{
    const char *comma = "";
    buf_puts(out, "{\"results\":[");
    lock(r);
    for (const struct file *f = r->files; f != NULL; f = f->next) {
        if (is_result(f)) {
            buf_puts(out, comma);
            add_result(r, f, out);
            comma = ",";
        }
    }
    uint64_t bytes = sum_bytes(r);
    unlock(r);
    buf_printf(out, "],\"bytes\":%llu,\"bytes_max\":%llu,\"count_max\":%u}",
               (unsigned long long)bytes, (unsigned long long)r->options.bytes_max,
               r->options.count_max);
}

err results_drop(struct results *r, struct str id, struct errmsg *msg)
{
    struct file *gone = NULL;
    lock(r);
    struct file *f = find(r, id);
    if (f != NULL) {
        take_out_all(r, f, &gone);
    }
    unlock(r);
    free_gone(gone);
    return f == NULL ? not_found(msg) : ERR_OK;
}
