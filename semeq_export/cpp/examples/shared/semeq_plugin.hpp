// SPDX-License-Identifier: MIT
// The plug-in itself, without a plug-in format: parameters, state and sound. The VST3, LV2, CLAP and JUCE examples are thin shells of it.
//
// Threads: `process`, `prepare` and `reset` belong to the audio thread (or to a moment without one), `load` to a moment without one;
// everything else may be called from any thread meanwhile. Parameters are atomics, each read once for one purpose. What is larger goes through a
// Mailbox, at which the audio thread never waits.
//
// Automation: a block is cut at its events. Mix, output gain and bypass move from that sample on, evenly; words, morph, intensity and what concerns
// listening are taken over at the next frame of 512 samples of the stream, and crossfaded there. So any cut into blocks gives the same bits.
#pragma once

#include "semeq_parts.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace semeq::plugin {

// The same table as presets/semeq_presets/file_formats/semeq_vst3.json; a test holds them together. Ids and ranges must not change: presets use them.
enum ParamId : int { word, second_word, morph, intensity, listen, learn_reference, mix, output_gain_db, use_bands, bypass, keep_meaning, n_params };
enum class ParamKind { word, range, toggle };

struct ParamInfo {
    const char *key, *title, *unit;
    ParamKind kind;
    double minimum, maximum, initial;
    bool automatable;
};

inline constexpr ParamInfo params[n_params] = {
    {"word", "Word", "", ParamKind::word, 0.0, 0.0, 0.0, true},
    {"second_word", "Second word", "", ParamKind::word, 0.0, 0.0, 0.0, true},
    {"morph", "Morph", "", ParamKind::range, 0.0, 1.0, 0.0, true},
    {"intensity", "Intensity", "", ParamKind::range, -3.0, 3.0, 1.0, true},
    {"listen", "Listen", "", ParamKind::toggle, 0.0, 1.0, 0.0, true},
    {"learn_reference", "Learn reference", "", ParamKind::toggle, 0.0, 1.0, 0.0, false},
    {"mix", "Mix", "", ParamKind::range, 0.0, 1.0, 1.0, true},
    {"output_gain_db", "Output gain", "dB", ParamKind::range, -24.0, 24.0, 0.0, true},
    {"use_bands", "Use stored EQ", "", ParamKind::toggle, 0.0, 1.0, 0.0, false},
    {"bypass", "Bypass", "", ParamKind::toggle, 0.0, 1.0, 0.0, true},
    {"keep_meaning", "Keep saved meaning", "", ParamKind::toggle, 0.0, 1.0, 1.0, false},
};

inline constexpr const char* limiting_title = "Output limited";  // read-only, behind the parameters: the limiter of last resort works
inline constexpr const char* plugin_name = "semeq";
inline constexpr const char* vendor = "semeq";
inline constexpr const char* version = "1.0.0";

/// What a preset or a session keeps; the layout of its bytes is drawn in presets/semeq_presets/file_formats/semeq_vst3.py.
struct State {
    std::string word, second_word;
    double morph = 0.0, intensity = 1.0, mix = 1.0, output_gain_db = 0.0;
    bool listen = false, use_bands = false, bypass = false, keep_meaning = true;
    Eq eq;                            // played with use_bands; else what the words meant at this intensity, for a bundle in which they mean something else
    std::string bundle;               // identity of the bundle in which they meant it, "" where that is not known
    std::vector<float> reference_db;  // learned; -1000 marks a band that was not heard
    std::string later;                // what a newer minor version added
    unsigned minor = 0;
};

