// SPDX-FileCopyrightText: the semeq authors
// SPDX-License-Identifier: MIT
//
// semeq.hpp - words to EQ, in one header. C++17, no dependency, no exceptions thrown, no allocation after loading.
//
//     semeq::Model model;                                    // loading: files, memory. Not on the audio thread.
//     std::string why;
//     if (!model.load_folder("model.semeq", why)) ...
//
//     semeq::Stream eq;                                      // one per plug-in instance
//     eq.prepare(model, 48'000.0, 2);                        // memory again: where the host says rate and channels
//     eq.set_words(model.words().find("warm"));              // from here on everything may run on the audio thread
//     eq.set_intensity(0.8);
//     eq.process(channels, n_samples);                       // float* or double* per channel, in place, no latency
//
// To listen, give it a reference (`Reference::load` reads references/any.json of the kit) and call `set_listening(true)`.
//
// Threads: a loaded Model is constant and may be shared by any number of streams. A Stream belongs to one thread at a time, and its
// setters are calls like `process`: hand parameters to the audio thread the way your plug-in format does. Everything marked
// SEMEQ_NONBLOCKING neither allocates, locks, throws nor calls the system; clang 20 and newer check that (-Wfunction-effects).
//
// Python is the reference of all of this: semeq_export/{biquad,spectrum,adapt}.py and semeq_host/{analysis,crossfade,stream}.py.
//
//  1 what an EQ is          5 words                9 the stream
//  2 filters                6 model               10 loudness
//  3 crossfade              7 spectrum
//  4 decoder.semeq          8 reference and dose

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__has_cpp_attribute)
#if __has_cpp_attribute(clang::nonblocking)
#define SEMEQ_NONBLOCKING [[clang::nonblocking]]
#endif
#endif
#ifndef SEMEQ_NONBLOCKING
#define SEMEQ_NONBLOCKING
#endif

// Matrix products use AVX2 where the processor has it: found out while loading (GCC, clang), or known from the compiler's options (MSVC).
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__) && !defined(SEMEQ_PORTABLE)
#define SEMEQ_AVX2 1
#define SEMEQ_AVX2_TARGET __attribute__((target("avx2,fma")))
#include <immintrin.h>
#elif defined(_MSC_VER) && defined(__AVX2__) && !defined(SEMEQ_PORTABLE)
#define SEMEQ_AVX2 1
#define SEMEQ_AVX2_TARGET
#include <immintrin.h>
#else
#define SEMEQ_AVX2 0
#endif

// Counts and places of this file are int, and containers take size_t: every one of these is a conversion that a cast would only hide.
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

namespace semeq {

namespace detail {

/// Whether |x| <= most, from the bits: false for NaN even where -ffast-math lets the compiler think that there is none.
template <typename Float>
inline bool is_within(Float x, Float most) noexcept SEMEQ_NONBLOCKING {
    using Bits = std::conditional_t<sizeof(Float) == 4, std::int32_t, std::int64_t>;
    static_assert(std::is_floating_point<Float>::value && sizeof(Float) == sizeof(Bits), "float or double");
    Bits bits, limit;
    std::memcpy(&bits, &x, sizeof bits);
    std::memcpy(&limit, &most, sizeof limit);
    return (bits & (std::numeric_limits<Bits>::max)()) <= limit;
}
template <typename Float>
inline bool is_finite(Float x) noexcept SEMEQ_NONBLOCKING {
    return is_within(x, (std::numeric_limits<Float>::max)());
}

}  // namespace detail

inline constexpr double pi = 3.14159265358979323846;

// Shared with Python; a test of semeq's repository holds each of them to Python's.
inline constexpr int max_bands = 64, max_channels = 64;
inline constexpr double max_gain_db = 60.0, max_preamp_db = 120.0;
inline constexpr double min_freq_hz = 1e-6, max_freq_hz = 200'000.0, min_q = 1e-6, max_q = 1'000.0;  // below, coefficients overflow
inline constexpr double min_rate_hz = 8'000.0, max_rate_hz = 384'000.0, usable_nyquist = 0.95;
inline constexpr double max_intensity = 3.0, max_blend_weight = 100.0;
inline constexpr double agreed = 0.1;  // agreement of people below which a word is weak
inline constexpr int max_words = 5'000, max_words_bytes = 16'000'000, max_json_bytes = 1'000'000, max_json_depth = 32;
inline constexpr int frame_samples = 512;
inline constexpr double warm_up_s = 0.010, fade_s = 0.020;
inline constexpr int n_thirds = 28, min_thirds = 6;  // third octaves, 31.25 Hz to 16 kHz (IEC 61260-1, base two)
inline constexpr double window_s = 4'096.0 / 48'000.0, gate_db = 25.0, band_range_db = 100.0;
inline constexpr double context_s = 2.0, min_context_s = 0.2, max_context_s = 60.0, first_dose_s = 0.5, step_doses = 0.02;
inline constexpr double max_target_gain = 1.75, max_soft_gain = 2.5, doses_of_people = 2.5;

// ---------------------------------------------------------------------------------------------------------------- 1 what an EQ is

enum class Kind : std::uint8_t { low_shelf = 0, peak = 1, high_shelf = 2 };

/// One filter of the Audio EQ Cookbook (R. Bristow-Johnson, W3C note), Q for shelves too.
struct Band {
    Kind kind = Kind::peak;
    double freq_hz = 1'000.0;
    double gain_db = 0.0;
    double q = 0.7071;
    bool enabled = true;

    bool is_active() const noexcept SEMEQ_NONBLOCKING { return enabled && gain_db != 0.0; }
    bool is_sound() const noexcept SEMEQ_NONBLOCKING {  // false for NaN too
        return detail::is_within(freq_hz, max_freq_hz) && freq_hz >= min_freq_hz && detail::is_within(gain_db, max_gain_db) && detail::is_within(q, max_q) && q >= min_q;
    }
    bool operator==(const Band& other) const noexcept SEMEQ_NONBLOCKING {
        return kind == other.kind && freq_hz == other.freq_hz && gain_db == other.gain_db && q == other.q && enabled == other.enabled;
    }
};

/// Bands in series and an overall gain.
struct Eq {
    std::array<Band, max_bands> bands{};
    int count = 0;
    double preamp_db = 0.0;

    bool operator==(const Eq& other) const noexcept SEMEQ_NONBLOCKING {
        if (count != other.count || preamp_db != other.preamp_db) return false;
        for (int i = 0; i < count; ++i)
            if (!(bands[i] == other.bands[i])) return false;
        return true;
    }
    bool operator!=(const Eq& other) const noexcept SEMEQ_NONBLOCKING { return !(*this == other); }
};

/// The same EQ with every gain times an amount, which is lowered where a band would pass 60 dB. The amount that was used goes to *used.
inline Eq scaled(const Eq& eq, double amount, double* used = nullptr) noexcept SEMEQ_NONBLOCKING {
    double largest = 0.0;
    for (int i = 0; i < eq.count; ++i) largest = (std::max)(largest, std::fabs(eq.bands[i].gain_db));
    if (largest * std::fabs(amount) > max_gain_db) amount = std::copysign(max_gain_db / largest, amount);
    Eq result = eq;
    for (int i = 0; i < eq.count; ++i) result.bands[i].gain_db *= amount;
    result.preamp_db *= amount;
    if (used != nullptr) *used = amount;
    return result;
}

/// What of an EQ a sample rate can hold: bands above 0.95 of Nyquist are left out; a low shelf there becomes plain gain.
inline Eq for_rate(const Eq& eq, double rate_hz) noexcept SEMEQ_NONBLOCKING {
    const double limit_hz = usable_nyquist * rate_hz / 2.0;
    Eq result;
    result.preamp_db = eq.preamp_db;
    for (int i = 0; i < eq.count; ++i) {
        const Band& band = eq.bands[i];
        if (band.freq_hz <= limit_hz || !band.is_active()) {
            if (band.freq_hz <= limit_hz) result.bands[result.count++] = band;
        } else if (band.kind == Kind::low_shelf) {
            result.preamp_db += band.gain_db;
        }
    }
    result.preamp_db = (std::min)((std::max)(result.preamp_db, -max_preamp_db), max_preamp_db);
    return result;
}

// --------------------------------------------------------------------------------------------------------------------- 2 filters

/// A second-order section, a0 = 1.
struct Section {
    double b0 = 1.0, b1 = 0.0, b2 = 0.0, a1 = 0.0, a2 = 0.0;
};

inline Section design(const Band& band, double rate_hz) noexcept SEMEQ_NONBLOCKING {
    const double a = std::pow(10.0, band.gain_db / 40.0);
    const double w0 = 2.0 * pi * band.freq_hz / rate_hz;
    const double cos_w0 = std::cos(w0), alpha = std::sin(w0) / (2.0 * band.q);
    double b0, b1, b2, a0, a1, a2;
    if (band.kind == Kind::peak) {
        b0 = 1.0 + alpha * a, b1 = -2.0 * cos_w0, b2 = 1.0 - alpha * a;
        a0 = 1.0 + alpha / a, a1 = -2.0 * cos_w0, a2 = 1.0 - alpha / a;
    } else {
        const double sign = band.kind == Kind::low_shelf ? 1.0 : -1.0;  // the high shelf is the low one with cos(w0) negated
        const double slope = 2.0 * std::sqrt(a) * alpha, cosine = sign * cos_w0;
        b0 = a * ((a + 1.0) - (a - 1.0) * cosine + slope);
        b1 = sign * 2.0 * a * ((a - 1.0) - (a + 1.0) * cosine);
        b2 = a * ((a + 1.0) - (a - 1.0) * cosine - slope);
        a0 = (a + 1.0) + (a - 1.0) * cosine + slope;
        a1 = sign * -2.0 * ((a - 1.0) + (a + 1.0) * cosine);
        a2 = (a + 1.0) + (a - 1.0) * cosine - slope;
    }
    return {b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0};
}

/// Power response at phi = sin^2(pi f / rate); this form keeps its precision at low frequencies.
inline double power_response(const Section& s, double phi) noexcept SEMEQ_NONBLOCKING {
    const auto power = [phi](double c0, double c1, double c2) noexcept SEMEQ_NONBLOCKING {
        const double total = c0 + c1 + c2, linear = c0 * c1 + 4.0 * c0 * c2 + c1 * c2;
        return (std::max)(total * total - 4.0 * linear * phi + 16.0 * c0 * c2 * phi * phi, 1e-300);
    };
    return power(s.b0, s.b1, s.b2) / power(1.0, s.a1, s.a2);
}

/// Magnitude response in dB of the enabled bands and the preamp. Bands must lie below Nyquist (see `for_rate`).
inline double response_db(const Eq& eq, double freq_hz, double rate_hz) noexcept SEMEQ_NONBLOCKING {
    const double sine = std::sin(pi * freq_hz / rate_hz);
    double result_db = eq.preamp_db;
    for (int i = 0; i < eq.count; ++i)
        if (eq.bands[i].is_active()) result_db += 10.0 * std::log10(power_response(design(eq.bands[i], rate_hz), sine * sine));
    return result_db;
}

// Two channels side by side: what the processor computes at the price of one.
#if defined(__GNUC__) || defined(__clang__)
typedef double Pair __attribute__((vector_size(16)));
#else
struct Pair {
    double v[2];
    double& operator[](int i) noexcept { return v[i]; }
    double operator[](int i) const noexcept { return v[i]; }
    friend Pair operator*(double a, Pair b) noexcept { return {{a * b.v[0], a * b.v[1]}}; }
    friend Pair operator+(Pair a, Pair b) noexcept { return {{a.v[0] + b.v[0], a.v[1] + b.v[1]}}; }
    friend Pair operator-(Pair a, Pair b) noexcept { return {{a.v[0] - b.v[0], a.v[1] - b.v[1]}}; }
};
#endif

/// Sections in series, float64, transposed direct form II, with the state carried from call to call: any cut into blocks gives the same bits.
class FilterBank {
public:
    /// Allocates. Channels are held in pairs.
    void prepare(int pairs) {
        pairs_ = pairs;
        state_.assign(static_cast<std::size_t>(pairs) * max_bands * 2, Pair{});
        count_ = 0;
        gain_ = 1.0;
    }

    /// Take over other settings; starts from silence.
    void set(const Eq& eq, double rate_hz) noexcept SEMEQ_NONBLOCKING {
        count_ = 0;
        for (int i = 0; i < eq.count; ++i)
            if (eq.bands[i].is_active()) sections_[count_++] = design(eq.bands[i], rate_hz);
        gain_ = std::pow(10.0, eq.preamp_db / 20.0);
        clear();
    }
    /// Take over sections, at most max_bands; starts from silence.
    void set(const Section* sections, int count) noexcept SEMEQ_NONBLOCKING {
        count_ = count;
        gain_ = 1.0;
        for (int i = 0; i < count; ++i) sections_[i] = sections[i];
        clear();
    }

    bool is_identity() const noexcept SEMEQ_NONBLOCKING { return count_ == 0 && gain_ == 1.0; }

    /// Filter n samples of one pair in place.
    void process(Pair* samples, int n, int pair) noexcept SEMEQ_NONBLOCKING {
        Pair* state = state_of(pair);
        int i = 0;
        for (; count_ - i >= 3; i += 3) run<3>(&sections_[i], state + 2 * i, samples, n);  // three at once hide each other's latency
        if (count_ - i == 2) run<2>(&sections_[i], state + 2 * i, samples, n);
        if (count_ - i == 1) run<1>(&sections_[i], state + 2 * i, samples, n);
        if (gain_ != 1.0)
            for (int k = 0; k < n; ++k) samples[k] = gain_ * samples[k];
    }

    /// Make states zero that have decayed to -3000 dB, long before they could become subnormal and slow.
    void settle() noexcept SEMEQ_NONBLOCKING {
        for (int p = 0; p < pairs_; ++p)
            for (int i = 0; i < 2 * count_; ++i)
                for (int c = 0; c < 2; ++c)
                    if (std::fabs(state_of(p)[i][c]) < 1e-150) state_of(p)[i][c] = 0.0;
    }

