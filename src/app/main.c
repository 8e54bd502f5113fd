/* SPDX-License-Identifier: MIT */
/* main.c - one executable: command line, server, and the two roles that the server starts. */
#include <signal.h>

#include "app/cli.h"
#include "app/role_job.h"
#include "app/role_query.h"
#include "app/role_writer.h"
#include "base/log.h"
#include "os/clock.h"

static const struct cli_command commands[] = {
    {"serve", NULL, "serve [--data DIR] [--http HOST:PORT] [--config FILE] [--SETTING VALUE]...",
     "start the server", cli_serve},
    {"demo", NULL, "demo [--rate N] [--seconds N] [serve's options]",
     "start a server with four live topics", cli_demo},
    {"query", NULL,
     "query SQL [--format table|csv|json|ndjson|parquet] [--limit N] [--data DIR] [-o FILE]",
     "ask a question in SQL; with --data on the files when no server runs there", cli_query},
    {"sql", NULL, "sql [-c SQL] [--csv|--json|--ndjson] [--data DIR]",
     "a prompt for SQL; or statements from -c, or from standard input", cli_sql},
    {"saved", "list", "saved list", "saved queries", cli_saved_list},
    {"saved", "show", "saved show NAME", "the text of one", cli_saved_show},
    {"saved", "save", "saved save NAME SQL [--description TEXT] [--tag TAG]...",
     "save a query, or replace it", cli_saved_save},
    {"saved", "delete", "saved delete NAME", "delete a saved query", cli_saved_delete},
    {"saved", "run", "saved run NAME [query's options]", "run a saved query", cli_saved_run},
    {"send", NULL,
     "send TOPIC [FILE|-] [--format FORMAT [--OPTION VALUE]...] [--key FIELD] [--atomic]",
     "send events from a file or standard input: JSON, one per line, or a text format", cli_send},
    {"tail", NULL,
     "tail -F FILE... --topic T [--format FORMAT [--OPTION VALUE]...] [--server URL|--data DIR] "
     "[--state FILE] [--from-start|--from-end] [--once]",
     "follow files and send their lines, through rotation and restarts, each once", cli_tail},
    {"import", NULL,
     "import FILE|GLOB|-... --table NAME|--topic T [--mode create|append|replace] [--format F]",
     "files (CSV, NDJSON, Parquet) into a table, or their rows as events into a topic", cli_import},
    {"sample", NULL, "sample DIR [--rows N] [--seed N]",
     "write sample tables that belong together, and queries over them", cli_sample},
    {"produce", NULL,
     "produce [--preset NAME|--spec FILE|-] [--topic T] [--rate N] [--seconds N] [--count N] "
     "[--seed N] | --presets",
     "send made-up events at a rate, from here", cli_produce},
    {"producer", "list", "producer list", "the server's producers of made-up events",
     cli_producer_list},
    {"producer", "describe", "producer describe NAME", "one producer, its state and specification",
     cli_producer_describe},
    {"producer", "create",
     "producer create NAME [--preset NAME] [--spec FILE|-] [--topic T] [--rate N] [--seconds N] "
     "[--count N] [--seed N] [--stopped]",
     "make a producer and start it", cli_producer_create},
    {"producer", "change",
     "producer change NAME [--spec FILE|-] [--topic T] [--rate N] [--seconds N] [--count N]",
     "change a producer while it runs", cli_producer_change},
    {"producer", "start", "producer start NAME", "start a producer", cli_producer_start},
    {"producer", "stop", "producer stop NAME", "stop a producer", cli_producer_stop},
    {"producer", "delete", "producer delete NAME", "forget a producer; its topic stays",
     cli_producer_delete},
    {"topic", "list", "topic list", "topics with their sizes", cli_topic_list},
    {"topic", "describe", "topic describe TOPIC", "one topic, its settings and partitions",
     cli_topic_describe},
    {"topic", "create", "topic create TOPIC [--partitions N] [--SETTING VALUE]... [--adopt]",
     "make a topic", cli_topic_create},
    {"topic", "change", "topic change TOPIC --SETTING VALUE...", "change a topic's settings",
     cli_topic_change},
    {"topic", "delete", "topic delete TOPIC [--drop]",
     "land and delete a topic; with --drop its tables too", cli_topic_delete},
    {"topic", "repair", "topic repair TOPIC --partition N",
     "let go of a damaged stretch of the log", cli_topic_repair},
    {"topic", "schema", "topic schema TOPIC [--set FILE | --versions | --version N | --withdraw]",
     "the JSON Schema of a topic: print, declare, list, take back", cli_topic_schema},
    {"dead", "list",
     "dead list TOPIC [--reason R] [--q TEXT] [--from TIME] [--to TIME] [--partition N] "
     "[--redriven true|false] [--limit N]",
     "dead letters of a topic, newest first", cli_dead_list},
    {"dead", "count", "dead count TOPIC", "dead letters by reason", cli_dead_count},
    {"dead", "redrive", "dead redrive TOPIC [--where CONDITION] [--format F] [--limit N]",
     "put dead letters through the door again, each once", cli_dead_redrive},
    {"table", "list", "table list", "tables with their rows and lag", cli_table_list},
    {"table", "describe", "table describe NAME_OR_PATH", "columns, size, version",
     cli_table_describe},
    {"table", "history", "table history NAME_OR_PATH [--limit N]", "what each commit did",
     cli_table_history},
    {"table", "files", "table files NAME_OR_PATH", "data files of the newest version",
     cli_table_files},
    {"table", "flush", "table flush NAME", "land everything acknowledged so far", cli_table_flush},
    {"table", "checkpoint", "table checkpoint NAME_OR_PATH", "write a Delta checkpoint",
     cli_table_checkpoint},
    {"health", NULL, "health", "state of each component, with reasons", cli_health},
    {"metrics", NULL, "metrics", "all metrics as JSON", cli_metrics},
    {"config", NULL, "config [--markdown]", "every setting with its default", cli_config},
};

