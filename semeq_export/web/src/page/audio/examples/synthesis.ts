/** What the built-in examples are made of: oscillators, envelopes, noise and filters, computed once, the same on every machine. */

export const RATE_HZ = 48_000;

/** A pair of channels that sounds are added to. */
export class Sheet {
  readonly left: Float32Array<ArrayBuffer>;
  readonly right: Float32Array<ArrayBuffer>;

  constructor(readonly seconds: number) {
    this.left = new Float32Array(Math.round(seconds * RATE_HZ));
    this.right = new Float32Array(this.left.length);
  }

  /** Add a mono sound from a time on, wrapped around the end so that the loop has no seam. pan: -1 left to 1 right, equal power. */
  add(sound: Float32Array, atSeconds: number, gain: number, pan = 0): void {
    const start = Math.round(atSeconds * RATE_HZ);
    const angle = ((pan + 1) * Math.PI) / 4;
    const left = Math.cos(angle) * gain * Math.SQRT2;
    const right = Math.sin(angle) * gain * Math.SQRT2;
    for (let i = 0; i < sound.length; i++) {
      const at = (start + i) % this.left.length;
      const value = sound[i] ?? 0;
      this.left[at] = (this.left[at] ?? 0) + left * value;
      this.right[at] = (this.right[at] ?? 0) + right * value;
    }
  }

  /** Return both channels with their peak at a level in dBFS. */
  finished(peakDb: number): Float32Array<ArrayBuffer>[] {
    let peak = 1e-9;
    for (const channel of [this.left, this.right]) for (const value of channel) peak = Math.max(peak, Math.abs(value));
    const gain = 10 ** (peakDb / 20) / peak;
    return [this.left.map((value) => value * gain), this.right.map((value) => value * gain)];
  }
}

/** Return a source of numbers in -1..1, always the same for a seed (mulberry32). */
export function noiseSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Return a sound from a function of time in seconds and sample number. */
export function sound(seconds: number, at: (time: number, i: number) => number): Float32Array {
  const result = new Float32Array(Math.round(seconds * RATE_HZ));
  for (let i = 0; i < result.length; i++) result[i] = at(i / RATE_HZ, i);
  return result;
}

/** Fade in and out along a line, in place, so that nothing clicks. */
export function faded(samples: Float32Array, inSeconds: number, outSeconds: number): Float32Array {
  const rise = Math.max(Math.round(inSeconds * RATE_HZ), 1);
  const fall = Math.max(Math.round(outSeconds * RATE_HZ), 1);
  for (let i = 0; i < samples.length; i++) {
    samples[i] = (samples[i] ?? 0) * Math.min(i / rise, (samples.length - 1 - i) / fall, 1);
  }
  return samples;
}

export type Shape = "low" | "band" | "high";

/** A state-variable filter whose corner may move from sample to sample (A. Simper, Linear Trapezoidal Integrated SVF, 2013). */
export class Filter {
  private ic1 = 0;
  private ic2 = 0;

  constructor(private readonly shape: Shape) {}

  next(value: number, freqHz: number, q: number): number {
    const g = Math.tan((Math.PI * Math.min(freqHz, RATE_HZ * 0.45)) / RATE_HZ);
    const k = 1 / q;
    const a1 = 1 / (1 + g * (g + k));
    const v3 = value - this.ic2;
    const band = a1 * this.ic1 + g * a1 * v3;
    const low = this.ic2 + g * band;
    this.ic1 = 2 * band - this.ic1;
    this.ic2 = 2 * low - this.ic2;
    return this.shape === "low" ? low : this.shape === "band" ? band : value - k * band - low;
  }
}

/** A saw without the worst of its aliases (polynomial step, Valimaki and Huovilainen 2007). */
export class Saw {
  constructor(private phase = 0) {}

  next(freqHz: number): number {
    const step = freqHz / RATE_HZ;
    this.phase = (this.phase + step) % 1;
    let value = 2 * this.phase - 1;
    if (this.phase < step) {
      const t = this.phase / step;
      value -= t + t - t * t - 1;
    } else if (this.phase > 1 - step) {
      const t = (this.phase - 1) / step;
      value -= t * t + t + t + 1;
    }
    return value;
  }
}

/** Return the frequency of a MIDI note. */
export function noteHz(note: number): number {
  return 440 * 2 ** ((note - 69) / 12);
}
