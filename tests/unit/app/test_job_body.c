/* SPDX-License-Identifier: MIT */
/* test_job_body.c - a file on its way is stored whole, its head are whole records, and the pipe
 * ends when it is told to. */
#include "app/job_body.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/file.h"

struct rig {
    char dir[96];
    struct job_body *body;
    struct buf sent;
};

static void rig_open(struct rig *r, uint64_t head_records)
{
    (void)snprintf(r->dir, sizeof r->dir, "/tmp/tarn-test-job-body-%llx",
                   (unsigned long long)os_random_u64());
    r->sent = buf_make(64 << 20);
    assert_int_equal(os_mkdirs(r->dir, NULL), ERR_OK);
    assert_int_equal(job_body_new(r->dir, head_records, ',', '\0', &r->body, NULL), ERR_OK);
}

static void rig_close(struct rig *r)
{
    job_body_remove(r->body);
    assert_false(os_exists(job_body_path(r->body)));
    job_body_free(r->body);
    buf_deinit(&r->sent);
    assert_int_equal(os_remove_tree(r->dir, NULL), ERR_OK);
}

/* Pieces of all sizes, up to `bytes` in all. */
static void add_lines(struct rig *r, size_t bytes)
{
    for (size_t i = 0; r->sent.len < bytes; i++) {
        AUTO_BUF piece = buf_make(1 << 20);
        for (size_t line = 0; line < 1 + i * 7919 % 5000; line++) {
            buf_printf(&piece, "%zu,\"row\n%zu\"\n", i, line);
        }
        assert_int_equal(job_body_add(r->body, buf_str(&piece), NULL), ERR_OK);
        buf_add_str(&r->sent, buf_str(&piece));
    }
}

static void assert_file(const char *path, struct str wanted)
{
    AUTO_BUF text = buf_make(64 << 20);
    assert_int_equal(os_read_file(path, &text, NULL), ERR_OK);
    assert_true(str_eq(buf_str(&text), wanted));
}

/* What is added lies in the file in its order, and the head is its first records, whole. */
static void all_is_stored(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1000);
    assert_int_equal(job_body_add(r.body, STR("a,b\n"), NULL), ERR_OK);
    buf_puts(&r.sent, "a,b\n");
    assert_false(job_body_has_head(r.body));
    assert_false(job_body_pass(r.body)); /* nobody reads */
    add_lines(&r, 3 << 20);
    assert_int_equal(job_body_flush(r.body, NULL), ERR_OK);
    assert_int_equal(job_body_bytes(r.body), r.sent.len);
    assert_file(job_body_path(r.body), buf_str(&r.sent));
    assert_true(job_body_has_head(r.body));
    struct os_stat head;
    assert_int_equal(os_stat(job_body_head_path(r.body), &head, NULL), ERR_OK);
    assert_true(head.size_bytes > 10000);
    struct str first = str_of(r.sent.data, head.size_bytes);
    assert_true(str_ends(first, STR("\"\n")));
    assert_file(job_body_head_path(r.body), first);
    rig_close(&r);
}

/* A beginning that is no CSV has no head, and one that is not asked for has none either. */
static void no_head(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1);
    static char zeros[1 << 20];
    memcpy(zeros, "PAR1", 4);
    assert_int_equal(job_body_add(r.body, str_of(zeros, sizeof zeros), NULL), ERR_OK);
    assert_false(job_body_has_head(r.body));
    rig_close(&r);
    rig_open(&r, 0);
    add_lines(&r, 1 << 20);
    assert_false(job_body_has_head(r.body));
    assert_false(os_exists(job_body_pipe_path(r.body)));
    rig_close(&r);
}

/* The pipe gives what is stored and goes on until its end; a reader that goes away breaks nothing,
 * and one that comes again is not kept waiting. */
static void the_pipe_gives_what_is_stored(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    struct rig r;
    rig_open(&r, 1);
    static char got[1 << 20];
    add_lines(&r, 600 << 10);
    AUTO_FD reader = open(job_body_pipe_path(r.body), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_true(job_body_has_head(r.body));
    assert_true(job_body_bytes(r.body) < 900 << 10); /* it fits the pipe */
    assert_true(job_body_pass(r.body));
    assert_true(job_body_is_passed(r.body));
    size_t len = 0;
    for (ssize_t n; (n = read(reader, got + len, sizeof got - len)) > 0;) {
        len += (size_t)n;
    }
    assert_int_equal(len, job_body_bytes(r.body));
    assert_memory_equal(got, r.sent.data, len);
    assert_int_equal(read(reader, got, sizeof got), -1); /* not the end: more may come */
    job_body_end(r.body);
    assert_int_equal(read(reader, got, sizeof got), 0);
    os_close(os_take_fd(&reader));
    rig_close(&r);

    rig_open(&r, 1);
    add_lines(&r, 600 << 10);
    reader = open(job_body_pipe_path(r.body), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(job_body_pass(r.body));
    os_close(os_take_fd(&reader));
    add_lines(&r, 1200 << 10);
    assert_false(job_body_pass(r.body));
    assert_false(job_body_is_passed(r.body));
    reader = open(job_body_pipe_path(r.body), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_false(job_body_pass(r.body));
    assert_int_equal(read(reader, got, sizeof got), 0);
    os_close(os_take_fd(&reader));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_stored),
        cmocka_unit_test(no_head),
        cmocka_unit_test(the_pipe_gives_what_is_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
