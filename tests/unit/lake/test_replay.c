/* SPDX-License-Identifier: MIT */
/* test_replay.c - logs as other engines and accidents write them: what is read, what is refused. */
#include "lake_test.h"

#include "lake/log.h"
#include "lake/path.h"
#include "lake/state.h"

#define PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define METADATA_OF(schema, partitions, config)                                                    \
    "{\"metaData\":{\"id\":\"x\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"            \
    "\"schemaString\":\"" schema "\",\"partitionColumns\":" partitions                             \
    ",\"configuration\":" config "}}\n"
#define SCHEMA                                                                                     \
    "{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"a\\\",\\\"type\\\":"           \
    "\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}]}"
#define METADATA METADATA_OF(SCHEMA, "[]", "{}")
#define ADD(path)                                                                                  \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1,"    \
    "\"dataChange\":true}}\n"
#define REMOVE(path)                                                                               \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":1,\"dataChange\":true}}\n"

/* A table whose commits are the texts given; NULL skips a version. */
static void make_log(char dir[128], const char *const *commits, size_t count)
{
    test_dir_make(dir);
    AUTO_TEXT log = xasprintf("%s/_delta_log", dir);
    assert_ok(os_mkdirs(log, msg));
    for (size_t i = 0; i < count; i++) {
        AUTO_TEXT path = lake_log_commit_path(dir, (int64_t)i);
        if (commits[i] != NULL) {
            assert_ok(os_replace_file(path, str_from(commits[i]), msg));
        }
    }
}

static err load_log(const char *const *commits, size_t count, struct lake_snapshot **out,
                    struct errmsg *msg)
{
    char dir[128];
    make_log(dir, commits, count);
    err e = lake_snapshot_load(dir, -1, NULL, out, msg);
    test_dir_drop(dir);
    return e;
}

/* Pretty-printed JSON, unknown actions and members, blank lines and a last line without its end are
 * read. */
static void tolerant_where_the_format_is(void **state)
{
    (void)state;
    static const char *const commits[] = {
        PROTOCOL "\n\n" METADATA,
        "{\n  \"add\": {\n \"path\": \"a%20b%25+c\", \"partitionValues\": null,\"size\":5,\n"
        "\"modificationTime\":1,\"dataChange\":true, \"stats\": \"{\\\"nullCount\\\":{\\\"a\\\":0},"
        " \\\"numRecords\\\" : 7}\", \"novel\": {\"x\": [1]}}\n}\r\n"
        "{\"futureAction\":{\"x\":1}} {\"cdc\":{\"path\":\"q\"}}"};
    AUTO(lake_snapshot) s = NULL;
    assert_ok(load_log(commits, 2, &s, msg));
    assert_int_equal(lake_snapshot_file_count(s), 1);
    assert_true(test_has_file(s, "a b%+c"));
    assert_int_equal(lake_snapshot_row_count(s), 7);
}

/* The order inside a commit means nothing: an add wins over a remove of the same path before or
 * after it, and a path removed and added again is live once. */
static void order_inside_a_commit_means_nothing(void **state)
{
    (void)state;
    static const char *const commits[] = {PROTOCOL METADATA ADD("a") ADD("b"),
                                          ADD("a") REMOVE("a") REMOVE("b"), ADD("b"), ADD("b")};
    AUTO(lake_snapshot) s = NULL;
    assert_ok(load_log(commits, 4, &s, msg));
    assert_int_equal(lake_snapshot_file_count(s), 2);
    assert_int_equal(lake_snapshot_size_bytes(s), 2);
    assert_true(test_has_file(s, "a") && test_has_file(s, "b"));
    struct lake_file_iter it = lake_snapshot_tombstones(s);
    assert_null(lake_files_next(&it));
}

struct bad_log {
    err expected;
    const char *word; /* in the message */
    const char *commits[3];
};

#define LISTS(r, w)                                                                                \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":" r           \
    ",\"writerFeatures\":" w "}}\n"
#define DV                                                                                         \
    "{\"add\":{\"path\":\"a\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1,"           \
    "\"dataChange\":true,\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"ab\","     \
    "\"offset\":1,\"sizeInBytes\":40,\"cardinality\":-1}}}\n"

