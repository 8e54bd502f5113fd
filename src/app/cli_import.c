/* SPDX-License-Identifier: MIT */
/* cli_import.c - `tarn import`: files into a table, or their rows as events into a topic.
 *
 * A file goes to the server as it is, streamed. As events: CSV and NDJSON as they are, Parquet as
 * NDJSON made here; the request's Idempotency-Key is made of the content, so that importing a file
 * again within a day stores nothing twice. */
#include <glob.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/import_local.h"
#include "base/hash.h"
#include "os/clock.h"
#include "os/file.h"

#define USAGE                                                                                      \
    "import FILE... --table NAME|--topic T [--mode create|append|replace] "                        \
    "[--format csv|ndjson|parquet]"

enum { PIECE_BYTES = 256 << 10, SHOW_EVERY_US = 200 * 1000, LOCAL_MEMORY = 1 << 30 };

struct import_cli {
    struct cli *cli;
    const char *table;
    const char *topic;
    const char *mode;
    const char *format;
    const char *types;
    const char *delimiter;
    const char *quote;
    const char *header;
    const char *sample;
    const char *names;
    const char *key;
    struct client *client; /* NULL: no server, into the data folder */
};

/* One file on its way. */
struct source {
    const char *path;
    const char *format;
    const char *coding; /* gzip, zstd; NULL: none */
    int fd;             /* -1: standard input, which has no size */
    int64_t bytes;      /* -1: unknown */
    int64_t sent;
    int64_t shown_us;
    bool shows; /* standard error is a terminal */
    bool is_parquet_rows;
    struct client *client;
};

/* ---- progress ---- */

static void show(struct source *s, bool is_end)
{
    int64_t now_us = os_mono_us();
    if (!s->shows || (!is_end && now_us - s->shown_us < SHOW_EVERY_US)) {
        return;
    }
    s->shown_us = now_us;
    double mib = (double)s->sent / (1 << 20);
    if (is_end) {
        fprintf(stderr, "\r%s: %.1f MiB sent, being read ...\033[K", s->path, mib);
    } else if (s->bytes > 0) {
        fprintf(stderr, "\r%s: %.0f %% of %.1f MiB\033[K", s->path,
                100.0 * (double)s->sent / (double)s->bytes, (double)s->bytes / (1 << 20));
    } else {
        fprintf(stderr, "\r%s: %.1f MiB\033[K", s->path, mib);
    }
}

static void clear_line(const struct source *s)
{
    if (s->shows) {
        fprintf(stderr, "\r\033[K");
    }
}

/* ---- bodies ---- */

static err send_piece(void *ctx, struct str piece, struct errmsg *msg)
{
    struct source *s = ctx;
    TRY(client_write(s->client, piece, msg));
    s->sent += (int64_t)piece.len;
    show(s, false);
    return ERR_OK;
}

static err send_file(struct source *s, struct errmsg *msg)
{
    AUTO_TEXT bytes = xcalloc(1, PIECE_BYTES);
    size_t got = PIECE_BYTES;
    while (got == PIECE_BYTES) {
        if (s->bytes < 0) {
            got = fread(bytes, 1, PIECE_BYTES, stdin);
        } else { /* no more than was announced */
            size_t room = (size_t)MIN(s->bytes - s->sent, (int64_t)PIECE_BYTES);
            TRY(os_pread(s->fd, bytes, room, (uint64_t)s->sent, &got, msg));
        }
        TRY(send_piece(s, str_of(bytes, got), msg));
    }
    if (s->bytes < 0 ? ferror(stdin) != 0 : s->sent < s->bytes) {
        return errmsg_set(msg, ERR_IO, "cannot read %s, or it became shorter", s->path);
    }
    return ERR_OK;
}

static err write_body(void *ctx, struct client *c, struct errmsg *msg)
{
    struct source *s = ctx;
    s->client = c;
    TRY(s->is_parquet_rows ? import_local_rows(s->path, send_piece, s, msg) : send_file(s, msg));
    show(s, true);
    return ERR_OK;
}

/* ---- what the file is ---- */

static bool ends_with(const char *path, size_t *len, const char *ending)
{
    size_t n = strlen(ending);
    bool does = *len > n && str_eq_nocase(str_of(path + *len - n, n), str_from(ending));
    *len -= does ? n : 0;
    return does;
}

