/* SPDX-License-Identifier: MIT */
/* test_import.c - files of others become Parquet with exact types, or an error that says where. */
#include "sql/import.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "sql/csv_dialect.h"
#include "sql_test.h"

struct rig {
    struct sql_conn *conn;
    char folder[64];
    char path[96];
    char out[96];
    struct sql_import_options options;
    struct sql_import_columns columns;
    uint64_t rows;
    struct errmsg msg;
    char file[256]; /* of the last import */
    atomic_bool is_fed;
};

static void rig_open(struct rig *r, enum sql_import_format format)
{
    *r = (struct rig){.conn = test_conn(2)};
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/tarn-test-import-%llx",
                   (unsigned long long)os_random_u64());
    (void)snprintf(r->path, sizeof r->path, "%s/body", r->folder);
    (void)snprintf(r->out, sizeof r->out, "%s/out", r->folder);
    OK(os_mkdirs(r->out, &msg_));
    r->options =
        (struct sql_import_options){.format = format, .path = r->path, .target_dir = r->out};
}

static void rig_close(struct rig *r)
{
    sql_import_columns_deinit(&r->columns);
    test_conn_free(r->conn);
    OK(os_remove_tree(r->folder, &msg_));
}

static void rig_write(struct rig *r, struct str bytes)
{
    AUTO_FD fd = -1;
    OK(os_open(r->path, O_WRONLY | O_CREAT | O_TRUNC, &fd, &msg_));
    OK(os_pwrite(fd, bytes.ptr, bytes.len, 0, &msg_));
}

static err on_file(void *ctx, const struct sql_land_file *file, struct errmsg *msg)
{
    (void)msg;
    struct rig *r = ctx;
    (void)snprintf(r->file, sizeof r->file, "%s", file->path);
    return ERR_OK;
}

static err rig_import(struct rig *r, const char *text)
{
    rig_write(r, str_from(text));
    sql_import_columns_deinit(&r->columns);
    OK(os_remove_tree(r->out, &msg_));
    OK(os_mkdirs(r->out, &msg_));
    r->rows = 0;
    r->msg.text[0] = '\0';
    return sql_import(r->conn, &r->options, on_file, r, &r->columns, &r->rows, &r->msg);
}

#define OK_IMPORT(call)                                                                            \
    do {                                                                                           \
        if ((call) != ERR_OK) {                                                                    \
            fail_msg("%s", r.msg.text);                                                            \
        }                                                                                          \
    } while (0)

/* "a:long b:string" */
static void assert_columns(const struct rig *r, const char *wanted)
{
    AUTO_BUF text = buf_make(65536);
    for (size_t i = 0; i < r->columns.count; i++) {
        buf_printf(&text, "%s%s:%s", i == 0 ? "" : " ", r->columns.items[i].name,
                   r->columns.items[i].delta);
    }
    assert_string_equal(buf_cstr(&text), wanted);
}

/* Good CSV gives the columns of its header with the types of its values. */
static void csv_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *columns;
        uint64_t rows;
    } cases[] = {
        {"a,b\n1,x\n2,y\n", "a:long b:string", 2},
        {"a;b\n1,5;2\n", "a:string b:long", 1},
        {"a\tb\n1\t2\n", "a:long b:long", 1},
        {"a|b\r\n1|2\r\n", "a:long b:long", 1},
        {"\xef\xbb\xbf"
         "a,b\n1,2\n",
         "a:long b:long", 1},
        {"a\nx\n", "a:string", 1},
        {"a,b\n", "a:string b:string", 0},
        {"d,t,z,u\n2026-01-02,2026-01-02 03:04:05,2026-01-02T03:04:05Z,10:00:00\n",
         "d:date t:timestamp z:timestamp u:string", 1},
        {"d\n03/04/2026\n05/06/2026\n", "d:string", 2}, /* which is the day? */
        {"zip,key,f\n007,12345678901234567890,1.5\n", "zip:string key:string f:double", 1},
        {"a,b\n\"x, y\",\"he said \"\"no\"\"\"\n\"two\nlines\",z\n", "a:string b:string", 2},
        {"a,b\ntrue,1.25\nfalse,2\n", "a:boolean b:double", 2},
        {"\"a,1\",b\n1,2\n", NULL, 0},
    };
    struct rig r;
    rig_open(&r, SQL_IMPORT_CSV);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err e = rig_import(&r, cases[i].text);
        if (cases[i].columns == NULL) {
            assert_int_equal(e, ERR_INVALID);
            continue;
        }
        if (e != ERR_OK) {
            fail_msg("case %zu: %s", i, r.msg.text);
        }
        assert_columns(&r, cases[i].columns);
        assert_int_equal(r.rows, cases[i].rows);
    }
    rig_close(&r);
}

