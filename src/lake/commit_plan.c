/* SPDX-License-Identifier: MIT */
/* commit_plan.c - what a commit makes of the schema, and whether it survives a winner. Pure.
 * delta.md section 14; our commits are blind appends, or replace files they name. */
#include "lake/commit_int.h"
#include "lake/protocol.h"
#include "lake/schema.h"

enum { METADATA_ARENA_BYTES_MAX = 64 << 20, SCHEMA_TEXT_BYTES_MAX = 32 << 20 };

static err dup_text(struct arena *arena, struct str text, struct str *out_text)
{
    struct str copy = arena_dup(arena, text);
    if (copy.ptr == NULL) {
        return ERR_NOMEM;
    }
    *out_text = copy;
    return ERR_OK;
}

/* A column that is there already: its structs get the members that are new. False: it is another
 * column, or memory is out. */
static bool grow_field(struct lake_field *present, const struct lake_field *wanted,
                       struct arena *arena, bool *changed)
{
    AUTO_BUF type = buf_make(SCHEMA_TEXT_BYTES_MAX);
    bool grown = false;
    if (!str_eq(present->name, wanted->name) ||
        !lake_type_grow(present->type, wanted->type, &type, &grown) ||
        (grown && dup_text(arena, buf_str(&type), &present->type) != ERR_OK)) {
        return false;
    }
    *changed = *changed || grown;
    return true;
}

/* Columns of the commit that the table does not have yet, after those it has. */
static err plan_fields(const struct lake_commit *c, const struct lake_metadata *base,
                       struct arena *arena, struct lake_field **out_fields, size_t *out_count,
                       bool *out_changed, struct errmsg *msg)
{
    *out_changed = false;
    size_t base_count = base == NULL ? 0 : base->field_count;
    struct lake_field *fields =
        arena_alloc(arena, (base_count + c->column_count + 1) * sizeof *fields);
    if (fields == NULL) {
        return ERR_NOMEM;
    }
    if (base_count > 0) {
        memcpy(fields, base->fields, base_count * sizeof *fields);
    }
    size_t count = base_count;
    for (size_t i = 0; i < c->column_count; i++) {
        const struct lake_field *wanted = &c->columns[i];
        const struct lake_field *found = lake_fields_find(fields, count, wanted->name);
        struct lake_field *present = found == NULL ? NULL : &fields[found - fields];
        if (present == NULL) {
            *out_changed = true;
            fields[count] = *wanted;
            fields[count].nullable = base == NULL ? wanted->nullable : true;
            count++;
        } else if (base == NULL || !grow_field(present, wanted, arena, out_changed)) {
            return errmsg_set(msg, base == NULL ? ERR_INVALID : ERR_CONFLICT,
                              "column %.*s is there already as %.*s of type %.*s",
                              (int)MIN(wanted->name.len, (size_t)100), wanted->name.ptr,
                              (int)MIN(present->name.len, (size_t)100), present->name.ptr,
                              (int)MIN(present->type.len, (size_t)60), present->type.ptr);
        }
    }
    *out_fields = fields;
    *out_count = count;
    return ERR_OK;
}

static err plan_config(const struct lake_commit *c, const struct lake_metadata *base,
                       struct arena *arena, struct lake_metadata *m, bool *out_changed)
{
    size_t base_count = base == NULL ? 0 : base->configuration_count;
    struct lake_pair *pairs =
        arena_alloc(arena, (base_count + c->config_count + 1) * sizeof *pairs);
    if (pairs == NULL) {
        return ERR_NOMEM;
    }
    if (base_count > 0) {
        memcpy(pairs, base->configuration, base_count * sizeof *pairs);
    }
    size_t count = base_count;
    *out_changed = false;
    for (size_t i = 0; i < c->config_count; i++) {
        size_t at = 0;
        while (at < count && !str_eq(pairs[at].key, c->config[i].key)) {
            at++;
        }
        if (at == count || !str_eq(pairs[at].value, c->config[i].value)) {
            *out_changed = true;
            pairs[at] = c->config[i];
            count = MAX(count, at + 1);
        }
    }
    m->configuration = pairs;
    m->configuration_count = count;
    return ERR_OK;
}

/* Deep copies: the texts so far belong to the base and to the commit. */
static err own_texts(struct lake_metadata *m, const struct lake_field *fields, size_t field_count,
                     struct arena *arena)
{
    AUTO_BUF schema = buf_make(SCHEMA_TEXT_BYTES_MAX);
    lake_schema_write(fields, field_count, &schema);
    TRY(buf_check(&schema));
    TRY(dup_text(arena, buf_str(&schema), &m->schema_text));
    TRY(dup_text(arena, m->id, &m->id));
    TRY(dup_text(arena, m->name, &m->name));
    TRY(dup_text(arena, m->description, &m->description));
    struct lake_pair *pairs = arena_alloc(arena, (m->configuration_count + 1) * sizeof *pairs);
    struct str *columns = arena_alloc(arena, (m->partition_column_count + 1) * sizeof *columns);
    if (pairs == NULL || columns == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < m->configuration_count; i++) {
        TRY(dup_text(arena, m->configuration[i].key, &pairs[i].key));
        TRY(dup_text(arena, m->configuration[i].value, &pairs[i].value));
    }
    for (size_t i = 0; i < m->partition_column_count; i++) {
        TRY(dup_text(arena, m->partition_columns[i], &columns[i]));
    }
    m->configuration = pairs;
    m->partition_columns = columns;
    return ERR_OK;
}

