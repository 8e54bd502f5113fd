/* SPDX-License-Identifier: MIT */
/* protocol.c - see protocol.h. delta.md section 6: a feature that is listed is not yet active, so
 * appending is refused only for what is active here and touched by an append. */
#include "lake/protocol.h"

enum append_rule {
    APPEND_FINE,    /* nothing to do for an append */
    APPEND_REFUSED, /* always */
    APPEND_CHECKED, /* refused when active, see check_active() */
};

struct feature {
    const char *name;
    bool is_reader;
    int legacy_writer_version; /* implied from that version on, up to 6; 0: only by name */
    enum append_rule append;
};

/* Reader features that are not here are refused, writer features that are not here forbid
 * appends. */
static const struct feature features[] = {
    {"appendOnly", false, 2, APPEND_FINE},
    {"invariants", false, 2, APPEND_CHECKED},
    {"checkConstraints", false, 3, APPEND_CHECKED},
    {"changeDataFeed", false, 4, APPEND_FINE},
    {"generatedColumns", false, 4, APPEND_CHECKED},
    {"columnMapping", true, 5, APPEND_CHECKED},
    {"identityColumns", false, 6, APPEND_CHECKED},
    {"deletionVectors", true, 0, APPEND_FINE},
    {"timestampNtz", true, 0, APPEND_FINE},
    {"v2Checkpoint", true, 0, APPEND_FINE},
    {"vacuumProtocolCheck", true, 0, APPEND_FINE},
    {"typeWidening", true, 0, APPEND_FINE},
    {"typeWidening-preview", true, 0, APPEND_FINE},
    {"variantType", true, 0, APPEND_FINE},
    {"variantType-preview", true, 0, APPEND_FINE},
    {"variantShredding", true, 0, APPEND_FINE},
    {"variantShredding-preview", true, 0, APPEND_FINE},
    {"allowColumnDefaults", false, 0, APPEND_CHECKED},
    {"domainMetadata", false, 0, APPEND_FINE},
    {"inCommitTimestamp", false, 0, APPEND_FINE},
    {"inCommitTimestamp-preview", false, 0, APPEND_FINE},
    {"checkpointProtection", false, 0, APPEND_FINE},
    {"icebergCompatV1", false, 0, APPEND_CHECKED},
    {"icebergCompatV2", false, 0, APPEND_CHECKED},
    {"icebergCompatV3", false, 0, APPEND_CHECKED},
    {"rowTracking", false, 0, APPEND_REFUSED},
    {"clustering", false, 0, APPEND_REFUSED},
    {"materializePartitionColumns", false, 0, APPEND_REFUSED},
};

/* Writer-only features under which `_delta_log` alone does not tell the newest state. */
static const char *const managed_features[] = {"catalogManaged",
                                               "catalogOwned",
                                               "catalogOwned-preview",
                                               "coordinatedCommits-preview",
                                               "redirectReaderWriter-preview",
                                               NULL};

static const struct feature *find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        if (str_is(name, features[i].name)) {
            return &features[i];
        }
    }
    return NULL;
}

static bool listed(const struct str *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(names[i], name)) {
            return true;
        }
    }
    return false;
}

bool lake_protocol_has(const struct lake_protocol *p, const char *name)
{
    if (p->writer_version >= 7) {
        return listed(p->writer_features, p->writer_feature_count, name);
    }
    const struct feature *feature = find(str_from(name));
    return feature != NULL && feature->legacy_writer_version > 0 &&
           feature->legacy_writer_version <= p->writer_version;
}

struct str lake_metadata_config(const struct lake_metadata *m, const char *key)
{
    for (size_t i = 0; i < m->configuration_count; i++) {
        if (str_is(m->configuration[i].key, key)) {
            return m->configuration[i].value;
        }
    }
    return (struct str){NULL, 0};
}

bool lake_metadata_config_is(const struct lake_metadata *m, const char *key, const char *value)
{
    return str_eq_nocase(lake_metadata_config(m, key), str_from(value));
}

static int64_t unit_ms(struct str unit)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"millisecond", 1}, {"second", 1000},  {"minute", 60000},
                 {"hour", 3600000},  {"day", 86400000}, {"week", 604800000}};
    if (unit.len > 1 && (unit.ptr[unit.len - 1] == 's' || unit.ptr[unit.len - 1] == 'S')) {
        unit.len--;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_eq_nocase(unit, str_from(units[i].name))) {
            return units[i].ms;
        }
    }
    return 0;
}

int64_t lake_metadata_interval_ms(const struct lake_metadata *m, const char *key, int64_t fallback)
{
    struct str rest = str_trim(lake_metadata_config(m, key));
    struct str word;
    struct str number = {NULL, 0};
    int64_t total_ms = 0;
    int64_t count = 0;
    bool any = false;
    while (rest.len > 0 && str_split(&rest, ' ', &word)) {
        if (word.len == 0 || str_eq_nocase(word, STR("interval"))) {
            continue;
        }
        if (number.ptr == NULL) {
            number = word;
            continue;
        }
        int64_t unit = unit_ms(word);
        int64_t part_ms = 0;
        if (unit == 0 || !str_to_i64(number, &count) || count < 0 ||
            __builtin_mul_overflow(count, unit, &part_ms) ||
            __builtin_add_overflow(total_ms, part_ms, &total_ms)) {
            return fallback;
        }
        number = (struct str){NULL, 0};
        any = true;
    }
    return any && number.ptr == NULL ? total_ms : fallback;
}

