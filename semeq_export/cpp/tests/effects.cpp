// SPDX-License-Identifier: MIT
// Compiled, not run: clang checks that nothing on the audio thread's way can allocate, lock, throw or block.
//     python -m ziglang c++ -std=c++17 -fsyntax-only -Wfunction-effects -Werror -I include tests/effects.cpp
// With -DSEMEQ_MUTANT the check must fail: that is how the test knows that the check works.
#include "../examples/shared/semeq_plugin.hpp"

#include <vector>

void audio_callback(semeq::Stream& stream, semeq::Reference& reference, float* const* channels, double* const* wide, int n) noexcept SEMEQ_NONBLOCKING;
void audio_callback(semeq::Stream& stream, semeq::Reference& reference, float* const* channels, double* const* wide, int n) noexcept SEMEQ_NONBLOCKING {
#ifdef SEMEQ_MUTANT
    std::vector<double> copy(static_cast<std::size_t>(n));
    copy[0] = channels[0][0];
#endif
    stream.set_words(0, 1, 0.5);
    const semeq::WeightedWord parts[] = {{0, 1.0}, {1, -0.5}};
    stream.set_mix(parts, 2);
    stream.set_intensity(0.5);
    stream.set_reference(reference);
    stream.set_listening(true);
    stream.start_learning();
    stream.finish_learning(reference);
    stream.set_bands(stream.eq());
    stream.process(channels, n);
    stream.process(wide, n);
    stream.reset();
}

// a meter beside it, and a stream whose bands were decoded elsewhere
void metered_callback(semeq::Loudness& meter, semeq::Stream& stream, const semeq::Eq& eq, float* const* channels, double* const* wide, int n, double& lufs) noexcept SEMEQ_NONBLOCKING;
void metered_callback(semeq::Loudness& meter, semeq::Stream& stream, const semeq::Eq& eq, float* const* channels, double* const* wide, int n, double& lufs) noexcept SEMEQ_NONBLOCKING {
    stream.set_bands(eq);
    stream.process(channels, n);
    meter.feed(channels, n);
    meter.feed(wide, n);
    lufs = meter.lufs();
    meter.reset();
}

// what the examples run on the audio thread
void plugin_callback(semeq::plugin::Core& plugin, const float* const* in, float* const* out, const double* const* wide_in, double* const* wide_out, int n) noexcept SEMEQ_NONBLOCKING;
void plugin_callback(semeq::plugin::Core& plugin, const float* const* in, float* const* out, const double* const* wide_in, double* const* wide_out, int n) noexcept SEMEQ_NONBLOCKING {
    plugin.set(semeq::plugin::intensity, 0.5);
    plugin.process<float>(in, out, n);
    plugin.process<double>(wide_in, wide_out, n);
    const semeq::plugin::Event events[] = {{0, semeq::plugin::word, 1.0}, {n / 2, semeq::plugin::mix, 0.5}};
    semeq::plugin::EventList list{events, 2};
    plugin.process<float>(in, out, n, list);
    plugin.reset();
}