static err plan_into(const struct lake_commit *c, const struct lake_metadata *base, int64_t now_ms,
                     struct lake_metadata_box *box, bool *out_changed, struct errmsg *msg)
{
    struct lake_metadata *m = &box->metadata;
    struct lake_field *fields = NULL;
    size_t field_count = 0;
    bool fields_changed = false;
    bool config_changed = false;
    struct uuid_text id = c->txn_id; /* a fresh UUID, and the same in every attempt */
    if (base != NULL) {
        *m = *base;
    } else {
        *m = (struct lake_metadata){.id = str_from(id.text),
                                    .name = c->table_name,
                                    .description = c->description,
                                    .partition_columns = c->partition_columns,
                                    .partition_column_count = c->partition_column_count,
                                    .created_ms = now_ms};
    }
    const struct lake_metadata *kept = c->replaces ? NULL : base;
    TRY(plan_fields(c, kept, box->arena, &fields, &field_count, &fields_changed, msg));
    if (c->replaces) {
        m->partition_columns = NULL;
        m->partition_column_count = 0;
    }
    TRY(plan_config(c, base, box->arena, m, &config_changed));
    *out_changed = kept == NULL || config_changed || fields_changed;
    if (!*out_changed) {
        return ERR_OK;
    }
    TRY(own_texts(m, fields, field_count, box->arena));
    TRY(lake_schema_parse(m->schema_text, box->arena, &m->fields, &m->field_count, msg));
    for (size_t i = 0; i < m->partition_column_count; i++) {
        if (lake_fields_find(m->fields, m->field_count, m->partition_columns[i]) == NULL) {
            return errmsg_set(msg, ERR_INVALID, "partition column %.*s is not a column",
                              (int)MIN(m->partition_columns[i].len, (size_t)200),
                              m->partition_columns[i].ptr);
        }
    }
    return ERR_OK;
}

err lake_commit_plan_metadata(const struct lake_commit *c, const struct lake_metadata *base,
                              int64_t now_ms, struct lake_metadata_box **out_box,
                              struct errmsg *msg)
{
    struct lake_metadata_box *box = xnew(struct lake_metadata_box);
    atomic_store(&box->refs, 1);
    box->arena = arena_new(METADATA_ARENA_BYTES_MAX);
    bool changed = false;
    err e = plan_into(c, base, now_ms, box, &changed, msg);
    if (e == ERR_OK && changed) {
        *out_box = box;
        return ERR_OK;
    }
    lake_metadata_box_unref(box);
    return e;
}

/* ---- do the files fit ---- */

static err check_partition_values(const struct lake_file *f, const struct lake_metadata *m,
                                  struct errmsg *msg)
{
    bool complete = f->partition_value_count == m->partition_column_count;
    for (size_t i = 0; complete && i < m->partition_column_count; i++) {
        complete = lake_file_partition(f, m->partition_columns[i]) != NULL;
    }
    return complete ? ERR_OK
                    : errmsg_set(msg, ERR_INVALID,
                                 "file %.*s does not have exactly the table's partition columns",
                                 (int)MIN(f->path.len, (size_t)200), f->path.ptr);
}

/* A column that must not be null is checked by the statistics, which have to say so. */
static err check_not_null(const struct lake_file *f, const struct lake_metadata *m,
                          struct errmsg *msg)
{
    AUTO_JSON stats = NULL;
    if (f->num_records == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < m->field_count; i++) {
        const struct lake_field *field = &m->fields[i];
        const struct lake_pair *partition = lake_file_partition(f, field->name);
        int64_t nulls = -1;
        if (field->nullable) {
            continue;
        }
        if (partition != NULL) {
            nulls = partition->is_null ? 1 : 0;
        } else if (stats != NULL || json_parse(f->stats, &stats, NULL) == ERR_OK) {
            AUTO_TEXT name = xstrndup(field->name.ptr, field->name.len);
            (void)json_get_i64(json_object_get(stats, "nullCount"), name, &nulls, NULL); /* -1 */
        }
        if (nulls != 0) {
            return errmsg_set(msg, ERR_INVALID, "column %.*s must not be null, and file %.*s %s",
                              (int)MIN(field->name.len, (size_t)100), field->name.ptr,
                              (int)MIN(f->path.len, (size_t)200), f->path.ptr,
                              nulls > 0 ? "has nulls" : "does not say that it has none");
        }
    }
    return ERR_OK;
}

