/* SPDX-License-Identifier: MIT */
/* json_schema_pattern.c - the keyword `pattern`: ECMA-262 expressions by PCRE2, within a budget.
 *
 * translate() rewrites what the two languages read differently (`.`, `\s`, `[` in a class, long
 * names of Unicode categories) and refuses what ECMA-262 does not have and PCRE2 would take
 * (recursion, verbs, \A, \Q ...).
 *
 * Work is bounded in two tiers, so that usual texts cost little and no text costs much:
 *   quick    the expression anchored at one place (`^(?s:.*?)(?:P)` where P is not), with a
 *            match limit of QUICK_STEPS: so many steps times the length of the text at most.
 *   counted  what the first tier gave up: P with a callout before each item, which charges a
 *            step and the characters it moved over to the budget of the event. Nothing left:
 *            TOO_MUCH, and the event is a bad one.
 * (Before both, a pattern of a simple kind is matched without PCRE2: json_schema_simple.c.)
 * Both tiers give the same answer where they give one. Machine code (JIT) is not used: its limits
 * count otherwise, and every process has to reach the same verdict on the same bytes. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "flow/json_schema_int.h"

enum {
    QUICK_STEPS = 128,
    COUNTED_MATCH_LIMIT = 10000000, /* a backstop: the budget ends a match long before */
    HEAP_LIMIT_KIB = 8 << 10,
    DEPTH_LIMIT = 50000,
    PARENS_NEST_LIMIT = 100,
    TRANSLATED_BYTES_MAX = 256 << 10,
};

struct json_schema_pattern {
    bool is_simple; /* then PCRE2 is not asked */
    struct json_schema_simple simple;
    pcre2_code *quick;   /* owned */
    pcre2_code *counted; /* owned */
};

struct json_schema_patterns {
    pcre2_match_data *match;      /* owned */
    pcre2_match_context *quick;   /* owned */
    pcre2_match_context *counted; /* owned */
    uint64_t budget;
    PCRE2_SIZE position; /* of the last callout */
};

/* ---- translation ---- */

/* White space of ECMA-262 beyond ASCII, for a class: NBSP, BOM, Zs, line and paragraph
 * separator. */
#define MORE_SPACE                                                                                 \
    "\xc2\xa0\xef\xbb\xbf\xe1\x9a\x80\xe2\x80\x80-\xe2\x80\x8a\xe2\x80\xa8"                        \
    "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80"
#define LINE_ENDS "\\n\\r\xe2\x80\xa8\xe2\x80\xa9"

struct translation {
    struct str in;
    size_t at;
    struct buf *out;
    struct errmsg *msg;
};

static const char *short_category(struct str name)
{
    static const struct {
        const char *name;
        const char *code;
    } known[] = {
        {"Letter", "L"},
        {"Uppercase_Letter", "Lu"},
        {"Lowercase_Letter", "Ll"},
        {"Titlecase_Letter", "Lt"},
        {"Modifier_Letter", "Lm"},
        {"Other_Letter", "Lo"},
        {"Mark", "M"},
        {"Number", "N"},
        {"Decimal_Number", "Nd"},
        {"digit", "Nd"},
        {"Letter_Number", "Nl"},
        {"Other_Number", "No"},
        {"Punctuation", "P"},
        {"punct", "P"},
        {"Symbol", "S"},
        {"Math_Symbol", "Sm"},
        {"Currency_Symbol", "Sc"},
        {"Separator", "Z"},
        {"Space_Separator", "Zs"},
        {"Other", "C"},
        {"Control", "Cc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(name, known[i].name)) {
            return known[i].code;
        }
    }
    return NULL;
}

/* \p{...} and \P{...}: PCRE2 knows the short names of categories. */
static bool take_category(struct translation *t)
{
    struct str rest = str_of(t->in.ptr + t->at + 2, t->in.len - t->at - 2);
    ptrdiff_t close = str_find(rest, '}');
    if (rest.len < 2 || rest.ptr[0] != '{' || close < 0) {
        return false;
    }
    struct str name = str_of(rest.ptr + 1, (size_t)close - 1);
    static const char *const prefixes[] = {"General_Category=", "gc="};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct str prefix = str_from(prefixes[i]);
        if (str_starts(name, prefix)) {
            name = str_of(name.ptr + prefix.len, name.len - prefix.len);
        }
    }
    const char *code = short_category(name);
    (void)buf_add(t->out, t->in.ptr + t->at, 3); /* sticky, here and below */
    (void)buf_add_str(t->out, code == NULL ? name : str_from(code));
    (void)buf_add_byte(t->out, '}');
    t->at += 3 + (size_t)close;
    return true;
}

static err take_escape(struct translation *t, bool in_class)
{
    if (t->at + 1 >= t->in.len) {
        return errmsg_set(t->msg, ERR_INVALID, "the pattern ends in a backslash");
    }
    char c = t->in.ptr[t->at + 1];
    bool is_alphanumeric = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    if (is_alphanumeric && strchr("dDsSwWbBtnvfrcxukpP0123456789", c) == NULL) {
        return errmsg_set(t->msg, ERR_UNSUPPORTED, "the pattern's escape \\%c is not ECMA-262's",
                          c);
    }
    if ((c == 'p' || c == 'P') && take_category(t)) {
        return ERR_OK;
    }
    if (c == 's') {
        (void)buf_puts(t->out, in_class ? "\\s" MORE_SPACE : "[\\s" MORE_SPACE "]"); /* sticky */
    } else if (c == 'S' && !in_class) {
        (void)buf_puts(t->out, "[^\\s" MORE_SPACE "]"); /* sticky */
    } else {
        (void)buf_add(t->out, t->in.ptr + t->at, 2); /* sticky */
    }
    t->at += 2;
    return ERR_OK;
}

static err take_group(struct translation *t)
{
    struct str rest = str_of(t->in.ptr + t->at, t->in.len - t->at);
    static const char *const known[] = {"(?:", "(?=", "(?!", "(?<"};
    bool is_known = rest.len < 2 || (rest.ptr[1] != '?' && rest.ptr[1] != '*');
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        is_known = is_known || str_starts(rest, str_from(known[i]));
    }
    if (!is_known) {
        struct str head = json_schema_cut(rest, 3);
        return errmsg_set(t->msg, ERR_UNSUPPORTED,
                          "the pattern's group %.*s is not one of ECMA-262's", STR_ARGS(head));
    }
    (void)buf_add_byte(t->out, '('); /* sticky */
    t->at++;
    return ERR_OK;
}

static err translate(struct translation *t)
{
    bool in_class = false;
    while (t->at < t->in.len) {
        char c = t->in.ptr[t->at];
        if (c == '\\') {
            TRY(take_escape(t, in_class));
            continue;
        }
        if (!in_class && c == '(') {
            TRY(take_group(t));
            continue;
        }
        if (in_class && c == '[') {
            (void)buf_puts(t->out, "\\["); /* sticky, here and below */
        } else if (!in_class && c == '.') {
            (void)buf_puts(t->out, "[^" LINE_ENDS "]");
        } else {
            (void)buf_add_byte(t->out, c);
        }
        in_class = in_class ? c != ']' : c == '[';
        t->at++;
    }
    return t->out->failed ? errmsg_set(t->msg, ERR_TOO_LARGE, "the pattern is too long") : ERR_OK;
}

/* ---- compiling ---- */

static err compile(struct str text, uint32_t more_options, pcre2_code **out_code,
                   struct errmsg *msg)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                             PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        return errmsg_set(msg, ERR_NOMEM, "no memory for a pattern");
    }
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF); /* cannot fail, as the next two */
    (void)pcre2_set_parens_nest_limit(context, PARENS_NEST_LIMIT);
    (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    int code = 0;
    PCRE2_SIZE place = 0;
    *out_code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options | more_options, &code, &place,
                              context);
    pcre2_compile_context_free(context);
    if (*out_code == NULL) {
        PCRE2_UCHAR words[200] = "";
        (void)pcre2_get_error_message(code, words, sizeof words); /* cut is fine */
        return errmsg_set(msg, ERR_INVALID, "the pattern cannot be used: %s", (char *)words);
    }
    return ERR_OK;
}

static bool is_anchored(const pcre2_code *code)
{
    uint32_t options = 0;
    (void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options); /* cannot fail */
    return (options & PCRE2_ANCHORED) != 0;
}

static err compile_both(struct json_schema_pattern *p, struct str text, struct errmsg *msg)
{
    AUTO_BUF plain = buf_make(TRANSLATED_BYTES_MAX);
    struct translation t = {text, 0, &plain, msg};
    TRY(translate(&t));
    struct str translated = plain.len == 0 ? STR("") : buf_str(&plain);
    TRY(compile(translated, PCRE2_AUTO_CALLOUT, &p->counted, msg));
    TRY(compile(translated, 0, &p->quick, msg));
    if (is_anchored(p->quick)) {
        return ERR_OK;
    }
    AUTO_BUF wrapped = buf_make(TRANSLATED_BYTES_MAX + 64);
    (void)buf_puts(&wrapped, "^(?s:.*?)(?:"); /* sticky, here and below */
    (void)buf_add_str(&wrapped, translated);
    (void)buf_puts(&wrapped, ")");
    TRY(buf_check(&wrapped));
    pcre2_code_free(p->quick);
    p->quick = NULL;
    return compile(buf_str(&wrapped), 0, &p->quick, msg);
}

err json_schema_pattern_new(struct str text, struct json_schema_pattern **out_pattern,
                            struct errmsg *msg)
{
    if (text.len > JSON_SCHEMA_PATTERN_BYTES_MAX) {
        return errmsg_set(msg, ERR_TOO_LARGE, "a pattern may have %d bytes, this one has %zu",
                          JSON_SCHEMA_PATTERN_BYTES_MAX, text.len);
    }
    struct json_schema_pattern *p = xnew(struct json_schema_pattern);
    err e = compile_both(p, text, msg); /* simple ones too, so that there is one judge */
    p->is_simple = json_schema_simple_read(text, &p->simple);
    if (e != ERR_OK) {
        json_schema_pattern_free(p);
        return e;
    }
    *out_pattern = p;
    return ERR_OK;
}

void json_schema_pattern_free(struct json_schema_pattern *p)
{
    if (p != NULL) {
        pcre2_code_free(p->quick);
        pcre2_code_free(p->counted);
        free(p);
    }
}

const struct json_schema_simple *json_schema_pattern_simple(const struct json_schema_pattern *p)
{
    return p->is_simple ? &p->simple : NULL;
}

/* ---- matching ---- */

/* Charges a step and the way since the last one; a negative answer ends the match. */
static int on_callout(pcre2_callout_block *block, void *data)
{
    struct json_schema_patterns *x = data;
    PCRE2_SIZE at = block->current_position;
    uint64_t cost = 1 + (at > x->position ? at - x->position : x->position - at);
    x->position = at;
    if (cost > x->budget) {
        x->budget = 0;
        return PCRE2_ERROR_CALLOUT;
    }
    x->budget -= cost;
    return 0;
}

err json_schema_patterns_new(struct json_schema_patterns **out_patterns)
{
    struct json_schema_patterns *x = xnew(struct json_schema_patterns);
    x->match = pcre2_match_data_create(1, NULL);
    x->quick = pcre2_match_context_create(NULL);
    x->counted = pcre2_match_context_create(NULL);
    if (x->match == NULL || x->quick == NULL || x->counted == NULL) {
        json_schema_patterns_free(x);
        return ERR_NOMEM;
    }
    (void)pcre2_set_match_limit(x->quick, QUICK_STEPS); /* none of these can fail */
    (void)pcre2_set_heap_limit(x->quick, HEAP_LIMIT_KIB);
    (void)pcre2_set_depth_limit(x->quick, DEPTH_LIMIT);
    (void)pcre2_set_match_limit(x->counted, COUNTED_MATCH_LIMIT);
    (void)pcre2_set_heap_limit(x->counted, HEAP_LIMIT_KIB);
    (void)pcre2_set_depth_limit(x->counted, DEPTH_LIMIT);
    (void)pcre2_set_callout(x->counted, on_callout, x);
    *out_patterns = x;
    return ERR_OK;
}

void json_schema_patterns_free(struct json_schema_patterns *x)
{
    if (x != NULL) {
        pcre2_match_data_free(x->match);
        pcre2_match_context_free(x->quick);
        pcre2_match_context_free(x->counted);
        free(x);
    }
}

enum json_schema_match json_schema_pattern_match(const struct json_schema_pattern *p,
                                                 struct json_schema_patterns *x, struct str text,
                                                 uint64_t *budget)
{
    if (p->is_simple) {
        return json_schema_simple_match(&p->simple, text) ? JSON_SCHEMA_MATCH
                                                          : JSON_SCHEMA_NO_MATCH;
    }
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.len == 0 ? "" : text.ptr);
    int result =
        pcre2_match(p->quick, subject, text.len, 0, PCRE2_NO_UTF_CHECK, x->match, x->quick);
    if (result == PCRE2_ERROR_NOMATCH) {
        return JSON_SCHEMA_NO_MATCH;
    }
    if (result >= 0) {
        return JSON_SCHEMA_MATCH;
    }
    x->budget = *budget;
    x->position = 0;
    result =
        pcre2_match(p->counted, subject, text.len, 0, PCRE2_NO_UTF_CHECK, x->match, x->counted);
    *budget = x->budget;
    if (result == PCRE2_ERROR_NOMATCH) {
        return JSON_SCHEMA_NO_MATCH;
    }
    if (result == PCRE2_ERROR_NOMEMORY) {
        return JSON_SCHEMA_MATCH_NOMEM;
    }
    return result >= 0 ? JSON_SCHEMA_MATCH : JSON_SCHEMA_TOO_MUCH;
}
