// SPDX-License-Identifier: MIT
// semeq as a VST3 in one file, against the bare interfaces (pluginterfaces/), without the SDK's helper classes.
//
// One object is both processor and controller. Its model stands in the bundle beside it: Contents/Resources/{decoder.semeq,centroids.json,
// manifest.json,any.json}. What the plug-in is, is in ../shared/semeq_plugin.hpp; here is only how VST3 wants it said.
// This source is MIT. A binary made with Debian's headers (3.7, GPLv3) is GPLv3; with Steinberg's newer MIT headers it is MIT.
#include "../shared/semeq_plugin.hpp"

#include "pluginterfaces/base/ibstream.h"
#include "pluginterfaces/base/ipluginbase.h"
#include "pluginterfaces/vst/ivstaudioprocessor.h"
#include "pluginterfaces/vst/ivstcomponent.h"
#include "pluginterfaces/vst/ivsteditcontroller.h"
#include "pluginterfaces/vst/ivstparameterchanges.h"

#include <cstdio>
#include <cstring>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

using namespace Steinberg;
namespace core = semeq::plugin;

namespace {

const TUID class_id = INLINE_UID(0x9C4B1F0E, 0x7D2A4C6B, 0x8E5F7365, 0x6D657131);  // of semeq_vst3.json: presets name it

/// The folder that this binary lies in.
std::string own_folder() {
    std::string path;
#if defined(_WIN32)
    HMODULE module = nullptr;
    char name[MAX_PATH] = "";
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, reinterpret_cast<LPCSTR>(&own_folder), &module);
    GetModuleFileNameA(module, name, MAX_PATH);
    path = name;
#else
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) != 0 && info.dli_fname != nullptr) path = info.dli_fname;
#endif
    const std::size_t slash = path.find_last_of("/\\");
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

void to_utf16(const std::string& text, Vst::String128 target) {
    std::size_t to = 0;
    for (std::size_t i = 0; i < text.size() && to < 126;) {
        const auto first = static_cast<unsigned char>(text[i++]);
        std::uint32_t code = first;
        int extra = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        if (extra > 0) code = first & (0x3FU >> extra);
        for (; extra > 0 && i < text.size(); --extra) code = code << 6 | (static_cast<unsigned char>(text[i++]) & 0x3FU);
        if (code >= 0x10000) {
            target[to++] = static_cast<Vst::TChar>(0xD800 + ((code - 0x10000) >> 10));
            code = 0xDC00 + ((code - 0x10000) & 0x3FF);
        }
        target[to++] = static_cast<Vst::TChar>(code);
    }
    target[to] = 0;
}

std::string to_utf8(const Vst::TChar* text) {
    std::string result;
    for (int i = 0; i < 128 && text[i] != 0; ++i) {
        std::uint32_t code = static_cast<std::uint16_t>(text[i]);
        if (code >= 0xD800 && code < 0xDC00 && text[i + 1] != 0) code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<std::uint16_t>(text[++i]) - 0xDC00);
        if (code < 0x80)
            result += static_cast<char>(code);
        else if (code < 0x800)
            result += {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
        else if (code < 0x10000)
            result += {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
        else
            result += {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)), static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
    }
    return result;
}

/// The points of all queues of a block by rising offsets, without a copy. A value holds from its point on.
class Points {
public:
    Points(Vst::IEditController& controller, Vst::IParameterChanges* changes) : controller_(controller) {
        const int32 queues = changes == nullptr ? 0 : changes->getParameterCount();
        for (int32 i = 0; i < queues && count_ < most; ++i) {
            cursors_[count_] = {changes->getParameterData(i), 0, 0, 0.0, false};
            if (cursors_[count_].queue != nullptr && cursors_[count_].queue->getParameterId() < core::n_params && advance(cursors_[count_])) ++count_;
        }
    }

