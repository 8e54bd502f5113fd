/* SPDX-License-Identifier: MIT */
/* cli_query.c - `tarn query`, `tarn send`, `tarn health`, `tarn metrics`, `tarn config`. */
#include <unistd.h>

#include "app/cli.h"
#include "app/query_local.h"
#include "app/text_table.h"
#include "flow/text_format.h"
#include "os/file.h"

enum { ANSWER_BYTES_MAX = 1 << 30 };

/* Collects a JSON answer and prints it as a table. */
static int print_answer_table(const struct buf *body)
{
    AUTO_JSON answer = NULL;
    struct errmsg msg = {0};
    err e = json_parse(buf_str(body), &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    const json_t *columns = json_object_get(answer, "columns");
    const json_t *rows = json_object_get(answer, "rows");
    size_t width = json_array_size(columns);
    size_t height = json_array_size(rows);
    if (width > 0) {
        char **cells = xnew_array(char *, (height + 1) * width);
        for (size_t c = 0; c < width; c++) {
            cells[c] =
                xstrdup(json_string_value(json_object_get(json_array_get(columns, c), "name")));
            for (size_t r = 0; r < height; r++) {
                const json_t *cell = json_array_get(json_array_get(rows, r), c);
                AUTO_BUF text = buf_make(ANSWER_BYTES_MAX);
                if (json_is_string(cell)) {
                    buf_add(&text, json_string_value(cell), json_string_length(cell));
                } else if (!json_is_null(cell)) {
                    (void)json_write(cell, &text); /* too large prints as empty */
                }
                cells[(r + 1) * width + c] = xstrdup(buf_cstr(&text));
            }
        }
        cli_print_table((const char *const *)cells, height + 1, width);
        for (size_t i = 0; i < (height + 1) * width; i++) {
            free(cells[i]);
        }
        free(cells);
    }
    bool truncated = json_is_true(json_object_get(answer, "truncated"));
    fprintf(stderr, "%zu row%s%s in %.1f ms\n", height, height == 1 ? "" : "s",
            truncated ? " (there are more: raise --limit)" : "",
            json_number_value(json_object_get(answer, "elapsed_ms")));
    return CLI_OK;
}

/* Says why the statement failed, and where. */
static int fail_statement(const char *sql, err e, const struct errmsg *msg)
{
    AUTO_BUF caret = buf_make(64 << 10);
    int code = cli_fail(e, msg);
    text_caret_write(str_from(sql), msg->position, &caret);
    (void)fputs(buf_cstr(&caret), stderr); /* as cli_fail() */
    return code;
}

static err write_piece(void *context, struct str piece)
{
    FILE *out = context;
    return fwrite(piece.ptr, 1, piece.len, out) == piece.len ? ERR_OK : ERR_IO;
}

static int query_server(struct cli *cli, const char *sql, const char *format, const char *limit,
                        FILE *out)
{
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    bool table = strcmp(format, "table") == 0;
    AUTO_JSON request = json_object();
    json_object_set_new(request, "sql", json_string(sql));
    json_object_set_new(request, "format", json_string(table ? "json" : format));
    int64_t rows = 0;
    if (limit != NULL && str_to_i64(str_from(limit), &rows)) {
        json_object_set_new(request, "limit", json_integer(rows));
    } else if (table) {
        json_object_set_new(request, "limit", json_integer(10000));
    }
    AUTO_BUF body = buf_make(16 << 20);
    AUTO_BUF answer = buf_make(ANSWER_BYTES_MAX);
    struct errmsg msg = {0};
    err e = json_write(request, &body);
    struct client_request http = {.method = "POST",
                                  .target = "/api/v1/query",
                                  .content_type = "application/json",
                                  .body = buf_str(&body)};
    if (e == ERR_OK) {
        e = table ? client_fetch(client, &http, &answer, &msg)
                  : client_run(client, &http, write_piece, out, NULL, &msg);
    }
    if (e != ERR_OK) {
        return fail_statement(sql, e, &msg);
    }
    if (table) {
        return print_answer_table(&answer);
    }
    if (strcmp(format, "json") == 0) {
        fputc('\n', out);
    }
    return CLI_OK;
}

int cli_query(struct cli *cli)
{
    bool bad = false;
    const char *format = cli_option(cli, "format", &bad);
    const char *limit = cli_option(cli, "limit", &bad);
    const char *path = cli_option(cli, "output", &bad);
    format = format != NULL ? format : cli->json ? "json" : "table";
    if (bad || !cli_words(cli, 1, 1,
                          "query SQL [--format table|csv|json|ndjson|parquet] "
                          "[--limit N] [--data DIR] [--output FILE]")) {
        return CLI_USAGE;
    }
    static const char *const formats[] = {"table", "csv", "json", "ndjson", "parquet"};
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        known = known || strcmp(format, formats[i]) == 0;
    }
    if (!known) {
        fprintf(stderr, "tarn: unknown format \"%s\"\n", format);
        return CLI_USAGE;
    }
    if (strcmp(format, "parquet") == 0 && path == NULL && isatty(STDOUT_FILENO)) {
        fprintf(stderr, "tarn: Parquet is not for a terminal: add --output FILE\n");
        return CLI_USAGE;
    }
    FILE *out = path == NULL ? stdout : fopen(path, "wbe");
    if (out == NULL) {
        struct errmsg msg;
        return cli_fail(errmsg_set(&msg, ERR_IO, "cannot write %s", path), &msg);
    }
    int code = CLI_OK;
    if (cli->data != NULL && cli->server == NULL && !cli_server_holds(cli->data)) {
        int64_t rows = strcmp(format, "table") == 0 ? 10000 : 0;
        if (limit != NULL && !str_to_i64(str_from(limit), &rows)) {
            fprintf(stderr, "tarn: --limit must be a number\n");
            return CLI_USAGE;
        }
        bool table = strcmp(format, "table") == 0;
        AUTO_BUF answer = buf_make(ANSWER_BYTES_MAX);
        struct errmsg msg = {0};
        struct query_local_request request = {
            .sql = cli->argv[0], .format = table ? "json" : format, .limit = rows};
        AUTO(query_local) local = NULL;
        const char *query_code = NULL;
        err e = query_local_open(cli->data, &local, &msg);
        if (e == ERR_OK) {
            e = query_local_run(local, &request, write_piece, out, table ? &answer : NULL,
                                &query_code, &msg);
        }
        code = e != ERR_OK ? fail_statement(cli->argv[0], e, &msg)
               : table     ? print_answer_table(&answer)
                           : CLI_OK;
    } else {
        code = query_server(cli, cli->argv[0], format, limit, out);
    }
    if (fflush(out) != 0 || (out != stdout && fclose(out) != 0)) {
        struct errmsg msg;
        return cli_fail(errmsg_set(&msg, ERR_IO, "cannot write the answer"), &msg);
    }
    return code;
}

