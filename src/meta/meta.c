/* SPDX-License-Identifier: MIT */
/* meta.c - see meta.h.
 *
 * Two tables: `doc`, and `counter` with its one row, the last version given. WAL with
 * synchronous=FULL: a commit is one fsync of the WAL. Statements are prepared per call: calls are
 * rare. Every change is one transaction, rolled back on any error. */
#include "meta/meta.h"

#include <sqlite3.h>
#include <stdio.h>

#include "os/clock.h"
#include "os/file.h"

enum {
    META_MAGIC = 0x4d455441,
    META_FORMAT = 1,                /* PRAGMA user_version */
    META_APPLICATION = 0x7461726e,  /* PRAGMA application_id: "tarn" */
    META_BUSY_MS = 100,             /* the reactor waits no longer for another program */
    META_CHECK_BYTES_MAX = 64 << 20 /* a larger file is not read through when it is opened */
};

struct meta {
    uint32_t magic;
    sqlite3 *db; /* owned; NULL: unusable */
    char *path;  /* owned */
    err failed;  /* ERR_OK, or what every call (unusable) or every change (FAILED) answers */
    struct errmsg why;
};

/* ---- errors ---- */

static err meta_err_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_FULL:
        return ERR_NOSPACE;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return ERR_DENIED;
    case SQLITE_IOERR:
        return ERR_IO;
    default: /* CORRUPT, NOTADB, FORMAT; and what only a foreign or damaged schema brings about */
        return ERR_CORRUPT;
    }
}

static err meta_error(const struct meta *m, int code, struct errmsg *msg)
{
    err e = meta_err_of(code);
    if (e == ERR_OK) {
        return ERR_OK;
    }
    const char *text = m->db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(m->db);
    const char *advice =
        e == ERR_BUSY      ? "; another program holds it: close it there and try again"
        : e == ERR_NOSPACE ? "; nothing was changed: free space on the disk and try again"
        : e == ERR_CORRUPT ? "; the file is damaged: stop the server and put back a copy, or move "
                             "it away to start with an empty one"
                           : "";
    return errmsg_set(msg, e, "%s: %s%s", m->path, text, advice);
}

static err meta_run(struct meta *m, const char *sql, struct errmsg *msg)
{
    return meta_error(m, sqlite3_exec(m->db, sql, NULL, NULL, NULL), msg);
}

static void stmt_finalize(sqlite3_stmt **stmt)
{
    (void)sqlite3_finalize(*stmt); /* repeats the error of the step, which was looked at */
}
#define AUTO_STMT __attribute__((cleanup(stmt_finalize))) sqlite3_stmt *

static err prepare(struct meta *m, const char *sql, sqlite3_stmt **out_stmt, struct errmsg *msg)
{
    return meta_error(m, sqlite3_prepare_v2(m->db, sql, -1, out_stmt, NULL), msg);
}

static err bind_str(struct meta *m, sqlite3_stmt *stmt, int at, struct str text, struct errmsg *msg)
{
    const char *ptr = text.len == 0 ? "" : text.ptr; /* a NULL pointer would bind NULL */
    return meta_error(m, sqlite3_bind_text(stmt, at, ptr, (int)text.len, SQLITE_STATIC), msg);
}

/* Steps to a row (true in *out_row) or to the end. */
static err step(struct meta *m, sqlite3_stmt *stmt, bool *out_row, struct errmsg *msg)
{
    int code = sqlite3_step(stmt);
    *out_row = code == SQLITE_ROW;
    return meta_error(m, code, msg);
}

/* ---- open ---- */

static err read_i64(struct meta *m, const char *sql, int64_t *out_value, struct errmsg *msg)
{
    AUTO_STMT stmt = NULL;
    bool row = false;
    TRY(prepare(m, sql, &stmt, msg));
    TRY(step(m, stmt, &row, msg));
    if (!row) {
        return meta_error(m, SQLITE_CORRUPT, msg);
    }
    *out_value = sqlite3_column_int64(stmt, 0);
    return ERR_OK;
}

