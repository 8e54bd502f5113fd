/* SPDX-License-Identifier: MIT */
/* cli_tail.c - `tarn tail`: lines of growing files into a topic (tail.h), over HTTP.
 *
 * A chunk is one request with an Idempotency-Key. Whatever may pass by itself (no server, 429, 503,
 * a full disk) is waited for, for ever; what cannot (a format that is wrong, no permission) ends
 * the program. Either way the state file is right. */
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>

#include "app/cli.h"
#include "app/tail.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/watch.h"

enum {
    POLL_MS = 500,
    BACKOFF_MIN_US = 100 * 1000,
    BACKOFF_MAX_US = 10 * 1000 * 1000,
    RETRY_AFTER_SECONDS_MAX = 300,
    FILES_BESIDE = 64,     /* rotated ones, the state, the connection */
    SLICE_US = 100 * 1000, /* so soon a signal is noticed while waiting */
};

static volatile sig_atomic_t stop_asked;
static struct client *volatile stop_client; /* whose request a signal cuts short */

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
    if (stop_client != NULL) {
        client_drop(stop_client);
    }
}

struct run {
    struct cli *cli;
    const char *topic;
    struct text_spec spec; /* owned */
    struct buf query;      /* owned; format and options as they were given */
    const char *key;
    struct client *client; /* owned; NULL: to be made */
    struct buf answer;     /* owned */
    uint64_t accepted;
    uint64_t dead;
    bool is_fatal;
    bool is_waiting;       /* a failure was told */
    struct errmsg trouble; /* of the last look, as it was told */
};

bool cli_text_options(struct cli *cli, struct text_spec *spec, struct buf *query)
{
    bool bad = false;
    struct errmsg msg = {0};
    const char *format = cli_option(cli, "format", &bad);
    if (format != NULL) {
        const char *known = strcmp(format, "json") == 0 ? "ndjson" : format;
        if (!text_format_parse(str_from(known), &spec->format)) {
            fprintf(stderr, "tarn: unknown format \"%s\"; there are %s\n", format,
                    text_format_names());
            return false;
        }
        buf_printf(query, "format=%s", format);
    }
    for (size_t i = 0; text_option_names[i] != NULL; i++) {
        const char *value = cli_option(cli, text_option_names[i], &bad);
        if (value == NULL) {
            continue;
        }
        if (text_spec_set(spec, text_option_names[i], str_from(value), &msg) != ERR_OK) {
            fprintf(stderr, "tarn: %s\n", msg.text);
            return false;
        }
        buf_printf(query, "&%s=", text_option_names[i]);
        cli_encode(query, str_from(value));
    }
    return !bad;
}

/* Lines of JSON whatever the first looks like, and the options that were given. The server would
 * take format=json as one value of JSON when a chunk begins as one. */
static void write_ndjson(struct str query, struct buf *out)
{
    struct str one;
    buf_puts(out, "format=ndjson");
    while (str_split(&query, '&', &one)) {
        if (one.len > 0 && !str_starts(one, STR("format="))) {
            buf_add_byte(out, '&');
            buf_add_str(out, one);
        }
    }
}

/* What a chunk is sent to. A CSV's chunks have no header: the file's was read before. */
static void write_target(const struct run *r, const struct tail_file *f, struct buf *out)
{
    buf_puts(out, "/api/v1/topics/");
    cli_encode(out, str_from(r->topic));
    buf_puts(out, "/events?on_bad=dead&");
    if (r->spec.format == TEXT_NDJSON) {
        write_ndjson(buf_str(&r->query), out);
    } else if (r->spec.format != TEXT_CSV) {
        buf_add_str(out, buf_str(&r->query));
    } else {
        buf_printf(out, "format=csv&header=false&delimiter=%%%02X&quote=", f->dialect.delimiter);
        if (f->dialect.quote == '\n') {
            buf_puts(out, "none");
        } else {
            buf_printf(out, "%%%02X", f->dialect.quote);
        }
    }
    if (r->key != NULL) {
        buf_puts(out, "&key=");
        cli_encode(out, str_from(r->key));
    }
}

