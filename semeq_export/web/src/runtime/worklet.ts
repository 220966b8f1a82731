/** The audio thread's side: bundled apart, and given to `addModule` by `SemeqNode`. */
import { Instance } from "./exports.js";
import { Live } from "./live.js";
import type { Answer, Message } from "./messages.js";

declare const sampleRate: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

export interface ProcessorOptions {
  wasm: BufferSource;
  channels: number;
  first: readonly Message[];
}

class SemeqProcessor extends AudioWorkletProcessor {
  readonly #live: Live;
  #isOpen = true;
  #hasFailed = false;

  constructor({ processorOptions }: { processorOptions: ProcessorOptions }) {
    super();
    const { wasm, channels, first } = processorOptions;
    this.#live = new Live(new Instance(new WebAssembly.Module(wasm)), sampleRate, channels);
    this.port.onmessage = (event: MessageEvent<Message>) => this.#take(event.data);
    for (const message of first) this.#take(message);
  }

  process(inputs: readonly (readonly Float32Array[])[], outputs: readonly (readonly Float32Array[])[]): boolean {
    if (!this.#isOpen || this.#hasFailed) return false;
    try {
      this.#live.process(inputs[0]!, outputs[0]!);
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  #take(message: Message): void {
    try {
      if (message.kind === "ask") {
        this.#say({ kind: "state", number: message.number, state: this.#live.state() });
      } else if (message.kind === "close") {
        this.#isOpen = false;
        this.#live.close();
      } else {
        this.#live.take(message);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#say({ kind: "failed", why: String(error) });
  }

  #say(answer: Answer): void {
    this.port.postMessage(answer);
  }
}

registerProcessor("semeq", SemeqProcessor);
