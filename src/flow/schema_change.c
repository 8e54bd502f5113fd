/* SPDX-License-Identifier: MIT */
/* schema_change.c - see schema_change.h. */
#include "flow/schema_change.h"

static const char no_object[] = "an event is an object, and this schema allows none";

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool schema_version_next(const struct topic_meta *meta, size_t *at,
                         struct schema_version *out_declared)
{
    if (*at >= meta->version_count) {
        return false;
    }
    const struct topic_version *first = &meta->versions[*at];
    *out_declared =
        (struct schema_version){first->id, first->schema, first->start_offsets, first->start_count};
    while (*at < meta->version_count && is_same(meta->versions[*at].schema, first->schema)) {
        ++*at;
    }
    return true;
}

struct schema_version schema_version_newest(const struct topic_meta *meta)
{
    struct schema_version declared = {0};
    size_t at = 0;
    while (schema_version_next(meta, &at, &declared)) {}
    return declared;
}

/* The newest schema that any version has, for what may follow; NULL: there never was one. */
static const char *last_schema(const struct topic_meta *meta)
{
    for (size_t i = meta->version_count; i > 0; i--) {
        if (meta->versions[i - 1].schema != NULL) {
            return meta->versions[i - 1].schema;
        }
    }
    return NULL;
}

/* May `schema` follow what was declared last? *out_is_same when it is what is declared now. */
static err check_follows(const struct topic_meta *meta, const struct json_schema *schema,
                         bool *out_is_same, struct json_schema_finding *finding)
{
    const char *text = last_schema(meta);
    AUTO(json_schema) older = NULL;
    *out_is_same = false;
    if (text == NULL) {
        return ERR_OK;
    }
    TRY(json_schema_new(str_from(text), &older, finding));
    const char *present = meta->versions[meta->version_count - 1].schema;
    *out_is_same = present != NULL && json_schema_equal(older, schema);
    return json_schema_compatible(older, schema, finding) ? ERR_OK : ERR_CONFLICT;
}

static err put(struct topic_store *store, struct topic *topic, struct str text, struct errmsg *msg)
{
    AUTO_TOPIC_META meta = {0};
    topic_meta_copy(topic_meta_of(topic), &meta);
    topic_text_set(&meta.versions[meta.version_count - 1].schema, text);
    return topic_store_update(store, topic, &meta, msg);
}

err schema_change_declare(struct topic_store *store, struct topic *topic, struct str document,
                          bool *out_is_new, struct json_schema_finding *finding, struct errmsg *msg)
{
    AUTO(json_schema) schema = NULL;
    bool is_same = false;
    *finding = (struct json_schema_finding){0};
    TRY(json_schema_new(document, &schema, finding));
    if ((json_schema_root(schema)->types & JSON_SCHEMA_OBJECT) == 0) {
        (void)snprintf(finding->reason, sizeof finding->reason, "%s", no_object); /* fits */
        return ERR_INVALID;
    }
    TRY(check_follows(topic_meta_of(topic), schema, &is_same, finding));
    *out_is_new = !is_same;
    return is_same ? ERR_OK : put(store, topic, json_schema_text(schema), msg);
}

err schema_change_withdraw(struct topic_store *store, struct topic *topic, struct errmsg *msg)
{
    const struct topic_meta *meta = topic_meta_of(topic);
    if (meta->versions[meta->version_count - 1].schema == NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "topic %s has no declared schema", meta->name);
    }
    return put(store, topic, (struct str){0}, msg);
}
