/* SPDX-License-Identifier: MIT */
/* live_message.h - what a console says over /ws/dashboard: subscribe, unsubscribe, ping.
 *
 *     {"op":"subscribe","id":1,"channel":"stats","params":{…}}   the same id again replaces
 *     {"op":"unsubscribe","id":1}
 *     {"op":"ping"}
 * Pure. Thread: any. */
#pragma once
#include "flow/live_feed.h"

enum {
    LIVE_MESSAGE_BYTES_MAX = 64 * 1024,
    LIVE_FIELD_BYTES_MAX = 128,
    LIVE_SUBS_MAX = 32, /* of one client */
};

enum live_op { LIVE_SUBSCRIBE, LIVE_UNSUBSCRIBE, LIVE_PING };
enum live_channel {
    LIVE_STATS,
    LIVE_TYPES,
    LIVE_EVENTS,
    LIVE_HEALTH,
    LIVE_QUERIES_CHANNEL,
    LIVE_PRODUCERS,
    LIVE_IMPORTS,
    LIVE_CHANNEL_COUNT
};
const char *live_channel_name(enum live_channel channel);
bool live_channel_of(struct str name, enum live_channel *out_channel);

struct live_params {
    int64_t since_ms; /* stats: 0: all there is */
    bool has_topics;  /* stats */
    char *topic;      /* types; owned, NULL: all */
    char *field;      /* types; owned, NULL: what stands for the type */
    char **topics;    /* events; owned, each too; NULL: all */
    size_t topic_count;
    struct live_filter filter; /* events; owned */
    uint32_t rate_max;         /* events */
    uint32_t last;             /* events */
};
void live_params_deinit(struct live_params *p);
/* `json` may be NULL: the defaults. Errors: INVALID with what is wrong; nothing to free then. */
err live_params_parse(enum live_channel channel, const json_t *json, struct live_params *out_params,
                      struct errmsg *msg);

struct live_message {
    enum live_op op;
    int64_t id; /* 1 and more; 0 where there is none */
    enum live_channel channel;
    struct live_params params; /* owned; of a subscribe */
};
void live_message_deinit(struct live_message *m);
/* `*out_code` is what the answer's `code` says: bad_message, unknown_channel, bad_params. out->id
 * is set where the text had one, also on an error. Errors: INVALID. */
err live_message_parse(struct str text, struct live_message *out, const char **out_code,
                       struct errmsg *msg);
