/* SPDX-License-Identifier: MIT */
/* land_schema.c - see land_schema.h. */
#include "flow/land_schema.h"

#include "base/hash.h"
#include "base/json.h"
#include "flow/declared.h"
#include "flow/land_type.h"

enum { TYPES_BYTES_MAX = 32 << 20 };

static const char *const system_names[] = {
    [EVENT_SYS_TIME] = "_time",           [EVENT_SYS_DATE] = "_date",
    [EVENT_SYS_PARTITION] = "_partition", [EVENT_SYS_OFFSET] = "_offset",
    [EVENT_SYS_TIMESTAMP] = "_timestamp", [EVENT_SYS_KEY] = "_key",
    [EVENT_SYS_RESCUED] = "_rescued",
};
_Static_assert(ARRAY_LEN(system_names) == EVENT_SYS_COUNT, "one name each");

static bool is_system_name(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(system_names); i++) {
        if (str_eq_nocase(name, str_from(system_names[i]))) {
            return true;
        }
    }
    return false;
}

/* The list in the property; *out_root keeps the text alive. */
static err null_fields_of(const struct lake_snapshot *snapshot, json_t **out_root,
                          struct str **out_names, size_t *out_count, struct errmsg *msg)
{
    struct str text = {0};
    *out_count = 0;
    if (!lake_snapshot_config(snapshot, STR(LAND_NULL_FIELDS_KEY), &text)) {
        return ERR_OK;
    }
    TRY(json_parse(text, out_root, msg));
    size_t size = json_array_size(*out_root);
    if (!json_is_array(*out_root) || size > EVENT_COLUMNS_MAX) {
        return errmsg_set(msg, ERR_CORRUPT, "table property " LAND_NULL_FIELDS_KEY);
    }
    struct str *names = xnew_array(struct str, MAX(size, 1));
    for (size_t i = 0; i < size; i++) {
        const json_t *item = json_array_get(*out_root, i);
        struct str name = str_of(json_string_value(item), json_string_length(item));
        /* Another program may have made a column of it since. */
        if (name.ptr != NULL && lake_snapshot_field(snapshot, name) == NULL) {
            names[(*out_count)++] = name;
        }
    }
    *out_names = names;
    return ERR_OK;
}

static void set_type(struct event_column *column, const struct col_def *type)
{
    column->type = type->type;
    column->children = type->children;
    column->child_count = type->child_count;
}

static struct col_def type_of(const struct event_column *column)
{
    return (struct col_def){.name = "",
                            .type = column->type,
                            .children = column->children,
                            .child_count = column->child_count};
}

err land_schema_of(const struct lake_snapshot *snapshot, struct event_schema **out_schema,
                   struct errmsg *msg)
{
    if (snapshot == NULL) {
        return event_schema_new(NULL, 0, NULL, 0, out_schema, msg);
    }
    const struct lake_metadata *metadata = lake_snapshot_metadata(snapshot);
    struct event_column *columns = xnew_array(struct event_column, metadata->field_count + 1);
    AUTO_JSON root = NULL;
    AUTO(arena) types = arena_new(TYPES_BYTES_MAX);
    struct str *names = NULL;
    size_t count = 0;
    size_t name_count = 0;
    err e = ERR_OK;
    for (size_t i = 0; i < metadata->field_count && e == ERR_OK; i++) {
        const struct lake_field *field = &metadata->fields[i];
        if (is_system_name(field->name)) {
            continue;
        }
        struct col_def type;
        columns[count].name = field->name;
        if (land_type_read(field->type, types, &type)) {
            set_type(&columns[count], &type);
        } else {
            e = errmsg_set(msg, ERR_UNSUPPORTED, "column %.*s has type %.*s, which is not written",
                           STR_ARGS(field->name), (int)MIN(field->type.len, (size_t)200),
                           field->type.ptr);
        }
        count++;
    }
    if (e == ERR_OK) {
        e = null_fields_of(snapshot, &root, &names, &name_count, msg);
    }
    if (e == ERR_OK) {
        e = event_schema_new(columns, count, names, name_count, out_schema, msg);
    }
    free(names);
    free(columns);
    return e;
}

/* The columns of a schema while they are added to. */
struct draft {
    struct event_column *columns; /* owned */
    size_t count;
    size_t nodes; /* in the trees of nested columns */
    bool changed;
    struct arena *arena; /* owned: types that grew */
};

static void draft_free(struct draft *d)
{
    free(d->columns);
    arena_free(d->arena);
}
#define AUTO_DRAFT __attribute__((cleanup(draft_free))) struct draft

