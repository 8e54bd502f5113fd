/* SPDX-License-Identifier: MIT */
/* format_value.c - one value as JSON or CSV; see format.h for what each type becomes. */
#include <math.h>

#include "base/base64.h"
#include "base/timefmt.h"
#include "sql/format_int.h"

enum { ENUM_MEMBERS_MAX = 1 << 20 };

/* --- nodes --- */

static char *json_key(const char *name)
{
    AUTO_BUF text = buf_make(1 << 20);
    buf_add_json_string(&text, str_from(name));
    buf_add_byte(&text, ':');
    return xstrdup(buf_cstr(&text));
}

static err add_child(struct value_node *node, duckdb_logical_type type, char *name,
                     struct errmsg *msg)
{
    struct value_node *child = &node->children[node->child_count++];
    err e = value_node_init(child, type, msg);
    duckdb_destroy_logical_type(&type);
    if (name != NULL) {
        child->key = json_key(name);
        duckdb_free(name);
    }
    return e;
}

static err init_struct(struct value_node *node, duckdb_logical_type type, struct errmsg *msg)
{
    idx_t count = duckdb_struct_type_child_count(type);
    node->children = xnew_array(struct value_node, count + 1);
    for (idx_t i = 0; i < count; i++) {
        TRY(add_child(node, duckdb_struct_type_child_type(type, i),
                      duckdb_struct_type_child_name(type, i), msg));
    }
    return ERR_OK;
}

/* A union is stored as a struct whose first member is the tag. */
static err init_union(struct value_node *node, duckdb_logical_type type, struct errmsg *msg)
{
    idx_t count = duckdb_union_type_member_count(type);
    node->children = xnew_array(struct value_node, count + 2);
    TRY(add_child(node, duckdb_create_logical_type(DUCKDB_TYPE_UTINYINT), NULL, msg));
    for (idx_t i = 0; i < count; i++) {
        TRY(add_child(node, duckdb_union_type_member_type(type, i), NULL, msg));
    }
    return ERR_OK;
}

static err init_map(struct value_node *node, duckdb_logical_type type, struct errmsg *msg)
{
    node->children = xnew_array(struct value_node, 1);
    struct value_node *entry = &node->children[0];
    node->child_count = 1;
    entry->id = entry->physical = DUCKDB_TYPE_STRUCT;
    entry->children = xnew_array(struct value_node, 2);
    TRY(add_child(entry, duckdb_map_type_key_type(type), NULL, msg));
    entry->children[0].key = xstrdup("\"key\":");
    TRY(add_child(entry, duckdb_map_type_value_type(type), NULL, msg));
    entry->children[1].key = xstrdup("\"value\":");
    return ERR_OK;
}

static err init_enum(struct value_node *node, duckdb_logical_type type, struct errmsg *msg)
{
    node->physical = duckdb_enum_internal_type(type);
    node->enum_count = duckdb_enum_dictionary_size(type);
    if (node->enum_count > ENUM_MEMBERS_MAX) {
        return errmsg_set(msg, ERR_UNSUPPORTED, "an ENUM of %zu members: cast it to VARCHAR",
                          node->enum_count);
    }
    node->enum_texts = xnew_array(char *, node->enum_count + 1);
    for (size_t i = 0; i < node->enum_count; i++) {
        node->enum_texts[i] = duckdb_enum_dictionary_value(type, i);
    }
    return ERR_OK;
}

