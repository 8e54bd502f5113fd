/* SPDX-License-Identifier: MIT */
/* hold.c - see hold.h. A request is in HOLD_ALL from begin to end, in HOLD_LOOSE while it holds
 * something loose (since when it first did), in HOLD_WAITING while it waits; never in both of the
 * latter. A callback may end its own request, and with that others leave HOLD_WAITING: walks look
 * again at the lists after each. */
#include "flow/hold.h"

static uint64_t high(const struct hold_pool *p)
{
    return p->bytes_max - p->bytes_max / 4;
}

static void list_add(struct hold *h, enum hold_list which)
{
    struct hold_pool *p = h->pool;
    struct hold_link *link = &h->link[which];
    if (link->is_in) {
        return;
    }
    *link = (struct hold_link){.prev = p->list[which].last, .is_in = true};
    if (link->prev != NULL) {
        link->prev->link[which].next = h;
    } else {
        p->list[which].first = h;
    }
    p->list[which].last = h;
}

static void list_remove(struct hold *h, enum hold_list which)
{
    struct hold_pool *p = h->pool;
    struct hold_link *link = &h->link[which];
    if (!link->is_in) {
        return;
    }
    if (link->prev != NULL) {
        link->prev->link[which].next = link->next;
    } else {
        p->list[which].first = link->next;
    }
    if (link->next != NULL) {
        link->next->link[which].prev = link->prev;
    } else {
        p->list[which].last = link->prev;
    }
    *link = (struct hold_link){0};
}

static bool fits(const struct hold *h)
{
    const struct hold_pool *p = h->pool;
    bool is_small = h->fixed + h->loose <= HOLD_SMALL_BYTES;
    return p->bytes <= (is_small ? p->bytes_max : high(p)) || p->lead == h;
}

static void set_bytes(struct hold *h, uint64_t fixed, uint64_t loose)
{
    struct hold_pool *p = h->pool;
    ASSERT(p->bytes >= h->fixed + h->loose);
    p->bytes = p->bytes - h->fixed - h->loose + fixed + loose;
    p->peak = MAX(p->peak, p->bytes);
    h->fixed = fixed;
    h->loose = loose;
    if (loose > 0) {
        list_add(h, HOLD_LOOSE);
    } else {
        list_remove(h, HOLD_LOOSE);
    }
}

/* Asks the others for what is loose, down to half of the bound. */
static void shrink_others(struct hold *h)
{
    struct hold_pool *p = h->pool;
    struct hold *at = p->list[HOLD_LOOSE].first;
    p->is_shrinking = true; /* one that shrinks does not ask others */
    while (p->bytes > p->bytes_max / 2 && at != NULL) {
        struct hold *other = at == h ? h->link[HOLD_LOOSE].next : at;
        if (other == NULL) {
            break;
        }
        list_remove(other, HOLD_LOOSE); /* it comes back if it holds on to something */
        p->shrunk++;
        other->events->on_shrink(other);
        at = p->list[HOLD_LOOSE].first;
    }
    p->is_shrinking = false;
}

void hold_clients_turn(struct hold *h, bool is_clients_turn, int64_t now_us)
{
    if (is_clients_turn && !h->is_clients_turn) {
        h->clock_us = now_us;
        h->received = 0;
    }
    h->is_clients_turn = is_clients_turn;
}

static void go_on(struct hold *h)
{
    list_remove(h, HOLD_WAITING);
    hold_clients_turn(h, true, h->pool->now_us);
    h->events->on_go_on(h);
}

/* What one that goes on may hold more after its next piece: buffers grow to twice their size. */
static uint64_t next_bytes(const struct hold *h)
{
    return MAX(h->fixed, (uint64_t)HOLD_SMALL_BYTES);
}

/* Lets the oldest that wait and fit go on. */
static bool let_go_on(struct hold_pool *p)
{
    uint64_t room = p->bytes < high(p) ? high(p) - p->bytes : 0;
    struct hold *h = NULL;
    while ((h = p->list[HOLD_WAITING].first) != NULL && room >= next_bytes(h)) {
        room -= next_bytes(h);
        p->moved_us = p->now_us;
        go_on(h);
    }
    return p->list[HOLD_WAITING].first == NULL || p->moved_us == p->now_us;
}

