/* SPDX-License-Identifier: MIT */
/* load.c - HTTP load for the benchmarks: many keep-alive connections from one thread, each with
 * one request in flight, over epoll.
 *
 * The events come from a file of NDJSON lines (bench/events.py), looped. A request is `--batch`
 * lines (1,000, or one event per request), cut out of the file without copying: header and body
 * leave in one sendmsg. With --rate the requests follow a schedule, and latency is counted from
 * the moment a request was due, not from when a busy connection got to it (so that a stall counts
 * for all requests it delayed).
 *
 * Latencies go to a histogram of 1/16-octave buckets in microseconds: error below 7 %, any range.
 * At the end one JSON object on stdout. Exit code 1 when an answer was not 200 (unless --refusals),
 * 2 for usage. Not part of the server; plain libc on purpose, so that it measures from outside. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 20000,
    HEAD_BYTES_MAX = 512,
    ANSWER_BYTES_MAX = 8192, /* head and body of an answer: we send only good events */
    SUB_BUCKETS = 16,
    BUCKETS = 64 * SUB_BUCKETS,
    EVENTS_PER_WAIT = 256,
};

struct options {
    const char *host;
    uint16_t port;
    const char *topic;
    const char *file;
    const char *format; /* of the lines, as the door names it; NULL: NDJSON by its media type */
    uint64_t connections;
    uint64_t batch;         /* lines per request */
    uint64_t seconds_tenth; /* how long, in tenths; 0: until `count` events are sent */
    uint64_t count;         /* events; 0: no such end */
    uint64_t rate;          /* events per second over all connections; 0: as fast as it goes */
    bool refusals;          /* answers 429 and 503 are counted, not an error */
};

struct slice {
    const char *start;
    size_t len;
    uint32_t lines;
};

struct connection {
    int fd;
    bool is_waiting; /* for an answer */
    char head[HEAD_BYTES_MAX];
    size_t head_len;
    const char *body; /* borrowed from the mapped file */
    size_t body_len;
    size_t sent; /* of head and body together */
    uint32_t lines;
    uint64_t due_ns;
    char answer[ANSWER_BYTES_MAX + 1];
    size_t answer_len;
};

struct load {
    struct options options;
    int epoll;
    struct slice *slices; /* owned */
    size_t slice_count;
    size_t slice_next;
    struct connection *connections; /* owned */
    uint64_t *idle;                 /* owned stack of connection numbers, rate mode only */
    uint64_t idle_count;
    uint64_t start_ns;
    uint64_t end_ns; /* no request starts after it */
    uint64_t last_answer_ns;
    uint64_t requests_started;
    uint64_t events_started;
    uint64_t events_acked;
    uint64_t bytes_acked;
    uint64_t answers;
    uint64_t refused;
    uint64_t broken; /* closed without an answer */
    uint64_t in_flight;
    uint64_t max_us;
    uint64_t histogram[BUCKETS];
    char first_error[256];
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Bucket of a latency: the octave of the value, and within it one of 16 equal parts. */
static unsigned bucket_of(uint64_t us)
{
    if (us < SUB_BUCKETS) {
        return (unsigned)us;
    }
    unsigned octave = 63U - (unsigned)__builtin_clzll(us);
    unsigned part = (unsigned)(us >> (octave - 4)) & (SUB_BUCKETS - 1);
    return (octave - 3) * SUB_BUCKETS + part;
}

/* The largest value that falls into a bucket. */
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < SUB_BUCKETS) {
        return bucket;
    }
    unsigned octave = bucket / SUB_BUCKETS + 3;
    uint64_t part = bucket % SUB_BUCKETS;
    return ((SUB_BUCKETS + part + 1) << (octave - 4)) - 1;
}

static uint64_t percentile_us(const struct load *l, double share)
{
    uint64_t rank = (uint64_t)((double)l->answers * share);
    uint64_t seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += l->histogram[i];
        if (seen > rank) {
            uint64_t top = bucket_top(i);
            return top < l->max_us ? top : l->max_us;
        }
    }
    return l->max_us;
}

