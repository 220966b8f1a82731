// SPDX-License-Identifier: MIT
// Loudness against the numbers of EBU Tech 3341, and what holds for any programme.
//     loudness                              runs the cases
//     loudness RATE_HZ CHANNELS < in.f32    prints the loudness of raw float32 samples, interleaved
#include "check.hpp"

#include <cmath>

namespace {

int failures = 0;

void must(const char* what, bool holds) {
    if (holds) return;
    std::printf("%s  FAILED\n", what);
    ++failures;
}

struct Part {
    double seconds;
    std::vector<double> peak_dbfs;  // of a sine of 1 kHz in each channel
};

double lufs_of(const std::vector<Part>& parts, double rate_hz, const double* weights = nullptr) {
    const std::size_t channels = parts.front().peak_dbfs.size();
    semeq::Loudness meter;
    meter.prepare(rate_hz, static_cast<int>(channels), weights);
    std::vector<std::vector<float>> block(channels, std::vector<float>(1'000));
    std::vector<const float*> at;
    for (const std::vector<float>& channel : block) at.push_back(channel.data());
    long long sample = 0;
    for (const Part& part : parts) {
        std::vector<double> peak;
        for (double level : part.peak_dbfs) peak.push_back(std::pow(10.0, level / 20.0));
        for (long long left = std::llround(part.seconds * rate_hz); left > 0;) {
            const int n = static_cast<int>(std::min(left, 1'000LL));
            for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i, ++sample) {
                const double sine = std::sin(2.0 * semeq::pi * 1'000.0 * static_cast<double>(sample) / rate_hz);
                for (std::size_t c = 0; c < channels; ++c) block[c][i] = static_cast<float>(peak[c] * sine);
            }
            meter.feed(at.data(), n);
            left -= n;
        }
    }
    return meter.lufs();
}

void check_tech_3341() {
    const auto stereo = [](const std::vector<std::pair<double, double>>& levels) {
        std::vector<Part> parts;
        for (const auto& [seconds, level] : levels) parts.push_back({seconds, {level, level}});
        return parts;
    };
    const std::vector<std::vector<Part>> cases = {
        stereo({{20.0, -23.0}}),
        stereo({{20.0, -33.0}}),
        stereo({{10.0, -36.0}, {60.0, -23.0}, {10.0, -36.0}}),
        stereo({{10.0, -72.0}, {10.0, -36.0}, {60.0, -23.0}, {10.0, -36.0}, {10.0, -72.0}}),
        stereo({{20.0, -26.0}, {20.1, -20.0}, {20.0, -26.0}}),
        {{20.0, {-28.0, -28.0, -24.0, -30.0, -30.0}}},
    };
    const double surround[] = {1.0, 1.0, 1.0, 1.41, 1.41};
    for (const double rate_hz : {32'000.0, 44'100.0, 48'000.0})
        for (std::size_t i = 0; i < cases.size(); ++i) {
            const double wanted = i == 1 ? -33.0 : -23.0, got = lufs_of(cases[i], rate_hz, i == 5 ? surround : nullptr);
            std::printf("case %zu at %g Hz: %.3f LUFS\n", i + 1, rate_hz, got);
            must("a case of Tech 3341", std::fabs(got - wanted) <= 0.1);
        }
}

double noise_lufs(double rate_hz, int channels, int block_size, double seconds, bool is_broken) {
    semeq::Loudness meter;
    meter.prepare(rate_hz, channels);
    std::vector<check::Noise> noise;
    for (int c = 0; c < channels; ++c) noise.emplace_back(rate_hz, static_cast<std::uint32_t>(c + 1));
    std::vector<std::vector<double>> block(static_cast<std::size_t>(channels), std::vector<double>(static_cast<std::size_t>(block_size)));
    std::vector<const double*> at;
    for (const std::vector<double>& channel : block) at.push_back(channel.data());
    const long long total = std::llround(seconds * rate_hz);
    for (long long done = 0; done < total;) {
        const int n = static_cast<int>(std::min<long long>(block_size, total - done));
        for (int i = 0; i < n; ++i)
            for (std::size_t c = 0; c < block.size(); ++c) {
                const double value = noise[c].next();
                const bool is_lost = (done + i) % 48'000 == 100;
                block[c][static_cast<std::size_t>(i)] = !is_lost ? value : is_broken ? std::numeric_limits<double>::quiet_NaN() : 0.0;
            }
        meter.feed(at.data(), n);
        done += n;
    }
    return meter.lufs();
}

void check_laws() {
    const double whole = noise_lufs(48'000.0, 2, 48'000, 8.0, false);
    for (const int block_size : {1, 100, 512, 4'801}) must("any cut into blocks", std::fabs(noise_lufs(48'000.0, 2, block_size, 8.0, false) - whole) < 1e-9);
    must("what is not finite is silence", noise_lufs(48'000.0, 2, 512, 8.0, true) == noise_lufs(48'000.0, 2, 512, 8.0, false));
    must("two channels of the same are 3 LU more", std::fabs(lufs_of({{2.0, {-20.0, -20.0}}}, 8'000.0) - lufs_of({{2.0, {-20.0}}}, 8'000.0) - 10.0 * std::log10(2.0)) < 1e-9);
    must("less than a block has none", std::isinf(noise_lufs(48'000.0, 1, 100, 0.399, false)) && std::isinf(lufs_of({{2.0, {-80.0}}}, 48'000.0)));
    semeq::Loudness meter;
    const double sample = 0.5, *channel = &sample, negative[] = {-1.0};
    meter.feed(&channel, 1);
    must("before prepare", std::isinf(meter.lufs()));
    must("what cannot be", !meter.prepare(7'999.0, 1) && !meter.prepare(48'000.0, 0) && !meter.prepare(48'000.0, 65) && !meter.prepare(48'000.0, 1, negative));
}

int measure(double rate_hz, std::size_t channels) {
    semeq::Loudness meter;
    if (!meter.prepare(rate_hz, static_cast<int>(channels))) return std::fprintf(stderr, "impossible rate or channels\n"), 2;
    std::vector<float> interleaved(512 * channels), planes(512 * channels);
    std::vector<const float*> at(channels);
    for (std::size_t c = 0; c < channels; ++c) at[c] = planes.data() + 512 * c;
    for (std::size_t frames; (frames = std::fread(interleaved.data(), sizeof(float) * channels, 512, stdin)) > 0;) {
        for (std::size_t i = 0; i < frames; ++i)
            for (std::size_t c = 0; c < channels; ++c) planes[512 * c + i] = interleaved[i * channels + c];
        meter.feed(at.data(), static_cast<int>(frames));
    }
    std::printf("%.6f\n", meter.lufs());
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count == 3) return measure(std::atof(arguments[1]), static_cast<std::size_t>(std::atoi(arguments[2])));
    check_tech_3341();
    check_laws();
    return failures == 0 ? 0 : 1;
}
