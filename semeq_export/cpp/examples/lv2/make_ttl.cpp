// SPDX-License-Identifier: MIT
// Writes the LV2's description: its words are the bank's, so it is made where the plug-in is built.
//     make_ttl MODEL_FOLDER BINARY_NAME TARGET_FOLDER
#include "../shared/semeq_plugin.hpp"

#include <cstdio>
#include <string>

namespace core = semeq::plugin;

namespace {

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (char c : text) (c == '"' || c == '\\' ? result += '\\' : result) += c;
    return result + "\"";
}

bool write(const std::string& path, const std::string& text) {
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    const bool is_written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    return (file == nullptr || std::fclose(file) == 0) && is_written;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) return std::fprintf(stderr, "usage: make_ttl MODEL_FOLDER BINARY_NAME TARGET_FOLDER\n"), 2;
    semeq::Model model;
    std::string why;
    const std::string folder = arguments[1], target = arguments[3];
    if (!model.load_folder(folder, why)) return std::fprintf(stderr, "%s\n", why.c_str()), 2;

    const std::string prefixes =
        "@prefix doap: <http://usefulinc.com/ns/doap#> .\n@prefix foaf: <http://xmlns.com/foaf/0.1/> .\n@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n"
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n@prefix state: <http://lv2plug.in/ns/ext/state#> .\n"
        "@prefix units: <http://lv2plug.in/ns/extensions/units#> .\n@prefix urid: <http://lv2plug.in/ns/ext/urid#> .\n\n";
    const std::string manifest = prefixes + "<urn:semeq:semeq> a lv2:Plugin ; lv2:binary <" + arguments[2] + "> ; rdfs:seeAlso <semeq.ttl> .\n";

    std::string ttl = prefixes +
                      "<urn:semeq:project> a doap:Project ; doap:name \"semeq\" ; doap:maintainer [ foaf:name \"the semeq authors\" ] .\n\n"
                      "<urn:semeq:semeq> a lv2:Plugin , lv2:EQPlugin ;\n    doap:name \"semeq\" ; lv2:project <urn:semeq:project> ;\n"
                      "    doap:license <https://opensource.org/licenses/MIT> ; lv2:minorVersion 4 ; lv2:microVersion 0 ;\n"
                      "    lv2:optionalFeature lv2:hardRTCapable , urid:map ; lv2:extensionData state:interface ;\n    lv2:port ";
    const char* const audio[4][3] = {{"Input", "in_left", "In left"}, {"Input", "in_right", "In right"}, {"Output", "out_left", "Out left"}, {"Output", "out_right", "Out right"}};
    int index = 0;
    for (const auto& port : audio)
        ttl += std::string("[ a lv2:AudioPort , lv2:") + port[0] + "Port ; lv2:index " + std::to_string(index++) + " ; lv2:symbol \"" + port[1] + "\" ; lv2:name \"" + port[2] +
               "\" ] ,\n        ";
    for (int id = 0; id < core::n_params; ++id) {
        const core::ParamInfo& about = core::params[id];
        const auto number = [](double value) { return std::to_string(static_cast<int>(value)) + ".0"; };
        const double most = about.kind == core::ParamKind::word ? model.last_offered() : about.maximum;
        ttl += "[ a lv2:ControlPort , lv2:InputPort ; lv2:index " + std::to_string(index++) + " ; lv2:symbol \"" + about.key + "\" ; lv2:name " + quoted(about.title) +
               " ;\n            lv2:minimum " + number(about.minimum) + " ; lv2:maximum " + number(most) + " ; lv2:default " + number(about.initial);
        if (about.unit == std::string("dB")) ttl += " ; units:unit units:db";
        if (about.kind == core::ParamKind::toggle) ttl += " ; lv2:portProperty lv2:toggled";
        if (about.kind == core::ParamKind::word) {
            ttl += " ; lv2:portProperty lv2:integer , lv2:enumeration ;\n            lv2:scalePoint [ rdfs:label \"none\" ; rdf:value 0.0 ]";
            for (int i = 1; i <= model.last_offered(); ++i)
                if (model.is_offered(i)) ttl += " ,\n                [ rdfs:label " + quoted(model.words()[model.word_of(i)].name) + " ; rdf:value " + number(i) + " ]";
        }
        ttl += " ] ,\n        ";
    }
    ttl += "[ a lv2:ControlPort , lv2:OutputPort ; lv2:index " + std::to_string(index) + " ; lv2:symbol \"output_limited\" ; lv2:name " + quoted(core::limiting_title) +
           " ;\n            lv2:minimum 0.0 ; lv2:maximum 1.0 ; lv2:default 0.0 ; lv2:portProperty lv2:toggled , lv2:connectionOptional ] .\n";
    ttl = "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n" + ttl;
    if (!write(target + "/manifest.ttl", manifest) || !write(target + "/semeq.ttl", ttl)) return std::fprintf(stderr, "%s: cannot be written\n", target.c_str()), 1;
    return 0;
}
