/* SPDX-License-Identifier: MIT */
/* test_commit.c - commits as others see them: created, appended, raced, failed half-way. */
#include <errno.h>
#include <pthread.h>

#include "lake_test.h"

#include "lake/commit_int.h"
#include "lake/history.h"
#include "os/io.h"

/* A new table is at version 0, asks for R1/W2 without feature lists, and reads back as written. */
static void created_table_reads_back(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    assert_false(lake_table_exists(dir));
    AUTO(lake_snapshot) made = test_create_table(dir, NULL);
    AUTO(lake_snapshot) read = NULL;
    assert_true(lake_table_exists(dir));
    assert_ok(lake_snapshot_load(dir, -1, NULL, &read, msg));
    const struct lake_snapshot *both[] = {made, read};
    for (size_t i = 0; i < 2; i++) {
        const struct lake_metadata *m = lake_snapshot_metadata(both[i]);
        const struct lake_protocol *p = lake_snapshot_protocol(both[i]);
        assert_int_equal(lake_snapshot_version(both[i]), 0);
        assert_int_equal(p->reader_version, 1);
        assert_int_equal(p->writer_version, 2);
        assert_false(p->has_reader_features || p->has_writer_features);
        assert_int_equal(m->field_count, 3);
        assert_true(str_is(m->fields[0].name, "id") && str_is(m->fields[0].type, "long"));
        assert_true(str_is(m->partition_columns[0], "_date"));
        assert_true(m->id.len == 36);
    }
    AUTO_BUF text = buf_make(1 << 20);
    struct lake_log_stamp stamp;
    assert_ok(lake_log_read_commit(dir, 0, &text, &stamp, msg));
    assert_null(strstr(buf_cstr(&text), "Features"));
    assert_true(str_starts(buf_str(&text), STR("{\"commitInfo\":")));
    test_dir_drop(dir);
}

/* Creating a table where one is must fail and leave it as it is. */
static void second_create_is_refused(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    lake_snapshot_unref(test_create_table(dir, NULL));
    AUTO(lake_commit) c = lake_commit_new("CREATE TABLE");
    struct lake_snapshot *s = NULL;
    lake_commit_create_table(c, STR("other"), STR(""), NULL, 0);
    assert_ok(lake_commit_add_column(c, STR("x"), STR("long"), true, msg));
    assert_int_equal(lake_commit_run(c, dir, NULL, NULL, &s, NULL, NULL), ERR_EXISTS);
    assert_null(s);
    AUTO(lake_snapshot) read = NULL;
    assert_ok(lake_snapshot_load(dir, -1, NULL, &read, msg));
    assert_true(str_is(lake_snapshot_metadata(read)->name, "test"));
    test_dir_drop(dir);
}

/* Files, sizes, rows and txns add up over commits, in the committer's snapshot, in a refreshed and
 * in a loaded one, and at every version asked for. */
static void appends_add_up(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    struct lake_snapshot *s = test_create_table(dir, NULL);
    AUTO(lake_snapshot) old = lake_snapshot_ref(s);
    for (int i = 1; i <= 40; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "date=2026-11-20/%d a.parquet", i);
        s = test_append(s, path, i * 100 - 1, NULL, NULL);
        AUTO(lake_snapshot) read = NULL;
        assert_ok(lake_snapshot_load(dir, -1, NULL, &read, msg));
        assert_int_equal(lake_snapshot_file_count(read), i);
    }
    AUTO(lake_snapshot) fresh = NULL;
    AUTO(lake_snapshot) loaded = NULL;
    AUTO(lake_snapshot) past = NULL;
    assert_ok(lake_snapshot_refresh(old, &fresh, msg));
    assert_ok(lake_snapshot_load(dir, -1, NULL, &loaded, msg));
    assert_ok(lake_snapshot_load(dir, 7, NULL, &past, msg));
    const struct lake_snapshot *all[] = {s, fresh, loaded};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(lake_snapshot_version(all[i]), 40);
        assert_int_equal(lake_snapshot_file_count(all[i]), 40);
        assert_int_equal(lake_snapshot_size_bytes(all[i]), 40000);
        assert_int_equal(lake_snapshot_row_count(all[i]), 400);
        assert_int_equal(lake_snapshot_txn(all[i], STR("tarn/t/0"))->version, 3999);
        assert_true(lake_snapshot_txn(all[i], STR("tarn/t/0"))->last_updated_ms > 0);
        assert_true(test_has_file(all[i], "date=2026-11-20/17 a.parquet"));
    }
    assert_int_equal(lake_snapshot_file_count(past), 7);
    assert_int_equal(lake_snapshot_txn(past, STR("tarn/t/0"))->version, 699);
    assert_int_equal(lake_snapshot_file_count(old), 0);
    assert_int_equal(lake_snapshot_load(dir, 41, NULL, &past, NULL), ERR_NOT_FOUND);
    lake_snapshot_unref(s);
    test_dir_drop(dir);
}

