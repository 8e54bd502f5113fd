/* SPDX-License-Identifier: MIT */
/* fuzz_live_socket.c - bytes after a WebSocket's handshake, up to the messages of live views.
 * Whatever they are, what is understood does not depend on how they were cut into packets, every
 * message that is taken is within its bounds, and the connection ends when its client does.
 * The first byte says how: odd, the rest is the text of one message; even, it is frames. */
#include <sys/socket.h>
#include <unistd.h>

#include "http/live_message.h"
#include "http/websocket.h"
#include "os/file.h"

static struct reactor *reactor;
static struct http_server *server;
static struct buf *seen; /* the present run's */
static int open_sockets;

static int on_text(void *ctx, struct str text)
{
    (void)ctx;
    struct live_message m;
    struct errmsg msg = {0};
    const char *code = NULL;
    ASSERT(text.len <= LIVE_MESSAGE_BYTES_MAX && str_is_utf8(text));
    err e = live_message_parse(text, &m, &code, &msg);
    ASSERT(e == ERR_OK || (e == ERR_INVALID && msg.text[0] != '\0' && code != NULL));
    if (e == ERR_OK) {
        ASSERT(m.op == LIVE_PING || m.id > 0);
        ASSERT(m.params.topic_count <= LIVE_WATCH_TOPICS_MAX);
        ASSERT(m.op != LIVE_SUBSCRIBE || m.channel != LIVE_EVENTS ||
               (m.params.rate_max >= 1 && m.params.rate_max <= LIVE_RATE_MAX));
        (void)live_filter_matches(&m.params.filter, text);
        live_message_deinit(&m);
    }
    buf_add_str(seen, text);
    buf_puts(seen, e == ERR_OK ? "+" : "-");
    return text.len == 13 ? WS_CLOSE_POLICY : 0;
}

static void on_closed(void *ctx)
{
    struct ws **slot = ctx;
    open_sockets--;
    *slot = NULL;
}

static void on_request(struct http_exchange *ex)
{
    static struct ws *ws;
    const struct ws_options options = {.message_bytes_max = LIVE_MESSAGE_BYTES_MAX,
                                       .on_text = on_text,
                                       .on_closed = on_closed,
                                       .ctx = &ws};
    ws = ws_accept(ex, &options);
    ASSERT(ws != NULL);
    open_sockets++;
    http_set_user(ex, &ws);
    ws_send(ws, STR("hello"));
}

static void on_body(struct http_exchange *ex, struct str piece)
{
    struct ws **slot = http_user(ex);
    ws_receive(*slot, piece);
}

static void on_writable(struct http_exchange *ex)
{
    struct ws **slot = http_user(ex);
    ws_writable(*slot);
}

static void on_abort(struct http_exchange *ex)
{
    struct ws **slot = http_user(ex);
    open_sockets--;
    ws_free(*slot);
}

static const struct http_handler SOCKET = {
    .on_request = on_request, .on_body = on_body, .on_abort = on_abort, .on_writable = on_writable};
static const struct http_route ROUTES[] = {{HTTP_VERB_GET, "/", &SOCKET, false, NULL}};

static void turns(int count)
{
    for (int i = 0; i < count; i++) {
        ASSERT(reactor_turn(reactor, 0, NULL) == ERR_OK);
    }
}

static void run(struct str bytes, size_t step, struct buf *out_seen)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    int fds[2];
    struct os_address peer = {.storage.ss_family = AF_INET};
    ASSERT(os_socket_pair(fds, NULL) == ERR_OK);
    seen = out_seen;
    http_server_adopt(server, fds[0], &peer);
    ASSERT(send(fds[1], request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1);
    turns(2);
    while (bytes.len > 0) {
        ssize_t n = send(fds[1], bytes.ptr, MIN(step, bytes.len), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            break; /* the server has closed */
        }
        bytes = str_of(bytes.ptr + n, bytes.len - (size_t)n);
        turns(2);
    }
    turns(4);
    char answers[4096];
    ssize_t got = recv(fds[1], answers, sizeof answers, MSG_DONTWAIT);
    ASSERT(got > 12 && memcmp(answers, "HTTP/1.1 101", 12) == 0);
    os_close(fds[1]);
    turns(4);
    ASSERT(http_server_connections(server) == 0);
    ASSERT(open_sockets == 0);
}

/* One masked text frame (with a mask of zeros). */
static void wrap(struct str text, struct buf *out)
{
    buf_add_byte(out, '\x81');
    buf_add_byte(out, (char)0xfe);
    buf_add_byte(out, (char)(text.len >> 8));
    buf_add_byte(out, (char)(text.len & 0xff));
    buf_add(out, "\0\0\0\0", 4);
    buf_add_str(out, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (reactor == NULL) {
        struct http_options options = {0};
        ASSERT(reactor_new(&reactor, NULL) == ERR_OK);
        ASSERT(http_server_open(reactor, ROUTES, ARRAY_LEN(ROUTES), &options, &server, NULL) ==
               ERR_OK);
    }
    if (len < 1 || len > 4096) {
        return 0;
    }
    AUTO_BUF frames = buf_make(8192);
    AUTO_BUF whole = buf_make(1 << 20);
    AUTO_BUF cut = buf_make(1 << 20);
    struct str rest = str_of(data + 1, len - 1);
    if (data[0] % 2 == 1 && rest.len > 125) {
        wrap(rest, &frames);
    } else if (data[0] % 2 == 1) {
        const char head[] = {'\x81', (char)(0x80 | rest.len), 0, 0, 0, 0};
        buf_add(&frames, head, sizeof head);
        buf_add_str(&frames, rest);
    } else {
        buf_add_str(&frames, rest);
    }
    run(buf_str(&frames), 4096, &whole);
    run(buf_str(&frames), (size_t)(data[0] % 61) + 1, &cut);
    ASSERT(str_eq(buf_str(&whole), buf_str(&cut)));
    return 0;
}
