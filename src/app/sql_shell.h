/* SPDX-License-Identifier: MIT */
/* sql_shell.h - what `tarn sql` does with what is typed: statements, commands, their output.
 *
 * Knows no keyboard: lines come from the prompt (sql_prompt.h), a file, a pipe or -c. Owner: the
 * main thread. */
#pragma once
#include <stdio.h>

#include "app/sql_names.h"
#include "app/sql_split.h"

enum sql_output { SQL_OUTPUT_TABLE, SQL_OUTPUT_CSV, SQL_OUTPUT_JSON, SQL_OUTPUT_NDJSON };
enum {
    SQL_ROWS_SHOWN = 10000,
    SQL_INPUT_BYTES_MAX = 64 << 20,
    SQL_STATEMENT_BYTES_MAX = 256 << 10 /* more than a server takes */
};

struct sql_shell {
    struct sql_place *place; /* borrowed, as the next one */
    struct sql_names *names;
    enum sql_output output; /* on standard output */
    bool is_interactive;    /* somebody types */
    bool is_terminal;       /* standard output is one: cut, dim, pager */
    bool has_progress;      /* standard error is one */
    bool has_timing;
    bool is_vertical;
    bool has_pager;
    int64_t limit;      /* rows of a table that is shown; 0: all */
    int64_t timeout_ms; /* 0: the server's */
    FILE *file;         /* owned; \o: where answers go; NULL: standard output */
    enum sql_output file_output;
    struct buf input; /* owned; lines of a statement that has not ended */
    char *last;       /* owned; the last statement, for \save */
    unsigned depth;   /* of \i in \i */
    bool has_failed;  /* the last statement or command did */
    bool any_failed;
    bool is_stopped; /* Ctrl-C stopped a statement: nothing more of this file runs */
    bool is_over;    /* \q */
};

void sql_shell_init(struct sql_shell *s, struct sql_place *place, struct sql_names *names);
void sql_shell_deinit(struct sql_shell *s);
/* Takes a line without its newline: a command, or a piece of a statement; runs what is complete. */
void sql_shell_line(struct sql_shell *s, struct str line);
/* Runs what is left without a semicolon at the end of the input. */
void sql_shell_end(struct sql_shell *s);
/* Drops what is left. */
void sql_shell_drop(struct sql_shell *s);
/* What the next line continues: SQL_OPEN_NONE and false between statements. */
bool sql_shell_is_open(const struct sql_shell *s, enum sql_open *out_open);
/* Runs one statement and shows its answer, or why there is none. */
void sql_shell_run(struct sql_shell *s, struct str sql);
/* Notes a failure and says it. */
__attribute__((format(printf, 2, 3))) void sql_shell_fail(struct sql_shell *s, const char *format,
                                                          ...);
/* Shows text on standard output, through the pager when it is long; or appends it to \o's file. */
void sql_shell_show(struct sql_shell *s, struct buf *text);
/* Width of the terminal in columns, 0 where nothing is to be cut. */
size_t sql_shell_width(const struct sql_shell *s);

/* --- sql_command.c --- */
/* Runs a line that begins with a backslash. */
void sql_shell_command(struct sql_shell *s, struct str line);
/* Runs all lines of a stream. */
void sql_shell_stream(struct sql_shell *s, FILE *in);

/* --- sql_watch.c --- */
/* From now on Ctrl-C is counted instead of ending the process. */
void sql_watch_signals(void);
/* Runs one statement on a thread of its own; meanwhile shows how far it is (when `shows_progress`)
 * and stops it on Ctrl-C. */
err sql_watch_run(struct sql_place *place, const struct sql_ask *ask, bool shows_progress,
                  client_body_fn on_piece, void *context, struct sql_failure *out_failure);
/* True when Ctrl-C came since the last call. */
bool sql_watch_interrupted(void);