/* CSV options that were given, and the columns of this file. */
static void write_csv_options(const struct run *r, const struct tail_file *f, struct buf *out)
{
    struct str rest = buf_str(&r->query);
    struct str one;
    if (r->spec.format != TEXT_CSV) {
        return;
    }
    while (str_split(&rest, '&', &one)) {
        if (str_starts(one, STR("types=")) || str_starts(one, STR("null=")) ||
            str_starts(one, STR("columns="))) {
            buf_add_byte(out, '&');
            buf_add_str(out, one);
        }
    }
    if (r->spec.column_count == 0 && f->columns != NULL && f->columns[0] != '\0') {
        buf_puts(out, "&columns=");
        cli_encode(out, str_from(f->columns));
    }
}

static void count_answer(struct run *r)
{
    AUTO_JSON answer = NULL;
    int64_t accepted = 0;
    int64_t dead = 0;
    if (json_parse(buf_str(&r->answer), &answer, NULL) == ERR_OK) {
        (void)json_opt_i64(answer, "accepted", &accepted, NULL); /* stays 0 */
        (void)json_opt_i64(answer, "dead", &dead, NULL);         /* likewise */
    }
    r->accepted += (uint64_t)accepted;
    r->dead += (uint64_t)dead;
}

/* A chunk of blank lines holds no events: that is received too. */
static bool holds_no_events(const struct buf *problem)
{
    AUTO_JSON json = NULL;
    struct str code = {0};
    return json_parse(buf_str(problem), &json, NULL) == ERR_OK &&
           json_get_str(json, "code", &code, NULL) == ERR_OK && str_is(code, "no_events");
}

static err collect(void *context, struct str piece)
{
    return buf_add_str(context, piece) ? ERR_OK : ERR_TOO_LARGE;
}

static err try_send(struct run *r, const struct tail_chunk *chunk, struct errmsg *msg)
{
    if (r->client == NULL) {
        r->client = cli_connect(r->cli);
        if (r->client == NULL) {
            r->is_fatal = true;
            return errmsg_set(msg, ERR_INVALID, "no server to send to");
        }
        stop_client = r->client;
    }
    AUTO_BUF target = buf_make(1 << 20);
    AUTO_BUF problem = buf_make(1 << 20);
    write_target(r, chunk->file, &target);
    write_csv_options(r, chunk->file, &target);
    AUTO_TEXT headers = xasprintf("Idempotency-Key: %s\r\n", chunk->key);
    struct client_request request = {.method = "POST",
                                     .target = buf_cstr(&target),
                                     .content_type = "text/plain",
                                     .headers = headers,
                                     .body = chunk->bytes};
    buf_reset(&r->answer);
    err e = client_run(r->client, &request, collect, &r->answer, &problem, msg);
    if (e == ERR_INVALID && holds_no_events(&problem)) {
        return ERR_OK;
    }
    if (e == ERR_OK) {
        count_answer(r);
    }
    return e;
}

static void forget_client(struct run *r)
{
    stop_client = NULL;
    client_free(r->client);
    r->client = NULL;
}

/* Sleeps, but not after a signal. */
static void pause_us(int64_t us)
{
    int64_t end_us = os_mono_us() + us;
    int64_t left_us = us;
    while (!stop_asked && left_us > 0) {
        os_sleep_us(MIN(left_us, (int64_t)SLICE_US));
        left_us = end_us - os_mono_us();
    }
}

static void tell(struct run *r, const char *what)
{
    if (!r->is_waiting) {
        fprintf(stderr, "tarn: waiting: %s\n", what);
    }
    r->is_waiting = true;
}

static err send_chunk(void *ctx, const struct tail_chunk *chunk, struct errmsg *msg)
{
    struct run *r = ctx;
    int64_t backoff_us = BACKOFF_MIN_US;
    while (!stop_asked) {
        err e = try_send(r, chunk, msg);
        if (e == ERR_OK) {
            r->is_waiting = false;
            return ERR_OK;
        }
        if (r->is_fatal || e == ERR_INVALID || e == ERR_DENIED || e == ERR_TOO_LARGE ||
            e == ERR_NOMEM) {
            r->is_fatal = !stop_asked;
            return e;
        }
        if (stop_asked) {
            break;
        }
        tell(r, msg->text);
        uint64_t asked_s = r->client == NULL ? 0 : client_retry_after(r->client);
        asked_s = MIN(asked_s, (uint64_t)RETRY_AFTER_SECONDS_MAX);
        if (r->cli->server == NULL) {
            forget_client(r); /* a server of --data may come back under another address */
        }
        pause_us(MAX(backoff_us, (int64_t)asked_s * 1000000));
        backoff_us = MIN(backoff_us * 2, (int64_t)BACKOFF_MAX_US);
    }
    return errmsg_set(msg, ERR_CANCELLED, "stopped");
}

