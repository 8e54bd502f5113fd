/* SPDX-License-Identifier: MIT */
/* template_table.c - every generator with its options and their bounds. docs/producers.md says what
 * they mean; a test compares the names. */
#include "flow/template_int.h"

#define BIG 9e15 /* integers below are exact in a double */
#define ANY_INT                                                                                    \
    {"min", OPTION_INT, -BIG, BIG},                                                                \
    {                                                                                              \
        "max", OPTION_INT, -BIG, BIG                                                               \
    }
#define ANY_NUMBER                                                                                 \
    {"min", OPTION_NUMBER, -1e12, 1e12},                                                           \
    {                                                                                              \
        "max", OPTION_NUMBER, -1e12, 1e12                                                          \
    }
#define SPREAD                                                                                     \
    {"dist", OPTION_TEXT, 0, 0}, {"mean", OPTION_NUMBER, -BIG, BIG},                               \
    {                                                                                              \
        "stddev", OPTION_NUMBER, 0, BIG                                                            \
    }
#define EXPONENT                                                                                   \
    {                                                                                              \
        "exponent", OPTION_NUMBER, 0.01, 10                                                        \
    }

const struct generator_kind template_kinds[] = {
    {"$uuid", NULL, true, {{NULL}}, NULL, write_uuid},
    {"$seq",
     NULL,
     false,
     {{"start", OPTION_INT, -BIG, BIG}, {"step", OPTION_INT, -1e9, 1e9}},
     compile_seq,
     write_seq},
    {"$int", NULL, false, {ANY_INT, SPREAD, EXPONENT}, compile_int, write_int},
    {"$float",
     NULL,
     false,
     {ANY_NUMBER, SPREAD, {"decimals", OPTION_INT, 0, 9}},
     compile_float,
     write_float},
    {"$bool", NULL, false, {{"share", OPTION_NUMBER, 0, 1}}, compile_bool, write_bool},
    {"$choice",
     NULL,
     false,
     {{"values", OPTION_JSON, 0, 0}, {"weights", OPTION_JSON, 0, 0}},
     compile_choice,
     write_choice},
    {"$list",
     NULL,
     false,
     {{"of", OPTION_JSON, 0, 0}, {"min", OPTION_INT, 0, 1000}, {"max", OPTION_INT, 0, 1000}},
     compile_list,
     write_list},
    {"$concat", "a list of texts and generators", true, {{NULL}}, compile_concat, write_concat},
    {"$copy",
     "the JSON pointer of an earlier generator of the template",
     false,
     {{NULL}},
     compile_copy,
     write_copy},
    {"$times",
     NULL,
     false,
     {{"of", OPTION_JSON, 0, 0}, {"decimals", OPTION_INT, 0, 9}},
     compile_times,
     write_times},
    {"$ref",
     NULL,
     false,
     {{"table", OPTION_TEXT, 0, 0},
      {"column", OPTION_TEXT, 0, 0},
      {"row", OPTION_TEXT, 0, 0},
      {"dist", OPTION_TEXT, 0, 0},
      {"exponent", OPTION_NUMBER, 0.01, 10},
      {"sample_rows", OPTION_INT, 1, 1e9},
      {"sample_seed", OPTION_INT, 0, BIG}},
     compile_ref,
     write_ref},
    {"$time",
     NULL,
     true,
     {{"jitter_ms", OPTION_INT, 0, 1e12},
      {"late_share", OPTION_NUMBER, 0, 1},
      {"late_ms", OPTION_INT, 0, 1e12},
      {"format", OPTION_TEXT, 0, 0}},
     compile_time,
     write_time},
    {"$hex", NULL, true, {{"digits", OPTION_INT, 1, 64}}, compile_hex, write_hex},
    {"$name", NULL, true, {{"part", OPTION_TEXT, 0, 0}}, compile_name, write_name},
    {"$city", NULL, true, {{NULL}}, NULL, write_city},
    {"$country", NULL, true, {{NULL}}, NULL, write_country},
    {"$email", NULL, true, {{NULL}}, NULL, write_email},
    {"$ip",
     NULL,
     true,
     {{"version", OPTION_INT, 4, 6}, {"distinct", OPTION_INT, 1, 1e9}, {"net", OPTION_TEXT, 0, 0}},
     compile_ip,
     write_ip},
    {"$url",
     NULL,
     true,
     {{"base", OPTION_TEXT, 0, 0}, {"depth", OPTION_INT, 0, 8}},
     compile_url,
     write_url},
    {"$text",
     NULL,
     true,
     {{"min", OPTION_INT, 1, 1000}, {"max", OPTION_INT, 1, 1000}},
     compile_text,
     write_text},
};
const size_t template_kind_count = ARRAY_LEN(template_kinds);

const char *template_generators(void)
{
    return "$uuid, $seq, $int, $float, $bool, $choice, $list, $concat, $copy, $times, $ref, $time, "
           "$hex, $name, $city, $country, $email, $ip, $url, $text, $literal";
}
