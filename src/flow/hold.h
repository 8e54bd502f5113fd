/* SPDX-License-Identifier: MIT */
/* hold.h - one count of what all requests under way hold in memory, with a bound.
 *
 * A request says what it holds: `fixed` bytes that it cannot do without (an atomic body, half a
 * record, a decoder's window), and `loose` ones that it could let go of at any time (events that
 * wait for their batch to fill). The sum stays under the bound in this order:
 *
 *   over 3/4     loose bytes are let go of, oldest first, down to 1/2 (on_shrink): batches get
 *                smaller, nobody waits
 *   then         a request that holds more than HOLD_SMALL_BYTES does not fit any more; the last
 *                quarter is for those that hold little, so that they get through
 *   does not     its owner refuses it where nothing of it is stored (429), or lets it wait
 *   fit          (hold_wait): its body is not read on
 *
 * Something can always finish. While anybody waits or was refused, each tick
 *   - ends (HOLD_SLOW) whose client has sent less than HOLD_RATE_MIN bytes a second for more than
 *     HOLD_GRACE_US, those that hold much first, then oldest first: a client that stalls holds up
 *     the others that long, not longer
 *   - lets waiting requests go on, oldest first, where they fit (also as soon as bytes are let go)
 *   - when none has fitted for HOLD_PATIENCE_US, ends (HOLD_REFUSED) the newest ones of which
 *     nothing is stored
 *   - when that does not help, lets the oldest go on though it does not fit: one at a time, so the
 *     sum is over the bound by no more than one request needs
 *
 * Pure: time comes in. Owner: the reactor. */
#pragma once
#include "base/base.h"

enum {
    HOLD_SMALL_BYTES = 64 << 10,
    HOLD_RATE_MIN = 64 << 10, /* bytes a second */
    HOLD_GRACE_US = 10 * 1000 * 1000,
    HOLD_PATIENCE_US = 2 * 1000 * 1000,
};

struct hold;
enum hold_why { HOLD_SLOW, HOLD_REFUSED };
/* Each ends no other request than its own. */
struct hold_events {
    /* Let go of what is loose; ends with hold_set() or hold_end(). */
    void (*on_shrink)(struct hold *h);
    /* After hold_wait(): read on. */
    void (*on_go_on)(struct hold *h);
    /* Answer it; ends with hold_end(). */
    void (*on_out)(struct hold *h, enum hold_why why);
};

enum hold_list { HOLD_ALL, HOLD_LOOSE, HOLD_WAITING, HOLD_LISTS };
struct hold_link {
    struct hold *prev;
    struct hold *next;
    bool is_in;
};
/* Embedded by a request's state; zeroed: holds nothing, and hold_end() is fine. */
struct hold {
    struct hold_pool *pool; /* borrowed; NULL: not begun */
    const struct hold_events *events;
    struct hold_link link[HOLD_LISTS];
    uint64_t fixed;
    uint64_t loose;
    uint64_t received; /* bytes of the body since clock_us */
    int64_t clock_us;  /* since when the client's pace counts */
    bool is_clients_turn;
    bool is_stored; /* set by the owner: a part of it is in the log */
};

struct hold_pool {
    uint64_t bytes_max;
    uint64_t bytes;
    uint64_t peak;    /* the most there was */
    uint64_t shrunk;  /* times that a request was asked to let go of something */
    uint64_t waited;  /* times that a request had to wait */
    uint64_t refused; /* requests, by hold_refused() and HOLD_REFUSED */
    uint64_t slow;    /* requests, by HOLD_SLOW */
    bool is_shrinking;
    bool is_pressed;   /* one did not fit since the last tick */
    struct hold *lead; /* goes on though it does not fit */
    int64_t now_us;    /* of the last tick or begin */
    int64_t moved_us;  /* when one that waited went on, or nobody waited */
    struct {
        struct hold *first;
        struct hold *last;
    } list[HOLD_LISTS];
};

void hold_pool_init(struct hold_pool *p, uint64_t bytes_max);
/* Each second or so. */
void hold_pool_tick(struct hold_pool *p, int64_t now_us);

/* Begins with nothing held. */
void hold_begin(struct hold_pool *p, struct hold *h, const struct hold_events *events,
                int64_t now_us);
/* NULL pool (not begun, ended) is fine. */
void hold_end(struct hold *h);
/* What it holds now. Asks others for what is loose when the sum is high. False when it does not
 * fit, even so: shrink it, and when that does not help refuse it or let it wait. */
bool hold_set(struct hold *h, uint64_t fixed, uint64_t loose);
/* The most that one request can hold while no other holds anything. */
uint64_t hold_fixed_max(const struct hold_pool *p);
/* It was refused because it did not fit: counted, and the next tick looks for slow ones. */
void hold_refused(struct hold *h);
/* Not read on until on_go_on. Holds nothing loose. */
void hold_wait(struct hold *h);
/* So many bytes of its body came. */
static inline void hold_received(struct hold *h, size_t bytes)
{
    h->received += bytes;
}
/* Whether the client is expected to send: its pace is measured from now on, or not at all. */
void hold_clients_turn(struct hold *h, bool is_clients_turn, int64_t now_us);
