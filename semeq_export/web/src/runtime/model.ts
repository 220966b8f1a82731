import { SemeqError } from "./errors.js";
import { CHUNK, Instance, MAX_CHANNELS } from "./exports.js";
import { checkChannels, checkMix, checkNumber, checkRate, EQ_NUMBERS, packEq, shown, unpackEq } from "./settings.js";
import type { Eq, Mix, ModelFiles } from "./types.js";

const MAX_SAMPLE = 1_000; // +60 dBFS

/** Words, and what they mean as an EQ. For the main thread, a worker or Node; `SemeqNode` and `Stream` play what it decodes. */
export class Model {
  /** The words that the model knows, in alphabetical order. */
  readonly words: readonly string[];
  /** @internal */
  readonly wasm: BufferSource;
  readonly #instance: Instance;
  readonly #model: number;

  private constructor(wasm: BufferSource, instance: Instance, model: number) {
    this.wasm = wasm;
    this.#instance = instance;
    this.#model = model;
    const text = new TextDecoder();
    const { call } = instance;
    this.words = Array.from({ length: call.semeq_model_count(model) }, (_, i) => text.decode(instance.bytesAt(call.semeq_model_word(model, i))));
  }

  /** Load a model. Raises SemeqError for files that are damaged or do not belong together. */
  static async load(files: ModelFiles): Promise<Model> {
    const wasm = bytesOf("semeq.wasm", files.wasm).slice(); // nodes need it later, when the caller's may be gone to another thread
    const module = await WebAssembly.compile(wasm).catch((error: unknown) => {
      throw new SemeqError(`semeq.wasm: is no WebAssembly (${String(error)}); take it from a kit`, { cause: error });
    });
    const instance = new Instance(module);
    const pieces = [bytesOf("decoder.semeq", files.decoder), bytesOf("centroids.json", files.centroids), bytesOf("manifest.json", files.manifest)];
    const load = instance.call.semeq_model_new as (...places: number[]) => number;
    const model = instance.guard(() => instance.lend(pieces, load));
    if (model === 0) throw instance.refusal();
    return new Model(wasm, instance, model);
  }

  /** Load semeq.wasm and a model's folder from a server, by their addresses. */
  static async fetch(wasm: string | URL, folder: string | URL): Promise<Model> {
    const base = String(folder).replace(/\/?$/, "/");
    const [program, decoder, centroids, manifest] = await Promise.all(
      [String(wasm), `${base}decoder.semeq`, `${base}centroids.json`, `${base}manifest.json`].map(async (address) => {
        const answer = await globalThis.fetch(address);
        if (!answer.ok) throw new SemeqError(`${address}: the server answers ${answer.status}`);
        return answer.arrayBuffer();
      }),
    );
    return Model.load({ wasm: program!, decoder: decoder!, centroids: centroids!, manifest: manifest! });
  }

