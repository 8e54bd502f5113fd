/* SPDX-License-Identifier: MIT */
/* sql_prompt.h - the keyboard of `tarn sql`: line editing, history, completion, by libedit.
 *
 * History is a file of one statement a line, newlines and backslashes escaped, appended to when a
 * statement is entered, so that several prompts can share it: $XDG_STATE_HOME/tarn/sql_history (or
 * ~/.local/state), for its owner alone. What begins with a space is not kept. */
#pragma once
#include "app/sql_shell.h"

/* Reads and runs lines until the end of input or \q. Errors: IO (no terminal to edit on). */
err sql_prompt_run(struct sql_shell *s, struct errmsg *msg);