    /// Become another bank of as many pairs, without allocating.
    void copy_from(const FilterBank& other) noexcept SEMEQ_NONBLOCKING {
        count_ = other.count_;
        gain_ = other.gain_;
        for (int i = 0; i < count_; ++i) sections_[i] = other.sections_[i];
        for (int p = 0; p < pairs_; ++p)
            for (int i = 0; i < 2 * count_; ++i) state_of(p)[i] = other.state_of(p)[i];
    }

private:
    void clear() noexcept SEMEQ_NONBLOCKING {
        for (int p = 0; p < pairs_; ++p)
            for (int i = 0; i < 2 * count_; ++i) state_of(p)[i] = Pair{};
    }
    Pair* state_of(int pair) noexcept SEMEQ_NONBLOCKING { return state_.data() + static_cast<std::size_t>(pair) * max_bands * 2; }
    const Pair* state_of(int pair) const noexcept SEMEQ_NONBLOCKING { return state_.data() + static_cast<std::size_t>(pair) * max_bands * 2; }

    template <int N>
    static void run(const Section* sections, Pair* state, Pair* samples, int n) noexcept SEMEQ_NONBLOCKING {
        Section s[N];
        Pair z1[N], z2[N];
        for (int k = 0; k < N; ++k) s[k] = sections[k], z1[k] = state[2 * k], z2[k] = state[2 * k + 1];
        for (int i = 0; i < n; ++i) {
            Pair x = samples[i];
            for (int k = 0; k < N; ++k) {
                const Pair y = s[k].b0 * x + z1[k];
                z1[k] = s[k].b1 * x - s[k].a1 * y + z2[k];
                z2[k] = s[k].b2 * x - s[k].a2 * y;
                x = y;
            }
            samples[i] = x;
        }
        for (int k = 0; k < N; ++k) state[2 * k] = z1[k], state[2 * k + 1] = z2[k];
    }

    std::array<Section, max_bands> sections_{};
    std::vector<Pair> state_;
    int pairs_ = 0, count_ = 0;
    double gain_ = 1.0;
};

// ------------------------------------------------------------------------------------------------------------------- 3 crossfade

/// How a fade rises: the integral of a Hann window, without corners. share: how much of its time has gone, 0..1.
inline double fade_rise(double share) noexcept SEMEQ_NONBLOCKING { return share - std::sin(2.0 * pi * share) / (2.0 * pi); }

/// An EQ whose settings change without a click: the new bank hears the input for 10 ms unheard, then replaces the old one over 20 ms.
/// A change asked for meanwhile waits for the end of the fade; of several the last one counts.
class CrossfadeEq {
public:
    /// Allocates.
    void prepare(double rate_hz, int channels) {
        rate_hz_ = rate_hz;
        channels_ = channels;
        pairs_ = (channels + 1) / 2;
        for (FilterBank& bank : banks_) bank.prepare(pairs_);
        for (FilterBank& bank : saved_banks_) bank.prepare(pairs_);
        dry_.assign(frame_samples, Pair{});
        wet_.assign(frame_samples, Pair{});
        warm_up_ = static_cast<int>(std::nearbyint(warm_up_s * rate_hz));
        const int fade = static_cast<int>(std::nearbyint(fade_s * rate_hz));
        rise_.resize(static_cast<std::size_t>(fade));
        for (int i = 0; i < fade; ++i) rise_[static_cast<std::size_t>(i)] = fade_rise((i + 1.0) / (fade + 1.0));
        reset(Eq{});
    }

    /// Hold these settings at once, without a fade, and forget everything heard so far.
    void reset(const Eq& eq) noexcept SEMEQ_NONBLOCKING {
        old_ = 0, changing_ = false, waiting_ = false, position_ = 0;
        eq_ = eq;
        banks_[0].set(eq, rate_hz_);
    }

    /// The settings asked for last: heard already, being faded in, or waiting.
    const Eq& eq() const noexcept SEMEQ_NONBLOCKING { return waiting_ ? waiting_eq_ : eq_; }
    bool is_changing() const noexcept SEMEQ_NONBLOCKING { return changing_; }

    /// Ask for other settings from the next sample on. All bands must lie below Nyquist (see `for_rate`).
    void change_to(const Eq& eq) noexcept SEMEQ_NONBLOCKING {
        if (eq == this->eq()) return;
        if (!changing_) {
            begin(eq);
        } else {
            waiting_ = eq != eq_;
            if (waiting_) waiting_eq_ = eq;
        }
    }

    void settle() noexcept SEMEQ_NONBLOCKING {
        for (FilterBank& bank : banks_) bank.settle();
    }

    /// Remember this moment; `go_back` returns to it as if nothing had been heard since.
    void save() noexcept SEMEQ_NONBLOCKING {
        for (int i = 0; i < 2; ++i) saved_banks_[i].copy_from(banks_[i]);
        saved_ = {old_, changing_, waiting_, position_};
        saved_eq_ = eq_;
        if (waiting_) saved_waiting_eq_ = waiting_eq_;
    }
    void go_back() noexcept SEMEQ_NONBLOCKING {
        for (int i = 0; i < 2; ++i) banks_[i].copy_from(saved_banks_[i]);
        old_ = saved_.old, changing_ = saved_.changing, waiting_ = saved_.waiting, position_ = saved_.position;
        eq_ = saved_eq_;
        if (waiting_) waiting_eq_ = saved_waiting_eq_;
    }

    /// Filter samples start..start+n of all channels in place; n at most frame_samples.
    template <typename Sample>
    void process(Sample* const* channels, int start, int n) noexcept SEMEQ_NONBLOCKING {
        while (n > 0) {
            int part = n;
            if (changing_) part = (std::min)(n, (position_ < warm_up_ ? warm_up_ : change_samples()) - position_);
            run(channels, start, part);
            start += part;
            n -= part;
            if (changing_ && (position_ += part) == change_samples()) {
                old_ ^= 1;
                changing_ = false;
                if (waiting_) {
                    waiting_ = false;
                    begin(waiting_eq_);
                }
            }
        }
    }

    /// How long a change takes until only the new settings are heard.
    int change_samples() const noexcept SEMEQ_NONBLOCKING { return warm_up_ + static_cast<int>(rise_.size()); }

private:
    struct Moment {
        int old;
        bool changing, waiting;
        int position;
    };

    void begin(const Eq& eq) noexcept SEMEQ_NONBLOCKING {
        banks_[old_ ^ 1].set(eq, rate_hz_);
        eq_ = eq;
        changing_ = true;
        position_ = 0;
    }

    template <typename Sample>
    void run(Sample* const* channels, int start, int n) noexcept SEMEQ_NONBLOCKING {
        FilterBank& old = banks_[old_];
        if (!changing_ && old.is_identity()) return;  // every bit stays
        const bool fading = changing_ && position_ >= warm_up_;
        const bool untouched = !fading && old.is_identity();  // warming up behind a flat EQ
        for (int p = 0; p < pairs_; ++p) {
            Sample* left = channels[2 * p] + start;
            Sample* right = 2 * p + 1 < channels_ ? channels[2 * p + 1] + start : left;
            for (int i = 0; i < n; ++i) dry_[i] = Pair{static_cast<double>(left[i]), static_cast<double>(right[i])};
            if (changing_) {
                for (int i = 0; i < n; ++i) wet_[i] = dry_[i];
                banks_[old_ ^ 1].process(wet_.data(), n, p);
            }
            old.process(dry_.data(), n, p);
            if (fading)
                for (int i = 0; i < n; ++i) dry_[i] = dry_[i] + rise_[position_ - warm_up_ + i] * (wet_[i] - dry_[i]);
            if (untouched) continue;
            for (int i = 0; i < n; ++i) {
                right[i] = without_subnormal(static_cast<Sample>(dry_[i][1]));
                left[i] = without_subnormal(static_cast<Sample>(dry_[i][0]));
            }
        }
    }

    template <typename Sample>
    static Sample without_subnormal(Sample x) noexcept SEMEQ_NONBLOCKING {
        return std::fabs(x) < (std::numeric_limits<Sample>::min)() ? Sample(0) : x;
    }

    double rate_hz_ = 48'000.0;
    int channels_ = 0, pairs_ = 0, warm_up_ = 0;
    std::vector<double> rise_;
    std::vector<Pair> dry_, wet_;
    FilterBank banks_[2], saved_banks_[2];
    int old_ = 0;
    bool changing_ = false, waiting_ = false;
    int position_ = 0;  // samples since the change began
    Eq eq_, waiting_eq_, saved_eq_, saved_waiting_eq_;
    Moment saved_{};
};

// --------------------------------------------------------------------------------------------------------------- 4 decoder.semeq

namespace detail {

/// Little-endian fields of a byte string; every read is checked against its end.
class Bytes {
public:
    Bytes(const unsigned char* data, std::size_t size) noexcept : data_(data), size_(size) {}
    std::size_t at = 0;