/* Cuts the file into requests of `batch` lines; a shorter rest is left out. */
static void map_events(struct load *l)
{
    int fd = open(l->options.file, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        die(l->options.file);
    }
    size_t len = (size_t)info.st_size;
    const char *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) {
        die("mmap");
    }
    close(fd);
    size_t capacity = 1024;
    l->slices = calloc(capacity, sizeof *l->slices);
    const char *start = bytes;
    uint32_t lines = 0;
    for (const char *at = bytes; (at = memchr(at, '\n', len - (size_t)(at - bytes))) != NULL;) {
        at++;
        if (++lines < l->options.batch) {
            continue;
        }
        if (l->slice_count == capacity) {
            capacity *= 2;
            l->slices = realloc(l->slices, capacity * sizeof *l->slices);
        }
        if (l->slices == NULL) {
            die("memory");
        }
        l->slices[l->slice_count++] = (struct slice){start, (size_t)(at - start), lines};
        start = at;
        lines = 0;
    }
    if (l->slice_count == 0) {
        errno = EINVAL;
        die("fewer lines in the file than in one request");
    }
}

static void dial(struct load *l, struct connection *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l->options.port)};
    if (c->fd < 0 || inet_pton(AF_INET, l->options.host, &to.sin_addr) != 1 ||
        connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        die("connect");
    }
    int yes = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* only a delay at stake */
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0) {
        die("fcntl");
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.u64 = (uint64_t)(c - l->connections)};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

/* Sends what the socket takes; the rest follows when it is writable again. */
static void push(struct connection *c)
{
    size_t total = c->head_len + c->body_len;
    while (c->sent < total) {
        struct iovec parts[2];
        int count = 0;
        size_t body_sent = c->sent > c->head_len ? c->sent - c->head_len : 0;
        if (c->sent < c->head_len) {
            parts[count++] = (struct iovec){c->head + c->sent, c->head_len - c->sent};
        }
        parts[count++] =
            (struct iovec){(void *)(uintptr_t)(c->body + body_sent), c->body_len - body_sent};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) {
                return;
            }
            if (errno == EPIPE || errno == ECONNRESET) {
                c->sent = total; /* refused before its end: the answer is there to be read */
                return;
            }
            if (errno != EINTR) {
                die("send");
            }
            continue;
        }
        c->sent += (size_t)n;
    }
}

static bool may_start(const struct load *l, uint64_t now)
{
    const struct options *o = &l->options;
    return (o->count == 0 || l->events_started < o->count) && (l->end_ns == 0 || now < l->end_ns);
}

static void start_request(struct load *l, struct connection *c, uint64_t due_ns)
{
    const struct slice *slice = &l->slices[l->slice_next];
    const char *format = l->options.format;
    l->slice_next = (l->slice_next + 1) % l->slice_count;
    c->body = slice->start;
    c->body_len = slice->len;
    c->lines = slice->lines;
    c->head_len = (size_t)snprintf(
        c->head, sizeof c->head,
        "POST /api/v1/topics/%s/events%s%s HTTP/1.1\r\nHost: %s:%u\r\n"
        "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
        l->options.topic, format == NULL ? "" : "?format=", format == NULL ? "" : format,
        l->options.host, l->options.port, format == NULL ? "application/x-ndjson" : "text/plain",
        slice->len);
    c->sent = 0;
    c->answer_len = 0;
    c->due_ns = due_ns;
    c->is_waiting = true;
    l->requests_started++;
    l->events_started += slice->lines;
    l->in_flight++;
    push(c);
}

static uint64_t due_of(const struct load *l, uint64_t request)
{
    double spacing = 1e9 * (double)l->options.batch / (double)l->options.rate;
    return l->start_ns + (uint64_t)((double)request * spacing);
}

/* A free connection: the next request at once, or when the schedule says so. */
static void next_request(struct load *l, struct connection *c)
{
    uint64_t now = now_ns();
    if (!may_start(l, now)) {
        return;
    }
    if (l->options.rate == 0) {
        start_request(l, c, now);
        return;
    }
    uint64_t due = due_of(l, l->requests_started);
    if (due <= now) {
        start_request(l, c, due);
        return;
    }
    l->idle[l->idle_count++] = (uint64_t)(c - l->connections);
}

