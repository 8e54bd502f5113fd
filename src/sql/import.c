/* SPDX-License-Identifier: MIT */
/* import.c - see import.h. */
#include "sql/import.h"

#include "base/json.h"
#include "os/file.h"
#include "sql/csv_dialect.h"
#include "sql/import_int.h"

enum { SQL_BYTES_MAX = 16 << 20, NAME_BYTES_MAX = 1024 };

struct import_column {
    char *name;         /* owned; in the table */
    char *source;       /* owned; in the file */
    char *read_type;    /* owned; text formats: what the reader is told; Parquet: what it has */
    char *delta;        /* owned */
    const char *cast;   /* static or NULL: as it is; "%s" is the column */
    char *wider;        /* owned or NULL: SQL type that it is cast to */
    char *nested_delta; /* owned or NULL: of a nested column that keeps its type */
    char *nested_sql;   /* owned, likewise */
};

struct import_run {
    struct sql_conn *conn;
    const struct sql_import_options *options;
    const char *path; /* what is read now */
    struct csv_dialect dialect;
    struct import_column *columns; /* owned */
    size_t count;
    struct buf error; /* DuckDB's whole words */
};

/* ---- types ---- */

/* How each of DuckDB's types comes into the table. */
static const struct import_type_rule type_rules[] = {
    {"BOOLEAN", "boolean", NULL},
    {"TINYINT", "byte", NULL},
    {"SMALLINT", "short", NULL},
    {"INTEGER", "integer", NULL},
    {"BIGINT", "long", NULL},
    {"FLOAT", "float", NULL},
    {"DOUBLE", "double", NULL},
    {"VARCHAR", "string", NULL},
    {"BLOB", "binary", NULL},
    {"DATE", "date", NULL},
    {"TIMESTAMP WITH TIME ZONE", "timestamp", NULL},
    {"TIMESTAMP", "timestamp", "CAST(%s AS TIMESTAMPTZ)"},
    {"TIMESTAMP_S", "timestamp", "CAST(CAST(%s AS TIMESTAMP) AS TIMESTAMPTZ)"},
    {"TIMESTAMP_MS", "timestamp", "CAST(CAST(%s AS TIMESTAMP) AS TIMESTAMPTZ)"},
    {"TIMESTAMP_NS", "timestamp", "CAST(CAST(%s AS TIMESTAMP) AS TIMESTAMPTZ)"},
    {"UTINYINT", "short", "CAST(%s AS SMALLINT)"},
    {"USMALLINT", "integer", "CAST(%s AS INTEGER)"},
    {"UINTEGER", "long", "CAST(%s AS BIGINT)"},
    {"UBIGINT", "decimal(20,0)", "CAST(%s AS DECIMAL(20,0))"},
    {"HUGEINT", "decimal(38,0)", "CAST(%s AS DECIMAL(38,0))"},
    {"UHUGEINT", "decimal(38,0)", "CAST(%s AS DECIMAL(38,0))"},
    {"TIME", "string", "CAST(%s AS VARCHAR)"},
    {"TIME_NS", "string", "CAST(%s AS VARCHAR)"},
    {"TIME WITH TIME ZONE", "string", "CAST(%s AS VARCHAR)"},
    {"UUID", "string", "CAST(%s AS VARCHAR)"},
    {"INTERVAL", "string", "CAST(%s AS VARCHAR)"},
    {"BIT", "string", "CAST(%s AS VARCHAR)"},
    {"BIGNUM", "string", "CAST(%s AS VARCHAR)"},
    {"JSON", "string", "CAST(%s AS VARCHAR)"},
    {"NULL", "string", "CAST(%s AS VARCHAR)"},
    {"ENUM", "string", "CAST(%s AS VARCHAR)"},
};

const struct import_type_rule *import_type_rule(struct str sql_type)
{
    struct str base = str_starts(sql_type, STR("ENUM(")) ? STR("ENUM") : sql_type;
    for (size_t i = 0; i < ARRAY_LEN(type_rules); i++) {
        if (str_is(base, type_rules[i].sql)) {
            return &type_rules[i];
        }
    }
    return NULL;
}

static bool is_nested(struct str type)
{
    return str_ends(type, STR("]")) || str_starts(type, STR("STRUCT(")) ||
           str_starts(type, STR("MAP("));
}

/* A nested column as text that holds JSON. */
static void make_json(struct import_column *c)
{
    free(c->delta);
    c->delta = xstrdup("string");
    c->cast = "CAST(to_json(%s) AS VARCHAR)";
}

