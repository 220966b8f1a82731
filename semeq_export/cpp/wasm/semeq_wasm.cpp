// SPDX-License-Identifier: MIT
// semeq.hpp for WebAssembly: C functions that a web page, Node or any other host of WebAssembly calls. It imports nothing.
//     python build.py semeq.wasm
//
// Numbers and samples pass through two places in memory that stay where they are: `semeq_numbers` and `semeq_audio`. An EQ is, as numbers:
//     count, preamp_db, then for each band: kind (0 low shelf, 1 peak, 2 high shelf), freq_hz, gain_db, q, enabled (0 or 1)
// Functions that can fail return 0, and `semeq_why` says why in one line. One instance belongs to one thread.
#include "semeq.hpp"

#include <new>

#define SEMEQ_EXPORT(name) extern "C" __attribute__((export_name(#name)))

#if defined(_LIBCPP_VERSION)
// libc++ would print before it stops, and that takes a C library with files
_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD
#endif

namespace {

constexpr int abi = 1, audio_frames = 1'024, eq_numbers = 2 + 5 * semeq::max_bands, n_numbers = 4'096;
constexpr int n_triangle = semeq::n_thirds * (semeq::n_thirds + 1) / 2;

double numbers[n_numbers];
float audio[semeq::max_channels][audio_frames], dry[semeq::max_channels][audio_frames];
float* channels[semeq::max_channels];
std::string why;

bool refuse(const char* what) {
    why = what;
    return false;
}

float* const* planes() noexcept {
    for (int c = 0; c < semeq::max_channels; ++c) channels[c] = audio[c];
    return channels;
}

/// Read an EQ from `numbers`; false where it is none.
bool read_eq(semeq::Eq& eq) {
    const double count = numbers[0];
    if (!(count >= 0.0 && count <= semeq::max_bands) || count != std::floor(count)) return refuse("an EQ has 0 to 64 bands");
    eq.count = static_cast<int>(count);
    eq.preamp_db = numbers[1];
    if (!semeq::detail::is_within(eq.preamp_db, semeq::max_preamp_db)) return refuse("preamp_db is outside -120..120 dB");
    for (int i = 0; i < eq.count; ++i) {
        const double* const at = numbers + 2 + 5 * i;
        if (at[0] != 0.0 && at[0] != 1.0 && at[0] != 2.0) return refuse("a band is no low shelf, peak or high shelf");
        eq.bands[i] = {static_cast<semeq::Kind>(static_cast<int>(at[0])), at[1], at[2], at[3], at[4] != 0.0};
        if (!eq.bands[i].is_sound()) return refuse("a band's frequency, gain or Q is outside its range");
    }
    return true;
}

void write_eq(const semeq::Eq& eq) noexcept {
    numbers[0] = eq.count;
    numbers[1] = eq.preamp_db;
    for (int i = 0; i < eq.count; ++i) {
        double* const at = numbers + 2 + 5 * i;
        at[0] = static_cast<double>(eq.bands[i].kind), at[1] = eq.bands[i].freq_hz, at[2] = eq.bands[i].gain_db, at[3] = eq.bands[i].q;
        at[4] = eq.bands[i].enabled ? 1.0 : 0.0;
    }
}

/// What is heard: so much of the processed signal and so much of the dry one. A change is faded in over 20 ms; one that is asked for
/// meanwhile waits for the end of the fade, and of several the last one counts.
class Monitor {
public:
    void prepare(double rate_hz) {
        rise_.resize(static_cast<std::size_t>(std::nearbyint(semeq::fade_s * rate_hz)));
        for (std::size_t i = 0; i < rise_.size(); ++i) rise_[i] = semeq::fade_rise(static_cast<double>(i + 1) / static_cast<double>(rise_.size() + 1));
    }
    void set(double processed, double dry_gain, bool at_once) noexcept {
        wanted_ = {processed, dry_gain};
        if (at_once) now_ = to_ = wanted_, is_fading_ = false;
    }
    /// Mix n samples of `dry` into those of `audio`.
    void process(int n_channels, int n) noexcept {
        for (int start = 0; start < n;) {
            if (!is_fading_ && (wanted_.processed != now_.processed || wanted_.dry != now_.dry)) to_ = wanted_, is_fading_ = true, position_ = 0;
            const int part = is_fading_ ? (std::min)(n - start, static_cast<int>(rise_.size()) - position_) : n - start;
            for (int c = 0; c < n_channels; ++c) run(audio[c] + start, dry[c] + start, part);
            start += part;
            if (is_fading_ && (position_ += part) == static_cast<int>(rise_.size())) now_ = to_, is_fading_ = false;
        }
    }

private:
    struct Gains {
        double processed = 1.0, dry = 0.0;
    };
    void run(float* out, const float* in, int n) const noexcept {
        if (!is_fading_ && now_.processed == 1.0 && now_.dry == 0.0) return;  // every bit stays
        for (int i = 0; i < n; ++i) {
            const double rise = is_fading_ ? rise_[static_cast<std::size_t>(position_ + i)] : 0.0;
            const double processed = now_.processed + rise * (to_.processed - now_.processed), dry_gain = now_.dry + rise * (to_.dry - now_.dry);
            out[i] = static_cast<float>(processed * out[i] + dry_gain * in[i]);
        }
    }

