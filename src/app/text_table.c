/* SPDX-License-Identifier: MIT */
/* text_table.c - see text_table.h. */
#include "app/text_table.h"

enum {
    CELL_BYTES_MAX = 1 << 20, /* of one value; longer ones are cut with dots */
    COLUMN_WIDTH_MIN = 8,     /* a table is not squeezed below */
    CARET_BEFORE = 50,        /* columns shown before the caret ... */
    CARET_LINE_WIDTH = 110,   /* ... and in all */
};

static const char DIM[] = "\x1b[2m";
static const char PLAIN[] = "\x1b[0m";

/* ---- width of text ---- */

static const struct {
    uint32_t first;
    uint32_t last;
} wide_ranges[] =
    {
        {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
        {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},
        {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
        {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
        {0x20000, 0x3fffd},
},
  joining_ranges[] = {
      {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},   {0x064b, 0x065f},
      {0x0900, 0x0902}, {0x093c, 0x093c}, {0x0941, 0x0948}, {0x094d, 0x094d},   {0x0e31, 0x0e31},
      {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},   {0x200b, 0x200f},
      {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef},
};

static size_t char_width(uint32_t c)
{
    for (size_t i = 0; i < ARRAY_LEN(joining_ranges); i++) {
        if (c >= joining_ranges[i].first && c <= joining_ranges[i].last) {
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(wide_ranges); i++) {
        if (c >= wide_ranges[i].first && c <= wide_ranges[i].last) {
            return 2;
        }
    }
    return 1;
}

/* The character at text[*at], moving on; bytes that are not UTF-8 count one by one. */
static uint32_t next_char(struct str text, size_t *at)
{
    unsigned char lead = (unsigned char)text.ptr[(*at)++];
    size_t more = lead < 0xc0 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? lead : lead & (0x3fU >> more);
    for (; more > 0 && *at < text.len && ((unsigned char)text.ptr[*at] & 0xc0) == 0x80; more--) {
        c = c << 6 | ((unsigned char)text.ptr[(*at)++] & 0x3f);
    }
    return c;
}

size_t text_width(struct str text)
{
    size_t width = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t c = next_char(text, &at);
        width += c < 0x300 ? 1 : char_width(c);
    }
    return width;
}

size_t text_cut(struct str text, size_t columns)
{
    size_t width = 0;
    size_t end = 0;
    for (size_t at = 0; at < text.len; end = at) {
        width += char_width(next_char(text, &at));
        if (width > columns) {
            break;
        }
    }
    return end;
}

/* ---- cells ---- */

struct cell {
    char *text; /* owned; NULL is SQL's NULL */
    size_t len;
    size_t width;
};

struct column {
    char *name; /* owned; as it is shown */
    bool is_number;
    size_t width;
};

struct grid {
    struct column *columns; /* owned */
    size_t column_count;
    struct cell *cells; /* owned, row by row */
    size_t row_count;
};

static void grid_deinit(struct grid *g)
{
    for (size_t i = 0; i < g->row_count * g->column_count; i++) {
        free(g->cells[i].text);
    }
    for (size_t i = 0; i < g->column_count && g->columns != NULL; i++) {
        free(g->columns[i].name);
    }
    free(g->cells);
    free(g->columns);
}
#define AUTO_GRID __attribute__((cleanup(grid_deinit), unused)) struct grid

static bool is_number_type(const char *type)
{
    static const char *const names[] = {"TINYINT",  "SMALLINT",  "INTEGER",  "BIGINT",  "HUGEINT",
                                        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
                                        "FLOAT",    "DOUBLE",    "BIGNUM"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(type, names[i]) == 0) {
            return true;
        }
    }
    return strncmp(type, "DECIMAL(", 8) == 0 && strchr(type, ')') == type + strlen(type) - 1;
}

/* Shortest text that reads back as the same number. */
static void add_real(struct buf *out, double value)
{
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value); /* fits */
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_puts(out, text);
}

void text_shown_add(struct str text, bool keeps_lines, struct buf *out)
{
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        uint32_t c = next_char(text, &at);
        if (keeps_lines && (c == '\n' || c == '\t')) {
            buf_add_byte(out, (char)c);
        } else if (c == '\n' || c == '\t' || c == '\r') {
            buf_puts(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        } else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_add(out, text.ptr + from, at - from);
        }
    }
}

