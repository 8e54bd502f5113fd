/* SPDX-License-Identifier: MIT */
/* fuzz_http_request.c - bytes of a connection. Whatever they are, what the handlers see does not
 * depend on how the bytes were cut into packets, and every answer is a whole HTTP/1.1 answer. */
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"
#include "os/file.h"

static struct reactor *reactor;
static struct http_server *server;
static struct buf *seen; /* the present run's */
static int open_exchanges;

static void on_request(struct http_exchange *ex)
{
    open_exchanges++;
    buf_puts(seen, http_method(ex));
    buf_add_str(seen, http_path(ex));
    buf_add_byte(seen, '?');
    buf_add_str(seen, http_query(ex));
    buf_add_str(seen, http_path_param(ex, "a"));
    buf_add_str(seen, http_header(ex, "content-type"));
}

static void on_body(struct http_exchange *ex, struct str piece)
{
    buf_add_str(seen, piece);
    if (piece.len > 0 && piece.ptr[0] == 'p') { /* take one byte, then the rest later */
        seen->len -= piece.len - 1;
        http_pause(ex);
        http_unread(ex, str_of(piece.ptr + 1, piece.len - 1));
        http_resume(ex);
    }
}

static void on_body_end(struct http_exchange *ex)
{
    open_exchanges--;
    buf_puts(seen, ";");
    http_respond_type(ex, 200, "text/plain", STR("ok"));
}

static void on_abort(struct http_exchange *ex)
{
    (void)ex;
    open_exchanges--;
}

static void on_early(struct http_exchange *ex)
{
    http_problem(ex, 413, "early", STR("no"), STR(""));
}

static void on_stream(struct http_exchange *ex)
{
    http_respond_begin(ex, 200, NULL, 0);
    http_respond_chunk(ex, STR("streamed"));
    http_respond_end(ex);
}

static const struct http_handler RECORD = {on_request, on_body, on_body_end, on_abort, NULL};
static const struct http_handler EARLY = {.on_request = on_early};
static const struct http_handler STREAM = {.on_request = on_stream};
static const struct http_route ROUTES[] = {
    {HTTP_VERB_GET, "/", &RECORD, false, NULL},       {HTTP_VERB_POST, "/", &RECORD, false, NULL},
    {HTTP_VERB_POST, "/x/{a}", &RECORD, false, NULL}, {HTTP_VERB_PUT, "/e", &EARLY, false, NULL},
    {HTTP_VERB_GET, "/s", &STREAM, true, NULL},
};

static void turns(int count)
{
    for (int i = 0; i < count; i++) {
        ASSERT(reactor_turn(reactor, 0, NULL) == ERR_OK);
    }
}

/* Sends the bytes in packets of `step` and notes what handlers saw. */
static void run(struct str bytes, size_t step, struct buf *out_seen)
{
    int fds[2];
    struct os_address peer = {.storage.ss_family = AF_INET};
    ASSERT(os_socket_pair(fds, NULL) == ERR_OK);
    seen = out_seen;
    http_server_adopt(server, fds[0], &peer);
    while (bytes.len > 0) {
        size_t len = MIN(step, bytes.len);
        ssize_t n = send(fds[1], bytes.ptr, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            break; /* the server has closed */
        }
        bytes = str_of(bytes.ptr + n, bytes.len - (size_t)n);
        turns(step < 4096 ? 3 : 1);
    }
    turns(6);
    char answers[65536];
    ssize_t got = recv(fds[1], answers, sizeof answers, MSG_DONTWAIT);
    ASSERT(got <= 0 || (got > 12 && memcmp(answers, "HTTP/1.1 ", 9) == 0));
    os_close(fds[1]);
    turns(3);
    ASSERT(http_server_connections(server) == 0);
    ASSERT(open_exchanges == 0);
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
    AUTO_BUF whole = buf_make(1 << 20);
    AUTO_BUF cut = buf_make(1 << 20);
    run(str_of(data + 1, len - 1), 4096, &whole);
    run(str_of(data + 1, len - 1), (size_t)(data[0] % 61) + 1, &cut);
    ASSERT(str_eq(buf_str(&whole), buf_str(&cut)));
    return 0;
}
