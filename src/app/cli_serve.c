/* SPDX-License-Identifier: MIT */
/* cli_serve.c - `tarn serve` and `tarn demo`. */
#include <signal.h>

#include "app/cli.h"
#include "app/front.h"
#include "base/log.h"
#include "os/file.h"
#include "os/process.h"

enum { DEMO_TOPICS = 4 };

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
    const char *rate;
    const char *seconds;
    const char *token_file;
    pid_t producers[DEMO_TOPICS];
};

/* The producers are processes of their own, so that they load the door as clients do. */
static void start_producers(void *ctx, const char *http_url)
{
    static const char *const kinds[DEMO_TOPICS] = {"web_logs", "customer_events",
                                                   "transaction_events", "analytics_events"};
    struct demo *demo = ctx;
    for (int i = 0; i < DEMO_TOPICS; i++) {
        AUTO_TEXT topic = xasprintf("--topic=%s", kinds[i]);
        AUTO_TEXT kind = xasprintf("--kind=%s", kinds[i]);
        AUTO_TEXT rate = xasprintf("--rate=%s", demo->rate);
        AUTO_TEXT server = xasprintf("--server=%s", http_url);
        AUTO_TEXT seconds = xasprintf("--seconds=%s", demo->seconds);
        AUTO_TEXT token = xasprintf("--token-file=%s", demo->token_file);
        char program[] = "tarn";
        char verb[] = "produce";
        char quiet[] = "--quiet";
        bool has_token = demo->token_file[0] != '\0';
        char *argv[] = {
            program, verb, topic, kind, rate, server, seconds, quiet, has_token ? token : NULL,
            NULL};
        struct errmsg msg = {0};
        int fd = -1;
        err e = os_spawn_self(argv, &demo->producers[i], &fd, &msg);
        os_close(fd);
        if (e != ERR_OK) {
            log_error("a producer could not be started", "kind=%s error=\"%s\"", kinds[i],
                      msg.text);
        }
    }
    printf(
        "\n  four topics are receiving %s events a second each. In another terminal:\n\n"
        "    tarn query \"SELECT status, count(*) FROM web_logs GROUP BY status ORDER BY 2 DESC\" "
        "--server %s\n"
        "    curl -s %s/api/v1/health\n\n  Ctrl-C stops the demo; the data stays.\n\n",
        demo->rate, http_url, http_url);
    (void)fflush(stdout); /* the demo goes on without a terminal */
}

int cli_demo(struct cli *cli)
{
    struct config config;
    bool bad = false;
    struct demo demo = {.rate = cli_option(cli, "rate", &bad)};
    demo.seconds = bad ? NULL : cli_option(cli, "seconds", &bad);
    if (bad || !read_config(cli, &config, "demo [--rate N] [--seconds N] [serve's options]")) {
        return CLI_USAGE;
    }
    demo.rate = demo.rate == NULL ? "500" : demo.rate;
    demo.seconds = demo.seconds == NULL ? "0" : demo.seconds;
    demo.token_file = config.token_file;
    int code = front_run(&config, start_producers, &demo);
    for (int i = 0; i < DEMO_TOPICS; i++) {
        int status = 0;
        os_kill(demo.producers[i], SIGTERM);
        if (demo.producers[i] > 0 && !os_child_wait(demo.producers[i], 1000, &status)) {
            os_kill(demo.producers[i], SIGKILL);
        }
    }
    config_deinit(&config);
    return code;
}