static void add_value(struct buf *out, const json_t *value)
{
    if (json_is_real(value)) {
        add_real(out, json_real_value(value));
    } else if (json_is_string(value)) {
        text_shown_add(str_of(json_string_value(value), json_string_length(value)), false, out);
    } else {
        AUTO_BUF text = buf_make(CELL_BYTES_MAX);
        if (json_write(value, &text) != ERR_OK) {
            buf_puts(out, "(too large to show)");
        }
        text_shown_add(buf_str(&text), false, out);
    }
}

static struct cell cell_of(const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        return (struct cell){.width = 4};
    }
    AUTO_BUF text = buf_make((size_t)CELL_BYTES_MAX * 4);
    add_value(&text, value);
    if (text.failed) {
        buf_reset(&text);
        buf_puts(&text, "(too large to show)");
    }
    struct cell cell = {.text = xstrndup(text.len == 0 ? "" : text.data, text.len),
                        .len = text.len};
    cell.width = text_width(buf_str(&text));
    return cell;
}

static err grid_fill(struct grid *g, const json_t *answer, struct errmsg *msg)
{
    const json_t *columns = json_object_get(answer, "columns");
    const json_t *rows = json_object_get(answer, "rows");
    if (!json_is_array(columns) || !json_is_array(rows)) {
        return errmsg_set(msg, ERR_INVALID, "the answer has no columns and rows");
    }
    size_t count = json_array_size(columns);
    g->columns = xnew_array(struct column, count + 1);
    g->cells = xnew_array(struct cell, json_array_size(rows) * count + 1);
    g->column_count = count;
    for (size_t c = 0; c < count; c++) {
        const json_t *column = json_array_get(columns, c);
        struct str name = STR("?");
        struct str type = STR("");
        (void)json_opt_str(column, "name", &name, NULL); /* keep their defaults */
        (void)json_opt_str(column, "type", &type, NULL);
        AUTO_BUF shown = buf_make((size_t)CELL_BYTES_MAX * 4);
        text_shown_add(name, false, &shown);
        g->columns[c] = (struct column){xstrdup(buf_cstr(&shown)), is_number_type(type.ptr),
                                        text_width(buf_str(&shown))};
    }
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        for (size_t c = 0; c < count; c++) {
            struct cell *cell = &g->cells[r * count + c];
            *cell = cell_of(json_array_get(row, c));
            g->columns[c].width = MAX(g->columns[c].width, cell->width);
        }
        g->row_count++;
    }
    return ERR_OK;
}

/* ---- writing ---- */

static void add_spaces(struct buf *out, size_t count)
{
    static const char spaces[] = "                                ";
    for (; count > 0; count -= MIN(count, sizeof spaces - 1)) {
        buf_add(out, spaces, MIN(count, sizeof spaces - 1));
    }
}

static void add_cut(struct buf *out, struct str text, size_t width, size_t columns)
{
    if (width <= columns) {
        buf_add_str(out, text);
        return;
    }
    size_t end = text_cut(text, columns - 1);
    buf_add(out, text.ptr, end);
    buf_puts(out, "\xe2\x80\xa6"); /* an ellipsis */
    add_spaces(out, columns - 1 - text_width(str_of(text.ptr, end)));
}

static void add_cell(struct buf *out, const struct cell *cell, const struct column *column,
                     bool is_last, const struct text_table_options *options)
{
    size_t width = MIN(cell->width, column->width);
    size_t pad = column->width - width;
    if (column->is_number) {
        add_spaces(out, pad);
    }
    if (cell->text == NULL) {
        buf_printf(out, "%sNULL%s", options->has_color ? DIM : "", options->has_color ? PLAIN : "");
    } else {
        add_cut(out, str_of(cell->text, cell->len), cell->width, column->width);
    }
    if (!column->is_number && !is_last) {
        add_spaces(out, pad);
    }
}

/* Takes columns from the widest until the table fits. */
static void squeeze(struct grid *g, size_t width)
{
    size_t total = g->column_count * 3 - 1;
    for (size_t c = 0; c < g->column_count; c++) {
        total += g->columns[c].width;
    }
    while (total > width) {
        struct column *widest = &g->columns[0];
        size_t second = COLUMN_WIDTH_MIN;
        for (size_t c = 1; c < g->column_count; c++) {
            struct column *column = &g->columns[c];
            if (column->width > widest->width) {
                second = MAX(second, widest->width);
                widest = column;
            } else if (column->width < widest->width) {
                second = MAX(second, column->width);
            }
        }
        if (widest->width <= COLUMN_WIDTH_MIN) {
            return; /* too many columns: lines are longer than the terminal */
        }
        size_t less = MIN(total - width, widest->width - MIN(second, widest->width - 1));
        widest->width -= less;
        total -= less;
    }
}