static void print_help(FILE *out)
{
    fprintf(out, "tarn " TARN_VERSION ", a streaming lakehouse in one program\n\n"
                 "usage: tarn COMMAND [...]\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%s%s%s", commands[i].noun,
                       commands[i].verb == NULL ? "" : " ",
                       commands[i].verb == NULL ? "" : commands[i].verb); /* fits */
        fprintf(out, "  %-17s %s\n", name, commands[i].help);
    }
    fprintf(out, "\nClient commands take --server URL, --token-file FILE, --json. "
                 "`tarn COMMAND --help` shows a command's words.\n"
                 "Exit codes: 0 ok, 1 failed, 2 usage.\n");
}

static const struct cli_command *find_command(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct cli_command *c = &commands[i];
        if (strcmp(c->noun, argv[1]) == 0 &&
            (c->verb == NULL || (argc > 2 && strcmp(c->verb, argv[2]) == 0))) {
            return c;
        }
    }
    return NULL;
}

static int unknown_command(int argc, char **argv)
{
    bool noun_known = false;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].noun, argv[1]) == 0) {
            fprintf(stderr, "usage: tarn %s\n", commands[i].usage);
            noun_known = true;
        }
    }
    if (!noun_known) {
        fprintf(stderr, "tarn: unknown command \"%s\"\n", argv[1]);
        print_help(stderr);
    }
    (void)argc;
    return CLI_USAGE;
}

/* The child roles; only the server starts them. */
static int run_role(int argc, char **argv)
{
    struct config config;
    config_init(&config);
    struct errmsg msg = {0};
    err e = config_from_args(&config, &argc, argv, &msg);
    int code = CLI_USAGE;
    if (e != ERR_OK || argc < 3) {
        code = cli_fail(e == ERR_OK ? ERR_INVALID : e, &msg);
    } else if (strcmp(argv[2], "writer") == 0) {
        code = role_writer(&config);
    } else if (strcmp(argv[2], "query") == 0) {
        code = role_query(&config);
    } else if (strcmp(argv[2], "job") == 0) {
        code = role_job(&config);
    }
    config_deinit(&config);
    return code;
}

static int run_command(const struct cli_command *command, int argc, char **argv)
{
    int skip = command->verb == NULL ? 2 : 3;
    struct cli cli = {.argc = argc - skip, .argv = argv + skip};
    if (cli_flag(&cli, "help")) {
        printf("usage: tarn %s\n%s\n", command->usage, command->help);
        return CLI_OK;
    }
    bool serves = command->run == cli_serve || command->run == cli_demo;
    bool bad = false;
    if (!serves) {
        cli.server = cli_option(&cli, "server", &bad);
        cli.token_file = cli_option(&cli, "token-file", &bad);
        cli.data = cli_option(&cli, "data", &bad);
        cli.json = cli_flag(&cli, "json");
    }
    return bad ? CLI_USAGE : command->run(&cli);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a closed peer is an error code, not the end */
    log_set_clock(os_now_us);
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        printf("tarn " TARN_VERSION "\n");
        return CLI_OK;
    }
    if (strcmp(argv[1], "role") == 0) {
        return run_role(argc, argv);
    }
    const struct cli_command *command = find_command(argc, argv);
    return command == NULL ? unknown_command(argc, argv) : run_command(command, argc, argv);
}