err lake_protocol_check_read(const struct lake_protocol *p, struct errmsg *msg)
{
    if (p->reader_version > 3) {
        return errmsg_set(
            msg, ERR_UNSUPPORTED,
            "the table needs reader version %d of the Delta protocol; tarn knows 1 to 3",
            p->reader_version);
    }
    for (size_t i = 0; managed_features[i] != NULL; i++) {
        if (listed(p->writer_features, p->writer_feature_count, managed_features[i]) ||
            listed(p->reader_features, p->reader_feature_count, managed_features[i])) {
            return errmsg_set(
                msg, ERR_UNSUPPORTED,
                "the table has the feature catalogManaged (as %s): its newest commits "
                "are known to its catalog only",
                managed_features[i]);
        }
    }
    for (size_t i = 0; p->reader_version == 3 && i < p->reader_feature_count; i++) {
        const struct feature *feature = find(p->reader_features[i]);
        if (feature == NULL || !feature->is_reader) {
            return errmsg_set(msg, ERR_UNSUPPORTED, "reader feature %.*s is not supported",
                              (int)MIN(p->reader_features[i].len, (size_t)100),
                              p->reader_features[i].ptr);
        }
    }
    return ERR_OK;
}

static bool contains(struct str text, const char *needle)
{
    return text.len > 0 && memmem(text.ptr, text.len, needle, strlen(needle)) != NULL;
}

/* A key of field metadata anywhere in the schema; the quotes make a comment a rare false hit. */
static err refuse_schema_key(const struct lake_metadata *m, const char *key, const char *what,
                             struct errmsg *msg)
{
    AUTO_TEXT quoted = xasprintf("\"%s\"", key);
    return contains(m->schema_text, quoted)
               ? errmsg_set(msg, ERR_UNSUPPORTED, "the table has %s (%s)", what, key)
               : ERR_OK;
}

static err refuse_property(const struct lake_metadata *m, const char *key, struct errmsg *msg)
{
    return lake_metadata_config_is(m, key, "true")
               ? errmsg_set(msg, ERR_UNSUPPORTED, "the table has the property %s", key)
               : ERR_OK;
}

/* Everything that may be active whatever the protocol lists: a legacy table says nothing by
 * name. */
static err check_active(const struct lake_metadata *m, struct errmsg *msg)
{
    TRY(refuse_schema_key(m, "delta.invariants", "a column invariant", msg));
    TRY(refuse_schema_key(m, "delta.generationExpression", "a generated column", msg));
    TRY(refuse_schema_key(m, "delta.identity.start", "an identity column", msg));
    TRY(refuse_schema_key(m, "CURRENT_DEFAULT", "a column with a default value", msg));
    TRY(refuse_property(m, "delta.enableIcebergCompatV1", msg));
    TRY(refuse_property(m, "delta.enableIcebergCompatV2", msg));
    TRY(refuse_property(m, "delta.enableIcebergCompatV3", msg));
    for (size_t i = 0; i < m->configuration_count; i++) {
        if (str_starts(m->configuration[i].key, STR("delta.constraints."))) {
            return errmsg_set(msg, ERR_UNSUPPORTED, "the table has the CHECK constraint %.*s",
                              (int)MIN(m->configuration[i].key.len, (size_t)200),
                              m->configuration[i].key.ptr);
        }
    }
    struct str mode = lake_metadata_config(m, "delta.columnMapping.mode");
    if (mode.len > 0 && !str_eq_nocase(mode, STR("none"))) {
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "the table has column mapping (columnMapping, %.*s)",
                          (int)MIN(mode.len, (size_t)20), mode.ptr);
    }
    return ERR_OK;
}

err lake_protocol_check_append(const struct lake_protocol *p, const struct lake_metadata *m,
                               struct errmsg *msg)
{
    TRY(lake_protocol_check_read(p, msg));
    if (p->writer_version > 7) {
        return errmsg_set(
            msg, ERR_UNSUPPORTED,
            "the table needs writer version %d of the Delta protocol; tarn knows 1 to 7",
            p->writer_version);
    }
    for (size_t i = 0; p->writer_version == 7 && i < p->writer_feature_count; i++) {
        const struct feature *feature = find(p->writer_features[i]);
        if (feature == NULL || feature->append == APPEND_REFUSED) {
            return errmsg_set(
                msg, ERR_UNSUPPORTED, "tarn cannot append under the writer feature %.*s",
                (int)MIN(p->writer_features[i].len, (size_t)100), p->writer_features[i].ptr);
        }
    }
    return check_active(m, msg);
}