/* New columns come with the data that has them, in one version; a column that is there already with
 * its type is no change, with another type a conflict. */
static void schema_grows_with_the_data(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    AUTO(lake_snapshot) s = test_create_table(dir, NULL);
    AUTO(lake_snapshot) grown = NULL;
    AUTO(lake_commit) c = lake_commit_new("WRITE");
    assert_ok(lake_commit_add_column(c, STR("price"), STR("double"), true, msg));
    assert_ok(lake_commit_add_column(c, STR("id"), STR("long"), true, msg));
    lake_commit_set_config(c, STR("tarn.nullFields"), STR("[\"x\"]"));
    test_add_file(c, "a.parquet");
    assert_ok(lake_commit_run(c, dir, s, NULL, &grown, NULL, msg));
    assert_int_equal(lake_snapshot_version(grown), 1);
    assert_int_equal(lake_snapshot_metadata(grown)->field_count, 4);
    assert_true(str_is(lake_snapshot_field(grown, STR("PRICE"))->type, "double"));
    struct str value;
    assert_true(lake_snapshot_config(grown, STR("tarn.nullFields"), &value));
    assert_true(str_is(value, "[\"x\"]"));
    assert_true(str_eq(lake_snapshot_metadata(grown)->id, lake_snapshot_metadata(s)->id));

    AUTO(lake_commit) wrong = lake_commit_new("WRITE");
    struct lake_snapshot *none = NULL;
    assert_ok(lake_commit_add_column(wrong, STR("price"), STR("string"), true, msg));
    assert_int_equal(lake_commit_run(wrong, dir, grown, NULL, &none, NULL, NULL), ERR_CONFLICT);
    assert_int_equal(lake_commit_add_column(wrong, STR("a b"), STR("long"), true, NULL),
                     ERR_INVALID);
    assert_int_equal(lake_commit_add_column(wrong, STR("ab"), STR("bigint"), true, NULL),
                     ERR_INVALID);
    test_dir_drop(dir);
}

#define FIELD(name, type)                                                                          \
    "{\"name\":\"" name "\",\"type\":" type ",\"nullable\":true,\"metadata\":{}}"
#define STRUCT_OF(fields) "{\"type\":\"struct\",\"fields\":[" fields "]}"
#define ARRAY_OF(type) "{\"type\":\"array\",\"elementType\":" type ",\"containsNull\":true}"

/* Structs get the members that a commit's column has more, at any depth, and what was noted about
 * the others stays; a member of another type is a conflict. */
