/* SPDX-License-Identifier: MIT */
/* api_session.c - /api/v1/session: signing in from a browser with the server's token. */
#include "http/api.h"

static void on_get(struct http_exchange *ex)
{
    bool is_needed = http_token_needed(ex);
    api_respond_json(
        ex, 200, json_pack("{s:b, s:b}", "needed", is_needed, "signed_in", http_authorized(ex)));
}
const struct http_handler api_session_get = {.on_request = on_get};

static void respond_cookie(struct http_exchange *ex, const struct buf *cookie)
{
    const struct http_field fields[] = {{"cache-control", STR("no-store")},
                                        {"set-cookie", buf_str(cookie)}};
    http_respond(ex, 204, fields, ARRAY_LEN(fields) - (cookie->len == 0 ? 1 : 0), STR(""));
}

static void on_token(struct http_exchange *ex, json_t *body)
{
    const json_t *token = json_object_get(body, "token");
    AUTO_BUF cookie = buf_make(1024);
    if (!json_is_string(token) || json_object_size(body) != 1) {
        http_problem(ex, 400, "invalid", STR("send {\"token\": \"the server's token\"}"), STR(""));
        return;
    }
    if (!http_token_needed(ex)) {
        respond_cookie(ex, &cookie); /* everybody is signed in */
        return;
    }
    const struct http_field retry = {"retry-after", STR("6")};
    struct str text = str_of(json_string_value(token), json_string_length(token));
    switch (http_sign_in(ex, text, &cookie)) {
    case HTTP_SIGN_IN_OK:
        respond_cookie(ex, &cookie);
        return;
    case HTTP_SIGN_IN_WRONG:
        http_problem(ex, 401, "token_wrong", STR("this is not the server's token"), STR(""));
        return;
    case HTTP_SIGN_IN_LATER:
        http_problem_fields(ex, 429, "too_many_tries",
                            STR("too many wrong tokens came from your address; wait some seconds"),
                            STR(""), &retry, 1);
        return;
    }
}

static void on_post(struct http_exchange *ex)
{
    api_collect(ex, on_token);
}
const struct http_handler api_session_post = {.on_request = on_post,
                                              .on_body = api_collect_body,
                                              .on_body_end = api_collect_end,
                                              .on_abort = api_collect_abort};

static void on_delete(struct http_exchange *ex)
{
    AUTO_BUF cookie = buf_make(1024);
    http_sign_out(ex, &cookie);
    respond_cookie(ex, &cookie);
}
const struct http_handler api_session_delete = {.on_request = on_delete};
