/* SPDX-License-Identifier: MIT */
/* test_source.c - rows of ours as a table. */
#include "sql/source.h"

#include <stdatomic.h>

#include "os/clock.h"
#include "sql_test.h"

/* Numbers 0..total-1 in blocks of SOURCE_ROWS, taken by whichever reader asks. */
struct numbers {
    atomic_uint_fast64_t next;
    uint64_t total;
    uint64_t fail_at; /* 0: never */
    atomic_int readers;
    atomic_int released;
};
struct number_reader {
    struct numbers *numbers;
    uint32_t projected[16];
    size_t count;
};

static const struct col_def number_columns[] = {
    {"id", COL_BIGINT},    {"small", COL_INTEGER},      {"even", COL_BOOLEAN},
    {"half", COL_DOUBLE},  {"moment", COL_TIMESTAMPTZ}, {"day", COL_DATE},
    {"text", COL_VARCHAR}, {"bytes", COL_BLOB},
};

static err numbers_open(void *ctx, const uint32_t *projected, size_t count, void **out_thread_ctx,
                        struct errmsg *msg)
{
    (void)msg;
    struct number_reader *reader = xnew(struct number_reader);
    reader->numbers = ctx;
    assert_true(count <= ARRAY_LEN(reader->projected));
    memcpy(reader->projected, projected, count * sizeof *projected);
    reader->count = count;
    atomic_fetch_add(&reader->numbers->readers, 1);
    *out_thread_ctx = reader;
    return ERR_OK;
}

static void set_number(struct col_sink *sink, uint32_t column, size_t row, uint64_t n)
{
    char text[64];
    int len = 0;
    if (n % 7 == 3 && column != 0) {
        col_set_null(sink, row);
        return;
    }
    switch (column) {
    case 0:
        col_set_i64(sink, row, (int64_t)n);
        return;
    case 1:
        col_set_i32(sink, row, (int32_t)(n % 100));
        return;
    case 2:
        col_set_bool(sink, row, n % 2 == 0);
        return;
    case 3:
        col_set_double(sink, row, (double)n / 2);
        return;
    case 4:
        col_set_i64(sink, row, (int64_t)n * 1000000);
        return;
    case 5:
        col_set_i32(sink, row, (int32_t)(n % 30));
        return;
    default:
        len = snprintf(text, sizeof text, n % 2 == 0 ? "%llu" : "a longer text, number %llu",
                       (unsigned long long)n);
        col_set_str(sink, row, text, (size_t)len);
    }
}

static err numbers_fill(void *thread_ctx, struct col_sink *cols, size_t capacity, size_t *out_rows,
                        struct errmsg *msg)
{
    struct number_reader *reader = thread_ctx;
    struct numbers *numbers = reader->numbers;
    uint64_t from = atomic_fetch_add(&numbers->next, capacity);
    uint64_t end = MIN(from + capacity, numbers->total);
    if (numbers->fail_at > 0 && end >= numbers->fail_at) {
        return errmsg_set(msg, ERR_CORRUPT, "block at %llu is damaged", (unsigned long long)from);
    }
    size_t rows = from < end ? (size_t)(end - from) : 0;
    for (size_t c = 0; c < reader->count; c++) {
        for (size_t row = 0; row < rows; row++) {
            set_number(&cols[c], reader->projected[c], row, from + row);
        }
    }
    *out_rows = rows;
    return ERR_OK;
}

static void numbers_close(void *thread_ctx)
{
    struct number_reader *reader = thread_ctx;
    atomic_fetch_sub(&reader->numbers->readers, 1);
    free(reader);
}

static void numbers_release(void *ctx)
{
    struct numbers *numbers = ctx;
    atomic_fetch_add(&numbers->released, 1);
}

static uint64_t register_numbers(struct sql_engine *engine, struct numbers *numbers)
{
    struct sql_source source = {.columns = number_columns,
                                .column_count = ARRAY_LEN(number_columns),
                                .threads_max = 2,
                                .ctx = numbers,
                                .thread_open = numbers_open,
                                .fill = numbers_fill,
                                .thread_close = numbers_close,
                                .release = numbers_release};
    uint64_t id = 0;
    OK(sql_source_register(engine, &source, &id, &msg_));
    return id;
}

