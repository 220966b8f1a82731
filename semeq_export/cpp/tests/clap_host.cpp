// SPDX-License-Identifier: MIT
// The CLAP through its own entry points, as small as a host can be: events are heard at their samples whatever the blocks, texts read back what they
// print, a state that is saved loads, a limited output is told. Compiled only where CLAP's headers are given, as the plug-in is.
//     clap_host PLUGIN.clap
#include "check.hpp"

#include <clap/clap.h>

#include <dlfcn.h>

#include <functional>
#include <random>

namespace {

constexpr clap_id word = 0, mix = 6, output_gain_db = 7, use_bands = 8, bypass = 9, limiting = 11;
int failures = 0;

void expect(bool is_so, const std::string& what) {
    if (!is_so) ++failures, std::printf("FAILED: %s\n", what.c_str());
}

struct Event {
    int offset;
    clap_id id;
    double value;
};
using Channels = std::vector<std::vector<float>>;
using Values = std::vector<clap_event_param_value_t>;

const clap_host_t host = {CLAP_VERSION_INIT,
                          nullptr,
                          "host of semeq's tests",
                          "",
                          "",
                          "1",
                          [](const clap_host_t*, const char*) -> const void* { return nullptr; },
                          [](const clap_host_t*) {},
                          [](const clap_host_t*) {},
                          [](const clap_host_t*) {}};

/// An instance, active at 48 kHz.
class Plugin {
public:
    explicit Plugin(const clap_plugin_factory_t* factory) : plugin_(factory->create_plugin(factory, &host, factory->get_plugin_descriptor(factory, 0)->id)) {
        if (plugin_ == nullptr || !plugin_->init(plugin_) || !plugin_->activate(plugin_, 48'000.0, 1, 8'192) || !plugin_->start_processing(plugin_)) std::exit(2);
    }
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;
    ~Plugin() {
        plugin_->stop_processing(plugin_);
        plugin_->deactivate(plugin_);
        plugin_->destroy(plugin_);
    }

    template <typename Extension>
    const Extension& extension(const char* id) const {
        const void* const found = plugin_->get_extension(plugin_, id);
        if (found == nullptr) std::fprintf(stderr, "no extension %s\n", id), std::exit(1);
        return *static_cast<const Extension*>(found);
    }
    const clap_plugin_t* operator*() const { return plugin_; }