/* Sets delta and cast from the SQL name of a type. */
static err apply_type(struct import_column *c, struct str type, struct errmsg *msg)
{
    free(c->delta);
    c->delta = NULL;
    c->cast = NULL;
    if (str_starts(type, STR("DECIMAL("))) {
        c->delta = xasprintf("decimal(%.*s", (int)type.len - 8, type.ptr + 8);
        return ERR_OK;
    }
    if (is_nested(type)) {
        if (c->nested_delta == NULL) {
            make_json(c);
            return ERR_OK;
        }
        c->delta = xstrdup(c->nested_delta);
        c->wider = c->wider != NULL ? c->wider : xstrdup(c->nested_sql);
        return ERR_OK;
    }
    const struct import_type_rule *rule = import_type_rule(type);
    if (rule != NULL) {
        c->delta = xstrdup(rule->delta);
        c->cast = rule->cast;
        return ERR_OK;
    }
    return errmsg_set(
        msg, ERR_UNSUPPORTED,
        "column %.100s: the type %.*s has no place in a Delta table; turn it into text "
        "or leave the column out",
        c->name, (int)MIN(type.len, (size_t)60), type.ptr);
}

char *import_sql_type(struct str delta)
{
    if (str_starts(delta, STR("decimal("))) {
        return xasprintf("DECIMAL(%.*s", (int)delta.len - 8, delta.ptr + 8);
    }
    for (size_t i = 0; i < ARRAY_LEN(type_rules); i++) {
        if (type_rules[i].cast == NULL && str_is(delta, type_rules[i].delta)) {
            return xstrdup(type_rules[i].sql);
        }
    }
    return NULL;
}

static bool decimal_parts(const char *delta, uint64_t *digits, uint64_t *scale)
{
    struct str rest = str_from(delta);
    struct str part;
    if (!str_starts(rest, STR("decimal(")) || !str_ends(rest, STR(")"))) {
        return false;
    }
    rest = str_of(rest.ptr + 8, rest.len - 9);
    return str_split(&rest, ',', &part) && str_to_u64(str_trim(part), digits) && rest.ptr != NULL &&
           str_to_u64(str_trim(rest), scale);
}

/* Does every value of one type have its place in the other? */
static bool widens(const char *from, const char *to)
{
    static const char *const steps[][2] = {
        {"byte", "short"},     {"byte", "integer"}, {"byte", "long"},   {"short", "integer"},
        {"short", "long"},     {"integer", "long"}, {"byte", "double"}, {"short", "double"},
        {"integer", "double"}, {"float", "double"}, {"byte", "float"},  {"short", "float"},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (strcmp(from, steps[i][0]) == 0 && strcmp(to, steps[i][1]) == 0) {
            return true;
        }
    }
    uint64_t d1 = 0;
    uint64_t s1 = 0;
    uint64_t d2 = 0;
    uint64_t s2 = 0;
    return decimal_parts(from, &d1, &s1) && decimal_parts(to, &d2, &s2) && s2 >= s1 &&
           d2 - s2 >= d1 - s1;
}

/* ---- names ---- */

/* The column's name in the table, cleaned when asked for. */
static err take_name(const struct import_run *r, struct import_column *c, size_t index,
                     struct errmsg *msg)
{
    static const char forbidden[] = " ,;{}()\n\t=";
    size_t len = strlen(c->source);
    if (len == 0 || len > NAME_BYTES_MAX) {
        return errmsg_set(
            msg, ERR_INVALID,
            len == 0 ? "column %zu has no name" : "the name of column %zu is too long", index + 1);
    }
    c->name = xstrdup(c->source);
    size_t bad = strcspn(c->name, forbidden);
    if (c->name[bad] == '\0' || r->options->any_names) {
        return ERR_OK;
    }
    if (!r->options->clean_names) {
        return errmsg_set(
            msg, ERR_INVALID,
            "column %zu: Delta Lake does not allow the name \"%.100s\" (none of \" "
            ",;{}()=\", tab, newline); rename it, or say names=clean to have _ for them",
            index + 1, c->source);
    }
    for (; c->name[bad] != '\0'; bad += strcspn(c->name + bad, forbidden)) {
        c->name[bad] = '_';
    }
    return ERR_OK;
}

static err check_names(const struct import_run *r, struct errmsg *msg)
{
    for (size_t i = 0; i < r->count; i++) {
        for (size_t j = i + 1; j < r->count; j++) {
            if (str_eq_nocase(str_from(r->columns[i].name), str_from(r->columns[j].name))) {
                return errmsg_set(msg, ERR_INVALID,
                                  "columns %zu and %zu have the same name but for case: \"%.60s\", "
                                  "\"%.60s\"; rename one",
                                  i + 1, j + 1, r->columns[i].name, r->columns[j].name);
            }
        }
    }
    return ERR_OK;
}

static err add_column(struct import_run *r, struct str source, struct str type, struct errmsg *msg)
{
    if (r->count == SQL_IMPORT_COLUMNS_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "more than %d columns", SQL_IMPORT_COLUMNS_MAX);
    }
    struct import_column *c = &r->columns[r->count++];
    *c = (struct import_column){.source = xstrndup(source.ptr, source.len),
                                .read_type = xstrndup(type.ptr, type.len)};
    return take_name(r, c, r->count - 1, msg);
}

static void drop_columns(struct import_run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct import_column *c = &r->columns[i];
        free(c->name);
        free(c->source);
        free(c->read_type);
        free(c->delta);
        free(c->wider);
        free(c->nested_delta);
        free(c->nested_sql);
    }
    r->count = 0;
}

/* ---- running with DuckDB's whole words at hand ---- */

