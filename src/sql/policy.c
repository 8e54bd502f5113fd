/* SPDX-License-Identifier: MIT */
/* policy.c - the walk over DuckDB's parse tree.
 *
 * Objects of the tree are told apart by "class" (expressions) and "type" (relations, query nodes,
 * modifiers, types). Every kind that may occur is listed here, every other is refused, so that a
 * construct of a newer version is closed until somebody opens it. Whatever carries a function's
 * name or a catalog is looked at, wherever it stands.
 *
 * Reading information_schema shows the tables of all sessions; the tree is changed to read the
 * session's own views instead (engine_session.c) and turned back into text. */
#include "sql/policy.h"

#include <strings.h>

#include "sql/duck.h"
#include "sql/policy_functions.h"

enum { JSON_BYTES_MAX = 32 << 20, SCOPE_MAX = 512, NAME_BYTES_MAX = 255, NEAR_FUNCTIONS_MAX = 3 };

struct walk {
    struct sql_policy_result *result; /* tables are added here */
    struct errmsg *msg;
    size_t nodes;
    size_t unions;
    size_t depth;
    const char *scope[SCOPE_MAX]; /* names of the CTEs that can be seen, innermost last */
    size_t scope_count;
    bool is_rewritten;
    uint32_t position; /* of what is looked at, in bytes from 1; 0: unknown */
};

static err walk_value(struct walk *w, json_t *value);

/* --- lists --- */

static int compare_names(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

static bool is_in(const char *const *list, size_t count, struct str name)
{
    char lower[NAME_BYTES_MAX + 1];
    if (name.len > NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    lower[name.len] = '\0';
    return strlen(lower) == name.len &&
           bsearch(lower, list, count, sizeof *list, compare_names) != NULL;
}

enum sql_function_class sql_policy_function(struct str name)
{
    return is_in(scalars_allowed, ARRAY_LEN(scalars_allowed), name) ? SQL_FUNCTION_ALLOWED
           : is_in(scalars_denied, ARRAY_LEN(scalars_denied), name) ? SQL_FUNCTION_DENIED
                                                                    : SQL_FUNCTION_UNKNOWN;
}

const char *sql_policy_function_name(size_t index)
{
    return index < ARRAY_LEN(scalars_allowed) ? scalars_allowed[index] : NULL;
}

enum sql_function_class sql_policy_table_function(struct str name)
{
    return is_in(tables_allowed, ARRAY_LEN(tables_allowed), name) ? SQL_FUNCTION_ALLOWED
           : is_in(tables_denied, ARRAY_LEN(tables_denied), name) ? SQL_FUNCTION_DENIED
                                                                  : SQL_FUNCTION_UNKNOWN;
}

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(str_from(text), list[i])) {
            return true;
        }
    }
    return false;
}
#define IS_ONE_OF(text, list) is_one_of((text), (list), ARRAY_LEN(list))

/* --- names --- */

/* Text of a member; "" when missing or not text. */
static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* A name that no replacement scan takes for a file. */
static bool is_plain(struct str name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool ok = c == '_' || c == '$' || c == ' ' || c == '-' || (c >= '0' && c <= '9') ||
                  (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
        if (!ok) {
            return false;
        }
    }
    return true;
}

static err deny(struct walk *w, const char *what, const char *name, const char *advice)
{
    (void)errmsg_set(w->msg, ERR_DENIED, "%s %.100s is not available in queries%s%s", what, name,
                     advice[0] != '\0' ? "; " : "", advice);
    if (w->msg != NULL) {
        w->msg->position = w->position;
    }
    return ERR_DENIED;
}

/* Remembers where the node stands, for what is said about it. drop_locations() made 0 of "none";
 * nothing but a statement's first word is at byte 0. */
static void note_position(struct walk *w, const json_t *node)
{
    json_int_t at = json_integer_value(json_object_get(node, "query_location"));
    w->position = at > 0 && at < UINT32_MAX ? (uint32_t)at + 1 : 0;
}

static bool is_cte(const struct walk *w, const char *name)
{
    for (size_t i = 0; i < w->scope_count; i++) {
        if (str_eq_nocase(str_from(w->scope[i]), str_from(name))) {
            return true;
        }
    }
    return false;
}

