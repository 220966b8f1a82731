/** What plays the sounds of a trial: a button for each, stop, where it is, and the part that is looped. All by keyboard too. */

import { button, h } from "./dom";
import type { Player } from "./player";

export interface Sounding {
  name: string;
  label: string;
  key: string;
}

const TICK_MS = 100;
const SHORTEST_S = 0.5;

export class Deck {
  readonly element: HTMLElement;
  /** Buttons by the sound's name, for screens that place them among their own. */
  readonly buttons = new Map<string, HTMLButtonElement>();
  readonly played = new Set<string>();
  /** Told when a sound is heard. */
  onHeard: (() => void) | null = null;
  readonly #ticking: number;

  constructor(
    private readonly player: Player,
    private readonly sounds: readonly Sounding[],
  ) {
    for (const { name, label, key } of sounds) {
      const made = button(`Play ${label}`, () => void player.hear(name), { class: "play", "aria-pressed": "false", ...(key === "" ? {} : { "aria-keyshortcuts": key }) });
      this.buttons.set(name, made);
    }
    const stop = button("Stop", () => player.stop(), { class: "stop", "aria-keyshortcuts": "s" });
    const place = h("progress", { max: String(player.seconds), value: "0", "aria-label": "Place in the sound" });
    this.element = h("div", { class: "deck" }, h("div", { class: "transport" }, stop, place), this.#loop());
    player.onChange = (heard) => this.#mark(heard);
    this.#ticking = setInterval(() => (place.value = player.position), TICK_MS);
    addEventListener("keydown", this.#onKey);
  }

  /** Stop, and no longer listen to keys. */
  close(): void {
    this.player.onChange = null;
    this.player.stop();
    clearInterval(this.#ticking);
    removeEventListener("keydown", this.#onKey);
  }

  #mark(heard: string): void {
    if (heard !== "") {
      this.played.add(heard);
      this.onHeard?.();
    }
    for (const [name, element] of this.buttons) {
      element.setAttribute("aria-pressed", String(name === heard));
      element.classList.toggle("played", this.played.has(name));
    }
  }

  #loop(): HTMLElement {
    const end = this.player.seconds;
    const slider = (label: string, value: number) =>
      h("input", { type: "range", min: "0", max: end.toFixed(2), step: "0.05", value: value.toFixed(2), "aria-label": label });
    const from = slider("Loop from, seconds", 0);
    const to = slider("Loop to, seconds", end);
    const said = h("output", {}, "");
    const say = () => {
      from.setAttribute("aria-valuetext", `${from.value} seconds`);
      to.setAttribute("aria-valuetext", `${to.value} seconds`);
      said.textContent = `${Number(from.value).toFixed(1)} to ${Number(to.value).toFixed(1)} s`;
    };
    const apply = () => {
      if (Number(to.value) - Number(from.value) < SHORTEST_S) {
        from.value = String(Math.max(Math.min(Number(from.value), end - SHORTEST_S), 0));
        to.value = String(Number(from.value) + SHORTEST_S);
      }
      say();
      this.player.setRegion(Number(from.value), Number(to.value));
    };
    for (const each of [from, to]) {
      each.addEventListener("input", say);
      each.addEventListener("change", apply);
    }
    say();
    return h("details", { class: "loop" }, h("summary", {}, "Loop a part"), h("div", { class: "region" }, from, to, said));
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey || (event.target as Element).matches("input[type=text], textarea")) return;
    const key = event.key.toLowerCase();
    if (key === "s") this.player.stop();
    const wanted = this.sounds.find((sound) => sound.key === key);
    if (wanted !== undefined) void this.player.hear(wanted.name);
  };
}
