/* SPDX-License-Identifier: MIT */
/* test_land.c - from the log into Delta tables: everything, once, with the right columns. */
#include "land_test.h"

#include <errno.h>

#include "base/timefmt.h"

static struct rig rig; /* the engine is kept over tests */

/* Rows and dead letters of a topic together are its log, and both tables say how far they are. */
static void every_record_lands_once(void **state)
{
    (void)state;
    static const char *const a[] = {"{\"x\":1,\"name\":\"a\"}", "{\"x\":2}", "no json",
                                    "{\"x\":3,\"name\":\"c\"}"};
    static const char *const b[] = {"[1]", "{\"x\":40,\"name\":null}"};
    rig_open(&rig, NULL);
    rig_append(&rig, 0, RIG_NOON_MS, a, 4);
    rig_append(&rig, 1, RIG_NOON_MS, b, 2);
    rig_flush(&rig);
    rig_exactly_once(&rig);
    assert_int_equal(rig_i64(&rig, "web_logs", "count(*)"), 4);
    assert_int_equal(rig_i64(&rig, "web_logs", "sum(x)"), 46);
    assert_int_equal(rig_i64(&rig, "web_logs__dead", "count(*)"), 2);
    AUTO_BUF text = buf_make(4096);
    rig_text(&rig, "web_logs__dead",
             "string_agg(reason || ' ' || value::VARCHAR, ',' ORDER BY _partition)", &text);
    assert_string_equal(buf_cstr(&text), "invalid_json no json,not_an_object [1]");
    rig_text(&rig, "web_logs", "string_agg(_date::VARCHAR || ' ' || _offset, ',' ORDER BY x)",
             &text);
    assert_string_equal(buf_cstr(&text), "2026-11-20 0,2026-11-20 1,2026-11-20 3,2026-11-20 1");

    AUTO_TEXT dir = xasprintf("%s/web_logs", rig.bronze);
    AUTO(lake_snapshot) snapshot = NULL;
    OK(lake_snapshot_load(dir, -1, &rig.parquet, &snapshot, &msg_));
    const char *uuid = topic_meta_of(rig.topic)->uuid.text;
    char id[LAND_APP_ID_BYTES];
    assert_int_equal(lake_snapshot_txn(snapshot, land_app_id(uuid, 0, id))->version, 3);
    assert_int_equal(lake_snapshot_txn(snapshot, land_app_id(uuid, 1, id))->version, 1);
    struct lake_file_iter it = lake_snapshot_files(snapshot);
    const struct lake_file *file = lake_files_next(&it);
    assert_true(str_starts(file->path, STR("date=2026-11-20/")));
    assert_true(str_is(file->partition_values[0].value, "2026-11-20"));
    assert_true(str_is(file->partition_values[0].key, "_date"));
    assert_int_equal(file->num_records, 4);
    AUTO_BUF tag = buf_make(256);
    land_schema_tag_of(file->tags, &tag);
    assert_int_equal(tag.len, 32);
    rig_close(&rig);
}

/* Nothing new means no commit; what comes later is added to what is there. */
static void landing_again_adds_only_what_is_new(void **state)
{
    (void)state;
    static const char *const one[] = {"{\"x\":1}"};
    rig_open(&rig, NULL);
    rig_append(&rig, 0, RIG_NOON_MS, one, 1);
    rig_flush(&rig);
    struct wire_flushed first = lander_versions(rig.lander);
    rig_flush(&rig);
    assert_int_equal(lander_versions(rig.lander).version, first.version);
    assert_int_equal(lander_versions(rig.lander).dead_version, first.dead_version);
    for (int i = 0; i < 5; i++) {
        rig_append(&rig, (uint32_t)i % 2, RIG_NOON_MS, one, 1);
        if (i % 2 == 1) {
            rig_lander(&rig); /* as after a restart */
        }
        rig_flush(&rig);
        rig_exactly_once(&rig);
    }
    assert_int_equal(rig_i64(&rig, "web_logs", "count(*)"), 6);
    rig_close(&rig);
}

/* A new field becomes a column in the commit of its first value, typed over all that is
 * acknowledged; a value that does not fit later goes to _rescued; a field that was null only is
 * remembered. */
