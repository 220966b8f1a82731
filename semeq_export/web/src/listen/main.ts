/** A listening test from its first screen to the saved answers. */

import { formOf, readTest, type Showing, type Test } from "./data";
import { button, h, show } from "./dom";
import { Player } from "./player";
import { type Answer, download, newSession, toCsv } from "./results";
import { ask } from "./trials";

const KINDS = {
  pairs: "You will hear two versions of a sound, A and B. Say which of them fits the question. There is no right or wrong.",
  mushra: "You will hear a reference and several versions of it. Score each from 0 to 100. One of them is the reference itself.",
  abx: "You will hear two versions of a sound, A and B, and X, which is one of them. Say which.",
};

void run();

async function run(): Promise<void> {
  try {
    const test = readTest();
    document.title = test.title;
    const participant = await welcome(test);
    const player = new Player(test.audio);
    const form = test.forms[formOf(participant, test.forms.length)] ?? [];
    await volume(test, form, player);
    await training(test, form, player);
    const answers = await trials(test, form, player);
    finish(test, participant, answers);
  } catch (error) {
    show(h("h1", {}, "This test cannot go on"), h("p", { role: "alert" }, error instanceof Error ? error.message : String(error)));
  }
}

function welcome(test: Test): Promise<string> {
  const count = Object.keys(test.trials).length;
  const name = h("input", { type: "text", id: "participant", autocomplete: "off", maxlength: "80" });
  const hint = h("p", { class: "hint", role: "status" });
  return new Promise((resolve) => {
    const begin = () => {
      if (name.value.trim() === "") {
        hint.textContent = "Write your number or name first.";
        name.focus();
      } else resolve(name.value.trim());
    };
    const form = h("form", {}, h("label", { for: "participant" }, "Your number, or your name"), name);
    form.append(h("div", { class: "row" }, h("button", { type: "submit", class: "next" }, "Begin"), hint));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      begin();
    });
    show(
      h("h1", {}, test.title),
      h("p", {}, KINDS[test.kind]),
      h(
        "ul",
        {},
        h("li", {}, `${count} ${count === 1 ? "trial" : "trials"}, after setting the volume and one to try.`),
        h("li", {}, "Use headphones, in a quiet room."),
        h("li", {}, "All versions are equally loud. Switch between them as often as you like; they play in step."),
        h("li", {}, "Nothing leaves this computer. At the end you save a file with your answers."),
      ),
      form,
    );
  });
}

async function volume(test: Test, form: readonly Showing[], player: Player): Promise<void> {
  const first = form[0]?.order[0] ?? "";
  await player.load(new Map([["sound", test.sounds[first] ?? 0]]));
  const slider = h("input", { type: "range", min: "-40", max: "0", step: "1", value: "-10", id: "volume", "aria-valuetext": "-10 dB" });
  const said = h("output", {}, "-10 dB");
  player.volumeDb = -10;
  slider.addEventListener("input", () => {
    player.volumeDb = Number(slider.value);
    said.textContent = `${slider.value} dB`;
    slider.setAttribute("aria-valuetext", `${slider.value} dB`);
  });
  const play = button("Play", () => void (player.heard === "" ? player.hear("sound") : player.stop()), { class: "play", "aria-pressed": "false" });
  player.onChange = (heard) => {
    play.textContent = heard === "" ? "Play" : "Stop";
    play.setAttribute("aria-pressed", String(heard !== ""));
  };
  await new Promise<void>((resolve) => {
    show(
      h("h1", {}, "Set the volume"),
      h("p", {}, "Play the sound, and set it to where you like to listen. Then leave the volume alone until the end."),
      h("div", { class: "row" }, play),
      h("div", { class: "level" }, h("label", { for: "volume" }, "Volume"), slider, said),
      h("div", { class: "row" }, button("This is comfortable", resolve, { class: "next" })),
    );
  });
  player.onChange = null;
  player.stop();
}

/** The last trial, which comes first as if it were one: its answer is thrown away. */
async function training(test: Test, form: readonly Showing[], player: Player): Promise<void> {
  const last = form[form.length - 1];
  if (last === undefined) return;
  await ask(test, last, player, { progress: h("p", { class: "progress" }, "To try: this answer does not count."), next: "Start the test" });
}

async function trials(test: Test, form: readonly Showing[], player: Player): Promise<Answer[]> {
  const warn = (event: BeforeUnloadEvent) => event.preventDefault();
  addEventListener("beforeunload", warn);
  const answers: Answer[] = [];
  for (const [index, showing] of form.entries()) {
    const bar = h("progress", { max: String(form.length), value: String(index), "aria-label": "Trials done" });
    const progress = h("p", { class: "progress" }, `${index + 1} of ${form.length}`, bar);
    answers.push(await ask(test, showing, player, { progress, next: index + 1 < form.length ? "Next" : "Finish" }));
  }
  removeEventListener("beforeunload", warn);
  return answers;
}

function finish(test: Test, participant: string, answers: readonly Answer[]): void {
  const session = newSession();
  const csv = toCsv(test.kind, test.test_id, participant, session, answers);
  const name = `${test.test_id}-${participant.replaceAll(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40)}-${session.slice(0, 6)}.csv`;
  const said = h("p", { class: "hint", role: "status" });
  const save = button("Save answers", () => {
    download(name, csv);
    said.textContent = `Saved as ${name}. Hand this file in.`;
  }, { class: "next" });
  const text = h("textarea", { readonly: "", rows: "8", "aria-label": "The answers as text" });
  text.value = csv;
  show(
    h("h1", {}, "Thank you"),
    h("p", {}, "That was all. Save your answers as a file, and hand it in to whoever asked you."),
    h("div", { class: "row" }, save, said),
    h("details", {}, h("summary", {}, "Answers as text, to copy instead"), text),
  );
}