err value_node_init(struct value_node *node, duckdb_logical_type type, struct errmsg *msg)
{
    *node = (struct value_node){.id = duckdb_get_type_id(type)};
    node->physical = node->id;
    switch (node->id) {
    case DUCKDB_TYPE_DECIMAL:
        node->physical = duckdb_decimal_internal_type(type);
        node->scale = duckdb_decimal_scale(type);
        return ERR_OK;
    case DUCKDB_TYPE_ENUM:
        return init_enum(node, type, msg);
    case DUCKDB_TYPE_STRUCT:
        return init_struct(node, type, msg);
    case DUCKDB_TYPE_UNION:
        return init_union(node, type, msg);
    case DUCKDB_TYPE_MAP:
        return init_map(node, type, msg);
    case DUCKDB_TYPE_LIST:
        node->children = xnew_array(struct value_node, 1);
        return add_child(node, duckdb_list_type_child_type(type), NULL, msg);
    case DUCKDB_TYPE_ARRAY:
        node->children = xnew_array(struct value_node, 1);
        node->array_size = duckdb_array_type_array_size(type);
        return add_child(node, duckdb_array_type_child_type(type), NULL, msg);
    default:
        break;
    }
    bool is_known = (node->id >= DUCKDB_TYPE_BOOLEAN && node->id <= DUCKDB_TYPE_TIMESTAMP_NS) ||
                    node->id == DUCKDB_TYPE_UUID || node->id == DUCKDB_TYPE_BIT ||
                    node->id == DUCKDB_TYPE_TIME_TZ || node->id == DUCKDB_TYPE_TIMESTAMP_TZ ||
                    node->id == DUCKDB_TYPE_UHUGEINT || node->id == DUCKDB_TYPE_SQLNULL ||
                    node->id == DUCKDB_TYPE_TIME_NS;
    if (!is_known) {
        AUTO_BUF name = buf_make(4096);
        sql_type_text(type, &name);
        return errmsg_set(msg, ERR_UNSUPPORTED,
                          "a column of type %s has no form in an answer: cast it to VARCHAR",
                          buf_cstr(&name));
    }
    return ERR_OK;
}

void value_node_deinit(struct value_node *node)
{
    for (size_t i = 0; i < node->child_count; i++) {
        value_node_deinit(&node->children[i]);
    }
    for (size_t i = 0; i < node->enum_count && node->enum_texts != NULL; i++) {
        duckdb_free(node->enum_texts[i]);
    }
    free(node->enum_texts);
    free(node->children);
    free(node->key);
    *node = (struct value_node){0};
}

void value_node_load(struct value_node *node, duckdb_vector vector)
{
    node->data = duckdb_vector_get_data(vector);
    node->validity = duckdb_vector_get_validity(vector);
    switch (node->id) {
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_UNION:
        for (size_t i = 0; i < node->child_count; i++) {
            value_node_load(&node->children[i], duckdb_struct_vector_get_child(vector, i));
        }
        return;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_MAP:
        value_node_load(&node->children[0], duckdb_list_vector_get_child(vector));
        return;
    case DUCKDB_TYPE_ARRAY:
        value_node_load(&node->children[0], duckdb_array_vector_get_child(vector));
        return;
    default:
        return;
    }
}

/* --- text of scalars --- */

void value_add_json_text(struct str text, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    buf_add_byte(out, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (__builtin_expect(c >= 0x20 && c != '"' && c != '\\', 1)) {
            continue;
        }
        buf_add(out, text.ptr + start, i - start);
        start = i + 1;
        if (c == '"' || c == '\\') {
            buf_add(out, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            buf_add(out, (char[]){'\\', c == '\n' ? 'n' : c == '\r' ? 'r' : 't'}, 2);
        } else {
            buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
    }
    buf_add(out, text.ptr + start, text.len - start);
    buf_add_byte(out, '"');
}

static void add_u128(unsigned __int128 value, unsigned scale, bool is_negative, struct buf *out)
{
    char digits[64];
    size_t at = sizeof digits;
    unsigned written = 0;
    while (value != 0 || written <= scale) {
        if (written == scale && scale > 0) {
            digits[--at] = '.';
        }
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
        written++;
    }
    if (is_negative) {
        digits[--at] = '-';
    }
    buf_add(out, digits + at, sizeof digits - at);
}

static __int128 wide_integer(const struct value_node *node, idx_t row)
{
    switch (node->physical) {
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)node->data)[row];
    case DUCKDB_TYPE_INTEGER:
        return ((const int32_t *)node->data)[row];
    case DUCKDB_TYPE_BIGINT:
        return ((const int64_t *)node->data)[row];
    default:
        break;
    }
    duckdb_hugeint huge = ((const duckdb_hugeint *)node->data)[row];
    return (__int128)((unsigned __int128)(uint64_t)huge.upper << 64 | huge.lower);
}