static void schema_grows(void **state)
{
    (void)state;
    static const char *const first[] = {"{\"a\":1,\"n\":null}"};
    static const char *const second[] = {"{\"a\":\"text\",\"b\":1}", "{\"b\":2.5}"};
    static const char *const third[] = {"{\"n\":true,\"a\":7}"};
    rig_open(&rig, NULL);
    rig_append(&rig, 0, RIG_NOON_MS, first, 1);
    rig_flush(&rig);
    struct wire_progress progress;
    lander_progress(rig.lander, &progress);
    assert_int_equal(progress.column_count, 1 + EVENT_SYS_COUNT);
    assert_int_equal(progress.null_field_count, 1);
    assert_true(str_is(progress.null_fields[0], "n"));
    rig_append(&rig, 0, RIG_NOON_MS, second, 2);
    rig_flush(&rig);
    lander_progress(rig.lander, &progress);
    assert_int_equal(progress.column_count, 2 + EVENT_SYS_COUNT);
    assert_true(str_is(progress.columns[1].name, "b") &&
                str_is(progress.columns[1].type, "DOUBLE"));
    AUTO_BUF text = buf_make(4096);
    rig_text(&rig, "web_logs", "string_agg(_rescued, '')", &text);
    assert_string_equal(buf_cstr(&text), "{\"a\":\"text\"}");
    rig_append(&rig, 1, RIG_NOON_MS, third, 1);
    rig_lander(&rig);
    rig_flush(&rig);
    lander_progress(rig.lander, &progress);
    assert_int_equal(progress.column_count, 3 + EVENT_SYS_COUNT);
    assert_int_equal(progress.null_field_count, 0);
    assert_int_equal(rig_i64(&rig, "web_logs", "sum(a) + count(n)"), 9);
    rig_exactly_once(&rig);
    rig_close(&rig);
}

/* A batch of many dates gives one file a date, all in one commit. */
static void many_dates_land_together(void **state)
{
    (void)state;
    enum { DAYS = 150 };
    rig_open(&rig, NULL);
    for (int day = 0; day < DAYS; day++) {
        char values[4][128];
        const char *list[4];
        for (int i = 0; i < 4; i++) {
            int32_t days = (int32_t)(RIG_NOON_MS / RIG_DAY_MS) - day;
            char date[16];
            time_format_date(days, date);
            (void)snprintf(values[i], sizeof values[i], "{\"time\":\"%sT0%d:00:00Z\",\"x\":%d}",
                           date, i, day);
            list[i] = values[i];
        }
        rig_append(&rig, (uint32_t)day % 2, RIG_NOON_MS, list, 4);
    }
    rig_flush(&rig);
    rig_exactly_once(&rig);
    AUTO_TEXT dir = xasprintf("%s/web_logs", rig.bronze);
    AUTO(lake_snapshot) snapshot = NULL;
    OK(lake_snapshot_load(dir, -1, &rig.parquet, &snapshot, &msg_));
    assert_int_equal(lake_snapshot_version(snapshot), 0);
    assert_int_equal(lake_snapshot_file_count(snapshot), DAYS);
    assert_int_equal(rig_i64(&rig, "web_logs", "count(DISTINCT _date)"), DAYS);
    rig_close(&rig);
}

/* A declared partition column cuts the table, also where values are odd or missing. */
static void declared_partition_column(void **state)
{
    (void)state;
    static const char *const values[] = {"{\"k\":\"a/../b\",\"x\":1}", "{\"k\":\"%\",\"x\":2}",
                                         "{\"x\":3}", "{\"k\":\"ü\",\"x\":4}"};
    rig_open(&rig, "k");
    rig_append(&rig, 0, RIG_NOON_MS, values, 4);
    rig_flush(&rig);
    rig_exactly_once(&rig);
    AUTO_TEXT dir = xasprintf("%s/web_logs", rig.bronze);
    AUTO(lake_snapshot) snapshot = NULL;
    OK(lake_snapshot_load(dir, -1, &rig.parquet, &snapshot, &msg_));
    assert_int_equal(lake_snapshot_file_count(snapshot), 4);
    int seen = 0;
    struct lake_file_iter it = lake_snapshot_files(snapshot);
    for (const struct lake_file *file; (file = lake_files_next(&it)) != NULL;) {
        const struct lake_pair *pair = lake_file_partition(file, STR("k"));
        seen += pair->is_null ? 1 : 0;
        seen += str_is(pair->value, "a/../b") ? 10 : 0;
        seen += str_is(pair->value, "%") ? 100 : 0;
        seen += str_is(pair->value, "ü") ? 1000 : 0;
        assert_true(str_starts(file->path, STR("k=")));
    }
    assert_int_equal(seen, 1111);
    rig_close(&rig);
}