static err check_whole(struct meta *m, struct errmsg *msg)
{
    struct os_stat st;
    TRY(os_stat(m->path, &st, msg));
    if (st.size_bytes > META_CHECK_BYTES_MAX) {
        return ERR_OK; /* damage shows when it is met */
    }
    AUTO_STMT stmt = NULL;
    bool row = false;
    TRY(prepare(m, "PRAGMA quick_check(1)", &stmt, msg));
    TRY(step(m, stmt, &row, msg));
    const char *text = row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    return text != NULL && strcmp(text, "ok") == 0 ? ERR_OK : meta_error(m, SQLITE_CORRUPT, msg);
}

static err make_schema(struct meta *m, struct errmsg *msg)
{
    char sql[1024];
    int len = snprintf(sql, sizeof sql,
                       "BEGIN IMMEDIATE;"
                       "CREATE TABLE doc(kind TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL,"
                       " version INTEGER NOT NULL, created_us INTEGER NOT NULL,"
                       " updated_us INTEGER NOT NULL);"
                       "CREATE UNIQUE INDEX doc_by_id ON doc(kind, id);"
                       "CREATE TABLE counter(last_version INTEGER NOT NULL);"
                       "INSERT INTO counter VALUES(0);"
                       "PRAGMA application_id=%d; PRAGMA user_version=%d;"
                       "COMMIT",
                       META_APPLICATION, META_FORMAT);
    ASSERT(len > 0 && (size_t)len < sizeof sql);
    err e = meta_run(m, sql, msg);
    if (e != ERR_OK) {
        (void)meta_run(m, "ROLLBACK", NULL); /* the first error is what counts */
    }
    return e;
}

static err check_schema(struct meta *m, struct errmsg *msg)
{
    int64_t format = 0;
    int64_t application = 0;
    int64_t tables = 0;
    TRY(read_i64(m, "PRAGMA user_version", &format, msg));
    TRY(read_i64(m, "PRAGMA application_id", &application, msg));
    TRY(read_i64(m, "SELECT count(*) FROM sqlite_schema", &tables, msg));
    if (format == 0 && tables == 0) {
        return make_schema(m, msg);
    }
    if (application != META_APPLICATION) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is another program's SQLite file; move it away",
                          m->path);
    }
    if (format > META_FORMAT) {
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "%s was written by a newer tarn (format %lld, this one knows %d); use "
                          "that version",
                          m->path, (long long)format, META_FORMAT);
    }
    if (format < META_FORMAT) {
        return errmsg_set(msg, ERR_CORRUPT, "%s has format %lld, which no tarn ever wrote", m->path,
                          (long long)format);
    }
    return check_whole(m, msg);
}

static err make_file(const char *path, struct errmsg *msg)
{
    const char *slash = strrchr(path, '/');
    AUTO_TEXT dir = slash == NULL ? xstrdup(".") : xstrndup(path, (size_t)(slash - path));
    if (os_exists(path)) {
        return ERR_OK;
    }
    /* SQLite would make it readable for all; what it makes beside it gets the same mode. */
    AUTO_FD fd = -1;
    TRY(os_mkdirs(dir, msg));
    TRY(os_open(path, O_RDWR | O_CREAT, &fd, msg));
    return os_fsync_dir(dir, msg);
}

