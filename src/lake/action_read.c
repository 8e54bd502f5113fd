/* SPDX-License-Identifier: MIT */
/* action_read.c - see action.h. delta.md section 3 for the members, section 4 for what may not
 * stand twice in one commit. */
#include "base/hash.h"
#include "lake/action.h"
#include "lake/path.h"
#include "lake/protocol.h"
#include "lake/schema.h"

enum {
    ACTIONS_ARENA_BYTES_MAX = 1 << 30,
    METADATA_ARENA_BYTES_MAX = 64 << 20,
    PATH_BYTES_MAX = 64 << 10,
    TEXT_BYTES_MAX = 64 << 20
};

/* ---- boxes ---- */

struct lake_protocol_box *lake_protocol_box_ref(struct lake_protocol_box *box)
{
    (void)atomic_fetch_add(&box->refs, 1); /* the old count is of no use */
    return box;
}

void lake_protocol_box_unref(struct lake_protocol_box *box)
{
    if (box != NULL && atomic_fetch_sub(&box->refs, 1) == 1) {
        arena_free(box->arena);
        free(box);
    }
}

struct lake_metadata_box *lake_metadata_box_ref(struct lake_metadata_box *box)
{
    (void)atomic_fetch_add(&box->refs, 1); /* the old count is of no use */
    return box;
}

void lake_metadata_box_unref(struct lake_metadata_box *box)
{
    if (box != NULL && atomic_fetch_sub(&box->refs, 1) == 1) {
        arena_free(box->arena);
        free(box);
    }
}

/* ---- the set of actions ---- */

void lake_actions_init(struct lake_actions *a)
{
    *a = (struct lake_actions){.commit_timestamp_ms = -1, .in_commit_timestamp_ms = -1};
    a->arena = arena_new(ACTIONS_ARENA_BYTES_MAX);
}

void lake_actions_reset(struct lake_actions *a)
{
    lake_protocol_box_unref(TAKE(a->protocol));
    lake_metadata_box_unref(TAKE(a->metadata));
    arena_reset(a->arena);
    a->add_count = 0;
    a->remove_count = 0;
    a->txn_count = 0;
    a->domain_count = 0;
    a->has_commit_info = false;
    a->commit_timestamp_ms = -1;
    a->in_commit_timestamp_ms = -1;
    a->commit_txn_id = (struct str){NULL, 0};
    a->is_blind_append = false;
}

void lake_actions_deinit(struct lake_actions *a)
{
    if (a->arena == NULL) {
        return;
    }
    lake_actions_reset(a);
    arena_free(a->arena);
    free(a->adds);
    free(a->removes);
    free(a->txns);
    free(a->domains);
    *a = (struct lake_actions){0};
}

/* Room for one more; the array is bounded by the size of what is read. */
static err grow(void **items, size_t count, size_t *cap, size_t item_bytes)
{
    if (count < *cap) {
        return ERR_OK;
    }
    size_t bigger = MAX(*cap * 2, (size_t)16);
    void *grown = realloc(*items, bigger * item_bytes);
    if (grown == NULL) {
        return ERR_NOMEM;
    }
    *items = grown;
    *cap = bigger;
    return ERR_OK;
}

/* ---- members ---- */

static err corrupt(err e, const char *what, struct errmsg *msg)
{
    return errmsg_wrap(msg, e == ERR_INVALID || e == ERR_NOT_FOUND ? ERR_CORRUPT : e, "%s", what);
}

static err take_text(struct arena *arena, struct str text, struct str *out_text)
{
    struct str copy = arena_dup(arena, text);
    if (copy.ptr == NULL) {
        return ERR_NOMEM;
    }
    *out_text = copy;
    return ERR_OK;
}

static err get_text(const json_t *body, const char *key, struct arena *arena, struct str *out_text,
                    struct errmsg *msg)
{
    struct str text = {NULL, 0};
    TRY(json_get_str(body, key, &text, msg));
    return take_text(arena, text, out_text);
}

