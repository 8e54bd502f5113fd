/* SPDX-License-Identifier: MIT */
/* test_hold.c - what requests hold together stays under the bound, and something always goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/hold.h"

enum { MIB = 1 << 20, SECOND = 1000 * 1000, MANY = 5000 };

struct request {
    struct hold hold; /* first: callbacks cast back */
    uint64_t kept;    /* fixed after it has shrunk */
    int shrunk;
    int went_on;
    int out;
    enum hold_why why;
};

static void on_shrink(struct hold *h)
{
    struct request *r = (struct request *)h;
    r->shrunk++;
    (void)hold_set(h, r->kept, 0); /* less */
}

static void on_go_on(struct hold *h)
{
    ((struct request *)h)->went_on++;
}

static void on_out(struct hold *h, enum hold_why why)
{
    struct request *r = (struct request *)h;
    r->out++;
    r->why = why;
    hold_end(h);
}

static const struct hold_events events = {on_shrink, on_go_on, on_out};

static void begin(struct hold_pool *p, struct request *r, int64_t now_us)
{
    *r = (struct request){0};
    hold_begin(p, &r->hold, &events, now_us);
}

/* At three quarters the oldest loose bytes go, down to a half; who asked keeps its own. */
static void loose_bytes_go_first(void **unused)
{
    (void)unused;
    struct hold_pool p;
    struct request r[7];
    hold_pool_init(&p, 8 * MIB);
    for (int i = 0; i < 6; i++) {
        begin(&p, &r[i], 0);
        assert_true(hold_set(&r[i].hold, 0, MIB));
    }
    assert_int_equal(p.shrunk, 0);
    begin(&p, &r[6], 0);
    assert_true(hold_set(&r[6].hold, MIB, 0));
    assert_int_equal(p.bytes, 4 * MIB);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(r[i].shrunk, i < 3);
    }
    for (int i = 0; i < 7; i++) {
        hold_end(&r[i].hold);
        hold_end(&r[i].hold);
    }
    assert_int_equal(p.bytes, 0);
    assert_int_equal(p.peak, 7 * MIB);
}

/* Thousands that all shrink at once do not recurse. */
static void many_shrink_flat(void **unused)
{
    (void)unused;
    struct hold_pool p;
    struct request *r = xnew_array(struct request, MANY);
    hold_pool_init(&p, (uint64_t)MANY << 11);
    for (int i = 0; i < MANY; i++) {
        begin(&p, &r[i], 0);
        r[i].kept = 1 << 10;
        (void)hold_set(&r[i].hold, 1 << 10, 1 << 10); /* whatever it says */
        assert_true(p.bytes <= p.bytes_max);
    }
    assert_true(p.shrunk > 0);
    for (int i = 0; i < MANY; i++) {
        hold_end(&r[i].hold);
    }
    assert_int_equal(p.bytes, 0);
    free(r);
}

/* The last quarter is for those that hold little. */
static void little_ones_get_through(void **unused)
{
    (void)unused;
    struct hold_pool p;
    struct request big;
    struct request more;
    struct request little;
    hold_pool_init(&p, 8 * MIB);
    begin(&p, &big, 0);
    begin(&p, &more, 0);
    begin(&p, &little, 0);
    assert_int_equal(hold_fixed_max(&p), 6 * MIB);
    assert_true(hold_set(&big.hold, 6 * MIB, 0));
    assert_false(hold_set(&more.hold, MIB, 0));
    hold_refused(&more.hold);
    hold_end(&more.hold);
    assert_true(hold_set(&little.hold, HOLD_SMALL_BYTES, 0));
    hold_end(&big.hold);
    hold_end(&little.hold);
}