static err open_db(struct meta *m, struct errmsg *msg)
{
    TRY(make_file(m->path, msg));
    int code = sqlite3_open_v2(m->path, &m->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        return meta_error(m, code, msg);
    }
    (void)sqlite3_extended_result_codes(m->db, 1); /* these four cannot fail on an open handle */
    (void)sqlite3_busy_timeout(m->db, META_BUSY_MS);
    (void)sqlite3_db_config(m->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(m->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_limit(m->db, SQLITE_LIMIT_LENGTH, 2 * META_JSON_BYTES_MAX);
    TRY(meta_run(m,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cell_size_check=1;"
                 "PRAGMA journal_size_limit=4194304",
                 msg));
    return check_schema(m, msg);
}

err meta_open(const char *path, struct meta **out_meta, struct errmsg *msg)
{
    ASSERT(path != NULL);
    ASSERT(out_meta != NULL);
    struct meta *m = xnew(struct meta);
    m->magic = META_MAGIC;
    m->path = xstrdup(path);
    err e = open_db(m, msg);
    if (e != ERR_OK) {
        meta_free(m);
        return e;
    }
    *out_meta = m;
    return ERR_OK;
}

struct meta *meta_unusable(err e, const struct errmsg *why)
{
    ASSERT(e != ERR_OK);
    struct meta *m = xnew(struct meta);
    m->magic = META_MAGIC;
    m->failed = e;
    m->why = *why;
    return m;
}

void meta_free(struct meta *m)
{
    if (m == NULL) {
        return;
    }
    ASSERT(m->magic == META_MAGIC);
    (void)sqlite3_close(
        m->db); /* no statement is left; what it cannot fold back stays in the WAL */
    m->magic = 0;
    free(m->path);
    free(m);
}

/* ---- documents ---- */

void meta_doc_deinit(struct meta_doc *doc)
{
    free(doc->id);
    free(doc->json);
    *doc = (struct meta_doc){0};
}

void meta_page_deinit(struct meta_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        meta_doc_deinit(&page->docs[i]);
    }
    free(page->docs);
    *page = (struct meta_page){0};
}

static bool kind_is_valid(const char *kind)
{
    size_t len = strlen(kind);
    return len > 0 && len <= META_KIND_BYTES_MAX &&
           strspn(kind, "abcdefghijklmnopqrstuvwxyz_") == len;
}

static err check_id(struct str id, struct errmsg *msg)
{
    if (id.len == 0 || id.len > META_ID_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "an id has 1 to %d bytes", META_ID_BYTES_MAX);
    }
    if (str_find(id, '\0') >= 0 || !str_is_utf8(id)) {
        return errmsg_set(msg, ERR_INVALID, "an id is UTF-8 text without NUL");
    }
    return ERR_OK;
}

static err check_usable(const struct meta *m, bool change, struct errmsg *msg)
{
    ASSERT(m != NULL);
    ASSERT(m->magic == META_MAGIC);
    bool answers = m->db != NULL && !change; /* reading goes on after a failed write */
    return m->failed == ERR_OK || answers ? ERR_OK : errmsg_set(msg, m->failed, "%s", m->why.text);
}

/* Columns: id, json, version, created_us, updated_us. */
static err take_row(struct meta *m, sqlite3_stmt *stmt, struct meta_doc *out_doc,
                    struct errmsg *msg)
{
    const char *id = (const char *)sqlite3_column_text(stmt, 0);
    const char *json = (const char *)sqlite3_column_text(stmt, 1);
    if (id == NULL || json == NULL) {
        return meta_error(m, SQLITE_CORRUPT, msg);
    }
    *out_doc = (struct meta_doc){.id = xstrdup(id),
                                 .json = xstrdup(json),
                                 .version = sqlite3_column_int64(stmt, 2),
                                 .created_us = sqlite3_column_int64(stmt, 3),
                                 .updated_us = sqlite3_column_int64(stmt, 4)};
    return ERR_OK;
}

/* NOT_FOUND with a message of its own. */
static err find(struct meta *m, const char *kind, struct str id, struct meta_doc *out_doc,
                struct errmsg *msg)
{
    AUTO_STMT stmt = NULL;
    bool row = false;
    TRY(prepare(m,
                "SELECT id, json, version, created_us, updated_us FROM doc WHERE kind=? AND id=?",
                &stmt, msg));
    TRY(bind_str(m, stmt, 1, str_from(kind), msg));
    TRY(bind_str(m, stmt, 2, id, msg));
    TRY(step(m, stmt, &row, msg));
    if (!row) {
        return errmsg_set(msg, ERR_NOT_FOUND, "there is no \"%.*s\"", STR_ARGS(id));
    }
    return take_row(m, stmt, out_doc, msg);
}

err meta_get(struct meta *m, const char *kind, struct str id, struct meta_doc *out_doc,
             struct errmsg *msg)
{
    ASSERT(kind_is_valid(kind));
    TRY(check_usable(m, false, msg));
    TRY(check_id(id, msg));
    return find(m, kind, id, out_doc, msg);
}

/* ---- changes ---- */

