/* SPDX-License-Identifier: MIT */
/* action_write.c - bodies of actions as JSON text, for commits, checkpoints and checksums. Failures
 * of the buffer are sticky, the caller checks once. */
#include "lake/action.h"
#include "lake/path.h"
#include "lake/schema.h"

static void key(struct buf *out, const char *name)
{
    char last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[') {
        (void)buf_add_byte(out, ',');
    }
    (void)buf_add_byte(out, '"');
    (void)buf_puts(out, name);
    (void)buf_puts(out, "\":");
}

static void text(struct buf *out, const char *name, struct str value)
{
    key(out, name);
    (void)buf_add_json_string(out, value);
}

static void number(struct buf *out, const char *name, int64_t value)
{
    key(out, name);
    (void)buf_add_i64(out, value);
}

static void boolean(struct buf *out, const char *name, bool value)
{
    key(out, name);
    (void)buf_puts(out, value ? "true" : "false");
}

static void raw(struct buf *out, const char *name, struct str json)
{
    key(out, name);
    (void)buf_add_str(out, json);
}

static void strings(struct buf *out, const char *name, const struct str *items, size_t count)
{
    key(out, name);
    (void)buf_add_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        (void)buf_puts(out, i > 0 ? "," : "");
        (void)buf_add_json_string(out, items[i]);
    }
    (void)buf_add_byte(out, ']');
}

static void pairs(struct buf *out, const char *name, const struct lake_pair *items, size_t count)
{
    key(out, name);
    (void)buf_add_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        (void)buf_puts(out, i > 0 ? "," : "");
        (void)buf_add_json_string(out, items[i].key);
        (void)buf_add_byte(out, ':');
        if (items[i].is_null) {
            (void)buf_puts(out, "null");
        } else {
            (void)buf_add_json_string(out, items[i].value);
        }
    }
    (void)buf_add_byte(out, '}');
}

void lake_protocol_write(const struct lake_protocol *p, struct buf *out)
{
    (void)buf_add_byte(out, '{');
    number(out, "minReaderVersion", p->reader_version);
    number(out, "minWriterVersion", p->writer_version);
    if (p->has_reader_features) {
        strings(out, "readerFeatures", p->reader_features, p->reader_feature_count);
    }
    if (p->has_writer_features) {
        strings(out, "writerFeatures", p->writer_features, p->writer_feature_count);
    }
    (void)buf_add_byte(out, '}');
}

/* Unlike partition values, a property may be an empty string. */
static void configuration(struct buf *out, const struct lake_metadata *m)
{
    key(out, "configuration");
    (void)buf_add_byte(out, '{');
    for (size_t i = 0; i < m->configuration_count; i++) {
        (void)buf_puts(out, i > 0 ? "," : "");
        (void)buf_add_json_string(out, m->configuration[i].key);
        (void)buf_add_byte(out, ':');
        (void)buf_add_json_string(out, m->configuration[i].value);
    }
    (void)buf_add_byte(out, '}');
}

void lake_metadata_write(const struct lake_metadata *m, struct buf *out)
{
    (void)buf_add_byte(out, '{');
    text(out, "id", m->id);
    if (m->name.len > 0) {
        text(out, "name", m->name);
    }
    if (m->description.len > 0) {
        text(out, "description", m->description);
    }
    raw(out, "format", STR("{\"provider\":\"parquet\",\"options\":{}}"));
    text(out, "schemaString", m->schema_text);
    strings(out, "partitionColumns", m->partition_columns, m->partition_column_count);
    configuration(out, m);
    if (m->created_ms >= 0) {
        number(out, "createdTime", m->created_ms);
    }
    (void)buf_add_byte(out, '}');
}

void lake_txn_write(const struct lake_txn *t, struct buf *out)
{
    (void)buf_add_byte(out, '{');
    text(out, "appId", t->app_id);
    number(out, "version", t->version);
    if (t->last_updated_ms >= 0) {
        number(out, "lastUpdated", t->last_updated_ms);
    }
    (void)buf_add_byte(out, '}');
}

void lake_domain_write(const struct lake_domain *d, bool removed, struct buf *out)
{
    (void)buf_add_byte(out, '{');
    text(out, "domain", d->domain);
    text(out, "configuration", d->configuration);
    boolean(out, "removed", removed);
    (void)buf_add_byte(out, '}');
}

static void path(struct buf *out, const struct lake_file *f)
{
    AUTO_BUF uri = buf_make(256 << 10);
    lake_path_encode(f->path, f->is_absolute, &uri);
    if (uri.failed) {
        out->failed = true;
    }
    text(out, "path", buf_str(&uri));
}

static void row_ids(struct buf *out, const struct lake_file *f)
{
    if (f->deletion_vector.len > 0) {
        raw(out, "deletionVector", f->deletion_vector);
    }
    if (f->base_row_id >= 0) {
        number(out, "baseRowId", f->base_row_id);
    }
    if (f->default_row_commit_version >= 0) {
        number(out, "defaultRowCommitVersion", f->default_row_commit_version);
    }
}

void lake_add_write(const struct lake_file *f, bool data_change, bool with_stats, struct buf *out)
{
    (void)buf_add_byte(out, '{');
    path(out, f);
    pairs(out, "partitionValues", f->partition_values, f->partition_value_count);
    number(out, "size", (int64_t)f->size_bytes);
    number(out, "modificationTime", f->modification_ms);
    boolean(out, "dataChange", data_change);
    if (with_stats && f->stats.len > 0) {
        text(out, "stats", f->stats);
    }
    if (f->tags.len > 0) {
        raw(out, "tags", f->tags);
    }
    row_ids(out, f);
    if (f->clustering_provider.len > 0) {
        text(out, "clusteringProvider", f->clustering_provider);
    }
    (void)buf_add_byte(out, '}');
}

void lake_remove_write(const struct lake_file *f, bool data_change, struct buf *out)
{
    (void)buf_add_byte(out, '{');
    path(out, f);
    number(out, "deletionTimestamp", f->deletion_ms);
    boolean(out, "dataChange", data_change);
    boolean(out, "extendedFileMetadata", f->has_extended_metadata);
    if (f->has_extended_metadata) {
        pairs(out, "partitionValues", f->partition_values, f->partition_value_count);
        number(out, "size", (int64_t)f->size_bytes);
    }
    row_ids(out, f);
    (void)buf_add_byte(out, '}');
}