static const struct bad_log bad_logs[] = {
    {ERR_CORRUPT, "twice", {PROTOCOL PROTOCOL METADATA}},
    {ERR_CORRUPT, "twice", {PROTOCOL METADATA METADATA}},
    {ERR_CORRUPT, "two adds", {PROTOCOL METADATA ADD("a") ADD("a")}},
    {ERR_CORRUPT, "two adds", {PROTOCOL METADATA ADD("a%20b") ADD("a b")}},
    {ERR_CORRUPT, "two removes", {PROTOCOL METADATA, REMOVE("a") REMOVE("a")}},
    {ERR_CORRUPT,
     "two txns",
     {PROTOCOL METADATA, "{\"txn\":{\"appId\":\"a\",\"version\":1}}"
                         "{\"txn\":{\"appId\":\"a\",\"version\":1}}"}},
    {ERR_CORRUPT, "commit 0 is missing", {NULL, METADATA PROTOCOL}},
    {ERR_CORRUPT, "commit 1 is missing", {PROTOCOL METADATA, NULL, ADD("a")}},
    {ERR_CORRUPT, "no protocol", {METADATA}},
    {ERR_CORRUPT, "no metaData", {PROTOCOL}},
    {ERR_CORRUPT, "bad JSON", {PROTOCOL METADATA "{\"add\":{\"path\":\"a\""}},
    {ERR_CORRUPT, "not an object", {PROTOCOL METADATA "[]"}},
    {ERR_CORRUPT, "not an object", {PROTOCOL METADATA "{\"add\":[1]}"}},
    {ERR_CORRUPT, "path", {PROTOCOL METADATA "{\"add\":{\"size\":1}}"}},
    {ERR_CORRUPT, "size", {PROTOCOL METADATA "{\"add\":{\"path\":\"a\",\"size\":-1}}"}},
    {ERR_CORRUPT, "size", {PROTOCOL METADATA "{\"add\":{\"path\":\"a\"}}"}},
    {ERR_CORRUPT,
     "impossible",
     {PROTOCOL METADATA "{\"add\":{\"path\":\"a\",\"size\":9223372036854775807}}"}},
    {ERR_CORRUPT, "escape", {PROTOCOL METADATA ADD("a%2")}},
    {ERR_CORRUPT, "NUL", {PROTOCOL METADATA ADD("a%00b")}},
    {ERR_CORRUPT, "hides", {PROTOCOL METADATA DV}},
    {ERR_CORRUPT,
     "no columns",
     {PROTOCOL METADATA_OF("{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}", "[]", "{}")}},
    {ERR_CORRUPT, "schemaString", {PROTOCOL METADATA_OF("{", "[]", "{}")}},
    {ERR_CORRUPT, "partition column", {PROTOCOL METADATA_OF(SCHEMA, "[\"b\"]", "{}")}},
    {ERR_UNSUPPORTED, "outside", {PROTOCOL METADATA ADD("../a")}},
    {ERR_UNSUPPORTED, "outside", {PROTOCOL METADATA ADD("x/%2E%2E/%2e%2e/a")}},
    {ERR_UNSUPPORTED, "outside", {PROTOCOL METADATA ADD("/etc/passwd")}},
    {ERR_UNSUPPORTED, "outside", {PROTOCOL METADATA ADD("file:///etc/passwd")}},
    {ERR_UNSUPPORTED, "outside", {PROTOCOL METADATA ADD("s3://bucket/a")}},
    {ERR_UNSUPPORTED,
     "reader version 4",
     {"{\"protocol\":{\"minReaderVersion\":4,\"minWriterVersion\":7}}" METADATA}},
    {ERR_UNSUPPORTED, "flyingFiles", {LISTS("[\"flyingFiles\"]", "[\"flyingFiles\"]") METADATA}},
    {ERR_UNSUPPORTED,
     "catalogManaged",
     {LISTS("[\"catalogManaged\"]", "[\"catalogManaged\"]") METADATA}},
    {ERR_UNSUPPORTED,
     "flyingFiles",
     {"{\"metaData\":{\"id\":7}}" LISTS("[\"flyingFiles\"]", "[\"flyingFiles\"]")}},
};