static err count_kind(struct meta *m, const char *kind, int64_t *out_count, struct errmsg *msg)
{
    AUTO_STMT stmt = NULL;
    bool row = false;
    TRY(prepare(m, "SELECT count(*) FROM doc WHERE kind=?", &stmt, msg));
    TRY(bind_str(m, stmt, 1, str_from(kind), msg));
    TRY(step(m, stmt, &row, msg));
    *out_count = sqlite3_column_int64(stmt, 0);
    return ERR_OK;
}

/* Is what is there (`found`) what the caller expects? */
static err check_expected(err found, const struct meta_doc *old, struct str id, int64_t expected,
                          struct errmsg *msg)
{
    if (found == ERR_NOT_FOUND) {
        return expected > META_NEW
                   ? errmsg_set(msg, ERR_NOT_FOUND, "there is no \"%.*s\"", STR_ARGS(id))
                   : ERR_OK;
    }
    if (expected == META_NEW) {
        return errmsg_set(msg, ERR_EXISTS, "there is a \"%.*s\" already", STR_ARGS(id));
    }
    if (expected != META_ANY && expected != old->version) {
        return errmsg_set(msg, ERR_CONFLICT,
                          "\"%.*s\" has been changed: it has version %lld, not %lld", STR_ARGS(id),
                          (long long)old->version, (long long)expected);
    }
    return ERR_OK;
}

static err write_doc(struct meta *m, const char *kind, const struct meta_doc *doc, bool is_new,
                     struct errmsg *msg)
{
    AUTO_STMT stmt = NULL;
    bool row = false;
    TRY(prepare(m,
                is_new
                    ? "INSERT INTO doc(json, version, updated_us, kind, id, created_us)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
                    : "UPDATE doc SET json=?1, version=?2, updated_us=?3 WHERE kind=?4 AND id=?5",
                &stmt, msg));
    TRY(bind_str(m, stmt, 1, str_from(doc->json), msg));
    TRY(meta_error(m, sqlite3_bind_int64(stmt, 2, doc->version), msg));
    TRY(meta_error(m, sqlite3_bind_int64(stmt, 3, doc->updated_us), msg));
    TRY(bind_str(m, stmt, 4, str_from(kind), msg));
    TRY(bind_str(m, stmt, 5, str_from(doc->id), msg));
    if (is_new) {
        TRY(meta_error(m, sqlite3_bind_int64(stmt, 6, doc->created_us), msg));
    }
    return step(m, stmt, &row, msg);
}

static err put_inside(struct meta *m, const char *kind, int64_t expected, struct meta_doc *doc,
                      struct errmsg *msg)
{
    AUTO_META_DOC old = {0};
    struct str id = str_from(doc->id);
    err found = find(m, kind, id, &old, msg);
    if (found != ERR_OK && found != ERR_NOT_FOUND) {
        return found;
    }
    TRY(check_expected(found, &old, id, expected, msg));
    bool is_new = found == ERR_NOT_FOUND;
    if (is_new) {
        int64_t count = 0;
        TRY(count_kind(m, kind, &count, msg));
        if (count >= META_DOCS_MAX) {
            return errmsg_set(msg, ERR_LIMIT, "there are %d already; delete some first",
                              META_DOCS_MAX);
        }
    }
    TRY(meta_run(m, "UPDATE counter SET last_version=last_version+1", msg));
    TRY(read_i64(m, "SELECT last_version FROM counter", &doc->version, msg));
    doc->updated_us = os_now_us();
    doc->created_us = is_new ? doc->updated_us : old.created_us;
    return write_doc(m, kind, doc, is_new, msg);
}

static err delete_inside(struct meta *m, const char *kind, struct str id, int64_t expected,
                         struct errmsg *msg)
{
    AUTO_META_DOC old = {0};
    TRY(find(m, kind, id, &old, msg));
    TRY(check_expected(ERR_OK, &old, id, expected, msg));
    AUTO_STMT stmt = NULL;
    bool row = false;
    TRY(prepare(m, "DELETE FROM doc WHERE kind=? AND id=?", &stmt, msg));
    TRY(bind_str(m, stmt, 1, str_from(kind), msg));
    TRY(bind_str(m, stmt, 2, id, msg));
    return step(m, stmt, &row, msg);
}

