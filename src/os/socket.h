/* SPDX-License-Identifier: MIT */
/* socket.h - stream sockets, all non-blocking and close-on-exec, with errors as `err`.
 * Behind a small table of calls, as files are behind os/io.h, so that tests can cut transfers short
 * or fail them. Thread: any, one at a time per descriptor. */
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/base.h"
#include "base/str.h"

struct os_socket_calls {
    int (*accept)(int fd, struct sockaddr *address, socklen_t *len, int flags);
    ssize_t (*recv)(int fd, void *bytes, size_t len, int flags);
    ssize_t (*sendmsg)(int fd, const struct msghdr *message, int flags);
};
extern const struct os_socket_calls os_socket_calls_real;
/* The table in force, never NULL; a test that runs alone may replace it. */
extern const struct os_socket_calls *os_socket_calls;

/* An IPv4 or IPv6 address with its port. */
struct os_address {
    struct sockaddr_storage storage;
    socklen_t len;
};
enum { OS_ADDRESS_TEXT_BYTES = 64 };
/* "127.0.0.1:8276" or "[::1]:8276". */
void os_address_format(const struct os_address *address, char out[OS_ADDRESS_TEXT_BYTES]);
/* Just the address, without brackets and port. */
void os_address_format_host(const struct os_address *address, char out[OS_ADDRESS_TEXT_BYTES]);
bool os_address_is_loopback(const struct os_address *address);

/* Listens on the first address that `host` ("127.0.0.1", "::1", "localhost", "0.0.0.0", a name)
 * resolves to; port 0 picks a free one. Errors: INVALID (host), BUSY (port taken), DENIED, IO. */
err os_listen(const char *host, uint16_t port, int *out_fd, struct os_address *out_address,
              struct errmsg *msg);
/* Takes one waiting connection. Errors: AGAIN when there is none, LIMIT when out of descriptors,
 * IO when the connection broke before it was taken. Nagle's delay is off. */
err os_accept(int listen_fd, int *out_fd, struct os_address *out_peer);
/* Blocking connect, for clients and tests; the descriptor is blocking. */
err os_connect(const struct os_address *address, int *out_fd, struct errmsg *msg);
err os_local_address(int fd, struct os_address *out_address);
/* A connected pair of Unix stream sockets, both non-blocking. */
err os_socket_pair(int out_fds[2], struct errmsg *msg);

/* Up to `len` bytes. Errors: AGAIN, CLOSED at the end of the stream, IO when it broke. */
err os_recv(int fd, void *bytes, size_t len, size_t *out_got);
/* Sends what fits now from up to 1,024 parts, without SIGPIPE. Errors: AGAIN, CLOSED, IO. */
err os_send(int fd, const struct iovec *parts, size_t count, size_t *out_sent);
/* Tells the peer that nothing more will come. */
void os_shutdown_write(int fd);
/* Waits until `fd` is ready for `events` (POLLIN, POLLOUT); -1 waits for ever.
 * Errors: TIMEOUT, IO. A hang-up counts as ready. */
err os_wait_fd(int fd, short events, int timeout_ms);
