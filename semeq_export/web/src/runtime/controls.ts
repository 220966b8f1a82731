import { SemeqError } from "./errors.js";
import type { Setting } from "./messages.js";
import type { Model } from "./model.js";
import { monitorGains, packEq } from "./settings.js";
import type { Eq, Mix, Monitor } from "./types.js";

/** How an EQ that runs is told what to do, wherever it runs. What is refused raises SemeqError and changes nothing. */
export abstract class Controls {
  readonly #model: Model;

  protected constructor(model: Model) {
    this.#model = model;
  }

  /** Glide to an EQ: faded in over 30 ms from the next 512 samples on; of several that are asked for meanwhile the last one counts. */
  setEq(eq: Eq): void {
    this.send({ kind: "eq", eq: packEq(eq), intensity: 1 });
  }

  /** Glide to words, at an intensity of -3..3. An EQ that listens keeps counting in doses of these words. */
  setMix(mix: Mix, intensity = 1): void {
    this.#model.eqFor(mix, intensity); // refuses here what could not be
    this.send({ kind: "eq", eq: packEq(this.#model.eqFor(mix)), intensity });
  }

  /** Choose what is heard, without a click: it is faded in over 20 ms. gain_db: of what is heard, to make loudness equal. */
  setMonitor(what: Monitor, gain_db = 0): void {
    this.send({ kind: "monitor", gains: monitorGains(what, gain_db) });
  }

  /** Let the dose follow the sound. reference: the text of a kit's references/NAME.json, which stays until another one is given. */
  setListening(isOn: boolean, reference?: string): void {
    if (typeof isOn !== "boolean") throw new SemeqError(`listening is ${String(isOn)}, expected true or false`);
    this.send({ kind: "listening", isOn, reference: reference === undefined ? null : this.#model.readReference(reference) });
  }

  protected abstract send(setting: Setting): void;
}