static void record(struct load *l, const struct connection *c, int status)
{
    uint64_t now = now_ns();
    uint64_t us = (now - c->due_ns) / 1000;
    l->last_answer_ns = now;
    l->in_flight--;
    if (status == 200) {
        l->answers++;
        l->histogram[bucket_of(us)]++;
        l->max_us = us > l->max_us ? us : l->max_us;
        l->events_acked += c->lines;
        l->bytes_acked += c->body_len;
        return;
    }
    l->refused++;
    bool is_fine = l->options.refusals && (status == 429 || status == 503);
    if (!is_fine && l->first_error[0] == '\0') {
        for (size_t i = 0; i < sizeof l->first_error - 1 && i < c->answer_len; i++) {
            l->first_error[i] =
                c->answer[i] == '"' || (unsigned char)c->answer[i] < ' ' ? ' ' : c->answer[i];
        }
    }
}

/* Status of a complete answer in the buffer, 0 while it is incomplete. */
static int answer_status(const struct connection *c)
{
    const char *end = memmem(c->answer, c->answer_len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    size_t head_len = (size_t)(end - c->answer) + 4;
    const char *field = strcasestr(c->answer, "\r\ncontent-length:");
    if (field == NULL || field > end) {
        fprintf(stderr, "load: an answer without Content-Length\n");
        exit(2);
    }
    size_t body_len = strtoull(field + sizeof "\r\ncontent-length:" - 1, NULL, 10);
    return c->answer_len >= head_len + body_len ? (int)strtol(c->answer + 9, NULL, 10) : 0;
}

/* The server closed the connection, as it does after refusing a request before its end. */
static void redial(struct load *l, struct connection *c)
{
    close(c->fd);
    if (c->is_waiting) {
        c->is_waiting = false;
        l->in_flight--;
        l->broken++;
    }
    dial(l, c);
    next_request(l, c);
}

static void pull(struct load *l, struct connection *c)
{
    for (;;) {
        size_t room = ANSWER_BYTES_MAX - c->answer_len;
        if (room == 0) {
            fprintf(stderr, "load: an answer over %d bytes: %.200s\n", ANSWER_BYTES_MAX, c->answer);
            exit(2);
        }
        ssize_t n = recv(c->fd, c->answer + c->answer_len, room, 0);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ECONNRESET : errno;
            if (!l->options.refusals) {
                die("receive");
            }
            redial(l, c);
            return;
        }
        c->answer_len += (size_t)n;
        c->answer[c->answer_len] = '\0';
        int status = c->is_waiting ? answer_status(c) : 0;
        if (status != 0) {
            bool is_sent = c->sent == c->head_len + c->body_len;
            c->is_waiting = false;
            record(l, c, status);
            if (!is_sent) { /* refused early: what follows on this connection is still the body */
                redial(l, c);
                return;
            }
            next_request(l, c);
        }
    }
}

/* Milliseconds until the schedule wants the next request; starts those that are due. */
static int run_schedule(struct load *l)
{
    if (l->options.rate == 0) {
        return 1000;
    }
    while (l->idle_count > 0) {
        uint64_t now = now_ns();
        if (!may_start(l, now)) {
            return 10;
        }
        uint64_t due = due_of(l, l->requests_started);
        if (due > now) {
            return due - now < 1000000 ? 0 : (int)((due - now) / 1000000);
        }
        start_request(l, &l->connections[l->idle[--l->idle_count]], due);
    }
    return 1000;
}

static void run(struct load *l)
{
    l->start_ns = now_ns();
    l->end_ns =
        l->options.seconds_tenth == 0 ? 0 : l->start_ns + l->options.seconds_tenth * 100000000U;
    for (uint64_t i = 0; i < l->options.connections; i++) {
        next_request(l, &l->connections[i]);
    }
    uint64_t stop_by = l->end_ns + 60000000000U;
    while (l->in_flight > 0 || may_start(l, now_ns())) {
        struct epoll_event events[EVENTS_PER_WAIT];
        int wait_ms = run_schedule(l);
        int n = epoll_wait(l->epoll, events, EVENTS_PER_WAIT, wait_ms > 100 ? 100 : wait_ms);
        for (int i = 0; i < n; i++) {
            struct connection *c = &l->connections[events[i].data.u64];
            if (c->is_waiting && (events[i].events & EPOLLOUT) != 0) {
                push(c);
            }
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                pull(l, c);
            }
        }
        if (l->end_ns != 0 && now_ns() > stop_by) {
            fprintf(stderr, "load: %" PRIu64 " requests unanswered 60 s after the end\n",
                    l->in_flight);
            exit(1);
        }
    }
}