/* A commit takes about commit_bytes of log; the rest follows in further commits. */
static void landing_is_cut_into_commits(void **state)
{
    (void)state;
    rig.commit_bytes = 1; /* one block a commit */
    rig_open(&rig, NULL);
    char *big = xcalloc(1, 700 * 1024);
    memset(big, 'x', 700 * 1024 - 1);
    AUTO_TEXT value = xasprintf("{\"text\":\"%s\"}", big);
    const char *list[] = {value, value};
    for (int i = 0; i < 6; i++) {
        rig_append(&rig, 0, RIG_NOON_MS, list, 2);
    }
    rig_flush(&rig);
    rig_exactly_once(&rig);
    assert_true(lander_versions(rig.lander).version >= 2);
    free(big);
    rig.commit_bytes = 0;
    rig_close(&rig);
}

/* Bytes, rows and age decide when a topic is due; nothing to land is never due. */
static void policy_decides_when(void **state)
{
    (void)state;
    static const char *const one[] = {"{\"x\":1}"};
    int64_t ends[2];
    rig_open(&rig, NULL);
    OK(lander_load(rig.lander, true, &msg_));
    rig_ends(&rig, ends);
    lander_set_ends(rig.lander, ends, 2, 1000);
    assert_false(lander_is_due(rig.lander, 1000));
    rig_append(&rig, 0, RIG_NOON_MS, one, 1);
    rig_ends(&rig, ends);
    lander_set_ends(rig.lander, ends, 2, 1000);
    assert_true(lander_has_lag(rig.lander));
    assert_false(lander_is_due(rig.lander, 1000));
    assert_false(lander_is_due(rig.lander, 60999));
    assert_true(lander_is_due(rig.lander, 61000));
    bool more = true;
    OK(lander_land(rig.lander, NULL, false, 61000, &more, &msg_));
    assert_false(more);
    assert_false(lander_is_due(rig.lander, 61001));
    /* The dead-letter table follows by itself, so that retention may go on. */
    assert_false(lander_reached(rig.lander, ends));
    assert_true(lander_is_due(rig.lander, 61000 + LAND_DEAD_MS));
    OK(lander_land(rig.lander, NULL, false, 61000 + LAND_DEAD_MS, &more, &msg_));
    assert_true(lander_reached(rig.lander, ends));
    assert_false(lander_is_due(rig.lander, 62000 + 2 * LAND_DEAD_MS));
    rig_close(&rig);
}

static void append_mixture(void)
{
    static const char *const a[] = {"{\"x\":1,\"t\":\"2026-11-01T00:00:00Z\"}", "bad",
                                    "{\"y\":\"q\"}"};
    static const char *const b[] = {"{\"x\":\"rescued\"}", "{\"time\":\"2026-11-18T00:00:00Z\"}"};
    rig_append(&rig, 0, RIG_NOON_MS, a, 3);
    rig_append(&rig, 1, RIG_NOON_MS, b, 2);
}

static int fault_round(unsigned fail_at, int error, int for_ever, bool second)
{
    static const char *const more[] = {"{\"z\":1}", "worse"};
    rig_open(&rig, NULL);
    append_mixture();
    if (second) { /* the tables are there already */
        rig_flush(&rig);
        rig_append(&rig, 0, RIG_NOON_MS, more, 2);
    }
    os_io_faults_start(OS_IO_ALL, fail_at, error, for_ever);
    struct errmsg msg = {0};
    (void)rig_try_flush(&rig, &msg); /* may fail; must not lie */
    int hit = os_io_faults_hit();
    os_io_faults_stop();
    if (fail_at % 2 == 0) {
        rig_lander(&rig); /* a restart; else the same lander goes on */
    }
    rig_flush(&rig);
    rig_exactly_once(&rig);
    OK(lander_load(rig.lander, true, &msg_)); /* what could not be removed then goes now */
    AUTO_TEXT staging = xasprintf("%s/web_logs/_staging", rig.bronze);
    AUTO_NAMES names = {0};
    OK(os_list(staging, &names, &msg_));
    assert_int_equal(names.count, 0);
    rig_exactly_once(&rig);
    rig_close(&rig);
    return hit;
}

/* Whichever call of the operating system fails, once or from then on, the next try brings every
 * record in exactly once and leaves no staging behind. */