/* Commits when `e` is OK, else rolls back. After an I/O error nobody knows what of the WAL is on
 * disk: no change any more until the file is opened again, which recovers. */
static err end_change(struct meta *m, err e, struct errmsg *msg)
{
    if (e == ERR_OK) {
        e = meta_run(m, "COMMIT", msg);
    }
    if (e != ERR_OK && sqlite3_get_autocommit(m->db) == 0) {
        (void)meta_run(m, "ROLLBACK", NULL); /* the first error is what counts */
    }
    if (e == ERR_IO) {
        m->failed = ERR_FAILED;
        (void)errmsg_set(&m->why, ERR_FAILED,
                         "%s could not be written earlier; look at the disk and restart the server",
                         m->path);
    }
    return e;
}

err meta_put(struct meta *m, const char *kind, struct str id, int64_t expected, struct str json,
             struct meta_doc *out_doc, struct errmsg *msg)
{
    ASSERT(kind_is_valid(kind));
    ASSERT(expected >= META_ANY);
    TRY(check_usable(m, true, msg));
    TRY(check_id(id, msg));
    if (json.len > META_JSON_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "\"%.*s\" is over %d bytes", STR_ARGS(id),
                          META_JSON_BYTES_MAX);
    }
    if (str_find(json, '\0') >= 0 || !str_is_utf8(json)) {
        return errmsg_set(msg, ERR_INVALID, "\"%.*s\" is not UTF-8 text", STR_ARGS(id));
    }
    AUTO_META_DOC doc = {.id = xstrndup(id.ptr, id.len), .json = xstrndup(json.ptr, json.len)};
    TRY(meta_run(m, "BEGIN IMMEDIATE", msg));
    TRY(end_change(m, put_inside(m, kind, expected, &doc, msg), msg));
    if (out_doc != NULL) {
        *out_doc = doc;
        doc = (struct meta_doc){0};
    }
    return ERR_OK;
}

err meta_delete(struct meta *m, const char *kind, struct str id, int64_t expected,
                struct errmsg *msg)
{
    ASSERT(kind_is_valid(kind));
    ASSERT(expected != META_NEW);
    TRY(check_usable(m, true, msg));
    TRY(check_id(id, msg));
    TRY(meta_run(m, "BEGIN IMMEDIATE", msg));
    return end_change(m, delete_inside(m, kind, id, expected, msg), msg);
}

/* ---- lists ---- */

err meta_list(struct meta *m, const char *kind, struct str prefix, struct str after, uint32_t limit,
              struct meta_page *out_page, struct errmsg *msg)
{
    ASSERT(kind_is_valid(kind));
    ASSERT(limit >= 1 && limit <= META_PAGE_MAX);
    TRY(check_usable(m, false, msg));
    AUTO_STMT stmt = NULL;
    /* Ids are compared by bytes; from the first that is not before the prefix on. */
    TRY(prepare(m,
                "SELECT id, json, version, created_us, updated_us FROM doc"
                " WHERE kind=?1 AND id>=?2 AND id>?3 ORDER BY id",
                &stmt, msg));
    TRY(bind_str(m, stmt, 1, str_from(kind), msg));
    TRY(bind_str(m, stmt, 2, prefix, msg));
    TRY(bind_str(m, stmt, 3, after, msg));
    AUTO_META_PAGE page = {.docs = xnew_array(struct meta_doc, limit)};
    size_t bytes = 0;
    for (;;) {
        bool row = false;
        TRY(step(m, stmt, &row, msg));
        const char *id = row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
        if (id == NULL || !str_starts(str_from(id), prefix)) {
            break;
        }
        bytes += (size_t)sqlite3_column_bytes(stmt, 1);
        if (page.count == limit || (page.count > 0 && bytes > META_PAGE_BYTES_MAX)) {
            page.more = true;
            break;
        }
        TRY(take_row(m, stmt, &page.docs[page.count], msg));
        page.count++;
    }
    *out_page = page;
    page = (struct meta_page){0};
    return ERR_OK;
}
