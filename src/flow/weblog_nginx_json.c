/* SPDX-License-Identifier: MIT */
/* weblog_nginx_json.c - nginx's access log as JSON, whatever variables its owner chose.
 *
 * A table maps nginx's variables to the fields of the other formats; of several sources of one
 * field the first in the table that has a value counts. Variables that the table does not know
 * keep their names and values, those that nginx knows as numbers become numbers. "" and "-" are
 * null in mapped fields. */
#include "flow/json_walk.h"
#include "flow/text_json.h"
#include "flow/weblog.h"

#include "base/timefmt.h"

enum target {
    TO_TIME,
    TO_ADDR,
    TO_USER,
    TO_METHOD,
    TO_PATH,
    TO_QUERY,
    TO_PROTOCOL,
    TO_STATUS,
    TO_BYTES,
    TO_REFERRER,
    TO_AGENT,
    TO_COUNT,
    TO_URI,     /* path and query together */
    TO_REQUEST, /* "GET /a?b HTTP/1.1" */
};

static const char *const target_names[TO_COUNT] = {"timestamp", "remote_addr", "user",     "method",
                                                   "path",      "query",       "protocol", "status",
                                                   "bytes",     "referrer",    "agent"};

/* In order of preference within a target; the parts of `request` come last. */
static const struct source {
    const char *name;
    enum target target;
} sources[] = {
    {"timestamp", TO_TIME},
    {"time_iso8601", TO_TIME},
    {"msec", TO_TIME},
    {"time_local", TO_TIME},
    {"time", TO_TIME},
    {"@timestamp", TO_TIME},
    {"remote_addr", TO_ADDR},
    {"user", TO_USER},
    {"remote_user", TO_USER},
    {"method", TO_METHOD},
    {"request_method", TO_METHOD},
    {"path", TO_PATH},
    {"query", TO_QUERY},
    {"args", TO_QUERY},
    {"query_string", TO_QUERY},
    {"protocol", TO_PROTOCOL},
    {"server_protocol", TO_PROTOCOL},
    {"status", TO_STATUS},
    {"bytes", TO_BYTES},
    {"body_bytes_sent", TO_BYTES},
    {"bytes_sent", TO_BYTES},
    {"referrer", TO_REFERRER},
    {"http_referer", TO_REFERRER},
    {"http_referrer", TO_REFERRER},
    {"agent", TO_AGENT},
    {"http_user_agent", TO_AGENT},
    {"request_uri", TO_URI},
    {"request", TO_REQUEST},
    {"uri", TO_PATH},
};

/* Variables that are numbers, though a log writes them in quotes. */
static const char *const numbers[] = {"request_time",
                                      "request_length",
                                      "connection",
                                      "connection_requests",
                                      "connection_time",
                                      "upstream_response_time",
                                      "upstream_connect_time",
                                      "upstream_header_time",
                                      "upstream_status",
                                      "upstream_bytes_received",
                                      "upstream_bytes_sent",
                                      "upstream_response_length",
                                      "gzip_ratio",
                                      "remote_port",
                                      "server_port",
                                      "pid",
                                      "bytes_sent"};

struct found {
    struct str text; /* inside the quotes, escapes still there, or the bare word; NULL: none */
    bool is_quoted;
};

struct nginx {
    const struct json_view *view;
    struct found sources[ARRAY_LEN(sources)];
    bool is_used[ARRAY_LEN(sources)]; /* became a field of ours */
    struct str nested;                /* a name of ours with an object or array; NULL: none */
    struct buf plain;                 /* owned; texts without escapes; never grows */
};

static size_t source_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        if (str_is(name, sources[i].name)) {
            return i;
        }
    }
    return ARRAY_LEN(sources);
}

