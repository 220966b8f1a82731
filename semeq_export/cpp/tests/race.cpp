// SPDX-License-Identifier: MIT
// A host at its worst: audio runs with events, while other threads turn knobs, save and load states. Build it with -fsanitize=thread, and with
// -fsanitize=address: nothing may be read while another thread writes it, and each state that is saved must be one that loads.
//     race MODEL_FOLDER REFERENCES_FOLDER [SAVES]
#include "plugin.hpp"

#include <thread>

int main(int count, char** arguments) {
    if (count < 3) return std::fprintf(stderr, "usage: race MODEL_FOLDER REFERENCES_FOLDER [SAVES]\n"), 2;
    namespace core = semeq::plugin;
    const int saves = count > 3 ? std::atoi(arguments[3]) : 300;
    core::Core plugin;
    check::must_load(plugin, arguments[1], arguments[2]);
    plugin.prepare(48'000.0, 2);
    std::atomic<bool> is_over{false};
    std::atomic<int> wrong{0}, blocks{0}, loads{0};

    std::thread audio([&] {
        auto channels = check::stereo_noise<float>(256, 1);
        for (unsigned i = 0; !is_over; ++i) {
            const core::Event events[] = {{10, core::word, i % 3 * 6.0}, {100, core::learn_reference, i % 8 < 4 ? 1.0 : 0.0}, {200, core::intensity, i % 5 - 2.0}};
            core::EventList list{events, 3};
            const float* const in[] = {channels[0].data(), channels[1].data()};
            float* const out[] = {channels[1].data(), channels[0].data()};
            plugin.process(in, out, 256, list);
            for (float& sample : channels[0]) sample = static_cast<float>(i % 7) * 0.1F - 0.3F;
            ++blocks;
        }
    });
    std::thread knobs([&] {
        for (unsigned i = 0; !is_over; ++i) {
            plugin.set(core::word, i % 2 == 0 ? 0.0 : 12.0);
            plugin.set(static_cast<int>(i % core::n_params), i % 4 * 0.5);
            plugin.show(core::second_word, i % 2 == 0 ? 0.0 : 5.0);
            static_cast<void>(plugin.limited_samples());
        }
    });
    const auto use_states = [&](unsigned seed) {
        core::State words, learned, foreign;
        words.word = plugin.text(core::word, 12.0), words.second_word = plugin.text(core::word, 3.0), words.morph = 0.5;
        learned.word = words.word, learned.listen = true;
        learned.reference_db.assign(semeq::n_thirds, -3.0F);
        foreign.word = "a word of another bundle", foreign.bundle = std::string(64, '7');
        foreign.eq.count = 1, foreign.eq.bands[0].gain_db = 6.0;
        const core::State states[] = {words, learned, foreign, check::loud_state(64, 0.1, 120.0)};
        for (unsigned i = seed; !is_over; ++i) {
            const core::State& state = states[i % 4];
            const std::string data = core::pack(state);
            core::State read;
            wrong += core::unpack(data.data(), data.size(), read) ? 0 : 1;
            plugin.set_state(read);
            ++loads;
        }
    };
    std::thread loader(use_states, 0U), other_loader(use_states, 1U);
    const auto save = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const std::string data = core::pack(plugin.state());
            core::State read;
            wrong += core::unpack(data.data(), data.size(), read) ? 0 : 1;
        }
    };
    std::thread other_saver(save, saves);
    save(saves);
    other_saver.join();
    while (blocks < 50 || loads < 20) std::this_thread::yield();
    is_over = true;
    for (std::thread* thread : {&audio, &knobs, &loader, &other_loader}) thread->join();
    std::printf("%d saves, %d loads, %d blocks, %d wrong\n", 2 * saves, loads.load(), blocks.load(), wrong.load());
    return wrong == 0 ? 0 : 1;
}
