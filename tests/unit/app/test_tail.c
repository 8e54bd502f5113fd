/* SPDX-License-Identifier: MIT */
/* test_tail.c - following files, with a receiver that keeps what it got by key, as servers do. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <sys/stat.h>

#include "app/tail.h"
#include "app/tail_state.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/io.h"

enum { KEYS_MAX = 4096, SECOND = 1000000 };

/* The server: one body a key; the same key again must bring the same body. */
struct receiver {
    char *keys[KEYS_MAX]; /* owned */
    struct buf bodies;    /* every new one, one after another */
    struct hash {
        size_t len;
        uint64_t sum;
    } sums[KEYS_MAX];
    size_t count;
    size_t requests;
    size_t
        lose_answer_at; /* 0: never; this request is stored, but the sender is told of an error */
    char *last_columns; /* owned */
};

static uint64_t sum_of(struct str s)
{
    uint64_t sum = 14695981039346656037U;
    for (size_t i = 0; i < s.len; i++) {
        sum = (sum ^ (unsigned char)s.ptr[i]) * 1099511628211U;
    }
    return sum;
}

static err receive(void *ctx, const struct tail_chunk *chunk, struct errmsg *msg)
{
    struct receiver *r = ctx;
    bool known = false;
    r->requests++;
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->keys[i], chunk->key) == 0) {
            assert_int_equal(r->sums[i].len, chunk->bytes.len);
            assert_int_equal(r->sums[i].sum, sum_of(chunk->bytes));
            known = true;
        }
    }
    if (!known) {
        assert_true(r->count < KEYS_MAX);
        r->keys[r->count] = xstrdup(chunk->key);
        r->sums[r->count].len = chunk->bytes.len;
        r->sums[r->count++].sum = sum_of(chunk->bytes);
        buf_add_str(&r->bodies, chunk->bytes);
    }
    free(r->last_columns);
    r->last_columns = chunk->file->columns == NULL ? NULL : xstrdup(chunk->file->columns);
    return r->requests == r->lose_answer_at ? errmsg_set(msg, ERR_CLOSED, "cut off") : ERR_OK;
}

static void receiver_deinit(struct receiver *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->keys[i]);
    }
    free(r->last_columns);
    buf_deinit(&r->bodies);
}

/* A folder with one log file that is followed. */
struct scene {
    char *dir;
    char *log;
    char *state;
    const char *paths[2];
    size_t path_count;
    struct text_spec spec;
    struct receiver receiver;
    struct buf warnings;
    struct tail *tail;
    int64_t now_us;
    size_t chunk_bytes;
    bool from_end;
};

static void note_warning(void *ctx, const char *text)
{
    struct receiver *r = ctx;
    struct scene *s = (struct scene *)((char *)r - offsetof(struct scene, receiver));
    buf_printf(&s->warnings, "%s\n", text);
}

static void open_tail(struct scene *s)
{
    struct errmsg msg = {0};
    struct tail_options o = {.state_path = s->state,
                             .topic = "t",
                             .paths = s->paths,
                             .path_count = s->path_count,
                             .spec = &s->spec,
                             .from_end = s->from_end,
                             .chunk_bytes = s->chunk_bytes,
                             .line_wait_us = 60LL * SECOND,
                             .rotate_wait_us = 5 * SECOND,
                             .send = receive,
                             .warn = note_warning,
                             .ctx = &s->receiver};
    if (tail_open(&o, &s->tail, &msg) != ERR_OK) {
        fail_msg("%s", msg.text);
    }
}

/* As if killed: nothing is written any more. */
static void reopen(struct scene *s)
{
    tail_free(s->tail);
    s->tail = NULL;
    open_tail(s);
}

static void scene_init(struct scene *s, enum text_format format)
{
    *s = (struct scene){.spec = {.format = format}, .chunk_bytes = 16, .now_us = SECOND};
    s->dir = xasprintf("/tmp/tarn-tail-%s", os_uuid_new().text);
    s->log = xasprintf("%s/log", s->dir);
    s->state = xasprintf("%s/state", s->dir);
    s->paths[0] = s->log;
    s->path_count = 1;
    s->receiver.bodies = buf_make(1 << 20);
    s->warnings = buf_make(1 << 20);
    assert_int_equal(os_mkdirs(s->dir, NULL), ERR_OK);
}

