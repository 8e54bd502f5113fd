/* SPDX-License-Identifier: MIT */
/* results_shown.c - "name,-other" and "column:op:value" as SQL over the columns of a store.
 *
 * Nothing of the text gets into the SQL: columns become their numbers, values parameters. A column
 * is found by its name as the answer shows it, or as #1, #2 ... when two have the same one. Names
 * may hold commas and colons: the longest name that is one counts. */
#include "flow/results.h"

enum { SORTS_MAX = 16, FILTERS_MAX = 32 };

enum operand { NO_VALUE, VALUE, TEXT };
/* %s is the column twice removed from the user: t."3"; a value is what cast_of() makes of it. */
static const struct {
    const char *name;
    enum operand operand;
    const char *before; /* of the column */
    const char *between;
    const char *after;
} operators[] = {
    {"eq", VALUE, "", " = ", ""},
    {"ne", VALUE, "", " IS DISTINCT FROM ", ""}, /* what has no value is not that value */
    {"lt", VALUE, "", " < ", ""},
    {"le", VALUE, "", " <= ", ""},
    {"gt", VALUE, "", " > ", ""},
    {"ge", VALUE, "", " >= ", ""},
    {"contains", TEXT, "contains(lower(", "::VARCHAR), lower(", "))"},
    {"starts", TEXT, "starts_with(lower(", "::VARCHAR), lower(", "))"},
    {"null", NO_VALUE, "", " IS NULL", ""},
    {"notnull", NO_VALUE, "", " IS NOT NULL", ""},
};

static struct str column_text(const json_t *columns, size_t index, const char *member)
{
    const json_t *text = json_object_get(json_array_get(columns, index), member);
    return str_of(json_string_value(text), json_string_length(text));
}

/* True when `name` is a column: by its name, or by #number. */
static bool find_column(const json_t *columns, struct str name, size_t *out_index)
{
    uint64_t number = 0;
    for (size_t i = 0; i < json_array_size(columns); i++) {
        if (str_eq(column_text(columns, i, "name"), name)) {
            *out_index = i;
            return true;
        }
    }
    if (name.len > 1 && name.ptr[0] == '#' &&
        str_to_u64(str_of(name.ptr + 1, name.len - 1), &number) && number >= 1 &&
        number <= json_array_size(columns)) {
        *out_index = (size_t)number - 1;
        return true;
    }
    return false;
}

static err no_column(struct str name, struct errmsg *msg)
{
    return errmsg_set(msg, ERR_INVALID, "the result has no column \"%.*s\"",
                      (int)MIN(name.len, (size_t)100), name.ptr);
}

/* --- sort --- */

/* Length of the longest beginning of `text` that ends at a comma or the end and is a column. */
static err take_sort(const json_t *columns, struct str *text, size_t *out_index, struct errmsg *msg)
{
    for (size_t len = text->len; len > 0; len--) {
        bool ends = len == text->len || text->ptr[len] == ',';
        if (ends && find_column(columns, str_of(text->ptr, len), out_index)) {
            size_t skip = MIN(len + 1, text->len);
            *text = str_of(text->ptr + skip, text->len - skip);
            return ERR_OK;
        }
    }
    ptrdiff_t comma = str_find(*text, ',');
    return no_column(comma < 0 ? *text : str_of(text->ptr, (size_t)comma), msg);
}

static err add_sorts(struct str sort, const json_t *columns, struct buf *order, struct errmsg *msg)
{
    for (size_t count = 0; sort.len > 0; count++) {
        size_t index = 0;
        bool is_falling = sort.ptr[0] == '-';
        if (count == SORTS_MAX) {
            return errmsg_set(msg, ERR_INVALID, "at most %d columns to sort by", SORTS_MAX);
        }
        sort = is_falling ? str_of(sort.ptr + 1, sort.len - 1) : sort;
        TRY(take_sort(columns, &sort, &index, msg));
        buf_printf(order, "t.\"%zu\" %s NULLS LAST,", index, is_falling ? "DESC" : "ASC");
    }
    return ERR_OK;
}

/* --- filters --- */