static void print_send_answer(const json_t *answer)
{
    int64_t accepted = 0;
    int64_t rejected = 0;
    int64_t dead = 0;
    (void)json_opt_i64(answer, "dead", &dead, NULL);               /* stays 0 */
    (void)json_opt_i64(answer, "accepted", &accepted, NULL);       /* stays 0 */
    (void)json_opt_i64(answer, "rejected_count", &rejected, NULL); /* stays 0 */
    printf("%lld accepted, %lld rejected", (long long)accepted, (long long)rejected);
    printf(dead > 0 ? " (%lld kept as dead letters)\n" : "\n", (long long)dead);
    const json_t *list = json_object_get(answer, "rejected");
    static const char *const columns[] = {"line", "code", "detail"};
    if (json_array_size(list) > 0) {
        cli_print_list(list, columns, ARRAY_LEN(columns));
    }
}

int cli_send(struct cli *cli)
{
    bool bad = false;
    bool atomic = cli_flag(cli, "atomic");
    const char *key = cli_option(cli, "key", &bad);
    AUTO_TEXT_SPEC spec = {.format = TEXT_NDJSON};
    AUTO_BUF format = buf_make(256 << 10);
    if (bad || !cli_text_options(cli, &spec, &format) ||
        !cli_words(cli, 1, 2, "send TOPIC [FILE|-] [--format F] [--key FIELD] [--atomic]")) {
        return CLI_USAGE;
    }
    const char *file = cli->argc > 1 ? cli->argv[1] : "-";
    struct errmsg msg = {0};
    AUTO_BUF body = buf_make(ANSWER_BYTES_MAX);
    err e = cli_read_file(file, &body, &msg);
    AUTO(client) client = e == ERR_OK ? cli_connect(cli) : NULL;
    if (client == NULL) {
        return e == ERR_OK ? CLI_FAILED : cli_fail(e, &msg);
    }
    AUTO_BUF target = buf_make(512 << 10);
    AUTO_BUF answer = buf_make(64 << 20);
    buf_puts(&target, "/api/v1/topics/");
    cli_encode(&target, str_from(cli->argv[0]));
    buf_printf(&target, "/events?atomic=%s", atomic ? "true" : "false");
    if (key != NULL) {
        buf_puts(&target, "&key=");
        cli_encode(&target, str_from(key));
    }
    if (format.len > 0) {
        buf_add_byte(&target, '&');
        buf_add_str(&target, buf_str(&format));
    }
    bool is_text = format.len > 0 && spec.format != TEXT_NDJSON;
    struct client_request request = {.method = "POST",
                                     .target = buf_cstr(&target),
                                     .content_type =
                                         is_text ? "text/plain" : "application/x-ndjson",
                                     .body = buf_str(&body)};
    e = client_fetch(client, &request, &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    AUTO_JSON json = NULL;
    if (cli->json || json_parse(buf_str(&answer), &json, NULL) != ERR_OK) {
        printf("%.*s\n", STR_ARGS(str_trim(buf_str(&answer))));
    } else {
        print_send_answer(json);
    }
    return CLI_OK;
}

static void print_health(const json_t *answer)
{
    static const char *const columns[] = {"component", "state", "reason"};
    printf("%s\n\n", json_string_value(json_object_get(answer, "state")));
    cli_print_list(json_object_get(answer, "components"), columns, ARRAY_LEN(columns));
}

int cli_health(struct cli *cli)
{
    return cli_words(cli, 0, 0, "health") ? cli_get(cli, "/api/v1/health", print_health)
                                          : CLI_USAGE;
}

static void print_metrics(const json_t *answer)
{
    char *text = json_dumps(answer, JSON_INDENT(2));
    printf("%s\n", text == NULL ? "" : text);
    free(text);
}

int cli_metrics(struct cli *cli)
{
    return cli_words(cli, 0, 0, "metrics") ? cli_get(cli, "/api/v1/metrics", print_metrics)
                                           : CLI_USAGE;
}

int cli_config(struct cli *cli)
{
    bool markdown = cli_flag(cli, "markdown");
    if (!cli_words(cli, 0, 0, "config [--markdown]")) {
        return CLI_USAGE;
    }
    AUTO_BUF text = buf_make(1 << 20);
    config_write_markdown(&text);
    (void)markdown; /* the reference reads well on a terminal too */
    printf("%s", buf_cstr(&text));
    return CLI_OK;
}