static void structs_grow_by_members(void **state)
{
    (void)state;
    static const char noted[] = "{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":"
                                "{\"comment\":\"kept\"}}";
    char dir[128];
    test_dir_make(dir);
    AUTO(lake_snapshot) s = test_create_table(dir, NULL);
    AUTO(lake_snapshot) nested = NULL;
    AUTO(lake_commit) first = lake_commit_new("WRITE");
    AUTO_TEXT type = xasprintf("{\"type\":\"struct\",\"fields\":[%s," FIELD(
                                   "l", ARRAY_OF(STRUCT_OF(FIELD("x", "\"double\"")))) "]}",
                               noted);
    assert_ok(lake_commit_add_column(first, STR("s"), str_from(type), true, msg));
    assert_ok(lake_commit_run(first, dir, s, NULL, &nested, NULL, msg));

    AUTO(lake_commit) more = lake_commit_new("WRITE");
    AUTO(lake_snapshot) grown = NULL;
    assert_ok(
        lake_commit_add_column(more, STR("s"),
                               STR(STRUCT_OF(FIELD("b", "\"string\"") "," FIELD(
                                   "l", ARRAY_OF(STRUCT_OF(FIELD("y", ARRAY_OF("\"date\""))))))),
                               true, msg));
    assert_ok(lake_commit_run(more, dir, nested, NULL, &grown, NULL, msg));
    AUTO_TEXT wanted =
        xasprintf("{\"type\":\"struct\",\"fields\":[%s," FIELD(
                      "l", ARRAY_OF(STRUCT_OF(FIELD("x", "\"double\"") "," FIELD(
                               "y", ARRAY_OF("\"date\""))))) "," FIELD("b", "\"string\"") "]}",
                  noted);
    struct str now = lake_snapshot_field(grown, STR("s"))->type;
    assert_string_equal(now.ptr, wanted);

    /* The same again is no change of the schema. */
    AUTO(lake_commit) again = lake_commit_new("WRITE");
    AUTO(lake_snapshot) same = NULL;
    assert_ok(lake_commit_add_column(again, STR("s"), str_from(wanted), true, msg));
    test_add_file(again, "a.parquet");
    assert_ok(lake_commit_run(again, dir, grown, NULL, &same, NULL, msg));
    assert_ptr_equal(lake_snapshot_metadata(same), lake_snapshot_metadata(grown));

    static const char *const wrong[] = {
        STRUCT_OF(FIELD("a", "\"string\"")),
        STRUCT_OF(FIELD("A", "\"long\"")),
        STRUCT_OF(FIELD("l", "\"long\"")),
        STRUCT_OF(FIELD("l", ARRAY_OF("\"long\""))),
        ARRAY_OF("\"long\""),
        "long",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        AUTO(lake_commit) c = lake_commit_new("WRITE");
        struct lake_snapshot *none = NULL;
        assert_ok(lake_commit_add_column(c, STR("s"), str_from(wrong[i]), true, msg));
        assert_int_equal(lake_commit_run(c, dir, same, NULL, &none, NULL, NULL), ERR_CONFLICT);
    }
    test_dir_drop(dir);
}

/* What is no type that tarn writes is refused before anything is planned. */
static void nested_types_are_checked(void **state)
{
    (void)state;
    static const char *const no_types[] = {
        "{",
        "{}",
        "[]",
        "{\"type\":\"struct\"}",
        STRUCT_OF(""),
        STRUCT_OF(FIELD("a b", "\"long\"")),
        STRUCT_OF(FIELD("a", "\"bigint\"")),
        ARRAY_OF("\"void\""),
        ARRAY_OF("7"),
        "{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":\"long\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(no_types); i++) {
        AUTO(lake_commit) c = lake_commit_new("WRITE");
        assert_int_equal(lake_commit_add_column(c, STR("n"), str_from(no_types[i]), true, NULL),
                         ERR_INVALID);
    }
}

/* A committer whose base is old lands on top of the winners; one whose appId a winner moved, or
 * whose new column a winner made with another type, gets a conflict and writes nothing. */