    std::vector<double> rise_;
    Gains now_, to_, wanted_;
    bool is_fading_ = false;
    int position_ = 0;
};

struct Live {
    semeq::Stream stream;
    Monitor monitor;
    int channels = 0;
};

struct Offline {
    semeq::FilterBank bank;
    int channels = 0;
};

struct Loaded {
    semeq::Model model;
    semeq::Stream decoding;  // words to bands; it never hears a sample
};

/// The index of the first of n samples that is not finite or over +60 dBFS; n where all are usable.
int first_unusable(int channel, int n) noexcept {
    int i = 0;
    while (i < n && semeq::detail::is_within(audio[channel][i], 1'000.0F)) ++i;
    return i;
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------------------ memory

SEMEQ_EXPORT(semeq_abi) int semeq_abi() { return abi; }
SEMEQ_EXPORT(semeq_why) const char* semeq_why() { return why.c_str(); }
SEMEQ_EXPORT(semeq_numbers) double* semeq_numbers() { return numbers; }
SEMEQ_EXPORT(semeq_audio) float* semeq_audio() { return audio[0]; }
SEMEQ_EXPORT(semeq_alloc) void* semeq_alloc(std::size_t size) { return ::operator new(size, std::nothrow); }
SEMEQ_EXPORT(semeq_free) void semeq_free(void* block) { ::operator delete(block); }

// ------------------------------------------------------------------------------------------------------------------------- words

/// A bundle's decoder.semeq, centroids.json and manifest.json. Null where they are not sound, or do not belong together.
SEMEQ_EXPORT(semeq_model_new)
Loaded* semeq_model_new(const void* decoder, std::size_t decoder_size, const char* centroids, std::size_t centroids_size, const char* manifest, std::size_t manifest_size) {
    Loaded* const loaded = new Loaded;
    const bool is_loaded = loaded->model.load(decoder, decoder_size, centroids, centroids_size, manifest, manifest_size, why);
    // the highest rate, so that no band of a layout lies above what can be held
    if (is_loaded && loaded->decoding.prepare(loaded->model, semeq::max_rate_hz, 1)) return loaded;
    delete loaded;
    return nullptr;
}
SEMEQ_EXPORT(semeq_model_free) void semeq_model_free(Loaded* loaded) { delete loaded; }
SEMEQ_EXPORT(semeq_model_count) int semeq_model_count(const Loaded* loaded) { return loaded->model.words().count(); }
SEMEQ_EXPORT(semeq_model_word) const char* semeq_model_word(const Loaded* loaded, int i) { return loaded->model.words()[i].name.c_str(); }
SEMEQ_EXPORT(semeq_model_find) int semeq_model_find(const Loaded* loaded, const char* name, std::size_t size) { return loaded->model.words().find({name, size}); }

/// The EQ of a mix: `numbers` holds index and weight of each of `count` words, and gets the EQ.
SEMEQ_EXPORT(semeq_model_mix) int semeq_model_mix(Loaded* loaded, int count, double intensity) {
    if (count < 0 || 2 * count > n_numbers) return refuse("too many words at once");
    std::vector<semeq::WeightedWord> parts(static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < parts.size(); ++k) parts[k] = {static_cast<int>(numbers[2 * k]), numbers[2 * k + 1]};
    if (!loaded->decoding.set_intensity(intensity)) return refuse("the intensity is outside -3..3");
    if (!loaded->decoding.set_mix(parts.data(), count)) return refuse("the mix asks for more gain than a band may have, or this model cannot add up such amounts");
    loaded->decoding.reset();
    write_eq(loaded->decoding.eq());
    return 1;
}

// ------------------------------------------------------------------------------------------------------------------------ curves

/// The EQ in `numbers` at `count` frequencies behind it, which become dB.
SEMEQ_EXPORT(semeq_response) int semeq_response(int count, double rate_hz) {
    semeq::Eq eq;
    if (count < 0 || count > n_numbers - eq_numbers) return refuse("too many frequencies at once");
    if (!read_eq(eq)) return 0;
    eq = semeq::for_rate(eq, rate_hz);
    for (double* at = numbers + eq_numbers; at < numbers + eq_numbers + count; ++at) *at = semeq::response_db(eq, *at, rate_hz);
    return 1;
}

/// Read references/NAME.json of a kit; `numbers` gets 28 levels, 28 times whether a band counts, and the lower triangle of the covariance.
SEMEQ_EXPORT(semeq_reference_read) int semeq_reference_read(const char* text, std::size_t size) {
    semeq::Reference reference;
    if (!reference.load(text, size, why)) return 0;
    double* at = numbers;
    for (double level_db : reference.level_db) *at++ = level_db;
    for (bool is_usable : reference.usable) *at++ = is_usable ? 1.0 : 0.0;
    for (int i = 0; i < semeq::n_thirds; ++i)
        for (int k = 0; k <= i; ++k) *at++ = reference.covariance_db2[i][k];
    return 2 * semeq::n_thirds + n_triangle;
}

// ------------------------------------------------------------------------------------------------------------------ the live stream

SEMEQ_EXPORT(semeq_live_new) Live* semeq_live_new(double rate_hz, int n_channels) {
    Live* const live = new Live;
    if (live->stream.prepare(rate_hz, n_channels)) {
        live->monitor.prepare(rate_hz);
        live->channels = n_channels;
        return live;
    }
    delete live;
    refuse("the rate is outside 8000..384000 Hz, or there are not 1 to 64 channels");
    return nullptr;
}
SEMEQ_EXPORT(semeq_live_free) void semeq_live_free(Live* live) { delete live; }

/// Ask for the EQ in `numbers`, `intensity` times. Nothing changes where it cannot be.
SEMEQ_EXPORT(semeq_live_set_eq) int semeq_live_set_eq(Live* live, double intensity) {
    semeq::Eq eq;
    if (!read_eq(eq)) return 0;
    if (!live->stream.set_intensity(intensity)) return refuse("the intensity is outside -3..3");
    return live->stream.set_bands(eq) ? 1 : refuse("no EQ that can be");
}
/// Hear so much of the processed signal and so much of the dry one, as amplitudes.
SEMEQ_EXPORT(semeq_live_set_monitor) int semeq_live_set_monitor(Live* live, double processed, double dry_gain) {
    if (!semeq::detail::is_within(processed, 1e6) || !semeq::detail::is_within(dry_gain, 1e6)) return refuse("a gain is outside -120..120 dB");
    live->monitor.set(processed, dry_gain, live->stream.position() == 0);
    return 1;
}
/// Take the reference in `numbers`, as `semeq_reference_read` put it there.
SEMEQ_EXPORT(semeq_live_set_reference) void semeq_live_set_reference(Live* live) {
    semeq::Reference reference;
    const double* at = numbers;
    for (double& level_db : reference.level_db) level_db = *at++;
    for (bool& is_usable : reference.usable) is_usable = *at++ != 0.0;
    for (int i = 0; i < semeq::n_thirds; ++i)
        for (int k = 0; k <= i; ++k) reference.covariance_db2[i][k] = reference.covariance_db2[k][i] = *at++;
    reference.is_set = true;
    live->stream.set_reference(reference);
}
SEMEQ_EXPORT(semeq_live_set_listening) void semeq_live_set_listening(Live* live, int is_on) { live->stream.set_listening(is_on != 0); }
SEMEQ_EXPORT(semeq_live_reset) void semeq_live_reset(Live* live) { live->stream.reset(); }

/// Process n samples, at most 1,024, of each channel in `audio`, in place.
SEMEQ_EXPORT(semeq_live_process) void semeq_live_process(Live* live, int n) {
    for (int c = 0; c < live->channels; ++c)
        for (int i = 0; i < n; ++i) dry[c][i] = semeq::detail::is_within(audio[c][i], 1'000.0F) ? audio[c][i] : 0.0F;
    live->stream.process(planes(), n);
    live->monitor.process(live->channels, n);
}
/// `numbers` gets the samples heard, whether the dose is known, the dose, how many doses are added, and how many samples were unusable.
SEMEQ_EXPORT(semeq_live_state) void semeq_live_state(const Live* live) {
    numbers[0] = static_cast<double>(live->stream.position());
    numbers[1] = live->stream.has_dose() ? 1.0 : 0.0;
    numbers[2] = live->stream.dose();
    numbers[3] = live->stream.gain();
    numbers[4] = static_cast<double>(live->stream.unusable_samples());
}
/// `numbers` gets the EQ that is heard now, or on its way.
SEMEQ_EXPORT(semeq_live_eq) void semeq_live_eq(const Live* live) { write_eq(live->stream.eq()); }

// ------------------------------------------------------------------------------------------------------------------------- offline

/// A filter of the EQ in `numbers`, for a whole file.
SEMEQ_EXPORT(semeq_offline_new) Offline* semeq_offline_new(double rate_hz, int n_channels) {
    semeq::Eq eq;
    if (!read_eq(eq)) return nullptr;
    if (!(rate_hz >= semeq::min_rate_hz && rate_hz <= semeq::max_rate_hz) || n_channels < 1 || n_channels > semeq::max_channels) {
        refuse("the rate is outside 8000..384000 Hz, or there are not 1 to 64 channels");
        return nullptr;
    }
    Offline* const offline = new Offline;
    offline->channels = n_channels;
    offline->bank.prepare((n_channels + 1) / 2);
    offline->bank.set(semeq::for_rate(eq, rate_hz), rate_hz);
    return offline;
}
SEMEQ_EXPORT(semeq_offline_free) void semeq_offline_free(Offline* offline) { delete offline; }

/// Filter n samples, at most 1,024, of each channel in `audio`, in place. Returns how many are usable; fewer than n means that nothing was done.
SEMEQ_EXPORT(semeq_offline_process) int semeq_offline_process(Offline* offline, int n) {
    int usable = n;
    for (int c = 0; c < offline->channels; ++c) usable = (std::min)(usable, first_unusable(c, n));
    if (usable < n || offline->bank.is_identity()) return usable;
    semeq::Pair block[audio_frames];
    for (int c = 0; c < offline->channels; c += 2) {
        float *const left = audio[c], *const right = audio[c + 1 < offline->channels ? c + 1 : c];
        for (int i = 0; i < n; ++i) block[i] = semeq::Pair{left[i], right[i]};
        offline->bank.process(block, n, c / 2);
        for (int i = 0; i < n; ++i) right[i] = static_cast<float>(block[i][1]), left[i] = static_cast<float>(block[i][0]);
    }
    offline->bank.settle();
    return n;
}

/// A meter of integrated loudness; `numbers` holds what the power of each channel counts.
SEMEQ_EXPORT(semeq_loudness_new) semeq::Loudness* semeq_loudness_new(double rate_hz, int n_channels) {
    semeq::Loudness* const meter = new semeq::Loudness;
    if (meter->prepare(rate_hz, n_channels, numbers)) return meter;
    delete meter;
    refuse("the rate is outside 8000..384000 Hz, there are not 1 to 64 channels, or a weight is outside 0..10");
    return nullptr;
}
SEMEQ_EXPORT(semeq_loudness_free) void semeq_loudness_free(semeq::Loudness* meter) { delete meter; }
/// Hear n samples, at most 1,024, of each channel in `audio`.
SEMEQ_EXPORT(semeq_loudness_feed) void semeq_loudness_feed(semeq::Loudness* meter, int n) { meter->feed(planes(), n); }
SEMEQ_EXPORT(semeq_loudness_lufs) double semeq_loudness_lufs(const semeq::Loudness* meter) { return meter->lufs(); }