/* What is wrong with a file is said with its line. */
static void csv_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"a,b,c\n1,2,3\n4,5,6,7\n", "line 3: 4 fields where the others have 3"},
        {"a,b,c\n1,2,3\n4,5\n", "line 3: 2 fields where the others have 3"},
        {"a,b,c\n1,\"2,3\n4,5,6\n7,8,9\n", "line 2: a quote is opened and not closed"},
        {"a,\"b\n1,2\n", "line 1: a quote is opened and never closed"},
        {"a,b\n1,2\n3,caf\xe9\n", "line 3: the bytes are not UTF-8"},
        {"a,b\xe9\n1,2\n", "line 1: the bytes are not UTF-8"},
        {"\xff\xfe"
         "a",
         "UTF-16"},
        {"", "the file is empty"},
        {"a,,c\n1,2,3\n", "column 2 has no name"},
        {"a,A\n1,2\n", "same name but for case"},
        {"first name,b\n1,2\n", "names=clean"},
        {"\x1f\x8b\x08\x01 ", "compressed"},
        {"PAR1xxxx", "Parquet"},
        {"\x80\x81,b\n1,2\n", "line 1: the bytes are not UTF-8"},
    };
    struct rig r;
    rig_open(&r, SQL_IMPORT_CSV);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err e = rig_import(&r, cases[i].text);
        if (e != ERR_INVALID || strstr(r.msg.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s: %s", i, err_name(e), r.msg.text);
        }
    }
    rig_close(&r);
}

/* A value that does not fit what the first rows said makes the column what all rows say. */
static void late_values_change_the_type(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, SQL_IMPORT_CSV);
    AUTO_BUF text = buf_make(8 << 20);
    buf_puts(&text, "a,b\n");
    for (int i = 0; i < 30000; i++) {
        buf_puts(&text, "1,2\n");
    }
    buf_puts(&text, "x,3\n");
    assert_int_equal(rig_import(&r, buf_cstr(&text)), ERR_OK);
    assert_columns(&r, "a:string b:long");
    assert_int_equal(r.rows, 30001);
    r.options.types = "a:BIGINT";
    assert_int_equal(rig_import(&r, buf_cstr(&text)), ERR_INVALID);
    assert_non_null(strstr(r.msg.text, "line 30002, column a: \"x\" is no BIGINT"));
    rig_close(&r);
}

/* ---- a file that still comes ---- */

static void *feed_pipe(void *arg)
{
    struct rig *r = arg;
    AUTO_TEXT pipe = xasprintf("%s/stream", r->folder);
    AUTO_FD from = -1;
    AUTO_FD to = -1;
    struct os_stat stat;
    size_t passed = 0;
    OK(os_open(r->path, O_RDONLY, &from, &msg_));
    OK(os_fstat(from, &stat, &msg_));
    OK(os_open(pipe, O_WRONLY, &to, &msg_));
    (void)os_pass_on(from, 0, stat.size_bytes, to, &passed, NULL); /* CLOSED: refused early */
    atomic_store(&r->is_fed, true);
    return NULL;
}

