// SPDX-License-Identifier: MIT
// A bundle's ONNX graphs in ONNX Runtime's C++ interface: the decoder, and the audio encoder where there is one, against the bundle's vectors.
//     semeq_ort MODEL_FOLDER
// Compiled only where ORT_ROOT names ONNX Runtime's headers and library: no Debian or Python package has the headers. Runs allocate, so keep
// them off the audio thread; semeq.hpp decodes there. Check a stranger's bundle with `semeq-export validate --level 3` first: ONNX Runtime
// runs graphs that never end. ONNX Runtime itself is MIT.
#include "../shared/vectors.hpp"

#include <onnxruntime_cxx_api.h>

#include <memory>

namespace {

/// One graph with one input and one output as a function, on one thread.
check::Graph load(Ort::Env& env, const std::string& path) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    options.SetInterOpNumThreads(1);
    options.SetExecutionMode(ORT_SEQUENTIAL);
#if defined(_WIN32)
    const std::wstring native(path.begin(), path.end());
#else
    const std::string& native = path;
#endif
    auto session = std::make_shared<Ort::Session>(env, native.c_str(), options);
    Ort::AllocatorWithDefaultOptions allocator;
    const std::string in = session->GetInputNameAllocated(0, allocator).get(), out = session->GetOutputNameAllocated(0, allocator).get();
    return [session, in, out](const std::vector<float>& values) {
        const std::int64_t shape[] = {1, static_cast<std::int64_t>(values.size())};
        const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
        const Ort::Value input = Ort::Value::CreateTensor<float>(memory, const_cast<float*>(values.data()), values.size(), shape, 2);
        const char *in_names[] = {in.c_str()}, *out_names[] = {out.c_str()};
        std::vector<Ort::Value> result = session->Run(Ort::RunOptions{nullptr}, in_names, &input, 1, out_names, 1);
        const float* const data = result[0].GetTensorData<float>();
        return std::vector<float>(data, data + result[0].GetTensorTypeAndShapeInfo().GetElementCount());
    };
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return std::fprintf(stderr, "usage: semeq_ort MODEL_FOLDER\n"), 2;
    const std::string folder = arguments[1];
    semeq::Model model;
    check::must_load(model, folder);
    try {
        Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "semeq");
        const double decoder = check::worst_of_decoder(load(env, folder + "/decoder.onnx"), model.decoder(), folder);
        std::printf("decoder.onnx        worst %.3g of the tolerance\n", decoder);
        double encoder = 0.0;
        if (check::has_audio_vectors(folder)) {
            encoder = check::worst_of_audio_encoder(load(env, folder + "/audio_encoder.onnx"), folder);
            std::printf("audio_encoder.onnx  worst %.3g of the tolerance\n", encoder);
        }
        return decoder <= 1.0 && encoder <= 1.0 ? 0 : 1;
    } catch (const Ort::Exception& error) {
        std::fprintf(stderr, "%.500s\n", error.what());
        return 2;
    }
}
