// SPDX-License-Identifier: MIT
// Counts every allocation while a stream runs; there must be none. On glibc malloc itself is counted, elsewhere operator new.
//     allocation MODEL_FOLDER REFERENCES_FOLDER
#include "check.hpp"

#include <atomic>
#include <new>

namespace {
std::atomic<long long> allocations{0};
}

#if defined(__GLIBC__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);
void* malloc(std::size_t size) { return ++allocations, __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return ++allocations, __libc_calloc(count, size); }
void* realloc(void* block, std::size_t size) { return ++allocations, __libc_realloc(block, size); }
void free(void* block) { ++allocations, __libc_free(block); }  // giving back may lock as well
}
#else
void* operator new(std::size_t size) {
    ++allocations;
    if (void* const block = std::malloc(size)) return block;
    std::abort();
}
void operator delete(void* block) noexcept { ++allocations, std::free(block); }
void operator delete(void* block, std::size_t) noexcept { ++allocations, std::free(block); }
#endif

int main(int count, char** arguments) {
    if (count != 3) return std::fprintf(stderr, "usage: allocation MODEL_FOLDER REFERENCES_FOLDER\n"), 2;
    semeq::Model model;
    check::must_load(model, arguments[1]);
    semeq::Reference reference, learned;
    std::string why;
    if (!reference.load_file((std::string(arguments[2]) + "/any.json").c_str(), why)) return std::fprintf(stderr, "%s\n", why.c_str()), 2;
    for (const double rate_hz : {44'100.0, 48'000.0}) {
        semeq::Stream stream;
        stream.prepare(model, rate_hz, 2);
        stream.set_reference(reference);
        semeq::Loudness meter;
        meter.prepare(rate_hz, 2);
        double lufs = 0.0;
        check::Noise noise(rate_hz, 1);
        std::vector<float> left(512), right(512);
        const long long before = allocations;
        for (int block = 0; block < 1'000; ++block) {
            for (std::size_t i = 0; i < 512; ++i) left[i] = right[i] = static_cast<float>(noise.next());
            if (block == 300) right[100] = NAN;
            if (block % 50 == 0) stream.set_words(block % model.words().count(), (block + 7) % model.words().count(), 0.3);
            if (block % 70 == 0) {
                const semeq::WeightedWord parts[] = {{block % model.words().count(), 1.0}, {(block + 7) % model.words().count(), -1.5}};
                stream.set_mix(parts, 2);
            }
            if (block % 30 == 0) stream.set_intensity(block % 4 - 1.5);
            if (block == 100) stream.set_listening(true), stream.start_learning();
            if (block == 600) stream.finish_learning(learned);
            if (block == 900) stream.reset();
            float* channels[] = {left.data(), right.data()};
            stream.process(channels, block % 2 == 0 ? 512 : 77);
            meter.feed(channels, 512);
            if (block % 100 == 99) lufs = meter.lufs();
        }
        const long long during = allocations - before;
        std::printf("%g Hz: %lld allocations in 1000 blocks\n", rate_hz, during);
        if (during != 0 || !learned.is_set || stream.unusable_samples() != 0 || !(lufs < 0.0)) return 1;  // the reset forgot the NaN
    }
    const long long before = allocations;
    void* volatile block = ::operator new(1);
    ::operator delete(block);
    if (allocations == before) return std::puts("the counter does not count"), 1;
    return 0;
}