static err await_whole(void *ctx, bool was_read, struct errmsg *msg)
{
    (void)was_read;
    return *(bool *)ctx ? ERR_OK : errmsg_set(msg, ERR_CANCELLED, "it did not come");
}

/* The import of what lies in path, through a pipe. */
static err rig_import_stream(struct rig *r, struct str text, bool comes)
{
    AUTO_TEXT pipe = xasprintf("%s/stream", r->folder);
    AUTO_TEXT head = xasprintf("%s/head", r->folder);
    struct csv_counter counter = {.is_field_start = true};
    OK(csv_dialect_detect(text, &counter.dialect, &msg_));
    while (counter.records < 2ULL * SQL_IMPORT_SAMPLE_ROWS + 2 && counter.bytes < text.len) {
        size_t left = text.len - counter.bytes;
        csv_count(&counter, str_of(text.ptr + counter.bytes, MIN(left, (size_t)1000)));
    }
    AUTO_FD fd = -1;
    OK(os_open(head, O_WRONLY | O_CREAT | O_TRUNC, &fd, &msg_));
    OK(os_pwrite(fd, text.ptr, counter.end_bytes, 0, &msg_));
    OK(os_make_pipe(pipe, &msg_));
    struct sql_import_stream stream = {
        .head_path = head, .pipe_path = pipe, .await = await_whole, .ctx = &comes};
    pthread_t feeder;
    atomic_store(&r->is_fed, false);
    assert_int_equal(pthread_create(&feeder, NULL, feed_pipe, r), 0);
    OK(os_empty_dir(r->out, &msg_));
    sql_import_columns_deinit(&r->columns);
    r->options.stream = &stream;
    err e = sql_import(r->conn, &r->options, on_file, r, &r->columns, &r->rows, &r->msg);
    r->options.stream = NULL;
    while (!atomic_load(&r->is_fed)) { /* the head was refused: the pipe was not opened */
        int reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        os_sleep_us(500);
        os_close(reader);
    }
    pthread_join(feeder, NULL);
    OK(os_unlink(pipe, &msg_));
    return e;
}

/* A file that is read while it comes has the outcome that it has as a whole: rows, types, and every
 * error's words. One that does not come to its end is no table. */
static void a_stream_is_like_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *late; /* after 60,000 rows */
        const char *types;
    } cases[] = {
        {"a,b\n", "3,z\n", NULL},
        {"a,b\n", "3,\"z\nz\"\n", NULL},
        {"a,b\n", "3,z", NULL},
        {"a,b\n", "x,z\n", NULL}, /* types come from all rows */
        {"a,b\n", "x,z\n", "a:BIGINT"},
        {"a,b\n", "1,2,3\n", NULL},
        {"a,b\n", "1\n", NULL},
        {"a,b\n", "1,\"z\n", NULL},
        {"a,b\n", "1,caf\xe9\n", NULL},
        {"a,b\n", "12345678901234567890,1\n", NULL},
        {"a,b\n1,2,3\n", "1,1\n", NULL}, /* in the head already */
        {"\xef\xbb\xbf\"a\n\",b\n", "1,1\n", NULL},
        {"a b,b\n", "1,1\n", NULL},
    };
    (void)signal(SIGPIPE, SIG_IGN);
    struct rig r;
    rig_open(&r, SQL_IMPORT_CSV);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF text = buf_make(8 << 20);
        buf_puts(&text, cases[i].head);
        for (int row = 0; row < 60000; row++) {
            buf_printf(&text, "%d,row %d\n", row, row);
        }
        buf_puts(&text, cases[i].late);
        r.options.types = cases[i].types;
        err whole = rig_import(&r, buf_cstr(&text));
        AUTO_BUF columns = buf_make(65536);
        for (size_t c = 0; c < r.columns.count && whole == ERR_OK; c++) {
            buf_printf(&columns, "%s%s:%s", c == 0 ? "" : " ", r.columns.items[c].name,
                       r.columns.items[c].delta);
        }
        uint64_t rows = r.rows;
        struct errmsg words = r.msg;
        err stream = rig_import_stream(&r, buf_str(&text), true);
        if (stream != whole || (whole != ERR_OK && strcmp(words.text, r.msg.text) != 0)) {
            fail_msg("case %zu: %s, not %s", i, r.msg.text, words.text);
        }
        if (whole == ERR_OK) {
            assert_columns(&r, buf_cstr(&columns));
            assert_int_equal(r.rows, rows);
        }
        assert_int_equal(rig_import_stream(&r, buf_str(&text), false), ERR_CANCELLED);
        assert_string_equal(r.msg.text, "it did not come");
    }
    rig_close(&r);
}