/* Every column type arrives as it was given, nulls and long strings included, on two threads. */
static void all_types_arrive(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    struct numbers numbers = {.total = 100000};
    uint64_t id = register_numbers(sql_conn_engine(conn), &numbers);
    OK(sql_execf(conn, &msg_, "CREATE TABLE t AS SELECT * FROM tarn_source(%llu)",
                 (unsigned long long)id));
    assert_int_equal(numbers.readers, 0);
    assert_int_equal(sql_source_rows(sql_conn_engine(conn), id), 100000);
    sql_source_unregister(sql_conn_engine(conn), id);
    assert_int_equal(numbers.released, 1);
    assert_int_equal(test_i64(conn, "SELECT count(*) FROM t"), 100000);
    assert_int_equal(test_i64(conn, "SELECT sum(id)::BIGINT FROM t"), 4999950000);
    static const char *const right[] = {
        "small = id % 100",
        "even = (id % 2 = 0)",
        "half = id / 2",
        "epoch(moment) = id",
        "day = DATE '1970-01-01' + (id % 30)::INT",
        "text = CASE WHEN id % 2 = 0 THEN id::VARCHAR ELSE 'a longer text, number ' || id END",
        "bytes = encode(text)",
    };
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        AUTO_TEXT wrong = xasprintf("SELECT count(*) FROM t WHERE (id %% 7 = 3 AND (%s) IS NOT "
                                    "NULL) OR (id %% 7 <> 3 AND NOT coalesce(%s, false))",
                                    right[i], right[i]);
        assert_int_equal(test_i64(conn, wrong), 0);
    }
    test_conn_free(conn);
}

/* A count needs no column, and a projection asks for the named ones only, in any order. */
static void projection_asks_for_what_is_used(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    for (size_t i = 0; i < 3; i++) {
        struct numbers numbers = {.total = 5000};
        uint64_t id = register_numbers(sql_conn_engine(conn), &numbers);
        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       i == 0   ? "SELECT count(*) FROM tarn_source(%llu)"
                       : i == 1 ? "SELECT sum(small)::BIGINT * 0 + 5000 FROM tarn_source(%llu) "
                                  "WHERE text IS NOT NULL OR id > -1"
                                : "SELECT count(half)::BIGINT * 0 + 5000 FROM tarn_source(%llu)",
                       (unsigned long long)id);
        assert_int_equal(test_i64(conn, sql), 5000);
        sql_source_unregister(sql_conn_engine(conn), id);
        assert_int_equal(numbers.released, 1);
    }
    test_conn_free(conn);
}

/* An error of a source ends the statement with its code and words; the engine goes on. */
static void source_error_keeps_its_code(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    struct numbers numbers = {.total = 1000000, .fail_at = 500000};
    uint64_t id = register_numbers(sql_conn_engine(conn), &numbers);
    struct errmsg msg = {0};
    assert_int_equal(
        sql_execf(conn, &msg, "CREATE TABLE t AS FROM tarn_source(%llu)", (unsigned long long)id),
        ERR_CORRUPT);
    assert_non_null(strstr(msg.text, "is damaged"));
    assert_int_equal(numbers.readers, 0);
    assert_int_equal(test_i64(conn, "SELECT 42"), 42);
    assert_int_equal(sql_exec(conn, "FROM tarn_source(9999)", &msg), ERR_INVALID);
    test_conn_free(conn);
    assert_int_equal(numbers.released, 1);
}

/* A source taken back while a statement reads it is released after that statement. */
static void release_waits_for_readers(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    struct numbers numbers = {.total = 1000000};
    uint64_t id = register_numbers(sql_conn_engine(conn), &numbers);
    AUTO_TEXT sql = xasprintf("SELECT id FROM tarn_source(%llu)", (unsigned long long)id);
    struct sql_result *result = NULL;
    OK(sql_query_stream(conn, str_from(sql), NULL, &result, &msg_));
    size_t rows = 0;
    OK(sql_result_fetch(result, &rows, &msg_));
    sql_source_unregister(sql_conn_engine(conn), id);
    assert_int_equal(numbers.released, 0);
    OK(sql_result_fetch(result, &rows, &msg_));
    assert_true(rows > 0);
    sql_result_close(result);
    assert_int_equal(numbers.released, 1);
    assert_int_equal(numbers.readers, 0);
    test_conn_free(conn);
}

/* --- strings by reference --- */

/* One reader's buffer is written over in every fill: a string that DuckDB still reads by then
 * shows. */
struct ref_reader {
    struct numbers *numbers;
    uint32_t projected[2];
    size_t count;
    char bytes[SOURCE_ROWS][48];
};
static const struct col_def ref_columns[] = {{"id", COL_BIGINT}, {"text", COL_VARCHAR}};

static err ref_open(void *ctx, const uint32_t *projected, size_t count, void **out_thread_ctx,
                    struct errmsg *msg)
{
    (void)msg;
    struct ref_reader *reader = xnew(struct ref_reader);
    reader->numbers = ctx;
    memcpy(reader->projected, projected, count * sizeof *projected);
    reader->count = count;
    *out_thread_ctx = reader;
    return ERR_OK;
}

static err ref_fill(void *thread_ctx, struct col_sink *cols, size_t capacity, size_t *out_rows,
                    struct errmsg *msg)
{
    (void)msg;
    struct ref_reader *reader = thread_ctx;
    uint64_t from = atomic_fetch_add(&reader->numbers->next, capacity);
    size_t rows = from < reader->numbers->total ? MIN(capacity, reader->numbers->total - from) : 0;
    memset(reader->bytes, 'X', sizeof reader->bytes);
    for (size_t row = 0; row < rows; row++) {
        uint64_t n = from + row;
        int len = snprintf(reader->bytes[row], sizeof reader->bytes[row], "text by reference %llu",
                           (unsigned long long)n);
        for (size_t c = 0; c < reader->count; c++) {
            if (reader->projected[c] == 0) {
                col_set_i64(&cols[c], row, (int64_t)n);
            } else if (reader->numbers->fail_at == 0) {
                col_set_str_ref(&cols[c], row, reader->bytes[row], (size_t)len);
            } else {
                col_set_str(&cols[c], row, reader->bytes[row], (size_t)len);
            }
        }
    }
    *out_rows = rows;
    return ERR_OK;
}

static void ref_close(void *thread_ctx)
{
    struct ref_reader *reader = thread_ctx;
    memset(reader->bytes, 'Z', sizeof reader->bytes);
    free(reader);
}

/* Each shape gives id and text; %s is the source. */
static const char *const shapes[] = {
    "FROM %s",
    "SELECT id, text FROM %s WHERE id %% 100 = 7",
    "SELECT * FROM %s WHERE text LIKE '%%7' ORDER BY text",
    "SELECT id, max(text) AS text FROM %s GROUP BY id",
    "SELECT id, first(text) AS text FROM %s GROUP BY id",
    "SELECT max(id) AS id, text FROM %s GROUP BY text",
    "SELECT a.id, b.text FROM %s a JOIN (SELECT range AS id FROM range(70000)) r USING (id) JOIN "
    "%s b USING (id)",
    "SELECT a.id, a.text FROM %s a SEMI JOIN (SELECT range * 3 AS id FROM range(100000)) r USING "
    "(id)",
    "SELECT id, text FROM %s UNION ALL SELECT id, text FROM %s",
    "SELECT id, last_value(text) OVER (PARTITION BY id %% 1000 ORDER BY id ROWS BETWEEN CURRENT "
    "ROW AND CURRENT ROW) AS text FROM %s",
    "WITH m AS MATERIALIZED (FROM %s) SELECT m.id, n.text FROM m JOIN m n USING (id)",
    "SELECT DISTINCT id, text FROM %s",
    "SELECT id, unnest([text]) AS text FROM %s",
    "SELECT id, CASE WHEN id %% 2 = 0 THEN text ELSE text END AS text FROM %s",
    "SELECT unnest(list(id)) AS id, unnest(list(text)) AS text FROM %s GROUP BY id %% 5000",
    "SELECT s.id, l.text FROM %s s, LATERAL (SELECT s.text AS text) l",
    "FROM %s LIMIT 30000",
    "FROM %s USING SAMPLE 10%% (bernoulli)", /* by default whole chunks, maybe none */
    "SELECT id, arg_max(text, id) AS text FROM %s GROUP BY id",
    "SELECT id, any_value(text) AS text FROM %s WHERE id < 20000 GROUP BY ROLLUP (id) HAVING id IS "
    "NOT NULL",
};

static uint64_t fill_in_sources(struct sql_conn *conn, struct numbers *numbers, const char *shape,
                                bool by_copy, uint64_t *ids, struct buf *sql)
{
    size_t count = 0;
    for (const char *p = shape; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            numbers[count] = (struct numbers){.total = 60000, .fail_at = by_copy ? 1 : 0};
            struct sql_source source = {.columns = ref_columns,
                                        .column_count = 2,
                                        .threads_max = 2,
                                        .ctx = &numbers[count],
                                        .thread_open = ref_open,
                                        .fill = ref_fill,
                                        .thread_close = ref_close};
            OK(sql_source_register(sql_conn_engine(conn), &source, &ids[count], &msg_));
            buf_printf(sql, "tarn_source(%llu)", (unsigned long long)ids[count]);
            count++;
            p++;
        } else {
            buf_add_byte(sql, *p);
            p += p[0] == '%' ? 1 : 0;
        }
    }
    return count;
}

/* Reads a streamed result through and compares each text with its id. */
static size_t wrong_texts(struct sql_conn *conn, const char *sql, size_t *out_rows)
{
    struct sql_result *result = NULL;
    OK(sql_query_stream(conn, str_from(sql), NULL, &result, &msg_));
    size_t wrong = 0;
    for (;;) {
        size_t rows = 0;
        OK(sql_result_fetch(result, &rows, &msg_));
        if (rows == 0) {
            break;
        }
        *out_rows += rows;
        for (size_t row = 0; row < rows; row++) {
            char right[48];
            int len = snprintf(right, sizeof right, "text by reference %lld",
                               (long long)sql_result_i64(result, 0, row));
            wrong += str_eq(sql_result_str(result, 1, row), str_of(right, (size_t)len)) ? 0 : 1;
        }
    }
    sql_result_close(result);
    return wrong;
}

/* Strings that live only until the next fill are right in every kind of plan, streamed or stored.
 * */
static void strings_live_long_enough(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(2);
    for (size_t i = 0; i < 4 * ARRAY_LEN(shapes); i++) {
        struct numbers numbers[4];
        uint64_t ids[4];
        AUTO_BUF shape = buf_make(65536);
        bool by_copy = i % 4 >= 2;
        bool is_stored = i % 2 == 1;
        uint64_t count = fill_in_sources(conn, numbers, shapes[i / 4], by_copy, ids, &shape);
        size_t rows = 0;
        size_t wrong = 0;
        if (is_stored) {
            OK(sql_execf(conn, &msg_, "CREATE OR REPLACE TABLE stored AS %s", buf_cstr(&shape)));
            wrong = wrong_texts(conn, "SELECT id, text FROM stored", &rows);
        } else {
            wrong = wrong_texts(conn, buf_cstr(&shape), &rows);
        }
        if (wrong > 0 || rows == 0) {
            fail_msg("%zu of %zu texts are wrong: %s", wrong, rows, buf_cstr(&shape));
        }
        for (size_t n = 0; n < count; n++) {
            sql_source_unregister(sql_conn_engine(conn), ids[n]);
        }
    }
    test_conn_free(conn);
}

/* --- nested columns --- */

static const struct col_def item_members[] = {{"sku", COL_VARCHAR}, {"n", COL_BIGINT}};
static const struct col_def item_element[] = {{"element", COL_STRUCT, item_members, 2}};
static const struct col_def inner_element[] = {{"element", COL_INTEGER}};
static const struct col_def outer_element[] = {{"element", COL_LIST, inner_element, 1}};
static const struct col_def point_members[] = {
    {"x", COL_DOUBLE}, {"items", COL_LIST, item_element, 1}, {"name", COL_VARCHAR}};
static const struct col_def nested_columns[] = {
    {"id", COL_BIGINT},
    {"s", COL_STRUCT, point_members, 3},
    {"m", COL_LIST, outer_element, 1},
};

static void set_text_of(struct col_sink *sink, size_t row, uint64_t n)
{
    char text[64];
    int len = snprintf(text, sizeof text, n % 2 == 0 ? "%llu" : "a longer text, number %llu",
                       (unsigned long long)n);
    col_set_str(sink, row, text, (size_t)len);
}

/* {x: n / 2, items: n % 5 times {sku, n}, name}; what the checks below ask for. */
static void set_struct(struct col_sink *s, size_t row, uint64_t n)
{
    if (n % 7 == 3) {
        col_set_null(s, row);
        return;
    }
    struct col_sink *items = &s->children[1];
    size_t from = items->size;
    col_set_double(&s->children[0], row, (double)n / 2);
    for (uint64_t i = 0; i < n % 5; i++) {
        size_t at = col_list_append(items);
        struct col_sink *item = &items->children[0];
        if (i == 3) {
            col_set_null(item, at);
            continue;
        }
        set_text_of(&item->children[0], at, n + i);
        if (i == 2) {
            col_set_null(&item->children[1], at);
        } else {
            col_set_i64(&item->children[1], at, (int64_t)(n + i));
        }
    }
    if (n % 11 == 1) {
        col_set_null(items, row);
    } else {
        col_list_set(items, row, from);
    }
    set_text_of(&s->children[2], row, n);
}

/* n % 3 lists of n % 4 numbers; a row in nine hundred has 6000. */
static void set_matrix(struct col_sink *s, size_t row, uint64_t n)
{
    size_t from = s->size;
    for (uint64_t i = 0; i < n % 3; i++) {
        size_t at = col_list_append(s);
        struct col_sink *inner = &s->children[0];
        size_t inner_from = inner->size;
        uint64_t count = n % 900 == 7 ? 6000 : n % 4;
        for (uint64_t k = 0; k < count; k++) {
            size_t element = col_list_append(inner);
            col_set_i32(&inner->children[0], element, (int32_t)(n % 1000 + k));
        }
        col_list_set(inner, at, inner_from);
    }
    col_list_set(s, row, from);
}

static err nested_fill(void *thread_ctx, struct col_sink *cols, size_t capacity, size_t *out_rows,
                       struct errmsg *msg)
{
    (void)msg;
    struct number_reader *reader = thread_ctx;
    uint64_t from = atomic_fetch_add(&reader->numbers->next, capacity);
    uint64_t end = MIN(from + capacity, reader->numbers->total);
    size_t rows = from < end ? (size_t)(end - from) : 0;
    for (size_t c = 0; c < reader->count; c++) {
        for (size_t row = 0; row < rows; row++) {
            if (reader->projected[c] == 0) {
                col_set_i64(&cols[c], row, (int64_t)(from + row));
            } else if (reader->projected[c] == 1) {
                set_struct(&cols[c], row, from + row);
            } else {
                set_matrix(&cols[c], row, from + row);
            }
        }
    }
    *out_rows = rows;
    return ERR_OK;
}

/* STRUCT and LIST arrive as they were given, nulls at every level and lists that outgrow a vector
 * included, stored and streamed, on two threads. */
