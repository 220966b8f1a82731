import { SemeqError } from "./errors.js";
import type { Band, Eq, Kind, Mix, Monitor } from "./types.js";

const KINDS: readonly Kind[] = ["low_shelf", "peak", "high_shelf"];
const MAX_BANDS = 64;
const RANGES = [
  ["freq_hz", 1e-6, 200_000],
  ["gain_db", -60, 60],
  ["q", 1e-6, 1_000],
] as const;

/** Numbers that an EQ takes in `Instance.numbers`. */
export const EQ_NUMBERS = 2 + 5 * MAX_BANDS;

/** Raise unless a number is one, within its range. */
export function checkNumber(what: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !(value >= least && value <= most)) {
    throw new SemeqError(`${what} is ${String(value)}, expected a number in ${least}..${most}`);
  }
  return value;
}

export function checkRate(sampleRateHz: number): number {
  return checkNumber("the sample rate in Hz", sampleRateHz, 8_000, 384_000);
}

export function checkChannels(channels: number, most: number): number {
  if (!Number.isInteger(channels) || channels < 1 || channels > most) throw new SemeqError(`${String(channels)} channels, expected 1..${most}`);
  return channels;
}

/** The words of a mix with their amounts. */
export function checkMix(mix: Mix): [string, number][] {
  if (typeof mix !== "object" || mix === null || Array.isArray(mix)) throw new SemeqError("a mix is { word: amount, ... }");
  return Object.entries(mix).map(([word, amount]) => [word, checkNumber(`the amount of ${shown(word)}`, amount, -1e6, 1e6)]);
}

/** A text for a message: in quotes, and no longer than one line holds. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

/** An EQ as semeq.wasm takes it (see semeq_wasm.cpp). Raises SemeqError where it is none. */
export function packEq(eq: Eq): Float64Array {
  if (typeof eq !== "object" || eq === null || !Array.isArray(eq.bands)) throw new SemeqError("an EQ is { bands: [...], preamp_db: 0 }");
  if (eq.bands.length > MAX_BANDS) throw new SemeqError(`an EQ of ${eq.bands.length} bands, expected at most ${MAX_BANDS}`);
  const packed = new Float64Array(2 + 5 * eq.bands.length);
  packed[0] = eq.bands.length;
  packed[1] = checkNumber("preamp_db", eq.preamp_db, -120, 120);
  eq.bands.forEach((band: Band, i) => {
    const kind = KINDS.indexOf(band?.kind);
    if (kind < 0) throw new SemeqError(`band ${i + 1}: kind is ${String(band?.kind)}, expected ${KINDS.join(", ")}`);
    const numbers = RANGES.map(([name, least, most]) => checkNumber(`band ${i + 1}: ${name}`, band[name], least, most));
    packed.set([kind, ...numbers, (band.enabled ?? true) ? 1 : 0], 2 + 5 * i);
  });
  return packed;
}

/** The EQ that semeq.wasm gave. */
export function unpackEq(packed: Float64Array): Eq {
  const bands = Array.from({ length: packed[0]! }, (_, i): Band => {
    const [kind, freq_hz, gain_db, q, enabled] = packed.subarray(2 + 5 * i, 7 + 5 * i) as unknown as [number, number, number, number, number];
    return { kind: KINDS[kind]!, freq_hz, gain_db, q, enabled: enabled !== 0 };
  });
  return { bands, preamp_db: packed[1]! };
}

/** How much of the processed signal, and of the dry one, is heard, as amplitudes. gain_db: of what is heard. */
export function monitorGains(what: Monitor, gain_db: number): readonly [number, number] {
  const gain = 10 ** (checkNumber("gain_db", gain_db, -120, 120) / 20);
  switch (what) {
    case "eq":
      return [gain, 0];
    case "dry":
      return [0, gain];
    case "delta":
      return [gain, -gain];
    default:
      throw new SemeqError(`the monitor is ${String(what)}, expected eq, dry or delta`);
  }
}
