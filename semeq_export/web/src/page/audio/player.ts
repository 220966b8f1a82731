/** Plays a clip through the model: a looping source, the EQ's node, an analyser of what is heard. One context per sample rate. */

import type { Dose, Eq, Mix, Model, Monitor } from "../../runtime/semeq";
import { SemeqNode } from "../../runtime/semeq";
import type { Clip } from "./clip";
import { loopOf } from "./loop";

/** A part of a clip in seconds. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

const FFT_SIZE = 8_192;
const FADE_S = 0.012;

interface Graph {
  readonly context: AudioContext;
  readonly channels: number;
  readonly eq: SemeqNode;
  readonly analyser: AnalyserNode;
}

export class Player {
  onDose: ((dose: Dose) => void) | null = null;
  onError: ((error: Error) => void) | null = null;
  private graph: Graph | null = null;
  private clip: Clip | null = null;
  private buffer: AudioBuffer | null = null;
  /** What goes round instead, where only a part does. */
  private part: AudioBuffer | null = null;
  private source: AudioBufferSourceNode | null = null;
  private fade: GainNode | null = null;
  private region: Region | null = null;
  private startedAt = 0;
  private offset = 0;
  private monitor: readonly [Monitor, number] = ["eq", 0];

  constructor(private readonly model: Model) {}

  get playing(): boolean {
    return this.source !== null;
  }

  get analyser(): AnalyserNode | null {
    return this.graph?.analyser ?? null;
  }

  /** Take another clip, at its own rate; it stops what plays. Throws an Error in one line where the browser cannot. */
  async load(clip: Clip): Promise<void> {
    this.pause();
    const graph = await this.graphFor(clip.sampleRateHz, clip.channels.length);
    this.clip = clip;
    this.buffer = bufferOf(graph.context, clip.channels);
    this.region = null;
    this.part = null;
    this.offset = 0;
  }

  async play(): Promise<void> {
    if (this.graph === null || this.buffer === null || this.playing) return;
    await this.graph.context.resume();
    this.start(this.offset);
  }

  pause(): void {
    if (this.source === null) return;
    this.offset = this.position;
    this.stopSource();
  }

  seek(seconds: number): void {
    if (this.playing) {
      this.stopSource();
      this.start(seconds);
    } else {
      this.offset = seconds;
    }
  }

  setRegion(region: Region | null): void {
    if (this.graph === null || this.clip === null) return;
    const { position } = this;
    this.region = region;
    this.part = region === null ? null : bufferOf(this.graph.context, loopOf(this.clip.channels, this.clip.sampleRateHz, region));
    const outside = region !== null && (position < region.start || position >= region.end);
    this.seek(outside ? region.start : position);
  }

  /** Where playing is, in seconds of the clip. */
  get position(): number {
    if (this.source === null || this.graph === null || this.buffer === null) return this.offset;
    const { start, end } = this.region ?? { start: 0, end: this.buffer.duration };
    const played = this.offset + Math.max(this.graph.context.currentTime - this.startedAt, 0);
    return played < end ? played : start + ((played - start) % (end - start));
  }

  setEq(eq: Eq): void {
    this.graph?.eq.setEq(eq);
  }

  setMix(mix: Mix, intensity: number): void {
    this.graph?.eq.setMix(mix, intensity);
  }

  setMonitor(what: Monitor, gainDb: number): void {
    this.monitor = [what, gainDb];
    this.graph?.eq.setMonitor(what, gainDb);
  }

  setListening(on: boolean, reference?: string): void {
    this.graph?.eq.setListening(on, reference);
  }

  private async graphFor(sampleRateHz: number, channels: number): Promise<Graph> {
    if (this.graph?.context.sampleRate === sampleRateHz && this.graph.channels === channels) return this.graph;
    const context = contextAt(sampleRateHz);
    const eq = await SemeqNode.create(context, this.model, { channels });
    const analyser = new AnalyserNode(context, { fftSize: FFT_SIZE, smoothingTimeConstant: 0.78, minDecibels: -110, maxDecibels: 0 });
    eq.node.connect(analyser).connect(context.destination);
    eq.onDose = (dose) => this.onDose?.(dose);
    eq.setMonitor(...this.monitor);
    eq.onError = (error) => this.onError?.(error);
    this.graph?.eq.close(); // only now: what was there plays on where the new one cannot be
    await this.graph?.context.close();
    this.graph = { context, channels, eq, analyser };
    return this.graph;
  }

  private start(seconds: number): void {
    if (this.graph === null || this.buffer === null) return;
    const { context, eq } = this.graph;
    const { start, end } = this.region ?? { start: 0, end: this.buffer.duration };
    const from = seconds >= start && seconds < end ? seconds : start;
    const source = new AudioBufferSourceNode(context, { buffer: this.part ?? this.buffer, loop: true });
    const fade = new GainNode(context, { gain: 0 });
    fade.gain.linearRampToValueAtTime(1, context.currentTime + FADE_S);
    source.connect(fade).connect(eq.node);
    source.start(0, from - start);
    this.source = source;
    this.fade = fade;
    this.offset = from;
    this.startedAt = context.currentTime;
  }

  private stopSource(): void {
    if (this.source === null || this.graph === null) return;
    const { currentTime } = this.graph.context;
    this.fade?.gain.cancelScheduledValues(currentTime);
    this.fade?.gain.setValueAtTime(1, currentTime);
    this.fade?.gain.linearRampToValueAtTime(0, currentTime + FADE_S);
    this.source.stop(currentTime + FADE_S);
    this.source = null;
    this.fade = null;
  }
}

function bufferOf(context: BaseAudioContext, channels: Clip["channels"]): AudioBuffer {
  const buffer = context.createBuffer(channels.length, channels[0]?.length ?? 1, context.sampleRate);
  channels.forEach((channel, c) => buffer.copyToChannel(channel, c));
  return buffer;
}

function contextAt(sampleRateHz: number): AudioContext {
  try {
    return new AudioContext({ sampleRate: sampleRateHz, latencyHint: "interactive" });
  } catch {
    throw new Error(`this browser does not play at ${sampleRateHz / 1_000} kHz: convert the sound to 44.1 or 48 kHz`);
  }
}
