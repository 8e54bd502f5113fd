/* SPDX-License-Identifier: MIT */
/* cli_table.c - `tarn table ...`: a NAME asks the server, a PATH (it has a slash, or is a folder
 * with a _delta_log) reads the Delta table itself. */
#include "app/cli.h"
#include "app/table_local.h"
#include "os/file.h"

static bool is_path(const char *word)
{
    if (strchr(word, '/') != NULL) {
        return true;
    }
    AUTO_TEXT log = xasprintf("%s/_delta_log", word);
    return os_exists(log);
}

static char *table_target(const char *table, const char *tail)
{
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/tables/");
    cli_encode(&target, str_from(table));
    buf_puts(&target, tail);
    return xstrdup(buf_cstr(&target));
}

static void print_tables(const json_t *answer)
{
    static const char *const columns[] = {"name",    "rows",       "files",     "bytes",
                                          "version", "lag_events", "dead_rows", "state"};
    cli_print_list(json_object_get(answer, "tables"), columns, ARRAY_LEN(columns));
}

int cli_table_list(struct cli *cli)
{
    return cli_words(cli, 0, 0, "table list")
               ? cli_get(cli, "/api/v1/tables?limit=1000", print_tables)
               : CLI_USAGE;
}

static void print_description(const json_t *answer)
{
    static const char *const columns[] = {"name", "type"};
    static const char *const members[] = {
        "name",      "path",       "topic", "version",          "rows", "files", "bytes",
        "dead_rows", "lag_events", "state", "partition_columns"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const json_t *value = json_object_get(answer, members[i]);
        AUTO_BUF text = buf_make(1 << 20);
        if (value == NULL) {
            continue;
        }
        if (json_is_string(value)) {
            buf_puts(&text, json_string_value(value));
        } else if (json_write(value, &text) != ERR_OK) {
            continue;
        }
        printf("%-18s %s\n", members[i], buf_cstr(&text));
    }
    printf("\n");
    cli_print_list(json_object_get(answer, "columns"), columns, ARRAY_LEN(columns));
}

static void print_history(const json_t *answer)
{
    static const char *const columns[] = {"version", "timestamp", "operation", "metrics", "engine"};
    const json_t *list = json_is_array(answer) ? answer : json_object_get(answer, "commits");
    cli_print_list(list, columns, ARRAY_LEN(columns));
}

static void print_files(const json_t *answer)
{
    static const char *const columns[] = {"path", "bytes", "rows", "partition"};
    const json_t *list = json_is_array(answer) ? answer : json_object_get(answer, "files");
    cli_print_list(list, columns, ARRAY_LEN(columns));
}

/* Prints what table_local made of a path. */
static int local(struct cli *cli, enum table_local_what what, size_t limit,
                 void (*print)(const json_t *answer))
{
    struct errmsg msg = {0};
    AUTO_JSON answer = NULL;
    err e = table_local(cli->argv[0], what, limit, &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    if (!cli->json) {
        print(answer);
        return CLI_OK;
    }
    AUTO_BUF text = buf_make(1ULL << 30);
    e = json_write(answer, &text);
    if (e != ERR_OK) {
        return cli_fail(e, NULL);
    }
    printf("%s\n", buf_cstr(&text));
    return CLI_OK;
}

int cli_table_describe(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "table describe NAME_OR_PATH")) {
        return CLI_USAGE;
    }
    if (is_path(cli->argv[0])) {
        return local(cli, TABLE_LOCAL_DESCRIBE, 0, print_description);
    }
    AUTO_TEXT target = table_target(cli->argv[0], "");
    return cli_get(cli, target, print_description);
}

int cli_table_history(struct cli *cli)
{
    bool bad = false;
    const char *limit = cli_option(cli, "limit", &bad);
    uint64_t count = 20;
    if (bad || (limit != NULL && !str_to_u64(str_from(limit), &count)) ||
        !cli_words(cli, 1, 1, "table history NAME_OR_PATH [--limit N]")) {
        return CLI_USAGE;
    }
    if (is_path(cli->argv[0])) {
        return local(cli, TABLE_LOCAL_HISTORY, (size_t)count, print_history);
    }
    AUTO_TEXT tail = xasprintf("/history?limit=%llu", (unsigned long long)count);
    AUTO_TEXT target = table_target(cli->argv[0], tail);
    return cli_get(cli, target, print_history);
}

int cli_table_files(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "table files NAME_OR_PATH")) {
        return CLI_USAGE;
    }
    if (is_path(cli->argv[0])) {
        return local(cli, TABLE_LOCAL_FILES, 0, print_files);
    }
    AUTO_TEXT target = table_target(cli->argv[0], "/files");
    return cli_get(cli, target, print_files);
}

static int post(struct cli *cli, const char *verb, const char *done)
{
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    AUTO_TEXT target = table_target(cli->argv[0], verb);
    AUTO_BUF answer = buf_make(1 << 20);
    struct errmsg msg = {0};
    struct client_request request = {.method = "POST", .target = target};
    err e = client_fetch(client, &request, &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    AUTO_JSON json = NULL;
    int64_t version = -1;
    if (cli->json) {
        printf("%.*s\n", STR_ARGS(str_trim(buf_str(&answer))));
    } else if (json_parse(buf_str(&answer), &json, NULL) == ERR_OK &&
               json_get_i64(json, "version", &version, NULL) == ERR_OK) {
        printf("%s %s: Delta version %lld\n", cli->argv[0], done, (long long)version);
    }
    return CLI_OK;
}

int cli_table_flush(struct cli *cli)
{
    return cli_words(cli, 1, 1, "table flush NAME") ? post(cli, "/flush", "is landed") : CLI_USAGE;
}

static void print_checkpoint(const json_t *answer)
{
    int64_t version = -1;
    if (json_get_i64(answer, "version", &version, NULL) == ERR_OK) {
        printf("checkpoint of version %lld is written\n", (long long)version);
    }
}

int cli_table_checkpoint(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "table checkpoint NAME_OR_PATH")) {
        return CLI_USAGE;
    }
    return is_path(cli->argv[0]) ? local(cli, TABLE_LOCAL_CHECKPOINT, 0, print_checkpoint)
                                 : post(cli, "/checkpoint", "has a checkpoint");
}
