/* SPDX-License-Identifier: MIT */
/* cli.c - options, output and the connection that the commands share. */
#include "app/cli.h"

#include <unistd.h>

#include "os/file.h"

const char *cli_option(struct cli *cli, const char *name, bool *out_bad)
{
    size_t len = strlen(name);
    for (int i = 0; i < cli->argc; i++) {
        const char *word = cli->argv[i];
        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, len) != 0 ||
            (word[2 + len] != '\0' && word[2 + len] != '=')) {
            continue;
        }
        bool joined = word[2 + len] == '=';
        int words = joined ? 1 : 2;
        if (!joined && i + 1 >= cli->argc) {
            fprintf(stderr, "tarn: --%s needs a value\n", name);
            *out_bad = true;
            return NULL;
        }
        const char *value = joined ? word + 2 + len + 1 : cli->argv[i + 1];
        for (int j = i; j + words < cli->argc; j++) {
            cli->argv[j] = cli->argv[j + words];
        }
        cli->argc -= words;
        return value;
    }
    return NULL;
}

bool cli_flag(struct cli *cli, const char *name)
{
    for (int i = 0; i < cli->argc; i++) {
        if (strncmp(cli->argv[i], "--", 2) == 0 && strcmp(cli->argv[i] + 2, name) == 0) {
            for (int j = i; j + 1 < cli->argc; j++) {
                cli->argv[j] = cli->argv[j + 1];
            }
            cli->argc--;
            return true;
        }
    }
    return false;
}

bool cli_words(struct cli *cli, int low, int high, const char *usage)
{
    for (int i = 0; i < cli->argc; i++) {
        if (cli->argv[i][0] == '-' && cli->argv[i][1] != '\0') {
            fprintf(stderr, "tarn: unknown option %s\nusage: tarn %s\n", cli->argv[i], usage);
            return false;
        }
    }
    if (cli->argc < low || cli->argc > high) {
        fprintf(stderr, "usage: tarn %s\n", usage);
        return false;
    }
    return true;
}

int cli_fail(err e, const struct errmsg *msg)
{
    fprintf(stderr, "tarn: %s\n", msg != NULL && msg->text[0] != '\0' ? msg->text : err_text(e));
    return CLI_FAILED;
}

err cli_read_file(const char *path, struct buf *out, struct errmsg *msg)
{
    /* Not by opening /dev/stdin: that fails where standard input is a socket. */
    bool is_stdin = strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0;
    return is_stdin ? os_read_stream(STDIN_FILENO, "standard input", out, msg)
                    : os_read_file(path, out, msg);
}

char *cli_read_token(const char *path, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(4096);
    if (os_read_file(path, &text, msg) != ERR_OK) {
        return NULL;
    }
    struct str rest = buf_str(&text);
    struct str line;
    if (!str_split(&rest, '\n', &line) || str_trim(line).len == 0) {
        (void)errmsg_set(msg, ERR_INVALID, "%s: the first line must hold the token", path);
        return NULL;
    }
    line = str_trim(line);
    return xstrndup(line.ptr, line.len);
}

/* The address a server wrote into DIR/run/addresses.json; NULL when there is none. */
static char *address_of(const char *data)
{
    AUTO_TEXT path = xasprintf("%s/run/addresses.json", data);
    AUTO_BUF text = buf_make(65536);
    AUTO_JSON addresses = NULL;
    struct str http;
    if (os_read_file(path, &text, NULL) != ERR_OK ||
        json_parse(buf_str(&text), &addresses, NULL) != ERR_OK ||
        json_get_str(addresses, "http", &http, NULL) != ERR_OK) {
        return NULL;
    }
    return xstrndup(http.ptr, http.len);
}

bool cli_server_holds(const char *data)
{
    AUTO_TEXT path = xasprintf("%s/lock", data);
    AUTO_FD fd = -1;
    return os_exists(path) && os_lock_file(path, &fd, NULL) == ERR_BUSY;
}

struct client *cli_connect(struct cli *cli)
{
    struct errmsg msg = {0};
    AUTO_TEXT found =
        cli->server != NULL ? NULL : address_of(cli->data != NULL ? cli->data : "tarn-data");
    const char *url = cli->server != NULL ? cli->server
                      : found != NULL     ? found
                                          : "http://127.0.0.1:8276";
    AUTO_TEXT token = NULL;
    if (cli->token_file != NULL) {
        token = cli_read_token(cli->token_file, &msg);
        if (token == NULL) {
            (void)cli_fail(ERR_INVALID, &msg); /* the caller turns NULL into the exit code */
            return NULL;
        }
    }
    struct client *client = NULL;
    err e = client_new(url, token, &client, &msg);
    if (e != ERR_OK) {
        (void)cli_fail(e, &msg); /* likewise */
        return NULL;
    }
    return client;
}