void hold_pool_init(struct hold_pool *p, uint64_t bytes_max)
{
    *p = (struct hold_pool){.bytes_max = bytes_max};
}

void hold_begin(struct hold_pool *p, struct hold *h, const struct hold_events *events,
                int64_t now_us)
{
    p->now_us = now_us;
    *h = (struct hold){.pool = p, .events = events, .clock_us = now_us, .is_clients_turn = true};
    list_add(h, HOLD_ALL);
}

void hold_end(struct hold *h)
{
    struct hold_pool *p = h->pool;
    if (p == NULL) {
        return;
    }
    set_bytes(h, 0, 0);
    list_remove(h, HOLD_WAITING);
    list_remove(h, HOLD_ALL);
    p->lead = p->lead == h ? NULL : p->lead;
    h->pool = NULL;
    if (p->list[HOLD_WAITING].first != NULL) {
        (void)let_go_on(p); /* maybe none */
    }
}

bool hold_set(struct hold *h, uint64_t fixed, uint64_t loose)
{
    struct hold_pool *p = h->pool;
    bool is_less = fixed + loose < h->fixed + h->loose;
    set_bytes(h, fixed, loose);
    if (p->lead == h && fixed + loose <= HOLD_SMALL_BYTES) {
        p->lead = NULL;
    }
    if (p->bytes > high(p) && !p->is_shrinking) {
        shrink_others(h);
    }
    if (is_less && p->list[HOLD_WAITING].first != NULL) {
        (void)let_go_on(p); /* maybe none */
    }
    return fits(h);
}

uint64_t hold_fixed_max(const struct hold_pool *p)
{
    return high(p);
}

void hold_refused(struct hold *h)
{
    h->pool->refused++;
    h->pool->is_pressed = true;
}

void hold_wait(struct hold *h)
{
    ASSERT(h->loose == 0);
    h->pool->waited++;
    h->pool->is_pressed = true;
    h->is_clients_turn = false;
    list_add(h, HOLD_WAITING);
}

static bool is_slow(const struct hold *h, int64_t now_us)
{
    int64_t us = now_us - h->clock_us;
    return h->is_clients_turn && us > HOLD_GRACE_US &&
           h->received / HOLD_RATE_MIN < (uint64_t)us / 1000000;
}

/* Ends clients that stall and hold more than `above`, oldest first, until half of the bound is
 * free. */
static void end_slow(struct hold_pool *p, uint64_t above)
{
    struct hold *next = NULL;
    for (struct hold *h = p->list[HOLD_ALL].first; h != NULL && p->bytes > p->bytes_max / 2;
         h = next) {
        next = h->link[HOLD_ALL].next;
        if (h->fixed + h->loose > above && is_slow(h, p->now_us)) {
            p->slow++;
            h->events->on_out(h, HOLD_SLOW);
        }
    }
}

/* Ends what waits and can be sent again as a whole, newest first; one is left to go on. */
static void end_newest(struct hold_pool *p)
{
    struct hold *prev = NULL;
    for (struct hold *h = p->list[HOLD_WAITING].last;
         h != NULL && h->link[HOLD_WAITING].is_in && h->link[HOLD_WAITING].prev != NULL &&
         p->bytes > high(p);
         h = prev) {
        prev = h->link[HOLD_WAITING].prev;
        if (!h->is_stored) {
            p->refused++;
            h->events->on_out(h, HOLD_REFUSED);
        }
    }
}

void hold_pool_tick(struct hold_pool *p, int64_t now_us)
{
    p->now_us = now_us;
    if (p->list[HOLD_WAITING].first == NULL) {
        p->moved_us = now_us;
        if (!p->is_pressed) {
            return;
        }
    }
    p->is_pressed = false;
    end_slow(p, HOLD_SMALL_BYTES);
    end_slow(p, 0);
    if (let_go_on(p) || now_us - p->moved_us < HOLD_PATIENCE_US) {
        return;
    }
    end_newest(p);
    if (!let_go_on(p) && p->lead == NULL) {
        p->lead = p->list[HOLD_WAITING].first;
        go_on(p->lead);
    }
}