    bool has(std::size_t count) const noexcept { return count <= size_ - (std::min)(at, size_); }
    std::size_t size() const noexcept { return size_; }
    const unsigned char* here() const noexcept { return data_ + at; }
    std::uint32_t u32() noexcept {
        std::uint32_t value = 0;
        for (int i = 3; i >= 0; --i) value = value << 8 | data_[at + static_cast<std::size_t>(i)];
        at += 4;
        return value;
    }
    double f64() noexcept {
        std::uint64_t low = u32(), bits = static_cast<std::uint64_t>(u32()) << 32 | low;
        double value;
        std::memcpy(&value, &bits, 8);
        return value;
    }
    float f32() noexcept {
        std::uint32_t bits = u32();
        float value;
        std::memcpy(&value, &bits, 4);
        return value;
    }
    bool is_zero(std::size_t count) const noexcept {
        for (std::size_t i = 0; i < count; ++i)
            if (data_[at + i] != 0) return false;
        return true;
    }

private:
    const unsigned char* data_;
    std::size_t size_;
};

/// CRC-32 as zlib computes it.
inline std::uint32_t crc32(const unsigned char* data, std::size_t size) {
    std::uint32_t table[256];
    for (std::uint32_t i = 0; i < 256; ++i) {
        table[i] = i;
        for (int k = 0; k < 8; ++k) table[i] = (table[i] & 1U) != 0 ? 0xEDB88320U ^ (table[i] >> 1) : table[i] >> 1;
    }
    std::uint32_t crc = 0xFFFFFFFFU;
    for (std::size_t i = 0; i < size; ++i) crc = table[(crc ^ data[i]) & 0xFFU] ^ (crc >> 8);
    return crc ^ 0xFFFFFFFFU;
}

/// SHA-256 (FIPS 180-4) in lower-case hexadecimal.
inline std::string sha256(const void* bytes, std::size_t size) {
    static constexpr std::uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
        0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
        0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
        0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
        0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    const auto* const data = static_cast<const unsigned char*>(bytes);
    std::uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const auto turn = [](std::uint32_t x, int n) { return x >> n | x << (32 - n); };
    const auto block = [&](const unsigned char* at) {
        std::uint32_t w[64];
        for (int i = 0; i < 16; ++i)
            w[i] = static_cast<std::uint32_t>(at[4 * i]) << 24 | static_cast<std::uint32_t>(at[4 * i + 1]) << 16 | static_cast<std::uint32_t>(at[4 * i + 2]) << 8 | at[4 * i + 3];
        for (int i = 16; i < 64; ++i) {
            const std::uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
        }
        std::uint32_t s[8];
        for (int i = 0; i < 8; ++i) s[i] = state[i];
        for (int i = 0; i < 64; ++i) {
            const std::uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
            const std::uint32_t two = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            for (int j = 7; j > 0; --j) s[j] = s[j - 1];
            s[4] += one;
            s[0] = one + two;
        }
        for (int i = 0; i < 8; ++i) state[i] += s[i];
    };
    const std::size_t whole = size / 64 * 64, rest = size - whole, padded = rest < 56 ? 64 : 128;
    for (std::size_t at = 0; at < whole; at += 64) block(data + at);
    unsigned char end[128] = {};
    if (rest > 0) std::memcpy(end, data + whole, rest);
    end[rest] = 0x80;
    for (std::size_t i = 0; i < 8; ++i) end[padded - 1 - i] = static_cast<unsigned char>(static_cast<std::uint64_t>(size) * 8 >> 8 * i);
    for (std::size_t at = 0; at < padded; at += 64) block(end + at);
    std::string text;
    for (std::uint32_t word : state)
        for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[word >> shift & 15U];
    return text;
}

inline bool fail(std::string& why, const char* file, std::size_t offset, const char* what) {
    std::string digits;  // without printf, which would bring half of a C library's files along
    for (std::size_t rest = offset; rest > 0 || digits.empty(); rest /= 16) digits.insert(digits.begin(), "0123456789abcdef"[rest % 16]);
    why = std::string(file) + ": offset 0x" + digits + ": " + what;
    return false;
}

/// y = W x + b. weight: (n_out, n_in) row-major. Reads the weights once, in order: memory is what this waits for.
inline void dense_portable(const float* weight, const float* bias, const float* x, float* y, int n_in, int n_out) noexcept SEMEQ_NONBLOCKING {
    for (int row = 0; row < n_out; ++row) {
        const float* w = weight + static_cast<std::size_t>(row) * static_cast<std::size_t>(n_in);
        float sums[16] = {};  // apart, so that the compiler may use whatever vectors there are
        int i = 0;
        for (; i + 16 <= n_in; i += 16)
            for (int k = 0; k < 16; ++k) sums[k] += w[i + k] * x[i + k];
        float sum = 0.0F;
        for (; i < n_in; ++i) sum += w[i] * x[i];
        for (int k = 0; k < 8; ++k) sums[k] += sums[k + 8];
        for (int k = 0; k < 4; ++k) sums[k] += sums[k + 4];
        y[row] = sum + ((sums[0] + sums[2]) + (sums[1] + sums[3])) + bias[row];
    }
}

#if SEMEQ_AVX2
SEMEQ_AVX2_TARGET inline float sum_of(__m256 v) noexcept SEMEQ_NONBLOCKING {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

/// As `dense_portable`, four rows at once: eight sums hide the latency of the additions, and x is read once for four rows.
SEMEQ_AVX2_TARGET inline void dense_avx2(const float* weight, const float* bias, const float* x, float* y, int n_in, int n_out) noexcept
    SEMEQ_NONBLOCKING {
    const std::size_t stride = static_cast<std::size_t>(n_in);
    int row = 0;
    for (; row + 4 <= n_out && n_in % 16 == 0; row += 4) {
        const float* w = weight + static_cast<std::size_t>(row) * stride;
        __m256 a[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
        __m256 b[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
        for (int i = 0; i < n_in; i += 16) {
            const __m256 x0 = _mm256_loadu_ps(x + i), x1 = _mm256_loadu_ps(x + i + 8);
            for (int r = 0; r < 4; ++r) {
                const float* at = w + static_cast<std::size_t>(r) * stride + i;
                a[r] = _mm256_fmadd_ps(_mm256_loadu_ps(at), x0, a[r]);
                b[r] = _mm256_fmadd_ps(_mm256_loadu_ps(at + 8), x1, b[r]);
            }
        }
        for (int r = 0; r < 4; ++r) y[row + r] = sum_of(_mm256_add_ps(a[r], b[r])) + bias[row + r];
    }
    if (row < n_out) dense_portable(weight + static_cast<std::size_t>(row) * stride, bias + row, x, y + row, n_in, n_out - row);
}
#endif

}  // namespace detail

/// What a decoder needs besides its weights: one per thread that decodes.
struct Scratch {
    std::vector<float> x, hidden, y;
};

/// The network of a decoder.semeq file: latent vector -> EQ. The layout of the file is drawn in semeq_export/bundle/flat.py.
class Decoder {
public:
    static constexpr std::uint32_t version = 1, max_width = 8'192, max_layers = 64;
    static constexpr std::size_t max_bytes = 64'000'000;

    /// Read a file's bytes; false, with a reason, for anything but a sound file. Allocates.
    bool load(const void* bytes, std::size_t size, std::string& why) {
        *this = Decoder();
        Decoder loaded;
        if (!loaded.parse(static_cast<const unsigned char*>(bytes), size, why)) return false;
        *this = std::move(loaded);
        return true;
    }

    bool is_loaded() const noexcept SEMEQ_NONBLOCKING { return n_params_ > 0; }
    int latent_dim() const noexcept SEMEQ_NONBLOCKING { return latent_dim_; }
    int n_params() const noexcept SEMEQ_NONBLOCKING { return n_params_; }
    int n_bands() const noexcept SEMEQ_NONBLOCKING { return static_cast<int>(slots_.size()); }
    std::size_t weight_bytes() const noexcept SEMEQ_NONBLOCKING { return weights_.size() * sizeof(float); }
    bool uses_avx2() const noexcept SEMEQ_NONBLOCKING { return use_avx2_; }

    /// Allocates.
    Scratch make_scratch() const {
        const std::size_t width = static_cast<std::size_t>(widest_);
        return {std::vector<float>(width), std::vector<float>(width), std::vector<float>(width)};
    }

    /// Parameters (n_params,) in dB, Hz and Q of a latent vector (latent_dim,); false where they are not finite.
    bool decode(const float* z, double* params, Scratch& scratch) const noexcept SEMEQ_NONBLOCKING {
        float *x = scratch.x.data(), *hidden = scratch.hidden.data(), *y = scratch.y.data();
        for (int i = 0; i < latent_dim_; ++i) x[i] = z[i];
        for (const Layer& layer : layers_) {
            if (layer.is_residual) {
                dense(layer.first, x, hidden, layer.n_in, layer.n_hidden);
                norm(layer.norm1, hidden, layer.n_hidden);
                relu(hidden, layer.n_hidden);
                dense(layer.second, hidden, y, layer.n_hidden, layer.n_out);
                norm(layer.norm2, y, layer.n_out);
                if (layer.skip.weight != nullptr) {
                    dense(layer.skip, x, hidden, layer.n_in, layer.n_out);
                    for (int i = 0; i < layer.n_out; ++i) y[i] += hidden[i];
                } else {
                    for (int i = 0; i < layer.n_out; ++i) y[i] += x[i];
                }
                relu(y, layer.n_out);
            } else {
                dense(layer.first, x, y, layer.n_in, layer.n_out);
                if (layer.activation == 1) relu(y, layer.n_out);
                if (layer.activation == 2)
                    for (int i = 0; i < layer.n_out; ++i) y[i] = std::tanh(y[i]);
            }
            std::swap(x, y);
        }
        for (int i = 0; i < n_params_; ++i) {
            const Range& range = ranges_[static_cast<std::size_t>(i)];
            const double share = 1.0 / (1.0 + std::exp(-static_cast<double>(x[i])));
            const double value = range.is_log ? range.minimum * std::pow(range.maximum / range.minimum, share)
                                              : range.minimum + (range.maximum - range.minimum) * share;
            if (!detail::is_finite(value)) return false;
            params[i] = (std::min)((std::max)(value, range.minimum), range.maximum);
        }
        return true;
    }

    /// The bands of a parameter vector.
    Eq eq_of(const double* params) const noexcept SEMEQ_NONBLOCKING {
        Eq eq;
        eq.count = n_bands();
        for (int i = 0; i < eq.count; ++i) {
            const Slot& slot = slots_[static_cast<std::size_t>(i)];
            Band& band = eq.bands[i];
            band.kind = slot.kind;
            band.gain_db = *params++;
            band.freq_hz = *params++;
            band.q = slot.fixed_q > 0.0 ? slot.fixed_q : *params++;
        }
        return eq;
    }

    /// Whether parameter i is a gain in dB (else it is a frequency or a Q).
    bool is_gain(int i) const noexcept SEMEQ_NONBLOCKING { return ranges_[static_cast<std::size_t>(i)].is_gain; }

private:
    struct Slot {
        Kind kind;
        double fixed_q;  // 0 where Q is a parameter
    };
    struct Range {
        bool is_log, is_gain;
        double minimum, maximum;
    };
    struct Dense {
        const float *weight = nullptr, *bias = nullptr;
    };
    struct Norm {
        const float *gain = nullptr, *offset = nullptr;
    };
    struct Layer {
        bool is_residual = false;
        std::uint32_t activation = 0;
        int n_in = 0, n_hidden = 0, n_out = 0;
        Dense first, second, skip;
        Norm norm1, norm2;
    };

    void dense(const Dense& d, const float* x, float* y, int n_in, int n_out) const noexcept SEMEQ_NONBLOCKING {
#if SEMEQ_AVX2
        if (use_avx2_) return detail::dense_avx2(d.weight, d.bias, x, y, n_in, n_out);
#endif
        detail::dense_portable(d.weight, d.bias, x, y, n_in, n_out);
    }
    void norm(const Norm& layer_norm, float* x, int n) const noexcept SEMEQ_NONBLOCKING {
        double sum = 0.0, square = 0.0;
        for (int i = 0; i < n; ++i) sum += x[i];
        const double mean = sum / n;
        for (int i = 0; i < n; ++i) square += (x[i] - mean) * (x[i] - mean);
        const float centre = static_cast<float>(mean), scale = static_cast<float>(1.0 / std::sqrt(square / n + epsilon_));
        for (int i = 0; i < n; ++i) x[i] = (x[i] - centre) * scale * layer_norm.gain[i] + layer_norm.offset[i];
    }
    static void relu(float* x, int n) noexcept SEMEQ_NONBLOCKING {
        for (int i = 0; i < n; ++i) x[i] = x[i] > 0.0F ? x[i] : 0.0F;
    }

    bool parse(const unsigned char* data, std::size_t size, std::string& why) {
        const auto wrong = [&why](std::size_t offset, const char* what) { return detail::fail(why, "decoder.semeq", offset, what); };
        detail::Bytes in(data, size);
        if (data == nullptr || size < 64) return wrong(0, "too few bytes for a header");
        if (std::memcmp(data, "\x89SEMEQ\r\n", 8) != 0) return wrong(0, "no flat weights file (wrong magic)");
        in.at = 8;
        if (in.u32() != version) return wrong(8, "another version of the format");
        const std::uint32_t checksum = in.u32();
        if (size > max_bytes || in.u32() != size) return wrong(16, "not as long as it says");
        if (detail::crc32(data + 16, size - 16) != checksum) return wrong(12, "CRC-32 does not match: the file is damaged");
        const std::uint32_t latent_dim = in.u32(), n_slots = in.u32(), n_layers = in.u32();
        if (latent_dim < 1 || latent_dim > max_width) return wrong(20, "impossible latent_dim");
        if (n_slots < 1 || n_slots > static_cast<std::uint32_t>(max_bands)) return wrong(24, "impossible number of bands");
        if (n_layers < 1 || n_layers > max_layers) return wrong(28, "impossible number of layers");
        epsilon_ = in.f32();
        if (!(epsilon_ > 0.0 && epsilon_ <= 1.0) || !in.is_zero(28)) return wrong(32, "impossible norm epsilon, or reserved bytes not zero");
        in.at = 64;

        for (std::uint32_t i = 0; i < n_slots; ++i) {
            if (!in.has(16)) return wrong(in.at, "file ends inside a table");
            const std::size_t start = in.at;
            const std::uint32_t kind = in.u32(), is_free = in.u32();
            const double q = in.f64();
            if (kind > 2 || is_free > 1 || !(is_free == 1 ? q == 0.0 : q >= min_q && q <= max_q)) return wrong(start, "no such band");
            slots_.push_back({static_cast<Kind>(kind), q});
        }
        for (const Slot& slot : slots_) {
            const int free = slot.fixed_q > 0.0 ? 2 : 3;
            const double lowest[3] = {-max_gain_db, min_freq_hz, min_q}, highest[3] = {max_gain_db, max_freq_hz, max_q};
            for (int k = 0; k < free; ++k) {
                if (!in.has(24)) return wrong(in.at, "file ends inside a table");
                const std::size_t start = in.at;
                const std::uint32_t scale = in.u32(), reserved = in.u32();
                const double minimum = in.f64(), maximum = in.f64();
                const bool is_range = minimum < maximum && minimum >= lowest[k] && maximum <= highest[k];  // false for NaN too
                if (scale > 1 || reserved != 0 || !is_range || (scale == 1 && !(minimum > 0.0))) return wrong(start, "no parameter range");
                ranges_.push_back({scale == 1, k == 0, minimum, maximum});
            }
        }
        if (!in.has(32 * static_cast<std::size_t>(n_layers))) return wrong(in.at, "file ends inside a table");

        // the tensors are copied to where they are aligned, so that the bytes given may go away
        std::vector<Layer> layers;
        std::uint32_t width = latent_dim, widest = latent_dim;
        for (std::uint32_t i = 0; i < n_layers; ++i) {
            const std::size_t start = in.at;
            const std::uint32_t kind = in.u32(), n_in = in.u32(), n_hidden = in.u32(), n_out = in.u32(), flag = in.u32();
            if (!in.is_zero(12)) return wrong(in.at, "reserved bytes are not zero");
            in.at += 12;
            if (n_in != width) return wrong(start + 4, "layer does not take what the one before gives");
            if (n_out < 1 || n_out > max_width) return wrong(start + 12, "impossible width");
            if (kind == 1 ? n_hidden != 0 || flag > 2 : kind != 2 || n_hidden < 1 || n_hidden > max_width || flag > 1 || (flag == 0 && n_in != n_out))
                return wrong(start, "no such layer");
            Layer layer;
            layer.is_residual = kind == 2;
            layer.activation = flag;
            layer.n_in = static_cast<int>(n_in), layer.n_hidden = static_cast<int>(n_hidden), layer.n_out = static_cast<int>(n_out);
            layers.push_back(layer);
            width = n_out;
            widest = (std::max)({widest, n_hidden, n_out});
        }
        if (width != ranges_.size()) return wrong(24, "the last layer does not give one number per parameter");

        const std::size_t first = (in.at + 63) / 64 * 64;
        if (first > size || size % 64 != 0) return wrong(in.at, "padding is missing");
        weights_.resize((size - first) / 4 + 16);
        float* target = weights_.data();
        while (reinterpret_cast<std::uintptr_t>(target) % 64 != 0) ++target;
        const auto tensor = [&](std::size_t count) -> const float* {
            const std::size_t end = (in.at + 63) / 64 * 64;
            if (end > size || !in.is_zero(end - in.at)) return nullptr;
            in.at = end;
            if (!in.has(4 * count)) return nullptr;
            float* const place = target + (in.at - first) / 4;
            for (std::size_t i = 0; i < count; ++i) {
                place[i] = in.f32();
                if (!detail::is_finite(place[i])) return nullptr;
            }
            return place;
        };
        const auto dense_of = [&](int n_in, int n_out, Dense& to) {
            to.weight = tensor(static_cast<std::size_t>(n_in) * static_cast<std::size_t>(n_out));
            to.bias = to.weight != nullptr ? tensor(static_cast<std::size_t>(n_out)) : nullptr;
            return to.bias != nullptr;
        };
        const auto norm_of = [&](int n, Norm& to) {
            to.gain = tensor(static_cast<std::size_t>(n));
            to.offset = to.gain != nullptr ? tensor(static_cast<std::size_t>(n)) : nullptr;
            return to.offset != nullptr;
        };
        for (Layer& layer : layers) {
            bool is_there;
            if (layer.is_residual)
                is_there = dense_of(layer.n_in, layer.n_hidden, layer.first) && norm_of(layer.n_hidden, layer.norm1) &&
                           dense_of(layer.n_hidden, layer.n_out, layer.second) && norm_of(layer.n_out, layer.norm2) &&
                           (layer.activation == 0 || dense_of(layer.n_in, layer.n_out, layer.skip));
            else
                is_there = dense_of(layer.n_in, layer.n_out, layer.first);
            if (!is_there) return wrong(in.at, "tensor is cut off, holds a number that is not finite, or its padding is not zero");
        }
        if (!in.is_zero(std::min<std::size_t>(63, size - in.at)) || (in.at + 63) / 64 * 64 != size) return wrong(in.at, "bytes too many");
        layers_ = std::move(layers);
        latent_dim_ = static_cast<int>(latent_dim);
        n_params_ = static_cast<int>(ranges_.size());
        widest_ = static_cast<int>(widest);
#if SEMEQ_AVX2 && (defined(__GNUC__) || defined(__clang__))
        use_avx2_ = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif SEMEQ_AVX2
        use_avx2_ = true;
#endif
        return true;
    }

    std::vector<float> weights_;  // moved with the object; the layers point into it
    std::vector<Layer> layers_;
    std::vector<Slot> slots_;
    std::vector<Range> ranges_;
    double epsilon_ = 1e-5;
    int latent_dim_ = 0, n_params_ = 0, widest_ = 0;
    bool use_avx2_ = false;

public:
    Decoder() = default;
    Decoder(Decoder&&) = default;  // a vector that is moved keeps its storage, so pointers into it stay
    Decoder& operator=(Decoder&&) = default;
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
};

// ----------------------------------------------------------------------------------------------------------------------- 5 words

namespace detail {

/// A strict JSON reader without a document: callers say what they expect. Refuses what semeq_export/files/strict_json.py refuses: duplicate
/// keys, NaN and infinities, a byte order mark, lone surrogates, bad UTF-8, nesting over 32 levels. Depends on no locale.
class Json {
public:
    Json(const char* text, std::size_t size) : at_(text), end_(text + size) {}

    std::string why;

    /// Read an object; on_key(name) must read the value.
    template <typename OnKey>
    bool object(OnKey&& on_key) {
        std::vector<std::string> keys;
        if (!open('{')) return false;
        if (close('}')) return true;
        do {
            std::string key;
            if (!string(key) || !expect(':')) return false;
            keys.push_back(key);
            if (!on_key(keys.back())) return refuse("unexpected value");
        } while (accept(','));
        std::sort(keys.begin(), keys.end());
        if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) return refuse("a key occurs twice");
        return close('}') || refuse("expected , or }");
    }

    /// Read an array; on_item() must read each value.
    template <typename OnItem>
    bool array(OnItem&& on_item) {
        if (!open('[')) return false;
        if (close(']')) return true;
        do {
            if (!on_item()) return refuse("unexpected value");
        } while (accept(','));
        return close(']') || refuse("expected , or ]");
    }

    bool numbers(std::vector<double>& values, std::size_t most) {
        return array([&] {
            double value;
            if (values.size() >= most || !number(value)) return false;
            values.push_back(value);
            return true;
        });
    }

    bool boolean(bool& value) {
        space();
        value = word("true");
        return value || word("false") || refuse("expected true or false");
    }

    bool number(double& value) {
        space();
        const bool is_negative = at_ < end_ && *at_ == '-';
        if (is_negative) ++at_;
        if (!is_digit()) return refuse("expected a number");
        if (*at_ == '0' && at_ + 1 < end_ && at_[1] >= '0' && at_[1] <= '9') return refuse("a number starts with 0");
        std::uint64_t mantissa = 0;
        int exponent = 0;
        digits(mantissa, exponent, false);
        if (at_ < end_ && *at_ == '.') {
            ++at_;
            if (!is_digit()) return refuse("expected a digit");
            digits(mantissa, exponent, true);
        }
        if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
            ++at_;
            const bool is_small = at_ < end_ && *at_ == '-';
            if (at_ < end_ && (*at_ == '-' || *at_ == '+')) ++at_;
            if (!is_digit()) return refuse("expected a digit");
            int shift = 0;
            for (; is_digit(); ++at_) shift = (std::min)(shift * 10 + (*at_ - '0'), 100'000);
            exponent += is_small ? -shift : shift;
        }
        // strtod reads a comma where the user's locale has one; two steps keep 1e-320 from becoming 0 on the way
        const int half = exponent / 2;
        value = static_cast<double>(static_cast<long double>(mantissa) * std::pow(10.0L, half) * std::pow(10.0L, exponent - half));
        if (mantissa == 0) value = 0.0;
        if (is_negative) value = -value;
        return detail::is_finite(value) || refuse("a number is not finite");
    }

    bool string(std::string& text) {
        text.clear();
        if (!expect('"')) return false;
        while (at_ < end_ && *at_ != '"') {
            const auto c = static_cast<unsigned char>(*at_);
            if (c < 0x20) return refuse("control character in a text");
            if (c == '\\') {
                if (!escape(text)) return refuse("bad escape in a text");
            } else if (!utf8(text)) {
                return refuse("text is not UTF-8");
            }
        }
        return expect('"');
    }

    bool skip() {
        space();
        if (at_ >= end_) return refuse("ends early");
        if (*at_ == '{') return object([this](const std::string&) { return skip(); });
        if (*at_ == '[') return array([this] { return skip(); });
        if (*at_ == '"') {
            std::string text;
            return string(text);
        }
        if (word("true") || word("false") || word("null")) return true;
        double value;
        return number(value);
    }

    bool at_end() {
        space();
        return at_ == end_ || refuse("something follows the end");
    }

private:
    bool refuse(const char* what) {
        if (why.empty()) why = what;
        return false;
    }
    void space() {
        while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    }
    bool accept(char c) {
        space();
        if (at_ >= end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    bool expect(char c) { return accept(c) || refuse("not the JSON that was expected"); }
    bool open(char c) { return expect(c) && (++depth_ <= max_json_depth || refuse("nested deeper than 32 levels")); }
    bool close(char c) {
        if (!accept(c)) return false;
        --depth_;
        return true;
    }
    bool word(const char* text) {
        const std::size_t size = std::strlen(text);
        if (static_cast<std::size_t>(end_ - at_) < size || std::memcmp(at_, text, size) != 0) return false;
        at_ += size;
        return true;
    }
    bool is_digit() const { return at_ < end_ && *at_ >= '0' && *at_ <= '9'; }
    void digits(std::uint64_t& mantissa, int& exponent, bool is_fraction) {
        for (; is_digit(); ++at_) {
            const bool fits = mantissa < 1'000'000'000'000'000'000ULL;  // what follows the 18th digit is far below double's precision
            if (fits) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at_ - '0');
            exponent += (fits ? 0 : 1) - (is_fraction ? 1 : 0);
        }
    }
    bool utf8(std::string& text) {
        const auto first = static_cast<unsigned char>(*at_);
        const int extra = first < 0x80 ? 0 : first >= 0xC2 && first < 0xE0 ? 1 : first >= 0xE0 && first < 0xF0 ? 2 : first >= 0xF0 && first < 0xF5 ? 3 : -1;
        if (extra < 0 || end_ - at_ <= extra) return false;
        std::uint32_t code = extra == 0 ? first : first & (0x3FU >> extra);
        for (int i = 1; i <= extra; ++i) {
            const auto next = static_cast<unsigned char>(at_[i]);
            if ((next & 0xC0U) != 0x80U) return false;
            code = code << 6 | (next & 0x3FU);
        }
        const std::uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
        if (code < least[extra] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
        text.append(at_, static_cast<std::size_t>(extra) + 1);
        at_ += extra + 1;
        return true;
    }
    bool hex4(std::uint32_t& code) {
        if (end_ - at_ < 4) return false;
        code = 0;
        for (int i = 0; i < 4; ++i) {
            const char c = *at_++;
            const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
            if (digit < 0) return false;
            code = code << 4 | static_cast<std::uint32_t>(digit);
        }
        return true;
    }
    bool escape(std::string& text) {
        if (end_ - at_ < 2) return false;
        ++at_;
        const char c = *at_++;
        const char* const known = "\"\\/bfnrt";
        const char* const meant = "\"\\/\b\f\n\r\t";
        if (c != 'u') {
            const char* const found = c == '\0' ? nullptr : std::strchr(known, c);
            if (found == nullptr) return false;
            text.push_back(meant[found - known]);
            return true;
        }
        std::uint32_t code, low;
        if (!hex4(code)) return false;
        if (code >= 0xD800 && code < 0xDC00) {
            if (end_ - at_ < 6 || at_[0] != '\\' || at_[1] != 'u') return false;
            at_ += 2;
            if (!hex4(low) || low < 0xDC00 || low > 0xDFFF) return false;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code < 0xE000) {
            return false;
        }
        const auto put = [&text](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
            put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
        } else {
            put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
        }
        return true;
    }

    const char* at_;
    const char* end_;
    int depth_ = 0;
};

inline bool read_file(const char* path, std::size_t most, std::string& data, std::string& why) {
    std::FILE* const file = std::fopen(path, "rb");
    if (file == nullptr) {
        why = std::string(path) + ": cannot be opened";
        return false;
    }
    data.clear();
    char block[65'536];
    std::size_t got;
    while ((got = std::fread(block, 1, sizeof block, file)) > 0 && data.size() <= most) data.append(block, got);
    const bool is_read = std::ferror(file) == 0;
    std::fclose(file);
    if (!is_read || data.size() > most) why = std::string(path) + (is_read ? ": is too long" : ": cannot be read");
    return is_read && data.size() <= most;
}

}  // namespace detail

/// A word by its index, and how much of it; below 0 is less of it.
struct WeightedWord {
    int word = -1;
    double weight = 1.0;
};

/// The words of a centroids.json, in alphabetical order, each with its place in the latent space and the evidence for it.
class Words {
public:
    struct Word {
        std::string name;
        std::vector<double> z;
        double examples = 0.0, agreement = 0.0, typical_intensity = 1.0;
        bool is_own = false;  // a user taught it
    };

    /// Read a file's text; false, with a reason, for anything but a sound bank of words of this latent size. Allocates.
    bool load(const char* text, std::size_t size, int latent_dim, std::string& why) {
        words_.clear();
        if (size > max_words_bytes) return fail(why, "is too long");
        detail::Json json(text, size);
        bool has_terms = false;
        const auto read_word = [&](const std::string& name) {
            Word word;
            word.name = name;
            if (words_.size() >= max_words || !is_name(name)) return refuse(json, "no name of a word, or too many words");
            const bool is_read = json.object([&](const std::string& key) {
                if (key == "z") return json.numbers(word.z, static_cast<std::size_t>(latent_dim));
                if (key == "examples") return json.number(word.examples);
                if (key == "agreement") return json.number(word.agreement);
                if (key == "typical_intensity") return json.number(word.typical_intensity);
                if (key == "sources") return json.object([&](const std::string& source) { return word.is_own |= source == "own presets", json.skip(); });
                return json.skip();
            });
            if (!is_read) return false;
            if (word.z.size() != static_cast<std::size_t>(latent_dim)) return refuse(json, "a word's z has another size than the decoder takes");
            for (double value : word.z)
                if (!detail::is_within(value, 1.0)) return refuse(json, "a word's z is outside -1..1");
            words_.push_back(std::move(word));
            return true;
        };
        const bool is_read = json.object([&](const std::string& key) {
            if (key != "terms") return json.skip();
            has_terms = true;
            return json.object(read_word);
        });
        if (!is_read || !json.at_end()) return fail(why, json.why.c_str());
        if (!has_terms || words_.empty()) return fail(why, "holds no words");
        std::sort(words_.begin(), words_.end(), [](const Word& a, const Word& b) { return a.name < b.name; });
        return true;
    }

    int count() const noexcept SEMEQ_NONBLOCKING { return static_cast<int>(words_.size()); }
    const Word& operator[](int index) const noexcept SEMEQ_NONBLOCKING { return words_[static_cast<std::size_t>(index)]; }

    /// The index of a word in this bank, -1 where it has none. Case of ASCII letters and spaces around it do not matter. An index is good
    /// for this bank only: keep names.
    int find(std::string_view name) const noexcept SEMEQ_NONBLOCKING {
        while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
        while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
        int low = 0, high = count();
        while (low < high) {
            const int middle = (low + high) / 2;
            const int order = compare(words_[static_cast<std::size_t>(middle)].name, name);
            if (order == 0) return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return -1;
    }

    /// z (latent_dim,) of one word, or of two: (1 - morph) of the first and morph of the second.
    void blend(int first, int second, double morph, float* z) const noexcept SEMEQ_NONBLOCKING {
        const std::vector<double>& a = words_[static_cast<std::size_t>(first)].z;
        const std::vector<double>& b = words_[static_cast<std::size_t>(second < 0 ? first : second)].z;
        const double share = second < 0 ? 0.0 : morph;
        for (std::size_t i = 0; i < a.size(); ++i) z[i] = static_cast<float>((1.0 - share) * a[i] + share * b[i]);
    }
    /// z (latent_dim,) as the sum of the words' by their weights over `total`, times `reach`; `least` leaves out what weighs no more.
    void blend(const WeightedWord* parts, int count, double total, double reach, float* z, double least = -1e9) const noexcept SEMEQ_NONBLOCKING {
        for (std::size_t i = 0; i < words_.front().z.size(); ++i) {
            double sum = 0.0;
            for (int k = 0; k < count; ++k)
                if (parts[k].weight > least) sum += parts[k].weight / total * reach * words_[static_cast<std::size_t>(parts[k].word)].z[i];
            z[i] = static_cast<float>(sum);
        }
    }

private:
    static bool refuse(detail::Json& json, const char* what) {
        if (json.why.empty()) json.why = what;
        return false;
    }
    bool fail(std::string& why, const char* what) {
        words_.clear();
        why = std::string("centroids.json: ") + what;
        return false;
    }
    static bool is_name(const std::string& name) {
        if (name.empty() || name.size() > 256 || name.front() == ' ' || name.back() == ' ') return false;
        for (char c : name)
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || (c >= 'A' && c <= 'Z') || std::strchr("/\\:,", c) != nullptr) return false;
        return true;
    }
    static int compare(std::string_view known, std::string_view asked) noexcept SEMEQ_NONBLOCKING {
        for (std::size_t i = 0; i < known.size() && i < asked.size(); ++i) {
            const auto a = static_cast<unsigned char>(known[i]);
            auto b = static_cast<unsigned char>(asked[i]);
            if (b >= 'A' && b <= 'Z') b = static_cast<unsigned char>(b - 'A' + 'a');
            if (a != b) return a < b ? -1 : 1;
        }
        return known.size() == asked.size() ? 0 : known.size() < asked.size() ? -1 : 1;
    }

    std::vector<Word> words_;
};

// ----------------------------------------------------------------------------------------------------------------------- 6 model

/// A decoder and its words. Constant once loaded.
class Model {
public:
    /// Read a bundle's decoder.semeq, centroids.json and manifest.json from memory; false, with a reason, for anything but sound files that
    /// belong together. Allocates.
    bool load(const void* decoder, std::size_t decoder_size, const char* centroids, std::size_t centroids_size, const char* manifest, std::size_t manifest_size,
              std::string& why) {
        *this = Model();
        Manifest about;
        if (!about.load(manifest, manifest_size, why)) return false;
        if (!about.lists("decoder.semeq", detail::sha256(decoder, decoder_size), why) || !about.lists("centroids.json", detail::sha256(centroids, centroids_size), why)) return false;
        if (!load(decoder, decoder_size, centroids, centroids_size, why)) return false;
        const std::string decides = about.hash_of(about.decoder) + "\n" + about.hash_of("centroids.json") + "\n";
        identity_ = detail::sha256(decides.data(), decides.size());
        max_weight_ = about.max_weight;
        if (!about.order.empty()) number(about.order, !about.hash_of("evidence.json").empty());
        return true;
    }
    /// The same without a manifest: nothing holds the two together, and words are mixed as in schema 1.0 (see `Stream::set_mix`).
    bool load(const void* decoder, std::size_t decoder_size, const char* centroids, std::size_t centroids_size, std::string& why) {
        *this = Model();
        if (!decoder_.load(decoder, decoder_size, why) || !words_.load(centroids, centroids_size, decoder_.latent_dim(), why)) return false;
        for (int i = 0; i < words_.count(); ++i) by_number_.push_back(i);
        last_offered_ = words_.count();
        is_loaded_ = true;
        return true;
    }
    /// Read a bundle's three files from its folder.
    bool load_folder(const std::string& folder, std::string& why) {
        std::string weights, text, manifest;
        *this = Model();
        return detail::read_file((folder + "/manifest.json").c_str(), max_json_bytes, manifest, why) &&
               detail::read_file((folder + "/decoder.semeq").c_str(), Decoder::max_bytes, weights, why) &&
               detail::read_file((folder + "/centroids.json").c_str(), max_words_bytes, text, why) &&
               load(weights.data(), weights.size(), text.data(), text.size(), manifest.data(), manifest.size(), why);
    }
    /// Read the two files that are needed at least.
    bool load_files(const char* decoder, const char* centroids, std::string& why) {
        std::string weights, text;
        *this = Model();
        return detail::read_file(decoder, Decoder::max_bytes, weights, why) && detail::read_file(centroids, max_words_bytes, text, why) &&
               load(weights.data(), weights.size(), text.data(), text.size(), why);
    }

    bool is_loaded() const noexcept SEMEQ_NONBLOCKING { return is_loaded_; }
    const Decoder& decoder() const noexcept SEMEQ_NONBLOCKING { return decoder_; }
    const Words& words() const noexcept SEMEQ_NONBLOCKING { return words_; }

    /// Up to which sum of |weight| a decoded sum of words is the sum of their curves; 0 where the bundle promises nothing (schema 1.0).
    double max_weight() const noexcept SEMEQ_NONBLOCKING { return max_weight_; }
    /// What tells bundles apart in which words mean something else; as Python's `Bundle.identity`, and "" without a manifest.
    const std::string& identity() const noexcept { return identity_; }

    // Numbers of words are for hosts, which store numbers: 0 is none, and a later bundle of the same line has the same ones (SPEC.md).

    /// The last number of a word to offer; weak words, behind it, are there for those who know their names.
    int last_offered() const noexcept SEMEQ_NONBLOCKING { return last_offered_; }
    /// The index in `words` of a number, -1 where it is none, or that of a word which is gone.
    int word_of(int number) const noexcept SEMEQ_NONBLOCKING {
        return number >= 1 && number <= static_cast<int>(by_number_.size()) ? by_number_[static_cast<std::size_t>(number) - 1] : -1;
    }
    /// The number of a word's index, 0 for -1.
    int number_of(int word) const noexcept SEMEQ_NONBLOCKING {
        for (std::size_t i = 0; word >= 0 && i < by_number_.size(); ++i)
            if (by_number_[i] == word) return static_cast<int>(i) + 1;
        return 0;
    }
    /// Whether a list of words should have this number.
    bool is_offered(int number) const noexcept SEMEQ_NONBLOCKING { return word_of(number) >= 0 && !(hides_weak_ && is_weak(words_[word_of(number)])); }

private:
    /// What of a manifest.json matters here.
    struct Manifest {
        std::string decoder;
        std::vector<std::string> order;
        std::vector<std::pair<std::string, std::string>> hashes;
        double max_weight = 0.0;

        bool load(const char* text, std::size_t size, std::string& why) {
            detail::Json json(text, size);
            std::string schema;
            const bool is_read = size <= max_json_bytes && json.object([&](const std::string& key) {
                if (key == "schema") return json.string(schema);
                if (key == "decoder") return json.object([&](const std::string& field) { return field == "file" ? json.string(decoder) : json.skip(); });
                if (key == "blend") return json.object([&](const std::string& field) { return field == "max_weight" ? json.number(max_weight) : json.skip(); });
                if (key == "word_order") return json.array([&] { return order.emplace_back(), order.size() <= max_words && json.string(order.back()); });
                if (key != "files") return json.skip();
                return json.object([&](const std::string& name) {
                    hashes.emplace_back(name, "");
                    return json.object([&](const std::string& field) { return field == "sha256" ? json.string(hashes.back().second) : json.skip(); });
                });
            });
            if (!is_read || !json.at_end()) return refuse(why, json.why.empty() ? "is too long" : json.why.c_str());
            if (schema.rfind("1.", 0) != 0) return refuse(why, "another version of the schema than 1.x");
            if (max_weight != 0.0 && !(max_weight >= 1.0 && max_weight <= max_blend_weight)) return refuse(why, "blend has no range of sums");
            return !hash_of(decoder).empty() || refuse(why, "does not list the decoder");
        }
        std::string hash_of(const std::string& name) const {
            for (const auto& [listed, hash] : hashes)
                if (listed == name) return hash;
            return "";
        }
        bool lists(const char* name, const std::string& hash, std::string& why) const {
            if (hash_of(name) == hash) return true;
            why = std::string(name) + ": differs from its SHA-256 in manifest.json, damaged or of another bundle";
            return false;
        }
        static bool refuse(std::string& why, const char* what) {
            why = std::string("manifest.json: ") + what;
            return false;
        }
    };

    static bool is_weak(const Words::Word& word) noexcept SEMEQ_NONBLOCKING { return word.agreement < agreed && !word.is_own; }

    /// Number the words: those of an order as it says, the others behind it. Without evidence agreements may be nobody's measurements.
    void number(const std::vector<std::string>& order, bool has_evidence) {
        std::vector<bool> has_number(static_cast<std::size_t>(words_.count()));
        by_number_.clear();
        for (const std::string& name : order) {
            by_number_.push_back(words_.find(name));
            if (by_number_.back() >= 0) has_number[static_cast<std::size_t>(by_number_.back())] = true;
        }
        for (int i = 0; i < words_.count(); ++i)
            if (!has_number[static_cast<std::size_t>(i)]) by_number_.push_back(i);
        hides_weak_ = has_evidence;
        last_offered_ = static_cast<int>(by_number_.size());
        while (last_offered_ > 0 && !is_offered(last_offered_)) --last_offered_;
    }

    Decoder decoder_;
    Words words_;
    std::vector<int> by_number_;
    std::string identity_;
    double max_weight_ = 0.0;
    int last_offered_ = 0;
    bool hides_weak_ = false, is_loaded_ = false;
};

// -------------------------------------------------------------------------------------------------------------------- 7 spectrum

using Thirds = std::array<double, n_thirds>;

inline double third_edge_hz(int i) noexcept SEMEQ_NONBLOCKING { return 1'000.0 * std::exp2((i - 15 - 0.5) / 3.0); }

/// A long-term spectrum: mean power of the bands in dB, and which of them count.
struct Spectrum {
    Thirds band_db{};
    std::array<bool, n_thirds> usable{};
    bool has_signal = false;
};

/// Power spectra of windows of 85 ms: a complex transform of two channels at once, of any length (Bluestein's where it is no power of 2).
class Analyser {
public:
    /// Allocates.
    void prepare(double rate_hz, int channels) {
        channels_ = channels;
        n_ = fast_length(window_s * rate_hz);
        hop_ = n_ / 2;
        window_ = 2 * hop_;
        is_power_of_two_ = (n_ & (n_ - 1)) == 0;
        size_ = 1;
        while (size_ < (is_power_of_two_ ? n_ : 2 * n_ - 1)) size_ *= 2;
        const std::size_t size = static_cast<std::size_t>(size_);
        for (auto* buffer : {&re_, &im_, &re2_, &im2_}) buffer->assign(size, 0.0F);
        cos_.resize(size / 2), sin_.resize(size / 2);
        for (std::size_t i = 0; i < size / 2; ++i) {
            cos_[i] = static_cast<float>(std::cos(2.0 * pi * static_cast<double>(i) / size_));
            sin_[i] = static_cast<float>(-std::sin(2.0 * pi * static_cast<double>(i) / size_));
        }
        taper_.resize(static_cast<std::size_t>(window_));
        double sum = 0.0;
        for (int i = 0; i < window_; ++i) sum += std::pow(0.5 - 0.5 * std::cos(2.0 * pi * i / window_), 2.0);
        const double scale = std::sqrt(2.0 / (n_ * sum));  // Parseval: the bins of one side add up to the mean square
        for (int i = 0; i < window_; ++i)
            taper_[static_cast<std::size_t>(i)] = static_cast<float>((0.5 - 0.5 * std::cos(2.0 * pi * i / window_)) * scale);
        if (!is_power_of_two_) prepare_chirp();
        audio_.assign(static_cast<std::size_t>(channels) * static_cast<std::size_t>(window_), 0.0F);
        below_.assign(static_cast<std::size_t>(n_ / 2 + 2), 0.0);
        for (int i = 0; i <= n_thirds; ++i) {
            const double at = (std::min)(third_edge_hz(i) * n_ / rate_hz + 0.5, n_ / 2 + 1.0);  // bin k covers k - 0.5 .. k + 0.5
            cell_[i] = (std::min)(static_cast<int>(at), n_ / 2);
            share_[i] = at - cell_[i];
        }
        for (int i = 0; i < n_thirds; ++i) in_range_[i] = third_edge_hz(i + 1) <= usable_nyquist * rate_hz / 2.0;
        reset();
    }

    void reset() noexcept SEMEQ_NONBLOCKING { filled_ = 0, heard_ = 0, sound_from_ = 0; }

    int hop_samples() const noexcept SEMEQ_NONBLOCKING { return hop_; }
    int window_samples() const noexcept SEMEQ_NONBLOCKING { return window_; }
    int until_window_end() const noexcept SEMEQ_NONBLOCKING { return window_ - filled_; }
    const std::array<bool, n_thirds>& in_range() const noexcept SEMEQ_NONBLOCKING { return in_range_; }
    long long heard() const noexcept SEMEQ_NONBLOCKING { return heard_; }

    /// Hear samples start..start+n, n up to `until_window_end`; true where that completed a window that counts: its powers are in `powers`.
    /// is_sound: false for samples that stand for others that could not be used.
    template <typename Sample>
    bool hear(Sample* const* channels, int start, int n, bool is_sound) noexcept SEMEQ_NONBLOCKING {
        for (int c = 0; c < channels_; ++c) {
            float* to = channel(c) + filled_;
            for (int i = 0; i < n; ++i) to[i] = static_cast<float>(channels[c][start + i]);
        }
        filled_ += n;
        heard_ += n;
        if (!is_sound) sound_from_ = heard_;
        if (filled_ < window_) return false;
        const bool counts = heard_ - window_ >= sound_from_;
        if (counts) measure();
        for (int c = 0; c < channels_; ++c) std::memmove(channel(c), channel(c) + hop_, static_cast<std::size_t>(window_ - hop_) * sizeof(float));
        filled_ = window_ - hop_;
        return counts;
    }

    /// Mean squares of the last window in the bands, the mean of the channels; a full-scale sine gives 0.5.
    const Thirds& powers() const noexcept SEMEQ_NONBLOCKING { return powers_; }

private:
    static int fast_length(double wanted) {  // the number next to the one wanted without a prime factor over 100: scipy needs that
        const int middle = static_cast<int>(wanted);
        int best = 0;
        for (int number = middle - 20; number < middle + 22; ++number) {
            int rest = number;
            for (int factor = 2; factor <= 100 && rest > 1; ++factor)
                while (rest % factor == 0) rest /= factor;
            if (rest == 1 && (best == 0 || std::fabs(number - wanted) < std::fabs(best - wanted))) best = number;
        }
        return best;
    }

    float* channel(int c) noexcept SEMEQ_NONBLOCKING { return audio_.data() + static_cast<std::size_t>(c) * static_cast<std::size_t>(window_); }

    void measure() noexcept SEMEQ_NONBLOCKING {
        double* const power = below_.data() + 1;  // bin k at place k + 1; summed up in place below
        std::fill(below_.begin(), below_.end(), 0.0);
        for (int c = 0; c < channels_; c += 2) {
            const float *left = channel(c), *right = c + 1 < channels_ ? channel(c + 1) : nullptr;
            for (int i = 0; i < window_; ++i) {
                re_[i] = left[i] * taper_[i];
                im_[i] = right != nullptr ? right[i] * taper_[i] : 0.0F;
            }
            for (int i = window_; i < size_; ++i) re_[i] = im_[i] = 0.0F;
            if (is_power_of_two_)
                transform();
            else
                transform_chirp();
            // z = left + i right: |L_k|^2 + |R_k|^2 = (|Z_k|^2 + |Z_-k|^2) / 2
            for (int k = 0; k <= n_ / 2; ++k) {
                const int other = k == 0 ? 0 : n_ - k;
                const double here = static_cast<double>(re_[k]) * re_[k] + static_cast<double>(im_[k]) * im_[k];
                const double there = static_cast<double>(re_[other]) * re_[other] + static_cast<double>(im_[other]) * im_[other];
                power[k] += 0.5 * (here + there);
            }
        }
        for (int k = 0; k <= n_ / 2; ++k) below_[k + 1] += below_[k];
        double lower = 0.0;
        for (int i = 0; i <= n_thirds; ++i) {
            const double to_here = below_[cell_[i]] + share_[i] * (below_[cell_[i] + 1] - below_[cell_[i]]);
            if (i > 0) powers_[i - 1] = (std::max)(to_here - lower, 0.0) / channels_;
            lower = to_here;
        }
    }

    /// re_ + i im_ becomes its transform of size_ points (Stockham's, radix 2: in order without bit reversal).
    void transform() noexcept SEMEQ_NONBLOCKING {
        float *a = re_.data(), *b = im_.data(), *c = re2_.data(), *d = im2_.data();
        for (int half = size_ / 2, run = 1; half >= 1; half /= 2, run *= 2) {
            stage(a, b, c, d, half, run);
            std::swap(a, c);
            std::swap(b, d);
        }
        if (a != re_.data()) {
            std::memcpy(re_.data(), a, static_cast<std::size_t>(size_) * sizeof(float));
            std::memcpy(im_.data(), b, static_cast<std::size_t>(size_) * sizeof(float));
        }
    }
    /// Loops that are short pay for being loops, unless the compiler knows their length.
    void stage(const float* a, const float* b, float* c, float* d, int half, int run) const noexcept SEMEQ_NONBLOCKING {
        if (run == 1) return butterflies(a, b, c, d, half, std::integral_constant<int, 1>());
        if (run == 2) return butterflies(a, b, c, d, half, std::integral_constant<int, 2>());
        if (run == 4) return butterflies(a, b, c, d, half, std::integral_constant<int, 4>());
        butterflies(a, b, c, d, half, run);
    }
    template <typename Run>
    void butterflies(const float* a, const float* b, float* c, float* d, int half, Run run) const noexcept SEMEQ_NONBLOCKING {
        for (int j = 0; j < half; ++j) {
            const float wr = cos_[j * run], wi = sin_[j * run];
            const float *ar = a + j * run, *ai = b + j * run, *br = ar + half * run, *bi = ai + half * run;
            float *cr = c + 2 * j * run, *ci = d + 2 * j * run;
            for (int k = 0; k < run; ++k) {
                const float xr = ar[k] - br[k], xi = ai[k] - bi[k];
                cr[k] = ar[k] + br[k];
                ci[k] = ai[k] + bi[k];
                cr[run + k] = wr * xr - wi * xi;
                ci[run + k] = wr * xi + wi * xr;
            }
        }
    }

    // Bluestein: jk = (j^2 + k^2 - (k - j)^2) / 2 makes a transform of n points a convolution with a chirp, done at a power of 2.
    void prepare_chirp() {
        const std::size_t n = static_cast<std::size_t>(n_);
        chirp_re_.resize(n), chirp_im_.resize(n);
        for (long long i = 0; i < n_; ++i) {
            const double angle = pi * static_cast<double>(i * i % (2LL * n_)) / n_;
            chirp_re_[static_cast<std::size_t>(i)] = static_cast<float>(std::cos(angle));
            chirp_im_[static_cast<std::size_t>(i)] = static_cast<float>(-std::sin(angle));
        }
        for (int i = 0; i < n_; ++i) {
            const std::size_t to = static_cast<std::size_t>(i), mirrored = static_cast<std::size_t>(i == 0 ? 0 : size_ - i);
            re_[to] = re_[mirrored] = chirp_re_[to] / static_cast<float>(size_);
            im_[to] = im_[mirrored] = -chirp_im_[to] / static_cast<float>(size_);
        }
        transform();
        filter_re_ = re_;
        filter_im_ = im_;
    }
    void transform_chirp() noexcept SEMEQ_NONBLOCKING {
        times(chirp_re_.data(), chirp_im_.data(), n_);
        transform();
        times(filter_re_.data(), filter_im_.data(), size_);
        for (int i = 0; i < size_; ++i) im_[i] = -im_[i];  // back by way of the conjugate
        transform();
        for (int i = 0; i < n_; ++i) im_[i] = -im_[i];
        times(chirp_re_.data(), chirp_im_.data(), n_);
    }
    void times(const float* by_re, const float* by_im, int n) noexcept SEMEQ_NONBLOCKING {
        for (int i = 0; i < n; ++i) {
            const float re = re_[i] * by_re[i] - im_[i] * by_im[i];
            im_[i] = re_[i] * by_im[i] + im_[i] * by_re[i];
            re_[i] = re;
        }
    }

    int channels_ = 0, n_ = 0, hop_ = 0, window_ = 0, size_ = 0, filled_ = 0;
    bool is_power_of_two_ = true;
    long long heard_ = 0, sound_from_ = 0;
    std::vector<float> re_, im_, re2_, im2_, cos_, sin_, taper_, audio_, chirp_re_, chirp_im_, filter_re_, filter_im_;
    std::vector<double> below_;
    std::array<int, n_thirds + 1> cell_{};
    std::array<double, n_thirds + 1> share_{};
    std::array<bool, n_thirds> in_range_{};
    Thirds powers_{};
};

/// The windows of the last seconds, and their mean spectrum: pauses and silence are left out.
class History {
public:
    /// Allocates.
    void prepare(const Analyser& analyser, double rate_hz, double seconds) {
        const double fitting = std::floor((seconds * rate_hz - analyser.window_samples()) / analyser.hop_samples()) + 1.0;
        powers_.assign(static_cast<std::size_t>((std::max)(1.0, fitting)), Thirds{});
        totals_.assign(powers_.size(), 0.0);
        levels_.assign(powers_.size(), 0.0);
        in_range_ = analyser.in_range();
        count_ = 0;
    }
    void clear() noexcept SEMEQ_NONBLOCKING { count_ = 0; }
    void add(const Thirds& powers) noexcept SEMEQ_NONBLOCKING { powers_[count_++ % powers_.size()] = powers; }

    Spectrum spectrum() noexcept SEMEQ_NONBLOCKING {
        Spectrum result;
        const std::size_t held = (std::min)(count_, powers_.size());
        double loudest = 0.0;
        int bands = 0;
        for (bool in_range : in_range_) bands += in_range ? 1 : 0;
        for (std::size_t w = 0; w < held; ++w) {
            totals_[w] = 0.0;
            for (int i = 0; i < n_thirds; ++i)
                if (in_range_[i]) totals_[w] += powers_[w][i];
            loudest = (std::max)(loudest, totals_[w]);
        }
        if (!(loudest > 1e-9)) return result;  // -90 dBFS: silence
        double sum = 0.0, number = 0.0;
        for (std::size_t w = 0; w < held; ++w) {
            // the geometric mean of the bands, not their sum: an equaliser moves it alike in every window, so it opens and closes no gate
            double logs = 0.0;
            for (int i = 0; i < n_thirds; ++i)
                if (in_range_[i]) logs += std::log((std::max)(powers_[w][i], loudest * 1e-12));
            levels_[w] = std::exp(logs / bands);
            if (totals_[w] > loudest * 1e-7) sum += levels_[w], number += 1.0;
        }
        const double gate = sum / number * std::pow(10.0, -gate_db / 10.0);  // below it: a pause
        Thirds mean{};
        number = 0.0;
        for (std::size_t w = 0; w < held; ++w) {
            if (!(totals_[w] > loudest * 1e-7) || !(levels_[w] > gate)) continue;
            for (int i = 0; i < n_thirds; ++i) mean[i] += powers_[w][i];
            number += 1.0;
        }
        double strongest = -1e9;
        for (int i = 0; i < n_thirds; ++i) {
            result.band_db[i] = 10.0 * std::log10(mean[i] / number + 1e-30);
            if (in_range_[i]) strongest = (std::max)(strongest, result.band_db[i]);
        }
        int usable = 0;
        for (int i = 0; i < n_thirds; ++i) usable += (result.usable[i] = in_range_[i] && result.band_db[i] > strongest - band_range_db) ? 1 : 0;
        result.has_signal = usable >= min_thirds;  // else only a tone, or rumble
        return result;
    }

private:
    std::vector<Thirds> powers_;
    std::vector<double> totals_, levels_;
    std::array<bool, n_thirds> in_range_{};
    std::size_t count_ = 0;
};

// ---------------------------------------------------------------------------------------------------------- 8 reference and dose

/// What the input is compared with, known by its mean spectrum. is_target: a sound that was heard, to be met; else a stored kind of source,
/// to lean towards. (Python also knows how a heard reference changes from note to note; a plug-in's state keeps the mean, so here that is all.)
/// covariance_db2: how sources of this kind differ; where it is not known, what is known of sources at large.
struct Reference {
    Thirds level_db{};
    std::array<bool, n_thirds> usable{};
    bool is_target = false;
    bool is_set = false;
    std::array<Thirds, n_thirds> covariance_db2 = of_sources();

    static std::array<Thirds, n_thirds> of_sources() noexcept SEMEQ_NONBLOCKING {
        std::array<Thirds, n_thirds> covariance;
        for (int i = 0; i < n_thirds; ++i)
            for (int k = 0; k < n_thirds; ++k) covariance[i][k] = 81.0 * std::exp(-std::abs(i - k) / 12.0) + (i == k ? 9.0 : 0.0);
        return covariance;
    }

    /// Read references/NAME.json of the kit; false, with a reason. Allocates.
    bool load(const char* text, std::size_t size, std::string& why) {
        Reference loaded;
        std::vector<double> levels, bands_hz, triangle;
        std::vector<bool> usable_bands;
        double schema = 0.0;
        if (size > max_json_bytes) return (why = "reference: is too long", false);
        detail::Json json(text, size);
        const bool is_read = json.object([&](const std::string& key) {
            if (key == "schema") return json.number(schema);
            if (key == "level_db") return json.numbers(levels, n_thirds);
            if (key == "bands_hz") return json.numbers(bands_hz, n_thirds);
            if (key == "covariance_db2") return json.numbers(triangle, n_thirds * (n_thirds + 1) / 2);
            if (key != "usable") return json.skip();
            return json.array([&] {
                bool is_usable;
                if (usable_bands.size() >= static_cast<std::size_t>(n_thirds) || !json.boolean(is_usable)) return false;
                usable_bands.push_back(is_usable);
                return true;
            });
        });
        if (!is_read || !json.at_end()) return (why = "reference: " + json.why, false);
        const std::size_t n = static_cast<std::size_t>(n_thirds);
        if ((schema != 1.0 && schema != 2.0) || levels.size() != n || bands_hz.size() != n || usable_bands.size() != n)
            return (why = "reference: not 28 levels of schema 1 or 2", false);
        if (triangle.size() != (schema == 2.0 ? n * (n + 1) / 2 : 0)) return (why = "reference: not the covariance of 28 bands", false);
        for (std::size_t i = 0; i < n; ++i) {
            const double centre_hz = 1'000.0 * std::exp2((static_cast<int>(i) - 15) / 3.0);
            if (std::fabs(levels[i]) > 300.0 || std::fabs(bands_hz[i] / centre_hz - 1.0) > 1e-3)
                return (why = "reference: a level outside -300..300 dB, or other bands", false);
            loaded.level_db[i] = levels[i];
            loaded.usable[i] = usable_bands[i];
        }
        if (!triangle.empty() && !loaded.take(triangle)) return (why = "reference: its covariance is none", false);
        loaded.is_set = true;
        *this = loaded;
        return true;
    }
    bool load_file(const char* path, std::string& why) {
        std::string text;
        return detail::read_file(path, max_json_bytes, text, why) && load(text.data(), text.size(), why);
    }

private:
    /// Take the lower triangle of a covariance, row by row; false where it is none: some sum of bands would have no variance.
    bool take(const std::vector<double>& triangle) {
        std::size_t next = 0;
        for (int i = 0; i < n_thirds; ++i)
            for (int k = 0; k <= i; ++k) covariance_db2[i][k] = covariance_db2[k][i] = triangle[next++];
        std::array<Thirds, n_thirds> factor{};
        for (int i = 0; i < n_thirds; ++i)
            for (int k = 0; k <= i; ++k) {
                double sum = covariance_db2[i][k];
                for (int m = 0; m < k; ++m) sum -= factor[i][m] * factor[k][m];
                if (i == k && !(sum > 1e-6 && sum <= 1e5)) return false;
                factor[i][k] = i == k ? std::sqrt(sum) : sum / factor[k][k];
            }
        return true;
    }
};

/// By how many dB an EQ changes the third octaves of a spectrum that is even inside each band.
inline void band_response_db(const Eq& eq, double rate_hz, Thirds& result_db) noexcept SEMEQ_NONBLOCKING {
    const Eq held = for_rate(eq, rate_hz);
    std::array<Section, max_bands> sections;
    int count = 0;
    for (int i = 0; i < held.count; ++i)
        if (held.bands[i].is_active()) sections[count++] = design(held.bands[i], rate_hz);
    constexpr int points = 5;
    for (int i = 0; i < n_thirds; ++i) {
        double sum = 0.0;
        for (int k = 0; k < points; ++k) {
            const double freq_hz = (std::min)(1'000.0 * std::exp2((i - 15 - 0.5 + (k + 0.5) / points) / 3.0), 0.5 * rate_hz);
            const double sine = std::sin(pi * freq_hz / rate_hz);
            double power = 1.0;
            for (int s = 0; s < count; ++s) power *= power_response(sections[s], sine * sine);
            sum += power;
        }
        result_db[i] = 10.0 * std::log10(sum / points) + held.preamp_db;
    }
}

/// Input minus reference, and the measure in which doses of a term are counted (dose.py): how sources of the reference's kind differ, and
/// overall level says nothing. p = <D, T> / <T, T>, with <a, b> = a' M b and M the inverse covariance, level free.
class Difference {
public:
    /// False where one has no signal or they share too few bands; then nothing changes.
    bool set(const Spectrum& heard, const Reference& reference) noexcept SEMEQ_NONBLOCKING {
        int chosen[n_thirds], count = 0;
        for (int i = 0; i < n_thirds; ++i)
            if (heard.usable[i] && reference.usable[i]) chosen[count++] = i;
        if (!heard.has_signal || !reference.is_set || count < min_thirds) return false;
        count_ = count;
        for (int i = 0; i < count; ++i) chosen_[i] = chosen[i];
        for (int i = 0; i < n_thirds; ++i) delta_db_[i] = heard.band_db[i] - reference.level_db[i];
        for (int i = 0; i < count; ++i)  // Cholesky, row by row
            for (int k = 0; k <= i; ++k) {
                double sum = reference.covariance_db2[chosen_[i]][chosen_[k]];
                for (int m = 0; m < k; ++m) sum -= factor_[i][m] * factor_[k][m];
                factor_[i][k] = i == k ? std::sqrt(sum) : sum / factor_[k][k];
            }
        Thirds ones;
        ones.fill(1.0);
        solve(ones, of_level_);
        of_level_sum_ = 0.0;
        for (int i = 0; i < count_; ++i) of_level_sum_ += of_level_[i];
        return true;
    }

    /// How many doses of a term a change is; 0 for a term that is flat.
    double doses_of(const Thirds& change_db, const Thirds& term_db) const noexcept SEMEQ_NONBLOCKING {
        Thirds x;
        solve(term_db, x);
        const double size = product(x, term_db, term_db);
        return size > 1e-9 ? product(x, term_db, change_db) / size : 0.0;
    }
    /// p: how many doses the input has more than the reference.
    double dose(const Thirds& term_db) const noexcept SEMEQ_NONBLOCKING { return doses_of(delta_db_, term_db); }
    /// The standard deviation of p among untreated sources.
    double spread(const Thirds& term_db) const noexcept SEMEQ_NONBLOCKING {
        Thirds x;
        solve(term_db, x);
        const double size = product(x, term_db, term_db);
        return size > 1e-9 ? 1.0 / std::sqrt(size) : std::numeric_limits<double>::infinity();
    }

private:
    void solve(const Thirds& b, Thirds& x) const noexcept SEMEQ_NONBLOCKING {
        for (int i = 0; i < count_; ++i) {
            x[i] = b[chosen_[i]];
            for (int k = 0; k < i; ++k) x[i] -= factor_[i][k] * x[k];
            x[i] /= factor_[i][i];
        }
        for (int i = count_ - 1; i >= 0; --i) {
            for (int k = i + 1; k < count_; ++k) x[i] -= factor_[k][i] * x[k];
            x[i] /= factor_[i][i];
        }
    }
    /// a' M b, given x = C^-1 a.
    double product(const Thirds& x, const Thirds& a, const Thirds& b) const noexcept SEMEQ_NONBLOCKING {
        double xb = 0.0, level_a = 0.0, level_b = 0.0;
        for (int i = 0; i < count_; ++i) {
            xb += x[i] * b[chosen_[i]];
            level_a += of_level_[i] * a[chosen_[i]];
            level_b += of_level_[i] * b[chosen_[i]];
        }
        return xb - level_a * level_b / of_level_sum_;
    }

    int count_ = 0;
    std::array<int, n_thirds> chosen_{};
    Thirds delta_db_{}, of_level_{};
    double of_level_sum_ = 1.0;
    double factor_[n_thirds][n_thirds] = {};
};

/// 1 - p, rounded off towards 0, always above 0.
inline double missing_dose(double dose) noexcept SEMEQ_NONBLOCKING {
    const double missing = 1.0 - dose, knee = 2e-6, size = std::hypot(missing, knee);
    return 0.5 * (missing > 0.0 ? missing + size : knee * knee / (size - missing));
}

/// G of target mode: what is missing, cut at 1.75.
inline double target_gain(double dose) noexcept SEMEQ_NONBLOCKING { return (std::min)(max_target_gain, missing_dose(dose)); }

/// G of soft mode: what is missing as far as p is to be believed, cut at 2.5. spread: of p among untreated sources.
inline double soft_gain(double dose, double spread) noexcept SEMEQ_NONBLOCKING {
    const double people = doses_of_people * doses_of_people;
    return (std::min)(max_soft_gain, missing_dose(dose * people / (people + spread * spread)));
}

// ------------------------------------------------------------------------------------------------------------------- 9 the stream

/// The EQ of a word, in place and without latency; where it listens, its dose follows what the last two seconds of the input need.
///
/// The input is analysed before the EQ. Whatever changes is heard from the next frame of 512 samples on, faded in over 30 ms, so nothing
/// depends on how the stream is cut into blocks. Samples that are not finite, or over +60 dBFS, become 0 and their frame passes without
/// the EQ from there on. The same as Python's `semeq_host.AdaptiveEq`, sample for sample up to rounding.
class Stream {
public:
    static constexpr double learn_seconds = 30.0;

    Stream() = default;
    Stream(const Stream&) = delete;  // it is bound to its model, and one owner has it
    Stream& operator=(const Stream&) = delete;

    /// Where the host says rate and channels. The model must stay where it is as long as the stream is used. Allocates; starts anew.
    /// False for a model, rate, channel count or context that cannot be.
    bool prepare(const Model& model, double rate_hz, int channels, double heard_s = context_s) {
        if (!model.is_loaded() || !can_be(rate_hz, channels, heard_s)) return false;
        model_ = &model;
        scratch_ = model.decoder().make_scratch();
        z_.assign(static_cast<std::size_t>(model.decoder().latent_dim()), 0.0F);
        params_.assign(static_cast<std::size_t>(model.decoder().n_params()), 0.0);
        start(rate_hz, channels, heard_s);
        return true;
    }
    /// The same without a model: for `set_bands` of what was decoded elsewhere. Words, mixes and places in the latent space are refused.
    bool prepare(double rate_hz, int channels, double heard_s = context_s) {
        if (!can_be(rate_hz, channels, heard_s)) return false;
        model_ = nullptr;
        start(rate_hz, channels, heard_s);
        return true;
    }

    /// Forget everything heard so far; what was asked for stays, and is heard from the first sample on without a fade.
    void reset() noexcept SEMEQ_NONBLOCKING {
        position_ = bypassed_until_ = 0;
        window_done_ = has_dose_ = is_other_ = false;
        unusable_samples_ = 0;
        wanted_ = gain_ = dose_ = 0.0;
        analyser_.reset();
        rolling_.clear();
        learned_.clear();
        follow(true);
        fader_.reset(fader_.eq());
        fader_.save();
    }

    /// Ask for one word, or for (1 - morph) of one and morph of another, by their index in the model's words; -1 is none: the mix of these weights.
    /// Decodes: some 15 us. False, and nothing changes, before `prepare` and for an index past the words.
    bool set_words(int word, int second_word = -1, double morph = 0.0) noexcept SEMEQ_NONBLOCKING {
        if (model_ == nullptr || (std::max)(word, second_word) >= model_->words().count()) return false;
        if (word < 0) word = second_word;
        if (word < 0) return set_bands(Eq{});
        model_->words().blend(word, morph > 0.0 ? second_word : -1, (std::min)(morph, 1.0), z_.data());
        return set_latent(z_.data());
    }
    /// Ask for several words at once, and for less of some: "warm but less harsh". Weights are amounts: 0.5 of a word is half its curve. False, and
    /// nothing changes, for a word or weight that cannot be, or more gain than a band may have. Decodes once.
    ///
    /// Where the model says that sums of words are sums of sound (`Model::max_weight`): the sum of the curves by their weights, of either sign; all 0
    /// is flat. Sums of |weight| below 1 are decoded at 1 and those above the model's range at its end, and the gains scaled back.
    ///
    /// Else, as in schema 1.0: weights above 0 count by their shares of their sum, of which there must be one; the bands of what is taken away follow
    /// the others, upside down, by its weight over the same sum. That decodes once more for each such word, and false is also for more bands
    /// than there may be, or a weight of 0.
    bool set_mix(const WeightedWord* parts, int count) noexcept SEMEQ_NONBLOCKING {
        if (model_ == nullptr) return false;
        double total = 0.0, positive = 0.0;
        for (int k = 0; k < count; ++k) {
            const bool is_word = parts[k].word >= 0 && parts[k].word < model_->words().count();
            if (!is_word || !detail::is_within(parts[k].weight, 1e6)) return false;
            total += std::fabs(parts[k].weight);
            positive += (std::max)(parts[k].weight, 0.0);
        }
        return model_->max_weight() > 0.0 ? set_sum(parts, count, total, positive > 0.0) : set_shares(parts, count, positive);
    }
    /// Ask for a place in the latent space (latent_dim,), such as the audio encoder's.
    bool set_latent(const float* z) noexcept SEMEQ_NONBLOCKING {
        if (model_ == nullptr || !model_->decoder().decode(z, params_.data(), scratch_)) return false;
        return set_bands(model_->decoder().eq_of(params_.data()));
    }
    /// Ask for any EQ; what it does is one dose. False, and nothing changes, for bands outside their limits.
    bool set_bands(const Eq& eq) noexcept SEMEQ_NONBLOCKING {
        if (eq.count < 0 || eq.count > max_bands || !detail::is_within(eq.preamp_db, max_preamp_db)) return false;
        for (int i = 0; i < eq.count; ++i)
            if (!eq.bands[i].is_sound()) return false;
        term_ = eq;
        band_response_db(term_, rate_hz_, term_db_);
        is_other_ = true;
        return true;
    }
    /// How much, -3..3: 0 is flat, 1 the word as people mean it, below 0 the opposite.
    /// False, and nothing changes, for anything else.
    bool set_intensity(double intensity) noexcept SEMEQ_NONBLOCKING {
        if (!detail::is_within(intensity, max_intensity)) return false;
        is_other_ |= intensity != intensity_;
        intensity_ = intensity;
        return true;
    }
    void set_reference(const Reference& reference) noexcept SEMEQ_NONBLOCKING {
        reference_ = reference;
        has_dose_ = false;
        is_other_ = true;
    }
    /// Let the dose follow the input. Until there is a reference, and until half a second was heard, the words are applied as they are.
    void set_listening(bool listening) noexcept SEMEQ_NONBLOCKING {
        if (listening == listening_) return;
        if (!learning_) analyser_.reset();
        rolling_.clear();
        listening_ = listening;
        has_dose_ = false;
        is_other_ = true;
    }
    /// Start to learn a reference from the input (its last 30 s).
    void start_learning() noexcept SEMEQ_NONBLOCKING {
        if (!listening_) analyser_.reset();
        learned_.clear();
        learning_ = true;
    }
    /// End it; true where a signal was heard: then the result is the reference, and is written to `reference`.
    bool finish_learning(Reference& reference) noexcept SEMEQ_NONBLOCKING {
        learning_ = false;
        const Spectrum heard = learned_.spectrum();
        if (!heard.has_signal) return false;
        double sum = 0.0, count = 0.0;
        for (int i = 0; i < n_thirds; ++i)
            if (heard.usable[i]) sum += heard.band_db[i], count += 1.0;
        for (int i = 0; i < n_thirds; ++i) reference.level_db[i] = heard.band_db[i] - sum / count;
        reference.usable = heard.usable;
        reference.is_target = reference.is_set = true;
        set_reference(reference);
        return true;
    }

    double intensity() const noexcept SEMEQ_NONBLOCKING { return intensity_; }
    bool is_listening() const noexcept SEMEQ_NONBLOCKING { return listening_; }
    bool is_learning() const noexcept SEMEQ_NONBLOCKING { return learning_; }
    /// Whether the dose of the input is known, and what it is: doses of the term that the input has more than the reference.
    bool has_dose() const noexcept SEMEQ_NONBLOCKING { return has_dose_; }
    double dose() const noexcept SEMEQ_NONBLOCKING { return dose_; }
    /// How many doses the EQ adds now, or is on its way to.
    double gain() const noexcept SEMEQ_NONBLOCKING { return gain_; }
    /// The settings that are heard now, or on their way.
    const Eq& eq() const noexcept SEMEQ_NONBLOCKING { return fader_.eq(); }
    long long position() const noexcept SEMEQ_NONBLOCKING { return position_; }
    long long unusable_samples() const noexcept SEMEQ_NONBLOCKING { return unusable_samples_; }

    /// Process n samples of each channel in place; n of any size, float or double. Before `prepare` they stay as they are.
    template <typename Sample>
    void process(Sample* const* channels, int n) noexcept SEMEQ_NONBLOCKING {
        static_assert(std::is_floating_point<Sample>::value, "float or double");
        if (channels_ == 0) return;
        if (position_ == 0 && is_other_) reset();  // what is asked for before the first sample needs no fade
        for (int start = 0; start < n;) {
            const int place = static_cast<int>(position_ % frame_samples);
            if (place == 0) start_frame();
            int step = (std::min)(n - start, frame_samples - place);
            const bool analysing = listening_ || learning_;
            if (analysing) step = (std::min)(step, analyser_.until_window_end());
            run(channels, start, step, analysing);
            start += step;
        }
    }

private:
    static bool can_be(double rate_hz, int channels, double heard_s) noexcept {
        return rate_hz >= min_rate_hz && rate_hz <= max_rate_hz && channels >= 1 && channels <= max_channels && heard_s >= min_context_s && heard_s <= max_context_s;
    }
    void start(double rate_hz, int channels, double heard_s) {
        rate_hz_ = rate_hz;
        channels_ = channels;
        fader_.prepare(rate_hz, channels);
        analyser_.prepare(rate_hz, channels);
        rolling_.prepare(analyser_, rate_hz, heard_s);
        learned_.prepare(analyser_, rate_hz, learn_seconds);
        band_response_db(term_, rate_hz_, term_db_);
        reset();
    }

    /// The rule of schema 1.1 ("Mixing" in SPEC.md). What is only taken away is the opposite of its opposite.
    bool set_sum(const WeightedWord* parts, int count, double total, bool has_positive) noexcept SEMEQ_NONBLOCKING {
        if (!(total > 0.0)) return set_bands(Eq{});
        const double reach = (std::min)((std::max)(total, 1.0), model_->max_weight()) * (has_positive ? 1.0 : -1.0);
        model_->words().blend(parts, count, total, reach, z_.data());
        if (!model_->decoder().decode(z_.data(), params_.data(), scratch_)) return false;
        Eq eq = model_->decoder().eq_of(params_.data());
        for (int i = 0; i < eq.count; ++i) eq.bands[i].gain_db *= total / reach;
        return set_bands(eq);
    }

    /// The rule of schema 1.0. sum: of the weights above 0.
    bool set_shares(const WeightedWord* parts, int count, double sum) noexcept SEMEQ_NONBLOCKING {
        const Decoder& decoder = model_->decoder();
        for (int k = 0; k < count; ++k)
            if (parts[k].weight == 0.0) return false;
        if (!(sum > 0.0)) return false;
        model_->words().blend(parts, count, sum, 1.0, z_.data(), 0.0);
        if (!decoder.decode(z_.data(), params_.data(), scratch_)) return false;
        Eq eq = decoder.eq_of(params_.data());
        for (int k = 0; k < count; ++k) {
            if (parts[k].weight > 0.0) continue;
            model_->words().blend(parts[k].word, -1, 0.0, z_.data());
            if (!decoder.decode(z_.data(), params_.data(), scratch_)) return false;
            const Eq less = decoder.eq_of(params_.data());
            // a response in dB is linear in the gain up to 0.15 dB between 0 and -1, and exactly at -1: more than that in several turns
            for (double left = -parts[k].weight / sum; left > 0.0; left -= 1.0) {
                if (eq.count + less.count > max_bands) return false;
                for (int i = 0; i < less.count; ++i) {
                    eq.bands[eq.count] = less.bands[i];
                    eq.bands[eq.count++].gain_db *= -(std::min)(left, 1.0);
                }
            }
        }
        return set_bands(eq);
    }

    /// Do what may change the sound, at the start of a frame: so it happens at the same sample for any blocks.
    void start_frame() noexcept SEMEQ_NONBLOCKING {
        if (window_done_) {
            window_done_ = false;
            fader_.settle();
            if (listening_ && static_cast<double>(analyser_.heard()) >= first_dose_s * rate_hz_ && difference_.set(rolling_.spectrum(), reference_)) has_dose_ = true;
            follow(is_other_);
        } else if (is_other_) {
            follow(true);
        } else if (!listening_ && position_ % (8 * frame_samples) == 0) {
            fader_.settle();
        }
        is_other_ = false;
        fader_.save();
    }

    /// Ask the crossfade for the settings that the present dose needs, where they differ enough from those that it has.
    void follow(bool must_change) noexcept SEMEQ_NONBLOCKING {
        double wanted = intensity_;
        if (has_dose_) {
            const double sign = intensity_ < 0.0 ? -1.0 : 1.0;
            dose_ = difference_.dose(term_db_);
            wanted *= reference_.is_target ? target_gain(sign * dose_) : soft_gain(sign * dose_, difference_.spread(term_db_));
        }
        if (!must_change && std::fabs(wanted - wanted_) < step_doses) return;  // smaller changes are not worth a crossfade
        wanted_ = wanted;
        Eq eq = scaled(term_, wanted, &gain_);
        if (has_dose_ && reference_.is_target && std::fabs(wanted) >= 1e-3) {  // one step: a response is not quite proportional to the gain
            Thirds response;
            band_response_db(eq, rate_hz_, response);
            const double achieved = difference_.doses_of(response, term_db_), ratio = achieved / wanted;
            if (ratio > 0.5 && ratio < 2.0) eq = scaled(term_, wanted * wanted / achieved, &gain_);
        }
        fader_.change_to(for_rate(eq, rate_hz_));
    }

    template <typename Sample>
    void run(Sample* const* channels, int start, int n, bool analysing) noexcept SEMEQ_NONBLOCKING {
        if (position_ < bypassed_until_) return bypass(channels, start, n, analysing);
        const int good = first_unusable(channels, start, n);
        if (good > 0) {
            advance(channels, start, good, analysing, true);
            fader_.process(channels, start, good);
        }
        if (good == n) return;
        fader_.go_back();
        bypassed_until_ = position_ - position_ % frame_samples + frame_samples;
        bypass(channels, start + good, n - good, analysing);
    }

    template <typename Sample>
    void bypass(Sample* const* channels, int start, int n, bool analysing) noexcept SEMEQ_NONBLOCKING {
        for (int c = 0; c < channels_; ++c)
            for (int i = start; i < start + n; ++i)
                if (!detail::is_within(channels[c][i], Sample(1'000))) {
                    channels[c][i] = Sample(0);
                    ++unusable_samples_;
                }
        advance(channels, start, n, analysing, false);
    }

    template <typename Sample>
    int first_unusable(Sample* const* channels, int start, int n) const noexcept SEMEQ_NONBLOCKING {
        int first = n;
        for (int c = 0; c < channels_; ++c) {
            const Sample* samples = channels[c] + start;
            bool is_usable = true;
            for (int i = 0; i < first; ++i) is_usable &= detail::is_within(samples[i], Sample(1'000));
            if (!is_usable) {
                first = 0;
                while (detail::is_within(samples[first], Sample(1'000))) ++first;
            }
        }
        return first;
    }

    template <typename Sample>
    void advance(Sample* const* channels, int start, int n, bool analysing, bool is_sound) noexcept SEMEQ_NONBLOCKING {
        position_ += n;
        if (!analysing || !analyser_.hear(channels, start, n, is_sound)) return;
        window_done_ = true;
        if (listening_) rolling_.add(analyser_.powers());
        if (learning_) learned_.add(analyser_.powers());
    }

    const Model* model_ = nullptr;
    double rate_hz_ = 48'000.0;
    int channels_ = 0;
    Scratch scratch_;
    std::vector<float> z_;
    std::vector<double> params_;
    Eq term_;
    Thirds term_db_{};
    Reference reference_;
    double intensity_ = 1.0;
    bool listening_ = false, learning_ = false, is_other_ = false;

    CrossfadeEq fader_;
    Analyser analyser_;
    History rolling_, learned_;
    Difference difference_;
    long long position_ = 0, bypassed_until_ = 0, unusable_samples_ = 0;
    bool window_done_ = false, has_dose_ = false;
    double wanted_ = 0.0, gain_ = 0.0, dose_ = 0.0;
};

// ------------------------------------------------------------------------------------------------------------------- 10 loudness

/// The two sections of the K-weighting of ITU-R BS.1770-4 at any rate: at 48 kHz they are the standard's, elsewhere designed anew from the analogue
/// filters behind those (values and formulas of the EBU's libebur128).
inline std::array<Section, 2> k_weighting(double rate_hz) noexcept SEMEQ_NONBLOCKING {
    double k = std::tan(pi * 1681.974450955533 / rate_hz), q = 0.7071752369554196;
    const double high = std::pow(10.0, 3.999843853973347 / 20.0), middle = std::pow(high, 0.4996667741545416);
    double a0 = 1.0 + k / q + k * k;
    const Section shelf = {(high + middle * k / q + k * k) / a0, 2.0 * (k * k - high) / a0, (high - middle * k / q + k * k) / a0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0};
    k = std::tan(pi * 38.13547087602444 / rate_hz), q = 0.5003270373238773;
    a0 = 1.0 + k / q + k * k;
    return {shelf, {1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0}};
}

/// Integrated loudness of a programme, ITU-R BS.1770-4: K-weighted, blocks of 400 ms every 100 ms, gated at -70 LUFS and 10 LU under the mean.
///
/// Programmes may be of any length: what is kept is how many blocks there were at each hundredth of a LU, and their power. Only blocks that lie within
/// one hundredth of the relative gate are judged together. The same as Python's `audio.loudness.Loudness`, up to that and to rounding.
class Loudness {
public:
    /// weights: what the power of each channel counts (1.41 for surround speakers, 0 for LFE); all 1 where null, as in mono and stereo.
    /// Allocates; starts anew. False for a rate, channel count or weight that cannot be.
    bool prepare(double rate_hz, int channels, const double* weights = nullptr) {
        if (!(rate_hz >= min_rate_hz && rate_hz <= max_rate_hz) || channels < 1 || channels > max_channels) return false;
        for (int c = 0; weights != nullptr && c < channels; ++c)
            if (!(weights[c] >= 0.0 && weights[c] <= 10.0)) return false;
        rate_hz_ = rate_hz;
        channels_ = channels;
        weights_.assign(static_cast<std::size_t>(channels) + 1, 0.0);
        for (int c = 0; c < channels; ++c) weights_[c] = weights != nullptr ? weights[c] : 1.0;
        bank_.prepare((channels + 1) / 2);
        block_.assign(frame_samples, Pair{});
        levels_.assign(n_levels, Level{});
        reset();
        return true;
    }

    /// Forget everything heard so far.
    void reset() noexcept SEMEQ_NONBLOCKING {
        const std::array<Section, 2> sections = k_weighting(rate_hz_);
        bank_.set(sections.data(), 2);
        for (Level& level : levels_) level = Level{};
        steps_ = 0, seen_ = 0, step_from_ = 0, step_to_ = step_end(1);
        energy_ = 0.0;
    }

    /// Hear n samples of each channel, float or double. Samples that are not finite, or over +60 dBFS, count as silence.
    template <typename Sample>
    void feed(const Sample* const* channels, int n) noexcept SEMEQ_NONBLOCKING {
        static_assert(std::is_floating_point<Sample>::value, "float or double");
        if (channels_ == 0) return;
        for (int start = 0; start < n;) {
            const int part = static_cast<int>((std::min)({static_cast<long long>(n - start), step_to_ - seen_, static_cast<long long>(frame_samples)}));
            for (int pair = 0; pair < (channels_ + 1) / 2; ++pair) hear(channels, start, part, pair);
            start += part;
            seen_ += part;
            if (seen_ == step_to_) end_step();
        }
    }

    /// The integrated loudness so far in LUFS; minus infinity where no block is over the absolute gate, or the programme is shorter than one.
    double lufs() const noexcept SEMEQ_NONBLOCKING {
        double power = 0.0, count = 0.0;
        for (const Level& level : levels_) power += level.power, count += level.count;
        const double gate = count > 0.0 ? power / count * std::pow(10.0, relative_gate_lu / 10.0) : 0.0;
        power = count = 0.0;
        for (const Level& level : levels_)
            if (level.power > gate * level.count) power += level.power, count += level.count;
        return count > 0.0 ? lufs_of(power / count) : -std::numeric_limits<double>::infinity();
    }

private:
    static constexpr double step_s = 0.1, absolute_gate_lufs = -70.0, relative_gate_lu = -10.0, offset_lufs = -0.691;
    static constexpr int steps_in_block = 4, levels_in_lu = 100, n_levels = 170 * levels_in_lu;  // up to +100 LUFS: 64 channels at +60 dBFS

    struct Level {
        double power = 0.0, count = 0.0;
    };

    static double lufs_of(double power) noexcept SEMEQ_NONBLOCKING { return offset_lufs + 10.0 * std::log10(power); }
    long long step_end(long long steps) const noexcept SEMEQ_NONBLOCKING { return static_cast<long long>(std::nearbyint(static_cast<double>(steps) * step_s * rate_hz_)); }

    template <typename Sample>
    void hear(const Sample* const* channels, int start, int n, int pair) noexcept SEMEQ_NONBLOCKING {
        const int first = 2 * pair, second = first + 1;
        const auto usable = [](Sample x) noexcept SEMEQ_NONBLOCKING { return detail::is_within(x, Sample(1'000)) ? static_cast<double>(x) : 0.0; };
        const Sample *left = channels[first] + start, *right = second < channels_ ? channels[second] + start : left;
        for (int i = 0; i < n; ++i) block_[i] = Pair{usable(left[i]), usable(right[i])};
        bank_.process(block_.data(), n, pair);
        double squares[2] = {};
        for (int i = 0; i < n; ++i)
            for (int c = 0; c < 2; ++c) squares[c] += block_[i][c] * block_[i][c];
        energy_ += weights_[first] * squares[0] + weights_[second] * squares[1];  // there is one weight more, 0, than channels
    }

    void end_step() noexcept SEMEQ_NONBLOCKING {
        bank_.settle();
        recent_energy_[steps_ % steps_in_block] = energy_;
        recent_samples_[steps_ % steps_in_block] = static_cast<double>(step_to_ - step_from_);
        energy_ = 0.0;
        ++steps_;
        step_from_ = step_to_;
        step_to_ = step_end(steps_ + 1);
        if (steps_ < steps_in_block) return;
        double energy = 0.0, samples = 0.0;
        for (int i = 0; i < steps_in_block; ++i) energy += recent_energy_[i], samples += recent_samples_[i];
        const double power = energy / samples, over = power > 0.0 ? lufs_of(power) - absolute_gate_lufs : 0.0;
        if (!(over > 0.0)) return;
        Level& level = levels_[(std::min)(static_cast<int>(over * levels_in_lu), n_levels - 1)];
        level.power += power;
        level.count += 1.0;
    }

    double rate_hz_ = 48'000.0, energy_ = 0.0;
    int channels_ = 0;
    std::vector<double> weights_;
    FilterBank bank_;
    std::vector<Pair> block_;
    std::vector<Level> levels_;
    std::array<double, steps_in_block> recent_energy_{}, recent_samples_{};
    long long steps_ = 0, seen_ = 0, step_from_ = 0, step_to_ = 0;
};

}  // namespace semeq

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif
