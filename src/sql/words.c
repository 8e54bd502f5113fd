/* SPDX-License-Identifier: MIT */
/* words.c - see words.h. */
#include "sql/words.h"

#include <pthread.h>

#include "sql/policy.h"

enum { WORDS_BYTES_MAX = 8 << 20 };

struct sql_words {
    pthread_mutex_t lock;
    struct buf json; /* empty: not asked yet */
};

struct sql_words *sql_words_new(void)
{
    struct sql_words *words = xnew(struct sql_words);
    (void)pthread_mutex_init(&words->lock, NULL); /* cannot fail with default attributes */
    words->json = buf_make(WORDS_BYTES_MAX);
    return words;
}

void sql_words_free(struct sql_words *words)
{
    if (words != NULL) {
        buf_deinit(&words->json);
        (void)pthread_mutex_destroy(&words->lock); /* nobody holds it */
        free(words);
    }
}

static err add_list(struct sql_conn *conn, const char *sql, struct buf *out, struct errmsg *msg)
{
    AUTO(sql_result) result = NULL;
    const char *comma = "";
    size_t rows = 0;
    TRY(sql_query_stream(conn, str_from(sql), NULL, &result, msg));
    buf_add_byte(out, '[');
    do {
        TRY(sql_result_fetch(result, &rows, msg));
        for (size_t i = 0; i < rows; i++) {
            buf_puts(out, comma);
            buf_add_json_string(out, sql_result_str(result, 0, i));
            comma = ",";
        }
    } while (rows > 0);
    buf_add_byte(out, ']');
    return ERR_OK;
}

static bool is_word(struct str name)
{
    char c = name.len > 0 ? name.ptr[0] : '\0'; /* operators are functions too */
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_allowed(struct str name, struct str kind)
{
    bool is_table = str_starts(kind, STR("table"));
    return is_word(name) && (is_table ? sql_policy_table_function(name)
                                      : sql_policy_function(name)) == SQL_FUNCTION_ALLOWED;
}

static struct str text_at(const struct sql_result *result, size_t column, size_t row)
{
    return sql_result_is_null(result, column, row) ? STR("") : sql_result_str(result, column, row);
}

static void add_function(const struct sql_result *result, size_t row, struct buf *out)
{
    static const char *const members[] = {
        "{\"name\":", ",\"kind\":", ",\"returns\":", ",\"description\":"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        buf_puts(out, members[i]);
        buf_add_json_string(out, text_at(result, i, row));
    }
    buf_puts(out, ",\"parameters\":");
    buf_add_str(out, text_at(result, ARRAY_LEN(members), row)); /* JSON already */
    buf_add_byte(out, '}');
}

static err add_functions(struct sql_conn *conn, struct buf *out, struct errmsg *msg)
{
    static const char sql[] =
        "SELECT function_name, CASE WHEN function_type = 'table_macro' THEN 'table' ELSE "
        "function_type END AS kind, coalesce(arg_max(return_type, len(parameters)), '') AS "
        "returns, coalesce(any_value(description), '') AS description, "
        "to_json(arg_max(parameters, len(parameters)))::VARCHAR AS parameters "
        "FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'table', 'macro', "
        "'table_macro') GROUP BY ALL ORDER BY ALL";
    AUTO(sql_result) result = NULL;
    const char *comma = "";
    size_t rows = 0;
    TRY(sql_query_stream(conn, STR(sql), NULL, &result, msg));
    buf_add_byte(out, '[');
    do {
        TRY(sql_result_fetch(result, &rows, msg));
        for (size_t i = 0; i < rows; i++) {
            if (is_allowed(text_at(result, 0, i), text_at(result, 1, i))) {
                buf_puts(out, comma);
                add_function(result, i, out);
                comma = ",";
            }
        }
    } while (rows > 0);
    buf_add_byte(out, ']');
    return ERR_OK;
}

static err ask(struct sql_conn *conn, struct buf *out, struct errmsg *msg)
{
    buf_puts(out, "{\"keywords\":");
    TRY(add_list(conn, "SELECT DISTINCT keyword_name FROM duckdb_keywords() ORDER BY 1", out, msg));
    buf_puts(out, ",\"types\":");
    TRY(add_list(conn,
                 "SELECT DISTINCT upper(type_name) FROM duckdb_types() WHERE database_name = "
                 "'system' AND type_name NOT IN ('unknown', 'null', '\"null\"') ORDER BY 1",
                 out, msg));
    buf_puts(out, ",\"functions\":");
    TRY(add_functions(conn, out, msg));
    buf_puts(out, "}\n");
    return buf_check(out);
}

err sql_words_write(struct sql_words *words, struct sql_conn *conn, struct buf *out,
                    struct errmsg *msg)
{
    (void)pthread_mutex_lock(&words->lock); /* cannot fail: a plain lock */
    buf_add_str(out, buf_str(&words->json));
    bool is_known = words->json.len > 0;
    (void)pthread_mutex_unlock(&words->lock);
    if (is_known) {
        return buf_check(out);
    }
    AUTO_BUF json = buf_make(WORDS_BYTES_MAX);
    TRY(ask(conn, &json, msg)); /* two may ask at once, and learn the same */
    (void)pthread_mutex_lock(&words->lock);
    buf_reset(&words->json);
    buf_add_str(&words->json, buf_str(&json));
    (void)pthread_mutex_unlock(&words->lock);
    buf_add_str(out, buf_str(&json));
    return buf_check(out);
}
