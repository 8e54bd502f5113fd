/* SPDX-License-Identifier: MIT */
/* producer_spec.c - the presets, and changes over a specification. */
#include "flow/producer.h"
#include "producer_presets.h" /* made of presets/ at build time */

static const struct {
    const char *name;
    const char *label;
    const char *about;
    const char *text;
    size_t len;
} presets[] = {
    {"web_logs", "Web logs", "Requests to a shop's web site, with errors and slow ones",
     preset_web_logs, sizeof preset_web_logs},
    {"customers", "Customers", "Profiles changed, signing in, asking for help", preset_customers,
     sizeof preset_customers},
    {"transactions", "Transactions", "Payments and refunds of the sample shop", preset_transactions,
     sizeof preset_transactions},
    {"analytics", "Analytics", "Page views, clicks and baskets", preset_analytics,
     sizeof preset_analytics},
};

json_t *producer_presets_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        AUTO_JSON spec = NULL;
        err e = json_parse(str_of(presets[i].text, presets[i].len), &spec, NULL);
        ASSERT(e == ERR_OK); /* built in, and compiled by a test */
        json_t *topic = json_object_get(spec, "topic");
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:O,s:O}", "name", presets[i].name,
                                              "label", presets[i].label, "about", presets[i].about,
                                              "topic", topic, "spec", spec));
    }
    return list;
}

const char *producer_presets(void)
{
    return "web_logs, customers, transactions, analytics";
}

static err change_weights(json_t *spec, const json_t *weights, struct errmsg *msg)
{
    json_t *types = json_object_get(spec, "types");
    if (!json_is_object(weights)) {
        return errmsg_set(msg, ERR_INVALID, "/weights must be an object: a type's name and number");
    }
    for (void *at = json_object_iter((json_t *)(uintptr_t)weights); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)weights, at)) {
        const char *name = json_object_iter_key(at);
        size_t i = 0;
        const char *type = NULL;
        for (; i < json_array_size(types); i++) {
            type = json_string_value(json_object_get(json_array_get(types, i), "name"));
            if (type != NULL && strcmp(type, name) == 0) {
                break;
            }
        }
        if (i == json_array_size(types)) {
            return errmsg_set(msg, ERR_INVALID, "/weights/%.100s: there is no type of that name",
                              name);
        }
        json_object_set(json_array_get(types, i), "weight", json_object_iter_value(at));
    }
    return ERR_OK;
}

err producer_spec_change(const json_t *spec, const json_t *change, json_t **out_spec,
                         struct errmsg *msg)
{
    AUTO_JSON result = json_deep_copy(spec);
    for (void *at = json_object_iter((json_t *)(uintptr_t)change); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)change, at)) {
        const char *name = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        if (strcmp(name, "weights") == 0) {
            continue;
        }
        if (json_is_null(value)) {
            (void)json_object_del(result, name); /* missing is fine */
            continue;
        }
        /* One of the two ways to name types takes the place of the other. */
        if (strcmp(name, "template") == 0) {
            (void)json_object_del(result, "types");
        } else if (strcmp(name, "types") == 0) {
            (void)json_object_del(result, "template");
        }
        json_object_set_new(result, name, json_deep_copy(value));
    }
    const json_t *weights = json_object_get(change, "weights");
    TRY(weights == NULL ? ERR_OK : change_weights(result, weights, msg));
    *out_spec = TAKE(result);
    return ERR_OK;
}

err producer_spec(const char *preset, const json_t *change, json_t **out_spec, struct errmsg *msg)
{
    AUTO_JSON base = NULL;
    for (size_t i = 0; preset != NULL && base == NULL && i < ARRAY_LEN(presets); i++) {
        if (strcmp(presets[i].name, preset) == 0) {
            TRY(json_parse(str_of(presets[i].text, presets[i].len), &base, msg));
        }
    }
    if (base == NULL && preset != NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "there is no preset \"%.100s\"; there are %s", preset,
                          producer_presets());
    }
    if (base == NULL) {
        base = json_object();
    }
    return producer_spec_change(base, change, out_spec, msg);
}
