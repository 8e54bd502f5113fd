/* SPDX-License-Identifier: MIT */
/* cli_topic.c - `tarn topic ...`: list, describe, create, change, delete, repair, schema. */
#include "app/cli.h"
#include "os/file.h"
#include "topic/meta.h"

static char *topic_target(const char *topic, const char *tail)
{
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/topics/");
    cli_encode(&target, str_from(topic));
    buf_puts(&target, tail);
    return xstrdup(buf_cstr(&target));
}

static void print_topics(const json_t *answer)
{
    static const char *const columns[] = {"name",   "table", "partitions",
                                          "events", "bytes", "lag_events"};
    cli_print_list(json_object_get(answer, "topics"), columns, ARRAY_LEN(columns));
}

int cli_topic_list(struct cli *cli)
{
    return cli_words(cli, 0, 0, "topic list")
               ? cli_get(cli, "/api/v1/topics?limit=1000", print_topics)
               : CLI_USAGE;
}

static void print_topic(const json_t *answer)
{
    static const char *const columns[] = {"partition", "start",     "end",  "committed",
                                          "bytes",     "dead_next", "state"};
    const char *key = NULL;
    json_t *value = NULL;
    /* jansson's iteration macro wants a mutable object, and does not change it. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)answer); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)answer, at)) {
        key = json_object_iter_key(at);
        value = json_object_iter_value(at);
        if (strcmp(key, "partition_list") != 0) {
            cli_print_member(key, value);
        }
    }
    printf("\n");
    cli_print_list(json_object_get(answer, "partition_list"), columns, ARRAY_LEN(columns));
}

int cli_topic_describe(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "topic describe TOPIC")) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = topic_target(cli->argv[0], "");
    return cli_get(cli, target, print_topic);
}

/* Settings of a topic as options; sizes and times are passed on as text. */
static json_t *settings_from_options(struct cli *cli, bool *out_bad)
{
    static const char *const names[] = {
        "partitions",        "durability",  "segment-bytes", "retention-ms",
        "retention-bytes",   "flush-bytes", "flush-rows",    "flush-age-ms",
        "unlanded-rows-max", "key",         "time",          "partition-by"};
    json_t *settings = json_object();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = cli_option(cli, names[i], out_bad);
        if (value == NULL) {
            continue;
        }
        char member[32];
        (void)snprintf(member, sizeof member, "%s", names[i]); /* fits */
        for (char *c = member; *c != '\0'; c++) {
            *c = *c == '-' ? '_' : *c;
        }
        int64_t number = 0;
        json_t *json =
            str_to_i64(str_from(value), &number) ? json_integer(number) : json_string(value);
        if (strcmp(member, "partition_by") == 0) {
            json_decref(json);
            json = json_array();
            struct str rest = str_from(value);
            struct str part;
            while (str_split(&rest, ',', &part)) {
                json_array_append_new(json, json_from_str(str_trim(part)));
            }
        }
        json_object_set_new(settings, member, json);
    }
    return settings;
}

int cli_topic_create(struct cli *cli)
{
    bool bad = false;
    bool adopt = cli_flag(cli, "adopt");
    AUTO_JSON body = settings_from_options(cli, &bad);
    if (bad || !cli_words(cli, 1, 1, "topic create TOPIC [--partitions N] [--SETTING VALUE]...")) {
        return CLI_USAGE;
    }
    json_object_set_new(body, "name", json_string(cli->argv[0]));
    const char *target = adopt ? "/api/v1/topics?adopt=true" : "/api/v1/topics";
    int code = cli_send_json(cli, "POST", target, body);
    if (code == CLI_OK && !cli->json) {
        printf("topic %s is made\n", cli->argv[0]);
    }
    return code;
}

int cli_topic_change(struct cli *cli)
{
    bool bad = false;
    AUTO_JSON body = settings_from_options(cli, &bad);
    if (bad || !cli_words(cli, 1, 1, "topic change TOPIC --SETTING VALUE...")) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = topic_target(cli->argv[0], "");
    int code = cli_send_json(cli, "PATCH", target, body);
    if (code == CLI_OK && !cli->json) {
        printf("topic %s is changed\n", cli->argv[0]);
    }
    return code;
}

