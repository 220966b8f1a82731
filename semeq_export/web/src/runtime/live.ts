import { CHUNK, Instance, MAX_CHANNELS } from "./exports.js";
import type { Setting } from "./messages.js";
import { checkChannels, checkRate } from "./settings.js";
import type { Dose } from "./types.js";

/** An EQ that runs. `process` makes no garbage. */
export class Live {
  readonly channels: number;
  readonly #instance: Instance;
  readonly #live: number;
  readonly #sampleRateHz: number;
  #views: Float32Array[] = [];
  #intensity = 1;

  constructor(instance: Instance, sampleRateHz: number, channels: number) {
    checkRate(sampleRateHz);
    this.channels = checkChannels(channels, MAX_CHANNELS);
    this.#instance = instance;
    this.#live = instance.guard(() => instance.call.semeq_live_new(sampleRateHz, channels));
    if (this.#live === 0) throw instance.refusal();
    this.#sampleRateHz = sampleRateHz;
  }

  take(message: Setting): void {
    const { call, numbers } = this.#instance;
    switch (message.kind) {
      case "eq":
        numbers.set(message.eq);
        if (call.semeq_live_set_eq(this.#live, message.intensity) === 0) throw this.#instance.refusal();
        this.#intensity = message.intensity;
        break;
      case "monitor":
        if (call.semeq_live_set_monitor(this.#live, ...message.gains) === 0) throw this.#instance.refusal();
        break;
      case "listening":
        if (message.reference !== null) {
          numbers.set(message.reference);
          call.semeq_live_set_reference(this.#live);
        }
        call.semeq_live_set_listening(this.#live, message.isOn ? 1 : 0);
    }
  }

  /** Process samples of as many channels; where there is no input, silence goes in. Only blocks over CHUNK samples make garbage. */
  process(inputs: readonly Float32Array[], outputs: readonly Float32Array[]): void {
    const samples = outputs[0]!.length;
    if (samples <= CHUNK) {
      this.#run(inputs, outputs, samples);
      return;
    }
    for (let start = 0; start < samples; start += CHUNK) {
      const part = (channel: Float32Array): Float32Array => channel.subarray(start, start + CHUNK);
      this.#run(inputs.map(part), outputs.map(part), Math.min(CHUNK, samples - start));
    }
  }

  #run(inputs: readonly Float32Array[], outputs: readonly Float32Array[], samples: number): void {
    const views = this.#viewsOf(samples);
    for (let c = 0; c < this.channels; c++) {
      const input = inputs[c];
      if (input === undefined) views[c]!.fill(0);
      else views[c]!.set(input);
    }
    this.#instance.call.semeq_live_process(this.#live, samples);
    for (let c = 0; c < outputs.length; c++) outputs[c]!.set(views[c]!);
  }

  state(): Dose {
    this.#instance.call.semeq_live_state(this.#live);
    const [heard, hasDose, dose, gain] = this.#instance.numbers as unknown as [number, number, number, number];
    return { dose: hasDose === 1 ? dose : null, factor: this.#intensity === 0 ? 1 : gain / this.#intensity, seconds: heard / this.#sampleRateHz };
  }

  close(): void {
    this.#instance.call.semeq_live_free(this.#live);
  }

  /** Views of the first samples of each plane, kept from call to call while the size of blocks and the memory stay. */
  #viewsOf(samples: number): readonly Float32Array[] {
    if (this.#views.length === 0 || this.#views[0]!.length !== samples) {
      this.#views = this.#instance.planes.slice(0, this.channels).map((plane) => plane.subarray(0, samples));
    }
    return this.#views;
  }
}