static void nested_types_arrive(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "(s IS NULL) <> (id % 7 = 3)",
        "s IS NOT NULL AND s.x IS DISTINCT FROM id / 2",
        "s IS NULL AND (s.x IS NOT NULL OR s.items IS NOT NULL OR s.name IS NOT NULL)",
        "s IS NOT NULL AND (s.items IS NULL) <> (id % 11 = 1)",
        "len(s.items) <> id % 5",
        ("s.items[1].sku <> CASE WHEN id % 2 = 0 THEN id::VARCHAR ELSE 'a longer text, number ' || "
         "id END"),
        "s.items[2].n <> id + 1",
        "len(s.items) > 2 AND s.items[3].n IS NOT NULL",
        "len(s.items) > 3 AND (s.items[4] IS NOT NULL OR s.items[4].sku IS NOT NULL)",
        "len(m) <> id % 3",
        "m IS NULL",
        "id % 3 > 0 AND len(m[1]) <> CASE WHEN id % 900 = 7 THEN 6000 ELSE id % 4 END",
        "len(m[1]) > 0 AND (m[1][1] <> id % 1000 OR m[1][-1] <> id % 1000 + len(m[1]) - 1)",
    };
    struct sql_conn *conn = test_conn(2);
    struct numbers numbers = {.total = 20000};
    struct sql_source source = {.columns = nested_columns,
                                .column_count = ARRAY_LEN(nested_columns),
                                .threads_max = 2,
                                .ctx = &numbers,
                                .thread_open = numbers_open,
                                .fill = nested_fill,
                                .thread_close = numbers_close};
    uint64_t id = 0;
    OK(sql_source_register(sql_conn_engine(conn), &source, &id, &msg_));
    OK(sql_execf(conn, &msg_, "CREATE TABLE t AS SELECT * FROM tarn_source(%llu)",
                 (unsigned long long)id));
    assert_int_equal(test_i64(conn, "SELECT count(*) FROM t"), 20000);
    for (size_t i = 0; i < 2 * ARRAY_LEN(wrong); i++) {
        AUTO_TEXT name = xasprintf("tarn_source(%llu)", (unsigned long long)id);
        AUTO_TEXT sql =
            xasprintf("SELECT count(*) FROM %s WHERE %s", i % 2 == 0 ? "t" : name, wrong[i / 2]);
        atomic_store(&numbers.next, 0);
        int64_t count = test_i64(conn, sql);
        if (count != 0) {
            fail_msg("%lld rows are wrong: %s", (long long)count, sql);
        }
    }
    AUTO_BUF text = buf_make(4096);
    OK(sql_query_text(conn, "SELECT DISTINCT typeof(s) || ' ' || typeof(m) FROM t", &text, &msg_));
    assert_string_equal(
        buf_cstr(&text),
        "STRUCT(x DOUBLE, items STRUCT(sku VARCHAR, n BIGINT)[], \"name\" VARCHAR) INTEGER[][]");
    sql_source_unregister(sql_conn_engine(conn), id);
    test_conn_free(conn);
}

/* A block in plain memory holds nested values too, and grows with its lists. */
static void block_holds_nested_values(void **state)
{
    (void)state;
    struct col_block block;
    OK(col_block_init(&block, nested_columns, ARRAY_LEN(nested_columns), 1 << 20));
    for (int round = 0; round < 3; round++) {
        for (uint64_t n = 0; n < SOURCE_ROWS; n++) {
            set_struct(&block.cols[1], n, n);
            set_matrix(&block.cols[2], n, n);
        }
        const struct col_sink *items = &block.cols[1].children[1];
        struct col_list_entry entry = col_get_list(items, 1009);
        assert_int_equal(entry.length, 4);
        assert_true(col_is_null(&items->children[0], entry.offset + 3));
        assert_true(col_is_null(&items->children[0].children[1], entry.offset + 3));
        assert_true(col_is_null(&items->children[0].children[1], entry.offset + 2));
        assert_false(col_is_null(&items->children[0].children[1], entry.offset + 1));
        assert_true(str_is(col_get_str(&items->children[0].children[0], entry.offset + 1), "1010"));
        assert_true(col_is_null(&block.cols[1], 3));
        assert_true(col_is_null(&block.cols[1].children[0], 3));
        struct col_list_entry row = col_get_list(&block.cols[2], 907);
        assert_int_equal(row.length, 1);
        entry = col_get_list(&block.cols[2].children[0], row.offset);
        assert_int_equal(entry.length, 6000);
        const int32_t *numbers = block.cols[2].children[0].children[0].data;
        assert_int_equal(numbers[entry.offset + 5999], 6906);
        col_block_reset(&block);
        assert_int_equal(block.cols[2].size, 0);
    }
    col_block_deinit(&block);
}