static err explain(struct import_run *r, err e, struct errmsg *msg)
{
    if (e == ERR_OK || r->error.len == 0) {
        return e;
    }
    e = sql_import_error(buf_str(&r->error), e, msg);
    buf_reset(&r->error);
    return e;
}

static void set_read_type(struct import_column *c, const char *type)
{
    free(c->read_type);
    c->read_type = xstrdup(type);
}

/* ---- the readers' texts ---- */

static void add_char(struct buf *sql, char c)
{
    sql_add_text(sql, str_of(&c, 1));
}

static void add_csv_options(const struct import_run *r, struct buf *sql)
{
    sql_add_path(sql, str_from(r->path));
    buf_puts(sql, ",delim=");
    add_char(sql, r->dialect.delimiter);
    buf_puts(sql, ",quote=");
    add_char(sql, r->dialect.quote);
    buf_puts(sql, ",escape=");
    add_char(sql, r->dialect.quote);
    buf_printf(sql, ",header=%s,skip=0,comment='',strict_mode=true,compression='none'",
               r->options->no_header ? "false" : "true");
}

/* `all_text`: every column as text, for a look at what stands there. */
static void add_column_types(const struct import_run *r, bool all_text, struct buf *sql)
{
    buf_puts(sql, ",columns={");
    for (size_t i = 0; i < r->count; i++) {
        buf_puts(sql, i == 0 ? "" : ",");
        sql_add_text(sql, str_from(r->columns[i].source));
        buf_puts(sql, ":");
        sql_add_text(sql, str_from(all_text ? "VARCHAR" : r->columns[i].read_type));
    }
    buf_puts(sql, "}");
}

static void add_reader(const struct import_run *r, bool all_text, struct buf *sql)
{
    switch (r->options->format) {
    case SQL_IMPORT_CSV:
        buf_puts(sql, "read_csv(");
        add_csv_options(r, sql);
        buf_puts(sql, ",auto_detect=false");
        add_column_types(r, all_text, sql);
        break;
    case SQL_IMPORT_NDJSON:
        buf_puts(sql, "read_json(");
        sql_add_path(sql, str_from(r->path));
        buf_puts(sql, ",format='newline_delimited',records='true',compression='uncompressed'");
        add_column_types(r, all_text, sql);
        break;
    case SQL_IMPORT_PARQUET:
        buf_puts(sql, "read_parquet(");
        sql_add_path(sql, str_from(r->path));
        buf_puts(sql, ",hive_partitioning=false");
        break;
    }
    buf_puts(sql, ")");
}

static void add_expression(const struct import_column *c, struct buf *sql)
{
    AUTO_BUF name = buf_make(4 * NAME_BYTES_MAX);
    sql_add_name(&name, str_from(c->source));
    if (c->wider != NULL) {
        buf_puts(sql, "CAST(");
    }
    const char *hole = c->cast == NULL ? NULL : strstr(c->cast, "%s");
    if (hole != NULL) {
        buf_add(sql, c->cast, (size_t)(hole - c->cast));
    }
    buf_add_str(sql, buf_str(&name));
    buf_puts(sql, hole == NULL ? "" : hole + 2);
    if (c->wider != NULL) {
        buf_printf(sql, " AS %s)", c->wider);
    }
    buf_puts(sql, " AS ");
    sql_add_name(sql, str_from(c->name));
}

static void add_select(const struct import_run *r, struct buf *sql)
{
    buf_puts(sql, "SELECT ");
    for (size_t i = 0; i < r->count; i++) {
        buf_puts(sql, i == 0 ? "" : ",");
        add_expression(&r->columns[i], sql);
    }
    buf_puts(sql, " FROM ");
    add_reader(r, false, sql);
}

static void note_nested(struct import_column *c, duckdb_logical_type type)
{
    AUTO_BUF delta = buf_make(1 << 20);
    AUTO_BUF sql = buf_make(1 << 20);
    if (import_nested_type(type, &delta, &sql)) {
        c->nested_delta = xstrdup(buf_cstr(&delta));
        c->nested_sql = xstrdup(buf_cstr(&sql));
    }
}

