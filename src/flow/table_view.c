/* SPDX-License-Identifier: MIT */
/* table_view.c - see table_view.h. */
#include "flow/table_view.h"

#include "flow/land_schema.h"

enum { TYPE_DEPTH_MAX = 64 };

static bool add_simple_type(struct str delta_type, struct buf *out)
{
    static const char *const names[][2] = {
        {"long", "BIGINT"},
        {"integer", "INTEGER"},
        {"short", "SMALLINT"},
        {"byte", "TINYINT"},
        {"double", "DOUBLE"},
        {"float", "FLOAT"},
        {"boolean", "BOOLEAN"},
        {"string", "VARCHAR"},
        {"binary", "BLOB"},
        {"date", "DATE"},
        {"timestamp", "TIMESTAMP WITH TIME ZONE"},
        {"timestamp_ntz", "TIMESTAMP"},
        {"void", "VARCHAR"}, /* nothing but nulls, and no file has it */
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(delta_type, names[i][0])) {
            return buf_puts(out, names[i][1]);
        }
    }
    return str_starts(delta_type, STR("decimal(")) && buf_add_str(out, delta_type);
}

static bool add_type(const json_t *type, int depth, struct buf *out);

static bool add_struct_type(const json_t *type, int depth, struct buf *out)
{
    const json_t *fields = json_object_get(type, "fields");
    buf_puts(out, "STRUCT(");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        struct str name = {0};
        if (json_get_str(field, "name", &name, NULL) != ERR_OK) {
            return false;
        }
        buf_puts(out, i == 0 ? "" : ", ");
        sql_add_name(out, name);
        buf_add_byte(out, ' ');
        if (!add_type(json_object_get(field, "type"), depth, out)) {
            return false;
        }
    }
    buf_puts(out, ")");
    return json_array_size(fields) > 0;
}

/* A type as the schema's JSON has it: a name, or an object for nested ones. */
static bool add_type(const json_t *type, int depth, struct buf *out)
{
    struct str kind = {0};
    if (json_is_string(type)) {
        return add_simple_type(str_of(json_string_value(type), json_string_length(type)), out);
    }
    if (depth == 0 || json_get_str(type, "type", &kind, NULL) != ERR_OK) {
        return false;
    }
    if (str_is(kind, "struct")) {
        return add_struct_type(type, depth - 1, out);
    }
    if (str_is(kind, "array")) {
        return add_type(json_object_get(type, "elementType"), depth - 1, out) &&
               buf_puts(out, "[]");
    }
    return str_is(kind, "map") && buf_puts(out, "MAP(") &&
           add_type(json_object_get(type, "keyType"), depth - 1, out) && buf_puts(out, ", ") &&
           add_type(json_object_get(type, "valueType"), depth - 1, out) && buf_puts(out, ")");
}

bool table_view_sql_type(struct str delta_type, struct buf *out)
{
    if (!str_starts(delta_type, STR("{"))) {
        return add_simple_type(delta_type, out);
    }
    AUTO_JSON type = NULL;
    size_t start = out->len;
    bool known = json_parse(delta_type, &type, NULL) == ERR_OK &&
                 add_type(type, TYPE_DEPTH_MAX, out) && buf_check(out) == ERR_OK;
    out->len = known ? out->len : start;
    return known;
}

/* ---- groups of files that can be read together ---- */

struct group {
    char *key; /* owned */
    bool is_tagged;
    bool is_current;
    const struct lake_file *sample; /* borrowed: its partition values are the group's */
    struct buf paths;               /* 'a','b',... */
};
struct groups {
    struct group *items; /* owned */
    size_t count;
    size_t cap;
};
enum { GROUPS_MAX = 20000, PATHS_BYTES_MAX = 256 << 20 };

static void groups_deinit(struct groups *g)
{
    for (size_t i = 0; i < g->count; i++) {
        free(g->items[i].key);
        buf_deinit(&g->items[i].paths);
    }
    free(g->items);
}
#define AUTO_GROUPS __attribute__((cleanup(groups_deinit))) struct groups

/* read_parquet takes patterns: what means something there is put in brackets. */
static void add_pattern(struct buf *out, const char *dir, struct str path)
{
    AUTO_BUF text = buf_make(1 << 20);
    struct str parts[] = {str_from(dir), STR("/"), path};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (size_t j = 0; j < parts[i].len; j++) {
            char c = parts[i].ptr[j];
            if (c == '*' || c == '?' || c == '[') {
                buf_printf(&text, "[%c]", c);
            } else {
                buf_add_byte(&text, c);
            }
        }
    }
    buf_puts(out, out->len > 0 ? "," : "");
    sql_add_text(out, buf_str(&text));
}