static err push_cte(struct walk *w, const char *name)
{
    if (!is_plain(str_from(name))) {
        return deny(w, "the name", name, "use letters, digits and _ in names after WITH");
    }
    if (w->scope_count == SCOPE_MAX) {
        return errmsg_set(w->msg, ERR_TOO_LARGE, "more than %d common table expressions",
                          SCOPE_MAX);
    }
    w->scope[w->scope_count++] = name;
    return ERR_OK;
}

static err add_table(struct walk *w, const char *schema, const char *name)
{
    struct sql_policy_result *result = w->result;
    for (size_t i = 0; i < result->table_count; i++) {
        if (str_eq_nocase(str_from(result->tables[i].schema), str_from(schema)) &&
            str_eq_nocase(str_from(result->tables[i].name), str_from(name))) {
            return ERR_OK;
        }
    }
    if (result->table_count == SQL_POLICY_TABLES_MAX) {
        return errmsg_set(w->msg, ERR_TOO_LARGE, "more than %d tables in one statement",
                          SQL_POLICY_TABLES_MAX);
    }
    if (result->tables == NULL) {
        result->tables = xnew_array(struct sql_table_ref, SQL_POLICY_TABLES_MAX);
    }
    result->tables[result->table_count++] = (struct sql_table_ref){
        .schema = xstrdup(schema), .name = xstrdup(name), .position = w->position};
    return ERR_OK;
}

/* --- relations --- */

static err walk_information(struct walk *w, json_t *table, const char *name)
{
    static const char *const views[] = {"tables", "columns", "schemata"};
    for (size_t i = 0; i < ARRAY_LEN(views); i++) {
        if (str_eq_nocase(str_from(name), str_from(views[i]))) {
            w->result->all_tables = true;
            w->is_rewritten = true;
            if (member(table, "alias")[0] == '\0') {
                (void)json_object_set_new(table, "alias",
                                          json_string(views[i])); /* checked by use */
            }
            (void)json_object_set_new(table, "schema_name", json_string("tarn")); /* likewise */
            return ERR_OK;
        }
    }
    return deny(w, "information_schema", name, "there are tables, columns and schemata");
}

static err walk_table(struct walk *w, json_t *table)
{
    static const char *const schemas[] = {"main", "gold", "silver", "bronze", "files"};
    const char *catalog = member(table, "catalog_name");
    const char *schema = member(table, "schema_name");
    const char *name = member(table, "table_name");
    if (catalog[0] != '\0') {
        return deny(w, "the catalog", catalog, "name tables as bronze.events or events");
    }
    if (json_is_object(json_object_get(table, "at_clause"))) {
        return deny(w, "AT (…) of", name, "queries see the latest rows");
    }
    if (schema[0] == '\0' && is_cte(w, name)) {
        return ERR_OK;
    }
    if (!is_plain(str_from(name))) {
        return deny(w, "the file or table", name, "SHOW TABLES lists what can be read");
    }
    if (str_eq_nocase(str_from(schema), STR("information_schema"))) {
        return walk_information(w, table, name);
    }
    bool is_known = schema[0] == '\0';
    for (size_t i = 0; i < ARRAY_LEN(schemas) && !is_known; i++) {
        is_known = str_eq_nocase(str_from(schema), str_from(schemas[i]));
    }
    if (!is_known) {
        return deny(w, "the schema", schema, "there are main, gold, silver, bronze and files");
    }
    bool is_main = schema[0] == '\0' || str_eq_nocase(str_from(schema), STR("main"));
    bool is_system = is_in(views_denied, ARRAY_LEN(views_denied), str_from(name)) ||
                     strncasecmp(name, "duckdb_", 7) == 0;
    if (is_main && is_system) {
        return deny(w, "the system view", name, "a table of that name needs its schema in front");
    }
    return add_table(w, schema, name);
}