static bool is_target_name(struct str name)
{
    for (size_t i = 0; i < TO_COUNT; i++) {
        if (str_is(name, target_names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_number_name(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (str_is(name, numbers[i])) {
            return true;
        }
    }
    return false;
}

/* The JSON text of the value at tokens [i, next). */
static struct str value_text(const struct json_view *v, uint32_t i, uint32_t next)
{
    const char *start = v->base + v->at[i];
    const char *end = v->base + v->at[next];
    while (end > start + 1 && json_is_space(end[-1])) {
        end--;
    }
    return str_of(start, (size_t)(end - start));
}

/* True for "" and "-", quoted or not, and null. */
static bool is_nothing(const struct found *f)
{
    return f->text.ptr == NULL || f->text.len == 0 || str_is(f->text, "-") ||
           (!f->is_quoted && str_is(f->text, "null"));
}

static bool is_json_number(struct str s)
{
    char room[48];
    struct json_number n;
    if (s.len == 0 || s.len >= sizeof room) {
        return false;
    }
    memcpy(room, s.ptr, s.len);
    room[s.len] = '\0';
    return json_number_scan(room, &n) && n.end == room + s.len;
}

/* A value that the table does not know. */
static void put_other(struct text_json *j, const struct json_view *v, uint32_t name, uint32_t value,
                      uint32_t next)
{
    struct str text = json_view_string(v, name);
    text_json_name(j, text); /* its escapes are JSON's already */
    struct str raw = value_text(v, value, next);
    struct str inside = raw.ptr[0] == '"' ? json_view_string(v, value) : raw;
    if (raw.ptr[0] == '"' && is_number_name(text)) {
        if (is_json_number(inside)) {
            raw = inside;
        } else if (inside.len == 0 || str_is(inside, "-")) {
            raw = STR("null");
        }
    }
    text_json_raw(j, raw);
}

static void note(struct nginx *n, uint32_t name, uint32_t value, uint32_t next, bool nested)
{
    const struct json_view *v = n->view;
    struct str text = json_view_string(v, name);
    size_t s = source_of(text);
    if (s == ARRAY_LEN(sources)) {
        return;
    }
    bool quoted = json_at(v, value) == '"';
    n->sources[s] =
        (struct found){quoted ? json_view_string(v, value) : value_text(v, value, next), quoted};
    n->nested = nested ? text : n->nested;
}

/* What no field of ours has taken. */
static bool is_left_over(const struct nginx *n, struct str name)
{
    size_t s = source_of(name);
    return s == ARRAY_LEN(sources) ||
           (!n->is_used[s] && !is_nothing(&n->sources[s]) && !is_target_name(name));
}

/* Walks the object: notes what the table knows, writes what it does not. Same or false. */
static bool walk(struct nginx *n, struct text_json *j)
{
    const struct json_view *v = n->view;
    uint32_t i = 1;
    if (json_at(v, i) == '}') {
        return v->count == 2;
    }
    for (;;) {
        if (!json_key_ok(v, i)) {
            return false;
        }
        uint32_t value = i + 2;
        char c = json_at(v, value);
        uint32_t next = value + 1;
        bool nested = c == '{' || c == '[';
        if (nested) {
            next = json_walk_nested(v, value, EVENT_DEPTH_DEFAULT - 1);
            if (next == 0 || next >= v->count) {
                return false;
            }
        } else if (!json_scalar_ok(v, value)) {
            return false;
        }
        if (j == NULL) {
            note(n, i, value, next, nested);
        } else if (is_left_over(n, json_view_string(v, i))) {
            put_other(j, v, i, value, next);
        }
        i = next;
        if (json_at(v, i) != ',') {
            return json_at(v, i) == '}' && i + 1 == v->count;
        }
        i++;
    }
}

static const struct found *first_of(struct nginx *n, enum target target)
{
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        if (sources[i].target == target && !is_nothing(&n->sources[i])) {
            n->is_used[i] = true;
            return &n->sources[i];
        }
    }
    return NULL;
}

/* The text of a value, unescaped where needed; valid until n->plain is reset. */
static struct str plain_text(struct nginx *n, const struct found *f)
{
    if (!f->is_quoted || !json_has_escape(n->view, f->text)) {
        return f->text;
    }
    size_t start = n->plain.len;
    if (!json_unescape(f->text, &n->plain)) {
        n->plain.len = start;
        return f->text;
    }
    return str_of(n->plain.data + start, n->plain.len - start);
}

/* Seconds with milliseconds, as $msec has them. */
static size_t msec_time(struct str text, char out[40])
{
    ptrdiff_t point = str_find(text, '.');
    struct str whole = point < 0 ? text : str_of(text.ptr, (size_t)point);
    uint64_t seconds = 0;
    uint64_t ms = 0;
    if (point >= 0) {
        struct str rest = str_of(text.ptr + point + 1, text.len - (size_t)point - 1);
        if (rest.len != 3 || !str_to_u64(rest, &ms)) {
            return 0;
        }
    }
    if (whole.len > 11 || !str_to_u64(whole, &seconds) || seconds > 253402300799) {
        return 0;
    }
    return time_format_rfc3339((int64_t)(seconds * 1000000 + ms * 1000), out);
}

static bool put_time(struct nginx *n, struct text_json *j, struct errmsg *msg)
{
    const struct found *f = first_of(n, TO_TIME);
    text_json_name(j, STR("timestamp"));
    if (f == NULL) {
        text_json_null(j);
        return true;
    }
    struct str text = plain_text(n, f);
    char time[40];
    int64_t us = 0;
    size_t len =
        time_parse_rfc3339(text, &us) ? time_format_rfc3339(us, time) : weblog_clf_time(text, time);
    len = len == 0 ? msec_time(text, time) : len;
    if (len == 0) {
        (void)errmsg_set(msg, ERR_INVALID, "no such time: %.*s", (int)MIN(text.len, (size_t)64),
                         text.ptr);
        return false;
    }
    text_json_text(j, str_of(time, len));
    return true;
}

/* What `request` and `request_uri` say about the parts that have no variable of their own. */
static void split_parts(struct nginx *n, struct str parts[TO_COUNT], bool *is_whole)
{
    const struct found *request = first_of(n, TO_REQUEST);
    const struct found *uri = first_of(n, TO_URI);
    struct weblog_request r = {0};
    *is_whole = request == NULL || weblog_request_split(plain_text(n, request), &r);
    if (uri != NULL) {
        struct str target = plain_text(n, uri);
        ptrdiff_t mark = str_find(target, '?');
        r.path = mark < 0 ? target : str_of(target.ptr, (size_t)mark);
        r.query = mark < 0 ? (struct str){0}
                           : str_of(target.ptr + mark + 1, target.len - (size_t)mark - 1);
    }
    struct str found[] = {r.method, r.path, r.query, r.protocol};
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        const struct found *own = first_of(n, TO_METHOD + i);
        bool is_rewritten = own != NULL && TO_METHOD + i == TO_PATH && found[i].ptr != NULL &&
                            own == &n->sources[ARRAY_LEN(sources) - 1];
        parts[TO_METHOD + i] = own == NULL || is_rewritten ? found[i] : plain_text(n, own);
        if (is_rewritten) {
            n->is_used[ARRAY_LEN(sources) - 1] = str_eq(plain_text(n, own), found[i]);
        }
    }
}

static void put_number(struct nginx *n, struct text_json *j, enum target target)
{
    const struct found *f = first_of(n, target);
    uint64_t value = 0;
    if (f == NULL) {
        text_json_null(j);
    } else if (f->text.len <= 18 && str_to_u64(f->text, &value)) {
        text_json_u64(j, value);
    } else {
        text_json_text(j, plain_text(n, f));
    }
}

static bool put_fields(struct nginx *n, struct text_json *j, struct errmsg *msg)
{
    struct str parts[TO_COUNT] = {0};
    bool is_whole = true;
    split_parts(n, parts, &is_whole);
    if (!put_time(n, j, msg)) {
        return false;
    }
    for (enum target t = TO_ADDR; t < TO_COUNT; t++) {
        text_json_name(j, str_from(target_names[t]));
        if (t == TO_STATUS || t == TO_BYTES) {
            put_number(n, j, t);
            continue;
        }
        bool is_part = t >= TO_METHOD && t <= TO_PROTOCOL;
        const struct found *f = is_part ? NULL : first_of(n, t);
        struct str text = is_part ? parts[t] : f == NULL ? (struct str){0} : plain_text(n, f);
        if (text.ptr == NULL) {
            text_json_null(j);
        } else {
            text_json_text(j, text);
        }
    }
    const struct found *request = is_whole ? NULL : first_of(n, TO_REQUEST);
    if (request != NULL) {
        text_json_name(j, STR("request"));
        text_json_text(j, plain_text(n, request));
    }
    return true;
}

bool weblog_nginx_json_parse(struct json_indexer *indexer, struct str line, struct buf *out,
                             struct errmsg *msg)
{
    const uint32_t *at = NULL;
    uint32_t count = 0;
    struct json_view view;
    struct nginx n = {.view = &view, .plain = buf_make(line.len * 4)};
    struct text_json j;
    /* A part may be written as its own field and in `request`; plain texts and JSON ones. */
    if (json_indexer_run(indexer, line.ptr, line.len, &at, &count) != JSON_INDEX_OK ||
        !json_view_init(&view, line, at, count) || !walk(&n, NULL)) {
        if (event_diagnose(line, EVENT_DEPTH_DEFAULT, msg) == EVENT_OK) {
            (void)errmsg_set(msg, ERR_INVALID, "the parser refused it");
        }
        return false;
    }
    if (n.nested.ptr != NULL) {
        (void)errmsg_set(msg, ERR_INVALID, "%.*s must be text or a number", STR_ARGS(n.nested));
        return false;
    }
    if (!buf_reserve(&n.plain, line.len * 4) ||
        !text_json_begin(&j, out, line.len * 2, 200, (size_t)count / 4 + TO_COUNT + 2)) {
        buf_deinit(&n.plain);
        (void)errmsg_set(msg, ERR_NOMEM, "no memory for a line of %zu bytes", line.len);
        return false;
    }
    bool ok = put_fields(&n, &j, msg) && walk(&n, &j);
    buf_deinit(&n.plain);
    if (ok) {
        text_json_end(&j);
    }
    return ok;
}
