/* SPDX-License-Identifier: MIT */
/* schema_cache.c - see schema_cache.h. A table with one place for each hash. */
#include "flow/schema_cache.h"

#include "base/hash.h"

enum { PLACES = 256 };

struct place {
    struct uuid_text topic;
    uint32_t version;            /* 0: empty */
    struct json_schema_run *run; /* referenced */
};

struct schema_cache {
    struct place places[PLACES];
};

struct schema_cache *schema_cache_new(void)
{
    return xnew(struct schema_cache);
}

void schema_cache_free(struct schema_cache *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < PLACES; i++) {
        json_schema_run_free(c->places[i].run);
    }
    free(c);
}

static err compile(const struct topic_meta *meta, const struct topic_version *version,
                   struct json_schema_run **out_run, struct errmsg *msg)
{
    AUTO(json_schema) schema = NULL;
    struct json_schema_finding found;
    err e = json_schema_new(str_from(version->schema), &schema, &found);
    if (e != ERR_OK) {
        return errmsg_set(msg, e == ERR_NOMEM ? e : ERR_CORRUPT,
                          "version %u of the schema of topic %s cannot be used, at \"%s\": %s",
                          version->id, meta->name, found.pointer, found.reason);
    }
    e = json_schema_run_new(schema, out_run);
    return e == ERR_OK ? e : errmsg_set(msg, e, "no memory to check events");
}

err schema_cache_get(struct schema_cache *c, const struct topic_meta *meta,
                     const struct topic_version *version, struct json_schema_run **out_run,
                     struct errmsg *msg)
{
    *out_run = NULL;
    if (version->schema == NULL) {
        return ERR_OK;
    }
    if (c == NULL) {
        return compile(meta, version, out_run, msg);
    }
    struct place *p = &c->places[hash_xxh3(str_from(meta->uuid.text)) % PLACES];
    if (p->version != version->id || strcmp(p->topic.text, meta->uuid.text) != 0) {
        struct json_schema_run *run = NULL;
        TRY(compile(meta, version, &run, msg));
        json_schema_run_free(p->run);
        *p = (struct place){meta->uuid, version->id, run};
    }
    *out_run = json_schema_run_ref(p->run);
    return ERR_OK;
}