static err walk_show(struct walk *w, json_t *show)
{
    if (json_is_object(json_object_get(show, "query"))) {
        return walk_value(w, json_object_get(show, "query"));
    }
    static const char *const lists[] = {"\"tables\"", "tables"};
    const char *name = member(show, "table_name");
    bool is_from = str_is(str_from(member(show, "show_type")), "SHOW_FROM");
    if (member(show, "catalog_name")[0] != '\0' || (!is_from && !IS_ONE_OF(name, lists))) {
        return deny(w, "SHOW", name, "there are SHOW TABLES and DESCRIBE with a table");
    }
    static const char *const schemas[] = {"main", "gold", "silver", "bronze", "files"};
    const char *schema = member(show, "schema_name");
    if (is_from && !IS_ONE_OF(schema, schemas)) {
        return deny(w, "the schema", schema, "there are main, gold, silver, bronze and files");
    }
    w->result->all_tables = true;
    return ERR_OK;
}

/* --- functions --- */

/* Whose function it is: DuckDB's own say nothing, "main" or "system". */
static bool is_builtin_place(const json_t *function)
{
    static const char *const places[] = {"", "main", "system"};
    return IS_ONE_OF(member(function, "catalog"), places) &&
           IS_ONE_OF(member(function, "schema"), places);
}

/* A name that is on no list: mistyped most of the time. */
static err unknown_function(struct walk *w, const char *name, bool in_table_position)
{
    const char *const *list = in_table_position ? tables_allowed : scalars_allowed;
    size_t count = in_table_position ? ARRAY_LEN(tables_allowed) : ARRAY_LEN(scalars_allowed);
    size_t limit = strlen(name) > 3 ? 2 : 1;
    size_t best = limit + 1;
    AUTO_BUF near = buf_make(4096);
    for (size_t i = 0; i < count; i++) {
        best = MIN(best, str_distance_nocase(str_from(list[i]), str_from(name), limit));
    }
    for (size_t i = 0, listed = 0; i < count && listed < NEAR_FUNCTIONS_MAX && best <= limit; i++) {
        if (str_distance_nocase(str_from(list[i]), str_from(name), limit) == best) {
            buf_printf(&near, "%s%s", listed == 0 ? "; did you mean " : ", ", list[i]);
            listed++;
        }
    }
    (void)errmsg_set(w->msg, ERR_DENIED, "there is no function %.100s that queries may use%s%s",
                     name, buf_cstr(&near), near.len > 0 ? "?" : "");
    if (w->msg != NULL) {
        w->msg->position = w->position;
    }
    return ERR_DENIED;
}

static err check_function(struct walk *w, const json_t *function, bool in_table_position)
{
    const char *name = member(function, "function_name");
    enum sql_function_class class = in_table_position ? sql_policy_table_function(str_from(name))
                                                      : sql_policy_function(str_from(name));
    if (class == SQL_FUNCTION_UNKNOWN && is_builtin_place(function)) {
        return unknown_function(w, name, in_table_position);
    }
    if (class != SQL_FUNCTION_ALLOWED || !is_builtin_place(function)) {
        return deny(w, in_table_position ? "the table function" : "the function", name,
                    in_table_position ? "SHOW TABLES lists what can be read" : "");
    }
    return ERR_OK;
}

/* --- the walk --- */

static err walk_members(struct walk *w, json_t *object, const char *except)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        if (except == NULL || !str_is(str_from(key), except)) {
            TRY(walk_value(w, value));
        }
    }
    return ERR_OK;
}

/* A query: its CTEs in order, each seeing those before it (and itself when recursive), then the
 * rest, which sees them all. */
static err walk_query(struct walk *w, json_t *query, const char *type)
{
    size_t mark = w->scope_count;
    json_t *map = json_object_get(json_object_get(query, "cte_map"), "map");
    for (size_t i = 0; i < json_array_size(map); i++) {
        const json_t *entry = json_array_get(map, i);
        json_t *inner =
            json_object_get(json_object_get(json_object_get(entry, "value"), "query"), "node");
        bool is_recursive = str_is(str_from(member(inner, "type")), "RECURSIVE_CTE_NODE");
        if (is_recursive) {
            TRY(push_cte(w, member(entry, "key")));
        }
        TRY(walk_members(w, json_object_get(entry, "value"), NULL));
        if (!is_recursive) {
            TRY(push_cte(w, member(entry, "key")));
        }
    }
    static const char *const with_name[] = {"RECURSIVE_CTE_NODE", "CTE_NODE"};
    if (IS_ONE_OF(type, with_name)) {
        TRY(push_cte(w, member(query, "cte_name")));
    }
    if (str_is(str_from(type), "SET_OPERATION_NODE") && ++w->unions > SQL_POLICY_UNIONS_MAX) {
        return errmsg_set(w->msg, ERR_TOO_LARGE, "more than %d UNIONs in one statement",
                          SQL_POLICY_UNIONS_MAX);
    }
    TRY(walk_members(w, query, "cte_map"));
    w->scope_count = mark;
    return ERR_OK;
}

