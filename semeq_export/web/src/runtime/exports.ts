import { SemeqError } from "./errors.js";

/** Addresses in the memory of semeq.wasm. */
type Pointer = number;

/** The functions of semeq_wasm.cpp, where each is explained. */
export interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  semeq_abi(): number;
  semeq_why(): Pointer;
  semeq_numbers(): Pointer;
  semeq_audio(): Pointer;
  semeq_alloc(size: number): Pointer;
  semeq_free(block: Pointer): void;
  semeq_model_new(...files: [Pointer, number, Pointer, number, Pointer, number]): Pointer;
  semeq_model_free(model: Pointer): void;
  semeq_model_count(model: Pointer): number;
  semeq_model_word(model: Pointer, index: number): Pointer;
  semeq_model_find(model: Pointer, name: Pointer, size: number): number;
  semeq_model_mix(model: Pointer, count: number, intensity: number): number;
  semeq_response(count: number, sampleRateHz: number): number;
  semeq_reference_read(text: Pointer, size: number): number;
  semeq_live_new(sampleRateHz: number, channels: number): Pointer;
  semeq_live_free(live: Pointer): void;
  semeq_live_set_eq(live: Pointer, intensity: number): number;
  semeq_live_set_monitor(live: Pointer, processed: number, dry: number): number;
  semeq_live_set_reference(live: Pointer): void;
  semeq_live_set_listening(live: Pointer, isOn: number): void;
  semeq_live_reset(live: Pointer): void;
  semeq_live_process(live: Pointer, samples: number): void;
  semeq_live_state(live: Pointer): void;
  semeq_live_eq(live: Pointer): void;
  semeq_offline_new(sampleRateHz: number, channels: number): Pointer;
  semeq_offline_free(filter: Pointer): void;
  semeq_offline_process(filter: Pointer, samples: number): number;
  semeq_loudness_new(sampleRateHz: number, channels: number): Pointer;
  semeq_loudness_free(meter: Pointer): void;
  semeq_loudness_feed(meter: Pointer, samples: number): void;
  semeq_loudness_lufs(meter: Pointer): number;
}

const ABI = 1;
const N_NUMBERS = 4096;

/** Samples that one call may process, and channels there may be. */
export const CHUNK = 1024;
export const MAX_CHANNELS = 64;

/**
 * An instance of semeq.wasm. Its views of memory are made anew where the memory grew, which only loading and making streams do: they are
 * empty then. (Asking a view for its buffer would be garbage on the audio thread.)
 */
export class Instance {
  readonly call: Exports;
  #numbers = new Float64Array(0);
  #planes: Float32Array[] = [];

  constructor(module: WebAssembly.Module) {
    try {
      this.call = new WebAssembly.Instance(module).exports as unknown as Exports;
      this.call._initialize();
    } catch (error) {
      throw new SemeqError(`semeq.wasm: does not start (${String(error)}); build it anew, or free memory`, { cause: error });
    }
    if (this.call.semeq_abi() !== ABI) throw new SemeqError("semeq.wasm: is of another version than semeq.js; take both from one kit");
  }

  /** The place where numbers are passed. */
  get numbers(): Float64Array {
    if (this.#numbers.length === 0) {
      this.#numbers = new Float64Array(this.call.memory.buffer, this.call.semeq_numbers(), N_NUMBERS);
    }
    return this.#numbers;
  }

  /** The place where samples are passed, of CHUNK samples for each channel. */
  get planes(): readonly Float32Array[] {
    if (this.#planes.length === 0 || this.#planes[0]!.length === 0) {
      const start = this.call.semeq_audio();
      this.#planes = Array.from(
        { length: MAX_CHANNELS },
        (_, channel) => new Float32Array(this.call.memory.buffer, start + channel * CHUNK * Float32Array.BYTES_PER_ELEMENT, CHUNK),
      );
    }
    return this.#planes;
  }

  /** Give bytes to a function as address and size; they are gone when it returns. */
  lend<Result>(pieces: readonly Uint8Array[], use: (...places: Pointer[]) => Result): Result {
    const blocks: Pointer[] = [];
    try {
      for (const piece of pieces) {
        const block = this.call.semeq_alloc(Math.max(1, piece.byteLength));
        if (block === 0) throw new SemeqError(`there is no memory for ${piece.byteLength} bytes`);
        blocks.push(block);
        new Uint8Array(this.call.memory.buffer, block, piece.byteLength).set(piece);
      }
      return use(...blocks.flatMap((block, i) => [block, pieces[i]!.byteLength]));
    } finally {
      for (const block of blocks) this.call.semeq_free(block);
    }
  }

  /** The bytes of a text that ends with 0. */
  bytesAt(place: Pointer): Uint8Array {
    const memory = new Uint8Array(this.call.memory.buffer);
    return memory.subarray(place, memory.indexOf(0, place));
  }

  /** Why the last call refused. The reasons are ASCII; audio worklets have no TextDecoder. */
  refusal(): SemeqError {
    return new SemeqError(String.fromCharCode(...this.bytesAt(this.call.semeq_why())));
  }

  /** Run what may run out of memory, which stops WebAssembly. */
  guard<Result>(use: () => Result): Result {
    try {
      return use();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw new SemeqError("semeq.wasm stopped: there is no memory left", { cause: error });
      throw error;
    }
  }
}
