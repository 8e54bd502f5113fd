/* SPDX-License-Identifier: MIT */
/* producer.c - see producer.h. */
#include "flow/producer.h"

#include "flow/producer_int.h"
#include "flow/template.h"

struct type {
    char *name;                /* owned */
    struct template *template; /* owned */
    double weight;
};

struct producer {
    struct type *types; /* owned; type_count of them */
    uint32_t type_count;
    struct dice_weights weights;
    struct pace pace;
    uint64_t count_max;
    int64_t duration_us;
    double bad_share;
    enum producer_bad bad[PRODUCER_BAD_COUNT];
    uint32_t bad_count;
    struct dice dice;
};

/* ---- reading ---- */

static err unknown_member(const json_t *object, const char *pointer, const char *const *known,
                          struct errmsg *msg)
{
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        const char *key = json_object_iter_key(at);
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            AUTO_BUF all = buf_make(ERRMSG_BYTES);
            for (i = 0; known[i] != NULL; i++) {
                buf_puts(&all, i == 0 ? "" : ", ");
                buf_puts(&all, known[i]);
            }
            return errmsg_set(msg, ERR_INVALID, "%s/%.100s: there is no such member; there are %s",
                              pointer, key, buf_cstr(&all));
        }
    }
    return ERR_OK;
}

static err read_number(const json_t *spec, const char *name, double low, double high, double *value,
                       struct errmsg *msg)
{
    const json_t *json = json_object_get(spec, name);
    if (json == NULL) {
        return ERR_OK;
    }
    double number = json_number_value(json);
    if (!json_is_number(json) || !(number >= low && number <= high)) {
        return errmsg_set(msg, ERR_INVALID, "/%s must be a number from %g to %g", name, low, high);
    }
    *value = number;
    return ERR_OK;
}

static err read_type(struct producer *p, const json_t *json, size_t i, uint64_t seed,
                     struct errmsg *msg)
{
    static const char *const known[] = {"name", "weight", "template", NULL};
    char pointer[64];
    (void)snprintf(pointer, sizeof pointer, "/types/%zu", i); /* fits */
    if (!json_is_object(json)) {
        return errmsg_set(msg, ERR_INVALID, "%s must be an object", pointer);
    }
    TRY(unknown_member(json, pointer, known, msg));
    const json_t *name = json_object_get(json, "name");
    const json_t *weight = json_object_get(json, "weight");
    struct type *t = &p->types[i];
    if (!json_is_string(name) || json_string_length(name) == 0 || json_string_length(name) > 100) {
        return errmsg_set(msg, ERR_INVALID, "%s/name must be a text of 1 to 100 bytes", pointer);
    }
    for (size_t j = 0; j < i; j++) {
        if (strcmp(p->types[j].name, json_string_value(name)) == 0) {
            return errmsg_set(msg, ERR_INVALID, "%s/name: there is another type \"%s\"", pointer,
                              json_string_value(name));
        }
    }
    t->name = xstrdup(json_string_value(name));
    t->weight = weight == NULL ? 1 : json_number_value(weight);
    if ((weight != NULL && !json_is_number(weight)) || !(t->weight >= 0 && t->weight <= 1e12)) {
        return errmsg_set(msg, ERR_INVALID, "%s/weight must be a number from 0 to 1e12", pointer);
    }
    (void)snprintf(pointer, sizeof pointer, "/types/%zu/template", i); /* fits */
    return template_compile(json_object_get(json, "template"), pointer, dice_mix(seed, i + 1),
                            &t->template, msg);
}

static err read_types(struct producer *p, const json_t *spec, uint64_t seed, struct errmsg *msg)
{
    const json_t *template = json_object_get(spec, "template");
    const json_t *types = json_object_get(spec, "types");
    if ((template == NULL) == (types == NULL)) {
        return errmsg_set(
            msg, ERR_INVALID,
            "give \"template\" (one type of events), \"types\" (several with weights) "
            "or a preset: %s",
            producer_presets());
    }
    size_t count = template != NULL ? 1 : json_array_size(types);
    if (template == NULL && (!json_is_array(types) || count == 0 || count > PRODUCER_TYPES_MAX)) {
        return errmsg_set(msg, ERR_INVALID, "/types must be a list of 1 to %d types",
                          PRODUCER_TYPES_MAX);
    }
    p->types = xnew_array(struct type, count);
    p->type_count = (uint32_t)count;
    double sum = 0;
    double weights[PRODUCER_TYPES_MAX];
    for (size_t i = 0; i < count; i++) {
        if (template != NULL) {
            p->types[i] = (struct type){.name = xstrdup("event"), .weight = 1};
            TRY(template_compile(template, "/template", dice_mix(seed, 1), &p->types[i].template,
                                 msg));
        } else {
            TRY(read_type(p, json_array_get(types, i), i, seed, msg));
        }
        weights[i] = p->types[i].weight;
        sum += weights[i];
    }
    if (!(sum > 0)) {
        return errmsg_set(msg, ERR_INVALID, "/types: the weights must not all be 0");
    }
    dice_weights_init(&p->weights, weights, p->type_count);
    return ERR_OK;
}

static err read_bad_kind(struct producer *p, const json_t *name, struct errmsg *msg)
{
    AUTO_BUF all = buf_make(ERRMSG_BYTES);
    for (int k = 0; k < PRODUCER_BAD_COUNT; k++) {
        if (json_is_string(name) &&
            strcmp(json_string_value(name), producer_bad_name((enum producer_bad)k)) == 0) {
            p->bad[p->bad_count++] = (enum producer_bad)k;
            return ERR_OK;
        }
        buf_puts(&all, k == 0 ? "" : ", ");
        buf_puts(&all, producer_bad_name((enum producer_bad)k));
    }
    return errmsg_set(msg, ERR_INVALID, "/bad/kinds holds something else than %s", buf_cstr(&all));
}

