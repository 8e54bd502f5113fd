/* SPDX-License-Identifier: MIT */
/* test_broker.c - queries between clients and a query process that may vanish, with the test in the
 * role of that process at the other end of a socket pair. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "flow/broker.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/socket.h"

enum { CLIENTS_MAX = 16 };

/* What one client has heard. */
struct client {
    struct broker_query *query;
    char said[256]; /* "head data done" or "error:CODE" */
};

struct rig {
    char dir[64];
    struct reactor *reactor;
    struct topic_store *store;
    struct broker *broker;
    struct frame_pipe *process; /* our end */
    struct client clients[CLIENTS_MAX];
    int lost;
    int kills;
};

static void say(struct client *c, const char *word)
{
    size_t used = strlen(c->said);
    (void)snprintf(c->said + used, sizeof c->said - used, "%s%s", used > 0 ? " " : "", word);
}
static void on_head(void *ctx, struct str type)
{
    (void)type;
    say(ctx, "head");
}
static void on_data(void *ctx, struct str bytes)
{
    (void)bytes;
    say(ctx, "data");
}
static void on_done(void *ctx, const struct wire_done *done)
{
    (void)done;
    say(ctx, "done");
}
static void on_error(void *ctx, const struct wire_error *error)
{
    char word[80];
    (void)snprintf(word, sizeof word, "error:%.*s", STR_ARGS(error->code));
    say(ctx, word);
}
static const struct broker_answer answer = {on_head, on_data, on_done, on_error};

static void on_lost(void *ctx, const char *why)
{
    (void)why;
    ((struct rig *)ctx)->lost++;
}
static void on_kill(void *ctx, const char *why)
{
    (void)why;
    ((struct rig *)ctx)->kills++;
}

static void attach(struct rig *r)
{
    int ends[2];
    assert_int_equal(os_socket_pair(ends, NULL), ERR_OK);
    assert_int_equal(frame_pipe_open(ends[1], &r->process, NULL), ERR_OK);
    assert_int_equal(broker_attach(r->broker, ends[0], NULL), ERR_OK);
}

static int setup(void **state)
{
    struct rig *r = xnew(struct rig);
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/tarn-broker-%s", os_uuid_new().text);
    struct topic_store_options options = {.wake_fd = -1, .manual_sync = true};
    const struct broker_events events = {on_lost, on_kill, r};
    const struct broker_options limits = {.concurrency = 2, .queue_max = 3};
    assert_int_equal(os_mkdirs(r->dir, NULL), ERR_OK);
    assert_int_equal(topic_store_open(r->dir, &options, &r->store, NULL), ERR_OK);
    assert_int_equal(reactor_new(&r->reactor, NULL), ERR_OK);
    r->broker = broker_new(r->reactor, r->store, &limits, &events);
    attach(r);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    broker_free(r->broker);
    frame_pipe_free(r->process);
    topic_store_free(r->store);
    reactor_free(r->reactor);
    assert_int_equal(os_remove_tree(r->dir, NULL), ERR_OK);
    free(r);
    return 0;
}

static void turn(struct rig *r)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reactor_turn(r->reactor, 10, NULL), ERR_OK);
    }
}

static err ask(struct rig *r, int client, int64_t timeout_ms)
{
    struct wire_query q = {.sql = STR("SELECT 1"), .format = STR("json"), .timeout_ms = timeout_ms};
    return broker_start(r->broker, &q, STR(""), &answer, &r->clients[client],
                        &r->clients[client].query, NULL);
}

/* The id of the next frame of `type` that the process receives; 0 when none comes. */
static uint64_t receive(struct rig *r, uint16_t type)
{
    struct frame f;
    turn(r);
    while (frame_pipe_recv(r->process, 50, &f, NULL) == ERR_OK) {
        if (f.type == type) {
            return f.id;
        }
    }
    return 0;
}

static void reply(struct rig *r, uint16_t type, uint64_t id)
{
    AUTO_BUF payload = buf_make(4096);
    if (type == WIRE_HEAD) {
        struct wire_head head = {.content_type = STR("application/json")};
        wire_head_encode(&head, &payload);
    } else if (type == WIRE_DONE) {
        struct wire_done done = {.rows = 1};
        wire_done_encode(&done, &payload);
    } else {
        buf_puts(&payload, "bytes");
    }
    assert_int_equal(frame_pipe_send(r->process, type, 0, id, buf_str(&payload)), ERR_OK);
    turn(r);
}

static void vanish(struct rig *r)
{
    frame_pipe_free(r->process);
    r->process = NULL;
    turn(r);
    assert_false(broker_is_attached(r->broker));
    attach(r);
}

