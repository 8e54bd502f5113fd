/* SPDX-License-Identifier: MIT */
/* schema.c - one block of memory per schema: columns, names, and two sorted lists of names (by
 * bytes, and folded) for lookups. Decoders cache what they look up, so binary search will do. */
#include "flow/schema.h"

#include <stdatomic.h>

struct name_ref {
    struct str name;
    ptrdiff_t column; /* -1: a remembered null field */
};

struct event_schema {
    atomic_uint references;
    struct event_column *columns; /* owned */
    size_t column_count;
    struct str *null_fields; /* owned */
    size_t null_count;
    struct col_def *full;     /* owned */
    struct name_ref *by_name; /* owned; columns only */
    struct name_ref *by_fold; /* owned; committed columns and null fields */
    size_t fold_count;
    char *names;          /* owned: every name, NUL-terminated */
    struct arena *nested; /* owned: members of nested types, and the texts of those */
    const char **types;   /* owned list; per full index, in `nested` or constant */
};
enum { NESTED_BYTES_MAX = 16 << 20 };

static const struct col_def system_columns[EVENT_SYS_COUNT] = {
    [EVENT_SYS_TIME] = {"_time", COL_TIMESTAMPTZ},
    [EVENT_SYS_DATE] = {"_date", COL_DATE},
    [EVENT_SYS_PARTITION] = {"_partition", COL_INTEGER},
    [EVENT_SYS_OFFSET] = {"_offset", COL_BIGINT},
    [EVENT_SYS_TIMESTAMP] = {"_timestamp", COL_TIMESTAMPTZ},
    [EVENT_SYS_KEY] = {"_key", COL_VARCHAR},
    [EVENT_SYS_RESCUED] = {"_rescued", COL_VARCHAR},
};

static const struct col_def dead_columns[EVENT_DEAD_COUNT] = {
    [EVENT_DEAD_REASON] = {"reason", COL_VARCHAR},
    [EVENT_DEAD_DETAIL] = {"detail", COL_VARCHAR},
    [EVENT_DEAD_VALUE] = {"value", COL_BLOB},
    [EVENT_DEAD_KEY] = {"_key", COL_BLOB},
    [EVENT_DEAD_DATE] = {"_date", COL_DATE},
    [EVENT_DEAD_PARTITION] = {"_partition", COL_INTEGER},
    [EVENT_DEAD_OFFSET] = {"_offset", COL_BIGINT},
    [EVENT_DEAD_TIMESTAMP] = {"_timestamp", COL_TIMESTAMPTZ},
};

const struct col_def *event_dead_columns(void)
{
    return dead_columns;
}

/* ---- names ---- */

/* Upper to lower case by ranges: `step` 0 means pairs of which the even one is upper. */
static uint32_t fold_code_point(uint32_t c)
{
    static const struct {
        uint32_t from;
        uint32_t to;
        uint32_t step;
    } ranges[] = {
        {'A', 'Z', 32},       {0xc0, 0xd6, 32},     {0xd8, 0xde, 32},       {0x100, 0x12f, 0},
        {0x132, 0x137, 0},    {0x14a, 0x177, 0},    {0x370, 0x373, 0},      {0x388, 0x38a, 37},
        {0x391, 0x3a1, 32},   {0x3a3, 0x3ab, 32},   {0x3d8, 0x3ef, 0},      {0x400, 0x40f, 80},
        {0x410, 0x42f, 32},   {0x460, 0x481, 0},    {0x48a, 0x4bf, 0},      {0x4d0, 0x52f, 0},
        {0x531, 0x556, 48},   {0x1e00, 0x1e95, 0},  {0x1ea0, 0x1eff, 0},    {0x2160, 0x216f, 16},
        {0x24b6, 0x24cf, 26}, {0xff21, 0xff3a, 32}, {0x10400, 0x10427, 40},
    };
    static const uint32_t singles[][2] = {
        {0x130, 'i'},    {0x139, 0x13a}, {0x13b, 0x13c}, {0x13d, 0x13e}, {0x13f, 0x140},
        {0x141, 0x142},  {0x143, 0x144}, {0x145, 0x146}, {0x147, 0x148}, {0x178, 0xff},
        {0x179, 0x17a},  {0x17b, 0x17c}, {0x17d, 0x17e}, {0x17f, 's'},   {0x386, 0x3ac},
        {0x38c, 0x3cc},  {0x38e, 0x3cd}, {0x38f, 0x3ce}, {0x3c2, 0x3c3}, {0x1e9e, 0xdf},
        {0x2126, 0x3c9}, {0x212a, 'k'},  {0x212b, 0xe5},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges) && c >= ranges[i].from; i++) {
        if (c <= ranges[i].to) {
            return ranges[i].step != 0 ? c + ranges[i].step : c | 1;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
        if (c == singles[i][0]) {
            return singles[i][1];
        }
    }
    return c;
}

