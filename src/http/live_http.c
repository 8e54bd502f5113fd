/* SPDX-License-Identifier: MIT */
/* live_http.c - how clients of the live views come and go: GET /ws/dashboard, and GET
 * /api/v1/analytics/realtime, which is server-sent events of the same frames for who asks for them,
 * and one JSON answer for others. */
#include "base/timefmt.h"
#include "http/live_int.h"
#include "os/clock.h"

enum { SECONDS_DEFAULT = 60, ANSWER_BYTES_MAX = 24 << 20 };

/* Answers 429 when there are too many. */
static bool has_place(struct http_exchange *ex)
{
    const struct live *l = api_of(ex)->live;
    const struct http_field retry = {"retry-after", STR("10")};
    char detail[64];
    if (l->client_count < LIVE_CLIENTS_MAX) {
        return true;
    }
    (void)snprintf(detail, sizeof detail, "%d live views are open already",
                   LIVE_CLIENTS_MAX); /* fits */
    http_problem_fields(ex, 429, "too_many_live_clients", str_from(detail), STR(""), &retry, 1);
    return false;
}

/* ---- WebSocket ---- */

static int on_text(void *ctx, struct str text)
{
    return live_client_text(ctx, text);
}

static void on_closed(void *ctx)
{
    live_client_free(ctx);
}

static void on_connect(struct http_exchange *ex)
{
    struct live *l = api_of(ex)->live;
    AUTO_PARAMS params = {0};
    if (!api_params_begin(ex, &params) || !api_params_end(ex, &params, ERR_OK, NULL) ||
        !has_place(ex)) {
        return;
    }
    struct live_client *c = live_client_new(l, ex);
    const struct ws_options options = {.message_bytes_max = LIVE_MESSAGE_BYTES_MAX,
                                       .on_text = on_text,
                                       .on_closed = on_closed,
                                       .ctx = c};
    c->ws = ws_accept(ex, &options);
    if (c->ws == NULL) {
        live_client_free(c);
        return;
    }
    http_set_user(ex, c);
    live_client_hello(c, false);
}

static void on_bytes(struct http_exchange *ex, struct str piece)
{
    struct live_client *c = http_user(ex);
    if (c != NULL) {
        c->heard_us = os_mono_us();
        ws_receive(c->ws, piece); /* the client may be gone now */
    }
}

static void on_writable(struct http_exchange *ex)
{
    struct live_client *c = http_user(ex);
    ws_writable(c->ws);
    live_client_pump(c);
}

static void on_abort(struct http_exchange *ex)
{
    struct live_client *c = http_user(ex);
    if (c != NULL) {
        ws_free(c->ws);
        live_client_free(c);
    }
}

static void on_stop(struct http_exchange *ex)
{
    struct live_client *c = http_user(ex);
    ws_close(c->ws, WS_CLOSE_GOING_AWAY, STR("the server stops"));
    live_client_free(c);
}

const struct http_handler api_live_socket = {.on_request = on_connect,
                                             .on_body = on_bytes,
                                             .on_writable = on_writable,
                                             .on_abort = on_abort,
                                             .on_stop = on_stop};

/* ---- server-sent events, or one answer ---- */

struct realtime {
    struct http_exchange *ex;
    struct live_client *client; /* of server-sent events */
    struct live_watch *watch;   /* of an answer: waits for the counts by type */
    int64_t seconds;
};

/* "a,b" as a JSON list of texts. */
static json_t *split_json(struct str list)
{
    json_t *json = json_array();
    struct str part;
    while (str_split(&list, ',', &part)) {
        if (part.len > 0) {
            json_array_append_new(json, json_from_str(part));
        }
    }
    return json;
}

