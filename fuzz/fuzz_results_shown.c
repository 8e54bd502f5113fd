/* SPDX-License-Identifier: MIT */
/* fuzz_results_shown.c - names of columns on the first line (tabs between), a sort on the second,
 * filters on the others. Must hold: whatever the bytes, they become SQL over columns that exist, or
 * a reason; nothing of a name or a value stands in that SQL, and its parameters are the values. */
#include "flow/results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES_MAX = 4096 };

static void must(bool condition)
{
    ASSERT(condition);
}

static json_t *columns_of(struct str names)
{
    static const char *const types[] = {"VARCHAR",       "BIGINT", "DECIMAL(18,3)", "BLOB",
                                        "ENUM('a','b')", "DATE[]", "STRUCT(a INT)", "x') OR ('1'"};
    json_t *columns = json_array();
    struct str name;
    for (size_t i = 0; str_split(&names, '\t', &name); i++) {
        json_t *column = json_object();
        (void)json_object_set_new(column, "name", json_from_str(name)); /* NULL: it has none */
        (void)json_object_set_new(column, "type", json_string(types[i % ARRAY_LEN(types)]));
        (void)json_array_append_new(columns, column);
    }
    return columns;
}

/* Only what results_shown.c and the types say: quotes stand around numbers of columns, and text in
 * capitals is a type's. */
static size_t check_sql(struct str sql, size_t column_count)
{
    static const char others[] = " ()<>=,.:$[]_";
    size_t params = 0;
    for (size_t i = 0; i < sql.len; i++) {
        char c = sql.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        params += c == '$';
        if (c == '"') {
            uint64_t index = 0;
            struct str rest = str_of(sql.ptr + i + 1, sql.len - i - 1);
            ptrdiff_t end = str_find(rest, '"');
            must(end > 0 && str_to_u64(str_of(rest.ptr, (size_t)end), &index));
            must(index < column_count);
            i += (size_t)end + 1;
        } else {
            must(is_letter || memchr(others, c, sizeof others - 1) != NULL);
        }
    }
    return params;
}

static bool is_end_of_one(const json_t *value, const json_t *filters)
{
    struct str text = str_of(json_string_value(value), json_string_length(value));
    for (size_t i = 0; i < json_array_size(filters); i++) {
        const json_t *filter = json_array_get(filters, i);
        if (str_ends(str_of(json_string_value(filter), json_string_length(filter)), text)) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of(data, size);
    struct str names = {0};
    struct str sort = {0};
    struct str line;
    if (size > TEXT_BYTES_MAX || !str_is_utf8(rest) || !str_split(&rest, '\n', &names)) {
        return 0;
    }
    (void)str_split(&rest, '\n', &sort); /* or empty */
    AUTO_JSON columns = columns_of(names);
    AUTO_JSON filters = json_array();
    AUTO_JSON params = json_array();
    AUTO_BUF where = buf_make(1 << 20);
    AUTO_BUF order = buf_make(1 << 20);
    struct errmsg msg = {0};
    while (str_split(&rest, '\n', &line)) {
        (void)json_array_append_new(filters, json_from_str(line)); /* UTF-8 */
    }
    struct results_shown shown = {.sort = sort, .filters = filters};
    if (results_shown_sql(&shown, columns, &where, &order, params, &msg) != ERR_OK) {
        must(msg.text[0] != '\0');
        return 0;
    }
    must(check_sql(buf_str(&where), json_array_size(columns)) == json_array_size(params));
    must(check_sql(buf_str(&order), json_array_size(columns)) == 0);
    for (size_t i = 0; i < json_array_size(params); i++) {
        must(is_end_of_one(json_array_get(params, i), filters));
    }
    return 0;
}
