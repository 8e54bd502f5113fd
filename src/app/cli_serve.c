/* SPDX-License-Identifier: MIT */
/* cli_serve.c - `tarn serve` and `tarn demo`. */
#include "app/cli.h"
#include "app/front.h"
#include "base/log.h"
#include "flow/producers.h"

#include <errno.h>

static enum log_level level_of(const char *name)
{
    return strcmp(name, "debug") == 0   ? LOG_DEBUG
           : strcmp(name, "warn") == 0  ? LOG_WARN
           : strcmp(name, "error") == 0 ? LOG_ERROR
                                        : LOG_INFO;
}

/* Settings from the words of the command; a usage error is said and false returned, with `config`
 * empty again. */
static bool read_config(struct cli *cli, struct config *config, const char *usage)
{
    struct errmsg msg = {0};
    config_init(config);
    err e = config_from_args(config, &cli->argc, cli->argv, &msg);
    if (e != ERR_OK) {
        fprintf(stderr, "tarn: %s\n", msg.text);
        config_deinit(config);
        return false;
    }
    log_init(level_of(config->log_level),
             strcmp(config->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT, "front");
    if (!cli_words(cli, 0, 0, usage)) {
        config_deinit(config);
        return false;
    }
    return true;
}

int cli_serve(struct cli *cli)
{
    struct config config;
    if (!read_config(
            cli, &config,
            "serve [--data DIR] [--http HOST:PORT] [--config FILE] [--SETTING VALUE]...")) {
        return CLI_USAGE;
    }
    int code = front_run(&config, NULL, NULL);
    config_deinit(&config);
    return code;
}

struct demo {
    json_t *rate; /* owned; any that a specification takes */
    json_t *seconds;
};

/* The server's own producers, which end with it: the next `tarn serve` over the data has none. */
static void start_producers(void *ctx, const char *http_url, struct producers *producers)
{
    static const char *const presets[] = {"web_logs", "customers", "transactions", "analytics"};
    struct demo *demo = ctx;
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        AUTO_JSON body = json_object();
        json_t *spec = json_object();
        struct producers_job *job = NULL;
        struct errmsg msg = {0};
        AUTO_TEXT name = xasprintf("demo_%s", presets[i]);
        json_object_set(spec, "rate", demo->rate);
        json_object_set(spec, "duration_s", demo->seconds);
        json_object_set_new(body, "name", json_string(name));
        json_object_set_new(body, "preset", json_string(presets[i]));
        json_object_set_new(body, "spec", spec);
        if (producers_create(producers, body, false, &job, &msg) != ERR_OK) {
            log_error("a producer could not be started", "name=%s error=\"%s\"", name, msg.text);
        }
    }
    char *rate = json_dumps(demo->rate, JSON_ENCODE_ANY);
    printf("\n  four topics are receiving %s events a second each.\n"
           "  Open %s/ in a browser, or in another terminal:\n\n"
           "    %s query \"SELECT status, count(*) FROM web_logs GROUP BY status ORDER BY 2 DESC\" "
           "--server %s\n"
           "    %s producer list --server %s\n"
           "    curl -s %s/api/v1/health\n\n  Ctrl-C stops the demo; the data stays.\n\n",
           rate == NULL ? "many" : rate, http_url, program_invocation_name, http_url,
           program_invocation_name, http_url, http_url);
    free(rate);
    (void)fflush(stdout); /* the demo goes on without a terminal */
}

/* A number of the command line, or the default. */
static json_t *demo_number(struct cli *cli, const char *name, json_int_t dflt, bool *bad)
{
    const char *text = cli_option(cli, name, bad);
    json_t *value = NULL;
    if (text == NULL) {
        return json_integer(dflt);
    }
    if (json_parse(str_from(text), &value, NULL) != ERR_OK || !json_is_number(value) ||
        json_number_value(value) < 0) {
        fprintf(stderr, "tarn: --%s must be a number\n", name);
        *bad = true;
    }
    return value;
}

int cli_demo(struct cli *cli)
{
    struct config config;
    bool bad = false;
    AUTO_JSON rate = demo_number(cli, "rate", 500, &bad);
    AUTO_JSON seconds = demo_number(cli, "seconds", 0, &bad);
    struct demo demo = {.rate = rate, .seconds = seconds};
    if (bad || !read_config(cli, &config, "demo [--rate N] [--seconds N] [serve's options]")) {
        return CLI_USAGE;
    }
    int code = front_run(&config, start_producers, &demo);
    config_deinit(&config);
    return code;
}