static void on_warning(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "tarn: %s\n", text);
}

/* ---- the loop ---- */

static int watch_all(const struct tail_options *o)
{
    int watch = os_watch_new();
    for (size_t i = 0; i < o->path_count; i++) {
        const char *slash = strrchr(o->paths[i], '/');
        AUTO_TEXT dir =
            slash == NULL ? xstrdup(".") : xstrndup(o->paths[i], (size_t)(slash - o->paths[i]) + 1);
        os_watch_dir(watch, dir);
    }
    return watch;
}

/* Once, however often it comes. */
static void tell_trouble(struct run *r, err e, const struct errmsg *msg)
{
    if (e == ERR_OK) {
        r->trouble.text[0] = '\0';
    } else if (strcmp(r->trouble.text, msg->text) != 0) {
        fprintf(stderr, "tarn: trying again: %s\n", msg->text);
        r->trouble = *msg;
    }
}

/* Follows until a signal, or with `once` until two looks in a row find nothing. What one file has
 * holds up no other: it is tried again, with `once` until the others are at their ends. */
static err follow(struct run *r, struct tail *tail, const struct tail_options *o,
                  int64_t interval_us, bool once, struct errmsg *msg)
{
    int watch = watch_all(o);
    unsigned idle = 0;
    err e = ERR_OK;
    while (!stop_asked && !(once && idle >= 2)) {
        bool busy = false;
        int64_t began_us = os_mono_us();
        uint64_t before = tail_bytes(tail);
        e = tail_step(tail, began_us, &busy, msg);
        if (e != ERR_OK && (r->is_fatal || e == ERR_CANCELLED)) {
            break;
        }
        if (!once) {
            tell_trouble(r, e, msg);
        }
        idle = busy || tail_bytes(tail) > before ? 0 : idle + 1;
        if (!busy && !once && e != ERR_OK) {
            pause_us(1000000);
        } else if (!busy && !once) {
            os_watch_wait(watch, POLL_MS);
            pause_us(interval_us - (os_mono_us() - began_us));
        }
    }
    os_close(watch);
    bool is_told = stop_asked && !once && !r->is_fatal; /* it was being tried again */
    return e == ERR_CANCELLED || is_told ? ERR_OK : e;
}

static int run(struct run *r, struct tail_options *o, int64_t interval_us, bool once)
{
    struct errmsg msg = {0};
    AUTO(tail) tail = NULL;
    err e = tail_open(o, &tail, &msg);
    if (e != ERR_OK) {
        return cli_fail(e, &msg);
    }
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigaction(SIGINT, &action, NULL);  /* cannot fail with valid arguments */
    (void)sigaction(SIGTERM, &action, NULL); /* likewise */
    e = follow(r, tail, o, interval_us, once, &msg);
    stop_client = NULL;
    err finished = tail_finish(tail, e == ERR_OK ? &msg : NULL);
    e = e == ERR_OK ? finished : e;
    if (r->cli->json) {
        printf("{\"accepted\":%llu,\"dead\":%llu,\"bytes\":%llu}\n",
               (unsigned long long)r->accepted, (unsigned long long)r->dead,
               (unsigned long long)tail_bytes(tail));
    } else {
        printf("%llu accepted, %llu kept as dead letters\n", (unsigned long long)r->accepted,
               (unsigned long long)r->dead);
    }
    return e == ERR_OK ? CLI_OK : cli_fail(e, &msg);
}

static bool duration_option(struct cli *cli, const char *name, int64_t *us)
{
    bool bad = false;
    uint64_t ms = 0;
    const char *text = cli_option(cli, name, &bad);
    if (text != NULL && (!str_to_duration_ms(str_from(text), &ms) || ms > 86400000)) {
        fprintf(stderr, "tarn: --%s is a time such as 5s or 200ms\n", name);
        return false;
    }
    *us = text != NULL ? (int64_t)ms * 1000 : *us;
    return !bad;
}