static size_t nodes_of(const struct event_column *column)
{
    struct col_def type = type_of(column);
    return column->child_count == 0 ? 0 : col_def_nodes(&type);
}

/* A declared column that is there: the table's type stays, but a STRUCT in it may get members. */
static void grow_column(struct draft *d, struct event_column *present,
                        const struct event_column *wanted)
{
    struct col_def old = type_of(present);
    struct col_def declared = type_of(wanted);
    struct col_def grown;
    if (!str_eq(present->name, wanted->name) || !declared_grow(&old, &declared, d->arena, &grown)) {
        return;
    }
    size_t added = col_def_nodes(&grown) - col_def_nodes(&old);
    if (col_def_depth(&grown) <= EVENT_NESTED_DEPTH_MAX &&
        d->nodes + added <= EVENT_NESTED_NODES_MAX) {
        d->nodes += added;
        d->changed = true;
        set_type(present, &grown);
    }
}

/* Adds a column, or what it has to the one that is there. Whatever finds no room is left to
 * inference and `_rescued`: a declaration never stops a topic. */
static void add_declared(struct draft *d, const struct event_column *column)
{
    for (size_t i = 0; i < d->count; i++) {
        if (event_name_fold_cmp(d->columns[i].name, column->name) == 0) {
            grow_column(d, &d->columns[i], column);
            return;
        }
    }
    size_t nodes = nodes_of(column);
    if (d->count < EVENT_COLUMNS_MAX && d->nodes + nodes <= EVENT_NESTED_NODES_MAX) {
        d->nodes += nodes;
        d->changed = true;
        d->columns[d->count++] = *column;
    }
}

/* Delta partitions by scalars only: the JSON text where a nested column was declared. */
static struct event_column as_partition(struct event_column column, const struct topic_meta *meta)
{
    const struct topic_settings *settings = &meta->settings;
    for (size_t i = 0; settings->partition_by != NULL && i < settings->partition_by_count; i++) {
        if (col_type_is_nested(column.type) &&
            str_eq_nocase(column.name, str_from(settings->partition_by[i]))) {
            return (struct event_column){.name = column.name, .type = COL_VARCHAR};
        }
    }
    return column;
}

static void add_partitions(struct draft *d, const struct topic_settings *settings)
{
    for (size_t i = 0; settings->partition_by != NULL && i < settings->partition_by_count; i++) {
        struct str name = str_from(settings->partition_by[i]);
        if (!is_system_name(name)) {
            add_declared(d, &(struct event_column){.name = name, .type = COL_VARCHAR});
        }
    }
}

/* The remembered null fields of `schema` that are none of `columns`. */
static size_t null_fields_left(const struct event_schema *schema,
                               const struct event_column *columns, size_t count,
                               struct str *out_names)
{
    size_t kept = 0;
    for (size_t i = 0; i < event_schema_null_count(schema); i++) {
        struct str name = event_schema_null_field(schema, i);
        bool taken = false;
        for (size_t j = 0; j < count && !taken; j++) {
            taken = event_name_fold_cmp(columns[j].name, name) == 0;
        }
        if (!taken) {
            out_names[kept++] = name;
        }
    }
    return kept;
}

err land_schema_declared(struct event_schema *schema, const struct topic_meta *meta, bool created,
                         struct event_schema **out_schema, struct errmsg *msg)
{
    AUTO(json_schema) document = NULL;
    AUTO_DECLARED declared;
    const char *text = meta->versions[meta->version_count - 1].schema;
    err e = text == NULL ? ERR_OK : json_schema_new(str_from(text), &document, NULL);
    if (e == ERR_NOMEM) {
        return errmsg_set(msg, e, "no memory for the declared schema");
    } /* what else fails, no door took: it says nothing about columns */
    declared_init(&declared, document == NULL ? NULL : json_schema_root(document));
    size_t present = event_schema_count(schema);
    AUTO_DRAFT d = {.arena = arena_new(TYPES_BYTES_MAX), .count = present};
    d.columns = xnew_array(struct event_column,
                           present + declared.count + meta->settings.partition_by_count + 1);
    for (size_t i = 0; i < present; i++) {
        d.columns[i] = *event_schema_column(schema, i);
        d.nodes += nodes_of(&d.columns[i]);
    }
    for (size_t i = 0; i < declared.count; i++) {
        struct event_column column = as_partition(declared.columns[i], meta);
        add_declared(&d, &column);
    }
    if (created) {
        add_partitions(&d, &meta->settings);
    }
    if (!d.changed) {
        *out_schema = event_schema_ref(schema);
        return ERR_OK;
    }
    struct str *names = xnew_array(struct str, event_schema_null_count(schema) + 1);
    size_t name_count = null_fields_left(schema, d.columns, d.count, names);
    e = event_schema_new(d.columns, d.count, names, name_count, out_schema, msg);
    free(names);
    return e;
}