static void an_answer_reaches_its_client(void **state)
{
    /* Head, data and end of a query come to the client that asked, once each. */
    struct rig *r = *state;
    assert_int_equal(ask(r, 0, 0), ERR_OK);
    uint64_t id = receive(r, WIRE_QUERY);
    assert_true(id > 0);
    reply(r, WIRE_HEAD, id);
    reply(r, WIRE_DATA, id);
    reply(r, WIRE_DONE, id);
    reply(r, WIRE_DONE, id); /* the last words of a query that has ended are ignored */
    assert_string_equal(r->clients[0].said, "head data done");
}

static void more_than_the_limit_wait(void **state)
{
    /* Only `concurrency` queries run; others wait in order, and beyond the queue they are
     * refused. */
    struct rig *r = *state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(r, i, 0), ERR_OK);
    }
    assert_int_equal(ask(r, 5, 0), ERR_LIMIT);
    uint64_t first = receive(r, WIRE_QUERY);
    uint64_t second = receive(r, WIRE_QUERY);
    assert_true(second > first);
    assert_int_equal(receive(r, WIRE_QUERY), 0);
    reply(r, WIRE_DONE, first);
    assert_true(receive(r, WIRE_QUERY) > second);
    assert_string_equal(r->clients[0].said, "done");
}

static void a_lone_crash_names_its_culprit(void **state)
{
    /* When the process dies with one query running, that query fails and is never run again. */
    struct rig *r = *state;
    assert_int_equal(ask(r, 0, 0), ERR_OK);
    assert_true(receive(r, WIRE_QUERY) > 0);
    vanish(r);
    assert_int_equal(r->lost, 1);
    assert_string_equal(r->clients[0].said, "error:query_crashed");
    assert_int_equal(receive(r, WIRE_QUERY), 0);
}

static void innocents_run_again_one_by_one(void **state)
{
    /* When several ran, each runs again alone; the one that kills the process again is the culprit,
     * the other one gets its answer. */
    struct rig *r = *state;
    assert_int_equal(ask(r, 0, 0), ERR_OK);
    assert_int_equal(ask(r, 1, 0), ERR_OK);
    uint64_t first = receive(r, WIRE_QUERY);
    assert_true(receive(r, WIRE_QUERY) > 0);
    vanish(r);
    assert_int_equal(receive(r, WIRE_QUERY), first);
    assert_int_equal(receive(r, WIRE_QUERY), 0); /* alone */
    vanish(r);
    assert_string_equal(r->clients[0].said, "error:query_crashed");
    uint64_t second = receive(r, WIRE_QUERY);
    assert_true(second > first);
    reply(r, WIRE_DONE, second);
    assert_string_equal(r->clients[1].said, "done");
}

static void a_begun_answer_is_aborted(void **state)
{
    /* A query whose answer has begun is never run again: its client sees that it broke off. */
    struct rig *r = *state;
    assert_int_equal(ask(r, 0, 0), ERR_OK);
    uint64_t id = receive(r, WIRE_QUERY);
    reply(r, WIRE_HEAD, id);
    vanish(r);
    assert_string_equal(r->clients[0].said, "head error:query_aborted");
    assert_int_equal(receive(r, WIRE_QUERY), 0);
}

static void a_deadline_is_kept_by_force(void **state)
{
    /* A query past its deadline has its process killed and is told so; its neighbour runs again. */
    struct rig *r = *state;
    assert_int_equal(ask(r, 0, 30), ERR_OK);
    assert_int_equal(ask(r, 1, 0), ERR_OK);
    assert_true(receive(r, WIRE_QUERY) > 0);
    uint64_t neighbour = receive(r, WIRE_QUERY);
    int64_t give_up_us = os_mono_us() + 5000000;
    while (r->kills == 0 && os_mono_us() < give_up_us) {
        turn(r);
    }
    assert_int_equal(r->kills, 1);
    vanish(r);
    assert_string_equal(r->clients[0].said, "error:query_timeout");
    assert_int_equal(receive(r, WIRE_QUERY), neighbour);
    reply(r, WIRE_DONE, neighbour);
    assert_string_equal(r->clients[1].said, "done");
}

/* `client` waits for its turn behind two others, and runs when the first of them has ended. */
static uint64_t run_after_waiting(struct rig *r, int client, int64_t timeout_ms)
{
    assert_int_equal(ask(r, 0, 0), ERR_OK);
    assert_int_equal(ask(r, 1, 0), ERR_OK);
    uint64_t first = receive(r, WIRE_QUERY);
    assert_true(receive(r, WIRE_QUERY) > 0);
    assert_int_equal(ask(r, client, timeout_ms), ERR_OK);
    reply(r, WIRE_DONE, first);
    uint64_t id = receive(r, WIRE_QUERY);
    assert_true(id > 0);
    return id;
}

static void wait_for_cancel(struct rig *r, uint64_t id)
{
    uint64_t got = 0;
    int64_t give_up_us = os_mono_us() + 5000000;
    while (got == 0 && r->kills == 0 && os_mono_us() < give_up_us) {
        got = receive(r, WIRE_CANCEL);
    }
    assert_int_equal(got, id);
    assert_int_equal(r->kills, 0);
}