  /** The EQ of words, times an intensity of -3..3. Raises SemeqError for a word that the model does not know, and for amounts that cannot be. */
  eqFor(mix: Mix, intensity = 1): Eq {
    const { call } = this.#instance;
    checkNumber("the intensity", intensity, -3, 3);
    const parts = checkMix(mix).flatMap(([word, amount]) => [this.#indexOf(word), amount]);
    const { numbers } = this.#instance; // only now: finding words may move memory
    if (parts.length > numbers.length) throw new SemeqError(`${parts.length / 2} words at once, expected at most ${numbers.length / 2}`);
    numbers.set(parts);
    if (this.#instance.guard(() => call.semeq_model_mix(this.#model, parts.length / 2, intensity)) === 0) throw this.#instance.refusal();
    return unpackEq(this.#instance.numbers);
  }

  /** The magnitude response in dB at frequencies of 0..half the sample rate. */
  responseDb(eq: Eq, freqsHz: ArrayLike<number>, sampleRateHz: number): Float64Array {
    const { call, numbers } = this.#instance;
    const packed = packEq(eq);
    const most = checkRate(sampleRateHz) / 2;
    const result = Float64Array.from(freqsHz, (freqHz) => checkNumber("a frequency in Hz", freqHz, 0, most));
    const atOnce = numbers.length - EQ_NUMBERS;
    for (let start = 0; start < result.length; start += atOnce) {
      const part = result.subarray(start, start + atOnce);
      numbers.set(packed);
      numbers.set(part, EQ_NUMBERS);
      if (call.semeq_response(part.length, sampleRateHz) === 0) throw this.#instance.refusal();
      part.set(numbers.subarray(EQ_NUMBERS, EQ_NUMBERS + part.length));
    }
    return result;
  }

  /**
   * Integrated loudness in LUFS, ITU-R BS.1770-4; -Infinity for silence and for less than 0.4 s. With an eq, that of what it would make of the sound.
   * weights: what the power of each channel counts, where that is not 1 (surround speakers 1.41, LFE 0).
   */
  loudness(channels: readonly Float32Array[], sampleRateHz: number, options: { eq?: Eq; weights?: readonly number[] } = {}): number {
    const { call } = this.#instance;
    const frames = checkAudio(channels, sampleRateHz);
    const filter = this.#filter(options.eq ?? { bands: [], preamp_db: 0 }, channels.length, sampleRateHz); // it checks the samples, too
    this.#instance.numbers.set(channels.map((_, channel) => options.weights?.[channel] ?? 1));
    const meter = this.#instance.guard(() => call.semeq_loudness_new(sampleRateHz, channels.length));
    try {
      if (meter === 0) throw this.#instance.refusal();
      for (let start = 0; start < frames; start += CHUNK) {
        const samples = this.#put(channels, start);
        this.#run(filter, samples, channels, start);
        call.semeq_loudness_feed(meter, samples);
      }
      return call.semeq_loudness_lufs(meter);
    } finally {
      if (meter !== 0) call.semeq_loudness_free(meter);
      call.semeq_offline_free(filter);
    }
  }

  /** Whole channels through an EQ, computed in float64. Raises SemeqError for samples that are not finite or over +60 dBFS. */
  apply(eq: Eq, channels: readonly Float32Array[], sampleRateHz: number): Float32Array<ArrayBuffer>[] {
    const frames = checkAudio(channels, sampleRateHz);
    const filter = this.#filter(eq, channels.length, sampleRateHz);
    try {
      const result = channels.map(() => new Float32Array(frames));
      const { planes } = this.#instance;
      for (let start = 0; start < frames; start += CHUNK) {
        const samples = this.#put(channels, start);
        this.#run(filter, samples, channels, start);
        result.forEach((channel, c) => channel.set(planes[c]!.subarray(0, samples), start));
      }
      return result;
    } finally {
      this.#instance.call.semeq_offline_free(filter);
    }
  }

  /** A reference's numbers as streams take them. @internal */
  readReference(text: string): Float64Array {
    const { call } = this.#instance;
    const count = this.#instance.guard(() => this.#instance.lend([new TextEncoder().encode(text)], (place, size) => call.semeq_reference_read(place!, size!)));
    if (count === 0) throw this.#instance.refusal();
    return this.#instance.numbers.slice(0, count);
  }

  #indexOf(word: string): number {
    const { call } = this.#instance;
    const index = this.#instance.lend([new TextEncoder().encode(word)], (place, size) => call.semeq_model_find(this.#model, place!, size!));
    if (index < 0) throw new SemeqError(`unknown word ${shown(word)}; the model's words are in its list, words`);
    return index;
  }

  #filter(eq: Eq, channels: number, sampleRateHz: number): number {
    this.#instance.numbers.set(packEq(eq));
    const filter = this.#instance.guard(() => this.#instance.call.semeq_offline_new(sampleRateHz, channels));
    if (filter === 0) throw this.#instance.refusal();
    return filter;
  }

  /** Put the samples from `start` on where semeq.wasm reads them, and say how many they are. */
  #put(channels: readonly Float32Array[], start: number): number {
    const { planes } = this.#instance;
    channels.forEach((channel, c) => planes[c]!.set(channel.subarray(start, start + CHUNK)));
    return Math.min(CHUNK, channels[0]!.length - start);
  }

  #run(filter: number, samples: number, channels: readonly Float32Array[], start: number): void {
    const usable = this.#instance.call.semeq_offline_process(filter, samples);
    if (usable === samples) return;
    const at = start + usable;
    const channel = channels.findIndex((one) => !(Math.abs(one[at]!) <= MAX_SAMPLE));
    throw new SemeqError(`sample ${at} of channel ${channel + 1} is ${channels[channel]![at]}, expected finite numbers up to +60 dBFS`);
  }
}

function bytesOf(name: string, piece: unknown): Uint8Array {
  if (typeof piece === "string") return new TextEncoder().encode(piece);
  if (piece instanceof ArrayBuffer) return new Uint8Array(piece);
  if (ArrayBuffer.isView(piece)) return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  throw new SemeqError(`${name}: is neither bytes nor a text`);
}

/** The length of channels that are alike. */
function checkAudio(channels: readonly Float32Array[], sampleRateHz: number): number {
  checkRate(sampleRateHz);
  if (!Array.isArray(channels)) throw new SemeqError("channels are no list of Float32Array");
  checkChannels(channels.length, MAX_CHANNELS);
  if (!channels.every((channel) => channel instanceof Float32Array)) throw new SemeqError("a channel is no Float32Array");
  const frames = channels[0]!.length;
  if (channels.some((channel) => channel.length !== frames)) {
    throw new SemeqError(`channels of ${channels.map((channel) => channel.length).join(" and ")} samples, expected the same length`);
  }
  return frames;
}
