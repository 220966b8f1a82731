// SPDX-License-Identifier: MIT
// semeq as a CLAP, with the parameters and the state of the VST3. Its model stands beside it: decoder.semeq, centroids.json, manifest.json, any.json.
// Compiled only where CLAP's headers are given (CLAP_ROOT), and not in our own tests: no package of PyPI, npm or Debian holds them. CLAP is MIT, so is
// a binary.
#include "../shared/semeq_plugin.hpp"

#include <clap/clap.h>

#include <cstdio>
#include <cstring>
#include <new>

namespace core = semeq::plugin;

namespace {

std::string folder;  // set once, by init

core::Core& core_of(const clap_plugin_t* plugin) { return *static_cast<core::Core*>(plugin->plugin_data); }

void copy(char* target, std::size_t size, const std::string& text) {
    std::snprintf(target, size, "%s", text.c_str());
}

/// The parameter values among a block's events, which CLAP sorts by their time.
class Values {
public:
    explicit Values(const clap_input_events_t* events) : events_(events), count_(events == nullptr ? 0 : events->size(events)) {}

    bool next(core::Event& event) {
        while (at_ < count_) {
            const clap_event_header_t* const header = events_->get(events_, at_++);
            if (header == nullptr || header->space_id != CLAP_CORE_EVENT_SPACE_ID || header->type != CLAP_EVENT_PARAM_VALUE) continue;
            const auto* const value = reinterpret_cast<const clap_event_param_value_t*>(header);
            if (value->param_id >= core::n_params) continue;
            event = {static_cast<int>(header->time), static_cast<int>(value->param_id), value->value};
            return true;
        }
        return false;
    }

private:
    const clap_input_events_t* events_;
    std::uint32_t count_, at_ = 0;
};

void set_all(core::Core& plugin, const clap_input_events_t* events) {
    Values values(events);
    for (core::Event event; values.next(event);) plugin.set(event.id, event.value);
}

constexpr clap_id limiting = core::n_params;  // read-only: the limiter of last resort works

/// Tell the host where that changed.
void tell_limiting(core::Core& plugin, bool was_limiting, const clap_output_events_t* events) {
    if (events == nullptr || plugin.is_limiting() == was_limiting) return;
    clap_event_param_value_t event{};
    event.header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
    event.param_id = limiting;
    event.note_id = -1, event.port_index = -1, event.channel = -1, event.key = -1;
    event.value = plugin.is_limiting() ? 1.0 : 0.0;
    events->try_push(events, &event.header);
}

const clap_plugin_params_t params_extension = {
    [](const clap_plugin_t*) -> std::uint32_t { return core::n_params + 1; },
    [](const clap_plugin_t* plugin, std::uint32_t index, clap_param_info_t* info) {
        if (index == limiting) {
            *info = {};
            info->id = limiting;
            info->flags = CLAP_PARAM_IS_READONLY | CLAP_PARAM_IS_STEPPED;
            copy(info->name, sizeof info->name, core::limiting_title);
            info->max_value = 1.0;
            return true;
        }
        if (index >= core::n_params) return false;
        const core::ParamInfo& about = core::params[index];
        *info = {};
        info->id = index;
        info->flags = (about.automatable ? CLAP_PARAM_IS_AUTOMATABLE : 0) | (about.kind != core::ParamKind::range ? CLAP_PARAM_IS_STEPPED : 0) |
                      (index == core::bypass ? CLAP_PARAM_IS_BYPASS : 0);
        copy(info->name, sizeof info->name, about.title);
        info->min_value = about.minimum, info->max_value = core_of(plugin).maximum(static_cast<int>(index)), info->default_value = about.initial;
        return true;
    },
    [](const clap_plugin_t* plugin, clap_id id, double* value) {
        if (id > limiting) return false;
        *value = id == limiting ? (core_of(plugin).is_limiting() ? 1.0 : 0.0) : core_of(plugin).get(static_cast<int>(id));
        return true;
    },
    [](const clap_plugin_t* plugin, clap_id id, double value, char* text, std::uint32_t size) {
        if (id == limiting) copy(text, size, value >= 0.5 ? "on" : "off");
        if (id >= core::n_params) return id == limiting;
        copy(text, size, core_of(plugin).text(static_cast<int>(id), value));
        return true;
    },
    [](const clap_plugin_t* plugin, clap_id id, const char* text, double* value) {
        return id < core::n_params && core_of(plugin).value_of(static_cast<int>(id), text, *value);
    },
    [](const clap_plugin_t* plugin, const clap_input_events_t* in, const clap_output_events_t*) { set_all(core_of(plugin), in); },
};

const clap_plugin_audio_ports_t ports_extension = {
    [](const clap_plugin_t*, bool) -> std::uint32_t { return 1; },
    [](const clap_plugin_t*, std::uint32_t index, bool is_input, clap_audio_port_info_t* info) {
        if (index != 0) return false;
        *info = {};
        copy(info->name, sizeof info->name, is_input ? "Input" : "Output");
        info->flags = CLAP_AUDIO_PORT_IS_MAIN | CLAP_AUDIO_PORT_SUPPORTS_64BITS;
        info->channel_count = 2;
        info->port_type = CLAP_PORT_STEREO;
        info->in_place_pair = 0;
        return true;
    },
};

const clap_plugin_state_t state_extension = {
    [](const clap_plugin_t* plugin, const clap_ostream_t* stream) {
        const std::string data = core::pack(core_of(plugin).state());
        for (std::size_t at = 0; at < data.size();) {
            const std::int64_t written = stream->write(stream, data.data() + at, data.size() - at);
            if (written <= 0) return false;
            at += static_cast<std::size_t>(written);
        }
        return true;
    },
    [](const clap_plugin_t* plugin, const clap_istream_t* stream) {
        std::string data;
        char block[4'096];
        for (std::int64_t got; data.size() < 1'000'000 && (got = stream->read(stream, block, sizeof block)) > 0;) data.append(block, static_cast<std::size_t>(got));
        core::State state;
        if (!core::unpack(data.data(), data.size(), state)) return false;
        core_of(plugin).set_state(state);
        return true;
    },
};

const clap_plugin_latency_t latency_extension = {[](const clap_plugin_t*) -> std::uint32_t { return 0; }};
// a narrow band at 22 Hz rings for a second
const clap_plugin_tail_t tail_extension = {[](const clap_plugin_t* plugin) { return static_cast<std::uint32_t>(core_of(plugin).rate_hz()); }};

const char* const features[] = {CLAP_PLUGIN_FEATURE_AUDIO_EFFECT, CLAP_PLUGIN_FEATURE_EQUALIZER, CLAP_PLUGIN_FEATURE_STEREO, nullptr};
const clap_plugin_descriptor_t descriptor = {CLAP_VERSION_INIT, "semeq.semeq", core::plugin_name, core::vendor, "", "", "", core::version, "Words to EQ", features};

const clap_plugin_t prototype = {
    &descriptor,
    nullptr,
    [](const clap_plugin_t* plugin) {
        std::string why;
        const bool is_loaded = core_of(plugin).load(folder, why);
        if (!is_loaded) std::fprintf(stderr, "semeq: %s\n", why.c_str());
        return is_loaded;
    },
    [](const clap_plugin_t* plugin) {
        delete &core_of(plugin);
        delete plugin;
    },
    [](const clap_plugin_t* plugin, double rate_hz, std::uint32_t, std::uint32_t) { return core_of(plugin).prepare(rate_hz, 2); },
    [](const clap_plugin_t*) {},
    [](const clap_plugin_t*) { return true; },
    [](const clap_plugin_t*) {},
    [](const clap_plugin_t* plugin) { core_of(plugin).reset(); },
    [](const clap_plugin_t* plugin, const clap_process_t* process) -> clap_process_status {
        if (process->frames_count == 0) return set_all(core_of(plugin), process->in_events), CLAP_PROCESS_CONTINUE;
        if (process->audio_inputs_count < 1 || process->audio_outputs_count < 1) return CLAP_PROCESS_ERROR;
        const clap_audio_buffer_t &in = process->audio_inputs[0], &out = process->audio_outputs[0];
        if (in.channel_count < 2 || out.channel_count < 2) return CLAP_PROCESS_ERROR;
        Values values(process->in_events);
        const bool was_limiting = core_of(plugin).is_limiting();
        if (in.data64 != nullptr && out.data64 != nullptr)
            core_of(plugin).process<double>(in.data64, out.data64, static_cast<int>(process->frames_count), values);
        else
            core_of(plugin).process<float>(in.data32, out.data32, static_cast<int>(process->frames_count), values);
        tell_limiting(core_of(plugin), was_limiting, process->out_events);
        return CLAP_PROCESS_CONTINUE;
    },
    [](const clap_plugin_t*, const char* id) -> const void* {
        if (std::strcmp(id, CLAP_EXT_PARAMS) == 0) return &params_extension;
        if (std::strcmp(id, CLAP_EXT_AUDIO_PORTS) == 0) return &ports_extension;
        if (std::strcmp(id, CLAP_EXT_STATE) == 0) return &state_extension;
        if (std::strcmp(id, CLAP_EXT_LATENCY) == 0) return &latency_extension;
        if (std::strcmp(id, CLAP_EXT_TAIL) == 0) return &tail_extension;
        return nullptr;
    },
    [](const clap_plugin_t*) {},
};

const clap_plugin_factory_t factory = {
    [](const clap_plugin_factory_t*) -> std::uint32_t { return 1; },
    [](const clap_plugin_factory_t*, std::uint32_t index) { return index == 0 ? &descriptor : nullptr; },
    [](const clap_plugin_factory_t*, const clap_host_t*, const char* id) -> const clap_plugin_t* {
        if (std::strcmp(id, descriptor.id) != 0) return nullptr;
        auto* const plugin = new clap_plugin_t(prototype);
        plugin->plugin_data = new core::Core();
        return plugin;
    },
};

bool init(const char* path) {
    folder = path;
    const std::size_t slash = folder.find_last_of("/\\");
    folder = slash == std::string::npos ? "." : folder.substr(0, slash);
    return true;
}

void deinit() {}

const void* factory_of(const char* id) { return std::strcmp(id, CLAP_PLUGIN_FACTORY_ID) == 0 ? &factory : nullptr; }

}  // namespace

// braces and named functions: in `extern "C" ... = {lambdas}` g++ 12 takes the lambdas' variables for extern ones
extern "C" {
CLAP_EXPORT extern const clap_plugin_entry_t clap_entry;
const clap_plugin_entry_t clap_entry = {CLAP_VERSION_INIT, init, deinit, factory_of};
}
