/* SPDX-License-Identifier: MIT */
/* sql_place.c - see sql_place.h. Each statement at a server carries a tag, by which it is found in
 * the server's list. */
#include "app/sql_place.h"

#include "app/cli.h"
#include "app/query_local.h"
#include "os/clock.h"

enum { LIST_BYTES_MAX = 64 << 20, TABLES_MAX = 10000, LOOK_SECONDS = 2 };

struct sql_place {
    struct client *asks;       /* owned; NULL: a folder */
    struct client *looks;      /* owned; likewise; while `asks` waits for an answer */
    struct query_local *local; /* owned; NULL: a server */
    struct uuid_text tag;      /* of the statement that runs; set before its thread starts */
};

struct sql_place *sql_place_server(struct client *asks, struct client *looks)
{
    struct sql_place *p = xnew(struct sql_place);
    p->asks = asks;
    p->looks = looks;
    client_set_patience(looks, LOOK_SECONDS); /* the prompt's thread waits for it, Ctrl-C too */
    return p;
}

err sql_place_folder(const char *data_dir, struct sql_place **out_place, struct errmsg *msg)
{
    struct query_local *local = NULL;
    TRY(query_local_open(data_dir, &local, msg));
    struct sql_place *p = xnew(struct sql_place);
    p->local = local;
    *out_place = p;
    return ERR_OK;
}

void sql_place_free(struct sql_place *p)
{
    if (p != NULL) {
        client_free(p->asks);
        client_free(p->looks);
        query_local_free(p->local);
        free(p);
    }
}

struct client *sql_place_client(struct sql_place *p)
{
    return p->asks;
}

/* ---- running ---- */

static void set_code(struct sql_failure *failure, struct str code)
{
    (void)snprintf(failure->code, sizeof failure->code, "%.*s", STR_ARGS(code)); /* may be cut */
}

static err run_local(struct sql_place *p, const struct sql_ask *ask, client_body_fn on_piece,
                     void *context, struct sql_failure *failure)
{
    AUTO_TEXT sql = xstrndup(ask->sql.ptr, ask->sql.len);
    struct query_local_request request = {.sql = sql,
                                          .format = ask->format,
                                          .limit = ask->limit,
                                          .int64_strings = ask->int64_strings};
    const char *code = "";
    err e = query_local_run(p->local, &request, on_piece, context, NULL, &code, &failure->msg);
    if (e != ERR_OK) {
        set_code(failure, str_from(code));
    }
    return e;
}

/* What a problem answer says, instead of the client's line for logs. */
static void read_problem(const struct buf *body, struct sql_failure *failure)
{
    AUTO_JSON problem = NULL;
    struct str detail = {0};
    struct str code = {0};
    int64_t position = 0;
    if (json_parse(buf_str(body), &problem, NULL) != ERR_OK ||
        json_get_str(problem, "detail", &detail, NULL) != ERR_OK) {
        return;
    }
    (void)errmsg_set(&failure->msg, ERR_INVALID, "%.*s", STR_ARGS(detail));
    if (json_get_str(problem, "code", &code, NULL) == ERR_OK) {
        set_code(failure, code);
    }
    if (json_get_i64(problem, "position", &position, NULL) == ERR_OK && position > 0 &&
        position < UINT32_MAX) {
        failure->msg.position = (uint32_t)position;
    }
}

static err run_at_server(struct sql_place *p, const struct sql_ask *ask, client_body_fn on_piece,
                         void *context, struct sql_failure *failure)
{
    AUTO_JSON request = json_object();
    json_object_set_new(request, "sql", json_from_str(ask->sql));
    json_object_set_new(request, "format", json_string(ask->format));
    json_object_set_new(request, "tag", json_string(p->tag.text));
    if (ask->limit > 0) {
        json_object_set_new(request, "limit", json_integer(ask->limit));
    }
    json_object_set_new(request, "int64", json_string(ask->int64_strings ? "string" : "number"));
    if (ask->timeout_ms > 0) {
        json_object_set_new(request, "timeout_ms", json_integer(ask->timeout_ms));
    }
    AUTO_BUF body = buf_make(16 << 20);
    AUTO_BUF problem = buf_make(1 << 20);
    TRY(json_write(request, &body));
    struct client_request http = {.method = "POST",
                                  .target = "/api/v1/query",
                                  .content_type = "application/json",
                                  .body = buf_str(&body)};
    err e = client_run(p->asks, &http, on_piece, context, &problem, &failure->msg);
    if (e != ERR_OK && problem.len > 0) {
        read_problem(&problem, failure);
    }
    return e;
}

void sql_place_prepare(struct sql_place *p)
{
    p->tag = os_uuid_new();
    if (p->local != NULL) {
        query_local_prepare(p->local);
    }
}

err sql_place_run(struct sql_place *p, const struct sql_ask *ask, client_body_fn on_piece,
                  void *context, struct sql_failure *out_failure)
{
    *out_failure = (struct sql_failure){0};
    return p->local != NULL ? run_local(p, ask, on_piece, context, out_failure)
                            : run_at_server(p, ask, on_piece, context, out_failure);
}