/* Records end at line feeds outside of quotes, in whatever pieces they come. */
static void records_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t records;
        uint64_t end;
    } cases[] = {
        {"a,b\n1,2\n3,", 2, 8},
        {"a,b\r\n\"1\n\",2\r\n", 2, 13},
        {"\"a\"\"\n\"\nb\n", 2, 9},
        {"a\"\nb\n", 2, 5}, /* a quote inside a field is a character */
        {"\xef\xbb\xbf\"a\n\"\n1\n", 2, 10},
        {"\"a\n", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = str_from(cases[i].text);
        for (size_t piece = 1; piece <= text.len; piece++) {
            struct csv_counter counter = {.dialect = {.delimiter = ','}, .is_field_start = true};
            OK(csv_dialect_detect(text, &counter.dialect, &msg_));
            for (size_t at = 0; at < text.len; at += piece) {
                csv_count(&counter, str_of(text.ptr + at, MIN(piece, text.len - at)));
            }
            assert_int_equal(counter.records, cases[i].records);
            assert_int_equal(counter.end_bytes, cases[i].end);
            assert_int_equal(counter.bytes, text.len);
        }
    }
}

/* Types, delimiter, header and names can be declared. */
static void csv_options(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, SQL_IMPORT_CSV);
    r.options.types = "b:DECIMAL(10,2), a:VARCHAR";
    assert_int_equal(rig_import(&r, "a,b\n1,2.5\n"), ERR_OK);
    assert_columns(&r, "a:string b:decimal(10,2)");
    r.options.types = "x:BIGINT";
    assert_int_equal(rig_import(&r, "a,b\n1,2.5\n"), ERR_INVALID);
    r.options.types = "a:NONSENSE";
    assert_int_equal(rig_import(&r, "a,b\n1,2.5\n"), ERR_INVALID);
    r.options.types = "a:INTEGER'); DROP";
    assert_int_equal(rig_import(&r, "a,b\n1,2.5\n"), ERR_INVALID);
    r.options.types = NULL;
    r.options.no_header = true;
    assert_int_equal(rig_import(&r, "1,2\n3,4\n"), ERR_OK);
    assert_columns(&r, "column0:long column1:long");
    assert_int_equal(r.rows, 2);
    r.options.no_header = false;
    r.options.delimiter = ':';
    assert_int_equal(rig_import(&r, "a:b\n1:2\n"), ERR_OK);
    assert_columns(&r, "a:long b:long");
    r.options.delimiter = '\0';
    r.options.clean_names = true;
    assert_int_equal(rig_import(&r, "first name,b (x)\n1,2\n"), ERR_OK);
    assert_columns(&r, "first_name:long b__x_:long");
    rig_close(&r);
}

