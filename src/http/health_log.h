/* SPDX-License-Identifier: MIT */
/* health_log.h - since when each component is as it is, and what was wrong last: health is judged
 * anew each time, this remembers. Owner: the reactor. */
#pragma once
#include "base/json.h"

enum { HEALTH_COMPONENTS_MAX = 16 };

struct health_entry {
    const char *component; /* static */
    int state;
    int64_t since_us; /* wall clock */
    char *reason;     /* owned */
    char *last_error; /* owned; NULL: nothing was wrong yet */
    int64_t last_error_us;
};
struct health_log {
    struct health_entry entries[HEALTH_COMPONENTS_MAX];
    size_t count;
};
void health_log_deinit(struct health_log *log);
/* What was judged now: a change of state begins anew, a reason is the last error. */
struct health_entry *health_log_note(struct health_log *log, const char *component, int state,
                                     const char *reason, int64_t now_us);
/* Something went wrong that is over already. */
void health_log_error(struct health_log *log, const char *component, const char *text,
                      int64_t now_us);
/* Adds "since", "last_error" and "last_error_at" (null where there is none). */
void health_entry_write(const struct health_entry *entry, json_t *json);
