/* SPDX-License-Identifier: MIT */
/* cli_producer.c - `tarn producer ...`: the server's producers. */
#include "app/cli_produce.h"

static char *producer_target(const char *name, const char *tail)
{
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/producers/");
    cli_encode(&target, str_from(name));
    buf_puts(&target, tail);
    return xstrdup(buf_cstr(&target));
}

static void print_producers(const json_t *answer)
{
    static const char *const columns[] = {"name",     "topic", "state",    "rate_wanted",
                                          "rate_now", "sent",  "rejected", "last_error"};
    cli_print_list(json_object_get(answer, "producers"), columns, ARRAY_LEN(columns));
}

int cli_producer_list(struct cli *cli)
{
    return cli_words(cli, 0, 0, "producer list")
               ? cli_get(cli, "/api/v1/producers?limit=1000", print_producers)
               : CLI_USAGE;
}

static void print_producer(const json_t *answer)
{
    /* jansson's iteration wants a mutable object, and does not change it. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)answer); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)answer, at)) {
        if (strcmp(json_object_iter_key(at), "spec") != 0) {
            cli_print_member(json_object_iter_key(at), json_object_iter_value(at));
        }
    }
    char *spec = json_dumps(json_object_get(answer, "spec"), JSON_INDENT(2));
    printf("spec\n%s\n", spec == NULL ? "" : spec);
    free(spec);
}

int cli_producer_describe(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "producer describe NAME")) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = producer_target(cli->argv[0], "");
    return cli_get(cli, target, print_producer);
}

int cli_producer_create(struct cli *cli)
{
    bool bad = false;
    bool stopped = cli_flag(cli, "stopped");
    const char *preset = cli_option(cli, "preset", &bad);
    const char *topic = cli_option(cli, "topic", &bad);
    AUTO_JSON body = json_object();
    json_object_set_new(body, "spec", cli_producer_spec(cli, &bad));
    if (bad || !cli_words(cli, 1, 1,
                          "producer create NAME [--preset NAME] [--spec FILE|-] [--topic T] "
                          "[--rate N] [--seconds N] [--count N] [--seed N] [--stopped]")) {
        return CLI_USAGE;
    }
    json_object_set_new(body, "name", json_string(cli->argv[0]));
    json_object_set_new(body, "start", json_boolean(!stopped));
    if (preset != NULL) {
        json_object_set_new(body, "preset", json_string(preset));
    }
    if (topic != NULL) {
        json_object_set_new(body, "topic", json_string(topic));
    }
    int code = cli_send_json(cli, "POST", "/api/v1/producers", body);
    if (code == CLI_OK && !cli->json) {
        printf("producer %s is made%s\n", cli->argv[0], stopped ? "" : ", and runs");
    }
    return code;
}

int cli_producer_change(struct cli *cli)
{
    bool bad = false;
    const char *topic = cli_option(cli, "topic", &bad);
    AUTO_JSON body = json_object();
    json_object_set_new(body, "spec", cli_producer_spec(cli, &bad));
    if (bad || !cli_words(cli, 1, 1,
                          "producer change NAME [--spec FILE|-] [--topic T] [--rate N] "
                          "[--seconds N] [--count N]")) {
        return CLI_USAGE;
    }
    if (topic != NULL) {
        json_object_set_new(body, "topic", json_string(topic));
    }
    AUTO_TEXT target = producer_target(cli->argv[0], "");
    int code = cli_send_json(cli, "PATCH", target, body);
    if (code == CLI_OK && !cli->json) {
        printf("producer %s is changed\n", cli->argv[0]);
    }
    return code;
}

static int verb(struct cli *cli, const char *method, const char *tail, const char *usage,
                const char *done)
{
    if (!cli_words(cli, 1, 1, usage)) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = producer_target(cli->argv[0], tail);
    int code = cli_send_json(cli, method, target, NULL);
    if (code == CLI_OK && !cli->json) {
        printf("producer %s %s\n", cli->argv[0], done);
    }
    return code;
}

int cli_producer_start(struct cli *cli)
{
    return verb(cli, "POST", "/start", "producer start NAME", "runs");
}

int cli_producer_stop(struct cli *cli)
{
    return verb(cli, "POST", "/stop", "producer stop NAME", "is stopped");
}

int cli_producer_delete(struct cli *cli)
{
    return verb(cli, "DELETE", "", "producer delete NAME", "is deleted; its topic stays");
}
