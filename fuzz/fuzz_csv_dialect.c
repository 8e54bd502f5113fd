/* SPDX-License-Identifier: MIT */
/* fuzz_csv_dialect.c - first bytes of CSV files from anybody, and DuckDB's words about them. What
 * is decided is a known delimiter; the first record has as many fields as said; no message is
 * empty. */
#include "sql/csv_dialect.h"
#include "sql/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str sample = str_of(data, len);
    struct csv_dialect dialect = {0};
    struct errmsg msg = {0};
    if (csv_dialect_detect(sample, &dialect, &msg) == ERR_OK) {
        ASSERT(dialect.delimiter != '\0' && strchr(",;\t|", dialect.delimiter) != NULL);
        ASSERT(dialect.skip_bytes <= len);
        AUTO_BUF fields = buf_make(CSV_SAMPLE_BYTES + 16);
        size_t count = 0;
        if (csv_first_record(sample, &dialect, &fields, &count, &msg) == ERR_OK) {
            size_t ends = 0;
            for (size_t i = 0; i < fields.len; i++) {
                ends += fields.data[i] == '\0';
            }
            ASSERT(count > 0 && ends == count);
        }
    } else {
        ASSERT(msg.text[0] != '\0');
    }
    msg.text[0] = '\0';
    ASSERT(sql_import_error(sample, ERR_INVALID, &msg) == ERR_INVALID && msg.text[0] != '\0');
    return 0;
}
