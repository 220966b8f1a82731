// SPDX-License-Identifier: MIT
// The decoder as a shared library with a C interface, so that it can be timed in one process, by turns, with ONNX Runtime.
#include "semeq.hpp"

#include <memory>

namespace {

struct Loaded {
    semeq::Decoder decoder;
    semeq::Scratch scratch;
};

}  // namespace

extern "C" {

/// Null where the bytes are no decoder.semeq.
void* semeq_open(const void* data, std::size_t size) {
    auto loaded = std::make_unique<Loaded>();
    std::string why;
    if (!loaded->decoder.load(data, size, why)) return nullptr;
    loaded->scratch = loaded->decoder.make_scratch();
    return loaded.release();
}

int semeq_decode(void* handle, const float* z, double* params) {
    auto* loaded = static_cast<Loaded*>(handle);
    return loaded->decoder.decode(z, params, loaded->scratch) ? 1 : 0;
}

void semeq_close(void* handle) { delete static_cast<Loaded*>(handle); }

}