static void add_wide(const struct value_node *node, idx_t row, struct buf *out)
{
    if (node->id == DUCKDB_TYPE_UHUGEINT) {
        duckdb_uhugeint huge = ((const duckdb_uhugeint *)node->data)[row];
        add_u128((unsigned __int128)huge.upper << 64 | huge.lower, 0, false, out);
        return;
    }
    __int128 value = wide_integer(node, row);
    bool is_negative = value < 0;
    add_u128(is_negative ? 0 - (unsigned __int128)value : (unsigned __int128)value, node->scale,
             is_negative, out);
}

static void add_digits(char **at, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        (*at)[i] = (char)('0' + value % 10);
        value /= 10;
    }
    *at += digits;
}

/* Days since 1970 as year, month, day (proleptic Gregorian), by Howard Hinnant's algorithm. */
static void add_day(char **at, int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    uint64_t doe = (uint64_t)(z - era * 146097);
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint64_t mp = (5 * doy + 2) / 153;
    uint64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = (int64_t)yoe + era * 400 + (month <= 2 ? 1 : 0);
    if (year < 0 || year > 9999) { /* ISO 8601's expanded form */
        *(*at)++ = year < 0 ? '-' : '+';
        add_digits(at, (uint64_t)(year < 0 ? -year : year), 6);
    } else {
        add_digits(at, (uint64_t)year, 4);
    }
    *(*at)++ = '-';
    add_digits(at, month, 2);
    *(*at)++ = '-';
    add_digits(at, doy - (153 * mp + 2) / 5 + 1, 2);
}

/* hh:mm:ss with 0, 3, 6 or 9 digits of fraction. */
static void add_clock(char **at, uint64_t nanos)
{
    uint64_t seconds = nanos / 1000000000;
    uint64_t fraction = nanos % 1000000000;
    add_digits(at, seconds / 3600, 2);
    *(*at)++ = ':';
    add_digits(at, seconds / 60 % 60, 2);
    *(*at)++ = ':';
    add_digits(at, seconds % 60, 2);
    if (fraction != 0) {
        *(*at)++ = '.';
        int digits = fraction % 1000000 == 0 ? 3 : fraction % 1000 == 0 ? 6 : 9;
        add_digits(at,
                   digits == 3   ? fraction / 1000000
                   : digits == 6 ? fraction / 1000
                                 : fraction,
                   digits);
    }
}

static void add_moment(int64_t value, int64_t per_second, struct buf *out)
{
    if (value == INT64_MAX || value == -INT64_MAX) {
        buf_puts(out, value > 0 ? "infinity" : "-infinity");
        return;
    }
    int64_t seconds = value / per_second;
    int64_t rest = value % per_second;
    if (rest < 0) {
        rest += per_second;
        seconds--;
    }
    int64_t days = seconds / 86400;
    int64_t of_day = seconds % 86400;
    if (of_day < 0) {
        of_day += 86400;
        days--;
    }
    char text[64];
    char *at = text;
    add_day(&at, days);
    *at++ = 'T';
    add_clock(&at, (uint64_t)of_day * 1000000000 + (uint64_t)(rest * (1000000000 / per_second)));
    *at++ = 'Z';
    buf_add(out, text, (size_t)(at - text));
}

static void add_date(int32_t days, struct buf *out)
{
    if (days == INT32_MAX || days == -INT32_MAX) {
        buf_puts(out, days > 0 ? "infinity" : "-infinity");
        return;
    }
    char text[32];
    char *at = text;
    add_day(&at, days);
    buf_add(out, text, (size_t)(at - text));
}

static void add_time(uint64_t nanos, struct buf *out)
{
    char text[32];
    char *at = text;
    add_clock(&at, nanos);
    buf_add(out, text, (size_t)(at - text));
}