static void write_grid(struct grid *g, const struct text_table_options *options, struct buf *out)
{
    if (options->width > 0) {
        squeeze(g, options->width);
    }
    for (size_t c = 0; c < g->column_count; c++) {
        struct str name = str_from(g->columns[c].name);
        size_t width = text_width(name);
        size_t pad = g->columns[c].width - MIN(width, g->columns[c].width);
        bool is_last = c + 1 == g->column_count;
        buf_puts(out, c == 0 ? " " : " | ");
        if (g->columns[c].is_number) {
            add_spaces(out, pad);
        }
        add_cut(out, name, width, g->columns[c].width);
        if (!g->columns[c].is_number && !is_last) {
            add_spaces(out, pad);
        }
    }
    buf_puts(out, "\n");
    for (size_t c = 0; c < g->column_count; c++) {
        buf_puts(out, c == 0 ? "-" : "-+-");
        for (size_t i = 0; i < g->columns[c].width; i++) {
            buf_add_byte(out, '-');
        }
    }
    buf_puts(out, "-\n");
    for (size_t r = 0; r < g->row_count; r++) {
        for (size_t c = 0; c < g->column_count; c++) {
            buf_puts(out, c == 0 ? " " : " | ");
            add_cell(out, &g->cells[r * g->column_count + c], &g->columns[c],
                     c + 1 == g->column_count, options);
        }
        buf_puts(out, "\n");
    }
}

static void write_vertical(const struct grid *g, const struct text_table_options *options,
                           struct buf *out)
{
    size_t width = 0;
    for (size_t c = 0; c < g->column_count; c++) {
        width = MAX(width, text_width(str_from(g->columns[c].name)));
    }
    for (size_t r = 0; r < g->row_count; r++) {
        buf_printf(out, "-[ row %zu ]-\n", r + 1);
        for (size_t c = 0; c < g->column_count; c++) {
            struct str name = str_from(g->columns[c].name);
            const struct cell *cell = &g->cells[r * g->column_count + c];
            struct column whole = {.width = cell->width};
            buf_add_str(out, name);
            add_spaces(out, width - text_width(name));
            buf_puts(out, " | ");
            add_cell(out, cell, &whole, true, options);
            buf_puts(out, "\n");
        }
    }
}

err text_table_write(const json_t *answer, const struct text_table_options *options,
                     struct buf *out, struct errmsg *msg)
{
    AUTO_GRID grid = {0};
    TRY(grid_fill(&grid, answer, msg));
    if (options->is_vertical) {
        write_vertical(&grid, options, out);
    } else if (grid.column_count > 0) {
        write_grid(&grid, options, out);
    }
    return out->failed ? errmsg_set(msg, ERR_TOO_LARGE,
                                    "the answer is too large to show; ask for "
                                    "less, or write it to a file")
                       : ERR_OK;
}

/* ---- the place of an error ---- */

void text_caret_write(struct str sql, int64_t position, struct buf *out)
{
    size_t at = 0;
    size_t line_start = 0;
    unsigned line = 1;
    for (int64_t character = 1; character < position && at < sql.len; character++) {
        if (sql.ptr[at] == '\n') {
            line++;
            line_start = at + 1;
        }
        (void)next_char(sql, &at);
    }
    if (position < 1 || at > sql.len) {
        return;
    }
    struct str rest = str_of(sql.ptr + line_start, sql.len - line_start);
    ptrdiff_t line_len = str_find(rest, '\n');
    struct str text = str_of(rest.ptr, line_len < 0 ? rest.len : (size_t)line_len);
    size_t before = at - line_start;
    size_t skipped = 0;
    while (text_width(str_of(text.ptr + skipped, before - skipped)) > CARET_BEFORE) {
        (void)next_char(text, &skipped);
    }
    AUTO_BUF head = buf_make(64);
    buf_printf(&head, "LINE %u: %s", line, skipped > 0 ? "..." : "");
    AUTO_BUF left = buf_make(1 << 20);
    AUTO_BUF shown = buf_make(1 << 20);
    text_shown_add(str_of(text.ptr + skipped, before - skipped), false, &left);
    text_shown_add(str_of(text.ptr + skipped, text.len - skipped), false, &shown);
    size_t end = text_cut(buf_str(&shown), CARET_LINE_WIDTH);
    buf_add_str(out, buf_str(&head));
    buf_add(out, shown.data, end);
    buf_puts(out, end < shown.len ? "...\n" : "\n");
    add_spaces(out, head.len + text_width(buf_str(&left)));
    buf_puts(out, "^\n");
}