/* The query of the address as the parameters that a message would have. */
static err params_json(struct http_params *params, json_t **out_json, struct errmsg *msg)
{
    static const char *const lists[] = {"type", "level", "source", "endpoint"};
    static const char *const counts[] = {"last", "rate_max", "since_ms"};
    AUTO_JSON json = json_object();
    AUTO_JSON filter = json_object();
    struct str value;
    bool has_topics = false;
    TRY(http_params_bool(params, "topics", &has_topics, msg));
    json_object_set_new(json, "stats_topics", json_boolean(has_topics));
    if (http_params_str(params, "topic", &value)) {
        json_object_set_new(json, "topics", split_json(value));
    }
    if (http_params_str(params, "field", &value)) {
        json_object_set_new(json, "field", json_from_str(value));
    }
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        int64_t number = -1;
        TRY(http_params_i64(params, counts[i], 0, INT64_MAX, &number, msg));
        if (number >= 0) {
            json_object_set_new(json, counts[i], json_integer(number));
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (http_params_str(params, lists[i], &value)) {
            json_object_set_new(filter, lists[i], split_json(value));
        }
    }
    if (http_params_str(params, "q", &value)) {
        json_object_set_new(filter, "text", json_from_str(value));
    }
    json_object_set(json, "filter", filter);
    *out_json = TAKE(json);
    return ERR_OK;
}

/* Those that the channel knows. */
static json_t *params_of(enum live_channel channel, const json_t *all)
{
    static const char *const known[LIVE_CHANNEL_COUNT][4] = {
        [LIVE_STATS] = {"since_ms"},
        [LIVE_TYPES] = {"field"},
        [LIVE_EVENTS] = {"topics", "filter", "rate_max", "last"},
    };
    json_t *json = json_object();
    for (size_t i = 0; i < ARRAY_LEN(known[channel]); i++) {
        json_t *value = known[channel][i] == NULL ? NULL : json_object_get(all, known[channel][i]);
        if (value != NULL) {
            json_object_set(json, known[channel][i], value);
        }
    }
    if (channel == LIVE_STATS) {
        json_object_set(json, "topics", json_object_get(all, "stats_topics"));
    } else if (channel == LIVE_TYPES && json_array_size(json_object_get(all, "topics")) > 0) {
        json_object_set(json, "topic", json_array_get(json_object_get(all, "topics"), 0));
    }
    return json;
}

struct wanted {
    enum live_channel channels[LIVE_CHANNEL_COUNT];
    struct live_params params[LIVE_CHANNEL_COUNT];
    size_t count;
};

static err read_channels(struct str list, const json_t *all, struct wanted *out, struct errmsg *msg)
{
    struct str part;
    while (str_split(&list, ',', &part)) {
        enum live_channel channel;
        if (!live_channel_of(part, &channel) || out->count == LIVE_CHANNEL_COUNT) {
            return errmsg_set(msg, ERR_INVALID,
                              "channels: some of stats, types, events, health, queries, producers "
                              "and imports, each once");
        }
        AUTO_JSON json = params_of(channel, all);
        TRY(live_params_parse(channel, json, &out->params[out->count], msg));
        out->channels[out->count++] = channel;
    }
    return ERR_OK;
}

static void begin_stream(struct http_exchange *ex, struct wanted *wanted)
{
    struct live_client *c = live_client_new(api_of(ex)->live, ex);
    struct realtime *x = xnew(struct realtime);
    bool is_back = http_header(ex, "last-event-id").len > 0;
    x->ex = ex;
    x->client = c;
    http_set_user(ex, x);
    c->sse = sse_open(ex, 0);
    live_client_hello(c, is_back);
    for (size_t i = 0; i < wanted->count; i++) {
        live_client_subscribe(c, (int64_t)i + 1, wanted->channels[i], &wanted->params[i]);
    }
}

static void stream(struct http_exchange *ex, struct http_params *params)
{
    struct wanted wanted = {0};
    struct errmsg msg = {0};
    struct str channels = STR("stats");
    AUTO_JSON all = NULL;
    (void)http_params_str(params, "channels", &channels); /* absent: stats */
    err e = params_json(params, &all, &msg);
    if (e == ERR_OK) {
        e = read_channels(channels, all, &wanted, &msg);
    }
    if (api_params_end(ex, params, e, &msg) && has_place(ex) && !sse_head(ex)) {
        begin_stream(ex, &wanted);
    }
    for (size_t i = 0; i < wanted.count; i++) {
        live_params_deinit(&wanted.params[i]);
    }
}