/* Whatever breaks a rule of the format fails, names the reason, and is not taken for something
 * else. */
static void broken_logs_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_logs); i++) {
        struct errmsg detail = {{0}};
        struct lake_snapshot *s = NULL;
        err e = load_log(bad_logs[i].commits, 3, &s, &detail);
        if (e != bad_logs[i].expected || strstr(detail.text, bad_logs[i].word) == NULL) {
            fail_msg("case %zu: %s: %s", i, err_name(e), detail.text);
        }
        assert_null(s);
    }
}

/* A schema nested without end is refused before it costs anything. */
static void deep_schema_is_refused(void **state)
{
    (void)state;
    AUTO_BUF text = buf_make(1 << 20);
    buf_puts(&text, "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":");
    for (int i = 0; i < 300; i++) {
        buf_puts(&text, "{\"type\":\"array\",\"containsNull\":true,\"elementType\":");
    }
    buf_puts(&text, "\"long\"");
    for (int i = 0; i < 300; i++) {
        buf_puts(&text, "}");
    }
    buf_puts(&text, "}]}");
    AUTO_BUF commit = buf_make(1 << 20);
    buf_puts(&commit, PROTOCOL "{\"metaData\":{\"id\":\"x\",\"schemaString\":");
    buf_add_json_string(&commit, buf_str(&text));
    buf_puts(&commit, "}}");
    const char *const commits[] = {buf_cstr(&commit)};
    struct errmsg detail = {{0}};
    struct lake_snapshot *s = NULL;
    assert_int_equal(load_log(commits, 1, &s, &detail), ERR_CORRUPT);
    if (strstr(detail.text, "nested") == NULL) {
        fail_msg("%s", detail.text);
    }
}

/* An empty folder, one without a log and one with an empty log are no tables. */
static void no_table_is_not_found(void **state)
{
    (void)state;
    char dir[128];
    struct lake_snapshot *s = NULL;
    make_log(dir, NULL, 0);
    assert_int_equal(lake_snapshot_load(dir, -1, NULL, &s, NULL), ERR_NOT_FOUND);
    AUTO_TEXT log = xasprintf("%s/_delta_log", dir);
    assert_ok(os_rmdir(log, msg));
    assert_int_equal(lake_snapshot_load(dir, -1, NULL, &s, NULL), ERR_NOT_FOUND);
    test_dir_drop(dir);
    assert_int_equal(lake_snapshot_load(dir, -1, NULL, &s, NULL), ERR_NOT_FOUND);
}

/* What tarn cannot do row by row is refused by name when asked for, while the log itself is
 * read. */
static void limits_are_told_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *read_word; /* NULL: may be read */
        const char *append_word;
        const char *commit;
    } cases[] = {
        {NULL, NULL, PROTOCOL METADATA},
        {NULL, NULL,
         LISTS("[\"deletionVectors\"]",
               "[\"deletionVectors\",\"appendOnly\",\"invariants\",\"generatedColumns\"]")
             METADATA},
        {NULL, "constraints.pos",
         PROTOCOL METADATA_OF(SCHEMA, "[]", "{\"delta.constraints.pos\":\"a > 0\"}")},
        {"columnMapping", "columnMapping",
         LISTS("[\"columnMapping\"]", "[\"columnMapping\"]")
             METADATA_OF(SCHEMA, "[]", "{\"delta.columnMapping.mode\":\"name\"}")},
        {NULL, "rowTracking", LISTS("[]", "[\"rowTracking\",\"domainMetadata\"]") METADATA},
        {NULL, "newThing", LISTS("[]", "[\"newThing\"]") METADATA},
        {"deletionVectors", NULL,
         LISTS("[\"deletionVectors\"]", "[\"deletionVectors\"]") METADATA
         "{\"add\":{\"path\":\"a\",\"size\":1,\"deletionVector\":{\"storageType\":\"i\","
         "\"pathOrInlineDv\":\"abcd\",\"sizeInBytes\":4,\"cardinality\":3}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errmsg read = {{0}};
        struct errmsg append = {{0}};
        AUTO(lake_snapshot) s = NULL;
        assert_ok(load_log(&cases[i].commit, 1, &s, msg));
        err read_error = lake_snapshot_check_plain_read(s, &read);
        err append_error = lake_snapshot_check_append(s, &append);
        assert_int_equal(read_error, cases[i].read_word ? ERR_UNSUPPORTED : ERR_OK);
        assert_int_equal(append_error, cases[i].append_word ? ERR_UNSUPPORTED : ERR_OK);
        assert_non_null(strstr(read.text, cases[i].read_word ? cases[i].read_word : ""));
        assert_non_null(strstr(append.text, cases[i].append_word ? cases[i].append_word : ""));
    }
}

