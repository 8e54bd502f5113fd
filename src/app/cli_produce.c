/* SPDX-License-Identifier: MIT */
/* cli_produce.c - `tarn produce`: made-up events by a preset or a specification, over HTTP.
 *
 * Every TURN_US it sends, as one NDJSON request, the events that are due since the start; what a
 * slow answer delayed is made up in the next requests, so the rate holds over time. A request that
 * the server cannot take now (429, 507) is sent again. */
#include "app/cli_produce.h"

#include <signal.h>

#include "flow/producer.h"
#include "flow/template.h"
#include "os/clock.h"
#include "os/file.h"

enum {
    TURN_US = 20 * 1000,
    BATCH_EVENTS_MAX = 20000,
    BATCH_BYTES = 8 << 20,
    RETRY_US = 200 * 1000,
    SPEC_BYTES_MAX = 1 << 20,
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

/* ---- the specification ---- */

static err read_spec(const char *path, json_t **out_spec, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(SPEC_BYTES_MAX);
    AUTO_JSON spec = NULL;
    TRY(cli_read_file(path, &text, msg));
    err e = json_parse(buf_str(&text), &spec, msg);
    if (e != ERR_OK) {
        return errmsg_wrap(msg, e, "%s", path);
    }
    if (!json_is_object(spec)) {
        return errmsg_set(msg, ERR_INVALID, "%s: a specification is a JSON object", path);
    }
    *out_spec = TAKE(spec);
    return ERR_OK;
}

/* A rate may be any JSON that the specification takes; the others are numbers. */
static void number_option(struct cli *cli, const char *name, const char *member, json_t *spec,
                          bool *out_bad)
{
    const char *text = cli_option(cli, name, out_bad);
    AUTO_JSON value = NULL;
    if (text == NULL) {
        return;
    }
    err e = json_parse(str_from(text), &value, NULL);
    if (e != ERR_OK || (!json_is_number(value) && strcmp(member, "rate") != 0)) {
        fprintf(stderr, "tarn: --%s must be a number\n", name);
        *out_bad = true;
        return;
    }
    json_object_set(spec, member, value);
}

json_t *cli_producer_spec(struct cli *cli, bool *out_bad)
{
    json_t *spec = NULL;
    struct errmsg msg = {0};
    const char *path = cli_option(cli, "spec", out_bad);
    if (path != NULL && read_spec(path, &spec, &msg) != ERR_OK) {
        fprintf(stderr, "tarn: %s\n", msg.text);
        *out_bad = true;
    }
    if (spec == NULL) {
        spec = json_object();
    }
    number_option(cli, "rate", "rate", spec, out_bad);
    number_option(cli, "count", "count", spec, out_bad);
    number_option(cli, "seconds", "duration_s", spec, out_bad);
    number_option(cli, "seed", "seed", spec, out_bad);
    return spec;
}

/* ---- sending ---- */

struct run {
    struct client *client;
    struct producer *producer;
    char *target;
    uint64_t sent;     /* all of them, */
    uint64_t accepted; /* and those that were stored */
    struct buf body;
    struct buf answer;
};

static err make_batch(struct run *r, uint64_t due, uint64_t *out_count)
{
    uint64_t count = 0;
    buf_reset(&r->body);
    while (count < due && count < BATCH_EVENTS_MAX && r->body.len < BATCH_BYTES) {
        (void)producer_next(r->producer, os_now_us(), &r->body); /* good or bad, it is sent */
        buf_add_byte(&r->body, '\n');
        count++;
    }
    *out_count = count;
    return buf_check(&r->body);
}

/* A request whose events were all refused is an answer too: deliberately bad ones are. */
static bool all_refused(const struct buf *problem)
{
    AUTO_JSON json = NULL;
    struct str code = STR("");
    return json_parse(buf_str(problem), &json, NULL) == ERR_OK &&
           json_opt_str(json, "code", &code, NULL) == ERR_OK && str_is(code, "no_event_accepted");
}

static err collect(void *ctx, struct str piece)
{
    struct buf *out = ctx;
    return buf_add_str(out, piece) ? ERR_OK : ERR_TOO_LARGE;
}

static err send_batch(struct run *r, uint64_t due, struct errmsg *msg)
{
    uint64_t count = 0;
    TRY(make_batch(r, due, &count));
    struct client_request request = {.method = "POST",
                                     .target = r->target,
                                     .content_type = "application/x-ndjson",
                                     .body = buf_str(&r->body)};
    for (;;) {
        AUTO_BUF problem = buf_make(16 << 20);
        AUTO_JSON answer = NULL;
        int64_t accepted = 0;
        buf_reset(&r->answer);
        err e = client_run(r->client, &request, collect, &r->answer, &problem, msg);
        bool again = e == ERR_LIMIT || e == ERR_NOSPACE;
        if (!again && e != ERR_OK && all_refused(&problem)) {
            e = ERR_OK;
        }
        if (e == ERR_OK) {
            r->sent += count;
            if (json_parse(buf_str(&r->answer), &answer, NULL) == ERR_OK) {
                (void)json_opt_i64(answer, "accepted", &accepted, NULL); /* stays 0 */
            }
            r->accepted += (uint64_t)accepted;
            return ERR_OK;
        }
        if (!again || stop_asked) {
            return e;
        }
        os_sleep_us(RETRY_US); /* the server said: later */
    }
}

static err produce(struct run *r, struct errmsg *msg)
{
    int64_t start_us = os_mono_us();
    int64_t duration_us = producer_duration_us(r->producer);
    uint64_t count_max = producer_count_max(r->producer);
    while (!stop_asked) {
        int64_t now_us = os_mono_us();
        int64_t elapsed_us = now_us - start_us;
        bool is_over = duration_us > 0 && elapsed_us >= duration_us;
        elapsed_us = is_over ? duration_us : elapsed_us;
        uint64_t due = (uint64_t)(pace_due(producer_pace(r->producer), elapsed_us) + 1e-6);
        due = count_max > 0 ? MIN(due, count_max) : due;
        if (due > r->sent) {
            TRY(send_batch(r, due - r->sent, msg));
        }
        if (r->sent >= due && (is_over || (count_max > 0 && due == count_max))) {
            break;
        }
        int64_t left_us = TURN_US - (os_mono_us() - now_us);
        if (left_us > 0 && r->sent >= due) {
            os_sleep_us(left_us);
        }
    }
    return ERR_OK;
}

static int run(struct cli *cli, struct run *r, struct str topic)
{
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/topics/");
    cli_encode(&target, topic);
    buf_puts(&target, "/events");
    r->client = client;
    r->target = xstrdup(buf_cstr(&target));
    r->body = buf_make(BATCH_BYTES + 2 * TEMPLATE_EVENT_BYTES_MAX);
    r->answer = buf_make(16 << 20);
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigaction(SIGINT, &action, NULL);  /* cannot fail with valid arguments */
    (void)sigaction(SIGTERM, &action, NULL); /* likewise */
    struct errmsg msg = {0};
    int64_t start_us = os_mono_us();
    err e = produce(r, &msg);
    double seconds = (double)(os_mono_us() - start_us) / 1e6;
    double rate = seconds > 0 ? (double)r->sent / seconds : 0.0;
    if (cli->json) {
        printf("{\"sent\":%llu,\"accepted\":%llu,\"seconds\":%.3f}\n", (unsigned long long)r->sent,
               (unsigned long long)r->accepted, seconds);
    } else {
        printf("%llu events in %.2f s (%.0f a second)", (unsigned long long)r->sent, seconds, rate);
        if (r->accepted != r->sent) {
            printf(", %llu of them stored", (unsigned long long)r->accepted);
        }
        printf("\n");
    }
    free(r->target);
    buf_deinit(&r->body);
    buf_deinit(&r->answer);
    return e == ERR_OK || stop_asked ? CLI_OK : cli_fail(e, &msg);
}

static int print_presets(const struct cli *cli)
{
    static const char *const columns[] = {"name", "topic", "about"};
    AUTO_JSON list = producer_presets_json();
    if (!cli->json) {
        cli_print_list(list, columns, ARRAY_LEN(columns));
        return CLI_OK;
    }
    AUTO_BUF text = buf_make(1 << 20);
    AUTO_JSON all = json_pack("{s:O}", "presets", list);
    if (json_write(all, &text) != ERR_OK) {
        return cli_fail(ERR_NOMEM, NULL);
    }
    printf("%s\n", buf_cstr(&text));
    return CLI_OK;
}

int cli_produce(struct cli *cli)
{
    bool bad = false;
    if (cli_flag(cli, "presets")) {
        return cli_words(cli, 0, 0, "produce --presets") ? print_presets(cli) : CLI_USAGE;
    }
    const char *preset = cli_option(cli, "preset", &bad);
    const char *topic = cli_option(cli, "topic", &bad);
    AUTO_JSON change = cli_producer_spec(cli, &bad);
    AUTO_JSON spec = NULL;
    struct errmsg msg = {0};
    struct run r = {0};
    if (bad || !cli_words(cli, 0, 0,
                          "produce [--preset NAME|--spec FILE|-] [--topic T] [--rate N] "
                          "[--seconds N] [--count N] [--seed N] | --presets")) {
        return CLI_USAGE;
    }
    err e = producer_spec(preset, change, &spec, &msg);
    if (e == ERR_OK) {
        e = producer_compile(spec, os_random_u64(), 0, &r.producer, &msg);
    }
    struct str named = STR("");
    (void)json_opt_str(spec, "topic", &named, NULL); /* checked just now */
    named = topic != NULL ? str_from(topic) : named;
    if (e == ERR_OK && named.len == 0) {
        e = errmsg_set(&msg, ERR_INVALID, "say where the events go: --topic T");
    }
    if (e != ERR_OK) {
        fprintf(stderr, "tarn: %s\n", msg.text);
        producer_free(r.producer);
        return CLI_USAGE;
    }
    int code = run(cli, &r, named);
    producer_free(r.producer);
    return code;
}
