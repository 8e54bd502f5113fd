/* SPDX-License-Identifier: MIT */
/* socket.c - see socket.h. The only caller of the socket table. */
#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

static int real_accept(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    return accept4(fd, address, len, flags);
}

const struct os_socket_calls os_socket_calls_real = {
    .accept = real_accept,
    .recv = recv,
    .sendmsg = sendmsg,
};
const struct os_socket_calls *os_socket_calls = &os_socket_calls_real;

enum { SEND_PARTS_MAX = 1024 }; /* IOV_MAX of Linux */

static void format_host(const struct os_address *address, char *out, size_t room)
{
    const void *bytes =
        address->storage.ss_family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)&address->storage)->sin6_addr
            : (const void *)&((const struct sockaddr_in *)&address->storage)->sin_addr;
    if (inet_ntop(address->storage.ss_family, bytes, out, (socklen_t)room) == NULL) {
        (void)snprintf(out, room, "unknown"); /* fits: a Unix socket has no such text */
    }
}

void os_address_format_host(const struct os_address *address, char out[OS_ADDRESS_TEXT_BYTES])
{
    format_host(address, out, OS_ADDRESS_TEXT_BYTES);
}

void os_address_format(const struct os_address *address, char out[OS_ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN];
    format_host(address, host, sizeof host);
    bool is_v6 = address->storage.ss_family == AF_INET6;
    uint16_t port = is_v6 ? ((const struct sockaddr_in6 *)&address->storage)->sin6_port
                          : ((const struct sockaddr_in *)&address->storage)->sin_port;
    (void)snprintf(out, OS_ADDRESS_TEXT_BYTES, is_v6 ? "[%s]:%u" : "%s:%u", host,
                   (unsigned)ntohs(port)); /* fits: 45 + 8 characters at most */
}

bool os_address_is_loopback(const struct os_address *address)
{
    if (address->storage.ss_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)&address->storage)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
    }
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    return false;
}

static err listen_on(const struct addrinfo *at, const char *host, uint16_t port, int *out_fd,
                     struct errmsg *msg)
{
    AUTO_FD fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errmsg_set(msg, ERR_IO, "socket: %s", strerror(errno));
    }
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* only a convenience */
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, 4096) != 0) {
        int error = errno;
        err e = error == EADDRINUSE      ? ERR_BUSY
                : error == EACCES        ? ERR_DENIED
                : error == EADDRNOTAVAIL ? ERR_INVALID
                                         : ERR_IO;
        return errmsg_set(msg, e, "listen on %s port %u: %s", host, (unsigned)port,
                          strerror(error));
    }
    *out_fd = os_take_fd(&fd);
    return ERR_OK;
}

err os_listen(const char *host, uint16_t port, int *out_fd, struct os_address *out_address,
              struct errmsg *msg)
{
    ASSERT(host != NULL);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port); /* fits: five digits */
    struct addrinfo *found = NULL;
    int status = getaddrinfo(host, service, &hints, &found);
    if (status != 0 || found == NULL) {
        return errmsg_set(msg, ERR_INVALID, "address %s: %s", host, gai_strerror(status));
    }
    int fd = -1;
    err e = listen_on(found, host, port, &fd, msg);
    freeaddrinfo(found);
    TRY(e);
    e = os_local_address(fd, out_address);
    if (e != ERR_OK) {
        os_close(fd);
        return errmsg_set(msg, e, "getsockname failed");
    }
    *out_fd = fd;
    return ERR_OK;
}

err os_accept(int listen_fd, int *out_fd, struct os_address *out_peer)
{
    for (;;) {
        out_peer->len = sizeof out_peer->storage;
        int fd = os_socket_calls->accept(listen_fd, (struct sockaddr *)&out_peer->storage,
                                         &out_peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            int on = 1;
            /* Fails on Unix sockets only, which have no such delay. */
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            *out_fd = fd;
            return ERR_OK;
        }
        switch (errno) {
        case EINTR:
            continue;
        case EAGAIN:
            return ERR_AGAIN;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
            return ERR_LIMIT;
        default:
            return ERR_IO;
        }
    }
}

err os_connect(const struct os_address *address, int *out_fd, struct errmsg *msg)
{
    AUTO_FD fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errmsg_set(msg, ERR_IO, "socket: %s", strerror(errno));
    }
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) != 0) {
        char text[OS_ADDRESS_TEXT_BYTES];
        int error = errno;
        os_address_format(address, text);
        return errmsg_set(msg, ERR_IO, "connect to %s: %s", text, strerror(error));
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only speed */
    *out_fd = os_take_fd(&fd);
    return ERR_OK;
}

err os_local_address(int fd, struct os_address *out_address)
{
    struct os_address address = {.len = sizeof address.storage};
    if (getsockname(fd, (struct sockaddr *)&address.storage, &address.len) != 0) {
        return ERR_IO;
    }
    *out_address = address;
    return ERR_OK;
}

err os_socket_pair(int out_fds[2], struct errmsg *msg)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out_fds) != 0) {
        return errmsg_set(msg, errno == EMFILE ? ERR_LIMIT : ERR_IO, "socketpair: %s",
                          strerror(errno));
    }
    return ERR_OK;
}

err os_recv(int fd, void *bytes, size_t len, size_t *out_got)
{
    for (;;) {
        ssize_t got = os_socket_calls->recv(fd, bytes, len, MSG_DONTWAIT);
        if (got > 0) {
            *out_got = (size_t)got;
            return ERR_OK;
        }
        if (got == 0) {
            return ERR_CLOSED;
        }
        if (errno != EINTR) {
            return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
        }
    }
}

err os_send(int fd, const struct iovec *parts, size_t count, size_t *out_sent)
{
    ASSERT(count <= SEND_PARTS_MAX);
    struct msghdr message = {0};
    /* msghdr is not const-correct; sendmsg only reads the parts. */
    memcpy(&message.msg_iov, &parts, sizeof message.msg_iov);
    message.msg_iovlen = count;
    for (;;) {
        ssize_t sent = os_socket_calls->sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            *out_sent = (size_t)sent;
            return ERR_OK;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno == EAGAIN || errno == ENOBUFS) {
            return ERR_AGAIN;
        }
        return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
    }
}

void os_shutdown_write(int fd)
{
    (void)shutdown(fd, SHUT_WR); /* a peer that is gone has nothing to be told */
}

err os_wait_fd(int fd, short events, int timeout_ms)
{
    int64_t deadline_us = os_mono_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, timeout_ms);
        if (n > 0) {
            return ERR_OK;
        }
        if (n == 0) {
            return ERR_TIMEOUT;
        }
        if (errno != EINTR) {
            return ERR_IO;
        }
        if (timeout_ms >= 0) {
            int64_t left_us = deadline_us - os_mono_us();
            timeout_ms = left_us <= 0 ? 0 : (int)(left_us / 1000);
        }
    }
}
