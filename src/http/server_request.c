/* SPDX-License-Identifier: MIT */
/* server_request.c - from the parser's callbacks to a request that a handler can trust.
 *
 * llhttp runs in its strict mode: it refuses bare CR and LF, folded headers, spaces before the
 * colon, two lengths, a length beside chunks. What it leaves to us is checked when the head is
 * complete, cheapest and most dangerous first: version, transfer coding, Host, target, token,
 * Origin, route. The first check that fails answers; the handler then hears nothing of it. */
#include <stdarg.h>

#include "http/access.h"
#include "http/server_int.h"

enum { CORS_HEADERS_BYTES_MAX = 1024 };

static struct str head_text(const struct http_exchange *ex, uint16_t at, uint16_t len)
{
    return str_of(ex->head.data + at, len);
}

/* Remembers what to answer and stops the parser; conn_fail() does it outside. */
static int refuse(llhttp_t *parser, int status, const char *code, const char *detail)
{
    struct conn *c = parser->data;
    c->fail_status = (uint16_t)status;
    c->fail_code = code;
    c->fail_detail = detail;
    return HPE_USER;
}

static int on_message_begin(llhttp_t *parser)
{
    struct conn *c = parser->data;
    ASSERT(c->receiving == NULL);
    c->receiving = exchange_new(c);
    return HPE_OK;
}

/* Adds bytes of the head within the limit on all of it. */
static int add_head(llhttp_t *parser, const char *at, size_t len, size_t overhead)
{
    struct conn *c = parser->data;
    struct http_exchange *ex = c->receiving;
    size_t total = ex->head_bytes + len + overhead;
    if (total > HTTP_HEAD_BYTES_MAX || !buf_add(&ex->head, at, len)) {
        return refuse(parser, 431, "headers_too_large", "the request's headers exceed 32 KiB");
    }
    ex->head_bytes = (uint32_t)total;
    return HPE_OK;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct conn *c = parser->data;
    if (c->receiving->head.len + len > HTTP_TARGET_BYTES_MAX) {
        return refuse(parser, 414, "uri_too_long", "the request's target exceeds 8 KiB");
    }
    for (size_t i = 0; i < len; i++) {
        if (at[i] <= ' ' || at[i] >= 0x7f) { /* also everything above 0x7f where char is signed */
            return refuse(parser, 400, "bad_target", "the request's target has forbidden bytes");
        }
    }
    return add_head(parser, at, len, 0);
}

static int on_url_complete(llhttp_t *parser)
{
    struct conn *c = parser->data;
    c->receiving->target_len = (uint16_t)c->receiving->head.len;
    return HPE_OK;
}

/* The header being read: the one after the last complete one. */
static struct header_ref *open_header(struct http_exchange *ex)
{
    return &ex->headers[ex->header_count];
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct conn *c = parser->data;
    struct http_exchange *ex = c->receiving;
    if (ex->is_head_done) {
        return HPE_OK; /* trailers are dropped; body_overhead_bytes bounds them */
    }
    if (ex->header_count == HTTP_HEADERS_MAX) {
        return refuse(parser, 431, "too_many_headers", "the request has more than 100 headers");
    }
    struct header_ref *h = open_header(ex);
    if (h->name_len == 0) {
        h->name_at = (uint16_t)ex->head.len;
    }
    int status = add_head(parser, at, len, 0);
    h->name_len = (uint16_t)(ex->head.len - h->name_at);
    return status;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct conn *c = parser->data;
    struct http_exchange *ex = c->receiving;
    if (ex->is_head_done) {
        return HPE_OK;
    }
    struct header_ref *h = open_header(ex);
    h->value_at = (uint16_t)(h->name_at + h->name_len);
    int status = add_head(parser, at, len, 0);
    h->value_len = (uint16_t)(ex->head.len - h->value_at);
    return status;
}

static int on_header_value_complete(llhttp_t *parser)
{
    struct conn *c = parser->data;
    struct http_exchange *ex = c->receiving;
    if (ex->is_head_done) {
        return HPE_OK;
    }
    struct header_ref *h = open_header(ex);
    if (h->value_len == 0) {
        h->value_at = (uint16_t)(h->name_at + h->name_len);
    }
    struct str value = str_trim(head_text(ex, h->value_at, h->value_len));
    for (size_t i = 0; i < value.len; i++) {
        unsigned char b = (unsigned char)value.ptr[i];
        if ((b < ' ' && b != '\t') || b == 0x7f) {
            return refuse(parser, 400, "bad_header", "a header's value has control characters");
        }
    }
    h->value_at = (uint16_t)(value.len == 0 ? h->value_at : value.ptr - ex->head.data);
    h->value_len = (uint16_t)value.len;
    ex->header_count++;
    if (ex->header_count < HTTP_HEADERS_MAX) {
        *open_header(ex) = (struct header_ref){0};
    }
    return add_head(parser, NULL, 0, 4); /* ": " and CRLF count too */
}

/* ---- checks of a complete head ---- */

/* True when the exchange may go on; false when it has been answered. */
static bool refuse_head(struct http_exchange *ex, int status, const char *code, const char *detail)
{
    ex->is_close_after = status == 400 || status == 501 || status == 505;
    respond_problem(ex, status, code, detail, NULL, 0);
    return false;
}

/* RFC 9112 section 6: only a lone "chunked", only for HTTP/1.1. */
static bool check_framing(struct http_exchange *ex, const llhttp_t *parser)
{
    if (parser->http_major != 1 || parser->http_minor > 1) {
        return refuse_head(ex, 505, "http_version", "this server speaks HTTP/1.1 and HTTP/1.0");
    }
    size_t codings = http_header_count(ex, "transfer-encoding");
    if (codings > 0) {
        if (ex->is_http10) {
            return refuse_head(ex, 400, "bad_framing", "HTTP/1.0 has no transfer coding");
        }
        if (!ex->is_chunked_in) {
            return refuse_head(ex, 400, "bad_framing",
                               "the body's end is unknown: its last coding is not chunked");
        }
        if (codings > 1 || !str_eq_nocase(http_header(ex, "transfer-encoding"), STR("chunked"))) {
            return refuse_head(ex, 501, "transfer_coding",
                               "the only transfer coding known here is chunked");
        }
    }
    return true;
}

static bool check_expect(struct http_exchange *ex)
{
    struct str expect = http_header(ex, "expect");
    if (expect.len == 0 || ex->is_http10) {
        return true;
    }
    if (!str_eq_nocase(expect, STR("100-continue"))) {
        return refuse_head(ex, 417, "expectation", "the only expectation met here is 100-continue");
    }
    ex->wants_continue = ex->is_chunked_in || ex->length > 0;
    return true;
}

/* Splits the target into path and query; an absolute target's authority takes Host's place. */
static bool split_target(struct http_exchange *ex, struct str *authority)
{
    struct str target = head_text(ex, 0, ex->target_len);
    size_t at = 0;
    if (target.len > 7 && str_eq_nocase(str_of(target.ptr, 7), STR("http://"))) {
        at = 7;
        while (at < target.len && target.ptr[at] != '/' && target.ptr[at] != '?') {
            at++;
        }
        *authority = str_of(target.ptr + 7, at - 7);
    }
    bool is_star = str_is(target, "*") && ex->method == HTTP_OPTIONS;
    if (str_find(target, '#') >= 0 || (!is_star && (at == target.len || target.ptr[at] != '/'))) {
        return refuse_head(ex, 400, "bad_target", "the request's target is not a path");
    }
    struct str rest = str_of(target.ptr + at, target.len - at);
    ptrdiff_t mark = str_find(rest, '?');
    ex->path_at = (uint16_t)at;
    ex->path_len = (uint16_t)(mark < 0 ? rest.len : (size_t)mark);
    if (mark >= 0) {
        ex->query_at = (uint16_t)(at + (size_t)mark + 1);
        ex->query_len = (uint16_t)(target.len - ex->query_at);
    }
    return true;
}

static bool check_host(struct http_exchange *ex)
{
    struct str authority = http_header(ex, "host");
    size_t hosts = http_header_count(ex, "host");
    if (hosts > 1 || (hosts == 0 && !ex->is_http10)) {
        return refuse_head(ex, 400, "bad_host", "there must be exactly one Host header");
    }
    struct str name;
    bool is_address = false;
    if (hosts == 1 && !http_authority_parse(authority, &name, &is_address)) {
        return refuse_head(ex, 400, "bad_host", "the Host header is not a host and port");
    }
    if (!split_target(ex, &authority)) {
        return false;
    }
    if (authority.len == 0) {
        return true; /* HTTP/1.0 without Host: no browser does that */
    }
    if (!http_authority_parse(authority, &name, &is_address)) {
        return refuse_head(ex, 400, "bad_host", "the request's target has no valid host");
    }
    if (!access_host_allowed(ex, name, is_address)) {
        return refuse_head(ex, 421, "host_not_allowed",
                           "this server does not answer to that host name; allow it in the "
                           "configuration (http.hosts)");
    }
    return true;
}

/* ---- routing ---- */

static bool is_dots(struct str s)
{
    return str_is(s, ".") || str_is(s, "..");
}

/* Splits the path at its slashes and decodes each segment into head, so that a route sees one
 * spelling only. Decoded slashes and control characters are refused. */
static bool split_path(struct http_exchange *ex, struct str segments[HTTP_SEGMENTS_MAX],
                       size_t *out_count)
{
    /* Room for all now: decoded text must not move while segments point to it. */
    if (!buf_reserve(&ex->head, ex->path_len)) {
        return refuse_head(ex, 414, "uri_too_long", "the request's path is too long");
    }
    struct str rest = head_text(ex, (uint16_t)(ex->path_at + 1), (uint16_t)(ex->path_len - 1));
    size_t count = 0;
    for (bool is_last = false; !is_last;) {
        ptrdiff_t slash = str_find(rest, '/');
        is_last = slash < 0;
        if (count == HTTP_SEGMENTS_MAX) {
            return refuse_head(ex, 400, "bad_path", "the path has too many segments");
        }
        struct str raw = slash < 0 ? rest : str_of(rest.ptr, (size_t)slash);
        struct str text = raw;
        if (str_find(raw, '%') >= 0) {
            size_t at = ex->head.len;
            if (http_percent_decode(raw, false, &ex->head, NULL) != ERR_OK) {
                return refuse_head(ex, 400, "bad_path", "the path's percent coding is wrong");
            }
            text = str_of(ex->head.data + at, ex->head.len - at);
        }
        if (is_dots(text) || str_find(text, '/') >= 0) {
            return refuse_head(ex, 400, "bad_path", "the path has a segment that is not allowed");
        }
        for (size_t i = 0; i < text.len; i++) {
            if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f) {
                return refuse_head(ex, 400, "bad_path", "the path has control characters");
            }
        }
        segments[count++] = text;
        if (slash >= 0) {
            rest = str_of(rest.ptr + slash + 1, rest.len - (size_t)slash - 1);
        }
    }
    *out_count = count;
    return true;
}

/* Notes where the parameters' values are. A tail is the path as sent from there. */
static void bind_params(struct http_exchange *ex, const struct compiled_route *route,
                        const struct str *segments)
{
    for (size_t i = 0; i < route->segment_count; i++) {
        const struct route_segment *s = &route->segments[i];
        if (s->kind == SEGMENT_LITERAL) {
            continue;
        }
        struct path_param *p = &ex->path_params[ex->path_param_count++];
        p->name = s->text;
        p->value_at = (uint16_t)(segments[i].ptr - ex->head.data);
        p->value_len = (uint16_t)segments[i].len;
        if (s->kind == SEGMENT_TAIL) {
            size_t at = ex->path_at + 1;
            for (size_t skip = i; skip > 0; at++) {
                skip -= ex->head.data[at] == '/' ? 1 : 0;
            }
            p->value_at = (uint16_t)at;
            p->value_len = (uint16_t)(ex->path_at + ex->path_len - at);
        }
    }
}

static bool verb_of(uint8_t method, enum http_verb *out_verb)
{
    switch (method) {
    case HTTP_GET:
    case HTTP_HEAD:
        *out_verb = HTTP_VERB_GET;
        return true;
    case HTTP_POST:
        *out_verb = HTTP_VERB_POST;
        return true;
    case HTTP_PUT:
        *out_verb = HTTP_VERB_PUT;
        return true;
    case HTTP_PATCH:
        *out_verb = HTTP_VERB_PATCH;
        return true;
    case HTTP_DELETE:
        *out_verb = HTTP_VERB_DELETE;
        return true;
    default:
        return false;
    }
}

