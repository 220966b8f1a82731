// SPDX-License-Identifier: MIT
// semeq as a JUCE plug-in: the same core as the plain VST3, behind juce::AudioProcessor, with the host's generic editor.
#include "../shared/semeq_plugin.hpp"

#include <BinaryData.h>
#include <juce_audio_utils/juce_audio_utils.h>

namespace core = semeq::plugin;

namespace {

/// A parameter whose value lives in the core; juce::AudioProcessorParameter sees it as 0..1.
class Parameter final : public juce::AudioProcessorParameterWithID {
public:
    Parameter(core::Core& owner, int number)
        : AudioProcessorParameterWithID(juce::ParameterID{core::params[number].key, 1}, core::params[number].title), core_(owner), id_(number) {}

    float getValue() const override { return to_share(core_.get(id_)); }
    void setValue(float share) override { core_.set(id_, to_plain(share)); }
    float getDefaultValue() const override { return to_share(core::params[id_].initial); }
    juce::String getLabel() const override { return core::params[id_].unit; }
    bool isAutomatable() const override { return core::params[id_].automatable; }
    bool isDiscrete() const override { return core::params[id_].kind != core::ParamKind::range; }
    bool isBoolean() const override { return core::params[id_].kind == core::ParamKind::toggle; }
    int getNumSteps() const override { return isDiscrete() ? static_cast<int>(core_.maximum(id_)) + 1 : juce::AudioProcessor::getDefaultNumParameterSteps(); }
    juce::String getText(float share, int length) const override { return juce::String::fromUTF8(core_.text(id_, to_plain(share)).c_str()).substring(0, length); }
    float getValueForText(const juce::String& text) const override {
        double plain = core::params[id_].initial;
        core_.value_of(id_, text.toStdString(), plain);
        return to_share(plain);
    }

private:
    double to_plain(float share) const { return core::params[id_].minimum + static_cast<double>(share) * (core_.maximum(id_) - core::params[id_].minimum); }
    float to_share(double plain) const {
        const double lowest = core::params[id_].minimum, highest = core_.maximum(id_);
        return highest > lowest ? static_cast<float>((plain - lowest) / (highest - lowest)) : 0.0F;
    }

    core::Core& core_;
    const int id_;
};

class Processor final : public juce::AudioProcessor {
public:
    Processor() : AudioProcessor(BusesProperties().withInput("Input", juce::AudioChannelSet::stereo()).withOutput("Output", juce::AudioChannelSet::stereo())) {
        std::string why;
        const bool is_loaded = core_.load_memory(BinaryData::decoder_semeq, static_cast<std::size_t>(BinaryData::decoder_semeqSize), BinaryData::centroids_json,
                                                 static_cast<std::size_t>(BinaryData::centroids_jsonSize), BinaryData::manifest_json,
                                                 static_cast<std::size_t>(BinaryData::manifest_jsonSize), BinaryData::any_json,
                                                 static_cast<std::size_t>(BinaryData::any_jsonSize), why);
        jassertquiet(is_loaded);
        for (int id = 0; id < core::n_params; ++id) addParameter(new Parameter(core_, id));
    }

    const juce::String getName() const override { return core::plugin_name; }
    void prepareToPlay(double rate_hz, int) override { core_.prepare(rate_hz, getTotalNumInputChannels()); }
    void releaseResources() override {}
    void reset() override { core_.reset(); }
    bool isBusesLayoutSupported(const BusesLayout& layout) const override {
        const juce::AudioChannelSet set = layout.getMainInputChannelSet();
        return set == layout.getMainOutputChannelSet() && (set == juce::AudioChannelSet::mono() || set == juce::AudioChannelSet::stereo());
    }
    void processBlock(juce::AudioBuffer<float>& buffer, juce::MidiBuffer&) override {
        core_.process<float>(buffer.getArrayOfReadPointers(), buffer.getArrayOfWritePointers(), buffer.getNumSamples());
    }
    void processBlock(juce::AudioBuffer<double>& buffer, juce::MidiBuffer&) override {
        core_.process<double>(buffer.getArrayOfReadPointers(), buffer.getArrayOfWritePointers(), buffer.getNumSamples());
    }
    bool supportsDoublePrecisionProcessing() const override { return true; }
    juce::AudioProcessorParameter* getBypassParameter() const override { return getParameters()[core::bypass]; }

    bool hasEditor() const override { return true; }
    juce::AudioProcessorEditor* createEditor() override { return new juce::GenericAudioProcessorEditor(*this); }
    bool acceptsMidi() const override { return false; }
    bool producesMidi() const override { return false; }
    double getTailLengthSeconds() const override { return 1.0; }
    int getNumPrograms() override { return 1; }
    int getCurrentProgram() override { return 0; }
    void setCurrentProgram(int) override {}
    const juce::String getProgramName(int) override { return "default"; }  // an empty name confuses hosts
    void changeProgramName(int, const juce::String&) override {}

    void getStateInformation(juce::MemoryBlock& block) override {
        const std::string data = core::pack(core_.state());
        block.replaceAll(data.data(), data.size());
    }
    void setStateInformation(const void* data, int size) override {
        core::State state;
        if (size <= 0 || !core::unpack(data, static_cast<std::size_t>(size), state)) return;
        core_.set_state(state);
        for (juce::AudioProcessorParameter* parameter : getParameters()) parameter->sendValueChangedMessageToListeners(parameter->getValue());
    }

private:
    core::Core core_;
};

}  // namespace

juce::AudioProcessor* JUCE_CALLTYPE createPluginFilter() { return new Processor(); }
