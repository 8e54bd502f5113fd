/* SPDX-License-Identifier: MIT */
/* reactor.c - see reactor.h.
 *
 * Invariants: an event of the present turn whose descriptor was removed is blanked out, so no
 * callback reaches freed storage; the timer heap is ordered by due_us and every armed timer knows
 * its place; a posted task is in the list once, and the eventfd is written when the list was empty
 * or by reactor_stop(). */
#include "net/reactor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "os/clock.h"
#include "os/file.h"

_Static_assert((int)REACTOR_READ == (int)EPOLLIN, "bits are passed through");
_Static_assert((int)REACTOR_WRITE == (int)EPOLLOUT, "bits are passed through");
_Static_assert((int)REACTOR_ERROR == (int)EPOLLERR, "bits are passed through");
_Static_assert((int)REACTOR_HANGUP == (int)EPOLLHUP, "bits are passed through");
_Static_assert((int)REACTOR_PEER_CLOSED == (int)EPOLLRDHUP, "bits are passed through");

enum { EVENTS_PER_TURN = 256 };

struct reactor {
    int epoll_fd;
    int64_t now_us;
    bool is_again;
    atomic_bool is_stopping;

    struct epoll_event events[EVENTS_PER_TURN]; /* the present turn's */
    int event_count;

    struct reactor_timer **heap; /* owned array of borrowed timers */
    size_t heap_count;
    size_t heap_cap;

    struct reactor_hook *hooks;     /* in ascending order */
    struct reactor_hook *hook_next; /* the one to run next, so that a hook may remove hooks */

    struct reactor_fd wake; /* the eventfd */
    pthread_mutex_t lock;
    struct reactor_task *tasks; /* under lock; newest first */
};

/* ---- descriptors ---- */

err reactor_fd_add(struct reactor *r, struct reactor_fd *f, struct errmsg *msg)
{
    ASSERT(!f->is_added);
    ASSERT(f->on_ready != NULL);
    struct epoll_event event = {.events = f->events | (f->edge ? EPOLLET : 0), .data.ptr = f};
    if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, f->fd, &event) != 0) {
        int error = errno;
        return errmsg_set(msg, error == ENOSPC || error == ENOMEM ? ERR_LIMIT : ERR_IO,
                          "epoll_ctl: %s", strerror(error));
    }
    f->is_added = true;
    return ERR_OK;
}

void reactor_fd_change(struct reactor *r, struct reactor_fd *f, uint32_t events)
{
    ASSERT(f->is_added);
    if (f->events == events) {
        return;
    }
    f->events = events;
    struct epoll_event event = {.events = events | (f->edge ? EPOLLET : 0), .data.ptr = f};
    int status = epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, f->fd, &event);
    ASSERT(status == 0); /* fails for a descriptor that is not ours only */
}

void reactor_fd_remove(struct reactor *r, struct reactor_fd *f)
{
    if (!f->is_added) {
        return;
    }
    f->is_added = false;
    int status = epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL);
    ASSERT(status == 0);
    for (int i = 0; i < r->event_count; i++) {
        if (r->events[i].data.ptr == f) {
            r->events[i].data.ptr = NULL;
        }
    }
}

static void run_events(struct reactor *r)
{
    for (int i = 0; i < r->event_count; i++) {
        struct reactor_fd *f = r->events[i].data.ptr;
        if (f != NULL) {
            f->on_ready(f, r->events[i].events);
        }
    }
    r->event_count = 0;
}

/* ---- timers: a binary heap ---- */

static void heap_put(struct reactor *r, size_t at, struct reactor_timer *t)
{
    r->heap[at] = t;
    t->heap_at = at + 1;
}

static void heap_up(struct reactor *r, size_t at)
{
    struct reactor_timer *t = r->heap[at];
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (r->heap[parent]->due_us <= t->due_us) {
            break;
        }
        heap_put(r, at, r->heap[parent]);
        at = parent;
    }
    heap_put(r, at, t);
}

static void heap_down(struct reactor *r, size_t at)
{
    struct reactor_timer *t = r->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= r->heap_count) {
            break;
        }
        if (child + 1 < r->heap_count && r->heap[child + 1]->due_us < r->heap[child]->due_us) {
            child++;
        }
        if (t->due_us <= r->heap[child]->due_us) {
            break;
        }
        heap_put(r, at, r->heap[child]);
        at = child;
    }
    heap_put(r, at, t);
}

void reactor_timer_set_us(struct reactor *r, struct reactor_timer *t, int64_t due_mono_us)
{
    ASSERT(t->on_due != NULL);
    if (t->heap_at == 0) {
        if (r->heap_count == r->heap_cap) {
            r->heap_cap = MAX(r->heap_cap * 2, (size_t)64);
            r->heap = xrealloc(r->heap, r->heap_cap, sizeof(r->heap[0]));
        }
        heap_put(r, r->heap_count, t);
        r->heap_count++;
    }
    ASSERT(t->heap_at <= r->heap_count && r->heap[t->heap_at - 1] == t);
    t->due_us = due_mono_us;
    heap_up(r, t->heap_at - 1);
    heap_down(r, t->heap_at - 1);
}

void reactor_timer_stop(struct reactor *r, struct reactor_timer *t)
{
    if (t->heap_at == 0) {
        return;
    }
    size_t at = t->heap_at - 1;
    ASSERT(at < r->heap_count && r->heap[at] == t);
    t->heap_at = 0;
    r->heap_count--;
    if (at < r->heap_count) {
        struct reactor_timer *moved = r->heap[r->heap_count];
        heap_put(r, at, moved);
        heap_up(r, at);
        heap_down(r, moved->heap_at - 1);
    }
}

