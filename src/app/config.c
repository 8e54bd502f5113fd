/* SPDX-License-Identifier: MIT */
/* config.c - the table of config.h turned into YAML schema, options and reference. */
#include "app/config.h"

#include <cyaml/cyaml.h>

#include "os/file.h"

enum kind { KIND_TEXT, KIND_BYTES, KIND_COUNT, KIND_DURATION, KIND_BOOL };

struct setting {
    const char *name;
    enum kind kind;
    const char *dflt;
    uint64_t low;
    uint64_t high;
    const char *help;
    size_t offset;
};

static const struct setting settings[] = {
#define CONFIG_ROW_(name, kind, dflt, low, high, help)                                             \
    {#name, KIND_##kind, dflt, low, high, help, offsetof(struct config, name)},
    CONFIG_SETTINGS(CONFIG_ROW_)
#undef CONFIG_ROW_
};

/* What YAML gives us: every value as the text that was written. */
struct raw {
#define CONFIG_RAW_(name, kind, dflt, low, high, help) char *name;
    CONFIG_SETTINGS(CONFIG_RAW_)
#undef CONFIG_RAW_
};

static const cyaml_schema_field_t raw_fields[] = {
#define CONFIG_CYAML_(name, kind, dflt, low, high, help)                                           \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, name, 0,   \
                           CYAML_UNLIMITED),
    CONFIG_SETTINGS(CONFIG_CYAML_)
#undef CONFIG_CYAML_
        CYAML_FIELD_END};

static const cyaml_schema_value_t raw_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, raw_fields),
};

static bool same_name(const char *a, const char *b)
{
    for (; *a != '\0' || *b != '\0'; a++, b++) {
        char left = *a == '-' ? '_' : *a;
        char right = *b == '-' ? '_' : *b;
        if (left != right) {
            return false;
        }
    }
    return true;
}

static const struct setting *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (same_name(settings[i].name, name)) {
            return &settings[i];
        }
    }
    return NULL;
}

static err check_choice(const struct setting *s, const char *value, struct errmsg *msg)
{
    static const struct {
        const char *name;
        const char *choices; /* each between spaces */
    } rows[] = {
        {"log_level", " debug info warn error "},
        {"log_format", " text json "},
        {"durability", " fsync page_cache "},
        {"kafka", " off "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_TEXT wanted = xasprintf(" %s ", value);
        if (strcmp(rows[i].name, s->name) == 0 && strstr(rows[i].choices, wanted) == NULL) {
            return errmsg_set(msg, ERR_INVALID, "%s: \"%s\" is not one of%s", s->name, value,
                              rows[i].choices);
        }
    }
    return ERR_OK;
}

static err set_number(const struct setting *s, const char *value, uint64_t *out_number,
                      struct errmsg *msg)
{
    uint64_t number = 0;
    struct str text = str_from(value);
    bool ok = s->kind == KIND_BYTES      ? str_to_bytes(text, &number)
              : s->kind == KIND_DURATION ? str_to_duration_ms(text, &number)
                                         : str_to_u64(text, &number);
    const char *example = s->kind == KIND_BYTES      ? "a size such as 128MiB"
                          : s->kind == KIND_DURATION ? "a time such as 60s or 7d"
                                                     : "a number";
    if (!ok) {
        return errmsg_set(msg, ERR_INVALID, "%s: \"%s\" is not %s", s->name, value, example);
    }
    if (number < s->low || number > s->high) {
        return errmsg_set(msg, ERR_INVALID, "%s: %s is not between %llu and %llu", s->name, value,
                          (unsigned long long)s->low, (unsigned long long)s->high);
    }
    *out_number = number;
    return ERR_OK;
}

static err set(struct config *c, const struct setting *s, const char *value, struct errmsg *msg)
{
    void *field = (char *)c + s->offset;
    if (s->kind == KIND_TEXT) {
        TRY(check_choice(s, value, msg));
        char *copy = xstrdup(value); /* first: `value` may be what is replaced */
        free(*(char **)field);
        *(char **)field = copy;
        return ERR_OK;
    }
    if (s->kind == KIND_BOOL) {
        bool yes = strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;
        if (!yes && strcmp(value, "false") != 0 && strcmp(value, "no") != 0) {
            return errmsg_set(msg, ERR_INVALID, "%s: \"%s\" is not true or false", s->name, value);
        }
        *(bool *)field = yes;
        return ERR_OK;
    }
    return set_number(s, value, field, msg);
}

void config_init(struct config *c)
{
    *c = (struct config){0};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        struct errmsg msg;
        err e = set(c, &settings[i], settings[i].dflt, &msg);
        ASSERT(e == ERR_OK);
    }
}

void config_deinit(struct config *c)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (settings[i].kind == KIND_TEXT) {
            free(*(char **)((char *)c + settings[i].offset));
        }
    }
    *c = (struct config){0};
}

err config_set(struct config *c, const char *name, const char *value, struct errmsg *msg)
{
    const struct setting *s = find(name);
    if (s == NULL) {
        return errmsg_set(msg, ERR_NOT_FOUND, "there is no setting \"%s\"; see `tarn config`",
                          name);
    }
    return set(c, s, value, msg);
}

__attribute__((format(printf, 3, 0))) static void keep_cyaml_text(cyaml_log_t level, void *context,
                                                                  const char *format, va_list args)
{
    (void)level;
    struct buf *text = context;
    buf_vprintf(text, format, args);
}

