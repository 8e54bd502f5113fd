/* SPDX-License-Identifier: MIT */
/* child.h - one process that the front keeps alive: start, watch, start again.
 *
 *   child_start() -> RUNNING --socket closed--> (reaped) --delay--> RUNNING ...
 *                       \--child_stop()--> STOPPING --socket closed--> STOPPED
 * The delay is nothing for a process that lived ten seconds, else it doubles up to five seconds.
 * Owner: the reactor. */
#pragma once
#include <jansson.h>
#include <sys/types.h>

#include "app/config.h"
#include "net/reactor.h"

struct child {
    const char *role;
    const struct config *config; /* borrowed */
    struct reactor *reactor;     /* borrowed */
    /* A fresh process is there: takes the socket. */
    err (*on_started)(void *ctx, int socket_fd, struct errmsg *msg);
    void (*on_stopped)(void *ctx); /* after child_stop() */
    void *ctx;
    /* its own */
    pid_t pid;
    bool is_stopping;
    uint64_t restarts;
    int64_t started_us;
    int64_t delay_us;
    struct reactor_timer timer;
};

/* Starts the process; the socket is kept until child_attach(). Errors: NOMEM, IO. */
err child_start(struct child *c, int *out_socket, struct errmsg *msg);
/* The socket of the process has closed (or what came over it was wrong): reaps it and starts
 * another, or reports on_stopped. */
void child_lost(struct child *c, const char *why);
void child_kill(struct child *c, const char *why);
/* The process has been asked to end: what follows is no failure. */
void child_expect_stop(struct child *c);
/* Ends it now, for good, and reaps it. */
void child_end(struct child *c);
json_t *child_json(const struct child *c);
