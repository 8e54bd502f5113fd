/* SPDX-License-Identifier: MIT */
/* meta.c - topic names, and topic.json in memory and on disk. Members of topic.json that this
 * version does not know are refused only when "format" is newer: docs/formats-log.md. */
#include "topic/meta.h"

#include "os/file.h"

enum { META_FORMAT = 1 };
static const uint64_t SEGMENT_BYTES_MIN = 1 << 12;
static const uint64_t SEGMENT_BYTES_MAX = 1 << 30;

/* Names and small pieces. */

bool topic_name_valid(struct str name)
{
    if (name.len == 0 || name.len > TOPIC_NAME_BYTES_MAX || str_is(name, ".") ||
        str_is(name, "..")) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';
        if (!good) {
            return false;
        }
    }
    return true;
}

void topic_table_name(struct str name, char *out)
{
    ASSERT(name.len <= TOPIC_NAME_BYTES_MAX);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        } else if (c == '.' || c == '-') {
            c = '_';
        }
        out[i] = c;
    }
    out[name.len] = '\0';
}

const char *topic_durability_name(enum topic_durability d)
{
    return d == TOPIC_PAGE_CACHE ? "page_cache" : "fsync";
}

bool topic_durability_parse(struct str text, enum topic_durability *out_durability)
{
    if (str_is(text, "fsync")) {
        *out_durability = TOPIC_FSYNC;
        return true;
    }
    if (str_is(text, "page_cache") || str_is(text, "page-cache")) {
        *out_durability = TOPIC_PAGE_CACHE;
        return true;
    }
    return false;
}

void topic_text_set(char **slot, struct str text)
{
    char *copy = text.ptr == NULL ? NULL : xstrndup(text.ptr, text.len);
    free(*slot);
    *slot = copy;
}

static void partition_by_clear(struct topic_settings *s)
{
    for (size_t i = 0; i < s->partition_by_count; i++) {
        free(s->partition_by[i]);
    }
    free(s->partition_by);
    s->partition_by = NULL;
    s->partition_by_count = 0;
}

void topic_partition_by_set(struct topic_settings *s, const struct str *columns, size_t count)
{
    char **copy = count == 0 ? NULL : xnew_array(char *, count);
    for (size_t i = 0; i < count; i++) {
        copy[i] = xstrndup(columns[i].ptr, columns[i].len);
    }
    partition_by_clear(s);
    s->partition_by = copy;
    s->partition_by_count = count;
}

/* Life cycle. */

err topic_meta_init(struct topic_meta *m, struct str name, struct errmsg *msg)
{
    if (!topic_name_valid(name)) {
        return errmsg_set(
            msg, ERR_INVALID,
            "a topic name has 1 to %d characters a-z A-Z 0-9 . _ - and is not . or ..",
            TOPIC_NAME_BYTES_MAX);
    }
    char table[TOPIC_NAME_BYTES_MAX + 1];
    topic_table_name(name, table);
    if (str_ends(str_from(table), STR("__dead"))) {
        return errmsg_set(msg, ERR_INVALID,
                          "a topic whose table name ends in __dead would take the place of a "
                          "dead-letter table");
    }
    *m = (struct topic_meta){
        .partition_count = TOPIC_PARTITIONS_DEFAULT,
        .settings = {.durability = TOPIC_FSYNC,
                     .segment_bytes = 256ull << 20,
                     .retention_ms = 7ll * 24 * 3600 * 1000,
                     .retention_bytes = 10ll << 30,
                     .flush_bytes = 128ull << 20,
                     .flush_rows = 0,
                     .flush_age_ms = 60000},
    };
    memcpy(m->name, name.ptr, name.len);
    memcpy(m->table, table, sizeof m->table);
    m->versions = xnew(struct topic_version);
    m->versions[0].id = 1;
    m->version_count = 1;
    return ERR_OK;
}

static void version_deinit(struct topic_version *v)
{
    free(v->start_offsets);
    free(v->key_field);
    free(v->time_field);
    free(v->schema);
}

void topic_meta_deinit(struct topic_meta *m)
{
    for (size_t i = 0; i < m->version_count; i++) {
        version_deinit(&m->versions[i]);
    }
    free(m->versions);
    free(m->gaps);
    partition_by_clear(&m->settings);
    *m = (struct topic_meta){0};
}

static void version_copy(const struct topic_version *v, struct topic_version *out)
{
    *out = (struct topic_version){.id = v->id, .start_count = v->start_count};
    if (v->start_count > 0) {
        out->start_offsets = xnew_array(int64_t, v->start_count);
        memcpy(out->start_offsets, v->start_offsets, v->start_count * sizeof(int64_t));
    }
    topic_text_set(&out->key_field, str_from(v->key_field));
    topic_text_set(&out->time_field, str_from(v->time_field));
    topic_text_set(&out->schema, str_from(v->schema));
}

