/* SPDX-License-Identifier: MIT */
/* type_text.c - names of DuckDB's types as SQL writes them. */
#include "sql/duck.h"

static const char *const type_names[] = {
    [DUCKDB_TYPE_BOOLEAN] = "BOOLEAN",
    [DUCKDB_TYPE_TINYINT] = "TINYINT",
    [DUCKDB_TYPE_SMALLINT] = "SMALLINT",
    [DUCKDB_TYPE_INTEGER] = "INTEGER",
    [DUCKDB_TYPE_BIGINT] = "BIGINT",
    [DUCKDB_TYPE_UTINYINT] = "UTINYINT",
    [DUCKDB_TYPE_USMALLINT] = "USMALLINT",
    [DUCKDB_TYPE_UINTEGER] = "UINTEGER",
    [DUCKDB_TYPE_UBIGINT] = "UBIGINT",
    [DUCKDB_TYPE_FLOAT] = "FLOAT",
    [DUCKDB_TYPE_DOUBLE] = "DOUBLE",
    [DUCKDB_TYPE_TIMESTAMP] = "TIMESTAMP",
    [DUCKDB_TYPE_DATE] = "DATE",
    [DUCKDB_TYPE_TIME] = "TIME",
    [DUCKDB_TYPE_INTERVAL] = "INTERVAL",
    [DUCKDB_TYPE_HUGEINT] = "HUGEINT",
    [DUCKDB_TYPE_UHUGEINT] = "UHUGEINT",
    [DUCKDB_TYPE_VARCHAR] = "VARCHAR",
    [DUCKDB_TYPE_BLOB] = "BLOB",
    [DUCKDB_TYPE_TIMESTAMP_S] = "TIMESTAMP_S",
    [DUCKDB_TYPE_TIMESTAMP_MS] = "TIMESTAMP_MS",
    [DUCKDB_TYPE_TIMESTAMP_NS] = "TIMESTAMP_NS",
    [DUCKDB_TYPE_ENUM] = "ENUM",
    [DUCKDB_TYPE_UUID] = "UUID",
    [DUCKDB_TYPE_UNION] = "UNION",
    [DUCKDB_TYPE_BIT] = "BIT",
    [DUCKDB_TYPE_TIME_TZ] = "TIME WITH TIME ZONE",
    [DUCKDB_TYPE_TIMESTAMP_TZ] = "TIMESTAMP WITH TIME ZONE",
    [DUCKDB_TYPE_BIGNUM] = "BIGNUM",
    [DUCKDB_TYPE_SQLNULL] = "NULL",
    [DUCKDB_TYPE_TIME_NS] = "TIME_NS",
};

static void add_member(struct buf *out, size_t index, char *name, duckdb_logical_type type)
{
    if (index > 0) {
        buf_puts(out, ", ");
    }
    if (name != NULL) {
        sql_add_name(out, str_from(name));
        buf_add_byte(out, ' ');
        duckdb_free(name);
    }
    sql_type_text(type, out);
    duckdb_destroy_logical_type(&type);
}

static void add_struct(duckdb_logical_type type, struct buf *out)
{
    buf_puts(out, "STRUCT(");
    for (idx_t i = 0; i < duckdb_struct_type_child_count(type); i++) {
        add_member(out, i, duckdb_struct_type_child_name(type, i),
                   duckdb_struct_type_child_type(type, i));
    }
    buf_add_byte(out, ')');
}

static void add_union(duckdb_logical_type type, struct buf *out)
{
    buf_puts(out, "UNION(");
    for (idx_t i = 0; i < duckdb_union_type_member_count(type); i++) {
        add_member(out, i, duckdb_union_type_member_name(type, i),
                   duckdb_union_type_member_type(type, i));
    }
    buf_add_byte(out, ')');
}

void sql_type_text(duckdb_logical_type type, struct buf *out)
{
    duckdb_type id = duckdb_get_type_id(type);
    char *alias = duckdb_logical_type_get_alias(type);
    if (alias != NULL) {
        buf_puts(out, alias); /* JSON */
        duckdb_free(alias);
        return;
    }
    switch (id) {
    case DUCKDB_TYPE_DECIMAL:
        buf_printf(out, "DECIMAL(%u,%u)", duckdb_decimal_width(type), duckdb_decimal_scale(type));
        return;
    case DUCKDB_TYPE_LIST:
        add_member(out, 0, NULL, duckdb_list_type_child_type(type));
        buf_puts(out, "[]");
        return;
    case DUCKDB_TYPE_ARRAY:
        add_member(out, 0, NULL, duckdb_array_type_child_type(type));
        buf_printf(out, "[%llu]", (unsigned long long)duckdb_array_type_array_size(type));
        return;
    case DUCKDB_TYPE_STRUCT:
        add_struct(type, out);
        return;
    case DUCKDB_TYPE_UNION:
        add_union(type, out);
        return;
    case DUCKDB_TYPE_MAP:
        buf_puts(out, "MAP(");
        add_member(out, 0, NULL, duckdb_map_type_key_type(type));
        add_member(out, 1, NULL, duckdb_map_type_value_type(type));
        buf_add_byte(out, ')');
        return;
    default:
        break;
    }
    const char *name = (size_t)id < ARRAY_LEN(type_names) ? type_names[id] : NULL;
    buf_puts(out, name != NULL ? name : "UNKNOWN");
}
