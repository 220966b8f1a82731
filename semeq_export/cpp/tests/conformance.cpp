// SPDX-License-Identifier: MIT
// Runs the conformance vectors of a bundle and of the kit through semeq.hpp: parameters, responses, impulse responses, mixes, doses.
//     conformance MODEL_FOLDER REFERENCES_FOLDER VECTORS_FOLDER
#include "check.hpp"

#include <cmath>
#include <cstring>

namespace {

int failures = 0;

struct Worst {
    double ratio = 0.0;
    void add(double error, double tolerance) {
        if (!(error <= tolerance * ratio)) ratio = error / tolerance;  // NaN stays
    }
    void report(const char* what, std::size_t cases) const {
        const bool conforms = ratio <= 1.0 && cases > 0;
        std::printf("%-18s %5zu cases, worst %.3g of the tolerance%s\n", what, cases, ratio, conforms ? "" : "  FAILED");
        failures += conforms ? 0 : 1;
    }
};

void check_decoder(const semeq::Model& model, const std::string& folder) {
    const check::Record vectors =
        check::must_read_record(folder + "/vectors/decoder.json", {{"z", 'r'}, {"params", 'r'}, {"gain_tolerance_db", 'n'}, {"relative_tolerance", 'n'}});
    const semeq::Decoder& decoder = model.decoder();
    semeq::Scratch scratch = decoder.make_scratch();
    std::vector<double> params(static_cast<std::size_t>(decoder.n_params()));
    const check::Rows &inputs = vectors.rows.at("z"), &outputs = vectors.rows.at("params");
    Worst worst;
    for (std::size_t row = 0; row < inputs.size() && row < outputs.size(); ++row) {
        const std::vector<float> z(inputs[row].begin(), inputs[row].end());
        if (z.size() != static_cast<std::size_t>(decoder.latent_dim()) || outputs[row].size() != params.size() || !decoder.decode(z.data(), params.data(), scratch)) {
            worst.add(NAN, 1.0);
            continue;
        }
        for (std::size_t i = 0; i < params.size(); ++i) {
            const double wanted = outputs[row][i], error = std::fabs(params[i] - wanted);
            worst.add(error, decoder.is_gain(static_cast<int>(i)) ? vectors.number.at("gain_tolerance_db") : vectors.number.at("relative_tolerance") * wanted);
        }
    }
    worst.report("parameters", inputs.size());
}

void check_responses(const semeq::Model& model, const std::string& folder) {
    const check::Record vectors = check::must_read_record(
        folder + "/vectors/response.json", {{"params", 'r'}, {"response_db", 'r'}, {"freqs_hz", 'l'}, {"sample_rate_hz", 'n'}, {"tolerance_db", 'n'}});
    const check::Rows& inputs = vectors.rows.at("params");
    Worst worst;
    for (std::size_t row = 0; row < inputs.size(); ++row) {
        const semeq::Eq eq = model.decoder().eq_of(inputs[row].data());
        for (std::size_t i = 0; i < vectors.list.at("freqs_hz").size(); ++i) {
            const double got = semeq::response_db(eq, vectors.list.at("freqs_hz")[i], vectors.number.at("sample_rate_hz"));
            worst.add(std::fabs(got - vectors.rows.at("response_db")[row][i]), vectors.number.at("tolerance_db"));
        }
    }
    worst.report("responses", inputs.size());
}

std::vector<check::Record> cases_of(const std::string& path, const std::map<std::string, char>& kinds) {
    const std::string text = check::must_read(path);
    semeq::detail::Json json(text.data(), text.size());
    std::vector<check::Record> cases;
    const bool is_read = json.object([&](const std::string& key) {
        if (key != "cases") return json.skip();
        return json.array([&] {
            cases.emplace_back();
            return cases.back().read(json, kinds);
        });
    });
    if (!is_read) {
        std::fprintf(stderr, "%s: %s\n", path.c_str(), json.why.c_str());
        std::exit(2);
    }
    return cases;
}

void check_impulses(const semeq::Model& model, const std::string& vectors) {
    const std::vector<check::Record> cases =
        cases_of(vectors + "/impulse.json", {{"word", 't'}, {"second_word", 't'}, {"morph", 'n'}, {"intensity", 'n'}, {"sample_rate_hz", 'n'}, {"impulse", 'l'}, {"tolerance", 'n'}});
    Worst worst;
    for (const check::Record& one : cases) {
        semeq::Stream stream;
        stream.prepare(model, one.number.at("sample_rate_hz"), 1);
        stream.set_words(model.words().find(one.text.at("word")), model.words().find(one.text.at("second_word")), one.number.at("morph"));
        stream.set_intensity(one.number.at("intensity"));
        const std::vector<double>& wanted = one.list.at("impulse");
        std::vector<double> samples(wanted.size(), 0.0);
        samples[0] = 1.0;
        for (std::size_t start = 0; start < samples.size(); start += 100) {
            double* channel = samples.data() + start;
            stream.process(&channel, static_cast<int>(std::min<std::size_t>(100, samples.size() - start)));
        }
        for (std::size_t i = 0; i < samples.size(); ++i) worst.add(std::fabs(samples[i] - wanted[i]), one.number.at("tolerance"));
    }
    worst.report("impulse responses", cases.size());
}

void check_mixes(const semeq::Model& model, const std::string& vectors) {
    const std::vector<check::Record> cases = cases_of(
        vectors + "/mix.json", {{"word", 't'}, {"second_word", 't'}, {"less", 't'}, {"weights", 'l'}, {"freqs_hz", 'l'}, {"response_db", 'l'}, {"sample_rate_hz", 'n'}, {"tolerance_db", 'n'}});
    Worst worst;
    for (const check::Record& one : cases) {
        const double rate_hz = one.number.at("sample_rate_hz");
        semeq::WeightedWord parts[3];
        const char* const names[3] = {"word", "second_word", "less"};
        for (std::size_t k = 0; k < 3; ++k) parts[k] = {model.words().find(one.text.at(names[k])), one.list.at("weights").at(k)};
        semeq::Stream stream;
        stream.prepare(model, rate_hz, 1);
        const semeq::WeightedWord unknown[] = {{0, 1.0}, {-1, 1.0}}, too_much[] = {{parts[0].word, 1e6}, {parts[2].word, -1e6}};
        const bool is_refused = !stream.set_mix(unknown, 2) && (model.max_weight() == 0.0 || !stream.set_mix(too_much, 2));
        if (!is_refused || !stream.set_mix(parts, 3)) worst.add(NAN, 1.0);
        stream.set_intensity(1.0);
        double sample = 0.0, *channel = &sample;
        stream.process(&channel, 1);
        for (std::size_t i = 0; i < one.list.at("freqs_hz").size(); ++i) {
            const double got = semeq::response_db(stream.eq(), one.list.at("freqs_hz")[i], rate_hz);
            worst.add(std::fabs(got - one.list.at("response_db").at(i)), one.number.at("tolerance_db"));
        }
    }
    worst.report("mixes", cases.size());
}

semeq::Eq mixed(const semeq::Model& model, const std::vector<semeq::WeightedWord>& parts, double intensity = 1.0) {
    semeq::Stream stream;
    stream.prepare(model, 192'000.0, 1);
    stream.set_intensity(intensity);
    double sample = 0.0, *channel = &sample;
    if (!stream.set_mix(parts.data(), static_cast<int>(parts.size()))) return semeq::Eq{};
    stream.process(&channel, 1);
    return stream.eq();
}

// What holds for any sums where sums of words are sums of sound, and what is refused where they are not.
void check_laws_of_mixes(const semeq::Model& model) {
    std::size_t cases = 0;
    Worst worst;
    const auto must = [&](bool holds) { worst.add(holds ? 0.0 : 2.0, 1.0), ++cases; };
    const auto is_close = [](const semeq::Eq& a, const semeq::Eq& b) {
        double most = a.count == b.count ? 0.0 : 1.0;
        for (double freq_hz = 20.0; freq_hz < 20'000.0; freq_hz *= 1.3)
            most = std::max(most, std::fabs(semeq::response_db(a, freq_hz, 192'000.0) - semeq::response_db(b, freq_hz, 192'000.0)));
        return most <= 1e-4;
    };
    const int last = model.words().count() - 1;
    for (int word = 0; word <= last; word += 7) {
        const int other = (word + last / 2) % (last + 1);
        if (model.max_weight() == 0.0) {
            semeq::Stream stream;
            stream.prepare(model, 48'000.0, 1);
            const semeq::WeightedWord nothing[] = {{word, -1.0}}, none[] = {{word, 1.0}, {other, 0.0}}, too_much[] = {{word, 1.0}, {word, -1e6}};
            must(!stream.set_mix(nothing, 1) && !stream.set_mix(none, 2) && !stream.set_mix(too_much, 2));
            must(is_close(mixed(model, {{word, 1.0}, {other, 3.0}}), mixed(model, {{word, 0.25}, {other, 0.75}})));
            continue;
        }
        const semeq::Eq whole = mixed(model, {{word, 1.0}}), half = mixed(model, {{word, 0.5}});
        bool keeps_places = whole.count == half.count;
        for (int i = 0; i < half.count; ++i)
            keeps_places &= half.bands[i].freq_hz == whole.bands[i].freq_hz && half.bands[i].q == whole.bands[i].q && std::fabs(2.0 * half.bands[i].gain_db - whole.bands[i].gain_db) < 1e-6;
        must(keeps_places);
        must(is_close(mixed(model, {{word, -0.7}}), mixed(model, {{word, 0.7}}, -1.0)));
        must(is_close(mixed(model, {{word, -0.3}, {other, -0.6}}), mixed(model, {{word, 0.3}, {other, 0.6}}, -1.0)));
        must(is_close(mixed(model, {{word, 3.0}, {other, -1.5}}), mixed(model, {{word, 1.0}, {other, -0.5}}, 3.0)));
        must(is_close(mixed(model, {{word, 0.5}, {word, 0.5}}), whole));
        must(mixed(model, {{word, 0.0}, {other, 0.0}}).count == 0 && mixed(model, {}).count == 0);
        semeq::Stream stream;
        stream.prepare(model, 192'000.0, 1);
        stream.set_words(word, other, 0.3);
        double sample = 0.0, *channel = &sample;
        stream.process(&channel, 1);
        must(is_close(stream.eq(), mixed(model, {{word, 0.7}, {other, 0.3}})));
    }
    worst.report("laws of mixes", cases);
}

// Numbers for hosts: each word has one, and what is offered ends before the weak words.
void check_numbers(const semeq::Model& model) {
    std::size_t cases = 0;
    Worst worst;
    for (int word = 0; word < model.words().count(); ++word, ++cases)
        worst.add(model.word_of(model.number_of(word)) == word ? 0.0 : 2.0, 1.0);
    const bool is_sound = model.word_of(0) == -1 && model.word_of(-3) == -1 && model.word_of(1'000'000) == -1 && model.number_of(-1) == 0 &&
                          (model.last_offered() == 0 || model.is_offered(model.last_offered())) && !model.is_offered(0);
    worst.add(is_sound ? 0.0 : 2.0, 1.0);
    const char* const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of FIPS 180-4
    worst.add(semeq::detail::sha256("abc", 3) == hash && model.identity().size() == 64 ? 0.0 : 2.0, 1.0);
    worst.report("numbers of words", cases);
}

void check_doses(const semeq::Model& model, const std::string& references, const std::string& vectors) {
    const std::vector<check::Record> cases = cases_of(
        vectors + "/dose.json", {{"word", 't'}, {"reference", 't'}, {"intensity", 'n'}, {"sample_rate_hz", 'n'}, {"channels", 'n'}, {"is_target", 'n'},
                                 {"position", 'l'}, {"dose", 'l'}, {"gain", 'l'}, {"tolerance", 'n'}});
    Worst worst;
    for (const check::Record& one : cases) {
        const double rate_hz = one.number.at("sample_rate_hz");
        const int channels = static_cast<int>(one.number.at("channels"));
        semeq::Reference reference;
        std::string why;
        if (!reference.load_file((references + "/" + one.text.at("reference") + ".json").c_str(), why)) {
            std::fprintf(stderr, "%s\n", why.c_str());
            std::exit(2);
        }
        reference.is_target = one.number.at("is_target") != 0.0;
        semeq::Stream stream;
        stream.prepare(model, rate_hz, channels);
        stream.set_words(model.words().find(one.text.at("word")));
        stream.set_intensity(one.number.at("intensity"));
        stream.set_reference(reference);
        stream.set_listening(true);
        std::vector<check::Noise> noise;
        for (int c = 0; c < channels; ++c) noise.emplace_back(rate_hz, static_cast<std::uint32_t>(c + 1));
        std::vector<double> block(static_cast<std::size_t>(channels) * 512);
        std::vector<double*> at(static_cast<std::size_t>(channels));
        for (std::size_t i = 0; i < one.list.at("position").size(); ++i) {
            // the dose that frame k decides is known once its first sample is processed
            while (stream.position() <= static_cast<long long>(one.list.at("position")[i])) {
                for (std::size_t c = 0; c < at.size(); ++c) {
                    at[c] = block.data() + c * 512;
                    for (int k = 0; k < 512; ++k) at[c][k] = noise[c].next();
                }
                stream.process(at.data(), 512);
            }
            worst.add(std::fabs(stream.dose() - one.list.at("dose")[i]), one.number.at("tolerance"));
            worst.add(std::fabs(stream.gain() - one.list.at("gain")[i]), one.number.at("tolerance"));
        }
    }
    worst.report("doses", cases.size());
}

// What hosts do now and then. Compiled with -ffast-math too: that must not take the checks away.
void check_rough_use(const semeq::Model& model) {
    std::size_t cases = 0;
    Worst worst;
    const auto must = [&](bool holds) { worst.add(holds ? 0.0 : 2.0, 1.0), ++cases; };
    const std::uint32_t quiet_nan = 0x7FC00000U, infinite = 0xFF800000U;
    float broken[3] = {0.0F, 0.0F, 3e38F};
    std::memcpy(&broken[0], &quiet_nan, 4), std::memcpy(&broken[1], &infinite, 4);
    for (float value : broken) {
        semeq::Stream stream;
        stream.prepare(model, 48'000.0, 2);
        stream.set_words(0);
        must(!stream.set_intensity(static_cast<double>(value)) && !stream.set_intensity(3.5) && stream.intensity() == 1.0);
        std::vector<float> left(9'600), right(9'600);
        check::Noise noise(48'000.0, 1);
        for (std::size_t i = 0; i < left.size(); ++i) left[i] = right[i] = static_cast<float>(noise.next());
        left[1'000] = value;
        float* channels[] = {left.data(), right.data()};
        stream.process(channels, 9'600);
        must(stream.unusable_samples() == 1 && left[1'000] == 0.0F);
        bool is_sound = true;
        for (std::size_t i = 0; i < left.size(); ++i) is_sound &= semeq::detail::is_within(left[i], 100.0F) && semeq::detail::is_within(right[i], 100.0F);
        must(is_sound && left[9'599] != 0.0F && right[1'000] != 0.0F);
    }
    semeq::Stream stream;
    float sample = 0.25F, *channel = &sample;
    stream.process(&channel, 1);
    must(sample == 0.25F && !stream.set_words(0) && !stream.set_latent(&sample));
    stream.prepare(model, 48'000.0, 1);
    must(!stream.set_words(model.words().count()) && !stream.set_words(0, model.words().count(), 0.5) && stream.set_words(-1));
    semeq::Stream with_bands;
    must(with_bands.prepare(48'000.0, 1) && !with_bands.set_words(0) && !with_bands.set_mix(nullptr, 0) && !with_bands.set_latent(&sample));
    must(with_bands.set_bands(mixed(model, {{0, 1.0}})) && stream.set_words(0));
    check::Noise noise(48'000.0, 1);
    bool is_same = true;
    for (int i = 0; i < 5'000; ++i) {
        double one = noise.next(), other = one, *first = &one, *second = &other;
        stream.process(&first, 1), with_bands.process(&second, 1);
        is_same &= one == other;
        if (i == 1'000) must(stream.set_intensity(0.5) && with_bands.set_intensity(0.5));
    }
    must(is_same);
    worst.report("rough use", cases);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) {
        std::fprintf(stderr, "usage: conformance MODEL_FOLDER REFERENCES_FOLDER VECTORS_FOLDER\n");
        return 2;
    }
    semeq::Model model;
    check::must_load(model, arguments[1]);
    check_decoder(model, arguments[1]);
    check_responses(model, arguments[1]);
    check_impulses(model, arguments[3]);
    check_mixes(model, arguments[3]);
    check_laws_of_mixes(model);
    check_numbers(model);
    check_doses(model, arguments[2], arguments[3]);
    check_rough_use(model);
    return failures == 0 ? 0 : 1;
}
