// SPDX-License-Identifier: MIT
// What the loaders for LibTorch and ONNX Runtime share: they run a bundle's vectors through a function and say how far off it is.
#pragma once

#include "../../tests/check.hpp"

#include <cmath>
#include <functional>

namespace check {

using Graph = std::function<std::vector<float>(const std::vector<float>&)>;

/// The worst difference as a multiple of the tolerance; up to 1 conforms. `tolerance` gets the number's place in its row, and its value.
inline double worst_of(const Graph& graph, const Rows& inputs, const Rows& outputs, const std::function<double(std::size_t, double)>& tolerance) {
    double worst = inputs.empty() || inputs.size() != outputs.size() ? INFINITY : 0.0;
    for (std::size_t row = 0; row < inputs.size() && row < outputs.size(); ++row) {
        const std::vector<float> got = graph(std::vector<float>(inputs[row].begin(), inputs[row].end()));
        if (got.size() != outputs[row].size()) return INFINITY;
        for (std::size_t i = 0; i < got.size(); ++i) {
            const double ratio = std::fabs(static_cast<double>(got[i]) - outputs[row][i]) / tolerance(i, outputs[row][i]);
            if (!(ratio <= worst)) worst = ratio;
        }
    }
    return worst;
}

inline double worst_of_decoder(const Graph& graph, const semeq::Decoder& layout, const std::string& model) {
    const Record vectors = must_read_record(model + "/vectors/decoder.json", {{"z", 'r'}, {"params", 'r'}, {"gain_tolerance_db", 'n'}, {"relative_tolerance", 'n'}});
    const double gain_db = vectors.number.at("gain_tolerance_db"), relative = vectors.number.at("relative_tolerance");
    return worst_of(graph, vectors.rows.at("z"), vectors.rows.at("params"),
                    [&](std::size_t i, double value) { return layout.is_gain(static_cast<int>(i)) ? gain_db : relative * value; });
}

/// Samples of a WAV file of 16 bits, mono, full scale 1.0.
inline std::vector<double> must_read_wav(const std::string& path) {
    const std::string data = must_read(path);
    std::size_t at = 12;
    while (at + 8 <= data.size()) {
        semeq::detail::Bytes field(reinterpret_cast<const unsigned char*>(data.data()), data.size());
        field.at = at + 4;
        const std::size_t size = field.u32(), start = at + 8;
        if (data.compare(at, 4, "data") == 0 && size <= data.size() - start) {
            std::vector<double> samples(size / 2);
            for (std::size_t i = 0; i < samples.size(); ++i) {
                const int low = static_cast<unsigned char>(data[start + 2 * i]), high = static_cast<signed char>(data[start + 2 * i + 1]);
                samples[i] = (high * 256 + low) / 32'768.0;
            }
            return samples;
        }
        at = start + size + (size & 1);
    }
    std::fprintf(stderr, "%s: no WAV file\n", path.c_str());
    std::exit(2);
}

/// Whether a bundle has vectors for its audio encoder.
inline bool has_audio_vectors(const std::string& model) {
    std::string text, why;
    return semeq::detail::read_file((model + "/vectors/audio_encoder.json").c_str(), 64'000'000, text, why);
}

inline double worst_of_audio_encoder(const Graph& graph, const std::string& model) {
    const std::string text = must_read(model + "/vectors/audio_encoder.json");
    semeq::detail::Json json(text.data(), text.size());
    Rows inputs, outputs;
    double tolerance = 1e-4;
    json.object([&](const std::string& key) {
        if (key == "tolerance") return json.number(tolerance);
        if (key == "z") return json.array([&] { return outputs.emplace_back(), json.numbers(outputs.back(), 100'000); });
        if (key != "files") return json.skip();
        return json.array([&] {
            std::string name;
            if (!json.string(name)) return false;
            inputs.push_back(must_read_wav(model + (name.rfind("vectors/", 0) == 0 ? "/" : "/vectors/") + name));
            return true;
        });
    });
    return worst_of(graph, inputs, outputs, [&](std::size_t, double) { return tolerance; });
}

}  // namespace check