static err opt_text(const json_t *body, const char *key, struct arena *arena, struct str *text,
                    struct errmsg *msg)
{
    err e = get_text(body, key, arena, text, msg);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* A member as JSON text; nothing when it is missing or null. */
static err opt_dump(const json_t *body, const char *key, struct arena *arena, struct str *text)
{
    const json_t *value = json_object_get(body, key);
    if (value == NULL || json_is_null(value)) {
        return ERR_OK;
    }
    AUTO_BUF dump = buf_make(TEXT_BYTES_MAX);
    TRY(json_write(value, &dump));
    return take_text(arena, buf_str(&dump), text);
}

/* {"a":"b","c":null}; an empty string counts as null (delta.md section 10). */
static err get_pairs(const json_t *object, struct arena *arena, const struct lake_pair **out_pairs,
                     size_t *out_count, struct errmsg *msg)
{
    if (object == NULL || json_is_null(object)) {
        return ERR_OK;
    }
    if (!json_is_object(object)) {
        return errmsg_set(msg, ERR_CORRUPT, "expected an object of strings");
    }
    size_t count = json_object_size(object);
    struct lake_pair *pairs = arena_alloc(arena, MAX(count, (size_t)1) * sizeof *pairs);
    if (pairs == NULL) {
        return ERR_NOMEM;
    }
    size_t at = 0;
    void *it = json_object_iter((json_t *)(uintptr_t)object); /* reads only; jansson has no const */
    for (; it != NULL; it = json_object_iter_next((json_t *)(uintptr_t)object, it)) {
        const json_t *value = json_object_iter_value(it);
        struct lake_pair *pair = &pairs[at++];
        TRY(take_text(arena, str_from(json_object_iter_key(it)), &pair->key));
        if (json_is_null(value)) {
            pair->is_null = true;
        } else if (json_is_string(value)) {
            TRY(take_text(arena, str_of(json_string_value(value), json_string_length(value)),
                          &pair->value));
            pair->is_null = pair->value.len == 0;
        } else {
            return errmsg_set(msg, ERR_CORRUPT, "\"%.100s\" must be a string", pair->key.ptr);
        }
    }
    *out_pairs = pairs;
    *out_count = count;
    return ERR_OK;
}

static err get_strings(const json_t *array, struct arena *arena, const struct str **out_items,
                       size_t *out_count, struct errmsg *msg)
{
    size_t count = json_array_size(array);
    struct str *items = arena_alloc(arena, MAX(count, (size_t)1) * sizeof *items);
    if (items == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(array, i);
        if (!json_is_string(item)) {
            return errmsg_set(msg, ERR_CORRUPT, "expected a list of strings");
        }
        TRY(take_text(arena, str_of(json_string_value(item), json_string_length(item)), &items[i]));
    }
    *out_items = items;
    *out_count = count;
    return ERR_OK;
}

/* ---- protocol and metaData ---- */

static err read_protocol(const json_t *body, struct lake_protocol_box *box, struct errmsg *msg)
{
    struct lake_protocol *p = &box->protocol;
    int64_t reader = 0;
    int64_t writer = 0;
    TRY(json_get_i64(body, "minReaderVersion", &reader, msg));
    TRY(json_get_i64(body, "minWriterVersion", &writer, msg));
    if (reader < 1 || reader > INT32_MAX || writer < 1 || writer > INT32_MAX) {
        return errmsg_set(msg, ERR_CORRUPT, "impossible protocol version");
    }
    p->reader_version = (int)reader;
    p->writer_version = (int)writer;
    const json_t *readers = json_object_get(body, "readerFeatures");
    const json_t *writers = json_object_get(body, "writerFeatures");
    p->has_reader_features = json_is_array(readers);
    p->has_writer_features = json_is_array(writers);
    TRY(get_strings(readers, box->arena, &p->reader_features, &p->reader_feature_count, msg));
    return get_strings(writers, box->arena, &p->writer_features, &p->writer_feature_count, msg);
}

static err add_protocol(struct lake_actions *a, const json_t *body, struct errmsg *msg)
{
    if (a->protocol != NULL) {
        return errmsg_set(msg, ERR_CORRUPT, "protocol stands twice");
    }
    a->protocol = xnew(struct lake_protocol_box);
    atomic_store(&a->protocol->refs, 1);
    a->protocol->arena = arena_new(METADATA_ARENA_BYTES_MAX);
    return read_protocol(body, a->protocol, msg);
}

static err read_metadata(const json_t *body, struct lake_metadata_box *box, struct errmsg *msg)
{
    struct lake_metadata *m = &box->metadata;
    struct str provider = STR("parquet");
    (void)json_get_str(json_object_get(body, "format"), "provider", &provider,
                       NULL); /* or Parquet */
    if (!str_eq_nocase(provider, STR("parquet"))) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "data format \"%.*s\" is not supported",
                          (int)MIN(provider.len, (size_t)100), provider.ptr);
    }
    m->created_ms = -1;
    TRY(get_text(body, "id", box->arena, &m->id, msg));
    TRY(opt_text(body, "name", box->arena, &m->name, msg));
    TRY(opt_text(body, "description", box->arena, &m->description, msg));
    TRY(json_opt_i64(body, "createdTime", &m->created_ms, msg));
    TRY(get_text(body, "schemaString", box->arena, &m->schema_text, msg));
    TRY(lake_schema_parse(m->schema_text, box->arena, &m->fields, &m->field_count, msg));
    TRY(get_strings(json_object_get(body, "partitionColumns"), box->arena, &m->partition_columns,
                    &m->partition_column_count, msg));
    for (size_t i = 0; i < m->partition_column_count; i++) {
        if (lake_fields_find(m->fields, m->field_count, m->partition_columns[i]) == NULL) {
            return errmsg_set(msg, ERR_CORRUPT, "partition column %.200s is not in the schema",
                              m->partition_columns[i].ptr);
        }
    }
    return get_pairs(json_object_get(body, "configuration"), box->arena, &m->configuration,
                     &m->configuration_count, msg);
}

