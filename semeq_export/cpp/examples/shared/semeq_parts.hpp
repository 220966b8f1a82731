// SPDX-License-Identifier: MIT
// What the plug-in of semeq_plugin.hpp is made of, and knows nothing of its parameters: values between threads, events, the guard of its output,
// limits of a stored EQ, numbers as people type them.
#pragma once

#include "semeq.hpp"

#include <atomic>
#include <string>

namespace semeq::plugin {

/// One value from one thread to another; the audio thread's side (try_*) gives up rather than wait.
template <typename T>
class Mailbox {
public:
    void send(const T& value) {
        while (busy_.test_and_set(std::memory_order_acquire)) {}
        value_ = value, full_ = true;
        busy_.clear(std::memory_order_release);
    }
    bool receive(T& value) {
        while (busy_.test_and_set(std::memory_order_acquire)) {}
        const bool was_full = full_;
        if (was_full) value = value_;
        busy_.clear(std::memory_order_release);
        return was_full;
    }
    bool try_take(T& value) noexcept SEMEQ_NONBLOCKING {
        if (busy_.test_and_set(std::memory_order_acquire)) return false;
        const bool was_full = full_;
        if (was_full) value = value_, full_ = false;
        busy_.clear(std::memory_order_release);
        return was_full;
    }
    bool try_send(const T& value) noexcept SEMEQ_NONBLOCKING {
        if (busy_.test_and_set(std::memory_order_acquire)) return false;
        value_ = value, full_ = true;
        busy_.clear(std::memory_order_release);
        return true;
    }

private:
    std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
    bool full_ = false;
    T value_{};
};

/// A parameter's plain value from one sample of a block on.
struct Event {
    int offset = 0, id = 0;
    double value = 0.0;
};

/// Events in an array, as `Core::process` takes them: any type with such a `next` will do, which gives them by rising offsets.
struct EventList {
    const Event* events = nullptr;
    int count = 0, at = 0;

    bool next(Event& event) noexcept SEMEQ_NONBLOCKING {
        if (at >= count) return false;
        event = events[at++];
        return true;
    }
};

/// The limiter of last resort: what an EQ makes louder than +24 dBFS, and louder than its input, is turned down to that, all channels alike. It
/// starts at once, so it distorts, and lets go evenly over 100 ms. What is not finite becomes silence.
class Guard {
public:
    static constexpr double ceiling = 15.848931924611133, release_s = 0.100;

    void prepare(double rate_hz) noexcept {
        step_ = 1.0 / (release_s * rate_hz);
        gain_ = 1.0;
        limited_.store(0, std::memory_order_relaxed);
        is_limiting_.store(false, std::memory_order_relaxed);
    }
    void reset() noexcept SEMEQ_NONBLOCKING { gain_ = 1.0; }
    bool is_open() const noexcept SEMEQ_NONBLOCKING { return gain_ == 1.0; }

    /// One sample of n channels, with what came in.
    void pass(double* samples, const double* dry, int n) noexcept SEMEQ_NONBLOCKING {
        bool is_sound = true;
        double peak = 0.0, allowed = ceiling;
        for (int c = 0; c < n; ++c) {
            if (!semeq::detail::is_finite(samples[c])) samples[c] = 0.0, is_sound = false;
            peak = (std::max)(peak, std::fabs(samples[c]));
            if (semeq::detail::is_finite(dry[c])) allowed = (std::max)(allowed, std::fabs(dry[c]));
        }
        gain_ = (std::min)(gain_ + step_, 1.0);
        if (peak * gain_ > allowed) gain_ = allowed / peak;
        if (gain_ != 1.0)
            for (int c = 0; c < n; ++c) samples[c] *= gain_;
        count_ += gain_ != 1.0 || !is_sound ? 1 : 0;
    }
    /// At the end of a block: tell the other threads.
    void tell() noexcept SEMEQ_NONBLOCKING {
        is_limiting_.store(count_ > 0, std::memory_order_relaxed);
        if (count_ > 0) limited_.store(limited_.load(std::memory_order_relaxed) + count_, std::memory_order_relaxed);
        count_ = 0;
    }

