/* SPDX-License-Identifier: MIT */
/* live_message.c - see live_message.h. */
#include "http/live_message.h"

enum { RATE_DEFAULT = 200, LAST_DEFAULT = 100, ID_MAX = 1 << 30 };

static const char *const channel_names[LIVE_CHANNEL_COUNT] = {
    [LIVE_STATS] = "stats",
    [LIVE_TYPES] = "types",
    [LIVE_EVENTS] = "events",
    [LIVE_HEALTH] = "health",
    [LIVE_QUERIES_CHANNEL] = "queries",
    [LIVE_PRODUCERS] = "producers",
    [LIVE_IMPORTS] = "imports",
};

const char *live_channel_name(enum live_channel channel)
{
    ASSERT(channel < LIVE_CHANNEL_COUNT);
    return channel_names[channel];
}

bool live_channel_of(struct str name, enum live_channel *out_channel)
{
    for (size_t i = 0; i < LIVE_CHANNEL_COUNT; i++) {
        if (str_is(name, channel_names[i])) {
            *out_channel = (enum live_channel)i;
            return true;
        }
    }
    return false;
}

/* ---- parameters ---- */

void live_params_deinit(struct live_params *p)
{
    for (size_t i = 0; i < p->topic_count; i++) {
        free(p->topics[i]);
    }
    free(p->topics);
    free(p->topic);
    free(p->field);
    live_filter_deinit(&p->filter);
    *p = (struct live_params){0};
}

static err read_count(const json_t *json, const char *name, int64_t min, int64_t max,
                      uint32_t *value, struct errmsg *msg)
{
    int64_t number = *value;
    TRY(json_opt_i64(json, name, &number, msg));
    if (number < min || number > max) {
        return errmsg_set(msg, ERR_INVALID, "params.%s: from %lld to %lld", name, (long long)min,
                          (long long)max);
    }
    *value = (uint32_t)number;
    return ERR_OK;
}

static err read_text(const json_t *json, const char *name, size_t bytes_max, char **out_text,
                     struct errmsg *msg)
{
    struct str text = {0};
    TRY(json_opt_str(json, name, &text, msg));
    if (text.len > bytes_max) {
        return errmsg_set(msg, ERR_INVALID, "params.%s: at most %zu bytes", name, bytes_max);
    }
    *out_text = text.len == 0 ? NULL : xstrndup(text.ptr, text.len);
    return ERR_OK;
}

static err read_topics(const json_t *list, struct live_params *p, struct errmsg *msg)
{
    size_t count = json_array_size(list);
    if (list == NULL || json_is_null(list)) {
        return ERR_OK;
    }
    if (!json_is_array(list) || count > LIVE_WATCH_TOPICS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "params.topics: a list of at most %d names",
                          LIVE_WATCH_TOPICS_MAX);
    }
    p->topics = xnew_array(char *, MAX(count, (size_t)1));
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_array_get(list, i);
        struct str text = str_of(json_string_value(name), json_string_length(name));
        if (!json_is_string(name) || !topic_name_valid(text)) {
            return errmsg_set(msg, ERR_INVALID, "params.topics: entry %zu is no topic's name", i);
        }
        p->topics[p->topic_count++] = xstrndup(text.ptr, text.len);
    }
    return ERR_OK;
}

static err parse_params(enum live_channel channel, const json_t *json, struct live_params *p,
                        struct errmsg *msg)
{
    if (channel == LIVE_STATS) {
        TRY(json_opt_i64(json, "since_ms", &p->since_ms, msg));
        p->since_ms = MAX(p->since_ms, (int64_t)0);
        return json_opt_bool(json, "topics", &p->has_topics, msg);
    }
    if (channel == LIVE_TYPES) {
        TRY(read_text(json, "topic", TOPIC_NAME_BYTES_MAX, &p->topic, msg));
        return read_text(json, "field", LIVE_FIELD_BYTES_MAX, &p->field, msg);
    }
    if (channel == LIVE_EVENTS) {
        TRY(read_topics(json_object_get(json, "topics"), p, msg));
        TRY(read_count(json, "rate_max", 1, LIVE_RATE_MAX, &p->rate_max, msg));
        TRY(read_count(json, "last", 0, LIVE_LAST_MAX, &p->last, msg));
        return live_filter_parse(json_object_get(json, "filter"), &p->filter, msg);
    }
    return ERR_OK;
}

