import { Controls } from "./controls.js";
import { SemeqError } from "./errors.js";
import { Instance } from "./exports.js";
import { Live } from "./live.js";
import type { Setting } from "./messages.js";
import type { Model } from "./model.js";
import type { Dose } from "./types.js";

/** The live EQ without Web Audio: for Node, a worker, or an audio worklet of your own. Any cut into blocks gives the same bits. */
export class Stream extends Controls {
  readonly #live: Live;

  private constructor(model: Model, live: Live) {
    super(model);
    this.#live = live;
  }

  static async create(model: Model, sampleRateHz: number, channels: number): Promise<Stream> {
    return new Stream(model, new Live(new Instance(await WebAssembly.compile(model.wasm)), sampleRateHz, channels));
  }

  /** Process the next samples of each channel: from `inputs` to `outputs`, which may be the same. Samples that are not finite become 0. */
  process(inputs: readonly Float32Array[], outputs: readonly Float32Array[]): void {
    const samples = outputs[0]?.length ?? 0;
    if (inputs.length !== this.#live.channels || outputs.length !== this.#live.channels || [...inputs, ...outputs].some((one) => one.length !== samples)) {
      throw new SemeqError(`expected ${this.#live.channels} channels of one length as inputs and outputs`);
    }
    if (samples > 0) this.#live.process(inputs, outputs);
  }

  /** What an EQ that listens has found so far. */
  get dose(): Dose {
    return this.#live.state();
  }

  protected override send(setting: Setting): void {
    this.#live.take(setting);
  }
}