static void a_deadline_asks_before_it_forces(void **state)
{
    /* A statement that has waited for its turn is told to stop at its deadline: the process counts
     * from later, and killing it would take the others with it. */
    struct rig *r = *state;
    uint64_t id = run_after_waiting(r, 2, 1000);
    wait_for_cancel(r, id);
    AUTO_BUF payload = buf_make(4096);
    struct wire_error error = {.code = STR("query_cancelled"), .detail = STR("it was")};
    wire_error_encode(&error, &payload);
    assert_int_equal(frame_pipe_send(r->process, WIRE_ERROR, 0, id, buf_str(&payload)), ERR_OK);
    turn(r);
    assert_string_equal(r->clients[2].said, "error:query_timeout");
    assert_int_equal(r->kills, 0);
}

static void what_is_late_is_not_run_again(void **state)
{
    /* A process that is lost after a statement's deadline: the fresh one is not asked it again. */
    struct rig *r = *state;
    uint64_t id = run_after_waiting(r, 2, 1000);
    wait_for_cancel(r, id);
    vanish(r);
    assert_string_equal(r->clients[2].said, "error:query_timeout");
}

static void a_client_that_goes_cancels(void **state)
{
    /* An abandoned query is cancelled in the process, and its client hears nothing any more. */
    struct rig *r = *state;
    assert_int_equal(ask(r, 0, 0), ERR_OK);
    uint64_t id = receive(r, WIRE_QUERY);
    broker_abandon(r->clients[0].query);
    assert_int_equal(receive(r, WIRE_CANCEL), id);
    reply(r, WIRE_DONE, id);
    assert_string_equal(r->clients[0].said, "");
    assert_int_equal(broker_cancel(r->broker, id, NULL), ERR_NOT_FOUND);
}

/* Starts the statement of `client`, and lets it use up its credit. */
static uint64_t run_and_stall(struct rig *r, int client)
{
    assert_int_equal(ask(r, client, 0), ERR_OK);
    uint64_t id = 0;
    int64_t give_up_us = os_mono_us() + 5000000;
    while (id == 0 && os_mono_us() < give_up_us) {
        id = receive(r, WIRE_QUERY);
    }
    assert_true(id > 0);
    reply(r, WIRE_HEAD, id);
    reply(r, WIRE_DATA, id);
    return id;
}

static void who_does_not_take_an_answer_holds_up_nobody(void **state)
{
    /* An answer that its client does not take gives its place to the next statement, however many
     * there are: BROKER_SLOW_MAX are kept, then the one that waited longest is cut. */
    struct rig *r = *state;
    uint64_t first = 0;
    for (int i = 0; i < BROKER_SLOW_MAX + 2; i++) {
        uint64_t id = run_and_stall(r, i);
        first = i == 0 ? id : first;
        assert_string_equal(r->clients[i].said, "head data");
    }
    assert_int_equal(ask(r, BROKER_SLOW_MAX + 2, 0), ERR_OK);
    wait_for_cancel(r, first);
    assert_string_equal(r->clients[0].said, "head data error:client_too_slow");
    reply(r, WIRE_DONE, first); /* the process lets go */
    assert_true(receive(r, WIRE_QUERY) > 0);
    assert_string_equal(r->clients[0].said, "head data error:client_too_slow");
    assert_string_equal(r->clients[1].said, "head data");
    assert_int_equal(r->kills, 0);
}

static void slow_ones_are_left_while_nobody_waits(void **state)
{
    /* As long as nobody needs their places, answers that are not taken are not cut. */
    struct rig *r = *state;
    for (int i = 0; i < BROKER_SLOW_MAX + 2; i++) {
        (void)run_and_stall(r, i);
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(receive(r, WIRE_CANCEL), 0);
    }
    broker_credit(r->clients[0].query, 5);
    for (int i = 0; i < BROKER_SLOW_MAX + 2; i++) {
        assert_string_equal(r->clients[i].said, "head data");
    }
}

static void a_lying_process_is_dropped(void **state)
{
    /* Bytes that are no message end the connection; they never reach a client. */
    struct rig *r = *state;
    assert_int_equal(ask(r, 0, 0), ERR_OK);
    uint64_t id = receive(r, WIRE_QUERY);
    assert_int_equal(frame_pipe_send(r->process, WIRE_DONE, 0, id, STR("{nonsense")), ERR_OK);
    turn(r);
    assert_int_equal(r->lost, 1);
    assert_string_equal(r->clients[0].said, "error:query_crashed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_reaches_its_client, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_the_limit_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lone_crash_names_its_culprit, setup, teardown),
        cmocka_unit_test_setup_teardown(innocents_run_again_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_begun_answer_is_aborted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_is_kept_by_force, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_asks_before_it_forces, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_late_is_not_run_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_goes_cancels, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_take_an_answer_holds_up_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(slow_ones_are_left_while_nobody_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lying_process_is_dropped, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
