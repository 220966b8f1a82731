// SPDX-License-Identifier: MIT
// The VST3 through its own entry points, as small as a host can be: points of its queues are heard at their samples whatever the blocks, crossed
// buffers keep both channels, a state that is saved loads, and a limited output is told.
//     vst3_host PLUGIN_BINARY
#include "check.hpp"

#include "pluginterfaces/base/ibstream.h"
#include "pluginterfaces/base/ipluginbase.h"
#include "pluginterfaces/vst/ivstaudioprocessor.h"
#include "pluginterfaces/vst/ivstcomponent.h"
#include "pluginterfaces/vst/ivsteditcontroller.h"
#include "pluginterfaces/vst/ivstparameterchanges.h"

#include <dlfcn.h>

#include <functional>
#include <memory>
#include <random>

using namespace Steinberg;

namespace {

constexpr int n_params = 11, word = 0, second_word = 1, mix = 6, output_gain_db = 7, use_bands = 8, limiting = 11;
int failures = 0;

void expect(bool is_so, const std::string& what) {
    if (!is_so) ++failures, std::printf("FAILED: %s\n", what.c_str());
}

/// What has no life of its own here: hosts keep these on their stack.
template <typename Interface>
class Held : public Interface {
public:
    virtual ~Held() = default;
    tresult PLUGIN_API queryInterface(const TUID, void** object) override { return *object = nullptr, kNoInterface; }
    uint32 PLUGIN_API addRef() override { return 1; }
    uint32 PLUGIN_API release() override { return 1; }
};

struct Point {
    int offset, id;
    double value;
};

class Queue final : public Held<Vst::IParamValueQueue> {
public:
    Vst::ParamID id = 0;
    std::vector<Point> points;
    Vst::ParamID PLUGIN_API getParameterId() override { return id; }
    int32 PLUGIN_API getPointCount() override { return static_cast<int32>(points.size()); }
    tresult PLUGIN_API getPoint(int32 index, int32& offset, Vst::ParamValue& value) override {
        offset = points[static_cast<std::size_t>(index)].offset, value = points[static_cast<std::size_t>(index)].value;
        return kResultOk;
    }
    tresult PLUGIN_API addPoint(int32 offset, Vst::ParamValue value, int32& index) override {
        index = getPointCount();
        points.push_back({offset, static_cast<int>(id), value});
        return kResultOk;
    }
};

class Changes final : public Held<Vst::IParameterChanges> {
public:
    std::vector<std::unique_ptr<Queue>> queues;
    int32 PLUGIN_API getParameterCount() override { return static_cast<int32>(queues.size()); }
    Vst::IParamValueQueue* PLUGIN_API getParameterData(int32 index) override { return queues[static_cast<std::size_t>(index)].get(); }
    Vst::IParamValueQueue* PLUGIN_API addParameterData(const Vst::ParamID& id, int32& index) override {
        for (index = 0; index < getParameterCount(); ++index)
            if (queues[static_cast<std::size_t>(index)]->id == id) return getParameterData(index);
        queues.push_back(std::make_unique<Queue>());
        queues.back()->id = id;
        return queues.back().get();
    }
};

class Memory final : public Held<IBStream> {
public:
    std::string data;
    std::size_t at = 0;
    tresult PLUGIN_API read(void* buffer, int32 size, int32* got) override {
        const std::size_t n = std::min(static_cast<std::size_t>(size), data.size() - at);
        std::memcpy(buffer, data.data() + at, n);
        at += n;
        if (got != nullptr) *got = static_cast<int32>(n);
        return kResultOk;
    }
    tresult PLUGIN_API write(void* buffer, int32 size, int32* written) override {
        data.append(static_cast<const char*>(buffer), static_cast<std::size_t>(size));
        if (written != nullptr) *written = size;
        return kResultOk;
    }
    tresult PLUGIN_API seek(int64, int32, int64*) override { return kNotImplemented; }
    tresult PLUGIN_API tell(int64*) override { return kNotImplemented; }
};

using Channels = std::vector<std::vector<float>>;

/// An instance, active at 48 kHz.
class Plugin {
public:
    explicit Plugin(IPluginFactory* factory) {
        PClassInfo about;
        factory->getClassInfo(0, &about);
        factory->createInstance(about.cid, Vst::IComponent_iid, reinterpret_cast<void**>(&component));
        component->queryInterface(Vst::IAudioProcessor_iid, reinterpret_cast<void**>(&processor));
        component->queryInterface(Vst::IEditController_iid, reinterpret_cast<void**>(&controller));
        if (component->initialize(nullptr) != kResultOk) std::exit(2);
        Vst::ProcessSetup setup{Vst::kRealtime, Vst::kSample32, 8'192, 48'000.0};
        processor->setupProcessing(setup);
        component->setActive(true);
        processor->setProcessing(true);
    }
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;
    ~Plugin() {
        processor->setProcessing(false);
        component->setActive(false);
        component->terminate();
        controller->release();
        processor->release();
        component->release();
    }