err config_load_file(struct config *c, const char *path, struct errmsg *msg)
{
    AUTO_BUF complaint = buf_make(4096);
    AUTO_BUF text = buf_make(1 << 20);
    TRY(os_read_file(path, &text, msg));
    const cyaml_config_t cyaml = {
        .log_fn = keep_cyaml_text,
        .log_ctx = &complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
    };
    struct raw *raw = NULL;
    cyaml_err_t result = cyaml_load_data((const uint8_t *)text.data, text.len, &cyaml, &raw_schema,
                                         (cyaml_data_t **)&raw, NULL);
    if (result != CYAML_OK) {
        struct str detail = str_trim(buf_str(&complaint));
        return errmsg_set(msg, ERR_INVALID, "%s: %s: %.*s", path, cyaml_strerror(result),
                          STR_ARGS(detail));
    }
    if (raw == NULL) {
        return ERR_OK; /* nothing but comments */
    }
    char *const *values = (char *const *)raw;
    err e = ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(settings) && e == ERR_OK; i++) {
        if (values[i] != NULL) {
            e = set(c, &settings[i], values[i], msg);
        }
    }
    (void)cyaml_free(&cyaml, &raw_schema, raw, 0); /* only fails on bad arguments */
    return e == ERR_OK ? ERR_OK : errmsg_wrap(msg, e, "%s", path);
}

/* Matches "--name VALUE" and "--name=VALUE"; sets *out_words to how many words it takes. */
static bool option(int argc, char **argv, int at, char name[64], const char **out_value,
                   int *out_words)
{
    if (strncmp(argv[at], "--", 2) != 0 || strlen(argv[at]) > 4000) {
        return false;
    }
    const char *word = argv[at] + 2;
    const char *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    if (len == 0 || len >= 64) {
        return false;
    }
    memcpy(name, word, len);
    name[len] = '\0';
    *out_words = equals != NULL ? 1 : 2;
    *out_value = equals != NULL ? equals + 1 : at + 1 < argc ? argv[at + 1] : NULL;
    return strcmp(name, "config") == 0 || find(name) != NULL;
}

err config_from_args(struct config *c, int *argc, char **argv, struct errmsg *msg)
{
    for (int pass = 0; pass < 2; pass++) {
        int kept = 0;
        for (int at = 0; at < *argc;) {
            char name[64];
            const char *value = NULL;
            int words = 1;
            if (!option(*argc, argv, at, name, &value, &words)) {
                argv[kept++] = argv[at++];
                continue;
            }
            if (value == NULL) {
                return errmsg_set(msg, ERR_INVALID, "--%s needs a value", name);
            }
            bool is_file = strcmp(name, "config") == 0;
            if (pass == 0 && is_file) {
                TRY(config_load_file(c, value, msg));
            } else if (pass == 0) {
                for (int i = 0; i < words; i++) {
                    argv[kept++] = argv[at + i]; /* options come after the file: next pass */
                }
            } else {
                TRY(config_set(c, name, value, msg));
            }
            at += words;
        }
        *argc = kept;
    }
    argv[*argc] = NULL;
    return ERR_OK;
}

static char *value_text(const struct config *c, const struct setting *s)
{
    const void *field = (const char *)c + s->offset;
    switch (s->kind) {
    case KIND_TEXT:
        return xstrdup(*(char *const *)field);
    case KIND_BOOL:
        return xstrdup(*(const bool *)field ? "true" : "false");
    case KIND_DURATION:
        return xasprintf("%llums", (unsigned long long)*(const uint64_t *)field);
    case KIND_BYTES:
    case KIND_COUNT:
        break;
    }
    return xasprintf("%llu", (unsigned long long)*(const uint64_t *)field);
}

char **config_to_args(const struct config *c, size_t *out_count)
{
    struct config defaults;
    config_init(&defaults);
    char **words = xnew_array(char *, ARRAY_LEN(settings) + 1);
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        AUTO_TEXT value = value_text(c, &settings[i]);
        AUTO_TEXT dflt = value_text(&defaults, &settings[i]);
        if (strcmp(value, dflt) != 0) {
            words[count++] = xasprintf("--%s=%s", settings[i].name, value);
        }
    }
    config_deinit(&defaults);
    *out_count = count;
    return words;
}

void config_write_markdown(struct buf *out)
{
    static const char *const kinds[] = {"text", "size", "number", "time", "true or false"};
    buf_puts(out, "# Configuration\n\n"
                  "Made from the table in `src/app/config.h` by `tarn config --markdown`; do not "
                  "edit.\n\n"
                  "Every setting has a default, so `tarn serve` works with none. A YAML file "
                  "(`--config FILE`) changes\nsome, and every setting is also an option: "
                  "`flush_age: 10s` in the file is `--flush-age 10s` on the\ncommand line, which "
                  "wins. Sizes take `KiB MiB GiB TiB` (and `kB MB GB TB`), times `ms s m h d`.\n\n"
                  "| setting | kind | default | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        const struct setting *s = &settings[i];
        const char *dflt = s->dflt[0] == '\0' ? "none" : s->dflt;
        buf_printf(out, "| `%s` | %s | `%s` | %s |\n", s->name, kinds[s->kind], dflt, s->help);
    }
}