    bool next(core::Event& event) {
        int first = -1;
        for (int i = 0; i < count_; ++i)
            if (cursors_[i].is_open && (first < 0 || cursors_[i].offset < cursors_[first].offset)) first = i;
        if (first < 0) return false;
        const Vst::ParamID id = cursors_[first].queue->getParameterId();
        event = {cursors_[first].offset, static_cast<int>(id), controller_.normalizedParamToPlain(id, cursors_[first].value)};
        advance(cursors_[first]);
        return true;
    }

private:
    static constexpr int most = 4 * core::n_params;  // hosts should send one queue for a parameter

    struct Cursor {
        Vst::IParamValueQueue* queue;
        int32 point, offset;
        Vst::ParamValue value;
        bool is_open;
    };

    static bool advance(Cursor& cursor) {
        cursor.is_open = cursor.point < cursor.queue->getPointCount() && cursor.queue->getPoint(cursor.point, cursor.offset, cursor.value) == kResultOk;
        ++cursor.point;
        return cursor.is_open;
    }

    Vst::IEditController& controller_;
    Cursor cursors_[most];
    int count_ = 0;
};

class Plugin final : public Vst::IComponent, public Vst::IAudioProcessor, public Vst::IEditController, public Vst::IProcessContextRequirements {
public:
    // --- FUnknown
    tresult PLUGIN_API queryInterface(const TUID wanted, void** object) override {
        QUERY_INTERFACE(wanted, object, FUnknown_iid, Vst::IComponent)
        QUERY_INTERFACE(wanted, object, IPluginBase_iid, Vst::IComponent)
        QUERY_INTERFACE(wanted, object, Vst::IComponent_iid, Vst::IComponent)
        QUERY_INTERFACE(wanted, object, Vst::IAudioProcessor_iid, Vst::IAudioProcessor)
        QUERY_INTERFACE(wanted, object, Vst::IEditController_iid, Vst::IEditController)
        QUERY_INTERFACE(wanted, object, Vst::IProcessContextRequirements_iid, Vst::IProcessContextRequirements)
        *object = nullptr;
        return kNoInterface;
    }
    uint32 PLUGIN_API addRef() override { return ++references_; }
    uint32 PLUGIN_API release() override {
        const uint32 left = --references_;
        if (left == 0) delete this;
        return left;
    }

    // --- IPluginBase
    tresult PLUGIN_API initialize(FUnknown*) override {
        const std::string folder = own_folder();
        std::string why;
        if (core_.load(folder + "/../Resources", why) || core_.load(folder, why)) return kResultOk;
        std::fprintf(stderr, "semeq: %s\n", why.c_str());
        return kResultFalse;  // without its model it would be an effect that does nothing
    }
    tresult PLUGIN_API terminate() override {
        set_handler(nullptr);
        return kResultOk;
    }

    // --- IComponent
    tresult PLUGIN_API getControllerClassId(TUID) override { return kNotImplemented; }  // the controller is this object
    tresult PLUGIN_API setIoMode(Vst::IoMode) override { return kNotImplemented; }
    int32 PLUGIN_API getBusCount(Vst::MediaType type, Vst::BusDirection) override { return type == Vst::kAudio ? 1 : 0; }
    tresult PLUGIN_API getBusInfo(Vst::MediaType type, Vst::BusDirection direction, int32 index, Vst::BusInfo& bus) override {
        if (type != Vst::kAudio || index != 0) return kInvalidArgument;
        bus.mediaType = type;
        bus.direction = direction;
        bus.channelCount = channels_;
        to_utf16(direction == Vst::kInput ? "Input" : "Output", bus.name);
        bus.busType = Vst::kMain;
        bus.flags = Vst::BusInfo::kDefaultActive;
        return kResultOk;
    }
    tresult PLUGIN_API getRoutingInfo(Vst::RoutingInfo&, Vst::RoutingInfo&) override { return kNotImplemented; }
    tresult PLUGIN_API activateBus(Vst::MediaType type, Vst::BusDirection, int32 index, TBool) override {
        return type == Vst::kAudio && index == 0 ? kResultOk : kInvalidArgument;
    }
    tresult PLUGIN_API setActive(TBool active) override {
        if (active == 0) return kResultOk;
        return core_.prepare(rate_hz_, channels_) ? kResultOk : kResultFalse;
    }