static void loser_of_a_race_plans_on_the_winner(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    AUTO(lake_snapshot) base = test_create_table(dir, NULL);
    lake_snapshot_unref(test_append(lake_snapshot_ref(base), "w.parquet", 10, NULL, NULL));

    AUTO(lake_commit) blind = lake_commit_new("WRITE");
    AUTO(lake_snapshot) both = NULL;
    struct lake_commit_result result;
    test_add_file(blind, "b.parquet");
    lake_commit_set_txn(blind, STR("tarn/other/0"), 5);
    assert_ok(lake_commit_add_column(blind, STR("price"), STR("double"), true, msg));
    assert_ok(lake_commit_run(blind, dir, base, NULL, &both, &result, msg));
    assert_int_equal(result.version, 2);
    assert_int_equal(result.attempts, 2);
    assert_true(test_has_file(both, "w.parquet") && test_has_file(both, "b.parquet"));

    struct errmsg detail = {{0}};
    struct lake_snapshot *none = NULL;
    AUTO(lake_commit) doubled = lake_commit_new("WRITE");
    test_add_file(doubled, "d.parquet");
    lake_commit_set_txn(doubled, STR("tarn/t/0"), 10);
    assert_int_equal(lake_commit_run(doubled, dir, base, NULL, &none, NULL, &detail), ERR_CONFLICT);
    assert_non_null(strstr(detail.text, "tarn/t/0"));

    AUTO(lake_commit) typed = lake_commit_new("WRITE");
    assert_ok(lake_commit_add_column(typed, STR("price"), STR("long"), true, msg));
    test_add_file(typed, "t.parquet");
    assert_int_equal(lake_commit_run(typed, dir, base, NULL, &none, NULL, &detail), ERR_CONFLICT);

    AUTO(lake_commit) same = lake_commit_new("WRITE");
    AUTO(lake_snapshot) last = NULL;
    assert_ok(lake_commit_add_column(same, STR("price"), STR("double"), true, msg));
    test_add_file(same, "s.parquet");
    assert_ok(lake_commit_run(same, dir, base, NULL, &last, NULL, msg));
    assert_int_equal(lake_snapshot_version(last), 3);
    assert_int_equal(lake_snapshot_metadata(last)->field_count, 4);
    test_dir_drop(dir);
}

/* Two commits that remove one file: the second must fail, or rows would be compacted twice. */
static void removing_twice_conflicts(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    AUTO(lake_snapshot)
    base = test_append(test_create_table(dir, NULL), "a.parquet", 1, NULL, NULL);
    struct lake_file_iter it = lake_snapshot_files(base);
    const struct lake_file *file = lake_files_next(&it);
    AUTO(lake_commit) first = lake_commit_new("OPTIMIZE");
    AUTO(lake_commit) second = lake_commit_new("OPTIMIZE");
    lake_commit_remove_file(first, file, false);
    lake_commit_remove_file(second, file, false);
    test_add_file(first, "b.parquet");
    test_add_file(second, "c.parquet");
    AUTO(lake_snapshot) s = NULL;
    struct lake_snapshot *none = NULL;
    assert_ok(lake_commit_run(first, dir, base, NULL, &s, NULL, msg));
    assert_int_equal(lake_commit_run(second, dir, base, NULL, &none, NULL, NULL), ERR_CONFLICT);
    AUTO(lake_snapshot) read = NULL;
    assert_ok(lake_snapshot_load(dir, -1, NULL, &read, msg));
    assert_int_equal(lake_snapshot_file_count(read), 1);
    assert_true(test_has_file(read, "b.parquet"));
    struct lake_file_iter dead = lake_snapshot_tombstones(read);
    assert_true(str_is(lake_files_next(&dead)->path, "a.parquet"));
    test_dir_drop(dir);
}

/* Paths outside of the table, partition values that do not fit, and a path named twice are
 * refused. */