/* 40 bits of microseconds, 24 bits of (limit - offset in seconds). */
static void add_time_tz(uint64_t bits, struct buf *out)
{
    enum { OFFSET_MAX = 16 * 60 * 60 - 1 };
    add_time((bits >> 24) * 1000, out);
    int32_t offset = OFFSET_MAX - (int32_t)(bits & 0xffffff);
    unsigned seconds = (unsigned)(offset < 0 ? -offset : offset);
    buf_printf(out, "%c%02u:%02u", offset < 0 ? '-' : '+', seconds / 3600, seconds / 60 % 60);
    if (seconds % 60 != 0) {
        buf_printf(out, ":%02u", seconds % 60);
    }
}

static void add_interval(const duckdb_interval *value, struct buf *out)
{
    const struct {
        int64_t count;
        const char *unit;
    } parts[] = {{value->months / 12, "year"}, {value->months % 12, "month"}, {value->days, "day"}};
    size_t start = out->len;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].count != 0) {
            buf_printf(out, "%s%lld %s%s", out->len > start ? " " : "", (long long)parts[i].count,
                       parts[i].unit, parts[i].count == 1 || parts[i].count == -1 ? "" : "s");
        }
    }
    if (value->micros == 0 && out->len > start) {
        return;
    }
    uint64_t micros = value->micros < 0 ? 0 - (uint64_t)value->micros : (uint64_t)value->micros;
    uint64_t hours = micros / 3600000000;
    buf_printf(out, "%s%s%02llu:%02llu:%02llu", out->len > start ? " " : "",
               value->micros < 0 ? "-" : "", (unsigned long long)hours,
               (unsigned long long)(micros / 60000000 % 60),
               (unsigned long long)(micros / 1000000 % 60));
    if (micros % 1000000 != 0) {
        buf_printf(out, ".%06llu", (unsigned long long)(micros % 1000000));
    }
}

static void add_uuid(const duckdb_hugeint *value, struct buf *out)
{
    uint64_t high = (uint64_t)value->upper ^ (UINT64_C(1) << 63); /* stored so that it sorts */
    uint64_t low = value->lower;
    buf_printf(out, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
               (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff), (unsigned)(low >> 48),
               (unsigned long long)(low & 0xffffffffffff));
}

/* First byte: how many bits of the second are padding. */
static void add_bits(struct str bytes, struct buf *out)
{
    size_t skip = bytes.len > 0 ? (unsigned char)bytes.ptr[0] : 0;
    for (size_t bit = skip; bit < (bytes.len > 0 ? (bytes.len - 1) * 8 : 0); bit++) {
        unsigned char byte = (unsigned char)bytes.ptr[1 + bit / 8];
        buf_add_byte(out, (byte >> (7 - bit % 8) & 1) != 0 ? '1' : '0');
    }
}

static struct str string_at(const struct value_node *node, idx_t row)
{
    struct col_sink sink = {.data = node->data};
    return col_get_str(&sink, row);
}

static struct str enum_at(const struct value_node *node, idx_t row)
{
    uint64_t index = node->physical == DUCKDB_TYPE_UTINYINT ? ((const uint8_t *)node->data)[row]
                     : node->physical == DUCKDB_TYPE_USMALLINT
                         ? ((const uint16_t *)node->data)[row]
                         : ((const uint32_t *)node->data)[row];
    return index < node->enum_count ? str_from(node->enum_texts[index]) : STR("");
}

/* --- JSON --- */

