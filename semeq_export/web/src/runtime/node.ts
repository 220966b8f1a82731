import { Controls } from "./controls.js";
import { SemeqError } from "./errors.js";
import { MAX_CHANNELS } from "./exports.js";
import type { Answer, Message, Setting } from "./messages.js";
import type { Model } from "./model.js";
import { checkChannels, checkRate, monitorGains, packEq } from "./settings.js";
import type { Dose, Eq, Mix, Monitor } from "./types.js";
import type { ProcessorOptions } from "./worklet.js";

/** The bundled worklet.ts, put here by the build. */
declare const SEMEQ_WORKLET: string;

const DOSE_MS = 100;
const modules = new WeakMap<BaseAudioContext, Promise<void>>();

/**
 * What a node starts with, without a fade. channels: 2 where left out; other inputs are mixed to as many.
 * moduleUrl: where semeq-worklet.js is served, for pages whose policy allows neither blob: nor data: scripts.
 */
export interface NodeOptions {
  channels?: number;
  eq?: Eq;
  mix?: Mix;
  intensity?: number;
  monitor?: Monitor;
  gain_db?: number;
  moduleUrl?: string;
}

/** Words as an audio node: connect `node` as any AudioNode. It adds no latency. */
export class SemeqNode extends Controls {
  readonly node: AudioWorkletNode;
  /** Told ten times a second while the EQ listens. */
  onDose: ((dose: Dose) => void) | null = null;
  /** Told if the audio thread had to stop; the node is silent from then on. */
  onError: ((error: SemeqError) => void) | null = null;
  readonly #asked = new Map<number, (dose: Dose) => void>();
  #number = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(model: Model, node: AudioWorkletNode) {
    super(model);
    this.node = node;
    node.port.onmessage = (event: MessageEvent<Answer>) => this.#hear(event.data);
    node.onprocessorerror = () => this.onError?.(new SemeqError("the audio thread stopped the EQ; reload the page"));
  }

  static async create(context: BaseAudioContext, model: Model, options: NodeOptions = {}): Promise<SemeqNode> {
    checkRate(context.sampleRate);
    const channels = checkChannels(options.channels ?? 2, MAX_CHANNELS);
    const first: Message[] = [{ kind: "monitor", gains: monitorGains(options.monitor ?? "eq", options.gain_db ?? 0) }];
    if (options.eq !== undefined) first.push({ kind: "eq", eq: packEq(options.eq), intensity: 1 });
    if (options.mix !== undefined) {
      model.eqFor(options.mix, options.intensity);
      first.push({ kind: "eq", eq: packEq(model.eqFor(options.mix)), intensity: options.intensity ?? 1 });
    }
    await addModule(context, options.moduleUrl);
    const processorOptions: ProcessorOptions = { wasm: model.wasm, channels, first };
    const node = new AudioWorkletNode(context, "semeq", {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [channels],
      channelCount: channels,
      channelCountMode: "explicit",
      processorOptions,
    });
    return new SemeqNode(model, node);
  }

  override setListening(isOn: boolean, reference?: string): void {
    super.setListening(isOn, reference);
    clearInterval(this.#timer);
    this.#timer = isOn ? setInterval(() => void this.#ask().then((dose) => this.onDose?.(dose)), DOSE_MS) : undefined;
  }

  /** Wait until the audio thread has taken all that was asked for so far. */
  async settled(): Promise<void> {
    await this.#ask();
  }

  /** Give back what the node holds; it is silent from then on. */
  close(): void {
    clearInterval(this.#timer);
    this.node.disconnect();
    this.#post({ kind: "close" });
    this.node.port.onmessage = null;
  }

  protected override send(setting: Setting): void {
    this.#post(setting);
  }

  #post(message: Message): void {
    this.node.port.postMessage(message);
  }

  #ask(): Promise<Dose> {
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#asked.set(number, resolve);
      this.#post({ kind: "ask", number });
    });
  }

  #hear(answer: Answer): void {
    if (answer.kind === "failed") {
      this.onError?.(new SemeqError(answer.why));
      return;
    }
    this.#asked.get(answer.number)?.(answer.state);
    this.#asked.delete(answer.number);
  }
}

/** Load the worklet once for each context. Chromium takes no blob: from a page without an origin, as of file://; data: works there. */
function addModule(context: BaseAudioContext, moduleUrl: string | undefined): Promise<void> {
  if (context.audioWorklet === undefined) throw new SemeqError("this page has no audio worklets; open it from https://, http://localhost or a file");
  let loaded = modules.get(context);
  if (loaded === undefined) {
    const data = `data:text/javascript;base64,${btoa(SEMEQ_WORKLET)}`;
    loaded = moduleUrl !== undefined ? context.audioWorklet.addModule(moduleUrl) : origin === "null" ? context.audioWorklet.addModule(data) : addBlob(context, data);
    loaded = loaded.catch((error: unknown) => {
      modules.delete(context);
      throw new SemeqError(`the audio worklet does not load (${String(error)}); see moduleUrl in the README`, { cause: error });
    });
    modules.set(context, loaded);
  }
  return loaded;
}

async function addBlob(context: BaseAudioContext, otherwise: string): Promise<void> {
  const address = URL.createObjectURL(new Blob([SEMEQ_WORKLET], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(address);
  } catch {
    await context.audioWorklet.addModule(otherwise);
  } finally {
    URL.revokeObjectURL(address);
  }
}