static err open_source(const struct import_cli *x, const char *path, struct source *s,
                       struct errmsg *msg)
{
    *s = (struct source){.path = path, .fd = -1, .bytes = -1, .shows = isatty(STDERR_FILENO)};
    size_t len = strlen(path);
    s->coding = ends_with(path, &len, ".gz")    ? "gzip"
                : ends_with(path, &len, ".zst") ? "zstd"
                                                : NULL;
    s->format = x->format;
    if (s->format == NULL) {
        bool csv = ends_with(path, &len, ".csv") || ends_with(path, &len, ".tsv") ||
                   ends_with(path, &len, ".txt");
        bool ndjson = ends_with(path, &len, ".ndjson") || ends_with(path, &len, ".jsonl");
        s->format = csv ? "csv" : ndjson ? "ndjson" : NULL;
        s->format = ends_with(path, &len, ".parquet") ? "parquet" : s->format;
    }
    if (s->format == NULL) {
        return errmsg_set(msg, ERR_INVALID, "%s: say what it is with --format csv|ndjson|parquet",
                          path);
    }
    if (strcmp(path, "-") == 0) {
        return ERR_OK;
    }
    struct os_stat stat = {0};
    TRY(os_stat(path, &stat, msg));
    if (stat.is_file) {
        s->bytes = (int64_t)stat.size_bytes;
        return os_open(path, O_RDONLY, &s->fd, msg);
    }
    return errmsg_set(msg, ERR_INVALID, "%s is not a plain file; a pipe goes to standard input (-)",
                      path);
}

static const char *media_type(const char *format)
{
    return strcmp(format, "csv") == 0       ? "text/csv"
           : strcmp(format, "parquet") == 0 ? "application/vnd.apache.parquet"
                                            : "application/x-ndjson";
}

/* ---- to a table ---- */

static void add_param(struct buf *target, const char *name, const char *value)
{
    if (value != NULL) {
        buf_printf(target, "&%s=", name);
        cli_encode(target, str_from(value));
    }
}

static void print_result(const struct import_cli *x, const struct source *s,
                         const struct buf *answer)
{
    AUTO_JSON json = NULL;
    int64_t rows = 0;
    int64_t version = 0;
    int64_t ms = 0;
    if (x->cli->json || json_parse(buf_str(answer), &json, NULL) != ERR_OK) {
        printf("%.*s\n", STR_ARGS(str_trim(buf_str(answer))));
        return;
    }
    if (x->topic != NULL) {
        int64_t rejected = 0;
        (void)json_opt_i64(json, "accepted", &rows, NULL); /* stay 0 */
        (void)json_opt_i64(json, "rejected_count", &rejected, NULL);
        printf("%s: %lld events accepted, %lld rejected\n", s->path, (long long)rows,
               (long long)rejected);
        return;
    }
    (void)json_opt_i64(json, "rows", &rows, NULL); /* stay 0 */
    (void)json_opt_i64(json, "version", &version, NULL);
    (void)json_opt_i64(json, "elapsed_ms", &ms, NULL);
    printf("%s: %lld rows in table %s, version %lld (%.1f s)\n", s->path, (long long)rows, x->table,
           (long long)version, (double)ms / 1000);
}

static err send_source(struct import_cli *x, struct source *s, const char *target,
                       const char *headers, struct errmsg *msg)
{
    AUTO_BUF answer = buf_make(64 << 20);
    struct client_request request = {.method = "POST",
                                     .target = target,
                                     .content_type =
                                         media_type(s->is_parquet_rows ? "ndjson" : s->format),
                                     .write_body = write_body,
                                     .body_ctx = s,
                                     .body_length = s->is_parquet_rows ? -1 : s->bytes,
                                     .headers = headers};
    err e = client_fetch(x->client, &request, &answer, msg);
    clear_line(s);
    TRY(e);
    print_result(x, s, &answer);
    return ERR_OK;
}

static err to_table(struct import_cli *x, struct source *s, struct errmsg *msg)
{
    AUTO_BUF target = buf_make(16384);
    AUTO_BUF headers = buf_make(4096);
    buf_puts(&target, "/api/v1/tables/");
    cli_encode(&target, str_from(x->table));
    buf_printf(&target, "?mode=%s", x->mode);
    const char *slash = strrchr(s->path, '/');
    add_param(&target, "file", slash != NULL ? slash + 1 : s->path);
    add_param(&target, "format", s->format);
    add_param(&target, "types", x->types);
    add_param(&target, "delimiter", x->delimiter);
    add_param(&target, "quote", x->quote);
    add_param(&target, "header", x->header);
    add_param(&target, "sample", x->sample);
    add_param(&target, "names", x->names);
    if (s->coding != NULL) {
        buf_printf(&headers, "Content-Encoding: %s\r\n", s->coding);
    } else {
        buf_puts(&headers, "Content-Encoding: identity\r\n");
    }
    return send_source(x, s, buf_cstr(&target), buf_cstr(&headers), msg);
}

