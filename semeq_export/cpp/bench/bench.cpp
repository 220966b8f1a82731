// SPDX-License-Identifier: MIT
// Times of this machine as one JSON document on standard output. Nothing is dropped; the first call stands apart.
//     bench MODEL_FOLDER REFERENCES_FOLDER [SECONDS_PER_MEASUREMENT]
// Thread time says what the code costs, wall time what else the machine did. Both are in microseconds.
#include "semeq.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#include <time.h>
#endif

namespace {

double wall_us() {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double thread_us() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
#else
    return wall_us();
#endif
}

double peak_mb() {
#if defined(__unix__) || defined(__APPLE__)
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    return static_cast<double>(usage.ru_maxrss) / 1e6;
#else
    return static_cast<double>(usage.ru_maxrss) / 1e3;
#endif
#else
    return 0.0;
#endif
}

double at(const std::vector<double>& sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const std::size_t low = static_cast<std::size_t>(place), high = std::min(low + 1, sorted.size() - 1);
    return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

struct Times {
    std::vector<double> wall, thread;

    /// Time a call; the clocks' own cost (some 0.1 us) is in it.
    template <typename Call>
    void add(Call&& call) {
        const double wall_before = wall_us(), thread_before = thread_us();
        call();
        const double thread_after = thread_us(), wall_after = wall_us();
        wall.push_back(wall_after - wall_before);
        thread.push_back(thread_after - thread_before);
    }
    double median() const {
        std::vector<double> sorted(thread.begin() + 1, thread.end());
        std::sort(sorted.begin(), sorted.end());
        return at(sorted, 0.5);
    }
    void print() const {
        std::printf("{\"calls\": %zu, \"first_us\": %.3f", wall.size(), wall.front());
        for (const auto& [name, values] : {std::pair<const char*, const std::vector<double>*>{"thread", &thread}, {"wall", &wall}}) {
            std::vector<double> sorted(values->begin() + 1, values->end());
            std::sort(sorted.begin(), sorted.end());
            std::printf(", \"%s\": {\"p50_us\": %.3f, \"p95_us\": %.3f, \"p99_us\": %.3f, \"p99.9_us\": %.3f, \"max_us\": %.3f}", name, at(sorted, 0.5), at(sorted, 0.95),
                        at(sorted, 0.99), at(sorted, 0.999), sorted.back());
        }
        std::printf("}");
    }
};

std::vector<float> noise(std::size_t n) {
    std::vector<float> samples(n);
    std::uint32_t state = 1;
    for (float& sample : samples) sample = 0.2F * (static_cast<float>((state = state * 1'664'525U + 1'013'904'223U) >> 8) / 8'388'608.0F - 1.0F);
    return samples;
}

volatile float sink;

/// Reading as many bytes as the weights have, once, in order: what no decoder can be faster than.
float read_once(const std::vector<float>& data) {
    float sums[32] = {};
    for (std::size_t i = 0; i + 32 <= data.size(); i += 32)
        for (std::size_t k = 0; k < 32; ++k) sums[k] += data[i + k];
    float sum = 0.0F;
    for (float part : sums) sum += part;
    return sum;
}

#if SEMEQ_AVX2
SEMEQ_AVX2_TARGET float read_once_avx2(const std::vector<float>& data) {
    __m256 sums[8];
    for (__m256& sum : sums) sum = _mm256_setzero_ps();
    const float* p = data.data();
    for (std::size_t i = 0; i + 64 <= data.size(); i += 64)
        for (int k = 0; k < 8; ++k) sums[k] = _mm256_add_ps(sums[k], _mm256_loadu_ps(p + i + 8 * k));
    for (int k = 1; k < 8; ++k) sums[0] = _mm256_add_ps(sums[0], sums[k]);
    return semeq::detail::sum_of(sums[0]);
}
#endif

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) return std::fprintf(stderr, "usage: bench MODEL_FOLDER REFERENCES_FOLDER [SECONDS]\n"), 2;
    const double seconds = count > 3 ? std::atof(arguments[3]) : 2.0;
    const std::string folder = arguments[1];
    std::string why;
    semeq::Model model;
    semeq::Reference reference;
    const double start = wall_us();
    if (!model.load_folder(folder, why) ||
        !reference.load_file((std::string(arguments[2]) + "/any.json").c_str(), why))
        return std::fprintf(stderr, "%s\n", why.c_str()), 2;
    const double load_ms = (wall_us() - start) / 1e3, memory_mb = peak_mb();

    const semeq::Decoder& decoder = model.decoder();
    semeq::Scratch scratch = decoder.make_scratch();
    std::vector<double> params(static_cast<std::size_t>(decoder.n_params()));
    std::vector<float> z(static_cast<std::size_t>(decoder.latent_dim()));
    const std::vector<float> buffer(decoder.weight_bytes() / sizeof(float), 1.0F);
    Times decode, bandwidth;
    for (double until = wall_us() + 1e6 * seconds, i = 0; wall_us() < until || i < 100; ++i) {  // by turns: what else happens falls on both
        model.words().blend(static_cast<int>(i) % model.words().count(), -1, 0.0, z.data());
        decode.add([&] { decoder.decode(z.data(), params.data(), scratch); });
        bandwidth.add([&] {
#if SEMEQ_AVX2
            if (decoder.uses_avx2()) return void(sink = read_once_avx2(buffer));
#endif
            sink = read_once(buffer);
        });
    }
    std::printf("{\"load_ms\": %.3f, \"memory_mb\": %.3f, \"weight_bytes\": %zu, \"avx2\": %s,\n \"decode\": ", load_ms, memory_mb, decoder.weight_bytes(),
                decoder.uses_avx2() ? "true" : "false");
    decode.print();
    std::printf(",\n \"bandwidth_loop\": ");
    bandwidth.print();
    std::printf(",\n \"decode_over_bandwidth\": %.4f,\n \"word_change\": ", decode.median() / bandwidth.median());
    semeq::Stream changing;
    changing.prepare(model, 48'000.0, 2);
    Times change;
    for (double until = wall_us() + 1e6 * seconds, i = 0; wall_us() < until || i < 100; ++i) {
        const int n = model.words().count(), word = static_cast<int>(i) % n;
        const semeq::WeightedWord parts[] = {{word, 1.0}, {(word + 5) % n, 0.5}, {(word + 11) % n, -0.4}};
        change.add([&] { changing.set_mix(parts, 3); });
    }
    change.print();
    std::printf(",\n \"blocks\": [");

    bool is_first = true;
    for (const double rate_hz : {44'100.0, 48'000.0, 96'000.0, 192'000.0})
        for (const int size : {32, 64, 128, 256, 512, 1'024, 2'048})
            for (const bool listening : {false, true}) {
                semeq::Stream stream;
                stream.prepare(model, rate_hz, 2);
                stream.set_reference(reference);
                stream.set_listening(listening);
                stream.set_words(model.words().count() - 1);
                const std::vector<float> input = noise(static_cast<std::size_t>(2 * size));
                std::vector<float> work(input.size());
                float* channels[] = {work.data(), work.data() + size};
                Times block, hop;
                const double deadline_us = size / rate_hz * 1e6;
                long long misses = 0;
                const long long blocks = std::max(200LL, static_cast<long long>(seconds * rate_hz / size));
                const long long hop_samples = static_cast<long long>(4'096.0 / 48'000.0 * rate_hz) / 2;
                for (long long i = 0; i < blocks; ++i) {
                    work = input;
                    const bool is_hop = listening && stream.position() / hop_samples != (stream.position() + size) / hop_samples;
                    Times& times = is_hop ? hop : block;
                    times.add([&] { stream.process(channels, size); });
                    misses += times.wall.back() > deadline_us ? 1 : 0;
                }
                std::printf("%s\n  {\"block_size\": %d, \"sample_rate_hz\": %g, \"channels\": 2, \"listening\": %s, \"deadline_us\": %.3f, \"misses\": %lld, \"latency_samples\": 0, \"block\": ",
                            is_first ? "" : ",", size, rate_hz, listening ? "true" : "false", deadline_us, misses);
                is_first = false;
                (block.wall.size() > 1 ? block : hop).print();
                if (hop.wall.size() > 1) {
                    std::printf(", \"with_analysis\": ");
                    hop.print();
                }
                std::printf("}");
            }
    std::printf("]}\n");
    return 0;
}