static bool answer_options(struct http_exchange *ex, unsigned verbs)
{
    char allow[64];
    route_allow_text(verbs, allow);
    struct http_field field = {"allow", str_from(allow)};
    http_respond(ex, 204, &field, 1, STR(""));
    return false;
}

/* A browser asks before it sends what a page of another origin wants to send. It does so without
 * the token, so the answer must not tell which paths there are: it is the same for all. */
static bool answer_preflight(struct http_exchange *ex)
{
    char allow[64];
    route_allow_text(0x1f, allow);
    struct str wanted = http_header(ex, "access-control-request-headers");
    struct http_field fields[] = {{"access-control-allow-methods", str_from(allow)},
                                  {"access-control-max-age", STR("600")},
                                  {"access-control-allow-headers", wanted}};
    bool has_wanted = wanted.len > 0 && wanted.len <= CORS_HEADERS_BYTES_MAX;
    ex->is_close_after = ex->is_close_after || ex->conn->is_reserved;
    http_respond(ex, 204, fields, ARRAY_LEN(fields) - (has_wanted ? 0 : 1), STR(""));
    return false;
}

static bool is_preflight(const struct http_exchange *ex)
{
    bool is_any = false;
    return ex->method == HTTP_OPTIONS && cors_allows(ex, &is_any) &&
           http_header_count(ex, "access-control-request-method") > 0;
}

static const struct http_route *page_of(const struct http_exchange *ex)
{
    const struct http_options *o = &ex->conn->server->options;
    bool is_get = ex->method == HTTP_GET || ex->method == HTTP_HEAD;
    return is_get && o->pages != NULL ? o->pages(ex) : NULL;
}

