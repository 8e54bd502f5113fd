/* SPDX-License-Identifier: MIT */
/* sql_names.c - see sql_names.h. What is before the cursor is read as words; no parser: a wrong
 * guess costs a key press. */
#include "app/sql_names.h"

#include "os/clock.h"
#include "sql/policy.h"

enum {
    NAMES_FRESH_US = 30 * 1000 * 1000,
    DESCRIBE_MAX = 50, /* tables whose columns are asked for when the statement names none */
    WORDS_MAX = 4096,  /* of one statement that are looked at */
};

struct named_table {
    char *schema; /* owned, as the next ones */
    char *name;
    char **columns; /* each too */
    size_t column_count;
    bool is_described;
};

struct sql_names {
    struct sql_place *place;    /* borrowed */
    struct named_table *tables; /* owned */
    size_t table_count;
    char **saved; /* owned, each too: names of saved queries */
    size_t saved_count;
    int64_t asked_us; /* 0: never */
};

static const char *const keywords[] = {
    "ALL",         "AND",       "ANTI",         "AS",
    "ASC",         "ASOF",      "BETWEEN",      "BY",
    "CASE",        "CAST",      "COLUMNS",      "CROSS",
    "CURRENT",     "DATE",      "DESC",         "DESCRIBE",
    "DISTINCT",    "ELSE",      "END",          "EXCEPT",
    "EXCLUDE",     "EXISTS",    "EXPLAIN",      "EXPLAIN ANALYZE",
    "FALSE",       "FILTER",    "FIRST",        "FOLLOWING",
    "FROM",        "FULL",      "GROUP BY",     "GROUPING SETS",
    "HAVING",      "ILIKE",     "IN",           "INNER",
    "INTERSECT",   "INTERVAL",  "IS",           "IS NOT NULL",
    "IS NULL",     "JOIN",      "LAST",         "LATERAL",
    "LEFT JOIN",   "LIKE",      "LIMIT",        "NATURAL",
    "NOT",         "NULL",      "NULLS FIRST",  "NULLS LAST",
    "OFFSET",      "ON",        "OR",           "ORDER BY",
    "OUTER",       "OVER",      "PARTITION BY", "PIVOT",
    "POSITIONAL",  "PRECEDING", "QUALIFY",      "RANGE",
    "RECURSIVE",   "REPLACE",   "RIGHT",        "ROLLUP",
    "ROWS",        "SAMPLE",    "SELECT",       "SEMI",
    "SHOW TABLES", "SUMMARIZE", "TABLE",        "THEN",
    "TIMESTAMP",   "TRUE",      "TRY_CAST",     "UNBOUNDED",
    "UNION",       "UNION ALL", "UNPIVOT",      "USING",
    "VALUES",      "WHEN",      "WHERE",        "WINDOW",
    "WITH",
};
static const char *const commands[] = {"\\d",    "\\dt",    "\\h",       "\\i",       "\\limit",
                                       "\\o",    "\\pager", "\\q",       "\\refresh", "\\run",
                                       "\\save", "\\saved", "\\timeout", "\\timing",  "\\x"};
static const char *const schemas[] = {"bronze", "files", "gold", "main", "silver"};

/* ---- what the place has ---- */

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
}

static void drop_all(struct sql_names *n)
{
    for (size_t i = 0; i < n->table_count; i++) {
        free(n->tables[i].schema);
        free(n->tables[i].name);
        free_texts(n->tables[i].columns, n->tables[i].column_count);
    }
    free(n->tables);
    free_texts(n->saved, n->saved_count);
    n->tables = NULL;
    n->table_count = 0;
    n->saved = NULL;
    n->saved_count = 0;
}

struct sql_names *sql_names_new(struct sql_place *place)
{
    struct sql_names *n = xnew(struct sql_names);
    n->place = place;
    return n;
}

void sql_names_free(struct sql_names *n)
{
    if (n != NULL) {
        drop_all(n);
        free(n);
    }
}

void sql_names_forget(struct sql_names *n)
{
    n->asked_us = 0;
}