/* information_schema.tables.x is tables.x of the view that is read instead. */
static void drop_information_schema(struct walk *w, json_t *names)
{
    const char *first = json_string_value(json_array_get(names, 0));
    if (json_array_size(names) > 2 && str_eq_nocase(str_from(first), STR("information_schema"))) {
        (void)json_array_remove(names, 0); /* it is there */
        w->is_rewritten = true;
    }
}

static err walk_expression(struct walk *w, json_t *expression, const char *class)
{
    static const char *const leaves[] = {"COLUMN_REF", "CONSTANT", "PARAMETER",
                                         "POSITIONAL_REFERENCE", "LAMBDA_REF"};
    static const char *const inner[] = {"BETWEEN",    "CASE",        "CAST",   "COLLATE",
                                        "COMPARISON", "CONJUNCTION", "LAMBDA", "OPERATOR",
                                        "STAR",       "SUBQUERY"};
    static const char *const functions[] = {"FUNCTION", "WINDOW"};
    if (IS_ONE_OF(class, leaves)) {
        drop_information_schema(w, json_object_get(expression, "column_names"));
        return ERR_OK;
    }
    note_position(w, expression);
    if (IS_ONE_OF(class, functions)) {
        TRY(check_function(w, expression, false));
    } else if (!IS_ONE_OF(class, inner)) {
        return deny(w, "an expression of kind", class, "");
    }
    return walk_members(w, expression, NULL);
}

static err walk_table_function(struct walk *w, json_t *relation)
{
    json_t *function = json_object_get(relation, "function");
    if (!str_is(str_from(member(function, "class")), "FUNCTION")) {
        return deny(w, "a table function of kind", member(function, "class"), "");
    }
    TRY(check_function(w, function, true));
    return walk_members(w, function, NULL); /* its arguments; its own name has been judged */
}

static err walk_kind(struct walk *w, json_t *object, const char *type)
{
    static const char *const queries[] = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE",
                                          "CTE_NODE"};
    static const char *const plain[] = {
        "SUBQUERY",
        "JOIN",
        "EXPRESSION_LIST",
        "EMPTY",
        "ORDER_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "DISTINCT_MODIFIER",
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
    };
    if (IS_ONE_OF(type, queries)) {
        return walk_query(w, object, type);
    }
    note_position(w, object);
    if (str_is(str_from(type), "BASE_TABLE")) {
        TRY(walk_table(w, object));
        return walk_members(w, object, "at_clause");
    }
    if (str_is(str_from(type), "TABLE_FUNCTION")) {
        return walk_table_function(w, object);
    }
    if (str_is(str_from(type), "SHOW_REF")) {
        return walk_show(w, object);
    }
    if (str_is(str_from(type), "PIVOT")) {
        return walk_members(w, object, NULL);
    }
    if (str_ends(str_from(type), STR("_TYPE_INFO"))) {
        static const char *const none[] = {""};
        if (!IS_ONE_OF(member(object, "catalog"), none) ||
            !IS_ONE_OF(member(object, "schema"), none)) {
            return deny(w, "the type", member(object, "name"), "leave out its schema");
        }
        return walk_members(w, object, NULL);
    }
    return IS_ONE_OF(type, plain) ? walk_members(w, object, NULL)
                                  : deny(w, "a construct of kind", type, "");
}

