// SPDX-License-Identifier: MIT
// semeq: words to EQ. Built from semeq_export/web/src/runtime.
/** What was wrong, in one line that says what to do. Everything in this module that is refused raises it. */
export declare class SemeqError extends Error {
    readonly name = "SemeqError";
}
/** A band's kind; the filters are those of the Audio EQ Cookbook, with its Q for shelves too. */
export type Kind = "low_shelf" | "peak" | "high_shelf";
/** freq_hz: 1e-6..200000. gain_db: -60..60. q: 1e-6..1000. A band at more than 0.95 of half the sample rate is left out. */
export interface Band {
    kind: Kind;
    freq_hz: number;
    gain_db: number;
    q: number;
    enabled?: boolean;
}
/** At most 64 bands in series, and an overall gain of -120..120 dB. */
export interface Eq {
    bands: Band[];
    preamp_db: number;
}
/** How much of each word: 1 is the word as people meant it, 0.5 half of it, below 0 less of it. */
export type Mix = Readonly<Record<string, number>>;
/** What is heard: the processed signal, the dry one, or processed minus dry. */
export type Monitor = "eq" | "dry" | "delta";
/** A kit's semeq.wasm, and three files of its model. Texts may be given as their bytes. */
export interface ModelFiles {
    wasm: BufferSource;
    decoder: BufferSource;
    centroids: string | BufferSource;
    manifest: string | BufferSource;
}
/**
 * What an EQ that listens found. dose: how much of what is asked for the sound has already, null until half a second was heard.
 * factor: what the intensity is multiplied by for it. seconds: of sound so far.
 */
export interface Dose {
    dose: number | null;
    factor: number;
    seconds: number;
}
/** What a live EQ can be told, in the form in which it crosses to the audio thread. */
type Setting = {
    kind: "eq";
    eq: Float64Array;
    intensity: number;
} | {
    kind: "monitor";
    gains: readonly [number, number];
} | {
    kind: "listening";
    isOn: boolean;
    reference: Float64Array | null;
};
type Message = Setting | {
    kind: "ask";
    number: number;
} | {
    kind: "close";
};
/** What the audio thread says back. */
type Answer = {
    kind: "state";
    number: number;
    state: Dose;
} | {
    kind: "failed";
    why: string;
};
/** Words, and what they mean as an EQ. For the main thread, a worker or Node; `SemeqNode` and `Stream` play what it decodes. */
export declare class Model {
    #private;
    /** The words that the model knows, in alphabetical order. */
    readonly words: readonly string[];
    private constructor();
    /** Load a model. Raises SemeqError for files that are damaged or do not belong together. */
    static load(files: ModelFiles): Promise<Model>;
    /** Load semeq.wasm and a model's folder from a server, by their addresses. */
    static fetch(wasm: string | URL, folder: string | URL): Promise<Model>;
    /** The EQ of words, times an intensity of -3..3. Raises SemeqError for a word that the model does not know, and for amounts that cannot be. */
    eqFor(mix: Mix, intensity?: number): Eq;
    /** The magnitude response in dB at frequencies of 0..half the sample rate. */
    responseDb(eq: Eq, freqsHz: ArrayLike<number>, sampleRateHz: number): Float64Array;
    /**
     * Integrated loudness in LUFS, ITU-R BS.1770-4; -Infinity for silence and for less than 0.4 s. With an eq, that of what it would make of the sound.
     * weights: what the power of each channel counts, where that is not 1 (surround speakers 1.41, LFE 0).
     */
    loudness(channels: readonly Float32Array[], sampleRateHz: number, options?: {
        eq?: Eq;
        weights?: readonly number[];
    }): number;
    /** Whole channels through an EQ, computed in float64. Raises SemeqError for samples that are not finite or over +60 dBFS. */
    apply(eq: Eq, channels: readonly Float32Array[], sampleRateHz: number): Float32Array<ArrayBuffer>[];
}
/** How an EQ that runs is told what to do, wherever it runs. What is refused raises SemeqError and changes nothing. */
declare abstract class Controls {
    #private;
    protected constructor(model: Model);
    /** Glide to an EQ: faded in over 30 ms from the next 512 samples on; of several that are asked for meanwhile the last one counts. */
    setEq(eq: Eq): void;
    /** Glide to words, at an intensity of -3..3. An EQ that listens keeps counting in doses of these words. */
    setMix(mix: Mix, intensity?: number): void;
    /** Choose what is heard, without a click: it is faded in over 20 ms. gain_db: of what is heard, to make loudness equal. */
    setMonitor(what: Monitor, gain_db?: number): void;
    /** Let the dose follow the sound. reference: the text of a kit's references/NAME.json, which stays until another one is given. */
    setListening(isOn: boolean, reference?: string): void;
    protected abstract send(setting: Setting): void;
}
/** The live EQ without Web Audio: for Node, a worker, or an audio worklet of your own. Any cut into blocks gives the same bits. */
export declare class Stream extends Controls {
    #private;
    private constructor();
    static create(model: Model, sampleRateHz: number, channels: number): Promise<Stream>;
    /** Process the next samples of each channel: from `inputs` to `outputs`, which may be the same. Samples that are not finite become 0. */
    process(inputs: readonly Float32Array[], outputs: readonly Float32Array[]): void;
    /** What an EQ that listens has found so far. */
    get dose(): Dose;
    protected send(setting: Setting): void;
}
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
export declare class SemeqNode extends Controls {
    #private;
    readonly node: AudioWorkletNode;
    /** Told ten times a second while the EQ listens. */
    onDose: ((dose: Dose) => void) | null;
    /** Told if the audio thread had to stop; the node is silent from then on. */
    onError: ((error: SemeqError) => void) | null;
    private constructor();
    static create(context: BaseAudioContext, model: Model, options?: NodeOptions): Promise<SemeqNode>;
    setListening(isOn: boolean, reference?: string): void;
    /** Wait until the audio thread has taken all that was asked for so far. */
    settled(): Promise<void>;
    /** Give back what the node holds; it is silent from then on. */
    close(): void;
    protected send(setting: Setting): void;
}
export {};