/* True when the value is a number up to 64 bits, which is then written. */
static bool add_integer(const struct value_node *node, idx_t row, const struct value_style *style,
                        struct buf *out)
{
    int64_t value = 0;
    switch (node->id) {
    case DUCKDB_TYPE_TINYINT:
        value = ((const int8_t *)node->data)[row];
        break;
    case DUCKDB_TYPE_SMALLINT:
        value = ((const int16_t *)node->data)[row];
        break;
    case DUCKDB_TYPE_INTEGER:
        value = ((const int32_t *)node->data)[row];
        break;
    case DUCKDB_TYPE_UTINYINT:
        value = ((const uint8_t *)node->data)[row];
        break;
    case DUCKDB_TYPE_USMALLINT:
        value = ((const uint16_t *)node->data)[row];
        break;
    case DUCKDB_TYPE_UINTEGER:
        value = ((const uint32_t *)node->data)[row];
        break;
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UBIGINT:
        if (style->int64_strings) {
            buf_add_byte(out, '"');
        }
        if (node->id == DUCKDB_TYPE_BIGINT) {
            buf_add_i64(out, ((const int64_t *)node->data)[row]);
        } else {
            buf_add_u64(out, ((const uint64_t *)node->data)[row]);
        }
        if (style->int64_strings) {
            buf_add_byte(out, '"');
        }
        return true;
    default:
        return false;
    }
    buf_add_i64(out, value);
    return true;
}