static void bad_files_are_refused(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    AUTO(lake_snapshot) base = test_create_table(dir, NULL);
    static const char *const bad[] = {"", "/etc/passwd", "../a", "a/../../b", "_delta_log/x", "a/"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(lake_commit) c = lake_commit_new("WRITE");
        struct lake_new_file file = {.path = str_from(bad[i])};
        assert_int_equal(lake_commit_add_file(c, &file, NULL), ERR_INVALID);
    }
    struct lake_snapshot *none = NULL;
    AUTO(lake_commit) bare = lake_commit_new("WRITE");
    struct lake_new_file file = {.path = STR("a.parquet"), .num_records = 1};
    assert_ok(lake_commit_add_file(bare, &file, msg));
    assert_int_equal(lake_commit_run(bare, dir, base, NULL, &none, NULL, NULL), ERR_INVALID);
    AUTO(lake_commit) twice = lake_commit_new("WRITE");
    test_add_file(twice, "a.parquet");
    test_add_file(twice, "a.parquet");
    assert_int_equal(lake_commit_run(twice, dir, base, NULL, &none, NULL, NULL), ERR_INVALID);
    AUTO(lake_snapshot) read = NULL;
    assert_ok(lake_snapshot_load(dir, -1, NULL, &read, msg));
    assert_int_equal(lake_snapshot_version(read), 0);
    test_dir_drop(dir);
}

/* How a commit under faults may end, seen with a disk that works again: it is in the log once, or
 * not at all; ERR_OK only if it is; and the same object run again brings it in exactly once. */
static void check_after_fault(const char *dir, struct lake_commit *c, struct lake_snapshot *base,
                              err result)
{
    AUTO(lake_snapshot) seen = NULL;
    assert_ok(lake_snapshot_load(dir, -1, &fake_parquet, &seen, msg));
    bool is_in = test_has_file(seen, "x.parquet");
    assert_int_equal(lake_snapshot_version(seen), is_in ? 2 : 1);
    assert_true(result != ERR_OK || is_in);
    if (is_in) {
        assert_int_equal(lake_snapshot_txn(seen, STR("tarn/t/0"))->version, 20);
    }
    if (result != ERR_OK) {
        AUTO(lake_snapshot) again = NULL;
        struct lake_commit_result second;
        assert_ok(lake_commit_run(c, dir, base, &fake_parquet, &again, &second, msg));
        assert_int_equal(lake_snapshot_version(again), 2);
        assert_true(test_has_file(again, "x.parquet"));
        assert_int_equal(lake_snapshot_file_count(again), 2);
    }
}

/* Whatever call fails, whatever way it fails, a commit is never torn and never doubled. */
static void commit_survives_every_fault(void **state)
{
    (void)state;
    static const int errors[] = {EIO, ENOSPC};
    for (size_t kind = 0; kind < ARRAY_LEN(errors) * 2; kind++) {
        bool hit = true;
        for (unsigned n = 1; hit; n++) {
            assert_true(n < 200);
            char dir[128];
            test_dir_make(dir);
            AUTO(lake_snapshot)
            base = test_append(test_create_table(dir, NULL), "a.parquet", 10, NULL, NULL);
            AUTO(lake_commit) c = lake_commit_new("WRITE");
            AUTO(lake_snapshot) s = NULL;
            test_add_file(c, "x.parquet");
            lake_commit_set_txn(c, STR("tarn/t/0"), 20);
            lake_commit_set_config(c, STR("delta.checkpointInterval"), STR("1"));
            os_io_faults_start(OS_IO_ALL, n, errors[kind / 2], kind % 2);
            err result = lake_commit_run(c, dir, base, &fake_parquet, &s, NULL, NULL);
            hit = os_io_faults_hit() != 0;
            os_io_faults_stop();
            check_after_fault(dir, c, base, result);
            assert_true(hit || result == ERR_OK);
            test_dir_drop(dir);
        }
    }
}