/* A table with in-commit timestamps gets commits whose timestamps go up, whatever the clock
 * says. */
static void in_commit_timestamps_go_up(void **state)
{
    (void)state;
    static const char *const commits[] = {
        "{\"commitInfo\":{\"inCommitTimestamp\":4000000000000,\"timestamp\":1}}"
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":"
        "[\"inCommitTimestamp\"]}}" METADATA_OF(SCHEMA, "[]",
                                                "{\"delta.enableInCommitTimestamps\":\"true\"}")};
    char dir[128];
    make_log(dir, commits, 1);
    AUTO(lake_snapshot) base = NULL;
    AUTO(lake_snapshot) next = NULL;
    assert_ok(lake_snapshot_load(dir, -1, NULL, &base, msg));
    AUTO(lake_commit) c = lake_commit_new("WRITE");
    struct lake_new_file file = {.path = STR("a"), .num_records = 1};
    assert_ok(lake_commit_add_file(c, &file, msg));
    assert_ok(lake_commit_run(c, dir, base, NULL, &next, NULL, msg));
    assert_int_equal(lake_snapshot_in_commit_timestamp_ms(next), 4000000000001);
    test_dir_drop(dir);
}

/* Columns that must not be null are checked by the statistics of every file. */
static void not_null_is_enforced(void **state)
{
    (void)state;
    static const char *const commits[] = {PROTOCOL METADATA_OF(
        "{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"a\\\",\\\"type\\\":"
        "\\\"long\\\",\\\"nullable\\\":false,\\\"metadata\\\":{}}]}",
        "[]", "{}")};
    static const struct {
        const char *stats;
        err expected;
    } cases[] = {{"", ERR_INVALID},
                 {"{\"numRecords\":5,\"nullCount\":{\"a\":1}}", ERR_INVALID},
                 {"{\"numRecords\":5,\"nullCount\":{}}", ERR_INVALID},
                 {"{\"numRecords\":5,\"nullCount\":{\"a\":0}}", ERR_OK}};
    char dir[128];
    make_log(dir, commits, 1);
    AUTO(lake_snapshot) base = NULL;
    assert_ok(lake_snapshot_load(dir, -1, NULL, &base, msg));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(lake_commit) c = lake_commit_new("WRITE");
        AUTO(lake_snapshot) s = NULL;
        struct lake_new_file file = {
            .path = STR("a"), .num_records = 5, .stats = str_from(cases[i].stats)};
        assert_ok(lake_commit_add_file(c, &file, msg));
        assert_int_equal(lake_commit_run(c, dir, base, NULL, &s, NULL, NULL), cases[i].expected);
    }
    test_dir_drop(dir);
}

