/* SPDX-License-Identifier: MIT */
/* front.h - the front process: doors, log and state, and the two processes it starts.
 *
 * Start, top to bottom: folder and its lock -> children (they load while we recover) -> log -> door
 * -> addresses -> loop. Stop, bottom to top: door (requests in flight end) -> children -> log. Both
 * can be read in front.c as they happen. */
#pragma once
#include "app/config.h"

struct producers;

/* Runs until SIGTERM or SIGINT; returns the process's exit code. `on_serving` (may be NULL) is
 * called once when requests are answered, with the HTTP address ("http://127.0.0.1:8276"). */
typedef void (*front_serving_fn)(void *ctx, const char *http_url, struct producers *producers);
int front_run(const struct config *config, front_serving_fn on_serving, void *ctx);
