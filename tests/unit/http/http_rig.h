/* SPDX-License-Identifier: MIT */
/* http_rig.h - a server and its clients in one thread: the test turns the reactor itself, so that
 * what happens is a function of what was sent. Handlers write what they saw into rig.log. */
#pragma once
#include "http/server.h"

struct rig {
    struct reactor *reactor;
    struct http_server *server;
    struct buf log; /* "POST /echo|body;" for every request that a handler saw to its end */
    int begun;      /* on_request calls of the recording handlers */
    int aborted;    /* on_abort calls */
    struct http_exchange *held[128]; /* exchanges of /hold, in order of arrival */
    size_t held_count;
    uint64_t body_bytes; /* seen by /count and /gate */
    bool is_gate_shut;   /* /gate (body: the alphabet over and over) takes half of each piece */
    bool is_gate_hasty;  /* /gate resumes in the same call */
    struct http_exchange *gate;
    bool is_stopped;
};
/* Routes: GET /health (open), any of GET POST PUT /echo (answers the body), POST /hold and GET
 * /hold (answered by the test), POST /count, POST /gate, GET /refuse (answers
 * for /gate with 507), GET /stream?n=LINES, GET /live (SSE-like
 * stream that ends on stop), POST /early (413 at once), GET /p/{a}/x/{b}, GET /tail/{rest...}. */
void rig_start(struct rig *rig, const struct http_options *options);
void rig_stop(struct rig *rig);
void rig_turns(struct rig *rig, int count);

struct client {
    struct rig *rig;
    int fd;
    struct buf in;
    bool is_closed; /* the server has closed its side */
    bool is_reset;
};
struct client client_open(struct rig *rig);
void client_close(struct client *c);
/* A rig with one client, and the end of both. */
struct client rig_client(struct rig *rig, const struct http_options *options);
void rig_end(struct rig *rig, struct client *c);
/* Sends everything, turning the reactor meanwhile. False when the server has gone. */
bool client_send(struct client *c, struct str bytes);
/* Reads what is there. */
void client_read(struct client *c);

struct response {
    int status;
    struct str head; /* in client.in, valid until the next call */
    struct buf body; /* owned by the response */
    size_t bytes;    /* of the wire */
};
/* The next whole response within 3 s: false when the connection ended before. `is_head` when the
 * request was HEAD. */
bool client_response(struct client *c, bool is_head, struct response *out_response);
void response_deinit(struct response *r);
bool response_has(const struct response *r, const char *header_line);
/* Waits until the server closes its side (3 s at most). */
bool client_wait_close(struct client *c);
/* Sends, takes one response, asserts its status. */
void client_expect(struct client *c, const char *request, int status);