static err add_metadata(struct lake_actions *a, const json_t *body, struct errmsg *msg)
{
    if (a->metadata != NULL) {
        return errmsg_set(msg, ERR_CORRUPT, "metaData stands twice");
    }
    a->metadata = xnew(struct lake_metadata_box);
    atomic_store(&a->metadata->refs, 1);
    a->metadata->arena = arena_new(METADATA_ARENA_BYTES_MAX);
    return read_metadata(body, a->metadata, msg);
}

/* ---- txn, domainMetadata, commitInfo ---- */

static err add_txn(struct lake_actions *a, const json_t *body, struct errmsg *msg)
{
    struct lake_txn txn = {.last_updated_ms = -1};
    TRY(get_text(body, "appId", a->arena, &txn.app_id, msg));
    TRY(json_get_i64(body, "version", &txn.version, msg));
    TRY(json_opt_i64(body, "lastUpdated", &txn.last_updated_ms, msg));
    TRY(grow((void **)&a->txns, a->txn_count, &a->txn_cap, sizeof *a->txns));
    a->txns[a->txn_count++] = txn;
    return ERR_OK;
}

static err add_domain(struct lake_actions *a, const json_t *body, struct errmsg *msg)
{
    struct lake_domain_change change = {0};
    TRY(get_text(body, "domain", a->arena, &change.domain.domain, msg));
    TRY(opt_text(body, "configuration", a->arena, &change.domain.configuration, msg));
    TRY(json_opt_bool(body, "removed", &change.removed, msg));
    TRY(grow((void **)&a->domains, a->domain_count, &a->domain_cap, sizeof *a->domains));
    a->domains[a->domain_count++] = change;
    return ERR_OK;
}

