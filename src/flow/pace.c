/* SPDX-License-Identifier: MIT */
/* pace.c - see pace.h. */
#include "flow/pace.h"

#include <math.h>

static const double TURN = 6.283185307179586;

struct member {
    const char *name;
    double low;
    double high;
    double *out;
};

static err read_members(const json_t *object, const char *pointer, const char *kind,
                        const struct member *members, size_t count, struct errmsg *msg)
{
    if (!json_is_object(object)) {
        return errmsg_set(msg, ERR_INVALID, "%s/%s must be an object", pointer, kind);
    }
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct member *m = &members[i];
        const json_t *value = json_object_get(object, m->name);
        double number = json_number_value(value);
        if (!json_is_number(value) || !(number >= m->low && number <= m->high)) {
            return errmsg_set(msg, ERR_INVALID, "%s/%s/%s must be a number from %g to %g", pointer,
                              kind, m->name, m->low, m->high);
        }
        *m->out = number;
        found++;
    }
    if (found == json_object_size(object)) {
        return ERR_OK;
    }
    AUTO_BUF names = buf_make(256);
    for (size_t i = 0; i < count; i++) {
        buf_puts(&names, i == 0 ? "" : ", ");
        buf_puts(&names, members[i].name);
    }
    return errmsg_set(msg, ERR_INVALID, "%s/%s has a member that is not one of %s", pointer, kind,
                      buf_cstr(&names));
}

static err compile_sine(const json_t *spec, const char *pointer, struct pace *p, struct errmsg *msg)
{
    const struct member members[] = {{"mean", 0, PACE_RATE_MAX, &p->base},
                                     {"amplitude", 0, PACE_RATE_MAX, &p->swing},
                                     {"period_s", 0.1, 1e7, &p->period_s}};
    p->kind = PACE_SINE;
    TRY(read_members(spec, pointer, "sine", members, ARRAY_LEN(members), msg));
    if (p->swing > p->base) {
        return errmsg_set(msg, ERR_INVALID,
                          "%s/sine/amplitude must not be over the mean: a rate is never negative",
                          pointer);
    }
    return ERR_OK;
}

static err compile_bursts(const json_t *spec, const char *pointer, struct pace *p,
                          struct errmsg *msg)
{
    const struct member members[] = {{"base", 0, PACE_RATE_MAX, &p->base},
                                     {"burst", 0, PACE_RATE_MAX, &p->swing},
                                     {"every_s", 0.1, 1e7, &p->period_s},
                                     {"length_s", 0.01, 1e7, &p->length_s}};
    p->kind = PACE_BURSTS;
    TRY(read_members(spec, pointer, "bursts", members, ARRAY_LEN(members), msg));
    if (p->length_s > p->period_s) {
        return errmsg_set(msg, ERR_INVALID, "%s/bursts/length_s must not be over every_s", pointer);
    }
    return ERR_OK;
}

err pace_compile(const json_t *spec, const char *pointer, struct pace *out_pace, struct errmsg *msg)
{
    struct pace p = {.kind = PACE_CONSTANT};
    const json_t *constant = json_object_get(spec, "constant");
    const json_t *sine = json_object_get(spec, "sine");
    const json_t *bursts = json_object_get(spec, "bursts");
    if (json_is_number(spec)) {
        p.base = json_number_value(spec);
        if (!(p.base >= 0 && p.base <= PACE_RATE_MAX)) {
            return errmsg_set(msg, ERR_INVALID, "%s must be a number from 0 to %g", pointer,
                              PACE_RATE_MAX);
        }
    } else if (!json_is_object(spec) || json_object_size(spec) != 1 ||
               (constant == NULL && sine == NULL && bursts == NULL)) {
        return errmsg_set(msg, ERR_INVALID,
                          "%s must be a number of events a second, or an object with one of "
                          "constant, sine, bursts",
                          pointer);
    } else if (constant != NULL) {
        const struct member members[] = {{"rate", 0, PACE_RATE_MAX, &p.base}};
        TRY(read_members(constant, pointer, "constant", members, 1, msg));
    } else if (sine != NULL) {
        TRY(compile_sine(sine, pointer, &p, msg));
    } else {
        TRY(compile_bursts(bursts, pointer, &p, msg));
    }
    *out_pace = p;
    return ERR_OK;
}

double pace_due(const struct pace *p, int64_t elapsed_us)
{
    double t = (double)MAX(elapsed_us, 0) / 1e6;
    switch (p->kind) {
    case PACE_SINE:
        return p->base * t + p->swing * p->period_s / TURN * (1 - cos(TURN * t / p->period_s));
    case PACE_BURSTS: {
        double whole = floor(t / p->period_s);
        double burst_s = whole * p->length_s + fmin(t - whole * p->period_s, p->length_s);
        return p->base * (t - burst_s) + p->swing * burst_s;
    }
    case PACE_CONSTANT:
        break;
    }
    return p->base * t;
}

double pace_rate(const struct pace *p, int64_t elapsed_us)
{
    double t = (double)MAX(elapsed_us, 0) / 1e6;
    switch (p->kind) {
    case PACE_SINE:
        return p->base + p->swing * sin(TURN * t / p->period_s);
    case PACE_BURSTS:
        return fmod(t, p->period_s) < p->length_s ? p->swing : p->base;
    case PACE_CONSTANT:
        break;
    }
    return p->base;
}
