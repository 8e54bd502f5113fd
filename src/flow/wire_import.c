/* SPDX-License-Identifier: MIT */
/* wire_import.c - see wire_import.h. */
#include "flow/wire_import.h"

/* ---- helpers ---- */

static void put(json_t *object, const char *key, json_t *value)
{
    ASSERT(json_object_set_new(object, key, value) == 0);
}

static void put_str(json_t *object, const char *key, struct str value)
{
    json_t *text = json_from_str(value);
    put(object, key, text != NULL ? text : json_string(""));
}

static void finish(json_t *object, struct buf *out)
{
    if (json_write(object, out) != ERR_OK) {
        out->failed = true;
    }
    json_decref(object);
}

static err parse_object(struct str payload, json_t **out_root, struct errmsg *msg)
{
    AUTO_JSON root = NULL;
    TRY(json_parse(payload, &root, msg));
    if (!json_is_object(root)) {
        return errmsg_set(msg, ERR_INVALID, "message is not a JSON object");
    }
    *out_root = TAKE(root);
    return ERR_OK;
}

static err get_list(const json_t *object, const char *key, const json_t **out_list,
                    struct errmsg *msg)
{
    const json_t *list = json_object_get(object, key);
    if (!json_is_array(list) || json_array_size(list) > WIRE_IMPORT_COLUMNS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "%s is not a list of at most %d", key,
                          WIRE_IMPORT_COLUMNS_MAX);
    }
    *out_list = list;
    return ERR_OK;
}

static json_t *columns_json(const struct wire_column *columns, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();
        put_str(item, "name", columns[i].name);
        put_str(item, "type", columns[i].type);
        ASSERT(json_array_append_new(list, item) == 0);
    }
    return list;
}

static err get_columns(const json_t *root, struct wire_column **out_columns, size_t *out_count,
                       struct errmsg *msg)
{
    const json_t *list = NULL;
    TRY(get_list(root, "columns", &list, msg));
    *out_count = json_array_size(list);
    *out_columns = xnew_array(struct wire_column, MAX(*out_count, 1));
    for (size_t i = 0; i < *out_count; i++) {
        const json_t *item = json_array_get(list, i);
        TRY(json_get_str(item, "name", &(*out_columns)[i].name, msg));
        TRY(json_get_str(item, "type", &(*out_columns)[i].type, msg));
    }
    return ERR_OK;
}

/* Decodes with `step` into a struct that is released when the step fails. */
#define DECODE(type, step, deinit)                                                                 \
    struct type decoded = {0};                                                                     \
    err decode_result_ = step(payload, &decoded, msg);                                             \
    if (decode_result_ != ERR_OK) {                                                                \
        deinit(&decoded);                                                                          \
        return decode_result_;                                                                     \
    }

/* ---- TABLE, PUBLISH ---- */

void wire_import_encode(const struct wire_import *import, struct buf *out)
{
    json_t *root = json_object();
    put_str(root, "id", import->id);
    put_str(root, "table", import->table);
    put_str(root, "mode", import->mode);
    put_str(root, "dir", import->dir);
    finish(root, out);
}

static err import_decode(struct str payload, struct wire_import *import, struct errmsg *msg)
{
    TRY(parse_object(payload, &import->root, msg));
    TRY(json_get_str(import->root, "id", &import->id, msg));
    TRY(json_get_str(import->root, "table", &import->table, msg));
    TRY(json_get_str(import->root, "mode", &import->mode, msg));
    return json_get_str(import->root, "dir", &import->dir, msg);
}

void wire_import_deinit(struct wire_import *import)
{
    json_decref(import->root);
    *import = (struct wire_import){0};
}

err wire_import_decode(struct str payload, struct wire_import *out_import, struct errmsg *msg)
{
    DECODE(wire_import, import_decode, wire_import_deinit)
    *out_import = decoded;
    return ERR_OK;
}

/* ---- TABLE_IS ---- */

static json_t *table_json(const struct wire_table_is *table)
{
    json_t *root = json_object();
    json_t *partitions = json_array();
    put(root, "version", json_integer(table->version));
    put(root, "columns", columns_json(table->columns, table->column_count));
    for (size_t i = 0; i < table->partition_column_count; i++) {
        json_t *name = json_from_str(table->partition_columns[i]);
        ASSERT(name == NULL || json_array_append_new(partitions, name) == 0);
    }
    put(root, "partition_columns", partitions);
    return root;
}

/* `root` stays the caller's. */
static err read_table(const json_t *root, struct wire_table_is *table, struct errmsg *msg)
{
    const json_t *partitions = NULL;
    TRY(json_get_i64(root, "version", &table->version, msg));
    TRY(get_columns(root, &table->columns, &table->column_count, msg));
    TRY(get_list(root, "partition_columns", &partitions, msg));
    size_t count = json_array_size(partitions);
    table->partition_columns = xnew_array(struct str, MAX(count, 1));
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_array_get(partitions, i);
        if (!json_is_string(name)) {
            return errmsg_set(msg, ERR_INVALID, "partition_columns[%zu] is not text", i);
        }
        table->partition_columns[i] = str_of(json_string_value(name), json_string_length(name));
        table->partition_column_count++;
    }
    return ERR_OK;
}

static void free_table(struct wire_table_is *table)
{
    free(table->columns);
    free(table->partition_columns);
}

void wire_table_is_encode(const struct wire_table_is *table, struct buf *out)
{
    finish(table_json(table), out);
}