/* commitInfo is free JSON: members of unexpected types are passed over. */
static err add_commit_info(struct lake_actions *a, const json_t *body)
{
    a->has_commit_info = true;
    (void)json_get_i64(body, "timestamp", &a->commit_timestamp_ms, NULL);
    (void)json_get_i64(body, "inCommitTimestamp", &a->in_commit_timestamp_ms, NULL);
    (void)json_get_bool(body, "isBlindAppend", &a->is_blind_append, NULL);
    err e = get_text(body, "txnId", a->arena, &a->commit_txn_id, NULL);
    return e == ERR_NOMEM ? e : ERR_OK;
}

/* ---- add and remove ---- */

static err read_deletion_vector(const json_t *body, struct arena *arena, struct lake_file *f,
                                struct errmsg *msg)
{
    const json_t *dv = json_object_get(body, "deletionVector");
    struct str storage = {NULL, 0};
    struct str path = {NULL, 0};
    int64_t offset = INT64_MIN;
    if (dv == NULL || json_is_null(dv)) {
        return ERR_OK;
    }
    if (json_is_object(dv) && json_is_null(json_object_get(dv, "storageType"))) {
        return ERR_OK; /* a NULL struct of a checkpoint, spelt member by member */
    }
    TRY(json_get_str(dv, "storageType", &storage, msg));
    TRY(json_get_str(dv, "pathOrInlineDv", &path, msg));
    TRY(json_opt_i64(dv, "offset", &offset, msg));
    TRY(json_get_i64(dv, "cardinality", &f->deleted_records, msg));
    if (f->deleted_records < 0) {
        return errmsg_set(msg, ERR_CORRUPT, "a deletion vector hides %lld rows",
                          (long long)f->deleted_records);
    }
    AUTO_BUF id = buf_make(TEXT_BYTES_MAX);
    (void)buf_add_str(&id, storage);
    (void)buf_add_str(&id, path);
    if (offset != INT64_MIN) {
        (void)buf_printf(&id, "@%lld", (long long)offset);
    }
    TRY(buf_check(&id));
    TRY(take_text(arena, buf_str(&id), &f->deletion_vector_id));
    return opt_dump(body, "deletionVector", arena, &f->deletion_vector);
}

static err read_stats(const json_t *body, struct arena *arena, struct lake_file *f,
                      struct errmsg *msg)
{
    err e = get_text(body, "stats", arena, &f->stats, msg);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && f->stats.len == 0)) {
        e = opt_dump(body, "stats_parsed", arena, &f->stats);
    }
    f->num_records = lake_stats_num_records(f->stats);
    return e;
}

static err read_path(const json_t *body, struct arena *arena, struct lake_file *f,
                     struct errmsg *msg)
{
    struct str uri = {NULL, 0};
    TRY(json_get_str(body, "path", &uri, msg));
    AUTO_BUF path = buf_make(PATH_BYTES_MAX);
    TRY(lake_path_decode(uri, &path, &f->is_absolute, msg));
    return take_text(arena, buf_str(&path), &f->path);
}

static err read_file(const json_t *body, bool is_add, struct arena *arena, struct lake_file *f,
                     struct errmsg *msg)
{
    *f = (struct lake_file){.num_records = -1, .base_row_id = -1, .default_row_commit_version = -1};
    int64_t size = is_add ? -1 : 0;
    size_t pair_count = 0;
    TRY(read_path(body, arena, f, msg));
    TRY(json_opt_i64(body, "size", &size, msg));
    if (size < 0) {
        return errmsg_set(msg, ERR_CORRUPT, "file %.200s has no size", f->path.ptr);
    }
    f->size_bytes = (uint64_t)size;
    TRY(json_opt_bool(body, "dataChange", &f->data_change, msg));
    TRY(get_pairs(json_object_get(body, "partitionValues"), arena, &f->partition_values,
                  &pair_count, msg));
    f->partition_value_count = (uint32_t)pair_count;
    TRY(json_opt_i64(body, "modificationTime", &f->modification_ms, msg));
    TRY(json_opt_i64(body, "deletionTimestamp", &f->deletion_ms, msg));
    TRY(json_opt_bool(body, "extendedFileMetadata", &f->has_extended_metadata, msg));
    TRY(json_opt_i64(body, "baseRowId", &f->base_row_id, msg));
    TRY(json_opt_i64(body, "defaultRowCommitVersion", &f->default_row_commit_version, msg));
    TRY(read_deletion_vector(body, arena, f, msg));
    if (is_add) {
        TRY(opt_dump(body, "tags", arena, &f->tags));
        TRY(opt_text(body, "clusteringProvider", arena, &f->clustering_provider, msg));
        TRY(read_stats(body, arena, f, msg));
    }
    return ERR_OK;
}