struct str land_app_id(const char *topic_uuid, uint32_t partition, char out[LAND_APP_ID_BYTES])
{
    int len = snprintf(out, LAND_APP_ID_BYTES, "tarn/%s/%u", topic_uuid, partition);
    ASSERT(len > 0 && len < LAND_APP_ID_BYTES);
    return str_of(out, (size_t)len);
}

int64_t land_next_offset(const struct lake_snapshot *snapshot, const char *topic_uuid,
                         uint32_t partition, int64_t log_start)
{
    char id[LAND_APP_ID_BYTES];
    const struct lake_txn *txn =
        snapshot == NULL ? NULL
                         : lake_snapshot_txn(snapshot, land_app_id(topic_uuid, partition, id));
    return txn == NULL ? log_start : txn->version + 1;
}

void land_schema_tag(const struct col_def *columns, size_t count, struct buf *out)
{
    AUTO_BUF text = buf_make(16 << 20);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s\n", columns[i].name);
        col_def_sql(&columns[i], &text);
        buf_add_byte(&text, '\n');
    }
    struct hash128 hash = hash_xxh3_128(buf_str(&text));
    buf_printf(out, "{\"" LAND_SCHEMA_TAG "\":\"%016llx%016llx\"}", (unsigned long long)hash.high,
               (unsigned long long)hash.low);
}

void land_schema_tag_of(struct str tags_json, struct buf *out)
{
    AUTO_JSON root = NULL;
    struct str value = {0};
    if (tags_json.len > 0 && json_parse(tags_json, &root, NULL) == ERR_OK &&
        json_opt_str(root, LAND_SCHEMA_TAG, &value, NULL) == ERR_OK) {
        buf_add_str(out, value);
    }
}

static err add_column(struct lake_commit *commit, const struct col_def *def, struct errmsg *msg)
{
    AUTO_BUF type = buf_make(TYPES_BYTES_MAX);
    land_type_write(def, &type);
    TRY(buf_check(&type));
    return lake_commit_add_column(commit, str_from(def->name), buf_str(&type), true, msg);
}

static bool null_fields_equal(const struct event_schema *a, const struct event_schema *b)
{
    size_t count = event_schema_null_count(b);
    if (event_schema_null_count(a) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(event_schema_null_field(a, i), event_schema_null_field(b, i))) {
            return false;
        }
    }
    return true;
}

static err commit_null_fields(struct lake_commit *commit, const struct event_schema *schema)
{
    AUTO_BUF text = buf_make(1 << 20);
    const char *comma = "";
    buf_puts(&text, "[");
    for (size_t i = 0; i < event_schema_null_count(schema); i++) {
        buf_puts(&text, comma);
        buf_add_json_string(&text, event_schema_null_field(schema, i));
        comma = ",";
    }
    buf_puts(&text, "]");
    TRY(buf_check(&text));
    lake_commit_set_config(commit, STR(LAND_NULL_FIELDS_KEY), buf_str(&text));
    return ERR_OK;
}

err land_schema_commit(struct lake_commit *commit, const struct event_schema *before,
                       const struct event_schema *after, struct errmsg *msg)
{
    size_t known = before == NULL ? 0 : event_schema_count(before);
    const struct col_def *full = event_schema_full(after);
    for (size_t i = 0; i < event_schema_count(after); i++) {
        if (i >= known || !col_def_same_type(&event_schema_full(before)[i], &full[i])) {
            TRY(add_column(commit, &full[i], msg)); /* or what its STRUCTs lack */
        }
    }
    if (before == NULL) {
        for (size_t i = event_schema_count(after); i < event_schema_full_count(after); i++) {
            TRY(add_column(commit, &full[i], msg));
        }
    }
    bool same =
        before == NULL ? event_schema_null_count(after) == 0 : null_fields_equal(before, after);
    return same ? ERR_OK : commit_null_fields(commit, after);
}

err land_dead_commit(struct lake_commit *commit, struct errmsg *msg)
{
    const struct col_def *columns = event_dead_columns();
    for (size_t i = 0; i < EVENT_DEAD_COUNT; i++) {
        TRY(add_column(commit, &columns[i], msg));
    }
    return ERR_OK;
}