static err walk_object(struct walk *w, json_t *object)
{
    if (++w->nodes > SQL_POLICY_NODES_MAX) {
        return errmsg_set(w->msg, ERR_TOO_LARGE,
                          "the statement has more than %d parts: join with a table instead of "
                          "listing values",
                          SQL_POLICY_NODES_MAX);
    }
    if (member(object, "pivot_enum")[0] != '\0') {
        return deny(w, "PIVOT with the enum", member(object, "pivot_enum"),
                    "list its values: ON x IN (…)");
    }
    if (str_is(str_from(member(object, "id")), "VARIANT")) {
        return deny(w, "the type", "VARIANT", "use JSON"); /* deep JSON overflows its stack */
    }
    const char *class = json_string_value(json_object_get(object, "class"));
    if (class != NULL) {
        return walk_expression(w, object, class);
    }
    const char *type = json_string_value(json_object_get(object, "type"));
    if (type != NULL) {
        return walk_kind(w, object, type);
    }
    if (json_object_get(object, "function_name") != NULL ||
        json_object_get(object, "table_name") != NULL) {
        return deny(w, "an unknown construct", "", "");
    }
    return walk_members(w, object, NULL);
}

static err walk_value(struct walk *w, json_t *value)
{
    if (!json_is_object(value) && !json_is_array(value)) {
        return ERR_OK;
    }
    if (++w->depth > SQL_POLICY_DEPTH_MAX) {
        return errmsg_set(w->msg, ERR_TOO_LARGE, "the statement is nested too deeply");
    }
    if (json_is_object(value)) {
        TRY(walk_object(w, value));
    } else {
        size_t index = 0;
        json_t *item = NULL;
        json_array_foreach(value, index, item)
        {
            TRY(walk_value(w, item));
        }
    }
    w->depth--;
    return ERR_OK;
}

/* --- the text --- */

/* Position after the blanks and comments at `at`. */
static size_t skip_blanks(struct str text, size_t at)
{
    while (at < text.len) {
        char c = text.ptr[at];
        char next = at + 1 < text.len ? text.ptr[at + 1] : '\0';
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v') {
            at++;
        } else if (c == '-' && next == '-') {
            while (at < text.len && text.ptr[at] != '\n') {
                at++;
            }
        } else if (c == '/' && next == '*') {
            size_t depth = 0;
            do {
                bool opens = at + 1 < text.len && text.ptr[at] == '/' && text.ptr[at + 1] == '*';
                bool closes = at + 1 < text.len && text.ptr[at] == '*' && text.ptr[at + 1] == '/';
                depth += opens ? 1 : 0;
                depth -= closes ? 1 : 0;
                at += opens || closes ? 2 : 1;
            } while (depth > 0 && at < text.len);
        } else {
            break;
        }
    }
    return at;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Takes the keyword if it is next. */
static bool take_word(struct str text, size_t *at, const char *word)
{
    size_t start = skip_blanks(text, *at);
    size_t end = start;
    while (end < text.len && is_word_char(text.ptr[end])) {
        end++;
    }
    if (!str_eq_nocase(str_of(text.ptr + start, end - start), str_from(word))) {
        return false;
    }
    *at = end;
    return true;
}

/* Cuts blanks and one or several semicolons from the end. A comment at the end stays: it is part of
 * what is judged and of what runs. */
static struct str trim_end(struct str text)
{
    while (text.len > 0) {
        char c = text.ptr[text.len - 1];
        if (c != ';' && c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            break;
        }
        text.len--;
    }
    return text;
}

/* Splits EXPLAIN [ANALYZE] off; what follows is judged like any statement. */
static struct str split_explain(struct str text, enum sql_kind *out_kind)
{
    size_t at = 0;
    *out_kind = SQL_KIND_SELECT;
    if (take_word(text, &at, "EXPLAIN")) {
        bool is_analyze = take_word(text, &at, "ANALYZE") || take_word(text, &at, "ANALYSE");
        *out_kind = is_analyze ? SQL_KIND_EXPLAIN_ANALYZE : SQL_KIND_EXPLAIN;
    }
    return str_of(text.ptr + at, text.len - at);
}

/* --- parsing --- */

