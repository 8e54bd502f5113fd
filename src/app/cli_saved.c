/* SPDX-License-Identifier: MIT */
/* cli_saved.c - `tarn saved ...`: list, show, save, delete, run. */
#include "app/cli.h"

enum { LIST_PAGES_MAX = 100, TAGS_MAX = 20 };

static char *target_of(const char *name)
{
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/saved-queries/");
    cli_encode(&target, str_from(name));
    return xstrdup(buf_cstr(&target));
}

/* Sends a request and parses its answer; *out_answer is NULL for an empty one. */
static err ask(struct cli *cli, const char *method, const char *target, const json_t *body,
               json_t **out_answer, struct errmsg *msg)
{
    AUTO(client) client = cli_connect(cli);
    AUTO_BUF text = buf_make(16 << 20);
    AUTO_BUF answer = buf_make(64 << 20);
    if (client == NULL) {
        return errmsg_set(msg, ERR_FAILED, "no server was asked");
    }
    if (body != NULL) {
        TRY(json_write(body, &text));
    }
    struct client_request request = {.method = method,
                                     .target = target,
                                     .content_type = body == NULL ? NULL : "application/json",
                                     .body = buf_str(&text)};
    TRY(client_fetch(client, &request, &answer, msg));
    return answer.len == 0 ? ERR_OK : json_parse(buf_str(&answer), out_answer, msg);
}

static int print_json(const json_t *json)
{
    AUTO_BUF text = buf_make(64 << 20);
    err e = json_write(json, &text);
    if (e != ERR_OK) {
        return cli_fail(e, NULL);
    }
    printf("%s\n", buf_cstr(&text));
    return CLI_OK;
}

int cli_saved_list(struct cli *cli)
{
    static const char *const columns[] = {"name", "description", "updated", "sql"};
    if (!cli_words(cli, 0, 0, "saved list")) {
        return CLI_USAGE;
    }
    AUTO_JSON all = json_array();
    AUTO_TEXT target = xstrdup("/api/v1/saved-queries?limit=1000");
    for (int page_number = 0; target != NULL && page_number < LIST_PAGES_MAX; page_number++) {
        AUTO_JSON page = NULL;
        struct str next = {0};
        struct errmsg msg = {0};
        err e = ask(cli, "GET", target, NULL, &page, &msg);
        if (e != ERR_OK) {
            return cli_fail(e, &msg);
        }
        json_array_extend(all, json_object_get(page, "saved_queries"));
        free(TAKE(target));
        if (json_opt_str(page, "next", &next, NULL) == ERR_OK && next.len > 0) {
            AUTO_BUF text = buf_make(8192);
            buf_puts(&text, "/api/v1/saved-queries?limit=1000&after=");
            cli_encode(&text, next);
            target = xstrdup(buf_cstr(&text));
        }
    }
    if (cli->json) {
        return print_json(all);
    }
    cli_print_list(all, columns, ARRAY_LEN(columns));
    return CLI_OK;
}

/* The saved query `name`; NULL after a message. */
static json_t *fetch(struct cli *cli, const char *name)
{
    AUTO_TEXT target = target_of(name);
    json_t *query = NULL;
    struct errmsg msg = {0};
    err e = ask(cli, "GET", target, NULL, &query, &msg);
    if (e != ERR_OK) {
        (void)cli_fail(e, &msg); /* the caller turns NULL into the exit code */
    }
    return query;
}

int cli_saved_show(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "saved show NAME")) {
        return CLI_USAGE;
    }
    AUTO_JSON query = fetch(cli, cli->argv[0]);
    struct str sql = STR("");
    if (query == NULL) {
        return CLI_FAILED;
    }
    if (cli->json) {
        return print_json(query);
    }
    (void)json_opt_str(query, "sql", &sql, NULL); /* an empty one shows as such */
    printf("%.*s\n", STR_ARGS(sql));
    return CLI_OK;
}

int cli_saved_save(struct cli *cli)
{
    bool bad = false;
    AUTO_JSON body = json_object();
    json_t *tags = json_array();
    json_object_set_new(body, "tags", tags);
    const char *description = cli_option(cli, "description", &bad);
    if (description != NULL) {
        json_object_set_new(body, "description", json_string(description));
    }
    const char *tag = cli_option(cli, "tag", &bad);
    for (; tag != NULL; tag = cli_option(cli, "tag", &bad)) {
        json_array_append_new(tags, json_string(tag));
    }
    if (bad || !cli_words(cli, 2, 2, "saved save NAME SQL [--description TEXT] [--tag TAG]...")) {
        return CLI_USAGE;
    }
    json_object_set_new(body, "sql", json_string(cli->argv[1]));
    AUTO_TEXT target = target_of(cli->argv[0]);
    AUTO_JSON answer = NULL;
    struct errmsg msg = {0};
    err e = ask(cli, "PUT", target, body, &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    if (cli->json) {
        return print_json(answer);
    }
    printf("saved as %s\n", cli->argv[0]);
    return CLI_OK;
}

int cli_saved_delete(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "saved delete NAME")) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = target_of(cli->argv[0]);
    AUTO_JSON answer = NULL;
    struct errmsg msg = {0};
    err e = ask(cli, "DELETE", target, NULL, &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    if (!cli->json) {
        printf("%s is deleted\n", cli->argv[0]);
    }
    return CLI_OK;
}

/* The name is replaced by the statement, and the rest is `tarn query`. */
int cli_saved_run(struct cli *cli)
{
    if (cli->argc < 1 || cli->argv[0][0] == '-') {
        fprintf(stderr, "usage: tarn saved run NAME [query's options]\n");
        return CLI_USAGE;
    }
    AUTO_JSON query = fetch(cli, cli->argv[0]);
    struct str sql = STR("");
    if (query == NULL) {
        return CLI_FAILED;
    }
    (void)json_opt_str(query, "sql", &sql, NULL); /* an empty one is refused as a statement */
    AUTO_TEXT text = xstrndup(sql.ptr, sql.len);
    cli->argv[0] = text;
    return cli_query(cli);
}
