/* SPDX-License-Identifier: MIT */
/* sql_shell.c - see sql_shell.h. */
#include "app/sql_shell.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/text_table.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/process.h"

enum { ANSWER_BYTES_MAX = 512 << 20, PAGER_WAIT_MS = 24 * 3600 * 1000 };

void sql_shell_init(struct sql_shell *s, struct sql_place *place, struct sql_names *names)
{
    *s = (struct sql_shell){.place = place,
                            .names = names,
                            .is_terminal = isatty(STDOUT_FILENO) == 1,
                            .has_progress = isatty(STDERR_FILENO) == 1,
                            .limit = SQL_ROWS_SHOWN,
                            .input = buf_make(SQL_INPUT_BYTES_MAX)};
}

void sql_shell_deinit(struct sql_shell *s)
{
    if (s->file != NULL) {
        (void)fclose(s->file); /* each answer was flushed, and what failed was said */
    }
    buf_deinit(&s->input);
    free(s->last);
}

void sql_shell_fail(struct sql_shell *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fflush(stdout);                 /* so that what was shown stands before */
    (void)vfprintf(stderr, format, args); /* standard error itself may be gone */
    (void)fputc('\n', stderr);
    va_end(args);
    s->has_failed = true;
    s->any_failed = true;
}

/* ---- output ---- */

static bool window(struct winsize *out)
{
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, out) == 0 && out->ws_col > 0 && out->ws_row > 0;
}

size_t sql_shell_width(const struct sql_shell *s)
{
    struct winsize size;
    return s->is_terminal && s->file == NULL && window(&size) ? size.ws_col : 0;
}

static bool is_long(const struct buf *text)
{
    struct winsize size;
    size_t lines = 0;
    for (size_t i = 0; i < text->len; i++) {
        lines += text->data[i] == '\n';
    }
    return window(&size) && lines + 2 > size.ws_row;
}

/* False when there is no pager to show it. */
static bool page(struct buf *text)
{
    const char *command = getenv("PAGER");
    pid_t pid = 0;
    int fd = -1;
    int status = 0;
    if (command != NULL && (command[0] == '\0' || strcmp(command, "cat") == 0)) {
        return false;
    }
    AUTO_TEXT line = command == NULL ? xstrdup("less -SFRX") : xasprintf("LESS=SFRX %s", command);
    (void)fflush(stdout); /* what was shown stands before */
    if (os_spawn_reader(line, &pid, &fd, NULL) != ERR_OK) {
        return false;
    }
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        os_close(fd);
    } else {
        (void)fputs(buf_cstr(text), out); /* a pager that was quit takes no more */
        (void)fclose(out);
    }
    bool ended = os_child_wait(pid, PAGER_WAIT_MS, &status);
    (void)sql_watch_interrupted(); /* a Ctrl-C there was for the pager */
    return ended && !(WIFEXITED(status) && WEXITSTATUS(status) == 127); /* 127: no such program */
}

void sql_shell_show(struct sql_shell *s, struct buf *text)
{
    FILE *out = s->file != NULL ? s->file : stdout;
    bool paged = s->file == NULL && s->is_interactive && s->is_terminal && s->has_pager &&
                 is_long(text) && page(text);
    if (paged) {
        return;
    }
    if (fputs(buf_cstr(text), out) < 0 || fflush(out) != 0) {
        sql_shell_fail(s, "tarn: cannot write the answer");
    }
}

struct taken {
    struct buf *collect; /* borrowed; or else: */
    FILE *out;
    uint64_t bytes;
    char last; /* byte */
};

static err take_piece(void *context, struct str piece)
{
    struct taken *taken = context;
    taken->bytes += piece.len;
    taken->last = piece.len > 0 ? piece.ptr[piece.len - 1] : taken->last;
    if (taken->collect != NULL) {
        return buf_add_str(taken->collect, piece) ? ERR_OK : ERR_TOO_LARGE;
    }
    return fwrite(piece.ptr, 1, piece.len, taken->out) == piece.len ? ERR_OK : ERR_IO;
}

