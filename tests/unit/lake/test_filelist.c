/* SPDX-License-Identifier: MIT */
/* test_filelist.c - lists of files that snapshots share. */
#include <pthread.h>

#include "lake_test.h"

#include "lake/filelist.h"
#include "lake/state.h"

static struct lake_file named(char room[32], unsigned number)
{
    int length = snprintf(room, 32, "f-%u", number);
    return (struct lake_file){.path = str_of(room, (size_t)length), .num_records = -1};
}

static size_t count_live(const struct lake_list *list)
{
    struct lake_file_iter it = {.list = list};
    size_t count = 0;
    while (lake_files_next(&it) != NULL) {
        count++;
    }
    assert_int_equal(count, list->live);
    return count;
}

/* A clone sees what it saw, whatever the original and other clones do afterwards. */
static void clones_do_not_disturb_each_other(void **state)
{
    (void)state;
    char room[32];
    struct lake_list first = {0};
    struct lake_list second = {0};
    struct lake_list third = {0};
    for (unsigned i = 0; i < 1000; i++) {
        struct lake_file f = named(room, i);
        assert_int_equal(lake_list_add(&first, &f, true), ERR_OK);
    }
    lake_list_clone(&first, &second);
    lake_list_clone(&first, &third);
    struct lake_file a = named(room, 5000);
    assert_int_equal(lake_list_add(&second, &a, true), ERR_OK);
    struct lake_file b = named(room, 6000);
    assert_int_equal(lake_list_add(&third, &b, true), ERR_OK);
    for (unsigned i = 0; i < 10; i++) {
        struct lake_file gone = named(room, i * 100);
        assert_int_equal(lake_list_kill(&second, &gone, 1, NULL, NULL), ERR_OK);
    }
    assert_int_equal(count_live(&first), 1000);
    assert_int_equal(count_live(&second), 991);
    assert_int_equal(count_live(&third), 1001);
    lake_list_deinit(&first);
    assert_int_equal(count_live(&second), 991);
    struct lake_file_iter it = {.list = &third};
    const struct lake_file *last = NULL;
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
        last = f;
    }
    assert_true(str_is(last->path, "f-6000"));
    lake_list_deinit(&second);
    lake_list_deinit(&third);
}

/* Killing by index and killing by scan hide the same files, against a plain array as the judge. */
static void index_and_scan_agree(void **state)
{
    (void)state;
    enum { NAMES = 3000, STEPS = 20000 };
    char room[32];
    static bool live[NAMES];
    struct lake_list scanned = {0};
    struct lake_list indexed = {0};
    lake_list_index(&indexed);
    uint64_t random = 42;
    for (int step = 0; step < STEPS; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned number = (unsigned)(random >> 33) % NAMES;
        struct lake_file f = named(room, number);
        if (live[number]) {
            assert_int_equal(lake_list_kill(&indexed, &f, 1, NULL, NULL), ERR_OK);
        }
        if (step % 8 == 0) {
            assert_int_equal(lake_list_kill(&scanned, &f, 1, NULL, NULL), ERR_OK);
            live[number] = false;
            assert_int_equal(lake_list_kill(&indexed, &f, 1, NULL, NULL), ERR_OK);
        } else if (!live[number]) {
            assert_int_equal(lake_list_add(&scanned, &f, true), ERR_OK);
            assert_int_equal(lake_list_add(&indexed, &f, true), ERR_OK);
            live[number] = true;
        } else {
            assert_int_equal(lake_list_add(&indexed, &f, true), ERR_OK);
        }
        assert_int_equal(scanned.live, indexed.live);
    }
    lake_list_drop_index(&indexed);
    lake_list_trim(&indexed);
    lake_list_trim(&scanned);
    assert_int_equal(count_live(&scanned), count_live(&indexed));
    struct lake_file_iter it = {.list = &scanned};
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
        uint64_t number = 0;
        assert_true(str_to_u64(str_of(f->path.ptr + 2, f->path.len - 2), &number));
        assert_true(live[number]);
    }
    lake_list_deinit(&scanned);
    lake_list_deinit(&indexed);
}