/* Without a server. */
static err to_folder(const struct import_cli *x, struct source *s, struct errmsg *msg)
{
    enum sql_import_format format = SQL_IMPORT_CSV;
    int64_t sample = 0;
    if (s->coding != NULL || strcmp(s->path, "-") == 0) {
        return errmsg_set(
            msg, ERR_UNSUPPORTED,
            "standard input and compressed files need the server: start `tarn serve`");
    }
    if (!sql_import_format_parse(str_from(s->format), &format) ||
        (x->sample != NULL && strcmp(x->sample, "all") != 0 &&
         !str_to_i64(str_from(x->sample), &sample))) {
        return errmsg_set(msg, ERR_INVALID, "bad --format or --sample");
    }
    const char *delimiter = x->delimiter == NULL ? "" : x->delimiter;
    struct import_local_request request = {
        .data_dir = x->cli->data,
        .table = x->table,
        .mode = x->mode,
        .memory_bytes = LOCAL_MEMORY,
        .options = {.format = format,
                    .path = s->path,
                    .types = x->types,
                    .delimiter = strcmp(delimiter, "tab") == 0 ? '\t' : delimiter[0],
                    .quote = x->quote == NULL ? '\0' : x->quote[0],
                    .no_header = x->header != NULL && strcmp(x->header, "false") == 0,
                    .sample_rows = x->sample != NULL && sample == 0 ? -1 : sample,
                    .clean_names = x->names != NULL && strcmp(x->names, "clean") == 0}};
    struct import_local_result result;
    int64_t began_us = os_mono_us();
    TRY(import_local(&request, &result, msg));
    AUTO_BUF answer = buf_make(4096);
    buf_printf(&answer, "{\"table\":\"%s\",\"rows\":%llu,\"version\":%lld,\"elapsed_ms\":%lld}",
               x->table, (unsigned long long)result.rows, (long long)result.published.version,
               (long long)(os_mono_us() - began_us) / 1000);
    print_result(x, s, &answer);
    return ERR_OK;
}

/* ---- to a topic ---- */

/* The options that make other events of the same content. */
static struct hash128 options_hash(const struct import_cli *x)
{
    const char *options[] = {x->key, x->delimiter, x->quote, x->header, x->types};
    AUTO_BUF text = buf_make(1 << 20);
    bool has_any = false;
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        has_any = has_any || options[i] != NULL;
        buf_printf(&text, "%zu=%s\n", i, options[i] == NULL ? "" : options[i]);
    }
    return has_any ? hash_xxh3_128(buf_str(&text)) : (struct hash128){0};
}

/* What tells this content, read this way, from any other; read once before it is sent. */
static err content_key(const struct import_cli *x, const struct source *s, struct buf *out,
                       struct errmsg *msg)
{
    AUTO_TEXT bytes = xcalloc(1, PIECE_BYTES + sizeof(struct hash128));
    struct hash128 hash = options_hash(x);
    uint64_t offset = 0;
    size_t got = PIECE_BYTES;
    while (got == PIECE_BYTES) {
        TRY(os_pread(s->fd, bytes, PIECE_BYTES, offset, &got, msg));
        memcpy(bytes + got, &hash, sizeof hash); /* what came before is part of it */
        hash = hash_xxh3_128(str_of(bytes, got + sizeof hash));
        offset += got;
    }
    buf_printf(out, "Idempotency-Key: import-%s-%llu-%016llx%016llx\r\n", s->format,
               (unsigned long long)offset, (unsigned long long)hash.high,
               (unsigned long long)hash.low);
    return ERR_OK;
}

