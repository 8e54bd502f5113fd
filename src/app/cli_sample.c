/* SPDX-License-Identifier: MIT */
/* cli_sample.c - `tarn sample DIR`: the sample tables as files, and queries over them.
 *
 * Small tables are CSV; those that grow with the orders are Parquet, which the engine writes from a
 * CSV file that is removed again. Nothing that is there is overwritten. Needs no server. */
#include "app/cli.h"
#include "flow/sample_write.h"
#include "os/file.h"
#include "sample_queries.h" /* made of samples/ at build time */
#include "sql/engine.h"

/* One for each file in samples/. clang-format folds this list anew each time it sees it. */
/* clang-format off */
#define SAMPLE_QUERIES(X)                                                                          \
    X(best_customers)                                                                              \
    X(best_products)                                                                               \
    X(books_agree)                                                                                 \
    X(bought_together)                                                                             \
    X(busy_hours)                                                                                  \
    X(campaigns)                                                                                   \
    X(cohorts)                                                                                     \
    X(countries)                                                                                   \
    X(discounts)                                                                                   \
    X(ratings)                                                                                     \
    X(refunds)                                                                                     \
    X(returning_customers)                                                                         \
    X(revenue_by_month)                                                                            \
    X(running_revenue)                                                                             \
    X(sales_people)
/* clang-format on */

static const struct {
    const char *name;
    const char *text;
    size_t len;
} sample_queries[] = {
#define QUERY_(name) {#name, query_##name, sizeof query_##name},
    SAMPLE_QUERIES(QUERY_)
#undef QUERY_
};

struct file {
    int fd;
    uint64_t offset;
};

static err to_file(void *ctx, struct str piece, struct errmsg *msg)
{
    struct file *file = ctx;
    TRY(os_pwrite(file->fd, piece.ptr, piece.len, file->offset, msg));
    file->offset += piece.len;
    return ERR_OK;
}

static err write_csv(const struct sample_world *w, enum sample_table table, const char *path,
                     uint64_t *out_rows, struct errmsg *msg)
{
    struct file file = {.fd = -1};
    TRY(os_open(path, O_WRONLY | O_CREAT | O_EXCL, &file.fd, msg));
    err e = sample_write(w, table, to_file, &file, out_rows, msg);
    os_close(file.fd);
    return e;
}

/* "{'order_id': 'BIGINT', ...}" out of "order_id BIGINT, ...". */
static void add_columns(struct buf *sql, const char *columns)
{
    struct str rest = str_from(columns);
    struct str part;
    const char *before = "{'";
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        size_t space = (size_t)str_find(part, ' ');
        buf_puts(sql, before);
        buf_add(sql, part.ptr, space);
        buf_puts(sql, "': '");
        buf_add(sql, part.ptr + space + 1, part.len - space - 1);
        before = "', '";
    }
    buf_puts(sql, "'}");
}

static err to_parquet(enum sample_table table, const char *csv, const char *parquet,
                      struct errmsg *msg)
{
    const struct sql_engine_options options = {.threads = 2};
    AUTO(sql_engine) engine = NULL;
    AUTO(sql_conn) conn = NULL;
    AUTO_BUF sql = buf_make(64 << 10);
    TRY(sql_engine_open(&options, &engine, msg));
    TRY(sql_conn_open(engine, &conn, msg));
    buf_puts(&sql, "COPY (SELECT * FROM read_csv(");
    sql_add_path(&sql, str_from(csv));
    buf_puts(&sql, ", header = true, delim = ',', quote = '\"', columns = ");
    add_columns(&sql, sample_table_columns(table));
    buf_puts(&sql, ")) TO ");
    sql_add_text(&sql, str_from(parquet));
    buf_puts(&sql, " (FORMAT parquet, COMPRESSION zstd)");
    TRY(buf_check(&sql));
    return sql_exec(conn, buf_cstr(&sql), msg);
}

static err write_table(const char *dir, const struct sample_world *w, enum sample_table table,
                       uint64_t *out_rows, struct errmsg *msg)
{
    const char *name = sample_table_name(table);
    bool is_large = sample_table_is_large(table);
    AUTO_TEXT csv =
        xasprintf("%s/%s%s.csv%s", dir, is_large ? "." : "", name, is_large ? ".part" : "");
    AUTO_TEXT parquet = xasprintf("%s/%s.parquet", dir, name);
    if (is_large && os_exists(parquet)) {
        return errmsg_set(msg, ERR_EXISTS, "%s is there already", parquet);
    }
    if (is_large) {
        (void)os_unlink(csv, NULL); /* of a run that was cut short; missing is fine */
    }
    err e = write_csv(w, table, csv, out_rows, msg);
    if (e == ERR_OK && is_large) {
        e = to_parquet(table, csv, parquet, msg);
    }
    if (is_large) {
        (void)os_unlink(csv, NULL); /* what went wrong before counts more */
    }
    return e;
}

static err write_queries(const char *dir, struct errmsg *msg)
{
    AUTO_TEXT folder = xasprintf("%s/queries", dir);
    TRY(os_mkdirs(folder, msg));
    for (size_t i = 0; i < ARRAY_LEN(sample_queries); i++) {
        AUTO_TEXT path = xasprintf("%s/%s.sql", folder, sample_queries[i].name);
        TRY(os_replace_file(path, str_of(sample_queries[i].text, sample_queries[i].len), msg));
    }
    return ERR_OK;
}

static err write_all(struct cli *cli, const char *dir, const struct sample_world *w,
                     struct errmsg *msg)
{
    TRY(os_mkdirs(dir, msg));
    for (int t = 0; t < SAMPLE_TABLE_COUNT; t++) {
        enum sample_table table = (enum sample_table)t;
        uint64_t rows = 0;
        TRY(write_table(dir, w, table, &rows, msg));
        if (!cli->json) {
            printf("%12llu rows  %s/%s.%s\n", (unsigned long long)rows, dir,
                   sample_table_name(table), sample_table_is_large(table) ? "parquet" : "csv");
        }
    }
    TRY(write_queries(dir, msg));
    if (cli->json) {
        printf("{\"tables\":%d,\"queries\":%zu}\n", SAMPLE_TABLE_COUNT, ARRAY_LEN(sample_queries));
    } else {
        printf("%12zu queries over them in %s/queries\n", ARRAY_LEN(sample_queries), dir);
    }
    return ERR_OK;
}

static bool number(struct cli *cli, const char *name, uint64_t low, uint64_t high, uint64_t *value,
                   bool *bad)
{
    const char *text = cli_option(cli, name, bad);
    if (text != NULL && (!str_to_u64(str_from(text), value) || *value < low || *value > high)) {
        fprintf(stderr, "tarn: --%s must be a number from %llu to %llu\n", name,
                (unsigned long long)low, (unsigned long long)high);
        *bad = true;
    }
    return !*bad;
}

int cli_sample(struct cli *cli)
{
    bool bad = false;
    uint64_t rows = SAMPLE_ROWS_DEFAULT;
    uint64_t seed = SAMPLE_SEED_DEFAULT;
    struct errmsg msg = {0};
    if (!number(cli, "rows", 1, SAMPLE_ROWS_MAX, &rows, &bad) ||
        !number(cli, "seed", 0, UINT64_MAX / 16, &seed, &bad) ||
        !cli_words(cli, 1, 1, "sample DIR [--rows N] [--seed N]")) {
        return CLI_USAGE;
    }
    struct sample_world w = sample_world_make(seed, rows);
    err e = write_all(cli, cli->argv[0], &w, &msg);
    return e == ERR_OK ? CLI_OK : cli_fail(e, &msg);
}