/* ---- looking and stopping ---- */

/* The statement in the server's list, borrowed from *out_list; NULL when it is not there. */
static json_t *find_in_list(struct sql_place *p, json_t **out_list)
{
    AUTO_BUF body = buf_make(LIST_BYTES_MAX);
    struct client_request request = {.method = "GET", .target = "/api/v1/queries"};
    if (client_fetch(p->looks, &request, &body, NULL) != ERR_OK ||
        json_parse(buf_str(&body), out_list, NULL) != ERR_OK) {
        return NULL;
    }
    const json_t *queries = json_object_get(*out_list, "queries");
    for (size_t i = 0; i < json_array_size(queries); i++) {
        json_t *query = json_array_get(queries, i);
        struct str tag = {0};
        if (json_get_str(query, "tag", &tag, NULL) == ERR_OK && str_is(tag, p->tag.text)) {
            return query;
        }
    }
    return NULL;
}

bool sql_place_look(struct sql_place *p, struct sql_look *out_look)
{
    struct sql_look look = {.percent = -1};
    if (p->local != NULL) {
        struct sql_progress progress = query_local_progress(p->local);
        look.percent = progress.percent;
        look.rows_read = (int64_t)MIN(progress.rows_done, (uint64_t)INT64_MAX);
        look.rows_total = (int64_t)MIN(progress.rows_total, (uint64_t)INT64_MAX);
        uint64_t bytes = query_local_bytes(p->local);
        look.bytes_read = look.percent > 0 ? (int64_t)((double)bytes * look.percent / 100) : 0;
        *out_look = look;
        return true;
    }
    AUTO_JSON list = NULL;
    const json_t *query = find_in_list(p, &list);
    if (query == NULL) {
        return false;
    }
    struct str state = STR("");
    const json_t *percent = json_object_get(query, "percent");
    look.percent = json_is_number(percent) ? json_number_value(percent) : -1;
    (void)json_opt_i64(query, "rows_read", &look.rows_read, NULL); /* all keep their zero */
    (void)json_opt_i64(query, "rows_total", &look.rows_total, NULL);
    (void)json_opt_i64(query, "bytes_read", &look.bytes_read, NULL);
    (void)json_opt_i64(query, "rows", &look.rows, NULL);
    (void)json_opt_i64(query, "bytes", &look.bytes, NULL);
    (void)json_opt_str(query, "state", &state, NULL);
    look.is_waiting = str_is(state, "waiting");
    *out_look = look;
    return true;
}

bool sql_place_stop(struct sql_place *p)
{
    if (p->local != NULL) {
        query_local_stop(p->local);
        return true;
    }
    AUTO_JSON list = NULL;
    const json_t *query = find_in_list(p, &list);
    int64_t id = 0;
    if (query == NULL || json_get_i64(query, "id", &id, NULL) != ERR_OK) {
        return false;
    }
    AUTO_TEXT target = xasprintf("/api/v1/queries/%lld", (long long)id);
    AUTO_BUF body = buf_make(65536);
    struct client_request request = {.method = "DELETE", .target = target};
    err e = client_fetch(p->looks, &request, &body, NULL);
    return e == ERR_OK || e == ERR_NOT_FOUND;
}

void sql_place_drop(struct sql_place *p)
{
    if (p->asks != NULL) {
        client_drop(p->asks);
    }
}

/* ---- what there is ---- */

static err get_json(struct sql_place *p, const char *target, json_t **out_json, struct errmsg *msg)
{
    AUTO_BUF body = buf_make(LIST_BYTES_MAX);
    struct client_request request = {.method = "GET", .target = target};
    TRY(client_fetch(p->asks, &request, &body, msg));
    return json_parse(buf_str(&body), out_json, msg);
}

err sql_place_tables(struct sql_place *p, json_t **out_tables, struct errmsg *msg)
{
    if (p->local != NULL) {
        return query_local_tables(p->local, out_tables, msg);
    }
    AUTO_JSON all = json_array();
    AUTO_TEXT target = xstrdup("/api/v1/tables?limit=1000");
    while (target != NULL && json_array_size(all) < TABLES_MAX) {
        AUTO_JSON page = NULL;
        struct str next = {0};
        TRY(get_json(p, target, &page, msg));
        json_array_extend(all, json_object_get(page, "tables"));
        free(TAKE(target));
        if (json_opt_str(page, "next", &next, NULL) == ERR_OK && next.len > 0) {
            AUTO_BUF text = buf_make(8192);
            buf_puts(&text, "/api/v1/tables?limit=1000&after=");
            cli_encode(&text, next);
            target = xstrdup(buf_cstr(&text));
        }
    }
    *out_tables = TAKE(all);
    return ERR_OK;
}

err sql_place_describe(struct sql_place *p, struct str name, json_t **out_table, struct errmsg *msg)
{
    if (p->local != NULL) {
        return query_local_describe(p->local, name, out_table, msg);
    }
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/tables/");
    cli_encode(&target, name);
    return get_json(p, buf_cstr(&target), out_table, msg);
}
