/* SPDX-License-Identifier: MIT */
/* row_query.c - see row_query.h.
 *
 * `bytes` holds what has come and was not handed over: whole lines while paused, else the start of
 * the next line. Credit is given back when bytes are taken in, except while paused. The end of the
 * statement (`is_ended`) is told when all lines before it were handed over. */
#include "flow/row_query.h"

struct row_query {
    struct broker_query *query; /* NULL once it has ended */
    struct row_query_events events;
    struct buf bytes;
    size_t scanned; /* bytes at the start that hold no line feed */
    uint64_t owed;  /* credit held back while paused */
    bool is_paused;
    bool is_ended;
    bool is_busy; /* handing over: on_data only gathers */
    char code[64];
    struct errmsg detail;
};

static void destroy(struct row_query *q)
{
    buf_deinit(&q->bytes);
    free(q);
}

void row_query_free(struct row_query *q)
{
    if (q == NULL) {
        return;
    }
    ASSERT(!q->is_busy);
    if (q->query != NULL) {
        broker_abandon(q->query);
    }
    destroy(q);
}

static void end(struct row_query *q, const char *code, const char *detail)
{
    struct row_query_events events = q->events;
    AUTO_TEXT code_copy = code == NULL ? NULL : xstrdup(code);
    AUTO_TEXT detail_copy = xstrdup(detail);
    q->is_busy = false;
    row_query_free(q);
    events.on_end(events.ctx, code_copy, detail_copy);
}

/* Hands over whole lines. False when the query is gone. */
static bool hand_over(struct row_query *q)
{
    size_t at = 0;
    q->is_busy = true;
    while (!q->is_paused && at < q->bytes.len) {
        size_t from = MAX(at, q->scanned);
        ptrdiff_t len = str_find(str_of(q->bytes.data + from, q->bytes.len - from), '\n');
        if (len < 0) {
            q->scanned = q->bytes.len;
            break;
        }
        size_t line_end = from + (size_t)len;
        struct str line = str_trim(str_of(q->bytes.data + at, line_end - at));
        at = line_end + 1;
        AUTO_JSON row = NULL;
        struct errmsg msg = {0};
        if (line.len == 0) {
            continue;
        }
        if (json_parse(line, &row, &msg) != ERR_OK) {
            end(q, "internal", msg.text);
            return false;
        }
        enum row_verdict verdict = q->events.on_row(q->events.ctx, row);
        if (verdict == ROW_STOP) {
            q->is_busy = false;
            row_query_free(q);
            return false;
        }
        q->is_paused = verdict == ROW_PAUSE;
    }
    buf_consume(&q->bytes, at);
    q->scanned -= MIN(q->scanned, at);
    q->is_busy = false;
    if (q->is_ended && !q->is_paused) {
        end(q, q->code[0] == '\0' ? NULL : q->code, q->detail.text);
        return false;
    }
    return true;
}

static void on_head(void *ctx, struct str content_type)
{
    (void)ctx;
    (void)content_type;
}

static void on_data(void *ctx, struct str bytes)
{
    struct row_query *q = ctx;
    if (!buf_add_str(&q->bytes, bytes)) {
        end(q, "row_too_large", "a row of the answer is larger than a record may be");
        return;
    }
    if (q->is_paused) {
        q->owed += bytes.len;
    } else if (hand_over(q)) {
        if (q->is_paused) {
            q->owed += bytes.len;
        } else {
            broker_credit(q->query, bytes.len);
        }
    }
}

static void on_done(void *ctx, const struct wire_done *done)
{
    (void)done;
    struct row_query *q = ctx;
    q->query = NULL;
    q->is_ended = true;
    (void)hand_over(q); /* gone or not: nothing follows here */
}

static void on_error(void *ctx, const struct wire_error *error)
{
    struct row_query *q = ctx;
    q->query = NULL;
    q->is_ended = true;
    (void)snprintf(q->code, sizeof q->code, "%.*s", STR_ARGS(error->code)); /* codes are short */
    (void)errmsg_set(&q->detail, ERR_FAILED, "%.*s", STR_ARGS(error->detail));
    (void)hand_over(q); /* gone or not: nothing follows here */
}

static const struct broker_answer answer = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
    .on_error = on_error,
    .is_own = true,
};

err row_query_start(struct broker *b, struct str sql, const json_t *params, int64_t timeout_ms,
                    size_t row_bytes_max, const struct row_query_events *events,
                    struct row_query **out_query, struct errmsg *msg)
{
    struct wire_query query = {.sql = sql,
                               .format = STR("ndjson"),
                               .params = params,
                               .timeout_ms = timeout_ms,
                               .credit_bytes = BROKER_WINDOW_BYTES};
    struct row_query *q = xnew(struct row_query);
    q->events = *events;
    q->bytes = buf_make(row_bytes_max + BROKER_WINDOW_BYTES + WIRE_DATA_BYTES_MAX);
    err e = broker_start(b, &query, STR(""), &answer, q, &q->query, msg);
    if (e != ERR_OK) {
        destroy(q);
        return e;
    }
    *out_query = q;
    return ERR_OK;
}

void row_query_resume(struct row_query *q)
{
    ASSERT(!q->is_busy);
    q->is_paused = false;
    if (!hand_over(q) || q->is_paused || q->query == NULL) {
        return;
    }
    uint64_t owed = q->owed;
    q->owed = 0;
    if (owed > 0) {
        broker_credit(q->query, owed);
    }
}