static err read_bad(struct producer *p, const json_t *spec, struct errmsg *msg)
{
    static const char *const known[] = {"share", "kinds", NULL};
    const json_t *bad = json_object_get(spec, "bad");
    if (bad == NULL) {
        return ERR_OK;
    }
    const json_t *share = json_object_get(bad, "share");
    const json_t *kinds = json_object_get(bad, "kinds");
    size_t count = json_array_size(kinds);
    TRY(unknown_member(bad, "/bad", known, msg));
    p->bad_share = json_number_value(share);
    if (!json_is_number(share) || !(p->bad_share >= 0 && p->bad_share <= 1)) {
        return errmsg_set(msg, ERR_INVALID, "/bad/share must be a number from 0 to 1");
    }
    if (kinds != NULL && (!json_is_array(kinds) || count == 0 || count > PRODUCER_BAD_COUNT)) {
        return errmsg_set(msg, ERR_INVALID, "/bad/kinds must be a list of 1 to %d kinds",
                          PRODUCER_BAD_COUNT);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(read_bad_kind(p, json_array_get(kinds, i), msg));
    }
    for (int k = 0; kinds == NULL && k < PRODUCER_BAD_COUNT; k++) {
        p->bad[p->bad_count++] = (enum producer_bad)k;
    }
    return ERR_OK;
}

static err read_limits(struct producer *p, const json_t *spec, struct errmsg *msg)
{
    double count = 0;
    double seconds = 0;
    TRY(read_number(spec, "count", 0, 1e15, &count, msg));
    TRY(read_number(spec, "duration_s", 0, 1e9, &seconds, msg));
    p->count_max = (uint64_t)count;
    p->duration_us = (int64_t)(seconds * 1e6);
    const json_t *rate = json_object_get(spec, "rate");
    if (rate == NULL) {
        p->pace = (struct pace){.kind = PACE_CONSTANT, .base = PRODUCER_RATE_DEFAULT};
        return ERR_OK;
    }
    return pace_compile(rate, "/rate", &p->pace, msg);
}

err producer_compile(const json_t *spec, uint64_t seed, uint64_t stream,
                     struct producer **out_producer, struct errmsg *msg)
{
    static const char *const known[] = {"topic",      "seed",  "rate",     "count", "bad",
                                        "duration_s", "types", "template", NULL};
    AUTO(producer) p = xnew(struct producer);
    if (!json_is_object(spec)) {
        return errmsg_set(msg, ERR_INVALID, "a producer's specification is a JSON object");
    }
    TRY(unknown_member(spec, "", known, msg));
    double own = 0;
    TRY(read_number(spec, "seed", 0, 9e15, &own, msg));
    seed = json_object_get(spec, "seed") != NULL ? (uint64_t)own : seed;
    seed = stream > 0 ? dice_mix(seed, stream) : seed;
    p->dice = dice_make(seed);
    const json_t *topic = json_object_get(spec, "topic");
    if (topic != NULL && !json_is_string(topic)) {
        return errmsg_set(msg, ERR_INVALID, "/topic must be a topic's name");
    }
    TRY(read_limits(p, spec, msg));
    TRY(read_bad(p, spec, msg));
    TRY(read_types(p, spec, seed, msg));
    *out_producer = TAKE(p);
    return ERR_OK;
}

void producer_free(struct producer *p)
{
    if (p == NULL) {
        return;
    }
    for (uint32_t i = 0; i < p->type_count; i++) {
        free(p->types[i].name);
        template_free(p->types[i].template);
    }
    free(p->types);
    dice_weights_deinit(&p->weights);
    free(p);
}

/* ---- use ---- */

const struct pace *producer_pace(const struct producer *p)
{
    return &p->pace;
}

uint64_t producer_count_max(const struct producer *p)
{
    return p->count_max;
}

int64_t producer_duration_us(const struct producer *p)
{
    return p->duration_us;
}

bool producer_next(struct producer *p, int64_t now_us, struct buf *out)
{
    uint32_t type = p->type_count == 1 ? 0 : dice_weighted(&p->dice, &p->weights);
    size_t from = out->len;
    template_render(p->types[type].template, now_us, out);
    if (out->len - from > TEMPLATE_EVENT_BYTES_MAX) {
        out->failed = true;
    }
    bool is_bad = p->bad_share > 0 && dice_chance(&p->dice, p->bad_share);
    if (is_bad && !out->failed) {
        producer_spoil(p->bad[dice_below(&p->dice, p->bad_count)], &p->dice, from, out);
    }
    return is_bad;
}

static struct type *find_type(const struct producer *p, const char *name)
{
    for (uint32_t i = 0; i < p->type_count; i++) {
        if (strcmp(p->types[i].name, name) == 0) {
            return &p->types[i];
        }
    }
    return NULL;
}

void producer_continue(struct producer *p, const struct producer *old)
{
    p->dice = old->dice;
    for (uint32_t i = 0; i < p->type_count; i++) {
        const struct type *was = find_type(old, p->types[i].name);
        if (was != NULL) {
            template_continue(p->types[i].template, was->template);
        }
    }
}

void producer_skip(struct producer *p, uint64_t count)
{
    /* Where exactly each type's counter stood is not kept: every one goes on after all events, so
     * that no number comes twice. */
    for (uint32_t i = 0; count > 0 && i < p->type_count; i++) {
        template_skip(p->types[i].template, count);
    }
}