/* Next code point of valid UTF-8; bytes that are not are taken one by one. */
static uint32_t next_code_point(struct str s, size_t *at)
{
    unsigned char c = (unsigned char)s.ptr[(*at)++];
    size_t more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    if (more == 0 || s.len - *at < more) {
        return c;
    }
    uint32_t value = c & (0x3fU >> more);
    for (size_t i = 0; i < more; i++) {
        value = value << 6 | ((unsigned char)s.ptr[(*at)++] & 0x3f);
    }
    return value;
}

int event_name_fold_cmp(struct str a, struct str b)
{
    size_t i = 0;
    size_t j = 0;
    while (i < a.len && j < b.len) {
        uint32_t x = fold_code_point(next_code_point(a, &i));
        uint32_t y = fold_code_point(next_code_point(b, &j));
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return (i < a.len) - (j < b.len);
}

bool event_member_is_valid(struct str name)
{
    if (name.len == 0 || name.len > EVENT_NAME_BYTES_MAX || !str_is_utf8(name)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x20 || c == 0x7f || strchr(" ,;{}()=", c) != NULL) {
            return false;
        }
    }
    return true;
}

bool event_name_is_valid(struct str name)
{
    if (!event_member_is_valid(name)) {
        return false;
    }
    for (size_t i = 0; i < EVENT_SYS_COUNT; i++) {
        if (event_name_fold_cmp(name, str_from(system_columns[i].name)) == 0) {
            return false;
        }
    }
    return true;
}

bool event_name_is_column(struct str name)
{
    for (size_t i = 0; i < EVENT_SYS_COUNT; i++) {
        if (str_is(name, system_columns[i].name)) {
            return true;
        }
    }
    return event_name_is_valid(name);
}

/* ---- building ---- */

static int compare_names(const void *a, const void *b)
{
    return str_cmp(((const struct name_ref *)a)->name, ((const struct name_ref *)b)->name);
}

static int compare_folded(const void *a, const void *b)
{
    return event_name_fold_cmp(((const struct name_ref *)a)->name,
                               ((const struct name_ref *)b)->name);
}

