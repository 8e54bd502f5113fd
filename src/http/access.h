/* SPDX-License-Identifier: MIT */
/* access.h - who may talk to the server: the Host and Origin rules against web pages that reach for
 * a local server (DNS rebinding, cross-site posts), the origins whose pages may (CORS), the bearer
 * token and cookies. Pure. Thread: any. */
#pragma once
#include "base/base.h"
#include "base/str.h"

/* Splits "name", "name:port", "[::1]:port" (RFC 3986 authority without user information). The name
 * comes without brackets. False when it is not one. */
bool http_authority_parse(struct str text, struct str *out_name, bool *out_is_address);
/* True for localhost, 127.0.0.0/8, ::1, any of `names` (ASCII case is ignored), and the address
 * `local` (text, may be empty) that the connection came in on. */
bool http_host_allowed(struct str host_name, bool is_address, const char *const *names,
                       size_t name_count, struct str local);
/* Checks an Origin header's host against the same list; "null" and nonsense are refused. */
bool http_origin_allowed(struct str origin, const char *const *names, size_t name_count,
                         struct str local);
/* True for an origin as browsers write it, so that it can be compared: "https://app.example.org",
 * "http://localhost:3000"; no path, no default port, and not "null". */
bool http_origin_valid(struct str origin);
/* Whether pages of `origin` may use the server, by the configuration's list. With "*" on the list
 * everybody's may: *out_is_any is then true unless the origin is named as well. */
bool http_origin_named(struct str origin, const char *const *origins, size_t count,
                       bool *out_is_any);
/* Whether a page of the server's own origin asks, as far as a browser tells: it says so itself
 * (`fetch_site` is Sec-Fetch-Site: "same-origin"; pages cannot set it, and it stays true behind a
 * proxy that changes Host), or Origin names the same host and port as Host. Ports count: a page of
 * another server on the same host is not this server's, though it gets the same cookies. */
bool http_origin_own(struct str origin, struct str host, struct str fetch_site);
/* True when `given` is `token`. Takes the same time wherever they differ. */
bool http_token_equal(struct str given, struct str token);
/* True when `authorization` is "Bearer <token>". Likewise. */
bool http_token_matches(struct str authorization, struct str token);
/* The value of a cookie in a Cookie header (RFC 6265), the first of that name; empty when there is
 * none. */
struct str http_cookie(struct str cookies, const char *name);