/* Columns of a SELECT by their SQL types. */
static err describe(struct import_run *r, const char *sql, struct errmsg *msg)
{
    duckdb_prepared_statement prepared = NULL;
    err e = ERR_OK;
    if (duckdb_prepare(r->conn->handle, sql, &prepared) != DuckDBSuccess) {
        e = sql_conn_map_error(r->conn, duckdb_prepare_error(prepared), msg);
    }
    idx_t count = e == ERR_OK ? duckdb_prepared_statement_column_count(prepared) : 0;
    r->columns = xrealloc(r->columns, SQL_IMPORT_COLUMNS_MAX + 1, sizeof *r->columns);
    for (idx_t i = 0; i < count && e == ERR_OK; i++) {
        duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(prepared, i);
        const char *name = duckdb_prepared_statement_column_name(prepared, i);
        char *alias = duckdb_logical_type_get_alias(type);
        AUTO_BUF text = buf_make(1 << 20);
        if (alias != NULL && strcmp(alias, "JSON") == 0) {
            buf_puts(&text, alias);
        } else {
            sql_type_text(type, &text);
        }
        e = add_column(r, str_from(name), buf_str(&text), msg);
        if (e == ERR_OK && r->options->format == SQL_IMPORT_PARQUET) {
            note_nested(&r->columns[r->count - 1], type);
        }
        duckdb_free(alias);
        duckdb_free((void *)(uintptr_t)name);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_destroy_prepare(&prepared);
    return e;
}

/* ---- CSV ---- */

/* Reads everything as text: finds the line that is wrong. */
static err scan_for_error(struct import_run *r, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(SQL_BYTES_MAX);
    buf_puts(&sql, "SELECT max(length(COLUMNS(*))) FROM "); /* every column is looked at */
    add_reader(r, true, &sql);
    TRY(buf_check(&sql));
    buf_reset(&r->error);
    return sql_exec(r->conn, buf_cstr(&sql), msg);
}

static err name_csv_columns(struct import_run *r, struct str sample, struct errmsg *msg)
{
    AUTO_BUF names = buf_make(CSV_SAMPLE_BYTES + 16);
    size_t count = 0;
    TRY(csv_first_record(sample, &r->dialect, &names, &count, msg));
    r->columns = xrealloc(r->columns, SQL_IMPORT_COLUMNS_MAX + 1, sizeof *r->columns);
    const char *at = names.data;
    for (size_t i = 0; i < count; i++) {
        char made[32];
        (void)snprintf(made, sizeof made, "column%zu", i); /* fits */
        struct str name = str_from(r->options->no_header ? made : at);
        if (!str_is_utf8(name)) {
            return errmsg_set(msg, ERR_INVALID,
                              "line 1: the bytes are not UTF-8; save the file as "
                              "UTF-8 (for Latin-1: iconv -f LATIN1 -t UTF-8)");
        }
        TRY(add_column(r, name, STR("VARCHAR"), msg));
        at += strlen(at) + 1;
    }
    return check_names(r, msg);
}

/* A number of very many digits is not a DOUBLE but text, a key of some kind. */
static err keep_long_numbers(struct import_run *r, int64_t rows, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(SQL_BYTES_MAX);
    buf_puts(&sql, "SELECT concat(''");
    bool any = false;
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->columns[i].read_type, "DOUBLE") == 0) {
            any = true;
            buf_puts(&sql, ",CASE WHEN bool_or(regexp_full_match(");
            sql_add_name(&sql, str_from(r->columns[i].source));
            buf_printf(&sql, ",'[+-]?[0-9]{17,}')) THEN '%zu,' ELSE '' END", i);
        }
    }
    buf_puts(&sql, ") FROM (SELECT * FROM ");
    add_reader(r, true, &sql);
    buf_puts(&sql, rows > 0 ? "" : ")");
    if (rows > 0) {
        buf_printf(&sql, " LIMIT %lld)", (long long)rows);
    }
    if (!any) {
        return ERR_OK;
    }
    AUTO_BUF found = buf_make(1 << 20);
    TRY(buf_check(&sql));
    TRY(sql_query_text(r->conn, buf_cstr(&sql), &found, msg));
    struct str rest = buf_str(&found);
    struct str part;
    uint64_t index = 0;
    while (str_split(&rest, ',', &part)) {
        if (str_to_u64(part, &index) && index < r->count) {
            set_read_type(&r->columns[index], "VARCHAR");
        }
    }
    return ERR_OK;
}

/* Types of the columns out of sniff_csv's list [{"name":…,"type":…}]. */
static err take_sniffed(struct import_run *r, struct str text, struct errmsg *msg)
{
    AUTO_JSON list = NULL;
    TRY(json_parse(text, &list, msg));
    if (json_array_size(list) != r->count) {
        return scan_for_error(r, msg);
    }
    for (size_t i = 0; i < r->count; i++) {
        struct str type = {0};
        TRY(json_get_str(json_array_get(list, i), "type", &type, msg));
        AUTO_TEXT copy = xstrndup(type.ptr, type.len);
        set_read_type(&r->columns[i], copy);
    }
    return ERR_OK;
}

static err sniff_csv(struct import_run *r, int64_t rows, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(SQL_BYTES_MAX);
    /* Dates are those that begin with the year: 03/04 means two days to two people. */
    buf_puts(&sql,
             "SELECT to_json(list_transform(\"Columns\",c -> {'name':c.name,'type':CASE WHEN "
             "c.type='DATE' AND coalesce(\"DateFormat\",'%Y')[1:2]<>'%Y' THEN 'VARCHAR' WHEN "
             "c.type LIKE 'TIMESTAMP%' AND coalesce(\"TimestampFormat\",'%Y')[1:2]<>'%Y' THEN "
             "'VARCHAR' ELSE c.type END}))::VARCHAR FROM sniff_csv(");
    add_csv_options(r, &sql);
    buf_printf(&sql,
               ",sample_size=%lld,auto_type_candidates=['BOOLEAN','BIGINT','DOUBLE','DATE',"
               "'TIMESTAMP','TIMESTAMPTZ','VARCHAR'])",
               (long long)rows);
    AUTO_BUF found = buf_make(SQL_BYTES_MAX);
    TRY(buf_check(&sql));
    err e = sql_query_text(r->conn, buf_cstr(&sql), &found, msg);
    if (e == ERR_INVALID) { /* what it says about candidates helps nobody: which line is it? */
        TRY(scan_for_error(r, msg));
        return errmsg_set(msg, ERR_INVALID, "the file cannot be read as CSV with delimiter '%c'",
                          r->dialect.delimiter);
    }
    TRY(e);
    TRY(take_sniffed(r, buf_str(&found), msg));
    return keep_long_numbers(r, rows, msg);
}