static void scene_deinit(struct scene *s)
{
    tail_free(s->tail);
    receiver_deinit(&s->receiver);
    buf_deinit(&s->warnings);
    text_spec_deinit(&s->spec);
    assert_int_equal(os_remove_tree(s->dir, NULL), ERR_OK);
    free(s->dir);
    free(s->log);
    free(s->state);
}

static void append(const char *path, const char *text)
{
    AUTO_FD fd = -1;
    struct os_stat st;
    assert_int_equal(os_open(path, O_WRONLY | O_CREAT, &fd, NULL), ERR_OK);
    assert_int_equal(os_fstat(fd, &st, NULL), ERR_OK);
    assert_int_equal(os_pwrite(fd, text, strlen(text), st.size_bytes, NULL), ERR_OK);
}

static void move(struct scene *s, const char *to)
{
    AUTO_TEXT path = xasprintf("%s/%s", s->dir, to);
    assert_int_equal(os_rename(s->log, path, NULL), ERR_OK);
}

static void copy_and_cut(struct scene *s, const char *to)
{
    AUTO_TEXT path = xasprintf("%s/%s", s->dir, to);
    AUTO_BUF text = buf_make(1 << 20);
    AUTO_FD fd = -1;
    assert_int_equal(os_read_file(s->log, &text, NULL), ERR_OK);
    append(path, buf_cstr(&text));
    assert_int_equal(os_open(s->log, O_WRONLY, &fd, NULL), ERR_OK);
    assert_int_equal(os_truncate(fd, 0, NULL), ERR_OK);
}

static err steps(struct scene *s)
{
    bool busy = true;
    struct errmsg msg = {0};
    while (busy) {
        err e = tail_step(s->tail, s->now_us, &busy, &msg);
        if (e != ERR_OK) {
            return e;
        }
    }
    s->now_us += SECOND;
    return ERR_OK;
}

static void expect(struct scene *s, const char *text)
{
    assert_int_equal(steps(s), ERR_OK);
    assert_string_equal(buf_cstr(&s->receiver.bodies), text);
}

/* New lines arrive once; what has no line end waits for it, for the time limit, or the rotation. */
static void lines_arrive_once(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    open_tail(&s);
    expect(&s, "");
    append(s.log, "one\ntwo\nthr");
    expect(&s, "one\ntwo\n");
    append(s.log, "ee\n");
    expect(&s, "one\ntwo\nthree\n");
    append(s.log, "a line that is longer than a chunk\nfour");
    expect(&s, "one\ntwo\nthree\na line that is longer than a chunk\n");
    s.now_us += 61LL * SECOND;
    expect(&s, "one\ntwo\nthree\na line that is longer than a chunk\nfour");
    assert_int_equal(tail_bytes(s.tail), s.receiver.bodies.len);
    scene_deinit(&s);
}

/* A renamed file is read to its end, also what is written to it later, then let go. */
static void renamed_files_are_finished(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    append(s.log, "one\n");
    open_tail(&s);
    expect(&s, "one\n");
    append(s.log, "two\nlast");
    move(&s, "log.1");
    append(s.log, "new\n");
    expect(&s, "one\ntwo\nnew\n");
    s.now_us += 10LL * SECOND;
    expect(&s, "one\ntwo\nnew\nlast");
    AUTO_BUF text = buf_make(1 << 20);
    assert_int_equal(os_read_file(s.state, &text, NULL), ERR_OK);
    assert_null(strstr(buf_cstr(&text), "\"rotated\":true"));
    scene_deinit(&s);
}

/* Stopped while there is more, tail says in its state that what was answered is received. */
static void a_stop_while_busy_is_in_the_state(void **state)
{
    (void)state;
    struct scene s;
    bool busy = false;
    scene_init(&s, TEXT_NDJSON);
    for (int i = 0; i < 40; i++) {
        append(s.log, "a line of a chunk\n");
    }
    open_tail(&s);
    assert_int_equal(tail_step(s.tail, s.now_us, &busy, NULL), ERR_OK);
    assert_true(busy);
    assert_int_equal(tail_finish(s.tail, NULL), ERR_OK);
    struct tail_state saved;
    assert_int_equal(tail_state_load(s.state, &saved, NULL), ERR_OK);
    assert_int_equal(saved.files[0].offset, tail_bytes(s.tail));
    assert_int_equal(saved.files[0].pending_end, saved.files[0].offset);
    tail_state_deinit(&saved);
    scene_deinit(&s);
}

