/* SPDX-License-Identifier: MIT */
/* server_route.c - the route table: patterns are split once, requests matched segment by segment.
 * Between two routes that match, the one that is literal at the first difference wins, then a
 * parameter, then a tail; the order in the table does not matter. */
#include "http/server_int.h"

static err compile_segment(struct str text, struct route_segment *out_segment, const char *path,
                           struct errmsg *msg)
{
    if (text.len == 0 || text.ptr[0] != '{') {
        *out_segment = (struct route_segment){SEGMENT_LITERAL, text};
        return ERR_OK;
    }
    if (text.len < 3 || text.ptr[text.len - 1] != '}') {
        return errmsg_set(msg, ERR_INVALID, "route %s: bad parameter", path);
    }
    struct str name = str_of(text.ptr + 1, text.len - 2);
    enum segment_kind kind = SEGMENT_PARAM;
    if (str_ends(name, STR("..."))) {
        kind = SEGMENT_TAIL;
        name.len -= 3;
    }
    *out_segment = (struct route_segment){kind, name};
    return ERR_OK;
}

static err compile_route(const struct http_route *route, struct compiled_route *out_compiled,
                         struct errmsg *msg)
{
    struct compiled_route c = {.route = route};
    struct str rest = str_from(route->path);
    size_t params = 0;
    if (rest.len == 0 || rest.ptr[0] != '/' || route->handler == NULL ||
        route->handler->on_request == NULL) {
        return errmsg_set(msg, ERR_INVALID, "route %s: no path or no handler", route->path);
    }
    rest = str_of(rest.ptr + 1, rest.len - 1);
    do {
        ptrdiff_t slash = str_find(rest, '/');
        struct str text = slash < 0 ? rest : str_of(rest.ptr, (size_t)slash);
        if (c.segment_count == HTTP_SEGMENTS_MAX ||
            (c.segment_count > 0 && c.segments[c.segment_count - 1].kind == SEGMENT_TAIL)) {
            return errmsg_set(msg, ERR_INVALID, "route %s: too long", route->path);
        }
        struct route_segment *segment = &c.segments[c.segment_count++];
        TRY(compile_segment(text, segment, route->path, msg));
        params += segment->kind == SEGMENT_LITERAL ? 0 : 1;
        rest = slash < 0 ? (struct str){NULL, 0}
                         : str_of(rest.ptr + slash + 1, rest.len - (size_t)slash - 1);
    } while (rest.ptr != NULL);
    if (params > HTTP_PATH_PARAMS_MAX) {
        return errmsg_set(msg, ERR_INVALID, "route %s: too many parameters", route->path);
    }
    *out_compiled = c;
    return ERR_OK;
}

err route_table_build(struct route_table *table, const struct http_route *routes, size_t count,
                      struct errmsg *msg)
{
    *table =
        (struct route_table){.items = xnew_array(struct compiled_route, MAX(count, (size_t)1))};
    for (size_t i = 0; i < count; i++) {
        err e = compile_route(&routes[i], &table->items[i], msg);
        if (e != ERR_OK) {
            route_table_deinit(table);
            return e;
        }
        table->count++;
    }
    return ERR_OK;
}

void route_table_deinit(struct route_table *table)
{
    free(table->items);
    *table = (struct route_table){0};
}

static bool route_matches(const struct compiled_route *c, const struct str *segments, size_t count)
{
    if (c->segment_count != count && c->segments[c->segment_count - 1].kind != SEGMENT_TAIL) {
        return false; /* most routes end here, before any text is compared */
    }
    for (size_t i = 0; i < c->segment_count; i++) {
        if (c->segments[i].kind == SEGMENT_TAIL) {
            return i < count;
        }
        if (i >= count || segments[i].len == 0) {
            /* Only the root "/" is one empty segment. */
            return i < count && count == 1 && c->segment_count == 1 &&
                   c->segments[0].kind == SEGMENT_LITERAL && c->segments[0].text.len == 0;
        }
        if (c->segments[i].kind == SEGMENT_LITERAL && !str_eq(c->segments[i].text, segments[i])) {
            return false;
        }
    }
    return c->segment_count == count;
}

/* True when `a` is literal (or at least one segment) where `b` first is less so. */
static bool is_more_specific(const struct compiled_route *a, const struct compiled_route *b)
{
    for (size_t i = 0; i < a->segment_count && i < b->segment_count; i++) {
        if (a->segments[i].kind != b->segments[i].kind) {
            return a->segments[i].kind < b->segments[i].kind;
        }
    }
    return false;
}

const struct compiled_route *route_table_find(const struct route_table *table,
                                              const struct str *segments, size_t count,
                                              enum http_verb verb, unsigned *out_verbs)
{
    const struct compiled_route *best = NULL;
    unsigned verbs = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct compiled_route *c = &table->items[i];
        if (!route_matches(c, segments, count)) {
            continue;
        }
        verbs |= 1u << c->route->verb;
        if (c->route->verb == verb && (best == NULL || is_more_specific(c, best))) {
            best = c;
        }
    }
    *out_verbs = verbs;
    return best;
}

void route_allow_text(unsigned verbs, char out[64])
{
    static const char *const NAMES[] = {
        [HTTP_VERB_GET] = "GET, HEAD, ", [HTTP_VERB_POST] = "POST, ",     [HTTP_VERB_PUT] = "PUT, ",
        [HTTP_VERB_PATCH] = "PATCH, ",   [HTTP_VERB_DELETE] = "DELETE, ",
    };
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if ((verbs & (1u << i)) != 0) {
            memcpy(out + at, NAMES[i], strlen(NAMES[i]));
            at += strlen(NAMES[i]);
        }
    }
    memcpy(out + at, "OPTIONS", sizeof "OPTIONS"); /* 39 + 8 bytes at most */
}
