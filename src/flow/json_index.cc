/* SPDX-License-Identifier: MIT */
/* json_index.cc - the only C++ of the decoder: owns one simdjson parser implementation and runs its
 * first stage. The implementation object is what simdjson's own parsers sit on; its interface has
 * been the same since 0.6. No exception leaves this file: what may throw is not used. */
#include "flow/json_index.h"

#include <charconv>
#include <cmath>
#include <memory>
#include <new>
#include <simdjson.h>
#include <string>

namespace
{
using parser = simdjson::internal::dom_parser_implementation;

const simdjson::implementation *kernel()
{
    const simdjson::implementation *active = simdjson::get_active_implementation();
    return active;
}
constexpr size_t capacity_min = 16 * 1024;
constexpr size_t text_bytes_max = size_t{1} << 31;
} // namespace

struct json_indexer {
    std::unique_ptr<parser> impl;
};

static bool grow(json_indexer *x, size_t len)
{
    size_t capacity = capacity_min;
    while (capacity < len) {
        capacity *= 2;
    }
    return kernel()->create_dom_parser_implementation(capacity, 16, x->impl) == simdjson::SUCCESS;
}

extern "C" json_indexer *json_indexer_new(void)
{
    json_indexer *x = new (std::nothrow) json_indexer();
    if (x != nullptr && !grow(x, capacity_min)) {
        delete x;
        x = nullptr;
    }
    return x;
}

extern "C" void json_indexer_free(json_indexer *x)
{
    delete x;
}

extern "C" json_index_result json_indexer_run(json_indexer *x, const char *bytes, size_t len,
                                              const uint32_t **out_at, uint32_t *out_count)
{
    if (len == 0 || len > text_bytes_max) {
        return JSON_INDEX_BAD;
    }
    if (x->impl == nullptr || len > x->impl->capacity()) {
        if (!grow(x, len)) {
            return JSON_INDEX_NOMEM;
        }
    }
    auto result = x->impl->stage1(reinterpret_cast<const uint8_t *>(bytes), len,
                                  simdjson::stage1_mode::regular);
    if (result != simdjson::SUCCESS) {
        return JSON_INDEX_BAD;
    }
    *out_at = x->impl->structural_indexes.get();
    *out_count = x->impl->n_structural_indexes;
    return JSON_INDEX_OK;
}

extern "C" void json_indexer_trim(json_indexer *x, size_t bytes_max)
{
    if (x->impl != nullptr && x->impl->capacity() > 2 * bytes_max + capacity_min) {
        x->impl.reset(); /* the next run makes a small one */
    }
}

extern "C" const char *json_indexer_name(void)
{
    static const std::string name = kernel()->name();
    return name.c_str();
}

/* True when a digit other than zero precedes the exponent. */
static bool mantissa_is_nonzero(const char *text, size_t len)
{
    for (size_t i = 0; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] >= '1' && text[i] <= '9') {
            return true;
        }
    }
    return false;
}

extern "C" int json_number_to_double(const char *text, size_t len, double *out_value)
{
    double value = 0;
    auto result = std::from_chars(text, text + len, value);
    if (result.ec != std::errc() || result.ptr != text + len || !std::isfinite(value)) {
        return 0;
    }
    if (value == 0 && mantissa_is_nonzero(text, len)) {
        return 0; /* library versions differ in whether this is an error: here it always is */
    }
    *out_value = value;
    return 1;
}