/* Every kind of rotation, met while running or after a restart, loses and repeats nothing. */
static void rotations(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        struct scene s;
        scene_init(&s, TEXT_NDJSON);
        append(s.log, "the first line of the log\n");
        open_tail(&s);
        expect(&s, "the first line of the log\n");
        append(s.log, "two\n");
        if (way % 3 == 2) {
            expect(&s, "the first line of the log\ntwo\n");
        }
        if (way >= 3) {
            tail_free(s.tail);
            s.tail = NULL;
        }
        if (way % 3 == 0) {
            move(&s, "log.1");
        } else if (way % 3 == 1) {
            copy_and_cut(&s, "log.1");
        } else {
            assert_int_equal(os_unlink(s.log, NULL), ERR_OK);
        }
        append(s.log, "three, a line after the rotation\n");
        if (way >= 3) {
            open_tail(&s);
        }
        expect(&s, "the first line of the log\ntwo\nthree, a line after the rotation\n");
        reopen(&s);
        append(s.log, "four\n");
        expect(&s, "the first line of the log\ntwo\nthree, a line after the rotation\nfour\n");
        scene_deinit(&s);
    }
}

/* A file of the folder, last written to in the far past (at < 0) or future. */
static void put_file(struct scene *s, const char *name, const char *text, time_t at)
{
    AUTO_TEXT path = xasprintf("%s/%s", s->dir, name);
    at += at < 0 ? 1000000000 : 3000000000;
    struct timespec times[2] = {{.tv_sec = at}, {.tv_sec = at}};
    append(path, text);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Files that got the name and lost it between two looks are read too, in their order; older ones,
 * copies, and those of other logs are not. */
static void files_between_two_looks_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *old;
        const char *followed; /* where it went; NULL: deleted */
        const char *first;
        const char *second;
        const char *other;
    } ways[] = {{"log.4", "log.3", "log.2", "log.1", "log2.1"},
                {"log-20261101", "log-20261102", "log-20261103", "log-20261104", "log2-20261103"},
                {"log.4", NULL, "log.2", "log.1", "log.old"},
                {"log.12", "log.11", "log.10", "log.9", "log.10.gz"}};
    for (size_t way = 0; way < ARRAY_LEN(ways) * 2; way++) {
        size_t w = way / 2;
        bool is_running = way % 2 == 0;
        struct scene s;
        scene_init(&s, TEXT_NDJSON);
        put_file(&s, ways[w].old, "long ago\n", -10000);
        put_file(&s, "log", "the first line of the log\n", -5000);
        open_tail(&s);
        expect(&s, "the first line of the log\n");
        if (!is_running) {
            tail_free(s.tail);
            s.tail = NULL;
        }
        append(s.log, "two\n");
        if (ways[w].followed != NULL) {
            move(&s, ways[w].followed);
            put_file(&s, ways[w].followed, "three\n", -4000);
            put_file(&s, "log.copy", "the first line of the log\ntwo\n", -3500);
        } else {
            assert_int_equal(os_unlink(s.log, NULL), ERR_OK);
        }
        put_file(&s, ways[w].first, "four, of the first one in between\n", 3000);
        put_file(&s, ways[w].second, "five, of the second one\n", 4000);
        put_file(&s, ways[w].other, "of another log\n", 3500);
        put_file(&s, "log", "six\n", 5000);
        if (!is_running) {
            open_tail(&s);
        }
        const char *all = ways[w].followed != NULL
                              ? "the first line of the log\ntwo\nthree\n"
                                "four, of the first one in between\nfive, of the second one\nsix\n"
                          : is_running
                              ? "the first line of the log\ntwo\n"
                                "four, of the first one in between\nfive, of the second one\nsix\n"
                              : "the first line of the log\n" /* two is gone */
                                "four, of the first one in between\nfive, of the second one\nsix\n";
        expect(&s, all);
        reopen(&s);
        expect(&s, all);
        s.now_us += 10LL * SECOND;
        expect(&s, all);
        expect(&s, all);
        scene_deinit(&s);
    }
}

/* What was compressed before it could be read is said; a file that is read while it is being
 * compressed is not. */