/* What to do instead of a statement that is no question, by its first word. */
static const char *advice_for(struct str text)
{
    static const struct {
        const char *word;
        const char *advice;
    } rows[] = {
        {"INSERT", "events are sent to a topic: tarn send, or POST /api/v1/topics/{topic}/events"},
        {"UPDATE", "events stay as they were sent"},
        {"DELETE", "events stay as they were sent; a topic's retention bounds its log"},
        {"CREATE", "a topic is made by its first event, a table of a file by tarn import"},
        {"DROP", "tarn topic delete TOPIC --drop deletes a topic with its tables"},
        {"COPY", "tarn query --format parquet --output FILE writes an answer to a file"},
        {"EXPORT", "tarn query --format parquet --output FILE writes an answer to a file"},
        {"PIVOT", "a PIVOT needs its values: ON x IN (...)"},
        {"SET", "settings are the server's: tarn config lists them"},
        {"PRAGMA", "settings are the server's: tarn config lists them"},
        {"USE", "name tables as gold.orders; plain names search main, gold, silver, bronze"},
        {"BEGIN", "each statement sees one state of all tables"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t at = 0;
        if (take_word(text, &at, rows[i].word)) {
            return rows[i].advice;
        }
    }
    return "";
}

static err parse_error(struct str sql, const json_t *tree, struct errmsg *msg)
{
    const char *type = member(tree, "error_type");
    const char *text = member(tree, "error_message");
    if (str_is(str_from(type), "not implemented")) {
        const char *advice = advice_for(sql);
        (void)errmsg_set(msg, ERR_DENIED,
                         "queries read: there are SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, "
                         "SHOW TABLES and EXPLAIN%s%s",
                         advice[0] != '\0' ? "; " : "", advice);
        if (msg != NULL) {
            msg->position = (uint32_t)skip_blanks(sql, 0) + 1;
        }
        return ERR_DENIED;
    }
    uint64_t position = 0;
    (void)errmsg_set(msg, ERR_INVALID, "Parser Error: %s", text);
    if (msg != NULL && str_to_u64(str_from(member(tree, "position")), &position) &&
        position < UINT32_MAX) {
        msg->position = (uint32_t)position + 1;
    }
    return ERR_INVALID;
}

static err one_text(struct sql_conn *conn, const char *sql, struct str parameter, struct buf *out,
                    struct errmsg *msg)
{
    AUTO_JSON params = json_array();
    if (json_array_append_new(params, json_from_str(parameter)) != 0) {
        return errmsg_set(msg, ERR_INVALID, "the statement is not UTF-8");
    }
    AUTO(sql_result) result = NULL;
    TRY(sql_query_stream(conn, str_from(sql), params, &result, msg));
    size_t rows = 0;
    TRY(sql_result_fetch(result, &rows, msg));
    ASSERT(rows == 1);
    buf_add_str(out, sql_result_str(result, 0, 0));
    if (buf_check(out) != ERR_OK) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the statement is too large");
    }
    return ERR_OK;
}

/* DuckDB writes "no location" as 2^64-1, which no json_int_t holds. In a text constant the quotes
 * would be escaped, so this member's name and value stand nowhere else. */
static void drop_locations(struct buf *json)
{
    static const char none[] = "\"query_location\":18446744073709551615";
    static const char zero[] = "\"query_location\":0                   ";
    _Static_assert(sizeof none == sizeof zero, "same length, so that nothing moves");
    char *at = json->data;
    char *end = json->data + json->len;
    while (at != NULL && at < end) {
        at = memmem(at, (size_t)(end - at), none, sizeof none - 1);
        if (at != NULL) {
            memcpy(at, zero, sizeof zero - 1);
            at += sizeof zero - 1;
        }
    }
}

/* The parse tree. Numbers over 63 bits make all integers reals: *out_is_exact is false then. */
static json_t *load_tree(struct buf *json, bool *out_is_exact)
{
    drop_locations(json);
    json_error_t detail;
    json_t *tree = json_loadb(json->data, json->len, JSON_ALLOW_NUL, &detail);
    *out_is_exact = tree != NULL;
    return tree != NULL ? tree
                        : json_loadb(json->data, json->len,
                                     JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &detail);
}

static err parse(struct sql_conn *conn, struct str text, json_t **out_tree, bool *out_is_exact,
                 struct errmsg *msg)
{
    AUTO_BUF json = buf_make(JSON_BYTES_MAX);
    TRY(one_text(conn, "SELECT json_serialize_sql($1::VARCHAR)", text, &json, msg));
    AUTO_JSON tree = load_tree(&json, out_is_exact);
    if (tree == NULL) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the statement is nested too deeply");
    }
    if (!json_is_false(json_object_get(tree, "error"))) {
        return parse_error(text, tree, msg);
    }
    size_t count = json_array_size(json_object_get(tree, "statements"));
    if (count != 1) {
        return errmsg_set(msg, count == 0 ? ERR_INVALID : ERR_DENIED, "%s",
                          count == 0 ? "the statement is empty"
                                     : "one statement at a time: send them one after the other");
    }
    *out_tree = TAKE(tree);
    return ERR_OK;
}