/* Types name themselves as answers do, and differ when any part of them does. */
static void types_have_names(void **state)
{
    (void)state;
    AUTO_BUF text = buf_make(4096);
    col_def_sql(&nested_columns[1], &text);
    assert_string_equal(buf_cstr(&text), "STRUCT(\"x\" DOUBLE, \"items\" STRUCT(\"sku\" VARCHAR, "
                                         "\"n\" BIGINT)[], \"name\" VARCHAR)");
    assert_int_equal(col_def_nodes(&nested_columns[1]), 7);
    assert_int_equal(col_def_depth(&nested_columns[1]), 4);
    assert_true(col_def_same_type(&nested_columns[1], &nested_columns[1]));
    assert_false(col_def_same_type(&nested_columns[1], &nested_columns[2]));
    struct col_def members[] = {point_members[0], point_members[1], {"Name", COL_VARCHAR}};
    struct col_def other = {"s", COL_STRUCT, members, 3};
    assert_false(col_def_same_type(&nested_columns[1], &other));
    AUTO(arena) arena = arena_new(4096);
    struct col_def copy;
    assert_true(col_def_copy(&nested_columns[1], arena, &copy));
    assert_true(col_def_same_type(&nested_columns[1], &copy));
    AUTO(arena) small = arena_new(64);
    assert_false(col_def_copy(&nested_columns[1], small, &copy));
}

/* A block in plain memory holds what a DuckDB vector would. */
static void block_holds_values(void **state)
{
    (void)state;
    struct col_block block;
    OK(col_block_init(&block, number_columns, ARRAY_LEN(number_columns), 4096));
    for (int round = 0; round < 3; round++) {
        col_set_str(&block.cols[6], 0, "short", 5);
        col_set_str(&block.cols[6], 1, "exactly12byt", 12);
        col_set_str(&block.cols[6], 2, "thirteen byte", 13);
        col_set_str(&block.cols[6], 3, NULL, 0);
        assert_null(block.cols[6].validity);
        col_set_null(&block.cols[6], 4);
        assert_true(str_is(col_get_str(&block.cols[6], 0), "short"));
        assert_true(str_is(col_get_str(&block.cols[6], 1), "exactly12byt"));
        assert_true(str_is(col_get_str(&block.cols[6], 2), "thirteen byte"));
        assert_int_equal(col_get_str(&block.cols[6], 3).len, 0);
        assert_true(col_is_null(&block.cols[6], 4));
        assert_false(col_is_null(&block.cols[6], 3));
        assert_false(col_is_null(&block.cols[5], 4));
        col_set_valid(&block.cols[6], 4);
        assert_false(col_is_null(&block.cols[6], 4));
        col_block_reset(&block);
    }
    col_block_deinit(&block);
}

/* Prints what one row costs; fails only when it is absurd. */
static void overhead_is_small(void **state)
{
    (void)state;
    struct sql_conn *conn = test_conn(1);
    static const char *const columns[] = {"count(*)", "sum(id)", "sum(id), sum(half), max(moment)",
                                          "sum(length(text))"};
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        struct numbers numbers = {.total = 2000000};
        uint64_t id = register_numbers(sql_conn_engine(conn), &numbers);
        int64_t start_us = os_mono_us();
        OK(sql_execf(conn, &msg_, "SELECT %s FROM tarn_source(%llu)", columns[i],
                     (unsigned long long)id));
        double ns = (double)(os_mono_us() - start_us) * 1000 / 2000000;
        print_message("%-30s %.1f ns/row\n", columns[i], ns);
        assert_true(ns < 5000);
        sql_source_unregister(sql_conn_engine(conn), id);
    }
    test_conn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_arrive),
        cmocka_unit_test(projection_asks_for_what_is_used),
        cmocka_unit_test(source_error_keeps_its_code),
        cmocka_unit_test(release_waits_for_readers),
        cmocka_unit_test(strings_live_long_enough),
        cmocka_unit_test(nested_types_arrive),
        cmocka_unit_test(block_holds_nested_values),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(block_holds_values),
        cmocka_unit_test(overhead_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
