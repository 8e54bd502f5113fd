/* SPDX-License-Identifier: MIT */
/* checkpoint_read.c - classic, multi-part and V2 checkpoints into a state. delta.md section 5.
 * Actions come one by one; they are applied in stretches so that memory stays small. */
#include "lake/checkpoint.h"
#include "lake/path.h"
#include "lake/state.h"

enum { STRETCH_ACTIONS = 1024, SIDECARS_MAX = 100000, CHECKPOINT_JSON_BYTES_MAX = 256 << 20 };

struct reading {
    struct lake_snapshot *s; /* borrowed */
    struct lake_actions stretch;
    char **sidecars; /* owned, each too */
    size_t sidecar_count;
    bool in_sidecar;
};

static void reading_deinit(struct reading *r)
{
    lake_actions_deinit(&r->stretch);
    for (size_t i = 0; i < r->sidecar_count; i++) {
        free(r->sidecars[i]);
    }
    free(r->sidecars);
}

static err flush(struct reading *r, struct errmsg *msg)
{
    TRY(lake_state_apply(r->s, &r->stretch, msg));
    lake_actions_reset(&r->stretch);
    return ERR_OK;
}

/* A sidecar is a bare file name below `_sidecars`; anything else could lead anywhere. */
static err note_sidecar(struct reading *r, const json_t *body, struct errmsg *msg)
{
    struct str uri = {NULL, 0};
    bool is_absolute = false;
    if (json_is_null(json_object_get(body, "path"))) {
        return ERR_OK;
    }
    if (json_get_str(body, "path", &uri, msg) != ERR_OK) {
        return errmsg_wrap(msg, ERR_CORRUPT, "sidecar");
    }
    AUTO_BUF name = buf_make(4096);
    TRY(lake_path_decode(uri, &name, &is_absolute, msg));
    if (is_absolute || str_find(buf_str(&name), '/') >= 0 || str_is(buf_str(&name), "..")) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "sidecar %.200s lies outside of _sidecars",
                          buf_cstr(&name));
    }
    if (r->sidecar_count == SIDECARS_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "a checkpoint has more than %d sidecars",
                          SIDECARS_MAX);
    }
    r->sidecars = xrealloc(r->sidecars, r->sidecar_count + 1, sizeof *r->sidecars);
    r->sidecars[r->sidecar_count++] =
        xasprintf("%s/_delta_log/_sidecars/%s", r->s->table_dir, buf_cstr(&name));
    return ERR_OK;
}

static err on_body(void *ctx, enum lake_action_kind kind, const json_t *body, struct errmsg *msg)
{
    struct reading *r = ctx;
    if (json_is_null(body)) {
        return ERR_OK;
    }
    if (r->in_sidecar && kind != LAKE_ADD && kind != LAKE_REMOVE) {
        return ERR_OK;
    }
    if (kind == LAKE_SIDECAR) {
        return note_sidecar(r, body, msg);
    }
    TRY(lake_actions_add(&r->stretch, kind, body, msg));
    return r->stretch.add_count + r->stretch.remove_count >= STRETCH_ACTIONS ? flush(r, msg)
                                                                             : ERR_OK;
}

static err on_action(void *ctx, enum lake_action_kind kind, struct str text, struct errmsg *msg)
{
    AUTO_JSON body = NULL;
    if (json_parse(text, &body, msg) != ERR_OK) {
        return errmsg_wrap(msg, ERR_CORRUPT, "action of a checkpoint");
    }
    return on_body(ctx, kind, body, msg);
}

static err read_parquet(struct reading *r, const char *path, struct errmsg *msg)
{
    const struct lake_parquet *parquet = r->s->parquet;
    if (parquet == NULL || parquet->read == NULL) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "no Parquet reader to read %s with", path);
    }
    return parquet->read(parquet->ctx, path, on_action, r, msg);
}

static err read_json(struct reading *r, const char *path, struct errmsg *msg)
{
    AUTO_BUF bytes = buf_make(CHECKPOINT_JSON_BYTES_MAX);
    TRY(os_read_file(path, &bytes, msg));
    return lake_json_each(buf_str(&bytes), on_body, r, msg);
}

static err read_all(struct reading *r, const struct lake_checkpoint_source *source,
                    struct errmsg *msg)
{
    for (size_t i = 0; i < source->name_count; i++) {
        AUTO_TEXT path = lake_log_path(r->s->table_dir, source->names[i]);
        if (source->kind == LAKE_LOG_CHECKPOINT_V2_JSON) {
            TRY(read_json(r, path, msg));
        } else {
            TRY(read_parquet(r, path, msg));
        }
    }
    TRY(flush(r, msg));
    r->in_sidecar = true;
    for (size_t i = 0; i < r->sidecar_count; i++) {
        TRY(read_parquet(r, r->sidecars[i], msg));
    }
    return flush(r, msg);
}

err lake_checkpoint_load(struct lake_snapshot *s, const struct lake_checkpoint_source *source,
                         struct errmsg *msg)
{
    __attribute__((cleanup(reading_deinit))) struct reading r = {.s = s};
    lake_actions_init(&r.stretch);
    TRY(read_all(&r, source, msg));
    if (s->protocol == NULL || s->metadata == NULL) {
        return errmsg_set(msg, ERR_CORRUPT, "it has no %s",
                          s->protocol == NULL ? "protocol" : "metaData");
    }
    s->version = source->version;
    return ERR_OK;
}
