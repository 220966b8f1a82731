/** The screens of trials: two sounds and a choice, three in ABX, or a slider for each sound against a reference. */

import type { Kind, Showing, Test } from "./data";
import { Deck, type Sounding } from "./deck";
import { button, h, show } from "./dom";
import type { Player } from "./player";
import type { Answer, Choice, Score } from "./results";

const GRADES = ["Bad", "Poor", "Fair", "Good", "Excellent"];
const X = "X";
const REFERENCE = "reference";

/** What a screen needs to know: how it is called, and what its button says. */
export interface Frame {
  progress: Node;
  next: string;
}

interface Form {
  element: HTMLElement;
  /** What is still to be done, "" where nothing is. */
  missing(): string;
  choice(): Choice | null;
  scores(): Score[];
}

/** Show one trial; resolves with the answer. */
export async function ask(test: Test, showing: Showing, player: Player, frame: Frame): Promise<Answer> {
  const trial = test.trials[showing.trial] ?? { question: "", reference: "" };
  show(frame.progress, h("p", { class: "wait", role: "status" }, "Getting the sounds ready ..."));
  const sounds = soundsOf(test.kind, showing);
  const code = (name: string) => (name === X ? showing.hidden : name === REFERENCE ? trial.reference : name);
  await player.load(new Map(sounds.map(({ name }) => [name, test.sounds[code(name)] ?? 0])));
  const deck = new Deck(player, sounds);
  const form = test.kind === "mushra" ? sliders(showing, deck) : radios(test.kind, showing, deck);
  const begun = performance.now();
  return new Promise((resolve) => {
    const comment = h("textarea", { rows: "2", "aria-label": "Comment, if you like" });
    const hint = h("p", { class: "hint", role: "status" });
    const next = button(frame.next, () => {
      const unheard = sounds.filter(({ name }) => !deck.played.has(name)).map(({ label }) => label);
      hint.textContent = unheard.length > 0 ? `Not played yet: ${unheard.join(", ")}.` : form.missing();
      if (hint.textContent !== "") return;
      deck.close();
      const time_ms = Math.round(performance.now() - begun);
      resolve({ trial: showing.trial, scores: form.scores(), choice: form.choice(), time_ms, comment: comment.value.trim() });
    }, { class: "next" });
    deck.onHeard = () => (hint.textContent = "");
    form.element.addEventListener("input", () => (hint.textContent = ""));
    const remark = h("details", {}, h("summary", {}, "Comment"), comment);
    show(frame.progress, h("h1", {}, trial.question), form.element, deck.element, remark, h("div", { class: "row" }, next, hint), keys(sounds));
  });
}

function soundsOf(kind: Kind, { order }: Showing): Sounding[] {
  if (kind === "mushra") {
    const rated = order.map((name, index) => ({ name, label: `sound ${index + 1}`, key: index < 10 ? String((index + 1) % 10) : "" }));
    return [{ name: REFERENCE, label: "reference", key: "r" }, ...rated];
  }
  const two = order.map((name, index) => ({ name, label: "AB"[index] ?? "", key: "ab"[index] ?? "" }));
  return kind === "abx" ? [...two, { name: X, label: X, key: "x" }] : two;
}

function keys(sounds: readonly Sounding[]): HTMLElement {
  const letters = sounds.filter(({ key }) => /[a-z]/.test(key)).map(({ key, label }) => `${key} plays ${label}`);
  const numbers = sounds.length - letters.length;
  const counted = numbers > 0 ? [`1 to ${Math.min(numbers, 9)} play the sounds${numbers > 9 ? " (0 the tenth)" : ""}`] : [];
  return h("p", { class: "fine" }, `Keys: ${[...letters, ...counted, "s stops"].join(", ")}.`);
}

function radios(kind: Kind, { order, hidden }: Showing, deck: Deck): Form {
  const inputs = order.map((name, index) => h("input", { type: "radio", name: "choice", value: name, id: `choice-${index}` }));
  const cards = order.map((name, index) => {
    const letter = "AB"[index] ?? "";
    const said = kind === "abx" ? `X is ${letter}` : letter;
    const label = h("label", { for: `choice-${index}`, class: "choice" }, inputs[index] ?? "", h("span", {}, said));
    return h("div", { class: "card" }, deck.buttons.get(name) ?? "", label);
  });
  const x = deck.buttons.get(X);
  const middle = x === undefined ? [] : [h("div", { class: "card" }, x, h("p", { class: "choice" }, "is one of the two"))];
  const chosen = () => inputs.find((input) => input.checked)?.value ?? "";
  const legend = h("legend", { class: "hidden" }, "Your answer");
  return {
    element: h("fieldset", { class: "cards" }, legend, cards[0] ?? "", ...middle, cards[1] ?? ""),
    missing: () => (chosen() === "" ? "Choose one of the two. If you are not sure, guess." : ""),
    choice: () => {
      if (kind !== "abx") return { reference: order[0] ?? "", other: order[1] ?? "", answer: chosen() };
      return { reference: hidden, other: order.find((name) => name !== hidden) ?? "", answer: chosen() === hidden ? "correct" : "incorrect" };
    },
    scores: () => [],
  };
}

function sliders({ order }: Showing, deck: Deck): Form {
  const moved = new Set<string>();
  const values = new Map(order.map((name) => [name, 0]));
  const rows = order.map((name, index) => {
    const label = `Score of sound ${index + 1}`;
    const slider = h("input", { type: "range", min: "0", max: "100", step: "1", value: "0", "aria-label": label, class: "unset" });
    const said = h("output", {}, "-");
    const take = () => {
      moved.add(name);
      values.set(name, Number(slider.value));
      slider.classList.remove("unset");
      said.textContent = slider.value;
      slider.setAttribute("aria-valuetext", `${slider.value}, ${GRADES[Math.min(Math.floor(Number(slider.value) / 20), 4)]}`);
    };
    for (const kind of ["input", "change", "pointerup"]) slider.addEventListener(kind, take);
    slider.addEventListener("keydown", (event) => event.key === "Home" && take());
    return h("div", { class: "rating" }, deck.buttons.get(name) ?? "", slider, said);
  });
  const scale = h("div", { class: "scale", "aria-hidden": "true" }, ...GRADES.map((grade) => h("span", {}, grade)));
  const reference = h("div", { class: "reference" }, deck.buttons.get(REFERENCE) ?? "", h("span", { class: "quiet" }, "One of the sounds is the same: score it 100."));
  return {
    element: h("div", { class: "ratings" }, reference, scale, ...rows),
    missing: () => {
      const left = order.flatMap((name, index) => (moved.has(name) ? [] : [`sound ${index + 1}`]));
      if (left.length > 0) return `No score yet: ${left.join(", ")}.`;
      return Math.max(...values.values()) < 100 ? "One of the sounds is the reference itself: score that one 100." : "";
    },
    choice: () => null,
    scores: () => order.map((name) => ({ stimulus: name, score: values.get(name) ?? 0 })),
  };
}