static void add_number(double value, bool is_float, bool is_csv, struct buf *out)
{
    if (isnan(value) || isinf(value)) {
        buf_puts(out, !is_csv ? "null" : isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    char text[DOUBLE_TEXT_BYTES];
    size_t len = is_float ? sql_float_text((float)value, text) : sql_double_text(value, text);
    buf_add(out, text, len);
}

/* Text of the types that are JSON strings without anything to escape. */
static bool add_plain_text(const struct value_node *node, idx_t row, struct buf *out)
{
    switch (node->id) {
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        add_moment(((const int64_t *)node->data)[row], 1000000, out);
        return true;
    case DUCKDB_TYPE_TIMESTAMP_S:
        add_moment(((const int64_t *)node->data)[row], 1, out);
        return true;
    case DUCKDB_TYPE_TIMESTAMP_MS:
        add_moment(((const int64_t *)node->data)[row], 1000, out);
        return true;
    case DUCKDB_TYPE_TIMESTAMP_NS:
        add_moment(((const int64_t *)node->data)[row], 1000000000, out);
        return true;
    case DUCKDB_TYPE_DATE:
        add_date(((const int32_t *)node->data)[row], out);
        return true;
    case DUCKDB_TYPE_TIME:
        add_time((uint64_t)((const int64_t *)node->data)[row] * 1000, out);
        return true;
    case DUCKDB_TYPE_TIME_NS:
        add_time((uint64_t)((const int64_t *)node->data)[row], out);
        return true;
    case DUCKDB_TYPE_TIME_TZ:
        add_time_tz(((const uint64_t *)node->data)[row], out);
        return true;
    case DUCKDB_TYPE_INTERVAL:
        add_interval(&((const duckdb_interval *)node->data)[row], out);
        return true;
    case DUCKDB_TYPE_UUID:
        add_uuid(&((const duckdb_hugeint *)node->data)[row], out);
        return true;
    case DUCKDB_TYPE_BIT:
        add_bits(string_at(node, row), out);
        return true;
    case DUCKDB_TYPE_BLOB:
        base64_encode(string_at(node, row), out);
        return true;
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_DECIMAL:
        add_wide(node, row, out);
        return true;
    default:
        return false;
    }
}

static void add_elements(const struct value_node *child, idx_t from, idx_t count,
                         const struct value_style *style, struct buf *out)
{
    buf_add_byte(out, '[');
    for (idx_t i = 0; i < count && !out->failed; i++) {
        if (i > 0) {
            buf_add_byte(out, ',');
        }
        value_add_json(child, from + i, style, out);
    }
    buf_add_byte(out, ']');
}

static void add_nested(const struct value_node *node, idx_t row, const struct value_style *style,
                       struct buf *out)
{
    if (node->id == DUCKDB_TYPE_LIST || node->id == DUCKDB_TYPE_MAP) {
        duckdb_list_entry entry = ((const duckdb_list_entry *)node->data)[row];
        add_elements(&node->children[0], entry.offset, entry.length, style, out);
    } else if (node->id == DUCKDB_TYPE_ARRAY) {
        add_elements(&node->children[0], row * node->array_size, node->array_size, style, out);
    } else if (node->id == DUCKDB_TYPE_UNION) {
        uint8_t tag = ((const uint8_t *)node->children[0].data)[row];
        ASSERT((size_t)tag + 1 < node->child_count);
        value_add_json(&node->children[tag + 1], row, style, out);
    } else {
        ASSERT(node->id == DUCKDB_TYPE_STRUCT);
        buf_add_byte(out, '{');
        for (size_t i = 0; i < node->child_count; i++) {
            if (i > 0) {
                buf_add_byte(out, ',');
            }
            buf_puts(out, node->children[i].key);
            value_add_json(&node->children[i], row, style, out);
        }
        buf_add_byte(out, '}');
    }
}

void value_add_json(const struct value_node *node, idx_t row, const struct value_style *style,
                    struct buf *out)
{
    if (value_is_null(node, row) || node->id == DUCKDB_TYPE_SQLNULL) {
        buf_add(out, "null", 4);
        return;
    }
    switch (node->id) {
    case DUCKDB_TYPE_BOOLEAN:
        buf_puts(out, ((const bool *)node->data)[row] ? "true" : "false");
        return;
    case DUCKDB_TYPE_VARCHAR:
        value_add_json_text(string_at(node, row), out);
        return;
    case DUCKDB_TYPE_ENUM:
        value_add_json_text(enum_at(node, row), out);
        return;
    case DUCKDB_TYPE_DOUBLE:
        add_number(((const double *)node->data)[row], false, style->is_csv, out);
        return;
    case DUCKDB_TYPE_FLOAT:
        add_number((double)((const float *)node->data)[row], true, style->is_csv, out);
        return;
    default:
        break;
    }
    if (add_integer(node, row, style, out)) {
        return;
    }
    buf_add_byte(out, '"');
    size_t after_quote = out->len;
    if (add_plain_text(node, row, out)) {
        buf_add_byte(out, '"');
        return;
    }
    if (!out->failed) {
        ASSERT(out->len == after_quote);
        out->len--; /* takes the quote back */
    }
    add_nested(node, row, style, out);
}

/* --- CSV --- */

static bool is_formula(struct str text)
{
    char c = text.len > 0 ? text.ptr[0] : ' ';
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

void value_add_csv_text(struct str text, bool guards, struct buf *out)
{
    guards = guards && is_formula(text);
    bool needs_quotes = text.len == 0; /* "" is not null */
    for (size_t i = 0; i < text.len && !needs_quotes; i++) {
        char c = text.ptr[i];
        needs_quotes = c == '"' || c == ',' || c == '\n' || c == '\r';
    }
    if (!needs_quotes) {
        buf_add(out, "'", guards ? 1 : 0);
        buf_add_str(out, text);
        return;
    }
    buf_puts(out, guards ? "\"'" : "\"");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            buf_add_byte(out, '"');
        }
        buf_add_byte(out, text.ptr[i]);
    }
    buf_add_byte(out, '"');
}

void value_add_csv(const struct value_node *node, idx_t row, bool guards, struct buf *out)
{
    static const struct value_style plain = {.is_csv = true};
    if (value_is_null(node, row) || node->id == DUCKDB_TYPE_SQLNULL) {
        return;
    }
    if (node->id == DUCKDB_TYPE_VARCHAR) {
        value_add_csv_text(string_at(node, row), guards, out);
    } else if (node->id == DUCKDB_TYPE_ENUM) {
        value_add_csv_text(enum_at(node, row), guards, out);
    } else if (node->child_count > 0) {
        static const struct value_style nested = {0};
        AUTO_BUF json = buf_make(out->max);
        value_add_json(node, row, &nested, &json);
        out->failed = out->failed || json.failed;
        value_add_csv_text(buf_str(&json), guards, out);
    } else if (!add_plain_text(node, row, out)) {
        value_add_json(node, row, &plain, out);
    }
}
