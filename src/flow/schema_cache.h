/* SPDX-License-Identifier: MIT */
/* schema_cache.h - the compiled schemas that a door checks events with, by topic and version, so
 * that a request does not compile. Bounded: a topic that meets another's place takes it.
 *
 * Owner: the thread that has it (the reactor). */
#pragma once
#include "flow/json_schema.h"
#include "topic/meta.h"

struct schema_cache;

struct schema_cache *schema_cache_new(void);
void schema_cache_free(struct schema_cache *c); /* NULL is fine */
AUTO_DEFINE(schema_cache)

/* What checks events of a version of the topic: NULL where no schema is declared. The caller lets
 * go with json_schema_run_free(). `c` may be NULL: nothing is kept. Errors: NOMEM; CORRUPT (the
 * version's schema cannot be used, which was checked when it was declared). */
err schema_cache_get(struct schema_cache *c, const struct topic_meta *meta,
                     const struct topic_version *version, struct json_schema_run **out_run,
                     struct errmsg *msg);