static char *text_of(const json_t *object, const char *key, const char *fallback)
{
    struct str text = str_from(fallback);
    (void)json_opt_str(object, key, &text, NULL); /* keeps its fallback */
    return xstrndup(text.ptr, text.len);
}

static void ask_saved(struct sql_names *n)
{
    struct client *client = sql_place_client(n->place);
    AUTO_BUF body = buf_make(64 << 20);
    AUTO_JSON page = NULL;
    struct client_request request = {.method = "GET", .target = "/api/v1/saved-queries?limit=1000"};
    if (client == NULL || client_fetch(client, &request, &body, NULL) != ERR_OK ||
        json_parse(buf_str(&body), &page, NULL) != ERR_OK) {
        return; /* nothing is completed then */
    }
    const json_t *list = json_object_get(page, "saved_queries");
    n->saved = xnew_array(char *, json_array_size(list) + 1);
    for (size_t i = 0; i < json_array_size(list); i++) {
        n->saved[n->saved_count++] = text_of(json_array_get(list, i), "name", "?");
    }
}

static void refresh(struct sql_names *n)
{
    int64_t now_us = os_mono_us();
    if (n->asked_us != 0 && now_us - n->asked_us < NAMES_FRESH_US) {
        return;
    }
    drop_all(n);
    AUTO_JSON list = NULL;
    n->asked_us = now_us;
    if (sql_place_tables(n->place, &list, NULL) != ERR_OK) {
        return; /* keywords and functions are completed all the same */
    }
    n->tables = xnew_array(struct named_table, json_array_size(list) + 1);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *table = json_array_get(list, i);
        n->tables[n->table_count++] = (struct named_table){
            .schema = text_of(table, "schema", "bronze"), .name = text_of(table, "name", "?")};
    }
    ask_saved(n);
}

static void describe(struct sql_names *n, struct named_table *t)
{
    if (t->is_described) {
        return;
    }
    t->is_described = true;
    AUTO_JSON table = NULL;
    AUTO_TEXT full = xasprintf("%s.%s", t->schema, t->name);
    if (sql_place_describe(n->place, str_from(full), &table, NULL) != ERR_OK) {
        return; /* a table without columns then */
    }
    const json_t *columns = json_object_get(table, "columns");
    t->columns = xnew_array(char *, json_array_size(columns) + 1);
    for (size_t i = 0; i < json_array_size(columns); i++) {
        t->columns[t->column_count++] = text_of(json_array_get(columns, i), "name", "?");
    }
}

/* ---- matches ---- */

static bool starts_nocase(const char *text, struct str prefix)
{
    return strlen(text) >= prefix.len && str_eq_nocase(str_of(text, prefix.len), prefix);
}

static void add_match(struct sql_matches *m, char *text)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->items[i], text) == 0) {
            free(text);
            return;
        }
    }
    if (m->count == SQL_MATCHES_MAX) {
        free(text);
        return;
    }
    m->items[m->count++] = text;
}

/* A name as it must be written: quoted where it is no plain lower-case word. */
static char *written(const char *name)
{
    bool plain = name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z');
    for (const char *c = name; *c != '\0' && plain; c++) {
        plain = *c == '_' || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
                (*c >= 'A' && *c <= 'Z');
    }
    if (plain) {
        return xstrdup(name);
    }
    AUTO_BUF out = buf_make(64 << 10);
    sql_add_name(&out, str_from(name));
    return xstrdup(buf_cstr(&out));
}

