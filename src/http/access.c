/* SPDX-License-Identifier: MIT */
/* access.c - see access.h. */
#include "http/access.h"

#include <arpa/inet.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static bool is_port(struct str text)
{
    uint64_t port = 0;
    return text.len == 0 || (text.len <= 5 && str_to_u64(text, &port) && port <= 65535);
}

/* Copies a short text for the C library's address parser. */
static bool is_ip(int family, struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, bytes) == 1;
}

static bool parse_bracketed(struct str text, struct str *out_name)
{
    ptrdiff_t close = str_find(text, ']');
    if (close < 0) {
        return false;
    }
    struct str name = str_of(text.ptr + 1, (size_t)close - 1);
    struct str rest = str_of(text.ptr + close + 1, text.len - (size_t)close - 1);
    if (!is_ip(AF_INET6, name) ||
        (rest.len > 0 && (rest.ptr[0] != ':' || !is_port(str_of(rest.ptr + 1, rest.len - 1))))) {
        return false;
    }
    *out_name = name;
    return true;
}

bool http_authority_parse(struct str text, struct str *out_name, bool *out_is_address)
{
    if (text.len == 0 || text.len > 300) {
        return false;
    }
    if (text.ptr[0] == '[') {
        *out_is_address = true;
        return parse_bracketed(text, out_name);
    }
    ptrdiff_t colon = str_find(text, ':');
    struct str name = colon < 0 ? text : str_of(text.ptr, (size_t)colon);
    if (name.len == 0 ||
        (colon >= 0 && !is_port(str_of(text.ptr + colon + 1, text.len - (size_t)colon - 1)))) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(name.ptr[i])) {
            return false;
        }
    }
    *out_name = name;
    *out_is_address = is_ip(AF_INET, name);
    return true;
}

bool http_host_allowed(struct str host_name, bool is_address, const char *const *names,
                       size_t name_count, struct str local)
{
    if (is_address) {
        if (str_starts(host_name, STR("127.")) || str_is(host_name, "::1") ||
            (local.len > 0 && str_eq_nocase(host_name, local))) {
            return true;
        }
    } else if (str_eq_nocase(host_name, STR("localhost"))) {
        return true;
    }
    for (size_t i = 0; i < name_count; i++) {
        if (str_eq_nocase(host_name, str_from(names[i]))) {
            return true;
        }
    }
    return false;
}

bool http_origin_allowed(struct str origin, const char *const *names, size_t name_count,
                         struct str local)
{
    struct str rest;
    if (str_starts(origin, STR("http://"))) {
        rest = str_of(origin.ptr + 7, origin.len - 7);
    } else if (str_starts(origin, STR("https://"))) {
        rest = str_of(origin.ptr + 8, origin.len - 8);
    } else {
        return false;
    }
    struct str name;
    bool is_address = false;
    return http_authority_parse(rest, &name, &is_address) &&
           http_host_allowed(name, is_address, names, name_count, local);
}

static bool origin_rest(struct str origin, struct str *out_authority, const char **out_port)
{
    static const struct {
        const char *scheme;
        const char *port;
    } rows[] = {{"http://", ":80"}, {"https://", ":443"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str scheme = str_from(rows[i].scheme);
        if (origin.len > scheme.len && str_eq_nocase(str_of(origin.ptr, scheme.len), scheme)) {
            *out_authority = str_of(origin.ptr + scheme.len, origin.len - scheme.len);
            *out_port = rows[i].port;
            return true;
        }
    }
    return false;
}

bool http_origin_valid(struct str origin)
{
    struct str authority;
    struct str name;
    const char *default_port;
    bool is_address = false;
    return origin_rest(origin, &authority, &default_port) &&
           http_authority_parse(authority, &name, &is_address) && !str_ends(authority, STR(":")) &&
           !str_ends(authority, str_from(default_port));
}

bool http_origin_named(struct str origin, const char *const *origins, size_t count,
                       bool *out_is_any)
{
    bool is_any = false;
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(origin, str_from(origins[i]))) {
            *out_is_any = false;
            return true;
        }
        is_any = is_any || strcmp(origins[i], "*") == 0;
    }
    *out_is_any = is_any;
    return is_any;
}

bool http_origin_own(struct str origin, struct str host, struct str fetch_site)
{
    if (str_is(fetch_site, "same-origin")) {
        return true;
    }
    struct str authority;
    const char *default_port;
    return host.len > 0 && http_origin_valid(origin) &&
           origin_rest(origin, &authority, &default_port) && str_eq_nocase(authority, host);
}

bool http_token_equal(struct str given, struct str token)
{
    /* Only the length of what was given decides how long this takes. */
    unsigned difference = given.len == token.len ? 0 : 1;
    for (size_t i = 0; i < given.len; i++) {
        unsigned char expected = token.len == 0 ? 0 : (unsigned char)token.ptr[i % token.len];
        difference |= (unsigned)((unsigned char)given.ptr[i] ^ expected);
    }
    return token.len > 0 && difference == 0;
}

bool http_token_matches(struct str authorization, struct str token)
{
    if (authorization.len < 7 || !str_eq_nocase(str_of(authorization.ptr, 7), STR("bearer "))) {
        return false;
    }
    return http_token_equal(str_trim(str_of(authorization.ptr + 7, authorization.len - 7)), token);
}

struct str http_cookie(struct str cookies, const char *name)
{
    while (cookies.len > 0) {
        ptrdiff_t end = str_find(cookies, ';');
        struct str pair = str_trim(end < 0 ? cookies : str_of(cookies.ptr, (size_t)end));
        ptrdiff_t equals = str_find(pair, '=');
        if (equals >= 0 && str_is(str_of(pair.ptr, (size_t)equals), name)) {
            return str_of(pair.ptr + equals + 1, pair.len - (size_t)equals - 1);
        }
        cookies = end < 0 ? STR("") : str_of(cookies.ptr + end + 1, cookies.len - (size_t)end - 1);
    }
    return STR("");
}
