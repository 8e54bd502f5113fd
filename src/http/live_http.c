/* SPDX-License-Identifier: MIT */
/* live_http.c - how clients of the live views come and go: GET /ws/dashboard. */
#include "http/live_int.h"
#include "os/clock.h"

/* Answers 429 when there are too many. */
static bool has_place(struct http_exchange *ex)
{
    const struct live *l = api_of(ex)->live;
    const struct http_field retry = {"retry-after", STR("10")};
    char detail[64];
    if (l->client_count < LIVE_CLIENTS_MAX) {
        return true;
    }
    (void)snprintf(detail, sizeof detail, "%d live views are open already",
                   LIVE_CLIENTS_MAX); /* fits */
    http_problem_fields(ex, 429, "too_many_live_clients", str_from(detail), STR(""), &retry, 1);
    return false;
}

/* ---- WebSocket ---- */

static int on_text(void *ctx, struct str text)
{
    return live_client_text(ctx, text);
}

static void on_closed(void *ctx)
{
    live_client_free(ctx);
}

static void on_connect(struct http_exchange *ex)
{
    struct live *l = api_of(ex)->live;
    AUTO_PARAMS params = {0};
    if (!api_params_begin(ex, &params) || !api_params_end(ex, &params, ERR_OK, NULL) ||
        !has_place(ex)) {
        return;
    }
    struct live_client *c = live_client_new(l, ex);
    const struct ws_options options = {.message_bytes_max = LIVE_MESSAGE_BYTES_MAX,
                                       .on_text = on_text,
                                       .on_closed = on_closed,
                                       .ctx = c};
    c->ws = ws_accept(ex, &options);
    if (c->ws == NULL) {
        live_client_free(c);
        return;
    }
    http_set_user(ex, c);
    live_client_hello(c);
}

static void on_bytes(struct http_exchange *ex, struct str piece)
{
    struct live_client *c = http_user(ex);
    if (c != NULL) {
        c->heard_us = os_mono_us();
        ws_receive(c->ws, piece); /* the client may be gone now */
    }
}

static void on_writable(struct http_exchange *ex)
{
    struct live_client *c = http_user(ex);
    ws_writable(c->ws);
    live_client_pump(c);
}

static void on_abort(struct http_exchange *ex)
{
    struct live_client *c = http_user(ex);
    if (c != NULL) {
        ws_free(c->ws);
        live_client_free(c);
    }
}

static void on_stop(struct http_exchange *ex)
{
    struct live_client *c = http_user(ex);
    ws_close(c->ws, WS_CLOSE_GOING_AWAY, STR("the server stops"));
    live_client_free(c);
}

const struct http_handler api_live_socket = {.on_request = on_connect,
                                             .on_body = on_bytes,
                                             .on_writable = on_writable,
                                             .on_abort = on_abort,
                                             .on_stop = on_stop};