static int compare_members(const void *a, const void *b)
{
    return event_name_fold_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Names of a STRUCT's members: valid, and no two the same up to case. */
static bool members_are_allowed(const struct col_def *def)
{
    struct str *names = xnew_array(struct str, def->child_count + 1);
    bool allowed = true;
    for (size_t i = 0; i < def->child_count; i++) {
        names[i] = str_from(def->children[i].name);
        allowed = allowed && event_member_is_valid(names[i]);
    }
    qsort(names, def->child_count, sizeof *names, compare_members);
    for (size_t i = 1; i < def->child_count; i++) {
        allowed = allowed && compare_members(&names[i - 1], &names[i]) != 0;
    }
    free(names);
    return allowed;
}

static bool type_is_allowed(const struct col_def *def, int depth)
{
    bool nested = col_type_is_nested(def->type);
    if (depth > EVENT_NESTED_DEPTH_MAX || def->type == COL_BLOB ||
        nested != (def->child_count > 0) || (def->type == COL_LIST && def->child_count != 1) ||
        (def->type == COL_STRUCT && !members_are_allowed(def))) {
        return false;
    }
    for (size_t i = 0; i < def->child_count; i++) {
        if (!type_is_allowed(&def->children[i], depth + 1)) {
            return false;
        }
    }
    return true;
}

static struct col_def def_of(const struct event_column *column)
{
    return (struct col_def){.name = "",
                            .type = column->type,
                            .children = column->children,
                            .child_count = column->child_count};
}

static err check_types(const struct event_column *columns, size_t count, struct errmsg *msg)
{
    size_t nodes = 0;
    for (size_t i = 0; i < count; i++) {
        struct col_def def = def_of(&columns[i]);
        if (!type_is_allowed(&def, 1)) {
            return errmsg_set(msg, ERR_INVALID, "column %.*s: this type cannot be decoded",
                              STR_ARGS(columns[i].name));
        }
        nodes += def.child_count == 0 ? 0 : col_def_nodes(&def);
    }
    return nodes <= EVENT_NESTED_NODES_MAX
               ? ERR_OK
               : errmsg_set(msg, ERR_LIMIT, "more than %d types inside of nested columns",
                            EVENT_NESTED_NODES_MAX);
}

static err schema_alloc(struct event_schema *s, size_t columns, size_t nulls, size_t name_bytes)
{
    s->columns = calloc(columns + 1, sizeof(*s->columns));
    s->null_fields = calloc(nulls + 1, sizeof(*s->null_fields));
    s->full = calloc(columns + EVENT_SYS_COUNT, sizeof(*s->full));
    s->by_name = calloc(columns + 1, sizeof(*s->by_name));
    s->by_fold = calloc(columns + nulls + 1, sizeof(*s->by_fold));
    s->names = malloc(name_bytes + 1);
    s->types = calloc(columns + EVENT_SYS_COUNT, sizeof(*s->types));
    s->nested = arena_new(NESTED_BYTES_MAX);
    bool ok = s->types != NULL && s->columns != NULL && s->null_fields != NULL && s->full != NULL &&
              s->by_name != NULL && s->by_fold != NULL && s->names != NULL;
    return ok ? ERR_OK : ERR_NOMEM;
}

static struct str copy_name(char **place, struct str name)
{
    struct str copy = {*place, name.len};
    memcpy(*place, name.ptr, name.len);
    (*place)[name.len] = '\0';
    *place += name.len + 1;
    return copy;
}

static void fill(struct event_schema *s, const struct event_column *columns,
                 const struct str *null_fields)
{
    char *place = s->names;
    for (size_t i = 0; i < s->column_count; i++) {
        s->columns[i] = columns[i];
        s->columns[i].name = copy_name(&place, columns[i].name);
        s->full[i] = (struct col_def){s->columns[i].name.ptr, columns[i].type};
        s->by_name[i] = (struct name_ref){s->columns[i].name, (ptrdiff_t)i};
        if (!columns[i].provisional) {
            s->by_fold[s->fold_count++] = s->by_name[i];
        }
    }
    memcpy(s->full + s->column_count, system_columns, sizeof(system_columns));
    for (size_t i = 0; i < s->null_count; i++) {
        s->null_fields[i] = copy_name(&place, null_fields[i]);
        s->by_fold[s->fold_count++] = (struct name_ref){s->null_fields[i], -1};
    }
    qsort(s->by_name, s->column_count, sizeof(*s->by_name), compare_names);
    qsort(s->by_fold, s->fold_count, sizeof(*s->by_fold), compare_folded);
}

/* Members of nested columns, and the texts of all types. */
static err fill_types(struct event_schema *s, const struct event_column *columns)
{
    for (size_t i = 0; i < s->column_count + EVENT_SYS_COUNT; i++) {
        if (!col_type_is_nested(s->full[i].type)) {
            s->types[i] = col_type_sql(s->full[i].type);
            continue;
        }
        struct col_def def = def_of(&columns[i]);
        struct col_def copy;
        AUTO_BUF text = buf_make(NESTED_BYTES_MAX);
        col_def_sql(&def, &text);
        if (!col_def_copy(&def, s->nested, &copy) || text.failed) {
            return ERR_NOMEM;
        }
        s->full[i].children = s->columns[i].children = copy.children;
        s->full[i].child_count = s->columns[i].child_count = copy.child_count;
        s->types[i] = arena_dup(s->nested, buf_str(&text)).ptr;
        if (s->types[i] == NULL) {
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

static err check_names(const struct event_schema *s, struct errmsg *msg)
{
    for (size_t i = 0; i < s->column_count; i++) {
        struct str name = s->columns[i].name;
        if (!event_name_is_valid(name)) {
            return errmsg_set(msg, ERR_INVALID, "\"%.*s\" cannot be a column's name",
                              STR_ARGS(name));
        }
        if (i > 0 && str_eq(s->by_name[i - 1].name, s->by_name[i].name)) {
            return errmsg_set(msg, ERR_INVALID, "column %.*s appears twice",
                              STR_ARGS(s->by_name[i].name));
        }
    }
    for (size_t i = 1; i < s->fold_count; i++) {
        struct str a = s->by_fold[i - 1].name;
        struct str b = s->by_fold[i].name;
        if (event_name_fold_cmp(a, b) == 0) {
            return errmsg_set(msg, ERR_INVALID, "columns %.*s and %.*s differ only in case",
                              STR_ARGS(a), STR_ARGS(b));
        }
    }
    return ERR_OK;
}

err event_schema_new(const struct event_column *columns, size_t column_count,
                     const struct str *null_fields, size_t null_field_count,
                     struct event_schema **out_schema, struct errmsg *msg)
{
    ASSERT(out_schema != NULL);
    if (column_count > EVENT_COLUMNS_MAX || null_field_count > EVENT_COLUMNS_MAX) {
        return errmsg_set(msg, ERR_LIMIT, "more than %d columns", EVENT_COLUMNS_MAX);
    }
    TRY(check_types(columns, column_count, msg));
    size_t name_bytes = 0;
    for (size_t i = 0; i < column_count; i++) {
        name_bytes += columns[i].name.len + 1;
    }
    for (size_t i = 0; i < null_field_count; i++) {
        name_bytes += null_fields[i].len + 1;
    }
    struct event_schema *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for a schema");
    }
    atomic_init(&s->references, 1);
    s->column_count = column_count;
    s->null_count = null_field_count;
    err e = schema_alloc(s, column_count, null_field_count, name_bytes);
    if (e == ERR_OK) {
        fill(s, columns, null_fields);
        e = fill_types(s, columns);
    }
    e = e == ERR_OK ? check_names(s, msg) : errmsg_set(msg, e, "no memory for a schema");
    if (e != ERR_OK) {
        event_schema_unref(s);
        return e;
    }
    *out_schema = s;
    return ERR_OK;
}

struct event_schema *event_schema_ref(struct event_schema *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void event_schema_unref(struct event_schema *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    free(s->columns);
    free(s->null_fields);
    free(s->full);
    free(s->by_name);
    free(s->by_fold);
    free(s->names);
    free(s->types);
    arena_free(s->nested);
    free(s);
}

/* ---- reading ---- */

size_t event_schema_count(const struct event_schema *s)
{
    return s->column_count;
}

const struct event_column *event_schema_column(const struct event_schema *s, size_t index)
{
    ASSERT(index < s->column_count);
    return &s->columns[index];
}

size_t event_schema_null_count(const struct event_schema *s)
{
    return s->null_count;
}

struct str event_schema_null_field(const struct event_schema *s, size_t index)
{
    ASSERT(index < s->null_count);
    return s->null_fields[index];
}

size_t event_schema_full_count(const struct event_schema *s)
{
    return s->column_count + EVENT_SYS_COUNT;
}

const struct col_def *event_schema_full(const struct event_schema *s)
{
    return s->full;
}

const char *event_schema_type(const struct event_schema *s, size_t full_index)
{
    ASSERT(full_index < s->column_count + EVENT_SYS_COUNT);
    return s->types[full_index];
}

ptrdiff_t event_schema_find(const struct event_schema *s, struct str name)
{
    struct name_ref wanted = {.name = name};
    const struct name_ref *found =
        bsearch(&wanted, s->by_name, s->column_count, sizeof(*s->by_name), compare_names);
    return found == NULL ? -1 : found->column;
}

enum event_name event_schema_judge(const struct event_schema *s, struct str name)
{
    if (event_schema_find(s, name) >= 0) {
        return EVENT_NAME_COLUMN;
    }
    if (!event_name_is_valid(name)) {
        return EVENT_NAME_RESCUE;
    }
    struct name_ref wanted = {.name = name};
    const struct name_ref *found =
        bsearch(&wanted, s->by_fold, s->fold_count, sizeof(*s->by_fold), compare_folded);
    return found == NULL || str_eq(found->name, name) ? EVENT_NAME_NEW : EVENT_NAME_RESCUE;
}

bool event_schema_equal(const struct event_schema *a, const struct event_schema *b)
{
    if (a->column_count != b->column_count || a->null_count != b->null_count) {
        return false;
    }
    for (size_t i = 0; i < a->column_count; i++) {
        const struct event_column *x = &a->columns[i];
        const struct event_column *y = &b->columns[i];
        if (!str_eq(x->name, y->name) || x->provisional != y->provisional ||
            !col_def_same_type(&a->full[i], &b->full[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < a->null_count; i++) {
        if (!str_eq(a->null_fields[i], b->null_fields[i])) {
            return false;
        }
    }
    return true;
}