static err find_csv(struct import_run *r, int64_t rows, struct errmsg *msg)
{
    AUTO_FD fd = -1;
    TRY(os_open(r->path, O_RDONLY, &fd, msg));
    AUTO_TEXT bytes = malloc(CSV_SAMPLE_BYTES);
    size_t got = 0;
    if (bytes == NULL) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for a look at the file");
    }
    TRY(os_pread(fd, bytes, CSV_SAMPLE_BYTES, 0, &got, msg));
    r->dialect =
        (struct csv_dialect){.delimiter = r->options->delimiter, .quote = r->options->quote};
    TRY(csv_dialect_detect(str_of(bytes, got), &r->dialect, msg));
    TRY(name_csv_columns(r, str_of(bytes, got), msg));
    return sniff_csv(r, rows, msg);
}

/* ---- NDJSON ---- */

/* Two fields that differ only in case: DuckDB gives the second another name. */
static err check_fields(const struct import_run *r, struct errmsg *msg)
{
    for (size_t i = 0; i < r->count; i++) {
        const char *name = r->columns[i].source;
        const char *mark = strrchr(name, '_');
        size_t len = mark == NULL ? 0 : (size_t)(mark - name);
        for (size_t j = 0; j < i && len > 0; j++) {
            struct str other = str_from(r->columns[j].source);
            if (strspn(mark + 1, "0123456789") == strlen(mark + 1) && mark[1] != '\0' &&
                !str_eq(other, str_of(name, len)) && str_eq_nocase(other, str_of(name, len))) {
                return errmsg_set(
                    msg, ERR_INVALID,
                    "the fields \"%.60s\" and \"%.*s\" differ only in case; rename one",
                    r->columns[j].source, (int)MIN(len, (size_t)60), name);
            }
        }
    }
    return ERR_OK;
}

/* DuckDB calls a field without a name C0, C1, ... and then finds nothing under that name: its
 * values would be lost. */
static err check_nameless(struct import_run *r, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(SQL_BYTES_MAX);
    int64_t found = 0;
    buf_puts(&sql, "SELECT count(*) FROM (SELECT 1 FROM read_json_objects(");
    sql_add_path(&sql, str_from(r->path));
    buf_puts(&sql, ",format='newline_delimited',compression='uncompressed') "
                   "WHERE list_contains(json_keys(json),'') LIMIT 1)");
    TRY(buf_check(&sql));
    TRY(sql_query_i64(r->conn, buf_cstr(&sql), &found, msg));
    return found == 0 ? ERR_OK : errmsg_set(msg, ERR_INVALID, "a field has no name; give it one");
}

static bool has_name_of_nameless(const struct import_run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        char made[32];
        (void)snprintf(made, sizeof made, "C%zu", i); /* fits */
        if (strcmp(r->columns[i].source, made) == 0) {
            return true;
        }
    }
    return false;
}

static err find_ndjson(struct import_run *r, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(SQL_BYTES_MAX);
    buf_puts(&sql, "SELECT * FROM read_json(");
    sql_add_path(&sql, str_from(r->path));
    buf_puts(&sql,
             ",format='newline_delimited',records='true',compression='uncompressed',sample_size=-1,"
             "maximum_depth=2)");
    TRY(buf_check(&sql));
    err e = describe(r, buf_cstr(&sql), msg);
    if (e == ERR_INVALID && r->count == 0) { /* which line? */
        struct import_run look = *r;
        struct import_column any = {.source = (char[]){'a', '\0'}};
        look.columns = &any;
        look.count = 1;
        AUTO_BUF scan = buf_make(SQL_BYTES_MAX);
        buf_puts(&scan, "SELECT count(a) FROM ");
        add_reader(&look, true, &scan);
        buf_reset(&r->error);
        TRY(sql_exec(r->conn, buf_cstr(&scan), msg));
        buf_reset(&r->error);
        TRY(check_nameless(r, msg));
        return errmsg_set(msg, ERR_INVALID, "line 1: the file holds no JSON object");
    }
    TRY(e);
    TRY(has_name_of_nameless(r) ? check_nameless(r, msg) : ERR_OK);
    TRY(check_fields(r, msg));
    for (size_t i = 0; i < r->count; i++) {
        static const char *const kept[] = {"BOOLEAN", "BIGINT", "DOUBLE", "HUGEINT", "DATE"};
        const char *type = r->columns[i].read_type;
        bool is_kept = false;
        for (size_t k = 0; k < ARRAY_LEN(kept); k++) {
            is_kept = is_kept || strcmp(type, kept[k]) == 0;
        }
        bool is_time = strncmp(type, "TIMESTAMP", 9) == 0;
        if (!is_kept) {
            set_read_type(&r->columns[i], is_time ? "TIMESTAMP WITH TIME ZONE" : "VARCHAR");
        }
    }
    return ERR_OK;
}

