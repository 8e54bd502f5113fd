/* SPDX-License-Identifier: MIT */
/* test_file.c - files through the table of system calls, and what happens when one of them
 * fails. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <unistd.h>

#include "base/base.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/io.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/tarn-os-%s", os_uuid_new().text);
    return os_mkdirs(root, NULL) == ERR_OK ? 0 : -1;
}

static int drop_root(void **state)
{
    (void)state;
    return os_remove_tree(root, NULL) == ERR_OK ? 0 : -1;
}

static void replace_is_whole_or_not_at_all(void **state)
{
    /* Whatever call fails while a file is replaced, it afterwards holds the old or the new text,
     * and nothing temporary is left. */
    (void)state;
    AUTO_TEXT path = xasprintf("%s/file", root);
    for (unsigned n = 1;; n++) {
        assert_int_equal(os_replace_file(path, STR("old"), NULL), ERR_OK);
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        err e = os_replace_file(path, STR("new"), NULL);
        int hit = os_io_faults_hit();
        os_io_faults_stop();
        AUTO_BUF text = buf_make(100);
        assert_int_equal(os_read_file(path, &text, NULL), ERR_OK);
        const char *now = buf_cstr(&text);
        if (e == ERR_OK) {
            assert_string_equal(now, "new");
        } else {
            assert_true(strcmp(now, "old") == 0 || strcmp(now, "new") == 0);
        }
        AUTO_NAMES names = {0};
        assert_int_equal(os_list(root, &names, NULL), ERR_OK);
        assert_int_equal(names.count, 1);
        if (!hit) {
            assert_int_equal(e, ERR_OK);
            assert_true(n > 4);
            return;
        }
    }
}

static void errors_have_their_codes(void **state)
{
    /* What the kernel says becomes the code that callers decide by, and the words name the path. */
    (void)state;
    struct errmsg msg = {0};
    int fd = -1;
    AUTO_TEXT missing = xasprintf("%s/none", root);
    assert_int_equal(os_open(missing, O_RDONLY, &fd, &msg), ERR_NOT_FOUND);
    assert_non_null(strstr(msg.text, missing));
    assert_int_equal(os_mkdirs(missing, NULL), ERR_OK);
    assert_int_equal(os_unlink(missing, NULL), ERR_IO); /* EISDIR */
    AUTO_TEXT a = xasprintf("%s/a", root);
    AUTO_TEXT b = xasprintf("%s/b", root);
    assert_int_equal(os_replace_file(a, STR("a"), NULL), ERR_OK);
    assert_int_equal(os_replace_file(b, STR("b"), NULL), ERR_OK);
    assert_int_equal(os_link(a, b, NULL), ERR_EXISTS);
    os_io_faults_start(OS_IO_SPACE, 1, ENOSPC, 0);
    assert_int_equal(os_open(a, O_RDWR, &fd, NULL), ERR_OK);
    assert_int_equal(os_reserve(fd, 0, 4096, NULL), ERR_NOSPACE);
    os_io_faults_stop();
    os_close(fd);
}

static void reads_end_where_the_file_ends(void **state)
{
    /* A read returns what is there, and reading a file past its limit is refused. */
    (void)state;
    AUTO_TEXT path = xasprintf("%s/text", root);
    assert_int_equal(os_replace_file(path, STR("0123456789"), NULL), ERR_OK);
    AUTO_FD fd = -1;
    assert_int_equal(os_open(path, O_RDONLY, &fd, NULL), ERR_OK);
    char bytes[20];
    size_t got = 0;
    assert_int_equal(os_pread(fd, bytes, sizeof bytes, 4, &got, NULL), ERR_OK);
    assert_int_equal(got, 6);
    AUTO_BUF exact = buf_make(10);
    assert_int_equal(os_read_file(path, &exact, NULL), ERR_OK);
    assert_int_equal(exact.len, 10);
    AUTO_BUF small = buf_make(9);
    assert_int_equal(os_read_file(path, &small, NULL), ERR_TOO_LARGE);
}

static void pipes_are_read_to_their_end(void **state)
{
    /* What has no size and no offsets is read like a file: all of it, or TOO_LARGE. */
    (void)state;
    for (size_t max = 9; max <= 11; max++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], "0123456789", 10), 10);
        assert_int_equal(close(ends[1]), 0);
        AUTO_TEXT path = xasprintf("/dev/fd/%d", ends[0]);
        AUTO_BUF text = buf_make(max);
        assert_int_equal(os_read_file(path, &text, NULL), max < 10 ? ERR_TOO_LARGE : ERR_OK);
        assert_int_equal(close(ends[0]), 0);
        if (max >= 10) {
            assert_true(str_is(buf_str(&text), "0123456789"));
        }
    }
}

static void a_lock_has_one_owner(void **state)
{
    /* The second taker of a lock is told so, until the first lets go. */
    (void)state;
    AUTO_TEXT path = xasprintf("%s/lock", root);
    int first = -1;
    int second = -1;
    assert_int_equal(os_lock_file(path, &first, NULL), ERR_OK);
    assert_int_equal(os_lock_file(path, &second, NULL), ERR_BUSY);
    os_close(first);
    assert_int_equal(os_lock_file(path, &second, NULL), ERR_OK);
    os_close(second);
}

static void trees_go_without_following_links(void **state)
{
    /* Removing a tree removes a symbolic link, never what it points to. */
    (void)state;
    AUTO_TEXT outside = xasprintf("%s/outside", root);
    AUTO_TEXT inside = xasprintf("%s/tree/deep", root);
    AUTO_TEXT link = xasprintf("%s/tree/deep/link", root);
    AUTO_TEXT tree = xasprintf("%s/tree", root);
    assert_int_equal(os_replace_file(outside, STR("kept"), NULL), ERR_OK);
    assert_int_equal(os_mkdirs(inside, NULL), ERR_OK);
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(os_remove_tree(tree, NULL), ERR_OK);
    assert_false(os_exists(tree));
    assert_true(os_exists(outside));
    assert_int_equal(os_remove_tree(tree, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replace_is_whole_or_not_at_all, make_root, drop_root),
        cmocka_unit_test_setup_teardown(errors_have_their_codes, make_root, drop_root),
        cmocka_unit_test_setup_teardown(reads_end_where_the_file_ends, make_root, drop_root),
        cmocka_unit_test(pipes_are_read_to_their_end),
        cmocka_unit_test_setup_teardown(a_lock_has_one_owner, make_root, drop_root),
        cmocka_unit_test_setup_teardown(trees_go_without_following_links, make_root, drop_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