/* Names in _delta_log are matched exactly; everything else is left alone. */
static void log_names_are_matched_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum lake_log_kind kind;
    } cases[] = {
        {"00000000000000000012.json", LAKE_LOG_COMMIT},
        {"00000000000000000012.crc", LAKE_LOG_CHECKSUM},
        {"00000000000000000012.checkpoint.parquet", LAKE_LOG_CHECKPOINT},
        {"00000000000000000012.checkpoint.0000000001.0000000002.parquet", LAKE_LOG_CHECKPOINT_PART},
        {"00000000000000000012.checkpoint.0000000003.0000000002.parquet", LAKE_LOG_OTHER},
        {"00000000000000000012.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json",
         LAKE_LOG_CHECKPOINT_V2_JSON},
        {"00000000000000000012.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet",
         LAKE_LOG_CHECKPOINT_V2},
        {"00000000000000000012.00000000000000000015.compacted.json", LAKE_LOG_COMPACTED},
        {"00000000000000000012.00000000000000000012.compacted.json", LAKE_LOG_OTHER},
        {".00000000000000000012.json.crc", LAKE_LOG_OTHER},
        {"00000000000000000012.json.tmp", LAKE_LOG_OTHER},
        {"0000000000000000012.json", LAKE_LOG_OTHER},
        {"-0000000000000000012.json", LAKE_LOG_OTHER},
        {"99999999999999999999.json", LAKE_LOG_OTHER},
        {"_last_checkpoint", LAKE_LOG_OTHER},
        {"", LAKE_LOG_OTHER},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lake_log_name name = lake_log_name_parse(str_from(cases[i].name));
        assert_int_equal(name.kind, cases[i].kind);
        assert_true(name.kind == LAKE_LOG_OTHER || name.version == 12);
    }
}

/* Paths are decoded once, and encoding gives back what decodes to the same. */
static void paths_decode_once(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *path;
        bool is_absolute;
    } cases[] = {{"a%20b%25.parquet", "a b%.parquet", false},
                 {"x=a%252Fb/c", "x=a%2Fb/c", false},
                 {"a+b", "a+b", false},
                 {"file:/x/y", "/x/y", true},
                 {"file:///x/y", "/x/y", true},
                 {"/x/y", "/x/y", true},
                 {"s3://b/k%20v", "s3://b/k v", true},
                 {"a%3Ab", "a:b", false},
                 {"d=2024-01-01 00:00:00/f", "d=2024-01-01 00:00:00/f", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF path = buf_make(1000);
        AUTO_BUF uri = buf_make(1000);
        AUTO_BUF again = buf_make(1000);
        bool is_absolute = false;
        assert_ok(lake_path_decode(str_from(cases[i].uri), &path, &is_absolute, msg));
        assert_string_equal(buf_cstr(&path), cases[i].path);
        assert_int_equal(is_absolute, cases[i].is_absolute);
        lake_path_encode(buf_str(&path), is_absolute, &uri);
        assert_ok(lake_path_decode(buf_str(&uri), &again, &is_absolute, msg));
        assert_string_equal(buf_cstr(&again), cases[i].path);
        assert_int_equal(is_absolute, cases[i].is_absolute);
    }
}

/* numRecords is found wherever it stands at the top, and nowhere else. */
static void record_count_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *stats;
        int64_t count;
    } cases[] = {
        {"{\"numRecords\":3}", 3},
        {" { \"minValues\" : {\"numRecords\":9,\"s\":\"}\\\"\"} , \"numRecords\" : 4 }", 4},
        {"{\"maxValues\":{\"numRecords\":9}}", -1},
        {"{\"numRecords\":\"3\"}", -1},
        {"{\"numRecords\":3", -1},
        {"{\"numRecords\":3.5}", -1},
        {"{\"numRecords\":99999999999999999999}", -1},
        {"{\"x\":\"\\", -1},
        {"{", -1},
        {"{}", -1},
        {"", -1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(lake_stats_num_records(str_from(cases[i].stats)), cases[i].count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tolerant_where_the_format_is),
        cmocka_unit_test(order_inside_a_commit_means_nothing),
        cmocka_unit_test(broken_logs_are_refused_by_name),
        cmocka_unit_test(deep_schema_is_refused),
        cmocka_unit_test(no_table_is_not_found),
        cmocka_unit_test(limits_are_told_by_name),
        cmocka_unit_test(in_commit_timestamps_go_up),
        cmocka_unit_test(not_null_is_enforced),
        cmocka_unit_test(log_names_are_matched_exactly),
        cmocka_unit_test(paths_decode_once),
        cmocka_unit_test(record_count_is_found),
    };
    return cmocka_run_group_tests_name("lake_replay", tests, NULL, NULL);
}