/* DuckDB reads a DECIMAL of more than 38 digits as a DOUBLE, and as a wrong one: 1 becomes 2^48.
 * parquet_schema() has the digits as they are in the file. */
err sql_import_check_parquet(struct sql_conn *conn, const char *path, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(SQL_BYTES_MAX);
    AUTO_BUF found = buf_make(1 << 20);
    buf_puts(&sql, "SELECT coalesce(min(name || ' is DECIMAL(' || digits || ')'),'') FROM (SELECT "
                   "name,coalesce(precision,try_cast(regexp_extract(logical_type,"
                   "'precision=([0-9]+)',1) AS BIGINT)) AS digits FROM parquet_schema(");
    sql_add_path(&sql, str_from(path));
    buf_puts(&sql, ") WHERE converted_type='DECIMAL' OR logical_type LIKE 'DecimalType%') "
                   "WHERE digits>38");
    TRY(buf_check(&sql));
    TRY(sql_query_text(conn, buf_cstr(&sql), &found, msg));
    if (found.len > 0) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "%.100s: tables hold at most 38 digits",
                          buf_cstr(&found));
    }
    return ERR_OK;
}

static err find_parquet(struct import_run *r, struct errmsg *msg)
{
    AUTO_BUF sql = buf_make(SQL_BYTES_MAX);
    TRY(sql_import_check_parquet(r->conn, r->path, msg));
    buf_puts(&sql, "SELECT * FROM ");
    add_reader(r, false, &sql);
    TRY(buf_check(&sql));
    return describe(r, buf_cstr(&sql), msg);
}

/* ---- what the caller and the table say about types ---- */

static struct import_column *column_named(const struct import_run *r, struct str name)
{
    for (size_t i = 0; i < r->count; i++) {
        if (str_eq_nocase(str_from(r->columns[i].name), name) ||
            str_eq_nocase(str_from(r->columns[i].source), name)) {
            return &r->columns[i];
        }
    }
    return NULL;
}

