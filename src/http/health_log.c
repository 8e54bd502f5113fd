/* SPDX-License-Identifier: MIT */
/* health_log.c - see health_log.h. */
#include "http/health_log.h"

#include "base/timefmt.h"

void health_log_deinit(struct health_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        free(log->entries[i].reason);
        free(log->entries[i].last_error);
    }
    *log = (struct health_log){0};
}

static struct health_entry *entry_of(struct health_log *log, const char *component, int64_t now_us)
{
    for (size_t i = 0; i < log->count; i++) {
        if (strcmp(log->entries[i].component, component) == 0) {
            return &log->entries[i];
        }
    }
    ASSERT(log->count < HEALTH_COMPONENTS_MAX);
    struct health_entry *entry = &log->entries[log->count++];
    *entry = (struct health_entry){.component = component, .since_us = now_us};
    return entry;
}

static void set_text(char **slot, const char *text)
{
    if (*slot == NULL || strcmp(*slot, text) != 0) {
        free(*slot);
        *slot = xstrdup(text);
    }
}

struct health_entry *health_log_note(struct health_log *log, const char *component, int state,
                                     const char *reason, int64_t now_us)
{
    struct health_entry *entry = entry_of(log, component, now_us);
    if (entry->state != state) {
        entry->state = state;
        entry->since_us = now_us;
    }
    if (reason[0] != '\0') {
        health_log_error(log, component, reason, now_us);
    }
    set_text(&entry->reason, reason);
    return entry;
}

void health_log_error(struct health_log *log, const char *component, const char *text,
                      int64_t now_us)
{
    struct health_entry *entry = entry_of(log, component, now_us);
    set_text(&entry->last_error, text);
    entry->last_error_us = now_us;
}

static json_t *time_json(int64_t us)
{
    char text[TIME_TEXT_BYTES];
    (void)time_format_rfc3339(us / 1000 * 1000, text); /* the length is not needed */
    return json_string(text);
}

void health_entry_write(const struct health_entry *entry, json_t *json)
{
    bool has_error = entry->last_error != NULL;
    json_object_set_new(json, "since", time_json(entry->since_us));
    json_object_set_new(json, "last_error",
                        has_error ? json_string(entry->last_error) : json_null());
    json_object_set_new(json, "last_error_at",
                        has_error ? time_json(entry->last_error_us) : json_null());
}
