/* SPDX-License-Identifier: MIT */
/* land_schema.c - see land_schema.h. */
#include "flow/land_schema.h"

#include "base/hash.h"
#include "base/json.h"

static const struct {
    enum col_type type;
    const char *delta;
} delta_types[] = {
    {COL_BOOLEAN, "boolean"},       {COL_BIGINT, "long"}, {COL_INTEGER, "integer"},
    {COL_DOUBLE, "double"},         {COL_DATE, "date"},   {COL_VARCHAR, "string"},
    {COL_TIMESTAMPTZ, "timestamp"}, {COL_BLOB, "binary"},
};

const char *land_delta_type(enum col_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(delta_types); i++) {
        if (delta_types[i].type == type) {
            return delta_types[i].delta;
        }
    }
    ASSERT(false);
    return NULL;
}

static bool type_of_delta(struct str delta, enum col_type *out_type)
{
    for (size_t i = 0; i < ARRAY_LEN(delta_types); i++) {
        if (str_is(delta, delta_types[i].delta) && delta_types[i].type != COL_BLOB) {
            *out_type = delta_types[i].type;
            return true;
        }
    }
    return false;
}

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

err land_schema_of(const struct lake_snapshot *snapshot, struct event_schema **out_schema,
                   struct errmsg *msg)
{
    if (snapshot == NULL) {
        return event_schema_new(NULL, 0, NULL, 0, out_schema, msg);
    }
    const struct lake_metadata *metadata = lake_snapshot_metadata(snapshot);
    struct event_column *columns = xnew_array(struct event_column, metadata->field_count + 1);
    AUTO_JSON root = NULL;
    struct str *names = NULL;
    size_t count = 0;
    size_t name_count = 0;
    err e = ERR_OK;
    for (size_t i = 0; i < metadata->field_count && e == ERR_OK; i++) {
        const struct lake_field *field = &metadata->fields[i];
        if (is_system_name(field->name)) {
            continue;
        }
        columns[count].name = field->name;
        if (!type_of_delta(field->type, &columns[count].type)) {
            e = errmsg_set(msg, ERR_UNSUPPORTED, "column %.*s has type %.*s, which is not written",
                           STR_ARGS(field->name), STR_ARGS(field->type));
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

/* Adds a column to `columns` unless it is there, counting up. */
static void add_missing(struct event_column *columns, size_t *count, struct event_column column)
{
    for (size_t i = 0; i < *count; i++) {
        if (event_name_fold_cmp(columns[i].name, column.name) == 0) {
            return;
        }
    }
    columns[(*count)++] = column;
}

static err add_declared(const json_t *list, struct event_column *columns, size_t *count,
                        struct errmsg *msg)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct event_column column = {0};
        struct str type = {0};
        TRY(json_get_str(item, "name", &column.name, msg));
        TRY(json_get_str(item, "type", &type, msg));
        if (!col_type_from_sql(type, &column.type)) {
            return errmsg_set(msg, ERR_INVALID, "declared column %.*s: unknown type %.*s",
                              STR_ARGS(column.name), STR_ARGS(type));
        }
        add_missing(columns, count, column);
    }
    return ERR_OK;
}

static void add_partitions(const struct topic_settings *settings, struct event_column *columns,
                           size_t *count)
{
    for (size_t i = 0; settings->partition_by != NULL && i < settings->partition_by_count; i++) {
        struct str name = str_from(settings->partition_by[i]);
        if (!is_system_name(name)) {
            add_missing(columns, count, (struct event_column){.name = name, .type = COL_VARCHAR});
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
            taken = str_eq_nocase(columns[j].name, name);
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
    AUTO_JSON declared = NULL;
    const char *text = meta->versions[meta->version_count - 1].schema;
    if (text != NULL) {
        TRY(json_parse(str_from(text), &declared, msg));
    }
    const json_t *list = json_object_get(declared, "columns");
    if (json_array_size(list) > EVENT_COLUMNS_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "more than %d declared columns", EVENT_COLUMNS_MAX);
    }
    size_t present = event_schema_count(schema);
    size_t count = present;
    struct event_column *columns =
        xnew_array(struct event_column,
                   present + json_array_size(list) + meta->settings.partition_by_count + 1);
    for (size_t i = 0; i < present; i++) {
        columns[i] = *event_schema_column(schema, i);
    }
    struct str *names = xnew_array(struct str, event_schema_null_count(schema) + 1);
    err e = add_declared(list, columns, &count, msg);
    if (e == ERR_OK && created) {
        add_partitions(&meta->settings, columns, &count);
    }
    if (e == ERR_OK && count == present) {
        *out_schema = event_schema_ref(schema);
    } else if (e == ERR_OK) {
        size_t name_count = null_fields_left(schema, columns, count, names);
        e = event_schema_new(columns, count, names, name_count, out_schema, msg);
    }
    free(names);
    free(columns);
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
        buf_printf(&text, "%s\n%s\n", columns[i].name, col_type_sql(columns[i].type));
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

static err add_column(struct lake_commit *commit, struct str name, enum col_type type,
                      struct errmsg *msg)
{
    return lake_commit_add_column(commit, name, str_from(land_delta_type(type)), true, msg);
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
    for (size_t i = known; i < event_schema_count(after); i++) {
        const struct event_column *column = event_schema_column(after, i);
        TRY(add_column(commit, column->name, column->type, msg));
    }
    if (before == NULL) {
        const struct col_def *full = event_schema_full(after);
        for (size_t i = event_schema_count(after); i < event_schema_full_count(after); i++) {
            TRY(add_column(commit, str_from(full[i].name), full[i].type, msg));
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
        TRY(add_column(commit, str_from(columns[i].name), columns[i].type, msg));
    }
    return ERR_OK;
}