static err to_topic(struct import_cli *x, struct source *s, struct errmsg *msg)
{
    AUTO_BUF target = buf_make(16384);
    AUTO_BUF headers = buf_make(4096);
    s->is_parquet_rows = strcmp(s->format, "parquet") == 0;
    if (s->is_parquet_rows && (s->bytes < 0 || s->coding != NULL)) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "a Parquet file is read from a file, uncompressed");
    }
    buf_puts(&target, "/api/v1/topics/");
    cli_encode(&target, str_from(x->topic));
    buf_puts(&target, "/events?atomic=false");
    if (strcmp(s->format, "csv") == 0) {
        add_param(&target, "format", "csv");
        add_param(&target, "delimiter", x->delimiter);
        add_param(&target, "quote", x->quote);
        add_param(&target, "header", x->header);
        add_param(&target, "types", x->types);
    } else if (x->delimiter != NULL || x->quote != NULL || x->header != NULL || x->types != NULL) {
        return errmsg_set(msg, ERR_INVALID,
                          "--delimiter, --quote, --header and --types are for CSV");
    }
    add_param(&target, "key", x->key);
    if (s->coding != NULL) {
        buf_printf(&headers, "Content-Encoding: %s\r\n", s->coding);
    }
    if (s->bytes >= 0) {
        TRY(content_key(x, s, &headers, msg));
    }
    return send_source(x, s, buf_cstr(&target), buf_cstr(&headers), msg);
}

/* ---- all files ---- */

static int import_one(struct import_cli *x, const char *path)
{
    struct source s;
    struct errmsg msg = {0};
    err e = open_source(x, path, &s, &msg);
    if (e == ERR_OK) {
        e = x->topic != NULL    ? to_topic(x, &s, &msg)
            : x->client == NULL ? to_folder(x, &s, &msg)
                                : to_table(x, &s, &msg);
    }
    os_close(s.fd);
    if (e != ERR_OK) {
        (void)errmsg_wrap(&msg, e, "%s", path);
        return cli_fail(e, &msg);
    }
    /* Further files go to the table that the first one made. */
    x->mode = "append";
    return CLI_OK;
}

static int import_pattern(struct import_cli *x, const char *word)
{
    glob_t found = {0};
    word = strcmp(word, "/dev/stdin") == 0 ? "-" : word;
    if (strcmp(word, "-") == 0 || os_exists(word) || glob(word, 0, NULL, &found) != 0) {
        globfree(&found);
        return import_one(x, word); /* says when there is no such file */
    }
    int code = CLI_OK;
    for (size_t i = 0; i < found.gl_pathc && code == CLI_OK; i++) {
        code = import_one(x, found.gl_pathv[i]);
    }
    globfree(&found);
    return code;
}

static bool take_options(struct import_cli *x)
{
    bool bad = false;
    struct {
        const char *name;
        const char **value;
    } options[] = {
        {"table", &x->table},   {"topic", &x->topic},   {"mode", &x->mode},
        {"format", &x->format}, {"types", &x->types},   {"delimiter", &x->delimiter},
        {"quote", &x->quote},   {"header", &x->header}, {"sample", &x->sample},
        {"names", &x->names},   {"key", &x->key},
    };
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        *options[i].value = cli_option(x->cli, options[i].name, &bad);
    }
    if (bad || !cli_words(x->cli, 1, 10000, USAGE)) {
        return false;
    }
    bool of_table = x->mode != NULL || x->sample != NULL || x->names != NULL;
    if ((x->table == NULL) == (x->topic == NULL) || (x->topic != NULL && of_table) ||
        (x->table != NULL && x->key != NULL)) {
        fprintf(stderr, "tarn: say either --table NAME or --topic T; --mode, --sample and --names "
                        "are for tables, --key is for topics\n");
        return false;
    }
    x->mode = x->mode == NULL ? "create" : x->mode;
    bool known = strcmp(x->mode, "create") == 0 || strcmp(x->mode, "append") == 0 ||
                 strcmp(x->mode, "replace") == 0;
    if (!known) {
        fprintf(stderr, "tarn: --mode is create, append or replace\n");
    }
    return known;
}

int cli_import(struct cli *cli)
{
    struct import_cli x = {.cli = cli};
    if (!take_options(&x)) {
        return CLI_USAGE;
    }
    bool alone = cli->data != NULL && cli->server == NULL && !cli_server_holds(cli->data);
    if (alone && x.topic != NULL) {
        struct errmsg msg;
        return cli_fail(errmsg_set(&msg, ERR_NOT_FOUND,
                                   "no server runs on %s; events need one: start `tarn serve`",
                                   cli->data),
                        &msg);
    }
    if (!alone) {
        x.client = cli_connect(cli);
        if (x.client == NULL) {
            return CLI_FAILED;
        }
    }
    int code = CLI_OK;
    for (int i = 0; i < cli->argc && code == CLI_OK; i++) {
        code = import_pattern(&x, cli->argv[i]);
    }
    client_free(x.client);
    return code;
}
