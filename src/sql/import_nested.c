/* SPDX-License-Identifier: MIT */
/* import_nested.c - STRUCT and LIST of a Parquet file as Delta writes them. */
#include "sql/import_int.h"

enum { DEPTH_MAX = 32 };

static bool name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '\0' || strchr(" ,;{}()\n\t=", name.ptr[i]) != NULL) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 1024;
}

static bool add_type(duckdb_logical_type type, int depth, struct buf *delta, struct buf *sql);

static bool add_member(duckdb_logical_type type, idx_t index, int depth, struct buf *delta,
                       struct buf *sql)
{
    char *name = duckdb_struct_type_child_name(type, index);
    bool good = name != NULL && name_is_valid(str_from(name));
    for (idx_t i = 0; i < index && good; i++) {
        char *other = duckdb_struct_type_child_name(type, i);
        good = !str_eq_nocase(str_from(other), str_from(name));
        duckdb_free(other);
    }
    if (good) {
        buf_puts(delta, index == 0 ? "{\"name\":" : ",{\"name\":");
        buf_add_json_string(delta, str_from(name));
        buf_puts(delta, ",\"type\":");
        buf_puts(sql, index == 0 ? "" : ", ");
        sql_add_name(sql, str_from(name));
        buf_puts(sql, " ");
        duckdb_logical_type child = duckdb_struct_type_child_type(type, index);
        good = add_type(child, depth, delta, sql);
        duckdb_destroy_logical_type(&child);
        buf_puts(delta, ",\"nullable\":true,\"metadata\":{}}");
    }
    duckdb_free(name);
    return good;
}

static bool add_struct(duckdb_logical_type type, int depth, struct buf *delta, struct buf *sql)
{
    idx_t count = duckdb_struct_type_child_count(type);
    bool good = count > 0;
    buf_puts(delta, "{\"type\":\"struct\",\"fields\":[");
    buf_puts(sql, "STRUCT(");
    for (idx_t i = 0; i < count && good; i++) {
        good = add_member(type, i, depth, delta, sql);
    }
    buf_puts(delta, "]}");
    buf_puts(sql, ")");
    return good;
}

static bool add_list(duckdb_logical_type child, int depth, struct buf *delta, struct buf *sql)
{
    buf_puts(delta, "{\"type\":\"array\",\"elementType\":");
    bool good = add_type(child, depth, delta, sql);
    buf_puts(delta, ",\"containsNull\":true}");
    buf_puts(sql, "[]");
    duckdb_destroy_logical_type(&child);
    return good;
}

static bool add_scalar(duckdb_logical_type type, struct buf *delta, struct buf *sql)
{
    AUTO_BUF text = buf_make(65536);
    sql_type_text(type, &text);
    if (str_starts(buf_str(&text), STR("DECIMAL("))) {
        buf_printf(delta, "\"decimal(%s\"", buf_cstr(&text) + 8);
        return buf_add_str(sql, buf_str(&text));
    }
    const struct import_type_rule *rule = import_type_rule(buf_str(&text));
    AUTO_TEXT target = rule == NULL ? NULL : import_sql_type(str_from(rule->delta));
    if (target == NULL) {
        return false;
    }
    buf_printf(delta, "\"%s\"", rule->delta);
    return buf_puts(sql, target);
}

static bool add_type(duckdb_logical_type type, int depth, struct buf *delta, struct buf *sql)
{
    if (depth > DEPTH_MAX) {
        return false;
    }
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_STRUCT:
        return add_struct(type, depth + 1, delta, sql);
    case DUCKDB_TYPE_LIST:
        return add_list(duckdb_list_type_child_type(type), depth + 1, delta, sql);
    case DUCKDB_TYPE_ARRAY:
        return add_list(duckdb_array_type_child_type(type), depth + 1, delta, sql);
    default:
        return add_scalar(type, delta, sql);
    }
}

bool import_nested_type(duckdb_logical_type type, struct buf *delta, struct buf *sql)
{
    duckdb_type id = duckdb_get_type_id(type);
    bool is_nested = id == DUCKDB_TYPE_STRUCT || id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_ARRAY;
    return is_nested && add_type(type, 0, delta, sql) && buf_check(delta) == ERR_OK &&
           buf_check(sql) == ERR_OK;
}
