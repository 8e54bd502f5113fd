/* SPDX-License-Identifier: MIT */
/* template_int.h - what the generators share with the compiler. Nobody else includes it. */
#pragma once
#include "base/arena.h"
#include "flow/dice.h"
#include "flow/sample.h"
#include "flow/template.h"

enum {
    GENERATOR_OPTIONS_MAX = 8,
    TEMPLATE_ROWS_MAX = 16, /* labels that tie foreign keys to one row */
    TIMES_MAX = 4,
};

/* A text, then a generator (NULL after the last text). */
struct op {
    struct str text; /* in the arena */
    struct generator *generator;
};
struct program {
    struct op *ops; /* in the arena */
    size_t count;
};

enum dist { DIST_UNIFORM, DIST_NORMAL, DIST_EXPONENTIAL, DIST_ZIPF };

/* One generator at one place, with its options as it wants them. Zeroed by the compiler. */
struct generator {
    const struct generator_kind *kind;
    struct generator *next; /* all of a template, in order of compilation */
    bool is_text;           /* the compiler puts quotes around what it writes */
    bool is_kept;           /* another generator reads what this one wrote */
    size_t from;            /* kept: where in the output, */
    size_t len;             /* and how much */
    int64_t low;
    int64_t high;
    double low_number;
    double high_number;
    double mean;
    double deviation;
    uint64_t counter; /* $seq: renderings so far */
    uint32_t digits;
    uint32_t form; /* which of a few ways */
    enum dist dist;
    struct dice_zipf zipf;
    struct dice_weights weights; /* owned */
    struct program *programs;    /* in the arena */
    uint32_t program_count;
    struct str text; /* in the arena */
    const struct sample_column *column;
    struct sample_world world;
    uint32_t row;                        /* label + 1, 0: none */
    struct generator *others[TIMES_MAX]; /* whose output is read; NULL: factors[i] is a number */
    double factors[TIMES_MAX];
};

struct template
{
    struct arena *arena; /* owned */
    struct program program;
    struct generator *generators;
    struct dice dice;
    int64_t now_us;
    uint64_t serial; /* of the present rendering, from 1 */
    struct {
        struct str label;
        const struct sample_world *world; /* of the generator that draws first */
        char table[16];
        uint64_t serial; /* the rendering that drew `row` */
        uint64_t row;
    } rows[TEMPLATE_ROWS_MAX];
    uint32_t row_count;
    int64_t day; /* what day_text says */
    char day_text[16];
};

enum option_type { OPTION_INT, OPTION_NUMBER, OPTION_TEXT, OPTION_JSON };
struct generator_option {
    const char *name; /* NULL: no more */
    enum option_type type;
    double low; /* numbers only */
    double high;
};
struct option_value {
    const json_t *json; /* NULL: not given */
    int64_t integer;
    double number;
    struct str text;
};

struct compiler {
    struct template *template;
    struct buf path; /* JSON pointer of what is being compiled */
    size_t root;     /* bytes of `path` that stand for the template itself */
    struct buf text; /* fixed text since the last generator */
    struct op *ops;  /* owned, of the program under construction */
    size_t op_count;
    size_t op_cap;
    struct generator *tail;
    struct { /* generators that later ones may read, by their place */
        char *path;
        struct generator *generator;
    } * places; /* owned, each path too */
    size_t place_count;
    size_t place_cap;
    unsigned depth;
    unsigned inside; /* within lists and choices: places there have no one value */
    bool is_raw;     /* within $concat: text without quotes */
    struct errmsg *msg;
};

struct generator_kind {
    const char *name;     /* with the $ */
    const char *argument; /* NULL: an object of options; else what it takes, for the message */
    bool is_text;
    struct generator_option options[GENERATOR_OPTIONS_MAX];
    /* Reads the options (values[i] belongs to options[i]; `argument` is the whole) into `g`. */
    err (*compile)(struct compiler *c, const struct option_value *values, const json_t *argument,
                   struct generator *g);
    /* Appends a value without quotes; text is escaped already. */
    void (*write)(struct generator *g, struct template *t, struct buf *out);
};
extern const struct generator_kind template_kinds[];
extern const size_t template_kind_count;

/* The error with the present pointer before it. */
__attribute__((format(printf, 2, 3))) err compiler_fail(struct compiler *c, const char *format,
                                                        ...);
void compiler_enter(struct compiler *c, const char *key, size_t *out_mark);
void compiler_leave(struct compiler *c, size_t mark);
/* A template of its own within the present one. */
err compiler_program(struct compiler *c, const json_t *json, struct program *out_program);
/* The generator whose value stands at the JSON pointer `path` of the same template, or NULL. */
struct generator *compiler_place(struct compiler *c, struct str path);
/* Picks one of `names` ("a", "b", ... NULL); the first when not given. */
err compiler_word(struct compiler *c, const struct option_value *value, const char *option,
                  const char *const *names, uint32_t *out_index);
void program_render(const struct program *p, struct template *t, struct buf *out);

/* The generators: one group a file. */
err compile_int(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g);
err compile_float(struct compiler *c, const struct option_value *v, const json_t *a,
                  struct generator *g);
err compile_bool(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g);
err compile_seq(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g);
err compile_hex(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g);
err compile_time(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g);
err compile_times(struct compiler *c, const struct option_value *v, const json_t *a,
                  struct generator *g);
void write_int(struct generator *g, struct template *t, struct buf *out);
void write_float(struct generator *g, struct template *t, struct buf *out);
void write_bool(struct generator *g, struct template *t, struct buf *out);
void write_seq(struct generator *g, struct template *t, struct buf *out);
void write_uuid(struct generator *g, struct template *t, struct buf *out);
void write_hex(struct generator *g, struct template *t, struct buf *out);
void write_time(struct generator *g, struct template *t, struct buf *out);
void write_times(struct generator *g, struct template *t, struct buf *out);

err compile_name(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g);
err compile_text(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g);
err compile_ip(struct compiler *c, const struct option_value *v, const json_t *a,
               struct generator *g);
err compile_url(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g);
void write_name(struct generator *g, struct template *t, struct buf *out);
void write_city(struct generator *g, struct template *t, struct buf *out);
void write_country(struct generator *g, struct template *t, struct buf *out);
void write_email(struct generator *g, struct template *t, struct buf *out);
void write_text(struct generator *g, struct template *t, struct buf *out);
void write_ip(struct generator *g, struct template *t, struct buf *out);
void write_url(struct generator *g, struct template *t, struct buf *out);

err compile_choice(struct compiler *c, const struct option_value *v, const json_t *a,
                   struct generator *g);
err compile_list(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g);
err compile_concat(struct compiler *c, const struct option_value *v, const json_t *a,
                   struct generator *g);
err compile_copy(struct compiler *c, const struct option_value *v, const json_t *a,
                 struct generator *g);
err compile_ref(struct compiler *c, const struct option_value *v, const json_t *a,
                struct generator *g);
void write_choice(struct generator *g, struct template *t, struct buf *out);
void write_list(struct generator *g, struct template *t, struct buf *out);
void write_concat(struct generator *g, struct template *t, struct buf *out);
void write_copy(struct generator *g, struct template *t, struct buf *out);
void write_ref(struct generator *g, struct template *t, struct buf *out);
