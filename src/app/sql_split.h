/* SPDX-License-Identifier: MIT */
/* sql_split.h - where a statement ends: the first semicolon that is not inside a string, a quoted
 * name, a dollar-quoted text or a comment, as DuckDB's own scanner sees them. Thread: any. */
#pragma once
#include "base/str.h"

enum sql_open {
    SQL_OPEN_NONE,
    SQL_OPEN_STRING,  /* '...' */
    SQL_OPEN_NAME,    /* "..." */
    SQL_OPEN_DOLLAR,  /* $tag$...$tag$ */
    SQL_OPEN_COMMENT, /* a block comment */
};

struct sql_split {
    size_t end;       /* bytes of the first statement with its semicolon; all when there is none */
    bool is_complete; /* it ended with a semicolon */
    bool is_blank;    /* nothing but space, comments and the semicolon */
    enum sql_open open; /* what the text ends in the middle of */
};

/* Looks at the first statement of `text`, any bytes. */
struct sql_split sql_split_first(struct str text);
/* The statement without surrounding space and without its semicolon: what is sent and saved.
 * Comments stay, since positions count in what was typed. */
struct str sql_split_body(struct str text, const struct sql_split *split);
