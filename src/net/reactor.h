/* SPDX-License-Identifier: MIT */
/* reactor.h - one epoll loop on one thread: descriptors, timers, hooks and posted tasks.
 *
 * Everything here is intrusive: callers embed the structs and own their storage, and the reactor
 * allocates nothing per event. One turn of the loop is
 *
 *     wait -> ready descriptors -> due timers -> posted tasks -> hooks (in order) -> wait ...
 *
 * so that what many descriptors caused in one turn can be written out once, by a hook.
 * Callbacks never run inside the call that armed them, and never block.
 * Thread: the one that runs the loop, but for reactor_post() and reactor_stop(). */
#pragma once
#include <stdatomic.h>

#include "base/base.h"

struct reactor;

/* Ready bits, the values of epoll. */
enum {
    REACTOR_READ = 0x001,
    REACTOR_WRITE = 0x004,
    REACTOR_ERROR = 0x008,
    REACTOR_HANGUP = 0x010,      /* both directions are closed */
    REACTOR_PEER_CLOSED = 0x2000 /* the peer sends nothing more */
};

/* A descriptor to watch. Set fd, events and on_ready, keep the storage until removed. */
struct reactor_fd {
    int fd;
    uint32_t events; /* REACTOR_READ | REACTOR_WRITE | REACTOR_PEER_CLOSED; errors always come */
    bool edge;       /* edge-triggered: on_ready comes once per change, read until AGAIN */
    bool is_added;   /* the reactor's */
    void (*on_ready)(struct reactor_fd *f, uint32_t events);
};
err reactor_fd_add(struct reactor *r, struct reactor_fd *f, struct errmsg *msg);
/* Changes f->events of an added descriptor. */
void reactor_fd_change(struct reactor *r, struct reactor_fd *f, uint32_t events);
/* No callback comes after this, not even for an event of the present turn. Not added is fine.
 * The descriptor stays open: close it after. */
void reactor_fd_remove(struct reactor *r, struct reactor_fd *f);

/* A timer that fires once; zeroed storage is a stopped timer. Setting an armed one moves it. */
struct reactor_timer {
    int64_t due_us; /* the reactor's */
    size_t heap_at; /* the reactor's: place in the heap + 1, 0 when stopped */
    void (*on_due)(struct reactor_timer *t);
};
void reactor_timer_set_us(struct reactor *r, struct reactor_timer *t, int64_t due_mono_us);
static inline bool reactor_timer_is_armed(const struct reactor_timer *t)
{
    return t->heap_at != 0;
}
void reactor_timer_stop(struct reactor *r, struct reactor_timer *t);

/* Work handed to the loop by another thread (or by the loop itself, for its next turn).
 * The storage belongs to the poster until posted, then to the reactor until `run` is called. */
struct reactor_task {
    struct reactor_task *next; /* the reactor's */
    atomic_bool is_posted;     /* the reactor's: set from the post until `run` is called */
    void (*run)(struct reactor_task *task);
};
/* Thread: any. The storage is zeroed before the first post. A task must not be posted again before
 * `run` is called (from within it is fine): the list would lose what is behind it. */
void reactor_post(struct reactor *r, struct reactor_task *task);

/* Called once at the end of every turn, in ascending `order`. Zeroed storage is unregistered. */
struct reactor_hook {
    struct reactor_hook *next; /* the reactor's */
    int order;
    void (*run)(struct reactor_hook *hook);
};
enum {
    REACTOR_ORDER_STORE = 10, /* write what was appended in this turn */
    REACTOR_ORDER_CONN = 100, /* send answers: last, so that it sees what the others caused */
};
void reactor_hook_add(struct reactor *r, struct reactor_hook *hook);
void reactor_hook_remove(struct reactor *r, struct reactor_hook *hook);
/* The next wait returns at once: a hook left work for the next turn. */
void reactor_again(struct reactor *r);

/* Caller frees with reactor_free(). Errors: IO, LIMIT. */
err reactor_new(struct reactor **out_reactor, struct errmsg *msg);
/* Everything must have been removed before. */
void reactor_free(struct reactor *r);
AUTO_DEFINE(reactor)
/* Runs turns until reactor_stop(). Errors: IO when epoll itself fails. */
err reactor_run(struct reactor *r, struct errmsg *msg);
/* One turn that waits at most `timeout_ms` (-1: for ever); for tests and start-up. */
err reactor_turn(struct reactor *r, int timeout_ms, struct errmsg *msg);
/* Ends reactor_run() after the present turn. Thread: any; fit for signal handlers. */
void reactor_stop(struct reactor *r);
/* The monotonic clock, read once per turn (microseconds). */
int64_t reactor_now_us(const struct reactor *r);