void topic_meta_copy(const struct topic_meta *m, struct topic_meta *out_copy)
{
    *out_copy = *m;
    out_copy->versions = xnew_array(struct topic_version, MAX(m->version_count, 1));
    for (size_t i = 0; i < m->version_count; i++) {
        version_copy(&m->versions[i], &out_copy->versions[i]);
    }
    out_copy->gaps = NULL;
    if (m->gap_count > 0) {
        out_copy->gaps = xnew_array(struct topic_gap, m->gap_count);
        memcpy(out_copy->gaps, m->gaps, m->gap_count * sizeof *m->gaps);
    }
    out_copy->settings.partition_by = NULL;
    out_copy->settings.partition_by_count = 0;
    size_t count = m->settings.partition_by_count;
    if (count > 0) {
        out_copy->settings.partition_by = xnew_array(char *, count);
        for (size_t i = 0; i < count; i++) {
            out_copy->settings.partition_by[i] = xstrdup(m->settings.partition_by[i]);
        }
        out_copy->settings.partition_by_count = count;
    }
}

/* Look-ups by offset. */

static int64_t version_start(const struct topic_version *v, uint32_t partition)
{
    return partition < v->start_count ? v->start_offsets[partition] : 0;
}

const struct topic_version *topic_version_at(const struct topic_meta *m, uint32_t partition,
                                             int64_t offset)
{
    ASSERT(m->version_count > 0);
    for (size_t i = m->version_count; i > 1; i--) {
        if (version_start(&m->versions[i - 1], partition) <= offset) {
            return &m->versions[i - 1];
        }
    }
    return &m->versions[0];
}

int64_t topic_version_next_start(const struct topic_meta *m, uint32_t partition, int64_t offset)
{
    int64_t next = INT64_MAX;
    for (size_t i = 1; i < m->version_count; i++) {
        int64_t start = version_start(&m->versions[i], partition);
        if (start > offset && start < next) {
            next = start;
        }
    }
    return next;
}

bool topic_gap_covers(const struct topic_meta *m, uint32_t partition, int64_t from, int64_t next)
{
    /* Gaps are recorded in the order they were let go; each step moves `from` on or ends. */
    while (from < next) {
        int64_t reached = from;
        for (size_t i = 0; i < m->gap_count; i++) {
            const struct topic_gap *gap = &m->gaps[i];
            if (gap->partition == partition && gap->from <= reached && gap->next > reached) {
                reached = gap->next;
            }
        }
        if (reached == from) {
            return false;
        }
        from = reached;
    }
    return true;
}

/* Encoding. */

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *version_json(const struct topic_version *v)
{
    json_t *starts = json_array();
    for (size_t i = 0; i < v->start_count; i++) {
        json_array_append_new(starts, json_integer(v->start_offsets[i]));
    }
    return json_pack("{s:I,s:o,s:o,s:o,s:o}", "id", (json_int_t)v->id, "start_offsets", starts,
                     "key_field", text_or_null(v->key_field), "time_field",
                     text_or_null(v->time_field), "schema", text_or_null(v->schema));
}

static json_t *settings_json(const struct topic_settings *s)
{
    json_t *columns = json_null();
    if (s->partition_by_count > 0) {
        columns = json_array();
        for (size_t i = 0; i < s->partition_by_count; i++) {
            json_array_append_new(columns, json_string(s->partition_by[i]));
        }
    }
    return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "durability",
                     topic_durability_name(s->durability), "segment_bytes",
                     (json_int_t)s->segment_bytes, "retention_ms", (json_int_t)s->retention_ms,
                     "retention_bytes", (json_int_t)s->retention_bytes, "flush_bytes",
                     (json_int_t)s->flush_bytes, "flush_rows", (json_int_t)s->flush_rows,
                     "flush_age_ms", (json_int_t)s->flush_age_ms, "unlanded_rows_max",
                     (json_int_t)s->unlanded_rows_max, "partition_by", columns);
}

err topic_meta_encode(const struct topic_meta *m, struct buf *out)
{
    json_t *versions = json_array();
    for (size_t i = 0; i < m->version_count; i++) {
        json_array_append_new(versions, version_json(&m->versions[i]));
    }
    json_t *gaps = json_array();
    for (size_t i = 0; i < m->gap_count; i++) {
        const struct topic_gap *gap = &m->gaps[i];
        json_array_append_new(gaps, json_pack("{s:I,s:I,s:I,s:I}", "partition",
                                              (json_int_t)gap->partition, "from",
                                              (json_int_t)gap->from, "next", (json_int_t)gap->next,
                                              "repaired_us", (json_int_t)gap->repaired_us));
    }
    AUTO_JSON doc =
        json_pack("{s:i,s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:o}", "format", META_FORMAT, "name", m->name,
                  "table", m->table, "uuid", m->uuid.text, "partitions",
                  (json_int_t)m->partition_count, "created_us", (json_int_t)m->created_us,
                  "settings", settings_json(&m->settings), "versions", versions, "gaps", gaps);
    if (doc == NULL) {
        return ERR_NOMEM; /* or a text that is not UTF-8, which the setters' callers have checked */
    }
    return json_write(doc, out);
}