namespace detail {

inline constexpr std::size_t head_bytes = 64, band_bytes = 32, identity_bytes = 32;
inline constexpr float unheard_db = -1'000.0F;

inline void put(std::string& data, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) data.push_back(static_cast<char>(value >> 8 * i & 0xFF));
}
inline void put(std::string& data, double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, 8);
    put(data, bits, 8);
}
/// A SHA-256 in hexadecimal as 32 bytes, and back.
inline std::string bytes_of(const std::string& hash) {
    std::string bytes(identity_bytes, '\0');
    for (std::size_t i = 0; i < hash.size() && i < 2 * identity_bytes; ++i) {
        const int digit = hash[i] >= 'a' ? hash[i] - 'a' + 10 : hash[i] - '0';
        bytes[i / 2] = static_cast<char>((static_cast<unsigned char>(bytes[i / 2]) << 4 | digit) & 0xFF);
    }
    return bytes;
}
inline std::string hash_of(const char* bytes) {
    std::string hash;
    for (std::size_t i = 0; i < identity_bytes; ++i)
        for (int shift : {4, 0}) hash += "0123456789abcdef"[static_cast<unsigned char>(bytes[i]) >> shift & 15];
    return hash;
}

}  // namespace detail

inline std::string pack(const State& state) {
    const unsigned minor = state.bundle.empty() && state.keep_meaning ? state.minor : std::max(state.minor, 1U);
    std::string data = "SEMQ";
    detail::put(data, 1, 2);
    detail::put(data, minor, 2);
    detail::put(data, 0, 4);  // the size, once it is known
    detail::put(data, (state.listen ? 1U : 0U) | (state.use_bands ? 2U : 0U) | (state.bypass ? 4U : 0U) | (state.keep_meaning ? 0U : 8U) | (state.bundle.empty() ? 0U : 16U), 4);
    for (double value : {state.morph, state.intensity, state.mix, state.output_gain_db, state.eq.preamp_db}) detail::put(data, value);
    for (std::size_t count : {static_cast<std::size_t>(state.eq.count), state.reference_db.size(), state.word.size(), state.second_word.size()})
        detail::put(data, count, 2);
    for (int i = 0; i < state.eq.count; ++i) {
        const Band& band = state.eq.bands[static_cast<std::size_t>(i)];
        detail::put(data, static_cast<std::uint64_t>(band.kind), 1);
        detail::put(data, band.enabled ? 1 : 0, 1);
        detail::put(data, 0, 6);
        for (double value : {band.freq_hz, band.gain_db, band.q}) detail::put(data, value);
    }
    for (float value : state.reference_db) {
        std::uint32_t bits;
        std::memcpy(&bits, &value, 4);
        detail::put(data, bits, 4);
    }
    data += state.word + state.second_word;
    if (!state.bundle.empty()) data += detail::bytes_of(state.bundle);
    data += state.later;
    for (int i = 0; i < 4; ++i) data[static_cast<std::size_t>(8 + i)] = static_cast<char>((data.size() + 4) >> 8 * i & 0xFF);
    detail::put(data, semeq::detail::crc32(reinterpret_cast<const unsigned char*>(data.data()), data.size()), 4);
    return data;
}

