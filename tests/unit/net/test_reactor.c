/* SPDX-License-Identifier: MIT */
/* test_reactor.c - timers, descriptors, tasks and hooks of the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "net/reactor.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/socket.h"

static struct reactor *reactor;

static int set_up(void **state)
{
    (void)state;
    return reactor_new(&reactor, NULL) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    reactor_free(reactor);
    return 0;
}

/* ---- timers ---- */

enum { TIMER_COUNT = 500 };
static struct test_timer {
    struct reactor_timer timer;
    int64_t due_us;
    bool is_fired;
} timers[TIMER_COUNT];
static int64_t last_due_us;
static int fired;

static void on_due(struct reactor_timer *t)
{
    struct test_timer *x = (struct test_timer *)(void *)t;
    assert_false(x->is_fired);
    assert_true(x->due_us >= last_due_us);
    assert_true(reactor_now_us(reactor) >= x->due_us);
    last_due_us = x->due_us;
    x->is_fired = true;
    fired++;
}

/* Timers fire once, in the order of their times, however they were set, moved and stopped. */
static void test_timers_in_order(void **state)
{
    (void)state;
    uint64_t seed = 12345;
    int stopped = 0;
    int64_t start_us = os_mono_us();
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < TIMER_COUNT; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            timers[i].timer.on_due = on_due;
            timers[i].due_us = start_us + (int64_t)(seed >> 33) % 20000;
            reactor_timer_set_us(reactor, &timers[i].timer, timers[i].due_us);
        }
    }
    for (size_t i = 0; i < TIMER_COUNT; i += 7) {
        reactor_timer_stop(reactor, &timers[i].timer);
        reactor_timer_stop(reactor, &timers[i].timer); /* stopped already is fine */
        assert_false(reactor_timer_is_armed(&timers[i].timer));
        stopped++;
    }
    while (fired < TIMER_COUNT - stopped) {
        assert_int_equal(reactor_turn(reactor, 1000, NULL), ERR_OK);
    }
    assert_int_equal(fired, TIMER_COUNT - stopped);
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        assert_int_equal(timers[i].is_fired, i % 7 != 0);
    }
}

static int again_count;
static void on_due_again(struct reactor_timer *t)
{
    again_count++;
    reactor_timer_set_us(reactor, t, 0); /* due in the past, always */
}

/* A timer that keeps itself due does not keep the loop from turning. */
static void test_timer_cannot_starve(void **state)
{
    (void)state;
    struct reactor_timer t = {.on_due = on_due_again};
    reactor_timer_set_us(reactor, &t, 0);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(reactor_turn(reactor, 1000, NULL), ERR_OK);
        assert_int_equal(again_count, i);
    }
    reactor_timer_stop(reactor, &t);
}

/* ---- descriptors ---- */

static struct reactor_fd pair_fds[2];
static int ready_count;

static void on_ready_remove_both(struct reactor_fd *f, uint32_t events)
{
    (void)f;
    assert_true((events & REACTOR_READ) != 0);
    ready_count++;
    reactor_fd_remove(reactor, &pair_fds[0]);
    reactor_fd_remove(reactor, &pair_fds[1]);
    memset(pair_fds, 0xee, sizeof pair_fds); /* as if freed */
}

/* A descriptor removed by another's callback in the same turn is not called any more. */
static void test_removed_in_the_same_turn(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(os_socket_pair(fds, NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        pair_fds[i] = (struct reactor_fd){
            .fd = fds[i], .events = REACTOR_READ, .on_ready = on_ready_remove_both};
        assert_int_equal(write(fds[1 - i], "x", 1), 1);
        assert_int_equal(reactor_fd_add(reactor, &pair_fds[i], NULL), ERR_OK);
    }
    assert_int_equal(reactor_turn(reactor, 1000, NULL), ERR_OK);
    assert_int_equal(reactor_turn(reactor, 0, NULL), ERR_OK);
    assert_int_equal(ready_count, 1);
    os_close(fds[0]);
    os_close(fds[1]);
}

/* ---- hooks ---- */

static char hook_log[32];
struct named_hook {
    struct reactor_hook hook;
    char name;
};

static void on_hook(struct reactor_hook *hook)
{
    struct named_hook *h = (struct named_hook *)(void *)hook;
    hook_log[strlen(hook_log)] = h->name;
    if (h->name == 'b') {
        reactor_hook_remove(reactor, hook);
    }
}

/* Hooks run in their order at the end of each turn, and one may remove itself. */
static void test_hooks_in_order(void **state)
{
    (void)state;
    struct named_hook c = {{.order = 30, .run = on_hook}, 'c'};
    struct named_hook a = {{.order = 10, .run = on_hook}, 'a'};
    struct named_hook b = {{.order = 20, .run = on_hook}, 'b'};
    reactor_hook_add(reactor, &c.hook);
    reactor_hook_add(reactor, &a.hook);
    reactor_hook_add(reactor, &b.hook);
    assert_int_equal(reactor_turn(reactor, 0, NULL), ERR_OK);
    assert_int_equal(reactor_turn(reactor, 0, NULL), ERR_OK);
    assert_string_equal(hook_log, "abcac");
    reactor_hook_remove(reactor, &a.hook);
    reactor_hook_remove(reactor, &c.hook);
}

/* ---- tasks ---- */

enum { THREADS = 4, TASKS = 2000 };
struct counted_task {
    struct reactor_task task;
    int thread;
    int number;
};
static struct counted_task tasks[THREADS][TASKS];
static int next_number[THREADS];
static int tasks_run;

static void on_task(struct reactor_task *task)
{
    struct counted_task *t = (struct counted_task *)(void *)task;
    assert_int_equal(t->number, next_number[t->thread]);
    next_number[t->thread]++;
    if (++tasks_run == THREADS * TASKS) {
        reactor_stop(reactor);
    }
}

static void *post_all(void *arg)
{
    struct counted_task *mine = arg;
    for (int i = 0; i < TASKS; i++) {
        reactor_post(reactor, &mine[i].task);
    }
    return NULL;
}

/* Tasks from several threads all run on the loop, each thread's in its order. */
static void test_posted_tasks(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < TASKS; i++) {
            tasks[t][i] = (struct counted_task){{.run = on_task}, t, i};
        }
        assert_int_equal(pthread_create(&threads[t], NULL, post_all, tasks[t]), 0);
    }
    assert_int_equal(reactor_run(reactor, NULL), ERR_OK);
    assert_int_equal(tasks_run, THREADS * TASKS);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
    }
}

static struct reactor_task again;
static int again_run;

static void on_again(struct reactor_task *task)
{
    if (++again_run < 3) {
        reactor_post(reactor, task);
    }
}

/* A task may be posted again from within its run: it is the poster's by then. */
static void test_task_posts_itself(void **state)
{
    (void)state;
    again.run = on_again;
    reactor_post(reactor, &again);
    for (int turn = 1; turn <= 3; turn++) {
        assert_int_equal(reactor_turn(reactor, 0, NULL), ERR_OK);
        assert_int_equal(again_run, turn);
    }
    assert_int_equal(reactor_turn(reactor, 0, NULL), ERR_OK);
    assert_int_equal(again_run, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timers_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_cannot_starve, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_removed_in_the_same_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hooks_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_posted_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_task_posts_itself, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
