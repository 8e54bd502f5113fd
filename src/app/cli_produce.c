/* SPDX-License-Identifier: MIT */
/* cli_produce.c - `tarn produce`: made-up events at a steady rate.
 *
 * Every TURN_US it sends, as one NDJSON request, the events that are due since the start; what a
 * slow answer delayed is made up in the next requests, so the rate holds over time. A request that
 * the server cannot take now (429, 507) is sent again. */
#include <signal.h>

#include "app/cli.h"
#include "flow/produce.h"
#include "os/clock.h"

enum { TURN_US = 20 * 1000, BATCH_EVENTS_MAX = 20000, RETRY_US = 200 * 1000 };

static volatile sig_atomic_t stop_asked;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

struct run {
    struct client *client;
    struct producer *producer;
    char *target;
    uint64_t rate;
    uint64_t limit; /* events, 0: none */
    int64_t end_us; /* 0: none */
    uint64_t sent;
    struct buf body;
    struct buf answer;
};

static err send_batch(struct run *r, uint64_t count, struct errmsg *msg)
{
    buf_reset(&r->body);
    for (uint64_t i = 0; i < count; i++) {
        producer_next(r->producer, os_now_us(), &r->body);
        buf_add_byte(&r->body, '\n');
    }
    TRY(buf_check(&r->body));
    struct client_request request = {.method = "POST",
                                     .target = r->target,
                                     .content_type = "application/x-ndjson",
                                     .body = buf_str(&r->body)};
    for (;;) {
        buf_reset(&r->answer);
        err e = client_fetch(r->client, &request, &r->answer, msg);
        bool again = e == ERR_LIMIT || e == ERR_NOSPACE;
        if (!again || stop_asked) {
            r->sent += e == ERR_OK ? count : 0;
            return e;
        }
        os_sleep_us(RETRY_US); /* the server said: later */
    }
}

static err produce(struct run *r, struct errmsg *msg)
{
    int64_t start_us = os_mono_us();
    while (!stop_asked) {
        int64_t now_us = os_mono_us();
        int64_t until_us = r->end_us > 0 ? MIN(now_us, r->end_us) : now_us;
        uint64_t due = (uint64_t)((double)(until_us - start_us) * (double)r->rate / 1e6);
        due = r->limit > 0 ? MIN(due, r->limit) : due;
        if (due > r->sent) {
            TRY(send_batch(r, MIN(due - r->sent, (uint64_t)BATCH_EVENTS_MAX), msg));
        }
        bool is_time = r->end_us > 0 && now_us >= r->end_us && r->sent >= due;
        if ((r->limit > 0 && r->sent >= r->limit) || is_time) {
            break;
        }
        int64_t left_us = TURN_US - (os_mono_us() - now_us);
        if (left_us > 0 && due - r->sent < BATCH_EVENTS_MAX) {
            os_sleep_us(left_us);
        }
    }
    return ERR_OK;
}

static bool number_option(struct cli *cli, const char *name, uint64_t dflt, uint64_t *out_value,
                          bool *out_bad)
{
    const char *text = cli_option(cli, name, out_bad);
    *out_value = dflt;
    if (text != NULL && !str_to_u64(str_from(text), out_value)) {
        fprintf(stderr, "tarn: --%s must be a number\n", name);
        *out_bad = true;
    }
    return !*out_bad;
}

static int run(struct cli *cli, struct run *r, const char *topic, bool quiet)
{
    AUTO(client) client = cli_connect(cli);
    if (client == NULL) {
        return CLI_FAILED;
    }
    AUTO_BUF target = buf_make(8192);
    buf_puts(&target, "/api/v1/topics/");
    cli_encode(&target, str_from(topic));
    buf_puts(&target, "/events");
    r->client = client;
    r->target = xstrdup(buf_cstr(&target));
    r->body = buf_make(64 << 20);
    r->answer = buf_make(16 << 20);
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigaction(SIGINT, &action, NULL);  /* cannot fail with valid arguments */
    (void)sigaction(SIGTERM, &action, NULL); /* likewise */
    struct errmsg msg = {0};
    int64_t start_us = os_mono_us();
    err e = produce(r, &msg);
    double seconds = (double)(os_mono_us() - start_us) / 1e6;
    if (!quiet) {
        printf("%llu events in %.2f s (%.0f a second)\n", (unsigned long long)r->sent, seconds,
               seconds > 0 ? (double)r->sent / seconds : 0.0);
    }
    free(r->target);
    buf_deinit(&r->body);
    buf_deinit(&r->answer);
    if (e == ERR_CLOSED && quiet) {
        return CLI_OK; /* the demo's server has stopped: so do its producers */
    }
    return e == ERR_OK || stop_asked ? CLI_OK : cli_fail(e, &msg);
}

int cli_produce(struct cli *cli)
{
    bool bad = false;
    bool quiet = cli_flag(cli, "quiet");
    const char *topic = cli_option(cli, "topic", &bad);
    const char *kind = cli_option(cli, "kind", &bad);
    struct run r = {0};
    uint64_t seconds = 0;
    uint64_t seed = 0;
    bool ok = number_option(cli, "rate", 500, &r.rate, &bad) &&
              number_option(cli, "seconds", 0, &seconds, &bad) &&
              number_option(cli, "count", 0, &r.limit, &bad) &&
              number_option(cli, "seed", os_random_u64(), &seed, &bad);
    if (!ok || topic == NULL || kind == NULL || r.rate == 0 ||
        !cli_words(cli, 0, 0, "produce --topic T --kind KIND [--rate N] [--seconds N|--count N]")) {
        fprintf(stderr,
                "usage: tarn produce --topic T --kind KIND [--rate N] "
                "[--seconds N|--count N] [--seed N]\nkinds: %s\n",
                producer_kinds());
        return CLI_USAGE;
    }
    r.producer = producer_new(kind, seed);
    if (r.producer == NULL) {
        fprintf(stderr, "tarn: unknown kind \"%s\"; there are %s\n", kind, producer_kinds());
        return CLI_USAGE;
    }
    r.end_us = seconds > 0 ? os_mono_us() + (int64_t)seconds * 1000000 : 0;
    int code = run(cli, &r, topic, quiet);
    producer_free(r.producer);
    return code;
}