/* ---- one statement ---- */

static void show_failure(struct sql_shell *s, struct str sql, err e,
                         const struct sql_failure *failure)
{
    AUTO_BUF caret = buf_make(64 << 10);
    if (e == ERR_CANCELLED) {
        sql_shell_fail(s, "stopped");
        s->is_stopped = true;
        return;
    }
    const char *text = failure->msg.text[0] != '\0' ? failure->msg.text : err_text(e);
    if (e == ERR_TOO_LARGE && failure->code[0] == '\0') {
        text = "the answer is too large to show; ask for less, or write it to a file: \\o FILE.csv";
    } else if (e == ERR_IO && failure->code[0] == '\0') {
        text = "cannot write the answer";
    }
    AUTO_BUF shown = buf_make(64 << 10);
    text_shown_add(str_from(text), true, &shown); /* it may quote a value */
    text_caret_write(sql, failure->msg.position, &caret);
    sql_shell_fail(s, "error: %s%s%.*s", buf_cstr(&shown), caret.len > 0 ? "\n" : "",
                   (int)(caret.len - (caret.len > 0)), caret.len > 0 ? caret.data : "");
}

static void add_count_line(const struct sql_shell *s, const json_t *answer, int64_t elapsed_us,
                           struct buf *out)
{
    size_t rows = json_array_size(json_object_get(answer, "rows"));
    bool truncated = json_is_true(json_object_get(answer, "truncated"));
    buf_printf(out, "(%zu row%s%s", rows, rows == 1 ? "" : "s",
               truncated ? "; there are more: \\limit N shows N, \\limit 0 all" : "");
    if (s->has_timing) {
        buf_printf(out, ", %.1f ms", (double)elapsed_us / 1000);
    }
    buf_puts(out, ")\n");
}

static void show_table(struct sql_shell *s, const struct buf *body, int64_t elapsed_us)
{
    struct errmsg msg = {0};
    AUTO_JSON answer = NULL;
    AUTO_BUF text = buf_make(ANSWER_BYTES_MAX);
    struct text_table_options options = {.width = sql_shell_width(s),
                                         .is_vertical = s->is_vertical,
                                         .has_color = s->is_terminal && s->file == NULL};
    err e = json_parse(buf_str(body), &answer, &msg);
    if (e == ERR_OK) {
        e = text_table_write(answer, &options, &text, &msg);
    }
    if (e != ERR_OK) {
        sql_shell_fail(s, "error: %s", msg.text);
        return;
    }
    add_count_line(s, answer, elapsed_us, &text);
    sql_shell_show(s, &text);
}

static void keep_last(struct sql_shell *s, struct str sql)
{
    free(s->last);
    s->last = xstrndup(sql.ptr, sql.len);
}

void sql_shell_run(struct sql_shell *s, struct str sql)
{
    static const char *const formats[] = {"json", "csv", "json", "ndjson"};
    enum sql_output output = s->file != NULL ? s->file_output : s->output;
    bool table = output == SQL_OUTPUT_TABLE;
    AUTO_BUF body = buf_make(ANSWER_BYTES_MAX);
    struct taken taken = {.collect = table ? &body : NULL,
                          .out = s->file != NULL ? s->file : stdout};
    struct sql_ask ask = {.sql = sql,
                          .format = formats[output],
                          .limit = table ? s->limit : 0,
                          .int64_strings = table,
                          .timeout_ms = s->timeout_ms};
    struct sql_failure failure;
    int64_t started_us = os_mono_us();
    bool draws = s->has_progress && (table || s->file != NULL || !s->is_terminal);
    keep_last(s, sql);
    s->has_failed = false;
    err e = sql_watch_run(s->place, &ask, draws, take_piece, &taken, &failure);
    int64_t elapsed_us = os_mono_us() - started_us;
    if (e != ERR_OK) {
        if (!table && taken.bytes > 0 && taken.last != '\n') {
            (void)fputc('\n', taken.out); /* what was cut off ends its line; its failure shows */
        }
        show_failure(s, sql, e, &failure);
    } else if (table) {
        show_table(s, &body, elapsed_us);
    } else if (fflush(taken.out) != 0) {
        sql_shell_fail(s, "error: cannot write the answer");
    } else if (s->has_timing) {
        (void)fprintf(stderr, "(%.1f ms)\n", (double)elapsed_us / 1000); /* as sql_shell_fail() */
    }
}