static bool type_text_is_plain(struct str type)
{
    int depth = 0; /* it goes inside a CAST and must not end it */
    for (size_t i = 0; i < type.len; i++) {
        char c = type.ptr[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == ' ' || c == '(' || c == ')' || c == ',';
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (!plain || depth < 0) {
            return false;
        }
    }
    return depth == 0 && type.len > 0 && type.len < 100;
}

/* The first "name:TYPE"; commas inside brackets belong to the type. */
static struct str first_declaration(struct str *rest)
{
    size_t depth = 0;
    size_t len = 0;
    for (; len < rest->len && (rest->ptr[len] != ',' || depth > 0); len++) {
        depth += rest->ptr[len] == '(';
        depth -= rest->ptr[len] == ')' && depth > 0;
    }
    struct str part = str_of(rest->ptr, len);
    size_t used = MIN(len + 1, rest->len);
    *rest = str_of(rest->ptr + used, rest->len - used);
    return part;
}

/* "date" is DATE: the SQL name that DuckDB gives a type the caller wrote. */
static err canonical_type(struct import_run *r, struct str type, struct buf *out,
                          struct errmsg *msg)
{
    AUTO_TEXT sql = xasprintf("SELECT typeof(CAST(NULL AS %.*s))", STR_ARGS(type));
    struct errmsg ignored = {0};
    if (!type_text_is_plain(type) || sql_query_text(r->conn, sql, out, &ignored) != ERR_OK) {
        buf_reset(&r->error);
        return errmsg_set(msg, ERR_INVALID, "types: \"%.*s\" is no type", STR_ARGS(type));
    }
    return ERR_OK;
}

static err apply_declared(struct import_run *r, struct errmsg *msg)
{
    struct str rest = str_from(r->options->types);
    while (rest.len > 0) {
        struct str part = first_declaration(&rest);
        ptrdiff_t colon = -1;
        for (size_t i = 0; i < part.len; i++) {
            colon = part.ptr[i] == ':' ? (ptrdiff_t)i : colon;
        }
        if (colon <= 0) {
            return errmsg_set(msg, ERR_INVALID, "types: \"%.*s\" is not NAME:TYPE", STR_ARGS(part));
        }
        struct str name = str_trim(str_of(part.ptr, (size_t)colon));
        struct str type = str_trim(str_of(part.ptr + colon + 1, part.len - (size_t)colon - 1));
        struct import_column *c = column_named(r, name);
        AUTO_BUF sql_type = buf_make(4096);
        if (c == NULL) {
            return errmsg_set(msg, ERR_INVALID, "types: the file has no column \"%.*s\"",
                              STR_ARGS(name));
        }
        TRY(canonical_type(r, type, &sql_type, msg));
        set_read_type(c, buf_cstr(&sql_type));
    }
    return ERR_OK;
}

static bool same_type(const char *a, const char *b)
{
    AUTO_JSON left = NULL;
    AUTO_JSON right = NULL;
    if (strcmp(a, b) == 0) {
        return true;
    }
    return a[0] == '{' && b[0] == '{' && json_parse(str_from(a), &left, NULL) == ERR_OK &&
           json_parse(str_from(b), &right, NULL) == ERR_OK && json_equal(left, right) == 1;
}

/* Text is read with the table's type; Parquet must have it, or one that widens to it. */
static err apply_table(struct import_run *r, struct import_column *c,
                       const struct sql_import_column *in_table, struct errmsg *msg)
{
    free(c->name);
    c->name = xstrdup(in_table->name); /* in its spelling */
    AUTO_TEXT sql_type = import_sql_type(str_from(in_table->delta));
    if (r->options->format != SQL_IMPORT_PARQUET && sql_type != NULL) {
        set_read_type(c, sql_type);
        return apply_type(c, str_from(sql_type), msg);
    }
    TRY(apply_type(c, str_from(c->read_type), msg));
    if (same_type(c->delta, in_table->delta)) {
        return ERR_OK;
    }
    if (c->nested_delta != NULL && strcmp(in_table->delta, "string") == 0) {
        free(c->wider);
        c->wider = NULL;
        make_json(c);
        return ERR_OK;
    }
    if (sql_type == NULL || !widens(c->delta, in_table->delta)) {
        return errmsg_set(
            msg, ERR_CONFLICT,
            "column %.100s is %.60s in the file and %.60s in the table; change the file, "
            "or replace the table (mode=replace)",
            in_table->name, c->read_type, sql_type != NULL ? sql_type : in_table->delta);
    }
    free(c->wider);
    c->wider = TAKE(sql_type);
    free(c->delta);
    c->delta = xstrdup(in_table->delta);
    return ERR_OK;
}

static err settle_types(struct import_run *r, struct errmsg *msg)
{
    const struct sql_import_columns *table = r->options->table;
    TRY(check_names(r, msg));
    if (r->options->types != NULL && r->options->format != SQL_IMPORT_PARQUET) {
        TRY(apply_declared(r, msg));
    }
    for (size_t i = 0; i < r->count; i++) {
        struct import_column *c = &r->columns[i];
        const struct sql_import_column *in_table = NULL;
        for (size_t k = 0; table != NULL && k < table->count && in_table == NULL; k++) {
            bool same = str_eq_nocase(str_from(table->items[k].name), str_from(c->name));
            in_table = same ? &table->items[k] : NULL;
        }
        if (in_table != NULL) {
            TRY(apply_table(r, c, in_table, msg));
        } else {
            TRY(apply_type(c, str_from(c->read_type), msg));
        }
    }
    return ERR_OK;
}

/* Names and types. */
static err find_columns(struct import_run *r, int64_t rows, struct errmsg *msg)
{
    drop_columns(r);
    err e = ERR_OK;
    switch (r->options->format) {
    case SQL_IMPORT_CSV:
        e = find_csv(r, rows, msg);
        break;
    case SQL_IMPORT_NDJSON:
        e = find_ndjson(r, msg);
        break;
    case SQL_IMPORT_PARQUET:
        e = find_parquet(r, msg);
        break;
    }
    TRY(explain(r, e, msg));
    return settle_types(r, msg);
}

/* ---- the copy ---- */

static err empty_target(const char *path, struct errmsg *msg)
{
    TRY(os_remove_tree(path, msg));
    return os_mkdirs(path, msg);
}

static err copy(struct import_run *r, sql_land_file_fn *on_file, void *ctx, uint64_t *out_rows,
                struct errmsg *msg)
{
    AUTO_BUF select = buf_make(SQL_BYTES_MAX);
    add_select(r, &select);
    TRY(buf_check(&select));
    struct sql_copy_options options = {
        .select_sql = buf_cstr(&select),
        .target_dir = r->options->target_dir,
        .partition_columns = r->options->partition_columns,
        .partition_count = r->options->partition_count,
        .file_bytes = r->options->partition_count > 0 ? 0 : SQL_IMPORT_FILE_BYTES,
    };
    buf_reset(&r->error);
    return explain(r, sql_copy_partitioned(r->conn, &options, on_file, ctx, out_rows, msg), msg);
}

static void give_columns(struct import_run *r, struct sql_import_columns *out)
{
    out->items = xnew_array(struct sql_import_column, r->count + 1);
    out->count = r->count;
    for (size_t i = 0; i < r->count; i++) {
        struct import_column *c = &r->columns[i];
        char *type = import_sql_type(str_from(c->delta));
        type = type == NULL && c->nested_sql != NULL ? xstrdup(c->nested_sql) : type;
        out->items[i] = (struct sql_import_column){.name = TAKE(c->name),
                                                   .type = type != NULL ? type : xstrdup("VARCHAR"),
                                                   .delta = TAKE(c->delta)};
    }
}

static int64_t sample_rows(const struct sql_import_options *options)
{
    return options->sample_rows != 0 ? options->sample_rows : SQL_IMPORT_SAMPLE_ROWS;
}

/* The first rows misled, maybe: it is a value that does not fit its column. */
static bool may_be_types(const struct import_run *r, err e, const struct errmsg *msg)
{
    return e == ERR_INVALID && r->options->format == SQL_IMPORT_CSV &&
           r->options->sample_rows == 0 && strstr(msg->text, ", column ") != NULL;
}

/* While the file comes. Errors: AGAIN when its first records are no such file; copy()'s. */
static err run_stream(struct import_run *r, sql_land_file_fn *on_file, void *ctx,
                      uint64_t *out_rows, struct errmsg *msg)
{
    const struct sql_import_stream *stream = r->options->stream;
    r->path = stream->head_path;
    if (find_columns(r, sample_rows(r->options), msg) != ERR_OK) {
        return ERR_AGAIN; /* what is wrong is said by a look at the file as a whole */
    }
    r->path = stream->pipe_path;
    return copy(r, on_file, ctx, out_rows, msg);
}

static err run_whole(struct import_run *r, int64_t rows, sql_land_file_fn *on_file, void *ctx,
                     uint64_t *out_rows, struct errmsg *msg)
{
    r->path = r->options->path;
    TRY(find_columns(r, rows, msg));
    return copy(r, on_file, ctx, out_rows, msg);
}

static err run_import(struct import_run *r, sql_land_file_fn *on_file, void *ctx,
                      struct sql_import_columns *out_columns, uint64_t *out_rows,
                      struct errmsg *msg)
{
    const struct sql_import_stream *stream = r->options->stream;
    err e = ERR_AGAIN;
    if (stream != NULL) {
        e = run_stream(r, on_file, ctx, out_rows, msg);
        struct errmsg lost = {0};
        err came = stream->await(stream->ctx, e == ERR_OK, &lost);
        if (came != ERR_OK) {
            return errmsg_set(msg, came, "%s", lost.text);
        }
    }
    if (e == ERR_AGAIN) {
        e = run_whole(r, sample_rows(r->options), on_file, ctx, out_rows, msg);
    }
    if (may_be_types(r, e, msg)) { /* look at all of them */
        TRY(empty_target(r->options->target_dir, msg));
        e = run_whole(r, -1, on_file, ctx, out_rows, msg);
    }
    TRY(e);
    give_columns(r, out_columns);
    return ERR_OK;
}

static void run_begin(struct import_run *r, struct sql_conn *conn,
                      const struct sql_import_options *options)
{
    *r = (struct import_run){
        .conn = conn, .options = options, .path = options->path, .error = buf_make(1 << 20)};
    conn->error_text = &r->error;
}

static void run_end(struct import_run *r)
{
    r->conn->error_text = NULL;
    drop_columns(r);
    free(r->columns);
    buf_deinit(&r->error);
}

err sql_import(struct sql_conn *conn, const struct sql_import_options *options,
               sql_land_file_fn *on_file, void *ctx, struct sql_import_columns *out_columns,
               uint64_t *out_rows, struct errmsg *msg)
{
    ASSERT(options->path != NULL);
    ASSERT(options->target_dir != NULL);
    ASSERT(options->stream == NULL || options->format == SQL_IMPORT_CSV);
    struct import_run r;
    struct errmsg own = {0};
    run_begin(&r, conn, options);
    err e = run_import(&r, on_file, ctx, out_columns, out_rows, &own);
    run_end(&r);
    return e == ERR_OK ? e : errmsg_set(msg, e, "%s", own.text);
}

err sql_import_view(struct sql_conn *conn, const struct sql_import_options *options,
                    struct buf *out_select, struct sql_import_columns *out_columns,
                    struct errmsg *msg)
{
    struct import_run r;
    struct errmsg own = {0};
    run_begin(&r, conn, options);
    err e = find_columns(&r, sample_rows(options), &own);
    if (e == ERR_OK) {
        add_select(&r, out_select);
        e = buf_check(out_select);
    }
    if (e == ERR_OK) {
        give_columns(&r, out_columns);
    }
    run_end(&r);
    return e == ERR_OK ? e : errmsg_set(msg, e, "%s", own.text);
}

void sql_import_columns_deinit(struct sql_import_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        free(columns->items[i].name);
        free(columns->items[i].type);
        free(columns->items[i].delta);
    }
    free(columns->items);
    *columns = (struct sql_import_columns){0};
}

static const char *const format_names[] = {"csv", "parquet", "ndjson"};

const char *sql_import_format_name(enum sql_import_format format)
{
    return format_names[format];
}

bool sql_import_format_parse(struct str text, enum sql_import_format *out_format)
{
    for (size_t i = 0; i < ARRAY_LEN(format_names); i++) {
        if (str_eq_nocase(text, str_from(format_names[i]))) {
            *out_format = (enum sql_import_format)i;
            return true;
        }
    }
    return false;
}