    // IComponent and IEditController share these two: one object, one state
    tresult PLUGIN_API setState(IBStream* stream) override {
        std::string data;
        char block[4'096];
        int32 got = 0;
        while (stream != nullptr && data.size() < 1'000'000 && stream->read(block, sizeof block, &got) == kResultOk && got > 0) data.append(block, static_cast<std::size_t>(got));
        if (data.empty()) return kResultOk;  // an empty controller state
        core::State state;
        if (!core::unpack(data.data(), data.size(), state)) return kResultFalse;
        core_.set_state(state);
        if (handler_ != nullptr) handler_->restartComponent(Vst::kParamValuesChanged);  // or the host goes on showing what was before
        return kResultOk;
    }
    tresult PLUGIN_API getState(IBStream* stream) override {
        std::string data = core::pack(core_.state());
        return stream != nullptr && stream->write(data.data(), static_cast<int32>(data.size())) == kResultOk ? kResultOk : kResultFalse;
    }

    // --- IAudioProcessor
    tresult PLUGIN_API setBusArrangements(Vst::SpeakerArrangement* inputs, int32 n_inputs, Vst::SpeakerArrangement* outputs, int32 n_outputs) override {
        if (n_inputs != 1 || n_outputs != 1 || inputs[0] != outputs[0]) return kResultFalse;
        if (inputs[0] != Vst::SpeakerArr::kMono && inputs[0] != Vst::SpeakerArr::kStereo) return kResultFalse;
        channels_ = inputs[0] == Vst::SpeakerArr::kMono ? 1 : 2;
        return kResultTrue;
    }
    tresult PLUGIN_API getBusArrangement(Vst::BusDirection, int32 index, Vst::SpeakerArrangement& arrangement) override {
        arrangement = channels_ == 1 ? Vst::SpeakerArr::kMono : Vst::SpeakerArr::kStereo;
        return index == 0 ? kResultOk : kInvalidArgument;
    }
    tresult PLUGIN_API canProcessSampleSize(int32 size) override { return size == Vst::kSample32 || size == Vst::kSample64 ? kResultTrue : kResultFalse; }
    uint32 PLUGIN_API getLatencySamples() override { return 0; }
    tresult PLUGIN_API setupProcessing(Vst::ProcessSetup& setup) override {
        if (!(setup.sampleRate >= semeq::min_rate_hz && setup.sampleRate <= semeq::max_rate_hz)) return kResultFalse;
        rate_hz_ = setup.sampleRate;
        return kResultOk;
    }
    tresult PLUGIN_API setProcessing(TBool on) override {
        is_processing_ = on != 0;
        if (on != 0) core_.reset();
        return kResultOk;
    }
    tresult PLUGIN_API process(Vst::ProcessData& data) override {
        Points points(*this, data.inputParameterChanges);
        const bool has_audio = data.numSamples > 0 && data.numInputs >= 1 && data.numOutputs >= 1;
        if (!has_audio) {  // only parameters
            for (core::Event event; points.next(event);) core_.set(event.id, event.value);
            return kResultOk;
        }
        if (data.inputs[0].numChannels < channels_ || data.outputs[0].numChannels < channels_) return kResultFalse;
        if (data.symbolicSampleSize == Vst::kSample64)
            core_.process<double>(data.inputs[0].channelBuffers64, data.outputs[0].channelBuffers64, data.numSamples, points);
        else
            core_.process<float>(data.inputs[0].channelBuffers32, data.outputs[0].channelBuffers32, data.numSamples, points);
        tell_limiting(data.outputParameterChanges);
        data.outputs[0].silenceFlags = 0;
        return kResultOk;
    }
    uint32 PLUGIN_API getTailSamples() override { return static_cast<uint32>(rate_hz_); }  // a narrow band at 22 Hz rings
    uint32 PLUGIN_API getProcessContextRequirements() override { return 0; }  // neither tempo nor place

    // --- IEditController
    tresult PLUGIN_API setComponentState(IBStream*) override { return kResultOk; }  // it came through setState already
    int32 PLUGIN_API getParameterCount() override { return core::n_params + 1; }
    tresult PLUGIN_API getParameterInfo(int32 index, Vst::ParameterInfo& info) override {
        if (index == limiting) {
            info = {};
            info.id = limiting;
            to_utf16(core::limiting_title, info.title);
            to_utf16(core::limiting_title, info.shortTitle);
            info.stepCount = 1;
            info.flags = Vst::ParameterInfo::kIsReadOnly;
            return kResultOk;
        }
        if (index < 0 || index >= core::n_params) return kInvalidArgument;
        const core::ParamInfo& about = core::params[index];
        info = {};
        info.id = static_cast<Vst::ParamID>(index);
        to_utf16(about.title, info.title);
        to_utf16(about.title, info.shortTitle);
        to_utf16(about.unit, info.units);
        info.stepCount = about.kind == core::ParamKind::range ? 0 : static_cast<int32>(core_.maximum(index));
        info.defaultNormalizedValue = plainParamToNormalized(info.id, about.initial);
        info.flags = (about.automatable ? Vst::ParameterInfo::kCanAutomate : 0) | (about.kind == core::ParamKind::word ? Vst::ParameterInfo::kIsList : 0) |
                     (index == core::bypass ? Vst::ParameterInfo::kIsBypass : 0);
        return kResultOk;
    }
    tresult PLUGIN_API getParamStringByValue(Vst::ParamID id, Vst::ParamValue normalized, Vst::String128 string) override {
        if (id == limiting) to_utf16(normalized >= 0.5 ? "on" : "off", string);
        if (id >= core::n_params) return id == limiting ? kResultOk : kInvalidArgument;
        to_utf16(core_.text(static_cast<int>(id), normalizedParamToPlain(id, normalized)), string);
        return kResultOk;
    }
    tresult PLUGIN_API getParamValueByString(Vst::ParamID id, Vst::TChar* string, Vst::ParamValue& normalized) override {
        double plain = 0.0;
        if (id >= core::n_params || !core_.value_of(static_cast<int>(id), to_utf8(string), plain)) return kResultFalse;
        normalized = plainParamToNormalized(id, plain);
        return kResultOk;
    }
    Vst::ParamValue PLUGIN_API normalizedParamToPlain(Vst::ParamID id, Vst::ParamValue normalized) override {
        if (id >= core::n_params) return normalized;
        const double lowest = core::params[id].minimum, highest = core_.maximum(static_cast<int>(id));
        if (core::params[id].kind == core::ParamKind::range) return lowest + normalized * (highest - lowest);
        return std::min(highest, std::floor(normalized * (highest + 1.0)));  // VST3's rule for steps
    }
    Vst::ParamValue PLUGIN_API plainParamToNormalized(Vst::ParamID id, Vst::ParamValue plain) override {
        if (id >= core::n_params) return plain;
        const double lowest = core::params[id].minimum, highest = core_.maximum(static_cast<int>(id));
        return highest > lowest ? std::min(std::max((plain - lowest) / (highest - lowest), 0.0), 1.0) : 0.0;
    }
    Vst::ParamValue PLUGIN_API getParamNormalized(Vst::ParamID id) override {
        if (id == limiting) return core_.is_limiting() ? 1.0 : 0.0;
        return id < core::n_params ? plainParamToNormalized(id, core_.get(static_cast<int>(id))) : 0.0;
    }
    tresult PLUGIN_API setParamNormalized(Vst::ParamID id, Vst::ParamValue value) override {
        if (id >= core::n_params) return kInvalidArgument;
        // while it plays, the same value comes through `process`, at its sample: taken over from here too, it would depend on the host's threads
        if (is_processing_)
            core_.show(static_cast<int>(id), normalizedParamToPlain(id, value));
        else
            core_.set(static_cast<int>(id), normalizedParamToPlain(id, value));
        return kResultOk;
    }
    tresult PLUGIN_API setComponentHandler(Vst::IComponentHandler* handler) override {
        set_handler(handler);
        return kResultOk;
    }
    IPlugView* PLUGIN_API createView(FIDString) override { return nullptr; }  // the host's own sliders

    virtual ~Plugin() { set_handler(nullptr); }

private:
    void set_handler(Vst::IComponentHandler* handler) {
        if (handler != nullptr) handler->addRef();
        if (handler_ != nullptr) handler_->release();
        handler_ = handler;
    }

    /// The read-only parameter that says when the limiter of last resort works.
    void tell_limiting(Vst::IParameterChanges* changes) {
        const bool is_limiting = core_.is_limiting();
        int32 index = 0;
        if (is_limiting == was_limiting_ || changes == nullptr) return;
        Vst::IParamValueQueue* const queue = changes->addParameterData(limiting, index);
        if (queue != nullptr && queue->addPoint(0, is_limiting ? 1.0 : 0.0, index) == kResultOk) was_limiting_ = is_limiting;
    }

    static constexpr Vst::ParamID limiting = core::n_params;

    core::Core core_;
    std::atomic<uint32> references_{1};
    std::atomic<bool> is_processing_{false};
    bool was_limiting_ = false;
    Vst::IComponentHandler* handler_ = nullptr;
    double rate_hz_ = 48'000.0;
    int32 channels_ = 2;
};

class Factory final : public IPluginFactory2 {
public:
    tresult PLUGIN_API queryInterface(const TUID wanted, void** object) override {
        QUERY_INTERFACE(wanted, object, FUnknown_iid, IPluginFactory)
        QUERY_INTERFACE(wanted, object, IPluginFactory_iid, IPluginFactory)
        QUERY_INTERFACE(wanted, object, IPluginFactory2_iid, IPluginFactory2)
        *object = nullptr;
        return kNoInterface;
    }
    uint32 PLUGIN_API addRef() override { return 1; }  // lives as long as the library
    uint32 PLUGIN_API release() override { return 1; }
    tresult PLUGIN_API getFactoryInfo(PFactoryInfo* info) override {
        *info = PFactoryInfo(core::vendor, "", "", Vst::kDefaultFactoryFlags);
        return kResultOk;
    }
    int32 PLUGIN_API countClasses() override { return 1; }
    tresult PLUGIN_API getClassInfo(int32 index, PClassInfo* info) override {
        if (index != 0) return kInvalidArgument;
        *info = PClassInfo(class_id, PClassInfo::kManyInstances, kVstAudioEffectClass, core::plugin_name);
        return kResultOk;
    }
    tresult PLUGIN_API getClassInfo2(int32 index, PClassInfo2* info) override {
        if (index != 0) return kInvalidArgument;
        *info = PClassInfo2(class_id, PClassInfo::kManyInstances, kVstAudioEffectClass, core::plugin_name, 0, "Fx|EQ", core::vendor, core::version, kVstVersionString);
        return kResultOk;
    }
    tresult PLUGIN_API createInstance(FIDString id, FIDString wanted, void** object) override {
        *object = nullptr;
        if (std::memcmp(id, class_id, sizeof(TUID)) != 0) return kNoInterface;
        Plugin* const plugin = new Plugin();
        const tresult result = plugin->queryInterface(reinterpret_cast<const char*>(wanted), object);
        plugin->release();
        return result;
    }
};

}  // namespace

#if defined(_WIN32)
#define SEMEQ_EXPORT extern "C" __declspec(dllexport)
SEMEQ_EXPORT bool InitDll() { return true; }
SEMEQ_EXPORT bool ExitDll() { return true; }
#else
#define SEMEQ_EXPORT extern "C" __attribute__((visibility("default")))
#if defined(__APPLE__)
SEMEQ_EXPORT bool bundleEntry(void*) { return true; }
SEMEQ_EXPORT bool bundleExit() { return true; }
#else
SEMEQ_EXPORT bool ModuleEntry(void*) { return true; }
SEMEQ_EXPORT bool ModuleExit() { return true; }
#endif
#endif

SEMEQ_EXPORT IPluginFactory* PLUGIN_API GetPluginFactory() {
    static Factory factory;
    return &factory;
}
