// SPDX-License-Identifier: MIT
// A bundle's TorchScript in LibTorch: the decoder, and the audio encoder where there is one, checked against the bundle's vectors.
//     semeq_libtorch MODEL_FOLDER
// Load TorchScript of a bundle that you trust only: it can run code while it is loaded. LibTorch allocates in every call (some 150 times per
// decode), so none of this belongs on the audio thread; semeq.hpp decodes there. LibTorch itself is BSD-3-Clause.
#include "../shared/vectors.hpp"

#include <ATen/Parallel.h>
#include <torch/script.h>

namespace {

/// One graph with one input and one output as a function.
check::Graph load(const std::string& path) {
    torch::jit::script::Module module = torch::jit::load(path, torch::kCPU);
    module.eval();
    return [module](const std::vector<float>& input) mutable {
        const torch::InferenceMode guard;
        const std::vector<std::int64_t> shape = {1, static_cast<std::int64_t>(input.size())};
        const torch::Tensor in = torch::from_blob(const_cast<float*>(input.data()), shape, torch::kFloat32);
        const torch::Tensor out = module.forward({in}).toTensor().contiguous();
        return std::vector<float>(out.data_ptr<float>(), out.data_ptr<float>() + out.numel());
    };
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return std::fprintf(stderr, "usage: semeq_libtorch MODEL_FOLDER\n"), 2;
    at::set_num_threads(1);
    const std::string folder = arguments[1];
    semeq::Model model;
    check::must_load(model, folder);
    try {
        const double decoder = check::worst_of_decoder(load(folder + "/decoder.pt"), model.decoder(), folder);
        std::printf("decoder.pt        worst %.3g of the tolerance\n", decoder);
        double encoder = 0.0;
        if (check::has_audio_vectors(folder)) {
            encoder = check::worst_of_audio_encoder(load(folder + "/audio_encoder.pt"), folder);
            std::printf("audio_encoder.pt  worst %.3g of the tolerance\n", encoder);
        }
        return decoder <= 1.0 && encoder <= 1.0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%.500s\n", error.what());
        return 2;
    }
}
