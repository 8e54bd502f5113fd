/* SPDX-License-Identifier: MIT */
/* cli_sql.c - `tarn sql`: a prompt on a terminal, or statements from -c or standard input. */
#include <unistd.h>

#include "app/cli.h"
#include "app/sql_prompt.h"

static const char usage[] = "sql [-c SQL] [--csv|--json|--ndjson] [--data DIR]";

/* Takes "-c SQL" out of the words; NULL when it is not there. */
static const char *take_command(struct cli *cli, bool *out_bad)
{
    for (int i = 0; i < cli->argc; i++) {
        if (strcmp(cli->argv[i], "-c") != 0) {
            continue;
        }
        if (i + 1 >= cli->argc) {
            fprintf(stderr, "tarn: -c needs a value\n");
            *out_bad = true;
            return NULL;
        }
        const char *value = cli->argv[i + 1];
        for (int j = i; j + 2 < cli->argc; j++) {
            cli->argv[j] = cli->argv[j + 2];
        }
        cli->argc -= 2;
        return value;
    }
    return cli_option(cli, "command", out_bad);
}

/* The place that the options name; NULL after a message. Caller frees. */
static struct sql_place *open_place(struct cli *cli)
{
    struct errmsg msg = {0};
    struct sql_place *place = NULL;
    if (cli->data != NULL && cli->server == NULL && !cli_server_holds(cli->data)) {
        err e = sql_place_folder(cli->data, &place, &msg);
        if (e != ERR_OK) {
            (void)cli_fail(e, &msg); /* the caller turns NULL into the exit code */
        }
        return place;
    }
    AUTO(client) asks = cli_connect(cli);
    AUTO(client) looks = asks == NULL ? NULL : cli_connect(cli);
    if (looks == NULL) {
        return NULL;
    }
    AUTO_BUF body = buf_make(1 << 20);
    struct client_request request = {.method = "GET", .target = "/api/v1/queries"};
    err e = client_fetch(looks, &request, &body, &msg); /* a wrong address or token shows at once */
    if (e != ERR_OK) {
        (void)cli_fail(e, &msg); /* likewise */
        return NULL;
    }
    return sql_place_server(TAKE(asks), TAKE(looks));
}

static void run_text(struct sql_shell *s, const char *text)
{
    struct str rest = str_from(text);
    struct str line;
    while (!s->is_over && !s->is_stopped && str_split(&rest, '\n', &line)) {
        sql_shell_line(s, line);
    }
    if (!s->is_stopped) {
        sql_shell_end(s);
    }
}

static int run(struct sql_shell *s, const char *command)
{
    struct errmsg msg = {0};
    s->is_interactive = command == NULL && isatty(STDIN_FILENO) == 1 && s->is_terminal;
    s->has_pager = s->is_interactive;
    sql_watch_signals();
    if (command != NULL) {
        run_text(s, command);
    } else if (!s->is_interactive) {
        sql_shell_stream(s, stdin);
    } else {
        printf("tarn " TARN_VERSION ". A statement ends with a semicolon; \\h helps, \\q ends.\n");
        err e = sql_prompt_run(s, &msg);
        return e == ERR_OK ? CLI_OK : cli_fail(e, &msg);
    }
    return s->any_failed ? CLI_FAILED : CLI_OK;
}

int cli_sql(struct cli *cli)
{
    bool bad = false;
    const char *command = take_command(cli, &bad);
    bool csv = cli_flag(cli, "csv");
    bool ndjson = cli_flag(cli, "ndjson");
    if (bad || !cli_words(cli, 0, 0, usage)) {
        return CLI_USAGE;
    }
    if (csv + ndjson + cli->json > 1) {
        fprintf(stderr, "tarn: one of --csv, --json and --ndjson\n");
        return CLI_USAGE;
    }
    AUTO(sql_place) place = open_place(cli);
    if (place == NULL) {
        return CLI_FAILED;
    }
    AUTO(sql_names) names = sql_names_new(place);
    struct sql_shell shell;
    sql_shell_init(&shell, place, names);
    shell.output = csv         ? SQL_OUTPUT_CSV
                   : ndjson    ? SQL_OUTPUT_NDJSON
                   : cli->json ? SQL_OUTPUT_JSON
                               : SQL_OUTPUT_TABLE;
    int code = run(&shell, command);
    sql_shell_deinit(&shell);
    return code;
}