err lake_commit_check_files(const struct lake_commit *c, const struct lake_metadata *m,
                            struct errmsg *msg)
{
    bool append_only = lake_metadata_config_is(m, "delta.appendOnly", "true");
    for (size_t i = 0; i < c->add_count; i++) {
        TRY(check_partition_values(&c->adds[i], m, msg));
        TRY(check_not_null(&c->adds[i], m, msg));
    }
    for (size_t i = 0; append_only && i < c->remove_count; i++) {
        if (c->removes[i].data_change) {
            return errmsg_set(msg, ERR_UNSUPPORTED, "the table is append-only (delta.appendOnly)");
        }
    }
    return ERR_OK;
}

/* ---- winners ---- */

static err conflict(struct errmsg *msg, int64_t version, const char *what, struct str name)
{
    return errmsg_set(msg, ERR_CONFLICT, "commit %lld was first: %s %.*s", (long long)version, what,
                      (int)MIN(name.len, (size_t)200), name.ptr == NULL ? "" : name.ptr);
}

/* Files written for `base` fit `now` when nothing they rely on went away or became stricter. */
static err check_schema_fits(const struct lake_metadata *base, const struct lake_metadata *now,
                             int64_t version, struct errmsg *msg)
{
    if (!str_eq(base->id, now->id)) {
        return conflict(msg, version, "it is another table,", now->id);
    }
    bool same_partitions = base->partition_column_count == now->partition_column_count;
    for (size_t i = 0; same_partitions && i < base->partition_column_count; i++) {
        same_partitions = str_eq(base->partition_columns[i], now->partition_columns[i]);
    }
    if (!same_partitions) {
        return conflict(msg, version, "it changed the partition columns", (struct str){NULL, 0});
    }
    for (size_t i = 0; i < base->field_count; i++) {
        const struct lake_field *old = &base->fields[i];
        const struct lake_field *field = lake_fields_find(now->fields, now->field_count, old->name);
        if (field == NULL || !str_eq(field->name, old->name) || !str_eq(field->type, old->type)) {
            return conflict(msg, version, "it changed column", old->name);
        }
    }
    for (size_t i = 0; i < now->field_count; i++) {
        const struct lake_field *old =
            lake_fields_find(base->fields, base->field_count, now->fields[i].name);
        if (!now->fields[i].nullable && (old == NULL || old->nullable)) {
            return conflict(msg, version, "it forbids nulls in column", now->fields[i].name);
        }
    }
    return ERR_OK;
}

/* A property that both set: the winner's value would be overwritten unseen. */
static err check_config(const struct lake_commit *c, const struct lake_metadata *base,
                        const struct lake_metadata *now, int64_t version, struct errmsg *msg)
{
    for (size_t i = 0; i < c->config_count; i++) {
        AUTO_TEXT key = xstrndup(c->config[i].key.ptr, c->config[i].key.len);
        if (!str_eq(lake_metadata_config(base, key), lake_metadata_config(now, key))) {
            return conflict(msg, version, "it set the property", c->config[i].key);
        }
    }
    return ERR_OK;
}

static err check_files(const struct lake_commit *c, int64_t version, const struct lake_actions *w,
                       struct errmsg *msg)
{
    bool replaces_rows = c->replaces;
    for (size_t i = 0; i < c->remove_count; i++) {
        replaces_rows = replaces_rows || c->removes[i].data_change;
        for (size_t k = 0; k < w->remove_count; k++) {
            if (str_eq(c->removes[i].path, w->removes[k].path)) {
                return conflict(msg, version, "it removed file", c->removes[i].path);
            }
        }
    }
    for (size_t k = 0; replaces_rows && k < w->add_count; k++) {
        if (w->adds[k].data_change) {
            return conflict(msg, version, "it added file", w->adds[k].path);
        }
    }
    return ERR_OK;
}

err lake_commit_check_winner(const struct lake_commit *c, const struct lake_metadata *base,
                             int64_t version, const struct lake_actions *w, struct errmsg *msg)
{
    for (size_t i = 0; i < c->txn_count; i++) {
        for (size_t k = 0; k < w->txn_count; k++) {
            if (str_eq(c->txns[i].app_id, w->txns[k].app_id)) {
                return conflict(msg, version, "it holds the txn of", c->txns[i].app_id);
            }
        }
    }
    if (w->metadata != NULL) {
        if (c->remove_count > 0 || c->replaces) {
            return conflict(msg, version, "it changed the metadata", (struct str){NULL, 0});
        }
        TRY(check_schema_fits(base, &w->metadata->metadata, version, msg));
        TRY(check_config(c, base, &w->metadata->metadata, version, msg));
    }
    return check_files(c, version, w, msg);
}
