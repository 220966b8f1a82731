// SPDX-License-Identifier: MIT
// semeq as an LV2, with the parameters of the VST3 as control ports. Its model stands in the bundle beside it. LV2's headers are ISC.
//
// A word is a number in a port, and numbers mean other words in another bundle: the state holds the names, and what the ports held when it was
// saved. As long as a port still holds that, the name counts.
//
// Control ports hold one value for a whole run: LV2 has no offsets for them, so automation is as fine as the host's blocks. All buffers may be shared
// or crossed. `save` may come while `run` does: it reads no port then, only what the last run saw.
#include "../shared/semeq_plugin.hpp"

#include <lv2/atom/atom.h>
#include <lv2/core/lv2.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

namespace core = semeq::plugin;

namespace {

constexpr const char* uri = "urn:semeq:semeq";
constexpr const char* state_uri = "urn:semeq:semeq#state";
constexpr int n_audio_ports = 4;  // in left, in right, out left, out right; then the parameters

struct Plugin {
    core::Core core;
    double rate_hz = 48'000.0;
    const float* in[2] = {};
    float* out[2] = {};
    const float* control[core::n_params] = {};
    float* limited = nullptr;  // output: the limiter of last resort works
    std::atomic<float> seen[core::n_params] = {};
    std::atomic<bool> is_active{false};
    LV2_URID state_key = 0, chunk_type = 0;

    void follow_ports() noexcept {
        for (int id = 0; id < core::n_params; ++id)
            if (const float value = control[id] != nullptr ? *control[id] : seen[id].load(std::memory_order_relaxed); value != seen[id].load(std::memory_order_relaxed)) {
                seen[id].store(value, std::memory_order_relaxed);
                core.set(id, static_cast<double>(value));
            }
    }
};

LV2_Handle instantiate(const LV2_Descriptor*, double rate_hz, const char* bundle_path, const LV2_Feature* const* features) {
    std::unique_ptr<Plugin> plugin(new (std::nothrow) Plugin());
    std::string why;
    if (!plugin || !plugin->core.load(bundle_path, why)) {
        std::fprintf(stderr, "semeq: %s\n", why.c_str());
        return nullptr;
    }
    plugin->rate_hz = rate_hz;
    for (int id = 0; id < core::n_params; ++id) plugin->seen[id] = static_cast<float>(core::params[id].initial);
    for (; features != nullptr && *features != nullptr; ++features)
        if (std::strcmp((*features)->URI, LV2_URID__map) == 0) {
            const auto* map = static_cast<const LV2_URID_Map*>((*features)->data);
            plugin->state_key = map->map(map->handle, state_uri);
            plugin->chunk_type = map->map(map->handle, LV2_ATOM__Chunk);
        }
    return plugin.release();
}

void connect_port(LV2_Handle handle, std::uint32_t port, void* data) {
    auto* const plugin = static_cast<Plugin*>(handle);
    if (port < 2)
        plugin->in[port] = static_cast<const float*>(data);
    else if (port < n_audio_ports)
        plugin->out[port - 2] = static_cast<float*>(data);
    else if (port < n_audio_ports + core::n_params)
        plugin->control[port - n_audio_ports] = static_cast<const float*>(data);
    else if (port == n_audio_ports + core::n_params)
        plugin->limited = static_cast<float*>(data);
}

void activate(LV2_Handle handle) {
    auto* const plugin = static_cast<Plugin*>(handle);
    plugin->core.prepare(plugin->rate_hz, 2);
    plugin->is_active = true;
}

void deactivate(LV2_Handle handle) { static_cast<Plugin*>(handle)->is_active = false; }

void run(LV2_Handle handle, std::uint32_t n) {
    auto* const plugin = static_cast<Plugin*>(handle);
    plugin->follow_ports();
    plugin->core.process<float>(plugin->in, plugin->out, static_cast<int>(n));
    if (plugin->limited != nullptr) *plugin->limited = plugin->core.is_limiting() ? 1.0F : 0.0F;
}

void cleanup(LV2_Handle handle) { delete static_cast<Plugin*>(handle); }

LV2_State_Status save(LV2_Handle handle, LV2_State_Store_Function store, LV2_State_Handle to, std::uint32_t, const LV2_Feature* const*) {
    auto* const plugin = static_cast<Plugin*>(handle);
    if (plugin->state_key == 0) return LV2_STATE_ERR_NO_FEATURE;
    if (!plugin->is_active) plugin->follow_ports();
    const float words[2] = {plugin->seen[core::word].load(), plugin->seen[core::second_word].load()};
    std::string data(reinterpret_cast<const char*>(words), sizeof words);
    data += core::pack(plugin->core.state());
    return store(to, plugin->state_key, data.data(), data.size(), plugin->chunk_type, LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE);
}

LV2_State_Status restore(LV2_Handle handle, LV2_State_Retrieve_Function retrieve, LV2_State_Handle from, std::uint32_t, const LV2_Feature* const*) {
    auto* const plugin = static_cast<Plugin*>(handle);
    if (plugin->state_key == 0) return LV2_STATE_ERR_NO_FEATURE;
    std::size_t size = 0;
    std::uint32_t type = 0, flags = 0;
    const void* const data = retrieve(from, plugin->state_key, &size, &type, &flags);
    if (data == nullptr) return LV2_STATE_ERR_NO_PROPERTY;
    core::State state;
    if (type != plugin->chunk_type || size < 2 * sizeof(float) || !core::unpack(static_cast<const char*>(data) + 2 * sizeof(float), size - 2 * sizeof(float), state))
        return LV2_STATE_ERR_BAD_TYPE;
    plugin->core.set_state(state);
    for (int id = 0; id < core::n_params; ++id) plugin->seen[id] = static_cast<float>(plugin->core.get(id));
    float words[2];
    std::memcpy(words, data, sizeof words);
    plugin->seen[core::word] = words[0], plugin->seen[core::second_word] = words[1];
    return LV2_STATE_SUCCESS;
}

const void* extension_data(const char* wanted) {
    static const LV2_State_Interface state = {save, restore};
    return std::strcmp(wanted, LV2_STATE__interface) == 0 ? &state : nullptr;
}

const LV2_Descriptor descriptor = {uri, instantiate, connect_port, activate, run, deactivate, cleanup, extension_data};

}  // namespace

LV2_SYMBOL_EXPORT const LV2_Descriptor* lv2_descriptor(std::uint32_t index) { return index == 0 ? &descriptor : nullptr; }