/* Finds the handler, or answers OPTIONS, 401, 404, 405, and 503 on a reserved connection. */
static bool route(struct http_exchange *ex)
{
    struct conn *c = ex->conn;
    if (is_preflight(ex)) {
        return answer_preflight(ex);
    }
    if (str_is(head_text(ex, ex->path_at, ex->path_len), "*")) {
        return access_check_token(ex) && answer_options(ex, 0x1f);
    }
    struct str segments[HTTP_SEGMENTS_MAX];
    size_t count = 0;
    if (!split_path(ex, segments, &count)) {
        return false;
    }
    enum http_verb verb = HTTP_VERB_GET;
    bool is_known = verb_of(ex->method, &verb);
    unsigned verbs = 0;
    const struct compiled_route *found =
        route_table_find(&c->server->routes, segments, count, verb, &verbs);
    const struct http_route *page = page_of(ex);
    bool is_open = page == NULL && found != NULL && is_known && found->route->is_open;
    if (c->is_reserved && !is_open) {
        struct http_field field = {"retry-after", STR("1")};
        ex->is_close_after = true;
        respond_problem(ex, 503, "too_many_connections", "all connections are in use, try later",
                        &field, 1);
        return false;
    }
    /* Deny by default: who has no token learns nothing about which paths there are. */
    bool is_public =
        is_open || page != NULL || (found != NULL && is_known && found->route->is_public);
    if ((!is_public && !access_check_token(ex)) || !access_check_origin(ex)) {
        return false;
    }
    if (page != NULL) {
        ex->route = page;
        return true;
    }
    if (verbs == 0) {
        return refuse_head(ex, 404, "not_found", "there is nothing at this path");
    }
    if (ex->method == HTTP_OPTIONS) {
        return answer_options(ex, verbs);
    }
    if (found == NULL || !is_known) {
        char allow[64];
        route_allow_text(verbs, allow);
        struct http_field field = {"allow", str_from(allow)};
        respond_problem(ex, 405, "method_not_allowed", "this method is not known at this path",
                        &field, 1);
        return false;
    }
    bind_params(ex, found, segments);
    ex->route = found->route;
    return true;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct conn *c = parser->data;
    struct http_exchange *ex = c->receiving;
    parser->upgrade =
        0; /* an Upgrade is an offer, which we do not take; CONNECT is refused below */
    ex->is_head_done = true;
    ex->method = parser->method;
    ex->is_http10 = parser->http_minor == 0;
    ex->is_chunked_in = (parser->flags & F_CHUNKED) != 0;
    ex->length = ex->is_chunked_in ? 0 : parser->content_length;
    ex->is_keep_alive = llhttp_should_keep_alive(parser) != 0;
    ex->drops_body = ex->method == HTTP_HEAD;
    c->window_us = reactor_now_us(c->server->reactor);
    c->window_bytes = 0;
    if (check_framing(ex, parser) && check_host(ex) && check_expect(ex) && route(ex)) {
        ex->route->handler->on_request(ex);
    }
    bool goes_on = ex->answer == ANSWER_NONE && !ex->is_paused;
    if (goes_on && ex->wants_continue) {
        ex->wants_continue = false;
        (void)buf_puts(&ex->out, "HTTP/1.1 100 Continue\r\n\r\n"); /* failure shows when sent */
        conn_mark_dirty(c);
    }
    if (ex->is_close_after && ex->answer == ANSWER_ENDED) {
        c->is_stop_parsing = true;
    }
    return c->is_stop_parsing || c->is_dead || (ex->is_paused && ex->answer != ANSWER_ENDED)
               ? HPE_PAUSED
               : HPE_OK;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct conn *c = parser->data;
    struct http_exchange *ex = c->receiving;
    ex->body_bytes += len;
    if (ex->answer == ANSWER_ENDED || ex->route == NULL) {
        c->drained_bytes += (uint32_t)len;
        if (c->drained_bytes > HTTP_DRAIN_BYTES_MAX) {
            ex->is_close_after = true;
            c->is_stop_parsing = true;
            conn_mark_dirty(c);
            return HPE_PAUSED;
        }
        return HPE_OK;
    }
    if (ex->route->handler->on_body != NULL && len > 0) {
        ex->route->handler->on_body(ex, str_of(at, len));
    }
    bool is_held = (ex->is_paused || ex->has_unread) && ex->answer != ANSWER_ENDED;
    return c->is_dead || is_held ? HPE_PAUSED : HPE_OK;
}

static int on_message_complete(llhttp_t *parser)
{
    struct conn *c = parser->data;
    struct http_exchange *ex = c->receiving;
    ex->is_received = true;
    c->receiving = NULL;
    c->drained_bytes = 0;
    if (ex->is_upgraded) {
        c->upgraded = ex;
        return HPE_PAUSED; /* what follows is no HTTP */
    }
    bool is_last = !ex->is_keep_alive || ex->is_close_after;
    if (is_last || c->server->is_stopping) {
        ex->is_close_after = true;
        c->is_stop_parsing = true;
    }
    if (ex->answer == ANSWER_ENDED) {
        conn_mark_dirty(c); /* it may have been sent already, and can go now */
    } else if (ex->route != NULL && ex->route->handler->on_body_end != NULL) {
        ex->route->handler->on_body_end(ex);
    }
    /* Between messages server_conn.c decides whether to go on, and looks at what llhttp skips. */
    return HPE_PAUSED;
}

const llhttp_settings_t *request_parser_settings(void)
{
    static const llhttp_settings_t SETTINGS = {
        .on_message_begin = on_message_begin,
        .on_url = on_url,
        .on_url_complete = on_url_complete,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_header_value_complete = on_header_value_complete,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    return &SETTINGS;
}

/* ---- what handlers ask ---- */

const char *http_method(const struct http_exchange *ex)
{
    return llhttp_method_name((llhttp_method_t)ex->method);
}

struct str http_path(const struct http_exchange *ex)
{
    return head_text(ex, ex->path_at, ex->path_len);
}

struct str http_path_param(const struct http_exchange *ex, const char *name)
{
    for (size_t i = 0; i < ex->path_param_count; i++) {
        if (str_is(ex->path_params[i].name, name)) {
            return head_text(ex, ex->path_params[i].value_at, ex->path_params[i].value_len);
        }
    }
    return (struct str){"", 0};
}

struct str http_query(const struct http_exchange *ex)
{
    return head_text(ex, ex->query_at, ex->query_len);
}

struct str http_header(const struct http_exchange *ex, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = 0; i < ex->header_count; i++) {
        const struct header_ref *h = &ex->headers[i];
        if (h->name_len == wanted.len &&
            str_eq_nocase(head_text(ex, h->name_at, h->name_len), wanted)) {
            return head_text(ex, h->value_at, h->value_len);
        }
    }
    return (struct str){"", 0};
}