static void compressed_files_are_told(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    put_file(&s, "log", "the first line of the log\n", -5000);
    open_tail(&s);
    expect(&s, "the first line of the log\n");
    move(&s, "log.1");
    put_file(&s, "log.1.gz", "half", 1000);
    put_file(&s, "log", "two\n", 2000);
    expect(&s, "the first line of the log\ntwo\n");
    assert_string_equal(buf_cstr(&s.warnings), "");
    s.now_us += 10LL * SECOND;
    expect(&s, "the first line of the log\ntwo\n");
    tail_free(s.tail);
    s.tail = NULL;
    put_file(&s, "log.2.gz", "packed", 3000);
    put_file(&s, "new", "four\n", 4000); /* there before the old one goes: an inode of its own */
    AUTO_TEXT fresh = xasprintf("%s/new", s.dir);
    assert_int_equal(os_rename(fresh, s.log, NULL), ERR_OK);
    open_tail(&s);
    expect(&s, "the first line of the log\ntwo\nfour\n");
    assert_non_null(strstr(buf_cstr(&s.warnings), "log.2.gz: compressed before it was read"));
    scene_deinit(&s);
}

/* A copy that is made before the log is cut is not read beside it. */
static void a_copy_under_way_is_not_read(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    put_file(&s, "log", "the first line of the log\n", -5000);
    open_tail(&s);
    expect(&s, "the first line of the log\n");
    move(&s, "log.2");
    put_file(&s, "log", "the next one, which is copied\nmore\n", -1000);
    put_file(&s, "log.1", "the next one, which is copied\n", 1000);
    expect(&s, "the first line of the log\nthe next one, which is copied\nmore\n");
    scene_deinit(&s);
}

/* A file that begins again with the same bytes is a new one: its lines are new lines. */
static void the_same_beginning_is_no_proof(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    append(s.log, "the same first line\nx\n");
    open_tail(&s);
    expect(&s, "the same first line\nx\n");
    assert_int_equal(os_unlink(s.log, NULL), ERR_OK);
    append(s.log, "the same first line\nx\ny\n");
    expect(&s, "the same first line\nx\nthe same first line\nx\ny\n");
    scene_deinit(&s);
}

/* When the answer to any request is lost and tail is started anew, the chunk goes again under its
 * key, though the file has grown since. */
static void lost_answers(void **state)
{
    (void)state;
    for (size_t at = 1; at <= 6; at++) {
        struct scene s;
        scene_init(&s, TEXT_NDJSON);
        s.receiver.lose_answer_at = at;
        append(s.log, "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n");
        open_tail(&s);
        if (steps(&s) != ERR_OK) {
            append(s.log, "ten\n");
            move(&s, "log.1");
            append(s.log, "eleven\n");
            reopen(&s);
            assert_int_equal(steps(&s), ERR_OK);
            expect(&s, "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\neleven\n");
        }
        scene_deinit(&s);
    }
}

/* A fault in any read, write, sync or rename ends the step with an error; the next run goes on with
 * nothing lost or repeated. */
static void survives_every_fault(void **state)
{
    (void)state;
    unsigned hits = 0;
    for (unsigned at = 1;; at++) {
        struct scene s;
        scene_init(&s, TEXT_NDJSON);
        append(s.log, "the first line of the log\ntwo\nthree\n");
        open_tail(&s);
        os_io_faults_start(OS_IO_ALL, at, EIO, at % 2 == 0);
        err e = steps(&s);
        if (e == ERR_OK) {
            os_io_faults_stop();
            append(s.log, "four\n");
            copy_and_cut(&s, "log.1");
            append(s.log, "five\n");
            os_io_faults_start(OS_IO_ALL, at, EIO, at % 2 == 0);
            (void)steps(&s); /* the fault may be here instead */
        }
        bool hit = os_io_faults_hit();
        os_io_faults_stop();
        if (e != ERR_OK) {
            append(s.log, "four\nfive\n");
        }
        reopen(&s);
        assert_int_equal(steps(&s), ERR_OK);
        expect(&s, "the first line of the log\ntwo\nthree\nfour\nfive\n");
        scene_deinit(&s);
        hits += hit;
        if (!hit) {
            break;
        }
    }
    assert_true(hits > 20);
}

/* From the end: what was there is left out, what comes is not, also in files that come later. */
static void from_the_end(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    s.from_end = true;
    append(s.log, "old\nolder\nhal");
    open_tail(&s);
    expect(&s, "");
    append(s.log, "f\n");
    expect(&s, "half\n");
    move(&s, "log.1");
    append(s.log, "new\n");
    reopen(&s);
    expect(&s, "half\nnew\n");
    scene_deinit(&s);
}

