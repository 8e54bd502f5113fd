/* SPDX-License-Identifier: MIT */
/* cli.h - what the commands of the command line share. Exit codes: 0 ok, 1 failed, 2 usage. */
#pragma once
#include "app/client.h"
#include "app/config.h"
#include "base/json.h"

enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Options every client command takes, and what is left of argv after them. */
struct cli {
    const char *server; /* --server URL; default from --data's run/addresses.json, else the port */
    const char *token_file;
    const char *data; /* --data DIR, or NULL */
    bool json;        /* --json */
    int argc;         /* what is left, without the command's own words */
    char **argv;
};

/* Takes `--name VALUE` or `--name=VALUE` out of cli's words; NULL when it is not there. A missing
 * value is a usage error: the process says so and *out_bad is set. */
const char *cli_option(struct cli *cli, const char *name, bool *out_bad);
bool cli_flag(struct cli *cli, const char *name);
/* Complains about words that nobody took; true when there were none and `count` words are left. */
bool cli_words(struct cli *cli, int low, int high, const char *usage);
/* A client for the server this command talks to; NULL after a message. Caller frees. */
struct client *cli_connect(struct cli *cli);
/* Prints "tarn: what: detail" and returns the exit code for failure. */
int cli_fail(err e, const struct errmsg *msg);
/* The whole file; `-` is standard input. Errors: as os_read_file(). */
err cli_read_file(const char *path, struct buf *out, struct errmsg *msg);
/* Reads the token file's first line; NULL when there is none. Caller frees. */
char *cli_read_token(const char *path, struct errmsg *msg);
/* Rows of text as an aligned table; row 0 is the header; numeric columns align right. */
void cli_print_table(const char *const *cells, size_t rows, size_t columns);
/* Prints a JSON array of objects as a table of the members named in `columns`, or as JSON. */
void cli_print_list(const json_t *list, const char *const *columns, size_t column_count);
/* GET target, then print: with --json the answer as it is, else through `print`. */
int cli_get(struct cli *cli, const char *target, void (*print)(const json_t *answer));
/* Sends a JSON body (NULL: none); with --json prints the answer. Returns the exit code. */
int cli_send_json(struct cli *cli, const char *method, const char *target, const json_t *body);
/* "name    value", for what is described member by member. */
void cli_print_member(const char *key, const json_t *value);
/* Percent-encodes one path segment or query value onto `out`. */
void cli_encode(struct buf *out, struct str text);

/* --format and the options of the text formats (text_format.h) into `spec`, and as a query
 * ("format=csv&delimiter=...") onto `query`, which stays empty when none is there. False after a
 * message. */
struct text_spec;
bool cli_text_options(struct cli *cli, struct text_spec *spec, struct buf *query);

typedef int (*cli_run_fn)(struct cli *cli);
struct cli_command {
    const char *noun;
    const char *verb; /* NULL: the noun alone */
    const char *usage;
    const char *help;
    cli_run_fn run;
};
int cli_serve(struct cli *cli);
int cli_demo(struct cli *cli);
int cli_produce(struct cli *cli);
int cli_sample(struct cli *cli);
int cli_producer_list(struct cli *cli);
int cli_producer_describe(struct cli *cli);
int cli_producer_create(struct cli *cli);
int cli_producer_change(struct cli *cli);
int cli_producer_start(struct cli *cli);
int cli_producer_stop(struct cli *cli);
int cli_producer_delete(struct cli *cli);
int cli_query(struct cli *cli);
int cli_import(struct cli *cli);
int cli_health(struct cli *cli);
int cli_metrics(struct cli *cli);
int cli_send(struct cli *cli);
int cli_tail(struct cli *cli);
int cli_topic_list(struct cli *cli);
int cli_topic_describe(struct cli *cli);
int cli_topic_create(struct cli *cli);
int cli_topic_change(struct cli *cli);
int cli_topic_delete(struct cli *cli);
int cli_topic_repair(struct cli *cli);
int cli_topic_schema(struct cli *cli);
int cli_dead_list(struct cli *cli);
int cli_dead_count(struct cli *cli);
int cli_dead_redrive(struct cli *cli);
int cli_table_list(struct cli *cli);
int cli_table_describe(struct cli *cli);
int cli_table_history(struct cli *cli);
int cli_table_files(struct cli *cli);
int cli_table_flush(struct cli *cli);
int cli_table_checkpoint(struct cli *cli);
int cli_config(struct cli *cli);
int cli_sql(struct cli *cli);
int cli_saved_list(struct cli *cli);
int cli_saved_show(struct cli *cli);
int cli_saved_save(struct cli *cli);
int cli_saved_delete(struct cli *cli);
int cli_saved_run(struct cli *cli);
/* True when a running server holds the folder; then it is asked instead. */
bool cli_server_holds(const char *data);