/* What cannot be typed is not offered. */
static bool is_typable(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* `word` may begin with the quote that the name is written with. */
static void add_name(struct sql_matches *m, const char *name, struct str word)
{
    bool quoted = word.len > 0 && word.ptr[0] == '"';
    struct str bare = quoted ? str_of(word.ptr + 1, word.len - 1) : word;
    if (!starts_nocase(name, bare) || !is_typable(name)) {
        return;
    }
    char *text = written(name);
    if (quoted && text[0] != '"') {
        AUTO_TEXT plain = text;
        text = xasprintf("\"%s\"", plain);
    }
    add_match(m, text);
}

/* Keywords and functions follow the case of what is typed. */
static void add_word(struct sql_matches *m, const char *word, struct str typed, const char *behind)
{
    if (!starts_nocase(word, typed)) {
        return;
    }
    bool lower = typed.len > 0 && typed.ptr[0] >= 'a' && typed.ptr[0] <= 'z';
    char *text = xasprintf("%s%s", word, behind);
    for (char *c = text; *c != '\0' && lower; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    add_match(m, text);
}

/* ---- the statement so far ---- */

struct words {
    struct str items[WORDS_MAX]; /* names without quotes, keywords, single signs */
    size_t count;
};

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((unsigned char)c & 0x80) != 0;
}

static void split_words(struct str text, struct words *out)
{
    out->count = 0;
    for (size_t at = 0; at < text.len && out->count < WORDS_MAX;) {
        size_t from = at;
        char c = text.ptr[at++];
        if (c == '"' || c == '\'') {
            while (at < text.len && text.ptr[at] != c) {
                at++;
            }
            if (c == '"') {
                out->items[out->count++] = str_of(text.ptr + from + 1, at - from - 1);
            }
            at += at < text.len;
        } else if (is_word_byte(c)) {
            while (at < text.len && is_word_byte(text.ptr[at])) {
                at++;
            }
            out->items[out->count++] = str_of(text.ptr + from, at - from);
        } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            out->items[out->count++] = str_of(text.ptr + from, 1);
        }
    }
}

static bool is_word(struct str word, const char *keyword)
{
    return str_eq_nocase(word, str_from(keyword));
}

static bool brings_tables(struct str word)
{
    return is_word(word, "FROM") || is_word(word, "JOIN") || is_word(word, "DESCRIBE") ||
           is_word(word, "SUMMARIZE") || is_word(word, "TABLE");
}

static struct named_table *find_table(struct sql_names *n, struct str schema, struct str name)
{
    for (size_t i = 0; i < n->table_count; i++) {
        struct named_table *t = &n->tables[i];
        if (str_eq_nocase(str_from(t->name), name) &&
            (schema.len == 0 || str_eq_nocase(str_from(t->schema), schema))) {
            return t;
        }
    }
    return NULL;
}

/* The table at words[i], with its alias where it has one. */
static struct named_table *table_at(struct sql_names *n, const struct words *w, size_t i,
                                    struct str *out_alias)
{
    struct str schema = STR("");
    struct str name = w->items[i];
    if (i + 2 < w->count && str_is(w->items[i + 1], ".")) {
        schema = name;
        name = w->items[i + 2];
        i += 2;
    }
    size_t next = i + 1 + (i + 1 < w->count && is_word(w->items[i + 1], "AS"));
    *out_alias = next < w->count && is_word_byte(w->items[next].ptr[0]) ? w->items[next] : STR("");
    return find_table(n, schema, name);
}

static bool may_name_table(const struct words *w, size_t i)
{
    return i > 0 && w->items[i].len > 0 &&
           (brings_tables(w->items[i - 1]) || str_is(w->items[i - 1], ","));
}

static void add_columns(struct sql_names *n, struct sql_matches *m, struct named_table *t,
                        struct str word)
{
    describe(n, t);
    for (size_t i = 0; i < t->column_count; i++) {
        add_name(m, t->columns[i], word);
    }
}

/* What stands behind `owner` and a dot: tables of a schema, or columns of a table or an alias. */
static void add_members(struct sql_names *n, struct sql_matches *m, const struct words *w,
                        struct str owner, struct str word)
{
    for (size_t i = 0; i < n->table_count; i++) {
        if (str_eq_nocase(str_from(n->tables[i].schema), owner)) {
            add_name(m, n->tables[i].name, word);
        }
    }
    struct named_table *t = find_table(n, STR(""), owner);
    for (size_t i = 1; i < w->count && t == NULL; i++) {
        struct str alias = STR("");
        struct named_table *named = may_name_table(w, i) ? table_at(n, w, i, &alias) : NULL;
        t = named != NULL && str_eq_nocase(alias, owner) ? named : NULL;
    }
    if (t != NULL) {
        add_columns(n, m, t, word);
    }
}