/* ---- lines ---- */

static bool is_blank(struct str text)
{
    struct sql_split split = sql_split_first(text);
    return split.is_blank && !split.is_complete && split.open == SQL_OPEN_NONE;
}

/* A command behind a statement on its line: no statement begins with a backslash. */
static bool run_command_behind(struct sql_shell *s)
{
    struct str rest = str_trim(buf_str(&s->input));
    if (rest.len == 0 || rest.ptr[0] != '\\') {
        return false;
    }
    AUTO_TEXT whole = xstrndup(rest.ptr, rest.len);
    buf_reset(&s->input);
    sql_shell_command(s, str_from(whole));
    return true;
}

/* Runs the complete statements at the front of what was gathered. */
static void run_complete(struct sql_shell *s)
{
    bool any = false;
    while (!s->is_stopped && !s->is_over) {
        if (any && run_command_behind(s)) {
            return;
        }
        struct sql_split split = sql_split_first(buf_str(&s->input));
        if (!split.is_complete) {
            return;
        }
        any = true;
        AUTO_TEXT whole = xstrndup(s->input.data, split.end);
        struct str sql = sql_split_body(str_of(whole, split.end), &split);
        buf_consume(&s->input, split.end);
        if (!split.is_blank) {
            sql_shell_run(s, sql);
        }
    }
}

void sql_shell_line(struct sql_shell *s, struct str line)
{
    struct str trimmed = str_trim(line);
    if (is_blank(buf_str(&s->input))) {
        buf_reset(&s->input);
        if (trimmed.len > 0 && trimmed.ptr[0] == '\\') {
            s->has_failed = false;
            sql_shell_command(s, trimmed);
            return;
        }
        /* As words, since no statement begins with them and people try them first. */
        if (s->is_interactive && (str_is(trimmed, "quit") || str_is(trimmed, "exit"))) {
            s->is_over = true;
            return;
        }
        if (s->is_interactive && str_is(trimmed, "help")) {
            sql_shell_command(s, STR("\\h"));
            return;
        }
    }
    buf_add_str(&s->input, line);
    buf_add_byte(&s->input, '\n');
    if (!s->input.failed && str_find(line, ';') >= 0) { /* nothing else can complete one */
        run_complete(s);
    }
    if (s->input.failed || s->input.len > SQL_STATEMENT_BYTES_MAX) {
        buf_reset(&s->input);
        sql_shell_fail(s, "error: the statement is over %d KiB", SQL_STATEMENT_BYTES_MAX >> 10);
    }
    if (s->is_stopped) {
        buf_reset(&s->input);
    }
}

void sql_shell_end(struct sql_shell *s)
{
    AUTO_TEXT rest = xstrndup(s->input.len == 0 ? "" : s->input.data, s->input.len);
    buf_reset(&s->input);
    if (!is_blank(str_from(rest))) {
        sql_shell_run(s, str_trim(str_from(rest)));
    }
}

void sql_shell_drop(struct sql_shell *s)
{
    buf_reset(&s->input);
}

bool sql_shell_is_open(const struct sql_shell *s, enum sql_open *out_open)
{
    struct sql_split split = sql_split_first(buf_str(&s->input));
    *out_open = split.open;
    return !split.is_blank || split.open != SQL_OPEN_NONE;
}
