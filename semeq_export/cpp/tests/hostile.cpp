// SPDX-License-Identifier: MIT
// Damages the files of a bundle in a seeded way and loads them: each must be refused with a reason, or be harmless. Build it with
// -fsanitize=address,undefined.
//     hostile MODEL_FOLDER REFERENCES_FOLDER [COUNT [SEED]]
#include "check.hpp"

#include <cmath>
#include <random>

namespace {

using Random = std::mt19937;

std::uint32_t below(Random& random, std::size_t limit) { return limit == 0 ? 0 : static_cast<std::uint32_t>(random() % limit); }

std::string damaged(std::string data, Random& random, bool is_weights) {
    const auto place = [&] { return static_cast<std::size_t>(below(random, data.size())); };
    switch (below(random, 9)) {
        case 0: data[place()] ^= static_cast<char>(1 << below(random, 8)); break;
        case 1: data.resize(place()); break;
        case 2: data.append(1 + below(random, 200), static_cast<char>(random())); break;
        case 3: data.erase(place(), 1 + below(random, 100)); break;
        case 4: data.insert(place(), data.substr(place(), 1 + below(random, 100))); break;
        case 5:
            for (std::size_t i = place(), n = 0; i < data.size() && n < 64; ++i, ++n) data[i] = static_cast<char>(random());
            break;
        case 6:
            if (is_weights) {  // a field of the header or the tables
                const std::size_t at = 8 + 4 * below(random, 170);
                const std::uint32_t values[] = {0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x7F800000, 0x7FC00000, 8'193, below(random, 10'000)};
                for (std::size_t i = 0; i < 4 && at + i < data.size(); ++i) data[at + i] = static_cast<char>(values[random() % 10] >> 8 * i);
            } else {
                const char* const texts[] = {"NaN", "1e999", "-1e400", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "\"\\ud800\"", "\xEF\xBB\xBF", "\xC0\xAF", "{\"terms\":{}}", "\"z\": [2]", "1e-400", "null"};
                data.insert(place(), texts[random() % 11]);
            }
            break;
        case 7:
            for (std::size_t i = 0; i < 20; ++i) {
                const std::size_t at = place();
                data[at] = data[place()];
            }
            break;
        default: data = is_weights && random() % 2 ? "version https://git-lfs.github.com/spec/v1\n" : std::string(below(random, 300), static_cast<char>(random())); break;
    }
    if (is_weights && data.size() > 64 && random() % 4 != 0) {  // a checksum and a length that fit, so that what lies behind is reached
        if (random() % 2 == 0)
            for (std::size_t i = 0; i < 4; ++i) data[16 + i] = static_cast<char>(data.size() >> 8 * i);
        const std::uint32_t crc = semeq::detail::crc32(reinterpret_cast<const unsigned char*>(data.data()) + 16, data.size() - 16);
        for (std::size_t i = 0; i < 4; ++i) data[12 + i] = static_cast<char>(crc >> 8 * i);
    }
    return data;
}

/// Use a model that was accepted: whatever is in it, what comes out must be finite.
bool is_harmless(const semeq::Model& model, const semeq::Reference& reference) {
    semeq::Stream stream;
    stream.prepare(model, 48'000.0, 2);
    stream.set_reference(reference);
    stream.set_listening(true);
    stream.set_words(0, model.words().count() - 1, 0.5);
    std::vector<float> left(1'024), right(1'024);
    check::Noise noise(48'000.0, 1);
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = right[i] = static_cast<float>(noise.next());
    float* channels[] = {left.data(), right.data()};
    stream.process(channels, 1'024);
    for (const float sample : left)
        if (!std::isfinite(sample)) return false;
    return true;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) return std::fprintf(stderr, "usage: hostile MODEL_FOLDER REFERENCES_FOLDER [COUNT [SEED]]\n"), 2;
    const int cases = count > 3 ? std::atoi(arguments[3]) : 300;
    Random random(count > 4 ? static_cast<std::uint32_t>(std::atoi(arguments[4])) : 1U);
    const std::string folder = arguments[1];
    const std::string weights = check::must_read(folder + "/decoder.semeq"), words = check::must_read(folder + "/centroids.json");
    const std::string any = check::must_read(std::string(arguments[2]) + "/any.json"), about = check::must_read(folder + "/manifest.json");
    semeq::Reference sound;
    std::string why;
    if (!sound.load(any.data(), any.size(), why)) return std::puts(why.c_str()), 2;
    int refused = 0, harmless = 0, wrong = 0;
    for (int i = 0; i < cases; ++i) {
        why.clear();
        semeq::Model model;
        semeq::Reference reference = sound;
        const std::uint32_t which = below(random, 6);
        const std::string bad_weights = which < 2 ? damaged(weights, random, true) : weights;
        const std::string bad_words = which == 2 || which == 3 ? damaged(words, random, false) : words;
        const std::string bad_reference = which == 4 ? damaged(any, random, false) : any, bad_manifest = which == 5 ? damaged(about, random, false) : about;
        // a manifest's hashes would hide the other files' faults from what reads them
        const bool is_taken = reference.load(bad_reference.data(), bad_reference.size(), why) &&
                              (which == 5 ? model.load(weights.data(), weights.size(), words.data(), words.size(), bad_manifest.data(), bad_manifest.size(), why)
                                          : model.load(bad_weights.data(), bad_weights.size(), bad_words.data(), bad_words.size(), why));
        if (!is_taken && why.empty()) ++wrong, std::printf("case %d: refused without a reason\n", i);
        if (!is_taken)
            ++refused;
        else if (is_harmless(model, reference))
            ++harmless;
        else
            ++wrong, std::printf("case %d: taken, and its output is not finite\n", i);
    }
    std::printf("{\"cases\": %d, \"refused\": %d, \"harmless\": %d, \"wrong\": %d}\n", cases, refused, harmless, wrong);
    return wrong == 0 && refused > cases / 2 ? 0 : 1;
}
