// Faust architecture file: prints the response of a one-input, one-output program to an impulse, one sample per line.
// Usage of the compiled program: faust_impulse SAMPLE_RATE_HZ N_SAMPLES AMPLITUDE
// Faust's own plot architecture is not used because it is fixed to 44100 Hz.

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "faust/dsp/dsp.h"
#include "faust/gui/UI.h"
#include "faust/gui/meta.h"

<<includeIntrinsic>>

<<includeclass>>

int main(int argument_count, char* arguments[]) {
    if (argument_count != 4) return 2;
    const int sample_rate_hz = std::atoi(arguments[1]);
    const int n_samples = std::atoi(arguments[2]);
    static mydsp program;
    program.init(sample_rate_hz);
    if (program.getNumInputs() != program.getNumOutputs()) {
        std::fprintf(stderr, "%d inputs and %d outputs, expected as many\n", program.getNumInputs(), program.getNumOutputs());
        return 3;
    }
    std::vector<FAUSTFLOAT> input(n_samples, 0.0);
    input[0] = std::atof(arguments[3]);
    std::vector<std::vector<FAUSTFLOAT>> outputs(program.getNumOutputs(), std::vector<FAUSTFLOAT>(n_samples));
    std::vector<FAUSTFLOAT*> in(program.getNumInputs(), input.data());
    std::vector<FAUSTFLOAT*> out;
    for (auto& output : outputs) out.push_back(output.data());
    program.compute(n_samples, in.data(), out.data());
    for (int i = 0; i < n_samples; ++i) {
        for (const auto& output : outputs) std::printf("%.17g ", static_cast<double>(output[i]));
        std::printf("\n");
    }
    return 0;
}