/* Columns a terminal uses for UTF-8 text: code points, near enough. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static bool looks_numeric(const char *text)
{
    return text[0] == '\0' || strspn(text, "0123456789.-+eE") == strlen(text);
}

void cli_print_table(const char *const *cells, size_t rows, size_t columns)
{
    size_t *widths = xnew_array(size_t, columns);
    bool *numeric = xnew_array(bool, columns);
    for (size_t c = 0; c < columns; c++) {
        numeric[c] = rows > 1;
        for (size_t r = 0; r < rows; r++) {
            widths[c] = MAX(widths[c], text_width(cells[r * columns + c]));
            numeric[c] = numeric[c] && (r == 0 || looks_numeric(cells[r * columns + c]));
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            const char *text = cells[r * columns + c];
            int pad = (int)(widths[c] - text_width(text));
            bool last = c + 1 == columns;
            if (numeric[c]) {
                printf("%*s%s%s", pad, "", text, last ? "\n" : "  ");
            } else {
                printf("%s%*s%s", text, last ? 0 : pad, "", last ? "\n" : "  ");
            }
        }
    }
    free(widths);
    free(numeric);
}

/* A cell's text: strings bare, everything else as JSON. Caller frees. */
static char *cell_text(const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        return xstrdup("");
    }
    if (json_is_string(value)) {
        return xstrdup(json_string_value(value));
    }
    AUTO_BUF text = buf_make(1 << 20);
    if (json_write(value, &text) != ERR_OK) {
        return xstrdup("?");
    }
    return xstrdup(buf_cstr(&text));
}

void cli_print_list(const json_t *list, const char *const *columns, size_t column_count)
{
    size_t rows = json_array_size(list) + 1;
    char **cells = xnew_array(char *, rows *column_count);
    for (size_t c = 0; c < column_count; c++) {
        cells[c] = xstrdup(columns[c]);
        for (size_t r = 1; r < rows; r++) {
            cells[r * column_count + c] =
                cell_text(json_object_get(json_array_get(list, r - 1), columns[c]));
        }
    }
    cli_print_table((const char *const *)cells, rows, column_count);
    for (size_t i = 0; i < rows * column_count; i++) {
        free(cells[i]);
    }
    free(cells);
}

int cli_get(struct cli *cli, const char *target, void (*print)(const json_t *answer))
{
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    struct errmsg msg = {0};
    AUTO_BUF body = buf_make(256 << 20);
    struct client_request request = {.method = "GET", .target = target};
    err e = client_fetch(client, &request, &body, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    if (cli->json) {
        printf("%.*s\n", STR_ARGS(str_trim(buf_str(&body))));
        return CLI_OK;
    }
    AUTO_JSON answer = NULL;
    e = json_parse(buf_str(&body), &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    print(answer);
    return CLI_OK;
}

void cli_encode(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_add_byte(out, (char)c);
        } else {
            buf_printf(out, "%%%02X", c);
        }
    }
}

void cli_print_member(const char *key, const json_t *value)
{
    AUTO_BUF text = buf_make(1 << 20);
    if (json_is_string(value)) {
        printf("%-18s %s\n", key, json_string_value(value));
    } else if (json_write(value, &text) == ERR_OK) {
        printf("%-18s %s\n", key, buf_cstr(&text));
    }
}

int cli_send_json(struct cli *cli, const char *method, const char *target, const json_t *body)
{
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    AUTO_BUF text = buf_make(1 << 20);
    AUTO_BUF answer = buf_make(16 << 20);
    struct errmsg msg = {0};
    err e = body == NULL ? ERR_OK : json_write(body, &text);
    struct client_request request = {.method = method,
                                     .target = target,
                                     .content_type = body == NULL ? NULL : "application/json",
                                     .body = buf_str(&text)};
    if (e == ERR_OK) {
        e = client_fetch(client, &request, &answer, &msg);
    }
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    if (cli->json) {
        printf("%.*s\n", STR_ARGS(str_trim(buf_str(&answer))));
    }
    return CLI_OK;
}