/* What runs: the text that was judged, or the text of the changed tree. */
static err text_to_run(struct sql_conn *conn, struct str inner, const json_t *tree,
                       bool is_rewritten, struct sql_policy_result *result, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(JSON_BYTES_MAX);
    if (result->kind == SQL_KIND_EXPLAIN || result->kind == SQL_KIND_EXPLAIN_ANALYZE) {
        buf_puts(&text, result->kind == SQL_KIND_EXPLAIN ? "EXPLAIN " : "EXPLAIN ANALYZE ");
    }
    result->sql_prefix = is_rewritten ? SIZE_MAX : text.len;
    if (is_rewritten) {
        AUTO_BUF json = buf_make(JSON_BYTES_MAX);
        TRY(json_write(tree, &json));
        AUTO_BUF changed = buf_make(JSON_BYTES_MAX);
        TRY(one_text(conn, "SELECT json_deserialize_sql($1::JSON)", buf_str(&json), &changed, msg));
        buf_add_str(&text, trim_end(buf_str(&changed)));
    } else {
        buf_add_str(&text, inner);
    }
    TRY(buf_check(&text));
    result->sql = xstrdup(buf_cstr(&text));
    return ERR_OK;
}

static err judge(struct sql_conn *conn, struct str sql, struct sql_policy_result *result,
                 struct errmsg *msg)
{
    struct str inner = split_explain(trim_end(sql), &result->kind);
    AUTO_JSON tree = NULL;
    bool is_exact = false;
    result->sql_from = (size_t)(inner.ptr - sql.ptr);
    TRY(parse(conn, inner, &tree, &is_exact, msg));
    struct walk *w = xnew(struct walk);
    w->result = result;
    w->msg = msg;
    json_t *statement = json_array_get(json_object_get(tree, "statements"), 0);
    err e = walk_value(w, statement);
    bool is_rewritten = w->is_rewritten;
    free(w);
    TRY(e);
    if (is_rewritten && !is_exact) {
        return errmsg_set(msg, ERR_DENIED, "a number over 63 bits beside information_schema");
    }
    json_t *from = json_object_get(json_object_get(statement, "node"), "from_table");
    if (result->kind == SQL_KIND_SELECT && str_is(str_from(member(from, "type")), "SHOW_REF")) {
        result->kind = SQL_KIND_DESCRIBE;
    }
    return text_to_run(conn, inner, tree, is_rewritten, result, msg);
}

err sql_policy_check(struct sql_conn *conn, struct str sql, struct sql_policy_result *out_result,
                     struct errmsg *msg)
{
    ASSERT(conn != NULL);
    ASSERT(out_result != NULL);
    if (sql.len > SQL_POLICY_TEXT_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the statement is longer than %d KiB",
                          SQL_POLICY_TEXT_BYTES_MAX >> 10);
    }
    if (!str_is_utf8(sql) || (sql.len > 0 && memchr(sql.ptr, '\0', sql.len) != NULL)) {
        return errmsg_set(msg, ERR_INVALID, "the statement is not UTF-8 text");
    }
    struct sql_policy_result result = {0};
    err e = judge(conn, sql, &result, msg);
    for (size_t i = 0; i < result.table_count; i++) {
        uint32_t *position = &result.tables[i].position;
        *position += *position > 0 ? (uint32_t)result.sql_from : 0;
    }
    if (e != ERR_OK) {
        if (msg != NULL && msg->position > 0) {
            msg->position += (uint32_t)result.sql_from;
        }
        sql_policy_deinit(&result);
        return e;
    }
    *out_result = result;
    return ERR_OK;
}

void sql_policy_deinit(struct sql_policy_result *result)
{
    for (size_t i = 0; i < result->table_count; i++) {
        free(result->tables[i].schema);
        free(result->tables[i].name);
    }
    free(result->tables);
    free(result->sql);
    *result = (struct sql_policy_result){0};
}
