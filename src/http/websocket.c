/* SPDX-License-Identifier: MIT */
/* websocket.c - see websocket.h. */
#include "http/websocket.h"

#include <sha1.h>
#include <wslay/wslay.h>

#include "base/base64.h"

/* RFC 6455 section 1.3. */
static const char ACCEPT_GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* A fragment costs some 100 bytes until its message is whole, however little it brings. */
enum { FRAGMENTS_MAX = 1024 };

struct ws {
    struct http_exchange *ex; /* borrowed until closed or aborted */
    struct ws_options options;
    wslay_event_context_ptr frames; /* owned */
    struct str input;               /* the rest of the piece being received */
    size_t fragment_count;          /* of the message that is not whole */
    int close_code;                 /* an on_text asked for it; 0: none */
    bool is_broken;                 /* not a text message, or memory is out */
};

/* ---- handshake ---- */

void ws_accept_key(struct str key, char out[WS_ACCEPT_BYTES + 1])
{
    uint8_t digest[SHA1_DIGEST_LENGTH];
    SHA1_CTX sha;
    SHA1Init(&sha);
    SHA1Update(&sha, (const uint8_t *)key.ptr, key.len);
    SHA1Update(&sha, (const uint8_t *)ACCEPT_GUID, sizeof ACCEPT_GUID - 1);
    SHA1Final(digest, &sha);
    AUTO_BUF text = buf_make(WS_ACCEPT_BYTES + 1);
    base64_encode(str_of(digest, sizeof digest), &text);
    ASSERT(!text.failed && text.len == WS_ACCEPT_BYTES);
    memcpy(out, text.data, WS_ACCEPT_BYTES);
    out[WS_ACCEPT_BYTES] = '\0';
}

/* 16 bytes in base64: 22 of its letters and "==". */
static bool is_key(struct str key)
{
    if (key.len != WS_KEY_BYTES || !str_ends(key, STR("=="))) {
        return false;
    }
    for (size_t i = 0; i < WS_KEY_BYTES - 2; i++) {
        char c = key.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/')) {
            return false;
        }
    }
    return true;
}

static bool check_request(struct http_exchange *ex)
{
    const struct http_field wanted[] = {{"upgrade", STR("websocket")},
                                        {"connection", STR("Upgrade")},
                                        {"sec-websocket-version", STR("13")}};
    bool is_version_ok = http_header_count(ex, "sec-websocket-version") == 1 &&
                         str_is(http_header(ex, "sec-websocket-version"), "13");
    if (!http_upgrade_wanted(ex, STR("websocket")) || !is_version_ok) {
        http_problem_fields(ex, 426, "websocket_required",
                            STR("this is a WebSocket: connect with ws:// and version 13 of the "
                                "protocol"),
                            STR(""), wanted, ARRAY_LEN(wanted));
        return false;
    }
    if (http_header_count(ex, "sec-websocket-key") != 1 ||
        !is_key(http_header(ex, "sec-websocket-key"))) {
        http_problem(ex, 400, "bad_websocket_key",
                     STR("Sec-WebSocket-Key must be 16 bytes in base64"), STR(""));
        return false;
    }
    return true;
}

/* ---- wslay's callbacks ---- */

static ssize_t on_want_bytes(wslay_event_context_ptr frames, uint8_t *bytes, size_t len, int flags,
                             void *ctx)
{
    (void)flags;
    struct ws *ws = ctx;
    size_t count = MIN(len, ws->input.len);
    if (count == 0) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(bytes, ws->input.ptr, count);
    ws->input = str_of(ws->input.ptr + count, ws->input.len - count);
    return (ssize_t)count;
}

static ssize_t on_have_bytes(wslay_event_context_ptr frames, const uint8_t *bytes, size_t len,
                             int flags, void *ctx)
{
    (void)frames;
    (void)flags;
    const struct ws *ws = ctx;
    http_respond_chunk(ws->ex, str_of(bytes, len));
    return (ssize_t)len;
}

static void on_frame_start(wslay_event_context_ptr frames,
                           const struct wslay_event_on_frame_recv_start_arg *frame, void *ctx)
{
    struct ws *ws = ctx;
    if (wslay_is_ctrl_frame(frame->opcode)) {
        return;
    }
    ws->fragment_count = frame->fin != 0 ? 0 : ws->fragment_count + 1;
    if (ws->fragment_count == FRAGMENTS_MAX && !ws->is_broken) {
        static const char why[] = "too many fragments";
        (void)wslay_event_queue_close(frames, WSLAY_CODE_MESSAGE_TOO_BIG, (const uint8_t *)why,
                                      sizeof why - 1); /* out of memory: the end comes anyway */
        wslay_event_shutdown_read(frames);
        ws->is_broken = true;
    }
}