    // any thread
    long long limited_samples() const noexcept SEMEQ_NONBLOCKING { return limited_.load(std::memory_order_relaxed); }
    bool is_limiting() const noexcept SEMEQ_NONBLOCKING { return is_limiting_.load(std::memory_order_relaxed); }

private:
    double gain_ = 1.0, step_ = 0.0;
    long long count_ = 0;
    std::atomic<long long> limited_{0};
    std::atomic<bool> is_limiting_{false};
};

inline constexpr double max_curve_db = 60.0;

/// The highest point of an EQ's curve in dB, on 20 points an octave from 20 Hz to 20 kHz and at each of its bands; at the highest rate, where all bands fit.
inline double highest_db(const Eq& eq) {
    const Eq held = for_rate(eq, max_rate_hz);
    double most_db = held.preamp_db;
    for (int i = 0; i <= 200; ++i) most_db = (std::max)(most_db, response_db(held, 20.0 * std::exp2(i / 20.0), max_rate_hz));
    for (int i = 0; i < held.count; ++i) most_db = (std::max)(most_db, response_db(held, held.bands[static_cast<std::size_t>(i)].freq_hz, max_rate_hz));
    return most_db;
}

/// An EQ as it is where its curve stays under +60 dB, as one band's may; else all of it turned down until it does.
inline Eq tamed(const Eq& eq) {
    Eq result = eq;
    if (!semeq::detail::is_within(result.preamp_db, max_preamp_db)) result.preamp_db = std::copysign(max_preamp_db, result.preamp_db);
    double gains_db = (std::max)(result.preamp_db, 0.0);
    for (int i = 0; i < eq.count; ++i) gains_db += std::fabs(eq.bands[static_cast<std::size_t>(i)].gain_db);
    if (gains_db <= max_curve_db) return result;  // no curve is higher than the sum of its gains
    for (int turns = 0; turns < 8; ++turns) {
        const double most_db = highest_db(result);
        if (most_db <= max_curve_db + 1e-9) return result;
        result = scaled(result, max_curve_db / most_db);
    }
    return result;
}

/// A number as people type it, "+3", ".5", "1,5", "-6 dB", "50 %": false for anything else. A unit must be the parameter's; percent divide by 100.
inline bool number_of_text(std::string text, const std::string& unit, bool has_percent, double& value) {
    const auto trim = [&text] {
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.erase(0, 1);
    };
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    trim();
    const std::size_t body = text.size() - (std::min)(unit.size(), text.size());
    bool has_unit = !unit.empty() && body > 0;
    for (std::size_t i = 0; has_unit && i < unit.size(); ++i) has_unit = lower(text[body + i]) == lower(unit[i]);
    const bool is_percent = has_percent && !text.empty() && text.back() == '%';
    if (has_unit) text.resize(body);
    if (is_percent) text.pop_back();
    trim();
    std::string json;  // JSON's numbers want a digit on both sides of their point, and neither plus nor zeros in front
    std::size_t at = 0;
    if (text.compare(0, 3, "\xE2\x88\x92") == 0)
        json = "-", at = 3;  // the minus of typography
    else if (!text.empty() && (text[0] == '-' || text[0] == '+'))
        json = text[0] == '-' ? "-" : "", at = 1;
    if (at < text.size() && std::strchr("-+", text[at]) != nullptr) return false;
    const std::size_t point = text.find_first_of(".,", at), end = (std::min)(text.find_first_of("eE", at), text.size());
    if (point != std::string::npos) text[point] = '.';
    const std::size_t whole = (std::min)(point, end);
    while (at + 1 < whole && text[at] == '0') ++at;
    if (whole == at) {
        if (point == std::string::npos || point + 1 >= end) return false;  // no digit at all
        json += '0';
    }
    json.append(text, at, end - at);
    if (!json.empty() && json.back() == '.') json.pop_back();
    json.append(text, end, std::string::npos);
    for (const char c : json)
        if ((c < '0' || c > '9') && std::strchr("+-.eE", c) == nullptr) return false;
    semeq::detail::Json reader(json.data(), json.size());
    double read = 0.0;
    if (!reader.number(read) || !reader.at_end()) return false;
    value = is_percent ? read / 100.0 : read;
    return true;
}

}  // namespace semeq::plugin
