// SPDX-License-Identifier: MIT
// Sums of words as a shared library with a C interface, so that Python can ask semeq.hpp for as many as it likes.
#include "semeq.hpp"

#include <memory>
#include <vector>

namespace {

struct Loaded {
    semeq::Model model;
    semeq::Stream stream;
};

}  // namespace

extern "C" {

/// Null where the bytes are no bundle.
void* semeq_mix_open(const void* decoder, std::size_t decoder_size, const char* centroids, std::size_t centroids_size, const char* manifest, std::size_t manifest_size) {
    auto loaded = std::make_unique<Loaded>();
    std::string why;
    if (!loaded->model.load(decoder, decoder_size, centroids, centroids_size, manifest, manifest_size, why)) return nullptr;
    return loaded->stream.prepare(loaded->model, 192'000.0, 1) ? loaded.release() : nullptr;
}

/// The bands of words by their weights (count,), in alphabetical order of all words: kind, frequency, gain and Q of each, up to 64 in `bands`. Returns
/// how many, -1 where the sum is refused.
int semeq_mix(void* handle, const double* weights, int count, double* bands) {
    auto* loaded = static_cast<Loaded*>(handle);
    std::vector<semeq::WeightedWord> parts;
    for (int word = 0; word < count; ++word)
        if (weights[word] != 0.0) parts.push_back({word, weights[word]});
    if (!loaded->stream.set_mix(parts.data(), static_cast<int>(parts.size()))) return -1;
    loaded->stream.reset();
    const semeq::Eq& eq = loaded->stream.eq();
    for (int i = 0; i < eq.count; ++i) {
        const semeq::Band& band = eq.bands[static_cast<std::size_t>(i)];
        const double fields[] = {static_cast<double>(band.kind), band.freq_hz, band.gain_db, band.q};
        for (double field : fields) *bands++ = field;
    }
    return eq.count;
}

void semeq_mix_close(void* handle) { delete static_cast<Loaded*>(handle); }

}
