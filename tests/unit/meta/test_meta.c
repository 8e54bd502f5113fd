/* SPDX-License-Identifier: MIT */
/* test_meta.c - small documents: versions, lists, bounds, damage, and what a kill leaves. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meta/meta.h"
#include "os/clock.h"
#include "os/file.h"

static char root[64];
static char path[96];

static int make_root(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/tarn-meta-%s", os_uuid_new().text);
    (void)snprintf(path, sizeof path, "%s/meta/tarn.db", root);
    return 0;
}

static int drop_root(void **state)
{
    (void)state;
    return os_remove_tree(root, NULL) == ERR_OK ? 0 : -1;
}

static struct meta *must_open(void)
{
    struct meta *m = NULL;
    struct errmsg msg = {0};
    if (meta_open(path, &m, &msg) != ERR_OK) {
        fail_msg("%s", msg.text);
    }
    return m;
}

static int64_t must_put(struct meta *m, const char *id, int64_t expected, const char *json)
{
    AUTO_META_DOC doc = {0};
    struct errmsg msg = {0};
    if (meta_put(m, "test", str_from(id), expected, str_from(json), &doc, &msg) != ERR_OK) {
        fail_msg("%s", msg.text);
    }
    return doc.version;
}

static void assert_json(struct meta *m, const char *id, const char *json)
{
    AUTO_META_DOC doc = {0};
    assert_int_equal(meta_get(m, "test", str_from(id), &doc, NULL), ERR_OK);
    assert_string_equal(doc.json, json);
}

static void change_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void documents_outlive_the_process(void **state)
{
    /* What was put is there after a reopen, with its times and version; the creation time stays
     * when it is replaced; the file and what SQLite makes beside it is closed to others. */
    (void)state;
    struct meta *m = must_open();
    os_clock_fix(1000);
    int64_t first = must_put(m, "a", META_NEW, "{\"x\":1}");
    os_clock_fix(2000);
    int64_t second = must_put(m, "a", first, "{\"x\":\"\xc3\xa4\"}");
    os_clock_fix(-1);
    assert_true(second > first);
    meta_free(m);
    m = must_open();
    AUTO_META_DOC doc = {0};
    assert_int_equal(meta_get(m, "test", STR("a"), &doc, NULL), ERR_OK);
    assert_string_equal(doc.id, "a");
    assert_string_equal(doc.json, "{\"x\":\"\xc3\xa4\"}");
    assert_int_equal(doc.version, second);
    assert_int_equal(doc.created_us, 1000);
    assert_int_equal(doc.updated_us, 2000);
    AUTO_META_DOC other = {0};
    assert_int_equal(meta_get(m, "other_kind", STR("a"), &other, NULL), ERR_NOT_FOUND);
    meta_free(m);
    AUTO_FD fd = -1;
    assert_int_equal(os_open(path, O_RDONLY, &fd, NULL), ERR_OK);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07, 0);
}

static void versions_guard_changes(void **state)
{
    /* A change that expects another state than there is changes nothing and says what it found;
     * a version is never given twice, also not after a delete. */
    (void)state;
    AUTO(meta) m = must_open();
    struct errmsg msg = {0};
    assert_int_equal(meta_put(m, "test", STR("a"), 7, STR("{}"), NULL, &msg), ERR_NOT_FOUND);
    int64_t first = must_put(m, "a", META_NEW, "1");
    assert_int_equal(meta_put(m, "test", STR("a"), META_NEW, STR("2"), NULL, &msg), ERR_EXISTS);
    int64_t second = must_put(m, "a", META_ANY, "2");
    assert_int_equal(meta_put(m, "test", STR("a"), first, STR("3"), NULL, &msg), ERR_CONFLICT);
    assert_non_null(strstr(msg.text, "has been changed"));
    assert_int_equal(meta_delete(m, "test", STR("a"), first, &msg), ERR_CONFLICT);
    assert_json(m, "a", "2");
    assert_int_equal(meta_delete(m, "test", STR("a"), second, &msg), ERR_OK);
    assert_int_equal(meta_delete(m, "test", STR("a"), META_ANY, &msg), ERR_NOT_FOUND);
    assert_true(must_put(m, "a", META_NEW, "4") > second);
}