struct appender {
    pthread_t thread;
    const struct lake_list *base;
    unsigned number;
    bool is_right;
};

static void *append_to_clone(void *arg)
{
    struct appender *a = arg;
    char room[32];
    struct lake_list list = {0};
    lake_list_clone(a->base, &list);
    for (unsigned i = 0; i < 300; i++) {
        struct lake_file f = named(room, a->number * 1000 + i);
        if (lake_list_add(&list, &f, true) != ERR_OK) {
            return NULL;
        }
    }
    struct lake_file_iter it = {.list = &list};
    size_t seen = 0;
    a->is_right = true;
    for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL; seen++) {
        struct lake_file expected =
            named(room, (unsigned)(seen < 7 ? seen : a->number * 1000 + seen - 7));
        a->is_right = a->is_right && str_eq(f->path, expected.path);
    }
    a->is_right = a->is_right && seen == 307;
    lake_list_deinit(&list);
    return NULL;
}

/* Threads that extend clones of one list see their own files only. */
static void threads_extend_one_list(void **state)
{
    (void)state;
    char room[32];
    struct lake_list base = {0};
    struct appender appenders[4];
    for (unsigned i = 0; i < 7; i++) {
        struct lake_file f = named(room, i);
        assert_int_equal(lake_list_add(&base, &f, true), ERR_OK);
    }
    for (unsigned i = 0; i < 4; i++) {
        appenders[i] = (struct appender){.base = &base, .number = i + 1};
        assert_int_equal(pthread_create(&appenders[i].thread, NULL, append_to_clone, &appenders[i]),
                         0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(appenders[i].thread, NULL), 0);
        assert_true(appenders[i].is_right);
    }
    assert_int_equal(count_live(&base), 7);
    lake_list_deinit(&base);
}

/* A follower of a table of 100,000 files sees each commit that adds and removes. */
static void large_table_refreshes(void **state)
{
    (void)state;
    enum { COMMITS = 10, FILES = 10000 };
    char dir[128];
    test_dir_make(dir);
    struct lake_snapshot *s = test_create_table(dir, NULL);
    for (int i = 0; i < COMMITS; i++) {
        AUTO(lake_commit) c = lake_commit_new("WRITE");
        struct lake_snapshot *next = NULL;
        for (int k = 0; k < FILES; k++) {
            char path[64];
            (void)snprintf(path, sizeof path, "date=2026-11-20/%d-%d.parquet", i, k);
            test_add_file(c, path);
        }
        assert_ok(lake_commit_run(c, dir, s, NULL, &next, NULL, msg));
        lake_snapshot_unref(s);
        s = next;
    }
    AUTO(lake_snapshot) follower = lake_snapshot_ref(s);
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < 10; i++) {
        char path[64];
        AUTO(lake_commit) c = lake_commit_new("OPTIMIZE");
        struct lake_snapshot *next = NULL;
        struct lake_file_iter it = lake_snapshot_files(s);
        (void)snprintf(path, sizeof path, "new-%d", i);
        test_add_file(c, path);
        lake_commit_remove_file(c, lake_files_next(&it), false);
        assert_ok(lake_commit_run(c, dir, s, NULL, &next, NULL, msg));
        lake_snapshot_unref(s);
        s = next;
        struct lake_snapshot *fresh = NULL;
        int64_t start_us = os_mono_us();
        assert_ok(lake_snapshot_refresh(follower, &fresh, msg));
        best_us = MIN(best_us, os_mono_us() - start_us);
        lake_snapshot_unref(follower);
        follower = fresh;
    }
    assert_int_equal(lake_snapshot_file_count(follower), COMMITS * FILES);
    assert_int_equal(lake_snapshot_size_bytes(follower), (uint64_t)COMMITS * FILES * 1000);
    print_message("refresh of 100,000 files: %lld us\n", (long long)best_us);
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clones_do_not_disturb_each_other),
        cmocka_unit_test(index_and_scan_agree),
        cmocka_unit_test(threads_extend_one_list),
        cmocka_unit_test(large_table_refreshes),
    };
    return cmocka_run_group_tests_name("lake_filelist", tests, NULL, NULL);
}