/* A table that failed to be created can be created by the same object, once. */
static void create_survives_every_fault(void **state)
{
    (void)state;
    bool hit = true;
    for (unsigned n = 1; hit; n++) {
        assert_true(n < 200);
        char dir[128];
        test_dir_make(dir);
        AUTO(lake_commit) c = lake_commit_new("CREATE TABLE");
        AUTO(lake_snapshot) s = NULL;
        lake_commit_create_table(c, STR("t"), STR(""), NULL, 0);
        assert_ok(lake_commit_add_column(c, STR("x"), STR("long"), true, msg));
        os_io_faults_start(OS_IO_ALL, n, EIO, 0);
        err result = lake_commit_run(c, dir, NULL, NULL, &s, NULL, NULL);
        hit = os_io_faults_hit() != 0;
        os_io_faults_stop();
        if (result != ERR_OK) {
            assert_ok(lake_commit_run(c, dir, NULL, NULL, &s, NULL, msg));
        }
        assert_int_equal(lake_snapshot_version(s), 0);
        AUTO(lake_snapshot) read = NULL;
        assert_ok(lake_snapshot_load(dir, -1, NULL, &read, msg));
        assert_int_equal(lake_snapshot_version(read), 0);
        test_dir_drop(dir);
    }
}

/* ---- a disk that notes in which order things become durable ---- */

static struct os_io noting;
static bool bytes_dirty; /* a file was written since the last fdatasync */
static bool names_dirty; /* a name was given since the last fsync of a directory */
static unsigned torn_names;

static ssize_t note_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    bytes_dirty = true;
    return os_io_real.pwritev(fd, parts, count, offset);
}

static int note_fdatasync(int fd)
{
    bytes_dirty = false;
    return os_io_real.fdatasync(fd);
}

static int note_fsync(int fd)
{
    struct stat st;
    if (os_io_real.fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        names_dirty = false;
    }
    return os_io_real.fsync(fd);
}

static int note_link(const char *from, const char *to)
{
    torn_names += bytes_dirty;
    names_dirty = true;
    return os_io_real.link(from, to);
}

/* A commit is given its name only when its bytes are on the disk, and returns only when the name
 * is. */
static void commit_is_durable_when_it_returns(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    noting = os_io_real;
    noting.pwritev = note_pwritev;
    noting.fdatasync = note_fdatasync;
    noting.fsync = note_fsync;
    noting.link = note_link;
    torn_names = 0;
    os_io = &noting;
    AUTO(lake_snapshot) s = test_create_table(dir, NULL);
    bool dirty_after_create = names_dirty;
    AUTO(lake_snapshot) next = test_append(lake_snapshot_ref(s), "a.parquet", 1, NULL, NULL);
    os_io = &os_io_real;
    assert_int_equal(torn_names, 0);
    assert_false(dirty_after_create);
    assert_false(names_dirty);
    test_dir_drop(dir);
}

enum { RACERS = 4, RACE_COMMITS = 30 };
struct racer {
    pthread_t thread;
    const char *dir;
    int number;
    int conflicts;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct lake_snapshot *s = NULL;
    if (lake_snapshot_load(racer->dir, -1, NULL, &s, NULL) != ERR_OK) {
        return NULL;
    }
    for (int i = 0; i < RACE_COMMITS; i++) {
        char path[64];
        char app[32];
        (void)snprintf(path, sizeof path, "%d-%d.parquet", racer->number, i);
        (void)snprintf(app, sizeof app, "app-%d", racer->number);
        AUTO(lake_commit) c = lake_commit_new("WRITE");
        struct lake_snapshot *next = NULL;
        const struct lake_pair date = {STR("_date"), STR("2026-11-20"), false};
        const struct lake_new_file file = {.path = str_from(path),
                                           .partition_values = &date,
                                           .partition_value_count = 1,
                                           .num_records = 1,
                                           .stats = STR("{\"numRecords\":1}")};
        racer->conflicts += lake_commit_add_file(c, &file, NULL) != ERR_OK;
        lake_commit_set_txn(c, str_from(app), i);
        if (lake_commit_run(c, racer->dir, s, NULL, &next, NULL, NULL) != ERR_OK) {
            racer->conflicts++;
            continue;
        }
        lake_snapshot_unref(s);
        s = next;
    }
    lake_snapshot_unref(s);
    return NULL;
}