static void lists_are_paged(void **state)
{
    /* Pages come in byte order of ids, hold at most what was asked for, say whether there is more,
     * and keep to the prefix; one page's texts stay within their bound. */
    (void)state;
    AUTO(meta) m = must_open();
    static const char *const ids[] = {"b/1", "a", "b/2", "B", "b/3", "c", "b"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        must_put(m, ids[i], META_NEW, "{}");
    }
    AUTO_META_PAGE all = {0};
    assert_int_equal(meta_list(m, "test", STR(""), STR(""), 100, &all, NULL), ERR_OK);
    assert_int_equal(all.count, ARRAY_LEN(ids));
    assert_false(all.more);
    assert_string_equal(all.docs[0].id, "B");
    assert_string_equal(all.docs[6].id, "c");
    AUTO_META_PAGE page = {0};
    assert_int_equal(meta_list(m, "test", STR("b/"), STR("b/1"), 1, &page, NULL), ERR_OK);
    assert_int_equal(page.count, 1);
    assert_string_equal(page.docs[0].id, "b/2");
    assert_true(page.more);
    AUTO_META_PAGE last = {0};
    assert_int_equal(meta_list(m, "test", STR("b/"), STR("b/2"), 10, &last, NULL), ERR_OK);
    assert_int_equal(last.count, 1);
    assert_false(last.more);
    char *large = xcalloc(1, META_JSON_BYTES_MAX + 1);
    memset(large, '1', META_JSON_BYTES_MAX);
    for (int i = 0; i < 9; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "large%d", i);
        must_put(m, id, META_NEW, large);
    }
    free(large);
    AUTO_META_PAGE bounded = {0};
    assert_int_equal(meta_list(m, "test", STR("large"), STR(""), 100, &bounded, NULL), ERR_OK);
    assert_int_equal(bounded.count, 8);
    assert_true(bounded.more);
}

static void bounds_hold(void **state)
{
    /* Ids, texts and the number of documents of a kind have limits, and each refusal changes
     * nothing. */
    (void)state;
    AUTO(meta) m = must_open();
    char id[META_ID_BYTES_MAX + 2];
    memset(id, 'i', sizeof id);
    err e = meta_put(m, "test", str_of(id, META_ID_BYTES_MAX), META_NEW, STR("{}"), NULL, NULL);
    assert_int_equal(e, ERR_OK);
    struct str bad[] = {STR(""), str_of(id, META_ID_BYTES_MAX + 1), STR("a\0b"), STR("\xff")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        e = meta_put(m, "test", bad[i], META_ANY, STR("{}"), NULL, NULL);
        assert_int_equal(e, ERR_INVALID);
    }
    assert_int_equal(meta_put(m, "test", STR("a"), META_ANY, STR("\xff"), NULL, NULL), ERR_INVALID);
    char *large = xcalloc(1, META_JSON_BYTES_MAX + 1);
    memset(large, '1', META_JSON_BYTES_MAX + 1);
    e = meta_put(m, "test", STR("a"), META_ANY, str_of(large, META_JSON_BYTES_MAX + 1), NULL, NULL);
    free(large);
    assert_int_equal(e, ERR_TOO_LARGE);
    change_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<10000)"
               " INSERT INTO doc SELECT 'full', 'id'||i, '{}', i, 0, 0 FROM n");
    assert_int_equal(meta_put(m, "full", STR("one"), META_ANY, STR("{}"), NULL, NULL), ERR_LIMIT);
    assert_int_equal(meta_put(m, "full", STR("id7"), META_ANY, STR("[]"), NULL, NULL), ERR_OK);
    AUTO_META_PAGE page = {0};
    assert_int_equal(meta_list(m, "test", STR(""), STR(""), 100, &page, NULL), ERR_OK);
    assert_int_equal(page.count, 1);
}

