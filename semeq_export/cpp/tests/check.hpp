// SPDX-License-Identifier: MIT
// What the tests share: files of the kit, JSON vectors, and the noise of which vectors are made.
#pragma once

#include "semeq.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace check {

inline std::string must_read(const std::string& path) {
    std::string text, why;
    if (!semeq::detail::read_file(path.c_str(), 64'000'000, text, why)) {
        std::fprintf(stderr, "%s\n", why.c_str());
        std::exit(2);
    }
    return text;
}

inline void must_load(semeq::Model& model, const std::string& folder) {
    std::string why;
    if (!model.load_folder(folder, why)) {
        std::fprintf(stderr, "%s\n", why.c_str());
        std::exit(2);
    }
}

using Rows = std::vector<std::vector<double>>;

/// An object of numbers, texts, lists of numbers and lists of lists, as all vectors are.
struct Record {
    std::map<std::string, double> number;
    std::map<std::string, std::string> text;
    std::map<std::string, std::vector<double>> list;
    std::map<std::string, Rows> rows;

    bool read(semeq::detail::Json& json, const std::map<std::string, char>& kinds) {
        return json.object([&](const std::string& key) {
            const auto kind = kinds.find(key);
            if (kind == kinds.end()) return json.skip();
            if (kind->second == 'n') return json.number(number[key]);
            if (kind->second == 't') return json.string(text[key]);
            if (kind->second == 'l') return json.numbers(list[key], 1'000'000);
            return json.array([&] {
                rows[key].emplace_back();
                return json.numbers(rows[key].back(), 100'000);
            });
        });
    }
};

inline Record must_read_record(const std::string& path, const std::map<std::string, char>& kinds) {
    const std::string text = must_read(path);
    semeq::detail::Json json(text.data(), text.size());
    Record record;
    if (!record.read(json, kinds)) {
        std::fprintf(stderr, "%s: %s\n", path.c_str(), json.why.c_str());
        std::exit(2);
    }
    return record;
}

/// The same noise in every language: a linear congruential generator through a one-pole low-pass, with pauses.
class Noise {
public:
    Noise(double rate_hz, std::uint32_t seed) : rate_hz_(rate_hz), state_(seed) {}
    double next() {
        state_ = state_ * 1'664'525U + 1'013'904'223U;
        low_ += 0.15 * (state_ / 2'147'483'648.0 - 1.0 - low_);
        const long long part = static_cast<long long>(static_cast<double>(count_++) / (0.7 * rate_hz_));
        return low_ * (part % 3 == 2 ? 0.001 : 0.5);
    }

private:
    double rate_hz_, low_ = 0.0;
    std::uint32_t state_;
    long long count_ = 0;
};

}  // namespace check