/// False, and the state as it was, for anything but sound bytes of this major version.
inline bool unpack(const void* bytes, std::size_t size, State& state) {
    const auto* data = static_cast<const unsigned char*>(bytes);
    semeq::detail::Bytes in(data, size);
    if (size < detail::head_bytes + 4 || size > 1'000'000 || std::memcmp(data, "SEMQ", 4) != 0) return false;
    in.at = size - 4;
    if (in.u32() != semeq::detail::crc32(data, size - 4)) return false;
    in.at = 4;
    State read;
    const std::uint32_t versions = in.u32();
    if ((versions & 0xFFFF) != 1 || in.u32() != size) return false;
    read.minor = versions >> 16;
    const std::uint32_t flags = in.u32();
    read.listen = (flags & 1) != 0, read.use_bands = (flags & 2) != 0, read.bypass = (flags & 4) != 0, read.keep_meaning = (flags & 8) == 0;
    read.morph = in.f64(), read.intensity = in.f64(), read.mix = in.f64(), read.output_gain_db = in.f64(), read.eq.preamp_db = in.f64();
    for (const auto& [id, value] : {std::pair<int, double>{morph, read.morph}, {intensity, read.intensity}, {mix, read.mix}, {output_gain_db, read.output_gain_db}})
        if (!semeq::detail::is_finite(value) || value < params[id].minimum || value > params[id].maximum) return false;
    const std::uint32_t first = in.u32(), second = in.u32();
    const std::size_t bands = first & 0xFFFF, references = first >> 16, word_bytes = second & 0xFFFF, second_bytes = second >> 16;
    if (!semeq::detail::is_within(read.eq.preamp_db, max_preamp_db) || bands > static_cast<std::size_t>(max_bands)) return false;
    if (references > 64 || word_bytes > 200 || second_bytes > 200) return false;
    if (!in.has(bands * detail::band_bytes + references * 4 + word_bytes + second_bytes + 4)) return false;
    for (std::size_t i = 0; i < bands; ++i) {
        const std::uint32_t what = in.u32();
        if ((what & 0xFF) > 2 || (what >> 8 & 0xFF) > 1) return false;
        in.at += 4;
        Band& band = read.eq.bands[i];
        band.kind = static_cast<Kind>(what & 0xFF);
        band.enabled = (what >> 8 & 0xFF) == 1;
        band.freq_hz = in.f64(), band.gain_db = in.f64(), band.q = in.f64();
        if (!band.is_sound()) return false;
    }
    read.eq.count = static_cast<int>(bands);
    for (std::size_t i = 0; i < references; ++i) {
        read.reference_db.push_back(in.f32());
        if (!semeq::detail::is_within(read.reference_db.back(), 1'000.0F)) return false;
    }
    read.word.assign(reinterpret_cast<const char*>(in.here()), word_bytes);
    in.at += word_bytes;
    read.second_word.assign(reinterpret_cast<const char*>(in.here()), second_bytes);
    in.at += second_bytes;
    if ((flags & 16) != 0) {
        if (!in.has(detail::identity_bytes + 4)) return false;
        read.bundle = detail::hash_of(reinterpret_cast<const char*>(in.here()));
        in.at += detail::identity_bytes;
    }
    read.later.assign(reinterpret_cast<const char*>(in.here()), size - 4 - in.at);
    state = std::move(read);
    return true;
}

/// The plug-in. Parameter values are plain (not 0..1); a word is 0 for none, else the number that the bundle gives it.
///
/// What was saved sounds the same later. A state from another bundle plays the bands that its words meant there, at any intensity, until another
/// word or morph is chosen, or until "Keep saved meaning" is turned off: then the words mean what this bundle says. A stored EQ of a higher curve
/// than +60 dB is turned down to that.
class Core {
public:
    Core() {
        for (int id = 0; id < n_params; ++id) values_[id] = from_events_[id] = heard_[id] = params[id].initial;
    }

    /// Load decoder.semeq, centroids.json, manifest.json and any.json (the reference) of a folder. Where that fails, what was loaded before stays.
    /// After it `prepare` is due.
    bool load(const std::string& folder, std::string& why) {
        Model model;
        Reference reference;
        return model.load_folder(folder, why) && reference.load_file((folder + "/any.json").c_str(), why) && take_over(std::move(model), reference);
    }
    /// The same from memory.
    bool load_memory(const void* decoder, std::size_t decoder_size, const char* centroids, std::size_t centroids_size, const char* manifest, std::size_t manifest_size,
                     const char* reference, std::size_t reference_size, std::string& why) {
        Model model;
        Reference read;
        return model.load(decoder, decoder_size, centroids, centroids_size, manifest, manifest_size, why) && read.load(reference, reference_size, why) &&
               take_over(std::move(model), read);
    }

    // --- any thread

    double maximum(int id) const noexcept { return params[id].kind == ParamKind::word ? model_.last_offered() : params[id].maximum; }
    double get(int id) const noexcept SEMEQ_NONBLOCKING { return values_[id].load(std::memory_order_relaxed); }
    /// Set a parameter; it is heard from the next block on.
    void set(int id, double value) noexcept SEMEQ_NONBLOCKING {
        if (!keep(id, value)) return;
        values_[id].store(value, std::memory_order_relaxed);
        is_pending_[id].store(true, std::memory_order_release);
    }
    /// Show and save a value that the audio thread gets, or got, as an event: for hosts that say everything twice.
    void show(int id, double value) noexcept SEMEQ_NONBLOCKING {
        if (keep(id, value)) values_[id].store(value, std::memory_order_relaxed);
    }

    /// A value as people read it.
    std::string text(int id, double value) const {
        if (params[id].kind == ParamKind::toggle) return value >= 0.5 ? "on" : "off";
        if (params[id].kind == ParamKind::word) {
            const int index = model_.word_of(static_cast<int>(value + 0.5));
            return index < 0 ? "none" : model_.words()[index].name;
        }
        const long long thousandths = std::llround(std::fabs(value) * 1e3);  // printf would use the locale's comma
        std::string digits = std::to_string(thousandths % 1'000);
        digits.insert(0, 3 - digits.size(), '0');
        return (value < 0.0 && thousandths != 0 ? "-" : "") + std::to_string(thousandths / 1'000) + "." + digits;
    }
    /// The value of a text, as it is printed or as people type it ("+3", ".5", "1,5", "-6 dB", "50 %"); false for one that is none.
    bool value_of(int id, const std::string& text, double& value) const {
        if (params[id].kind == ParamKind::toggle) {
            const bool is_on = text == "on" || text == "1", is_off = text == "off" || text == "0";
            if (is_on || is_off) value = is_on ? 1.0 : 0.0;
            return is_on || is_off;
        }
        if (params[id].kind == ParamKind::word) {
            const int number = number_of(text);
            if (number <= 0 && text != "none" && !text.empty()) return false;
            value = number;
            return true;
        }
        return number_of_text(text, params[id].unit, id == morph || id == mix, value);
    }

    State state() {
        const std::lock_guard<std::mutex> one_at_a_time(kept_lock_);
        double now[n_params];
        for (int id = 0; id < n_params; ++id) now[id] = get(id);
        State state = kept_;
        for (const auto& [id, name] : {std::pair<int, std::string*>{word, &state.word}, {second_word, &state.second_word}}) {
            const int index = word_of(now[id]);
            if (index >= 0)
                *name = model_.words()[index].name;
            else if (number_of(*name) > 0)
                name->clear();  // it was known, and is not chosen any more
        }
        state.morph = now[morph], state.intensity = now[intensity], state.mix = now[mix], state.output_gain_db = now[output_gain_db];
        state.listen = now[listen] != 0.0, state.use_bands = now[use_bands] != 0.0, state.bypass = now[bypass] != 0.0;
        state.keep_meaning = now[keep_meaning] != 0.0;
        const bool is_recalled = is_kept_recalled_ && dropped_.load() != serial_.load();
        if (!state.use_bands && (word_of(now[word]) >= 0 || word_of(now[second_word]) >= 0) && !(is_recalled && state.keep_meaning)) {
            state.eq = scaled(meaning(now), state.intensity);
            state.bundle = model_.identity();
        } else if (!state.use_bands) {
            state.eq = scaled(at_full(kept_), state.intensity);
        }
        Reference learned;
        if (learned_.receive(learned) && learned.is_set) {
            state.reference_db.assign(n_thirds, detail::unheard_db);
            for (std::size_t i = 0; i < state.reference_db.size(); ++i)
                if (learned.usable[i]) state.reference_db[i] = static_cast<float>(learned.level_db[i]);
        }
        return state;
    }
    /// Take over a state; the audio thread does so at once, never a part of it.
    void set_state(const State& state) {
        const std::lock_guard<std::mutex> one_at_a_time(kept_lock_);
        kept_ = state;
        kept_.eq = tamed(state.eq);
        Fixed fixed;
        for (int id = 0; id < n_params; ++id) fixed.values[id] = params[id].initial;
        fixed.values[word] = number_of(state.word), fixed.values[second_word] = number_of(state.second_word);
        fixed.values[morph] = state.morph, fixed.values[intensity] = state.intensity, fixed.values[mix] = state.mix, fixed.values[output_gain_db] = state.output_gain_db;
        fixed.values[listen] = state.listen, fixed.values[use_bands] = state.use_bands, fixed.values[bypass] = state.bypass, fixed.values[keep_meaning] = state.keep_meaning;
        for (int id = 0; id < n_params; ++id) clamp(id, fixed.values[id]);
        fixed.eq = state.use_bands ? kept_.eq : at_full(kept_);
        fixed.stands_for_words = (!state.word.empty() && number_of(state.word) == 0) || (!state.second_word.empty() && number_of(state.second_word) == 0);
        fixed.reference = stored_reference_;
        Reference learned;  // none: what was learned before this state is forgotten with it
        if (state.reference_db.size() == static_cast<std::size_t>(n_thirds)) {
            fixed.reference = Reference{};  // heard, not stored: nothing of the stored one's spread
            fixed.reference.is_set = fixed.reference.is_target = true;
            for (std::size_t i = 0; i < state.reference_db.size(); ++i) {
                fixed.reference.level_db[i] = state.reference_db[i];
                fixed.reference.usable[i] = state.reference_db[i] > detail::unheard_db;
            }
            learned = fixed.reference;
        }
        fixed.is_recalled = is_kept_recalled_ = !(state.word.empty() && state.second_word.empty()) && state.bundle != model_.identity() && fixed.eq.count > 0;
        for (int id = 0; id <= morph; ++id) saved_[id].store(fixed.values[id], std::memory_order_relaxed);
        fixed.serial = serial_.load() + 1;
        serial_.store(fixed.serial);
        for (int id = 0; id < n_params; ++id) values_[id].store(fixed.values[id], std::memory_order_relaxed);
        fixed_.send(fixed);
        learned_.send(learned);
    }

    /// How many samples since `prepare` the limiter of last resort turned down, and whether it did in the last block.
    long long limited_samples() const noexcept SEMEQ_NONBLOCKING { return guard_.limited_samples(); }
    bool is_limiting() const noexcept SEMEQ_NONBLOCKING { return guard_.is_limiting(); }

    // --- the audio thread

    /// Allocates.
    bool prepare(double rate_hz, int channels) {
        channels_ = std::min(std::max(channels, 0), max_channels);
        rate_hz_ = rate_hz;
        moment_.assign(static_cast<std::size_t>(channels_) * 2, 0.0);
        part_of_floats_.assign(static_cast<std::size_t>(channels_) * frame_samples, 0.0F);
        part_of_doubles_.assign(part_of_floats_.size(), 0.0);
        is_prepared_ = stream_.prepare(model_, rate_hz, channels);
        guard_.prepare(rate_hz);
        has_reference_ = false;
        for (std::atomic<bool>& pending : is_pending_) pending.store(true, std::memory_order_release);  // what was shown and never came as an event
        reset();
        return is_prepared_;
    }
    bool is_prepared() const noexcept { return is_prepared_; }
    double rate_hz() const noexcept { return rate_hz_; }

    void reset() noexcept SEMEQ_NONBLOCKING {
        must_snap_ = true;
        is_broken_ = false;
        guard_.reset();
        if (is_prepared_) stream_.reset();
    }

    /// n samples of every channel, and the events among them. Buffers of `in` and `out` may be the same in any order: in place, crossed, shared.
    template <typename Sample, typename Events>
    void process(const Sample* const* in, Sample* const* out, int n, Events& events) noexcept SEMEQ_NONBLOCKING {
        take_changes();
        Event next;
        bool has_next = events.next(next);
        for (int at = 0; at < n;) {
            for (; has_next && next.offset <= at; has_next = events.next(next)) event(next.id, next.value);
            const int end = has_next ? std::min(next.offset, n) : n;
            aim();
            run(in, out, at, end - at);
            at = end;
        }
        for (; has_next; has_next = events.next(next)) event(next.id, next.value);
        if (has_learned_ && serial_.load() == fixed_here_.serial && learned_.try_send(learned_here_)) has_learned_ = false;
        guard_.tell();
    }
    template <typename Sample>
    void process(const Sample* const* in, Sample* const* out, int n) noexcept SEMEQ_NONBLOCKING {
        EventList none;
        process(in, out, n, none);
    }

    const Stream& stream() const noexcept { return stream_; }

private:
    struct Fixed {  // a state, as the audio thread wants it
        Eq eq;
        bool stands_for_words = false, is_recalled = false;
        Reference reference;
        double values[n_params] = {};
        unsigned serial = 0;
    };

    bool take_over(Model&& model, const Reference& reference) {
        model_ = std::move(model);
        stored_reference_ = reference;
        is_prepared_ = false;  // the stream's memory is of the former decoder's size
        return true;
    }

    /// The number of a word by name, 0 where the list of words has none such.
    int number_of(const std::string& name) const noexcept {
        const int number = model_.number_of(model_.words().find(name));
        return number <= model_.last_offered() ? number : 0;
    }
    /// The index of the word that a parameter's value chooses, -1 for none.
    int word_of(double value) const noexcept SEMEQ_NONBLOCKING { return model_.word_of(static_cast<int>(value)); }

    void clamp(int id, double& value) const noexcept SEMEQ_NONBLOCKING {
        const double most = params[id].kind == ParamKind::word ? model_.last_offered() : params[id].maximum;
        value = std::min(std::max(value, params[id].minimum), most);
        if (params[id].kind != ParamKind::range) value = std::floor(value + 0.5);
    }
    /// Bring a value into its range, and let go of what a state's words meant where it chooses other ones. False for one that is not finite.
    bool keep(int id, double& value) noexcept SEMEQ_NONBLOCKING {
        if (!semeq::detail::is_finite(value)) return false;
        clamp(id, value);
        if (id <= morph && std::fabs(value - saved_[id].load(std::memory_order_relaxed)) > 0.005) dropped_.store(serial_.load());  // hosts round a morph
        return true;
    }

    /// The bands of a state at intensity 1; bands that it keeps for words are at its own. At intensity 0 it keeps nothing.
    static Eq at_full(const State& state) { return state.intensity == 0.0 ? Eq{} : tamed(scaled(state.eq, 1.0 / state.intensity)); }

    /// What the words of these values mean at intensity 1.
    Eq meaning(const double (&now)[n_params]) const {
        const int a = word_of(now[word]), b = word_of(now[second_word]);
        if (a < 0 && b < 0) return Eq{};
        Scratch scratch = model_.decoder().make_scratch();
        std::vector<float> z(static_cast<std::size_t>(model_.decoder().latent_dim()));
        std::vector<double> values(static_cast<std::size_t>(model_.decoder().n_params()));
        model_.words().blend(a < 0 ? b : a, a < 0 || now[morph] <= 0.0 ? -1 : b, now[morph], z.data());
        return model_.decoder().decode(z.data(), values.data(), scratch) ? model_.decoder().eq_of(values.data()) : Eq{};
    }

    /// At the start of a block: a state that came, then what was set since.
    void take_changes() noexcept SEMEQ_NONBLOCKING {
        if (fixed_.try_take(fixed_here_)) {
            is_new_state_ = true;
            has_learned_ = false;
            for (int id = 0; id < n_params; ++id) {
                heard_[id] = fixed_here_.values[id];
                double last = from_events_[id];  // an event between that state and now: the state counts, as for what is heard
                values_[id].compare_exchange_strong(last, heard_[id], std::memory_order_relaxed);
                from_events_[id] = heard_[id];
            }
        }
        for (int id = 0; id < n_params; ++id)
            if (is_pending_[id].load(std::memory_order_relaxed) && is_pending_[id].exchange(false, std::memory_order_acquire)) heard_[id] = get(id);
    }

    /// A parameter's value from here on.
    void event(int id, double value) noexcept SEMEQ_NONBLOCKING {
        if (id < 0 || id >= n_params || !keep(id, value)) return;
        values_[id].store(value, std::memory_order_relaxed);
        from_events_[id] = heard_[id] = value;
    }

    /// What mix and gain are on their way to.
    void aim() noexcept SEMEQ_NONBLOCKING {
        const bool is_bypassed = heard_[bypass] != 0.0;
        wanted_mix_ = is_bypassed ? 0.0 : heard_[mix];
        if (heard_[output_gain_db] != aimed_db_) aimed_gain_ = std::pow(10.0, (aimed_db_ = heard_[output_gain_db]) / 20.0);
        wanted_gain_ = is_bypassed ? 1.0 : aimed_gain_;
        if (must_snap_) mix_ = wanted_mix_, gain_ = wanted_gain_;
    }

    /// At the start of a frame: what of the parameters is new goes to the stream.
    void follow_parameters() noexcept SEMEQ_NONBLOCKING {
        if (is_broken_) stream_.reset();  // a filter whose state is not finite stays so
        is_broken_ = false;
        const bool is_new_state = is_new_state_;
        is_new_state_ = false;
        const bool is_recalled = fixed_here_.is_recalled && dropped_.load() != fixed_here_.serial && heard_[keep_meaning] != 0.0;
        if (is_new_state && stream_.is_learning()) stream_.finish_learning(learned_here_);  // it ends what was being learned, unheard
        if (is_new_state || !has_reference_) {
            if (!fixed_here_.reference.is_set) fixed_here_.reference = stored_reference_;
            stream_.set_reference(fixed_here_.reference);
            has_reference_ = true;
        }
        bool is_other = is_new_state || must_snap_ || is_recalled != was_recalled_;
        was_recalled_ = is_recalled;
        for (int id : {word, second_word, morph, use_bands}) is_other |= heard_[id] != before_[id];
        if (is_other) {
            const int a = word_of(heard_[word]), b = word_of(heard_[second_word]);
            if (heard_[use_bands] != 0.0 || is_recalled || (a < 0 && b < 0 && fixed_here_.stands_for_words))
                stream_.set_bands(fixed_here_.eq);
            else
                stream_.set_words(a, b, heard_[morph]);
        }
        // a stored EQ is played as it is: intensity, like the words, has no part in it; bands that stand for words scale as those would
        stream_.set_intensity(heard_[use_bands] != 0.0 ? 1.0 : heard_[intensity]);
        stream_.set_listening(heard_[listen] != 0.0 && heard_[use_bands] == 0.0);
        if (heard_[learn_reference] != 0.0 && !stream_.is_learning()) stream_.start_learning();
        if (heard_[learn_reference] == 0.0 && stream_.is_learning()) {
            Reference learned;
            if (stream_.finish_learning(learned)) fixed_here_.reference = learned_here_ = learned, has_learned_ = true;
        }
        for (int id = 0; id < n_params; ++id) before_[id] = heard_[id];
        must_snap_ = false;
    }

    std::vector<float>& parts(float) noexcept SEMEQ_NONBLOCKING { return part_of_floats_; }
    std::vector<double>& parts(double) noexcept SEMEQ_NONBLOCKING { return part_of_doubles_; }

    /// Samples start..start+n, between two events. All that comes in is read before anything is written.
    template <typename Sample>
    void run(const Sample* const* in, Sample* const* out, int start, int n) noexcept SEMEQ_NONBLOCKING {
        if (!is_prepared_) return copy(in, out, start, n);
        Sample* part[max_channels];
        for (int size; n > 0; start += size, n -= size) {
            const int place = static_cast<int>(stream_.position() % frame_samples);
            if (place == 0) follow_parameters();
            size = std::min(frame_samples - place, n);
            for (int c = 0; c < channels_; ++c) {
                part[c] = parts(Sample(0)).data() + static_cast<std::size_t>(c) * frame_samples;
                std::memcpy(part[c], in[c] + start, static_cast<std::size_t>(size) * sizeof(Sample));
            }
            stream_.process(part, size);
            if (!is_plain(part, size))
                for (int i = 0; i < size; ++i) finish(in, start + i, part, i);
            for (int c = 0; c < channels_; ++c) std::memcpy(out[c] + start, part[c], static_cast<std::size_t>(size) * sizeof(Sample));
        }
    }
    /// Whether what the stream made is what goes out: neither mix, gain nor guard has any part in these samples.
    template <typename Sample>
    bool is_plain(const Sample* const* part, int n) const noexcept SEMEQ_NONBLOCKING {
        if (mix_ != 1.0 || wanted_mix_ != 1.0 || gain_ != 1.0 || wanted_gain_ != 1.0 || !guard_.is_open()) return false;
        int beyond = 0;
        for (int c = 0; c < channels_; ++c)
            for (int i = 0; i < n; ++i) beyond |= semeq::detail::is_within(part[c][i], static_cast<Sample>(Guard::ceiling)) ? 0 : 1;
        return beyond == 0;
    }
    template <typename Sample>
    void copy(const Sample* const* in, Sample* const* out, int start, int n) const noexcept SEMEQ_NONBLOCKING {
        Sample moment[max_channels];
        for (int i = start; i < start + n; ++i) {
            for (int c = 0; c < channels_; ++c) moment[c] = in[c][i];
            for (int c = 0; c < channels_; ++c) out[c][i] = moment[c];
        }
    }

    /// Mix and gain move evenly, sample by sample, 0 to 1 in 20 ms: no clicks, and nothing depends on blocks. Bypassed, it is what came in.
    template <typename Sample>
    void finish(const Sample* const* in, int at, Sample* const* part, int i) noexcept SEMEQ_NONBLOCKING {
        const double step = 1.0 / (0.020 * rate_hz_);
        mix_ += std::min(std::max(wanted_mix_ - mix_, -step), step);
        gain_ += std::min(std::max(wanted_gain_ - gain_, -step), step);
        if (mix_ == 0.0 && gain_ == 1.0) {
            for (int c = 0; c < channels_; ++c) part[c][i] = in[c][at];
            return;
        }
        double* const dry = moment_.data();
        double* const result = dry + channels_;
        for (int c = 0; c < channels_; ++c) {
            const double wet = static_cast<double>(part[c][i]);
            dry[c] = static_cast<double>(in[c][at]);
            is_broken_ |= !semeq::detail::is_finite(wet);
            result[c] = gain_ * (mix_ == 0.0 ? dry[c] : mix_ == 1.0 ? wet : dry[c] + mix_ * (wet - dry[c]));
        }
        guard_.pass(result, dry, channels_);
        for (int c = 0; c < channels_; ++c) part[c][i] = static_cast<Sample>(result[c]);
    }

    Model model_;
    Reference stored_reference_;
    std::atomic<double> values_[n_params], saved_[morph + 1] = {};  // what is shown and saved; words and morph of the last state
    std::atomic<bool> is_pending_[n_params] = {};                   // it was set, and the audio thread has not seen it
    std::atomic<unsigned> serial_{0}, dropped_{0};                  // of the last state; of the one whose words' meaning counts no more
    std::mutex kept_lock_;                                          // of what follows; the audio thread has no part in it
    State kept_;
    bool is_kept_recalled_ = false;  // its words stand for its bands, which are of another bundle
    Mailbox<Fixed> fixed_;
    Mailbox<Reference> learned_;

    Stream stream_;
    Guard guard_;
    Fixed fixed_here_;
    Reference learned_here_;
    bool has_learned_ = false, is_prepared_ = false, has_reference_ = false, must_snap_ = true, was_recalled_ = false, is_new_state_ = false, is_broken_ = false;
    double heard_[n_params], from_events_[n_params], before_[n_params] = {};
    double rate_hz_ = 48'000.0, mix_ = 1.0, gain_ = 1.0, wanted_mix_ = 1.0, wanted_gain_ = 1.0, aimed_db_ = 0.0, aimed_gain_ = 1.0;
    int channels_ = 0;
    std::vector<double> moment_, part_of_doubles_;  // the former: one sample of all channels, dry and done
    std::vector<float> part_of_floats_;
};

}  // namespace semeq::plugin