static err check_names(enum live_channel channel, const json_t *json, struct errmsg *msg)
{
    static const char *const known[LIVE_CHANNEL_COUNT][4] = {
        [LIVE_STATS] = {"since_ms", "topics"},
        [LIVE_TYPES] = {"topic", "field"},
        [LIVE_EVENTS] = {"topics", "filter", "rate_max", "last"},
    };
    const char *name = NULL;
    json_t *value = NULL;
    if (json != NULL && !json_is_object(json)) {
        return errmsg_set(msg, ERR_INVALID, "params must be an object");
    }
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(known[channel]); i++) {
            is_known =
                is_known || (known[channel][i] != NULL && strcmp(name, known[channel][i]) == 0);
        }
        if (!is_known) {
            return errmsg_set(msg, ERR_INVALID, "the channel %s has no parameter \"%.64s\"",
                              channel_names[channel], name);
        }
    }
    return ERR_OK;
}

err live_params_parse(enum live_channel channel, const json_t *json, struct live_params *out_params,
                      struct errmsg *msg)
{
    struct live_params p = {.rate_max = RATE_DEFAULT, .last = LAST_DEFAULT};
    AUTO_JSON none = json_object();
    if (json == NULL || json_is_null(json)) {
        json = none;
    }
    TRY(check_names(channel, json, msg));
    err e = parse_params(channel, json, &p, msg);
    if (e != ERR_OK) {
        live_params_deinit(&p);
        return ERR_INVALID;
    }
    *out_params = p;
    return ERR_OK;
}

/* ---- messages ---- */

void live_message_deinit(struct live_message *m)
{
    live_params_deinit(&m->params);
}

static err parse_op(struct str op, enum live_op *out_op, struct errmsg *msg)
{
    static const char *const names[] = {
        [LIVE_SUBSCRIBE] = "subscribe", [LIVE_UNSUBSCRIBE] = "unsubscribe", [LIVE_PING] = "ping"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(op, names[i])) {
            *out_op = (enum live_op)i;
            return ERR_OK;
        }
    }
    return errmsg_set(msg, ERR_INVALID, "op is subscribe, unsubscribe or ping");
}

static err parse_head(const json_t *json, struct live_message *m, struct errmsg *msg)
{
    struct str op = {0};
    int64_t id = 0;
    if (!json_is_object(json)) {
        return errmsg_set(msg, ERR_INVALID, "a message is a JSON object");
    }
    TRY(json_opt_i64(json, "id", &id, msg));
    if (id < 0 || id > ID_MAX) {
        return errmsg_set(msg, ERR_INVALID, "id is a number from 1 to %d", ID_MAX);
    }
    m->id = id;
    TRY(json_opt_str(json, "op", &op, msg));
    TRY(parse_op(op, &m->op, msg));
    return m->op == LIVE_PING || id > 0
               ? ERR_OK
               : errmsg_set(msg, ERR_INVALID, "id is missing: a number of your choice, from 1");
}

err live_message_parse(struct str text, struct live_message *out, const char **out_code,
                       struct errmsg *msg)
{
    AUTO_JSON json = NULL;
    *out = (struct live_message){0};
    *out_code = "bad_message";
    if (json_parse(text, &json, msg) != ERR_OK || parse_head(json, out, msg) != ERR_OK) {
        return ERR_INVALID;
    }
    if (out->op != LIVE_SUBSCRIBE) {
        return ERR_OK;
    }
    struct str channel = {0};
    if (json_opt_str(json, "channel", &channel, msg) != ERR_OK) {
        return ERR_INVALID;
    }
    if (!live_channel_of(channel, &out->channel)) {
        *out_code = "unknown_channel";
        return errmsg_set(msg, ERR_INVALID,
                          "there is no channel \"%.*s\"; there are stats, types, events, health, "
                          "queries, producers and imports",
                          (int)MIN(channel.len, (size_t)64),
                          channel.ptr == NULL ? "" : channel.ptr);
    }
    *out_code = "bad_params";
    return live_params_parse(out->channel, json_object_get(json, "params"), &out->params, msg);
}
