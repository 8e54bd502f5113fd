/* SPDX-License-Identifier: MIT */
/* server_access.c - who may: the rules of access.h applied to a request, the bearer token, and the
 * cookie that stands for it.
 *
 * A browser sends its cookies whoever wrote the page that asks; SameSite=Strict stops other sites,
 * but a page of another port of the same host is the same site. So what a cookie lets through must
 * come from a page of this very origin as soon as it changes something or opens a WebSocket, whose
 * answers no other rule of the browser protects. */
#include "http/access.h"
#include "http/server_int.h"

/* The address the connection came in on, as text; empty when unknown. */
static struct str local_host(const struct http_exchange *ex, char out[OS_ADDRESS_TEXT_BYTES])
{
    struct os_address local;
    if (os_local_address(ex->conn->io.fd, &local) != ERR_OK ||
        (local.storage.ss_family != AF_INET && local.storage.ss_family != AF_INET6)) {
        return (struct str){NULL, 0};
    }
    os_address_format_host(&local, out);
    return str_from(out);
}

bool access_host_allowed(const struct http_exchange *ex, struct str name, bool is_address)
{
    const struct http_options *o = &ex->conn->server->options;
    char local[OS_ADDRESS_TEXT_BYTES];
    return http_host_allowed(name, is_address, o->hosts, o->host_count, (struct str){NULL, 0}) ||
           (is_address &&
            http_host_allowed(name, is_address, o->hosts, o->host_count, local_host(ex, local)));
}

bool cors_allows(const struct http_exchange *ex, bool *out_is_any)
{
    const struct http_options *o = &ex->conn->server->options;
    return o->cors_origin_count > 0 && ex->is_head_done && http_header_count(ex, "origin") == 1 &&
           http_origin_named(http_header(ex, "origin"), o->cors_origins, o->cors_origin_count,
                             out_is_any);
}

static bool refuse_origin(struct http_exchange *ex, const char *detail)
{
    respond_problem(ex, 403, "origin_not_allowed", detail, NULL, 0);
    return false;
}

/* A page of another site may send simple requests without asking; only those of the origins that
 * the configuration names are wanted. */
bool access_check_origin(struct http_exchange *ex)
{
    bool is_upgrade = http_header(ex, "upgrade").len > 0;
    bool is_safe = ex->method == HTTP_GET || ex->method == HTTP_HEAD || ex->method == HTTP_OPTIONS;
    struct str origin = http_header(ex, "origin");
    size_t origin_count = http_header_count(ex, "origin");
    bool is_any = false;
    if ((is_safe && !is_upgrade) ||
        (origin_count <= 1 &&
         http_origin_own(origin, http_header(ex, "host"), http_header(ex, "sec-fetch-site")))) {
        return true;
    }
    bool is_named = cors_allows(ex, &is_any);
    if (ex->is_by_cookie || (is_upgrade && origin_count > 0)) {
        return (is_named && !is_any) ||
               refuse_origin(ex, ex->is_by_cookie
                                     ? "a request with the cookie of a session must come from a "
                                       "page of this server"
                                     : "a page of another site may not open a connection here; "
                                       "its origin can be named in the configuration "
                                       "(cors_origins)");
    }
    if (origin_count == 0 || is_named) {
        return true;
    }
    const struct http_options *o = &ex->conn->server->options;
    char local[OS_ADDRESS_TEXT_BYTES];
    return http_origin_allowed(origin, o->hosts, o->host_count, local_host(ex, local)) ||
           refuse_origin(ex, "pages of other sites may not change anything here");
}

/* ---- the token, and the cookie that stands for it ---- */

static int64_t now_us(const struct http_exchange *ex)
{
    return reactor_now_us(ex->conn->server->reactor);
}

static struct str session_cookie(const struct http_exchange *ex)
{
    return http_cookie(http_header(ex, "cookie"), "tarn_session");
}

bool http_token_needed(const struct http_exchange *ex)
{
    return ex->conn->server->options.token != NULL;
}

static bool has_token(const struct http_exchange *ex)
{
    return http_header_count(ex, "authorization") == 1 &&
           http_token_matches(http_header(ex, "authorization"),
                              str_from(ex->conn->server->options.token));
}

static bool has_session(const struct http_exchange *ex)
{
    return http_session_use(ex->conn->server->sessions, session_cookie(ex), now_us(ex));
}

bool http_authorized(const struct http_exchange *ex)
{
    return !http_token_needed(ex) || has_token(ex) || has_session(ex);
}

bool access_check_token(struct http_exchange *ex)
{
    if (!http_token_needed(ex) || has_token(ex)) {
        return true;
    }
    if (has_session(ex)) {
        ex->is_by_cookie = true;
        return true;
    }
    struct http_field field = {"www-authenticate", STR("Bearer")};
    respond_problem(ex, 401, "unauthorized",
                    "send the server's token: Authorization: Bearer TOKEN; in a browser, sign in "
                    "with it",
                    &field, 1);
    return false;
}

enum http_sign_in http_sign_in(struct http_exchange *ex, struct str token, struct buf *out_cookie)
{
    ASSERT(http_token_needed(ex));
    struct http_server *server = ex->conn->server;
    const struct os_address *peer = http_peer(ex);
    /* The right token is never kept waiting: behind a proxy all browsers have one address, and a
     * stranger among them would lock everybody out. What stops guessing is the token's length. */
    if (!http_token_equal(token, str_from(server->options.token))) {
        bool is_allowed = http_try_allowed(server->sessions, peer, now_us(ex));
        http_try_failed(server->sessions, peer, now_us(ex));
        return is_allowed ? HTTP_SIGN_IN_WRONG : HTTP_SIGN_IN_LATER;
    }
    char text[HTTP_SESSION_TEXT_BYTES];
    http_session_begin(server->sessions, now_us(ex), text);
    /* Behind a proxy that speaks TLS the page's origin says so. */
    bool is_tls = str_starts(http_header(ex, "origin"), STR("https://"));
    buf_printf(out_cookie, "tarn_session=%s; HttpOnly; SameSite=Strict; Path=/%s", text,
               is_tls ? "; Secure" : "");
    return HTTP_SIGN_IN_OK;
}

void http_sign_out(struct http_exchange *ex, struct buf *out_cookie)
{
    if (http_token_needed(ex)) {
        http_session_end(ex->conn->server->sessions, session_cookie(ex));
    }
    buf_puts(out_cookie, "tarn_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
}