static void add_tables(const struct sql_names *n, struct sql_matches *m, struct str word)
{
    for (size_t i = 0; i < n->table_count; i++) {
        add_name(m, n->tables[i].name, word);
    }
    for (size_t i = 0; i < ARRAY_LEN(schemas) && word.len > 0; i++) {
        AUTO_TEXT schema = xasprintf("%s.", schemas[i]);
        if (starts_nocase(schema, word)) {
            add_match(m, xstrdup(schema));
        }
    }
}

static void add_anything(struct sql_names *n, struct sql_matches *m, const struct words *w,
                         struct str word)
{
    bool any = false;
    for (size_t i = 1; i < w->count; i++) {
        struct str alias = STR("");
        struct named_table *t = may_name_table(w, i) ? table_at(n, w, i, &alias) : NULL;
        if (t != NULL) {
            add_columns(n, m, t, word);
            any = true;
        }
    }
    for (size_t i = 0; i < n->table_count && i < DESCRIBE_MAX && !any && word.len > 0; i++) {
        add_columns(n, m, &n->tables[i], word);
    }
    if (word.len == 0 || word.ptr[0] == '"') {
        return; /* keywords and functions would be hundreds */
    }
    add_tables(n, m, word);
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        add_word(m, keywords[i], word, " ");
    }
    for (size_t i = 0; sql_policy_function_name(i) != NULL; i++) {
        const char *name = sql_policy_function_name(i);
        if (is_word_byte(name[0]) && strncmp(name, "icu_", 4) != 0 && name[0] != '_') {
            add_word(m, name, word, "(");
        }
    }
}

/* A line that begins with a backslash. */
static void complete_command(struct sql_names *n, struct str text, struct sql_matches *m)
{
    ptrdiff_t space = str_find(text, ' ');
    if (space < 0) {
        m->word_bytes = text.len;
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
            if (starts_nocase(commands[i], text)) {
                add_match(m, xstrdup(commands[i]));
            }
        }
        return;
    }
    struct str command = str_of(text.ptr, (size_t)space);
    struct str word = str_trim(str_of(text.ptr + space, text.len - (size_t)space));
    m->word_bytes = word.len;
    refresh(n);
    if (str_is(command, "\\run") || str_is(command, "\\save")) {
        for (size_t i = 0; i < n->saved_count; i++) {
            if (starts_nocase(n->saved[i], word)) {
                add_match(m, xstrdup(n->saved[i]));
            }
        }
    } else if (str_is(command, "\\d")) {
        for (size_t i = 0; i < n->table_count; i++) {
            if (starts_nocase(n->tables[i].name, word)) {
                add_match(m, xstrdup(n->tables[i].name));
            }
        }
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static void complete_statement(struct sql_names *n, struct str text, struct sql_matches *m)
{
    size_t from = text.len;
    while (from > 0 && is_word_byte(text.ptr[from - 1])) {
        from--;
    }
    from -= from > 0 && text.ptr[from - 1] == '"';
    struct str word = str_of(text.ptr + from, text.len - from);
    m->word_bytes = word.len;
    refresh(n);
    struct words *before = xnew(struct words);
    split_words(str_of(text.ptr, from), before);
    size_t count = before->count;
    struct str last = count > 0 ? before->items[count - 1] : STR("");
    if (str_is(last, ".") && count > 1) {
        add_members(n, m, before, before->items[count - 2], word);
    } else if (brings_tables(last)) {
        add_tables(n, m, word);
    } else {
        add_anything(n, m, before, word);
    }
    free(before);
}

void sql_names_complete(struct sql_names *n, struct str text, struct sql_matches *out_matches)
{
    *out_matches = (struct sql_matches){.items = xnew_array(char *, SQL_MATCHES_MAX)};
    if (text.len > 0 && text.ptr[0] == '\\') {
        complete_command(n, text, out_matches);
    } else {
        complete_statement(n, text, out_matches);
    }
    qsort(out_matches->items, out_matches->count, sizeof *out_matches->items, compare_texts);
}

void sql_matches_deinit(struct sql_matches *m)
{
    free_texts(m->items, m->count);
    *m = (struct sql_matches){0};
}