static err table_is_decode(struct str payload, struct wire_table_is *table, struct errmsg *msg)
{
    TRY(parse_object(payload, &table->root, msg));
    return read_table(table->root, table, msg);
}

void wire_table_is_deinit(struct wire_table_is *table)
{
    free_table(table);
    json_decref(table->root);
    *table = (struct wire_table_is){0};
}

err wire_table_is_decode(struct str payload, struct wire_table_is *out_table, struct errmsg *msg)
{
    DECODE(wire_table_is, table_is_decode, wire_table_is_deinit)
    *out_table = decoded;
    return ERR_OK;
}

/* ---- PUBLISHED ---- */

void wire_published_encode(const struct wire_published *published, struct buf *out)
{
    json_t *root = json_object();
    put(root, "version", json_integer(published->version));
    put(root, "rows", json_integer(published->rows));
    put(root, "files", json_integer(published->files));
    finish(root, out);
}

err wire_published_decode(struct str payload, struct wire_published *out_published,
                          struct errmsg *msg)
{
    AUTO_JSON root = NULL;
    struct wire_published decoded = {0};
    TRY(parse_object(payload, &root, msg));
    TRY(json_get_i64(root, "version", &decoded.version, msg));
    TRY(json_get_i64(root, "rows", &decoded.rows, msg));
    TRY(json_get_i64(root, "files", &decoded.files, msg));
    *out_published = decoded;
    return ERR_OK;
}

/* ---- JOB ---- */

/* The plain members of JOB, so that both directions walk the same lists. */
static const struct {
    const char *key;
    size_t offset;
} job_texts[] =
    {
        {"dir", offsetof(struct wire_job, dir)},
        {"format", offsetof(struct wire_job, format)},
        {"coding", offsetof(struct wire_job, coding)},
        {"types", offsetof(struct wire_job, types)},
        {"quote", offsetof(struct wire_job, quote)},
        {"delimiter", offsetof(struct wire_job, delimiter)},
},
  job_numbers[] = {
      {"sample_rows", offsetof(struct wire_job, sample_rows)},
      {"bytes_max", offsetof(struct wire_job, bytes_max)},
      {"memory_bytes", offsetof(struct wire_job, memory_bytes)},
      {"spill_bytes", offsetof(struct wire_job, spill_bytes)},
};

void wire_job_encode(const struct wire_job *job, struct buf *out)
{
    json_t *root = json_object();
    for (size_t i = 0; i < ARRAY_LEN(job_texts); i++) {
        struct str text;
        memcpy(&text, (const char *)job + job_texts[i].offset, sizeof text);
        put_str(root, job_texts[i].key, text);
    }
    for (size_t i = 0; i < ARRAY_LEN(job_numbers); i++) {
        int64_t number = 0;
        memcpy(&number, (const char *)job + job_numbers[i].offset, sizeof number);
        put(root, job_numbers[i].key, json_integer(number));
    }
    put(root, "no_header", json_boolean(job->no_header));
    put(root, "clean_names", json_boolean(job->clean_names));
    put(root, "table", table_json(&job->table));
    finish(root, out);
}

static err job_decode(struct str payload, struct wire_job *job, struct errmsg *msg)
{
    TRY(parse_object(payload, &job->root, msg));
    for (size_t i = 0; i < ARRAY_LEN(job_texts); i++) {
        struct str text = {0};
        TRY(json_get_str(job->root, job_texts[i].key, &text, msg));
        memcpy((char *)job + job_texts[i].offset, &text, sizeof text);
    }
    for (size_t i = 0; i < ARRAY_LEN(job_numbers); i++) {
        int64_t number = 0;
        TRY(json_get_i64(job->root, job_numbers[i].key, &number, msg));
        memcpy((char *)job + job_numbers[i].offset, &number, sizeof number);
    }
    TRY(json_get_bool(job->root, "no_header", &job->no_header, msg));
    TRY(json_get_bool(job->root, "clean_names", &job->clean_names, msg));
    return read_table(json_object_get(job->root, "table"), &job->table, msg);
}

void wire_job_deinit(struct wire_job *job)
{
    free_table(&job->table);
    json_decref(job->root);
    *job = (struct wire_job){0};
}

err wire_job_decode(struct str payload, struct wire_job *out_job, struct errmsg *msg)
{
    DECODE(wire_job, job_decode, wire_job_deinit)
    *out_job = decoded;
    return ERR_OK;
}

/* ---- IMPORTED ---- */

void wire_imported_encode(const struct wire_imported *imported, struct buf *out)
{
    json_t *root = json_object();
    put(root, "rows", json_integer(imported->rows));
    put(root, "bytes", json_integer(imported->bytes));
    put(root, "columns", columns_json(imported->columns, imported->column_count));
    finish(root, out);
}

static err imported_decode(struct str payload, struct wire_imported *imported, struct errmsg *msg)
{
    TRY(parse_object(payload, &imported->root, msg));
    TRY(json_get_i64(imported->root, "rows", &imported->rows, msg));
    TRY(json_get_i64(imported->root, "bytes", &imported->bytes, msg));
    return get_columns(imported->root, &imported->columns, &imported->column_count, msg);
}

void wire_imported_deinit(struct wire_imported *imported)
{
    free(imported->columns);
    json_decref(imported->root);
    *imported = (struct wire_imported){0};
}

err wire_imported_decode(struct str payload, struct wire_imported *out_imported, struct errmsg *msg)
{
    DECODE(wire_imported, imported_decode, wire_imported_deinit)
    *out_imported = decoded;
    return ERR_OK;
}