/* NDJSON: all rows decide; nested values are their JSON; a broken line is named. */
static void ndjson(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, SQL_IMPORT_NDJSON);
    OK_IMPORT(rig_import(&r, "{\"a\":1,\"b\":\"x\",\"n\":{\"k\":[1,2]}}\n"
                             "{\"a\":2.5,\"t\":\"2026-01-02T03:04:05+01:00\",\"late\":true}\n"));
    assert_columns(&r, "a:double b:string n:string t:timestamp late:boolean");
    AUTO_TEXT sql = xasprintf("SELECT count(*) FROM '%s' WHERE n = '{\"k\":[1,2]}'", r.file);
    assert_int_equal(test_i64(r.conn, sql), 1);
    AUTO_TEXT time = xasprintf("SELECT max(epoch(t))::BIGINT FROM '%s'", r.file);
    assert_int_equal(test_i64(r.conn, time), 1767319445);
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"{\"a\":1}\n{\"a\":\n{\"a\":3}\n", "line 2, byte"},
        {"{\"a\":1}\n[1]\n", "line 2"},
        {"{\"a\":1}\n{\"a\":tru}\n", "line 2"},
        {"", "no JSON object"},
        {"{\"a\":1,\"A\":2}\n", "differ only in case"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err e = rig_import(&r, bad[i].text);
        if (e != ERR_INVALID || strstr(r.msg.text, bad[i].says) == NULL) {
            fail_msg("case %zu: %s: %s", i, err_name(e), r.msg.text);
        }
    }
    rig_close(&r);
}

/* Parquet: every type has its place in Delta, or is refused by name. */
static void parquet_types(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, SQL_IMPORT_PARQUET);
    r.path[strlen(r.path)] = '\0';
    OK(sql_execf(r.conn, &msg_,
                 "COPY (SELECT 1::UTINYINT AS u8, 1::USMALLINT AS u16, 1::UINTEGER AS u32, "
                 "18446744073709551615::UBIGINT AS u64, 5::HUGEINT AS big, 1::TINYINT AS i8, "
                 "1::SMALLINT AS i16, 1::INTEGER AS i32, 1::FLOAT AS f, 1.5::DECIMAL(9,3) AS d, "
                 "TIMESTAMP '2026-01-02 03:04:05' AS ts, TIMESTAMPTZ '2026-01-02 03:04:05Z' AS tz, "
                 "TIME '10:00:00' AS tm, DATE '2026-01-02' AS dt, 'b'::BLOB AS bl, "
                 "'7f0c1f2e-3f1f-4bb8-8f0a-000000000000'::UUID AS id, [1,2] AS l, {'k':TIMESTAMP "
                 "'2026-01-02 00:00:00'} "
                 "AS s, MAP {'a':1} AS m) TO "
                 "'%s' (FORMAT parquet)",
                 r.path));
    r.rows = 0;
    assert_int_equal(sql_import(r.conn, &r.options, on_file, &r, &r.columns, &r.rows, &r.msg),
                     ERR_OK);
    assert_columns(&r, "u8:short u16:integer u32:long u64:decimal(20,0) big:double i8:byte "
                       "i16:short i32:integer f:float d:decimal(9,3) ts:timestamp tz:timestamp "
                       "tm:string dt:date bl:binary id:string "
                       "l:{\"type\":\"array\",\"elementType\":\"integer\",\"containsNull\":true} "
                       "s:{\"type\":\"struct\",\"fields\":[{\"name\":\"k\",\"type\":"
                       "\"timestamp\",\"nullable\":true,\"metadata\":{}}]} m:string");
    AUTO_TEXT sql = xasprintf("SELECT epoch(ts)::BIGINT FROM '%s'", r.file);
    assert_int_equal(test_i64(r.conn, sql), 1767323045);
    assert_int_equal(rig_import(&r, "PAR1 and nothing more, so that it is long enough"),
                     ERR_INVALID);
    assert_non_null(strstr(r.msg.text, "cut short"));
    assert_int_equal(rig_import(&r, ""), ERR_INVALID);
    rig_close(&r);
}

static struct sql_import_column column_of(const char *name, const char *delta)
{
    return (struct sql_import_column){.name = xstrdup(name), .delta = xstrdup(delta)};
}

