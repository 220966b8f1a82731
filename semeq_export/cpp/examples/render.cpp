// SPDX-License-Identifier: MIT
// The smallest program that uses semeq.hpp: raw float32 samples, interleaved, from standard input to standard output.
//     render MODEL_FOLDER WORD INTENSITY RATE_HZ CHANNELS [REFERENCE.json [BLOCK_SIZE]] < in.f32 > out.f32
// With a reference it listens, and prints position, dose and gain of each change to standard error.
#include "semeq.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main(int count, char** arguments) {
    if (count < 6) return std::fprintf(stderr, "usage: render MODEL_FOLDER WORD INTENSITY RATE_HZ CHANNELS [REFERENCE.json [BLOCK_SIZE]]\n"), 2;
    const std::string folder = arguments[1];
    semeq::Model model;
    semeq::Reference reference;
    semeq::Stream stream;
    std::string why;
    if (!model.load_folder(folder, why)) return std::fprintf(stderr, "%s\n", why.c_str()), 2;
    const std::size_t channels = static_cast<std::size_t>(std::atoi(arguments[5])), block_size = count > 7 ? static_cast<std::size_t>(std::atoi(arguments[7])) : 512;
    const int word = model.words().find(arguments[2]);
    if (word < 0) return std::fprintf(stderr, "unknown word %s\n", arguments[2]), 2;
    if (block_size < 1 || !stream.prepare(model, std::atof(arguments[4]), static_cast<int>(channels))) return std::fprintf(stderr, "impossible rate, channels or block size\n"), 2;
    if (count > 6) {
        if (!reference.load_file(arguments[6], why)) return std::fprintf(stderr, "%s\n", why.c_str()), 2;
        stream.set_reference(reference);
        stream.set_listening(true);
    }
    stream.set_words(word);
    stream.set_intensity(std::atof(arguments[3]));

    std::vector<float> interleaved(block_size * channels), planes(block_size * channels);
    std::vector<float*> at(channels);
    for (std::size_t c = 0; c < channels; ++c) at[c] = planes.data() + c * block_size;
    double dose = 0.0;
    for (std::size_t frames; (frames = std::fread(interleaved.data(), sizeof(float) * channels, block_size, stdin)) > 0;) {
        for (std::size_t i = 0; i < frames; ++i)
            for (std::size_t c = 0; c < channels; ++c) at[c][i] = interleaved[i * channels + c];
        stream.process(at.data(), static_cast<int>(frames));
        if (stream.has_dose() && stream.dose() != dose)
            std::fprintf(stderr, "%lld %.9g %.9g\n", stream.position(), dose = stream.dose(), stream.gain());
        for (std::size_t i = 0; i < frames; ++i)
            for (std::size_t c = 0; c < channels; ++c) interleaved[i * channels + c] = at[c][i];
        std::fwrite(interleaved.data(), sizeof(float) * channels, frames, stdout);
    }
    return 0;
}