    /// Blocks of these sizes; `told` gets what the plug-in says of its own. crossed: left's output is right's input buffer, and the other way round.
    Channels render(Channels samples, const std::vector<Point>& points, const std::function<int()>& size, Changes* told = nullptr, bool is_crossed = false) {
        const int total = static_cast<int>(samples[0].size());
        std::size_t next = 0;
        for (int at = 0; at < total;) {
            const int n = std::min(size(), total - at);
            Changes changes;
            int32 index = 0;
            for (; next < points.size() && points[next].offset < at + n; ++next)
                changes.addParameterData(static_cast<Vst::ParamID>(points[next].id), index)->addPoint(points[next].offset - at, points[next].value, index);
            float *in[] = {samples[0].data() + at, samples[1].data() + at}, *out[] = {in[is_crossed ? 1 : 0], in[is_crossed ? 0 : 1]};
            Vst::AudioBusBuffers from, to;
            from.numChannels = to.numChannels = 2;
            from.channelBuffers32 = in, to.channelBuffers32 = out;
            Vst::ProcessData data;
            data.symbolicSampleSize = Vst::kSample32;
            data.numSamples = n, data.numInputs = data.numOutputs = 1;
            data.inputs = &from, data.outputs = &to;
            data.inputParameterChanges = &changes, data.outputParameterChanges = told;
            if (processor->process(data) != kResultOk) ++failures;
            at += n;
        }
        if (is_crossed) std::swap(samples[0], samples[1]);
        return samples;
    }

