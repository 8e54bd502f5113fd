/* SPDX-License-Identifier: MIT */
/* test_producers.c - the server's producers: their documents, and the end of a run. */
#include "flow_test.h"

#include <stdio.h>

#include "base/json.h"
#include "flow/producers_int.h"
#include "os/clock.h"
#include "os/file.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct errmsg msg_ = {0};                                                                  \
        struct errmsg *msg = &msg_;                                                                \
        err e_ = (call);                                                                           \
        if (e_ != ERR_OK) {                                                                        \
            fail_msg("%s: %s", #call, msg->text);                                                  \
        }                                                                                          \
    } while (0)

static struct {
    char dir[64];
    struct reactor *reactor;
    struct topic_store *store;
    struct meta *meta;
    struct producers *producers;
} rig;

static err rig_topic(void *ctx, struct str name, struct topic **out_topic, struct errmsg *msg)
{
    (void)ctx;
    *out_topic = topic_store_find(rig.store, name);
    if (*out_topic != NULL) {
        return ERR_OK;
    }
    AUTO_TOPIC_META meta;
    TRY(topic_meta_init(&meta, name, msg));
    return topic_store_create(rig.store, &meta, NULL, out_topic, msg);
}

static void rig_producers(void)
{
    producers_new(&(struct producers_options){.reactor = rig.reactor,
                                              .store = rig.store,
                                              .meta = rig.meta,
                                              .record_bytes_max = 1 << 20,
                                              .nesting_max = 100,
                                              .unsynced_bytes_max = 1 << 30,
                                              .topic = rig_topic},
                  &rig.producers);
}

static int set_up(void **unused)
{
    (void)unused;
    memset(&rig, 0, sizeof rig);
    (void)snprintf(rig.dir, sizeof rig.dir, "/tmp/tarn-producers-%s", os_uuid_new().text);
    AUTO_TEXT db = xasprintf("%s/meta/tarn.db", rig.dir);
    struct topic_store_options options = {
        .wake_fd = -1, .manual_sync = true, .reserve_bytes = 4096};
    OK(os_mkdirs(rig.dir, msg));
    OK(reactor_new(&rig.reactor, msg));
    OK(topic_store_open(rig.dir, &options, &rig.store, msg));
    OK(meta_open(db, &rig.meta, msg));
    rig_producers();
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    producers_free(rig.producers);
    topic_store_free(rig.store);
    meta_free(rig.meta);
    reactor_free(rig.reactor);
    return os_remove_tree(rig.dir, NULL) == ERR_OK ? 0 : -1;
}

/* ---- documents ---- */

enum { LARGE = 12, PAD = 1000 * 1000 };

/* All producers are there after a restart, and can be deleted, when their documents are more than
 * one page of meta_list(). */
static void many_large_documents_are_all_loaded(void **unused)
{
    (void)unused;
    AUTO_BUF text = buf_make(META_JSON_BYTES_MAX);
    _Static_assert((int64_t)LARGE * PAD > META_PAGE_BYTES_MAX, "more than a page");
    buf_puts(&text, "{\"topic\":\"t\",\"state\":\"stopped\",\"spec\":{\"template\":{\"a\":\"");
    for (size_t i = 0; i < PAD; i++) {
        buf_add_byte(&text, 'x');
    }
    buf_puts(&text, "\"}}}");
    char name[16];
    for (int i = 0; i < LARGE; i++) {
        (void)snprintf(name, sizeof name, "p%02d", i);
        OK(meta_put(rig.meta, "producer", str_from(name), META_NEW, buf_str(&text), NULL, msg));
    }
    producers_free(rig.producers);
    rig_producers();
    assert_int_equal(producers_count(rig.producers), LARGE);
    for (int i = 0; i < LARGE; i++) {
        (void)snprintf(name, sizeof name, "p%02d", i);
        struct producers_job *job = producers_find(rig.producers, str_from(name));
        assert_non_null(job);
        OK(producers_delete(rig.producers, job, msg));
    }
    producers_free(rig.producers);
    rig_producers();
    assert_int_equal(producers_count(rig.producers), 0);
}

/* No more than PRODUCERS_MAX are loaded, whatever the documents are. */
static void loading_is_bounded(void **unused)
{
    (void)unused;
    for (int i = 0; i < PRODUCERS_MAX + 3; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%02d", i);
        OK(meta_put(rig.meta, "producer", str_from(name), META_NEW, STR("{}"), NULL, msg));
    }
    producers_free(rig.producers);
    rig_producers();
    assert_int_equal(producers_count(rig.producers), PRODUCERS_MAX);
}

/* ---- the end of a run ---- */

static bool is_told(struct producers_job *job)
{
    producers_lock(rig.producers);
    bool told = job->is_told && job->is_end_posted;
    producers_unlock(rig.producers);
    return told;
}

static void wait_told(struct producers_job *job)
{
    int64_t until_us = os_mono_us() + 60 * 1000000ll;
    while (!is_told(job)) {
        assert_true(os_mono_us() < until_us);
        os_sleep_us(1000);
    }
}

static struct producers_job *must_create(const char *name)
{
    struct producers_job *job = NULL;
    AUTO_JSON body = json_pack("{s:s, s:s, s:{s:{s:i}, s:i, s:i}}", "name", name, "topic", "events",
                               "spec", "template", "n", 1, "rate", 100000, "count", 10);
    assert_non_null(body);
    OK(producers_create(rig.producers, body, true, &job, msg));
    return job;
}

/* One that is started again before the loop came to the end of its former run ends once more, and
 * what others posted in between arrives. */
static void a_start_before_the_end_arrived_loses_nothing(void **unused)
{
    (void)unused;
    OK(producers_run(rig.producers, msg));
    struct producers_job *first = must_create("first");
    wait_told(first);
    struct producers_job *second = must_create("second");
    wait_told(second);
    OK(producers_job_stop(rig.producers, first, msg));
    OK(producers_job_start(rig.producers, first, msg));
    wait_told(first); /* again, while its task is in the loop's list still */
    int64_t until_us = os_mono_us() + 60 * 1000000ll;
    while (first->state != JOB_FINISHED || second->state != JOB_FINISHED) {
        assert_true(os_mono_us() < until_us);
        OK(reactor_turn(rig.reactor, 10, msg));
        OK(topic_store_sync_now(rig.store, msg));
        producers_durable(rig.producers);
    }
    assert_int_equal(first->sent, 10);
    assert_int_equal(second->sent, 10);
    assert_int_equal(first->refs, 1);
    OK(producers_job_start(rig.producers, first, msg)); /* and a later run ends as well */
    while (first->state != JOB_FINISHED) {
        assert_true(os_mono_us() < until_us);
        OK(reactor_turn(rig.reactor, 10, msg));
        OK(topic_store_sync_now(rig.store, msg));
        producers_durable(rig.producers);
    }
    assert_int_equal(first->sent, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_large_documents_are_all_loaded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loading_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_before_the_end_arrived_loses_nothing, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
