/* SPDX-License-Identifier: MIT */
/* cli_produce.h - specifications of producers on the command line. */
#pragma once
#include "app/cli.h"

/* The members that options change: --spec FILE (JSON), then --rate, --count, --seconds, --seed.
 * A usage error is said, and *out_bad set. New reference; never NULL. */
json_t *cli_producer_spec(struct cli *cli, bool *out_bad);
