/* SPDX-License-Identifier: MIT */
/* cli_dead.c - `tarn dead ...`: list and count a topic's dead letters, put them through the door
 * again. */
#include "app/cli.h"
#include "os/clock.h"

enum { POLL_US = 100 * 1000, ANSWER_BYTES_MAX = 256 << 20, SHOWN_BYTES = 60 };

static char *dead_target(const char *topic, const char *tail)
{
    AUTO_BUF target = buf_make(64 << 10);
    buf_puts(&target, "/api/v1/topics/");
    cli_encode(&target, str_from(topic));
    buf_puts(&target, "/dead");
    buf_puts(&target, tail);
    return xstrdup(buf_cstr(&target));
}

/* A value as one short cell: what would break the line shows as a space. */
static char *short_text(const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL) {
        return xstrdup("");
    }
    size_t len = strlen(text);
    size_t cut = MIN(len, (size_t)SHOWN_BYTES);
    while (cut > 0 && cut < len && ((unsigned char)text[cut] & 0xc0) == 0x80) {
        cut--;
    }
    char *cell = xasprintf("%.*s%s", (int)cut, text, cut < len ? "..." : "");
    for (char *c = cell; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
    }
    return cell;
}

static void print_dead(const json_t *answer)
{
    static const char *const columns[] = {"partition", "offset", "timestamp", "reason",
                                          "redriven",  "detail", "value"};
    json_t *list = json_deep_copy(json_object_get(answer, "dead"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *row = json_array_get(list, i);
        AUTO_TEXT detail = short_text(json_object_get(row, "detail"));
        AUTO_TEXT value = short_text(json_object_get(row, "value"));
        json_object_set_new(row, "detail", json_string(detail));
        json_object_set_new(row, "value", json_string(value));
    }
    cli_print_list(list, columns, ARRAY_LEN(columns));
    const char *next = json_string_value(json_object_get(answer, "next"));
    if (next != NULL) {
        printf("more: --after %s\n", next);
    }
    json_decref(list);
}

int cli_dead_list(struct cli *cli)
{
    static const char *const names[] = {"reason",   "q",     "from",  "to",    "partition",
                                        "redriven", "order", "limit", "after", "value-bytes"};
    AUTO_BUF query = buf_make(32 << 10);
    bool bad = false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = cli_option(cli, names[i], &bad);
        if (value != NULL) {
            buf_printf(&query, "%s%s=", query.len == 0 ? "?" : "&",
                       strcmp(names[i], "value-bytes") == 0 ? "value_bytes" : names[i]);
            cli_encode(&query, str_from(value));
        }
    }
    if (bad || !cli_words(cli, 1, 1,
                          "dead list TOPIC [--reason R] [--q TEXT] [--from TIME] [--to TIME] "
                          "[--partition N] [--redriven true|false] [--limit N] [--after NEXT]")) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = dead_target(cli->argv[0], buf_cstr(&query));
    return cli_get(cli, target, print_dead);
}

static void print_summary(const json_t *answer)
{
    static const char *const columns[] = {"reason", "count", "first", "last"};
    int64_t total = 0;
    int64_t redriven = 0;
    (void)json_opt_i64(answer, "total", &total, NULL);       /* stays 0 */
    (void)json_opt_i64(answer, "redriven", &redriven, NULL); /* stays 0 */
    cli_print_list(json_object_get(answer, "reasons"), columns, ARRAY_LEN(columns));
    printf("%lld dead letters, %lld of them re-driven\n", (long long)total, (long long)redriven);
}

int cli_dead_count(struct cli *cli)
{
    if (!cli_words(cli, 1, 1, "dead count TOPIC")) {
        return CLI_USAGE;
    }
    AUTO_TEXT target = dead_target(cli->argv[0], "/summary");
    return cli_get(cli, target, print_summary);
}

static err collect(void *context, struct str piece)
{
    return buf_add_str(context, piece) ? ERR_OK : ERR_TOO_LARGE;
}

/* One request whose answer is a JSON document, or whose problem is in *out_problem. */
static err fetch(struct client *client, const struct client_request *request, json_t **out_json,
                 struct buf *out_problem, struct errmsg *msg)
{
    AUTO_BUF answer = buf_make(ANSWER_BYTES_MAX);
    TRY(client_run(client, request, collect, &answer, out_problem, msg));
    return json_parse(buf_str(&answer), out_json, msg);
}