static void run_timers(struct reactor *r)
{
    /* Bounded, so that callbacks that arm timers for "now" cannot starve descriptors. */
    for (size_t budget = r->heap_count; budget > 0; budget--) {
        if (r->heap_count == 0 || r->heap[0]->due_us > r->now_us) {
            break;
        }
        struct reactor_timer *t = r->heap[0];
        reactor_timer_stop(r, t);
        t->on_due(t);
    }
}

/* ---- tasks from other threads ---- */

static void wake_up(struct reactor *r)
{
    (void)eventfd_write(r->wake.fd, 1); /* a full counter is a wake-up that is pending already */
}

void reactor_post(struct reactor *r, struct reactor_task *task)
{
    ASSERT(task->run != NULL);
    bool was_posted = atomic_exchange(&task->is_posted, true);
    ASSERT(!was_posted);
    pthread_mutex_lock(&r->lock);
    bool was_empty = r->tasks == NULL;
    task->next = r->tasks;
    r->tasks = task;
    pthread_mutex_unlock(&r->lock);
    if (was_empty) {
        wake_up(r);
    }
}

static void on_wake(struct reactor_fd *f, uint32_t events)
{
    (void)events;
    eventfd_t count;
    (void)eventfd_read(f->fd, &count); /* nothing there is fine: the tasks were taken */
}

static void run_tasks(struct reactor *r)
{
    pthread_mutex_lock(&r->lock);
    struct reactor_task *taken = r->tasks;
    r->tasks = NULL;
    pthread_mutex_unlock(&r->lock);
    struct reactor_task *ordered = NULL;
    while (taken != NULL) {
        struct reactor_task *next = taken->next;
        taken->next = ordered;
        ordered = taken;
        taken = next;
    }
    while (ordered != NULL) {
        struct reactor_task *task = ordered;
        ordered = task->next;
        task->next = NULL;
        atomic_store(&task->is_posted, false);
        task->run(task);
    }
}

/* ---- hooks ---- */

void reactor_hook_add(struct reactor *r, struct reactor_hook *hook)
{
    ASSERT(hook->run != NULL);
    struct reactor_hook **at = &r->hooks;
    while (*at != NULL && (*at)->order <= hook->order) {
        ASSERT(*at != hook);
        at = &(*at)->next;
    }
    hook->next = *at;
    *at = hook;
}

void reactor_hook_remove(struct reactor *r, struct reactor_hook *hook)
{
    for (struct reactor_hook **at = &r->hooks; *at != NULL; at = &(*at)->next) {
        if (*at == hook) {
            *at = hook->next;
            if (r->hook_next == hook) {
                r->hook_next = hook->next;
            }
            hook->next = NULL;
            return;
        }
    }
}

static void run_hooks(struct reactor *r)
{
    r->hook_next = r->hooks;
    while (r->hook_next != NULL) {
        struct reactor_hook *hook = r->hook_next;
        r->hook_next = hook->next;
        hook->run(hook);
    }
}

void reactor_again(struct reactor *r)
{
    r->is_again = true;
}

/* ---- the loop ---- */

static int wait_ms(const struct reactor *r, int timeout_ms)
{
    if (r->is_again) {
        return 0;
    }
    if (r->heap_count == 0) {
        return timeout_ms;
    }
    int64_t left_us = r->heap[0]->due_us - os_mono_us();
    /* Rounded up: waking before a timer is due would spin. */
    int64_t left_ms = left_us <= 0 ? 0 : (left_us + 999) / 1000;
    left_ms = MIN(left_ms, (int64_t)3600 * 1000);
    return timeout_ms < 0 || left_ms < timeout_ms ? (int)left_ms : timeout_ms;
}

err reactor_turn(struct reactor *r, int timeout_ms, struct errmsg *msg)
{
    int wait = wait_ms(r, timeout_ms);
    int n = epoll_wait(r->epoll_fd, r->events, EVENTS_PER_TURN, wait);
    if (n < 0 && errno != EINTR) {
        return errmsg_set(msg, ERR_IO, "epoll_wait: %s", strerror(errno));
    }
    r->now_us = os_mono_us();
    r->event_count = MAX(n, 0);
    run_events(r);
    run_timers(r);
    run_tasks(r);
    r->is_again = false; /* the hooks are the "again" of what came before them */
    run_hooks(r);
    return ERR_OK;
}

err reactor_run(struct reactor *r, struct errmsg *msg)
{
    while (!atomic_load_explicit(&r->is_stopping, memory_order_relaxed)) {
        TRY(reactor_turn(r, -1, msg));
    }
    return ERR_OK;
}

void reactor_stop(struct reactor *r)
{
    atomic_store(&r->is_stopping, true);
    wake_up(r);
}

int64_t reactor_now_us(const struct reactor *r)
{
    return r->now_us;
}

err reactor_new(struct reactor **out_reactor, struct errmsg *msg)
{
    AUTO(reactor) r = xnew(struct reactor);
    pthread_mutex_init(&r->lock, NULL); /* cannot fail with default attributes */
    r->wake.fd = -1;
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll_fd < 0) {
        return errmsg_set(msg, ERR_LIMIT, "epoll_create1: %s", strerror(errno));
    }
    r->wake = (struct reactor_fd){.events = REACTOR_READ, .on_ready = on_wake};
    r->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake.fd < 0) {
        return errmsg_set(msg, ERR_LIMIT, "eventfd: %s", strerror(errno));
    }
    TRY(reactor_fd_add(r, &r->wake, msg));
    r->now_us = os_mono_us();
    *out_reactor = TAKE(r);
    return ERR_OK;
}

void reactor_free(struct reactor *r)
{
    if (r == NULL) {
        return;
    }
    os_close(r->wake.fd);
    os_close(r->epoll_fd);
    pthread_mutex_destroy(&r->lock);
    free(r->heap);
    free(r);
}