/* Cuts "column:op:value". */
static err split_filter(struct str text, const json_t *columns, size_t *out_column, size_t *out_op,
                        struct str *out_value, struct errmsg *msg)
{
    for (size_t at = text.len; at-- > 0;) {
        if (text.ptr[at] != ':' || !find_column(columns, str_of(text.ptr, at), out_column)) {
            continue;
        }
        struct str rest = str_of(text.ptr + at + 1, text.len - at - 1);
        ptrdiff_t colon = str_find(rest, ':');
        struct str op = colon < 0 ? rest : str_of(rest.ptr, (size_t)colon);
        for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
            if (str_is(op, operators[i].name)) {
                *out_op = i;
                *out_value = colon < 0 ? str_of(rest.ptr + rest.len, 0)
                                       : str_of(rest.ptr + colon + 1, rest.len - (size_t)colon - 1);
                return colon >= 0 || operators[i].operand == NO_VALUE
                           ? ERR_OK
                           : errmsg_set(msg, ERR_INVALID, "the filter %s needs a value",
                                        operators[i].name);
            }
        }
    }
    ptrdiff_t colon = str_find(text, ':');
    struct str name = colon < 0 ? text : str_of(text.ptr, (size_t)colon);
    if (!find_column(columns, name, out_column)) {
        return no_column(name, msg);
    }
    return errmsg_set(msg, ERR_INVALID,
                      "a filter is column:op:value, with eq, ne, lt, le, gt, ge, contains, starts, "
                      "null or notnull");
}

/* A type whose name says all and is safe to write: others hold words of the statement, or leave
 * them out, and are compared as text. */
static bool can_cast(struct str type)
{
    static const char *const texts[] = {"VARCHAR", "JSON", "ENUM", "STRUCT",
                                        "UNION",   "MAP",  "NULL"};
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ (),[]";
    for (size_t i = 0; i < type.len; i++) {
        if (memchr(letters, type.ptr[i], sizeof letters - 1) == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (memmem(type.ptr, type.len, texts[i], strlen(texts[i])) != NULL) {
            return false;
        }
    }
    return true;
}

static void add_value(enum operand operand, struct str type, size_t parameter, struct buf *where)
{
    if (operand == TEXT || !can_cast(type)) {
        buf_printf(where, "$%zu::VARCHAR", parameter);
    } else if (str_is(type, "BLOB")) {
        buf_printf(where, "from_base64($%zu::VARCHAR)", parameter); /* as answers show them */
    } else {
        buf_printf(where, "CAST($%zu::VARCHAR AS ", parameter);
        buf_add_str(where, type);
        buf_add_byte(where, ')');
    }
}

static err add_filter(struct str text, const json_t *columns, struct buf *where, json_t *params,
                      struct errmsg *msg)
{
    size_t column = 0;
    size_t op = 0;
    struct str value = {0};
    TRY(split_filter(text, columns, &column, &op, &value, msg));
    buf_puts(where, where->len == 0 ? "(" : " AND (");
    buf_printf(where, "%st.\"%zu\"%s", operators[op].before, column, operators[op].between);
    if (operators[op].operand != NO_VALUE) {
        if (json_array_append_new(params, json_from_str(value)) != 0) {
            return errmsg_set(msg, ERR_INVALID, "the value of a filter is not UTF-8");
        }
        add_value(operators[op].operand, column_text(columns, column, "type"),
                  json_array_size(params), where);
    }
    buf_puts(where, operators[op].after);
    buf_add_byte(where, ')');
    return ERR_OK;
}

err results_shown_sql(const struct results_shown *shown, const json_t *columns, struct buf *where,
                      struct buf *order, json_t *params, struct errmsg *msg)
{
    size_t count = shown->filters == NULL ? 0 : json_array_size(shown->filters);
    if (count > FILTERS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "at most %d filters", FILTERS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(shown->filters, i);
        TRY(add_filter(str_of(json_string_value(text), json_string_length(text)), columns, where,
                       params, msg));
    }
    return add_sorts(shown->sort, columns, order, msg);
}