/* {"view":12,…}: the sums of the counts of the last seconds. */
static void write_types(struct str counts, int64_t after_ms, struct buf *out)
{
    AUTO_JSON json = NULL;
    const char *name = NULL;
    json_t *column = NULL;
    const char *comma = "";
    if (json_parse(counts, &json, NULL) != ERR_OK) {
        buf_puts(out, "null");
        return;
    }
    const json_t *times = json_object_get(json, "t");
    buf_puts(out, "{");
    json_object_foreach(json_object_get(json, "counts"), name, column)
    {
        int64_t sum = 0;
        for (size_t i = 0; i < json_array_size(times); i++) {
            bool is_in = json_integer_value(json_array_get(times, i)) > after_ms;
            sum += is_in ? json_integer_value(json_array_get(column, i)) : 0;
        }
        if (sum > 0) {
            buf_puts(out, comma);
            buf_add_json_string(out, str_from(name));
            buf_printf(out, ":%lld", (long long)sum);
            comma = ",";
        }
    }
    buf_puts(out, "}");
}

static void answer(struct http_exchange *ex, int64_t seconds, struct str counts)
{
    const struct live_ring *ring = live_ring_of(api_of(ex)->live);
    char now[TIME_TEXT_BYTES];
    int64_t last_ms = live_ring_last_ms(ring);
    int64_t after_ms = MAX(last_ms - seconds * LIVE_STEP_MS, (int64_t)0);
    AUTO_BUF body = buf_make(ANSWER_BYTES_MAX);
    (void)time_format_rfc3339(os_now_ms() * 1000, now); /* the length is not needed */
    buf_printf(&body, "{\"now\":\"%s\",\"window_seconds\":%lld,\"totals\":{", now,
               (long long)seconds);
    for (size_t i = 0; i <= LIVE_QUERIES_FAILED; i++) {
        enum live_series series = (enum live_series)i;
        buf_printf(&body, "%s\"%s\":%.0f", i == 0 ? "" : ",", live_series_name(series),
                   live_ring_sum(ring, series, after_ms));
    }
    buf_puts(&body, "},\"by_topic\":");
    live_ring_write_sums(ring, after_ms, &body);
    buf_puts(&body, ",\"by_type\":");
    write_types(counts, after_ms, &body);
    buf_puts(&body, ",\"stats\":");
    live_ring_write(ring, after_ms, false, &body);
    buf_puts(&body, "}\n");
    http_respond_json(ex, 200, buf_str(&body));
}

static void on_counts(void *ctx, struct str json, uint64_t event_count)
{
    (void)event_count;
    struct realtime *x = ctx;
    struct http_exchange *ex = x->ex;
    int64_t seconds = x->seconds;
    live_watch_stop(x->watch);
    free(x);
    http_set_user(ex, NULL);
    answer(ex, seconds, json);
}

static void on_realtime(struct http_exchange *ex)
{
    struct str accept = http_header(ex, "accept");
    AUTO_PARAMS params = {0};
    struct errmsg msg = {0};
    int64_t seconds = SECONDS_DEFAULT;
    if (!api_params_begin(ex, &params)) {
        return;
    }
    if (accept.len > 0 && http_accept_weight(accept, STR("text/event-stream")) >
                              http_accept_weight(accept, STR("application/json"))) {
        stream(ex, &params);
        return;
    }
    err e = http_params_i64(&params, "seconds", 1, LIVE_POINTS_MAX, &seconds, &msg);
    if (!api_params_end(ex, &params, e, &msg)) {
        return;
    }
    struct realtime *x = xnew(struct realtime);
    const struct live_watch_options options = {.is_tally = true, .on_data = on_counts, .ctx = x};
    x->ex = ex;
    x->seconds = seconds;
    if (live_watch_start(api_of(ex)->live->feed, &options, &x->watch, &msg) != ERR_OK) {
        free(x);
        answer(ex, seconds, STR("")); /* all but the types */
        return;
    }
    http_set_user(ex, x);
}

static void on_realtime_writable(struct http_exchange *ex)
{
    struct realtime *x = http_user(ex);
    if (x != NULL && x->client != NULL) {
        live_client_pump(x->client);
    }
}

static void on_realtime_abort(struct http_exchange *ex)
{
    struct realtime *x = http_user(ex);
    if (x == NULL) {
        return;
    }
    live_watch_stop(x->watch);
    if (x->client != NULL) {
        sse_free(x->client->sse);
        live_client_free(x->client);
    }
    free(x);
}

const struct http_handler api_live_realtime = {
    .on_request = on_realtime, .on_writable = on_realtime_writable, .on_abort = on_realtime_abort};