    Vst::IComponent* component = nullptr;
    Vst::IAudioProcessor* processor = nullptr;
    Vst::IEditController* controller = nullptr;
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

void blocks_do_not_count(IPluginFactory* factory) {
    const Channels in = noise(30'000);
    std::mt19937 random(7);
    std::vector<Point> points = {{0, word, 0.2}};
    for (int offset = 0; offset < 30'000; ++offset)
        if (random() % 100 == 0 || (offset > 5'000 && offset < 5'700)) {
            const int id = static_cast<int>(random() % n_params);
            points.push_back({offset, id, id == 9 || id == use_bands ? 0.0 : static_cast<double>(random() % 1'001) / 1'000.0});
        }
    const Channels wanted = Plugin(factory).render(in, points, constant(1));
    expect(wanted != in, "automation changes something");
    for (const int size : {64, 512, 8'192}) expect(Plugin(factory).render(in, points, constant(size)) == wanted, "blocks of " + std::to_string(size));
    expect(Plugin(factory).render(in, points, [&random] { return 1 + static_cast<int>(random() % 4'000); }) == wanted, "blocks of any size");
    Plugin echoed(factory);  // hosts tell the controller too, from another thread, when they come to it
    echoed.controller->setParamNormalized(word, 0.9);
    echoed.controller->setParamNormalized(mix, 0.1);
    expect(echoed.render(in, {{0, word, 0.2}, {0, mix, 1.0}}, constant(512)) == Plugin(factory).render(in, {{0, word, 0.2}}, constant(512)), "what the controller is told meanwhile is not heard");
}

void crossed_buffers_keep_both_channels(IPluginFactory* factory) {
    const Channels in = noise(4'096);
    const std::vector<Point> points = {{0, word, 0.2}, {100, mix, 0.5}};
    expect(Plugin(factory).render(in, points, constant(500), nullptr, true) == Plugin(factory).render(in, points, constant(500)), "crossed buffers");
}

void a_saved_state_loads(IPluginFactory* factory) {
    const Channels in = noise(4'096);
    Plugin saved(factory), loaded(factory), other(factory);
    const Channels wanted = saved.render(in, {{0, word, 0.2}, {0, output_gain_db, 0.6}, {0, second_word, 0.4}, {0, 2, 0.5}}, constant(512));
    Memory state, wrong;
    expect(saved.component->getState(&state) == kResultOk && loaded.component->setState(&state) == kResultOk, "a state that was saved");
    expect(loaded.render(in, {}, constant(512)) == wanted, "it sounds the same");
    wrong.data = state.data;
    wrong.data[70] = static_cast<char>(wrong.data[70] ^ 1);
    expect(other.component->setState(&wrong) != kResultOk && other.render(in, {}, constant(512)) == in, "a damaged one is refused, and changes nothing");
}

void a_limited_output_is_told(IPluginFactory* factory) {
    Plugin plugin(factory);
    Vst::ParameterInfo about{};
    expect(plugin.controller->getParameterCount() == n_params + 1 && plugin.controller->getParameterInfo(limiting, about) == kResultOk, "there is one parameter more");
    expect(about.id == limiting && about.flags == Vst::ParameterInfo::kIsReadOnly, "which is to be read only");
    Channels loud = noise(4'096), quiet = loud;
    for (std::vector<float>& channel : loud)
        for (float& sample : channel) sample *= 20.0F;
    const auto last = [&plugin](const Channels& in, double gain) {
        Changes told;
        plugin.render(in, {{0, output_gain_db, gain}}, constant(512), &told);
        return told.queues.empty() ? -1.0 : told.queues.back()->points.back().value;
    };
    expect(last(quiet, 0.5) == -1.0, "nothing is told where nothing is limited");
    expect(last(loud, 1.0) == 1.0 && plugin.controller->getParamNormalized(limiting) == 1.0, "limited");
    plugin.render(noise(48'000), {{0, output_gain_db, 0.5}}, constant(512));
    expect(plugin.controller->getParamNormalized(limiting) == 0.0, "and not any more");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return std::fprintf(stderr, "usage: vst3_host PLUGIN_BINARY\n"), 2;
    void* const library = dlopen(arguments[1], RTLD_NOW);
    if (library == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), 2;
    using Get = IPluginFactory*(PLUGIN_API*)();
    const Get get = reinterpret_cast<Get>(dlsym(library, "GetPluginFactory"));
    if (get == nullptr) return std::fprintf(stderr, "%s: no VST3\n", arguments[1]), 2;
    IPluginFactory* const factory = get();
    Plugin any(factory);
    Vst::IProcessContextRequirements* needs = nullptr;
    expect(any.component->queryInterface(Vst::IProcessContextRequirements_iid, reinterpret_cast<void**>(&needs)) == kResultOk, "says what it needs of the context");
    if (needs != nullptr) expect(needs->getProcessContextRequirements() == 0, "which is nothing"), needs->release();
    blocks_do_not_count(factory);
    crossed_buffers_keep_both_channels(factory);
    a_saved_state_loads(factory);
    a_limited_output_is_told(factory);
    if (failures == 0) std::puts("the VST3 keeps its laws");
    return failures == 0 ? 0 : 1;
}