size_t http_header_count(const struct http_exchange *ex, const char *name)
{
    struct str wanted = str_from(name);
    size_t count = 0;
    for (size_t i = 0; i < ex->header_count; i++) {
        const struct header_ref *h = &ex->headers[i];
        count += h->name_len == wanted.len &&
                         str_eq_nocase(head_text(ex, h->name_at, h->name_len), wanted)
                     ? 1
                     : 0;
    }
    return count;
}

bool http_body_length(const struct http_exchange *ex, uint64_t *out_bytes)
{
    if (!ex->is_chunked_in) {
        *out_bytes = ex->length;
    }
    return !ex->is_chunked_in;
}

/* True when the header is a list of tokens with this one among them. */
static bool has_token(struct str list, struct str token)
{
    struct str part;
    while (str_split(&list, ',', &part)) {
        if (str_eq_nocase(str_trim(part), token)) {
            return true;
        }
    }
    return false;
}

bool http_upgrade_wanted(const struct http_exchange *ex, struct str protocol)
{
    return ex->method == HTTP_GET && !ex->is_http10 && !ex->is_chunked_in && ex->length == 0 &&
           http_header_count(ex, "connection") == 1 && http_header_count(ex, "upgrade") == 1 &&
           has_token(http_header(ex, "connection"), STR("upgrade")) &&
           has_token(http_header(ex, "upgrade"), protocol);
}

struct str http_content_type(const struct http_exchange *ex, char out[64])
{
    struct str value = http_header(ex, "content-type");
    ptrdiff_t semicolon = str_find(value, ';');
    struct str type = str_trim(semicolon < 0 ? value : str_of(value.ptr, (size_t)semicolon));
    size_t len = MIN(type.len, (size_t)63);
    for (size_t i = 0; i < len; i++) {
        char c = type.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    out[len] = '\0';
    return str_of(out, len);
}

void *http_route_ctx(const struct http_exchange *ex)
{
    return ex->route == NULL ? NULL : ex->route->ctx;
}

void *http_user(const struct http_exchange *ex)
{
    return ex->user;
}

void http_set_user(struct http_exchange *ex, void *user)
{
    ex->user = user;
}

uint64_t http_id(const struct http_exchange *ex)
{
    return ex->id;
}

struct reactor *http_reactor(const struct http_exchange *ex)
{
    return ex->conn->server->reactor;
}

const struct os_address *http_peer(const struct http_exchange *ex)
{
    return &ex->conn->peer;
}

int64_t http_started_us(const struct http_exchange *ex)
{
    return ex->started_us;
}

void http_pause(struct http_exchange *ex)
{
    ex->is_paused = true;
}

void http_resume(struct http_exchange *ex)
{
    struct conn *c = ex->conn;
    if (!ex->is_paused) {
        return;
    }
    ex->is_paused = false;
    if (ex->wants_continue && ex->answer == ANSWER_NONE) {
        ex->wants_continue = false;
        (void)buf_puts(&ex->out, "HTTP/1.1 100 Continue\r\n\r\n"); /* failure shows when sent */
        conn_mark_dirty(c);
    }
    c->window_us = reactor_now_us(c->server->reactor);
    c->window_bytes = 0;
    conn_mark_ready(c);
}

void http_unread(struct http_exchange *ex, struct str rest)
{
    struct conn *c = ex->conn;
    ASSERT(ex->is_paused);
    ASSERT(!ex->has_unread);
    ex->has_unread = true;
    c->unread = buf_make(HTTP_READ_BYTES);
    if (!buf_add_str(&c->unread, rest)) {
        conn_kill(c); /* out of memory: the body cannot be told whole any more */
    }
}