/* The tag, or the partition values of a file without one. */
static void add_key(const struct lake_snapshot *s, const struct lake_file *f, bool *out_tagged,
                    struct buf *key)
{
    buf_puts(key, "tag:");
    size_t empty = key->len;
    land_schema_tag_of(f->tags, key);
    *out_tagged = key->len > empty;
    if (*out_tagged) {
        return;
    }
    const struct lake_metadata *metadata = lake_snapshot_metadata(s);
    for (size_t i = 0; i < metadata->partition_column_count; i++) {
        const struct lake_pair *pair = lake_file_partition(f, metadata->partition_columns[i]);
        bool is_null = pair == NULL || pair->is_null;
        buf_printf(key, "\n%c%zu:", is_null ? 'n' : 'v', is_null ? 0 : pair->value.len);
        if (!is_null) {
            buf_add_str(key, pair->value);
        }
    }
}

static err add_file(struct groups *g, const struct table_view_parts *parts,
                    const struct lake_file *f, struct errmsg *msg)
{
    AUTO_BUF key = buf_make(1 << 20);
    bool is_tagged = false;
    add_key(parts->snapshot, f, &is_tagged, &key);
    TRY(buf_check(&key));
    const char *text = buf_cstr(&key);
    struct group *found = NULL;
    /* Newest groups last: files of one tag mostly come in a row. */
    for (size_t i = g->count; i > 0 && found == NULL; i--) {
        found = strcmp(g->items[i - 1].key, text) == 0 ? &g->items[i - 1] : NULL;
    }
    if (found == NULL) {
        if (g->count == GROUPS_MAX) {
            return errmsg_set(msg, ERR_TOO_LARGE, "the table has more than %d kinds of files",
                              GROUPS_MAX);
        }
        if (g->count == g->cap) {
            g->cap = MAX(8, g->cap * 2);
            g->items = xrealloc(g->items, g->cap, sizeof *g->items);
        }
        found = &g->items[g->count++];
        *found = (struct group){.key = xstrdup(text),
                                .is_tagged = is_tagged,
                                .sample = f,
                                .paths = buf_make(PATHS_BYTES_MAX)};
        found->is_current = is_tagged && parts->current_tag.len > 0 &&
                            str_eq(str_from(text + strlen("tag:")), parts->current_tag);
    }
    add_pattern(&found->paths, lake_snapshot_table_dir(parts->snapshot), f->path);
    return buf_check(&found->paths);
}

/* ---- the text ---- */

static void add_columns(const struct table_view_parts *parts, bool files, struct buf *out)
{
    for (size_t i = 0; i < parts->column_count; i++) {
        const struct view_column *column = &parts->columns[i];
        buf_puts(out, i == 0 ? "" : ",");
        if (files && !column->in_files) {
            buf_printf(out, "NULL::%s AS ", column->type);
        }
        sql_add_name(out, column->name);
        if (files && column->in_files && column->is_nested) {
            buf_printf(out, "::%s AS ", column->type); /* hot rows may have more members */
            sql_add_name(out, column->name);
        }
    }
}

/* No rows: gives the columns their order, and types to those that no file has. False when no
 * column's type is known. */
static bool add_template(const struct table_view_parts *parts, struct buf *out)
{
    size_t start = out->len;
    buf_puts(out, "SELECT ");
    const char *comma = "";
    for (size_t i = 0; i < parts->column_count; i++) {
        const struct view_column *column = &parts->columns[i];
        if (column->type != NULL) {
            buf_printf(out, "%sNULL::%s AS ", comma, column->type);
            sql_add_name(out, column->name);
            comma = ",";
        }
    }
    buf_puts(out, " WHERE false");
    if (comma[0] == '\0') {
        out->len = start;
    }
    return comma[0] != '\0';
}