/* A path that cannot be followed holds up no other; the step tells of it. */
static void a_bad_path_stops_no_other(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    s.paths[0] = s.dir; /* no file */
    s.paths[1] = s.log;
    s.path_count = 2;
    append(s.log, "one\n");
    open_tail(&s);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(steps(&s), ERR_INVALID);
        assert_string_equal(buf_cstr(&s.receiver.bodies), i == 0 ? "one\n" : "one\ntwo\n");
        append(s.log, "two\n");
    }
    scene_deinit(&s);
}

/* A known file that may not be read at the start is left alone until it may; others go on. */
static void a_closed_file_stops_no_other(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_NDJSON);
    AUTO_TEXT other = xasprintf("%s/other", s.dir);
    s.paths[1] = other;
    s.path_count = 2;
    append(s.log, "one\n");
    append(other, "a line of the other one\n");
    open_tail(&s);
    expect(&s, "one\na line of the other one\n");
    reopen(&s);
    append(s.log, "two\n");
    append(other, "three\n");
    os_io_faults_start(OS_IO_OPEN, 1, EACCES, 0);
    err e = steps(&s);
    os_io_faults_stop();
    assert_int_equal(e, ERR_DENIED);
    assert_string_equal(buf_cstr(&s.receiver.bodies), "one\na line of the other one\ntwo\n");
    expect(&s, "one\na line of the other one\ntwo\nthree\n");
    scene_deinit(&s);
}

/* A file that is not there when tail starts, with its folder, goes on from where it was when it is
 * back; another file of its name is read from its start. The rest is sent meanwhile. */
static void a_missing_file_is_waited_for(void **state)
{
    (void)state;
    for (int is_another = 0; is_another < 2; is_another++) {
        struct scene s;
        scene_init(&s, TEXT_NDJSON);
        AUTO_TEXT mount = xasprintf("%s/mount", s.dir);
        AUTO_TEXT away = xasprintf("%s/away", s.dir);
        AUTO_TEXT log = xasprintf("%s/log", mount);
        s.paths[1] = log;
        s.path_count = 2;
        assert_int_equal(os_mkdirs(mount, NULL), ERR_OK);
        append(log, "the first line of the log\n");
        open_tail(&s);
        expect(&s, "the first line of the log\n");
        tail_free(s.tail);
        s.tail = NULL;
        assert_int_equal(os_rename(mount, away, NULL), ERR_OK);
        append(s.log, "here\n");
        open_tail(&s);
        for (int i = 0; i < 2; i++) {
            expect(&s, "the first line of the log\nhere\n");
            s.now_us += 100LL * SECOND;
        }
        reopen(&s);
        expect(&s, "the first line of the log\nhere\n");
        if (is_another) {
            assert_int_equal(os_mkdirs(mount, NULL), ERR_OK);
        } else {
            assert_int_equal(os_rename(away, mount, NULL), ERR_OK);
        }
        append(log, "two\n");
        expect(&s, "the first line of the log\nhere\ntwo\n");
        reopen(&s);
        append(log, "three\n");
        expect(&s, "the first line of the log\nhere\ntwo\nthree\n");
        scene_deinit(&s);
    }
}

/* CSV: chunks end with records, the header is read once and goes with each file. */
static void csv_records(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, TEXT_CSV);
    append(s.log, "\xef\xbb\xbf"
                  "a;\"b;\"\"c\"\n1;\"x\ny\"\n2;\"op");
    open_tail(&s);
    expect(&s, "1;\"x\ny\"\n");
    assert_string_equal(s.receiver.last_columns, "\"a\",\"b;\"\"c\"");
    append(s.log, "en\nend\"\n");
    reopen(&s);
    expect(&s, "1;\"x\ny\"\n2;\"open\nend\"\n");
    move(&s, "log.1");
    append(s.log, "z\n");
    expect(&s, "1;\"x\ny\"\n2;\"open\nend\"\n");
    append(s.log, "7\n");
    expect(&s, "1;\"x\ny\"\n2;\"open\nend\"\n7\n");
    assert_string_equal(s.receiver.last_columns, "\"z\"");
    scene_deinit(&s);
}

