/* SPDX-License-Identifier: MIT */
/* session.h - who is signed in from a browser, and how often a wrong token may be tried.
 *
 * A session is a random number of 256 bits that stands for the server's token in a cookie; it says
 * nothing about the token. Sessions live in memory only: at most HTTP_SESSIONS_MAX, the one that
 * was not used for the longest time makes room; each ends HTTP_SESSION_IDLE_US after its last use
 * or with the process.
 * Tries: each address (each /64 of IPv6) has HTTP_TRIES_MAX wrong tokens at once and one more every
 * HTTP_TRY_US; beyond that it is told to come back later. That is for people who try by hand and
 * for logs: a right token is never refused, and what bounds guessing is its length. Addresses
 * share a fixed number of counters.
 * Pure but for the random numbers. Owner: the server, on the reactor's thread. */
#pragma once
#include "os/socket.h"

enum {
    HTTP_SESSIONS_MAX = 1024,
    HTTP_SESSION_TEXT_BYTES = 4 + 64 + 1, /* its place, the number, NUL: hexadecimal digits */
    HTTP_TRIES_MAX = 10,
};
#define HTTP_SESSION_IDLE_US (12LL * 3600 * 1000 * 1000)
#define HTTP_TRY_US (6LL * 1000 * 1000)

struct http_sessions;
struct http_sessions *http_sessions_new(void);
void http_sessions_free(struct http_sessions *s); /* NULL is fine */

/* Begins a session; `out_text` is what the cookie holds. `now_us` is monotonic, here and below. */
void http_session_begin(struct http_sessions *s, int64_t now_us,
                        char out_text[HTTP_SESSION_TEXT_BYTES]);
/* Whether `text` is a session that has not ended; using it keeps it. Takes the same time for every
 * wrong number. */
bool http_session_use(struct http_sessions *s, struct str text, int64_t now_us);
/* Ends it; what is no session is ignored. */
void http_session_end(struct http_sessions *s, struct str text);

/* True when the address may try a token now. */
bool http_try_allowed(struct http_sessions *s, const struct os_address *peer, int64_t now_us);
/* It was wrong. */
void http_try_failed(struct http_sessions *s, const struct os_address *peer, int64_t now_us);