static bool chunk_option(struct cli *cli, size_t *bytes)
{
    bool bad = false;
    uint64_t value = TAIL_CHUNK_BYTES_DEFAULT;
    const char *text = cli_option(cli, "chunk-bytes", &bad);
    if (text != NULL &&
        (!str_to_bytes(str_from(text), &value) || value < 1 || value > TAIL_LINE_BYTES_MAX)) {
        fprintf(stderr, "tarn: --chunk-bytes is a size up to 64MiB\n");
        return false;
    }
    *bytes = (size_t)value;
    return !bad;
}

/* "-F" is a word of its own here: the files are the words that are left. */
static void drop_follow_flag(struct cli *cli)
{
    for (int i = 0; i < cli->argc; i++) {
        if (strcmp(cli->argv[i], "-F") == 0) {
            memmove(&cli->argv[i], &cli->argv[i + 1],
                    (size_t)(cli->argc - i - 1) * sizeof *cli->argv);
            cli->argc--;
            return;
        }
    }
}

/* Every file stays open, and a rotated one beside its successor. The usual soft limit is 1,024. */
static bool files_can_be_open(int count)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)count + FILES_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return true;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* may be as high already */
    if (limit.rlim_max < need) {
        fprintf(stderr,
                "tarn: %d files need %llu open files, and this process may have %llu; "
                "raise `ulimit -n`, or start several\n",
                count, (unsigned long long)need, (unsigned long long)limit.rlim_max);
    }
    return limit.rlim_max >= need;
}

int cli_tail(struct cli *cli)
{
    bool bad = false;
    struct run r = {.cli = cli,
                    .spec = {.format = TEXT_NDJSON},
                    .query = buf_make(256 << 10),
                    .answer = buf_make(16 << 20)};
    struct tail_options o = {.send = send_chunk,
                             .ctx = &r,
                             .warn = on_warning,
                             .spec = &r.spec,
                             .line_wait_us = 60 * 1000000,
                             .rotate_wait_us = 5 * 1000000};
    int64_t interval_us = 200 * 1000;
    bool once = cli_flag(cli, "once");
    bool from_start = cli_flag(cli, "from-start");
    o.from_end = cli_flag(cli, "from-end");
    r.key = cli_option(cli, "key", &bad);
    r.topic = cli_option(cli, "topic", &bad);
    o.state_path = cli_option(cli, "state", &bad);
    drop_follow_flag(cli);
    int code = CLI_USAGE;
    AUTO_TEXT own_state = r.topic == NULL ? NULL : xasprintf("tarn-tail.%s.json", r.topic);
    if (!bad && cli_text_options(cli, &r.spec, &r.query) && chunk_option(cli, &o.chunk_bytes) &&
        duration_option(cli, "line-wait", &o.line_wait_us) &&
        duration_option(cli, "rotate-wait", &o.rotate_wait_us) &&
        duration_option(cli, "interval", &interval_us) &&
        cli_words(cli, 1, INT_MAX, "tail -F FILE... --topic T [--format FORMAT]")) {
        if (cli->argc > TAIL_FILES_MAX) {
            fprintf(stderr,
                    "tarn: %d files; one tail follows at most %d, start several, each with "
                    "its --state\n",
                    cli->argc, TAIL_FILES_MAX);
        } else if (r.topic == NULL || (from_start && o.from_end)) {
            fprintf(stderr, "usage: tarn tail -F FILE... --topic T [--format FORMAT] "
                            "[--from-start|--from-end]\n");
        } else {
            o.topic = r.topic;
            o.state_path = o.state_path == NULL ? own_state : o.state_path;
            o.paths = (const char *const *)cli->argv;
            o.path_count = (size_t)cli->argc;
            o.line_wait_us = once ? 1 : o.line_wait_us;
            code = files_can_be_open(cli->argc) ? run(&r, &o, interval_us, once) : CLI_FAILED;
        }
    }
    client_free(r.client);
    text_spec_deinit(&r.spec);
    buf_deinit(&r.query);
    buf_deinit(&r.answer);
    return code;
}