static void print_result(const struct load *l)
{
    double seconds = (double)(l->last_answer_ns - l->start_ns) / 1e9;
    printf("{\"seconds\":%.3f,\"requests\":%" PRIu64 ",\"events\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"broken\":%" PRIu64
           ",\"events_per_second\":%.0f,\"requests_per_second\":%.0f"
           ",\"megabytes_per_second\":%.1f"
           ",\"latency_us\":{\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64
           ",\"p999\":%" PRIu64 ",\"max\":%" PRIu64 "},\"error\":\"%s\"}\n",
           seconds, l->answers, l->events_acked, l->bytes_acked, l->refused, l->broken,
           (double)l->events_acked / seconds, (double)l->answers / seconds,
           (double)l->bytes_acked / seconds / 1e6, percentile_us(l, 0.5), percentile_us(l, 0.9),
           percentile_us(l, 0.99), percentile_us(l, 0.999), l->max_us, l->first_error);
}

static void usage(void)
{
    fprintf(stderr,
            "usage: tarn-load --host H --port N --topic T --file EVENTS [--connections N]\n"
            "                 [--batch N] [--seconds N.N] [--count EVENTS] [--rate EVENTS/S]\n"
            "                 [--refusals]\n");
    exit(2);
}

static uint64_t number(const char *text, uint64_t low, uint64_t high)
{
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 10);
    if (*end != '\0' || value < low || value > high) {
        usage();
    }
    return value;
}

static void parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){.host = "127.0.0.1", .topic = "bench", .connections = 4, .batch = 1000};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--refusals") == 0) {
            o->refusals = true;
            continue;
        }
        if (i + 1 >= argc) {
            usage();
        }
        const char *value = argv[++i];
        if (strcmp(name, "--host") == 0) {
            o->host = value;
        } else if (strcmp(name, "--port") == 0) {
            o->port = (uint16_t)number(value, 1, 65535);
        } else if (strcmp(name, "--topic") == 0) {
            o->topic = value;
        } else if (strcmp(name, "--file") == 0) {
            o->file = value;
        } else if (strcmp(name, "--format") == 0 && strlen(value) < 32) {
            o->format = value;
        } else if (strcmp(name, "--connections") == 0) {
            o->connections = number(value, 1, CONNECTIONS_MAX);
        } else if (strcmp(name, "--batch") == 0) {
            o->batch = number(value, 1, 1000000);
        } else if (strcmp(name, "--seconds") == 0) {
            o->seconds_tenth = (uint64_t)(strtod(value, NULL) * 10);
        } else if (strcmp(name, "--count") == 0) {
            o->count = number(value, 1, UINT64_MAX);
        } else if (strcmp(name, "--rate") == 0) {
            o->rate = number(value, 1, 100000000);
        } else {
            usage();
        }
    }
    if (o->port == 0 || o->file == NULL || strlen(o->topic) > 249 ||
        (o->seconds_tenth == 0 && o->count == 0)) {
        usage();
    }
}

int main(int argc, char **argv)
{
    struct load l = {0};
    parse(&l.options, argc, argv);
    map_events(&l);
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.connections = calloc(l.options.connections, sizeof *l.connections);
    l.idle = calloc(l.options.connections, sizeof *l.idle);
    if (l.epoll < 0 || l.connections == NULL || l.idle == NULL) {
        die("start");
    }
    for (uint64_t i = 0; i < l.options.connections; i++) {
        dial(&l, &l.connections[i]);
    }
    run(&l);
    print_result(&l);
    for (uint64_t i = 0; i < l.options.connections; i++) {
        close(l.connections[i].fd);
    }
    free(l.connections);
    free(l.idle);
    free(l.slices);
    return l.first_error[0] != '\0' || l.answers == 0 ? 1 : 0;
}