static void on_message(wslay_event_context_ptr frames,
                       const struct wslay_event_on_msg_recv_arg *message, void *ctx)
{
    struct ws *ws = ctx;
    if (ws->is_broken || ws->close_code != 0) {
        return; /* what came in the same packet counts no more than in a later one */
    }
    if (message->opcode == WSLAY_BINARY_FRAME) {
        static const char why[] = "text only";
        (void)wslay_event_queue_close(frames, WSLAY_CODE_UNSUPPORTED_DATA, (const uint8_t *)why,
                                      sizeof why - 1); /* out of memory: the end comes anyway */
        ws->is_broken = true;
    }
    if (message->opcode != WSLAY_TEXT_FRAME) {
        return;
    }
    struct str text =
        message->msg_length == 0 ? STR("") : str_of(message->msg, message->msg_length);
    ws->close_code = ws->options.on_text(ws->options.ctx, text);
}

/* ---- life ---- */

struct ws *ws_accept(struct http_exchange *ex, const struct ws_options *options)
{
    if (!check_request(ex)) {
        return NULL;
    }
    struct ws *ws = xnew(struct ws);
    const struct wslay_event_callbacks callbacks = {.recv_callback = on_want_bytes,
                                                    .send_callback = on_have_bytes,
                                                    .on_frame_recv_start_callback = on_frame_start,
                                                    .on_msg_recv_callback = on_message};
    ws->ex = ex;
    ws->options = *options;
    if (wslay_event_context_server_init(&ws->frames, &callbacks, ws) != 0) {
        free(ws);
        http_problem(ex, 503, "nomem", STR("out of memory"), STR(""));
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(ws->frames, options->message_bytes_max);
    char accept[WS_ACCEPT_BYTES + 1];
    ws_accept_key(http_header(ex, "sec-websocket-key"), accept);
    const struct http_field field = {"sec-websocket-accept", str_from(accept)};
    http_upgrade(ex, STR("websocket"), &field, 1);
    http_end_on_stop(ex);
    return ws;
}

void ws_free(struct ws *ws)
{
    if (ws != NULL) {
        wslay_event_context_free(ws->frames);
        free(ws);
    }
}

/* What is queued goes into the exchange's buffer. */
static void put(struct ws *ws)
{
    if (wslay_event_send(ws->frames) != 0) {
        ws->is_broken = true;
    }
}

void ws_receive(struct ws *ws, struct str piece)
{
    ws->input = piece;
    bool is_whole = wslay_event_recv(ws->frames) == 0;
    ws->input = (struct str){0};
    if (ws->close_code != 0) {
        (void)wslay_event_queue_close(ws->frames, (uint16_t)ws->close_code, NULL,
                                      0); /* out of memory: the end comes anyway */
    }
    if (is_whole) {
        put(ws);
    } else {
        /* A frame that is none: wslay would close without saying why. */
        static const char protocol_error[] = {'\x88', 2, WSLAY_CODE_PROTOCOL_ERROR >> 8,
                                              (char)(WSLAY_CODE_PROTOCOL_ERROR & 0xff)};
        http_respond_chunk(ws->ex, str_of(protocol_error, sizeof protocol_error));
    }
    bool is_over = !is_whole || ws->is_broken || ws->close_code != 0 ||
                   wslay_event_get_close_received(ws->frames) != 0 ||
                   wslay_event_get_read_enabled(ws->frames) == 0;
    if (is_over) {
        struct ws_options options = ws->options;
        http_respond_end(ws->ex);
        ws_free(ws);
        options.on_closed(options.ctx);
    } else if (!http_writable(ws->ex)) {
        http_pause(ws->ex);
    }
}

void ws_writable(struct ws *ws)
{
    http_resume(ws->ex);
}

void ws_send(struct ws *ws, struct str text)
{
    const struct wslay_event_msg message = {
        .opcode = WSLAY_TEXT_FRAME, .msg = (const uint8_t *)text.ptr, .msg_length = text.len};
    if (wslay_event_queue_msg(ws->frames, &message) != 0) {
        ws->is_broken = true; /* out of memory; the next bytes of the client end it */
    }
    put(ws);
}

void ws_ping(struct ws *ws)
{
    const struct wslay_event_msg message = {.opcode = WSLAY_PING};
    (void)wslay_event_queue_msg(ws->frames, &message); /* the next one will do */
    put(ws);
}

void ws_close(struct ws *ws, int code, struct str reason)
{
    ASSERT(reason.len <= WS_REASON_BYTES_MAX);
    (void)wslay_event_queue_close(ws->frames, (uint16_t)code, (const uint8_t *)reason.ptr,
                                  reason.len); /* out of memory: the end comes anyway */
    put(ws);
    http_respond_end(ws->ex);
    ws_free(ws);
}
