// SPDX-License-Identifier: MIT
// Laws of the plug-in's core: automation does not depend on blocks, buffers may lie anyhow, absurd states do no harm, bypass is the dry signal.
//     plugin MODEL_FOLDER REFERENCES_FOLDER
#include "plugin.hpp"

#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <tuple>

namespace {

namespace core = semeq::plugin;
using Events = std::vector<core::Event>;
template <typename Sample>
using Channels = std::vector<std::vector<Sample>>;

std::string model_folder, references_folder;
int failures = 0;

void expect(bool is_so, const std::string& what) {
    if (!is_so) ++failures, std::printf("FAILED: %s\n", what.c_str());
}

std::unique_ptr<core::Core> make_plugin() {
    auto plugin = std::make_unique<core::Core>();
    check::must_load(*plugin, model_folder, references_folder);
    plugin->prepare(48'000.0, 2);
    return plugin;
}

/// A render from the start; `size` gives the blocks' sizes, and events go in at their places.
template <typename Sample>
Channels<Sample> render(core::Core& plugin, const Channels<Sample>& in, const Events& events, const std::function<int()>& size) {
    Channels<Sample> out = in;
    const int total = static_cast<int>(in[0].size());
    std::size_t next = 0;
    for (int at = 0; at < total;) {
        const int n = std::min(size(), total - at);
        Events here;
        for (; next < events.size() && events[next].offset < at + n; ++next) here.push_back({events[next].offset - at, events[next].id, events[next].value});
        core::EventList list{here.data(), static_cast<int>(here.size())};
        const Sample* const from[] = {in[0].data() + at, in[1].data() + at};
        Sample* const to[] = {out[0].data() + at, out[1].data() + at};
        plugin.process(from, to, n, list);
        at += n;
    }
    return out;
}
template <typename Sample>
Channels<Sample> render_once(const Channels<Sample>& in, const Events& events, const std::function<int()>& size) {
    return render(*make_plugin(), in, events, size);
}

template <typename Sample>
int first_difference(const Channels<Sample>& a, const Channels<Sample>& b) {
    for (std::size_t i = 0; i < a[0].size(); ++i)
        for (std::size_t c = 0; c < 2; ++c)
            if (std::memcmp(&a[c][i], &b[c][i], sizeof(Sample)) != 0) return static_cast<int>(i);
    return -1;
}

std::function<int()> constant(int size) {
    return [size] { return size; };
}

/// Turns of every knob: some anywhere, and one at each sample of a stretch.
Events any_events(int total, std::uint32_t seed) {
    std::mt19937 random(seed);
    Events events;
    const auto turn = [&](int offset) {
        const int id = static_cast<int>(random() % core::n_params);
        const double share = static_cast<double>(random() % 1'001) / 1'000.0, most = core::params[id].kind == core::ParamKind::word ? 20.0 : core::params[id].maximum;
        const bool is_mostly_off = id == core::bypass || id == core::use_bands;
        events.push_back({offset, id, is_mostly_off && random() % 4 != 0 ? 0.0 : core::params[id].minimum + share * (most - core::params[id].minimum)});
    };
    for (int offset = 0; offset < total; ++offset)
        if (random() % 150 == 0 || (offset > 9'000 && offset < 9'700)) turn(offset);
    return events;
}

template <typename Sample>
void any_cut_gives_the_same_bits() {
    constexpr int total = 40'000;
    const auto in = check::stereo_noise<Sample>(total, 3);
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        const Events events = any_events(total, seed);
        const auto wanted = render_once(in, events, constant(1));
        expect(first_difference(in, wanted) >= 0, "automation changes something");
        std::mt19937 random(seed);
        const std::function<int()> any = [&random] { return 1 + static_cast<int>(random() % 3'000); };
        for (const auto& size : {constant(64), constant(512), constant(8'192), any}) {
            const int at = first_difference(wanted, render_once(in, events, size));
            expect(at < 0, "blocks of " + std::to_string(size()) + " sound otherwise from sample " + std::to_string(at) + " on, seed " + std::to_string(seed));
        }
    }
}

/// An event is heard from its sample on (mix, gain, bypass), or from the next frame on (what the EQ crossfades), never before.
void events_are_heard_at_their_place() {
    const auto in = check::stereo_noise<float>(32'768, 5);
    for (const int offset : {1, 511, 512, 16'000, 16'001, 16'200, 16'383}) {
        for (const auto& [id, value] : {std::pair<int, double>{core::mix, 0.5}, {core::output_gain_db, -6.0}, {core::bypass, 1.0}, {core::intensity, 3.0}, {core::word, 5.0}}) {
            const Events base = {{0, core::word, 12.0}}, more = {{0, core::word, 12.0}, {offset, id, value}};
            const bool is_at_once = id == core::mix || id == core::output_gain_db || id == core::bypass;
            for (const int size : {1, 64, 512, 8'192}) {
                const int heard = first_difference(render_once(in, base, constant(size)), render_once(in, more, constant(size)));
                const int frame = (offset + 511) / 512 * 512, earliest = is_at_once ? offset : frame + 480, latest = is_at_once ? offset + 2 : frame + 520;
                expect(heard >= earliest && heard <= latest, std::string(core::params[id].key) + " at " + std::to_string(offset) + ", blocks of " + std::to_string(size) +
                                                                 ": first heard at " + std::to_string(heard));
                if (offset != 16'000 && size == 1) break;
            }
        }
    }
}

template <typename Sample>
void buffers_may_lie_anyhow() {
    constexpr int n = 6'000;
    const auto in = check::stereo_noise<Sample>(n, 9);
    for (const bool is_bypassed : {false, true}) {
        const Events events = {{0, core::word, 12.0}, {0, core::bypass, is_bypassed ? 1.0 : 0.0}, {777, core::mix, 0.4}};
        const auto run = [&](const Sample* left, const Sample* right, Sample* out_left, Sample* out_right) {
            const auto plugin = make_plugin();
            core::EventList list{events.data(), static_cast<int>(events.size())};
            const Sample* const from[] = {left, right};
            Sample* const to[] = {out_left, out_right};
            plugin->process(from, to, n, list);
        };
        const auto wanted = render_once(in, events, constant(n));
        expect(is_bypassed == (first_difference(wanted, in) < 0), "bypass, and only that, is what came in");
        auto place = in;
        run(place[0].data(), place[1].data(), place[0].data(), place[1].data());
        expect(first_difference(place, wanted) < 0, "in place");
        auto crossed = in;
        run(crossed[0].data(), crossed[1].data(), crossed[1].data(), crossed[0].data());
        std::swap(crossed[0], crossed[1]);
        expect(first_difference(crossed, wanted) < 0, "left's output on right's input, and the other way round");
        for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
            auto half = in;
            std::vector<Sample> apart(n);
            Sample* const to[] = {side == 0 ? half[1].data() : apart.data(), side == 0 ? apart.data() : half[0].data()};
            run(half[0].data(), half[1].data(), to[0], to[1]);
            expect(first_difference(Channels<Sample>{{to[0], to[0] + n}, {to[1], to[1] + n}}, wanted) < 0, "one output on the other side's input");
        }
        const Channels<Sample> same = {in[0], in[0]};
        const auto wanted_same = render_once(same, events, constant(n));
        auto shared = in;
        run(shared[0].data(), shared[0].data(), shared[0].data(), shared[1].data());
        expect(first_difference(shared, wanted_same) < 0, "one input for both sides");
        auto one = in;
        run(one[0].data(), one[0].data(), one[0].data(), one[0].data());
        expect(one[0] == wanted_same[1], "one buffer for all");
    }
}

bool is_tame(const Channels<float>& out) {
    for (const auto& channel : out)
        for (const float sample : channel)
            if (!(std::fabs(sample) <= static_cast<float>(core::Guard::ceiling) * 1.000001F)) return false;
    return true;
}

void absurd_states_do_no_harm() {
    const auto in = check::stereo_noise<float>(25'600, 11);
    for (const auto& [count, q, preamp_db] : {std::tuple<int, double, double>{64, 0.1, 120.0}, {64, 1'000.0, 0.0}, {5, 1.0, 0.0}, {1, 1.0, 120.0}, {0, 1.0, 120.0}}) {
        const auto plugin = make_plugin();
        core::State read;
        const std::string data = core::pack(check::loud_state(count, q, preamp_db));
        expect(core::unpack(data.data(), data.size(), read), "bands in their ranges are read");
        plugin->set_state(read);
        expect(core::highest_db(plugin->state().eq) <= core::max_curve_db + 1e-6, "a curve over +60 dB is turned down");
        expect(is_tame(render(*plugin, in, {}, constant(512))), "its output stays under +24 dBFS, bands: " + std::to_string(count));
        const bool is_narrow = q == 1'000.0;  // of the noise next to nothing lies at 1 kHz
        expect(is_narrow || (plugin->limited_samples() > 0 && plugin->is_limiting()), "and it says so, bands: " + std::to_string(count));
        plugin->set(core::bypass, 1.0);
        const auto bypassed = render(*plugin, in, {}, constant(512));
        expect(is_tame(bypassed), "also on its way into bypass");
        for (std::size_t c = 0; c < 2; ++c)
            expect(std::equal(bypassed[c].begin() + 961 + 16'000, bypassed[c].end(), in[c].begin() + 961 + 16'000), "bypass is the dry signal");
        plugin->set_state(core::State{});
        render(*plugin, in, {}, constant(512));
        expect(first_difference(render(*plugin, in, {}, constant(512)), in) < 0, "a sound state after it is as ever");
        expect(!plugin->is_limiting(), "and nothing is limited any more");
    }
    core::State one = check::loud_state(1, 1.0, 0.0);
    expect(core::tamed(one.eq) == one.eq, "one band of +60 dB may be");
    const auto loud = check::stereo_noise<float>(4'096, 11, 100.0);
    const auto plugin = make_plugin();
    expect(first_difference(render(*plugin, loud, {}, constant(512)), loud) < 0 && plugin->limited_samples() == 0, "what comes in loud and is not made louder stays");
}

void what_is_not_finite_is_silence_and_over_soon() {
    core::Guard guard;
    guard.prepare(48'000.0);
    const double dry[] = {0.1, 0.1};
    for (const double wrong : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
        double samples[] = {wrong, 0.5};
        guard.pass(samples, dry, 2);
        expect(samples[0] == 0.0 && std::fabs(samples[1]) <= 0.5, "what is not finite becomes silence");
    }
    guard.tell();
    expect(guard.limited_samples() == 3, "and is counted");
    const auto plugin = make_plugin();
    plugin->set(core::word, 12.0);
    auto in = check::stereo_noise<float>(8'192, 2);
    in[0][3'000] = NAN, in[1][3'001] = INFINITY;
    plugin->set(core::mix, 0.5);
    for (const auto& channel : render(*plugin, in, {}, constant(100)))
        for (const float sample : channel) expect(std::isfinite(sample), "input that is not finite, half mixed");
}

void wrong_states_are_refused_and_change_nothing() {
    const auto numbers = [](core::State& state) {
        return std::vector<double*>{&state.morph, &state.intensity, &state.mix, &state.output_gain_db, &state.eq.preamp_db, &state.eq.bands[0].freq_hz, &state.eq.bands[0].gain_db, &state.eq.bands[0].q};
    };
    core::State sound = check::loud_state(1, 1.0, 0.0), kept;
    kept.word = "kept";
    for (std::size_t which = 0; which < numbers(sound).size(); ++which)
        for (const double wrong : {std::nan(""), HUGE_VAL, -HUGE_VAL, 1e9, -1e9}) {
            core::State state = sound;
            *numbers(state)[which] = wrong;
            const std::string data = core::pack(state);
            expect(!core::unpack(data.data(), data.size(), kept) && kept.word == "kept", "number " + std::to_string(which) + " of a state is " + std::to_string(wrong));
        }
}

void a_failed_load_keeps_what_was() {
    const auto plugin = make_plugin();
    plugin->set(core::word, 12.0);
    const auto in = check::stereo_noise<float>(2'048, 4);
    const auto before = render(*plugin, in, {}, constant(512));
    const std::string name = plugin->text(core::word, 12.0), identity = plugin->state().bundle, weights = check::must_read(model_folder + "/decoder.semeq");
    std::string why;
    expect(!plugin->load("no such folder", why) && !why.empty(), "a folder that is not there");
    why.clear();
    expect(!plugin->load_memory(weights.data(), weights.size(), "{}", 2, "{}", 2, "{}", 2, why) && !why.empty(), "files that are none");
    plugin->reset();
    expect(first_difference(render(*plugin, in, {}, constant(512)), before) < 0, "it plays as before");
    expect(plugin->text(core::word, 12.0) == name && plugin->state().bundle == identity, "and has its words");
}

void what_is_set_after_a_state_counts() {
    const auto plugin = make_plugin();
    const auto in = check::stereo_noise<float>(512, 4);
    core::State state;
    state.intensity = 2.0;
    plugin->set(core::mix, 0.25);
    plugin->set_state(state);
    plugin->set(core::intensity, -1.0);
    render(*plugin, in, {}, constant(512));
    expect(plugin->get(core::intensity) == -1.0 && plugin->get(core::mix) == 1.0 && plugin->stream().intensity() == -1.0, "a knob turned after a state");
    plugin->set_state(state);
    render(*plugin, in, {{100, core::intensity, 0.5}}, constant(512));
    render(*plugin, in, {}, constant(512));
    expect(plugin->state().intensity == 0.5 && plugin->stream().intensity() == 0.5, "and an event after it");
}

void texts_read_back_what_they_print() {
    const auto plugin = make_plugin();
    std::mt19937 random(1);
    for (int id = 0; id < core::n_params; ++id) {
        const double lowest = core::params[id].minimum, highest = plugin->maximum(id);
        for (int i = 0; i < 300; ++i) {
            const double value = core::params[id].kind == core::ParamKind::range ? lowest + (highest - lowest) * random() / 4'294'967'295.0 : std::floor(lowest + i % 100 * (highest - lowest) / 99.0);
            double back = -99.0;
            const std::string text = plugin->text(id, value);
            if (text == "none" && core::params[id].kind == core::ParamKind::word) continue;  // a number whose word is gone
            expect(plugin->value_of(id, text, back) && plugin->text(id, back) == text && std::fabs(back - value) <= 5e-4 + 1e-12, std::string(core::params[id].key) + " " + text);
        }
    }
    const std::pair<const char*, double> good[] = {{"+3", 3.0},     {".5", 0.5},     {"1,5", 1.5},   {"-.25", -0.25}, {"5.", 5.0},    {" 2 ", 2.0},     {"-6dB", -6.0}, {"-6 dB", -6.0}, {"+1,25 DB", 1.25},
                                                   {"007.5", 7.5}, {"-00", 0.0}, {"1e1", 10.0}, {"2.5e-1", 0.25}, {"\xE2\x88\x92" "4", -4.0}, {"0", 0.0}};
    for (const auto& [text, wanted] : good) {
        double value = -99.0;
        expect(plugin->value_of(core::output_gain_db, text, value) && value == wanted, std::string("\"") + text + "\" is a gain");
    }
    for (const char* text : {"", " ", "abc", "+", "-", ".", ",", "dB", "1.2.3", "1,2,3", "1,234.5", "--3", "+-3", "3 4", "3dBm", "nan", "inf", "1e999", "0x10", "5%", "- 3", "e5", "1e", ".e1"}) {
        double value = -99.0;
        expect(!plugin->value_of(core::output_gain_db, text, value) && value == -99.0, std::string("\"") + text + "\" is no gain");
    }
    double value = 0.0;
    expect(plugin->value_of(core::mix, "50 %", value) && value == 0.5, "percent of a share");
    expect(!plugin->value_of(core::intensity, "50%", value) && !plugin->value_of(core::mix, "1 dB", value), "units are the parameter's");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) return std::fprintf(stderr, "usage: plugin MODEL_FOLDER REFERENCES_FOLDER\n"), 2;
    model_folder = arguments[1], references_folder = arguments[2];
    any_cut_gives_the_same_bits<float>();
    any_cut_gives_the_same_bits<double>();
    events_are_heard_at_their_place();
    buffers_may_lie_anyhow<float>();
    buffers_may_lie_anyhow<double>();
    absurd_states_do_no_harm();
    what_is_not_finite_is_silence_and_over_soon();
    wrong_states_are_refused_and_change_nothing();
    a_failed_load_keeps_what_was();
    what_is_set_after_a_state_counts();
    texts_read_back_what_they_print();
    if (failures == 0) std::puts("the plug-in's core keeps its laws");
    return failures == 0 ? 0 : 1;
}