/* CSV without a header: a first record without its line end is sent after the time limit and when
 * the file is rotated. A header without its end waits: its rest may come. */
static void a_first_csv_record_needs_no_line_end(void **state)
{
    (void)state;
    for (int is_rotated = 0; is_rotated < 2; is_rotated++) {
        struct scene s;
        scene_init(&s, TEXT_CSV);
        s.spec.header = CSV_HEADER_NO;
        append(s.log, "\xef\xbb\xbf");
        open_tail(&s);
        expect(&s, "");
        s.now_us += 61LL * SECOND;
        expect(&s, "");
        append(s.log, "1;2");
        expect(&s, "");
        if (is_rotated) {
            move(&s, "log.1");
            expect(&s, "");
            s.now_us += 6LL * SECOND;
        } else {
            s.now_us += 61LL * SECOND;
        }
        expect(&s, "1;2");
        assert_string_equal(s.receiver.last_columns, "");
        scene_deinit(&s);
    }
    struct scene s;
    scene_init(&s, TEXT_CSV);
    append(s.log, "a;b");
    open_tail(&s);
    expect(&s, "");
    s.now_us += 61LL * SECOND;
    expect(&s, "");
    append(s.log, "c\n1;2\n");
    expect(&s, "1;2\n");
    assert_string_equal(s.receiver.last_columns, "\"a\",\"bc\"");
    scene_deinit(&s);
}

/* A state file comes back as it was written; one that is damaged or of another topic is refused. */
static void states(void **state)
{
    (void)state;
    static const char sample[] =
        "{\"version\":1,\"topic\":\"t\",\"files\":[{\"path\":\"/var/log/a\",\"id\":\"x\","
        "\"device\":\"000000000000fe00\",\"inode\":\"0000000000a403fd\","
        "\"head_bytes\":256,\"head\":"
        "\"915d3a4ea6b6a8b6\",\"anchor_bytes\":16,\"anchor\":\"5e969337a0782949\",\"offset\":100,"
        "\"pending_end\":200,\"rotated\":true,\"columns\":\"\\\"a\\\"\",\"delimiter\":44,"
        "\"quote\":34}]}\n";
    struct tail_state s;
    AUTO_BUF again = buf_make(1 << 20);
    assert_int_equal(tail_state_decode(STR(sample), &s, NULL), ERR_OK);
    assert_int_equal(s.files[0].inode, 0xa403fd);
    assert_int_equal(s.files[0].pending_end, 200);
    assert_int_equal(tail_state_encode(&s, &again), ERR_OK);
    assert_string_equal(buf_cstr(&again), sample);
    tail_state_deinit(&s);
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"version\":1,\"topic\":\"t\"}",
                                      "{\"version\":1,\"topic\":\"t\",\"files\":[{}]}",
                                      "{\"version\":1,\"topic\":\"t\",\"files\":[3]}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(tail_state_decode(str_from(bad[i]), &s, NULL), ERR_CORRUPT);
        tail_state_deinit(&s);
    }
    assert_int_equal(
        tail_state_decode(STR("{\"version\":2,\"topic\":\"t\",\"files\":[]}"), &s, NULL),
        ERR_UNSUPPORTED);
    tail_state_deinit(&s);
    for (size_t cut = 0; cut + 2 < sizeof sample; cut++) {
        assert_int_equal(tail_state_decode(str_of(sample, cut), &s, NULL), ERR_CORRUPT);
        tail_state_deinit(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_arrive_once),
        cmocka_unit_test(renamed_files_are_finished),
        cmocka_unit_test(a_stop_while_busy_is_in_the_state),
        cmocka_unit_test(rotations),
        cmocka_unit_test(files_between_two_looks_are_read),
        cmocka_unit_test(compressed_files_are_told),
        cmocka_unit_test(a_copy_under_way_is_not_read),
        cmocka_unit_test(the_same_beginning_is_no_proof),
        cmocka_unit_test(lost_answers),
        cmocka_unit_test(survives_every_fault),
        cmocka_unit_test(from_the_end),
        cmocka_unit_test(a_bad_path_stops_no_other),
        cmocka_unit_test(a_closed_file_stops_no_other),
        cmocka_unit_test(a_missing_file_is_waited_for),
        cmocka_unit_test(csv_records),
        cmocka_unit_test(a_first_csv_record_needs_no_line_end),
        cmocka_unit_test(states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
