/* SPDX-License-Identifier: MIT */
/* job_body.h - the file of an import on its way into the job process: stored, and passed on to
 * whoever reads it, while the rest still comes.
 *
 *   add() ─▶ body ──the first records──▶ head     (both are files)
 *              └──sendfile, no copy────▶ stream   (a named pipe), once somebody reads it
 *
 * What is stored stays until job_body_remove(): a reader that finds it was misled reads it again.
 * The pipe ends (end of file) at job_body_end(), never before; whether the file had come as a whole
 * then, its reader has to ask elsewhere. Thread: the job's main one. */
#pragma once
#include "base/buf.h"

struct job_body;

/* `head_records`: how many records of CSV the head shall hold at least; 0: no head, no stream.
 * Makes the pipe, so it comes before the walls. `delimiter`, `quote`: '\0' when unknown. */
err job_body_new(const char *dir, uint64_t head_records, char delimiter, char quote,
                 struct job_body **out_body, struct errmsg *msg);
void job_body_free(struct job_body *b); /* removes nothing */
AUTO_DEFINE(job_body)

const char *job_body_path(const struct job_body *b);
const char *job_body_head_path(const struct job_body *b);
const char *job_body_pipe_path(const struct job_body *b);

/* Stores bytes, small ones a little later. Errors: NOSPACE, IO. */
err job_body_add(struct job_body *b, struct str piece, struct errmsg *msg);
/* Stores what has not been stored yet. Errors as job_body_add(). */
err job_body_flush(struct job_body *b, struct errmsg *msg);
uint64_t job_body_bytes(const struct job_body *b); /* stored */

/* True once the head lies there; never when the beginning is no CSV, or its records too long. */
bool job_body_has_head(const struct job_body *b);

/* Passes on what has been stored, waiting for room in the pipe. False: nobody reads (yet, or any
 * more). */
bool job_body_pass(struct job_body *b);
bool job_body_is_passed(const struct job_body *b); /* all that is stored */
/* Ends the pipe. Lets go, too, of a reader that waits for its beginning just now. */
void job_body_end(struct job_body *b);
/* The files go; a large one takes its time. */
void job_body_remove(struct job_body *b);