static err add_file(struct lake_actions *a, const json_t *body, struct errmsg *msg)
{
    struct lake_file f;
    TRY(read_file(body, true, a->arena, &f, msg));
    TRY(grow((void **)&a->adds, a->add_count, &a->add_cap, sizeof *a->adds));
    a->adds[a->add_count++] = f;
    return ERR_OK;
}

static err add_remove(struct lake_actions *a, const json_t *body, struct errmsg *msg)
{
    struct lake_file f;
    TRY(read_file(body, false, a->arena, &f, msg));
    TRY(grow((void **)&a->removes, a->remove_count, &a->remove_cap, sizeof *a->removes));
    a->removes[a->remove_count++] = f;
    return ERR_OK;
}

/* ---- all of them ---- */

static const char *const kind_names[] = {
    [LAKE_PROTOCOL] = "protocol",
    [LAKE_METADATA] = "metaData",
    [LAKE_TXN] = "txn",
    [LAKE_DOMAIN] = "domainMetadata",
    [LAKE_ADD] = "add",
    [LAKE_REMOVE] = "remove",
    [LAKE_CHECKPOINT_METADATA] = "checkpointMetadata",
    [LAKE_SIDECAR] = "sidecar",
    [LAKE_COMMIT_INFO] = "commitInfo",
    [LAKE_CDC] = "cdc",
};
_Static_assert(ARRAY_LEN(kind_names) == LAKE_ACTION_UNKNOWN, "every kind has a name");

enum lake_action_kind lake_action_kind_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_names); i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            return (enum lake_action_kind)i;
        }
    }
    return LAKE_ACTION_UNKNOWN;
}

err lake_actions_add(struct lake_actions *a, enum lake_action_kind kind, const json_t *body,
                     struct errmsg *msg)
{
    err e = ERR_OK;
    if (kind >= LAKE_ACTION_UNKNOWN || body == NULL || json_is_null(body)) {
        return ERR_OK;
    }
    if (!json_is_object(body)) {
        return errmsg_set(msg, ERR_CORRUPT, "%s is not an object", kind_names[kind]);
    }
    switch (kind) {
    case LAKE_PROTOCOL:
        e = add_protocol(a, body, msg);
        break;
    case LAKE_METADATA:
        e = add_metadata(a, body, msg);
        break;
    case LAKE_TXN:
        e = add_txn(a, body, msg);
        break;
    case LAKE_DOMAIN:
        e = add_domain(a, body, msg);
        break;
    case LAKE_ADD:
        e = add_file(a, body, msg);
        break;
    case LAKE_REMOVE:
        e = add_remove(a, body, msg);
        break;
    case LAKE_COMMIT_INFO:
        e = a->has_commit_info ? ERR_OK : add_commit_info(a, body);
        break;
    default:
        break;
    }
    return e == ERR_OK ? e : corrupt(e, kind_names[kind], msg);
}