    /// Blocks of these sizes, in place; what the plug-in tells is added to `told`.
    Channels render(Channels samples, const std::vector<Event>& events, const std::function<int()>& size) {
        const int total = static_cast<int>(samples[0].size());
        std::size_t next = 0;
        for (int at = 0; at < total;) {
            const int n = std::min(size(), total - at);
            Values values;
            for (; next < events.size() && events[next].offset < at + n; ++next) {
                clap_event_param_value_t value{};
                value.header = {sizeof value, static_cast<std::uint32_t>(events[next].offset - at), CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
                value.param_id = events[next].id, value.value = events[next].value;
                values.push_back(value);
            }
            const clap_input_events_t in = {&values, [](const clap_input_events_t* list) { return static_cast<std::uint32_t>(static_cast<Values*>(list->ctx)->size()); },
                                            [](const clap_input_events_t* list, std::uint32_t i) -> const clap_event_header_t* { return &(*static_cast<Values*>(list->ctx))[i].header; }};
            const clap_output_events_t out = {&told, [](const clap_output_events_t* list, const clap_event_header_t* header) {
                                                  static_cast<Values*>(list->ctx)->push_back(*reinterpret_cast<const clap_event_param_value_t*>(header));
                                                  return true;
                                              }};
            float* channels[] = {samples[0].data() + at, samples[1].data() + at};
            clap_audio_buffer_t from{}, to{};
            from.data32 = to.data32 = channels;
            from.channel_count = to.channel_count = 2;
            clap_process_t process{};
            process.steady_time = -1, process.frames_count = static_cast<std::uint32_t>(n);
            process.audio_inputs = &from, process.audio_outputs = &to;
            process.audio_inputs_count = process.audio_outputs_count = 1;
            process.in_events = &in, process.out_events = &out;
            if (plugin_->process(plugin_, &process) == CLAP_PROCESS_ERROR) ++failures;
            at += n;
        }
        return samples;
    }

    Values told;

private:
    const clap_plugin_t* plugin_;
};

Channels noise(int n) {
    Channels channels(2);
    for (std::uint32_t c = 0; c < 2; ++c) {
        check::Noise source(48'000.0, c + 1);
        for (int i = 0; i < n; ++i) channels[c].push_back(static_cast<float>(source.next()));
    }
    return channels;
}

std::function<int()> constant(int size) {
    return [size] { return size; };
}

void blocks_do_not_count(const clap_plugin_factory_t* factory) {
    const Channels in = noise(30'000);
    std::mt19937 random(7);
    std::vector<Event> events = {{0, word, 12.0}};
    for (int offset = 0; offset < 30'000; ++offset)
        if (random() % 100 == 0 || (offset > 5'000 && offset < 5'700)) {
            const clap_id id = random() % limiting;
            events.push_back({offset, id, id == bypass || id == use_bands ? 0.0 : static_cast<double>(random() % 1'001) / 500.0});
        }
    const Channels wanted = Plugin(factory).render(in, events, constant(1));
    expect(wanted != in, "automation changes something");
    for (const int size : {64, 512, 8'192}) expect(Plugin(factory).render(in, events, constant(size)) == wanted, "blocks of " + std::to_string(size));
    expect(Plugin(factory).render(in, events, [&random] { return 1 + static_cast<int>(random() % 4'000); }) == wanted, "blocks of any size");
}

void texts_read_back_what_they_print(const clap_plugin_factory_t* factory) {
    const Plugin plugin(factory);
    const auto& params = plugin.extension<clap_plugin_params_t>(CLAP_EXT_PARAMS);
    for (std::uint32_t index = 0; index < params.count(*plugin); ++index) {
        clap_param_info_t about{};
        char text[256], again[256];
        double value = -99.0;
        expect(params.get_info(*plugin, index, &about) && params.value_to_text(*plugin, about.id, about.default_value, text, sizeof text), "parameter " + std::to_string(index));
        if ((about.flags & CLAP_PARAM_IS_READONLY) != 0) continue;
        const bool is_read = params.text_to_value(*plugin, about.id, text, &value) && params.value_to_text(*plugin, about.id, value, again, sizeof again);
        expect(is_read && std::string(text) == again, std::string(about.name) + " " + text);
    }
    double value = 0.0;
    expect(params.text_to_value(*plugin, output_gain_db, "+1,5 dB", &value) && value == 1.5, "+1,5 dB");
}

void a_saved_state_loads(const clap_plugin_factory_t* factory) {
    const Channels in = noise(4'096);
    Plugin saved(factory), loaded(factory);
    const Channels wanted = saved.render(in, {{0, word, 12.0}, {0, mix, 0.5}}, constant(512));
    const auto& state = saved.extension<clap_plugin_state_t>(CLAP_EXT_STATE);
    std::string data;
    const clap_ostream_t to = {&data, [](const clap_ostream_t* stream, const void* bytes, std::uint64_t size) {
                                   static_cast<std::string*>(stream->ctx)->append(static_cast<const char*>(bytes), size);
                                   return static_cast<std::int64_t>(size);
                               }};
    const clap_istream_t from = {&data, [](const clap_istream_t* stream, void* bytes, std::uint64_t size) {
                                     auto& left = *static_cast<std::string*>(stream->ctx);
                                     const std::size_t n = std::min<std::size_t>(size, left.size());
                                     std::memcpy(bytes, left.data(), n);
                                     left.erase(0, n);
                                     return static_cast<std::int64_t>(n);
                                 }};
    expect(state.save(*saved, &to) && state.load(*loaded, &from), "a state that was saved");
    expect(loaded.render(in, {}, constant(512)) == wanted, "it sounds the same");
}

void a_limited_output_is_told(const clap_plugin_factory_t* factory) {
    Plugin plugin(factory);
    Channels loud = noise(4'096);
    plugin.render(loud, {}, constant(512));
    expect(plugin.told.empty(), "nothing is told where nothing is limited");
    for (std::vector<float>& channel : loud)
        for (float& sample : channel) sample *= 20.0F;
    plugin.render(loud, {{0, output_gain_db, 24.0}}, constant(512));
    expect(plugin.told.size() == 1 && plugin.told[0].param_id == limiting && plugin.told[0].value == 1.0, "limited");
    expect(plugin.extension<clap_plugin_latency_t>(CLAP_EXT_LATENCY).get(*plugin) == 0, "no latency");
    expect(plugin.extension<clap_plugin_tail_t>(CLAP_EXT_TAIL).get(*plugin) == 48'000, "a tail of a second");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return std::fprintf(stderr, "usage: clap_host PLUGIN.clap\n"), 2;
    void* const library = dlopen(arguments[1], RTLD_NOW);
    const auto* const entry = library == nullptr ? nullptr : static_cast<const clap_plugin_entry_t*>(dlsym(library, "clap_entry"));
    if (entry == nullptr || !entry->init(arguments[1])) return std::fprintf(stderr, "%s: no CLAP\n", arguments[1]), 2;
    const auto* const factory = static_cast<const clap_plugin_factory_t*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));
    blocks_do_not_count(factory);
    texts_read_back_what_they_print(factory);
    a_saved_state_loads(factory);
    a_limited_output_is_told(factory);
    entry->deinit();
    if (failures == 0) std::puts("the CLAP keeps its laws");
    return failures == 0 ? 0 : 1;
}