static void checked_in_sample_is_read(void **state)
{
    /* A file of format 1, as it was when the format was made, is read and can be changed. */
    (void)state;
    AUTO_BUF bytes = buf_make(1 << 20);
    assert_int_equal(os_read_file(META_SAMPLE, &bytes, NULL), ERR_OK);
    AUTO_TEXT dir = xasprintf("%s/meta", root);
    assert_int_equal(os_mkdirs(dir, NULL), ERR_OK);
    assert_int_equal(os_replace_file(path, buf_str(&bytes), NULL), ERR_OK);
    AUTO(meta) m = must_open();
    AUTO_META_DOC doc = {0};
    assert_int_equal(meta_get(m, "saved_query", STR("sample"), &doc, NULL), ERR_OK);
    assert_string_equal(doc.json, "{\"sql\":\"SELECT 42\"}");
    assert_int_equal(doc.version, 3);
    assert_int_equal(doc.created_us, 1700000000000000);
    assert_int_equal(must_put(m, "next", META_NEW, "{}"), 4);
}

static void unknown_files_are_refused(void **state)
{
    /* A file of a newer tarn, of another program, of no database, or with damaged pages is refused
     * in words that name it; nothing of it is changed. */
    (void)state;
    struct errmsg msg = {0};
    struct meta *m = must_open();
    for (int i = 0; i < 200; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "id%d", i);
        must_put(m, id, META_NEW, "{\"text\":\"something that fills pages of the file\"}");
    }
    meta_free(m);
    AUTO_BUF whole = buf_make(1 << 20);
    assert_int_equal(os_read_file(path, &whole, NULL), ERR_OK);
    change_sql("PRAGMA user_version=2");
    assert_int_equal(meta_open(path, &m, &msg), ERR_UNSUPPORTED);
    assert_non_null(strstr(msg.text, "newer tarn"));
    change_sql("PRAGMA user_version=1; PRAGMA application_id=5");
    assert_int_equal(meta_open(path, &m, &msg), ERR_CORRUPT);
    assert_non_null(strstr(msg.text, "another program"));
    for (size_t at = 4096; at + 4096 <= whole.len; at += 4096) {
        AUTO_BUF damaged = buf_make(1 << 20);
        assert_true(buf_add_str(&damaged, buf_str(&whole)));
        memset(damaged.data + at, 0xa5, 4096);
        assert_int_equal(os_replace_file(path, buf_str(&damaged), NULL), ERR_OK);
        assert_int_equal(meta_open(path, &m, &msg), ERR_CORRUPT);
        assert_non_null(strstr(msg.text, path));
    }
    assert_int_equal(os_replace_file(path, STR("this is no database, but long enough"), NULL),
                     ERR_OK);
    assert_int_equal(meta_open(path, &m, &msg), ERR_CORRUPT);
}

static void unusable_says_why(void **state)
{
    /* One made for a damaged file fails every call with the reason. */
    (void)state;
    struct errmsg why = {0};
    struct errmsg msg = {0};
    (void)errmsg_set(&why, ERR_CORRUPT, "it is damaged");
    AUTO(meta) m = meta_unusable(ERR_CORRUPT, &why);
    AUTO_META_DOC doc = {0};
    AUTO_META_PAGE page = {0};
    assert_int_equal(meta_get(m, "test", STR("a"), &doc, &msg), ERR_CORRUPT);
    assert_string_equal(msg.text, "it is damaged");
    assert_int_equal(meta_list(m, "test", STR(""), STR(""), 1, &page, &msg), ERR_CORRUPT);
    assert_int_equal(meta_put(m, "test", STR("a"), META_ANY, STR("{}"), NULL, &msg), ERR_CORRUPT);
    assert_int_equal(meta_delete(m, "test", STR("a"), META_ANY, &msg), ERR_CORRUPT);
}

static void a_lock_of_another_program_is_busy(void **state)
{
    /* While another program writes, a change fails as busy, reading goes on, and a later change
     * succeeds. */
    (void)state;
    AUTO(meta) m = must_open();
    must_put(m, "a", META_NEW, "1");
    sqlite3 *db = NULL;
    struct errmsg msg = {0};
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(meta_put(m, "test", STR("a"), META_ANY, STR("2"), NULL, &msg), ERR_BUSY);
    assert_json(m, "a", "1");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    must_put(m, "a", META_ANY, "2");
}

/* In a child, whose files may not grow past `bytes` from now on: puts until one fails and tells
 * each that did not. */