int cli_topic_delete(struct cli *cli)
{
    bool drop = cli_flag(cli, "drop");
    if (!cli_words(cli, 1, 1, "topic delete TOPIC [--drop]")) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = topic_target(cli->argv[0], drop ? "?drop=true" : "");
    int code = cli_send_json(cli, "DELETE", target, NULL);
    if (code == CLI_OK && !cli->json) {
        printf("topic %s is deleted%s\n", cli->argv[0],
               drop ? " with its tables" : "; its tables stay");
    }
    return code;
}

int cli_topic_repair(struct cli *cli)
{
    bool bad = false;
    const char *partition = cli_option(cli, "partition", &bad);
    if (bad || partition == NULL || !cli_words(cli, 1, 1, "topic repair TOPIC --partition N")) {
        return CLI_USAGE;
    }
    AUTO_TEXT tail = xasprintf("/partitions/%s/repair", partition);
    AUTO_TEXT target = topic_target(cli->argv[0], tail);
    int code = cli_send_json(cli, "POST", target, NULL);
    if (code == CLI_OK && !cli->json) {
        printf("partition %s of %s is repaired; what was lost is in `tarn topic describe`\n",
               partition, cli->argv[0]);
    }
    return code;
}

/* PUTs the schema as it is written in a file. */
static int set_schema(struct cli *cli, const char *target, const char *path)
{
    AUTO_BUF document = buf_make(TOPIC_SCHEMA_BYTES_MAX * 4);
    AUTO_BUF answer = buf_make(TOPIC_SCHEMA_BYTES_MAX * 4);
    AUTO_JSON json = NULL;
    struct errmsg msg = {0};
    int64_t version = 0;
    err e = cli_read_file(path, &document, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    struct client_request request = {.method = "PUT",
                                     .target = target,
                                     .content_type = "application/schema+json",
                                     .body = buf_str(&document)};
    e = client_fetch(client, &request, &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    if (cli->json) {
        printf("%.*s\n", STR_ARGS(str_trim(buf_str(&answer))));
        return CLI_OK;
    }
    if (json_parse(buf_str(&answer), &json, NULL) == ERR_OK) {
        (void)json_opt_i64(json, "version", &version, NULL); /* stays 0 */
    }
    printf("the schema of topic %s is in force as version %lld\n", cli->argv[0],
           (long long)version);
    return CLI_OK;
}

/* Prints the document as the server has it, digit for digit. */
static int print_schema(struct cli *cli, const char *target)
{
    AUTO_BUF answer = buf_make(TOPIC_SCHEMA_BYTES_MAX * 4);
    struct errmsg msg = {0};
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    struct client_request request = {.method = "GET", .target = target};
    err e = client_fetch(client, &request, &answer, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    printf("%.*s\n", STR_ARGS(buf_str(&answer)));
    return CLI_OK;
}

static void print_versions(const json_t *answer)
{
    static const char *const columns[] = {"version", "is_declared", "start_offsets"};
    cli_print_list(json_object_get(answer, "versions"), columns, ARRAY_LEN(columns));
}

int cli_topic_schema(struct cli *cli)
{
    bool bad = false;
    const char *path = cli_option(cli, "set", &bad);
    const char *version = cli_option(cli, "version", &bad);
    bool versions = cli_flag(cli, "versions");
    bool withdraw = cli_flag(cli, "withdraw");
    static const char usage[] =
        "topic schema TOPIC [--set FILE | --versions | --version N | --withdraw]";
    int asked = (path != NULL) + (version != NULL) + versions + withdraw;
    if (bad || !cli_words(cli, 1, 1, usage)) {
        return CLI_USAGE;
    }
    if (asked > 1) {
        fprintf(stderr, "tarn: one of these at a time\nusage: tarn %s\n", usage);
        return CLI_USAGE;
    }
    AUTO_TEXT one = xasprintf("/schema/versions/%s", version == NULL ? "" : version);
    const char *tail = versions ? "/schema/versions?limit=1000" : version != NULL ? one : "/schema";
    AUTO_TEXT target = topic_target(cli->argv[0], tail);
    if (path != NULL) {
        return set_schema(cli, target, path);
    }
    if (versions) {
        return cli_get(cli, target, print_versions);
    }
    if (!withdraw) {
        return print_schema(cli, target);
    }
    int code = cli_send_json(cli, "DELETE", target, NULL);
    if (code == CLI_OK && !cli->json) {
        printf("topic %s has no declared schema any more; its columns keep their types\n",
               cli->argv[0]);
    }
    return code;
}
