// SPDX-License-Identifier: MIT
// What the tests of the plug-in share: a core with its model, and two channels through it.
#pragma once

#include "../examples/shared/semeq_plugin.hpp"
#include "check.hpp"

namespace check {

namespace core = semeq::plugin;

inline void must_load(core::Core& plugin, const std::string& model, const std::string& references) {
    const std::string decoder = must_read(model + "/decoder.semeq"), words = must_read(model + "/centroids.json"), about = must_read(model + "/manifest.json");
    const std::string any = must_read(references + "/any.json");
    std::string why;
    if (!plugin.load_memory(decoder.data(), decoder.size(), words.data(), words.size(), about.data(), about.size(), any.data(), any.size(), why)) {
        std::fprintf(stderr, "%s\n", why.c_str());
        std::exit(2);
    }
}

/// Noise of two channels that differ, n samples each.
template <typename Sample>
std::vector<std::vector<Sample>> stereo_noise(int n, std::uint32_t seed, double level = 1.0) {
    std::vector<std::vector<Sample>> channels(2);
    for (auto& channel : channels) {
        Noise noise(48'000.0, seed++);
        for (int i = 0; i < n; ++i) channel.push_back(static_cast<Sample>(level * noise.next()));
    }
    return channels;
}

/// Bands of +60 dB at 1 kHz: `count` of them, with this Q, and a preamp.
inline core::State loud_state(int count, double q, double preamp_db) {
    core::State state;
    state.use_bands = true;
    state.eq.count = count;
    for (int i = 0; i < count; ++i) state.eq.bands[static_cast<std::size_t>(i)] = {semeq::Kind::peak, 1'000.0, 60.0, q, true};
    state.eq.preamp_db = preamp_db;
    return state;
}

}  // namespace check