static err wait_for_job(struct client *client, const char *topic, const char *id, json_t **out_job,
                        struct errmsg *msg)
{
    AUTO_TEXT tail = xasprintf("/redrive/%s", id);
    AUTO_TEXT target = dead_target(topic, tail);
    struct client_request request = {.method = "GET", .target = target};
    for (;;) {
        AUTO_JSON job = NULL;
        AUTO_BUF problem = buf_make(1 << 20);
        TRY(fetch(client, &request, &job, &problem, msg));
        const char *state = json_string_value(json_object_get(job, "state"));
        if (state == NULL || (strcmp(state, "running") != 0 && strcmp(state, "cancelling") != 0)) {
            *out_job = TAKE(job);
            return ERR_OK;
        }
        os_sleep_us(POLL_US);
    }
}

/* Starts a job; where one runs already, waits for its end first: it may select other rows. */
static err run_job(struct client *client, const char *topic, struct str body, json_t **out_job,
                   struct errmsg *msg)
{
    AUTO_TEXT target = dead_target(topic, "/redrive");
    struct client_request request = {
        .method = "POST", .target = target, .content_type = "application/json", .body = body};
    for (;;) {
        AUTO_JSON answer = NULL;
        AUTO_JSON running = NULL;
        AUTO_JSON problem = NULL;
        AUTO_BUF text = buf_make(1 << 20);
        err e = fetch(client, &request, &answer, &text, msg);
        if (e == ERR_CONFLICT && json_parse(buf_str(&text), &problem, NULL) == ERR_OK) {
            const char *other = json_string_value(json_object_get(problem, "job"));
            if (other != NULL) {
                fprintf(stderr, "re-drive %s of this topic is running; waiting for its end\n",
                        other);
                TRY(wait_for_job(client, topic, other, &running, msg));
                continue;
            }
        }
        TRY(e);
        const char *id = json_string_value(json_object_get(answer, "id"));
        return id == NULL ? errmsg_set(msg, ERR_INVALID, "the answer has no id")
                          : wait_for_job(client, topic, id, out_job, msg);
    }
}

static int print_job(const struct cli *cli, const json_t *job)
{
    const json_t *error = json_object_get(job, "error");
    AUTO_BUF text = buf_make(1 << 20);
    if (cli->json) {
        if (json_write(job, &text) == ERR_OK) {
            printf("%s\n", buf_cstr(&text));
        }
        return error == NULL ? CLI_OK : CLI_FAILED;
    }
    static const char *const columns[] = {"partition", "offset", "code", "detail"};
    int64_t redriven = 0;
    int64_t still_bad = 0;
    int64_t already = 0;
    (void)json_opt_i64(job, "redriven", &redriven, NULL); /* stays 0, as below */
    (void)json_opt_i64(job, "still_bad", &still_bad, NULL);
    (void)json_opt_i64(job, "already", &already, NULL);
    printf("%lld re-driven, %lld still bad, %lld re-driven before\n", (long long)redriven,
           (long long)still_bad, (long long)already);
    const json_t *rows = json_object_get(job, "still_bad_rows");
    if (json_array_size(rows) > 0) {
        cli_print_list(rows, columns, ARRAY_LEN(columns));
    }
    if (error != NULL) {
        fprintf(stderr, "tarn: it ended early: %s\n",
                json_string_value(json_object_get(error, "detail")));
    }
    return error == NULL ? CLI_OK : CLI_FAILED;
}

int cli_dead_redrive(struct cli *cli)
{
    bool bad = false;
    const char *where = cli_option(cli, "where", &bad);
    const char *limit = cli_option(cli, "limit", &bad);
    const char *format = cli_option(cli, "format", &bad);
    int64_t rows = 0;
    if (limit != NULL && (!str_to_i64(str_from(limit), &rows) || rows < 1)) {
        fprintf(stderr, "tarn: --limit must be a number from 1\n");
        bad = true;
    }
    if (bad ||
        !cli_words(cli, 1, 1, "dead redrive TOPIC [--where CONDITION] [--format F] [--limit N]")) {
        return CLI_USAGE;
    }
    AUTO_JSON body = json_object();
    AUTO_BUF text = buf_make(1 << 20);
    AUTO(client) client = cli_connect(cli);
    struct errmsg msg = {0};
    if (client == NULL) {
        return CLI_FAILED;
    }
    if (where != NULL) {
        json_object_set_new(body, "where", json_string(where));
    }
    if (format != NULL) {
        json_object_set_new(body, "format", json_string(format));
    }
    if (rows > 0) {
        json_object_set_new(body, "limit", json_integer(rows));
    }
    AUTO_JSON job = NULL;
    err e = json_write(body, &text);
    if (e == ERR_OK) {
        e = run_job(client, cli->argv[0], buf_str(&text), &job, &msg);
    }
    return e == ERR_OK ? print_job(cli, job) : cli_fail(e, &msg);
}