err lake_json_each(struct str bytes, lake_json_fn *fn, void *ctx, struct errmsg *msg)
{
    size_t at = 0;
    for (;;) {
        while (at < bytes.len && strchr(" \t\r\n", bytes.ptr[at]) != NULL &&
               bytes.ptr[at] != '\0') {
            at++;
        }
        if (at == bytes.len) {
            return ERR_OK;
        }
        json_error_t detail;
        AUTO_JSON json = json_loadb(bytes.ptr + at, bytes.len - at,
                                    JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &detail);
        if (!json_is_object(json)) {
            return errmsg_set(msg, ERR_CORRUPT, "bad JSON at byte %zu: %s",
                              at + (size_t)MAX(detail.position, 0),
                              json == NULL ? detail.text : "not an object");
        }
        at += (size_t)detail.position;
        const char *key = NULL;
        json_t *body = NULL;
        json_object_foreach(json, key, body)
        {
            TRY(fn(ctx, lake_action_kind_of(key), body, msg));
        }
    }
}

static err add_each(void *ctx, enum lake_action_kind kind, const json_t *body, struct errmsg *msg)
{
    return lake_actions_add(ctx, kind, body, msg);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Texts are told apart by their 64-bit hashes: a collision would refuse a commit, never accept
 * one. */
static err check_twice(uint64_t *hashes, size_t count, const char *what, struct errmsg *msg)
{
    if (count > 1) {
        qsort(hashes, count, sizeof *hashes, by_value);
    }
    for (size_t i = 1; i < count; i++) {
        if (hashes[i] == hashes[i - 1]) {
            return errmsg_set(msg, ERR_CORRUPT, "one commit has two %s", what);
        }
    }
    return ERR_OK;
}

static err check_no_duplicates(const struct lake_actions *a, struct errmsg *msg)
{
    size_t most = MAX(MAX(a->add_count, a->remove_count), MAX(a->txn_count, a->domain_count));
    uint64_t *hashes = calloc(most + 1, sizeof *hashes);
    if (hashes == NULL) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < a->add_count; i++) {
        hashes[i] = hash_xxh3(a->adds[i].path);
    }
    err e = check_twice(hashes, a->add_count, "adds of one path", msg);
    for (size_t i = 0; i < a->remove_count && e == ERR_OK; i++) {
        hashes[i] = hash_xxh3(a->removes[i].path);
    }
    e = e != ERR_OK ? e : check_twice(hashes, a->remove_count, "removes of one path", msg);
    for (size_t i = 0; i < a->txn_count && e == ERR_OK; i++) {
        hashes[i] = hash_xxh3(a->txns[i].app_id);
    }
    e = e != ERR_OK ? e : check_twice(hashes, a->txn_count, "txns of one appId", msg);
    for (size_t i = 0; i < a->domain_count && e == ERR_OK; i++) {
        hashes[i] = hash_xxh3(a->domains[i].domain.domain);
    }
    e = e != ERR_OK ? e : check_twice(hashes, a->domain_count, "domainMetadata of a domain", msg);
    free(hashes);
    return e;
}

static err check_protocol_each(void *ctx, enum lake_action_kind kind, const json_t *body,
                               struct errmsg *msg)
{
    struct lake_actions *a = ctx;
    if (kind != LAKE_PROTOCOL || a->protocol != NULL) {
        return ERR_OK;
    }
    TRY(lake_actions_add(a, kind, body, msg));
    return a->protocol == NULL ? ERR_OK : lake_protocol_check_read(&a->protocol->protocol, msg);
}

err lake_actions_parse_commit(struct str bytes, struct lake_actions *a, struct errmsg *msg)
{
    if (bytes.len > LAKE_COMMIT_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "the commit has %zu bytes, more than %d", bytes.len,
                          LAKE_COMMIT_BYTES_MAX);
    }
    err e = lake_json_each(bytes, add_each, a, msg);
    if (e == ERR_OK) {
        return check_no_duplicates(a, msg);
    }
    /* What is not understood may be explained by a protocol that is not known. */
    struct errmsg reason = {{0}};
    lake_actions_reset(a);
    if (lake_json_each(bytes, check_protocol_each, a, &reason) == ERR_UNSUPPORTED) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "%s", reason.text);
    }
    return e;
}