static _Noreturn void fill_until_refused(rlim_t bytes, int fd)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
    struct errmsg msg = {0};
    struct meta *m = must_open();
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(9);
    }
    char json[8001];
    memset(json, '1', sizeof json - 1);
    json[sizeof json - 1] = '\0';
    err e = ERR_OK;
    for (uint64_t n = 1; e == ERR_OK && n < 1000; n++) {
        char id[16];
        (void)snprintf(id, sizeof id, "fill%03d", (int)n);
        e = meta_put(m, "test", str_from(id), META_NEW, str_from(json), NULL, &msg);
        if (e == ERR_OK && write(fd, &n, sizeof n) != sizeof n) {
            _exit(8);
        }
    }
    AUTO_META_DOC doc = {0};
    bool reads = meta_get(m, "test", STR("a"), &doc, NULL) == ERR_OK;
    bool stays = meta_put(m, "test", STR("b"), META_ANY, STR("1"), NULL, &msg) == ERR_FAILED;
    _exit(e == ERR_IO && reads && stays ? 0 : 1);
}

static void check_filled(uint64_t acknowledged)
{
    AUTO(meta) m = must_open();
    AUTO_META_PAGE page = {0};
    assert_json(m, "a", "1");
    assert_int_equal(meta_list(m, "test", STR("fill"), STR(""), 1000, &page, NULL), ERR_OK);
    assert_true(page.count == acknowledged || page.count == acknowledged + 1);
    for (size_t i = 0; i < page.count; i++) {
        assert_int_equal(strlen(page.docs[i].json), 8000);
        assert_int_equal(
            meta_delete(m, "test", str_from(page.docs[i].id), page.docs[i].version, NULL), ERR_OK);
    }
}

static void a_failed_write_stops_changes(void **state)
{
    /* Wherever a write fails: reading goes on, every change is refused until the file is opened
     * again, and then what was acknowledged is there, whole, and at most one more. */
    (void)state;
    struct meta *m = must_open();
    must_put(m, "a", META_NEW, "1");
    meta_free(m);
    for (rlim_t bytes = 40000; bytes < 160000; bytes += 7777) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            fill_until_refused(bytes, fds[1]);
        }
        (void)close(fds[1]);
        uint64_t n = 0;
        uint64_t last = 0;
        while (read(fds[0], &n, sizeof n) == sizeof n) {
            last = n;
        }
        (void)close(fds[0]);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        check_filled(last);
    }
}

/* Puts for ever, and tells each put that returned. */
static _Noreturn void put_for_ever(int fd)
{
    struct meta *m = must_open();
    for (uint64_t n = 1;; n++) {
        char json[64];
        (void)snprintf(json, sizeof json, "%llu", (unsigned long long)n);
        must_put(m, "counter", META_ANY, json);
        if (write(fd, &n, sizeof n) != sizeof n) {
            _exit(1);
        }
    }
}

static void a_kill_loses_nothing_acknowledged(void **state)
{
    /* Killed at any moment: the document holds the last put that returned, or the one after it;
     * the file opens without a complaint. */
    (void)state;
    for (int round = 0; round < 20; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            put_for_ever(fds[1]);
        }
        (void)close(fds[1]);
        uint64_t n = 0;
        uint64_t last = 0;
        uint64_t until = 1 + os_random_u64() % 40;
        while (last < until && read(fds[0], &n, sizeof n) == sizeof n) {
            last = n;
        }
        os_sleep_us((int64_t)(os_random_u64() % 2000));
        (void)kill(child, SIGKILL);
        while (read(fds[0], &n, sizeof n) == sizeof n) {
            last = n;
        }
        assert_int_equal(waitpid(child, NULL, 0), child);
        (void)close(fds[0]);
        struct meta *m = must_open();
        AUTO_META_DOC doc = {0};
        assert_int_equal(meta_get(m, "test", STR("counter"), &doc, NULL), ERR_OK);
        uint64_t found = 0;
        assert_true(str_to_u64(str_from(doc.json), &found));
        assert_true(found == last || found == last + 1);
        meta_free(m);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_root, drop_root)
    const struct CMUnitTest tests[] = {
        CASE(documents_outlive_the_process),
        CASE(versions_guard_changes),
        CASE(lists_are_paged),
        CASE(bounds_hold),
        CASE(checked_in_sample_is_read),
        CASE(unknown_files_are_refused),
        CASE(unusable_says_why),
        CASE(a_lock_of_another_program_is_busy),
        CASE(a_failed_write_stops_changes),
        CASE(a_kill_loses_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