/* Committers that race lose nothing and double nothing: every file is there once, versions follow
 * each other, and each one's txn ends where it stopped. */
static void racing_committers_all_get_in(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    lake_snapshot_unref(test_create_table(dir, NULL));
    struct racer racers[RACERS];
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.dir = dir, .number = i};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        assert_int_equal(racers[i].conflicts, 0);
    }
    AUTO(lake_snapshot) s = NULL;
    assert_ok(lake_snapshot_load(dir, -1, NULL, &s, msg));
    assert_int_equal(lake_snapshot_version(s), RACERS * RACE_COMMITS);
    assert_int_equal(lake_snapshot_file_count(s), RACERS * RACE_COMMITS);
    for (int i = 0; i < RACERS; i++) {
        char app[32];
        (void)snprintf(app, sizeof app, "app-%d", i);
        assert_int_equal(lake_snapshot_txn(s, str_from(app))->version, RACE_COMMITS - 1);
        for (int k = 0; k < RACE_COMMITS; k++) {
            char path[64];
            (void)snprintf(path, sizeof path, "%d-%d.parquet", i, k);
            assert_true(test_has_file(s, path));
        }
    }
    test_dir_drop(dir);
}

/* History tells every commit, newest first, with its operation and metrics. */
static void history_tells_operations(void **state)
{
    (void)state;
    char dir[128];
    test_dir_make(dir);
    AUTO(lake_snapshot) s = test_append(test_create_table(dir, NULL), "a.parquet", 9, NULL, NULL);
    AUTO_JSON history = NULL;
    AUTO_JSON table = NULL;
    assert_ok(lake_history(dir, -1, 100, &history, msg));
    assert_int_equal(json_array_size(history), 2);
    const json_t *newest = json_array_get(history, 0);
    assert_int_equal(json_integer_value(json_object_get(newest, "version")), 1);
    assert_string_equal(json_string_value(json_object_get(newest, "operation")),
                        "STREAMING UPDATE");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(newest, "metrics"), "numOutputRows")),
        "10");
    assert_true(json_is_true(json_object_get(newest, "is_blind_append")));
    assert_int_equal(json_integer_value(json_object_get(newest, "files_added")), 1);
    assert_int_equal(json_integer_value(json_object_get(newest, "files_removed")), 0);
    assert_int_equal(json_integer_value(json_object_get(newest, "rows_added")), 10);
    assert_true(json_integer_value(json_object_get(newest, "bytes_added")) > 0);
    assert_ok(lake_describe(s, &table, msg));
    assert_int_equal(json_integer_value(json_object_get(table, "rows")), 10);
    assert_int_equal(json_array_size(json_object_get(table, "columns")), 3);
    struct lake_file_iter it = lake_snapshot_files(s);
    AUTO_JSON file = NULL;
    assert_ok(lake_file_describe(lake_files_next(&it), &file, msg));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(file, "partition"), "_date")),
        "2026-11-20");
    test_dir_drop(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_table_reads_back),
        cmocka_unit_test(second_create_is_refused),
        cmocka_unit_test(appends_add_up),
        cmocka_unit_test(schema_grows_with_the_data),
        cmocka_unit_test(structs_grow_by_members),
        cmocka_unit_test(nested_types_are_checked),
        cmocka_unit_test(loser_of_a_race_plans_on_the_winner),
        cmocka_unit_test(removing_twice_conflicts),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(commit_survives_every_fault),
        cmocka_unit_test(create_survives_every_fault),
        cmocka_unit_test(commit_is_durable_when_it_returns),
        cmocka_unit_test(racing_committers_all_get_in),
        cmocka_unit_test(history_tells_operations),
    };
    return cmocka_run_group_tests_name("lake_commit", tests, NULL, NULL);
}