/* Decoding. */

static err get_bounded(const json_t *object, const char *key, int64_t min, int64_t max,
                       int64_t *out_value, struct errmsg *msg)
{
    int64_t value = 0;
    TRY(json_get_i64(object, key, &value, msg));
    if (value < min || value > max) {
        return errmsg_set(msg, ERR_INVALID, "%s is %lld, not in %lld .. %lld", key,
                          (long long)value, (long long)min, (long long)max);
    }
    *out_value = value;
    return ERR_OK;
}

static err decode_partition_by(const json_t *columns, struct topic_settings *s, struct errmsg *msg)
{
    if (columns == NULL || json_is_null(columns)) {
        return ERR_OK;
    }
    size_t count = json_array_size(columns);
    if (!json_is_array(columns) || count > 64) {
        return errmsg_set(msg, ERR_INVALID, "partition_by is not a list of at most 64 columns");
    }
    struct str names[64];
    for (size_t i = 0; i < count; i++) {
        const json_t *column = json_array_get(columns, i);
        if (!json_is_string(column)) {
            return errmsg_set(msg, ERR_INVALID, "partition_by holds something that is no text");
        }
        names[i] = str_of(json_string_value(column), json_string_length(column));
    }
    topic_partition_by_set(s, names, count);
    return ERR_OK;
}

static err decode_settings(const json_t *doc, struct topic_settings *s, struct errmsg *msg)
{
    const json_t *o = json_object_get(doc, "settings");
    if (!json_is_object(o)) {
        return errmsg_set(msg, ERR_INVALID, "settings is missing");
    }
    struct str durability;
    int64_t value = 0;
    TRY(json_get_str(o, "durability", &durability, msg));
    if (!topic_durability_parse(durability, &s->durability)) {
        return errmsg_set(msg, ERR_INVALID, "durability is neither fsync nor page_cache");
    }
    TRY(get_bounded(o, "segment_bytes", (int64_t)SEGMENT_BYTES_MIN, (int64_t)SEGMENT_BYTES_MAX,
                    &value, msg));
    s->segment_bytes = (uint64_t)value;
    TRY(get_bounded(o, "retention_ms", -1, TOPIC_TIME_MS_MAX, &s->retention_ms, msg));
    TRY(get_bounded(o, "retention_bytes", -1, INT64_MAX, &s->retention_bytes, msg));
    TRY(get_bounded(o, "flush_bytes", 1, INT64_MAX, &value, msg));
    s->flush_bytes = (uint64_t)value;
    TRY(get_bounded(o, "flush_rows", 0, INT64_MAX, &value, msg));
    s->flush_rows = (uint64_t)value;
    TRY(get_bounded(o, "flush_age_ms", 1, TOPIC_TIME_MS_MAX, &s->flush_age_ms, msg));
    if (json_object_get(o, "unlanded_rows_max") != NULL) { /* documents of 0.1 have none */
        TRY(get_bounded(o, "unlanded_rows_max", 0, INT64_MAX, &value, msg));
        s->unlanded_rows_max = (uint64_t)value;
    }
    return decode_partition_by(json_object_get(o, "partition_by"), s, msg);
}

static err decode_version(const json_t *o, uint32_t id, struct topic_version *v, struct errmsg *msg)
{
    int64_t value = 0;
    TRY(get_bounded(o, "id", id, id, &value, msg));
    v->id = id;
    const json_t *starts = json_object_get(o, "start_offsets");
    size_t count = json_array_size(starts);
    if (!json_is_array(starts) || count > TOPIC_PARTITIONS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "start_offsets is not a list of offsets");
    }
    v->start_offsets = count == 0 ? NULL : xnew_array(int64_t, count);
    v->start_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *start = json_array_get(starts, i);
        if (!json_is_integer(start) || json_integer_value(start) < 0) {
            return errmsg_set(msg, ERR_INVALID, "a start offset is not an offset");
        }
        v->start_offsets[i] = json_integer_value(start);
    }
    struct str text = {0};
    TRY(json_opt_str(o, "key_field", &text, msg));
    topic_text_set(&v->key_field, text);
    text = (struct str){0};
    TRY(json_opt_str(o, "time_field", &text, msg));
    topic_text_set(&v->time_field, text);
    text = (struct str){0};
    TRY(json_opt_str(o, "schema", &text, msg));
    if (text.len > TOPIC_SCHEMA_BYTES_MAX) {
        return errmsg_set(msg, ERR_INVALID, "a schema of %zu bytes", text.len);
    }
    topic_text_set(&v->schema, text);
    return ERR_OK;
}

static err decode_versions(const json_t *doc, struct topic_meta *m, struct errmsg *msg)
{
    const json_t *list = json_object_get(doc, "versions");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > TOPIC_VERSIONS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "versions is not a list of 1 to %d",
                          TOPIC_VERSIONS_MAX);
    }
    m->versions = xnew_array(struct topic_version, count);
    for (size_t i = 0; i < count; i++) {
        m->version_count = i + 1; /* so that deinit releases a half-read one */
        TRY(decode_version(json_array_get(list, i), (uint32_t)i + 1, &m->versions[i], msg));
    }
    return ERR_OK;
}

static err decode_gaps(const json_t *doc, struct topic_meta *m, struct errmsg *msg)
{
    const json_t *list = json_object_get(doc, "gaps");
    size_t count = json_array_size(list);
    if (count == 0) {
        return ERR_OK;
    }
    m->gaps = xnew_array(struct topic_gap, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *o = json_array_get(list, i);
        struct topic_gap *gap = &m->gaps[i];
        int64_t partition = 0;
        TRY(get_bounded(o, "partition", 0, TOPIC_PARTITIONS_MAX - 1, &partition, msg));
        gap->partition = (uint32_t)partition;
        TRY(get_bounded(o, "from", 0, INT64_MAX, &gap->from, msg));
        TRY(get_bounded(o, "next", gap->from, INT64_MAX, &gap->next, msg));
        TRY(json_get_i64(o, "repaired_us", &gap->repaired_us, msg));
        m->gap_count = i + 1;
    }
    return ERR_OK;
}

static err decode_doc(const json_t *doc, struct topic_meta *m, struct errmsg *msg)
{
    int64_t format = 0;
    TRY(json_get_i64(doc, "format", &format, msg));
    if (format != META_FORMAT) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "format %lld is not known to this version of tarn",
                          (long long)format);
    }
    struct str text;
    TRY(json_get_str(doc, "name", &text, msg));
    TRY(topic_meta_init(m, text, msg));
    TRY(json_get_str(doc, "table", &text, msg));
    if (!str_is(text, m->table)) {
        return errmsg_set(msg, ERR_INVALID, "table is not the one of the name");
    }
    TRY(json_get_str(doc, "uuid", &text, msg));
    if (!uuid_is_valid(text)) {
        return errmsg_set(msg, ERR_INVALID, "uuid is not one");
    }
    memcpy(m->uuid.text, text.ptr, sizeof m->uuid.text - 1);
    int64_t partitions = 0;
    TRY(get_bounded(doc, "partitions", 1, TOPIC_PARTITIONS_MAX, &partitions, msg));
    m->partition_count = (uint32_t)partitions;
    TRY(json_get_i64(doc, "created_us", &m->created_us, msg));
    TRY(decode_settings(doc, &m->settings, msg));
    version_deinit(&m->versions[0]);
    free(m->versions);
    m->versions = NULL;
    m->version_count = 0;
    TRY(decode_versions(doc, m, msg));
    return decode_gaps(doc, m, msg);
}

err topic_meta_decode(struct str json, struct topic_meta *out_meta, struct errmsg *msg)
{
    AUTO_JSON doc = NULL;
    TRY(json_parse(json, &doc, msg));
    AUTO_TOPIC_META m = {0};
    err e = decode_doc(doc, &m, msg);
    if (e == ERR_NOT_FOUND) {
        e = ERR_INVALID; /* a missing member */
    }
    TRY(e);
    *out_meta = m;
    m = (struct topic_meta){0};
    return ERR_OK;
}

err topic_meta_load(const char *path, struct topic_meta *out_meta, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(TOPIC_JSON_BYTES_MAX);
    TRY(os_read_file(path, &text, msg));
    err e = topic_meta_decode(buf_str(&text), out_meta, msg);
    if (e == ERR_INVALID) {
        return errmsg_wrap(msg, ERR_CORRUPT, "%s", path);
    }
    return e == ERR_OK ? ERR_OK : errmsg_wrap(msg, e, "%s", path);
}

err topic_meta_save(const char *path, const struct topic_meta *m, struct errmsg *msg)
{
    AUTO_BUF text = buf_make(TOPIC_JSON_BYTES_MAX);
    err e = topic_meta_encode(m, &text);
    if (e != ERR_OK) {
        return errmsg_set(msg, e, "%s cannot be written: %s", path, err_text(e));
    }
    /* A document that cannot be read again would keep the server from starting. */
    AUTO_TOPIC_META again = {0};
    if (topic_meta_decode(buf_str(&text), &again, msg) != ERR_OK) {
        return ERR_INVALID;
    }
    return os_replace_file(path, buf_str(&text), msg);
}