/* Appending: text is read with the table's types; Parquet widens or is refused with both types. */
static void append_follows_the_table(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, SQL_IMPORT_CSV);
    struct sql_import_columns table = {.items = xnew_array(struct sql_import_column, 2),
                                       .count = 2};
    table.items[0] = column_of("Zip", "string");
    table.items[1] = column_of("n", "double");
    r.options.table = &table;
    assert_int_equal(rig_import(&r, "zip,n,extra\n12345,1,2\n"), ERR_OK);
    assert_columns(&r, "Zip:string n:double extra:long");
    assert_int_equal(rig_import(&r, "zip,n\n12345,many\n"), ERR_INVALID);
    assert_non_null(strstr(r.msg.text, "line 2, column n"));
    r.options.format = SQL_IMPORT_PARQUET;
    OK(sql_execf(r.conn, &msg_,
                 "COPY (SELECT 'x' AS zip, 3::INTEGER AS n) TO '%s' (FORMAT parquet)", r.path));
    sql_import_columns_deinit(&r.columns);
    assert_int_equal(sql_import(r.conn, &r.options, on_file, &r, &r.columns, &r.rows, &r.msg),
                     ERR_OK);
    assert_columns(&r, "Zip:string n:double");
    OK(sql_execf(r.conn, &msg_, "COPY (SELECT 5 AS zip, 3::INTEGER AS n) TO '%s' (FORMAT parquet)",
                 r.path));
    sql_import_columns_deinit(&r.columns);
    assert_int_equal(sql_import(r.conn, &r.options, on_file, &r, &r.columns, &r.rows, &r.msg),
                     ERR_CONFLICT);
    assert_non_null(strstr(r.msg.text, "INTEGER in the file and VARCHAR in the table"));
    sql_import_columns_deinit(&table);
    rig_close(&r);
}

/* The view over a file has the same types as an import of it. */
static void view_has_fixed_types(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, SQL_IMPORT_CSV);
    rig_write(&r, STR("t,n\n2026-01-02 03:04:05,1\n"));
    AUTO_BUF sql = buf_make(1 << 20);
    buf_puts(&sql,
             "SELECT (typeof(t) = 'TIMESTAMP WITH TIME ZONE' AND typeof(n) = 'BIGINT')::BIGINT "
             "FROM (");
    OK(sql_import_view(r.conn, &r.options, &sql, &r.columns, &msg_));
    buf_puts(&sql, ")");
    assert_int_equal(test_i64(r.conn, buf_cstr(&sql)), 1);
    rig_close(&r);
}

/* The same words come plain, or wrapped in JSON from another thread. */
static void errors_are_understood_in_both_forms(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Invalid Input Error: CSV Error on Line: 3\nOriginal Line: 4,5\nExpected Number of "
        "Columns: "
        "3 Found: 2\n",
        "{\"exception_type\":\"Invalid Input\",\"exception_message\":\"CSV Error on Line: "
        "3\\nOriginal Line: 4,5\\nExpected Number of Columns: 3 Found: 2\\n\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct errmsg msg = {0};
        assert_int_equal(sql_import_error(str_from(texts[i]), ERR_INVALID, &msg), ERR_INVALID);
        assert_string_equal(msg.text, "line 3: 2 fields where the others have 3: 4,5");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_types),
        cmocka_unit_test(csv_errors),
        cmocka_unit_test(late_values_change_the_type),
        cmocka_unit_test(a_stream_is_like_the_whole),
        cmocka_unit_test(records_are_counted),
        cmocka_unit_test(csv_options),
        cmocka_unit_test(ndjson),
        cmocka_unit_test(parquet_types),
        cmocka_unit_test(append_follows_the_table),
        cmocka_unit_test(view_has_fixed_types),
        cmocka_unit_test(errors_are_understood_in_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