/* Partition columns of other programs' files: what the log says. */
static void add_partition_constants(const struct lake_snapshot *s, const struct lake_file *f,
                                    struct buf *out)
{
    const struct lake_metadata *metadata = lake_snapshot_metadata(s);
    if (metadata->partition_column_count == 0) {
        buf_puts(out, "*");
        return;
    }
    buf_puts(out, "COLUMNS(c -> lower(c) NOT IN (");
    for (size_t i = 0; i < metadata->partition_column_count; i++) {
        buf_puts(out, i == 0 ? "lower(" : ",lower(");
        sql_add_text(out, metadata->partition_columns[i]);
        buf_puts(out, ")");
    }
    buf_puts(out, "))");
    for (size_t i = 0; i < metadata->partition_column_count; i++) {
        struct str name = metadata->partition_columns[i];
        const struct lake_pair *pair = lake_file_partition(f, name);
        const struct lake_field *field = lake_snapshot_field(s, name);
        bool is_blob = field != NULL && str_is(field->type, "binary");
        buf_puts(out, ",CAST(");
        if (pair == NULL || pair->is_null || pair->value.len == 0) {
            buf_puts(out, "NULL"); /* Delta: an empty value is a null */
        } else {
            buf_puts(out, is_blob ? "encode(" : "");
            sql_add_text(out, pair->value);
            buf_puts(out, is_blob ? ")" : "");
        }
        buf_puts(out, " AS ");
        if (field == NULL || !table_view_sql_type(field->type, out)) {
            buf_puts(out, "VARCHAR");
        }
        buf_puts(out, ") AS ");
        sql_add_name(out, name);
    }
}

static void add_group(const struct table_view_parts *parts, const struct group *group,
                      struct buf *out)
{
    buf_puts(out, "SELECT ");
    if (group->is_current) {
        add_columns(parts, true, out);
    } else if (group->is_tagged) {
        buf_puts(out, "*");
    } else {
        add_partition_constants(parts->snapshot, group->sample, out);
    }
    buf_puts(out, " FROM read_parquet([");
    buf_add_str(out, buf_str(&group->paths));
    buf_printf(out, "],hive_partitioning=false,union_by_name=%s)",
               group->is_tagged ? "false" : "true");
}

static void add_hot(const struct table_view_parts *parts, struct buf *out)
{
    buf_puts(out, "SELECT ");
    add_columns(parts, false, out);
    buf_printf(out, " FROM %s", parts->hot_table);
    if (parts->hot_from == NULL) {
        return;
    }
    buf_puts(out, " WHERE _offset >= ([");
    for (uint32_t p = 0; p < parts->partition_count; p++) {
        buf_printf(out, "%s%lld", p == 0 ? "" : ",", (long long)parts->hot_from[p]);
    }
    buf_puts(out, "]::BIGINT[])[_partition + 1]");
}

/* The branches of the union. When all have every column in order, no matching by name is needed. */
static void add_union(const struct table_view_parts *parts, const struct groups *groups,
                      bool by_name, struct buf *out)
{
    const char *glue = "";
    const char *next = by_name ? " UNION ALL BY NAME " : " UNION ALL ";
    if (by_name && add_template(parts, out)) {
        glue = next;
    }
    for (size_t i = 0; i < groups->count; i++) {
        buf_puts(out, glue);
        add_group(parts, &groups->items[i], out);
        glue = next;
    }
    if (parts->hot_table != NULL) {
        buf_puts(out, glue);
        add_hot(parts, out);
        glue = next;
    }
    if (parts->tail != NULL) {
        buf_puts(out, glue);
        buf_puts(out, "SELECT ");
        add_columns(parts, false, out);
        buf_printf(out, " FROM %s", parts->tail);
    }
}

err table_view_sql(const struct table_view_parts *parts, struct buf *out, struct errmsg *msg)
{
    ASSERT(parts->column_count > 0);
    AUTO_GROUPS groups = {0};
    if (parts->snapshot != NULL) {
        TRY(lake_snapshot_check_plain_read(parts->snapshot, msg));
        struct lake_file_iter it = lake_snapshot_files(parts->snapshot);
        for (const struct lake_file *f; (f = lake_files_next(&it)) != NULL;) {
            TRY(add_file(&groups, parts, f, msg));
        }
    }
    bool by_name = groups.count == 0 && parts->hot_table == NULL && parts->tail == NULL;
    for (size_t i = 0; i < groups.count; i++) {
        by_name = by_name || !groups.items[i].is_current;
    }
    if (by_name) {
        buf_puts(out, "SELECT ");
        add_columns(parts, false, out);
        buf_puts(out, " FROM (");
    }
    add_union(parts, &groups, by_name, out);
    buf_puts(out, by_name ? ")" : "");
    return buf_check(out);
}