static void every_fault_is_survived(void **state)
{
    (void)state;
    for (int mode = 0; mode < 4; mode++) {
        unsigned step = mode == 0 ? 1 : 3;
        unsigned n = 1;
        while (fault_round(n, mode % 2 == 0 ? EIO : ENOSPC, mode >= 2, mode % 2 == 1)) {
            n += step;
            assert_true(n < 2000);
        }
    }
}

/* When a COPY does not fit the memory it is run in another way, and nothing is read twice or lost.
 */
static void little_memory_is_enough(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    for (int batch = 0; batch < 40; batch++) {
        enum { COUNT = 500 };
        char *values[COUNT];
        for (int i = 0; i < COUNT; i++) {
            int day = i % 28 + 1;
            values[i] = xasprintf("{\"time\":\"2026-10-%02dT00:00:00Z\",\"text\":\"%0200d\"}", day,
                                  batch * COUNT + i);
        }
        const char *list[COUNT];
        for (int i = 0; i < COUNT; i++) {
            list[i] = values[i];
        }
        rig_append(&rig, (uint32_t)batch % 2, RIG_NOON_MS, list, COUNT);
        for (int i = 0; i < COUNT; i++) {
            free(values[i]);
        }
    }
    AUTO_TEXT spill = xasprintf("%s/spill", rig.dir);
    OK(sql_execf(rig.conn, &msg_, "SET temp_directory='%s'", spill));
    OK(sql_exec(rig.conn, "SET memory_limit='16MB'", &msg_));
    struct errmsg msg = {0};
    (void)rig_try_flush(&rig, &msg); /* may be too little after all; must not lie */
    OK(sql_exec(rig.conn, "SET memory_limit='4GB'", &msg_));
    rig_flush(&rig);
    rig_exactly_once(&rig);
    rig_close(&rig);
}

/* Files that a crash left linked but not committed are removed by the next start, and only those.
 */
static void orphans_are_removed(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    append_mixture();
    rig_flush(&rig);
    AUTO_TEXT dir = xasprintf("%s/web_logs", rig.bronze);
    AUTO(lake_snapshot) snapshot = NULL;
    OK(lake_snapshot_load(dir, -1, &rig.parquet, &snapshot, &msg_));
    struct lake_file_iter it = lake_snapshot_files(snapshot);
    const struct lake_file *live = lake_files_next(&it);
    AUTO_TEXT staging = xasprintf("%s/_staging/abc", dir);
    AUTO_TEXT links = xasprintf("%s/links", staging);
    AUTO_TEXT orphan = xasprintf("%s/date=2026-11-20/orphan.parquet", dir);
    AUTO_TEXT foreign = xasprintf("%s/date=2026-11-20/foreign.parquet", dir);
    AUTO_TEXT kept = xasprintf("%s/%.*s", dir, STR_ARGS(live->path));
    AUTO_TEXT text =
        xasprintf("date=2026-11-20/orphan.parquet\n%.*s\n../../x\ndate=2026", STR_ARGS(live->path));
    OK(os_mkdirs(staging, &msg_));
    OK(os_replace_file(links, str_from(text), &msg_));
    OK(os_replace_file(orphan, STR("x"), &msg_));
    OK(os_replace_file(foreign, STR("x"), &msg_));
    rig_lander(&rig);
    rig_flush(&rig);
    assert_false(os_exists(orphan));
    assert_false(os_exists(staging));
    assert_true(os_exists(foreign));
    assert_true(os_exists(kept));
    rig_exactly_once(&rig);
    rig_close(&rig);
}

/* With drop, both tables are gone. */
static void tables_can_be_dropped(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    append_mixture();
    rig_flush(&rig);
    OK(lander_drop_tables(rig.lander, &msg_));
    AUTO_NAMES names = {0};
    OK(os_list(rig.bronze, &names, &msg_));
    assert_int_equal(names.count, 0);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_lands_once),
        cmocka_unit_test(landing_again_adds_only_what_is_new),
        cmocka_unit_test(schema_grows),
        cmocka_unit_test(many_dates_land_together),
        cmocka_unit_test(declared_partition_column),
        cmocka_unit_test(landing_is_cut_into_commits),
        cmocka_unit_test(policy_decides_when),
        cmocka_unit_test(little_memory_is_enough),
        cmocka_unit_test(orphans_are_removed),
        cmocka_unit_test(tables_can_be_dropped),
        cmocka_unit_test(every_fault_is_survived),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sql_conn_close(rig.conn);
    sql_engine_close(rig.engine);
    return failed;
}