/* One that waits goes on as soon as there is room, and not before. */
static void waits_until_there_is_room(void **unused)
{
    (void)unused;
    struct hold_pool p;
    struct request big;
    struct request r;
    hold_pool_init(&p, 8 * MIB);
    begin(&p, &big, 0);
    begin(&p, &r, 0);
    assert_true(hold_set(&big.hold, 6 * MIB, 0));
    assert_false(hold_set(&r.hold, MIB, 0));
    hold_wait(&r.hold);
    hold_pool_tick(&p, SECOND);
    assert_int_equal(r.went_on, 0);
    hold_end(&big.hold);
    assert_int_equal(r.went_on, 1);
    assert_true(hold_set(&r.hold, 2 * MIB, 0));
    hold_end(&r.hold);
}

/* A client that stalls is ended while others need what it holds, and only then; one that waits for
 * us, or sends fast enough, is not. */
static void slow_ones_end_under_pressure(void **unused)
{
    (void)unused;
    struct hold_pool p;
    struct request slow;
    struct request fast;
    struct request ours;
    struct request r;
    hold_pool_init(&p, 8 * MIB);
    begin(&p, &slow, 0);
    begin(&p, &fast, 0);
    begin(&p, &ours, 0);
    assert_true(hold_set(&slow.hold, 2 * MIB, 0));
    assert_true(hold_set(&fast.hold, 2 * MIB, 0));
    assert_true(hold_set(&ours.hold, 2 * MIB, 0));
    hold_received(&fast.hold, 20 * (size_t)HOLD_RATE_MIN);
    hold_clients_turn(&ours.hold, false, 0);
    hold_pool_tick(&p, 20 * SECOND);
    assert_int_equal(slow.out, 0);
    begin(&p, &r, 20 * SECOND);
    assert_false(hold_set(&r.hold, MIB, 0));
    hold_refused(&r.hold);
    hold_end(&r.hold);
    hold_pool_tick(&p, 20 * SECOND);
    assert_int_equal(slow.out, 1);
    assert_int_equal(slow.why, HOLD_SLOW);
    assert_int_equal(fast.out + ours.out, 0);
    assert_int_equal(p.slow, 1);
    hold_end(&fast.hold);
    hold_end(&ours.hold);
}

/* When all that there is belongs to those that wait, the newest of which nothing is stored are
 * refused; when something is stored of all, one goes on, and after it the next. */
static void somebody_always_goes_on(void **unused)
{
    (void)unused;
    for (int stored = 0; stored < 2; stored++) {
        struct hold_pool p;
        struct request r[4];
        hold_pool_init(&p, 8 * MIB);
        for (int i = 0; i < 4; i++) {
            begin(&p, &r[i], 0);
            r[i].hold.is_stored = stored;
        }
        for (int i = 0; i < 4; i++) {
            (void)hold_set(&r[i].hold, 2 * MIB, 0); /* four are too many */
            hold_wait(&r[i].hold);
        }
        for (int t = 1; t < 2 + HOLD_PATIENCE_US / SECOND; t++) {
            hold_pool_tick(&p, (int64_t)t * SECOND);
        }
        assert_int_equal(r[0].went_on, 1);
        if (stored == 0) {
            assert_int_equal(r[3].out, 1);
            assert_int_equal(r[3].why, HOLD_REFUSED);
            assert_true(p.bytes <= 6 * MIB);
        } else {
            assert_int_equal(r[1].out + r[2].out + r[3].out, 0);
            assert_int_equal(r[1].went_on, 0);
            assert_true(hold_set(&r[0].hold, 3 * MIB, 0)); /* the one that may */
            hold_pool_tick(&p, 9 * SECOND);
            assert_int_equal(r[1].went_on, 0);
            hold_end(&r[0].hold);
            hold_pool_tick(&p, 10 * SECOND);
            assert_int_equal(r[1].went_on, 1);
        }
        for (int i = 0; i < 4; i++) {
            hold_end(&r[i].hold);
        }
        assert_int_equal(p.bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loose_bytes_go_first),         cmocka_unit_test(many_shrink_flat),
        cmocka_unit_test(little_ones_get_through),      cmocka_unit_test(waits_until_there_is_room),
        cmocka_unit_test(slow_ones_end_under_pressure), cmocka_unit_test(somebody_always_goes_on),
    };
    return cmocka_run_group_tests_name("flow_hold", tests, NULL, NULL);
}
