/* SPDX-License-Identifier: MIT */
/* sql_command.c - the commands of the prompt: lines that begin with a backslash. */
#include "app/cli.h"
#include "app/sql_shell.h"
#include "app/text_table.h"
#include "os/file.h"

enum { INCLUDE_DEPTH_MAX = 10 };

typedef void (*command_fn)(struct sql_shell *s, struct str words);

/* ---- tables ---- */

/* An answer like a query's, so that lists look like tables. */
static void show_list(struct sql_shell *s, const json_t *list, const char *const *columns,
                      const char *const *types, size_t column_count)
{
    AUTO_JSON answer = json_object();
    json_t *heads = json_array();
    json_t *rows = json_array();
    for (size_t c = 0; c < column_count; c++) {
        json_t *head = json_object();
        json_object_set_new(head, "name", json_string(columns[c]));
        json_object_set_new(head, "type", json_string(types[c]));
        json_array_append_new(heads, head);
    }
    for (size_t r = 0; r < json_array_size(list); r++) {
        json_t *row = json_array();
        for (size_t c = 0; c < column_count; c++) {
            json_t *value = json_object_get(json_array_get(list, r), columns[c]);
            json_array_append_new(row, value == NULL ? json_string("") : json_incref(value));
        }
        json_array_append_new(rows, row);
    }
    json_object_set_new(answer, "columns", heads);
    json_object_set_new(answer, "rows", rows);
    AUTO_BUF text = buf_make(64 << 20);
    struct errmsg msg = {0};
    struct text_table_options options = {.width = sql_shell_width(s), .has_color = s->is_terminal};
    if (text_table_write(answer, &options, &text, &msg) != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    sql_shell_show(s, &text);
}

static void list_tables(struct sql_shell *s, bool with_sizes)
{
    static const char *const columns[] = {"schema", "name", "rows", "bytes", "lag_events"};
    static const char *const types[] = {"VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT"};
    AUTO_JSON list = NULL;
    struct errmsg msg = {0};
    if (sql_place_tables(s->place, &list, &msg) != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
    } else if (json_array_size(list) == 0) {
        AUTO_BUF none = buf_make(256);
        buf_puts(&none, "no tables yet: send events, and each topic is one\n");
        sql_shell_show(s, &none);
    } else {
        show_list(s, list, columns, types, with_sizes ? ARRAY_LEN(columns) : 2);
    }
}

static void command_d(struct sql_shell *s, struct str words)
{
    static const char *const columns[] = {"name", "type"};
    static const char *const types[] = {"VARCHAR", "VARCHAR"};
    if (words.len == 0) {
        list_tables(s, false);
        return;
    }
    AUTO_JSON table = NULL;
    struct errmsg msg = {0};
    bool quoted = words.len > 2 && words.ptr[0] == '"' && words.ptr[words.len - 1] == '"';
    struct str name = quoted ? str_of(words.ptr + 1, words.len - 2) : words;
    if (sql_place_describe(s->place, name, &table, &msg) != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    show_list(s, json_object_get(table, "columns"), columns, types, ARRAY_LEN(columns));
}

static void command_dt(struct sql_shell *s, struct str words)
{
    (void)words;
    list_tables(s, true);
}

static void command_refresh(struct sql_shell *s, struct str words)
{
    (void)words;
    sql_names_forget(s->names);
}

/* ---- settings ---- */

static void set_switch(struct sql_shell *s, struct str words, bool *value, const char *what)
{
    if (words.len > 0 && !str_is(words, "on") && !str_is(words, "off")) {
        sql_shell_fail(s, "error: say on or off");
        return;
    }
    *value = words.len > 0 ? str_is(words, "on") : !*value;
    if (s->is_interactive) {
        printf("%s is %s\n", what, *value ? "on" : "off");
    }
}

static void command_timing(struct sql_shell *s, struct str words)
{
    set_switch(s, words, &s->has_timing, "timing");
}
static void command_x(struct sql_shell *s, struct str words)
{
    set_switch(s, words, &s->is_vertical, "one line a value");
}
static void command_pager(struct sql_shell *s, struct str words)
{
    set_switch(s, words, &s->has_pager, "the pager");
}

static void command_limit(struct sql_shell *s, struct str words)
{
    int64_t limit = 0;
    if (words.len > 0 && (!str_to_i64(words, &limit) || limit < 0)) {
        sql_shell_fail(s, "error: say how many rows are shown, 0 for all");
        return;
    }
    s->limit = words.len > 0 ? limit : s->limit;
    if (s->is_interactive) {
        printf("%lld rows are shown%s\n", (long long)s->limit,
               s->limit == 0 ? ", that is all" : "");
    }
}

static void command_timeout(struct sql_shell *s, struct str words)
{
    uint64_t timeout_ms = 0;
    bool known = words.len == 0 || str_is(words, "0") || str_to_duration_ms(words, &timeout_ms);
    if (!known || timeout_ms > INT64_MAX) {
        sql_shell_fail(s,
                       "error: say how long a statement may take: 30s, 5m; 0: as the server says");
        return;
    }
    s->timeout_ms = words.len > 0 ? (int64_t)timeout_ms : s->timeout_ms;
    if (s->is_interactive && s->timeout_ms > 0) {
        printf("a statement may take %.1f s\n", (double)s->timeout_ms / 1000);
    } else if (s->is_interactive) {
        printf("a statement may take as long as the server says\n");
    }
}

static enum sql_output output_of(struct str path)
{
    return str_ends(path, STR(".csv"))                                       ? SQL_OUTPUT_CSV
           : str_ends(path, STR(".ndjson")) || str_ends(path, STR(".jsonl")) ? SQL_OUTPUT_NDJSON
           : str_ends(path, STR(".json"))                                    ? SQL_OUTPUT_JSON
                                                                             : SQL_OUTPUT_TABLE;
}

static void command_o(struct sql_shell *s, struct str words)
{
    struct errmsg msg = {0};
    if (s->file != NULL && fclose(TAKE(s->file)) != 0) {
        sql_shell_fail(s, "error: the file was not written to its end");
    }
    if (words.len == 0) {
        return;
    }
    AUTO_TEXT path = xstrndup(words.ptr, words.len);
    int fd = -1;
    if (os_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, &msg) != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    s->file = fdopen(fd, "w");
    s->file_output = output_of(words);
    if (s->file == NULL) {
        os_close(fd);
        sql_shell_fail(s, "error: cannot write %s", path);
    }
}

/* ---- files ---- */

void sql_shell_stream(struct sql_shell *s, FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;
    while (!s->is_over && !s->is_stopped && !sql_watch_interrupted() &&
           (len = getline(&line, &room, in)) >= 0) {
        size_t end = (size_t)len;
        end -= end > 0 && line[end - 1] == '\n';
        end -= end > 0 && line[end - 1] == '\r';
        sql_shell_line(s, str_of(line, end));
    }
    free(line);
    if (!s->is_stopped) {
        sql_shell_end(s);
    }
}

static void command_i(struct sql_shell *s, struct str words)
{
    struct errmsg msg = {0};
    if (words.len == 0) {
        sql_shell_fail(s, "error: \\i FILE runs the statements of a file");
        return;
    }
    if (s->depth >= INCLUDE_DEPTH_MAX) {
        sql_shell_fail(s, "error: \\i goes no deeper than %d files", INCLUDE_DEPTH_MAX);
        return;
    }
    AUTO_TEXT path = xstrndup(words.ptr, words.len);
    int fd = -1;
    if (os_open(path, O_RDONLY, &fd, &msg) != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    FILE *in = fdopen(fd, "r");
    if (in == NULL) {
        os_close(fd);
        sql_shell_fail(s, "error: cannot read %s", path);
        return;
    }
    s->depth++;
    sql_shell_stream(s, in);
    s->depth--;
    (void)fclose(in); /* it was read */
}

/* ---- saved queries ---- */

static char *saved_target(struct str name)
{
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/saved-queries/");
    cli_encode(&target, name);
    return xstrdup(buf_cstr(&target));
}

/* The server's client; says so and returns NULL where there is none. */
static struct client *server_of(struct sql_shell *s)
{
    struct client *client = sql_place_client(s->place);
    if (client == NULL) {
        sql_shell_fail(s, "error: saved queries live on a server; this is a folder without one");
    }
    return client;
}

static void command_saved(struct sql_shell *s, struct str words)
{
    static const char *const columns[] = {"name", "description", "sql"};
    static const char *const types[] = {"VARCHAR", "VARCHAR", "VARCHAR"};
    (void)words;
    struct client *client = server_of(s);
    AUTO_BUF body = buf_make(64 << 20);
    AUTO_JSON page = NULL;
    struct errmsg msg = {0};
    struct client_request request = {.method = "GET", .target = "/api/v1/saved-queries?limit=1000"};
    if (client == NULL) {
        return;
    }
    if (client_fetch(client, &request, &body, &msg) != ERR_OK ||
        json_parse(buf_str(&body), &page, &msg) != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    show_list(s, json_object_get(page, "saved_queries"), columns, types, ARRAY_LEN(columns));
}

static void command_save(struct sql_shell *s, struct str words)
{
    if (words.len == 0 || s->last == NULL) {
        sql_shell_fail(s, "error: \\save NAME keeps the statement that ran last");
        return;
    }
    struct client *client = server_of(s);
    if (client == NULL) {
        return;
    }
    AUTO_JSON query = json_object();
    AUTO_BUF body = buf_make(16 << 20);
    AUTO_BUF answer = buf_make(16 << 20);
    AUTO_TEXT target = saved_target(words);
    struct errmsg msg = {0};
    json_object_set_new(query, "sql", json_string(s->last));
    err e = json_write(query, &body);
    struct client_request request = {.method = "PUT",
                                     .target = target,
                                     .content_type = "application/json",
                                     .body = buf_str(&body)};
    if (e == ERR_OK) {
        e = client_fetch(client, &request, &answer, &msg);
    }
    if (e != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    sql_names_forget(s->names);
    if (s->is_interactive) {
        printf("saved as \"%.*s\"\n", STR_ARGS(words));
    }
}

static void command_run(struct sql_shell *s, struct str words)
{
    if (words.len == 0) {
        sql_shell_fail(s, "error: \\run NAME runs a saved query; \\saved lists them");
        return;
    }
    struct client *client = server_of(s);
    if (client == NULL) {
        return;
    }
    AUTO_TEXT target = saved_target(words);
    AUTO_BUF body = buf_make(16 << 20);
    AUTO_JSON query = NULL;
    struct str sql = {0};
    struct errmsg msg = {0};
    struct client_request request = {.method = "GET", .target = target};
    if (client_fetch(client, &request, &body, &msg) != ERR_OK ||
        json_parse(buf_str(&body), &query, &msg) != ERR_OK ||
        json_get_str(query, "sql", &sql, &msg) != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    struct sql_split split = sql_split_first(sql);
    sql_shell_run(s, split.is_complete && split.end == str_trim(sql).len
                         ? sql_split_body(sql, &split)
                         : str_trim(sql));
}

/* ---- help ---- */

static void command_h(struct sql_shell *s, struct str words);
static void command_q(struct sql_shell *s, struct str words)
{
    (void)words;
    s->is_over = true;
}

static const struct {
    const char *name;
    const char *words;
    const char *help;
    command_fn run;
} commands[] = {
    {"\\d", "[TABLE]", "the tables, or the columns of one", command_d},
    {"\\dt", "", "the tables with their sizes", command_dt},
    {"\\x", "[on|off]", "one line a value instead of a table", command_x},
    {"\\timing", "[on|off]", "how long each statement took", command_timing},
    {"\\limit", "[N]", "rows of an answer that are shown; 0: all", command_limit},
    {"\\timeout", "[TIME]", "how long a statement may take: 30s, 5m; 0: as the server says",
     command_timeout},
    {"\\pager", "[on|off]", "long answers through $PAGER, or less", command_pager},
    {"\\o", "[FILE]", "answers go to a file: .csv, .json, .ndjson, else a table; none: back",
     command_o},
    {"\\i", "FILE", "run the statements of a file", command_i},
    {"\\saved", "", "the saved queries of the server", command_saved},
    {"\\save", "NAME", "save the statement that ran last", command_save},
    {"\\run", "NAME", "run a saved query", command_run},
    {"\\refresh", "", "ask again for the names that Tab completes", command_refresh},
    {"\\h", "", "this help", command_h},
    {"\\?", "", "this help", command_h},
    {"\\q", "", "end", command_q},
};

static void command_h(struct sql_shell *s, struct str words)
{
    (void)words;
    AUTO_BUF text = buf_make(64 << 10);
    buf_puts(&text,
             "A statement ends with a semicolon, and may have many lines. Ctrl-C stops it, or "
             "drops what was\ntyped; Ctrl-D ends. Tab completes. Only SELECT, DESCRIBE, "
             "SUMMARIZE, SHOW TABLES and EXPLAIN run.\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        AUTO_TEXT left = xasprintf("%s %s", commands[i].name, commands[i].words);
        buf_printf(&text, "  %-18s %s\n", left, commands[i].help);
    }
    sql_shell_show(s, &text);
}

void sql_shell_command(struct sql_shell *s, struct str line)
{
    size_t end = 0;
    while (end < line.len && line.ptr[end] != ' ' && line.ptr[end] != '\t') {
        end++;
    }
    struct str name = str_of(line.ptr, end);
    struct str words = str_trim(str_of(line.ptr + end, line.len - end));
    while (words.len > 0 && words.ptr[words.len - 1] == ';') {
        words = str_trim(str_of(words.ptr, words.len - 1));
    }
    while (name.len > 2 && name.ptr[name.len - 1] == ';') {
        name.len--;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (str_is(name, commands[i].name)) {
            commands[i].run(s, words);
            return;
        }
    }
    sql_shell_fail(s, "error: there is no command %.*s; \\h lists them", STR_ARGS(name));
}
